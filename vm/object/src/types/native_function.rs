//! builtin_function_or_method.

use crate::args::Args;
use crate::attr;
use crate::dict::Dict;
use crate::error::Res;
use crate::ids;
use crate::names;
use crate::native::{MethodKind, NativeFunction, def, getter, member};
use crate::ops::CompareOp;
use crate::process;
use crate::slots::Slots;
use crate::strs;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::value::Value;

/// builtin_function_or_method.
pub static BUILTIN_FUNCTION: TypeDef = TypeDef {
    name: "builtin_function_or_method",
    id: ids::BUILTIN_FUNCTION,
    flags: flag::NO_NEW | flag::WEAKREFS,
    slots: Slots { repr: Some(repr), call: Some(call), compare: Some(compare), hash: Some(hash), ..Slots::NONE },
    methods: &[def("__reduce__", "($self, /)", reduce, "")],
    getset: &[
        getter("__name__", |t, v| Ok(names::intern_text(t, v.expect::<NativeFunction>().def.name)), ""),
        getter("__qualname__", qualname, ""),
        getter("__doc__", doc, ""),
        getter("__text_signature__", text_signature, ""),
        getter("__self__", this, ""),
    ],
    members: &[member("__module__", std::mem::offset_of!(NativeFunction, module), "")],
    ..TypeDef::of::<NativeFunction>()
};

fn call(t: &Thread, f: &Value, args: Args<'_>) -> Res {
    f.expect::<NativeFunction>().call(t, args)
}

/// What `f` is a method of: the object it is bound to, or for a static method its type. A module's function is none.
fn method_of(f: &NativeFunction) -> Option<Value> {
    let bound = f.bound.get().present()?;
    (f.passes_bound || bound.downcast::<TypeObject>().is_some()).then_some(bound)
}

/// A function of a module that all isolates share knows the module by its name only.
fn this(t: &Thread, v: &Value) -> Res {
    let f = v.expect::<NativeFunction>();
    if f.def.kind == MethodKind::Static {
        return Ok(Value::NONE);
    }
    if let Some(bound) = f.bound.get().present() {
        return Ok(bound);
    }
    let (modules, name) = (t.modules().get(), f.module.get());
    let found = match modules.exact::<Dict>() {
        Some(modules) if name.downcast::<strs::Str>().is_some() => modules.get(t, &name)?,
        _ => None,
    };
    Ok(found.unwrap_or(Value::NONE))
}

fn repr(t: &Thread, v: &Value) -> Res {
    let f = v.expect::<NativeFunction>();
    let Some(bound) = method_of(f) else { return strs::new(t, &format!("<built-in function {}>", f.def.name)) };
    let ty = type_of(&bound).name();
    strs::new(t, &format!("<built-in method {} of {ty} object at {:#x}>", f.def.name, bound.id()))
}

fn qualname(t: &Thread, v: &Value) -> Res {
    let f = v.expect::<NativeFunction>();
    let name = f.def.name;
    let Some(bound) = method_of(f) else { return strs::new(t, name) };
    let ty = bound.downcast::<TypeObject>().unwrap_or_else(|| type_of(&bound));
    strs::new(t, &format!("{}.{name}", strs::display(&ty.qualname.get())))
}

/// A module's function is pickled by name, a method as `getattr(object, name)`.
fn reduce(t: &Thread, a: &[Value]) -> Res {
    let f = a[0].expect::<NativeFunction>();
    let name = names::intern_text(t, f.def.name);
    let Some(bound) = method_of(f) else { return Ok(name) };
    let builtins = (t.hooks.import)(t, "builtins")?;
    let getattr = attr::get_text(t, &builtins, "getattr")?;
    let args = tuple::from_array(t, [bound, name])?;
    tuple::from_array(t, [getattr, args])
}

fn compare(_: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<NativeFunction>(), b.downcast::<NativeFunction>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    let same = std::ptr::eq(x.def, y.def) && x.bound.bits() == y.bound.bits();
    Ok(match op {
        CompareOp::Eq => Value::bool(same),
        CompareOp::Ne => Value::bool(!same),
        _ => Value::NOT_IMPLEMENTED,
    })
}

fn hash(_: &Thread, v: &Value) -> Res<i64> {
    let f = v.expect::<NativeFunction>();
    let def = std::ptr::from_ref(f.def) as u64;
    Ok((def.rotate_right(4) ^ f.bound.bits().rotate_right(8)) as i64 & (i64::MAX - 1))
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
    dict: &Dict,
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
