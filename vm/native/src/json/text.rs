//! JSON strings: the text after a quote.

use super::decode_error;
use typhon_object::error::Res;
use typhon_object::strs::{self, Str, StrBuilder, Units};
use typhon_object::{Thread, Value};

/// A unit of a str's storage.
pub(super) trait Unit: Copy + Into<u32> {
    /// Units as a str's.
    fn units(of: &[Self]) -> Units<'_>;
    /// A str of units.
    fn make(t: &Thread, of: &[Self]) -> Res;
}

impl Unit for u8 {
    fn units(of: &[Self]) -> Units<'_> {
        Units::Latin1(of)
    }
    fn make(t: &Thread, of: &[Self]) -> Res {
        strs::from_latin1(t, of)
    }
}

impl Unit for u16 {
    fn units(of: &[Self]) -> Units<'_> {
        Units::Ucs2(of)
    }
    fn make(t: &Thread, of: &[Self]) -> Res {
        strs::from_ucs2(t, of)
    }
}

impl Unit for u32 {
    fn units(of: &[Self]) -> Units<'_> {
        Units::Ucs4(of)
    }
    fn make(t: &Thread, of: &[Self]) -> Res {
        strs::from_ucs4(t, of)
    }
}

const QUOTE: u32 = b'"' as u32;
const BACKSLASH: u32 = b'\\' as u32;

/// How far plain text goes from `at` on: to a quote, a backslash or (if strict) a control character.
#[inline]
pub(super) fn plain_run<U: Unit>(s: &[U], at: usize, strict: bool) -> usize {
    let rest = &s[at..];
    let stop = |&u: &U| {
        let c: u32 = u.into();
        c == QUOTE || c == BACKSLASH || strict && c < 0x20
    };
    at + rest.iter().position(stop).unwrap_or(rest.len())
}

/// Scans a string of any width whose opening quote is just before `begin`: its text and the index after its end.
pub(super) fn scan_any(t: &Thread, whole: &Value, s: &Str, begin: usize, strict: bool) -> Res<(Value, usize)> {
    match s.units() {
        Units::Latin1(u) => scan(t, whole, u, begin, strict),
        Units::Ucs2(u) => scan(t, whole, u, begin, strict),
        Units::Ucs4(u) => scan(t, whole, u, begin, strict),
    }
}

/// As [`scan_any`] for units; `whole` is the str they belong to.
pub(super) fn scan<U: Unit>(t: &Thread, whole: &Value, s: &[U], begin: usize, strict: bool) -> Res<(Value, usize)> {
    let end = plain_run(s, begin, strict);
    if s.get(end).is_some_and(|&u| u.into() == QUOTE) {
        return Ok((U::make(t, &s[begin..end])?, end + 1));
    }
    scan_escaped(t, whole, s, begin, end, strict)
}

#[cold]
fn scan_escaped<U: Unit>(
    t: &Thread,
    whole: &Value,
    s: &[U],
    begin: usize,
    first: usize,
    strict: bool,
) -> Res<(Value, usize)> {
    let unterminated = || decode_error(t, "Unterminated string starting at", whole, begin.wrapping_sub(1));
    let mut out = StrBuilder::new();
    let (mut from, mut at) = (begin, first);
    loop {
        t.check_alloc((at - from) * 4)?;
        out.push_units(U::units(&s[from..at]));
        let Some(&u) = s.get(at) else { return Err(unterminated()) };
        match u.into() {
            QUOTE => return Ok((out.finish(t)?, at + 1)),
            BACKSLASH => {}
            _ => return Err(decode_error(t, "Invalid control character at", whole, at)),
        }
        let Some(&escape) = s.get(at + 1) else { return Err(unterminated()) };
        from = at + 2;
        let escape: u32 = escape.into();
        match u8::try_from(escape).unwrap_or(0) {
            c @ (b'"' | b'\\' | b'/') => out.push(u32::from(c)),
            b'b' => out.push(8),
            b'f' => out.push(12),
            b'n' => out.push(10),
            b'r' => out.push(13),
            b't' => out.push(9),
            b'u' => {
                let Some(c) = hex4(s, at + 2) else {
                    return Err(decode_error(t, "Invalid \\uXXXX escape", whole, at + 1));
                };
                from = at + 6;
                match low_half(s, c, from) {
                    Some(low) => {
                        out.push(0x1_0000 + ((c - 0xd800) << 10) + (low - 0xdc00));
                        from += 6;
                    }
                    None => out.push(c),
                }
            }
            _ => return Err(decode_error(t, "Invalid \\escape", whole, at)),
        }
        at = plain_run(s, from, strict);
        t.poll()?;
    }
}

/// Four hexadecimal digits at `at`.
fn hex4<U: Unit>(s: &[U], at: usize) -> Option<u32> {
    s.get(at..at + 4)?.iter().try_fold(0, |n, &u| Some(n << 4 | char::from_u32(u.into())?.to_digit(16)?))
}

/// The second half of a surrogate pair whose first half is `high`, escaped at `at`.
fn low_half<U: Unit>(s: &[U], high: u32, at: usize) -> Option<u32> {
    let marked = s.get(at)?.to_owned().into() == BACKSLASH && s.get(at + 1)?.to_owned().into() == u32::from(b'u');
    if !(0xd800..0xdc00).contains(&high) || !marked {
        return None;
    }
    hex4(s, at + 2).filter(|low| (0xdc00..0xe000).contains(low))
}
