//! Int: Python's integer arithmetic over `IBig`.
//!
//! Functions that can take long take a [`Poll`]; functions whose result can be much larger than their operands have
//! an estimator in [`cost`], so that callers can refuse before anything is allocated.

pub mod bits;
pub mod convert;
pub mod cost;
pub mod hash;
pub mod kernel;
pub mod math;
pub mod modular;
pub mod small;

pub use bits::{and, bit_count, bit_length, not, or, shl, shr, xor};
pub use convert::{as_integer_ratio, from_bytes, from_f64, to_bytes, to_f64, true_divide};
pub use hash::{hash_complex, hash_f64, hash_int};
pub use math::{comb, factorial, gcd, isqrt, lcm, perm};
pub use modular::pow_mod;

use crate::{NumError, Poll, Stop};
use dashu_int::{IBig, Sign, UBig};

/// Results past this many bits (32 GiB) are refused outright, whatever the caller's own limit is.
pub const BITS_MAX: u64 = 1 << 38;

pub(crate) const DIVISION_BY_ZERO: NumError = NumError::ZeroDivision("division by zero");

/// The magnitude of `n`, borrowed when it is positive.
pub(crate) fn magnitude(n: &IBig) -> std::borrow::Cow<'_, UBig> {
    match n.as_ubig() {
        Some(m) => std::borrow::Cow::Borrowed(m),
        None => std::borrow::Cow::Owned(UBig::from_words(n.as_sign_words().1)),
    }
}

pub fn is_negative(n: &IBig) -> bool {
    n.sign() == Sign::Negative
}

/// `a * b`.
pub fn mul(a: &IBig, b: &IBig, poll: &mut Poll) -> Result<IBig, Stop> {
    let (x, y) = (a.as_sign_words().1.len(), b.as_sign_words().1.len());
    if x.saturating_mul(y) <= 4_096 {
        return Ok(a * b);
    }
    let sign = a.sign() * b.sign();
    let m = if std::ptr::eq(a, b) {
        kernel::sqr(&magnitude(a), poll)?
    } else {
        kernel::mul(&magnitude(a), &magnitude(b), poll)?
    };
    Ok(IBig::from_parts(sign, m))
}

/// `divmod(a, b)`: the quotient is floored, the remainder has the divisor's sign.
pub fn divmod(a: &IBig, b: &IBig, poll: &mut Poll) -> Result<(IBig, IBig), NumError> {
    if b.is_zero() {
        return Err(DIVISION_BY_ZERO);
    }
    let (q, r) = kernel::div_rem(&magnitude(a), &magnitude(b), poll)?;
    let mut q = IBig::from_parts(a.sign() * b.sign(), q);
    let mut r = IBig::from_parts(a.sign(), r);
    if !r.is_zero() && r.sign() != b.sign() {
        q -= 1u8;
        r += b;
    }
    Ok((q, r))
}

/// `a // b`.
pub fn floor_div(a: &IBig, b: &IBig, poll: &mut Poll) -> Result<IBig, NumError> {
    Ok(divmod(a, b, poll)?.0)
}

/// `a % b`.
pub fn modulo(a: &IBig, b: &IBig, poll: &mut Poll) -> Result<IBig, NumError> {
    Ok(divmod(a, b, poll)?.1)
}

/// `base ** exp` for an exponent that is not negative (a negative one makes a float: the caller's business).
pub fn pow(base: &IBig, exp: &IBig, poll: &mut Poll) -> Result<IBig, NumError> {
    if exp.is_zero() {
        return Ok(IBig::ONE);
    }
    let odd = exp.as_sign_words().1[0] & 1 == 1;
    let sign = if is_negative(base) && odd { Sign::Negative } else { Sign::Positive };
    if base.as_sign_words().1 == [1] {
        return Ok(IBig::from_parts(sign, UBig::ONE));
    }
    if base.is_zero() {
        return Ok(IBig::ZERO);
    }
    match cost::pow_bits(base, exp) {
        Some(bits) if bits <= BITS_MAX => {}
        _ => return Err(NumError::Memory),
    }
    let Ok(exp) = u64::try_from(exp) else { return Err(NumError::Memory) };
    Ok(IBig::from_parts(sign, kernel::pow(&magnitude(base), exp, poll)?))
}

/// `round(n, -digits)` for ints: to a multiple of `10 ** digits`, half to even.
pub fn round_to_tens(n: &IBig, digits: u64, poll: &mut Poll) -> Result<IBig, NumError> {
    // Rounding to a unit far above the number gives zero without ever building the unit.
    let bits = bit_length(n);
    if digits > bits {
        return Ok(IBig::ZERO);
    }
    let unit = IBig::from(kernel::pow(&UBig::from(10u8), digits, poll)?);
    let (q, r) = divmod(n, &unit, poll)?;
    let twice = &r << 1;
    let up = twice > unit || (twice == unit && q.as_sign_words().1.first().is_some_and(|w| w & 1 == 1));
    let base = n - r;
    Ok(if up { base + unit } else { base })
}
