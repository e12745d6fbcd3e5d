//! list: storage. Methods are in `types/list`.
//!
//! Items are plain values: ints and floats already lie in the word itself, so there is one strategy. Whether separate int
//! and float strategies (DESIGN 3.6) would pay has not been measured.
//!
//! While the list is shared its readers take no lock (`typhon_qsbr::row`). So an array is replaced by larger ones only and
//! keeps its size when the list gets shorter; what changes the list holds its lock (`shared`).

mod copies;
mod shared;
mod sound;

use crate::bulk;
use crate::error::Res;
use crate::gc;
use crate::header::Header;
use crate::payload;
use crate::store;
use crate::thread::{self, Thread};
use crate::ty::TypeObject;
use crate::types::list_::LIST;
use crate::value::Value;
use smallvec::SmallVec;
use typhon_qsbr::{row::Row, words};

/// So many items are moved between two looks at the breaker.
const STRIDE: usize = 1 << 15;

/// A list object.
#[repr(C)]
pub struct List {
    pub(crate) header: Header,
    row: Row,
}

crate::payload!(List => LIST {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor changes nothing.
        let items = unsafe { self.items() };
        gc::each(items.len(), |i| visit(&items[i]));
    }
    fn clear(&self) {
        self.clear_items();
    }
});

impl List {
    /// Where the length lies, for machine code.
    pub const LEN: usize = std::mem::offset_of!(Self, row) + Row::LEN;
    /// Where the address of the items lies.
    pub const DATA: usize = std::mem::offset_of!(Self, row) + Row::WORDS;

    /// An empty list's fields.
    #[inline]
    pub(crate) fn empty(header: Header) -> Self {
        Self { header, row: Row::new(std::ptr::null_mut(), 0, 0) }
    }

    /// A new list of type list.
    #[inline]
    pub fn create(t: &Thread) -> Res {
        payload::new(t, Self::empty)
    }

    /// A new list of a list type.
    pub fn create_of(t: &Thread, ty: &TypeObject) -> Res {
        payload::new_of(t, ty, Self::empty)
    }

    /// A new list that takes the items over.
    pub fn from_vec(t: &Thread, mut items: Vec<Value>) -> Res {
        if items.len() <= STRIDE {
            // SAFETY: the vector's values; it drops what is left behind, or on an error all of them.
            return unsafe { Self::take_from(t, items.as_mut_ptr(), items.len()) };
        }
        let v = Self::create(t)?;
        let list = v.expect::<Self>();
        list.reserve(t, items.len())?;
        for (i, item) in items.into_iter().enumerate() {
            if i % STRIDE == STRIDE - 1 {
                t.check_stop()?;
            }
            list.push(t, item)?;
        }
        Ok(v)
    }

    /// A new list that takes over `n` values at `from`, leaving zeros behind; on an error they stay.
    ///
    /// # Safety
    /// `from..from+n` are initialized values that the caller owns.
    pub unsafe fn take_from(t: &Thread, from: *mut Value, n: usize) -> Res {
        let mut data = std::ptr::null_mut::<Value>();
        if n > 0 {
            let Ok(at) = t.heap().alloc_raw(n * 8) else { return Err(t.memory_error()) };
            data = at.cast();
            for i in 0..n {
                // SAFETY: each value is taken once, into fresh memory of that size.
                unsafe { store::init(data.add(i), std::mem::take(&mut *from.add(i))) };
            }
        }
        payload::new(t, |header| Self { header, row: Row::new(data.cast(), n, n) })
    }

    /// Number of items.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.row.len()
    }

    /// No items?
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.row.len() == 0
    }

    /// The item at `i`.
    #[inline(always)]
    pub fn get(&self, i: usize) -> Option<Value> {
        // SAFETY: arrays and items that this thread may have loaded stay for a grace period.
        let bits = unsafe { self.row.get(i) }?;
        Some(Value::from_ref(&bits).clone())
    }

    /// The items, borrowed.
    ///
    /// # Safety
    /// This thread neither changes the list while the borrow lives, nor polls or waits: in particular no Python code runs
    /// and no reference is dropped. Another thread may exchange items meanwhile.
    #[inline(always)]
    pub unsafe fn items(&self) -> &[Value] {
        let (n, data) = self.row.read();
        if n == 0 {
            return &[];
        }
        // SAFETY: `n` items are initialized; the caller promises not to change them.
        unsafe { std::slice::from_raw_parts(data.cast(), n) }
    }

    /// Copies of the items.
    pub fn to_vec(&self) -> Vec<Value> {
        let mut out = Vec::new();
        let _held = store::hold(&self.header);
        // SAFETY: cloning values changes no list.
        bulk::extend(&mut out, unsafe { self.items() });
        out
    }

    /// Replaces the item at `i`; false if there is none.
    #[inline(always)]
    pub fn set(&self, i: usize, v: Value) -> bool {
        if i >= self.row.len() {
            return false;
        }
        drop(self.exchange_at(i, v));
        true
    }

    /// Replaces the item at `i`, which is within the length, and hands the old one back.
    #[inline(always)]
    pub fn exchange_at(&self, i: usize, v: Value) -> Value {
        if thread::is_shared() { self.exchange_shared(i, v) } else { self.exchange_alone(i, v) }
    }

    /// As [`List::exchange_at`], for who has the list by a reference of his own: if it is the only one, nobody else can
    /// reach it.
    #[inline(always)]
    pub fn exchange_own(&self, i: usize, v: Value) -> Value {
        if thread::is_shared() && !self.header.is_unique() {
            return self.exchange_shared(i, v);
        }
        self.exchange_alone(i, v)
    }

    /// The same where no other thread can reach the list.
    #[inline(always)]
    fn exchange_alone(&self, i: usize, v: Value) -> Value {
        assert!(i < self.row.len());
        // SAFETY: within the length; the slot takes the new value before the old one is dropped.
        unsafe {
            let at = self.data().add(i);
            let old = at.read();
            store::write(&self.header, at, v);
            old
        }
    }

    /// Makes room for `more` items.
    #[inline]
    pub fn reserve(&self, t: &Thread, more: usize) -> Res<()> {
        let _held = store::hold_on(t, &self.header);
        self.make_room(t, more)
    }

    /// As [`List::reserve`], for who holds the list.
    #[inline]
    fn make_room(&self, t: &Thread, more: usize) -> Res<()> {
        let need = self.row.len().saturating_add(more);
        if need <= self.row.room() { Ok(()) } else { self.grow(t, need, more == 1) }
    }

    #[cold]
    #[inline(never)]
    fn grow(&self, t: &Thread, need: usize, spare: bool) -> Res<()> {
        let cap = if spare { roomy(need) } else { need.next_multiple_of(2) };
        if cap > isize::MAX as usize / 16 {
            return Err(t.memory_error());
        }
        if thread::is_shared() { self.grow_shared(t, cap) } else { self.grow_in_place(t, cap) }
    }

    /// Makes room for one more item before it comes, if nobody but the caller has the list, by a reference of his own: then
    /// nobody can be reading the array.
    pub fn grow_alone(&self, t: &Thread) -> Res<()> {
        if self.is_full() && self.header.is_unique() {
            return self.grow_in_place(t, roomy(self.len() + 1));
        }
        Ok(())
    }

    /// Gives the array room for `cap` items, where no other thread can be reading it.
    fn grow_in_place(&self, t: &Thread, cap: usize) -> Res<()> {
        let (old, data) = (self.row.room(), self.data());
        let moved = if data.is_null() {
            t.heap().alloc_raw(cap * 8)
        } else {
            // SAFETY: the array came from this heap with this size.
            unsafe { t.heap().realloc_raw(data.cast(), old * 8, cap * 8) }
        };
        let moved = moved.map_err(|_| t.memory_error())?;
        // SAFETY: nobody else reads the row; the items have moved.
        unsafe { self.row.set_array(moved.cast(), cap) };
        Ok(())
    }

    /// Appends.
    #[inline(always)]
    pub fn push(&self, t: &Thread, v: Value) -> Res<()> {
        if t.is_shared() {
            return self.push_shared(t, v);
        }
        self.push_held(t, v)
    }

    #[inline(always)]
    fn push_held(&self, t: &Thread, v: Value) -> Res<()> {
        if self.is_full() {
            self.make_room(t, 1)?;
        }
        // SAFETY: there is room, and the list is held.
        unsafe { self.row.push(store::word(&self.header, v)) };
        Ok(())
    }

    /// Whether one more item needs more memory.
    #[inline(always)]
    pub fn is_full(&self) -> bool {
        self.row.len() == self.row.room()
    }

    /// Appends to a list that is not full.
    #[inline(always)]
    pub fn push_within(&self, v: Value) {
        assert!(!self.is_full());
        // SAFETY: there is room.
        unsafe { self.row.push(store::word(&self.header, v)) };
    }

    /// Inserts at `i <= len`.
    pub fn insert(&self, t: &Thread, i: usize, v: Value) -> Res<()> {
        store::locked(&self.header, || self.insert_held(t, i, v))
    }

    fn insert_held(&self, t: &Thread, i: usize, v: Value) -> Res<()> {
        self.make_room(t, 1)?;
        let n = self.row.len();
        let i = i.min(n);
        // SAFETY: room for n + 1 items; the tail moves up by one and the gap is written.
        unsafe {
            let at = self.data().add(i);
            if !slide(at, at.add(1), n - i) {
                self.row.set_len(i);
                return t.check_stop();
            }
            store::write(&self.header, at, v);
        }
        // SAFETY: so many items are there, and the list is held.
        unsafe { self.row.set_len(n + 1) };
        Ok(())
    }

    /// Removes and returns the item at `i`.
    pub fn remove(&self, i: usize) -> Option<Value> {
        self.remove_within(|n| if i < n { Some(i) } else { None })
    }

    /// Removes and returns the item at the place that `choose` makes of the length.
    #[inline(always)]
    pub fn remove_within(&self, choose: impl FnOnce(usize) -> Option<usize>) -> Option<Value> {
        if thread::is_shared() {
            return self.remove_shared(choose);
        }
        self.remove_held(choose)
    }

    /// As [`List::remove_within`], for who holds the list; what is returned is to be `left`.
    #[inline(always)]
    fn remove_held(&self, choose: impl FnOnce(usize) -> Option<usize>) -> Option<Value> {
        let n = self.row.len();
        let i = choose(n)?;
        assert!(i < n);
        // SAFETY: within the length; the tail moves down over the item read.
        let v = unsafe {
            let at = self.data().add(i);
            let v = at.read();
            let whole = i + 1 == n || slide(at.add(1), at, n - i - 1);
            self.row.set_len(if whole { n - 1 } else { i });
            v
        };
        Some(v)
    }

    /// Removes and returns the last item.
    #[inline]
    pub fn pop(&self) -> Option<Value> {
        self.remove_within(|n| n.checked_sub(1))
    }

    /// Takes all items out; the list is empty afterwards (also while their destructors run).
    pub fn take(&self) -> Vec<Value> {
        let held = store::hold(&self.header);
        let n = self.row.len();
        // SAFETY: the items are read once and the length says that none are left.
        let items = unsafe {
            self.row.set_len(0);
            (0..n).map(|i| self.data().add(i).read()).collect()
        };
        drop(held);
        left_all(items)
    }

    /// Replaces all items.
    pub fn replace(&self, t: &Thread, items: Vec<Value>) -> Res<()> {
        let old = self.take();
        let held = store::hold_on(t, &self.header);
        self.make_room(t, items.len())?;
        for item in items {
            self.push_held(t, item)?;
        }
        drop(held);
        drop(old);
        Ok(())
    }

    /// Replaces `from..to` by `items`; returns the removed ones for the caller to drop.
    pub fn splice(&self, t: &Thread, from: usize, to: usize, items: Vec<Value>) -> Res<Vec<Value>> {
        let held = store::hold_on(t, &self.header);
        let n = self.row.len();
        let (from, to) = (from.min(n), to.min(n).max(from.min(n)));
        if items.len() > to - from {
            self.make_room(t, items.len() - (to - from))?;
        }
        let added = items.len();
        // SAFETY: the removed items are read once; the tail moves to its new place; the gap is written.
        let removed = unsafe {
            let data = self.data();
            let removed = (from..to).map(|i| data.add(i).read()).collect();
            let moves = added != to - from && to < n;
            if moves && !slide(data.add(to), data.add(from + added), n - to) {
                self.row.set_len(from);
            } else {
                for (i, item) in items.into_iter().enumerate() {
                    store::write(&self.header, data.add(from + i), item);
                }
                self.row.set_len(n - (to - from) + added);
            }
            removed
        };
        drop(held);
        Ok(left_all(removed))
    }

    /// Exchanges the items from `from` on, which must be there, with `items`.
    pub fn exchange(&self, from: usize, items: &mut [Value]) {
        if thread::is_shared() {
            for (i, item) in items.iter_mut().enumerate() {
                if from + i < self.len() {
                    *item = self.exchange_shared(from + i, std::mem::take(item));
                }
            }
            return;
        }
        assert!(items.len() <= self.row.len() - from.min(self.row.len()), "exchanged items are in the list");
        for (i, item) in items.iter_mut().enumerate() {
            // SAFETY: within the length, as asserted.
            unsafe {
                let at = self.data().add(from + i);
                let old = at.read();
                store::write(&self.header, at, std::mem::replace(item, old));
            }
        }
    }

    /// Replaces the items from `from` on by copies of others, and gives the objects that were there, for the caller to drop.
    pub fn overwrite(&self, from: usize, items: &[Value]) -> SmallVec<[Value; 16]> {
        if thread::is_shared() {
            let mut new: SmallVec<[Value; 16]> = items.iter().cloned().collect();
            self.exchange(from, &mut new);
            return new;
        }
        assert!(items.len() <= self.row.len() - from.min(self.row.len()), "replaced items are in the list");
        let mut old = SmallVec::new();
        for (i, item) in items.iter().enumerate() {
            // SAFETY: within the length, as asserted. Copying a value changes no list.
            let was = unsafe {
                let at = self.data().add(from + i);
                let was = at.read();
                store::write(&self.header, at, item.clone());
                was
            };
            if was.is_object() {
                old.push(was);
            }
        }
        old
    }

    /// Drops all items and the array.
    pub fn clear_items(&self) {
        if thread::is_shared() { self.clear_shared() } else { self.drop_items() }
    }

    fn drop_items(&self) {
        // SAFETY: no other thread runs, or the list is dead.
        let (n, data, cap) = unsafe { self.row.detach() };
        let data: *mut Value = data.cast();
        if data.is_null() {
            return;
        }
        let current = thread::current();
        for from in (0..n).step_by(4096) {
            if from > 0 && current.is_some_and(|t| t.check_stop().is_err()) {
                // The isolate's memory goes as a whole.
                return;
            }
            for i in from..n.min(from + 4096) {
                // SAFETY: the array is detached; each item is dropped once.
                drop(unsafe { data.add(i).read() });
            }
        }
        if let Some(t) = current {
            // SAFETY: the array came from this heap with this size.
            unsafe { t.heap().free_raw(data.cast(), cap * 8) };
        }
    }

    /// Takes `count` items out, `step` apart from `first` on, for the caller to drop.
    pub fn remove_strided(&self, first: usize, step: usize, count: usize) -> Vec<Value> {
        let held = store::hold(&self.header);
        let n = self.row.len();
        let mut removed = Vec::with_capacity(count);
        let (mut to, mut from, mut next) = (first, first, first);
        // SAFETY: every item is either read once into `removed` or moved down once; the rest of the array is forgotten
        // by the new length.
        unsafe {
            let data = self.data();
            while from < n {
                if from % STRIDE == STRIDE - 1 && thread::stopping() {
                    // What was read twice or not at all is not the list's any more.
                    self.row.set_len(to);
                    drop(held);
                    return left_all(removed);
                }
                if from == next && removed.len() < count {
                    removed.push(data.add(from).read());
                    next += step;
                } else {
                    words::store(data.add(to).cast(), data.add(from).cast::<u64>().read());
                    to += 1;
                }
                from += 1;
            }
        }
        // SAFETY: so many items are there, and the list is held.
        unsafe { self.row.set_len(n - removed.len()) };
        drop(held);
        left_all(removed)
    }

    /// Reverses the items in place.
    pub fn reverse(&self) {
        let _held = store::hold(&self.header);
        let (mut i, mut j) = (0, self.row.len());
        while i + 1 < j {
            if i % 0x1_0000 == 0xffff && thread::stopping() {
                return;
            }
            j -= 1;
            // SAFETY: both positions are within the length and differ.
            unsafe {
                let (a, b) = (self.data().add(i).cast::<u64>(), self.data().add(j).cast::<u64>());
                let (x, y) = (a.read(), b.read());
                words::store(a, y);
                words::store(b, x);
            }
            i += 1;
        }
    }

    /// How many items the array has room for.
    pub fn capacity(&self) -> usize {
        self.row.room()
    }

    /// Gives the items and their array to a new list, and is empty; no other thread may be reading it.
    pub(crate) fn swap(&self, other: &List) {
        // SAFETY: the caller's duty; lengths, arrays and rooms change hands together.
        unsafe {
            let ((n, data, cap), (m, others, room)) = (self.row.detach(), other.row.detach());
            self.row.set_array(others, room);
            self.row.set_len(m);
            other.row.set_array(data, cap);
            other.row.set_len(n);
        }
    }

    /// Address of the items, for the interpreter's specialized loads.
    #[inline(always)]
    pub fn data(&self) -> *mut Value {
        self.row.words().cast()
    }
}

impl Drop for List {
    fn drop(&mut self) {
        self.drop_items();
    }
}

/// For how many items there is room in a list that grows, item by item, to `need`.
fn roomy(need: usize) -> usize {
    (need + (need >> 3) + 6) & !3
}

/// New references to what was taken out.
fn left_all(items: Vec<Value>) -> Vec<Value> {
    if thread::is_shared() { items.into_iter().map(store::left).collect() } else { items }
}

/// As [`bulk::slide`], for items that other threads may be reading.
///
/// # Safety
/// As there.
unsafe fn slide(from: *const Value, to: *mut Value, n: usize) -> bool {
    if thread::is_shared() {
        // SAFETY: the caller's duty.
        unsafe { words::slide(from.cast(), to.cast(), n) };
        return true;
    }
    // SAFETY: the caller's duty.
    unsafe { bulk::slide(from, to, n) }
}
