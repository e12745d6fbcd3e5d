//! Iterators over built-in containers: what they share.

use crate::error::{self, Exc, Res};
use crate::names::{self, n};
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::ty::{TypeDef, TypeObject, type_of};
use crate::types::exceptions::{STOP_ITERATION, TYPE_ERROR};
use crate::types::generic_alias;
use crate::types::list_::ListIter;
use crate::types::tuple_iter::TupleIter;
use crate::value::Value;
use crate::{convert, ops, tuple};

/// `iter(it)` of an iterator.
pub fn same(_: &Thread, v: &Value) -> Res {
    Ok(v.clone())
}

/// The next item of an iterator, absent at the end.
#[inline]
pub fn next_of(t: &Thread, it: &Value) -> Res {
    if let Some(it) = it.exact::<ListIter>() {
        return Ok(it.step());
    }
    if let Some(it) = it.exact::<TupleIter>() {
        return Ok(it.step());
    }
    match type_of(it).slots().next {
        Some(f) => match f(t, it) {
            Err(e) if e.is(&STOP_ITERATION) => Ok(Value::ABSENT),
            r => r,
        },
        None => Ok(ops::next(t, it)?.unwrap_or(Value::ABSENT)),
    }
}

/// Whether a class called for a built-in's `__new__` has an `__init__` of its own, which may want keywords.
pub fn own_init(class: &Value, base: &'static TypeDef) -> bool {
    let Some(ty) = class.downcast::<TypeObject>() else { return false };
    match (ty.slots().init, base.ty().slots().init) {
        (Some(x), Some(y)) => !std::ptr::fn_addr_eq(x, y),
        (x, y) => x.is_some() != y.is_some(),
    }
}

/// Whether an object's class has a `__new__` of its own, which may have taken the keywords.
pub fn own_new(v: &Value, base: &'static TypeDef) -> bool {
    match (type_of(v).slots().new, base.ty().slots().new) {
        (Some(x), Some(y)) => !std::ptr::fn_addr_eq(x, y),
        (x, y) => x.is_some() != y.is_some(),
    }
}

/// A function of the builtins module, for `__reduce__`.
pub fn builtin(t: &Thread, name: &str) -> Res {
    let builtins = t.builtins().get();
    let found = match builtins.downcast::<crate::dict::Dict>() {
        Some(d) => d.get(t, &names::intern_text(t, name))?,
        None => None,
    };
    found.ok_or_else(|| error::attribute_error(t, &builtins, &names::intern_text(t, name), name))
}

/// `(iter, (seq,), index)`, or `(iter, (seq,))` for an iterator that has run out.
pub fn reduce(t: &Thread, function: &str, seq: Value, index: Option<i64>) -> Res {
    let f = builtin(t, function)?;
    let args = tuple::from_array(t, [seq])?;
    match index {
        Some(i) => tuple::from_array(t, [f, args, convert::from_i64(t, i)?]),
        None => tuple::from_array(t, [f, args]),
    }
}

/// `__class_getitem__` of a generic container.
pub fn class_getitem(t: &Thread, a: &[Value]) -> Res {
    generic_alias::new(t, &a[0], &a[1])
}

/// Rewords the TypeError of an unhashable key: "cannot use 'list' as a set element (unhashable type: 'list')".
#[cold]
pub fn unhashable_as(t: &Thread, key: &Value, what: &str, e: Exc) -> Exc {
    if e.is_stopped() || !std::ptr::eq(type_of(e.value()), TYPE_ERROR.ty()) {
        return e;
    }
    match ops::str(t, e.value()) {
        Ok(text) => error::type_error(
            t,
            format_args!("cannot use '{}' as a {what} ({})", full_name(type_of(key)), strs::display(&text)),
        ),
        Err(e) => e,
    }
}

/// A type's name with its module, as C's `%T` shows it; builtins stand alone.
pub fn full_name(ty: &TypeObject) -> String {
    if !ty.is_heap_type() {
        return ty.def().name.to_string();
    }
    let module = ty.dict().get_str(n::__module__()).filter(|m| m.exact::<Str>().is_some());
    let qualname = strs::display(&ty.qualname.get());
    match module.map(|m| strs::display(&m)) {
        Some(module) if module != "builtins" => format!("{module}.{qualname}"),
        _ => qualname,
    }
}
