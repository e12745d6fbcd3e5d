//! set: storage shared by set and frozenset.
//!
//! An open-addressed table of (hash, key) with short linear runs between jumps. Sizes, probes and growth are such that
//! elements come out in the order in which CPython's sets give them. While a set is shared its readers take no lock (see
//! `places`); who changes it looks first and holds the lock for the change, if nothing has changed since.

use super::places::{Place, Places, STRIDE};
use crate::error::Res;
use crate::gc;
use crate::header::Header;
use crate::ops;
use crate::plain::{self, is_key};
use crate::store;
use crate::thread::{self, Thread};
use crate::types::int;
use crate::types::iters::unhashable_as;
use crate::types::set_::{FROZENSET, SET};
use crate::value::Value;
use std::cell::Cell;
use typhon_qsbr::words::Field;

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
    used: Field<usize>,
    /// Live entries and removed ones.
    fill: Cell<usize>,
    places: Field<*mut Place>,
    /// A frozenset's hash, -1 if not computed.
    hash: Cell<i64>,
    /// Where the next `pop` looks first.
    finger: Cell<usize>,
    /// Bumped after every structural change: a lookup that ran Python code starts again.
    changes: Field<u32>,
}

const MIN_PLACES: usize = 8;

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
        if let Some((key, _)) = set.table().and_then(|places| places.item(i)) {
            visit(Value::from_ref(&key));
        }
    });
}

/// The set behind a set or frozenset, subclasses included.
#[inline]
pub fn any(v: &Value) -> Option<&Set> {
    exactly(v).or_else(|| match v.downcast::<Set>() {
        Some(set) => Some(set),
        None => v.downcast::<FrozenSet>().map(FrozenSet::as_set),
    })
}

/// The set behind a set or frozenset that is of no subclass.
#[inline(always)]
pub fn exactly(v: &Value) -> Option<&Set> {
    match v.exact::<Set>() {
        Some(set) => Some(set),
        None => v.exact::<FrozenSet>().map(FrozenSet::as_set),
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
            used: Field::new(0),
            fill: Cell::new(0),
            places: Field::new(std::ptr::null_mut()),
            hash: Cell::new(-1),
            finger: Cell::new(0),
            changes: Field::new(0),
        }
    }
}

/// What a search found: the key's place, or the free one where it ended, and the set's state when it was looked at.
struct Found {
    place: Result<usize, usize>,
    changes: u32,
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

    #[inline(always)]
    pub(super) fn table(&self) -> Option<Places> {
        Places::new(self.table.places.get())
    }

    /// Places that are or were in use.
    pub(super) fn fill(&self) -> usize {
        self.table.fill.get()
    }

    /// Number of places in the table.
    #[inline(always)]
    pub(crate) fn places(&self) -> usize {
        self.table().map_or(0, |places| places.count())
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

    /// The key at place `i` and its hash, if the place is live.
    #[inline]
    pub(crate) fn at(&self, i: usize) -> Option<(Value, i64)> {
        let (key, hash) = self.table()?.item(i)?;
        Some((Value::from_ref(&key).clone(), hash))
    }

    /// The first live element at place `*i` or later; moves `*i` past it.
    #[inline]
    pub fn next(&self, i: &mut usize) -> Option<(Value, i64)> {
        let places = self.table()?;
        while *i < places.count() {
            *i += 1;
            if let Some((key, hash)) = places.item(*i - 1) {
                return Some((Value::from_ref(&key).clone(), hash));
            }
        }
        None
    }

    /// Looks for `key`; `None` if there is no table.
    fn find(&self, t: &Thread, key: &Value, hash: i64) -> Res<Option<Found>> {
        loop {
            // First the state, then the table: an answer about an older one is known as such.
            let changes = self.changes();
            let Some(places) = self.table() else { return Ok(None) };
            let found = places.probe(hash, |theirs| {
                if let Some(same) = plain::quick_equal(theirs, key) {
                    return Ok(same);
                }
                let theirs = theirs.clone();
                let same = ops::eq(t, &theirs, key).map_err(Some)?;
                if self.changes() == changes { Ok(same) } else { Err(None) }
            });
            match found {
                Ok(place) => return Ok(Some(Found { place, changes })),
                Err(Some(e)) => return Err(e),
                Err(None) => t.poll()?,
            }
        }
    }

    /// Whether a plain value is an element, if no code must run to tell.
    pub fn has_plain(&self, t: &Thread, key: &Value) -> Option<bool> {
        if !is_key(key) {
            return None;
        }
        let Some(places) = self.table() else { return Some(false) };
        let same = |theirs: &Value| match theirs.is(key) {
            true => Ok(true),
            false => plain::equal(t, theirs, key).and_then(Res::ok).ok_or(()),
        };
        places.probe(ops::hash(t, key).ok()?, same).ok().map(|place| place.is_ok())
    }

    /// Whether `key`, of this hash, is an element.
    #[inline]
    pub fn has(&self, t: &Thread, key: &Value, hash: i64) -> Res<bool> {
        match self.has_quick(key, hash) {
            Some(has) => Ok(has),
            None => Ok(self.find(t, key, hash)?.is_some_and(|found| found.place.is_ok())),
        }
    }

    /// Whether `key`, of this hash, is an element, if no code must run to tell.
    #[inline]
    fn has_quick(&self, key: &Value, hash: i64) -> Option<bool> {
        let Some(places) = self.table() else { return Some(false) };
        places.probe(hash, |theirs| plain::quick_equal(theirs, key).ok_or(())).ok().map(|place| place.is_ok())
    }

    /// Whether all elements are the other's too.
    pub fn is_subset(&self, t: &Thread, other: &Set) -> Res<bool> {
        if self.len() > other.len() {
            return Ok(false);
        }
        if t.has_siblings() {
            return self.is_subset_shared(t, other);
        }
        let mut i = 0;
        // Keys and tables stay until this thread polls, or runs what may change the set.
        while let Some(places) = self.table().filter(|places| i < places.count()) {
            i = match places.first_unless(i, |key, hash| other.has_quick(key, hash) == Some(true)) {
                (next, None) => next,
                (next, Some((key, hash))) => {
                    if !other.has(t, &Value::from_ref(&key).clone(), hash)? {
                        return Ok(false);
                    }
                    next
                }
            };
            t.poll()?;
        }
        Ok(true)
    }

    #[cold]
    #[inline(never)]
    fn is_subset_shared(&self, t: &Thread, other: &Set) -> Res<bool> {
        for (key, hash) in self.snapshot(t)? {
            if !other.has(t, &key, hash)? {
                return Ok(false);
            }
            t.poll()?;
        }
        Ok(true)
    }

    /// Adds `key`, of this hash.
    #[inline]
    pub fn insert(&self, t: &Thread, key: &Value, hash: i64) -> Res<()> {
        match self.insert_quick(t, key, hash) {
            Some(done) => done,
            None => self.insert_slow(t, key, hash),
        }
    }

    /// As [`Set::insert`], if no code must run to tell whether it is there, and nobody else has the set.
    #[inline]
    pub fn insert_quick(&self, t: &Thread, key: &Value, hash: i64) -> Option<Res<()>> {
        if t.is_shared() {
            return None;
        }
        let places = self.table()?;
        match places.probe(hash, |theirs| plain::quick_equal(theirs, key).ok_or(())).ok()? {
            Ok(_) => Some(Ok(())),
            Err(place) => Some(self.put(t, place, key.clone(), hash)),
        }
    }

    #[inline(never)]
    fn insert_slow(&self, t: &Thread, key: &Value, hash: i64) -> Res<()> {
        if t.is_shared() {
            return self.insert_shared(t, key, hash);
        }
        if self.table().is_none() {
            self.resize_held(t, 0)?;
        }
        match self.find(t, key, hash)? {
            // The comparison has let other threads begin, or go on.
            _ if t.is_shared() => self.insert_shared(t, key, hash),
            Some(Found { place: Err(place), .. }) => self.put(t, place, key.clone(), hash),
            Some(_) => Ok(()),
            // The comparison has emptied the set.
            None => self.insert(t, key, hash),
        }
    }

    #[cold]
    #[inline(never)]
    fn insert_shared(&self, t: &Thread, key: &Value, hash: i64) -> Res<()> {
        loop {
            let Some(found) = self.find(t, key, hash)? else {
                let _held = store::hold(&self.header);
                if self.table().is_none() {
                    self.resize_held(t, 0)?;
                }
                continue;
            };
            let Err(place) = found.place else { return Ok(()) };
            let _held = store::hold(&self.header);
            if self.changes() == found.changes {
                return self.put(t, place, key.clone(), hash);
            }
        }
    }

    /// Puts a new key at a free place. The set is held.
    #[inline(always)]
    fn put(&self, t: &Thread, place: usize, key: Value, hash: i64) -> Res<()> {
        let Some(places) = self.table() else { return Ok(()) };
        // SAFETY: the place is free.
        unsafe { places.fill(&self.header, place, hash, key) };
        self.table.fill.set(self.table.fill.get() + 1);
        self.table.used.set(self.len() + 1);
        self.changed();
        if self.table.fill.get() * 5 >= places.mask() * 3 {
            self.resize_held(t, if self.len() > 50_000 { self.len() * 2 } else { self.len() * 4 })?;
        }
        Ok(())
    }

    /// Removes `key`, of this hash; false if it was not there.
    pub fn remove(&self, t: &Thread, key: &Value, hash: i64) -> Res<bool> {
        loop {
            let Some(Found { place: Ok(place), changes }) = self.find(t, key, hash)? else { return Ok(false) };
            let held = store::hold_on(t, &self.header);
            if self.changes() == changes {
                let key = self.take_at(place);
                drop(held);
                drop(store::left(key));
                return Ok(true);
            }
        }
    }

    /// Takes out what is at a live place, to be `left`. The set is held.
    fn take_at(&self, place: usize) -> Value {
        // SAFETY: the place is live.
        let key = self.table().map(|places| unsafe { places.empty(place) });
        self.table.used.set(self.len() - 1);
        self.changed();
        key.unwrap_or_default()
    }

    /// Removes and returns some element.
    pub fn pop(&self) -> Option<Value> {
        let held = store::hold(&self.header);
        let places = self.table().filter(|_| !self.is_empty())?;
        let mut i = self.table.finger.get() & places.mask();
        while places.item(i).is_none() {
            i = if i == places.mask() { 0 } else { i + 1 };
        }
        self.table.finger.set(i + 1);
        let key = self.take_at(i);
        drop(held);
        Some(store::left(key))
    }

    /// Makes room, if it is short, for `more` elements to come at once.
    pub(crate) fn prepare(&self, t: &Thread, more: usize) -> Res<()> {
        let _held = store::hold_on(t, &self.header);
        if (self.table.fill.get() + more) * 5 >= self.mask() * 3 {
            self.resize_held(t, (self.len() + more) * 2)?;
        }
        Ok(())
    }

    /// Moves the elements to a table of the smallest size above `want`. The set is held.
    fn resize_held(&self, t: &Thread, want: usize) -> Res<()> {
        let mut count = MIN_PLACES;
        while count <= want {
            count <<= 1;
        }
        let new = Places::make(t, count)?;
        let old = self.table();
        if let Some(old) = old
            // SAFETY: nobody has seen the new table.
            && let Err(e) = unsafe { new.move_in(t, old) }
        {
            // SAFETY: nobody has it; the old table's entries were copied, not changed.
            unsafe { new.free_now(t) };
            return Err(e);
        }
        self.table.places.set(new.first());
        self.table.fill.set(self.len());
        self.changed();
        if let Some(old) = old {
            // SAFETY: it has been replaced, and its entries have moved.
            unsafe { old.free(t) };
        }
        Ok(())
    }

    /// Adds every element of another set.
    pub fn merge(&self, t: &Thread, other: &Set) -> Res<()> {
        if std::ptr::eq(self, other) || other.is_empty() {
            return Ok(());
        }
        if t.has_siblings() {
            return self.merge_shared(t, other);
        }
        self.prepare(t, other.len())?;
        if self.places() == 0 {
            self.resize_held(t, 0)?;
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

    fn merge_shared(&self, t: &Thread, other: &Set) -> Res<()> {
        let all = other.snapshot(t)?;
        self.prepare(t, all.len())?;
        for (i, (key, hash)) in all.into_iter().enumerate() {
            self.insert(t, &key, hash)?;
            if i % 1024 == 1023 {
                t.poll()?;
            }
        }
        Ok(())
    }

    /// Adds an element known to be new to a table with room and without removed entries. The set is not shared.
    fn put_new(&self, key: Value, hash: i64) {
        let Some(places) = self.table() else { return };
        // SAFETY: the place is free.
        unsafe { places.fill(&self.header, places.free_place(hash), hash, key) };
        self.table.fill.set(self.table.fill.get() + 1);
        self.table.used.set(self.len() + 1);
        self.changed();
    }

    /// The other's elements at the same places of an empty table of the same size. The sets are not shared.
    fn copy_places(&self, t: &Thread, other: &Set) -> Res<()> {
        let (Some(places), Some(others)) = (self.table(), other.table()) else { return Ok(()) };
        // SAFETY: so the caller has found them.
        unsafe { places.copy_in(t, &self.header, others)? };
        self.table.fill.set(other.len());
        self.table.used.set(other.len());
        self.changed();
        Ok(())
    }

    /// Exchanges the elements with those of a set that nobody else has.
    pub fn swap(&self, other: &Set) {
        let held = store::hold(&self.header);
        other.table.used.set(self.table.used.replace(other.table.used.get()));
        self.table.fill.swap(&other.table.fill);
        other.table.places.set(self.table.places.replace(other.table.places.get()));
        self.changed();
        other.changed();
        drop(held);
        // What was this set's others may be reading.
        if thread::is_shared() {
            other.clear_all();
        }
    }

    /// Drops all elements.
    pub fn clear_all(&self) {
        let held = store::hold(&self.header);
        let old = Places::new(self.table.places.replace(std::ptr::null_mut()));
        self.table.used.set(0);
        self.table.fill.set(0);
        self.changed();
        drop(held);
        let Some(places) = old else { return };
        for i in 0..places.count() {
            if i % STRIDE == STRIDE - 1 && thread::stopping() {
                // The isolate's memory goes as a whole.
                return;
            }
            if let Some((key, _)) = places.item(i) {
                // SAFETY: the table is detached; each key is taken once.
                store::release_later(unsafe { Value::from_raw(key) });
            }
        }
        if let Some(t) = thread::current() {
            // SAFETY: the table is detached.
            unsafe { places.free(t) };
        }
    }

    /// As [`Set::clear_all`], for a set that has died: nobody reads it.
    fn drop_dead(&self) {
        let Some(places) = self.table() else { return };
        // SAFETY: nobody can reach it any more.
        if !unsafe { places.drop_keys() } {
            return;
        }
        if let Some(t) = thread::current() {
            // SAFETY: as above.
            unsafe { places.free_now(t) };
        }
    }

    /// Bytes of the table, for `__sizeof__`: small tables are part of CPython's object.
    pub(crate) fn table_bytes(&self) -> usize {
        self.table().filter(|places| places.count() > MIN_PLACES).map_or(0, |places| places.bytes())
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
    if let Some(i) = key.as_small() {
        return Ok(int::hash_small(i));
    }
    ops::hash(t, key).map_err(|e| unhashable_as(t, key, "set element", e))
}

impl Drop for Set {
    fn drop(&mut self) {
        self.drop_dead();
    }
}

impl Drop for FrozenSet {
    fn drop(&mut self) {
        self.as_set().drop_dead();
    }
}
