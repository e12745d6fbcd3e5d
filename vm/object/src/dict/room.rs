//! Room: a dict's table made larger or smaller.

use super::{Dict, MIN_LOG2, STRIDE, block_size, index_bytes, start, usable};
use crate::bulk;
use crate::error::Res;
use crate::thread::Thread;

impl Dict {
    pub(super) fn resize(&self, t: &Thread, want: usize) -> Res<()> {
        let mut log2 = MIN_LOG2;
        while (1usize << log2) < want.max(self.used.get() + 1) || usable(log2) <= self.used.get() {
            log2 += 1;
            if log2 > 31 {
                return Err(t.memory_error());
            }
        }
        self.rebuild(t, log2)
    }

    fn rebuild(&self, t: &Thread, log2: u8) -> Res<()> {
        let block = t.heap().alloc_raw(block_size(log2)).map_err(|_| t.memory_error())?;
        // SAFETY: the new block has room for its indices; all bytes 0xff mean empty at any width.
        let emptied = unsafe { bulk::fill(t, block, 0xff, index_bytes(log2)) };
        if let Err(e) = emptied {
            // SAFETY: nobody has it yet.
            unsafe { t.heap().free_raw(block, block_size(log2)) };
            return Err(e);
        }
        let (old, old_log2, filled) = (self.block.get(), self.log2.get(), self.filled.get() as usize);
        // SAFETY: the entries follow the indices.
        self.block.set(unsafe { block.add(index_bytes(log2)).cast() });
        self.log2.set(log2);
        let mut n = 0;
        for i in 0..filled {
            if i % STRIDE == STRIDE - 1
                && let Err(e) = t.check_stop()
            {
                self.block.set(old);
                self.log2.set(old_log2);
                // SAFETY: the old block's entries were copied, not changed, and are the dict's again.
                unsafe { t.heap().free_raw(block, block_size(log2)) };
                return Err(e);
            }
            // SAFETY: live entries move to the new block, each once; holes hold absent values.
            unsafe {
                let e = old.add(i);
                if !(*e).key.is_absent() {
                    let hash = (*e).hash;
                    self.entry(n).copy_from_nonoverlapping(e, 1);
                    self.set_index(self.free_place(hash), n as u32);
                    n += 1;
                }
            }
        }
        self.filled.set(n as u32);
        self.front.set(0);
        self.lost.set(0);
        if !old.is_null() {
            // SAFETY: the old block came from this heap with this size; its entries have moved.
            unsafe { t.heap().free_raw(start(old, old_log2), block_size(old_log2)) };
        }
        self.changed();
        Ok(())
    }

    /// Makes room for `more` further keys at once.
    pub fn reserve(&self, t: &Thread, more: usize) -> Res<()> {
        let need = self.used.get() + more;
        if self.block.get().is_null() || usable(self.log2.get()) < (self.filled.get() + self.lost.get()) as usize + more
        {
            self.resize(t, need + need / 2 + 1)?;
        }
        Ok(())
    }
}
