//! Convert: integers to and from floats and bytes.

use super::{
    DIVISION_BY_ZERO,
    bits::{bit_length, not},
    is_negative, kernel, magnitude,
};
use crate::{NumError, Poll};
use dashu_int::{IBig, Sign, UBig};

const FLOAT_BITS: i64 = 53;

/// Which end of a byte string holds the least significant byte.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ByteOrder {
    Little,
    Big,
}

/// `float(n)`, correctly rounded.
pub fn to_f64(n: &IBig) -> Result<f64, NumError> {
    let bits = bit_length(n);
    let m = if bits <= 64 {
        n.as_sign_words().1.first().copied().unwrap_or(0) as f64
    } else if bits > 1024 {
        f64::INFINITY
    } else {
        // 64 leading bits, the last of them sticky, round as the whole number does.
        let cut = (bits - 64) as usize;
        let m = magnitude(n);
        let top = &*m >> cut;
        let sticky = m.trailing_zeros().is_some_and(|z| z < cut);
        let top = top.as_words()[0] | u64::from(sticky);
        top as f64 * 2f64.powi(cut as i32)
    };
    if m.is_infinite() {
        return Err(NumError::overflow("int too large to convert to float"));
    }
    Ok(if is_negative(n) { -m } else { m })
}

/// `a / b`, correctly rounded.
pub fn true_divide(a: &IBig, b: &IBig, poll: &mut Poll) -> Result<f64, NumError> {
    if b.is_zero() {
        return Err(DIVISION_BY_ZERO);
    }
    if a.is_zero() {
        return Ok(if is_negative(b) { -0.0 } else { 0.0 });
    }
    let negative = a.sign() != b.sign();
    let magnitude = divide_magnitudes(&magnitude(a), &magnitude(b), poll)?;
    Ok(if negative { -magnitude } else { magnitude })
}

fn divide_magnitudes(a: &UBig, b: &UBig, poll: &mut Poll) -> Result<f64, NumError> {
    if kernel::bit_len(a) <= FLOAT_BITS as usize && kernel::bit_len(b) <= FLOAT_BITS as usize {
        return Ok(word(a) as f64 / word(b) as f64);
    }
    let diff = kernel::bit_len(a) as i64 - kernel::bit_len(b) as i64;
    if diff > 1024 {
        return Err(quotient_overflow());
    }
    if diff < -1076 {
        return Ok(0.0);
    }
    // The quotient gets FLOAT_BITS + 2 or + 3 bits, fewer where the result is subnormal; the rest only is sticky.
    let shift = (diff - (FLOAT_BITS + 2)).max(-1074 - 2);
    let (q, r) = if shift < 0 {
        kernel::div_rem(&(a << (-shift) as usize), b, poll)?
    } else {
        kernel::div_rem(a, &(b << shift as usize), poll)?
    };
    let q = word(&q) << 1 | u64::from(!r.is_zero());
    let value = scale(q, shift - 1);
    if value.is_infinite() { Err(quotient_overflow()) } else { Ok(value) }
}

fn quotient_overflow() -> NumError {
    NumError::overflow("integer division result too large for a float")
}

fn word(n: &UBig) -> u64 {
    n.as_words().first().copied().unwrap_or(0)
}

/// `m * 2^exp` rounded once, half to even.
pub fn scale(m: u64, exp: i64) -> f64 {
    if m == 0 {
        return 0.0;
    }
    let bits = 64 - i64::from(m.leading_zeros());
    // How many low bits the result cannot hold.
    let drop = (bits - FLOAT_BITS).max(-1074 - exp);
    let (m, exp) = if drop > 0 { (round_shift(m, drop), exp + drop) } else { (m, exp) };
    if m == 0 {
        return 0.0;
    }
    let bits = 64 - i64::from(m.leading_zeros());
    if bits + exp > 1024 {
        return f64::INFINITY;
    }
    // Exact from here on: m has at most 53 bits; two steps keep the factors finite.
    let half = (exp / 2) as i32;
    let rest = (exp - i64::from(half)) as i32;
    if exp < -1000 {
        // The order matters for subnormals: bring m up first.
        m as f64 * pow2(rest) * pow2(half)
    } else {
        m as f64 * pow2(half) * pow2(rest)
    }
}

fn pow2(exp: i32) -> f64 {
    f64::from_bits(((i64::from(exp) + 1023) as u64) << 52)
}

/// `m >> drop`, half to even.
fn round_shift(m: u64, drop: i64) -> u64 {
    if drop > 64 {
        return 0;
    }
    let wide = u128::from(m);
    let (q, r, half) = (wide >> drop, wide & ((1 << drop) - 1), 1u128 << (drop - 1));
    (q + u128::from(r > half || (r == half && q & 1 == 1))) as u64
}

/// `|x| = mantissa * 2^exponent` for a finite float.
pub fn decompose(x: f64) -> (u64, i64) {
    let bits = x.to_bits();
    let biased = (bits >> 52 & 0x7ff) as i64;
    let fraction = bits & ((1 << 52) - 1);
    if biased == 0 { (fraction, -1074) } else { (fraction | 1 << 52, biased - 1075) }
}

/// `int(x)`: toward zero.
pub fn from_f64(x: f64) -> Result<IBig, NumError> {
    if x.is_nan() {
        return Err(NumError::value("cannot convert float NaN to integer"));
    }
    if x.is_infinite() {
        return Err(NumError::overflow("cannot convert float infinity to integer"));
    }
    let (m, exp) = decompose(x);
    let magnitude = if exp >= 0 {
        UBig::from(m) << exp as usize
    } else if exp > -64 {
        UBig::from(m >> -exp)
    } else {
        UBig::ZERO
    };
    Ok(IBig::from_parts(if x < 0.0 { Sign::Negative } else { Sign::Positive }, magnitude))
}

/// `x.as_integer_ratio()`.
pub fn as_integer_ratio(x: f64) -> Result<(IBig, IBig), NumError> {
    if x.is_nan() {
        return Err(NumError::value("cannot convert NaN to integer ratio"));
    }
    if x.is_infinite() {
        return Err(NumError::overflow("cannot convert Infinity to integer ratio"));
    }
    if x == 0.0 {
        return Ok((IBig::ZERO, IBig::ONE));
    }
    let (m, exp) = decompose(x);
    let zeros = m.trailing_zeros();
    let (m, exp) = (IBig::from(m >> zeros), exp + i64::from(zeros));
    let m = if x < 0.0 { -m } else { m };
    Ok(if exp >= 0 { (m << exp as usize, IBig::ONE) } else { (m, IBig::ONE << (-exp) as usize) })
}

/// `n.to_bytes(length, order, signed=signed)`; the caller checks the length against its memory first.
pub fn to_bytes(n: &IBig, length: usize, order: ByteOrder, signed: bool) -> Result<Vec<u8>, NumError> {
    let negative = is_negative(n);
    if negative && !signed {
        return Err(NumError::overflow("can't convert negative int to unsigned"));
    }
    // Bits of two's complement with its sign bit, or of the plain magnitude.
    let bits = match (signed, negative) {
        (false, _) => bit_length(n),
        (true, false) => bit_length(n) + 1,
        (true, true) => bit_length(&not(n)) + 1,
    };
    // CPython lets 0 pass in no bytes at all, signed or not.
    if bits > (length as u64).saturating_mul(8) && !n.is_zero() {
        return Err(NumError::overflow("int too big to convert"));
    }
    let bytes = n.to_le_bytes();
    let used = bytes.len().min(length);
    let mut out = vec![if negative { 0xff } else { 0 }; length];
    out[..used].copy_from_slice(&bytes[..used]);
    if order == ByteOrder::Big {
        out.reverse();
    }
    Ok(out)
}

/// `int.from_bytes(bytes, order, signed=signed)`.
pub fn from_bytes(bytes: &[u8], order: ByteOrder, signed: bool) -> IBig {
    match (order, signed) {
        _ if bytes.is_empty() => IBig::ZERO,
        (ByteOrder::Little, true) => IBig::from_le_bytes(bytes),
        (ByteOrder::Big, true) => IBig::from_be_bytes(bytes),
        (ByteOrder::Little, false) => IBig::from(UBig::from_le_bytes(bytes)),
        (ByteOrder::Big, false) => IBig::from(UBig::from_be_bytes(bytes)),
    }
}
