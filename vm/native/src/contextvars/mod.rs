//! _contextvars: variables whose value depends on the running context (PEP 567).

mod context;
mod token;
mod var;

use typhon_object::native::{ModuleDef, def};

/// _contextvars.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_contextvars",
    doc: "Context Variables",
    functions: &[def(
        "copy_context",
        "($module, /)",
        |t, _| context::copy_of(t, &context::current(t)?),
        "Return a shallow copy of the current context.",
    )],
    types: &[
        ("Context", &context::CONTEXT),
        ("ContextVar", &var::CONTEXT_VAR),
        // Before Token, one of whose attributes is its value.
        ("", &token::MISSING_TYPE),
        ("Token", &token::TOKEN),
    ],
    init: None,
};
