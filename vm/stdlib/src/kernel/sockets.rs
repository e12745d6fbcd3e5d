//! Sockets.

use super::{Sys, check, done};
use std::mem::MaybeUninit;

/// A socket address as the kernel has it.
#[derive(Clone, Copy)]
pub struct Address {
    room: [u8; 128],
    len: usize,
}

impl Address {
    /// No address yet.
    pub const NONE: Self = Self { room: [0; 128], len: 0 };

    /// From its bytes, family first.
    pub fn of(bytes: &[u8]) -> Self {
        let mut made = Self::NONE;
        made.len = bytes.len().min(made.room.len());
        made.room[..made.len].copy_from_slice(&bytes[..made.len]);
        made
    }

    /// Its bytes, family first.
    pub fn bytes(&self) -> &[u8] {
        &self.room[..self.len.min(self.room.len())]
    }

    fn as_ptr(&self) -> *const libc::sockaddr {
        self.room.as_ptr().cast()
    }

    /// Lends the room to a call that fills it.
    fn fill<R>(f: impl FnOnce(*mut libc::sockaddr, *mut libc::socklen_t) -> Sys<R>) -> Sys<(R, Self)> {
        let mut made = Self::NONE;
        let mut len = made.room.len() as libc::socklen_t;
        let r = f(made.room.as_mut_ptr().cast(), &mut len)?;
        made.len = len as usize;
        Ok((r, made))
    }
}

calls! {
    /// socket(2), close-on-exec.
    socket(family: i32, kind: i32, proto: i32) = libc::socket(family, kind | libc::SOCK_CLOEXEC, proto);
    /// listen(2).
    listen(fd: i32, backlog: i32) = libc::listen(fd, backlog);
    /// shutdown(2).
    shutdown(fd: i32, how: i32) = libc::shutdown(fd, how);
}

/// socketpair(2), close-on-exec.
pub fn pair(family: i32, kind: i32, proto: i32) -> Sys<[i32; 2]> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    done(unsafe { libc::socketpair(family, kind | libc::SOCK_CLOEXEC, proto, fds.as_mut_ptr()) }).map(|()| fds)
}

/// bind(2).
pub fn bind(fd: i32, to: &Address) -> Sys<()> {
    // SAFETY: the address is readable for its length.
    done(unsafe { libc::bind(fd, to.as_ptr(), to.len as libc::socklen_t) })
}

/// connect(2).
pub fn connect(fd: i32, to: &Address) -> Sys<()> {
    // SAFETY: the address is readable for its length.
    done(unsafe { libc::connect(fd, to.as_ptr(), to.len as libc::socklen_t) })
}

/// accept4(2), close-on-exec.
pub fn accept(fd: i32) -> Sys<(i32, Address)> {
    // SAFETY: the room and its length are lent.
    Address::fill(|to, len| check(unsafe { libc::accept4(fd, to, len, libc::SOCK_CLOEXEC) }).map(|fd| fd as i32))
}

/// getsockname(2).
pub fn own_name(fd: i32) -> Sys<Address> {
    // SAFETY: the room and its length are lent.
    Address::fill(|to, len| done(unsafe { libc::getsockname(fd, to, len) })).map(|(_, a)| a)
}

/// getpeername(2).
pub fn peer_name(fd: i32) -> Sys<Address> {
    // SAFETY: the room and its length are lent.
    Address::fill(|to, len| done(unsafe { libc::getpeername(fd, to, len) })).map(|(_, a)| a)
}

/// getsockopt(2) into `room`: how many bytes.
pub fn option(fd: i32, level: i32, name: i32, room: &mut [u8]) -> Sys<usize> {
    let mut len = room.len() as libc::socklen_t;
    // SAFETY: the room is writable for its length.
    done(unsafe { libc::getsockopt(fd, level, name, room.as_mut_ptr().cast(), &mut len) })?;
    Ok(len as usize)
}

/// getsockopt(2) of a number.
pub fn option_number(fd: i32, level: i32, name: i32) -> Sys<i32> {
    let mut room = [0; 4];
    option(fd, level, name, &mut room)?;
    Ok(i32::from_ne_bytes(room))
}

/// setsockopt(2).
pub fn set_option(fd: i32, level: i32, name: i32, value: &[u8]) -> Sys<()> {
    // SAFETY: the value is readable for its length.
    done(unsafe { libc::setsockopt(fd, level, name, value.as_ptr().cast(), value.len() as libc::socklen_t) })
}

/// setsockopt(2) of no value but a length.
pub fn set_option_length(fd: i32, level: i32, name: i32, length: u32) -> Sys<()> {
    // SAFETY: the kernel refuses a null value unless the option takes none.
    done(unsafe { libc::setsockopt(fd, level, name, std::ptr::null(), length) })
}

/// recvfrom(2), not waiting.
pub fn receive(fd: i32, to: &mut [u8], flags: i32) -> Sys<(usize, Address)> {
    Address::fill(|from, len| {
        // SAFETY: the buffer is writable for its length, and the room for the address is lent.
        let n = unsafe { libc::recvfrom(fd, to.as_mut_ptr().cast(), to.len(), flags | libc::MSG_DONTWAIT, from, len) };
        check(n as i64).map(|n| n as usize)
    })
}

/// sendto(2), or send(2) without an address, not waiting and without SIGPIPE.
pub fn send(fd: i32, from: &[u8], flags: i32, to: Option<&Address>) -> Sys<usize> {
    let flags = flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL;
    let (at, len) = to.map_or((std::ptr::null(), 0), |a| (a.as_ptr(), a.len as libc::socklen_t));
    // SAFETY: buffer and address are readable for their lengths.
    check(unsafe { libc::sendto(fd, from.as_ptr().cast(), from.len(), flags, at, len) } as i64).map(|n| n as usize)
}

/// One piece of control data: level, type, bytes.
pub type Control = (i32, i32, Vec<u8>);

/// What recvmsg(2) gave.
pub struct Received {
    /// Bytes in the buffers.
    pub bytes: usize,
    /// Control data.
    pub control: Vec<Control>,
    /// Flags.
    pub flags: i32,
    /// Whom from.
    pub from: Address,
}

/// CMSG_LEN.
pub fn control_length(n: usize) -> usize {
    // SAFETY: arithmetic only.
    unsafe { libc::CMSG_LEN(n as u32) as usize }
}

/// CMSG_SPACE.
pub fn control_space(n: usize) -> usize {
    // SAFETY: arithmetic only.
    unsafe { libc::CMSG_SPACE(n as u32) as usize }
}

/// recvmsg(2), not waiting; `room` is how many bytes of control data may come.
pub fn receive_message(fd: i32, parts: &mut [&mut [u8]], room: usize, flags: i32) -> Sys<Received> {
    let mut parts: Vec<_> =
        parts.iter_mut().map(|p| libc::iovec { iov_base: p.as_mut_ptr().cast(), iov_len: p.len() }).collect();
    // Words, so that the headers in it are aligned.
    let mut control = vec![0_u64; room.div_ceil(8)];
    let mut from = Address::NONE;
    // SAFETY: zeros are a valid header; every pointer is to memory that outlives the call and has the length given.
    unsafe {
        let mut m: libc::msghdr = MaybeUninit::zeroed().assume_init();
        m.msg_name = from.room.as_mut_ptr().cast();
        m.msg_namelen = from.room.len() as libc::socklen_t;
        m.msg_iov = parts.as_mut_ptr();
        m.msg_iovlen = parts.len() as _;
        if room > 0 {
            m.msg_control = control.as_mut_ptr().cast();
            m.msg_controllen = room as _;
        }
        let flags = flags | libc::MSG_DONTWAIT | libc::MSG_CMSG_CLOEXEC;
        let n = check(libc::recvmsg(fd, &mut m, flags) as i64)? as usize;
        from.len = m.msg_namelen as usize;
        let end = m.msg_control as usize + m.msg_controllen;
        let mut found = Vec::new();
        let mut at = libc::CMSG_FIRSTHDR(&m);
        while let Some(head) = at.as_ref() {
            let data = libc::CMSG_DATA(at);
            // A last piece that was cut off claims more than there is.
            let claimed = head.cmsg_len.saturating_sub(data as usize - at as usize);
            let length = claimed.min(end.saturating_sub(data as usize));
            found.push((head.cmsg_level, head.cmsg_type, std::slice::from_raw_parts(data, length).to_vec()));
            at = libc::CMSG_NXTHDR(&m, at);
        }
        Ok(Received { bytes: n, control: found, flags: m.msg_flags & !libc::MSG_CMSG_CLOEXEC, from })
    }
}

/// sendmsg(2), not waiting and without SIGPIPE.
pub fn send_message(fd: i32, parts: &[&[u8]], control: &[Control], flags: i32, to: Option<&Address>) -> Sys<usize> {
    let mut parts: Vec<_> =
        parts.iter().map(|p| libc::iovec { iov_base: p.as_ptr().cast_mut().cast(), iov_len: p.len() }).collect();
    let room: usize = control.iter().map(|c| control_space(c.2.len())).sum();
    let mut words = vec![0_u64; room.div_ceil(8)];
    // SAFETY: as in `receive_message`; the room holds every piece with its header, as the walk over it does.
    unsafe {
        let mut m: libc::msghdr = MaybeUninit::zeroed().assume_init();
        if let Some(to) = to {
            m.msg_name = to.room.as_ptr().cast_mut().cast();
            m.msg_namelen = to.len as libc::socklen_t;
        }
        m.msg_iov = parts.as_mut_ptr();
        m.msg_iovlen = parts.len() as _;
        if room > 0 {
            m.msg_control = words.as_mut_ptr().cast();
            m.msg_controllen = room as _;
            let mut at = libc::CMSG_FIRSTHDR(&m);
            for (level, kind, data) in control {
                (*at).cmsg_level = *level;
                (*at).cmsg_type = *kind;
                (*at).cmsg_len = control_length(data.len()) as _;
                std::ptr::copy_nonoverlapping(data.as_ptr(), libc::CMSG_DATA(at), data.len());
                at = libc::CMSG_NXTHDR(&m, at);
            }
        }
        let n = libc::sendmsg(fd, &m, flags | libc::MSG_DONTWAIT | libc::MSG_NOSIGNAL);
        check(n as i64).map(|n| n as usize)
    }
}
