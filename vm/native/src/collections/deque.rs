//! deque: storage, a ring over a list.

use std::cell::Cell;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::store::Slot;
use typhon_object::{Thread, Value};

/// A deque. The ring's length is a power of two; places outside the deque hold None.
#[repr(C)]
pub(super) struct Deque {
    pub(super) header: Header,
    ring: Slot,
    head: Cell<usize>,
    len: Cell<usize>,
    pub(super) max: Cell<Option<usize>>,
    /// Bumped by every change of the length: iterators notice it.
    pub(super) changes: Cell<u64>,
}

typhon_object::payload!(Deque => super::deque_table::DEQUE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        visit(&self.ring.get());
    }
    fn clear(&self) {
        self.len.set(0);
        drop(self.ring.take());
    }
});

impl Deque {
    /// An empty deque.
    pub(super) fn empty(header: Header) -> Self {
        Self {
            header,
            ring: Slot::empty(),
            head: Cell::new(0),
            len: Cell::new(0),
            max: Cell::new(None),
            changes: Cell::new(0),
        }
    }

    /// Number of items.
    pub(super) fn len(&self) -> usize {
        self.len.get()
    }

    fn changed(&self) {
        self.changes.set(self.changes.get().wrapping_add(1));
    }

    /// The ring, borrowed.
    #[inline]
    fn list(&self) -> Option<&List> {
        // SAFETY: the slot is stored into by `grow`, `clear_items` and the collector only, never while it is looked at
        // here: what is done meanwhile drops no more than what an item refers to.
        unsafe { self.ring.peek() }.exact::<List>()
    }

    /// The item at `i`.
    #[inline]
    pub(super) fn get(&self, i: usize) -> Option<Value> {
        if i >= self.len.get() {
            return None;
        }
        let list = self.list()?;
        list.get((self.head.get() + i) & (list.len() - 1))
    }

    /// Stores at a place of the ring; gives what was there.
    #[inline]
    fn swap(&self, i: usize, v: Value) -> Value {
        match self.list() {
            Some(list) => list.exchange_at((self.head.get().wrapping_add(i)) & (list.len() - 1), v),
            None => v,
        }
    }

    /// Stores at `i`, which is in range or a free place next to it.
    #[inline]
    fn put(&self, i: usize, v: Value) {
        drop(self.swap(i, v));
    }

    /// Replaces the item at `i`; false if there is none.
    pub(super) fn set(&self, i: usize, v: Value) -> bool {
        let found = i < self.len.get();
        if found {
            self.put(i, v);
        }
        found
    }

    /// Whether it may have any length.
    pub(super) fn is_unbounded(&self) -> bool {
        self.max.get().is_none()
    }

    /// Makes room for `more`.
    #[inline]
    pub(super) fn reserve(&self, t: &Thread, more: usize) -> Res<()> {
        let need = self.len.get().saturating_add(more);
        if need <= self.list().map_or(0, List::len) { Ok(()) } else { self.grow(t, need) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&self, t: &Thread, need: usize) -> Res<()> {
        let Some(size) = need.max(8).checked_next_power_of_two() else { return Err(t.memory_error()) };
        let larger = List::create(t)?;
        let list = larger.expect::<List>();
        list.reserve(t, size)?;
        let n = self.len.get();
        for i in 0..n {
            list.push(t, self.get(i).unwrap_or(Value::NONE))?;
            if i % 4096 == 4095 {
                t.check_stop()?;
            }
        }
        for i in n..size {
            list.push(t, Value::NONE)?;
            if i % 4096 == 4095 {
                t.check_stop()?;
            }
        }
        self.ring.set(&self.header, larger);
        self.head.set(0);
        Ok(())
    }

    /// Appends, dropping the first item of a full bounded deque.
    pub(super) fn push(&self, t: &Thread, v: Value) -> Res<()> {
        if self.max.get() == Some(0) {
            return Ok(());
        }
        self.reserve(t, 1)?;
        let n = self.len.get();
        self.len.set(n + 1);
        self.put(n, v);
        self.changed();
        if self.max.get().is_some_and(|max| n + 1 > max) {
            drop(self.pop_left());
        }
        Ok(())
    }

    /// Prepends, dropping the last item of a full bounded deque.
    pub(super) fn push_left(&self, t: &Thread, v: Value) -> Res<()> {
        if self.max.get() == Some(0) {
            return Ok(());
        }
        self.reserve(t, 1)?;
        let n = self.len.get();
        let size = self.ring.get().downcast::<List>().map_or(1, List::len);
        self.head.set(self.head.get().wrapping_sub(1) & (size - 1));
        self.len.set(n + 1);
        self.put(0, v);
        self.changed();
        if self.max.get().is_some_and(|max| n + 1 > max) {
            drop(self.pop());
        }
        Ok(())
    }

    /// Takes the last item.
    pub(super) fn pop(&self) -> Option<Value> {
        let last = self.len.get().checked_sub(1)?;
        let v = self.swap(last, Value::NONE);
        self.len.set(last);
        self.changed();
        Some(v)
    }

    /// Takes the first item.
    pub(super) fn pop_left(&self) -> Option<Value> {
        let left = self.len.get().checked_sub(1)?;
        let v = self.swap(0, Value::NONE);
        let size = self.list().map_or(1, List::len);
        self.head.set((self.head.get() + 1) & (size - 1));
        self.len.set(left);
        self.changed();
        Some(v)
    }

    /// Removes all items; they are dropped when the deque is empty already.
    pub(super) fn clear_items(&self) {
        let old = self.ring.take();
        self.len.set(0);
        self.head.set(0);
        self.changed();
        drop(old);
    }

    /// Moves the last `n` items to the front (the other way round if negative).
    pub(super) fn rotate(&self, t: &Thread, n: isize) -> Res<()> {
        let len = self.len.get();
        if len < 2 {
            return Ok(());
        }
        let n = n.rem_euclid(len as isize) as usize;
        let back = len - n;
        let max = self.max.take();
        for i in 0..n.min(back) {
            let item = if n <= back { self.pop() } else { self.pop_left() };
            let item = item.unwrap_or(Value::NONE);
            if n <= back {
                self.push_left(t, item)?
            } else {
                self.push(t, item)?
            }
            if i % 4096 == 4095 {
                t.poll()?;
            }
        }
        self.max.set(max);
        Ok(())
    }

    /// Removes and returns the item at `i`.
    pub(super) fn remove_at(&self, i: usize) -> Option<Value> {
        let n = self.len.get();
        let removed = self.get(i)?;
        if i < n / 2 {
            (0..i).rev().for_each(|k| self.put(k + 1, self.get(k).unwrap_or(Value::NONE)));
            drop(self.pop_left());
        } else {
            (i + 1..n).for_each(|k| self.put(k - 1, self.get(k).unwrap_or(Value::NONE)));
            drop(self.pop());
        }
        Some(removed)
    }

    /// Inserts before `i`.
    pub(super) fn insert(&self, t: &Thread, i: usize, v: Value) -> Res<()> {
        let n = self.len.get();
        if self.max.get().is_some_and(|max| n >= max) {
            return Err(error::index_error(t, "deque already at its maximum size"));
        }
        if i >= n {
            return self.push(t, v);
        }
        self.push(t, Value::NONE)?;
        (i..n).rev().for_each(|k| self.put(k + 1, self.get(k).unwrap_or(Value::NONE)));
        self.put(i, v);
        Ok(())
    }

    /// Copies of the items.
    pub(super) fn items(&self) -> Vec<Value> {
        (0..self.len.get()).filter_map(|i| self.get(i)).collect()
    }
}
