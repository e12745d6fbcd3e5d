//! Turns of generators that a loop goes through: the body is a level of the trace, from where the generator is taken up to its
//! yield.
//!
//! Its registers lie in the generator, and memory has them between two instructions. Its frame's record is not made: a generator
//! that a trace takes up stands where it stood, for whoever does not run Python code, until an exit or an instruction that the interpreter
//! carries out makes it (`vm::Entered`).

use super::calls::ending;
use super::regs::WINDOW;
use super::{ABSENT, Abort, FRAMES_MAX, FrameKind, Level, Reason, Recorder};
use crate::vm::Entered;
use std::sync::Arc;
use typhon_interp::eval::follow::Turn as Stands;
use typhon_interp::generator::{Generator, State, as_generator};
use typhon_isa::word::{KILL_B, KILL_C};
use typhon_isa::{Opcode, Word};
use typhon_jit_ir::word;
use typhon_jit_ir::{Alias, Arg, Const, Helper, Op, Ty};
use typhon_object::{Value, ids};

const NONE: Arg = Arg::Const(Const::Val(word::Word::NONE));

/// What there is to a frame that is a generator's.
#[derive(Clone, Copy)]
pub(super) struct Turn {
    /// Where the registers of frames above it begin.
    pub(super) behind: usize,
    /// How it stood when the trace took it up, and at which address, if the trace has.
    pub(super) stood: Option<(State, u64)>,
}

/// Who takes a generator up: what becomes of what it yields, and of what is sent.
struct Taker {
    kind: FrameKind,
    dst: usize,
    sent: Arg,
}

impl Level {
    /// The frame of a generator, which is the `depth`th of the trace.
    pub(super) fn of_generator(self, generator: Arg, depth: usize, turn: Turn) -> Self {
        Self { function: Some(generator), turn: Some(turn), base: WINDOW * depth, ..self }
    }
}

impl Recorder<'_> {
    /// A ForIterGen over a generator that stands at a yield, or at its beginning; then it has been carried out, too.
    pub(super) fn resume(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let taker = Taker { kind: FrameKind::ForIter, dst: w.a(), sent: NONE };
        self.take_up(w.b(), taker, None)
    }

    /// A Send to such a generator, or to a coroutine.
    pub(super) fn send(&mut self) -> Result<(), Abort> {
        let w = self.word;
        let taker = Taker { kind: FrameKind::Send, dst: w.a(), sent: self.reg(w.c()).arg };
        self.take_up(w.b(), taker, Some(w.c()))
    }

    /// Enters the generator in a register, and those that it delegates to. What is sent may lie in a register.
    fn take_up(&mut self, iterator: usize, taker: Taker, sent: Option<usize>) -> Result<(), Abort> {
        let v = self.value(iterator).clone();
        let some = sent.is_some_and(|r| !self.value(r).is_none());
        let Some(turns) = self.running.turns_of(&v, some).filter(|turns| self.may_resume(turns)) else {
            return self.abort(Reason::Type);
        };
        if sent.is_none() && v.header().is_none_or(|header| header.shape().0 != ids::GENERATOR) {
            return self.abort(Reason::Type);
        }
        let generators = self.stand(iterator, &v, &turns);
        if let (Some(_), State::Created) = (sent, turns[0].state) {
            let none = self.op(Op::Same, &[taker.sent, NONE]);
            self.guard(none);
        }
        // From here on it happens.
        match sent {
            Some(r) if self.word.x() & KILL_C != 0 => self.take(r),
            Some(_) => self.retain(taker.sent),
            None => {}
        }
        self.private = true;
        let height = self.running.height();
        self.step()?;
        let entered = self.running.height() == height + turns.len()
            && turns.last().is_some_and(|turn| std::ptr::eq(self.running.registers(), turn.registers));
        if !entered {
            return self.abort(Reason::Surprise);
        }
        self.enter_turns(turns, &generators, taker);
        Ok(())
    }

    fn enter_turns(&mut self, turns: Vec<Stands>, generators: &[Arg], mut taker: Taker) {
        for (stands, generator) in turns.into_iter().zip(generators) {
            let turn = Turn { behind: self.top(), stood: Some((stands.state, stands.ip)) };
            let (depth, begun) = (self.levels.len(), self.size());
            let offset = stands.sends.map_or_else(|| self.running.offset(), |(_, offset)| offset);
            self.kept.push(Arc::clone(&stands.unit));
            let level = Level::real(stands.unit, 0, offset).of_generator(*generator, depth, turn);
            let (kind, dst, skip) = (taker.kind, taker.dst, Opcode::Send.extra());
            let level = Level { kind, dst, skip, real: false, begun, ..level };
            let (base, count, locals) = (level.base, level.unit.register_count, level.unit.local_count);
            self.levels.push(level);
            self.regs.open_window(base, *generator, stands.registers, count);
            self.regs.forget_temporaries(base, locals);
            match (stands.sends, stands.sent) {
                // What was sent is handed on.
                (Some((send, _)), _) => taker = Taker { kind: FrameKind::Send, dst: send.a(), ..taker },
                (None, Some(sent)) => self.regs.set(base + sent, taker.sent),
                (None, None) => {}
            }
        }
    }

    /// Whether generators are taken along.
    fn may_resume(&self, turns: &[Stands]) -> bool {
        let fits = |stands: &Stands| {
            let unit = &stands.unit;
            let hands_on = stands.sends.is_none_or(|(send, _)| send.x() & KILL_C != 0);
            unit.register_count < WINDOW && hands_on && !self.sight.apart.borrow().contains(&Arc::as_ptr(unit).addr())
        };
        // Beside other threads who takes a generator up must claim it.
        !self.parallel && self.levels.len() + turns.len() <= FRAMES_MAX && turns.iter().all(fits)
    }

    /// Asks that generators stand as they do now, the first of which is in a register. What they are.
    fn stand(&mut self, iterator: usize, v: &Value, turns: &[Stands]) -> Vec<Arg> {
        let mut generators = vec![self.reg(iterator).arg];
        let mut shape = shape_of(v);
        for (i, stands) in turns.iter().enumerate() {
            let generator = generators[i];
            self.stands(generator, shape, stands, &generators[..i]);
            if let Some((send, _)) = stands.sends {
                let offset = Generator::REGISTERS + 8 * send.b();
                generators.push(self.b.mem(Op::Load, Ty::Val, Alias::Frame, &[generator], offset as i32).into());
                // SAFETY: the generator stands, and holds a value's word in each of its registers.
                shape = shape_of(unsafe { &*stands.registers.add(send.b()).cast::<Value>() });
            }
        }
        generators
    }

    /// The generator stands as it does now, and nobody has its frame object.
    fn stands(&mut self, generator: Arg, shape: u32, stands: &Stands, others: &[Arg]) {
        self.has_shape(generator, shape);
        let here = Arg::Const(Const::Ptr(std::ptr::from_ref(self.at.t) as u64));
        let here = self.op(Op::PEq, &[self.thread, here]);
        self.guard(here);
        let code = Arc::as_ptr(&stands.unit) as u64;
        for (class, offset, is) in [(Alias::Code, Generator::UNIT, code), (Alias::Iter, Generator::IP, stands.ip)] {
            let now = Arg::from(self.b.mem(Op::Load, Ty::Ptr, class, &[generator], offset as i32));
            let same = self.op(Op::PEq, &[now, Arg::Const(Const::Ptr(is))]);
            self.guard(same);
        }
        self.is_at(generator, stands.state);
        let frame = self.b.mem(Op::Load, Ty::Val, Alias::Code, &[generator], Generator::FRAME as i32);
        let none = self.op(Op::Same, &[frame.into(), ABSENT.arg]);
        self.guard(none);
        // One that the trace has taken up already stands in memory as if it had not.
        let taken = self.levels.iter().filter(|level| level.turn.is_some() && Arc::ptr_eq(&level.unit, &stands.unit));
        for other in taken.filter_map(|level| level.function).chain(others.iter().copied()).collect::<Vec<_>>() {
            let same = self.op(Op::Same, &[generator, other]);
            let other = self.op(Op::Not, &[same]);
            self.guard(other);
        }
    }

    fn is_at(&mut self, generator: Arg, state: State) {
        let now = self.b.mem(Op::LoadX8, Ty::Int, Alias::Code, &[generator, Arg::int(0)], Generator::STATE as i32);
        let same = self.op(Op::IEq, &[now.into(), Arg::int(state as i64)]);
        self.guard(same);
    }

    /// Whether an instruction that wants an iterator, or what is awaited, has it already: a generator, or a coroutine that has not
    /// begun.
    pub(super) fn is_own_iterator(&self, op: Opcode) -> bool {
        let v = self.value(self.word.b());
        match op {
            Opcode::GetAwaitable => {
                let begins = as_generator(v).is_some_and(|g| g.state() == State::Created);
                !self.parallel && shape_of(v) == ids::COROUTINE && begins
            }
            _ => shape_of(v) == ids::GENERATOR,
        }
    }

    /// Such an instruction.
    pub(super) fn own_iterator(&mut self, op: Opcode) {
        let r = self.word.b();
        let (generator, shape) = (self.reg(r).arg, shape_of(self.value(r)));
        self.has_shape(generator, shape);
        if op == Opcode::GetAwaitable {
            self.is_at(generator, State::Created);
        }
        self.copy();
    }

    /// A Yield of a generator that the trace has taken up; then it has been carried out, too. Who delegates to it yields the value
    /// on at once.
    pub(super) fn suspend(&mut self, next: u32) -> Result<(), Abort> {
        let hands_on = |depth: usize| self.yields_on(depth);
        let mut last = self.levels.len() - 1;
        while last > 0 && hands_on(last) {
            last -= 1;
        }
        let Some(below) = last.checked_sub(1).filter(|_| self.levels[last].turn.is_some()) else {
            return self.abort(Reason::Opcode);
        };
        let (caller, level) = (&self.levels[below], &self.levels[last]);
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
        let left = self.levels.len() - last;
        let mut next = next;
        for _ in 0..left {
            self.stays(next);
            // Behind the Yield that hands the value on, if there is one.
            next = self.offset() + 2 + Opcode::Send.extra() as u32;
        }
        self.end(dst);
        self.regs.set(dst, value);
        self.leaves_for(left, goes_on)
    }

    /// The ReturnGenerator of a function that the trace has entered; then it has been carried out, too.
    pub(super) fn make_generator(&mut self) -> Result<(), Abort> {
        let [.., caller, level] = &self.levels[..] else { return self.abort(Reason::Opcode) };
        let (Some(function), false, FrameKind::Call, true) = (level.function, level.real, level.kind, level.plain)
        else {
            return self.abort(Reason::Opcode);
        };
        let (base, top, depth) = (level.base, level.top(), self.levels.len());
        let (.., dst, goes_on) = ending(caller, level);
        let Some(dst) = dst else { return self.abort(Reason::Opcode) };
        if let Some(old) = self.regs.owned(&mut self.b, dst) {
            self.may_release(old);
        }
        self.exit();
        self.regs.flush(&mut self.b, top);
        let how = Entered { base, offset: self.offset() + 1, dst: 0, skip: 0, kind: FrameKind::Call }.pack();
        let registers = self.regs.base();
        let made = Arg::from(self.b.call(Helper::Generator, &[self.thread, function, registers, Arg::int(how)]));
        self.is_present(made);
        // From here on it happens: the registers hold nothing.
        (base..top).for_each(|i| self.regs.is_dead(i));
        self.pop_level();
        debug_assert_eq!(self.levels.len() + 1, depth);
        self.end(dst);
        self.regs.set(dst, made);
        self.leaves_for(1, goes_on)
    }

    /// The return of a generator that the trace has taken up; then it has been carried out, too.
    pub(super) fn end_turn(&mut self, op: Opcode) -> Result<(), Abort> {
        let [.., caller, level] = &self.levels[..] else { return self.abort(Reason::Opcode) };
        let Some(generator) = level.function else { return self.abort(Reason::Opcode) };
        let (base, real, loops) = (level.base, level.real, level.kind == FrameKind::ForIter);
        let word = |i: u32| caller.unit.word((caller.offset + i) as usize).unwrap_or_default();
        let behind = caller.offset + 1 + level.skip as u32;
        let goes_on = behind.saturating_add_signed(word(1).low());
        let (dst, iterator) = (caller.base + level.dst, caller.base + word(0).b());
        let value = match op {
            Opcode::Return => self.reg(self.word.a()).arg,
            _ => self.constant()?,
        };
        let quiet = self.b.call(Helper::MayEnd, &[generator]);
        self.guard(quiet.into());
        if loops {
            self.may_release(value);
        } else if let Some(old) = self.regs.owned(&mut self.b, dst) {
            self.may_release(old);
        }
        // From here on it happens.
        match op {
            Opcode::Return => self.take(self.word.a()),
            _ => self.retain(value),
        }
        self.regs.flush_windows(&mut self.b);
        if real {
            self.b.call(Helper::Suspend, &[self.thread, Arg::int(self.offset().into())]);
        }
        self.b.call(Helper::EndTurn, &[generator]);
        self.pop_level();
        self.regs.close_window(base);
        if loops {
            self.b.op(Op::Release, &[value], None);
            self.end(iterator);
        } else {
            self.end(dst);
            self.regs.set(dst, value);
        }
        self.leaves_for(1, goes_on)
    }

    /// Has the interpreter leave so many frames, the last one for where its caller goes on.
    fn leaves_for(&mut self, frames: usize, goes_on: u32) -> Result<(), Abort> {
        let height = self.running.height();
        self.step()?;
        if self.running.height() + frames != height || self.running.offset() != goes_on {
            return self.abort(Reason::Surprise);
        }
        Ok(())
    }

    /// Whether the frame below a generator's only hands on what that yields: see `generators::yield_plain`.
    fn yields_on(&self, depth: usize) -> bool {
        let (caller, level) = (&self.levels[depth - 1], &self.levels[depth]);
        let behind = caller.offset + 1 + level.skip as u32;
        let hands_on = |word: Word| word.op() == Opcode::Yield as u8 && word.b() == level.dst && word.x() & KILL_B != 0;
        level.kind == FrameKind::Send && caller.unit.word(behind as usize).is_some_and(hands_on)
    }

    /// The generator on top is left, and stands at a yield.
    fn stays(&mut self, next: u32) {
        let ip = self.unit().start().wrapping_add(next as usize) as u64;
        let level = self.level();
        let (base, stood) = (level.base, level.turn.and_then(|turn| turn.stood));
        match level.function {
            _ if level.real => {
                self.b.call(Helper::Suspend, &[self.thread, Arg::int(next.into())]);
            }
            Some(generator) => {
                if stood.is_none_or(|(_, stood)| stood != ip) {
                    let ip = Arg::Const(Const::Ptr(ip));
                    self.b.mem(Op::Store, Ty::Unit, Alias::Iter, &[generator, ip], Generator::IP as i32);
                }
                if stood.is_none_or(|(state, _)| state != State::Suspended) {
                    let (at, state) = (Generator::STATE as i32, Arg::int(State::Suspended as i64));
                    self.b.mem(Op::StoreX8, Ty::Unit, Alias::Code, &[generator, Arg::int(0), state], at);
                }
            }
            None => {}
        }
        self.pop_level();
        self.regs.close_window(base);
    }
}

fn shape_of(v: &Value) -> u32 {
    v.header().map_or(0, |header| header.shape().0)
}
