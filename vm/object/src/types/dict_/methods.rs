//! dict: methods.

use super::{getitem, iter, update};
use crate::call;
use crate::convert;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::native::{MethodDef, def, raw};
use crate::ops;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::type_of;
use crate::types::dict_views as views;
use crate::types::exceptions::KEY_ERROR;
use crate::types::iters::class_getitem;
use crate::types::set_;
use crate::value::Value;

pub(super) const METHODS: &[MethodDef] = &[
    def("__getitem__", "($self, key, /)", |t, a| getitem(t, &a[0], &a[1]), "Return self[key]."),
    def(
        "__contains__",
        "($self, key, /)",
        |t, a| Ok(Value::bool(this(a).contains(t, &a[1])?)),
        "True if the dictionary has the specified key, else False.",
    ),
    def("__sizeof__", "($self, /)", sizeof, "Return the size of the dict in memory, in bytes."),
    def(
        "get",
        "($self, key, default=None, /)",
        get,
        "Return the value for key if key is in the dictionary, else default.",
    ).open_receiver(),
    def(
        "setdefault",
        "($self, key, default=None, /)",
        setdefault,
        "Insert key with a value of default if key is not in the dictionary.\n\nReturn the value for key if key is in the dictionary, else default.",
    ).open_receiver(),
    def(
        "pop",
        "($self, key, default=<unrepresentable>, /)",
        pop,
        "D.pop(k[,d]) -> v, remove specified key and return the corresponding value.\n\nIf the key is not found, return the default if given; otherwise,\nraise a KeyError.",
    ).open_receiver(),
    def(
        "popitem",
        "($self, /)",
        popitem,
        "Remove and return a (key, value) pair as a 2-tuple.\n\nPairs are returned in LIFO (last-in, first-out) order.\nRaises KeyError if the dict is empty.",
    ),
    def(
        "keys",
        "($self, /)",
        |t, a| views::keys(t, &a[0]),
        "Return a set-like object providing a view on the dict's keys.",
    ).open_receiver().tame(),
    def(
        "items",
        "($self, /)",
        |t, a| views::items(t, &a[0]),
        "Return a set-like object providing a view on the dict's items.",
    ).open_receiver().tame(),
    def(
        "values",
        "($self, /)",
        |t, a| views::values(t, &a[0]),
        "Return an object providing a view on the dict's values.",
    ).open_receiver().tame(),
    raw(
        "update",
        "",
        update_method,
        "D.update([E, ]**F) -> None.  Update D from mapping/iterable E and F.\nIf E is present and has a .keys() method, then does:  for k in E.keys(): D[k] = E[k]\nIf E is present and lacks a .keys() method, then does:  for k, v in E: D[k] = v\nIn either case, this is followed by: for k in F:  D[k] = F[k]",
    ),
    def(
        "fromkeys",
        "($type, iterable, value=None, /)",
        fromkeys,
        "Create a new dictionary with keys from iterable and values set to value.",
    )
    .class(),
    def("clear", "($self, /)", clear, "Remove all items from the dict.").open_receiver(),
    def("copy", "($self, /)", |t, a| this(a).copy(t), "Return a shallow copy of the dict.").open_receiver(),
    def(
        "__reversed__",
        "($self, /)",
        |t, a| iter::reversed_keys(t, &a[0]),
        "Return a reverse iterator over the dict keys.",
    ),
    def(
        "__class_getitem__",
        "($type, object, /)",
        class_getitem,
        "dicts are generic over two types, signifying (respectively) the types of their keys and values",
    )
    .class(),
];

fn this(a: &[Value]) -> &Dict {
    Dict::of(&a[0])
}

/// `None` for a default that was not given.
fn or_none(v: &Value) -> Value {
    v.opt().cloned().unwrap_or(Value::NONE)
}

fn sizeof(_: &Thread, a: &[Value]) -> Res {
    Ok(convert::from_usize(48 + this(a).table_bytes()))
}

#[inline]
fn get(t: &Thread, a: &[Value]) -> Res {
    Ok(this(a).get(t, &a[1])?.unwrap_or_else(|| or_none(&a[2])))
}

fn setdefault(t: &Thread, a: &[Value]) -> Res {
    this(a).set_default(t, &a[1], &or_none(&a[2]))
}

fn pop(t: &Thread, a: &[Value]) -> Res {
    if this(a).is_empty() {
        return a[2].opt().cloned().ok_or_else(|| error::key_error(t, &a[1]));
    }
    match this(a).remove(t, &a[1])? {
        Some(v) => Ok(v),
        None => a[2].opt().cloned().ok_or_else(|| error::key_error(t, &a[1])),
    }
}

fn popitem(t: &Thread, a: &[Value]) -> Res {
    match this(a).pop_last() {
        Some((key, value)) => tuple::from_array(t, [key, value]),
        None => Err(error::new(t, &KEY_ERROR, "popitem(): dictionary is empty")),
    }
}

fn update_method(t: &Thread, args: crate::args::Args<'_>) -> Res {
    let Some(this) = args.positional().first() else {
        return Err(error::type_error(t, "unbound method dict.update() needs an argument"));
    };
    update::from_args(t, this, args.rest(), "update")?;
    Ok(Value::NONE)
}

fn fromkeys(t: &Thread, a: &[Value]) -> Res {
    let value = or_none(&a[2]);
    let made = call::call0(t, &a[0])?;
    let Some(dict) = made.exact::<Dict>() else {
        ops::for_each(t, &a[1], |key| ops::setitem(t, &made, &key, &value))?;
        return Ok(made);
    };
    if let Some(from) = a[1].exact::<Dict>() {
        dict.reserve(t, from.len())?;
        for (key, hash, _) in from.walk(t)? {
            dict.set_hashed(t, &key, hash, value.clone())?;
            t.poll()?;
        }
        return Ok(made);
    }
    if let Some(from) = set_::any(&a[1]).filter(|_| !type_of(&a[1]).is_heap_type()) {
        dict.reserve(t, from.len())?;
        for (key, hash) in from.walk(t)? {
            dict.set_hashed(t, &key, hash, value.clone())?;
            t.poll()?;
        }
        return Ok(made);
    }
    ops::for_each(t, &a[1], |key| dict.set(t, &key, &value))?;
    Ok(made)
}

fn clear(_: &Thread, a: &[Value]) -> Res {
    this(a).clear_entries();
    Ok(Value::NONE)
}
