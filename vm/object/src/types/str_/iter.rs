//! str_iterator.

use crate::convert;
use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::native::{MethodDef, def};
use crate::payload;
use crate::process;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, flag};
use crate::value::Value;
use std::cell;

/// An iterator over a str.
#[repr(C)]
pub struct StrIter {
    header: Header,
    text: Slot,
    index: cell::Cell<usize>,
}

crate::payload!(StrIter => STR_ITER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.text.peek() });
    }
});

/// str_iterator.
pub static STR_ITER: TypeDef = TypeDef {
    name: "str_iterator",
    id: ids::STR_ITER,
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|_, v| Ok(v.clone())), next: Some(next), ..Slots::NONE },
    methods: METHODS,
    ..TypeDef::of::<StrIter>()
};

const METHODS: &[MethodDef] = &[
    def("__length_hint__", "($self, /)", length_hint, "Private method returning an estimate of len(list(it))."),
    def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
    def("__setstate__", "($self, state, /)", set_state, "Set state information for unpickling."),
];

pub(super) fn new(t: &Thread, v: &Value) -> Res {
    payload::new(t, |header| StrIter { header, text: Slot::new(v.clone()), index: cell::Cell::new(0) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<StrIter>();
    // SAFETY: nothing stores into the slot while the str is looked at.
    let text = unsafe { it.text.glance() };
    if text.is_absent() {
        return Ok(Value::ABSENT);
    }
    let s = text.expect::<Str>();
    let i = it.index.get();
    if i < s.len() {
        it.index.set(i + 1);
        return strs::from_char(t, s.at(i));
    }
    drop(it.text.take());
    Ok(Value::ABSENT)
}

fn length_hint(_: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<StrIter>();
    let text = it.text.get();
    let left = text.opt().map_or(0, |s| s.expect::<Str>().len().saturating_sub(it.index.get()));
    Ok(convert::from_usize(left))
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<StrIter>();
    let iter = builtin(t, "iter")?;
    let text = it.text.get();
    if text.is_absent() {
        let empty = tuple::new(t, &[process::empty_str().clone()])?;
        return tuple::from_array(t, [iter, empty]);
    }
    let args = tuple::from_array(t, [text])?;
    tuple::from_array(t, [iter, args, convert::from_usize(it.index.get())])
}

/// A function of the builtins module.
pub(crate) fn builtin(t: &Thread, name: &str) -> Res {
    let dict = t.builtins().get();
    let name = crate::names::intern_text(t, name);
    let found = dict.downcast::<crate::dict::Dict>().and_then(|d| d.get_str(&name));
    match found {
        Some(v) => Ok(v),
        None => Err(crate::error::name_error(t, &name)),
    }
}

fn set_state(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<StrIter>();
    let index = convert::to_isize(t, &a[1])?;
    let text = it.text.get();
    if let Some(s) = text.opt() {
        it.index.set(usize::try_from(index).unwrap_or(0).min(s.expect::<Str>().len()));
    }
    Ok(Value::NONE)
}
