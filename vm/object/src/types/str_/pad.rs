//! str: center, ljust, rjust, zfill, expandtabs.

use super::{arg_name, search};
use crate::convert;
use crate::error::{self, Res};
use crate::strs::{self, Str, StrBuilder, Units};
use crate::thread::Thread;
use crate::value::Value;

/// So many characters are looked at between two looks at the breaker.
pub(crate) const POLL_EVERY: usize = 1 << 14;

fn fill_arg(t: &Thread, v: &Value) -> Res<u32> {
    let Some(v) = v.opt() else { return Ok(u32::from(b' ')) };
    let Some(s) = v.downcast::<Str>() else {
        let name = arg_name(v);
        return Err(error::type_error(t, format_args!("The fill character must be a unicode character, not {name}")));
    };
    if s.len() != 1 {
        return Err(error::type_error(t, "The fill character must be exactly one character long"));
    }
    Ok(s.at(0))
}

/// `v` between `left` and `right` times `fill`.
pub(super) fn padded(t: &Thread, v: &Value, left: usize, right: usize, fill: u32) -> Res {
    let s = v.expect::<Str>();
    if left == 0 && right == 0 {
        return strs::exact(t, v);
    }
    let Some(len) = left.checked_add(right).and_then(|n| n.checked_add(s.len())).filter(|&n| n <= isize::MAX as usize)
    else {
        return Err(error::overflow_error(t, "padded string is too long"));
    };
    t.check_alloc(len.saturating_mul(if fill > 255 || s.width() > 1 { 8 } else { 2 }))?;
    let mut out = StrBuilder::with_capacity(len);
    out.push_n(fill, left);
    out.push_value(s);
    out.push_n(fill, right);
    out.finish(t)
}

fn missing(t: &Thread, a: &[Value]) -> Res<usize> {
    let width = convert::to_isize(t, &a[1])?;
    Ok(usize::try_from(width).unwrap_or(0).saturating_sub(a[0].expect::<Str>().len()))
}

/// How padding for centering splits: the odd one goes left when the width is odd.
pub(crate) fn center_split(missing: usize, len: usize) -> (usize, usize) {
    let left = missing / 2 + (missing & (missing + len) & 1);
    (left, missing - left)
}

pub(super) fn center(t: &Thread, a: &[Value]) -> Res {
    let n = missing(t, a)?;
    let fill = fill_arg(t, &a[2])?;
    let (left, right) = center_split(n, a[0].expect::<Str>().len());
    padded(t, &a[0], left, right, fill)
}

pub(super) fn ljust(t: &Thread, a: &[Value]) -> Res {
    let n = missing(t, a)?;
    padded(t, &a[0], 0, n, fill_arg(t, &a[2])?)
}

pub(super) fn rjust(t: &Thread, a: &[Value]) -> Res {
    let n = missing(t, a)?;
    padded(t, &a[0], n, 0, fill_arg(t, &a[2])?)
}

pub(super) fn zfill(t: &Thread, a: &[Value]) -> Res {
    let n = missing(t, a)?;
    let s = a[0].expect::<Str>();
    if n == 0 {
        return strs::exact(t, &a[0]);
    }
    t.check_alloc((s.len() + n).saturating_mul(if s.width() > 1 { 8 } else { 2 }))?;
    let mut out = StrBuilder::with_capacity(s.len() + n);
    let signed = !s.is_empty() && matches!(s.at(0), 0x2B | 0x2D);
    let rest = usize::from(signed);
    out.push_units(s.units().slice(0, rest));
    out.push_n(u32::from(b'0'), n);
    out.push_units(s.units().slice(rest, s.len()));
    out.finish(t)
}

pub(super) fn expandtabs(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    let size = tab_size(t, &a[1])?;
    let units = s.units();
    let Some(total) = expanded_len(t, units, size)? else {
        return Err(error::overflow_error(t, "new string is too long"));
    };
    let tab = search::same_width!(units, Units::Latin1(b"\t"), Ok(None), |h, n| search::find(t, h, n));
    if tab?.is_none() {
        return strs::exact(t, &a[0]);
    }
    t.check_alloc(total.saturating_mul(if s.width() > 1 { 8 } else { 2 }))?;
    let mut out = StrBuilder::with_capacity(total);
    let mut column = 0;
    for (i, c) in units.iter().enumerate() {
        if i % POLL_EVERY == POLL_EVERY - 1 {
            t.check_stop()?;
        }
        match c {
            9 if size > 0 => {
                let n = size - column % size;
                column += n;
                out.push_n(u32::from(b' '), n);
            }
            9 => {}
            _ => {
                column = if c == 10 || c == 13 { 0 } else { column + 1 };
                out.push(c);
            }
        }
    }
    out.finish(t)
}

/// The `tabsize` argument; not positive is 0.
pub(crate) fn tab_size(t: &Thread, v: &Value) -> Res<usize> {
    let Some(v) = v.opt() else { return Ok(8) };
    let n = convert::to_index(t, v)?;
    match crate::types::int::to_i64(&n).and_then(|n| i32::try_from(n).ok()) {
        Some(n) => Ok(usize::try_from(n).unwrap_or(0)),
        None => Err(error::overflow_error(t, "Python int too large to convert to C int")),
    }
}

/// The length with tabs expanded, unless it is too long.
pub(crate) fn expanded_len(t: &Thread, units: Units<'_>, size: usize) -> Res<Option<usize>> {
    let (mut total, mut column) = (0usize, 0usize);
    for (i, c) in units.iter().enumerate() {
        if i % POLL_EVERY == POLL_EVERY - 1 {
            t.check_stop()?;
        }
        match c {
            9 if size > 0 => {
                let n = size - column % size;
                // Bounded by the sum of all, which is checked.
                column = column.saturating_add(n);
                total = total.saturating_add(n);
            }
            9 => {}
            _ => {
                column = if c == 10 || c == 13 { 0 } else { column.saturating_add(1) };
                total = total.saturating_add(1);
            }
        }
    }
    Ok((total <= isize::MAX as usize).then_some(total))
}
