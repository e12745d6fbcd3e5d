//! Plain values: their hashes, and comparisons of one with another, run nobody's code.

use crate::error::Res;
use crate::strs::Str;
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::type_of;
use crate::types::object::OBJECT;
use crate::types::tuple_;
use crate::value::Value;
use crate::{ids, ops};

/// How deep tuples are looked into.
const DEPTH: u32 = 3;
/// How many items a tuple has at most.
const ITEMS: usize = 16;

/// Whether a value is plain: what lies in the word, an exact str, bytes, int or float, or a small tuple of such.
#[inline]
pub fn is_plain(v: &Value) -> bool {
    within(v, DEPTH)
}

fn within(v: &Value, depth: u32) -> bool {
    let Some(header) = v.header() else { return true };
    match header.shape().0 {
        ids::STR | ids::INT | ids::FLOAT | ids::BYTES => true,
        ids::TUPLE if depth > 0 => {
            v.exact::<Tuple>().is_some_and(|t| t.len() <= ITEMS && t.items().iter().all(|item| within(item, depth - 1)))
        }
        _ => false,
    }
}

/// Whether a value's hash, and comparing it with another such value, run no code: it is plain, or its type leaves both to `object`,
/// as classes, functions and most instances do.
#[inline]
pub fn is_key(v: &Value) -> bool {
    is_plain(v) || is_its_own(v)
}

/// Whether nothing but the object itself is its equal.
fn is_its_own(v: &Value) -> bool {
    let (own, object) = (type_of(v).slots(), OBJECT.ty().slots());
    let hashed = matches!((own.hash, object.hash), (Some(f), Some(g)) if std::ptr::fn_addr_eq(f, g));
    hashed && matches!((own.compare, object.compare), (Some(f), Some(g)) if std::ptr::fn_addr_eq(f, g))
}

/// Whether two values are equal, if that runs no code.
pub fn equal(t: &Thread, a: &Value, b: &Value) -> Option<Res<bool>> {
    (is_key(a) && is_key(b)).then(|| ops::eq(t, a, b))
}

/// Whether two values are equal, if what they are tells without a call: words, exact strs, and small tuples of such.
#[inline(always)]
pub fn quick_equal(a: &Value, b: &Value) -> Option<bool> {
    at_sight(a, b).or_else(|| tuples_equal(a, b, DEPTH))
}

/// The tuple behind a value that is compared as one: of a class, as named tuples are, that has no comparison of its own.
#[inline(always)]
fn as_tuple(v: &Value) -> Option<&Tuple> {
    v.exact().or_else(|| if tuple_::compares_as_tuple(type_of(v)) { v.downcast() } else { None })
}

#[inline(always)]
fn at_sight(a: &Value, b: &Value) -> Option<bool> {
    if a.is(b) {
        return Some(true);
    }
    if !a.is_object() && !b.is_object() {
        // Different words of one kind are different, and None is like nothing else. An int may be a float's equal, or a bool's.
        let alike = a.is_small() && b.is_small()
            || a.is_immediate_float() && b.is_immediate_float()
            || a.is_bool() && b.is_bool();
        return if alike || a.is_none() || b.is_none() { Some(false) } else { None };
    }
    match (a.exact::<Str>(), b.exact::<Str>()) {
        (Some(x), Some(y)) => Some(x.same_text(y)),
        _ => None,
    }
}

/// Item by item, as tuples are compared: one that cannot be told leaves the whole untold.
#[inline(never)]
fn tuples_equal(x: &Value, y: &Value, depth: u32) -> Option<bool> {
    let (x, y) = (as_tuple(x)?, as_tuple(y)?);
    if x.len() > ITEMS {
        return None;
    }
    for (a, b) in x.items().iter().zip(y.items()) {
        let same = match at_sight(a, b) {
            Some(same) => same,
            None if depth == 0 => return None,
            None => tuples_equal(a, b, depth - 1)?,
        };
        if !same {
            return Some(false);
        }
    }
    Some(x.len() == y.len())
}
