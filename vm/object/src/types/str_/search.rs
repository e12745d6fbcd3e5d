//! Search in arrays of code units: what str, bytes and bytearray share.
//!
//! Forward searches of bytes are `memchr`'s. Wide units and backward searches take the two-way algorithm for long needles
//! and a plain scan for short ones, so that no pair of guest strings costs more than linear time.

use crate::error::Res;
use crate::thread::Thread;
use memchr::{memchr, memmem, memrchr};

/// One unit of text or data.
pub trait Cell: Copy + Eq + Ord + 'static {
    /// The unit's number.
    fn point(self) -> u32;
    /// The unit of a number, if it is narrow enough.
    fn narrow(c: u32) -> Option<Self>;
    /// The units as bytes, if they are bytes.
    fn as_bytes(_: &[Self]) -> Option<&[u8]> {
        None
    }
    /// First place of one unit.
    fn find_one(hay: &[Self], c: Self) -> Option<usize> {
        hay.iter().position(|&x| x == c)
    }
    /// Last place of one unit.
    fn rfind_one(hay: &[Self], c: Self) -> Option<usize> {
        hay.iter().rposition(|&x| x == c)
    }
    /// First place of a needle of two or more units.
    fn find_many(hay: &[Self], needle: &[Self]) -> Option<usize> {
        if needle.len() <= SHORT {
            return scan(hay, needle);
        }
        two_way(hay.len(), needle.len(), |i| hay[i], |i| needle[i])
    }
}

const SHORT: usize = 8;
/// Preparing a searcher costs more than to look at each place of so few.
const UNPREPARED: usize = 200;

impl Cell for u8 {
    #[inline(always)]
    fn point(self) -> u32 {
        u32::from(self)
    }
    fn narrow(c: u32) -> Option<Self> {
        u8::try_from(c).ok()
    }
    fn as_bytes(s: &[Self]) -> Option<&[u8]> {
        Some(s)
    }
    fn find_one(hay: &[Self], c: Self) -> Option<usize> {
        memchr(c, hay)
    }
    fn rfind_one(hay: &[Self], c: Self) -> Option<usize> {
        memrchr(c, hay)
    }
    fn find_many(hay: &[Self], needle: &[Self]) -> Option<usize> {
        if hay.len() <= UNPREPARED { scan(hay, needle) } else { memmem::find(hay, needle) }
    }
}

impl Cell for u16 {
    #[inline(always)]
    fn point(self) -> u32 {
        u32::from(self)
    }
    fn narrow(c: u32) -> Option<Self> {
        u16::try_from(c).ok()
    }
}

impl Cell for u32 {
    #[inline(always)]
    fn point(self) -> u32 {
        self
    }
    fn narrow(c: u32) -> Option<Self> {
        Some(c)
    }
}

fn scan<C: Cell>(hay: &[C], needle: &[C]) -> Option<usize> {
    let mut from = 0;
    while from + needle.len() <= hay.len() {
        let last = hay.len() - needle.len() + 1;
        let at = from + C::find_one(&hay[from..last], needle[0])?;
        if hay[at..at + needle.len()] == *needle {
            return Some(at);
        }
        from = at + 1;
    }
    None
}

/// So many units are searched between two looks at the breaker: some tens of microseconds' work.
const STRIDE: usize = 256 * 1024;

/// First place of `needle`.
pub fn find<C: Cell>(t: &Thread, hay: &[C], needle: &[C]) -> Res<Option<usize>> {
    if hay.len() <= UNPREPARED {
        return Ok(find_here(hay, needle));
    }
    Matches::new(hay, needle).next(t)
}

fn find_here<C: Cell>(hay: &[C], needle: &[C]) -> Option<usize> {
    match needle {
        [] => Some(0),
        _ if needle.len() > hay.len() => None,
        [c] => C::find_one(hay, *c),
        _ => C::find_many(hay, needle),
    }
}

/// Last place of `needle`.
pub fn rfind<C: Cell>(t: &Thread, hay: &[C], needle: &[C]) -> Res<Option<usize>> {
    let stride = STRIDE.max(needle.len() * 2);
    let mut end = hay.len();
    loop {
        let from = (end + 1).saturating_sub(stride + needle.len());
        if let Some(at) = rfind_here(&hay[from..end], needle) {
            return Ok(Some(from + at));
        }
        if from == 0 {
            return Ok(None);
        }
        t.check_stop()?;
        // A match may lie across the border.
        end = from + needle.len().saturating_sub(1);
    }
}

fn rfind_here<C: Cell>(hay: &[C], needle: &[C]) -> Option<usize> {
    let (n, m) = (hay.len(), needle.len());
    match needle {
        [] => Some(n),
        _ if m > n => None,
        [c] => C::rfind_one(hay, *c),
        _ if m <= SHORT => (0..=n - m).rev().find(|&i| hay[i..i + m] == *needle),
        _ => two_way(n, m, |i| hay[n - 1 - i], |i| needle[m - 1 - i]).map(|i| n - m - i),
    }
}

/// Places of a needle from left to right, not overlapping.
pub struct Matches<'a, C> {
    hay: &'a [C],
    needle: &'a [C],
    from: usize,
    /// Where the breaker is looked at next.
    look: usize,
    stride: usize,
    /// Preparing the searcher once pays when there are many matches.
    prepared: Option<(&'a [u8], memmem::Finder<'a>)>,
}

impl<'a, C: Cell> Matches<'a, C> {
    pub fn new(hay: &'a [C], needle: &'a [C]) -> Self {
        let prepared = C::as_bytes(hay).zip(C::as_bytes(needle)).filter(|(h, n)| n.len() > 1 && h.len() > UNPREPARED);
        let prepared = prepared.map(|(h, n)| (h, memmem::Finder::new(n)));
        let stride = STRIDE.max(needle.len() * 2);
        Self { hay, needle, from: 0, look: stride, stride, prepared }
    }

    /// The next place. An empty needle has one in front of everything.
    pub fn next(&mut self, t: &Thread) -> Res<Option<usize>> {
        loop {
            let end = self.hay.len().min(self.look + self.needle.len());
            let found = match &self.prepared {
                Some((bytes, finder)) => finder.find(&bytes[self.from..end]),
                None => find_here(&self.hay[self.from..end], self.needle),
            };
            if let Some(at) = found {
                let at = self.from + at;
                self.from = at + self.needle.len();
                if self.from >= self.look {
                    self.look_up(t)?;
                }
                return Ok(Some(at));
            }
            if end == self.hay.len() {
                return Ok(None);
            }
            // A match may lie across the border.
            self.from = self.from.max(end + 1 - self.needle.len());
            self.look_up(t)?;
        }
    }

    fn look_up(&mut self, t: &Thread) -> Res<()> {
        self.look = self.from + self.stride;
        t.check_stop()
    }
}

/// How often `needle` occurs without overlap, at most `max` times.
pub fn count<C: Cell>(t: &Thread, hay: &[C], needle: &[C], max: usize) -> Res<usize> {
    if needle.is_empty() {
        return Ok((hay.len() + 1).min(max));
    }
    if let ([one], Some(bytes)) = (needle, C::as_bytes(hay))
        && max >= hay.len()
    {
        let byte = one.point() as u8;
        let mut count = 0;
        for piece in bytes.chunks(STRIDE) {
            t.check_stop()?;
            count += memchr::memchr_iter(byte, piece).count();
        }
        return Ok(count);
    }
    let (mut matches, mut count) = (Matches::new(hay, needle), 0);
    while count < max && matches.next(t)?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Crochemore and Perrin's two-way search over `n` units in a haystack and `m` in a needle, read through functions so
/// that a backward search needs no reversed copies.
fn two_way<C: Cell>(n: usize, m: usize, hay: impl Fn(usize) -> C, needle: impl Fn(usize) -> C) -> Option<usize> {
    let (left, period) = critical(m, &needle);
    let periodic = left <= m - period && (0..left).all(|i| needle(i) == needle(i + period));
    // Shift for a needle without a short period: past the longer half.
    let shift = if periodic { period } else { left.max(m - left) + 1 };
    let (mut at, mut memory) = (0, 0);
    while at + m <= n {
        let mut i = left.max(memory);
        while i < m && needle(i) == hay(at + i) {
            i += 1;
        }
        if i < m {
            at += i - left + 1;
            memory = 0;
            continue;
        }
        let mut j = left;
        while j > memory && needle(j - 1) == hay(at + j - 1) {
            j -= 1;
        }
        if j <= memory {
            return Some(at);
        }
        at += shift;
        memory = if periodic { m - period } else { 0 };
    }
    None
}

/// A critical position of the needle and the period of its right part.
fn critical<C: Cell>(m: usize, needle: &impl Fn(usize) -> C) -> (usize, usize) {
    let a = maximal_suffix(m, needle, false);
    let b = maximal_suffix(m, needle, true);
    if a.0 >= b.0 { a } else { b }
}

fn maximal_suffix<C: Cell>(m: usize, needle: &impl Fn(usize) -> C, reversed: bool) -> (usize, usize) {
    let (mut start, mut candidate, mut k, mut period) = (0, 1, 0, 1);
    while candidate + k < m {
        let (a, b) = (needle(candidate + k), needle(start + k));
        if a == b {
            if k + 1 == period {
                candidate += period;
                k = 0;
            } else {
                k += 1;
            }
        } else if (a < b) != reversed {
            candidate += k + 1;
            k = 0;
            period = candidate - start;
        } else {
            start = candidate;
            candidate += 1;
            k = 0;
            period = 1;
        }
    }
    (start, period)
}

/// Calls a generic function with two strs' units brought to the wider of the two widths; `$none` if the needle is wider
/// than the haystack and so cannot occur in it.
macro_rules! same_width {
    ($hay:expr, $needle:expr, $none:expr, |$h:ident, $n:ident| $body:expr) => {
        match ($hay, $needle) {
            ($crate::strs::Units::Latin1($h), $crate::strs::Units::Latin1($n)) => $body,
            ($crate::strs::Units::Ucs2($h), $crate::strs::Units::Ucs2($n)) => $body,
            ($crate::strs::Units::Ucs4($h), $crate::strs::Units::Ucs4($n)) => $body,
            ($crate::strs::Units::Ucs2($h), $crate::strs::Units::Latin1(n)) => {
                let wide: smallvec::SmallVec<[u16; 32]> = n.iter().map(|&c| u16::from(c)).collect();
                let $n = &wide[..];
                $body
            }
            ($crate::strs::Units::Ucs4($h), n @ ($crate::strs::Units::Latin1(_) | $crate::strs::Units::Ucs2(_))) => {
                let wide: smallvec::SmallVec<[u32; 32]> = n.iter().collect();
                let $n = &wide[..];
                $body
            }
            _ => $none,
        }
    };
}
pub(crate) use same_width;

/// Calls a generic function with a str's units, whatever their width.
macro_rules! any_width {
    ($units:expr, |$s:ident| $body:expr) => {
        match $units {
            $crate::strs::Units::Latin1($s) => $body,
            $crate::strs::Units::Ucs2($s) => $body,
            $crate::strs::Units::Ucs4($s) => $body,
        }
    };
}
pub(crate) use any_width;
