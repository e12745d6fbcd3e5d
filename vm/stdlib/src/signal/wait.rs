//! Waiting for signals, and the mask of those that wait.

use super::{fail, permit, signals_of, system};
use crate::thread::turns;
use crate::{time, world};
use std::time::{Duration, Instant};
use typhon_interp::host::Access;
use typhon_object::list::List;
use typhon_object::structseq;
use typhon_object::types::{set_, structseq as ss};
use typhon_object::{Res, Thread, Value, call, convert, error};

structseq! {
    /// `signal.struct_siginfo`.
    pub SIGINFO = "signal.struct_siginfo", "struct_siginfo: Result from sigwaitinfo or sigtimedwait.\n\nThis object may be accessed either as a tuple of\n(si_signo, si_code, si_errno, si_pid, si_uid, si_status, si_band),\nor via the attributes si_signo, si_code, and so on.",
    flags 0, visible 7, complete |_| {},
    [
        ("si_signo", "signal number"), ("si_code", "signal code"), ("si_errno", "errno associated with this signal"),
        ("si_pid", "sending process ID"), ("si_uid", "real user ID of sending process"),
        ("si_status", "exit value or signal"), ("si_band", "band event for SIGPOLL"),
    ]
}

/// A set of numbers.
pub fn set_of(t: &Thread, numbers: impl IntoIterator<Item = i32>) -> Res {
    let list = List::from_vec(t, numbers.into_iter().map(|n| Value::small(n.into())).collect())?;
    call::call1(t, &set_::SET.ty().value(), &list)
}

/// `pause()`.
pub fn pause(t: &Thread, _: &[Value]) -> Res {
    permit(t)?;
    while !system::any() {
        turns::idle(t, || std::thread::sleep(Duration::from_millis(1)));
        if t.breaker.stopped() {
            break;
        }
    }
    t.poll()?;
    Ok(Value::NONE)
}

/// `pthread_sigmask(how, mask)`.
pub fn mask(t: &Thread, a: &[Value]) -> Res {
    let how = convert::to_i32(t, &a[0])?;
    let signals = signals_of(t, &a[1])?;
    permit(t)?;
    let old = system::mask(how, &signals).map_err(|e| fail(t, e))?;
    // A signal that was held back comes now.
    t.poll()?;
    set_of(t, old)
}

/// `pthread_kill(thread_id, signalnum)`.
pub fn pthread_kill(t: &Thread, a: &[Value]) -> Res {
    let id = convert::to_u64(t, &a[0])?;
    let n = convert::to_i32(t, &a[1])?;
    permit(t)?;
    world::permit(t, Access::Process, None)?;
    if id != turns::current() && id != turns::main(t) && !turns::alive(t).contains(&id) {
        return Err(fail(t, libc::ESRCH));
    }
    let Some(id) = crate::kernel::signals::os_thread(id) else { return Err(fail(t, libc::ESRCH)) };
    system::to_thread(id, n).map_err(|e| fail(t, e))?;
    t.poll()?;
    Ok(Value::NONE)
}

/// `sigpending()`.
pub fn pending(t: &Thread, _: &[Value]) -> Res {
    set_of(t, system::pending().map_err(|e| fail(t, e))?)
}

/// Waits for one of the signals, looking up meanwhile; `None` when the time is over.
fn wait(t: &Thread, signals: &[i32], end: Option<Instant>) -> Res<Option<libc::siginfo_t>> {
    permit(t)?;
    loop {
        t.poll()?;
        let left = end.map_or(world::SLICE, |e| e.saturating_duration_since(Instant::now()));
        match turns::idle(t, || system::wait(signals, left.min(world::SLICE))) {
            Ok(info) => return Ok(Some(info)),
            Err(libc::EAGAIN) if end.is_some_and(|e| Instant::now() >= e) => return Ok(None),
            Err(libc::EAGAIN | libc::EINTR) => {}
            Err(e) => return Err(fail(t, e)),
        }
    }
}

/// `sigwait(sigset)`.
pub fn sigwait(t: &Thread, a: &[Value]) -> Res {
    let signals = signals_of(t, &a[0])?;
    Ok(wait(t, &signals, None)?.map_or(Value::NONE, |info| Value::small(info.si_signo.into())))
}

fn shown(t: &Thread, info: &libc::siginfo_t) -> Res {
    // SAFETY: the fields of every union member are plain numbers, and the kernel filled the struct or left zeros.
    let (pid, uid, status) = unsafe { (info.si_pid(), info.si_uid(), info.si_status()) };
    // The band lies where the pid does, as a long.
    let band = if info.si_signo == libc::SIGPOLL { i64::from(pid) } else { 0 };
    let fields = [
        info.si_signo.into(),
        info.si_code.into(),
        info.si_errno.into(),
        i64::from(pid),
        i64::from(uid),
        i64::from(status),
        band,
    ];
    ss::new(t, &SIGINFO, fields.iter().map(|n| Value::small(*n)).collect())
}

/// `sigwaitinfo(sigset)`.
pub fn sigwaitinfo(t: &Thread, a: &[Value]) -> Res {
    let signals = signals_of(t, &a[0])?;
    wait(t, &signals, None)?.map_or(Ok(Value::NONE), |info| shown(t, &info))
}

/// `sigtimedwait(sigset, timeout)`.
pub fn sigtimedwait(t: &Thread, a: &[Value]) -> Res {
    let ns = time::duration(t, &a[1])?;
    let Ok(ns) = u64::try_from(ns) else { return Err(error::value_error(t, "timeout must be non-negative")) };
    let signals = signals_of(t, &a[0])?;
    let end = Instant::now().checked_add(Duration::from_nanos(ns));
    wait(t, &signals, end)?.map_or(Ok(Value::NONE), |info| shown(t, &info))
}

/// `pidfd_send_signal(pidfd, signalnum, siginfo, flags)`.
pub fn pidfd_send_signal(t: &Thread, a: &[Value]) -> Res {
    let (fd, n) = (convert::to_i32(t, &a[0])?, convert::to_i32(t, &a[1])?);
    if a[2].non_none().is_some() {
        return Err(error::type_error(t, "siginfo must be None"));
    }
    let flags = a[3].opt().map_or(Ok(0), |v| convert::to_i32(t, v))?;
    world::permit(t, Access::Process, None)?;
    system::to_pidfd(fd, n, flags as u32).map_err(|e| fail(t, e))?;
    t.poll()?;
    Ok(Value::NONE)
}
