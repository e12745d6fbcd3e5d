//! The words of a reference count: their layout, and every transition of the shared one as a pure function.
//!
//! Nothing here is atomic. [`crate::biased`] performs the transitions; the tests beside this file try all of them.
//!
//! ```text
//! local  u32   references counted by the owner alone, plain arithmetic
//! owner  u16   0 nobody (merged), 1..=0xFFFD a thread, 0xFFFE never an owner, 0xFFFF immortal
//! shared u32   i30 count << 2 | state, references counted by everybody else
//!
//!            release of the last known reference            owner's local count ends, or the queue is drained
//!   Biased ───────────────────────────────────▶ Queued ───────────────────────────────────────▶ Merged
//!      │ mark_weak                                 ▲                                               ▲
//!      └──────────────▶ Weak ──────────────────────┘                                               │
//!      └─────────────────┴─────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The number of references is `local + count`. States only go up. While the state is below `Merged` only the owner may
//! find the object dead; afterwards whoever takes the count to zero does. A `Queued` object has one release outstanding:
//! the queue owns that reference until the owner merges.
//!
//! A count that reaches [`SATURATED`] stays there: the object leaks, which is safe; wrapping would not be.

/// The owner tag of an object whose counts are merged: nobody's.
pub const TAG_NONE: u16 = 0;
/// The tag of a thread that owns nothing: it always takes the shared path. No object carries it.
pub const TAG_FOREIGN: u16 = 0xFFFE;
/// The owner tag of an object that is never freed and whose counts are never touched.
pub const TAG_IMMORTAL: u16 = 0xFFFF;
/// The largest tag that a thread can have.
pub const TAG_MAX: u16 = 0xFFFD;

/// A shared count from which there is no return. Far enough from the end of an i30 that every thread of a process can
/// add one to it at once, and take it back, without a wrap.
pub const SATURATED: i32 = 1 << 28;

const STATE_BITS: u32 = 2;
const STATE_MASK: u32 = (1 << STATE_BITS) - 1;

/// One reference in the shared word.
pub const ONE: u32 = 1 << STATE_BITS;

/// How far the counts of an object have come together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u32)]
pub enum State {
    /// Owned, and no weak reference: the owner may free it without an atomic write when both counts are zero.
    Biased = 0,
    /// Owned, and somebody may try to retain it without holding a reference.
    Weak = 1,
    /// Owned, and waiting in the owner's queue: one release is outstanding.
    Queued = 2,
    /// Not owned: the shared count is the count.
    Merged = 3,
}

/// The shared word at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared(u32);

/// What a release by somebody who is not the owner does to the shared word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Drop {
    /// One less, and alive.
    Less(Shared),
    /// The last reference of a merged object: the releaser frees it.
    Last(Shared),
    /// Nothing the releaser may count down: the owner must be asked. The reference now belongs to the queue.
    Ask(Shared),
    /// The count is saturated: nothing changes any more.
    Stuck,
}

/// What a try-retain by somebody who is not the owner does to the shared word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Revive {
    /// One more.
    More(Shared),
    /// Merged and without references: it is being freed.
    Dead,
    /// Biased and never shared: the owner may free it at this moment without telling, so nobody else can tell.
    Unknown,
    /// The count is saturated: alive for ever.
    Stuck,
}

/// What merging the local count into the shared word gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub struct Merge {
    /// The word to store.
    pub next: Shared,
    /// Whether no reference is left: the merger frees the object.
    pub dead: bool,
}

impl Shared {
    /// Biased to its owner, and nothing shared.
    pub const FRESH: Self = Self(0);
    /// Owned, with a weak reference, and nothing shared.
    pub const WEAK: Self = Self::pack(0, State::Weak);

    /// The word of an object that its isolate keeps for good: not merged, so it is no immortal object's.
    pub const KEPT: Self = Self::pack(SATURATED, State::Weak);

    /// The word with this `count` and `state`.
    #[inline]
    pub const fn pack(count: i32, state: State) -> Self {
        Self((count << STATE_BITS) as u32 | state as u32)
    }

    /// Reads a word.
    #[inline]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }

    /// The word's bits.
    #[inline]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// References counted here. Negative while others release what the owner has counted.
    #[inline]
    pub const fn count(self) -> i32 {
        self.0 as i32 >> STATE_BITS
    }

    /// How far the counts have come together.
    #[inline]
    pub const fn state(self) -> State {
        match self.0 & STATE_MASK {
            0 => State::Biased,
            1 => State::Weak,
            2 => State::Queued,
            _ => State::Merged,
        }
    }

    /// Whether the count has left the range in which it is exact.
    #[inline]
    pub const fn is_saturated(self) -> bool {
        self.count() >= SATURATED
    }

    /// Whether the object is merged and no reference is left.
    #[inline]
    pub const fn is_dead(self) -> bool {
        self.0 == Self::pack(0, State::Merged).0
    }

    /// One reference less, released by somebody who is not the owner.
    pub const fn release(self) -> Drop {
        let (count, state) = (self.count(), self.state());
        if count >= SATURATED {
            return Drop::Stuck;
        }
        match state {
            State::Biased | State::Weak if count == 0 => Drop::Ask(Self::pack(0, State::Queued)),
            State::Merged if count == 1 => Drop::Last(Self::pack(0, State::Merged)),
            _ => Drop::Less(Self::pack(clamp(count as i64 - 1), state)),
        }
    }

    /// As `n` times [`Shared::release`] by who has counted them here; `n` is not 0.
    pub const fn release_many(self, n: u32) -> Drop {
        let (count, state) = (self.count() as i64, self.state());
        if self.is_saturated() {
            return Drop::Stuck;
        }
        match state {
            // One of them goes to the queue, and the others count on behind it.
            State::Biased | State::Weak if count < n as i64 => {
                Drop::Ask(Self::pack(clamp(count + 1 - n as i64), State::Queued))
            }
            State::Merged if count == n as i64 => Drop::Last(Self::pack(0, State::Merged)),
            _ => Drop::Less(Self::pack(clamp(count - n as i64), state)),
        }
    }

    /// One reference more for somebody who holds none.
    pub const fn try_retain(self) -> Revive {
        let (count, state) = (self.count(), self.state());
        if count >= SATURATED {
            return Revive::Stuck;
        }
        match state {
            State::Biased if count == 0 => Revive::Unknown,
            State::Merged if count == 0 => Revive::Dead,
            _ => Revive::More(Self::pack(count + 1, state)),
        }
    }

    /// The word once somebody may try to retain without holding a reference; `None` where it says so already.
    pub const fn mark_weak(self) -> Option<Self> {
        match self.state() {
            State::Biased => Some(Self::pack(self.count(), State::Weak)),
            State::Weak | State::Queued | State::Merged => None,
        }
    }

    /// The counts as one: `local` references come in, and `settled` outstanding releases are applied.
    pub const fn merge(self, local: u32, settled: u32) -> Merge {
        let count =
            if self.is_saturated() { SATURATED } else { clamp(self.count() as i64 + local as i64 - settled as i64) };
        let next = Self::pack(count, State::Merged);
        Merge { next, dead: next.is_dead() }
    }

    /// `more` references at once, saturating.
    pub const fn retain_many(self, more: u32) -> Self {
        let count = if self.is_saturated() { SATURATED } else { clamp(self.count() as i64 + more as i64) };
        Self::pack(count, self.state())
    }

    /// The word of an object that must never be freed again.
    pub const fn saturate(self) -> Self {
        Self::pack(SATURATED, self.state())
    }
}

/// Keeps a count exact or saturates it; it never wraps. Too few is as bad as too many: both leak.
const fn clamp(count: i64) -> i32 {
    if count >= SATURATED as i64 || count <= -(SATURATED as i64) { SATURATED } else { count as i32 }
}

#[cfg(test)]
mod tests;
