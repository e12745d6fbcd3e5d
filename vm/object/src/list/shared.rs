//! Lists that several threads use: what differs from a list that one has to itself.

use super::List;
use crate::error::Res;
use crate::store;
use crate::thread::Thread;
use crate::value::Value;
use typhon_qsbr::words;

impl List {
    #[cold]
    #[inline(never)]
    pub(super) fn push_shared(&self, t: &Thread, v: Value) -> Res<()> {
        let _held = store::hold(&self.header);
        self.push_held(t, v)
    }

    #[cold]
    #[inline(never)]
    pub(super) fn remove_shared(&self, choose: impl FnOnce(usize) -> Option<usize>) -> Option<Value> {
        let held = store::hold(&self.header);
        let v = self.remove_held(choose)?;
        drop(held);
        Some(store::left(v))
    }

    /// Replaces the item at `i`, or, if there is none any more, hands `v` back.
    #[cold]
    #[inline(never)]
    pub(super) fn exchange_shared(&self, i: usize, v: Value) -> Value {
        let held = store::hold(&self.header);
        if i >= self.len.get() {
            return v;
        }
        // SAFETY: within the length; the lock excludes other writers.
        let old = unsafe { Value::from_raw(words::swap(self.data.get().add(i).cast(), v.into_raw())) };
        drop(held);
        store::left(old)
    }

    /// Replaces the array by one of `cap` items, in which the items stand already when others see it. The list is held.
    #[cold]
    pub(super) fn grow_shared(&self, t: &Thread, cap: usize) -> Res<()> {
        let (old, old_cap, n) = (self.data.get(), self.cap.get(), self.len.get());
        let new = t.heap().alloc_raw(cap * 8).map_err(|_| t.memory_error())?.cast::<Value>();
        // SAFETY: both arrays have room for the items, which move; the old one is nobody's from here on but for readers.
        unsafe {
            if n > 0 {
                new.copy_from_nonoverlapping(old, n);
            }
            self.data.set(new);
            self.cap.set(cap);
            if !old.is_null() {
                store::free_later(t, old.cast(), old_cap * 8);
            }
        }
        Ok(())
    }

    /// Empties the list, which keeps its array: a reader may have seen the old length, and takes any array to be as long.
    #[cold]
    pub(super) fn clear_shared(&self) {
        for item in self.take() {
            drop(item);
            if crate::thread::stopping() {
                return;
            }
        }
    }
}
