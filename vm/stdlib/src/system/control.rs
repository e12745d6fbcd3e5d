//! `fcntl`: controls and locks of descriptors.

use super::{consts, fail, numbers};
use crate::kernel::{self, terminal};
use crate::thread::turns;
use crate::world;
use typhon_interp::host::Access;
use typhon_object::native::{ModuleDef, def};
use typhon_object::strs::Str;
use typhon_object::types::{bytes, int};
use typhon_object::{Res, Thread, Value, buffer, convert, error, type_of};

/// `fcntl`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "fcntl",
    doc: "This module performs file control and I/O control on file descriptors.  It is\nan interface to the fcntl() and ioctl() Unix routines.  File descriptors can be\nobtained with the fileno() method of a file or socket object.",
    functions: &[
        def("fcntl", "($module, fd, cmd, arg=0, /)", fcntl, "Perform the operation cmd on file descriptor fd."),
        def(
            "ioctl",
            "($module, fd, request, arg=0, mutate_flag=True, /)",
            ioctl,
            "Perform the operation request on file descriptor fd.",
        ),
        def("flock", "($module, fd, operation, /)", flock, "Perform the lock operation on file descriptor fd."),
        def(
            "lockf",
            "($module, fd, cmd, len=0, start=0, whence=0, /)",
            lockf,
            "A wrapper around the fcntl() locking calls.",
        ),
    ],
    types: &[],
    init: Some(|t, m| numbers(t, m, consts::FCNTL)),
};

/// Most bytes of an argument that is copied.
const COPY_MAX: usize = 1024;
/// What the kernel may write beyond what the guest gave: its structs are not larger.
const ROOM: usize = 4096;

fn is_number(v: &Value) -> bool {
    int::is_int(v) || type_of(v).slots().index.is_some()
}

/// A C int or unsigned int.
fn word(t: &Thread, v: &Value) -> Res<i64> {
    let n = convert::to_i64(t, v)?;
    if n > i64::from(u32::MAX) {
        return Err(error::overflow_error(t, "unsigned int is greater than maximum"));
    }
    if n < i64::from(i32::MIN) {
        return Err(error::overflow_error(t, "signed integer is less than minimum"));
    }
    Ok(n)
}

fn given(t: &Thread, v: &Value) -> Res<Vec<u8>> {
    if v.downcast::<Str>().is_some() {
        return world::fs_encode(t, v);
    }
    Ok(buffer::get(t, v, buffer::SIMPLE)?.as_slice().to_vec())
}

fn fcntl(t: &Thread, a: &[Value]) -> Res {
    let fd = world::fileno(t, &a[0])?;
    let command = convert::to_i32(t, &a[1])?;
    match a[2].opt() {
        Some(v) if !is_number(v) => {
            let data = given(t, v)?;
            if data.len() > COPY_MAX {
                return Err(error::value_error(t, "fcntl argument 3 is too long"));
            }
            let mut room = data.clone();
            room.resize(ROOM, 0);
            world::retry(t, || terminal::fcntl_memory(fd, command, &mut room))?.map_err(|e| fail(t, e))?;
            bytes::new(t, &room[..data.len()])
        }
        v => {
            let arg = v.map_or(Ok(0), |v| word(t, v))?;
            let n = world::retry(t, || kernel::fcntl(fd, command, arg))?.map_err(|e| fail(t, e))?;
            if matches!(command, libc::F_DUPFD | libc::F_DUPFD_CLOEXEC) {
                world::opened(t, n as i32);
            }
            Ok(Value::small(n))
        }
    }
}

fn ioctl(t: &Thread, a: &[Value]) -> Res {
    let fd = world::fileno(t, &a[0])?;
    let request = convert::to_i64(t, &a[1])? as u64 & 0xffff_ffff;
    // What a request does, and to which memory, is known to its driver alone.
    world::permit(t, Access::ProcessState, None)?;
    let Some(v) = a[2].opt().filter(|v| !is_number(v)) else {
        let arg = a[2].opt().map_or(Ok(0), |v| word(t, v))?;
        let n = world::retry(t, || terminal::ioctl_number(fd, request, arg))?.map_err(|e| fail(t, e))?;
        return convert::from_i64(t, n);
    };
    let mutate = a[3].opt().map_or(Ok(true), |v| convert::to_bool(t, v))?;
    let target = if mutate && v.downcast::<Str>().is_none() {
        buffer::get(t, v, buffer::WRITABLE)
    } else {
        Err(error::type_error(t, ""))
    };
    let target = match target {
        Err(e) if e.is_stopped() => return Err(e),
        r => r.ok(),
    };
    let data = match &target {
        Some(b) => b.as_slice().to_vec(),
        None => given(t, v)?,
    };
    if target.is_none() && data.len() > COPY_MAX {
        return Err(error::value_error(t, "ioctl argument 3 is too long"));
    }
    let mut room = data.clone();
    room.resize(ROOM.max(data.len()), 0);
    let n = world::retry(t, || terminal::ioctl_memory(fd, request, &mut room))?.map_err(|e| fail(t, e))?;
    match target {
        Some(b) => {
            b.as_mut_slice().copy_from_slice(&room[..data.len()]);
            convert::from_i64(t, n)
        }
        None => bytes::new(t, &room[..data.len()]),
    }
}

/// Asks for a lock again and again, so that waiting for it can end.
fn patiently(t: &Thread, waits: bool, mut f: impl FnMut() -> kernel::Sys<i64>) -> Res {
    loop {
        match f() {
            Ok(_) => return Ok(Value::NONE),
            Err(libc::EAGAIN | libc::EACCES) if waits => {
                turns::idle(t, || std::thread::sleep(world::SLICE));
                t.poll()?;
            }
            Err(libc::EINTR) => t.poll()?,
            Err(e) => return Err(fail(t, e)),
        }
    }
}

fn flock(t: &Thread, a: &[Value]) -> Res {
    let fd = world::fileno(t, &a[0])?;
    let operation = convert::to_i32(t, &a[1])?;
    let waits = operation & (libc::LOCK_NB | libc::LOCK_UN) == 0;
    patiently(t, waits, || kernel::flock(fd, operation | libc::LOCK_NB))
}

fn lockf(t: &Thread, a: &[Value]) -> Res {
    let fd = world::fileno(t, &a[0])?;
    let operation = convert::to_i32(t, &a[1])?;
    let number = |v: &Value| v.opt().map_or(Ok(0), |v| convert::to_i64(t, v));
    let (len, start, whence) = (number(&a[2])?, number(&a[3])?, number(&a[4])?);
    let kind = match operation & !libc::LOCK_NB {
        libc::LOCK_UN => libc::F_UNLCK,
        n if n & libc::LOCK_SH != 0 => libc::F_RDLCK,
        n if n & libc::LOCK_EX != 0 => libc::F_WRLCK,
        _ => return Err(error::value_error(t, "unrecognized lockf argument")),
    };
    let waits = operation & libc::LOCK_NB == 0;
    patiently(t, waits, || kernel::lock_range(fd, kind as i16, whence as i16, start, len))
}
