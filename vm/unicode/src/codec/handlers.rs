//! The object-free halves of CPython's error handlers. `strict`, `ignore` and `replace` have none.

use super::{ByteOrder, Sink, Unit, is_surrogate, push_escape, utf8, utf16, utf32};

/// `backslashreplace` of characters that could not be encoded or translated.
pub fn backslash_replace<U: Unit>(bad: &[U], sink: &mut impl Sink) {
    bad.iter().for_each(|unit| push_escape(unit.point(), sink));
}

/// `xmlcharrefreplace`: `&#NNN;` for each character.
pub fn xml_char_ref_replace<U: Unit>(bad: &[U], sink: &mut impl Sink) {
    bad.iter().for_each(|unit| sink.push_latin1(format!("&#{};", unit.point()).as_bytes()));
}

/// `namereplace`: `\N{...}`, or a backslash escape for a character without a name.
pub fn name_replace<U: Unit>(bad: &[U], sink: &mut impl Sink) {
    for unit in bad {
        match crate::name(unit.point()) {
            Some(name) => sink.push_latin1(format!("\\N{{{name}}}").as_bytes()),
            None => push_escape(unit.point(), sink),
        }
    }
}

/// `surrogateescape` while decoding: writes up to four escaped bytes of the error's range and returns how many;
/// 0 means that the original error stands.
pub fn surrogate_escape_decode(bad: &[u8], sink: &mut impl Sink) -> usize {
    let run = bad.iter().take(4).take_while(|byte| !byte.is_ascii());
    run.fold(0, |count, &byte| {
        sink.push(0xDC00 + u32::from(byte));
        count + 1
    })
}

/// `surrogateescape` while encoding: writes the bytes that the leading units of the error's range escaped and returns
/// how many. Fewer than all means an error: over the range that is left where CPython handles this inline (ASCII,
/// latin-1, UTF-8), over the whole range where it calls the handler (the others).
pub fn surrogate_escape_encode<U: Unit>(bad: &[U], out: &mut Vec<u8>) -> usize {
    let escaped = bad.iter().map_while(|unit| match unit.point() {
        c @ 0xDC80..0xDD00 => Some((c - 0xDC00) as u8),
        _ => None,
    });
    let before = out.len();
    out.extend(escaped);
    out.len() - before
}

/// An encoding that can hold surrogates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standard {
    Utf8,
    Utf16(ByteOrder),
    Utf32(ByteOrder),
}

impl Standard {
    /// Finds the encoding that a name like `utf-16-le`, `UTF8` or `utf_32` means; without an order it is little.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "cp65001" {
            return Some(Self::Utf8);
        }
        let dash = |s: &str| s.strip_prefix(['-', '_']).map_or_else(|| s.to_owned(), str::to_owned);
        let lower = name.to_ascii_lowercase();
        let rest = dash(lower.strip_prefix("utf")?);
        if rest == "8" {
            return Some(Self::Utf8);
        }
        let (width, order) = rest.split_at_checked(2)?;
        let order = match dash(order).as_str() {
            "" if order.is_empty() => ByteOrder::Little,
            "le" => ByteOrder::Little,
            "be" => ByteOrder::Big,
            _ => return None,
        };
        match width {
            "16" => Some(Self::Utf16(order)),
            "32" => Some(Self::Utf32(order)),
            _ => None,
        }
    }
}

/// `surrogatepass` while encoding: the surrogates' bytes, or `None` when the original error stands.
pub fn surrogate_pass_encode<U: Unit>(encoding: Standard, bad: &[U]) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    for c in bad.iter().map(|unit| unit.point()) {
        match encoding {
            _ if !is_surrogate(c) => return None,
            Standard::Utf8 => utf8::push(c, &mut out),
            Standard::Utf16(order) => utf16::push_unit(c, order, &mut out),
            Standard::Utf32(order) => utf32::push(c, order, &mut out),
        }
    }
    Some(out)
}

/// `surrogatepass` while decoding: the surrogate at the start of `tail` (the input from the error's start on) and
/// its length, or `None` when the original error stands.
pub fn surrogate_pass_decode(encoding: Standard, tail: &[u8]) -> Option<(u32, usize)> {
    let (c, len) = match (encoding, tail) {
        (Standard::Utf8, &[0xED, a @ 0x80..=0xBF, b @ 0x80..=0xBF, ..]) => {
            (0xD000 | u32::from(a & 0x3F) << 6 | u32::from(b & 0x3F), 3)
        }
        (Standard::Utf16(ByteOrder::Little), &[a, b, ..]) => (u32::from(u16::from_le_bytes([a, b])), 2),
        (Standard::Utf16(ByteOrder::Big), &[a, b, ..]) => (u32::from(u16::from_be_bytes([a, b])), 2),
        (Standard::Utf32(ByteOrder::Little), &[a, b, c, d, ..]) => (u32::from_le_bytes([a, b, c, d]), 4),
        (Standard::Utf32(ByteOrder::Big), &[a, b, c, d, ..]) => (u32::from_be_bytes([a, b, c, d]), 4),
        _ => return None,
    };
    is_surrogate(c).then_some((c, len))
}
