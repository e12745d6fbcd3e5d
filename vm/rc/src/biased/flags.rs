//! The flag bits of a header.

use super::{FLAGS_BIRTH, RcHeader};
use typhon_qsbr::sync::Ordering::{AcqRel, Acquire, Relaxed};

impl RcHeader {
    /// The flags.
    #[inline(always)]
    pub fn flags(&self) -> u8 {
        // Acquire: pairs with the Release half of `set_flags` and `clear_flags`.
        self.flags.load(Acquire)
    }

    /// Sets `bits`; returns which of them were set before. An atomic step, for an object that others can reach.
    pub fn set_flags(&self, bits: u8) -> u8 {
        // AcqRel: pairs with itself and with the Acquire in `flags`.
        self.flags.fetch_or(bits, AcqRel) & bits
    }

    /// Clears `bits`; returns which of them were set before. An atomic step, for an object that others can reach.
    pub fn clear_flags(&self, bits: u8) -> u8 {
        // AcqRel: pairs with itself and with the Acquire in `flags`.
        self.flags.fetch_and(!bits, AcqRel) & bits
    }

    /// Replaces the bits under `mask` without an atomic step. The caller is the only one who can reach the object, or
    /// the world is stopped; anything else loses somebody's bits.
    #[inline(always)]
    pub fn put_flags_alone(&self, mask: u8, bits: u8) {
        // Relaxed: pairs with nothing; the object is published later, by a Release of its own.
        self.flags.store(self.flags.load(Relaxed) & !mask | bits & mask, Relaxed);
    }

    /// Whether the object is local: no other thread can reach it, so it needs neither lock nor atomic step. `epoch` is
    /// the isolate's birth epoch (1..=3). A local object of another thread cannot be reached, so no tag is compared;
    /// raising the epoch makes every object born before shared, at once.
    #[inline(always)]
    pub fn is_local(&self, epoch: u8) -> bool {
        debug_assert!(epoch != 0 && epoch & !FLAGS_BIRTH == 0, "an epoch is 1, 2 or 3");
        // Relaxed: pairs with nothing; only the thread that can reach a local object clears the bits.
        self.flags.load(Relaxed) & FLAGS_BIRTH == epoch
    }

    /// Makes a local object shared. Only the thread that can reach it may, and before it publishes it; what it refers
    /// to must be shared first.
    #[inline(always)]
    pub fn share(&self) {
        self.put_flags_alone(FLAGS_BIRTH, 0);
    }
}
