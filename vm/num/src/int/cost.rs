//! Cost: upper bounds of result sizes, known before anything is allocated.

use super::bits::bit_length;
use dashu_int::IBig;

/// Bits of `a * b` at most.
pub fn mul_bits(a: &IBig, b: &IBig) -> u64 {
    if a.is_zero() || b.is_zero() { 0 } else { bit_length(a).saturating_add(bit_length(b)) }
}

/// Bits of `base ** exp` at most; `None` when they cannot even be counted.
pub fn pow_bits(base: &IBig, exp: &IBig) -> Option<u64> {
    let bits = bit_length(base);
    if base.as_sign_words().1 == [1] || bits == 0 {
        return Some(1);
    }
    let exp = u64::try_from(exp).ok()?;
    // A power of two has one bit more than its exponent; anything else has at most bits * exp.
    if base.trailing_zeros().is_some_and(|z| z as u64 + 1 == bits) {
        return (bits - 1).checked_mul(exp)?.checked_add(1);
    }
    bits.checked_mul(exp)
}

/// Bits of `n << shift` at most.
pub fn shl_bits(n: &IBig, shift: &IBig) -> Option<u64> {
    if n.is_zero() {
        return Some(0);
    }
    bit_length(n).checked_add(u64::try_from(shift).ok()?)
}

/// Bits of `n!` at most.
pub fn factorial_bits(n: u64) -> u64 {
    n.saturating_mul(u64::from(64 - n.leading_zeros()))
}

/// Digits of `n` in a base of 2 to 36, at most (and at most one too many, or a part in a million).
pub fn text_digits(n: &IBig, base: u32) -> u64 {
    let bits = bit_length(n);
    if base.is_power_of_two() {
        return bits.div_ceil(u64::from(base.ilog2())).max(1);
    }
    (bits as f64 / f64::from(base).log2() * 1.000_000_1) as u64 + 1
}
