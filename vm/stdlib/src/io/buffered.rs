//! Buffered streams over a raw stream: state, types and the moves of bytes. Methods are in `buffered_methods`.
//!
//! A stream has bytes read ahead or bytes not yet written, never both: reading writes out first, writing gives the bytes
//! read ahead back by seeking.

use super::base::{self, BUFFERED_IO_BASE};
use super::buffered_methods as m;
use super::file::FileIO;
use super::host_stream::HostStream;
use super::{bind_init, method, unsupported};
use crate::thread::turns;
use crate::time;
use std::cell::{Cell, RefCell};
use typhon_object::header::Header;
use typhon_object::native::{MethodDef, def, getset, getter};
use typhon_object::ops;
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytearray, bytes, exceptions, int};
use typhon_object::{Args, Res, Thread, Value, attr, convert, error, payload};

/// A buffered stream.
#[repr(C)]
pub struct Buffered {
    header: Header,
    dict: Slot,
    /// The raw stream; absent before `__init__` and after `detach()`.
    pub raw: Slot,
    /// Bytes read ahead.
    pub ahead: RefCell<Vec<u8>>,
    /// How many of them are used up.
    pub used: Cell<usize>,
    /// Bytes to be written.
    pub pending: RefCell<Vec<u8>>,
    /// Size of either buffer.
    pub size: Cell<usize>,
    reads: Cell<bool>,
    writes: Cell<bool>,
    ready: Cell<bool>,
    pub(super) detached: Cell<bool>,
    pub(super) finalizing: Cell<bool>,
    /// A call of the raw stream is under way.
    busy: Cell<u64>,
}

typhon_object::payload!(Buffered => BUFFERED {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.dict.peek());
            visit(self.raw.peek());
        }
    }
    fn clear(&self) {
        drop(self.dict.take());
    }
});

const fn constructor(name: &'static str) -> MethodDef {
    def(name, "(raw, buffer_size=131072)", |_, _| Ok(Value::NONE), "")
}

/// The constructors' arguments, by what the stream can do: read, write, both.
static INITS: [MethodDef; 3] =
    [constructor("BufferedReader"), constructor("BufferedWriter"), constructor("BufferedRandom")];

/// What the three have in common.
static BUFFERED: TypeDef = TypeDef {
    name: "_io._Buffered",
    base: Some(&BUFFERED_IO_BASE),
    flags: flag::BASETYPE | flag::WEAKREFS | flag::FINALIZER,
    dict_offset: std::mem::offset_of!(Buffered, dict),
    ..TypeDef::of::<Buffered>()
};

const SLOTS: Slots = Slots { new: Some(new), repr: Some(m::repr), finalize: Some(base::finalize), ..Slots::NONE };

const GETSET: &[typhon_object::native::GetSetDef] = &[
    getter("closed", m::closed, ""),
    getter("name", |t, v| attr::get_text(t, &get(t, v)?.raw.get(), "name"), ""),
    getter("mode", |t, v| attr::get_text(t, &get(t, v)?.raw.get(), "mode"), ""),
    getter("raw", |_, v| Ok(v.expect::<Buffered>().raw.get().present().unwrap_or(Value::NONE)), ""),
    getset(
        "_finalizing",
        |_, v| Ok(Value::bool(v.expect::<Buffered>().finalizing.get())),
        |t, v, x| {
            if let Some(x) = x {
                v.expect::<Buffered>().finalizing.set(convert::to_bool(t, x)?);
            }
            Ok(())
        },
        "",
    ),
];

#[expect(clippy::declare_interior_mutable_const, reason = "a template: each definition made from it has its own cell")]
const KIND: TypeDef = TypeDef {
    base: Some(&BUFFERED),
    flags: flag::BASETYPE | flag::WEAKREFS | flag::FINALIZER,
    dict_offset: std::mem::offset_of!(Buffered, dict),
    signature: "(raw, buffer_size=131072)",
    getset: GETSET,
    ..TypeDef::of::<Buffered>()
};

/// `_io.BufferedReader`.
pub static BUFFERED_READER: TypeDef = TypeDef {
    name: "_io.BufferedReader",
    doc: "Create a new buffered reader using the given readable raw IO object.",
    slots: Slots { init: Some(|t, v, a| init(t, v, a, true, false)), next: Some(m::next), ..SLOTS },
    methods: m::READER,
    ..KIND
};

/// `_io.BufferedWriter`.
pub static BUFFERED_WRITER: TypeDef = TypeDef {
    name: "_io.BufferedWriter",
    doc: "A buffer for a writeable sequential RawIO object.",
    slots: Slots { init: Some(|t, v, a| init(t, v, a, false, true)), ..SLOTS },
    methods: m::WRITER,
    ..KIND
};

/// `_io.BufferedRandom`.
pub static BUFFERED_RANDOM: TypeDef = TypeDef {
    name: "_io.BufferedRandom",
    doc: "A buffered interface to random access streams.",
    slots: Slots { init: Some(|t, v, a| init(t, v, a, true, true)), next: Some(m::next), ..SLOTS },
    methods: m::RANDOM,
    ..KIND
};

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, |header| Buffered {
        header,
        dict: Slot::empty(),
        raw: Slot::empty(),
        ahead: RefCell::default(),
        used: Cell::new(0),
        pending: RefCell::default(),
        size: Cell::new(super::BUFFER_SIZE),
        reads: Cell::new(false),
        writes: Cell::new(false),
        ready: Cell::new(false),
        detached: Cell::new(false),
        finalizing: Cell::new(false),
        busy: Cell::new(0),
    })
}

fn init(t: &Thread, v: &Value, args: Args<'_>, reads: bool, writes: bool) -> Res<()> {
    let b = v.expect::<Buffered>();
    b.ready.set(false);
    b.detached.set(false);
    let which = match (reads, writes) {
        (true, false) => 0,
        (false, _) => 1,
        (true, true) => 2,
    };
    bind_init(t, &INITS[which], args, |a| {
        let raw = &a[0];
        if reads && writes {
            base::check(t, raw, "seekable")?;
        }
        if reads {
            base::check(t, raw, "readable")?;
        }
        if writes {
            base::check(t, raw, "writable")?;
        }
        let size = match a[1].opt() {
            Some(n) => convert::to_isize(t, n)?,
            None => super::BUFFER_SIZE as isize,
        };
        let Some(size) = usize::try_from(size).ok().filter(|&n| n > 0) else {
            return Err(error::value_error(t, "buffer size must be strictly positive"));
        };
        t.check_alloc(size)?;
        b.raw.set(&b.header, raw.clone());
        b.size.set(size);
        b.reads.set(reads);
        b.writes.set(writes);
        b.drop_ahead();
        b.pending.borrow_mut().clear();
        b.ready.set(true);
        Ok(())
    })
}

/// The stream, ready for use.
pub fn get<'a>(t: &Thread, v: &'a Value) -> Res<&'a Buffered> {
    let b = v.expect::<Buffered>();
    if b.ready.get() {
        return Ok(b);
    }
    let text = if b.detached.get() { "raw stream has been detached" } else { "I/O operation on uninitialized object" };
    Err(error::value_error(t, text))
}

/// The stream, ready and open; `what` is the error's text.
pub fn open<'a>(t: &Thread, v: &'a Value, what: &str) -> Res<&'a Buffered> {
    let b = get(t, v)?;
    let closed = match b.raw.get().exact::<FileIO>() {
        Some(f) => f.is_closed(),
        None => super::is_closed(t, &b.raw.get())?,
    };
    if closed { Err(error::value_error(t, what)) } else { Ok(b) }
}

/// Marks a stream as being in a call of its raw stream, by the thread it holds; gone when dropped.
pub struct Busy<'a>(&'a Cell<u64>);

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.set(0);
        if let Some(t) = typhon_object::thread::current() {
            turns::wake(t, std::ptr::from_ref(self.0) as usize, false);
        }
    }
}

impl Buffered {
    /// Whether it reads and writes.
    pub fn is_random(&self) -> bool {
        self.reads.get() && self.writes.get()
    }

    /// Whether it reads.
    pub fn reads(&self) -> bool {
        self.reads.get()
    }

    /// Forbids calls that come back while the raw stream works, and lets other threads wait for its end.
    pub fn enter(&self, t: &Thread, v: &Value) -> Res<Busy<'_>> {
        let me = turns::current();
        if self.busy.get() == me {
            let text = ops::repr_text(t, v)?;
            return Err(error::runtime_error(t, format_args!("reentrant call inside {text}")));
        }
        time::pause_for(t, None, std::ptr::from_ref(&self.busy) as usize, || self.busy.get() == 0)?;
        self.busy.set(me);
        Ok(Busy(&self.busy))
    }

    /// Takes the raw stream away.
    pub fn leave_raw(&self) -> Value {
        self.ready.set(false);
        self.detached.set(true);
        self.raw.take()
    }

    /// How many bytes are read ahead.
    pub fn available(&self) -> usize {
        self.ahead.borrow().len() - self.used.get()
    }

    /// Forgets the bytes read ahead.
    pub fn drop_ahead(&self) {
        self.ahead.borrow_mut().clear();
        self.used.set(0);
    }

    /// Takes up to `n` bytes from those read ahead.
    pub fn take(&self, n: usize) -> Vec<u8> {
        let ahead = self.ahead.borrow();
        let from = self.used.get();
        let to = from + n.min(ahead.len() - from);
        self.used.set(to);
        ahead[from..to].to_vec()
    }

    /// Reads once from the raw stream into `to`; `None` if it has nothing yet.
    pub fn raw_read(&self, t: &Thread, to: &mut [u8]) -> Res<Option<usize>> {
        let raw = self.raw.get();
        if let Some(f) = raw.exact::<FileIO>() {
            f.check_readable(t)?;
            return f.read_some(t, to);
        }
        if let Some(h) = raw.exact::<HostStream>() {
            return h.take(t, to).map(Some);
        }
        let room = bytearray::from_vec(t, vec![0; to.len()])?;
        let got = loop {
            match method(t, &raw, "readinto", std::slice::from_ref(&room)) {
                Err(e) if e.is(&exceptions::INTERRUPTED_ERROR) => t.poll()?,
                r => break r?,
            }
        };
        if got.is_none() {
            return Ok(None);
        }
        if !int::is_int(&got) {
            return Err(error::new(t, &exceptions::OS_ERROR, "raw readinto() failed"));
        }
        let n = convert::to_isize(t, &got)?;
        let data = bytes::peek(&room).unwrap_or(&[]);
        match usize::try_from(n).ok().filter(|&n| n <= to.len()).and_then(|n| data.get(..n)) {
            Some(data) => {
                to[..data.len()].copy_from_slice(data);
                Ok(Some(data.len()))
            }
            None => Err(error::new(
                t,
                &exceptions::OS_ERROR,
                format_args!(
                    "raw readinto() returned invalid length {n} (should have been between 0 and {})",
                    to.len()
                ),
            )),
        }
    }

    /// Reads ahead once; what was ahead must be used up. `None` if nothing is there yet.
    pub fn fill(&self, t: &Thread) -> Res<Option<usize>> {
        let mut room = self.ahead.take();
        self.used.set(0);
        room.resize(self.size.get(), 0);
        let got = self.raw_read(t, &mut room);
        room.truncate(got.as_ref().ok().and_then(|n| *n).unwrap_or(0));
        self.ahead.replace(room);
        got
    }

    /// Writes once to the raw stream; `None` if it takes nothing now.
    pub fn raw_write(&self, t: &Thread, from: &[u8]) -> Res<Option<usize>> {
        let raw = self.raw.get();
        if let Some(f) = raw.exact::<FileIO>() {
            f.check_writable(t)?;
            return f.write_some(t, from);
        }
        if let Some(h) = raw.exact::<HostStream>() {
            return h.put(t, from).map(|()| Some(from.len()));
        }
        let data = bytes::new(t, from)?;
        let put = loop {
            match method(t, &raw, "write", std::slice::from_ref(&data)) {
                Err(e) if e.is(&exceptions::INTERRUPTED_ERROR) => t.poll()?,
                r => break r?,
            }
        };
        if put.is_none() {
            return Ok(None);
        }
        let n = convert::to_isize(t, &put)?;
        match usize::try_from(n).ok().filter(|&n| n <= from.len()) {
            Some(n) => Ok(Some(n)),
            None => Err(error::new(
                t,
                &exceptions::OS_ERROR,
                format_args!("raw write() returned invalid length {n} (should have been between 0 and {})", from.len()),
            )),
        }
    }

    /// The raw stream's position.
    pub fn raw_tell(&self, t: &Thread) -> Res<i64> {
        let raw = self.raw.get();
        let at = match raw.exact::<FileIO>() {
            Some(f) => f.checked_position(t)?,
            None => base::position(t, &method(t, &raw, "tell", &[])?)?,
        };
        self.check_position(t, at)
    }

    /// Moves the raw stream.
    pub fn raw_seek(&self, t: &Thread, offset: i64, whence: i32) -> Res<i64> {
        let raw = self.raw.get();
        let at = match raw.exact::<FileIO>() {
            Some(f) => f.move_to(t, offset, whence)?,
            None => {
                let args = [convert::from_i64(t, offset)?, Value::small(i64::from(whence))];
                base::position(t, &method(t, &raw, "seek", &args)?)?
            }
        };
        self.check_position(t, at)
    }

    fn check_position(&self, t: &Thread, at: i64) -> Res<i64> {
        if at < 0 {
            return Err(error::new(
                t,
                &exceptions::OS_ERROR,
                format_args!("Raw stream returned invalid position {at}"),
            ));
        }
        Ok(at)
    }

    /// Writes out what is pending. A raw stream that takes no more raises BlockingIOError and leaves the rest pending.
    pub fn write_out(&self, t: &Thread) -> Res<()> {
        loop {
            t.poll()?;
            let data = self.pending.take();
            if data.is_empty() {
                return Ok(());
            }
            let put = self.raw_write(t, &data);
            let n = put.as_ref().ok().and_then(|n| *n).unwrap_or(0);
            let mut rest = data;
            rest.drain(..n);
            self.pending.replace(rest);
            if put?.is_none() {
                return Err(blocked(t, 0));
            }
        }
    }

    /// Gives the bytes read ahead back, so that the raw stream stands where the guest believes it does.
    pub fn give_back(&self, t: &Thread) -> Res<()> {
        let n = self.available();
        self.drop_ahead();
        if n > 0 {
            self.raw_seek(t, -(n as i64), 1)?;
        }
        Ok(())
    }

    /// Before a read of a stream that also writes.
    pub fn before_read(&self, t: &Thread) -> Res<()> {
        if self.writes.get() && !self.pending.borrow().is_empty() { self.write_out(t) } else { Ok(()) }
    }

    /// UnsupportedOperation unless it can write.
    pub fn check_writes(&self, t: &Thread) -> Res<()> {
        if self.writes.get() { Ok(()) } else { Err(unsupported(t, "write")) }
    }
}

/// BlockingIOError of a write that took `n` bytes.
pub fn blocked(t: &Thread, n: usize) -> error::Exc {
    let Ok(text) = base::text(t, "write could not complete without blocking") else { return t.memory_error() };
    let args = [Value::small(i64::from(libc::EAGAIN)), text, convert::from_usize(n)];
    error::with_args(t, exceptions::BLOCKING_IO_ERROR.ty(), &args)
}
