//! Breakpoints: a `Breakpoint` over the next instruction of a frame that waits for a native, while a watcher is set.

use crate::unit::Unit;
use std::cell::RefCell;
use std::sync::Arc;
use typhon_isa::{Opcode, Word};

/// The covered instructions of a thread.
#[derive(Default)]
pub(crate) struct Breakpoints(RefCell<Vec<Covered>>);

/// An instruction that a `Breakpoint` covers.
struct Covered {
    at: *const Word,
    word: Word,
    /// Keeps the instruction's place alive.
    _unit: Arc<Unit>,
}

impl Breakpoints {
    /// Covers the instruction behind the one at `ip`.
    pub(crate) fn cover(&self, unit: &Unit, ip: *const Word) {
        let running = unit.offset_of(ip).saturating_sub(1) as usize;
        let Some(op) = unit.word(running).and_then(|w| Opcode::from_u8(w.op())) else { return };
        let next = running + 1 + op.extra();
        let Some(word) = unit.word(next) else { return };
        if word.op() == Opcode::Breakpoint as u8 {
            return;
        }
        // SAFETY: `next` is within the unit's words, which are cells that only this thread uses; a frame runs it.
        unsafe {
            let owner = Unit::keep(unit);
            let at = unit.start().add(next);
            at.cast_mut().write(Word::new(Opcode::Breakpoint, 0, 0, 0, 0));
            self.0.borrow_mut().push(Covered { at, word, _unit: owner });
        }
    }

    /// Takes the `Breakpoint` at `at` away.
    #[cold]
    #[inline(never)]
    pub(crate) fn uncover(&self, at: *const Word) {
        let mut all = self.0.borrow_mut();
        if let Some(i) = all.iter().position(|covered| std::ptr::eq(covered.at, at)) {
            let covered = all.swap_remove(i);
            drop(all);
            // SAFETY: as in `cover`.
            unsafe { at.cast_mut().write(covered.word) };
        }
    }
}
