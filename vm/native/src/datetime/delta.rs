//! datetime.timedelta: the type and its constructor.

use super::delta_ops as ops_;
use super::make;
use super::span::{Span, ratio};
use crate::ctor::bind;
use dashu_int::IBig;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{float, int};
use typhon_object::{Thread, Value, payload, strs, tuple, type_of};

/// A timedelta.
#[repr(C)]
pub(super) struct TimeDelta {
    pub(super) header: Header,
    pub(super) span: Span,
}

typhon_object::payload!(TimeDelta => TIMEDELTA);

/// datetime.timedelta.
pub(super) static TIMEDELTA: TypeDef = TypeDef {
    name: "datetime.timedelta",
    doc: "Difference between two datetime values.\n\ntimedelta(days=0, seconds=0, microseconds=0, milliseconds=0, minutes=0, hours=0, weeks=0)\n\nAll arguments are optional and default to 0.\nArguments may be integers or floats, and may be positive or negative.",
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(|t, class, args| bind(t, &NEW, class, args)),
        repr: Some(|t, v| strs::new(t, &format!("{}({})", type_of(v).name(), span(v).arguments()))),
        str: Some(|t, v| strs::new(t, &span(v).text())),
        hash: Some(|t, v| ops_::hash(t, span(v))),
        compare: Some(ops_::compare),
        bool: Some(|_, v| Ok(!span(v).is_zero())),
        add: Some(ops_::add),
        sub: Some(ops_::sub),
        mul: Some(ops_::mul),
        truediv: Some(ops_::truediv),
        floordiv: Some(ops_::floordiv),
        mod_: Some(ops_::modulo),
        divmod: Some(ops_::divmod),
        neg: Some(|t, v| make::delta_of_us(t, -span(v).to_us())),
        pos: Some(|t, v| make::delta(t, span(v))),
        abs: Some(|t, v| make::delta_of_us(t, span(v).to_us().abs())),
        ..Slots::NONE
    },
    methods: &[
        def("total_seconds", "($self, /)", |t, a| ops_::seconds(t, span(&a[0])), "Total seconds in the duration."),
        def("__reduce__", "($self, /)", reduce, "__reduce__() -> (cls, state)"),
    ],
    getset: &[
        getter("days", |_, v| Ok(Value::small(span(v).days)), "Number of days."),
        getter("seconds", |_, v| Ok(Value::small(span(v).seconds)), "Number of seconds (>= 0 and less than 1 day)."),
        getter(
            "microseconds",
            |_, v| Ok(Value::small(span(v).micros)),
            "Number of microseconds (>= 0 and less than 1 second).",
        ),
    ],
    constants: &[
        ("min", |t| make::delta(t, Span::MIN)),
        ("max", |t| make::delta(t, Span::MAX)),
        ("resolution", |t| make::delta_of_us(t, 1)),
    ],
    ..TypeDef::of::<TimeDelta>()
};

/// The duration of a value that is a timedelta.
pub(super) fn span(v: &Value) -> Span {
    v.expect::<TimeDelta>().span
}

/// The duration of a value, if it is a timedelta.
pub(super) fn as_span(v: &Value) -> Option<Span> {
    v.downcast::<TimeDelta>().map(|d| d.span)
}

static NEW: MethodDef = def(
    "__new__",
    "($type, /, days=0, seconds=0, microseconds=0, milliseconds=0, minutes=0, hours=0, weeks=0)",
    |t, a| {
        // In this order the parts smaller than a microsecond add up.
        const PARTS: [(usize, &str, i64); 7] = [
            (3, "microseconds", 1),
            (4, "milliseconds", 1_000),
            (2, "seconds", 1_000_000),
            (5, "minutes", 60_000_000),
            (6, "hours", 3_600_000_000),
            (1, "days", 86_400_000_000),
            (7, "weeks", 7 * 86_400_000_000),
        ];
        let (mut us, mut left) = (IBig::from(0), 0.0);
        for (i, name, unit) in PARTS {
            if let Some(v) = a[i].opt() {
                add_part(t, &mut us, &mut left, v, name, unit)?;
            }
        }
        if left != 0.0 {
            us += IBig::from(rounded_left(left, &us) as i64);
        }
        let span = Span::from_big(&us).map_err(|text| error::overflow_error(t, text))?;
        payload::new_for(t, &a[0], |header| TimeDelta { header, span })
    },
    "",
);

/// The rest rounded so that the sum is rounded half to even.
fn rounded_left(left: f64, us: &IBig) -> f64 {
    let whole = left.round();
    if (whole - left).abs() != 0.5 {
        return whole;
    }
    let odd = if us % IBig::from(2) == IBig::from(0) { 0.0 } else { 1.0 };
    2.0 * ((left + odd) * 0.5).round() - odd
}

fn add_part(t: &Thread, us: &mut IBig, left: &mut f64, v: &Value, name: &str, unit: i64) -> Res<()> {
    if int::is_int(v) {
        *us += int::to_big(v).unwrap_or_default() * IBig::from(unit);
        return Ok(());
    }
    let Some(x) = float::as_f64(v) else {
        let kind = type_of(v).name();
        return Err(error::type_error(t, format_args!("unsupported type for timedelta {name} component: {kind}")));
    };
    if x.is_nan() {
        return Err(error::value_error(t, "cannot convert float NaN to integer"));
    }
    if x.is_infinite() {
        return Err(error::overflow_error(t, "cannot convert float infinity to integer"));
    }
    let (n, d) = ratio(x.trunc());
    *us += n / d * IBig::from(unit);
    let fraction = x.fract();
    if fraction != 0.0 {
        let part = fraction * unit as f64;
        *us += IBig::from(part.trunc() as i64);
        *left += part.fract();
    }
    Ok(())
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let Span { days, seconds, micros } = span(&a[0]);
    let state = tuple::from_array(t, [days, seconds, micros].map(Value::small))?;
    tuple::from_array(t, [type_of(&a[0]).value(), state])
}
