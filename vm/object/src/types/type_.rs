//! type.

use crate::ids;
use crate::slots::Slots;
use crate::ty::{TypeDef, TypeObject, flag};

/// type.
pub static TYPE: TypeDef = TypeDef {
    name: "type",
    doc: "type(object) -> the object's type\ntype(name, bases, dict, **kwds) -> a new type",
    id: ids::TYPE,
    flags: flag::BASETYPE | flag::TYPE,
    slots: Slots { ..Slots::NONE },
    ..TypeDef::of::<TypeObject>()
};
