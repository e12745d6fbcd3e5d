//! str: find, index, count, startswith, endswith and their like.

use super::search::{self, same_width};
use super::text_arg;
use crate::convert;
use crate::error::{self, Res};
use crate::strs::{self, Str, Units};
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::type_name;
use crate::types::index;
use crate::value::Value;

/// Where `needle` is between `from` and `to`, from the left or the right.
fn locate(t: &Thread, hay: Units<'_>, needle: Units<'_>, range: (usize, usize), right: bool) -> Res<Option<usize>> {
    let (from, to) = range;
    if from > to {
        return Ok(None);
    }
    let found = same_width!(hay.slice(from, to), needle, Ok(needle.is_empty().then_some(0)), |h, n| if right {
        search::rfind(t, h, n)
    } else {
        search::find(t, h, n)
    });
    Ok(found?.map(|i| i + from))
}

fn position(t: &Thread, a: &[Value], name: &str, right: bool) -> Res<Option<usize>> {
    let s = a[0].expect::<Str>();
    let needle = text_arg(t, &a[1], name, 1)?;
    let range = index::bounds(t, &a[2], &a[3], s.len())?;
    locate(t, s.units(), needle.units(), range, right)
}

fn or_minus_one(found: Option<usize>) -> Value {
    found.map_or(Value::small(-1), convert::from_usize)
}

pub(super) fn find(t: &Thread, a: &[Value]) -> Res {
    Ok(or_minus_one(position(t, a, "find", false)?))
}

pub(super) fn rfind(t: &Thread, a: &[Value]) -> Res {
    Ok(or_minus_one(position(t, a, "rfind", true)?))
}

fn or_error(t: &Thread, found: Option<usize>) -> Res {
    match found {
        Some(i) => Ok(convert::from_usize(i)),
        None => Err(error::value_error(t, "substring not found")),
    }
}

pub(super) fn index(t: &Thread, a: &[Value]) -> Res {
    let found = position(t, a, "index", false)?;
    or_error(t, found)
}

pub(super) fn rindex(t: &Thread, a: &[Value]) -> Res {
    let found = position(t, a, "rindex", true)?;
    or_error(t, found)
}

pub(super) fn count(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    let needle = text_arg(t, &a[1], "count", 1)?;
    let (from, to) = index::bounds(t, &a[2], &a[3], s.len())?;
    if from > to {
        return Ok(Value::small(0));
    }
    let n = same_width!(s.units().slice(from, to), needle.units(), Ok(0), |h, n| search::count(t, h, n, usize::MAX));
    Ok(convert::from_usize(n?))
}

fn tail_match(t: &Thread, a: &[Value], name: &str, matches: fn(Units<'_>, Units<'_>) -> bool) -> Res {
    let s = a[0].expect::<Str>();
    if let (Some(affix), true) = (a[1].exact::<Str>(), a[2].is_absent()) {
        return Ok(Value::bool(matches(s.units(), affix.units())));
    }
    let (from, to) = index::bounds(t, &a[2], &a[3], s.len())?;
    let test = |affix: &Str| from <= to && matches(s.units().slice(from, to), affix.units());
    if let Some(options) = a[1].downcast::<Tuple>() {
        for option in options.items() {
            let Some(affix) = option.downcast::<Str>() else {
                let ty = type_name(option);
                return Err(error::type_error(t, format_args!("tuple for {name} must only contain str, not {ty}")));
            };
            if test(affix) {
                return Ok(Value::TRUE);
            }
        }
        return Ok(Value::FALSE);
    }
    match a[1].downcast::<Str>() {
        Some(affix) => Ok(Value::bool(test(affix))),
        None => {
            let ty = type_name(&a[1]);
            Err(error::type_error(t, format_args!("{name} first arg must be str or a tuple of str, not {ty}")))
        }
    }
}

fn starts(hay: Units<'_>, affix: Units<'_>) -> bool {
    same_width!(hay, affix, affix.is_empty(), |h, n| h.starts_with(n))
}

fn ends(hay: Units<'_>, affix: Units<'_>) -> bool {
    same_width!(hay, affix, affix.is_empty(), |h, n| h.ends_with(n))
}

pub(super) fn startswith(t: &Thread, a: &[Value]) -> Res {
    tail_match(t, a, "startswith", starts)
}

pub(super) fn endswith(t: &Thread, a: &[Value]) -> Res {
    tail_match(t, a, "endswith", ends)
}

pub(super) fn removeprefix(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    let affix = text_arg(t, &a[1], "removeprefix", 0)?;
    let from = if starts(s.units(), affix.units()) { affix.len() } else { 0 };
    strs::substring(t, &a[0], from, s.len())
}

pub(super) fn removesuffix(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    let affix = text_arg(t, &a[1], "removesuffix", 0)?;
    let to = if ends(s.units(), affix.units()) { s.len() - affix.len() } else { s.len() };
    strs::substring(t, &a[0], 0, to)
}
