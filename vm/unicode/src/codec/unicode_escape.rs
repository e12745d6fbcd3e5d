//! The `unicode_escape` codec: Python string literals as latin-1 bytes.

use super::{Bytes, Outcome, Sink, Unit, error, push_escape, rest};
use crate::lookup_character;

/// Bytes per unit at most.
pub const MAX_EXPANSION: usize = 10;

/// An escape that is kept as it stands but will be an error one day: the caller warns about the first one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEscape {
    /// The byte after the backslash, or the value of an octal escape above 0o377.
    pub value: u32,
    /// Where the backslash is.
    pub position: usize,
}

impl BadEscape {
    /// The text of CPython's DeprecationWarning about a string.
    pub fn warning(&self) -> String {
        self.text("")
    }

    /// The text of CPython's DeprecationWarning about bytes.
    pub fn bytes_warning(&self) -> String {
        self.text("b")
    }

    fn text(&self, prefix: &str) -> String {
        let tail = "Such sequences will not work in the future. ";
        match char::from_u32(self.value) {
            Some(c) if self.value <= 0xFF => format!("{prefix}\"\\{c}\" is an invalid escape sequence. {tail}"),
            _ => format!("{prefix}\"\\{:o}\" is an invalid octal escape sequence. {tail}", self.value),
        }
    }
}

/// Why an escape could not be read: the input ended first, or a byte did not fit. The position is where reading stopped.
pub(super) enum Stop {
    Incomplete(usize, &'static str),
    Bad(usize, &'static str),
}

/// Reads exactly `count` hexadecimal digits at `at`.
pub(super) fn hex(input: &[u8], at: usize, count: usize, truncated: &'static str) -> Result<u32, Stop> {
    let mut value = 0;
    for i in at..at + count {
        let byte = *input.get(i).ok_or(Stop::Incomplete(i, truncated))?;
        value = value << 4 | char::from(byte).to_digit(16).ok_or(Stop::Bad(i, truncated))?;
    }
    Ok(value)
}

/// Reads at most three octal digits at `at`, the first of which is known to be one; returns the value and the end.
pub(super) fn octal(input: &[u8], at: usize) -> (u32, usize) {
    let digits = rest(input, at).iter().take(3).take_while(|byte| (b'0'..=b'7').contains(byte));
    digits.fold((0, at), |(value, end), byte| (value * 8 + u32::from(byte - b'0'), end + 1))
}

/// What a one-letter escape stands for.
pub(super) fn simple(letter: u8) -> Option<u8> {
    Some(match letter {
        b'\\' | b'\'' | b'"' => letter,
        b'b' => 0x08,
        b'f' => 0x0C,
        b't' => b'\t',
        b'n' => b'\n',
        b'r' => b'\r',
        b'v' => 0x0B,
        b'a' => 0x07,
        _ => return None,
    })
}

/// Reads `{NAME}` at `at`; returns the character and the end.
fn named(input: &[u8], at: usize) -> Result<(u32, usize), Stop> {
    const MALFORMED: &str = "malformed \\N character escape";
    match input.get(at) {
        None => return Err(Stop::Incomplete(at, MALFORMED)),
        Some(b'{') => {}
        Some(_) => return Err(Stop::Bad(at, MALFORMED)),
    }
    let start = at + 1;
    let body = rest(input, start);
    let len = body.iter().position(|&byte| byte == b'}').ok_or(Stop::Incomplete(input.len(), MALFORMED))?;
    if len == 0 {
        return Err(Stop::Bad(start, MALFORMED));
    }
    let end = start + len + 1;
    let name = std::str::from_utf8(&body[..len]).ok();
    name.and_then(lookup_character).map(|c| (c, end)).ok_or(Stop::Bad(end, "unknown Unicode character name"))
}

/// Reads the escape whose backslash is at `at`; returns its end.
fn escape(input: &[u8], at: usize, sink: &mut impl Sink, bad: &mut Option<BadEscape>) -> Result<usize, Stop> {
    let after = at + 2;
    let letter = *input.get(at + 1).ok_or(Stop::Incomplete(at + 1, "\\ at end of string"))?;
    if let Some(byte) = simple(letter) {
        sink.push(u32::from(byte));
        return Ok(after);
    }
    let (value, end) = match letter {
        b'\n' => return Ok(after),
        b'0'..=b'7' => {
            let (value, end) = octal(input, at + 1);
            if value > 0o377 {
                bad.get_or_insert(BadEscape { value, position: at });
            }
            (value, end)
        }
        b'x' => (hex(input, after, 2, "truncated \\xXX escape")?, after + 2),
        b'u' => (hex(input, after, 4, "truncated \\uXXXX escape")?, after + 4),
        b'U' => (hex(input, after, 8, "truncated \\UXXXXXXXX escape")?, after + 8),
        b'N' => named(input, after)?,
        _ => {
            bad.get_or_insert(BadEscape { value: u32::from(letter), position: at });
            sink.push_latin1(&[b'\\', letter]);
            return Ok(after);
        }
    };
    if value > 0x10_FFFF {
        return Err(Stop::Bad(end, "illegal Unicode character"));
    }
    sink.push(value);
    Ok(end)
}

/// Decodes escapes; `bad` receives the first doubtful one.
pub fn decode(
    input: &[u8],
    from: usize,
    last: bool,
    sink: &mut impl Sink,
    bad: &mut Option<BadEscape>,
) -> Outcome<usize> {
    let mut at = from;
    loop {
        let tail = rest(input, at);
        let plain = tail.iter().position(|&byte| byte == b'\\').unwrap_or(tail.len());
        sink.push_latin1(&tail[..plain]);
        at += plain;
        if plain == tail.len() {
            return Ok(at);
        }
        match escape(input, at, sink, bad) {
            Ok(end) => at = end,
            Err(Stop::Incomplete(..)) if !last => return Ok(at),
            Err(Stop::Incomplete(end, reason) | Stop::Bad(end, reason)) => return error(at, end, reason),
        }
    }
}

/// Encodes with escapes, which cannot fail.
pub fn encode<U: Unit>(s: &[U], out: &mut Vec<u8>) {
    for c in s.iter().map(|unit| unit.point()) {
        match c {
            0x5C => out.extend(b"\\\\"),
            0x09 => out.extend(b"\\t"),
            0x0A => out.extend(b"\\n"),
            0x0D => out.extend(b"\\r"),
            0x20..0x7F => out.push(c as u8),
            _ => push_escape(c, &mut Bytes(out)),
        }
    }
}
