//! zlib.Decompress: the decompressor object with its unconsumed tail.

use super::stream::{
    Stream, Z_BUF_ERROR, Z_FINISH, Z_MEM_ERROR, Z_NEED_DICT, Z_NO_FLUSH, Z_OK, Z_STREAM_END, Z_STREAM_ERROR,
    Z_SYNC_FLUSH,
};
use super::{fail, int_arg};
use crate::exclusive::{Exclusive, Exclusively, with};
use crate::feed::PIECE;
use crate::input::Input;
use typhon_object::buffer;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{def, getter};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::{Thread, Value, convert, payload};

/// The object.
#[repr(C)]
pub(super) struct Decompress {
    header: Header,
    state: Exclusive<State>,
}

typhon_object::payload!(Decompress => DECOMPRESS);

impl Exclusively for Decompress {
    type Held = State;

    fn held(&self) -> &Exclusive<State> {
        &self.state
    }
}

/// What it keeps; without a stream once it has been finished.
pub(super) struct State {
    stream: Option<Stream>,
    dictionary: Option<Vec<u8>>,
    unused: Vec<u8>,
    tail: Vec<u8>,
    eof: bool,
}

/// zlib.Decompress.
pub(super) static DECOMPRESS: TypeDef = TypeDef {
    name: "zlib.Decompress",
    flags: flag::NO_NEW,
    methods: &[
        def(
            "decompress",
            "($self, data, /, max_length=0)",
            decompress,
            "Return a bytes object containing the decompressed version of the data.\n\n  data\n    The binary data to decompress.\n  max_length\n    The maximum allowable length of the decompressed data.\n    Unconsumed input data will be stored in\n    the unconsumed_tail attribute.\n\nAfter calling this function, some of the input data may still be\nstored in internal buffers for later processing.\nCall the flush() method to clear these buffers.",
        ),
        def(
            "flush",
            "($self, length=zlib.DEF_BUF_SIZE, /)",
            flush,
            "Return a bytes object containing any remaining decompressed data.\n\n  length\n    the initial size of the output buffer.",
        ),
        def("copy", "($self, /)", copy, "Return a copy of the decompression object."),
        def("__copy__", "($self, /)", copy, ""),
        def("__deepcopy__", "($self, memo, /)", copy, ""),
    ],
    getset: &[
        getter("unused_data", |t, v| with::<Decompress, _>(t, v, |s| bytes::new(t, &s.unused)), ""),
        getter("unconsumed_tail", |t, v| with::<Decompress, _>(t, v, |s| bytes::new(t, &s.tail)), ""),
        getter("eof", |t, v| with::<Decompress, _>(t, v, |s| Ok(Value::bool(s.eof))), ""),
    ],
    ..TypeDef::of::<Decompress>()
};

/// The dictionary argument of a decompressor.
pub(super) fn dictionary_arg(t: &Thread, v: &Value) -> Res<Option<Vec<u8>>> {
    let Some(v) = v.opt() else { return Ok(None) };
    if !buffer::supported(v) {
        return Err(error::type_error(t, "zdict argument must support the buffer protocol"));
    }
    let data = Input::get(t, v)?;
    t.check_alloc(data.len())?;
    Ok(if data.is_empty() { None } else { Some(data.to_vec()) })
}

/// An inflating stream; a raw one is given its dictionary at once.
pub(super) fn open(t: &Thread, wbits: i32, dictionary: Option<&[u8]>) -> Res<Stream> {
    let mut stream = match Stream::inflate(t, wbits)? {
        Ok(stream) => stream,
        Err(Z_STREAM_ERROR) => return Err(error::value_error(t, "Invalid initialization option")),
        Err(Z_MEM_ERROR) => return Err(t.memory_error()),
        Err(code) => return Err(fail(t, code, "while creating decompression object", None)),
    };
    if let Some(dictionary) = dictionary
        && wbits < 0
    {
        set_dictionary(t, &mut stream, dictionary)?;
    }
    Ok(stream)
}

/// Sets the dictionary that the stream asked for.
pub(super) fn set_dictionary(t: &Thread, stream: &mut Stream, dictionary: &[u8]) -> Res<()> {
    match stream.set_dictionary(dictionary) {
        Z_OK => Ok(()),
        code => Err(fail(t, code, "while setting zdict", None)),
    }
}

/// `zlib.decompressobj(...)`.
pub(super) fn new(t: &Thread, a: &[Value]) -> Res {
    let wbits = int_arg(t, &a[0], 15)?;
    let dictionary = dictionary_arg(t, &a[1])?;
    let stream = Some(open(t, wbits, dictionary.as_deref())?);
    let state = State { stream, dictionary, unused: Vec::new(), tail: Vec::new(), eof: false };
    payload::new(t, |header| Decompress { header, state: Exclusive::new(state) })
}

impl State {
    /// Inflates `data` up to `limit` bytes of output; keeps what is left over.
    fn run(&mut self, t: &Thread, data: &[u8], limit: usize, last: i32) -> Res<Vec<u8>> {
        const DOING: &str = "while decompressing data";
        let Some(stream) = &mut self.stream else { return Err(fail(t, Z_STREAM_ERROR, DOING, None)) };
        let (mut out, mut at) = (Vec::new(), 0);
        let code = loop {
            let room = PIECE.min(limit - out.len());
            if room == 0 {
                break Z_OK;
            }
            t.check_alloc(out.len() + room)?;
            let before = out.len();
            let piece = &data[at..data.len().min(at + PIECE)];
            let flush = if at + piece.len() == data.len() { last } else { Z_NO_FLUSH };
            let (used, code) = stream.step(piece, &mut out, room, flush);
            at += used;
            t.poll_yielding()?;
            match (code, &self.dictionary) {
                (Z_NEED_DICT, Some(dictionary)) => set_dictionary(t, stream, dictionary)?,
                (Z_OK | Z_BUF_ERROR, _) if out.len() - before == room || at < data.len() && used > 0 => {}
                (code, _) => break code,
            }
        };
        let rest = &data[at..];
        if code == Z_STREAM_END {
            self.unused.extend_from_slice(rest);
            self.tail = Vec::new();
        } else {
            self.tail = rest.to_vec();
        }
        match code {
            Z_STREAM_END => self.eof = true,
            Z_OK | Z_BUF_ERROR => {}
            code => return Err(fail(t, code, DOING, stream.message())),
        }
        Ok(out)
    }
}

fn decompress(t: &Thread, a: &[Value]) -> Res {
    let data = Input::get(t, &a[1])?;
    let Ok(max) = usize::try_from(a[2].opt().map_or(Ok(0), |v| convert::to_isize(t, v))?) else {
        return Err(error::value_error(t, "max_length must be non-negative"));
    };
    let limit = if max == 0 { usize::MAX } else { max };
    bytes::from_vec(t, with::<Decompress, _>(t, &a[0], |s| s.run(t, &data, limit, Z_SYNC_FLUSH))?)
}

fn flush(t: &Thread, a: &[Value]) -> Res {
    if a[1].opt().map_or(Ok(1), |v| convert::to_isize(t, v))? <= 0 {
        return Err(error::value_error(t, "length must be greater than zero"));
    }
    with::<Decompress, _>(t, &a[0], |s| {
        if s.stream.is_none() {
            return bytes::new(t, b"");
        }
        let tail = std::mem::take(&mut s.tail);
        let out = s.run(t, &tail, usize::MAX, Z_FINISH)?;
        if s.eof {
            s.stream = None;
        }
        bytes::from_vec(t, out)
    })
}

fn copy(t: &Thread, a: &[Value]) -> Res {
    with::<Decompress, _>(t, &a[0], |s| {
        let Some(stream) = &mut s.stream else { return Err(error::value_error(t, "Inconsistent stream state")) };
        let stream = match stream.copy(t)? {
            Ok(stream) => Some(stream),
            Err(Z_MEM_ERROR) => return Err(t.memory_error()),
            Err(_) => return Err(error::value_error(t, "Inconsistent stream state")),
        };
        t.check_alloc(s.unused.len() + s.tail.len())?;
        let state = State {
            stream,
            dictionary: s.dictionary.clone(),
            unused: s.unused.clone(),
            tail: s.tail.clone(),
            eof: s.eof,
        };
        payload::new(t, |header| Decompress { header, state: Exclusive::new(state) })
    })
}
