//! _csv.Dialect: how rows are written.

use super::registered;
use crate::ctor::bind;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::int;
use typhon_object::{Thread, Value, attr, names, ops, payload, type_of};

/// When fields are quoted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(i64)]
pub(super) enum Quoting {
    Minimal,
    All,
    NonNumeric,
    None,
    Strings,
    NotNull,
}

/// Their names in the module.
pub(super) const QUOTINGS: &[(&str, Quoting)] = &[
    ("QUOTE_MINIMAL", Quoting::Minimal),
    ("QUOTE_ALL", Quoting::All),
    ("QUOTE_NONNUMERIC", Quoting::NonNumeric),
    ("QUOTE_NONE", Quoting::None),
    ("QUOTE_STRINGS", Quoting::Strings),
    ("QUOTE_NOTNULL", Quoting::NotNull),
];

/// A dialect's settings as plain data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rules {
    pub(super) delimiter: u32,
    pub(super) quote: Option<u32>,
    pub(super) escape: Option<u32>,
    pub(super) double_quote: bool,
    pub(super) skip_initial_space: bool,
    pub(super) strict: bool,
    pub(super) quoting: Quoting,
}

/// A dialect.
#[repr(C)]
pub(super) struct Dialect {
    header: Header,
    pub(super) rules: Rules,
    pub(super) line_terminator: Slot,
}

typhon_object::payload!(Dialect => DIALECT {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.line_terminator.get());
    }
});

/// _csv.Dialect.
pub(super) static DIALECT: TypeDef = TypeDef {
    name: "_csv.Dialect",
    doc: "CSV dialect\n\nThe Dialect type records CSV parsing and generation options.\n",
    flags: flag::BASETYPE,
    slots: Slots { new: Some(|t, class, args| bind(t, &NEW, class, args)), ..Slots::NONE },
    methods: &[
        def("__reduce__", "($self, /)", refuse_pickle, "raises an exception to avoid pickling"),
        def("__reduce_ex__", "($self, proto, /)", refuse_pickle, "raises an exception to avoid pickling"),
    ],
    getset: &[
        getter("delimiter", |t, v| strs::from_char(t, rules(v).delimiter), ""),
        getter("escapechar", |t, v| char_or_none(t, rules(v).escape), ""),
        getter("lineterminator", |_, v| Ok(v.expect::<Dialect>().line_terminator.get()), ""),
        getter("quotechar", |t, v| char_or_none(t, rules(v).quote), ""),
        getter("quoting", |_, v| Ok(Value::small(rules(v).quoting as i64)), ""),
        getter("skipinitialspace", |_, v| Ok(Value::bool(rules(v).skip_initial_space)), ""),
        getter("doublequote", |_, v| Ok(Value::bool(rules(v).double_quote)), ""),
        getter("strict", |_, v| Ok(Value::bool(rules(v).strict)), ""),
    ],
    ..TypeDef::of::<Dialect>()
};

fn rules(v: &Value) -> Rules {
    v.expect::<Dialect>().rules
}

fn char_or_none(t: &Thread, c: Option<u32>) -> Res {
    c.map_or(Ok(Value::NONE), |c| strs::from_char(t, c))
}

fn refuse_pickle(t: &Thread, a: &[Value]) -> Res {
    let name = type_of(&a[0]).short_name();
    Err(error::type_error(t, format_args!("cannot pickle '{name}' instances")))
}

/// The settings in the constructor's order.
const SETTINGS: [&str; 8] =
    ["delimiter", "doublequote", "escapechar", "lineterminator", "quotechar", "quoting", "skipinitialspace", "strict"];

static NEW: MethodDef = def(
    "Dialect",
    "($type, /, dialect=None, delimiter=None, doublequote=None, escapechar=None, lineterminator=None, quotechar=None, quoting=None, skipinitialspace=None, strict=None)",
    |t, a| {
        let mut given: Vec<Value> = a[2..].to_vec();
        if let Some(base) = a[1].non_none() {
            let base = if base.downcast::<Str>().is_some() { registered(t, base)? } else { base.clone() };
            if base.downcast::<Dialect>().is_some()
                && given.iter().all(Value::is_absent)
                && a[0].is(&DIALECT.ty().value())
            {
                return Ok(base);
            }
            for (v, name) in given.iter_mut().zip(SETTINGS) {
                if v.is_absent() {
                    *v = attr::get_opt(t, &base, &names::intern_text(t, name))?.unwrap_or_default();
                }
            }
        }
        let (rules, terminator) = read(t, &given)?;
        payload::new_for(t, &a[0], |header| Dialect { header, rules, line_terminator: Slot::new(terminator) })
    },
    "",
);

fn read(t: &Thread, given: &[Value]) -> Res<(Rules, Value)> {
    let flag = |i: usize, default: bool| given[i].opt().map_or(Ok(default), |v| ops::truth(t, v));
    let delimiter = match given[0].opt() {
        None => u32::from(b','),
        Some(v) => char_arg(t, "delimiter", "", v)?,
    };
    let optional = |i: usize, default: Option<u32>| match given[i].opt() {
        None => Ok(default),
        Some(v) if v.is_none() => Ok(None),
        Some(v) => char_arg(t, SETTINGS[i], " or None", v).map(Some),
    };
    let double_quote = flag(1, true)?;
    let escape = optional(2, None)?;
    let terminator = match given[3].opt() {
        None => strs::new(t, "\r\n")?,
        Some(v) if v.downcast::<Str>().is_some() => v.clone(),
        Some(v) => {
            let name = type_of(v).name();
            return Err(error::type_error(t, format_args!("\"lineterminator\" must be a string, not {name}")));
        }
    };
    let quote = optional(4, Some(u32::from(b'"')))?;
    let quoting = match given[5].opt() {
        None if given[4].is_none() => Quoting::None,
        None => Quoting::Minimal,
        Some(v) => quoting_arg(t, v)?,
    };
    let (skip_initial_space, strict) = (flag(6, false)?, flag(7, false)?);
    if quoting != Quoting::None && quote.is_none() {
        return Err(error::type_error(t, "quotechar must be set if quoting enabled"));
    }
    let rules = Rules { delimiter, quote, escape, double_quote, skip_initial_space, strict, quoting };
    check(t, rules, &terminator)?;
    Ok((rules, terminator))
}

fn char_arg(t: &Thread, name: &str, or: &str, v: &Value) -> Res<u32> {
    match v.downcast::<Str>() {
        Some(s) if s.len() == 1 => Ok(s.at(0)),
        Some(s) => {
            let n = s.len();
            let text = format_args!("\"{name}\" must be a unicode character{or}, not a string of length {n}");
            Err(error::type_error(t, text))
        }
        None => {
            let kind = type_of(v).name();
            Err(error::type_error(t, format_args!("\"{name}\" must be a unicode character{or}, not {kind}")))
        }
    }
}

fn quoting_arg(t: &Thread, v: &Value) -> Res<Quoting> {
    if v.is_bool() || !int::is_int(v) {
        let name = type_of(v).name();
        return Err(error::type_error(t, format_args!("\"quoting\" must be an integer, not {name}")));
    }
    let found = QUOTINGS.iter().find(|(_, q)| int::to_i64(v) == Some(*q as i64));
    found.map(|(_, q)| *q).ok_or_else(|| error::type_error(t, "bad \"quoting\" value"))
}

fn check(t: &Thread, rules: Rules, terminator: &Value) -> Res<()> {
    let bad = |what: &str| Err(error::value_error(t, format_args!("bad {what} value")));
    let chars = [
        ("delimiter", Some(rules.delimiter), true),
        ("escapechar", rules.escape, !rules.skip_initial_space),
        ("quotechar", rules.quote, !rules.skip_initial_space),
    ];
    for (name, c, space_fits) in chars {
        let Some(c) = c else { continue };
        if c == 0x0a || c == 0x0d || c == 0x20 && !space_fits {
            return bad(name);
        }
        if terminator.downcast::<Str>().is_some_and(|s| s.units().iter().any(|x| x == c)) {
            return bad(&format!("{name} or lineterminator"));
        }
    }
    for (x, y) in [(0, 1), (0, 2), (1, 2)] {
        if chars[x].1.is_some() && chars[x].1 == chars[y].1 {
            return bad(&format!("{} or {}", chars[x].0, chars[y].0));
        }
    }
    Ok(())
}
