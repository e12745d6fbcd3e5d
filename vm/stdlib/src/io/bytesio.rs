//! `BytesIO`: a stream over memory.

use super::base::{self, BUFFERED_IO_BASE};
use super::size_arg;
use std::cell::{Cell, RefCell};
use typhon_object::buffer::{self, Buffer};
use typhon_object::bulk;
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::names;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::ops;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::tuple::{self, Tuple};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytes, int};
use typhon_object::{Args, Res, Thread, Value, attr, call, convert, error, payload, type_of};

/// So many bytes are written over between two looks at the breaker.
const STRIDE: usize = 1 << 18;

/// A stream over memory.
#[repr(C)]
pub struct BytesIO {
    header: Header,
    dict: Slot,
    data: RefCell<Vec<u8>>,
    pos: Cell<usize>,
    /// Memoryviews of the data that are alive; it keeps its size meanwhile.
    exports: Cell<usize>,
    closed: Cell<bool>,
    /// What the isolate's account carries for `data`.
    charged: Cell<usize>,
}

typhon_object::payload!(BytesIO => BYTES_IO {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
    }
    fn clear(&self) {
        drop(self.dict.take());
    }
});

static INIT: MethodDef = def("BytesIO", "(initial_bytes=b'')", |_, _| Ok(Value::NONE), "");

/// `_io.BytesIO`.
pub static BYTES_IO: TypeDef = TypeDef {
    name: "_io.BytesIO",
    doc: "Buffered I/O implementation using an in-memory bytes buffer.",
    signature: "(initial_bytes=b'')",
    base: Some(&BUFFERED_IO_BASE),
    flags: flag::BASETYPE | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(BytesIO, dict),
    slots: Slots {
        new: Some(new),
        init: Some(init),
        iter: Some(|t, v| open(t, v).map(|_| v.clone())),
        next: Some(next),
        ..Slots::NONE
    },
    methods: &[
        def(
            "readable",
            "($self, /)",
            |t, a| open(t, &a[0]).map(|_| Value::TRUE),
            "Returns True if the IO object can be read.",
        ),
        def(
            "writable",
            "($self, /)",
            |t, a| open(t, &a[0]).map(|_| Value::TRUE),
            "Returns True if the IO object can be written.",
        ),
        def(
            "seekable",
            "($self, /)",
            |t, a| open(t, &a[0]).map(|_| Value::TRUE),
            "Returns True if the IO object can be seeked.",
        ),
        def("isatty", "($self, /)", |t, a| open(t, &a[0]).map(|_| Value::FALSE), "Always returns False."),
        def("flush", "($self, /)", |t, a| open(t, &a[0]).map(|_| Value::NONE), "Does nothing."),
        def(
            "tell",
            "($self, /)",
            |t, a| open(t, &a[0]).and_then(|b| convert::from_u64(t, b.pos.get() as u64)),
            "Current file position, an integer.",
        )
        .tame(),
        def("read", "($self, size=-1, /)", read, "Read at most size bytes, returned as a bytes object.").tame(),
        def("read1", "($self, size=-1, /)", read, "Read at most size bytes, returned as a bytes object."),
        def("readline", "($self, size=-1, /)", readline, "Next line from the file, as a bytes object."),
        def("readlines", "($self, size=None, /)", readlines, "List of bytes objects, each a line from the file."),
        def("readinto", "($self, buffer, /)", readinto, "Read bytes into buffer."),
        def("write", "($self, b, /)", |t, a| write(t, &a[0], &a[1]).map(convert::from_usize), "Write bytes to file.")
            .tame(),
        def("writelines", "($self, lines, /)", writelines, "Write lines to the file."),
        def("seek", "($self, pos, whence=0, /)", seek, "Change stream position."),
        def("truncate", "($self, size=None, /)", truncate, "Truncate the file to at most size bytes."),
        def("getvalue", "($self, /)", getvalue, "Retrieve the entire contents of the BytesIO object.").tame(),
        def("getbuffer", "($self, /)", getbuffer, "Get a read-write view over the contents of the BytesIO object."),
        def("close", "($self, /)", close, "Disable all I/O operations."),
        def("__getstate__", "($self, /)", getstate, ""),
        def("__setstate__", "($self, state, /)", setstate, ""),
    ],
    getset: &[getter(
        "closed",
        |_, v| Ok(Value::bool(v.expect::<BytesIO>().closed.get())),
        "True if the file is closed.",
    )],
    ..TypeDef::of::<BytesIO>()
};

impl BytesIO {
    /// Whether it is closed.
    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }
}

impl Drop for BytesIO {
    fn drop(&mut self) {
        if let Some(t) = typhon_object::thread::current() {
            t.heap().uncharge(self.charged.get());
        }
    }
}

impl BytesIO {
    fn check_exports(&self, t: &Thread) -> Res<()> {
        if self.exports.get() > 0 {
            return Err(error::buffer_error(t, "Existing exports of data: object cannot be re-sized"));
        }
        Ok(())
    }

    /// Makes room for `len` bytes in all.
    fn reserve(&self, t: &Thread, len: usize) -> Res<()> {
        let mut data = self.data.borrow_mut();
        if len > data.capacity() {
            let more = len.saturating_sub(data.len()).max(data.len() / 8 + 64);
            t.check_alloc(more)?;
            data.try_reserve(more).map_err(|_| t.memory_error())?;
        }
        let (old, new) = (self.charged.get(), data.capacity());
        if new > old {
            t.heap().charge(new - old).map_err(|_| t.memory_error())?;
            self.charged.set(new);
        }
        Ok(())
    }

    /// Writes at the position, filling a gap with zeros.
    fn put(&self, t: &Thread, from: &[u8]) -> Res<()> {
        if from.is_empty() {
            return Ok(());
        }
        let at = self.pos.get();
        let Some(end) = at.checked_add(from.len()).filter(|&n| n <= isize::MAX as usize / 2) else {
            return Err(error::overflow_error(t, "new position too large"));
        };
        self.reserve(t, end)?;
        let mut data = self.data.borrow_mut();
        if data.len() < at {
            let gap = at - data.len();
            bulk::extend_n(&mut data, 0, gap);
            t.check_stop()?;
        }
        let over = from.len().min(data.len() - at);
        for (to, from) in data[at..at + over].chunks_mut(STRIDE).zip(from[..over].chunks(STRIDE)) {
            to.copy_from_slice(from);
            t.check_stop()?;
        }
        bulk::extend(&mut data, &from[over..]);
        self.pos.set(end);
        t.check_stop()
    }

    /// Moves past the next `n` bytes at most, and shows them.
    fn pass<R>(&self, n: usize, f: impl FnOnce(&[u8]) -> R) -> R {
        let data = self.data.borrow();
        let at = self.pos.get().min(data.len());
        let end = at.saturating_add(n).min(data.len());
        if end > at {
            self.pos.set(end);
        }
        f(&data[at..end])
    }

    /// The next `n` bytes at most. Without memory for them it stays where it is.
    fn take(&self, t: &Thread, n: usize) -> Res {
        let at = self.pos.get();
        let made = self.pass(n, |part| bytes::new(t, part));
        if made.is_err() {
            self.pos.set(at);
        }
        made
    }

    /// How long the next line is, up to `limit`.
    fn line(&self, limit: Option<usize>) -> usize {
        let data = self.data.borrow();
        let rest = data.get(self.pos.get()..).unwrap_or(&[]);
        let rest = &rest[..limit.map_or(rest.len(), |n| n.min(rest.len()))];
        rest.iter().position(|&b| b == b'\n').map_or(rest.len(), |i| i + 1)
    }
}

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, |header| BytesIO {
        header,
        dict: Slot::empty(),
        data: RefCell::new(Vec::new()),
        pos: Cell::new(0),
        exports: Cell::new(0),
        closed: Cell::new(false),
        charged: Cell::new(0),
    })
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    super::bind_init(t, &INIT, args, |a| {
        let b = v.expect::<BytesIO>();
        b.check_exports(t)?;
        b.data.borrow_mut().clear();
        b.pos.set(0);
        if let Some(initial) = a[0].non_none() {
            write(t, v, initial)?;
            b.pos.set(0);
        }
        Ok(())
    })
}

fn open<'a>(t: &Thread, v: &'a Value) -> Res<&'a BytesIO> {
    let b = v.expect::<BytesIO>();
    if b.closed.get() { Err(base::closed_error(t)) } else { Ok(b) }
}

fn read(t: &Thread, a: &[Value]) -> Res {
    let b = open(t, &a[0])?;
    let n = size_arg(t, &a[1])?.unwrap_or(usize::MAX);
    b.take(t, n)
}

fn readline(t: &Thread, a: &[Value]) -> Res {
    let b = open(t, &a[0])?;
    let limit = size_arg(t, &a[1])?;
    b.take(t, b.line(limit))
}

fn next(t: &Thread, v: &Value) -> Res {
    let b = open(t, v)?;
    let n = b.line(None);
    if n == 0 { Ok(Value::ABSENT) } else { b.take(t, n) }
}

fn readlines(t: &Thread, a: &[Value]) -> Res {
    let b = open(t, &a[0])?;
    let most = match a[1].non_none() {
        None => None,
        Some(v) if int::is_int(v) => usize::try_from(convert::to_isize(t, v)?).ok().filter(|&n| n > 0),
        Some(v) => {
            let name = type_of(v).name();
            return Err(error::type_error(t, format_args!("integer argument expected, got '{name}'")));
        }
    };
    let list = List::create(t)?;
    let mut total = 0;
    loop {
        t.poll()?;
        let n = b.line(None);
        if n == 0 || most.is_some_and(|m| total >= m) {
            return Ok(list);
        }
        total += n;
        list.expect::<List>().push(t, b.take(t, n)?)?;
    }
}

fn readinto(t: &Thread, a: &[Value]) -> Res {
    let to = base::writable(t, &a[1], "readinto")?;
    let b = open(t, &a[0])?;
    if b.exports.get() > 0 {
        // What is lent may be where the bytes come from.
        t.check_alloc(to.len)?;
        let copy = b.pass(to.len, <[u8]>::to_vec);
        to.as_mut_slice()[..copy.len()].copy_from_slice(&copy);
        return Ok(convert::from_usize(copy.len()));
    }
    let n = b.pass(to.len, |part| {
        to.as_mut_slice()[..part.len()].copy_from_slice(part);
        part.len()
    });
    Ok(convert::from_usize(n))
}

fn write(t: &Thread, v: &Value, from: &Value) -> Res<usize> {
    let b = open(t, v)?;
    b.check_exports(t)?;
    if let Some(from) = from.exact::<bytes::Bytes>() {
        b.put(t, from.as_slice())?;
        return Ok(from.len());
    }
    let from = buffer::get(t, from, buffer::SIMPLE)?;
    let data = from.to_contiguous(t)?;
    // Getting the buffer may have run code.
    let b = open(t, v)?;
    b.check_exports(t)?;
    b.put(t, &data)?;
    Ok(data.len())
}

fn writelines(t: &Thread, a: &[Value]) -> Res {
    open(t, &a[0])?;
    let it = ops::iter_at_once(t, &a[1])?;
    while let Some(line) = ops::next(t, &it)? {
        t.poll()?;
        write(t, &a[0], &line)?;
    }
    Ok(Value::NONE)
}

fn seek(t: &Thread, a: &[Value]) -> Res {
    let b = open(t, &a[0])?;
    let offset = convert::to_isize(t, &a[1])?;
    let whence = match a[2].opt() {
        Some(w) => convert::to_i32(t, w)?,
        None => 0,
    };
    let from = match whence {
        0 if offset < 0 => return Err(error::value_error(t, format_args!("negative seek value {offset}"))),
        0 => 0,
        1 => b.pos.get(),
        2 => b.data.borrow().len(),
        _ => {
            return Err(error::value_error(t, format_args!("invalid whence ({whence}, should be 0, 1 or 2)")));
        }
    };
    let Some(at) = (from as isize).checked_add(offset) else {
        return Err(error::overflow_error(t, "new position too large"));
    };
    b.pos.set(usize::try_from(at).unwrap_or(0));
    convert::from_u64(t, b.pos.get() as u64)
}

fn truncate(t: &Thread, a: &[Value]) -> Res {
    let b = open(t, &a[0])?;
    b.check_exports(t)?;
    let size = match a[1].non_none() {
        Some(n) => convert::to_isize(t, n)?,
        None => b.pos.get() as isize,
    };
    let Ok(n) = usize::try_from(size) else {
        return Err(error::value_error(t, format_args!("negative size value {size}")));
    };
    // Converting the size may have run code.
    let b = open(t, &a[0])?;
    b.check_exports(t)?;
    b.data.borrow_mut().truncate(n);
    convert::from_u64(t, n as u64)
}

fn getvalue(t: &Thread, a: &[Value]) -> Res {
    let b = open(t, &a[0])?;
    t.check_alloc(b.data.borrow().len())?;
    let data = b.data.borrow();
    bytes::new(t, &data)
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let b = a[0].expect::<BytesIO>();
    b.check_exports(t)?;
    b.closed.set(true);
    let gone = b.data.take();
    drop(gone);
    t.heap().uncharge(b.charged.replace(0));
    Ok(Value::NONE)
}

fn getstate(t: &Thread, a: &[Value]) -> Res {
    let data = getvalue(t, a)?;
    let v = &a[0];
    let dict = match v.header() {
        Some(h) => {
            let dict = attr::instance_dict(t, type_of(v), h)?;
            if Dict::of(&dict).is_empty() { Value::NONE } else { Dict::of(&dict).copy(t)? }
        }
        None => Value::NONE,
    };
    tuple::from_array(t, [data, convert::from_u64(t, v.expect::<BytesIO>().pos.get() as u64)?, dict])
}

fn setstate(t: &Thread, a: &[Value]) -> Res {
    let (v, state) = (&a[0], &a[1]);
    let name = type_of(v).name();
    let items = match state.downcast::<Tuple>() {
        Some(s) if s.len() >= 3 => s.items(),
        _ => {
            let got = type_of(state).name();
            return Err(error::type_error(
                t,
                format_args!("{name}.__setstate__ argument should be 3-tuple, got {got}"),
            ));
        }
    };
    let b = open(t, v)?;
    b.check_exports(t)?;
    b.data.borrow_mut().clear();
    b.pos.set(0);
    write(t, v, &items[0])?;
    if !int::is_int(&items[1]) {
        let got = type_of(&items[1]).name();
        return Err(error::type_error(t, format_args!("second item of state must be an integer, not {got}")));
    }
    let Ok(pos) = usize::try_from(convert::to_isize(t, &items[1])?) else {
        return Err(error::value_error(t, "position value cannot be negative"));
    };
    b.pos.set(pos);
    if let Some(d) = items[2].non_none() {
        let Some(more) = d.downcast::<Dict>() else {
            let got = type_of(d).name();
            return Err(error::type_error(t, format_args!("third item of state should be a dict, got a {got}")));
        };
        if let Some(h) = v.header() {
            Dict::of(&attr::instance_dict(t, type_of(v), h)?).merge(t, more, true)?;
        }
    }
    Ok(Value::NONE)
}

/// What a memoryview of a BytesIO's contents looks at.
#[repr(C)]
pub struct BytesIOBuffer {
    header: Header,
    source: Slot,
}

typhon_object::payload!(BytesIOBuffer => BYTES_IO_BUFFER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.source.peek() });
    }
});

/// `_io._BytesIOBuffer`.
pub static BYTES_IO_BUFFER: TypeDef = TypeDef {
    name: "_io._BytesIOBuffer",
    flags: flag::NO_NEW,
    slots: Slots { buffer: Some(lend), ..Slots::NONE },
    ..TypeDef::of::<BytesIOBuffer>()
};

fn lend(_: &Thread, v: &Value, _: i32) -> Res<Buffer> {
    let source = v.expect::<BytesIOBuffer>().source.get();
    let b = source.expect::<BytesIO>();
    b.exports.set(b.exports.get() + 1);
    let (at, len) = {
        let mut data = b.data.borrow_mut();
        (data.as_mut_ptr(), data.len())
    };
    Ok(Buffer::bytes(v.clone(), at, len, false, |v| {
        let source = v.expect::<BytesIOBuffer>().source.get();
        let b = source.expect::<BytesIO>();
        b.exports.set(b.exports.get().saturating_sub(1));
    }))
}

fn getbuffer(t: &Thread, a: &[Value]) -> Res {
    open(t, &a[0])?;
    let lender = payload::new(t, |header| BytesIOBuffer { header, source: Slot::new(a[0].clone()) })?;
    let builtins = t.builtins().get();
    let view = builtins.downcast::<Dict>().and_then(|d| d.get_str(&names::intern_text(t, "memoryview")));
    match view {
        Some(view) => call::call1(t, &view, &lender),
        None => Err(error::name_error(t, &names::intern_text(t, "memoryview"))),
    }
}
