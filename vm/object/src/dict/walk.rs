//! dict: going through the entries, taking them from either end, and copying them.

use super::Dict;
use crate::error::Res;
use crate::store;
use crate::thread::Thread;
use crate::value::Value;

impl Dict {
    /// The value of entry `i` if its key is the very str `name`.
    #[inline(always)]
    pub fn entry_of(&self, i: usize, name: &Value) -> Option<Value> {
        if i >= self.filled.get() as usize {
            return None;
        }
        // SAFETY: within the entries.
        let e = unsafe { &*self.entry(i) };
        e.key.is(name).then(|| e.value.clone())
    }

    /// The first live item at entry `*at` or later; moves `*at` past it. The order is insertion order.
    #[inline]
    pub fn next(&self, at: &mut usize) -> Option<(Value, Value)> {
        self.next_with(at, |k, v| (k.clone(), v.clone()))
    }

    /// As [`Dict::next`], with what `pick`, which runs no Python code, makes of the item.
    #[inline(always)]
    pub(crate) fn next_with<R>(&self, at: &mut usize, pick: impl FnOnce(&Value, &Value) -> R) -> Option<R> {
        self.skip_front(at);
        while *at < self.filled.get() as usize {
            // SAFETY: within the entries.
            let e = unsafe { &*self.entry(*at) };
            *at += 1;
            if !e.key.is_absent() {
                return Some(pick(&e.key, &e.value));
            }
        }
        None
    }

    /// Moves a cursor that stands at the front past the holes there.
    #[inline]
    fn skip_front(&self, at: &mut usize) {
        let front = self.front.get() as usize;
        if *at > front || self.used.get() == self.filled.get() as usize {
            return;
        }
        let mut i = front;
        // SAFETY: within the entries.
        while i < self.filled.get() as usize && unsafe { (*self.entry(i)).key.is_absent() } {
            i += 1;
        }
        self.front.set(i as u32);
        *at = i;
    }

    /// As [`Dict::next`], with the key's hash.
    pub fn next_hashed(&self, at: &mut usize) -> Option<(Value, i64, Value)> {
        while *at < self.filled.get() as usize {
            // SAFETY: within the entries.
            let e = unsafe { &*self.entry(*at) };
            *at += 1;
            if !e.key.is_absent() {
                return Some((e.key.clone(), e.hash, e.value.clone()));
            }
        }
        None
    }

    /// How many entries there are, removed ones included: the end of a walk by [`Dict::next`].
    pub(crate) fn filled(&self) -> usize {
        self.filled.get() as usize
    }

    /// The last live item before entry `*at`; moves `*at` to it. Start with `usize::MAX`.
    pub fn prev(&self, at: &mut usize) -> Option<(Value, Value)> {
        *at = (*at).min(self.filled.get() as usize);
        while *at > 0 {
            *at -= 1;
            // SAFETY: within the entries.
            let e = unsafe { &*self.entry(*at) };
            if !e.key.is_absent() {
                return Some((e.key.clone(), e.value.clone()));
            }
        }
        None
    }

    /// Removes and returns the last item.
    pub fn pop_last(&self) -> Option<(Value, Value)> {
        let mut i = self.filled.get() as usize;
        while i > 0 {
            i -= 1;
            if let Some(item) = self.take_at(i) {
                // Nothing live stands behind: shorten, so that popping all is linear. The freed entries hold nothing.
                self.lost.set(self.lost.get() + self.filled.get() - i as u32);
                self.filled.set(i as u32);
                self.front.set(self.front.get().min(i as u32));
                return Some(item);
            }
        }
        None
    }

    /// Removes and returns the first item.
    pub fn pop_first(&self) -> Option<(Value, Value)> {
        let mut at = 0;
        drop(self.next(&mut at)?);
        self.take_at(at - 1)
    }

    /// Copies of all items, in order.
    pub fn items(&self) -> Vec<(Value, Value)> {
        let (mut at, mut out) = (0, Vec::with_capacity(self.len()));
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
        if self.is_empty() && self.block.get().is_null() && !other.is_empty() {
            return self.copy_from(t, other);
        }
        let mut at = 0;
        while let Some((key, hash, value)) = other.next_hashed(&mut at) {
            let found = self.find(t, &key, hash)?;
            match found.entry {
                Some(i) if replace => self.set_entry_value(i, value),
                Some(_) => {}
                None => self.insert(t, key, hash, value, found.place)?,
            }
            if at.is_multiple_of(1024) {
                t.poll()?;
            }
        }
        Ok(())
    }

    /// Fills an empty dict with another's items.
    fn copy_from(&self, t: &Thread, other: &Dict) -> Res<()> {
        self.resize(t, other.used.get() + other.used.get() / 2 + 1)?;
        self.str_keys.set(other.str_keys.get());
        let mut at = 0;
        while let Some((key, hash, value)) = other.next_hashed(&mut at) {
            let i = self.filled.get();
            // SAFETY: room was made for all of the other's entries.
            unsafe {
                let e = self.entry(i as usize);
                (&raw mut (*e).hash).write(hash);
                store::write(&self.header, &raw mut (*e).key, key);
                store::write(&self.header, &raw mut (*e).value, value);
            }
            self.set_index(self.free_place(hash), i);
            self.filled.set(i + 1);
            self.used.set(i as usize + 1);
            if i % 4096 == 4095 {
                t.check_stop()?;
            }
        }
        self.changed();
        Ok(())
    }

    /// Moves `key` behind or before all others; false if it is not there.
    pub fn move_to_end(&self, t: &Thread, key: &Value, last: bool) -> Res<bool> {
        let hash = super::hash_key(t, key)?;
        let found = self.find(t, key, hash)?;
        let Some(i) = found.entry else { return Ok(false) };
        if last {
            if i + 1 < self.filled.get() as usize {
                let (key, value) = self.remove_entry(i, found.place);
                self.insert(t, key, hash, value, found.place)?;
            }
            return Ok(true);
        }
        t.check_alloc(self.used.get() * 24)?;
        let (mut at, mut rest) = (0, Vec::with_capacity(self.used.get()));
        while let Some(item) = self.next_hashed(&mut at) {
            rest.push((at - 1 != i, item));
        }
        // Stable: the one moves to the front, the others keep their order.
        rest.sort_by_key(|(other, _)| *other);
        self.clear_entries();
        self.reserve(t, rest.len())?;
        for (_, (key, hash, value)) in rest {
            let place = self.free_place(hash);
            self.insert(t, key, hash, value, place)?;
        }
        Ok(true)
    }

    /// A new dict with the same items.
    pub fn copy(&self, t: &Thread) -> Res {
        let v = Self::create(t);
        if !self.is_empty() {
            Self::of(&v).copy_from(t, self)?;
        }
        Ok(v)
    }
}
