//! Instructions that the trace has the interpreter carry out.
//!
//! Before one, memory is given what it does not hold of the registers; behind it, it is asked whether the interpreter has come
//! to where it came when the trace was recorded, and nobody looks at the frames: then the registers that the instruction does
//! not name are as they were. A Python function that the instruction calls is taken along, if it may be.

use super::{Abort, BY_FRAME, FRAMES_MAX, FrameKind, Level, REGISTERS_MAX, Reason, Recorder};
use crate::vm::Step;
use crate::worth;
use std::collections::BTreeMap;
use std::sync::Arc;
use typhon_interp::unit::Unit;
use typhon_isa::word::{KILL_A, KILL_B, KILL_C};
use typhon_isa::{CodeFlags, Opcode, Word};
use typhon_jit_ir::{Arg, Const, Helper, Op};

/// How often a function is taken along into itself.
const UNROLL_MAX: usize = 2;
/// Functions whose frames move into an object.
const SUSPENDS: u32 = CodeFlags::GENERATOR | CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR;

impl Recorder<'_> {
    /// What it saves, or does not, comes back.
    pub(super) fn opaque(&mut self, op: Opcode) -> Result<i64, Abort> {
        if is_refused(op) || self.levels.len() == 1 && matches!(op, Opcode::Return | Opcode::ReturnConst) {
            return self.abort(Reason::Opcode);
        }
        let (top, level) = (self.top(), self.levels.len());
        let all = self.end_of_all();
        self.regs.flush(&mut self.b, all);
        self.make_frames();
        let (height, offset) = (self.running.height(), self.offset());
        let before: Vec<(usize, u64)> =
            self.regs.numbers(top).into_iter().map(|i| (i, self.regs.value(i).bits())).collect();
        self.step()?;
        let deeper = self.running.height().wrapping_sub(height).cast_signed();
        let (mut enters, mut saved) = (false, worth::OPAQUE);
        match deeper {
            0 => self.touch(op),
            1 if !self.running.is_callee() || self.parallel && self.running.is_generator() => {
                return self.abort(Reason::Deep);
            }
            1 if self.may_take(self.running.unit(), self.behind(), false) => {
                enters = true;
                self.enter_level(op)?;
            }
            1 => {
                if let Err(e) = self.running.finish_call() {
                    self.raised = Some(e);
                    return self.abort(Reason::Raised);
                }
                self.is_as_before()?;
                saved = worth::APART;
                self.touch(op);
            }
            -1 => self.leave_level(top),
            _ => return self.abort(Reason::Deep),
        }
        if self.running.is_seen(self.levels.len()) {
            return self.abort(Reason::Frame);
        }
        if deeper == 0 && !self.only_named(&before) {
            return self.abort(Reason::Surprise);
        }
        let at = self.running.offset();
        let depth = self.levels.len();
        // The frame's own code needs no name: it is the one that entered the trace, or that was asked for at its entry.
        let unit = if deeper == 1 && enters { Arc::as_ptr(&self.level().unit) as u64 } else { 0 };
        self.private |= unit != 0;
        let deeper = depth.cast_signed() - level.cast_signed();
        let (from, to) = Step { from: offset, enters, at, deeper, frames: depth }.pack();
        let args = [self.thread, Arg::int(from), Arg::Const(Const::Ptr(unit)), Arg::int(to)];
        let done = self.b.call(Helper::Step, &args);
        let exit = self.snapshot(BY_FRAME, BTreeMap::new());
        self.b.op(Op::Guard, &[done.into()], Some(exit));
        Ok(saved)
    }

    /// How far behind the first frame's registers those of the frame on top begin.
    fn behind(&self) -> usize {
        (self.running.registers() as usize).wrapping_sub(self.at.registers() as usize) / 8
    }

    /// Whether a function's frame is taken along. One that becomes a generator is if the trace `makes` that.
    pub(super) fn may_take(&self, unit: &Unit, base: usize, makes: bool) -> bool {
        let same = self.levels.iter().filter(|level| std::ptr::eq(Arc::as_ptr(&level.unit), unit)).count();
        // Its first call makes it ready, and is not taken along.
        unit.word(0).is_some()
            && (makes || unit.code.flags & SUSPENDS == 0)
            && !self.sight.apart.borrow().contains(&std::ptr::from_ref(unit).addr())
            && self.levels.len() < FRAMES_MAX
            && same < UNROLL_MAX
            && base + unit.register_count < REGISTERS_MAX
    }

    fn enter_level(&mut self, op: Opcode) -> Result<(), Abort> {
        let Some(unit) = self.running.kept_unit() else { return self.abort(Reason::Deep) };
        let base = self.behind();
        for i in ends(op, self.word) {
            let i = self.index(i);
            self.regs.is_dead(i);
        }
        for i in base..base + unit.register_count {
            if i < base + unit.local_count { self.regs.is_in_memory(i) } else { self.regs.is_dead(i) }
        }
        self.kept.push(Arc::clone(&unit));
        // What such a call does when it ends is known, whatever it did when it began.
        let plain = matches!(op, Opcode::Call | Opcode::CallMethod) && self.running.is_plain_call();
        let (dst, skip) = (self.word.a(), op.extra());
        let begun = self.size();
        self.levels.push(Level { plain, dst, skip, begun, ..Level::real(unit, base, self.running.offset()) });
        Ok(())
    }

    /// The frame on top has returned, by the interpreter.
    fn leave_level(&mut self, top: usize) {
        let (base, turn, kind) = (self.level().base, self.level().turn, self.level().kind);
        self.pop_level();
        match turn {
            Some(_) => self.regs.close_window(base),
            None => (base..top).for_each(|i| self.regs.is_dead(i)),
        }
        let offset = self.offset();
        let Some(word) = self.unit().word(offset as usize) else { return };
        self.word = word;
        if kind == FrameKind::ForIter {
            // The loop is over, and has given up its iterator.
            let i = self.index(word.b());
            self.regs.is_dead(i);
        }
        if let Some(op) = Opcode::from_u8(word.op()) {
            self.touch(op);
        }
    }

    /// The running instruction has been carried out: what it names is in memory, or has ended.
    fn touch(&mut self, op: Opcode) {
        let (ended, written) = (ends(op, self.word), writes(op, self.word));
        for i in ended {
            let i = self.index(i);
            self.regs.is_dead(i);
        }
        for i in written {
            let i = self.index(i);
            self.regs.is_in_memory(i);
        }
        // Some take the instruction behind them along.
        let next = self.offset() + 1 + op.extra() as u32;
        if matches!(op, Opcode::ForIterEnumerate | Opcode::ForIterZip | Opcode::ForIterItems)
            && self.running.offset() != next
            && let Some(word) = self.unit().word(next as usize)
            && word.op() == Opcode::UnpackSequence as u8
        {
            for i in writes(Opcode::UnpackSequence, word) {
                let i = self.index(i);
                self.regs.is_in_memory(i);
            }
        }
    }

    /// Whether only registers have changed that the trace asks memory for, or that are dead.
    fn only_named(&self, before: &[(usize, u64)]) -> bool {
        before.iter().all(|(i, bits)| self.regs.value(*i).bits() == *bits || !self.regs.is_known(*i))
    }
}

/// Instructions that are never carried out in a trace: they end or suspend the frame, or handle exceptions.
fn is_refused(op: Opcode) -> bool {
    use Opcode as O;
    matches!(
        op,
        O::Raise
            | O::Reraise
            | O::PushExc
            | O::PopExc
            | O::CheckExc
            | O::CheckExcGroup
            | O::WithExcept
            | O::EndAsyncFor
            | O::CleanupThrow
            | O::ReturnGenerator
            | O::Yield
            | O::Send
            | O::SendGen
            | O::Begin
            | O::Breakpoint
    )
}

/// Registers whose values end with the instruction.
fn ends(op: Opcode, w: Word) -> Vec<usize> {
    use Opcode as O;
    let (b, c) = (w.b(), w.c());
    let window = match op {
        O::Call | O::CallNative | O::CallKnown => b..b + c + 1,
        O::CallMethod | O::CallMethodNative | O::CallMethodKnown | O::CallKw => b..b + c + 2,
        O::CallEx | O::LoadSuperAttr | O::LoadSuperMethod => b..b + 3,
        O::GetSlice | O::SetSlice => c..c + 2,
        O::BuildTuple | O::BuildList | O::BuildSet | O::BuildString | O::BuildSlice | O::BuildInterpolation => b..b + c,
        O::BuildMap => b..b + 2 * c,
        O::ImportName => b..b + 2,
        _ => 0..0,
    };
    let marked = [(KILL_A, w.a()), (KILL_B, b), (KILL_C, c)];
    let operands = op.info().operands;
    // The mark is for operands that are read: where there is none, the bits belong to something else.
    let read = |i: usize| matches!(operands[i], "s" | "u" | "m");
    let marked = marked.into_iter().enumerate().filter(|(i, (bit, _))| w.x() & bit != 0 && read(*i));
    window.chain(marked.map(|(_, (_, r))| r)).collect()
}

/// Registers that the instruction writes.
fn writes(op: Opcode, w: Word) -> Vec<usize> {
    use Opcode as O;
    let (a, c) = (w.a(), w.c());
    match op {
        O::LoadMethod
        | O::LoadMethodType
        | O::LoadMethodMasked
        | O::LoadMethodSlot
        | O::LoadMethodOther
        | O::LoadMethodModule
        | O::LoadMethodClass
        | O::LoadSuperMethod
        | O::LoadSpecial => vec![a, a + 1],
        O::UnpackSequence | O::CopyFreeVars => (a..a + c).collect(),
        O::UnpackEx => (a..a + (c & 0xff) + (c >> 8) + 1).collect(),
        _ => {
            let operands = op.info().operands;
            let named = [(operands[0], a), (operands[1], w.b()), (operands[2], c)];
            let written = |letter: &str, calls: bool| letter == "d" || letter == "m" && !calls;
            let calls = matches!(op, O::CallNative | O::CallMethodNative | O::CallKnown | O::CallMethodKnown);
            named.into_iter().filter(|(letter, _)| written(letter, calls)).map(|(_, r)| r).collect()
        }
    }
}
