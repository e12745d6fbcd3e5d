//! `posix`: what `os` is made of.

use crate::kernel;
use crate::world::{self, Also, PathArg};
use typhon_interp::host::Access;
use typhon_object::dict::Dict;
use typhon_object::names;
use typhon_object::native::{self, MethodDef, ModuleDef};
use typhon_object::types::{bytes, exceptions, int, module};
use typhon_object::{Exc, Res, Thread, Value, convert, error, type_of};

mod consts;
mod descriptors;
mod dirs;
pub mod exec;
mod extra;
mod info;
mod paths;
mod pathtext;
pub mod process;
mod stat;
mod system;
mod table;

pub use dirs::{DIR_ENTRY, SCANDIR_ITERATOR};

const PARTS: &[&[MethodDef]] = &[table::TABLE, process::TABLE, exec::TABLE, system::TABLE, extra::TABLE];
static FUNCTIONS: [MethodDef; native::total(PARTS)] = native::join(PARTS);

/// `posix`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "posix",
    doc: "This module provides access to operating system functionality that is\nstandardized by the C Standard and the POSIX standard (a thinly\ndisguised Unix interface).",
    functions: &FUNCTIONS,
    types: &[
        ("stat_result", stat::STAT_RESULT.def),
        ("statvfs_result", stat::STATVFS_RESULT.def),
        ("terminal_size", info::TERMINAL_SIZE.def),
        ("times_result", info::TIMES_RESULT.def),
        ("uname_result", info::UNAME_RESULT.def),
        ("sched_param", info::SCHED_PARAM.def),
        ("DirEntry", &DIR_ENTRY),
        ("ScandirIterator", &SCANDIR_ITERATOR),
        ("waitid_result", process::WAITID_RESULT.def),
        ("_rusage", process::RUSAGE.def),
    ],
    init: Some(init),
};

fn init(t: &Thread, m: &Value) -> Res<()> {
    let dict = module::dict_of(t, m);
    let dict = Dict::of(&dict);
    for (name, value) in consts::NUMBERS {
        dict.set_str(t, &names::intern_static(name), convert::from_i64(t, *value)?)?;
    }
    for (name, table) in
        [("pathconf_names", consts::PATHCONF), ("confstr_names", consts::CONFSTR), ("sysconf_names", consts::SYSCONF)]
    {
        let made = Dict::create(t);
        for (key, value) in table {
            Dict::of(&made).set_str(t, &names::intern_static(key), Value::small(*value))?;
        }
        dict.set_str(t, &names::intern_static(name), made)?;
    }
    let have = consts::HAVE.iter().map(|h| names::intern_static(h)).collect();
    dict.set_str(t, &names::intern_static("_have_functions"), typhon_object::list::List::from_vec(t, have)?)?;
    dict.set_str(t, &names::intern_static("error"), exceptions::OS_ERROR.ty().value())?;
    dict.set_str(t, &names::intern_static("environ"), process::environ(t)?)
}

/// The OSError of an errno.
fn fail(t: &Thread, errno: i32) -> Exc {
    error::os_error(t, errno, None, None)
}

/// A call's number.
fn plain(t: &Thread, r: kernel::Sys<i64>) -> Res {
    convert::from_i64(t, r.map_err(|e| fail(t, e))?)
}

/// A call's new descriptor.
fn opened(t: &Thread, r: kernel::Sys<i64>) -> Res {
    let fd = r.map_err(|e| fail(t, e))?;
    Ok(Value::small(world::opened(t, fd as i32).into()))
}

/// A descriptor argument: an int.
fn number(t: &Thread, v: &Value) -> Res<i32> {
    convert::to_i32(t, v)
}

/// A `dir_fd` argument.
fn dir_fd(t: &Thread, v: &Value) -> Res<i32> {
    match v.non_none() {
        None => Ok(libc::AT_FDCWD),
        Some(v) if int::is_int(v) || type_of(v).slots().index.is_some() => world::fd_number(t, v),
        Some(v) => {
            let name = type_of(v).name();
            Err(error::type_error(t, format_args!("argument should be integer or None, not {name}")))
        }
    }
}

/// A flag argument that is true unless given.
fn flag(t: &Thread, v: &Value, default: bool) -> Res<bool> {
    v.opt().map_or(Ok(default), |v| convert::to_bool(t, v))
}

/// The name of the directory that a relative path starts from is not the host's to know, so the path is asked for as
/// given.
fn path(t: &Thread, v: &Value, function: &str) -> Res<PathArg> {
    world::path_arg(t, v, function, "path", Also::Nothing)
}

/// Asks for what belongs to the process.
fn permit_state(t: &Thread) -> Res<()> {
    world::permit(t, Access::ProcessState, None)
}

/// A bytes object.
fn data(t: &Thread, from: &[u8]) -> Res {
    bytes::new(t, from)
}
