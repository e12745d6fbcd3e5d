//! The grammar: source text to AST.

use crate::error::{SyntaxError, Warning};
use crate::mode::{Mode, Options};
use crate::source::SourceMap;
use ruff_python_ast::{Mod, PythonVersion};
use ruff_python_parser::{ParseOptions, parse_unchecked};

/// What parsing gives.
#[derive(Debug)]
pub struct Parsed {
    /// The tree, valid except for what needs scopes.
    pub ast: Mod,
    /// The text its ranges refer to.
    pub map: SourceMap,
    /// Remarks.
    pub warnings: Vec<Warning>,
}

/// Parses `source`.
pub fn parse(source: &str, options: &Options) -> Result<Parsed, SyntaxError> {
    let mode = match options.mode {
        Mode::Eval => ruff_python_parser::Mode::Expression,
        _ => ruff_python_parser::Mode::Module,
    };
    let map = SourceMap::new(source.to_owned());
    let parsed = parse_unchecked(source, ParseOptions::from(mode).with_target_version(PythonVersion::PY314));
    if let Some(error) = parsed.errors().first() {
        return Err(map.error(error.location, error.error.to_string()));
    }
    if let Some(error) = parsed.unsupported_syntax_errors().first() {
        return Err(map.error(error.range, error.to_string()));
    }
    Ok(Parsed { ast: parsed.into_syntax(), map, warnings: Vec::new() })
}
