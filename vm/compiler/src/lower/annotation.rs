//! Annotations, type parameters and type aliases: all evaluated lazily, by functions of their own.

use super::expr::Want;
use super::{Compiler, Deferred, Done, UnitKind};
use crate::emit::{Loc, Val};
use crate::error::SyntaxError;
use crate::symtable::{Part, ScopeId, ScopeKind, annotated_parameters};
use crate::unparse::unparse;
use ruff_python_ast::{self as ast, Expr, TypeParam, name::Name};
use ruff_text_size::Ranged;
use std::sync::Arc;
use typhon_isa::opcode::{CommonKind, FunctionPart, Intrinsic1Kind, Intrinsic2Kind};
use typhon_isa::{Code, CompareKind, Const, Opcode};

/// `annotationlib.Format.VALUE_WITH_FAKE_GLOBALS`: formats above it are not supported by compiled code.
const FORMAT_MAX: i16 = 2;

impl<'a> Compiler<'a> {
    /// Gives the function in `reg` its annotations.
    pub(crate) fn function_annotations(&mut self, f: &'a ast::StmtFunctionDef, reg: u16, loc: Loc) -> Done {
        let mut pairs: Vec<(Name, &'a Expr)> = Vec::new();
        for parameter in annotated_parameters(&f.parameters) {
            if let Some(annotation) = &parameter.annotation {
                pairs.push((self.mangled(&parameter.name.id), annotation));
            }
        }
        if let Some(returns) = &f.returns {
            pairs.push((Name::new_static("return"), returns));
        }
        if pairs.is_empty() {
            return Ok(());
        }
        let value = self.top();
        let scope = self.find_scope(f, Part::Annotations)?;
        self.enter_lazy(scope, Name::new_static("__annotate__"), loc)?;
        let own = &mut self.unit().qualname;
        own.truncate(own.len() - "__annotate__".len());
        own.push_str(&format!("{}.__annotate__", f.name.id));
        let map = self.annotation_map(&pairs, loc)?;
        self.e().use1(Opcode::Return, Val::temp(map));
        let code = self.leave_unit()?;
        self.set_top(value);
        let annotate = self.e().alloc();
        self.make_function(code, scope, annotate)?;
        self.e().op2(Opcode::SetFunctionAttr, FunctionPart::Annotate as u8, reg, Val::temp(annotate), 0);
        self.set_top(value);
        Ok(())
    }

    /// The dict of annotations, in the first free temporary.
    fn annotation_map(&mut self, pairs: &[(Name, &'a Expr)], loc: Loc) -> Result<u16, SyntaxError> {
        let map = self.top();
        let few = pairs.len() <= super::literal::CHUNK / 2;
        if !few {
            let map = self.e().alloc();
            self.e().push(Opcode::BuildMap, 0, map, map, 0);
        }
        for (name, annotation) in pairs {
            self.at(loc);
            let key = self.constant(Const::str(name), Want::Top);
            let value = Val::temp(self.top());
            if self.future_annotations() {
                self.constant(Const::Str(unparse(annotation, self.map)), Want::Top);
            } else {
                self.annotation_value(annotation)?;
            }
            if !few {
                self.at(loc);
                self.e().op3(Opcode::MapAdd, 0, map, key, value);
                self.set_top(map + 1);
            }
        }
        self.at(loc);
        if few {
            self.e().push(Opcode::BuildMap, 0, map, map, pairs.len() as u16);
        }
        self.set_top(map + 1);
        Ok(map)
    }

    /// The value of an annotation, in the first free temporary; `*Ts` stands for its only item.
    fn annotation_value(&mut self, annotation: &'a Expr) -> Done {
        let Expr::Starred(s) = annotation else {
            self.expr_top(annotation)?;
            return Ok(());
        };
        let base = self.top();
        let value = self.operand(&s.value)?;
        self.at(s.range);
        let out = self.out(base, Want::Top);
        self.e().op2(Opcode::UnpackSequence, 0, out.reg, value, 1);
        Ok(())
    }

    /// Begins a function that evaluates something lazily: it takes a format and refuses the ones it does not know.
    fn enter_lazy(&mut self, scope: ScopeId, name: Name, loc: Loc) -> Done {
        let (line, _) = self.map.line_byte(loc.start);
        self.enter_unit(scope, UnitKind::Annotation, name, line);
        self.unit().arg_counts = (1, 1, 0);
        self.at(loc);
        self.prologue();
        let e = self.e();
        let body = e.label();
        let format = Val::kept(0);
        e.op2(Opcode::CompareImmJump, CompareKind::Gt as u8, 0, format, FORMAT_MAX as u16).target = body;
        let error = e.alloc();
        e.push(Opcode::LoadCommon, CommonKind::NotImplementedError as u8, error, 0, 0);
        e.op3(Opcode::Raise, 1, 0, Val::temp(error), Val::kept(0));
        e.bind(body);
        e.top = error;
        Ok(())
    }

    // --- annotated names of modules and classes

    /// `name: annotation` without its value.
    pub(crate) fn annotated_name(&mut self, a: &'a ast::StmtAnnAssign, name: &Name) -> Done {
        let scope = self.scope();
        if scope.is_function_like() {
            return Ok(());
        }
        let loc = Loc::from(a.range);
        self.at(loc);
        let mangled = self.mangled(name);
        if self.future_annotations() {
            let base = self.top();
            let text = Const::Str(unparse(&a.annotation, self.map));
            let value = self.constant(text, Want::Top);
            let dict = self.e().alloc();
            let index = self.e().name("__annotations__");
            self.e().push(Opcode::LoadName, 0, dict, 0, index);
            let key = self.constant(Const::str(&mangled), Want::Top);
            self.e().op3s(Opcode::SetItem, 0, Val::temp(dict), key, value);
            self.set_top(base);
            return Ok(());
        }
        let conditional = scope.kind == ScopeKind::Module || self.unit_ref().in_conditional;
        let condition = conditional.then(|| {
            self.unit().conditions += 1;
            self.unit().conditions - 1
        });
        if let Some(number) = condition {
            let base = self.top();
            let set = self.e().alloc();
            self.load_conditions(set);
            let value = self.constant(Const::Int(i64::from(number)), Want::Top);
            self.e().op2(Opcode::SetAdd, 0, set, value, 0);
            self.e().clear(set);
            self.set_top(base);
        }
        self.unit().deferred.push(Deferred { name: mangled, annotation: &a.annotation, condition, loc });
        Ok(())
    }

    /// Loads the set of numbers of the annotations that were executed.
    fn load_conditions(&mut self, to: u16) {
        let name = Name::new_static("__conditional_annotations__");
        match self.closure(&name) {
            super::name::Place::Deref(cell) => {
                self.e().op2(Opcode::LoadDeref, 0, to, Val::kept(cell), 0);
            }
            _ if self.scope().is_function_like() => {
                let index = self.e().name(&name);
                self.e().push(Opcode::LoadGlobal, 0, to, 0, index);
            }
            _ => {
                let index = self.e().name(&name);
                self.e().push(Opcode::LoadName, 0, to, 0, index);
            }
        }
    }

    /// At the start of a module: `__annotate__`, whose code is filled in at the end, and the set of executed ones.
    pub(crate) fn module_annotations_setup(&mut self) -> Done {
        let scope = self.scope();
        if self.future_annotations() {
            if scope.annotations_used {
                self.e().push(Opcode::SetupAnnotations, 0, 0, 0, 0);
            }
            return Ok(());
        }
        if scope.annotation_block.is_none() {
            return Ok(());
        }
        let slot = self.e().consts.reserve();
        self.unit().annotate_slot = Some(slot);
        let reg = self.e().alloc();
        self.e().op1(Opcode::MakeFunction, reg).set_bc(slot);
        self.store_name(&Name::new_static("__annotate__"), Val::temp(reg))?;
        self.e().push(Opcode::BuildSet, 0, reg, reg, 0);
        self.store_name(&Name::new_static("__conditional_annotations__"), Val::temp(reg))?;
        self.set_top(reg);
        Ok(())
    }

    pub(crate) fn module_annotations_finish(&mut self) -> Done {
        let Some(slot) = self.unit().annotate_slot else { return Ok(()) };
        let Some((code, _)) = self.deferred_code()? else { return Ok(()) };
        self.e().consts.list[slot as usize] = Const::Code(code);
        Ok(())
    }

    /// The `__annotate__` of the deferred annotations.
    pub(crate) fn deferred_code(&mut self) -> Result<Option<(Arc<Code>, ScopeId)>, SyntaxError> {
        let Some(scope) = self.scope().annotation_block else { return Ok(None) };
        let deferred = std::mem::take(&mut self.unit().deferred);
        let entry = self.unit().entry;
        self.enter_lazy(scope, Name::new_static("__annotate__"), entry)?;
        let map = self.e().alloc();
        self.e().push(Opcode::BuildMap, 0, map, map, 0);
        for item in deferred {
            let skip = self.e().label();
            self.at(item.loc);
            if let Some(number) = item.condition {
                let number = self.constant(Const::Int(i64::from(number)), Want::Top);
                let set = self.e().alloc();
                self.load_conditions(set);
                self.e().op3(Opcode::Contains, 0, number.reg, number, Val::temp(set));
                self.branch_on(number, skip, false);
                self.set_top(map + 1);
            }
            let value = self.operand(item.annotation)?;
            self.at(entry);
            let key = self.constant(Const::str(&item.name), Want::Top);
            self.e().op3s(Opcode::SetItem, 0, Val::kept(map), key, value);
            self.set_top(map + 1);
            self.e().bind(skip);
        }
        self.e().use1(Opcode::Return, Val::temp(map));
        Ok(Some((self.leave_unit()?, scope)))
    }

    // --- type parameters

    /// Makes and binds type parameters; their tuple is in the first free temporary.
    pub(crate) fn type_params(&mut self, params: &'a ast::TypeParams, loc: Loc) -> Result<u16, SyntaxError> {
        let first = self.top();
        for param in &params.type_params {
            let name = &param.name().id;
            let range = param.range();
            self.at(range);
            let reg = self.constant(Const::str(name), Want::Top).reg;
            let plain = match param {
                TypeParam::TypeVar(_) => Intrinsic1Kind::TypeVar,
                TypeParam::TypeVarTuple(_) => Intrinsic1Kind::TypeVarTuple,
                TypeParam::ParamSpec(_) => Intrinsic1Kind::ParamSpec,
            };
            if let TypeParam::TypeVar(ast::TypeParamTypeVar { bound: Some(bound), .. }) = param {
                let is_tuple = bound.is_tuple_expr();
                let kind =
                    if is_tuple { Intrinsic2Kind::TypeVarWithConstraints } else { Intrinsic2Kind::TypeVarWithBound };
                self.lazy_value(param, Part::Bound, name, bound, bound.range().into())?;
                self.at(range);
                self.e().op3(Opcode::Intrinsic2, kind as u8, reg, Val::temp(reg), Val::temp(reg + 1));
            } else {
                self.e().op2(Opcode::Intrinsic1, plain as u8, reg, Val::temp(reg), 0);
            }
            self.set_top(reg + 1);
            if let Some(default) = param.default() {
                self.lazy_value(param, Part::Default, name, default, default.range().into())?;
                self.at(range);
                let kind = Intrinsic2Kind::SetTypeParamDefault as u8;
                self.e().op3(Opcode::Intrinsic2, kind, reg, Val::temp(reg), Val::temp(reg + 1));
                self.set_top(reg + 1);
            }
            self.store_name(name, Val::kept(reg))?;
        }
        self.at(loc);
        let count = self.top() - first;
        self.e().push(Opcode::BuildTuple, 0, first, first, count);
        self.set_top(first + 1);
        Ok(first)
    }

    /// A function that evaluates `value`, in the first free temporary.
    fn lazy_value<T>(&mut self, node: &T, part: Part, name: &Name, value: &'a Expr, loc: Loc) -> Done {
        let scope = self.find_scope(node, part)?;
        self.enter_lazy(scope, name.clone(), loc)?;
        let base = self.top();
        self.annotation_value(value)?;
        self.at(loc);
        self.e().use1(Opcode::Return, Val::temp(base));
        let code = self.leave_unit()?;
        self.at(loc);
        let reg = self.e().alloc();
        self.make_function(code, scope, reg)?;
        let defaults = self.constant(Const::Tuple(vec![Const::Int(1)].into()), Want::Top);
        self.e().op2(Opcode::SetFunctionAttr, FunctionPart::Defaults as u8, reg, defaults, 0);
        self.set_top(reg + 1);
        Ok(())
    }

    pub(crate) fn type_alias(&mut self, t: &'a ast::StmtTypeAlias) -> Done {
        let Expr::Name(name) = t.name.as_ref() else {
            return Err(self.error(t.range, "invalid syntax"));
        };
        let base = self.top();
        let loc = Loc::from(t.range);
        self.at(loc);
        match &t.type_params {
            None => self.alias_object(t, name, None, loc)?,
            Some(params) => {
                let scope = self.find_scope(t, Part::TypeParams)?;
                let (line, _) = self.map.line_byte(loc.start);
                let title = Name::new(format!("<generic parameters of {}>", name.id));
                self.enter_unit(scope, UnitKind::Annotation, title, line);
                self.at(loc);
                self.prologue();
                self.alias_object(t, name, Some(params), loc)?;
                let value = Val::temp(self.top() - 1);
                self.e().use1(Opcode::Return, value);
                let code = self.leave_unit()?;
                self.at(loc);
                let reg = self.e().alloc();
                self.make_function(code, scope, reg)?;
                self.e().push(Opcode::Call, 0, reg, reg, 0);
            }
        }
        self.store_name(&name.id, Val::temp(base))?;
        self.set_top(base);
        Ok(())
    }

    /// The alias object, in the first free temporary.
    fn alias_object(
        &mut self,
        t: &'a ast::StmtTypeAlias,
        name: &ast::ExprName,
        params: Option<&'a ast::TypeParams>,
        loc: Loc,
    ) -> Done {
        let first = self.constant(Const::str(&name.id), Want::Top).reg;
        match params {
            Some(params) => {
                self.type_params(params, loc)?;
            }
            None => {
                self.constant(Const::None, Want::Top);
            }
        }
        self.lazy_value(t, Part::Body, &name.id, &t.value, loc)?;
        self.at(loc);
        self.e().push(Opcode::BuildTuple, 0, first, first, 3);
        self.e().op2(Opcode::Intrinsic1, Intrinsic1Kind::TypeAlias as u8, first, Val::temp(first), 0);
        self.set_top(first + 1);
        Ok(())
    }
}
