//! Processes and what belongs to this one.

use super::{data, fail, opened, permit_state, plain};
use crate::kernel;
use crate::thread::turns;
use crate::world::{self, Also};
use std::os::unix::ffi::OsStringExt;
use typhon_interp::host::Access;
use typhon_object::dict::Dict;
use typhon_object::native::{MethodDef, def};
use typhon_object::structseq;
use typhon_object::tuple;
use typhon_object::types::structseq as ss;
use typhon_object::{Res, Thread, Value, convert, error};

pub(super) const TABLE: &[MethodDef] = &[
    def("getpid", "($module, /)", |t, _| plain(t, kernel::getpid()), "Return the current process id."),
    def("getppid", "($module, /)", |t, _| plain(t, kernel::getppid()), "Return the parent's process id."),
    def("getuid", "($module, /)", |t, _| plain(t, kernel::getuid()), "Return the current process's user id."),
    def(
        "geteuid",
        "($module, /)",
        |t, _| plain(t, kernel::geteuid()),
        "Return the current process's effective user id.",
    ),
    def("getgid", "($module, /)", |t, _| plain(t, kernel::getgid()), "Return the current process's group id."),
    def(
        "getegid",
        "($module, /)",
        |t, _| plain(t, kernel::getegid()),
        "Return the current process's effective group id.",
    ),
    def(
        "getpgid",
        "($module, /, pid)",
        |t, a| plain(t, kernel::getpgid(convert::to_i32(t, &a[0])?)),
        "Call the system call getpgid(), and return the result.",
    ),
    def("getpgrp", "($module, /)", |t, _| plain(t, kernel::getpgid(0)), "Return the current process group id."),
    def(
        "getsid",
        "($module, pid, /)",
        |t, a| plain(t, kernel::getsid(convert::to_i32(t, &a[0])?)),
        "Call the system call getsid(pid) and return the result.",
    ),
    def(
        "setsid",
        "($module, /)",
        |t, _| {
            permit_process(t)?;
            plain(t, kernel::setsid()).map(|_| Value::NONE)
        },
        "Call the system call setsid().",
    ),
    def("setpgid", "($module, pid, pgrp, /)", setpgid, "Call the system call setpgid(pid, pgrp)."),
    def(
        "nice",
        "($module, increment, /)",
        nice,
        "Add increment to the priority of process and return the new priority.",
    ),
    def("umask", "($module, mask, /)", umask, "Set the current numeric umask and return the previous umask."),
    def("kill", "($module, pid, signal, /)", kill, "Kill a process with a signal."),
    def("killpg", "($module, pgid, signal, /)", killpg, "Kill a process group with a signal."),
    def("waitpid", "($module, pid, options, /)", waitpid, "Wait for completion of a given child process."),
    def("wait", "($module, /)", wait, "Wait for completion of a child process."),
    def("wait3", "($module, /, options)", wait3, "Wait for completion of a child process."),
    def("wait4", "($module, /, pid, options)", wait4, "Wait for completion of a specific child process."),
    def("WIFEXITED", "($module, /, status)", |t, a| status(t, a, |s| Value::bool(libc::WIFEXITED(s))), ""),
    def("WEXITSTATUS", "($module, /, status)", |t, a| status(t, a, |s| Value::small(libc::WEXITSTATUS(s).into())), ""),
    def("WIFSIGNALED", "($module, /, status)", |t, a| status(t, a, |s| Value::bool(libc::WIFSIGNALED(s))), ""),
    def("WTERMSIG", "($module, /, status)", |t, a| status(t, a, |s| Value::small(libc::WTERMSIG(s).into())), ""),
    def("WIFSTOPPED", "($module, /, status)", |t, a| status(t, a, |s| Value::bool(libc::WIFSTOPPED(s))), ""),
    def("WSTOPSIG", "($module, /, status)", |t, a| status(t, a, |s| Value::small(libc::WSTOPSIG(s).into())), ""),
    def("WIFCONTINUED", "($module, /, status)", |t, a| status(t, a, |s| Value::bool(libc::WIFCONTINUED(s))), ""),
    def("WCOREDUMP", "($module, status, /)", |t, a| status(t, a, |s| Value::bool(libc::WCOREDUMP(s))), ""),
    def("waitstatus_to_exitcode", "($module, /, status)", exitcode, "Convert a wait status to an exit code."),
    def(
        "_exit",
        "($module, /, status)",
        exit,
        "Exit to the system with specified status, without normal exit processing.",
    ),
    def("abort", "($module, /)", abort, "Abort the interpreter immediately."),
    def("putenv", "($module, name, value, /)", putenv, "Change or add an environment variable."),
    def("unsetenv", "($module, name, /)", unsetenv, "Delete an environment variable."),
    def("_create_environ", "($module, /)", |t, _| environ(t), "Create the environment dictionary."),
    def(
        "pidfd_open",
        "($module, /, pid, flags=0)",
        pidfd_open,
        "Return a file descriptor referring to the process *pid*.",
    ),
    def(
        "waitid",
        "($module, idtype, id, options, /)",
        waitid,
        "Returns the result of waiting for a process or processes.",
    ),
];

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
    plain(t, kernel::nice(convert::to_i32(t, &a[0])?))
}

/// `umask(mask)`.
pub fn umask(t: &Thread, a: &[Value]) -> Res {
    permit_state(t)?;
    plain(t, kernel::umask(convert::to_i32(t, &a[0])? as u32))
}

/// `pidfd_open(pid, flags)`.
pub fn pidfd_open(t: &Thread, a: &[Value]) -> Res {
    permit_process(t)?;
    let flags = a[1].opt().map_or(Ok(0), |f| convert::to_i32(t, f))?;
    opened(t, kernel::pidfd_open(convert::to_i32(t, &a[0])?, flags as u32))
}

/// Waits for a child, looking up meanwhile.
pub(super) fn wait_for(t: &Thread, pid: i32, options: i32) -> Res<(i32, i32, libc::rusage)> {
    permit_process(t)?;
    let mut nap = std::time::Duration::from_micros(200);
    loop {
        t.poll()?;
        match kernel::wait4(pid, options | libc::WNOHANG) {
            Ok((0, ..)) if options & libc::WNOHANG == 0 => {
                turns::idle(t, || std::thread::sleep(nap));
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

structseq! {
    /// `os.waitid_result`.
    pub WAITID_RESULT = "posix.waitid_result", "waitid_result: Result from waitid.", flags 0, visible 5, complete |_| {},
    [("si_pid", ""), ("si_uid", ""), ("si_signo", ""), ("si_status", ""), ("si_code", "")]
}

/// `waitid(idtype, id, options)`, looking up meanwhile.
fn waitid(t: &Thread, a: &[Value]) -> Res {
    permit_process(t)?;
    let (kind, id) = (convert::to_i32(t, &a[0])? as u32, convert::to_i64(t, &a[1])? as u32);
    let options = convert::to_i32(t, &a[2])?;
    let mut nap = std::time::Duration::from_micros(200);
    loop {
        t.poll()?;
        let info = match kernel::linux::wait_id(kind, id, options | libc::WNOHANG) {
            Ok(info) => info,
            Err(libc::EINTR) => continue,
            Err(e) => return Err(fail(t, e)),
        };
        // SAFETY: the kernel filled the struct for a child's change, or left zeros.
        let (pid, uid, status) = unsafe { (info.si_pid(), info.si_uid(), info.si_status()) };
        if pid != 0 {
            let fields = [i64::from(pid), i64::from(uid), info.si_signo.into(), status.into(), info.si_code.into()];
            return ss::new(t, &WAITID_RESULT, fields.iter().map(|n| Value::small(*n)).collect());
        }
        if options & libc::WNOHANG != 0 {
            return Ok(Value::NONE);
        }
        turns::idle(t, || std::thread::sleep(nap));
        nap = (nap * 2).min(world::SLICE);
    }
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
    if let Some(given) = t.get_state::<crate::isolate::Environment>() {
        for (key, value) in &given.0 {
            let (key, value) = (data(t, key.as_bytes())?, data(t, value.as_bytes())?);
            Dict::of(&dict).set_default(t, &key, &value)?;
        }
        return Ok(dict);
    }
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
    if !world::has_process(t) {
        // `os.environ` is all the environment there is.
        return Ok(Value::NONE);
    }
    permit_state(t)?;
    kernel::set_variable(&name, Some(&value)).map(|()| Value::NONE).map_err(|e| fail(t, e))
}

/// `unsetenv(name)`.
pub fn unsetenv(t: &Thread, a: &[Value]) -> Res {
    let name = variable(t, &a[0], "unsetenv")?;
    if name.is_empty() || name.contains(&b'=') {
        return Err(fail(t, libc::EINVAL));
    }
    if !world::has_process(t) {
        return Ok(Value::NONE);
    }
    permit_state(t)?;
    kernel::set_variable(&name, None).map(|()| Value::NONE).map_err(|e| fail(t, e))
}
