//! zlib.Compress: the compressor object.

use super::stream::{
    Deflate, Stream, Z_BUF_ERROR, Z_FINISH, Z_MEM_ERROR, Z_NO_FLUSH, Z_OK, Z_STREAM_END, Z_STREAM_ERROR,
};
use super::{fail, int_arg, pump};
use crate::exclusive::{Exclusive, Exclusively, with};
use crate::input::Input;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::def;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, payload};

/// The object; without a stream once it has been finished.
#[repr(C)]
pub(super) struct Compress {
    header: Header,
    stream: Exclusive<Option<Stream>>,
}

typhon_object::payload!(Compress => COMPRESS);

impl Exclusively for Compress {
    type Held = Option<Stream>;

    fn held(&self) -> &Exclusive<Option<Stream>> {
        &self.stream
    }
}

/// zlib.Compress.
pub(super) static COMPRESS: TypeDef = TypeDef {
    name: "zlib.Compress",
    flags: flag::NO_NEW,
    methods: &[
        def(
            "compress",
            "($self, data, /)",
            compress,
            "Returns a bytes object containing compressed data.\n\n  data\n    Binary data to be compressed.\n\nAfter calling this function, some of the input data may still\nbe stored in internal buffers for later processing.\nCall the flush() method to clear these buffers.",
        ),
        def(
            "flush",
            "($self, mode=zlib.Z_FINISH, /)",
            flush,
            "Return a bytes object containing any remaining compressed data.\n\n  mode\n    One of the constants Z_SYNC_FLUSH, Z_FULL_FLUSH, Z_FINISH.\n    If mode == Z_FINISH, the compressor object can no longer be\n    used after calling the flush() method.  Otherwise, more data\n    can still be compressed.",
        ),
        def("copy", "($self, /)", copy, "Return a copy of the compression object."),
        def("__copy__", "($self, /)", copy, ""),
        def("__deepcopy__", "($self, memo, /)", copy, ""),
    ],
    ..TypeDef::of::<Compress>()
};

/// `zlib.compressobj(...)`.
pub(super) fn new(t: &Thread, a: &[Value]) -> Res {
    let how = Deflate {
        level: int_arg(t, &a[0], -1)?,
        method: int_arg(t, &a[1], 8)?,
        wbits: int_arg(t, &a[2], 15)?,
        mem_level: int_arg(t, &a[3], 8)?,
        strategy: int_arg(t, &a[4], 0)?,
    };
    let dictionary = a[5].opt().map(|v| Input::get(t, v)).transpose()?;
    if how.method != 8 {
        return Err(error::value_error(t, "Invalid initialization option"));
    }
    let mut stream = match Stream::deflate(t, how)? {
        Ok(stream) => stream,
        Err(Z_STREAM_ERROR) => return Err(error::value_error(t, "Invalid initialization option")),
        Err(Z_MEM_ERROR) => return Err(t.memory_error()),
        Err(code) => return Err(fail(t, code, "while creating compression object", None)),
    };
    if let Some(dictionary) = dictionary {
        match stream.set_dictionary(&dictionary) {
            Z_OK => {}
            Z_STREAM_ERROR => return Err(error::value_error(t, "Invalid dictionary")),
            _ => return Err(error::value_error(t, "deflateSetDictionary() failed")),
        }
    }
    wrap(t, stream)
}

fn wrap(t: &Thread, stream: Stream) -> Res {
    payload::new(t, |header| Compress { header, stream: Exclusive::new(Some(stream)) })
}

fn compress(t: &Thread, a: &[Value]) -> Res {
    let data = Input::get(t, &a[1])?;
    with::<Compress, _>(t, &a[0], |stream| {
        let Some(stream) = stream else { return Err(fail(t, Z_STREAM_ERROR, "while compressing data", None)) };
        let mut out = Vec::new();
        match pump(t, stream, &data, &mut out, Z_NO_FLUSH)? {
            Z_STREAM_ERROR => Err(fail(t, Z_STREAM_ERROR, "while compressing data", stream.message())),
            _ => bytes::from_vec(t, out),
        }
    })
}

fn flush(t: &Thread, a: &[Value]) -> Res {
    let mode = int_arg(t, &a[1], Z_FINISH)?;
    if mode == Z_NO_FLUSH {
        return bytes::new(t, b"");
    }
    with::<Compress, _>(t, &a[0], |slot| {
        let Some(stream) = slot else { return Err(fail(t, Z_STREAM_ERROR, "while flushing", None)) };
        let mut out = Vec::new();
        match pump(t, stream, b"", &mut out, mode)? {
            Z_STREAM_END if mode == Z_FINISH => *slot = None,
            Z_OK | Z_BUF_ERROR => {}
            code => return Err(fail(t, code, "while flushing", stream.message())),
        }
        bytes::from_vec(t, out)
    })
}

fn copy(t: &Thread, a: &[Value]) -> Res {
    with::<Compress, _>(t, &a[0], |stream| {
        let Some(stream) = stream else { return Err(error::value_error(t, "Inconsistent stream state")) };
        match stream.copy(t)? {
            Ok(copied) => wrap(t, copied),
            Err(Z_MEM_ERROR) => Err(t.memory_error()),
            Err(_) => Err(error::value_error(t, "Inconsistent stream state")),
        }
    })
}
