//! dict: storage. Methods are in `types/dict`.
//!
//! A compact ordered hash table (CPython 3.6, PyPy): see `table`. Removing leaves a hole in the entries that the next resize
//! squeezes out.
//!
//! While the dict is shared its readers take no lock (`typhon_qsbr::entries`).
//! Whoever changes the dict has looked for the key without a lock too, since that may run Python code: he holds the lock
//! only for the change, and looks again if the dict has changed since (`shared`).

mod room;
mod shared;
mod sound;
mod table;
mod walk;

use self::table::{Entry, MIN_LOG2, Root, STRIDE, Table, Values};
use crate::error::{Exc, Res};
use crate::gc;
use crate::header::Header;
use crate::ops;
use crate::payload;
use crate::plain::{self, is_key};
use crate::store;
use crate::strs::Str;
use crate::thread::{self, Thread};
use crate::ty::TypeObject;
use crate::types::dict_::DICT;
use crate::types::iters::unhashable_as;
use crate::value::Value;
use typhon_qsbr::words::Field;

/// A dict object. Other payloads may begin with one (defaultdict, OrderedDict).
#[repr(C)]
pub struct Dict {
    pub(crate) header: Header,
    root: Root,
    /// Some key is not an exact str.
    other_keys: Field<u8>,
}

crate::payload!(Dict => DICT {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        let Some(table) = self.table() else { return };
        gc::each(table.filled(), |i| {
            if let Some((key, _, value)) = table.item(i) {
                visit(Value::from_ref(&key));
                visit(Value::from_ref(&value));
            }
        });
    }
    fn clear(&self) {
        self.clear_entries();
    }
});

/// What a lookup found.
struct Found {
    /// The table that was looked at, if there was one.
    table: Option<Table>,
    /// The entry's index.
    entry: Option<usize>,
    /// Where in the index table it (or the first free place) is.
    place: usize,
    /// The dict's state when it was looked at.
    changes: u32,
}

impl Dict {
    /// Where the version of the keys lies, for machine code.
    pub const KEYS_VERSION: usize = std::mem::offset_of!(Self, root) + Root::VERSION;
    /// Where the address of the entries lies.
    pub const ENTRIES: usize = std::mem::offset_of!(Self, root) + Root::TABLE;

    /// Where the value of entry `i` lies, from the entries' address on.
    pub const fn value_offset(i: usize) -> usize {
        i * size_of::<Entry>() + Entry::VALUE
    }

    /// An empty dict's fields.
    #[inline]
    pub fn empty(header: Header) -> Self {
        Self { header, root: Root::new(), other_keys: Field::new(0) }
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
        self.root.used()
    }

    /// No items?
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.root.used() == 0
    }

    #[inline(always)]
    fn table(&self) -> Option<Table> {
        self.root.table()
    }

    #[inline(always)]
    fn has_str_keys(&self) -> bool {
        self.other_keys.get() == 0
    }

    /// Finds any key; may run `__eq__`, after which the table may have changed: then it starts again.
    fn find(&self, t: &Thread, key: &Value, hash: i64) -> Res<Found> {
        let (changes, table) = self.root.look();
        let Some(table) = table else { return Ok(Found { table: None, entry: None, place: 0, changes }) };
        if self.has_str_keys() && key.exact::<Str>().is_some() {
            let (entry, place) = table.find_str(key, hash);
            return Ok(Found { table: Some(table), entry, place, changes });
        }
        // Without code to run nothing can change meanwhile.
        match table.find(hash, |theirs| plain::quick_equal(theirs, key).ok_or(())) {
            Ok((entry, place)) => Ok(Found { table: Some(table), entry, place, changes }),
            Err(()) => self.find_any(t, key, hash),
        }
    }

    #[inline(never)]
    fn find_any(&self, t: &Thread, key: &Value, hash: i64) -> Res<Found> {
        enum Stop {
            Changed,
            /// The key was met, but the comparison changed the dict.
            Met(Value),
            Raised(Exc),
        }
        loop {
            let (changes, table) = self.root.look();
            let Some(table) = table else { return Ok(Found { table: None, entry: None, place: 0, changes }) };
            let found = table.find(hash, |theirs| {
                if theirs.is(key) {
                    return Ok(true);
                }
                let theirs = theirs.clone();
                let same = ops::eq(t, &theirs, key).map_err(Stop::Raised)?;
                if self.root.changes() != changes {
                    return Err(if same { Stop::Met(theirs) } else { Stop::Changed });
                }
                Ok(same)
            });
            match found {
                Ok((entry, place)) => return Ok(Found { table: Some(table), entry, place, changes }),
                Err(Stop::Met(theirs)) => {
                    // Nobody is asked again about a key that is still there.
                    let (changes, table) = self.root.look();
                    if let Some(table) = table
                        && let (Some(i), place) = table.find_same(&theirs, hash)
                    {
                        return Ok(Found { table: Some(table), entry: Some(i), place, changes });
                    }
                    t.poll()?;
                }
                Err(Stop::Changed) => t.poll()?,
                Err(Stop::Raised(e)) => return Err(e),
            }
        }
    }

    /// The value under an exact str key.
    #[inline]
    pub fn get_str(&self, name: &Value) -> Option<Value> {
        let table = self.table()?;
        let (entry, _) = table.find_str(name, name.expect_str().hash());
        table.value_of(entry?)
    }

    /// The entry of an exact str key.
    #[inline]
    pub fn find_str_entry(&self, name: &Value) -> Option<usize> {
        self.table()?.find_str(name, name.expect_str().hash()).0
    }

    /// The word of the value under a plain key, if no code must run to find it. The dict still owns it.
    pub fn find_plain(&self, t: &Thread, key: &Value) -> Option<Option<u64>> {
        let Some(table) = self.table() else { return is_key(key).then_some(None) };
        let entry = if self.has_str_keys() && key.exact::<Str>().is_some() {
            table.find_str(key, key.expect_str().hash()).0
        } else {
            if !is_key(key) {
                return None;
            }
            let same = |theirs: &Value| match theirs.is(key) {
                true => Ok(true),
                false => plain::equal(t, theirs, key).and_then(Res::ok).ok_or(()),
            };
            table.find(ops::hash(t, key).ok()?, same).ok()?.0
        };
        // SAFETY: the entry is the table's, and nothing ran since it was found.
        Some(entry.map(|i| unsafe { table.value(i) }))
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
        // In the table that was looked at: if another has taken its place since, this was the value before.
        let found = self.find(t, key, hash)?;
        Ok(found.entry.and_then(|i| found.table?.value_of(i)))
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
        if t.is_shared() {
            self.set_shared(t, key, hash, value, found)
        } else {
            self.set_alone(t, key, hash, value, found)
        }
    }

    /// As [`Dict::set_hashed`], for who has the dict by a reference of his own: if it is the only one, nobody else can reach it.
    pub fn set_own(&self, t: &Thread, key: &Value, hash: i64, value: Value) -> Res<()> {
        self.grow_alone(t)?;
        let found = self.find(t, key, hash)?;
        // Asked now, for comparisons may have run code.
        if t.is_shared() && !self.header.is_unique() {
            return self.set_shared(t, key, hash, value, found);
        }
        self.set_alone(t, key, hash, value, found)
    }

    /// Sets `key`, about which `found` is true, where no other thread can reach the dict.
    #[inline(always)]
    fn set_alone(&self, t: &Thread, key: &Value, hash: i64, value: Value, found: Found) -> Res<()> {
        match found.entry {
            Some(i) => {
                // SAFETY: a live entry of the dict's table.
                drop(found.table.map(|table| unsafe { table.exchange(&self.header, i, value) }));
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

    /// Adds a str that is no key yet to a dict that nobody else has.
    pub(crate) fn add_name(&self, t: &Thread, name: Value, value: Value) -> Res<()> {
        let hash = name.expect_str().hash();
        let place = self.table().map_or(0, |table| table.free_place(hash));
        self.insert(t, name, hash, value, place)
    }

    /// The value under `key`, or `default` after inserting it.
    pub fn set_default(&self, t: &Thread, key: &Value, default: &Value) -> Res {
        let hash = hash_key(t, key)?;
        loop {
            let found = self.find(t, key, hash)?;
            let _held = store::hold_on(t, &self.header);
            if self.root.changes() == found.changes {
                return match found.entry.and_then(|i| self.table()?.value_of(i)) {
                    Some(value) => Ok(value),
                    None => self.insert(t, key.clone(), hash, default.clone(), found.place).map(|()| default.clone()),
                };
            }
        }
    }

    /// Inserts a key that is not there. The dict is held.
    fn insert(&self, t: &Thread, key: Value, hash: i64, value: Value, place: usize) -> Res<()> {
        let mut place = place;
        let table = match self.table().filter(|table| table.has_room_for(1)) {
            Some(table) => table,
            None => {
                let table = self.resize(t, self.root.used() * 3)?;
                place = table.free_place(hash);
                table
            }
        };
        if self.has_str_keys() && key.exact::<Str>().is_none() {
            self.other_keys.set(1);
        }
        // SAFETY: there is room; the place is free.
        unsafe { table.add_item(&self.header, place, hash, key, value) };
        self.root.set_used(self.root.used() + 1);
        self.changed();
        Ok(())
    }

    #[inline(always)]
    fn changed(&self) {
        self.root.changed();
    }

    /// Removes `key`; returns its value.
    pub fn remove(&self, t: &Thread, key: &Value) -> Res<Option<Value>> {
        let hash = hash_key(t, key)?;
        self.remove_hashed(t, key, hash)
    }

    /// Removes `key`, whose hash is known.
    pub fn remove_hashed(&self, t: &Thread, key: &Value, hash: i64) -> Res<Option<Value>> {
        self.remove_only(t, key, hash, None)
    }

    /// Removes `key` if this very object is still its value. Whether it was.
    pub fn remove_same(&self, t: &Thread, key: &Value, value: &Value) -> Res<bool> {
        let hash = hash_key(t, key)?;
        Ok(self.remove_only(t, key, hash, Some(value))?.is_some())
    }

    /// Removes `key` if its value is `only`, or whatever it is. That is asked while the dict is held.
    fn remove_only(&self, t: &Thread, key: &Value, hash: i64, only: Option<&Value>) -> Res<Option<Value>> {
        loop {
            let found = self.find(t, key, hash)?;
            let Some(i) = found.entry else { return Ok(None) };
            let held = store::hold_on(t, &self.header);
            if self.root.changes() == found.changes {
                if let Some(only) = only
                    && let now = self.table().and_then(|table| table.value_of(i))
                    && !now.as_ref().is_some_and(|now| now.is(only))
                {
                    drop(held);
                    return Ok(None);
                }
                let (key, value) = self.remove_entry(i, found.place);
                drop(held);
                drop(store::left(key));
                return Ok(Some(store::left(value)));
            }
        }
    }

    /// Takes entry `i` out, whose index stands at `place`. The dict is held; what is returned is to be `left`.
    fn remove_entry(&self, i: usize, place: usize) -> (Value, Value) {
        let Some(table) = self.table() else { return (Value::ABSENT, Value::ABSENT) };
        // SAFETY: the entry is live.
        let item = unsafe { table.take(i, place) };
        self.root.set_used(self.root.used() - 1);
        self.changed();
        item
    }

    /// Removes the live entry at index `i`.
    pub fn take_at(&self, i: usize) -> Option<(Value, Value)> {
        let held = store::hold(&self.header);
        let (key, value) = self.take_held(i)?;
        drop(held);
        Some((store::left(key), store::left(value)))
    }

    /// As [`Dict::take_at`], for who holds the dict; what is returned is to be `left`.
    fn take_held(&self, i: usize) -> Option<(Value, Value)> {
        let place = self.table()?.place_of(i)?;
        Some(self.remove_entry(i, place))
    }

    /// Drops all items.
    pub fn clear_entries(&self) {
        let held = store::hold(&self.header);
        let old = self.detach();
        drop(held);
        if let Some(table) = old {
            self.drop_table(table);
        }
    }

    /// Empties the dict; its table is the caller's.
    fn detach(&self) -> Option<Table> {
        let old = self.root.install(None);
        self.root.set_used(0);
        self.other_keys.set(0);
        self.changed();
        old
    }

    /// Lets go of a table that has been detached.
    fn drop_table(&self, table: Table) {
        if !thread::is_shared() {
            return self.drop_dead(table);
        }
        let current = thread::current();
        for i in 0..table.filled() {
            if i % STRIDE == STRIDE - 1 && thread::stopping() {
                // The isolate's memory goes as a whole.
                return;
            }
            // SAFETY: the table is detached; each entry is taken once.
            if let Some((key, value)) = unsafe { table.detached(i) } {
                store::release_later(key);
                store::release_later(value);
            }
        }
        if let Some(t) = current {
            // SAFETY: the table is detached.
            unsafe { table.free(t) };
        }
    }

    /// As [`Dict::drop_table`], for a dict that has died or that no other thread can be reading.
    fn drop_dead(&self, table: Table) {
        for i in 0..table.filled() {
            if i % STRIDE == STRIDE - 1 && thread::stopping() {
                return;
            }
            // SAFETY: nobody reads the table; each entry is dropped once.
            if let Some((key, value)) = unsafe { table.detached(i) } {
                key.discard();
                value.discard();
            }
        }
        if let Some(t) = thread::current() {
            // SAFETY: nobody can reach it any more.
            unsafe { table.free_now(t) };
        }
    }

    /// Names the present keys and their entries: while it stays the same, entry indices stay valid. 0:
    /// versions ran out, nothing may be remembered.
    pub fn keys_version(&self, t: &Thread) -> u32 {
        let _held = store::hold_on(t, &self.header);
        if self.root.version() == 0 {
            self.root.set_version(t.next_keys_version());
        }
        self.root.version()
    }

    /// The version as it stands, 0 if nobody asked since the last change.
    #[inline(always)]
    pub fn current_keys_version(&self) -> u32 {
        self.root.version()
    }

    /// The value of entry `i`, if the keys are still those of `version`; the word is 0 if another thread is just removing
    /// it. It refers to its object until this thread polls or waits.
    ///
    /// # Safety
    /// `i` came from `find_str_entry` under that version.
    #[inline(always)]
    pub unsafe fn entry_word(&self, version: u32, i: usize) -> Option<u64> {
        // SAFETY: the caller's duty; tables and values that this thread may have loaded stay for a grace period.
        unsafe { self.root.remembered(version, i) }
    }

    /// Replaces the value of live entry `i` and hands the old one out, to be `left`. The dict is held.
    #[inline(always)]
    fn replace_value(&self, i: usize, value: Value) -> Value {
        match self.table() {
            // SAFETY: a live entry.
            Some(table) => unsafe { table.exchange(&self.header, i, value) },
            None => value,
        }
    }

    /// Structural changes so far: iterators compare.
    #[inline]
    pub fn changes(&self) -> u32 {
        self.root.changes()
    }

    /// Bytes of the table, for `__sizeof__`.
    pub fn table_bytes(&self) -> usize {
        self.table().map_or(0, |table| table.bytes())
    }
}

/// The hash of a key; TypeErrors say that it was to be one.
#[inline]
pub fn hash_key(t: &Thread, key: &Value) -> Res<i64> {
    ops::hash(t, key).map_err(|e| unhashable_as(t, key, "dict key", e))
}

impl Drop for Dict {
    fn drop(&mut self) {
        if let Some(table) = self.table() {
            // Nobody reads a dict that nothing refers to.
            self.drop_dead(table);
        }
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
