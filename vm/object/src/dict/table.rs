//! A dict's table: entries (`typhon_qsbr::entries`) whose words are values.

use crate::header::Header;
use crate::store;
use crate::strs::Str;
use crate::thread::Thread;
use crate::value::Value;
use std::convert::Infallible;

pub(super) use typhon_qsbr::entries::{Entry, Root, Table, block_size, index_bytes, usable};

/// So many entries are moved between two looks at the breaker.
pub(super) const STRIDE: usize = 1 << 14;
pub(super) const MIN_LOG2: u32 = 3;

/// A table's words as values.
pub(super) trait Values {
    /// As [`Table::probe`].
    fn find<E>(&self, hash: i64, same: impl FnMut(&Value) -> Result<bool, E>) -> Result<(Option<usize>, usize), E>;
    /// Finds an exact str.
    fn find_str(&self, name: &Value, hash: i64) -> (Option<usize>, usize);
    /// Finds the very object.
    fn find_same(&self, key: &Value, hash: i64) -> (Option<usize>, usize);
    /// The first free place for `hash` in a table without holes.
    fn free_place(&self, hash: i64) -> usize;
    /// The value of entry `i`, which was written.
    fn value_of(&self, i: usize) -> Option<Value>;

    /// As [`Table::add`].
    ///
    /// # Safety
    /// As there.
    unsafe fn add_item(&self, dict: &Header, place: usize, hash: i64, key: Value, value: Value);

    /// Moves live entry `i` of another table, which is given up, behind this one's.
    ///
    /// # Safety
    /// There is room, and no other thread can see this table yet.
    unsafe fn move_in(&self, from: &Table, i: usize);

    /// Exchanges the value of an entry.
    ///
    /// # Safety
    /// The entry is live, and the dict is held.
    unsafe fn exchange(&self, dict: &Header, i: usize, value: Value) -> Value;

    /// Takes entry `i` out, whose index stands at `place`.
    ///
    /// # Safety
    /// The entry is live, and the dict is held.
    unsafe fn take(&self, i: usize, place: usize) -> (Value, Value);

    /// Key and value of entry `i` of a table that nobody looks into any more but readers.
    ///
    /// # Safety
    /// The table is detached; each item is taken once.
    unsafe fn detached(&self, i: usize) -> Option<(Value, Value)>;

    /// Frees the table, whose entries are somebody else's or dropped, when no thread reads it any more.
    ///
    /// # Safety
    /// Nobody who comes from now on can reach it.
    unsafe fn free(self, t: &Thread);

    /// As [`Values::free`], at once.
    ///
    /// # Safety
    /// Nobody can reach it.
    unsafe fn free_now(self, t: &Thread);
}

impl Values for Table {
    #[inline(always)]
    fn find<E>(&self, hash: i64, mut same: impl FnMut(&Value) -> Result<bool, E>) -> Result<(Option<usize>, usize), E> {
        self.probe(hash, |key| same(Value::from_ref(&key)))
    }

    #[inline(always)]
    fn find_str(&self, name: &Value, hash: i64) -> (Option<usize>, usize) {
        let text = name.expect_str();
        let same = |key: &Value| Ok(key.is(name) || key.exact::<Str>().is_some_and(|k| k.same_text(text)));
        let found: Result<_, Infallible> = self.find(hash, same);
        match found {
            Ok(found) => found,
        }
    }

    fn find_same(&self, key: &Value, hash: i64) -> (Option<usize>, usize) {
        let found: Result<_, Infallible> = self.find(hash, |theirs| Ok(theirs.is(key)));
        match found {
            Ok(found) => found,
        }
    }

    fn free_place(&self, hash: i64) -> usize {
        let found: Result<_, Infallible> = self.probe(hash, |_| Ok(false));
        match found {
            Ok((_, place)) => place,
        }
    }

    #[inline(always)]
    fn value_of(&self, i: usize) -> Option<Value> {
        // SAFETY: the entry was written, so there is one.
        let bits = unsafe { self.value(i) };
        Value::from_ref(&bits).clone().present()
    }

    #[inline(always)]
    unsafe fn add_item(&self, dict: &Header, place: usize, hash: i64, key: Value, value: Value) {
        let (key, value) = (store::word(dict, key), store::word(dict, value));
        // SAFETY: the caller's duty.
        unsafe { self.add(place, hash, key, value) }
    }

    unsafe fn move_in(&self, from: &Table, i: usize) {
        let Some((key, hash, value)) = from.item(i) else { return };
        // SAFETY: the caller's duty; the other table's words are forgotten.
        unsafe { self.add(self.free_place(hash), hash, key, value) }
    }

    #[inline(always)]
    unsafe fn exchange(&self, dict: &Header, i: usize, value: Value) -> Value {
        // SAFETY: the caller's duty; the old value is the caller's.
        unsafe { Value::from_raw(self.replace(i, store::word(dict, value))) }
    }

    unsafe fn take(&self, i: usize, place: usize) -> (Value, Value) {
        // SAFETY: the caller's duty; the values are moved out and absent ones left.
        unsafe {
            let (key, value) = self.remove(i, place);
            (Value::from_raw(key), Value::from_raw(value))
        }
    }

    #[inline(always)]
    unsafe fn detached(&self, i: usize) -> Option<(Value, Value)> {
        let (key, _, value) = self.item(i)?;
        // SAFETY: the caller's duty.
        unsafe { Some((Value::from_raw(key), Value::from_raw(value))) }
    }

    unsafe fn free(self, t: &Thread) {
        let (start, size) = self.block();
        // SAFETY: the block came from the heap with this size.
        unsafe { store::free_later(t, start, size) }
    }

    unsafe fn free_now(self, t: &Thread) {
        let (start, size) = self.block();
        // SAFETY: the block came from the heap with this size.
        unsafe { t.heap().free_raw(start, size) }
    }
}
