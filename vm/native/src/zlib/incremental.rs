//! zlib._ZlibDecompressor: the decompressor that keeps its input, as gzip wants it.

use super::decompress::{dictionary_arg, open, set_dictionary};
use super::stream::{Stream, Z_BUF_ERROR, Z_NEED_DICT, Z_OK, Z_STREAM_END, Z_SYNC_FLUSH};
use super::{fail, int_arg};
use crate::ctor::bind;
use crate::exclusive::{Exclusive, Exclusively};
use crate::feed::{self, Decoder, Feed, Step};
use typhon_object::error::Res;
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::ty::TypeDef;
use typhon_object::{Thread, payload};

/// The object.
#[repr(C)]
pub(super) struct ZlibDecompressor {
    header: Header,
    feed: Exclusive<Feed<Inflater>>,
}

typhon_object::payload!(ZlibDecompressor => ZLIB_DECOMPRESSOR);

impl Exclusively for ZlibDecompressor {
    type Held = Feed<Inflater>;

    fn held(&self) -> &Exclusive<Feed<Inflater>> {
        &self.feed
    }
}

pub(super) struct Inflater {
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
    methods: &[feed::decompress::<ZlibDecompressor, _>()],
    getset: &feed::state::<ZlibDecompressor, _>(),
    ..TypeDef::of::<ZlibDecompressor>()
};

static NEW: MethodDef = def(
    "_ZlibDecompressor",
    "($type, /, wbits=15, zdict=b'')",
    |t, a| {
        let wbits = int_arg(t, &a[1], 15)?;
        let dictionary = dictionary_arg(t, &a[2])?;
        let stream = open(t, wbits, dictionary.as_deref())?;
        let feed = Exclusive::new(Feed::new(Inflater { stream, dictionary }));
        payload::new_for(t, &a[0], |header| ZlibDecompressor { header, feed })
    },
    "",
);
