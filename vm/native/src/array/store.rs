//! Array: storage, items in native byte order one after another.

use super::kind::{self, Kind};
use std::cell::{Cell, RefCell};
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::numbers::Numbers;
use typhon_object::{Thread, Value, thread};

/// An array. The data is never borrowed over anything that runs Python code; while it is lent its size is fixed.
#[repr(C)]
pub(super) struct Array {
    pub(super) header: Header,
    /// Where the data is: what changes its size says so here.
    numbers: Numbers,
    kind: &'static Kind,
    data: RefCell<Vec<u8>>,
    /// How much of the data's capacity the heap's account knows.
    charged: Cell<usize>,
    exports: Cell<usize>,
}

typhon_object::payload!(Array => super::table::ARRAY);

impl Drop for Array {
    fn drop(&mut self) {
        if let Some(t) = thread::current() {
            t.heap().uncharge(self.charged.get());
        }
    }
}

impl Array {
    /// An empty array.
    pub(super) fn empty(header: Header, kind: &'static Kind) -> Self {
        let (numbers, data) = (Numbers::new(kind.code), RefCell::default());
        Self { header, numbers, kind, data, charged: Cell::new(0), exports: Cell::new(0) }
    }

    /// The array behind a value that is one.
    #[inline]
    pub(super) fn of(v: &Value) -> &Self {
        v.expect::<Self>()
    }

    /// Its kind.
    #[inline]
    pub(super) fn kind(&self) -> &'static Kind {
        self.kind
    }

    /// Number of items.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Changes the number of bytes.
    fn resize<R>(&self, f: impl FnOnce(&mut Vec<u8>) -> R) -> R {
        let mut data = self.data.borrow_mut();
        let done = f(&mut data);
        self.numbers.moved(data.as_mut_ptr(), data.len() / self.kind.size);
        done
    }

    /// Reserved bytes.
    pub(super) fn capacity(&self) -> usize {
        self.data.borrow().capacity()
    }

    /// Looks at the bytes; `f` runs no Python code.
    #[inline]
    pub(super) fn with<R>(&self, f: impl FnOnce(&[u8]) -> R) -> R {
        f(&self.data.borrow())
    }

    /// Changes bytes in place; `f` runs no Python code.
    #[inline]
    pub(super) fn with_mut<R>(&self, f: impl FnOnce(&mut [u8]) -> R) -> R {
        f(&mut self.data.borrow_mut())
    }

    /// A copy of the bytes.
    pub(super) fn to_vec(&self, t: &Thread) -> Res<Vec<u8>> {
        t.check_alloc(self.with(<[u8]>::len))?;
        Ok(self.data.borrow().clone())
    }

    /// The word of the item at `i`.
    #[inline]
    pub(super) fn word(&self, i: usize) -> Option<u64> {
        let size = self.kind.size;
        self.data.borrow().get(i * size..i * size + size).map(kind::load)
    }

    /// The item at `i`.
    #[inline]
    pub(super) fn get(&self, t: &Thread, i: usize) -> Res<Option<Value>> {
        self.word(i).map(|word| self.kind.unpack(t, word)).transpose()
    }

    /// Stores the word of an item; false if there is no item `i`.
    #[inline]
    pub(super) fn set_word(&self, i: usize, word: u64) -> bool {
        let size = self.kind.size;
        match self.data.borrow_mut().get_mut(i * size..i * size + size) {
            Some(room) => {
                room.copy_from_slice(&word.to_le_bytes()[..size]);
                true
            }
            None => false,
        }
    }

    /// Appends the word of an item.
    #[inline]
    pub(super) fn push_word(&self, t: &Thread, word: u64) -> Res<()> {
        self.extend(t, &word.to_le_bytes()[..self.kind.size])
    }

    /// BufferError while memory is lent.
    pub(super) fn check_resize(&self, t: &Thread) -> Res<()> {
        if self.exports.get() > 0 {
            return Err(error::buffer_error(t, "cannot resize an array that is exporting buffers"));
        }
        Ok(())
    }

    /// Makes room for `more` bytes.
    #[inline]
    pub(super) fn reserve(&self, t: &Thread, more: usize) -> Res<()> {
        let (len, capacity) = (self.with(<[u8]>::len), self.capacity());
        if capacity - len >= more {
            return Ok(());
        }
        let wanted = len.checked_add(more).filter(|&n| n <= isize::MAX as usize / 2).ok_or_else(|| t.memory_error())?;
        let wanted = wanted + (len >> 4) + 16;
        t.check_alloc(wanted - capacity)?;
        self.resize(|data| data.reserve_exact(wanted - len));
        let (old, new) = (self.charged.get(), self.capacity());
        t.heap().charge(new - old).map_err(|_| t.memory_error())?;
        self.charged.set(new);
        Ok(())
    }

    /// Appends whole items.
    #[inline]
    pub(super) fn extend(&self, t: &Thread, items: &[u8]) -> Res<()> {
        if items.is_empty() {
            return Ok(());
        }
        self.check_resize(t)?;
        self.reserve(t, items.len())?;
        self.resize(|data| data.extend_from_slice(items));
        Ok(())
    }

    /// Replaces the items `from..to` by whole items.
    pub(super) fn splice(&self, t: &Thread, from: usize, to: usize, items: &[u8]) -> Res<()> {
        let size = self.kind.size;
        let (from, to) = (from * size, to * size);
        if to - from != items.len() {
            self.check_resize(t)?;
            self.reserve(t, items.len().saturating_sub(to - from))?;
        }
        self.resize(|data| {
            let len = data.len();
            if to > len || from > to {
                return;
            }
            if items.len() > to - from {
                data.resize(len + items.len() - (to - from), 0);
            }
            data.copy_within(to..len, from + items.len());
            data.truncate(len + items.len() - (to - from));
            data[from..from + items.len()].copy_from_slice(items);
        });
        Ok(())
    }

    /// Cuts to `len` items.
    pub(super) fn truncate(&self, len: usize) {
        self.resize(|data| data.truncate(len * self.kind.size));
    }

    /// Drops all items and their memory.
    pub(super) fn clear_items(&self, t: &Thread) -> Res<()> {
        if self.len() > 0 {
            self.check_resize(t)?;
        }
        self.resize(|data| *data = Vec::new());
        t.heap().uncharge(self.charged.replace(0));
        Ok(())
    }

    /// Notes one more loan and says where the bytes are and how many.
    pub(super) fn lend(&self) -> (*mut u8, usize) {
        self.exports.set(self.exports.get() + 1);
        let mut data = self.data.borrow_mut();
        (data.as_mut_ptr(), data.len())
    }

    /// Ends a loan.
    pub(super) fn give_back(&self) {
        self.exports.set(self.exports.get().saturating_sub(1));
    }

    /// Where the bytes are; 0 for none.
    pub(super) fn address(&self) -> usize {
        let data = self.data.borrow();
        if data.capacity() == 0 { 0 } else { data.as_ptr() as usize }
    }
}
