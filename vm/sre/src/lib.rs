//! The regular expression engine: it runs the code words of CPython 3.14's `re._compiler` and knows no Python object.
//!
//! [`Program::new`] checks the words once and translates them to an own form; nothing that comes from the guest is
//! trusted after that. [`Matcher`] runs a program over a [`Subject`] on an explicit backtrack stack, so the depth of
//! the native stack never depends on the pattern or the text, and every bounded amount of work it asks its [`Budget`]
//! whether to go on. What is matched, and in which order alternatives are tried, is CPython's `_sre`; how often a
//! hopeless position is tried is not: positions and alternatives that provably fail are skipped.
#![forbid(unsafe_code)]

mod analyze;
mod budget;
mod decode;
mod matcher;
mod ops;
mod program;
mod run;
mod scan;
mod set;
mod stacks;
mod start;
mod subject;
mod ucd;
mod words;

pub use budget::{Budget, MatchError, Unlimited};
pub use matcher::{Marks, Matcher, Spare};
pub use program::{CodeError, Program};
pub use subject::Subject;
pub use ucd::{ascii_is_cased, ascii_to_lower, unicode_is_cased, unicode_to_lower};
pub use words::MAGIC;
