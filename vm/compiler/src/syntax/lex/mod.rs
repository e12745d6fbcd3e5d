//! The scanner: text to tokens, token by token as CPython's scanner gives them, with its errors.
//!
//! It runs where exact CPython behaviour shows: when a source is refused, and for the `tokenize` module. Its state is
//! visible to error messages (which line is being read, where the cursor stands), so the state has CPython's shape:
//! `buf..inp` is what has been read of the current line, `cur` the cursor, `start` the token's first byte.

mod indent;
pub mod kind;
mod name;
mod number;
mod operator;
mod quoted;

use kind::*;

/// End of text, as a character.
const EOF: i32 = -1;
/// Brackets may nest this deep.
const MAX_LEVEL: usize = 200;
/// Blocks may nest this deep, the module included.
const MAX_INDENT: usize = 100;
/// f-strings may nest this deep, the outermost level included.
const MAX_MODES: usize = 150;
/// Replacement fields may nest this deep.
const MAX_FIELD_NESTING: i32 = 3;
const TAB_SIZE: u32 = 8;

/// How scanning stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Done {
    /// More may come.
    Ok,
    /// The text ended.
    Eof,
    /// The text ended inside a triple-quoted string.
    EofInString,
    /// The text ended inside a single-quoted string.
    EolInString,
    /// A [`ScanError`] was made.
    Error,
    /// An indent that matches no outer one.
    Dedent,
    /// Tabs and spaces disagree.
    TabSpace,
    /// Too many levels of indentation.
    TooDeep,
    /// Something follows a backslash.
    LineCont,
}

/// An error with its own text; places are as CPython's scanner gives them.
#[derive(Clone, Debug)]
pub struct ScanError {
    /// Text.
    pub message: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub col: i32,
    /// Last column in characters, from 1.
    pub end_col: i32,
    /// The line without its end.
    pub text: String,
}

/// One token. Columns count bytes and are -1 where the token has no text.
#[derive(Clone, Copy, Debug)]
pub struct Token {
    /// Kind.
    pub kind: u8,
    /// First byte.
    pub start: usize,
    /// Byte after the last.
    pub end: usize,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 0.
    pub col: i32,
    /// Last line.
    pub end_line: u32,
    /// Column after the end.
    pub end_col: i32,
    /// Open brackets after the token.
    pub level: u16,
    /// Whether the token has text at all.
    pub has_text: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ModeKind {
    Regular,
    Quoted,
}

/// One level of f-string or t-string; the first level is plain code.
struct ScanMode {
    kind: ModeKind,
    letter: u8,
    quote: u8,
    quote_size: usize,
    raw: bool,
    start: usize,
    line_start: usize,
    line: u32,
    brace_depth: i32,
    field_depth: i32,
    in_format_spec: bool,
    debug: bool,
}

struct Bracket {
    open: u8,
    line: u32,
    col: i32,
}

/// Where more lines come from; `None` ends the text.
pub type MoreLines<'a> = &'a mut dyn FnMut() -> Option<String>;

/// What kind of scanner is wanted.
#[derive(Clone, Copy, Default, Debug)]
pub struct ScanOptions {
    /// Give comments and line breaks too, and forgive what only a parser minds.
    pub extra_tokens: bool,
    /// Give type comments.
    pub type_comments: bool,
}

/// The scanner.
pub struct Scanner {
    src: Vec<u8>,
    by_lines: bool,
    pub(super) options: ScanOptions,
    pub(in crate::syntax) cur: usize,
    pub(in crate::syntax) inp: usize,
    pub(in crate::syntax) buf: usize,
    pub(in crate::syntax) line_start: usize,
    pub(in crate::syntax) multi_line_start: usize,
    pub(in crate::syntax) start: Option<usize>,
    pub(in crate::syntax) line: u32,
    pub(in crate::syntax) first_line: u32,
    pub(in crate::syntax) done: Done,
    pub(in crate::syntax) error: Option<ScanError>,
    pub(in crate::syntax) implicit_newline: bool,
    at_line_start: bool,
    comment_newline: bool,
    indents: Vec<(u32, u32)>,
    pending: i32,
    brackets: Vec<Bracket>,
    modes: Vec<ScanMode>,
}

impl Scanner {
    /// A scanner over a whole text with `\n` line ends.
    pub fn new(src: Vec<u8>, options: ScanOptions) -> Self {
        Self::with_input(src, options, false)
    }

    /// Starts at a line that begins a statement outside all blocks; `line` lines come before it.
    pub fn skip_to(&mut self, offset: usize, line: u32) {
        (self.cur, self.inp, self.buf, self.line_start) = (offset, offset, offset, offset);
        self.line = line;
    }

    /// A scanner that asks for its lines.
    pub fn by_lines(options: ScanOptions) -> Self {
        Self::with_input(Vec::new(), options, true)
    }

    fn with_input(src: Vec<u8>, options: ScanOptions, by_lines: bool) -> Self {
        let plain = ScanMode {
            kind: ModeKind::Regular,
            letter: b'f',
            quote: 0,
            quote_size: 0,
            raw: false,
            start: 0,
            line_start: 0,
            line: 0,
            brace_depth: 0,
            field_depth: -1,
            in_format_spec: false,
            debug: false,
        };
        Self {
            src,
            by_lines,
            options,
            cur: 0,
            inp: 0,
            buf: 0,
            line_start: 0,
            multi_line_start: 0,
            start: None,
            line: 0,
            first_line: 0,
            done: Done::Ok,
            error: None,
            implicit_newline: false,
            at_line_start: true,
            comment_newline: false,
            indents: vec![(0, 0)],
            pending: 0,
            brackets: Vec::new(),
            modes: vec![plain],
        }
    }

    /// The text so far.
    pub fn source(&self) -> &[u8] {
        &self.src
    }

    /// Bytes of a range; empty when out of range.
    pub fn bytes(&self, start: usize, end: usize) -> &[u8] {
        self.src.get(start..end).unwrap_or(&[])
    }

    /// The innermost open bracket: character, line, byte column.
    pub fn open_bracket(&self) -> Option<(char, u32, i32)> {
        self.brackets.last().map(|b| (b.open as char, b.line, b.col))
    }

    /// The prefix letter of the innermost f-string or t-string.
    pub fn quoted_letter(&self) -> char {
        self.mode().letter as char
    }

    /// Ends every open block at the next token (interactive input).
    pub fn close_blocks(&mut self) {
        self.pending = -(self.indents.len() as i32 - 1);
        self.indents.truncate(1);
    }

    /// Whether a block is open.
    pub fn in_block(&self) -> bool {
        self.indents.len() > 1
    }

    /// The next token. After an [`ERRORTOKEN`], `done` and `error` say what is wrong.
    pub fn next(&mut self, more: MoreLines<'_>) -> Token {
        let (kind, span) = match self.mode().kind {
            ModeKind::Regular => self.regular(more),
            ModeKind::Quoted => self.quoted_text(more),
        };
        self.token(kind, span)
    }

    fn token(&self, kind: u8, span: Option<(usize, usize)>) -> Token {
        let in_string = is_string_part(kind);
        let (line, line_start) =
            if in_string { (self.first_line, self.multi_line_start) } else { (self.line, self.line_start) };
        let column = |at: usize, line_start: usize| if at >= line_start { (at - line_start) as i32 } else { -1 };
        let (start, end) = span.unwrap_or((self.cur, self.cur));
        Token {
            kind,
            start,
            end,
            line,
            col: if span.is_some() { column(start, line_start) } else { -1 },
            end_line: self.line,
            // The cursor, not the token's end: CPython's NEWLINE ends after the line break it leaves out.
            end_col: if span.is_some() { column(self.cur, self.line_start) } else { -1 },
            level: self.brackets.len() as u16,
            has_text: span.is_some(),
        }
    }

    fn mode(&self) -> &ScanMode {
        self.modes.last().unwrap_or_else(|| unreachable!("the plain mode is never left"))
    }

    fn mode_mut(&mut self) -> &mut ScanMode {
        self.modes.last_mut().unwrap_or_else(|| unreachable!("the plain mode is never left"))
    }

    /// Whether the scanner is inside an f-string or t-string.
    pub fn inside_quoted(&self) -> bool {
        self.modes.len() > 1
    }

    fn in_field(&self) -> bool {
        self.mode().field_depth >= 0
    }

    fn byte(&self, at: usize) -> u8 {
        self.src.get(at).copied().unwrap_or(0)
    }

    /// The next character; reads the next line when this one is used up.
    fn next_char(&mut self, more: MoreLines<'_>) -> i32 {
        loop {
            if self.cur != self.inp {
                let c = self.byte(self.cur);
                self.cur += 1;
                return i32::from(c);
            }
            if self.done != Done::Ok {
                return EOF;
            }
            if !self.read_line(more) {
                self.cur = self.inp;
                return EOF;
            }
            self.line_start = self.cur;
            if self.bytes(self.line_start, self.inp).contains(&0) {
                self.fail("source code cannot contain null bytes");
                self.cur = self.inp;
                return EOF;
            }
        }
    }

    fn read_line(&mut self, more: MoreLines<'_>) -> bool {
        if self.by_lines {
            if self.start.is_none() && !self.inside_quoted() {
                self.buf = self.cur;
            }
            match more() {
                Some(line) if !line.is_empty() => self.src.extend_from_slice(line.as_bytes()),
                _ => {
                    self.done = Done::Eof;
                    return false;
                }
            }
            self.implicit_newline = self.src.last() != Some(&b'\n');
            if self.implicit_newline {
                self.src.push(b'\n');
            }
            self.inp = self.src.len();
        } else {
            if self.inp >= self.src.len() {
                self.done = Done::Eof;
                return false;
            }
            if self.start.is_none() {
                self.buf = self.cur;
            }
            let rest = &self.src[self.inp..];
            self.inp += rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |i| i + 1);
        }
        self.line_start = self.cur;
        self.line += 1;
        true
    }

    fn back(&mut self, c: i32) {
        if c != EOF {
            self.cur = self.cur.saturating_sub(1);
        }
    }

    /// Makes an error that ends at the cursor.
    fn fail(&mut self, message: impl Into<String>) -> u8 {
        self.fail_range(message, None)
    }

    /// Makes an error with 1-based byte columns.
    fn fail_range(&mut self, message: impl Into<String>, range: Option<(usize, usize)>) -> u8 {
        if self.done == Done::Error {
            return ERRORTOKEN;
        }
        let line = &self.src[self.line_start.min(self.src.len())..];
        let line_len = line.iter().position(|&b| b == b'\n').unwrap_or(line.len());
        let chars = |bytes: &[u8]| String::from_utf8_lossy(bytes).chars().count() as i32;
        let until = |len: usize| line.get(..len.min(line.len())).unwrap_or(&[]);
        let (col, end_col) = match range {
            None => {
                let col = chars(until(self.cur.saturating_sub(self.line_start)));
                (col, col)
            }
            Some((start, end)) => (chars(until(start - 1)) + 1, chars(until(end.saturating_sub(1))) + 1),
        };
        let text = String::from_utf8_lossy(&line[..line_len]).into_owned();
        self.error = Some(ScanError { message: message.into(), line: self.line, col, end_col, text });
        self.done = Done::Error;
        ERRORTOKEN
    }

    /// A token of plain code.
    fn regular(&mut self, more: MoreLines<'_>) -> (u8, Option<(usize, usize)>) {
        loop {
            self.start = None;
            let mut blank = false;
            if self.at_line_start {
                match self.indentation(more) {
                    Ok(is_blank) => blank = is_blank,
                    Err(kind) => return (kind, None),
                }
            }
            self.start = Some(self.cur);
            if self.pending != 0 {
                return self.pending_block();
            }
            let c = self.next_char(more);
            self.back(c);
            if let Some(found) = self.after_indentation(blank, more) {
                return found;
            }
        }
    }

    fn pending_block(&mut self) -> (u8, Option<(usize, usize)>) {
        let extra = self.options.extra_tokens;
        if self.pending < 0 {
            self.pending += 1;
            (DEDENT, extra.then_some((self.cur, self.cur)))
        } else {
            self.pending -= 1;
            (INDENT, extra.then_some((self.buf, self.cur)))
        }
    }

    /// A token, or `None` to start again on the next line.
    fn after_indentation(&mut self, blank: bool, more: MoreLines<'_>) -> Option<(u8, Option<(usize, usize)>)> {
        loop {
            self.start = None;
            let mut c = self.next_char(more);
            while matches!(u8::try_from(c), Ok(b' ' | b'\t' | b'\x0c')) {
                c = self.next_char(more);
            }
            let start = if c == EOF { self.cur.saturating_sub(1) } else { self.cur - 1 };
            self.start = Some(start);
            if c == i32::from(b'#') {
                while c != EOF && c != i32::from(b'\n') && c != i32::from(b'\r') {
                    c = self.next_char(more);
                }
                if let Some(found) = self.comment(start, c, blank, more) {
                    return Some(found);
                }
            }
            if c == EOF {
                let ended = self.brackets.is_empty() && self.done == Done::Eof;
                return Some((if ended { ENDMARKER } else { ERRORTOKEN }, None));
            }
            let byte = c as u8;
            if byte.is_ascii_alphabetic() || byte == b'_' || byte >= 128 {
                return Some(self.name_or_string(start, c, more));
            }
            if byte == b'\r' {
                c = self.next_char(more);
            }
            if c == i32::from(b'\n') {
                return self.line_end(start, blank);
            }
            if byte == b'\\' {
                if !self.continuation(more) {
                    return Some((ERRORTOKEN, None));
                }
                continue;
            }
            return Some(self.number_quote_or_operator(start, c, more));
        }
    }

    fn number_quote_or_operator(&mut self, start: usize, c: i32, more: MoreLines<'_>) -> (u8, Option<(usize, usize)>) {
        let byte = u8::try_from(c).unwrap_or(0);
        if byte == b'.' {
            let c2 = self.next_char(more);
            if number::is_digit(c2) {
                return self.number_fraction(start, c2, more);
            }
            if c2 == i32::from(b'.') {
                let c3 = self.next_char(more);
                if c3 == i32::from(b'.') {
                    return self.text(52, start);
                }
                self.back(c3);
            }
            self.back(c2);
            return self.text(23, start);
        }
        if byte.is_ascii_digit() {
            return self.number(start, byte, more);
        }
        if byte == b'\'' || byte == b'"' {
            return self.string(start, byte, more);
        }
        self.operator(start, byte, more)
    }

    fn text(&self, kind: u8, start: usize) -> (u8, Option<(usize, usize)>) {
        (kind, Some((start, self.cur)))
    }

    fn line_end(&mut self, start: usize, blank: bool) -> Option<(u8, Option<(usize, usize)>)> {
        self.at_line_start = true;
        let extra = self.options.extra_tokens;
        if blank || !self.brackets.is_empty() {
            if !extra {
                return None;
            }
            self.comment_newline = false;
            return Some(self.text(NL, start));
        }
        if self.comment_newline && extra {
            self.comment_newline = false;
            return Some(self.text(NL, start));
        }
        Some((NEWLINE, Some((start, self.cur - 1))))
    }

    /// After a comment whose end `c` has been read: its token, if one is wanted.
    fn comment(
        &mut self,
        start: usize,
        c: i32,
        blank: bool,
        more: MoreLines<'_>,
    ) -> Option<(u8, Option<(usize, usize)>)> {
        if self.options.type_comments
            && let Some(found) = self.type_comment(start, c, blank, more)
        {
            return Some(found);
        }
        if !self.options.extra_tokens {
            return None;
        }
        self.back(c);
        self.comment_newline = blank;
        Some(self.text(COMMENT, start))
    }

    fn type_comment(
        &mut self,
        start: usize,
        c: i32,
        blank: bool,
        more: MoreLines<'_>,
    ) -> Option<(u8, Option<(usize, usize)>)> {
        let mut at = start;
        for want in *b"# type: " {
            if want == b' ' {
                while matches!(self.byte(at), b' ' | b'\t') && at < self.cur {
                    at += 1;
                }
            } else if at < self.cur && self.byte(at) == want {
                at += 1;
            } else {
                return None;
            }
        }
        self.back(c);
        let body = self.bytes(at, self.cur);
        let ignored =
            body.starts_with(b"ignore") && body.get(6).is_none_or(|b| b.is_ascii() && !b.is_ascii_alphanumeric());
        if !ignored {
            return Some((TYPE_COMMENT, Some((at, self.cur))));
        }
        let span = (at + 6, self.cur);
        if blank {
            self.next_char(more);
            self.at_line_start = true;
        }
        Some((TYPE_IGNORE, Some(span)))
    }
}

fn is_name_char(c: i32) -> bool {
    u8::try_from(c).is_ok_and(|c| c.is_ascii_alphanumeric() || c == b'_' || c >= 128)
}
