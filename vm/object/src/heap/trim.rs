//! Pages given back: what a heap under pressure can spare.

use super::common::Pool;
use super::{CLASSES, Free, GRAIN, Heap, OutOfMemory, PAGE, Space, page_layout};
use crate::thread;
use std::ptr;

/// How far small blocks may overdraw a small account before the isolate is stopped.
const HEADROOM: usize = 1 << 20;
/// A full heap may refuse so many times its limit.
const PATIENCE: usize = 4;

impl Heap {
    /// Pages without a live block make room for a large block, if there are enough of them.
    #[cold]
    pub(super) fn make_room(&self, size: usize) -> Result<(), OutOfMemory> {
        let limit = self.limit();
        if size > limit {
            return Err(OutOfMemory);
        }
        self.trim(|| thread::current().is_some_and(|t| t.breaker.stopped()));
        if self.used().saturating_add(size) <= limit {
            return Ok(());
        }
        let refused = &self.common.account.refused;
        if self.used() < limit - limit / 8 {
            refused.reset();
        }
        refused.add(size.max(PAGE) as u64);
        Err(OutOfMemory)
    }

    /// Overdrawn beyond what handling a MemoryError needs, or full and asked again and again: the isolate must stop, because
    /// a program that catches MemoryError could go on for ever.
    pub fn exhausted(&self) -> bool {
        let limit = self.limit();
        self.used() > limit.saturating_add((limit / 16).max(HEADROOM))
            || self.common.account.refused.get() > limit.saturating_mul(PATIENCE) as u64
    }

    /// Gives pages back that hold no live block, and tells how many bytes that were. It looks at every free block, so
    /// only a heap at its limit asks; `stop` is asked now and then and ends the search.
    pub fn trim(&self, stop: impl Fn() -> bool) -> usize {
        self.keep_none();
        let mut freed = 0;
        for space in self.spaces() {
            self.adopt_all(space);
            for class in 1..CLASSES {
                if !space.free[class].get().is_null() {
                    freed += space.trim_class(self.common.pool(space.kind.get()), class, &stop);
                }
            }
        }
        self.uncharge(freed);
        freed
    }
}

impl Space {
    fn trim_class(&self, pool: &Pool, class: usize, stop: &impl Fn() -> bool) -> usize {
        let size = class * GRAIN;
        let current = self.bump[class].get().1;
        let mut pages: Vec<(usize, usize)> = pool
            .pages
            .lock()
            .iter()
            .filter(|(page, of)| *of as usize == size && *page as usize + PAGE != current)
            .map(|(page, _)| (*page as usize, 0))
            .collect();
        pages.sort_unstable();
        if !self.each_free(class, stop, |block| {
            if let Some(i) = page_of(&pages, block) {
                pages[i].1 += 1;
            }
        }) {
            return 0;
        }
        pages.retain(|(_, free)| *free == PAGE / size);
        if pages.is_empty() || !self.unlink(class, stop, &pages) {
            return 0;
        }
        pool.pages.lock().retain(|(page, _)| pages.binary_search_by_key(&(*page as usize), |p| p.0).is_err());
        for (page, _) in &pages {
            // SAFETY: allocated with this layout; all its blocks are free and on no list any more.
            unsafe { std::alloc::dealloc(*page as *mut u8, page_layout()) };
        }
        pages.len() * PAGE
    }

    /// Calls `f` with every free block; false when `stop` ended that.
    fn each_free(&self, class: usize, stop: &impl Fn() -> bool, mut f: impl FnMut(usize)) -> bool {
        let mut at = self.free[class].get();
        let mut seen = 0u32;
        while !at.is_null() {
            f(at as usize);
            // SAFETY: members of a free list are free blocks.
            at = unsafe { Free::next(at) };
            seen += 1;
            if seen.is_multiple_of(4096) && stop() {
                return false;
            }
        }
        true
    }

    /// Takes the blocks of `pages` off the free list: all or none.
    fn unlink(&self, class: usize, stop: &impl Fn() -> bool, pages: &[(usize, usize)]) -> bool {
        let mut kept: *mut Free = ptr::null_mut();
        let mut blocks = Vec::new();
        if !self.each_free(class, stop, |block| {
            if page_of(pages, block).is_none() {
                blocks.push(block);
            }
        }) {
            return false;
        }
        for block in blocks.into_iter().rev() {
            let block = block as *mut Free;
            // SAFETY: a free block of this list; only its link changes.
            unsafe { Free::put(block, kept) };
            kept = block;
        }
        self.free[class].set(kept);
        true
    }
}

/// The index of the page that holds a block.
fn page_of(pages: &[(usize, usize)], block: usize) -> Option<usize> {
    let i = pages.partition_point(|(page, _)| *page <= block).checked_sub(1)?;
    (block < pages[i].0 + PAGE).then_some(i)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn a_full_heap_that_is_asked_in_vain_is_exhausted() {
        let heap = Heap::new(1 << 20);
        let blocks: Vec<*mut u8> = (0..1000).map(|_| heap.alloc_raw(1000).expect("room")).collect();
        let asks = |n: usize| (0..n).filter(|_| heap.check(1 << 18).is_err()).count();
        assert_eq!((asks(10), heap.exhausted()), (10, false));
        assert_eq!((asks(10), heap.exhausted()), (10, true));
        for block in blocks {
            // SAFETY: from `alloc_raw(1000)`, freed once.
            unsafe { heap.free_raw(block, 1000) };
        }
        assert_eq!((asks(10), heap.check(2 << 20).is_err()), (0, true));
    }

    #[test]
    fn empty_pages_go_and_live_blocks_stay() {
        let heap = Heap::new(1 << 30);
        let blocks: Vec<*mut u8> = (0..10_000).map(|_| heap.alloc_raw(64).expect("room")).collect();
        let full = heap.used();
        let (dead, alive) = blocks.split_at(8000);
        for &block in dead {
            // SAFETY: from `alloc_raw(64)`, freed once.
            unsafe { heap.free_raw(block, 64) };
        }
        assert_eq!(heap.trim(|| true), 0, "a stop ends the search");
        let freed = heap.trim(|| false);
        assert!(freed >= 10 * PAGE && heap.used() == full - freed, "{freed}");
        assert_eq!(heap.trim(|| false), 0);
        let again: HashSet<*mut u8> = (0..5000).map(|_| heap.alloc_raw(64).expect("room")).collect();
        assert!(again.len() == 5000 && alive.iter().all(|block| !again.contains(block)));
    }

    #[test]
    fn a_heap_at_its_limit_makes_room_before_it_refuses() {
        let heap = Heap::new(1 << 20);
        let blocks: Vec<*mut u8> = (0..14_000).map(|_| heap.alloc_raw(64).expect("room")).collect();
        assert!(heap.alloc_raw(1 << 19).is_err());
        for block in blocks {
            // SAFETY: from `alloc_raw(64)`, freed once.
            unsafe { heap.free_raw(block, 64) };
        }
        let large = heap.alloc_raw(1 << 19).expect("the pages made room");
        // SAFETY: from `alloc_raw` of this size, freed once.
        unsafe { heap.free_raw(large, 1 << 19) };
    }
}
