//! The tier that the interpreter calls: it enters what is compiled for a loop, or has it recorded and compiled.
//!
//! Machine code that is left goes on in other machine code, if the exit has some: a *bridge*, recorded where the exit was
//! taken often. A place whose recording is given up is tried again, ever later, and in the end not any more.

use crate::abort::{self, Abort, Reason};
use crate::cache::{Cache, Entry, Variant};
use crate::counts::{Count, Counts};
use crate::journal::{Fate, Note};
use crate::lower::{COUNTERS, COUNTERS_MAX};
use crate::params::Params;
use crate::process::{How, Process};
use crate::record::{ROUNDS, Recorded, is_kind, record};
use crate::site::{Instance, Known, Mailbox, Place};
use crate::vm::Objects;
use crate::worker::{Job, NoVariant};
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use typhon_interp::tier::{At, Tier2, Went};
use typhon_jit_ir::End;
use typhon_jit_ir::run::rebuild;
use typhon_jit_ir::word::Word;
use typhon_object::Thread;
use typhon_object::error::Exc;

/// Tries after which a place is let be.
const TRIES: u32 = 6;
/// How often an exit is taken between two looks at what others have made of its place.
const LOOK: u64 = 16;
/// How many code objects are known before it is looked which of them are gone.
const KNOWN_MIN: usize = 64;

/// What an isolate has of the trace compiler. Its threads come here in turns, and nothing is borrowed while machine code
/// runs.
pub struct Jit {
    process: Process,
    /// By the code's address.
    known: RefCell<FxHashMap<usize, Rc<Known>>>,
    known_max: Cell<usize>,
    /// The process is the child of a fork.
    alone: Cell<bool>,
    /// Why recordings were given up.
    pub aborts: abort::Counts,
    /// What was done.
    pub counts: Counts,
}

/// How machine code was left.
struct Left {
    /// By which exit.
    number: usize,
    /// Where the interpreter goes on.
    offset: u32,
    /// How often it has gone round.
    rounds: u64,
    raised: Option<Exc>,
}

/// An exit that was taken.
type Taken = (Rc<Instance>, usize);

impl Jit {
    /// A tier with a process's cache.
    pub fn new(process: Process) -> Self {
        let (known, aborts, counts) = Default::default();
        Self { process, known, known_max: Cell::new(KNOWN_MIN), alone: Cell::new(false), aborts, counts }
    }

    /// Gives an isolate this tier.
    pub fn install(self: &Rc<Self>, t: &Thread) {
        typhon_interp::tier::install(t, self.clone());
    }

    /// The process's cache.
    pub fn cache(&self) -> &Cache {
        self.process.cache()
    }

    fn params(&self) -> &Params {
        &self.process.0.params
    }

    fn known(&self, at: &At<'_>) -> Rc<Known> {
        let code = &at.unit.code;
        let mut all = self.known.borrow_mut();
        if let Some(known) = all.get(&(Arc::as_ptr(code) as usize)) {
            debug_assert!(Arc::ptr_eq(&known.code, code), "who is known keeps its address");
            return known.clone();
        }
        if all.len() >= self.known_max.get() {
            all.retain(|_, known| Arc::strong_count(&known.code) > 1);
            self.known_max.set((2 * all.len()).max(KNOWN_MIN));
        }
        let known = Rc::new(Known::new(code));
        all.insert(Arc::as_ptr(code) as usize, known.clone());
        known
    }

    /// Something to enter at a place with what the registers hold now: the place's own, the process's, or a new one. What was
    /// `tried` is not it. If there is nothing: after how many visits to look again.
    fn find(&self, at: &At<'_>, place: &Place, tried: &[Rc<Instance>]) -> Result<Rc<Instance>, u64> {
        if let Some(found) = Self::ready(at, place, tried) {
            return Ok(found);
        }
        if self.alone.get() && matches!(self.process.0.how, How::Background(_)) {
            // There are no workers here, and they may have held the cache's locks when the process was copied.
            return Err(u64::MAX);
        }
        let fits = |variant: &Variant| fits(at, variant);
        let give_up = |reason| Err(self.later(place, Abort { reason, offset: place.key.offset, opcode: None }));
        if place.instances.borrow().len() as u64 >= self.params().variants_max {
            return give_up(Reason::Variants);
        }
        if place.waiting.borrow().is_some() {
            return self.arrived(place, fits);
        }
        let held = |variant: &Variant| place.instances.borrow().iter().any(|i| std::ptr::eq(&*i.variant, variant));
        if let Some(variant) = self.cache().find(&place.key, |variant| fits(variant) && !held(variant)) {
            self.counts.add(Count::Found);
            return Ok(place.take(variant, self.params()));
        }
        let from = (place.key.entry == Entry::Exit).then_some(place.key.offset);
        let recorded = match record(at, from) {
            Ok(recorded) => recorded,
            Err(abort) => {
                self.note(at, place, || Fate::GivenUp(abort));
                return Err(self.later(place, abort));
            }
        };
        self.counts.add(Count::Recorded);
        let before = self.process.journal().map(|_| recorded.trace.clone());
        match self.compile(place, recorded) {
            Ok(Some(variant)) if !held(&variant) => {
                if let Some(before) = before {
                    self.note(at, place, || Fate::Compiled { before, variant: variant.clone() });
                }
                Ok(place.take(variant, self.params()))
            }
            Ok(_) => Err(self.hot(place)),
            Err(_) => give_up(Reason::Compiler),
        }
    }

    /// What the place has to enter with what the registers hold now.
    fn ready(at: &At<'_>, place: &Place, tried: &[Rc<Instance>]) -> Option<Rc<Instance>> {
        place.tidy();
        let new = |instance: &Rc<Instance>| !tried.iter().any(|other| Rc::ptr_eq(other, instance));
        place.instances.borrow().iter().find(|i| new(i) && fits(at, &i.variant)).cloned()
    }

    /// Looks whether the workers are done with what a place waits for.
    fn arrived(&self, place: &Place, fits: impl Fn(&Variant) -> bool) -> Result<Rc<Instance>, u64> {
        let Some(outcome) = place.waiting.borrow().as_ref().and_then(|mail| mail.take()) else {
            return Err(self.hot(place));
        };
        self.counts.add(Count::Arrived);
        place.waiting.replace(None);
        match outcome {
            Ok(variant) => {
                let fitting = fits(&variant);
                let instance = place.take(variant, self.params());
                if fitting { Ok(instance) } else { Err(self.hot(place)) }
            }
            Err(NoVariant::Unwanted | NoVariant::Stopped) => Err(self.hot(place)),
            Err(_) => {
                Err(self.later(place, Abort { reason: Reason::Compiler, offset: place.key.offset, opcode: None }))
            }
        }
    }

    /// Compiles a trace, or has it compiled.
    fn compile(&self, place: &Place, recorded: Recorded) -> Result<Option<Arc<Variant>>, NoVariant> {
        let shared = &self.process.0;
        let Some(claim) = shared.compiler.cache.claim(place.key, recorded.live_in, recorded.path) else {
            return Ok(None);
        };
        match &shared.how {
            How::Sync(lowerer) => {
                self.counts.add(Count::Compiled);
                shared.compiler.publish(&mut lowerer.lock(), &recorded.trace, claim).map(Some)
            }
            How::Background(workers) => {
                let mail = Mailbox::new();
                let [wanted, done] = [(); 2].map(|()| Arc::downgrade(&mail));
                let job = Job {
                    trace: recorded.trace,
                    claim,
                    wanted: Box::new(move || wanted.strong_count() > 0),
                    done: Box::new(move |outcome| {
                        if let Some(mail) = done.upgrade() {
                            mail.put(outcome);
                        }
                    }),
                };
                // A full queue: the place will be hot again.
                if workers.offer(job).is_ok() {
                    self.counts.add(Count::Offered);
                    place.waiting.replace(Some(mail));
                }
                Ok(None)
            }
        }
    }

    /// Writes down what became of a recording, if somebody looks.
    fn note(&self, at: &At<'_>, place: &Place, fate: impl FnOnce() -> Fate) {
        let Some(journal) = self.process.journal() else { return };
        let (offset, bridge) = (place.key.offset, place.key.entry == Entry::Exit);
        let function = at.unit.code.qualname.to_string();
        journal.add(Note { function, line: at.unit.line_at(offset), offset, bridge, fate: fate() });
    }

    /// After how many visits a place is hot.
    fn hot(&self, place: &Place) -> u64 {
        match place.key.entry {
            Entry::Loop => self.params().loop_hot,
            Entry::Call => self.params().call_hot,
            Entry::Exit => self.params().exit_hot,
        }
    }

    /// How long to let a place be whose recording was given up.
    fn later(&self, place: &Place, abort: Abort) -> u64 {
        self.aborts.count(abort.reason);
        let tries = place.tries.get() + 1;
        place.tries.set(tries);
        // What a bridge comes to depends on what the registers hold now.
        let passing = abort.reason.is_passing() || place.key.entry == Entry::Exit;
        if passing && tries < TRIES { self.hot(place) << tries } else { u64::MAX }
    }

    /// Runs machine code until nothing goes on where it was left. Also how often it has gone round.
    fn go(&self, at: &At<'_>, known: &Known, first: Rc<Instance>) -> (Went, u64) {
        let (mut instance, mut rounds, mut words) = (first, 0_u64, Vec::new());
        let (mut taken, mut tried) = (None::<Taken>, Vec::new());
        loop {
            let Some(left) = self.enter(at, &instance, &mut words) else {
                return (Went { offset: instance.start, again: 0, raised: None }, rounds);
            };
            rounds += left.rounds + u64::from(taken.is_some());
            let went = Went { offset: left.offset, again: 0, raised: left.raised };
            if went.raised.is_some() || at.t.breaker.any() {
                return (went, rounds);
            }
            if left.offset == instance.start && left.rounds == 0 {
                // It was not for what happens here now: the exit before it needs something else.
                tried.push(instance);
            } else {
                tried.clear();
                taken = Some((instance, left.number));
            }
            match taken.as_ref().and_then(|taken| self.after(at, known, taken, left.offset, &tried)) {
                Some(next) => instance = next,
                None => return (went, rounds),
            }
            self.counts.add(Count::Linked);
        }
    }

    /// What goes on where an exit was taken.
    fn after(
        &self,
        at: &At<'_>,
        known: &Known,
        taken: &Taken,
        offset: u32,
        tried: &[Rc<Instance>],
    ) -> Option<Rc<Instance>> {
        let out = &taken.0.outs[taken.1];
        if tried.is_empty()
            && let Some(next) = out.next.borrow().upgrade()
        {
            return Some(next);
        }
        let left = out.left.get();
        out.left.set(left.saturating_sub(1));
        // What another exit made hot is looked for now and then.
        if left > 0 && !left.is_multiple_of(LOOK) {
            return None;
        }
        let executor = &taken.0.variant.executor;
        let ends = executor.trace.end == End::Leave(executor.exits()[taken.1].snap);
        // A bridge without a loop of its own ends where the loop's trace begins.
        let entry = if ends && offset == at.target { Entry::Loop } else { Entry::Exit };
        let place = known.place(offset, entry, self.params());
        let next = match Self::ready(at, &place, tried) {
            None if left == 0 => self.find(at, &place, tried).map_err(|again| out.left.set(again)).ok(),
            ready => ready,
        }?;
        self.counts.add(Count::Bridged);
        out.next.replace(Rc::downgrade(&next));
        Some(next)
    }

    /// Runs one trace's machine code until it is left, and gives the registers what is to be found there.
    fn enter(&self, at: &At<'_>, instance: &Instance, words: &mut Vec<u64>) -> Option<Left> {
        let executor = &instance.variant.executor;
        let inputs = [std::ptr::from_ref(at.t) as u64, at.registers() as u64, at.t.breaker.word() as u64];
        words.resize(executor.left_max(), 0);
        // Not every snapshot has counters.
        words[..COUNTERS_MAX.into()].fill(0);
        // SAFETY: the trace was recorded from this code, so it touches the registers of its frames and what they refer to;
        // it begins with the questions whose answers the rest relies on. The thread runs, and its words outlive the call.
        let (number, settled) = unsafe { executor.run(&inputs, words) }?;
        let exit = &executor.exits()[number];
        let trace = &executor.trace;
        let offset = trace.snap(exit.snap).frames.first().map_or(at.target, |place| place.offset);
        if settled {
            return Some(Left { number, offset, rounds: words[usize::from(ROUNDS.reg)], raised: None });
        }
        self.counts.add(Count::Rebuilt);
        let left = executor.left(exit, words)?;
        let (registers, raised) = match rebuild(trace, exit.snap, |arg| left.value(arg), &mut Objects(at.t)) {
            Ok(registers) => (registers, None),
            // Without memory for a float there is none for the exception's handler to see it in.
            Err(e) => (trace.resolved(exit.snap).into_keys().map(|slot| (slot, Word::ABSENT)).collect(), Some(e)),
        };
        let mut rounds = 0;
        for (slot, word) in registers {
            if slot.frame == COUNTERS {
                rounds = word.to_int().max(0).cast_unsigned();
                continue;
            }
            let r = usize::from(slot.reg);
            if r < at.unit.register_count {
                // SAFETY: the register is the frame's. What it held was the trace's since it was entered, and is no object
                // or has been given up by the trace; the new word's reference is the register's.
                unsafe { at.registers().add(r).write(word.0) };
            }
        }
        Some(Left { number, offset, rounds, raised })
    }
}

/// Whether the registers hold what a variant wants.
fn fits(at: &At<'_>, variant: &Variant) -> bool {
    variant.live_in.iter().all(|(r, kind)| at.register((*r).into()).is_some_and(|v| is_kind(v, *kind)))
}

impl Tier2 for Jit {
    fn first(&self) -> u64 {
        self.params().loop_hot
    }

    fn at_loop(&self, at: &At<'_>) -> Went {
        self.counts.add(Count::Looked);
        let known = self.known(at);
        let place = known.place(at.target, Entry::Loop, self.params());
        match self.find(at, &place, &[]) {
            Ok(instance) => {
                self.counts.add(Count::Entered);
                let grown = || [Count::Bridged, Count::Offered, Count::Arrived].map(|what| self.counts.of(what));
                let before = grown();
                let (went, rounds) = self.go(at, &known, instance);
                if grown() != before {
                    place.grow(self.params());
                }
                let again = place.entered(rounds, self.params());
                if again > 0 {
                    self.counts.add(Count::Poor);
                }
                Went { again, ..went }
            }
            Err(again) => Went { offset: at.target, again, raised: None },
        }
    }

    fn forked(&self) {
        self.alone.set(true);
    }

    fn counters(&self) -> Vec<(&'static str, u64)> {
        let aborts = Reason::ALL.iter().map(|reason| (reason.counter(), self.aborts.of(*reason)));
        Count::ALL.iter().map(|what| (what.text(), self.counts.of(*what))).chain(aborts).collect()
    }
}
