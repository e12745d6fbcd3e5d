//! Bits: shifts and two's complement logic.

use super::{BITS_MAX, cost, is_negative};
use crate::NumError;
use dashu_int::IBig;

const NEGATIVE_SHIFT: &str = "negative shift count";

/// `n << shift`.
pub fn shl(n: &IBig, shift: &IBig) -> Result<IBig, NumError> {
    if is_negative(shift) {
        return Err(NumError::value(NEGATIVE_SHIFT));
    }
    if n.is_zero() {
        return Ok(IBig::ZERO);
    }
    let Some(bits) = cost::shl_bits(n, shift) else {
        return Err(NumError::overflow("too many digits in integer"));
    };
    match usize::try_from(shift) {
        Ok(shift) if bits <= BITS_MAX => Ok(n << shift),
        _ => Err(NumError::Memory),
    }
}

/// `n >> shift`, rounding toward minus infinity.
pub fn shr(n: &IBig, shift: &IBig) -> Result<IBig, NumError> {
    if is_negative(shift) {
        return Err(NumError::value(NEGATIVE_SHIFT));
    }
    match usize::try_from(shift) {
        Ok(shift) if (shift as u64) < bit_length(n) => Ok(n >> shift),
        _ => Ok(if is_negative(n) { IBig::NEG_ONE } else { IBig::ZERO }),
    }
}

pub fn and(a: &IBig, b: &IBig) -> IBig {
    a & b
}

pub fn or(a: &IBig, b: &IBig) -> IBig {
    a | b
}

pub fn xor(a: &IBig, b: &IBig) -> IBig {
    a ^ b
}

pub fn not(n: &IBig) -> IBig {
    -(n + 1u8)
}

/// `n.bit_length()`: bits of the magnitude.
pub fn bit_length(n: &IBig) -> u64 {
    let w = n.as_sign_words().1;
    match w.last() {
        Some(top) => w.len() as u64 * 64 - u64::from(top.leading_zeros()),
        None => 0,
    }
}

/// `n.bit_count()`: ones in the magnitude.
pub fn bit_count(n: &IBig) -> u64 {
    n.as_sign_words().1.iter().map(|w| u64::from(w.count_ones())).sum()
}
