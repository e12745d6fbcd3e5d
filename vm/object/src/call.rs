//! Calling.

use crate::args::Args;
use crate::attr;
use crate::error::{self, Res};
use crate::thread::Thread;
use crate::ty::type_of;
use crate::value::Value;

/// Calls `f(*args)`.
#[inline]
pub fn call(t: &Thread, f: &Value, args: &[Value]) -> Res {
    call_args(t, f, Args::pos(args))
}

/// Calls `f` with positional and keyword arguments.
#[inline]
pub fn call_args(t: &Thread, f: &Value, args: Args<'_>) -> Res {
    t.check_stack("")?;
    match type_of(f).slots().call {
        Some(call) => call(t, f, args),
        None => Err(error::type_error(t, format_args!("'{}' object is not callable", type_of(f).name()))),
    }
}

/// Calls `f()`.
#[inline]
pub fn call0(t: &Thread, f: &Value) -> Res {
    call(t, f, &[])
}

/// Calls `f(x)`.
#[inline]
pub fn call1(t: &Thread, f: &Value, x: &Value) -> Res {
    call(t, f, std::slice::from_ref(x))
}

/// Whether `f` can be called.
pub fn is_callable(f: &Value) -> bool {
    type_of(f).slots().call.is_some()
}

/// Calls `obj.name(*args)`, without making a bound method where that is possible.
pub fn method(t: &Thread, obj: &Value, name: &Value, args: &[Value]) -> Res {
    let (f, bound) = attr::load_method(t, obj, name)?;
    if !bound {
        return call(t, &f, args);
    }
    Args::pos(args).with_first(obj, |args| call_args(t, &f, args))
}

/// Looks the special method `name` up on the type and calls it with `obj` and `args`; `None` if there is none.
pub fn special(t: &Thread, obj: &Value, name: &Value, args: &[Value]) -> Option<Res> {
    let f = type_of(obj).lookup(t, name)?;
    Some(call_looked_up(t, obj, &f, args))
}

/// Calls what a type lookup found as a method of `obj`.
pub fn call_looked_up(t: &Thread, obj: &Value, f: &Value, args: &[Value]) -> Res {
    let ty = type_of(f);
    if ty.has_flag(crate::ty::flag::METHOD_DESCRIPTOR) {
        return Args::pos(args).with_first(obj, |args| call_args(t, f, args));
    }
    match ty.slots().get {
        Some(get) => {
            let bound = type_of(obj).with_value(|cls| get(t, f, Some(obj), Some(cls)))?;
            call(t, &bound, args)
        }
        None => call(t, f, args),
    }
}
