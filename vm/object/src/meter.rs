//! The meter: a global allocator that tells each isolate what its natives take.
//!
//! Objects and their payloads live in the isolate's [`heap`](crate::heap) and are charged before they are made. What
//! natives build on the way (a `Vec` of results, a text in the making, a table of a library) comes from the global
//! allocator, which cannot ask first. A program that installs this allocator has those bytes counted too, so that no
//! native can outgrow an isolate's limit by more than it takes between two polls. What a thread without an isolate takes
//! for one (see [`aside`](crate::aside)) is told to whoever waits for it.

use crate::heap::Heap;
use crate::thread;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use typhon_qsbr::{Flag, Tally};

/// What a thread without an isolate takes for one.
pub struct Side {
    /// Bytes, as far as they have been told; negative numbers wrap.
    taken: Tally,
    left: Flag,
}

impl Default for Side {
    fn default() -> Self {
        Self { taken: Tally::new(), left: Flag::new(false) }
    }
}

impl Side {
    /// What has been told of.
    pub fn taken(&self) -> isize {
        self.taken.get() as isize
    }

    /// Nobody wants it any more.
    pub fn leave(&self) {
        self.left.set();
    }
}

/// What the calling thread took and did not give back while no isolate was attached to it.
struct Loose {
    bytes: Cell<isize>,
    /// How much of it has been told.
    told: Cell<isize>,
    /// Whom to tell; null, or valid while `tally` runs.
    side: Cell<*const Side>,
}

thread_local! {
    static LOOSE: Loose =
        const { Loose { bytes: Cell::new(0), told: Cell::new(0), side: Cell::new(std::ptr::null()) } };
}

/// Bytes between two tales.
const STEP: usize = 64 << 10;

impl Loose {
    #[inline]
    fn shift(&self, by: isize) {
        let bytes = self.bytes.get().wrapping_add(by);
        self.bytes.set(bytes);
        if bytes.wrapping_sub(self.told.get()).unsigned_abs() > STEP {
            self.tell();
        }
    }

    #[cold]
    #[inline(never)]
    fn tell(&self) {
        let more = self.bytes.get().wrapping_sub(self.told.replace(self.bytes.get()));
        if let Some(side) = self.side() {
            side.taken.add(more as u64);
        }
    }

    fn side(&self) -> Option<&Side> {
        // SAFETY: `tally` sets the pointer to what it borrows, and takes it back before that borrow ends; nobody keeps what
        // is given here.
        unsafe { self.side.get().as_ref() }
    }
}

/// Runs `f` on a thread without an isolate, which tells `side` of what it takes; how many bytes it took and kept.
pub fn tally<R>(side: &Side, f: impl FnOnce() -> R) -> (R, isize) {
    struct Back(*const Side);
    impl Drop for Back {
        fn drop(&mut self) {
            LOOSE.with(|loose| loose.side.set(self.0));
        }
    }
    LOOSE.with(|loose| {
        let before = loose.bytes.get();
        loose.told.set(before);
        let back = Back(loose.side.replace(side));
        let made = f();
        drop(back);
        (made, loose.bytes.get().wrapping_sub(before))
    })
}

/// Whether somebody waits for what the calling thread tallies.
pub(crate) fn wanted() -> bool {
    LOOSE.with(|loose| loose.side().is_none_or(|side| !side.left.get()))
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
        None => LOOSE.with(|loose| loose.shift(size as isize)),
    }
}

#[inline]
fn gave(size: usize) {
    match thread::current() {
        Some(t) => t.heap().gave(size),
        None => LOOSE.with(|loose| loose.shift((size as isize).wrapping_neg())),
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
