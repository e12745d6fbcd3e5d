//! str: case mappings.

use super::search::{Cell, any_width};
use crate::error::Res;
use crate::strs::{self, Str, StrBuilder, Units};
use crate::thread::Thread;
use crate::value::Value;
use typhon_unicode as uni;

const SIGMA: u32 = 0x3A3;
const POLL_EVERY: usize = 4096;
/// So many ASCII characters are mapped between two looks at the breaker.
const STRIDE: usize = 256 * 1024;

/// Maps code point by code point; `f` gets the text, the index and the output.
fn mapped(t: &Thread, s: &Str, mut f: impl FnMut(Units<'_>, usize, &mut StrBuilder)) -> Res {
    t.check_alloc(s.len() * s.width() * 2)?;
    let mut out = StrBuilder::with_capacity(s.len());
    let units = s.units();
    for i in 0..units.len() {
        f(units, i, &mut out);
        if i % POLL_EVERY == POLL_EVERY - 1 {
            t.poll()?;
        }
    }
    out.finish(t)
}

/// An ASCII str mapped byte by byte.
fn ascii(t: &Thread, text: &str, f: impl Fn(u8) -> u8) -> Res {
    if text.len() < 2 {
        let bytes: Vec<u8> = text.bytes().map(f).collect();
        return strs::from_latin1(t, &bytes);
    }
    let fill = |p: *mut u8| {
        for (n, piece) in text.as_bytes().chunks(STRIDE).enumerate() {
            for (i, b) in piece.iter().enumerate() {
                // SAFETY: the new str has the same length.
                unsafe { p.add(n * STRIDE + i).write(f(*b)) };
            }
            t.check_stop()?;
        }
        Ok(())
    };
    // SAFETY: `fill` writes every byte; case mappings of ASCII are ASCII.
    unsafe { strs::raw(t, text.len(), 1, true, fill) }
}

fn push(out: &mut StrBuilder, c: u32, map: fn(u32, &mut [u32; 3]) -> usize) {
    let mut to = [0; 3];
    let n = map(c, &mut to);
    to[..n].iter().for_each(|&c| out.push(c));
}

/// The lower case of the code point at `i`, minding the final sigma.
fn push_lower(s: Units<'_>, i: usize, out: &mut StrBuilder) {
    match s.at(i) {
        SIGMA => out.push(if is_final_sigma(s, i) { 0x3C2 } else { 0x3C3 }),
        c => push(out, c, uni::to_lower),
    }
}

fn is_final_sigma(s: Units<'_>, i: usize) -> bool {
    let before = (0..i).rev().map(|j| s.at(j)).find(|&c| !uni::is_case_ignorable(c));
    let after = (i + 1..s.len()).map(|j| s.at(j)).find(|&c| !uni::is_case_ignorable(c));
    before.is_some_and(uni::is_cased) && !after.is_some_and(uni::is_cased)
}

pub(super) fn lower(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    match s.as_ascii() {
        Some(text) => ascii(t, text, |b| b.to_ascii_lowercase()),
        None => mapped(t, s, push_lower),
    }
}

pub(super) fn upper(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    match s.as_ascii() {
        Some(text) => ascii(t, text, |b| b.to_ascii_uppercase()),
        None => mapped(t, s, |s, i, out| push(out, s.at(i), uni::to_upper)),
    }
}

pub(super) fn casefold(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    match s.as_ascii() {
        Some(text) => ascii(t, text, |b| b.to_ascii_lowercase()),
        None => mapped(t, s, |s, i, out| push(out, s.at(i), uni::to_fold)),
    }
}

pub(super) fn swapcase(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    mapped(t, s, |s, i, out| {
        let c = s.at(i);
        if uni::is_upper(c) {
            push_lower(s, i, out);
        } else if uni::is_lower(c) {
            push(out, c, uni::to_upper);
        } else {
            out.push(c);
        }
    })
}

pub(super) fn title(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    let mut inside = false;
    mapped(t, s, |s, i, out| {
        if inside {
            push_lower(s, i, out);
        } else {
            push(out, s.at(i), uni::to_title);
        }
        inside = uni::is_cased(s.at(i));
    })
}

pub(super) fn capitalize(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    mapped(t, s, |s, i, out| {
        if i == 0 {
            push(out, s.at(0), uni::to_title);
        } else {
            push_lower(s, i, out);
        }
    })
}

/// Whether `f` holds of every code point and there is one.
pub(super) fn all(s: &Str, f: impl Fn(u32) -> bool) -> bool {
    // A stopped isolate sees no answer.
    let piece = |u: bool| u && !crate::thread::stopping();
    !s.is_empty() && any_width!(s.units(), |u| u.chunks(POLL_EVERY).all(|p| piece(p.iter().all(|&c| f(c.point())))))
}
