//! The tier that the interpreter calls: it enters what is compiled for a loop, or has it recorded and compiled.
//!
//! Machine code that is left goes on in other machine code, if the exit has some: a *bridge*, recorded where the exit was
//! taken often. A place whose recording is given up is tried again, ever later, and in the end not any more.

use crate::abort::{Abort, Reason};
use crate::cache::{Entry, Kind, Variant};
use crate::code_memory::descent;
use crate::compiled::Compiled;
use crate::counts::{Count, Counts};
use crate::graft::{Tree, Way};
use crate::isolate::Jit;
use crate::journal::{Fate, Note};
use crate::params::Params;
use crate::perf_map;
use crate::process::Process;
use crate::record::{FRAMES_MAX, REGISTERS_MAX, Recorded, Sight, is_kind, record};
use crate::site::{Instance, Known, Place};
use crate::worker::{NoVariant, Work};
use crate::worth;
use rustc_hash::{FxHashMap, FxHashSet};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use typhon_interp::eval::follow::Running;
use typhon_interp::tier::{At, Tier2, Went};
use typhon_isa::Opcode;
use typhon_jit_ir::End;
use typhon_object::Value;
use typhon_object::error::Exc;

/// Tries after which a place is let be, each of which counts so much, or one if only the iteration was not the one to follow.
const TRIES: u32 = 6 * TRY;
const TRY: u32 = 4;
/// How often the way out of a loop is given up, so that the loop around it is recorded first: in the meantime that gets hot, unless it
/// never will.
const GIVES_WAY: u32 = 16;
/// For which part of what makes a loop hot it is not tried again then.
const OUTER: u64 = 4;
/// How often a loop that has traces is looked at while it would be let be for once, whether one of them is the way by now.
const GLANCES: u64 = 16;
/// How often an exit is taken between two looks at what others have made of its place.
pub(crate) const LOOK: u64 = 16;
/// How many loops are found at once.
const RECENT: usize = 64;
/// How many code objects are known before it is looked which of them are gone.
const KNOWN_MIN: usize = 64;
/// How many functions are remembered that are not taken along.
const APART_MAX: usize = 4096;
/// So many times longer than otherwise a place waits for what another thread compiles.
const ELSEWHERE: u64 = 8;
/// After how many rounds a loop is looked at again beside other threads, whatever became of it.
const ASKED_AGAIN: u64 = 1 << 20;
/// How many runs of machine code there are on the stack at most: what is called beyond that the interpreter carries out.
const RUNS_MAX: u32 = 1000;
/// How many recordings there are on the stack at most: a function that calls itself is hot in each of its calls.
const RECORDING_MAX: u32 = 2;
/// How many links a thread takes before it is looked where they lead; and which part of them tells, in hundredths.
const LINKED: u64 = 1 << 18;
const MOST: u64 = 90;
/// How much a thread has earned or spent when it brings the isolate's purse up to date.
const SETTLED: i64 = 1 << 20;

/// What a thread has of the trace compiler. Nothing is borrowed while machine code runs.
pub struct Part {
    pub(crate) jit: Arc<Jit>,
    /// By the code's address, and whether other threads run meanwhile.
    pub(crate) known: RefCell<FxHashMap<(usize, bool), Rc<Known>>>,
    known_max: Cell<usize>,
    /// Loops that were asked for last.
    recent: RefCell<[Option<(Rc<Known>, Rc<Place>)>; RECENT]>,
    /// Where machine code leaves what exits hold; each run takes one, and makes it if there is none.
    pub(crate) words: RefCell<Vec<Box<[u64]>>>,
    /// How many runs of machine code there are on the stack: then none may go.
    pub(crate) running: Cell<u32>,
    /// How many recordings run what they have called, and wait for its end.
    recording: Cell<u32>,
    /// How many instances there have been.
    instances: Cell<u64>,
    /// What exits were linked to meanwhile.
    pub(crate) unlinked: RefCell<Vec<Rc<Instance>>>,
    /// What this thread has saved and spent since it brought the isolate's purse up to date.
    earned: Cell<i64>,
    /// In which of the processes that were copied from each other it runs.
    descent: Cell<u64>,
    /// How many bytes of machine code this thread has been given to enter, and how many of them links have led to lately.
    code_bytes: Cell<usize>,
    hot_bytes: Cell<usize>,
    /// How many links it has taken since that was looked at.
    linked: Cell<u64>,
    /// Functions that are not taken along any more, by their code's address.
    apart: RefCell<FxHashSet<usize>>,
    /// What was done.
    pub(crate) counts: Arc<Counts>,
}

/// What there is to enter at a place.
pub(crate) enum Found {
    /// This.
    Ready(Rc<Instance>),
    /// Nothing: to be looked for again after so many visits.
    Later(u64),
    /// The program has been recorded, and has gone on by that: nothing is to be entered here and now. After how many visits to
    /// look again, and what was raised.
    Moved(u64, Option<Exc>),
}

impl Part {
    /// A thread's part of its isolate's tier.
    pub(crate) fn new(jit: Arc<Jit>) -> Self {
        let (known, words, running, recording, instances, unlinked, apart, earned, code_bytes) = Default::default();
        // Until somebody has looked where links lead, they lead to what is near.
        let (hot_bytes, linked) = (Cell::new(0), Cell::new(0));
        let recent = RefCell::new([const { None }; RECENT]);
        let (known_max, counts, descent) = (Cell::new(KNOWN_MIN), jit.begin(), Cell::new(descent()));
        Self {
            jit,
            known,
            known_max,
            recent,
            words,
            running,
            recording,
            instances,
            unlinked,
            earned,
            descent,
            code_bytes,
            hot_bytes,
            linked,
            apart,
            counts,
        }
    }

    pub(crate) fn params(&self) -> &Params {
        &self.jit.process.0.params
    }

    /// The compiler of this process, which may be a copy of the one that the thread began in: nobody will do then what workers were
    /// given there.
    pub(crate) fn own(&self) -> Option<&Process> {
        let now = descent();
        if self.descent.replace(now) != now {
            self.known.borrow().values().for_each(|known| known.wait_no_more());
        }
        self.jit.process.own()
    }

    /// Something was earned, or spent.
    pub(crate) fn earn(&self, worth: i64) {
        let earned = self.earned.get().saturating_add(worth);
        self.earned.set(earned);
        if earned.unsigned_abs() >= SETTLED.unsigned_abs() {
            self.purse();
        }
    }

    /// What going on in other machine code costs this thread beside what it charges by itself.
    pub(crate) fn far(&self) -> i64 {
        worth::far(self.code_bytes.get().min(self.hot_bytes.get()))
    }

    /// So many links have been taken. Now and then it is looked to how much machine code most of them lead.
    pub(crate) fn has_linked(&self, count: u64) {
        let linked = self.linked.get().saturating_add(count);
        self.linked.set(linked);
        if linked < LINKED {
            return;
        }
        self.linked.set(0);
        let mut all: FxHashMap<*const Instance, (u64, usize)> = FxHashMap::default();
        for known in self.known.borrow().values() {
            known.each(|instance| {
                for (i, out) in instance.outs.iter().enumerate() {
                    let (taken, next) = (instance.taken_now(i), out.next.borrow());
                    if let Some(next) = next.as_ref().filter(|_| taken > 0) {
                        let bytes = next.variant.executor.code().len();
                        all.entry(Rc::as_ptr(next)).or_insert((0, bytes)).0 += taken;
                    }
                }
            });
        }
        let mut all: Vec<(u64, usize)> = all.into_values().collect();
        all.sort_unstable_by_key(|(taken, _)| std::cmp::Reverse(*taken));
        let mut rest = all.iter().map(|(taken, _)| taken).sum::<u64>() / 100 * MOST;
        let most = all.iter().take_while(|(taken, _)| {
            let more = rest > 0;
            rest = rest.saturating_sub(*taken);
            more
        });
        self.hot_bytes.set(most.map(|(_, bytes)| bytes).sum());
    }

    /// What the isolate's purse holds.
    pub(crate) fn purse(&self) -> i64 {
        self.jit.settle(self.earned.take())
    }

    pub(crate) fn known(&self, at: &At<'_>) -> Rc<Known> {
        let code = &at.unit.code;
        let key = (Arc::as_ptr(code) as usize, at.t.is_parallel());
        let mut all = self.known.borrow_mut();
        if let Some(known) = all.get(&key) {
            debug_assert!(Arc::ptr_eq(&known.code, code), "who is known keeps its address");
            return known.clone();
        }
        if all.len() >= self.known_max.get() {
            let twice = |at: usize| [false, true].iter().all(|parallel| all.contains_key(&(at, *parallel)));
            let twice: FxHashSet<usize> = all.keys().map(|(at, _)| *at).filter(|at| twice(*at)).collect();
            all.retain(|(at, _), known| Arc::strong_count(&known.code) > 1 + usize::from(twice.contains(at)));
            self.known_max.set((2 * all.len()).max(KNOWN_MIN));
        }
        let known = Rc::new(Known::new(code, key.1));
        all.insert(key, known.clone());
        known
    }

    /// The place of a loop. Those that were asked for last are found at once.
    fn recent(&self, at: &At<'_>) -> (Rc<Known>, Rc<Place>) {
        let code = Arc::as_ptr(&at.unit.code) as usize;
        let (offset, entry) = (at.target(), entry(at));
        let at_recent = (code >> 4 ^ offset as usize) % RECENT;
        if let Some((known, place)) = &self.recent.borrow()[at_recent]
            && Arc::as_ptr(&known.code) as usize == code
            && (place.key.offset, place.key.entry) == (offset, entry)
            && place.key.parallel == at.t.is_parallel()
        {
            return (known.clone(), place.clone());
        }
        let known = self.known(at);
        let place = known.at(at);
        self.recent.borrow_mut()[at_recent] = Some((known.clone(), place.clone()));
        (known, place)
    }

    /// Something to enter at a place with what the registers hold now: the place's own, the process's, or a new one. What was
    /// `tried` is not it. If there is nothing: after how many visits to look again. `settle` makes the records of frames that
    /// have none: the interpreter is about to go on.
    pub(crate) fn find(
        &self,
        at: &At<'_>,
        known: &Known,
        place: &Place,
        tried: &[Rc<Instance>],
        settle: &dyn Fn(),
    ) -> Found {
        if let Some(found) = self.ready(at, place, tried) {
            return Found::Ready(found);
        }
        let Some(process) = self.own() else { return Found::Later(u64::MAX) };
        if place.is_glance() {
            return Found::Later(self.hot(place) / GLANCES);
        }
        let fits = |variant: &Variant| fits(at, variant);
        let later = |reason| self.later(place, Abort { reason, offset: place.key.offset, opcode: None });
        let many = place.instances.borrow().len() as u64 >= self.params().variants_max;
        if many || known.traces.get() >= self.params().traces_max && place.waiting.borrow().is_none() {
            return Found::Later(later(Reason::Variants));
        }
        if place.waiting.borrow().is_some() {
            return self.arrived(at, known, place, fits).map_or_else(Found::Later, Found::Ready);
        }
        let held = |variant: &Variant| place.instances.borrow().iter().any(|i| std::ptr::eq(&*i.variant, variant));
        if let Some(variant) = process.cache().find(&place.key, |variant| fits(variant) && !held(variant)) {
            self.counts.add(Count::Found);
            return Found::Ready(self.take(at, place, variant));
        }
        if self.recording.get() >= RECORDING_MAX {
            return Found::Later(self.soon(place));
        }
        if self.purse() < 0 {
            self.counts.add(Count::Broke);
            return Found::Later(self.hot(place).max(LOOK));
        }
        settle();
        let from = if place.in_ways.get() { place.standing() } else { place.from.clone() };
        if self.apart.borrow().len() > APART_MAX {
            self.apart.borrow_mut().clear();
        }
        let worthless = self.takes_all();
        let patient = place.gave_way.get() < GIVES_WAY;
        let awaits = |header| known.awaits(header, if patient { TRIES } else { 0 });
        let sight =
            Sight { has_trace: &|header| known.has_trace(header), awaits: &awaits, worthless, apart: &self.apart };
        self.recording.set(self.recording.get() + 1);
        let done = record(at, &from, sight);
        self.recording.set(self.recording.get() - 1);
        let mut recorded = match done {
            (Ok(recorded), _) => recorded,
            (Err(abort), raised) => return Found::Moved(self.given_up(at, place, abort), raised),
        };
        self.counts.add(Count::Recorded);
        known.traces.set(known.traces.get() + 1);
        known.lasts(std::mem::take(&mut recorded.lasting));
        let raised = recorded.raised.take();
        let same = |other: &Variant| (&other.live_in, other.path) == (&recorded.live_in, recorded.path);
        if !recorded.private && place.instances.borrow().iter().any(|i| same(&i.variant)) {
            // What the place has goes this way already, and was not for what happens here.
            return Found::Moved(later(Reason::Variants), raised);
        }
        let before = self.jit.process.journal().map(|_| recorded.trace.clone());
        let opaque = std::mem::take(&mut recorded.opaque);
        let again = match self.compile(process, place, recorded) {
            Ok(Some(variant)) if self.is_worthless(known, place, &variant) => later(Reason::Worthless),
            Ok(Some(variant)) if !held(&variant) => {
                if let Some(before) = before {
                    self.note(at, place, opaque, || Fate::Compiled { before, variant: variant.clone() });
                }
                self.take(at, place, variant);
                0
            }
            Ok(Some(_)) => self.soon(place),
            // Workers have it, or another thread does: then it is in the cache before long.
            Ok(None) if place.waiting.borrow().is_some() => self.soon(place),
            Ok(None) => self.soon(place).saturating_mul(ELSEWHERE),
            Err(_) => later(Reason::Compiler),
        };
        Found::Moved(again, raised)
    }

    /// What the place has to enter with what the registers hold now.
    pub(crate) fn ready(&self, at: &At<'_>, place: &Place, tried: &[Rc<Instance>]) -> Option<Rc<Instance>> {
        if self.running.get() == 0 {
            self.unlinked.borrow_mut().clear();
            place.tidy(self.jit.cache().counts.evicted.get());
        }
        let new = |instance: &Rc<Instance>| !tried.iter().any(|other| Rc::ptr_eq(other, instance));
        place.instances.borrow().iter().find(|i| new(i) && fits(at, &i.variant)).cloned()
    }

    /// Something new to enter at a place.
    fn take(&self, at: &At<'_>, place: &Place, variant: Arc<Variant>) -> Rc<Instance> {
        if self.params().perf_map != 0 {
            let (offset, code) = (place.key.offset, &at.unit.code);
            let what = match place.key.entry {
                Entry::Loop => "loop",
                Entry::Call => "call",
                Entry::Exit => "exit",
            };
            // Who cannot be told goes without.
            let name = format!("py:{}:{} ({what} {offset})", code.qualname, at.unit.line_at(at.target()));
            let _told = perf_map::add(&variant.executor, &name);
        }
        self.now_has(&variant);
        place.take(variant, self.next_number(), self.params())
    }

    /// This thread has been given machine code to enter.
    pub(crate) fn now_has(&self, variant: &Variant) {
        self.code_bytes.set(self.code_bytes.get().saturating_add(variant.executor.code().len()));
    }

    /// The number of the next instance.
    pub(crate) fn next_number(&self) -> u64 {
        self.instances.replace(self.instances.get() + 1)
    }

    /// Looks whether the workers are done with what a place waits for.
    fn arrived(
        &self,
        at: &At<'_>,
        known: &Known,
        place: &Place,
        fits: impl Fn(&Variant) -> bool,
    ) -> Result<Rc<Instance>, u64> {
        let Some(outcome) = place.waiting.borrow().as_ref().and_then(|mail| mail.take()) else {
            return Err(self.soon(place));
        };
        self.counts.add(Count::Arrived);
        place.waiting.replace(None);
        match outcome {
            Ok(variant) if self.is_worthless(known, place, &variant) => {
                Err(self.later(place, Abort { reason: Reason::Worthless, offset: place.key.offset, opcode: None }))
            }
            Ok(variant) => {
                let fitting = fits(&variant);
                let instance = self.take(at, place, variant);
                if fitting { Ok(instance) } else { Err(self.hot(place)) }
            }
            Err(NoVariant::Unwanted | NoVariant::Stopped) => Err(self.hot(place)),
            Err(_) => {
                Err(self.later(place, Abort { reason: Reason::Compiler, offset: place.key.offset, opcode: None }))
            }
        }
    }

    /// Whether a loop's or a function's machine code turns out to save nothing.
    fn is_worthless(&self, known: &Known, place: &Place, variant: &Variant) -> bool {
        let (trace, worth) = (&variant.executor.tree.trunk, variant.executor.worth);
        let nothing = match (place.key.entry, &trace.end) {
            (Entry::Loop, End::Again(_)) => worth.round <= 0,
            // Who goes on in a loop has come to it for nothing.
            (Entry::Call, End::Leave(snap)) => match &trace.snap(*snap).frames[..] {
                [place] if known.has_trace(place.offset) => false,
                _ => worth.way <= worth::ENTRY + worth::EXIT,
            },
            _ => false,
        };
        nothing && !self.takes_all()
    }

    /// Who has loops recorded sooner than they would be, as tests do, has all of them.
    fn takes_all(&self) -> bool {
        self.params().loop_hot < Params::DEFAULT.loop_hot
    }

    /// Compiles a trace, or has it compiled.
    fn compile(&self, process: &Process, place: &Place, recorded: Recorded) -> Result<Option<Arc<Variant>>, NoVariant> {
        let shared = &process.0;
        // Whatever becomes of the trace: what it names by address stays where it is.
        place.kept.borrow_mut().extend(recorded.kept);
        place.keep_classes(recorded.classes);
        let (cache, private) = (&shared.compiler.cache, recorded.private);
        let Some(claim) = cache.claim(place.key, recorded.live_in, recorded.path, private) else {
            return Ok(None);
        };
        self.earn(worth::COMPILED.saturating_mul(recorded.trace.insts.len() as i64));
        let reads = recorded.reads;
        let way = recorded.way.map(|trace| {
            let reads = if trace.looped.is_some() { reads.clone() } else { Vec::new() };
            Arc::new(Way { trace, reads })
        });
        let (tree, optimized, plan) = (Tree { reads, ..recorded.trace.into() }, 0, recorded.plan);
        match self.have_compiled(process, Work { tree, optimized, way, plan }, claim)? {
            Compiled::Now(variant) => return Ok(Some(variant)),
            Compiled::Later(mail) => drop(place.waiting.replace(Some(mail))),
            // The place will be hot again.
            Compiled::Full => {}
        }
        Ok(None)
    }

    /// Writes down what became of a recording, if somebody looks.
    fn note(&self, at: &At<'_>, place: &Place, opaque: Vec<Opcode>, fate: impl FnOnce() -> Fate) {
        let Some(journal) = self.jit.process.journal() else { return };
        let (code, offset, bridge) = (place.key.code, place.key.offset, place.key.entry == Entry::Exit);
        let (function, line, start) = (at.unit.code.qualname.to_string(), at.unit.line_at(offset), place.number());
        journal.add(Note { function, line, offset, bridge, code, start, opaque, fate: fate() });
    }

    /// After how many visits a place is hot.
    fn hot(&self, place: &Place) -> u64 {
        match place.key.entry {
            Entry::Loop => self.params().loop_hot,
            Entry::Call => self.params().call_hot,
            Entry::Exit => self.params().exit_hot,
        }
    }

    /// After how many visits to look what the workers have made for it.
    fn soon(&self, place: &Place) -> u64 {
        match place.key.entry {
            Entry::Exit => self.params().exit_hot.min(LOOK),
            Entry::Loop | Entry::Call => self.hot(place) / LOOK,
        }
    }

    /// A recording was given up: how long to let the place be.
    fn given_up(&self, at: &At<'_>, place: &Place, abort: Abort) -> u64 {
        self.note(at, place, Vec::new(), || Fate::GivenUp(abort));
        if abort.reason == Reason::Parallel {
            // Not this code's business.
            self.jit.aborts.count(abort.reason);
            return self.hot(place);
        }
        if abort.reason == Reason::Outer {
            place.gave_way.set(place.gave_way.get() + 1);
            self.jit.aborts.count(abort.reason);
            return (self.params().loop_hot / OUTER).max(1);
        }
        let nested = abort.reason == Reason::Nested && place.key.entry == Entry::Loop;
        // Each function is the reason once.
        if abort.reason == Reason::Callee || nested && !place.in_ways.replace(true) {
            self.jit.aborts.count(abort.reason);
            return self.hot(place);
        }
        self.later(place, abort)
    }

    /// How long to let a place be whose recording was given up. A loop that has traces is looked at meanwhile: one of them may be
    /// the way the next time.
    fn later(&self, place: &Place, abort: Abort) -> u64 {
        self.jit.aborts.count(abort.reason);
        // What a function does is much the same in each call.
        let worthless = abort.reason == Reason::Worthless && place.key.entry == Entry::Call;
        let counts = match abort.reason {
            Reason::Leaves => 1,
            _ if worthless => TRIES / 2,
            _ => TRY,
        };
        let tries = place.tries.get() + counts;
        place.tries.set(tries);
        // A short loop's count ends at its last iteration as often as not: another one is near, at another distance each time.
        if abort.reason == Reason::Leaves && tries < TRIES {
            return tries.into();
        }
        // What a bridge comes to depends on what the registers hold now.
        let passing = abort.reason.is_passing() || place.key.entry == Entry::Exit;
        // No trace does what stands there.
        let never = abort.reason == Reason::Opcode && place.from.last().is_some_and(|last| last.offset == abort.offset);
        let times = if passing && !never && tries < TRIES { 1 << (tries / TRY) } else { u64::MAX };
        if place.key.entry == Entry::Loop && !place.instances.borrow().is_empty() {
            place.glance(times.saturating_mul(GLANCES));
            return self.hot(place) / GLANCES;
        }
        self.hot(place).saturating_mul(times)
    }
}

/// How the code that is hot is entered.
fn entry(at: &At<'_>) -> Entry {
    if at.header().is_some() { Entry::Loop } else { Entry::Call }
}

/// Whether the registers hold what a variant wants: its trace asks again for what it writes only.
pub(crate) fn fits(at: &At<'_>, variant: &Variant) -> bool {
    variant.live_in.iter().all(|(r, kind)| {
        // SAFETY: the trace begins where these are registers of frames that run.
        let v = unsafe { &*at.registers().add((*r).into()).cast::<Value>() };
        match kind {
            Kind::Int => v.as_small().is_some(),
            Kind::Bool => v.is_bool(),
            Kind::Plain => !v.is_object(),
            kind => is_kind(v, *kind),
        }
    })
}

impl Tier2 for Part {
    fn at(&self, at: &At<'_>) -> Went {
        let went = self.look(at);
        // The count is the code's, which may be worth more when the thread is alone again.
        let again = if at.t.is_parallel() { went.again.min(ASKED_AGAIN) } else { went.again };
        Went { again, ..went }
    }
}

impl Part {
    /// A count has ended.
    fn look(&self, at: &At<'_>) -> Went {
        self.counts.add(Count::Looked);
        let (known, place) = self.recent(at);
        let running = Running::on(at.t);
        // Who has just started a second thread may still have the native lock, with which ends would come at once.
        if at.t.is_parallel() {
            at.t.out_of_native();
        }
        let deep = self.running.get() >= RUNS_MAX;
        if deep || running.is_seen(1) || !running.has_room(FRAMES_MAX, REGISTERS_MAX) {
            return Went { offset: at.target(), again: self.hot(&place), raised: None };
        }
        match self.find(at, &known, &place, &[], &|| ()) {
            Found::Ready(instance) => {
                self.counts.add(Count::Entered);
                let grown =
                    || [Count::Compiled, Count::Found, Count::Offered, Count::Arrived].map(|what| self.counts.of(what));
                let before = grown();
                let (went, earned) = self.go(at, known, instance);
                if grown() != before {
                    place.grow();
                }
                self.earn(earned.worth);
                let again = place.entered(earned, self.params());
                if again > 0 {
                    self.counts.add(Count::Poor);
                }
                Went { again, ..went }
            }
            Found::Later(again) => Went { offset: at.target(), again, raised: None },
            Found::Moved(again, raised) => Went { offset: Went::BY_FRAME, again, raised },
        }
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        self.purse();
        self.jit.end(&self.counts);
    }
}
