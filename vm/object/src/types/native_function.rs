//! builtin_function_or_method.

use crate::args::Args;
use crate::error::Res;
use crate::ids;
use crate::names;
use crate::native::{NativeFunction, def, getter, member};
use crate::process;
use crate::slots::Slots;
use crate::strs;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::types::iters;
use crate::value::Value;

/// builtin_function_or_method.
pub static BUILTIN_FUNCTION: TypeDef = TypeDef {
    name: "builtin_function_or_method",
    id: ids::BUILTIN_FUNCTION,
    flags: flag::NO_NEW | flag::WEAKREFS,
    slots: Slots { repr: Some(repr), call: Some(call), ..Slots::NONE },
    getset: &[
        getter("__name__", |t, v| Ok(names::intern_text(t, v.expect::<NativeFunction>().def.name)), ""),
        getter("__qualname__", qualname, ""),
        getter("__doc__", doc, ""),
        getter("__text_signature__", text_signature, ""),
        getter("__self__", |_, v| Ok(v.expect::<NativeFunction>().bound.get().present().unwrap_or(Value::NONE)), ""),
    ],
    methods: &[def("__reduce__", "($self, /)", reduce, "")],
    members: &[member("__module__", std::mem::offset_of!(NativeFunction, module), "")],
    ..TypeDef::of::<NativeFunction>()
};

fn call(t: &Thread, f: &Value, args: Args<'_>) -> Res {
    f.expect::<NativeFunction>().call(t, args)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let f = v.expect::<NativeFunction>();
    let bound = f.bound.get();
    if !f.passes_bound || bound.is_absent() {
        return strs::new(t, &format!("<built-in function {}>", f.def.name));
    }
    let ty = type_of(&bound).name();
    strs::new(t, &format!("<built-in method {} of {ty} object at {:#x}>", f.def.name, bound.id()))
}

fn qualname(t: &Thread, v: &Value) -> Res {
    let f = v.expect::<NativeFunction>();
    let bound = f.bound.get();
    let name = f.def.name;
    if !f.passes_bound || bound.is_absent() {
        return strs::new(t, name);
    }
    let ty = match bound.downcast::<TypeObject>() {
        Some(class) => class.name(),
        None => type_of(&bound).name(),
    };
    strs::new(t, &format!("{ty}.{name}"))
}

/// A module's function by its name, a method as an attribute of what it is bound to.
fn reduce(t: &Thread, a: &[Value]) -> Res {
    let f = a[0].expect::<NativeFunction>();
    let name = names::intern_text(t, f.def.name);
    if !f.passes_bound {
        return Ok(name);
    }
    let args = tuple::from_array(t, [f.bound.get().present().unwrap_or(Value::NONE), name])?;
    tuple::from_array(t, [iters::builtin(t, "getattr")?, args])
}

fn doc(t: &Thread, v: &Value) -> Res {
    match v.expect::<NativeFunction>().def.doc {
        "" => Ok(Value::NONE),
        doc => strs::new(t, doc),
    }
}

fn text_signature(t: &Thread, v: &Value) -> Res {
    match v.expect::<NativeFunction>().def.signature {
        "" => Ok(Value::NONE),
        s => strs::new(t, s),
    }
}

/// Makes every function of a table an attribute of a module's dict. Called inside `process::build` for shared ones.
pub fn add_functions(
    t: &Thread,
    dict: &crate::dict::Dict,
    module: &Value,
    name: &Value,
    defs: &'static [crate::native::MethodDef],
) -> Res<()> {
    for def in defs {
        let f = crate::native::new_function(t, def, module.clone(), name.clone())?;
        dict.set_str(t, &process::with_interned(def.name), f)?;
    }
    Ok(())
}
