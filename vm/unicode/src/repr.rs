//! What `repr` and `ascii` make of strings and bytes.

use crate::codec::{Sink, Unit, push_escape};
use crate::is_printable;

/// The quote that needs no escape if possible, the single one if both would do.
fn quote(has: impl Fn(u8) -> bool) -> u8 {
    if has(b'\'') && !has(b'"') { b'"' } else { b'\'' }
}

/// `repr` of a string, quotes included. Writes at most ten code points for each of `s`, and two.
pub fn repr_str<U: Unit>(s: &[U], sink: &mut impl Sink) {
    escape_str(s, sink, is_printable);
}

/// `ascii` of a string, quotes included. Writes at most ten code points for each of `s`, and two.
pub fn ascii_str<U: Unit>(s: &[U], sink: &mut impl Sink) {
    escape_str(s, sink, |_| false);
}

/// So many units are escaped between two questions whether anybody still wants them.
const STRIDE: usize = 1 << 15;

/// Escapes; `keep` decides about characters beyond ASCII.
fn escape_str<U: Unit>(s: &[U], sink: &mut impl Sink, keep: impl Fn(u32) -> bool) {
    let found =
        |q| s.chunks(STRIDE).any(|part| part.iter().any(|unit| unit.point() == u32::from(q)) || sink.is_forgotten());
    let quote = u32::from(quote(found));
    sink.reserve(s.len() + 2);
    sink.push(quote);
    for (i, c) in s.iter().map(|unit| unit.point()).enumerate() {
        if i % STRIDE == STRIDE - 1 && sink.is_forgotten() {
            return;
        }
        match c {
            0x5C => sink.push_latin1(b"\\\\"),
            0x09 => sink.push_latin1(b"\\t"),
            0x0A => sink.push_latin1(b"\\n"),
            0x0D => sink.push_latin1(b"\\r"),
            c if c == quote => {
                sink.push(u32::from(b'\\'));
                sink.push(c);
            }
            0x20..0x7F => sink.push(c),
            c if c > 0x7F && keep(c) => sink.push(c),
            c => push_escape(c, sink),
        }
    }
    sink.push(quote);
}

/// Appends one byte as it stands in a bytes literal with this quote.
pub(crate) fn push_byte(byte: u8, quote: u8, out: &mut Vec<u8>) {
    match byte {
        b'\\' => out.extend(b"\\\\"),
        b'\t' => out.extend(b"\\t"),
        b'\n' => out.extend(b"\\n"),
        b'\r' => out.extend(b"\\r"),
        _ if byte == quote => out.extend([b'\\', byte]),
        0x20..0x7F => out.push(byte),
        _ => push_escape(u32::from(byte), &mut crate::codec::Bytes(out)),
    }
}

/// `repr` of bytes: ASCII text, prefix and quotes included. Writes at most four bytes for each of `bytes`, and three.
pub fn repr_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    let quote = quote(|q| bytes.contains(&q));
    out.extend([b'b', quote]);
    bytes.iter().for_each(|&byte| push_byte(byte, quote, out));
    out.push(quote);
}
