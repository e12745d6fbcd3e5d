//! Turns of generators that a loop goes through: from where one is taken up to where it yields.

use super::Running;
use crate::frame::Kind;
use crate::generator::{self, Generator, State};
use crate::unit::Unit;
use std::sync::Arc;
use typhon_object::{Value, ids};

/// Where a generator goes on that a loop takes up.
pub struct Turn {
    /// Its code, as the running thread runs it.
    pub unit: Arc<Unit>,
    /// What it is until then.
    pub state: State,
    /// The address of the instruction.
    pub ip: u64,
    /// Its registers.
    pub registers: *mut u64,
    /// The register that is given None: the value of the yield at which it stands.
    pub sent: Option<usize>,
}

impl Running<'_> {
    /// What a ForIterGen does that takes up a generator; `None` if it would do more than enter the generator's frame.
    pub fn turn_of(&self, v: &Value) -> Option<Turn> {
        let header = v.header().filter(|header| header.shape().0 == ids::GENERATOR)?;
        // SAFETY: objects of this exact type have this layout.
        let g = unsafe { &*std::ptr::from_ref(header).cast::<Generator>() };
        let state = g.state();
        let stands = matches!(state, State::Created | State::Suspended) && g.frame.is_absent() && g.is_here(self.t);
        // One that delegates takes up what it delegates to.
        if !stands || self.it.watch.active.get() || state == State::Suspended && g.stands_at().is_some() {
            return None;
        }
        // SAFETY: the ip of a suspended generator lies behind the Yield's word.
        let sent = (state == State::Suspended).then(|| unsafe { (*g.ip.get().sub(1)).a() });
        let (ip, registers) = (g.ip.get() as u64, g.regs.get());
        // SAFETY: the generator holds its code by an Arc.
        Some(Turn { unit: unsafe { Unit::keep(g.unit()) }, state, ip, registers, sent })
    }

    /// Makes the record of a generator's frame as the ForIterGen at `offset` of the running frame does that takes the generator
    /// up: it stands where it did, but for its registers.
    ///
    /// # Safety
    /// `g` is the word of a generator that [`Running::turn_of`] has told about, which a register of the running frame keeps
    /// meanwhile; [`Running::has_room`] has said that there is room.
    pub unsafe fn resume(&self, g: u64, offset: u32, (dst, skip): (u16, u8)) {
        // SAFETY: the caller names a generator.
        let g = unsafe { &*(g as *const Generator) };
        self.go_to(offset + 1);
        let claimed = g.claim(g.state());
        debug_assert!(claimed, "nobody runs between two instructions of a trace");
        let fp = self.frame();
        // SAFETY: as in `unit`; the caller has asked for room.
        unsafe {
            let record = generator::record(self.it, g, Kind::ForIter, dst, skip, (*fp).top);
            fp.add(1).write(record);
            self.it.fp.set(fp.add(1));
        }
        self.t.depth.set(self.t.depth.get() + 1);
    }

    /// Leaves the frame on top, which [`Running::resume`] has entered, as a Yield does: it goes on at `offset`. Nobody has its frame
    /// object, and the value is the caller's business.
    pub fn suspend(&self, offset: u32) {
        self.go_to(offset);
        let fp = self.frame();
        // SAFETY: the record on top is that of a generator, which whoever resumed it keeps.
        unsafe {
            let g = &*((*fp).generator as *const Generator);
            g.ip.set((*fp).ip);
            generator::pop(self.t, self.it, fp, g);
            g.set_state(State::Suspended);
        }
    }
}
