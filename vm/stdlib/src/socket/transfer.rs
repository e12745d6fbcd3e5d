//! Sending and receiving bytes.

use super::object::{Socket, patiently, until};
use super::{address, permit};
use crate::kernel::sockets as system;
use crate::world;
use std::time::{Duration, Instant};
use typhon_object::native::{MethodDef, def, raw};
use typhon_object::types::bytes;
use typhon_object::{Args, Res, Thread, Value, buffer, convert, error, tuple};

pub(super) const TABLE: &[MethodDef] = &[
    def("recv", "($self, buffersize, flags=0, /)", recv, "recv(buffersize[, flags]) -> data"),
    def(
        "recv_into",
        "($self, /, buffer, nbytes=0, flags=0)",
        recv_into,
        "recv_into(buffer, [nbytes[, flags]]) -> nbytes_read",
    ),
    def(
        "recvfrom",
        "($self, buffersize, flags=0, /)",
        recvfrom,
        "recvfrom(buffersize[, flags]) -> (data, address info)",
    ),
    def(
        "recvfrom_into",
        "($self, /, buffer, nbytes=0, flags=0)",
        recvfrom_into,
        "recvfrom_into(buffer[, nbytes[, flags]]) -> (nbytes, address info)",
    ),
    def("send", "($self, data, flags=0, /)", send, "send(data[, flags]) -> count"),
    def("sendall", "($self, data, flags=0, /)", sendall, "sendall(data[, flags])"),
    raw("sendto", "($self, data, flags, address, /)", sendto, "sendto(data[, flags], address) -> count"),
];

fn flags(t: &Thread, v: &Value) -> Res<i32> {
    v.opt().map_or(Ok(0), |v| convert::to_i32(t, v))
}

/// Receives once; with MSG_WAITALL on a socket that waits, until the buffer is full or the stream ends.
fn receive(t: &Thread, s: &Socket, room: &mut [u8], flags: i32) -> Res<(usize, system::Address)> {
    let all = flags & libc::MSG_WAITALL != 0 && s.timeout.get() != 0;
    let mut got = 0;
    loop {
        let rest = &mut room[got..];
        let (n, from) = patiently(t, s, libc::POLLIN, || system::receive(s.fd.get(), rest, flags))?;
        got += n;
        if !all || n == 0 || got == room.len() {
            return Ok((got, from));
        }
    }
}

fn room(t: &Thread, v: &Value, function: &str) -> Res<Vec<u8>> {
    let Ok(n) = usize::try_from(convert::to_isize(t, v)?) else {
        return Err(error::value_error(t, format_args!("negative buffersize in {function}")));
    };
    t.check_alloc(n)?;
    Ok(vec![0; n])
}

fn recv(t: &Thread, a: &[Value]) -> Res {
    let mut room = room(t, &a[1], "recv")?;
    let (n, _) = receive(t, a[0].expect::<Socket>(), &mut room, flags(t, &a[2])?)?;
    bytes::new(t, &room[..n])
}

fn recvfrom(t: &Thread, a: &[Value]) -> Res {
    let mut room = room(t, &a[1], "recvfrom")?;
    let (n, from) = receive(t, a[0].expect::<Socket>(), &mut room, flags(t, &a[2])?)?;
    tuple::from_array(t, [bytes::new(t, &room[..n])?, address::to_value(t, &from)?])
}

/// How many bytes go into the buffer.
fn wanted(t: &Thread, v: &Value, len: usize, function: &str, short: &str) -> Res<usize> {
    match usize::try_from(v.opt().map_or(Ok(0), |v| convert::to_isize(t, v))?) {
        Err(_) => Err(error::value_error(t, format_args!("negative buffersize in {function}"))),
        Ok(0) => Ok(len),
        Ok(n) if n > len => Err(error::value_error(t, short)),
        Ok(n) => Ok(n),
    }
}

fn recv_into(t: &Thread, a: &[Value]) -> Res {
    let to = world::writable(t, &a[1], "recv_into", 1)?;
    let n = wanted(t, &a[2], to.len, "recv_into", "buffer too small for requested bytes")?;
    let (n, _) = receive(t, a[0].expect::<Socket>(), &mut to.as_mut_slice()[..n], flags(t, &a[3])?)?;
    Ok(convert::from_usize(n))
}

fn recvfrom_into(t: &Thread, a: &[Value]) -> Res {
    let to = world::writable(t, &a[1], "recvfrom_into", 1)?;
    let n = wanted(t, &a[2], to.len, "recvfrom_into", "nbytes is greater than the length of the buffer")?;
    let (n, from) = receive(t, a[0].expect::<Socket>(), &mut to.as_mut_slice()[..n], flags(t, &a[3])?)?;
    tuple::from_array(t, [convert::from_usize(n), address::to_value(t, &from)?])
}

fn send(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Socket>();
    let from = buffer::get(t, &a[1], buffer::SIMPLE)?;
    let flags = flags(t, &a[2])?;
    let n = patiently(t, s, libc::POLLOUT, || system::send(s.fd.get(), from.as_slice(), flags, None))?;
    Ok(convert::from_usize(n))
}

fn sendall(t: &Thread, a: &[Value]) -> Res {
    let s = a[0].expect::<Socket>();
    let from = buffer::get(t, &a[1], buffer::SIMPLE)?;
    let flags = flags(t, &a[2])?;
    let ns = s.timeout.get();
    // The timeout is for the whole.
    let end = if ns > 0 { Instant::now().checked_add(Duration::from_nanos(ns as u64)) } else { None };
    let mut rest = from.as_slice();
    loop {
        let n = until(t, s, libc::POLLOUT, end, || system::send(s.fd.get(), rest, flags, None))?;
        rest = &rest[n..];
        if rest.is_empty() {
            return Ok(Value::NONE);
        }
        t.poll()?;
    }
}

fn sendto(t: &Thread, args: Args<'_>) -> Res {
    args.no_keywords(t, "sendto")?;
    let (this, data, flags, to) = match args.values {
        [this, data, to] => (this, data, 0, to),
        [this, data, flags, to] => (this, data, convert::to_i32(t, flags)?, to),
        values => {
            let n = values.len().saturating_sub(1);
            return Err(error::type_error(t, format_args!("sendto() takes 2 or 3 arguments ({n} given)")));
        }
    };
    let s = this.expect::<Socket>();
    let from = buffer::get(t, data, buffer::SIMPLE)?;
    let to = address::from_value(t, s.family.get(), to, "sendto")?;
    permit(t)?;
    let n = patiently(t, s, libc::POLLOUT, || system::send(s.fd.get(), from.as_slice(), flags, Some(&to)))?;
    Ok(convert::from_usize(n))
}
