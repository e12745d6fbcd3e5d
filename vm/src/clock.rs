//! How much processor time a thread has used, read from another thread.

use std::mem::MaybeUninit;
use std::time::Duration;

/// The CPU clock of one thread. Meaningful while that thread lives.
#[derive(Clone, Copy, Debug)]
pub struct ThreadClock(libc::clockid_t);

impl ThreadClock {
    /// The calling thread's clock. `None` where the system has none.
    pub fn of_this_thread() -> Option<ThreadClock> {
        let mut id = MaybeUninit::uninit();
        // SAFETY: the calling thread is alive, and `id` is writable memory of the right type.
        let status = unsafe { libc::pthread_getcpuclockid(libc::pthread_self(), id.as_mut_ptr()) };
        // SAFETY: the call succeeded, so it wrote the id.
        (status == 0).then(|| ThreadClock(unsafe { id.assume_init() }))
    }

    /// Time used so far. `None` once the thread has ended.
    pub fn elapsed(self) -> Option<Duration> {
        let mut time = MaybeUninit::<libc::timespec>::uninit();
        // SAFETY: `time` is writable memory of the right type; a clock id that is no longer valid is an error, not UB.
        let status = unsafe { libc::clock_gettime(self.0, time.as_mut_ptr()) };
        if status != 0 {
            return None;
        }
        // SAFETY: the call succeeded, so it wrote the time.
        let time = unsafe { time.assume_init() };
        Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
    }
}
