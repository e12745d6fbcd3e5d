//! NoneType, NotImplementedType and ellipsis.

use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::native::def;
use crate::slots::Slots;
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::value::Value;

/// The payload nobody ever sees: singletons are immediates.
#[repr(C)]
pub struct Singleton {
    header: Header,
}

crate::payload!(Singleton => NONE_TYPE);

/// NoneType.
pub static NONE_TYPE: TypeDef = TypeDef {
    name: "NoneType",
    doc: "The type of the None singleton.",
    id: ids::NONE_TYPE,
    flags: flag::ATOMIC,
    slots: Slots {
        repr: Some(|t, _| strs::new(t, "None")),
        bool: Some(|_, _| Ok(false)),
        hash: Some(|_, _| Ok(0xfca8_6420)),
        new: Some(|t, _, args| {
            if !args.values.is_empty() {
                return Err(error::type_error(t, "NoneType takes no arguments"));
            }
            Ok(Value::NONE)
        }),
        ..Slots::NONE
    },
    ..TypeDef::of::<Singleton>()
};

/// NotImplementedType.
pub static NOT_IMPLEMENTED_TYPE: TypeDef = TypeDef {
    name: "NotImplementedType",
    doc: "The type of the NotImplemented singleton.",
    id: ids::NOT_IMPLEMENTED_TYPE,
    flags: flag::ATOMIC,
    slots: Slots {
        repr: Some(|t, _| strs::new(t, "NotImplemented")),
        bool: Some(|t, _| Err(error::type_error(t, "NotImplemented should not be used in a boolean context"))),
        new: Some(|t, _, args| {
            if !args.values.is_empty() {
                return Err(error::type_error(t, "NotImplementedType takes no arguments"));
            }
            Ok(Value::NOT_IMPLEMENTED)
        }),
        ..Slots::NONE
    },
    methods: &[def("__reduce__", "($self, /)", |t, _| strs::new(t, "NotImplemented"), "")],
    ..TypeDef::of::<Singleton>()
};

/// ellipsis.
pub static ELLIPSIS_TYPE: TypeDef = TypeDef {
    name: "ellipsis",
    doc: "The type of the Ellipsis singleton.",
    id: ids::ELLIPSIS_TYPE,
    flags: flag::ATOMIC,
    slots: Slots {
        repr: Some(|t, _| strs::new(t, "Ellipsis")),
        new: Some(|t, _, args| {
            if !args.values.is_empty() {
                return Err(error::type_error(t, "EllipsisType takes no arguments"));
            }
            Ok(Value::ELLIPSIS)
        }),
        ..Slots::NONE
    },
    methods: &[def("__reduce__", "($self, /)", reduce_ellipsis, "")],
    ..TypeDef::of::<Singleton>()
};

fn reduce_ellipsis(t: &Thread, _: &[Value]) -> Res {
    strs::new(t, "Ellipsis")
}
