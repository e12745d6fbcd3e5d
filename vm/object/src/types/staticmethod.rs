//! staticmethod, and what it has in common with classmethod.

use crate::args::Args;
use crate::attr;
use crate::call;
use crate::dict::Dict;
use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::names::n;
use crate::native::{def, getset, getter, member};
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::exceptions::ATTRIBUTE_ERROR;
use crate::types::generic_alias;
use crate::value::Value;

/// A callable that does not bind.
#[repr(C)]
pub struct StaticMethod {
    pub(crate) header: Header,
    /// What it wraps.
    pub callable: Slot,
    pub(crate) dict: Slot,
}

crate::payload!(StaticMethod => STATICMETHOD {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.callable.peek());
            visit(self.dict.peek());
        }
    }
    fn clear(&self) {
        drop(self.callable.take());
        drop(self.dict.take());
    }
});

/// staticmethod.
pub static STATICMETHOD: TypeDef = TypeDef {
    name: "staticmethod",
    doc: "Convert a function to be a static method.\n\nA static method does not receive an implicit first argument.\nTo declare a static method, use this idiom:\n\n     class C:\n         @staticmethod\n         def f(arg1, arg2, argN):\n             ...\n\nIt can be called either on the class (e.g. C.f()) or on an instance\n(e.g. C().f()). Both the class and the instance are ignored, and\nneither is passed implicitly as the first argument to the method.\n\nStatic methods in Python are similar to those found in Java or C++.\nFor a more advanced concept, see the classmethod builtin.",
    signature: "(function, /)",
    id: ids::STATICMETHOD,
    flags: flag::BASETYPE,
    dict_offset: std::mem::offset_of!(StaticMethod, dict),
    slots: Slots {
        new: Some(|t, class, _| {
            payload::new_for(t, class, |header| StaticMethod {
                header,
                callable: Slot::new(Value::NONE),
                dict: Slot::empty(),
            })
        }),
        init: Some(|t, v, args| {
            let a = args.expect_positional(t, "staticmethod", 1, 1)?;
            v.expect::<StaticMethod>().callable.set(&v.expect::<StaticMethod>().header, a[0].clone());
            copy_attributes(t, v, &a[0])
        }),
        get: Some(|_, v, _, _| Ok(callable(v))),
        call: Some(call_static),
        repr: Some(|t, v| strs::new(t, &format!("<staticmethod({})>", ops::repr_text(t, &callable(v))?))),
        ..Slots::NONE
    },
    methods: &[def(
        "__class_getitem__",
        "($type, object, /)",
        |t, a| generic_alias::new(t, &a[0], &a[1]),
        "See PEP 585",
    )
    .class()],
    members: &[
        member("__func__", std::mem::offset_of!(StaticMethod, callable), ""),
        member("__wrapped__", std::mem::offset_of!(StaticMethod, callable), ""),
    ],
    getset: &[
        getter("__isabstractmethod__", |t, v| is_abstract(t, &callable(v)).map(Value::bool), ""),
        getset("__dict__", crate::types::type_::instance_dict, crate::types::type_::set_instance_dict, ""),
        getset(
            "__annotations__",
            |t, v| lazy_get(t, v, &callable(v), n::__annotations__()),
            |t, v, value| lazy_set(t, v, n::__annotations__(), value),
            "",
        ),
        getset(
            "__annotate__",
            |t, v| lazy_get(t, v, &callable(v), n::__annotate__()),
            |t, v, value| lazy_set(t, v, n::__annotate__(), value),
            "",
        ),
    ],
    ..TypeDef::of::<StaticMethod>()
};

/// What a staticmethod wraps.
#[inline]
pub(crate) fn callable(v: &Value) -> Value {
    v.expect::<StaticMethod>().callable.get()
}

fn call_static(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    call::call_args(t, &callable(v), args)
}

/// A staticmethod of `callable`.
pub fn wrap(t: &Thread, callable: &Value) -> Res {
    payload::new(t, |header| StaticMethod { header, callable: Slot::new(callable.clone()), dict: Slot::empty() })
}

/// Copies name, module and doc of a wrapped function to the wrapper's dict.
pub(super) fn copy_attributes(t: &Thread, to: &Value, from: &Value) -> Res<()> {
    for name in [n::__module__(), n::__name__(), n::__qualname__(), n::__doc__()] {
        if let Some(v) = attr::get_opt(t, from, name)? {
            attr::set(t, to, name, Some(&v))?;
        }
    }
    Ok(())
}

/// `bool(f.__isabstractmethod__)`, false without such an attribute.
pub(super) fn is_abstract(t: &Thread, f: &Value) -> Res<bool> {
    match attr::get_opt(t, f, n::__isabstractmethod__())? {
        Some(v) => ops::truth(t, &v),
        None => Ok(false),
    }
}

/// An attribute of the wrapped function, read when asked for the first time and then kept.
pub(super) fn lazy_get(t: &Thread, v: &Value, callable: &Value, name: &Value) -> Res {
    let dict = crate::types::type_::instance_dict(t, v)?;
    if let Some(found) = Dict::of(&dict).get_str(name) {
        return Ok(found);
    }
    let found = attr::get(t, callable, name)?;
    Dict::of(&dict).set_str(t, name, found.clone())?;
    Ok(found)
}

/// Overrides what `lazy_get` reads.
pub(super) fn lazy_set(t: &Thread, v: &Value, name: &Value, value: Option<&Value>) -> Res<()> {
    let dict = crate::types::type_::instance_dict(t, v)?;
    match value {
        Some(value) => Dict::of(&dict).set_str(t, name, value.clone()),
        None => match Dict::of(&dict).remove(t, name)? {
            Some(_) => Ok(()),
            None => Err(crate::error::with_args(t, ATTRIBUTE_ERROR.ty(), std::slice::from_ref(name))),
        },
    }
}
