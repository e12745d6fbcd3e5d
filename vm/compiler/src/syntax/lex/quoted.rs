//! String literals, f-strings and t-strings.

use super::kind::*;
use super::{Done, EOF, MAX_FIELD_NESTING, MAX_MODES, ModeKind, MoreLines, ScanMode, Scanner};

type Found = (u8, Option<(usize, usize)>);

impl Scanner {
    /// A string or bytes literal whose first quote has been read.
    pub(super) fn string(&mut self, start: usize, quote: u8, more: MoreLines<'_>) -> Found {
        let quote_char = i32::from(quote);
        self.first_line = self.line;
        self.multi_line_start = self.line_start;
        let (mut size, mut ending, mut escaped_quote) = (1, 0, false);
        let mut c = self.next_char(more);
        if c == quote_char {
            c = self.next_char(more);
            if c == quote_char {
                size = 3;
            } else {
                ending = 1;
            }
        }
        if c != quote_char {
            self.back(c);
        }
        while ending != size {
            c = self.next_char(more);
            if self.done == Done::Error {
                return (ERRORTOKEN, None);
            }
            if c == EOF || (size == 1 && c == i32::from(b'\n')) {
                return self.unterminated(start, quote, size, c, escaped_quote);
            }
            if c == quote_char {
                ending += 1;
                continue;
            }
            ending = 0;
            if c == i32::from(b'\\') {
                c = self.next_char(more);
                escaped_quote |= c == quote_char;
                if c == i32::from(b'\r') {
                    self.next_char(more);
                }
            }
        }
        self.text(STRING, start)
    }

    /// Reports from the literal's first quote.
    fn unterminated(&mut self, start: usize, quote: u8, size: usize, c: i32, escaped_quote: bool) -> Found {
        self.cur = start + 1;
        self.line_start = self.multi_line_start;
        let detected = self.line;
        self.line = self.first_line;
        if self.inside_quoted() {
            let mode = self.mode();
            if mode.quote == quote && mode.quote_size == size {
                let letter = mode.letter as char;
                return (self.fail(format!("{letter}-string: expecting '}}'")), None);
            }
        }
        if size == 3 {
            self.fail(format!("unterminated triple-quoted string literal (detected at line {detected})"));
            if c != i32::from(b'\n') {
                self.done = Done::EofInString;
            }
            return (ERRORTOKEN, None);
        }
        let hint = if escaped_quote { "; perhaps you escaped the end quote?" } else { "" };
        self.fail(format!("unterminated string literal (detected at line {detected}){hint}"));
        if c != i32::from(b'\n') {
            self.done = Done::EolInString;
        }
        (ERRORTOKEN, None)
    }

    /// The prefix and quote of an f-string or t-string, with its first quote read.
    pub(super) fn quoted_start(&mut self, start: usize, quote: u8, more: MoreLines<'_>) -> Found {
        let quote_char = i32::from(quote);
        self.first_line = self.line;
        self.multi_line_start = self.line_start;
        let mut size = 1;
        let after = self.next_char(more);
        if after == quote_char {
            let third = self.next_char(more);
            if third == quote_char {
                size = 3;
            } else {
                self.back(third);
                self.back(after);
            }
        } else {
            self.back(after);
        }
        let prefix = self.bytes(start, self.cur - size).to_ascii_lowercase();
        let letter = if prefix.contains(&b't') { b't' } else { b'f' };
        let end = self.cur;
        if self.modes.len() >= MAX_MODES {
            return (self.fail("too many nested f-strings or t-strings"), None);
        }
        self.modes.push(ScanMode {
            kind: ModeKind::Quoted,
            letter,
            quote,
            quote_size: size,
            raw: prefix.contains(&b'r'),
            start,
            line_start: self.line_start,
            line: self.line,
            brace_depth: 0,
            field_depth: -1,
            in_format_spec: false,
            debug: false,
        });
        (if letter == b'f' { FSTRING_START } else { TSTRING_START }, Some((start, end)))
    }

    /// Text of an f-string, its end, or code of a replacement field.
    pub(super) fn quoted_text(&mut self, more: MoreLines<'_>) -> Found {
        let start = self.cur;
        self.start = Some(start);
        self.first_line = self.line;
        self.multi_line_start = self.line_start;
        let first = self.next_char(more);
        if first == i32::from(b'{') {
            let peek = self.next_char(more);
            self.back(peek);
            self.back(first);
            if peek != i32::from(b'{') {
                if let Some(kind) = self.enter_field() {
                    return (kind, None);
                }
                return self.regular(more);
            }
        } else {
            self.back(first);
        }
        let (quote, size, is_f) = (self.mode().quote, self.mode().quote_size, self.mode().letter == b'f');
        let mut seen = 0;
        while seen < size {
            let c = self.next_char(more);
            if c != i32::from(quote) {
                self.back(c);
                break;
            }
            seen += 1;
        }
        if seen == size {
            self.modes.pop();
            return self.text(if is_f { FSTRING_END } else { TSTRING_END }, start);
        }
        self.quoted_middle(start, more)
    }

    fn enter_field(&mut self) -> Option<u8> {
        let mode = self.mode_mut();
        mode.field_depth += 1;
        if mode.field_depth >= MAX_FIELD_NESTING {
            let letter = mode.letter as char;
            return Some(self.fail(format!("{letter}-string: expressions nested too deeply")));
        }
        mode.kind = ModeKind::Regular;
        None
    }

    fn leave_text(&mut self) {
        let mode = self.mode_mut();
        mode.kind = ModeKind::Regular;
        mode.in_format_spec = false;
    }

    fn quoted_middle(&mut self, start: usize, more: MoreLines<'_>) -> Found {
        let middle = if self.mode().letter == b'f' { FSTRING_MIDDLE } else { TSTRING_MIDDLE };
        self.multi_line_start = self.line_start;
        let (quote, size, raw) = (self.mode().quote, self.mode().quote_size, self.mode().raw);
        let (mut ending, mut named_escape) = (0, false);
        while ending != size {
            let c = self.next_char(more);
            if self.done == Done::Error {
                return (ERRORTOKEN, None);
            }
            let in_format_spec = self.mode().in_format_spec && self.in_field();
            if c == EOF || (size == 1 && c == i32::from(b'\n')) {
                return self.quoted_cut(start, c, in_format_spec);
            }
            if c == i32::from(quote) {
                ending += 1;
                continue;
            }
            ending = 0;
            match u8::try_from(c) {
                Ok(b'{') => {
                    let peek = self.next_char(more);
                    if peek != i32::from(b'{') || in_format_spec {
                        self.back(peek);
                        self.back(c);
                        let end = self.cur;
                        if let Some(kind) = self.enter_field() {
                            return (kind, None);
                        }
                        self.leave_text();
                        return (middle, Some((start, end)));
                    }
                    return (middle, Some((start, self.cur - 1)));
                }
                Ok(b'}') => return self.quoted_brace(start, c, named_escape, in_format_spec, middle, more),
                Ok(b'\\') => {
                    let mut peek = self.next_char(more);
                    if peek == i32::from(b'\r') {
                        peek = self.next_char(more);
                    }
                    if peek == i32::from(b'{') || peek == i32::from(b'}') {
                        self.back(peek);
                        continue;
                    }
                    if !raw && peek == i32::from(b'N') {
                        peek = self.next_char(more);
                        if peek == i32::from(b'{') {
                            named_escape = true;
                        } else {
                            self.back(peek);
                        }
                    }
                }
                _ => {}
            }
        }
        self.cur -= size;
        self.text(middle, start)
    }

    fn quoted_brace(
        &mut self,
        start: usize,
        c: i32,
        named_escape: bool,
        in_format_spec: bool,
        middle: u8,
        more: MoreLines<'_>,
    ) -> Found {
        if named_escape {
            return self.text(middle, start);
        }
        let peek = self.next_char(more);
        if peek == i32::from(b'}') && !in_format_spec && self.mode().brace_depth == 0 {
            return (middle, Some((start, self.cur - 1)));
        }
        self.back(peek);
        self.back(c);
        self.leave_text();
        self.text(middle, start)
    }

    /// The text or the line ended inside an f-string.
    fn quoted_cut(&mut self, start: usize, c: i32, in_format_spec: bool) -> Found {
        let mode = self.mode();
        let (letter, size) = (mode.letter as char, mode.quote_size);
        let (quoted_start, line_start, line) = (mode.start, mode.line_start, mode.line);
        if in_format_spec && c == i32::from(b'\n') {
            if size == 1 {
                let message = format!(
                    "{letter}-string: newlines are not allowed in format specifiers for single quoted {letter}-strings"
                );
                return (self.fail(message), None);
            }
            self.back(c);
            self.leave_text();
            return self.text(if letter == 'f' { FSTRING_MIDDLE } else { TSTRING_MIDDLE }, start);
        }
        self.cur = quoted_start + 1;
        self.line_start = line_start;
        let detected = self.line;
        self.line = line;
        if size == 3 {
            self.fail(format!("unterminated triple-quoted {letter}-string literal (detected at line {detected})"));
            if c != i32::from(b'\n') {
                self.done = Done::EofInString;
            }
            return (ERRORTOKEN, None);
        }
        (self.fail(format!("unterminated {letter}-string literal (detected at line {detected})")), None)
    }
}
