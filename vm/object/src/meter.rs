//! The meter: a global allocator that tells each isolate what its natives take.
//!
//! Objects and their payloads live in the isolate's [`heap`](crate::heap) and are charged before they are made. What
//! natives build on the way (a `Vec` of results, a text in the making, a table of a library) comes from the global
//! allocator, which cannot ask first. A program that installs this allocator has those bytes counted too, so that no
//! native can outgrow an isolate's limit by more than it takes between two polls.

use crate::heap::Heap;
use crate::thread;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;

thread_local! {
    /// What the calling thread took and did not give back while no isolate was attached to it.
    static LOOSE: Cell<isize> = const { Cell::new(0) };
}

/// Runs `f` on a thread without an isolate; how many bytes it took and kept.
pub fn tally<R>(f: impl FnOnce() -> R) -> (R, isize) {
    let before = LOOSE.get();
    let made = f();
    (made, LOOSE.get().wrapping_sub(before))
}

/// Counts what the isolate attached to the calling thread takes of `A`.
pub struct Metered<A>(pub A);

impl Heap {
    /// As if the meter had seen so many bytes come or go: what a thread of the process took for this isolate.
    pub fn note_outside(&self, bytes: isize) {
        match usize::try_from(bytes) {
            Ok(bytes) => self.took(bytes),
            Err(_) => self.gave(bytes.unsigned_abs()),
        }
    }
}

#[inline]
fn took(size: usize) {
    match thread::current() {
        Some(t) => t.heap().took(size),
        None => LOOSE.set(LOOSE.get().wrapping_add_unsigned(size)),
    }
}

#[inline]
fn gave(size: usize) {
    match thread::current() {
        Some(t) => t.heap().gave(size),
        None => LOOSE.set(LOOSE.get().wrapping_sub_unsigned(size)),
    }
}

// SAFETY: every call is passed on as it came; counting touches cells and one flag word, and never allocates.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Metered<A> {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: passed on.
        unsafe { self.0.alloc(layout) }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        took(layout.size());
        // SAFETY: passed on.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    #[inline]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        gave(layout.size());
        took(size);
        // SAFETY: passed on.
        unsafe { self.0.realloc(at, layout, size) }
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        gave(layout.size());
        // SAFETY: passed on.
        unsafe { self.0.dealloc(at, layout) }
    }
}
