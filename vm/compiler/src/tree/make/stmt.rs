//! Statements.

use super::expr::operator;
use super::{Make, Maker, field, flag, inner, unexpected};
use crate::tree::table::Class;
use crate::tree::{Field, Node};
use ruff_python_ast::{self as ast, ElifElseClause, ExceptHandler, Stmt, TypeParam};

impl Maker {
    pub(super) fn stmts(&mut self, list: &Field) -> Make<Vec<Stmt>> {
        self.list(list, |m, s| m.deeper(|m| m.stmt(inner(s)?)))
    }

    fn stmt(&mut self, n: &Node) -> Make<Stmt> {
        let f = |at| field(n, at);
        match n.class {
            Class::FunctionDef | Class::AsyncFunctionDef => return self.function(n),
            Class::ClassDef => return self.class(n),
            Class::If => return self.if_(n),
            Class::Try | Class::TryStar => return self.try_(n),
            Class::For | Class::AsyncFor | Class::While => return self.loop_(n),
            Class::With | Class::AsyncWith | Class::Match => return self.block(n),
            _ => {}
        }
        let (range, node_index) = (self.range(n.span)?, Default::default());
        Ok(match n.class {
            Class::Return => ast::StmtReturn { node_index, range, value: self.maybe_box(f(0))? }.into(),
            Class::Delete => ast::StmtDelete { node_index, range, targets: self.exprs(f(0))? }.into(),
            Class::Assign => {
                let (targets, value) = (self.exprs(f(0))?, self.boxed(f(1))?);
                ast::StmtAssign { node_index, range, targets, value }.into()
            }
            Class::TypeAlias => {
                let (name, type_params) = (self.boxed(f(0))?, self.type_params(f(1))?);
                ast::StmtTypeAlias { node_index, range, name, type_params, value: self.boxed(f(2))? }.into()
            }
            Class::AugAssign => {
                let (target, op) = (self.boxed(f(0))?, operator(f(1), n)?);
                ast::StmtAugAssign { node_index, range, target, op, value: self.boxed(f(2))? }.into()
            }
            Class::AnnAssign => {
                let (target, annotation) = (self.boxed(f(0))?, self.boxed(f(1))?);
                let (value, simple) = (self.maybe_box(f(2))?, flag(f(3)));
                ast::StmtAnnAssign { node_index, range, target, annotation, value, simple }.into()
            }
            Class::Raise => {
                let (exc, cause) = (self.maybe_box(f(0))?, self.maybe_box(f(1))?);
                ast::StmtRaise { node_index, range, exc, cause }.into()
            }
            Class::Assert => {
                let (test, msg) = (self.boxed(f(0))?, self.maybe_box(f(1))?);
                ast::StmtAssert { node_index, range, test, msg }.into()
            }
            Class::Import => ast::StmtImport { node_index, range, names: self.aliases(f(0))?, is_lazy: false }.into(),
            Class::ImportFrom => {
                let (module, names) = (self.maybe_identifier(f(0), n.span)?, self.aliases(f(1))?);
                let level = if let Field::Int(level) = f(2) { (*level).max(0) as u32 } else { 0 };
                ast::StmtImportFrom { node_index, range, module, names, level, is_lazy: false }.into()
            }
            Class::Global => ast::StmtGlobal { node_index, range, names: self.names(n)? }.into(),
            Class::Nonlocal => ast::StmtNonlocal { node_index, range, names: self.names(n)? }.into(),
            Class::Expr => ast::StmtExpr { node_index, range, value: self.boxed(f(0))? }.into(),
            Class::Pass => ast::StmtPass { node_index, range }.into(),
            Class::Break => ast::StmtBreak { node_index, range }.into(),
            Class::Continue => ast::StmtContinue { node_index, range }.into(),
            _ => return Err(unexpected(n)),
        })
    }

    fn names(&mut self, n: &Node) -> Make<Vec<ast::Identifier>> {
        self.list(field(n, 0), |m, name| m.identifier(name, n.span))
    }

    fn aliases(&mut self, list: &Field) -> Make<Vec<ast::Alias>> {
        self.list(list, |m, found| {
            let n = inner(found)?;
            let range = m.range(n.span)?;
            let (name, asname) = (m.identifier(field(n, 0), n.span)?, m.maybe_identifier(field(n, 1), n.span)?);
            Ok(ast::Alias { node_index: Default::default(), range, name, asname })
        })
    }

    fn decorators(&mut self, list: &Field) -> Make<Vec<ast::Decorator>> {
        self.list(list, |m, found| {
            let span = inner(found)?.span;
            let range = m.range(span)?;
            let expression = m.expr(found)?;
            Ok(ast::Decorator { node_index: Default::default(), range, expression })
        })
    }

    fn function(&mut self, n: &Node) -> Make<Stmt> {
        let f = |at| field(n, at);
        let decorator_list = self.decorators(f(3))?;
        let range = self.range(n.span)?;
        let name = self.identifier(f(0), n.span)?;
        let type_params = self.type_params(f(6))?;
        let parameters = Box::new(self.parameters(inner(f(1))?)?);
        let returns = self.maybe_box(f(4))?;
        let body = self.stmts(f(2))?;
        Ok(Stmt::FunctionDef(ast::StmtFunctionDef {
            node_index: Default::default(),
            range,
            is_async: n.class == Class::AsyncFunctionDef,
            decorator_list: decorator_list.into(),
            name,
            type_params,
            parameters,
            returns,
            body: body.into(),
        }))
    }

    fn class(&mut self, n: &Node) -> Make<Stmt> {
        let f = |at| field(n, at);
        let decorator_list = self.decorators(f(4))?;
        let range = self.range(n.span)?;
        let name = self.identifier(f(0), n.span)?;
        let type_params = self.type_params(f(5))?;
        let bare = f(1).list().is_empty() && f(2).list().is_empty();
        let arguments = if bare { None } else { Some(Box::new(self.arguments(f(1), f(2), n.span)?)) };
        let body = self.stmts(f(3))?;
        Ok(Stmt::ClassDef(ast::StmtClassDef {
            node_index: Default::default(),
            range,
            decorator_list: decorator_list.into(),
            name,
            type_params,
            arguments,
            body: body.into(),
        }))
    }

    /// An `if` that is all there is in an `else` becomes an `elif`, so that chains stay flat.
    fn if_(&mut self, n: &Node) -> Make<Stmt> {
        let range = self.range(n.span)?;
        let (test, body) = (self.boxed(field(n, 0))?, self.stmts(field(n, 1))?);
        let mut elif_else_clauses = Vec::new();
        let mut orelse = field(n, 2);
        while let [first, ..] = orelse.list() {
            let chained = first.node().filter(|i| i.class == Class::If && orelse.list().len() == 1);
            let span = chained.or(first.node()).map_or(n.span, |s| s.span);
            let range = self.range(span)?;
            let (test, body) = match chained {
                Some(i) => (Some(self.expr(field(i, 0))?), self.stmts(field(i, 1))?),
                None => (None, self.stmts(orelse)?),
            };
            elif_else_clauses.push(ElifElseClause { range, node_index: Default::default(), test, body: body.into() });
            match chained {
                Some(i) => orelse = field(i, 2),
                None => break,
            }
        }
        let node_index = Default::default();
        Ok(ast::StmtIf { node_index, range, test, body: body.into(), elif_else_clauses }.into())
    }

    fn try_(&mut self, n: &Node) -> Make<Stmt> {
        let range = self.range(n.span)?;
        let body = self.stmts(field(n, 0))?.into();
        let handlers = self.list(field(n, 1), |m, found| {
            let h = inner(found)?;
            let range = m.range(h.span)?;
            let (type_, name) = (m.maybe_box(field(h, 0))?, m.maybe_identifier(field(h, 1), h.span)?);
            let body = m.stmts(field(h, 2))?.into();
            let node_index = Default::default();
            Ok(ExceptHandler::ExceptHandler(ast::ExceptHandlerExceptHandler { range, node_index, type_, name, body }))
        })?;
        let (orelse, finalbody) = (self.stmts(field(n, 2))?.into(), self.stmts(field(n, 3))?.into());
        let node_index = Default::default();
        let is_star = n.class == Class::TryStar;
        Ok(ast::StmtTry { node_index, range, body, handlers, orelse, finalbody, is_star }.into())
    }

    fn loop_(&mut self, n: &Node) -> Make<Stmt> {
        let range = self.range(n.span)?;
        let node_index = Default::default();
        if n.class == Class::While {
            let test = self.boxed(field(n, 0))?;
            let (body, orelse) = (self.stmts(field(n, 1))?.into(), self.stmts(field(n, 2))?.into());
            return Ok(ast::StmtWhile { node_index, range, test, body, orelse }.into());
        }
        let (target, iter) = (self.boxed(field(n, 0))?, self.boxed(field(n, 1))?);
        let (body, orelse) = (self.stmts(field(n, 2))?.into(), self.stmts(field(n, 3))?.into());
        let is_async = n.class == Class::AsyncFor;
        Ok(ast::StmtFor { node_index, range, is_async, target, iter, body, orelse }.into())
    }

    fn block(&mut self, n: &Node) -> Make<Stmt> {
        let range = self.range(n.span)?;
        if n.class == Class::Match {
            let subject = self.boxed(field(n, 0))?;
            let cases = self.list(field(n, 1), |m, found| m.case(inner(found)?))?;
            let node_index = Default::default();
            return Ok(ast::StmtMatch { node_index, range, subject, cases }.into());
        }
        let items = self.list(field(n, 0), |m, found| {
            let item = inner(found)?;
            let span = inner(field(item, 0))?.span;
            let range = m.range(span)?;
            let (context_expr, optional_vars) = (m.expr(field(item, 0))?, m.maybe_box(field(item, 1))?);
            let node_index = Default::default();
            Ok(ast::WithItem { range, node_index, context_expr, optional_vars })
        })?;
        let body = self.stmts(field(n, 1))?.into();
        let node_index = Default::default();
        let is_async = n.class == Class::AsyncWith;
        Ok(ast::StmtWith { node_index, range, is_async, items, body }.into())
    }

    fn case(&mut self, n: &Node) -> Make<ast::MatchCase> {
        let span = inner(field(n, 0))?.span;
        let range = self.range(span)?;
        let pattern = self.pattern(field(n, 0))?;
        let guard = self.maybe_box(field(n, 1))?;
        let body = self.stmts(field(n, 2))?.into();
        let node_index = Default::default();
        Ok(ast::MatchCase { range, node_index, pattern, guard, body })
    }

    fn type_params(&mut self, list: &Field) -> Make<Option<Box<ast::TypeParams>>> {
        let Some(first) = list.list().first() else { return Ok(None) };
        let span = inner(first)?.span;
        let range = self.range(span)?;
        let type_params = self.list(list, |m, found| m.type_param(inner(found)?))?;
        let node_index = Default::default();
        Ok(Some(Box::new(ast::TypeParams { range, node_index, type_params })))
    }

    fn type_param(&mut self, n: &Node) -> Make<TypeParam> {
        let range = self.range(n.span)?;
        let name = self.identifier(field(n, 0), n.span)?;
        let second = self.maybe_box(field(n, 1))?;
        let third = self.maybe_box(field(n, 2))?;
        let node_index = Default::default();
        Ok(match n.class {
            Class::TypeVar => ast::TypeParamTypeVar { node_index, range, name, bound: second, default: third }.into(),
            Class::ParamSpec => ast::TypeParamParamSpec { node_index, range, name, default: second }.into(),
            _ => ast::TypeParamTypeVarTuple { node_index, range, name, default: second }.into(),
        })
    }
}
