//! Parsing: ruff's tree, or CPython's refusal.

use super::guard;
use super::lex::{ScanOptions, Scanner, kind};
use super::peg::{Start, Verdict, diagnose};
use super::warnings;
use crate::error::{ErrorKind, SyntaxError, Warning};
use crate::mode::{Mode, Options, flag};
use crate::source::SourceMap;
use ruff_python_ast::{Mod, ModModule, PythonVersion, Stmt};
use ruff_python_parser::{ParseOptions, Parsed as Tree, parse_unchecked};
use ruff_text_size::{Ranged, TextRange};
use std::borrow::Cow;
use std::ops::Deref;

/// A tree. It knows whether it is deep: then it needs a stack of its own to be dropped.
#[derive(Debug)]
pub struct Ast {
    tree: Mod,
    deep: bool,
}

impl Ast {
    pub(crate) fn new(tree: Mod, depth: usize) -> Self {
        Self { tree, deep: depth > SHALLOW }
    }
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

/// Trees of this depth can be dropped on any stack.
const SHALLOW: usize = 1_500;
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
    /// How many of them are the parser's own; they come first.
    pub parser_warnings: usize,
}

/// Parses `source`.
pub fn parse(source: &str, options: &Options) -> Result<Parsed, SyntaxError> {
    if source.contains('\0') {
        return Err(SyntaxError::bare(ErrorKind::Syntax, "source code string cannot contain null bytes"));
    }
    let text = with_unix_line_ends(source);
    let Some(depth) = guard::depth_bound(&text) else { return Err(too_deep(&text, options)) };
    if depth > SHALLOW {
        stacker::grow(STACK, || parse_text(text, options))
    } else {
        stacker::maybe_grow(1024 * 1024, 4 * 1024 * 1024, || parse_text(text, options))
    }
}

/// ruff's parser must not see such a source; the diagnoser may, for it knows when to stop.
fn too_deep(text: &str, options: &Options) -> SyntaxError {
    match diagnose(text, options, Start::default()) {
        Verdict::Refused(error) => *error,
        Verdict::Accepted | Verdict::Unknown => {
            SyntaxError::bare(ErrorKind::Recursion, "maximum recursion depth exceeded during compilation")
        }
    }
}

fn parse_text(text: Cow<'_, str>, options: &Options) -> Result<Parsed, SyntaxError> {
    let barry = options.flags & flag::FUTURE_BARRY != 0 || text.contains("barry_as_FLUFL");
    if options.mode == Mode::FuncType {
        return func_type(text, options);
    }
    let mut tree = ruff(&text, options);
    let typed = options.flags & flag::TYPE_COMMENTS != 0;
    // Where no line end is added, white space after the last one is an indent.
    let loose_end = text.rsplit_once('\n').is_some_and(|(_, last)| !last.is_empty() && last.trim().is_empty());
    let loose = options.mode == Mode::Eval && loose_end;
    let doubtful =
        options.mode == Mode::Single || typed || loose || barry || text.starts_with('\u{feff}') || !is_clean(&tree);
    if doubtful {
        let start = if barry { Start::default() } else { late_start(&tree, &text, options) };
        match diagnose(&text, options, start) {
            Verdict::Refused(mut error) => {
                error.warnings = warnings::before(tree.tokens(), &SourceMap::new(text.into_owned()), error.line);
                // A number that is refused is not remarked upon as well.
                error.warnings.pop_if(|last| last.message == error.message);
                return Err(*error);
            }
            Verdict::Accepted if barry => {
                // Now `<>` is what others write `!=`; both have two bytes, so places stay.
                tree = ruff(&without_diamonds(&text), options);
            }
            Verdict::Accepted | Verdict::Unknown => {}
        }
        only_ruff_refuses(&tree, &text)?;
    }
    check_version(&tree, &text, options)?;
    let map = SourceMap::new(text.into_owned());
    let found = warnings::find(tree.syntax(), tree.tokens(), &map);
    if found.too_complex {
        let message = "Parser stack overflowed - Python source too complex to parse";
        return Err(SyntaxError::bare(ErrorKind::Memory, message));
    }
    if (found.scanner_refuses || has_huge_int(&tree, &map, options))
        && let Verdict::Refused(error) = diagnose(map.text(), options, Start::default())
    {
        return Err(*error);
    }
    let ast = Ast::new(tree.into_syntax(), found.depth);
    Ok(Parsed { ast, map, warnings: found.warnings, parser_warnings: found.of_parser })
}

/// Every operator `<>`, which the grammar has accepted, as `!=`.
fn without_diamonds(text: &str) -> String {
    let mut bytes = text.as_bytes().to_vec();
    let mut scanner = Scanner::new(bytes.clone(), ScanOptions::default());
    let mut before = None;
    loop {
        let token = scanner.next(&mut || None);
        match scanner.bytes(token.start, token.end) {
            _ if matches!(token.kind, kind::ENDMARKER | kind::ERRORTOKEN) => break,
            b"<" => before = Some(token.end),
            b">" if before == Some(token.start) => bytes[token.start - 1..=token.start].copy_from_slice(b"!="),
            _ => before = None,
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `(args) -> returns`: the tree is the expression `[args], returns`, with the places of the original.
fn func_type(text: Cow<'_, str>, options: &Options) -> Result<Parsed, SyntaxError> {
    if let Verdict::Refused(error) = diagnose(&text, options, Start::default()) {
        return Err(*error);
    }
    let mut bytes = text.as_bytes().to_vec();
    let mut scanner = Scanner::new(bytes.clone(), ScanOptions::default());
    let mut fresh = false;
    loop {
        let token = scanner.next(&mut || None);
        let new: &[u8] = match (scanner.bytes(token.start, token.end), token.level) {
            (b"(", 1) if token.start == 0 || text[..token.start].trim().is_empty() => b"[",
            (b")", 0) if text[token.end..].trim_start().starts_with("->") => b"]",
            (b"->", 0) => b", ",
            (b"*", 1) if fresh => b" ",
            (b"**", 1) if fresh => b"  ",
            _ if matches!(token.kind, kind::ENDMARKER | kind::ERRORTOKEN) => break,
            _ => b"",
        };
        fresh = token.level == 1 && matches!(scanner.bytes(token.start, token.end), b"(" | b",");
        bytes[token.start..token.start + new.len()].copy_from_slice(new);
    }
    let rewritten = String::from_utf8_lossy(&bytes).into_owned();
    let eval = Options { mode: Mode::Eval, ..options.clone() };
    let tree = ruff(&rewritten, &eval);
    only_ruff_refuses(&tree, &text)?;
    let map = SourceMap::new(text.into_owned());
    // Its depth is not known, so it is taken for deep.
    let ast = Ast::new(tree.into_syntax(), usize::MAX);
    Ok(Parsed { ast, map, warnings: Vec::new(), parser_warnings: 0 })
}

fn ruff(text: &str, options: &Options) -> Tree<Mod> {
    let mode = match options.mode {
        Mode::Eval => ruff_python_parser::Mode::Expression,
        _ => ruff_python_parser::Mode::Module,
    };
    parse_unchecked(text, ParseOptions::from(mode).with_target_version(PythonVersion::PY314))
}

/// Refuses what is newer than the version that `ast.parse(feature_version=...)` asks for.
fn check_version(tree: &Tree<Mod>, text: &str, options: &Options) -> Result<(), SyntaxError> {
    use ruff_python_parser::UnsupportedSyntaxErrorKind as New;
    const NEW: &[(New, &str, u8)] = &[
        (New::Walrus, "Assignment expressions are", 8),
        (New::PositionalOnlyParameter, "Positional-only parameters are", 8),
        (New::ParenthesizedContextManager, "Parenthesized context managers are", 9),
        (New::Match, "Pattern matching is", 10),
        (New::ExceptStar, "Exception groups are", 11),
        (New::TypeParameterList, "Type parameter lists are", 12),
        (New::TypeAliasStatement, "Type statement is", 12),
        (New::TypeParamDefault, "Type parameter defaults are", 13),
        (New::UnparenthesizedExceptionTypes, "except expressions without parentheses are", 14),
        (New::TemplateStrings, "t-strings are", 14),
    ];
    let Some(minor) = options.feature_version.filter(|minor| *minor < 14) else { return Ok(()) };
    let mode = match tree.syntax() {
        Mod::Expression(_) => ruff_python_parser::Mode::Expression,
        Mod::Module(_) => ruff_python_parser::Mode::Module,
    };
    let version = PythonVersion { major: 3, minor: minor.max(7) };
    let old = parse_unchecked(text, ParseOptions::from(mode).with_target_version(version));
    let too_new = old.unsupported_syntax_errors().iter().find_map(|e| {
        let found = NEW.iter().find(|(kind, _, since)| *kind == e.kind && minor < *since)?;
        Some((e.range, found))
    });
    let Some((range, (_, what, since))) = too_new else { return Ok(()) };
    let map = SourceMap::new(text.to_owned());
    let mut error = map.error(range, format!("{what} only supported in Python 3.{since} and greater"));
    error.text = map.line_text(error.line).map(str::to_owned);
    Err(error)
}

/// Sources up to this size are diagnosed from their first line.
const SMALL: usize = 32 * 1024;
/// Statements above ruff's error that are diagnosed with it.
const MARGIN: usize = 20;

/// Where to begin the diagnosis of a big source: some statements above the first thing that ruff minds.
fn late_start(tree: &Tree<Mod>, text: &str, options: &Options) -> Start {
    let (Mod::Module(module), Mode::Exec) = (tree.syntax(), options.mode) else { return Start::default() };
    let errors = tree.errors().iter().map(|e| e.location.start());
    let unsupported = tree.unsupported_syntax_errors().iter().map(|e| e.range.start());
    let Some(first) = errors.chain(unsupported).min().filter(|_| text.len() > SMALL) else { return Start::default() };
    let above = module.body.partition_point(|s| s.start() <= first).saturating_sub(MARGIN);
    let begins_line = |s: &&Stmt| text.as_bytes().get(s.start().to_usize().wrapping_sub(1)) == Some(&b'\n');
    let Some(at) = module.body.iter().take(above).rposition(|s| begins_line(&s)) else { return Start::default() };
    let offset = module.body[at].start().to_usize();
    let is_compound = |s: &&Stmt| {
        matches!(
            s,
            Stmt::FunctionDef(_)
                | Stmt::ClassDef(_)
                | Stmt::If(_)
                | Stmt::For(_)
                | Stmt::While(_)
                | Stmt::Try(_)
                | Stmt::With(_)
                | Stmt::Match(_)
        )
    };
    let compound = module.body[..at].iter().rev().find(is_compound).map(|s| s.start().to_usize());
    let line = |offset: usize| text[..offset].bytes().filter(|&b| b == b'\n').count() as u32 + 1;
    Start { offset, last_compound: compound.map_or((0, 0), |offset| (line(offset), 0)) }
}

fn is_clean(tree: &Tree<Mod>) -> bool {
    tree.errors().is_empty() && tree.unsupported_syntax_errors().is_empty()
}

/// What to say when the grammar has no objection, but ruff has.
fn only_ruff_refuses(tree: &Tree<Mod>, text: &str) -> Result<(), SyntaxError> {
    let refuse = |range, message: &str| {
        let map = SourceMap::new(text.to_owned());
        let mut error = map.error(range, message);
        error.text = map.line_text(error.line).map(str::to_owned);
        Err(error)
    };
    if let Some(error) = tree.errors().first() {
        let message = if error.error.to_string().contains("mapping pattern") {
            "mapping pattern keys may only match literals and attribute lookups"
        } else {
            "invalid syntax"
        };
        return refuse(error.location, message);
    }
    match tree.unsupported_syntax_errors().first() {
        Some(error) => refuse(error.range, "invalid syntax"),
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
                && super::literal::decimal_digits(map.slice(t.range()).as_bytes()).is_some_and(|digits| digits > limit)
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
