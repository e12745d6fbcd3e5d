//! The machine: one attempt at one place.

use crate::budget::{Budget, MatchError, POLL_STEPS};
use crate::ops::{Mode, Op, Pc, RefFold, Repeat};
use crate::program::Program;
use crate::scan::has;
use crate::stacks::{FrameKind, Stacks, UNSET};
use crate::subject::Unit;
use crate::ucd;
use crate::words::Place;

/// A program at work on a text.
pub(crate) struct Machine<'a, C> {
    pub(crate) program: &'a Program,
    /// The text up to the end position.
    pub(crate) text: &'a [C],
    /// All of it: an attempt may begin behind the end position.
    whole: &'a [C],
    pub(crate) stacks: &'a mut Stacks,
    pub(crate) budget: &'a mut dyn Budget,
    /// A match may not end here.
    pub(crate) refused: usize,
    /// A match must reach the end of the text.
    pub(crate) full: bool,
    fuel: i64,
}

/// Characters of a back reference compared between two looks at the budget.
const REF_CHUNK: usize = 4096;

impl<'a, C: Unit> Machine<'a, C> {
    pub(crate) fn new(
        program: &'a Program,
        whole: &'a [C],
        end: usize,
        stacks: &'a mut Stacks,
        budget: &'a mut dyn Budget,
    ) -> Self {
        let text = whole.get(..end).unwrap_or(whole);
        Self { program, text, whole, stacks, budget, refused: UNSET, full: false, fuel: i64::from(POLL_STEPS) }
    }

    #[inline]
    pub(crate) fn spend(&mut self, steps: u32) -> Result<(), MatchError> {
        self.fuel -= i64::from(steps);
        if self.fuel < 0 { self.poll() } else { Ok(()) }
    }

    #[cold]
    fn poll(&mut self) -> Result<(), MatchError> {
        let steps = i64::from(POLL_STEPS) - self.fuel;
        self.fuel = i64::from(POLL_STEPS);
        match self.budget.poll(u32::try_from(steps).unwrap_or(u32::MAX)).is_break() {
            true => Err(MatchError::Interrupted),
            false => Ok(()),
        }
    }

    /// Tells the budget of the steps since the last poll.
    pub(crate) fn finish(&mut self) -> Result<(), MatchError> {
        self.poll()
    }

    /// Matches at `start`; the result is where the match ends.
    pub(crate) fn attempt(&mut self, start: usize) -> Result<Option<usize>, MatchError> {
        self.stacks.reset();
        self.spend(1)?;
        let program = self.program;
        let code = &program.code[..];
        let (mut pc, mut pos) = (0, start);
        while let Some(&op) = code.get(pc as usize) {
            let go = match op {
                Op::Literal(c) => self.step_if(&mut pos, |unit| unit.to_u32() == c),
                Op::NotLiteral(c) => self.step_if(&mut pos, |unit| unit.to_u32() != c),
                Op::Any => self.step_if(&mut pos, |unit| unit.to_u32() != 10),
                Op::AnyAll => self.step_if(&mut pos, |_| true),
                Op::Set(set) => match program.sets.get(set as usize) {
                    Some(set) => self.step_if(&mut pos, |unit| has(set, unit)),
                    None => false,
                },
                Op::Text { start, len } => self.text_at(start, len, &mut pos),
                Op::At(place) => self.stands(place, pos),
                Op::Mark(mark) => {
                    if mark & 1 != 0 {
                        self.stacks.lastindex = mark / 2 + 1;
                    }
                    self.stacks.set(mark, pos, self.budget)?;
                    true
                }
                Op::Run(run) => self.run(run, pc, &mut pos)?,
                Op::Split(split) => {
                    if self.split(split, pos, &mut pc)? {
                        continue;
                    }
                    false
                }
                Op::Branch(branch) => {
                    if self.branch(branch, pos, &mut pc)? {
                        continue;
                    }
                    false
                }
                Op::Jump(to) => {
                    pc = to;
                    continue;
                }
                Op::Match => {
                    if pos != self.refused && (!self.full || pos == self.text.len()) {
                        return Ok(Some(pos));
                    }
                    false
                }
                Op::Fail => false,
                Op::Nop => true,
                Op::RepeatUntil(repeat) => {
                    if self.until(repeat, pos, &mut pc)? {
                        continue;
                    }
                    false
                }
                _ => match self.rare(op, &mut pc, &mut pos)? {
                    Flow::Next => true,
                    Flow::Stay => continue,
                    Flow::Fail => false,
                },
            };
            if go {
                pc += 1;
            } else if !self.back(&mut pc, &mut pos)? {
                return Ok(None);
            }
        }
        Ok(None)
    }

    /// The operations that stand in few hot loops.
    fn rare(&mut self, op: Op, pc: &mut Pc, pos: &mut usize) -> Result<Flow, MatchError> {
        match op {
            Op::Poll(steps) => self.spend(steps)?,
            Op::Backref { group, fold } => return Ok(Flow::next_if(self.backref(group, fold, pos)?)),
            Op::IfGroup { group, otherwise } => {
                if self.stacks.group(group).is_none() {
                    *pc = otherwise;
                    return Ok(Flow::Stay);
                }
            }
            Op::RepeatInit(repeat) => {
                let Some(repeat) = self.program.repeats.get(repeat as usize) else { return Ok(Flow::Fail) };
                self.stacks.set(repeat.slot, UNSET, self.budget)?;
                self.stacks.set(repeat.slot + 1, UNSET, self.budget)?;
                // The UNTIL stands just before the tail.
                *pc = repeat.tail - 1;
                return Ok(Flow::Stay);
            }
            Op::Peek { single, back, negate } => {
                let single = self.program.singles.get(single as usize).copied();
                let taken =
                    pos.checked_sub(back as usize).map(|at| single.is_some_and(|single| self.takes(single, at)));
                // Where there is no room to look back, an assertion fails and its negation holds.
                return Ok(Flow::next_if(taken.unwrap_or(false) != negate));
            }
            Op::Assert { after, back } => {
                let Some(at) = pos.checked_sub(back as usize) else { return Ok(Flow::Fail) };
                self.stacks.push_barrier(FrameKind::Barrier, after, *pos, self.budget)?;
                *pos = at;
            }
            Op::AssertNot { after, back } => match pos.checked_sub(back as usize) {
                Some(at) => {
                    self.stacks.push_barrier(FrameKind::Refuted, after, *pos, self.budget)?;
                    *pos = at;
                }
                None => {
                    *pc = after;
                    return Ok(Flow::Stay);
                }
            },
            Op::AssertEnd => {
                let Some(frame) = self.stacks.cut() else { return Ok(Flow::Fail) };
                (*pc, *pos) = (frame.at, frame.pos);
                return Ok(Flow::Stay);
            }
            Op::AssertNotEnd => {
                self.stacks.cut();
                return Ok(Flow::Fail);
            }
            Op::Atomic => self.stacks.push_barrier(FrameKind::Barrier, *pc, *pos, self.budget)?,
            Op::AtomicEnd => {
                self.stacks.cut();
            }
            Op::PossessiveInit(repeat) => {
                let Some(repeat) = self.program.repeats.get(repeat as usize) else { return Ok(Flow::Fail) };
                self.stacks.set(repeat.slot + 1, UNSET, self.budget)?;
                self.possess(repeat, 0, *pos, pc)?;
                return Ok(Flow::Stay);
            }
            Op::PossessiveEnd(repeat) => {
                let Some(repeat) = self.program.repeats.get(repeat as usize) else { return Ok(Flow::Fail) };
                self.stacks.cut();
                let count = self.stacks.slot(repeat.slot).wrapping_add(1);
                self.possess(repeat, count, *pos, pc)?;
                return Ok(Flow::Stay);
            }
            _ => return Ok(Flow::Fail),
        }
        Ok(Flow::Next)
    }

    #[inline]
    fn step_if(&self, pos: &mut usize, accepts: impl Fn(C) -> bool) -> bool {
        let taken = self.text.get(*pos).is_some_and(|&unit| accepts(unit));
        *pos += usize::from(taken);
        taken
    }

    #[inline]
    fn text_at(&self, start: u32, len: u32, pos: &mut usize) -> bool {
        let wanted = self.program.text(start, len);
        let Some(text) = self.text.get(*pos..).and_then(|rest| rest.get(..wanted.len())) else { return false };
        let equal = text.iter().zip(wanted).all(|(unit, &c)| unit.to_u32() == c);
        *pos += wanted.len();
        equal
    }

    #[inline]
    fn run(&mut self, index: u32, pc: Pc, pos: &mut usize) -> Result<bool, MatchError> {
        let program = self.program;
        let Some(run) = program.runs.get(index as usize) else { return Ok(false) };
        let start = *pos;
        if self.text.len() < start || self.text.len() - start < run.min {
            return Ok(false);
        }
        if run.mode == Mode::Lazy {
            let low = start + run.min;
            if run.min > 0 && self.run_end(run.single, start, run.min)? < low {
                return Ok(false);
            }
            let high = self.text.len().min(start.saturating_add(run.max));
            let Some(at) = self.first_admitted(run.single, &run.next, low, high)? else { return Ok(false) };
            if at < high {
                self.stacks.push(FrameKind::Lazy, pc, at, high, self.budget)?;
            }
            *pos = at;
            return Ok(true);
        }
        let high = self.run_end(run.single, start, run.max)?;
        let low = start + run.min;
        if high < low {
            return Ok(false);
        }
        *pos = high;
        if run.mode == Mode::Greedy {
            let Some(at) = self.last_admitted(&run.next, low, high)? else { return Ok(false) };
            if at > low {
                self.stacks.push(FrameKind::Greedy, pc, at, low, self.budget)?;
            }
            *pos = at;
        }
        Ok(true)
    }

    #[inline]
    fn split(&mut self, index: u32, pos: usize, pc: &mut Pc) -> Result<bool, MatchError> {
        let program = self.program;
        let Some(split) = program.splits.get(index as usize) else { return Ok(false) };
        self.spend(1)?;
        let other = self.admits(&split.other_first, pos);
        if self.admits(&split.go_first, pos) {
            if other {
                self.stacks.push(FrameKind::Resume, split.other, pos, 0, self.budget)?;
            }
            *pc = split.go;
            return Ok(true);
        }
        *pc = split.other;
        Ok(other)
    }

    #[inline]
    fn branch(&mut self, index: u32, pos: usize, pc: &mut Pc) -> Result<bool, MatchError> {
        let Some(branch) = self.program.branches.get(index as usize) else { return Ok(false) };
        let ways = match self.text.get(pos) {
            Some(unit) => branch.low.get(unit.to_u32()).unwrap_or(branch.high),
            None => branch.at_end,
        };
        self.take_way(index, ways, pos, pc)
    }

    /// Takes the first of the ways; the others are for later.
    #[inline]
    fn take_way(&mut self, index: u32, ways: u64, pos: usize, pc: &mut Pc) -> Result<bool, MatchError> {
        self.spend(1)?;
        let way = self.program.branches.get(index as usize).and_then(|b| b.ways.get(ways.trailing_zeros() as usize));
        let Some(&way) = way else { return Ok(false) };
        let rest = ways & (ways - 1);
        if rest != 0 {
            self.stacks.push(FrameKind::Ways, index, pos, rest as usize, self.budget)?;
        }
        *pc = way;
        Ok(true)
    }

    /// The end of a round of a repeat, and its beginning with round -1.
    #[inline]
    fn until(&mut self, index: u32, pos: usize, pc: &mut Pc) -> Result<bool, MatchError> {
        let program = self.program;
        let Some(repeat) = program.repeats.get(index as usize) else { return Ok(false) };
        self.spend(1)?;
        let count = self.stacks.slot(repeat.slot).wrapping_add(1);
        if count < repeat.min {
            self.stacks.set(repeat.slot, count, self.budget)?;
            *pc = repeat.body;
            return Ok(true);
        }
        let more = count < repeat.max && pos != self.stacks.slot(repeat.slot + 1);
        match (more, repeat.lazy) {
            (false, _) => *pc = repeat.tail,
            (true, false) => {
                self.stacks.push(FrameKind::Resume, repeat.tail, pos, 0, self.budget)?;
                self.stacks.set(repeat.slot, count, self.budget)?;
                self.stacks.set(repeat.slot + 1, pos, self.budget)?;
                *pc = repeat.body;
            }
            (true, true) => {
                self.stacks.push(FrameKind::Round, index, pos, count, self.budget)?;
                *pc = repeat.tail;
            }
        }
        Ok(true)
    }

    /// Starts the next round of a possessive repeat after `count` of them, or goes on behind it.
    fn possess(&mut self, repeat: &Repeat, count: usize, pos: usize, pc: &mut Pc) -> Result<(), MatchError> {
        self.spend(1)?;
        *pc = repeat.body;
        self.stacks.set(repeat.slot, count, self.budget)?;
        if count < repeat.min {
            self.stacks.push_barrier(FrameKind::Barrier, repeat.body, pos, self.budget)
        } else if count < repeat.max && pos != self.stacks.slot(repeat.slot + 1) {
            self.stacks.set(repeat.slot + 1, pos, self.budget)?;
            self.stacks.push_barrier(FrameKind::Refuted, repeat.tail, pos, self.budget)
        } else {
            *pc = repeat.tail;
            Ok(())
        }
    }

    fn backref(&mut self, group: u32, fold: RefFold, pos: &mut usize) -> Result<bool, MatchError> {
        let Some((start, end)) = self.stacks.group(group) else { return Ok(false) };
        let text = self.text;
        let (Some(want), Some(have)) = (text.get(start..end), text.get(*pos..)) else { return Ok(false) };
        let Some(have) = have.get(..want.len()) else { return Ok(false) };
        *pos += want.len();
        for (want, have) in want.chunks(REF_CHUNK).zip(have.chunks(REF_CHUNK)) {
            self.spend_scan(want.len())?;
            let mut pairs = want.iter().zip(have).map(|(want, have)| (want.to_u32(), have.to_u32()));
            let equal = match fold {
                RefFold::None => want == have,
                RefFold::Ascii => pairs.all(|(a, b)| a == b || ucd::ascii_to_lower(a) == ucd::ascii_to_lower(b)),
                RefFold::Unicode => pairs.all(|(a, b)| a == b || ucd::unicode_to_lower(a) == ucd::unicode_to_lower(b)),
            };
            if !equal {
                return Ok(false);
            }
        }
        Ok(true)
    }

    #[inline]
    fn stands(&self, place: Place, pos: usize) -> bool {
        let (before, after) = (pos.checked_sub(1).and_then(|at| self.whole.get(at)), self.text.get(pos));
        let is_feed = |unit: Option<&C>| unit.is_some_and(|unit| unit.to_u32() == 10);
        let end = self.text.len();
        let ascii = |unit: Option<&C>| unit.is_some_and(|unit| ucd::ascii_is_word(unit.to_u32()));
        let unicode = |unit: Option<&C>| unit.is_some_and(|unit| self.is_word(unit.to_u32()));
        match place {
            Place::Beginning | Place::BeginningString => pos == 0,
            Place::BeginningLine => pos == 0 || is_feed(before),
            Place::End => pos == end || (pos + 1 == end && is_feed(after)),
            Place::EndLine => pos == end || is_feed(self.whole.get(pos)),
            Place::EndString => pos == end,
            Place::Boundary | Place::LocBoundary => ascii(before) != ascii(after),
            Place::NonBoundary | Place::LocNonBoundary => ascii(before) == ascii(after),
            Place::UniBoundary => unicode(before) != unicode(after),
            Place::UniNonBoundary => unicode(before) == unicode(after),
        }
    }

    #[inline]
    fn is_word(&self, c: u32) -> bool {
        match self.program.words.get(c as usize) {
            Some(&word) => word,
            None => ucd::unicode_is_word(c),
        }
    }

    /// Goes back to the youngest choice that is left; false where none is.
    #[inline]
    fn back(&mut self, pc: &mut Pc, pos: &mut usize) -> Result<bool, MatchError> {
        self.spend(1)?;
        while let Some(&frame) = self.stacks.frames.last() {
            self.stacks.restore(&frame);
            if frame.kind == FrameKind::Greedy || frame.kind == FrameKind::Lazy {
                if self.vary(frame.kind, frame.at, frame.pos, frame.aux, pos)? {
                    *pc = frame.at + 1;
                    return Ok(true);
                }
                self.spend(1)?;
                continue;
            }
            self.stacks.frames.pop();
            *pos = frame.pos;
            match frame.kind {
                FrameKind::Resume => *pc = frame.at,
                FrameKind::Ways => return self.take_way(frame.at, frame.aux as u64, frame.pos, pc),
                FrameKind::Refuted => {
                    self.stacks.barrier = frame.aux;
                    *pc = frame.at;
                }
                FrameKind::Round => {
                    let Some(repeat) = self.program.repeats.get(frame.at as usize) else { return Ok(false) };
                    self.stacks.set(repeat.slot, frame.aux, self.budget)?;
                    self.stacks.set(repeat.slot + 1, frame.pos, self.budget)?;
                    *pc = repeat.body;
                }
                FrameKind::Barrier | FrameKind::Greedy | FrameKind::Lazy => {
                    self.stacks.barrier = frame.aux;
                    self.spend(1)?;
                    continue;
                }
            }
            return Ok(true);
        }
        Ok(false)
    }

    /// Lets the run of the youngest frame give back or take more; removes the frame when that was its last choice.
    #[inline]
    fn vary(
        &mut self,
        kind: FrameKind,
        at: u32,
        from: usize,
        limit: usize,
        pos: &mut usize,
    ) -> Result<bool, MatchError> {
        let program = self.program;
        let run = match program.code.get(at as usize) {
            Some(&Op::Run(run)) => program.runs.get(run as usize),
            _ => None,
        };
        let found = match run {
            Some(run) if kind == FrameKind::Greedy => self.last_admitted(&run.next, limit, from - 1)?,
            Some(run) if self.takes(run.single, from) => self.first_admitted(run.single, &run.next, from + 1, limit)?,
            _ => None,
        };
        match found {
            Some(at) if at != limit => {
                if let Some(frame) = self.stacks.frames.last_mut() {
                    frame.pos = at;
                }
            }
            _ => {
                self.stacks.frames.pop();
            }
        }
        if let Some(at) = found {
            *pos = at;
        }
        Ok(found.is_some())
    }
}

/// What to do after an operation.
enum Flow {
    Next,
    /// The program counter is set.
    Stay,
    Fail,
}

impl Flow {
    fn next_if(go: bool) -> Self {
        if go { Self::Next } else { Self::Fail }
    }
}
