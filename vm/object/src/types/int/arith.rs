//! int: operators. Two immediate words are handled in line; everything else is big.

use super::{HUGE, Long, from_big, wide, with_poll};
use crate::aside;
use crate::convert::{from_f64, from_i64};
use crate::error::Res;
use crate::ops::CompareOp;
use crate::slots::Slots;
use crate::thread::Thread;
use crate::types::float;
use crate::value::Value;
use crate::{strs, tuple};
use dashu_int::IBig;
use std::borrow::Cow;
use std::sync::Arc;
use typhon_num::int::{self as num, cost, small};
use typhon_num::int_text;

/// The operators of int.
pub(super) const SLOTS: Slots = Slots {
    repr: Some(repr),
    hash: Some(hash),
    compare: Some(compare),
    bool: Some(|_, v| Ok(truth(v))),
    add: Some(add),
    sub: Some(sub),
    mul: Some(mul),
    truediv: Some(truediv),
    floordiv: Some(floordiv),
    mod_: Some(modulo),
    divmod: Some(divmod),
    pow: Some(pow),
    lshift: Some(lshift),
    rshift: Some(rshift),
    and: Some(and),
    xor: Some(xor),
    or: Some(or),
    neg: Some(neg),
    pos: Some(super::exact),
    abs: Some(abs),
    invert: Some(invert),
    int: Some(super::exact),
    index: Some(super::exact),
    float: Some(to_float),
    ..Slots::NONE
};

/// The integer behind an int value.
#[inline]
pub(super) fn big(v: &Value) -> Option<Cow<'_, IBig>> {
    match v.as_small() {
        Some(i) => Some(Cow::Owned(IBig::from(i))),
        None if v.is_bool() => Some(Cow::Owned(IBig::from(u8::from(v.is_true())))),
        None => v.downcast::<Long>().map(|l| Cow::Borrowed(l.big())),
    }
}

#[inline(always)]
fn smalls(a: &Value, b: &Value) -> Option<(i64, i64)> {
    Some((a.as_small()?, b.as_small()?))
}

/// Both operands, or NotImplemented from the calling function.
macro_rules! bigs {
    ($a:expr, $b:expr) => {
        match (big($a), big($b)) {
            (Some(x), Some(y)) => (x, y),
            _ => return Ok(Value::NOT_IMPLEMENTED),
        }
    };
}

/// What one step over two integers gives: at once, or for huge ones by a thread that a stop does not wait for.
#[inline]
fn linear<R: Send + 'static>(
    t: &Thread,
    (a, x): (&Value, &IBig),
    (b, y): (&Value, &IBig),
    f: fn(&IBig, &IBig) -> R,
) -> Res<R> {
    let words = |n: &IBig| n.as_sign_words().1.len();
    if words(x).max(words(y)) < HUGE { Ok(f(x, y)) } else { linear_aside(t, (a, x), (b, y), f) }
}

#[cold]
#[inline(never)]
fn linear_aside<R: Send + 'static>(
    t: &Thread,
    (a, x): (&Value, &IBig),
    (b, y): (&Value, &IBig),
    f: fn(&IBig, &IBig) -> R,
) -> Res<R> {
    let shared =
        |v: &Value, n: &IBig| v.downcast::<Long>().and_then(Long::shared).unwrap_or_else(|| Arc::new(n.clone()));
    let bytes = x.as_sign_words().1.len().max(y.as_sign_words().1.len()) * 8;
    let (x, y) = (shared(a, x), shared(b, y));
    aside::run(t, bytes, move || f(&x, &y))
}

fn of_one(t: &Thread, v: &Value, f: fn(&IBig, &IBig) -> IBig) -> Res {
    let x = big(v).unwrap_or_default();
    from_big(t, linear(t, (v, &x), (&Value::NONE, &IBig::ZERO), f)?)
}

/// `a + b`.
#[inline]
pub fn add(t: &Thread, a: &Value, b: &Value) -> Res {
    if let Some((x, y)) = smalls(a, b) {
        return from_i64(t, x + y);
    }
    if let Some((x, y)) = wide::pair(a, b)
        && let Some(z) = x.checked_add(y)
    {
        return wide::value(t, z);
    }
    let (x, y) = bigs!(a, b);
    from_big(t, linear(t, (a, &x), (b, &y), |x, y| x + y)?)
}

/// `a - b`.
#[inline]
pub fn sub(t: &Thread, a: &Value, b: &Value) -> Res {
    if let Some((x, y)) = smalls(a, b) {
        return from_i64(t, x - y);
    }
    if let Some((x, y)) = wide::pair(a, b)
        && let Some(z) = x.checked_sub(y)
    {
        return wide::value(t, z);
    }
    let (x, y) = bigs!(a, b);
    from_big(t, linear(t, (a, &x), (b, &y), |x, y| x - y)?)
}

/// `a * b`.
#[inline]
pub fn mul(t: &Thread, a: &Value, b: &Value) -> Res {
    if let Some((x, y)) = smalls(a, b)
        && let Some(z) = x.checked_mul(y)
    {
        return from_i64(t, z);
    }
    mul_big(t, a, b)
}

#[inline(never)]
fn mul_big(t: &Thread, a: &Value, b: &Value) -> Res {
    if let Some((x, y)) = wide::pair(a, b)
        && let Some(z) = wide::mul(x, y)
    {
        return wide::value(t, z);
    }
    let (x, y) = bigs!(a, b);
    check_bits(t, Some(cost::mul_bits(&x, &y)))?;
    from_big(t, with_poll(t, |poll| num::mul(&x, &y, poll))?)
}

/// MemoryError unless a number of that many bits, and as much again to compute it, fits.
pub(super) fn check_bits(t: &Thread, bits: Option<u64>) -> Res<()> {
    match bits {
        Some(bits) if bits < 8192 => Ok(()),
        Some(bits) if bits <= num::BITS_MAX => t.check_alloc((bits / 4) as usize),
        _ => Err(t.memory_error()),
    }
}

/// `a // b`.
#[inline]
pub fn floordiv(t: &Thread, a: &Value, b: &Value) -> Res {
    if let Some((x, y)) = smalls(a, b)
        && let Some(q) = small::floor_div(x, y)
    {
        return from_i64(t, q);
    }
    if let Some((x, y)) = wide::pair(a, b)
        && let Some((q, _)) = wide::divmod(x, y)
    {
        return wide::value(t, q);
    }
    let (x, y) = bigs!(a, b);
    from_big(t, with_poll(t, |poll| num::floor_div(&x, &y, poll))?)
}

/// `a % b`.
#[inline]
pub fn modulo(t: &Thread, a: &Value, b: &Value) -> Res {
    if let Some((x, y)) = smalls(a, b)
        && let Some(r) = small::modulo(x, y)
    {
        return from_i64(t, r);
    }
    if let Some((x, y)) = wide::pair(a, b)
        && let Some((_, r)) = wide::divmod(x, y)
    {
        return wide::value(t, r);
    }
    let (x, y) = bigs!(a, b);
    from_big(t, with_poll(t, |poll| num::modulo(&x, &y, poll))?)
}

fn divmod(t: &Thread, a: &Value, b: &Value) -> Res {
    if let Some((x, y)) = smalls(a, b)
        && let (Some(q), Some(r)) = (small::floor_div(x, y), small::modulo(x, y))
    {
        return tuple::from_array(t, [from_i64(t, q)?, from_i64(t, r)?]);
    }
    if let Some((x, y)) = wide::pair(a, b)
        && let Some((q, r)) = wide::divmod(x, y)
    {
        return tuple::from_array(t, [wide::value(t, q)?, wide::value(t, r)?]);
    }
    let (x, y) = bigs!(a, b);
    let (q, r) = with_poll(t, |poll| num::divmod(&x, &y, poll))?;
    tuple::from_array(t, [from_big(t, q)?, from_big(t, r)?])
}

/// `a / b`.
#[inline]
pub fn truediv(t: &Thread, a: &Value, b: &Value) -> Res {
    const EXACT: i64 = 1 << 53;
    if let Some((x, y)) = smalls(a, b)
        && x.abs() <= EXACT
        && y.abs() <= EXACT
        && y != 0
    {
        return from_f64(t, x as f64 / y as f64);
    }
    let (x, y) = bigs!(a, b);
    from_f64(t, with_poll(t, |poll| num::true_divide(&x, &y, poll))?)
}

/// `pow(a, b, c)`; `c` is None for `a ** b`.
pub fn pow(t: &Thread, a: &Value, b: &Value, c: &Value) -> Res {
    if let Some((x, y)) = smalls(a, b)
        && c.is_none()
        && y >= 0
        && let Some(z) = small::pow(x, y as u64)
    {
        return from_i64(t, z);
    }
    let (x, y) = bigs!(a, b);
    if c.is_none() {
        if num::is_negative(&y) {
            // The result is a float, or an error of floats.
            let (x, y) = (float::of_int(t, a)?, float::of_int(t, b)?);
            return float::pow(t, &from_f64(t, x)?, &from_f64(t, y)?, c);
        }
        check_bits(t, cost::pow_bits(&x, &y))?;
        return from_big(t, with_poll(t, |poll| num::pow(&x, &y, poll))?);
    }
    let Some(m) = big(c) else { return Ok(Value::NOT_IMPLEMENTED) };
    if let (Some((x, y)), Some(m)) = (smalls(a, b), c.as_small())
        && y >= 0
        && let Some(r) = small::pow_mod(x, y as u64, m)
    {
        return from_i64(t, r);
    }
    from_big(t, with_poll(t, |poll| num::pow_mod(&x, &y, &m, poll))?)
}

/// `a << b`.
#[inline]
pub fn lshift(t: &Thread, a: &Value, b: &Value) -> Res {
    if let Some((x, y)) = smalls(a, b)
        && y >= 0
        && let Some(z) = small::shl(x, y as u64)
    {
        return from_i64(t, z);
    }
    if let Some((x, y)) = wide::pair(a, b)
        && let Some(z) = wide::shl(x, y)
    {
        return wide::value(t, z);
    }
    let (x, y) = bigs!(a, b);
    if !num::is_negative(&y) && !x.is_zero() {
        // A count beyond any word is `shl`'s to refuse, as an overflow.
        if let Some(bits) = cost::shl_bits(&x, &y) {
            check_bits(t, Some(bits))?;
        }
    }
    let shifted = linear(t, (a, &x), (b, &y), num::shl)?;
    from_big(t, with_poll(t, |_| shifted)?)
}

/// `a >> b`.
#[inline]
pub fn rshift(t: &Thread, a: &Value, b: &Value) -> Res {
    if let Some((x, y)) = smalls(a, b)
        && y >= 0
    {
        return Ok(Value::small(small::shr(x, y as u64)));
    }
    if let Some((x, y)) = wide::pair(a, b)
        && let Some(z) = wide::shr(x, y)
    {
        return wide::value(t, z);
    }
    let (x, y) = bigs!(a, b);
    let shifted = linear(t, (a, &x), (b, &y), num::shr)?;
    from_big(t, with_poll(t, |_| shifted)?)
}

macro_rules! bitwise {
    ($($name:ident, $op:tt;)*) => {$(
        #[doc = concat!("`a ", stringify!($op), " b`.")]
        #[inline]
        pub fn $name(t: &Thread, a: &Value, b: &Value) -> Res {
            if let Some((x, y)) = smalls(a, b) {
                return Ok(Value::small(x $op y));
            }
            if let Some((x, y)) = wide::pair(a, b) {
                return wide::value(t, x $op y);
            }
            let (x, y) = bigs!(a, b);
            from_big(t, linear(t, (a, &x), (b, &y), num::$name)?)
        }
    )*};
}
bitwise! { and, &; or, |; xor, ^; }

/// `-v`.
#[inline]
pub fn neg(t: &Thread, v: &Value) -> Res {
    match v.as_small() {
        Some(i) => from_i64(t, -i),
        None => match wide::of(v) {
            Some(i) => wide::value(t, -i),
            None => of_one(t, v, |x, _| -x),
        },
    }
}

fn abs(t: &Thread, v: &Value) -> Res {
    if super::is_negative(v) { neg(t, v) } else { super::exact(t, v) }
}

fn invert(t: &Thread, v: &Value) -> Res {
    match v.as_small() {
        Some(i) => Ok(Value::small(!i)),
        None => of_one(t, v, |x, _| num::not(x)),
    }
}

fn to_float(t: &Thread, v: &Value) -> Res {
    from_f64(t, float::of_int(t, v)?)
}

fn truth(v: &Value) -> bool {
    match v.as_small() {
        Some(i) => i != 0,
        None => v.is_true() || v.downcast::<Long>().is_some_and(|l| !l.big().is_zero()),
    }
}

fn hash(_: &Thread, v: &Value) -> Res<i64> {
    Ok(match v.as_small() {
        Some(i) => super::hash_small(i),
        None => match super::as_big(v) {
            Some(big) => num::hash_int(big),
            None => i64::from(v.is_true()),
        },
    })
}

fn compare(_: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    if let Some((x, y)) = smalls(a, b) {
        return Ok(Value::bool(op.holds(x.cmp(&y))));
    }
    if let Some((x, y)) = wide::pair(a, b) {
        return Ok(Value::bool(op.holds(x.cmp(&y))));
    }
    let (x, y) = bigs!(a, b);
    Ok(Value::bool(op.holds(x.cmp(&y))))
}

/// `repr(v)`, which also is `str(v)`.
pub fn repr(t: &Thread, v: &Value) -> Res {
    if let Some(i) = v.as_small() {
        let mut buffer = [0u8; 20];
        return strs::from_latin1(t, digits(i, &mut buffer));
    }
    strs::from_latin1(t, decimal(t, &big(v).unwrap_or_default())?.as_bytes())
}

/// The digits of a small int.
pub(crate) fn digits(i: i64, buffer: &mut [u8; 20]) -> &[u8] {
    let (mut at, mut rest) = (buffer.len(), i.unsigned_abs());
    loop {
        at -= 1;
        buffer[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if i < 0 {
        at -= 1;
        buffer[at] = b'-';
    }
    &buffer[at..]
}

/// The decimal text of an integer, within the isolate's limit of digits.
pub fn decimal(t: &Thread, n: &IBig) -> Res<String> {
    int_text::check_digits(n, super::digits_max(t)).map_err(|e| super::num_error(t, e))?;
    if n.as_sign_words().1.len() > 512 {
        t.check_alloc(cost::text_digits(n, 10) as usize * 2)?;
    }
    with_poll(t, |poll| int_text::to_decimal(n, poll))
}
