//! Ids, groups, priorities and scheduling of processes.

use super::{Sys, check, done, errno};
use std::ffi::CStr;
use std::mem::MaybeUninit;

calls! {
    /// setuid(2).
    setuid(id: u32) = libc::setuid(id);
    /// seteuid(2).
    seteuid(id: u32) = libc::seteuid(id);
    /// setgid(2).
    setgid(id: u32) = libc::setgid(id);
    /// setegid(2).
    setegid(id: u32) = libc::setegid(id);
    /// setreuid(2).
    setreuid(real: u32, effective: u32) = libc::setreuid(real, effective);
    /// setregid(2).
    setregid(real: u32, effective: u32) = libc::setregid(real, effective);
    /// setresuid(2).
    setresuid(real: u32, effective: u32, saved: u32) = libc::setresuid(real, effective, saved);
    /// setresgid(2).
    setresgid(real: u32, effective: u32, saved: u32) = libc::setresgid(real, effective, saved);
    /// initgroups(3).
    init_groups(user: &CStr, group: u32) = libc::initgroups(user.as_ptr(), group);
    /// setpriority(2).
    set_priority(which: i32, who: u32, to: i32) = libc::setpriority(which as _, who, to);
    /// sched_getscheduler(2).
    scheduler(pid: i32) = libc::sched_getscheduler(pid);
    /// chroot(2).
    chroot(path: &CStr) = libc::chroot(path.as_ptr());
    /// unshare(2).
    unshare(flags: i32) = libc::unshare(flags);
    /// setns(2).
    setns(fd: i32, kind: i32) = libc::setns(fd, kind);
}

/// sync(2).
pub fn sync() {
    // SAFETY: takes nothing.
    unsafe { libc::sync() }
}

/// getpriority(2).
pub fn priority(which: i32, who: u32) -> Sys<i64> {
    // SAFETY: errno is the thread's own; the call takes numbers, and -1 is an answer unless errno says otherwise.
    unsafe {
        *libc::__errno_location() = 0;
        let n = libc::getpriority(which as _, who);
        if n == -1 && errno() != 0 { Err(errno()) } else { Ok(n.into()) }
    }
}

/// getresuid(2).
pub fn getresuid() -> Sys<[u32; 3]> {
    let [mut r, mut e, mut s] = [0; 3];
    // SAFETY: three numbers to fill.
    done(unsafe { libc::getresuid(&mut r, &mut e, &mut s) }).map(|()| [r, e, s])
}

/// getresgid(2).
pub fn getresgid() -> Sys<[u32; 3]> {
    let [mut r, mut e, mut s] = [0; 3];
    // SAFETY: three numbers to fill.
    done(unsafe { libc::getresgid(&mut r, &mut e, &mut s) }).map(|()| [r, e, s])
}

/// getgrouplist(3).
pub fn group_list(user: &CStr, group: u32) -> Sys<Vec<u32>> {
    let mut room = vec![0; 1 << 12];
    let mut n = room.len() as i32;
    // SAFETY: the room holds as many ids as is said.
    if unsafe { libc::getgrouplist(user.as_ptr(), group, room.as_mut_ptr(), &mut n) } < 0 {
        return Err(libc::ERANGE);
    }
    room.truncate(n as usize);
    Ok(room)
}

fn param_of(priority: i32) -> libc::sched_param {
    // SAFETY: zeros are valid.
    let mut made: libc::sched_param = unsafe { MaybeUninit::zeroed().assume_init() };
    made.sched_priority = priority;
    made
}

/// sched_getparam(2).
pub fn param(pid: i32) -> Sys<i32> {
    let mut made = param_of(0);
    // SAFETY: filled by the call.
    done(unsafe { libc::sched_getparam(pid, &mut made) }).map(|()| made.sched_priority)
}

/// sched_setparam(2).
pub fn set_param(pid: i32, priority: i32) -> Sys<()> {
    // SAFETY: the struct is complete.
    done(unsafe { libc::sched_setparam(pid, &param_of(priority)) })
}

/// sched_setscheduler(2).
pub fn set_scheduler(pid: i32, policy: i32, priority: i32) -> Sys<()> {
    // SAFETY: the struct is complete.
    done(unsafe { libc::sched_setscheduler(pid, policy, &param_of(priority)) })
}

/// sched_rr_get_interval(2), in seconds.
pub fn round(pid: i32) -> Sys<f64> {
    let mut ts = MaybeUninit::<libc::timespec>::zeroed();
    // SAFETY: filled when the call succeeds.
    unsafe {
        done(libc::sched_rr_get_interval(pid, ts.as_mut_ptr()))?;
        let ts = ts.assume_init();
        Ok(ts.tv_sec as f64 + ts.tv_nsec as f64 * 1e-9)
    }
}

/// sched_setaffinity(2).
pub fn set_affinity(pid: i32, cpus: &[usize]) -> Sys<()> {
    // SAFETY: zeros are an empty set.
    let mut set: libc::cpu_set_t = unsafe { MaybeUninit::zeroed().assume_init() };
    for &cpu in cpus {
        if cpu >= libc::CPU_SETSIZE as usize {
            return Err(libc::EINVAL);
        }
        // SAFETY: within the set.
        unsafe { libc::CPU_SET(cpu, &mut set) };
    }
    // SAFETY: the set's size is given.
    check(unsafe { libc::sched_setaffinity(pid, size_of::<libc::cpu_set_t>(), &set) }).map(drop)
}

/// getrusage(2).
pub fn usage(who: i32) -> Sys<libc::rusage> {
    let mut made = MaybeUninit::zeroed();
    // SAFETY: filled when the call succeeds.
    unsafe { done(libc::getrusage(who, made.as_mut_ptr())).map(|()| made.assume_init()) }
}

/// prlimit(2): (soft, hard) as they were.
pub fn limit(pid: i32, which: u32, new: Option<(u64, u64)>) -> Sys<(u64, u64)> {
    let new = new.map(|(soft, hard)| libc::rlimit { rlim_cur: soft, rlim_max: hard });
    let mut old = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structs are complete; the old one is filled when the call succeeds.
    done(unsafe {
        libc::prlimit(pid, which as _, new.as_ref().map_or(std::ptr::null(), std::ptr::from_ref), &mut old)
    })?;
    Ok((old.rlim_cur, old.rlim_max))
}
