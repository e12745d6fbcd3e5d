//! Hash: CPython's numeric hashes, modulo the prime 2^61 - 1, equal for equal numbers of every type.

use dashu_int::{IBig, Sign};

pub const MODULUS: u64 = (1 << 61) - 1;
pub const HASH_INF: i64 = 314_159;
pub const HASH_IMAG: u64 = 1_000_003;

/// `hash(n)`.
pub fn hash_int(n: &IBig) -> i64 {
    let (sign, words) = n.as_sign_words();
    let mut h = 0u64;
    for word in words.iter().rev() {
        // 2^64 is 8 modulo the prime, and 2^61 is 1: the bits above 61 are added to those below.
        let sum = u128::from(h) * 8 + u128::from(*word);
        let folded = (sum as u64 & MODULUS) + (sum >> 61) as u64;
        h = if folded >= MODULUS { folded - MODULUS } else { folded };
    }
    signed(h, sign == Sign::Negative)
}

/// `hash(n)` for a machine word.
pub fn hash_i64(n: i64) -> i64 {
    signed(n.unsigned_abs() % MODULUS, n < 0)
}

/// `hash(x)`; `None` for a NaN, whose hash is that of the object's identity.
pub fn hash_f64(x: f64) -> Option<i64> {
    if x.is_nan() {
        return None;
    }
    if x.is_infinite() {
        return Some(if x > 0.0 { HASH_INF } else { -HASH_INF });
    }
    let (mantissa, exponent) = super::convert::decompose(x);
    let turn = exponent.rem_euclid(61) as u32;
    Some(signed(rotate(mantissa, turn), x < 0.0))
}

/// `hash(complex(re, im))` from the hashes of its parts.
pub fn hash_complex(re: i64, im: i64) -> i64 {
    let h = (re as u64).wrapping_add(HASH_IMAG.wrapping_mul(im as u64)) as i64;
    if h == -1 { -2 } else { h }
}

/// `m * 2^turn` modulo the prime, for `m` below it.
fn rotate(m: u64, turn: u32) -> u64 {
    let wide = u128::from(m) << turn;
    (wide % u128::from(MODULUS)) as u64
}

/// Applies the sign and keeps -1 free as the error value.
pub fn signed(h: u64, negative: bool) -> i64 {
    let h = if negative { -(h as i64) } else { h as i64 };
    if h == -1 { -2 } else { h }
}

/// `10 ** exp` modulo the prime, for decimals; a negative exponent uses the inverse of ten.
pub fn pow10_mod(exp: i64) -> u64 {
    const INVERSE_OF_TEN: u64 = 2_075_258_708_292_324_556;
    let (mut base, mut exp) = (if exp < 0 { INVERSE_OF_TEN } else { 10 }, exp.unsigned_abs());
    let mut result = 1u64;
    while exp > 0 {
        if exp & 1 == 1 {
            result = mul_mod(result, base);
        }
        base = mul_mod(base, base);
        exp >>= 1;
    }
    result
}

pub fn mul_mod(a: u64, b: u64) -> u64 {
    (u128::from(a) * u128::from(b) % u128::from(MODULUS)) as u64
}
