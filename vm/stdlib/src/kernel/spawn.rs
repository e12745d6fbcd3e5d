//! Starting a process: what a child does between fork(2) and execve(2), and the two calls by themselves.

use super::{Sys, check, done, errno};
use std::ffi::{CStr, CString};

/// Standard streams of a child and the pipe that tells why it could not start. -1 is none.
#[derive(Clone, Copy, Debug)]
pub struct Pipes {
    /// The child's 0, 1 and 2.
    pub child: [i32; 3],
    /// The parent's ends, which the child closes.
    pub parent: [i32; 3],
    /// Read end of the error pipe, the parent's.
    pub error_read: i32,
    /// Write end of the error pipe, the child's.
    pub error_write: i32,
}

/// All that a child needs, made ready by the parent: after fork(2) nothing may be allocated.
pub struct Plan {
    /// Paths to try, in order.
    pub programs: Vec<CString>,
    /// `argv`.
    pub args: Vec<CString>,
    /// The environment; `None` leaves the parent's.
    pub env: Option<Vec<CString>>,
    /// Working directory.
    pub cwd: Option<CString>,
    /// Streams.
    pub pipes: Pipes,
    /// Descriptors to keep besides, sorted.
    pub keep: Vec<i32>,
    /// Close every other descriptor.
    pub close: bool,
    /// Give back the default meaning to the signals that an interpreter ignores.
    pub restore_signals: bool,
    /// Start a session.
    pub session: bool,
    /// Process group to join.
    pub group: Option<i32>,
    /// Group id to take.
    pub gid: Option<u32>,
    /// Supplementary groups.
    pub groups: Option<Vec<u32>>,
    /// User id to take.
    pub uid: Option<u32>,
    /// umask.
    pub umask: Option<u32>,
}

/// Why a child did not become the program: an errno (0: the hook failed) and the step, as `subprocess` reads them.
struct Failure(i32, &'static [u8]);

/// Has `copy` fork; the child carries the plan out and never returns. `hook` runs in the child, before its descriptors are
/// closed; false is its failure.
pub fn start(plan: &Plan, copy: impl FnOnce() -> Sys<i32>, hook: Option<&dyn Fn() -> bool>) -> Sys<i32> {
    let mut args: Vec<*const libc::c_char> = plan.args.iter().map(|a| a.as_ptr()).collect();
    args.push(std::ptr::null());
    let env: Option<Vec<*const libc::c_char>> =
        plan.env.as_ref().map(|e| e.iter().map(|v| v.as_ptr()).chain([std::ptr::null()]).collect());
    let pid = copy()?;
    if pid != 0 {
        return Ok(pid);
    }
    let Failure(errno, step) = child(plan, &args, env.as_deref(), hook);
    tell(plan.pipes.error_write, errno, step);
    super::exit_now(255)
}

/// fork(2): 0 in the child.
pub fn fork() -> Sys<i32> {
    // SAFETY: the child has this thread alone. The callers either exec without allocating, or (os.fork, preexec_fn) are permitted by a
    // host whose process is the guest's: its threads are stopped, with none of the isolate's locks held (`turns::copying`), and the
    // C library sees to its own.
    check(unsafe { libc::fork() }).map(|pid| pid as i32)
}

/// execve(2), or execv(3) without an environment; returns only to say why not.
pub fn exec(path: &CStr, args: &[CString], env: Option<&[CString]>) -> i32 {
    let args: Vec<_> = args.iter().map(|a| a.as_ptr()).chain([std::ptr::null()]).collect();
    let env: Option<Vec<_>> = env.map(|e| e.iter().map(|v| v.as_ptr()).chain([std::ptr::null()]).collect());
    replace(path, &args, env.as_deref())
}

/// fexecve(3); returns only to say why not.
pub fn exec_fd(fd: i32, args: &[CString], env: &[CString]) -> i32 {
    let args: Vec<_> = args.iter().map(|a| a.as_ptr()).chain([std::ptr::null()]).collect();
    let env: Vec<_> = env.iter().map(|v| v.as_ptr()).chain([std::ptr::null()]).collect();
    // SAFETY: the arrays hold C strings that outlive the call and end with null.
    unsafe { libc::fexecve(fd, args.as_ptr(), env.as_ptr()) };
    errno()
}

/// The call behind [`exec`]: both arrays end with null.
fn replace(path: &CStr, args: &[*const libc::c_char], env: Option<&[*const libc::c_char]>) -> i32 {
    // SAFETY: the arrays hold C strings that outlive the call and end with null.
    unsafe {
        match env {
            Some(env) => libc::execve(path.as_ptr(), args.as_ptr(), env.as_ptr()),
            None => libc::execv(path.as_ptr(), args.as_ptr()),
        };
    }
    errno()
}

fn child(
    plan: &Plan,
    args: &[*const libc::c_char],
    env: Option<&[*const libc::c_char]>,
    hook: Option<&dyn Fn() -> bool>,
) -> Failure {
    if let Err(e) = streams(plan) {
        return Failure(e, b"noexec");
    }
    if let Some(cwd) = &plan.cwd
        && let Err(e) = super::chdir(cwd)
    {
        return Failure(e, b"noexec:chdir");
    }
    if let Err(e) = identity(plan) {
        return Failure(e, b"noexec");
    }
    if let Some(hook) = hook
        && !hook()
    {
        return Failure(0, b"Exception occurred in preexec_fn.");
    }
    if plan.close {
        close_others(plan);
    }
    let mut why = libc::ENOENT;
    for path in &plan.programs {
        match replace(path, args, env) {
            libc::ENOENT | libc::ENOTDIR => {}
            e => {
                why = e;
                break;
            }
        }
    }
    Failure(why, b"")
}

fn inherit(fd: i32) -> Sys<()> {
    super::fcntl(fd, libc::F_SETFD, 0).map(drop)
}

/// Closes the parent's ends and moves the child's to 0, 1 and 2.
fn streams(plan: &Plan) -> Sys<()> {
    let Pipes { mut child, parent, error_read, error_write } = plan.pipes;
    for &fd in plan.keep.iter().filter(|fd| **fd != error_write) {
        inherit(fd)?;
    }
    for fd in parent.into_iter().chain([error_read]).filter(|fd| *fd >= 0) {
        super::close(fd)?;
    }
    // A descriptor that the moves below would overwrite before it is moved itself goes out of their way.
    for (at, fd) in child.iter_mut().enumerate().skip(1) {
        while *fd >= 0 && (*fd as usize) < at {
            *fd = super::fcntl(*fd, libc::F_DUPFD, 0)? as i32;
        }
    }
    for (at, &fd) in child.iter().enumerate().filter(|(_, fd)| **fd >= 0) {
        if fd as usize == at {
            inherit(fd)?;
        } else {
            super::dup2(fd, at as i32)?;
        }
    }
    Ok(())
}

fn identity(plan: &Plan) -> Sys<()> {
    if let Some(mask) = plan.umask {
        super::umask(mask)?;
    }
    if plan.restore_signals {
        for signal in [libc::SIGPIPE, libc::SIGXFSZ] {
            super::signals::set_default(signal)?;
        }
    }
    if plan.session {
        super::setsid()?;
    }
    if let Some(group) = plan.group {
        super::setpgid(0, group)?;
    }
    if let Some(groups) = &plan.groups {
        set_groups(groups)?;
    }
    if let Some(gid) = plan.gid {
        // SAFETY: plain numbers.
        done(unsafe { libc::setregid(gid, gid) })?;
    }
    if let Some(uid) = plan.uid {
        // SAFETY: plain numbers.
        done(unsafe { libc::setreuid(uid, uid) })?;
    }
    Ok(())
}

/// setgroups(2).
pub fn set_groups(groups: &[u32]) -> Sys<()> {
    // SAFETY: the slice is valid for its length.
    done(unsafe { libc::setgroups(groups.len(), groups.as_ptr()) })
}

fn close_others(plan: &Plan) {
    let mut from = 3;
    for &fd in plan.keep.iter().filter(|fd| **fd >= 3) {
        if fd > from {
            close_range(from as u32, fd as u32 - 1);
        }
        from = fd + 1;
    }
    close_range(from as u32, u32::MAX);
}

/// close_range(2), or one by one where the kernel has none.
pub fn close_range(first: u32, last: u32) {
    // SAFETY: plain numbers.
    if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
        return;
    }
    let most = super::sysconf(libc::_SC_OPEN_MAX).unwrap_or(1 << 10).clamp(0, 1 << 20) as u32;
    for fd in first..last.min(most) {
        // Descriptors that are not open are passed over.
        let _ = super::close(fd as i32);
    }
}

/// Writes what `subprocess` reads: kind, errno in hex, step. A parent that does not listen is not told.
fn tell(fd: i32, errno: i32, step: &[u8]) {
    let kind: &[u8] = if errno == 0 { b"SubprocessError:0:" } else { b"OSError:" };
    let mut digits = [0_u8; 9];
    let mut length = 0;
    if errno != 0 {
        let mut at = 8;
        digits[at] = b':';
        let mut rest = errno.unsigned_abs();
        while rest > 0 {
            at -= 1;
            digits[at] = b"0123456789ABCDEF"[(rest & 15) as usize];
            rest >>= 4;
        }
        digits.copy_within(at.., 0);
        length = 9 - at;
    }
    for part in [kind, &digits[..length], step] {
        let _ = super::write(fd, part);
    }
}
