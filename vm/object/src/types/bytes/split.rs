//! bytes and bytearray: split, rsplit, splitlines, partition, strip, replace.

use super::{View, data, make, part, same};
use crate::convert;
use crate::error::{self, Res};
use crate::ops;
use crate::thread::Thread;
use crate::tuple;
use crate::types::str_::replace::{limit, replaced};
use crate::types::str_::search;
use crate::types::str_::split::{self, Parts};
use crate::value::Value;

/// ASCII white space.
pub(super) fn is_blank(c: u32) -> bool {
    matches!(c, 9..=13 | 32)
}

fn parts<'a>(t: &'a Thread, v: &'a Value) -> Parts<'a> {
    Parts::new(t, v, part, v.downcast::<super::Bytes>().is_some())
}

fn split_any(t: &Thread, a: &[Value], right: bool) -> Res {
    let max = match a[2].opt() {
        Some(n) => limit(convert::to_isize(t, n)?),
        None => usize::MAX,
    };
    let Some(sep) = a[1].non_none() else {
        let s = data(&a[0]);
        let out = parts(t, &a[0]);
        return if right { split::words_right(out, s, max, is_blank) } else { split::words(out, s, max, is_blank) };
    };
    let sep = View::get(t, sep)?;
    if sep.is_empty() {
        return Err(error::value_error(t, "empty separator"));
    }
    let s = data(&a[0]);
    let out = parts(t, &a[0]);
    if right { split::parts_right(out, s, &sep, max) } else { split::parts(out, s, &sep, max) }
}

pub(super) fn split_left(t: &Thread, a: &[Value]) -> Res {
    split_any(t, a, false)
}

pub(super) fn rsplit(t: &Thread, a: &[Value]) -> Res {
    split_any(t, a, true)
}

pub(super) fn splitlines(t: &Thread, a: &[Value]) -> Res {
    let keep = match a[1].opt() {
        Some(v) => ops::truth(t, v)?,
        None => false,
    };
    split::lines(parts(t, &a[0]), data(&a[0]), keep, |c| c == 10 || c == 13)
}

fn partition_at(t: &Thread, a: &[Value], right: bool) -> Res {
    let sep = View::get(t, &a[1])?;
    if sep.is_empty() {
        return Err(error::value_error(t, "empty separator"));
    }
    let s = data(&a[0]);
    let found = if right { search::rfind(t, s, &sep)? } else { search::find(t, s, &sep)? };
    let is_bytes = a[0].downcast::<super::Bytes>().is_some();
    let whole = || same(t, &a[0]);
    let empty = || make(t, &a[0], &[]);
    match found {
        Some(at) => {
            let middle = if is_bytes { a[1].clone() } else { make(t, &a[0], &sep)? };
            let (before, after) = (part(t, &a[0], 0, at)?, part(t, &a[0], at + sep.len(), s.len())?);
            tuple::from_array(t, [before, middle, after])
        }
        None if right => tuple::from_array(t, [empty()?, empty()?, whole()?]),
        None => tuple::from_array(t, [whole()?, empty()?, empty()?]),
    }
}

pub(super) fn partition(t: &Thread, a: &[Value]) -> Res {
    partition_at(t, a, false)
}

pub(super) fn rpartition(t: &Thread, a: &[Value]) -> Res {
    partition_at(t, a, true)
}

fn strip_sides(t: &Thread, a: &[Value], sides: (bool, bool)) -> Res {
    let chars = match a[1].non_none() {
        None => None,
        Some(chars) => Some(View::get(t, chars)?),
    };
    let s = data(&a[0]);
    let (from, to) = match chars {
        None => split::trimmed(s, sides, |b| is_blank(u32::from(b))),
        Some(chars) => {
            let mut set = [false; 256];
            chars.iter().for_each(|&b| set[b as usize] = true);
            split::trimmed(s, sides, |b| set[b as usize])
        }
    };
    part(t, &a[0], from, to)
}

pub(super) fn strip(t: &Thread, a: &[Value]) -> Res {
    strip_sides(t, a, (true, true))
}

pub(super) fn lstrip(t: &Thread, a: &[Value]) -> Res {
    strip_sides(t, a, (true, false))
}

pub(super) fn rstrip(t: &Thread, a: &[Value]) -> Res {
    strip_sides(t, a, (false, true))
}

pub(super) fn replace(t: &Thread, a: &[Value]) -> Res {
    let max = match a[3].opt() {
        Some(n) => limit(convert::to_isize(t, n)?),
        None => usize::MAX,
    };
    let (old, new) = (View::get(t, &a[1])?, View::get(t, &a[2])?);
    match replaced(t, data(&a[0]), &old, &new, max)? {
        Some(out) => make(t, &a[0], &out),
        None => same(t, &a[0]),
    }
}
