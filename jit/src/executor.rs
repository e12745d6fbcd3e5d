//! Executors: compiled traces, to be entered.

use crate::code_memory::{Arena, Block, NoRoom};
use crate::graft::{Tree, Way};
use crate::lower::{COUNTERS_MAX, Doors, Exit, Link, LowerError, Lowerer, Plan, UNSETTLED, beside};
use crate::runtime::Runtime;
use crate::worth::{self, Worth};
use std::sync::Arc;
use typhon_jit_ir::{Arg, Const, End, Snap, SnapId};

/// A compiled trace. It holds nothing of any isolate: what machine code needs of one is given to it.
pub struct Executor {
    /// The trace and its limbs as they were compiled: exits are rebuilt from their snapshots.
    pub tree: Tree,
    exits: Vec<Exit>,
    code: Block,
    doors: Arc<Doors>,
    /// The most values that an exit stores.
    left_max: usize,
    /// The machine code as text, if it was asked for.
    pub listing: Option<String>,
    /// What running it saves.
    pub worth: Worth,
    /// What it was compiled by.
    pub plan: Plan,
    /// The way with which it begins, as it was recorded, or all of it if it is no bridge: what becomes a limb.
    pub way: Option<Arc<Way>>,
}

/// Why there is no executor for a trace.
#[derive(Debug, thiserror::Error)]
pub enum NoExecutor {
    /// It could not be lowered.
    #[error(transparent)]
    Lower(#[from] LowerError),
    /// There is no place for its code.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

/// How an executor was left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left<'e> {
    /// By which exit.
    pub exit: &'e Exit,
    /// What the exit's values were.
    pub values: Vec<Const>,
}

type Trampoline = extern "C" fn(code: *const u8, inputs: *mut u64, left: *mut u64, table: *const Link) -> u64;

impl Executor {
    /// Compiles a trace.
    pub fn compile(
        tree: impl Into<Tree>,
        plan: Plan,
        lowerer: &mut Lowerer,
        runtime: &Runtime,
        arena: &Arc<Arena>,
    ) -> Result<Self, NoExecutor> {
        let tree = tree.into();
        let doors = lowerer.doors_in(arena, runtime)?;
        let given = plan;
        let plan = Plan { worth: plan.worth.less(worth::cost(&tree.trunk)), ..plan };
        let machine = lowerer.lower(&tree, plan, runtime)?;
        let code = arena.place(&machine.code)?;
        let values = machine.exits.iter().map(|exit| exit.values.len()).max().unwrap_or_default();
        let owes =
            machine.exits.iter().map(|exit| tree.part(exit.part).snap(exit.snap).owes.len()).max().unwrap_or_default();
        // Settled exits leave what they owe behind the counters.
        let left_max = values.max(usize::from(COUNTERS_MAX) + owes);
        let (exits, listing, worth) = (machine.exits, machine.listing, plan.worth);
        Ok(Self { tree, exits, code, doors, left_max, listing, worth, plan: given, way: None })
    }

    /// Runs the trace until it is left.
    ///
    /// # Safety
    /// The inputs are what the trace was recorded for: its loads and stores are of memory that is there and nobody else's
    /// business, and the runtime's helpers may be called on this thread.
    pub unsafe fn enter(&self, inputs: &[u64]) -> Option<Left<'_>> {
        let (mut words, mut inputs) = (vec![0_u64; self.left_max + beside::COUNT], inputs.to_vec());
        let table = [const { Link::none() }; 1];
        // SAFETY: passed on to the caller; a trace that was not recorded has no links.
        let number = unsafe { self.run(&mut inputs, &mut words, table.as_ptr())? };
        let (exit, settled) = self.exit(number)?;
        debug_assert!(!settled, "who writes registers is entered otherwise");
        self.left(exit, &words[beside::COUNT..])
    }

    /// As [`Executor::enter`]: the exit's number, of whatever trace was left in the end: the word [`beside::TABLE`] says which. A
    /// settled exit leaves what the snapshot's counters are behind the words of [`beside`], and another one its values. The inputs
    /// become those of the trace that was left.
    ///
    /// # Safety
    /// As for [`Executor::enter`]; the table has a link for each exit behind its first, which are null or to code whose
    /// executor lives, with its own table.
    pub unsafe fn run(&self, inputs: &mut [u64], left: &mut [u64], table: *const Link) -> Option<u64> {
        if inputs.len() < self.tree.trunk.inputs.len() || left.len() < self.left_max + beside::COUNT {
            return None;
        }
        // SAFETY: the block holds a function of this type, made by `Lowerer::enter`, and lives while `self` is borrowed.
        let enter: Trampoline = unsafe { std::mem::transmute(self.doors.enter()) };
        Some(enter(self.code.start(), inputs.as_mut_ptr(), left.as_mut_ptr().wrapping_add(beside::COUNT), table))
    }

    /// The exit of a number that [`Executor::run`] gives, and whether it has written the frame's registers.
    pub fn exit(&self, number: u64) -> Option<(&Exit, bool)> {
        let exit = self.exits.get(usize::try_from(number & !UNSETTLED).ok()?)?;
        Some((exit, number & UNSETTLED == 0 && exit.settles))
    }

    /// Where its code begins.
    pub fn start(&self) -> *const u8 {
        self.code.start()
    }

    /// What an exit has left.
    pub fn left<'e>(&self, exit: &'e Exit, words: &[u64]) -> Option<Left<'e>> {
        let trace = self.tree.part(exit.part);
        let values = exit.values.iter().zip(words).map(|(v, bits)| Const::of(trace.inst(*v).ty, *bits));
        Some(Left { exit, values: values.collect::<Option<_>>()? })
    }

    /// What an exit leaves.
    pub fn snap(&self, exit: &Exit) -> &Snap {
        self.tree.part(exit.part).snap(exit.snap)
    }

    /// What leaving by an exit has saved after so many rounds.
    pub fn saved(&self, exit: &Exit, rounds: u64) -> i64 {
        let more = i64::try_from(rounds).unwrap_or(i64::MAX).saturating_mul(exit.saves.1);
        self.worth.of(rounds).saturating_add(exit.saves.0).saturating_add(more)
    }

    /// Whether an exit is where the trace, or a limb, ends.
    pub fn ends(&self, exit: &Exit) -> bool {
        self.tree.part(exit.part).end == End::Leave(exit.snap)
    }

    /// The exits, by number.
    pub fn exits(&self) -> &[Exit] {
        &self.exits
    }

    /// How many words an exit leaves at most.
    pub fn left_max(&self) -> usize {
        self.left_max
    }

    /// The machine code.
    pub fn code(&self) -> &[u8] {
        self.code.bytes()
    }

    /// Bytes it takes: what the cache's budget counts.
    pub fn bytes(&self) -> usize {
        let way = self.way.as_ref().map_or(0, |way| size_of_val(&*way.trace.insts));
        let parts = (0..=self.tree.limbs.len()).map(|part| {
            let trace = self.tree.part(part);
            let snaps = trace.snaps.iter().map(|snap| size_of_val(snap) + 32 * snap.slots.len());
            size_of_val(&*trace.insts) + snaps.sum::<usize>()
        });
        self.code.bytes().len() + way + parts.sum::<usize>()
    }
}

impl Left<'_> {
    /// The snapshot to go on from.
    pub fn snap(&self) -> SnapId {
        self.exit.snap
    }

    /// What an operand was.
    pub fn value(&self, arg: Arg) -> Option<Const> {
        match arg {
            Arg::Const(c) => Some(c),
            Arg::Var(v) => self.exit.values.iter().position(|held| *held == v).map(|i| self.values[i]),
        }
    }
}
