//! `select`: waiting for descriptors.

use crate::kernel;
use crate::time;
use crate::world;
use std::cell::RefCell;
use std::time::{Duration, Instant};
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::names;
use typhon_object::native::{ModuleDef, def};
use typhon_object::ops;
use typhon_object::tuple;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{exceptions, module};
use typhon_object::{Res, Thread, Value, convert, error, payload};

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
        def("poll", "($module, /)", |t, _| new(t), "Returns a polling object."),
    ],
    types: &[("_poll", &POLL)],
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
fn end_of(ns: Option<i64>) -> Option<Instant> {
    ns.and_then(|ns| Instant::now().checked_add(Duration::from_nanos(u64::try_from(ns).unwrap_or(0))))
}

/// poll(2) that looks up every few milliseconds: how many descriptors are ready.
fn wait(t: &Thread, fds: &mut [libc::pollfd], end: Option<Instant>) -> Res<usize> {
    loop {
        t.poll()?;
        let left = end.map_or(world::SLICE, |e| e.saturating_duration_since(Instant::now()));
        let slice = left.min(world::SLICE);
        match kernel::poll(fds, slice.as_micros().div_ceil(1000) as i32) {
            Ok(0) if left <= slice && end.is_some() => return Ok(0),
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
        for item in ops::collect(t, list)? {
            let fd = world::fileno(t, &item)?;
            fds.push(libc::pollfd { fd, events: wanted[which], revents: 0 });
            owners.push((which, item));
        }
    }
    wait(t, &mut fds, end_of(ns))?;
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

/// A polling object.
#[repr(C)]
pub struct Poll {
    header: Header,
    fds: RefCell<Vec<(i32, i16)>>,
}

typhon_object::payload!(Poll => POLL);

/// `select.poll`'s type.
pub static POLL: TypeDef = TypeDef {
    name: "select.poll",
    flags: flag::NO_NEW,
    methods: &[
        def("register", "($self, fd, eventmask=7, /)", register, "Register a file descriptor with the polling object."),
        def("modify", "($self, fd, eventmask, /)", modify, "Modify an already registered file descriptor."),
        def(
            "unregister",
            "($self, fd, /)",
            unregister,
            "Remove a file descriptor being tracked by the polling object.",
        ),
        def("poll", "($self, timeout=None, /)", poll, "Polls the set of registered file descriptors."),
    ],
    ..TypeDef::of::<Poll>()
};

fn new(t: &Thread) -> Res {
    payload::new(t, |header| Poll { header, fds: RefCell::default() })
}

fn mask(t: &Thread, v: &Value) -> Res<i16> {
    let Some(v) = v.opt() else { return Ok(libc::POLLIN | libc::POLLPRI | libc::POLLOUT) };
    match convert::to_i64(t, v)? {
        n if n < 0 => Err(error::value_error(t, "value must be positive")),
        n => match u16::try_from(n) {
            Ok(n) => Ok(n as i16),
            Err(_) => Err(error::overflow_error(t, "Python int too large for C unsigned short")),
        },
    }
}

fn register(t: &Thread, a: &[Value]) -> Res {
    let (fd, events) = (world::fileno(t, &a[1])?, mask(t, &a[2])?);
    let mut fds = a[0].expect::<Poll>().fds.borrow_mut();
    match fds.iter_mut().find(|f| f.0 == fd) {
        Some(found) => found.1 = events,
        None => fds.push((fd, events)),
    }
    Ok(Value::NONE)
}

fn modify(t: &Thread, a: &[Value]) -> Res {
    let (fd, events) = (world::fileno(t, &a[1])?, mask(t, &a[2])?);
    let changed = match a[0].expect::<Poll>().fds.borrow_mut().iter_mut().find(|f| f.0 == fd) {
        Some(found) => {
            found.1 = events;
            true
        }
        None => false,
    };
    if changed { Ok(Value::NONE) } else { Err(error::os_error(t, libc::ENOENT, None, None)) }
}

fn unregister(t: &Thread, a: &[Value]) -> Res {
    let fd = world::fileno(t, &a[1])?;
    let at = a[0].expect::<Poll>().fds.borrow().iter().position(|f| f.0 == fd);
    match at {
        Some(i) => {
            a[0].expect::<Poll>().fds.borrow_mut().remove(i);
            Ok(Value::NONE)
        }
        None => Err(error::key_error(t, &Value::small(fd.into()))),
    }
}

fn poll(t: &Thread, a: &[Value]) -> Res {
    let ns = match a[1].non_none() {
        // Milliseconds, and negative ones mean for ever.
        Some(v) => Some(convert::to_f64(t, v)? * 1e6).filter(|ns| *ns >= 0.0).map(|ns| ns.min(9e18).ceil() as i64),
        None => None,
    };
    let copy = a[0].expect::<Poll>().fds.borrow().clone();
    let mut fds: Vec<_> = copy.into_iter().map(|(fd, events)| libc::pollfd { fd, events, revents: 0 }).collect();
    wait(t, &mut fds, end_of(ns))?;
    let list = List::create(t)?;
    for f in fds.iter().filter(|f| f.revents != 0) {
        let pair = [Value::small(f.fd.into()), Value::small(i64::from(f.revents as u16))];
        list.expect::<List>().push(t, tuple::from_array(t, pair)?)?;
    }
    Ok(list)
}
