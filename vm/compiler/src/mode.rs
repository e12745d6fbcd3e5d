//! What is asked of one compilation.

use std::sync::Arc;

/// What the source is, as the third argument of `compile()` says.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub enum Mode {
    /// A module: `exec`.
    Exec,
    /// An expression: `eval`.
    Eval,
    /// One interactive statement, whose expression values are printed: `single`.
    Single,
    /// A function type comment: `func_type`; only an AST exists of it.
    FuncType,
}

/// Everything but the source.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the source is.
    pub mode: Mode,
    /// `co_filename`.
    pub filename: Arc<str>,
    /// `-O` level: 1 drops `assert` and makes `__debug__` false, 2 drops docstrings as well.
    pub optimize: u8,
    /// `PyCF_*` flags: the future features inherited from the caller, and the compile options.
    pub flags: u32,
    /// Whether the source came as text, so that a coding cookie is not looked at (`PyCF_IGNORE_COOKIE`).
    pub source_is_utf8: bool,
    /// The minor version of Python 3 whose grammar is meant (`ast.parse(feature_version=...)`).
    pub feature_version: Option<u8>,
    /// Digits that an int literal may have (`sys.set_int_max_str_digits`); 0 means any number.
    pub int_max_digits: u32,
    /// What a module's code returns.
    pub result: ModuleResult,
}

/// What the code of a module returns to whoever runs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, Default)]
pub enum ModuleResult {
    /// None, as in CPython.
    #[default]
    None,
    /// The value of its last statement, when that is an expression.
    LastExpression,
    /// The value of a `return` at the top level, which is allowed.
    Return,
}

impl Options {
    /// Options of a plain `compile(source, filename, mode)`.
    pub fn new(mode: Mode, filename: impl Into<Arc<str>>) -> Self {
        Self {
            mode,
            filename: filename.into(),
            optimize: 0,
            flags: 0,
            source_is_utf8: true,
            feature_version: None,
            int_max_digits: 4300,
            result: ModuleResult::None,
        }
    }
}

/// `PyCF_*` and `CO_FUTURE_*` numbers.
pub mod flag {
    /// `CO_FUTURE_DIVISION`.
    pub const FUTURE_DIVISION: u32 = 0x2_0000;
    /// `CO_FUTURE_ABSOLUTE_IMPORT`.
    pub const FUTURE_ABSOLUTE_IMPORT: u32 = 0x4_0000;
    /// `CO_FUTURE_WITH_STATEMENT`.
    pub const FUTURE_WITH_STATEMENT: u32 = 0x8_0000;
    /// `CO_FUTURE_PRINT_FUNCTION`.
    pub const FUTURE_PRINT_FUNCTION: u32 = 0x10_0000;
    /// `CO_FUTURE_UNICODE_LITERALS`.
    pub const FUTURE_UNICODE_LITERALS: u32 = 0x20_0000;
    /// `CO_FUTURE_BARRY_AS_BDFL`.
    pub const FUTURE_BARRY: u32 = 0x40_0000;
    /// `CO_FUTURE_GENERATOR_STOP`.
    pub const FUTURE_GENERATOR_STOP: u32 = 0x80_0000;
    /// `CO_FUTURE_ANNOTATIONS`.
    pub const FUTURE_ANNOTATIONS: u32 = 0x100_0000;
    /// Every future feature.
    pub const FUTURE_MASK: u32 = FUTURE_DIVISION
        | FUTURE_ABSOLUTE_IMPORT
        | FUTURE_WITH_STATEMENT
        | FUTURE_PRINT_FUNCTION
        | FUTURE_UNICODE_LITERALS
        | FUTURE_BARRY
        | FUTURE_GENERATOR_STOP
        | FUTURE_ANNOTATIONS;
    /// `PyCF_SOURCE_IS_UTF8`.
    pub const SOURCE_IS_UTF8: u32 = 0x100;
    /// `PyCF_DONT_IMPLY_DEDENT`.
    pub const DONT_IMPLY_DEDENT: u32 = 0x200;
    /// `PyCF_ONLY_AST`.
    pub const ONLY_AST: u32 = 0x400;
    /// `PyCF_IGNORE_COOKIE`.
    pub const IGNORE_COOKIE: u32 = 0x800;
    /// `PyCF_TYPE_COMMENTS`.
    pub const TYPE_COMMENTS: u32 = 0x1000;
    /// `PyCF_ALLOW_TOP_LEVEL_AWAIT`.
    pub const ALLOW_TOP_LEVEL_AWAIT: u32 = 0x2000;
    /// `PyCF_ALLOW_INCOMPLETE_INPUT`.
    pub const ALLOW_INCOMPLETE_INPUT: u32 = 0x4000;
    /// `PyCF_OPTIMIZED_AST`.
    pub const OPTIMIZED_AST: u32 = 0x8000;
}
