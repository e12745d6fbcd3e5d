//! datetime.datetime: time tuples, time stamps, other zones.

use super::datetime_ops::shifted;
use super::datetime_table::{DateTime, this};
use super::format::{self, Source, struct_time};
use super::local::{self, EPOCH, local_to_seconds, seconds_of};
use super::make::{self, str_arg, zone_arg};
use super::tzinfo;
use typhon_object::error::Res;
use typhon_object::{Thread, Value, attr, call, convert};

pub(super) fn time_tuple(t: &Thread, a: &[Value]) -> Res {
    let dt = this(&a[0]);
    let dst = tzinfo::offset(t, &dt.zone.get(), "dst", &a[0])?;
    struct_time(t, dt.date.day, dt.clock.get(), dst.map_or(-1, |dst| i64::from(!dst.is_zero())))
}

pub(super) fn utc_time_tuple(t: &Thread, a: &[Value]) -> Res {
    let dt = this(&a[0]);
    let east = tzinfo::offset(t, &dt.zone.get(), "utcoffset", &a[0])?.map_or(0, |east| east.to_us());
    let plain = make::datetime(t, dt.date.day, dt.clock.get(), Value::NONE)?;
    let utc = if east == 0 { plain } else { shifted(t, &plain, -east)? };
    struct_time(t, this(&utc).date.day, this(&utc).clock.get(), 0)
}

pub(super) fn strftime(t: &Thread, a: &[Value]) -> Res {
    str_arg(t, &a[1], "strftime", 1)?;
    let times = call::call0(t, &attr::get_text(t, &a[0], "timetuple")?)?;
    let dt = this(&a[0]);
    let source = Source { micro: dt.clock.get().micro, zone: dt.zone.get(), object: &a[0] };
    format::strftime(t, &a[1], &times, &source)
}

pub(super) fn timestamp(t: &Thread, a: &[Value]) -> Res {
    let dt = this(&a[0]);
    let clock = dt.clock.get();
    let offset = tzinfo::offset(t, &dt.zone.get(), "utcoffset", &a[0])?;
    match offset {
        Some(east) => {
            let us = i128::from(seconds_of(dt.date.day, clock) - EPOCH) * 1_000_000 + i128::from(clock.micro);
            let us = us - east.to_us();
            // Below 2^63 and exact, so that the quotient is rounded once.
            convert::from_f64(t, us as i64 as f64 / 1e6)
        }
        None => {
            let seconds = local_to_seconds(t, dt.date.day, clock)? - EPOCH;
            convert::from_f64(t, seconds as f64 + clock.micro as f64 / 1e6)
        }
    }
}

/// The local zone at the moment that a naive datetime means.
fn own_local_zone(t: &Thread, dt: &DateTime) -> Res {
    local::local_zone(t, local_to_seconds(t, dt.date.day, dt.clock.get())? - EPOCH)
}

pub(super) fn as_timezone(t: &Thread, a: &[Value]) -> Res {
    let target = zone_arg(t, &a[1])?;
    let dt = this(&a[0]);
    let mut own = dt.zone.get();
    if own.is_none() {
        own = own_local_zone(t, dt)?;
    }
    if own.is(&target) {
        return Ok(a[0].clone());
    }
    let east = match tzinfo::offset(t, &own, "utcoffset", &a[0])? {
        Some(east) => east,
        None => {
            own = own_local_zone(t, dt)?;
            tzinfo::offset(t, &own, "utcoffset", &a[0])?.unwrap_or(super::span::Span::ZERO)
        }
    };
    let utc = shifted(t, &a[0], -east.to_us())?;
    let Some(moved) = utc.downcast::<DateTime>() else { return Ok(utc) };
    let target = if target.is_none() {
        local::local_zone(t, seconds_of(moved.date.day, moved.clock.get()) - EPOCH)?
    } else {
        target
    };
    let class = typhon_object::type_of(&a[0]).value();
    let utc = make::datetime_of(t, &class, moved.date.day, moved.clock.get(), target.clone())?;
    call::call1(t, &attr::get_text(t, &target, "fromutc")?, &utc)
}
