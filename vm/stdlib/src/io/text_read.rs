//! Reading of text streams.

use super::newlines::LineEnd;
use super::text::{self, TEXT_IO_WRAPPER, TextIO};
use super::{buffered_methods, method, size_arg, unsupported};
use typhon_object::buffer;
use typhon_object::strs::{self, Str, StrBuilder};
use typhon_object::types::exceptions;
use typhon_object::{Res, Thread, Value, convert, error, type_of};

impl TextIO {
    fn check_readable(&self, t: &Thread) -> Res<()> {
        if self.can_read.get() { Ok(()) } else { Err(unsupported(t, "not readable")) }
    }

    /// How much decoded text is left.
    fn left(&self) -> usize {
        self.decoded.get().downcast::<Str>().map_or(0, |s| s.len() - self.used.get())
    }

    /// Puts new decoded text in place.
    pub(super) fn set_decoded(&self, text: Value) {
        self.used.set(0);
        self.decoded.set(&self.header, text);
    }

    /// Takes `n` code points of decoded text, or what is left of it.
    fn take(&self, t: &Thread, n: usize) -> Res {
        let text = self.decoded.get();
        let Some(s) = text.downcast::<Str>() else { return Ok(typhon_object::process::empty_str().clone()) };
        let from = self.used.get();
        let to = from + n.min(s.len() - from);
        self.used.set(to);
        if from == 0 && to == s.len() { Ok(text) } else { strs::substring(t, &text, from, to) }
    }

    /// Reads and decodes the next chunk; false at the end. `hint` code points are wanted (0: whatever comes).
    pub(super) fn read_chunk(&self, t: &Thread, hint: usize) -> Res<bool> {
        t.poll()?;
        let before = if self.telling.get() { Some(self.decoder_state(t)?) } else { None };
        let mut size = self.chunk_size.get();
        if hint > 0 {
            size = size.max((self.ratio.get().max(1.0) * hint as f64) as usize);
        }
        let input = self.input(t, size)?;
        let mut at_end = input.is_empty();
        let text = self.decode(t, &input, at_end)?;
        let n = text.expect::<Str>().len();
        self.set_decoded(text);
        self.ratio.set(if n > 0 { input.len() as f64 / n as f64 } else { 0.0 });
        at_end &= n == 0;
        if let Some((mut held, flags)) = before {
            held.extend_from_slice(&input);
            self.snapshot.replace(Some((flags, held)));
        }
        Ok(!at_end)
    }

    fn input(&self, t: &Thread, size: usize) -> Res<Vec<u8>> {
        let buffer = self.buffer.get();
        if buffered_methods::is_plain_reader(&buffer) {
            return buffered_methods::read1_bytes(t, &buffer, size);
        }
        let name = if self.has_read1.get() { "read1" } else { "read" };
        let got = method(t, &buffer, name, &[convert::from_i64(t, size as i64)?])?;
        if !buffer::supported(&got) {
            let ty = type_of(&got).name();
            return Err(error::type_error(
                t,
                format_args!("underlying {name}() should have returned a bytes-like object, not '{ty}'"),
            ));
        }
        buffer::get(t, &got, buffer::SIMPLE)?.to_contiguous(t)
    }

    /// The next line, up to `limit` code points.
    fn line(&self, t: &Thread, limit: Option<usize>) -> Res {
        self.write_out(t)?;
        let end = self.mode.get().end;
        let mut before: Option<StrBuilder> = None;
        let mut after_cr = false;
        loop {
            while self.left() == 0 {
                if !self.read_chunk(t, 0)? {
                    self.forget_decoded();
                    return match before {
                        Some(b) => b.finish(t),
                        None => Ok(typhon_object::process::empty_str().clone()),
                    };
                }
            }
            let text = self.decoded.get();
            let s = text.expect::<Str>();
            let from = self.used.get();
            let mut found = end.find(s.units(), from);
            if after_cr && end == LineEnd::CrLf && s.at(from) == 10 {
                found = Some(from + 1);
            }
            let room = limit.map(|n| n - before.as_ref().map_or(0, StrBuilder::len));
            let mut to = found.unwrap_or(s.len());
            let mut ends = found.is_some();
            if let Some(room) = room
                && to - from >= room
            {
                to = from + room;
                ends = true;
            }
            let piece = self.take(t, to - from)?;
            match (ends, before.as_mut()) {
                (true, None) => return Ok(piece),
                (_, Some(b)) => b.push_value(piece.expect::<Str>()),
                (false, None) => {
                    let mut b = StrBuilder::new();
                    b.push_value(piece.expect::<Str>());
                    before = Some(b);
                }
            }
            if ends && let Some(b) = before {
                return b.finish(t);
            }
            t.check_alloc(before.as_ref().map_or(0, StrBuilder::len))?;
            after_cr = to > from && s.at(to - 1) == 13;
        }
    }
}

/// `read(size=-1)`.
pub fn read(t: &Thread, a: &[Value]) -> Res {
    let n = size_arg(t, &a[1])?;
    let s = text::open(t, &a[0])?;
    s.check_readable(t)?;
    s.write_out(t)?;
    let Some(n) = n else { return read_all(t, s) };
    let mut first = s.take(t, n)?;
    if first.expect::<Str>().len() == n {
        return Ok(first);
    }
    let mut out = StrBuilder::new();
    let mut joined = false;
    loop {
        let have = if joined { out.len() } else { first.expect::<Str>().len() };
        if have >= n || !s.read_chunk(t, n - have)? {
            break;
        }
        let more = s.take(t, n - have)?;
        if have == 0 {
            first = more;
            continue;
        }
        if !joined {
            out.push_value(first.expect::<Str>());
            joined = true;
        }
        out.push_value(more.expect::<Str>());
    }
    if joined { out.finish(t) } else { Ok(first) }
}

fn read_all(t: &Thread, s: &TextIO) -> Res {
    let data = method(t, &s.buffer.get(), "read", &[])?;
    let data = match data.is_none() {
        true => {
            let e = error::os_error(t, libc::EAGAIN, None, None);
            return Err(e);
        }
        false if buffer::supported(&data) => buffer::get(t, &data, buffer::SIMPLE)?.to_contiguous(t)?,
        false => {
            let ty = type_of(&data).name();
            return Err(error::type_error(
                t,
                format_args!("underlying read() should have returned a bytes-like object, not '{ty}'"),
            ));
        }
    };
    let rest = s.decode(t, &data, true)?;
    let first = s.take(t, usize::MAX)?;
    s.forget_decoded();
    let (x, y) = (first.expect::<Str>(), rest.expect::<Str>());
    match (x.is_empty(), y.is_empty()) {
        (true, _) => Ok(rest),
        (_, true) => Ok(first),
        _ => strs::concat(t, x, y),
    }
}

/// `readline(size=-1)`.
pub fn readline(t: &Thread, a: &[Value]) -> Res {
    let limit = size_arg(t, &a[1])?;
    let s = text::open(t, &a[0])?;
    s.check_readable(t)?;
    s.line(t, limit)
}

/// `__next__`: `tell()` is refused until the end, because positions are not kept up meanwhile.
pub fn next(t: &Thread, v: &Value) -> Res {
    let s = text::get(t, v)?;
    s.telling.set(false);
    let line = if std::ptr::eq(type_of(v), TEXT_IO_WRAPPER.ty()) {
        text::open(t, v)?;
        s.check_readable(t)?;
        s.line(t, None)?
    } else {
        let line = method(t, v, "readline", &[])?;
        if line.downcast::<Str>().is_none() {
            let name = type_of(&line).name();
            return Err(error::new(
                t,
                &exceptions::OS_ERROR,
                format_args!("readline() should have returned a str object, not '{name}'"),
            ));
        }
        line
    };
    if line.expect::<Str>().is_empty() {
        drop(s.snapshot.take());
        s.telling.set(s.seekable.get());
        return Ok(Value::ABSENT);
    }
    Ok(line)
}
