//! Blocks: operators that contain others, opened at their first word and closed at their last.

use super::Decoder;
use crate::ops::{Branch, First, Masks, Op, Repeat, Single, Split, bound};
use crate::program::CodeError;
use crate::words::Opcode;

/// A construct whose contents are being decoded.
pub(super) struct Block {
    kind: Kind,
    /// Where its contents end.
    pub(super) end: usize,
    /// The least number of characters that what was decoded so far takes.
    pub(super) width: u64,
}

enum Kind {
    Top,
    /// `at` is the operation that opened it.
    Assert {
        at: usize,
        back: u32,
        negate: bool,
    },
    Atomic,
    /// One way of a branch; `jumps` leave the finished ways, `width` is the least of theirs.
    Way {
        branch: usize,
        jumps: Vec<usize>,
        width: u64,
        target: Option<usize>,
    },
    Yes {
        at: usize,
    },
    No {
        jump: usize,
        width: u64,
    },
    Repeat {
        at: usize,
        min: u32,
        max: u32,
        possessive: bool,
    },
}

/// The most ways a branch has; the last one leads to the next branch if there are more.
const WAYS_MAX: usize = 63;

impl Block {
    pub(super) fn top(end: usize) -> Self {
        Self { kind: Kind::Top, end, width: 0 }
    }
}

impl Decoder<'_> {
    fn open(&mut self, kind: Kind, end: usize) {
        self.here();
        self.blocks.push(Block { kind, end, width: 0 });
    }

    /// The last word before `end` must be SUCCESS; the result is its index.
    fn success_before(&self, end: usize) -> Result<usize, CodeError> {
        match end.checked_sub(1) {
            Some(last) if last >= self.pos && self.code.get(last) == Some(&(Opcode::Success as u32)) => Ok(last),
            _ => self.error("no SUCCESS at the end of a block"),
        }
    }

    pub(super) fn open_assert(&mut self, negate: bool) -> Result<(), CodeError> {
        let end = self.skip()?;
        let back = self.word()?;
        let last = self.success_before(end)?;
        let op = if negate { Op::AssertNot { after: 0, back } } else { Op::Assert { after: 0, back } };
        let at = self.emit(op);
        self.open(Kind::Assert { at, back, negate }, last);
        Ok(())
    }

    pub(super) fn open_atomic(&mut self) -> Result<(), CodeError> {
        let end = self.skip()?;
        let last = self.success_before(end)?;
        self.emit(Op::Atomic);
        self.open(Kind::Atomic, last);
        Ok(())
    }

    pub(super) fn open_repeat(&mut self, possessive: bool) -> Result<(), CodeError> {
        let end = self.skip()?;
        let (min, max) = self.bounds()?;
        let at = self.emit(Op::Nop);
        self.open(Kind::Repeat { at, min, max, possessive }, end);
        Ok(())
    }

    pub(super) fn open_condition(&mut self) -> Result<(), CodeError> {
        let group = self.word()?;
        // This skip counts from the word before it.
        self.pos -= 1;
        let from = self.pos;
        let skip = self.code.get(from + 1).copied().unwrap_or(0) as usize;
        self.pos += 2;
        let end = from.saturating_add(skip);
        if group >= self.out.groups {
            return self.error("a condition on no group");
        }
        if end < self.pos || end > self.blocks.last().map_or(0, |block| block.end) {
            return self.error("a skip leaves its block");
        }
        self.out.refers_to_groups = true;
        let at = self.emit(Op::IfGroup { group, otherwise: 0 });
        self.open(Kind::Yes { at }, end);
        Ok(())
    }

    pub(super) fn open_branch(&mut self) -> Result<(), CodeError> {
        let branch = self.out.branches.len();
        self.out.branches.push(Branch { ways: Vec::new(), low: Masks::Narrow(Box::new([0; 256])), high: 0, at_end: 0 });
        self.emit(Op::Branch(branch as u32));
        self.open_way(branch, Vec::new(), u64::MAX, None)
    }

    fn open_way(
        &mut self,
        branch: usize,
        jumps: Vec<usize>,
        width: u64,
        target: Option<usize>,
    ) -> Result<(), CodeError> {
        let end = self.skip()?;
        // The way's last two words are its JUMP.
        let Some(end) = end.checked_sub(2).filter(|&end| end >= self.pos) else {
            return self.error("a way of a branch without JUMP");
        };
        let here = self.here();
        if let Some(branch) = self.out.branches.get_mut(branch) {
            branch.ways.push(here);
        }
        self.open(Kind::Way { branch, jumps, width, target }, end);
        Ok(())
    }

    /// A JUMP inside a block: only the one between the two sides of a condition.
    pub(super) fn jump(&mut self) -> Result<(), CodeError> {
        let from = self.pos;
        let target = from.saturating_add(self.word()? as usize);
        let outer = self.blocks.len().checked_sub(2).and_then(|outer| self.blocks.get(outer)).map_or(0, |b| b.end);
        match self.blocks.last() {
            Some(&Block { kind: Kind::Yes { at }, end, width }) if self.pos == end => {
                if target < self.pos || target > outer {
                    return self.error("a skip leaves its block");
                }
                self.blocks.pop();
                let jump = self.emit(Op::Jump(0));
                self.patch(at);
                self.open(Kind::No { jump, width }, target);
                Ok(())
            }
            _ => self.error("a JUMP that may not stand here"),
        }
    }

    /// Lets the operation at `at` lead to the next one.
    fn patch(&mut self, at: usize) {
        let here = self.here();
        if let Some(
            Op::Jump(to)
            | Op::IfGroup { otherwise: to, .. }
            | Op::Assert { after: to, .. }
            | Op::AssertNot { after: to, .. },
        ) = self.out.code.get_mut(at)
        {
            *to = here;
        }
    }

    pub(super) fn close(&mut self) -> Result<(), CodeError> {
        let Some(Block { kind, width, .. }) = self.blocks.pop() else { return Ok(()) };
        match kind {
            Kind::Top => {
                self.pos += 1;
                self.emit(Op::Match);
                self.out.width_min = usize::try_from(width).unwrap_or(usize::MAX);
                self.link();
            }
            Kind::Assert { at, back, negate } => {
                self.pos += 1;
                self.close_assert(at, back, negate);
            }
            Kind::Atomic => {
                self.pos += 1;
                self.emit(Op::AtomicEnd);
                self.here();
                self.widen(width);
            }
            Kind::Way { branch, jumps, width: before, target } => {
                return self.close_way(branch, jumps, width.min(before), target);
            }
            Kind::Yes { at } => self.patch(at),
            Kind::No { jump, width: yes } => {
                self.patch(jump);
                self.widen(width.min(yes));
            }
            Kind::Repeat { at, min, max, possessive } => {
                self.close_repeat(at, min, max, possessive, width)?;
                self.widen(width.saturating_mul(u64::from(min)));
            }
        }
        Ok(())
    }

    /// An assertion about one character becomes a [`Op::Peek`].
    fn close_assert(&mut self, at: usize, back: u32, negate: bool) {
        let body = self.out.code.get(at + 1..).unwrap_or(&[]);
        let single = match body {
            [Op::Literal(c)] => Some(Single::Literal(*c)),
            [Op::NotLiteral(c)] => Some(Single::NotLiteral(*c)),
            [Op::Any] => Some(Single::Any),
            [Op::AnyAll] => Some(Single::AnyAll),
            [Op::Set(set)] => Some(Single::Set(*set)),
            _ => None,
        };
        if let Some(single) = single {
            self.out.code.truncate(at);
            let index = self.out.singles.len() as u32;
            self.out.singles.push(single);
            self.emit(Op::Peek { single: index, back, negate });
            self.here();
            return;
        }
        self.emit(if negate { Op::AssertNotEnd } else { Op::AssertEnd });
        self.patch(at);
    }

    fn close_way(
        &mut self,
        branch: usize,
        mut jumps: Vec<usize>,
        width: u64,
        target: Option<usize>,
    ) -> Result<(), CodeError> {
        self.expect(Opcode::Jump, "a way of a branch without JUMP")?;
        let from = self.pos;
        let to = from.saturating_add(self.word()? as usize);
        if target.is_some_and(|target| target != to) {
            return self.error("ways of a branch with different ends");
        }
        if self.code.get(self.pos) != Some(&0) {
            jumps.push(self.emit(Op::Jump(0)));
            return self.open_way(branch, jumps, width, Some(to));
        }
        self.pos += 1;
        if self.pos != to {
            return self.error("a branch does not end where its ways jump");
        }
        for jump in jumps {
            self.patch(jump);
        }
        self.here();
        self.widen(width);
        self.chain(branch);
        Ok(())
    }

    /// Moves the ways past the 63rd to further branches.
    fn chain(&mut self, branch: usize) {
        let mut at = branch;
        while let Some(ways) = self.out.branches.get_mut(at).map(|b| &mut b.ways).filter(|w| w.len() > WAYS_MAX) {
            let rest = ways.split_off(WAYS_MAX);
            let next = self.out.branches.len();
            self.links.push((at, next));
            at = next;
            self.out.branches.push(Branch { ways: rest, low: Masks::Narrow(Box::new([0; 256])), high: 0, at_end: 0 });
        }
    }

    /// Gives each branch that has a continuation a way to it, behind the end of the pattern.
    fn link(&mut self) {
        for (branch, next) in std::mem::take(&mut self.links) {
            self.out.code.push(Op::Branch(next as u32));
            let pc = self.out.code.len() as u32 - 1;
            if let Some(branch) = self.out.branches.get_mut(branch) {
                branch.ways.push(pc);
            }
        }
    }

    fn close_repeat(&mut self, at: usize, min: u32, max: u32, possessive: bool, width: u64) -> Result<(), CodeError> {
        let until = self.opcode()?;
        let lazy = match (until, possessive) {
            (Opcode::Success, true) | (Opcode::MaxUntil, false) => false,
            (Opcode::MinUntil, false) => true,
            _ => {
                self.pos -= 1;
                return self.error("a repeat without its end");
            }
        };
        let end = self.here();
        let body = at as u32 + 1;
        let nullable = width == 0;
        let (entry, exit) = if possessive {
            let repeat = self.repeat(min, max, false, body, end + 1);
            (Op::PossessiveInit(repeat), Some(Op::PossessiveEnd(repeat)))
        } else if (min, max) == (0, 1) {
            let (go, other) = if lazy { (end, body) } else { (body, end) };
            (self.split(go, other), None)
        } else if (min, max) == (1, 1) {
            (Op::Nop, None)
        } else if min <= 1 && bound(max) == usize::MAX && !nullable {
            let (go, other) = if lazy { (end + 1, body) } else { (body, end + 1) };
            let entry = if min == 0 { Op::Jump(end) } else { Op::Nop };
            (entry, Some(self.split(go, other)))
        } else {
            let repeat = self.repeat(min, max, lazy, body, end + 1);
            (Op::RepeatInit(repeat), Some(Op::RepeatUntil(repeat)))
        };
        if let Some(op) = self.out.code.get_mut(at) {
            *op = entry;
        }
        if let Some(op) = exit {
            self.unpolled = 0;
            self.emit(op);
        }
        self.here();
        Ok(())
    }

    fn split(&mut self, go: u32, other: u32) -> Op {
        self.out.splits.push(Split { go, other, go_first: First::ALL, other_first: First::ALL });
        Op::Split(self.out.splits.len() as u32 - 1)
    }

    fn repeat(&mut self, min: u32, max: u32, lazy: bool, body: u32, tail: u32) -> u32 {
        let slot = self.out.slots as u32;
        self.out.slots += 2;
        self.out.repeats.push(Repeat { min: min as usize, max: bound(max), lazy, body, tail, slot });
        self.out.repeats.len() as u32 - 1
    }
}
