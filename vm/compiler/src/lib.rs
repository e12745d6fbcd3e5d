//! Source text to code: Python 3.14 to [`typhon_isa::Code`].
//!
//! `syntax` turns text into ruff's AST and owns every error of the grammar; `symtable` decides what each name means;
//! `lower` walks the tree and writes instructions through `emit`. The AST goes no further than this crate.
#![forbid(unsafe_code)]

mod assemble;
mod deep;
mod emit;
pub mod error;
mod fold;
mod future;
mod lower;
pub mod mode;
pub mod source;
pub mod symtable;
pub mod syntax;
mod text;
mod unparse;
pub mod verify;

pub use error::{ErrorKind, SyntaxError, Warning, WarningCategory};
pub use mode::{Mode, ModuleResult, Options, flag};

use std::sync::Arc;
use typhon_isa::Code;

/// What compiling gives.
#[derive(Debug)]
pub struct Compiled {
    /// The code of the module, expression or statement.
    pub code: Arc<Code>,
    /// Remarks, in CPython's order.
    pub warnings: Vec<Warning>,
}

/// Compiles `source`.
pub fn compile(source: &str, options: &Options) -> Result<Compiled, SyntaxError> {
    let parsed = syntax::parse(source, options)?;
    let future = future::features(&parsed.ast, &parsed.map, options)?;
    let annotations = future & flag::FUTURE_ANNOTATIONS != 0;
    let table = symtable::build(&parsed.ast, &parsed.map, annotations)?;
    let (code, lowered) = lower::lower(&parsed.ast, &parsed.map, &table, options, future)?;
    let mut warnings = parsed.warnings;
    warnings.extend(lowered);
    Ok(Compiled { code, warnings })
}
