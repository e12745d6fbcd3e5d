//! Poison: in a build for the address sanitizer, whoever touches a free block of the heap is caught.
//!
//! The sanitizer knows blocks of the global allocator; of the heap it would see pages only. Under `cfg(vm_asan)` a free
//! block is out of bounds for everybody but the lists here, and rests for a while before it is given out again, so that
//! late uses meet it free (`.ci/asan`, docs/testing.md). Otherwise nothing of this is there.

#[cfg(vm_asan)]
use super::GRAIN;
#[cfg(vm_asan)]
use super::common::Kind;
use super::{Free, Heap, Space};
#[cfg(vm_asan)]
use std::ffi::{c_int, c_void};

#[cfg(vm_asan)]
unsafe extern "C" {
    fn __asan_poison_memory_region(at: *const c_void, size: usize);
    fn __asan_unpoison_memory_region(at: *const c_void, size: usize);
    fn __asan_address_is_poisoned(at: *const c_void) -> c_int;
}

/// Nobody may touch `size` bytes from here on.
#[inline(always)]
pub(super) fn put(at: *mut u8, size: usize) {
    #[cfg(vm_asan)]
    // SAFETY: the sanitizer's own tables say what may be touched; the memory itself stays as it is.
    unsafe {
        __asan_poison_memory_region(at.cast(), size);
    }
    let _ = (at, size);
}

/// They may be used again.
#[inline(always)]
pub(super) fn lift(at: *mut u8, size: usize) {
    #[cfg(vm_asan)]
    // SAFETY: as in `put`.
    unsafe {
        __asan_unpoison_memory_region(at.cast(), size);
    }
    let _ = (at, size);
}

/// Whether an address may not be touched.
#[inline(always)]
pub(super) fn is_on(at: usize) -> bool {
    #[cfg(vm_asan)]
    // SAFETY: as in `put`.
    let on = unsafe { __asan_address_is_poisoned(at as *const c_void) != 0 };
    #[cfg(not(vm_asan))]
    let on = {
        let _ = at;
        false
    };
    on
}

impl Free {
    /// Makes a block free, with `next` behind it on its list.
    ///
    /// # Safety
    /// A block of at least 16 bytes that is nobody's.
    #[inline(always)]
    pub(super) unsafe fn put(block: *mut Self, next: *mut Self) {
        lift(block.cast(), size_of::<Self>());
        // SAFETY: the caller's duty.
        unsafe { block.write(Self { zero: 0, next }) };
        put(block.cast(), size_of::<Self>());
    }

    /// What a free block says.
    ///
    /// # Safety
    /// A free block, on a list of the caller's.
    #[inline(always)]
    pub(super) unsafe fn read(block: *mut Self) -> Self {
        lift(block.cast(), size_of::<Self>());
        // SAFETY: the caller's duty.
        let said = unsafe { block.read() };
        put(block.cast(), size_of::<Self>());
        said
    }

    /// The block behind a free one on its list.
    ///
    /// # Safety
    /// As for [`Free::read`].
    #[inline(always)]
    pub(super) unsafe fn next(block: *mut Self) -> *mut Self {
        // SAFETY: passed on.
        unsafe { Self::read(block) }.next
    }
}

/// Blocks that rest.
#[cfg(vm_asan)]
#[derive(Default)]
pub(super) struct Rest(std::cell::RefCell<std::collections::VecDeque<(Kind, usize, *mut Free)>>);

#[cfg(vm_asan)]
impl Heap {
    /// So many blocks rest in each thread.
    const RESTING: usize = 1 << 16;

    /// A block has become free: it rests, and another one that has rested goes to its list.
    pub(super) fn lay_to_rest(&self, space: &Space, class: usize, block: *mut Free) {
        put(block.cast(), class * GRAIN);
        let mut rest = self.rest.0.borrow_mut();
        rest.push_back((space.kind.get(), class, block));
        if rest.len() > Self::RESTING
            && let Some(rested) = rest.pop_front()
        {
            self.put_on_list(rested);
        }
    }

    /// All blocks have rested.
    pub(super) fn wake_all(&self) {
        self.rest.0.take().into_iter().for_each(|rested| self.put_on_list(rested));
    }

    fn put_on_list(&self, (kind, class, block): (Kind, usize, *mut Free)) {
        for space in self.spaces().into_iter().filter(|space| space.kind.get() == kind) {
            // SAFETY: a block that is nobody's.
            unsafe { Free::put(block, space.free[class].get()) };
            space.free[class].set(block);
        }
    }
}

#[cfg(not(vm_asan))]
impl Heap {
    /// A block has become free.
    #[inline(always)]
    pub(super) fn lay_to_rest(&self, space: &Space, class: usize, block: *mut Free) {
        // SAFETY: a block that is nobody's.
        unsafe { Free::put(block, space.free[class].get()) };
        space.free[class].set(block);
    }

    /// All blocks have rested.
    pub(super) fn wake_all(&self) {}
}
