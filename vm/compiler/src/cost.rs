//! Cost: an upper bound of the memory that a source's tree takes, before there is one.
//!
//! The parser cannot be stopped and does not count what it takes, and a short text can make a big tree: `[],` is three
//! bytes, and a node, its place in the list under construction and three tokens. So what a text may become is looked at
//! first, token class by token class. Nothing is said about the text's validity; what looks odd costs more.

/// A token, with the room that a growing list of them has in reserve and gives up while it moves.
const TOKEN: usize = 24;
/// An expression: its token, its place in a tree, and its place in the list under construction.
const ATOM: usize = TOKEN + 64 + 96;
/// A string literal has parts beside the expression.
const TEXT: usize = ATOM + 40;
/// A list, and what it keeps of its own.
const OPEN: usize = ATOM + 16;
/// An operator boxes an operand.
const OPERATOR: usize = TOKEN + 72;
/// A statement ends.
const END: usize = TOKEN + 88 + 132;
/// An atom right after another is the end of a statement to a parser that goes on after an error, which it notes.
const STRAY: usize = 160;
/// Copies of the text: as it came, with other line ends, as the scanner has it, and the tree's.
const COPIES: usize = 4;

/// Where in the text we are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Between tokens; whether the last one was an atom.
    Code {
        atom: bool,
    },
    /// In a name, keyword or number of so many bytes; whether those are a formatted string's prefix.
    Word {
        len: usize,
        formats: bool,
    },
    Comment,
    /// After so many opening quotes.
    Opening {
        quote: u8,
        quotes: u8,
    },
    /// In a string that so many quotes end, of which some have come.
    Text {
        quote: u8,
        quotes: u8,
        seen: u8,
        escaped: bool,
    },
}

/// A running estimate.
pub struct Cost {
    bytes: usize,
    at: At,
    /// Brackets that are open: in them a line's end ends nothing.
    open: usize,
    /// A formatted string has come: where strings end is not known from there on, so everything counts as code.
    loose: bool,
}

impl Default for Cost {
    fn default() -> Self {
        Self { bytes: 0, at: At::Code { atom: false }, open: 0, loose: false }
    }
}

impl Cost {
    /// So much of the text so far.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Looks at more text.
    pub fn feed(&mut self, text: &[u8]) {
        self.bytes += text.len() * COPIES;
        for &b in text {
            self.byte(b);
        }
    }

    #[inline]
    fn byte(&mut self, b: u8) {
        match self.at {
            At::Comment if b != b'\n' => {}
            At::Text { quote, quotes, seen, escaped } => self.in_text(b, (quote, quotes), seen, escaped),
            At::Opening { quote, quotes } => match (b == quote, quotes) {
                (true, 1) => self.at = At::Opening { quote, quotes: 2 },
                (true, _) => self.at = At::Text { quote, quotes: 3, seen: 0, escaped: false },
                (false, 1) => {
                    self.at = At::Text { quote, quotes: 1, seen: 0, escaped: false };
                    self.byte(b);
                }
                (false, _) => {
                    self.at = At::Code { atom: true };
                    self.byte(b);
                }
            },
            _ => self.in_code(b),
        }
    }

    fn in_text(&mut self, b: u8, (quote, quotes): (u8, u8), seen: u8, escaped: bool) {
        let text = |seen, escaped| At::Text { quote, quotes, seen, escaped };
        self.at = match b {
            _ if escaped => text(0, false),
            b'\\' => text(0, true),
            _ if b == quote && seen + 1 == quotes => At::Code { atom: true },
            _ if b == quote => text(seen + 1, false),
            // It is not closed: an error.
            b'\n' if quotes == 1 => {
                self.bytes += END;
                At::Code { atom: false }
            }
            _ => text(0, false),
        };
    }

    fn in_code(&mut self, b: u8) {
        if b.is_ascii_alphanumeric() || b == b'_' || b >= 0x80 {
            let formats = matches!(b | 0x20, b'f' | b't');
            self.at = match self.at {
                At::Word { len, formats: before } => At::Word { len: len + 1, formats: before || formats },
                at => {
                    self.bytes += if at == (At::Code { atom: true }) { ATOM + STRAY } else { ATOM };
                    At::Word { len: 1, formats }
                }
            };
            return;
        }
        let after_atom = matches!(self.at, At::Word { .. } | At::Code { atom: true });
        let mut atom = false;
        self.bytes += match b {
            b' ' | b'\t' | 0x0c => {
                atom = after_atom;
                0
            }
            b'\n' if self.open > 0 && !self.loose => TOKEN,
            b'\n' if self.at == (At::Code { atom: false }) => TOKEN,
            b'\n' | b';' => END,
            b'(' | b'[' | b'{' => {
                self.open += 1;
                OPEN
            }
            b')' | b']' | b'}' => {
                self.open = self.open.saturating_sub(1);
                atom = true;
                TOKEN
            }
            b',' | b'\\' => TOKEN,
            b'"' | b'\'' => return self.quote(b),
            b'#' if !self.loose => {
                self.at = At::Comment;
                // The line's end comes after it.
                self.bytes += if after_atom { END } else { TOKEN };
                return;
            }
            _ => OPERATOR,
        };
        self.at = At::Code { atom };
    }

    fn quote(&mut self, quote: u8) {
        self.loose |= matches!(self.at, At::Word { len: ..=2, formats: true });
        self.bytes += TEXT;
        self.at = if self.loose { At::Code { atom: true } } else { At::Opening { quote, quotes: 1 } };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> usize {
        let mut cost = Cost::default();
        cost.feed(text.as_bytes());
        cost.bytes() - text.len() * COPIES
    }

    #[test]
    fn words_in_strings_and_comments_cost_nothing() {
        assert_eq!(of("'a b c'"), TEXT);
        assert_eq!(of("'''a ' \"\" '' b'''"), TEXT);
        assert_eq!(of(r"'a\'b c'"), TEXT);
        assert_eq!(of("a# b c d"), ATOM + END);
        assert_eq!(of("'' + ''"), 2 * TEXT + OPERATOR);
    }

    #[test]
    fn after_a_formatted_string_everything_counts() {
        assert_eq!(of("f'{a}'"), ATOM + 2 * TEXT + OPEN + ATOM + TOKEN);
        assert_eq!(of("rb'a' 'b c'"), ATOM + 2 * TEXT);
        assert!(of("f'{\"a\"}'; 'b c d'") > of("'{\"a\"}'; 'b c d'") + 3 * ATOM);
    }

    #[test]
    fn a_statement_costs_more_than_an_element() {
        assert_eq!(of("[a,\nb]"), OPEN + 2 * ATOM + 3 * TOKEN);
        assert_eq!(of("a\nb\n\n"), 2 * (ATOM + END) + TOKEN);
        assert_eq!(of("a b"), 2 * ATOM + STRAY);
    }

    #[test]
    fn text_may_come_in_pieces() {
        let text = "x = [f'{a}', '''b'''] # c\n";
        let mut cost = Cost::default();
        text.as_bytes().iter().for_each(|b| cost.feed(&[*b]));
        assert_eq!(cost.bytes() - text.len() * COPIES, of(text));
    }
}
