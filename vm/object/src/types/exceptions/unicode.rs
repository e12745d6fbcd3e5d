//! UnicodeEncodeError, UnicodeDecodeError, UnicodeTranslateError.

use super::{base, field, fields};
use crate::args::Args;
use crate::convert;
use crate::error::{self, Res};
use crate::ops;
use crate::process;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::ty::type_of;
use crate::types::int;
use crate::value::Value;

const FULL: [&str; 5] = ["encoding", "object", "start", "end", "reason"];

pub(super) fn encode_init(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    parse(t, v, a, &FULL, true)
}

pub(super) fn decode_init(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    parse(t, v, a, &FULL, false)
}

pub(super) fn translate_init(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    parse(t, v, a, &FULL[1..], true)
}

fn parse(t: &Thread, v: &Value, a: Args<'_>, names: &[&str], text: bool) -> Res<()> {
    base::init(t, v, a)?;
    let (want, got) = (names.len(), a.values.len());
    if want != got {
        return Err(error::type_error(t, format_args!("function takes exactly {want} arguments ({got} given)")));
    }
    for (i, (name, value)) in names.iter().zip(a.values).enumerate() {
        let value = match *name {
            "start" | "end" => convert::from_i64(t, convert::to_isize(t, value)? as i64)?,
            "object" if !text => as_bytes(t, value)?,
            _ if value.downcast::<Str>().is_none() => {
                let got = if value.is_none() { "None".to_string() } else { type_of(value).name() };
                return Err(error::type_error(t, format_args!("argument {} must be str, not {got}", i + 1)));
            }
            _ => value.clone(),
        };
        fields::put(v, name, value);
    }
    Ok(())
}

/// bytes as they are, anything else that lends its memory as a copy.
fn as_bytes(t: &Thread, v: &Value) -> Res {
    if type_of(v).has_flag(crate::ty::flag::BYTES) {
        return Ok(v.clone());
    }
    if type_of(v).slots().buffer.is_none() {
        let got = type_of(v).name();
        return Err(error::type_error(t, format_args!("a bytes-like object is required, not '{got}'")));
    }
    let builtins = (t.hooks.import)(t, "builtins")?;
    let bytes = crate::attr::get_text(t, &builtins, "bytes")?;
    crate::call::call1(t, &bytes, v)
}

/// Start and end as they are, and whether they name one place of an object of length `len`.
fn range(v: &Value, len: usize) -> (i64, i64, Option<usize>) {
    let at = |name: &str| field(v, name).and_then(|x| int::to_i64(&x)).unwrap_or(0);
    let (start, end) = (at("start"), at("end"));
    let one = usize::try_from(start).ok().filter(|&s| s < len && end == start.wrapping_add(1));
    (start, end.wrapping_sub(1), one)
}

fn shown(t: &Thread, v: &Value, name: &str) -> Res<String> {
    Ok(strs::display(&ops::str(t, &field(v, name).unwrap_or(Value::NONE))?))
}

/// `'\xe9'`, `'\u20ac'`, `'\U0001f600'`.
fn escaped(c: u32) -> String {
    match c {
        0..=0xff => format!("'\\x{c:02x}'"),
        0x100..=0xffff => format!("'\\u{c:04x}'"),
        _ => format!("'\\U{c:08x}'"),
    }
}

pub(super) fn encode_str(t: &Thread, v: &Value) -> Res {
    if field(v, "object").is_none() {
        return Ok(process::empty_str().clone());
    }
    let (encoding, reason) = (shown(t, v, "encoding")?, shown(t, v, "reason")?);
    let what = characters(t, v)?;
    strs::new(t, &format!("'{encoding}' codec can't encode {what}: {reason}"))
}

pub(super) fn translate_str(t: &Thread, v: &Value) -> Res {
    if field(v, "object").is_none() {
        return Ok(process::empty_str().clone());
    }
    let reason = shown(t, v, "reason")?;
    let what = characters(t, v)?;
    strs::new(t, &format!("can't translate {what}: {reason}"))
}

/// The object now: making text of the other fields may have changed it.
fn object(t: &Thread, v: &Value) -> Res {
    field(v, "object").ok_or_else(|| error::type_error(t, "object attribute not set"))
}

fn characters(t: &Thread, v: &Value) -> Res<String> {
    let object = object(t, v)?;
    let Some(s) = object.downcast::<Str>() else {
        return Err(error::type_error(t, "object attribute must be unicode"));
    };
    Ok(match range(v, s.len()) {
        (start, _, Some(at)) => format!("character {} in position {start}", escaped(s.at(at))),
        (start, last, None) => format!("characters in position {start}-{last}"),
    })
}

pub(super) fn decode_str(t: &Thread, v: &Value) -> Res {
    if field(v, "object").is_none() {
        return Ok(process::empty_str().clone());
    }
    let (encoding, reason) = (shown(t, v, "encoding")?, shown(t, v, "reason")?);
    let object = object(t, v)?;
    if !type_of(&object).has_flag(crate::ty::flag::BYTES) {
        return Err(error::type_error(t, "object attribute must be bytes"));
    }
    let len = ops::len(t, &object)?;
    let what = match range(v, len) {
        (start, _, Some(at)) => {
            let byte = ops::getitem(t, &object, &convert::from_usize(at))?;
            format!("byte 0x{:02x} in position {start}", int::to_i64(&byte).unwrap_or(0))
        }
        (start, last, None) => format!("bytes in position {start}-{last}"),
    };
    strs::new(t, &format!("'{encoding}' codec can't decode {what}: {reason}"))
}
