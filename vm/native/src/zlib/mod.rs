//! zlib.

mod compress;
mod decompress;
mod incremental;
mod stream;

use crate::binascii::{crc32, mask_arg};
use crate::feed::PIECE;
use crate::input::Input;
use std::ffi::c_int;
use stream::{
    Deflate, Stream, Z_BUF_ERROR, Z_DATA_ERROR, Z_FINISH, Z_NO_FLUSH, Z_OK, Z_STREAM_END, Z_STREAM_ERROR, Z_SYNC_FLUSH,
};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::native::{MethodDef, ModuleDef, def};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions::{EXCEPTION, Exception};
use typhon_object::types::{bytes, module};
use typhon_object::{Thread, Value, convert, names, strs};

/// zlib.
pub static MODULE: ModuleDef = ModuleDef {
    name: "zlib",
    doc: "The functions in this module allow compression and decompression using the\nzlib library, which is based on GNU zip.\n\nadler32(string[, start]) -- Compute an Adler-32 checksum.\ncompress(data[, level]) -- Compress data, with compression level 0-9 or -1.\ncompressobj([level[, ...]]) -- Return a compressor object.\ncrc32(string[, start]) -- Compute a CRC-32 checksum.\ndecompress(string,[wbits],[bufsize]) -- Decompresses a compressed string.\ndecompressobj([wbits[, zdict]]) -- Return a decompressor object.\n\n'wbits' is window buffer size and container format.\nCompressor objects support compress() and flush() methods; decompressor\nobjects support decompress() and flush().",
    functions: FUNCTIONS,
    types: &[
        ("error", &ERROR),
        ("_ZlibDecompressor", &incremental::ZLIB_DECOMPRESSOR),
        ("", &compress::COMPRESS),
        ("", &decompress::DECOMPRESS),
    ],
    init: Some(init),
};

/// zlib.error.
static ERROR: TypeDef = TypeDef {
    name: "zlib.error",
    base: Some(&EXCEPTION),
    flags: flag::BASETYPE | flag::EXCEPTION,
    ..TypeDef::of::<Exception>()
};

const FUNCTIONS: &[MethodDef] = &[
    def(
        "adler32",
        "($module, data, value=1, /)",
        adler32,
        "Compute an Adler-32 checksum of data.\n\n  value\n    Starting value of the checksum.\n\nThe returned checksum is an integer.",
    ),
    def(
        "compress",
        "($module, data, /, level=Z_DEFAULT_COMPRESSION, wbits=MAX_WBITS)",
        compress_all,
        "Returns a bytes object containing compressed data.\n\n  data\n    Binary data to be compressed.\n  level\n    Compression level, in 0-9 or -1.\n  wbits\n    The window buffer size and container format.",
    ),
    def(
        "compressobj",
        "($module, /, level=Z_DEFAULT_COMPRESSION, method=DEFLATED,\n            wbits=MAX_WBITS, memLevel=DEF_MEM_LEVEL,\n            strategy=Z_DEFAULT_STRATEGY, zdict=<unrepresentable>)",
        compress::new,
        "Return a compressor object.",
    ),
    def(
        "crc32",
        "($module, data, value=0, /)",
        crc32,
        "Compute a CRC-32 checksum of data.\n\n  value\n    Starting value of the checksum.\n\nThe returned checksum is an integer.",
    ),
    def(
        "decompress",
        "($module, data, /, wbits=MAX_WBITS, bufsize=DEF_BUF_SIZE)",
        decompress_all,
        "Returns a bytes object containing the uncompressed data.\n\n  data\n    Compressed data.\n  wbits\n    The window buffer size and container format.\n  bufsize\n    The initial output buffer size.",
    ),
    def(
        "decompressobj",
        "($module, /, wbits=MAX_WBITS, zdict=b'')",
        decompress::new,
        "Return a decompressor object.\n\n  wbits\n    The window buffer size and container format.\n  zdict\n    The predefined compression dictionary.  This must be the same\n    dictionary as used by the compressor that produced the input data.",
    ),
];

const NUMBERS: &[(&str, i64)] = &[
    ("MAX_WBITS", 15),
    ("DEFLATED", 8),
    ("DEF_MEM_LEVEL", 8),
    ("DEF_BUF_SIZE", 16384),
    ("Z_NO_COMPRESSION", 0),
    ("Z_BEST_SPEED", 1),
    ("Z_BEST_COMPRESSION", 9),
    ("Z_DEFAULT_COMPRESSION", -1),
    ("Z_FILTERED", 1),
    ("Z_HUFFMAN_ONLY", 2),
    ("Z_RLE", 3),
    ("Z_FIXED", 4),
    ("Z_DEFAULT_STRATEGY", 0),
    ("Z_NO_FLUSH", 0),
    ("Z_PARTIAL_FLUSH", 1),
    ("Z_SYNC_FLUSH", 2),
    ("Z_FULL_FLUSH", 3),
    ("Z_FINISH", 4),
    ("Z_BLOCK", 5),
    ("Z_TREES", 6),
];

fn init(t: &Thread, this: &Value) -> Res<()> {
    let dict = module::dict_of(t, this);
    let set = |name: &str, v: Value| Dict::of(&dict).set_str(t, &names::intern_text(t, name), v);
    NUMBERS.iter().try_for_each(|&(name, n)| set(name, Value::small(n)))?;
    // The version of zlib whose interface and formats these are.
    for name in ["ZLIB_VERSION", "ZLIB_RUNTIME_VERSION"] {
        set(name, strs::new(t, "1.3.1")?)?;
    }
    set("__version__", strs::new(t, "1.0")?)
}

/// A `zlib.error`: "Error -3 while ...: why".
fn fail(t: &Thread, code: c_int, doing: &str, message: Option<String>) -> Exc {
    let standard = match code {
        Z_BUF_ERROR => Some("incomplete or truncated stream"),
        Z_STREAM_ERROR => Some("inconsistent stream state"),
        Z_DATA_ERROR => Some("invalid input data"),
        _ => None,
    };
    match message.or(standard.map(str::to_string)) {
        Some(why) => error::new(t, &ERROR, format_args!("Error {code} {doing}: {why}")),
        None => error::new(t, &ERROR, format_args!("Error {code} {doing}")),
    }
}

/// An optional int argument.
fn int_arg(t: &Thread, v: &Value, default: i32) -> Res<i32> {
    v.opt().map_or(Ok(default), |v| convert::to_i32(t, v))
}

fn adler32(t: &Thread, a: &[Value]) -> Res {
    let mut sum = a[1].opt().map_or(Ok(1), |v| mask_arg(t, v))?;
    let data = Input::get(t, &a[0])?;
    for piece in data.chunks(1 << 18) {
        sum = stream::adler32(sum, piece);
        t.poll_yielding()?;
    }
    Ok(Value::small(i64::from(sum)))
}

fn compress_all(t: &Thread, a: &[Value]) -> Res {
    let data = Input::get(t, &a[0])?;
    let (level, wbits) = (int_arg(t, &a[1], -1)?, int_arg(t, &a[2], 15)?);
    let how = Deflate { level, method: 8, wbits, mem_level: 8, strategy: 0 };
    let mut stream = match Stream::deflate(t, how)? {
        Ok(stream) => stream,
        Err(Z_STREAM_ERROR) => return Err(error::new(t, &ERROR, "Bad compression level")),
        Err(code) => return Err(fail(t, code, "while compressing data", None)),
    };
    let mut out = Vec::new();
    match pump(t, &mut stream, &data, &mut out, Z_FINISH)? {
        Z_STREAM_END => bytes::from_vec(t, out),
        code => Err(fail(t, code, "while compressing data", stream.message())),
    }
}

/// Compresses all of `data`; the last piece is flushed as asked. Zlib's last code.
fn pump(t: &Thread, stream: &mut Stream, data: &[u8], out: &mut Vec<u8>, flush: c_int) -> Res<c_int> {
    let mut at = 0;
    loop {
        let piece = &data[at..data.len().min(at + PIECE)];
        let how = if at + piece.len() == data.len() { flush } else { Z_NO_FLUSH };
        t.check_alloc(out.len() + PIECE)?;
        let before = out.len();
        let (used, code) = stream.step(piece, out, PIECE, how);
        at += used;
        t.poll_yielding()?;
        let stuck = code == Z_BUF_ERROR || out.len() - before < PIECE && at == data.len() && how == flush;
        if code != Z_OK && code != Z_BUF_ERROR || stuck && !(flush == Z_FINISH && code == Z_OK) {
            return Ok(code);
        }
    }
}

fn decompress_all(t: &Thread, a: &[Value]) -> Res {
    let data = Input::get(t, &a[0])?;
    let wbits = int_arg(t, &a[1], 15)?;
    if a[2].opt().map_or(Ok(0), |v| convert::to_isize(t, v))? < 0 {
        return Err(error::value_error(t, "bufsize must be non-negative"));
    }
    let mut stream = match Stream::inflate(t, wbits)? {
        Ok(stream) => stream,
        Err(code) => return Err(fail(t, code, "while preparing to decompress data", None)),
    };
    let (mut out, mut at) = (Vec::new(), 0);
    loop {
        t.check_alloc(out.len() + PIECE)?;
        let before = out.len();
        let (used, code) = stream.step(&data[at..data.len().min(at + PIECE)], &mut out, PIECE, Z_SYNC_FLUSH);
        at += used;
        t.poll_yielding()?;
        match code {
            Z_STREAM_END => return bytes::from_vec(t, out),
            Z_OK | Z_BUF_ERROR if at < data.len() || out.len() - before == PIECE => {}
            Z_OK | Z_BUF_ERROR => return Err(fail(t, Z_BUF_ERROR, "while decompressing data", None)),
            code => return Err(fail(t, code, "while decompressing data", stream.message())),
        }
    }
}
