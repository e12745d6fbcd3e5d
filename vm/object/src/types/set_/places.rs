//! A set's places: an open-addressed table of (hash, key) in one block of raw memory, behind the number that says how many.
//!
//! A table is its first place's address. While the set is shared others read it without a lock: a place is filled once and
//! emptied once, and a table that is replaced stays for a grace period.

use crate::bulk;
use crate::error::Res;
use crate::header::Header;
use crate::store;
use crate::thread::{self, Thread};
use crate::value::Value;
use typhon_qsbr::words;

/// An absent key with hash 0 is a free place, with another hash a removed entry, or one that is just being filled.
#[repr(C)]
pub(super) struct Place {
    hash: i64,
    key: Value,
}

#[repr(C)]
struct Head {
    mask: usize,
    /// Places are aligned as pairs of words are.
    _pad: usize,
}

/// A table that is there.
#[derive(Clone, Copy)]
pub(super) struct Places(*mut Place);

const REMOVED: i64 = -1;
/// So many places are gone through between two looks at the breaker.
pub(super) const STRIDE: usize = 1 << 14;
const LINEAR: usize = 9;

fn block_size(places: usize) -> usize {
    size_of::<Head>() + places * size_of::<Place>()
}

impl Places {
    #[inline(always)]
    pub(super) fn new(first: *mut Place) -> Option<Self> {
        if first.is_null() { None } else { Some(Self(first)) }
    }

    /// A table of free places; their number is a power of two.
    pub(super) fn make(t: &Thread, places: usize) -> Res<Self> {
        let block = t.heap().alloc_raw(block_size(places)).map_err(|_| t.memory_error())?;
        // SAFETY: the block has that many bytes; zero means free.
        unsafe {
            if let Err(e) = bulk::fill(t, block, 0, block_size(places)) {
                t.heap().free_raw(block, block_size(places));
                return Err(e);
            }
            let head = block.cast::<Head>();
            (&raw mut (*head).mask).write(places - 1);
            Ok(Self(head.add(1).cast()))
        }
    }

    pub(super) fn first(&self) -> *mut Place {
        self.0
    }

    /// Number of places less one.
    #[inline(always)]
    pub(super) fn mask(&self) -> usize {
        // SAFETY: the head lies in front of the places; the size never changes.
        unsafe { (*self.0.cast::<Head>().sub(1)).mask }
    }

    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        self.mask() + 1
    }

    #[inline(always)]
    pub(super) fn at(&self, i: usize) -> *mut Place {
        // SAFETY: callers keep `i` within the table.
        unsafe { self.0.add(i) }
    }

    /// The raw words of a place's key and hash. The key refers to its object until this thread polls or waits.
    #[inline(always)]
    fn look(&self, i: usize) -> (u64, i64) {
        // SAFETY: within the table. First the key: the hash of one that is there has been written.
        unsafe {
            let place = self.at(i);
            let key = words::load((&raw const (*place).key).cast::<u64>());
            (key, words::load((&raw const (*place).hash).cast::<u64>()) as i64)
        }
    }

    /// The key at place `i` and its hash, if there is such a place and it is live.
    #[inline]
    pub(super) fn item(&self, i: usize) -> Option<(u64, i64)> {
        if i > self.mask() {
            return None;
        }
        let (key, hash) = self.look(i);
        // One that is just being removed has lost its hash.
        if key == 0 || hash == REMOVED { None } else { Some((key, hash)) }
    }

    /// From place `from` on the first live entry that is not `fine`, within a stride, and the place to go on at.
    #[inline(always)]
    pub(super) fn first_unless(
        &self,
        from: usize,
        mut fine: impl FnMut(&Value, i64) -> bool,
    ) -> (usize, Option<(u64, i64)>) {
        let end = self.count().min(from + STRIDE);
        for i in from..end {
            let (key, hash) = self.look(i);
            // One that is just being removed has lost its hash.
            if key != 0 && hash != REMOVED && !fine(Value::from_ref(&key), hash) {
                return (i + 1, Some((key, hash)));
            }
        }
        (end, None)
    }

    /// Walks the places where a key of this hash may be; `same` judges one that is. Its place, or the free one where the
    /// search ends.
    #[inline(always)]
    pub(super) fn probe<E>(
        &self,
        hash: i64,
        mut same: impl FnMut(&Value) -> Result<bool, E>,
    ) -> Result<Result<usize, usize>, E> {
        let mask = self.mask();
        let mut i = hash as usize & mask;
        let mut perturb = hash as u64 as usize;
        loop {
            let run = if i + LINEAR <= mask { LINEAR } else { 0 };
            for place in i..=i + run {
                // SAFETY: within the table. First the key: the hash of one that is there has been written.
                let (key, at) = unsafe {
                    let at = self.at(place);
                    (words::load((&raw const (*at).key).cast::<u64>()), (&raw const (*at).hash).cast::<u64>())
                };
                // SAFETY: as above.
                let theirs = unsafe { words::load(at) } as i64;
                if key == 0 {
                    if theirs == 0 {
                        return Ok(Err(place));
                    }
                } else if theirs == hash && same(Value::from_ref(&key))? {
                    return Ok(Ok(place));
                }
            }
            perturb >>= 5;
            i = i.wrapping_mul(5).wrapping_add(1).wrapping_add(perturb) & mask;
        }
    }

    /// Finds the very object with the word `key`.
    pub(super) fn same(&self, key: u64, hash: i64) -> Result<usize, usize> {
        let r: Result<_, std::convert::Infallible> = self.probe(hash, |theirs| Ok(theirs.bits() == key));
        match r {
            Ok(found) => found,
        }
    }

    /// The first free place for `hash` in a table without removed entries.
    pub(super) fn free_place(&self, hash: i64) -> usize {
        let r: Result<_, std::convert::Infallible> = self.probe(hash, |_| Ok(false));
        match r {
            Ok(Ok(place) | Err(place)) => place,
        }
    }

    /// Fills a place. Readers see it when it is complete.
    ///
    /// # Safety
    /// The place is free, and the set is held.
    #[inline(always)]
    pub(super) unsafe fn fill(&self, set: &Header, place: usize, hash: i64, key: Value) {
        // SAFETY: within the table, and it holds nothing.
        unsafe {
            let at = self.at(place);
            words::store((&raw mut (*at).hash).cast::<u64>(), hash as u64);
            store::write(set, &raw mut (*at).key, key);
        }
    }

    /// Empties a place, whose key is to be `left`.
    ///
    /// # Safety
    /// The place is live, and the set is held.
    pub(super) unsafe fn empty(&self, place: usize) -> Value {
        // SAFETY: the caller's duty.
        unsafe {
            let at = self.at(place);
            let key = (&raw const (*at).key).read();
            words::store((&raw mut (*at).hash).cast::<u64>(), REMOVED as u64);
            words::store((&raw mut (*at).key).cast::<u64>(), 0);
            key
        }
    }

    /// Moves the live entries of another table, which is given up, into this one, which is empty.
    ///
    /// # Safety
    /// No other thread can see this table yet; the set is held. After an error the other table is as it was.
    pub(super) unsafe fn move_in(&self, t: &Thread, old: Self) -> Res<()> {
        for i in 0..old.count() {
            if i % STRIDE == STRIDE - 1 {
                t.check_stop()?;
            }
            if let Some((_, hash)) = old.item(i) {
                // SAFETY: each entry moves once.
                unsafe { self.at(self.free_place(hash)).copy_from_nonoverlapping(old.at(i), 1) };
            }
        }
        Ok(())
    }

    /// Fills this table, which is empty and as large, with the other's elements at the same places.
    ///
    /// # Safety
    /// Neither set is shared, and the other has no removed entries. After an error this one holds some of them.
    pub(super) unsafe fn copy_in(&self, t: &Thread, set: &Header, other: Self) -> Res<()> {
        let count = self.count().min(other.count());
        for from in (0..count).step_by(STRIDE) {
            for i in from..count.min(from + STRIDE) {
                let (key, hash) = other.look(i);
                if key != 0 {
                    // SAFETY: the caller's duty.
                    unsafe { self.fill(set, i, hash, Value::from_ref(&key).clone()) };
                }
            }
            if count > STRIDE {
                t.check_stop()?;
            }
        }
        Ok(())
    }

    /// Drops all keys; false if that was given up.
    ///
    /// # Safety
    /// Nobody can reach the table, and its keys are not looked at again.
    pub(super) unsafe fn drop_keys(&self) -> bool {
        let count = self.count();
        for from in (0..count).step_by(STRIDE) {
            if from > 0 && thread::stopping() {
                return false;
            }
            for i in from..count.min(from + STRIDE) {
                // SAFETY: within the table; each key is dropped once.
                unsafe { drop((&raw const (*self.at(i)).key).read()) };
            }
        }
        true
    }

    /// Frees the table, whose entries are somebody else's or dropped, when no thread reads it any more.
    ///
    /// # Safety
    /// Nobody who comes from now on can reach it.
    pub(super) unsafe fn free(self, t: &Thread) {
        // SAFETY: the block begins with the head, and came from the heap with this size.
        unsafe { store::free_later(t, self.0.cast::<Head>().sub(1).cast(), block_size(self.count())) }
    }

    /// As [`Places::free`], at once.
    ///
    /// # Safety
    /// Nobody can reach it.
    pub(super) unsafe fn free_now(self, t: &Thread) {
        // SAFETY: as in `free`.
        unsafe { t.heap().free_raw(self.0.cast::<Head>().sub(1).cast(), block_size(self.count())) }
    }

    /// Bytes of the places.
    pub(super) fn bytes(&self) -> usize {
        self.count() * size_of::<Place>()
    }
}
