//! What the compiler asks for when it meets type parameters, generic bases and aliases.

use super::generic::GENERIC;
use super::param_spec::ParamSpec;
use super::type_var::TypeVar;
use super::type_var_tuple::TypeVarTuple;
use super::{alias, param_spec, type_var, type_var_tuple};
use typhon_object::error::{self, Res};
use typhon_object::{Thread, Value, ops, tuple};

/// `[T]`, with what evaluates its bound or its constraints.
pub fn type_var(t: &Thread, name: &Value, bound: Option<&Value>, constraints: Option<&Value>) -> Res {
    type_var::inferred(t, name, bound, constraints)
}

/// `[**P]`.
pub fn param_spec(t: &Thread, name: &Value) -> Res {
    param_spec::inferred(t, name)
}

/// `[*Ts]`.
pub fn type_var_tuple(t: &Thread, name: &Value) -> Res {
    type_var_tuple::inferred(t, name)
}

/// Gives a type parameter a default, computed when asked for.
pub fn set_default(t: &Thread, param: &Value, evaluate: &Value) -> Res {
    if let Some(p) = param.downcast::<TypeVar>() {
        p.default.defer(&p.header, evaluate.clone());
    } else if let Some(p) = param.downcast::<ParamSpec>() {
        p.default.defer(&p.header, evaluate.clone());
    } else if let Some(p) = param.downcast::<TypeVarTuple>() {
        p.default.defer(&p.header, evaluate.clone());
    } else {
        let name = typhon_object::type_of(param).name();
        return Err(error::type_error(t, format_args!("Expected a type param, got {name}")));
    }
    Ok(param.clone())
}

/// `Generic[params]`, the implicit base of a generic class.
pub fn generic_base(t: &Thread, params: &Value) -> Res {
    let params = unpack_tuples(t, params)?;
    super::library(t, "_GenericAlias", &[GENERIC.ty().value(), params])
}

/// The alias of a `type` statement.
pub fn type_alias(t: &Thread, parts: &Value) -> Res {
    alias::of_statement(t, parts)
}

/// Type parameters with every TypeVarTuple unpacked.
pub(super) fn unpack_tuples(t: &Thread, params: &Value) -> Res {
    let mut out = ops::collect(t, params)?;
    for p in &mut out {
        if p.downcast::<TypeVarTuple>().is_some() {
            *p = super::unpack(t, p)?;
        }
    }
    tuple::from_vec(t, out)
}
