//! Crossings: threads that are just beginning or ending, and a fork that waits for them.
//!
//! Where a thread begins and ends, libraries below us take locks of their own: `std` to note its stack, the allocator to note its
//! heap. A copy of the process that is made in that moment has such a lock without the thread that would give it back, and the
//! next thread that begins in the copy waits for ever. So whoever copies waits until nobody crosses, and keeps others from it.

use crate::{
    const_fn,
    mutant::{Mutant, planted},
    sync::{Condvar, Mutex},
};

/// Counts those who cross.
#[derive(Debug)]
pub struct Crossings {
    crossing: Mutex<usize>,
    bell: Condvar,
}

impl Crossings {
    const_fn! {
        /// Nobody crosses.
        pub fn new() -> Self {
            Self { crossing: Mutex::new(0), bell: Condvar::new() }
        }
    }

    /// A thread is about to begin, or to end. It waits for nothing of ours until it has: whoever copies may hold it.
    pub fn enter(&self) {
        *self.crossing.lock() += 1;
    }

    /// It has begun, or ended.
    pub fn leave(&self) {
        let mut crossing = self.crossing.lock();
        *crossing -= 1;
        if *crossing == 0 {
            self.bell.notify_all();
        }
    }

    /// Runs `f`, which copies the process by fork, while nobody crosses.
    pub fn copying<R>(&self, f: impl FnOnce() -> R) -> R {
        let mut crossing = self.crossing.lock();
        while *crossing != 0 && !planted(Mutant::CopyUngated) {
            crossing = self.bell.wait(crossing);
        }
        f()
    }
}

impl Default for Crossings {
    fn default() -> Self {
        Self::new()
    }
}
