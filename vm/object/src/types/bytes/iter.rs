//! bytes_iterator and bytearray_iterator.

use super::data;
use crate::convert;
use crate::error::Res;
use crate::header::Header;
use crate::native::{MethodDef, def};
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, flag};
use crate::types::str_::builtin;
use crate::value::Value;
use std::cell::Cell;

macro_rules! iterator {
    ($name:ident, $def:ident, $python:literal) => {
        #[doc = concat!("A ", $python, ".")]
        #[repr(C)]
        pub struct $name {
            header: Header,
            data: Slot,
            index: Cell<usize>,
        }

        crate::payload!($name => $def {
            fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
                // SAFETY: the collector's visitor stores nothing.
                visit(unsafe { self.data.peek() });
            }
        });

        impl Parts for $name {
            fn parts(&self) -> (&Slot, &Cell<usize>) {
                (&self.data, &self.index)
            }
        }

        #[doc = concat!($python, ".")]
        pub static $def: TypeDef = TypeDef {
            name: $python,
            flags: flag::NO_NEW,
            slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next::<$name>), ..Slots::NONE },
            methods: const {
                &[
                    def("__length_hint__", "($self, /)", length_hint::<$name>, "Private method returning an estimate of len(list(it))."),
                    def("__reduce__", "($self, /)", reduce::<$name>, "Return state information for pickling."),
                    def("__setstate__", "($self, state, /)", set_state::<$name>, "Set state information for unpickling."),
                ] as &'static [MethodDef]
            },
            ..TypeDef::of::<$name>()
        };
    };
}

trait Parts: payload::Payload {
    fn parts(&self) -> (&Slot, &Cell<usize>);
}

iterator!(BytesIter, BYTES_ITER, "bytes_iterator");
iterator!(ByteArrayIter, BYTEARRAY_ITER, "bytearray_iterator");

/// An iterator over bytes or a bytearray.
pub(crate) fn new(t: &Thread, v: &Value) -> Res {
    let (data, index) = (Slot::new(v.clone()), Cell::new(0));
    if v.downcast::<super::Bytes>().is_some() {
        return payload::new(t, |header| BytesIter { header, data, index });
    }
    payload::new(t, |header| ByteArrayIter { header, data, index })
}

fn next<P: Parts>(_: &Thread, v: &Value) -> Res {
    let (slot, index) = v.expect::<P>().parts();
    // SAFETY: nothing stores into the slot while the data is looked at.
    let owner = &*unsafe { slot.glance() };
    if owner.is_absent() {
        return Ok(Value::ABSENT);
    }
    let i = index.get();
    if let Some(&b) = data(owner).get(i) {
        index.set(i + 1);
        return Ok(Value::small(i64::from(b)));
    }
    drop(slot.take());
    Ok(Value::ABSENT)
}

fn length_hint<P: Parts>(_: &Thread, a: &[Value]) -> Res {
    let (slot, index) = a[0].expect::<P>().parts();
    let owner = slot.get();
    let left = owner.opt().map_or(0, |v| data(v).len().saturating_sub(index.get()));
    Ok(convert::from_usize(left))
}

fn reduce<P: Parts>(t: &Thread, a: &[Value]) -> Res {
    let (slot, index) = a[0].expect::<P>().parts();
    let iter = builtin(t, "iter")?;
    let owner = slot.get();
    if owner.is_absent() {
        let empty = tuple::from_array(t, [tuple::new(t, &[])?])?;
        return tuple::from_array(t, [iter, empty]);
    }
    tuple::from_array(t, [iter, tuple::from_array(t, [owner])?, convert::from_usize(index.get())])
}

fn set_state<P: Parts>(t: &Thread, a: &[Value]) -> Res {
    let (slot, index) = a[0].expect::<P>().parts();
    let at = convert::to_isize(t, &a[1])?;
    let owner = slot.get();
    if let Some(v) = owner.opt() {
        index.set(usize::try_from(at).unwrap_or(0).min(data(v).len()));
    }
    Ok(Value::NONE)
}
