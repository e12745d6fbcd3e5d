//! Hexadecimal: bytes.hex, bytes.fromhex and their like.

use super::{data, peek};
use crate::buffer;
use crate::convert;
use crate::error::{self, Res};
use crate::ops;
use crate::strs::{self, Str, Units};
use crate::thread::Thread;
use crate::ty::{TypeObject, type_name};
use crate::value::Value;

/// So many bytes are looked at between two looks at the breaker.
const STRIDE: usize = 32 * 1024;

pub(super) fn hex(t: &Thread, a: &[Value]) -> Res {
    let group = group_arg(t, &a[1], &a[2])?;
    let out = digits(t, data(&a[0]), group)?;
    strs::from_latin1(t, &out)
}

/// A separator and how many bytes stand between two: positive counts from the right.
pub(crate) type Group = Option<(u8, isize)>;

/// The `sep` and `bytes_per_sep` arguments.
pub(crate) fn group_arg(t: &Thread, sep: &Value, every: &Value) -> Res<Group> {
    let every = match every.opt() {
        Some(v) => isize::try_from(convert::to_i32(t, v)?).unwrap_or(0),
        None => 1,
    };
    let Some(sep) = sep.opt() else { return Ok(None) };
    if ops::len(t, sep)? != 1 {
        return Err(error::value_error(t, "sep must be length 1."));
    }
    let byte = if let Some(s) = sep.downcast::<Str>() {
        match s.as_ascii().and_then(|s| s.bytes().next()) {
            Some(b) => b,
            None => return Err(error::value_error(t, "sep must be ASCII.")),
        }
    } else if let Some(&[b]) = peek(sep) {
        if !b.is_ascii() {
            return Err(error::value_error(t, "sep must be ASCII."));
        }
        b
    } else {
        return Err(error::type_error(t, "sep must be str or bytes."));
    };
    Ok((every != 0).then_some((byte, every)))
}

/// Lower-case digits, two a byte, with separators.
pub(crate) fn digits(t: &Thread, data: &[u8], group: Group) -> Res<Vec<u8>> {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    t.check_alloc(data.len().saturating_mul(3))?;
    if group.is_none() {
        let mut out = Vec::with_capacity(data.len() * 2);
        for piece in data.chunks(STRIDE) {
            t.check_stop()?;
            out.extend(piece.iter().flat_map(|&b| [HEX[b as usize >> 4], HEX[b as usize & 15]]));
        }
        return Ok(out);
    }
    let mut out = Vec::with_capacity(data.len() * 3);
    for (i, &b) in data.iter().enumerate() {
        if i.is_multiple_of(STRIDE) {
            t.check_stop()?;
        }
        if let Some((sep, every)) = group
            && i > 0
        {
            let width = every.unsigned_abs();
            let edge = if every > 0 { (data.len() - i).is_multiple_of(width) } else { i.is_multiple_of(width) };
            if edge {
                out.push(sep);
            }
        }
        out.extend([HEX[b as usize >> 4], HEX[b as usize & 15]]);
    }
    Ok(out)
}

/// Digits with the separators that `sep` and `bytes_per_sep` arguments ask for.
pub fn hex_digits(t: &Thread, data: &[u8], sep: &Value, every: &Value) -> Res<Vec<u8>> {
    digits(t, data, group_arg(t, sep, every)?)
}

pub(crate) fn fromhex(t: &Thread, a: &[Value]) -> Res {
    let made = if let Some(s) = a[1].downcast::<Str>() {
        match s.units() {
            Units::Latin1(text) => parse(t, text)?,
            units => {
                // Everything beyond Latin-1 is as wrong as any other letter.
                let text: Vec<u8> = units.iter().map(|c| u8::try_from(c).unwrap_or(0xFF)).collect();
                parse(t, &text)?
            }
        }
    } else if buffer::supported(&a[1]) {
        let lent = buffer::get(t, &a[1], buffer::SIMPLE)?;
        parse(t, lent.as_slice())?
    } else {
        let name = type_name(&a[1]);
        return Err(error::type_error(t, format_args!("fromhex() argument must be str or bytes-like, not {name}")));
    };
    let class = &a[0];
    let is =
        |def: &'static crate::ty::TypeDef| class.downcast::<TypeObject>().is_some_and(|c| std::ptr::eq(c, def.ty()));
    if is(&super::BYTES) {
        return super::from_vec(t, made);
    }
    if is(&crate::types::bytearray::BYTEARRAY) {
        return crate::types::bytearray::from_vec(t, made);
    }
    let plain = super::from_vec(t, made)?;
    crate::call::call1(t, class, &plain)
}

fn parse(t: &Thread, text: &[u8]) -> Res<Vec<u8>> {
    t.check_alloc(text.len())?;
    let mut out = Vec::with_capacity(text.len() / 2);
    let (mut i, mut look) = (0, STRIDE);
    while i < text.len() {
        if i >= look {
            t.check_stop()?;
            look += STRIDE;
        }
        if matches!(text[i], 9..=13 | 32) {
            i += 1;
            continue;
        }
        let digit = |at: usize| text.get(at).and_then(|&b| char::from(b).to_digit(16));
        let bad = |at: usize| {
            if at >= text.len() {
                return error::value_error(t, "fromhex() arg must contain an even number of hexadecimal digits");
            }
            error::value_error(t, format_args!("non-hexadecimal number found in fromhex() arg at position {at}"))
        };
        let high = digit(i).ok_or_else(|| bad(i))?;
        let low = digit(i + 1).ok_or_else(|| bad(i + 1))?;
        out.push((high << 4 | low) as u8);
        i += 2;
    }
    Ok(out)
}
