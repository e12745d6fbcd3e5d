//! `match`: patterns over registers.
//!
//! The subject stays in its register; parts of it are loaded into temporaries above, which live until the whole pattern
//! has matched or failed. Captured names are bound only when everything has matched. A failure with `n` temporaries live
//! goes to the `n`th failure label, which drops the topmost and falls through to the one below.

use super::expr::Want;
use super::{Compiler, Done};
use crate::emit::{Label, Loc, Val};
use ruff_python_ast::{self as ast, Expr, Pattern, Singleton, name::Name};
use ruff_text_size::{Ranged, TextRange};
use typhon_isa::{BinaryKind, CompareKind, Const, Opcode};

/// What one pattern has done so far.
struct Context {
    /// The first temporary that belongs to the pattern.
    base: u16,
    /// Names in the order of their capture, with the register of each value.
    stores: Vec<(Name, u16)>,
    /// Failure labels: the `n`th is for `n` live temporaries.
    fails: Vec<Label>,
    allow_irrefutable: bool,
}

impl<'a> Compiler<'a> {
    pub(crate) fn match_(&mut self, m: &'a ast::StmtMatch) -> Done {
        let base = self.top();
        let subject = self.expr_top(&m.subject)?.reg;
        let end = self.e().label();
        for (i, case) in m.cases.iter().enumerate() {
            let last = i + 1 == m.cases.len();
            let next = self.e().label();
            let mut context = Context {
                base: self.top(),
                stores: Vec::new(),
                fails: Vec::new(),
                allow_irrefutable: case.guard.is_some() || last,
            };
            self.at(case.pattern.range());
            self.pattern(&case.pattern, subject, &mut context)?;
            self.bind_captures(&context)?;
            self.set_top(context.base);
            let matched = self.e().label();
            self.e().jump(matched);
            self.emit_fails(&context);
            self.e().jump(next);
            self.e().bind(matched);
            if let Some(guard) = &case.guard {
                self.jump_if(guard, next, false)?;
            }
            self.e().clear(subject);
            self.stmts(&case.body)?;
            self.at(Loc::NONE);
            self.e().jump(end);
            self.e().bind(next);
        }
        self.e().clear(subject);
        self.e().bind(end);
        self.set_top(base);
        Ok(())
    }

    /// Binds captured names and drops what else the pattern holds.
    fn bind_captures(&mut self, context: &Context) -> Done {
        let top = self.top();
        for (name, reg) in &context.stores {
            self.store_name(name, Val::kept(*reg))?;
        }
        (context.base..top).rev().for_each(|reg| self.e().clear(reg));
        Ok(())
    }

    fn fail_label(&mut self, context: &mut Context) -> Label {
        let depth = usize::from(self.top() - context.base);
        while context.fails.len() <= depth {
            let label = self.e().label();
            context.fails.push(label);
        }
        context.fails[depth]
    }

    fn emit_fails(&mut self, context: &Context) {
        for (n, label) in context.fails.iter().enumerate().rev() {
            self.e().bind(*label);
            if n > 0 {
                self.e().clear(context.base + n as u16 - 1);
            }
        }
    }

    /// Fails unless the truth of `value`, the topmost temporary, is `sense`.
    fn fail_unless(&mut self, value: Val, sense: bool, context: &mut Context) {
        self.set_top(value.reg);
        let fail = self.fail_label(context);
        self.branch_on(value, fail, !sense);
    }

    fn pattern(&mut self, p: &'a Pattern, subject: u16, context: &mut Context) -> Done {
        self.deeper(|c| c.pattern_inner(p, subject, context))
    }

    fn pattern_inner(&mut self, p: &'a Pattern, subject: u16, context: &mut Context) -> Done {
        self.at(p.range());
        match p {
            Pattern::MatchValue(v) => self.pattern_value(v, subject, context),
            Pattern::MatchSingleton(s) => {
                let base = self.top();
                let value = match s.value {
                    Singleton::None => Const::None,
                    Singleton::True => Const::Bool(true),
                    Singleton::False => Const::Bool(false),
                };
                let constant = self.constant(value, Want::Top);
                let out = self.out(base, Want::Top);
                self.e().op3(Opcode::Is, 0, out.reg, Val::kept(subject), constant);
                self.fail_unless(out, true, context);
                Ok(())
            }
            Pattern::MatchSequence(s) => self.pattern_sequence(s, subject, context),
            Pattern::MatchMapping(m) => self.pattern_mapping(m, subject, context),
            Pattern::MatchClass(c) => self.pattern_class(c, subject, context),
            Pattern::MatchStar(s) => self.capture(s.name.as_ref(), subject, s.range, context),
            Pattern::MatchAs(a) => self.pattern_as(a, subject, context),
            Pattern::MatchOr(o) => self.pattern_or(o, subject, context),
        }
    }

    fn capture(
        &mut self,
        name: Option<&ast::Identifier>,
        subject: u16,
        range: TextRange,
        context: &mut Context,
    ) -> Done {
        let Some(name) = name else { return Ok(()) };
        if context.stores.iter().any(|(n, _)| *n == name.id) {
            return Err(self.error(range, format!("multiple assignments to name '{}' in pattern", name.id)));
        }
        context.stores.push((name.id.clone(), subject));
        Ok(())
    }

    fn pattern_value(&mut self, v: &'a ast::PatternMatchValue, subject: u16, context: &mut Context) -> Done {
        if !v.value.is_attribute_expr() && self.const_of(&v.value).is_none() {
            return Err(self.error(v.range, "patterns may only match literals and attribute lookups"));
        }
        let base = self.top();
        let subject = Val::kept(subject);
        let kind = CompareKind::Eq as u8;
        if let Some(imm) = self.small_int(&v.value) {
            let fail = self.fail_label(context);
            self.e().op2(Opcode::CompareImmJump, kind, 0, subject, imm as u16).target = fail;
            return Ok(());
        }
        let value = self.expr_top(&v.value)?;
        self.set_top(base);
        self.at(v.range);
        let fail = self.fail_label(context);
        self.e().op3(Opcode::CompareJump, kind, 0, subject, value).target = fail;
        Ok(())
    }

    fn pattern_as(&mut self, a: &'a ast::PatternMatchAs, subject: u16, context: &mut Context) -> Done {
        let Some(inner) = &a.pattern else {
            if !context.allow_irrefutable {
                let text = match &a.name {
                    Some(name) => format!("name capture '{}' makes remaining patterns unreachable", name.id),
                    None => "wildcard makes remaining patterns unreachable".to_owned(),
                };
                return Err(self.error(a.range, text));
            }
            return self.capture(a.name.as_ref(), subject, a.range, context);
        };
        self.pattern(inner, subject, context)?;
        self.capture(a.name.as_ref(), subject, a.range, context)
    }

    /// A pattern inside another: it may match anything.
    fn subpattern(&mut self, p: &'a Pattern, subject: u16, context: &mut Context) -> Done {
        let before = std::mem::replace(&mut context.allow_irrefutable, true);
        self.pattern(p, subject, context)?;
        context.allow_irrefutable = before;
        Ok(())
    }

    fn pattern_sequence(&mut self, s: &'a ast::PatternMatchSequence, subject: u16, context: &mut Context) -> Done {
        let patterns = &s.patterns;
        let star = patterns.iter().position(Pattern::is_match_star);
        if let Some(at) = star
            && patterns[at + 1..].iter().any(Pattern::is_match_star)
        {
            return Err(self.error(s.range, "multiple starred names in sequence pattern"));
        }
        let size = patterns.len() - usize::from(star.is_some());
        let is = Val::temp(self.e().alloc());
        self.e().op2(Opcode::MatchSequence, 0, is.reg, Val::kept(subject), 0);
        self.fail_unless(is, true, context);
        if size > 0 || star.is_none() {
            let length = Val::temp(self.e().alloc());
            self.e().op2(Opcode::GetLen, 0, length.reg, Val::kept(subject), 0);
            self.set_top(length.reg);
            let fail = self.fail_label(context);
            let kind = if star.is_some() { CompareKind::Lt } else { CompareKind::Ne };
            self.length_jump(kind, length, size, fail);
        }
        if patterns.iter().all(|p| is_wildcard(p) || matches!(p, Pattern::MatchStar(s) if s.name.is_none())) {
            return Ok(());
        }
        let unnamed_star = star.is_some_and(|i| matches!(&patterns[i], Pattern::MatchStar(s) if s.name.is_none()));
        if unnamed_star {
            return self.pattern_items(s, star.unwrap_or(0), subject, context);
        }
        self.at(s.range);
        let first = self.e().alloc_n(patterns.len());
        match star {
            Some(before) => {
                let after = size - before;
                if before >= 1 << 8 || after >= 1 << 8 {
                    return Err(self.error(s.range, "too many expressions in star-unpacking sequence pattern"));
                }
                let counts = (before | after << 8) as u16;
                self.e().op2(Opcode::UnpackEx, 0, first, Val::kept(subject), counts);
            }
            None => {
                self.e().op2(Opcode::UnpackSequence, 0, first, Val::kept(subject), size as u16);
            }
        }
        for (i, p) in patterns.iter().enumerate() {
            self.subpattern(p, first + i as u16, context)?;
        }
        Ok(())
    }

    /// Jumps if the length does not fit.
    fn length_jump(&mut self, kind: CompareKind, length: Val, size: usize, fail: Label) {
        let sense = kind as u8 | 1 << 3;
        if let Ok(imm) = i16::try_from(size) {
            self.e().op2(Opcode::CompareImmJump, sense, 0, length, imm as u16).target = fail;
            return;
        }
        let e = self.e();
        e.alloc();
        let constant = Val::temp(e.alloc());
        e.load_const(constant.reg, Const::Int(size as i64));
        e.op3(Opcode::CompareJump, sense, 0, length, constant).target = fail;
        e.top = length.reg;
    }

    /// `[a, *_, b]`: items are taken one by one, so that the rest is never built.
    fn pattern_items(
        &mut self,
        s: &'a ast::PatternMatchSequence,
        star: usize,
        subject: u16,
        context: &mut Context,
    ) -> Done {
        let count = s.patterns.len();
        for (i, p) in s.patterns.iter().enumerate() {
            if is_wildcard(p) || i == star {
                continue;
            }
            self.at(s.range);
            let item = self.e().alloc();
            let (source, index) = (Val::kept(subject), Val::temp(item));
            match i16::try_from(i) {
                Ok(imm) if i < star => {
                    self.e().op2(Opcode::GetItemImm, 0, item, source, imm as u16);
                }
                _ if i < star => {
                    self.e().load_const(item, Const::Int(i as i64));
                    self.e().op3(Opcode::GetItem, 0, item, source, index);
                }
                _ => {
                    // From the end: the length decides, for not every sequence takes negative indices.
                    let back = self.e().alloc();
                    self.e().op2(Opcode::GetLen, 0, item, source, 0);
                    self.e().load_const(back, Const::Int((count - i) as i64));
                    self.e().op3(Opcode::BinaryOp, BinaryKind::Sub as u8, item, index, Val::temp(back));
                    self.e().op3(Opcode::GetItem, 0, item, source, index);
                    self.set_top(item + 1);
                }
            }
            self.subpattern(p, item, context)?;
        }
        Ok(())
    }

    fn pattern_mapping(&mut self, m: &'a ast::PatternMatchMapping, subject: u16, context: &mut Context) -> Done {
        let is = Val::temp(self.e().alloc());
        self.e().op2(Opcode::MatchMapping, 0, is.reg, Val::kept(subject), 0);
        self.fail_unless(is, true, context);
        let size = m.keys.len();
        if size == 0 && m.rest.is_none() {
            return Ok(());
        }
        if size > 0 {
            let length = Val::temp(self.e().alloc());
            self.e().op2(Opcode::GetLen, 0, length.reg, Val::kept(subject), 0);
            self.set_top(length.reg);
            let fail = self.fail_label(context);
            self.length_jump(CompareKind::Lt, length, size, fail);
        }
        self.check_keys(m)?;
        let keys = self.top();
        let elts: &'a [Expr] = &m.keys;
        self.gather_tuple(keys, elts, m.range.into())?;
        self.at(m.range);
        let values = self.e().alloc();
        self.e().op3(Opcode::MatchKeys, 0, values, Val::kept(subject), Val::kept(keys));
        let fail = self.fail_label(context);
        self.e().branch(Opcode::JumpIfNone, Val::kept(values), fail);
        let first = self.e().alloc_n(size);
        self.e().op2(Opcode::UnpackSequence, 0, first, Val::kept(values), size as u16);
        for (i, p) in m.patterns.iter().enumerate() {
            self.subpattern(p, first + i as u16, context)?;
        }
        if let Some(rest) = &m.rest {
            self.at(m.range);
            let copy = self.e().alloc();
            self.e().push(Opcode::BuildMap, 0, copy, copy, 0);
            self.e().op2(Opcode::DictUpdate, 0, copy, Val::kept(subject), 0);
            let items = self.e().alloc_n(size);
            self.e().op2(Opcode::UnpackSequence, 0, items, Val::kept(keys), size as u16);
            for i in (0..size as u16).rev() {
                self.e().op3(Opcode::DelItem, 0, 0, Val::kept(copy), Val::temp(items + i));
            }
            self.set_top(items);
            self.capture(Some(rest), copy, m.range, context)?;
        }
        Ok(())
    }

    /// Refuses keys that are no constants or attributes, and constants that come twice.
    fn check_keys(&self, m: &ast::PatternMatchMapping) -> Done {
        let mut seen: Vec<Const> = Vec::new();
        for key in &m.keys {
            match self.const_of(key) {
                Some(constant) => {
                    if seen.iter().any(|other| same_key(other, &constant)) {
                        let text = crate::unparse::repr(&constant);
                        let text = format!("mapping pattern checks duplicate key ({text})");
                        return Err(self.error(m.range, text));
                    }
                    seen.push(constant);
                }
                None if key.is_attribute_expr() => {}
                None => {
                    let text = "mapping pattern keys may only match literals and attribute lookups";
                    return Err(self.error(key.range(), text));
                }
            }
        }
        Ok(())
    }

    fn pattern_class(&mut self, c: &'a ast::PatternMatchClass, subject: u16, context: &mut Context) -> Done {
        let (positional, keywords) = (&c.arguments.patterns, &c.arguments.keywords);
        for (i, keyword) in keywords.iter().enumerate() {
            if let Some(again) = keywords[i + 1..].iter().find(|k| k.attr.id == keyword.attr.id) {
                let text = format!("attribute name repeated in class pattern: {}", keyword.attr.id);
                return Err(self.error(again.pattern.range(), text));
            }
        }
        let base = self.top();
        let class = self.operand(&c.cls)?;
        self.at(c.range);
        let out = self.out(base, Want::Top);
        let names: Vec<Const> = keywords.iter().map(|k| Const::str(&k.attr.id)).collect();
        let names = self.e().consts.add(Const::Tuple(names.into()));
        let extra = u64::from(names) | (positional.len() as u64) << 32;
        self.e().op3(Opcode::MatchClass, 0, out.reg, Val::kept(subject), class).extra = extra;
        let fail = self.fail_label(context);
        self.e().branch(Opcode::JumpIfNone, Val::kept(out.reg), fail);
        let count = positional.len() + keywords.len();
        let first = self.e().alloc_n(count);
        self.e().op2(Opcode::UnpackSequence, 0, first, Val::kept(out.reg), count as u16);
        let patterns = positional.iter().chain(keywords.iter().map(|k| &k.pattern));
        for (i, p) in patterns.enumerate() {
            self.subpattern(p, first + i as u16, context)?;
        }
        Ok(())
    }

    fn pattern_or(&mut self, o: &'a ast::PatternMatchOr, subject: u16, context: &mut Context) -> Done {
        let end = self.e().label();
        let slots = self.top();
        let mut names: Vec<Name> = Vec::new();
        for (i, alternative) in o.patterns.iter().enumerate() {
            let last = i + 1 == o.patterns.len();
            self.set_top(slots);
            if i > 0 {
                self.e().alloc_n(names.len());
            } else {
                self.e().alloc_n(captured(alternative).len());
            }
            let mut inner = Context {
                base: self.top(),
                stores: Vec::new(),
                fails: Vec::new(),
                allow_irrefutable: context.allow_irrefutable && last,
            };
            self.at(alternative.range());
            self.pattern(alternative, subject, &mut inner)?;
            let mut bound: Vec<Name> = inner.stores.iter().map(|(n, _)| n.clone()).collect();
            if i == 0 {
                names.clone_from(&bound);
            }
            bound.sort();
            let mut expected = names.clone();
            expected.sort();
            if bound != expected {
                return Err(self.error(o.range, "alternative patterns bind different names"));
            }
            let top = self.top();
            for (slot, name) in names.iter().enumerate() {
                if let Some((_, reg)) = inner.stores.iter().find(|(n, _)| n == name) {
                    self.e().move_(slots + slot as u16, Val::kept(*reg));
                }
            }
            (inner.base..top).rev().for_each(|reg| self.e().clear(reg));
            self.at(Loc::NONE);
            self.e().jump(end);
            self.emit_fails(&inner);
        }
        self.set_top(slots);
        let fail = self.fail_label(context);
        self.e().jump(fail);
        self.e().bind(end);
        self.e().alloc_n(names.len());
        for (i, name) in names.into_iter().enumerate() {
            if context.stores.iter().any(|(n, _)| *n == name) {
                return Err(self.error(o.range, format!("multiple assignments to name '{name}' in pattern")));
            }
            context.stores.push((name, slots + i as u16));
        }
        Ok(())
    }
}

/// Whether a pattern is `_`.
fn is_wildcard(p: &Pattern) -> bool {
    matches!(p, Pattern::MatchAs(a) if a.pattern.is_none() && a.name.is_none())
}

/// The names a pattern binds.
fn captured(p: &Pattern) -> Vec<&Name> {
    let mut out = Vec::new();
    let mut work = vec![p];
    while let Some(p) = work.pop() {
        match p {
            Pattern::MatchValue(_) | Pattern::MatchSingleton(_) => {}
            Pattern::MatchSequence(s) => work.extend(s.patterns.iter()),
            Pattern::MatchMapping(m) => {
                work.extend(m.patterns.iter());
                out.extend(m.rest.iter().map(|r| &r.id));
            }
            Pattern::MatchClass(c) => {
                work.extend(c.arguments.patterns.iter());
                work.extend(c.arguments.keywords.iter().map(|k| &k.pattern));
            }
            Pattern::MatchStar(s) => out.extend(s.name.iter().map(|n| &n.id)),
            Pattern::MatchAs(a) => {
                work.extend(a.pattern.as_deref());
                out.extend(a.name.iter().map(|n| &n.id));
            }
            // Every alternative binds the same names.
            Pattern::MatchOr(o) => work.extend(o.patterns.first()),
        }
    }
    out
}

/// Whether two constants are equal as keys: numbers are by their value, whatever their type.
fn same_key(a: &Const, b: &Const) -> bool {
    fn int(c: &Const) -> Option<i64> {
        match *c {
            Const::Bool(b) => Some(i64::from(b)),
            Const::Int(i) => Some(i),
            _ => None,
        }
    }
    fn complex(c: &Const) -> Option<(f64, f64)> {
        match *c {
            Const::Float(x) => Some((x, 0.0)),
            Const::Complex(re, im) => Some((re, im)),
            _ => None,
        }
    }
    // An int equals a float when it is that float's value exactly.
    let mixed = |i: i64, (re, im): (f64, f64)| im == 0.0 && i as f64 == re && re as i128 == i128::from(i);
    match (int(a), int(b), complex(a), complex(b)) {
        (Some(i), Some(j), ..) => i == j,
        (Some(i), _, _, Some(z)) | (_, Some(i), Some(z), _) => mixed(i, z),
        (_, _, Some(x), Some(y)) => x == y,
        _ => a == b,
    }
}
