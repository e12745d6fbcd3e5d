//! What a value looks like: `repr`, `str` and `format`.

use crate::call;
use crate::error::{self, Res};
use crate::names::n;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::ty::type_of;
use crate::value::Value;

/// `repr(v)`, checked to be a str.
pub fn repr(t: &Thread, v: &Value) -> Res {
    t.poll()?;
    t.check_stack("while getting the repr of an object")?;
    let r = match type_of(v).slots().repr {
        Some(f) => f(t, v)?,
        None => strs::new(t, &format!("<{} object at {:#x}>", type_of(v).name(), v.id()))?,
    };
    if r.downcast::<Str>().is_none() {
        let name = type_of(&r).name();
        return Err(error::type_error(t, format_args!("__repr__ returned non-string (type {name})")));
    }
    Ok(r)
}

/// `repr(v)` as Rust text, for building a larger one.
pub fn repr_text(t: &Thread, v: &Value) -> Res<String> {
    Ok(strs::display(&repr(t, v)?))
}

/// `str(v)`, checked to be a str.
pub fn str(t: &Thread, v: &Value) -> Res {
    if v.exact::<Str>().is_some() {
        return Ok(v.clone());
    }
    t.check_stack("while getting the str of an object")?;
    let r = match type_of(v).slots().str {
        Some(f) => f(t, v)?,
        None => return repr(t, v),
    };
    if r.downcast::<Str>().is_none() {
        let name = type_of(&r).name();
        return Err(error::type_error(t, format_args!("__str__ returned non-string (type {name})")));
    }
    Ok(r)
}

/// `format(v, spec)`.
pub fn format(t: &Thread, v: &Value, spec: &Value) -> Res {
    if spec.exact::<Str>().is_some_and(Str::is_empty) && (v.exact::<Str>().is_some() || v.is_small()) {
        return str(t, v);
    }
    if let Some(r) = super::quick::format(t, v, spec) {
        return r;
    }
    let r = match call::special(t, v, n::__format__(), std::slice::from_ref(spec)) {
        Some(r) => r?,
        None => {
            let name = type_of(v).name();
            return Err(error::type_error(t, format_args!("Type {name} doesn't define __format__")));
        }
    };
    if r.downcast::<Str>().is_none() {
        let name = type_of(&r).name();
        return Err(error::type_error(t, format_args!("__format__ must return a str, not {name}")));
    }
    Ok(r)
}
