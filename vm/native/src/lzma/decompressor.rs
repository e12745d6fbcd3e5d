//! _lzma.LZMADecompressor.

use super::filters;
use super::{ALONE, AUTO, CHECK_UNKNOWN, RAW, XZ, failed};
use crate::charge::Charge;
use crate::ctor::bind;
use crate::exclusive::{self, Exclusive, Exclusively};
use crate::feed::{self, Decoder, Feed, Step};
use liblzma::stream::{Action, Error, Status, Stream};
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::ty::TypeDef;
use typhon_object::{Thread, Value, convert, payload};

/// A decompressor.
#[repr(C)]
pub(super) struct Decompressor {
    header: Header,
    feed: Exclusive<Feed<Expander>>,
}

typhon_object::payload!(Decompressor => DECOMPRESSOR);

impl Exclusively for Decompressor {
    type Held = Feed<Expander>;

    fn held(&self) -> &Exclusive<Feed<Expander>> {
        &self.feed
    }
}

pub(super) struct Expander {
    stream: Stream,
    /// The first bytes, which tell the integrity check.
    head: Vec<u8>,
    check: i64,
    /// The limit is the heap's, not the caller's.
    heap_limit: bool,
    _charge: Charge,
}

/// Bytes of an .xz file that tell its check.
const HEAD: usize = 8;
const MAGIC: &[u8] = b"\xfd7zXZ\0";

impl Expander {
    /// Looks for the check in the first bytes.
    fn note(&mut self, input: &[u8]) {
        if self.check != CHECK_UNKNOWN || self.head.len() >= HEAD {
            return;
        }
        let missing = HEAD - self.head.len();
        self.head.extend_from_slice(&input[..input.len().min(missing)]);
        if self.head.len() == HEAD {
            self.check = if self.head.starts_with(MAGIC) { i64::from(self.head[7] & 15) } else { 0 };
        }
    }
}

impl Decoder for Expander {
    const ENDED: &'static str = "Already at end of stream";

    fn decode(&mut self, t: &Thread, input: &[u8], out: &mut Vec<u8>, room: usize) -> Res<Step> {
        let (len, before) = (out.len(), (self.stream.total_in(), self.stream.total_out()));
        out.resize(len + room, 0);
        let done = self.stream.process(input, &mut out[len..], Action::Run);
        out.truncate(len + (self.stream.total_out() - before.1) as usize);
        let consumed = (self.stream.total_in() - before.0) as usize;
        self.note(&input[..consumed]);
        match done {
            Ok(status) => Ok(Step { consumed, ended: status == Status::StreamEnd }),
            Err(Error::MemLimit) if self.heap_limit => Err(t.memory_error()),
            Err(e) => Err(failed(t, e)),
        }
    }
}

/// _lzma.LZMADecompressor.
pub(super) static DECOMPRESSOR: TypeDef = TypeDef {
    name: "_lzma.LZMADecompressor",
    doc: "Create a decompressor object for decompressing data incrementally.\n\n  format\n    Specifies the container format of the input stream.  If this is\n    FORMAT_AUTO (the default), the decompressor will automatically detect\n    whether the input is FORMAT_XZ or FORMAT_ALONE.  Streams created with\n    FORMAT_RAW cannot be autodetected.\n  memlimit\n    Limit the amount of memory used by the decompressor.  This will cause\n    decompression to fail if the input cannot be decompressed within this\n    limit.\n  filters\n    A custom filter chain.  This argument is required for FORMAT_RAW, and\n    not accepted with any other format.  When provided, this should be a\n    sequence of dicts, each indicating the ID and options for a single\n    filter.\n\nFor one-shot decompression, use the decompress() function instead.",
    signature: "(format=FORMAT_AUTO, memlimit=None, filters=None)",
    slots: Slots { new: Some(|t, class, args| bind(t, &NEW, class, args)), ..Slots::NONE },
    methods: &[feed::decompress::<Decompressor, _>()],
    getset: &{
        let [eof, unused, needs_input] = feed::state::<Decompressor, _>();
        [
            getter(
                "check",
                |t, v| exclusive::with::<Decompressor, _>(t, v, |f| Ok(Value::small(f.decoder.check))),
                "ID of the integrity check used by the input stream.",
            ),
            eof,
            unused,
            needs_input,
        ]
    },
    ..TypeDef::of::<Decompressor>()
};

static NEW: MethodDef = def(
    "LZMADecompressor",
    "($type, /, format=FORMAT_AUTO, memlimit=None, filters=None)",
    |t, a| {
        let format = a[1].opt().map_or(Ok(AUTO), |v| convert::to_i32(t, v))?;
        let given = a[2].non_none();
        if given.is_some() && format == RAW {
            return Err(error::value_error(t, "Cannot specify memory limit with FORMAT_RAW"));
        }
        let left = t.heap().limit().saturating_sub(t.heap().used()) as u64;
        let limit = given.map_or(Ok(left), |v| convert::to_u64(t, v))?;
        let specs = a[3].non_none();
        match (format, specs) {
            (RAW, None) => return Err(error::value_error(t, "Must specify filters for FORMAT_RAW")),
            (RAW, _) | (_, None) => {}
            _ => return Err(error::value_error(t, "Cannot specify filters except with FORMAT_RAW")),
        }
        let chain = specs.map(|specs| filters::chain(t, specs)).transpose()?.unwrap_or_default();
        let charge = Charge::new(t, filters::dictionaries(&chain) as usize + (1 << 17))?;
        let stream = match format {
            AUTO => Stream::new_auto_decoder(limit.min(left), 0),
            XZ => Stream::new_stream_decoder(limit.min(left), 0),
            ALONE => Stream::new_lzma_decoder(limit.min(left)),
            RAW => Stream::new_raw_decoder(&filters::build(t, &chain)?),
            _ => return Err(error::value_error(t, format_args!("Invalid container format: {format}"))),
        };
        let expander = Expander {
            stream: stream.map_err(|e| failed(t, e))?,
            head: Vec::new(),
            check: if format == ALONE || format == RAW { 0 } else { CHECK_UNKNOWN },
            heap_limit: given.is_none() || left < limit,
            _charge: charge,
        };
        payload::new_for(t, &a[0], |header| Decompressor { header, feed: Exclusive::new(Feed::new(expander)) })
    },
    "",
);
