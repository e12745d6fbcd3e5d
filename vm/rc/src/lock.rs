//! The object's lock: one byte, and a place in the parking lot while it is contended.
//!
//! ```text
//!  free ──lock──▶ LOCKED ──somebody waits──▶ LOCKED|PARKED ──unlock, others wait──▶ PARKED ──lock──▶ LOCKED|PARKED
//!    ◀──unlock───   ◀─────────unlock, nobody else waits──── free
//! ```
//!
//! There is no hand-off: a released lock is free for whoever comes first, so none is ever given to a thread that cannot
//! run because the world is stopped (CPython gh-144513). A thread that has blocked may still *take* a lock, or keep the
//! first of two, while the world is stopped; so whoever has stopped the world takes no locks.

use typhon_qsbr::{
    const_fn,
    mutant::{Mutant, planted},
    sync::{
        AtomicU8,
        Ordering::{Acquire, Relaxed, Release},
        SPINS, spin_loop,
    },
};

use crate::park::ParkingLot;

const LOCKED: u8 = 1;
const PARKED: u8 = 2;

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
        pub fn new() -> Self {
            Self(AtomicU8::new(0))
        }
    }

    /// Takes the lock if it is free.
    #[inline(always)]
    #[must_use = "a lock that was not taken protects nothing"]
    pub fn try_lock(&self) -> bool {
        // Acquire: pairs with the Release in `unlock` and `unlock_parked`.
        self.0.compare_exchange(0, LOCKED, Acquire, Relaxed).is_ok()
    }

    /// Takes the lock; sleeps in `lot` while somebody else has it. `idle` is detached while it sleeps, so whatever the
    /// caller has read before may have changed even if it was read under other locks that `idle` gives up.
    #[inline(always)]
    pub fn lock(&self, lot: &ParkingLot, idle: &mut impl Idle) {
        if !self.try_lock() {
            self.lock_contended(lot, idle);
        }
    }

    /// Gives the lock back. Only its holder may.
    #[inline(always)]
    pub fn unlock(&self, lot: &ParkingLot) {
        let order = if planted(Mutant::UnlockRelaxed) { Relaxed } else { Release };
        // Release: pairs with the Acquire in `try_lock` and `lock_contended`.
        if self.0.compare_exchange(LOCKED, 0, order, Relaxed).is_err() {
            self.unlock_parked(lot);
        }
    }

    /// Whether somebody holds the lock at this moment.
    #[inline(always)]
    pub fn is_locked(&self) -> bool {
        // Relaxed: pairs with nothing; the answer is stale when it is given.
        self.0.load(Relaxed) & LOCKED != 0
    }

    #[cold]
    #[inline(never)]
    fn lock_contended(&self, lot: &ParkingLot, idle: &mut impl Idle) {
        let mut spins = SPINS;
        loop {
            // Relaxed: pairs with nothing; the exchanges below decide.
            let seen = self.0.load(Relaxed);
            if seen & LOCKED == 0 {
                // Acquire: pairs with the Release in `unlock` and `unlock_parked`. Keeps PARKED, for those who sleep.
                if self.0.compare_exchange_weak(seen, seen | LOCKED, Acquire, Relaxed).is_ok() {
                    return;
                }
                continue;
            }
            // No spinning once somebody sleeps: this one would only overtake.
            if seen & PARKED == 0 && spins != 0 {
                spins -= 1;
                spin_loop();
                continue;
            }
            // Relaxed: ordered by the bucket's mutex, under which the word is looked at again.
            if seen & PARKED == 0 && self.0.compare_exchange_weak(seen, seen | PARKED, Relaxed, Relaxed).is_err() {
                continue;
            }
            idle.detach();
            // Relaxed: pairs with the store in `unlock_parked`, which is made under the same bucket's mutex.
            lot.park(self.address(), || self.0.load(Relaxed) == LOCKED | PARKED);
            idle.attach();
            spins = SPINS;
        }
    }

    #[cold]
    #[inline(never)]
    fn unlock_parked(&self, lot: &ParkingLot) {
        debug_assert!(self.is_locked(), "unlocked without being locked");
        if planted(Mutant::UnlockForgetsParked) {
            return self.0.store(0, Release);
        }
        lot.wake_one(self.address(), |others_sleep| {
            // Release: pairs with the Acquire in `lock_contended` and `try_lock`.
            self.0.store(if others_sleep { PARKED } else { 0 }, Release);
        });
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }
}
