//! The turnstile: where threads sleep until a report, a departure or a restart lets them go on.

use crate::{
    mutant::{Mutant, planted},
    sync::{
        AtomicU32, Condvar, Mutex,
        Ordering::{Relaxed, SeqCst},
        SPINS, fence, yield_now,
    },
};

/// One place for all waits of a domain; they are rare, so everybody is woken and looks for himself.
///
/// No wakeup is lost: the sleeper counts itself, fences and looks; the waker changes, fences and looks for sleepers. By
/// the two fences one sees the other; the mutex covers the time between looking and sleeping.
#[derive(Debug)]
pub(crate) struct Turnstile {
    sleepers: AtomicU32,
    gate: Mutex<()>,
    turned: Condvar,
}

impl Turnstile {
    pub(crate) fn new() -> Self {
        Self { sleepers: AtomicU32::new(0), gate: Mutex::new(()), turned: Condvar::new() }
    }

    /// Waits until `ready`. Spins for a few microseconds first: most reports come by then.
    pub(crate) fn wait_until(&self, mut ready: impl FnMut() -> bool) {
        let mut spins = SPINS;
        while spins != 0 {
            if ready() {
                return;
            }
            yield_now();
            spins -= 1;
        }
        let mut gate = self.gate.lock();
        // Relaxed: ordered by the fence below.
        self.sleepers.fetch_add(1, Relaxed);
        // SeqCst: pairs with the fence in `turn`.
        fence(SeqCst);
        while !ready() {
            gate = self.turned.wait(gate);
        }
        // Relaxed: pairs with nothing; a waker that still sees the sleeper wakes nobody.
        self.sleepers.fetch_sub(1, Relaxed);
    }

    /// Runs `f`, which takes a lock for a moment, while nobody copies the process.
    pub(crate) fn gated<R>(&self, f: impl FnOnce() -> R) -> R {
        let _gate = (!planted(Mutant::AskUngated)).then(|| self.gate.lock());
        f()
    }

    /// Runs `f`, which copies the process by fork, while nobody goes to sleep or wakes up.
    pub(crate) fn copying<R>(&self, f: impl FnOnce() -> R) -> R {
        let _gate = (!planted(Mutant::CopyUngated)).then(|| self.gate.lock());
        f()
    }

    /// In the copy: nobody sleeps any more.
    pub(crate) fn forget_others(&self) {
        // Relaxed: the copy has one thread.
        self.sleepers.store(0, Relaxed);
    }

    /// The turnstile as a copy of the process has it, made at this moment by whoever runs in [`Turnstile::copying`].
    #[cfg(vm_loom)]
    pub(crate) fn twin(&self) -> Self {
        // Relaxed: pairs with nothing; whoever copies knows no more than it has seen. First: loom switches threads at accesses that
        // meet, and those that others make under the gate meet this one.
        let sleepers = self.sleepers.load(Relaxed);
        assert!(!planted(Mutant::CopyUngated) || !self.gate.is_held(), "held by a thread that is not in the copy");
        Self { sleepers: AtomicU32::new(sleepers), ..Self::new() }
    }

    /// Lets sleepers look again. Called after whatever they may be waiting for.
    pub(crate) fn turn(&self) {
        if !planted(Mutant::WakeWithoutFence) {
            // SeqCst: pairs with the fence in `wait_until`.
            fence(SeqCst);
        }
        // Relaxed: ordered by the fence above.
        if self.sleepers.load(Relaxed) != 0 {
            drop(self.gate.lock());
            self.turned.notify_all();
        }
    }
}
