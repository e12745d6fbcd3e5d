//! dict: storage. Methods are in `types/dict`.
//!
//! A compact ordered hash table (CPython 3.6, PyPy): entries in insertion order, and an open-addressed table of indices
//! into them, 1, 2 or 4 bytes wide. One block of raw memory holds both: the indices lie in front of the entries, the first
//! one nearest. Removing leaves a hole in the entries that the next
//! resize squeezes out.

mod room;
mod walk;

use crate::error::Res;
use crate::gc;
use crate::header::Header;
use crate::ops;
use crate::payload;
use crate::store;
use crate::strs::Str;
use crate::thread::Thread;
use crate::ty::TypeObject;
use crate::types::dict_::DICT;
use crate::types::iters::unhashable_as;
use crate::value::Value;
use std::cell::Cell;

/// A dict object. Other payloads may begin with one (defaultdict, OrderedDict).
#[repr(C)]
pub struct Dict {
    pub(crate) header: Header,
    /// Live entries.
    used: Cell<usize>,
    /// Entries written, holes included.
    filled: Cell<u32>,
    /// log2 of the number of indices; meaningless while `block` is null.
    log2: Cell<u8>,
    /// Every key is an exact str.
    str_keys: Cell<bool>,
    /// The entries, behind the indices in one block; null while there are none.
    block: Cell<*mut Entry>,
    /// Names the present set of keys and their entries' places; 0 = not asked for yet.
    keys_version: Cell<u32>,
    /// Bumped by every structural change: a lookup that ran Python code starts again.
    changes: Cell<u32>,
    /// So many entries at the front are known to be holes: taking all items from the front is linear.
    front: Cell<u32>,
    /// Places of the index table that are holes with no entry behind them any more: with the entries, they must leave
    /// some places empty, or a lookup would not end.
    lost: Cell<u32>,
}

crate::payload!(Dict => DICT {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        gc::each(self.filled.get() as usize, |i| {
            // SAFETY: within the entries; the collector's visitor changes nothing.
            let e = unsafe { &*self.entry(i) };
            if !e.key.is_absent() {
                visit(&e.key);
                visit(&e.value);
            }
        });
    }
    fn clear(&self) {
        self.clear_entries();
    }
});

#[repr(C)]
struct Entry {
    hash: i64,
    key: Value,
    value: Value,
}

/// So many entries are moved between two looks at the breaker.
const STRIDE: usize = 1 << 14;
const MIN_LOG2: u8 = 3;
const EMPTY: u32 = u32::MAX;
const HOLE: u32 = u32::MAX - 1;

/// What a lookup found: the entry's index, and where in the index table it (or the first free place) is.
struct Found {
    entry: Option<usize>,
    place: usize,
}

#[inline(always)]
fn usable(log2: u8) -> usize {
    (2usize << log2) / 3
}

#[inline(always)]
fn width(log2: u8) -> usize {
    match log2 {
        0..=7 => 1,
        8..=15 => 2,
        _ => 4,
    }
}

#[inline(always)]
fn index_bytes(log2: u8) -> usize {
    (width(log2) << log2).next_multiple_of(8)
}

fn block_size(log2: u8) -> usize {
    index_bytes(log2) + usable(log2) * size_of::<Entry>()
}

/// Where the block begins whose entries are at `entries`.
///
/// # Safety
/// The entries belong to a block of this size.
unsafe fn start(entries: *mut Entry, log2: u8) -> *mut u8 {
    // SAFETY: the indices lie in front of the entries.
    unsafe { entries.cast::<u8>().sub(index_bytes(log2)) }
}

impl Dict {
    /// Where the version of the keys lies, for machine code.
    pub const KEYS_VERSION: usize = std::mem::offset_of!(Self, keys_version);
    /// Where the address of the entries lies.
    pub const ENTRIES: usize = std::mem::offset_of!(Self, block);

    /// Where the value of entry `i` lies, from the entries' address on.
    pub const fn value_offset(i: usize) -> usize {
        i * size_of::<Entry>() + std::mem::offset_of!(Entry, value)
    }

    /// An empty dict's fields.
    #[inline]
    pub fn empty(header: Header) -> Self {
        Self {
            header,
            used: Cell::new(0),
            filled: Cell::new(0),
            log2: Cell::new(0),
            str_keys: Cell::new(true),
            block: Cell::new(std::ptr::null_mut()),
            keys_version: Cell::new(0),
            changes: Cell::new(0),
            front: Cell::new(0),
            lost: Cell::new(0),
        }
    }

    /// A new empty dict.
    ///
    /// # Panics
    /// Never: an object this small is not refused.
    #[inline]
    pub fn create(t: &Thread) -> Value {
        match payload::new(t, Self::empty) {
            Ok(v) => v,
            Err(_) => unreachable!("small objects are never refused"),
        }
    }

    /// A new empty dict of a dict type whose payload is `Dict`.
    pub fn create_of(t: &Thread, ty: &TypeObject) -> Res {
        payload::new_of(t, ty, Self::empty)
    }

    /// The dict behind a value that is one.
    #[inline(always)]
    pub fn of(v: &Value) -> &Self {
        v.expect::<Self>()
    }

    /// Number of items.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.used.get()
    }

    /// No items?
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.used.get() == 0
    }

    #[inline(always)]
    fn entry(&self, i: usize) -> *mut Entry {
        // SAFETY: `i` is below `usable` (callers).
        unsafe { self.block.get().add(i) }
    }

    #[inline(always)]
    fn index(&self, place: usize) -> u32 {
        let p = self.block.get();
        // SAFETY: `place` is masked to the table's size.
        unsafe {
            match width(self.log2.get()) {
                1 => match *p.cast::<u8>().sub(place + 1) {
                    0xff => EMPTY,
                    0xfe => HOLE,
                    i => u32::from(i),
                },
                2 => match *p.cast::<u16>().sub(place + 1) {
                    0xffff => EMPTY,
                    0xfffe => HOLE,
                    i => u32::from(i),
                },
                _ => *p.cast::<u32>().sub(place + 1),
            }
        }
    }

    #[inline(always)]
    fn set_index(&self, place: usize, i: u32) {
        let p = self.block.get();
        // SAFETY: `place` is masked to the table's size; narrow tables have fewer entries than their width can name.
        unsafe {
            match width(self.log2.get()) {
                1 => *p.cast::<u8>().sub(place + 1) = i as u8,
                2 => *p.cast::<u16>().sub(place + 1) = i as u16,
                _ => *p.cast::<u32>().sub(place + 1) = i,
            }
        }
    }

    /// Walks the probe sequence of `hash`; `same` judges an entry with that hash.
    #[inline(always)]
    fn probe<E>(&self, hash: i64, mut same: impl FnMut(&Entry) -> Result<bool, E>) -> Result<Found, E> {
        let mask = (1usize << self.log2.get()) - 1;
        let mut place = hash as usize & mask;
        let mut perturb = hash as u64;
        let mut free = None;
        loop {
            match self.index(place) {
                EMPTY => return Ok(Found { entry: None, place: free.unwrap_or(place) }),
                HOLE => free = free.or(Some(place)),
                i => {
                    // SAFETY: indices in the table name written entries.
                    let e = unsafe { &*self.entry(i as usize) };
                    if e.hash == hash && same(e)? {
                        return Ok(Found { entry: Some(i as usize), place });
                    }
                }
            }
            perturb >>= 5;
            place = (place.wrapping_mul(5).wrapping_add(perturb as usize).wrapping_add(1)) & mask;
        }
    }

    #[inline(always)]
    fn find_str(&self, name: &Value, hash: i64) -> Found {
        let text = name.expect_str();
        let r: Result<Found, std::convert::Infallible> =
            self.probe(hash, |e| Ok(e.key.is(name) || e.key.exact::<Str>().is_some_and(|k| k.same_text(text))));
        match r {
            Ok(found) => found,
        }
    }

    /// Finds any key; may run `__eq__`, after which the table may have changed: then it starts again.
    fn find(&self, t: &Thread, key: &Value, hash: i64) -> Res<Found> {
        if self.block.get().is_null() {
            return Ok(Found { entry: None, place: 0 });
        }
        if self.str_keys.get() && key.exact::<Str>().is_some() {
            return Ok(self.find_str(key, hash));
        }
        'again: loop {
            let changes = self.changes.get();
            enum Stop {
                Changed,
                /// The key was met, but the comparison changed the dict.
                Met(Value),
                Raised(crate::error::Exc),
            }
            let found = self.probe(hash, |e| {
                if e.key.is(key) {
                    return Ok(true);
                }
                let theirs = e.key.clone();
                let same = ops::eq(t, &theirs, key).map_err(Stop::Raised)?;
                if self.changes.get() != changes {
                    return Err(if same { Stop::Met(theirs) } else { Stop::Changed });
                }
                Ok(same)
            });
            match found {
                Ok(found) => return Ok(found),
                Err(Stop::Met(theirs)) if !self.block.get().is_null() => {
                    // Nobody is asked again about a key that is still there.
                    let again: Result<Found, std::convert::Infallible> = self.probe(hash, |e| Ok(e.key.is(&theirs)));
                    match again {
                        Ok(found) if found.entry.is_some() => return Ok(found),
                        Ok(_) => t.poll()?,
                    }
                }
                Err(Stop::Changed | Stop::Met(_)) => {
                    if self.block.get().is_null() {
                        return Ok(Found { entry: None, place: 0 });
                    }
                    t.poll()?;
                    continue 'again;
                }
                Err(Stop::Raised(e)) => return Err(e),
            }
        }
    }

    /// The value under an exact str key.
    #[inline]
    pub fn get_str(&self, name: &Value) -> Option<Value> {
        let i = self.find_str_entry(name)?;
        // SAFETY: the entry was just found.
        Some(unsafe { (*self.entry(i)).value.clone() })
    }

    /// The entry of an exact str key.
    #[inline]
    pub fn find_str_entry(&self, name: &Value) -> Option<usize> {
        if self.block.get().is_null() {
            return None;
        }
        self.find_str(name, name.expect_str().hash()).entry
    }

    /// The value under `key`.
    #[inline]
    pub fn get(&self, t: &Thread, key: &Value) -> Res<Option<Value>> {
        let hash = hash_key(t, key)?;
        self.get_hashed(t, key, hash)
    }

    /// The value under `key`, whose hash is known.
    #[inline]
    pub fn get_hashed(&self, t: &Thread, key: &Value, hash: i64) -> Res<Option<Value>> {
        let found = self.find(t, key, hash)?;
        // SAFETY: the entry was just found, and nothing ran since.
        Ok(found.entry.map(|i| unsafe { (*self.entry(i)).value.clone() }))
    }

    /// Whether `key` is there.
    pub fn contains(&self, t: &Thread, key: &Value) -> Res<bool> {
        let hash = hash_key(t, key)?;
        Ok(self.find(t, key, hash)?.entry.is_some())
    }

    /// Sets `key` to `value`.
    #[inline]
    pub fn set(&self, t: &Thread, key: &Value, value: &Value) -> Res<()> {
        let hash = hash_key(t, key)?;
        self.set_hashed(t, key, hash, value.clone())
    }

    /// Sets `key`, whose hash is known.
    pub fn set_hashed(&self, t: &Thread, key: &Value, hash: i64, value: Value) -> Res<()> {
        let found = self.find(t, key, hash)?;
        match found.entry {
            Some(i) => {
                self.set_entry_value(i, value);
                Ok(())
            }
            None => self.insert(t, key.clone(), hash, value, found.place),
        }
    }

    /// Sets an exact str key.
    #[inline]
    pub fn set_str(&self, t: &Thread, name: &Value, value: Value) -> Res<()> {
        self.set_hashed(t, name, name.expect_str().hash(), value)
    }

    /// The value under `key`, or `default` after inserting it.
    pub fn set_default(&self, t: &Thread, key: &Value, default: &Value) -> Res {
        let hash = hash_key(t, key)?;
        let found = self.find(t, key, hash)?;
        match found.entry {
            // SAFETY: the entry was just found.
            Some(i) => Ok(unsafe { (*self.entry(i)).value.clone() }),
            None => {
                self.insert(t, key.clone(), hash, default.clone(), found.place)?;
                Ok(default.clone())
            }
        }
    }

    fn insert(&self, t: &Thread, key: Value, hash: i64, value: Value, place: usize) -> Res<()> {
        let mut place = place;
        if self.block.get().is_null() || (self.filled.get() + self.lost.get()) as usize >= usable(self.log2.get()) {
            self.resize(t, self.used.get() * 3)?;
            place = self.free_place(hash);
        }
        if self.str_keys.get() && key.exact::<Str>().is_none() {
            self.str_keys.set(false);
        }
        let i = self.filled.get();
        // SAFETY: entry `i` is within the usable ones and holds nothing yet.
        unsafe {
            let e = self.entry(i as usize);
            (&raw mut (*e).hash).write(hash);
            store::write(&self.header, &raw mut (*e).key, key);
            store::write(&self.header, &raw mut (*e).value, value);
        }
        self.set_index(place, i);
        self.filled.set(i + 1);
        self.used.set(self.used.get() + 1);
        self.changed();
        Ok(())
    }

    #[inline(always)]
    fn changed(&self) {
        self.keys_version.set(0);
        self.changes.set(self.changes.get().wrapping_add(1));
    }

    /// The first free place for `hash` in a table without holes.
    fn free_place(&self, hash: i64) -> usize {
        let r: Result<Found, std::convert::Infallible> = self.probe(hash, |_| Ok(false));
        match r {
            Ok(found) => found.place,
        }
    }

    /// Makes room for `want` entries or more, squeezing holes out.
    /// Removes `key`; returns its value.
    pub fn remove(&self, t: &Thread, key: &Value) -> Res<Option<Value>> {
        let hash = hash_key(t, key)?;
        self.remove_hashed(t, key, hash)
    }

    /// Removes `key`, whose hash is known.
    pub fn remove_hashed(&self, t: &Thread, key: &Value, hash: i64) -> Res<Option<Value>> {
        let found = self.find(t, key, hash)?;
        Ok(found.entry.map(|i| self.remove_entry(i, found.place).1))
    }

    /// Takes entry `i` out, whose index stands at `place`.
    fn remove_entry(&self, i: usize, place: usize) -> (Value, Value) {
        self.set_index(place, HOLE);
        // SAFETY: the entry is live; its values are moved out and absent ones left.
        let (key, value) = unsafe {
            let e = &mut *self.entry(i);
            (std::mem::take(&mut e.key), std::mem::take(&mut e.value))
        };
        self.used.set(self.used.get() - 1);
        self.changed();
        (key, value)
    }

    /// Removes the live entry at index `i`.
    pub fn take_at(&self, i: usize) -> Option<(Value, Value)> {
        if i >= self.filled.get() as usize {
            return None;
        }
        // SAFETY: within the entries.
        let hash = unsafe {
            let e = &*self.entry(i);
            if e.key.is_absent() {
                return None;
            }
            e.hash
        };
        let r: Result<Found, std::convert::Infallible> =
            self.probe(hash, |e| Ok(std::ptr::eq(e, self.entry(i).cast_const())));
        match r {
            Ok(found) => found.entry.map(|i| self.remove_entry(i, found.place)),
        }
    }

    /// Drops all items.
    pub fn clear_entries(&self) {
        let (block, log2, filled) = (self.block.replace(std::ptr::null_mut()), self.log2.get(), self.filled.replace(0));
        self.used.set(0);
        self.front.set(0);
        self.lost.set(0);
        self.str_keys.set(true);
        self.changed();
        if block.is_null() {
            return;
        }
        for i in 0..filled as usize {
            if i % STRIDE == STRIDE - 1 && crate::thread::stopping() {
                // The isolate's memory goes as a whole.
                return;
            }
            // SAFETY: the block is detached; each entry is dropped once, holes hold absent values.
            unsafe { block.add(i).drop_in_place() };
        }
        if let Some(t) = crate::thread::current() {
            // SAFETY: the block came from this heap with this size.
            unsafe { t.heap().free_raw(start(block, log2), block_size(log2)) };
        }
    }

    /// Names the present keys and their entries: while it stays the same, entry indices stay valid. 0:
    /// versions ran out, nothing may be remembered.
    pub fn keys_version(&self, t: &Thread) -> u32 {
        if self.keys_version.get() == 0 {
            self.keys_version.set(t.next_keys_version());
        }
        self.keys_version.get()
    }

    /// The version as it stands, 0 if nobody asked since the last change.
    #[inline(always)]
    pub fn current_keys_version(&self) -> u32 {
        self.keys_version.get()
    }

    /// The value of entry `i`.
    ///
    /// # Safety
    /// `i` came from `find_str_entry` under a keys version that still holds.
    #[inline(always)]
    pub unsafe fn entry_value(&self, i: usize) -> &Value {
        // SAFETY: the caller's duty.
        unsafe { &(*self.entry(i)).value }
    }

    /// Replaces the value of live entry `i`.
    #[inline(always)]
    pub fn set_entry_value(&self, i: usize, value: Value) {
        debug_assert!(i < self.filled.get() as usize);
        // SAFETY: a live entry; the new value is in place before the old one is dropped.
        let old = unsafe {
            let at = &raw mut (*self.entry(i)).value;
            let old = at.read();
            store::write(&self.header, at, value);
            old
        };
        drop(old);
    }

    /// Structural changes so far: iterators compare.
    #[inline]
    pub fn changes(&self) -> u32 {
        self.changes.get()
    }

    /// Bytes of the table, for `__sizeof__`.
    pub fn table_bytes(&self) -> usize {
        if self.block.get().is_null() { 0 } else { block_size(self.log2.get()) }
    }
}

/// The hash of a key; TypeErrors say that it was to be one.
#[inline]
pub fn hash_key(t: &Thread, key: &Value) -> Res<i64> {
    ops::hash(t, key).map_err(|e| unhashable_as(t, key, "dict key", e))
}

impl Drop for Dict {
    fn drop(&mut self) {
        self.clear_entries();
    }
}

impl Value {
    /// The str behind a value that is one.
    ///
    /// # Panics
    /// If it is none: a bug of the caller.
    #[inline(always)]
    pub(crate) fn expect_str(&self) -> &Str {
        match self.exact::<Str>() {
            Some(s) => s,
            None => self.expect::<Str>(),
        }
    }
}
