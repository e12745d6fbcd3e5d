//! datetime.date.

use super::calendar::{Day, MAX_ORDINAL};
use super::clock::Clock;
use super::datetime_table::DateTime;
use super::delta::as_span;
use super::format::{self, Source, ctime, dunder_format, struct_time};
use super::make::{self, checked_day, int_arg, not_iso, state_bytes, str_arg, text_arg};
use super::{iso, iso_calendar, local};
use crate::ctor::bind;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::ops::CompareOp;
use typhon_object::slots::Slots;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, attr, call, convert, payload, strs, tuple, type_of};

/// A date.
#[repr(C)]
pub(super) struct Date {
    pub(super) header: Header,
    pub(super) day: Day,
}

typhon_object::payload!(Date => DATE);

/// datetime.date.
pub(super) static DATE: TypeDef = TypeDef {
    name: "datetime.date",
    doc: "date(year, month, day) --> date object",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(new),
        repr: Some(repr),
        str: Some(|t, v| call::call0(t, &attr::get_text(t, v, "isoformat")?)),
        hash: Some(|_, v| Ok(strs::hash_bytes(&day_bytes(day(v))))),
        compare: Some(compare),
        add: Some(|t, a, b| match (as_date(a), as_date(b)) {
            (Some(_), None) => shift(t, a, b, 1),
            (None, Some(_)) => shift(t, b, a, 1),
            _ => Ok(Value::NOT_IMPLEMENTED),
        }),
        sub: Some(sub),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: &[
        getter("year", |_, v| Ok(Value::small(day(v).year)), ""),
        getter("month", |_, v| Ok(Value::small(day(v).month)), ""),
        getter("day", |_, v| Ok(Value::small(day(v).day)), ""),
    ],
    constants: &[
        ("min", |t| make::date(t, Day::from_ordinal(1))),
        ("max", |t| make::date(t, Day::from_ordinal(MAX_ORDINAL))),
        ("resolution", |t| make::delta_of_us(t, super::span::DAY_US)),
    ],
    ..TypeDef::of::<Date>()
};

const METHODS: &[MethodDef] = &[
    def("fromtimestamp", "($type, timestamp, /)", from_timestamp, "Create a date from a POSIX timestamp.\n\nThe timestamp is a number, e.g. created via time.time(), that is\ninterpreted as local time.").class(),
    def("fromordinal", "($type, ordinal, /)", from_ordinal, "int -> date corresponding to a proleptic Gregorian ordinal.").class(),
    def("fromisoformat", "($type, object, /)", from_iso_format, "str -> Construct a date from a string in ISO 8601 format.").class(),
    def("fromisocalendar", "($type, /, year, week, day)", from_iso_calendar, "int, int, int -> Construct a date from the ISO year, week number and weekday.\n\nThis is the inverse of the date.isocalendar() function").class(),
    def("strptime", "($type, date_string, format, /)", |t, a| make::strptime(t, a, "_strptime_datetime_date"), "string, format -> new date parsed from a string (like time.strptime()).").class(),
    def("today", "($type, /)", today, "Current date or datetime:  same as self.__class__.fromtimestamp(time.time()).").class(),
    def("ctime", "($self, /)", |t, a| ctime(t, day(&a[0]), Clock::MIDNIGHT), "Return ctime() style string."),
    def("strftime", "($self, /, format)", strftime, "format -> strftime() style string."),
    def("__format__", "($self, format_spec, /)", dunder_format, "Formats self with strftime."),
    def("timetuple", "($self, /)", |t, a| struct_time(t, day(&a[0]), Clock::MIDNIGHT, -1), "Return time tuple, compatible with time.localtime()."),
    def("isocalendar", "($self, /)", |t, a| iso_calendar::new(t, day(&a[0]).iso_calendar()), "Return a named tuple containing ISO year, week number, and weekday."),
    def("isoformat", "($self, /)", |t, a| strs::new(t, &iso_text(day(&a[0]))), "Return string in ISO 8601 format, YYYY-MM-DD."),
    def("isoweekday", "($self, /)", |_, a| Ok(Value::small(day(&a[0]).weekday() + 1)), "Return the day of the week represented by the date.\nMonday == 1 ... Sunday == 7"),
    def("toordinal", "($self, /)", |_, a| Ok(Value::small(day(&a[0]).ordinal())), "Return proleptic Gregorian ordinal.  January 1 of year 1 is day 1."),
    def("weekday", "($self, /)", |_, a| Ok(Value::small(day(&a[0]).weekday())), "Return the day of the week represented by the date.\nMonday == 0 ... Sunday == 6"),
    def("replace", "($self, /, year=unchanged, month=unchanged, day=unchanged)", replace, "Return date with new specified fields."),
    def("__replace__", "($self, /, year=unchanged, month=unchanged, day=unchanged)", replace, "The same as replace()."),
    def("__reduce__", "($self, /)", reduce, "__reduce__() -> (cls, state)"),
];

/// The day of a value that is a date or datetime.
pub(super) fn day(v: &Value) -> Day {
    v.expect::<Date>().day
}

/// The day of a date that is no datetime.
fn as_date(v: &Value) -> Option<Day> {
    if v.downcast::<DateTime>().is_some() { None } else { v.downcast::<Date>().map(|d| d.day) }
}

/// As pickles have it.
pub(super) fn day_bytes(day: Day) -> [u8; 4] {
    let year = (day.year as u16).to_be_bytes();
    [year[0], year[1], day.month as u8, day.day as u8]
}

/// The reverse of [`day_bytes`].
pub(super) fn day_of_bytes(b: &[u8]) -> Day {
    let at = |i: usize| i64::from(b.get(i).copied().unwrap_or(0));
    Day { year: at(0) << 8 | at(1), month: at(2), day: at(3) }
}

/// `YYYY-MM-DD`.
pub(super) fn iso_text(day: Day) -> String {
    format!("{:04}-{:02}-{:02}", day.year, day.month, day.day)
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    if let [state] = args.values
        && args.names.is_empty()
        && let Some(b) = state_bytes(t, state, 4, "date")?
        && (1..=12).contains(&b[2])
    {
        let day = day_of_bytes(&b);
        return payload::new_for(t, class, |header| Date { header, day });
    }
    bind(t, &NEW, class, args)
}

static NEW: MethodDef = def(
    "date",
    "($type, /, year, month, day)",
    |t, a| {
        let field = |v: &Value| convert::to_i32(t, v).map(i64::from);
        let day = checked_day(t, Day { year: field(&a[1])?, month: field(&a[2])?, day: field(&a[3])? })?;
        payload::new_for(t, &a[0], |header| Date { header, day })
    },
    "",
);

fn repr(t: &Thread, v: &Value) -> Res {
    let Day { year, month, day } = day(v);
    strs::new(t, &format!("{}({year}, {month}, {day})", type_of(v).name()))
}

fn compare(_: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    // A datetime decides for itself, whichever side it is on.
    match (a.downcast::<Date>(), as_date(b)) {
        (Some(x), Some(y)) => Ok(Value::bool(op.holds(x.day.cmp(&y)))),
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

/// A date some days away.
fn shift(t: &Thread, v: &Value, by: &Value, sign: i64) -> Res {
    let Some(by) = as_span(by) else { return Ok(Value::NOT_IMPLEMENTED) };
    let ordinal = day(v).ordinal() + sign * by.days;
    if !(1..=MAX_ORDINAL).contains(&ordinal) {
        return Err(error::overflow_error(t, "date value out of range"));
    }
    make::date_of(t, &type_of(v).value(), Day::from_ordinal(ordinal))
}

fn sub(t: &Thread, a: &Value, b: &Value) -> Res {
    match (as_date(a), as_date(b)) {
        (Some(x), Some(y)) => make::delta_of_us(t, i128::from(x.ordinal() - y.ordinal()) * super::span::DAY_US),
        (Some(_), None) => shift(t, a, b, -1),
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn from_timestamp(t: &Thread, a: &[Value]) -> Res {
    let (day, _) = local::local_fields(t, local::whole_stamp(t, &a[1])?)?;
    make::date_of(t, &a[0], day)
}

fn from_ordinal(t: &Thread, a: &[Value]) -> Res {
    let ordinal = i64::from(convert::to_i32(t, &a[1])?);
    if ordinal < 1 {
        return Err(error::value_error(t, "ordinal must be >= 1"));
    }
    make::date_of(t, &a[0], Day::from_ordinal(ordinal))
}

fn from_iso_format(t: &Thread, a: &[Value]) -> Res {
    let text = text_arg(t, &a[1])?;
    match iso::date(&text) {
        Ok(day) => make::date_of(t, &a[0], day),
        Err(iso::Bad) => Err(not_iso(t, &a[1])),
    }
}

fn from_iso_calendar(t: &Thread, a: &[Value]) -> Res {
    let field = |v: &Value| {
        convert::to_i32(t, v).map(i64::from).map_err(|e| {
            if e.is(&typhon_object::types::exceptions::OVERFLOW_ERROR) {
                error::value_error(t, "ISO calendar component out of range")
            } else {
                e
            }
        })
    };
    let (year, week, weekday) = (field(&a[1])?, field(&a[2])?, field(&a[3])?);
    let day = Day::from_iso(year, week, weekday).map_err(|text| error::value_error(t, text))?;
    make::date_of(t, &a[0], day)
}

fn today(t: &Thread, a: &[Value]) -> Res {
    let time = (t.hooks.import)(t, "time")?;
    let now = call::call0(t, &attr::get_text(t, &time, "time")?)?;
    call::call1(t, &attr::get_text(t, &a[0], "fromtimestamp")?, &now)
}

fn strftime(t: &Thread, a: &[Value]) -> Res {
    str_arg(t, &a[1], "strftime", 1)?;
    let times = call::call0(t, &attr::get_text(t, &a[0], "timetuple")?)?;
    format::strftime(t, &a[1], &times, &Source { micro: 0, zone: Value::NONE, object: &a[0] })
}

fn replace(t: &Thread, a: &[Value]) -> Res {
    let old = day(&a[0]);
    let day = Day {
        year: int_arg(t, &a[1], old.year)?,
        month: int_arg(t, &a[2], old.month)?,
        day: int_arg(t, &a[3], old.day)?,
    };
    make::date_of(t, &type_of(&a[0]).value(), day)
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let state = tuple::from_array(t, [bytes::new(t, &day_bytes(day(&a[0])))?])?;
    tuple::from_array(t, [type_of(&a[0]).value(), state])
}
