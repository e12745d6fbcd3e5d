//! Calls that use up a generator expression at once: `any`, `all`, `tuple`, `list` and `set` of one run as a loop here.
//!
//! The loop resumes the generator in the run loop that is running anyway, where the built-in function would begin one of
//! its own for each item. The name may mean something else: that is asked when the call runs.

use super::Compiler;
use super::expr::{Value, Want};
use crate::emit::{Loc, Val};
use crate::error::SyntaxError;
use crate::symtable::Part;
use ruff_python_ast::{self as ast, Expr};
use ruff_text_size::Ranged;
use typhon_isa::opcode::CommonKind;
use typhon_isa::{Const, Opcode};

impl<'a> Compiler<'a> {
    /// What the call is a loop for, and the generator expression, if it is one of these calls.
    pub(super) fn consumer(&self, c: &'a ast::ExprCall) -> Result<Option<(CommonKind, &'a Expr)>, SyntaxError> {
        let Expr::Name(name) = c.func.as_ref() else { return Ok(None) };
        let kind = match name.id.as_str() {
            "any" => CommonKind::Any,
            "all" => CommonKind::All,
            "tuple" => CommonKind::Tuple,
            "list" => CommonKind::List,
            "set" => CommonKind::Set,
            _ => return Ok(None),
        };
        let [items @ Expr::Generator(_)] = &*c.arguments.args else { return Ok(None) };
        // An asynchronous one cannot be iterated: the call says so.
        let is_async = self.table.scope(self.find_scope(items, Part::Body)?).coroutine;
        Ok((c.arguments.keywords.is_empty() && !is_async).then_some((kind, items)))
    }

    /// The call of the function in `base`.
    pub(super) fn consume(
        &mut self,
        c: &'a ast::ExprCall,
        kind: CommonKind,
        items: &'a Expr,
        base: u16,
        want: Want,
    ) -> Value {
        let (general, end) = (self.e().label(), self.e().label());
        self.expr_top(items)?;
        // What the items raise is seen where CPython shows it: it has a loop for the first three only.
        let loc = match kind {
            CommonKind::List | CommonKind::Set => Loc::from(c.range()),
            _ => Loc::from(c.func.range()),
        };
        self.at(loc);
        let meant = self.e().alloc();
        self.e().push(Opcode::LoadCommon, kind as u8, meant, 0, 0);
        self.e().op3(Opcode::Is, 0, meant, Val::kept(base), Val::temp(meant));
        self.e().branch(Opcode::JumpIfFalse, Val::temp(meant), general);
        self.e().clear(base);
        match kind {
            CommonKind::Any | CommonKind::All => self.search(kind, base),
            _ => self.gather(kind, base),
        }
        self.e().jump(end);
        self.e().bind(general);
        self.at(c.range());
        self.e().push(Opcode::Call, 0, base, base, 1);
        self.e().bind(end);
        self.set_top(base);
        let value = Val::temp(self.e().alloc());
        Ok(self.settle(value, want))
    }

    /// The first item that decides, of the generator above `base`.
    fn search(&mut self, kind: CommonKind, base: u16) {
        let (iter, item) = (base + 1, base + 2);
        let any = kind == CommonKind::Any;
        let (decided, exhausted, end) = (self.e().label(), self.e().label(), self.e().label());
        let start = self.e().here();
        self.e().push(Opcode::ForIter, 0, item, iter, 0).target = exhausted;
        let op = if any { Opcode::JumpIfTrue } else { Opcode::JumpIfFalse };
        self.e().branch(op, Val::temp(item), decided);
        self.e().jump_back(start);
        self.e().bind(decided);
        self.e().clear(iter);
        self.e().load_const(base, Const::Bool(any));
        self.e().jump(end);
        self.e().bind(exhausted);
        self.e().load_const(base, Const::Bool(!any));
        self.e().bind(end);
    }

    /// All items of the generator above `base`.
    fn gather(&mut self, kind: CommonKind, base: u16) {
        let (iter, item) = (base + 1, base + 2);
        let (build, add) = match kind {
            CommonKind::Set => (Opcode::BuildSet, Opcode::SetAdd),
            _ => (Opcode::BuildList, Opcode::ListAppend),
        };
        self.e().push(build, 0, base, base, 0);
        let exhausted = self.e().label();
        let start = self.e().here();
        self.e().push(Opcode::ForIter, 0, item, iter, 0).target = exhausted;
        self.e().op2(add, 0, base, Val::temp(item), 0);
        self.e().jump_back(start);
        self.e().bind(exhausted);
        if kind == CommonKind::Tuple {
            self.e().op2(Opcode::ListToTuple, 0, base, Val::temp(base), 0);
        }
    }
}
