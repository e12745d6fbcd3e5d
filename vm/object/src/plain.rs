//! Plain values: their hashes, and comparisons of one with another, run nobody's code.

use crate::error::Res;
use crate::strs::Str;
use crate::thread::Thread;
use crate::tuple::Tuple;
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

/// Whether two values are equal, if that runs no code.
pub fn equal(t: &Thread, a: &Value, b: &Value) -> Option<Res<bool>> {
    (is_plain(a) && is_plain(b)).then(|| ops::eq(t, a, b))
}

/// Whether two values are equal, if what they are tells without a call: words, exact strs, and small tuples of such.
#[inline(always)]
pub fn quick_equal(a: &Value, b: &Value) -> Option<bool> {
    at_sight(a, b).or_else(|| {
        let (x, y) = (a.exact::<Tuple>()?, b.exact::<Tuple>()?);
        tuples_equal(x, y, DEPTH)
    })
}

#[inline(always)]
fn at_sight(a: &Value, b: &Value) -> Option<bool> {
    if a.is(b) {
        return Some(true);
    }
    if a.is_small() && b.is_small() {
        return Some(false);
    }
    match (a.exact::<Str>(), b.exact::<Str>()) {
        (Some(x), Some(y)) => Some(x.same_text(y)),
        _ => None,
    }
}

/// Item by item, as tuples are compared: one that cannot be told leaves the whole untold.
#[inline(never)]
fn tuples_equal(x: &Tuple, y: &Tuple, depth: u32) -> Option<bool> {
    if x.len() > ITEMS {
        return None;
    }
    for (a, b) in x.items().iter().zip(y.items()) {
        let same = match at_sight(a, b) {
            Some(same) => same,
            None if depth == 0 => return None,
            None => tuples_equal(a.exact()?, b.exact()?, depth - 1)?,
        };
        if !same {
            return Some(false);
        }
    }
    Some(x.len() == y.len())
}
