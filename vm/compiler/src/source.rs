//! The source text with its lines: byte offsets become lines and columns here only.

use crate::error::{ErrorKind, SyntaxError};
use ruff_python_ast::HasNodeIndex;
use ruff_text_size::{TextRange, TextSize};
use typhon_isa::Const;

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

/// The text that AST ranges refer to, or the places of a tree that was made without text.
#[derive(Clone, Debug)]
pub struct SourceMap {
    text: String,
    starts: Vec<u32>,
    made: Option<Box<Made>>,
}

/// What a tree made without text has in its place: offsets are numbers of places, [`Made::GAP`] apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Made {
    places: Vec<(u32, u32)>,
    consts: Vec<Const>,
}

impl Made {
    /// Room between two places, for what is computed from a place.
    const GAP: u32 = 16;
    /// From here on an offset means the beginning of a line.
    const LINES: u32 = 1 << 31;

    /// The offset of a new place; `None` when there are too many.
    pub(crate) fn place(&mut self, line: u32, col: u32) -> Option<TextSize> {
        let offset = u32::try_from(self.places.len()).ok()?.checked_mul(Self::GAP).filter(|o| *o < Self::LINES)?;
        self.places.push((line, col));
        Some(TextSize::new(offset))
    }

    /// Keeps a constant that no node can hold; the node that stands for it gets its number.
    pub(crate) fn keep(&mut self, node: &impl HasNodeIndex, value: Const) {
        node.node_index().set((self.consts.len() as u32).into());
        self.consts.push(value);
    }

    fn line_byte(&self, offset: u32) -> (u32, u32) {
        if offset >= Self::LINES {
            return (offset - Self::LINES, 0);
        }
        let (line, col) = self.places.get((offset / Self::GAP) as usize).copied().unwrap_or((1, 0));
        (line, col + offset % Self::GAP)
    }
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
        Self { text, starts, made: None }
    }

    /// The map of a tree that was made without text.
    pub(crate) fn of_made(made: Made) -> Self {
        Self { text: String::new(), starts: vec![0], made: Some(Box::new(made)) }
    }

    /// The constant that a node stands for.
    pub(crate) fn constant(&self, node: &impl HasNodeIndex) -> Option<&Const> {
        let made = self.made.as_ref()?;
        made.consts.get(node.node_index().load().as_u32()? as usize)
    }

    /// Whether the text of a range may contain `what`.
    pub(crate) fn may_contain(&self, range: TextRange, what: &str) -> bool {
        self.made.is_some() || self.slice(range).contains(what)
    }

    /// Where a definition begins once its decorators, the last of which ends at `decorated`, are passed.
    pub(crate) fn definition_start(&self, range: TextRange, decorated: Option<TextSize>) -> TextSize {
        let Some(end) = decorated.filter(|_| self.made.is_none()) else { return range.start() };
        let mut at = end.to_usize();
        let text = self.text.as_bytes();
        while let Some(b) = text.get(at) {
            match b {
                b'#' => at += text[at..].iter().take_while(|b| !matches!(b, b'\n' | b'\r')).count(),
                b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | b'\\' | b')' => at += 1,
                _ => break,
            }
        }
        TextSize::new(at as u32)
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
        if let Some(made) = &self.made {
            return made.line_byte(offset);
        }
        let line = self.starts.partition_point(|&s| s <= offset).max(1);
        (line as u32, offset - self.starts[line - 1])
    }

    /// Where a line (from 1) begins; the text's end for a line past it.
    pub fn line_start(&self, line: u32) -> TextSize {
        if self.made.is_some() {
            return TextSize::new(Made::LINES | line);
        }
        let start = self.starts.get((line as usize).wrapping_sub(1));
        TextSize::new(start.copied().unwrap_or(self.text.len() as u32))
    }

    /// The place of an offset.
    pub fn place(&self, offset: TextSize) -> Place {
        let (line, byte) = self.line_byte(offset);
        if self.made.is_some() {
            return Place { line, byte, chars: byte };
        }
        let start = self.starts[line as usize - 1] as usize;
        let chars = match self.text.get(start..start + byte as usize) {
            Some(text) => text.chars().count() as u32,
            None => byte,
        };
        Place { line, byte, chars }
    }

    /// The text of a line (from 1) with its newline; `None` past the end.
    pub fn line_text(&self, line: u32) -> Option<&str> {
        let index = (line as usize).checked_sub(1).filter(|_| self.made.is_none())?;
        let start = *self.starts.get(index)? as usize;
        let end = self.starts.get(index + 1).map_or(self.text.len(), |&e| e as usize);
        self.text.get(start..end)
    }

    /// A `SyntaxError` of the compiler about a range. Its columns count bytes, as CPython's compiler has them; only
    /// errors of the parser count characters and carry the line's text: others get it from the file.
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
            text: None,
            incomplete: false,
            metadata: None,
            warnings: Vec::new(),
        }
    }
}
