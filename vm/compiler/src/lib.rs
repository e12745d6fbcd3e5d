//! Source text to code: Python 3.14 to [`typhon_isa::Code`].
//!
//! `syntax` turns text into ruff's AST and owns every error of the grammar; `symtable` decides what each name means;
//! `lower` walks the tree and writes instructions through `emit`. The AST goes no further than this crate.
#![forbid(unsafe_code)]

mod assemble;
mod cost;
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
pub mod tree;
mod unparse;
pub mod verify;
mod wanted;

pub use cost::Cost;
pub use error::{ErrorKind, SyntaxError, Warning, WarningCategory};
pub use mode::{Mode, ModuleResult, Options, flag};
pub use wanted::while_wanted;

use source::SourceMap;
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

/// What making a tree gives.
#[derive(Debug)]
pub struct Tree {
    /// The tree.
    pub node: tree::Node,
    /// The parser's remarks.
    pub warnings: Vec<Warning>,
}

/// Compiles `source`.
pub fn compile(source: &str, options: &Options) -> Result<Compiled, SyntaxError> {
    let parsed = syntax::parse(source, options)?;
    compile_ast(&parsed.ast, &parsed.map, parsed.warnings, options)
}

fn compile_ast(
    ast: &syntax::Ast,
    map: &SourceMap,
    mut warnings: Vec<Warning>,
    options: &Options,
) -> Result<Compiled, SyntaxError> {
    let future = future::features(ast, map, options)?;
    let annotations = future & flag::FUTURE_ANNOTATIONS != 0;
    let table = symtable::build(ast, map, annotations)?;
    wanted::step()?;
    let (code, lowered) = lower::lower(ast, map, &table, options, future)?;
    warnings.extend(lowered);
    Ok(Compiled { code, warnings })
}

/// Makes a tree of `source`, as Python sees it.
pub fn parse(source: &str, options: &Options) -> Result<Tree, SyntaxError> {
    let parsed = syntax::parse(source, options)?;
    let mut node = tree::read::read(&parsed.ast, &parsed.map, options)?;
    if options.flags & flag::OPTIMIZED_AST != 0 {
        tree::optimize::optimize(&mut node, options.optimize)?;
    }
    let warnings = parsed.warnings.into_iter().take(parsed.parser_warnings).collect();
    Ok(Tree { node, warnings })
}

/// The scopes of a source.
#[derive(Debug)]
pub struct Scopes {
    /// What every name means in each of them.
    pub table: symtable::SymbolTable,
    /// The text that their ranges refer to.
    pub map: SourceMap,
}

/// Finds the scopes of `source`.
pub fn scopes(source: &str, options: &Options) -> Result<Scopes, SyntaxError> {
    let parsed = syntax::parse(source, options)?;
    let future = future::features(&parsed.ast, &parsed.map, options)?;
    let table = symtable::build(&parsed.ast, &parsed.map, future & flag::FUTURE_ANNOTATIONS != 0)?;
    Ok(Scopes { table, map: parsed.map })
}

/// Compiles a tree that was made in Python.
pub fn compile_tree(node: &tree::Node, options: &Options) -> Result<Compiled, SyntaxError> {
    tree::validate::validate(node)?;
    let (ast, map) = tree::make::make(node)?;
    let warnings = syntax::tree_warnings(&ast, &map);
    compile_ast(&ast, &map, warnings, options)
}

/// Checks and optimizes a tree that was made in Python.
pub fn optimize_tree(node: &mut tree::Node, options: &Options) -> Result<(), SyntaxError> {
    tree::validate::validate(node)?;
    tree::optimize::optimize(node, options.optimize)
}
