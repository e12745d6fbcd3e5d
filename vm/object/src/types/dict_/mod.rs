//! dict: methods and slots.

use crate::dict::Dict;
use crate::ids;
use crate::slots::Slots;
use crate::ty::{TypeDef, flag};

/// dict.
pub static DICT: TypeDef = TypeDef {
    name: "dict",
    doc: "",
    id: ids::DICT,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::DICT | flag::MAPPING,
    slots: Slots { ..Slots::NONE },

    ..TypeDef::of::<Dict>()
};
