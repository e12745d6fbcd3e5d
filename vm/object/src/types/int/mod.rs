//! int: an immediate word, or a heap long past 62 bits.

use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::payload;
use crate::slots::Slots;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag, type_of};
use crate::value::{INT_MAX, INT_MIN, Value};
use dashu_int::IBig;

/// A heap long. Of type int, its value is outside the immediate range; a subclass of int holds any value.
#[repr(C)]
pub struct Long {
    pub(crate) header: Header,
    big: IBig,
}

crate::payload!(Long => INT);

/// int.
pub static INT: TypeDef = TypeDef {
    name: "int",
    doc: "",
    id: ids::INT,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::INT | flag::ATOMIC,
    slots: Slots { ..Slots::NONE },
    ..TypeDef::of::<Long>()
};

/// Whether `v` is an int (bools and subclasses included).
#[inline]
pub fn is_int(v: &Value) -> bool {
    v.is_small() || type_of(v).has_flag(flag::INT)
}

/// The value as i64, if it is an int that fits.
#[inline]
pub fn to_i64(v: &Value) -> Option<i64> {
    match v.as_small() {
        Some(i) => Some(i),
        None if v.is_bool() => Some(i64::from(v.is_true())),
        None => i64::try_from(&v.downcast::<Long>()?.big).ok(),
    }
}

/// The value as u64, if it is an int that fits.
pub fn to_u64(v: &Value) -> Option<u64> {
    match to_i64(v) {
        Some(i) => u64::try_from(i).ok(),
        None => u64::try_from(&v.downcast::<Long>()?.big).ok(),
    }
}

/// The value as a big integer, if it is an int.
pub fn to_big(v: &Value) -> Option<IBig> {
    match v.as_small() {
        Some(i) => Some(IBig::from(i)),
        None if v.is_bool() => Some(IBig::from(i64::from(v.is_true()))),
        None => v.downcast::<Long>().map(|l| l.big.clone()),
    }
}

/// The big integer of a heap long (or an int subclass), without a copy.
pub fn as_big(v: &Value) -> Option<&IBig> {
    v.downcast::<Long>().map(|l| &l.big)
}

/// Whether an int is negative.
pub fn is_negative(v: &Value) -> bool {
    match to_i64(v) {
        Some(i) => i < 0,
        None => v.downcast::<Long>().is_some_and(|l| l.big < IBig::ZERO),
    }
}

/// An int of any size.
pub fn from_big(t: &Thread, big: IBig) -> Res {
    if let Ok(i) = i64::try_from(&big)
        && (INT_MIN..=INT_MAX).contains(&i)
    {
        return Ok(Value::small(i));
    }
    payload::new(t, |header| Long { header, big })
}

/// The int itself for a subclass instance or a bool, anything else unchanged.
pub fn exact(t: &Thread, v: &Value) -> Res {
    if v.is_small() || v.exact::<Long>().is_some() {
        return Ok(v.clone());
    }
    match to_big(v) {
        Some(big) => from_big(t, big),
        None => Ok(v.clone()),
    }
}

/// An int of a subclass of int.
pub fn of_class(t: &Thread, class: &Value, big: IBig) -> Res {
    payload::new_for(t, class, |header| Long { header, big })
}

/// `hash(i)`: i modulo 2^61 - 1, never -1.
#[inline]
pub fn hash_small(i: i64) -> i64 {
    const P: i64 = (1 << 61) - 1;
    match i % P {
        -1 => -2,
        h => h,
    }
}
