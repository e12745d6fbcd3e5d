//! Kept: the smaller ones of the large blocks, which a thread has freed and will want again.
//!
//! Tables of dicts and arrays of lists come and go in a few sizes. Each would be a call of the allocator, two changes of the
//! account and two of a list that threads have in common. So their sizes are rounded up, four to each power of two, and a
//! few of each stay with the thread: charged, in their list, and free by their first word. A heap at its limit gives them back.

use super::Heap;
use super::large::Large;
use std::cell::Cell;
use std::ptr;

/// The largest that are kept, head included.
const LARGEST: usize = 16 << 10;
/// Below the smallest.
const SMALLEST_LOG2: u32 = super::SMALL_MAX.ilog2();
/// How many sizes there are.
const SIZES: usize = 4 * (LARGEST.ilog2() - SMALLEST_LOG2) as usize;
/// How many of each size are kept.
const DEPTH: u8 = 4;

/// One thread's.
pub(super) struct Kept {
    first: [Cell<*mut Large>; SIZES],
    count: [Cell<u8>; SIZES],
}

/// Which size a block of `total` bytes has, head included, and how many bytes that are.
pub(super) fn rounded(total: usize) -> Option<(usize, usize)> {
    if total > LARGEST || cfg!(vm_asan) {
        return None;
    }
    let log2 = (total - 1).ilog2().max(SMALLEST_LOG2);
    let quarter = (total - 1) >> (log2 - 2) & 3;
    Some(((log2 - SMALLEST_LOG2) as usize * 4 + quarter, (quarter + 5) << (log2 - 2)))
}

impl Kept {
    pub(super) const fn new() -> Self {
        Self { first: [const { Cell::new(ptr::null_mut()) }; SIZES], count: [const { Cell::new(0) }; SIZES] }
    }

    /// A block of that size, which is the caller's now.
    pub(super) fn take(&self, size: usize) -> Option<*mut Large> {
        let head = self.first[size].get();
        if head.is_null() {
            return None;
        }
        // SAFETY: what is kept is nobody's but this thread's, and its second word leads to the next.
        self.first[size].set(unsafe { *head.add(1).cast::<*mut Large>().add(1) });
        self.count[size].set(self.count[size].get() - 1);
        Some(head)
    }

    /// Keeps a block; false if it is of none of the sizes, or there are enough.
    ///
    /// # Safety
    /// Its head is live, and the block is nobody's.
    pub(super) unsafe fn put(&self, head: *mut Large) -> bool {
        // SAFETY: the caller's duty.
        let total = unsafe { (*head).size };
        let Some((size, _)) = rounded(total).filter(|(_, bytes)| *bytes == total) else { return false };
        let count = self.count[size].get();
        if count == DEPTH {
            return false;
        }
        // SAFETY: the block is longer than two words. The first says that it is free, to whoever walks the heap.
        unsafe {
            head.add(1).cast::<u64>().write(0);
            head.add(1).cast::<*mut Large>().add(1).write(self.first[size].get());
        }
        self.first[size].set(head);
        self.count[size].set(count + 1);
        true
    }
}

impl Heap {
    /// Gives back what is kept.
    #[cold]
    pub(super) fn keep_none(&self) {
        for space in self.spaces() {
            for size in 0..SIZES {
                while let Some(head) = space.kept.take(size) {
                    // SAFETY: a live head whose block is nobody's.
                    unsafe { self.release_large(space, head) };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Heap, LARGEST, SIZES, rounded};

    #[test]
    fn sizes_are_rounded_up_by_a_quarter_at_most() {
        let mut seen = 0;
        for total in super::super::SMALL_MAX + 1..=LARGEST {
            let (size, bytes) = rounded(total).unwrap();
            assert!(bytes >= total && bytes < total + total / 4 + 1 && size < SIZES, "{total}: {size}, {bytes}");
            assert_eq!(rounded(bytes), Some((size, bytes)));
            seen = seen.max(size);
        }
        assert_eq!((seen, rounded(LARGEST + 1)), (SIZES - 1, None));
    }

    #[test]
    fn blocks_come_back_and_go_where_memory_is_short() {
        crate::process::set_up();
        let heap = Heap::new(64 << 10);
        let before = heap.used();
        let blocks: Vec<_> = (0..6).map(|_| heap.alloc_raw(5000).unwrap()).collect();
        let most = heap.used();
        // SAFETY: blocks of this heap and size, each freed once.
        blocks.iter().for_each(|at| unsafe { heap.free_raw(*at, 5000) });
        let kept = heap.used();
        assert!(before < kept && kept < most, "{before} {kept} {most}");
        let again = heap.alloc_raw(4900).unwrap();
        assert!(blocks.contains(&again) && heap.used() == kept);
        // SAFETY: as above.
        unsafe { heap.free_raw(again, 4900) };
        // More than there is beside what is kept.
        let large = heap.alloc_raw(60 << 10).unwrap();
        // SAFETY: as above.
        unsafe { heap.free_raw(large, 60 << 10) };
        assert_eq!(heap.used(), before);
    }
}
