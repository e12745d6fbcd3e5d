//! Turns of generators that a loop goes through: the body is a level of the trace, from where the generator is taken up to its
//! yield.
//!
//! Its registers lie in the generator, and memory has them between two instructions. Its frame's record is not made: a generator
//! that a trace takes up stands where it stood, for whoever does not run Python code, until an exit or an instruction that the interpreter
//! carries out makes it (`vm::Entered`).

use super::opaque::UNROLL_MAX;
use super::regs::WINDOW;
use super::{ABSENT, Abort, FRAMES_MAX, FrameKind, Level, Reason, Recorder};
use std::sync::Arc;
use typhon_interp::eval::follow::Turn as Stands;
use typhon_interp::generator::{Generator, State};
use typhon_isa::Opcode;
use typhon_isa::word::KILL_B;
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Alias, Arg, Const, Helper, Op, Ty};
use typhon_object::ids;

/// What there is to a frame that is a generator's.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// Where the registers of frames above it begin.
    pub(super) behind: usize,
    /// How it stood when the trace took it up, and at which address, if the trace has.
    pub(super) stood: Option<(State, u64)>,
}

impl Level {
    /// The frame of a generator, which is the `depth`th of the trace.
    pub(super) fn of_generator(self, generator: Arg, depth: usize, turn: Turn) -> Self {
        Self { kind: FrameKind::ForIter, function: Some(generator), turn: Some(turn), base: WINDOW * depth, ..self }
    }
}

impl Recorder<'_> {
    /// A ForIterGen over a generator that stands at a yield, or at its beginning; then it has been carried out, too.
    pub(super) fn resume(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let v = self.value(w.b()).clone();
        let Some(stands) = self.running.turn_of(&v).filter(|stands| self.may_resume(stands)) else {
            return self.abort(Reason::Type);
        };
        let generator = self.reg(w.b()).arg;
        self.stands(generator, &stands);
        self.private = true;
        self.kept.push(Arc::clone(&stands.unit));
        let height = self.running.height();
        self.step()?;
        let entered = self.running.height() == height + 1
            && std::ptr::eq(self.running.unit(), Arc::as_ptr(&stands.unit))
            && std::ptr::eq(self.running.registers(), stands.registers);
        if !entered {
            return self.abort(Reason::Surprise);
        }
        let turn = Turn { behind: self.top(), stood: Some((stands.state, stands.ip)) };
        let (depth, begun) = (self.levels.len(), self.size());
        let level = Level::real(stands.unit, 0, self.running.offset()).of_generator(generator, depth, turn);
        let level = Level { dst: w.a(), skip: Opcode::ForIterGen.extra(), real: false, begun, ..level };
        let (base, count, locals) = (level.base, level.unit.register_count, level.unit.local_count);
        self.levels.push(level);
        self.regs.open_window(base, generator, stands.registers, count);
        self.regs.forget_temporaries(base, locals);
        if let Some(sent) = stands.sent {
            self.regs.set(base + sent, Arg::Const(Const::Val(Word::NONE)));
        }
        Ok(())
    }

    /// Whether a generator is taken along.
    fn may_resume(&self, stands: &Stands) -> bool {
        let unit = &stands.unit;
        let same = self.levels.iter().filter(|level| Arc::ptr_eq(&level.unit, unit)).count();
        // Beside other threads who takes a generator up must claim it.
        !self.parallel
            && self.levels.len() < FRAMES_MAX
            && same < UNROLL_MAX
            && unit.register_count < WINDOW
            && !self.sight.apart.borrow().contains(&Arc::as_ptr(unit).addr())
    }

    /// The generator stands as it does now, and nobody has its frame object.
    fn stands(&mut self, generator: Arg, stands: &Stands) {
        self.has_shape(generator, ids::GENERATOR);
        let here = Arg::Const(Const::Ptr(std::ptr::from_ref(self.at.t) as u64));
        let here = self.op(Op::PEq, &[self.thread, here]);
        self.guard(here);
        let code = Arc::as_ptr(&stands.unit) as u64;
        for (class, offset, is) in [(Alias::Code, Generator::UNIT, code), (Alias::Iter, Generator::IP, stands.ip)] {
            let now = Arg::from(self.b.mem(Op::Load, Ty::Ptr, class, &[generator], offset as i32));
            let same = self.op(Op::PEq, &[now, Arg::Const(Const::Ptr(is))]);
            self.guard(same);
        }
        let state = self.b.mem(Op::LoadX8, Ty::Int, Alias::Code, &[generator, Arg::int(0)], Generator::STATE as i32);
        let same = self.op(Op::IEq, &[state.into(), Arg::int(stands.state as i64)]);
        self.guard(same);
        let frame = self.b.mem(Op::Load, Ty::Val, Alias::Code, &[generator], Generator::FRAME as i32);
        let none = self.op(Op::Same, &[frame.into(), ABSENT.arg]);
        self.guard(none);
        // One that the trace has taken up already stands in memory as if it had not.
        let taken = self.levels.iter().filter(|level| level.turn.is_some() && Arc::ptr_eq(&level.unit, &stands.unit));
        for other in taken.filter_map(|level| level.function).collect::<Vec<_>>() {
            let same = self.op(Op::Same, &[generator, other]);
            let other = self.op(Op::Not, &[same]);
            self.guard(other);
        }
    }

    /// A Yield of a generator that the trace has taken up; then it has been carried out, too.
    pub(super) fn suspend(&mut self, next: u32) -> Result<(), Abort> {
        let [.., caller, level] = &self.levels[..] else { return self.abort(Reason::Opcode) };
        let (Some(turn), Some(generator)) = (level.turn, level.function) else { return self.abort(Reason::Opcode) };
        let (base, real) = (level.base, level.real);
        let (dst, goes_on) = (caller.base + level.dst, caller.offset + 1 + level.skip as u32);
        let from = self.word.b();
        let value = self.reg(from).arg;
        if let Some(old) = self.regs.owned(&mut self.b, dst) {
            self.may_release(old);
        }
        // From here on it happens.
        if self.word.x() & KILL_B != 0 {
            self.take(from)
        } else {
            self.retain(value)
        }
        self.regs.flush_windows(&mut self.b);
        if real {
            self.b.call(Helper::Suspend, &[self.thread, Arg::int(next.into())]);
        } else {
            self.stays(generator, turn, next);
        }
        self.pop_level();
        self.regs.close_window(base);
        self.end(dst);
        self.regs.set(dst, value);
        let height = self.running.height();
        self.step()?;
        if self.running.height() + 1 != height || self.running.offset() != goes_on {
            return self.abort(Reason::Surprise);
        }
        Ok(())
    }

    /// A generator without a record stands at its yield.
    fn stays(&mut self, generator: Arg, turn: Turn, next: u32) {
        let ip = self.unit().start().wrapping_add(next as usize) as u64;
        if turn.stood.is_none_or(|(_, stood)| stood != ip) {
            let ip = Arg::Const(Const::Ptr(ip));
            self.b.mem(Op::Store, Ty::Unit, Alias::Iter, &[generator, ip], Generator::IP as i32);
        }
        if turn.stood.is_none_or(|(state, _)| state != State::Suspended) {
            let state = Arg::int(State::Suspended as i64);
            self.b.mem(Op::StoreX8, Ty::Unit, Alias::Code, &[generator, Arg::int(0), state], Generator::STATE as i32);
        }
    }
}
