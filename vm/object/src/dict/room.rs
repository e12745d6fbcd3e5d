//! Room: a dict's table made larger or smaller.

use super::table::{Table, Values, block_size, index_bytes, usable};
use super::{Dict, MIN_LOG2, STRIDE};
use crate::bulk;
use crate::error::Res;
use crate::store;
use crate::thread::Thread;

impl Dict {
    /// Makes room for `want` entries or more, squeezing holes out. The dict is held.
    pub(super) fn resize(&self, t: &Thread, want: usize) -> Res<Table> {
        let (new, old) = self.move_to(t, want)?;
        if let Some(old) = old {
            // SAFETY: it has been replaced, and its entries have moved.
            unsafe { old.free(t) };
        }
        Ok(new)
    }

    /// Makes room for one more key before it comes, if nobody but the caller has the dict, by a reference of his own: then
    /// nobody can be reading the table.
    #[inline]
    pub(super) fn grow_alone(&self, t: &Thread) -> Res<()> {
        let full = self.table().is_none_or(|table| !table.has_room_for(1));
        if !t.is_shared() || !full || !self.header.is_unique() {
            return Ok(());
        }
        if let (_, Some(old)) = self.move_to(t, self.root.used() * 3)? {
            // SAFETY: as above.
            unsafe { old.free_now(t) };
        }
        Ok(())
    }

    /// A new table, with all entries, and the one that it replaces.
    fn move_to(&self, t: &Thread, want: usize) -> Res<(Table, Option<Table>)> {
        let new = self.empty_table(t, want)?;
        if let Err(e) = self.move_entries(t, new) {
            // SAFETY: nobody has it yet; the old table's entries were copied, not changed.
            unsafe { new.free_now(t) };
            return Err(e);
        }
        Ok((new, self.install(new)))
    }

    /// A table with room for `want` entries or more, and for those of this dict.
    pub(super) fn empty_table(&self, t: &Thread, want: usize) -> Res<Table> {
        let log2 = log2_for(want, self.root.used());
        if log2 > LOG2_MAX {
            return Err(t.memory_error());
        }
        let block = t.heap().alloc_raw(block_size(log2)).map_err(|_| t.memory_error())?;
        // SAFETY: the new block has room for its indices, and is given back if they are not filled.
        unsafe {
            if let Err(e) = bulk::fill(t, block, 0xff, index_bytes(log2)) {
                t.heap().free_raw(block, block_size(log2));
                return Err(e);
            }
            Ok(Table::make(block, log2))
        }
    }

    /// Gives the dict, which is held, another table with the same entries; the old one is the caller's.
    pub(super) fn install(&self, new: Table) -> Option<Table> {
        self.root.install(Some(new))
    }

    fn move_entries(&self, t: &Thread, new: Table) -> Res<()> {
        let Some(old) = self.table() else { return Ok(()) };
        for i in 0..old.filled() {
            if i % STRIDE == STRIDE - 1 {
                t.check_stop()?;
            }
            // SAFETY: live entries move, each once.
            unsafe { new.move_in(&old, i) };
        }
        Ok(())
    }

    /// Makes room for `more` further keys at once.
    pub fn reserve(&self, t: &Thread, more: usize) -> Res<()> {
        let _held = store::hold_on(t, &self.header);
        let need = self.root.used() + more;
        if !self.table().is_some_and(|table| table.has_room_for(more)) {
            self.resize(t, need + need / 2 + 1)?;
        }
        Ok(())
    }
}

const LOG2_MAX: u32 = 31;

/// The size of a table with room for `want` entries or more, of which `used` are there.
pub(super) fn log2_for(want: usize, used: usize) -> u32 {
    let mut log2 = MIN_LOG2;
    while log2 <= LOG2_MAX && ((1usize << log2) < want.max(used + 1) || usable(log2) <= used) {
        log2 += 1;
    }
    log2
}
