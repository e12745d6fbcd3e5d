//! Quick: sums, products, quotients and quantizing whose coefficients fit a double word all the way.
//!
//! Money and most other decimals do. Each function gives the result and its conditions, or `None` for whatever is not the
//! plain case: special values, zeros that need rules of their own, results near the limits of the exponent. The general
//! way then does the same work with coefficients of any size.

use super::digits::Rest;
use super::{Context, Decimal, Kind, Rounding, status};
use dashu_int::UBig;
use std::cmp::Ordering;

/// A result and its conditions.
pub type Quick = Option<(Decimal, u32)>;

const fn powers() -> [u128; 39] {
    let mut out = [1; 39];
    let mut i = 1;
    while i < 39 {
        out[i] = out[i - 1] * 10;
        i += 1;
    }
    out
}

/// All powers of ten that fit.
static POWERS: [u128; 39] = powers();

/// `10^n`, if it fits.
#[inline]
pub(super) fn power(n: u64) -> Option<u128> {
    POWERS.get(usize::try_from(n).ok()?).copied()
}

/// Number of decimal digits; 1 for zero.
#[inline]
pub(super) fn count(n: u128) -> i64 {
    let bits = 128 - n.leading_zeros();
    // Bits times log10(2), at most one too small.
    let digits = ((bits * 1233) >> 12) as usize;
    (digits as i64 + i64::from(POWERS.get(digits).is_some_and(|power| n >= *power))).max(1)
}

/// The coefficient as a double word, if it fits.
#[inline]
pub(super) fn small(c: &UBig) -> Option<u128> {
    match *c.as_words() {
        [] => Some(0),
        [low] => Some(u128::from(low)),
        [low, high] => Some(u128::from(low) | u128::from(high) << 64),
        _ => None,
    }
}

#[inline]
fn finite(d: &Decimal) -> Option<u128> {
    if d.kind == Kind::Finite { small(&d.coefficient) } else { None }
}

/// `(n / d, n % d)`, by single words where both are.
#[inline]
fn div_rem(n: u128, d: u128) -> (u128, u128) {
    match (u64::try_from(n), u64::try_from(d)) {
        (Ok(n), Ok(d)) => (u128::from(n / d), u128::from(n % d)),
        _ => (n / d, n % d),
    }
}

#[inline]
fn product(a: u128, b: u128) -> Option<u128> {
    match (u64::try_from(a), u64::try_from(b)) {
        (Ok(a), Ok(b)) => Some(u128::from(a) * u128::from(b)),
        _ => a.checked_mul(b),
    }
}

#[inline]
fn shifted(c: u128, n: i64) -> Option<u128> {
    if n == 0 { Some(c) } else { product(c, power(u64::try_from(n).ok()?)?) }
}

/// `c / 10^n`, rounded, and the conditions of that; `n` is positive.
fn cut(context: &Context, negative: bool, c: u128, n: i64) -> Option<(u128, u32)> {
    let unit = power(u64::try_from(n).ok()?)?;
    let (q, r) = div_rem(c, unit);
    if r == 0 {
        return Some((q, status::ROUNDED));
    }
    let rest = match r.cmp(&(unit - r)) {
        Ordering::Less => Rest::BelowHalf,
        Ordering::Equal => Rest::Half,
        Ordering::Greater => Rest::AboveHalf,
    };
    let up = match context.rounding {
        Rounding::Up => true,
        Rounding::Down => false,
        Rounding::Ceiling => !negative,
        Rounding::Floor => negative,
        Rounding::HalfUp => rest != Rest::BelowHalf,
        Rounding::HalfDown => rest == Rest::AboveHalf,
        Rounding::HalfEven => rest == Rest::AboveHalf || (rest == Rest::Half && q & 1 == 1),
        Rounding::ZeroFiveUp => q % 5 == 0,
    };
    Some((q + u128::from(up), status::ROUNDED | status::INEXACT))
}

/// Fits a result into the context, where no limit of the exponent is near.
fn finalize(context: &Context, negative: bool, mut c: u128, mut exponent: i64) -> Quick {
    let digits = count(c);
    let adjusted = exponent.checked_add(digits - 1)?;
    // One below the largest: rounding up may add a digit.
    if context.clamp || adjusted < context.emin || adjusted >= context.emax {
        return None;
    }
    let mut raised = 0;
    if digits > context.prec {
        let shift = digits - context.prec;
        (c, raised) = cut(context, negative, c, shift)?;
        exponent += shift;
        if count(c) > context.prec {
            c /= 10;
            exponent += 1;
        }
    }
    Some((Decimal::finite(negative, UBig::from(c), exponent), raised))
}

/// `a + b`.
pub fn add(context: &Context, a: &Decimal, b: &Decimal) -> Quick {
    add_signed(context, a, b, b.negative)
}

/// `a - b`.
pub fn subtract(context: &Context, a: &Decimal, b: &Decimal) -> Quick {
    add_signed(context, a, b, !b.negative)
}

/// `a + b`, with a sign of its own for `b`.
pub(super) fn add_signed(context: &Context, a: &Decimal, b: &Decimal, b_negative: bool) -> Quick {
    let (mut x, mut y) = (finite(a)?, finite(b)?);
    let gap = a.exponent.checked_sub(b.exponent)?;
    if gap > 0 {
        if x == 0 {
            return None;
        }
        x = shifted(x, gap)?;
    } else if gap < 0 {
        if y == 0 {
            return None;
        }
        y = shifted(y, -gap)?;
    }
    let exponent = a.exponent.min(b.exponent);
    if a.negative == b_negative {
        return finalize(context, a.negative, x.checked_add(y)?, exponent);
    }
    match x.cmp(&y) {
        Ordering::Greater => finalize(context, a.negative, x - y, exponent),
        Ordering::Less => finalize(context, b_negative, y - x, exponent),
        Ordering::Equal => finalize(context, context.rounding == Rounding::Floor, 0, exponent),
    }
}

/// `a * b`.
pub fn multiply(context: &Context, a: &Decimal, b: &Decimal) -> Quick {
    let c = product(finite(a)?, finite(b)?)?;
    finalize(context, a.negative != b.negative, c, a.exponent.checked_add(b.exponent)?)
}

/// `a / b`.
pub fn divide(context: &Context, a: &Decimal, b: &Decimal) -> Quick {
    let (x, y) = (finite(a)?, finite(b)?);
    if x == 0 || y == 0 {
        return None;
    }
    let ideal = a.exponent.checked_sub(b.exponent)?;
    let shift = (count(y) - count(x)).checked_add(context.prec)?.checked_add(1)?;
    let exponent = ideal.checked_sub(shift)?;
    let (over, under) = if shift >= 0 { (shifted(x, shift)?, y) } else { (x, shifted(y, -shift)?) };
    let (mut q, r) = div_rem(over, under);
    let negative = a.negative != b.negative;
    if r != 0 {
        // A last digit that is neither 0 nor 5 tells every rounding that something follows.
        q += u128::from(q % 5 == 0);
        return finalize(context, negative, q, exponent);
    }
    let (q, removed) = strip_zeros(q, ideal.checked_sub(exponent)?);
    finalize(context, negative, q, exponent + removed)
}

/// Removes trailing zeros, at most `max` of them, and says how many.
fn strip_zeros(mut c: u128, max: i64) -> (u128, i64) {
    let mut removed = 0;
    for step in [16, 8, 4, 2, 1] {
        // A number with so many zeros at its end in decimal has as many in binary.
        while removed + step <= max && i64::from(c.trailing_zeros()) >= step {
            let (q, r) = div_rem(c, POWERS[step as usize]);
            if r != 0 {
                break;
            }
            c = q;
            removed += step;
        }
    }
    (c, removed)
}

/// `a.quantize(b)`.
pub fn quantize(context: &Context, a: &Decimal, b: &Decimal) -> Quick {
    let c = finite(a)?;
    if c == 0 || b.kind != Kind::Finite || b.exponent > context.emax || b.exponent < context.etiny() {
        return None;
    }
    let gap = a.exponent.checked_sub(b.exponent)?;
    let (c, raised) = if gap >= 0 { (shifted(c, gap)?, 0) } else { cut(context, a.negative, c, -gap)? };
    if c == 0 || count(c) > context.prec {
        return None;
    }
    let (d, more) = finalize(context, a.negative, c, b.exponent)?;
    Some((d, raised | more))
}

/// The order of two numbers, neither of them a NaN.
pub fn order(a: &Decimal, b: &Decimal) -> Option<Ordering> {
    let (x, y) = (finite(a)?, finite(b)?);
    if a.exponent != b.exponent {
        return None;
    }
    let order = if a.negative == b.negative || x | y == 0 { x.cmp(&y) } else { Ordering::Greater };
    Some(if a.negative && x | y != 0 { order.reverse() } else { order })
}

/// The text of a decimal whose exponent needs no notation of its own, written to the end of the room: where it begins.
pub fn text(d: &Decimal, room: &mut [u8; 64]) -> Option<usize> {
    let mut rest = finite(d)?;
    let mut at = room.len();
    let fraction = usize::try_from(-d.exponent).ok()?;
    let digits = count(rest) as usize;
    // With more leading zeros than these the text is scientific.
    if fraction >= digits + 6 {
        return None;
    }
    for place in 0..digits.max(fraction + 1) {
        if place == fraction && fraction > 0 {
            at -= 1;
            room[at] = b'.';
        }
        let (q, digit) = match u64::try_from(rest) {
            Ok(low) => (u128::from(low / 10), (low % 10) as u8),
            Err(_) => (rest / 10, (rest % 10) as u8),
        };
        at -= 1;
        room[at] = b'0' + digit;
        rest = q;
    }
    if d.negative {
        at -= 1;
        room[at] = b'-';
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decimal(c: u128, exponent: i64) -> Decimal {
        Decimal::finite(false, UBig::from(c), exponent)
    }

    #[test]
    fn digits_are_counted() {
        for n in 0..39 {
            let power = POWERS[n as usize];
            assert_eq!((count(power), count(power - 1)), (n + 1, n.max(1)), "10^{n}");
        }
        assert_eq!((count(0), count(u128::MAX)), (1, 39));
    }

    #[test]
    fn texts_are_those_of_the_general_way() {
        for (c, exponent) in
            [(0, 0), (0, -2), (5, -1), (5, -6), (12345, -2), (12345, -5), (12345, -6), (u128::MAX >> 1, -20)]
        {
            let mut room = [0; 64];
            let from = text(&decimal(c, exponent), &mut room).expect("plain");
            let general = decimal(c, exponent).to_sci(true, &mut crate::never).expect("no poll");
            assert_eq!(std::str::from_utf8(&room[from..]), Ok(general.as_str()));
        }
        assert_eq!(text(&decimal(5, -7), &mut [0; 64]), None);
        assert_eq!(text(&decimal(5, 1), &mut [0; 64]), None);
    }

    #[test]
    fn results_are_those_of_the_general_way() {
        let context = Context { prec: 9, ..Context::python() };
        let numbers = [
            (0, 0),
            (1, 0),
            (7, -3),
            (999_999_999, 0),
            (123_456_789_012, -4),
            (5, -10),
            (10, 5),
            (u128::from(u64::MAX), -9),
        ];
        for (a, b) in numbers.iter().flat_map(|a| numbers.iter().map(move |b| (a, b))) {
            let (a, b) = (decimal(a.0, a.1), decimal(b.0, b.1));
            for (name, quick) in
                [("add", add(&context, &a, &b)), ("sub", subtract(&context, &a, &b)), ("div", divide(&context, &a, &b))]
            {
                let Some((d, raised)) = quick else { continue };
                // A context that clamps is none of the quick way's.
                let wide = Context { clamp: true, ..context.clone() };
                let mut poll = crate::never;
                let mut arith = super::super::Arith::new(&wide, &mut poll);
                let general = match name {
                    "add" => arith.add(&a, &b),
                    "sub" => arith.subtract(&a, &b),
                    _ => arith.divide(&a, &b),
                };
                assert_eq!((Ok(d), raised), (general, arith.status), "{name} {a:?} {b:?}");
            }
        }
    }
}
