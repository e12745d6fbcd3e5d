//! Displays: lists, tuples, sets and dicts, of any size.

use super::Compiler;
use super::expr::{Value, Want};
use crate::emit::{Loc, Val};
use crate::fold;
use ruff_python_ast::{self as ast, Expr};
use typhon_isa::{Const, Opcode};

/// Elements that one instruction gathers from a window.
pub(crate) const CHUNK: usize = 64;
/// From this many constants on, a display is made of one constant.
const CONST_MIN: usize = 3;

impl<'a> Compiler<'a> {
    pub(crate) fn tuple(&mut self, elts: &'a [Expr], loc: Loc, want: Want) -> Value {
        let base = self.top();
        let listed = self.gather_list(base, elts, loc)?;
        let count = self.top() - base;
        let out = self.out(base, want);
        self.at(loc);
        if listed {
            self.e().op2(Opcode::ListToTuple, 0, out.reg, Val::temp(base), 0);
        } else {
            self.e().push(Opcode::BuildTuple, 0, out.reg, base, count);
        }
        Ok(out)
    }

    pub(crate) fn list(&mut self, l: &'a ast::ExprList, want: Want) -> Value {
        let base = self.top();
        let loc = Loc::from(l.range);
        if l.elts.len() >= CONST_MIN
            && let Some(items) = fold::all(&l.elts, self.map, self.options.optimize)
        {
            return self.filled(loc, (Opcode::BuildList, Opcode::ListExtend), Const::Tuple(items.into()), want);
        }
        if self.gather_list(base, &l.elts, loc)? {
            self.set_top(base + 1);
            return Ok(self.settle(Val::temp(base), want));
        }
        let count = self.top() - base;
        let out = self.out(base, want);
        self.at(loc);
        self.e().push(Opcode::BuildList, 0, out.reg, base, count);
        Ok(out)
    }

    pub(crate) fn set(&mut self, s: &'a ast::ExprSet, want: Want) -> Value {
        let base = self.top();
        let loc = Loc::from(s.range);
        if s.elts.len() >= CONST_MIN && s.elts.iter().all(|e| !e.is_tuple_expr()) {
            let display = fold::set(s, self.map, self.options.optimize);
            if let Some(items) = display {
                return self.filled(loc, (Opcode::BuildSet, Opcode::SetUpdate), items, want);
            }
        }
        let plain = s.elts.iter().take_while(|e| !e.is_starred_expr()).count().min(CHUNK);
        for e in &s.elts[..plain] {
            self.expr_top(e)?;
        }
        self.at(loc);
        if plain == s.elts.len() {
            let out = self.out(base, want);
            self.e().push(Opcode::BuildSet, 0, out.reg, base, plain as u16);
            return Ok(out);
        }
        self.e().push(Opcode::BuildSet, 0, base, base, plain as u16);
        self.set_top(base);
        self.e().alloc();
        for e in &s.elts[plain..] {
            self.append(base, Opcode::SetAdd, Opcode::SetUpdate, e, loc)?;
        }
        Ok(self.settle(Val::temp(base), want))
    }

    /// An empty collection, filled from a constant.
    fn filled(&mut self, loc: Loc, (build, extend): (Opcode, Opcode), items: Const, want: Want) -> Value {
        self.at(loc);
        let reg = self.e().alloc();
        self.e().push(build, 0, reg, reg, 0);
        let value = self.constant(items, Want::Top);
        self.e().op2(extend, 0, reg, value, 0);
        self.set_top(reg + 1);
        Ok(self.settle(Val::temp(reg), want))
    }

    pub(crate) fn dict(&mut self, d: &'a ast::ExprDict, want: Want) -> Value {
        let base = self.top();
        let loc = Loc::from(d.range);
        let plain = d.items.iter().take_while(|i| i.key.is_some()).count().min(CHUNK / 2);
        for item in &d.items[..plain] {
            if let Some(key) = &item.key {
                self.expr_top(key)?;
            }
            self.expr_top(&item.value)?;
        }
        self.at(loc);
        if plain == d.items.len() {
            let out = self.out(base, want);
            self.e().push(Opcode::BuildMap, 0, out.reg, base, plain as u16);
            return Ok(out);
        }
        self.e().push(Opcode::BuildMap, 0, base, base, plain as u16);
        self.set_top(base);
        self.e().alloc();
        for item in &d.items[plain..] {
            match &item.key {
                Some(key) => {
                    let key = self.operand_before(key, &[&item.value])?;
                    let value = self.operand(&item.value)?;
                    self.at(loc);
                    self.e().op3(Opcode::MapAdd, 0, base, key, value);
                }
                None => {
                    let value = self.operand(&item.value)?;
                    self.at(loc);
                    self.e().op2(Opcode::DictUpdate, 0, base, value, 0);
                }
            }
            self.set_top(base + 1);
        }
        Ok(self.settle(Val::temp(base), want))
    }
}
