//! bytearray: the methods that change it, and pickling.

use super::{ByteArray, new};
use crate::buffer;
use crate::convert;
use crate::error::{self, Res};
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{type_name, type_of};
use crate::types::bytes::{self, byte_of};
use crate::types::index;
use crate::value::Value;

pub(crate) fn append(t: &Thread, a: &[Value]) -> Res {
    let b = byte_of(t, &a[1], "byte")?;
    a[0].expect::<ByteArray>().extend(t, &[b])?;
    Ok(Value::NONE)
}

pub(crate) fn extend(t: &Thread, a: &[Value]) -> Res {
    let (this, source) = (a[0].expect::<ByteArray>(), &a[1]);
    if buffer::supported(source) {
        let end = this.len();
        let copy = buffer::get(t, source, buffer::FULL_RO)?.to_contiguous(t)?;
        // Where the end was, even if lending the bytes has changed it.
        let end = end.min(this.len());
        this.splice(t, end, end, &copy)?;
        return Ok(Value::NONE);
    }
    let iterable = type_of(source).slots().iter.is_some() || crate::ops::is_sequence(source);
    if !iterable {
        let name = type_name(source);
        return Err(error::type_error(t, format_args!("can't extend bytearray with {name}")));
    }
    t.check_alloc(crate::ops::length_hint(t, source, 32)?)?;
    let mut out = Vec::new();
    let text = source.downcast::<Str>().is_some();
    crate::ops::for_each(t, source, |item| {
        if text {
            return Err(error::type_error(t, "expected iterable of integers; got: 'str'"));
        }
        if out.len() == out.capacity() {
            t.check_alloc(out.len().max(1024))?;
        }
        out.push(byte_of(t, &item, "byte")?);
        Ok(())
    })?;
    this.extend(t, &out)?;
    Ok(Value::NONE)
}

pub(crate) fn insert(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<ByteArray>();
    let at = convert::to_isize(t, &a[1])?;
    let b = byte_of(t, &a[2], "byte")?;
    let len = this.len() as isize;
    let at = if at < 0 { (at + len).max(0) } else { at.min(len) } as usize;
    this.splice(t, at, at, &[b])?;
    Ok(Value::NONE)
}

pub(crate) fn pop(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<ByteArray>();
    let at = match a[1].opt() {
        Some(v) => convert::to_isize(t, v)?,
        None => -1,
    };
    if this.is_empty() {
        return Err(error::index_error(t, "pop from empty bytearray"));
    }
    let Some(at) = index::in_range(at, this.len()) else {
        return Err(error::index_error(t, "pop index out of range"));
    };
    let b = this.as_slice()[at];
    this.splice(t, at, at + 1, &[])?;
    Ok(Value::small(i64::from(b)))
}

pub(crate) fn remove(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<ByteArray>();
    let b = byte_of(t, &a[1], "byte")?;
    match memchr::memchr(b, this.as_slice()) {
        Some(at) => this.splice(t, at, at + 1, &[]).map(|()| Value::NONE),
        None => Err(error::value_error(t, "value not found in bytearray")),
    }
}

pub(crate) fn resize(t: &Thread, a: &[Value]) -> Res {
    let n = convert::to_isize(t, &a[1])?;
    let Ok(len) = usize::try_from(n) else {
        return Err(error::value_error(t, format_args!("Can only resize to positive sizes, got {n}")));
    };
    a[0].expect::<ByteArray>().set_len(t, len)?;
    Ok(Value::NONE)
}

pub(crate) fn reverse(_: &Thread, a: &[Value]) -> Res {
    a[0].expect::<ByteArray>().as_mut_slice().reverse();
    Ok(Value::NONE)
}

pub(crate) fn clear(t: &Thread, a: &[Value]) -> Res {
    a[0].expect::<ByteArray>().set_len(t, 0)?;
    Ok(Value::NONE)
}

pub(crate) fn copy(t: &Thread, a: &[Value]) -> Res {
    new(t, a[0].expect::<ByteArray>().as_slice())
}

pub(crate) fn alloc(_: &Thread, a: &[Value]) -> Res {
    // One more than the bytes, as CPython keeps a terminator.
    let cap = a[0].expect::<ByteArray>().capacity();
    Ok(convert::from_usize(if cap == 0 { 0 } else { cap + 1 }))
}

pub(crate) fn sizeof(_: &Thread, a: &[Value]) -> Res {
    let cap = a[0].expect::<ByteArray>().capacity();
    Ok(convert::from_usize(56 + if cap == 0 { 0 } else { cap + 1 }))
}

fn reduced(t: &Thread, v: &Value, proto: i64) -> Res {
    let data = v.expect::<ByteArray>().as_slice();
    let args = if data.is_empty() && proto < 3 {
        tuple::new(t, &[])?
    } else if proto < 3 {
        tuple::from_array(t, [strs::from_latin1(t, data)?, strs::new(t, "latin-1")?])?
    } else if data.is_empty() {
        tuple::new(t, &[])?
    } else {
        tuple::from_array(t, [bytes::new(t, data)?])?
    };
    let state = crate::types::object::state(t, v, false)?;
    tuple::from_array(t, [type_of(v).value(), args, state])
}

pub(crate) fn reduce(t: &Thread, a: &[Value]) -> Res {
    reduced(t, &a[0], 2)
}

pub(crate) fn reduce_ex(t: &Thread, a: &[Value]) -> Res {
    let proto = match a[1].opt() {
        Some(v) => convert::to_i64(t, v)?,
        None => 0,
    };
    reduced(t, &a[0], proto)
}
