//! `FileIO`: a file descriptor as a raw stream.

use super::base::{self, RAW_IO_BASE};
use super::{BUFFER_SIZE, bind_init, unsupported};
use crate::kernel;
use crate::ram;
use crate::thread::turns;
use crate::world::{self, Also};
use std::cell::Cell;
use typhon_object::buffer;
use typhon_object::header::Header;
use typhon_object::names;
use typhon_object::native::{MethodDef, def, getset, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytes, exceptions, int};
use typhon_object::{Args, Exc, Res, Thread, Value, attr, call, convert, error, payload};

/// A file.
#[repr(C)]
pub struct FileIO {
    header: Header,
    dict: Slot,
    fd: Cell<i32>,
    created: Cell<bool>,
    readable: Cell<bool>,
    writable: Cell<bool>,
    appending: Cell<bool>,
    closefd: Cell<bool>,
    finalizing: Cell<bool>,
    seekable: Cell<Option<bool>>,
    /// Reads and writes never wait.
    regular: Cell<bool>,
    block_size: Cell<usize>,
}

typhon_object::payload!(FileIO => FILE_IO {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.dict.peek() });
    }
    fn clear(&self) {
        drop(self.dict.take());
    }
});

static INIT: MethodDef = def("FileIO", "(file, mode='r', closefd=True, opener=None)", |_, _| Ok(Value::NONE), "");

/// `_io.FileIO`.
pub static FILE_IO: TypeDef = TypeDef {
    name: "_io.FileIO",
    doc: "Open a file.",
    signature: "(file, mode='r', closefd=True, opener=None)",
    base: Some(&RAW_IO_BASE),
    flags: flag::BASETYPE | flag::WEAKREFS | flag::FINALIZER,
    dict_offset: std::mem::offset_of!(FileIO, dict),
    slots: Slots { new: Some(new), init: Some(init), repr: Some(repr), finalize: Some(base::finalize), ..Slots::NONE },
    methods: &[
        def("read", "($self, size=-1, /)", read, "Read at most size bytes, returned as bytes."),
        def(
            "readall",
            "($self, /)",
            |t, a| readable(t, &a[0])?.read_all(t),
            "Read all data from the file, returned as bytes.",
        ),
        def("readinto", "($self, buffer, /)", readinto, "Same as RawIOBase.readinto()."),
        def("write", "($self, b, /)", write, "Write buffer b to file, return number of bytes written."),
        def("seek", "($self, pos, whence=0, /)", seek, "Move to new file position and return the file position."),
        def(
            "tell",
            "($self, /)",
            |t, a| {
                let pos = open(t, &a[0])?.position(t)?;
                convert::from_i64(t, pos)
            },
            "Current file position.",
        ),
        def(
            "truncate",
            "($self, size=None, /)",
            truncate,
            "Truncate the file to at most size bytes and return the truncated size.",
        ),
        def("close", "($self, /)", close, "Close the file."),
        def(
            "seekable",
            "($self, /)",
            |t, a| open(t, &a[0])?.is_seekable(t).map(Value::bool),
            "True if file supports random-access.",
        ),
        def(
            "readable",
            "($self, /)",
            |t, a| open(t, &a[0]).map(|f| Value::bool(f.readable.get())),
            "True if file was opened in a read mode.",
        ),
        def(
            "writable",
            "($self, /)",
            |t, a| open(t, &a[0]).map(|f| Value::bool(f.writable.get())),
            "True if file was opened in a write mode.",
        ),
        def(
            "fileno",
            "($self, /)",
            |t, a| open(t, &a[0]).map(|f| Value::small(i64::from(f.fd.get()))),
            "Return the underlying file descriptor (an integer).",
        ),
        def(
            "isatty",
            "($self, /)",
            |t, a| open(t, &a[0]).map(|f| Value::bool(kernel::isatty(f.fd.get()))),
            "True if the file is connected to a TTY device.",
        ),
        def(
            "_isatty_open_only",
            "($self, /)",
            |t, a| open(t, &a[0]).map(|f| Value::bool(!f.regular.get() && kernel::isatty(f.fd.get()))),
            "",
        ),
        def(
            "_dealloc_warn",
            "($self, source, /)",
            |t, a| {
                dealloc_warn(t, &a[0], &a[1]);
                Ok(Value::NONE)
            },
            "",
        ),
    ],
    getset: &[
        getter("closed", |_, v| Ok(Value::bool(v.expect::<FileIO>().fd.get() < 0)), "True if the file is closed"),
        getter(
            "closefd",
            |_, v| Ok(Value::bool(v.expect::<FileIO>().closefd.get())),
            "True if the file descriptor will be closed by close().",
        ),
        getter("mode", |t, v| strs::new(t, v.expect::<FileIO>().mode()), "String giving the file mode"),
        getter("_blksize", |_, v| Ok(convert::from_usize(v.expect::<FileIO>().block_size.get())), ""),
        getset("_finalizing", |_, v| Ok(Value::bool(v.expect::<FileIO>().finalizing.get())), set_finalizing, ""),
    ],
    ..TypeDef::of::<FileIO>()
};

fn set_finalizing(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    match x {
        Some(x) if x.is_bool() => {
            v.expect::<FileIO>().finalizing.set(convert::to_bool(t, x)?);
            Ok(())
        }
        Some(_) => Err(error::type_error(t, "attribute value type must be bool")),
        None => Err(error::type_error(t, "can't delete numeric/char attribute")),
    }
}

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, |header| FileIO {
        header,
        dict: Slot::empty(),
        fd: Cell::new(-1),
        created: Cell::new(false),
        readable: Cell::new(false),
        writable: Cell::new(false),
        appending: Cell::new(false),
        closefd: Cell::new(true),
        finalizing: Cell::new(false),
        seekable: Cell::new(None),
        regular: Cell::new(false),
        block_size: Cell::new(0),
    })
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    bind_init(t, &INIT, args, |a| open_file(t, v, a))
}

fn parse_mode(t: &Thread, f: &FileIO, mode: &str) -> Res<i32> {
    let once = || error::value_error(t, "Must have exactly one of create/read/write/append mode and at most one plus");
    let (mut flags, mut main, mut plus) = (0, false, false);
    f.created.set(false);
    f.readable.set(false);
    f.writable.set(false);
    f.appending.set(false);
    f.seekable.set(None);
    for c in mode.chars() {
        match c {
            'x' | 'r' | 'w' | 'a' if main => return Err(once()),
            'x' => {
                f.created.set(true);
                f.writable.set(true);
                flags |= libc::O_EXCL | libc::O_CREAT;
            }
            'r' => f.readable.set(true),
            'w' => {
                f.writable.set(true);
                flags |= libc::O_CREAT | libc::O_TRUNC;
            }
            'a' => {
                f.writable.set(true);
                f.appending.set(true);
                flags |= libc::O_APPEND | libc::O_CREAT;
            }
            'b' => {}
            '+' if plus => return Err(once()),
            '+' => plus = true,
            _ => return Err(error::value_error(t, format_args!("invalid mode: {mode}"))),
        }
        main |= matches!(c, 'x' | 'r' | 'w' | 'a');
    }
    if !main {
        return Err(once());
    }
    if plus {
        f.readable.set(true);
        f.writable.set(true);
    }
    Ok(flags
        | match (f.readable.get(), f.writable.get()) {
            (true, true) => libc::O_RDWR,
            (true, false) => libc::O_RDONLY,
            _ => libc::O_WRONLY,
        })
}

fn open_file(t: &Thread, v: &Value, a: &[Value]) -> Res<()> {
    let f = v.expect::<FileIO>();
    let old = f.fd.replace(-1);
    if old >= 0 && f.closefd.get() {
        // What the old descriptor says while it goes is not the new file's concern.
        world::closed(t, old);
        let _ = ram::close(t, old);
    }
    let (name, opener) = (&a[0], a[3].non_none());
    if name.is_bool() {
        let category = exceptions::RUNTIME_WARNING.ty().value();
        (t.hooks.warn)(t, &category, "bool is used as a file descriptor", 1)?;
    }
    let given = if int::is_int(name) || typhon_object::type_of(name).slots().index.is_some() {
        let fd = convert::to_i32(t, name)?;
        if fd < 0 {
            return Err(error::value_error(t, "negative file descriptor"));
        }
        Some(fd)
    } else {
        None
    };
    let path = match given {
        Some(_) => None,
        None => Some(file_name(t, name)?),
    };
    let mode = match a[1].opt() {
        Some(m) => convert::to_text(t, m, "FileIO", "argument 'mode'")?,
        None => "r".to_string(),
    };
    let flags = parse_mode(t, f, &mode)?;
    let closefd = match a[2].opt() {
        Some(c) => convert::to_bool(t, c)?,
        None => true,
    };
    f.closefd.set(closefd);
    let fd = match (&path, given) {
        (_, Some(fd)) => world::usable(t, fd).map(|()| fd)?,
        (Some(_), _) if !closefd => {
            return Err(error::value_error(t, "Cannot use closefd=False with file name"));
        }
        (Some(path), _) => match opener {
            None => world::opened(t, open_path(t, path, flags)?),
            Some(opener) => open_by(t, opener, name, flags)?,
        },
        (None, None) => return Err(error::system_error(t, "a file without a name")),
    };
    let done = adopt(t, v, f, fd, name, given.is_some());
    if done.is_err() && given.is_none() {
        // The error that is on its way matters more than that of closing.
        world::closed(t, fd);
        let _ = ram::close(t, fd);
        f.fd.set(-1);
    } else if done.is_err() {
        f.fd.set(-1);
    }
    done
}

fn file_name(t: &Thread, name: &Value) -> Res<world::PathArg> {
    let path = world::path_arg(t, name, "open", "path", Also::Nothing);
    match path {
        Err(e) if e.is(&exceptions::TYPE_ERROR) => world::fspath(t, name).and(Err(e)),
        Err(e) if e.is(&exceptions::VALUE_ERROR) && !e.is(&exceptions::UNICODE_ERROR) => {
            Err(error::value_error(t, "embedded null byte"))
        }
        r => r,
    }
}

fn open_path(t: &Thread, path: &world::PathArg, flags: i32) -> Res<i32> {
    if let Some(mut ram) = ram::of(t) {
        return ram.open(libc::AT_FDCWD, &path.path, flags, 0o666).map_err(|e| path.error(t, e));
    }
    if flags & (libc::O_WRONLY | libc::O_RDWR | libc::O_CREAT | libc::O_TRUNC) == 0 {
        path.permit_read(t)?;
    } else {
        path.permit_write(t)?;
    }
    world::retry(t, || turns::idle(t, || kernel::open_at(libc::AT_FDCWD, &path.path, flags, 0o666)))?
        .map_err(|e| path.error(t, e))
}

fn open_by(t: &Thread, opener: &Value, name: &Value, flags: i32) -> Res<i32> {
    let made = call::call(t, opener, &[name.clone(), Value::small(i64::from(flags | libc::O_CLOEXEC))])?;
    if !int::is_int(&made) {
        return Err(error::type_error(t, "expected integer from opener"));
    }
    let fd = convert::to_i32(t, &made)?;
    if fd < 0 {
        return Err(error::value_error(t, format_args!("opener returned {fd}")));
    }
    Ok(fd)
}

fn adopt(t: &Thread, v: &Value, f: &FileIO, fd: i32, name: &Value, given: bool) -> Res<()> {
    f.fd.set(fd);
    let named = if given { None } else { Some(name) };
    match ram::fstat(t, fd) {
        Ok(st) => {
            let kind = st.st_mode & libc::S_IFMT;
            if kind == libc::S_IFDIR {
                return Err(error::os_error(t, libc::EISDIR, Some(name), None));
            }
            f.regular.set(kind == libc::S_IFREG);
            f.block_size.set(if st.st_blksize > 1 { st.st_blksize as usize } else { BUFFER_SIZE });
        }
        Err(libc::EBADF) => return Err(error::os_error(t, libc::EBADF, named, None)),
        Err(_) => f.block_size.set(BUFFER_SIZE),
    }
    attr::set(t, v, &names::intern_text(t, "name"), Some(name))?;
    if f.appending.get()
        && let Err(e) = ram::lseek(t, fd, 0, libc::SEEK_END)
        && e != libc::ESPIPE
    {
        return Err(error::os_error(t, e, None, None));
    }
    Ok(())
}

/// The file, which must be open.
fn open<'a>(t: &Thread, v: &'a Value) -> Res<&'a FileIO> {
    let f = v.expect::<FileIO>();
    if f.fd.get() < 0 {
        return Err(error::value_error(t, "I/O operation on closed file"));
    }
    Ok(f)
}

/// The file, open for reading.
fn readable<'a>(t: &Thread, v: &'a Value) -> Res<&'a FileIO> {
    let f = v.expect::<FileIO>();
    f.check_readable(t).map(|()| f)
}

/// The file, open for writing.
fn writable<'a>(t: &Thread, v: &'a Value) -> Res<&'a FileIO> {
    let f = v.expect::<FileIO>();
    f.check_writable(t).map(|()| f)
}

fn os_error(t: &Thread, errno: i32) -> Exc {
    error::os_error(t, errno, None, None)
}

impl FileIO {
    fn mode(&self) -> &'static str {
        match (self.created.get(), self.appending.get(), self.readable.get(), self.writable.get()) {
            (true, _, true, _) => "xb+",
            (true, ..) => "xb",
            (_, true, true, _) => "ab+",
            (_, true, ..) => "ab",
            (.., true, true) => "rb+",
            (.., true, false) => "rb",
            _ => "wb",
        }
    }

    fn is_seekable(&self, t: &Thread) -> Res<bool> {
        let known = self.seekable.get().unwrap_or_else(|| ram::lseek(t, self.fd.get(), 0, libc::SEEK_CUR).is_ok());
        self.seekable.set(Some(known));
        Ok(known)
    }

    /// Whether it is closed.
    pub fn is_closed(&self) -> bool {
        self.fd.get() < 0
    }

    /// ValueError or UnsupportedOperation unless it is open for reading.
    pub fn check_readable(&self, t: &Thread) -> Res<()> {
        if self.is_closed() {
            return Err(error::value_error(t, "I/O operation on closed file"));
        }
        if self.readable.get() { Ok(()) } else { Err(unsupported(t, "File not open for reading")) }
    }

    /// ValueError or UnsupportedOperation unless it is open for writing.
    pub fn check_writable(&self, t: &Thread) -> Res<()> {
        if self.is_closed() {
            return Err(error::value_error(t, "I/O operation on closed file"));
        }
        if self.writable.get() { Ok(()) } else { Err(unsupported(t, "File not open for writing")) }
    }

    /// The position of a file that may be closed.
    pub fn checked_position(&self, t: &Thread) -> Res<i64> {
        if self.is_closed() {
            return Err(error::value_error(t, "I/O operation on closed file"));
        }
        self.position(t)
    }

    /// Reads once; `None` if a non-blocking descriptor has nothing yet.
    pub fn read_some(&self, t: &Thread, to: &mut [u8]) -> Res<Option<usize>> {
        let fd = self.fd.get();
        loop {
            if !self.regular.get() && !nonblocking(fd) {
                world::wait_fd(t, fd, libc::POLLIN, None)?;
            }
            match ram::read(t, fd, to) {
                Ok(n) => return Ok(Some(n)),
                Err(libc::EAGAIN) => return Ok(None),
                Err(libc::EINTR) => t.poll()?,
                Err(e) => return Err(os_error(t, e)),
            }
        }
    }

    /// Writes as write(2) does: everything to a blocking descriptor, else what it takes; `None` if that is nothing now.
    pub fn write_some(&self, t: &Thread, from: &[u8]) -> Res<Option<usize>> {
        let fd = self.fd.get();
        let blocking = !self.regular.get() && !nonblocking(fd);
        // A pipe that has room for something may not have it for everything, and would block: it gets pieces.
        let piece = if blocking && !kernel::isatty(fd) { PIPE_PIECE } else { from.len() };
        let mut done = 0;
        loop {
            if blocking {
                world::wait_fd(t, fd, libc::POLLOUT, None)?;
            }
            let rest = &from[done..];
            match ram::write(t, fd, &rest[..rest.len().min(piece)]) {
                Ok(n) => {
                    done += n;
                    if n < piece || done == from.len() {
                        return Ok(Some(done));
                    }
                }
                Err(libc::EINTR) => t.poll()?,
                Err(_) if done > 0 => return Ok(Some(done)),
                Err(libc::EAGAIN) => return Ok(None),
                Err(e) => return Err(os_error(t, e)),
            }
        }
    }

    /// The position in the file.
    pub fn position(&self, t: &Thread) -> Res<i64> {
        self.move_to(t, 0, libc::SEEK_CUR)
    }

    /// Moves.
    pub fn move_to(&self, t: &Thread, offset: i64, whence: i32) -> Res<i64> {
        let at = ram::lseek(t, self.fd.get(), offset, whence);
        if self.seekable.get().is_none() {
            self.seekable.set(Some(at.is_ok()));
        }
        at.map_err(|e| os_error(t, e))
    }

    fn read_all(&self, t: &Thread) -> Res {
        let mut out = Vec::new();
        let size = ram::fstat(t, self.fd.get()).map_or(0, |st| st.st_size);
        let at = ram::lseek(t, self.fd.get(), 0, libc::SEEK_CUR).unwrap_or(0);
        let expected = usize::try_from(size - at.min(size)).unwrap_or(0);
        t.check_alloc(expected)?;
        let mut step = if expected > 0 { expected + 1 } else { 8 * 1024 };
        loop {
            let n = out.len();
            t.check_alloc(step)?;
            out.resize(n + step, 0);
            let got = self.read_some(t, &mut out[n..])?;
            out.truncate(n + got.unwrap_or(0));
            match got {
                None if n == 0 => return Ok(Value::NONE),
                None | Some(0) => return bytes::from_vec(t, out),
                Some(_) => step = out.len().clamp(8 * 1024, 1 << 20),
            }
        }
    }
}

/// What a blocking pipe that polls as writable takes without blocking.
const PIPE_PIECE: usize = libc::PIPE_BUF;

fn nonblocking(fd: i32) -> bool {
    kernel::get_flags(fd).is_ok_and(|flags| flags & libc::O_NONBLOCK != 0)
}

fn read(t: &Thread, a: &[Value]) -> Res {
    let f = readable(t, &a[0])?;
    let Some(n) = super::size_arg(t, &a[1])? else { return f.read_all(t) };
    let n = n.min(0x7fff_f000);
    t.check_alloc(n)?;
    let mut out = vec![0; n];
    match f.read_some(t, &mut out)? {
        Some(got) => bytes::new(t, &out[..got]),
        None => Ok(Value::NONE),
    }
}

fn readinto(t: &Thread, a: &[Value]) -> Res {
    let f = readable(t, &a[0])?;
    let to = base::writable(t, &a[1], "readinto")?;
    let got = f.read_some(t, to.as_mut_slice())?;
    Ok(got.map_or(Value::NONE, convert::from_usize))
}

fn write(t: &Thread, a: &[Value]) -> Res {
    let f = writable(t, &a[0])?;
    let from = buffer::get(t, &a[1], buffer::SIMPLE)?;
    let put = f.write_some(t, from.as_slice())?;
    Ok(put.map_or(Value::NONE, convert::from_usize))
}

fn seek(t: &Thread, a: &[Value]) -> Res {
    let f = open(t, &a[0])?;
    let whence = match a[2].opt() {
        Some(w) => convert::to_i32(t, w)?,
        None => 0,
    };
    if typhon_object::types::float::as_f64(&a[1]).is_some() && !int::is_int(&a[1]) {
        return Err(error::type_error(t, "an integer is required"));
    }
    let at = f.move_to(t, convert::to_i64(t, &a[1])?, whence)?;
    convert::from_i64(t, at)
}

fn truncate(t: &Thread, a: &[Value]) -> Res {
    let f = writable(t, &a[0])?;
    let size = match a[1].non_none() {
        Some(n) => convert::to_i64(t, n)?,
        None => f.position(t)?,
    };
    world::retry(t, || ram::ftruncate(t, f.fd.get(), size))?.map_err(|e| os_error(t, e))?;
    convert::from_i64(t, size)
}

fn dealloc_warn(t: &Thread, v: &Value, source: &Value) {
    let f = v.expect::<FileIO>();
    if f.fd.get() >= 0 && f.closefd.get() {
        base::warn_unclosed(t, source);
    }
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let this = &a[0];
    let f = this.expect::<FileIO>();
    if !f.closefd.get() {
        f.fd.set(-1);
        return Ok(Value::NONE);
    }
    if f.finalizing.get() {
        dealloc_warn(t, this, this);
    }
    // `RawIOBase.close` flushes, and marks the stream for whoever looks at the base's state.
    let base_close = attr::get_text(t, &RAW_IO_BASE.ty().value(), "close")?;
    let flushed = call::call1(t, &base_close, this);
    let fd = f.fd.replace(-1);
    world::closed(t, fd);
    let closed = if fd >= 0 { ram::close(t, fd) } else { Ok(()) };
    match (flushed, closed) {
        (Err(e), _) => Err(e),
        (Ok(_), Err(e)) if e != libc::EINTR => Err(os_error(t, e)),
        _ => Ok(Value::NONE),
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let f = v.expect::<FileIO>();
    let ty = typhon_object::type_of(v).name();
    let ty = if std::ptr::eq(typhon_object::type_of(v), FILE_IO.ty()) { "_io.FileIO".to_string() } else { ty };
    if f.fd.get() < 0 {
        return strs::new(t, &format!("<{ty} [closed]>"));
    }
    let closefd = if f.closefd.get() { "True" } else { "False" };
    let text = match base::name_part(t, v, "name")? {
        Some(name) => format!("<{ty} name={name} mode='{}' closefd={closefd}>", f.mode()),
        None => format!("<{ty} fd={} mode='{}' closefd={closefd}>", f.fd.get(), f.mode()),
    };
    strs::new(t, &text)
}
