//! Conversions between values and Rust's numbers.

use crate::error::{self, Res};
use crate::thread::Thread;
use crate::ty::type_of;
use crate::types::{float, int};
use crate::value::Value;
use dashu_int::IBig;

/// An int value.
#[inline]
pub fn from_i64(t: &Thread, i: i64) -> Res {
    match Value::try_small(i) {
        Some(v) => Ok(v),
        None => int::from_big(t, IBig::from(i)),
    }
}

/// An int value.
pub fn from_u64(t: &Thread, i: u64) -> Res {
    match i64::try_from(i) {
        Ok(i) => from_i64(t, i),
        Err(_) => int::from_big(t, IBig::from(i)),
    }
}

/// An int value of a length or position. Nothing is as long as an immediate int can say; what only claims to be
/// saturates there.
#[inline]
pub fn from_usize(i: usize) -> Value {
    Value::small(i.min(crate::value::INT_MAX as usize) as i64)
}

/// A float value.
#[inline(always)]
pub fn from_f64(t: &Thread, x: f64) -> Res {
    match Value::try_float(x) {
        Some(v) => Ok(v),
        None if x == 0.0 => Ok(crate::process::zero(x.is_sign_negative()).clone()),
        None => float::boxed(t, x),
    }
}

/// `operator.index(v)`: an int, exact or not.
pub fn to_index(t: &Thread, v: &Value) -> Res {
    if int::is_int(v) {
        return Ok(v.clone());
    }
    match type_of(v).slots().index {
        Some(f) => {
            let r = f(t, v)?;
            if !int::is_int(&r) {
                let name = type_of(&r).name();
                return Err(error::type_error(t, format_args!("__index__ returned non-int (type {name})")));
            }
            if !r.is_small() && r.exact::<int::Long>().is_none() {
                int::warn_strict(t, "__index__", &r)?;
                return int::exact(t, &r);
            }
            Ok(r)
        }
        None => Err(error::type_error(
            t,
            format_args!("'{}' object cannot be interpreted as an integer", type_of(v).name()),
        )),
    }
}

/// An index; out of range saturates (for slices).
pub fn to_index_clamped(t: &Thread, v: &Value) -> Res<isize> {
    let v = to_index(t, v)?;
    Ok(match int::to_i64(&v) {
        Some(i) => i as isize,
        None if int::is_negative(&v) => isize::MIN,
        None => isize::MAX,
    })
}

/// An index; IndexError when out of range.
pub fn to_index_checked(t: &Thread, v: &Value) -> Res<isize> {
    let i = to_index(t, v)?;
    match int::to_i64(&i) {
        Some(i) => Ok(i as isize),
        None => {
            Err(error::index_error(t, format_args!("cannot fit '{}' into an index-sized integer", type_of(v).name())))
        }
    }
}

/// A count; OverflowError when out of range.
pub fn to_index_overflow(t: &Thread, v: &Value) -> Res<isize> {
    let i = to_index(t, v)?;
    match int::to_i64(&i) {
        Some(i) => Ok(i as isize),
        None => Err(error::overflow_error(
            t,
            format_args!("cannot fit '{}' into an index-sized integer", type_of(v).name()),
        )),
    }
}

/// A C `Py_ssize_t` argument.
pub fn to_isize(t: &Thread, v: &Value) -> Res<isize> {
    let i = to_index(t, v)?;
    match int::to_i64(&i) {
        Some(i) => Ok(i as isize),
        None => Err(error::overflow_error(t, "Python int too large to convert to C ssize_t")),
    }
}

/// A C `long` argument.
pub fn to_i64(t: &Thread, v: &Value) -> Res<i64> {
    let i = to_index(t, v)?;
    match int::to_i64(&i) {
        Some(i) => Ok(i),
        None => Err(error::overflow_error(t, "Python int too large to convert to C long")),
    }
}

/// A C `int` argument.
pub fn to_i32(t: &Thread, v: &Value) -> Res<i32> {
    let i = to_i64(t, v)?;
    match i32::try_from(i) {
        Ok(i) => Ok(i),
        Err(_) if i > 0 => Err(error::overflow_error(t, "signed integer is greater than maximum")),
        Err(_) => Err(error::overflow_error(t, "signed integer is less than minimum")),
    }
}

/// An unsigned 64-bit argument.
pub fn to_u64(t: &Thread, v: &Value) -> Res<u64> {
    let i = to_index(t, v)?;
    if int::is_negative(&i) {
        return Err(error::overflow_error(t, "can't convert negative int to unsigned"));
    }
    match int::to_u64(&i) {
        Some(i) => Ok(i),
        None => Err(error::overflow_error(t, "Python int too large to convert to C unsigned long")),
    }
}

/// A number as f64 (`__float__`, `__index__`).
pub fn to_f64(t: &Thread, v: &Value) -> Res<f64> {
    if let Some(x) = v.as_immediate_float() {
        return Ok(x);
    }
    float::to_f64(t, v)
}

/// `bool(v)` argument.
pub fn to_bool(t: &Thread, v: &Value) -> Res<bool> {
    crate::ops::truth(t, v)
}

/// The text of a str argument; TypeError names the function and argument as CPython's converters do.
pub fn to_text(t: &Thread, v: &Value, function: &str, argument: &str) -> Res<String> {
    match v.downcast::<crate::strs::Str>() {
        Some(s) => s.to_utf8().map_err(|at| {
            error::unicode_error(
                t,
                &crate::types::exceptions::UNICODE_ENCODE_ERROR,
                "utf-8",
                v,
                at,
                at + 1,
                "surrogates not allowed",
            )
        }),
        None => {
            let name = if v.is_none() { "None".to_string() } else { type_of(v).name() };
            Err(error::type_error(t, format_args!("{function}() {argument} must be str, not {name}")))
        }
    }
}
