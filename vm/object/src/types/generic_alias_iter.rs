//! generic_alias_iterator: gives `*list[int]` once, for `[*list[int]]`.

use crate::error::Res;
use crate::header::Header;
use crate::native::def;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::generic_alias;
use crate::types::iters::{builtin, same};
use crate::value::Value;
use crate::{process, tuple};

/// An iterator over an alias.
#[repr(C)]
pub struct GenericAliasIter {
    header: Header,
    /// The alias, absent once it has been given.
    alias: Slot,
}

crate::payload!(GenericAliasIter => GENERIC_ALIAS_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.alias.peek() });
    }
});

/// generic_alias_iterator.
pub static GENERIC_ALIAS_ITER: TypeDef = TypeDef {
    name: "generic_alias_iterator",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[def("__reduce__", "($self, /)", reduce, "")],
    ..TypeDef::of::<GenericAliasIter>()
};

/// `iter(alias)`.
pub(super) fn new(t: &Thread, alias: &Value) -> Res {
    payload::new(t, |header| GenericAliasIter { header, alias: Slot::new(alias.clone()) })
}

fn next(t: &Thread, v: &Value) -> Res {
    match v.expect::<GenericAliasIter>().alias.take().present() {
        Some(alias) => generic_alias::starred(t, &alias),
        None => Ok(Value::ABSENT),
    }
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let left = a[0].expect::<GenericAliasIter>().alias.get().present();
    let left = left.unwrap_or_else(|| process::empty_tuple().clone());
    tuple::from_array(t, [builtin(t, "iter")?, tuple::from_array(t, [left])?])
}
