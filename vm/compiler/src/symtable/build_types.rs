//! The first pass, type parameters and aliases: scopes that are evaluated later.

use super::Key;
use super::build::{Builder, Done};
use super::{Part, ScopeKind, def, key};
use ruff_python_ast::{self as ast, Expr, TypeParam, name::Name};
use ruff_text_size::{Ranged, TextRange};

impl Builder<'_> {
    pub(super) fn enter_type_params(&mut self, name: &Name, key: Key, range: TextRange) {
        let in_class = self.cur().kind == ScopeKind::Class;
        self.enter(name.clone(), ScopeKind::TypeParameters, key, range);
        let scope = self.cur();
        scope.what = "the definition of a generic";
        if in_class {
            scope.can_see_class_scope = true;
            scope.symbols.entry(Name::new_static("__classdict__")).or_default().flags |= def::USE;
        }
    }

    pub(super) fn type_params(&mut self, params: &ast::TypeParams) -> Done {
        let mut defaults = false;
        for param in &params.type_params {
            let (name, range) = (param.name().id.clone(), param.range());
            if defaults && param.default().is_none() {
                let text = format!("non-default type parameter '{name}' follows default type parameter");
                return Err(self.error(range, text));
            }
            defaults |= param.default().is_some();
            if name == "__classdict__" {
                return Err(self.error(range, format!("reserved name '{name}' cannot be used for type parameter")));
            }
            self.bind(&name, def::TYPE_PARAM | def::LOCAL, range)?;
            if let TypeParam::TypeVar(ast::TypeParamTypeVar { bound: Some(bound), .. }) = param {
                let what = if bound.is_tuple_expr() { "a TypeVar constraint" } else { "a TypeVar bound" };
                self.type_variable(&name, bound, key(param, Part::Bound), what)?;
            }
            if let Some(default) = param.default() {
                let what = match param {
                    TypeParam::TypeVar(_) => "a TypeVar default",
                    TypeParam::TypeVarTuple(_) => "a TypeVarTuple default",
                    TypeParam::ParamSpec(_) => "a ParamSpec default",
                };
                self.type_variable(&name, default, key(param, Part::Default), what)?;
            }
        }
        Ok(())
    }

    fn type_variable(&mut self, name: &Name, value: &Expr, key: Key, what: &'static str) -> Done {
        let in_class = self.cur().can_see_class_scope;
        self.enter(name.clone(), ScopeKind::TypeVariable, key, value.range());
        self.cur().what = what;
        if in_class {
            self.cur().can_see_class_scope = true;
            self.add(&Name::new_static("__classdict__"), def::USE, value.range())?;
        }
        self.expr(value)?;
        self.leave();
        Ok(())
    }

    pub(super) fn type_alias(&mut self, t: &ast::StmtTypeAlias) -> Done {
        self.expr(&t.name)?;
        let in_class = self.cur().kind == ScopeKind::Class;
        let name = t.name.as_name_expr().map_or_else(|| Name::new_static("<alias>"), |n| n.id.clone());
        if let Some(params) = &t.type_params {
            self.enter_type_params(&name, key(t, Part::TypeParams), t.range);
            self.type_params(params)?;
        }
        self.enter(name, ScopeKind::TypeAlias, key(t, Part::Body), t.range);
        self.cur().what = "a type alias";
        if in_class {
            self.cur().can_see_class_scope = true;
            self.add(&Name::new_static("__classdict__"), def::USE, t.value.range())?;
        }
        self.expr(&t.value)?;
        self.leave();
        if t.type_params.is_some() {
            self.leave();
        }
        Ok(())
    }
}
