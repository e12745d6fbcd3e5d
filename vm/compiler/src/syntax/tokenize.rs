//! What `_tokenize.TokenizerIter` yields: tokens with their text, places in characters, and lines.

use super::lex::kind::*;
use super::lex::{Done, MoreLines, ScanOptions, Scanner, Token};
use crate::error::{ErrorKind, SyntaxError};

/// One token as Python sees it. Columns count characters from 0 and are -1 where there is no text.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenInfo {
    /// Kind, as in the `token` module.
    pub kind: u8,
    /// Text.
    pub text: String,
    /// Line and column of the start.
    pub start: (u32, i32),
    /// Line and column of the end.
    pub end: (u32, i32),
    /// The line, or the lines of a string.
    pub line: String,
}

/// The iterator behind `tokenize`.
pub struct TokenizerIter {
    scanner: Scanner,
    extra_tokens: bool,
    done: bool,
}

impl TokenizerIter {
    /// With `extra_tokens`, comments and line breaks are given too, and operators are all `OP`.
    pub fn new(extra_tokens: bool) -> Self {
        let options = ScanOptions { extra_tokens, type_comments: false };
        Self { scanner: Scanner::by_lines(options), extra_tokens, done: false }
    }

    /// The next token; `None` after the end. `more` gives the lines, with their ends, and `None` at the end.
    pub fn next(&mut self, more: MoreLines<'_>) -> Option<Result<TokenInfo, SyntaxError>> {
        if self.done {
            return None;
        }
        let token = self.scanner.next(more);
        if token.kind == ERRORTOKEN {
            self.done = true;
            return Some(Err(self.error()));
        }
        self.done = token.kind == ENDMARKER;
        Some(Ok(self.info(token)))
    }

    fn text(&self, start: usize, end: usize) -> String {
        String::from_utf8_lossy(self.scanner.bytes(start, end)).into_owned()
    }

    fn chars(&self, start: usize, end: usize) -> i32 {
        self.text(start, end).chars().count() as i32
    }

    fn info(&self, token: Token) -> TokenInfo {
        let scanner = &self.scanner;
        let in_string = is_string_part(token.kind);
        let trailing = token.kind == ENDMARKER || (token.kind == DEDENT && scanner.done == Done::Eof);
        let line_start = if in_string { scanner.multi_line_start } else { scanner.line_start };
        let line = if self.extra_tokens && trailing {
            String::new()
        } else {
            let whole = scanner.inp - usize::from(scanner.implicit_newline && scanner.inp > line_start);
            self.text(line_start, whole)
        };
        let (mut start, mut end) = ((token.line, -1), (token.end_line, -1));
        if token.has_text && token.start >= line_start {
            start.1 = self.chars(line_start, token.start);
        }
        if token.has_text && token.end >= scanner.line_start {
            end.1 = if start.0 == end.0 {
                start.1 + self.chars(token.start, token.end)
            } else {
                self.chars(scanner.line_start, token.end)
            };
        }
        let mut text = if token.has_text { self.text(token.start, token.end) } else { String::new() };
        let mut kind = token.kind;
        if self.extra_tokens {
            if trailing {
                (start, end) = ((start.0 + 1, 0), (start.0 + 1, 0));
            }
            match kind {
                NEWLINE => {
                    text = match (scanner.implicit_newline, text.starts_with('\r')) {
                        (true, _) => String::new(),
                        (false, true) => "\r\n".to_owned(),
                        (false, false) => "\n".to_owned(),
                    };
                    end.1 += 1;
                }
                NL if scanner.implicit_newline => text.clear(),
                7..=54 => kind = OP,
                _ => {}
            }
        }
        TokenInfo { kind, text, start, end, line }
    }

    fn error(&mut self) -> SyntaxError {
        let scanner = &mut self.scanner;
        if let Some(found) = scanner.error.take() {
            let mut error = SyntaxError::bare(ErrorKind::Syntax, found.message);
            (error.line, error.col) = (found.line, Some(found.col));
            (error.end_line, error.end_col) = (Some(found.line), Some(found.end_col));
            error.text = Some(found.text);
            return error;
        }
        let (class, message) = match scanner.done {
            Done::Dedent => (ErrorKind::Indentation, "unindent does not match any outer indentation level"),
            Done::TabSpace => (ErrorKind::Tab, "inconsistent use of tabs and spaces in indentation"),
            Done::TooDeep => (ErrorKind::Indentation, "too many levels of indentation"),
            Done::LineCont => (ErrorKind::Syntax, "unexpected character after line continuation character"),
            Done::Eof => {
                let mut error = SyntaxError::bare(ErrorKind::Syntax, "unexpected EOF in multi-line statement");
                error.line = scanner.line;
                error.col = Some((scanner.inp - scanner.buf) as i32);
                return error;
            }
            _ => (ErrorKind::Syntax, "unknown tokenization error"),
        };
        let (start, end) = (scanner.line_start, scanner.inp);
        let mut error = SyntaxError::bare(class, message);
        error.line = scanner.line;
        let text = self.text(start, end);
        error.col = Some(text.chars().count() as i32);
        error.text = Some(text.trim_end_matches('\n').to_owned());
        error
    }
}
