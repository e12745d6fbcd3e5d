//! The interpreter's typing intrinsics: which of the native `_typing`'s makers each is.

use typhon_isa::opcode::{Intrinsic1Kind, Intrinsic2Kind};
use typhon_native::typing::intrinsic;
use typhon_object::error::{self, Res};
use typhon_object::{Thread, Value, attr, names::n};

/// TypeVar, ParamSpec, TypeVarTuple, generic bases and aliases.
pub fn intrinsic1(t: &Thread, kind: Intrinsic1Kind, v: Value) -> Res {
    make_types(t)?;
    match kind {
        Intrinsic1Kind::TypeVar => intrinsic::type_var(t, &v, None, None),
        Intrinsic1Kind::ParamSpec => intrinsic::param_spec(t, &v),
        Intrinsic1Kind::TypeVarTuple => intrinsic::type_var_tuple(t, &v),
        Intrinsic1Kind::SubscriptGeneric => intrinsic::generic_base(t, &v),
        Intrinsic1Kind::TypeAlias => intrinsic::type_alias(t, &v),
        _ => Err(error::system_error(t, "not a typing intrinsic")),
    }
}

/// Bounds, constraints and defaults.
pub fn intrinsic2(t: &Thread, kind: Intrinsic2Kind, a: Value, b: Value) -> Res {
    make_types(t)?;
    match kind {
        Intrinsic2Kind::TypeVarWithBound => intrinsic::type_var(t, &a, Some(&b), None),
        Intrinsic2Kind::TypeVarWithConstraints => intrinsic::type_var(t, &a, None, Some(&b)),
        Intrinsic2Kind::SetTypeParamDefault => intrinsic::set_default(t, &a, &b),
        Intrinsic2Kind::SetFunctionTypeParams => {
            attr::set(t, &a, n::__type_params__(), Some(&b))?;
            Ok(a)
        }
        Intrinsic2Kind::PrepReraiseStar => Err(error::system_error(t, "not a typing intrinsic")),
    }
}

/// A module's types are made when it is first imported, and a program may use type parameters without importing any.
fn make_types(t: &Thread) -> Res<()> {
    (t.hooks.import)(t, "_typing").map(drop)
}
