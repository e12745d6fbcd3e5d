//! str: split, rsplit, splitlines, partition and the strip family.

use super::replace::limit;
use super::search::{self, Cell, Matches, any_width, same_width};
use super::text;
use crate::convert;
use crate::error::{self, Res};
use crate::list::List;
use crate::process;
use crate::strs::{self, Str, Units};
use crate::thread::Thread;
use crate::tuple;
use crate::ty::type_name;
use crate::value::Value;
use smallvec::SmallVec;
use typhon_unicode as uni;

/// A part of the text: from, to.
pub(crate) type Span = (usize, usize);

/// Parts: a few of them take no memory.
pub(crate) type Spans = SmallVec<[Span; 8]>;

/// Texts that are searched for a byte without a look at the breaker.
const SHORT: usize = 64 << 10;

/// Parts between runs of what `blank` accepts, at most `max` cuts.
pub(crate) fn words<C: Cell>(t: &Thread, s: &[C], max: usize, blank: impl Fn(u32) -> bool) -> Res<Spans> {
    let (mut out, mut i) = (Spans::new(), 0);
    loop {
        while i < s.len() && blank(s[i].point()) {
            i += 1;
        }
        if i == s.len() {
            return Ok(out);
        }
        let from = i;
        if out.len() >= max {
            // The rest keeps its blanks, those at the end too.
            out.push((from, s.len()));
            return Ok(out);
        }
        while i < s.len() && !blank(s[i].point()) {
            i += 1;
        }
        out.push((from, i));
        look_up(t, &out)?;
    }
}

/// As [`words`], from the right; parts come out from left to right.
pub(crate) fn words_right<C: Cell>(t: &Thread, s: &[C], max: usize, blank: impl Fn(u32) -> bool) -> Res<Spans> {
    let (mut out, mut end) = (Spans::new(), s.len());
    loop {
        while end > 0 && blank(s[end - 1].point()) {
            end -= 1;
        }
        if end == 0 {
            break;
        }
        let to = end;
        if out.len() >= max {
            out.push((0, to));
            break;
        }
        while end > 0 && !blank(s[end - 1].point()) {
            end -= 1;
        }
        out.push((end, to));
        look_up(t, &out)?;
    }
    out.reverse();
    Ok(out)
}

/// Looks at the breaker after every so many parts, and at the account before the list of them grows.
#[inline]
fn look_up(t: &Thread, parts: &Spans) -> Res<()> {
    if parts.len().is_multiple_of(1024) {
        t.check_stop()?;
    }
    if parts.len() == parts.capacity() { t.check_alloc(parts.capacity() * 2 * size_of::<Span>()) } else { Ok(()) }
}

/// Parts between separators, at most `max` cuts.
pub(crate) fn parts<C: Cell>(t: &Thread, s: &[C], sep: &[C], max: usize) -> Res<Spans> {
    let (mut out, mut from) = (Spans::new(), 0);
    if let (Some(bytes), Some(&[byte])) = (C::as_bytes(s).filter(|s| s.len() <= SHORT), C::as_bytes(sep)) {
        for at in memchr::memchr_iter(byte, bytes).take(max) {
            out.push((from, at));
            from = at + 1;
        }
        out.push((from, s.len()));
        return Ok(out);
    }
    let mut matches = Matches::new(s, sep);
    while out.len() < max
        && let Some(at) = matches.next(t)?
    {
        out.push((from, at));
        from = at + sep.len();
    }
    out.push((from, s.len()));
    Ok(out)
}

/// As [`parts`], from the right; parts come out from left to right.
pub(crate) fn parts_right<C: Cell>(t: &Thread, s: &[C], sep: &[C], max: usize) -> Res<Spans> {
    let (mut out, mut end) = (Spans::new(), s.len());
    while out.len() < max
        && let Some(at) = search::rfind(t, &s[..end], sep)?
    {
        out.push((at + sep.len(), end));
        end = at;
        look_up(t, &out)?;
    }
    out.push((0, end));
    out.reverse();
    Ok(out)
}

/// The lines, with their breaks if `keep`.
pub(crate) fn lines<C: Cell>(t: &Thread, s: &[C], keep: bool, is_break: impl Fn(u32) -> bool) -> Res<Spans> {
    let (mut out, mut i) = (Spans::new(), 0);
    while i < s.len() {
        let from = i;
        while i < s.len() && !is_break(s[i].point()) {
            i += 1;
        }
        let end = i;
        if i < s.len() {
            let crlf = s[i].point() == 13 && s.get(i + 1).is_some_and(|c| c.point() == 10);
            i += if crlf { 2 } else { 1 };
        }
        out.push((from, if keep { i } else { end }));
        look_up(t, &out)?;
    }
    Ok(out)
}

fn list(t: &Thread, v: &Value, spans: &[Span]) -> Res {
    t.check_alloc(spans.len() * 8)?;
    let made = List::create(t)?;
    let items = made.expect::<List>();
    items.reserve(t, spans.len())?;
    for (i, &(from, to)) in spans.iter().enumerate() {
        items.push(t, strs::substring(t, v, from, to)?)?;
        if i % 1024 == 1023 {
            t.poll()?;
        }
    }
    Ok(made)
}

fn max_arg(t: &Thread, v: &Value) -> Res<usize> {
    match v.opt() {
        Some(n) => Ok(limit(convert::to_isize(t, n)?)),
        None => Ok(usize::MAX),
    }
}

/// As `str.isspace` has it, by a table where most text is.
#[inline(always)]
fn is_space(c: u32) -> bool {
    const LATIN: [bool; 256] = {
        let (mut table, mut c) = ([false; 256], 0);
        while c < 256 {
            table[c] = matches!(c, 9..=13 | 28..=32 | 0x85 | 0xa0);
            c += 1;
        }
        table
    };
    match LATIN.get(c as usize) {
        Some(&blank) => blank,
        None => uni::is_space(c),
    }
}

fn split_any(t: &Thread, a: &[Value], right: bool) -> Res {
    let s = a[0].expect::<Str>();
    let max = max_arg(t, &a[2])?;
    let Some(sep) = a[1].non_none() else {
        let spans = any_width!(s.units(), |u| if right {
            words_right(t, u, max, is_space)
        } else {
            words(t, u, max, is_space)
        })?;
        return list(t, &a[0], &spans);
    };
    let Some(sep) = sep.downcast::<Str>() else {
        let name = type_name(sep);
        return Err(error::type_error(t, format_args!("must be str or None, not {name}")));
    };
    if sep.is_empty() {
        return Err(error::value_error(t, "empty separator"));
    }
    let whole = || Spans::from_elem((0, s.len()), 1);
    let spans = same_width!(s.units(), sep.units(), Ok(whole()), |h, n| if right {
        parts_right(t, h, n, max)
    } else {
        parts(t, h, n, max)
    })?;
    list(t, &a[0], &spans)
}

pub(super) fn split(t: &Thread, a: &[Value]) -> Res {
    split_any(t, a, false)
}

pub(super) fn rsplit(t: &Thread, a: &[Value]) -> Res {
    split_any(t, a, true)
}

pub(super) fn splitlines(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    let keep = match a[1].opt() {
        Some(v) => crate::ops::truth(t, v)?,
        None => false,
    };
    let spans = any_width!(s.units(), |u| lines(t, u, keep, uni::is_line_break))?;
    list(t, &a[0], &spans)
}

fn partition_at(t: &Thread, a: &[Value], right: bool) -> Res {
    let s = a[0].expect::<Str>();
    let sep = text(t, &a[1])?;
    if sep.is_empty() {
        return Err(error::value_error(t, "empty separator"));
    }
    let found = same_width!(s.units(), sep.units(), Ok(None), |h, n| if right {
        search::rfind(t, h, n)
    } else {
        search::find(t, h, n)
    })?;
    let empty = || process::empty_str().clone();
    match found {
        Some(at) => tuple::from_array(
            t,
            [strs::substring(t, &a[0], 0, at)?, a[1].clone(), strs::substring(t, &a[0], at + sep.len(), s.len())?],
        ),
        None if right => tuple::from_array(t, [empty(), empty(), strs::exact(t, &a[0])?]),
        None => tuple::from_array(t, [strs::exact(t, &a[0])?, empty(), empty()]),
    }
}

pub(super) fn partition(t: &Thread, a: &[Value]) -> Res {
    partition_at(t, a, false)
}

pub(super) fn rpartition(t: &Thread, a: &[Value]) -> Res {
    partition_at(t, a, true)
}

/// So many units are dropped between two looks at the breaker.
const TRIM_STRIDE: usize = 1 << 16;

/// What remains of `s` without what `drop` accepts at its ends.
pub(crate) fn trimmed<C: Cell>(s: &[C], sides: (bool, bool), drop: impl Fn(C) -> bool) -> Span {
    let (mut from, mut to) = (0, s.len());
    while sides.0 && from < to && drop(s[from]) {
        from += 1;
        if from % TRIM_STRIDE == 0 && crate::thread::stopping() {
            break;
        }
    }
    while sides.1 && to > from && drop(s[to - 1]) {
        to -= 1;
        if to % TRIM_STRIDE == 0 && crate::thread::stopping() {
            break;
        }
    }
    (from, to)
}

fn strip_sides(t: &Thread, a: &[Value], name: &str, sides: (bool, bool)) -> Res {
    let s = a[0].expect::<Str>();
    let span = match a[1].non_none() {
        None => any_width!(s.units(), |u| trimmed(u, sides, |c| is_space(c.point()))),
        Some(chars) => {
            let Some(chars) = chars.downcast::<Str>() else {
                return Err(error::type_error(t, format_args!("{name} arg must be None or str")));
            };
            let set = Set::new(chars.units());
            any_width!(s.units(), |u| trimmed(u, sides, |c| set.has(c.point())))
        }
    };
    strs::substring(t, &a[0], span.0, span.1)
}

/// A set of code points: a bitmap for Latin-1, sorted beyond.
struct Set {
    low: [u64; 4],
    high: Vec<u32>,
}

impl Set {
    fn new(chars: Units<'_>) -> Self {
        let mut set = Self { low: [0; 4], high: Vec::new() };
        for c in chars.iter() {
            match c {
                0..256 => set.low[c as usize / 64] |= 1 << (c % 64),
                _ => set.high.push(c),
            }
        }
        set.high.sort_unstable();
        set
    }

    fn has(&self, c: u32) -> bool {
        match c {
            0..256 => self.low[c as usize / 64] >> (c % 64) & 1 != 0,
            _ => self.high.binary_search(&c).is_ok(),
        }
    }
}

pub(super) fn strip(t: &Thread, a: &[Value]) -> Res {
    strip_sides(t, a, "strip", (true, true))
}

pub(super) fn lstrip(t: &Thread, a: &[Value]) -> Res {
    strip_sides(t, a, "lstrip", (true, false))
}

pub(super) fn rstrip(t: &Thread, a: &[Value]) -> Res {
    strip_sides(t, a, "rstrip", (false, true))
}
