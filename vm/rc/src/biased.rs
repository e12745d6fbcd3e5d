//! The header: sixteen bytes in front of every object, and the reference counts in them.
//!
//! A thread has a *tag*. The thread whose tag an object carries is its owner and counts references with plain
//! arithmetic; everybody else counts in the shared word with atomic operations. [`crate::word`] draws the states.
//!
//! Who may touch what:
//!
//! | field    | read by                        | written by |
//! |----------|--------------------------------|------------|
//! | `local`  | the owner                      | the owner; whoever merges for an owner that has left, under its queue's lock; a stopped world |
//! | `shape`  | anybody                        | whoever holds the object's lock, or the only thread that can reach it |
//! | `owner`  | anybody                        | as `local`, and only towards 0 once the object is reachable by others |
//! | `flags`  | anybody                        | anybody, by [`RcHeader::set_flags`] |
//! | `lock`   | anybody                        | anybody, by [`crate::lock`] |
//! | `shared` | anybody                        | anybody who holds a reference, by the transitions of [`crate::word`] |

mod flags;

use typhon_qsbr::{
    const_fn,
    mutant::{Mutant, planted},
    sync::{
        AtomicU8, AtomicU16, AtomicU32, Cell,
        Ordering::{AcqRel, Acquire, Relaxed, Release as Releasing},
    },
};

use crate::{
    lock::ByteLock,
    word::{Drop, ONE, Revive, SATURATED, Shared, State, TAG_FOREIGN, TAG_IMMORTAL, TAG_NONE},
};

/// The header of an object.
#[repr(C)]
#[derive(Debug)]
pub struct RcHeader {
    local: Cell<u32>,
    shape: AtomicU32,
    owner: AtomicU16,
    flags: AtomicU8,
    lock: ByteLock,
    shared: AtomicU32,
}

/// What became of an object whose reference was released. The releaser has no reference any more: unless it is told
/// [`Release::Dead`] it must not touch the object again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "a dead object must be freed, a queued one handed to its owner"]
pub enum Release {
    /// Somebody else still refers to it, or may.
    Alive,
    /// Nobody does: the releaser has it to itself, sees all that others did to it, and must free or revive it.
    Dead,
    /// Only its owner can tell: pass it to [`crate::merge::MergeQueues::hand_back`], which takes the reference over.
    Queue,
}

/// What became of an attempt to retain an object to which no reference was held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "without a reference the object must not be used"]
pub enum TryRetain {
    /// The caller has a reference now.
    Retained,
    /// The object is dead.
    Dead,
    /// Only the owner could tell: nobody has marked the object by [`RcHeader::mark_weak`].
    Unknown,
}

// SAFETY: `local`, the one field without atomic access, is reached only by functions whose contract is that the caller
// is the owner or excludes it (see the table above), so threads can share a header.
unsafe impl Sync for RcHeader {}

/// Flag bits 0 and 1: the epoch in which the object was born local; 0 once it is shared.
pub const FLAGS_BIRTH: u8 = 0b11;
/// The flag bits that this crate gives no meaning to.
pub const FLAGS_FREE: u8 = !FLAGS_BIRTH;

impl RcHeader {
    /// Where the local count lies.
    pub const LOCAL_OFFSET: usize = 0;
    /// Where the shape lies.
    pub const SHAPE_OFFSET: usize = 4;
    /// Where the owner's tag lies.
    pub const OWNER_OFFSET: usize = 8;
    /// Where the flags lie.
    pub const FLAGS_OFFSET: usize = 10;
    /// Where the lock lies.
    pub const LOCK_OFFSET: usize = 11;
    /// Where the shared count and state lie.
    pub const SHARED_OFFSET: usize = 12;
    /// How long a header is.
    pub const SIZE: usize = 16;

    const_fn! {
        /// A new object with one reference, counted by the thread `owner`. A thread without a tag of its own says
        /// [`TAG_FOREIGN`] and gets a merged object, which nobody owns.
        #[inline(always)]
        pub fn new(shape: u32, owner: u16, flags: u8) -> Self {
            if owner == TAG_FOREIGN || owner == TAG_NONE {
                return Self::raw(0, shape, TAG_NONE, flags, Shared::pack(1, State::Merged));
            }
            Self::raw(1, shape, owner, flags, Shared::FRESH)
        }
    }

    const_fn! {
        /// An object that is never freed and whose counts are never written: it can lie in a `static`.
        pub fn immortal(shape: u32, flags: u8) -> Self {
            Self::raw(u32::MAX, shape, TAG_IMMORTAL, flags, Shared::pack(SATURATED, State::Merged))
        }
    }

    const_fn! {
        #[inline(always)]
        fn raw(local: u32, shape: u32, owner: u16, flags: u8, shared: Shared) -> Self {
            Self {
                local: Cell::new(local),
                shape: AtomicU32::new(shape),
                owner: AtomicU16::new(owner),
                flags: AtomicU8::new(flags),
                lock: ByteLock::new(),
                shared: AtomicU32::new(shared.bits()),
            }
        }
    }

    /// One reference more.
    ///
    /// The owner's path is a compare and an add to memory, and a branch that is taken after 2^32 of them.
    ///
    /// # Safety
    /// The caller holds a reference, or borrows one that cannot go away meanwhile. `my_tag` is the calling thread's
    /// tag, or [`TAG_FOREIGN`]; no other running thread has it.
    #[inline(always)]
    pub unsafe fn retain(&self, my_tag: u16) {
        // SAFETY: passed on.
        unsafe {
            if !self.retain_fast(my_tag) {
                self.retain_rest(my_tag);
            }
        }
    }

    /// The part of [`RcHeader::retain`] that is worth having inline. After `false` the caller goes on with
    /// [`RcHeader::retain_rest`], before it gives up any reference for good.
    ///
    /// # Safety
    /// As for [`RcHeader::retain`].
    #[inline(always)]
    pub unsafe fn retain_fast(&self, my_tag: u16) -> bool {
        // Relaxed: pairs with nothing; only the owner changes its own tag, so it reads it as it is, and anybody else
        // reads a tag that is not his.
        let owner = self.owner.load(Relaxed);
        if owner == my_tag {
            let more = self.local.get().wrapping_add(1);
            self.local.set(more);
            more != 0
        } else {
            owner == TAG_IMMORTAL
        }
    }

    /// The rest of a retain.
    ///
    /// # Safety
    /// [`RcHeader::retain_fast`] has answered `false` to the caller.
    pub unsafe fn retain_rest(&self, my_tag: u16) {
        // Relaxed: pairs with nothing, as in `retain_fast`.
        if self.owner.load(Relaxed) != my_tag {
            self.retain_shared();
        } else if self.local.get() == 0 {
            // Otherwise a release since then took the overflow back.
            self.local_overflow();
        }
    }

    /// `more` references at once.
    ///
    /// # Safety
    /// As for [`RcHeader::retain`].
    pub unsafe fn retain_many(&self, my_tag: u16, more: u32) {
        // Relaxed: pairs with nothing, as in `retain`.
        let owner = self.owner.load(Relaxed);
        if owner == my_tag {
            match self.local.get().checked_add(more) {
                Some(local) => self.local.set(local),
                None => self.local_overflow(),
            }
        } else if owner != TAG_IMMORTAL {
            self.update(Relaxed, |shared| Some(shared.retain_many(more)));
        }
    }

    /// `less` references less that were counted in the shared word, as by [`RcHeader::retain_many`].
    ///
    /// # Safety
    /// The caller holds the references and gives them up.
    pub unsafe fn release_many(&self, less: u32) -> Release {
        self.give_up(|shared| shared.release_many(less))
    }

    /// One reference less. See [`Release`] for what the caller then owes.
    ///
    /// # Safety
    /// The caller holds a reference and gives it up. `my_tag` is as for [`RcHeader::retain`].
    #[inline(always)]
    pub unsafe fn release(&self, my_tag: u16) -> Release {
        // SAFETY: passed on.
        unsafe { if self.release_fast(my_tag) { Release::Alive } else { self.release_rest(my_tag) } }
    }

    /// The part of [`RcHeader::release`] that is worth having inline: true if the object is alive and nothing is owed. After
    /// `false` the caller goes on with [`RcHeader::release_rest`].
    ///
    /// # Safety
    /// As for [`RcHeader::release`].
    #[inline(always)]
    pub unsafe fn release_fast(&self, my_tag: u16) -> bool {
        // Relaxed: pairs with nothing, as in `retain`.
        let owner = self.owner.load(Relaxed);
        if owner == my_tag {
            let local = self.local.get();
            debug_assert!(local != 0, "more references released than retained");
            let less = local.wrapping_sub(1);
            self.local.set(less);
            less != 0
        } else {
            owner == TAG_IMMORTAL
        }
    }

    /// From here on the object dies with its isolate, and nobody counts it. It is not [`RcHeader::is_immortal`].
    ///
    /// # Safety
    /// No other thread runs that can reach the object.
    pub unsafe fn keep_for_good(&self) {
        // Relaxed, all three: pairs with nothing; threads that begin later are started by this one.
        if self.owner.load(Relaxed) != TAG_IMMORTAL {
            self.local.set(u32::MAX);
            self.owner.store(TAG_IMMORTAL, Relaxed);
            self.shared.store(Shared::KEPT.bits(), Relaxed);
        }
    }

    /// The rest of a release.
    ///
    /// # Safety
    /// [`RcHeader::release_fast`] has just answered `false` to the caller.
    #[inline]
    pub unsafe fn release_rest(&self, my_tag: u16) -> Release {
        // Relaxed: pairs with nothing, as in `retain`.
        if self.owner.load(Relaxed) == my_tag {
            // Acquire: pairs with the Release half of `release_shared`: other threads' uses of the object are over.
            // Nobody else has a reference or can make one, so no atomic step is needed.
            if self.shared.load(Acquire) == Shared::FRESH.bits() {
                return Release::Dead;
            }
            self.release_last_local()
        } else {
            self.release_shared()
        }
    }

    /// One reference for somebody who holds none: a weak reference being called, or a reader without a lock. The
    /// header must not be freed meanwhile (a grace period or a lock sees to that); the object may be dead.
    ///
    /// # Safety
    /// The header's memory stays valid during the call. `my_tag` is as for [`RcHeader::retain`].
    pub unsafe fn try_retain(&self, my_tag: u16) -> TryRetain {
        // Relaxed: pairs with nothing, as in `retain`.
        let owner = self.owner.load(Relaxed);
        if owner == my_tag {
            let local = self.local.get();
            if local == 0 {
                return TryRetain::Dead;
            }
            // SAFETY: the owner's count is not zero, so a reference exists and cannot go before this thread lets it.
            unsafe { self.retain(my_tag) };
            return TryRetain::Retained;
        }
        if owner == TAG_IMMORTAL {
            return TryRetain::Retained;
        }
        // Acquire: pairs with the Release half of whatever made the word what it is: the new holder sees the object
        // as the last holder left it.
        let mut seen = Shared::from_bits(self.shared.load(Acquire));
        loop {
            let next = match seen.try_retain() {
                Revive::More(next) => next,
                Revive::Stuck => return TryRetain::Retained,
                Revive::Dead if planted(Mutant::RetainDead) => Shared::pack(seen.count() + 1, seen.state()),
                Revive::Dead => return TryRetain::Dead,
                Revive::Unknown if planted(Mutant::RetainDead) => Shared::pack(seen.count() + 1, seen.state()),
                Revive::Unknown => return TryRetain::Unknown,
            };
            // AcqRel: pairs with itself in `release_shared`, as Acquire above.
            match self.shared.compare_exchange_weak(seen.bits(), next.bits(), AcqRel, Acquire) {
                Ok(_) => return TryRetain::Retained,
                Err(now) => seen = Shared::from_bits(now),
            }
        }
    }

    /// Allows everybody to [`RcHeader::try_retain`]: from now on the owner frees the object by an atomic step. To be
    /// called before the first weak reference can be seen.
    ///
    /// # Safety
    /// The caller holds a reference.
    pub unsafe fn mark_weak(&self) {
        // Relaxed: pairs with nothing; a fixed word.
        if self.owner.load(Relaxed) != TAG_IMMORTAL {
            self.update(AcqRel, Shared::mark_weak);
        }
    }

    /// Gives a dead object one reference, so that a finalizer can be passed it. Releasing that reference says whether
    /// it is dead again.
    ///
    /// # Safety
    /// [`Release::Dead`] was returned to the calling thread for this object, which it has not freed. `my_tag` is the
    /// calling thread's tag, or [`TAG_FOREIGN`].
    pub unsafe fn revive(&self, my_tag: u16) {
        let (owner, local, shared) = if my_tag == TAG_FOREIGN {
            (TAG_NONE, 0, Shared::pack(1, State::Merged))
        } else {
            // Weak, so that weak references can be called again and the second death is an atomic step.
            (my_tag, 1, Shared::WEAK)
        };
        // Relaxed: pairs with nothing; nobody holds a reference, and a try-retain does not read the owner's tag for
        // more than to compare it with its own.
        self.owner.store(owner, Relaxed);
        self.local.set(local);
        // Release: pairs with the Acquire in `try_retain`, which may succeed from here on.
        self.shared.store(shared.bits(), Releasing);
    }

    /// Whether the caller's reference is the only one, so that nobody can tell if the object is changed in place.
    ///
    /// # Safety
    /// The caller holds a reference. `my_tag` is as for [`RcHeader::retain`].
    #[inline(always)]
    pub unsafe fn is_unique(&self, my_tag: u16) -> bool {
        // SAFETY: passed on.
        unsafe { self.has_only(1, my_tag) }
    }

    /// Whether there are `n` references, all counted by the calling thread, and no weak one. If it holds them all where no
    /// other thread looks, nobody else can reach the object.
    ///
    /// # Safety
    /// As for [`RcHeader::is_unique`].
    #[inline(always)]
    pub unsafe fn has_only(&self, n: u32, my_tag: u16) -> bool {
        // Relaxed: pairs with nothing, as in `retain`. Acquire: pairs with the Release half of a release by another
        // thread, whose uses of the object are over.
        self.owner.load(Relaxed) == my_tag && self.local.get() == n && self.shared.load(Acquire) == Shared::FRESH.bits()
    }

    /// How many references there are, as far as the calling thread can know: exact for the owner of an object that
    /// only it uses, for a merged object and in a stopped world; a guess of the shared part and one otherwise.
    ///
    /// # Safety
    /// The caller holds a reference. `my_tag` is as for [`RcHeader::retain`].
    pub unsafe fn count(&self, my_tag: u16) -> u64 {
        // Relaxed: pairs with nothing, as in `retain`; the number is stale when it is returned.
        let (owner, shared) = (self.owner.load(Relaxed), Shared::from_bits(self.shared.load(Relaxed)));
        let local = match owner {
            TAG_IMMORTAL => return u64::from(u32::MAX),
            TAG_NONE => 0,
            _ if owner == my_tag => i64::from(self.local.get()),
            _ => 1,
        };
        u64::try_from(local + i64::from(shared.count())).unwrap_or(1).max(1)
    }

    /// How many references there are, those included that wait in a queue to be released.
    ///
    /// # Safety
    /// The world is stopped: no other thread counts.
    pub unsafe fn whole_count(&self) -> u64 {
        // Relaxed: pairs with nothing; whoever stopped the world sees all that was done before.
        let (owner, shared) = (self.owner.load(Relaxed), Shared::from_bits(self.shared.load(Relaxed)));
        let local = match owner {
            TAG_IMMORTAL => return u64::from(u32::MAX),
            TAG_NONE => 0,
            _ => i64::from(self.local.get()),
        };
        u64::try_from(local + i64::from(shared.count())).unwrap_or(0)
    }

    /// Makes the object immortal.
    ///
    /// # Safety
    /// Nobody else can reach the object, or the world is stopped and the object is in no merge queue.
    pub unsafe fn immortalize(&self) {
        self.local.set(u32::MAX);
        // Relaxed: pairs with nothing; the duty above excludes readers.
        self.owner.store(TAG_IMMORTAL, Relaxed);
        self.shared.store(Shared::pack(SATURATED, State::Merged).bits(), Relaxed);
    }

    /// Whether the object is immortal, and no isolate's.
    #[inline(always)]
    pub fn is_immortal(&self) -> bool {
        // Relaxed: pairs with nothing; the word of an object without owner's count is fixed.
        self.owner() == TAG_IMMORTAL && self.shared.load(Relaxed) != Shared::KEPT.bits()
    }

    /// The tag of the owner: [`TAG_NONE`] once merged.
    #[inline(always)]
    pub fn owner(&self) -> u16 {
        // Relaxed: pairs with nothing; a tag that is not the caller's own may change at any moment.
        self.owner.load(Relaxed)
    }

    /// The object's lock.
    #[inline(always)]
    pub fn lock(&self) -> &ByteLock {
        &self.lock
    }

    /// The shape. What was written before the shape was set is visible.
    #[inline(always)]
    pub fn shape(&self) -> u32 {
        // Acquire: pairs with the Release in `set_shape`.
        self.shape.load(Acquire)
    }

    /// Sets the shape. The caller holds the object's lock or is the only one who can reach it; anything else loses
    /// one of two shapes.
    #[inline(always)]
    pub fn set_shape(&self, shape: u32) {
        // Release: pairs with the Acquire in `shape`: slots are filled before the shape says that they exist.
        self.shape.store(shape, Releasing);
    }

    /// Whether the owner is between the two parts of a release of the last reference that it counts.
    ///
    /// # Safety
    /// The caller is the owner or excludes it.
    pub(crate) unsafe fn is_ending(&self) -> bool {
        // Relaxed: pairs with nothing; the caller is or excludes the owner.
        self.owner.load(Relaxed) != TAG_NONE && self.local.get() == 0
    }

    /// Merges the counts and applies `settled` outstanding releases.
    ///
    /// # Safety
    /// The caller is the owner, or the owner has left or is absent and the caller holds its queue's lock, or the world is stopped.
    /// The caller owns `settled` references of the object and gives them up.
    pub(crate) unsafe fn merge(&self, settled: u32) -> Release {
        // Relaxed: pairs with nothing; the caller is or excludes the owner.
        if self.owner.load(Relaxed) == TAG_IMMORTAL {
            return Release::Alive;
        }
        let local = self.local.get();
        if !planted(Mutant::MergeSharedFirst) {
            self.local.set(0);
            // Relaxed: ordered before the shared word by its Release half below. First the tag, then the word: once
            // the word says merged another thread may free the object (CPython gh-119999).
            self.owner.store(TAG_NONE, Relaxed);
        }
        // AcqRel: pairs with itself in `release_shared`: a dead object's uses by others are over, and others see the
        // owner's.
        let before = self.update(AcqRel, |shared| Some(shared.merge(local, settled).next));
        if planted(Mutant::MergeSharedFirst) {
            self.local.set(0);
            self.owner.store(TAG_NONE, Relaxed);
        }
        if before.merge(local, settled).dead { Release::Dead } else { Release::Alive }
    }

    #[cold]
    #[inline(never)]
    fn retain_shared(&self) {
        // Relaxed: pairs with nothing, as in `retain`.
        if self.owner.load(Relaxed) == TAG_IMMORTAL {
            return;
        }
        self.add_shared();
    }

    /// Whether the object never dies: then nobody but its owner need count.
    #[inline(always)]
    pub fn is_kept(&self) -> bool {
        // Relaxed: pairs with nothing; a count that has left its range does not come back.
        Shared::from_bits(self.shared.load(Relaxed)).is_saturated()
    }

    #[inline(always)]
    fn add_shared(&self) {
        // A line that is only read stays in every processor's cache.
        if self.is_kept() {
            return;
        }
        // Relaxed: pairs with nothing; the caller has a reference, so the object is alive, and learns nothing new.
        let before = Shared::from_bits(self.shared.fetch_add(ONE, Relaxed));
        if before.is_saturated() {
            // Relaxed: pairs with nothing; a saturated count only has to stay away from the end of its range.
            self.shared.fetch_sub(ONE, Relaxed);
        }
    }

    #[cold]
    #[inline(never)]
    fn release_last_local(&self) -> Release {
        if planted(Mutant::DeadWithoutShared) {
            return Release::Dead;
        }
        // SAFETY: the caller of `release` is the owner: its tag was compared. Its reference was counted already.
        unsafe { self.merge(0) }
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn release_shared(&self) -> Release {
        self.give_up(Shared::release)
    }

    /// Takes references out of the shared word, as `f` of it says.
    #[inline(always)]
    fn give_up(&self, f: impl Fn(Shared) -> Drop) -> Release {
        // Relaxed: pairs with nothing, as in `retain`.
        if self.owner.load(Relaxed) == TAG_IMMORTAL {
            return Release::Alive;
        }
        let success = if planted(Mutant::ReleaseRelaxed) { Relaxed } else { AcqRel };
        // Relaxed: pairs with nothing; the exchange below decides.
        let mut seen = Shared::from_bits(self.shared.load(Relaxed));
        loop {
            let (next, outcome) = match f(seen) {
                Drop::Less(next) => (next, Release::Alive),
                Drop::Last(next) => (next, Release::Dead),
                Drop::Ask(next) => (next, Release::Queue),
                Drop::Stuck => return Release::Alive,
            };
            // AcqRel: pairs with itself: whoever finds the object dead has all other holders' uses behind it.
            match self.shared.compare_exchange_weak(seen.bits(), next.bits(), success, Relaxed) {
                Ok(_) => return outcome,
                Err(now) => seen = Shared::from_bits(now),
            }
        }
    }

    /// The owner has counted 2^32 references. From here on the object cannot die.
    #[cold]
    #[inline(never)]
    fn local_overflow(&self) {
        self.update(Relaxed, |shared| Some(shared.saturate()));
        self.local.set(1 << 31);
    }

    /// Replaces the shared word by `f` of it, unless that is `None`; returns what it was.
    fn update(&self, success: typhon_qsbr::sync::Ordering, f: impl Fn(Shared) -> Option<Shared>) -> Shared {
        // Acquire: pairs with the Release half of other updates, for callers that decide on what they see.
        let mut seen = Shared::from_bits(self.shared.load(Acquire));
        while let Some(next) = f(seen) {
            match self.shared.compare_exchange_weak(seen.bits(), next.bits(), success, Acquire) {
                Ok(_) => break,
                Err(now) => seen = Shared::from_bits(now),
            }
        }
        seen
    }
}

#[cfg(not(vm_loom))]
const _: () = {
    use std::mem::offset_of;
    assert!(size_of::<RcHeader>() == RcHeader::SIZE && align_of::<RcHeader>() == 4);
    assert!(offset_of!(RcHeader, local) == RcHeader::LOCAL_OFFSET);
    assert!(offset_of!(RcHeader, shape) == RcHeader::SHAPE_OFFSET);
    assert!(offset_of!(RcHeader, owner) == RcHeader::OWNER_OFFSET);
    assert!(offset_of!(RcHeader, flags) == RcHeader::FLAGS_OFFSET);
    assert!(offset_of!(RcHeader, lock) == RcHeader::LOCK_OFFSET);
    assert!(offset_of!(RcHeader, shared) == RcHeader::SHARED_OFFSET);
};
