//! Large blocks: each on its own, in a list, and the largest straight from the system. There are several lists, so that threads
//! seldom want the same one.
//!
//! A block past [`MAPPED`] is a mapping. Growing one moves pages, not bytes, so that a list at its isolate's limit does
//! not need its memory twice.

use super::{Heap, OutOfMemory, Space, kept};
use crate::thread;
use std::alloc::Layout;
use std::ops::ControlFlow;
use std::ptr;
use typhon_qsbr::sync::Mutex;

/// Precedes a large block.
#[repr(C, align(16))]
pub(super) struct Large {
    prev: *mut Large,
    pub(super) next: *mut Large,
    pub(super) size: usize,
    /// The number of its list.
    list: usize,
}

/// How many lists there are.
const LISTS: usize = 8;

/// An isolate's large blocks.
pub(super) struct Larges([List; LISTS]);

/// The first of its blocks, on a cache line of its own.
#[repr(align(64))]
struct List(Mutex<*mut Large>);

impl Larges {
    pub(super) fn new() -> Self {
        Self([(); LISTS].map(|()| List(Mutex::new(ptr::null_mut()))))
    }

    /// The list for what the running thread makes.
    fn own() -> usize {
        usize::from(thread::tag()) % LISTS
    }

    fn list(&self, number: usize) -> &Mutex<*mut Large> {
        &self.0[number].0
    }

    /// The first of each list.
    pub(super) fn firsts(&self) -> impl Iterator<Item = *mut Large> {
        self.0.iter().map(|list| *list.0.lock())
    }

    /// Frees all.
    ///
    /// # Safety
    /// Nobody uses them any more.
    pub(super) unsafe fn release(&self) {
        for list in &self.0 {
            let first = std::mem::replace(&mut *list.0.lock(), ptr::null_mut());
            // SAFETY: the caller's duty.
            unsafe { release_all(first) };
        }
    }
}

pub(super) const LARGE_HEAD: usize = size_of::<Large>();

/// Blocks of this size, head included, are mapped.
const MAPPED: usize = 4 << 20;
/// Of a mapping so much is given back at once: some two milliseconds' work.
const STRIDE: usize = 8 << 20;

/// Memory of `total` bytes; null if there is none.
unsafe fn obtain(total: usize) -> *mut Large {
    if total >= MAPPED {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
        // SAFETY: an anonymous private mapping of fresh address space.
        let at = unsafe { libc::mmap(ptr::null_mut(), total, access, kind, -1, 0) };
        return if at == libc::MAP_FAILED { ptr::null_mut() } else { at.cast() };
    }
    match Layout::from_size_align(total, 16) {
        // SAFETY: a head makes the size non-zero.
        Ok(layout) => unsafe { std::alloc::alloc(layout) }.cast(),
        Err(_) => ptr::null_mut(),
    }
}

/// Gives such memory back.
unsafe fn give_back(at: *mut Large, total: usize) {
    // SAFETY: the caller's memory came from `obtain(total)`, by one of the two ways.
    unsafe {
        if total >= MAPPED {
            libc::munmap(at.cast(), total);
        } else {
            std::alloc::dealloc(at.cast(), Layout::from_size_align_unchecked(total, 16));
        }
    }
}

/// Changes the size of such memory; null if there is none, and the old stays.
unsafe fn resize(at: *mut Large, old: usize, new: usize) -> *mut Large {
    // SAFETY: the caller's memory came from `obtain(old)`; contents up to the smaller size move along.
    unsafe {
        if old >= MAPPED && new >= MAPPED {
            let moved = libc::mremap(at.cast(), old, new, libc::MREMAP_MAYMOVE);
            return if moved == libc::MAP_FAILED { ptr::null_mut() } else { moved.cast() };
        }
        if old < MAPPED && new < MAPPED {
            return std::alloc::realloc(at.cast(), Layout::from_size_align_unchecked(old, 16), new).cast();
        }
        let moved = obtain(new);
        if !moved.is_null() {
            ptr::copy_nonoverlapping(at.cast::<u8>(), moved.cast(), old.min(new));
            give_back(at, old);
        }
        moved
    }
}

/// Frees every block of a list of large ones.
///
/// # Safety
/// Nobody uses them any more.
unsafe fn release_all(first: *mut Large) {
    let mut large = first;
    while !large.is_null() {
        // SAFETY: list members are live heads, and each is freed once.
        unsafe {
            let Large { next, size, .. } = large.read();
            give_back(large, size);
            large = next;
        }
    }
}

impl Heap {
    /// Large memory is charged; the allocator's meter sees only what is not mapped.
    fn add_large(&self, total: usize) {
        self.add(total);
        if total >= MAPPED {
            self.shift(total as isize);
        }
    }

    fn remove_large(&self, total: usize) {
        self.uncharge(total);
        if total >= MAPPED {
            self.shift((total as isize).wrapping_neg());
        }
    }

    #[cold]
    pub(super) fn large(&self, space: &Space, size: usize) -> Result<*mut u8, OutOfMemory> {
        let mut total = size.checked_add(LARGE_HEAD).ok_or(OutOfMemory)?;
        if let Some((size, bytes)) = kept::rounded(total) {
            if let Some(head) = space.kept.take(size) {
                // SAFETY: the block follows its head.
                return Ok(unsafe { head.add(1) }.cast());
            }
            total = bytes;
        }
        self.check(total)?;
        // SAFETY: the size is checked, and what comes back is freed through its head.
        let head = unsafe { obtain(total) };
        if head.is_null() {
            return Err(OutOfMemory);
        }
        self.add_large(total);
        let list = Larges::own();
        let mut first = self.common.large(space.kind.get()).list(list).lock();
        let next = *first;
        // SAFETY: freshly allocated and long enough for the head and the first word of the block.
        unsafe {
            head.write(Large { prev: ptr::null_mut(), next, size: total, list });
            head.add(1).cast::<u64>().write(0);
        }
        if !next.is_null() {
            // SAFETY: list members are live heads.
            unsafe { (*next).prev = head };
        }
        *first = head;
        // SAFETY: the block follows its head.
        Ok(unsafe { head.add(1) }.cast())
    }

    /// Changes a large block's size; its contents move along.
    ///
    /// # Safety
    /// `at` is a large block of this space; on success it is replaced by the returned one.
    pub(super) unsafe fn resize_large(&self, space: &Space, at: *mut u8, size: usize) -> Result<*mut u8, OutOfMemory> {
        let total = size.checked_add(LARGE_HEAD).ok_or(OutOfMemory)?;
        // SAFETY: the caller's block is large, so its head precedes it.
        let head = unsafe { at.cast::<Large>().sub(1) };
        // SAFETY: as above.
        let (old, list) = unsafe { ((*head).size, (*head).list) };
        if total <= old && total > old / 2 {
            return Ok(at);
        }
        if kept::rounded(total.max(old)).is_some() {
            let moved = self.large(space, size)?;
            // SAFETY: both blocks are live, distinct and at least this long; the old one's contents have moved.
            unsafe {
                ptr::copy_nonoverlapping(at, moved, size.min(old - LARGE_HEAD));
                self.free_large(space, at);
            }
            return Ok(moved);
        }
        // Only a mapping grows in place; anything else is there twice for a moment.
        let more = if old >= MAPPED { total.saturating_sub(old) } else { total };
        self.check(more)?;
        let mut first = self.common.large(space.kind.get()).list(list).lock();
        // SAFETY: the block came from `obtain(old)`.
        let moved = unsafe { resize(head, old, total) };
        if moved.is_null() {
            return Err(OutOfMemory);
        }
        // SAFETY: the head moved along; its neighbours are live heads of the same list.
        unsafe {
            (*moved).size = total;
            if (*moved).prev.is_null() {
                *first = moved;
            } else {
                (*(*moved).prev).next = moved;
            }
            if !(*moved).next.is_null() {
                (*(*moved).next).prev = moved;
            }
        }
        drop(first);
        self.remove_large(old);
        self.add_large(total);
        // SAFETY: the block follows its head.
        Ok(unsafe { moved.add(1) }.cast())
    }

    /// Returns a large block.
    ///
    /// # Safety
    /// `at` is a large block of this space and is dead.
    #[cold]
    pub(super) unsafe fn free_large(&self, space: &Space, at: *mut u8) {
        // SAFETY: the caller's block is large, so its head precedes it, and is live.
        unsafe {
            let head = at.cast::<Large>().sub(1);
            if !space.kept.put(head) && self.shrink(head).is_continue() {
                self.release_large(space, head);
            }
        }
    }

    /// Returns a large block to where it came from.
    ///
    /// # Safety
    /// The head is live, of this space, and its block is nobody's.
    pub(super) unsafe fn release_large(&self, space: &Space, head: *mut Large) {
        // SAFETY: the caller's duty; its neighbours are live heads.
        unsafe {
            let mut first = self.common.large(space.kind.get()).list((*head).list).lock();
            let Large { prev, next, size, .. } = head.read();
            if prev.is_null() {
                *first = next;
            } else {
                (*prev).next = next;
            }
            if !next.is_null() {
                (*next).prev = prev;
            }
            drop(first);
            self.remove_large(size);
            give_back(head, size);
        }
    }

    /// Gives a dead mapping back from its end until little is left. Stops when the isolate does: the rest goes with the
    /// heap.
    unsafe fn shrink(&self, head: *mut Large) -> ControlFlow<()> {
        // SAFETY: the caller's head is live and its block dead: a zero word says so to whoever walks the heap. What is
        // cut off are whole pages of the mapping.
        unsafe {
            let mut size = (*head).size;
            if size <= 2 * STRIDE {
                return ControlFlow::Continue(());
            }
            head.add(1).cast::<u64>().write(0);
            while size > STRIDE {
                let less = (size - 1) / STRIDE * STRIDE;
                libc::munmap(head.cast::<u8>().add(less).cast(), size - less);
                self.remove_large(size);
                self.add_large(less);
                (*head).size = less;
                size = less;
                if thread::stopping() {
                    return ControlFlow::Break(());
                }
            }
        }
        ControlFlow::Continue(())
    }
}
