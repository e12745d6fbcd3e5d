//! _bz2.

use crate::charge::Charge;
use crate::ctor::bind;
use crate::exclusive::{Exclusive, Exclusively, with};
use crate::feed::{self, Decoder, Feed, PIECE, Step};
use crate::input::Input;
use bzip2::{Action, Compress, Compression, Decompress, Error, Status};
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, ModuleDef, def};
use typhon_object::slots::Slots;
use typhon_object::ty::TypeDef;
use typhon_object::types::bytes;
use typhon_object::types::exceptions::OS_ERROR;
use typhon_object::{Thread, Value, convert, payload};

/// _bz2.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_bz2",
    doc: "",
    functions: &[],
    types: &[("BZ2Compressor", &COMPRESSOR), ("BZ2Decompressor", &DECOMPRESSOR)],
    init: None,
};

/// A compressor; without a stream once it has been flushed.
#[repr(C)]
struct Compressor {
    header: Header,
    stream: Exclusive<Option<(Compress, Charge)>>,
}

typhon_object::payload!(Compressor => COMPRESSOR);

impl Exclusively for Compressor {
    type Held = Option<(Compress, Charge)>;

    fn held(&self) -> &Exclusive<Option<(Compress, Charge)>> {
        &self.stream
    }
}

static COMPRESSOR: TypeDef = TypeDef {
    name: "_bz2.BZ2Compressor",
    doc: "Create a compressor object for compressing data incrementally.\n\n  compresslevel\n    Compression level, as a number between 1 and 9.\n\nFor one-shot compression, use the compress() function instead.",
    signature: "(compresslevel=9, /)",
    slots: Slots { new: Some(|t, class, args| bind(t, &NEW_COMPRESSOR, class, args)), ..Slots::NONE },
    methods: &[
        def(
            "compress",
            "($self, data, /)",
            compress,
            "Provide data to the compressor object.\n\nReturns a chunk of compressed data if possible, or b'' otherwise.\n\nWhen you have finished providing data to the compressor, call the\nflush() method to finish the compression process.",
        ),
        def(
            "flush",
            "($self, /)",
            flush,
            "Finish the compression process.\n\nReturns the compressed data left in internal buffers.\n\nThe compressor object may not be used after this method is called.",
        ),
    ],
    ..TypeDef::of::<Compressor>()
};

static NEW_COMPRESSOR: MethodDef = def(
    "BZ2Compressor",
    "($type, compresslevel=9, /)",
    |t, a| {
        let level = a[1].opt().map_or(Ok(9), |v| convert::to_i32(t, v))?;
        if !(1..=9).contains(&level) {
            return Err(error::value_error(t, "compresslevel must be between 1 and 9"));
        }
        // What bzip2's manual says of its memory.
        let charge = Charge::new(t, 400_000 + 800_000 * level as usize)?;
        let stream = Exclusive::new(Some((Compress::new(Compression::new(level as u32), 0), charge)));
        payload::new_for(t, &a[0], |header| Compressor { header, stream })
    },
    "",
);

fn failed(t: &Thread, e: Error) -> Exc {
    match e {
        Error::Data | Error::DataMagic => error::new(t, &OS_ERROR, "Invalid data stream"),
        Error::Param => error::value_error(t, "Internal error - invalid parameters passed to libbzip2"),
        Error::Sequence => error::runtime_error(t, "Internal error - Invalid sequence of commands sent to libbzip2"),
    }
}

/// Compresses `data`, and with `Finish` all that is left.
fn pump(t: &Thread, stream: &mut Compress, data: &[u8], action: Action) -> Res<Vec<u8>> {
    let (mut out, mut at) = (Vec::new(), 0);
    loop {
        if action == Action::Run && at == data.len() {
            return Ok(out);
        }
        t.check_alloc(out.len() + PIECE)?;
        let (len, before) = (out.len(), (stream.total_in(), stream.total_out()));
        out.resize(len + PIECE, 0);
        let piece = &data[at..data.len().min(at + PIECE)];
        let status = stream.compress(piece, &mut out[len..], action).map_err(|e| failed(t, e))?;
        at += (stream.total_in() - before.0) as usize;
        out.truncate(len + (stream.total_out() - before.1) as usize);
        t.poll_yielding()?;
        if status == Status::StreamEnd {
            return Ok(out);
        }
    }
}

fn compress(t: &Thread, a: &[Value]) -> Res {
    let data = Input::get(t, &a[1])?;
    with::<Compressor, _>(t, &a[0], |stream| match stream {
        Some((stream, _)) => bytes::from_vec(t, pump(t, stream, &data, Action::Run)?),
        None => Err(error::value_error(t, "Compressor has been flushed")),
    })
}

fn flush(t: &Thread, a: &[Value]) -> Res {
    with::<Compressor, _>(t, &a[0], |stream| match stream.take() {
        Some((mut stream, _charge)) => bytes::from_vec(t, pump(t, &mut stream, b"", Action::Finish)?),
        None => Err(error::value_error(t, "Repeated call to flush()")),
    })
}

/// A decompressor.
#[repr(C)]
struct Decompressor {
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

struct Expander {
    stream: Decompress,
    _charge: Charge,
}

impl Decoder for Expander {
    const ENDED: &'static str = "End of stream already reached";

    fn decode(&mut self, t: &Thread, input: &[u8], out: &mut Vec<u8>, room: usize) -> Res<Step> {
        let (len, before) = (out.len(), (self.stream.total_in(), self.stream.total_out()));
        out.resize(len + room, 0);
        let done = self.stream.decompress(input, &mut out[len..]);
        out.truncate(len + (self.stream.total_out() - before.1) as usize);
        let status = done.map_err(|e| failed(t, e))?;
        if status == Status::MemNeeded {
            return Err(t.memory_error());
        }
        let consumed = (self.stream.total_in() - before.0) as usize;
        Ok(Step { consumed, ended: status == Status::StreamEnd })
    }
}

static DECOMPRESSOR: TypeDef = TypeDef {
    name: "_bz2.BZ2Decompressor",
    doc: "Create a decompressor object for decompressing data incrementally.\n\nFor one-shot decompression, use the decompress() function instead.",
    signature: "()",
    slots: Slots { new: Some(|t, class, args| bind(t, &NEW_DECOMPRESSOR, class, args)), ..Slots::NONE },
    methods: &[feed::decompress::<Decompressor, _>()],
    getset: &feed::state::<Decompressor, _>(),
    ..TypeDef::of::<Decompressor>()
};

static NEW_DECOMPRESSOR: MethodDef = def(
    "BZ2Decompressor",
    "($type, /)",
    |t, a| {
        let charge = Charge::new(t, 3_700_000)?;
        let feed = Exclusive::new(Feed::new(Expander { stream: Decompress::new(false), _charge: charge }));
        payload::new_for(t, &a[0], |header| Decompressor { header, feed })
    },
    "",
);
