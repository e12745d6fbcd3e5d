//! Grafting: a bridge becomes a limb of the trace that it goes on from, in one function of machine code with it.
//!
//! Between two traces that are linked all registers go through memory, boxed, and the next one asks again what they hold. A limb takes
//! the values that the exit's snapshot names as they are. What the exit would have written is *pending*: the limb's own exits write it,
//! unless the limb has written over it, and what looks at registers finds them in memory. It ends in the loop of its trunk with what
//! that carries, if it has left alone what the loop relies on; else at the trunk's beginning; or it is left, as the bridge is.

mod header;
mod limb;

use crate::record::ROUNDS;
use crate::worth::Worth;
use limb::Graft;
use typhon_jit_ir::snapshot::place_number;
use typhon_jit_ir::trace::{Imm, Inst};
use typhon_jit_ir::{Arg, Helper, Slot, SnapId, Src, Trace};

/// Inputs that all traces have: the thread, the registers, the word that asks it to look up, and the frame's record.
const INPUTS: usize = 4;
/// Which of them the registers are.
const REGISTERS: usize = 1;
/// And that word.
const WAKE: usize = 2;

/// A bridge that is a part of the function of the trace that it goes on from.
#[derive(Clone, Debug)]
pub struct Limb {
    /// Whose exit it goes on from: the trunk's, or that of the limb before this number.
    pub parent: usize,
    /// Which one.
    pub exit: SnapId,
    /// What it does. Its inputs are values of its parent's.
    pub trace: Trace,
    /// Which.
    pub given: Vec<Arg>,
    /// What running it saves.
    pub worth: Worth,
    /// Where it ends in the tree.
    pub to: Option<Target>,
    /// Registers in memory whose values its loop knows.
    reads: Vec<u16>,
    /// Where the frames stand that it begins with, as a number, and what its inputs are to them. Nothing if there is more to it.
    begins: Option<(u64, Vec<(Slot, Arg)>)>,
    /// Whether somebody relies on that inputs are what they were when it was first come to.
    relied: bool,
    /// Inputs that are not.
    varies: Vec<bool>,
}

/// A point of a tree that limbs end at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The loop of a part, with what it carries.
    Loop(usize),
    /// The beginning of a limb, with its inputs.
    Limb(usize),
    /// The trunk's beginning.
    Trunk,
}

/// What becomes a limb: the way with which a trace begins, as it was recorded, or all of a trace.
#[derive(Clone, Debug)]
pub struct Way {
    /// What it does.
    pub trace: Trace,
    /// Registers in memory whose values its loop knows.
    pub reads: Vec<u16>,
}

/// A trace with its limbs.
#[derive(Clone, Debug)]
pub struct Tree {
    /// What is entered.
    pub trunk: Trace,
    /// Registers in memory whose values its loop knows.
    pub reads: Vec<u16>,
    /// What goes on in it, parents first.
    pub limbs: Vec<Limb>,
}

impl From<Trace> for Tree {
    fn from(trunk: Trace) -> Self {
        Self { trunk, reads: Vec::new(), limbs: Vec::new() }
    }
}

impl Tree {
    /// The trunk, or the limb before this number.
    pub fn part(&self, number: usize) -> &Trace {
        number.checked_sub(1).and_then(|i| self.limbs.get(i)).map_or(&self.trunk, |limb| &limb.trace)
    }

    /// How many instructions it has.
    pub fn size(&self) -> usize {
        (0..=self.limbs.len()).map(|part| self.part(part).order().count()).sum()
    }

    /// The limb that goes on at an exit of a part.
    pub fn limb_at(&self, part: usize, exit: SnapId) -> Option<usize> {
        self.limbs.iter().position(|limb| (limb.parent, limb.exit) == (part, exit)).map(|i| i + 1)
    }

    /// Has a trace go on at an exit of a part, where `start` is the trunk's beginning. Nothing if that cannot be.
    pub fn graft(&mut self, (part, exit): (usize, SnapId), way: &Way, worth: Worth, start: u64) -> Option<()> {
        let snap = self.part(part).snap(exit);
        let counts = |src: &Src| matches!(src, Src::Arg(rounds) if rounds.as_int() != Some(0));
        // Who has got nowhere is not to go on as if he had: that might come round for ever.
        let nowhere = part == 0 && place_number(&snap.frames) == start && !snap.slots.get(&ROUNDS).is_some_and(counts);
        if nowhere || self.limb_at(part, exit).is_some() {
            return None;
        }
        let Way { trace: way, reads } = way;
        let mut graft = Graft::new(self, part, exit, way)?;
        graft.enter(exit)?;
        for v in &way.head {
            graft.inst(*v)?;
        }
        let (end, to) = match &way.looped {
            Some(looped) => (graft.looped(looped)?, None),
            None => graft.end(start)?,
        };
        let Graft { b, given, begins, relies, varies, .. } = graft;
        for relied in relies {
            self.limbs[relied - 1].relied = true;
        }
        let varies = match (to, self.limb_mut(to)) {
            (Some(Target::Limb(_)), Some(limb)) => {
                limb.varies.iter_mut().zip(varies).for_each(|(varies, now)| *varies |= now);
                vec![false; given.len()]
            }
            // It comes round to itself.
            (Some(Target::Limb(_)), None) => varies,
            _ => vec![false; given.len()],
        };
        let trace = b.finish(end);
        self.limbs.push(Limb {
            parent: part,
            exit,
            trace,
            given,
            worth,
            to,
            reads: reads.clone(),
            begins,
            relied: false,
            varies,
        });
        Some(())
    }

    fn limb_mut(&mut self, to: Option<Target>) -> Option<&mut Limb> {
        match to {
            Some(Target::Limb(part)) => self.limbs.get_mut(part.checked_sub(1)?),
            _ => None,
        }
    }

    fn limb(&self, part: usize) -> Option<&Limb> {
        self.limbs.get(part.checked_sub(1)?)
    }

    /// What has been saved at an exit of a part beside what the trunk has: the ways of its limbs, and what a round of the loop that it
    /// is of saves more than one of the trunk's, of which that is given.
    pub fn saves(&self, part: usize, round: i64) -> (i64, i64) {
        let (mut ways, mut more, mut at) = (0, None, part);
        while let Some(limb) = self.limb(at) {
            match limb.trace.looped {
                Some(_) => more = more.or(Some(limb.worth.round - round)),
                // It comes round to its beginning.
                None if self.limbs.iter().any(|other| other.to == Some(Target::Limb(at))) => {
                    more = more.or(Some(limb.worth.way - round));
                }
                None => ways += limb.worth.way,
            }
            at = limb.parent;
        }
        (ways, more.unwrap_or_default())
    }

    fn reads(&self, part: usize) -> &[u16] {
        self.limb(part).map_or(&self.reads, |limb| &limb.reads)
    }

    /// A part and those that it goes on from, up to the trunk: each with the exit by which it was left.
    fn above(&self, part: usize, exit: SnapId) -> Vec<(usize, SnapId)> {
        let mut all = vec![(part, exit)];
        while let Some(limb) = all.last().and_then(|(part, _)| self.limb(*part)) {
            all.push((limb.parent, limb.exit));
        }
        all
    }

    /// The limbs that go on from a part, directly or not.
    fn below(&self, part: usize) -> Vec<usize> {
        let mut all = vec![part];
        for i in 1..=self.limbs.len() {
            if self.limb(i).is_some_and(|limb| all.contains(&limb.parent)) {
                all.push(i);
            }
        }
        all.remove(0);
        all
    }
}

/// The register that an instruction names.
fn register(inst: &Inst) -> Option<u16> {
    match inst.imm {
        Imm::Mem(_, offset) if offset % 8 == 0 => u16::try_from(offset / 8).ok(),
        _ => None,
    }
}

/// Whether the interpreter may look at registers.
fn looks_at_registers(inst: &Inst) -> bool {
    use Helper::{Generator, MayReturn, Poll, Pop, Push, Return, Step, Suspend};
    matches!(inst.imm, Imm::Call(Step | Push | Pop | Suspend | Generator | MayReturn | Return | Poll))
}
