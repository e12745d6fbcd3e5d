//! `TextIOWrapper`: state, construction, encoding and decoding. Methods are in `text_methods`, `text_read`, `text_seek`.

use super::base::{self, TEXT_IO_BASE};
use super::newlines::{LineEnd, NewlineMode, Newlines, state_of};
use super::text_methods as m;
use super::{bind_init, method};
use std::cell::{Cell, RefCell};
use typhon_object::codec::{self, Known};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getset, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::{self, Str};
use typhon_object::tuple;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::bytes;
use typhon_object::{Args, Res, Thread, Value, attr, call, convert, error, payload, registry, type_of};

/// A text stream over a buffered one.
#[repr(C)]
pub struct TextIO {
    pub(super) header: Header,
    dict: Slot,
    /// The binary stream; absent before `__init__` and after `detach()`.
    pub buffer: Slot,
    pub(super) encoding: Slot,
    pub(super) errors: Slot,
    /// Incremental encoder and decoder, for encodings not done here.
    pub(super) encoder: Slot,
    decoder: Slot,
    /// The encoding, if it is done here.
    pub(super) native: Cell<Option<Known>>,
    /// Bytes of an incomplete character (with `native`).
    carry: RefCell<Vec<u8>>,
    pub(super) mode: Cell<NewlineMode>,
    pub(super) newlines: Newlines,
    pub(super) line_buffering: Cell<bool>,
    pub(super) write_through: Cell<bool>,
    pub(super) can_read: Cell<bool>,
    pub(super) can_write: Cell<bool>,
    pub(super) has_read1: Cell<bool>,
    pub(super) seekable: Cell<bool>,
    pub(super) telling: Cell<bool>,
    pub(super) chunk_size: Cell<usize>,
    /// Bytes a character of the last chunk.
    pub(super) ratio: Cell<f64>,
    /// Encoded text not yet given to `buffer`.
    pub(super) pending: RefCell<Vec<u8>>,
    /// Decoded text, and how much of it was read.
    pub(super) decoded: Slot,
    pub(super) used: Cell<usize>,
    /// The decoder's flags before the current chunk, and the bytes it was fed with.
    pub(super) snapshot: RefCell<Option<(u64, Vec<u8>)>>,
    ready: Cell<bool>,
    pub(super) detached: Cell<bool>,
    pub(super) finalizing: Cell<bool>,
}

typhon_object::payload!(TextIO => TEXT_IO_WRAPPER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.dict, &self.buffer, &self.encoder, &self.decoder] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
    }
    fn clear(&self) {
        drop((self.dict.take(), self.encoder.take(), self.decoder.take()));
    }
});

static INIT: MethodDef = def(
    "TextIOWrapper",
    "(buffer, encoding=None, errors=None, newline=None, line_buffering=False, write_through=False)",
    |_, _| Ok(Value::NONE),
    "",
);

/// `_io.TextIOWrapper`.
pub static TEXT_IO_WRAPPER: TypeDef = TypeDef {
    name: "_io.TextIOWrapper",
    doc: "Character and line based layer over a BufferedIOBase object, buffer.",
    signature: "(buffer, encoding=None, errors=None, newline=None, line_buffering=False, write_through=False)",
    base: Some(&TEXT_IO_BASE),
    flags: flag::BASETYPE | flag::WEAKREFS | flag::FINALIZER,
    dict_offset: std::mem::offset_of!(TextIO, dict),
    slots: Slots {
        new: Some(new),
        init: Some(init),
        repr: Some(m::repr),
        next: Some(super::text_read::next),
        finalize: Some(base::finalize),
        ..Slots::NONE
    },
    methods: m::METHODS,
    getset: &[
        getter("buffer", |t, v| get(t, v).map(|s| s.buffer.get()), ""),
        getter("encoding", |t, v| get(t, v).map(|s| s.encoding.get()), ""),
        getter("errors", |t, v| get(t, v).map(|s| s.errors.get()), ""),
        getter("line_buffering", |t, v| get(t, v).map(|s| Value::bool(s.line_buffering.get())), ""),
        getter("write_through", |t, v| get(t, v).map(|s| Value::bool(s.write_through.get())), ""),
        getter("name", |t, v| attr::get_text(t, &get(t, v)?.buffer.get(), "name"), ""),
        getter("closed", |t, v| attr::get_text(t, &get(t, v)?.buffer.get(), "closed"), ""),
        getter("newlines", m::newlines, ""),
        getset("_CHUNK_SIZE", |t, v| get(t, v).map(|s| convert::from_usize(s.chunk_size.get())), m::set_chunk_size, ""),
        getset(
            "_finalizing",
            |_, v| Ok(Value::bool(v.expect::<TextIO>().finalizing.get())),
            |t, v, x| {
                if let Some(x) = x {
                    v.expect::<TextIO>().finalizing.set(convert::to_bool(t, x)?);
                }
                Ok(())
            },
            "",
        ),
    ],
    ..TypeDef::of::<TextIO>()
};

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, |header| TextIO {
        header,
        dict: Slot::empty(),
        buffer: Slot::empty(),
        encoding: Slot::empty(),
        errors: Slot::empty(),
        encoder: Slot::empty(),
        decoder: Slot::empty(),
        native: Cell::new(None),
        carry: RefCell::default(),
        mode: Cell::new(NewlineMode { universal: true, translate: true, end: LineEnd::Lf, write: None }),
        newlines: Newlines::default(),
        line_buffering: Cell::new(false),
        write_through: Cell::new(false),
        can_read: Cell::new(false),
        can_write: Cell::new(false),
        has_read1: Cell::new(false),
        seekable: Cell::new(false),
        telling: Cell::new(false),
        chunk_size: Cell::new(8192),
        ratio: Cell::new(0.0),
        pending: RefCell::default(),
        decoded: Slot::empty(),
        used: Cell::new(0),
        snapshot: RefCell::default(),
        ready: Cell::new(false),
        detached: Cell::new(false),
        finalizing: Cell::new(false),
    })
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    let s = v.expect::<TextIO>();
    s.ready.set(false);
    s.detached.set(false);
    bind_init(t, &INIT, args, |a| {
        let encoding = text_arg(t, &a[1], "encoding")?;
        let errors = text_arg(t, &a[2], "errors")?;
        let (mode, _) = NewlineMode::arg(t, "TextIOWrapper", &a[3])?;
        let truth = |v: &Value| v.opt().map_or(Ok(false), |v| convert::to_bool(t, v));
        s.line_buffering.set(truth(&a[4])?);
        s.write_through.set(truth(&a[5])?);
        let encoding = match encoding.as_deref() {
            None | Some("locale") => "UTF-8".to_string(),
            Some(e) => e.to_string(),
        };
        let errors = errors.unwrap_or_else(|| "strict".to_string());
        s.buffer.set(&s.header, a[0].clone());
        s.set_mode(mode);
        s.pending.borrow_mut().clear();
        s.carry.borrow_mut().clear();
        s.newlines.reset();
        s.forget_decoded();
        let buffer = &a[0];
        let native = Known::from_name(&encoding).filter(|k| matches!(k, Known::Utf8 | Known::Latin1 | Known::Ascii));
        if native.is_none() {
            text_codec(t, &encoding)?;
        }
        s.can_read.set(super::ask(t, buffer, "readable")?);
        s.can_write.set(super::ask(t, buffer, "writable")?);
        s.set_codec(t, &encoding, &errors, native)?;
        s.has_read1.set(super::get_opt(t, buffer, "read1")?.is_some());
        let seekable = base::seekable(t, buffer)?;
        s.seekable.set(seekable);
        s.telling.set(seekable);
        s.ready.set(true);
        s.fix_encoder(t)
    })
}

/// The codec of a text encoding.
fn text_codec(t: &Thread, encoding: &str) -> Res {
    let codec = registry::lookup(t, encoding)?;
    if let Some(flag) = super::get_opt(t, &codec, "_is_text_encoding")?
        && !convert::to_bool(t, &flag)?
    {
        return Err(error::lookup_error(t, format_args!("'{encoding}' is not a text encoding")));
    }
    Ok(codec)
}

/// A str argument or None.
pub fn text_arg(t: &Thread, v: &Value, name: &str) -> Res<Option<String>> {
    let Some(v) = v.non_none() else { return Ok(None) };
    let text = match v.downcast::<Str>() {
        Some(_) => convert::to_text(t, v, "TextIOWrapper", name)?,
        None => {
            let ty = type_of(v).name();
            return Err(error::type_error(
                t,
                format_args!("TextIOWrapper() argument '{name}' must be str or None, not {ty}"),
            ));
        }
    };
    if text.contains('\0') {
        return Err(error::value_error(t, "embedded null character"));
    }
    Ok(Some(text))
}

/// The stream, ready for use.
pub fn get<'a>(t: &Thread, v: &'a Value) -> Res<&'a TextIO> {
    let s = v.expect::<TextIO>();
    if s.ready.get() {
        return Ok(s);
    }
    let text =
        if s.detached.get() { "underlying buffer has been detached" } else { "I/O operation on uninitialized object" };
    Err(error::value_error(t, text))
}

/// The stream, ready and open.
pub fn open<'a>(t: &Thread, v: &'a Value) -> Res<&'a TextIO> {
    let s = get(t, v)?;
    let buffer = s.buffer.get();
    let closed = match known_closed(&buffer) {
        Some(closed) => closed,
        None => super::is_closed(t, &buffer)?,
    };
    if closed { Err(base::closed_error(t)) } else { Ok(s) }
}

/// Whether a stream over memory, or a buffered one over a file, is closed, known without a lookup.
fn known_closed(buffer: &Value) -> Option<bool> {
    if let Some(memory) = buffer.exact::<super::bytesio::BytesIO>() {
        return Some(memory.is_closed());
    }
    use super::buffered::{BUFFERED_READER, BUFFERED_WRITER, Buffered};
    let ty = type_of(buffer);
    if !std::ptr::eq(ty, BUFFERED_READER.ty()) && !std::ptr::eq(ty, BUFFERED_WRITER.ty()) {
        return None;
    }
    Some(buffer.downcast::<Buffered>()?.raw.get().exact::<super::FileIO>()?.is_closed())
}

impl TextIO {
    /// Sets what happens to line ends.
    pub fn set_mode(&self, mode: NewlineMode) {
        self.mode.set(mode);
        self.newlines.translate.set(mode.translate);
    }

    /// Takes the buffer away.
    pub fn leave_buffer(&self) -> Value {
        self.ready.set(false);
        self.detached.set(true);
        self.buffer.take()
    }

    /// Sets encoding and error handler.
    pub fn set_codec(&self, t: &Thread, encoding: &str, errors: &str, native: Option<Known>) -> Res<()> {
        let (mut encoder, mut decoder) = (Value::ABSENT, Value::ABSENT);
        let errors_value = strs::new(t, errors)?;
        if native.is_none() {
            let codec = text_codec(t, encoding)?;
            let make = |name: &str| call::call1(t, &attr::get_text(t, &codec, name)?, &errors_value);
            if self.can_read.get() {
                decoder = make("incrementaldecoder")?;
            }
            if self.can_write.get() {
                encoder = make("incrementalencoder")?;
            }
        }
        self.native.set(native);
        self.encoder.set(&self.header, encoder);
        self.decoder.set(&self.header, decoder);
        self.encoding.set(&self.header, strs::new(t, encoding)?);
        self.errors.set(&self.header, errors_value);
        Ok(())
    }

    /// An encoder that writes a mark at the start must not when it starts in the middle.
    pub fn fix_encoder(&self, t: &Thread) -> Res<()> {
        let encoder = self.encoder.get();
        if !self.seekable.get() || encoder.is_absent() {
            return Ok(());
        }
        let at = method(t, &self.buffer.get(), "tell", &[])?;
        if base::position(t, &at)? != 0 {
            method(t, &encoder, "setstate", &[Value::small(0)])?;
        }
        Ok(())
    }

    /// Sets the encoder's state for a position.
    pub fn reset_encoder(&self, t: &Thread, at_start: bool) -> Res<()> {
        let encoder = self.encoder.get();
        if encoder.is_absent() {
            return Ok(());
        }
        if at_start {
            method(t, &encoder, "reset", &[])?;
        } else {
            method(t, &encoder, "setstate", &[Value::small(0)])?;
        }
        Ok(())
    }

    fn error_text(&self) -> Option<String> {
        let errors = self.errors.get();
        errors.downcast::<Str>().filter(|s| !s.eq_text("strict")).map(Str::to_lossy)
    }

    /// Encodes text onto the pending bytes.
    pub fn encode(&self, t: &Thread, text: &Value) -> Res<()> {
        if let Some(known) = self.native.get() {
            let s = text.expect::<Str>();
            if s.is_ascii() {
                t.check_alloc(s.len())?;
                self.pending.borrow_mut().extend_from_slice(s.bytes());
                return Ok(());
            }
            let made = codec::encode_known(t, text, known, self.error_text().as_deref())?;
            self.pending.borrow_mut().extend_from_slice(&made);
            return Ok(());
        }
        let made = method(t, &self.encoder.get(), "encode", std::slice::from_ref(text))?;
        let Some(b) = made.downcast::<bytes::Bytes>() else {
            let name = type_of(&made).name();
            return Err(error::type_error(t, format_args!("encoder should return a bytes object, not '{name}'")));
        };
        self.pending.borrow_mut().extend_from_slice(b.as_slice());
        Ok(())
    }

    /// Decodes a piece of input.
    pub fn decode(&self, t: &Thread, input: &[u8], last: bool) -> Res {
        let text = match self.native.get() {
            Some(known) => self.decode_native(t, known, input, last)?,
            None => {
                let args = [bytes::new(t, input)?, Value::bool(last)];
                let text = method(t, &self.decoder.get(), "decode", &args)?;
                if text.downcast::<Str>().is_none() {
                    let name = type_of(&text).name();
                    return Err(error::type_error(
                        t,
                        format_args!("decoder should return a string result, not '{name}'"),
                    ));
                }
                text
            }
        };
        if self.mode.get().universal { self.newlines.feed(t, text, last) } else { Ok(text) }
    }

    fn decode_native(&self, t: &Thread, known: Known, input: &[u8], last: bool) -> Res {
        if self.carry.borrow().is_empty() && (known == Known::Latin1 || input.is_ascii()) {
            return strs::from_latin1(t, input);
        }
        let mut data = self.carry.take();
        data.extend_from_slice(input);
        let whole = bytes::new(t, &data)?;
        let (text, used) = codec::decode_prefix(t, &whole, &data, known, self.error_text().as_deref(), last)?;
        data.drain(..used.min(data.len()));
        self.carry.replace(data);
        text.finish(t)
    }

    /// The decoder's state: bytes it holds back, and flags.
    pub fn decoder_state(&self, t: &Thread) -> Res<(Vec<u8>, u64)> {
        let (data, flags) = if self.native.get().is_some() {
            (self.carry.borrow().clone(), 0)
        } else {
            let (data, flags) = state_of(t, &self.decoder.get())?;
            (bytes::peek(&data).unwrap_or(&[]).to_vec(), flags)
        };
        if !self.mode.get().universal {
            return Ok((data, flags));
        }
        Ok((data, flags << 1 | u64::from(self.newlines.pending_cr.get())))
    }

    /// Puts the decoder into a state.
    pub fn set_decoder_state(&self, t: &Thread, data: &[u8], flags: u64) -> Res<()> {
        let mut flags = flags;
        if self.mode.get().universal {
            self.newlines.pending_cr.set(flags & 1 != 0);
            flags >>= 1;
        }
        if self.native.get().is_some() {
            self.carry.replace(data.to_vec());
            return Ok(());
        }
        let decoder = self.decoder.get();
        if !decoder.is_absent() {
            let state = tuple::from_array(t, [bytes::new(t, data)?, convert::from_u64(t, flags)?])?;
            method(t, &decoder, "setstate", &[state])?;
        }
        Ok(())
    }

    /// Makes the decoder as new.
    pub fn reset_decoder(&self, t: &Thread) -> Res<()> {
        self.carry.borrow_mut().clear();
        self.newlines.pending_cr.set(false);
        let decoder = self.decoder.get();
        if !decoder.is_absent() {
            method(t, &decoder, "reset", &[])?;
        }
        Ok(())
    }

    /// Forgets the decoded text.
    pub fn forget_decoded(&self) {
        self.used.set(0);
        drop(self.decoded.take());
        drop(self.snapshot.take());
    }

    /// Writes the pending bytes to the buffer.
    pub fn write_out(&self, t: &Thread) -> Res<()> {
        let data = self.pending.take();
        if data.is_empty() {
            return Ok(());
        }
        let buffer = self.buffer.get();
        if super::buffered_methods::is_plain_writer(&buffer) {
            super::buffered_methods::write_bytes(t, &buffer, &data)?;
            // The room is worth keeping.
            if self.pending.borrow().is_empty() {
                let mut data = data;
                data.clear();
                self.pending.replace(data);
            }
            return Ok(());
        }
        let data = bytes::from_vec(t, data)?;
        loop {
            match method(t, &buffer, "write", std::slice::from_ref(&data)) {
                Err(e) if e.is(&typhon_object::types::exceptions::INTERRUPTED_ERROR) => t.poll()?,
                r => return r.map(drop),
            }
        }
    }
}
