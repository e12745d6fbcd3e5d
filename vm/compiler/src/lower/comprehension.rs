//! Comprehensions: inlined into the frame around them (PEP 709), and generator expressions.

use super::expr::{Value, Want};
use super::{BlockKind, Compiler, Done, UnitKind};
use crate::emit::{Loc, Val};
use crate::error::SyntaxError;
use crate::symtable::{CompKind, NameScope, Part, ScopeId, def};
use ruff_python_ast::{self as ast, Expr, name::Name};
use ruff_text_size::Ranged;
use typhon_isa::opcode::ResumeKind;
use typhon_isa::{Const, Opcode};

/// What each turn of a comprehension adds, and to what.
#[derive(Clone, Copy)]
enum Element<'a> {
    List(&'a Expr),
    Set(&'a Expr),
    Dict(&'a Expr, &'a Expr),
    Yield(&'a Expr),
}

type Parts<'a> = (CompKind, &'a [ast::Comprehension], Element<'a>);

impl<'a> Compiler<'a> {
    fn parts(&self, e: &'a Expr) -> Result<Parts<'a>, SyntaxError> {
        Ok(match e {
            Expr::ListComp(c) => (CompKind::List, &c.generators, Element::List(&c.elt)),
            Expr::SetComp(c) => (CompKind::Set, &c.generators, Element::Set(&c.elt)),
            Expr::DictComp(c) => match &c.key {
                Some(key) => (CompKind::Dict, &c.generators, Element::Dict(key, &c.value)),
                None => return Err(self.error(c.range, "dict unpacking cannot be used in dict comprehension")),
            },
            Expr::Generator(c) => (CompKind::Generator, &c.generators, Element::Yield(&c.elt)),
            _ => return Err(self.error(e.range(), "invalid syntax")),
        })
    }

    pub(crate) fn comprehension(&mut self, e: &'a Expr, want: Want) -> Value {
        let (kind, generators, element) = self.parts(e)?;
        let scope = self.find_scope(e, Part::Body)?;
        let Some(outermost) = generators.first() else {
            return Err(self.error(e.range(), "invalid syntax"));
        };
        let is_async = self.table.scope(scope).coroutine && kind != CompKind::Generator;
        if is_async && !self.in_async() && !self.scope_is_async_comprehension() {
            return Err(self.error(e.range(), "asynchronous comprehension outside of an asynchronous function"));
        }
        if self.table.scope(scope).comp_inlined {
            return self.inlined_comprehension(e, scope, outermost, (kind, generators, element), want);
        }
        self.comprehension_function(e, scope, outermost, (kind, generators, element), want)
    }

    fn scope_is_async_comprehension(&self) -> bool {
        self.unit_ref().kind == UnitKind::Comprehension
    }

    fn inlined_comprehension(
        &mut self,
        e: &'a Expr,
        scope: ScopeId,
        outermost: &'a ast::Comprehension,
        (kind, generators, element): Parts<'a>,
        want: Want,
    ) -> Value {
        let base = self.e().alloc();
        self.first_iterator(outermost)?;
        let loc = Loc::from(e.range());
        self.at(loc);
        let outer_scope = std::mem::replace(&mut self.unit().cur, scope);
        let owned = self.owned_registers(scope);
        for &(reg, is_cell) in &owned {
            if is_cell {
                self.e().op1(Opcode::MakeCell, reg);
            }
        }
        let cleanup = self.e().label();
        let outer = self.e().cover;
        if !owned.is_empty() {
            self.e().cover = self.e().row(cleanup, base);
        }
        let build = match kind {
            CompKind::Set => Opcode::BuildSet,
            CompKind::Dict => Opcode::BuildMap,
            _ => Opcode::BuildList,
        };
        self.e().push(build, 0, base, base, 0);
        self.generators(generators, 0, base, element, loc)?;
        self.e().cover = outer;
        self.unit().cur = outer_scope;
        self.set_top(base);
        self.at(loc);
        if !owned.is_empty() {
            let end = self.e().label();
            owned.iter().for_each(|&(reg, _)| self.e().clear(reg));
            self.e().jump(end);
            self.e().bind(cleanup);
            owned.iter().for_each(|&(reg, _)| self.e().clear(reg));
            self.e().use1(Opcode::Reraise, Val::temp(base));
            self.e().bind(end);
        }
        let value = Val::temp(self.e().alloc());
        Ok(self.settle(value, want))
    }

    /// The registers of an inlined comprehension's own variables, and which of them hold cells.
    fn owned_registers(&self, scope: ScopeId) -> Vec<(u16, bool)> {
        let regs = &self.unit_ref().emit.regs;
        let own = self.table.scope(scope).symbols.iter().filter(|(_, s)| s.flags & def::PARAM == 0);
        own.filter_map(|(name, symbol)| {
            let is_cell = symbol.scope == NameScope::Cell;
            let reg = regs.get(&(scope, name.clone()))?;
            Some((*reg, is_cell))
        })
        .collect()
    }

    /// The iterator over the outermost iterable, in the first free temporary; it is evaluated in the scope around.
    fn first_iterator(&mut self, outermost: &'a ast::Comprehension) -> Done {
        let base = self.top();
        let value = self.operand(&outermost.iter)?;
        let iter = self.out(base, Want::Top);
        self.at(outermost.iter.range());
        let op = if outermost.is_async { Opcode::GetAiter } else { Opcode::GetIter };
        self.e().op2(op, 0, iter.reg, value, 0);
        Ok(())
    }

    fn comprehension_function(
        &mut self,
        e: &'a Expr,
        scope: ScopeId,
        outermost: &'a ast::Comprehension,
        (kind, generators, element): Parts<'a>,
        want: Want,
    ) -> Value {
        let loc = Loc::from(self.generator_parens.take().unwrap_or(e.range()));
        let (line, _) = self.map.line_byte(loc.start);
        let name = self.table.scope(scope).name.clone();
        let unit = if self.table.scope(scope).coroutine && !self.in_async() && kind != CompKind::Generator {
            UnitKind::Function
        } else {
            UnitKind::Comprehension
        };
        self.enter_unit(scope, unit, name, line);
        self.unit().arg_counts = (1, 0, 0);
        self.at(loc);
        self.prologue();
        let result = (kind != CompKind::Generator).then(|| self.e().alloc());
        if let Some(reg) = result {
            let build = match kind {
                CompKind::Set => Opcode::BuildSet,
                CompKind::Dict => Opcode::BuildMap,
                _ => Opcode::BuildList,
            };
            self.e().push(build, 0, reg, reg, 0);
        }
        let iter = self.e().alloc();
        self.load_mangled_to(&Name::new_static(".0"), iter);
        self.e().clear(0);
        self.generators(generators, 0, result.unwrap_or(iter), element, loc)?;
        self.at(loc);
        match result {
            Some(reg) => {
                self.e().use1(Opcode::Return, Val::temp(reg));
            }
            None => self.return_none(),
        }
        let is_coroutine = self.table.scope(scope).coroutine && kind != CompKind::Generator;
        let code = self.leave_unit()?;
        self.at(loc);
        let base = self.e().alloc();
        self.make_function(code, scope, base)?;
        self.first_iterator(outermost)?;
        self.at(loc);
        let out = self.out(base, if is_coroutine { Want::Top } else { want });
        self.e().push(Opcode::Call, 0, out.reg, base, 1);
        if !is_coroutine {
            return Ok(out);
        }
        self.e().op2(Opcode::GetAwaitable, 0, base, Val::temp(base), 0);
        let value = self.send_loop(base, ResumeKind::AfterAwait);
        Ok(self.settle(value, want))
    }

    /// The loops from the `index`th on; the first one's iterator is already in the topmost temporary.
    fn generators(
        &mut self,
        generators: &'a [ast::Comprehension],
        index: usize,
        result: u16,
        element: Element<'a>,
        loc: Loc,
    ) -> Done {
        let Some(generator) = generators.get(index) else { return self.element(result, element) };
        self.deeper(|c| c.generator(generators, generator, index, result, element, loc))
    }

    fn generator(
        &mut self,
        generators: &'a [ast::Comprehension],
        generator: &'a ast::Comprehension,
        index: usize,
        result: u16,
        element: Element<'a>,
        loc: Loc,
    ) -> Done {
        if index > 0 {
            if let Some(only) = self.single_item(generator) {
                return self.single_generator(generators, generator, only, index, result, element, loc);
            }
            self.first_iterator(generator)?;
        }
        let iter = self.top() - 1;
        let (skip, end) = (self.e().label(), self.e().label());
        let start = self.e().here();
        if generator.is_async {
            self.async_next(&generator.target, iter, end, generator.iter.range().into())?;
        } else {
            self.next(&generator.target, iter, end, generator.iter.range().into())?;
        }
        for condition in &generator.ifs {
            self.jump_if(condition, skip, false)?;
        }
        self.generators(generators, index + 1, result, element, loc)?;
        self.at(loc);
        self.e().bind(skip);
        self.e().jump_back(start);
        self.e().bind(end);
        if generator.is_async {
            self.at(generator.iter.range());
            self.end_async_for(iter);
        }
        self.set_top(iter);
        Ok(())
    }

    /// The item of `for x in [item]`, which is an assignment and no loop.
    fn single_item(&self, generator: &'a ast::Comprehension) -> Option<&'a Expr> {
        let elts = match &generator.iter {
            Expr::List(l) => &l.elts,
            Expr::Tuple(t) => &t.elts,
            _ => return None,
        };
        match &elts[..] {
            [only] if !only.is_starred_expr() && !generator.is_async => Some(only),
            _ => None,
        }
    }

    fn single_generator(
        &mut self,
        generators: &'a [ast::Comprehension],
        generator: &'a ast::Comprehension,
        only: &'a Expr,
        index: usize,
        result: u16,
        element: Element<'a>,
        loc: Loc,
    ) -> Done {
        let base = self.top();
        let skip = self.e().label();
        self.assign_from(&generator.target, only)?;
        self.set_top(base);
        for condition in &generator.ifs {
            self.jump_if(condition, skip, false)?;
        }
        self.generators(generators, index + 1, result, element, loc)?;
        self.e().bind(skip);
        Ok(())
    }

    fn element(&mut self, result: u16, element: Element<'a>) -> Done {
        let base = self.top();
        match element {
            Element::List(e) | Element::Set(e) => {
                let value = self.operand(e)?;
                self.at(e.range());
                let op = if matches!(element, Element::List(_)) { Opcode::ListAppend } else { Opcode::SetAdd };
                self.e().op2(op, 0, result, value, 0);
            }
            Element::Dict(key, value) => {
                let range = key.range().cover(value.range());
                let key = self.operand_before(key, &[value])?;
                let value = self.operand(value)?;
                self.at(range);
                self.e().op3(Opcode::MapAdd, 0, result, key, value);
            }
            Element::Yield(e) => {
                self.expr_top(e)?;
                self.at(e.range());
                self.yield_top(base);
                self.e().clear(base);
            }
        }
        self.set_top(base);
        Ok(())
    }

    // --- steps of loops, shared with statements

    /// One step of the iterator in `iter`: its item is assigned to `target`, or control goes to `end` with it dropped.
    pub(crate) fn next(&mut self, target: &'a Expr, iter: u16, end: crate::emit::Label, loc: Loc) -> Done {
        self.at(loc);
        if let Expr::Name(name) = target
            && let Some(reg) = self.fast(&name.id)
        {
            self.e().push(Opcode::ForIter, 0, reg, iter, 0).target = end;
            return Ok(());
        }
        let item = self.e().alloc();
        self.e().push(Opcode::ForIter, 0, item, iter, 0).target = end;
        self.store(target, Val::temp(item))?;
        self.set_top(item);
        Ok(())
    }

    /// One step of the async iterator in `iter`; its end is an exception that goes to `end` in the register above.
    pub(crate) fn async_next(&mut self, target: &'a Expr, iter: u16, end: crate::emit::Label, loc: Loc) -> Done {
        self.at(loc);
        let outer = self.e().cover;
        let row = self.e().row(end, iter + 1);
        self.e().cover = row;
        let next = self.e().alloc();
        self.e().op2(Opcode::GetAnext, 0, next, Val::kept(iter), 0);
        let item = self.send_loop(next, ResumeKind::AfterAwait);
        self.e().cover = outer;
        self.store(target, item)?;
        self.set_top(iter + 1);
        Ok(())
    }

    /// After the last step of an async loop: the exception is above the iterator.
    pub(crate) fn end_async_for(&mut self, iter: u16) {
        self.set_top(iter + 1);
        let exc = self.e().alloc();
        self.e().use1(Opcode::EndAsyncFor, Val::temp(exc));
        self.e().clear(iter);
        self.set_top(iter);
    }

    // --- loops as statements

    pub(crate) fn for_(&mut self, f: &'a ast::StmtFor) -> Done {
        if f.is_async && !self.in_async() {
            return Err(self.error(f.range, "'async for' outside async function"));
        }
        let base = self.top();
        let value = self.loop_iterable(&f.iter)?;
        let iter = self.out(base, Want::Top).reg;
        let loc = Loc::from(f.iter.range());
        self.at(loc);
        self.e().op2(if f.is_async { Opcode::GetAiter } else { Opcode::GetIter }, 0, iter, value, 0);
        let (exhausted, end) = (self.e().label(), self.e().label());
        let start = self.e().here();
        self.push_block(BlockKind::For { start, end, iter })?;
        if f.is_async {
            self.async_next(&f.target, iter, exhausted, loc)?;
        } else {
            self.next(&f.target, iter, exhausted, loc)?;
        }
        self.stmts(&f.body)?;
        self.at(Loc::NONE);
        self.e().jump_back(start);
        self.pop_block();
        self.e().bind(exhausted);
        if f.is_async {
            self.at(loc);
            self.end_async_for(iter);
        }
        self.set_top(base);
        self.stmts(&f.orelse)?;
        self.e().bind(end);
        Ok(())
    }

    /// The iterable of a loop: a list or set display of constants is a constant.
    fn loop_iterable(&mut self, e: &'a Expr) -> Value {
        if (e.is_list_expr() || e.is_set_expr())
            && let Some(value @ (Const::Tuple(_) | Const::FrozenSet(_))) =
                crate::fold::membership(e, self.map, self.options.optimize)
        {
            self.at(e.range());
            return Ok(self.constant(value, Want::Top));
        }
        self.operand(e)
    }
}
