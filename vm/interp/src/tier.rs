//! Tiers: who looks at hot loops and functions, and takes some of them over.
//!
//! A thread that has a second tier runs units whose backward jumps and beginnings are counted. When a count ends, the tier is
//! called: it may carry the loop or the function on by itself, and says where the interpreter goes on. Units without one pay
//! nothing.

use crate::unit::Unit;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use typhon_isa::{Code, CodeFlags, Opcode, Word};
use typhon_object::error::Exc;
use typhon_object::{Thread, Value};

/// Where isolates get their second tiers: a process's compiler.
pub trait Tiers: Send + Sync {
    /// One for a new isolate.
    fn tier(&self) -> Arc<dyn Tier>;
}

/// A tracing compiler, as an isolate has it: what all threads of it share.
pub trait Tier: Send + Sync {
    /// How often a loop goes round, and how often a function is called, before [`Tier2::at`] is called for it first.
    fn first(&self) -> (u64, u64);

    /// A thread's part, made when the thread first comes to a loop that is hot.
    fn part(self: Arc<Self>) -> Rc<dyn Tier2>;

    /// What all parts have done, by name.
    fn counters(&self) -> Vec<(&'static str, u64)>;

    /// What compiling for the isolate has cost so far, on whatever threads; not what is being compiled now.
    fn spent(&self) -> Spent;
}

/// What compiling has cost.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Spent {
    /// Of whoever compiled, in vain or not.
    pub time: Duration,
    /// Of the machine code that was made.
    pub code_bytes: u64,
}

/// A thread's part of the tracing compiler, as the interpreter sees it: called by that thread only.
pub trait Tier2 {
    /// A loop is about to go round, or a function to begin. The registers are the tier's until it returns: what they hold then is
    /// what the interpreter finds at [`Went::offset`].
    fn at(&self, at: &At<'_>) -> Went;
}

/// What is hot.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Hot {
    /// A loop, by the offset of its header: the frame stands at a backward jump to it.
    Loop {
        /// Where the jump goes to.
        target: u32,
    },
    /// A function: the frame stands at the Resume that its body begins with.
    Call,
    /// What stands behind a call, by its offset: what it has called was taken over, and has returned.
    Returned {
        /// Where the frame goes on.
        target: u32,
    },
}

/// Where a frame stands.
#[derive(Clone, Copy)]
pub struct At<'t> {
    /// The thread.
    pub t: &'t Thread,
    /// The code, as it has been specialized.
    pub unit: &'t Unit,
    /// The offset of the instruction that counts.
    pub offset: u32,
    /// What is hot there.
    pub hot: Hot,
    registers: *mut u64,
}

/// How the interpreter goes on.
pub struct Went {
    /// At which offset.
    pub offset: u32,
    /// How often the loop goes round, or the function is called, before the tier is called again.
    pub again: u64,
    /// Not at all: the instruction there has raised this.
    pub raised: Option<Exc>,
}

impl Went {
    /// The offset that says: where the frame on top goes on, as its record says (`eval::follow`). If something was raised,
    /// that lies behind the instruction's word.
    pub const BY_FRAME: u32 = u32::MAX;
}

impl<'t> At<'t> {
    /// The frame with these registers.
    ///
    /// # Safety
    /// `registers` are those of a frame of `unit`, which is at `offset`, where that is hot which `hot` says.
    pub(crate) unsafe fn new(t: &'t Thread, unit: &'t Unit, offset: u32, hot: Hot, registers: *mut u64) -> Self {
        Self { t, unit, offset, hot, registers }
    }

    /// Where the frame goes on: the loop's header, or behind the function's beginning.
    #[inline]
    pub fn target(&self) -> u32 {
        match self.hot {
            Hot::Loop { target } | Hot::Returned { target } => target,
            Hot::Call => self.offset + 1,
        }
    }

    /// The loop's header, if it is a loop.
    #[inline]
    pub fn header(&self) -> Option<u32> {
        match self.hot {
            Hot::Loop { target } => Some(target),
            Hot::Call | Hot::Returned { .. } => None,
        }
    }

    /// The frame's registers, `unit.register_count` of them, each with the word of a value that it owns.
    #[inline]
    pub fn registers(&self) -> *mut u64 {
        self.registers
    }

    /// What register `i` holds.
    #[inline]
    pub fn register(&self, i: usize) -> Option<&Value> {
        // SAFETY: the register is the frame's, and holds a value's word.
        (i < self.unit.register_count).then(|| unsafe { &*self.registers.add(i).cast::<Value>() })
    }
}

#[derive(Default)]
struct Installed(OnceLock<Arc<dyn Tier>>);

/// Gives the isolate a second tier, unless it has one. Units that were made before are not looked at.
pub fn install(t: &Thread, tier: Arc<dyn Tier>) {
    t.state::<Installed>().0.get_or_init(|| tier);
}

/// The isolate's second tier.
pub fn of(t: &Thread) -> Option<&dyn Tier> {
    t.state::<Installed>().0.get().map(Arc::as_ref)
}

/// A thread's part of its isolate's second tier.
#[derive(Default)]
pub(crate) struct Own {
    part: RefCell<Option<Rc<dyn Tier2>>>,
    /// The thread ends: no other is made.
    ended: Cell<bool>,
}

impl Own {
    /// The thread's part, made on first use.
    pub(crate) fn of(&self, t: &Thread) -> Option<Rc<dyn Tier2>> {
        if let Some(part) = &*self.part.borrow() {
            return Some(part.clone());
        }
        if self.ended.get() {
            return None;
        }
        let made = t.state::<Installed>().0.get()?.clone().part();
        self.part.replace(Some(made.clone()));
        Some(made)
    }

    /// Lets go of it: the thread ends. No loop runs.
    pub(crate) fn end(&self) {
        self.ended.set(true);
        drop(self.part.take());
    }
}

/// The instructions of a new unit: with a second tier, its backward jumps count, and, if it is no generator's, its beginning.
pub(crate) fn words(t: &Thread, code: &Code) -> Box<[Cell<u64>]> {
    let words: Box<[Cell<u64>]> = code.words.iter().map(|w| Cell::new(w.0)).collect();
    let Some(tier) = of(t) else { return words };
    let (loops, calls) = tier.first();
    let suspends = CodeFlags::GENERATOR | CodeFlags::COROUTINE | CodeFlags::ASYNC_GENERATOR;
    let first = i32::try_from(calls).ok().filter(|_| code.flags & suspends == 0);
    let mut at = 0;
    while let Some(op) = words.get(at).and_then(|w| Opcode::from_u8(Word(w.get()).op())) {
        if op == Opcode::JumpBack {
            words[at].set(Word(words[at].get()).with_op(Opcode::JumpBackCounted).0);
            words[at + 1].set(loops);
        } else if let (Opcode::Resume, Some(calls)) = (op, first) {
            words[at].set(Word(words[at].get()).with_op(Opcode::ResumeCounted).with_bc(calls).0);
        }
        at += 1 + op.extra();
    }
    words
}
