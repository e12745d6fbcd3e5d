//! Executors: compiled traces, to be entered.

use crate::code_memory::{Arena, Block, NoRoom};
use crate::lower::{COUNTERS_MAX, Exit, Link, LowerError, Lowerer, Plan, UNSETTLED, beside};
use crate::runtime::Runtime;
use crate::worth::{self, Worth};
use std::sync::Arc;
use typhon_jit_ir::{Arg, Const, SnapId, Trace};

/// A compiled trace. It holds nothing of any isolate: what machine code needs of one is given to it.
pub struct Executor {
    /// The trace as it was compiled: exits are rebuilt from its snapshots, bridges begin with what it knows.
    pub trace: Trace,
    exits: Vec<Exit>,
    code: Block,
    trampoline: Arc<Block>,
    /// The most values that an exit stores.
    left_max: usize,
    /// The machine code as text, if it was asked for.
    pub listing: Option<String>,
    /// What running it saves.
    pub worth: Worth,
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
        trace: Trace,
        plan: Plan,
        lowerer: &mut Lowerer,
        runtime: &Runtime,
        arena: &Arc<Arena>,
    ) -> Result<Self, NoExecutor> {
        let trampoline = lowerer.trampoline_in(arena)?;
        let plan = Plan { worth: plan.worth.less(worth::cost(&trace)), ..plan };
        let machine = lowerer.lower(&trace, plan, runtime)?;
        let code = arena.place(&machine.code)?;
        let values = machine.exits.iter().map(|exit| exit.values.len()).max().unwrap_or_default();
        let owes = machine.exits.iter().map(|exit| trace.snap(exit.snap).owes.len()).max().unwrap_or_default();
        // Settled exits leave what they owe behind the counters.
        let left_max = values.max(usize::from(COUNTERS_MAX) + owes);
        let (exits, listing, worth) = (machine.exits, machine.listing, plan.worth);
        Ok(Self { trace, exits, code, trampoline, left_max, listing, worth })
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
        if inputs.len() < self.trace.inputs.len() || left.len() < self.left_max + beside::COUNT {
            return None;
        }
        // SAFETY: the block holds a function of this type, made by `Lowerer::trampoline`, and lives while `self` is borrowed.
        let enter: Trampoline = unsafe { std::mem::transmute(self.trampoline.start()) };
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
        let values = exit.values.iter().zip(words).map(|(v, bits)| Const::of(self.trace.inst(*v).ty, *bits));
        Some(Left { exit, values: values.collect::<Option<_>>()? })
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
        let snaps = self.trace.snaps.iter().map(|snap| size_of_val(snap) + 32 * snap.slots.len());
        self.code.bytes().len() + size_of_val(&*self.trace.insts) + snaps.sum::<usize>()
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
