//! A lock that is taken and given back all the time, and handed on now and then: a latch, and a queue for those who wait.
//!
//! Whoever gives it back while others wait usually lets anybody take it, who then need not sleep at all. Now and then, or when
//! the holder says so, it stays taken and is for the first waiter who looks: so nobody waits for ever.
//!
//! Nothing of it lies outside of its own words, so a copy of the process has it whole ([`Handover::hold`]).

use crate::{
    const_fn,
    latch::Latch,
    mutant::{Mutant, planted},
    sync::{Condvar, Mutex, MutexGuard},
};
use std::time::{Duration, Instant};

/// The lock.
#[derive(Debug)]
pub struct Handover {
    latch: Latch,
    queue: Mutex<Queue>,
    bell: Condvar,
}

/// Who waits.
#[derive(Clone, Copy, Debug)]
struct Queue {
    waiting: u32,
    /// The lock was not given back but is for the first of them who looks.
    handed: bool,
    /// When it was last.
    since: Option<Instant>,
}

impl Queue {
    const NOBODY: Self = Self { waiting: 0, handed: false, since: None };
}

/// How long a waiter sleeps before it asks for the lock.
const PATIENCE: Duration = Duration::from_millis(5);

/// When the lock was not handed to anybody for so long, the next one who waits gets it, and whoever comes by does not. Loom knows no
/// time: there it is handed on once, and then when the holder says so.
const UNFAIR: Duration = if cfg!(vm_loom) { Duration::MAX } else { Duration::from_micros(500) };

impl Handover {
    const_fn! {
        /// A free lock.
        pub fn new() -> Self {
            Self { latch: Latch::new(), queue: Mutex::new(Queue::NOBODY), bell: Condvar::new() }
        }
    }

    /// Takes the lock if it is free.
    #[inline]
    #[must_use = "whoever has taken it gives it back"]
    pub fn try_take(&self) -> bool {
        self.latch.try_take()
    }

    /// Whether somebody has it.
    pub fn is_taken(&self) -> bool {
        self.latch.is_taken()
    }

    /// Whether somebody waits for it.
    pub fn is_awaited(&self) -> bool {
        self.queue.lock().waiting > 0
    }

    /// Waits for the lock, and takes it; `ask` is called now and then.
    pub fn wait(&self, ask: impl Fn()) {
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
    pub fn give(&self, fair: bool) {
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
            if planted(Mutant::HandedAndFree) {
                let _was_taken = self.latch.give();
            }
            if planted(Mutant::HandedUnrung) {
                return;
            }
        } else {
            let _was_taken = self.latch.give();
        }
        if now.is_some() {
            self.bell.notify_one();
        }
    }

    /// Keeps everybody from going to sleep and from waking, while the holder of the lock copies the process by fork: in the copy
    /// nobody else is there to give the queue back.
    pub fn hold(&self) -> Held<'_> {
        Held {
            queue: self.queue.lock(),
            #[cfg(vm_loom)]
            lock: self,
        }
    }
}

impl Default for Handover {
    fn default() -> Self {
        Self::new()
    }
}

/// The queue of a [`Handover`], while nobody goes to sleep or wakes.
#[derive(Debug)]
#[must_use = "others sleep and wake again when this is dropped"]
pub struct Held<'a> {
    queue: MutexGuard<'a, Queue>,
    #[cfg(vm_loom)]
    lock: &'a Handover,
}

impl Held<'_> {
    /// In the copy: those who wait are not in it.
    pub fn forget_others(&mut self) {
        if !planted(Mutant::CopyCounted) {
            *self.queue = Queue::NOBODY;
        }
    }

    /// The lock as a copy of the process has it, made at this moment.
    #[cfg(vm_loom)]
    pub fn twin(&self) -> Handover {
        Handover { latch: self.lock.latch.twin(), queue: Mutex::new(*self.queue), bell: Condvar::new() }
    }
}
