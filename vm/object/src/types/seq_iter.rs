//! iterator: the iterator over anything with `__getitem__`.

use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::native::def;
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag, type_of};
use crate::types::exceptions::{INDEX_ERROR, STOP_ITERATION};
use crate::types::iters::{reduce, same};
use crate::value::Value;
use crate::{convert, error, process};
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
    slots: Slots { iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[
        def("__length_hint__", "($self, /)", hint, "Private method returning an estimate of len(list(it))."),
        def("__reduce__", "($self, /)", reduce_iter, "Return state information for pickling."),
        def("__setstate__", "($self, object, /)", setstate, "Set state information for unpickling."),
    ],
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
    if i == crate::value::INT_MAX {
        return Err(error::overflow_error(t, "iter index too large"));
    }
    // What ends a native sequence is known without the exception that says so.
    let ty = type_of(&seq);
    if let Some(len) = ty.slots().len.filter(|_| !ty.is_heap_type())
        && len(t, &seq)? as i64 <= i
    {
        drop(it.seq.take());
        return Ok(Value::ABSENT);
    }
    match ops::getitem(t, &seq, &convert::from_i64(t, i)?) {
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

fn hint(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<SeqIter>();
    let seq = it.seq.get();
    if seq.is_absent() {
        return Ok(Value::small(0));
    }
    if type_of(&seq).slots().len.is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let len = ops::len(t, &seq)? as i64;
    convert::from_i64(t, len.saturating_sub(it.index.get()).max(0))
}

fn reduce_iter(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<SeqIter>();
    let seq = it.seq.get();
    if seq.is_absent() {
        return reduce(t, "iter", process::empty_tuple().clone(), None);
    }
    reduce(t, "iter", seq, Some(it.index.get()))
}

fn setstate(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<SeqIter>();
    let i = convert::to_isize(t, &a[1])? as i64;
    if !it.seq.is_absent() {
        it.index.set(i.clamp(0, crate::value::INT_MAX));
    }
    Ok(Value::NONE)
}
