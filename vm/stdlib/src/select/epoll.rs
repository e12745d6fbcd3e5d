//! `select.epoll`.

use super::end_of;
use crate::kernel::{self, linux};
use crate::thread::turns;
use crate::{time, world};
use std::cell::Cell;
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{self, MethodDef, def, getter};
use typhon_object::slots::Slots;
use typhon_object::tuple;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions;
use typhon_object::{Args, Exc, Res, Thread, Value, convert, error, payload};

/// An epoll descriptor.
#[repr(C)]
pub struct Epoll {
    header: Header,
    fd: Cell<i32>,
}

typhon_object::payload!(Epoll => EPOLL);

static NEW: MethodDef = def("epoll", "(sizehint=-1, flags=0)", |_, _| Ok(Value::NONE), "");

/// `select.epoll`.
pub static EPOLL: TypeDef = TypeDef {
    name: "select.epoll",
    doc: "Returns an epolling object.",
    signature: "(sizehint=-1, flags=0)",
    flags: flag::FINALIZER,
    slots: Slots { new: Some(new), finalize: Some(finalize), ..Slots::NONE },
    methods: &[
        def(
            "fromfd",
            "($type, fd, /)",
            |t, a| adopt(t, &a[0], world::fd_number(t, &a[1])?),
            "Create an epoll object from a given control fd.",
        )
        .class(),
        def("close", "($self, /)", close, "Close the epoll control file descriptor."),
        def(
            "fileno",
            "($self, /)",
            |t, a| Ok(Value::small(open(t, &a[0])?.into())),
            "Return the epoll control file descriptor.",
        ),
        def(
            "register",
            "($self, /, fd, eventmask=7)",
            |t, a| control(t, a, libc::EPOLL_CTL_ADD),
            "Registers a new fd or raises an OSError if the fd is already registered.",
        ),
        def(
            "modify",
            "($self, /, fd, eventmask)",
            |t, a| control(t, a, libc::EPOLL_CTL_MOD),
            "Modify event mask for a registered file descriptor.",
        ),
        def("unregister", "($self, /, fd)", unregister, "Remove a registered file descriptor from the epoll object."),
        def("poll", "($self, /, timeout=None, maxevents=-1)", poll, "Wait for events on the epoll file descriptor."),
        def("__enter__", "($self, /)", |t, a| open(t, &a[0]).map(|_| a[0].clone()), ""),
        def("__exit__", "($self, exc_type=None, exc_value=None, exc_tb=None, /)", |t, a| close(t, &a[..1]), ""),
    ],
    getset: &[getter(
        "closed",
        |_, v| Ok(Value::bool(v.expect::<Epoll>().fd.get() < 0)),
        "True if the epoll handler is closed",
    )],
    ..TypeDef::of::<Epoll>()
};

/// An epoll that nobody closed.
fn finalize(t: &Thread, v: &Value) {
    let fd = v.expect::<Epoll>().fd.replace(-1);
    if fd >= 0 {
        world::closed(t, fd);
        // Nobody is left to hear of an error.
        let _ = kernel::close(fd);
    }
}

fn fail(t: &Thread, errno: i32) -> Exc {
    error::os_error(t, errno, None, None)
}

fn adopt(t: &Thread, class: &Value, fd: i32) -> Res {
    payload::new_for(t, class, |header| Epoll { header, fd: Cell::new(fd) })
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let Some(signature) = native::signature_of(t, &NEW, false) else {
        return Err(error::system_error(t, "a constructor without its signature"));
    };
    signature.bind(t, NEW.name, args, |a| {
        let hint = a[0].opt().map_or(Ok(-1), |v| convert::to_i32(t, v))?;
        let flags = a[1].opt().map_or(Ok(0), |v| convert::to_i32(t, v))?;
        if hint < -1 || hint == 0 {
            return Err(error::value_error(t, "sizehint must be positive or -1"));
        }
        if flags & !libc::EPOLL_CLOEXEC != 0 {
            return Err(error::new(t, &exceptions::OS_ERROR, "invalid flags"));
        }
        let fd = linux::epoll(libc::EPOLL_CLOEXEC).map_err(|e| fail(t, e))?;
        adopt(t, class, world::opened(t, fd as i32))
    })
}

fn open(t: &Thread, v: &Value) -> Res<i32> {
    match v.expect::<Epoll>().fd.get() {
        fd if fd < 0 => Err(error::value_error(t, "I/O operation on closed epoll object")),
        fd => Ok(fd),
    }
}

fn close(t: &Thread, a: &[Value]) -> Res {
    let fd = a[0].expect::<Epoll>().fd.replace(-1);
    if fd >= 0 {
        world::closed(t, fd);
        kernel::close(fd).map_err(|e| fail(t, e))?;
    }
    Ok(Value::NONE)
}

fn control(t: &Thread, a: &[Value], what: i32) -> Res {
    let this = open(t, &a[0])?;
    let fd = world::fileno(t, &a[1])?;
    let events = match a[2].opt() {
        None => (libc::EPOLLIN | libc::EPOLLPRI | libc::EPOLLOUT) as u32,
        Some(v) => u32::try_from(convert::to_u64(t, v)?)
            .map_err(|_| error::overflow_error(t, "Python int too large for C unsigned int"))?,
    };
    linux::epoll_control(this, what, fd, events).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

fn unregister(t: &Thread, a: &[Value]) -> Res {
    let this = open(t, &a[0])?;
    let fd = world::fileno(t, &a[1])?;
    linux::epoll_control(this, libc::EPOLL_CTL_DEL, fd, 0).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

fn poll(t: &Thread, a: &[Value]) -> Res {
    let this = open(t, &a[0])?;
    let ns = match a[1].non_none() {
        Some(v) => match time::duration(t, v) {
            Err(e) if e.is(&exceptions::TYPE_ERROR) => {
                return Err(error::type_error(t, "timeout must be an integer or None"));
            }
            r => Some(r?).filter(|ns| *ns >= 0),
        },
        None => None,
    };
    let most = match a[2].opt().map_or(Ok(-1), |v| convert::to_i32(t, v))? {
        -1 => 1023,
        n if n < 1 => return Err(error::value_error(t, format_args!("maxevents must be greater than 0, got {n}"))),
        n => n as usize,
    };
    t.check_alloc(most * 16)?;
    let end = end_of(t, ns);
    let mut room = vec![(0, 0); most];
    let n = loop {
        world::look_up(t)?;
        let left = end.map_or(world::SLICE, |e| e.saturating_duration_since(world::now(t)));
        let slice = left.min(world::SLICE);
        let ms = slice.as_micros().div_ceil(1000) as i32;
        match world::rest(t, end, || turns::idle(t, || linux::epoll_wait(this, &mut room, ms))) {
            Ok(0) if world::pass_until(t, end) || left <= slice && end.is_some() => break 0,
            Ok(0) | Err(libc::EINTR) => {}
            Ok(n) => break n,
            Err(e) => return Err(fail(t, e)),
        }
    };
    let list = List::create(t)?;
    for (fd, events) in &room[..n] {
        let pair = [Value::small((*fd).into()), Value::small((*events).into())];
        list.expect::<List>().push(t, tuple::from_array(t, pair)?)?;
    }
    Ok(list)
}
