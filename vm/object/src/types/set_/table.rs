//! set: storage shared by set and frozenset.
//!
//! An open-addressed table of (hash, key) with short linear runs between jumps. Sizes, probes and growth are such that
//! elements come out in the order in which CPython's sets give them.

use crate::bulk;
use crate::error::Res;
use crate::gc;
use crate::header::Header;
use crate::ops;
use crate::store;
use crate::strs::Str;
use crate::thread::Thread;
use crate::types::iters::unhashable_as;
use crate::types::set_::{FROZENSET, SET};
use crate::value::Value;
use std::cell::Cell;

/// A set object.
#[repr(C)]
pub struct Set {
    pub(crate) header: Header,
    table: Table,
}

/// A frozenset object: laid out as a set.
#[repr(C)]
pub struct FrozenSet {
    pub(crate) header: Header,
    table: Table,
}

#[repr(C)]
struct Table {
    /// Live entries.
    used: Cell<usize>,
    /// Live entries and removed ones.
    fill: Cell<usize>,
    /// Number of places less one; meaningful while `entries` is not null.
    mask: Cell<usize>,
    entries: Cell<*mut Entry>,
    /// A frozenset's hash, -1 if not computed.
    hash: Cell<i64>,
    /// Where the next `pop` looks first.
    finger: Cell<usize>,
    /// Bumped by every structural change: a lookup that ran Python code starts again.
    changes: Cell<u32>,
}

/// An absent key with hash 0 is a free place, with hash -1 a removed entry.
#[repr(C)]
struct Entry {
    hash: i64,
    key: Value,
}

const REMOVED: i64 = -1;
/// So many places are gone through between two looks at the breaker.
const STRIDE: usize = 1 << 14;
const MIN_PLACES: usize = 8;
const LINEAR: usize = 9;

crate::payload!(Set => SET {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        traverse(self, visit);
    }
    fn clear(&self) {
        self.clear_all();
    }
});

crate::payload!(FrozenSet => FROZENSET {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        traverse(self.as_set(), visit);
    }
    fn clear(&self) {
        self.as_set().clear_all();
    }
});

fn traverse(set: &Set, visit: &mut dyn FnMut(&Value)) {
    gc::each(set.places(), |i| {
        // SAFETY: within the table; the collector's visitor changes nothing.
        let key = unsafe { &(*set.entry(i)).key };
        if !key.is_absent() {
            visit(key);
        }
    });
}

/// The set behind a set or frozenset, subclasses included.
#[inline]
pub fn any(v: &Value) -> Option<&Set> {
    match v.downcast::<Set>() {
        Some(set) => Some(set),
        None => v.downcast::<FrozenSet>().map(FrozenSet::as_set),
    }
}

impl FrozenSet {
    /// As a set: the layouts are the same.
    #[inline]
    pub fn as_set(&self) -> &Set {
        // SAFETY: both are repr(C) with the same fields.
        unsafe { &*std::ptr::from_ref(self).cast() }
    }

    /// An empty frozenset's fields.
    pub(crate) fn empty(header: Header) -> Self {
        Self { header, table: Table::empty() }
    }
}

impl Table {
    fn empty() -> Self {
        Self {
            used: Cell::new(0),
            fill: Cell::new(0),
            mask: Cell::new(0),
            entries: Cell::new(std::ptr::null_mut()),
            hash: Cell::new(-1),
            finger: Cell::new(0),
            changes: Cell::new(0),
        }
    }
}

/// What can be said of equality without running Python code.
#[inline(always)]
fn quick_eq(a: &Value, b: &Value) -> Option<bool> {
    if a.is(b) {
        return Some(true);
    }
    if a.is_small() && b.is_small() {
        return Some(false);
    }
    match (a.exact::<Str>(), b.exact::<Str>()) {
        (Some(x), Some(y)) => Some(x.same_text(y)),
        _ => None,
    }
}

impl Set {
    /// An empty set's fields.
    pub(crate) fn empty(header: Header) -> Self {
        Self { header, table: Table::empty() }
    }

    /// Number of elements.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.table.used.get()
    }

    /// No elements?
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.table.used.get() == 0
    }

    /// Number of places in the table.
    #[inline(always)]
    pub(crate) fn places(&self) -> usize {
        if self.table.entries.get().is_null() { 0 } else { self.table.mask.get() + 1 }
    }

    /// What CPython's mask would be: a set without a table has its first eight places.
    fn mask(&self) -> usize {
        self.places().max(MIN_PLACES) - 1
    }

    /// The cached hash of a frozenset.
    pub(crate) fn cached_hash(&self) -> &Cell<i64> {
        &self.table.hash
    }

    /// Structural changes so far.
    #[inline]
    pub fn changes(&self) -> u32 {
        self.table.changes.get()
    }

    #[inline(always)]
    fn changed(&self) {
        self.table.changes.set(self.table.changes.get().wrapping_add(1));
    }

    #[inline(always)]
    fn entry(&self, i: usize) -> *mut Entry {
        // SAFETY: callers keep `i` within the table.
        unsafe { self.table.entries.get().add(i) }
    }

    /// The key at place `i` and its hash, if the place is live.
    #[inline]
    pub(crate) fn at(&self, i: usize) -> Option<(Value, i64)> {
        if i >= self.places() {
            return None;
        }
        // SAFETY: within the table.
        let e = unsafe { &*self.entry(i) };
        if e.key.is_absent() { None } else { Some((e.key.clone(), e.hash)) }
    }

    /// The first live element at place `*i` or later; moves `*i` past it.
    #[inline]
    pub fn next(&self, i: &mut usize) -> Option<(Value, i64)> {
        while *i < self.places() {
            let found = self.at(*i);
            *i += 1;
            if found.is_some() {
                return found;
            }
        }
        None
    }

    /// The place of `key`, or the free place where a search for it ends. The table is not null.
    fn find(&self, t: &Thread, key: &Value, hash: i64) -> Res<Result<usize, usize>> {
        'again: loop {
            let mask = self.table.mask.get();
            let changes = self.changes();
            let mut i = hash as usize & mask;
            let mut perturb = hash as u64 as usize;
            loop {
                let run = if i + LINEAR <= mask { LINEAR } else { 0 };
                for place in i..=i + run {
                    // SAFETY: `place` is at most the mask.
                    let e = unsafe { &*self.entry(place) };
                    if e.key.is_absent() {
                        if e.hash == 0 {
                            return Ok(Err(place));
                        }
                        continue;
                    }
                    if e.hash != hash {
                        continue;
                    }
                    match quick_eq(&e.key, key) {
                        Some(true) => return Ok(Ok(place)),
                        Some(false) => continue,
                        None => {}
                    }
                    let theirs = e.key.clone();
                    let same = ops::eq(t, &theirs, key)?;
                    if self.changes() != changes {
                        if self.table.entries.get().is_null() {
                            self.resize(t, 0)?;
                        }
                        t.poll()?;
                        continue 'again;
                    }
                    if same {
                        return Ok(Ok(place));
                    }
                }
                perturb >>= 5;
                i = i.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb) & mask;
            }
        }
    }

    /// Whether `key`, of this hash, is an element.
    #[inline]
    pub fn has(&self, t: &Thread, key: &Value, hash: i64) -> Res<bool> {
        if self.table.entries.get().is_null() {
            return Ok(false);
        }
        Ok(self.find(t, key, hash)?.is_ok())
    }

    /// Adds `key`, of this hash.
    #[inline]
    pub fn insert(&self, t: &Thread, key: &Value, hash: i64) -> Res<()> {
        if self.table.entries.get().is_null() {
            self.resize(t, 0)?;
        }
        if let Err(place) = self.find(t, key, hash)? {
            // SAFETY: the place is free and within the table.
            unsafe {
                let e = self.entry(place);
                (&raw mut (*e).hash).write(hash);
                store::write(&self.header, &raw mut (*e).key, key.clone());
            }
            self.table.fill.set(self.table.fill.get() + 1);
            self.table.used.set(self.len() + 1);
            self.changed();
            if self.table.fill.get() * 5 >= self.mask() * 3 {
                self.resize(t, if self.len() > 50_000 { self.len() * 2 } else { self.len() * 4 })?;
            }
        }
        Ok(())
    }

    /// Removes `key`, of this hash; false if it was not there.
    pub fn remove(&self, t: &Thread, key: &Value, hash: i64) -> Res<bool> {
        if self.table.entries.get().is_null() {
            return Ok(false);
        }
        match self.find(t, key, hash)? {
            Ok(place) => {
                drop(self.take_at(place));
                Ok(true)
            }
            Err(_) => Ok(false),
        }
    }

    fn take_at(&self, place: usize) -> Value {
        // SAFETY: the place is live and within the table.
        let key = unsafe {
            let e = &mut *self.entry(place);
            e.hash = REMOVED;
            std::mem::take(&mut e.key)
        };
        self.table.used.set(self.len() - 1);
        self.changed();
        key
    }

    /// Removes and returns some element.
    pub fn pop(&self) -> Option<Value> {
        if self.is_empty() {
            return None;
        }
        let mut i = self.table.finger.get() & self.table.mask.get();
        while self.at(i).is_none() {
            i = if i == self.table.mask.get() { 0 } else { i + 1 };
        }
        self.table.finger.set(i + 1);
        Some(self.take_at(i))
    }

    /// Makes room, if it is short, for `more` elements to come at once.
    pub(crate) fn prepare(&self, t: &Thread, more: usize) -> Res<()> {
        if (self.table.fill.get() + more) * 5 >= self.mask() * 3 {
            self.resize(t, (self.len() + more) * 2)?;
        }
        Ok(())
    }

    /// Moves the elements to a table of the smallest size above `want`.
    pub(crate) fn resize(&self, t: &Thread, want: usize) -> Res<()> {
        let mut places = MIN_PLACES;
        while places <= want {
            places <<= 1;
        }
        let block = t.heap().alloc_raw(places * size_of::<Entry>()).map_err(|_| t.memory_error())?;
        // SAFETY: the block has that many bytes; zero means free.
        if let Err(e) = unsafe { bulk::fill(t, block, 0, places * size_of::<Entry>()) } {
            // SAFETY: nobody has it yet.
            unsafe { t.heap().free_raw(block, places * size_of::<Entry>()) };
            return Err(e);
        }
        let (old, old_places) = (self.table.entries.replace(block.cast()), self.places());
        let old_places = if old.is_null() { 0 } else { old_places };
        self.table.mask.set(places - 1);
        for i in 0..old_places {
            if i % STRIDE == STRIDE - 1
                && let Err(e) = t.check_stop()
            {
                self.table.entries.set(old);
                self.table.mask.set(old_places - 1);
                // SAFETY: the old block's entries were copied, not changed, and are the set's again.
                unsafe { t.heap().free_raw(block, places * size_of::<Entry>()) };
                return Err(e);
            }
            // SAFETY: live entries move, each once; absent keys need no drop.
            unsafe {
                let e = old.add(i).read();
                if !e.key.is_absent() {
                    self.entry(self.free_place(e.hash)).write(e);
                } else {
                    std::mem::forget(e);
                }
            }
        }
        self.table.fill.set(self.len());
        self.changed();
        if !old.is_null() {
            // SAFETY: the block came from this heap with this size; its entries have moved.
            unsafe { t.heap().free_raw(old.cast(), old_places * size_of::<Entry>()) };
        }
        Ok(())
    }

    /// The first free place for `hash` in a table without removed entries.
    fn free_place(&self, hash: i64) -> usize {
        let mask = self.table.mask.get();
        let mut i = hash as usize & mask;
        let mut perturb = hash as u64 as usize;
        loop {
            let run = if i + LINEAR <= mask { LINEAR } else { 0 };
            for place in i..=i + run {
                // SAFETY: `place` is at most the mask.
                if unsafe { (*self.entry(place)).key.is_absent() } {
                    return place;
                }
            }
            perturb >>= 5;
            i = i.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb) & mask;
        }
    }

    /// Adds every element of another set.
    pub fn merge(&self, t: &Thread, other: &Set) -> Res<()> {
        if std::ptr::eq(self, other) || other.is_empty() {
            return Ok(());
        }
        self.prepare(t, other.len())?;
        if self.places() == 0 {
            self.resize(t, 0)?;
        }
        let clean = other.table.fill.get() == other.len();
        if self.table.fill.get() == 0 && self.mask() == other.mask() && clean {
            return self.copy_places(t, other);
        }
        let fresh = self.table.fill.get() == 0;
        let mut i = 0;
        while let Some((key, hash)) = other.next(&mut i) {
            if fresh {
                self.put_new(key, hash);
            } else {
                self.insert(t, &key, hash)?;
            }
            if i % 1024 == 0 {
                t.poll()?;
            }
        }
        Ok(())
    }

    /// Adds an element known to be new to a table with room and without removed entries.
    fn put_new(&self, key: Value, hash: i64) {
        let place = self.free_place(hash);
        // SAFETY: the place is free and within the table.
        unsafe {
            let e = self.entry(place);
            (&raw mut (*e).hash).write(hash);
            store::write(&self.header, &raw mut (*e).key, key);
        }
        self.table.fill.set(self.table.fill.get() + 1);
        self.table.used.set(self.len() + 1);
        self.changed();
    }

    fn copy_places(&self, t: &Thread, other: &Set) -> Res<()> {
        for i in 0..other.places() {
            if i % STRIDE == STRIDE - 1 {
                t.check_stop()?;
            }
            if let Some((key, hash)) = other.at(i) {
                // SAFETY: the tables have the same size and this one is empty.
                unsafe {
                    let e = self.entry(i);
                    (&raw mut (*e).hash).write(hash);
                    store::write(&self.header, &raw mut (*e).key, key);
                }
            }
        }
        self.table.fill.set(other.len());
        self.table.used.set(other.len());
        self.changed();
        Ok(())
    }

    /// Exchanges the elements with another set's.
    pub fn swap(&self, other: &Set) {
        self.table.used.swap(&other.table.used);
        self.table.fill.swap(&other.table.fill);
        self.table.mask.swap(&other.table.mask);
        self.table.entries.swap(&other.table.entries);
        self.changed();
        other.changed();
    }

    /// Drops all elements.
    pub fn clear_all(&self) {
        let places = self.places();
        let entries = self.table.entries.replace(std::ptr::null_mut());
        self.table.used.set(0);
        self.table.fill.set(0);
        self.changed();
        if entries.is_null() {
            return;
        }
        for i in 0..places {
            if i % STRIDE == STRIDE - 1 && crate::thread::stopping() {
                // The isolate's memory goes as a whole.
                return;
            }
            // SAFETY: the table is detached; each entry is dropped once.
            unsafe { entries.add(i).drop_in_place() };
        }
        if let Some(t) = crate::thread::current() {
            // SAFETY: the block came from this heap with this size.
            unsafe { t.heap().free_raw(entries.cast(), places * size_of::<Entry>()) };
        }
    }

    /// Bytes of the table, for `__sizeof__`: small tables are part of CPython's object.
    pub(crate) fn table_bytes(&self) -> usize {
        if self.places() <= MIN_PLACES { 0 } else { self.places() * size_of::<Entry>() }
    }

    /// The hash that a frozenset of these elements has: independent of their order.
    pub(crate) fn frozen_hash(&self) -> i64 {
        let shuffle = |h: i64| {
            let h = h as u64;
            ((h ^ 89_869_747) ^ (h << 16)).wrapping_mul(3_644_798_167)
        };
        let (mut hash, mut i) = (0u64, 0);
        while i < self.places() {
            if let Some((_, h)) = self.at(i) {
                hash ^= shuffle(h);
            }
            i += 1;
        }
        hash ^= (self.len() as u64 + 1).wrapping_mul(1_927_868_237);
        hash ^= (hash >> 11) ^ (hash >> 25);
        let hash = hash.wrapping_mul(69_069).wrapping_add(907_133_923) as i64;
        if hash == -1 { 590_923_713 } else { hash }
    }
}

/// The hash of an element to be; TypeErrors say that it was to be one.
#[inline]
pub fn hash_element(t: &Thread, key: &Value) -> Res<i64> {
    ops::hash(t, key).map_err(|e| unhashable_as(t, key, "set element", e))
}

impl Drop for Set {
    fn drop(&mut self) {
        self.clear_all();
    }
}

impl Drop for FrozenSet {
    fn drop(&mut self) {
        self.as_set().clear_all();
    }
}
