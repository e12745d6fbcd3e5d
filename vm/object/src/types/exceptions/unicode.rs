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

/// Start and end within an object of length `len`, as CPython clamps them.
fn range(v: &Value, len: usize) -> (usize, usize) {
    let at = |name: &str| field(v, name).and_then(|x| int::to_i64(&x)).unwrap_or(0);
    let start = at("start").clamp(0, (len as i64 - 1).max(0));
    let end = at("end").clamp(1.min(len as i64), len as i64).max(0);
    (start as usize, end as usize)
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
    let Some(object) = field(v, "object") else { return Ok(process::empty_str().clone()) };
    let (encoding, reason) = (shown(t, v, "encoding")?, shown(t, v, "reason")?);
    let what = characters(v, &object);
    strs::new(t, &format!("'{encoding}' codec can't encode {what}: {reason}"))
}

pub(super) fn translate_str(t: &Thread, v: &Value) -> Res {
    let Some(object) = field(v, "object") else { return Ok(process::empty_str().clone()) };
    let (what, reason) = (characters(v, &object), shown(t, v, "reason")?);
    strs::new(t, &format!("can't translate {what}: {reason}"))
}

fn characters(v: &Value, object: &Value) -> String {
    let s = object.downcast::<Str>();
    let (start, end) = range(v, s.map_or(0, Str::len));
    match s {
        Some(s) if start < s.len() && end == start + 1 => {
            format!("character {} in position {start}", escaped(s.at(start)))
        }
        _ => format!("characters in position {start}-{}", end as i64 - 1),
    }
}

pub(super) fn decode_str(t: &Thread, v: &Value) -> Res {
    let Some(object) = field(v, "object") else { return Ok(process::empty_str().clone()) };
    let (encoding, reason) = (shown(t, v, "encoding")?, shown(t, v, "reason")?);
    let len = ops::len(t, &object)?;
    let (start, end) = range(v, len);
    let what = if start < len && end == start + 1 {
        let byte = ops::getitem(t, &object, &convert::from_usize(start))?;
        format!("byte 0x{:02x} in position {start}", int::to_i64(&byte).unwrap_or(0))
    } else {
        format!("bytes in position {start}-{}", end as i64 - 1)
    };
    strs::new(t, &format!("'{encoding}' codec can't decode {what}: {reason}"))
}
