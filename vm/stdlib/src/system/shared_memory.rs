//! `_posixshmem`: memory that processes share by name.

use super::fail;
use crate::kernel::semaphore as system;
use crate::world;
use std::ffi::CString;
use typhon_interp::host::Access;
use typhon_object::native::{ModuleDef, def};
use typhon_object::{Res, Thread, Value, convert, error};

/// `_posixshmem`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_posixshmem",
    doc: "POSIX shared memory module",
    functions: &[
        def("shm_open", "($module, /, path, flags, mode=511)", shm_open, "Open a shared memory object."),
        def("shm_unlink", "($module, /, path)", shm_unlink, "Remove a shared memory object."),
    ],
    types: &[],
    init: None,
};

fn path(t: &Thread, v: &Value, what: &str) -> Res<CString> {
    let text = convert::to_text(t, v, what, "argument 'path'")?;
    world::permit(t, Access::Process, None)?;
    CString::new(text).map_err(|_| error::value_error(t, "embedded null character"))
}

fn shm_open(t: &Thread, a: &[Value]) -> Res {
    let flags = convert::to_i32(t, &a[1])?;
    let mode = a[2].opt().map_or(Ok(0o777), |v| convert::to_i32(t, v))?;
    let name = path(t, &a[0], "shm_open")?;
    system::open_memory(&name, flags, mode as u32).map(|fd| Value::small(fd.into())).map_err(|e| fail(t, e))
}

fn shm_unlink(t: &Thread, a: &[Value]) -> Res {
    let name = path(t, &a[0], "shm_unlink")?;
    system::unlink_memory(&name).map(|()| Value::NONE).map_err(|e| fail(t, e))
}
