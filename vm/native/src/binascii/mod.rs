//! binascii: bytes as ASCII text and back.

use crate::input::Input;
use typhon_object::buffer;
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, ModuleDef, def};
use typhon_object::strs::Str;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::types::exceptions::{EXCEPTION, Exception, VALUE_ERROR};
use typhon_object::{Exc, Thread, Value, convert, ops, type_of};

mod base64;
mod quoted;
mod uu;

/// The module.
pub static MODULE: ModuleDef = ModuleDef {
    name: "binascii",
    doc: "Conversion between binary data and ASCII",
    functions: FUNCTIONS,
    types: &[("Error", &ERROR), ("Incomplete", &INCOMPLETE)],
    init: None,
};

/// binascii.Error.
pub static ERROR: TypeDef = TypeDef {
    name: "binascii.Error",
    base: Some(&VALUE_ERROR),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

/// binascii.Incomplete.
pub static INCOMPLETE: TypeDef = TypeDef {
    name: "binascii.Incomplete",
    base: Some(&EXCEPTION),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

const FUNCTIONS: &[MethodDef] = &[
    def("a2b_uu", "($module, data, /)", uu::decode, "Decode a line of uuencoded data."),
    def("b2a_uu", "($module, data, /, *, backtick=False)", uu::encode, "Uuencode line of data."),
    def(
        "a2b_base64",
        "($module, data, /, *, strict_mode=False)",
        base64::decode,
        "Decode a line of base64 data.\n\n  strict_mode\n    When set to True, bytes that are not in the base64 standard are not allowed.\n    The same applies to excess data after padding (= / ==).",
    ),
    def("b2a_base64", "($module, data, /, *, newline=True)", base64::encode, "Base64-code line of data."),
    def("a2b_hex", "($module, hexstr, /)", unhexlify, "Binary data of hexadecimal representation."),
    def(
        "b2a_hex",
        "($module, /, data, sep=<unrepresentable>, bytes_per_sep=1)",
        hexlify,
        "Hexadecimal representation of binary data.",
    ),
    def(
        "hexlify",
        "($module, /, data, sep=<unrepresentable>, bytes_per_sep=1)",
        hexlify,
        "Hexadecimal representation of binary data.",
    ),
    def("unhexlify", "($module, hexstr, /)", unhexlify, "Binary data of hexadecimal representation."),
    def("crc_hqx", "($module, data, crc, /)", crc_hqx, "Compute CRC-CCITT incrementally."),
    def("crc32", "($module, data, crc=0, /)", crc32, "Compute CRC-32 incrementally."),
    def("a2b_qp", "($module, /, data, header=False)", quoted::decode, "Decode a string of qp-encoded data."),
    def(
        "b2a_qp",
        "($module, /, data, quotetabs=False, istext=True, header=False)",
        quoted::encode,
        "Encode a string using quoted-printable encoding.\n\nOn encoding, when istext is set, newlines are not encoded, and white\nspace at end of lines is.  When istext is not set, \\r and \\n (CR/LF)\nare both encoded.  When quotetabs is set, space and tabs are encoded.",
    ),
];

/// binascii.Error with a text.
fn fail(t: &Thread, text: impl std::fmt::Display) -> Exc {
    error::new(t, &ERROR, text)
}

/// The bytes of a bytes-like or ASCII str argument.
fn ascii_arg<'a>(t: &Thread, v: &'a Value) -> Res<Input<'a>> {
    if let Some(s) = v.downcast::<Str>() {
        return match s.as_ascii() {
            Some(text) => Ok(Input::Text(text)),
            None => Err(error::value_error(t, "string argument should contain only ASCII characters")),
        };
    }
    if !buffer::supported(v) {
        let name = type_of(v).name();
        return Err(error::type_error(
            t,
            format_args!("argument should be bytes, buffer or ASCII string, not '{name}'"),
        ));
    }
    Input::get(t, v)
}

/// A flag argument.
fn flag_arg(t: &Thread, v: &Value, default: bool) -> Res<bool> {
    match v.opt() {
        Some(v) => ops::truth(t, v),
        None => Ok(default),
    }
}

fn hexlify(t: &Thread, a: &[Value]) -> Res {
    let data = Input::get(t, &a[0])?;
    bytes::from_vec(t, bytes::hex_digits(t, &data, &a[1], &a[2])?)
}

fn unhexlify(t: &Thread, a: &[Value]) -> Res {
    let text = ascii_arg(t, &a[0])?;
    if text.len() % 2 != 0 {
        return Err(fail(t, "Odd-length string"));
    }
    t.check_alloc(text.len() / 2)?;
    let mut out = Vec::with_capacity(text.len() / 2);
    for piece in text.chunks(HEX_STRIDE) {
        t.check_stop()?;
        // What is no digit has the high bits set.
        let mut seen = 0;
        out.extend(piece.as_chunks::<2>().0.iter().map(|&[high, low]| {
            let (high, low) = (HEX_VALUES[usize::from(high)], HEX_VALUES[usize::from(low)]);
            seen |= high | low;
            high << 4 | low & 15
        }));
        if seen > 15 {
            return Err(fail(t, "Non-hexadecimal digit found"));
        }
    }
    bytes::from_vec(t, out)
}

/// So many digits are read between two looks at the breaker; an even number.
const HEX_STRIDE: usize = 1 << 16;

/// What hexadecimal digits stand for; 255 for other bytes.
const HEX_VALUES: [u8; 256] = {
    let mut table = [255; 256];
    let mut i = 0;
    while i < 16 {
        let digit = b"0123456789abcdef"[i];
        table[digit as usize] = i as u8;
        table[digit.to_ascii_uppercase() as usize] = i as u8;
        i += 1;
    }
    table
};

/// The low bits of an int argument of any size.
pub(crate) fn mask_arg(t: &Thread, v: &Value) -> Res<u32> {
    let i = convert::to_index(t, v)?;
    match typhon_object::types::int::to_i64(&i) {
        Some(i) => Ok(i as u32),
        None => {
            let big = typhon_object::types::int::to_big(&i).unwrap_or_default();
            let low = big & dashu_int::IBig::from(u32::MAX);
            Ok(u32::try_from(&low).unwrap_or(0))
        }
    }
}

pub(crate) fn crc32(t: &Thread, a: &[Value]) -> Res {
    let start = match a[1].opt() {
        Some(v) => mask_arg(t, v)?,
        None => 0,
    };
    let lent = buffer::get(t, &a[0], buffer::SIMPLE)?;
    let mut hasher = crc32fast::Hasher::new_with_initial(start);
    for chunk in lent.as_slice().chunks(1 << 18) {
        hasher.update(chunk);
        t.poll()?;
    }
    Ok(Value::small(i64::from(hasher.finalize())))
}

fn crc_hqx(t: &Thread, a: &[Value]) -> Res {
    let mut crc = mask_arg(t, &a[1])? & 0xFFFF;
    let lent = buffer::get(t, &a[0], buffer::SIMPLE)?;
    for (i, &b) in lent.as_slice().iter().enumerate() {
        crc ^= u32::from(b) << 8;
        for _ in 0..8 {
            crc = if crc & 0x8000 != 0 { crc << 1 ^ 0x1021 } else { crc << 1 };
        }
        crc &= 0xFFFF;
        if i % 4096 == 4095 {
            t.poll()?;
        }
    }
    Ok(Value::small(i64::from(crc)))
}
