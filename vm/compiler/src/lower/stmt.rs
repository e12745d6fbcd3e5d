//! Statements.

use super::expr::Want;
use super::{BlockKind, Compiler, Done, UnitKind};
use crate::emit::{Loc, Val};
use crate::{ModuleResult, fold, text};
use ruff_python_ast::{self as ast, Expr, Stmt};
use ruff_text_size::Ranged;
use typhon_isa::opcode::{CommonKind, Intrinsic1Kind};
use typhon_isa::{Const, Opcode};

impl<'a> Compiler<'a> {
    pub(crate) fn stmts(&mut self, body: &'a [Stmt]) -> Done {
        body.iter().try_for_each(|s| self.stmt(s))
    }

    /// The docstring of a body and what follows it. The docstring itself is left out under `-OO`.
    pub(crate) fn docstring(&self, body: &'a [Stmt]) -> Option<(Option<Const>, &'a [Stmt])> {
        let (Stmt::Expr(first), rest) = body.split_first()? else { return None };
        let Expr::StringLiteral(s) = first.value.as_ref() else { return None };
        if self.options.optimize >= 2 {
            return Some((None, rest));
        }
        Some((Some(Const::Str(text::clean_doc(&text::string(s, self.map)))), rest))
    }

    fn stmt(&mut self, s: &'a Stmt) -> Done {
        self.deeper(|c| c.stmt_inner(s))
    }

    fn stmt_inner(&mut self, s: &'a Stmt) -> Done {
        self.at(s.range());
        match s {
            Stmt::FunctionDef(f) => self.function_def(f),
            Stmt::ClassDef(c) => self.class_def(c),
            Stmt::TypeAlias(t) => self.type_alias(t),
            Stmt::Return(r) => self.return_(r),
            Stmt::Delete(d) => d.targets.iter().try_for_each(|t| self.delete(t)),
            Stmt::Assign(a) => self.assign(a),
            Stmt::AugAssign(a) => self.aug_assign(a),
            Stmt::AnnAssign(a) => self.ann_assign(a),
            Stmt::For(f) => self.conditional(|c| c.for_(f)),
            Stmt::While(w) => self.conditional(|c| c.while_(w)),
            Stmt::If(i) => self.conditional(|c| c.if_(i)),
            Stmt::With(w) => self.conditional(|c| c.with(w)),
            Stmt::Match(m) => self.conditional(|c| c.match_(m)),
            Stmt::Raise(r) => self.raise(r),
            Stmt::Try(t) => self.conditional(|c| c.try_statement(t)),
            Stmt::Assert(a) => self.assert(a),
            Stmt::Import(i) => self.import(i),
            Stmt::ImportFrom(i) => self.import_from(i),
            Stmt::Expr(e) => self.expr_statement(e),
            Stmt::Break(b) => self.break_(b),
            Stmt::Continue(c) => self.continue_(c),
            Stmt::Pass(_) => {
                self.e().mark();
                Ok(())
            }
            Stmt::Global(_) | Stmt::Nonlocal(_) => Ok(()),
            Stmt::IpyEscapeCommand(i) => Err(self.error(i.range, "invalid syntax")),
        }
    }

    /// Annotations inside `f` may not be executed.
    fn conditional(&mut self, f: impl FnOnce(&mut Self) -> Done) -> Done {
        let before = std::mem::replace(&mut self.unit().in_conditional, true);
        f(self)?;
        self.unit().in_conditional = before;
        Ok(())
    }

    fn expr_statement(&mut self, e: &'a ast::StmtExpr) -> Done {
        let base = self.top();
        if self.interactive && self.units.len() == 1 {
            let value = self.operand(&e.value)?;
            self.at(e.range);
            let out = self.out(base, Want::Top);
            self.e().op2(Opcode::Intrinsic1, Intrinsic1Kind::Print as u8, out.reg, value, 0);
            self.e().clear(out.reg);
        } else if self.const_of(&e.value).is_none() {
            let value = self.operand(&e.value)?;
            self.at(e.range);
            self.e().discard(value);
            if !value.temp {
                self.e().mark();
            }
        } else {
            self.e().mark();
        }
        self.set_top(base);
        Ok(())
    }

    fn ann_assign(&mut self, a: &'a ast::StmtAnnAssign) -> Done {
        let base = self.top();
        if let Some(value) = &a.value {
            self.assign_from(&a.target, value)?;
            self.set_top(base);
        }
        let is_function = self.scope().is_function_like();
        match a.target.as_ref() {
            Expr::Name(name) if a.simple => return self.annotated_name(a, &name.id),
            Expr::Name(_) => {}
            Expr::Attribute(t) if a.value.is_none() => self.drop_value(&t.value)?,
            Expr::Subscript(t) if a.value.is_none() => {
                self.drop_value(&t.value)?;
                self.drop_value(&t.slice)?;
            }
            _ => {}
        }
        if !self.future_annotations() && !is_function {
            self.drop_value(&a.annotation)?;
        }
        Ok(())
    }

    /// Evaluates an expression for its effects.
    fn drop_value(&mut self, e: &'a Expr) -> Done {
        let base = self.top();
        let value = self.operand(e)?;
        self.e().discard(value);
        self.set_top(base);
        Ok(())
    }

    fn if_(&mut self, i: &'a ast::StmtIf) -> Done {
        let end = self.e().label();
        let mut next = self.e().label();
        let mut live = self.clause(&i.test, &i.body, next)?;
        let clauses = &i.elif_else_clauses;
        for clause in clauses {
            if live {
                self.at(Loc::NONE);
                self.e().jump(end);
            }
            self.e().bind(next);
            next = self.e().label();
            match &clause.test {
                Some(test) => live = self.clause(test, &clause.body, next)?,
                None => self.stmts(&clause.body)?,
            }
        }
        self.e().bind(next);
        self.e().bind(end);
        Ok(())
    }

    /// One test and its body; false when the body's end needs no jump.
    fn clause(
        &mut self,
        test: &'a Expr,
        body: &'a [Stmt],
        next: crate::emit::Label,
    ) -> Result<bool, crate::SyntaxError> {
        let truth = self.const_of(test).and_then(|c| fold::truth(&c));
        if truth == Some(false) {
            // The body is compiled for its errors only.
            self.at(test.range());
            self.e().jump(next);
        } else {
            self.jump_if(test, next, false)?;
        }
        self.stmts(body)?;
        Ok(true)
    }

    fn while_(&mut self, w: &'a ast::StmtWhile) -> Done {
        let (orelse, end) = (self.e().label(), self.e().label());
        let start = self.e().here();
        self.push_block(BlockKind::While { start, end })?;
        self.jump_if(&w.test, orelse, false)?;
        self.stmts(&w.body)?;
        self.at(Loc::NONE);
        self.e().jump_back(start);
        self.pop_block();
        self.e().bind(orelse);
        self.stmts(&w.orelse)?;
        self.e().bind(end);
        Ok(())
    }

    fn raise(&mut self, r: &'a ast::StmtRaise) -> Done {
        let base = self.top();
        let (kind, exc, cause) = match (&r.exc, &r.cause) {
            (Some(exc), Some(cause)) => {
                let exc = self.operand_before(exc, &[cause])?;
                (2, exc, self.operand(cause)?)
            }
            (Some(exc), None) => (1, self.operand(exc)?, Val::kept(0)),
            _ => (0, Val::kept(0), Val::kept(0)),
        };
        self.at(r.range);
        self.e().op3(Opcode::Raise, kind, 0, exc, cause);
        self.set_top(base);
        Ok(())
    }

    fn assert(&mut self, a: &'a ast::StmtAssert) -> Done {
        if self.options.optimize > 0 {
            return Ok(());
        }
        let end = self.e().label();
        let base = self.top();
        self.jump_if(&a.test, end, true)?;
        self.at(a.range);
        let error = self.e().alloc();
        self.e().push(Opcode::LoadCommon, CommonKind::AssertionError as u8, error, 0, 0);
        if let Some(message) = &a.msg {
            self.expr_top(message)?;
            self.at(a.range);
            self.e().push(Opcode::Call, 0, error, error, 1);
        }
        self.at(a.test.range());
        self.e().op3(Opcode::Raise, 1, 0, Val::temp(error), Val::kept(0));
        self.set_top(base);
        self.e().bind(end);
        Ok(())
    }

    fn return_(&mut self, r: &'a ast::StmtReturn) -> Done {
        let allowed = self.options.result == ModuleResult::Return && self.unit_ref().kind == UnitKind::Module;
        if !allowed && (!self.scope().is_function_like() || self.unit_ref().kind == UnitKind::Class) {
            return Err(self.error(r.range, "'return' outside function"));
        }
        let scope = self.scope();
        if r.value.is_some() && scope.coroutine && scope.generator {
            return Err(self.error(r.range, "'return' with value in async generator"));
        }
        let base = self.top();
        let constant = match &r.value {
            None => Some(Const::None),
            Some(value) => self.const_of(value),
        };
        if let Some(constant) = constant {
            self.e().mark();
            let cover = self.unwind_all(r.range.into(), None)?;
            let index = self.e().consts.add(constant);
            self.e().push(Opcode::ReturnConst, 0, 0, 0, 0).set_bc(index);
            self.e().cover = cover;
        } else if let Some(value) = &r.value {
            let value = if self.runs_code_on_exit() { self.expr_top(value)? } else { self.operand(value)? };
            let cover = self.unwind_all(r.range.into(), Some(value))?;
            self.e().use1(Opcode::Return, value);
            self.e().cover = cover;
        }
        self.set_top(base);
        Ok(())
    }
}
