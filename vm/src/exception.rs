//! A guest exception as plain data.

use crate::value::{TypeRef, Value};

/// One exception with everything a client needs to print CPython's traceback. Mirrors `typhon.v1.PyException`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PyException {
    pub type_ref: TypeRef,
    /// `module.qualname` of each class of the MRO, the exception's own first.
    pub mro: Vec<String>,
    /// `str(exception)`.
    pub message: String,
    pub args: Vec<Value>,
    pub notes: Vec<String>,
    /// Outermost first, as a traceback prints them.
    pub frames: Vec<Frame>,
    pub cause: Option<Box<PyException>>,
    pub context: Option<Box<PyException>>,
    pub suppress_context: bool,
    /// The members of an exception group.
    pub children: Vec<PyException>,
    /// Public instance attributes such as `name`, `obj`, `errno`.
    pub attributes: Vec<(String, Value)>,
    /// "Did you mean", or the nearest supported module; empty when there is none.
    pub hint: String,
    /// The text CPython's `traceback.print_exception` writes, without colour.
    pub traceback_text: String,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frame {
    pub file: String,
    pub function: String,
    pub start: Position,
    pub end: Position,
    /// The line of source at `start`, when it is known.
    pub source_line: Option<String>,
}

/// Line from 1, column from 0 in UTF-8 bytes, as `co_positions()` counts; 0 line is "unknown".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    pub line: u32,
    pub column: u32,
}
