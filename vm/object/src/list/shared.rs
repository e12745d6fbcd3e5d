//! Lists that several threads use: what differs from a list that one has to itself.

use super::List;
use crate::error::Res;
use crate::store;
use crate::thread::Thread;
use crate::value::Value;

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
        let i = choose(self.row.len())?;
        // SAFETY: the list is held.
        let v = unsafe { Value::from_raw(self.row.remove(i)) };
        drop(held);
        Some(store::left(v))
    }

    /// Replaces the item at `i`, or, if there is none any more, hands `v` back.
    #[cold]
    #[inline(never)]
    pub(super) fn exchange_shared(&self, i: usize, v: Value) -> Value {
        let held = store::hold(&self.header);
        if i >= self.row.len() {
            return v;
        }
        // SAFETY: the list is held. The word that comes out is this call's alone to leave behind.
        let old = unsafe { self.row.exchange(i, v.into_raw()).map(|word| Value::from_raw(word)) };
        drop(held);
        old.map_or(Value::ABSENT, store::left)
    }

    /// Gives the items another order, which `sort` makes of a copy of their words without running code; no other writer
    /// comes between, and readers see each word as it was or as it is. `None` if `sort` does not know the items.
    #[cold]
    pub(crate) fn permute<R>(&self, sort: impl FnOnce(&mut [u64]) -> Option<R>) -> Option<R> {
        let _held = store::hold(&self.header);
        // SAFETY: this thread reports nothing meanwhile, so the array stays.
        let mut words: Vec<u64> = (0..self.row.len()).map_while(|i| unsafe { self.row.get(i) }).collect();
        let done = sort(&mut words)?;
        for (i, word) in words.into_iter().enumerate() {
            // SAFETY: the list is held. What comes out is among the words still to be put in, or has been already.
            let _ = unsafe { self.row.exchange(i, word) };
        }
        Some(done)
    }

    /// Replaces the array by one of `cap` items, in which the items stand already when others see it. The list is held.
    #[cold]
    pub(super) fn grow_shared(&self, t: &Thread, cap: usize) -> Res<()> {
        let new = t.heap().alloc_raw(cap * 8).map_err(|_| t.memory_error())?;
        // SAFETY: the new array has room for more than the items, which move; the list is held. The old one is nobody's from
        // here on but for readers.
        unsafe {
            let (old, old_cap) = self.row.grow(new.cast(), cap);
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
