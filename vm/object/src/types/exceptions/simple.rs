//! Exceptions that add a field or two: StopIteration, SystemExit, AttributeError, NameError, ImportError, KeyError.

use super::{base, field, fields};
use crate::args::Args;
use crate::dict::Dict;
use crate::error::Res;
use crate::names;
use crate::native::{MethodDef, def};
use crate::ops;
use crate::strs::{self, Str};
use crate::suggest;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::type_of;
use crate::value::Value;

pub(super) const ATTRIBUTE_METHODS: &[MethodDef] = &[
    def("__reduce__", "($self, /)", |t, a| reduce_with(t, &a[0], ATTRIBUTE_STATE), ""),
    def("__getstate__", "($self, /)", |t, a| state(t, &a[0], ATTRIBUTE_STATE), ""),
];
pub(super) const IMPORT_METHODS: &[MethodDef] =
    &[def("__reduce__", "($self, /)", |t, a| reduce_with(t, &a[0], &["name", "path", "name_from"]), "")];

/// The name survives pickling, the object does not: it may be anything.
const ATTRIBUTE_STATE: &[&str] = &["name", "args"];

pub(super) fn stop_iteration(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    base::init(t, v, a)?;
    fields::put(v, "value", a.values.first().cloned().unwrap_or(Value::NONE));
    Ok(())
}

pub(super) fn system_exit(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    base::init(t, v, a)?;
    match a.values {
        [] => {}
        [code] => fields::put(v, "code", code.clone()),
        all => fields::put(v, "code", tuple::new(t, all)?),
    }
    Ok(())
}

/// Positional arguments as BaseException's, keywords into the fields of the same name.
fn keyword_init(t: &Thread, v: &Value, a: Args<'_>, function: &str, known: &[&str]) -> Res<()> {
    base::put_args(t, v, a.positional())?;
    for name in known {
        fields::put(v, name, Value::ABSENT);
    }
    for (key, value) in a.keywords() {
        match known.iter().find(|k| strs::eq_str(key, k)) {
            Some(name) => fields::put(v, name, value.clone()),
            None => return Err(suggest::unexpected_keyword(t, function, key, known.iter().copied())),
        }
    }
    Ok(())
}

pub(super) fn attribute_error(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    keyword_init(t, v, a, "AttributeError", &["name", "obj"])
}

pub(super) fn name_error(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    keyword_init(t, v, a, "NameError", &["name"])
}

pub(super) fn import_error(t: &Thread, v: &Value, a: Args<'_>) -> Res<()> {
    keyword_init(t, v, a, "ImportError", &["name", "path", "name_from"])?;
    let msg = match a.positional() {
        [msg] => msg.clone(),
        _ => Value::ABSENT,
    };
    fields::put(v, "msg", msg);
    Ok(())
}

pub(super) fn import_str(t: &Thread, v: &Value) -> Res {
    match field(v, "msg") {
        Some(msg) if msg.exact::<Str>().is_some() => Ok(msg),
        _ => base::str(t, v),
    }
}

/// A key's repr, so that an empty one can be seen.
pub(super) fn key_str(t: &Thread, v: &Value) -> Res {
    match &base::items(v)[..] {
        [key] => ops::repr(t, key),
        _ => base::str(t, v),
    }
}

/// The dict with the named fields that are set; None if there is nothing.
fn state(t: &Thread, v: &Value, names: &[&str]) -> Res {
    let state = Dict::create(t);
    let out = Dict::of(&state);
    if let Some(dict) = v.expect::<super::Exception>().dict.get().downcast::<Dict>() {
        out.merge(t, dict, true)?;
    }
    for name in names {
        let value = if *name == "args" { Some(super::args(v)) } else { field(v, name) };
        if let Some(value) = value {
            out.set_str(t, &names::intern_text(t, name), value)?;
        }
    }
    Ok(if out.is_empty() { Value::NONE } else { state })
}

fn reduce_with(t: &Thread, v: &Value, names: &[&str]) -> Res {
    let (class, args, state) = (type_of(v).value(), super::args(v), state(t, v, names)?);
    if state.is_none() {
        return tuple::from_array(t, [class, args]);
    }
    tuple::from_array(t, [class, args, state])
}
