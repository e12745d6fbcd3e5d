//! The `utf-8` codec: strict, so surrogates are errors in both directions.

use super::{Outcome, Sink, Unit, error, is_surrogate, rest};

/// Bytes per unit at most.
pub const MAX_EXPANSION: usize = 4;

/// The mark that `utf-8-sig` writes first and skips.
pub const BOM: [u8; 3] = [0xEF, 0xBB, 0xBF];

/// What stands at the start of some bytes.
enum Step {
    /// A code point and its length.
    Point(u32, usize),
    /// The beginning of a sequence that ends too early.
    Incomplete,
    /// So many bytes that cannot be part of one.
    Bad(usize, &'static str),
}

#[inline]
fn step(s: &[u8]) -> Step {
    let Some(&lead) = s.first() else { return Step::Incomplete };
    let (len, low, high) = match lead {
        0x00..=0x7F => return Step::Point(u32::from(lead), 1),
        0xC2..=0xDF => (2, 0x80, 0xBF),
        0xE0 => (3, 0xA0, 0xBF),
        0xED => (3, 0x80, 0x9F),
        0xE1..=0xEF => (3, 0x80, 0xBF),
        0xF0 => (4, 0x90, 0xBF),
        0xF4 => (4, 0x80, 0x8F),
        0xF1..=0xF3 => (4, 0x80, 0xBF),
        _ => return Step::Bad(1, "invalid start byte"),
    };
    let mut point = u32::from(lead & (0x7F >> len));
    for i in 1..len {
        let Some(&byte) = s.get(i) else { return Step::Incomplete };
        // Only the first continuation byte is restricted further: no overlong forms, no surrogates, no more than U+10FFFF.
        let good = if i == 1 { (low..=high).contains(&byte) } else { byte & 0xC0 == 0x80 };
        if !good {
            return Step::Bad(i, "invalid continuation byte");
        }
        point = point << 6 | u32::from(byte & 0x3F);
    }
    Step::Point(point, len)
}

/// Decodes UTF-8.
pub fn decode(input: &[u8], from: usize, last: bool, sink: &mut impl Sink) -> Outcome<usize> {
    let mut at = from;
    loop {
        let tail = rest(input, at);
        let ascii = u8::ascii_prefix(tail);
        sink.push_latin1(&tail[..ascii]);
        at += ascii;
        while let Some(0x80..) = input.get(at) {
            match step(&input[at..]) {
                Step::Point(c, len) => {
                    sink.push(c);
                    at += len;
                }
                Step::Incomplete if last => return error(at, input.len(), "unexpected end of data"),
                Step::Incomplete => return Ok(at),
                // A surrogate cut short could still be what `surrogatepass` takes, once the rest has come.
                Step::Bad(..) if !last && matches!(input[at..], [0xED, 0xA0..=0xBF]) => return Ok(at),
                Step::Bad(len, reason) => return error(at, at + len, reason),
            }
        }
        if at >= input.len() {
            return Ok(at);
        }
    }
}

/// How many code points valid UTF-8 holds and an upper bound of them that tells latin-1, 16-bit and 32-bit text
/// apart; `None` when it is not valid.
pub fn measure(input: &[u8]) -> Option<(usize, u32)> {
    let text = std::str::from_utf8(input).ok()?;
    if text.is_ascii() {
        return Some((text.len(), 0x7F));
    }
    // The lead byte alone tells the size class: up to C3 is latin-1, up to EF is the BMP.
    let top = input.iter().copied().max().unwrap_or(0);
    let highest_lead = if top >= 0xF0 { 0x10_FFFF } else { 0xFFFF };
    let latin1 = top < 0xF0 && input.iter().all(|&byte| byte < 0xC4);
    Some((text.chars().count(), if latin1 { 0xFF } else { highest_lead }))
}

/// How many bytes `s` takes in UTF-8, surrogates counted with three.
pub fn encoded_len<U: Unit>(s: &[U]) -> usize {
    s.iter()
        .map(|unit| match unit.point() {
            0..0x80 => 1,
            0x80..0x800 => 2,
            0x800..0x1_0000 => 3,
            _ => 4,
        })
        .sum()
}

/// Appends one code point, surrogates too.
pub(super) fn push(c: u32, out: &mut Vec<u8>) {
    let tail = |shift: u32| (c >> shift & 0x3F) as u8 | 0x80;
    match c {
        0..0x80 => out.push(c as u8),
        0x80..0x800 => out.extend([(c >> 6) as u8 | 0xC0, tail(0)]),
        0x800..0x1_0000 => out.extend([(c >> 12) as u8 | 0xE0, tail(6), tail(0)]),
        _ => out.extend([(c >> 18) as u8 | 0xF0, tail(12), tail(6), tail(0)]),
    }
}

/// Encodes to UTF-8; an error covers a whole run of surrogates.
pub fn encode<U: Unit>(s: &[U], from: usize, out: &mut Vec<u8>) -> Outcome<()> {
    let mut at = from;
    loop {
        let tail = rest(s, at);
        let ascii = U::ascii_prefix(tail);
        out.extend(tail[..ascii].iter().map(|unit| unit.point() as u8));
        at += ascii;
        let tail = &tail[ascii..];
        if tail.is_empty() {
            return Ok(());
        }
        for unit in tail {
            match unit.point() {
                0..0x80 => break,
                c if is_surrogate(c) => {
                    let run = rest(s, at).iter().take_while(|unit| is_surrogate(unit.point())).count();
                    return error(at, at + run, "surrogates not allowed");
                }
                c => push(c, out),
            }
            at += 1;
        }
    }
}
