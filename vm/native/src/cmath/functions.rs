//! Functions: the complex functions on pairs of floats, by Kahan's formulas where cancellation threatens.

use super::special::{self, Entry, Table, look_up};
use crate::libm;
use std::f64::consts::{E, FRAC_PI_2, LN_2, LN_10};
use typhon_num::real::RealError;

/// Real and imaginary part.
pub(super) type Complex = (f64, f64);
pub(super) type Result = std::result::Result<Complex, RealError>;

/// Parts beyond this are halved before they are squared or added.
const LARGE: f64 = f64::MAX / 4.0;

fn log_large() -> f64 {
    LARGE.ln()
}

/// The table's answer for a number that is not finite.
fn special(table: &Table, (x, y): Complex) -> Option<Result> {
    match look_up(table, x, y) {
        Entry::Value(re, im) => Some(Ok((re, im))),
        Entry::Domain => Some(Err(RealError::Domain)),
        Entry::Formula => None,
    }
}

fn large((x, y): Complex) -> bool {
    x.abs() > LARGE || y.abs() > LARGE
}

/// `log(2 * |z|)` of a number too large to square.
fn log_twice((x, y): Complex) -> f64 {
    (x / 2.0).hypot(y / 2.0).ln() + LN_2 * 2.0
}

fn finite((x, y): Complex) -> Result {
    if x.is_infinite() || y.is_infinite() { Err(RealError::Range) } else { Ok((x, y)) }
}

pub(super) fn acos(z: Complex) -> Result {
    if let Some(r) = special(&special::ACOS, z) {
        return r;
    }
    let (x, y) = z;
    if large(z) {
        let log = log_twice(z);
        return Ok((y.abs().atan2(x), if x < 0.0 { -log.copysign(y) } else { log.copysign(-y) }));
    }
    let (a, b) = (root((1.0 - x, -y)), root((1.0 + x, y)));
    Ok((2.0 * a.0.atan2(b.0), libm::asinh(b.0 * a.1 - b.1 * a.0)))
}

pub(super) fn acosh(z: Complex) -> Result {
    if let Some(r) = special(&special::ACOSH, z) {
        return r;
    }
    let (x, y) = z;
    if large(z) {
        return Ok((log_twice(z), y.atan2(x)));
    }
    let (a, b) = (root((x - 1.0, y)), root((x + 1.0, y)));
    Ok((libm::asinh(a.0 * b.0 + a.1 * b.1), 2.0 * a.1.atan2(b.0)))
}

pub(super) fn asin((x, y): Complex) -> Result {
    let (re, im) = asinh((-y, x))?;
    Ok((im, -re))
}

pub(super) fn asinh(z: Complex) -> Result {
    if let Some(r) = special(&special::ASINH, z) {
        return r;
    }
    let (x, y) = z;
    if large(z) {
        let log = log_twice(z);
        return Ok((if y >= 0.0 { log.copysign(x) } else { -log.copysign(-x) }, y.atan2(x.abs())));
    }
    let (a, b) = (root((1.0 + y, -x)), root((1.0 - y, x)));
    Ok((libm::asinh(a.0 * b.1 - b.0 * a.1), y.atan2(a.0 * b.0 - a.1 * b.1)))
}

pub(super) fn atan((x, y): Complex) -> Result {
    let (re, im) = atanh((-y, x))?;
    Ok((im, -re))
}

pub(super) fn atanh(z: Complex) -> Result {
    if let Some(r) = special(&special::ATANH, z) {
        return r;
    }
    let (x, y) = z;
    if x.is_sign_negative() {
        let (re, im) = atanh((-x, -y))?;
        return Ok((-re, -im));
    }
    let size = y.abs();
    if x > LARGE.sqrt() || size > LARGE.sqrt() {
        let h = (x / 2.0).hypot(y / 2.0);
        return Ok((x / 4.0 / h / h, -FRAC_PI_2.copysign(-y)));
    }
    if x == 1.0 && size < f64::MIN_POSITIVE.sqrt() {
        if size == 0.0 {
            return Err(RealError::Domain);
        }
        return Ok((-(size.sqrt() / size.hypot(2.0).sqrt()).ln(), (2f64.atan2(-size) / 2.0).copysign(y)));
    }
    let near = (1.0 - x) * (1.0 - x) + size * size;
    Ok(((4.0 * x / near).ln_1p() / 4.0, -(-2.0 * y).atan2((1.0 - x) * (1.0 + x) - size * size) / 2.0))
}

pub(super) fn cos((x, y): Complex) -> Result {
    cosh((-y, x))
}

pub(super) fn cosh(z: Complex) -> Result {
    if let Some(r) = special(&special::COSH, z) {
        return r;
    }
    let (x, y) = z;
    if x.is_infinite() {
        let im = f64::INFINITY.copysign(y.sin());
        return Ok((f64::INFINITY.copysign(y.cos()), if x > 0.0 { im } else { -im }));
    }
    if x.abs() > log_large() {
        let near = x - 1f64.copysign(x);
        return finite((y.cos() * near.cosh() * E, y.sin() * near.sinh() * E));
    }
    finite((y.cos() * x.cosh(), y.sin() * x.sinh()))
}

pub(super) fn exp(z: Complex) -> Result {
    if let Some(r) = special(&special::EXP, z) {
        return r;
    }
    let (x, y) = z;
    if x.is_infinite() {
        let size = if x > 0.0 { f64::INFINITY } else { 0.0 };
        return Ok((size.copysign(y.cos()), size.copysign(y.sin())));
    }
    if x > log_large() {
        let size = (x - 1.0).exp();
        return finite((size * y.cos() * E, size * y.sin() * E));
    }
    let size = x.exp();
    finite((size * y.cos(), size * y.sin()))
}

pub(super) fn log(z: Complex) -> Result {
    if let Some(r) = special(&special::LOG, z) {
        return r;
    }
    let (x, y) = z;
    let (ax, ay) = (x.abs(), y.abs());
    let re = if large(z) {
        (ax / 2.0).hypot(ay / 2.0).ln() + LN_2
    } else if ax < f64::MIN_POSITIVE && ay < f64::MIN_POSITIVE {
        if ax == 0.0 && ay == 0.0 {
            return Err(RealError::Domain);
        }
        // Both subnormal: bring them up to where they have all their digits.
        let up = 2f64.powi(53);
        (ax * up).hypot(ay * up).ln() - 53.0 * LN_2
    } else {
        let h = ax.hypot(ay);
        if (0.71..=1.73).contains(&h) {
            let (most, least) = (ax.max(ay), ax.min(ay));
            ((most - 1.0) * (most + 1.0) + least * least).ln_1p() / 2.0
        } else {
            h.ln()
        }
    };
    Ok((re, y.atan2(x)))
}

pub(super) fn log10(z: Complex) -> Result {
    let (re, im) = log(z)?;
    Ok((re / LN_10, im / LN_10))
}

pub(super) fn sin((x, y): Complex) -> Result {
    let (re, im) = sinh((-y, x))?;
    Ok((im, -re))
}

pub(super) fn sinh(z: Complex) -> Result {
    if let Some(r) = special(&special::SINH, z) {
        return r;
    }
    let (x, y) = z;
    if x.is_infinite() {
        let re = f64::INFINITY.copysign(y.cos());
        return Ok((if x > 0.0 { re } else { -re }, f64::INFINITY.copysign(y.sin())));
    }
    if x.abs() > log_large() {
        let near = x - 1f64.copysign(x);
        return finite((y.cos() * near.sinh() * E, y.sin() * near.cosh() * E));
    }
    finite((y.cos() * x.sinh(), y.sin() * x.cosh()))
}

pub(super) fn sqrt(z: Complex) -> Result {
    special(&special::SQRT, z).unwrap_or_else(|| Ok(root(z)))
}

/// The square root of a finite number.
fn root((x, y): Complex) -> Complex {
    if x == 0.0 && y == 0.0 {
        return (0.0, y);
    }
    let (ax, ay) = (x.abs(), y.abs());
    let s = if ax < f64::MIN_POSITIVE && ay < f64::MIN_POSITIVE {
        // Both subnormal: up by an even power of two, and down by half of it.
        let (up, down) = (2f64.powi(53), 2f64.powi(-27));
        (ax * up + (ax * up).hypot(ay * up)).sqrt() * down
    } else {
        2.0 * (ax / 8.0 + (ax / 8.0).hypot(ay / 8.0)).sqrt()
    };
    let d = ay / (2.0 * s);
    if x >= 0.0 { (s, d.copysign(y)) } else { (d, s.copysign(y)) }
}

pub(super) fn tan((x, y): Complex) -> Result {
    let (re, im) = tanh((-y, x))?;
    Ok((im, -re))
}

pub(super) fn tanh(z: Complex) -> Result {
    if let Some(r) = special(&special::TANH, z) {
        return r;
    }
    let (x, y) = z;
    if x.is_infinite() {
        return Ok((1f64.copysign(x), 0f64.copysign(2.0 * y.sin() * y.cos())));
    }
    if x.abs() > log_large() {
        return Ok((1f64.copysign(x), 4.0 * y.sin() * y.cos() * (-2.0 * x.abs()).exp()));
    }
    let (tx, ty, cx) = (x.tanh(), y.tan(), 1.0 / x.cosh());
    let product = tx * ty;
    let under = 1.0 + product * product;
    Ok((tx * (1.0 + ty * ty) / under, ((ty / under) * cx) * cx))
}

/// `cmath.rect(r, phi)`.
pub(super) fn rect(r: f64, phi: f64) -> Result {
    if let Some(result) = special(&special::RECT, (r, phi)) {
        return result;
    }
    if r.is_infinite() {
        let (re, im) = (f64::INFINITY.copysign(phi.cos()), f64::INFINITY.copysign(phi.sin()));
        return Ok(if r > 0.0 { (re, im) } else { (-re, -im) });
    }
    // A zero angle keeps its sign, and so does the radius.
    Ok(if phi == 0.0 { (r, r * phi) } else { (r * phi.cos(), r * phi.sin()) })
}

/// `abs(z)`.
pub(super) fn abs((x, y): Complex) -> std::result::Result<f64, RealError> {
    let h = x.hypot(y);
    if h.is_infinite() && x.is_finite() && y.is_finite() { Err(RealError::Range) } else { Ok(h) }
}

/// `a / b` by Smith's method; `None` for a zero divisor.
pub(super) fn divide(a: Complex, b: Complex) -> Option<Complex> {
    if b.0.abs() >= b.1.abs() {
        if b.0 == 0.0 {
            return None;
        }
        let ratio = b.1 / b.0;
        let under = b.0 + b.1 * ratio;
        return Some(((a.0 + a.1 * ratio) / under, (a.1 - a.0 * ratio) / under));
    }
    if b.1.abs() >= b.0.abs() {
        let ratio = b.0 / b.1;
        let under = b.0 * ratio + b.1;
        return Some(((a.0 * ratio + a.1) / under, (a.1 * ratio - a.0) / under));
    }
    Some((f64::NAN, f64::NAN))
}
