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
    state: Mutex<State>,
    bell: Condvar,
}

#[derive(Debug)]
struct State {
    crossing: usize,
    /// So many wait until nobody crosses; in a copy, those who waited beside who made it still count, for whom it rings in vain.
    waiting: usize,
}

impl Crossings {
    const_fn! {
        /// Nobody crosses.
        pub fn new() -> Self {
            Self { state: Mutex::new(State { crossing: 0, waiting: 0 }), bell: Condvar::new() }
        }
    }

    /// A thread is about to begin, or to end. It waits for nothing of ours until it has: whoever copies may hold it.
    pub fn enter(&self) {
        self.state.lock().crossing += 1;
    }

    /// It has begun, or ended.
    pub fn leave(&self) {
        let mut state = self.state.lock();
        state.crossing -= 1;
        // To ring is a call of the system, and hardly ever does anybody wait.
        if state.crossing == 0 && state.waiting > 0 {
            self.bell.notify_all();
        }
    }

    /// Runs `f`, which copies the process by fork, while nobody crosses.
    pub fn copying<R>(&self, f: impl FnOnce() -> R) -> R {
        let mut state = self.state.lock();
        while state.crossing != 0 && !planted(Mutant::CopyUngated) {
            let me = usize::from(!planted(Mutant::CopyUncounted));
            state.waiting += me;
            state = self.bell.wait(state);
            state.waiting -= me;
        }
        f()
    }
}

impl Default for Crossings {
    fn default() -> Self {
        Self::new()
    }
}
