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

/// Parts that are kept as places before they become texts.
const FEW: usize = 8;
const MANY: usize = 1024;

/// The parts of a text on their way into a list: a few take no memory but the list's, and many wait for nothing.
pub(crate) struct Parts<'a> {
    t: &'a Thread,
    whole: &'a Value,
    cut: Cut,
    /// Whether `whole` stays as it is whatever runs.
    steady: bool,
    places: SmallVec<[Span; FEW]>,
    made: Value,
}

/// Makes an object of a part.
type Cut = fn(&Thread, &Value, usize, usize) -> Res;

impl<'a> Parts<'a> {
    /// No parts yet of `whole`, which `cut` cuts; unless it is `steady` no Python code runs meanwhile.
    pub(crate) fn new(t: &'a Thread, whole: &'a Value, cut: Cut, steady: bool) -> Self {
        Self { t, whole, cut, steady, places: SmallVec::new(), made: Value::ABSENT }
    }

    #[inline]
    fn push(&mut self, part: Span) -> Res<()> {
        self.places.push(part);
        if self.places.len() == MANY { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> Res<()> {
        if self.made.opt().is_none() {
            self.made = List::create(self.t)?;
            self.made.expect::<List>().reserve(self.t, self.places.len())?;
        }
        let items = self.made.expect::<List>();
        for (from, to) in self.places.drain(..) {
            items.push(self.t, (self.cut)(self.t, self.whole, from, to)?)?;
        }
        if self.steady { self.t.poll() } else { self.t.check_stop() }
    }

    /// The list of all parts.
    pub(crate) fn finish(mut self) -> Res {
        self.flush()?;
        Ok(self.made)
    }

    /// The list of all parts, which came from the last to the first.
    pub(crate) fn finish_reversed(self) -> Res {
        let t = self.t;
        let made = self.finish()?;
        made.expect::<List>().reverse();
        t.check_stop()?;
        Ok(made)
    }
}

/// Texts that are searched for a byte without a look at the breaker.
const SHORT: usize = 64 << 10;

/// Units that are looked at between two looks at the breaker.
const STRIDE: usize = 1 << 16;

#[inline]
fn look_up(t: &Thread, at: usize) -> Res<()> {
    if at.is_multiple_of(STRIDE) { t.check_stop() } else { Ok(()) }
}

/// Parts between runs of what `blank` accepts, at most `max` cuts.
pub(crate) fn words<C: Cell>(mut out: Parts<'_>, s: &[C], max: usize, blank: impl Fn(u32) -> bool) -> Res {
    let (t, mut cuts, mut i) = (out.t, 0, 0);
    loop {
        while i < s.len() && blank(s[i].point()) {
            i += 1;
            look_up(t, i)?;
        }
        if i == s.len() {
            return out.finish();
        }
        let from = i;
        if cuts == max {
            // The rest keeps its blanks, those at the end too.
            out.push((from, s.len()))?;
            return out.finish();
        }
        while i < s.len() && !blank(s[i].point()) {
            i += 1;
            look_up(t, i)?;
        }
        out.push((from, i))?;
        cuts += 1;
    }
}

/// As [`words`], from the right.
pub(crate) fn words_right<C: Cell>(mut out: Parts<'_>, s: &[C], max: usize, blank: impl Fn(u32) -> bool) -> Res {
    let (t, mut cuts, mut end) = (out.t, 0, s.len());
    loop {
        while end > 0 && blank(s[end - 1].point()) {
            end -= 1;
            look_up(t, end)?;
        }
        if end == 0 {
            return out.finish_reversed();
        }
        let to = end;
        if cuts == max {
            out.push((0, to))?;
            return out.finish_reversed();
        }
        while end > 0 && !blank(s[end - 1].point()) {
            end -= 1;
            look_up(t, end)?;
        }
        out.push((end, to))?;
        cuts += 1;
    }
}

/// Parts between separators, at most `max` cuts.
pub(crate) fn parts<C: Cell>(mut out: Parts<'_>, s: &[C], sep: &[C], max: usize) -> Res {
    let (t, mut from) = (out.t, 0);
    if let (Some(bytes), Some(&[byte])) = (C::as_bytes(s).filter(|s| s.len() <= SHORT), C::as_bytes(sep)) {
        for at in memchr::memchr_iter(byte, bytes).take(max) {
            out.push((from, at))?;
            from = at + 1;
        }
    } else {
        let (mut matches, mut cuts) = (Matches::new(s, sep), 0);
        while cuts < max
            && let Some(at) = matches.next(t)?
        {
            out.push((from, at))?;
            from = at + sep.len();
            cuts += 1;
        }
    }
    out.push((from, s.len()))?;
    out.finish()
}

/// As [`parts`], from the right.
pub(crate) fn parts_right<C: Cell>(mut out: Parts<'_>, s: &[C], sep: &[C], max: usize) -> Res {
    let (t, mut cuts, mut end) = (out.t, 0, s.len());
    while cuts < max
        && let Some(at) = search::rfind(t, &s[..end], sep)?
    {
        out.push((at + sep.len(), end))?;
        end = at;
        cuts += 1;
    }
    out.push((0, end))?;
    out.finish_reversed()
}

/// The lines, with their breaks if `keep`.
pub(crate) fn lines<C: Cell>(mut out: Parts<'_>, s: &[C], keep: bool, is_break: impl Fn(u32) -> bool) -> Res {
    let (t, mut i) = (out.t, 0);
    while i < s.len() {
        let from = i;
        while i < s.len() && !is_break(s[i].point()) {
            i += 1;
            look_up(t, i)?;
        }
        let end = i;
        if i < s.len() {
            let crlf = s[i].point() == 13 && s.get(i + 1).is_some_and(|c| c.point() == 10);
            i += if crlf { 2 } else { 1 };
        }
        out.push((from, if keep { i } else { end }))?;
    }
    out.finish()
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
    let out = Parts::new(t, &a[0], strs::substring, true);
    let Some(sep) = a[1].non_none() else {
        return any_width!(s.units(), |u| if right {
            words_right(out, u, max, is_space)
        } else {
            words(out, u, max, is_space)
        });
    };
    let Some(sep) = sep.downcast::<Str>() else {
        let name = type_name(sep);
        return Err(error::type_error(t, format_args!("must be str or None, not {name}")));
    };
    if sep.is_empty() {
        return Err(error::value_error(t, "empty separator"));
    }
    // What is wider than the text does not occur in it.
    let whole = || List::from_vec(t, vec![strs::substring(t, &a[0], 0, s.len())?]);
    same_width!(s.units(), sep.units(), whole(), |h, n| if right {
        parts_right(out, h, n, max)
    } else {
        parts(out, h, n, max)
    })
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
    let out = Parts::new(t, &a[0], strs::substring, true);
    any_width!(s.units(), |u| lines(out, u, keep, uni::is_line_break))
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
