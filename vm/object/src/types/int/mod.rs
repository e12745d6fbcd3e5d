//! int: an immediate word, or a heap long past 62 bits.

mod arith;
mod methods;
mod text;
mod wide;

pub(crate) use arith::digits;
pub use arith::{add, and, decimal, floordiv, lshift, modulo, mul, neg, or, pow, repr, rshift, sub, truediv, xor};
pub use text::{ascii_number, parse, render};
pub(crate) use text::{spec_units, warn_strict};

use crate::error::{self, Exc, Res};
use crate::header::Header;
use crate::ids;
use crate::payload;
use crate::slots::Slots;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag, type_of};
use crate::value::{INT_MAX, INT_MIN, Value};
use dashu_int::IBig;
use std::cell::Cell;
use std::sync::Arc;
use typhon_num::{NumError, Poll, Stop, int_text};

/// A heap long. Of type int, its value is outside the immediate range; a subclass of int holds any value.
#[repr(C)]
pub struct Long {
    pub(crate) header: Header,
    big: Digits,
    /// Bytes charged for a large value.
    charged: usize,
}

crate::payload!(Long => INT);

/// int.
pub static INT: TypeDef = TypeDef {
    name: "int",
    doc: "int([x]) -> integer\nint(x, base=10) -> integer\n\nConvert a number or string to an integer, or return 0 if no arguments\nare given.  If x is a number, return x.__int__().  For floating-point\nnumbers, this truncates towards zero.\n\nIf x is not a number or if base is given, then x must be a string,\nbytes, or bytearray instance representing an integer literal in the\ngiven base.  The literal can be preceded by '+' or '-' and be surrounded\nby whitespace.  The base defaults to 10.  Valid bases are 0 and 2-36.\nBase 0 means to interpret the base from the string as an integer\nliteral.\n>>> int('0b100', base=0)\n4",
    id: ids::INT,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::INT | flag::ATOMIC,
    slots: Slots { new: Some(text::construct), ..arith::SLOTS },
    methods: methods::METHODS,
    getset: methods::GETSET,
    ..TypeDef::of::<Long>()
};

/// The isolate's limit on digits in conversions between int and str; 0 is none.
struct DigitLimit(Cell<u64>);

impl Default for DigitLimit {
    fn default() -> Self {
        Self(Cell::new(int_text::DIGITS_MAX_DEFAULT))
    }
}

/// The present limit (`sys.get_int_max_str_digits`).
pub fn digits_max(t: &Thread) -> u64 {
    t.state::<DigitLimit>().0.get()
}

/// Changes the limit (`sys.set_int_max_str_digits`).
pub fn set_digits_max(t: &Thread, digits: u32) {
    t.state::<DigitLimit>().0.set(u64::from(digits));
}

/// Runs long arithmetic with the thread's poll, and turns its errors into exceptions.
pub fn with_poll<R, E: Into<NumError>>(t: &Thread, f: impl FnOnce(&mut Poll<'_>) -> Result<R, E>) -> Res<R> {
    let mut raised = None;
    let done = f(&mut || {
        t.poll().map_err(|e| {
            raised = Some(e);
            Stop
        })
    });
    done.map_err(|e| match (e.into(), raised) {
        (NumError::Stop, Some(e)) => e,
        (e, _) => num_error(t, e),
    })
}

/// The exception for an arithmetic error.
#[cold]
pub fn num_error(t: &Thread, e: NumError) -> Exc {
    match e {
        NumError::Stop => Exc::stopped(),
        NumError::ZeroDivision(text) => error::zero_division(t, text),
        NumError::Overflow(text) => error::overflow_error(t, text),
        NumError::Value(text) => error::value_error(t, text),
        NumError::Memory => t.memory_error(),
    }
}

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
        None => i64::try_from(v.downcast::<Long>()?.big()).ok(),
    }
}

/// The value as u64, if it is an int that fits.
pub fn to_u64(v: &Value) -> Option<u64> {
    match to_i64(v) {
        Some(i) => u64::try_from(i).ok(),
        None => u64::try_from(v.downcast::<Long>()?.big()).ok(),
    }
}

/// The value as a big integer, if it is an int.
pub fn to_big(v: &Value) -> Option<IBig> {
    arith::big(v).map(std::borrow::Cow::into_owned)
}

/// The big integer of a heap long (or an int subclass), without a copy.
pub fn as_big(v: &Value) -> Option<&IBig> {
    v.downcast::<Long>().map(|l| l.big())
}

/// Whether an int is negative.
pub fn is_negative(v: &Value) -> bool {
    match to_i64(v) {
        Some(i) => i < 0,
        None => v.downcast::<Long>().is_some_and(|l| *l.big() < IBig::ZERO),
    }
}

/// An int of any size.
#[inline]
pub fn from_big(t: &Thread, big: IBig) -> Res {
    if let Ok(i) = i64::try_from(&big)
        && (INT_MIN..=INT_MAX).contains(&i)
    {
        return Ok(Value::small(i));
    }
    let charged = charge(t, &big)?;
    payload::new(t, |header| Long { header, big: Digits::of(big), charged })
}

/// An int of at most a pair of words.
#[inline]
pub fn from_i128(t: &Thread, i: i128) -> Res {
    wide::value(t, i)
}

/// The value as i128, if it is an int that fits.
#[inline]
pub fn to_i128(v: &Value) -> Option<i128> {
    match wide::of(v) {
        Some(i) => Some(i),
        None => i128::try_from(v.downcast::<Long>()?.big()).ok(),
    }
}

/// The int itself for a subclass instance or a bool, anything else unchanged.
#[inline]
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
    let charged = charge(t, &big)?;
    payload::new_for(t, class, |header| Long { header, big: Digits::of(big), charged })
}

/// Charges a value whose words lie outside the heap; small ones are not worth counting.
fn charge(t: &Thread, big: &IBig) -> Res<usize> {
    let bytes = big.as_sign_words().1.len() * 8;
    if bytes <= 512 {
        return Ok(0);
    }
    t.heap().charge(bytes).map_err(|_| t.memory_error())?;
    Ok(bytes)
}

/// From this many words on one step over a number takes milliseconds: work on it is done aside.
const HUGE: usize = 1 << 19;

/// An integer, in the way that threads can share when it is huge.
enum Digits {
    Own(IBig),
    Shared(Arc<IBig>),
}

impl Digits {
    fn of(big: IBig) -> Self {
        if big.as_sign_words().1.len() < HUGE { Self::Own(big) } else { Self::Shared(Arc::new(big)) }
    }
}

impl Long {
    /// The value.
    #[inline]
    pub fn big(&self) -> &IBig {
        match &self.big {
            Digits::Own(big) => big,
            Digits::Shared(big) => big,
        }
    }

    /// The value for another thread to work on, if it is huge.
    fn shared(&self) -> Option<Arc<IBig>> {
        match &self.big {
            Digits::Own(_) => None,
            Digits::Shared(big) => Some(Arc::clone(big)),
        }
    }
}

impl Drop for Long {
    fn drop(&mut self) {
        if self.charged != 0
            && let Some(t) = crate::thread::current()
        {
            t.heap().uncharge(self.charged);
        }
    }
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
