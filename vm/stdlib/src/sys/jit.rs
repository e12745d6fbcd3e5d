//! sys._jit: what the interpreter says of its JIT, which it does not have yet.

use crate::{registry, text};
use typhon_object::error::Res;
use typhon_object::native::{ModuleDef, def};
use typhon_object::types::module;
use typhon_object::{Thread, Value, strs};

/// sys._jit; it is an attribute of sys and cannot be imported under its own name.
static MODULE: ModuleDef = ModuleDef {
    name: "sys._jit",
    doc: "",
    functions: &[
        def(
            "is_available",
            "($module, /)",
            |_, _| Ok(Value::FALSE),
            "Return True if the current Python executable supports JIT compilation,\nand False otherwise.",
        ),
        def(
            "is_enabled",
            "($module, /)",
            |_, _| Ok(Value::FALSE),
            "Return True if JIT compilation is enabled for the current Python process,\nand False otherwise.",
        ),
        def(
            "is_active",
            "($module, /)",
            |_, _| Ok(Value::FALSE),
            "Return True if the topmost Python frame is currently executing JIT code,\nand False otherwise.",
        ),
    ],
    types: &[],
    init: None,
};

/// The isolate's `sys._jit`.
pub(super) fn make(t: &Thread) -> Res {
    let m = registry::instantiate(t, &MODULE)?;
    let dict = module::dict_of(t, &m);
    text::put(t, &dict, "__name__", strs::new(t, "_jit")?)?;
    Ok(m)
}
