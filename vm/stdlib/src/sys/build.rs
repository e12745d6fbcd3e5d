//! `_sysconfig`: what a program asks about the build, beside the variables of the library's `_sysconfigdata`.

use typhon_object::dict::Dict;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::{Res, Thread, Value};

/// `_sysconfig`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_sysconfig",
    doc: "A helper for the sysconfig module.",
    functions: &[def(
        "config_vars",
        "($module, /)",
        config_vars,
        "Returns a dictionary containing build variables intended to be exposed by sysconfig.",
    )],
    types: &[],
    init: None,
};

fn config_vars(t: &Thread, _: &[Value]) -> Res {
    let d = Dict::create(t);
    for (name, value) in [("Py_GIL_DISABLED", 1), ("Py_DEBUG", 0)] {
        Dict::of(&d).set_str(t, &names::intern_static(name), Value::small(value))?;
    }
    Ok(d)
}
