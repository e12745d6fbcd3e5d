//! The iterator over a mapping.

use super::open;
use std::cell::Cell;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::payload;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::{Thread, Value};

/// As a sequence a mapping consists of `bytes` of one byte each, while an index gives an int.
#[repr(C)]
struct MmapIter {
    header: Header,
    /// Absent when it is over.
    mapping: Slot,
    index: Cell<usize>,
}

typhon_object::payload!(MmapIter => MMAP_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.mapping.peek() });
    }
    fn clear(&self) { drop(self.mapping.take()); }
});

pub(super) static MMAP_ITER: TypeDef = TypeDef {
    name: "iterator",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next), ..Slots::NONE },
    ..TypeDef::of::<MmapIter>()
};

pub(super) fn iterate(t: &Thread, v: &Value) -> Res {
    payload::new(t, |header| MmapIter { header, mapping: Slot::new(v.clone()), index: Cell::new(0) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<MmapIter>();
    let mapping = it.mapping.get();
    if mapping.is_absent() {
        return Ok(Value::ABSENT);
    }
    let at = it.index.get();
    match open(t, &mapping)?.slice().get(at) {
        Some(byte) => {
            it.index.set(at + 1);
            bytes::new(t, &[*byte])
        }
        None => {
            drop(it.mapping.take());
            Ok(Value::ABSENT)
        }
    }
}
