//! Sockets where the host makes the connections: until one is connected, a stream that leads nowhere stands in its place.

use super::object::{Socket, fail, timed_out};
use super::{address, permit};
use crate::kernel::names::{Found, Question};
use crate::kernel::{self, Sys, sockets as system};
use crate::thread::turns;
use crate::world;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};
use typhon_interp::host::{self, HostError, Outlet};
use typhon_object::{Res, Thread};

/// The host's outlet, if that is how this isolate reaches others.
pub fn of(t: &Thread) -> Option<Arc<dyn Outlet>> {
    host::of(t).and_then(|host| host.outlet())
}

/// Asks for names.
pub fn permit_names(t: &Thread) -> Res<()> {
    if of(t).is_some() { Ok(()) } else { permit(t) }
}

/// The descriptor of a socket that is not connected yet.
pub fn blank(t: &Thread, family: i32, kind: i32, proto: i32) -> Res<Option<i32>> {
    let plain = kind & !(libc::SOCK_NONBLOCK | libc::SOCK_CLOEXEC) == libc::SOCK_STREAM;
    let known = matches!(family, libc::AF_INET | libc::AF_INET6) && plain && matches!(proto, 0 | libc::IPPROTO_TCP);
    if !known || of(t).is_none() {
        return Ok(None);
    }
    world::room_for(t, 1)?;
    let [own, other] = system::pair(libc::AF_UNIX, libc::SOCK_STREAM, 0).map_err(|e| fail(t, e))?;
    // The other end of nothing; a close of it cannot fail in a way that matters.
    let _ = kernel::close(other);
    Ok(Some(own))
}

/// Connects by the host, which may not be in a hurry: also a socket that does not block waits here. Nothing where there is no outlet.
pub fn connect(t: &Thread, s: &Socket, to: &system::Address) -> Res<Option<Sys<()>>> {
    let Some(outlet) = of(t).filter(|_| matches!(s.family.get(), libc::AF_INET | libc::AF_INET6)) else {
        return Ok(None);
    };
    let (fd, ns) = (s.fd.get(), s.timeout.get());
    match system::own_name(fd) {
        Ok(name) if address::family_of(&name) == libc::AF_UNIX => {}
        Ok(_) => return Ok(Some(Err(libc::EISCONN))),
        Err(e) => return Ok(Some(Err(e))),
    }
    let Some(to) = target(to) else { return Ok(Some(Err(libc::EAFNOSUPPORT))) };
    let end = if ns > 0 { Instant::now().checked_add(Duration::from_nanos(ns as u64)) } else { None };
    let (send, receive) = mpsc::channel();
    // Nobody listens any more if the isolate was stopped.
    t.heap().exempt(|| outlet.dial(to, Box::new(move |made| drop(send.send(made)))));
    let made = match answer(t, &receive, end)? {
        None => return Err(timed_out(t)),
        Some(Err(HostError::Os(errno))) => return Ok(Some(Err(errno))),
        Some(made) => made.map_err(|e| world::host_error(t, e, None))?,
    };
    if s.fd.get() != fd {
        // Another thread has closed it meanwhile.
        return Ok(Some(Err(libc::EBADF)));
    }
    Ok(Some(kernel::dup3(made.as_raw_fd(), fd, libc::O_CLOEXEC).and_then(|_| {
        let flags = kernel::get_flags(fd)?;
        let flags = if ns >= 0 { flags | libc::O_NONBLOCK } else { flags & !libc::O_NONBLOCK };
        kernel::set_flags(fd, flags)
    })))
}

/// What the host answers; nothing when it takes longer than until then.
fn answer<T>(
    t: &Thread,
    receive: &Receiver<Result<T, HostError>>,
    end: Option<Instant>,
) -> Res<Option<Result<T, HostError>>> {
    loop {
        match world::rest(t, end, || turns::idle(t, || receive.recv_timeout(world::SLICE))) {
            Ok(answer) => return Ok(Some(answer)),
            Err(RecvTimeoutError::Timeout) => t.poll()?,
            Err(RecvTimeoutError::Disconnected) => return Ok(Some(Err(HostError::Os(libc::EAGAIN)))),
        }
        if end.is_some_and(|end| Instant::now() >= end) {
            return Ok(None);
        }
    }
}

fn target(to: &system::Address) -> Option<SocketAddr> {
    let bytes = to.bytes();
    let port = u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]);
    let ip: IpAddr = match address::family_of(to) {
        libc::AF_INET => <[u8; 4]>::try_from(bytes.get(4..8)?).ok()?.into(),
        _ => Ipv6Addr::from(<[u8; 16]>::try_from(bytes.get(8..24)?).ok()?).into(),
    };
    Some(SocketAddr::new(ip, port))
}

/// What a name leads to, as `getaddrinfo` tells it; or its code. Services are numbers here.
pub fn find(t: &Thread, outlet: &dyn Outlet, q: &Question) -> Res<Result<Vec<Found>, i32>> {
    let [family, kind, proto] = q.kind;
    let text = |name: &std::ffi::CString| name.to_string_lossy().into_owned();
    let port = match q.service.as_ref().map(text).filter(|service| !service.is_empty()) {
        None => 0,
        Some(service) => match service.parse::<u16>() {
            Ok(port) => port,
            Err(_) => return Ok(Err(libc::EAI_SERVICE)),
        },
    };
    let Some(host) = q.host.as_ref().map(text) else { return Ok(Err(libc::EAI_NONAME)) };
    let stream = matches!(kind, 0 | libc::SOCK_STREAM) && matches!(proto, 0 | libc::IPPROTO_TCP);
    if !stream {
        return Ok(Err(libc::EAI_SOCKTYPE));
    }
    let addresses = match host.parse::<IpAddr>() {
        Ok(address) => vec![address],
        Err(_) => {
            let (send, receive) = mpsc::channel();
            t.heap().exempt(|| outlet.look_up(&host, Box::new(move |found| drop(send.send(found)))));
            match answer(t, &receive, None)? {
                Some(Err(HostError::Os(_))) | None => return Ok(Err(libc::EAI_AGAIN)),
                Some(found) => found.map_err(|e| world::host_error(t, e, None))?,
            }
        }
    };
    let mut found = Vec::new();
    for ip in addresses {
        let (own, bytes) = match ip {
            IpAddr::V4(ip) => (libc::AF_INET, ip.octets().to_vec()),
            IpAddr::V6(ip) => (libc::AF_INET6, ip.octets().to_vec()),
        };
        if family != libc::AF_UNSPEC && family != own {
            continue;
        }
        let mut made = address::internet(own, &bytes).bytes().to_vec();
        made[2..4].copy_from_slice(&port.to_be_bytes());
        let canonical = q.flags & libc::AI_CANONNAME != 0 && found.is_empty();
        let name = if canonical { host.clone().into_bytes() } else { Vec::new() };
        found.push(Found {
            kind: [own, libc::SOCK_STREAM, libc::IPPROTO_TCP],
            name,
            address: system::Address::of(&made),
        });
    }
    Ok(if found.is_empty() { Err(libc::EAI_NONAME) } else { Ok(found) })
}
