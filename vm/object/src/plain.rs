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

/// Whether two values are equal, as far as their words and exact strs tell.
#[inline(always)]
pub fn quick_equal(a: &Value, b: &Value) -> Option<bool> {
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
