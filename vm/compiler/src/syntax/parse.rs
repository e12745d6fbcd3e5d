//! Parsing: ruff's tree, or CPython's refusal.

use super::peg::{Verdict, diagnose};
use crate::error::{ErrorKind, SyntaxError, Warning};
use crate::mode::{Mode, Options};
use crate::source::SourceMap;
use ruff_python_ast::{Mod, PythonVersion};
use ruff_python_parser::{ParseErrorType, ParseOptions, parse_unchecked};
use std::borrow::Cow;

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
    if source.contains('\0') {
        return Err(SyntaxError::bare(ErrorKind::Syntax, "source code string cannot contain null bytes"));
    }
    let text = with_unix_line_ends(source);
    let mode = match options.mode {
        Mode::Eval => ruff_python_parser::Mode::Expression,
        _ => ruff_python_parser::Mode::Module,
    };
    let parsed = parse_unchecked(&text, ParseOptions::from(mode).with_target_version(PythonVersion::PY314));
    let refused = parsed.errors().first();
    let unsupported = parsed.unsupported_syntax_errors().first();
    if options.mode == Mode::Single || refused.is_some() || unsupported.is_some() || text.starts_with('\u{feff}') {
        match diagnose(&text, options) {
            Verdict::Refused(error) => return Err(*error),
            Verdict::Accepted if parsed.errors().iter().all(|e| is_for_a_later_pass(&e.error)) => {}
            Verdict::Accepted | Verdict::Unknown => {
                let map = SourceMap::new(text.into_owned());
                if let Some(error) = refused {
                    return Err(map.error(error.location, "invalid syntax"));
                }
                if let Some(error) = unsupported {
                    return Err(map.error(error.range, "invalid syntax"));
                }
                let warnings = Vec::new();
                return Ok(Parsed { ast: parsed.into_syntax(), map, warnings });
            }
        }
    }
    let map = SourceMap::new(text.into_owned());
    Ok(Parsed { ast: parsed.into_syntax(), map, warnings: Vec::new() })
}

/// Errors of ruff's parser that CPython's compiler reports, not its parser.
fn is_for_a_later_pass(error: &ParseErrorType) -> bool {
    matches!(error, ParseErrorType::OtherError(text) if text.contains("keyword argument repeated"))
}

/// `\r\n` and `\r` end lines as `\n` does.
pub(super) fn with_unix_line_ends(source: &str) -> Cow<'_, str> {
    if source.contains('\r') {
        Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(source)
    }
}
