//! The vocabulary of Typhon's bytecode: opcodes, instruction words and code objects as plain data.
//!
//! A [`Code`] is immutable and holds no Python objects, so that one compilation serves every thread and isolate of the
//! process. What an opcode *means* is written once, in `vm/interp`; what it *is* (operands, extra words, family) is one
//! row of the table in [`opcode`].
#![forbid(unsafe_code)]

pub mod code;
pub mod constant;
pub mod opcode;
pub mod pack;
pub mod text;
pub mod word;

pub use code::{Code, CodeFlags, Handler, LocalKind, Position};
pub use constant::Const;
pub use opcode::{BinaryKind, CompareKind, Opcode, UnaryKind};
pub use word::Word;
