//! The parser's tree as nodes.

mod expr;
mod pattern;
mod stmt;
mod strings;

use super::table::Class;
use super::{Field, Node, Span};
use crate::deep;
use crate::error::{ErrorKind, SyntaxError};
use crate::mode::{Mode, Options, flag};
use crate::source::SourceMap;
use crate::syntax::lex::{ScanOptions, Scanner, kind};
use ruff_python_ast::name::Name;
use ruff_python_ast::{Expr, ExprContext, Identifier, Mod};
use ruff_text_size::TextRange;

type Read = Result<Field, SyntaxError>;

/// Makes nodes of a tree that `syntax` has accepted.
pub(crate) fn read(ast: &Mod, map: &SourceMap, options: &Options) -> Result<Node, SyntaxError> {
    let mut reader = Reader { map, depth: 0 };
    let (class, fields) = match ast {
        Mod::Module(module) => {
            let body = reader.stmts(&module.body)?;
            match options.mode {
                Mode::Single => (Class::Interactive, vec![body]),
                _ => (Class::Module, vec![body, reader.type_ignores(options)]),
            }
        }
        Mod::Expression(e) if options.mode == Mode::FuncType => {
            // `syntax` made `[args], returns` of it.
            let Expr::Tuple(pair) = &*e.body else { return Err(broken()) };
            let [Expr::List(args), returns] = &pair.elts[..] else { return Err(broken()) };
            (Class::FunctionType, vec![reader.exprs(&args.elts)?, reader.expr(returns)?])
        }
        Mod::Expression(e) => (Class::Expression, vec![reader.expr(&e.body)?]),
    };
    Ok(Node { class, span: Span::default(), fields })
}

fn broken() -> SyntaxError {
    SyntaxError::bare(ErrorKind::System, "the parser's tree has an unknown form")
}

struct Reader<'a> {
    map: &'a SourceMap,
    depth: u32,
}

impl Reader<'_> {
    fn span(&self, range: TextRange) -> Span {
        let (line, col) = self.map.line_byte(range.start());
        let (end_line, end_col) = self.map.line_byte(range.end());
        Span { line: line as i32, col: col as i32, end_line: end_line as i32, end_col: end_col as i32 }
    }

    fn node(&self, class: Class, range: TextRange, fields: Vec<Field>) -> Field {
        Field::Node(Box::new(Node { class, span: self.span(range), fields }))
    }

    /// `# type: ignore` comments, for those who ask.
    fn type_ignores(&self, options: &Options) -> Field {
        let mut found = Vec::new();
        if options.flags & flag::TYPE_COMMENTS != 0 {
            let scan = ScanOptions { extra_tokens: false, type_comments: true };
            let mut scanner = Scanner::new(self.map.text().as_bytes().to_vec(), scan);
            loop {
                let token = scanner.next(&mut || None);
                match token.kind {
                    kind::ENDMARKER | kind::ERRORTOKEN => break,
                    kind::TYPE_IGNORE => {
                        let tag = Field::Text(scanner.bytes(token.start, token.end).into());
                        found.push(bare(Class::TypeIgnore, vec![Field::Int(token.line as i32), tag]));
                    }
                    _ => {}
                }
            }
        }
        Field::List(found)
    }

    /// Runs `f` one level deeper.
    fn deeper(&mut self, f: impl FnOnce(&mut Self) -> Read) -> Read {
        deep::enter(&mut self.depth)?;
        let done = deep::grow(|| f(self));
        self.depth -= 1;
        done
    }

    fn list<'e, T: 'e>(
        &mut self,
        items: impl IntoIterator<Item = &'e T>,
        f: impl Fn(&mut Self, &'e T) -> Read,
    ) -> Read {
        Ok(Field::List(items.into_iter().map(|item| f(self, item)).collect::<Result<_, _>>()?))
    }

    fn maybe<T>(&mut self, item: Option<&T>, f: impl FnOnce(&mut Self, &T) -> Read) -> Read {
        item.map_or(Ok(Field::Absent), |item| f(self, item))
    }
}

/// A node without a place.
fn bare(class: Class, fields: Vec<Field>) -> Field {
    Field::Node(Box::new(Node { class, span: Span::default(), fields }))
}

fn name(name: &Name) -> Field {
    Field::Text(name.as_bytes().into())
}

fn identifier(found: Option<&Identifier>) -> Field {
    found.map_or(Field::Absent, |found| name(&found.id))
}

fn flag(is: bool) -> Field {
    Field::Int(i32::from(is))
}

fn context(ctx: ExprContext) -> Field {
    Field::Unit(match ctx {
        ExprContext::Store => Class::Store,
        ExprContext::Del => Class::Del,
        ExprContext::Load | ExprContext::Invalid => Class::Load,
    })
}
