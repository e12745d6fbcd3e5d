//! Text of literals: strings with lone surrogates, big ints, docstrings.

use crate::source::SourceMap;
use ruff_python_ast::{ExprStringLiteral, InterpolatedElement, StringFlags, StringLiteral};
use ruff_text_size::{Ranged, TextRange};
use std::sync::Arc;
use typhon_isa::Const;

/// The value of a string literal as generalized UTF-8.
pub(crate) fn string(s: &ExprStringLiteral, map: &SourceMap) -> Arc<[u8]> {
    let mut out = Vec::new();
    for part in s.value.as_slice() {
        out.extend_from_slice(&literal(part, map));
    }
    out.into()
}

/// The value of one part of a string literal.
pub(crate) fn literal(part: &StringLiteral, map: &SourceMap) -> Vec<u8> {
    let raw = part.flags.prefix().is_raw();
    let open = part.flags.opener_len();
    let close = part.flags.closer_len();
    let range = part.range();
    if raw || range.len() < open + close {
        return part.value.as_bytes().to_vec();
    }
    piece(&part.value, TextRange::new(range.start() + open, range.end() - close), map, false)
}

/// `value` with the lone surrogates that its source text names put back: the parser has U+FFFD for them. `braces` says
/// that `{{` and `}}` stand for one brace.
pub(crate) fn piece(value: &str, content: TextRange, map: &SourceMap, braces: bool) -> Vec<u8> {
    let source = map.slice(content);
    if !value.contains('\u{fffd}') || !source.contains('\\') {
        return value.as_bytes().to_vec();
    }
    let mut out = Vec::with_capacity(value.len());
    let mut values = value.chars();
    let mut rest = source;
    let push = |c: Option<char>, out: &mut Vec<u8>| {
        if let Some(c) = c {
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
    };
    while let Some(c) = rest.chars().next() {
        let mut used = c.len_utf8();
        if c == '\\' {
            let (len, surrogate, count) = escape(&rest[1..]);
            used = 1 + len;
            match surrogate {
                Some(unit) => {
                    values.next();
                    let b = [0xe0 | (unit >> 12) as u8, 0x80 | (unit >> 6 & 0x3f) as u8, 0x80 | (unit & 0x3f) as u8];
                    out.extend_from_slice(&b);
                }
                None => (0..count).for_each(|_| push(values.next(), &mut out)),
            }
        } else {
            if c == '\r' && rest[1..].starts_with('\n') || braces && (c == '{' || c == '}') && rest[1..].starts_with(c)
            {
                used += 1;
            }
            push(values.next(), &mut out);
        }
        rest = rest.get(used..).unwrap_or("");
    }
    values.for_each(|c| push(Some(c), &mut out));
    out
}

/// What stands after a backslash: its length, the surrogate it names if it does, and how many characters it makes.
fn escape(after: &str) -> (usize, Option<u32>, usize) {
    let Some(c) = after.chars().next() else { return (0, None, 1) };
    let hex = |n: usize| {
        let code = after.get(1..1 + n).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        (1 + n, code.filter(|c| (0xd800..0xe000).contains(c)), 1)
    };
    match c {
        '\n' => (1, None, 0),
        '\r' => (if after.starts_with("\r\n") { 2 } else { 1 }, None, 0),
        'u' => hex(4),
        'U' => hex(8),
        'x' => (3, None, 1),
        'N' => (after.find('}').map_or(1, |i| i + 1), None, 1),
        '0'..='7' => (after.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count(), None, 1),
        '\\' | '\'' | '"' | 'a' | 'b' | 'f' | 'n' | 'r' | 't' | 'v' => (1, None, 1),
        // Not an escape: the backslash stays.
        _ => (c.len_utf8(), None, 2),
    }
}

/// Joins strings. `'\ud83d' '\ude00'` stays two code points, as in Python: surrogates are never merged.
pub(crate) fn join(parts: &[&[u8]]) -> Arc<[u8]> {
    parts.concat().into()
}

/// The value of an int literal of any size, as written without underscores.
pub(crate) fn big_int(literal: &str) -> Option<Const> {
    let lower = literal.to_ascii_lowercase();
    let (digits, radix) = match lower.get(..2) {
        Some("0x") => (&lower[2..], 16),
        Some("0o") => (&lower[2..], 8),
        Some("0b") => (&lower[2..], 2),
        _ => (lower.as_str(), 10),
    };
    let digits: Vec<u8> = digits.bytes().filter(|b| *b != b'_').collect();
    let value = typhon_num::int_text::digits_to_int(&digits, radix, &mut || Ok(())).ok()?;
    Some(match i64::try_from(&value) {
        Ok(small) => Const::Int(small),
        Err(_) => Const::BigInt { negative: false, magnitude: value.to_le_bytes() },
    })
}

/// A docstring without the indentation that all its lines share, its tabs expanded (`inspect.cleandoc`, less so).
pub(crate) fn clean_doc(doc: &[u8]) -> Arc<[u8]> {
    let doc = expand_tabs(doc);
    let mut lines = doc.split_inclusive(|b| *b == b'\n');
    let Some(first) = lines.next() else { return doc.into() };
    let indent = |line: &[u8]| line.iter().take_while(|b| **b == b' ').count();
    let blank = |line: &[u8]| matches!(line.get(indent(line)), None | Some(b'\n'));
    let margin = lines.clone().filter(|l| !blank(l)).map(indent).min().unwrap_or(0);
    let mut out = first[indent(first)..].to_vec();
    for line in lines {
        out.extend_from_slice(&line[margin.min(indent(line))..]);
    }
    out.into()
}

fn expand_tabs(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut column = 0;
    for &b in text {
        match b {
            b'\t' => {
                let spaces = 8 - column % 8;
                out.resize(out.len() + spaces, b' ');
                column += spaces;
                continue;
            }
            b'\n' | b'\r' => column = 0,
            0x80..0xc0 => {}
            _ => column += 1,
        }
        out.push(b);
    }
    out
}

/// The text of a field's expression: all from the brace to what ends the expression, less its comments.
pub(crate) fn field_source(field: &InterpolatedElement, map: &SourceMap) -> Const {
    if let Some(kept) = map.constant(field) {
        return kept.clone();
    }
    let inner = field.expression.range();
    let text = map.text();
    let open = field.range.start().to_usize() + 1;
    let after = text.get(inner.end().to_usize()..field.range.end().to_usize()).unwrap_or("");
    let mut end = inner.end().to_usize();
    let mut in_comment = false;
    for c in after.chars() {
        match c {
            '!' | ':' | '}' | '=' if !in_comment => break,
            '#' => in_comment = true,
            '\n' => in_comment = false,
            _ => {}
        }
        end += c.len_utf8();
    }
    Const::str(&without_comments(text.get(open..end).unwrap_or("")))
}

/// Source text without its comments.
pub(crate) fn without_comments(source: &str) -> String {
    if !source.contains('#') {
        return source.to_owned();
    }
    let mut out = String::with_capacity(source.len());
    let (mut quote, mut escaped, mut in_comment) = (None, false, false);
    for c in source.chars() {
        match (quote, c) {
            _ if in_comment && c != '\n' => continue,
            (None, '#') => {
                in_comment = true;
                continue;
            }
            (None, '\'' | '"') => quote = Some(c),
            (Some(q), _) if c == q && !escaped => quote = None,
            _ => {}
        }
        in_comment = false;
        escaped = quote.is_some() && c == '\\' && !escaped;
        out.push(c);
    }
    out
}
