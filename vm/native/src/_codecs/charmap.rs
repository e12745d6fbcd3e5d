//! charmap: the codec with mappings given by Python.

use super::{any_width, errors_arg, pair, text_arg};
use typhon_object::codec::{self, Decoder, Encoder, Known};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::native::def;
use typhon_object::strs::{Str, StrBuilder, Units};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::LOOKUP_ERROR;
use typhon_object::types::{bytes, int};
use typhon_object::{Thread, Value, buffer, convert, ops, payload, type_of};
use typhon_unicode::codec::charmap::{self, EncodeMap, UNDEFINED};
use typhon_unicode::codec::{CodecError, Outcome};

const REASON: &str = "character maps to <undefined>";

/// What `charmap_build` makes.
#[repr(C)]
pub struct EncodingMap {
    header: Header,
    map: EncodeMap,
}

typhon_object::payload!(EncodingMap => ENCODING_MAP);

/// EncodingMap.
pub(super) static ENCODING_MAP: TypeDef = TypeDef {
    name: "EncodingMap",
    flags: flag::NO_NEW,
    methods: &[def(
        "size",
        "($self, /)",
        |_, _| Ok(convert::from_usize(size_of::<EncodeMap>())),
        "Return the size (in bytes) of this object",
    )],
    ..TypeDef::of::<EncodingMap>()
};

pub(super) fn build(t: &Thread, a: &[Value]) -> Res {
    let s = text_arg(t, &a[0], "charmap_build", "")?;
    if s.is_empty() {
        return Err(error::type_error(t, "bad argument type for built-in operation"));
    }
    if let Some(map) = any_width!(s.units(), |u| EncodeMap::new(u)) {
        return payload::new(t, |header| EncodingMap { header, map });
    }
    let made = Dict::create(t);
    for (i, c) in s.units().iter().take(256).enumerate() {
        Dict::of(&made).set(t, &Value::small(i64::from(c)), &convert::from_usize(i))?;
    }
    Ok(made)
}

pub(super) fn encode(t: &Thread, a: &[Value]) -> Res {
    let s = text_arg(t, &a[0], "charmap_encode", " 1")?;
    let errors = errors_arg(t, a.get(1), "charmap_encode")?;
    let errors = errors.as_deref();
    let how = Encoder::named("charmap");
    let mut out = Vec::with_capacity(s.len());
    match a[2].non_none() {
        None => out = codec::encode_known(t, &a[0], Known::Latin1, errors)?,
        Some(mapping) => match mapping.downcast::<EncodingMap>() {
            Some(map) => codec::encode_with(t, &a[0], how, errors, &mut out, &mut |s, from, out| {
                any_width!(s, |u| charmap::encode(u, from, &map.map, out))
            })?,
            None => {
                let mut failed = None;
                let place = |s: Units<'_>| any_width!(s, |u| u.as_ptr() as usize);
                let source = place(s.units());
                codec::encode_with(t, &a[0], how, errors, &mut out, &mut |s, from, out| {
                    encode_step(t, mapping, s, from, out, place(s) == source, &mut failed)
                })?;
                if let Some(e) = failed {
                    return Err(e);
                }
            }
        },
    }
    pair(t, bytes::from_vec(t, out)?, s.len())
}

/// Encodes through a mapping. An exception of the mapping is kept in `failed`; then nothing more is done. With `ahead`, as
/// for the text itself, such an exception comes before the error of what stands in front of it; without, behind.
fn encode_step(
    t: &Thread,
    mapping: &Value,
    s: Units<'_>,
    from: usize,
    out: &mut Vec<u8>,
    ahead: bool,
    failed: &mut Option<Exc>,
) -> Outcome<()> {
    if failed.is_some() {
        return Ok(());
    }
    let mut bad: Option<usize> = None;
    for i in from..s.len() {
        let known = match encode_one(t, mapping, s.at(i)) {
            Ok(known) => known,
            Err(e) => match bad {
                Some(start) if !ahead => return Err(CodecError { start, end: i, reason: REASON }),
                _ => {
                    *failed = Some(e);
                    return Ok(());
                }
            },
        };
        match (known, bad) {
            (None, None) => bad = Some(i),
            (None, Some(_)) => {}
            (Some(_), Some(start)) => return Err(CodecError { start, end: i, reason: REASON }),
            (Some(data), None) => out.extend(data),
        }
    }
    match bad {
        Some(start) => Err(CodecError { start, end: s.len(), reason: REASON }),
        None => Ok(()),
    }
}

/// A mapping's entry; `None` if there is none.
fn entry(t: &Thread, mapping: &Value, key: u32) -> Res<Option<Value>> {
    match ops::getitem(t, mapping, &Value::small(i64::from(key))) {
        Ok(v) if v.is_none() => Ok(None),
        Ok(v) => Ok(Some(v)),
        Err(e) if e.is(&LOOKUP_ERROR) => Ok(None),
        Err(e) => Err(e),
    }
}

fn encode_one(t: &Thread, mapping: &Value, c: u32) -> Res<Option<Vec<u8>>> {
    t.poll()?;
    let Some(to) = entry(t, mapping, c)? else { return Ok(None) };
    if int::is_int(&to) {
        return match int::to_i64(&to).and_then(|i| u8::try_from(i).ok()) {
            Some(b) => Ok(Some(vec![b])),
            None => Err(error::type_error(t, "character mapping must be in range(256)")),
        };
    }
    match to.downcast::<bytes::Bytes>() {
        Some(data) => Ok(Some(data.as_slice().to_vec())),
        None => {
            let name = type_of(&to).name();
            Err(error::type_error(t, format_args!("character mapping must return integer, bytes or None, not {name}")))
        }
    }
}

pub(super) fn decode(t: &Thread, a: &[Value]) -> Res {
    let lent = buffer::get(t, &a[0], buffer::SIMPLE)?;
    let errors = errors_arg(t, a.get(1), "charmap_decode")?;
    let errors = errors.as_deref();
    let how = Decoder::named("charmap", true);
    let data = lent.as_slice();
    let Some(mapping) = a[2].non_none() else {
        return pair(t, codec::decode_known(t, &a[0], data, Known::Latin1, errors)?, data.len());
    };
    let (text, n) = match mapping.downcast::<Str>() {
        Some(table) => codec::decode_with(t, &a[0], data, how, errors, &mut |data, from, _, out| {
            any_width!(table.units(), |u| charmap::decode(data, from, u, out))
        })?,
        None => {
            let mut failed = None;
            let made = codec::decode_with(t, &a[0], data, how, errors, &mut |data, from, _, out| {
                decode_step(t, mapping, data, from, out, &mut failed)
            })?;
            if let Some(e) = failed {
                return Err(e);
            }
            made
        }
    };
    pair(t, text.finish(t)?, n)
}

fn decode_step(
    t: &Thread,
    mapping: &Value,
    data: &[u8],
    from: usize,
    out: &mut StrBuilder,
    failed: &mut Option<Exc>,
) -> Outcome<usize> {
    if failed.is_some() {
        return Ok(data.len());
    }
    for (i, &b) in data.iter().enumerate().skip(from) {
        match decode_one(t, mapping, b, out) {
            Ok(true) => {}
            Ok(false) => return Err(CodecError { start: i, end: i + 1, reason: REASON }),
            Err(e) => {
                *failed = Some(e);
                return Ok(data.len());
            }
        }
    }
    Ok(data.len())
}

/// Appends what a byte maps to; false if that is undefined.
fn decode_one(t: &Thread, mapping: &Value, b: u8, out: &mut StrBuilder) -> Res<bool> {
    t.poll()?;
    let Some(to) = entry(t, mapping, u32::from(b))? else { return Ok(false) };
    if int::is_int(&to) {
        return match int::to_i64(&to).and_then(|i| u32::try_from(i).ok()).filter(|&c| c < 0x11_0000) {
            Some(UNDEFINED) => Ok(false),
            Some(c) => {
                out.push(c);
                Ok(true)
            }
            None => Err(error::type_error(t, "character mapping must be in range(0x110000)")),
        };
    }
    match to.downcast::<Str>() {
        Some(s) if s.len() == 1 && s.at(0) == UNDEFINED => Ok(false),
        Some(s) => {
            out.push_value(s);
            Ok(true)
        }
        None => Err(error::type_error(t, "character mapping must return integer, None or str")),
    }
}
