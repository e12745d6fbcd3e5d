//! `_posixsubprocess`: starting a child with its streams, identity and descriptors arranged.

use crate::kernel::spawn::{self, Pipes, Plan};
use crate::posix::exec as posix;
use crate::posix::process::permit_process;
use crate::sys::Settings;
use crate::world;
use std::ffi::CString;
use typhon_object::native::{ModuleDef, raw};
use typhon_object::tuple::Tuple;
use typhon_object::types::bytes::Bytes;
use typhon_object::types::exceptions::{OVERFLOW_ERROR, PYTHON_FINALIZATION_ERROR, TYPE_ERROR};
use typhon_object::{Args, Res, Thread, Value, call, convert, error, ops, type_of};

/// `_posixsubprocess`.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_posixsubprocess",
    doc: "A POSIX helper for the subprocess module.",
    functions: &[raw(
        "fork_exec",
        "($module, args, executable_list, close_fds, pass_fds, cwd, env, p2cread, p2cwrite, c2pread, c2pwrite, errread, errwrite, errpipe_read, errpipe_write, restore_signals, call_setsid, pgid_to_set, gid, extra_groups, uid, child_umask, preexec_fn, /)",
        fork_exec,
        "Spawn a fresh new child process.",
    )],
    types: &[],
    init: None,
};

const ARGUMENTS: usize = 22;

fn c_string(t: &Thread, data: Vec<u8>) -> Res<CString> {
    CString::new(data).map_err(|_| error::value_error(t, "embedded null byte"))
}

/// A str or bytes as an argument of a program.
pub fn encoded(t: &Thread, v: &Value) -> Res<CString> {
    let v = world::fspath(t, v)?;
    let data = match v.downcast::<Bytes>() {
        Some(b) => b.as_slice().to_vec(),
        None => world::fs_encode(t, &v)?,
    };
    c_string(t, data)
}

fn strings(t: &Thread, v: &Value) -> Res<Vec<CString>> {
    ops::collect(t, v)?.iter().map(|item| encoded(t, item)).collect()
}

/// Bytes only: what `subprocess` has encoded already.
fn bytes_strings(t: &Thread, v: &Value) -> Res<Vec<CString>> {
    let mut out = Vec::new();
    for item in ops::collect(t, v)? {
        match item.downcast::<Bytes>() {
            Some(b) => out.push(c_string(t, b.as_slice().to_vec())?),
            None => {
                let name = type_of(&item).name();
                return Err(error::type_error(t, format_args!("expected bytes, {name} found")));
            }
        }
    }
    Ok(out)
}

fn keep(t: &Thread, v: &Value) -> Res<Vec<i32>> {
    let Some(items) = v.downcast::<Tuple>() else {
        let name = type_of(v).name();
        return Err(error::type_error(t, format_args!("fork_exec() argument 4 must be tuple, not {name}")));
    };
    let mut out: Vec<i32> = Vec::new();
    for item in items.items() {
        let fd = match convert::to_i32(t, item) {
            Ok(fd) => fd,
            Err(e) if e.is_stopped() => return Err(e),
            Err(_) => -1,
        };
        if fd < 0 || out.last().is_some_and(|last| *last >= fd) {
            return Err(error::value_error(t, "bad value(s) in fds_to_keep"));
        }
        out.push(fd);
    }
    Ok(out)
}

/// A user or group id; one that is none is a ValueError here.
fn id(t: &Thread, v: &Value, what: &str) -> Res<u32> {
    match posix::id(t, v, what) {
        Err(e) if e.is(&OVERFLOW_ERROR) || e.is(&TYPE_ERROR) => {
            Err(error::value_error(t, format_args!("invalid {what} id")))
        }
        r => r,
    }
}

fn some_id(t: &Thread, v: &Value, what: &str) -> Res<Option<u32>> {
    v.non_none().map(|v| id(t, v, what)).transpose()
}

fn groups(t: &Thread, v: &Value) -> Res<Option<Vec<u32>>> {
    let Some(v) = v.non_none() else { return Ok(None) };
    let items = ops::collect(t, v)?;
    if items.len() > 65_536 {
        return Err(error::value_error(t, "too many extra_groups"));
    }
    items.iter().map(|g| id(t, g, "group")).collect::<Res<Vec<u32>>>().map(Some)
}

fn plan(t: &Thread, a: &[Value]) -> Res<Plan> {
    let number = |i: usize| convert::to_i32(t, &a[i]);
    let flag = |i: usize| ops::truth(t, &a[i]);
    let close = flag(2)?;
    let pipes = Pipes {
        child: [number(6)?, number(9)?, number(11)?],
        parent: [number(7)?, number(8)?, number(10)?],
        error_read: number(12)?,
        error_write: number(13)?,
    };
    let keep = keep(t, &a[3])?;
    if close && pipes.error_write < 3 {
        return Err(error::value_error(t, "errpipe_write must be >= 3"));
    }
    let group = match number(16)? {
        n if n < 0 => None,
        n => Some(n),
    };
    let mask = match number(20)? {
        n if n < 0 => None,
        n => Some(n as u32),
    };
    Ok(Plan {
        programs: bytes_strings(t, &a[1])?,
        args: strings(t, &a[0])?,
        env: if a[5].is_none() { None } else { Some(bytes_strings(t, &a[5])?) },
        cwd: if a[4].is_none() { None } else { Some(encoded(t, &a[4])?) },
        pipes,
        keep,
        close,
        restore_signals: flag(14)?,
        session: flag(15)?,
        group,
        gid: some_id(t, &a[17], "group")?,
        groups: groups(t, &a[18])?,
        uid: some_id(t, &a[19], "user")?,
        umask: mask,
    })
}

fn fork_exec(t: &Thread, args: Args<'_>) -> Res {
    let a = args.expect_positional(t, "fork_exec", ARGUMENTS, ARGUMENTS)?;
    permit_process(t)?;
    let plan = plan(t, a)?;
    if a[21].is_none() {
        let pid = spawn::start(&plan, spawn::fork, None).map_err(|e| error::os_error(t, e, None, None))?;
        return Ok(Value::small(pid.into()));
    }
    // The hook is Python code in a copy of the process: only where the whole process is the guest's.
    if t.state::<Settings>().finalizing.get() {
        let e = &PYTHON_FINALIZATION_ERROR;
        return Err(error::new(t, e, "preexec_fn not supported at interpreter shutdown"));
    }
    posix::permit_fork(t)?;
    posix::before_fork(t);
    let hook = || {
        posix::after_fork(t, true);
        // `subprocess` tells of a failure; what the hook raised is not carried over.
        call::call0(t, &a[21]).is_ok()
    };
    let pid = spawn::start(&plan, || posix::copy(t), Some(&hook));
    posix::after_fork(t, false);
    Ok(Value::small(pid.map_err(|e| error::os_error(t, e, None, None))?.into()))
}
