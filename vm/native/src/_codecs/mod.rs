//! _codecs: the registry and the codecs behind the `encodings` package.

use std::borrow::Cow;
use typhon_object::buffer;
use typhon_object::codec::{self, Decoder, Known};
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, ModuleDef, def};
use typhon_object::strs::{Str, Units};
use typhon_object::types::bytes;
use typhon_object::types::exceptions::{DEPRECATION_WARNING, UNICODE_ENCODE_ERROR};
use typhon_object::{Thread, Value, convert, ops, registry, tuple, type_of};
use typhon_unicode::codec as uc;
use typhon_unicode::codec::ByteOrder::{Big, Little};
use typhon_unicode::codec::bytes_escape::{self, EscapeError, Policy};

mod charmap;

/// The module.
pub static MODULE: ModuleDef =
    ModuleDef { name: "_codecs", doc: "", functions: FUNCTIONS, types: &[("", &charmap::ENCODING_MAP)], init: None };

const STR: &str = "($module, str, errors=None, /)";
const STR_ORDER: &str = "($module, str, errors=None, byteorder=0, /)";
const DATA: &str = "($module, data, errors=None, /)";
const DATA_FINAL: &str = "($module, data, errors=None, final=False, /)";
const DATA_EX: &str = "($module, data, errors=None, byteorder=0, final=False, /)";

const FUNCTIONS: &[MethodDef] = &[
    def("register", "($module, search_function, /)", register, "Register a codec search function."),
    def(
        "unregister",
        "($module, search_function, /)",
        unregister,
        "Unregister a codec search function and clear the registry's cache.",
    ),
    def(
        "lookup",
        "($module, encoding, /)",
        lookup,
        "Looks up a codec tuple in the Python codec registry and returns a CodecInfo object.",
    ),
    def(
        "encode",
        "($module, /, obj, encoding='utf-8', errors='strict')",
        |t, a| transform(t, a, 0, "encode"),
        "Encodes obj using the codec registered for encoding.",
    ),
    def(
        "decode",
        "($module, /, obj, encoding='utf-8', errors='strict')",
        |t, a| transform(t, a, 1, "decode"),
        "Decodes obj using the codec registered for encoding.",
    ),
    def("escape_encode", DATA, escape_encode, ""),
    def("escape_decode", DATA, escape_decode, ""),
    def("utf_8_encode", STR, |t, a| encode(t, a, "utf_8_encode", Known::Utf8), ""),
    def("utf_8_decode", DATA_FINAL, |t, a| decode(t, a, "utf_8_decode", Known::Utf8), ""),
    def("utf_7_encode", STR, utf_7_encode, ""),
    def("utf_7_decode", DATA_FINAL, utf_7_decode, ""),
    def("utf_16_encode", STR_ORDER, |t, a| encode_order(t, a, "utf_16_encode", Known::Utf16), ""),
    def("utf_16_le_encode", STR, |t, a| encode(t, a, "utf_16_le_encode", Known::Utf16(Some(Little))), ""),
    def("utf_16_be_encode", STR, |t, a| encode(t, a, "utf_16_be_encode", Known::Utf16(Some(Big))), ""),
    def("utf_16_decode", DATA_FINAL, |t, a| decode(t, a, "utf_16_decode", Known::Utf16(None)), ""),
    def("utf_16_le_decode", DATA_FINAL, |t, a| decode(t, a, "utf_16_le_decode", Known::Utf16(Some(Little))), ""),
    def("utf_16_be_decode", DATA_FINAL, |t, a| decode(t, a, "utf_16_be_decode", Known::Utf16(Some(Big))), ""),
    def("utf_16_ex_decode", DATA_EX, |t, a| decode_ex(t, a, "utf_16_ex_decode", Known::Utf16), ""),
    def("utf_32_encode", STR_ORDER, |t, a| encode_order(t, a, "utf_32_encode", Known::Utf32), ""),
    def("utf_32_le_encode", STR, |t, a| encode(t, a, "utf_32_le_encode", Known::Utf32(Some(Little))), ""),
    def("utf_32_be_encode", STR, |t, a| encode(t, a, "utf_32_be_encode", Known::Utf32(Some(Big))), ""),
    def("utf_32_decode", DATA_FINAL, |t, a| decode(t, a, "utf_32_decode", Known::Utf32(None)), ""),
    def("utf_32_le_decode", DATA_FINAL, |t, a| decode(t, a, "utf_32_le_decode", Known::Utf32(Some(Little))), ""),
    def("utf_32_be_decode", DATA_FINAL, |t, a| decode(t, a, "utf_32_be_decode", Known::Utf32(Some(Big))), ""),
    def("utf_32_ex_decode", DATA_EX, |t, a| decode_ex(t, a, "utf_32_ex_decode", Known::Utf32), ""),
    def("unicode_escape_encode", STR, unicode_escape_encode, ""),
    def("unicode_escape_decode", "($module, data, errors=None, final=True, /)", unicode_escape_decode, ""),
    def("raw_unicode_escape_encode", STR, raw_unicode_escape_encode, ""),
    def("raw_unicode_escape_decode", "($module, data, errors=None, final=True, /)", raw_unicode_escape_decode, ""),
    def("latin_1_encode", STR, |t, a| encode(t, a, "latin_1_encode", Known::Latin1), ""),
    def("latin_1_decode", DATA, |t, a| decode(t, a, "latin_1_decode", Known::Latin1), ""),
    def("ascii_encode", STR, |t, a| encode(t, a, "ascii_encode", Known::Ascii), ""),
    def("ascii_decode", DATA, |t, a| decode(t, a, "ascii_decode", Known::Ascii), ""),
    def("charmap_encode", "($module, str, errors=None, mapping=None, /)", charmap::encode, ""),
    def("charmap_decode", "($module, data, errors=None, mapping=None, /)", charmap::decode, ""),
    def("charmap_build", "($module, map, /)", charmap::build, ""),
    def("readbuffer_encode", DATA, readbuffer_encode, ""),
    def(
        "register_error",
        "($module, errors, handler, /)",
        register_error,
        "Register the specified error handler under the name errors.",
    ),
    def(
        "_unregister_error",
        "($module, errors, /)",
        unregister_error,
        "Un-register the specified error handler for the error handling `errors'.",
    ),
    def("lookup_error", "($module, name, /)", lookup_error, "lookup_error(errors) -> handler"),
];

/// Calls a generic function with a str's units, whatever their width.
macro_rules! any_width {
    ($units:expr, |$s:ident| $body:expr) => {
        match $units {
            Units::Latin1($s) => $body,
            Units::Ucs2($s) => $body,
            Units::Ucs4($s) => $body,
        }
    };
}
use any_width;

fn type_text(v: &Value) -> String {
    if v.is_none() { "None".to_string() } else { type_of(v).name() }
}

/// A str argument; `place` is " 1" for the first of several.
fn text_arg<'a>(t: &Thread, v: &'a Value, function: &str, place: &str) -> Res<&'a Str> {
    match v.downcast::<Str>() {
        Some(s) => Ok(s),
        None => {
            let name = type_text(v);
            Err(error::type_error(t, format_args!("{function}() argument{place} must be str, not {name}")))
        }
    }
}

/// A name as Rust text.
fn name_of(t: &Thread, v: &Value, s: &Str) -> Res<String> {
    match s.to_utf8() {
        Ok(text) if text.contains('\0') => Err(error::value_error(t, "embedded null character")),
        Ok(text) => Ok(text),
        Err(at) => {
            let why = "surrogates not allowed";
            Err(error::unicode_error(t, &UNICODE_ENCODE_ERROR, "utf-8", v, at, at + 1, why))
        }
    }
}

/// The `errors` argument in place 2: a str, None or missing.
fn errors_arg(t: &Thread, v: Option<&Value>, function: &str) -> Res<Option<String>> {
    let Some(v) = v.and_then(Value::non_none) else { return Ok(None) };
    match v.downcast::<Str>() {
        Some(s) => name_of(t, v, s).map(Some),
        None => {
            let name = type_text(v);
            Err(error::type_error(t, format_args!("{function}() argument 2 must be str or None, not {name}")))
        }
    }
}

fn final_arg(t: &Thread, v: Option<&Value>, default: bool) -> Res<bool> {
    match v.and_then(Value::opt) {
        Some(v) => ops::truth(t, v),
        None => Ok(default),
    }
}

fn pair(t: &Thread, made: Value, n: usize) -> Res {
    tuple::from_array(t, [made, convert::from_usize(n)])
}

fn register(t: &Thread, a: &[Value]) -> Res {
    registry::register(t, &a[0])?;
    Ok(Value::NONE)
}

fn unregister(t: &Thread, a: &[Value]) -> Res {
    registry::unregister(t, &a[0]);
    Ok(Value::NONE)
}

fn lookup(t: &Thread, a: &[Value]) -> Res {
    let s = text_arg(t, &a[0], "lookup", "")?;
    registry::lookup(t, &name_of(t, &a[0], s)?)
}

fn transform(t: &Thread, a: &[Value], which: usize, function: &str) -> Res {
    let encoding = codec::name_arg(t, &a[1], function, "encoding")?.unwrap_or(Cow::Borrowed("utf-8"));
    let errors = codec::name_arg(t, &a[2], function, "errors")?;
    let found = registry::lookup(t, &encoding)?;
    registry::call_codec(t, &found, which, &a[0], &encoding, errors.as_deref())
}

fn register_error(t: &Thread, a: &[Value]) -> Res {
    let s = text_arg(t, &a[0], "register_error", " 1")?;
    registry::register_error(t, name_of(t, &a[0], s)?, &a[1])?;
    Ok(Value::NONE)
}

fn unregister_error(t: &Thread, a: &[Value]) -> Res {
    let s = text_arg(t, &a[0], "_unregister_error", "")?;
    registry::unregister_error(t, &name_of(t, &a[0], s)?).map(Value::bool)
}

fn lookup_error(t: &Thread, a: &[Value]) -> Res {
    let s = text_arg(t, &a[0], "lookup_error", "")?;
    registry::lookup_error(t, &name_of(t, &a[0], s)?)
}

fn encode(t: &Thread, a: &[Value], function: &str, known: Known) -> Res {
    let s = text_arg(t, &a[0], function, " 1")?;
    let errors = errors_arg(t, a.get(1), function)?;
    let made = codec::encode_known(t, &a[0], known, errors.as_deref())?;
    pair(t, bytes::from_vec(t, made)?, s.len())
}

type WithOrder = fn(Option<uc::ByteOrder>) -> Known;

/// A byte order argument: negative little, positive big, zero none.
fn order_arg(t: &Thread, v: &Value) -> Res<Option<uc::ByteOrder>> {
    Ok(match v.opt() {
        Some(v) => match convert::to_i32(t, v)? {
            0 => None,
            n if n < 0 => Some(Little),
            _ => Some(Big),
        },
        None => None,
    })
}

fn encode_order(t: &Thread, a: &[Value], function: &str, known: WithOrder) -> Res {
    let order = order_arg(t, &a[2])?;
    encode(t, a, function, known(order))
}

fn decode(t: &Thread, a: &[Value], function: &str, known: Known) -> Res {
    let lent = buffer::get(t, &a[0], buffer::SIMPLE)?;
    let errors = errors_arg(t, a.get(1), function)?;
    let last = if matches!(known, Known::Latin1 | Known::Ascii) { true } else { final_arg(t, a.get(2), false)? };
    let (text, n) = codec::decode_prefix(t, &a[0], lent.as_slice(), known, errors.as_deref(), last)?;
    pair(t, text.finish(t)?, n)
}

fn decode_ex(t: &Thread, a: &[Value], function: &str, known: WithOrder) -> Res {
    let lent = buffer::get(t, &a[0], buffer::SIMPLE)?;
    let errors = errors_arg(t, a.get(1), function)?;
    let given = order_arg(t, &a[2])?;
    let last = final_arg(t, a.get(3), false)?;
    let found = match (given, known(None)) {
        (Some(_), _) => given,
        (None, Known::Utf16(_)) => uc::utf16::sniff(lent.as_slice()).0,
        (None, _) => uc::utf32::sniff(lent.as_slice()).0,
    };
    let (text, n) = codec::decode_prefix(t, &a[0], lent.as_slice(), known(given), errors.as_deref(), last)?;
    let order = match found {
        None => 0,
        Some(Little) => -1,
        Some(Big) => 1,
    };
    tuple::from_array(t, [text.finish(t)?, convert::from_usize(n), Value::small(order)])
}

fn utf_7_encode(t: &Thread, a: &[Value]) -> Res {
    let s = text_arg(t, &a[0], "utf_7_encode", " 1")?;
    errors_arg(t, a.get(1), "utf_7_encode")?;
    t.check_alloc(s.len() * 3)?;
    let mut out = Vec::new();
    any_width!(s.units(), |u| uc::utf7::encode(u, &mut out));
    pair(t, bytes::from_vec(t, out)?, s.len())
}

fn utf_7_decode(t: &Thread, a: &[Value]) -> Res {
    let lent = buffer::get(t, &a[0], buffer::SIMPLE)?;
    let errors = errors_arg(t, a.get(1), "utf_7_decode")?;
    let how = Decoder::named("utf7", final_arg(t, a.get(2), false)?);
    let (text, n) =
        codec::decode_with(t, &a[0], lent.as_slice(), how, errors.as_deref(), &mut |data, from, last, out| {
            uc::utf7::decode(data, from, last, out)
        })?;
    pair(t, text.finish(t)?, n)
}

/// The bytes of a str (as UTF-8) or of a bytes-like object.
fn bytes_or_text(t: &Thread, v: &Value) -> Res<Vec<u8>> {
    if v.downcast::<Str>().is_some() {
        return codec::encode_known(t, v, Known::Utf8, None);
    }
    buffer::get(t, v, buffer::SIMPLE)?.to_contiguous(t)
}

fn escape_encode(t: &Thread, a: &[Value]) -> Res {
    let Some(data) = a[0].downcast::<bytes::Bytes>() else {
        let name = type_text(&a[0]);
        return Err(error::type_error(t, format_args!("escape_encode() argument 1 must be bytes, not {name}")));
    };
    t.check_alloc(data.len() * 4)?;
    let mut out = Vec::new();
    bytes_escape::encode(data.as_slice(), &mut out);
    pair(t, bytes::from_vec(t, out)?, data.len())
}

fn escape_decode(t: &Thread, a: &[Value]) -> Res {
    let data = bytes_or_text(t, &a[0])?;
    let errors = errors_arg(t, a.get(1), "escape_decode")?;
    let named = match errors.as_deref() {
        None | Some("strict") => Some(Policy::Strict),
        Some("replace") => Some(Policy::Replace),
        Some("ignore") => Some(Policy::Ignore),
        Some(_) => None,
    };
    let (mut out, mut bad) = (Vec::new(), None);
    match bytes_escape::decode(&data, named.unwrap_or(Policy::Strict), &mut out, &mut bad) {
        Ok(()) => {}
        Err(EscapeError::TrailingBackslash) => return Err(error::value_error(t, "Trailing \\ in string")),
        Err(EscapeError::InvalidHex { position }) => {
            return Err(match named {
                Some(_) => error::value_error(t, format_args!("invalid \\x escape at position {position}")),
                None => {
                    let name = errors.unwrap_or_default();
                    error::value_error(t, format_args!("decoding error; unknown error handling code: {name}"))
                }
            });
        }
    }
    if let Some(bad) = bad {
        (t.hooks.warn)(t, &DEPRECATION_WARNING.ty().value(), &bad.bytes_warning(), 1)?;
    }
    pair(t, bytes::from_vec(t, out)?, data.len())
}

fn unicode_escape_encode(t: &Thread, a: &[Value]) -> Res {
    let s = text_arg(t, &a[0], "unicode_escape_encode", " 1")?;
    errors_arg(t, a.get(1), "unicode_escape_encode")?;
    t.check_alloc(s.len() * 10)?;
    let mut out = Vec::with_capacity(s.len());
    any_width!(s.units(), |u| uc::unicode_escape::encode(u, &mut out));
    pair(t, bytes::from_vec(t, out)?, s.len())
}

fn raw_unicode_escape_encode(t: &Thread, a: &[Value]) -> Res {
    let s = text_arg(t, &a[0], "raw_unicode_escape_encode", " 1")?;
    errors_arg(t, a.get(1), "raw_unicode_escape_encode")?;
    t.check_alloc(s.len() * 10)?;
    let mut out = Vec::with_capacity(s.len());
    any_width!(s.units(), |u| uc::raw_unicode_escape::encode(u, &mut out));
    pair(t, bytes::from_vec(t, out)?, s.len())
}

/// The object of a decoding error: the argument itself unless it is a str.
fn error_object(t: &Thread, v: &Value, data: &[u8]) -> Res {
    if v.downcast::<Str>().is_some() { bytes::new(t, data) } else { Ok(v.clone()) }
}

fn unicode_escape_decode(t: &Thread, a: &[Value]) -> Res {
    let data = bytes_or_text(t, &a[0])?;
    let errors = errors_arg(t, a.get(1), "unicode_escape_decode")?;
    let how = Decoder::named("unicodeescape", final_arg(t, a.get(2), true)?);
    let object = error_object(t, &a[0], &data)?;
    let mut bad = None;
    let (text, n) = codec::decode_with(t, &object, &data, how, errors.as_deref(), &mut |data, from, last, out| {
        uc::unicode_escape::decode(data, from, last, out, &mut bad)
    })?;
    if let Some(bad) = bad {
        (t.hooks.warn)(t, &DEPRECATION_WARNING.ty().value(), &bad.warning(), 1)?;
    }
    pair(t, text.finish(t)?, n)
}

fn raw_unicode_escape_decode(t: &Thread, a: &[Value]) -> Res {
    let data = bytes_or_text(t, &a[0])?;
    let errors = errors_arg(t, a.get(1), "raw_unicode_escape_decode")?;
    let how = Decoder::named("rawunicodeescape", final_arg(t, a.get(2), true)?);
    let object = error_object(t, &a[0], &data)?;
    let (text, n) = codec::decode_with(t, &object, &data, how, errors.as_deref(), &mut |data, from, last, out| {
        uc::raw_unicode_escape::decode(data, from, last, out)
    })?;
    pair(t, text.finish(t)?, n)
}

fn readbuffer_encode(t: &Thread, a: &[Value]) -> Res {
    let data = bytes_or_text(t, &a[0])?;
    errors_arg(t, a.get(1), "readbuffer_encode")?;
    let n = data.len();
    pair(t, bytes::from_vec(t, data)?, n)
}
