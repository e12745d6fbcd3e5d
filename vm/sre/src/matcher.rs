//! The matcher: match, full match and search, and what they found.

use crate::analyze;
use crate::budget::{Budget, MatchError};
use crate::program::Program;
use crate::run::Machine;
use crate::stacks::Stacks;
use crate::start::Start;
use crate::subject::{Subject, Unit};

/// What a successful match found. Positions count characters from the beginning of the subject.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Marks {
    pub start: usize,
    pub end: usize,
    /// The span of each group, None where it took no part; group 1 is the first.
    pub groups: Vec<Option<(usize, usize)>>,
    /// The group that closed last.
    pub lastindex: Option<usize>,
}

impl Marks {
    /// The span of a group; group 0 is the whole match.
    pub fn span(&self, group: usize) -> Option<(usize, usize)> {
        match group.checked_sub(1) {
            None => Some((self.start, self.end)),
            Some(index) => self.groups.get(index).copied().flatten(),
        }
    }
}

/// Runs a program; it keeps its stacks from one call to the next.
#[derive(Debug)]
pub struct Matcher<'p> {
    program: &'p Program,
    stacks: Stacks,
    marks: Marks,
    leading_run: Option<u32>,
}

/// What a matcher leaves for the next one of the same program: its memory.
#[derive(Debug, Default)]
pub struct Spare {
    stacks: Stacks,
    marks: Marks,
}

/// Where an operation looks.
#[derive(Clone, Copy, Debug)]
struct Span {
    pos: usize,
    endpos: usize,
}

impl<'p> Matcher<'p> {
    pub fn new(program: &'p Program) -> Self {
        Self::with(program, Spare::default())
    }

    /// As [`Matcher::new`], in the memory of an earlier one.
    pub fn with(program: &'p Program, spare: Spare) -> Self {
        let Spare { mut stacks, marks } = spare;
        stacks.slots.resize(program.slots, crate::stacks::UNSET);
        Self { program, stacks, marks, leading_run: analyze::leading_run(program) }
    }

    /// Its memory, if that is small enough to be kept.
    pub fn leave(self) -> Option<Spare> {
        self.stacks.is_small().then_some(Spare { stacks: self.stacks, marks: self.marks })
    }

    /// The program that it runs.
    pub fn program(&self) -> &'p Program {
        self.program
    }

    /// What the last successful call found.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Looks for the first match in `pos..endpos`. With `must_advance`, a match may not be empty at `pos`: this is how
    /// findall, sub, split and scanners go on behind an empty match.
    pub fn search(
        &mut self,
        subject: Subject<'_>,
        pos: usize,
        endpos: usize,
        must_advance: bool,
        budget: &mut dyn Budget,
    ) -> Result<bool, MatchError> {
        let span = Span { pos, endpos };
        match subject {
            Subject::One(text) => self.search_in(text, span, must_advance, budget),
            Subject::Two(text) => self.search_in(text, span, must_advance, budget),
            Subject::Four(text) => self.search_in(text, span, must_advance, budget),
        }
    }

    /// Matches at `pos`; the text ends at `endpos`.
    pub fn match_(
        &mut self,
        subject: Subject<'_>,
        pos: usize,
        endpos: usize,
        must_advance: bool,
        budget: &mut dyn Budget,
    ) -> Result<bool, MatchError> {
        self.at(subject, Span { pos, endpos }, must_advance, false, budget)
    }

    /// Matches all of `pos..endpos`.
    pub fn fullmatch(
        &mut self,
        subject: Subject<'_>,
        pos: usize,
        endpos: usize,
        budget: &mut dyn Budget,
    ) -> Result<bool, MatchError> {
        self.at(subject, Span { pos, endpos }, false, true, budget)
    }

    fn at(
        &mut self,
        subject: Subject<'_>,
        span: Span,
        must_advance: bool,
        full: bool,
        budget: &mut dyn Budget,
    ) -> Result<bool, MatchError> {
        match subject {
            Subject::One(text) => self.at_in(text, span, must_advance, full, budget),
            Subject::Two(text) => self.at_in(text, span, must_advance, full, budget),
            Subject::Four(text) => self.at_in(text, span, must_advance, full, budget),
        }
    }

    fn at_in<C: Unit>(
        &mut self,
        text: &[C],
        span: Span,
        must_advance: bool,
        full: bool,
        budget: &mut dyn Budget,
    ) -> Result<bool, MatchError> {
        // An empty match succeeds even behind the end, as in CPython.
        let pos = span.pos.min(text.len());
        let mut machine = Machine::new(self.program, text, span.endpos, &mut self.stacks, budget);
        if machine.text.len().saturating_sub(pos) < self.program.width_min {
            return Ok(false);
        }
        machine.full = full;
        if must_advance {
            machine.refused = pos;
        }
        let end = machine.attempt(pos);
        let end = end.and_then(|end| machine.finish().map(|()| end));
        self.stacks.settle(budget);
        Ok(self.keep(end?.map(|end| (pos, end))))
    }

    fn search_in<C: Unit>(
        &mut self,
        text: &[C],
        span: Span,
        must_advance: bool,
        budget: &mut dyn Budget,
    ) -> Result<bool, MatchError> {
        let pos = span.pos.min(text.len());
        let mut machine = Machine::new(self.program, text, span.endpos, &mut self.stacks, budget);
        let found = machine.search(pos, must_advance, self.leading_run);
        let found = found.and_then(|found| machine.finish().map(|()| found));
        self.stacks.settle(budget);
        Ok(self.keep(found?))
    }

    fn keep(&mut self, found: Option<(usize, usize)>) -> bool {
        let Some((start, end)) = found else { return false };
        let stacks = &self.stacks;
        self.marks.start = start;
        self.marks.end = end;
        self.marks.groups.clear();
        self.marks.groups.extend((0..self.program.groups).map(|group| stacks.group(group)));
        self.marks.lastindex = usize::try_from(stacks.lastindex).ok().filter(|&index| index > 0);
        true
    }
}

impl<C: Unit> Machine<'_, C> {
    fn search(
        &mut self,
        pos: usize,
        must_advance: bool,
        leading_run: Option<u32>,
    ) -> Result<Option<(usize, usize)>, MatchError> {
        let program = self.program;
        let Some(last) = self.text.len().checked_sub(program.width_min) else { return Ok(None) };
        let mut from = pos;
        while from <= last {
            let Some(at) = self.candidate(from, last)? else { return Ok(None) };
            if let Start::Text { text, whole: true, .. } = &program.start {
                self.stacks.reset();
                return Ok(Some((at, at + text.len())));
            }
            let refuses = must_advance && at == pos;
            self.refused = if refuses { pos } else { crate::stacks::UNSET };
            if let Some(end) = self.attempt(at)? {
                return Ok(Some((at, end)));
            }
            from = at + 1;
            if let Some(run) = leading_run.and_then(|run| program.runs.get(run as usize)).filter(|_| !refuses) {
                from = from.max(self.run_end(run.single, at, usize::MAX)?.saturating_add(1));
            }
        }
        Ok(None)
    }
}
