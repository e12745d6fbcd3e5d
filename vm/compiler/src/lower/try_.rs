//! `try`: handlers, exception groups and `finally`.
//!
//! A handler for temporaries from register `d` finds the exception there and begins with `PushExc d`, so that `d + 1`
//! holds the exception handled before. It is itself covered: what it raises arrives in `d + 2`, and is raised again
//! once `PopExc d` has put things back.

use super::expr::Want;
use super::{BlockKind, Compiler, Done};
use crate::emit::{Cover, Label, Loc, Val};
use ruff_python_ast::{self as ast, ExceptHandler, ExceptHandlerExceptHandler, Stmt};
use typhon_isa::Opcode;
use typhon_isa::opcode::Intrinsic2Kind;

impl<'a> Compiler<'a> {
    pub(crate) fn try_statement(&mut self, t: &'a ast::StmtTry) -> Done {
        self.e().mark();
        if t.finalbody.is_empty() { self.try_inner(t) } else { self.try_finally(t) }
    }

    fn try_inner(&mut self, t: &'a ast::StmtTry) -> Done {
        match (t.handlers.is_empty(), t.is_star) {
            (true, _) => {
                self.stmts(&t.body)?;
                self.stmts(&t.orelse)
            }
            (false, false) => self.try_except(t),
            (false, true) => self.try_star(t),
        }
    }

    fn try_finally(&mut self, t: &'a ast::StmtTry) -> Done {
        let body: &'a [Stmt] = &t.finalbody;
        let depth = self.top();
        let (handler, end) = (self.e().label(), self.e().label());
        self.push_block(BlockKind::FinallyTry { body })?;
        self.protect(handler, depth);
        self.try_inner(t)?;
        self.pop_block();
        self.stmts(body)?;
        self.at(Loc::NONE);
        self.e().jump(end);
        self.e().bind(handler);
        let (cleanup, outer) = self.enter_handler(depth);
        self.push_block_in(BlockKind::FinallyEnd { exc: depth }, outer)?;
        self.stmts(body)?;
        self.at(Loc::NONE);
        self.e().use1(Opcode::Reraise, Val::kept(depth));
        self.pop_block();
        self.leave_handler(depth, cleanup);
        self.set_top(depth);
        self.e().bind(end);
        Ok(())
    }

    /// Begins a handler: the exception in `depth` is the handled one from here on. Answers the label of its cleanup and
    /// the handler in force outside.
    pub(crate) fn enter_handler(&mut self, depth: u16) -> (Label, Cover) {
        let outer = self.e().cover;
        let cleanup = self.e().label();
        self.at(Loc::NONE);
        self.set_top(depth);
        self.e().alloc_n(2);
        self.e().op1(Opcode::PushExc, depth);
        self.protect(cleanup, depth + 2);
        (cleanup, outer)
    }

    /// What a handler does with an exception of its own; the outer handler must be in force.
    pub(crate) fn leave_handler(&mut self, depth: u16, cleanup: Label) {
        self.at(Loc::NONE);
        self.set_top(depth);
        let e = self.e();
        e.alloc_n(3);
        e.bind(cleanup);
        e.op1(Opcode::PopExc, depth);
        e.reraise_from_where_it_was(Val::temp(depth + 2));
    }

    fn try_except(&mut self, t: &'a ast::StmtTry) -> Done {
        let depth = self.top();
        let (handler, end) = (self.e().label(), self.e().label());
        self.push_block(BlockKind::TryExcept)?;
        self.protect(handler, depth);
        self.stmts(&t.body)?;
        self.pop_block();
        self.stmts(&t.orelse)?;
        self.at(Loc::NONE);
        self.e().jump(end);
        self.e().bind(handler);
        let (cleanup, outer) = self.enter_handler(depth);
        let inside = self.e().cover;
        self.push_block_in(BlockKind::Handler, outer)?;
        let mut caught_all = false;
        let mut last = Loc::NONE;
        for (i, ExceptHandler::ExceptHandler(h)) in t.handlers.iter().enumerate() {
            let next = self.e().label();
            self.at(h.range);
            last = type_range(h);
            match &h.type_ {
                Some(type_) => {
                    let base = self.top();
                    let value = self.operand(type_)?;
                    let out = self.out(base, Want::Top);
                    self.at(type_range(h));
                    self.e().op3(Opcode::CheckExc, 0, out.reg, Val::kept(depth), value);
                    self.branch_on(out, next, false);
                    self.set_top(base);
                }
                None if i + 1 < t.handlers.len() => {
                    return Err(self.error(h.range, "default 'except:' must be last"));
                }
                None => {
                    caught_all = true;
                    self.e().mark();
                }
            }
            self.handler_body(h, depth, (outer, inside), end)?;
            self.e().bind(next);
        }
        if !caught_all {
            self.at(last);
            self.e().use1(Opcode::Reraise, Val::kept(depth));
        }
        self.pop_block();
        self.leave_handler(depth, cleanup);
        self.set_top(depth);
        self.e().bind(end);
        Ok(())
    }

    /// The body of one handler, from its name to the jump to the end.
    fn handler_body(
        &mut self,
        h: &'a ExceptHandlerExceptHandler,
        depth: u16,
        (outer, inside): (Cover, Cover),
        end: Label,
    ) -> Done {
        let name = h.name.as_ref().map(|n| &n.id);
        let failed = self.e().label();
        if let Some(name) = name {
            self.store_name(name, Val::kept(depth))?;
            self.protect(failed, depth + 2);
        }
        self.push_block_in(BlockKind::HandlerCleanup { exc: depth, name }, outer)?;
        self.stmts(&h.body)?;
        self.pop_block();
        self.at(Loc::NONE);
        self.e().op1(Opcode::PopExc, depth);
        if let Some(name) = name {
            self.unbind(name)?;
        }
        self.e().jump(end);
        self.e().cover = inside;
        if let Some(name) = name {
            self.e().bind(failed);
            let before = self.top();
            let exc = self.e().alloc();
            self.unbind(name)?;
            self.e().reraise_from_where_it_was(Val::temp(exc));
            self.set_top(before);
        }
        Ok(())
    }

    /// `try ... except*`. Registers of the handler: the group and the one handled before, a copy of the group, the
    /// list of what handlers raised, then what is left to match.
    fn try_star(&mut self, t: &'a ast::StmtTry) -> Done {
        let depth = self.top();
        let (handler, end) = (self.e().label(), self.e().label());
        self.push_block(BlockKind::TryExcept)?;
        self.protect(handler, depth);
        self.stmts(&t.body)?;
        self.pop_block();
        self.stmts(&t.orelse)?;
        self.at(Loc::NONE);
        self.e().jump(end);
        self.e().bind(handler);
        let (cleanup, outer) = self.enter_handler(depth);
        let inside = self.e().cover;
        self.push_block_in(BlockKind::GroupHandler, outer)?;
        let list = self.e().alloc();
        let rest = self.e().alloc();
        self.e().push(Opcode::BuildList, 0, list, list, 0);
        self.e().move_(rest, Val::kept(depth));
        for ExceptHandler::ExceptHandler(h) in &t.handlers {
            self.star_handler(h, (list, rest), inside)?;
        }
        self.at(Loc::NONE);
        self.e().op2(Opcode::ListAppend, 0, list, Val::temp(rest), 0);
        self.set_top(rest);
        let original = self.e().alloc();
        self.e().move_(original, Val::kept(depth));
        let kind = Intrinsic2Kind::PrepReraiseStar as u8;
        self.e().op3(Opcode::Intrinsic2, kind, list, Val::temp(original), Val::temp(list));
        let done = self.e().label();
        self.e().branch(Opcode::JumpIfNone, Val::kept(list), done);
        self.e().cover = outer;
        self.e().op1(Opcode::PopExc, depth);
        self.e().use1(Opcode::Reraise, Val::temp(list));
        self.e().bind(done);
        self.e().clear(list);
        self.e().op1(Opcode::PopExc, depth);
        self.e().jump(end);
        self.pop_block();
        self.leave_handler(depth, cleanup);
        self.set_top(depth);
        self.e().bind(end);
        Ok(())
    }

    fn star_handler(&mut self, h: &'a ExceptHandlerExceptHandler, (list, rest): (u16, u16), inside: Cover) -> Done {
        let (no_match, next, failed) = (self.e().label(), self.e().label(), self.e().label());
        self.at(h.range);
        let Some(type_) = &h.type_ else {
            return Err(self.error(h.range, "expected one or more exception types"));
        };
        let base = self.top();
        let matched = self.e().alloc();
        self.e().alloc();
        let value = self.operand(type_)?;
        self.at(type_range(h));
        self.e().op3(Opcode::CheckExcGroup, 0, matched, Val::temp(rest), value);
        self.e().move_(rest, Val::temp(matched + 1));
        self.set_top(matched + 1);
        self.e().branch(Opcode::JumpIfNone, Val::kept(matched), no_match);
        let name = h.name.as_ref().map(|n| &n.id);
        match name {
            Some(name) => self.store_name(name, Val::temp(matched))?,
            None => self.e().clear(matched),
        }
        self.set_top(base);
        self.protect(failed, base);
        self.push_block_in(BlockKind::HandlerCleanup { exc: base, name }, inside)?;
        self.stmts(&h.body)?;
        self.pop_block();
        self.at(Loc::NONE);
        if let Some(name) = name {
            self.unbind(name)?;
        }
        self.e().jump(next);
        self.e().bind(failed);
        let exc = self.e().alloc();
        if let Some(name) = name {
            self.unbind(name)?;
        }
        self.e().op2(Opcode::ListAppend, 0, list, Val::temp(exc), 0);
        self.e().jump(next);
        self.e().bind(no_match);
        self.e().clear(matched);
        self.e().bind(next);
        self.set_top(base);
        Ok(())
    }
}

/// The range of a handler's test: from `except` to the end of the type.
fn type_range(h: &ExceptHandlerExceptHandler) -> Loc {
    Loc::from(h.range)
}
