//! int: methods.

use super::{arith, exact, from_big, is_int, to_big, with_poll};
use crate::convert::{self, from_i64};
use crate::error::{self, Res};
use crate::native::{GetSetDef, MethodDef, def, getter};
use crate::strs;
use crate::thread::Thread;
use crate::ty::type_of;
use crate::types::bytes;
use crate::value::Value;
use crate::{buffer, call, ops, tuple};
use dashu_int::IBig;
use typhon_num::int as num;
use typhon_num::int::convert::ByteOrder;

pub(super) const METHODS: &[MethodDef] = &[
    def("conjugate", "($self, /)", itself, "Returns self, the complex conjugate of any int."),
    def(
        "bit_length",
        "($self, /)",
        bit_length,
        "Number of bits necessary to represent self in binary.\n\n>>> bin(37)\n'0b100101'\n>>> (37).bit_length()\n6",
    )
    .tame(),
    def(
        "bit_count",
        "($self, /)",
        bit_count,
        "Number of ones in the binary representation of the absolute value of self.\n\nAlso known as the population count.\n\n>>> bin(13)\n'0b1101'\n>>> (13).bit_count()\n3",
    ),
    def(
        "to_bytes",
        "($self, /, length=1, byteorder='big', *, signed=False)",
        to_bytes,
        "Return an array of bytes representing an integer.",
    ),
    def(
        "from_bytes",
        "($type, /, bytes, byteorder='big', *, signed=False)",
        from_bytes,
        "Return the integer represented by the given array of bytes.",
    )
    .class(),
    def(
        "as_integer_ratio",
        "($self, /)",
        |t, a| tuple::from_array(t, [exact(t, &a[0])?, Value::small(1)]),
        "Return a pair of integers, whose ratio is equal to the original int.\n\nThe ratio is in lowest terms and has a positive denominator.\n\n>>> (10).as_integer_ratio()\n(10, 1)\n>>> (-10).as_integer_ratio()\n(-10, 1)\n>>> (0).as_integer_ratio()\n(0, 1)",
    ),
    def("__trunc__", "($self, /)", itself, "Truncating an Integral returns itself."),
    def("__floor__", "($self, /)", itself, "Flooring an Integral returns itself."),
    def("__ceil__", "($self, /)", itself, "Ceiling of an Integral returns itself."),
    def(
        "__round__",
        "($self, ndigits=None, /)",
        round,
        "Rounding an Integral returns itself.\n\nRounding with an ndigits argument also returns an integer.",
    ),
    def("__getnewargs__", "($self, /)", |t, a| tuple::from_array(t, [exact(t, &a[0])?]), ""),
    def("__format__", "($self, format_spec, /)", super::text::format, "Convert to a string according to format_spec."),
    def("__sizeof__", "($self, /)", sizeof, "Returns size in memory, in bytes."),
    def(
        "is_integer",
        "($self, /)",
        |_, _| Ok(Value::TRUE),
        "Returns True. Exists for duck type compatibility with float.is_integer.",
    ),
];

pub(super) const GETSET: &[GetSetDef] = &[
    getter("real", exact, "the real part of a complex number"),
    getter("imag", |_, _| Ok(Value::small(0)), "the imaginary part of a complex number"),
    getter("numerator", exact, "the numerator of a rational number in lowest terms"),
    getter("denominator", |_, _| Ok(Value::small(1)), "the denominator of a rational number in lowest terms"),
];

fn big(v: &Value) -> std::borrow::Cow<'_, IBig> {
    arith::big(v).unwrap_or_default()
}

fn bit_length(t: &Thread, a: &[Value]) -> Res {
    match super::wide::of(&a[0]) {
        Some(i) => Ok(Value::small(i64::from(128 - i.unsigned_abs().leading_zeros()))),
        None => from_i64(t, num::bit_length(&big(&a[0])) as i64),
    }
}

fn bit_count(t: &Thread, a: &[Value]) -> Res {
    match super::wide::of(&a[0]) {
        Some(i) => Ok(Value::small(i64::from(i.unsigned_abs().count_ones()))),
        None => from_i64(t, num::bit_count(&big(&a[0])) as i64),
    }
}

fn itself(t: &Thread, a: &[Value]) -> Res {
    exact(t, &a[0])
}

fn round(t: &Thread, a: &[Value]) -> Res {
    let Some(digits) = a[1].non_none() else { return exact(t, &a[0]) };
    let digits = to_big(&convert::to_index(t, digits)?).unwrap_or_default();
    if digits >= IBig::ZERO {
        return exact(t, &a[0]);
    }
    let n = big(&a[0]);
    let tens = u64::try_from(-digits).unwrap_or(u64::MAX);
    from_big(t, with_poll(t, |poll| num::round_to_tens(&n, tens, poll))?)
}

fn byte_order(t: &Thread, v: &Value, function: &str) -> Res<ByteOrder> {
    if v.is_absent() {
        return Ok(ByteOrder::Big);
    }
    let known = v.exact::<strs::Str>().and_then(strs::Str::as_ascii);
    let text = match known {
        Some(_) => String::new(),
        None => convert::to_text(t, v, function, "argument 'byteorder'")?,
    };
    match known.unwrap_or(&text) {
        "big" => Ok(ByteOrder::Big),
        "little" => Ok(ByteOrder::Little),
        _ => Err(error::value_error(t, "byteorder must be either 'little' or 'big'")),
    }
}

fn to_bytes(t: &Thread, a: &[Value]) -> Res {
    let length = match a[1].opt() {
        Some(v) => convert::to_isize(t, v)?,
        None => 1,
    };
    let order = byte_order(t, &a[2], "to_bytes")?;
    let signed = a[3].opt().map_or(Ok(false), |v| ops::truth(t, v))?;
    let Ok(length) = usize::try_from(length) else {
        return Err(error::value_error(t, "length argument must be non-negative"));
    };
    if let Some(i) = super::wide::of(&a[0])
        && length <= 16
        && fits_bytes(i, length, signed)
    {
        let (little, big) = (i.to_le_bytes(), i.to_be_bytes());
        return bytes::new(t, if order == ByteOrder::Little { &little[..length] } else { &big[16 - length..] });
    }
    t.check_alloc(length.saturating_mul(2))?;
    let n = big(&a[0]);
    bytes::new(t, &with_poll(t, |_| num::to_bytes(&n, length, order, signed))?)
}

/// Whether `i` has a form of `length` bytes.
fn fits_bytes(i: i128, length: usize, signed: bool) -> bool {
    let magnitude = if i < 0 { !i } else { i };
    let used = 128 - magnitude.leading_zeros() + u32::from(signed);
    (i >= 0 || signed) && used as usize <= 8 * length
}

fn from_bytes(t: &Thread, a: &[Value]) -> Res {
    let order = byte_order(t, &a[2], "from_bytes")?;
    let signed = a[3].opt().map_or(Ok(false), |v| ops::truth(t, v))?;
    let n = match bytes::peek(&a[1]).filter(|bytes| bytes.len() <= 8 && a[1].exact::<bytes::Bytes>().is_some()) {
        Some(bytes) => of_few_bytes(t, bytes, order, signed)?,
        None => {
            let bytes = bytes_of(t, &a[1])?;
            t.check_alloc(bytes.len())?;
            from_big(t, num::from_bytes(&bytes, order, signed))?
        }
    };
    if a[0].is(&super::INT.ty().value()) { Ok(n) } else { call::call1(t, &a[0], &n) }
}

/// The int of at most eight bytes.
fn of_few_bytes(t: &Thread, bytes: &[u8], order: ByteOrder, signed: bool) -> Res {
    let more = |n: u64, byte: &u8| n << 8 | u64::from(*byte);
    let n = match order {
        ByteOrder::Big => bytes.iter().fold(0, more),
        ByteOrder::Little => bytes.iter().rev().fold(0, more),
    };
    if !signed || bytes.is_empty() {
        return convert::from_u64(t, n);
    }
    let unused = 64 - 8 * bytes.len() as u32;
    from_i64(t, ((n << unused) as i64) >> unused)
}

/// What `bytes(v)` would hold, for a bytes-like object or an iterable of ints.
fn bytes_of(t: &Thread, v: &Value) -> Res<Vec<u8>> {
    if let Some(made) = call::special(t, v, crate::names::n::__bytes__(), &[]) {
        let made = made?;
        if !matches!(type_of(&made).def().name, "bytes") {
            let name = type_of(&made).name();
            return Err(error::type_error(t, format_args!("__bytes__ returned non-bytes (type {name})")));
        }
        return Ok(buffer::get(t, &made, buffer::SIMPLE)?.as_slice().to_vec());
    }
    if buffer::supported(v) {
        return Ok(buffer::get(t, v, buffer::SIMPLE)?.as_slice().to_vec());
    }
    let not_bytes = || error::type_error(t, format_args!("cannot convert '{}' object to bytes", type_of(v).name()));
    if v.downcast::<strs::Str>().is_some() || is_int(v) {
        return Err(not_bytes());
    }
    let mut out = Vec::new();
    if type_of(v).slots().iter.is_none() && !ops::is_sequence(v) {
        return Err(not_bytes());
    }
    ops::for_each(t, v, |item| {
        let i = super::to_i64(&convert::to_index(t, &item)?).and_then(|i| u8::try_from(i).ok());
        out.push(i.ok_or_else(|| error::value_error(t, "bytes must be in range(0, 256)"))?);
        Ok(())
    })?;
    Ok(out)
}

/// CPython's number: 24 bytes and four for every 30 bits.
fn sizeof(t: &Thread, a: &[Value]) -> Res {
    let digits = num::bit_length(&big(&a[0])).div_ceil(30).max(1);
    let ty = type_of(&a[0]);
    from_i64(t, 24 + (ty.basic_size() - ty.def().size) as i64 + 4 * digits as i64)
}
