//! Names of hosts and services.

use super::address::{self, family_of, host_text, internet, is_number};
use super::{Errors, outlet, permit};
use crate::kernel::names::{self as system, Found, Question};
use crate::kernel::sockets::Address;
use crate::thread::turns;
use crate::world;
use std::ffi::CString;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::mpsc;
use std::thread::Builder;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def, raw};
use typhon_object::strs::Str;
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::bytearray::ByteArray;
use typhon_object::types::bytes::{self, Bytes};
use typhon_object::types::exceptions;
use typhon_object::{Args, Exc, Res, Thread, Value, buffer, call, codec, convert, crossing, error, ops, strs, type_of};

pub(super) const TABLE: &[MethodDef] = &[
    def(
        "getaddrinfo",
        "($module, /, host, port, family=0, type=0, proto=0, flags=0)",
        getaddrinfo,
        "getaddrinfo(host, port [, family, type, proto, flags])\n    -> list of (family, type, proto, canonname, sockaddr)",
    ),
    def("getnameinfo", "($module, sockaddr, flags, /)", getnameinfo, "getnameinfo(sockaddr, flags) --> (host, port)"),
    def("gethostbyname", "($module, host, /)", gethostbyname, "gethostbyname(host) -> address"),
    def(
        "gethostbyname_ex",
        "($module, host, /)",
        |t, a| names_of(t, a, false),
        "gethostbyname_ex(host) -> (name, aliaslist, addresslist)",
    ),
    def(
        "gethostbyaddr",
        "($module, host, /)",
        |t, a| names_of(t, a, true),
        "gethostbyaddr(host) -> (name, aliaslist, addresslist)",
    ),
    def("gethostname", "($module, /)", gethostname, "gethostname() -> string"),
    def("sethostname", "($module, name, /)", sethostname, "sethostname(name)"),
    def(
        "getservbyname",
        "($module, servicename, protocolname=None, /)",
        getservbyname,
        "getservbyname(servicename[, protocolname]) -> integer",
    ),
    def(
        "getservbyport",
        "($module, port, protocolname=None, /)",
        getservbyport,
        "getservbyport(port[, protocolname]) -> string",
    ),
    def("getprotobyname", "($module, name, /)", getprotobyname, "getprotobyname(name) -> integer"),
    raw(
        "inet_aton",
        "($module, ip_addr, /)",
        inet_aton,
        "Convert an IP address in string format (123.45.67.89) to the 32-bit packed binary format used in low-level network functions.",
    ),
    def(
        "inet_ntoa",
        "($module, packed_ip, /)",
        inet_ntoa,
        "Convert an IP address from 32-bit packed binary format to string format.",
    ),
    def("inet_pton", "($module, af, ip, /)", inet_pton, "inet_pton(af, ip) -> packed IP address string"),
    def(
        "inet_ntop",
        "($module, af, packed_ip, /)",
        inet_ntop,
        "inet_ntop(af, packed_ip) -> string formatted IP address",
    ),
    def("if_nameindex", "($module, /)", if_nameindex, "if_nameindex()"),
    def(
        "if_nametoindex",
        "($module, oname, /)",
        if_nametoindex,
        "Returns the interface index corresponding to the interface name if_name.",
    ),
    def(
        "if_indextoname",
        "($module, if_index, /)",
        if_indextoname,
        "Returns the interface name corresponding to the interface index if_index.",
    ),
];

fn os(t: &Thread, text: &str) -> Exc {
    error::new(t, &exceptions::OS_ERROR, text)
}

fn fail(t: &Thread, errno: i32) -> Exc {
    error::os_error(t, errno, None, None)
}

/// `gaierror` or `herror` of a code.
fn lookup_error(t: &Thread, class: Value, code: i32, text: &str) -> Exc {
    let made = strs::new(t, text).and_then(|text| call::call(t, &class, &[Value::small(code.into()), text]));
    match made {
        Ok(e) => Exc::new(e),
        Err(e) => e,
    }
}

fn gai_error(t: &Thread, (code, errno): (i32, i32)) -> Exc {
    if code == libc::EAI_SYSTEM {
        return fail(t, errno);
    }
    lookup_error(t, t.state::<Errors>().gai.borrow().clone(), code, &system::explain(code))
}

/// Asks the resolver. It may wait for the network for long, so another OS thread waits and this one looks up.
fn resolve(t: &Thread, q: Question) -> Res<Vec<Found>> {
    let quick = q.host.is_none() || q.flags & libc::AI_NUMERICHOST != 0;
    if quick {
        return system::find(&q).map_err(|e| gai_error(t, e));
    }
    if let Some(outlet) = outlet::of(t) {
        return outlet::find(t, &*outlet, &q)?.map_err(|code| gai_error(t, (code, 0)));
    }
    let (send, receive) = mpsc::channel();
    let started = crossing::spawn(Builder::new().name("resolver".into()), move || {
        // Nobody listens any more if the isolate was stopped.
        drop(send.send(system::find(&q)));
    });
    if started.is_err() {
        return Err(gai_error(t, (libc::EAI_AGAIN, 0)));
    }
    loop {
        match turns::idle(t, || receive.recv_timeout(world::SLICE)) {
            Ok(found) => return found.map_err(|e| gai_error(t, e)),
            Err(mpsc::RecvTimeoutError::Timeout) => t.poll()?,
            Err(mpsc::RecvTimeoutError::Disconnected) => return Err(gai_error(t, (libc::EAI_FAIL, 0))),
        }
    }
}

/// A host argument: ASCII as it is, other text through IDNA.
pub fn host_name(t: &Thread, v: &Value) -> Res<CString> {
    let data = match (v.downcast::<Str>(), v.downcast::<Bytes>(), v.downcast::<ByteArray>()) {
        (Some(s), ..) => match s.as_ascii() {
            Some(text) => text.as_bytes().to_vec(),
            None => {
                let made = codec::encode(t, v, Some("idna"), None)?;
                made.downcast::<Bytes>().map(|b| b.as_slice().to_vec()).unwrap_or_default()
            }
        },
        (None, Some(b), _) => b.as_slice().to_vec(),
        (None, None, Some(_)) => buffer::get(t, v, buffer::SIMPLE)?.as_slice().to_vec(),
        _ => {
            let name = type_of(v).name();
            return Err(error::type_error(t, format_args!("str, bytes or bytearray expected, not {name}")));
        }
    };
    CString::new(data).map_err(|_| error::type_error(t, "host name must not contain null character"))
}

/// The one address of a host: a number, a special name, or what the resolver finds first. The port is 0.
pub fn address_of(t: &Thread, host: &CString, family: i32) -> Res<Address> {
    let text = host.to_string_lossy();
    if text.is_empty() {
        let ip: &[u8] = if family == libc::AF_INET6 { &[0; 16] } else { &[0; 4] };
        return Ok(internet(if family == libc::AF_INET6 { family } else { libc::AF_INET }, ip));
    }
    if text == "255.255.255.255" || text == "<broadcast>" {
        return match family {
            libc::AF_INET | libc::AF_UNSPEC => Ok(internet(libc::AF_INET, &[255; 4])),
            _ => Err(os(t, "address family mismatched")),
        };
    }
    if family != libc::AF_INET6
        && let Ok(ip) = text.parse::<Ipv4Addr>()
    {
        return Ok(internet(libc::AF_INET, &ip.octets()));
    }
    if family != libc::AF_INET
        && let Ok(ip) = text.parse::<Ipv6Addr>()
    {
        return Ok(internet(libc::AF_INET6, &ip.octets()));
    }
    outlet::permit_names(t)?;
    let q = Question { host: Some(host.clone()), service: None, kind: [family, 0, 0], flags: 0 };
    let found = resolve(t, q)?;
    found.first().map(|f| f.address).ok_or_else(|| gai_error(t, (libc::EAI_NONAME, 0)))
}

fn getaddrinfo(t: &Thread, a: &[Value]) -> Res {
    let host = match a[0].non_none() {
        None => None,
        Some(v) if v.downcast::<Str>().is_some() => {
            let made = codec::encode(t, v, Some("idna"), None)?;
            made.downcast::<Bytes>().map(|b| b.as_slice().to_vec())
        }
        Some(v) => match v.downcast::<Bytes>() {
            Some(b) => Some(b.as_slice().to_vec()),
            None => return Err(error::type_error(t, "getaddrinfo() argument 1 must be string or None")),
        },
    };
    let service = match a[1].non_none() {
        None => None,
        Some(v) if is_number(v) => Some(strs::display(&ops::str(t, &convert::to_index(t, v)?)?).into_bytes()),
        Some(v) => match (v.downcast::<Str>(), v.downcast::<Bytes>()) {
            (Some(_), _) => Some(convert::to_text(t, v, "getaddrinfo", "argument 2")?.into_bytes()),
            (None, Some(b)) => Some(b.as_slice().to_vec()),
            _ => return Err(os(t, "Int or String expected")),
        },
    };
    let c = |s: Vec<u8>| CString::new(s).map_err(|_| error::value_error(t, "embedded null character"));
    let number = |v: &Value| v.opt().map_or(Ok(0), |v| convert::to_i32(t, v));
    let kind = [number(&a[2])?, number(&a[3])?, number(&a[4])?];
    let flags = number(&a[5])?;
    outlet::permit_names(t)?;
    let q = Question { host: host.map(c).transpose()?, service: service.map(c).transpose()?, kind, flags };
    let mut out = Vec::new();
    for f in resolve(t, q)? {
        let [family, kind, proto] = f.kind.map(|n| Value::small(n.into()));
        let name = world::fs_decode(t, &f.name)?;
        out.push(tuple::from_array(t, [family, kind, proto, name, address::to_value(t, &f.address)?])?);
    }
    List::from_vec(t, out)
}

fn getnameinfo(t: &Thread, a: &[Value]) -> Res {
    let flags = convert::to_i32(t, &a[1])?;
    let Some(items) = a[0].downcast::<Tuple>().map(Tuple::items) else {
        return Err(error::type_error(t, "getnameinfo() argument 1 must be a tuple"));
    };
    let ([host, port] | [host, port, _] | [host, port, _, _]) = items else {
        return Err(error::type_error(t, "getnameinfo(): illegal sockaddr argument"));
    };
    let host = convert::to_text(t, host, "getnameinfo", "argument 1")?;
    let port = convert::to_i32(t, port)?;
    let flow = items.get(2).map_or(Ok(0), |v| convert::to_i64(t, v))?;
    let scope = items.get(3).map_or(Ok(0), |v| convert::to_i64(t, v))?;
    if !(0..=0xfffff).contains(&flow) {
        return Err(error::overflow_error(t, "getnameinfo(): flowinfo must be 0-1048575."));
    }
    permit(t)?;
    let c = |s: String| CString::new(s).map_err(|_| error::value_error(t, "embedded null character"));
    let q = Question {
        host: Some(c(host)?),
        service: Some(c(port.to_string())?),
        kind: [libc::AF_UNSPEC, libc::SOCK_DGRAM, 0],
        flags: libc::AI_NUMERICHOST,
    };
    let found = resolve(t, q)?;
    let [one] = &found[..] else { return Err(os(t, "sockaddr resolved to multiple addresses")) };
    let mut address = one.address;
    match family_of(&address) {
        libc::AF_INET if items.len() != 2 => return Err(os(t, "IPv4 sockaddr must be 2 tuple")),
        libc::AF_INET6 => {
            let mut b = address.bytes().to_vec();
            b[4..8].copy_from_slice(&(flow as u32).to_be_bytes());
            b[24..28].copy_from_slice(&(scope as u32).to_ne_bytes());
            address = Address::of(&b);
        }
        _ => {}
    }
    let (host, service) = system::name_of(&address, flags).map_err(|e| gai_error(t, e))?;
    tuple::from_array(t, [world::fs_decode(t, &host)?, world::fs_decode(t, &service)?])
}

fn gethostbyname(t: &Thread, a: &[Value]) -> Res {
    let host = host_name(t, &a[0])?;
    outlet::permit_names(t)?;
    let address = address_of(t, &host, libc::AF_INET)?;
    strs::new(t, &host_text(&address))
}

fn names_of(t: &Thread, a: &[Value], by_address: bool) -> Res {
    let host = host_name(t, &a[0])?;
    permit(t)?;
    let family = if by_address { libc::AF_UNSPEC } else { libc::AF_INET };
    let address = address_of(t, &host, family)?;
    let b = address.bytes();
    let found = match family_of(&address) {
        _ if !by_address => system::host(Ok(&host)),
        libc::AF_INET => system::host(Err((&b[4..8], libc::AF_INET))),
        _ => system::host(Err((&b[8..24], libc::AF_INET6))),
    };
    let Some(found) = found else {
        return Err(lookup_error(t, t.state::<Errors>().host.borrow().clone(), 1, "Unknown host"));
    };
    let aliases = found.aliases.iter().map(|n| world::fs_decode(t, n)).collect::<Res<_>>()?;
    let ips = found.addresses.iter().map(|ip| strs::new(t, &host_text(&internet(found.family, ip))));
    let ips = ips.collect::<Res<_>>()?;
    let name = world::fs_decode(t, &found.name)?;
    tuple::from_array(t, [name, List::from_vec(t, aliases)?, List::from_vec(t, ips)?])
}

fn gethostname(t: &Thread, _: &[Value]) -> Res {
    world::fs_decode(t, &system::own_host().map_err(|e| fail(t, e))?)
}

fn sethostname(t: &Thread, a: &[Value]) -> Res {
    let name = match a[0].downcast::<Str>() {
        Some(_) => world::fs_encode(t, &a[0])?,
        None => buffer::get(t, &a[0], buffer::SIMPLE)?.as_slice().to_vec(),
    };
    world::permit(t, typhon_interp::host::Access::ProcessState, None)?;
    system::set_own_host(&name).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

fn c_text(t: &Thread, v: &Value, function: &str, argument: &str) -> Res<CString> {
    let text = convert::to_text(t, v, function, argument)?;
    CString::new(text).map_err(|_| error::value_error(t, "embedded null character"))
}

fn getservbyname(t: &Thread, a: &[Value]) -> Res {
    let name = c_text(t, &a[0], "getservbyname", "argument 1")?;
    let proto = a[1].non_none().map(|p| c_text(t, p, "getservbyname", "argument 2")).transpose()?;
    permit(t)?;
    match system::service_port(&name, proto.as_deref()) {
        Some(port) => Ok(Value::small(port.into())),
        None => Err(os(t, "service/proto not found")),
    }
}

fn getservbyport(t: &Thread, a: &[Value]) -> Res {
    let port = convert::to_i32(t, &a[0])?;
    let proto = a[1].non_none().map(|p| c_text(t, p, "getservbyport", "argument 2")).transpose()?;
    let Ok(port) = u16::try_from(port) else {
        return Err(error::overflow_error(t, "getservbyport: port must be 0-65535."));
    };
    permit(t)?;
    match system::service_name(port, proto.as_deref()) {
        Some(name) => world::fs_decode(t, &name),
        None => Err(os(t, "port/proto not found")),
    }
}

fn getprotobyname(t: &Thread, a: &[Value]) -> Res {
    let name = c_text(t, &a[0], "getprotobyname", "argument 1")?;
    permit(t)?;
    match system::protocol(&name) {
        Some(n) => Ok(Value::small(n.into())),
        None => Err(os(t, "protocol not found")),
    }
}

/// One part of an address in the old notation: decimal, octal or hexadecimal.
fn old_number(text: &str) -> Option<u32> {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None if text.len() > 1 && text.starts_with('0') => u32::from_str_radix(text, 8).ok(),
        None => text.parse().ok(),
    }
}

/// An address in the notation of inet_aton(3): one to four numbers, the last of which fills the rest.
fn old_address(text: &str) -> Option<[u8; 4]> {
    // What follows a blank is a comment.
    let text = text.split(|c: char| c.is_ascii_whitespace()).next()?;
    let parts: Vec<u32> = text.split('.').map(old_number).collect::<Option<_>>()?;
    let (last, front) = parts.split_last()?;
    if front.len() > 3 || front.iter().any(|n| *n > 255) {
        return None;
    }
    if !front.is_empty() && u64::from(*last) >= 1 << (8 * (4 - front.len())) {
        return None;
    }
    let mut out = last.to_be_bytes();
    for (to, n) in out.iter_mut().zip(front) {
        *to = *n as u8;
    }
    Some(out)
}

fn inet_aton(t: &Thread, args: Args<'_>) -> Res {
    let a = args.expect_positional(t, "inet_aton", 1, 1)?;
    let text = convert::to_text(t, &a[0], "inet_aton", "argument")?;
    match old_address(&text) {
        Some(ip) => bytes::new(t, &ip),
        None => Err(os(t, "illegal IP address string passed to inet_aton")),
    }
}

fn inet_ntoa(t: &Thread, a: &[Value]) -> Res {
    let b = buffer::get(t, &a[0], buffer::SIMPLE)?;
    match *b.as_slice() {
        [a, b, c, d] => strs::new(t, &Ipv4Addr::from([a, b, c, d]).to_string()),
        _ => Err(os(t, "packed IP wrong length")),
    }
}

fn inet_pton(t: &Thread, a: &[Value]) -> Res {
    let family = convert::to_i32(t, &a[0])?;
    let text = convert::to_text(t, &a[1], "inet_pton", "argument 2")?;
    let wrong = || os(t, "illegal IP address string passed to inet_pton");
    match family {
        libc::AF_INET => bytes::new(t, &text.parse::<Ipv4Addr>().map_err(|_| wrong())?.octets()),
        libc::AF_INET6 => bytes::new(t, &text.parse::<Ipv6Addr>().map_err(|_| wrong())?.octets()),
        _ => Err(fail(t, libc::EAFNOSUPPORT)),
    }
}

fn inet_ntop(t: &Thread, a: &[Value]) -> Res {
    let family = convert::to_i32(t, &a[0])?;
    let b = buffer::get(t, &a[1], buffer::SIMPLE)?;
    let length = match family {
        libc::AF_INET => 4,
        libc::AF_INET6 => 16,
        _ => return Err(error::value_error(t, format_args!("unknown address family {family}"))),
    };
    if b.len != length {
        return Err(error::value_error(t, "invalid length of packed IP address string"));
    }
    strs::new(t, &host_text(&internet(family, b.as_slice())))
}

fn if_nameindex(t: &Thread, _: &[Value]) -> Res {
    permit(t)?;
    let all = system::interfaces().map_err(|e| fail(t, e))?;
    let pairs =
        all.iter().map(|(n, name)| tuple::from_array(t, [Value::small((*n).into()), world::fs_decode(t, name)?]));
    List::from_vec(t, pairs.collect::<Res<_>>()?)
}

fn if_nametoindex(t: &Thread, a: &[Value]) -> Res {
    let p = world::path_arg(t, &a[0], "if_nametoindex", "name", world::Also::Nothing)?;
    permit(t)?;
    system::interface(&p.path).map(Value::small).map_err(|e| fail(t, e))
}

fn if_indextoname(t: &Thread, a: &[Value]) -> Res {
    let n = convert::to_i64(t, &a[0])?;
    if n < 0 {
        return Err(error::value_error(t, "interface index must be non-negative"));
    }
    let Ok(n) = u32::try_from(n) else {
        return Err(error::overflow_error(t, "Python int too large to convert to C unsigned int"));
    };
    permit(t)?;
    world::fs_decode(t, &system::interface_name(n).map_err(|e| fail(t, e))?)
}

/// The name of an interface.
pub fn interface_name(index: u32) -> Option<String> {
    system::interface_name(index).ok().map(|name| String::from_utf8_lossy(&name).into_owned())
}
