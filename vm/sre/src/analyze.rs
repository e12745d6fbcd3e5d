//! The analysis: what each choice of a program can begin with, so that hopeless choices are never made.
//!
//! Everything here is a superset: a choice is dropped only where no continuation could match. The work is bounded by
//! a number of visits per program; past it every set is "all", which is always right.

use crate::ops::{Branch, First, FirstKind, Masks, Mode, Op, Pc, Run, Single};
use crate::program::Program;
use crate::start::{self, Start};
use crate::words::Place;

/// Operations that one question may look at.
const VISITS_PER_QUESTION: usize = 256;

/// Operations that all questions about a program may look at, per operation of the program.
const VISITS_PER_OP: usize = 16;

pub(crate) fn analyze(program: &mut Program) {
    let mut firsts = Firsts {
        stamps: vec![0; program.code.len()],
        stamp: 0,
        todo: Vec::new(),
        left: program.code.len() * VISITS_PER_OP + 4096,
    };
    // Last to first, so that a branch behind a branch is known when it is asked for.
    for index in (0..program.branches.len()).rev() {
        firsts.branch(program, index);
    }
    for index in 0..program.splits.len() {
        let Some(split) = program.splits.get(index) else { continue };
        let (go, other) = (split.go, split.other);
        let (go_first, other_first) = (firsts.first(program, go), firsts.first(program, other));
        if let Some(split) = program.splits.get_mut(index) {
            (split.go_first, split.other_first) = (go_first, other_first);
        }
    }
    for pc in 0..program.code.len() {
        if let Some(&Op::Run(run)) = program.code.get(pc) {
            firsts.run(program, pc as Pc, run as usize);
        }
    }
    let first = firsts.first(program, 0);
    program.start = start::choose(program, first);
}

struct Firsts {
    /// The question that visited an operation last.
    stamps: Vec<u32>,
    stamp: u32,
    todo: Vec<Pc>,
    left: usize,
}

impl Firsts {
    /// What a match from `pc` on can begin with.
    fn first(&mut self, program: &Program, pc: Pc) -> First {
        self.stamp += 1;
        self.todo.clear();
        self.todo.push(pc);
        let mut first = First::NONE;
        let mut visits = VISITS_PER_QUESTION;
        while let Some(pc) = self.todo.pop() {
            let Some(stamp) = self.stamps.get_mut(pc as usize) else { return First::ALL };
            if *stamp == self.stamp {
                continue;
            }
            *stamp = self.stamp;
            if visits == 0 || self.left == 0 {
                return First::ALL;
            }
            visits -= 1;
            self.left -= 1;
            if !self.visit(program, pc, &mut first) {
                return First::ALL;
            }
        }
        first.kind = kind(&first);
        first
    }

    /// Adds what the operation can begin with, or where to look on; false where nothing is known.
    fn visit(&mut self, program: &Program, pc: Pc, first: &mut First) -> bool {
        let Some(&op) = program.code.get(pc as usize) else { return false };
        let next = pc + 1;
        match op {
            // What follows an atomic end must not choose inside: the group has matched whether or not that goes on.
            Op::AssertEnd | Op::AssertNotEnd | Op::AtomicEnd | Op::PossessiveEnd(_) => return false,
            Op::Match | Op::Backref { .. } => return false,
            Op::Fail => {}
            Op::Nop | Op::Poll(_) | Op::Mark(_) | Op::Peek { .. } | Op::Atomic => self.todo.push(next),
            Op::Literal(c) => first.add(c),
            Op::Text { start, len } => match program.text(start, len).first() {
                Some(&c) => first.add(c),
                None => return false,
            },
            Op::NotLiteral(c) => add_single(program, Single::NotLiteral(c), first),
            Op::Any => add_single(program, Single::Any, first),
            Op::AnyAll => add_single(program, Single::AnyAll, first),
            Op::Set(set) => add_single(program, Single::Set(set), first),
            Op::At(Place::EndString) => first.at_end = true,
            Op::At(Place::End | Place::EndLine) => {
                first.at_end = true;
                first.add(10);
            }
            Op::At(_) => self.todo.push(next),
            Op::IfGroup { otherwise, .. } => self.todo.extend([next, otherwise]),
            Op::Jump(to) => self.todo.push(to),
            Op::Assert { after, .. } | Op::AssertNot { after, .. } => self.todo.push(after),
            Op::Branch(branch) => match program.branches.get(branch as usize) {
                Some(branch) => self.todo.extend(&branch.ways),
                None => return false,
            },
            Op::Split(split) => match program.splits.get(split as usize) {
                Some(split) => self.todo.extend([split.go, split.other]),
                None => return false,
            },
            Op::Run(run) => match program.runs.get(run as usize) {
                Some(run) => {
                    if run.max > 0 {
                        add_single(program, run.single, first);
                    }
                    if run.min == 0 {
                        self.todo.push(next);
                    }
                }
                None => return false,
            },
            Op::RepeatInit(repeat) | Op::RepeatUntil(repeat) | Op::PossessiveInit(repeat) => {
                match program.repeats.get(repeat as usize) {
                    Some(repeat) => self.todo.extend([repeat.body, repeat.tail]),
                    None => return false,
                }
            }
        }
        true
    }

    fn branch(&mut self, program: &mut Program, index: usize) {
        let Some(ways) = program.branches.get(index).map(|branch| branch.ways.clone()) else { return };
        let mut wide = Box::new([0u64; 256]);
        let (mut high, mut at_end) = (0, 0);
        for (way, &pc) in ways.iter().enumerate() {
            let first = self.first(program, pc);
            let bit = 1u64 << (way & 63);
            for c in first.each_low() {
                wide[usize::from(c)] |= bit;
            }
            high |= if first.high { bit } else { 0 };
            at_end |= if first.at_end { bit } else { 0 };
        }
        let low =
            if ways.len() <= 8 { Masks::Narrow(Box::new(wide.map(|mask| mask as u8))) } else { Masks::Wide(wide) };
        if let Some(branch) = program.branches.get_mut(index) {
            *branch = Branch { ways, low, high, at_end };
        }
    }

    /// What follows a run; and where that cannot begin inside the run, the run need not give anything back.
    fn run(&mut self, program: &mut Program, pc: Pc, index: usize) {
        let next = self.first(program, pc + 1);
        let Some(run) = program.runs.get(index) else { return };
        let mut inside = First::NONE;
        add_single(program, run.single, &mut inside);
        let firm = inside.is_disjoint(&next) || (run.min > 0 && ends_word(program, run, pc));
        if let Some(run) = program.runs.get_mut(index) {
            run.next = next;
            if run.mode == Mode::Greedy && firm {
                run.mode = Mode::Possessive;
            }
        }
    }
}

/// Whether the run takes only word characters and a word boundary must follow: none is inside the run.
fn ends_word(program: &Program, run: &Run, pc: Pc) -> bool {
    let mut pc = pc as usize + 1;
    while let Some(Op::Mark(_)) = program.code.get(pc) {
        pc += 1;
    }
    let Single::Set(set) = run.single else { return false };
    let Some(set) = program.sets.get(set as usize) else { return false };
    match program.code.get(pc) {
        Some(Op::At(Place::UniBoundary)) => {
            (!set.may_be_high() || set.is_unicode_word())
                && set.table.iter().zip(program.words).all(|(&has, &word)| word || !has)
        }
        Some(Op::At(Place::Boundary | Place::LocBoundary)) => {
            !set.may_be_high() && (0u32..).zip(set.table.iter()).all(|(c, &has)| !has || crate::ucd::ascii_is_word(c))
        }
        _ => false,
    }
}

pub(crate) fn add_single(program: &Program, single: Single, first: &mut First) {
    match single {
        Single::Never => {}
        Single::Literal(c) => first.add(c),
        Single::AnyAll => add_all_but(None, first),
        Single::Any => add_all_but(Some(10), first),
        Single::NotLiteral(c) => add_all_but(Some(c), first),
        Single::Set(set) => match program.sets.get(set as usize) {
            Some(set) => {
                first.low.iter_mut().zip(&set.low).for_each(|(word, more)| *word |= more);
                first.high |= set.may_be_high();
            }
            None => add_all_but(None, first),
        },
    }
}

fn add_all_but(but: Option<u32>, first: &mut First) {
    for c in (0..256).filter(|&c| Some(c) != but) {
        first.add(c);
    }
    first.high = true;
}

fn kind(first: &First) -> FirstKind {
    let count: u32 = first.low.iter().map(|word| word.count_ones()).sum();
    if first.high && first.at_end && count == 256 {
        FirstKind::All
    } else if count == 1 && !first.high && !first.at_end {
        let only = (0..256).find(|&c| first.has_low(c));
        only.map_or(FirstKind::Some, FirstKind::Only)
    } else {
        FirstKind::Some
    }
}

/// The run that a search starts with, if a failure at one place of the run is a failure at all of them.
///
/// The run has no upper bound and nothing but MARKs before it, and nothing in the pattern looks at groups. A match
/// from a later place of the run would leave the run at a place that the failed attempt has tried already.
pub(crate) fn leading_run(program: &Program) -> Option<u32> {
    let run = program.code.iter().find_map(|op| match op {
        Op::Mark(_) => None,
        Op::Run(run) => Some(Some(*run)),
        _ => Some(None),
    })??;
    let endless = program.runs.get(run as usize)?.max == usize::MAX;
    (endless && !program.refers_to_groups && !matches!(program.start, Start::Text { .. })).then_some(run)
}
