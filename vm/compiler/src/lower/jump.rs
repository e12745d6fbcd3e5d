//! Comparisons and conditions: values of truth, and jumps that depend on them.

use super::expr::{Value, Want};
use super::{Compiler, Done};
use crate::emit::{Label, Loc, Val};
use crate::fold;
use ruff_python_ast::{self as ast, BoolOp, CmpOp, Expr, UnaryOp};
use ruff_text_size::Ranged;
use typhon_isa::{CompareKind, Opcode};

/// One link of a comparison.
enum Link {
    Rich(CompareKind),
    Is(bool),
    In(bool),
}

fn link(op: CmpOp) -> Link {
    match op {
        CmpOp::Eq => Link::Rich(CompareKind::Eq),
        CmpOp::NotEq => Link::Rich(CompareKind::Ne),
        CmpOp::Lt => Link::Rich(CompareKind::Lt),
        CmpOp::LtE => Link::Rich(CompareKind::Le),
        CmpOp::Gt => Link::Rich(CompareKind::Gt),
        CmpOp::GtE => Link::Rich(CompareKind::Ge),
        CmpOp::Is => Link::Is(false),
        CmpOp::IsNot => Link::Is(true),
        CmpOp::In => Link::In(false),
        CmpOp::NotIn => Link::In(true),
    }
}

impl<'a> Compiler<'a> {
    pub(crate) fn compare(&mut self, c: &'a ast::ExprCompare, want: Want) -> Value {
        let base = self.top();
        if let ([op], [right]) = (&*c.ops, &*c.comparators) {
            if let (Link::Rich(kind), Some(imm)) = (link(*op), self.small_int(right)) {
                let left = self.operand(&c.left)?;
                let out = self.out(base, want);
                self.at(c.range);
                self.e().op2(Opcode::CompareImm, kind as u8, out.reg, left, imm as u16);
                return Ok(out);
            }
            let left = self.operand_before(&c.left, &[right])?;
            let right = self.compare_right(*op, right)?;
            let out = self.out(base, want);
            self.at(c.range);
            self.compare_op(*op, out.reg, left, right);
            return Ok(out);
        }
        let end = self.e().label();
        self.compare_chain(c, base, end)?;
        self.e().bind(end);
        self.set_top(base);
        let value = Val::temp(self.e().alloc());
        Ok(self.settle(value, want))
    }

    /// The right side of a comparison: a display after `in` is a constant.
    fn compare_right(&mut self, op: CmpOp, right: &'a Expr) -> Value {
        if matches!(op, CmpOp::In | CmpOp::NotIn)
            && let Some(value) = fold::membership(right, self.map, self.options.optimize)
        {
            self.at(right.range());
            return Ok(self.constant(value, Want::Top));
        }
        self.operand(right)
    }

    fn compare_op(&mut self, op: CmpOp, to: u16, left: Val, right: Val) {
        match link(op) {
            Link::Rich(kind) => self.e().op3(Opcode::Compare, kind as u8, to, left, right),
            Link::Is(invert) => self.e().op3(Opcode::Is, u8::from(invert), to, left, right),
            Link::In(invert) => self.e().op3(Opcode::Contains, u8::from(invert), to, left, right),
        };
    }

    /// `a < b < c`: each result goes to register `base`, and the first false one to `end`. A middle operand is kept for
    /// the next link, and dropped on the way out.
    fn compare_chain(&mut self, c: &'a ast::ExprCompare, base: u16, end: Label) -> Done {
        let rest: Vec<&Expr> = c.comparators.iter().collect();
        let mut left = self.operand_before(&c.left, &rest)?;
        if self.top() == base {
            self.e().alloc();
        }
        let mut pending: Vec<(Label, u16)> = Vec::new();
        for (i, (op, right)) in c.ops.iter().zip(&*c.comparators).enumerate() {
            let last = i + 1 == c.ops.len();
            let mut middle =
                if last { self.compare_right(*op, right)? } else { self.operand_before(right, &rest[i + 1..])? };
            self.at(c.range);
            if last {
                self.compare_op(*op, base, left, middle);
                break;
            }
            let temp = middle.temp;
            middle.temp = false;
            self.compare_op(*op, base, left, middle);
            let leave = if temp { self.e().label() } else { end };
            self.e().branch(Opcode::JumpIfFalse, Val::kept(base), leave);
            self.e().clear(base);
            if temp {
                pending.push((leave, middle.reg));
            }
            left = Val { reg: middle.reg, temp };
        }
        self.at(Loc::NONE);
        for (leave, reg) in pending {
            self.e().jump(end);
            self.e().bind(leave);
            self.e().clear(reg);
        }
        Ok(())
    }

    /// Jumps to `target` if the truth of `e` is `sense`; goes on otherwise.
    pub(crate) fn jump_if(&mut self, e: &'a Expr, target: Label, sense: bool) -> Done {
        self.deeper(|c| c.jump_if_inner(e, target, sense))
    }

    fn jump_if_inner(&mut self, e: &'a Expr, target: Label, sense: bool) -> Done {
        if let Some(truth) = self.const_of(e).and_then(|c| fold::truth(&c)) {
            self.at(e.range());
            if truth == sense {
                self.e().jump(target);
            } else {
                self.e().mark();
            }
            return Ok(());
        }
        match e {
            Expr::UnaryOp(u) if u.op == UnaryOp::Not => return self.jump_if(&u.operand, target, !sense),
            Expr::BoolOp(b) => return self.jump_if_bool(b, target, sense),
            Expr::If(i) => return self.jump_if_exp(i, target, sense),
            Expr::Compare(c) if c.ops.len() == 1 => return self.jump_if_compare(c, target, sense),
            Expr::Compare(c) => {
                let base = self.top();
                let value = self.compare(c, Want::Top)?;
                self.set_top(base);
                self.at(c.range);
                self.branch_on(value, target, sense);
                return Ok(());
            }
            _ => {}
        }
        let base = self.top();
        let value = self.operand(e)?;
        self.set_top(base);
        self.at(e.range());
        self.branch_on(value, target, sense);
        Ok(())
    }

    pub(crate) fn branch_on(&mut self, value: Val, target: Label, sense: bool) {
        let op = if sense { Opcode::JumpIfTrue } else { Opcode::JumpIfFalse };
        self.e().branch(op, value, target);
    }

    fn jump_if_bool(&mut self, b: &'a ast::ExprBoolOp, target: Label, sense: bool) -> Done {
        // With `or`, a true operand decides; with `and`, a false one.
        let decides = b.op == BoolOp::Or;
        let Some((last, rest)) = b.values.split_last() else { return Ok(()) };
        let skip = self.e().label();
        let decided = if decides == sense { target } else { skip };
        for value in rest {
            self.jump_if(value, decided, decides)?;
        }
        self.jump_if(last, target, sense)?;
        self.e().bind(skip);
        Ok(())
    }

    fn jump_if_exp(&mut self, i: &'a ast::ExprIf, target: Label, sense: bool) -> Done {
        let (orelse, end) = (self.e().label(), self.e().label());
        self.jump_if(&i.test, orelse, false)?;
        self.jump_if(&i.body, target, sense)?;
        self.at(Loc::NONE);
        self.e().jump(end);
        self.e().bind(orelse);
        self.jump_if(&i.orelse, target, sense)?;
        self.e().bind(end);
        Ok(())
    }

    fn jump_if_compare(&mut self, c: &'a ast::ExprCompare, target: Label, sense: bool) -> Done {
        let base = self.top();
        let (Some(op), Some(right)) = (c.ops.first(), c.comparators.first()) else { return Ok(()) };
        match link(*op) {
            Link::Is(invert) if right.is_none_literal_expr() => {
                let left = self.operand(&c.left)?;
                let op = if invert == sense { Opcode::JumpIfNotNone } else { Opcode::JumpIfNone };
                self.at(c.range);
                self.e().branch(op, left, target);
            }
            Link::Rich(kind) => {
                let kind = kind as u8 | u8::from(sense) << 3;
                if let Some(imm) = self.small_int(right) {
                    let left = self.operand(&c.left)?;
                    self.at(c.range);
                    self.e().op2(Opcode::CompareImmJump, kind, 0, left, imm as u16).target = target;
                } else {
                    let left = self.operand_before(&c.left, &[right])?;
                    let right = self.operand(right)?;
                    self.at(c.range);
                    self.e().op3(Opcode::CompareJump, kind, 0, left, right).target = target;
                }
            }
            _ => {
                let left = self.operand_before(&c.left, &[right])?;
                let right = self.compare_right(*op, right)?;
                let out = self.out(base, Want::Top);
                self.at(c.range);
                self.compare_op(*op, out.reg, left, right);
                self.branch_on(out, target, sense);
            }
        }
        self.set_top(base);
        Ok(())
    }
}
