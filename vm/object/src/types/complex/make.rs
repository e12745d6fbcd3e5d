//! complex: construction from numbers and texts.

use super::{COMPLEX, new, of_class, parts};
use crate::args::Args;
use crate::call;
use crate::error::{self, Res};
use crate::names::n;
use crate::ops;
use crate::strs::{self, Str, StrBuilder};
use crate::suggest;
use crate::thread::Thread;
use crate::ty::type_of;
use crate::types::exceptions::{DEPRECATION_WARNING, VALUE_ERROR};
use crate::types::{float, int};
use crate::value::Value;
use typhon_num::float_text::{ComplexError, complex_parse};

fn is_real(v: &Value) -> bool {
    let slots = type_of(v).slots();
    slots.float.is_some() || slots.index.is_some()
}

/// Tries `__complex__`.
fn special(t: &Thread, v: &Value) -> Res<Option<(f64, f64)>> {
    let Some(made) = call::special(t, v, n::__complex__(), &[]) else { return Ok(None) };
    let made = made?;
    let Some(parts) = parts(&made) else {
        let got = type_of(&made).name();
        return Err(error::type_error(t, format_args!("__complex__ returned non-complex (type {got})")));
    };
    if made.exact::<super::Complex>().is_none() {
        let got = type_of(&made).name();
        let text = format!(
            "__complex__ returned non-complex (type {got}).  The ability to return an instance of a strict subclass of complex is deprecated, and may be removed in a future version of Python."
        );
        (t.hooks.warn)(t, &DEPRECATION_WARNING.ty().value(), &text, 1)?;
    }
    Ok(Some(parts))
}

/// Any number as a complex one: `__complex__`, `__float__`, `__index__` in turn.
pub fn from_value(t: &Thread, v: &Value) -> Res<(f64, f64)> {
    if let Some(parts) = parts(v) {
        return Ok(parts);
    }
    match special(t, v)? {
        Some(parts) => Ok(parts),
        None => Ok((float::to_f64(t, v)?, 0.0)),
    }
}

fn make(t: &Thread, class: &Value, re: f64, im: f64) -> Res {
    if class.is(&COMPLEX.ty().value()) { new(t, re, im) } else { of_class(t, class, re, im) }
}

/// `complex.__new__`.
pub(super) fn construct(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let positional = args.positional();
    if args.values.len() > 2 {
        return Err(error::type_error(
            t,
            format_args!("complex() takes at most 2 arguments ({} given)", args.values.len()),
        ));
    }
    if positional.len() == 1 && !args.has_keywords() {
        return from_one(t, class, &positional[0]);
    }
    let (mut re, mut im) = (positional.first(), positional.get(1));
    for (key, value) in args.keywords() {
        let (slot, at) = match key.downcast::<Str>() {
            Some(s) if s.eq_text("real") => (&mut re, 1),
            Some(s) if s.eq_text("imag") => (&mut im, 2),
            _ => return Err(suggest::unexpected_keyword(t, "complex", key, ["real", "imag"].into_iter())),
        };
        if slot.is_some() {
            let key = strs::display(key);
            return Err(error::type_error(
                t,
                format_args!("argument for complex() given by name ('{key}') and position ({at})"),
            ));
        }
        *slot = Some(value);
    }
    let (a, b, complex_re) = part(t, re, "real")?;
    let (c, d, complex_im) = part(t, im, "imag")?;
    let re = if complex_im { a - d } else { a };
    let im = if complex_re { b + c } else { c };
    make(t, class, re, im)
}

/// One of two arguments; a complex one is deprecated. Says whether it was.
fn part(t: &Thread, v: Option<&Value>, name: &str) -> Res<(f64, f64, bool)> {
    let Some(v) = v else { return Ok((0.0, 0.0, false)) };
    if let Some(x) = float::as_f64(v) {
        return Ok((x, 0.0, false));
    }
    let complex = match parts(v) {
        Some(parts) => Some(parts),
        None if name == "real" => special(t, v)?,
        None => None,
    };
    if let Some((re, im)) = complex {
        let ty = type_of(v).name();
        let text = format!("complex() argument '{name}' must be a real number, not {ty}");
        (t.hooks.warn)(t, &DEPRECATION_WARNING.ty().value(), &text, 1)?;
        return Ok((re, im, true));
    }
    if !is_real(v) {
        let ty = type_of(v).name();
        return Err(error::type_error(t, format_args!("complex() argument '{name}' must be a real number, not {ty}")));
    }
    Ok((float::to_f64(t, v)?, 0.0, false))
}

fn from_one(t: &Thread, class: &Value, v: &Value) -> Res {
    if class.is(&COMPLEX.ty().value()) && v.exact::<super::Complex>().is_some() {
        return Ok(v.clone());
    }
    let (re, im) = if let Some(s) = v.downcast::<Str>() {
        parse(t, v, s)?
    } else if let Some(parts) = special(t, v)? {
        parts
    } else if let Some(parts) = parts(v) {
        parts
    } else if is_real(v) {
        (float::to_f64(t, v)?, 0.0)
    } else {
        let ty = type_of(v).name();
        return Err(error::type_error(t, format_args!("complex() argument must be a string or a number, not {ty}")));
    };
    make(t, class, re, im)
}

fn parse(t: &Thread, v: &Value, s: &Str) -> Res<(f64, f64)> {
    match complex_parse(&int::ascii_number(s)) {
        Ok(parts) => Ok(parts),
        Err(ComplexError::Malformed) => Err(error::value_error(t, "complex() arg is a malformed string")),
        Err(ComplexError::Underscore) => {
            let mut out = StrBuilder::new();
            out.push_str("could not convert string to complex: ");
            out.push_value(ops::repr(t, v)?.expect::<Str>());
            Err(error::with_args(t, VALUE_ERROR.ty(), &[out.finish(t)?]))
        }
    }
}

/// `complex.from_number`.
pub(super) fn from_number(t: &Thread, a: &[Value]) -> Res {
    let plain = a[0].is(&COMPLEX.ty().value());
    if plain && a[1].exact::<super::Complex>().is_some() {
        return Ok(a[1].clone());
    }
    let (re, im) = from_value(t, &a[1])?;
    let made = new(t, re, im)?;
    if plain { Ok(made) } else { call::call1(t, &a[0], &made) }
}
