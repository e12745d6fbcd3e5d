//! Whether a tree made in Python is one that the parser could have made, in CPython's words.

mod expr;
mod pattern;

use super::table::{Class, Placed};
use super::{Field, Node};
use crate::deep;
use crate::error::{ErrorKind, SyntaxError};

type Check = Result<(), SyntaxError>;

/// Checks a module, an expression, an interactive statement or a function type.
pub(crate) fn validate(node: &Node) -> Check {
    let mut v = Validator { depth: 0 };
    match node.class {
        Class::Expression => v.load(field(node, 0)),
        Class::FunctionType => {
            v.loads(field(node, 0))?;
            v.load(field(node, 1))
        }
        _ => v.stmts(field(node, 0)),
    }
}

fn field(node: &Node, at: usize) -> &Field {
    node.fields.get(at).unwrap_or(&Field::Absent)
}

fn refuse(message: impl Into<String>) -> Check {
    Err(SyntaxError::bare(ErrorKind::Value, message))
}

fn refuse_type(message: &str) -> Check {
    Err(SyntaxError::bare(ErrorKind::Type, message))
}

/// A list that must not be empty.
fn filled(list: &Field, what: &str, owner: &str) -> Check {
    if list.list().is_empty() { refuse(format!("empty {what} on {owner}")) } else { Ok(()) }
}

/// A name that is no keyword.
fn name(found: &Field) -> Check {
    match found.text().map(|text| &**text) {
        Some(text @ (b"None" | b"True" | b"False")) => {
            refuse(format!("identifier field can't represent '{}' constant", String::from_utf8_lossy(text)))
        }
        _ => Ok(()),
    }
}

/// Whether a node stands where something can stand.
fn position(n: &Node) -> Check {
    let s = n.span;
    if n.class.placed() == Placed::No {
        return Ok(());
    }
    if s.line > s.end_line {
        return refuse(format!("AST node line range ({}, {}) is not valid", s.line, s.end_line));
    }
    if s.line < 0 && s.end_line != s.line || s.col < 0 && s.col != s.end_col {
        return refuse(format!(
            "AST node column range ({}, {}) for line range ({}, {}) is not valid",
            s.col, s.end_col, s.line, s.end_line
        ));
    }
    if s.line == s.end_line && s.col > s.end_col {
        return refuse(format!("line {}, column {}-{} is not a valid range", s.line, s.col, s.end_col));
    }
    Ok(())
}

struct Validator {
    depth: u32,
}

impl Validator {
    /// Runs `f` one level deeper.
    fn deeper(&mut self, f: impl FnOnce(&mut Self) -> Check) -> Check {
        deep::enter(&mut self.depth)?;
        let done = deep::grow(|| f(self));
        self.depth -= 1;
        done
    }

    fn each(&mut self, list: &Field, f: impl Fn(&mut Self, &Node) -> Check) -> Check {
        list.list().iter().filter_map(Field::node).try_for_each(|n| f(self, n))
    }

    fn stmts(&mut self, list: &Field) -> Check {
        list.list().iter().try_for_each(|s| match s.node() {
            Some(s) => self.deeper(|v| v.stmt(s)),
            None => refuse("None disallowed in statement list"),
        })
    }

    fn body(&mut self, list: &Field, owner: &str) -> Check {
        filled(list, "body", owner)?;
        self.stmts(list)
    }

    fn stmt(&mut self, n: &Node) -> Check {
        position(n)?;
        let f = |at| field(n, at);
        let owner = n.class.def().name;
        match n.class {
            Class::FunctionDef | Class::AsyncFunctionDef => {
                name(f(0))?;
                self.body(f(2), owner)?;
                self.type_params(f(6))?;
                self.arguments(f(1))?;
                self.loads(f(3))?;
                self.load(f(4))
            }
            Class::ClassDef => {
                name(f(0))?;
                self.body(f(3), owner)?;
                self.type_params(f(5))?;
                self.loads(f(1))?;
                self.keywords(f(2))?;
                self.loads(f(4))
            }
            Class::Return | Class::Expr => self.load(f(0)),
            Class::Delete => {
                filled(f(0), "targets", owner)?;
                self.exprs(f(0), Class::Del)
            }
            Class::Assign => {
                filled(f(0), "targets", owner)?;
                self.exprs(f(0), Class::Store)?;
                self.load(f(1))
            }
            Class::TypeAlias => {
                if f(0).class() != Some(Class::Name) {
                    return refuse_type("TypeAlias with non-Name name");
                }
                self.expr(f(0), Class::Store)?;
                self.type_params(f(1))?;
                self.load(f(2))
            }
            Class::AugAssign => {
                self.expr(f(0), Class::Store)?;
                self.load(f(2))
            }
            Class::AnnAssign => {
                if f(0).class() != Some(Class::Name) && matches!(f(3), Field::Int(n) if *n != 0) {
                    return refuse_type("AnnAssign with simple non-Name target");
                }
                self.expr(f(0), Class::Store)?;
                self.load(f(2))?;
                self.load(f(1))
            }
            _ => self.compound(n),
        }
    }

    fn compound(&mut self, n: &Node) -> Check {
        let f = |at| field(n, at);
        let owner = n.class.def().name;
        match n.class {
            Class::For | Class::AsyncFor => {
                self.expr(f(0), Class::Store)?;
                self.load(f(1))?;
                self.body(f(2), owner)?;
                self.stmts(f(3))
            }
            Class::While | Class::If => {
                self.load(f(0))?;
                self.body(f(1), owner)?;
                self.stmts(f(2))
            }
            Class::With | Class::AsyncWith => {
                filled(f(0), "items", owner)?;
                self.each(f(0), |v, item| {
                    v.load(field(item, 0))?;
                    v.expr(field(item, 1), Class::Store)
                })?;
                self.body(f(1), owner)
            }
            Class::Match => {
                self.load(f(0))?;
                filled(f(1), "cases", owner)?;
                self.each(f(1), |v, case| {
                    v.pattern(field(case, 0), false)?;
                    v.load(field(case, 1))?;
                    v.body(field(case, 2), "match_case")
                })
            }
            Class::Try | Class::TryStar => self.try_(n),
            Class::Raise => {
                self.load(f(0))?;
                if f(0).is_absent() && !f(1).is_absent() {
                    return refuse("Raise with cause but no exception");
                }
                self.load(f(1))
            }
            Class::Assert => {
                self.load(f(0))?;
                self.load(f(1))
            }
            Class::Global | Class::Nonlocal => filled(f(0), "names", owner),
            Class::Import => {
                filled(f(0), "names", owner)?;
                self.aliases(f(0))
            }
            Class::ImportFrom => {
                if matches!(f(2), Field::Int(level) if *level < 0) {
                    return refuse("Negative ImportFrom level");
                }
                filled(f(1), "names", owner)?;
                self.aliases(f(1))
            }
            _ => Ok(()),
        }
    }

    fn aliases(&mut self, list: &Field) -> Check {
        self.each(list, |_, alias| {
            name(field(alias, 0))?;
            name(field(alias, 1))
        })
    }

    fn try_(&mut self, n: &Node) -> Check {
        let f = |at| field(n, at);
        let owner = n.class.def().name;
        self.body(f(0), owner)?;
        if f(1).list().is_empty() && f(3).list().is_empty() {
            return refuse(format!("{owner} has neither except handlers nor finalbody"));
        }
        if f(1).list().is_empty() && !f(2).list().is_empty() {
            return refuse(format!("{owner} has orelse but no except handlers"));
        }
        self.each(f(1), |v, handler| {
            position(handler)?;
            v.load(field(handler, 0))?;
            name(field(handler, 1))?;
            v.body(field(handler, 2), "ExceptHandler")
        })?;
        self.stmts(f(3))?;
        self.stmts(f(2))
    }

    fn type_params(&mut self, list: &Field) -> Check {
        self.each(list, |v, n| {
            position(n)?;
            name(field(n, 0))?;
            v.load(field(n, 1))?;
            v.load(field(n, 2))
        })
    }
}
