//! `with` and `async with`.
//!
//! The exit method and its self stay in two registers while the body runs.

use super::expr::Want;
use super::{BlockKind, Compiler, Done};
use crate::emit::{Loc, Val};
use ruff_python_ast as ast;
use ruff_text_size::Ranged;
use typhon_isa::opcode::{ResumeKind, SpecialKind};
use typhon_isa::{Const, Opcode};

/// Messages of `GetAwaitable` for what `__aenter__` and `__aexit__` return.
const AWAIT_ENTER: u8 = 1;
const AWAIT_EXIT: u8 = 2;

impl<'a> Compiler<'a> {
    pub(crate) fn with(&mut self, w: &'a ast::StmtWith) -> Done {
        if w.is_async && !self.in_async() {
            return Err(self.error(w.range, "'async with' outside async function"));
        }
        self.with_items(w, 0)
    }

    fn with_items(&mut self, w: &'a ast::StmtWith, index: usize) -> Done {
        let Some(item) = w.items.get(index) else { return self.stmts(&w.body) };
        self.deeper(|c| c.with_item(w, item, index))
    }

    fn with_item(&mut self, w: &'a ast::StmtWith, item: &'a ast::WithItem, index: usize) -> Done {
        let exit = self.e().alloc_n(2);
        let depth = exit + 2;
        let manager = self.operand(&item.context_expr)?;
        let loc = Loc::from(item.context_expr.range());
        self.at(loc);
        let (enter, leave) = if w.is_async {
            (SpecialKind::AEnter, SpecialKind::AExit)
        } else {
            (SpecialKind::Enter, SpecialKind::Exit)
        };
        self.e().op2(Opcode::LoadSpecial, leave as u8, exit, manager.keep(), 0);
        self.set_top(depth);
        let method = self.e().alloc_n(2);
        self.e().op2(Opcode::LoadSpecial, enter as u8, method, manager, 0);
        self.e().push(Opcode::CallMethod, 0, method, method, 0);
        self.set_top(depth);
        let mut value = Val::temp(self.e().alloc());
        if w.is_async {
            self.e().op2(Opcode::GetAwaitable, AWAIT_ENTER, value.reg, value, 0);
            value = self.send_loop(value.reg, ResumeKind::AfterAwait);
        }
        let (handler, end) = (self.e().label(), self.e().label());
        self.push_block(BlockKind::With { exit, is_async: w.is_async })?;
        self.protect(handler, depth);
        match &item.optional_vars {
            Some(target) => self.store(target, value)?,
            None => self.e().clear(value.reg),
        }
        self.set_top(depth);
        self.with_items(w, index + 1)?;
        self.pop_block();
        self.at(loc);
        self.exit_normally(exit, w.is_async)?;
        self.at(Loc::NONE);
        self.e().jump(end);
        self.e().bind(handler);
        let (cleanup, outer) = self.enter_handler(depth);
        self.at(loc);
        let suppress = self.e().label();
        let result = self.e().alloc();
        self.e().op3(Opcode::WithExcept, 0, result, Val::kept(exit), Val::kept(depth));
        if w.is_async {
            self.e().op2(Opcode::GetAwaitable, AWAIT_EXIT, result, Val::temp(result), 0);
            self.send_loop(result, ResumeKind::AfterAwait);
        }
        self.e().branch(Opcode::JumpIfTrue, Val::temp(result), suppress);
        self.e().reraise_from_where_it_was(Val::kept(depth));
        self.e().bind(suppress);
        self.e().op1(Opcode::PopExc, depth);
        self.e().cover = outer;
        self.e().clear(exit);
        self.e().clear(exit + 1);
        self.e().jump(end);
        self.leave_handler(depth, cleanup);
        self.set_top(exit);
        self.e().bind(end);
        Ok(())
    }

    /// Calls the exit method with three times None.
    pub(crate) fn exit_normally(&mut self, exit: u16, is_async: bool) -> Done {
        let top = self.top();
        let window = if top == exit + 2 {
            exit
        } else {
            let window = self.e().alloc_n(2);
            self.e().move_(window, Val::temp(exit));
            self.e().move_(window + 1, Val::temp(exit + 1));
            window
        };
        for _ in 0..3 {
            self.constant(Const::None, Want::Top);
        }
        self.e().push(Opcode::CallMethod, 0, window, window, 3);
        self.set_top(window + 1);
        if is_async {
            self.e().op2(Opcode::GetAwaitable, AWAIT_EXIT, window, Val::temp(window), 0);
            self.send_loop(window, ResumeKind::AfterAwait);
        }
        self.e().clear(window);
        self.set_top(top);
        Ok(())
    }
}
