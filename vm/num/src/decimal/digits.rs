//! Digits: powers of ten, digit counts and decimal shifts of binary coefficients.

use super::quick;
use crate::int::kernel;
use crate::{Poll, Stop, never};
use dashu_int::UBig;
use std::cmp::Ordering;

/// What a shift to the right cut off, in units of the last kept digit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    Zero,
    BelowHalf,
    Half,
    AboveHalf,
}

/// `10^n`.
pub(super) fn pow10(n: u64, poll: &mut Poll) -> Result<UBig, Stop> {
    if let Some(power) = quick::power(n) {
        return Ok(UBig::from(power));
    }
    kernel::pow(&UBig::from(10u8), n, poll)
}

/// Number of decimal digits; 1 for zero.
pub(super) fn count(c: &UBig) -> i64 {
    if let Some(n) = quick::small(c) {
        return quick::count(n);
    }
    // The logarithm to within a millionth of a digit settles all but the neighbourhood of powers of ten.
    let cut = kernel::bit_len(c) - 64;
    let top = (c >> cut).as_words()[0] as f64;
    let whole = cut as f64 * std::f64::consts::LOG10_2;
    let log = top.log10() + whole;
    let slack = 1e-12 * (whole + 20.0);
    if (log - slack).floor() == (log + slack).floor() {
        return log.floor() as i64 + 1;
    }
    let digits = (log + slack).floor() as i64;
    match pow10(digits as u64, &mut never) {
        Ok(power) if *c < power => digits,
        _ => digits + 1,
    }
}

/// `c * 10^n`.
pub(super) fn shift_left(c: &UBig, n: u64, poll: &mut Poll) -> Result<UBig, Stop> {
    if n == 0 || c.is_zero() {
        return Ok(c.clone());
    }
    kernel::mul(c, &pow10(n, poll)?, poll)
}

/// `c / 10^n` and what was cut off.
pub(super) fn shift_right(c: &UBig, n: u64, poll: &mut Poll) -> Result<(UBig, Rest), Stop> {
    if n == 0 || c.is_zero() {
        return Ok((c.clone(), Rest::Zero));
    }
    if n > count(c) as u64 {
        return Ok((UBig::ZERO, Rest::BelowHalf));
    }
    let unit = pow10(n, poll)?;
    let (q, r) = kernel::div_rem(c, &unit, poll)?;
    Ok((q, classify(&r, &unit)))
}

/// Where `r` lies between zero and `unit`.
pub(super) fn classify(r: &UBig, unit: &UBig) -> Rest {
    if r.is_zero() {
        return Rest::Zero;
    }
    match (r << 1).cmp(unit) {
        Ordering::Less => Rest::BelowHalf,
        Ordering::Equal => Rest::Half,
        Ordering::Greater => Rest::AboveHalf,
    }
}

/// The low `n` digits.
pub(super) fn low_digits(c: &UBig, n: u64, poll: &mut Poll) -> Result<UBig, Stop> {
    if n >= count(c) as u64 {
        return Ok(c.clone());
    }
    Ok(kernel::div_rem(c, &pow10(n, poll)?, poll)?.1)
}

/// Removes trailing zeros, at most `max` of them, and says how many.
pub(super) fn strip_zeros(c: &UBig, max: u64, poll: &mut Poll) -> Result<(UBig, u64), Stop> {
    // A number with z zeros at its end in decimal has at least z in binary.
    let max = max.min(c.trailing_zeros().unwrap_or(0) as u64);
    let mut c = c.clone();
    let mut removed = 0;
    if max == 0 {
        return Ok((c, 0));
    }
    for k in (0..=max.ilog2()).rev() {
        let step = 1u64 << k;
        if removed + step > max {
            continue;
        }
        let (q, r) = kernel::div_rem(&c, &pow10(step, poll)?, poll)?;
        if r.is_zero() {
            c = q;
            removed += step;
        }
    }
    Ok((c, removed))
}

/// Whether at least `n` trailing digits are zero.
pub(super) fn zeros_at_least(c: &UBig, n: u64) -> bool {
    if c.trailing_zeros().is_none_or(|z| (z as u64) < n) {
        return c.is_zero();
    }
    // As many zero bits as digits make the power of ten no longer than the number itself.
    match strip_zeros(c, n, &mut never) {
        Ok((_, removed)) => removed == n,
        Err(_) => false,
    }
}
