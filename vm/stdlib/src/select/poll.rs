//! `select.poll`.

use super::{end_of, wait};
use crate::world;
use std::cell::RefCell;
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::def;
use typhon_object::tuple;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::{Res, Thread, Value, convert, error, payload};

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

/// A new one.
pub fn new(t: &Thread) -> Res {
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
    wait(t, &mut fds, end_of(t, ns))?;
    let list = List::create(t)?;
    for f in fds.iter().filter(|f| f.revents != 0) {
        let pair = [Value::small(f.fd.into()), Value::small(i64::from(f.revents as u16))];
        list.expect::<List>().push(t, tuple::from_array(t, pair)?)?;
    }
    Ok(list)
}
