//! _lzma.LZMACompressor.

use super::filters::{self, Lzma};
use super::{ALONE, RAW, XZ, check_of, fail, failed};
use crate::charge::Charge;
use crate::ctor::bind;
use crate::exclusive::{Exclusive, Exclusively, with};
use crate::feed::PIECE;
use crate::input::Input;
use liblzma::stream::{Action, Check, Status, Stream};
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def};
use typhon_object::slots::Slots;
use typhon_object::ty::TypeDef;
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, convert, payload};

/// A compressor; without a stream once it has been flushed.
#[repr(C)]
pub(super) struct Compressor {
    header: Header,
    stream: Exclusive<Option<(Stream, Charge)>>,
}

typhon_object::payload!(Compressor => COMPRESSOR);

impl Exclusively for Compressor {
    type Held = Option<(Stream, Charge)>;

    fn held(&self) -> &Exclusive<Option<(Stream, Charge)>> {
        &self.stream
    }
}

/// _lzma.LZMACompressor.
pub(super) static COMPRESSOR: TypeDef = TypeDef {
    name: "_lzma.LZMACompressor",
    doc: "LZMACompressor(format=FORMAT_XZ, check=-1, preset=None, filters=None)\n\nCreate a compressor object for compressing data incrementally.",
    slots: Slots { new: Some(|t, class, args| bind(t, &NEW, class, args)), ..Slots::NONE },
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

static NEW: MethodDef = def(
    "LZMACompressor",
    "($type, /, format=FORMAT_XZ, check=-1, preset=None, filters=None)",
    |t, a| {
        let format = a[1].opt().map_or(Ok(XZ), |v| convert::to_i32(t, v))?;
        let check = a[2].opt().map_or(Ok(-1), |v| convert::to_i32(t, v))?;
        let (preset, specs) = (a[3].non_none(), a[4].non_none());
        if preset.is_some() && specs.is_some() {
            return Err(error::value_error(t, "Cannot specify both preset and filter chain"));
        }
        let preset = match preset {
            Some(v) => u32::try_from(convert::to_u64(t, v)?)
                .map_err(|_| error::overflow_error(t, "Value too large for uint32_t type"))?,
            None => 6,
        };
        if format != XZ && check != -1 && check != 0 {
            return Err(error::value_error(t, "Integrity checks are only supported by FORMAT_XZ"));
        }
        let chain = specs.map(|specs| filters::chain(t, specs)).transpose()?;
        let dictionary = chain.as_deref().map_or(u64::from(filters::preset_dict(preset)), filters::dictionaries);
        // The encoder keeps about eleven times its dictionary.
        let charge = Charge::new(t, (dictionary * 23 / 2) as usize + (1 << 20))?;
        let stream = match format {
            XZ => {
                let check = if check == -1 { Some(Check::Crc64) } else { check_of(check) };
                let check = check.ok_or_else(|| fail(t, "Internal error"))?;
                match &chain {
                    None => Stream::new_easy_encoder(preset, check),
                    Some(chain) if chain.is_empty() => return Err(fail(t, "Internal error")),
                    Some(chain) => Stream::new_stream_encoder(&filters::build(t, chain)?, check),
                }
            }
            ALONE => match chain.as_deref() {
                None => Stream::new_lzma_encoder(&Lzma::preset(preset).options(t)?),
                Some([filters::Filter::Lzma1(options)]) => Stream::new_lzma_encoder(&options.options(t)?),
                Some(_) => {
                    let text = "Invalid filter chain for FORMAT_ALONE - must be a single LZMA1 filter";
                    return Err(error::value_error(t, text));
                }
            },
            RAW => match &chain {
                None => return Err(error::value_error(t, "Must specify filters for FORMAT_RAW")),
                Some(chain) => Stream::new_raw_encoder(&filters::build(t, chain)?),
            },
            _ => return Err(error::value_error(t, format_args!("Invalid container format: {format}"))),
        };
        let stream = stream.map_err(|e| failed(t, e))?;
        payload::new_for(t, &a[0], |header| Compressor { header, stream: Exclusive::new(Some((stream, charge))) })
    },
    "",
);

/// Compresses `data`, and with `Finish` all that is left.
fn pump(t: &Thread, stream: &mut Stream, data: &[u8], action: Action) -> Res<Vec<u8>> {
    let (mut out, mut at) = (Vec::new(), 0);
    loop {
        t.check_alloc(out.len() + PIECE)?;
        out.reserve(PIECE);
        let before = stream.total_in();
        // A piece small enough that its compression can be interrupted soon.
        let piece = &data[at..data.len().min(at + PIECE / 8)];
        let status = stream.process_vec(piece, &mut out, action).map_err(|e| failed(t, e))?;
        at += (stream.total_in() - before) as usize;
        t.poll_yielding()?;
        let drained = out.len() < out.capacity();
        if status == Status::StreamEnd || matches!(action, Action::Run) && at == data.len() && drained {
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
