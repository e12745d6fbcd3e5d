//! Guarded types: those whose objects threads may use at the same time, without the native lock.
//!
//! What is said here of a value is said of it alone: an item of a tuple may be of any type, and whoever goes on to it asks
//! again.

use crate::header::{Header, flag};
use crate::ids;
use crate::thread;
use crate::tuple::Tuple;
use crate::ty::{self, TypeObject};
use crate::types::enumerate::Enumerate;
use crate::types::zip::Zip;
use crate::value::Value;

/// The exact type's id, 0 for immediates.
#[inline(always)]
fn id(v: &Value) -> u32 {
    v.header().map_or(0, |h| h.shape().0)
}

/// Whether the value never changes and its operators concern nothing but it: numbers, texts, None and the like.
#[inline(always)]
pub fn is_atom(v: &Value) -> bool {
    !v.is_object() || matches!(id(v), ids::STR | ids::INT | ids::FLOAT | ids::BYTES | ids::COMPLEX)
}

/// An atom, or a tuple: comparing and hashing those asks their items.
#[inline(always)]
pub fn is_frozen(v: &Value) -> bool {
    is_atom(v) || id(v) == ids::TUPLE
}

/// A class that is compared and hashed as what it is: its metaclass is `type`.
#[inline(always)]
pub fn is_class(v: &Value) -> bool {
    id(v) == ids::TYPE
}

/// A container that protects itself: reading its length, an item by number, all its items.
#[inline(always)]
pub fn is_container(v: &Value) -> bool {
    matches!(id(v), ids::LIST | ids::TUPLE | ids::DICT | ids::SET | ids::FROZENSET | ids::RANGE)
}

/// Whether making an iterator over it concerns nothing but it.
pub fn is_iterable(v: &Value) -> bool {
    let view_or_iterator = matches!(
        id(v),
        ids::DICT_KEYS
            | ids::DICT_VALUES
            | ids::DICT_ITEMS
            | ids::ENUMERATE
            | ids::ZIP
            | ids::MAP
            | ids::FILTER
            | ids::REVERSED
    );
    is_container(v) || is_iterator(v) || matches!(id(v), ids::STR | ids::BYTES) || view_or_iterator
}

/// As [`is_iterator`], or an `enumerate` or `zip` of such.
pub fn steps_alone(v: &Value) -> bool {
    if let Some(e) = v.exact::<Enumerate>() {
        return is_iterator(&e.it.get());
    }
    match v.exact::<Zip>() {
        Some(z) => z.iterators().downcast::<Tuple>().is_some_and(|its| its.items().iter().all(is_iterator)),
        None => is_iterator(v),
    }
}

/// Whether iterating over it steps through nothing but itself.
#[inline(always)]
pub fn is_iterator(v: &Value) -> bool {
    matches!(
        id(v),
        ids::LIST_ITER
            | ids::TUPLE_ITER
            | ids::RANGE_ITER
            | ids::DICT_KEY_ITER
            | ids::DICT_VALUE_ITER
            | ids::DICT_ITEM_ITER
            | ids::GENERATOR
    )
}

/// Whether such objects are what a program consists of.
pub(crate) fn is_definition(def: u32) -> bool {
    matches!(
        def,
        ids::FUNCTION
            | ids::TYPE
            | ids::MODULE
            | ids::CODE
            | ids::BUILTIN_FUNCTION
            | ids::METHOD_DESCRIPTOR
            | ids::CLASSMETHOD_DESCRIPTOR
            | ids::GETSET_DESCRIPTOR
            | ids::MEMBER_DESCRIPTOR
            | ids::WRAPPER_DESCRIPTOR
            | ids::PROPERTY
            | ids::STATICMETHOD
            | ids::CLASSMETHOD
    )
}

/// Whether the end of such an object runs nothing and drops values only.
#[inline(always)]
pub(crate) fn ends_quietly(ty: &TypeObject, header: &Header) -> bool {
    let quiet = matches!(
        ty.def().id,
        ids::OBJECT
            | ids::LIST
            | ids::DICT
            | ids::TUPLE
            | ids::SET
            | ids::FROZENSET
            | ids::INT
            | ids::CELL
            | ids::FUNCTION
            | ids::METHOD
            | ids::BUILTIN_FUNCTION
            | ids::GENERATOR
            | ids::SLICE
            | ids::RANGE
            | ids::LIST_ITER
            | ids::TUPLE_ITER
            | ids::STR_ITER
            | ids::DICT_KEY_ITER
            | ids::DICT_VALUE_ITER
            | ids::DICT_ITEM_ITER
            | ids::SET_ITER
            | ids::ENUMERATE
            | ids::ZIP
            | ids::PROPERTY
            | ids::FRAME
    );
    // An entry of a traceback may name a frame that runs, in the thread that made it.
    let own_entry = ty.def().id == ids::TRACEBACK && header.owner() == thread::tag();
    (quiet || own_entry || ty.has_flag(ty::flag::EXCEPTION)) && !header.has(flag::WEAKREFS)
}
