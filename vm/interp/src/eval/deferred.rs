//! Deferred count work: what an instruction leaves for its end.
//!
//! Taking or giving up a reference is a compare and an add, except when the object dies, is shared, or the count overflows. A
//! call for these cases in the middle of an opcode's function would make it keep the machine in registers that must be saved
//! on entry, every time. So the rare cases are noted here, and the instruction ends by calling [`Deferred::settle`] instead
//! of going on at once. References are taken before any is given up.

use std::cell::Cell;
use std::ptr::NonNull;
use typhon_object::header::Header;
use typhon_object::{Thread, Value, heap};

/// More than any instruction notes: a few operands. Windows of registers are released at once.
const ROOM: usize = 64;

/// Count work that waits.
pub(crate) struct Deferred {
    len: Cell<usize>,
    /// Addresses of headers; bit 0: a reference is to be taken, not given up; bit 1: a reference that was given up has been
    /// taken back until its turn comes.
    notes: [Cell<usize>; ROOM],
}

impl Deferred {
    pub(crate) const fn new() -> Self {
        Self { len: Cell::new(0), notes: [const { Cell::new(0) }; ROOM] }
    }

    /// Notes a release.
    #[inline(always)]
    pub(crate) fn release(&self, at: NonNull<Header>) {
        self.note(at.as_ptr() as usize);
    }

    /// Notes a retain.
    #[inline(always)]
    pub(crate) fn retain(&self, at: NonNull<Header>) {
        self.note(at.as_ptr() as usize | 1);
    }

    #[inline(always)]
    fn note(&self, note: usize) {
        let n = self.len.get();
        match self.notes.get(n) {
            Some(slot) => {
                slot.set(note);
                self.len.set(n + 1);
            }
            // Nothing is done here that a caller's registers would have to survive.
            None => overfull(),
        }
    }

    /// Does what waits. Finalizers may run, and note and settle on their own.
    #[inline(never)]
    pub(crate) fn settle(&self, t: &Thread) {
        match (self.len.get(), self.notes[0].get()) {
            // Nearly always it is one thing.
            (1, note) if note & 2 == 0 => {
                self.len.set(0);
                let at = (note & !1) as *mut Header;
                match NonNull::new(at) {
                    // SAFETY: noted for this, and no release of this instruction waits.
                    Some(at) if note & 1 == 1 => unsafe { heap::retain_rest(t, at) },
                    // SAFETY: noted for this, once.
                    Some(_) => unsafe { heap::release_rest(at) },
                    None => {}
                }
            }
            _ => self.settle_all(t),
        }
        t.see_to_late_ends();
    }

    #[inline(never)]
    fn settle_all(&self, t: &Thread) {
        let header = |note: usize| (note & !3) as *mut Header;
        let several = self.len.get() > 1;
        for slot in &self.notes[..self.len.get()] {
            let note = slot.get();
            if note & 1 == 1
                && let Some(at) = NonNull::new(header(note))
            {
                slot.set(0);
                // SAFETY: noted for this, and no release of this instruction has been carried out.
                unsafe { heap::retain_rest(t, at) };
            } else if several
                // An outer instruction's, which has been taken back.
                && note & 2 == 0
                // SAFETY: noted because its reference was just given up.
                && unsafe { heap::take_back(t, header(note)) }
            {
                // What dies first may run code that finds the others, by weak references: they live until their turn.
                slot.set(note | 2);
            }
        }
        while let Some(last) = self.len.get().checked_sub(1) {
            self.len.set(last);
            let note = self.notes[last].get();
            let at = header(note);
            if note & 2 != 0 {
                // SAFETY: the reference that was taken back above.
                drop(unsafe { Value::from_raw(at as u64) });
            } else if !at.is_null() {
                // SAFETY: noted for this, once.
                unsafe { heap::release_rest(at) };
            }
        }
    }
}

/// Cannot happen. A call to report it, even one that is never taken, would have every opcode's function align the stack on
/// entry, and save registers if it could unwind: the processor is told to stop instead.
#[cold]
#[inline(always)]
fn overfull() -> ! {
    #[cfg(all(threaded, target_arch = "x86_64"))]
    // SAFETY: stops the process.
    unsafe {
        std::arch::asm!("ud2", options(noreturn, nomem, nostack));
    }
    #[cfg(all(threaded, target_arch = "aarch64"))]
    // SAFETY: as above.
    unsafe {
        std::arch::asm!("brk #1", options(noreturn, nomem, nostack));
    }
    #[cfg(not(threaded))]
    panic!("an instruction noted more count work than there is room for")
}
