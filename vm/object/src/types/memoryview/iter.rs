//! memory_iterator.

use super::MemoryView;
use super::access::item_format;
use super::format::Native;
use crate::error::{self, Res};
use crate::header::Header;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::exceptions::NOT_IMPLEMENTED_ERROR;
use crate::value::Value;
use std::cell::Cell;

/// An iterator over a one-dimensional view.
#[repr(C)]
pub struct MemoryIter {
    header: Header,
    view: Slot,
    format: Native,
    index: Cell<usize>,
}

crate::payload!(MemoryIter => MEMORY_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.view.peek() });
    }
    fn clear(&self) {
        drop(self.view.take());
    }
});

/// memory_iterator.
pub static MEMORY_ITER: TypeDef = TypeDef {
    name: "memory_iterator",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next), ..Slots::NONE },
    ..TypeDef::of::<MemoryIter>()
};

pub(super) fn new(t: &Thread, v: &Value) -> Res {
    let m = v.expect::<MemoryView>();
    let (_export, view) = m.held(t)?;
    match view.ndim() {
        0 => return Err(error::type_error(t, "invalid indexing of 0-dim memory")),
        1 => {}
        _ => return Err(error::new(t, &NOT_IMPLEMENTED_ERROR, "multi-dimensional sub-views are not implemented")),
    }
    let format = item_format(t, view)?;
    payload::new(t, |header| MemoryIter { header, view: Slot::new(v.clone()), format, index: Cell::new(0) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<MemoryIter>();
    let owner = it.view.get();
    let Some(m) = owner.downcast::<MemoryView>() else { return Ok(Value::ABSENT) };
    let i = it.index.get();
    if i >= m.view.shape.first().copied().unwrap_or(0) {
        drop(it.view.take());
        return Ok(Value::ABSENT);
    }
    let (_export, view) = m.held(t)?;
    it.index.set(i + 1);
    // SAFETY: the index is below the length, the export is held, and unpacking runs no Python code.
    it.format.unpack(t, unsafe { view.item(i as isize * view.strides[0]) })
}
