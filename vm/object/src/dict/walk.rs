//! dict: going through the entries, taking them from either end, and copying them.

use super::Dict;
use super::room::log2_for;
use super::table::{Table, Values, block_size};
use crate::error::Res;
use crate::store;
use crate::thread::{self, Thread};
use crate::value::Value;

/// Tables of so many entries are copied in one step.
const WHOLE: usize = 1 << 12;

/// Goes through the items of a dict, with the keys' hashes. Where other threads may come between, by what is there when it
/// begins: a table that they replace has its entries elsewhere.
pub enum Walk<'a> {
    /// By entry.
    InPlace(&'a Dict, usize),
    /// By copies.
    Copied(std::vec::IntoIter<(Value, i64, Value)>),
}

impl Iterator for Walk<'_> {
    type Item = (Value, i64, Value);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::InPlace(dict, at) => dict.next_hashed(at),
            Self::Copied(items) => items.next(),
        }
    }
}

impl Dict {
    /// All items, one after another, for what is one step to other threads.
    #[inline]
    pub fn walk(&self, t: &Thread) -> Res<Walk<'_>> {
        if t.has_siblings() { self.walk_copied(t) } else { Ok(Walk::InPlace(self, 0)) }
    }

    #[cold]
    fn walk_copied(&self, t: &Thread) -> Res<Walk<'_>> {
        t.check_alloc(self.len() * size_of::<(Value, i64, Value)>())?;
        Ok(Walk::Copied(self.snapshot().into_iter()))
    }

    /// The value of entry `i` if its key is the very str `name`.
    #[inline(always)]
    pub fn entry_of(&self, i: usize, name: &Value) -> Option<Value> {
        let (key, _, value) = self.table()?.item(i)?;
        Value::from_ref(&key).is(name).then(|| Value::from_ref(&value).clone())
    }

    /// The first live item at entry `*at` or later; moves `*at` past it. The order is insertion order.
    #[inline]
    pub fn next(&self, at: &mut usize) -> Option<(Value, Value)> {
        self.next_with(at, |k, v| (k.clone(), v.clone()))
    }

    /// As [`Dict::next`], with what `pick`, which runs no Python code, makes of the item.
    #[inline(always)]
    pub(crate) fn next_with<R>(&self, at: &mut usize, pick: impl FnOnce(&Value, &Value) -> R) -> Option<R> {
        let table = self.table()?;
        if *at <= table.front() && self.root.used() != table.filled() {
            skip_front(table, at);
        }
        while *at < table.filled() {
            *at += 1;
            if let Some((key, _, value)) = table.item(*at - 1) {
                return Some(pick(Value::from_ref(&key), Value::from_ref(&value)));
            }
        }
        None
    }

    /// As [`Dict::next`], with the key's hash.
    pub fn next_hashed(&self, at: &mut usize) -> Option<(Value, i64, Value)> {
        let table = self.table()?;
        while *at < table.filled() {
            *at += 1;
            if let Some((key, hash, value)) = table.item(*at - 1) {
                return Some((Value::from_ref(&key).clone(), hash, Value::from_ref(&value).clone()));
            }
        }
        None
    }

    /// How many entries there are, removed ones included: the end of a walk by [`Dict::next`].
    pub(crate) fn filled(&self) -> usize {
        self.table().map_or(0, |table| table.filled())
    }

    /// The last live item before entry `*at`; moves `*at` to it. Start with `usize::MAX`.
    pub fn prev(&self, at: &mut usize) -> Option<(Value, Value)> {
        let table = self.table()?;
        *at = (*at).min(table.filled());
        while *at > 0 {
            *at -= 1;
            if let Some((key, _, value)) = table.item(*at) {
                return Some((Value::from_ref(&key).clone(), Value::from_ref(&value).clone()));
            }
        }
        None
    }

    /// Removes and returns the last item.
    pub fn pop_last(&self) -> Option<(Value, Value)> {
        let held = store::hold(&self.header);
        let table = self.table()?;
        let mut i = table.filled();
        while i > 0 {
            i -= 1;
            if let Some((key, value)) = self.take_held(i) {
                if !thread::is_shared() {
                    // Nothing live stands behind: shorten, so that popping all is linear. Readers in other threads take it
                    // that an entry is not used again.
                    // SAFETY: no other thread runs.
                    unsafe { table.shorten(i) };
                }
                drop(held);
                return Some((store::left(key), store::left(value)));
            }
        }
        None
    }

    /// Removes and returns the first item.
    pub fn pop_first(&self) -> Option<(Value, Value)> {
        loop {
            let mut at = 0;
            drop(self.next(&mut at)?);
            if let Some(item) = self.take_at(at - 1) {
                return Some(item);
            }
        }
    }

    /// Copies of all items, in order.
    pub fn items(&self) -> Vec<(Value, Value)> {
        let (mut at, mut out) = (0, Vec::with_capacity(self.len()));
        let _held = store::hold(&self.header);
        while let Some(item) = self.next(&mut at) {
            out.push(item);
        }
        out
    }

    /// Copies of all keys, in order.
    pub fn keys(&self) -> Vec<Value> {
        self.items().into_iter().map(|(k, _)| k).collect()
    }

    /// Copies every item of `other` in; keys must be hashable already, so no Python code runs but `__eq__`.
    pub fn merge(&self, t: &Thread, other: &Dict, replace: bool) -> Res<()> {
        if t.has_siblings() {
            return self.merge_shared(t, other, replace);
        }
        if self.is_empty() && self.table().is_none() && !other.is_empty() {
            return self.copy_from(t, other);
        }
        let mut at = 0;
        while let Some((key, hash, value)) = other.next_hashed(&mut at) {
            self.merge_item(t, (key, hash, value), replace)?;
            if at.is_multiple_of(1024) {
                t.poll()?;
            }
        }
        Ok(())
    }

    fn merge_shared(&self, t: &Thread, other: &Dict, replace: bool) -> Res<()> {
        t.check_alloc(other.len() * 24)?;
        for (i, item) in other.snapshot().into_iter().enumerate() {
            self.merge_item(t, item, replace)?;
            if i % 1024 == 1023 {
                t.poll()?;
            }
        }
        Ok(())
    }

    fn merge_item(&self, t: &Thread, (key, hash, value): (Value, i64, Value), replace: bool) -> Res<()> {
        let found = self.find(t, &key, hash)?;
        match found.entry {
            Some(_) if !replace => Ok(()),
            _ if t.is_shared() => self.set_shared(t, &key, hash, value, found),
            Some(i) => {
                drop(self.replace_value(i, value));
                Ok(())
            }
            None => self.insert(t, key, hash, value, found.place),
        }
    }

    /// Fills an empty dict, which nobody else has yet or which is not shared, with another's items, which is held.
    fn copy_from(&self, t: &Thread, other: &Dict) -> Res<()> {
        let used = other.root.used();
        let want = used + used / 2 + 1;
        if let Some(table) = other.table()
            && used <= WHOLE
            && table.is_dense(used)
            && table.block().1 == block_size(log2_for(want, 0))
        {
            return self.copy_table(t, other, table);
        }
        let table = self.resize(t, want)?;
        self.other_keys.set(other.other_keys.get());
        let mut at = 0;
        while let Some((key, hash, value)) = other.next_hashed(&mut at) {
            // SAFETY: room was made for all of the other's entries.
            unsafe { table.add_item(&self.header, table.free_place(hash), hash, key, value) };
            let n = table.filled();
            self.root.set_used(n);
            if n % 4096 == 0 {
                t.check_stop()?;
            }
        }
        self.changed();
        Ok(())
    }

    /// As [`Dict::copy_from`], by a copy of the other's whole table.
    fn copy_table(&self, t: &Thread, other: &Dict, table: Table) -> Res<()> {
        let block = t.heap().alloc_raw(table.block().1).map_err(|_| t.memory_error())?;
        // SAFETY: the block is that large; the other dict is held, or not shared.
        let new = unsafe { table.copy_to(block) };
        for i in 0..new.filled() {
            if let Some((key, _, value)) = new.item(i) {
                // The copied words become references of their own.
                std::mem::forget((Value::from_ref(&key).clone(), Value::from_ref(&value).clone()));
            }
        }
        self.other_keys.set(other.other_keys.get());
        self.install(new);
        self.root.set_used(new.filled());
        self.changed();
        Ok(())
    }

    /// Moves `key` behind or before all others; false if it is not there.
    pub fn move_to_end(&self, t: &Thread, key: &Value, last: bool) -> Res<bool> {
        let hash = super::hash_key(t, key)?;
        loop {
            let found = self.find(t, key, hash)?;
            let Some(i) = found.entry else { return Ok(false) };
            let held = store::hold_on(t, &self.header);
            if self.root.changes() != found.changes {
                continue;
            }
            let Some(table) = self.table() else { return Ok(false) };
            if last && i + 1 == table.filled() {
                return Ok(true);
            }
            if !last {
                return self.move_to_front(t, table, i).map(|()| true);
            }
            let (key, value) = self.remove_entry(i, found.place);
            self.insert(t, store::left(key), hash, value, found.place)?;
            drop(held);
            return Ok(true);
        }
    }

    /// Puts entry `i` before all others, which keep their order, in another table. The dict is held.
    fn move_to_front(&self, t: &Thread, old: Table, i: usize) -> Res<()> {
        let new = self.empty_table(t, self.root.used() + self.root.used() / 2 + 1)?;
        for at in std::iter::once(i).chain((0..old.filled()).filter(|&at| at != i)) {
            if old.item(at).is_some() {
                // SAFETY: there is room for all of the dict's entries; each moves once.
                unsafe { new.move_in(&old, at) };
            }
        }
        self.install(new);
        // SAFETY: it has been replaced, and its entries have moved.
        unsafe { old.free(t) };
        Ok(())
    }

    /// A new dict with the same items.
    pub fn copy(&self, t: &Thread) -> Res {
        let v = Self::create(t);
        if !self.is_empty() {
            let _held = store::hold_on(t, &self.header);
            Self::of(&v).copy_from(t, self)?;
        }
        Ok(v)
    }
}

/// Moves a cursor that stands at the front past the holes there.
#[inline]
fn skip_front(table: Table, at: &mut usize) {
    let mut i = table.front();
    while i < table.filled() && table.item(i).is_none() {
        i += 1;
    }
    table.set_front(i);
    *at = i;
}
