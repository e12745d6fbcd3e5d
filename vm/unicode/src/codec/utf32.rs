//! The `utf-32`, `utf-32-le` and `utf-32-be` codecs.

use super::{ByteOrder, Outcome, Sink, Unit, error, is_surrogate, rest};

/// Bytes per unit at most, the byte order mark not counted.
pub const MAX_EXPANSION: usize = 4;

/// The byte order that a leading mark announces, and the length of the mark. Without one, `utf-32` means little.
pub fn sniff(input: &[u8]) -> (Option<ByteOrder>, usize) {
    match input {
        [0xFF, 0xFE, 0, 0, ..] => (Some(ByteOrder::Little), 4),
        [0, 0, 0xFE, 0xFF, ..] => (Some(ByteOrder::Big), 4),
        _ => (None, 0),
    }
}

/// Decodes UTF-32 of a known byte order; a byte order mark is a character like any other.
pub fn decode(input: &[u8], from: usize, last: bool, order: ByteOrder, sink: &mut impl Sink) -> Outcome<usize> {
    let mut at = from;
    sink.reserve(rest(input, from).len() / 4);
    loop {
        let tail = rest(input, at);
        let Some(&unit) = tail.first_chunk::<4>() else {
            if tail.is_empty() || !last {
                return Ok(at);
            }
            return error(at, input.len(), "truncated data");
        };
        let c = match order {
            ByteOrder::Little => u32::from_le_bytes(unit),
            ByteOrder::Big => u32::from_be_bytes(unit),
        };
        if is_surrogate(c) {
            return error(at, at + 4, "code point in surrogate code point range(0xd800, 0xe000)");
        }
        if c > 0x10_FFFF {
            return error(at, at + 4, "code point not in range(0x110000)");
        }
        sink.push(c);
        at += 4;
    }
}

/// Appends one code point.
pub(super) fn push(c: u32, order: ByteOrder, out: &mut Vec<u8>) {
    out.extend(match order {
        ByteOrder::Little => c.to_le_bytes(),
        ByteOrder::Big => c.to_be_bytes(),
    });
}

/// Appends the byte order mark.
pub fn push_bom(order: ByteOrder, out: &mut Vec<u8>) {
    push(0xFEFF, order, out);
}

/// Encodes to UTF-32 without a byte order mark.
pub fn encode<U: Unit>(s: &[U], from: usize, order: ByteOrder, out: &mut Vec<u8>) -> Outcome<()> {
    let tail = rest(s, from);
    out.reserve(tail.len() * 4);
    for (i, unit) in tail.iter().enumerate() {
        let c = unit.point();
        if is_surrogate(c) {
            return error(from + i, from + i + 1, "surrogates not allowed");
        }
        push(c, order, out);
    }
    Ok(())
}
