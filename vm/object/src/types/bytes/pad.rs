//! bytes and bytearray: center, ljust, rjust, zfill, expandtabs.

use super::{Bytes, data, make, peek, same};
use crate::bulk;
use crate::convert;
use crate::error::{self, Res};
use crate::strs::Units;
use crate::thread::Thread;
use crate::types::str_::arg_name;
use crate::types::str_::pad::{POLL_EVERY, center_split, expanded_len, tab_size};
use crate::value::Value;

fn fill_arg(t: &Thread, v: &Value, name: &str) -> Res<u8> {
    let Some(v) = v.opt() else { return Ok(b' ') };
    match peek(v) {
        Some([b]) => Ok(*b),
        Some(s) => {
            let kind = if v.downcast::<Bytes>().is_some() { "bytes" } else { "bytearray" };
            let n = s.len();
            Err(error::type_error(
                t,
                format_args!(
                    "{name}(): argument 2 must be a byte string of length 1, not a {kind} object of length {n}"
                ),
            ))
        }
        None => {
            let ty = arg_name(v);
            Err(error::type_error(t, format_args!("{name}() argument 2 must be a byte string of length 1, not {ty}")))
        }
    }
}

fn padded(t: &Thread, a: &[Value], left: usize, right: usize, fill: u8) -> Res {
    let s = data(&a[0]);
    if left == 0 && right == 0 {
        return same(t, &a[0]);
    }
    t.check_alloc(s.len().saturating_add(left).saturating_add(right))?;
    let mut out = Vec::with_capacity(s.len() + left + right);
    bulk::extend_n(&mut out, fill, left);
    bulk::extend(&mut out, s);
    bulk::extend_n(&mut out, fill, right);
    make(t, &a[0], &out)
}

fn missing(t: &Thread, a: &[Value]) -> Res<usize> {
    let width = convert::to_isize(t, &a[1])?;
    Ok(usize::try_from(width).unwrap_or(0).saturating_sub(data(&a[0]).len()))
}

pub(super) fn center(t: &Thread, a: &[Value]) -> Res {
    let n = missing(t, a)?;
    let fill = fill_arg(t, &a[2], "center")?;
    let (left, right) = center_split(n, data(&a[0]).len());
    padded(t, a, left, right, fill)
}

pub(super) fn ljust(t: &Thread, a: &[Value]) -> Res {
    let n = missing(t, a)?;
    padded(t, a, 0, n, fill_arg(t, &a[2], "ljust")?)
}

pub(super) fn rjust(t: &Thread, a: &[Value]) -> Res {
    let n = missing(t, a)?;
    padded(t, a, n, 0, fill_arg(t, &a[2], "rjust")?)
}

pub(super) fn zfill(t: &Thread, a: &[Value]) -> Res {
    let n = missing(t, a)?;
    let s = data(&a[0]);
    if n == 0 {
        return same(t, &a[0]);
    }
    t.check_alloc(s.len().saturating_add(n))?;
    let sign = usize::from(matches!(s.first(), Some(b'+' | b'-')));
    let mut out = Vec::with_capacity(s.len() + n);
    out.extend_from_slice(&s[..sign]);
    bulk::extend_n(&mut out, b'0', n);
    bulk::extend(&mut out, &s[sign..]);
    make(t, &a[0], &out)
}

pub(super) fn expandtabs(t: &Thread, a: &[Value]) -> Res {
    let size = tab_size(t, &a[1])?;
    let s = data(&a[0]);
    let Some(total) = expanded_len(t, Units::Latin1(s), size)? else {
        return Err(error::overflow_error(t, "result too long"));
    };
    t.check_alloc(total)?;
    let (mut out, mut column) = (Vec::with_capacity(total), 0);
    for (i, &b) in s.iter().enumerate() {
        if i % POLL_EVERY == POLL_EVERY - 1 {
            t.check_stop()?;
        }
        match b {
            b'\t' if size > 0 => {
                let n = size - column % size;
                column += n;
                bulk::extend_n(&mut out, b' ', n);
            }
            b'\t' => {}
            _ => {
                column = if b == b'\n' || b == b'\r' { 0 } else { column + 1 };
                out.push(b);
            }
        }
    }
    make(t, &a[0], &out)
}
