//! tuple_iterator.

use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::native::def;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::{TypeDef, flag};
use crate::types::iters::{reduce, same};
use crate::value::Value;
use crate::{convert, process};
use std::cell::Cell;

/// An iterator over a tuple; the tuple is let go at the end.
#[repr(C)]
pub struct TupleIter {
    pub(crate) header: Header,
    /// The tuple, absent once the iterator has run out.
    pub tuple: Slot,
    /// The next position.
    pub index: Cell<usize>,
}

crate::payload!(TupleIter => TUPLE_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.tuple.peek() });
    }
});

/// tuple_iterator.
pub static TUPLE_ITER: TypeDef = TypeDef {
    name: "tuple_iterator",
    id: ids::TUPLE_ITER,
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[
        def("__length_hint__", "($self, /)", hint, "Private method returning an estimate of len(list(it))."),
        def("__reduce__", "($self, /)", reduce_iter, "Return state information for pickling."),
        def("__setstate__", "($self, object, /)", setstate, "Set state information for unpickling."),
    ],
    ..TypeDef::of::<TupleIter>()
};

/// `iter(tuple)`.
#[inline]
pub fn new(t: &Thread, tuple: &Value) -> Res {
    payload::new(t, |header| TupleIter { header, tuple: Slot::new(tuple.clone()), index: Cell::new(0) })
}

fn next(_: &Thread, v: &Value) -> Res {
    Ok(v.expect::<TupleIter>().step())
}

impl TupleIter {
    /// The next item, absent at the end.
    #[inline]
    pub fn step(&self) -> Value {
        // SAFETY: nothing is stored into the slot while the tuple is looked at.
        let tuple = unsafe { self.tuple.glance() };
        let Some(tuple) = tuple.downcast::<Tuple>() else { return Value::ABSENT };
        let i = self.index.get();
        match tuple.items().get(i) {
            Some(item) => {
                self.index.set(i + 1);
                item.clone()
            }
            None => {
                drop(self.tuple.take());
                Value::ABSENT
            }
        }
    }
}

fn hint(_: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<TupleIter>();
    let n = it.tuple.get().downcast::<Tuple>().map_or(0, |s| s.len().saturating_sub(it.index.get()));
    Ok(convert::from_usize(n))
}

fn reduce_iter(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<TupleIter>();
    let tuple = it.tuple.get();
    if tuple.is_absent() {
        return reduce(t, "iter", process::empty_tuple().clone(), None);
    }
    reduce(t, "iter", tuple, Some(it.index.get() as i64))
}

fn setstate(t: &Thread, a: &[Value]) -> Res {
    let i = convert::to_isize(t, &a[1])?;
    let it = a[0].expect::<TupleIter>();
    if let Some(tuple) = it.tuple.get().downcast::<Tuple>() {
        it.index.set((i.max(0) as usize).min(tuple.len()));
    }
    Ok(Value::NONE)
}
