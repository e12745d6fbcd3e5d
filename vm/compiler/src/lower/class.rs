//! Classes.

use super::call::{Layout, layout};
use super::expr::Want;
use super::name::Place;
use super::{Compiler, Done, UnitKind};
use crate::emit::{Loc, Val};
use crate::error::SyntaxError;
use crate::symtable::{Part, ScopeId};
use ruff_python_ast::{self as ast, Expr, Keyword, name::Name};
use std::sync::Arc;
use typhon_isa::opcode::Intrinsic1Kind;
use typhon_isa::{Code, Const, Opcode};

impl<'a> Compiler<'a> {
    pub(crate) fn class_def(&mut self, c: &'a ast::StmtClassDef) -> Done {
        let base = self.top();
        let start = self.definition_start(c.range, &c.decorator_list);
        let loc = Loc { start, end: c.range.end() };
        self.decorators(&c.decorator_list)?;
        let class = self.top();
        match &c.type_params {
            None => self.class_object(c, loc)?,
            Some(params) => self.generic_class(c, params, loc)?,
        }
        self.set_top(class + 1);
        let value = self.decorate(&c.decorator_list);
        self.at(loc);
        self.store_name(&c.name.id, value)?;
        self.set_top(base);
        Ok(())
    }

    /// The class, in the first free temporary.
    fn class_object(&mut self, c: &'a ast::StmtClassDef, loc: Loc) -> Done {
        let (args, keywords): (&'a [Expr], &'a [Keyword]) =
            c.arguments.as_ref().map_or((&[], &[]), |a| (&*a.args, &*a.keywords));
        let base = self.top();
        let layout = layout(args, keywords);
        self.class_head(c, loc, layout)?;
        let out = self.finish_call(layout, base, 2, args, keywords, loc, Want::Top)?;
        self.set_top(out.reg + 1);
        Ok(())
    }

    /// `__build_class__`, the body's function and the name, in place for a call.
    fn class_head(&mut self, c: &'a ast::StmtClassDef, loc: Loc, layout: Layout) -> Done {
        let (code, scope) = self.class_code(c, loc)?;
        self.at(loc);
        let build = self.e().alloc();
        self.e().op1(Opcode::LoadBuildClass, build);
        if layout == Layout::Keywords {
            let this = self.e().alloc();
            self.e().clear(this);
        }
        let function = self.e().alloc();
        self.make_function(code, scope, function)?;
        self.constant(Const::str(&c.name.id), Want::Top);
        Ok(())
    }

    fn generic_class(&mut self, c: &'a ast::StmtClassDef, params: &'a ast::TypeParams, loc: Loc) -> Done {
        let scope = self.find_scope(c, Part::TypeParams)?;
        let line = self.first_line(loc.start, &c.decorator_list);
        let name = Name::new(format!("<generic parameters of {}>", c.name.id));
        let type_params = Name::new_static(".type_params");
        self.enter_unit(scope, UnitKind::Annotation, name, line);
        self.at(loc);
        self.prologue();
        let tuple = self.type_params(params, loc)?;
        self.store_name(&type_params, Val::temp(tuple))?;
        self.set_top(tuple);
        // The generic base comes after the bases: as one more positional argument.
        let (args, keywords): (&'a [Expr], &'a [Keyword]) =
            c.arguments.as_ref().map_or((&[], &[]), |a| (&*a.args, &*a.keywords));
        let base = self.top();
        self.generic_call(c, args, keywords, loc, &type_params)?;
        self.e().use1(Opcode::Return, Val::temp(base));
        let code = self.leave_unit()?;
        self.at(loc);
        let reg = self.e().alloc();
        self.make_function(code, scope, reg)?;
        self.e().push(Opcode::Call, 0, reg, reg, 0);
        Ok(())
    }

    /// Calls `__build_class__` with the bases and the generic base.
    fn generic_call(
        &mut self,
        c: &'a ast::StmtClassDef,
        args: &'a [Expr],
        keywords: &'a [Keyword],
        loc: Loc,
        type_params: &Name,
    ) -> Done {
        let base = self.top();
        let layout = layout(args, keywords);
        self.class_head(c, loc, layout)?;
        let generic = Name::new_static(".generic_base");
        let reg = self.e().alloc();
        self.load_mangled_to(type_params, reg);
        let kind = Intrinsic1Kind::SubscriptGeneric as u8;
        self.e().op2(Opcode::Intrinsic1, kind, reg, Val::temp(reg), 0);
        self.store_name(&generic, Val::temp(reg))?;
        self.set_top(reg);
        if layout == Layout::Star {
            let first = base + 1;
            if !self.gather_list(first, args, loc)? {
                let count = self.top() - first;
                self.e().push(Opcode::BuildList, 0, first, first, count);
                self.set_top(first + 1);
            }
            let reg = self.e().alloc();
            self.load_mangled_to(&generic, reg);
            self.e().op2(Opcode::ListAppend, 0, first, Val::temp(reg), 0);
            self.e().op2(Opcode::ListToTuple, 0, first, Val::temp(first), 0);
            self.set_top(first + 1);
            return self.star_keywords(base, keywords, loc, Want::Top).map(|_| ());
        }
        for arg in args {
            self.expr_top(arg)?;
        }
        let reg = self.e().alloc();
        self.load_mangled_to(&generic, reg);
        self.finish_call(layout, base, 3 + args.len(), &[], keywords, loc, Want::Top).map(|_| ())
    }

    fn class_code(&mut self, c: &'a ast::StmtClassDef, loc: Loc) -> Result<(Arc<Code>, ScopeId), SyntaxError> {
        let scope_id = self.find_scope(c, Part::Body)?;
        let line = self.first_line(loc.start, &c.decorator_list);
        self.enter_unit(scope_id, UnitKind::Class, c.name.id.clone(), line);
        let start = self.map.line_start(line);
        let entry = Loc { start, end: start };
        self.unit().entry = entry;
        self.at(entry);
        self.prologue();
        let reg = self.top();
        let index = self.e().name("__name__");
        self.e().alloc();
        self.e().push(Opcode::LoadName, 0, reg, 0, index);
        self.class_store("__module__", reg);
        let qualname = self.unit_ref().qualname.clone();
        self.e().load_const(reg, Const::str(&qualname));
        self.class_store("__qualname__", reg);
        self.e().load_const(reg, Const::Int(i64::from(line)));
        self.class_store("__firstlineno__", reg);
        let scope = self.scope();
        if c.type_params.is_some() {
            self.load_mangled_to(&Name::new_static(".type_params"), reg);
            self.class_store("__type_params__", reg);
        }
        if scope.needs_classdict {
            self.e().op1(Opcode::LoadLocals, reg);
            self.class_cell("__classdict__", reg);
        }
        if scope.has_conditional_annotations {
            self.e().push(Opcode::BuildSet, 0, reg, reg, 0);
            self.class_cell("__conditional_annotations__", reg);
        }
        self.set_top(reg);
        if self.future_annotations() && scope.annotations_used {
            self.e().push(Opcode::SetupAnnotations, 0, 0, 0, 0);
        }
        self.body_with_docstring(&c.body)?;
        self.class_tail(reg)?;
        Ok((self.leave_unit()?, scope_id))
    }

    /// What a class body ends with: annotations, static attributes and its cells for `type.__new__`.
    fn class_tail(&mut self, reg: u16) -> Done {
        let scope = self.scope();
        if !self.future_annotations()
            && let Some((code, annotate)) = self.deferred_code()?
        {
            let entry = self.unit().entry;
            self.at(entry);
            self.e().alloc();
            self.make_function(code, annotate, reg)?;
            self.class_store("__annotate_func__", reg);
            self.set_top(reg);
        }
        self.at(Loc::NONE);
        let names = self.unit().static_attributes.iter().map(|n| Const::str(n)).collect::<Vec<_>>();
        self.e().alloc();
        self.e().load_const(reg, Const::Tuple(names.into()));
        self.class_store("__static_attributes__", reg);
        let cell = |c: &Self, name| match c.closure(&Name::new_static(name)) {
            Place::Deref(cell) => Some(cell),
            _ => None,
        };
        if scope.needs_classdict
            && let Some(from) = cell(self, "__classdict__")
        {
            self.e().move_(reg, Val::kept(from));
            self.class_store("__classdictcell__", reg);
        }
        if scope.needs_class_closure
            && let Some(from) = cell(self, "__class__")
        {
            self.e().move_(reg, Val::kept(from));
            self.class_store_value("__classcell__", Val::kept(reg));
            self.e().use1(Opcode::Return, Val::temp(reg));
        } else {
            self.return_none();
        }
        self.set_top(reg);
        Ok(())
    }

    fn class_store(&mut self, name: &str, reg: u16) {
        self.class_store_value(name, Val::temp(reg));
    }

    fn class_store_value(&mut self, name: &str, value: Val) {
        let index = self.e().name(name);
        self.e().op2(Opcode::StoreName, 0, 0, value, index);
    }

    fn class_cell(&mut self, name: &'static str, reg: u16) {
        if let Place::Deref(cell) = self.closure(&Name::new_static(name)) {
            self.e().op2(Opcode::StoreDeref, 0, cell, Val::temp(reg), 0);
        }
    }
}
