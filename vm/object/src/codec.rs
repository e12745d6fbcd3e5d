//! Text to bytes and back, for `str.encode`, `bytes.decode` and the `_codecs` module.
//!
//! The encodings everybody uses are done here; others are looked up in the isolate's registry, whose search functions the
//! `encodings` package registers. Error handlers are the built-in ones by name, then the registered ones.

use crate::buffer;
use crate::bulk;
use crate::call;
use crate::error::{self, Res};
use crate::registry;
use crate::strs::{self, Str, StrBuilder, Units};
use crate::thread::Thread;
use crate::ty::type_name;
use crate::types::bytes;
use crate::types::exceptions::{UNICODE_DECODE_ERROR, UNICODE_ENCODE_ERROR};
use crate::types::str_::any_width;
use crate::value::Value;
use std::borrow::Cow;
use typhon_unicode::codec::handlers::{self, Standard};
use typhon_unicode::codec::{self as uc, ByteOrder, CodecError, Outcome};

/// An encoding done here.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Known {
    /// utf-8.
    Utf8,
    /// latin-1.
    Latin1,
    /// ascii.
    Ascii,
    /// utf-16; without an order, with a byte order mark.
    Utf16(Option<ByteOrder>),
    /// utf-32; without an order, with a byte order mark.
    Utf32(Option<ByteOrder>),
}

impl Known {
    /// The encoding that a name means, if it is one of these.
    pub fn from_name(name: &str) -> Option<Self> {
        use ByteOrder::{Big, Little};
        // As most programs spell them.
        match name {
            "utf-8" | "utf8" => return Some(Self::Utf8),
            "ascii" => return Some(Self::Ascii),
            "latin-1" | "latin1" => return Some(Self::Latin1),
            _ => {}
        }
        Some(match normalize(name).as_str() {
            "utf_8" | "utf8" => Self::Utf8,
            "latin_1" | "latin1" | "iso_8859_1" | "iso8859_1" => Self::Latin1,
            "ascii" | "us_ascii" => Self::Ascii,
            "utf_16" | "utf16" => Self::Utf16(None),
            "utf_16_le" => Self::Utf16(Some(Little)),
            "utf_16_be" => Self::Utf16(Some(Big)),
            "utf_32" | "utf32" => Self::Utf32(None),
            "utf_32_le" => Self::Utf32(Some(Little)),
            "utf_32_be" => Self::Utf32(Some(Big)),
            _ => return None,
        })
    }

    /// The name in error messages.
    pub fn name(self) -> &'static str {
        use ByteOrder::{Big, Little};
        match self {
            Self::Utf8 => "utf-8",
            Self::Latin1 => "latin-1",
            Self::Ascii => "ascii",
            Self::Utf16(None) => "utf-16",
            Self::Utf16(Some(Little)) => "utf-16-le",
            Self::Utf16(Some(Big)) => "utf-16-be",
            Self::Utf32(None) => "utf-32",
            Self::Utf32(Some(Little)) => "utf-32-le",
            Self::Utf32(Some(Big)) => "utf-32-be",
        }
    }

    /// Piece by piece, so that a stop is noticed.
    fn encode_step(self, s: Units<'_>, from: usize, out: &mut Vec<u8>) -> Outcome<()> {
        let mut at = from;
        loop {
            let end = s.len().min(at.saturating_add(CHUNK));
            match self.encode_piece(s.slice(0, end), at, out) {
                // What cannot be encoded may go on behind the piece.
                Err(e) if e.end == end && end < s.len() => return self.encode_piece(s, e.start, out),
                Err(e) => return Err(e),
                Ok(()) if end == s.len() || crate::thread::stopping() => return Ok(()),
                Ok(()) => at = end,
            }
        }
    }

    fn encode_piece(self, s: Units<'_>, from: usize, out: &mut Vec<u8>) -> Outcome<()> {
        let order = |o: Option<ByteOrder>| o.unwrap_or(ByteOrder::Little);
        any_width!(s, |u| match self {
            Self::Utf8 => uc::utf8::encode(u, from, out),
            Self::Latin1 => uc::latin1::encode(u, from, out),
            Self::Ascii => uc::ascii::encode(u, from, out),
            Self::Utf16(o) => uc::utf16::encode(u, from, order(o), out),
            Self::Utf32(o) => uc::utf32::encode(u, from, order(o), out),
        })
    }
}

/// An encoding's name as the registry knows it: lower case, runs of punctuation as one underscore.
pub fn normalize(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    let mut gap = false;
    for c in name.chars() {
        if c.is_ascii_alphanumeric() || c == '.' {
            if gap && !out.is_empty() {
                out.push('_');
            }
            gap = false;
            out.push(c.to_ascii_lowercase());
        } else {
            gap = true;
        }
    }
    out
}

/// An `encoding` or `errors` argument, which must be a str without null characters; `None` if missing.
pub fn name_arg<'a>(t: &Thread, v: &'a Value, function: &str, argument: &str) -> Res<Option<Cow<'a, str>>> {
    let Some(v) = v.opt() else { return Ok(None) };
    let Some(s) = v.downcast::<Str>() else {
        let name = if v.is_none() { "None".to_string() } else { type_name(v) };
        return Err(error::type_error(t, format_args!("{function}() argument '{argument}' must be str, not {name}")));
    };
    name_text(t, v, s).map(Some)
}

fn name_text<'a>(t: &Thread, v: &Value, s: &'a Str) -> Res<Cow<'a, str>> {
    match s.as_ascii().map_or_else(|| s.to_utf8().map(Cow::Owned), |text| Ok(Cow::Borrowed(text))) {
        Ok(text) if text.contains('\0') => Err(error::value_error(t, "embedded null character")),
        Ok(text) => Ok(text),
        Err(at) => {
            let why = "surrogates not allowed";
            Err(error::unicode_error(t, &UNICODE_ENCODE_ERROR, "utf-8", v, at, at + 1, why))
        }
    }
}

/// As [`name_arg`] where None may be passed for a missing one.
pub fn name_arg_or_none<'a>(t: &Thread, v: &'a Value, function: &str, argument: &str) -> Res<Option<Cow<'a, str>>> {
    if v.is_none() { Ok(None) } else { name_arg(t, v, function, argument) }
}

/// `str.encode`: a bytes object. `v` is a str.
pub fn encode(t: &Thread, v: &Value, encoding: Option<&str>, errors: Option<&str>) -> Res {
    let encoding = encoding.unwrap_or("utf-8");
    let Some(known) = Known::from_name(encoding) else { return registry::encode_text(t, v, encoding, errors) };
    if let (Some(text), Known::Utf8 | Known::Latin1 | Known::Ascii) = (v.expect::<Str>().as_ascii(), known) {
        return bytes::new(t, text.as_bytes());
    }
    bytes::from_vec(t, encode_known(t, v, known, errors)?)
}

/// Encodes with an encoding done here.
pub fn encode_known(t: &Thread, v: &Value, known: Known, errors: Option<&str>) -> Res<Vec<u8>> {
    let s = v.expect::<Str>();
    if let (Some(text), Known::Utf8 | Known::Latin1 | Known::Ascii) = (s.as_ascii(), known) {
        t.check_alloc(text.len())?;
        let mut out = Vec::new();
        bulk::extend(&mut out, text.as_bytes());
        t.check_stop()?;
        return Ok(out);
    }
    t.check_alloc(s.len() * 4)?;
    let mut out = Vec::with_capacity(s.len() * s.width().min(2) + 4);
    match known {
        Known::Utf16(None) => uc::utf16::push_bom(ByteOrder::Little, &mut out),
        Known::Utf32(None) => uc::utf32::push_bom(ByteOrder::Little, &mut out),
        _ => {}
    }
    let standard = match known {
        Known::Utf8 => Some(Standard::Utf8),
        Known::Utf16(o) => Some(Standard::Utf16(o.unwrap_or(ByteOrder::Little))),
        Known::Utf32(o) => Some(Standard::Utf32(o.unwrap_or(ByteOrder::Little))),
        _ => None,
    };
    let unit = match known {
        Known::Utf16(_) => 2,
        Known::Utf32(_) => 4,
        _ => 1,
    };
    let how = Encoder { name: known.name(), standard, unit };
    encode_with(t, v, how, errors, &mut out, &mut |s, from, out| known.encode_step(s, from, out))?;
    Ok(out)
}

/// What the driver must know of an encoder.
#[derive(Clone, Copy)]
pub struct Encoder {
    /// The name in error messages.
    pub name: &'static str,
    /// For `surrogatepass`.
    pub standard: Option<Standard>,
    /// Bytes a unit: what a handler gives as bytes must be a multiple.
    pub unit: usize,
}

impl Encoder {
    /// An encoder into single bytes.
    pub const fn named(name: &'static str) -> Self {
        Self { name, standard: None, unit: 1 }
    }
}

/// One step of an encoder: units, where to begin, output.
pub type EncodeStep<'a> = &'a mut dyn FnMut(Units<'_>, usize, &mut Vec<u8>) -> Outcome<()>;

/// Encodes the str `v` step by step, asking the error handler at every error.
pub fn encode_with(
    t: &Thread,
    v: &Value,
    how: Encoder,
    errors: Option<&str>,
    out: &mut Vec<u8>,
    step: EncodeStep<'_>,
) -> Res<()> {
    let units = v.expect::<Str>().units();
    let mut from = 0;
    while let Err(e) = step(units, from, out) {
        t.poll()?;
        if out.len() == out.capacity() {
            t.check_alloc(out.len())?;
        }
        from = handle_encode(t, v, how, errors.unwrap_or("strict"), e, out, step)?;
    }
    Ok(())
}

fn encode_error(t: &Thread, v: &Value, how: Encoder, e: CodecError) -> error::Exc {
    error::unicode_error(t, &UNICODE_ENCODE_ERROR, how.name, v, e.start, e.end, e.reason)
}

/// Deals with one error; returns where to go on.
fn handle_encode(
    t: &Thread,
    v: &Value,
    how: Encoder,
    errors: &str,
    e: CodecError,
    out: &mut Vec<u8>,
    step: EncodeStep<'_>,
) -> Res<usize> {
    let units = v.expect::<Str>().units();
    let bad = units.slice(e.start, e.end);
    match errors {
        "strict" => return Err(encode_error(t, v, how, e)),
        "ignore" => return Ok(e.end),
        "surrogateescape" => {
            let mut bytes = Vec::new();
            let n = any_width!(bad, |u| handlers::surrogate_escape_encode(u, &mut bytes));
            if n < bad.len() {
                // These three look at one character after another, so the error names what is left.
                let inline = matches!(how.name, "ascii" | "latin-1" | "utf-8");
                let start = if inline { e.start + n } else { e.start };
                return Err(encode_error(t, v, how, CodecError { start, ..e }));
            }
            if bytes.len() % how.unit != 0 {
                return Err(encode_error(t, v, how, CodecError { end: e.start + 1, ..e }));
            }
            out.extend(bytes);
            return Ok(e.end);
        }
        "surrogatepass" => {
            let passed = how.standard.and_then(|s| any_width!(bad, |u| handlers::surrogate_pass_encode(s, u)));
            let Some(passed) = passed else { return Err(encode_error(t, v, how, e)) };
            out.extend(passed);
            return Ok(e.end);
        }
        _ => {}
    }
    let Some(text) = replace_units(errors, bad, u32::from(b'?')) else {
        return custom_encode(t, v, how, errors, e, out, step);
    };
    let text = text.finish(t)?;
    encode_replacement(t, v, how, e, text.expect::<Str>(), out, step)?;
    Ok(e.end)
}

/// Encodes what a handler put in place; what cannot be encoded either is the original error.
fn encode_replacement(
    t: &Thread,
    v: &Value,
    how: Encoder,
    e: CodecError,
    text: &Str,
    out: &mut Vec<u8>,
    step: EncodeStep<'_>,
) -> Res<()> {
    t.check_alloc(text.len() * 4)?;
    step(text.units(), 0, out).map_err(|_| encode_error(t, v, how, e))
}

fn custom_encode(
    t: &Thread,
    v: &Value,
    how: Encoder,
    name: &str,
    e: CodecError,
    out: &mut Vec<u8>,
    step: EncodeStep<'_>,
) -> Res<usize> {
    let handler = registry::lookup_error(t, name)?;
    let exc = encode_error(t, v, how, e);
    if exc.is_stopped() || !exc.is(&UNICODE_ENCODE_ERROR) {
        return Err(exc);
    }
    let answer = call::call1(t, &handler, exc.value())?;
    let refuse = "encoding error handler must return (str/bytes, int) tuple";
    let (replacement, at) = answer_parts(t, &answer, v.expect::<Str>().len(), refuse, true)?;
    if let Some(data) = bytes::peek(&replacement) {
        if data.len() % how.unit != 0 {
            return Err(exc);
        }
        t.check_alloc(data.len())?;
        out.extend_from_slice(data);
    } else {
        let text = replacement.expect::<Str>();
        if step(text.units(), 0, out).is_err() {
            return Err(exc);
        }
    }
    Ok(at)
}

/// Checks a handler's answer: the replacement and the position to go on at.
fn answer_parts(t: &Thread, answer: &Value, len: usize, refuse: &str, bytes_too: bool) -> Res<(Value, usize)> {
    let items = answer.downcast::<crate::tuple::Tuple>().map(|a| a.items()).unwrap_or(&[]);
    let [replacement, at] = items else { return Err(error::type_error(t, refuse)) };
    let fits = replacement.downcast::<Str>().is_some() || bytes_too && replacement.downcast::<bytes::Bytes>().is_some();
    if !fits {
        return Err(error::type_error(t, refuse));
    }
    let mut at = crate::convert::to_isize(t, at)?;
    if at < 0 {
        at += len as isize;
    }
    if at < 0 || at as usize > len {
        return Err(error::index_error(t, format_args!("position {at} from error handler out of bounds")));
    }
    Ok((replacement.clone(), at as usize))
}

/// `bytes.decode` of any bytes-like object: a str.
pub fn decode_object(t: &Thread, v: &Value, encoding: Option<&str>, errors: Option<&str>) -> Res {
    if let Some(b) = v.downcast::<bytes::Bytes>() {
        return decode(t, v, b.as_slice(), encoding, errors);
    }
    let buffer = buffer::get(t, v, buffer::SIMPLE)?;
    decode(t, v, buffer.as_slice(), encoding, errors)
}

/// Decodes `data`, the contents of `v`.
pub fn decode(t: &Thread, v: &Value, data: &[u8], encoding: Option<&str>, errors: Option<&str>) -> Res {
    let encoding = encoding.unwrap_or("utf-8");
    match Known::from_name(encoding) {
        Some(known) => decode_known(t, v, data, known, errors),
        None => registry::decode_text(t, v, encoding, errors),
    }
}

/// Decodes with an encoding done here.
pub fn decode_known(t: &Thread, v: &Value, data: &[u8], known: Known, errors: Option<&str>) -> Res {
    if known == Known::Latin1 || matches!(known, Known::Utf8 | Known::Ascii) && data.is_ascii() {
        return strs::from_latin1(t, data);
    }
    let (out, _) = decode_prefix(t, v, data, known, errors, true)?;
    out.finish(t)
}

/// As [`decode_known`], for a stateful decoder: with `last` false an incomplete tail stays unconsumed. Returns the text
/// and the length consumed.
pub fn decode_prefix(
    t: &Thread,
    v: &Value,
    data: &[u8],
    known: Known,
    errors: Option<&str>,
    last: bool,
) -> Res<(StrBuilder, usize)> {
    let (order, skip) = match known {
        Known::Utf16(None) => uc::utf16::sniff(data),
        Known::Utf32(None) => uc::utf32::sniff(data),
        Known::Utf16(o) | Known::Utf32(o) => (o, 0),
        _ => (None, 0),
    };
    let order = order.unwrap_or(ByteOrder::Little);
    let (name, standard) = match known {
        Known::Utf16(_) => (Known::Utf16(Some(order)).name(), Some(Standard::Utf16(order))),
        Known::Utf32(_) => (Known::Utf32(Some(order)).name(), Some(Standard::Utf32(order))),
        Known::Utf8 => (known.name(), Some(Standard::Utf8)),
        _ => (known.name(), None),
    };
    let how = Decoder { name, standard, last, from: skip };
    decode_with(t, v, data, how, errors, &mut |data, from, last, out| match known {
        Known::Utf8 => uc::utf8::decode(data, from, last, out),
        Known::Ascii => uc::ascii::decode(data, from, out),
        Known::Latin1 => {
            uc::latin1::decode(data.get(from..).unwrap_or(&[]), out);
            Ok(data.len())
        }
        Known::Utf16(_) => uc::utf16::decode(data, from, last, order, out),
        Known::Utf32(_) => uc::utf32::decode(data, from, last, order, out),
    })
}

/// What the driver must know of a decoder.
#[derive(Clone, Copy)]
pub struct Decoder {
    /// The name in error messages.
    pub name: &'static str,
    /// For `surrogatepass`.
    pub standard: Option<Standard>,
    /// Nothing follows: an incomplete tail is an error.
    pub last: bool,
    /// Where to begin.
    pub from: usize,
}

impl Decoder {
    /// A decoder of a whole input.
    pub const fn named(name: &'static str, last: bool) -> Self {
        Self { name, standard: None, last, from: 0 }
    }
}

/// One step of a decoder: input, where to begin, whether it ends here, output.
pub type DecodeStep<'a> = &'a mut dyn FnMut(&[u8], usize, bool, &mut StrBuilder) -> Outcome<usize>;

/// How much is decoded between two looks at the breaker.
const CHUNK: usize = 1 << 18;

/// Decodes step by step, asking the error handler at every error. Returns the text and the length consumed.
pub fn decode_with(
    t: &Thread,
    v: &Value,
    data: &[u8],
    how: Decoder,
    errors: Option<&str>,
    step: DecodeStep<'_>,
) -> Res<(StrBuilder, usize)> {
    t.check_alloc(data.len())?;
    let mut out = StrBuilder::with_capacity(data.len());
    let mut input = Cow::Borrowed(data);
    let mut object = Value::ABSENT;
    let mut from = how.from;
    loop {
        let end = input.len().min(from.saturating_add(CHUNK));
        let last = how.last && end == input.len();
        match step(&input[..end], from, last, &mut out) {
            Ok(done) if end == input.len() => return Ok((out, done)),
            Ok(done) => {
                t.poll()?;
                if done <= from {
                    return Err(error::system_error(t, "a decoder makes no progress"));
                }
                from = done;
                if out.is_wide() {
                    t.check_alloc(out.len() * 4)?;
                }
            }
            Err(e) => {
                t.poll()?;
                if object.is_absent() {
                    object = if v.exact::<bytes::Bytes>().is_some() { v.clone() } else { bytes::new(t, data)? };
                }
                let fixed = handle_decode(t, &object, &input, how, errors.unwrap_or("strict"), e, &mut out)?;
                from = fixed.0;
                if let Some(other) = fixed.1 {
                    let Some(data) = other.downcast::<bytes::Bytes>() else {
                        return Err(error::type_error(t, "exception attribute object must be bytes"));
                    };
                    input = Cow::Owned(data.as_slice().to_vec());
                    object = other;
                }
            }
        }
    }
}

/// Deals with one error; returns where to go on, and the object to go on with if the handler changed it.
fn handle_decode(
    t: &Thread,
    object: &Value,
    input: &[u8],
    how: Decoder,
    errors: &str,
    e: CodecError,
    out: &mut StrBuilder,
) -> Res<(usize, Option<Value>)> {
    let make = || error::unicode_error(t, &UNICODE_DECODE_ERROR, how.name, object, e.start, e.end, e.reason);
    let bad = &input[e.start..e.end];
    match errors {
        "strict" => Err(make()),
        "ignore" => Ok((e.end, None)),
        "replace" => {
            out.push(0xFFFD);
            Ok((e.end, None))
        }
        "backslashreplace" => {
            handlers::backslash_replace(bad, out);
            Ok((e.end, None))
        }
        "surrogateescape" => match handlers::surrogate_escape_decode(bad, out) {
            0 => Err(make()),
            n => Ok((e.start + n, None)),
        },
        "surrogatepass" => {
            let passed = how.standard.and_then(|s| handlers::surrogate_pass_decode(s, &input[e.start..]));
            let Some((c, n)) = passed else { return Err(make()) };
            out.push(c);
            Ok((e.start + n, None))
        }
        "xmlcharrefreplace" | "namereplace" => {
            Err(error::type_error(t, "don't know how to handle UnicodeDecodeError in error callback"))
        }
        name => {
            let handler = registry::lookup_error(t, name)?;
            let exc = make();
            if exc.is_stopped() || !exc.is(&UNICODE_DECODE_ERROR) {
                return Err(exc);
            }
            let answer = call::call1(t, &handler, exc.value())?;
            let now = crate::attr::get_text(t, exc.value(), "object")?;
            let changed = !now.is(object);
            let len = match now.downcast::<bytes::Bytes>() {
                Some(b) => b.as_slice().len(),
                None => return Err(error::type_error(t, "exception attribute object must be bytes")),
            };
            let refuse = "decoding error handler must return (str, int) tuple";
            let (replacement, at) = answer_parts(t, &answer, len, refuse, false)?;
            out.push_value(replacement.expect::<Str>());
            Ok((at, changed.then_some(now)))
        }
    }
}

/// The text that handler `name` puts in place of units that could not be encoded; `mark` is `replace`'s.
pub(crate) fn replace_units(name: &str, bad: Units<'_>, mark: u32) -> Option<StrBuilder> {
    let mut text = StrBuilder::new();
    match name {
        "ignore" => {}
        "replace" => text.push_n(mark, bad.len()),
        "backslashreplace" => any_width!(bad, |u| handlers::backslash_replace(u, &mut text)),
        "xmlcharrefreplace" => any_width!(bad, |u| handlers::xml_char_ref_replace(u, &mut text)),
        "namereplace" => any_width!(bad, |u| handlers::name_replace(u, &mut text)),
        _ => return None,
    }
    Some(text)
}

/// The bytes that the surrogate handlers put in place of units.
pub(crate) fn escape_units(name: &str, encoding: &str, bad: Units<'_>) -> Option<Vec<u8>> {
    if name == "surrogatepass" {
        let standard = Standard::from_name(encoding)?;
        return any_width!(bad, |u| handlers::surrogate_pass_encode(standard, u));
    }
    let mut out = Vec::new();
    let n = any_width!(bad, |u| handlers::surrogate_escape_encode(u, &mut out));
    (n == bad.len()).then_some(out)
}

/// The text that handler `name` puts in place of bytes that could not be decoded, and where to go on.
pub(crate) fn replace_bytes(
    name: &str,
    encoding: &str,
    data: &[u8],
    start: usize,
    end: usize,
) -> Option<(StrBuilder, usize)> {
    let mut text = StrBuilder::new();
    let bad = data.get(start..end).unwrap_or(&[]);
    match name {
        "ignore" => {}
        "replace" => text.push(0xFFFD),
        "backslashreplace" => handlers::backslash_replace(bad, &mut text),
        "surrogateescape" => {
            let n = handlers::surrogate_escape_decode(bad, &mut text);
            return (n > 0).then_some((text, start + n));
        }
        "surrogatepass" => {
            let standard = Standard::from_name(encoding)?;
            let (c, n) = handlers::surrogate_pass_decode(standard, data.get(start..).unwrap_or(&[]))?;
            text.push(c);
            return Some((text, start + n));
        }
        _ => return None,
    }
    Some((text, end))
}
