//! The source text with its lines: byte offsets become lines and columns here only.

use crate::error::{ErrorKind, SyntaxError};
use ruff_text_size::{TextRange, TextSize};

/// A place: line from 1, columns from 0 in bytes and in characters.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    /// Line, from 1.
    pub line: u32,
    /// Bytes from the line's start.
    pub byte: u32,
    /// Characters from the line's start.
    pub chars: u32,
}

/// The text that AST ranges refer to.
#[derive(Clone, Debug)]
pub struct SourceMap {
    text: String,
    starts: Vec<u32>,
}

impl SourceMap {
    /// Finds the lines of `text`: they end with `\n`, `\r\n` or `\r`.
    pub fn new(text: String) -> Self {
        let bytes = text.as_bytes();
        let mut starts = vec![0];
        for (i, &b) in bytes.iter().enumerate() {
            if b == b'\n' || (b == b'\r' && bytes.get(i + 1) != Some(&b'\n')) {
                starts.push(i as u32 + 1);
            }
        }
        Self { text, starts }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text of a range; empty when the range is not one of this text.
    pub fn slice(&self, range: TextRange) -> &str {
        self.text.get(range.start().to_usize()..range.end().to_usize()).unwrap_or("")
    }

    /// Line (from 1) and byte column of an offset: all that code needs.
    pub fn line_byte(&self, offset: TextSize) -> (u32, u32) {
        let offset = offset.to_u32();
        let line = self.starts.partition_point(|&s| s <= offset).max(1);
        (line as u32, offset - self.starts[line - 1])
    }

    /// Where a line (from 1) begins; the text's end for a line past it.
    pub fn line_start(&self, line: u32) -> TextSize {
        let start = self.starts.get((line as usize).wrapping_sub(1));
        TextSize::new(start.copied().unwrap_or(self.text.len() as u32))
    }

    /// The place of an offset.
    pub fn place(&self, offset: TextSize) -> Place {
        let (line, byte) = self.line_byte(offset);
        let start = self.starts[line as usize - 1] as usize;
        let chars = match self.text.get(start..start + byte as usize) {
            Some(text) => text.chars().count() as u32,
            None => byte,
        };
        Place { line, byte, chars }
    }

    /// The text of a line (from 1) with its newline; `None` past the end.
    pub fn line_text(&self, line: u32) -> Option<&str> {
        let index = (line as usize).checked_sub(1)?;
        let start = *self.starts.get(index)? as usize;
        let end = self.starts.get(index + 1).map_or(self.text.len(), |&e| e as usize);
        self.text.get(start..end)
    }

    /// A `SyntaxError` of the compiler about a range. Its columns count bytes, as CPython's compiler has them; only
    /// errors of the parser count characters.
    pub fn error(&self, range: TextRange, message: impl Into<String>) -> SyntaxError {
        let start = self.place(range.start());
        let end = self.place(range.end());
        SyntaxError {
            kind: ErrorKind::Syntax,
            message: message.into(),
            line: start.line,
            col: Some(start.byte as i32 + 1),
            end_line: Some(end.line),
            end_col: Some(end.byte as i32 + 1),
            text: self.line_text(start.line).map(str::to_owned),
            incomplete: false,
            metadata: None,
        }
    }
}
