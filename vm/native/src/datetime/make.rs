//! Making dates, times and durations, of the built-in types and of their subclasses.

use super::calendar::Day;
use super::clock::Clock;
use super::date::{DATE, Date};
use super::datetime_table::{DATETIME, DateTime};
use super::delta::TimeDelta;
use super::span::Span;
use super::time::{TIME, Time};
use super::tzinfo::TZINFO;
use std::cell::Cell;
use typhon_object::error::{self, Res};
use typhon_object::store::Slot;
use typhon_object::ty::is_instance;
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, call, convert, strs, type_of};

/// A timedelta.
pub(super) fn delta(t: &Thread, span: Span) -> Res {
    typhon_object::payload::new(t, |header| TimeDelta { header, span })
}

/// A timedelta of microseconds, or OverflowError.
pub(super) fn delta_of_us(t: &Thread, us: i128) -> Res {
    delta(t, Span::from_us(us).map_err(|text| error::overflow_error(t, text))?)
}

/// A valid day, or ValueError.
pub(super) fn checked_day(t: &Thread, day: Day) -> Res<Day> {
    day.check().map_err(|text| error::value_error(t, text))
}

/// A valid time, or ValueError.
pub(super) fn checked_clock(t: &Thread, clock: Clock) -> Res<Clock> {
    clock.check().map_err(|text| error::value_error(t, text))
}

/// A date.
pub(super) fn date(t: &Thread, day: Day) -> Res {
    typhon_object::payload::new(t, |header| Date { header, day })
}

/// A date of a class: date, datetime or a subclass, which is called.
pub(super) fn date_of(t: &Thread, class: &Value, day: Day) -> Res {
    let day = checked_day(t, day)?;
    if class.is(&DATE.ty().value()) {
        return date(t, day);
    }
    if class.is(&DATETIME.ty().value()) {
        return datetime(t, day, Clock::MIDNIGHT, Value::NONE);
    }
    call::call(t, class, &[day.year, day.month, day.day].map(Value::small))
}

/// A datetime.
pub(super) fn datetime(t: &Thread, day: Day, clock: Clock, zone: Value) -> Res {
    typhon_object::payload::new(t, |header| DateTime {
        date: Date { header, day },
        clock: Cell::new(clock),
        zone: Slot::new(zone),
    })
}

/// A datetime of a class: datetime or a subclass, which is called.
pub(super) fn datetime_of(t: &Thread, class: &Value, day: Day, clock: Clock, zone: Value) -> Res {
    let (day, clock) = (checked_day(t, day)?, checked_clock(t, clock)?);
    if class.is(&DATETIME.ty().value()) {
        return datetime(t, day, clock, zone);
    }
    let [y, m, d] = [day.year, day.month, day.day].map(Value::small);
    let [h, min, s, us] = [clock.hour, clock.minute, clock.second, clock.micro].map(Value::small);
    let made = call::call(t, class, &[y, m, d, h, min, s, us, zone])?;
    if clock.fold == 1
        && let Some(made) = made.downcast::<DateTime>()
    {
        made.clock.set(Clock { fold: 1, ..made.clock.get() });
    }
    Ok(made)
}

/// A time.
pub(super) fn time(t: &Thread, clock: Clock, zone: Value) -> Res {
    typhon_object::payload::new(t, |header| Time { header, clock: Cell::new(clock), zone: Slot::new(zone) })
}

/// A time of a class: time or a subclass, which is called.
pub(super) fn time_of(t: &Thread, class: &Value, clock: Clock, zone: Value) -> Res {
    let clock = checked_clock(t, clock)?;
    if class.is(&TIME.ty().value()) {
        return time(t, clock, zone);
    }
    let [h, min, s, us] = [clock.hour, clock.minute, clock.second, clock.micro].map(Value::small);
    let made = call::call(t, class, &[h, min, s, us, zone])?;
    if clock.fold == 1
        && let Some(made) = made.downcast::<Time>()
    {
        made.clock.set(Clock { fold: 1, ..made.clock.get() });
    }
    Ok(made)
}

/// A `tzinfo` argument: None or an instance of tzinfo.
pub(super) fn zone_arg(t: &Thread, v: &Value) -> Res {
    match v.non_none() {
        None => Ok(Value::NONE),
        Some(zone) if is_instance(zone, TZINFO.ty()) => Ok(zone.clone()),
        Some(other) => {
            let name = type_of(other).name();
            let text = format_args!("tzinfo argument must be None or of a tzinfo subclass, not type '{name}'");
            Err(error::type_error(t, text))
        }
    }
}

/// The zone beside a pickled state.
pub(super) fn zone_state(t: &Thread, v: Option<&Value>) -> Res {
    match v {
        None => Ok(Value::NONE),
        Some(v) if v.is_none() || is_instance(v, TZINFO.ty()) => Ok(v.clone()),
        Some(_) => Err(error::type_error(t, "bad tzinfo state arg")),
    }
}

/// An int argument with a default.
pub(super) fn int_arg(t: &Thread, v: &Value, default: i64) -> Res<i64> {
    v.opt().map_or(Ok(default), |v| convert::to_i32(t, v).map(i64::from))
}

/// The bytes of a pickled state of `len` bytes: a bytes object or, from old pickles, a str of Latin-1 characters.
pub(super) fn state_bytes(t: &Thread, v: &Value, len: usize, what: &str) -> Res<Option<Vec<u8>>> {
    if let Some(b) = v.downcast::<bytes::Bytes>() {
        return Ok(Some(b.as_slice().to_vec()).filter(|b| b.len() == len));
    }
    let Some(s) = v.downcast::<strs::Str>().filter(|s| s.len() == len) else { return Ok(None) };
    match s.units() {
        strs::Units::Latin1(b) => Ok(Some(b.to_vec())),
        _ => {
            let text = format_args!(
                "Failed to encode latin1 string when unpickling a {what} object. pickle.load(data, encoding='latin1') is assumed."
            );
            Err(error::value_error(t, text))
        }
    }
}

/// A str argument's code points.
pub(super) fn text_arg(t: &Thread, v: &Value) -> Res<Vec<u32>> {
    match v.downcast::<strs::Str>() {
        Some(s) => {
            t.check_alloc(s.len() * 4)?;
            Ok(s.units().iter().collect())
        }
        None => Err(error::type_error(t, "fromisoformat: argument must be str")),
    }
}

/// "Invalid isoformat string: ...".
pub(super) fn not_iso(t: &Thread, v: &Value) -> error::Exc {
    match typhon_object::ops::repr_text(t, v) {
        Ok(text) => error::value_error(t, format_args!("Invalid isoformat string: {text}")),
        Err(e) => e,
    }
}

/// An optional str argument named in the TypeError.
pub(super) fn str_arg(t: &Thread, v: &Value, function: &str, at: usize) -> Res<String> {
    match v.downcast::<strs::Str>() {
        Some(s) => Ok(s.to_lossy()),
        None => {
            let name = if v.is_none() { "None".into() } else { type_of(v).name() };
            Err(error::type_error(t, format_args!("{function}() argument {at} must be str, not {name}")))
        }
    }
}

/// A `strptime` of a class, by `_strptime`.
pub(super) fn strptime(t: &Thread, a: &[Value], function: &str) -> Res {
    str_arg(t, &a[1], "strptime", 1)?;
    str_arg(t, &a[2], "strptime", 2)?;
    let module = (t.hooks.import)(t, "_strptime")?;
    call::call(t, &typhon_object::attr::get_text(t, &module, function)?, a)
}

/// A deprecation.
pub(super) fn deprecated(t: &Thread, message: &str) -> Res<()> {
    let category = typhon_object::types::exceptions::DEPRECATION_WARNING.ty().value();
    (t.hooks.warn)(t, &category, message, 1)
}
