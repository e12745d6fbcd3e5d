//! Bytes of a document to UTF-8 text with `\n` line ends.

use typhon_object::error::Res;
use typhon_object::strs::{self, Str};
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, codec};

/// How bytes are read.
enum Coding {
    Utf8,
    Utf16 {
        big: bool,
    },
    /// One character a byte; `None` where a byte means nothing.
    Table(Box<[Option<char>; 256]>),
}

/// Bytes that have come and not been read.
#[derive(Default)]
pub(super) struct Decoder {
    raw: Vec<u8>,
    coding: Option<Coding>,
    /// An encoding given from outside, which the document's own does not override.
    forced: Option<String>,
    /// The last character was a carriage return.
    after_return: bool,
    /// Bytes that are no characters follow.
    pub(super) broken: bool,
}

/// What decoding found.
pub(super) enum Found {
    /// Perhaps some text.
    Text,
    /// The encoding's name means nothing.
    UnknownEncoding,
}

impl Decoder {
    /// With an encoding from outside.
    pub(super) fn new(forced: Option<String>) -> Self {
        Self { forced, ..Self::default() }
    }

    /// The text is UTF-8 whatever the document says.
    pub(super) fn force_utf8(&mut self) {
        self.coding = Some(Coding::Utf8);
    }

    /// Some bytes wait for more.
    pub(super) fn is_partial(&self) -> bool {
        !self.raw.is_empty()
    }

    /// Appends the text of more bytes to `out`.
    pub(super) fn feed(&mut self, t: &Thread, data: &[u8], last: bool, out: &mut Vec<u8>) -> Res<Found> {
        t.check_alloc(self.raw.len() + data.len() * 3)?;
        self.raw.extend_from_slice(data);
        if self.coding.is_none() && !self.choose(t, last)? {
            return Ok(if self.broken { Found::UnknownEncoding } else { Found::Text });
        }
        let mut raw = std::mem::take(&mut self.raw);
        if matches!(self.coding, Some(Coding::Utf8)) {
            let used = match std::str::from_utf8(&raw) {
                Ok(_) => raw.len(),
                Err(e) => {
                    self.broken = e.error_len().is_some();
                    e.valid_up_to()
                }
            };
            self.push_lines(&raw[..used], out);
            raw.drain(..used);
            self.raw = raw;
            return Ok(Found::Text);
        }
        let mut text = Vec::with_capacity(raw.len());
        let used = match &self.coding {
            Some(Coding::Utf16 { big }) => utf16(&raw, *big, &mut text),
            Some(Coding::Table(table)) => {
                let known = raw.iter().map_while(|&b| table[usize::from(b)]);
                let mut count = 0;
                known.for_each(|c| {
                    text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                    count += 1;
                });
                self.broken = count < raw.len();
                count
            }
            Some(Coding::Utf8) | None => 0,
        };
        raw.drain(..used);
        self.raw = raw;
        self.push_lines(&text, out);
        Ok(Found::Text)
    }

    /// Makes `\r\n` and `\r` a `\n`.
    fn push_lines(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if !self.after_return && memchr::memchr(b'\r', text).is_none() {
            out.extend_from_slice(text);
            return;
        }
        for &b in text {
            match b {
                b'\n' if self.after_return => {}
                b'\r' => out.push(b'\n'),
                _ => out.push(b),
            }
            self.after_return = b == b'\r';
        }
    }

    /// Finds out the encoding; false if that needs more bytes or (then `broken`) is impossible.
    fn choose(&mut self, t: &Thread, last: bool) -> Res<bool> {
        if self.raw.len() < 4 && !last && self.forced.is_none() {
            return Ok(false);
        }
        if let Some(name) = self.forced.clone() {
            return self.named(t, &name);
        }
        let (coding, skip) = match self.raw.as_slice() {
            [0xff, 0xfe, ..] => (Coding::Utf16 { big: false }, 2),
            [0xfe, 0xff, ..] => (Coding::Utf16 { big: true }, 2),
            [0xef, 0xbb, 0xbf, ..] => (Coding::Utf8, 3),
            [b'<', 0, ..] => (Coding::Utf16 { big: false }, 0),
            [0, b'<', ..] => (Coding::Utf16 { big: true }, 0),
            raw if raw.starts_with(b"<?xml") => {
                let Some(end) = super::lex::find(raw, 0, b"?>") else { return Ok(last && self.utf8()) };
                return match declared(&raw[..end]) {
                    Some(name) => self.named(t, &name),
                    None => Ok(self.utf8()),
                };
            }
            _ => (Coding::Utf8, 0),
        };
        self.raw.drain(..skip);
        self.coding = Some(coding);
        Ok(true)
    }

    fn utf8(&mut self) -> bool {
        self.coding = Some(Coding::Utf8);
        true
    }

    fn named(&mut self, t: &Thread, name: &str) -> Res<bool> {
        let lower = name.to_ascii_lowercase();
        self.coding = Some(match lower.as_str() {
            "utf-8" | "utf8" => {
                if self.raw.starts_with(b"\xef\xbb\xbf") {
                    self.raw.drain(..3);
                }
                Coding::Utf8
            }
            "utf-16" => {
                let big = !self.raw.starts_with(b"\xff\xfe");
                if self.raw.starts_with(b"\xff\xfe") || self.raw.starts_with(b"\xfe\xff") {
                    self.raw.drain(..2);
                }
                Coding::Utf16 { big }
            }
            "utf-16le" => Coding::Utf16 { big: false },
            "utf-16be" => Coding::Utf16 { big: true },
            _ => {
                // Every byte's character by Python's codec of that name, as pyexpat finds them.
                let all: Vec<u8> = (0..=255).collect();
                let v = bytes::new(t, &all)?;
                let made = codec::decode(t, &v, &all, Some(name), Some("replace"))?;
                let Some(s) = made.downcast::<Str>().filter(|s| s.len() == 256) else {
                    self.broken = true;
                    return Ok(false);
                };
                let mut table = Box::new([None; 256]);
                for (slot, c) in table.iter_mut().zip(s.units().iter()) {
                    *slot = char::from_u32(c).filter(|&c| c != '\u{fffd}');
                }
                Coding::Table(table)
            }
        });
        Ok(true)
    }
}

/// The encoding in an XML declaration.
fn declared(text: &[u8]) -> Option<String> {
    let at = super::lex::find(text, 0, b"encoding")? + 8;
    let at = super::lex::skip_space(text, at);
    if text.get(at) != Some(&b'=') {
        return None;
    }
    let inside = super::lex::quoted(text, super::lex::skip_space(text, at + 1)).ok()?;
    Some(super::lex::text(text, inside).to_string())
}

/// Decodes whole units; the bytes used.
fn utf16(raw: &[u8], big: bool, out: &mut Vec<u8>) -> usize {
    let unit = |b: &[u8]| if big { u16::from_be_bytes([b[0], b[1]]) } else { u16::from_le_bytes([b[0], b[1]]) };
    let mut at = 0;
    while let Some(pair) = raw.get(at..at + 2) {
        let first = unit(pair);
        let (c, n) = if (0xd800..0xdc00).contains(&first) {
            let Some(next) = raw.get(at + 2..at + 4) else { break };
            let code = 0x1_0000 + (u32::from(first & 0x3ff) << 10) + u32::from(unit(next) & 0x3ff);
            (char::from_u32(code), 4)
        } else {
            (char::from_u32(u32::from(first)), 2)
        };
        out.extend_from_slice(c.unwrap_or('\u{fffe}').encode_utf8(&mut [0; 4]).as_bytes());
        at += n;
    }
    at
}

/// A str of text that is UTF-8.
pub(super) fn value(t: &Thread, text: &str) -> Res<Value> {
    strs::new(t, text)
}
