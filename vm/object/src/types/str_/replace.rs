//! str.replace.

use super::search::{self, Cell, Matches, same_width};
use super::{from_slice, text_arg};
use crate::bulk;
use crate::convert;
use crate::error::{self, Res};
use crate::strs::{self, Str, Units};
use crate::thread::Thread;
use crate::value::Value;

const POLL_EVERY: usize = 64 * 1024;

/// Texts up to this length are copied on the stack.
const SHORT: usize = 256;

/// A short text with at most `max` of one byte replaced by another.
fn replaced_byte(t: &Thread, whole: &Value, text: &[u8], (from, to): (u8, u8), max: usize) -> Res {
    let Some(first) = text.iter().position(|&c| c == from) else { return strs::exact(t, whole) };
    let mut copy = [0; SHORT];
    let copy = &mut copy[..text.len()];
    copy.copy_from_slice(text);
    for c in copy[first..].iter_mut().filter(|c| **c == from).take(max) {
        *c = to;
    }
    strs::from_latin1(t, copy)
}

pub(super) fn replace(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    let old = text_arg(t, &a[1], "replace", 1)?;
    let new = text_arg(t, &a[2], "replace", 2)?;
    let max = match a[3].opt() {
        Some(n) => limit(convert::to_isize(t, n)?),
        None => usize::MAX,
    };
    if max == 0 || old.len() > s.len() || old.same_text(new) {
        return strs::exact(t, &a[0]);
    }
    if let (Units::Latin1(text), Units::Latin1(&[from]), Units::Latin1(&[to])) = (s.units(), old.units(), new.units())
        && text.len() <= SHORT
    {
        return replaced_byte(t, &a[0], text, (from, to), max);
    }
    // Everything at the widest of the three.
    let width = s.width().max(new.width());
    if old.width() > s.width() {
        return strs::exact(t, &a[0]);
    }
    if width == s.width() {
        return same_width!(s.units(), old.units(), strs::exact(t, &a[0]), |hay, needle| {
            let with: Vec<_> = new.units().iter().filter_map(narrow_like(hay)).collect();
            match replaced(t, hay, needle, &with, max)? {
                Some(out) => from_slice(t, &out),
                None => strs::exact(t, &a[0]),
            }
        });
    }
    let found = same_width!(s.units(), old.units(), Ok(None), |h, n| search::find(t, h, n));
    if found?.is_none() {
        return strs::exact(t, &a[0]);
    }
    t.check_alloc(s.len() * 4)?;
    let wide = |s: &Str| s.units().iter().collect::<Vec<u32>>();
    match replaced(t, &wide(s), &wide(old), &wide(new), max)? {
        Some(out) => strs::from_ucs4(t, &out),
        None => strs::exact(t, &a[0]),
    }
}

/// A conversion to the units of `_like`.
fn narrow_like<C: Cell>(_like: &[C]) -> impl Fn(u32) -> Option<C> {
    C::narrow
}

/// A `count` or `maxsplit`: negative means no limit.
pub(crate) fn limit(n: isize) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// `hay` with at most `max` places of `old` replaced; `None` if there is none.
pub(crate) fn replaced<C: Cell>(t: &Thread, hay: &[C], old: &[C], new: &[C], max: usize) -> Res<Option<Vec<C>>> {
    if let ([from], [to]) = (old, new) {
        let Some(first) = C::find_one(hay, *from) else { return Ok(None) };
        t.check_alloc(size_of_val(hay))?;
        let mut out = Vec::new();
        bulk::extend(&mut out, hay);
        // After a stop the copy may be short.
        t.check_stop()?;
        let mut left = max;
        for piece in out[first..].chunks_mut(POLL_EVERY) {
            t.check_stop()?;
            for c in piece {
                if *c == *from && left > 0 {
                    *c = *to;
                    left -= 1;
                }
            }
        }
        return Ok(Some(out));
    }
    let times = search::count(t, hay, old, max)?;
    if times == 0 {
        return Ok(None);
    }
    let grown = (new.len() as i128 - old.len() as i128) * times as i128 + hay.len() as i128;
    let Ok(len) = isize::try_from(grown) else {
        return Err(error::overflow_error(t, "replace string is too long"));
    };
    t.check_alloc((len as usize).saturating_mul(size_of::<C>()))?;
    let mut out = Vec::with_capacity(len as usize);
    if old.is_empty() {
        for (i, c) in hay.iter().enumerate() {
            if i % POLL_EVERY == 0 {
                t.check_stop()?;
            }
            if i < times {
                out.extend_from_slice(new);
            }
            out.push(*c);
        }
        if times > hay.len() {
            out.extend_from_slice(new);
        }
        return Ok(Some(out));
    }
    let (mut from, mut matches) = (0, Matches::new(hay, old));
    for _ in 0..times {
        let Some(at) = matches.next(t)? else { break };
        bulk::extend(&mut out, &hay[from..at]);
        bulk::extend(&mut out, new);
        from = at + old.len();
    }
    bulk::extend(&mut out, &hay[from..]);
    Ok(Some(out))
}
