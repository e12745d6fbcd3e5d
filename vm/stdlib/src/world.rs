//! The outside as natives see it: the host's permission, paths as arguments, and waiting that an interrupt ends.

use crate::kernel;
use crate::thread::turns;
use rustc_hash::FxHashSet;
use std::cell::RefCell;
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use typhon_interp::host::{self, Access, Host, HostError, Stdio};
use typhon_object::buffer::{self, Buffer};
use typhon_object::codec::{self, Known};
use typhon_object::names::n;
use typhon_object::strs::Str;
use typhon_object::types::bytes::{self, Bytes};
use typhon_object::types::exceptions::{BUFFER_ERROR, PERMISSION_ERROR, RUNTIME_WARNING, TYPE_ERROR};
use typhon_object::types::int;
use typhon_object::{Exc, Res, Thread, Value, call, convert, error, strs, type_of};

/// How long a blocking call sleeps before it looks up.
pub const SLICE: Duration = Duration::from_millis(5);

/// Now, as ends of waits are told: by the host's clock, where time is its invention.
pub fn now(t: &Thread) -> Instant {
    static ORIGIN: LazyLock<Instant> = LazyLock::new(Instant::now);
    match host::of(t).filter(|host| host.pass(Duration::ZERO)) {
        Some(host) => *ORIGIN + host.monotonic_clock(),
        None => Instant::now(),
    }
}

/// Looks up after a wait.
pub fn look_up(t: &Thread) -> Res<()> {
    crate::fuel::rested(t);
    t.poll()
}

/// Lets the time until `end` pass where nothing but time can end the wait: there is no other thread, and time is the
/// host's invention. Whether it has.
pub fn pass_until(t: &Thread, end: Option<Instant>) -> bool {
    let Some(end) = end else { return false };
    let left = end.saturating_duration_since(now(t));
    turns::alive(t).is_empty() && pass(t, left)
}

/// Lets so much time pass at once, where time is the host's invention.
pub fn pass(t: &Thread, time: Duration) -> bool {
    let Some(host) = host::of(t).filter(|host| host.pass(time)) else { return false };
    host.rested(time);
    true
}

/// Waits, and tells the host how long, if it is a time that ends the wait at the latest.
pub fn rest<R>(t: &Thread, end: Option<Instant>, wait: impl FnOnce() -> R) -> R {
    let Some(host) = end.and_then(|_| host::of(t)) else { return wait() };
    let began = Instant::now();
    let out = wait();
    host.rested(began.elapsed());
    out
}

/// The isolate's host.
pub fn host(t: &Thread) -> Res<&dyn Host> {
    host::of(t).ok_or_else(|| error::runtime_error(t, "the isolate has no host"))
}

/// What a host's refusal is to the guest.
pub fn host_error(t: &Thread, e: HostError, filename: Option<&Value>) -> Exc {
    match e {
        // The stop may be on its way still: who cancels first says so and then rings.
        HostError::Interrupted => Exc::stopped(),
        HostError::Os(errno) => error::os_error(t, errno, filename, None),
        HostError::Denied(text) => match strs::new(t, &text) {
            Ok(text) => {
                let mut args = vec![Value::small(i64::from(libc::EPERM)), text];
                args.extend(filename.cloned());
                error::with_args(t, PERMISSION_ERROR.ty(), &args)
            }
            Err(e) => e,
        },
    }
}

/// Asks the host.
pub fn permit(t: &Thread, access: Access<'_>, filename: Option<&Value>) -> Res<()> {
    host(t)?.permit(access).map_err(|e| host_error(t, e, filename))
}

/// A path argument.
pub struct PathArg {
    /// What the guest gave, after `__fspath__`.
    pub value: Value,
    /// The path's bytes; "." where None was given.
    pub path: CString,
    /// It was bytes, so results are too.
    pub is_bytes: bool,
    /// It was a descriptor.
    pub fd: Option<i32>,
}

impl PathArg {
    /// The path for the host.
    pub fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(self.path.as_bytes()))
    }

    /// Asks whether it may be read.
    pub fn permit_read(&self, t: &Thread) -> Res<()> {
        if self.fd.is_some() { Ok(()) } else { permit(t, Access::Read(self.as_path()), Some(&self.value)) }
    }

    /// Asks whether it may be changed.
    pub fn permit_write(&self, t: &Thread) -> Res<()> {
        if self.fd.is_some() { Ok(()) } else { permit(t, Access::Write(self.as_path()), Some(&self.value)) }
    }

    /// The OSError of an errno about this path.
    pub fn error(&self, t: &Thread, errno: i32) -> Exc {
        error::os_error(t, errno, if self.value.is_none() { None } else { Some(&self.value) }, None)
    }
}

/// The bytes of a str as a file name.
pub fn fs_encode(t: &Thread, v: &Value) -> Res<Vec<u8>> {
    codec::encode_known(t, v, Known::Utf8, Some("surrogateescape"))
}

/// A str from the bytes of a file name.
pub fn fs_decode(t: &Thread, data: &[u8]) -> Res {
    if data.is_ascii() {
        return strs::from_latin1(t, data);
    }
    let v = bytes::new(t, data)?;
    codec::decode_known(t, &v, data, Known::Utf8, Some("surrogateescape"))
}

/// A file name of the kind that the argument was.
pub fn fs_name(t: &Thread, data: &[u8], is_bytes: bool) -> Res {
    if is_bytes { bytes::new(t, data) } else { fs_decode(t, data) }
}

/// A buffer argument that is written to.
pub fn writable(t: &Thread, v: &Value, function: &str, argument: usize) -> Res<Buffer> {
    match buffer::get(t, v, buffer::WRITABLE) {
        Err(e) if e.is(&BUFFER_ERROR) || e.is(&TYPE_ERROR) => {
            let name = type_of(v).name();
            let text = format!("{function}() argument {argument} must be read-write bytes-like object, not {name}");
            Err(error::type_error(t, text))
        }
        r => r,
    }
}

/// CPython's warning about a descriptor that is True or False.
fn warn_bool(t: &Thread, v: &Value) -> Res<()> {
    if !v.is_bool() {
        return Ok(());
    }
    (t.hooks.warn)(t, &RUNTIME_WARNING.ty().value(), "bool is used as a file descriptor", 1)
}

/// `os.fspath`.
pub fn fspath(t: &Thread, v: &Value) -> Res {
    if v.downcast::<Str>().is_some() || v.downcast::<Bytes>().is_some() {
        return Ok(v.clone());
    }
    let method = type_of(v).lookup(t, n::__fspath__()).filter(|f| !f.is_none());
    let Some(made) = method.map(|f| call::call_looked_up(t, v, &f, &[])) else {
        let name = type_of(v).name();
        return Err(error::type_error(t, format_args!("expected str, bytes or os.PathLike object, not {name}")));
    };
    let made = made?;
    if made.downcast::<Str>().is_none() && made.downcast::<Bytes>().is_none() {
        let (ty, got) = (type_of(v).name(), type_of(&made).name());
        return Err(error::type_error(t, format_args!("expected {ty}.__fspath__() to return str or bytes, not {got}")));
    }
    Ok(made)
}

/// What besides a path an argument may be.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Also {
    /// Nothing.
    Nothing,
    /// A descriptor.
    Fd,
    /// None, for the current directory.
    None,
    /// Either.
    FdOrNone,
}

/// A path argument of a function, with CPython's errors.
pub fn path_arg(t: &Thread, v: &Value, function: &str, argument: &str, also: Also) -> Res<PathArg> {
    let fd_ok = matches!(also, Also::Fd | Also::FdOrNone);
    let none_ok = matches!(also, Also::None | Also::FdOrNone);
    let dot = || CString::from(c".");
    if v.is_absent() || v.is_none() && none_ok {
        return Ok(PathArg { value: Value::NONE, path: dot(), is_bytes: false, fd: None });
    }
    if fd_ok && (int::is_int(v) || type_of(v).slots().index.is_some()) {
        let fd = fd_number(t, v)?;
        return Ok(PathArg { value: v.clone(), path: dot(), is_bytes: false, fd: Some(fd) });
    }
    let value = match fspath(t, v) {
        Err(e) if type_of(v).lookup(t, n::__fspath__()).is_none_or(|f| f.is_none()) && !e.is_stopped() => {
            let allowed = match also {
                Also::Nothing => "string, bytes or os.PathLike",
                Also::Fd => "string, bytes, os.PathLike or integer",
                Also::None => "string, bytes, os.PathLike or None",
                Also::FdOrNone => "string, bytes, os.PathLike, integer or None",
            };
            let name = type_of(v).name();
            return Err(error::type_error(t, format_args!("{function}: {argument} should be {allowed}, not {name}")));
        }
        r => r?,
    };
    let (data, is_bytes) = match value.downcast::<Bytes>() {
        Some(b) => (b.as_slice().to_vec(), true),
        None => (fs_encode(t, &value)?, false),
    };
    let path = CString::new(data)
        .map_err(|_| error::value_error(t, format_args!("{function}: embedded null character in {argument}")))?;
    Ok(PathArg { value, path, is_bytes, fd: None })
}

/// The descriptors of an isolate that has not the whole process: those it opened itself, closed with it.
#[derive(Default)]
struct Descriptors(RefCell<FxHashSet<i32>>);

impl Drop for Descriptors {
    fn drop(&mut self) {
        for fd in self.0.borrow_mut().drain() {
            // Nobody is left to hear of an error.
            let _ = kernel::close(fd);
        }
    }
}

/// Whether every descriptor of the process is the guest's.
pub fn has_process(t: &Thread) -> bool {
    host::of(t).is_some_and(|h| h.stdio() == Stdio::Process)
}

/// Notes that the guest opened a descriptor.
pub fn opened(t: &Thread, fd: i32) -> i32 {
    if !has_process(t) && !crate::ram::is_ours(fd) {
        t.state::<Descriptors>().0.borrow_mut().insert(fd);
    }
    fd
}

/// EMFILE unless the guest may open so many descriptors more, where it may not open as many as it likes.
pub fn room_for(t: &Thread, more: usize) -> Res<()> {
    let room = host::of(t).and_then(|host| host.files()).map_or(u64::MAX, |room| room.open);
    match t.state::<Descriptors>().0.borrow().len() + more {
        all if all as u64 > room => Err(error::os_error(t, libc::EMFILE, None, None)),
        _ => Ok(()),
    }
}

/// Notes that the guest is about to close a descriptor, or has.
pub fn closed(t: &Thread, fd: i32) {
    if !has_process(t) {
        t.state::<Descriptors>().0.borrow_mut().remove(&fd);
    }
}

/// EBADF unless the descriptor is the guest's: others of the process are none of its business.
pub fn usable(t: &Thread, fd: i32) -> Res<()> {
    // Files in memory know their own.
    if has_process(t) || crate::ram::is_ours(fd) || t.state::<Descriptors>().0.borrow().contains(&fd) {
        return Ok(());
    }
    Err(error::os_error(t, libc::EBADF, None, None))
}

/// A descriptor argument: an int that fits C's.
pub fn fd_number(t: &Thread, v: &Value) -> Res<i32> {
    warn_bool(t, v)?;
    let i = convert::to_index(t, v)?;
    match int::to_i64(&i).and_then(|i| i32::try_from(i).ok()) {
        // -1 and its like are the system's to refuse.
        Some(fd) if fd < 0 => Ok(fd),
        Some(fd) => usable(t, fd).map(|()| fd),
        None if int::is_negative(&i) => Err(error::overflow_error(t, "fd is less than minimum")),
        None => Err(error::overflow_error(t, "fd is greater than maximum")),
    }
}

/// A descriptor: an int, or an object with a `fileno()` method.
pub fn fileno(t: &Thread, v: &Value) -> Res<i32> {
    warn_bool(t, v)?;
    if int::is_int(v) {
        let fd = convert::to_i32(t, v)?;
        if fd < 0 {
            return Err(negative_fd(t, fd));
        }
        return usable(t, fd).map(|()| fd);
    }
    let Some(method) = typhon_object::attr::get_opt(t, v, &typhon_object::names::intern_text(t, "fileno"))? else {
        return Err(error::type_error(t, "argument must be an int, or have a fileno() method."));
    };
    let made = call::call0(t, &method)?;
    if !int::is_int(&made) {
        return Err(error::type_error(t, "fileno() returned a non-integer"));
    }
    let fd = convert::to_i32(t, &made)?;
    if fd < 0 { Err(negative_fd(t, fd)) } else { usable(t, fd).map(|()| fd) }
}

fn negative_fd(t: &Thread, fd: i32) -> Exc {
    error::value_error(t, format_args!("file descriptor cannot be a negative integer ({fd})"))
}

/// Runs a system call again as long as signals interrupt it.
pub fn retry<T>(t: &Thread, mut f: impl FnMut() -> kernel::Sys<T>) -> Res<kernel::Sys<T>> {
    loop {
        match f() {
            Err(libc::EINTR) => t.poll()?,
            r => return Ok(r),
        }
    }
}

/// Whether a descriptor may be read, or written, as it was opened.
fn opened_for(fd: i32, events: i16) -> bool {
    let wrong = if events & libc::POLLOUT != 0 { libc::O_RDONLY } else { libc::O_WRONLY };
    kernel::get_flags(fd).is_ok_and(|flags| flags & libc::O_ACCMODE != wrong)
}

/// Waits until a descriptor is ready for `events` (`POLLIN`, `POLLOUT`) or the deadline passes; false if it passed.
pub fn wait_fd(t: &Thread, fd: i32, events: i16, deadline: Option<Instant>) -> Res<bool> {
    loop {
        look_up(t)?;
        let left = deadline.map(|d| d.saturating_duration_since(now(t)));
        let slice = left.map_or(SLICE, |l| l.min(SLICE));
        let mut fds = [libc::pollfd { fd, events, revents: 0 }];
        let ms = slice.as_millis() as i32 + i32::from(!slice.subsec_nanos().is_multiple_of(1_000_000));
        match rest(t, deadline, || turns::idle(t, || kernel::poll(&mut fds, ms))) {
            Ok(n) if n > 0 => return Ok(true),
            // A descriptor that cannot be polled is the following call's to complain about.
            Err(e) if e != libc::EINTR => return Ok(true),
            // Nor will the end of a pipe that was not opened for it ever be ready.
            _ if !opened_for(fd, events) => return Ok(true),
            _ => {}
        }
        if pass_until(t, deadline) || deadline.is_some_and(|d| now(t) >= d) {
            return Ok(false);
        }
    }
}
