//! bool.

use crate::header::Header;
use crate::ids;
use crate::slots::Slots;
use crate::strs;
use crate::ty::{TypeDef, flag};
use crate::types::int::INT;

/// The payload nobody ever sees: True and False are immediates.
#[repr(C)]
pub struct Bool {
    header: Header,
}

crate::payload!(Bool => BOOL);

/// bool.
pub static BOOL: TypeDef = TypeDef {
    name: "bool",
    doc: "",
    base: Some(&INT),
    id: ids::BOOL,
    flags: flag::MATCH_SELF | flag::ATOMIC,
    size: INT.size,
    slots: Slots { repr: Some(|t, v| strs::new(t, if v.is_true() { "True" } else { "False" })), ..Slots::NONE },
    ..TypeDef::of::<Bool>()
};
