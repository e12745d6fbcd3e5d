//! Entries: a table of keys and values which one thread at a time changes, while others look into it without a lock.
//!
//! Entries stand in the order in which they were added, and an open-addressed table of indices into them, 1, 2 or 4 bytes wide,
//! says where. One block of memory holds both, and what says how large it is: a table is its entries' address, the head lies
//! in front of them, and the indices in front of that, the first one nearest.
//!
//! A reader loads the table from its [`Root`] and uses that one until it reports. Entries are filled once, before their index
//! is stored, and emptied once; a table that is replaced stays for a grace period, as do keys and values that were taken out.
//! Whoever changes a table holds the lock that it is under. Memory, and what the words mean, is the caller's affair.

use crate::{
    mutant::{Mutant, planted},
    sync::{Cell, UnsafeCell},
    words::Field,
};

/// A key and its value, both 0 in one that was emptied.
#[derive(Debug)]
#[repr(C)]
pub struct Entry {
    hash: UnsafeCell<i64>,
    key: Field<u64>,
    value: Field<u64>,
}

impl Entry {
    /// Where the value lies, for machine code.
    #[cfg(not(vm_loom))]
    pub const VALUE: usize = std::mem::offset_of!(Self, value);
}

#[derive(Debug)]
#[repr(C)]
struct Head {
    /// Entries written, holes included.
    filled: Field<u32>,
    /// So many entries at the front are known to be holes: taking all items from the front is linear.
    front: Field<u32>,
    /// Places of the index table that are holes with no entry behind them any more: with the entries, they must leave
    /// some places empty, or a lookup would not end. Looked at by who holds the table.
    lost: Cell<u32>,
    /// log2 of the number of indices.
    log2: u32,
}

/// A table that is there.
#[derive(Clone, Copy, Debug)]
pub struct Table(*mut Entry);

const EMPTY: u32 = u32::MAX;
const HOLE: u32 = u32::MAX - 1;

/// How many entries a table of 2^`log2` indices may have.
#[inline(always)]
pub fn usable(log2: u32) -> usize {
    (2usize << log2) / 3
}

/// Bytes of the indices.
#[inline(always)]
pub fn index_bytes(log2: u32) -> usize {
    let width = match log2 {
        0..=7 => size_of::<Field<u8>>(),
        8..=15 => size_of::<Field<u16>>(),
        _ => size_of::<Field<u32>>(),
    };
    (width << log2).next_multiple_of(align_of::<Head>().max(align_of::<Entry>()))
}

/// Bytes of a table's block.
pub fn block_size(log2: u32) -> usize {
    index_bytes(log2) + size_of::<Head>() + usable(log2) * size_of::<Entry>()
}

impl Table {
    /// The table whose entries lie at `entries`, which comes from [`Table::make`] or is null.
    #[inline(always)]
    pub fn new(entries: *mut Entry) -> Option<Self> {
        if entries.is_null() { None } else { Some(Self(entries)) }
    }

    /// An empty table in a fresh block of `block_size(log2)`, whose indices are filled with 0xff: empty at any width.
    ///
    /// # Safety
    /// So it is; in a model the indices are not filled.
    pub unsafe fn make(block: *mut u8, log2: u32) -> Self {
        // SAFETY: the head follows the indices, and the entries the head.
        unsafe {
            let head = block.add(index_bytes(log2)).cast::<Head>();
            head.write(Head { filled: Field::new(0), front: Field::new(0), lost: Cell::new(0), log2 });
            let table = Self(head.add(1).cast());
            if cfg!(vm_loom) {
                // Loom's types are no plain memory.
                (0..1usize << log2)
                    .for_each(|place| head.cast::<Field<u8>>().sub(place + 1).write(Field::new(u8::MAX)));
                (0..usable(log2)).for_each(|i| table.0.add(i).write(Entry::empty()));
            }
            table
        }
    }

    /// A copy of this table in a fresh block of as many bytes. The words in it are copies too: what they refer to is the
    /// caller's affair.
    ///
    /// # Safety
    /// The block is as large as [`Table::block`] says, and no other thread changes this table.
    #[cfg(not(vm_loom))]
    pub unsafe fn copy_to(&self, block: *mut u8) -> Self {
        let (own, indices) = (self.block().0, index_bytes(self.log2()));
        let bytes = indices + size_of::<Head>() + self.filled() * size_of::<Entry>();
        // SAFETY: the caller's duty; indices, head and the entries written lie one behind the other.
        unsafe {
            block.copy_from_nonoverlapping(own, bytes);
            Self(block.add(indices + size_of::<Head>()).cast())
        }
    }

    /// Whether no entry was ever removed: then neither entries nor indices have holes.
    #[inline]
    pub fn is_dense(&self, used: usize) -> bool {
        self.filled() == used && self.head().lost.get() == 0
    }

    /// Where the entries lie.
    #[inline(always)]
    pub fn entries(&self) -> *mut Entry {
        self.0
    }

    #[inline(always)]
    fn head(&self) -> &Head {
        // SAFETY: the head lies in front of the entries.
        unsafe { &*self.0.cast::<Head>().sub(1) }
    }

    #[inline(always)]
    fn log2(&self) -> u32 {
        self.head().log2
    }

    /// How many entries there are, holes included.
    #[inline(always)]
    pub fn filled(&self) -> usize {
        self.head().filled.get() as usize
    }

    /// So many entries at the front are known to be holes.
    pub fn front(&self) -> usize {
        self.head().front.get() as usize
    }

    /// Notes that the first `n` entries are holes. Holes stay holes, so any thread's finding is as good.
    pub fn set_front(&self, n: usize) {
        self.head().front.set(n as u32);
    }

    /// Forgets the entries from `n` on, which are holes: their indices are lost until the table is replaced.
    ///
    /// # Safety
    /// No other thread can see the table.
    pub unsafe fn shorten(&self, n: usize) {
        let head = self.head();
        head.lost.set(head.lost.get() + head.filled.get() - n as u32);
        head.filled.set(n as u32);
        head.front.set(head.front.get().min(n as u32));
    }

    /// Whether `more` entries may be added. The table is held.
    #[inline(always)]
    pub fn has_room_for(&self, more: usize) -> bool {
        self.filled() + self.head().lost.get() as usize + more <= usable(self.log2())
    }

    #[inline(always)]
    fn entry(&self, i: usize) -> &Entry {
        debug_assert!(i < usable(self.log2()));
        // SAFETY: `i` is below `usable` (callers).
        unsafe { &*self.0.add(i) }
    }

    #[inline(always)]
    fn index(&self, place: usize) -> u32 {
        let p = std::ptr::from_ref(self.head());
        // SAFETY: `place` is masked to the table's size.
        unsafe {
            match self.log2() {
                0..=7 => match (*p.cast::<Field<u8>>().sub(place + 1)).get() {
                    0xff => EMPTY,
                    0xfe => HOLE,
                    i => u32::from(i),
                },
                8..=15 => match (*p.cast::<Field<u16>>().sub(place + 1)).get() {
                    0xffff => EMPTY,
                    0xfffe => HOLE,
                    i => u32::from(i),
                },
                _ => (*p.cast::<Field<u32>>().sub(place + 1)).get(),
            }
        }
    }

    #[inline(always)]
    fn set_index(&self, place: usize, i: u32) {
        let p = std::ptr::from_ref(self.head());
        // SAFETY: `place` is masked to the table's size; narrow tables have fewer entries than their width can name.
        unsafe {
            match self.log2() {
                0..=7 => (*p.cast::<Field<u8>>().sub(place + 1)).set(i as u8),
                8..=15 => (*p.cast::<Field<u16>>().sub(place + 1)).set(i as u16),
                _ => (*p.cast::<Field<u32>>().sub(place + 1)).set(i),
            }
        }
    }

    /// Walks the probe sequence of `hash`; `same` judges a key with that hash. The entry, and where its index, or the first
    /// free one, is.
    #[inline(always)]
    pub fn probe<E>(
        &self,
        hash: i64,
        mut same: impl FnMut(u64) -> Result<bool, E>,
    ) -> Result<(Option<usize>, usize), E> {
        let mask = (1usize << self.log2()) - 1;
        let mut place = hash as usize & mask;
        let mut perturb = hash as u64;
        let mut free = None;
        loop {
            match self.index(place) {
                EMPTY => return Ok((None, free.unwrap_or(place))),
                HOLE => free = free.or(Some(place)),
                i => {
                    // An index in the table names a written entry, whose hash stays.
                    let entry = self.entry(i as usize);
                    if entry.hash() == hash {
                        let key = entry.key.get();
                        // Another thread may be emptying it: then it is no key's.
                        if key != 0 && same(key)? {
                            return Ok((Some(i as usize), place));
                        }
                    }
                }
            }
            perturb >>= 5;
            place = (place.wrapping_mul(5).wrapping_add(perturb as usize).wrapping_add(1)) & mask;
        }
    }

    /// Where the index of entry `i` stands, if that is live.
    pub fn place_of(&self, i: usize) -> Option<usize> {
        let (_, hash, _) = self.item(i)?;
        let mask = (1usize << self.log2()) - 1;
        let mut place = hash as usize & mask;
        let mut perturb = hash as u64;
        while self.index(place) != i as u32 {
            perturb >>= 5;
            place = (place.wrapping_mul(5).wrapping_add(perturb as usize).wrapping_add(1)) & mask;
        }
        Some(place)
    }

    /// Whether a search for the key of entry `i` comes by its index, if the entry is live.
    pub fn holds(&self, i: usize) -> Option<bool> {
        let (_, hash, _) = self.item(i)?;
        let mask = (1usize << self.log2()) - 1;
        let (mut place, mut perturb) = (hash as usize & mask, hash as u64);
        // What is left of the hash is used up soon; from then on each place comes once.
        for _ in 0..=mask + 64 / 5 + 1 {
            match self.index(place) {
                EMPTY => return Some(false),
                at if at == i as u32 => return Some(true),
                _ => {}
            }
            perturb >>= 5;
            place = (place.wrapping_mul(5).wrapping_add(perturb as usize).wrapping_add(1)) & mask;
        }
        Some(false)
    }

    /// The value of entry `i`, 0 if it is being emptied.
    ///
    /// # Safety
    /// There is such an entry.
    #[inline(always)]
    pub unsafe fn value(&self, i: usize) -> u64 {
        self.entry(i).value.get()
    }

    /// Key, hash and value of entry `i`, if it is live.
    #[inline(always)]
    pub fn item(&self, i: usize) -> Option<(u64, i64, u64)> {
        if i >= self.filled() {
            return None;
        }
        let entry = self.entry(i);
        let (key, hash, value) = (entry.key.get(), entry.hash(), entry.value.get());
        if key == 0 || value == 0 { None } else { Some((key, hash, value)) }
    }

    /// Adds an entry. Readers see it when it is complete.
    ///
    /// # Safety
    /// There is room, the place is free, and the table is held.
    #[inline(always)]
    pub unsafe fn add(&self, place: usize, hash: i64, key: u64, value: u64) {
        let i = self.filled();
        if planted(Mutant::IndexFirst) {
            self.set_index(place, i as u32);
        }
        let entry = self.entry(i);
        // SAFETY: entry `i` holds nothing yet, so nobody else looks at it.
        entry.hash.with_mut(|at| unsafe { at.write(hash) });
        entry.key.set(key);
        entry.value.set(value);
        self.set_index(place, i as u32);
        self.head().filled.set(i as u32 + 1);
    }

    /// Exchanges the value of an entry; the one that was there is to be left for a grace period.
    ///
    /// # Safety
    /// The entry is live, and the table is held.
    #[inline(always)]
    pub unsafe fn replace(&self, i: usize, value: u64) -> u64 {
        self.entry(i).value.replace(value)
    }

    /// Takes entry `i` out, whose index stands at `place`. Key and value are to be left for a grace period.
    ///
    /// # Safety
    /// The entry is live, and the table is held.
    pub unsafe fn remove(&self, i: usize, place: usize) -> (u64, u64) {
        self.set_index(place, HOLE);
        let entry = self.entry(i);
        (entry.key.replace(0), entry.value.replace(0))
    }

    /// Bytes of indices and entries.
    pub fn bytes(&self) -> usize {
        block_size(self.log2()) - size_of::<Head>()
    }

    /// The block that the table lies in, and its size.
    pub fn block(&self) -> (*mut u8, usize) {
        let log2 = self.log2();
        // SAFETY: the indices lie in front of the head.
        (unsafe { self.0.cast::<Head>().sub(1).cast::<u8>().sub(index_bytes(log2)) }, block_size(log2))
    }
}

impl Entry {
    fn empty() -> Self {
        Self { hash: UnsafeCell::new(0), key: Field::new(0), value: Field::new(0) }
    }

    #[inline(always)]
    fn hash(&self) -> i64 {
        // SAFETY: it is written before the entry is seen, and never again.
        self.hash.with(|at| unsafe { *at })
    }
}

/// Where a table is replaced, and what tells readers that something has changed.
#[derive(Debug)]
#[repr(C)]
pub struct Root {
    /// Live entries.
    used: Field<usize>,
    table: Field<*mut Entry>,
    /// Names the present set of keys and their entries' places; 0 = not asked for yet.
    version: Field<u32>,
    /// Raised after every structural change: a lookup that ran code starts again.
    changes: Field<u32>,
}

impl Root {
    /// Where the version of the places lies, for machine code.
    #[cfg(not(vm_loom))]
    pub const VERSION: usize = std::mem::offset_of!(Self, version);
    /// Where the address of the entries lies.
    #[cfg(not(vm_loom))]
    pub const TABLE: usize = std::mem::offset_of!(Self, table);

    /// No table.
    #[inline]
    pub fn new() -> Self {
        Self {
            used: Field::new(0),
            table: Field::new(std::ptr::null_mut()),
            version: Field::new(0),
            changes: Field::new(0),
        }
    }

    /// How many live entries there are.
    #[inline(always)]
    pub fn used(&self) -> usize {
        self.used.get()
    }

    /// Says how many live entries there are. The root is held.
    #[inline(always)]
    pub fn set_used(&self, n: usize) {
        self.used.set(n);
    }

    /// The table as it is now.
    #[inline(always)]
    pub fn table(&self) -> Option<Table> {
        Table::new(self.table.get())
    }

    /// The state, and the table that was there then or later: what is found in it is known to be old if the state is.
    #[inline(always)]
    pub fn look(&self) -> (u32, Option<Table>) {
        let changes = self.changes.get();
        (changes, self.table())
    }

    /// Structural changes so far.
    #[inline(always)]
    pub fn changes(&self) -> u32 {
        self.changes.get()
    }

    /// After a structural change. The root is held.
    #[inline(always)]
    pub fn changed(&self) {
        self.version.set(0);
        self.changes.set(self.changes.get().wrapping_add(1));
    }

    /// Gives the root another table, or none; the old one is to be left for a grace period. The root is held.
    #[inline]
    pub fn install(&self, table: Option<Table>) -> Option<Table> {
        if !planted(Mutant::VersionAfterTable) {
            // Before the table: who sees the new one knows that places are others.
            self.version.set(0);
        }
        let old = Table::new(self.table.replace(table.map_or(std::ptr::null_mut(), |table| table.0)));
        self.changed();
        old
    }

    /// The version of the present places, 0 if nobody has asked for one since the last change.
    #[inline(always)]
    pub fn version(&self) -> u32 {
        self.version.get()
    }

    /// Names the present places. The root is held.
    pub fn set_version(&self, version: u32) {
        self.version.set(version);
    }

    /// The value of entry `i`, if the places are still those of `version`, which is not 0; the word is 0 if another thread is
    /// just emptying it. It refers to its object until the calling thread reports.
    ///
    /// # Safety
    /// There was an entry `i` under that version. Tables that the root had since the calling thread last reported are alive.
    #[inline(always)]
    pub unsafe fn remembered(&self, version: u32, i: usize) -> Option<u64> {
        if planted(Mutant::VersionBeforeTable) && self.version.get() != version {
            return None;
        }
        // First the table, then the version, then the word: a table that replaced the version's own is known by then, and
        // entries are not used again.
        let table = self.table.get();
        if !planted(Mutant::VersionBeforeTable) && self.version.get() != version {
            return None;
        }
        // SAFETY: the caller's duty: there is a table, with such an entry.
        Some(unsafe { Table(table).value(i) })
    }
}

impl Default for Root {
    fn default() -> Self {
        Self::new()
    }
}
