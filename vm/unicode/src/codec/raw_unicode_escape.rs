//! The `raw_unicode_escape` codec: latin-1 with `\uNNNN` and `\UNNNNNNNN`.

use super::unicode_escape::{Stop, hex};
use super::{Bytes, Outcome, Sink, Unit, error, push_escape, rest};

/// Bytes per unit at most.
pub const MAX_EXPANSION: usize = 10;

/// Reads what the backslash at `at` starts; returns its end.
fn escape(input: &[u8], at: usize, last: bool, sink: &mut impl Sink) -> Result<usize, Stop> {
    let after = at + 2;
    let (value, end) = match input.get(at + 1) {
        None if last => {
            sink.push(u32::from(b'\\'));
            return Ok(at + 1);
        }
        None => return Err(Stop::Incomplete(at + 1, "")),
        Some(b'u') => (hex(input, after, 4, "truncated \\uXXXX escape")?, after + 4),
        Some(b'U') => (hex(input, after, 8, "truncated \\UXXXXXXXX escape")?, after + 8),
        Some(&letter) => {
            sink.push_latin1(&[b'\\', letter]);
            return Ok(after);
        }
    };
    if value > 0x10_FFFF {
        return Err(Stop::Bad(end, "\\Uxxxxxxxx out of range"));
    }
    sink.push(value);
    Ok(end)
}

/// Decodes escapes.
pub fn decode(input: &[u8], from: usize, last: bool, sink: &mut impl Sink) -> Outcome<usize> {
    let mut at = from;
    loop {
        let tail = rest(input, at);
        let plain = tail.iter().position(|&byte| byte == b'\\').unwrap_or(tail.len());
        sink.push_latin1(&tail[..plain]);
        at += plain;
        if plain == tail.len() {
            return Ok(at);
        }
        match escape(input, at, last, sink) {
            Ok(end) => at = end,
            Err(Stop::Incomplete(..)) if !last => return Ok(at),
            Err(Stop::Incomplete(end, reason) | Stop::Bad(end, reason)) => return error(at, end, reason),
        }
    }
}

/// Encodes with escapes, which cannot fail.
pub fn encode<U: Unit>(s: &[U], out: &mut Vec<u8>) {
    for c in s.iter().map(|unit| unit.point()) {
        if c < 0x100 {
            out.push(c as u8);
        } else {
            push_escape(c, &mut Bytes(out));
        }
    }
}
