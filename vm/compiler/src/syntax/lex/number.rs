//! Numbers.

use super::kind::{ERRORTOKEN, NUMBER};
use super::{MoreLines, Scanner, is_name_char};

type Found = (u8, Option<(usize, usize)>);

/// Whether a character is `0` to `9`.
pub(super) fn is_digit(c: i32) -> bool {
    u8::try_from(c).is_ok_and(|c| c.is_ascii_digit())
}

fn is(c: i32, letter: u8) -> bool {
    u8::try_from(c).is_ok_and(|c| c.eq_ignore_ascii_case(&letter))
}

impl Scanner {
    /// A number that starts with `first`.
    pub(super) fn number(&mut self, start: usize, first: u8, more: MoreLines<'_>) -> Found {
        if first != b'0' {
            let Some(c) = self.decimal_tail(more) else { return (ERRORTOKEN, None) };
            return self.after_integer(start, c, more);
        }
        let c = self.next_char(more);
        if is(c, b'x') {
            return self.radix(start, "hexadecimal", |c| c.is_ascii_hexdigit(), more);
        }
        if is(c, b'o') {
            return self.radix(start, "octal", |c| (b'0'..b'8').contains(&c), more);
        }
        if is(c, b'b') {
            return self.radix(start, "binary", |c| c == b'0' || c == b'1', more);
        }
        self.leading_zero(start, c, more)
    }

    /// `.5`, with its first digit read.
    pub(super) fn number_fraction(&mut self, start: usize, c: i32, more: MoreLines<'_>) -> Found {
        let mut c = c;
        if is_digit(c) {
            match self.decimal_tail(more) {
                Some(next) => c = next,
                None => return (ERRORTOKEN, None),
            }
        }
        self.exponent(start, c, more)
    }

    fn radix(&mut self, start: usize, name: &str, is_part: fn(u8) -> bool, more: MoreLines<'_>) -> Found {
        let part = |c: i32| u8::try_from(c).is_ok_and(is_part);
        let mut c = self.next_char(more);
        loop {
            if is(c, b'_') {
                c = self.next_char(more);
            }
            if !part(c) {
                if name != "hexadecimal" && is_digit(c) {
                    return self.bad_digit(c, name);
                }
                self.back(c);
                return (self.fail(format!("invalid {name} literal")), None);
            }
            while part(c) {
                c = self.next_char(more);
            }
            if !is(c, b'_') {
                break;
            }
        }
        if name != "hexadecimal" && is_digit(c) {
            return self.bad_digit(c, name);
        }
        self.finish(start, c, name, more)
    }

    fn bad_digit(&mut self, c: i32, name: &str) -> Found {
        let digit = char::from(u8::try_from(c).unwrap_or(b'?'));
        (self.fail(format!("invalid digit '{digit}' in {name} literal")), None)
    }

    fn leading_zero(&mut self, start: usize, first: i32, more: MoreLines<'_>) -> Found {
        let mut c = first;
        loop {
            if is(c, b'_') {
                c = self.next_char(more);
                if !is_digit(c) {
                    return self.bad_decimal(c);
                }
            }
            if !is(c, b'0') {
                break;
            }
            c = self.next_char(more);
        }
        let zeros_end = self.cur;
        let nonzero = is_digit(c);
        if nonzero {
            match self.decimal_tail(more) {
                Some(next) => c = next,
                None => return (ERRORTOKEN, None),
            }
        }
        if is(c, b'.') || is(c, b'e') || is(c, b'j') {
            return self.after_integer(start, c, more);
        }
        if nonzero && !self.options.extra_tokens {
            self.back(c);
            let range = (start + 1 - self.line_start, zeros_end - self.line_start);
            let message = "leading zeros in decimal integer literals are not permitted; \
                           use an 0o prefix for octal integers";
            return (self.fail_range(message, Some(range)), None);
        }
        self.finish(start, c, "decimal", more)
    }

    fn after_integer(&mut self, start: usize, c: i32, more: MoreLines<'_>) -> Found {
        if is(c, b'.') {
            let c = self.next_char(more);
            return self.number_fraction(start, c, more);
        }
        self.exponent(start, c, more)
    }

    fn exponent(&mut self, start: usize, c: i32, more: MoreLines<'_>) -> Found {
        let mut c = c;
        if is(c, b'e') {
            let e = c;
            c = self.next_char(more);
            if is(c, b'+') || is(c, b'-') {
                c = self.next_char(more);
                if !is_digit(c) {
                    return self.bad_decimal(c);
                }
            } else if !is_digit(c) {
                self.back(c);
                if !self.check_end(e, "decimal", more) {
                    return (ERRORTOKEN, None);
                }
                self.back(e);
                return self.text(NUMBER, start);
            }
            match self.decimal_tail(more) {
                Some(next) => c = next,
                None => return (ERRORTOKEN, None),
            }
        }
        if is(c, b'j') {
            let c = self.next_char(more);
            return self.finish(start, c, "imaginary", more);
        }
        self.finish(start, c, "decimal", more)
    }

    fn finish(&mut self, start: usize, c: i32, name: &str, more: MoreLines<'_>) -> Found {
        if !self.check_end(c, name, more) {
            return (ERRORTOKEN, None);
        }
        self.back(c);
        self.text(NUMBER, start)
    }

    fn bad_decimal(&mut self, c: i32) -> Found {
        self.back(c);
        (self.fail("invalid decimal literal"), None)
    }

    /// The digits after the first; gives the character after them.
    fn decimal_tail(&mut self, more: MoreLines<'_>) -> Option<i32> {
        loop {
            let mut c = self.next_char(more);
            while is_digit(c) {
                c = self.next_char(more);
            }
            if !is(c, b'_') {
                return Some(c);
            }
            c = self.next_char(more);
            if !is_digit(c) {
                self.bad_decimal(c);
                return None;
            }
        }
    }

    /// A number may touch the keywords that can follow a value, but no other name.
    fn check_end(&mut self, c: i32, name: &str, more: MoreLines<'_>) -> bool {
        if self.options.extra_tokens {
            return true;
        }
        let keyword = match u8::try_from(c) {
            Ok(b'a') => self.follows(b"nd", more),
            Ok(b'e') => self.follows(b"lse", more),
            Ok(b'f') => self.follows(b"or", more),
            Ok(b'o') => self.follows(b"r", more),
            Ok(b'n') => self.follows(b"ot", more),
            Ok(b'i') => {
                let c2 = self.next_char(more);
                self.back(c2);
                matches!(u8::try_from(c2), Ok(b'f' | b'n' | b's'))
            }
            _ => false,
        };
        if !keyword && c < 128 && is_name_char(c) {
            self.back(c);
            self.fail(format!("invalid {name} literal"));
            return false;
        }
        true
    }

    fn follows(&mut self, rest: &[u8], more: MoreLines<'_>) -> bool {
        let mut read = Vec::new();
        let mut good = true;
        for &want in rest {
            let c = self.next_char(more);
            read.push(c);
            if c != i32::from(want) {
                good = false;
                break;
            }
        }
        if good {
            let c = self.next_char(more);
            read.push(c);
            good = !is_name_char(c);
        }
        for &c in read.iter().rev() {
            self.back(c);
        }
        good
    }
}
