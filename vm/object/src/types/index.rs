//! Subscripts: an int or a slice, resolved against a length.

use crate::convert;
use crate::error::{self, Exc, Res};
use crate::thread::Thread;
use crate::ty::type_of;
use crate::types::slice::Slice;
use crate::value::Value;

/// A resolved slice.
#[derive(Clone, Copy, Debug)]
pub struct Range {
    /// First index.
    pub start: isize,
    /// Distance, not 0.
    pub step: isize,
    /// How many items.
    pub count: usize,
}

impl Range {
    /// The indices.
    pub fn indices(self) -> impl Iterator<Item = usize> {
        (0..self.count).map(move |i| (self.start + i as isize * self.step) as usize)
    }
}

/// A resolved subscript.
pub enum Key {
    /// One item; may be negative or out of range.
    Index(isize),
    /// Some items.
    Slice(Range),
}

/// Resolves a subscript; `refuse` makes the TypeError for a key of another type, whose name it gets.
pub fn key(
    t: &Thread,
    key: &Value,
    len: impl FnOnce() -> usize,
    refuse: impl FnOnce(&Thread, &str) -> Exc,
) -> Res<Key> {
    if let Some(i) = key.as_small() {
        return Ok(Key::Index(i as isize));
    }
    if is_slice(key) {
        return Ok(Key::Slice(slice(t, key, len)?));
    }
    if type_of(key).slots().index.is_none() && !crate::types::int::is_int(key) {
        return Err(refuse(t, &type_of(key).name()));
    }
    Ok(Key::Index(convert::to_index_checked(t, key)?))
}

/// Whether a value is a slice.
#[inline]
pub fn is_slice(v: &Value) -> bool {
    v.exact::<Slice>().is_some()
}

/// An index from the front, if it is in range.
#[inline]
pub fn in_range(i: isize, len: usize) -> Option<usize> {
    let i = if i < 0 { i + len as isize } else { i };
    if i >= 0 && (i as usize) < len { Some(i as usize) } else { None }
}

/// Resolves a slice object. The length is asked for last, since reading the bounds may run code that changes it.
pub fn slice(t: &Thread, v: &Value, len: impl FnOnce() -> usize) -> Res<Range> {
    let bounds = v.expect::<Slice>().bounds(t)?;
    let fitted = bounds.fit(len());
    Ok(Range { start: fitted.start, step: fitted.step, count: fitted.count })
}

/// A slice bound: an int, clipped.
pub fn slice_index(t: &Thread, v: &Value) -> Res<isize> {
    if let Some(i) = v.as_small() {
        return Ok(i as isize);
    }
    if type_of(v).slots().index.is_none() && !crate::types::int::is_int(v) {
        return Err(error::type_error(t, "slice indices must be integers or None or have an __index__ method"));
    }
    convert::to_index_clamped(t, v)
}

/// The `start` and `end` arguments of methods like `find`: a range, whose start may lie past its end or the length.
pub fn bounds(t: &Thread, start: &Value, end: &Value, len: usize) -> Res<(usize, usize)> {
    let part = |v: &Value, default: isize| match v.non_none() {
        Some(v) => slice_index(t, v),
        None => Ok(default),
    };
    let (start, end) = (part(start, 0)?, part(end, isize::MAX)?);
    let n = len as isize;
    let from = |i: isize| if i < 0 { i.saturating_add(n).max(0) } else { i };
    Ok((from(start) as usize, from(end).min(n) as usize))
}
