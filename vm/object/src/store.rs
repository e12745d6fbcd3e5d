//! The one way a reference gets into an object.
//!
//! Every field of an object that holds a value is a [`Slot`] (or raw memory of a container, written through
//! [`write()`]). Storing names the container, because a LOCAL value stored into a SHARED container must first be shared
//! (DESIGN 3.3): the barrier stands here and nowhere else. What a store takes out of a container that other threads may be
//! reading is left behind for a grace period (see `grace`).

use crate::grace::Garbage;
use crate::header::Header;
use crate::thread::{self, Thread};
use crate::value::Value;
use std::cell::UnsafeCell;
use typhon_qsbr::words;

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
        let bits = self.bits();
        Value::from_ref(&bits).clone()
    }

    /// Looks at the contents.
    ///
    /// # Safety
    /// This thread stores nothing into this slot while the borrow lives, nor does it poll or wait: in particular no Python
    /// code runs. Another thread may store: then the borrow is to one or the other.
    #[inline(always)]
    pub unsafe fn peek(&self) -> &Value {
        // SAFETY: the caller's duty.
        unsafe { &*self.0.get() }
    }

    /// Looks at the contents as they are at this moment, whoever stores meanwhile.
    ///
    /// # Safety
    /// This thread neither stores into this slot while the result lives, nor polls or waits.
    #[inline(always)]
    pub unsafe fn glance(&self) -> Glance {
        Glance(self.bits())
    }

    /// The raw word. What it refers to stays until this thread polls or waits, or stores into the slot.
    #[inline(always)]
    pub fn bits(&self) -> u64 {
        // SAFETY: the slot's own word.
        unsafe { words::load(self.word()) }
    }

    /// Whether the field is empty.
    #[inline(always)]
    pub fn is_absent(&self) -> bool {
        self.bits() == 0
    }

    /// Stores into a field of `container`; the old value is dropped after the new one is in place.
    #[inline(always)]
    pub fn set(&self, container: &Header, v: Value) {
        barrier(container, &v);
        if thread::is_shared() {
            return self.put(v);
        }
        // SAFETY: no other thread runs, and no borrow into the slot is alive (`peek` says so).
        drop(unsafe { std::mem::replace(&mut *self.0.get(), v) });
    }

    /// Stores and hands the old value back.
    #[inline(always)]
    pub fn replace(&self, container: &Header, v: Value) -> Value {
        barrier(container, &v);
        if thread::is_shared() {
            return self.exchange(v);
        }
        // SAFETY: no other thread runs, and no borrow into the slot is alive (`peek` says so).
        unsafe { std::mem::replace(&mut *self.0.get(), v) }
    }

    /// As [`Slot::replace`], where the caller knows that it is alone.
    ///
    /// # Safety
    /// The running thread is not [`Thread::is_shared`], or no other one can reach the slot.
    #[inline(always)]
    pub unsafe fn replace_alone(&self, container: &Header, v: Value) -> Value {
        barrier(container, &v);
        // SAFETY: as for `replace`.
        unsafe { std::mem::replace(&mut *self.0.get(), v) }
    }

    /// Empties the field.
    #[inline(always)]
    pub fn take(&self) -> Value {
        if thread::is_shared() {
            return self.exchange(Value::ABSENT);
        }
        // SAFETY: as for `replace`.
        unsafe { std::mem::take(&mut *self.0.get()) }
    }

    /// As `set`, while other threads may read or write the slot.
    #[cold]
    #[inline(never)]
    fn put(&self, v: Value) {
        // SAFETY: the slot's own word; the word that comes out is this call's alone to leave behind.
        release_later(unsafe { Value::from_raw(words::swap(self.word(), v.into_raw())) });
    }

    /// As `replace`, while other threads may read or write the slot.
    #[cold]
    #[inline(never)]
    fn exchange(&self, v: Value) -> Value {
        // SAFETY: the slot's own word; the word that comes out is this call's alone to leave behind.
        left(unsafe { Value::from_raw(words::swap(self.word(), v.into_raw())) })
    }

    /// Stores and hands the old value out, for who holds the container; that is to be `left`.
    #[inline(always)]
    pub(crate) fn exchange_held(&self, v: Value) -> Value {
        // SAFETY: the slot's own word; the word that comes out is this call's alone.
        unsafe { Value::from_raw(words::swap(self.word(), v.into_raw())) }
    }

    /// Stores, without the container's lock, and hands the old value out, which is to be `left`; an empty slot stays so, and
    /// hands `v` back.
    #[inline(always)]
    pub(crate) fn refill(&self, v: Value) -> Result<Value, Value> {
        let v = std::mem::ManuallyDrop::new(v);
        // SAFETY: the slot's own word.
        match unsafe { words::refill(self.word(), v.bits()) } {
            // SAFETY: the word that comes out is this call's alone, and `v` is the slot's.
            Some(old) => Ok(unsafe { Value::from_raw(old) }),
            None => Err(std::mem::ManuallyDrop::into_inner(v)),
        }
    }

    /// Fills an empty slot, for who holds the container: nobody else fills one that is empty.
    #[inline(always)]
    pub(crate) fn fill_held(&self, v: Value) {
        debug_assert!(self.is_absent(), "a slot that is to be filled is not empty");
        // SAFETY: the slot's own word, which refers to nothing.
        unsafe { words::store(self.word(), v.into_raw()) }
    }

    #[inline(always)]
    fn word(&self) -> *mut u64 {
        self.0.get().cast()
    }
}

/// What was in a slot: a value without a reference of its own.
pub struct Glance(u64);

impl std::ops::Deref for Glance {
    type Target = Value;

    #[inline(always)]
    fn deref(&self) -> &Value {
        Value::from_ref(&self.0)
    }
}

impl Default for Slot {
    fn default() -> Self {
        Self::empty()
    }
}

/// A new reference to what was taken out of a container, whose own reference is left behind for those who read it.
#[inline(always)]
pub(crate) fn left(v: Value) -> Value {
    if v.is_object() && thread::is_shared() { leave(v) } else { v }
}

#[cold]
#[inline(never)]
fn leave(v: Value) -> Value {
    let kept = v.clone();
    release_later(v);
    kept
}

/// Gives up a reference that was taken out of a container.
#[inline(always)]
pub(crate) fn release_later(v: Value) {
    if v.is_object() {
        release_object_later(v);
    }
}

fn release_object_later(v: Value) {
    match thread::current() {
        Some(t) if thread::is_shared() && v.header().is_some_and(|h| !h.is_immortal()) => {
            t.retire(Garbage::Reference(v))
        }
        _ => drop(v),
    }
}

/// Frees a raw block that a container had its contents in.
///
/// # Safety
/// The block came from `alloc_raw(size)` of the isolate, and nobody who comes from now on can reach it.
pub(crate) unsafe fn free_later(t: &Thread, at: *mut u8, size: usize) {
    if thread::is_shared() {
        t.retire(Garbage::Block(at, size));
    } else {
        // SAFETY: the caller's duty; no other thread runs.
        unsafe { t.heap().free_raw(at, size) };
    }
}

/// The lock of a container, if there are threads to lock out. While it is held nothing waits, polls or drops a reference.
#[must_use = "what is not held is not locked"]
pub(crate) struct Held<'a>(Option<&'a Header>);

/// As [`hold`], on the running thread `t`.
#[inline(always)]
pub(crate) fn hold_on<'a>(t: &Thread, container: &'a Header) -> Held<'a> {
    if t.is_shared() { lock(container) } else { Held(None) }
}

/// Runs `f`, which changes an object, under its lock if there are threads to lock out. It neither waits, polls nor drops a
/// reference.
#[inline(always)]
pub fn locked<R>(container: &Header, f: impl FnOnce() -> R) -> R {
    if thread::is_shared() { with_lock(container, f) } else { f() }
}

#[cold]
#[inline(never)]
fn with_lock<R>(container: &Header, f: impl FnOnce() -> R) -> R {
    let _held = lock(container);
    f()
}

/// Locks a container that is to be changed.
#[inline(always)]
pub(crate) fn hold(container: &Header) -> Held<'_> {
    if thread::is_shared() { lock(container) } else { Held(None) }
}

#[cold]
#[inline(never)]
fn lock(container: &Header) -> Held<'_> {
    // Waits online: who holds a lock comes to an end without anybody else.
    container.rc().lock().lock(&mut ());
    Held(Some(container))
}

impl Drop for Held<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        if let Some(container) = self.0 {
            container.rc().lock().unlock();
        }
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
    unsafe { words::store(at.cast::<u64>(), v.into_raw()) }
}

/// The word of `v`, to be stored into raw memory of `container`.
#[inline(always)]
pub(crate) fn word(container: &Header, v: Value) -> u64 {
    barrier(container, &v);
    v.into_raw()
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

/// Stores into the process's objects happen only while the process sets itself up; everything stored there becomes immortal
/// with it (see `process`).
#[cold]
#[inline(never)]
fn publish(container: &Header, bits: u64) {
    debug_assert!(
        // What an isolate keeps for good is still its own.
        !container.rc().is_immortal()
            || Value::from_ref(&bits).header().is_none_or(Header::is_immortal)
            || thread::is_bootstrap(),
        "a LOCAL value is stored into an object of owner {}",
        container.owner()
    );
}
