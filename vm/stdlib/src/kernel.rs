//! System calls on file descriptors and paths, as safe functions: the one place of this crate that calls libc.
//!
//! Descriptors come from guest code as plain numbers, so they are passed as such: a wrong one is the kernel's to refuse.
//! Errors are errno numbers.

/// Declares system calls that take numbers and C strings only.
macro_rules! calls {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $ty:ty),*) = $call:expr;)*) => {$(
        $(#[$doc])*
        pub fn $name($($arg: $ty),*) -> Sys<i64> {
            // SAFETY: numbers, and C strings that live over the call.
            check(unsafe { $call } as i64)
        }
    )*};
}

pub mod actions;
mod clock;
pub mod ids;
pub mod linux;
pub mod memory;
pub mod names;
pub mod semaphore;
pub mod signals;
pub mod sockets;
pub mod spawn;
pub mod terminal;
pub mod users;

pub use clock::*;
use std::ffi::CStr;
use std::mem::MaybeUninit;

/// A result whose error is an errno.
pub type Sys<T> = Result<T, i32>;

/// The calling thread's errno.
pub fn errno() -> i32 {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(0)
}

fn check(r: impl Into<i64>) -> Sys<i64> {
    let r = r.into();
    if r < 0 { Err(errno()) } else { Ok(r) }
}

fn done(r: i32) -> Sys<()> {
    check(r).map(|_| ())
}

/// A result of a call that gives its errno instead of setting it.
fn given(r: i32) -> Sys<()> {
    if r == 0 { Ok(()) } else { Err(r) }
}

/// read(2).
pub fn read(fd: i32, to: &mut [u8]) -> Sys<usize> {
    // SAFETY: the buffer is writable for its length.
    check(unsafe { libc::read(fd, to.as_mut_ptr().cast(), to.len()) } as i64).map(|n| n as usize)
}

/// write(2).
pub fn write(fd: i32, from: &[u8]) -> Sys<usize> {
    // SAFETY: the buffer is readable for its length.
    check(unsafe { libc::write(fd, from.as_ptr().cast(), from.len()) } as i64).map(|n| n as usize)
}

/// pread(2).
pub fn pread(fd: i32, to: &mut [u8], at: i64) -> Sys<usize> {
    // SAFETY: the buffer is writable for its length.
    check(unsafe { libc::pread(fd, to.as_mut_ptr().cast(), to.len(), at) } as i64).map(|n| n as usize)
}

/// pwrite(2).
pub fn pwrite(fd: i32, from: &[u8], at: i64) -> Sys<usize> {
    // SAFETY: the buffer is readable for its length.
    check(unsafe { libc::pwrite(fd, from.as_ptr().cast(), from.len(), at) } as i64).map(|n| n as usize)
}

/// close(2).
pub fn close(fd: i32) -> Sys<()> {
    // SAFETY: closing is the guest's decision; this crate keeps no descriptors that the guest does not own.
    done(unsafe { libc::close(fd) })
}

/// openat(2), close-on-exec.
pub fn open_at(dir: i32, path: &CStr, flags: i32, mode: u32) -> Sys<i32> {
    // SAFETY: the path is a C string.
    check(unsafe { libc::openat(dir, path.as_ptr(), flags | libc::O_CLOEXEC, mode) }).map(|fd| fd as i32)
}

/// lseek(2).
pub fn lseek(fd: i32, offset: i64, whence: i32) -> Sys<i64> {
    // SAFETY: plain numbers.
    check(unsafe { libc::lseek(fd, offset, whence) })
}

/// What stat(2) would tell of nothing at all.
pub fn blank_stat() -> libc::stat {
    // SAFETY: plain numbers, for which zeros are values.
    unsafe { std::mem::zeroed() }
}

/// fstat(2).
pub fn fstat(fd: i32) -> Sys<libc::stat> {
    let mut st = MaybeUninit::uninit();
    // SAFETY: the kernel fills the struct when it succeeds.
    unsafe { done(libc::fstat(fd, st.as_mut_ptr())).map(|()| st.assume_init()) }
}

/// fstatat(2).
pub fn stat_at(dir: i32, path: &CStr, flags: i32) -> Sys<libc::stat> {
    let mut st = MaybeUninit::uninit();
    // SAFETY: the path is a C string; the kernel fills the struct when it succeeds.
    unsafe { done(libc::fstatat(dir, path.as_ptr(), st.as_mut_ptr(), flags)).map(|()| st.assume_init()) }
}

/// ftruncate(2).
pub fn ftruncate(fd: i32, len: i64) -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe { libc::ftruncate(fd, len) })
}

/// isatty(3).
pub fn isatty(fd: i32) -> bool {
    // SAFETY: a plain number.
    unsafe { libc::isatty(fd) == 1 }
}

/// poll(2), with a timeout in milliseconds.
pub fn poll(fds: &mut [libc::pollfd], timeout: i32) -> Sys<usize> {
    // SAFETY: the slice is valid for its length.
    check(unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout) }).map(|n| n as usize)
}

/// fcntl(F_GETFL).
pub fn get_flags(fd: i32) -> Sys<i32> {
    // SAFETY: plain numbers.
    check(unsafe { libc::fcntl(fd, libc::F_GETFL) }).map(|n| n as i32)
}

/// fcntl(F_SETFL).
pub fn set_flags(fd: i32, flags: i32) -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe { libc::fcntl(fd, libc::F_SETFL, flags) })
}

calls! {
    /// mkdirat(2).
    mkdir_at(dir: i32, path: &CStr, mode: u32) = libc::mkdirat(dir, path.as_ptr(), mode);
    /// unlinkat(2).
    unlink_at(dir: i32, path: &CStr, flags: i32) = libc::unlinkat(dir, path.as_ptr(), flags);
    /// renameat(2).
    rename_at(from_dir: i32, from: &CStr, to_dir: i32, to: &CStr) = libc::renameat(from_dir, from.as_ptr(), to_dir, to.as_ptr());
    /// linkat(2).
    link_at(from_dir: i32, from: &CStr, to_dir: i32, to: &CStr, flags: i32) = libc::linkat(from_dir, from.as_ptr(), to_dir, to.as_ptr(), flags);
    /// symlinkat(2).
    symlink_at(target: &CStr, dir: i32, path: &CStr) = libc::symlinkat(target.as_ptr(), dir, path.as_ptr());
    /// mkfifoat(3).
    mkfifo_at(dir: i32, path: &CStr, mode: u32) = libc::mkfifoat(dir, path.as_ptr(), mode);
    /// mknodat(2).
    mknod_at(dir: i32, path: &CStr, mode: u32, device: u64) = libc::mknodat(dir, path.as_ptr(), mode, device);
    /// fchmodat(2).
    chmod_at(dir: i32, path: &CStr, mode: u32, flags: i32) = libc::fchmodat(dir, path.as_ptr(), mode, flags);
    /// fchmod(2).
    fchmod(fd: i32, mode: u32) = libc::fchmod(fd, mode);
    /// fchownat(2).
    chown_at(dir: i32, path: &CStr, user: u32, group: u32, flags: i32) = libc::fchownat(dir, path.as_ptr(), user, group, flags);
    /// fchown(2).
    fchown(fd: i32, user: u32, group: u32) = libc::fchown(fd, user, group);
    /// faccessat(2).
    access_at(dir: i32, path: &CStr, mode: i32, flags: i32) = libc::faccessat(dir, path.as_ptr(), mode, flags);
    /// truncate(2).
    truncate(path: &CStr, len: i64) = libc::truncate(path.as_ptr(), len);
    /// chdir(2).
    chdir(path: &CStr) = libc::chdir(path.as_ptr());
    /// fchdir(2).
    fchdir(fd: i32) = libc::fchdir(fd);
    /// dup(2), close-on-exec.
    dup(fd: i32) = libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, 0);
    /// dup2(2).
    dup2(fd: i32, to: i32) = libc::dup2(fd, to);
    /// dup3(2).
    dup3(fd: i32, to: i32, flags: i32) = libc::dup3(fd, to, flags);
    /// fsync(2).
    fsync(fd: i32) = libc::fsync(fd);
    /// fdatasync(2).
    fdatasync(fd: i32) = libc::fdatasync(fd);
    /// posix_fallocate(3), its error as the answer.
    fallocate(fd: i32, offset: i64, len: i64) = libc::posix_fallocate(fd, offset, len);
    /// posix_fadvise(2), its error as the answer.
    fadvise(fd: i32, offset: i64, len: i64, advice: i32) = libc::posix_fadvise(fd, offset, len, advice);
    /// memfd_create(2).
    memfd(name: &CStr, flags: u32) = libc::memfd_create(name.as_ptr(), flags);
    /// eventfd(2).
    eventfd(value: u32, flags: i32) = libc::eventfd(value, flags);
    /// lockf(3).
    lockf(fd: i32, command: i32, len: i64) = libc::lockf(fd, command, len);
    /// fcntl(2) with a number.
    fcntl(fd: i32, command: i32, arg: i64) = libc::fcntl(fd, command, arg);
    /// flock(2).
    flock(fd: i32, operation: i32) = libc::flock(fd, operation);
    /// umask(2).
    umask(mask: u32) = libc::umask(mask);
    /// kill(2).
    kill(pid: i32, signal: i32) = libc::kill(pid, signal);
    /// killpg(3).
    killpg(group: i32, signal: i32) = libc::killpg(group, signal);
    /// raise(3).
    raise(signal: i32) = libc::raise(signal);
    /// getpid(2).
    getpid() = libc::getpid();
    /// getppid(2).
    getppid() = libc::getppid();
    /// getuid(2).
    getuid() = libc::getuid();
    /// geteuid(2).
    geteuid() = libc::geteuid();
    /// getgid(2).
    getgid() = libc::getgid();
    /// getegid(2).
    getegid() = libc::getegid();
    /// getpgid(2).
    getpgid(pid: i32) = libc::getpgid(pid);
    /// setpgid(2).
    setpgid(pid: i32, group: i32) = libc::setpgid(pid, group);
    /// getsid(2).
    getsid(pid: i32) = libc::getsid(pid);
    /// setsid(2).
    setsid() = libc::setsid();
    /// sched_yield(2).
    sched_yield() = libc::sched_yield();
    /// sched_get_priority_max(2).
    priority_max(policy: i32) = libc::sched_get_priority_max(policy);
    /// sched_get_priority_min(2).
    priority_min(policy: i32) = libc::sched_get_priority_min(policy);
    /// pidfd_open(2).
    pidfd_open(pid: i32, flags: u32) = libc::syscall(libc::SYS_pidfd_open, pid, flags);
    /// gettid(2).
    gettid() = libc::syscall(libc::SYS_gettid);
    /// copy_file_range(2) at the files' own positions.
    copy_range(from: i32, to: i32, len: usize) = libc::copy_file_range(from, std::ptr::null_mut(), to, std::ptr::null_mut(), len, 0);
    /// sendfile(2) at the source's own position.
    sendfile_here(to: i32, from: i32, len: usize) = libc::sendfile(to, from, std::ptr::null_mut(), len);
}

/// fcntl(F_SETLK): a lock of a range, not waiting.
pub fn lock_range(fd: i32, kind: i16, whence: i16, start: i64, len: i64) -> Sys<i64> {
    let lock = libc::flock { l_type: kind, l_whence: whence, l_start: start, l_len: len, l_pid: 0 };
    // SAFETY: the struct is complete.
    check(unsafe { libc::fcntl(fd, libc::F_SETLK, &lock) })
}

/// sendfile(2) from an offset.
pub fn sendfile(to: i32, from: i32, offset: i64, len: usize) -> Sys<usize> {
    let mut offset = offset;
    // SAFETY: the offset lives over the call.
    check(unsafe { libc::sendfile(to, from, &mut offset, len) } as i64).map(|n| n as usize)
}

/// pipe2(2), close-on-exec.
pub fn pipe(flags: i32) -> Sys<[i32; 2]> {
    let mut fds = [0; 2];
    // SAFETY: room for two descriptors.
    done(unsafe { libc::pipe2(fds.as_mut_ptr(), flags) }).map(|()| fds)
}

/// readlinkat(2).
pub fn readlink_at(dir: i32, path: &CStr) -> Sys<Vec<u8>> {
    let mut room = vec![0_u8; 4096];
    // SAFETY: the room is writable for its length.
    let n = check(unsafe { libc::readlinkat(dir, path.as_ptr(), room.as_mut_ptr().cast(), room.len()) } as i64)?;
    room.truncate(n as usize);
    Ok(room)
}

/// utimensat(2), or futimens(3) of `fd`.
pub fn set_times(dir: i32, path: &CStr, fd: Option<i32>, times: [(i64, i64); 2], flags: i32) -> Sys<()> {
    let times = times.map(|(s, ns)| libc::timespec { tv_sec: s, tv_nsec: ns });
    // SAFETY: the path is a C string, and there are two times.
    done(unsafe {
        match fd {
            Some(fd) => libc::futimens(fd, times.as_ptr()),
            None => libc::utimensat(dir, path.as_ptr(), times.as_ptr(), flags),
        }
    })
}

/// fstatvfs(3), or statvfs(3) of `path`.
pub fn statvfs(path: &CStr, fd: Option<i32>) -> Sys<libc::statvfs> {
    let mut st = MaybeUninit::uninit();
    // SAFETY: the struct is filled when the call succeeds.
    unsafe {
        done(match fd {
            Some(fd) => libc::fstatvfs(fd, st.as_mut_ptr()),
            None => libc::statvfs(path.as_ptr(), st.as_mut_ptr()),
        })
        .map(|()| st.assume_init())
    }
}

/// nice(2): the new value, which may be negative.
pub fn nice(by: i32) -> Sys<i64> {
    // SAFETY: sets and reads the calling thread's errno, and passes a number.
    unsafe {
        *libc::__errno_location() = 0;
        let n = i64::from(libc::nice(by));
        if n == -1 && errno() != 0 { Err(errno()) } else { Ok(n) }
    }
}

/// sysconf(3); `None` where there is no limit.
pub fn sysconf(name: i32) -> Sys<i64> {
    // SAFETY: errno is the thread's own; the call takes a number.
    unsafe {
        *libc::__errno_location() = 0;
        let n = libc::sysconf(name);
        if n == -1 && errno() != 0 { Err(errno()) } else { Ok(n) }
    }
}

/// pathconf(3) or fpathconf(3).
pub fn pathconf(path: &CStr, fd: Option<i32>, name: i32) -> Sys<i64> {
    // SAFETY: errno is the thread's own; the path is a C string.
    unsafe {
        *libc::__errno_location() = 0;
        let n = match fd {
            Some(fd) => libc::fpathconf(fd, name),
            None => libc::pathconf(path.as_ptr(), name),
        };
        if n == -1 && errno() != 0 { Err(errno()) } else { Ok(n) }
    }
}

/// wait4(2): pid, status, usage.
pub fn wait4(pid: i32, options: i32) -> Sys<(i32, i32, libc::rusage)> {
    let mut status = 0;
    let mut usage = MaybeUninit::zeroed();
    // SAFETY: the kernel fills both when a child was found; zeros are valid where not.
    unsafe {
        let pid = check(libc::wait4(pid, &mut status, options, usage.as_mut_ptr()))?;
        Ok((pid as i32, status, usage.assume_init()))
    }
}

/// times(2), in clock ticks: user, system, children's user, children's system, elapsed.
pub fn times() -> [i64; 5] {
    let mut t = MaybeUninit::<libc::tms>::zeroed();
    // SAFETY: zeros are valid, and the kernel fills the struct.
    unsafe {
        let elapsed = libc::times(t.as_mut_ptr());
        let t = t.assume_init();
        [t.tms_utime, t.tms_stime, t.tms_cutime, t.tms_cstime, elapsed]
    }
}

/// uname(2): system, node, release, version, machine.
pub fn uname() -> Sys<[String; 5]> {
    let mut u = MaybeUninit::<libc::utsname>::zeroed();
    // SAFETY: the kernel fills the fields with C strings.
    unsafe {
        done(libc::uname(u.as_mut_ptr()))?;
        let u = u.assume_init();
        let text = |field: &[libc::c_char]| CStr::from_ptr(field.as_ptr()).to_string_lossy().into_owned();
        Ok([text(&u.sysname), text(&u.nodename), text(&u.release), text(&u.version), text(&u.machine)])
    }
}

/// The processors this process may run on.
pub fn affinity(pid: i32) -> Sys<Vec<usize>> {
    let mut set = MaybeUninit::<libc::cpu_set_t>::zeroed();
    // SAFETY: the kernel fills the set, whose size is given.
    unsafe {
        done(libc::sched_getaffinity(pid, size_of::<libc::cpu_set_t>(), set.as_mut_ptr()))?;
        let set = set.assume_init();
        Ok((0..libc::CPU_SETSIZE as usize).filter(|&i| libc::CPU_ISSET(i, &set)).collect())
    }
}

/// ioctl(TIOCGWINSZ): columns, lines.
pub fn window_size(fd: i32) -> Sys<(u16, u16)> {
    let mut size = libc::winsize { ws_row: 0, ws_col: 0, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the kernel fills the struct.
    done(unsafe { libc::ioctl(fd, libc::TIOCGWINSZ, &mut size) }).map(|()| (size.ws_col, size.ws_row))
}

/// _exit(2).
pub fn exit_now(status: i32) -> ! {
    // SAFETY: ends the process; nothing runs afterwards.
    unsafe { libc::_exit(status) }
}

/// setenv(3), or unsetenv(3) without a value.
pub fn set_variable(name: &[u8], value: Option<&[u8]>) -> Sys<()> {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    let bad = |text: &[u8]| text.contains(&0);
    if name.is_empty() || name.contains(&b'=') || bad(name) || value.is_some_and(bad) {
        return Err(libc::EINVAL);
    }
    // SAFETY: only hosts that give the whole process to one isolate permit it (`Access::ProcessState`), and Rust's own
    // lock keeps its readers apart.
    unsafe {
        match value {
            Some(value) => std::env::set_var(OsStr::from_bytes(name), OsStr::from_bytes(value)),
            None => std::env::remove_var(OsStr::from_bytes(name)),
        }
    }
    Ok(())
}

/// getgroups(2).
pub fn groups() -> Sys<Vec<u32>> {
    let mut room = vec![0; 1 << 10];
    // SAFETY: the room holds as many ids as is said.
    let n = check(unsafe { libc::getgroups(room.len() as i32, room.as_mut_ptr()) })?;
    room.truncate(n as usize);
    Ok(room)
}

/// getloadavg(3).
pub fn load() -> Option<[f64; 3]> {
    let mut out = [0.0; 3];
    // SAFETY: room for three.
    if unsafe { libc::getloadavg(out.as_mut_ptr(), 3) } == 3 { Some(out) } else { None }
}

/// confstr(3); `None` if it has no value.
pub fn confstr(name: i32) -> Sys<Option<Vec<u8>>> {
    let mut room = vec![0_u8; 4096];
    // SAFETY: errno is the thread's own; the room is writable for its length.
    unsafe {
        *libc::__errno_location() = 0;
        let n = libc::confstr(name, room.as_mut_ptr().cast(), room.len());
        if n == 0 {
            return if errno() == 0 { Ok(None) } else { Err(errno()) };
        }
        room.truncate(n.min(room.len()) - 1);
        Ok(Some(room))
    }
}
