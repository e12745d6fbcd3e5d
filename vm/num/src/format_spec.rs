//! Format spec: the format mini-language, its errors, and how numbers come out under it.

mod number;
mod parse;

pub(crate) use number::{Number, aligned, sign_text};
pub use number::{format_complex, format_float, format_int, format_int_char, format_text};
pub use parse::parse;

use crate::NumError;
use std::fmt::Write;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    Left,
    Right,
    Center,
    /// `=`: the fill stands between the sign and the digits.
    AfterSign,
}

/// What stands between groups of digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Grouping {
    #[default]
    None,
    Comma,
    Underscore,
    /// Underscores every four digits: bases 2, 8 and 16.
    UnderscoreFour,
    /// Type `n`: as the locale says.
    Locale,
}

/// How the locale writes numbers (`localeconv()`); the C locale is the default.
#[derive(Clone, Copy, Debug)]
pub struct Locale<'a> {
    pub decimal_point: &'a str,
    pub thousands_sep: &'a str,
    /// Group sizes from the right; the last repeats, 127 stops the grouping.
    pub grouping: &'a [u8],
}

impl Default for Locale<'_> {
    fn default() -> Self {
        Locale { decimal_point: ".", thousands_sep: "", grouping: &[] }
    }
}

/// The kinds of object that share the mini-language; they differ in defaults and in what they refuse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Str,
    Int,
    Float,
    Complex,
    Decimal,
}

/// A parsed spec.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// Code point of the fill, which may be a lone surrogate.
    pub fill: u32,
    /// The fill is a zero because of the `0` before the width.
    pub zero_flag: bool,
    pub align: Align,
    /// `+`, `-` or a space, if given.
    pub sign: Option<u8>,
    pub no_negative_zero: bool,
    pub alternate: bool,
    pub width: Option<usize>,
    pub grouping: Grouping,
    pub precision: Option<usize>,
    pub fraction_grouping: Grouping,
    /// The type character, if given.
    pub kind: Option<u32>,
}

impl Spec {
    /// Upper bound of the characters that width and precision alone can ask for: charge this before rendering.
    pub fn size_bound(&self) -> u64 {
        (self.width.unwrap_or(0) as u64).saturating_mul(2).saturating_add(self.precision.unwrap_or(0) as u64 * 2)
    }
}

/// A rendered number or text: fill, head (sign and prefix), fill, body, fill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rendered {
    pub fill: u32,
    pub left: usize,
    pub head: String,
    pub inner: usize,
    pub body: String,
    pub right: usize,
}

impl Rendered {
    /// Code points in all.
    pub fn len(&self) -> usize {
        let text = self.head.chars().count() + self.body.chars().count();
        self.left + self.inner + self.right + text
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole text; `None` when the fill is a lone surrogate, which no Rust string holds.
    pub fn into_string(self) -> Option<String> {
        let fill = char::from_u32(self.fill)?;
        let pad = |count| std::iter::repeat_n(fill, count);
        let mut out: String = pad(self.left).collect();
        out.push_str(&self.head);
        out.extend(pad(self.inner));
        out.push_str(&self.body);
        out.extend(pad(self.right));
        Some(out)
    }
}

/// How a text of known length is cut and padded: `keep` characters between `left` and `right` fills.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextLayout {
    pub fill: u32,
    pub left: usize,
    pub keep: usize,
    pub right: usize,
}

/// "Unknown format code ..." for a type character that the object does not know.
pub fn unknown_code(code: u32, type_name: &str) -> NumError {
    NumError::value(format!("Unknown format code {} for object of type '{type_name}'", quoted(code)))
}

/// A character as CPython quotes it here: itself if printable ASCII, else `\x` and its hex digits.
fn quoted(code: u32) -> String {
    let mut out = String::from("'");
    match char::from_u32(code) {
        Some(c) if (33..128).contains(&code) => out.push(c),
        _ => {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\x{code:x}");
        }
    }
    out.push('\'');
    out
}

/// Splits padding around `len` characters for a width and an alignment: (left, inner, right).
fn padding(width: Option<usize>, align: Align, len: usize) -> (usize, usize, usize) {
    let total = width.unwrap_or(0).saturating_sub(len);
    match align {
        Align::Left => (0, 0, total),
        Align::Right => (total, 0, 0),
        Align::Center => (total / 2, 0, total - total / 2),
        Align::AfterSign => (0, total, 0),
    }
}
