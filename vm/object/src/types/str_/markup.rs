//! The syntax of `str.format`: literals, replacement fields, field names. No values here.

use std::ops::Range;
use typhon_unicode as uni;

/// A replacement field, as ranges of the format string.
#[derive(Clone, Debug, Default)]
pub struct Field {
    /// What to format: `0.attr[key]`.
    pub name: Range<usize>,
    /// The format spec.
    pub spec: Range<usize>,
    /// The character after `!`.
    pub conversion: Option<u32>,
    /// The spec has replacement fields of its own.
    pub nested: bool,
}

/// A literal and the field after it, if any.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Text to copy.
    pub literal: Range<usize>,
    /// The field.
    pub field: Option<Field>,
}

/// The first part of a field name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum First {
    /// Nothing: the next argument.
    Auto,
    /// A position.
    Index(usize),
    /// A keyword.
    Name(Range<usize>),
}

/// A later part of a field name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// `.name`
    Attr(Range<usize>),
    /// `[123]`
    Index(usize),
    /// `[key]`
    Key(Range<usize>),
}

/// A ValueError's text.
pub type Bad = &'static str;

const OPEN: u32 = '{' as u32;
const CLOSE: u32 = '}' as u32;
const COLON: u32 = ':' as u32;
const BANG: u32 = '!' as u32;
const LEFT: u32 = '[' as u32;
const RIGHT: u32 = ']' as u32;
const DOT: u32 = '.' as u32;

/// Reads the next piece at `*at`; `None` at the end.
pub fn next_piece(text: &[u32], at: &mut usize) -> Result<Option<Piece>, Bad> {
    if *at >= text.len() {
        return Ok(None);
    }
    let start = *at;
    let brace = text[start..].iter().position(|&c| c == OPEN || c == CLOSE);
    let Some(brace) = brace.map(|i| i + start) else {
        *at = text.len();
        return Ok(Some(Piece { literal: start..text.len(), field: None }));
    };
    let (c, doubled) = (text[brace], text.get(brace + 1) == Some(&text[brace]));
    if doubled {
        *at = brace + 2;
        return Ok(Some(Piece { literal: start..brace + 1, field: None }));
    }
    if c == CLOSE {
        return Err("Single '}' encountered in format string");
    }
    if brace + 1 == text.len() {
        return Err("Single '{' encountered in format string");
    }
    *at = brace + 1;
    let field = field(text, at)?;
    Ok(Some(Piece { literal: start..brace, field: Some(field) }))
}

fn field(text: &[u32], at: &mut usize) -> Result<Field, Bad> {
    let start = *at;
    let mut end = None;
    while end.is_none() && *at < text.len() {
        let c = text[*at];
        *at += 1;
        match c {
            OPEN => return Err("unexpected '{' in field name"),
            LEFT => *at += text[*at..].iter().position(|&c| c == RIGHT).unwrap_or(text.len() - *at),
            CLOSE | COLON | BANG => end = Some(c),
            _ => {}
        }
    }
    let Some(end) = end else { return Err("expected '}' before end of string") };
    let mut out = Field { name: start..*at - 1, ..Field::default() };
    if end == CLOSE {
        return Ok(out);
    }
    if end == BANG {
        let Some(&c) = text.get(*at) else { return Err("end of string while looking for conversion specifier") };
        out.conversion = Some(c);
        *at += 1;
        match text.get(*at) {
            Some(&CLOSE) => {
                *at += 1;
                return Ok(out);
            }
            Some(&COLON) => *at += 1,
            Some(_) => return Err("expected ':' after conversion specifier"),
            None => {}
        }
    }
    let spec = *at;
    let mut depth = 1;
    while let Some(&c) = text.get(*at) {
        *at += 1;
        match c {
            OPEN => {
                out.nested = true;
                depth += 1;
            }
            CLOSE => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            out.spec = spec..*at - 1;
            return Ok(out);
        }
    }
    Err("unmatched '{' in format spec")
}

/// A decimal number of Unicode digits; `None` if it is none.
fn number(text: &[u32]) -> Result<Option<usize>, Bad> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut value = 0usize;
    for &c in text {
        let Some(digit) = uni::decimal_value(c) else { return Ok(None) };
        let next = value.checked_mul(10).and_then(|v| v.checked_add(usize::from(digit)));
        match next {
            Some(n) if n <= isize::MAX as usize => value = n,
            _ => return Err("Too many decimal digits in format string"),
        }
    }
    Ok(Some(value))
}

/// The first part of the field name in `name`, and where the rest begins.
pub fn first(text: &[u32], name: Range<usize>) -> Result<(First, usize), Bad> {
    let end = text[name.clone()].iter().position(|&c| c == DOT || c == LEFT).map_or(name.end, |i| i + name.start);
    let part = name.start..end;
    let first = match number(&text[part.clone()])? {
        Some(i) => First::Index(i),
        None if part.is_empty() => First::Auto,
        None => First::Name(part),
    };
    Ok((first, end))
}

/// The next part of a field name that ends at `end`; `None` when there is no more.
pub fn next_step(text: &[u32], at: &mut usize, end: usize) -> Result<Option<Step>, Bad> {
    if *at >= end {
        return Ok(None);
    }
    let start = *at + 1;
    let step = match text[*at] {
        DOT => {
            let stop = text[start..end].iter().position(|&c| c == DOT || c == LEFT).map_or(end, |i| i + start);
            *at = stop;
            Step::Attr(start..stop)
        }
        LEFT => {
            let Some(stop) = text[start..end].iter().position(|&c| c == RIGHT).map(|i| i + start) else {
                return Err("Missing ']' in format string");
            };
            *at = stop + 1;
            match number(&text[start..stop])? {
                Some(i) => Step::Index(i),
                None => Step::Key(start..stop),
            }
        }
        _ => return Err("Only '.' or '[' may follow ']' in format field specifier"),
    };
    match &step {
        Step::Attr(r) | Step::Key(r) if r.is_empty() => Err("Empty attribute in format string"),
        _ => Ok(Some(step)),
    }
}
