//! The 16-byte header every heap object begins with.
//!
//! The counts and the owner tag are `typhon_rc`'s; the shape id names the object's type and attribute layout (see
//! [`crate::shape`]). The flags are the object layer's own.

use crate::shape::ShapeId;
use std::cell::Cell;

/// Owner tag of an object that is never freed.
pub const IMMORTAL: u16 = u16::MAX;

/// Header flags.
pub mod flag {
    /// Has weak references: the isolate's weakref table knows it.
    pub const WEAKREFS: u8 = 1;
    /// Its finalizer has run (PEP 442).
    pub const FINALIZED: u8 = 2;
    /// Reached by the collector's current pass.
    pub const MARKED: u8 = 4;
    /// Not tracked by the collector (atoms and containers of atoms).
    pub const UNTRACKED: u8 = 8;
    /// An interned string.
    pub const INTERNED: u8 = 16;
    /// On the trashcan's list or being deallocated.
    pub const DYING: u8 = 32;
    /// Part of a group that `repr` is visiting.
    pub const IN_REPR: u8 = 64;
}

/// What precedes every object's fields.
#[repr(C)]
pub struct Header {
    /// Count of references held by the owner.
    pub(crate) local: Cell<u32>,
    /// Type and layout.
    pub(crate) shape: Cell<u32>,
    /// The owning thread's tag, or [`IMMORTAL`].
    pub(crate) owner: Cell<u16>,
    /// See [`flag`].
    pub(crate) flags: Cell<u8>,
    /// The byte lock.
    pub(crate) lock: Cell<u8>,
    /// Count and state shared with other threads; scratch of the collector while the object is LOCAL.
    pub(crate) shared: Cell<u32>,
}

const _: () = assert!(size_of::<Header>() == 16 && align_of::<Header>() == 4);
const _: () = assert!(std::mem::offset_of!(Header, shape) == 4 && std::mem::offset_of!(Header, owner) == 8);
const _: () = assert!(std::mem::offset_of!(Header, flags) == 10 && std::mem::offset_of!(Header, shared) == 12);

impl Header {
    /// The header of a new object with one reference, owned by the running thread.
    #[inline(always)]
    pub fn new(shape: ShapeId, tag: u16) -> Self {
        Self {
            local: Cell::new(1),
            shape: Cell::new(shape.0),
            owner: Cell::new(tag),
            flags: Cell::new(0),
            lock: Cell::new(0),
            shared: Cell::new(0),
        }
    }

    /// The shape.
    #[inline(always)]
    pub fn shape(&self) -> ShapeId {
        ShapeId(self.shape.get())
    }

    /// Changes the shape: the object's layout must fit the new one.
    #[inline(always)]
    pub(crate) fn set_shape(&self, shape: ShapeId) {
        self.shape.set(shape.0);
    }

    /// Whether a flag is set.
    #[inline(always)]
    pub fn has(&self, bit: u8) -> bool {
        self.flags.get() & bit != 0
    }

    /// Sets a flag.
    #[inline(always)]
    pub fn set(&self, bit: u8) {
        self.flags.set(self.flags.get() | bit);
    }

    /// Clears a flag.
    #[inline(always)]
    pub fn unset(&self, bit: u8) {
        self.flags.set(self.flags.get() & !bit);
    }

    /// Whether the object is never freed.
    #[inline(always)]
    pub fn is_immortal(&self) -> bool {
        self.owner.get() == IMMORTAL
    }

    /// Makes the object immortal: it must hold only immortal things.
    pub fn immortalize(&self) {
        self.owner.set(IMMORTAL);
    }

    /// `sys.getrefcount`'s number (without the caller's own reference).
    pub fn count(&self) -> u32 {
        if self.is_immortal() { u32::MAX } else { self.local.get() }
    }

    /// Whether the only reference is the caller's.
    #[inline(always)]
    pub fn is_unique(&self) -> bool {
        self.local.get() == 1 && !self.is_immortal()
    }
}
