//! The builder: code points become the narrowest str.

use super::{Str, Units, from_latin1, from_ucs4};
use crate::bulk;
use crate::error::Res;
use crate::thread::{self, Thread};
use smallvec::SmallVec;

/// Texts up to this length are collected without asking for memory.
const INLINE: usize = 96;
/// So many bytes are appended between two looks at the breaker.
const STRIDE: usize = 1 << 18;

/// Collects code points into the narrowest str. The memory it holds meanwhile is charged when the str is made; callers
/// that may build something huge check with `Thread::check_alloc` first.
pub struct StrBuilder {
    latin1: SmallVec<[u8; INLINE]>,
    wide: Vec<u32>,
}

impl StrBuilder {
    /// Empty.
    pub fn new() -> Self {
        Self { latin1: SmallVec::new(), wide: Vec::new() }
    }

    /// Empty, with room.
    pub fn with_capacity(n: usize) -> Self {
        Self { latin1: SmallVec::with_capacity(n), wide: Vec::new() }
    }

    /// Code points so far.
    pub fn len(&self) -> usize {
        self.latin1.len() + self.wide.len()
    }

    /// Nothing yet?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether a code point above 255 has come.
    pub fn is_wide(&self) -> bool {
        !self.wide.is_empty()
    }

    fn widen(&mut self) {
        if self.wide.is_empty() && !self.latin1.is_empty() {
            self.wide = Vec::with_capacity(self.latin1.capacity());
            bulk::extend_from(&mut self.wide, self.latin1.iter().map(|&b| u32::from(b)));
            self.latin1 = SmallVec::new();
        }
    }

    /// Appends a code point.
    #[inline]
    pub fn push(&mut self, c: u32) {
        if c < 256 && self.wide.is_empty() {
            self.latin1.push(c as u8);
        } else {
            self.widen();
            self.wide.push(c);
        }
    }

    /// Appends text.
    pub fn push_str(&mut self, s: &str) {
        if self.wide.is_empty() && s.is_ascii() {
            self.append(s.as_bytes());
        } else {
            s.chars().for_each(|c| self.push(u32::from(c)));
        }
    }

    #[inline]
    fn append(&mut self, bytes: &[u8]) {
        if let &[byte] = bytes {
            return self.latin1.push(byte);
        }
        if let &[first, second] = bytes {
            // Separators: cheaper than a call that copies.
            self.latin1.push(first);
            return self.latin1.push(second);
        }
        if bytes.len() <= STRIDE {
            self.latin1.reserve(bytes.len());
            let len = self.latin1.len();
            // SAFETY: room was made behind the bytes that are there; both are there then.
            unsafe {
                self.latin1.as_mut_ptr().add(len).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
                self.latin1.set_len(len + bytes.len());
            }
            return;
        }
        self.latin1.reserve(bytes.len());
        for piece in bytes.chunks(STRIDE) {
            self.latin1.extend_from_slice(piece);
            if thread::stopping() {
                return;
            }
        }
    }

    /// Appends a code point `n` times.
    pub fn push_n(&mut self, c: u32, n: usize) {
        if c < 256 && self.wide.is_empty() {
            for at in (0..n).step_by(STRIDE) {
                let more = STRIDE.min(n - at);
                self.latin1.resize(self.latin1.len() + more, c as u8);
                if more == STRIDE && thread::stopping() {
                    return;
                }
            }
        } else if n > 0 {
            self.widen();
            bulk::extend_n(&mut self.wide, c, n);
        }
    }

    /// Appends units.
    pub fn push_units(&mut self, u: Units<'_>) {
        match u {
            Units::Latin1(s) if self.wide.is_empty() => self.append(s),
            Units::Latin1(s) => bulk::extend_from(&mut self.wide, s.iter().map(|&b| u32::from(b))),
            _ if u.is_empty() => {}
            _ => {
                self.widen();
                bulk::extend_from(&mut self.wide, u.iter());
            }
        }
    }

    /// Appends a short text of one-byte code points between two others.
    #[inline]
    pub fn push_between(&mut self, before: u8, text: &[u8], after: u8) {
        if self.wide.is_empty() {
            self.latin1.reserve(text.len() + 2);
            self.latin1.push(before);
            self.latin1.extend_from_slice(text);
            self.latin1.push(after);
        } else {
            self.push(u32::from(before));
            self.push_units(Units::Latin1(text));
            self.push(u32::from(after));
        }
    }

    /// Appends a str.
    pub fn push_value(&mut self, s: &Str) {
        self.push_units(s.units());
    }

    /// The code points as bytes, which they must fit (larger ones are cut).
    pub fn into_latin1(self) -> Vec<u8> {
        if self.wide.is_empty() {
            return self.latin1.into_vec();
        }
        let mut out = Vec::new();
        bulk::extend_from(&mut out, self.wide.into_iter().map(|c| c as u8));
        out
    }

    /// The str.
    pub fn finish(self, t: &Thread) -> Res {
        // After a stop there may be less than was pushed.
        t.check_stop()?;
        if self.wide.is_empty() { from_latin1(t, &self.latin1) } else { from_ucs4(t, &self.wide) }
    }
}

impl Default for StrBuilder {
    fn default() -> Self {
        Self::new()
    }
}

impl typhon_unicode::codec::Sink for StrBuilder {
    fn reserve(&mut self, additional: usize) {
        if self.wide.is_empty() {
            self.latin1.reserve(additional);
        } else {
            self.wide.reserve(additional);
        }
    }

    #[inline]
    fn push(&mut self, c: u32) {
        StrBuilder::push(self, c);
    }

    fn push_latin1(&mut self, bytes: &[u8]) {
        self.push_units(Units::Latin1(bytes));
    }

    fn is_forgotten(&self) -> bool {
        thread::stopping()
    }
}

impl std::fmt::Write for StrBuilder {
    fn write_str(&mut self, s: &str) -> std::fmt::Result {
        self.push_str(s);
        Ok(())
    }
}
