//! The object's lock: one byte.
//!
//! ```text
//!  free ──lock──▶ LOCKED ──unlock──▶ free
//! ```
//!
//! Nobody is woken. A lock is held for some instructions, and whoever finds it taken looks again: at once for a while, then
//! between naps, which matter only if the holder's processor was taken from it. So giving it back is a plain store, and of
//! the two steps that nearly every use is, one is atomic; a byte that said who sleeps would make the other one so, too.
//!
//! There is no hand-off: a released lock is free for whoever comes first, so none is ever given to a thread that cannot
//! run because the world is stopped (CPython gh-144513). A thread that has waited may still *take* a lock, or keep the
//! first of two, while the world is stopped; so whoever has stopped the world takes no locks.

use typhon_qsbr::{
    const_fn,
    mutant::{Mutant, planted},
    sync::{
        AtomicU8,
        Ordering::{Acquire, Relaxed, Release},
        SPINS, nap, spin_loop,
    },
};

const FREE: u8 = 0;
const LOCKED: u8 = 1;

/// What a thread does around sleeping: it must not keep others waiting for its reports.
pub trait Idle {
    /// The thread is about to sleep. It keeps nothing that it borrowed.
    fn detach(&mut self);
    /// The thread runs again. May itself wait, while the world is stopped.
    fn attach(&mut self);
}

/// A thread that nobody waits for.
impl Idle for () {
    fn detach(&mut self) {}
    fn attach(&mut self) {}
}

impl Idle for typhon_qsbr::Participant {
    fn detach(&mut self) {
        self.offline();
    }

    fn attach(&mut self) {
        self.online();
    }
}

/// A lock of one byte.
#[derive(Debug)]
#[repr(transparent)]
pub struct ByteLock(AtomicU8);

impl ByteLock {
    const_fn! {
        /// A free lock.
        #[inline]
        pub fn new() -> Self {
            Self(AtomicU8::new(FREE))
        }
    }

    /// Takes the lock if it is free.
    #[inline(always)]
    #[must_use = "a lock that was not taken protects nothing"]
    pub fn try_lock(&self) -> bool {
        // Acquire: pairs with the Release in `unlock`.
        self.0.compare_exchange(FREE, LOCKED, Acquire, Relaxed).is_ok()
    }

    /// Takes the lock; waits while somebody else has it. `idle` is detached while it naps, so whatever the caller has read
    /// before may have changed even if it was read under other locks that `idle` gives up.
    #[inline(always)]
    pub fn lock(&self, idle: &mut impl Idle) {
        if !self.try_lock() {
            self.lock_contended(idle);
        }
    }

    /// Gives the lock back. Only its holder may.
    #[inline(always)]
    pub fn unlock(&self) {
        debug_assert!(self.is_locked(), "unlocked without being locked");
        // Release: pairs with the Acquire in `try_lock`.
        self.0.store(FREE, if planted(Mutant::UnlockRelaxed) { Relaxed } else { Release });
    }

    /// Whether somebody holds the lock at this moment.
    #[inline(always)]
    pub fn is_locked(&self) -> bool {
        // Relaxed: pairs with nothing; the answer is stale when it is given.
        self.0.load(Relaxed) == LOCKED
    }

    #[cold]
    #[inline(never)]
    fn lock_contended(&self, idle: &mut impl Idle) {
        let mut naps = 0;
        loop {
            for _ in 0..SPINS {
                if !self.is_locked() && self.try_lock() {
                    return;
                }
                spin_loop();
            }
            idle.detach();
            nap(naps);
            idle.attach();
            naps += 1;
            if self.try_lock() {
                return;
            }
        }
    }
}
