//! datetime.tzinfo: the abstract zone, and asking any zone.

use super::clock::Clock;
use super::datetime_ops::shifted;
use super::datetime_table::DateTime;
use super::delta_ops::checked_offset;
use super::span::Span;
use super::timezone::TimeZone;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::names::{self, n};
use typhon_object::native::def;
use typhon_object::slots::Slots;
use typhon_object::strs::Str;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, attr, call, payload, tuple, type_of};

/// A zone.
#[repr(C)]
pub(super) struct TzInfo {
    pub(super) header: Header,
}

typhon_object::payload!(TzInfo => TZINFO);

/// datetime.tzinfo.
pub(super) static TZINFO: TypeDef = TypeDef {
    name: "datetime.tzinfo",
    doc: "Abstract base class for time zone info objects.",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, |header| TzInfo { header })),
        init: Some(|_, _, _| Ok(())),
        ..Slots::NONE
    },
    methods: &[
        def("tzname", "($self, object, /)", |t, _| Err(missing(t, "tzname")), "datetime -> string name of time zone."),
        def(
            "utcoffset",
            "($self, object, /)",
            |t, _| Err(missing(t, "utcoffset")),
            "datetime -> timedelta showing offset from UTC, negative values indicating West of UTC",
        ),
        def(
            "dst",
            "($self, object, /)",
            |t, _| Err(missing(t, "dst")),
            "datetime -> DST offset as timedelta positive east of UTC.",
        ),
        def("fromutc", "($self, object, /)", from_utc, "datetime in UTC -> datetime in local time."),
        def("__reduce__", "($self, /)", reduce, "-> (cls, state)"),
    ],
    ..TypeDef::of::<TzInfo>()
};

fn missing(t: &Thread, method: &str) -> error::Exc {
    error::not_implemented_error(t, format_args!("a tzinfo subclass must implement {method}()"))
}

/// `zone.utcoffset(v)` or `zone.dst(v)`; `None` for None and without a zone.
pub(super) fn offset(t: &Thread, zone: &Value, method: &str, v: &Value) -> Res<Option<Span>> {
    if zone.is_none() {
        return Ok(None);
    }
    if let Some(fixed) = zone.exact::<TimeZone>() {
        return Ok(if method == "utcoffset" { Some(fixed.offset) } else { None });
    }
    let made = call::method(t, zone, &names::intern_text(t, method), std::slice::from_ref(v))?;
    checked_offset(t, &made, method)
}

/// `zone.tzname(v)`: a str or None.
pub(super) fn name(t: &Thread, zone: &Value, v: &Value) -> Res {
    if zone.is_none() {
        return Ok(Value::NONE);
    }
    let made = call::method(t, zone, &names::intern_text(t, "tzname"), std::slice::from_ref(v))?;
    if made.is_none() || made.downcast::<Str>().is_some() {
        return Ok(made);
    }
    let kind = type_of(&made).name();
    Err(error::type_error(t, format_args!("tzinfo.tzname() must return None or a string, not '{kind}'")))
}

/// The datetime argument of a `fromutc`, which must belong to the zone.
pub(super) fn own_datetime<'a>(t: &Thread, zone: &Value, v: &'a Value) -> Res<&'a DateTime> {
    let Some(dt) = v.downcast::<DateTime>() else {
        return Err(error::type_error(t, "fromutc: argument must be a datetime"));
    };
    if !dt.zone.get().is(zone) {
        return Err(error::value_error(t, "fromutc: dt.tzinfo is not self"));
    }
    Ok(dt)
}

fn from_utc(t: &Thread, a: &[Value]) -> Res {
    own_datetime(t, &a[0], &a[1])?;
    let refuse = |text: &str| error::value_error(t, text);
    let Some(east) = offset(t, &a[0], "utcoffset", &a[1])? else {
        return Err(refuse("fromutc: non-None utcoffset() result required"));
    };
    let Some(dst) = offset(t, &a[0], "dst", &a[1])? else {
        return Err(refuse("fromutc: non-None dst() result required"));
    };
    let standard = shifted(t, &a[1], east.to_us() - dst.to_us())?;
    let Some(dst) = offset(t, &a[0], "dst", &standard)? else {
        return Err(refuse("fromutc: tz.dst() gave inconsistent results; cannot convert"));
    };
    if dst.is_zero() { Ok(standard) } else { shifted(t, &standard, dst.to_us()) }
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let args = match attr::get_opt(t, &a[0], n::__getinitargs__())? {
        Some(f) => call::call0(t, &f)?,
        None => tuple::new(t, &[])?,
    };
    let state = call::method(t, &a[0], n::__getstate__(), &[])?;
    tuple::from_array(t, [type_of(&a[0]).value(), args, state])
}

/// A time of day without the mark of its second reading.
pub(super) fn unfolded(clock: Clock) -> Clock {
    Clock { fold: 0, ..clock }
}
