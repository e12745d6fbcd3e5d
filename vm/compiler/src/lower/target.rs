//! Assignment: stores into every kind of target, augmented assignment and `del`.

use super::expr::{Want, binary_kind};
use super::{Compiler, Done};
use crate::emit::{Loc, Val};
use ruff_python_ast::{self as ast, Expr, name::Name};
use ruff_text_size::Ranged;
use typhon_isa::Opcode;
use typhon_isa::opcode::BinaryKind;

impl<'a> Compiler<'a> {
    pub(crate) fn assign(&mut self, a: &'a ast::StmtAssign) -> Done {
        let base = self.top();
        if let [target] = &a.targets[..] {
            self.assign_from(target, &a.value)?;
        } else if let Some((last, rest)) = a.targets.split_last() {
            let mut value = self.operand(&a.value)?;
            if !value.temp {
                // A target may rebind the local that the value is in.
                let reg = self.e().alloc();
                self.e().move_(reg, value);
                value = Val::temp(reg);
            }
            for target in rest {
                self.store(target, value.keep())?;
            }
            self.store(last, value)?;
        }
        self.set_top(base);
        Ok(())
    }

    /// `target = value`.
    pub(crate) fn assign_from(&mut self, target: &'a Expr, value: &'a Expr) -> Done {
        if let Expr::Name(name) = target
            && let Some(reg) = self.fast(&name.id)
        {
            self.expr(value, Want::Local(reg))?;
            return Ok(());
        }
        if let (Some(targets), Some(values)) = (sequence(target), sequence(value))
            && targets.len() == values.len()
            && !targets.iter().chain(values).any(Expr::is_starred_expr)
            && targets.len() <= 64
        {
            return self.assign_parallel(targets, values);
        }
        let value = self.assigned_value(target, value)?;
        self.store(target, value)
    }

    /// A value that stays while the parts of `target` are evaluated.
    fn assigned_value(&mut self, target: &'a Expr, value: &'a Expr) -> Result<Val, crate::SyntaxError> {
        self.operand_before(value, &[target])
    }

    /// `a, b = x, y` without a tuple: all values first, then the targets from left to right. Between distinct locals the
    /// last value goes straight to its target.
    fn assign_parallel(&mut self, targets: &'a [Expr], values: &'a [Expr]) -> Done {
        let base = self.top();
        let locals: Option<Vec<u16>> =
            targets.iter().map(|t| t.as_name_expr().and_then(|n| self.fast(&n.id))).collect();
        let locals = locals.filter(|l| !self.scope().has_walrus && (1..l.len()).all(|i| !l[..i].contains(&l[i])));
        let (Some(locals), Some((last, rest))) = (locals, values.split_last()) else {
            return self.assign_held(targets, values);
        };
        let mut held = Vec::with_capacity(rest.len());
        for value in rest {
            if self.const_of(value).is_some() {
                held.push(None);
                continue;
            }
            let value = self.operand(value)?;
            let stays = !value.temp && !locals.contains(&value.reg);
            held.push(Some(if stays { value } else { self.settle(value, Want::Top) }));
        }
        self.expr(last, Want::Local(locals[rest.len()]))?;
        for (i, value) in held.into_iter().enumerate() {
            match value {
                Some(value) => self.store(&targets[i], value)?,
                None => self.assign_from(&targets[i], &rest[i])?,
            }
        }
        self.set_top(base);
        Ok(())
    }

    /// All values in temporaries, then all stores.
    fn assign_held(&mut self, targets: &'a [Expr], values: &'a [Expr]) -> Done {
        let base = self.top();
        let mut held = Vec::with_capacity(values.len());
        for value in values {
            held.push(self.expr_top(value)?);
        }
        for (target, value) in targets.iter().zip(held) {
            self.store(target, value)?;
        }
        self.set_top(base);
        Ok(())
    }

    /// Stores a value; a temporary dies.
    pub(crate) fn store(&mut self, target: &'a Expr, value: Val) -> Done {
        self.deeper(|c| c.store_inner(target, value))
    }

    fn store_inner(&mut self, target: &'a Expr, value: Val) -> Done {
        let base = self.top();
        match target {
            Expr::Name(n) => {
                self.at(n.range);
                self.store_name(&n.id, value)?;
            }
            Expr::Attribute(a) => {
                let object = self.operand(&a.value)?;
                self.note_static_attribute(&a.value, &a.attr.id);
                self.at(self.attribute_loc(a));
                let name = self.attribute_index(&a.attr.id);
                self.e().op3s(Opcode::StoreAttr, 0, object, value, Val::kept(name));
            }
            Expr::Subscript(s) => {
                let object = self.operand_before(&s.value, &[&s.slice])?;
                if let Some(window) = self.slice_window(&s.slice)? {
                    self.at(s.range);
                    self.e().op3s(Opcode::SetSlice, 0, object, value, Val::kept(window));
                } else {
                    let index = self.operand(&s.slice)?;
                    self.at(s.range);
                    self.e().op3s(Opcode::SetItem, 0, object, index, value);
                }
            }
            Expr::Tuple(t) => self.unpack(&t.elts, t.range.into(), value)?,
            Expr::List(l) => self.unpack(&l.elts, l.range.into(), value)?,
            Expr::Starred(s) => {
                return Err(self.error(s.range, "starred assignment target must be in a list or tuple"));
            }
            _ => return Err(self.error(target.range(), "cannot assign to expression")),
        }
        self.set_top(base);
        Ok(())
    }

    fn unpack(&mut self, targets: &'a [Expr], loc: Loc, value: Val) -> Done {
        let base = if value.temp && value.reg + 1 == self.top() { value.reg } else { self.top() };
        let star = targets.iter().position(Expr::is_starred_expr);
        let count = targets.len();
        self.at(loc);
        if let Some(first) = self.neighbours(targets) {
            self.e().op2(Opcode::UnpackSequence, 0, first, value, count as u16);
            return Ok(());
        }
        self.set_top(base);
        let first = self.e().alloc_n(count);
        match star {
            None => {
                self.e().op2(Opcode::UnpackSequence, 0, first, value, count as u16);
            }
            Some(before) => {
                let after = count - before - 1;
                if before >= 1 << 8 || after >= 1 << 8 {
                    let range = ruff_text_size::TextRange::new(loc.start, loc.end);
                    return Err(self.error(range, "too many expressions in star-unpacking assignment"));
                }
                if targets[before + 1..].iter().any(Expr::is_starred_expr) {
                    let range = ruff_text_size::TextRange::new(loc.start, loc.end);
                    return Err(self.error(range, "multiple starred expressions in assignment"));
                }
                self.e().op2(Opcode::UnpackEx, 0, first, value, (before | after << 8) as u16);
            }
        }
        for (i, target) in targets.iter().enumerate() {
            let target = match target {
                Expr::Starred(s) => &s.value,
                _ => target,
            };
            self.store(target, Val::temp(first + i as u16))?;
        }
        Ok(())
    }

    /// The first register of targets that are all local variables in neighbouring registers, in this order.
    fn neighbours(&self, targets: &[Expr]) -> Option<u16> {
        let mut first = None;
        for (i, target) in targets.iter().enumerate() {
            let Expr::Name(name) = target else { return None };
            let reg = self.fast(&name.id)?;
            if reg != *first.get_or_insert(reg) + i as u16 {
                return None;
            }
        }
        first
    }

    pub(crate) fn aug_assign(&mut self, a: &'a ast::StmtAugAssign) -> Done {
        let base = self.top();
        let kind = binary_kind(a.op) as u8 + BinaryKind::IAdd as u8;
        let loc = Loc::from(a.range);
        match a.target.as_ref() {
            Expr::Name(n) => self.aug_name(&n.id, n.range.into(), kind, &a.value, loc)?,
            Expr::Attribute(t) => {
                let object = self.operand_before(&t.value, &[&a.value])?;
                let name = self.attribute_index(&t.attr.id);
                let target = self.attribute_loc(t);
                self.at(target);
                let old = Val::temp(self.e().alloc());
                self.e().op2(Opcode::LoadAttr, 0, old.reg, object.keep(), name);
                self.aug_op(old, kind, &a.value, loc)?;
                self.at(target);
                self.note_static_attribute(&t.value, &t.attr.id);
                self.e().op3s(Opcode::StoreAttr, 0, object, old, Val::kept(name));
            }
            Expr::Subscript(t) => self.aug_subscript(t, kind, &a.value, loc)?,
            other => return Err(self.error(other.range(), "invalid target for augmented assignment")),
        }
        self.set_top(base);
        Ok(())
    }

    fn aug_name(&mut self, name: &Name, target: Loc, kind: u8, value: &'a Expr, loc: Loc) -> Done {
        self.at(target);
        if let Some(reg) = self.fast(name) {
            self.e().op1(Opcode::CheckBound, reg);
            let mut old = Val::kept(reg);
            if self.scope().has_walrus {
                let copy = self.e().alloc();
                self.e().move_(copy, old);
                old = Val::temp(copy);
            }
            return self.aug_into(old, reg, kind, value, loc);
        }
        let old = self.e().alloc();
        self.load_name_to(name, old)?;
        self.aug_op(Val::temp(old), kind, value, loc)?;
        self.at(target);
        self.store_name(name, Val::temp(old))
    }

    /// `old op= value`, in the register of `old`.
    fn aug_op(&mut self, old: Val, kind: u8, value: &'a Expr, loc: Loc) -> Done {
        self.aug_into(old, old.reg, kind, value, loc)
    }

    fn aug_into(&mut self, old: Val, to: u16, kind: u8, value: &'a Expr, loc: Loc) -> Done {
        let base = self.top();
        if let Some(imm) = self.small_int(value) {
            self.at(loc);
            self.e().op2(Opcode::BinaryOpImm, kind, to, old, imm as u16);
            return Ok(());
        }
        let value = self.operand(value)?;
        self.at(loc);
        self.e().op3(Opcode::BinaryOp, kind, to, old, value);
        self.set_top(base);
        Ok(())
    }

    fn aug_subscript(&mut self, t: &'a ast::ExprSubscript, kind: u8, value: &'a Expr, loc: Loc) -> Done {
        let object = self.operand_before(&t.value, &[&t.slice, value])?;
        let index = self.operand_before(&t.slice, &[value])?;
        self.at(t.range);
        let old = Val::temp(self.e().alloc());
        self.e().op3(Opcode::GetItem, 0, old.reg, object.keep(), index.keep());
        self.aug_op(old, kind, value, loc)?;
        self.at(t.range);
        self.e().op3s(Opcode::SetItem, 0, object, index, old);
        Ok(())
    }

    pub(crate) fn delete(&mut self, target: &'a Expr) -> Done {
        self.deeper(|c| c.delete_inner(target))
    }

    fn delete_inner(&mut self, target: &'a Expr) -> Done {
        let base = self.top();
        match target {
            Expr::Name(n) => {
                self.at(n.range);
                self.delete_name(&n.id)?;
            }
            Expr::Attribute(a) => {
                let object = self.operand(&a.value)?;
                self.at(self.attribute_loc(a));
                let name = self.attribute_index(&a.attr.id);
                self.e().op2(Opcode::DeleteAttr, 0, 0, object, name);
            }
            Expr::Subscript(s) => {
                let object = self.operand_before(&s.value, &[&s.slice])?;
                let index = self.operand(&s.slice)?;
                self.at(s.range);
                self.e().op3(Opcode::DelItem, 0, 0, object, index);
            }
            Expr::Tuple(t) => t.elts.iter().try_for_each(|e| self.delete(e))?,
            Expr::List(l) => l.elts.iter().try_for_each(|e| self.delete(e))?,
            _ => return Err(self.error(target.range(), "cannot delete expression")),
        }
        self.set_top(base);
        Ok(())
    }
}

/// The targets of a tuple or list target.
fn sequence(target: &Expr) -> Option<&[Expr]> {
    match target {
        Expr::Tuple(t) => Some(&t.elts),
        Expr::List(l) => Some(&l.elts),
        _ => None,
    }
}
