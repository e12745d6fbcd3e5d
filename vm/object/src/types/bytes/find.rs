//! bytes and bytearray: find, index, count, startswith, endswith and their like.

use super::{View, byte_of, data, part, same};
use crate::buffer;
use crate::convert;
use crate::error::{self, Res};
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::{type_name, type_of};
use crate::types::str_::search;
use crate::types::{index, int};
use crate::value::Value;

/// What is looked for: one byte or a run.
enum Needle<'a> {
    One([u8; 1]),
    Many(View<'a>),
}

impl<'a> Needle<'a> {
    fn get(t: &Thread, v: &'a Value) -> Res<Self> {
        if buffer::supported(v) {
            return Ok(Self::Many(View::get(t, v)?));
        }
        if int::is_int(v) || type_of(v).slots().index.is_some() {
            return Ok(Self::One([byte_of(t, v, "byte")?]));
        }
        let name = type_name(v);
        Err(error::type_error(t, format_args!("argument should be integer or bytes-like object, not '{name}'")))
    }
}

impl std::ops::Deref for Needle<'_> {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match self {
            Needle::One(b) => b,
            Needle::Many(v) => v,
        }
    }
}

fn position(t: &Thread, a: &[Value], right: bool) -> Res<Option<usize>> {
    let (from, to) = index::bounds(t, &a[2], &a[3], data(&a[0]).len())?;
    let needle = Needle::get(t, &a[1])?;
    let hay = data(&a[0]);
    // Reading the needle may have run code that changed the length.
    let to = to.min(hay.len());
    if from > to {
        return Ok(None);
    }
    let hay = &hay[from..to];
    let found = if right { search::rfind(t, hay, &needle)? } else { search::find(t, hay, &needle)? };
    Ok(found.map(|i| i + from))
}

fn or_minus_one(found: Option<usize>) -> Value {
    found.map_or(Value::small(-1), convert::from_usize)
}

fn or_error(t: &Thread, found: Option<usize>) -> Res {
    match found {
        Some(i) => Ok(convert::from_usize(i)),
        None => Err(error::value_error(t, "subsection not found")),
    }
}

pub(super) fn find(t: &Thread, a: &[Value]) -> Res {
    Ok(or_minus_one(position(t, a, false)?))
}

pub(super) fn rfind(t: &Thread, a: &[Value]) -> Res {
    Ok(or_minus_one(position(t, a, true)?))
}

pub(super) fn index(t: &Thread, a: &[Value]) -> Res {
    or_error(t, position(t, a, false)?)
}

pub(super) fn rindex(t: &Thread, a: &[Value]) -> Res {
    or_error(t, position(t, a, true)?)
}

pub(super) fn count(t: &Thread, a: &[Value]) -> Res {
    let (from, to) = index::bounds(t, &a[2], &a[3], data(&a[0]).len())?;
    let needle = Needle::get(t, &a[1])?;
    let hay = data(&a[0]);
    let to = to.min(hay.len());
    let n = if from > to { 0 } else { search::count(t, &hay[from..to], &needle, usize::MAX)? };
    Ok(convert::from_usize(n))
}

fn tail_match(t: &Thread, a: &[Value], name: &str, matches: fn(&[u8], &[u8]) -> bool) -> Res {
    let (from, to) = index::bounds(t, &a[2], &a[3], data(&a[0]).len())?;
    let test = |affix: &Value| -> Res<bool> {
        let affix = View::get(t, affix)?;
        let hay = data(&a[0]);
        let to = to.min(hay.len());
        Ok(from <= to && matches(&hay[from..to], &affix))
    };
    if let Some(options) = a[1].downcast::<Tuple>() {
        for option in options.items() {
            if test(option)? {
                return Ok(Value::TRUE);
            }
        }
        return Ok(Value::FALSE);
    }
    if !buffer::supported(&a[1]) {
        let ty = type_name(&a[1]);
        return Err(error::type_error(t, format_args!("{name} first arg must be bytes or a tuple of bytes, not {ty}")));
    }
    test(&a[1]).map(Value::bool)
}

pub(super) fn startswith(t: &Thread, a: &[Value]) -> Res {
    tail_match(t, a, "startswith", |h, n| h.starts_with(n))
}

pub(super) fn endswith(t: &Thread, a: &[Value]) -> Res {
    tail_match(t, a, "endswith", |h, n| h.ends_with(n))
}

pub(super) fn removeprefix(t: &Thread, a: &[Value]) -> Res {
    let affix = View::get(t, &a[1])?;
    let hay = data(&a[0]);
    if !affix.is_empty() && hay.starts_with(&affix) { part(t, &a[0], affix.len(), hay.len()) } else { same(t, &a[0]) }
}

pub(super) fn removesuffix(t: &Thread, a: &[Value]) -> Res {
    let affix = View::get(t, &a[1])?;
    let hay = data(&a[0]);
    if !affix.is_empty() && hay.ends_with(&affix) { part(t, &a[0], 0, hay.len() - affix.len()) } else { same(t, &a[0]) }
}
