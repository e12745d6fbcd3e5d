//! datetime.timezone: a fixed offset.

use super::datetime_ops::shifted;
use super::datetime_table::DateTime;
use super::delta::as_span;
use super::delta_ops::{check_range, hash};
use super::make;
use super::span::Span;
use super::tzinfo::{TZINFO, TzInfo, own_datetime};
use crate::ctor::bind;
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, def};
use typhon_object::ops::{self, CompareOp};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::ty::TypeDef;
use typhon_object::{Thread, Value, names, payload, tuple, type_of};

/// A fixed zone.
#[repr(C)]
pub(super) struct TimeZone {
    base: TzInfo,
    pub(super) offset: Span,
    /// None without a name of its own.
    name: Slot,
}

typhon_object::payload!(TimeZone, base => TIMEZONE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.name.get());
    }
});

/// datetime.timezone.
pub(super) static TIMEZONE: TypeDef = TypeDef {
    name: "datetime.timezone",
    doc: "Fixed offset from UTC implementation of tzinfo.",
    base: Some(&TZINFO),
    slots: Slots {
        new: Some(|t, class, args| bind(t, &NEW, class, args)),
        repr: Some(repr),
        str: Some(|t, v| shown(t, v.expect::<TimeZone>())),
        hash: Some(|t, v| hash(t, v.expect::<TimeZone>().offset)),
        compare: Some(compare),
        ..Slots::NONE
    },
    methods: &[
        def(
            "tzname",
            "($self, object, /)",
            |t, a| {
                check_arg(t, &a[1], "tzname")?;
                shown(t, a[0].expect::<TimeZone>())
            },
            "If name is specified when timezone is created, returns the name.  Otherwise returns offset as 'UTC(+|-)HH:MM'.",
        ),
        def(
            "utcoffset",
            "($self, object, /)",
            |t, a| {
                check_arg(t, &a[1], "utcoffset")?;
                make::delta(t, a[0].expect::<TimeZone>().offset)
            },
            "Return fixed offset.",
        ),
        def(
            "dst",
            "($self, object, /)",
            |t, a| {
                check_arg(t, &a[1], "dst")?;
                Ok(Value::NONE)
            },
            "Return None.",
        ),
        def(
            "fromutc",
            "($self, object, /)",
            |t, a| {
                own_datetime(t, &a[0], &a[1])?;
                shifted(t, &a[1], a[0].expect::<TimeZone>().offset.to_us())
            },
            "datetime in UTC -> datetime in local time.",
        ),
        def("__getinitargs__", "($self, /)", init_args, "pickle support"),
    ],
    constants: &[
        ("utc", |t| new(t, Span::ZERO, Value::NONE)),
        ("min", |t| new(t, Span::from_seconds(-86_340), Value::NONE)),
        ("max", |t| new(t, Span::from_seconds(86_340), Value::NONE)),
    ],
    ..TypeDef::of::<TimeZone>()
};

static NEW: MethodDef = def(
    "timezone",
    "($type, /, offset, name=None)",
    |t, a| {
        let Some(span) = as_span(&a[1]) else {
            let name = type_of(&a[1]).name();
            let text = format_args!("timezone() argument 1 must be datetime.timedelta, not {name}");
            return Err(error::type_error(t, text));
        };
        if let Some(name) = a[2].opt()
            && name.downcast::<Str>().is_none()
        {
            let name = if name.is_none() { "None".into() } else { type_of(name).name() };
            return Err(error::type_error(t, format_args!("timezone() argument 2 must be str, not {name}")));
        }
        check_range(t, &a[1])?;
        of(t, span, a[2].opt().cloned().unwrap_or(Value::NONE))
    },
    "",
);

fn new(t: &Thread, offset: Span, name: Value) -> Res {
    payload::new(t, |header| TimeZone { base: TzInfo { header }, offset, name: Slot::new(name) })
}

/// The zone of an offset and a name or None.
pub(super) fn of(t: &Thread, offset: Span, name: Value) -> Res {
    if offset.is_zero() && name.is_none() { utc(t) } else { new(t, offset, name) }
}

/// The zone of an offset that may be too large.
pub(super) fn checked(t: &Thread, offset: Span) -> Res {
    check_range(t, &make::delta(t, offset)?)?;
    of(t, offset, Value::NONE)
}

/// `timezone.utc`.
pub(super) fn utc(t: &Thread) -> Res {
    let found = TIMEZONE.ty().lookup(t, &names::intern_text(t, "utc"));
    found.ok_or_else(|| error::system_error(t, "timezone has no utc"))
}

fn check_arg(t: &Thread, v: &Value, method: &str) -> Res<()> {
    if v.is_none() || v.downcast::<DateTime>().is_some() {
        return Ok(());
    }
    let name = type_of(v).name();
    Err(error::type_error(t, format_args!("{method}(dt) argument must be a datetime instance or None, not {name}")))
}

fn shown(t: &Thread, zone: &TimeZone) -> Res {
    let name = zone.name.get();
    if !name.is_none() {
        return Ok(name);
    }
    let offset = if zone.offset.is_zero() { String::new() } else { zone.offset.offset(":") };
    strs::new(t, &format!("UTC{offset}"))
}

fn repr(t: &Thread, v: &Value) -> Res {
    if v.is(&utc(t)?) {
        return strs::new(t, "datetime.timezone.utc");
    }
    let (zone, class) = (v.expect::<TimeZone>(), type_of(v).name());
    let offset = ops::repr_text(t, &make::delta(t, zone.offset)?)?;
    let name = zone.name.get();
    if name.is_none() {
        return strs::new(t, &format!("{class}({offset})"));
    }
    strs::new(t, &format!("{class}({offset}, {})", ops::repr_text(t, &name)?))
}

fn compare(_: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    match (a.downcast::<TimeZone>(), b.downcast::<TimeZone>(), op) {
        (Some(x), Some(y), CompareOp::Eq) => Ok(Value::bool(x.offset == y.offset)),
        (Some(x), Some(y), CompareOp::Ne) => Ok(Value::bool(x.offset != y.offset)),
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn init_args(t: &Thread, a: &[Value]) -> Res {
    let zone = a[0].expect::<TimeZone>();
    let (offset, name) = (make::delta(t, zone.offset)?, zone.name.get());
    if name.is_none() { tuple::from_array(t, [offset]) } else { tuple::from_array(t, [offset, name]) }
}
