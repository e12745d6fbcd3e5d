//! tuple: methods and slots.

use crate::ids;
use crate::slots::Slots;
use crate::tuple::Tuple;
use crate::ty::{TypeDef, flag};
use crate::types::tuple_iter;

pub use crate::types::tuple_iter::TupleIter;

/// tuple.
pub static TUPLE: TypeDef = TypeDef {
    name: "tuple",
    doc: "",
    id: ids::TUPLE,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::TUPLE | flag::SEQUENCE,
    slots: Slots { iter: Some(tuple_iter::new), ..Slots::NONE },
    size_of: Some(Tuple::size_of),
    drop: Tuple::drop_items,
    ..TypeDef::of::<Tuple>()
};
