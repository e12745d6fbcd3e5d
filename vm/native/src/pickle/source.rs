//! Source: the bytes that a pickle is read from.

use super::{bad_pickle, truncated};
use crate::input::Input;
use typhon_object::error::Res;
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, call, convert};

/// How much of a file is looked at ahead.
const AHEAD: i64 = 128 * 1024;

/// A file's methods.
pub(super) struct File {
    pub(super) read: Value,
    pub(super) readline: Value,
    pub(super) peek: Option<Value>,
}

/// The bytes at hand and where they come from.
pub(super) struct Source<'a> {
    t: &'a Thread,
    given: Option<Input<'a>>,
    /// What was read from the file last.
    read: Vec<u8>,
    at: usize,
    file: Option<&'a File>,
    /// The bytes at hand were looked at only: the file still has them.
    peeked: bool,
}

impl<'a> Source<'a> {
    /// Bytes.
    pub(super) fn memory(t: &'a Thread, data: Input<'a>) -> Self {
        Self { t, given: Some(data), read: Vec::new(), at: 0, file: None, peeked: false }
    }

    /// A file.
    pub(super) fn file(t: &'a Thread, file: &'a File) -> Self {
        Self { t, given: None, read: Vec::new(), at: 0, file: Some(file), peeked: false }
    }

    #[inline(always)]
    fn data(&self) -> &[u8] {
        match &self.given {
            Some(data) => data,
            None => &self.read,
        }
    }

    /// The next byte, if there is one.
    #[inline]
    pub(super) fn byte(&mut self) -> Res<Option<u8>> {
        if let Some(&b) = self.data().get(self.at) {
            self.at += 1;
            return Ok(Some(b));
        }
        match self.refill(1) {
            Ok(()) => self.byte_at_hand(),
            Err(e) if e.is(&super::UNPICKLING_ERROR) => Ok(None),
            Err(e) => Err(e),
        }
    }

    fn byte_at_hand(&mut self) -> Res<Option<u8>> {
        let b = self.data().get(self.at).copied();
        self.at += usize::from(b.is_some());
        Ok(b)
    }

    /// The next `n` bytes.
    #[inline]
    pub(super) fn take(&mut self, n: usize) -> Res<&[u8]> {
        if self.data().len() - self.at < n {
            self.refill(n)?;
        }
        let from = self.at;
        self.at += n;
        Ok(&self.data()[from..from + n])
    }

    /// Makes sure that `n` bytes are at hand (a frame), without using them.
    pub(super) fn expect(&mut self, n: usize) -> Res<()> {
        if self.data().len() - self.at < n { self.refill(n) } else { Ok(()) }
    }

    /// The next little-endian number of `n` bytes.
    #[inline]
    pub(super) fn number(&mut self, n: usize) -> Res<u64> {
        let bytes = self.take(n)?;
        Ok(bytes.iter().rev().fold(0, |x, &b| x << 8 | u64::from(b)))
    }

    /// The next line, without its end.
    pub(super) fn line(&mut self) -> Res<Vec<u8>> {
        let rest = &self.data()[self.at..];
        if let Some(n) = memchr::memchr(b'\n', rest) {
            let line = rest[..n].to_vec();
            self.at += n + 1;
            return Ok(line);
        }
        let Some(file) = self.file else { return Err(truncated(self.t)) };
        self.give_back()?;
        let line = call::call0(self.t, &file.readline)?;
        match self.bytes_of(&line, "readline")?.strip_suffix(b"\n") {
            Some(line) => Ok(line.to_vec()),
            None => Err(truncated(self.t)),
        }
    }

    fn bytes_of<'b>(&self, v: &'b Value, method: &str) -> Res<&'b [u8]> {
        match v.downcast::<bytes::Bytes>() {
            Some(b) => Ok(b.as_slice()),
            None => Err(bad_pickle(self.t, format_args!("{method}() returned a non-bytes object"))),
        }
    }

    /// Reads what was only looked at and has been used; what is left at hand is forgotten.
    pub(super) fn give_back(&mut self) -> Res<()> {
        let used = std::mem::take(&mut self.at);
        let peeked = std::mem::replace(&mut self.peeked, false);
        if let Some(file) = self.file {
            self.read.clear();
            if peeked && used > 0 {
                call::call1(self.t, &file.read, &convert::from_usize(used))?;
            }
        } else {
            self.at = used;
        }
        Ok(())
    }

    #[cold]
    fn refill(&mut self, n: usize) -> Res<()> {
        let Some(file) = self.file else { return Err(truncated(self.t)) };
        self.give_back()?;
        if let Some(peek) = &file.peek {
            let seen = call::call1(self.t, peek, &Value::small(AHEAD))?;
            let seen = self.bytes_of(&seen, "peek")?;
            if seen.len() >= n {
                self.t.check_alloc(seen.len())?;
                self.read = seen.to_vec();
                self.peeked = true;
                return Ok(());
            }
        }
        self.t.check_alloc(n)?;
        let made = call::call1(self.t, &file.read, &convert::from_usize(n))?;
        let data = self.bytes_of(&made, "read")?;
        if data.len() < n {
            return Err(truncated(self.t));
        }
        self.read = data.to_vec();
        Ok(())
    }
}
