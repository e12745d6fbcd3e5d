//! int: the constructor, numbers in texts, and rendering of formats.

use super::{Long, digits_max, exact, is_int, num_error, of_class, with_poll};
use crate::args::Args;
use crate::error::{self, Exc, Res};
use crate::payload::Payload;
use crate::strs::{self, Str, StrBuilder};
use crate::suggest;
use crate::thread::Thread;
use crate::ty::{TypeObject, type_of};
use crate::types::exceptions;
use crate::value::Value;
use crate::{buffer, convert, ops};
use dashu_int::IBig;
use typhon_num::format_spec::{Rendered, TextLayout};
use typhon_num::int_text;

/// `int.__new__`.
pub(super) fn construct(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let positional = args.positional();
    if args.has_keywords() && args.values.len() > 2 {
        let given = args.values.len();
        return Err(error::type_error(t, format_args!("int() takes at most 2 arguments ({given} given)")));
    }
    if positional.len() > 2 {
        return Err(error::type_error(t, format_args!("int expected at most 2 arguments, got {}", positional.len())));
    }
    let mut base = positional.get(1);
    for (key, value) in args.keywords() {
        if !strs::eq_str(key, "base") {
            return Err(suggest::unexpected_keyword(t, "int", key, ["base"].into_iter()));
        }
        if base.is_some() {
            return Err(error::type_error(t, "argument for int() given by name ('base') and position (2)"));
        }
        base = Some(value);
    }
    let made = match (positional.first(), base) {
        (None, None) => Value::small(0),
        (None, Some(_)) => return Err(error::type_error(t, "int() missing string argument")),
        (Some(x), None) => from_any(t, x)?,
        (Some(x), Some(base)) => with_base(t, x, base)?,
    };
    if class.downcast::<TypeObject>().is_some_and(|ty| std::ptr::eq(ty, Long::DEF.ty())) {
        return exact(t, &made);
    }
    of_class(t, class, super::to_big(&made).unwrap_or_default())
}

fn with_base(t: &Thread, x: &Value, base: &Value) -> Res {
    let base = convert::to_index_clamped(t, base)?;
    if base != 0 && !(2..=36).contains(&base) {
        return Err(error::value_error(t, "int() base must be >= 2 and <= 36, or 0"));
    }
    if x.downcast::<Str>().is_some() || is_bytes(x) {
        return from_text(t, x, base as u32);
    }
    Err(error::type_error(t, "int() can't convert non-string with explicit base"))
}

fn is_bytes(v: &Value) -> bool {
    matches!(type_of(v).def().name, "bytes" | "bytearray")
}

/// `int(x)`.
fn from_any(t: &Thread, x: &Value) -> Res {
    if x.is_small() || x.exact::<Long>().is_some() {
        return Ok(x.clone());
    }
    if let Some(f) = x.as_immediate_float()
        && f.abs() < (1i64 << 60) as f64
    {
        return Ok(Value::small(f as i64));
    }
    let slots = type_of(x).slots();
    if let Some(f) = slots.int {
        let r = f(t, x)?;
        if !is_int(&r) {
            let got = type_of(&r).name();
            return Err(error::type_error(t, format_args!("__int__ returned non-int (type {got})")));
        }
        if !r.is_small() && r.exact::<Long>().is_none() {
            warn_strict(t, "__int__", &r)?;
        }
        return exact(t, &r);
    }
    if slots.index.is_some() {
        return exact(t, &convert::to_index(t, x)?);
    }
    if x.downcast::<Str>().is_some() || buffer::supported(x) {
        return from_text(t, x, 10);
    }
    let name = type_of(x).name();
    Err(error::type_error(
        t,
        format_args!("int() argument must be a string, a bytes-like object or a real number, not '{name}'"),
    ))
}

/// DeprecationWarning: `__int__` or `__index__` gave an instance of a subclass.
#[cold]
pub(crate) fn warn_strict(t: &Thread, method: &str, r: &Value) -> Res<()> {
    let name = type_of(r).name();
    let text = format!(
        "{method} returned non-int (type {name}).  The ability to return an instance of a strict subclass of int is deprecated, and may be removed in a future version of Python."
    );
    (t.hooks.warn)(t, &exceptions::DEPRECATION_WARNING.ty().value(), &text, 1)
}

fn from_text(t: &Thread, x: &Value, base: u32) -> Res {
    if let Some(text) = x.exact::<Str>().and_then(Str::as_ascii) {
        return parse(t, text, base, x);
    }
    let text = match x.downcast::<Str>() {
        Some(s) => ascii_number(s),
        None => buffer::get(t, x, buffer::SIMPLE)?.as_slice().iter().map(|&b| char::from(b)).collect(),
    };
    parse(t, &text, base, x)
}

/// A number's text in ASCII: other decimal digits and spaces are translated, anything else becomes `?`.
pub fn ascii_number(s: &Str) -> String {
    if let Some(text) = s.as_ascii() {
        return text.to_string();
    }
    let plain = |c: u32| match c {
        0..0x80 if !typhon_unicode::is_space(c) => char::from(c as u8),
        _ if typhon_unicode::is_space(c) => ' ',
        _ => typhon_unicode::decimal_value(c).map_or('?', |d| char::from(b'0' + d)),
    };
    s.units().iter().map(plain).collect()
}

/// The int that a text stands for; `source` is quoted in the error.
pub fn parse(t: &Thread, text: &str, base: u32, source: &Value) -> Res {
    if text.len() < 18
        && base == 10
        && let Ok(i) = text.parse::<i64>()
    {
        return Ok(Value::small(i));
    }
    if text.len() > 4096 {
        t.check_alloc(text.len() * 4)?;
    }
    let mut raised = None;
    let parsed = int_text::parse(text, base, digits_max(t), &mut || {
        t.poll().map_err(|e| {
            raised = Some(e);
            typhon_num::Stop
        })
    });
    let e = match parsed {
        Ok(n) => return super::from_big(t, n),
        Err(e) => e,
    };
    match (e, raised) {
        (int_text::ParseIntError::Stop, Some(e)) => Err(e),
        (int_text::ParseIntError::Invalid, _) => Err(invalid(t, base, source)),
        (e, _) => Err(num_error(t, e.into_error(base, "", digits_max(t)))),
    }
}

#[cold]
fn invalid(t: &Thread, base: u32, source: &Value) -> Exc {
    match ops::repr(t, source) {
        Ok(r) => {
            let units = r.expect::<Str>().units();
            let mut out = StrBuilder::new();
            out.push_str(&format!("invalid literal for int() with base {base}: "));
            out.push_units(units.slice(0, units.len().min(200)));
            match out.finish(t) {
                Ok(text) => error::with_args(t, exceptions::VALUE_ERROR.ty(), &[text]),
                Err(e) => e,
            }
        }
        Err(e) => e,
    }
}

/// A rendered format as a str.
pub fn render(t: &Thread, r: Rendered) -> Res {
    t.check_alloc(r.len())?;
    let mut out = StrBuilder::with_capacity(r.len());
    out.push_n(r.fill, r.left);
    out.push_str(&r.head);
    out.push_n(r.fill, r.inner);
    out.push_str(&r.body);
    out.push_n(r.fill, r.right);
    out.finish(t)
}

/// One character, padded.
fn render_char(t: &Thread, c: u32, layout: TextLayout) -> Res {
    t.check_alloc(layout.left.saturating_add(layout.right))?;
    let mut out = StrBuilder::new();
    out.push_n(layout.fill, layout.left);
    out.push(c);
    out.push_n(layout.fill, layout.right);
    out.finish(t)
}

/// The code points of a format spec argument.
pub(crate) fn spec_units(t: &Thread, spec: &Value) -> Res<Vec<u32>> {
    match spec.downcast::<Str>() {
        Some(s) => Ok(s.units().iter().collect()),
        None => {
            let name = if spec.is_none() { "None".into() } else { type_of(spec).name() };
            Err(error::type_error(t, format_args!("__format__() argument must be str, not {name}")))
        }
    }
}

/// `int.__format__`.
pub(super) fn format(t: &Thread, a: &[Value]) -> Res {
    use typhon_num::format_spec::{Locale, Target, format_float, format_int, format_int_char, parse};
    let units = spec_units(t, &a[1])?;
    if units.is_empty() {
        return ops::str(t, &a[0]);
    }
    let name = type_of(&a[0]).name();
    let fail = |e| num_error(t, e);
    let spec = parse(&units, Target::Int, &name).map_err(fail)?;
    t.check_alloc(usize::try_from(spec.size_bound()).unwrap_or(usize::MAX))?;
    let n: IBig = super::to_big(&a[0]).unwrap_or_default();
    match spec.kind.and_then(char::from_u32) {
        Some('c') => {
            let (c, layout) = format_int_char(&n, &spec).map_err(fail)?;
            render_char(t, c, layout)
        }
        Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => {
            let x = crate::types::float::of_int(t, &a[0])?;
            let spec = parse(&units, Target::Float, &name).map_err(fail)?;
            render(t, format_float(x, &spec, &name, &Locale::default()).map_err(fail)?)
        }
        _ => {
            let limit = digits_max(t);
            let r = with_poll(t, |poll| format_int(&n, &spec, &name, &Locale::default(), limit, poll))?;
            render(t, r)
        }
    }
}
