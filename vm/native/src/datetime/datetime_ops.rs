//! datetime.datetime: arithmetic, comparison, pickling.

use super::calendar::{Day, MAX_ORDINAL};
use super::clock::Clock;
use super::date::day_bytes;
use super::datetime_table::{DateTime, this};
use super::delta::as_span;
use super::delta_ops;
use super::make;
use super::span::{DAY_US, Span};
use super::tzinfo;
use std::cmp::Ordering;
use typhon_object::error::{self, Res};
use typhon_object::ops::CompareOp;
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, strs, tuple, type_of};

/// Microseconds since the day before year 1, as the clock shows.
fn shown_us(dt: &DateTime) -> i128 {
    i128::from(dt.date.day.ordinal()) * DAY_US + i128::from(dt.clock.get().to_us())
}

fn east(t: &Thread, v: &Value) -> Res<Option<Span>> {
    tzinfo::offset(t, &this(v).zone.get(), "utcoffset", v)
}

/// A datetime of the same class and zone, some microseconds away.
pub(super) fn shifted(t: &Thread, v: &Value, us: i128) -> Res {
    let dt = this(v);
    let all = shown_us(dt) + us;
    let ordinal = all.div_euclid(DAY_US);
    if !(1..=i128::from(MAX_ORDINAL)).contains(&ordinal) {
        return Err(error::overflow_error(t, "date value out of range"));
    }
    let clock = Clock::from_us(all.rem_euclid(DAY_US) as i64);
    make::datetime_of(t, &type_of(v).value(), Day::from_ordinal(ordinal as i64), clock, dt.zone.get())
}

pub(super) fn add(t: &Thread, a: &Value, b: &Value) -> Res {
    match (a.downcast::<DateTime>(), as_span(b), b.downcast::<DateTime>(), as_span(a)) {
        (Some(_), Some(by), ..) => shifted(t, a, by.to_us()),
        (_, _, Some(_), Some(by)) => shifted(t, b, by.to_us()),
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

pub(super) fn sub(t: &Thread, a: &Value, b: &Value) -> Res {
    if a.downcast::<DateTime>().is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    if let Some(by) = as_span(b) {
        return shifted(t, a, -by.to_us());
    }
    if b.downcast::<DateTime>().is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let plain = shown_us(this(a)) - shown_us(this(b));
    if this(a).zone.get().is(&this(b).zone.get()) {
        return make::delta_of_us(t, plain);
    }
    match (east(t, a)?, east(t, b)?) {
        (None, None) => make::delta_of_us(t, plain),
        (Some(x), Some(y)) => make::delta_of_us(t, plain - (x.to_us() - y.to_us())),
        _ => Err(error::type_error(t, "can't subtract offset-naive and offset-aware datetimes")),
    }
}

/// Whether the offset depends on the fold: such a time equals none of another zone (PEP 495).
fn ambiguous(t: &Thread, v: &Value, offset: Option<Span>) -> Res<bool> {
    let dt = this(v);
    let clock = dt.clock.get();
    let flipped = make::datetime(t, dt.date.day, Clock { fold: 1 - clock.fold, ..clock }, dt.zone.get())?;
    Ok(east(t, &flipped)? != offset)
}

pub(super) fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<DateTime>(), b.downcast::<DateTime>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    let mut order = shown_us(x).cmp(&shown_us(y));
    if x.zone.get().is(&y.zone.get()) {
        return Ok(Value::bool(op.holds(order)));
    }
    let equality = matches!(op, CompareOp::Eq | CompareOp::Ne);
    let (p, q) = (east(t, a)?, east(t, b)?);
    match (p, q) {
        _ if p == q => {}
        (Some(p), Some(q)) => order = (shown_us(x) - p.to_us()).cmp(&(shown_us(y) - q.to_us())),
        _ if equality => return Ok(Value::bool(op == CompareOp::Ne)),
        _ => return Err(error::type_error(t, "can't compare offset-naive and offset-aware datetimes")),
    }
    if equality && order.is_eq() && (ambiguous(t, a, p)? || ambiguous(t, b, q)?) {
        order = Ordering::Greater;
    }
    Ok(Value::bool(op.holds(order)))
}

fn state(dt: &DateTime, fold: bool) -> [u8; 10] {
    let clock = dt.clock.get();
    let mut out = [0; 10];
    out[..4].copy_from_slice(&day_bytes(dt.date.day));
    if fold && clock.fold == 1 {
        out[2] |= 0x80;
    }
    out[4..].copy_from_slice(&clock.bytes(false));
    out
}

pub(super) fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let dt = this(v);
    let clock = dt.clock.get();
    let zone = dt.zone.get();
    let offset = if clock.fold == 0 || zone.is_none() {
        east(t, v)?
    } else {
        let first = make::datetime(t, dt.date.day, tzinfo::unfolded(clock), zone)?;
        east(t, &first)?
    };
    match offset {
        None => Ok(strs::hash_bytes(&state(dt, false))),
        Some(offset) => {
            let span = Span::from_us(shown_us(dt) - offset.to_us());
            delta_ops::hash(t, span.map_err(|text| error::overflow_error(t, text))?)
        }
    }
}

/// `(class, state)`; the fold only where the protocol has it.
pub(super) fn reduce(t: &Thread, v: &Value, fold: bool) -> Res {
    let data = bytes::new(t, &state(this(v), fold))?;
    let zone = this(v).zone.get();
    let state = if zone.is_none() { tuple::from_array(t, [data]) } else { tuple::from_array(t, [data, zone]) }?;
    tuple::from_array(t, [type_of(v).value(), state])
}
