//! White space at the start of a line, and lines that a backslash joins.

use super::kind::ERRORTOKEN;
use super::{Done, EOF, MAX_INDENT, MoreLines, Scanner, TAB_SIZE};

impl Scanner {
    fn tab_error(&mut self) -> u8 {
        self.done = Done::TabSpace;
        self.cur = self.inp;
        ERRORTOKEN
    }

    /// After a backslash: the line must end and another begin.
    pub(super) fn continuation(&mut self, more: MoreLines<'_>) -> bool {
        let mut c = self.next_char(more);
        if c == i32::from(b'\r') {
            c = self.next_char(more);
        }
        if c != i32::from(b'\n') {
            self.done = Done::LineCont;
            return false;
        }
        c = self.next_char(more);
        if c == EOF {
            self.done = Done::Eof;
            self.cur = self.inp;
            return false;
        }
        self.back(c);
        true
    }

    /// Reads the white space at the start of a line. Gives whether the line is blank, or an error.
    pub(super) fn indentation(&mut self, more: MoreLines<'_>) -> Result<bool, u8> {
        self.at_line_start = false;
        let (mut col, mut alt, mut continued) = (0u32, 0u32, 0u32);
        let c = loop {
            let c = self.next_char(more);
            match u8::try_from(c) {
                Ok(b' ') => (col, alt) = (col + 1, alt + 1),
                Ok(b'\t') => (col, alt) = ((col / TAB_SIZE + 1) * TAB_SIZE, alt + 1),
                Ok(b'\x0c') => (col, alt) = (0, 0),
                Ok(b'\\') => {
                    continued = if continued != 0 { continued } else { col };
                    if !self.continuation(more) {
                        return Err(ERRORTOKEN);
                    }
                }
                _ => break c,
            }
        };
        self.back(c);
        let blank = matches!(u8::try_from(c), Ok(b'#' | b'\n' | b'\r'));
        if !blank && self.brackets.is_empty() {
            if continued != 0 {
                (col, alt) = (continued, continued);
            }
            self.set_indent(col, alt)?;
        }
        Ok(blank)
    }

    fn set_indent(&mut self, col: u32, alt: u32) -> Result<(), u8> {
        let (top, alt_top) = self.indents.last().copied().unwrap_or((0, 0));
        if col == top {
            return if alt == alt_top { Ok(()) } else { Err(self.tab_error()) };
        }
        if col > top {
            if self.indents.len() >= MAX_INDENT {
                self.done = Done::TooDeep;
                self.cur = self.inp;
                return Err(ERRORTOKEN);
            }
            if alt <= alt_top {
                return Err(self.tab_error());
            }
            self.pending += 1;
            self.indents.push((col, alt));
            return Ok(());
        }
        while self.indents.len() > 1 && self.indents.last().is_some_and(|&(top, _)| col < top) {
            self.indents.pop();
            self.pending -= 1;
        }
        let (top, alt_top) = self.indents.last().copied().unwrap_or((0, 0));
        if col != top {
            self.done = Done::Dedent;
            self.cur = self.inp;
            return Err(ERRORTOKEN);
        }
        if alt == alt_top { Ok(()) } else { Err(self.tab_error()) }
    }
}
