//! Statements.

use super::{Read, Reader, bare, expr, flag, identifier, name};
use crate::tree::Field;
use crate::tree::table::Class;
use ruff_python_ast::{self as ast, ElifElseClause, ExceptHandler, Stmt, TypeParam};
use ruff_text_size::{Ranged, TextRange};

impl Reader<'_> {
    pub(super) fn stmts(&mut self, body: &[Stmt]) -> Read {
        self.list(body, |r, s| r.deeper(|r| r.stmt(s)))
    }

    fn stmt(&mut self, s: &Stmt) -> Read {
        let range = s.range();
        let (class, fields) = match s {
            Stmt::FunctionDef(f) => return self.function(f),
            Stmt::ClassDef(c) => return self.class(c),
            Stmt::If(i) => return self.if_(i),
            Stmt::Try(t) => return self.try_(t),
            Stmt::Return(r) => (Class::Return, vec![self.maybe_expr(r.value.as_deref())?]),
            Stmt::Delete(d) => (Class::Delete, vec![self.exprs(&d.targets)?]),
            Stmt::Assign(a) => (Class::Assign, vec![self.exprs(&a.targets)?, self.expr(&a.value)?, Field::Absent]),
            Stmt::TypeAlias(t) => {
                let params = self.type_params(t.type_params.as_deref())?;
                (Class::TypeAlias, vec![self.expr(&t.name)?, params, self.expr(&t.value)?])
            }
            Stmt::AugAssign(a) => {
                (Class::AugAssign, vec![self.expr(&a.target)?, expr::operator(a.op), self.expr(&a.value)?])
            }
            Stmt::AnnAssign(a) => {
                let (target, annotation) = (self.expr(&a.target)?, self.expr(&a.annotation)?);
                let value = self.maybe_expr(a.value.as_deref())?;
                (Class::AnnAssign, vec![target, annotation, value, flag(a.simple)])
            }
            Stmt::For(f) => {
                let class = if f.is_async { Class::AsyncFor } else { Class::For };
                let (target, iter) = (self.expr(&f.target)?, self.expr(&f.iter)?);
                (class, vec![target, iter, self.stmts(&f.body)?, self.stmts(&f.orelse)?, Field::Absent])
            }
            Stmt::While(w) => (Class::While, vec![self.expr(&w.test)?, self.stmts(&w.body)?, self.stmts(&w.orelse)?]),
            Stmt::With(w) => {
                let class = if w.is_async { Class::AsyncWith } else { Class::With };
                let items = self.list(&w.items, |r, item| {
                    let context = r.expr(&item.context_expr)?;
                    Ok(bare(Class::withitem, vec![context, r.maybe_expr(item.optional_vars.as_deref())?]))
                })?;
                (class, vec![items, self.stmts(&w.body)?, Field::Absent])
            }
            Stmt::Match(m) => {
                let subject = self.expr(&m.subject)?;
                let cases = self.list(&m.cases, |r, case| {
                    let pattern = r.pattern(&case.pattern)?;
                    let guard = r.maybe_expr(case.guard.as_deref())?;
                    Ok(bare(Class::match_case, vec![pattern, guard, r.stmts(&case.body)?]))
                })?;
                (Class::Match, vec![subject, cases])
            }
            Stmt::Raise(r) => {
                (Class::Raise, vec![self.maybe_expr(r.exc.as_deref())?, self.maybe_expr(r.cause.as_deref())?])
            }
            Stmt::Assert(a) => (Class::Assert, vec![self.expr(&a.test)?, self.maybe_expr(a.msg.as_deref())?]),
            Stmt::Import(i) => (Class::Import, vec![self.aliases(&i.names)?]),
            Stmt::ImportFrom(i) => {
                let names = self.aliases(&i.names)?;
                (Class::ImportFrom, vec![identifier(i.module.as_ref()), names, Field::Int(i.level as i32)])
            }
            Stmt::Global(g) => (Class::Global, vec![names(&g.names)]),
            Stmt::Nonlocal(n) => (Class::Nonlocal, vec![names(&n.names)]),
            Stmt::Expr(e) => (Class::Expr, vec![self.expr(&e.value)?]),
            Stmt::Pass(_) => (Class::Pass, Vec::new()),
            Stmt::Break(_) => (Class::Break, Vec::new()),
            Stmt::Continue(_) => (Class::Continue, Vec::new()),
            Stmt::IpyEscapeCommand(_) => return Err(super::broken()),
        };
        Ok(self.node(class, range, fields))
    }

    /// A definition begins at its keyword, not at its decorators.
    fn definition(&self, range: TextRange, decorators: &[ast::Decorator]) -> TextRange {
        let last = decorators.last().map(|d| d.range().end());
        TextRange::new(self.map.definition_start(range, last), range.end())
    }

    fn function(&mut self, f: &ast::StmtFunctionDef) -> Read {
        let class = if f.is_async { Class::AsyncFunctionDef } else { Class::FunctionDef };
        let fields = vec![
            name(&f.name.id),
            self.parameters(Some(&f.parameters))?,
            self.stmts(&f.body)?,
            self.list(&f.decorator_list, |r, d| r.expr(&d.expression))?,
            self.maybe_expr(f.returns.as_deref())?,
            Field::Absent,
            self.type_params(f.type_params.as_deref())?,
        ];
        Ok(self.node(class, self.definition(f.range, &f.decorator_list), fields))
    }

    fn class(&mut self, c: &ast::StmtClassDef) -> Read {
        let (bases, keywords) = match c.arguments.as_deref() {
            Some(a) => (self.exprs(&a.args)?, self.keywords(&a.keywords)?),
            None => (Field::List(Vec::new()), Field::List(Vec::new())),
        };
        let fields = vec![
            name(&c.name.id),
            bases,
            keywords,
            self.stmts(&c.body)?,
            self.list(&c.decorator_list, |r, d| r.expr(&d.expression))?,
            self.type_params(c.type_params.as_deref())?,
        ];
        Ok(self.node(Class::ClassDef, self.definition(c.range, &c.decorator_list), fields))
    }

    /// `elif` is an `if` in the `else` of the one before.
    fn if_(&mut self, i: &ast::StmtIf) -> Read {
        let end = i.range.end();
        let mut orelse = Field::List(Vec::new());
        for ElifElseClause { range, test, body, .. } in i.elif_else_clauses.iter().rev() {
            orelse = match test {
                None => self.stmts(body)?,
                Some(test) => {
                    let fields = vec![self.expr(test)?, self.stmts(body)?, orelse];
                    Field::List(vec![self.node(Class::If, TextRange::new(range.start(), end), fields)])
                }
            };
        }
        let fields = vec![self.expr(&i.test)?, self.stmts(&i.body)?, orelse];
        Ok(self.node(Class::If, i.range, fields))
    }

    fn try_(&mut self, t: &ast::StmtTry) -> Read {
        let class = if t.is_star { Class::TryStar } else { Class::Try };
        let body = self.stmts(&t.body)?;
        let handlers = self.list(&t.handlers, |r, ExceptHandler::ExceptHandler(h)| {
            let kind = r.maybe_expr(h.type_.as_deref())?;
            let fields = vec![kind, identifier(h.name.as_ref()), r.stmts(&h.body)?];
            Ok(r.node(Class::ExceptHandler, h.range, fields))
        })?;
        let fields = vec![body, handlers, self.stmts(&t.orelse)?, self.stmts(&t.finalbody)?];
        Ok(self.node(class, t.range, fields))
    }

    fn aliases(&mut self, list: &[ast::Alias]) -> Read {
        self.list(list, |r, a| Ok(r.node(Class::alias, a.range, vec![name(&a.name.id), identifier(a.asname.as_ref())])))
    }

    fn type_params(&mut self, params: Option<&ast::TypeParams>) -> Read {
        self.list(params.map_or(&[][..], |p| &p.type_params), |r, param| {
            let (class, fields) = match param {
                TypeParam::TypeVar(v) => {
                    let bound = r.maybe_expr(v.bound.as_deref())?;
                    (Class::TypeVar, vec![name(&v.name.id), bound, r.maybe_expr(v.default.as_deref())?])
                }
                TypeParam::ParamSpec(p) => {
                    (Class::ParamSpec, vec![name(&p.name.id), r.maybe_expr(p.default.as_deref())?])
                }
                TypeParam::TypeVarTuple(v) => {
                    (Class::TypeVarTuple, vec![name(&v.name.id), r.maybe_expr(v.default.as_deref())?])
                }
            };
            Ok(r.node(class, param.range(), fields))
        })
    }
}

fn names(list: &[ast::Identifier]) -> Field {
    Field::List(list.iter().map(|n| name(&n.id)).collect())
}
