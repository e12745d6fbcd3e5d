//! `select`: waiting for descriptors.

mod epoll;
mod poll;

use crate::kernel;
use crate::thread::turns;
use crate::time;
use crate::world;
use std::time::{Duration, Instant};
use typhon_object::dict::Dict;
use typhon_object::list::List;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::ops;
use typhon_object::tuple;
use typhon_object::types::{exceptions, module};
use typhon_object::{Res, Thread, Value, convert, error};

/// `select`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "select",
    doc: "This module supports asynchronous I/O on multiple file descriptors.",
    functions: &[
        def(
            "select",
            "($module, rlist, wlist, xlist, timeout=None, /)",
            select,
            "Wait until one or more file descriptors are ready for some kind of I/O.",
        ),
        def("poll", "($module, /)", |t, _| poll::new(t), "Returns a polling object."),
    ],
    types: &[("_poll", &poll::POLL), ("epoll", &epoll::EPOLL)],
    init: Some(init),
};

const NUMBERS: &[(&str, i64)] = &[
    ("POLLIN", libc::POLLIN as i64),
    ("POLLPRI", libc::POLLPRI as i64),
    ("POLLOUT", libc::POLLOUT as i64),
    ("POLLERR", libc::POLLERR as i64),
    ("POLLHUP", libc::POLLHUP as i64),
    ("POLLNVAL", libc::POLLNVAL as i64),
    ("POLLRDNORM", libc::POLLRDNORM as i64),
    ("POLLRDBAND", libc::POLLRDBAND as i64),
    ("POLLWRNORM", libc::POLLWRNORM as i64),
    ("POLLWRBAND", libc::POLLWRBAND as i64),
    ("POLLRDHUP", libc::POLLRDHUP as i64),
    ("POLLMSG", 0x400),
    ("PIPE_BUF", libc::PIPE_BUF as i64),
    ("EPOLLIN", libc::EPOLLIN as i64),
    ("EPOLLPRI", libc::EPOLLPRI as i64),
    ("EPOLLOUT", libc::EPOLLOUT as i64),
    ("EPOLLERR", libc::EPOLLERR as i64),
    ("EPOLLHUP", libc::EPOLLHUP as i64),
    ("EPOLLRDHUP", libc::EPOLLRDHUP as i64),
    ("EPOLLET", 1 << 31),
    ("EPOLLONESHOT", libc::EPOLLONESHOT as i64),
    ("EPOLLEXCLUSIVE", libc::EPOLLEXCLUSIVE as i64),
    ("EPOLLWAKEUP", libc::EPOLLWAKEUP as i64),
    ("EPOLLRDNORM", libc::EPOLLRDNORM as i64),
    ("EPOLLRDBAND", libc::EPOLLRDBAND as i64),
    ("EPOLLWRNORM", libc::EPOLLWRNORM as i64),
    ("EPOLLWRBAND", libc::EPOLLWRBAND as i64),
    ("EPOLLMSG", libc::EPOLLMSG as i64),
    ("EPOLL_CLOEXEC", libc::EPOLL_CLOEXEC as i64),
];

fn init(t: &Thread, m: &Value) -> Res<()> {
    let dict = module::dict_of(t, m);
    let dict = Dict::of(&dict);
    for (name, n) in NUMBERS {
        dict.set_str(t, &names::intern_static(name), Value::small(*n))?;
    }
    dict.set_str(t, &names::intern_static("error"), exceptions::OS_ERROR.ty().value())
}

/// When a wait of so many nanoseconds ends; `None` for one that does not.
fn end_of(t: &Thread, ns: Option<i64>) -> Option<Instant> {
    ns.and_then(|ns| world::now(t).checked_add(Duration::from_nanos(u64::try_from(ns).unwrap_or(0))))
}

/// poll(2) that looks up every few milliseconds: how many descriptors are ready.
fn wait(t: &Thread, fds: &mut [libc::pollfd], end: Option<Instant>) -> Res<usize> {
    loop {
        world::look_up(t)?;
        let left = end.map_or(world::SLICE, |e| e.saturating_duration_since(world::now(t)));
        let slice = left.min(world::SLICE);
        let ms = slice.as_micros().div_ceil(1000) as i32;
        match world::rest(t, end, || turns::idle(t, || kernel::poll(fds, ms))) {
            Ok(0) if world::pass_until(t, end) || left <= slice && end.is_some() => return Ok(0),
            Ok(0) | Err(libc::EINTR) => {}
            Ok(n) => return Ok(n),
            Err(e) => return Err(error::os_error(t, e, None, None)),
        }
    }
}

fn select(t: &Thread, a: &[Value]) -> Res {
    let ns = match a[3].non_none() {
        Some(v) => match time::duration(t, v) {
            Err(e) if e.is(&exceptions::TYPE_ERROR) => {
                return Err(error::type_error(t, "timeout must be a float or None"));
            }
            r => Some(r?),
        },
        None => None,
    };
    if ns.is_some_and(|n| n < 0) {
        return Err(error::value_error(t, "timeout must be non-negative"));
    }
    let wanted = [libc::POLLIN, libc::POLLOUT, libc::POLLPRI];
    let hits = [libc::POLLIN | libc::POLLHUP | libc::POLLERR, libc::POLLOUT | libc::POLLERR, libc::POLLPRI];
    let (mut fds, mut owners) = (Vec::new(), Vec::new());
    for (which, list) in a[..3].iter().enumerate() {
        // A list is looked at as it is, because `fileno` may change it; anything else is made one first.
        let made =
            if list.downcast::<List>().is_some() { list.clone() } else { List::from_vec(t, ops::collect(t, list)?)? };
        let mut i = 0;
        while i < ops::len(t, &made)? {
            let item = ops::getitem(t, &made, &convert::from_usize(i))?;
            let fd = world::fileno(t, &item)?;
            fds.push(libc::pollfd { fd, events: wanted[which], revents: 0 });
            owners.push((which, item));
            i += 1;
        }
    }
    wait(t, &mut fds, end_of(t, ns))?;
    if fds.iter().any(|f| f.revents & libc::POLLNVAL != 0) {
        return Err(error::os_error(t, libc::EBADF, None, None));
    }
    let mut out = [Vec::new(), Vec::new(), Vec::new()];
    for (f, (which, item)) in fds.iter().zip(owners) {
        if f.revents & hits[which] != 0 {
            out[which].push(item);
        }
    }
    let lists = out.into_iter().map(|items| List::from_vec(t, items)).collect::<Res<Vec<_>>>()?;
    tuple::from_vec(t, lists)
}
