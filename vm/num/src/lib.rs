//! Numbers: integers, floats, decimals and their text forms.
//!
//! Everything here works on plain Rust values (`IBig`, `f64`, `&str`): no Python objects, no globals, no unsafe code.
//! Work that can grow with its input takes a [`Poll`] and gives up with [`Stop`] when the poll says so.
#![forbid(unsafe_code)]

pub mod decimal;
pub mod float_text;
pub mod format_spec;
pub mod int;
pub mod int_text;
pub mod percent;
pub mod real;

pub use dashu_int::{IBig, Sign, UBig};
use std::borrow::Cow;
use std::fmt;

/// The caller's poll asked for the work to end; the caller knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stop;

/// Asked between blocks of work; an error ends the work at once.
pub type Poll<'a> = dyn FnMut() -> Result<(), Stop> + 'a;

/// A poll that never stops, for callers that know their operands to be small.
pub fn never() -> Result<(), Stop> {
    Ok(())
}

/// Why a numeric operation gave no number: the Python exception and its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NumError {
    /// The poll said stop.
    Stop,
    /// ZeroDivisionError.
    ZeroDivision(&'static str),
    /// OverflowError.
    Overflow(Cow<'static, str>),
    /// ValueError.
    Value(Cow<'static, str>),
    /// MemoryError: the result cannot be represented in memory at all.
    Memory,
}

impl NumError {
    pub(crate) fn value(text: impl Into<Cow<'static, str>>) -> Self {
        NumError::Value(text.into())
    }

    pub(crate) fn overflow(text: impl Into<Cow<'static, str>>) -> Self {
        NumError::Overflow(text.into())
    }
}

impl From<Stop> for NumError {
    fn from(_: Stop) -> Self {
        NumError::Stop
    }
}

impl fmt::Display for NumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NumError::Stop => f.write_str("interrupted"),
            NumError::ZeroDivision(text) => f.write_str(text),
            NumError::Overflow(text) | NumError::Value(text) => f.write_str(text),
            NumError::Memory => f.write_str("out of memory"),
        }
    }
}

impl std::error::Error for NumError {}
