//! _lzma.

mod compressor;
mod decompressor;
mod filters;

use liblzma::stream::{Check, Error};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::native::{ModuleDef, def};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::{EXCEPTION, Exception};
use typhon_object::types::module;
use typhon_object::{Thread, Value, convert, names};

/// _lzma.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_lzma",
    doc: "",
    functions: &[
        def(
            "is_check_supported",
            "($module, check_id, /)",
            |t, a| {
                let id = convert::to_i32(t, &a[0])?;
                Ok(Value::bool(check_of(id).is_some()))
            },
            "Test whether the given integrity check is supported.\n\nAlways returns True for CHECK_NONE and CHECK_CRC32.",
        ),
        def(
            "_encode_filter_properties",
            "($module, filter, /)",
            filters::encode_properties,
            "Return a bytes object encoding the options (properties) of the filter specified by *filter* (a dict).\n\nThe result does not include the filter ID itself, only the options.",
        ),
        def(
            "_decode_filter_properties",
            "($module, filter_id, encoded_props, /)",
            filters::decode_properties,
            "Return a dict describing the filter's options (properties).\n\nThe filter's options are given by *encoded_props*.",
        ),
    ],
    types: &[
        ("LZMAError", &LZMA_ERROR),
        ("LZMACompressor", &compressor::COMPRESSOR),
        ("LZMADecompressor", &decompressor::DECOMPRESSOR),
    ],
    init: Some(init),
};

static LZMA_ERROR: TypeDef = TypeDef {
    name: "_lzma.LZMAError",
    doc: "Call to liblzma failed.",
    base: Some(&EXCEPTION),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

/// Container formats.
const AUTO: i32 = 0;
const XZ: i32 = 1;
const ALONE: i32 = 2;
const RAW: i32 = 3;
/// The check is not known yet.
const CHECK_UNKNOWN: i64 = 16;

const NUMBERS: &[(&str, i64)] = &[
    ("FORMAT_AUTO", AUTO as i64),
    ("FORMAT_XZ", XZ as i64),
    ("FORMAT_ALONE", ALONE as i64),
    ("FORMAT_RAW", RAW as i64),
    ("CHECK_NONE", 0),
    ("CHECK_CRC32", 1),
    ("CHECK_CRC64", 4),
    ("CHECK_SHA256", 10),
    ("CHECK_ID_MAX", 15),
    ("CHECK_UNKNOWN", CHECK_UNKNOWN),
    ("FILTER_LZMA2", filters::LZMA2 as i64),
    ("FILTER_DELTA", filters::DELTA as i64),
    ("FILTER_X86", 4),
    ("FILTER_POWERPC", 5),
    ("FILTER_IA64", 6),
    ("FILTER_ARM", 7),
    ("FILTER_ARMTHUMB", 8),
    ("FILTER_SPARC", 9),
    ("MF_HC3", 3),
    ("MF_HC4", 4),
    ("MF_BT2", 0x12),
    ("MF_BT3", 0x13),
    ("MF_BT4", 0x14),
    ("MODE_FAST", 1),
    ("MODE_NORMAL", 2),
    ("PRESET_DEFAULT", 6),
    ("PRESET_EXTREME", 1 << 31),
];

fn init(t: &Thread, this: &Value) -> Res<()> {
    let dict = module::dict_of(t, this);
    let set = |name: &str, v: Value| Dict::of(&dict).set_str(t, &names::intern_text(t, name), v);
    NUMBERS.iter().try_for_each(|&(name, n)| set(name, Value::small(n)))?;
    set("FILTER_LZMA1", convert::from_u64(t, filters::LZMA1)?)
}

fn check_of(id: i32) -> Option<Check> {
    Some(match id {
        0 => Check::None,
        1 => Check::Crc32,
        4 => Check::Crc64,
        10 => Check::Sha256,
        _ => return None,
    })
}

/// An `LZMAError`.
fn fail(t: &Thread, text: impl std::fmt::Display) -> Exc {
    error::new(t, &LZMA_ERROR, text)
}

/// The error of a library call.
fn failed(t: &Thread, e: Error) -> Exc {
    match e {
        Error::Mem => t.memory_error(),
        Error::MemLimit => fail(t, "Memory usage limit exceeded"),
        Error::Format => fail(t, "Input format not supported by decoder"),
        Error::Options => fail(t, "Invalid or unsupported options"),
        Error::Data => fail(t, "Corrupt input data"),
        Error::UnsupportedCheck => fail(t, "Unsupported integrity check"),
        Error::NoCheck | Error::Program => fail(t, "Internal error"),
    }
}
