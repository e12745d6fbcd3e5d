//! Apart: what all threads read as long as the program runs lies on pages of its own.
//!
//! In the middle of what a thread makes and gives up, it would share cache lines with that (false sharing): the others
//! would wait for the line whenever they read a name.

use super::common::Kind;
use super::{Heap, Space};
use crate::thread::Thread;
use std::cell::Cell;

impl Space {
    /// Each takes the other's place.
    pub(super) fn swap(&self, other: &Self) {
        self.kind.swap(&other.kind);
        self.free.iter().zip(&other.free).for_each(|(a, b)| a.swap(b));
        self.bump.iter().zip(&other.bump).for_each(|(a, b)| a.swap(b));
    }

    /// The ends of the pages that are being carved, and up to where they are.
    pub(super) fn carving(&self) -> impl Iterator<Item = (usize, usize)> {
        self.bump.iter().map(Cell::get).filter(|(_, end)| *end != 0).map(|(at, end)| (end, at))
    }
}

impl Heap {
    /// Has the objects that `f` makes lie apart from those that come and go.
    fn apart<R>(&self, f: impl FnOnce() -> R) -> R {
        struct Back<'a>(&'a Heap);
        impl Drop for Back<'_> {
            fn drop(&mut self) {
                self.0.objects.swap(&self.0.lasting);
            }
        }
        if self.objects.kind.get() == Kind::Lasting {
            return f();
        }
        self.objects.swap(&self.lasting);
        let _back = Back(self);
        f()
    }
}

impl Thread {
    /// Runs `f`, which makes what all threads may read as long as the program runs.
    pub fn lasting<R>(&self, f: impl FnOnce() -> R) -> R {
        if self.is_parallel() { self.heap().apart(f) } else { f() }
    }
}

#[cfg(test)]
mod tests {
    use super::super::PAGE;
    use super::Heap;

    #[test]
    fn what_is_made_apart_shares_no_page_with_the_rest() {
        crate::process::set_up();
        let heap = Heap::new(1 << 20);
        let make = || heap.alloc_object(48).unwrap() as usize;
        let (first, apart) = (make(), heap.apart(make));
        // Within another one nothing changes.
        let (next, also) = (make(), heap.apart(|| heap.apart(make)));
        assert!(first.abs_diff(next) < PAGE && apart.abs_diff(also) < PAGE);
        for (one, other) in [(first, apart), (next, also)] {
            assert!(one.abs_diff(other) >= PAGE - 96, "{one:#x} {other:#x}");
        }
    }
}
