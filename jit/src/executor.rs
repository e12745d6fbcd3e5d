//! Executors: compiled traces, to be entered.

use crate::code_memory::{Arena, Block, NoRoom};
use crate::lower::{COUNTERS_MAX, Exit, LowerError, Lowerer, UNSETTLED};
use crate::runtime::Runtime;
use crate::worth::Worth;
use std::sync::Arc;
use typhon_jit_ir::{Arg, Const, SnapId, Trace};

/// A compiled trace. It holds nothing of any isolate: what machine code needs of one is given to it.
pub struct Executor {
    /// The trace as it was compiled: exits are rebuilt from its snapshots, bridges begin with what it knows.
    pub trace: Trace,
    exits: Vec<Exit>,
    code: Block,
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

type Entry = extern "C" fn(inputs: *const u64, left: *mut u64) -> u64;

impl Executor {
    /// Compiles a trace.
    pub fn compile(
        trace: Trace,
        lowerer: &mut Lowerer,
        runtime: &Runtime,
        arena: &Arc<Arena>,
    ) -> Result<Self, NoExecutor> {
        let machine = lowerer.lower(&trace, runtime)?;
        let code = arena.place(&machine.code)?;
        let values = machine.exits.iter().map(|exit| exit.values.len()).max().unwrap_or_default();
        let left_max = values.max(usize::from(COUNTERS_MAX));
        Ok(Self { trace, exits: machine.exits, code, left_max, listing: machine.listing, worth: Worth::default() })
    }

    /// Runs the trace until it is left.
    ///
    /// # Safety
    /// The inputs are what the trace was recorded for: its loads and stores are of memory that is there and nobody else's
    /// business, and the runtime's helpers may be called on this thread.
    pub unsafe fn enter(&self, inputs: &[u64]) -> Option<Left<'_>> {
        let mut words = vec![0_u64; self.left_max];
        // SAFETY: passed on to the caller.
        let (number, _) = unsafe { self.run(inputs, &mut words)? };
        self.left(self.exits.get(number)?, &words)
    }

    /// As [`Executor::enter`]: the exit's number, and whether it has written the frame's registers. If so, `left` begins with
    /// what the snapshot's counters are, and otherwise with the exit's values.
    ///
    /// # Safety
    /// As for [`Executor::enter`].
    pub unsafe fn run(&self, inputs: &[u64], left: &mut [u64]) -> Option<(usize, bool)> {
        if inputs.len() < self.trace.inputs.len() || left.len() < self.left_max {
            return None;
        }
        // SAFETY: the block holds a function of this type, made by `Lowerer::lower`, and lives while `self` is borrowed.
        let entry: Entry = unsafe { std::mem::transmute(self.code.start()) };
        let number = entry(inputs.as_ptr(), left.as_mut_ptr());
        let settled = number & UNSETTLED == 0;
        let number = usize::try_from(number & !UNSETTLED).ok().filter(|number| *number < self.exits.len())?;
        Some((number, settled && self.exits[number].settles))
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
