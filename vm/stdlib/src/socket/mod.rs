//! `_socket`: sockets and names, all with the host's permission.
//!
//! A pair of connected sockets reaches nothing outside, so making one asks nobody, as with a pipe.

use crate::kernel::{self, sockets as system};
use crate::{time, world};
use std::cell::{Cell, RefCell};
use typhon_interp::host::Access;
use typhon_object::dict::Dict;
use typhon_object::names;
use typhon_object::native::{self, MethodDef, ModuleDef, def};
use typhon_object::types::{exceptions, int, module};
use typhon_object::{Res, Thread, Value, call, convert, error, strs, tuple};

mod address;
mod consts;
mod lookup;
mod message;
mod object;
mod outlet;
mod transfer;

const PARTS: &[&[MethodDef]] = &[TABLE, lookup::TABLE];
static FUNCTIONS: [MethodDef; native::total(PARTS)] = native::join(PARTS);

/// `_socket`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_socket",
    doc: "Implementation module for socket operations.\n\nSee the socket module for documentation.",
    functions: &FUNCTIONS,
    types: &[("socket", &object::SOCKET), ("SocketType", &object::SOCKET)],
    init: Some(init),
};

const TABLE: &[MethodDef] = &[
    def(
        "socketpair",
        "($module, family=None, type=1, proto=0, /)",
        socketpair,
        "socketpair([family[, type [, proto]]]) -> (socket object, socket object)",
    ),
    def("close", "($module, object, /)", close, "close(integer) -> None"),
    def("dup", "($module, object, /)", dup, "dup(integer) -> integer"),
    def(
        "getdefaulttimeout",
        "($module, /)",
        |t, _| show_timeout(t, t.state::<Errors>().timeout.get()),
        "getdefaulttimeout() -> timeout",
    ),
    def(
        "setdefaulttimeout",
        "($module, object, /)",
        |t, a| {
            t.state::<Errors>().timeout.set(timeout(t, &a[0])?);
            Ok(Value::NONE)
        },
        "setdefaulttimeout(timeout)",
    ),
    def(
        "ntohs",
        "($module, integer, /)",
        |t, a| short(t, &a[0]),
        "Convert a 16-bit unsigned integer from network to host byte order.",
    ),
    def(
        "htons",
        "($module, integer, /)",
        |t, a| short(t, &a[0]),
        "Convert a 16-bit unsigned integer from host to network byte order.",
    ),
    def(
        "ntohl",
        "($module, integer, /)",
        |t, a| long(t, &a[0]),
        "Convert a 32-bit unsigned integer from network to host byte order.",
    ),
    def(
        "htonl",
        "($module, integer, /)",
        |t, a| long(t, &a[0]),
        "Convert a 32-bit unsigned integer from host to network byte order.",
    ),
    def(
        "CMSG_LEN",
        "($module, length, /)",
        |t, a| control(t, &a[0], "CMSG_LEN", system::control_length, system::control_length(0)),
        "CMSG_LEN(length) -> control message length",
    ),
    def(
        "CMSG_SPACE",
        "($module, length, /)",
        |t, a| control(t, &a[0], "CMSG_SPACE", system::control_space, system::control_space(1)),
        "CMSG_SPACE(length) -> buffer size",
    ),
];

/// The module's exceptions and its default timeout in nanoseconds; -1 is none.
pub struct Errors {
    gai: RefCell<Value>,
    host: RefCell<Value>,
    timeout: Cell<i64>,
}

impl Default for Errors {
    fn default() -> Self {
        Self { gai: RefCell::default(), host: RefCell::default(), timeout: Cell::new(-1) }
    }
}

fn init(t: &Thread, m: &Value) -> Res<()> {
    let dict = module::dict_of(t, m);
    let d = Dict::of(&dict);
    for (name, n) in consts::NUMBERS {
        d.set_str(t, &names::intern_static(name), convert::from_i64(t, *n)?)?;
    }
    d.set_str(t, &names::intern_static("has_ipv6"), Value::TRUE)?;
    d.set_str(t, &names::intern_static("BDADDR_ANY"), strs::new(t, "00:00:00:00:00:00")?)?;
    d.set_str(t, &names::intern_static("BDADDR_LOCAL"), strs::new(t, "00:00:00:FF:FF:FF")?)?;
    d.set_str(t, &names::intern_static("error"), exceptions::OS_ERROR.ty().value())?;
    d.set_str(t, &names::intern_static("timeout"), exceptions::TIMEOUT_ERROR.ty().value())?;
    let state = t.state::<Errors>();
    for (name, place) in [("gaierror", &state.gai), ("herror", &state.host)] {
        let (bases, body) = (tuple::from_array(t, [exceptions::OS_ERROR.ty().value()])?, Dict::create(t));
        Dict::of(&body).set_str(t, names::n::__module__(), names::intern_static("socket"))?;
        let name = names::intern_static(name);
        let class = typhon_object::types::type_::TYPE.ty().value();
        let made = call::call(t, &class, &[name.clone(), bases, body])?;
        d.set_str(t, &name, made.clone())?;
        drop(place.replace(made));
    }
    Ok(())
}

/// Asks for the network.
pub fn permit(t: &Thread) -> Res<()> {
    world::permit(t, Access::Network, None)
}

/// A timeout argument in nanoseconds; -1 is none.
fn timeout(t: &Thread, v: &Value) -> Res<i64> {
    if v.is_none() {
        return Ok(-1);
    }
    match time::duration(t, v)? {
        n if n < 0 => Err(error::value_error(t, "Timeout value out of range")),
        n => Ok(n),
    }
}

fn show_timeout(t: &Thread, ns: i64) -> Res {
    if ns < 0 { Ok(Value::NONE) } else { convert::from_f64(t, ns as f64 / 1e9) }
}

fn socketpair(t: &Thread, a: &[Value]) -> Res {
    let family = a[0].non_none().map_or(Ok(libc::AF_UNIX), |v| convert::to_i32(t, v))?;
    let kind = a[1].opt().map_or(Ok(libc::SOCK_STREAM), |v| convert::to_i32(t, v))?;
    let proto = a[2].opt().map_or(Ok(0), |v| convert::to_i32(t, v))?;
    world::room_for(t, 2)?;
    let fds = system::pair(family, kind, proto).map_err(|e| error::os_error(t, e, None, None))?;
    let [first, second] = fds.map(|fd| object::adopt(t, world::opened(t, fd), family, kind, proto));
    tuple::from_array(t, [first?, second?])
}

fn descriptor(t: &Thread, v: &Value) -> Res<i32> {
    let fd = convert::to_i32(t, v)?;
    world::usable(t, fd)?;
    Ok(fd)
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let fd = descriptor(t, &a[0])?;
    world::closed(t, fd);
    match kernel::close(fd) {
        Err(e) if e != libc::ECONNRESET && e != libc::EINTR => Err(error::os_error(t, e, None, None)),
        _ => Ok(Value::NONE),
    }
}

fn dup(t: &Thread, a: &[Value]) -> Res {
    let fd = kernel::dup(descriptor(t, &a[0])?).map_err(|e| error::os_error(t, e, None, None))?;
    Ok(Value::small(world::opened(t, fd as i32).into()))
}

/// A C number of so many bits.
fn unsigned(t: &Thread, v: &Value, bits: u32) -> Res<u64> {
    if !int::is_int(v) && typhon_object::type_of(v).slots().index.is_none() {
        let name = typhon_object::type_of(v).name();
        return Err(error::type_error(t, format_args!("'{name}' object cannot be interpreted as an integer")));
    }
    let v = convert::to_index(t, v)?;
    if int::is_negative(&v) {
        return Err(error::value_error(t, "Cannot convert negative int"));
    }
    match int::to_u64(&v) {
        Some(n) if n >> bits == 0 => Ok(n),
        _ => Err(error::overflow_error(t, format_args!("Python int too large for C uint{bits}_t"))),
    }
}

fn short(t: &Thread, v: &Value) -> Res {
    Ok(Value::small(i64::from((unsigned(t, v, 16)? as u16).to_be())))
}

fn long(t: &Thread, v: &Value) -> Res {
    Ok(Value::small(i64::from((unsigned(t, v, 32)? as u32).to_be())))
}

/// Most bytes of control data, headers included.
const CONTROL_MAX: usize = i32::MAX as usize;

/// `f` of a length; `around` is what lies around the data at most.
fn control(t: &Thread, v: &Value, name: &str, f: fn(usize) -> usize, around: usize) -> Res {
    match usize::try_from(convert::to_isize(t, v)?) {
        Ok(n) if n <= CONTROL_MAX - around => Ok(convert::from_usize(f(n))),
        _ => Err(error::overflow_error(t, format_args!("{name}() argument out of range"))),
    }
}
