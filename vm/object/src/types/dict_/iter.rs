//! dict: iterators over keys, values and items, from either end.

use crate::dict::Dict;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::list::List;
use crate::native::def;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::iters::{reduce, same};
use crate::value::Value;
use crate::{convert, ops, tuple};
use std::cell::Cell;

/// Where an iterator stands.
#[repr(C)]
pub struct Cursor {
    dict: Slot,
    /// The next entry, and in the upper half how many items are left. Threads that share an iterator may take each other's
    /// step back; in one word the two halves are always of one step, so that none is taken for a change of the keys. A table
    /// has less than 2³² entries (`index_bytes`).
    place: Cell<u64>,
    /// The size the dict must keep.
    used: Cell<usize>,
}

/// Both halves of a place.
fn place(at: usize, left: usize) -> u64 {
    at as u64 | (left as u64) << 32
}

impl Cursor {
    fn new(dict: &Value, at: usize) -> Self {
        let (n, at) = (Dict::of(dict).len(), at.min(Dict::of(dict).filled()));
        Self { dict: Slot::new(dict.clone()), place: Cell::new(place(at, n)), used: Cell::new(n) }
    }

    fn copy(&self) -> Self {
        Self { dict: Slot::new(self.dict.get()), place: self.place.clone(), used: self.used.clone() }
    }

    fn peek(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
    }

    /// The next item in either direction.
    #[inline]
    fn step(&self, t: &Thread, back: bool) -> Res<Option<(Value, Value)>> {
        self.step_with(t, back, |k, v| (k.clone(), v.clone()))
    }

    /// As `step`, with what `pick` makes of the item.
    #[inline(always)]
    fn step_with<R>(&self, t: &Thread, back: bool, pick: impl FnOnce(&Value, &Value) -> R) -> Res<Option<R>> {
        // SAFETY: nothing is stored into the slot while the dict is looked at.
        let dict = unsafe { self.dict.glance() };
        let Some(dict) = dict.downcast::<Dict>() else { return Ok(None) };
        if dict.len() != self.used.get() {
            self.used.set(usize::MAX);
            return Err(error::runtime_error(t, "dictionary changed size during iteration"));
        }
        let stands = self.place.get();
        let (mut at, left) = (stands as u32 as usize, (stands >> 32) as usize);
        let found = match back {
            false => dict.next_with(&mut at, pick),
            // Entries that were there and are no more: the dict has been emptied meanwhile.
            true if at > dict.filled() => None,
            true => dict.prev(&mut at).map(|(k, v)| pick(&k, &v)),
        };
        if found.is_none() {
            drop(self.dict.take());
            return Ok(None);
        }
        if left == 0 {
            drop(self.dict.take());
            return Err(error::runtime_error(t, "dictionary keys changed during iteration"));
        }
        self.place.set(place(at, left - 1));
        Ok(found)
    }

    fn hint(&self) -> Value {
        let fits = self.dict.get().downcast::<Dict>().is_some_and(|d| d.len() == self.used.get());
        convert::from_usize(if fits { (self.place.get() >> 32) as usize } else { 0 })
    }
}

macro_rules! iterators {
    ($($struct:ident, $def:ident, $id:expr, $name:literal, $make:ident, $start:expr, $back:literal, |$t:ident, $k:ident, $v:ident| $item:expr;)*) => {$(
        #[doc = $name]
        #[repr(C)]
        pub struct $struct {
            header: Header,
            cursor: Cursor,
        }

        crate::payload!($struct => $def {
            fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
                self.cursor.peek(visit);
            }
        });

        #[doc = $name]
        pub static $def: TypeDef = TypeDef {
            name: $name,
            id: $id,
            flags: flag::NO_NEW,
            slots: Slots { iter: Some(same), next: Some($struct::next), ..Slots::NONE },
            methods: &[
                def("__length_hint__", "($self, /)", |_, a| Ok(a[0].expect::<$struct>().cursor.hint()),
                    "Private method returning an estimate of len(list(it))."),
                def("__reduce__", "($self, /)", |t, a| {
                    let cursor = a[0].expect::<$struct>().cursor.copy();
                    let copy = payload::new(t, |header| $struct { header, cursor })?;
                    reduce(t, "iter", List::from_vec(t, ops::collect(t, &copy)?)?, None)
                }, "Return state information for pickling."),
            ],
            ..TypeDef::of::<$struct>()
        };

        impl $struct {
            /// The next key and value, whichever of them the iterator gives.
            #[inline]
            pub fn step(t: &Thread, v: &Value) -> Res<Option<(Value, Value)>> {
                v.expect::<$struct>().cursor.step(t, $back)
            }

            fn next(t: &Thread, v: &Value) -> Res {
                let $t = t;
                v.expect::<$struct>().cursor.step_with(t, $back, |$k, $v| $item)?.unwrap_or(Ok(Value::ABSENT))
            }
        }

        #[doc = concat!("A new ", $name, " over a dict.")]
        #[inline]
        pub fn $make(t: &Thread, dict: &Value) -> Res {
            payload::new(t, |header| $struct { header, cursor: Cursor::new(dict, $start) })
        }
    )*};
}
iterators! {
    DictKeyIter, DICT_KEY_ITER, ids::DICT_KEY_ITER, "dict_keyiterator", keys, 0, false, |_t, k, _v| Ok(k.clone());
    DictValueIter, DICT_VALUE_ITER, ids::DICT_VALUE_ITER, "dict_valueiterator", values, 0, false, |_t, _k, v| Ok(v.clone());
    DictItemIter, DICT_ITEM_ITER, ids::DICT_ITEM_ITER, "dict_itemiterator", items, 0, false, |t, k, v| tuple::from_array(t, [k.clone(), v.clone()]);
    DictReverseKeyIter, DICT_REVERSE_KEY_ITER, 0, "dict_reversekeyiterator", reversed_keys, usize::MAX, true, |_t, k, _v| Ok(k.clone());
    DictReverseValueIter, DICT_REVERSE_VALUE_ITER, 0, "dict_reversevalueiterator", reversed_values, usize::MAX, true, |_t, _k, v| Ok(v.clone());
    DictReverseItemIter, DICT_REVERSE_ITEM_ITER, 0, "dict_reverseitemiterator", reversed_items, usize::MAX, true, |t, k, v| tuple::from_array(t, [k.clone(), v.clone()]);
}
