//! The interpreter's typing intrinsics: type parameters and aliases.

use typhon_isa::opcode::{Intrinsic1Kind, Intrinsic2Kind};
use typhon_object::error::{self, Res};
use typhon_object::{Thread, Value};

/// TypeVar, ParamSpec, TypeVarTuple, generic bases and aliases.
pub fn intrinsic1(t: &Thread, kind: Intrinsic1Kind, _: Value) -> Res {
    Err(error::system_error(t, format_args!("no typing for {}", kind.text())))
}

/// Bounds, constraints and defaults.
pub fn intrinsic2(t: &Thread, kind: Intrinsic2Kind, _: Value, _: Value) -> Res {
    Err(error::system_error(t, format_args!("no typing for {}", kind.text())))
}
