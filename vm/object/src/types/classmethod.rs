//! classmethod.

use super::staticmethod::{copy_attributes, is_abstract, lazy_get, lazy_set};
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
use crate::ty::{TypeDef, flag, type_of};
use crate::types::{generic_alias, method};
use crate::value::Value;

/// A callable that binds to the class.
#[repr(C)]
pub struct ClassMethod {
    pub(crate) header: Header,
    /// What it wraps.
    pub callable: Slot,
    pub(crate) dict: Slot,
}

crate::payload!(ClassMethod => CLASSMETHOD {
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

/// classmethod.
pub static CLASSMETHOD: TypeDef = TypeDef {
    name: "classmethod",
    doc: "Convert a function to be a class method.\n\nA class method receives the class as implicit first argument,\njust like an instance method receives the instance.\nTo declare a class method, use this idiom:\n\n  class C:\n      @classmethod\n      def f(cls, arg1, arg2, argN):\n          ...\n\nIt can be called either on the class (e.g. C.f()) or on an instance\n(e.g. C().f()).  The instance is ignored except for its class.\nIf a class method is called for a derived class, the derived class\nobject is passed as the implied first argument.\n\nClass methods are different than C++ or Java static methods.\nIf you want those, see the staticmethod builtin.",
    signature: "(function, /)",
    id: ids::CLASSMETHOD,
    flags: flag::BASETYPE,
    dict_offset: std::mem::offset_of!(ClassMethod, dict),
    slots: Slots {
        new: Some(|t, class, _| {
            payload::new_for(t, class, |header| ClassMethod {
                header,
                callable: Slot::new(Value::NONE),
                dict: Slot::empty(),
            })
        }),
        init: Some(|t, v, args| {
            let a = args.expect_positional(t, "classmethod", 1, 1)?;
            v.expect::<ClassMethod>().callable.set(&v.expect::<ClassMethod>().header, a[0].clone());
            copy_attributes(t, v, &a[0])
        }),
        get: Some(get),
        repr: Some(|t, v| strs::new(t, &format!("<classmethod({})>", ops::repr_text(t, &callable(v))?))),
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
        member("__func__", std::mem::offset_of!(ClassMethod, callable), ""),
        member("__wrapped__", std::mem::offset_of!(ClassMethod, callable), ""),
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
    ..TypeDef::of::<ClassMethod>()
};

/// What a classmethod wraps.
#[inline]
pub(crate) fn callable(v: &Value) -> Value {
    v.expect::<ClassMethod>().callable.get()
}

/// The callable bound to the class.
fn get(t: &Thread, v: &Value, obj: Option<&Value>, class: Option<&Value>) -> Res {
    let class = match (class, obj) {
        (Some(c), _) => c.clone(),
        (None, Some(o)) => type_of(o).value(),
        (None, None) => Value::NONE,
    };
    method::new(t, &callable(v), &class)
}

/// A classmethod of `callable`.
pub fn wrap(t: &Thread, callable: &Value) -> Res {
    payload::new(t, |header| ClassMethod { header, callable: Slot::new(callable.clone()), dict: Slot::empty() })
}
