//! The machine: what the run loop keeps in hand, and how opcode bodies touch registers.

use crate::frame::{Frame, Interp};
use crate::unit::Unit;
#[cfg(threaded)]
use std::cell::Cell;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C};
use typhon_isa::{Opcode, Word};
use typhon_object::error::Exc;
use typhon_object::{Thread, Value};

/// Why the loop leaves an instruction other than to the next one.
pub(crate) enum Stop {
    /// An exception was raised.
    Raise(Exc),
    /// An exception goes on its way again: no traceback entry, no context.
    Reraise(Exc),
    /// The entry frame has returned.
    Exit(Value),
    /// The entry frame, a generator's, has yielded.
    Yield(Value),
    /// A watcher was set or removed: go on in the other instantiation of the loop.
    Switch,
    /// Not left at all: the instruction is to be carried out by the body of the opcode of this number.
    As(usize),
    /// Not left at all: the instruction is to be carried out by the second part of its row.
    Slow,
    /// Left for a moment: the native stack has grown, and is to be unwound (`eval::dispatch`).
    Again,
}

/// Why the dispatch functions, or an outlined body, stopped: a [`Stop`] in two words that are written and read one by one. A copy of it as a whole
/// would read both at once, right after they were written one by one, and wait for the writes to arrive.
#[cfg(threaded)]
pub(crate) struct Left {
    kind: Cell<u8>,
    value: Cell<u64>,
}

/// [`Left`]'s kind for `Stop::As`.
#[cfg(threaded)]
const INSTEAD: u8 = 5;

#[cfg(threaded)]
impl Left {
    pub(crate) const fn new() -> Self {
        Self { kind: Cell::new(0), value: Cell::new(0) }
    }

    #[inline(always)]
    pub(crate) fn put(&self, stop: Stop) {
        let (kind, value) = match stop {
            Stop::Exit(v) => (0, v.into_raw()),
            Stop::Raise(e) => (1, e.into_value().into_raw()),
            Stop::Reraise(e) => (2, e.into_value().into_raw()),
            Stop::Switch => (3, 0),
            Stop::Slow | Stop::Again => (4, 0),
            Stop::As(op) => (INSTEAD, op as u64),
            Stop::Yield(v) => (6, v.into_raw()),
        };
        self.kind.set(kind);
        self.value.set(value);
    }

    /// The opcode whose body is to carry the instruction out, if that is all.
    #[inline(always)]
    pub(crate) fn instead(&self) -> Option<usize> {
        (self.kind.get() == INSTEAD).then(|| self.value.replace(0) as usize)
    }

    /// Gives out what was put last, once.
    #[inline(always)]
    pub(crate) fn take(&self) -> Stop {
        // SAFETY: the word of a value that `put` gave up; it is taken once.
        let value = unsafe { Value::from_raw(self.value.replace(0)) };
        match self.kind.get() {
            0 => Stop::Exit(value),
            1 => Stop::Raise(Exc::new(value)),
            2 => Stop::Reraise(Exc::new(value)),
            3 => Stop::Switch,
            6 => Stop::Yield(value),
            _ => Stop::Again,
        }
    }
}

impl From<Exc> for Stop {
    #[inline(always)]
    fn from(e: Exc) -> Self {
        Self::Raise(e)
    }
}

/// The result of an opcode body.
pub(crate) type Flow = Result<(), Stop>;

/// The run loop's registers. Opcode bodies get it by `&mut` and are always inlined, so that its fields stay in machine
/// registers; nothing that is not inlined may take its address, closures included: one closure that borrowed it doubled
/// the time of a call-free loop (docs/design/002-dispatch-loop.md).
pub(crate) struct M<'t> {
    pub(crate) t: &'t Thread,
    pub(crate) it: &'t Interp,
    pub(crate) ip: *const Word,
    pub(crate) base: *mut u64,
    pub(crate) fp: *mut Frame,
    /// Something was noted in `it.deferred`.
    pub(crate) dirty: bool,
}

impl<'t> M<'t> {
    #[inline(always)]
    pub(crate) fn new(t: &'t Thread, it: &'t Interp, ip: *const Word, base: *mut u64, fp: *mut Frame) -> Self {
        Self { t, it, ip, base, fp, dirty: false }
    }
}

impl M<'_> {
    /// Gives up a reference.
    #[inline(always)]
    pub(crate) fn release(&mut self, v: Value) {
        if cfg!(threaded) {
            if let Some(at) = v.discard_on(self.t) {
                self.it.deferred.release(at);
                self.dirty = true;
            }
        } else {
            v.discard();
        }
    }

    /// One reference more to `v`.
    #[inline(always)]
    pub(crate) fn copy(&mut self, v: &Value) -> Value {
        if cfg!(threaded) {
            let (v, rest) = v.clone_on(self.t);
            if let Some(at) = rest {
                self.it.deferred.retain(at);
                self.dirty = true;
            }
            v
        } else {
            v.clone()
        }
    }

    /// One reference more to what register `i` holds.
    #[inline(always)]
    pub(crate) fn copy_reg(&mut self, i: usize) -> Value {
        let bits = self.bits(i);
        self.copy(Value::from_ref(&bits))
    }

    /// Does what was noted.
    #[inline(always)]
    pub(crate) fn settle(&mut self) {
        if self.dirty {
            self.it.deferred.settle(self.t);
            self.dirty = false;
        }
    }

    /// Register `i`.
    #[inline(always)]
    pub(crate) fn reg(&self, i: usize) -> &Value {
        // SAFETY: the verifier of the compiler keeps register numbers within the frame.
        unsafe { &*self.base.add(i).cast::<Value>() }
    }

    /// The raw word of register `i`.
    #[inline(always)]
    pub(crate) fn bits(&self, i: usize) -> u64 {
        // SAFETY: as for `reg`.
        unsafe { *self.base.add(i) }
    }

    /// Takes register `i`, leaving zero.
    #[inline(always)]
    pub(crate) fn take(&mut self, i: usize) -> Value {
        // SAFETY: as for `reg`; the word is replaced, so the reference is owned once.
        unsafe { Value::from_raw(std::ptr::replace(self.base.add(i), 0)) }
    }

    /// Writes register `i`; drops what it held.
    #[inline(always)]
    pub(crate) fn set(&mut self, i: usize, v: Value) {
        // SAFETY: as for `take`.
        let old = unsafe { Value::from_raw(std::ptr::replace(self.base.add(i), v.into_raw())) };
        self.release(old);
    }

    /// As `set`, for a register among many: what it held is dropped at once.
    #[inline(always)]
    pub(crate) fn set_now(&mut self, i: usize, v: Value) {
        // SAFETY: as for `take`.
        unsafe { Value::from_raw(std::ptr::replace(self.base.add(i), v.into_raw())) }.discard();
    }

    /// A source operand: taken if it dies here, else copied.
    #[inline(always)]
    pub(crate) fn operand(&mut self, i: usize, dies: bool) -> Value {
        if dies { self.take(i) } else { self.copy_reg(i) }
    }

    #[inline(always)]
    pub(crate) fn take_b(&mut self, w: Word) -> Value {
        self.operand(w.b(), w.x() & KILL_B != 0)
    }

    /// As `take_b`, for who gives the value up before the instruction ends, or waits or runs code with it: a reference that
    /// is taken later would come too late.
    #[inline(always)]
    pub(crate) fn held_b(&mut self, w: Word) -> Value {
        self.held(w.b(), w.x() & KILL_B != 0)
    }

    /// As [`Self::held_b`], of the third operand.
    #[inline(always)]
    pub(crate) fn held_c(&mut self, w: Word) -> Value {
        self.held(w.c(), w.x() & KILL_C != 0)
    }

    /// As [`Self::held_b`], of register `i`.
    #[inline(always)]
    pub(crate) fn held(&mut self, i: usize, dies: bool) -> Value {
        if dies { self.take(i) } else { self.reg(i).clone() }
    }

    #[inline(always)]
    pub(crate) fn take_c(&mut self, w: Word) -> Value {
        self.operand(w.c(), w.x() & KILL_C != 0)
    }

    /// Drops register `i` if it holds a pointer.
    #[inline(always)]
    pub(crate) fn kill(&mut self, i: usize) {
        if self.reg(i).is_object() {
            let v = self.take(i);
            self.release(v);
        }
    }

    #[inline(always)]
    pub(crate) fn kill_a(&mut self, w: Word) {
        if w.x() & KILL_A != 0 {
            self.kill(w.a());
        }
    }

    #[inline(always)]
    pub(crate) fn kill_b(&mut self, w: Word) {
        if w.x() & KILL_B != 0 {
            self.kill(w.b());
        }
    }

    #[inline(always)]
    pub(crate) fn kill_c(&mut self, w: Word) {
        if w.x() & KILL_C != 0 {
            self.kill(w.c());
        }
    }

    #[inline(always)]
    pub(crate) fn kill_bc(&mut self, w: Word) {
        if w.x() & (KILL_B | KILL_C) != 0 {
            self.kill_b(w);
            self.kill_c(w);
        }
    }

    /// Records where the frame is: before anything that can raise, call or look at frames.
    #[inline(always)]
    pub(crate) fn save(&self) {
        // SAFETY: the running frame's record is live.
        unsafe { (*self.fp).ip = self.ip };
    }

    /// The code that runs.
    #[inline(always)]
    pub(crate) fn unit(&self) -> &Unit {
        // SAFETY: the frame's function (or generator) keeps the unit alive while the frame is.
        unsafe { &*(*self.fp).unit }
    }

    /// Name `i` of the code.
    #[inline(always)]
    pub(crate) fn name(&self, i: usize) -> &'static Value {
        // SAFETY: as for `unit`; the borrow is used within the instruction only. The compiler keeps `i` in range.
        unsafe { &*self.unit().name(i) }
    }

    /// Constant `i` of the code.
    #[inline(always)]
    pub(crate) fn constant(&self, i: usize) -> &'static Value {
        // SAFETY: as for `name`.
        unsafe { &*self.unit().constant(i) }
    }

    /// Extra word `i` of the running instruction.
    #[inline(always)]
    pub(crate) fn extra(&self, i: usize) -> u64 {
        // SAFETY: the table says how many extra words an instruction has, and the code ends with a return.
        unsafe { (*self.ip.add(i)).0 }
    }

    /// Writes an extra word of the running instruction, in this isolate's copy.
    #[inline(always)]
    pub(crate) fn set_extra(&self, i: usize, x: u64) {
        // SAFETY: as for `extra`; the words are cells of the unit, which no other thread uses.
        unsafe { self.ip.add(i).cast_mut().write(Word(x)) };
    }

    /// Replaces the running instruction's opcode, in this isolate's copy.
    #[inline(always)]
    pub(crate) fn rewrite(&self, w: Word, op: Opcode) {
        // SAFETY: as for `set_extra`.
        unsafe { self.ip.sub(1).cast_mut().write(w.with_op(op)) };
    }

    /// Replaces the running instruction's word, in this isolate's copy.
    #[inline(always)]
    pub(crate) fn put_word(&self, w: Word) {
        // SAFETY: as for `set_extra`.
        unsafe { self.ip.sub(1).cast_mut().write(w) };
    }

    /// Moves on by `n` words: past extra words, or by a jump.
    #[inline(always)]
    pub(crate) fn advance(&mut self, n: isize) {
        // SAFETY: jump targets and extra words lie inside the code (verified by the compiler).
        self.ip = unsafe { self.ip.offset(n) };
    }

    /// The values of a window of registers.
    #[inline(always)]
    pub(crate) fn window(&self, from: usize, n: usize) -> &'static [Value] {
        // SAFETY: the registers are the frame's and stay in place while the instruction uses them; callers drop the
        // slice before they write these registers.
        unsafe { Value::slice(self.base.add(from), n) }
    }

    /// Drops a window of registers.
    #[inline(always)]
    pub(crate) fn kill_window(&mut self, from: usize, n: usize) {
        for i in from..from + n {
            if self.reg(i).is_object() {
                self.take(i).discard();
            }
        }
    }

    /// Takes the frame up that `it.fp` names.
    #[inline(always)]
    pub(crate) fn enter(&mut self, skip: isize) {
        self.fp = self.it.fp.get();
        // SAFETY: the frame is live.
        unsafe {
            self.base = (*self.fp).base;
            self.ip = (*self.fp).ip.offset(skip);
        }
    }

    /// Takes up the frame just pushed for `unit`, with registers at `base`, and goes past its Resume. Nothing is read back
    /// from the record.
    #[inline(always)]
    pub(crate) fn enter_pushed(&mut self, unit: &Unit, base: *mut u64) {
        self.fp = self.it.fp.get();
        self.base = base;
        self.ip = unit.start();
        self.skip_resume();
    }

    /// Takes up the frame just pushed for a generator.
    #[inline(always)]
    pub(crate) fn enter_generator(&mut self, g: &crate::generator::Generator) {
        self.fp = self.it.fp.get();
        self.base = g.regs.get();
        self.ip = g.ip.get();
        self.skip_resume();
    }

    /// Goes past the Resume that most bodies begin or go on with, unless somebody must be asked there.
    #[inline(always)]
    pub(crate) fn skip_resume(&mut self) {
        // SAFETY: ip points at an instruction.
        let next = unsafe { *self.ip };
        let asked = self.t.breaker.any() || self.it.watch.active.get() || self.is_low();
        if next.op() == Opcode::Resume as u8 && !asked {
            self.advance(1);
        }
    }

    /// Whether the native stack has grown beyond what the dispatch functions are given: some of them were not jumped to.
    #[inline(always)]
    pub(crate) fn is_low(&self) -> bool {
        #[cfg(threaded)]
        {
            super::dispatch::stack_pointer() < self.it.floor.get()
        }
        #[cfg(not(threaded))]
        false
    }
}
