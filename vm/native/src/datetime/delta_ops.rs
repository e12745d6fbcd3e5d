//! datetime.timedelta: its operators.

use super::delta::{as_span, span};
use super::make::{self, delta_of_us};
use super::span::{Span, divide_nearest, floor_div, ratio};
use dashu_int::IBig;
use typhon_object::error::{self, Res};
use typhon_object::ops::{self, CompareOp};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::{float, int};
use typhon_object::{Thread, Value, call, names, type_of};

/// As the tuple of its three numbers.
pub(super) fn hash(t: &Thread, s: Span) -> Res<i64> {
    tuple::hash_items(t, &[s.days, s.seconds, s.micros].map(Value::small), true)
}

pub(super) fn compare(_: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    match (as_span(a), as_span(b)) {
        (Some(x), Some(y)) => Ok(Value::bool(op.holds(x.cmp(&y)))),
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

pub(super) fn add(t: &Thread, a: &Value, b: &Value) -> Res {
    match (as_span(a), as_span(b)) {
        (Some(x), Some(y)) => delta_of_us(t, x.to_us() + y.to_us()),
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

pub(super) fn sub(t: &Thread, a: &Value, b: &Value) -> Res {
    match (as_span(a), as_span(b)) {
        (Some(x), Some(y)) => delta_of_us(t, x.to_us() - y.to_us()),
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn big(s: Span) -> IBig {
    IBig::from(s.to_us())
}

fn from_big(t: &Thread, us: &IBig) -> Res {
    make::delta(t, Span::from_big(us).map_err(|text| error::overflow_error(t, text))?)
}

/// A float operand as a fraction, as its class says.
fn fraction(t: &Thread, v: &Value, x: f64) -> Res<(IBig, IBig)> {
    if !std::ptr::eq(type_of(v), float::FLOAT.ty()) {
        let made = call::method(t, v, &names::intern_text(t, "as_integer_ratio"), &[])?;
        let Some(pair) = made.downcast::<Tuple>() else {
            let name = type_of(&made).name();
            let text = format_args!("unexpected return type from as_integer_ratio(): expected tuple, not '{name}'");
            return Err(error::type_error(t, text));
        };
        return match pair.items() {
            [n, d] if int::is_int(n) && int::is_int(d) => {
                Ok((int::to_big(n).unwrap_or_default(), int::to_big(d).unwrap_or_default()))
            }
            _ => Err(error::value_error(t, "as_integer_ratio() must return a 2-tuple")),
        };
    }
    if x.is_nan() {
        return Err(error::value_error(t, "cannot convert NaN to integer ratio"));
    }
    if x.is_infinite() {
        return Err(error::overflow_error(t, "cannot convert Infinity to integer ratio"));
    }
    Ok(ratio(x))
}

fn nearest(t: &Thread, a: IBig, b: IBig) -> Res {
    if b == IBig::from(0) {
        return Err(division_by_zero(t));
    }
    from_big(t, &divide_nearest(a, b))
}

fn division_by_zero(t: &Thread) -> error::Exc {
    error::zero_division(t, "division by zero")
}

pub(super) fn mul(t: &Thread, a: &Value, b: &Value) -> Res {
    let (s, other) = match (as_span(a), as_span(b)) {
        (Some(s), None) => (s, b),
        (None, Some(s)) => (s, a),
        _ => return Ok(Value::NOT_IMPLEMENTED),
    };
    if int::is_int(other) {
        return from_big(t, &(big(s) * int::to_big(other).unwrap_or_default()));
    }
    match float::as_f64(other) {
        Some(x) => {
            let (n, d) = fraction(t, other, x)?;
            nearest(t, big(s) * n, d)
        }
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}

/// An int of any size.
fn int_of(t: &Thread, us: i128) -> Res {
    int::from_big(t, IBig::from(us))
}

pub(super) fn truediv(t: &Thread, a: &Value, b: &Value) -> Res {
    let Some(s) = as_span(a) else { return Ok(Value::NOT_IMPLEMENTED) };
    if let Some(by) = as_span(b) {
        return ops::binary(t, ops::TRUEDIV, &int_of(t, s.to_us())?, &int_of(t, by.to_us())?);
    }
    if int::is_int(b) {
        return nearest(t, big(s), int::to_big(b).unwrap_or_default());
    }
    match float::as_f64(b) {
        Some(x) => {
            let (n, d) = fraction(t, b, x)?;
            nearest(t, big(s) * d, n)
        }
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}

pub(super) fn floordiv(t: &Thread, a: &Value, b: &Value) -> Res {
    let Some(s) = as_span(a) else { return Ok(Value::NOT_IMPLEMENTED) };
    if let Some(by) = as_span(b) {
        return quotient(t, s, by)?.0;
    }
    if !int::is_int(b) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let by = int::to_big(b).unwrap_or_default();
    let zero = IBig::from(0);
    if by == zero {
        return Err(division_by_zero(t));
    }
    let (n, by) = if by < zero { (-big(s), -by) } else { (big(s), by) };
    from_big(t, &floor_div(n, &by).0)
}

/// Floor quotient as an int, and the rest.
fn quotient(t: &Thread, s: Span, by: Span) -> Res<(Res, Res)> {
    let (x, y) = (s.to_us(), by.to_us());
    if y == 0 {
        return Err(division_by_zero(t));
    }
    let mut q = x / y;
    if x % y != 0 && (x < 0) != (y < 0) {
        q -= 1;
    }
    Ok((int_of(t, q), delta_of_us(t, x - q * y)))
}

pub(super) fn modulo(t: &Thread, a: &Value, b: &Value) -> Res {
    match (as_span(a), as_span(b)) {
        (Some(s), Some(by)) => quotient(t, s, by)?.1,
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

pub(super) fn divmod(t: &Thread, a: &Value, b: &Value) -> Res {
    match (as_span(a), as_span(b)) {
        (Some(s), Some(by)) => {
            let (q, r) = quotient(t, s, by)?;
            tuple::from_array(t, [q?, r?])
        }
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

/// `total_seconds()`.
pub(super) fn seconds(t: &Thread, s: Span) -> Res {
    ops::binary(t, ops::TRUEDIV, &int_of(t, s.to_us())?, &Value::small(1_000_000))
}

/// The offset that a zone method returned; `None` for None.
pub(super) fn checked_offset(t: &Thread, v: &Value, method: &str) -> Res<Option<Span>> {
    if v.is_none() {
        return Ok(None);
    }
    if as_span(v).is_none() {
        let name = type_of(v).name();
        let text = format_args!("tzinfo.{method}() must return None or timedelta, not '{name}'");
        return Err(error::type_error(t, text));
    }
    check_range(t, v)?;
    Ok(Some(span(v)))
}

/// ValueError unless a timedelta is less than a day.
pub(super) fn check_range(t: &Thread, v: &Value) -> Res<()> {
    if span(v).to_us().abs() < super::span::DAY_US {
        return Ok(());
    }
    let shown = ops::repr_text(t, v)?;
    let text = format_args!(
        "offset must be a timedelta strictly between -timedelta(hours=24) and timedelta(hours=24), not {shown}"
    );
    Err(error::value_error(t, text))
}
