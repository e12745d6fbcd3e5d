//! What the compiler refuses and what it warns about, in CPython's terms.

use std::fmt;

/// The exception class a refusal becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum ErrorKind {
    /// `SyntaxError`.
    Syntax,
    /// `IndentationError`.
    Indentation,
    /// `TabError`.
    Tab,
    /// `MemoryError`.
    Memory,
    /// `RecursionError`.
    Recursion,
    /// `OverflowError`.
    Overflow,
    /// `ValueError`: null bytes in `eval` of bytes, an int literal with too many digits.
    Value,
    /// `TypeError`: a node of the wrong kind in a tree made in Python.
    Type,
    /// `SystemError`: too many nested something.
    System,
}

impl ErrorKind {
    /// The name of the Python exception class.
    pub const fn class_name(self) -> &'static str {
        match self {
            Self::Syntax => "SyntaxError",
            Self::Indentation => "IndentationError",
            Self::Tab => "TabError",
            Self::Memory => "MemoryError",
            Self::Recursion => "RecursionError",
            Self::Overflow => "OverflowError",
            Self::Value => "ValueError",
            Self::Type => "TypeError",
            Self::System => "SystemError",
        }
    }
}

/// A refusal to compile, with what a `SyntaxError` object carries.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyntaxError {
    /// Exception class.
    pub kind: ErrorKind,
    /// `msg`.
    pub message: String,
    /// `lineno`, from 1; 0 when there is none.
    pub line: u32,
    /// `offset`, from 1, in characters; CPython gives 0 and -1 for some errors.
    pub col: Option<i32>,
    /// `end_lineno`.
    pub end_line: Option<u32>,
    /// `end_offset`, from 1, in characters; CPython gives 0 and -1 for some errors.
    pub end_col: Option<i32>,
    /// `text`: the source line, with its newline when it has one.
    pub text: Option<String>,
    /// Whether more input could make it valid (`_IncompleteInputError`).
    pub incomplete: bool,
    /// `_metadata`: where the last whole compound statement began (line, byte column), and the source.
    pub metadata: Option<(u32, u32, String)>,
    /// What the parser remarked before it refused.
    pub warnings: Vec<Warning>,
}

impl SyntaxError {
    /// An error without a place, such as RecursionError and MemoryError.
    pub fn bare(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            line: 0,
            col: None,
            end_line: None,
            end_col: None,
            text: None,
            incomplete: false,
            metadata: None,
            warnings: Vec::new(),
        }
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} (line {}", self.kind.class_name(), self.message, self.line)?;
        if let Some(col) = self.col {
            write!(f, ", offset {col}")?;
        }
        f.write_str(")")
    }
}

impl std::error::Error for SyntaxError {}

/// The warning class a remark becomes.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum WarningCategory {
    /// `SyntaxWarning`.
    Syntax,
    /// `DeprecationWarning`.
    Deprecation,
}

/// A remark about source that compiles. The caller issues it; where its filter says "error", CPython raises a
/// `SyntaxError` with the same text and place, hence the range.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Warning {
    /// Warning class.
    pub category: WarningCategory,
    /// Text.
    pub message: String,
    /// Line, from 1.
    pub line: u32,
    /// Column, from 1, in characters.
    pub col: u32,
    /// Last line.
    pub end_line: u32,
    /// Column after the end, from 1, in characters.
    pub end_col: u32,
}

impl Warning {
    /// The text that the `SyntaxError` has where a filter turns this warning into one.
    pub fn error_message(&self) -> String {
        self.message.replace(" Such sequences will not work in the future.", "")
    }
}
