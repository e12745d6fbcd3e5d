//! Processes and what belongs to this one.

use super::{data, fail, permit_state};
use crate::kernel;
use crate::world::{self, Also};
use std::ffi::OsStr;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use typhon_interp::host::Access;
use typhon_object::dict::Dict;
use typhon_object::structseq;
use typhon_object::tuple;
use typhon_object::types::structseq as ss;
use typhon_object::{Res, Thread, Value, convert, error};

structseq! {
    /// `resource.struct_rusage`.
    pub RUSAGE = "resource.struct_rusage", "struct_rusage: Result from getrusage.", flags 0, visible 16, complete |_| {},
    [
        ("ru_utime", "user time used"), ("ru_stime", "system time used"), ("ru_maxrss", "max. resident set size"),
        ("ru_ixrss", "shared memory size"), ("ru_idrss", "unshared data size"), ("ru_isrss", "unshared stack size"),
        ("ru_minflt", "page faults not requiring I/O"), ("ru_majflt", "page faults requiring I/O"),
        ("ru_nswap", "number of swap outs"), ("ru_inblock", "block input operations"),
        ("ru_oublock", "block output operations"), ("ru_msgsnd", "IPC messages sent"),
        ("ru_msgrcv", "IPC messages received"), ("ru_nsignals", "signals received"),
        ("ru_nvcsw", "voluntary context switches"), ("ru_nivcsw", "involuntary context switches"),
    ]
}

/// A struct_rusage.
pub fn rusage(t: &Thread, u: &libc::rusage) -> Res {
    let time = |tv: libc::timeval| convert::from_f64(t, tv.tv_sec as f64 + tv.tv_usec as f64 * 1e-6);
    let mut fields = vec![time(u.ru_utime)?, time(u.ru_stime)?];
    for n in [
        u.ru_maxrss,
        u.ru_ixrss,
        u.ru_idrss,
        u.ru_isrss,
        u.ru_minflt,
        u.ru_majflt,
        u.ru_nswap,
        u.ru_inblock,
        u.ru_oublock,
        u.ru_msgsnd,
        u.ru_msgrcv,
        u.ru_nsignals,
        u.ru_nvcsw,
        u.ru_nivcsw,
    ] {
        fields.push(convert::from_i64(t, n)?);
    }
    ss::new(t, &RUSAGE, fields)
}

/// Asks to deal with other processes.
pub fn permit_process(t: &Thread) -> Res<()> {
    world::permit(t, Access::Process, None)
}

fn done(t: &Thread, r: kernel::Sys<i64>) -> Res {
    r.map(|_| Value::NONE).map_err(|e| fail(t, e))
}

/// `kill(pid, signal)`.
pub fn kill(t: &Thread, a: &[Value]) -> Res {
    permit_process(t)?;
    let (pid, signal) = (convert::to_i32(t, &a[0])?, convert::to_i32(t, &a[1])?);
    let made = done(t, kernel::kill(pid, signal))?;
    t.poll()?;
    Ok(made)
}

/// `killpg(pgid, signal)`.
pub fn killpg(t: &Thread, a: &[Value]) -> Res {
    permit_process(t)?;
    done(t, kernel::killpg(convert::to_i32(t, &a[0])?, convert::to_i32(t, &a[1])?))
}

/// `setpgid(pid, pgrp)`.
pub fn setpgid(t: &Thread, a: &[Value]) -> Res {
    permit_process(t)?;
    done(t, kernel::setpgid(convert::to_i32(t, &a[0])?, convert::to_i32(t, &a[1])?))
}

/// `nice(increment)`.
pub fn nice(t: &Thread, a: &[Value]) -> Res {
    permit_state(t)?;
    super::plain(t, kernel::nice(convert::to_i32(t, &a[0])?))
}

/// `umask(mask)`.
pub fn umask(t: &Thread, a: &[Value]) -> Res {
    permit_state(t)?;
    super::plain(t, kernel::umask(convert::to_i32(t, &a[0])? as u32))
}

/// `pidfd_open(pid, flags)`.
pub fn pidfd_open(t: &Thread, a: &[Value]) -> Res {
    permit_process(t)?;
    let flags = a[1].opt().map_or(Ok(0), |f| convert::to_i32(t, f))?;
    super::plain(t, kernel::pidfd_open(convert::to_i32(t, &a[0])?, flags as u32))
}

/// `fork()`: a process of many threads cannot be copied safely, so it is refused; `subprocess` does not need it.
pub fn fork(t: &Thread, _: &[Value]) -> Res {
    permit_process(t)?;
    Err(error::runtime_error(t, "fork is not supported: the process runs more than this interpreter"))
}

/// Waits for a child, looking up meanwhile.
fn wait_for(t: &Thread, pid: i32, options: i32) -> Res<(i32, i32, libc::rusage)> {
    permit_process(t)?;
    let mut nap = std::time::Duration::from_micros(200);
    loop {
        t.poll()?;
        match kernel::wait4(pid, options | libc::WNOHANG) {
            Ok((0, ..)) if options & libc::WNOHANG == 0 => {
                std::thread::sleep(nap);
                nap = (nap * 2).min(world::SLICE);
            }
            Ok(found) => return Ok(found),
            Err(libc::EINTR) => {}
            Err(e) => return Err(fail(t, e)),
        }
    }
}

fn pid_and_status(t: &Thread, pid: i32, options: i32) -> Res {
    let (pid, status, _) = wait_for(t, pid, options)?;
    tuple::from_array(t, [Value::small(pid.into()), Value::small(status.into())])
}

/// `waitpid(pid, options)`.
pub fn waitpid(t: &Thread, a: &[Value]) -> Res {
    pid_and_status(t, convert::to_i32(t, &a[0])?, convert::to_i32(t, &a[1])?)
}

/// `wait()`.
pub fn wait(t: &Thread, _: &[Value]) -> Res {
    pid_and_status(t, -1, 0)
}

fn with_usage(t: &Thread, pid: i32, options: i32) -> Res {
    let (pid, status, usage) = wait_for(t, pid, options)?;
    let usage = rusage(t, &usage)?;
    tuple::from_array(t, [Value::small(pid.into()), Value::small(status.into()), usage])
}

/// `wait3(options)`.
pub fn wait3(t: &Thread, a: &[Value]) -> Res {
    with_usage(t, -1, convert::to_i32(t, &a[0])?)
}

/// `wait4(pid, options)`.
pub fn wait4(t: &Thread, a: &[Value]) -> Res {
    with_usage(t, convert::to_i32(t, &a[0])?, convert::to_i32(t, &a[1])?)
}

/// A question about a wait status.
pub fn status(t: &Thread, a: &[Value], f: fn(i32) -> Value) -> Res {
    Ok(f(convert::to_i32(t, &a[0])?))
}

/// `waitstatus_to_exitcode(status)`.
pub fn exitcode(t: &Thread, a: &[Value]) -> Res {
    let s = convert::to_i32(t, &a[0])?;
    if libc::WIFEXITED(s) {
        return Ok(Value::small(libc::WEXITSTATUS(s).into()));
    }
    if libc::WIFSIGNALED(s) {
        return Ok(Value::small(-i64::from(libc::WTERMSIG(s))));
    }
    if libc::WIFSTOPPED(s) {
        let signal = libc::WSTOPSIG(s);
        return Err(error::value_error(t, format_args!("process stopped by delivery of signal {signal}")));
    }
    Err(error::value_error(t, format_args!("invalid wait status: {s}")))
}

/// `_exit(status)`.
pub fn exit(t: &Thread, a: &[Value]) -> Res {
    let status = convert::to_i32(t, &a[0])?;
    permit_state(t)?;
    permit_process(t)?;
    kernel::exit_now(status)
}

/// `abort()`.
pub fn abort(t: &Thread, _: &[Value]) -> Res {
    permit_state(t)?;
    permit_process(t)?;
    std::process::abort()
}

/// The environment as `posix.environ`; empty if the process's is none of the guest's business.
pub fn environ(t: &Thread) -> Res {
    let dict = Dict::create(t);
    match permit_state(t) {
        Err(e) if e.is(&typhon_object::types::exceptions::OS_ERROR) => return Ok(dict),
        r => r?,
    }
    for (key, value) in std::env::vars_os() {
        let (key, value) = (data(t, &key.into_vec())?, data(t, &value.into_vec())?);
        Dict::of(&dict).set_default(t, &key, &value)?;
    }
    Ok(dict)
}

fn variable(t: &Thread, v: &Value, function: &str) -> Res<Vec<u8>> {
    let p = world::path_arg(t, v, function, "name", Also::Nothing)?;
    Ok(p.path.into_bytes())
}

/// `putenv(name, value)`.
pub fn putenv(t: &Thread, a: &[Value]) -> Res {
    let (name, value) = (variable(t, &a[0], "putenv")?, variable(t, &a[1], "putenv")?);
    if name.contains(&b'=') {
        return Err(error::value_error(t, "illegal environment variable name"));
    }
    permit_state(t)?;
    kernel::set_variable(OsStr::from_bytes(&name), Some(OsStr::from_bytes(&value)));
    Ok(Value::NONE)
}

/// `unsetenv(name)`.
pub fn unsetenv(t: &Thread, a: &[Value]) -> Res {
    let name = variable(t, &a[0], "unsetenv")?;
    if name.is_empty() || name.contains(&b'=') {
        return Err(fail(t, libc::EINVAL));
    }
    permit_state(t)?;
    kernel::set_variable(OsStr::from_bytes(&name), None);
    Ok(Value::NONE)
}
