//! The one-word protocols: what a room without atomics may use instead of them.
//!
//! Each type is one word and a few named steps; the orderings are chosen here, once. Whatever needs two words, or a
//! step that is not here, is a protocol of its own and belongs into this crate with a model.

use crate::{
    const_fn,
    mutant::{Mutant, planted},
    sync::{
        AtomicBool, AtomicPtr, AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
        is_torn_down,
    },
};

/// One bit that one side raises and another takes down. What was written before raising it is visible to who sees it.
#[derive(Debug)]
pub struct Flag(AtomicBool);

impl Flag {
    const_fn! {
        /// A flag that is up if `up`.
        pub fn new(up: bool) -> Self {
            Self(AtomicBool::new(up))
        }
    }

    /// Raises the flag.
    #[inline]
    pub fn set(&self) {
        // Release: pairs with the Acquire in `get` and `take`.
        self.0.store(true, Release);
    }

    /// Takes the flag down.
    #[inline]
    pub fn clear(&self) {
        // Release: pairs with the Acquire in `get` and `take`.
        self.0.store(false, Release);
    }

    /// Whether the flag is up.
    #[inline]
    pub fn get(&self) -> bool {
        // Acquire: pairs with the Release in `set` and `clear`.
        self.0.load(Acquire)
    }

    /// Takes the flag down; whether it was up. Of several takers one gets `true`.
    #[inline]
    #[must_use = "whoever takes the flag does what it asks"]
    pub fn take(&self) -> bool {
        // AcqRel: pairs with the Release in `set`; the Release half keeps the chain to a later `get`.
        self.0.swap(false, AcqRel)
    }

    /// Raises the flag; whether this call did. Of several claimants one gets `true`.
    #[inline]
    #[must_use = "whoever raised the flag has the claim"]
    pub fn claim(&self) -> bool {
        // AcqRel: pairs with the Release in `clear`: a claim given back carries its holder's writes.
        !self.0.swap(true, AcqRel)
    }
}

/// A word of requests to one thread, which looks at it all the time: an eval-breaker.
///
/// Looking is one plain load. A request is made by setting a bit, and honoured by clearing it *before* doing what it
/// asks: a request that comes meanwhile sets the bit again.
#[derive(Debug)]
pub struct Bits(AtomicU32);

impl Bits {
    const_fn! {
        /// No requests.
        pub fn new() -> Self {
            Self(AtomicU32::new(0))
        }
    }

    /// Whether there is any request. One load and nothing else: what the request is about becomes visible by
    /// [`Bits::take`] or [`Bits::clear`].
    #[inline(always)]
    pub fn any(&self) -> bool {
        self.load() != 0
    }

    /// All requests, to choose from.
    #[inline(always)]
    pub fn load(&self) -> u32 {
        // Relaxed: pairs with nothing; a request seen late is seen at the next look.
        self.0.load(Relaxed)
    }

    /// Sets `bits`; whether all of them were set already.
    #[inline]
    pub fn set(&self, bits: u32) -> bool {
        // AcqRel: pairs with `clear` and `take`: who honours the request sees why it was made.
        self.0.fetch_or(bits, AcqRel) & bits == bits
    }

    /// Clears `bits`.
    #[inline]
    pub fn clear(&self, bits: u32) {
        let order = if planted(Mutant::ClearRelaxed) { Relaxed } else { AcqRel };
        // AcqRel: pairs with `set`.
        self.0.fetch_and(!bits, order);
    }

    /// Clears `bits`; returns those that were set.
    #[inline]
    #[must_use = "a request that is taken must be honoured"]
    pub fn take(&self, bits: u32) -> u32 {
        // AcqRel: pairs with `set`.
        self.0.fetch_and(!bits, AcqRel) & bits
    }

    /// Where the word lies, for machine code that looks at it by a plain load.
    #[cfg(not(vm_loom))]
    pub fn as_ptr(&self) -> *const u32 {
        self.0.as_ptr()
    }
}

impl Default for Bits {
    fn default() -> Self {
        Self::new()
    }
}

/// A number that only goes up: readers remember it and ask later whether something changed.
#[derive(Debug)]
pub struct Version(AtomicU64);

impl Version {
    const_fn! {
        /// A version that starts at `first`.
        pub fn new(first: u64) -> Self {
            Self(AtomicU64::new(first))
        }
    }

    /// The version now. What was changed before it was raised is visible.
    #[inline]
    pub fn get(&self) -> u64 {
        // Acquire: pairs with the Release half of `raise`.
        self.0.load(Acquire)
    }

    /// The next version; returns it. Of several raisers each gets a number of its own.
    #[inline]
    pub fn raise(&self) -> u64 {
        // AcqRel: pairs with `get` and itself.
        self.0.fetch_add(1, AcqRel) + 1
    }
}

/// A counter that orders nothing: statistics, and accounts that are compared with a limit.
#[derive(Debug)]
pub struct Tally(AtomicU64);

impl Tally {
    const_fn! {
        /// A counter at zero. It may lie in a `static`.
        pub fn new() -> Self {
            Self(AtomicU64::new(0))
        }
    }

    /// Adds `n`; returns the sum. Wraps after 2^64.
    #[inline]
    pub fn add(&self, n: u64) -> u64 {
        // Relaxed: pairs with nothing; a count carries no message.
        self.0.fetch_add(n, Relaxed).wrapping_add(n)
    }

    /// Takes `n` off; returns the rest. The caller has added what it takes off.
    #[inline]
    pub fn sub(&self, n: u64) -> u64 {
        // Relaxed: pairs with nothing, as in `add`.
        self.0.fetch_sub(n, Relaxed).wrapping_sub(n)
    }

    /// Adds `n` unless the sum would exceed `limit`; whether it was added.
    #[inline]
    #[must_use = "what was refused must not be used"]
    pub fn add_within(&self, n: u64, limit: u64) -> bool {
        // Relaxed: pairs with nothing, as in `add`; the exchange makes the comparison and the addition one step.
        let mut seen = self.0.load(Relaxed);
        loop {
            let Some(sum) = seen.checked_add(n).filter(|sum| *sum <= limit) else { return false };
            match self.0.compare_exchange_weak(seen, sum, Relaxed, Relaxed) {
                Ok(_) => return true,
                Err(now) => seen = now,
            }
        }
    }

    /// The sum so far.
    #[inline]
    pub fn get(&self) -> u64 {
        // Relaxed: pairs with nothing, as in `add`.
        self.0.load(Relaxed)
    }

    /// Raises the counter to `n` if it is lower: a high-water mark.
    #[inline]
    pub fn at_least(&self, n: u64) {
        // Relaxed: pairs with nothing, as in `add`.
        self.0.fetch_max(n, Relaxed);
    }

    /// Sets the counter to zero; returns what it was.
    #[inline]
    pub fn reset(&self) -> u64 {
        // Relaxed: pairs with nothing, as in `add`.
        self.0.swap(0, Relaxed)
    }
}

impl Default for Tally {
    fn default() -> Self {
        Self::new()
    }
}

/// A place that is filled once, by whoever comes first, and read without waiting from then on.
#[derive(Debug)]
pub struct Slot<T> {
    value: AtomicPtr<T>,
}

impl<T> Slot<T> {
    const_fn! {
        /// An empty place.
        pub fn new() -> Self {
            Self { value: AtomicPtr::new(std::ptr::null_mut()) }
        }
    }

    /// What is in the place.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // Acquire: pairs with the Release half of `set`.
        let value = self.value.load(Acquire);
        // SAFETY: a pointer that is not null came from a box in `set`, was published with Release, and is freed by
        // `drop` alone, which excludes this borrow.
        unsafe { value.as_ref() }
    }

    /// Fills the place, or gives `value` back if it is filled.
    pub fn set(&self, value: Box<T>) -> Result<&T, Box<T>> {
        let order = if planted(Mutant::PublishRelaxed) { Relaxed } else { AcqRel };
        let new = Box::into_raw(value);
        // AcqRel: pairs with the Acquire in `get`.
        match self.value.compare_exchange(std::ptr::null_mut(), new, order, Acquire) {
            // SAFETY: the place owns the box now and frees it in `drop` alone.
            Ok(_) => Ok(unsafe { &*new }),
            // SAFETY: the exchange failed, so the box is still this call's.
            Err(_) => Err(unsafe { Box::from_raw(new) }),
        }
    }
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for Slot<T> {
    fn drop(&mut self) {
        if is_torn_down() {
            return;
        }
        // Acquire: pairs with the Release half of `set`.
        let value = self.value.load(Acquire);
        if !value.is_null() {
            // SAFETY: the place owns the box, and `&mut self` excludes readers.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

// SAFETY: a slot owns a `T` (Send), and hands out `&T` to every thread that can reach it (Sync); the value may have been
// made by one thread and be dropped by another (Send).
unsafe impl<T: Send + Sync> Sync for Slot<T> {}
// SAFETY: a slot owns its `T` as a box does.
unsafe impl<T: Send> Send for Slot<T> {}
