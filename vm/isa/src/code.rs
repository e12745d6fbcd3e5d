//! A code object: what the compiler makes and everybody shares.

use crate::{constant::Const, word::Word};
use std::sync::Arc;

/// `co_flags`, with CPython's numbers.
pub struct CodeFlags;

impl CodeFlags {
    /// Locals live in registers, not in a namespace.
    pub const OPTIMIZED: u32 = 0x0001;
    /// A call makes a new locals namespace.
    pub const NEWLOCALS: u32 = 0x0002;
    /// Has `*args`.
    pub const VARARGS: u32 = 0x0004;
    /// Has `**kwargs`.
    pub const VARKEYWORDS: u32 = 0x0008;
    /// Is nested in a function.
    pub const NESTED: u32 = 0x0010;
    /// Is a generator.
    pub const GENERATOR: u32 = 0x0020;
    /// Is a coroutine.
    pub const COROUTINE: u32 = 0x0080;
    /// A generator that may be awaited (`types.coroutine`).
    pub const ITERABLE_COROUTINE: u32 = 0x0100;
    /// Is an async generator.
    pub const ASYNC_GENERATOR: u32 = 0x0200;
    /// `from __future__ import annotations` was in force.
    pub const FUTURE_ANNOTATIONS: u32 = 0x0100_0000;
    /// `from __future__ import barry_as_FLUFL` was in force.
    pub const FUTURE_BARRY: u32 = 0x0040_0000;
    /// The first constant is the docstring.
    pub const HAS_DOCSTRING: u32 = 0x0400_0000;
    /// Defined in a class body.
    pub const METHOD: u32 = 0x0800_0000;
}

/// What a named register holds (CPython's `co_localspluskinds`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LocalKind {
    /// A plain local.
    Local,
    /// A local that inner functions use: its register holds a cell after `MakeCell`.
    Cell,
    /// A variable of an outer function: its register holds that function's cell.
    Free,
    /// A local of an inlined comprehension (PEP 709), invisible to `locals()` outside it.
    Hidden,
}

/// A named register.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Local {
    /// The variable's name.
    pub name: Arc<str>,
    /// What its register holds.
    pub kind: LocalKind,
    /// Whether it is a parameter.
    pub is_arg: bool,
}

/// One row of the exception table: an exception raised by an instruction in `start..end` drops the temporaries from
/// register `depth` on, is stored in register `depth`, and control goes to `target`. Rows are sorted by `start` and do
/// not overlap: the innermost handler wins when the table is made. Offsets are in words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handler {
    /// First covered word.
    pub start: u32,
    /// First word not covered any more.
    pub end: u32,
    /// Where control goes.
    pub target: u32,
    /// The register that receives the exception.
    pub depth: u16,
}

/// Source range of the instructions from `start` (in words) up to the next row. Lines count from 1, columns are UTF-8
/// byte offsets from 0; `line == 0` means no location; `col == u32::MAX` means no column.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// First word of the range.
    pub start: u32,
    /// Line.
    pub line: u32,
    /// Last line.
    pub end_line: u32,
    /// Column.
    pub col: u32,
    /// Last column.
    pub end_col: u32,
}

/// A compiled code block.
#[derive(Clone, PartialEq, Debug)]
pub struct Code {
    /// `co_name`.
    pub name: Arc<str>,
    /// `co_qualname`.
    pub qualname: Arc<str>,
    /// `co_filename`.
    pub filename: Arc<str>,
    /// `co_firstlineno`.
    pub first_line: u32,
    /// `co_flags`.
    pub flags: u32,
    /// Positional parameters, positional-only included.
    pub arg_count: u16,
    /// Positional-only parameters.
    pub posonly_count: u16,
    /// Keyword-only parameters.
    pub kwonly_count: u16,
    /// Named registers in order: parameters (positional, keyword-only, `*args`, `**kwargs`), locals, cells, free variables last.
    pub locals: Box<[Local]>,
    /// Registers of a frame: named ones, then temporaries.
    pub register_count: u16,
    /// Instructions and their extra words.
    pub words: Box<[Word]>,
    /// Constants.
    pub consts: Box<[Const]>,
    /// Names of globals, attributes and imports.
    pub names: Box<[Arc<str>]>,
    /// Exception table.
    pub handlers: Box<[Handler]>,
    /// Location table, sorted by `start`.
    pub positions: Box<[Position]>,
}

impl Code {
    /// The location of the instruction at `offset` words.
    pub fn position(&self, offset: u32) -> Position {
        match self.positions.partition_point(|p| p.start <= offset) {
            0 => Position::default(),
            n => self.positions[n - 1],
        }
    }

    /// The handler of an exception raised at `offset` words.
    pub fn handler(&self, offset: u32) -> Option<Handler> {
        let n = self.handlers.partition_point(|h| h.start <= offset);
        self.handlers[..n].iter().rev().find(|h| offset < h.end).copied()
    }

    /// Number of parameters that own a register, `*args` and `**kwargs` included.
    pub fn parameter_count(&self) -> usize {
        self.arg_count as usize
            + self.kwonly_count as usize
            + (self.flags & CodeFlags::VARARGS != 0) as usize
            + (self.flags & CodeFlags::VARKEYWORDS != 0) as usize
    }

    /// How many of the named registers are free variables (the last ones).
    pub fn free_count(&self) -> usize {
        self.locals.iter().rev().take_while(|l| l.kind == LocalKind::Free).count()
    }
}
