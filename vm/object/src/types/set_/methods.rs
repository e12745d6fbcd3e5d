//! set and frozenset: methods.

use super::table::{FrozenSet, Set, any, hash_element};
use super::{add, contains, empty_like, expect, fill, lookup_hash};
use crate::attr;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::list::List;
use crate::names::n;
use crate::native::{MethodDef, def};
use crate::ops;
use crate::payload::Payload;
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::type_of;
use crate::types::exceptions::KEY_ERROR;
use crate::types::iters::class_getitem;
use crate::value::Value;

macro_rules! methods {
    ($generic:literal; $($more:expr),*) => {
        &[
            def("__contains__", "($self, object, /)", has, "x.__contains__(y) <==> y in x."),
            def("copy", "($self, /)", copy, "Return a shallow copy of a set."),
            def("difference", "($self, /, *others)", difference, "Return a new set with elements in the set that are not in the others."),
            def("intersection", "($self, /, *others)", intersect, "Return a new set with elements common to the set and all others."),
            def("isdisjoint", "($self, other, /)", isdisjoint, "Return True if two sets have a null intersection."),
            def("issubset", "($self, other, /)", issubset, "Report whether another set contains this set."),
            def("issuperset", "($self, other, /)", issuperset, "Report whether this set contains another set."),
            def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
            def("__sizeof__", "($self, /)", sizeof, "S.__sizeof__() -> size of S in memory, in bytes."),
            def("symmetric_difference", "($self, other, /)", symmetric, "Return a new set with elements in either the set or other but not both."),
            def("union", "($self, /, *others)", union, "Return a new set with elements from the set and all others."),
            def("__class_getitem__", "($type, object, /)", class_getitem, $generic).class(),
            $($more,)*
        ]
    };
}

/// Methods of frozenset.
pub(super) const FROZENSET_METHODS: &[MethodDef] = methods!("frozensets are generic over the type of their elements";);

/// Methods of set.
pub(super) const SET_METHODS: &[MethodDef] = methods!("sets are generic over the type of their elements";
    def("add", "($self, object, /)", |t, a| add(t, expect(&a[0]), &a[1]).map(|()| Value::NONE), "Add an element to a set.\n\nThis has no effect if the element is already present.").open_receiver(),
    def("clear", "($self, /)", |_, a| { expect(&a[0]).clear_all(); Ok(Value::NONE) }, "Remove all elements from this set.").open_receiver(),
    def("discard", "($self, object, /)", discard, "Remove an element from a set if it is a member.\n\nUnlike set.remove(), the discard() method does not raise\nan exception when an element is missing from the set.").open_receiver(),
    def("difference_update", "($self, /, *others)", |t, a| each(t, a, difference_update), "Update the set, removing elements found in others."),
    def("intersection_update", "($self, /, *others)", intersect_update, "Update the set, keeping only elements found in it and all others."),
    def("pop", "($self, /)", pop, "Remove and return an arbitrary set element.\n\nRaises KeyError if the set is empty.").open_receiver(),
    def("remove", "($self, object, /)", remove, "Remove an element from a set; it must be a member.\n\nIf the element is not a member, raise a KeyError."),
    def("symmetric_difference_update", "($self, other, /)", |t, a| symmetric_update(t, expect(&a[0]), &a[1]).map(|()| Value::NONE), "Update the set, keeping only elements found in either set, but not in both."),
    def("update", "($self, /, *others)", |t, a| each(t, a, update), "Update the set, adding elements from all others.")
);

/// A change of a set by another iterable.
pub(super) type Change = fn(&Thread, &Set, &Value) -> Res<()>;

/// `a op b` of two sets: a copy of `a`, changed.
pub(super) fn binary(t: &Thread, a: &Value, b: &Value, change: Change) -> Res {
    if any(a).is_none() || any(b).is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let out = copy_of(t, a)?;
    change(t, expect(&out), b)?;
    Ok(out)
}

/// `a op b` of two sets, made afresh.
pub(super) fn binary_new(t: &Thread, a: &Value, b: &Value, f: fn(&Thread, &Value, &Value) -> Res) -> Res {
    if any(a).is_none() || any(b).is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    f(t, a, b)
}

/// `a op= b`.
pub(super) fn inplace(t: &Thread, a: &Value, b: &Value, change: Change) -> Res {
    if any(b).is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    change(t, expect(a), b)?;
    Ok(a.clone())
}

fn each(t: &Thread, a: &[Value], change: Change) -> Res {
    for other in a[1].expect::<Tuple>().items() {
        change(t, expect(&a[0]), other)?;
    }
    Ok(Value::NONE)
}

fn copy_of(t: &Thread, v: &Value) -> Res {
    let out = empty_like(t, v)?;
    expect(&out).merge(t, expect(v))?;
    Ok(out)
}

fn copy(t: &Thread, a: &[Value]) -> Res {
    if a[0].exact::<FrozenSet>().is_some() {
        return Ok(a[0].clone());
    }
    copy_of(t, &a[0])
}

/// Adds the items of an iterable.
pub(super) fn update(t: &Thread, set: &Set, other: &Value) -> Res<()> {
    fill(t, set, other)
}

/// Takes the items of an iterable out.
pub(super) fn difference_update(t: &Thread, set: &Set, other: &Value) -> Res<()> {
    if let Some(y) = any(other) {
        if std::ptr::eq(set, y) {
            set.clear_all();
            return Ok(());
        }
        for (key, hash) in y.walk(t)? {
            set.remove(t, &key, hash)?;
            t.poll()?;
        }
        return Ok(());
    }
    if let Some(dict) = other.exact::<Dict>() {
        for (key, hash, _) in dict.walk(t)? {
            set.remove(t, &key, hash)?;
            t.poll()?;
        }
        return Ok(());
    }
    ops::for_each(t, other, |item| {
        set.remove(t, &item, hash_element(t, &item)?)?;
        Ok(())
    })
}

/// Keeps what is also in an iterable.
pub(super) fn intersection_update(t: &Thread, set: &Set, other: &Value) -> Res<()> {
    let this = Value::from_header(&set.header);
    let both = intersection(t, &this, other)?;
    set.swap(expect(&both));
    Ok(())
}

/// Keeps what is in exactly one of the two.
pub(super) fn symmetric_update(t: &Thread, set: &Set, other: &Value) -> Res<()> {
    let toggle = |key: &Value, hash: i64| -> Res<()> {
        if !set.remove(t, key, hash)? {
            set.insert(t, key, hash)?;
        }
        t.poll()
    };
    if let Some(y) = any(other) {
        if std::ptr::eq(set, y) {
            set.clear_all();
            return Ok(());
        }
        for (key, hash) in y.walk(t)? {
            toggle(&key, hash)?;
        }
        return Ok(());
    }
    if let Some(dict) = other.exact::<Dict>() {
        for (key, hash, _) in dict.walk(t)? {
            toggle(&key, hash)?;
        }
        return Ok(());
    }
    let distinct = super::create(t)?;
    fill(t, expect(&distinct), other)?;
    symmetric_update(t, set, &distinct)
}

/// What is in both a set and an iterable.
pub(super) fn intersection(t: &Thread, a: &Value, b: &Value) -> Res {
    let x = expect(a);
    if a.is(b) {
        return copy_of(t, a);
    }
    let out = empty_like(t, a)?;
    let to = expect(&out);
    if let Some(y) = any(b) {
        let (small, large) = if y.len() > x.len() { (x, y) } else { (y, x) };
        for (key, hash) in small.walk(t)? {
            if large.has(t, &key, hash)? {
                to.insert(t, &key, hash)?;
            }
            t.poll()?;
        }
        return Ok(out);
    }
    ops::for_each(t, b, |item| {
        let hash = ops::hash(t, &item)?;
        if x.has(t, &item, hash)? {
            to.insert(t, &item, hash)?;
        }
        Ok(())
    })?;
    Ok(out)
}

fn intersect(t: &Thread, a: &[Value]) -> Res {
    let others = a[1].expect::<Tuple>().items();
    if others.is_empty() {
        return copy_of(t, &a[0]);
    }
    let mut out = a[0].clone();
    for other in others {
        out = intersection(t, &out, other)?;
    }
    Ok(out)
}

fn intersect_update(t: &Thread, a: &[Value]) -> Res {
    let both = intersect(t, a)?;
    expect(&a[0]).swap(expect(&both));
    Ok(Value::NONE)
}

fn difference(t: &Thread, a: &[Value]) -> Res {
    let out = copy_of(t, &a[0])?;
    each(t, &[out.clone(), a[1].clone()], difference_update)?;
    Ok(out)
}

fn union(t: &Thread, a: &[Value]) -> Res {
    let out = copy_of(t, &a[0])?;
    for other in a[1].expect::<Tuple>().items() {
        if !other.is(&a[0]) {
            update(t, expect(&out), other)?;
        }
    }
    Ok(out)
}

fn symmetric(t: &Thread, a: &[Value]) -> Res {
    let out = empty_like(t, &a[0])?;
    fill(t, expect(&out), &a[1])?;
    symmetric_update(t, expect(&out), &a[0])?;
    Ok(out)
}

fn isdisjoint(t: &Thread, a: &[Value]) -> Res {
    let x = expect(&a[0]);
    if a[0].is(&a[1]) {
        return Ok(Value::bool(x.is_empty()));
    }
    if let Some(y) = any(&a[1]) {
        let (small, large) = if y.len() > x.len() { (x, y) } else { (y, x) };
        for (key, hash) in small.walk(t)? {
            if large.has(t, &key, hash)? {
                return Ok(Value::FALSE);
            }
            t.poll()?;
        }
        return Ok(Value::TRUE);
    }
    let it = ops::iter(t, &a[1])?;
    while let Some(item) = ops::next(t, &it)? {
        if x.has(t, &item, hash_element(t, &item)?)? {
            return Ok(Value::FALSE);
        }
        t.poll()?;
    }
    Ok(Value::TRUE)
}

fn issubset(t: &Thread, a: &[Value]) -> Res {
    if let Some(y) = any(&a[1]) {
        return Ok(Value::bool(expect(&a[0]).is_subset(t, y)?));
    }
    let common = intersection(t, &a[0], &a[1])?;
    Ok(Value::bool(expect(&common).len() == expect(&a[0]).len()))
}

fn issuperset(t: &Thread, a: &[Value]) -> Res {
    let x = expect(&a[0]);
    if let Some(y) = any(&a[1]) {
        return Ok(Value::bool(y.is_subset(t, x)?));
    }
    let it = ops::iter(t, &a[1])?;
    while let Some(item) = ops::next(t, &it)? {
        if !x.has(t, &item, hash_element(t, &item)?)? {
            return Ok(Value::FALSE);
        }
        t.poll()?;
    }
    Ok(Value::TRUE)
}

fn has(t: &Thread, a: &[Value]) -> Res {
    Ok(Value::bool(contains(t, expect(&a[0]), &a[1])?))
}

fn discard(t: &Thread, a: &[Value]) -> Res {
    let hash = lookup_hash(t, &a[1])?;
    expect(&a[0]).remove(t, &a[1], hash)?;
    Ok(Value::NONE)
}

fn remove(t: &Thread, a: &[Value]) -> Res {
    let hash = lookup_hash(t, &a[1])?;
    if expect(&a[0]).remove(t, &a[1], hash)? { Ok(Value::NONE) } else { Err(error::key_error(t, &a[1])) }
}

fn pop(t: &Thread, a: &[Value]) -> Res {
    expect(&a[0]).pop().ok_or_else(|| error::new(t, &KEY_ERROR, "pop from an empty set"))
}

/// `(type, ([elements],), state)`.
fn reduce(t: &Thread, a: &[Value]) -> Res {
    let keys = List::from_vec(t, expect(&a[0]).to_vec())?;
    let state = match crate::call::special(t, &a[0], n::__getstate__(), &[]) {
        Some(state) => state?,
        None => attr::get_opt(t, &a[0], n::__dict__())?.unwrap_or(Value::NONE),
    };
    tuple::from_array(t, [type_of(&a[0]).value(), tuple::from_array(t, [keys])?, state])
}

/// CPython's numbers: 200 bytes and the table, if it is not the one inside the object.
fn sizeof(_: &Thread, a: &[Value]) -> Res {
    let own = 200 + type_of(&a[0]).basic_size().saturating_sub(Set::DEF.size);
    Ok(crate::convert::from_usize(own + expect(&a[0]).table_bytes()))
}
