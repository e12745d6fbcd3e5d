//! dict: construction, protocols and operators.

pub mod iter;
mod methods;
mod update;

pub use update::update;

use crate::args::Args;
use crate::call;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::ids;
use crate::names::n;
use crate::ops::{self, CompareOp};
use crate::slots::Slots;
use crate::strs::{self, Str, StrBuilder};
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::value::Value;

/// dict.
pub static DICT: TypeDef = TypeDef {
    name: "dict",
    doc: "dict() -> new empty dictionary\ndict(mapping) -> new dictionary initialized from a mapping object's\n    (key, value) pairs\ndict(iterable) -> new dictionary initialized as if via:\n    d = {}\n    for k, v in iterable:\n        d[k] = v\ndict(**kwargs) -> new dictionary initialized with the name=value pairs\n    in the keyword argument list.  For example:  dict(one=1, two=2)",
    id: ids::DICT,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::DICT | flag::MAPPING,
    slots: Slots {
        new: Some(|t, class, _| crate::payload::new_for(t, class, Dict::empty)),
        init: Some(init),
        repr: Some(repr),
        compare: Some(compare),
        iter: Some(iter::keys),
        or: Some(or),
        ior: Some(ior),
        len: Some(|_, v| Ok(Dict::of(v).len())),
        getitem: Some(getitem),
        setitem: Some(setitem),
        contains: Some(|t, v, k| Dict::of(v).contains(t, k)),
        ..Slots::NONE
    },
    methods: methods::METHODS,
    outside: false,
    ..TypeDef::of::<Dict>()
};

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    update::from_args(t, v, args, "dict")
}

#[inline]
fn getitem(t: &Thread, v: &Value, k: &Value) -> Res {
    match Dict::of(v).get(t, k)? {
        Some(found) => Ok(found),
        None => missing(t, v, k),
    }
}

/// `__missing__` of a subclass, or KeyError.
#[cold]
fn missing(t: &Thread, v: &Value, k: &Value) -> Res {
    if v.exact::<Dict>().is_none()
        && let Some(r) = call::special(t, v, n::__missing__(), std::slice::from_ref(k))
    {
        return r;
    }
    Err(error::key_error(t, k))
}

#[inline]
fn setitem(t: &Thread, v: &Value, k: &Value, value: Option<&Value>) -> Res<()> {
    match value {
        Some(value) => Dict::of(v).set(t, k, value),
        None => match Dict::of(v).remove(t, k)? {
            Some(_) => Ok(()),
            None => Err(error::key_error(t, k)),
        },
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let dict = Dict::of(v);
    if dict.is_empty() {
        return strs::new(t, "{}");
    }
    let Some(_shown) = t.show(&dict.header) else { return strs::new(t, "{...}") };
    repr_items(t, dict)
}

fn repr_items(t: &Thread, dict: &Dict) -> Res {
    let (mut out, mut first) = (StrBuilder::with_capacity(dict.len() * 6), true);
    out.push_str("{");
    for (key, _, value) in dict.walk(t)? {
        if !std::mem::take(&mut first) {
            out.push_str(", ");
        }
        for (v, sign) in [(key, ": "), (value, "")] {
            let text = ops::repr(t, &v)?;
            let text = text.expect::<Str>();
            if text.len() > 4096 {
                t.check_alloc(out.len() + text.len())?;
            }
            out.push_value(text);
            out.push_str(sign);
        }
    }
    out.push_str("}");
    out.finish(t)
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<Dict>(), b.downcast::<Dict>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    match op {
        CompareOp::Eq => Ok(Value::bool(equal(t, x, y)?)),
        CompareOp::Ne => Ok(Value::bool(!equal(t, x, y)?)),
        _ => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn equal(t: &Thread, x: &Dict, y: &Dict) -> Res<bool> {
    if x.len() != y.len() {
        return Ok(false);
    }
    for (i, (key, hash, value)) in x.walk(t)?.enumerate() {
        match y.get_hashed(t, &key, hash)? {
            Some(other) if ops::eq(t, &value, &other)? => {}
            _ => return Ok(false),
        }
        if i % 256 == 255 {
            t.poll()?;
        }
    }
    Ok(true)
}

fn or(t: &Thread, a: &Value, b: &Value) -> Res {
    let (Some(x), Some(_)) = (a.downcast::<Dict>(), b.downcast::<Dict>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    let out = x.copy(t)?;
    update(t, &out, b)?;
    Ok(out)
}

fn ior(t: &Thread, a: &Value, b: &Value) -> Res {
    update(t, a, b)?;
    Ok(a.clone())
}
