//! set_iterator.

use super::Set;
use super::table::any;
use crate::error::{self, Exc, Res};
use crate::header::Header;
use crate::ids;
use crate::list::List;
use crate::native::def;
use crate::payload;
use crate::slots::Slots;
use crate::store::{self, Slot};
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::iters::{reduce, same};
use crate::value::Value;
use crate::{convert, ops};
use std::cell::Cell;

/// An iterator over a set or frozenset.
#[repr(C)]
pub struct SetIter {
    header: Header,
    set: Slot,
    place: Cell<usize>,
    /// The size the set must keep.
    expected: Cell<usize>,
    left: Cell<usize>,
}

crate::payload!(SetIter => SET_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.set.peek() });
    }
});

/// set_iterator.
pub static SET_ITER: TypeDef = TypeDef {
    name: "set_iterator",
    id: ids::SET_ITER,
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[
        def("__length_hint__", "($self, /)", hint, "Private method returning an estimate of len(list(it))."),
        def("__reduce__", "($self, /)", reduce_iter, "Return state information for pickling."),
    ],
    ..TypeDef::of::<SetIter>()
};

/// `iter(set)`.
pub fn new(t: &Thread, v: &Value) -> Res {
    let n = any(v).map_or(0, Set::len);
    payload::new(t, |header| SetIter {
        header,
        set: Slot::new(v.clone()),
        place: Cell::new(0),
        expected: Cell::new(n),
        left: Cell::new(n),
    })
}

fn next(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<SetIter>();
    // SAFETY: nothing is stored into the slot while the set is looked at.
    let set = unsafe { it.set.glance() };
    let Some(set) = any(&set) else { return Ok(Value::ABSENT) };
    if set.len() != it.expected.get() {
        it.expected.set(usize::MAX);
        return Err(changed(t));
    }
    let mut place = it.place.get();
    match set.next(&mut place) {
        Some((key, _)) => {
            it.place.set(place);
            it.left.set(it.left.get().saturating_sub(1));
            Ok(key)
        }
        None => {
            it.left.set(0);
            drop(it.set.take());
            Ok(Value::ABSENT)
        }
    }
}

/// Goes through the elements of a set, with their hashes. Where other threads may come between, by what is there when it
/// begins: a table that they replace has its entries elsewhere.
pub enum Walk<'a> {
    /// By place.
    InPlace(&'a Set, usize),
    /// By copies.
    Copied(std::vec::IntoIter<(Value, i64)>),
}

impl Iterator for Walk<'_> {
    type Item = (Value, i64);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::InPlace(set, place) => set.next(place),
            Self::Copied(elements) => elements.next(),
        }
    }
}

impl Set {
    /// All elements, one after another, for what is one step to other threads.
    #[inline]
    pub fn walk(&self, t: &Thread) -> Res<Walk<'_>> {
        if t.has_siblings() { self.walk_copied(t) } else { Ok(Walk::InPlace(self, 0)) }
    }

    #[cold]
    fn walk_copied(&self, t: &Thread) -> Res<Walk<'_>> {
        Ok(Walk::Copied(self.snapshot(t)?.into_iter()))
    }

    /// All elements and their hashes, as they are at one moment.
    pub(super) fn snapshot(&self, t: &Thread) -> Res<Vec<(Value, i64)>> {
        t.check_alloc(self.len() * size_of::<(Value, i64)>())?;
        let (mut out, mut place) = (Vec::with_capacity(self.len()), 0);
        let _held = store::hold_on(t, &self.header);
        while let Some(element) = self.next(&mut place) {
            out.push(element);
        }
        Ok(out)
    }

    /// Copies of all items, as they are at one moment.
    pub(crate) fn to_vec(&self) -> Vec<Value> {
        let (mut out, mut place) = (Vec::with_capacity(self.len()), 0);
        let _held = store::hold(&self.header);
        while let Some((key, _)) = self.next(&mut place) {
            out.push(key);
        }
        out
    }

    /// Calls `f` with every element, as an iterator would give them.
    pub(crate) fn for_each(&self, t: &Thread, mut f: impl FnMut(Value) -> Res<()>) -> Res<()> {
        let (expected, mut place) = (self.len(), 0);
        while let Some((key, _)) = self.next(&mut place) {
            f(key)?;
            if place % 256 == 0 {
                t.poll()?;
            }
            if self.len() != expected {
                return Err(changed(t));
            }
        }
        Ok(())
    }
}

fn changed(t: &Thread) -> Exc {
    error::runtime_error(t, "Set changed size during iteration")
}

fn hint(_: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<SetIter>();
    let fits = any(&it.set.get()).is_some_and(|s| s.len() == it.expected.get());
    Ok(convert::from_usize(if fits { it.left.get() } else { 0 }))
}

/// `(iter, (list of what is left,))`: a copy runs, this iterator stays.
fn reduce_iter(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<SetIter>();
    let copy = payload::new(t, |header| SetIter {
        header,
        set: Slot::new(it.set.get()),
        place: it.place.clone(),
        expected: it.expected.clone(),
        left: it.left.clone(),
    })?;
    let rest = ops::collect(t, &copy)?;
    reduce(t, "iter", List::from_vec(t, rest)?, None)
}
