//! bytes and bytearray: case mappings and the `is...` methods, all ASCII.

use super::split::is_blank;
use super::{data, make};
use crate::error::Res;
use crate::thread::Thread;
use crate::value::Value;

fn mapped(t: &Thread, a: &[Value], f: impl FnMut(&u8) -> u8) -> Res {
    let s = data(&a[0]);
    t.check_alloc(s.len())?;
    let out: Vec<u8> = s.iter().map(f).collect();
    make(t, &a[0], &out)
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
        pub(super) fn $name(_: &Thread, a: &[Value]) -> Res {
            let s = data(&a[0]);
            Ok(Value::bool(!s.is_empty() && s.iter().all($test)))
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

pub(super) fn islower(_: &Thread, a: &[Value]) -> Res {
    let s = data(&a[0]);
    Ok(Value::bool(s.iter().any(u8::is_ascii_lowercase) && !s.iter().any(u8::is_ascii_uppercase)))
}

pub(super) fn isupper(_: &Thread, a: &[Value]) -> Res {
    let s = data(&a[0]);
    Ok(Value::bool(s.iter().any(u8::is_ascii_uppercase) && !s.iter().any(u8::is_ascii_lowercase)))
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
