//! Nodes as the parser's tree, so that what was built in Python compiles as text does.
//!
//! There is no text, so ranges are numbers of places.

mod expr;
mod pattern;
mod stmt;

use super::table::Class;
use super::{Field, Node, Span};
use crate::deep;
use crate::error::{ErrorKind, SyntaxError};
use crate::source::{Made, SourceMap};
use crate::syntax::Ast;
use ruff_python_ast::name::Name;
use ruff_python_ast::{ExprContext, Identifier, Mod, ModExpression, ModModule};
use ruff_text_size::{TextRange, TextSize};

type Make<T> = Result<T, SyntaxError>;

/// Makes a tree of a module, an expression or an interactive statement that `validate` has accepted.
pub(crate) fn make(node: &Node) -> Make<(Ast, SourceMap)> {
    let mut maker = Maker { made: Made::default(), depth: 0, deepest: 0 };
    let tree = match node.class {
        Class::Module | Class::Interactive => {
            let body = maker.stmts(field(node, 0))?;
            Mod::Module(ModModule { node_index: Default::default(), range: TextRange::default(), body: body.into() })
        }
        Class::Expression => {
            let body = Box::new(maker.expr(field(node, 0))?);
            Mod::Expression(ModExpression { node_index: Default::default(), range: TextRange::default(), body })
        }
        _ => return Err(unexpected(node)),
    };
    Ok((Ast::new(tree, maker.deepest as usize), SourceMap::of_made(maker.made)))
}

/// A node that stands where it may not; `validate` knows better.
fn unexpected(node: &Node) -> SyntaxError {
    SyntaxError::bare(ErrorKind::System, format!("unexpected {} node", node.class.def().name))
}

/// A field by number.
fn field(node: &Node, at: usize) -> &Field {
    node.fields.get(at).unwrap_or(&Field::Absent)
}

fn inner(found: &Field) -> Make<&Node> {
    found.node().ok_or_else(|| SyntaxError::bare(ErrorKind::Value, "a node is missing"))
}

struct Maker {
    made: Made,
    depth: u32,
    deepest: u32,
}

impl Maker {
    fn offset(&mut self, line: i32, col: i32) -> Make<TextSize> {
        let at = self.made.place(line.max(0) as u32, col.max(0) as u32);
        at.ok_or_else(|| SyntaxError::bare(ErrorKind::Memory, "the tree has too many nodes"))
    }

    /// The range that stands for a place.
    fn range(&mut self, span: Span) -> Make<TextRange> {
        let start = self.offset(span.line, span.col)?;
        Ok(TextRange::new(start, self.offset(span.end_line, span.end_col)?))
    }

    /// Runs `f` one level deeper.
    fn deeper<T>(&mut self, f: impl FnOnce(&mut Self) -> Make<T>) -> Make<T> {
        deep::enter(&mut self.depth)?;
        self.deepest = self.deepest.max(self.depth);
        let done = deep::grow(|| f(self));
        self.depth -= 1;
        done
    }

    fn list<T>(&mut self, found: &Field, f: impl Fn(&mut Self, &Field) -> Make<T>) -> Make<Vec<T>> {
        found.list().iter().map(|item| f(self, item)).collect()
    }

    fn maybe<T>(&mut self, found: &Field, f: impl FnOnce(&mut Self, &Field) -> Make<T>) -> Make<Option<T>> {
        if found.is_absent() { Ok(None) } else { f(self, found).map(Some) }
    }

    fn identifier(&mut self, found: &Field, span: Span) -> Make<Identifier> {
        let range = self.range(span)?;
        Ok(Identifier { id: name(found)?, range, node_index: Default::default() })
    }

    fn maybe_identifier(&mut self, found: &Field, span: Span) -> Make<Option<Identifier>> {
        self.maybe(found, |m, found| m.identifier(found, span))
    }
}

fn name(found: &Field) -> Make<Name> {
    let text = found.text().and_then(|text| std::str::from_utf8(text).ok());
    text.map(Name::new).ok_or_else(|| SyntaxError::bare(ErrorKind::Value, "a name must be text without surrogates"))
}

fn flag(found: &Field) -> bool {
    matches!(found, Field::Int(n) if *n != 0)
}

fn context(found: &Field) -> ExprContext {
    match found.class() {
        Some(Class::Store) => ExprContext::Store,
        Some(Class::Del) => ExprContext::Del,
        _ => ExprContext::Load,
    }
}
