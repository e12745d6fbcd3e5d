//! Operators and brackets.

use super::{Bracket, MAX_LEVEL, ModeKind, MoreLines, Scanner, kind};

impl Scanner {
    /// An operator that begins with `c`.
    pub(super) fn operator(&mut self, start: usize, c: u8, more: MoreLines<'_>) -> (u8, Option<(usize, usize)>) {
        if matches!(c, b':' | b'}' | b'!' | b'{') && self.inside_quoted() && self.in_field() {
            let mode = self.mode_mut();
            let cursor = mode.brace_depth - i32::from(c != b'{');
            if c == b':' && cursor == mode.field_depth {
                mode.kind = ModeKind::Quoted;
                mode.in_format_spec = true;
                return self.text(11, start);
            }
        }
        let c2 = self.next_char(more);
        let two = [c, u8::try_from(c2).unwrap_or(0)];
        if let Some(kind) = kind::operator(&two) {
            let c3 = self.next_char(more);
            let three = [two[0], two[1], u8::try_from(c3).unwrap_or(0)];
            if let Some(kind) = kind::operator(&three) {
                return self.text(kind, start);
            }
            self.back(c3);
            return self.text(kind, start);
        }
        self.back(c2);
        let failed = match c {
            b'(' | b'[' | b'{' => self.open(start, c),
            b')' | b']' | b'}' => self.close(c),
            _ => None,
        };
        if let Some(kind) = failed {
            return (kind, None);
        }
        if !(0x20..0x7f).contains(&c) {
            return (self.fail(format!("invalid non-printable character U+{c:04X}")), None);
        }
        if c == b'=' && self.in_field() {
            let mode = self.mode_mut();
            if mode.brace_depth - 1 == mode.field_depth {
                mode.debug = true;
            }
        }
        self.text(kind::operator(&[c]).unwrap_or(kind::OP), start)
    }

    fn open(&mut self, start: usize, c: u8) -> Option<u8> {
        if self.brackets.len() >= MAX_LEVEL {
            return Some(self.fail("too many nested parentheses"));
        }
        let col = start as i32 - self.line_start as i32;
        self.brackets.push(Bracket { open: c, line: self.line, col });
        if self.inside_quoted() {
            self.mode_mut().brace_depth += 1;
        }
        None
    }

    fn close(&mut self, c: u8) -> Option<u8> {
        let (inside, letter) = (self.inside_quoted(), self.mode().letter as char);
        let shown = c as char;
        if inside && self.mode().brace_depth == 0 && c == b'}' {
            return Some(self.fail(format!("{letter}-string: single '}}' is not allowed")));
        }
        let extra = self.options.extra_tokens;
        if !extra && self.brackets.is_empty() {
            return Some(self.fail(format!("unmatched '{shown}'")));
        }
        if let Some(Bracket { open, line, .. }) = self.brackets.pop() {
            let matches = matches!((open, c), (b'(', b')') | (b'[', b']') | (b'{', b'}'));
            if !extra && !matches {
                return Some(self.mismatch(open, line, shown));
            }
        }
        if inside {
            let mode = self.mode_mut();
            mode.brace_depth -= 1;
            if mode.brace_depth < 0 {
                return Some(self.fail(format!("{letter}-string: unmatched '{shown}'")));
            }
            if c == b'}' && mode.brace_depth == mode.field_depth {
                mode.field_depth -= 1;
                mode.kind = ModeKind::Quoted;
                mode.in_format_spec = false;
                mode.debug = false;
            }
        }
        None
    }

    fn mismatch(&mut self, open: u8, line: u32, shown: char) -> u8 {
        let mode = self.mode();
        if self.inside_quoted() && open == b'{' && mode.brace_depth - 1 == mode.field_depth {
            let letter = mode.letter as char;
            return self.fail(format!("{letter}-string: unmatched '{shown}'"));
        }
        let open = open as char;
        let place = if line == self.line { String::new() } else { format!(" on line {line}") };
        self.fail(format!("closing parenthesis '{shown}' does not match opening parenthesis '{open}'{place}"))
    }
}
