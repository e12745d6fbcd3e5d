//! Keeps sources away that nest too deep for ruff's parser, before it sees them.

use super::lex::{Done, ScanOptions, Scanner, kind};

/// Operators that one expression may chain or nest.
const MAX_CHAIN: usize = 30_000;

/// An upper bound of how deep the source's tree is; `None` when it is too deep for ruff's parser.
pub fn depth_bound(text: &str) -> Option<usize> {
    // Every level takes an operator or a keyword, and most sources have too few of them to be deep.
    let bytes = text.as_bytes();
    let keyword = |at: usize| {
        let rest = &bytes[at..];
        [&b"not"[..], b"else", b"lambda", b"await", b"yield"].iter().any(|k| rest.starts_with(k))
    };
    let level = |(at, b): (usize, &u8)| match b {
        b'_' | b'"' | b'\'' | b'#' | b',' => false,
        b'n' | b'e' | b'l' | b'a' | b'y' => keyword(at),
        b => b.is_ascii_punctuation(),
    };
    let loose = bytes.iter().enumerate().filter(|&pair| level(pair)).count();
    let bound = if loose <= MAX_CHAIN { loose } else { exact_bound(text) };
    (bound <= MAX_CHAIN).then_some(bound)
}

/// Operators per expression, with those around it.
fn exact_bound(text: &str) -> usize {
    let mut scanner = Scanner::new(text.as_bytes().to_vec(), ScanOptions::default());
    let mut levels: Vec<usize> = vec![0];
    let (mut total, mut worst) = (0usize, 0usize);
    // Fields of formatted strings stand beside one another, however many there are.
    let mut fields: Vec<bool> = vec![false];
    let mut in_string = false;
    loop {
        let token = scanner.next(&mut || None);
        if token.kind == kind::ERRORTOKEN || token.kind == kind::ENDMARKER {
            break;
        }
        let counts = match scanner.bytes(token.start, token.end) {
            b"(" | b"[" | b"{" => {
                levels.push(0);
                fields.push(in_string);
                in_string = false;
                true
            }
            b")" | b"]" | b"}" if levels.len() > 1 => {
                total -= levels.pop().unwrap_or(0);
                in_string = fields.pop().unwrap_or(false);
                !in_string
            }
            _ if kind::is_string_part(token.kind) => {
                in_string = token.kind != kind::FSTRING_END && token.kind != kind::TSTRING_END;
                false
            }
            b"," | b";" => false,
            _ if token.kind == kind::NEWLINE => false,
            b"not" | b"lambda" | b"await" | b"if" | b"else" | b"for" | b"yield" => true,
            _ => matches!(token.kind, 7..=54),
        };
        let Some(level) = levels.last_mut() else { break };
        if counts {
            *level += 1;
            total += 1;
            worst = worst.max(total);
        } else if token.kind == kind::NEWLINE || matches!(token.kind, 12 | 13) {
            total -= *level;
            *level = 0;
        }
    }
    // After an error of the scanner ruff may read on: count what is left as one chain.
    if scanner.done != Done::Eof {
        let rest = text.len().saturating_sub(scanner.cur);
        return worst.max(total + rest.min(MAX_CHAIN + 1));
    }
    worst
}
