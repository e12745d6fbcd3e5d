//! Calls: windows of registers, methods, keywords, stars and `super()`.

use super::expr::{Value, Want};
use super::name::Place;
use super::{Compiler, Done, UnitKind};
use crate::emit::{Loc, Val};
use crate::symtable::{NameScope, SymbolTable};
use ruff_python_ast::{self as ast, Expr, Keyword, name::Name};
use ruff_text_size::{Ranged, TextRange};
use typhon_isa::{Const, Opcode};

/// Arguments that a window may hold; more go through a tuple.
const WINDOW_MAX: usize = 200;

/// How a call passes its arguments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Layout {
    /// `Call`: arguments right after the function.
    Plain,
    /// `CallKw`: a register for self in between.
    Keywords,
    /// `CallEx`: a tuple and a dict.
    Star,
}

/// How arguments must be passed.
pub(crate) fn layout(args: &[Expr], keywords: &[Keyword]) -> Layout {
    let stars = args.iter().any(Expr::is_starred_expr) || keywords.iter().any(|k| k.arg.is_none());
    if stars || args.len() + keywords.len() > WINDOW_MAX {
        Layout::Star
    } else if keywords.is_empty() {
        Layout::Plain
    } else {
        Layout::Keywords
    }
}

impl<'a> Compiler<'a> {
    pub(crate) fn call(&mut self, c: &'a ast::ExprCall, want: Want) -> Value {
        let (args, keywords) = (&*c.arguments.args, &*c.arguments.keywords);
        let layout = layout(args, keywords);
        let base = self.top();
        let parens = match args {
            [Expr::Generator(g)] if keywords.is_empty() && !g.parenthesized => Some(c.arguments.range),
            _ => None,
        };
        if let Expr::Attribute(a) = c.func.as_ref()
            && layout != Layout::Star
        {
            return self.method_call(c, a, parens, want);
        }
        self.expr_top(&c.func)?;
        self.generator_parens = parens;
        if let Some((kind, items)) = self.consumer(c)? {
            return self.consume(c, kind, items, base, want);
        }
        if layout == Layout::Keywords {
            let this = self.e().alloc();
            self.e().clear(this);
        }
        self.finish_call(layout, base, 0, args, keywords, c.range().into(), want)
    }

    fn method_call(
        &mut self,
        c: &'a ast::ExprCall,
        a: &'a ast::ExprAttribute,
        parens: Option<TextRange>,
        want: Want,
    ) -> Value {
        let (args, keywords) = (&*c.arguments.args, &*c.arguments.keywords);
        let base = self.top();
        let loc = self.attribute_loc(a);
        if !self.super_load(a, Opcode::LoadSuperMethod, base)? {
            let object = self.operand(&a.value)?;
            self.set_top(base);
            self.at(loc);
            let name = self.attribute_index(&a.attr.id);
            self.e().op2(Opcode::LoadMethod, 0, base, object, name);
        }
        self.set_top(base);
        self.e().alloc_n(2);
        let loc = self.call_loc(a, c.range().into());
        self.generator_parens = parens;
        if keywords.is_empty() {
            for arg in args {
                self.expr_top(arg)?;
            }
            let out = self.out(base, want);
            self.at(loc);
            self.e().push(Opcode::CallMethod, 0, out.reg, base, args.len() as u16);
            return Ok(out);
        }
        self.finish_call(Layout::Keywords, base, 0, args, keywords, loc, want)
    }

    /// Evaluates arguments and calls the function in `base`; `pushed` arguments are already in place.
    /// A keyword may be given once: the first that is repeated is named where it is.
    fn refuse_repeated(&self, keywords: &[Keyword]) -> Done {
        let mut seen = rustc_hash::FxHashMap::default();
        let mut worst: Option<(usize, &Keyword)> = None;
        for (i, keyword) in keywords.iter().enumerate() {
            let Some(name) = &keyword.arg else { continue };
            let first = *seen.entry(&name.id).or_insert(i);
            if first != i && worst.is_none_or(|(at, _)| first < at) {
                worst = Some((first, keyword));
            }
        }
        match worst {
            Some((_, k)) => {
                let name = k.arg.as_ref().map_or("", |n| n.id.as_str());
                Err(self.error(k.range, format!("keyword argument repeated: {name}")))
            }
            None => Ok(()),
        }
    }

    pub(crate) fn finish_call(
        &mut self,
        layout: Layout,
        base: u16,
        pushed: usize,
        args: &'a [Expr],
        keywords: &'a [Keyword],
        loc: Loc,
        want: Want,
    ) -> Value {
        self.refuse_repeated(keywords)?;
        if layout == Layout::Star {
            return self.star_call(base, pushed, args, keywords, loc, want);
        }
        for arg in args {
            self.expr_top(arg)?;
        }
        let mut names = Vec::with_capacity(keywords.len());
        for keyword in keywords {
            self.expr_top(&keyword.value)?;
            names.extend(keyword.arg.as_ref().map(|n| Const::str(&n.id)));
        }
        let count = (pushed + args.len() + keywords.len()) as u16;
        let out = self.out(base, want);
        self.at(loc);
        if layout == Layout::Plain {
            self.e().push(Opcode::Call, 0, out.reg, base, count);
        } else {
            let names = self.e().consts.add(Const::Tuple(names.into()));
            self.e().push(Opcode::CallKw, 0, out.reg, base, count).extra = u64::from(names);
        }
        Ok(out)
    }

    fn star_call(
        &mut self,
        base: u16,
        pushed: usize,
        args: &'a [Expr],
        keywords: &'a [Keyword],
        loc: Loc,
        want: Want,
    ) -> Value {
        match args {
            [Expr::Starred(only)] if pushed == 0 => {
                self.expr_top(&only.value)?;
            }
            _ => self.gather_tuple(base + 1, args, loc)?,
        }
        self.star_keywords(base, keywords, loc, want)
    }

    /// Calls the function in `base` with the tuple above it and keywords.
    pub(crate) fn star_keywords(&mut self, base: u16, keywords: &'a [Keyword], loc: Loc, want: Want) -> Value {
        self.set_top(base + 2);
        if keywords.is_empty() {
            let none = self.e().alloc();
            self.e().clear(none);
        } else {
            self.gather_keywords(base, keywords, loc)?;
        }
        let out = self.out(base, want);
        self.at(loc);
        self.e().push(Opcode::CallEx, 0, out.reg, base, 0);
        Ok(out)
    }

    /// Makes one tuple in `first` of the temporaries from there on and then `elts`, some of which are starred.
    pub(crate) fn gather_tuple(&mut self, first: u16, elts: &'a [Expr], loc: Loc) -> Done {
        let listed = self.gather_list(first, elts, loc)?;
        self.at(loc);
        match listed {
            true => {
                self.e().op2(Opcode::ListToTuple, 0, first, Val::temp(first), 0);
            }
            false => {
                let count = self.top() - first;
                self.e().push(Opcode::BuildTuple, 0, first, first, count);
            }
        }
        self.set_top(first + 1);
        Ok(())
    }

    /// Evaluates `elts` after the temporaries from `first` on. Few and without stars they stay temporaries and the
    /// answer is false; otherwise a list of all of them is in `first`.
    pub(crate) fn gather_list(&mut self, first: u16, elts: &'a [Expr], loc: Loc) -> Result<bool, crate::SyntaxError> {
        let plain = elts.iter().take_while(|e| !e.is_starred_expr()).count().min(super::literal::CHUNK);
        for e in &elts[..plain] {
            self.expr_top(e)?;
        }
        if plain == elts.len() {
            return Ok(false);
        }
        let count = self.top() - first;
        self.at(loc);
        self.e().push(Opcode::BuildList, 0, first, first, count);
        self.set_top(first + 1);
        for e in &elts[plain..] {
            self.append(first, Opcode::ListAppend, Opcode::ListExtend, e, loc)?;
        }
        Ok(true)
    }

    /// Adds an element, or the items of a starred one, to the collection in `to`.
    pub(crate) fn append(&mut self, to: u16, add: Opcode, extend: Opcode, e: &'a Expr, loc: Loc) -> Done {
        let base = self.top();
        let (op, value) = match e {
            Expr::Starred(s) => (extend, self.operand(&s.value)?),
            _ => (add, self.operand(e)?),
        };
        self.at(loc);
        self.e().op2(op, 0, to, value, 0);
        self.set_top(base);
        Ok(())
    }

    /// The dict of keyword arguments, in the first free temporary.
    fn gather_keywords(&mut self, function: u16, keywords: &'a [Keyword], loc: Loc) -> Done {
        let dict = self.e().alloc();
        let mut made = false;
        let mut rest = keywords;
        while !rest.is_empty() {
            let plain = rest.iter().take_while(|k| k.arg.is_some()).count().min(super::literal::CHUNK / 2);
            if plain == 0 {
                if !made {
                    self.at(loc);
                    self.e().push(Opcode::BuildMap, 0, dict, dict, 0);
                }
                let value = self.operand(&rest[0].value)?;
                self.at(loc);
                self.e().op2(Opcode::DictMerge, 0, dict, value, function);
                rest = &rest[1..];
            } else {
                let first = if made { self.top() } else { dict };
                self.set_top(first);
                for keyword in &rest[..plain] {
                    self.at(loc);
                    if let Some(name) = &keyword.arg {
                        self.constant(Const::str(&name.id), Want::Top);
                    }
                    self.expr_top(&keyword.value)?;
                }
                self.at(loc);
                self.e().push(Opcode::BuildMap, 0, first, first, plain as u16);
                if made {
                    self.e().op2(Opcode::DictMerge, 0, dict, Val::temp(first), function);
                }
                rest = &rest[plain..];
            }
            made = true;
            self.set_top(dict + 1);
        }
        Ok(())
    }

    // --- super

    pub(crate) fn super_attribute(
        &mut self,
        a: &'a ast::ExprAttribute,
        want: Want,
    ) -> Result<Option<Val>, crate::SyntaxError> {
        let base = self.top();
        if !self.is_super(a) {
            return Ok(None);
        }
        let to = match want {
            Want::Local(reg) => reg,
            _ => base,
        };
        self.super_load(a, Opcode::LoadSuperAttr, to)?;
        Ok(Some(self.out(base, want)))
    }

    /// Whether the object is a call of the real `super` with no or two arguments in a method.
    fn is_super(&self, a: &ast::ExprAttribute) -> bool {
        let Expr::Call(call) = a.value.as_ref() else { return false };
        let Expr::Name(name) = call.func.as_ref() else { return false };
        if name.id != "super"
            || !call.arguments.keywords.is_empty()
            || call.arguments.args.iter().any(Expr::is_starred_expr)
        {
            return false;
        }
        let module = self.table.scope(SymbolTable::TOP);
        let unit = self.unit_ref();
        let shadowed = module.lookup("super").scope != NameScope::Unknown;
        if shadowed || self.resolve(&name.id) != Place::Global || !self.scope().is_function_like() {
            return false;
        }
        match call.arguments.args.len() {
            2 => true,
            0 => {
                let is_function = matches!(unit.kind, UnitKind::Function | UnitKind::AsyncFunction | UnitKind::Lambda);
                is_function
                    && unit.cur == unit.scope
                    && (unit.arg_counts.0 > 0)
                    && self.scope().lookup("__class__").scope == NameScope::Free
            }
            _ => false,
        }
    }

    /// Loads an attribute of `super()` into `to`; false when it is not that.
    fn super_load(&mut self, a: &'a ast::ExprAttribute, op: Opcode, to: u16) -> Result<bool, crate::SyntaxError> {
        if !self.is_super(a) {
            return Ok(false);
        }
        let Expr::Call(call) = a.value.as_ref() else { return Ok(false) };
        let base = self.top();
        self.at(call.func.range());
        let function = self.e().alloc();
        self.load_name_to(&Name::new_static("super"), function)?;
        self.at(call.range());
        // Kind 1: the arguments were written out. A shadowed `super` must be called as it was.
        let explicit = u8::from(!call.arguments.args.is_empty());
        match &*call.arguments.args {
            [class, object] => {
                self.expr_top(class)?;
                self.expr_top(object)?;
            }
            _ => {
                let class = self.e().alloc();
                self.load_name_to(&Name::new_static("__class__"), class)?;
                let first = self.scope().params.first().cloned().unwrap_or_default();
                let object = self.e().alloc();
                self.load_mangled_to(&first, object);
            }
        }
        let name = self.attribute_index(&a.attr.id);
        let loc = self.attribute_loc(a);
        self.at(loc);
        self.e().push(op, explicit, to, base, name);
        self.set_top(base);
        Ok(true)
    }
}
