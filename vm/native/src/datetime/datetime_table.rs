//! datetime.datetime: the type, its constructor and class methods.

use super::calendar::{Day, MAX_ORDINAL};
use super::clock::Clock;
use super::date::{DATE, Date, day_of_bytes, iso_text};
use super::datetime_ops as ops_;
use super::datetime_time as zones;
use super::format::{ctime, dunder_format};
use super::iso;
use super::local;
use super::make::{
    self, checked_clock, checked_day, deprecated, int_arg, not_iso, state_bytes, text_arg, zone_arg, zone_state,
};
use super::time::{Time, check_end, offset_value, repr_arguments, timespec_arg, zone_of};
use super::tzinfo;
use crate::ctor::bind;
use std::cell::Cell;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{Str, StrBuilder};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Thread, Value, attr, call, convert, payload, strs, type_of};

/// A date and time with a zone or None.
#[repr(C)]
pub(super) struct DateTime {
    pub(super) date: Date,
    pub(super) clock: Cell<Clock>,
    pub(super) zone: Slot,
}

typhon_object::payload!(DateTime, date => DATETIME {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.zone.get());
    }
});

/// datetime.datetime.
pub(super) static DATETIME: TypeDef = TypeDef {
    name: "datetime.datetime",
    doc: "datetime(year, month, day[, hour[, minute[, second[, microsecond[,tzinfo]]]]])\n\nThe year, month and day arguments are required. tzinfo may be None, or an\ninstance of a tzinfo subclass. The remaining arguments may be ints.\n",
    base: Some(&DATE),
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(new),
        repr: Some(repr),
        str: Some(|t, v| call::call1(t, &attr::get_text(t, v, "isoformat")?, &strs::new(t, " ")?)),
        hash: Some(ops_::hash),
        compare: Some(ops_::compare),
        add: Some(ops_::add),
        sub: Some(ops_::sub),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: &[
        getter("hour", |_, v| Ok(Value::small(this(v).clock.get().hour)), ""),
        getter("minute", |_, v| Ok(Value::small(this(v).clock.get().minute)), ""),
        getter("second", |_, v| Ok(Value::small(this(v).clock.get().second)), ""),
        getter("microsecond", |_, v| Ok(Value::small(this(v).clock.get().micro)), ""),
        getter("tzinfo", |_, v| Ok(this(v).zone.get()), ""),
        getter("fold", |_, v| Ok(Value::small(this(v).clock.get().fold)), ""),
    ],
    constants: &[
        ("min", |t| make::datetime(t, Day::from_ordinal(1), Clock::MIDNIGHT, Value::NONE)),
        ("max", |t| make::datetime(t, Day::from_ordinal(MAX_ORDINAL), Clock::LAST, Value::NONE)),
        ("resolution", |t| make::delta_of_us(t, 1)),
    ],
    ..TypeDef::of::<DateTime>()
};

const REPLACE: &str = "($self, /, year=unchanged, month=unchanged, day=unchanged,\n        hour=unchanged, minute=unchanged, second=unchanged,\n        microsecond=unchanged, tzinfo=unchanged, *, fold=unchanged)";
const ISO_DOC: &str = "[sep] -> string in ISO 8601 format, YYYY-MM-DDT[HH[:MM[:SS[.mmm[uuu]]]]][+HH:MM].\nsep is used to separate the year from the time, and defaults to 'T'.\nThe optional argument timespec specifies the number of additional terms\nof the time to include. Valid options are 'auto', 'hours', 'minutes',\n'seconds', 'milliseconds' and 'microseconds'.\n";

const METHODS: &[MethodDef] = &[
    def("now", "($type, /, tz=None)", now, "Returns new datetime object representing current time local to tz.\n\n  tz\n    Timezone object.\n\nIf no tz is specified, uses local timezone.").class(),
    def("utcnow", "($type, /)", utc_now, "Return a new datetime representing UTC day and time.").class(),
    def("fromtimestamp", "($type, /, timestamp, tz=None)", from_timestamp, "timestamp[, tz] -> tz's local time from POSIX timestamp.").class(),
    def("utcfromtimestamp", "($type, timestamp, /)", utc_from_timestamp, "Construct a naive UTC datetime from a POSIX timestamp.").class(),
    def("strptime", "($type, date_string, format, /)", |t, a| make::strptime(t, a, "_strptime_datetime_datetime"), "string, format -> new datetime parsed from a string (like time.strptime()).").class(),
    def("combine", "($type, /, date, time, tzinfo=unchanged)", combine, "date, time -> datetime with same date and time fields").class(),
    def("fromisoformat", "($type, object, /)", from_iso_format, "string -> datetime from a string in most ISO 8601 formats").class(),
    def("date", "($self, /)", |t, a| make::date(t, this(&a[0]).date.day), "Return date object with same year, month and day."),
    def("time", "($self, /)", |t, a| make::time(t, this(&a[0]).clock.get(), Value::NONE), "Return time object with same time but with tzinfo=None."),
    def("timetz", "($self, /)", |t, a| make::time(t, this(&a[0]).clock.get(), this(&a[0]).zone.get()), "Return time object with same time and tzinfo."),
    def("ctime", "($self, /)", |t, a| ctime(t, this(&a[0]).date.day, this(&a[0]).clock.get()), "Return ctime() style string."),
    def("timetuple", "($self, /)", zones::time_tuple, "Return time tuple, compatible with time.localtime()."),
    def("timestamp", "($self, /)", zones::timestamp, "Return POSIX timestamp as float."),
    def("utctimetuple", "($self, /)", zones::utc_time_tuple, "Return UTC time tuple, compatible with time.localtime()."),
    def("isoformat", "($self, /, sep='T', timespec='auto')", iso_format, ISO_DOC),
    def("strftime", "($self, /, format)", zones::strftime, "format -> strftime() style string."),
    def("__format__", "($self, format_spec, /)", dunder_format, "Formats self with strftime."),
    def("utcoffset", "($self, /)", |t, a| offset_value(t, &this(&a[0]).zone.get(), "utcoffset", &a[0]), "Return self.tzinfo.utcoffset(self)."),
    def("tzname", "($self, /)", |t, a| tzinfo::name(t, &this(&a[0]).zone.get(), &a[0]), "Return self.tzinfo.tzname(self)."),
    def("dst", "($self, /)", |t, a| offset_value(t, &this(&a[0]).zone.get(), "dst", &a[0]), "Return self.tzinfo.dst(self)."),
    def("replace", REPLACE, replace, "Return datetime with new specified fields."),
    def("__replace__", REPLACE, replace, "The same as replace()."),
    def("astimezone", "($self, /, tz=None)", zones::as_timezone, "tz -> convert to local time in new timezone tz\n"),
    def("__reduce_ex__", "($self, proto, /)", |t, a| ops_::reduce(t, &a[0], convert::to_i32(t, &a[1])? > 3), "__reduce_ex__(proto) -> (cls, state)"),
    def("__reduce__", "($self, /)", |t, a| ops_::reduce(t, &a[0], false), "__reduce__() -> (cls, state)"),
];

/// The datetime behind a value that is one.
pub(super) fn this(v: &Value) -> &DateTime {
    v.expect::<DateTime>()
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    if let [state, rest @ ..] = args.values
        && args.names.is_empty()
        && rest.len() < 2
        && let Some(b) = state_bytes(t, state, 10, "datetime")?
        && (1..=12).contains(&(b[2] & 0x7f))
    {
        let zone = zone_state(t, rest.first())?;
        let mut day = day_of_bytes(&b);
        let clock = Clock { fold: day.month >> 7, ..Clock::from_bytes(&b[4..]) };
        day.month &= 0x7f;
        return build(t, class, day, clock, zone);
    }
    bind(t, &NEW, class, args)
}

fn build(t: &Thread, class: &Value, day: Day, clock: Clock, zone: Value) -> Res {
    payload::new_for(t, class, |header| DateTime {
        date: Date { header, day },
        clock: Cell::new(clock),
        zone: Slot::new(zone),
    })
}

static NEW: MethodDef = def(
    "datetime",
    "($type, /, year, month, day, hour=0, minute=0, second=0, microsecond=0, tzinfo=None, *, fold=0)",
    |t, a| {
        let day = Day { year: int_arg(t, &a[1], 0)?, month: int_arg(t, &a[2], 0)?, day: int_arg(t, &a[3], 0)? };
        let clock = Clock {
            hour: int_arg(t, &a[4], 0)?,
            minute: int_arg(t, &a[5], 0)?,
            second: int_arg(t, &a[6], 0)?,
            micro: int_arg(t, &a[7], 0)?,
            fold: int_arg(t, &a[9], 0)?,
        };
        let (day, clock) = (checked_day(t, day)?, checked_clock(t, clock)?);
        let zone = zone_arg(t, &a[8])?;
        build(t, &a[0], day, clock, zone)
    },
    "",
);

fn repr(t: &Thread, v: &Value) -> Res {
    let Day { year, month, day } = this(v).date.day;
    let rest = repr_arguments(t, this(v).clock.get(), &this(v).zone.get())?;
    strs::new(t, &format!("{}({year}, {month}, {day}, {rest})", type_of(v).name()))
}

/// The datetime of a time stamp: local without a zone, else in the zone.
fn at_stamp(t: &Thread, class: &Value, stamp: (i64, i64), zone: &Value) -> Res {
    let (seconds, micro) = stamp;
    if zone.is_none() {
        let (day, clock) = local::local_fields_folded(t, seconds)?;
        return make::datetime_of(t, class, day, Clock { micro, ..clock }, Value::NONE);
    }
    let (day, clock) = local::utc_fields(t, seconds)?;
    let utc = make::datetime_of(t, class, day, Clock { micro, ..clock }, zone.clone())?;
    call::call1(t, &attr::get_text(t, zone, "fromutc")?, &utc)
}

fn now(t: &Thread, a: &[Value]) -> Res {
    let zone = zone_arg(t, &a[1])?;
    at_stamp(t, &a[0], local::now(t)?, &zone)
}

fn naive_utc(t: &Thread, class: &Value, (seconds, micro): (i64, i64)) -> Res {
    let (day, clock) = local::utc_fields(t, seconds)?;
    make::datetime_of(t, class, day, Clock { micro, ..clock }, Value::NONE)
}

fn utc_now(t: &Thread, a: &[Value]) -> Res {
    deprecated(
        t,
        "datetime.datetime.utcnow() is deprecated and scheduled for removal in a future version. Use timezone-aware objects to represent datetimes in UTC: datetime.datetime.now(datetime.UTC).",
    )?;
    naive_utc(t, &a[0], local::now(t)?)
}

fn from_timestamp(t: &Thread, a: &[Value]) -> Res {
    let zone = zone_arg(t, &a[2])?;
    at_stamp(t, &a[0], local::stamp(t, &a[1])?, &zone)
}

fn utc_from_timestamp(t: &Thread, a: &[Value]) -> Res {
    deprecated(
        t,
        "datetime.datetime.utcfromtimestamp() is deprecated and scheduled for removal in a future version. Use timezone-aware objects to represent datetimes in UTC: datetime.datetime.fromtimestamp(timestamp, datetime.UTC).",
    )?;
    naive_utc(t, &a[0], local::stamp(t, &a[1])?)
}

fn combine(t: &Thread, a: &[Value]) -> Res {
    let wrong = |i: usize, what: &str, v: &Value| {
        let name = if v.is_none() { "None".into() } else { type_of(v).name() };
        error::type_error(t, format_args!("combine() argument {i} must be datetime.{what}, not {name}"))
    };
    let Some(date) = a[1].downcast::<Date>() else { return Err(wrong(1, "date", &a[1])) };
    let Some(time) = a[2].downcast::<Time>() else { return Err(wrong(2, "time", &a[2])) };
    let zone = a[3].opt().map_or(Ok(time.zone.get()), |v| zone_arg(t, v))?;
    make::datetime_of(t, &a[0], date.day, time.clock.get(), zone)
}

fn from_iso_format(t: &Thread, a: &[Value]) -> Res {
    let text = text_arg(t, &a[1])?;
    let Ok((day, time)) = iso::date_time(&text) else { return Err(not_iso(t, &a[1])) };
    let Some(time) = time else { return make::datetime_of(t, &a[0], day, Clock::MIDNIGHT, Value::NONE) };
    check_end(t, &time)?;
    let zone = zone_of(t, time.zone)?;
    let day = if time.next_day { iso::day_after(day) } else { day };
    make::datetime_of(t, &a[0], day, time.clock, zone)
}

fn iso_format(t: &Thread, a: &[Value]) -> Res {
    let separator = match a[1].opt() {
        None => u32::from(b'T'),
        Some(v) => match v.downcast::<Str>() {
            Some(s) if s.len() == 1 => s.at(0),
            Some(s) => {
                let n = s.len();
                let text =
                    format_args!("isoformat() argument 1 must be a unicode character, not a string of length {n}");
                return Err(error::type_error(t, text));
            }
            None => {
                let name = if v.is_none() { "None".into() } else { type_of(v).name() };
                let text = format_args!("isoformat() argument 1 must be a unicode character, not {name}");
                return Err(error::type_error(t, text));
            }
        },
    };
    let spec = timespec_arg(t, &a[2], 2)?;
    let mut out = StrBuilder::new();
    out.push_str(&iso_text(this(&a[0]).date.day));
    out.push(separator);
    out.push_str(&this(&a[0]).clock.get().iso(&spec).map_err(|text| error::value_error(t, text))?);
    if let Some(east) = tzinfo::offset(t, &this(&a[0]).zone.get(), "utcoffset", &a[0])? {
        out.push_str(&east.offset(":"));
    }
    out.finish(t)
}

fn replace(t: &Thread, a: &[Value]) -> Res {
    let (day, clock) = (this(&a[0]).date.day, this(&a[0]).clock.get());
    let day = Day {
        year: int_arg(t, &a[1], day.year)?,
        month: int_arg(t, &a[2], day.month)?,
        day: int_arg(t, &a[3], day.day)?,
    };
    let clock = Clock {
        hour: int_arg(t, &a[4], clock.hour)?,
        minute: int_arg(t, &a[5], clock.minute)?,
        second: int_arg(t, &a[6], clock.second)?,
        micro: int_arg(t, &a[7], clock.micro)?,
        fold: int_arg(t, &a[9], clock.fold)?,
    };
    let zone = a[8].opt().map_or(Ok(this(&a[0]).zone.get()), |v| zone_arg(t, v))?;
    make::datetime_of(t, &type_of(&a[0]).value(), day, clock, zone)
}
