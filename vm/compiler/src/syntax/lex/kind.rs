//! Token kinds, with the numbers that Python's `token` module gives them.

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $value:literal,)*) => {
        $($(#[$doc])* pub const $name: u8 = $value;)*
        /// Names of the kinds, for grammar text.
        pub const NAMES: &[(&str, u8)] = &[$((stringify!($name), $value)),*];
    };
}

kinds! {
    /// End of the source.
    ENDMARKER = 0,
    /// Identifier or keyword.
    NAME = 1,
    /// Number.
    NUMBER = 2,
    /// String or bytes literal.
    STRING = 3,
    /// End of a logical line.
    NEWLINE = 4,
    /// Deeper block.
    INDENT = 5,
    /// End of a block.
    DEDENT = 6,
    /// Any operator, where exact kinds are not wanted.
    OP = 55,
    /// `# type: ignore`.
    TYPE_IGNORE = 56,
    /// `# type: ...`.
    TYPE_COMMENT = 57,
    /// Prefix and quote of an f-string.
    FSTRING_START = 59,
    /// Text of an f-string.
    FSTRING_MIDDLE = 60,
    /// Closing quote of an f-string.
    FSTRING_END = 61,
    /// Prefix and quote of a t-string.
    TSTRING_START = 62,
    /// Text of a t-string.
    TSTRING_MIDDLE = 63,
    /// Closing quote of a t-string.
    TSTRING_END = 64,
    /// Comment, where asked for.
    COMMENT = 65,
    /// Line break that ends no logical line, where asked for.
    NL = 66,
    /// Where tokens end in an error.
    ERRORTOKEN = 67,
}

/// Operators and their kinds; longest match wins.
pub const OPERATORS: &[(&str, u8)] = &[
    ("(", 7),
    (")", 8),
    ("[", 9),
    ("]", 10),
    (":", 11),
    (",", 12),
    (";", 13),
    ("+", 14),
    ("-", 15),
    ("*", 16),
    ("/", 17),
    ("|", 18),
    ("&", 19),
    ("<", 20),
    (">", 21),
    ("=", 22),
    (".", 23),
    ("%", 24),
    ("{", 25),
    ("}", 26),
    ("==", 27),
    ("!=", 28),
    ("<=", 29),
    (">=", 30),
    ("~", 31),
    ("^", 32),
    ("<<", 33),
    (">>", 34),
    ("**", 35),
    ("+=", 36),
    ("-=", 37),
    ("*=", 38),
    ("/=", 39),
    ("%=", 40),
    ("&=", 41),
    ("|=", 42),
    ("^=", 43),
    ("<<=", 44),
    (">>=", 45),
    ("**=", 46),
    ("//", 47),
    ("//=", 48),
    ("@", 49),
    ("@=", 50),
    ("->", 51),
    ("...", 52),
    (":=", 53),
    ("!", 54),
];

/// Keywords; keyword `i` has kind `FIRST_KEYWORD + i` in the grammar.
pub const KEYWORDS: &[&str] = &[
    "False", "None", "True", "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del",
    "elif", "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda", "nonlocal",
    "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// Names that are keywords in some places only.
pub const SOFT_KEYWORDS: &[&str] = &["_", "case", "match", "type"];

/// Kind of the first keyword.
pub const FIRST_KEYWORD: u8 = 100;

/// The kind of an operator's text.
pub fn operator(text: &[u8]) -> Option<u8> {
    OPERATORS.iter().find(|(op, _)| op.as_bytes() == text).map(|&(_, kind)| kind)
}

/// The grammar's kind of a keyword.
pub fn keyword(text: &[u8]) -> Option<u8> {
    KEYWORDS.iter().position(|k| k.as_bytes() == text).map(|i| FIRST_KEYWORD + i as u8)
}

/// Whether a kind is part of a string, whose place is where it starts and not where the scanner stands.
pub fn is_string_part(kind: u8) -> bool {
    matches!(kind, STRING | FSTRING_START..=TSTRING_END)
}
