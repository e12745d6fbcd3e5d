//! Functions: definitions, lambdas, defaults, closures and decorators.

use super::expr::{Value, Want};
use super::{Compiler, Done, UnitKind, free_variables};
use crate::emit::{Loc, Val};
use crate::error::SyntaxError;
use crate::symtable::{Part, ScopeId, has_defaults};
use ruff_python_ast::{self as ast, Decorator, Expr, Parameters, name::Name};
use ruff_text_size::{Ranged, TextRange, TextSize};
use std::sync::Arc;
use typhon_isa::opcode::{FunctionPart, Intrinsic2Kind};
use typhon_isa::{Code, Const, Opcode};

impl<'a> Compiler<'a> {
    /// The scope of a part of a node; there is one for every node that the symbol table has seen.
    pub(crate) fn find_scope<T>(&self, node: &T, part: Part) -> Result<ScopeId, SyntaxError> {
        let found = self.table.find(node, part);
        found.ok_or_else(|| SyntaxError::bare(crate::ErrorKind::System, "unknown scope"))
    }

    /// Where a definition begins once its decorators are passed.
    pub(crate) fn definition_start(&self, range: TextRange, decorators: &[Decorator]) -> TextSize {
        self.map.definition_start(range, decorators.last().map(|d| d.range().end()))
    }

    pub(crate) fn decorators(&mut self, decorators: &'a [Decorator]) -> Done {
        for decorator in decorators {
            self.expr_top(&decorator.expression)?;
        }
        Ok(())
    }

    /// Calls the decorators, innermost first, on the value above them.
    pub(crate) fn decorate(&mut self, decorators: &'a [Decorator]) -> Val {
        for decorator in decorators.iter().rev() {
            let top = self.top();
            let function = top - 2;
            self.at(decorator.expression.range());
            self.e().push(Opcode::Call, 0, function, function, 1);
            self.set_top(top - 1);
        }
        Val::temp(self.top() - 1)
    }

    /// The line on which a definition begins, its decorators included.
    pub(crate) fn first_line(&self, start: TextSize, decorators: &[Decorator]) -> u32 {
        let at = decorators.first().map_or(start, |d| d.range().start());
        self.map.line_byte(at).0
    }

    pub(crate) fn function_def(&mut self, f: &'a ast::StmtFunctionDef) -> Done {
        let base = self.top();
        let start = self.definition_start(f.range, &f.decorator_list);
        let loc = Loc { start, end: f.range.end() };
        self.decorators(&f.decorator_list)?;
        let function = self.top();
        match &f.type_params {
            None => {
                let reg = self.e().alloc();
                self.function_object(f, loc, reg, |c| c.defaults(&f.parameters, reg, loc))?;
            }
            Some(params) => self.generic_function(f, params, loc, function)?,
        }
        self.set_top(function + 1);
        let value = self.decorate(&f.decorator_list);
        self.at(loc);
        self.store_name(&f.name.id, value)?;
        self.set_top(base);
        Ok(())
    }

    /// Makes the function in `reg`; `defaults` sets its defaults.
    fn function_object(
        &mut self,
        f: &'a ast::StmtFunctionDef,
        loc: Loc,
        reg: u16,
        defaults: impl FnOnce(&mut Self) -> Done,
    ) -> Done {
        let (code, scope) = self.function_code(f, loc)?;
        self.at(loc);
        self.make_function(code, scope, reg)?;
        defaults(self)?;
        self.at(loc);
        self.function_annotations(f, reg, loc)
    }

    /// A function with type parameters: made by a function of its own that holds them.
    fn generic_function(
        &mut self,
        f: &'a ast::StmtFunctionDef,
        params: &'a ast::TypeParams,
        loc: Loc,
        reg: u16,
    ) -> Done {
        let scope = self.find_scope(f, Part::TypeParams)?;
        let line = self.first_line(loc.start, &f.decorator_list);
        let (positional, keyword) = has_defaults(&f.parameters);
        let name = Name::new(format!("<generic parameters of {}>", f.name.id));
        self.enter_unit(scope, UnitKind::Annotation, name, line);
        self.unit().arg_counts = (u16::from(positional) + u16::from(keyword), 0, 0);
        self.at(loc);
        self.prologue();
        let function = self.e().alloc();
        let tuple = self.type_params(params, loc)?;
        self.function_object(f, loc, function, |c| {
            let names =
                [(positional, ".defaults", FunctionPart::Defaults), (keyword, ".kwdefaults", FunctionPart::KwDefaults)];
            for (_, name, part) in names.into_iter().filter(|n| n.0) {
                let value = c.e().alloc();
                c.load_mangled_to(&Name::new_static(name), value);
                c.e().op2(Opcode::SetFunctionAttr, part as u8, function, Val::temp(value), 0);
                c.set_top(value);
            }
            Ok(())
        })?;
        let kind = Intrinsic2Kind::SetFunctionTypeParams as u8;
        self.e().op3(Opcode::Intrinsic2, kind, function, Val::temp(function), Val::temp(tuple));
        self.e().use1(Opcode::Return, Val::temp(function));
        let code = self.leave_unit()?;
        self.at(loc);
        self.set_top(reg);
        self.e().alloc();
        self.make_function(code, scope, reg)?;
        if positional {
            self.positional_defaults(&f.parameters, loc)?;
        }
        if keyword {
            self.keyword_defaults(&f.parameters, loc)?;
        }
        self.at(loc);
        let count = self.top() - reg - 1;
        self.e().push(Opcode::Call, 0, reg, reg, count);
        Ok(())
    }

    fn function_code(&mut self, f: &'a ast::StmtFunctionDef, loc: Loc) -> Result<(Arc<Code>, ScopeId), SyntaxError> {
        let scope = self.find_scope(f, Part::Body)?;
        let kind = if f.is_async { UnitKind::AsyncFunction } else { UnitKind::Function };
        let line = self.first_line(loc.start, &f.decorator_list);
        self.enter_unit(scope, kind, f.name.id.clone(), line);
        self.unit().arg_counts = arg_counts(&f.parameters);
        let entry = self.map.line_start(line);
        self.at(Loc { start: entry, end: entry });
        let mut body = &f.body[..];
        if let Some((doc, rest)) = self.docstring(body) {
            body = rest;
            if let Some(doc) = doc {
                self.e().consts.add(doc);
                self.unit().has_docstring = true;
            }
        }
        self.prologue();
        self.stmts(body)?;
        self.return_none();
        Ok((self.leave_unit()?, scope))
    }

    /// `return None` at the end of a body. It belongs to no line of its own: each way there ends at the line it comes from.
    pub(crate) fn return_none(&mut self) {
        self.at(Loc::NONE);
        let none = self.e().consts.add(Const::None);
        self.e().push(Opcode::ReturnConst, 0, 0, 0, 0).set_bc(none);
    }

    pub(crate) fn lambda(&mut self, l: &'a ast::ExprLambda, want: Want) -> Value {
        let base = self.top();
        let loc = Loc::from(l.range);
        let scope = self.find_scope(l, Part::Body)?;
        let (line, _) = self.map.line_byte(l.range.start());
        self.enter_unit(scope, UnitKind::Lambda, Name::new_static("<lambda>"), line);
        self.unit().arg_counts = l.parameters.as_deref().map_or((0, 0, 0), arg_counts);
        self.at(loc);
        self.prologue();
        let value = self.operand(&l.body)?;
        self.at(l.body.range());
        self.e().use1(Opcode::Return, value);
        let code = self.leave_unit()?;
        self.at(loc);
        let has_parts = l.parameters.as_deref().is_some_and(|p| has_defaults(p) != (false, false))
            || !free_variables(self.table.scope(scope)).is_empty();
        if !has_parts {
            let out = self.out(base, want);
            self.make_function(code, scope, out.reg)?;
            return Ok(out);
        }
        let reg = self.e().alloc();
        self.make_function(code, scope, reg)?;
        if let Some(p) = &l.parameters {
            self.defaults(p, reg, loc)?;
        }
        self.set_top(reg + 1);
        Ok(self.settle(Val::temp(reg), want))
    }

    /// Evaluates defaults and gives them to the function in `reg`.
    fn defaults(&mut self, p: &'a Parameters, reg: u16, loc: Loc) -> Done {
        let (positional, keyword) = has_defaults(p);
        let value = self.top();
        if positional {
            self.positional_defaults(p, loc)?;
            self.e().op2(Opcode::SetFunctionAttr, FunctionPart::Defaults as u8, reg, Val::temp(value), 0);
            self.set_top(value);
        }
        if keyword {
            self.keyword_defaults(p, loc)?;
            self.e().op2(Opcode::SetFunctionAttr, FunctionPart::KwDefaults as u8, reg, Val::temp(value), 0);
            self.set_top(value);
        }
        Ok(())
    }

    /// The tuple of positional defaults, in the first free temporary.
    fn positional_defaults(&mut self, p: &'a Parameters, loc: Loc) -> Done {
        let values: Vec<&'a Expr> = p.posonlyargs.iter().chain(&p.args).filter_map(|a| a.default.as_deref()).collect();
        if let Some(items) = values.iter().map(|e| self.const_of(e)).collect::<Option<Vec<_>>>() {
            self.at(loc);
            self.constant(Const::Tuple(items.into()), Want::Top);
            return Ok(());
        }
        let first = self.top();
        for value in &values {
            self.expr_top(value)?;
        }
        self.at(loc);
        self.e().push(Opcode::BuildTuple, 0, first, first, values.len() as u16);
        self.set_top(first + 1);
        Ok(())
    }

    /// The dict of keyword-only defaults, in the first free temporary.
    fn keyword_defaults(&mut self, p: &'a Parameters, loc: Loc) -> Done {
        let first = self.top();
        let mut count = 0;
        for a in &p.kwonlyargs {
            if let Some(default) = &a.default {
                self.at(loc);
                let name = self.mangled(&a.parameter.name.id);
                self.constant(Const::str(&name), Want::Top);
                self.expr_top(default)?;
                count += 1;
            }
        }
        self.at(loc);
        self.e().push(Opcode::BuildMap, 0, first, first, count);
        self.set_top(first + 1);
        Ok(())
    }

    /// Makes a function of `code` in `reg` and gives it its closure.
    pub(crate) fn make_function(&mut self, code: Arc<Code>, scope: ScopeId, reg: u16) -> Done {
        let index = self.e().consts.add(Const::Code(code));
        self.e().op1(Opcode::MakeFunction, reg).set_bc(index);
        let free = free_variables(self.table.scope(scope));
        if free.is_empty() {
            return Ok(());
        }
        let first = self.e().alloc_n(free.len());
        for (i, name) in free.iter().enumerate() {
            let Some(cell) = self.cell_register(name) else {
                let text = format!("unknown free variable '{name}'");
                return Err(SyntaxError::bare(crate::ErrorKind::System, text));
            };
            self.e().move_(first + i as u16, Val::kept(cell));
        }
        self.e().push(Opcode::BuildTuple, 0, first, first, free.len() as u16);
        self.e().op2(Opcode::SetFunctionAttr, FunctionPart::Closure as u8, reg, Val::temp(first), 0);
        self.set_top(first);
        Ok(())
    }
}

/// Positional, positional-only and keyword-only parameters.
fn arg_counts(p: &Parameters) -> (u16, u16, u16) {
    let n = |len: usize| len.min(crate::emit::OPERAND_MAX) as u16;
    (n(p.posonlyargs.len() + p.args.len()), n(p.posonlyargs.len()), n(p.kwonlyargs.len()))
}
