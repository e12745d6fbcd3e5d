//! iterator: the iterator over anything with `__getitem__`.

use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::exceptions::{INDEX_ERROR, STOP_ITERATION};
use crate::value::Value;
use std::cell::Cell;

/// An iterator by index.
#[repr(C)]
pub struct SeqIter {
    header: Header,
    seq: Slot,
    index: Cell<i64>,
}

crate::payload!(SeqIter => SEQ_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.seq.peek() });
    }
});

/// iterator.
pub static SEQ_ITER: TypeDef = TypeDef {
    name: "iterator",
    id: ids::SEQ_ITER,
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next), ..Slots::NONE },
    ..TypeDef::of::<SeqIter>()
};

/// An iterator over `seq[0]`, `seq[1]`, ...
pub fn new(t: &Thread, seq: &Value) -> Res {
    payload::new(t, |header| SeqIter { header, seq: Slot::new(seq.clone()), index: Cell::new(0) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<SeqIter>();
    let seq = it.seq.get();
    if seq.is_absent() {
        return Ok(Value::ABSENT);
    }
    let i = it.index.get();
    match ops::getitem(t, &seq, &Value::small(i)) {
        Ok(item) => {
            it.index.set(i + 1);
            Ok(item)
        }
        Err(e) if e.is(&INDEX_ERROR) || e.is(&STOP_ITERATION) => {
            drop(it.seq.take());
            Ok(Value::ABSENT)
        }
        Err(e) => Err(e),
    }
}
