//! Percent: printf-style formats, parsed once into pieces, and their numbers.

use crate::float_text::{self, Style, Switches};
use crate::format_spec::TextLayout;
use crate::{IBig, NumError, Poll, int, int_text};
use std::ops::Range;

/// A number that is written in the format, taken from the arguments, or absent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    Absent,
    /// `*`: the next argument.
    Argument,
    Given(usize),
}

/// One conversion.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The mapping key, as a range of the format.
    pub key: Option<Range<usize>>,
    pub flags: Flags,
    pub width: Count,
    pub precision: Count,
    /// The conversion character; `%` too, when it came with anything in front.
    pub code: u32,
    /// Where the conversion character stands.
    pub at: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags {
    pub left: bool,
    pub sign: bool,
    pub blank: bool,
    pub alternate: bool,
    pub zero: bool,
}

/// A stretch of the format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Piece {
    /// Copied as it stands.
    Literal(Range<usize>),
    Convert(Conversion),
}

/// Reads the format piece by piece, so that arguments are consumed before a later piece's error is noticed.
pub struct Pieces<'a> {
    text: &'a [u32],
    at: usize,
}

impl<'a> Pieces<'a> {
    /// Over code points, or bytes widened to them.
    pub fn new(text: &'a [u32]) -> Self {
        Pieces { text, at: 0 }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).map(|&c| u8::try_from(c).unwrap_or(0xff))
    }

    fn take(&mut self, c: u8) -> bool {
        let found = self.peek() == Some(c);
        self.at += usize::from(found);
        found
    }

    /// `%` has been read; reads the rest of the conversion.
    fn conversion(&mut self) -> Result<Conversion, NumError> {
        let key = if self.take(b'(') { Some(self.key()?) } else { None };
        let flags = self.flags();
        let width = self.count("width too big", i64::MAX)?;
        let precision = if self.take(b'.') {
            match self.count("precision too big", i64::from(i32::MAX))? {
                Count::Absent => Count::Given(0),
                count => count,
            }
        } else {
            Count::Absent
        };
        if matches!(self.peek(), Some(b'h' | b'l' | b'L')) {
            self.at += 1;
        }
        let at = self.at;
        let Some(&code) = self.text.get(at) else {
            return Err(NumError::value("incomplete format"));
        };
        self.at += 1;
        Ok(Conversion { key, flags, width, precision, code, at })
    }

    /// A parenthesized key; parentheses nest.
    fn key(&mut self) -> Result<Range<usize>, NumError> {
        let start = self.at;
        let mut depth = 1;
        while let Some(c) = self.peek() {
            self.at += 1;
            match c {
                b'(' => depth += 1,
                b')' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok(start..self.at - 1);
            }
        }
        Err(NumError::value("incomplete format key"))
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(c) = self.peek() {
            match c {
                b'-' => flags.left = true,
                b'+' => flags.sign = true,
                b' ' => flags.blank = true,
                b'#' => flags.alternate = true,
                b'0' => flags.zero = true,
                _ => break,
            }
            self.at += 1;
        }
        flags
    }

    fn count(&mut self, too_big: &'static str, max: i64) -> Result<Count, NumError> {
        if self.take(b'*') {
            return Ok(Count::Argument);
        }
        let mut value = None;
        while let Some(c @ b'0'..=b'9') = self.peek() {
            let digit = i64::from(c - b'0');
            let next = value.unwrap_or(0i64).checked_mul(10).and_then(|v| v.checked_add(digit));
            match next {
                Some(next) if next <= max => value = Some(next),
                _ => return Err(NumError::value(too_big)),
            }
            self.at += 1;
        }
        Ok(value.map_or(Count::Absent, |v| Count::Given(v as usize)))
    }
}

impl Iterator for Pieces<'_> {
    type Item = Result<Piece, NumError>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.at;
        if start >= self.text.len() {
            return None;
        }
        if self.take(b'%') {
            // "%%" alone is a literal percent sign.
            if self.take(b'%') {
                return Some(Ok(Piece::Literal(start + 1..start + 2)));
            }
            return Some(self.conversion().map(Piece::Convert));
        }
        while self.peek().is_some_and(|c| c != b'%') {
            self.at += 1;
        }
        Some(Ok(Piece::Literal(start..self.at)))
    }
}

/// "unsupported format character ..." for a conversion that the caller does not know.
pub fn unsupported(code: u32, at: usize) -> NumError {
    let shown = char::from_u32(code).filter(|_| (32..127).contains(&code)).unwrap_or('?');
    NumError::value(format!("unsupported format character '{shown}' (0x{code:x}) at index {at}"))
}

/// A conversion whose counts have been resolved: a negative `*` width has become the left flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    pub flags: Flags,
    pub width: usize,
    pub precision: Option<usize>,
}

impl Layout {
    /// Upper bound of the characters that width and precision alone ask for: charge this before rendering.
    pub fn size_bound(&self) -> u64 {
        (self.width as u64).saturating_add(self.precision.unwrap_or(0) as u64)
    }

    /// Pads a text of `len` characters (`s`, `r`, `a`), cut to the precision.
    pub fn text(&self, len: usize) -> TextLayout {
        let keep = self.precision.map_or(len, |p| p.min(len));
        self.pad(keep)
    }

    /// Pads one character (`c`), whatever the precision.
    pub fn character(&self) -> TextLayout {
        self.pad(1)
    }

    fn pad(&self, keep: usize) -> TextLayout {
        let fill = self.width.saturating_sub(keep);
        let (left, right) = if self.flags.left { (0, fill) } else { (fill, 0) };
        TextLayout { fill: u32::from(b' '), left, keep, right }
    }

    /// An integer under `d i u o x X`.
    pub fn int(&self, n: &IBig, code: u8, digits_max: u64, poll: &mut Poll) -> Result<String, NumError> {
        let (base, prefix) = match code {
            b'o' => (8, "0o"),
            b'x' => (16, "0x"),
            b'X' => (16, "0X"),
            _ => (10, ""),
        };
        if base == 10 {
            int_text::check_digits(n, digits_max)?;
        }
        let mut digits = String::new();
        int_text::push_digits(&int::magnitude(n), base, &mut digits, poll)?;
        if code == b'X' {
            digits.make_ascii_uppercase();
        }
        if let Some(precision) = self.precision.filter(|&p| p > digits.len()) {
            digits.insert_str(0, &"0".repeat(precision - digits.len()));
        }
        let prefix = if self.flags.alternate { prefix } else { "" };
        Ok(self.number(int::is_negative(n), prefix, &digits))
    }

    /// A float under `e E f F g G`.
    pub fn float(&self, x: f64, code: u8) -> String {
        let precision = self.precision.unwrap_or(6);
        let style = match code.to_ascii_lowercase() {
            b'e' => Style::Exp(precision),
            b'f' => Style::Fixed(precision),
            _ => Style::General(precision),
        };
        let upper = code.is_ascii_uppercase();
        let switches = Switches { alternate: self.flags.alternate, upper, add_dot_0: false };
        let text = float_text::format_with(x, style, switches);
        self.number(text.starts_with('-'), "", text.trim_start_matches('-'))
    }

    /// Sign, prefix, zeros or spaces, digits.
    fn number(&self, negative: bool, prefix: &str, digits: &str) -> String {
        let sign = match (negative, self.flags.sign, self.flags.blank) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        let fill = self.width.saturating_sub(sign.len() + prefix.len() + digits.len());
        let (spaces, zeros, after) = match (self.flags.left, self.flags.zero) {
            (true, _) => (0, 0, fill),
            (false, true) => (0, fill, 0),
            (false, false) => (fill, 0, 0),
        };
        let mut out = String::with_capacity(fill + sign.len() + prefix.len() + digits.len());
        out.extend(std::iter::repeat_n(' ', spaces));
        out.push_str(sign);
        out.push_str(prefix);
        out.extend(std::iter::repeat_n('0', zeros));
        out.push_str(digits);
        out.extend(std::iter::repeat_n(' ', after));
        out
    }
}
