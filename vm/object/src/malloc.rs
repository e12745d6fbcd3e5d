//! Malloc: mimalloc as the process's allocator.
//!
//! The crate `mimalloc` asks for every block by its alignment. In mimalloc 3 that takes the slow way wherever the block's
//! size is no power of two and no page of that size is open yet, and there it asks for a larger block. Yet every block of 16
//! bytes or more is aligned to 16, smaller ones to their size (`MI_MAX_ALIGN_SIZE`), which is what most layouts want.

#[cfg(not(vm_asan))]
use libmimalloc_sys::{mi_malloc, mi_realloc, mi_zalloc};
#[cfg(not(vm_asan))]
use mimalloc::MiMalloc;
/// The address sanitizer's own allocator (`crate::heap`).
#[cfg(vm_asan)]
pub use std::alloc::System as Malloc;
#[cfg(not(vm_asan))]
use std::alloc::{GlobalAlloc, Layout};

/// Blocks are aligned so, if they are as large.
#[cfg(not(vm_asan))]
const ALIGNED: usize = 16;

/// mimalloc, asked plainly wherever a plain block is aligned well enough.
#[cfg(not(vm_asan))]
pub struct Malloc;

#[cfg(not(vm_asan))]
#[inline]
fn plain(layout: &Layout) -> bool {
    layout.align() <= ALIGNED && layout.align() <= layout.size()
}

#[cfg(not(vm_asan))]
// SAFETY: mimalloc's functions are an allocator; a block of a plain layout is aligned as the layout asks, and `mi_free` takes
// the blocks of either kind.
unsafe impl GlobalAlloc for Malloc {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: any size may be asked for; else passed on.
        unsafe { if plain(&layout) { mi_malloc(layout.size()).cast() } else { MiMalloc.alloc(layout) } }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { if plain(&layout) { mi_zalloc(layout.size()).cast() } else { MiMalloc.alloc_zeroed(layout) } }
    }

    #[inline]
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's block, of this allocator; a plain layout stays plain if the new size is no smaller than its
        // alignment.
        unsafe {
            if plain(&layout) && layout.align() <= size {
                mi_realloc(at.cast(), size).cast()
            } else {
                MiMalloc.realloc(at, layout, size)
            }
        }
    }

    #[inline]
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: passed on.
        unsafe { MiMalloc.dealloc(at, layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::Malloc;
    use std::alloc::{GlobalAlloc, Layout};

    #[test]
    fn blocks_are_aligned_as_their_layouts_ask() {
        for size in (0..200).chain([1000, 4096, 5000, 70_000, 1 << 20]) {
            for align in [1, 2, 4, 8, 16, 32, 64, 4096] {
                let layout = Layout::from_size_align(size.max(1), align).unwrap();
                // SAFETY: a size above zero; the block is freed with the layout it has then.
                unsafe {
                    let at = Malloc.alloc(layout);
                    assert!(!at.is_null() && at.addr().is_multiple_of(align), "{layout:?}");
                    at.write(7);
                    let more = Malloc.realloc(at, layout, size + 24);
                    assert!(more.addr().is_multiple_of(align) && more.read() == 7, "{layout:?} grown");
                    Malloc.dealloc(more, Layout::from_size_align(size + 24, align).unwrap());
                    let zeroed = Malloc.alloc_zeroed(layout);
                    assert!(zeroed.addr().is_multiple_of(align) && zeroed.read() == 0, "{layout:?} zeroed");
                    Malloc.dealloc(zeroed, layout);
                }
            }
        }
    }
}
