//! The abstract streams: `_IOBase` and its three kinds.

use super::{ask, get_opt, is_closed, method, unsupported};
use typhon_object::attr;
use typhon_object::buffer;
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::names;
use typhon_object::native::{def, getter};
use typhon_object::ops;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytearray, bytes, int};
use typhon_object::{Exc, Res, Thread, Value, convert, error, payload, type_of};

/// A stream without anything of its own.
#[repr(C)]
pub struct IoBase {
    header: Header,
    dict: Slot,
}

typhon_object::payload!(IoBase => IO_BASE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
    }
    fn clear(&self) {
        drop(self.dict.take());
    }
});

#[expect(clippy::declare_interior_mutable_const, reason = "a template: each definition made from it has its own cell")]
const KIND: TypeDef = TypeDef {
    flags: flag::BASETYPE | flag::WEAKREFS | flag::FINALIZER,
    dict_offset: std::mem::offset_of!(IoBase, dict),
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, |header| IoBase { header, dict: Slot::empty() })),
        ..Slots::NONE
    },
    ..TypeDef::of::<IoBase>()
};

/// `_io._IOBase`.
pub static IO_BASE: TypeDef = TypeDef {
    name: "_io._IOBase",
    doc: "The abstract base class for all I/O classes.",
    slots: Slots { iter: Some(iter), next: Some(next), finalize: Some(finalize), ..KIND.slots },
    methods: &[
        def(
            "seek",
            "($self, offset, whence=0, /)",
            |t, _| Err(unsupported(t, "seek")),
            "Change the stream position to the given byte offset.",
        ),
        def(
            "tell",
            "($self, /)",
            |t, a| method(t, &a[0], "seek", &[Value::small(0), Value::small(1)]),
            "Return current stream position.",
        ),
        def(
            "truncate",
            "($self, size=None, /)",
            |t, _| Err(unsupported(t, "truncate")),
            "Truncate file to size bytes.",
        ),
        def(
            "fileno",
            "($self, /)",
            |t, _| Err(unsupported(t, "fileno")),
            "Return underlying file descriptor if one exists.",
        ),
        def("flush", "($self, /)", flush, "Flush write buffers, if applicable."),
        def("close", "($self, /)", close, "Flush and close the IO object."),
        def("seekable", "($self, /)", |_, _| Ok(Value::FALSE), "Return whether object supports random access."),
        def("readable", "($self, /)", |_, _| Ok(Value::FALSE), "Return whether object was opened for reading."),
        def("writable", "($self, /)", |_, _| Ok(Value::FALSE), "Return whether object was opened for writing."),
        def("_checkClosed", "($self, msg=None, /)", |t, a| check_closed(t, &a[0]).map(|()| Value::NONE), ""),
        def("_checkSeekable", "($self, msg=None, /)", |t, a| check(t, &a[0], "seekable"), ""),
        def("_checkReadable", "($self, msg=None, /)", |t, a| check(t, &a[0], "readable"), ""),
        def("_checkWritable", "($self, msg=None, /)", |t, a| check(t, &a[0], "writable"), ""),
        def(
            "isatty",
            "($self, /)",
            |t, a| check_closed(t, &a[0]).map(|()| Value::FALSE),
            "Return whether this is an 'interactive' stream.",
        ),
        def("__enter__", "($self, /)", |t, a| check_closed(t, &a[0]).map(|()| a[0].clone()), ""),
        def("__exit__", "($self, /, *args)", |t, a| method(t, &a[0], "close", &[]), ""),
        def("readline", "($self, size=-1, /)", readline, "Read and return a line from the stream."),
        def("readlines", "($self, hint=-1, /)", readlines, "Return a list of lines from the stream."),
        def("writelines", "($self, lines, /)", writelines, "Write a list of lines to stream."),
    ],
    getset: &[getter("closed", |t, v| own_closed(t, v).map(Value::bool), "")],
    ..KIND
};

/// `_io._RawIOBase`.
pub static RAW_IO_BASE: TypeDef = TypeDef {
    name: "_io._RawIOBase",
    doc: "Base class for raw binary I/O.",
    base: Some(&IO_BASE),
    methods: &[
        def("read", "($self, size=-1, /)", raw_read, ""),
        def("readall", "($self, /)", |t, a| read_all(t, &a[0]), "Read until EOF, using multiple read() call."),
    ],
    ..KIND
};

/// `_io._BufferedIOBase`.
pub static BUFFERED_IO_BASE: TypeDef = TypeDef {
    name: "_io._BufferedIOBase",
    doc: "Base class for buffered IO objects.",
    base: Some(&IO_BASE),
    methods: &[
        def(
            "detach",
            "($self, /)",
            |t, _| Err(unsupported(t, "detach")),
            "Disconnect this buffer from its underlying raw stream and return it.",
        ),
        def("read", "($self, size=-1, /)", |t, _| Err(unsupported(t, "read")), "Read and return up to n bytes."),
        def("read1", "($self, size=-1, /)", |t, _| Err(unsupported(t, "read1")), "Read and return up to size bytes."),
        def("readinto", "($self, buffer, /)", |t, a| read_into(t, a, "read"), ""),
        def("readinto1", "($self, buffer, /)", |t, a| read_into(t, a, "read1"), ""),
        def("write", "($self, b, /)", |t, _| Err(unsupported(t, "write")), "Write buffer b to the IO stream."),
    ],
    ..KIND
};

/// `_io._TextIOBase`.
pub static TEXT_IO_BASE: TypeDef = TypeDef {
    name: "_io._TextIOBase",
    doc: "Base class for text I/O.",
    base: Some(&IO_BASE),
    methods: &[
        def(
            "detach",
            "($self, /)",
            |t, _| Err(unsupported(t, "detach")),
            "Separate the underlying buffer from the TextIOBase and return it.",
        ),
        def(
            "read",
            "($self, size=-1, /)",
            |t, _| Err(unsupported(t, "read")),
            "Read at most size characters from stream.",
        ),
        def("readline", "($self, size=-1, /)", |t, _| Err(unsupported(t, "readline")), "Read until newline or EOF."),
        def("write", "($self, s, /)", |t, _| Err(unsupported(t, "write")), "Write string s to stream."),
    ],
    getset: &[
        getter("encoding", |_, _| Ok(Value::NONE), "Encoding of the text stream."),
        getter("newlines", |_, _| Ok(Value::NONE), "Line endings translated so far."),
        getter("errors", |_, _| Ok(Value::NONE), "The error setting of the decoder or encoder."),
    ],
    ..KIND
};

const CLOSED: &str = "__IOBase_closed";

fn own_closed(t: &Thread, v: &Value) -> Res<bool> {
    match get_opt(t, v, CLOSED)? {
        Some(v) => ops::truth(t, &v),
        None => Ok(false),
    }
}

/// "I/O operation on closed file."
#[cold]
pub fn closed_error(t: &Thread) -> Exc {
    error::value_error(t, "I/O operation on closed file.")
}

/// ValueError if the stream's `closed` is true.
pub fn check_closed(t: &Thread, v: &Value) -> Res<()> {
    if is_closed(t, v)? { Err(closed_error(t)) } else { Ok(()) }
}

/// UnsupportedOperation unless the stream says that it can.
pub fn check(t: &Thread, v: &Value, what: &str) -> Res {
    let able = method(t, v, what, &[])?;
    if able.is_true() { Ok(able) } else { Err(unsupported(t, &format!("File or stream is not {what}."))) }
}

fn flush(t: &Thread, a: &[Value]) -> Res {
    if own_closed(t, &a[0])? { Err(closed_error(t)) } else { Ok(Value::NONE) }
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    if own_closed(t, this)? {
        return Ok(Value::NONE);
    }
    let flushed = method(t, this, "flush", &[]);
    let marked = attr::set(t, this, &names::intern_text(t, CLOSED), Some(&Value::TRUE));
    flushed?;
    marked?;
    Ok(Value::NONE)
}

/// `__del__`: closes the stream. What goes wrong is nobody's to hear, as in CPython outside development mode.
pub fn finalize(t: &Thread, v: &Value) {
    let closed = match get_opt(t, v, "closed") {
        Ok(Some(c)) => ops::truth(t, &c).unwrap_or(true),
        Ok(None) => false,
        Err(_) => false,
    };
    if !closed {
        // A stream whose class refuses the mark is closed all the same.
        drop(attr::set(t, v, &names::intern_text(t, "_finalizing"), Some(&Value::TRUE)));
        drop(method(t, v, "close", &[]));
    }
}

/// Warns that a stream was not closed by its user.
pub fn warn_unclosed(t: &Thread, source: &Value) {
    let category = typhon_object::types::exceptions::RESOURCE_WARNING.ty().value();
    let warned =
        ops::repr_text(t, source).and_then(|text| (t.hooks.warn)(t, &category, &format!("unclosed file {text}"), 1));
    if let Err(e) = warned {
        (t.hooks.unraisable)(t, e, "Exception ignored in", Some(source));
    }
}

fn iter(t: &Thread, v: &Value) -> Res {
    check_closed(t, v)?;
    Ok(v.clone())
}

fn next(t: &Thread, v: &Value) -> Res {
    let line = method(t, v, "readline", &[])?;
    if ops::len(t, &line)? == 0 { Ok(Value::ABSENT) } else { Ok(line) }
}

fn readline(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    let limit = super::size_arg(t, &a[1])?;
    let peek = get_opt(t, this, "peek")?;
    let mut out = Vec::new();
    while limit.is_none_or(|n| out.len() < n) {
        t.poll()?;
        let mut want = 1;
        if let Some(peek) = &peek {
            let ahead = typhon_object::call::call1(t, peek, &Value::small(1))?;
            let Some(data) = bytes::peek(&ahead).filter(|_| ahead.downcast::<bytes::Bytes>().is_some()) else {
                let name = type_of(&ahead).name();
                return Err(error::new(
                    t,
                    &typhon_object::types::exceptions::OS_ERROR,
                    format_args!("peek() should have returned a bytes object, not '{name}'"),
                ));
            };
            if !data.is_empty() {
                let most = limit.map_or(data.len(), |n| data.len().min(n - out.len()));
                want = data[..most].iter().position(|&b| b == b'\n').map_or(most, |i| i + 1);
            }
        }
        let piece = method(t, this, "read", &[convert::from_usize(want)])?;
        let Some(b) = piece.downcast::<bytes::Bytes>() else {
            let name = type_of(&piece).name();
            return Err(error::new(
                t,
                &typhon_object::types::exceptions::OS_ERROR,
                format_args!("read() should have returned a bytes object, not '{name}'"),
            ));
        };
        if b.is_empty() {
            break;
        }
        out.extend_from_slice(b.as_slice());
        if out.last() == Some(&b'\n') {
            break;
        }
    }
    bytes::from_vec(t, out)
}

fn readlines(t: &Thread, a: &[Value]) -> Res {
    let hint = match a[1].non_none() {
        Some(v) => convert::to_isize(t, v)?,
        None => -1,
    };
    let list = List::create(t)?;
    let lines = list.expect::<List>();
    let it = ops::iter(t, &a[0])?;
    let mut total = 0;
    while let Some(line) = ops::next(t, &it)? {
        t.poll()?;
        total += ops::len(t, &line)? as isize;
        lines.push(t, line)?;
        if hint > 0 && total > hint {
            break;
        }
    }
    Ok(list)
}

fn writelines(t: &Thread, a: &[Value]) -> Res {
    check_closed(t, &a[0])?;
    let it = ops::iter_at_once(t, &a[1])?;
    while let Some(line) = ops::next(t, &it)? {
        t.poll()?;
        method(t, &a[0], "write", &[line])?;
    }
    Ok(Value::NONE)
}

fn raw_read(t: &Thread, a: &[Value]) -> Res {
    let n = match a[1].non_none() {
        Some(v) => convert::to_isize(t, v)?,
        None => -1,
    };
    let Ok(n) = usize::try_from(n) else { return method(t, &a[0], "readall", &[]) };
    t.check_alloc(n)?;
    let room = bytearray::from_vec(t, vec![0; n])?;
    let got = method(t, &a[0], "readinto", std::slice::from_ref(&room))?;
    if got.is_none() {
        return Ok(got);
    }
    let got = convert::to_isize(t, &got)?;
    let data = bytes::peek(&room).unwrap_or(&[]);
    match usize::try_from(got).ok().and_then(|got| data.get(..got)) {
        Some(part) => bytes::new(t, part),
        None => Err(error::value_error(t, format_args!("readinto returned {got} outside buffer size {n}"))),
    }
}

/// Everything that is left, by `read()`; None if nothing is there yet.
pub fn read_all(t: &Thread, this: &Value) -> Res {
    let mut out = Vec::new();
    loop {
        t.poll()?;
        let piece = method(t, this, "read", &[Value::small(super::BUFFER_SIZE as i64)])?;
        if piece.is_none() {
            if out.is_empty() {
                return Ok(piece);
            }
            break;
        }
        let Some(b) = piece.downcast::<bytes::Bytes>() else {
            return Err(error::type_error(t, "read() should return bytes"));
        };
        if b.is_empty() {
            break;
        }
        t.check_alloc(b.len())?;
        out.extend_from_slice(b.as_slice());
    }
    bytes::from_vec(t, out)
}

fn read_into(t: &Thread, a: &[Value], how: &str) -> Res {
    let to = writable(t, &a[1], "readinto")?;
    let got = method(t, &a[0], how, &[convert::from_usize(to.len)])?;
    let Some(b) = got.downcast::<bytes::Bytes>() else {
        return Err(error::type_error(t, "read() should return bytes"));
    };
    if b.len() > to.len {
        let (asked, given) = (to.len, b.len());
        return Err(error::value_error(
            t,
            format_args!("read() returned too much data: {asked} bytes requested, {given} returned"),
        ));
    }
    to.as_mut_slice()[..b.len()].copy_from_slice(b.as_slice());
    Ok(convert::from_usize(b.len()))
}

/// A buffer to read into.
pub fn writable(t: &Thread, v: &Value, function: &str) -> Res<buffer::Buffer> {
    let refuse = || {
        let name = if v.is_none() { "None".to_string() } else { type_of(v).name() };
        error::type_error(t, format_args!("{function}() argument must be read-write bytes-like object, not {name}"))
    };
    if !buffer::supported(v) {
        return Err(refuse());
    }
    match buffer::get(t, v, buffer::WRITABLE) {
        Ok(b) if b.read_only => Err(refuse()),
        Err(e) if e.is(&typhon_object::types::exceptions::BUFFER_ERROR) => Err(refuse()),
        r => r,
    }
}

/// The position a stream's `seek` or `tell` gave.
pub fn position(t: &Thread, v: &Value) -> Res<i64> {
    if !int::is_int(v) {
        let v = convert::to_index(t, v)?;
        return convert::to_i64(t, &v);
    }
    convert::to_i64(t, v)
}

/// Whether a stream says it can seek.
pub fn seekable(t: &Thread, v: &Value) -> Res<bool> {
    ask(t, v, "seekable")
}

/// The `name` of a stream as its repr shows it, after " name=".
pub fn name_part(t: &Thread, v: &Value, key: &str) -> Res<Option<String>> {
    match get_opt(t, v, key) {
        Ok(Some(name)) => Ok(Some(ops::repr_text(t, &name)?)),
        Ok(None) => Ok(None),
        // A detached or uninitialized stream has no name to show.
        Err(e) if e.is(&typhon_object::types::exceptions::VALUE_ERROR) => Ok(None),
        Err(e) => Err(e),
    }
}

/// A str of text made here.
pub fn text(t: &Thread, s: &str) -> Res {
    strs::new(t, s)
}
