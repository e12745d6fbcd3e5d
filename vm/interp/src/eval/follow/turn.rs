//! Turns of generators that a loop goes through: from where one is taken up to where it yields.

use super::Running;
use crate::frame::{Frame, Kind};
use crate::function::Function;
use crate::generator::{self, Generator, State};
use crate::unit::Unit;
use std::sync::Arc;
use typhon_isa::{Opcode, Word};
use typhon_object::header::flag;
use typhon_object::quiet::ends_quietly;
use typhon_object::{Value, ids};

/// Where a generator goes on that is taken up.
pub struct Turn {
    /// Its code, as the running thread runs it.
    pub unit: Arc<Unit>,
    /// What it is until then.
    pub state: State,
    /// The address of the instruction.
    pub ip: u64,
    /// Its registers.
    pub registers: *mut u64,
    /// The register that is given what is sent: the value of the yield at which it stands.
    pub sent: Option<usize>,
    /// The Send, and its offset, by which it hands that on to the next one.
    pub sends: Option<(Word, u32)>,
}

impl Turn {
    /// Whether nobody notices that a generator ends where it stands, and is given up.
    pub fn may_end(v: &Value) -> bool {
        let Some(g) = generator::as_generator(v) else { return false };
        let known = g.frame.is_absent() && g.handling.value.get() == 0 && !g.header.has(flag::WEAKREFS);
        // SAFETY: the generator stands, and holds a value's word in each of its registers; nothing is stored meanwhile.
        let quiet = |i| ends_quietly(unsafe { &*g.regs.get().add(i).cast::<Value>() });
        // SAFETY: as above.
        known && (0..g.unit().register_count).all(quiet) && ends_quietly(unsafe { g.func.peek() })
    }

    /// Ends it so, as its return does. What its registers hold is given up by the caller.
    pub fn end(v: &Value, mut give_up: impl FnMut(Value)) {
        let Some(g) = generator::as_generator(v) else { return };
        let regs = g.regs.get();
        for i in (0..g.unit().register_count).rev() {
            // SAFETY: the register is the generator's, and is left holding nothing.
            let v = unsafe { Value::from_raw(std::ptr::replace(regs.add(i), 0)) };
            if v.is_object() {
                give_up(v);
            }
        }
        g.finish();
    }
}

impl Running<'_> {
    /// What the ReturnGenerator before `offset` gives in a frame of a function that has its locals in the registers from `base`
    /// on, and no record: the registers are left holding nothing, and the reference to the function is taken over. `None`
    /// without memory, or if somebody wants to know where it was made, and then nothing has happened.
    ///
    /// # Safety
    /// As for [`Running::push`].
    pub unsafe fn generator(&self, f: u64, base: *mut u64, offset: u32) -> Option<Value> {
        // SAFETY: the caller names a function.
        let unit = unsafe { &*(f as *const Function) }.unit().here(self.t, self.it).ok()?;
        if self.it.origin_depth.get() > 0 {
            return None;
        }
        let mut frame = Frame {
            unit,
            base,
            top: base,
            // SAFETY: the offset is that of an instruction.
            ip: unsafe { unit.start().add(offset as usize) },
            func: f,
            locals: 0,
            object: 0,
            generator: 0,
            extra: 0,
            dst: 0,
            skip: 0,
            kind: Kind::Call,
            watched: 0,
        };
        generator::from_frame(self.t, &raw mut frame, true).ok()
    }

    /// What a ForIterGen or Send does that takes up a generator: which ones are entered, each of which but the first one the one
    /// before delegates to. `None` if it would do more than enter their frames. `first`: what is sent may be anything but None.
    pub fn turns_of(&self, v: &Value, first: bool) -> Option<Vec<Turn>> {
        let mut turns = vec![self.turn_of(v).filter(|turn| turn.state == State::Suspended || !first)?];
        while let Some((turn, to)) = turns.last_mut().and_then(|turn| self.delegate(turn)) {
            let Some(last) = turns.last_mut() else { break };
            last.sends = Some(to);
            turns.push(turn);
        }
        Some(turns)
    }

    fn turn_of(&self, v: &Value) -> Option<Turn> {
        let generators = [ids::GENERATOR, ids::COROUTINE];
        let header = v.header().filter(|header| generators.contains(&header.shape().0))?;
        // SAFETY: objects of these exact types have this layout.
        let g = unsafe { &*std::ptr::from_ref(header).cast::<Generator>() };
        let state = g.state();
        let stands = matches!(state, State::Created | State::Suspended) && g.frame.is_absent() && g.is_here(self.t);
        if !stands || self.it.watch.active.get() {
            return None;
        }
        // SAFETY: the ip of a suspended generator lies behind the Yield's word.
        let sent = (state == State::Suspended).then(|| unsafe { (*g.ip.get().sub(1)).a() });
        let (ip, registers) = (g.ip.get() as u64, g.regs.get());
        // SAFETY: the generator holds its code by an Arc.
        Some(Turn { unit: unsafe { Unit::keep(g.unit()) }, state, ip, registers, sent, sends: None })
    }

    /// What a generator that is taken up goes on to at once, and by which instruction: see `generators::descend`.
    fn delegate(&self, turn: &Turn) -> Option<(Turn, (Word, u32))> {
        let resume = turn.unit.offset_of(turn.ip as *const Word);
        let back = turn.unit.word(resume as usize + 1)?;
        let jumps = [Opcode::JumpBack as u8, Opcode::JumpBackCounted as u8].contains(&back.op());
        let resumes = turn.unit.word(resume as usize).is_some_and(|word| word.op() == Opcode::Resume as u8);
        if !resumes || !jumps || turn.state != State::Suspended || self.t.breaker.any() {
            return None;
        }
        let to = (resume + 3).checked_add_signed(back.bc())?;
        let send = turn.unit.word(to as usize).filter(|word| word.op() == Opcode::Send as u8)?;
        // SAFETY: the generator stands, and holds a value's word in each of its registers.
        let next = unsafe { &*turn.registers.add(send.b()).cast::<Value>() };
        let next = self.turn_of(next).filter(|next| next.state == State::Suspended)?;
        Some((next, (send, to)))
    }

    /// Makes the record of a generator's frame as the ForIterGen or Send at `offset` of the running frame does that takes the
    /// generator up: it stands where it did, but for its registers.
    ///
    /// # Safety
    /// `g` is the word of a generator that [`Running::turns_of`] has told about, which a register of the running frame keeps
    /// meanwhile; [`Running::has_room`] has said that there is room.
    pub unsafe fn resume(&self, g: u64, offset: u32, (kind, dst, skip): (Kind, u16, u8)) {
        // SAFETY: the caller names a generator.
        let g = unsafe { &*(g as *const Generator) };
        self.go_to(offset + 1);
        let claimed = g.claim(g.state());
        debug_assert!(claimed, "nobody runs between two instructions of a trace");
        let fp = self.frame();
        // SAFETY: as in `unit`; the caller has asked for room.
        unsafe {
            let record = generator::record(self.it, g, kind, dst, skip, (*fp).top);
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
