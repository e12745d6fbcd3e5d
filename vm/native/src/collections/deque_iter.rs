//! Iterators over a deque.

use super::deque_table::{iterator_arguments, this};
use std::cell::Cell;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def};
use typhon_object::payload::Payload;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::TypeDef;
use typhon_object::{Thread, Value, convert, payload, tuple, type_of};

/// An iterator; `BACK` walks from the right.
#[repr(C)]
pub(super) struct DequeIter<const BACK: bool> {
    header: Header,
    deque: Slot,
    at: Cell<usize>,
    left: Cell<usize>,
    changes: u64,
}

typhon_object::payload!(DequeIter<false> => FORWARD {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.deque.get());
    }
});
typhon_object::payload!(DequeIter<true> => BACKWARD {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.deque.get());
    }
});

const fn methods<const BACK: bool>() -> &'static [MethodDef]
where
    DequeIter<BACK>: Payload,
{
    const {
        &[
            def(
                "__length_hint__",
                "($self, /)",
                |_, a| Ok(convert::from_usize(a[0].expect::<DequeIter<BACK>>().left.get())),
                "Private method returning an estimate of len(list(it)).",
            ),
            def("__reduce__", "($self, /)", reduce::<BACK>, "Return state information for pickling."),
        ]
    }
}

/// _collections._deque_iterator.
pub(super) static FORWARD: TypeDef = TypeDef {
    name: "collections._deque_iterator",
    slots: Slots { new: Some(new::<false>), iter: Some(same), next: Some(next::<false>), ..Slots::NONE },
    methods: methods::<false>(),
    ..TypeDef::of::<DequeIter<false>>()
};

/// _collections._deque_reverse_iterator.
pub(super) static BACKWARD: TypeDef = TypeDef {
    name: "collections._deque_reverse_iterator",
    slots: Slots { new: Some(new::<true>), iter: Some(same), next: Some(next::<true>), ..Slots::NONE },
    methods: methods::<true>(),
    ..TypeDef::of::<DequeIter<true>>()
};

fn same(_: &Thread, v: &Value) -> Res {
    Ok(v.clone())
}

fn make<const BACK: bool>(t: &Thread, v: &Value, skip: usize) -> Res
where
    DequeIter<BACK>: Payload,
{
    let d = this(v);
    let skip = skip.min(d.len());
    payload::new(t, |header| DequeIter::<BACK> {
        header,
        deque: Slot::new(v.clone()),
        at: Cell::new(skip),
        left: Cell::new(d.len() - skip),
        changes: d.changes.get(),
    })
}

/// `iter(deque)`.
pub(super) fn forward(t: &Thread, v: &Value) -> Res {
    make::<false>(t, v, 0)
}

/// `reversed(deque)`.
pub(super) fn backward(t: &Thread, v: &Value) -> Res {
    make::<true>(t, v, 0)
}

fn new<const BACK: bool>(t: &Thread, _: &Value, args: Args<'_>) -> Res
where
    DequeIter<BACK>: Payload,
{
    let (deque, skip) = iterator_arguments(t, args, DequeIter::<BACK>::DEF.short_name())?;
    make::<BACK>(t, &deque, skip)
}

fn next<const BACK: bool>(t: &Thread, v: &Value) -> Res
where
    DequeIter<BACK>: Payload,
{
    let it = v.expect::<DequeIter<BACK>>();
    let deque = it.deque.get();
    let d = this(&deque);
    if d.changes.get() != it.changes {
        it.left.set(0);
        return Err(error::runtime_error(t, "deque mutated during iteration"));
    }
    if it.left.get() == 0 {
        return Ok(Value::ABSENT);
    }
    let at = it.at.replace(it.at.get() + 1);
    it.left.set(it.left.get() - 1);
    Ok(d.get(if BACK { d.len() - 1 - at } else { at }).unwrap_or_default())
}

fn reduce<const BACK: bool>(t: &Thread, a: &[Value]) -> Res
where
    DequeIter<BACK>: Payload,
{
    let it = a[0].expect::<DequeIter<BACK>>();
    let args = tuple::from_array(t, [it.deque.get(), convert::from_usize(it.at.get())])?;
    tuple::from_array(t, [type_of(&a[0]).value(), args])
}
