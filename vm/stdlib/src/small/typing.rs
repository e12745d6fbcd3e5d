//! The interpreter's typing intrinsics: type parameters and aliases, as the library's `_typing` makes them.

use typhon_isa::opcode::{Intrinsic1Kind, Intrinsic2Kind};
use typhon_object::error::Res;
use typhon_object::{Thread, Value, attr, call, strs};

fn intrinsic(t: &Thread, kind: &str, operands: &[Value]) -> Res {
    let module = (t.hooks.import)(t, "_typing")?;
    let f = attr::get_text(t, &module, "_intrinsic")?;
    let mut args = vec![strs::new(t, kind)?];
    args.extend_from_slice(operands);
    call::call(t, &f, &args)
}

/// TypeVar, ParamSpec, TypeVarTuple, generic bases and aliases.
pub fn intrinsic1(t: &Thread, kind: Intrinsic1Kind, v: Value) -> Res {
    intrinsic(t, kind.text(), &[v])
}

/// Bounds, constraints and defaults.
pub fn intrinsic2(t: &Thread, kind: Intrinsic2Kind, a: Value, b: Value) -> Res {
    intrinsic(t, kind.text(), &[a, b])
}
