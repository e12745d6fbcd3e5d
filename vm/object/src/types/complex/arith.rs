//! complex: arithmetic. Real operands stay real, so that signs of zeros survive (C11 Annex G).

use super::{new, of, parts};
use crate::convert;
use crate::error::{self, Res};
use crate::slots::Slots;
use crate::thread::Thread;
use crate::types::{float, int};
use crate::value::Value;

/// The binary operators of complex.
pub(super) const SLOTS: Slots =
    Slots { add: Some(add), sub: Some(sub), mul: Some(mul), truediv: Some(truediv), pow: Some(pow), ..Slots::NONE };

/// An operand.
#[derive(Clone, Copy)]
enum Operand {
    Real(f64),
    Complex(f64, f64),
}
use Operand::{Complex, Real};

fn operand(t: &Thread, v: &Value) -> Res<Option<Operand>> {
    if let Some((re, im)) = parts(v) {
        return Ok(Some(Complex(re, im)));
    }
    if let Some(x) = float::as_f64(v) {
        return Ok(Some(Real(x)));
    }
    if int::is_int(v) { float::of_int(t, v).map(|x| Some(Real(x))) } else { Ok(None) }
}

fn both(t: &Thread, a: &Value, b: &Value) -> Res<Option<(Operand, Operand)>> {
    let (Some(x), Some(y)) = (operand(t, a)?, operand(t, b)?) else { return Ok(None) };
    Ok(Some((x, y)))
}

macro_rules! operator {
    ($name:ident, $t:ident, $x:ident, $y:ident => $body:expr) => {
        fn $name($t: &Thread, a: &Value, b: &Value) -> Res {
            let Some(($x, $y)) = both($t, a, b)? else { return Ok(Value::NOT_IMPLEMENTED) };
            let (re, im) = $body;
            new($t, re, im)
        }
    };
}

operator!(add, t, x, y => match (x, y) {
    (Complex(a, b), Complex(c, d)) => (a + c, b + d),
    (Complex(a, b), Real(c)) | (Real(c), Complex(a, b)) => (a + c, b),
    (Real(a), Real(c)) => (a + c, 0.0),
});
operator!(sub, t, x, y => match (x, y) {
    (Complex(a, b), Complex(c, d)) => (a - c, b - d),
    (Complex(a, b), Real(c)) => (a - c, b),
    (Real(a), Complex(c, d)) => (a - c, -d),
    (Real(a), Real(c)) => (a - c, 0.0),
});
operator!(mul, t, x, y => match (x, y) {
    (Complex(a, b), Complex(c, d)) => product((a, b), (c, d)),
    (Complex(a, b), Real(c)) | (Real(c), Complex(a, b)) => (a * c, b * c),
    (Real(a), Real(c)) => (a * c, 0.0),
});
operator!(truediv, t, x, y => match (x, y) {
    (Complex(a, b), Real(c)) if c != 0.0 => (a / c, b / c),
    (Complex(a, b), Complex(c, d)) if (c, d) != (0.0, 0.0) => quotient((a, b), (c, d)),
    (Real(a), Complex(c, d)) if (c, d) != (0.0, 0.0) => real_quotient(a, (c, d)),
    (Real(a), Real(c)) if c != 0.0 => (a / c, 0.0),
    _ => return Err(error::zero_division(t, "division by zero")),
});

/// The sign of a value as a unit if it is infinite, as a zero otherwise.
fn boxed(x: f64) -> f64 {
    f64::copysign(if x.is_infinite() { 1.0 } else { 0.0 }, x)
}

fn product((a, b): (f64, f64), (c, d): (f64, f64)) -> (f64, f64) {
    let (ac, bd, ad, bc) = (a * c, b * d, a * d, b * c);
    let (re, im) = (ac - bd, ad + bc);
    if !(re.is_nan() && im.is_nan()) {
        return (re, im);
    }
    // Both parts came out nan: where an infinity was involved the product is infinite.
    let (mut a, mut b, mut c, mut d) = (a, b, c, d);
    let zero_nan = |x: f64| if x.is_nan() { f64::copysign(0.0, x) } else { x };
    let mut recalc = false;
    if a.is_infinite() || b.is_infinite() {
        (a, b, c, d, recalc) = (boxed(a), boxed(b), zero_nan(c), zero_nan(d), true);
    }
    if c.is_infinite() || d.is_infinite() {
        (a, b, c, d, recalc) = (zero_nan(a), zero_nan(b), boxed(c), boxed(d), true);
    }
    if !recalc && [ac, bd, ad, bc].iter().any(|x| x.is_infinite()) {
        (a, b, c, d, recalc) = (zero_nan(a), zero_nan(b), zero_nan(c), zero_nan(d), true);
    }
    if recalc { (f64::INFINITY * (a * c - b * d), f64::INFINITY * (a * d + b * c)) } else { (re, im) }
}

/// `x / y` for a divisor that is not zero, scaled by its larger part.
pub fn quotient((a, b): (f64, f64), (c, d): (f64, f64)) -> (f64, f64) {
    let (re, im) = if c.abs() >= d.abs() {
        let ratio = d / c;
        let scale = c + d * ratio;
        ((a + b * ratio) / scale, (b - a * ratio) / scale)
    } else if d.abs() >= c.abs() {
        let ratio = c / d;
        let scale = c * ratio + d;
        ((a * ratio + b) / scale, (b * ratio - a) / scale)
    } else {
        (f64::NAN, f64::NAN)
    };
    if !(re.is_nan() && im.is_nan()) {
        return (re, im);
    }
    let finite = |x: f64, y: f64| x.is_finite() && y.is_finite();
    if (a.is_infinite() || b.is_infinite()) && finite(c, d) {
        let (x, y) = (boxed(a), boxed(b));
        return (f64::INFINITY * (x * c + y * d), f64::INFINITY * (y * c - x * d));
    }
    if (c.is_infinite() || d.is_infinite()) && finite(a, b) {
        let (x, y) = (boxed(c), boxed(d));
        return (0.0 * (a * x + b * y), 0.0 * (b * x - a * y));
    }
    (re, im)
}

/// A real number by a complex one.
fn real_quotient(a: f64, (c, d): (f64, f64)) -> (f64, f64) {
    let (re, im) = if c.abs() >= d.abs() {
        let ratio = d / c;
        let scale = c + d * ratio;
        (a / scale, (-a * ratio) / scale)
    } else if d.abs() >= c.abs() {
        let ratio = c / d;
        let scale = c * ratio + d;
        ((a * ratio) / scale, -a / scale)
    } else {
        (f64::NAN, f64::NAN)
    };
    if re.is_nan() && im.is_nan() && a.is_finite() && (c.is_infinite() || d.is_infinite()) {
        let (x, y) = (boxed(c), boxed(d));
        return (0.0 * (a * x), 0.0 * (-a * y));
    }
    (re, im)
}

fn pow(t: &Thread, a: &Value, b: &Value, c: &Value) -> Res {
    let Some((x, y)) = both(t, a, b)? else { return Ok(Value::NOT_IMPLEMENTED) };
    if !c.is_none() {
        return Err(error::value_error(t, "complex modulo"));
    }
    let pair = |o| match o {
        Real(re) => (re, 0.0),
        Complex(re, im) => (re, im),
    };
    power(t, pair(x), pair(y))
}

/// `a ** b`.
pub fn power(t: &Thread, a: (f64, f64), b: (f64, f64)) -> Res {
    const SMALL: f64 = 100.0;
    let (re, im) = if b.1 == 0.0 && b.0 == b.0.floor() && b.0.abs() <= SMALL {
        if b.0 > 0.0 {
            integer_power(a, b.0 as u32)
        } else if b.0 == 0.0 {
            (1.0, 0.0)
        } else if a == (0.0, 0.0) {
            return Err(error::zero_division(t, "zero to a negative or complex power"));
        } else {
            quotient((1.0, 0.0), integer_power(a, (-b.0) as u32))
        }
    } else if a == (0.0, 0.0) {
        if b.1 != 0.0 || b.0 < 0.0 {
            return Err(error::zero_division(t, "zero to a negative or complex power"));
        }
        (0.0, 0.0)
    } else {
        polar_power(a, b)
    };
    if re.is_infinite() || im.is_infinite() {
        return Err(error::overflow_error(t, "complex exponentiation"));
    }
    new(t, re, im)
}

fn integer_power(x: (f64, f64), n: u32) -> (f64, f64) {
    let (mut result, mut square, mut mask) = ((1.0, 0.0), x, 1u32);
    while mask != 0 && n >= mask {
        if n & mask != 0 {
            result = product(result, square);
        }
        mask <<= 1;
        square = product(square, square);
    }
    result
}

fn polar_power(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    let size = a.0.hypot(a.1);
    let mut len = size.powf(b.0);
    let angle = a.1.atan2(a.0);
    let mut phase = angle * b.0;
    if b.1 != 0.0 {
        len *= (-angle * b.1).exp();
        phase += b.1 * size.ln();
    }
    (len * phase.cos(), len * phase.sin())
}

/// `abs(v)`.
pub(super) fn abs(t: &Thread, v: &Value) -> Res {
    let (re, im) = of(v);
    let size = re.hypot(im);
    if size.is_infinite() && re.is_finite() && im.is_finite() {
        return Err(error::overflow_error(t, "absolute value too large"));
    }
    convert::from_f64(t, size)
}
