//! str: methods and slots.

use crate::ids;
use crate::slots::Slots;
use crate::strs::Str;
use crate::ty::{TypeDef, flag};

/// str.
pub static STR: TypeDef = TypeDef {
    name: "str",
    doc: "",
    id: ids::STR,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::ATOMIC | flag::STR,
    slots: Slots { ..Slots::NONE },
    size_of: Some(Str::size_of),
    ..TypeDef::of::<Str>()
};
