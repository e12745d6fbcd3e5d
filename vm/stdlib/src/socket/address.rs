//! Socket addresses between Python's tuples and the kernel's bytes.

use super::lookup;
use crate::kernel::sockets::Address;
use crate::world;
use typhon_object::buffer;
use typhon_object::strs::Str;
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::{bytes, exceptions, int};
use typhon_object::{Exc, Res, Thread, Value, convert, error, strs, type_of};

/// Where the port stands in both internet addresses.
const PORT: std::ops::Range<usize> = 2..4;
/// Longest path of a Unix address.
const PATH_MAX: usize = 108;

fn os(t: &Thread, text: &str) -> Exc {
    error::new(t, &exceptions::OS_ERROR, text)
}

fn port(t: &Thread, v: &Value, function: &str) -> Res<u16> {
    let n = convert::to_i32(t, v)?;
    u16::try_from(n).map_err(|_| error::overflow_error(t, format_args!("{function}(): port must be 0-65535.")))
}

fn items<'a>(t: &Thread, v: &'a Value, function: &str, family: &str) -> Res<&'a [Value]> {
    match v.downcast::<Tuple>() {
        Some(items) => Ok(items.items()),
        None => {
            let name = type_of(v).name();
            Err(error::type_error(t, format_args!("{function}(): {family} address must be tuple, not {name}")))
        }
    }
}

/// The kernel's form of an address for a socket of `family`.
pub fn from_value(t: &Thread, family: i32, v: &Value, function: &str) -> Res<Address> {
    match family {
        libc::AF_INET => {
            let [host, at] = items(t, v, function, "AF_INET")? else {
                return Err(error::type_error(t, "AF_INET address must be a pair (host, port)"));
            };
            let host = lookup::host_name(t, host)?;
            let mut made = lookup::address_of(t, &host, family)?.bytes().to_vec();
            made[PORT].copy_from_slice(&port(t, at, function)?.to_be_bytes());
            Ok(Address::of(&made))
        }
        libc::AF_INET6 => {
            let parts = items(t, v, function, "AF_INET6")?;
            let ([host, at] | [host, at, _] | [host, at, _, _]) = parts else {
                return Err(error::type_error(
                    t,
                    "AF_INET6 address must be a tuple (host, port[, flowinfo[, scopeid]])",
                ));
            };
            let number = |i: usize| parts.get(i).map_or(Ok(0), |v| convert::to_i64(t, v));
            let (flow, scope) = (number(2)?, number(3)?);
            if !(0..=0xfffff).contains(&flow) {
                return Err(error::overflow_error(t, format_args!("{function}(): flowinfo must be 0-1048575.")));
            }
            let host = lookup::host_name(t, host)?;
            let at = port(t, at, function)?;
            let mut made = lookup::address_of(t, &host, family)?.bytes().to_vec();
            made[PORT].copy_from_slice(&at.to_be_bytes());
            made[4..8].copy_from_slice(&(flow as u32).to_be_bytes());
            if parts.len() > 3 {
                made[24..28].copy_from_slice(&(scope as u32).to_ne_bytes());
            }
            Ok(Address::of(&made))
        }
        libc::AF_UNIX => path(t, v),
        libc::AF_NETLINK => {
            let [pid, groups] = items(t, v, function, "AF_NETLINK")? else {
                return Err(error::type_error(t, "AF_NETLINK address must be a pair (pid, groups)"));
            };
            let mut made = [0; 12];
            made[..2].copy_from_slice(&(family as u16).to_ne_bytes());
            made[4..8].copy_from_slice(&(convert::to_i64(t, pid)? as u32).to_ne_bytes());
            made[8..].copy_from_slice(&(convert::to_i64(t, groups)? as u32).to_ne_bytes());
            Ok(Address::of(&made))
        }
        _ => Err(os(t, &format!("{function}(): unsupported address family"))),
    }
}

fn path(t: &Thread, v: &Value) -> Res<Address> {
    let path = match v.downcast::<Str>() {
        Some(_) => world::fs_encode(t, v)?,
        None => buffer::get(t, v, buffer::SIMPLE)?.as_slice().to_vec(),
    };
    // An empty path, or one that begins with NUL, lies in Linux's abstract namespace and fills all of the room.
    let is_abstract = path.first().is_none_or(|b| *b == 0);
    if path.len() > PATH_MAX - usize::from(!is_abstract) {
        return Err(os(t, "AF_UNIX path too long"));
    }
    let mut made = (libc::AF_UNIX as u16).to_ne_bytes().to_vec();
    made.extend_from_slice(&path);
    if !is_abstract {
        made.push(0);
    }
    Ok(Address::of(&made))
}

/// An internet address of a family from its bytes in network order.
pub fn internet(family: i32, ip: &[u8]) -> Address {
    let mut made = (family as u16).to_ne_bytes().to_vec();
    if family == libc::AF_INET {
        made.extend_from_slice(&[0; 2]);
        made.extend_from_slice(ip);
        made.extend_from_slice(&[0; 8]);
    } else {
        made.extend_from_slice(&[0; 6]);
        made.extend_from_slice(ip);
        made.extend_from_slice(&[0; 4]);
    }
    Address::of(&made)
}

fn be16(b: &[u8]) -> i64 {
    i64::from(u16::from_be_bytes([b[0], b[1]]))
}

fn four(b: &[u8]) -> [u8; 4] {
    [b[0], b[1], b[2], b[3]]
}

/// The text of an address's host.
pub fn host_text(a: &Address) -> String {
    let b = a.bytes();
    match family_of(a) {
        libc::AF_INET if b.len() >= 8 => std::net::Ipv4Addr::from(four(&b[4..])).to_string(),
        libc::AF_INET6 if b.len() >= 28 => {
            let mut ip = [0; 16];
            ip.copy_from_slice(&b[8..24]);
            std::net::Ipv6Addr::from(ip).to_string()
        }
        _ => String::new(),
    }
}

/// The family of an address.
pub fn family_of(a: &Address) -> i32 {
    match a.bytes() {
        [x, y, ..] => i32::from(u16::from_ne_bytes([*x, *y])),
        _ => libc::AF_UNSPEC,
    }
}

/// What Python shows of an address.
pub fn to_value(t: &Thread, a: &Address) -> Res {
    let b = a.bytes();
    if b.len() < 2 {
        return Ok(Value::NONE);
    }
    match family_of(a) {
        libc::AF_INET if b.len() >= 8 => {
            tuple::from_array(t, [strs::new(t, &host_text(a))?, Value::small(be16(&b[PORT]))])
        }
        libc::AF_INET6 if b.len() >= 28 => {
            let flow = u32::from_be_bytes(four(&b[4..8]));
            let scope = u32::from_ne_bytes(four(&b[24..28]));
            let mut host = host_text(a);
            if scope != 0
                && let Some(name) = lookup::interface_name(scope)
                && b[8] == 0xfe
                && b[9] & 0xc0 == 0x80
            {
                host = format!("{host}%{name}");
            }
            let numbers = [be16(&b[PORT]), i64::from(flow), i64::from(scope)].map(Value::small);
            let [at, flow, scope] = numbers;
            tuple::from_array(t, [strs::new(t, &host)?, at, flow, scope])
        }
        libc::AF_UNIX => {
            let path = &b[2..];
            if path.first() == Some(&0) {
                return bytes::new(t, path);
            }
            world::fs_decode(t, path.split(|b| *b == 0).next().unwrap_or_default())
        }
        libc::AF_NETLINK if b.len() >= 12 => {
            let number = |at: usize| Value::small(i64::from(u32::from_ne_bytes(four(&b[at..]))));
            tuple::from_array(t, [number(4), number(8)])
        }
        family => tuple::from_array(t, [Value::small(family.into()), bytes::new(t, &b[2..])?]),
    }
}

/// Whether a value can be an int argument.
pub fn is_number(v: &Value) -> bool {
    int::is_int(v) || type_of(v).slots().index.is_some()
}
