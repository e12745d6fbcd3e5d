//! The multibyte codecs with shift states: `iso2022_jp` and `hz`.
//!
//! Unlike the other codecs these remember, between calls and across errors, what the last escape selected. A new value
//! starts in ASCII. After the last piece an encoder's `finish` returns to ASCII.

use super::cjk::{Charset, ILLEGAL, INCOMPLETE};
use super::{Outcome, Sink, Unit, error, rest};

/// Bytes per unit at most: an escape, two bytes, and the escape back.
pub const MAX_EXPANSION: usize = 8;

const ESC: u8 = 0x1B;

/// What a step of decoding found.
enum Step {
    /// A character and its length.
    Point(u32, usize),
    /// So many bytes that stand for nothing.
    Skip(usize),
    Incomplete,
    /// So many bytes that are wrong.
    Illegal(usize),
}

/// Runs steps to the end of the input.
fn run(
    input: &[u8],
    from: usize,
    last: bool,
    sink: &mut impl Sink,
    mut step: impl FnMut(&[u8]) -> Step,
) -> Outcome<usize> {
    let mut at = from;
    while at < input.len() {
        match step(&input[at..]) {
            Step::Point(c, len) => {
                sink.push(c);
                at += len;
            }
            Step::Skip(len) => at += len,
            Step::Incomplete if last => return error(at, input.len(), INCOMPLETE),
            Step::Incomplete => return Ok(at),
            Step::Illegal(len) => return error(at, at + len, ILLEGAL),
        }
    }
    Ok(at)
}

/// A set that ISO-2022-JP can select.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Set {
    #[default]
    Ascii,
    Roman,
    Kanji,
    /// The 1978 edition, which decodes alike but is never written.
    OldKanji,
}

/// The `iso2022_jp` codec.
#[derive(Clone, Debug, Default)]
pub struct Iso2022Jp {
    set: Set,
    /// Inside an escape sequence of some other standard, which is passed through.
    foreign: bool,
}

/// The longest escape sequence that is waited for.
const LONGEST_ESCAPE: usize = 16;

fn ends_escape(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte == b'@'
}

impl Iso2022Jp {
    /// Decodes.
    pub fn decode(&mut self, input: &[u8], from: usize, last: bool, sink: &mut impl Sink) -> Outcome<usize> {
        run(input, from, last, sink, |s| self.step(s))
    }

    fn step(&mut self, s: &[u8]) -> Step {
        let Some(&byte) = s.first() else { return Step::Incomplete };
        let itself = Step::Point(u32::from(byte), 1);
        if self.foreign {
            self.foreign = !ends_escape(byte);
            return itself;
        }
        match (byte, self.set) {
            (ESC, _) => match s.get(1) {
                None => Step::Incomplete,
                Some(b'(' | b')' | b'$' | b'.' | b'&') => self.escape(s),
                Some(_) => {
                    self.foreign = true;
                    itself
                }
            },
            (0x80.., _) => Step::Illegal(1),
            (0..0x20, _) | (_, Set::Ascii) => itself,
            (b'\\', Set::Roman) => Step::Point(0xA5, 1),
            (b'~', Set::Roman) => Step::Point(0x203E, 1),
            (_, Set::Roman) => itself,
            (_, Set::Kanji | Set::OldKanji) => match s.get(1) {
                None => Step::Incomplete,
                Some(&low) if low >= 0x80 => Step::Illegal(2),
                Some(&low) => match Charset::EucJp.double(byte | 0x80, low | 0x80) {
                    Some(c) => Step::Point(c, 2),
                    None => Step::Illegal(2),
                },
            },
        }
    }

    /// An escape sequence that selects a set.
    fn escape(&mut self, s: &[u8]) -> Step {
        let mut len = 1;
        loop {
            match s.get(len) {
                _ if len >= LONGEST_ESCAPE => return Step::Illegal(1),
                None => return Step::Incomplete,
                Some(&byte) if ends_escape(byte) => break,
                // The announcer of JIS X 0208-1990, with the escape byte that must follow.
                Some(b'&') if s.get(len + 1) == Some(&b'@') => len += 3,
                Some(_) => len += 1,
            }
        }
        let len = len + 1;
        match s.get(1..len).unwrap_or(&[]) {
            b"(B" => self.set = Set::Ascii,
            b"(J" => self.set = Set::Roman,
            b"$@" | b"$(@" => self.set = Set::OldKanji,
            // CPython does not look at the prefix of the long form.
            b"$B" | b"$(B" | [_, _, ESC, b'$', b'B'] => self.set = Set::Kanji,
            // These fill the second set, which nothing can switch to.
            b")B" | b")J" | b"$)@" | b"$)B" => {}
            _ => return Step::Illegal(len),
        }
        Step::Skip(len)
    }

    /// Encodes; an error covers one character.
    pub fn encode<U: Unit>(&mut self, s: &[U], from: usize, out: &mut Vec<u8>) -> Outcome<()> {
        for (i, unit) in rest(s, from).iter().enumerate() {
            match unit.point() {
                c @ 0..0x80 => {
                    self.select(Set::Ascii, out);
                    out.push(c as u8);
                }
                c @ (0xA5 | 0x203E) => {
                    self.select(Set::Roman, out);
                    out.push(if c == 0xA5 { b'\\' } else { b'~' });
                }
                c => match Charset::EucJp.double_code(c).filter(|&[high, low]| high >= 0xA1 && low >= 0xA1) {
                    Some(code) => {
                        self.select(Set::Kanji, out);
                        out.extend(code.map(|byte| byte & 0x7F));
                    }
                    None => return error(from + i, from + i + 1, ILLEGAL),
                },
            }
        }
        Ok(())
    }

    /// Ends the output in ASCII.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.select(Set::Ascii, out);
    }

    fn select(&mut self, set: Set, out: &mut Vec<u8>) {
        if self.set != set {
            self.set = set;
            out.extend(match set {
                Set::Ascii => b"\x1b(B",
                Set::Roman => b"\x1b(J",
                Set::Kanji => b"\x1b$B",
                Set::OldKanji => b"\x1b$@",
            });
        }
    }
}

/// The `hz` codec.
#[derive(Clone, Debug, Default)]
pub struct Hz {
    /// Between `~{` and `~}`.
    gb: bool,
}

impl Hz {
    /// Decodes.
    pub fn decode(&mut self, input: &[u8], from: usize, last: bool, sink: &mut impl Sink) -> Outcome<usize> {
        run(input, from, last, sink, |s| self.step(s))
    }

    fn step(&mut self, s: &[u8]) -> Step {
        match (self.gb, s) {
            (_, [] | [b'~']) => Step::Incomplete,
            (false, [b'~', b'~', ..]) => Step::Point(u32::from(b'~'), 2),
            (false, [b'~', b'\n', ..]) => Step::Skip(2),
            (false, [b'~', b'{', ..]) | (true, [b'~', b'}', ..]) => {
                self.gb = !self.gb;
                Step::Skip(2)
            }
            (_, [b'~' | 0x80..=0xFF, ..]) => Step::Illegal(1),
            (false, &[byte, ..]) => Step::Point(u32::from(byte), 1),
            (true, [_]) => Step::Incomplete,
            (true, &[_, 0x80..=0xFF, ..]) => Step::Illegal(1),
            (true, &[high, low, ..]) => match Charset::Gb2312.double(high | 0x80, low | 0x80) {
                Some(c) => Step::Point(c, 2),
                None => Step::Illegal(1),
            },
        }
    }

    /// Encodes; an error covers one character.
    pub fn encode<U: Unit>(&mut self, s: &[U], from: usize, out: &mut Vec<u8>) -> Outcome<()> {
        for (i, unit) in rest(s, from).iter().enumerate() {
            match unit.point() {
                c @ 0..0x80 => {
                    self.finish(out);
                    out.push(c as u8);
                    if c as u8 == b'~' {
                        out.push(b'~');
                    }
                }
                c => match Charset::Gb2312.double_code(c) {
                    Some(code) => {
                        if !self.gb {
                            self.gb = true;
                            out.extend(b"~{");
                        }
                        out.extend(code.map(|byte| byte & 0x7F));
                    }
                    None => return error(from + i, from + i + 1, ILLEGAL),
                },
            }
        }
        Ok(())
    }

    /// Ends the output in ASCII.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        if self.gb {
            self.gb = false;
            out.extend(b"~}");
        }
    }
}
