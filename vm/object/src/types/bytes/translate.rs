//! bytes.translate, bytearray.translate and maketrans.

use super::{View, data, make, same};
use crate::error::{self, Res};
use crate::thread::Thread;
use crate::value::Value;

/// So many bytes are mapped between two looks at the breaker.
const STRIDE: usize = 64 * 1024;

pub(super) fn translate(t: &Thread, a: &[Value]) -> Res {
    let table = match a[1].non_none() {
        Some(v) => Some(View::get(t, v)?),
        None => None,
    };
    if table.as_ref().is_some_and(|table| table.len() != 256) {
        return Err(error::value_error(t, "translation table must be 256 characters long"));
    }
    let gone = match a[2].opt() {
        Some(v) => Some(View::get(t, v)?),
        None => None,
    };
    if gone.is_none()
        && let Some(table) = table.as_ref().and_then(|table| <&[u8; 256]>::try_from(&table[..]).ok())
    {
        return mapped(t, &a[0], table);
    }
    let mut keep = [true; 256];
    gone.iter().flat_map(|g| g.iter()).for_each(|&b| keep[b as usize] = false);
    let s = data(&a[0]);
    t.check_alloc(s.len())?;
    let mut out: Vec<u8> = Vec::new();
    for piece in s.chunks(STRIDE) {
        t.check_stop()?;
        for &b in piece {
            if keep[b as usize] {
                out.push(table.as_ref().map_or(b, |table| table[b as usize]));
            }
        }
    }
    if out == s { same(t, &a[0]) } else { make(t, &a[0], &out) }
}

/// Every byte's counterpart.
fn mapped(t: &Thread, v: &Value, table: &[u8; 256]) -> Res {
    let s = data(v);
    t.check_alloc(s.len())?;
    let mut out: Vec<u8> = Vec::with_capacity(s.len());
    for piece in s.chunks(STRIDE) {
        t.check_stop()?;
        out.extend(piece.iter().map(|&b| table[b as usize]));
    }
    if out == s { same(t, v) } else { make(t, v, &out) }
}

pub(super) fn maketrans(t: &Thread, a: &[Value]) -> Res {
    let (from, to) = (View::get(t, &a[0])?, View::get(t, &a[1])?);
    if from.len() != to.len() {
        return Err(error::value_error(t, "maketrans arguments must have same length"));
    }
    let mut table: [u8; 256] = std::array::from_fn(|i| i as u8);
    from.iter().zip(to.iter()).for_each(|(&f, &to)| table[f as usize] = to);
    super::new(t, &table)
}
