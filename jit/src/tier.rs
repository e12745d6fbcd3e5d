//! The tier that the interpreter calls: it enters what is compiled for a loop, or has it recorded and compiled.
//!
//! This one compiles at once on the running thread (`TYPHON_JIT=sync`), with fixed thresholds: what it does depends on the
//! program only. A loop whose recording is given up is tried again, ever later, and in the end not any more.

use crate::abort::{self, Abort, Reason};
use crate::cache::{Cache, CodeHash, Entry, Key, Variant};
use crate::code_memory::Arena;
use crate::executor::Executor;
use crate::lower::{LowerError, Lowerer};
use crate::params::Params;
use crate::record::{ROUNDS, Recorded, is_kind, record};
use crate::vm::{Objects, RUNTIME};
use crate::worker::{Compiler, NoVariant};
use rustc_hash::FxHashMap;
use sha2::{Digest, Sha256};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use typhon_interp::tier::{At, Tier2, Went};
use typhon_isa::Code;
use typhon_jit_ir::opt;
use typhon_jit_ir::run::rebuild;
use typhon_jit_ir::word::Word;
use typhon_object::Thread;

/// Tries after which a loop is let be.
const TRIES: u32 = 6;
/// Entries after which it is looked whether they were worth it.
const ENTRIES: u64 = 32;
/// Rounds that an entry is worth: coming and going costs as much as the interpreter needs for some of them.
const ROUNDS_MIN: u64 = 10;
/// How often in a row a loop whose entries are not worth it is let be twice as long as before.
const POOR_MAX: u32 = 12;

/// What an isolate has of the trace compiler.
pub struct Jit {
    params: Params,
    compiler: Arc<Compiler>,
    lowerer: RefCell<Lowerer>,
    sites: RefCell<FxHashMap<(usize, u32), Site>>,
    /// Why recordings were given up.
    pub aborts: abort::Counts,
}

/// What is known of one loop.
struct Site {
    /// Keeps the address from being another's.
    code: Arc<Code>,
    key: Key,
    variants: Vec<Arc<Variant>>,
    tries: u32,
    /// Entries since it was looked, and rounds that they went.
    entries: u64,
    rounds: u64,
    /// How often in a row they were not worth it.
    poor: u32,
}

impl Jit {
    /// A tier with a process's cache.
    pub fn new(params: Params, compiler: Arc<Compiler>) -> Result<Self, LowerError> {
        let (lowerer, sites) = (RefCell::new(Lowerer::new()?), RefCell::default());
        Ok(Self { params, compiler, lowerer, sites, aborts: abort::Counts::default() })
    }

    /// What all isolates of a process share.
    pub fn compiler(params: &Params) -> Arc<Compiler> {
        let bytes = usize::try_from(params.code_bytes).unwrap_or(usize::MAX);
        Arc::new(Compiler { cache: Cache::new(params), arena: Arena::new(bytes), runtime: RUNTIME })
    }

    /// Gives an isolate this tier.
    pub fn install(self: &Rc<Self>, t: &Thread) {
        typhon_interp::tier::install(t, self.clone());
    }

    /// The process's cache.
    pub fn cache(&self) -> &Cache {
        &self.compiler.cache
    }

    /// The executor for what the registers hold now: the site's own, the process's, or a new one.
    fn variant(&self, at: &At<'_>, site: &mut Site) -> Result<Arc<Variant>, Abort> {
        let fits = |wants: &crate::cache::LiveIn| {
            wants.iter().all(|(r, kind)| at.register((*r).into()).is_some_and(|v| is_kind(v, *kind)))
        };
        if let Some(variant) = site.variants.iter().find(|variant| fits(&variant.live_in)) {
            return Ok(variant.clone());
        }
        let give_up = |reason| Err(Abort { reason, offset: at.target, opcode: None });
        if site.variants.len() as u64 >= self.params.variants_max {
            return give_up(Reason::Variants);
        }
        let variant = match self.compiler.cache.find(&site.key, fits) {
            Some(variant) => variant,
            None => match self.compile(site.key, record(at)?) {
                Ok(variant) => variant,
                Err(_) => return give_up(Reason::Compiler),
            },
        };
        site.variants.push(variant.clone());
        Ok(variant)
    }

    fn compile(&self, key: Key, recorded: Recorded) -> Result<Arc<Variant>, NoVariant> {
        let claim = self.compiler.cache.claim(key, recorded.live_in).ok_or(NoVariant::Unwanted)?;
        let trace = opt::optimize(&recorded.trace);
        let (runtime, arena) = (&self.compiler.runtime, &self.compiler.arena);
        let executor = Executor::compile(trace, &mut self.lowerer.borrow_mut(), runtime, arena)?;
        Ok(claim.commit(executor)?)
    }

    /// How long to let a loop be whose recording was given up.
    fn later(&self, site: &mut Site, abort: Abort) -> u64 {
        self.aborts.count(abort.reason);
        site.tries += 1;
        let passing = abort.reason.is_passing() && site.tries < TRIES;
        if passing { self.params.loop_hot << site.tries } else { u64::MAX }
    }
}

impl Tier2 for Jit {
    fn first(&self) -> u64 {
        self.params.loop_hot
    }

    fn at_loop(&self, at: &At<'_>) -> Went {
        let mut sites = self.sites.borrow_mut();
        let site = sites.entry((std::ptr::from_ref(at.unit) as usize, at.target)).or_insert_with(|| Site::new(at));
        if !Arc::ptr_eq(&site.code, &at.unit.code) {
            *site = Site::new(at);
        }
        match self.variant(at, site) {
            Ok(variant) => {
                let (went, rounds) = enter(at, &variant);
                Went { again: site.entered(rounds, &self.params), ..went }
            }
            Err(abort) => Went { offset: at.target, again: self.later(site, abort), raised: None },
        }
    }
}

impl Site {
    fn new(at: &At<'_>) -> Self {
        let key = Key { code: hash(&at.unit.code), offset: at.target, entry: Entry::Loop };
        Self { code: at.unit.code.clone(), key, variants: Vec::new(), tries: 0, entries: 0, rounds: 0, poor: 0 }
    }
}

impl Site {
    /// An entry has gone round so often. How long to let the loop be.
    fn entered(&mut self, rounds: u64, params: &Params) -> u64 {
        (self.entries, self.rounds) = (self.entries + 1, self.rounds.saturating_add(rounds));
        if self.entries < ENTRIES {
            return 0;
        }
        let worth = self.rounds / self.entries >= ROUNDS_MIN;
        self.poor = if worth { 0 } else { (self.poor + 1).min(POOR_MAX) };
        (self.entries, self.rounds) = (0, 0);
        if worth { 0 } else { params.loop_hot << self.poor }
    }
}

/// Runs a loop's machine code until it is left, and gives the registers what the interpreter is to find there. Also how often
/// the loop went round.
fn enter(at: &At<'_>, variant: &Variant) -> (Went, u64) {
    let executor = &variant.executor;
    let inputs = [std::ptr::from_ref(at.t) as u64, at.registers() as u64, at.t.breaker.word() as u64];
    // SAFETY: the trace was recorded from this code, so it touches the registers of its frames and what they refer to; it
    // begins with the questions whose answers the rest relies on. The thread runs, and its words outlive the call.
    let left = unsafe { executor.enter(&inputs) };
    let Some(left) = left else { return (Went { offset: at.target, again: 0, raised: None }, 0) };
    let trace = &executor.trace;
    let offset = trace.snap(left.snap()).frames.first().map_or(at.target, |place| place.offset);
    let (words, raised) = match rebuild(trace, left.snap(), |arg| left.value(arg), &mut Objects(at.t)) {
        Ok(words) => (words, None),
        // Without memory for a float there is none for the exception's handler to see it in.
        Err(e) => (trace.resolved(left.snap()).into_keys().map(|slot| (slot, Word::ABSENT)).collect(), Some(e)),
    };
    let mut rounds = 0;
    for (slot, word) in words {
        if slot == ROUNDS {
            rounds = word.to_int().max(0).cast_unsigned();
            continue;
        }
        let r = usize::from(slot.reg);
        if r < at.unit.register_count {
            // SAFETY: the register is the frame's. What it held was the trace's since it was entered, and is no object or
            // has been given up by the trace; the new word's reference is the register's.
            unsafe { at.registers().add(r).write(word.0) };
        }
    }
    (Went { offset, again: 0, raised }, rounds)
}

/// The hash of what a code object is, wherever it is.
fn hash(code: &Code) -> CodeHash {
    let mut hash = Sha256::new();
    for word in &code.words {
        hash.update(word.0.to_le_bytes());
    }
    hash.update(format!("{:?} {:?} {} {}", code.consts, code.names, code.flags, code.register_count).as_bytes());
    CodeHash(hash.finalize().into())
}
