//! Parsing: ruff's tree, or CPython's refusal.

use super::guard;
use super::peg::{Verdict, diagnose};
use super::warnings;
use crate::error::{ErrorKind, SyntaxError, Warning};
use crate::mode::{Mode, Options, flag};
use crate::source::SourceMap;
use ruff_python_ast::{Mod, ModModule, PythonVersion};
use ruff_python_parser::{ParseOptions, Parsed as Tree, parse_unchecked};
use ruff_text_size::TextRange;
use std::borrow::Cow;
use std::ops::Deref;

/// A tree. It knows whether it is deep: then it needs a stack of its own to be dropped.
#[derive(Debug)]
pub struct Ast {
    tree: Mod,
    deep: bool,
}

impl Deref for Ast {
    type Target = Mod;

    fn deref(&self) -> &Mod {
        &self.tree
    }
}

impl Drop for Ast {
    fn drop(&mut self) {
        if self.deep {
            let empty =
                ModModule { range: TextRange::default(), body: Vec::new().into(), node_index: Default::default() };
            let tree = std::mem::replace(&mut self.tree, Mod::Module(empty));
            stacker::grow(STACK, move || drop(tree));
        }
    }
}

/// A stack for the deepest tree that `guard` lets through.
const STACK: usize = 64 * 1024 * 1024;

/// What parsing gives.
#[derive(Debug)]
pub struct Parsed {
    /// The tree, valid except for what needs scopes.
    pub ast: Ast,
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
    let deep = guard::depth_bound(&text)? > guard::DEEP;
    if deep {
        stacker::grow(STACK, || parse_text(text, options, deep))
    } else {
        stacker::maybe_grow(512 * 1024, 4 * 1024 * 1024, || parse_text(text, options, deep))
    }
}

fn parse_text(text: Cow<'_, str>, options: &Options, deep: bool) -> Result<Parsed, SyntaxError> {
    let barry = options.flags & flag::FUTURE_BARRY != 0 || text.contains("barry_as_FLUFL");
    let mut tree = ruff(&text, options);
    let doubtful = options.mode == Mode::Single || barry || text.starts_with('\u{feff}') || !is_clean(&tree);
    if doubtful {
        match diagnose(&text, options) {
            Verdict::Refused(error) => return Err(*error),
            Verdict::Accepted if barry => {
                // Now `<>` is what others write `!=`; both have two bytes, so places stay.
                tree = ruff(&text.replace("<>", "!="), options);
            }
            Verdict::Accepted | Verdict::Unknown => {}
        }
        only_ruff_refuses(&tree, &text)?;
    }
    let map = SourceMap::new(text.into_owned());
    let found = warnings::find(tree.syntax(), tree.tokens(), &map);
    if found.too_complex {
        let message = "Parser stack overflowed - Python source too complex to parse";
        return Err(SyntaxError::bare(ErrorKind::Memory, message));
    }
    if found.fields_too_deep || has_huge_int(&tree, &map, options) {
        if let Verdict::Refused(error) = diagnose(map.text(), options) {
            return Err(*error);
        }
    }
    Ok(Parsed { ast: Ast { tree: tree.into_syntax(), deep }, map, warnings: found.warnings })
}

fn ruff(text: &str, options: &Options) -> Tree<Mod> {
    let mode = match options.mode {
        Mode::Eval => ruff_python_parser::Mode::Expression,
        _ => ruff_python_parser::Mode::Module,
    };
    parse_unchecked(text, ParseOptions::from(mode).with_target_version(PythonVersion::PY314))
}

fn is_clean(tree: &Tree<Mod>) -> bool {
    tree.errors().is_empty() && tree.unsupported_syntax_errors().is_empty()
}

/// What to say when the grammar has no objection, but ruff has.
fn only_ruff_refuses(tree: &Tree<Mod>, text: &str) -> Result<(), SyntaxError> {
    let map = || SourceMap::new(text.to_owned());
    if let Some(error) = tree.errors().first() {
        let message = if error.error.to_string().contains("mapping pattern") {
            "mapping pattern keys may only match literals and attribute lookups"
        } else {
            "invalid syntax"
        };
        return Err(map().error(error.location, message));
    }
    match tree.unsupported_syntax_errors().first() {
        Some(error) => Err(map().error(error.range, "invalid syntax")),
        None => Ok(()),
    }
}

/// Whether an int literal may have more digits than allowed.
fn has_huge_int(tree: &Tree<Mod>, map: &SourceMap, options: &Options) -> bool {
    let limit = options.int_max_digits as usize;
    limit != 0
        && map.text().len() > limit
        && tree.tokens().iter().any(|t| {
            t.kind() == ruff_python_ast::token::TokenKind::Int
                && super::literal::decimal_digits(map.slice(ruff_text_size::Ranged::range(t)).as_bytes())
                    .is_some_and(|digits| digits > limit)
        })
}

/// `\r\n` and `\r` end lines as `\n` does.
fn with_unix_line_ends(source: &str) -> Cow<'_, str> {
    if source.contains('\r') {
        Cow::Owned(source.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(source)
    }
}
