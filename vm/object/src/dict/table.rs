//! A dict's table: entries in insertion order, and an open-addressed table of indices into them, 1, 2 or 4 bytes wide.
//!
//! One block of raw memory holds both, and what says how large it is: a table is its entries' address, the head lies in
//! front of them, and the indices in front of that, the first one nearest.

use crate::header::Header;
use crate::store;
use crate::strs::Str;
use crate::thread::Thread;
use crate::value::Value;
use typhon_qsbr::words;

#[repr(C)]
pub(super) struct Entry {
    pub(super) hash: i64,
    pub(super) key: Value,
    pub(super) value: Value,
}

#[repr(C)]
struct Head {
    /// Entries written, holes included.
    filled: u32,
    /// So many entries at the front are known to be holes: taking all items from the front is linear.
    front: u32,
    /// Places of the index table that are holes with no entry behind them any more: with the entries, they must leave
    /// some places empty, or a lookup would not end.
    lost: u32,
    /// log2 of the number of indices.
    log2: u32,
}

/// A table that is there.
#[derive(Clone, Copy)]
pub(super) struct Table(*mut Entry);

/// So many entries are moved between two looks at the breaker.
pub(super) const STRIDE: usize = 1 << 14;
pub(super) const MIN_LOG2: u32 = 3;
const EMPTY: u32 = u32::MAX;
const HOLE: u32 = u32::MAX - 1;
const HEAD: usize = size_of::<Head>();

#[inline(always)]
pub(super) fn usable(log2: u32) -> usize {
    (2usize << log2) / 3
}

#[inline(always)]
fn width(log2: u32) -> usize {
    match log2 {
        0..=7 => 1,
        8..=15 => 2,
        _ => 4,
    }
}

#[inline(always)]
pub(super) fn index_bytes(log2: u32) -> usize {
    (width(log2) << log2).next_multiple_of(8)
}

pub(super) fn block_size(log2: u32) -> usize {
    index_bytes(log2) + HEAD + usable(log2) * size_of::<Entry>()
}

impl Table {
    #[inline(always)]
    pub(super) fn new(entries: *mut Entry) -> Option<Self> {
        if entries.is_null() { None } else { Some(Self(entries)) }
    }

    /// An empty table in a fresh block of `block_size(log2)`, whose indices are filled with 0xff: empty at any width.
    ///
    /// # Safety
    /// So it is.
    pub(super) unsafe fn make(block: *mut u8, log2: u32) -> Self {
        // SAFETY: the head follows the indices, and the entries the head.
        unsafe {
            let head = block.add(index_bytes(log2)).cast::<Head>();
            head.write(Head { filled: 0, front: 0, lost: 0, log2 });
            Self(head.add(1).cast())
        }
    }

    #[inline(always)]
    pub(super) fn entries(&self) -> *mut Entry {
        self.0
    }

    #[inline(always)]
    fn head(&self) -> *mut Head {
        // SAFETY: the head lies in front of the entries.
        unsafe { self.0.cast::<Head>().sub(1) }
    }

    #[inline(always)]
    fn log2(&self) -> u32 {
        // SAFETY: the table's head; the size never changes.
        unsafe { (*self.head()).log2 }
    }

    /// How many entries there are, holes included.
    #[inline(always)]
    pub(super) fn filled(&self) -> usize {
        // SAFETY: the table's head.
        unsafe { words::load(&raw const (*self.head()).filled) as usize }
    }

    pub(super) fn front(&self) -> usize {
        // SAFETY: the table's head.
        unsafe { words::load(&raw const (*self.head()).front) as usize }
    }

    /// Notes that the first `n` entries are holes.
    pub(super) fn set_front(&self, n: usize) {
        // SAFETY: the table's head. Holes stay holes, so any thread's finding is as good.
        unsafe { words::store(&raw mut (*self.head()).front, n as u32) }
    }

    /// Forgets the entries from `n` on, which are holes: their indices are lost until the table is replaced.
    ///
    /// # Safety
    /// No other thread can see the table.
    pub(super) unsafe fn shorten(&self, n: usize) {
        // SAFETY: the caller's duty.
        let head = unsafe { &mut *self.head() };
        head.lost += head.filled - n as u32;
        head.filled = n as u32;
        head.front = head.front.min(n as u32);
    }

    /// Whether one more entry may be added.
    #[inline(always)]
    pub(super) fn has_room(&self) -> bool {
        self.has_room_for(1)
    }

    #[inline(always)]
    pub(super) fn has_room_for(&self, more: usize) -> bool {
        // SAFETY: the table's head; who asks holds the dict.
        let lost = unsafe { (*self.head()).lost as usize };
        self.filled() + lost + more <= usable(self.log2())
    }

    #[inline(always)]
    pub(super) fn entry(&self, i: usize) -> *mut Entry {
        // SAFETY: `i` is below `usable` (callers).
        unsafe { self.0.add(i) }
    }

    #[inline(always)]
    fn index(&self, place: usize) -> u32 {
        let p = self.head();
        // SAFETY: `place` is masked to the table's size.
        unsafe {
            match width(self.log2()) {
                1 => match words::load(p.cast::<u8>().sub(place + 1)) {
                    0xff => EMPTY,
                    0xfe => HOLE,
                    i => u32::from(i),
                },
                2 => match words::load(p.cast::<u16>().sub(place + 1)) {
                    0xffff => EMPTY,
                    0xfffe => HOLE,
                    i => u32::from(i),
                },
                _ => words::load(p.cast::<u32>().sub(place + 1)),
            }
        }
    }

    #[inline(always)]
    fn set_index(&self, place: usize, i: u32) {
        let p = self.head();
        // SAFETY: `place` is masked to the table's size; narrow tables have fewer entries than their width can name.
        unsafe {
            match width(self.log2()) {
                1 => words::store(p.cast::<u8>().sub(place + 1), i as u8),
                2 => words::store(p.cast::<u16>().sub(place + 1), i as u16),
                _ => words::store(p.cast::<u32>().sub(place + 1), i),
            }
        }
    }

    /// Walks the probe sequence of `hash`; `same` judges a key with that hash. The entry, and where its index, or the first
    /// free one, is.
    #[inline(always)]
    pub(super) fn probe<E>(
        &self,
        hash: i64,
        mut same: impl FnMut(&Value) -> Result<bool, E>,
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
                    // SAFETY: indices in the table name written entries, whose hash stays.
                    if unsafe { (*self.entry(i as usize)).hash } == hash {
                        // SAFETY: as above. Another thread may be emptying it: then it is no key's.
                        let key = unsafe { words::load((&raw const (*self.entry(i as usize)).key).cast::<u64>()) };
                        if key != 0 && same(Value::from_ref(&key))? {
                            return Ok((Some(i as usize), place));
                        }
                    }
                }
            }
            perturb >>= 5;
            place = (place.wrapping_mul(5).wrapping_add(perturb as usize).wrapping_add(1)) & mask;
        }
    }

    /// Finds an exact str.
    #[inline(always)]
    pub(super) fn find_str(&self, name: &Value, hash: i64) -> (Option<usize>, usize) {
        let text = name.expect_str();
        let r: Result<_, std::convert::Infallible> =
            self.probe(hash, |key| Ok(key.is(name) || key.exact::<Str>().is_some_and(|k| k.same_text(text))));
        match r {
            Ok(found) => found,
        }
    }

    /// Finds the very object.
    pub(super) fn find_same(&self, key: &Value, hash: i64) -> (Option<usize>, usize) {
        let r: Result<_, std::convert::Infallible> = self.probe(hash, |theirs| Ok(theirs.is(key)));
        match r {
            Ok(found) => found,
        }
    }

    /// The first free place for `hash` in a table without holes.
    pub(super) fn free_place(&self, hash: i64) -> usize {
        let r: Result<_, std::convert::Infallible> = self.probe(hash, |_| Ok(false));
        match r {
            Ok((_, place)) => place,
        }
    }

    /// Where the index of entry `i` stands, if that is live.
    pub(super) fn place_of(&self, i: usize) -> Option<usize> {
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
    pub(super) fn holds(&self, i: usize) -> Option<bool> {
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

    /// The raw word of an entry's value, 0 if it is being removed.
    ///
    /// # Safety
    /// `entries` is a table with an entry `i`.
    #[inline(always)]
    pub(super) unsafe fn word(entries: *mut Entry, i: usize) -> u64 {
        // SAFETY: the caller's duty.
        unsafe { words::load((&raw const (*entries.add(i)).value).cast::<u64>()) }
    }

    /// The value of entry `i`, which was written.
    #[inline(always)]
    pub(super) fn value(&self, i: usize) -> Option<Value> {
        // SAFETY: within the entries.
        let bits = unsafe { Self::word(self.0, i) };
        Value::from_ref(&bits).clone().present()
    }

    /// Looks at the key and the value of entry `i`, if it is live.
    #[inline(always)]
    pub(super) fn item(&self, i: usize) -> Option<(u64, i64, u64)> {
        if i >= self.filled() {
            return None;
        }
        // SAFETY: within the entries.
        let (key, hash, value) = unsafe {
            let e = self.entry(i);
            (words::load((&raw const (*e).key).cast::<u64>()), (*e).hash, Self::word(self.0, i))
        };
        if key == 0 || value == 0 { None } else { Some((key, hash, value)) }
    }

    /// Adds an entry. Readers see it when it is complete.
    ///
    /// # Safety
    /// There is room, the place is free, and the dict is held.
    #[inline(always)]
    pub(super) unsafe fn add(&self, dict: &Header, place: usize, hash: i64, key: Value, value: Value) {
        let i = self.filled();
        // SAFETY: entry `i` is within the usable ones and holds nothing yet.
        unsafe {
            let e = self.entry(i);
            (&raw mut (*e).hash).write(hash);
            store::write(dict, &raw mut (*e).key, key);
            store::write(dict, &raw mut (*e).value, value);
            self.set_index(place, i as u32);
            words::store(&raw mut (*self.head()).filled, i as u32 + 1);
        }
    }

    /// Moves a live entry of another table, which is given up, behind this one's.
    ///
    /// # Safety
    /// There is room, and no other thread can see this table yet.
    pub(super) unsafe fn move_in(&self, from: *const Entry) {
        let i = self.filled();
        // SAFETY: the caller's duty.
        unsafe {
            self.entry(i).copy_from_nonoverlapping(from, 1);
            self.set_index(self.free_place((*from).hash), i as u32);
            (*self.head()).filled = i as u32 + 1;
        }
    }

    /// Exchanges the value of an entry.
    ///
    /// # Safety
    /// The entry is live, and the dict is held.
    #[inline(always)]
    pub(super) unsafe fn replace(&self, dict: &Header, i: usize, value: Value) -> Value {
        // SAFETY: a live entry; the old value is the caller's.
        unsafe {
            let at = &raw mut (*self.entry(i)).value;
            let old = at.read();
            store::write(dict, at, value);
            old
        }
    }

    /// Takes entry `i` out, whose index stands at `place`.
    ///
    /// # Safety
    /// The entry is live, and the dict is held.
    pub(super) unsafe fn remove(&self, i: usize, place: usize) -> (Value, Value) {
        self.set_index(place, HOLE);
        // SAFETY: the values are moved out and absent ones left.
        unsafe {
            let e = self.entry(i);
            let (key, value) = ((&raw const (*e).key).read(), (&raw const (*e).value).read());
            words::store((&raw mut (*e).key).cast::<u64>(), 0);
            words::store((&raw mut (*e).value).cast::<u64>(), 0);
            (key, value)
        }
    }

    /// Bytes of indices and entries.
    pub(super) fn bytes(&self) -> usize {
        block_size(self.log2()) - HEAD
    }

    /// Frees the table, whose entries are somebody else's or dropped, when no thread reads it any more.
    ///
    /// # Safety
    /// Nobody who comes from now on can reach it.
    pub(super) unsafe fn free(self, t: &Thread) {
        let (start, size) = self.block();
        // SAFETY: the block came from the heap with this size.
        unsafe { store::free_later(t, start, size) }
    }

    /// As [`Table::free`], at once.
    ///
    /// # Safety
    /// Nobody can reach it.
    pub(super) unsafe fn free_now(self, t: &Thread) {
        let (start, size) = self.block();
        // SAFETY: the block came from the heap with this size.
        unsafe { t.heap().free_raw(start, size) }
    }

    fn block(&self) -> (*mut u8, usize) {
        let log2 = self.log2();
        // SAFETY: the indices lie in front of the head.
        (unsafe { self.head().cast::<u8>().sub(index_bytes(log2)) }, block_size(log2))
    }
}
