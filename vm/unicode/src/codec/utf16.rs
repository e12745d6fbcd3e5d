//! The `utf-16`, `utf-16-le` and `utf-16-be` codecs.

use super::{ByteOrder, Outcome, Sink, Unit, error, is_surrogate, rest};

/// Bytes per unit at most, the byte order mark not counted.
pub const MAX_EXPANSION: usize = 4;

/// The byte order that a leading mark announces, and the length of the mark. Without one, `utf-16` means little.
pub fn sniff(input: &[u8]) -> (Option<ByteOrder>, usize) {
    match input {
        [0xFF, 0xFE, ..] => (Some(ByteOrder::Little), 2),
        [0xFE, 0xFF, ..] => (Some(ByteOrder::Big), 2),
        _ => (None, 0),
    }
}

#[inline]
fn read(s: &[u8], order: ByteOrder) -> Option<u32> {
    let unit = *s.first_chunk::<2>()?;
    Some(u32::from(match order {
        ByteOrder::Little => u16::from_le_bytes(unit),
        ByteOrder::Big => u16::from_be_bytes(unit),
    }))
}

/// Decodes UTF-16 of a known byte order; a byte order mark is a character like any other.
pub fn decode(input: &[u8], from: usize, last: bool, order: ByteOrder, sink: &mut impl Sink) -> Outcome<usize> {
    let mut at = from;
    sink.reserve(rest(input, from).len() / 2);
    loop {
        let tail = rest(input, at);
        let Some(unit) = read(tail, order) else {
            if tail.is_empty() || !last {
                return Ok(at);
            }
            return error(at, input.len(), "truncated data");
        };
        match unit {
            0xD800..0xDC00 => match read(&tail[2..], order) {
                Some(low @ 0xDC00..0xE000) => {
                    sink.push(0x1_0000 + ((unit & 0x3FF) << 10 | low & 0x3FF));
                    at += 4;
                }
                Some(_) => return error(at, at + 2, "illegal UTF-16 surrogate"),
                None if last => return error(at, input.len(), "unexpected end of data"),
                None => return Ok(at),
            },
            0xDC00..0xE000 => return error(at, at + 2, "illegal encoding"),
            _ => {
                sink.push(unit);
                at += 2;
            }
        }
    }
}

/// Appends one 16-bit unit.
pub(super) fn push_unit(unit: u32, order: ByteOrder, out: &mut Vec<u8>) {
    out.extend(match order {
        ByteOrder::Little => (unit as u16).to_le_bytes(),
        ByteOrder::Big => (unit as u16).to_be_bytes(),
    });
}

/// Appends the byte order mark.
pub fn push_bom(order: ByteOrder, out: &mut Vec<u8>) {
    push_unit(0xFEFF, order, out);
}

/// Encodes to UTF-16 without a byte order mark.
pub fn encode<U: Unit>(s: &[U], from: usize, order: ByteOrder, out: &mut Vec<u8>) -> Outcome<()> {
    let tail = rest(s, from);
    out.reserve(tail.len() * 2);
    for (i, unit) in tail.iter().enumerate() {
        match unit.point() {
            c if is_surrogate(c) => return error(from + i, from + i + 1, "surrogates not allowed"),
            c @ 0x1_0000.. => {
                push_unit(0xD800 + ((c - 0x1_0000) >> 10), order, out);
                push_unit(0xDC00 + (c & 0x3FF), order, out);
            }
            c => push_unit(c, order, out),
        }
    }
    Ok(())
}
