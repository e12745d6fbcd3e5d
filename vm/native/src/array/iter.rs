//! arrayiterator.

use super::store::Array;
use std::cell::Cell;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::def;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{int, iters};
use typhon_object::{Thread, Value, convert, payload, tuple};

/// An iterator over an array, which is let go at the end.
#[repr(C)]
struct ArrayIter {
    header: Header,
    array: Slot,
    index: Cell<usize>,
}

typhon_object::payload!(ArrayIter => ARRAY_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.array.get());
    }
});

/// array.arrayiterator.
pub(super) static ARRAY_ITER: TypeDef = TypeDef {
    name: "array.arrayiterator",
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(iters::same), next: Some(next), ..Slots::NONE },
    methods: &[
        def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
        def("__setstate__", "($self, state, /)", set_state, "Set state information for unpickling."),
    ],
    ..TypeDef::of::<ArrayIter>()
};

/// `iter(array)`.
pub(super) fn new(t: &Thread, v: &Value) -> Res {
    payload::new(t, |header| ArrayIter { header, array: Slot::new(v.clone()), index: Cell::new(0) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<ArrayIter>();
    let array = it.array.get();
    if array.is_absent() {
        return Ok(Value::ABSENT);
    }
    let i = it.index.get();
    match Array::of(&array).get(t, i)? {
        Some(item) => {
            it.index.set(i + 1);
            Ok(item)
        }
        None => {
            drop(it.array.take());
            Ok(Value::ABSENT)
        }
    }
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<ArrayIter>();
    let array = it.array.get();
    if array.is_absent() {
        return iters::reduce(t, "iter", tuple::new(t, &[])?, None);
    }
    iters::reduce(t, "iter", array, Some(it.index.get() as i64))
}

fn set_state(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<ArrayIter>();
    if !int::is_int(&a[1]) {
        return Err(error::type_error(t, "an integer is required"));
    }
    let index = convert::to_isize(t, &a[1])?.max(0) as usize;
    let array = it.array.get();
    if let Some(array) = array.downcast::<Array>() {
        it.index.set(index.min(array.len()));
    }
    Ok(Value::NONE)
}
