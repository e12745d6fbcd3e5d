//! Expressions: where values go, and the dispatch over node kinds.

use super::name::Place;
use super::{Compiler, Done};
use crate::emit::{Loc, Val};
use crate::error::SyntaxError;
use crate::fold;
use ruff_python_ast::{self as ast, BoolOp, Expr, UnaryOp};
use ruff_text_size::Ranged;
use typhon_isa::opcode::{BinaryKind, ResumeKind};
use typhon_isa::{Const, Opcode, UnaryKind};

pub(crate) type Value = Result<Val, SyntaxError>;

/// Where the value of an expression is wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Want {
    /// A plain local may stay where it is; anything else goes to the first free temporary.
    Any,
    /// In the first free temporary.
    Top,
    /// In this named register, stored by the last instruction that can fail.
    Local(u16),
}

impl<'a> Compiler<'a> {
    /// The value of `e`, wherever it is.
    pub(crate) fn operand(&mut self, e: &'a Expr) -> Value {
        self.expr(e, Want::Any)
    }

    /// The value of `e` in the first free temporary.
    pub(crate) fn expr_top(&mut self, e: &'a Expr) -> Value {
        self.expr(e, Want::Top)
    }

    /// As [`Compiler::operand`], but the value must survive the evaluation of `rest`, which may rebind a local.
    pub(crate) fn operand_before(&mut self, e: &'a Expr, rest: &[&'a Expr]) -> Value {
        let value = self.operand(e)?;
        if value.temp || !self.scope().has_walrus || !rest.iter().any(|r| self.map.may_contain(r.range(), ":=")) {
            return Ok(value);
        }
        let reg = self.e().alloc();
        self.e().move_(reg, value);
        Ok(Val::temp(reg))
    }

    /// The destination once the operands above `base` are used up.
    pub(crate) fn out(&mut self, base: u16, want: Want) -> Val {
        self.set_top(base);
        match want {
            Want::Local(reg) => Val::kept(reg),
            Want::Any | Want::Top => Val::temp(self.e().alloc()),
        }
    }

    /// A value that was computed into the first free temporary, moved where it is wanted.
    pub(crate) fn settle(&mut self, value: Val, want: Want) -> Val {
        match want {
            Want::Local(reg) => {
                self.e().move_(reg, value);
                if value.temp {
                    self.set_top(value.reg);
                }
                Val::kept(reg)
            }
            Want::Top if !value.temp => {
                let reg = self.e().alloc();
                self.e().move_(reg, value);
                Val::temp(reg)
            }
            _ => value,
        }
    }

    /// The constant that `e` folds to.
    pub(crate) fn const_of(&self, e: &Expr) -> Option<Const> {
        fold::constant(e, self.map, self.options.optimize)
    }

    /// `e` as a small int that fits an immediate operand.
    pub(crate) fn small_int(&self, e: &Expr) -> Option<i16> {
        match self.const_of(e)? {
            Const::Int(i) => i16::try_from(i).ok(),
            _ => None,
        }
    }

    pub(crate) fn constant(&mut self, value: Const, want: Want) -> Val {
        let base = self.top();
        let out = self.out(base, want);
        self.e().load_const(out.reg, value);
        out
    }

    pub(crate) fn expr(&mut self, e: &'a Expr, want: Want) -> Value {
        // Past the limit registers are handed out twice: nothing may be computed from them.
        self.unit_ref().emit.check_limits()?;
        self.deeper(|c| c.expr_inner(e, want))
    }

    fn expr_inner(&mut self, e: &'a Expr, want: Want) -> Value {
        if let Some(value) = self.const_of(e) {
            self.at(e.range());
            return Ok(self.constant(value, want));
        }
        match e {
            Expr::Name(n) => self.name(n, want),
            Expr::BinOp(b) => self.binary(b, want),
            Expr::UnaryOp(u) => self.unary(u, want),
            Expr::BoolOp(b) => self.bool_op(b, want),
            Expr::Named(n) => self.named(n, want),
            Expr::Lambda(l) => self.lambda(l, want),
            Expr::If(i) => self.if_exp(i, want),
            Expr::Compare(c) => self.compare(c, want),
            Expr::Call(c) => self.call(c, want),
            Expr::Attribute(a) => self.attribute(a, want),
            Expr::Subscript(s) => self.subscript(s, want),
            Expr::Slice(s) => self.slice(s, want),
            Expr::Dict(d) => self.dict(d, want),
            Expr::Set(s) => self.set(s, want),
            Expr::List(l) => self.list(l, want),
            Expr::Tuple(t) => self.tuple(&t.elts, e.range().into(), want),
            Expr::ListComp(_) | Expr::SetComp(_) | Expr::DictComp(_) | Expr::Generator(_) => {
                self.comprehension(e, want)
            }
            Expr::Await(a) => self.await_(a, want),
            Expr::Yield(y) => self.yield_(y, want),
            Expr::YieldFrom(y) => self.yield_from(y, want),
            Expr::FString(f) => self.fstring(f, want),
            Expr::TString(t) => self.tstring(t, want),
            Expr::Starred(s) => Err(self.error(s.range, "can't use starred expression here")),
            Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::NumberLiteral(_)
            | Expr::BooleanLiteral(_)
            | Expr::NoneLiteral(_)
            | Expr::EllipsisLiteral(_)
            | Expr::IpyEscapeCommand(_) => Err(self.error(e.range(), "invalid syntax")),
        }
    }

    fn name(&mut self, n: &'a ast::ExprName, want: Want) -> Value {
        self.at(n.range);
        if let Place::Fast(reg) = self.resolve(&self.mangled(&n.id)) {
            self.e().op1(Opcode::CheckBound, reg);
            return Ok(self.settle(Val::kept(reg), want));
        }
        let base = self.top();
        let out = self.out(base, want);
        self.load_name_to(&n.id, out.reg)?;
        Ok(out)
    }

    fn binary(&mut self, b: &'a ast::ExprBinOp, want: Want) -> Value {
        if let Some(joined) = self.percent(b, want) {
            return joined;
        }
        let base = self.top();
        let kind = binary_kind(b.op) as u8;
        if let Some(imm) = self.small_int(&b.right) {
            let left = self.operand(&b.left)?;
            let out = self.out(base, want);
            self.at(b.range);
            self.e().op2(Opcode::BinaryOpImm, kind, out.reg, left, imm as u16);
            return Ok(out);
        }
        let left = self.operand_before(&b.left, &[&b.right])?;
        let right = self.operand(&b.right)?;
        let out = self.out(base, want);
        self.at(b.range);
        self.e().op3(Opcode::BinaryOp, kind, out.reg, left, right);
        Ok(out)
    }

    fn unary(&mut self, u: &'a ast::ExprUnaryOp, want: Want) -> Value {
        let base = self.top();
        let operand = self.operand(&u.operand)?;
        let out = self.out(base, want);
        self.at(u.range);
        let kind = match u.op {
            UnaryOp::Invert => UnaryKind::Invert,
            UnaryOp::Not => UnaryKind::Not,
            UnaryOp::UAdd => UnaryKind::Pos,
            UnaryOp::USub => UnaryKind::Neg,
        };
        self.e().op2(Opcode::UnaryOp, kind as u8, out.reg, operand, 0);
        Ok(out)
    }

    fn bool_op(&mut self, b: &'a ast::ExprBoolOp, want: Want) -> Value {
        let end = self.e().label();
        let base = self.top();
        let op = if b.op == BoolOp::And { Opcode::JumpIfFalse } else { Opcode::JumpIfTrue };
        let Some((last, rest)) = b.values.split_last() else {
            return Err(self.error(b.range, "invalid syntax"));
        };
        for value in rest {
            if let Some(constant) = self.const_of(value)
                && let Some(truth) = fold::truth(&constant)
            {
                if truth == (b.op == BoolOp::Or) {
                    self.at(value.range());
                    self.set_top(base);
                    let out = self.constant(constant, Want::Top);
                    self.e().bind(end);
                    return Ok(self.settle(out, want));
                }
                continue;
            }
            self.set_top(base);
            let out = self.expr_top(value)?;
            self.at(b.range);
            self.e().branch(op, out.keep(), end);
            self.e().clear(out.reg);
        }
        self.set_top(base);
        let out = self.expr_top(last)?;
        self.e().bind(end);
        Ok(self.settle(out, want))
    }

    fn if_exp(&mut self, i: &'a ast::ExprIf, want: Want) -> Value {
        // The branches agree on where the value is.
        let want = if want == Want::Any { Want::Top } else { want };
        let base = self.top();
        let (end, orelse) = (self.e().label(), self.e().label());
        if let Some(truth) = self.const_of(&i.test).and_then(|c| fold::truth(&c)) {
            return self.expr(if truth { &i.body } else { &i.orelse }, want);
        }
        self.jump_if(&i.test, orelse, false)?;
        self.expr(&i.body, want)?;
        self.at(Loc::NONE);
        self.e().jump(end);
        self.e().bind(orelse);
        self.set_top(base);
        let out = self.expr(&i.orelse, want)?;
        self.e().bind(end);
        Ok(out)
    }

    fn named(&mut self, n: &'a ast::ExprNamed, want: Want) -> Value {
        let Expr::Name(target) = n.target.as_ref() else {
            return Err(self.error(n.range, "cannot use assignment expressions with this target"));
        };
        if let Some(reg) = self.fast(&target.id) {
            self.expr(&n.value, Want::Local(reg))?;
            return Ok(self.settle(Val::kept(reg), want));
        }
        let value = self.expr_top(&n.value)?;
        self.at(target.range);
        self.store_name(&target.id, value.keep())?;
        Ok(self.settle(value, want))
    }

    pub(crate) fn attribute(&mut self, a: &'a ast::ExprAttribute, want: Want) -> Value {
        let base = self.top();
        if let Some(value) = self.super_attribute(a, want)? {
            return Ok(value);
        }
        let object = self.operand(&a.value)?;
        let out = self.out(base, want);
        self.at(self.attribute_loc(a));
        let name = self.attribute_index(&a.attr.id);
        self.e().op2(Opcode::LoadAttr, 0, out.reg, object, name);
        Ok(out)
    }

    /// The range of an attribute, which begins on the line of its name when that is not where the object begins.
    pub(crate) fn attribute_loc(&self, a: &ast::ExprAttribute) -> Loc {
        self.call_loc(a, a.range.into())
    }

    /// `loc`, begun at the attribute's name when the attribute is on another line than `loc`'s start.
    pub(crate) fn call_loc(&self, a: &ast::ExprAttribute, loc: Loc) -> Loc {
        let (first, _) = self.map.line_byte(loc.start);
        let (last, _) = self.map.line_byte(a.range.end());
        if first == last { loc } else { Loc { start: a.attr.range.start(), end: loc.end } }
    }

    pub(crate) fn subscript(&mut self, s: &'a ast::ExprSubscript, want: Want) -> Value {
        let base = self.top();
        if let Some(imm) = self.small_int(&s.slice) {
            let object = self.operand(&s.value)?;
            let out = self.out(base, want);
            self.at(s.range);
            self.e().op2(Opcode::GetItemImm, 0, out.reg, object, imm as u16);
            return Ok(out);
        }
        let object = self.operand_before(&s.value, &[&s.slice])?;
        if let Some(window) = self.slice_window(&s.slice)? {
            let out = self.out(base, want);
            self.at(s.range);
            self.e().op2(Opcode::GetSlice, 0, out.reg, object, window);
            return Ok(out);
        }
        let index = self.operand(&s.slice)?;
        let out = self.out(base, want);
        self.at(s.range);
        self.e().op3(Opcode::GetItem, 0, out.reg, object, index);
        Ok(out)
    }

    /// The bounds of a slice without a step in two registers; `None` for another subscript or a constant slice.
    pub(crate) fn slice_window(&mut self, index: &'a Expr) -> Result<Option<u16>, SyntaxError> {
        let Expr::Slice(s) = index else { return Ok(None) };
        if s.step.is_some() || self.const_of(index).is_some() {
            return Ok(None);
        }
        let window = self.top();
        self.slice_part(s.lower.as_deref(), s)?;
        self.slice_part(s.upper.as_deref(), s)?;
        Ok(Some(window))
    }

    fn slice_part(&mut self, part: Option<&'a Expr>, s: &'a ast::ExprSlice) -> Done {
        match part {
            Some(e) => self.expr_top(e)?,
            None => {
                self.at(s.range);
                self.constant(Const::None, Want::Top)
            }
        };
        Ok(())
    }

    fn slice(&mut self, s: &'a ast::ExprSlice, want: Want) -> Value {
        let base = self.top();
        self.slice_part(s.lower.as_deref(), s)?;
        self.slice_part(s.upper.as_deref(), s)?;
        if s.step.is_some() {
            self.slice_part(s.step.as_deref(), s)?;
        }
        let out = self.out(base, want);
        self.at(s.range);
        self.e().push(Opcode::BuildSlice, 0, out.reg, base, if s.step.is_some() { 3 } else { 2 });
        Ok(out)
    }

    // --- suspension

    fn yield_(&mut self, y: &'a ast::ExprYield, want: Want) -> Value {
        self.check_yield(y.range, "'yield' outside function")?;
        let base = self.top();
        match &y.value {
            Some(value) => self.expr_top(value)?,
            None => {
                self.at(y.range);
                self.constant(Const::None, Want::Top)
            }
        };
        self.at(y.range);
        self.yield_top(base);
        self.set_top(base);
        let value = Val::temp(self.e().alloc());
        Ok(self.settle(value, want))
    }

    /// Yields the temporary `reg`; what is sent in replaces it.
    pub(crate) fn yield_top(&mut self, reg: u16) {
        let scope = self.scope();
        let is_async_gen = scope.coroutine && scope.generator;
        let value = Val::temp(reg);
        if is_async_gen {
            let kind = typhon_isa::opcode::Intrinsic1Kind::AsyncGenWrap as u8;
            self.e().op2(Opcode::Intrinsic1, kind, reg, value, 0);
        }
        self.e().op2(Opcode::Yield, 0, reg, value, 0);
        self.e().push(Opcode::Resume, ResumeKind::AfterYield as u8, 0, 0, 0);
    }

    fn check_yield(&mut self, range: ruff_text_size::TextRange, message: &str) -> Done {
        if !self.scope().is_function_like() {
            return Err(self.error(range, message));
        }
        Ok(())
    }

    fn yield_from(&mut self, y: &'a ast::ExprYieldFrom, want: Want) -> Value {
        self.check_yield(y.range, "'yield from' outside function")?;
        let scope = self.scope();
        if scope.coroutine && scope.generator {
            return Err(self.error(y.range, "'yield from' inside async function"));
        }
        let base = self.top();
        let value = self.operand(&y.value)?;
        self.at(y.range);
        let iter = self.out(base, Want::Top);
        self.e().op2(Opcode::GetYieldFromIter, 0, iter.reg, value, 0);
        let result = self.send_loop(iter.reg, ResumeKind::AfterYieldFrom);
        Ok(self.settle(result, want))
    }

    fn await_(&mut self, a: &'a ast::ExprAwait, want: Want) -> Value {
        self.check_await(a.range)?;
        let base = self.top();
        let value = self.operand(&a.value)?;
        self.at(a.range);
        let iter = self.out(base, Want::Top);
        self.e().op2(Opcode::GetAwaitable, 0, iter.reg, value, 0);
        let result = self.send_loop(iter.reg, ResumeKind::AfterAwait);
        Ok(self.settle(result, want))
    }

    /// Whether `await` may stand here.
    fn check_await(&mut self, range: ruff_text_size::TextRange) -> Done {
        if self.top_level_await() {
            return Ok(());
        }
        if !self.scope().is_function_like() {
            return Err(self.error(range, "'await' outside function"));
        }
        if !self.in_async() {
            return Err(self.error(range, "'await' outside async function"));
        }
        Ok(())
    }

    pub(crate) fn top_level_await(&self) -> bool {
        self.options.flags & crate::mode::flag::ALLOW_TOP_LEVEL_AWAIT != 0
            && self.scope().kind == crate::symtable::ScopeKind::Module
    }

    /// Whether the unit may await: an async function or a generator expression.
    pub(crate) fn in_async(&self) -> bool {
        matches!(self.unit_ref().kind, super::UnitKind::AsyncFunction | super::UnitKind::Comprehension)
            || self.top_level_await()
    }

    /// Drives the iterator in the topmost temporary to its end; the result replaces it.
    ///
    /// The value that travels is in the register right above the iterator, which is where `throw()` finds it.
    pub(crate) fn send_loop(&mut self, iter: u16, kind: ResumeKind) -> Val {
        let value = self.constant(Const::None, Want::Top).reg;
        let travelling = Val::temp(value);
        let (exit, fail) = (self.e().label(), self.e().label());
        let e = self.e();
        let again = e.here();
        e.op3(Opcode::Send, 0, value, Val::kept(iter), travelling).target = exit;
        let outer = e.cover;
        e.cover = e.row(fail, value);
        e.op2(Opcode::Yield, 0, value, travelling, 0);
        e.cover = outer;
        e.push(Opcode::Resume, kind as u8, 0, 0, 0);
        e.jump_back(again);
        e.bind(fail);
        e.op2(Opcode::CleanupThrow, 0, value, travelling, 0);
        e.bind(exit);
        e.clear(iter);
        e.move_(iter, travelling);
        e.top = iter;
        Val::temp(e.alloc())
    }
}

/// The instruction's kind for an operator.
pub(crate) fn binary_kind(op: ast::Operator) -> BinaryKind {
    match op {
        ast::Operator::Add => BinaryKind::Add,
        ast::Operator::Sub => BinaryKind::Sub,
        ast::Operator::Mult => BinaryKind::Mul,
        ast::Operator::MatMult => BinaryKind::MatMul,
        ast::Operator::Div => BinaryKind::TrueDiv,
        ast::Operator::Mod => BinaryKind::Mod,
        ast::Operator::Pow => BinaryKind::Pow,
        ast::Operator::LShift => BinaryKind::Shl,
        ast::Operator::RShift => BinaryKind::Shr,
        ast::Operator::BitOr => BinaryKind::Or,
        ast::Operator::BitXor => BinaryKind::Xor,
        ast::Operator::BitAnd => BinaryKind::And,
        ast::Operator::FloorDiv => BinaryKind::FloorDiv,
    }
}
