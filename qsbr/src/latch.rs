//! A latch: a lock whose waiters sleep elsewhere, and which anybody may give back.
//!
//! Taking it while it is free, and giving it back while nobody waits, are one step each and need nothing else. Whoever has to
//! wait marks the latch and goes to sleep under a lock of the caller's, and whoever finds the mark takes that lock to wake him.

use crate::{
    const_fn,
    mutant::{Mutant, planted},
    sync::{
        AtomicU8,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

const FREE: u8 = 0;
const TAKEN: u8 = 1;
/// Taken, and somebody may be asleep.
const AWAITED: u8 = 2;

/// A latch.
#[derive(Debug)]
pub struct Latch(AtomicU8);

impl Latch {
    const_fn! {
        /// A free latch.
        pub fn new() -> Self {
            Self(AtomicU8::new(FREE))
        }
    }

    /// Takes the latch if it is free.
    #[inline]
    #[must_use = "whoever has taken it gives it back"]
    pub fn try_take(&self) -> bool {
        // Acquire: pairs with the Release in `try_give` and `give`. Relaxed: pairs with nothing; nothing was taken.
        self.0.compare_exchange(FREE, TAKEN, Acquire, Relaxed).is_ok()
    }

    /// Takes the latch, or marks it for the caller, who goes to sleep. He holds the waiters' lock until he sleeps.
    #[must_use = "whoever has taken it gives it back"]
    pub fn take_or_mark(&self) -> bool {
        if planted(Mutant::AwaitUnmarked) {
            return self.try_take();
        }
        // AcqRel: pairs with the Release in `try_give` and `give`. One who takes it so leaves the mark: others may sleep.
        self.0.swap(AWAITED, AcqRel) == FREE
    }

    /// Gives the latch back if nobody waits.
    #[inline]
    pub fn try_give(&self) -> bool {
        // Release: pairs with the Acquire in `try_take` and `take_or_mark`. Relaxed: pairs with nothing; nothing was given.
        self.0
            .compare_exchange(TAKEN, FREE, if planted(Mutant::UnlockRelaxed) { Relaxed } else { Release }, Relaxed)
            .is_ok()
    }

    /// Gives the latch back; false if it was free. The caller holds the waiters' lock, and wakes one, or all, if it was taken.
    #[must_use = "somebody waits to be woken"]
    pub fn give(&self) -> bool {
        // AcqRel: pairs with `try_take` and `take_or_mark`.
        self.0.swap(FREE, AcqRel) != FREE
    }

    /// Whether somebody has it.
    pub fn is_taken(&self) -> bool {
        // Relaxed: pairs with nothing; the answer is old when it is given.
        self.0.load(Relaxed) != FREE
    }

    /// The latch as a copy of the process has it, made at this moment.
    #[cfg(vm_loom)]
    pub fn twin(&self) -> Self {
        // Relaxed: pairs with nothing; whoever copies knows no more than it has seen.
        Self(AtomicU8::new(self.0.load(Relaxed)))
    }
}

impl Default for Latch {
    fn default() -> Self {
        Self::new()
    }
}
