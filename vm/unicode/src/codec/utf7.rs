//! The `utf-7` codec (RFC 2152).

use super::{Outcome, Sink, Unit, error, rest};

/// Bytes per unit at most: a shift in and out around one pair of surrogates.
pub const MAX_EXPANSION: usize = 8;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

fn base64_value(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

/// Whether the encoder writes `c` as it is: everything printable but `+`, `\` and `~`, and common white space.
fn is_direct(c: u32) -> bool {
    matches!(c, 0x09 | 0x0A | 0x0D | 0x20..=0x7D) && c != u32::from(b'+') && c != u32::from(b'\\')
}

/// A base64 section while it is read.
#[derive(Default)]
struct Shift {
    bits: u32,
    buffer: u32,
    /// A high surrogate that waits for its low one, or 0.
    high: u32,
}

impl Shift {
    fn take(&mut self, value: u32, sink: &mut impl Sink) {
        self.buffer = self.buffer << 6 | value;
        self.bits += 6;
        if self.bits < 16 {
            return;
        }
        self.bits -= 16;
        let unit = self.buffer >> self.bits;
        self.buffer &= (1 << self.bits) - 1;
        if self.high != 0 {
            let high = std::mem::take(&mut self.high);
            if (0xDC00..0xE000).contains(&unit) {
                sink.push(0x1_0000 + ((high & 0x3FF) << 10 | unit & 0x3FF));
                return;
            }
            sink.push(high);
        }
        if (0xD800..0xDC00).contains(&unit) {
            self.high = unit;
        } else {
            sink.push(unit);
        }
    }

    /// What is wrong with ending the section here.
    fn leftover(&self) -> Option<&'static str> {
        if self.bits >= 6 {
            Some("partial character in shift sequence")
        } else if self.buffer != 0 {
            Some("non-zero padding bits in shift sequence")
        } else {
            None
        }
    }
}

/// Decodes UTF-7. When not `last`, a base64 section that has not ended is left unconsumed as a whole.
pub fn decode(input: &[u8], from: usize, last: bool, sink: &mut impl Sink) -> Outcome<usize> {
    let mut at = from;
    while let Some(&byte) = input.get(at) {
        match byte {
            b'+' => match section(input, at, last, sink)? {
                Some(end) => at = end,
                None => return Ok(at),
            },
            0x80.. => return error(at, at + 1, "unexpected special character"),
            _ => {
                sink.push(u32::from(byte));
                at += 1;
            }
        }
    }
    Ok(at)
}

/// Decodes what starts with the `+` at `start`; returns where it ends, or `None` when that is not known yet.
fn section(input: &[u8], start: usize, last: bool, sink: &mut impl Sink) -> Outcome<Option<usize>> {
    let body = rest(input, start + 1);
    let len = body.iter().position(|&byte| base64_value(byte).is_none()).unwrap_or(body.len());
    let end = start + 1 + len;
    let stop = input.get(end).copied();
    if stop.is_none() && !last {
        return Ok(None);
    }
    if len == 0 {
        return match stop {
            Some(b'-') => {
                sink.push(u32::from(b'+'));
                Ok(Some(end + 1))
            }
            Some(_) => error(start, end + 1, "ill-formed sequence"),
            None => Ok(Some(end)),
        };
    }
    let mut shift = Shift::default();
    body[..len].iter().filter_map(|&byte| base64_value(byte)).for_each(|value| shift.take(value, sink));
    let Some(stop) = stop else {
        if shift.high != 0 || shift.leftover().is_some() {
            return error(start, input.len(), "unterminated shift sequence");
        }
        return Ok(Some(end));
    };
    if let Some(reason) = shift.leftover() {
        return error(start, end + 1, reason);
    }
    if shift.high != 0 && stop.is_ascii() {
        sink.push(shift.high);
    }
    Ok(Some(end + usize::from(stop == b'-')))
}

/// A base64 section while it is written.
#[derive(Default)]
struct Writer {
    bits: u32,
    buffer: u32,
}

impl Writer {
    fn unit(&mut self, unit: u32, out: &mut Vec<u8>) {
        self.buffer = self.buffer << 16 | unit;
        self.bits += 16;
        while self.bits >= 6 {
            self.bits -= 6;
            out.push(ALPHABET[(self.buffer >> self.bits & 63) as usize]);
        }
        self.buffer &= (1 << self.bits) - 1;
    }

    fn flush(&mut self, out: &mut Vec<u8>) {
        if self.bits > 0 {
            out.push(ALPHABET[(self.buffer << (6 - self.bits) & 63) as usize]);
        }
        *self = Self::default();
    }
}

/// Encodes to UTF-7, which cannot fail: lone surrogates are written as they are.
pub fn encode<U: Unit>(s: &[U], out: &mut Vec<u8>) {
    let mut shifted = false;
    let mut writer = Writer::default();
    for c in s.iter().map(|unit| unit.point()) {
        if is_direct(c) {
            if shifted {
                writer.flush(out);
                shifted = false;
                // Anything outside the alphabet ends the section by itself, except what would be absorbed.
                if c == u32::from(b'-') || base64_value(c as u8).is_some() {
                    out.push(b'-');
                }
            }
            out.push(c as u8);
        } else if !shifted && c == u32::from(b'+') {
            out.extend(b"+-");
        } else {
            if !shifted {
                out.push(b'+');
                shifted = true;
            }
            if c >= 0x1_0000 {
                writer.unit(0xD800 + ((c - 0x1_0000) >> 10), out);
                writer.unit(0xDC00 + (c & 0x3FF), out);
            } else {
                writer.unit(c, out);
            }
        }
    }
    if shifted {
        writer.flush(out);
        out.push(b'-');
    }
}
