//! The map: looked up without a lock under a guard, changed by one writer at a time.
//!
//! A table is an array of pointers to entries, probed linearly. An entry never changes: replacing a value replaces the
//! entry. Removing leaves a tombstone, which is never used again, so a probe that has passed it cannot miss what lies
//! behind it. A table that fills up is copied without its tombstones; entries stay where they are. Replaced entries and
//! tables are retired.

use std::{
    borrow::Borrow,
    hash::{BuildHasher, Hash, RandomState},
};

use crate::{
    domain::Domain,
    guard::Guard,
    mutant::{Mutant, planted},
    retire::Limbo,
    sync::{
        Arc, AtomicPtr, Mutex,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
        free, is_torn_down,
    },
};

/// Places in the first table: few under loom, so that models grow it.
const FIRST_PLACES: usize = if cfg!(vm_loom) { 2 } else { 16 };

/// A map that is read under a [`Guard`] without waiting. Replaced and removed entries are freed by later changes, by
/// [`Map::collect`] or with the map, when nobody can read them any more.
#[derive(Debug)]
pub struct Map<K, V, S = RandomState> {
    domain: Arc<Domain>,
    hasher: S,
    table: AtomicPtr<Table<K, V>>,
    writer: Mutex<Writer<K, V>>,
}

#[derive(Debug)]
struct Entry<K, V> {
    hash: u64,
    key: K,
    value: V,
}

#[derive(Debug)]
struct Table<K, V> {
    /// A power of two of places, at least one of which is empty: a probe ends there.
    places: Box<[AtomicPtr<Entry<K, V>>]>,
}

#[derive(Debug)]
struct Writer<K, V> {
    /// Entries in the table.
    len: usize,
    /// Entries and tombstones in the table.
    used: usize,
    limbo: Limbo<Garbage<K, V>>,
}

#[derive(Debug)]
enum Garbage<K, V> {
    Entry(Box<Entry<K, V>>),
    Table(Box<Table<K, V>>),
}

impl<K, V> Garbage<K, V> {
    fn free(self) {
        match self {
            Self::Entry(entry) => free(entry),
            Self::Table(table) => free(table),
        }
    }
}

/// Where a probe ended.
enum Found<'t, K, V> {
    /// At the key.
    Here(&'t AtomicPtr<Entry<K, V>>, &'t Entry<K, V>),
    /// At an empty place: the key is not there.
    Empty(&'t AtomicPtr<Entry<K, V>>),
}

impl<K: Hash + Eq, V> Map<K, V> {
    /// An empty map in `domain`.
    pub fn new(domain: Arc<Domain>) -> Self {
        Self::with_hasher(domain, RandomState::new())
    }
}

impl<K: Hash + Eq, V, S: BuildHasher> Map<K, V, S> {
    /// An empty map in `domain` that hashes with `hasher`.
    pub fn with_hasher(domain: Arc<Domain>, hasher: S) -> Self {
        let table = Box::into_raw(Box::new(Table::new(FIRST_PLACES)));
        let writer = Mutex::new(Writer { len: 0, used: 0, limbo: Limbo::new() });
        Self { domain, hasher, table: AtomicPtr::new(table), writer }
    }

    /// The value of `key`. Never waits.
    pub fn get<'g, Q>(&'g self, key: &Q, guard: &Guard<'g>) -> Option<&'g V>
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        guard.check(&self.domain);
        // SAFETY: the reader is online and does not report for `'g`, so tables and entries that it reaches, if they are
        // replaced, are freed later; and `drop` excludes `'g`.
        let table = unsafe { self.table_ref() };
        match table.find(self.hasher.hash_one(key), |entry| entry.key.borrow() == key) {
            Found::Here(_, entry) => Some(&entry.value),
            Found::Empty(_) => None,
        }
    }

    /// Runs `f` on every entry that is there when its place is passed.
    pub fn for_each<'g>(&'g self, guard: &Guard<'g>, mut f: impl FnMut(&'g K, &'g V)) {
        guard.check(&self.domain);
        // SAFETY: as in `get`.
        let table = unsafe { self.table_ref() };
        for place in &table.places {
            // SAFETY: as in `get`.
            if let Some(entry) = unsafe { Table::entry(place) } {
                f(&entry.key, &entry.value);
            }
        }
    }

    /// Sets the value of `key`. Returns whether there was one before. `K`'s equality and hash run under the writer's
    /// mutex and must not change this map.
    pub fn insert(&self, key: K, value: V) -> bool {
        let hash = self.hasher.hash_one(&key);
        let mut writer = self.writer.lock();
        self.reserve(&mut writer);
        // SAFETY: this is the writer: nobody else retires tables or entries.
        let table = unsafe { self.table_ref() };
        let found = table.find(hash, |entry| entry.key == key);
        let entry = Box::into_raw(Box::new(Entry { hash, key, value }));
        let order = if planted(Mutant::PublishRelaxed) { Relaxed } else { Release };
        let replaced = match found {
            Found::Empty(place) => {
                // Release: pairs with the Acquire in `Table::load`.
                place.store(entry, order);
                writer.len += 1;
                writer.used += 1;
                None
            }
            // AcqRel: pairs with the Acquire in `Table::load`.
            Found::Here(place, _) => Some(place.swap(entry, AcqRel)),
        };
        if let Some(old) = replaced {
            // SAFETY: the swap took the entry out of the table, and only the writer does so.
            self.retire(&mut writer, Garbage::Entry(unsafe { Box::from_raw(old) }));
        }
        drop(writer);
        self.free_ripe();
        replaced.is_some()
    }

    /// Removes `key`. Returns whether it was there.
    pub fn remove<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Hash + Eq + ?Sized,
    {
        let mut writer = self.writer.lock();
        // SAFETY: this is the writer: nobody else retires tables or entries.
        let table = unsafe { self.table_ref() };
        let Found::Here(place, _) = table.find(self.hasher.hash_one(key), |entry| entry.key.borrow() == key) else {
            return false;
        };
        // AcqRel: pairs with the Acquire in `Table::load`.
        let old = place.swap(tombstone(), AcqRel);
        writer.len -= 1;
        // SAFETY: the swap took the entry out of the table, and only the writer does so.
        self.retire(&mut writer, Garbage::Entry(unsafe { Box::from_raw(old) }));
        drop(writer);
        self.free_ripe();
        true
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.writer.lock().len
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Frees replaced entries and tables that nobody can read any more, and asks readers to let go of the others.
    /// Returns how many were freed.
    pub fn collect(&self) -> usize {
        self.writer.lock().limbo.seal(&self.domain);
        self.free_ripe()
    }

    fn free_ripe(&self) -> usize {
        let mut freed = 0;
        loop {
            // The mutex is given back before a destructor runs, which may come here again.
            let ripe = self.writer.lock().limbo.take_ripe(&self.domain);
            let Some(ripe) = ripe else { return freed };
            freed += ripe.len();
            ripe.into_iter().for_each(Garbage::free);
        }
    }

    /// Makes room for one more: at most three quarters of the places are used.
    fn reserve(&self, writer: &mut Writer<K, V>) {
        // SAFETY: as in `insert`.
        let table = unsafe { self.table_ref() };
        let places = table.places.len();
        if (writer.used + 1) * 4 <= places * 3 {
            return;
        }
        // Twice the places unless tombstones fill half of the used ones.
        let grown = Box::new(Table::new(if writer.len * 2 >= writer.used { places * 2 } else { places }));
        let early = planted(Mutant::GrowBeforeFill);
        let grown = Box::into_raw(grown);
        let publish = |order| self.table.swap(grown, order);
        let mut old = std::ptr::null_mut();
        if early {
            old = publish(AcqRel);
        }
        for place in &table.places {
            // SAFETY: as in `insert`.
            if let Some(entry) = unsafe { Table::entry(place) } {
                // SAFETY: the box was leaked above; nobody frees a table that was never replaced.
                let Found::Empty(free) = (unsafe { &*grown }).find(entry.hash, |_| false) else { continue };
                // Relaxed: the swap that publishes the table has Release.
                free.store(std::ptr::from_ref(entry).cast_mut(), Relaxed);
            }
        }
        if !early {
            // AcqRel: pairs with the Acquire in `table_ref`.
            old = publish(AcqRel);
        }
        writer.used = writer.len;
        // SAFETY: the swap took the table out of the map, and only the writer does so. Its entries are in the new one,
        // and a table does not own them.
        self.retire(writer, Garbage::Table(unsafe { Box::from_raw(old) }));
    }

    fn retire(&self, writer: &mut Writer<K, V>, garbage: Garbage<K, V>) {
        let bytes = match &garbage {
            Garbage::Entry(_) => size_of::<Entry<K, V>>(),
            Garbage::Table(table) => size_of_val(&*table.places),
        };
        if planted(Mutant::FreeAtOnce) {
            return garbage.free();
        }
        let _sealed_when_full = writer.limbo.retire(&self.domain, garbage, bytes);
    }
}

impl<K, V, S> Map<K, V, S> {
    /// # Safety
    /// The table and its entries are not freed for `'t`.
    unsafe fn table_ref<'t>(&self) -> &'t Table<K, V> {
        // Acquire: pairs with the Release half of the swap in `reserve`.
        let table = self.table.load(Acquire);
        // SAFETY: the map always has a table; the caller's duty keeps it.
        unsafe { &*table }
    }
}

impl<K, V> Table<K, V> {
    fn new(places: usize) -> Self {
        Self { places: (0..places).map(|_| AtomicPtr::new(std::ptr::null_mut())).collect() }
    }

    fn find(&self, hash: u64, mut is: impl FnMut(&Entry<K, V>) -> bool) -> Found<'_, K, V> {
        let mask = self.places.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let place = &self.places[at];
            // Acquire: pairs with the Release in `Map::insert`.
            let entry = place.load(Acquire);
            if entry.is_null() {
                return Found::Empty(place);
            }
            if entry != tombstone() {
                // SAFETY: a place holds null, the tombstone or a box's pointer; whoever got hold of the table keeps its
                // entries from being freed.
                let entry = unsafe { &*entry };
                if entry.hash == hash && is(entry) {
                    return Found::Here(place, entry);
                }
            }
            at = (at + 1) & mask;
        }
    }

    /// # Safety
    /// The entry is not freed for `'t`.
    unsafe fn entry<'t>(place: &AtomicPtr<Entry<K, V>>) -> Option<&'t Entry<K, V>> {
        // Acquire: pairs with the Release in `Map::insert`.
        let entry = place.load(Acquire);
        if entry == tombstone() {
            return None;
        }
        // SAFETY: as in `find`; null gives `None`.
        unsafe { entry.as_ref() }
    }
}

/// What a place holds whose entry was removed: no box has this address.
fn tombstone<K, V>() -> *mut Entry<K, V> {
    std::ptr::without_provenance_mut(1)
}

impl<K, V, S> Drop for Map<K, V, S> {
    fn drop(&mut self) {
        if is_torn_down() {
            return;
        }
        // SAFETY: `&mut self` excludes every borrow that `get` has given out.
        drop(unsafe { self.writer.lock().limbo.take_all() });
        // Acquire: pairs with the Release half of the swap in `reserve`.
        let table = self.table.load(Acquire);
        // SAFETY: the map owns its table, which came from a box.
        let table = unsafe { Box::from_raw(table) };
        for place in &table.places {
            // Acquire: pairs with the Release in `insert`.
            let entry = place.load(Acquire);
            if !entry.is_null() && entry != tombstone() {
                // SAFETY: the map owns the entries of its table, each of which came from a box and is there once.
                drop(unsafe { Box::from_raw(entry) });
            }
        }
    }
}

// SAFETY: readers on several threads get `&K` and `&V` (Sync), and whoever changes the map frees entries that others
// made (Send).
unsafe impl<K: Send + Sync, V: Send + Sync, S: Sync> Sync for Map<K, V, S> {}
// SAFETY: the map owns its entries as boxes do.
unsafe impl<K: Send, V: Send, S: Send> Send for Map<K, V, S> {}
