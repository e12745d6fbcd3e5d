//! The one way a reference gets into an object.
//!
//! Every field of an object that holds a value is a [`Slot`] (or raw memory of a container, written through
//! [`write()`]). Storing names the container, because a LOCAL value stored into a SHARED container must first be shared
//! (DESIGN 3.3): the barrier stands here and nowhere else.

use crate::header::Header;
use crate::thread;
use crate::value::Value;
use std::cell::UnsafeCell;

/// A field that holds a value.
#[repr(transparent)]
pub struct Slot(UnsafeCell<Value>);

impl Slot {
    /// A field of an object under construction.
    #[inline(always)]
    pub const fn new(v: Value) -> Self {
        Self(UnsafeCell::new(v))
    }

    /// An empty field.
    #[inline(always)]
    pub const fn empty() -> Self {
        Self::new(Value::ABSENT)
    }

    /// A new reference to the contents (absent if empty).
    #[inline(always)]
    pub fn get(&self) -> Value {
        // SAFETY: the isolate's threads run one at a time, and no reference into a slot outlives a call that could
        // store into it (`peek` says so).
        unsafe { (*self.0.get()).clone() }
    }

    /// Looks at the contents.
    ///
    /// # Safety
    /// Nothing is stored into this slot while the borrow lives: in particular no Python code runs.
    #[inline(always)]
    pub unsafe fn peek(&self) -> &Value {
        // SAFETY: the caller's duty.
        unsafe { &*self.0.get() }
    }

    /// The raw word.
    #[inline(always)]
    pub fn bits(&self) -> u64 {
        // SAFETY: as for `get`.
        unsafe { (*self.0.get()).bits() }
    }

    /// Whether the field is empty.
    #[inline(always)]
    pub fn is_absent(&self) -> bool {
        self.bits() == 0
    }

    /// Stores into a field of `container`; the old value is dropped after the new one is in place.
    #[inline(always)]
    pub fn set(&self, container: &Header, v: Value) {
        drop(self.replace(container, v));
    }

    /// Stores and hands the old value back.
    #[inline(always)]
    pub fn replace(&self, container: &Header, v: Value) -> Value {
        barrier(container, &v);
        // SAFETY: as for `get`: no borrow into the slot is alive.
        unsafe { std::mem::replace(&mut *self.0.get(), v) }
    }

    /// Empties the field.
    #[inline(always)]
    pub fn take(&self) -> Value {
        // SAFETY: as for `get`.
        unsafe { std::mem::take(&mut *self.0.get()) }
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::empty()
    }
}

/// Stores into raw memory of `container`, which holds no value yet at `at`.
///
/// # Safety
/// `at` is valid for a write and its present contents need not be dropped.
#[inline(always)]
pub unsafe fn write(container: &Header, at: *mut Value, v: Value) {
    barrier(container, &v);
    // SAFETY: the caller's duty.
    unsafe { at.write(v) }
}

/// Stores into an object under construction, which is its maker's alone: there is nothing to publish.
///
/// # Safety
/// As for [`write()`].
#[inline(always)]
pub unsafe fn init(at: *mut Value, v: Value) {
    // SAFETY: the caller's duty.
    unsafe { at.write(v) }
}

/// Where a reference to a LOCAL object will be seen to become reachable from one that is not.
#[inline(always)]
fn barrier(container: &Header, v: &Value) {
    if cfg!(debug_assertions) && container.is_immortal() && v.is_object() {
        // The word, not the place: a caller whose local's address is handed out cannot end in a jump.
        publish(container, v.bits());
    }
}

/// Stores into immortal objects happen only while the process sets itself up; everything stored there becomes immortal
/// with it (see `process`).
#[cold]
#[inline(never)]
fn publish(container: &Header, bits: u64) {
    debug_assert!(
        Value::from_ref(&bits).header().is_none_or(Header::is_immortal) || thread::is_bootstrap(),
        "a LOCAL value is stored into an object of owner {}",
        container.owner()
    );
}
