//! The stateless multibyte codecs of East Asia: GB, Big5, Shift JIS and the EUC family.
//!
//! Their tables come from CPython (gen/cjk.py) and are unpacked on first use.

use std::sync::OnceLock;

use super::{Outcome, Sink, Unit, error, is_surrogate, rest};

/// Bytes per unit at most.
pub const MAX_EXPANSION: usize = 8;

const DATA: &str = include_str!("../data/cjk.txt");
pub(super) const ILLEGAL: &str = "illegal multibyte sequence";
pub(super) const INCOMPLETE: &str = "incomplete multibyte sequence";

/// A codec, as the data names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    Gb18030,
    Gbk,
    Gb2312,
    Big5,
    Cp950,
    ShiftJis,
    Cp932,
    EucJp,
    Cp949,
    EucKr,
}

impl Charset {
    /// All of them, in the order of their declaration.
    pub const ALL: [Self; 10] = [
        Self::Gb18030,
        Self::Gbk,
        Self::Gb2312,
        Self::Big5,
        Self::Cp950,
        Self::ShiftJis,
        Self::Cp932,
        Self::EucJp,
        Self::Cp949,
        Self::EucKr,
    ];

    /// The name that CPython's `getcodec` takes and its errors show.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gb18030 => "gb18030",
            Self::Gbk => "gbk",
            Self::Gb2312 => "gb2312",
            Self::Big5 => "big5",
            Self::Cp950 => "cp950",
            Self::ShiftJis => "shift_jis",
            Self::Cp932 => "cp932",
            Self::EucJp => "euc_jp",
            Self::Cp949 => "cp949",
            Self::EucKr => "euc_kr",
        }
    }

    /// Finds a codec by that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|charset| charset.name() == name)
    }

    /// The character of a two-byte code.
    pub(super) fn double(self, high: u8, low: u8) -> Option<u32> {
        match Step::found(&self.tables().double, high, low, 2) {
            Step::Point(c, _) => Some(c),
            _ => None,
        }
    }

    /// The two-byte code of a character.
    pub(super) fn double_code(self, c: u32) -> Option<[u8; 2]> {
        self.tables().encode.get(c as usize).copied().filter(|&code| code >= 0x100).map(u16::to_be_bytes)
    }

    fn tables(self) -> &'static Tables {
        static TABLES: [OnceLock<Tables>; 10] = [const { OnceLock::new() }; 10];
        TABLES[self as usize].get_or_init(|| Tables::read(self.name()).expect("src/data/cjk.txt is well formed"))
    }
}

/// A run of gb18030's four-byte codes: linear index, code point, length.
type Run = (u32, u32, u32);

/// One codec's tables. Zero means that there is none, since U+0000 is only ever byte 0.
#[derive(Clone)]
struct Tables {
    leads: [bool; 256],
    singles: [u16; 256],
    /// By the two bytes of a code.
    double: Vec<u16>,
    /// By the two bytes that follow 8F; empty except in `euc_jp`.
    triple: Vec<u16>,
    four: Vec<Run>,
    /// By code point: one byte, two bytes, or (trail below 80) what follows 8F.
    encode: Vec<u16>,
}

fn number(text: &str) -> Option<usize> {
    usize::from_str_radix(text, 16).ok()
}

fn range(text: &str) -> Option<std::ops::RangeInclusive<usize>> {
    match text.split_once('-') {
        Some((first, last)) => Some(number(first)?..=number(last)?),
        None => None,
    }
}

/// Writes consecutive characters of `<code> <text>`.
fn fill(table: &mut [u16], line: &str) -> Option<()> {
    let (code, text) = line.split_once(' ')?;
    let mut slots = table.get_mut(number(code)?..)?.iter_mut();
    text.chars().try_for_each(|c| {
        *slots.next()? = u16::try_from(u32::from(c)).ok()?;
        Some(())
    })
}

impl Tables {
    /// Reads a codec's section of the data, after its base's.
    fn read(name: &str) -> Option<Self> {
        let mut lines =
            DATA.lines().skip_while(|line| line.strip_prefix("# ").and_then(|l| l.split(' ').next()) != Some(name));
        let base = lines.next()?.rsplit(' ').next()?;
        let double = if base.is_empty() { vec![0; 0x1_0000] } else { Self::read(base)?.double };
        let mut tables = Self {
            leads: [false; 256],
            singles: [0; 256],
            double,
            triple: Vec::new(),
            four: Vec::new(),
            encode: Vec::new(),
        };
        let mut exceptions = Vec::new();
        for line in lines.take_while(|line| !line.starts_with('#')) {
            let (tag, rest) = line.split_once(' ')?;
            match tag {
                "L" => tables.leads.get_mut(range(rest)?)?.fill(true),
                "-" => tables.double.get_mut(range(rest)?)?.fill(0),
                "1" => fill(&mut tables.singles, rest)?,
                "+" => fill(&mut tables.double, rest)?,
                "3" => {
                    tables.triple.resize(0x1_0000, 0);
                    fill(&mut tables.triple, rest)?;
                }
                _ => {
                    let mut numbers = rest.split(' ').map(number);
                    let mut next = || numbers.next().flatten();
                    match tag {
                        "4" => tables.four.push((next()? as u32, next()? as u32, next()? as u32)),
                        "=" => exceptions.push((next()?, next()? as u16)),
                        _ => return None,
                    }
                }
            }
        }
        tables.invert();
        exceptions.into_iter().for_each(|(c, code)| tables.encode[c & 0xFFFF] = code);
        Some(tables)
    }

    /// Fills `encode`: the lowest code wins, and shorter ones before longer ones.
    fn invert(&mut self) {
        let mut encode = vec![0; 0x1_0000];
        let mut add = |table: &[u16], mask: usize| {
            for (code, &c) in table.iter().enumerate().filter(|&(_, &c)| c != 0) {
                let slot: &mut u16 = &mut encode[usize::from(c)];
                if *slot == 0 {
                    *slot = (code & mask) as u16;
                }
            }
        };
        add(&self.singles, 0xFF);
        add(&self.double, 0xFFFF);
        add(&self.triple, 0xFF7F);
        self.encode = encode;
    }
}

/// What stands at the start of some bytes.
enum Step {
    Point(u32, usize),
    Incomplete,
    Illegal,
}

impl Step {
    /// A table's answer for a code of this length.
    fn found(table: &[u16], high: u8, low: u8, len: usize) -> Self {
        match table.get(usize::from(high) << 8 | usize::from(low)) {
            None | Some(0) => Self::Illegal,
            Some(&c) => Self::Point(u32::from(c), len),
        }
    }
}

fn step(charset: Charset, tables: &Tables, s: &[u8]) -> Step {
    let Some(&lead) = s.first() else { return Step::Incomplete };
    if lead < 0x80 {
        return Step::Point(u32::from(lead), 1);
    }
    if tables.singles[usize::from(lead)] != 0 {
        return Step::Point(u32::from(tables.singles[usize::from(lead)]), 1);
    }
    if !tables.leads[usize::from(lead)] {
        return Step::Illegal;
    }
    match (charset, s) {
        (_, [_]) => Step::Incomplete,
        (Charset::Gb18030, [_, b'0'..=b'9', ..]) => four_bytes(tables, s),
        (Charset::EucKr, [0xA4, 0xD4, ..]) => hangul_made_up(s),
        (Charset::EucJp, [0x8F, _]) => Step::Incomplete,
        (Charset::EucJp, &[0x8F, high, low, ..]) => Step::found(&tables.triple, high, low, 3),
        (_, &[high, low, ..]) => Step::found(&tables.double, high, low, 2),
        (_, []) => Step::Incomplete,
    }
}

/// The linear index of U+10000 among gb18030's four-byte codes.
const GB_ASTRAL: u32 = 189_000;

fn four_bytes(tables: &Tables, s: &[u8]) -> Step {
    let Some(&[a, b, c, d]) = s.first_chunk::<4>() else { return Step::Incomplete };
    if !matches!((a, c, d), (0x81..=0xFE, 0x81..=0xFE, b'0'..=b'9')) {
        return Step::Illegal;
    }
    let digit = |byte: u8, zero: u8| u32::from(byte - zero);
    let index = ((digit(a, 0x81) * 10 + digit(b, b'0')) * 126 + digit(c, 0x81)) * 10 + digit(d, b'0');
    if index >= GB_ASTRAL {
        let point = index - GB_ASTRAL + 0x1_0000;
        return if point <= 0x10_FFFF { Step::Point(point, 4) } else { Step::Illegal };
    }
    let run = tables.four.partition_point(|run| run.0 <= index);
    match run.checked_sub(1).map(|run| tables.four[run]) {
        Some((first, point, len)) if index - first < len => Step::Point(point + index - first, 4),
        _ => Step::Illegal,
    }
}

fn push_four_bytes(index: u32, out: &mut Vec<u8>) {
    let digit = |divisor: u32, radix: u32, zero: u8| (index / divisor % radix) as u8 + zero;
    out.extend([digit(12_600, 126, 0x81), digit(1260, 10, b'0'), digit(10, 126, 0x81), digit(1, 10, b'0')]);
}

/// The letters of a Hangul syllable's parts, as the compatibility jamo that KS X 1001 has in row A4.
const INITIALS: &str = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ";
const FINALS: &str = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ";
const FILLER: u8 = 0xD4;

fn jamo_of(byte: u8) -> Option<char> {
    char::from_u32(0x3131 + u32::from(byte.checked_sub(0xA1)?)).filter(|_| byte < FILLER)
}

fn byte_of(jamo: char) -> u8 {
    (u32::from(jamo) - 0x3131) as u8 + 0xA1
}

/// A syllable spelled as filler, initial, vowel and final (KS X 1001:1998, annex 3).
fn hangul_made_up(s: &[u8]) -> Step {
    let Some(&[_, _, a, initial, b, vowel, c, last]) = s.first_chunk::<8>() else { return Step::Incomplete };
    let place = |letters: &str, byte: u8| letters.chars().position(|letter| Some(letter) == jamo_of(byte));
    let last = if last == FILLER { Some(0) } else { place(FINALS, last).map(|i| i + 1) };
    match (place(INITIALS, initial), vowel, last) {
        (Some(initial), 0xBF..=0xD3, Some(last)) if [a, b, c] == [0xA4; 3] => {
            let index = initial as u32 * 588 + u32::from(vowel - 0xBF) * 28 + last as u32;
            Step::Point(crate::props::HANGUL_BASE + index, 8)
        }
        _ => Step::Illegal,
    }
}

fn push_hangul_made_up(syllable: u32, out: &mut Vec<u8>) {
    let (initial, vowel, last) = (syllable / 588, syllable % 588 / 28, syllable % 28);
    let letter = |letters: &str, place: u32| letters.chars().nth(place as usize).map_or(FILLER, byte_of);
    let last = last.checked_sub(1).map_or(FILLER, |place| letter(FINALS, place));
    out.extend([0xA4, FILLER, 0xA4, letter(INITIALS, initial), 0xA4, 0xBF + vowel as u8, 0xA4, last]);
}

/// Decodes.
pub fn decode(charset: Charset, input: &[u8], from: usize, last: bool, sink: &mut impl Sink) -> Outcome<usize> {
    let tables = charset.tables();
    let mut at = from;
    loop {
        let tail = rest(input, at);
        let ascii = u8::ascii_prefix(tail);
        sink.push_latin1(&tail[..ascii]);
        at += ascii;
        while let Some(0x80..) = input.get(at) {
            match step(charset, tables, &input[at..]) {
                Step::Point(c, len) => {
                    sink.push(c);
                    at += len;
                }
                Step::Incomplete if last => return error(at, input.len(), INCOMPLETE),
                Step::Incomplete => return Ok(at),
                Step::Illegal => return error(at, at + 1, ILLEGAL),
            }
        }
        if at >= input.len() {
            return Ok(at);
        }
    }
}

/// Appends one code point beyond ASCII; false when the codec has none.
fn push(charset: Charset, tables: &Tables, c: u32, out: &mut Vec<u8>) -> bool {
    match tables.encode.get(c as usize).copied().unwrap_or(0) {
        0 => {}
        code @ 1..0x100 => {
            out.push(code as u8);
            return true;
        }
        code => {
            let [high, low] = code.to_be_bytes();
            if charset == Charset::EucJp && low < 0x80 {
                out.extend([0x8F, high, low | 0x80]);
            } else {
                out.extend([high, low]);
            }
            return true;
        }
    }
    let syllable = c.wrapping_sub(crate::props::HANGUL_BASE);
    match charset {
        Charset::EucKr if syllable < crate::props::HANGUL_COUNT => push_hangul_made_up(syllable, out),
        Charset::Gb18030 if c > 0xFFFF => push_four_bytes(c - 0x1_0000 + GB_ASTRAL, out),
        Charset::Gb18030 if !is_surrogate(c) => {
            let Some(run) = tables.four.iter().find(|run| (run.1..run.1 + run.2).contains(&c)) else { return false };
            push_four_bytes(run.0 + c - run.1, out);
        }
        _ => return false,
    }
    true
}

/// Encodes; an error covers one character.
pub fn encode<U: Unit>(charset: Charset, s: &[U], from: usize, out: &mut Vec<u8>) -> Outcome<()> {
    let tables = charset.tables();
    for (i, unit) in rest(s, from).iter().enumerate() {
        match unit.point() {
            c @ 0..0x80 => out.push(c as u8),
            c => {
                if !push(charset, tables, c, out) {
                    return error(from + i, from + i + 1, ILLEGAL);
                }
            }
        }
    }
    Ok(())
}
