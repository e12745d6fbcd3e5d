//! datetime.time.

use super::calendar::Day;
use super::clock::Clock;
use super::delta_ops;
use super::format::{self, Source, dunder_format};
use super::iso::{self, Zone};
use super::make::{self, checked_clock, int_arg, not_iso, state_bytes, str_arg, text_arg, zone_arg, zone_state};
use super::span::Span;
use super::{timezone, tzinfo};
use crate::ctor::bind;
use std::cell::Cell;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::ops::CompareOp;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, attr, call, convert, ops, payload, strs, tuple, type_of};

/// A time of day with a zone or None.
#[repr(C)]
pub(super) struct Time {
    pub(super) header: Header,
    pub(super) clock: Cell<Clock>,
    pub(super) zone: Slot,
}

typhon_object::payload!(Time => TIME {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.zone.get());
    }
});

/// datetime.time.
pub(super) static TIME: TypeDef = TypeDef {
    name: "datetime.time",
    doc: "time([hour[, minute[, second[, microsecond[, tzinfo]]]]]) --> a time object\n\nAll arguments are optional. tzinfo may be None, or an instance of\na tzinfo subclass. The remaining arguments may be ints.\n",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(new),
        repr: Some(repr),
        str: Some(|t, v| call::call0(t, &attr::get_text(t, v, "isoformat")?)),
        hash: Some(hash),
        compare: Some(compare),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: &[
        getter("hour", |_, v| Ok(Value::small(clock(v).hour)), ""),
        getter("minute", |_, v| Ok(Value::small(clock(v).minute)), ""),
        getter("second", |_, v| Ok(Value::small(clock(v).second)), ""),
        getter("microsecond", |_, v| Ok(Value::small(clock(v).micro)), ""),
        getter("tzinfo", |_, v| Ok(zone(v)), ""),
        getter("fold", |_, v| Ok(Value::small(clock(v).fold)), ""),
    ],
    constants: &[
        ("min", |t| make::time(t, Clock::MIDNIGHT, Value::NONE)),
        ("max", |t| make::time(t, Clock::LAST, Value::NONE)),
        ("resolution", |t| make::delta_of_us(t, 1)),
    ],
    ..TypeDef::of::<Time>()
};

const ISO_DOC: &str = "Return string in ISO 8601 format, [HH[:MM[:SS[.mmm[uuu]]]]][+HH:MM].\n\nThe optional argument timespec specifies the number of additional terms\nof the time to include. Valid options are 'auto', 'hours', 'minutes',\n'seconds', 'milliseconds' and 'microseconds'.\n";

const METHODS: &[MethodDef] = &[
    def(
        "strptime",
        "($type, time_string, format, /)",
        |t, a| make::strptime(t, a, "_strptime_datetime_time"),
        "string, format -> new time parsed from a string (like time.strptime()).",
    )
    .class(),
    def("isoformat", "($self, /, timespec='auto')", iso_format, ISO_DOC),
    def("strftime", "($self, /, format)", strftime, "format -> strftime() style string."),
    def("__format__", "($self, format_spec, /)", dunder_format, "Formats self with strftime."),
    def(
        "utcoffset",
        "($self, /)",
        |t, a| offset_value(t, &zone(&a[0]), "utcoffset", &Value::NONE),
        "Return self.tzinfo.utcoffset(self).",
    ),
    def("tzname", "($self, /)", |t, a| tzinfo::name(t, &zone(&a[0]), &Value::NONE), "Return self.tzinfo.tzname(self)."),
    def(
        "dst",
        "($self, /)",
        |t, a| offset_value(t, &zone(&a[0]), "dst", &Value::NONE),
        "Return self.tzinfo.dst(self).",
    ),
    def("replace", REPLACE, replace, "Return time with new specified fields."),
    def("__replace__", REPLACE, replace, "The same as replace()."),
    def("fromisoformat", "($type, object, /)", from_iso_format, "string -> time from a string in ISO 8601 format")
        .class(),
    def(
        "__reduce_ex__",
        "($self, proto, /)",
        |t, a| reduce(t, &a[0], convert::to_i32(t, &a[1])? > 3),
        "__reduce_ex__(proto) -> (cls, state)",
    ),
    def("__reduce__", "($self, /)", |t, a| reduce(t, &a[0], false), "__reduce__() -> (cls, state)"),
];

const REPLACE: &str = "($self, /, hour=unchanged, minute=unchanged, second=unchanged,\n        microsecond=unchanged, tzinfo=unchanged, *, fold=unchanged)";

fn clock(v: &Value) -> Clock {
    v.expect::<Time>().clock.get()
}

fn zone(v: &Value) -> Value {
    v.expect::<Time>().zone.get()
}

/// An offset of a zone as a timedelta or None.
pub(super) fn offset_value(t: &Thread, zone: &Value, method: &str, v: &Value) -> Res {
    match tzinfo::offset(t, zone, method, v)? {
        Some(east) => make::delta(t, east),
        None => Ok(Value::NONE),
    }
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    if let [state, rest @ ..] = args.values
        && args.names.is_empty()
        && rest.len() < 2
        && let Some(b) = state_bytes(t, state, 6, "time")?
        && b[0] & 0x7f < 24
    {
        let zone = zone_state(t, rest.first())?;
        let mut clock = Clock::from_bytes(&b);
        clock.fold = clock.hour >> 7;
        clock.hour &= 0x7f;
        return payload::new_for(t, class, |header| Time { header, clock: Cell::new(clock), zone: Slot::new(zone) });
    }
    bind(t, &NEW, class, args)
}

static NEW: MethodDef = def(
    "time",
    "($type, /, hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0)",
    |t, a| {
        let clock = Clock {
            hour: int_arg(t, &a[1], 0)?,
            minute: int_arg(t, &a[2], 0)?,
            second: int_arg(t, &a[3], 0)?,
            micro: int_arg(t, &a[4], 0)?,
            fold: int_arg(t, &a[6], 0)?,
        };
        let clock = checked_clock(t, clock)?;
        let zone = zone_arg(t, &a[5])?;
        payload::new_for(t, &a[0], |header| Time { header, clock: Cell::new(clock), zone: Slot::new(zone) })
    },
    "",
);

/// The arguments that a time's and a datetime's repr end with, from the hour on.
pub(super) fn repr_arguments(t: &Thread, clock: Clock, zone: &Value) -> Res<String> {
    let Clock { hour, minute, second, micro, fold } = clock;
    let mut out = format!("{hour}, {minute}");
    if micro != 0 {
        out += &format!(", {second}, {micro}");
    } else if second != 0 {
        out += &format!(", {second}");
    }
    if !zone.is_none() {
        out += &format!(", tzinfo={}", ops::repr_text(t, zone)?);
    }
    if fold != 0 {
        out += &format!(", fold={fold}");
    }
    Ok(out)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let arguments = repr_arguments(t, clock(v), &zone(v))?;
    strs::new(t, &format!("{}({arguments})", type_of(v).name()))
}

fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let (now, zone) = (tzinfo::unfolded(clock(v)), zone(v));
    match tzinfo::offset(t, &zone, "utcoffset", &Value::NONE)? {
        None => Ok(strs::hash_bytes(&now.bytes(false))),
        Some(east) => {
            let span = Span::from_us(i128::from(now.to_us()) - east.to_us());
            delta_ops::hash(t, span.map_err(|text| error::overflow_error(t, text))?)
        }
    }
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<Time>(), b.downcast::<Time>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    let (p, q) = (tzinfo::unfolded(x.clock.get()), tzinfo::unfolded(y.clock.get()));
    let (zone_x, zone_y) = (x.zone.get(), y.zone.get());
    if zone_x.is(&zone_y) {
        return Ok(Value::bool(op.holds(p.cmp(&q))));
    }
    let east_x = tzinfo::offset(t, &zone_x, "utcoffset", &Value::NONE)?;
    let east_y = tzinfo::offset(t, &zone_y, "utcoffset", &Value::NONE)?;
    match (east_x, east_y) {
        (x, y) if x == y => Ok(Value::bool(op.holds(p.cmp(&q)))),
        (Some(x), Some(y)) => {
            let (x, y) = (i128::from(p.to_us()) - x.to_us(), i128::from(q.to_us()) - y.to_us());
            Ok(Value::bool(op.holds(x.cmp(&y))))
        }
        _ if op == CompareOp::Eq => Ok(Value::FALSE),
        _ if op == CompareOp::Ne => Ok(Value::TRUE),
        _ => Err(error::type_error(t, "can't compare offset-naive and offset-aware times")),
    }
}

/// An optional `timespec`.
pub(super) fn timespec_arg(t: &Thread, v: &Value, at: usize) -> Res<String> {
    v.opt().map_or(Ok("auto".into()), |v| str_arg(t, v, "isoformat", at))
}

fn iso_format(t: &Thread, a: &[Value]) -> Res {
    let spec = timespec_arg(t, &a[1], 1)?;
    let mut out = clock(&a[0]).iso(&spec).map_err(|text| error::value_error(t, text))?;
    if let Some(east) = tzinfo::offset(t, &zone(&a[0]), "utcoffset", &Value::NONE)? {
        out += &east.offset(":");
    }
    strs::new(t, &out)
}

fn strftime(t: &Thread, a: &[Value]) -> Res {
    str_arg(t, &a[1], "strftime", 1)?;
    let now = clock(&a[0]);
    let day = Day { year: 1900, month: 1, day: 1 };
    let Clock { hour, minute, second, micro, .. } = now;
    let fields = [day.year, day.month, day.day, hour, minute, second, 0, 1, -1];
    let times = tuple::from_array(t, fields.map(Value::small))?;
    format::strftime(t, &a[1], &times, &Source { micro, zone: zone(&a[0]), object: &Value::NONE })
}

fn replace(t: &Thread, a: &[Value]) -> Res {
    let old = clock(&a[0]);
    let new = Clock {
        hour: int_arg(t, &a[1], old.hour)?,
        minute: int_arg(t, &a[2], old.minute)?,
        second: int_arg(t, &a[3], old.second)?,
        micro: int_arg(t, &a[4], old.micro)?,
        fold: int_arg(t, &a[6], old.fold)?,
    };
    let zone = a[5].opt().map_or(Ok(zone(&a[0])), |v| zone_arg(t, v))?;
    make::time_of(t, &type_of(&a[0]).value(), new, zone)
}

/// The zone that a text names.
pub(super) fn zone_of(t: &Thread, zone: Zone) -> Res {
    match zone {
        Zone::None => Ok(Value::NONE),
        Zone::Utc => timezone::utc(t),
        Zone::Offset(us) => {
            let span = Span::from_us(i128::from(us)).map_err(|text| error::overflow_error(t, text))?;
            timezone::checked(t, span)
        }
    }
}

/// ValueError for a time past 24:00.
pub(super) fn check_end(t: &Thread, time: &iso::Time) -> Res<()> {
    if time.past_end {
        return Err(error::value_error(t, "minute, second, and microsecond must be 0 when hour is 24"));
    }
    Ok(())
}

fn from_iso_format(t: &Thread, a: &[Value]) -> Res {
    let text = text_arg(t, &a[1])?;
    let text = text.strip_prefix(&[u32::from(b'T')]).unwrap_or(&text);
    let Ok(time) = iso::time(text) else { return Err(not_iso(t, &a[1])) };
    check_end(t, &time)?;
    let zone = zone_of(t, time.zone)?;
    make::time_of(t, &a[0], time.clock, zone)
}

fn reduce(t: &Thread, v: &Value, fold: bool) -> Res {
    let data = bytes::new(t, &clock(v).bytes(fold))?;
    let zone = zone(v);
    let state = if zone.is_none() { tuple::from_array(t, [data]) } else { tuple::from_array(t, [data, zone]) }?;
    tuple::from_array(t, [type_of(v).value(), state])
}
