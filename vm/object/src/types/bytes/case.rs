//! bytes and bytearray: case mappings and the `is...` methods, all ASCII.

use super::split::is_blank;
use super::{data, make};
use crate::error::Res;
use crate::thread::Thread;
use crate::value::Value;

/// So many bytes are looked at between two looks at the breaker.
const STRIDE: usize = 64 * 1024;

fn mapped(t: &Thread, a: &[Value], mut f: impl FnMut(&u8) -> u8) -> Res {
    let s = data(&a[0]);
    t.check_alloc(s.len())?;
    let mut out: Vec<u8> = Vec::with_capacity(s.len());
    for piece in s.chunks(STRIDE) {
        t.check_stop()?;
        out.extend(piece.iter().map(&mut f));
    }
    make(t, &a[0], &out)
}

/// Whether `f` holds of every byte.
fn all(t: &Thread, s: &[u8], f: impl Fn(&u8) -> bool) -> Res<bool> {
    for piece in s.chunks(STRIDE) {
        t.check_stop()?;
        if !piece.iter().all(&f) {
            return Ok(false);
        }
    }
    Ok(true)
}

pub(super) fn lower(t: &Thread, a: &[Value]) -> Res {
    mapped(t, a, u8::to_ascii_lowercase)
}

pub(super) fn upper(t: &Thread, a: &[Value]) -> Res {
    mapped(t, a, u8::to_ascii_uppercase)
}

pub(super) fn swapcase(t: &Thread, a: &[Value]) -> Res {
    mapped(t, a, |b| if b.is_ascii_alphabetic() { b ^ 0x20 } else { *b })
}

pub(super) fn title(t: &Thread, a: &[Value]) -> Res {
    let mut inside = false;
    mapped(t, a, |b| {
        let out = if inside { b.to_ascii_lowercase() } else { b.to_ascii_uppercase() };
        inside = b.is_ascii_alphabetic();
        out
    })
}

pub(super) fn capitalize(t: &Thread, a: &[Value]) -> Res {
    let mut first = true;
    mapped(t, a, |b| if std::mem::take(&mut first) { b.to_ascii_uppercase() } else { b.to_ascii_lowercase() })
}

macro_rules! all_of {
    ($($name:ident => $test:expr;)*) => {$(
        pub(super) fn $name(t: &Thread, a: &[Value]) -> Res {
            let s = data(&a[0]);
            Ok(Value::bool(!s.is_empty() && all(t, s, $test)?))
        }
    )*};
}
all_of! {
    isalpha => u8::is_ascii_alphabetic;
    isalnum => u8::is_ascii_alphanumeric;
    isdigit => u8::is_ascii_digit;
    isspace => |b: &u8| is_blank(u32::from(*b));
}

pub(super) fn isascii(_: &Thread, a: &[Value]) -> Res {
    Ok(Value::bool(data(&a[0]).is_ascii()))
}

pub(super) fn islower(t: &Thread, a: &[Value]) -> Res {
    let s = data(&a[0]);
    Ok(Value::bool(all(t, s, |b| !b.is_ascii_uppercase())? && !all(t, s, |b| !b.is_ascii_lowercase())?))
}

pub(super) fn isupper(t: &Thread, a: &[Value]) -> Res {
    let s = data(&a[0]);
    Ok(Value::bool(all(t, s, |b| !b.is_ascii_lowercase())? && !all(t, s, |b| !b.is_ascii_uppercase())?))
}

pub(super) fn istitle(_: &Thread, a: &[Value]) -> Res {
    let (mut cased, mut inside) = (false, false);
    for b in data(&a[0]) {
        if b.is_ascii_alphabetic() {
            if b.is_ascii_uppercase() == inside {
                return Ok(Value::FALSE);
            }
            (cased, inside) = (true, true);
        } else {
            inside = false;
        }
    }
    Ok(Value::bool(cased))
}
