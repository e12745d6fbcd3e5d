//! Real: what Python's `math` does beyond the C library, on plain floats.

mod gamma;
mod sums;

pub use gamma::{gamma, lgamma};
pub use sums::{FloatSum, ProductSum, SumError, vector_norm};

use crate::int::convert::decompose;

/// Why a function gives no float.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RealError {
    /// ValueError.
    Domain,
    /// OverflowError.
    Range,
}

/// `math.frexp(x)`.
pub fn frexp(x: f64) -> (f64, i64) {
    if x == 0.0 || !x.is_finite() {
        return (x, 0);
    }
    let (m, e) = decompose(x);
    let bits = 64 - i64::from(m.leading_zeros());
    let fraction = crate::int::convert::scale(m, -bits);
    (fraction.copysign(x), e + bits)
}

/// `math.ldexp(x, exp)`, rounded once; `Range` on overflow.
pub fn ldexp(x: f64, exp: i64) -> Result<f64, RealError> {
    if x == 0.0 || !x.is_finite() {
        return Ok(x);
    }
    let (m, e) = decompose(x);
    let y = crate::int::convert::scale(m, e.saturating_add(exp)).copysign(x);
    if y.is_infinite() { Err(RealError::Range) } else { Ok(y) }
}

/// `math.ulp(x)`.
pub fn ulp(x: f64) -> f64 {
    if x.is_nan() {
        return x;
    }
    let x = x.abs();
    if x.is_infinite() {
        return x;
    }
    let next = f64::from_bits(x.to_bits() + 1);
    if next.is_infinite() { x - f64::from_bits(x.to_bits() - 1) } else { next - x }
}

/// `math.nextafter(x, y, steps=steps)`.
pub fn next_after(x: f64, y: f64, steps: u64) -> f64 {
    if steps == 0 || x.is_nan() {
        return x;
    }
    if y.is_nan() {
        return y;
    }
    if x == y {
        return y;
    }
    // Floats in order as integers, both zeros at 0.
    let rank = |v: f64| {
        let bits = (v.to_bits() & !(1 << 63)) as i64;
        if v.is_sign_negative() { -bits } else { bits }
    };
    let (from, to) = (rank(x), rank(y));
    if steps >= to.abs_diff(from) {
        return y;
    }
    let at = if from < to { from.saturating_add_unsigned(steps) } else { from.saturating_sub_unsigned(steps) };
    let magnitude = f64::from_bits(at.unsigned_abs());
    // A step onto zero keeps the sign of where it came from.
    if at < 0 || (at == 0 && x.is_sign_negative()) { -magnitude } else { magnitude }
}

/// `math.remainder(x, y)`: what is left after the nearest multiple of `y`, exactly.
pub fn remainder(x: f64, y: f64) -> Result<f64, RealError> {
    if x.is_nan() || y.is_nan() {
        return Ok(x + y);
    }
    if x.is_infinite() || y == 0.0 {
        return Err(RealError::Domain);
    }
    if y.is_infinite() {
        return Ok(x);
    }
    let (ax, ay) = (x.abs(), y.abs());
    let m = ax % ay;
    // The distance to the multiple above; both are exact.
    let c = ay - m;
    let r = if m < c {
        m
    } else if m > c {
        -c
    } else {
        // Halfway: the even multiple. The quotient is even if (ax - m) / 2 is a multiple of y.
        let half = 0.5 * (ax - m);
        m - 2.0 * (half % ay)
    };
    Ok(1f64.copysign(x) * r)
}

/// `math.pow(x, y)` with C's special cases turned into errors.
pub fn pow(x: f64, y: f64) -> Result<f64, RealError> {
    let r = x.powf(y);
    if !x.is_finite() || !y.is_finite() {
        return Ok(r);
    }
    if r.is_nan() {
        return Err(RealError::Domain);
    }
    if r.is_infinite() {
        return Err(if x == 0.0 { RealError::Domain } else { RealError::Range });
    }
    Ok(r)
}

/// `math.isclose(a, b)`, the tolerances not negative.
pub fn is_close(a: f64, b: f64, relative: f64, absolute: f64) -> bool {
    if a == b {
        return true;
    }
    if a.is_infinite() || b.is_infinite() {
        return false;
    }
    let gap = (b - a).abs();
    gap <= (relative * b).abs() || gap <= (relative * a).abs() || gap <= absolute
}
