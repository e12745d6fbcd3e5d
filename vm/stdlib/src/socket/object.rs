//! `_socket.socket`.

use super::{Errors, address, message, outlet, permit, show_timeout, timeout, transfer};
use crate::kernel::{self, sockets as system};
use crate::world;
use std::cell::Cell;
use std::time::{Duration, Instant};
use typhon_object::header::Header;
use typhon_object::native::{self, GetSetDef, MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{bytes, exceptions};
use typhon_object::{Args, Exc, Res, Thread, Value, buffer, convert, error, ops, payload, strs, tuple};

/// A socket.
#[repr(C)]
pub struct Socket {
    header: Header,
    /// Its descriptor; -1 is closed.
    pub fd: Cell<i32>,
    /// Its family.
    pub family: Cell<i32>,
    kind: Cell<i32>,
    proto: Cell<i32>,
    /// Nanoseconds a call may wait; -1 is for ever, 0 not at all.
    pub timeout: Cell<i64>,
}

typhon_object::payload!(Socket => SOCKET);

const PARTS: &[&[MethodDef]] = &[TABLE, transfer::TABLE, message::TABLE];
static METHODS: [MethodDef; native::total(PARTS)] = native::join(PARTS);
static INIT: MethodDef = def("socket", "(family=-1, type=-1, proto=-1, fileno=None)", |_, _| Ok(Value::NONE), "");

/// `_socket.socket`.
pub static SOCKET: TypeDef = TypeDef {
    name: "_socket.socket",
    doc: "socket(family=AF_INET, type=SOCK_STREAM, proto=0) -> socket object\nsocket(family=-1, type=-1, proto=-1, fileno=None) -> socket object\n\nOpen a socket of the given type.",
    signature: "(family=-1, type=-1, proto=-1, fileno=None)",
    flags: flag::BASETYPE | flag::FINALIZER,
    slots: Slots { new: Some(new), init: Some(init), repr: Some(repr), finalize: Some(finalize), ..Slots::NONE },
    methods: &METHODS,
    getset: GETSET,
    ..TypeDef::of::<Socket>()
};

const GETSET: &[GetSetDef] = &[
    getter("family", |_, v| Ok(Value::small(v.expect::<Socket>().family.get().into())), "the socket family"),
    getter("type", |_, v| Ok(Value::small(v.expect::<Socket>().kind.get().into())), "the socket type"),
    getter("proto", |_, v| Ok(Value::small(v.expect::<Socket>().proto.get().into())), "the socket protocol"),
    getter("timeout", |t, v| show_timeout(t, v.expect::<Socket>().timeout.get()), "the socket timeout"),
];

const TABLE: &[MethodDef] = &[
    def("_accept", "($self, /)", accept, "_accept() -> (integer, address info)"),
    def("bind", "($self, object, /)", bind, "bind(address)"),
    def("close", "($self, /)", close, "close()"),
    def(
        "connect",
        "($self, object, /)",
        |t, a| connected(t, a, "connect")?.map(|()| Value::NONE).map_err(|e| fail(t, e)),
        "connect(address)",
    ),
    def("connect_ex", "($self, object, /)", connect_ex, "connect_ex(address) -> errno"),
    def("detach", "($self, /)", detach, "detach()"),
    def(
        "fileno",
        "($self, /)",
        |_, a| Ok(Value::small(a[0].expect::<Socket>().fd.get().into())),
        "fileno() -> integer",
    ),
    def("getpeername", "($self, /)", |t, a| named(t, a, system::peer_name), "getpeername() -> address info"),
    def("getsockname", "($self, /)", |t, a| named(t, a, system::own_name), "getsockname() -> address info"),
    def(
        "getsockopt",
        "($self, level, option, buffersize=0, /)",
        getsockopt,
        "getsockopt(level, option[, buffersize]) -> value",
    ),
    def(
        "setsockopt",
        "($self, level, option, value, optlen=None, /)",
        setsockopt,
        "setsockopt(level, option, value: int)",
    ),
    def("listen", "($self, backlog=128, /)", listen, "listen([backlog])"),
    def(
        "setblocking",
        "($self, object, /)",
        |t, a| set_timeout(t, &a[0], if ops::truth(t, &a[1])? { -1 } else { 0 }),
        "setblocking(flag)",
    ),
    def(
        "getblocking",
        "($self, /)",
        |_, a| Ok(Value::bool(a[0].expect::<Socket>().timeout.get() != 0)),
        "getblocking()",
    ),
    def(
        "settimeout",
        "($self, object, /)",
        |t, a| {
            let ns = timeout(t, &a[1])?;
            set_timeout(t, &a[0], ns)
        },
        "settimeout(timeout)",
    ),
    def(
        "gettimeout",
        "($self, /)",
        |t, a| show_timeout(t, a[0].expect::<Socket>().timeout.get()),
        "gettimeout() -> timeout",
    ),
    def("shutdown", "($self, object, /)", shutdown, "shutdown(flag)"),
];

/// The OSError of an errno.
pub fn fail(t: &Thread, errno: i32) -> Exc {
    error::os_error(t, errno, None, None)
}

pub fn timed_out(t: &Thread) -> Exc {
    error::new(t, &exceptions::TIMEOUT_ERROR, "timed out")
}

fn blank(header: Header) -> Socket {
    let none = || Cell::new(-1);
    Socket { header, fd: none(), family: none(), kind: none(), proto: none(), timeout: Cell::new(-1) }
}

fn new(t: &Thread, class: &Value, _: Args<'_>) -> Res {
    payload::new_for(t, class, blank)
}

/// An open descriptor as a socket.
pub fn adopt(t: &Thread, fd: i32, family: i32, kind: i32, proto: i32) -> Res {
    let made = payload::new(t, blank)?;
    fill(t, made.expect::<Socket>(), fd, family, kind, proto)?;
    Ok(made)
}

fn fill(t: &Thread, s: &Socket, fd: i32, family: i32, kind: i32, proto: i32) -> Res<()> {
    s.fd.set(fd);
    s.family.set(family);
    s.kind.set(kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC));
    s.proto.set(proto);
    let ns = if kind & libc::SOCK_NONBLOCK != 0 { 0 } else { t.state::<Errors>().timeout.get() };
    s.timeout.set(ns);
    if ns >= 0 { not_waiting(t, fd, true) } else { Ok(()) }
}

fn not_waiting(t: &Thread, fd: i32, on: bool) -> Res<()> {
    let flags = kernel::get_flags(fd).map_err(|e| fail(t, e))?;
    let wanted = if on { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
    if wanted == flags { Ok(()) } else { kernel::set_flags(fd, wanted).map_err(|e| fail(t, e)) }
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    let Some(signature) = native::signature_of(t, &INIT, false) else {
        return Err(error::system_error(t, "a constructor without its signature"));
    };
    signature.bind(t, INIT.name, args, |a| {
        let number = |v: &Value| v.opt().map_or(Ok(-1), |v| convert::to_i32(t, v));
        let (family, kind, proto) = (number(&a[0])?, number(&a[1])?, number(&a[2])?);
        let s = v.expect::<Socket>();
        let Some(fd) = a[3].non_none() else {
            let family = if family == -1 { libc::AF_INET } else { family };
            let kind = if kind == -1 { libc::SOCK_STREAM } else { kind };
            let proto = proto.max(0);
            if let Some(fd) = outlet::blank(t, family, kind, proto)? {
                return fill(t, s, world::opened(t, fd), family, kind, proto);
            }
            permit(t)?;
            let fd = system::socket(family, kind, proto).map_err(|e| fail(t, e))?;
            return fill(t, s, world::opened(t, fd as i32), family, kind, proto);
        };
        take(t, s, fd, family, kind, proto)
    })
}

/// `socket(fileno=fd)`: what is not said is asked of the descriptor.
fn take(t: &Thread, s: &Socket, fd: &Value, family: i32, kind: i32, proto: i32) -> Res<()> {
    if typhon_object::types::float::as_f64(fd).is_some() && !address::is_number(fd) {
        return Err(error::type_error(t, "integer argument expected, got float"));
    }
    let fd = convert::to_i32(t, fd)?;
    if fd < 0 {
        return Err(error::value_error(t, "negative file descriptor"));
    }
    world::usable(t, fd)?;
    let name = match system::own_name(fd) {
        Ok(name) => Some(name),
        Err(e) if family == -1 || matches!(e, libc::EBADF | libc::ENOTSOCK) => return Err(fail(t, e)),
        Err(_) => None,
    };
    let family = if family == -1 { name.map_or(libc::AF_UNSPEC, |n| address::family_of(&n)) } else { family };
    let asked = |given: i32, option: i32| {
        if given != -1 {
            return Ok(given);
        }
        system::option_number(fd, libc::SOL_SOCKET, option).map_err(|e| fail(t, e))
    };
    let kind = asked(kind, libc::SO_TYPE)?;
    let proto = asked(proto, libc::SO_PROTOCOL)?;
    fill(t, s, fd, family, kind, proto)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let s = v.expect::<Socket>();
    let (fd, family, kind, proto) = (s.fd.get(), s.family.get(), s.kind.get(), s.proto.get());
    strs::new(t, &format!("<socket object, fd={fd}, family={family}, type={kind}, proto={proto}>"))
}

fn finalize(t: &Thread, v: &Value) {
    let s = v.expect::<Socket>();
    if s.fd.get() < 0 {
        return;
    }
    let category = exceptions::RESOURCE_WARNING.ty().value();
    let warned = ops::repr_text(t, v).and_then(|text| (t.hooks.warn)(t, &category, &format!("unclosed {text}"), 1));
    if let Err(e) = warned {
        (t.hooks.unraisable)(t, e, "Exception ignored in", Some(v));
    }
    let fd = s.fd.replace(-1);
    world::closed(t, fd);
    // Nobody is left to hear of an error.
    let _ = kernel::close(fd);
}

/// Runs a call that may have to wait: for a socket with a timeout until the deadline, for a blocking one until it is
/// ready, looking up meanwhile.
pub fn patiently<T>(t: &Thread, s: &Socket, events: i16, f: impl FnMut() -> kernel::Sys<T>) -> Res<T> {
    let ns = s.timeout.get();
    let end = if ns > 0 { Instant::now().checked_add(Duration::from_nanos(ns as u64)) } else { None };
    until(t, s, events, end, f)
}

/// As [`patiently`], with the deadline of a longer task.
pub fn until<T>(
    t: &Thread,
    s: &Socket,
    events: i16,
    end: Option<Instant>,
    mut f: impl FnMut() -> kernel::Sys<T>,
) -> Res<T> {
    loop {
        if s.timeout.get() != 0 && s.fd.get() >= 0 && !world::wait_fd(t, s.fd.get(), events, end)? {
            return Err(timed_out(t));
        }
        match f() {
            Err(libc::EINTR) => t.poll()?,
            Err(libc::EAGAIN) if s.timeout.get() != 0 => t.poll()?,
            r => return r.map_err(|e| fail(t, e)),
        }
    }
}

fn accept(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Socket>();
    let (fd, from) = patiently(t, s, libc::POLLIN, || system::accept(s.fd.get()))?;
    tuple::from_array(t, [Value::small(world::opened(t, fd).into()), address::to_value(t, &from)?])
}

fn bind(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Socket>();
    let to = address::from_value(t, s.family.get(), &a[1], "bind")?;
    permit(t)?;
    system::bind(s.fd.get(), &to).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

/// Connects: the errno that says why not. A blocking socket is made not to block meanwhile, so that the wait can end.
fn connected(t: &Thread, a: &[Value], function: &str) -> Res<kernel::Sys<()>> {
    let s = a[0].expect::<Socket>();
    let to = address::from_value(t, s.family.get(), &a[1], function)?;
    if let Some(made) = outlet::connect(t, s, &to)? {
        return Ok(made);
    }
    permit(t)?;
    let (fd, ns) = (s.fd.get(), s.timeout.get());
    if ns < 0 && fd >= 0 {
        not_waiting(t, fd, true)?;
    }
    let made = attempt(t, fd, ns, &to);
    if ns < 0 && fd >= 0 {
        not_waiting(t, fd, false)?;
    }
    made
}

fn attempt(t: &Thread, fd: i32, ns: i64, to: &system::Address) -> Res<kernel::Sys<()>> {
    match system::connect(fd, to) {
        Err(libc::EINPROGRESS | libc::EINTR | libc::EAGAIN) if ns != 0 => {}
        r => return Ok(r),
    }
    let end = if ns > 0 { Instant::now().checked_add(Duration::from_nanos(ns as u64)) } else { None };
    if !world::wait_fd(t, fd, libc::POLLOUT, end)? {
        return Err(timed_out(t));
    }
    Ok(match system::option_number(fd, libc::SOL_SOCKET, libc::SO_ERROR) {
        Ok(0) => Ok(()),
        Ok(e) | Err(e) => {
            if ns < 0 {
                // To a blocking socket the attempt is over; one that did not block remembers it until it is asked again.
                let _ = system::connect(fd, to);
            }
            Err(e)
        }
    })
}

fn connect_ex(t: &Thread, a: &[Value]) -> Res {
    let errno = match connected(t, a, "connect_ex") {
        Ok(r) => r.err().unwrap_or(0),
        Err(e) if e.is(&exceptions::TIMEOUT_ERROR) => libc::EAGAIN,
        Err(e) => return Err(e),
    };
    Ok(Value::small(errno.into()))
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let fd = a[0].expect::<Socket>().fd.replace(-1);
    if fd < 0 {
        return Ok(Value::NONE);
    }
    world::closed(t, fd);
    match kernel::close(fd) {
        Err(e) if e != libc::ECONNRESET && e != libc::EINTR => Err(fail(t, e)),
        _ => Ok(Value::NONE),
    }
}

fn detach(_: &Thread, a: &[Value]) -> Res {
    Ok(Value::small(a[0].expect::<Socket>().fd.replace(-1).into()))
}

fn named(t: &Thread, a: &[Value], f: fn(i32) -> kernel::Sys<system::Address>) -> Res {
    let name = f(a[0].expect::<Socket>().fd.get()).map_err(|e| fail(t, e))?;
    address::to_value(t, &name)
}

fn getsockopt(t: &Thread, a: &[Value]) -> Res {
    let fd = a[0].expect::<Socket>().fd.get();
    let (level, name) = (convert::to_i32(t, &a[1])?, convert::to_i32(t, &a[2])?);
    let size = a[3].opt().map_or(Ok(0), |v| convert::to_i32(t, v))?;
    if size == 0 {
        let n = system::option_number(fd, level, name).map_err(|e| fail(t, e))?;
        return Ok(Value::small(n.into()));
    }
    if !(1..=1024).contains(&size) {
        return Err(error::new(t, &exceptions::OS_ERROR, "getsockopt buflen out of range"));
    }
    let mut room = vec![0; size as usize];
    let n = system::option(fd, level, name, &mut room).map_err(|e| fail(t, e))?;
    bytes::new(t, &room[..n])
}

fn setsockopt(t: &Thread, a: &[Value]) -> Res {
    let fd = a[0].expect::<Socket>().fd.get();
    let (level, name) = (convert::to_i32(t, &a[1])?, convert::to_i32(t, &a[2])?);
    let done = match (a[3].is_none(), a[4].non_none()) {
        (true, Some(length)) => system::set_option_length(fd, level, name, convert::to_i64(t, length)? as u32),
        (false, Some(_)) => {
            let ty = typhon_object::type_of(&a[3]).name();
            let text = format!("socket option should be NoneType for 4-arguments, got '{ty}'");
            return Err(error::type_error(t, text));
        }
        (_, None) if address::is_number(&a[3]) => {
            system::set_option(fd, level, name, &convert::to_i32(t, &a[3])?.to_ne_bytes())
        }
        (_, None) => system::set_option(fd, level, name, buffer::get(t, &a[3], buffer::SIMPLE)?.as_slice()),
    };
    done.map(|()| Value::NONE).map_err(|e| fail(t, e))
}

fn listen(t: &Thread, a: &[Value]) -> Res {
    let backlog = a[1].opt().map_or(Ok(128), |v| convert::to_i32(t, v))?;
    let fd = a[0].expect::<Socket>().fd.get();
    system::listen(fd, backlog.max(0)).map(|_| Value::NONE).map_err(|e| fail(t, e))
}

fn set_timeout(t: &Thread, v: &Value, ns: i64) -> Res {
    let s = v.expect::<Socket>();
    s.timeout.set(ns);
    not_waiting(t, s.fd.get(), ns >= 0)?;
    Ok(Value::NONE)
}

fn shutdown(t: &Thread, a: &[Value]) -> Res {
    let how = convert::to_i32(t, &a[1])?;
    system::shutdown(a[0].expect::<Socket>().fd.get(), how).map(|_| Value::NONE).map_err(|e| fail(t, e))
}
