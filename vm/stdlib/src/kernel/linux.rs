//! What Linux has beyond POSIX: extended attributes, timer descriptors, vectors with offsets, splicing.

use super::{Sys, check, done};
use std::ffi::CStr;
use std::mem::MaybeUninit;
use std::ptr::null_mut;
use std::time::Duration;

/// Where an extended attribute lies.
#[derive(Clone, Copy, Debug)]
pub enum Place<'a> {
    /// An open file.
    Fd(i32),
    /// A path, links followed.
    Path(&'a CStr),
    /// A path, the link itself.
    Link(&'a CStr),
}

fn length(n: isize) -> Sys<usize> {
    check(n as i64).map(|n| n as usize)
}

/// getxattr(2): with no room, how much there is.
pub fn get_attribute(place: Place<'_>, name: &CStr, room: &mut [u8]) -> Sys<usize> {
    let (name, to, len) = (name.as_ptr(), room.as_mut_ptr().cast(), room.len());
    // SAFETY: C strings, and room for as many bytes as is said.
    length(unsafe {
        match place {
            Place::Fd(fd) => libc::fgetxattr(fd, name, to, len),
            Place::Path(p) => libc::getxattr(p.as_ptr(), name, to, len),
            Place::Link(p) => libc::lgetxattr(p.as_ptr(), name, to, len),
        }
    })
}

/// setxattr(2).
pub fn set_attribute(place: Place<'_>, name: &CStr, value: &[u8], flags: i32) -> Sys<()> {
    let (name, from, len) = (name.as_ptr(), value.as_ptr().cast(), value.len());
    // SAFETY: C strings, and a value that is readable for its length.
    done(unsafe {
        match place {
            Place::Fd(fd) => libc::fsetxattr(fd, name, from, len, flags),
            Place::Path(p) => libc::setxattr(p.as_ptr(), name, from, len, flags),
            Place::Link(p) => libc::lsetxattr(p.as_ptr(), name, from, len, flags),
        }
    })
}

/// removexattr(2).
pub fn remove_attribute(place: Place<'_>, name: &CStr) -> Sys<()> {
    // SAFETY: C strings.
    done(unsafe {
        match place {
            Place::Fd(fd) => libc::fremovexattr(fd, name.as_ptr()),
            Place::Path(p) => libc::removexattr(p.as_ptr(), name.as_ptr()),
            Place::Link(p) => libc::lremovexattr(p.as_ptr(), name.as_ptr()),
        }
    })
}

/// listxattr(2): names that end with NUL; with no room, how much there is.
pub fn list_attributes(place: Place<'_>, room: &mut [u8]) -> Sys<usize> {
    let (to, len) = (room.as_mut_ptr().cast(), room.len());
    // SAFETY: C strings, and room for as many bytes as is said.
    length(unsafe {
        match place {
            Place::Fd(fd) => libc::flistxattr(fd, to, len),
            Place::Path(p) => libc::listxattr(p.as_ptr(), to, len),
            Place::Link(p) => libc::llistxattr(p.as_ptr(), to, len),
        }
    })
}

fn from_spec(ts: libc::timespec) -> Duration {
    Duration::new(ts.tv_sec.unsigned_abs(), ts.tv_nsec as u32)
}

fn to_spec(ns: i64) -> libc::timespec {
    libc::timespec { tv_sec: ns.div_euclid(1_000_000_000), tv_nsec: ns.rem_euclid(1_000_000_000) }
}

/// timerfd_create(2).
pub fn timer_create(clock: i32, flags: i32) -> Sys<i64> {
    // SAFETY: plain numbers.
    check(unsafe { libc::timerfd_create(clock, flags) })
}

/// timerfd_settime(2), in nanoseconds: (next, interval) as they were.
pub fn timer_set(fd: i32, flags: i32, first: i64, interval: i64) -> Sys<(Duration, Duration)> {
    let new = libc::itimerspec { it_value: to_spec(first), it_interval: to_spec(interval) };
    let mut old = MaybeUninit::zeroed();
    // SAFETY: the structs are complete; the old one is filled when the call succeeds.
    let old: libc::itimerspec = unsafe {
        done(libc::timerfd_settime(fd, flags, &new, old.as_mut_ptr()))?;
        old.assume_init()
    };
    Ok((from_spec(old.it_value), from_spec(old.it_interval)))
}

/// timerfd_gettime(2): (next, interval).
pub fn timer_get(fd: i32) -> Sys<(Duration, Duration)> {
    let mut now = MaybeUninit::zeroed();
    // SAFETY: filled when the call succeeds.
    let now: libc::itimerspec = unsafe {
        done(libc::timerfd_gettime(fd, now.as_mut_ptr()))?;
        now.assume_init()
    };
    Ok((from_spec(now.it_value), from_spec(now.it_interval)))
}

/// preadv2(2).
pub fn preadv(fd: i32, parts: &mut [&mut [u8]], at: i64, flags: i32) -> Sys<usize> {
    let parts: Vec<_> =
        parts.iter_mut().map(|p| libc::iovec { iov_base: p.as_mut_ptr().cast(), iov_len: p.len() }).collect();
    // SAFETY: each part is writable for its length.
    length(unsafe { libc::preadv2(fd, parts.as_ptr(), parts.len() as i32, at, flags) })
}

/// pwritev2(2).
pub fn pwritev(fd: i32, parts: &[&[u8]], at: i64, flags: i32) -> Sys<usize> {
    let parts: Vec<_> =
        parts.iter().map(|p| libc::iovec { iov_base: p.as_ptr().cast_mut().cast(), iov_len: p.len() }).collect();
    // SAFETY: each part is readable for its length.
    length(unsafe { libc::pwritev2(fd, parts.as_ptr(), parts.len() as i32, at, flags) })
}

/// splice(2).
pub fn splice(from: i32, at: Option<i64>, to: i32, put: Option<i64>, n: usize, flags: u32) -> Sys<usize> {
    let (mut at, mut put) = (at, put);
    let place = |o: &mut Option<i64>| o.as_mut().map_or(null_mut(), std::ptr::from_mut);
    // SAFETY: the offsets live over the call.
    length(unsafe { libc::splice(from, place(&mut at), to, place(&mut put), n, flags) })
}

/// waitid(2): what is known of the child; zeros if none changed.
pub fn wait_id(kind: u32, id: u32, options: i32) -> Sys<libc::siginfo_t> {
    let mut info = MaybeUninit::<libc::siginfo_t>::zeroed();
    // SAFETY: filled when the call succeeds, and zeros are valid.
    unsafe { done(libc::waitid(kind as _, id, info.as_mut_ptr(), options)).map(|()| info.assume_init()) }
}

/// epoll_create1(2).
pub fn epoll(flags: i32) -> Sys<i64> {
    // SAFETY: a plain number.
    check(unsafe { libc::epoll_create1(flags) })
}

/// epoll_ctl(2).
pub fn epoll_control(epoll: i32, what: i32, fd: i32, events: u32) -> Sys<()> {
    let mut event = libc::epoll_event { events, u64: fd as u64 };
    // SAFETY: the event is complete.
    done(unsafe { libc::epoll_ctl(epoll, what, fd, &mut event) })
}

/// epoll_wait(2), with a timeout in milliseconds: (descriptor, events) pairs to the front of `room`.
pub fn epoll_wait(epoll: i32, room: &mut [(i32, u32)], timeout: i32) -> Sys<usize> {
    let mut events = vec![libc::epoll_event { events: 0, u64: 0 }; room.len()];
    // SAFETY: the events are writable for their number.
    let n = length(unsafe { libc::epoll_wait(epoll, events.as_mut_ptr(), events.len() as i32, timeout) } as isize)?;
    for (to, from) in room.iter_mut().zip(&events[..n]) {
        *to = (from.u64 as i32, from.events);
    }
    Ok(n)
}
