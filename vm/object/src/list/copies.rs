//! Lists made of copies: of slices, of what an iterator shows, and of one value.

use super::{List, STRIDE};
use crate::error::Res;
use crate::payload;
use crate::store;
use crate::thread::Thread;
use crate::value::Value;
use typhon_qsbr::row::Row;

impl List {
    /// A new list of copies.
    pub fn from_slice(t: &Thread, items: &[Value]) -> Res {
        Self::from_items(t, items.len(), items.iter())
    }

    /// The same of so few items that nobody wants to stop meanwhile: the array comes first, with room for `count`.
    fn from_few<'v>(t: &Thread, count: usize, items: impl Iterator<Item = &'v Value>) -> Res {
        let room = count.next_multiple_of(2);
        let Ok(data) = t.heap().alloc_raw(room * 8) else { return Err(t.memory_error()) };
        let data: *mut Value = data.cast();
        let mut n = 0;
        for item in items.take(count) {
            // SAFETY: fresh memory with room for all of them.
            unsafe { store::init(data.add(n), item.clone()) };
            n += 1;
        }
        let made = payload::new(t, |header| Self { header, row: Row::new(data.cast(), n, room) });
        if made.is_err() {
            for i in 0..n {
                // SAFETY: no list has the array: each copy is given back once.
                drop(unsafe { data.add(i).read() });
            }
            // SAFETY: it came from this heap with this size.
            unsafe { t.heap().free_raw(data.cast(), room * 8) };
        }
        made
    }

    /// The same of so many items at most.
    #[inline]
    pub fn from_items<'v>(t: &Thread, count: usize, items: impl Iterator<Item = &'v Value>) -> Res {
        match count {
            0 => Self::create(t),
            1..=STRIDE => Self::from_few(t, count, items),
            _ => Self::from_many(t, count, items),
        }
    }

    fn from_many<'v>(t: &Thread, count: usize, mut items: impl Iterator<Item = &'v Value>) -> Res {
        let v = Self::create(t)?;
        let list = v.expect::<Self>();
        list.grow(t, count, false)?;
        let mut left = count;
        while left > 0 {
            let (done, piece) = (list.row.len(), left.min(STRIDE));
            let mut more = 0;
            for item in items.by_ref().take(piece) {
                // SAFETY: the new array has room for all of them and holds nothing yet.
                unsafe { store::init(list.data().add(done + more), item.clone()) };
                more += 1;
            }
            // SAFETY: so many items are there, and the list is held.
            unsafe { list.row.set_len(done + more) };
            t.check_stop()?;
            left = if more < piece { 0 } else { left - piece };
        }
        Ok(v)
    }

    /// Appends copies. The items are not this list's own: growing may move those.
    pub fn extend_from_slice(&self, t: &Thread, items: &[Value]) -> Res<()> {
        let _held = store::hold_on(t, &self.header);
        self.make_room(t, items.len())?;
        for piece in items.chunks(STRIDE) {
            let (done, data) = (self.row.len(), self.data());
            for (i, item) in piece.iter().enumerate() {
                // SAFETY: there is room for all of them, and no value in it.
                unsafe { store::write(&self.header, data.add(done + i), item.clone()) };
            }
            // SAFETY: so many items are there, and the list is held.
            unsafe { self.row.set_len(done + piece.len()) };
            if piece.len() == STRIDE {
                t.check_stop()?;
            }
        }
        Ok(())
    }

    /// Appends `n` copies of one value.
    pub fn extend_n(&self, t: &Thread, item: &Value, n: usize) -> Res<()> {
        let _held = store::hold_on(t, &self.header);
        self.make_room(t, n)?;
        let mut left = n;
        while left > 0 {
            let (piece, done, data) = (left.min(STRIDE), self.row.len(), self.data());
            for i in done..done + piece {
                // SAFETY: as above.
                unsafe { store::write(&self.header, data.add(i), item.clone()) };
            }
            // SAFETY: so many items are there, and the list is held.
            unsafe { self.row.set_len(done + piece) };
            left -= piece;
            if left > 0 {
                t.check_stop()?;
            }
        }
        Ok(())
    }
}
