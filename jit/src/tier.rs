//! The tier that the interpreter calls: it enters what is compiled for a loop, or has it recorded and compiled.
//!
//! Machine code that is left goes on in other machine code, if the exit has some: a *bridge*, recorded where the exit was
//! taken often. A place whose recording is given up is tried again, ever later, and in the end not any more.

use crate::abort::{self, Abort, Reason};
use crate::cache::{Cache, Entry, Kind, Variant};
use crate::counts::{Count, Counts};
use crate::journal::{Fate, Note};
use crate::lower::{COUNTERS, Link, UNSETTLED, beside};
use crate::params::Params;
use crate::process::{How, Process};
use crate::record::{BY_FRAME, FRAMES_MAX, REGISTERS_MAX, ROUNDS, Recorded, extra_of, function_of, is_kind, record};
use crate::site::{Instance, Known, LEFT_MAX, Mailbox, Place};
use crate::vm::{Aside, Entered, Objects};
use crate::worker::{Job, NoVariant};
use crate::worth;
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use typhon_interp::eval::follow::Running;
use typhon_interp::tier::{At, Tier2, Went};
use typhon_jit_ir::run::rebuild;
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{End, Slot, Snap, Src};
use typhon_object::Thread;
use typhon_object::error::Exc;

/// Tries after which a place is let be.
const TRIES: u32 = 6;
/// How often an exit is taken between two looks at what others have made of its place.
const LOOK: u64 = 16;
/// How many words machine code is given.
const WORDS: usize = LEFT_MAX + beside::COUNT;
/// How many loops are found at once.
const RECENT: usize = 64;
/// How many code objects are known before it is looked which of them are gone.
const KNOWN_MIN: usize = 64;

/// What an isolate has of the trace compiler. Its threads come here in turns, and nothing is borrowed while machine code
/// runs.
pub struct Jit {
    process: Process,
    /// By the code's address.
    known: RefCell<FxHashMap<usize, Rc<Known>>>,
    known_max: Cell<usize>,
    /// Loops that were asked for last.
    recent: RefCell<[Option<(Rc<Known>, Rc<Place>)>; RECENT]>,
    /// Where machine code leaves what exits hold; taken while it runs.
    words: Cell<Vec<u64>>,
    /// How many runs of machine code there are on the stack: then none may go.
    running: Cell<u32>,
    /// What exits were linked to meanwhile.
    unlinked: RefCell<Vec<Rc<Instance>>>,
    /// The process is the child of a fork.
    alone: Cell<bool>,
    /// Why recordings were given up.
    pub aborts: abort::Counts,
    /// What was done.
    pub counts: Counts,
}

/// What there is to enter at a place.
enum Found {
    /// This.
    Ready(Rc<Instance>),
    /// Nothing: to be looked for again after so many visits.
    Later(u64),
    /// The program has been recorded, and has gone on by that: nothing is to be entered here and now. After how many visits to
    /// look again, and what was raised.
    Moved(u64, Option<Exc>),
}

/// How machine code was left.
struct Left {
    /// By which exit of which trace: machine code may have gone on by itself.
    instance: Rc<Instance>,
    number: usize,
    /// The exit before, if it has.
    from: Option<Taken>,
    /// Where the frame that entered it goes on; `None`: a frame goes on that it has called.
    offset: Option<u32>,
    /// How often it has gone round.
    rounds: u64,
    /// What leaving has cost.
    cost: i64,
    raised: Option<Exc>,
}

/// An exit that was taken.
type Taken = (Rc<Instance>, usize);

impl Jit {
    /// A tier with a process's cache.
    pub fn new(process: Process) -> Self {
        let (known, words, running, unlinked, aborts, counts) = Default::default();
        let recent = RefCell::new([const { None }; RECENT]);
        let (known_max, alone) = (Cell::new(KNOWN_MIN), Cell::new(false));
        Self { process, known, known_max, recent, words, running, unlinked, alone, aborts, counts }
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

    /// The place of a loop. Those that were asked for last are found at once.
    fn recent(&self, at: &At<'_>) -> (Rc<Known>, Rc<Place>) {
        let code = Arc::as_ptr(&at.unit.code) as usize;
        let at_recent = (code >> 4 ^ at.target as usize) % RECENT;
        if let Some((known, place)) = &self.recent.borrow()[at_recent]
            && Arc::as_ptr(&known.code) as usize == code
            && place.key.offset == at.target
        {
            return (known.clone(), place.clone());
        }
        let known = self.known(at);
        let place = known.place(at.target, Entry::Loop, self.params());
        self.recent.borrow_mut()[at_recent] = Some((known.clone(), place.clone()));
        (known, place)
    }

    /// Something to enter at a place with what the registers hold now: the place's own, the process's, or a new one. What was
    /// `tried` is not it. If there is nothing: after how many visits to look again.
    fn find(&self, at: &At<'_>, place: &Place, tried: &[Rc<Instance>]) -> Found {
        if let Some(found) = self.ready(at, place, tried) {
            return Found::Ready(found);
        }
        if self.alone.get() && matches!(self.process.0.how, How::Background(_)) {
            // There are no workers here, and they may have held the cache's locks when the process was copied.
            return Found::Later(u64::MAX);
        }
        let fits = |variant: &Variant| fits(at, variant);
        let later = |reason| self.later(place, Abort { reason, offset: place.key.offset, opcode: None });
        if place.instances.borrow().len() as u64 >= self.params().variants_max {
            return Found::Later(later(Reason::Variants));
        }
        if place.waiting.borrow().is_some() {
            return self.arrived(place, fits).map_or_else(Found::Later, Found::Ready);
        }
        let held = |variant: &Variant| place.instances.borrow().iter().any(|i| std::ptr::eq(&*i.variant, variant));
        if let Some(variant) = self.cache().find(&place.key, |variant| fits(variant) && !held(variant)) {
            self.counts.add(Count::Found);
            return Found::Ready(place.take(variant, self.params()));
        }
        let from = (place.key.entry == Entry::Exit).then_some(place.key.offset);
        let mut recorded = match record(at, from) {
            (Ok(recorded), _) => recorded,
            (Err(abort), raised) => {
                self.note(at, place, || Fate::GivenUp(abort));
                return Found::Moved(self.later(place, abort), raised);
            }
        };
        self.counts.add(Count::Recorded);
        let raised = recorded.raised.take();
        let same = |other: &Variant| (&other.live_in, other.path) == (&recorded.live_in, recorded.path);
        if !recorded.private && place.instances.borrow().iter().any(|i| same(&i.variant)) {
            // What the place has goes this way already, and was not for what happens here.
            return Found::Moved(later(Reason::Variants), raised);
        }
        let before = self.process.journal().map(|_| recorded.trace.clone());
        let again = match self.compile(place, recorded) {
            Ok(Some(variant)) if !held(&variant) => {
                if let Some(before) = before {
                    self.note(at, place, || Fate::Compiled { before, variant: variant.clone() });
                }
                place.take(variant, self.params());
                0
            }
            Ok(_) => self.hot(place),
            Err(_) => later(Reason::Compiler),
        };
        Found::Moved(again, raised)
    }

    /// What the place has to enter with what the registers hold now.
    fn ready(&self, at: &At<'_>, place: &Place, tried: &[Rc<Instance>]) -> Option<Rc<Instance>> {
        if self.running.get() == 0 {
            self.unlinked.borrow_mut().clear();
            place.tidy();
        }
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
        // Whatever becomes of the trace: what it names by address stays where it is.
        place.kept.borrow_mut().extend(recorded.kept);
        let (cache, private) = (&shared.compiler.cache, recorded.private);
        let Some(claim) = cache.claim(place.key, recorded.live_in, recorded.path, private) else {
            return Ok(None);
        };
        match &shared.how {
            How::Sync(lowerer) => {
                self.counts.add(Count::Compiled);
                shared.compiler.publish(&mut lowerer.lock(), &recorded.trace, recorded.plan, claim).map(Some)
            }
            How::Background(workers) => {
                let mail = Mailbox::new();
                let [wanted, done] = [(); 2].map(|()| Arc::downgrade(&mail));
                let job = Job {
                    trace: recorded.trace,
                    plan: recorded.plan,
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

    /// Runs machine code until nothing goes on where it was left. Also what that was worth.
    fn go(&self, at: &At<'_>, known: &Known, first: Rc<Instance>) -> (Went, i64) {
        let (mut words, mut worth) = (self.words.take(), -worth::ENTRY);
        self.running.set(self.running.get() + 1);
        let went = self.go_on(at, known, first, &mut words, &mut worth);
        self.running.set(self.running.get() - 1);
        self.words.set(words);
        (went, worth)
    }

    fn go_on(&self, at: &At<'_>, known: &Known, first: Rc<Instance>, words: &mut Vec<u64>, worth: &mut i64) -> Went {
        let mut instance = first;
        let aside = at.t.own_state::<Aside>();
        let (mut taken, mut tried) = (None::<Taken>, Vec::new());
        let went = |raised| Went { offset: Went::BY_FRAME, again: 0, raised };
        loop {
            let Some(left) = self.enter(at, &instance, aside, words) else {
                return Went { offset: instance.start, again: 0, raised: None };
            };
            instance = left.instance;
            *worth += instance.variant.executor.worth.of(left.rounds) - left.cost;
            if let Some(from) = left.from {
                tried.clear();
                taken = Some(from);
            }
            let Some(offset) = left.offset.filter(|_| left.raised.is_none() && !at.t.breaker.any()) else {
                return went(left.raised);
            };
            if offset == instance.start && left.rounds == 0 {
                // It was not for what happens here now: the exit before it needs something else.
                tried.push(instance);
            } else {
                tried.clear();
                taken = Some((instance, left.number));
            }
            let Some(taken) = &taken else { return went(None) };
            match self.after(at, known, taken, offset, &tried) {
                Found::Ready(next) => instance = next,
                Found::Later(_) => return went(None),
                Found::Moved(_, raised) => return went(raised),
            }
            self.counts.add(Count::Linked);
        }
    }

    /// What goes on where an exit was taken.
    fn after(&self, at: &At<'_>, known: &Known, taken: &Taken, offset: u32, tried: &[Rc<Instance>]) -> Found {
        let out = &taken.0.outs[taken.1];
        if tried.is_empty()
            && let Some(next) = out.next.borrow().clone()
            && fits(at, &next.variant)
        {
            return Found::Ready(next);
        }
        let left = out.left.get();
        out.left.set(left.saturating_sub(1));
        // What another exit made hot is looked for now and then.
        if left > 0 && !left.is_multiple_of(LOOK) || Running::on(at.t).is_seen(1) {
            return Found::Later(left);
        }
        let executor = &taken.0.variant.executor;
        let ends = executor.trace.end == End::Leave(executor.exits()[taken.1].snap);
        // A bridge without a loop of its own ends where the loop's trace begins.
        let entry = if ends && offset == at.target { Entry::Loop } else { Entry::Exit };
        let place = known.place(offset, entry, self.params());
        let next = match self.ready(at, &place, tried) {
            Some(ready) => ready,
            None if left > 0 => return Found::Later(left),
            None => match self.find(at, &place, tried) {
                Found::Ready(ready) => ready,
                Found::Later(again) => {
                    out.left.set(again);
                    return Found::Later(again);
                }
                Found::Moved(again, raised) => {
                    out.left.set(again);
                    if again == 0 {
                        self.counts.add(Count::Bridged);
                    }
                    return Found::Moved(again, raised);
                }
            },
        };
        self.counts.add(Count::Bridged);
        // Its code may be running.
        self.unlinked.borrow_mut().extend(taken.0.link(taken.1, Some(&next)));
        Found::Ready(next)
    }

    /// Runs one trace's machine code until it is left, and gives the registers what is to be found there.
    fn enter(&self, at: &At<'_>, instance: &Rc<Instance>, aside: &Aside, words: &mut Vec<u64>) -> Option<Left> {
        let running = Running::on(at.t);
        let height = running.height();
        let wake = at.t.breaker.word() as u64;
        let inputs = [std::ptr::from_ref(at.t) as u64, at.registers() as u64, wake, running.record() as u64];
        if words.len() < WORDS {
            words.resize(WORDS, 0);
        }
        let first = &instance.variant.executor;
        if first.left_max() > LEFT_MAX {
            return None;
        }
        words[..beside::COUNT].fill(0);
        // Not every snapshot says how often.
        words[beside::COUNT + usize::from(ROUNDS.reg)] = 0;
        // SAFETY: the trace was recorded from this code, so it touches the registers of its frames and what they refer to;
        // it begins with the questions whose answers the rest relies on. The thread runs, and its words outlive the call.
        // What exits are linked to is kept by them, and nobody goes while machine code runs.
        let number = unsafe { first.run(&inputs, words, instance.table()) }?;
        let noted = |what: usize| words[beside::COUNT - what];
        let linked = noted(beside::LINKED);
        let (instance, from) = if linked == 0 {
            (instance.clone(), None)
        } else {
            // SAFETY: machine code has noted tables that it was entered with, and nobody has gone.
            let [last, owner] =
                [beside::TABLE, beside::OWNER].map(|what| unsafe { Instance::of_table(noted(what) as *const Link) });
            let owner = owner?;
            let exit = owner.exit_at(noted(beside::FROM) as *const Link)?;
            self.counts.add_some(Count::Linked, linked);
            (last?, Some((owner, exit)))
        };
        let worth = noted(beside::WORTH).cast_signed();
        let words = &words[beside::COUNT..];
        let executor = &instance.variant.executor;
        let (exit, settled) = executor.exit(number)?;
        let number = usize::try_from(number & !UNSETTLED).ok()?;
        let trace = &executor.trace;
        let offset = exit.offset;
        // Where the frame on top goes on, and whether that is the one that entered.
        let leave = |behind: u32| {
            if offset != BY_FRAME {
                running.go_to(offset + behind);
            }
            (running.height() == height).then(|| running.offset())
        };
        if settled {
            self.make_frames(at, &running, trace.snap(exit.snap), |slot| Some(words[usize::from(slot.reg)]));
            let offset = leave(0);
            aside.let_die();
            let raised = aside.take_raised();
            let (rounds, cost) = (words[usize::from(ROUNDS.reg)], worth::EXIT - worth);
            return Some(Left { instance: instance.clone(), number, from, offset, rounds, cost, raised });
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
                if slot == ROUNDS {
                    rounds = word.to_int().max(0).cast_unsigned();
                }
                continue;
            }
            // SAFETY: the register is one of the frames that the trace has, counted from the first one's. What it held was the
            // trace's since it was entered, and is no object or has been given up by the trace; the new word's reference is
            // the register's.
            unsafe { at.registers().add(slot.reg.into()).write(word.0) };
        }
        self.make_frames(at, &running, trace.snap(exit.snap), |slot| match trace.snap(exit.snap).slots.get(&slot)? {
            Src::Arg(arg) => left.value(*arg).map(|c| c.bits()),
            _ => None,
        });
        // Who is raised has been raised by the instruction before.
        let offset = leave(u32::from(raised.is_some()));
        aside.let_die();
        let raised = raised.or_else(|| aside.take_raised());
        Some(Left { instance: instance.clone(), number, from, offset, rounds, cost: worth::REBUILT - worth, raised })
    }

    /// Makes the records of frames that the trace has entered without: what they own the exit has left.
    fn make_frames(&self, at: &At<'_>, running: &Running<'_>, snap: &Snap, owned: impl Fn(Slot) -> Option<u64>) {
        for (i, places) in snap.frames.windows(2).enumerate() {
            if !snap.slots.contains_key(&function_of(i + 1)) {
                continue;
            }
            let entered = Entered::of(places[1].code, places[0].offset);
            if let (Some(function), Some(made)) = (owned(function_of(i + 1)), owned(extra_of(i + 1))) {
                // SAFETY: the trace has asked for a function, and hands over its references. There was room when it was entered.
                unsafe { entered.push(running, function, at.registers(), made) };
            }
        }
    }
}

/// Whether the registers hold what a variant wants: its trace asks again for what it writes only.
fn fits(at: &At<'_>, variant: &Variant) -> bool {
    variant.live_in.iter().all(|(r, kind)| {
        at.register((*r).into()).is_some_and(|v| match kind {
            Kind::Int => v.as_small().is_some(),
            Kind::Bool => v.is_bool(),
            Kind::Plain => !v.is_object(),
            kind => is_kind(v, *kind),
        })
    })
}

impl Tier2 for Jit {
    fn first(&self) -> u64 {
        self.params().loop_hot
    }

    fn at_loop(&self, at: &At<'_>) -> Went {
        self.counts.add(Count::Looked);
        let (known, place) = self.recent(at);
        let running = Running::on(at.t);
        if running.is_seen(1) || !running.has_room(FRAMES_MAX, REGISTERS_MAX) {
            return Went { offset: at.target, again: self.params().loop_hot, raised: None };
        }
        match self.find(at, &place, &[]) {
            Found::Ready(instance) => {
                self.counts.add(Count::Entered);
                let grown =
                    || [Count::Compiled, Count::Found, Count::Offered, Count::Arrived].map(|what| self.counts.of(what));
                let before = grown();
                let (went, worth) = self.go(at, &known, instance);
                if grown() != before {
                    place.grow(self.params());
                }
                let pending = self.counts.of(Count::Offered) > self.counts.of(Count::Arrived);
                let again = place.entered(worth, self.params(), pending);
                if again > 0 {
                    self.counts.add(Count::Poor);
                }
                Went { again, ..went }
            }
            Found::Later(again) => Went { offset: at.target, again, raised: None },
            Found::Moved(again, raised) => Went { offset: Went::BY_FRAME, again, raised },
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
