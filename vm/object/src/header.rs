//! The 16-byte header every heap object begins with: `typhon_rc`'s counts, and what the object layer adds to them.
//!
//! The shape id names the object's type and attribute layout (see [`crate::shape`]).

use crate::shape::ShapeId;
use crate::thread;
use crate::value::Value;
use typhon_rc::{RcHeader, Release, TAG_IMMORTAL, TryRetain};

/// Header flags of the object layer (bits 0 and 1 are `typhon_rc`'s).
pub mod flag {
    /// Has weak references: the isolate's weakref table knows it.
    pub const WEAKREFS: u8 = 4;
    /// Its finalizer has run (PEP 442).
    pub const FINALIZED: u8 = 8;
    /// Not tracked by the collector (atoms and containers of atoms).
    pub const UNTRACKED: u8 = 16;
    /// An interned string.
    pub const INTERNED: u8 = 32;
    /// On the trashcan's list or being deallocated.
    pub const DYING: u8 = 64;
    /// In a collector's trial: a candidate that nothing outside is known to reach.
    pub const IN_TRIAL: u8 = 128;
}

/// What precedes every object's fields.
#[repr(transparent)]
pub struct Header(RcHeader);

impl Header {
    /// The header of a new object with one reference, owned by the running thread.
    #[inline(always)]
    pub fn new(shape: ShapeId, tag: u16) -> Self {
        Self(RcHeader::new(shape.0, tag, 0))
    }

    /// One reference more; the caller has one.
    #[inline(always)]
    pub(crate) fn retain(&self) {
        // SAFETY: the caller borrows a reference, and the tag is this thread's own.
        if !unsafe { self.0.retain_fast(thread::tag()) } {
            self.retain_rest();
        }
    }

    #[cold]
    #[inline(never)]
    fn retain_rest(&self) {
        match thread::current() {
            Some(t) => t.retain_other(self),
            // SAFETY: as in `retain`.
            None => unsafe { self.0.retain_rest(thread::tag()) },
        }
    }

    /// One reference less; true if it was the last.
    ///
    /// # Safety
    /// The caller gives up a reference of its own; unless told `true` it does not touch the object again.
    #[inline(always)]
    pub(crate) unsafe fn release(&self) -> bool {
        // SAFETY: passed on; the tag is this thread's own.
        unsafe { !self.release_fast() && self.release_rest() }
    }

    /// One reference less; false if [`Header::release_rest`] must see to the rest.
    ///
    /// # Safety
    /// As for [`Header::release`].
    #[inline(always)]
    pub(crate) unsafe fn release_fast(&self) -> bool {
        // SAFETY: passed on; the tag is this thread's own.
        unsafe { self.0.release_fast(thread::tag()) }
    }

    /// Whether the reference just given up was the last.
    ///
    /// # Safety
    /// [`Header::release_fast`] has just answered `false`.
    #[inline]
    pub(crate) unsafe fn release_rest(&self) -> bool {
        let tag = thread::tag();
        if self.0.owner() != tag && thread::current().is_some_and(|t| t.puts_back(self)) {
            return false;
        }
        // SAFETY: passed on; the tag is this thread's own.
        match unsafe { self.0.release_rest(tag) } {
            Release::Alive => false,
            Release::Dead => true,
            Release::Queue => thread::hand_back(self),
        }
    }

    /// A reference for somebody who holds none, unless the object is dead; it is marked (see [`Header::mark_weak`]).
    pub(crate) fn try_retain(&self) -> Option<Value> {
        // SAFETY: whoever asks keeps the memory from being freed; the tag is this thread's own.
        match unsafe { self.0.try_retain(thread::tag()) } {
            // SAFETY: the reference that was just taken.
            TryRetain::Retained => Some(unsafe { Value::from_raw(std::ptr::from_ref(self) as u64) }),
            TryRetain::Dead => None,
            TryRetain::Unknown => {
                debug_assert!(false, "an object with weak references is not marked");
                None
            }
        }
    }

    /// As `Header::try_retain` of what may not be marked: then nobody gets a reference.
    pub fn retain_if_alive(&self) -> Option<Value> {
        // SAFETY: whoever asks keeps the memory from being freed; the tag is this thread's own.
        match unsafe { self.0.try_retain(thread::tag()) } {
            // SAFETY: the reference that was just taken.
            TryRetain::Retained => Some(unsafe { Value::from_raw(std::ptr::from_ref(self) as u64) }),
            TryRetain::Dead | TryRetain::Unknown => None,
        }
    }

    /// Lets other threads `Header::try_retain` the object.
    pub fn mark_weak(&self) {
        // SAFETY: `&self` borrows a reference, or no other thread runs.
        unsafe { self.0.mark_weak() }
    }

    /// The counts, for `typhon_rc`'s protocols.
    #[inline(always)]
    pub fn rc(&self) -> &RcHeader {
        &self.0
    }

    /// The shape.
    #[inline(always)]
    pub fn shape(&self) -> ShapeId {
        ShapeId(self.0.shape())
    }

    /// Changes the shape: the object's layout must fit the new one.
    #[inline(always)]
    pub fn set_shape(&self, shape: ShapeId) {
        self.0.set_shape(shape.0);
    }

    /// Whether a flag is set.
    #[inline(always)]
    pub fn has(&self, bit: u8) -> bool {
        self.0.flags() & bit != 0
    }

    /// Sets a flag.
    #[inline(always)]
    pub fn set(&self, bit: u8) {
        if thread::is_shared() {
            self.0.set_flags(bit);
        } else {
            self.0.put_flags_alone(bit, bit);
        }
    }

    /// Sets or clears a flag while no other thread runs.
    #[inline(always)]
    pub(crate) fn put_alone(&self, bit: u8, on: bool) {
        self.0.put_flags_alone(bit, if on { bit } else { 0 });
    }

    /// Clears a flag.
    #[inline(always)]
    pub fn unset(&self, bit: u8) {
        if thread::is_shared() {
            self.0.clear_flags(bit);
        } else {
            self.0.put_flags_alone(bit, 0);
        }
    }

    /// The owner's tag.
    #[inline(always)]
    pub fn owner(&self) -> u16 {
        self.0.owner()
    }

    /// Whether the object is never freed.
    #[inline(always)]
    pub fn is_immortal(&self) -> bool {
        self.0.owner() == TAG_IMMORTAL
    }

    /// Makes the object immortal.
    ///
    /// # Safety
    /// Nobody else can reach the object yet, and it holds only immortal things.
    pub unsafe fn immortalize(&self) {
        // SAFETY: the caller's duty.
        unsafe { self.0.immortalize() }
    }

    /// `sys.getrefcount`'s number (without the caller's own reference).
    pub fn count(&self) -> u32 {
        // SAFETY: `&self` borrows a reference; the tag is this thread's own.
        u32::try_from(unsafe { self.0.count(thread::tag()) }).unwrap_or(u32::MAX)
    }

    /// How many references there are, wherever they are counted.
    pub(crate) fn whole_count(&self) -> u32 {
        // SAFETY: asked by the collector, while no other thread of the isolate runs.
        u32::try_from(unsafe { self.0.whole_count() }).unwrap_or(u32::MAX)
    }

    /// Whether the only reference is the caller's.
    #[inline(always)]
    pub fn is_unique(&self) -> bool {
        // SAFETY: `&self` borrows a reference; the tag is this thread's own.
        unsafe { self.0.is_unique(thread::tag()) }
    }
}
