//! Terminals: pseudo-terminals, names, process groups, settings.

use super::{Sys, check, done, errno, given};
use std::ffi::CStr;
use std::mem::MaybeUninit;

/// posix_openpt(3).
pub fn open_master(flags: i32) -> Sys<i32> {
    // SAFETY: a plain number.
    check(unsafe { libc::posix_openpt(flags) }).map(|fd| fd as i32)
}

/// grantpt(3).
pub fn grant(fd: i32) -> Sys<()> {
    // SAFETY: a plain number.
    done(unsafe { libc::grantpt(fd) })
}

/// unlockpt(3).
pub fn unlock(fd: i32) -> Sys<()> {
    // SAFETY: a plain number.
    done(unsafe { libc::unlockpt(fd) })
}

/// ptsname(3).
pub fn slave_name(fd: i32) -> Sys<Vec<u8>> {
    named(|room, len| {
        // SAFETY: the room is writable for its length.
        unsafe { libc::ptsname_r(fd, room, len) }
    })
}

/// ttyname(3).
pub fn name(fd: i32) -> Sys<Vec<u8>> {
    named(|room, len| {
        // SAFETY: the room is writable for its length.
        unsafe { libc::ttyname_r(fd, room, len) }
    })
}

fn named(f: impl FnOnce(*mut libc::c_char, usize) -> i32) -> Sys<Vec<u8>> {
    let mut room = [0_u8; 256];
    given(f(room.as_mut_ptr().cast(), room.len()))?;
    Ok(CStr::from_bytes_until_nul(&room).map(|s| s.to_bytes().to_vec()).unwrap_or_default())
}

/// openpty(3): master and slave, both close-on-exec.
pub fn open_pair() -> Sys<[i32; 2]> {
    let master = open_master(libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC)?;
    let slave = || {
        grant(master)?;
        unlock(master)?;
        let name = std::ffi::CString::new(slave_name(master)?).map_err(|_| libc::EINVAL)?;
        super::open_at(libc::AT_FDCWD, &name, libc::O_RDWR | libc::O_NOCTTY, 0)
    };
    match slave() {
        Ok(slave) => Ok([master, slave]),
        Err(e) => {
            // The pair was not made; what matters is why.
            let _ = super::close(master);
            Err(e)
        }
    }
}

/// login_tty(3): `fd` becomes the controlling terminal and streams 0, 1 and 2.
pub fn log_in(fd: i32) -> Sys<()> {
    super::setsid()?;
    // SAFETY: the request takes a number.
    done(unsafe { libc::ioctl(fd, libc::TIOCSCTTY, 0) })?;
    for to in 0..3 {
        super::dup2(fd, to)?;
    }
    if fd > 2 { super::close(fd) } else { Ok(()) }
}

/// forkpty(3): the child's pid (0 in the child) and the master.
pub fn fork_with_terminal() -> Sys<(i32, i32)> {
    let [master, slave] = open_pair()?;
    match super::spawn::fork() {
        Ok(0) => {
            super::close(master)?;
            log_in(slave)?;
            Ok((0, -1))
        }
        made => {
            super::close(slave)?;
            made.map(|pid| (pid, master))
        }
    }
}

/// tcgetpgrp(3).
pub fn group(fd: i32) -> Sys<i64> {
    // SAFETY: a plain number.
    check(unsafe { libc::tcgetpgrp(fd) })
}

/// tcsetpgrp(3).
pub fn set_group(fd: i32, group: i32) -> Sys<i64> {
    // SAFETY: plain numbers.
    check(unsafe { libc::tcsetpgrp(fd, group) })
}

/// tcgetattr(3).
pub fn settings(fd: i32) -> Sys<libc::termios> {
    let mut made = MaybeUninit::zeroed();
    // SAFETY: filled when the call succeeds.
    unsafe { done(libc::tcgetattr(fd, made.as_mut_ptr())).map(|()| made.assume_init()) }
}

/// tcsetattr(3).
pub fn set_settings(fd: i32, when: i32, settings: &libc::termios) -> Sys<()> {
    // SAFETY: the settings are complete.
    done(unsafe { libc::tcsetattr(fd, when, settings) })
}

/// tcsendbreak(3), tcdrain(3), tcflush(3), tcflow(3).
pub fn control(what: Control, fd: i32, arg: i32) -> Sys<()> {
    // SAFETY: plain numbers.
    done(unsafe {
        match what {
            Control::Break => libc::tcsendbreak(fd, arg),
            Control::Drain => libc::tcdrain(fd),
            Control::Flush => libc::tcflush(fd, arg),
            Control::Flow => libc::tcflow(fd, arg),
        }
    })
}

/// Which of the terminal's controls.
#[derive(Clone, Copy, Debug)]
pub enum Control {
    /// A break.
    Break,
    /// Waits until all is sent.
    Drain,
    /// Drops what waits.
    Flush,
    /// Stops or starts.
    Flow,
}

/// Input and output speed.
pub fn speeds(settings: &libc::termios) -> (u32, u32) {
    // SAFETY: the settings are complete.
    unsafe { (libc::cfgetispeed(settings), libc::cfgetospeed(settings)) }
}

/// Sets both speeds.
pub fn set_speeds(settings: &mut libc::termios, input: u32, output: u32) -> Sys<()> {
    // SAFETY: the settings are complete.
    unsafe {
        done(libc::cfsetispeed(settings, input))?;
        done(libc::cfsetospeed(settings, output))
    }
}

/// ioctl(TIOCSWINSZ).
pub fn set_window(fd: i32, rows: u16, columns: u16) -> Sys<()> {
    let size = libc::winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    // SAFETY: the struct is complete.
    done(unsafe { libc::ioctl(fd, libc::TIOCSWINSZ, &size) })
}

/// ioctl(2) with a number.
pub fn ioctl_number(fd: i32, request: u64, arg: i64) -> Sys<i64> {
    // SAFETY: a request that takes an address will find a number there, which the kernel refuses (EFAULT) or, if it is
    // a mapped address, treats as the caller's memory: only hosts that give the whole process away permit it.
    let r = unsafe { libc::ioctl(fd, request as _, arg) };
    if r < 0 { Err(errno()) } else { Ok(r.into()) }
}

/// ioctl(2) with memory to read and write.
pub fn ioctl_memory(fd: i32, request: u64, room: &mut [u8]) -> Sys<i64> {
    // SAFETY: as in `ioctl_number`; the room is what the guest says is large enough for its request.
    let r = unsafe { libc::ioctl(fd, request as _, room.as_mut_ptr()) };
    if r < 0 { Err(errno()) } else { Ok(r.into()) }
}

/// fcntl(2) with memory to read and write.
pub fn fcntl_memory(fd: i32, command: i32, room: &mut [u8]) -> Sys<i64> {
    // SAFETY: as in `ioctl_memory`.
    let r = unsafe { libc::fcntl(fd, command, room.as_mut_ptr()) };
    if r < 0 { Err(errno()) } else { Ok(r.into()) }
}
