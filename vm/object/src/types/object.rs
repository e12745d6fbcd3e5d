//! object.

use crate::attr;
use crate::header::Header;
use crate::ids;
use crate::ops::CompareOp;
use crate::slots::Slots;
use crate::strs;
use crate::ty::{TypeDef, flag, type_of};
use crate::value::Value;

/// A bare object: nothing but a header.
#[repr(C)]
pub struct Object {
    pub(crate) header: Header,
}

crate::payload!(Object => OBJECT);

/// object.
pub static OBJECT: TypeDef = TypeDef {
    name: "object",
    doc: "The base class of the class hierarchy.\n\nWhen called, it accepts no arguments and returns a new featureless\ninstance that has no instance attributes and cannot be given any.\n",
    id: ids::OBJECT,
    flags: flag::BASETYPE,
    slots: Slots {
        repr: Some(|t, v| {
            let ty = type_of(v);
            strs::new(t, &format!("<{} object at {:#x}>", ty.name(), v.id()))
        }),
        str: Some(|t, v| crate::ops::repr(t, v)),
        hash: Some(|_, v| Ok((v.bits() as i64).rotate_right(4))),
        getattr: Some(attr::generic_get),
        setattr: Some(attr::generic_set),
        compare: Some(|_, a, b, op| {
            Ok(match op {
                CompareOp::Eq if a.is(b) => Value::TRUE,
                _ => Value::NOT_IMPLEMENTED,
            })
        }),
        ..Slots::NONE
    },
    ..TypeDef::of::<Object>()
};
