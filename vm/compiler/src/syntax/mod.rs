//! The grammar: source text to AST.
//!
//! ruff's parser makes the tree. Where it refuses, or where it is known to accept too much, `peg` says what CPython
//! says. Text comes in decoded ([`decode`] does that for bytes); `\r\n` and `\r` become `\n` here, and all ranges refer to
//! the text after that.

pub mod decode;
mod guard;
pub mod lex;
pub mod literal;
mod parse;
mod peg;
pub mod tokenize;
mod warnings;

pub use parse::{Ast, Parsed, parse};
pub(crate) use warnings::of_tree as tree_warnings;
