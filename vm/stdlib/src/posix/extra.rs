//! Descriptors and files the Linux way: extended attributes, timers, vectors with offsets, splicing.

use super::descriptors::own;
use super::{data, fail, flag, number, opened};
use crate::kernel::{self, Sys, linux};
use crate::time;
use crate::world::{self, Also, PathArg};
use std::ffi::CString;
use std::time::Duration;
use typhon_object::buffer;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def};
use typhon_object::tuple;
use typhon_object::{Res, Thread, Value, convert, error, ops};

pub(super) const TABLE: &[MethodDef] = &[
    def(
        "getxattr",
        "($module, /, path, attribute, *, follow_symlinks=True)",
        getxattr,
        "Return the value of extended attribute attribute on path.",
    ),
    def(
        "setxattr",
        "($module, /, path, attribute, value, flags=0, *, follow_symlinks=True)",
        setxattr,
        "Set extended attribute attribute on path to value.",
    ),
    def(
        "removexattr",
        "($module, /, path, attribute, *, follow_symlinks=True)",
        removexattr,
        "Remove extended attribute attribute on path.",
    ),
    def(
        "listxattr",
        "($module, /, path=None, *, follow_symlinks=True)",
        listxattr,
        "Return a list of extended attributes on path.",
    ),
    def("eventfd_read", "($module, /, fd)", eventfd_read, "Read eventfd value"),
    def("eventfd_write", "($module, /, fd, value)", eventfd_write, "Write eventfd value."),
    def(
        "timerfd_create",
        "($module, clockid, /, *, flags=524288)",
        timerfd_create,
        "Create and return a timer file descriptor.",
    ),
    def(
        "timerfd_settime",
        "($module, fd, /, *, flags=0, initial=0.0, interval=0.0)",
        |t, a| timerfd_settime(t, a, seconds, from_seconds),
        "Alter a timer file descriptor's internal timer in seconds.",
    ),
    def(
        "timerfd_settime_ns",
        "($module, fd, /, *, flags=0, initial=0, interval=0)",
        |t, a| timerfd_settime(t, a, nanoseconds, from_nanoseconds),
        "Alter a timer file descriptor's internal timer in nanoseconds.",
    ),
    def(
        "timerfd_gettime",
        "($module, fd, /)",
        |t, a| timerfd_gettime(t, a, from_seconds),
        "Return a tuple of a timer file descriptor's (interval, next expiration) in float seconds.",
    ),
    def(
        "timerfd_gettime_ns",
        "($module, fd, /)",
        |t, a| timerfd_gettime(t, a, from_nanoseconds),
        "Return a tuple of a timer file descriptor's (interval, next expiration) in nanoseconds.",
    ),
    def(
        "preadv",
        "($module, fd, buffers, offset, flags=0, /)",
        preadv,
        "Reads from a file descriptor into a number of mutable bytes-like objects.",
    ),
    def(
        "pwritev",
        "($module, fd, buffers, offset, flags=0, /)",
        pwritev,
        "Writes the contents of bytes-like objects to a file descriptor at a given offset.",
    ),
    def(
        "splice",
        "($module, /, src, dst, count, offset_src=None, offset_dst=None, flags=0)",
        splice,
        "Transfer count bytes from one pipe to a descriptor or vice versa.",
    ),
];

fn file(t: &Thread, v: &Value, function: &str, also: Also) -> Res<PathArg> {
    world::path_arg(t, v, function, "path", also)
}

fn attribute(t: &Thread, v: &Value, function: &str) -> Res<CString> {
    Ok(world::path_arg(t, v, function, "attribute", Also::Nothing)?.path)
}

/// Where an attribute lies, and whether a link is followed to it.
fn place<'a>(t: &Thread, p: &'a PathArg, function: &str, follow: &Value) -> Res<linux::Place<'a>> {
    let follow = flag(t, follow, true)?;
    match p.fd {
        Some(_) if !follow => {
            Err(error::value_error(t, format_args!("{function}: cannot use fd and follow_symlinks together")))
        }
        // What is in memory has none, and can have none.
        _ if crate::ram::is_on(t) => Err(p.error(t, libc::ENOTSUP)),
        Some(fd) => Ok(linux::Place::Fd(fd)),
        None if follow => Ok(linux::Place::Path(&p.path)),
        None => Ok(linux::Place::Link(&p.path)),
    }
}

/// Asks twice: for the size, then for the bytes; an attribute that grew meanwhile is asked for again.
fn sized(t: &Thread, p: &PathArg, f: impl Fn(&mut [u8]) -> Sys<usize>) -> Res<Vec<u8>> {
    loop {
        let n = f(&mut []).map_err(|e| p.error(t, e))?;
        t.check_alloc(n)?;
        let mut room = vec![0; n.max(1)];
        match f(&mut room) {
            Err(libc::ERANGE) => t.poll()?,
            r => {
                room.truncate(r.map_err(|e| p.error(t, e))?);
                return Ok(room);
            }
        }
    }
}

fn getxattr(t: &Thread, a: &[Value]) -> Res {
    let p = file(t, &a[0], "getxattr", Also::Fd)?;
    let name = attribute(t, &a[1], "getxattr")?;
    let place = place(t, &p, "getxattr", &a[2])?;
    p.permit_read(t)?;
    data(t, &sized(t, &p, |room| linux::get_attribute(place, &name, room))?)
}

fn setxattr(t: &Thread, a: &[Value]) -> Res {
    let p = file(t, &a[0], "setxattr", Also::Fd)?;
    let name = attribute(t, &a[1], "setxattr")?;
    let value = buffer::get(t, &a[2], buffer::SIMPLE)?;
    let flags = a[3].opt().map_or(Ok(0), |f| number(t, f))?;
    let place = place(t, &p, "setxattr", &a[4])?;
    p.permit_write(t)?;
    let set = linux::set_attribute(place, &name, value.as_slice(), flags);
    set.map(|()| Value::NONE).map_err(|e| p.error(t, e))
}

fn removexattr(t: &Thread, a: &[Value]) -> Res {
    let p = file(t, &a[0], "removexattr", Also::Fd)?;
    let name = attribute(t, &a[1], "removexattr")?;
    let place = place(t, &p, "removexattr", &a[2])?;
    p.permit_write(t)?;
    linux::remove_attribute(place, &name).map(|()| Value::NONE).map_err(|e| p.error(t, e))
}

fn listxattr(t: &Thread, a: &[Value]) -> Res {
    let p = file(t, &a[0], "listxattr", Also::FdOrNone)?;
    let place = place(t, &p, "listxattr", &a[1])?;
    p.permit_read(t)?;
    let all = sized(t, &p, |room| linux::list_attributes(place, room))?;
    let names = all.split(|b| *b == 0).filter(|name| !name.is_empty());
    List::from_vec(t, names.map(|name| world::fs_decode(t, name)).collect::<Res<_>>()?)
}

fn eventfd_read(t: &Thread, a: &[Value]) -> Res {
    let fd = world::fileno(t, &a[0])?;
    super::descriptors::blocking(t, fd, libc::POLLIN)?;
    let mut room = [0; 8];
    world::retry(t, || kernel::read(fd, &mut room))?.map_err(|e| fail(t, e))?;
    convert::from_u64(t, u64::from_ne_bytes(room))
}

fn eventfd_write(t: &Thread, a: &[Value]) -> Res {
    let (fd, value) = (world::fileno(t, &a[0])?, convert::to_u64(t, &a[1])?);
    super::descriptors::blocking(t, fd, libc::POLLOUT)?;
    let written = world::retry(t, || kernel::write(fd, &value.to_ne_bytes()))?;
    written.map(|_| Value::NONE).map_err(|e| fail(t, e))
}

fn timerfd_create(t: &Thread, a: &[Value]) -> Res {
    let clock = number(t, &a[0])?;
    let flags = a[1].opt().map_or(Ok(0), |f| number(t, f))? | libc::TFD_CLOEXEC;
    opened(t, linux::timer_create(clock, flags))
}

fn seconds(t: &Thread, v: &Value) -> Res<i64> {
    time::duration(t, v)
}

fn nanoseconds(t: &Thread, v: &Value) -> Res<i64> {
    convert::to_i64(t, v)
}

fn from_seconds(t: &Thread, d: Duration) -> Res {
    convert::from_f64(t, d.as_secs_f64())
}

fn from_nanoseconds(t: &Thread, d: Duration) -> Res {
    convert::from_i64(t, d.as_nanos() as i64)
}

fn shown(t: &Thread, pair: (Duration, Duration), show: fn(&Thread, Duration) -> Res) -> Res {
    tuple::from_array(t, [show(t, pair.0)?, show(t, pair.1)?])
}

fn timerfd_settime(
    t: &Thread,
    a: &[Value],
    read: fn(&Thread, &Value) -> Res<i64>,
    show: fn(&Thread, Duration) -> Res,
) -> Res {
    let fd = world::fileno(t, &a[0])?;
    let flags = a[1].opt().map_or(Ok(0), |f| number(t, f))?;
    let mut times = [0; 2];
    for (to, v) in times.iter_mut().zip(&a[2..]) {
        *to = v.opt().map_or(Ok(0), |v| read(t, v))?;
    }
    let old = linux::timer_set(fd, flags, times[0], times[1]).map_err(|e| fail(t, e))?;
    shown(t, old, show)
}

fn timerfd_gettime(t: &Thread, a: &[Value], show: fn(&Thread, Duration) -> Res) -> Res {
    let now = linux::timer_get(world::fileno(t, &a[0])?).map_err(|e| fail(t, e))?;
    shown(t, now, show)
}

fn preadv(t: &Thread, a: &[Value]) -> Res {
    let fd = own(t, &a[0])?;
    let lent = ops::collect(t, &a[1])?.iter().map(|b| buffer::get(t, b, buffer::WRITABLE)).collect::<Res<Vec<_>>>()?;
    let (at, flags) = (convert::to_i64(t, &a[2])?, a[3].opt().map_or(Ok(0), |f| number(t, f))?);
    let mut parts: Vec<&mut [u8]> = lent.iter().map(|b| b.as_mut_slice()).collect();
    let got = world::retry(t, || linux::preadv(fd, &mut parts, at, flags))?.map_err(|e| fail(t, e))?;
    Ok(convert::from_usize(got))
}

fn pwritev(t: &Thread, a: &[Value]) -> Res {
    let fd = own(t, &a[0])?;
    let lent = ops::collect(t, &a[1])?.iter().map(|b| buffer::get(t, b, buffer::SIMPLE)).collect::<Res<Vec<_>>>()?;
    let (at, flags) = (convert::to_i64(t, &a[2])?, a[3].opt().map_or(Ok(0), |f| number(t, f))?);
    let parts: Vec<&[u8]> = lent.iter().map(|b| b.as_slice()).collect();
    let put = world::retry(t, || linux::pwritev(fd, &parts, at, flags))?.map_err(|e| fail(t, e))?;
    Ok(convert::from_usize(put))
}

fn splice(t: &Thread, a: &[Value]) -> Res {
    let (from, to) = (own(t, &a[0])?, own(t, &a[1])?);
    let Ok(n) = usize::try_from(convert::to_isize(t, &a[2])?) else {
        return Err(error::value_error(t, "count cannot be negative"));
    };
    let offset = |v: &Value| v.non_none().map(|v| convert::to_i64(t, v)).transpose();
    let (at, put) = (offset(&a[3])?, offset(&a[4])?);
    let flags = a[5].opt().map_or(Ok(0), |f| number(t, f))?;
    let moved = world::retry(t, || linux::splice(from, at, to, put, n, flags as u32))?.map_err(|e| fail(t, e))?;
    Ok(convert::from_usize(moved))
}
