//! str: the `is...` methods.

use super::case::all;
use crate::error::Res;
use crate::strs::Str;
use crate::thread::Thread;
use crate::value::Value;
use typhon_unicode as uni;

macro_rules! all_of {
    ($($name:ident => $test:path;)*) => {$(
        pub(super) fn $name(_: &Thread, a: &[Value]) -> Res {
            Ok(Value::bool(all(a[0].expect::<Str>(), $test)))
        }
    )*};
}
all_of! {
    isspace => uni::is_space;
    isdecimal => uni::is_decimal;
    isdigit => uni::is_digit;
    isnumeric => uni::is_numeric;
    isalpha => uni::is_alpha;
    isalnum => uni::is_alnum;
}

pub(super) fn isascii(_: &Thread, a: &[Value]) -> Res {
    Ok(Value::bool(a[0].expect::<Str>().is_ascii()))
}

pub(super) fn isprintable(_: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    Ok(Value::bool(s.is_empty() || all(s, uni::is_printable)))
}

pub(super) fn isidentifier(_: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Str>();
    Ok(Value::bool(is_identifier(s)))
}

/// Whether the text is an identifier (keywords included).
pub(crate) fn is_identifier(s: &Str) -> bool {
    let mut rest = s.units().iter();
    match rest.next() {
        Some(c) if c == u32::from(b'_') || uni::is_xid_start(c) => rest.all(uni::is_xid_continue),
        _ => false,
    }
}

/// Some letter is cased as wanted, and none against it.
fn one_case(s: &Str, wanted: fn(u32) -> bool, against: fn(u32) -> bool) -> bool {
    let mut found = false;
    for c in s.units().iter() {
        if against(c) || uni::is_title(c) {
            return false;
        }
        found |= wanted(c);
    }
    found
}

pub(super) fn islower(_: &Thread, a: &[Value]) -> Res {
    Ok(Value::bool(one_case(a[0].expect::<Str>(), uni::is_lower, uni::is_upper)))
}

pub(super) fn isupper(_: &Thread, a: &[Value]) -> Res {
    Ok(Value::bool(one_case(a[0].expect::<Str>(), uni::is_upper, uni::is_lower)))
}

pub(super) fn istitle(_: &Thread, a: &[Value]) -> Res {
    let (mut cased, mut inside) = (false, false);
    for c in a[0].expect::<Str>().units().iter() {
        if uni::is_upper(c) || uni::is_title(c) {
            if inside {
                return Ok(Value::FALSE);
            }
            (cased, inside) = (true, true);
        } else if uni::is_lower(c) {
            if !inside {
                return Ok(Value::FALSE);
            }
            cased = true;
        } else {
            inside = false;
        }
    }
    Ok(Value::bool(cased))
}
