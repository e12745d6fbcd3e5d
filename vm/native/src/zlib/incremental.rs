//! zlib._ZlibDecompressor: the decompressor that keeps its input, as gzip wants it.

use super::decompress::{dictionary_arg, open, set_dictionary};
use super::stream::{Stream, Z_BUF_ERROR, Z_NEED_DICT, Z_OK, Z_STREAM_END, Z_SYNC_FLUSH};
use super::{fail, int_arg};
use crate::ctor::bind;
use crate::feed::{Decoder, Feed, Step, busy, max_length};
use crate::input::Input;
use std::cell::RefCell;
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::ty::TypeDef;
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, payload};

/// The object.
#[repr(C)]
pub(super) struct ZlibDecompressor {
    header: Header,
    feed: RefCell<Feed<Inflater>>,
}

typhon_object::payload!(ZlibDecompressor => ZLIB_DECOMPRESSOR);

struct Inflater {
    stream: Stream,
    dictionary: Option<Vec<u8>>,
}

impl Decoder for Inflater {
    const ENDED: &'static str = "End of stream already reached";

    fn decode(&mut self, t: &Thread, input: &[u8], out: &mut Vec<u8>, room: usize) -> Res<Step> {
        let (before, mut consumed) = (out.len(), 0);
        loop {
            let left = room - (out.len() - before);
            let (used, code) = self.stream.step(&input[consumed..], out, left, Z_SYNC_FLUSH);
            consumed += used;
            match (code, &self.dictionary) {
                (Z_NEED_DICT, Some(dictionary)) => set_dictionary(t, &mut self.stream, dictionary)?,
                (Z_OK | Z_BUF_ERROR | Z_STREAM_END, _) => return Ok(Step { consumed, ended: code == Z_STREAM_END }),
                (code, _) => return Err(fail(t, code, "while decompressing data", self.stream.message())),
            }
        }
    }
}

/// zlib._ZlibDecompressor.
pub(super) static ZLIB_DECOMPRESSOR: TypeDef = TypeDef {
    name: "zlib._ZlibDecompressor",
    doc: "Create a decompressor object for decompressing data incrementally.\n\n  wbits = 15\n  zdict\n     The predefined compression dictionary. This is a sequence of bytes\n     (such as a bytes object) containing subsequences that are expected\n     to occur frequently in the data that is to be compressed. Those\n     subsequences that are expected to be most common should come at the\n     end of the dictionary. This must be the same dictionary as used by the\n     compressor that produced the input data.\n\n",
    signature: "(wbits=15, zdict=b'')",
    slots: Slots { new: Some(|t, class, args| bind(t, &NEW, class, args)), ..Slots::NONE },
    methods: &[def(
        "decompress",
        "($self, /, data, max_length=-1)",
        decompress,
        "Decompress *data*, returning uncompressed data as bytes.\n\nIf *max_length* is nonnegative, returns at most *max_length* bytes\nof decompressed data.  If this limit is reached and further output\ncan be produced, *self.needs_input* will be set to ``False``.  In\nthis case, the next call to *decompress()* may provide *data* as b''\nto obtain more of the output.\n\nIf all of the input data was decompressed and returned (either\nbecause this was less than *max_length* bytes, or because\n*max_length* was negative), *self.needs_input* will be set to True.\n\nAttempting to decompress data after the end of stream is reached\nraises an EOFError.  Any data found after the end of the stream is\nignored and saved in the unused_data attribute.",
    )],
    getset: &[
        getter(
            "eof",
            |t, v| with(t, v, |f| Ok(Value::bool(f.eof))),
            "True if the end-of-stream marker has been reached.",
        ),
        getter(
            "unused_data",
            |t, v| with(t, v, |f| bytes::new(t, &f.unused)),
            "Data found after the end of the compressed stream.",
        ),
        getter(
            "needs_input",
            |t, v| with(t, v, |f| Ok(Value::bool(f.needs_input))),
            "True if more input is needed before more decompressed data can be produced.",
        ),
    ],
    ..TypeDef::of::<ZlibDecompressor>()
};

static NEW: MethodDef = def(
    "_ZlibDecompressor",
    "($type, /, wbits=15, zdict=b'')",
    |t, a| {
        let wbits = int_arg(t, &a[1], 15)?;
        let dictionary = dictionary_arg(t, &a[2])?;
        let stream = open(t, wbits, dictionary.as_deref())?;
        let feed = RefCell::new(Feed::new(Inflater { stream, dictionary }));
        payload::new_for(t, &a[0], |header| ZlibDecompressor { header, feed })
    },
    "",
);

fn with<R>(t: &Thread, v: &Value, f: impl FnOnce(&mut Feed<Inflater>) -> Res<R>) -> Res<R> {
    match v.expect::<ZlibDecompressor>().feed.try_borrow_mut() {
        Ok(mut feed) => f(&mut feed),
        Err(_) => Err(busy(t)),
    }
}

fn decompress(t: &Thread, a: &[Value]) -> Res {
    let data = Input::get(t, &a[1])?;
    let max = max_length(t, &a[2])?;
    bytes::from_vec(t, with(t, &a[0], |feed| feed.decompress(t, &data, max))?)
}
