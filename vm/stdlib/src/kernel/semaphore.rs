//! Named semaphores and memory, which processes share.

use super::{Sys, check, done, errno};
use std::ffi::CStr;

/// An open semaphore, as a number that a forked child may use too. Whoever opened it closes it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Semaphore(usize);

impl Semaphore {
    /// sem_open(3) of a new one.
    pub fn create(name: &CStr, value: u32) -> Sys<Self> {
        // SAFETY: a C string and numbers.
        let at = unsafe { libc::sem_open(name.as_ptr(), libc::O_CREAT | libc::O_EXCL, 0o600, value) };
        Self::of(at)
    }

    /// sem_open(3) of one that is there.
    pub fn open(name: &CStr) -> Sys<Self> {
        // SAFETY: a C string.
        Self::of(unsafe { libc::sem_open(name.as_ptr(), 0) })
    }

    fn of(at: *mut libc::sem_t) -> Sys<Self> {
        if at == libc::SEM_FAILED { Err(errno()) } else { Ok(Self(at as usize)) }
    }

    /// Its address, as `multiprocessing` shows it.
    pub fn number(self) -> usize {
        self.0
    }

    fn at(self) -> *mut libc::sem_t {
        self.0 as *mut libc::sem_t
    }

    /// sem_trywait(3).
    pub fn try_wait(self) -> Sys<()> {
        // SAFETY: open until `close`.
        done(unsafe { libc::sem_trywait(self.at()) })
    }

    /// sem_post(3).
    pub fn post(self) -> Sys<()> {
        // SAFETY: as above.
        done(unsafe { libc::sem_post(self.at()) })
    }

    /// sem_getvalue(3).
    pub fn value(self) -> Sys<i32> {
        let mut n = 0;
        // SAFETY: as above; the number is filled.
        check(unsafe { libc::sem_getvalue(self.at(), &mut n) }).map(|_| n.max(0))
    }

    /// sem_close(3); not used after.
    pub fn close(self) {
        // SAFETY: opened here, and the owner gives it up.
        unsafe { libc::sem_close(self.at()) };
    }
}

/// sem_unlink(3).
pub fn unlink(name: &CStr) -> Sys<()> {
    // SAFETY: a C string.
    done(unsafe { libc::sem_unlink(name.as_ptr()) })
}

/// shm_open(3): a descriptor that is closed when another program begins.
pub fn open_memory(name: &CStr, flags: i32, mode: u32) -> Sys<i32> {
    // SAFETY: a C string and numbers.
    check(unsafe { libc::shm_open(name.as_ptr(), flags | libc::O_CLOEXEC, mode) }).map(|fd| fd as i32)
}

/// shm_unlink(3).
pub fn unlink_memory(name: &CStr) -> Sys<()> {
    // SAFETY: a C string.
    done(unsafe { libc::shm_unlink(name.as_ptr()) })
}
