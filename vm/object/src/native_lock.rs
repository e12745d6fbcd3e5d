//! The native lock: what lets the natives of an isolate run one at a time while its threads run at the same time.
//!
//! Where threads run in parallel, instructions over the core types protect themselves; everything else is written for one
//! thread at a time, and takes this lock first: calls of natives that do not say otherwise, operators over types that do not,
//! the ends of objects of such types. It is given up wherever Python code runs and wherever a turn would be. Between two
//! instructions no thread holds it. It is a [`Handover`](typhon_qsbr::handover::Handover), an isolate's own.

use crate::isolate::Isolate;
use crate::tally::Count;
use crate::thread::Thread;
use std::time::Instant;

/// So often a thread looks whether the lock is free before it sleeps.
const SPINS: u32 = 64;

impl Thread {
    /// Whether this is one of several threads that run at the same time.
    #[inline(always)]
    pub fn is_parallel(&self) -> bool {
        self.parallel.get()
    }

    /// Lets the isolate's threads run at the same time, once there are several. Before the second one begins.
    pub fn run_free(&self) {
        self.isolate.free.get_or_init(|| ());
    }

    /// Begins what one thread at a time may do. Whether the thread was in the middle of such already: to be told to
    /// [`Thread::leave_native`]. A thread that is alone is always: if it is not any more when that ends, whoever began before
    /// it goes on with the lock.
    #[inline(always)]
    pub fn enter_native(&self) -> bool {
        !self.is_parallel() || self.take_native()
    }

    /// As [`Thread::enter_native`], unless everything concerned protects itself.
    #[inline(always)]
    pub fn enter_native_unless(&self, guarded: impl FnOnce() -> bool) -> bool {
        if !self.is_parallel() {
            true
        } else if guarded() {
            self.native.get()
        } else {
            self.take_native()
        }
    }

    /// Does what one thread at a time may do.
    #[inline(always)]
    pub fn as_native<R>(&self, f: impl FnOnce() -> R) -> R {
        let was_in = self.enter_native();
        let out = f();
        self.leave_native(was_in);
        out
    }

    /// Ends what [`Thread::enter_native`] began.
    #[inline(always)]
    pub fn leave_native(&self, was_in: bool) {
        if !was_in && self.native.get() {
            self.give_native();
        }
    }

    /// The thread runs instructions from here on: whatever was begun is over, or goes on after it.
    #[inline(always)]
    pub fn out_of_native(&self) -> bool {
        let was_in = self.native.get();
        if was_in {
            self.give_native();
        }
        was_in
    }

    /// Takes the lock, if the thread has not got it; whether it had.
    #[inline(never)]
    pub fn take_native(&self) -> bool {
        if self.native.replace(true) {
            return true;
        }
        let lock = &self.isolate.native;
        if lock.try_take() {
            return false;
        }
        for _ in 0..SPINS {
            std::hint::spin_loop();
            if !lock.is_taken() && lock.try_take() {
                return false;
            }
        }
        let since = Instant::now();
        // Whoever has it may stop the world.
        self.offline();
        lock.wait(|| self.isolate.ask_others(self, Self::turn_request(since)));
        self.online();
        self.tally.add(Count::NativeWaits, 1);
        self.tally.add(Count::NativeWaitNs, u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX));
        false
    }

    #[inline(never)]
    fn give_native(&self) {
        self.native.set(false);
        self.isolate.native.give(false);
    }

    /// In the middle of a native: lets others go first that wait.
    pub fn offer_native(&self) {
        self.end_solo();
        if self.native.replace(false) {
            self.isolate.native.give(true);
            self.take_native();
        }
    }
}

impl Isolate {
    /// Whether the isolate's threads run at the same time.
    pub fn is_free(&self) -> bool {
        self.free.get().is_some()
    }
}
