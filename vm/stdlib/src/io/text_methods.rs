//! Methods of text streams that neither read nor seek.

use super::base;
use super::newlines::NewlineMode;
use super::text::{self, TEXT_IO_WRAPPER, TextIO};
use super::{get_opt, is_closed, method, text_read, text_seek, unsupported};
use typhon_object::codec::Known;
use typhon_object::native::{MethodDef, def};
use typhon_object::ops;
use typhon_object::strs::{self, Str};
use typhon_object::{Res, Thread, Value, call, convert, error, type_of};

/// The methods.
pub const METHODS: &[MethodDef] = &[
    def("detach", "($self, /)", detach, ""),
    def(
        "reconfigure",
        "($self, /, *, encoding=None, errors=None, newline=None, line_buffering=None, write_through=None)",
        reconfigure,
        "Reconfigure the text stream with new parameters.",
    ),
    def("write", "($self, text, /)", write, ""),
    def("read", "($self, size=-1, /)", text_read::read, ""),
    def("readline", "($self, size=-1, /)", text_read::readline, ""),
    def("flush", "($self, /)", flush, ""),
    def("close", "($self, /)", close, ""),
    def("fileno", "($self, /)", |t, a| pass(t, &a[0], "fileno"), ""),
    def("seekable", "($self, /)", |t, a| pass(t, &a[0], "seekable"), ""),
    def("readable", "($self, /)", |t, a| pass(t, &a[0], "readable"), ""),
    def("writable", "($self, /)", |t, a| pass(t, &a[0], "writable"), ""),
    def("isatty", "($self, /)", |t, a| pass(t, &a[0], "isatty"), ""),
    def(
        "seek",
        "($self, cookie, whence=0, /)",
        text_seek::seek,
        "Set the stream position, and return the new stream position.",
    ),
    def("tell", "($self, /)", text_seek::tell, "Return the stream position as an opaque number."),
    def("truncate", "($self, pos=None, /)", truncate, ""),
];

fn pass(t: &Thread, v: &Value, name: &str) -> Res {
    let buffer = text::get(t, v)?.buffer.get();
    method(t, &buffer, name, &[])
}

fn detach(t: &Thread, a: &[Value]) -> Res {
    let s = text::get(t, &a[0])?;
    method(t, &a[0], "flush", &[])?;
    Ok(s.leave_buffer())
}

fn reconfigure(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    let s = text::get(t, this)?;
    let read_already = !s.decoded.is_absent() || s.snapshot.borrow().is_some();
    let (encoding, errors, newline) = (a[1].non_none(), a[2].non_none(), &a[3]);
    if s.can_read.get() && read_already && (encoding.is_some() || errors.is_some() || !newline.is_absent()) {
        return Err(unsupported(t, "It is not possible to set the encoding or newline of stream after the first read"));
    }
    let encoding_text = named(t, &a[1], "encoding")?;
    let errors_text = named(t, &a[2], "errors")?;
    let mode = if newline.is_absent() { None } else { Some(NewlineMode::arg(t, "reconfigure", newline)?.0) };
    let line_buffering = flag_arg(t, &a[4])?;
    let write_through = flag_arg(t, &a[5])?;
    method(t, this, "flush", &[])?;
    s.pending.borrow_mut().clear();
    if encoding_text.is_some() || errors_text.is_some() {
        let current = |slot: Value| strs::display(&slot);
        let encoding = match &encoding_text {
            Some(e) if e == "locale" => "UTF-8".to_string(),
            Some(e) => e.clone(),
            None => current(s.encoding.get()),
        };
        // A new encoding without a handler is strict again.
        let errors = errors_text
            .unwrap_or_else(|| if encoding_text.is_some() { "strict".to_string() } else { current(s.errors.get()) });
        let native = Known::from_name(&encoding).filter(|k| matches!(k, Known::Utf8 | Known::Latin1 | Known::Ascii));
        s.set_codec(t, &encoding, &errors, native)?;
        s.fix_encoder(t)?;
    }
    if let Some(mode) = mode {
        s.set_mode(mode);
    }
    if let Some(on) = line_buffering {
        s.line_buffering.set(on);
    }
    if let Some(on) = write_through {
        s.write_through.set(on);
    }
    Ok(Value::NONE)
}

fn named(t: &Thread, v: &Value, name: &str) -> Res<Option<String>> {
    let Some(v) = v.non_none() else { return Ok(None) };
    if v.downcast::<Str>().is_none() {
        let ty = type_of(v).name();
        return Err(error::type_error(
            t,
            format_args!("reconfigure() argument '{name}' must be str or None, not {ty}"),
        ));
    }
    convert::to_text(t, v, "reconfigure", name).map(Some)
}

fn flag_arg(t: &Thread, v: &Value) -> Res<Option<bool>> {
    match v.non_none() {
        None => Ok(None),
        Some(v) => Ok(Some(convert::to_i32(t, v)? != 0)),
    }
}

fn write(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    if a[1].downcast::<Str>().is_none() {
        let name = type_of(&a[1]).name();
        return Err(error::type_error(t, format_args!("write() argument must be str, not {name}")));
    }
    write_text(t, this, &a[1])?;
    Ok(convert::from_usize(a[1].expect::<Str>().len()))
}

/// Writes a str.
pub fn write_text(t: &Thread, this: &Value, text: &Value) -> Res<()> {
    let s = text::open(t, this)?;
    if !s.can_write.get() {
        return Err(unsupported(t, "not writable"));
    }
    let units = text.expect::<Str>().units();
    let end_of_line = |c: u8| match units {
        strs::Units::Latin1(u) => u.contains(&c),
        _ => units.iter().any(|x| x == u32::from(c)),
    };
    let translate = s.mode.get().write;
    let has_lf = (translate.is_some() || s.line_buffering.get()) && end_of_line(b'\n');
    let needs_flush = s.line_buffering.get() && (has_lf || end_of_line(b'\r'));
    match translate {
        Some(nl) if has_lf => {
            let text = super::newlines::replace_lf(t, text.expect::<Str>(), nl)?;
            add(t, s, &text)?;
        }
        _ => add(t, s, text)?,
    }
    if s.pending.borrow().len() >= s.chunk_size.get() || needs_flush || s.write_through.get() {
        s.write_out(t)?;
    }
    if needs_flush {
        method(t, &s.buffer.get(), "flush", &[])?;
    }
    if !s.decoded.is_absent() || s.snapshot.borrow().is_some() {
        s.forget_decoded();
    }
    if s.can_read.get() {
        s.reset_decoder(t)?;
    }
    Ok(())
}

fn add(t: &Thread, s: &TextIO, text: &Value) -> Res<()> {
    // Pieces reach the buffer in chunks of the chunk size, not more.
    let waiting = s.pending.borrow().len();
    if waiting > 0 && waiting + text.expect::<Str>().len() > s.chunk_size.get() {
        s.write_out(t)?;
    }
    s.encode(t, text)
}

fn flush(t: &Thread, a: &[Value]) -> Res {
    let s = text::open(t, &a[0])?;
    s.telling.set(s.seekable.get());
    s.write_out(t)?;
    method(t, &s.buffer.get(), "flush", &[])
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    let s = text::get(t, this)?;
    let buffer = s.buffer.get();
    if is_closed(t, &buffer)? {
        return Ok(Value::NONE);
    }
    if s.finalizing.get()
        && let Some(warn) = get_opt(t, &buffer, "_dealloc_warn")?
        && let Err(e) = call::call1(t, &warn, this)
        && e.is_stopped()
    {
        return Err(e);
    }
    let flushed = method(t, this, "flush", &[]);
    let closed = method(t, &buffer, "close", &[]);
    match (flushed, closed) {
        (Err(e), Err(second)) if !e.is_stopped() && !second.is_stopped() => {
            typhon_object::types::exceptions::set_context(t, second.value(), e.into_value());
            Err(second)
        }
        (Err(e), _) => Err(e),
        (_, closed) => closed,
    }
}

fn truncate(t: &Thread, a: &[Value]) -> Res {
    let s = text::get(t, &a[0])?;
    method(t, &a[0], "flush", &[])?;
    let size = a[1].opt().cloned().unwrap_or(Value::NONE);
    method(t, &s.buffer.get(), "truncate", &[size])
}

/// `newlines`.
pub fn newlines(t: &Thread, v: &Value) -> Res {
    let s = text::get(t, v)?;
    if s.can_read.get() && s.mode.get().universal { s.newlines.seen(t) } else { Ok(Value::NONE) }
}

/// `_CHUNK_SIZE = n`.
pub fn set_chunk_size(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let s = text::get(t, v)?;
    let Some(x) = x else {
        return Err(error::new(t, &typhon_object::types::exceptions::ATTRIBUTE_ERROR, "cannot delete attribute"));
    };
    match usize::try_from(convert::to_isize(t, x)?) {
        Ok(n) if n > 0 => {
            s.chunk_size.set(n);
            Ok(())
        }
        _ => Err(error::value_error(t, "a strictly positive integer is required")),
    }
}

/// `__repr__`.
pub fn repr(t: &Thread, v: &Value) -> Res {
    let s = text::get(t, v)?;
    let ty = type_of(v);
    let ty = if std::ptr::eq(ty, TEXT_IO_WRAPPER.ty()) { TEXT_IO_WRAPPER.name.to_string() } else { ty.name() };
    let mut out = format!("<{ty}");
    if let Some(name) = base::name_part(t, v, "name")? {
        out += &format!(" name={name}");
    }
    if let Some(mode) = base::name_part(t, v, "mode")? {
        out += &format!(" mode={mode}");
    }
    out += &format!(" encoding={}>", ops::repr_text(t, &s.encoding.get())?);
    strs::new(t, &out)
}
