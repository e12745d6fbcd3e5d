//! The native lock: what lets the natives of an isolate run one at a time while its threads run at the same time.
//!
//! Where threads run in parallel, instructions over the core types protect themselves; everything else is written for one
//! thread at a time, and takes this lock first: calls of natives that do not say otherwise, operators over types that do not,
//! the ends of objects of such types. It is given up wherever Python code runs and wherever a turn would be. Between two
//! instructions no thread holds it.

use crate::isolate::Isolate;
use crate::tally::Count;
use crate::thread::Thread;
use std::time::{Duration, Instant};
use typhon_qsbr::latch::Latch;
use typhon_qsbr::sync::{Condvar, Mutex};

/// The lock of an isolate. Nothing of it lies outside, so that a copy of the process has it whole.
pub(crate) struct NativeLock {
    latch: Latch,
    queue: Mutex<Queue>,
    bell: Condvar,
}

/// Who waits for the lock.
#[derive(Default)]
struct Queue {
    waiting: u32,
    /// The lock was not given back but is for the first of them who looks.
    handed: bool,
    /// When it was last.
    since: Option<Instant>,
}

/// How long a thread waits before it asks for the lock.
const PATIENCE: Duration = Duration::from_millis(5);

/// When the lock was not handed to anybody for so long, the next one who waits gets it, and whoever comes by does not.
const UNFAIR: Duration = Duration::from_micros(500);

impl NativeLock {
    pub(crate) fn new() -> Self {
        Self { latch: Latch::new(), queue: Mutex::default(), bell: Condvar::new() }
    }

    /// Waits for the lock; `ask` is called now and then.
    fn wait(&self, ask: impl Fn()) {
        let mut queue = self.queue.lock();
        queue.waiting += 1;
        while !std::mem::take(&mut queue.handed) && !self.latch.take_or_mark() {
            let over;
            (queue, over) = self.bell.wait_for(queue, PATIENCE);
            if over {
                drop(queue);
                ask();
                queue = self.queue.lock();
            }
        }
        queue.waiting -= 1;
    }

    /// Gives the lock back, if it is `fair` to whoever waits.
    #[inline(always)]
    fn give(&self, fair: bool) {
        if !self.latch.try_give() {
            self.give_awaited(fair);
        }
    }

    #[cold]
    #[inline(never)]
    fn give_awaited(&self, fair: bool) {
        let mut queue = self.queue.lock();
        let now = (queue.waiting > 0).then(Instant::now);
        if now.is_some_and(|now| fair || queue.since.is_none_or(|since| now.duration_since(since) > UNFAIR)) {
            // It stays taken, and marked.
            (queue.handed, queue.since) = (true, now);
        } else {
            let _was_taken = self.latch.give();
        }
        if now.is_some() {
            self.bell.notify_one();
        }
    }

    /// See [`Isolate::copying`].
    pub(crate) fn copying<R>(&self, f: impl FnOnce() -> R, is_copy: impl FnOnce(&R) -> bool) -> R {
        let mut queue = self.queue.lock();
        let made = f();
        if is_copy(&made) {
            *queue = Queue::default();
        }
        made
    }
}

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
        if lock.latch.try_take() {
            return false;
        }
        for _ in 0..SPINS {
            std::hint::spin_loop();
            if !lock.latch.is_taken() && lock.latch.try_take() {
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
