//! list_iterator and list_reverseiterator.

use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::list::List;
use crate::native::def;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::iters::{builtin, reduce, same};
use crate::value::Value;
use crate::{convert, tuple};
use std::cell::Cell;

/// An iterator over a list; the list is let go at the end.
#[repr(C)]
pub struct ListIter {
    pub(crate) header: Header,
    /// The list, absent once the iterator has run out.
    pub list: Slot,
    /// The next position.
    pub index: Cell<usize>,
}

crate::payload!(ListIter => LIST_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.list.peek() });
    }
});

/// An iterator over a list from its end; `left` items remain.
#[repr(C)]
pub struct ListReverseIter {
    header: Header,
    list: Slot,
    left: Cell<usize>,
}

crate::payload!(ListReverseIter => LIST_REVERSE_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.list.peek() });
    }
});

const HINT: &str = "Private method returning an estimate of len(list(it)).";
const REDUCE: &str = "Return state information for pickling.";
const SETSTATE: &str = "Set state information for unpickling.";

/// list_iterator.
pub static LIST_ITER: TypeDef = TypeDef {
    name: "list_iterator",
    id: ids::LIST_ITER,
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[
        def("__length_hint__", "($self, /)", hint, HINT),
        def("__reduce__", "($self, /)", reduce_forward, REDUCE),
        def("__setstate__", "($self, object, /)", setstate, SETSTATE),
    ],
    ..TypeDef::of::<ListIter>()
};

/// list_reverseiterator.
pub static LIST_REVERSE_ITER: TypeDef = TypeDef {
    name: "list_reverseiterator",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(same), next: Some(next_back), ..Slots::NONE },
    methods: &[
        def("__length_hint__", "($self, /)", hint_back, HINT),
        def("__reduce__", "($self, /)", reduce_back, REDUCE),
        def("__setstate__", "($self, object, /)", setstate_back, SETSTATE),
    ],
    ..TypeDef::of::<ListReverseIter>()
};

/// `iter(list)`.
#[inline]
pub fn new(t: &Thread, list: &Value) -> Res {
    payload::new(t, |header| ListIter { header, list: Slot::new(list.clone()), index: Cell::new(0) })
}

/// `reversed(list)`.
pub fn new_reverse(t: &Thread, list: &Value) -> Res {
    let left = list.expect::<List>().len();
    payload::new(t, |header| ListReverseIter { header, list: Slot::new(list.clone()), left: Cell::new(left) })
}

fn next(_: &Thread, v: &Value) -> Res {
    Ok(v.expect::<ListIter>().step())
}

impl ListIter {
    /// The next item, absent at the end.
    #[inline]
    pub fn step(&self) -> Value {
        // SAFETY: nothing is stored into the slot while the list is looked at.
        let list = unsafe { self.list.glance() };
        let Some(list) = list.downcast::<List>() else { return Value::ABSENT };
        let i = self.index.get();
        match list.get(i) {
            Some(item) => {
                self.index.set(i + 1);
                item
            }
            None => {
                drop(self.list.take());
                Value::ABSENT
            }
        }
    }
}

impl ListIter {
    /// Takes the next item if it is a small int and `f` makes something of it.
    #[inline]
    pub fn step_small<R>(&self, f: impl FnOnce(i64) -> Option<R>) -> Option<R> {
        let i = self.index.get();
        // SAFETY: nothing is stored into the slot while the list is looked at.
        let item = unsafe { self.list.peek() }.downcast::<List>()?.get(i)?;
        let made = f(item.as_small()?)?;
        self.index.set(i + 1);
        Some(made)
    }
}

fn next_back(_: &Thread, v: &Value) -> Res {
    let it = v.expect::<ListReverseIter>();
    let list = it.list.get();
    let item = match (list.downcast::<List>(), it.left.get().checked_sub(1)) {
        (Some(list), Some(i)) => list.get(i).map(|item| (i, item)),
        _ => None,
    };
    match item {
        Some((i, item)) => {
            it.left.set(i);
            Ok(item)
        }
        None => {
            drop(it.list.take());
            Ok(Value::ABSENT)
        }
    }
}

fn hint(_: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<ListIter>();
    let n = it.list.get().downcast::<List>().map_or(0, |l| l.len().saturating_sub(it.index.get()));
    Ok(convert::from_usize(n))
}

fn hint_back(_: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<ListReverseIter>();
    let n = it.list.get().downcast::<List>().map_or(0, |l| if l.len() < it.left.get() { 0 } else { it.left.get() });
    Ok(convert::from_usize(n))
}

fn reduce_forward(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<ListIter>();
    let list = it.list.get();
    if list.is_absent() {
        return reduce(t, "iter", List::create(t)?, None);
    }
    reduce(t, "iter", list, Some(it.index.get() as i64))
}

fn reduce_back(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<ListReverseIter>();
    let list = it.list.get();
    if list.is_absent() {
        // As CPython: an iterator that has run out is one over an empty list.
        return tuple::from_array(t, [builtin(t, "iter")?, tuple::from_array(t, [List::create(t)?])?]);
    }
    reduce(t, "reversed", list, Some(it.left.get() as i64 - 1))
}

fn setstate(t: &Thread, a: &[Value]) -> Res {
    let i = convert::to_isize(t, &a[1])?;
    let it = a[0].expect::<ListIter>();
    if i < 0 {
        // As CPython: a negative position is the end.
        drop(it.list.take());
    } else if let Some(list) = it.list.get().downcast::<List>() {
        it.index.set((i as usize).min(list.len()));
    }
    Ok(Value::NONE)
}

fn setstate_back(t: &Thread, a: &[Value]) -> Res {
    let i = convert::to_isize(t, &a[1])?;
    let it = a[0].expect::<ListReverseIter>();
    if let Some(list) = it.list.get().downcast::<List>() {
        it.left.set((i.saturating_add(1).max(0) as usize).min(list.len()));
    }
    Ok(Value::NONE)
}
