//! list: methods and slots.

mod iter;

pub use iter::{LIST_ITER, LIST_REVERSE_ITER, ListIter, ListReverseIter};

use crate::ids;
use crate::list::List;
use crate::slots::Slots;
use crate::ty::{TypeDef, flag};

/// list.
pub static LIST: TypeDef = TypeDef {
    name: "list",
    doc: "",
    id: ids::LIST,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::LIST | flag::SEQUENCE,
    slots: Slots { iter: Some(iter::new), ..Slots::NONE },
    ..TypeDef::of::<List>()
};
