//! types.GenericAlias.

use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeDef, flag};
use crate::value::Value;

/// `origin[args]`.
#[repr(C)]
pub struct GenericAlias {
    pub(crate) header: Header,
    pub(crate) origin: Slot,
    pub(crate) args: Slot,
}

crate::payload!(GenericAlias => GENERIC_ALIAS {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.origin.peek());
            visit(self.args.peek());
        }
    }
});

/// types.GenericAlias.
pub static GENERIC_ALIAS: TypeDef = TypeDef {
    name: "types.GenericAlias",
    doc: "Represent a PEP 585 generic type\n\nE.g. for t = list[int], t.__origin__ is list and t.__args__ is (int,).",
    id: ids::GENERIC_ALIAS,
    flags: flag::BASETYPE,
    slots: Slots { ..Slots::NONE },
    ..TypeDef::of::<GenericAlias>()
};

/// `origin[item]`.
pub fn new(t: &Thread, origin: &Value, item: &Value) -> Res {
    let args = if item.exact::<Tuple>().is_some() { item.clone() } else { tuple::new(t, std::slice::from_ref(item))? };
    payload::new(t, |header| GenericAlias { header, origin: Slot::new(origin.clone()), args: Slot::new(args) })
}
