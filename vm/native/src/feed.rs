//! Feed: what a decompressor object keeps between calls, and how it is fed; shared by zlib, bz2, lzma and zstd.

use crate::exclusive::{Exclusively, with};
use crate::input::Input;
use typhon_object::error::{self, Res};
use typhon_object::native::{GetSetDef, MethodDef, def, getter};
use typhon_object::types::bytes;
use typhon_object::types::exceptions::EOF_ERROR;
use typhon_object::{Thread, Value, convert};

/// A decoder's answer to one step.
pub(crate) struct Step {
    /// Input bytes used.
    pub(crate) consumed: usize,
    /// The end of the stream was reached.
    pub(crate) ended: bool,
}

/// Turns compressed bytes into plain ones, a little at a time.
pub(crate) trait Decoder {
    /// The EOFError of data after the end.
    const ENDED: &'static str;

    /// Appends up to `room` bytes to `out`.
    fn decode(&mut self, t: &Thread, input: &[u8], out: &mut Vec<u8>, room: usize) -> Res<Step>;
}

/// A decoder and the input it has not used yet.
pub(crate) struct Feed<D> {
    pub(crate) decoder: D,
    pending: Vec<u8>,
    /// The stream has ended.
    pub(crate) eof: bool,
    /// More input is needed before more output can come.
    pub(crate) needs_input: bool,
    /// What followed the end.
    pub(crate) unused: Vec<u8>,
}

/// Input and output bytes of one step: small enough to be interrupted between steps.
pub(crate) const PIECE: usize = 32 * 1024;

impl<D: Decoder> Feed<D> {
    /// Nothing fed yet.
    pub(crate) fn new(decoder: D) -> Self {
        Self { decoder, pending: Vec::new(), eof: false, needs_input: true, unused: Vec::new() }
    }

    /// Feeds data and returns at most `max` bytes of output.
    pub(crate) fn decompress(&mut self, t: &Thread, data: &[u8], max: Option<usize>) -> Res<Vec<u8>> {
        if self.eof {
            return Err(error::new(t, &EOF_ERROR, D::ENDED));
        }
        let mut input = std::mem::take(&mut self.pending);
        let input: &[u8] = if input.is_empty() {
            data
        } else {
            t.check_alloc(data.len())?;
            input.extend_from_slice(data);
            &input
        };
        let mut out = Vec::new();
        let mut at = 0;
        let limit = max.unwrap_or(usize::MAX);
        let mut full = true;
        while !self.eof && out.len() < limit || limit == 0 && at == 0 {
            let room = PIECE.min(limit - out.len());
            t.check_alloc(out.len() + room)?;
            let before = out.len();
            let piece = &input[at..input.len().min(at + PIECE)];
            let step = match self.decoder.decode(t, piece, &mut out, room) {
                Ok(step) => step,
                Err(e) => {
                    self.pending = Vec::new();
                    return Err(e);
                }
            };
            at += step.consumed;
            self.eof = step.ended;
            full = out.len() - before == room;
            t.poll_yielding()?;
            if !full && at >= input.len() || step.consumed == 0 && out.len() == before {
                break;
            }
        }
        let rest = &input[at.min(input.len())..];
        if self.eof {
            self.unused = rest.to_vec();
            self.needs_input = false;
        } else {
            // With all room used there may be more output without more input.
            self.needs_input = rest.is_empty() && !(full && out.len() == limit);
            self.pending = rest.to_vec();
        }
        Ok(out)
    }
}

/// `decompress(data, max_length=-1)`, which all decompressor types have.
pub(crate) const fn decompress<T: Exclusively<Held = Feed<D>>, D: Decoder>() -> MethodDef {
    def(
        "decompress",
        "($self, /, data, max_length=-1)",
        |t, a| {
            let (data, max) = (Input::get(t, &a[1])?, max_length(t, &a[2])?);
            bytes::from_vec(t, with::<T, _>(t, &a[0], |feed| feed.decompress(t, &data, max))?)
        },
        DOC,
    )
}

/// `eof`, `unused_data` and `needs_input`.
pub(crate) const fn state<T: Exclusively<Held = Feed<D>>, D>() -> [GetSetDef; 3] {
    [
        getter(
            "eof",
            |t, v| with::<T, _>(t, v, |f| Ok(Value::bool(f.eof))),
            "True if the end-of-stream marker has been reached.",
        ),
        getter(
            "unused_data",
            |t, v| with::<T, _>(t, v, |f| bytes::new(t, &f.unused)),
            "Data found after the end of the compressed stream.",
        ),
        getter(
            "needs_input",
            |t, v| with::<T, _>(t, v, |f| Ok(Value::bool(f.needs_input))),
            "True if more input is needed before more decompressed data can be produced.",
        ),
    ]
}

const DOC: &str = "Decompress *data*, returning uncompressed data as bytes.\n\nIf *max_length* is nonnegative, returns at most *max_length* bytes\nof decompressed data.  If this limit is reached and further output\ncan be produced, *self.needs_input* will be set to ``False``.  In\nthis case, the next call to *decompress()* may provide *data* as b''\nto obtain more of the output.\n\nIf all of the input data was decompressed and returned (either\nbecause this was less than *max_length* bytes, or because\n*max_length* was negative), *self.needs_input* will be set to True.\n\nAttempting to decompress data after the end of stream is reached\nraises an EOFError.  Any data found after the end of the stream is\nignored and saved in the unused_data attribute.";

/// A `max_length` argument: negative or missing is no limit.
fn max_length(t: &Thread, v: &Value) -> Res<Option<usize>> {
    match v.opt() {
        Some(v) => Ok(usize::try_from(convert::to_isize(t, v)?).ok()),
        None => Ok(None),
    }
}
