//! Local time, as the `time` module tells it.

use super::calendar::Day;
use super::clock::Clock;
use super::span::Span;
use super::timezone;
use typhon_object::error::{self, Res};
use typhon_object::tuple::Tuple;
use typhon_object::types::{float, int};
use typhon_object::{Thread, Value, attr, call, convert};

/// Ordinal of 1970-01-01, in seconds.
pub(super) const EPOCH: i64 = 719_163 * 86_400;
/// The longest that a clock is set back, in seconds.
const MAX_FOLD: i64 = 24 * 3600;

/// Seconds since the day before year 1.
pub(super) fn seconds_of(day: Day, clock: Clock) -> i64 {
    day.ordinal() * 86_400 + clock.seconds()
}

/// Day and time of seconds since the epoch in UTC.
pub(super) fn utc_fields(t: &Thread, at: i64) -> Res<(Day, Clock)> {
    let out = || error::value_error(t, "timestamp out of range for platform time_t");
    let all = at.checked_add(EPOCH).ok_or_else(out)?;
    let day = Day::from_ordinal(all.div_euclid(86_400));
    if !(1..=9999).contains(&day.year) {
        return Err(error::value_error(t, format_args!("year must be in 1..9999, not {}", day.year)));
    }
    Ok((day, Clock::from_us(all.rem_euclid(86_400) * 1_000_000)))
}

fn local_time(t: &Thread, at: i64) -> Res {
    let time = (t.hooks.import)(t, "time")?;
    call::call1(t, &attr::get_text(t, &time, "localtime")?, &convert::from_i64(t, at)?)
}

/// Day and time of seconds since the epoch in local time.
pub(super) fn local_fields(t: &Thread, at: i64) -> Res<(Day, Clock)> {
    let made = local_time(t, at)?;
    let items = made.downcast::<Tuple>().map_or(&[][..], Tuple::items);
    let mut n = [0; 6];
    for (n, v) in n.iter_mut().zip(items) {
        *n = convert::to_i64(t, v)?;
    }
    let [year, month, day, hour, minute, second] = n;
    if !(1..=9999).contains(&year) {
        return Err(error::value_error(t, format_args!("year must be in 1..9999, not {year}")));
    }
    Ok((Day { year, month, day }, Clock { hour, minute, second: second.min(59), micro: 0, fold: 0 }))
}

/// Local seconds at UTC seconds, both since the day before year 1.
fn local(t: &Thread, utc: i64) -> Res<i64> {
    let (day, clock) = local_fields(t, utc - EPOCH)?;
    Ok(seconds_of(day, clock))
}

/// UTC seconds at which the local clock shows a reading; of two the one that its fold says.
pub(super) fn local_to_seconds(t: &Thread, day: Day, clock: Clock) -> Res<i64> {
    let want = seconds_of(day, clock);
    let a = local(t, want)? - want;
    let first = want - a;
    let shown = local(t, first)?;
    let b = if shown == want {
        let probe = if clock.fold == 1 { first + MAX_FOLD } else { first - MAX_FOLD };
        let b = local(t, probe)? - probe;
        if a == b {
            return Ok(first);
        }
        b
    } else {
        shown - first
    };
    let second = want - b;
    if local(t, second)? == want {
        return Ok(second);
    }
    if shown == want {
        return Ok(first);
    }
    // The reading is skipped: neither offset gives it.
    Ok(if clock.fold == 1 { first.min(second) } else { first.max(second) })
}

/// Day and time of a time stamp in local time, with its fold.
pub(super) fn local_fields_folded(t: &Thread, at: i64) -> Res<(Day, Clock)> {
    let (day, clock) = local_fields(t, at)?;
    let now = seconds_of(day, clock);
    let utc = at + EPOCH;
    // Near the first day of all there is nothing to look back to.
    if utc <= 2 * MAX_FOLD {
        return Ok((day, clock));
    }
    let back = local(t, utc - MAX_FOLD)?;
    let transition = now - back - MAX_FOLD;
    let fold = transition < 0 && local(t, utc + transition)? == now;
    Ok((day, Clock { fold: i64::from(fold), ..clock }))
}

/// The local zone at seconds since the epoch, with its name.
pub(super) fn local_zone(t: &Thread, at: i64) -> Res {
    let made = local_time(t, at)?;
    let offset = convert::to_i64(t, &attr::get_text(t, &made, "tm_gmtoff")?)?;
    timezone::of(t, Span::from_seconds(offset), attr::get_text(t, &made, "tm_zone")?)
}

/// A time stamp as whole seconds and microseconds, rounded half to even.
pub(super) fn stamp(t: &Thread, v: &Value) -> Res<(i64, i64)> {
    let Some(x) = float::as_f64(v).filter(|_| !int::is_int(v)) else { return Ok((whole_stamp(t, v)?, 0)) };
    if x.is_nan() {
        return Err(error::value_error(t, "Invalid value NaN (not a number)"));
    }
    let (mut whole, mut us) = (x.trunc(), (x.fract() * 1e6).round_ties_even());
    if us >= 1e6 {
        us -= 1e6;
        whole += 1.0;
    } else if us < 0.0 {
        us += 1e6;
        whole -= 1.0;
    }
    if !(-9.2e18..9.2e18).contains(&whole) {
        return Err(out_of_range(t));
    }
    Ok((whole as i64, us as i64))
}

/// A time stamp as whole seconds, rounded down.
pub(super) fn whole_stamp(t: &Thread, v: &Value) -> Res<i64> {
    if let Some(x) = float::as_f64(v).filter(|_| !int::is_int(v)) {
        if x.is_nan() {
            return Err(error::value_error(t, "Invalid value NaN (not a number)"));
        }
        let x = x.floor();
        return if (-9.2e18..9.2e18).contains(&x) { Ok(x as i64) } else { Err(out_of_range(t)) };
    }
    let i = convert::to_index(t, v)?;
    int::to_i64(&i).ok_or_else(|| out_of_range(t))
}

fn out_of_range(t: &Thread) -> error::Exc {
    error::overflow_error(t, "timestamp out of range for platform time_t")
}

/// Now: seconds and microseconds since the epoch.
pub(super) fn now(t: &Thread) -> Res<(i64, i64)> {
    let time = (t.hooks.import)(t, "time")?;
    let ns = convert::to_i64(t, &call::call0(t, &attr::get_text(t, &time, "time_ns")?)?)?;
    let us = ns.div_euclid(1000);
    Ok((us.div_euclid(1_000_000), us.rem_euclid(1_000_000)))
}
