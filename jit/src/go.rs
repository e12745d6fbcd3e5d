//! A run of machine code: it is entered, left by an exit, and entered again where something goes on, until nothing does.

use crate::counts::Count;
use crate::lower::{COUNTERS, Exit, Link, UNSETTLED, beside};
use crate::record::{RETURNED, ROUNDS, extra_of, function_of};
use crate::site::{Earned, Instance, Known, LEFT_MAX};
use crate::tier::{Found, LOOK, Part, fits};
use crate::vm::{Aside, Entered, INPUT_RECORD, Objects};
use crate::worth;
use std::rc::Rc;
use typhon_interp::eval::follow::Running;
use typhon_interp::frame::Frame;
use typhon_interp::tier::{At, Hot, Went};
use typhon_isa::Opcode;
use typhon_jit_ir::run::rebuild;
use typhon_jit_ir::snapshot::place_number;
use typhon_jit_ir::word::Word;
use typhon_jit_ir::{Place, Slot, Snap, Src};
use typhon_object::error::Exc;

/// What is looked for after more visits than this is not looked for.
const GIVEN_UP: u64 = u64::MAX / 2;
/// How many words machine code is given.
const WORDS: usize = LEFT_MAX + beside::COUNT;

/// How machine code was left.
struct Left {
    /// By which exit of which trace: machine code may have gone on by itself.
    instance: Rc<Instance>,
    number: usize,
    /// The exit before, if it has.
    from: Option<Taken>,
    /// Where frames stand, if a trace may go on there.
    stands: Option<Stands>,
    /// Some have no records yet: what these are to own lies in the words.
    unmade: bool,
    /// How often it has gone round.
    rounds: u64,
    /// What leaving has cost.
    cost: i64,
    raised: Option<Exc>,
}

/// Where frames stand when machine code was left.
enum Stands {
    /// As the exit says.
    Exit,
    /// Only the one that entered it is there.
    Root(Place),
}

/// An exit that was taken.
type Taken = (Rc<Instance>, usize);

/// The frame that machine code was entered from, or, as that has returned, the one that goes on.
struct Root<'a> {
    at: At<'a>,
    running: Running<'a>,
    height: usize,
    record: *const Frame,
    aside: &'a Aside,
    /// Whether other threads ran when it was entered.
    parallel: bool,
}

impl Stands {
    /// The frame that entered, as its record says.
    fn root(root: &Root<'_>) -> Self {
        Self::Root(Place { code: 0, offset: root.running.offset(), what: 0 })
    }

    /// The same as a number, of the exit that was taken.
    fn number(&self, exit: &Exit) -> u64 {
        match self {
            Self::Exit => exit.place,
            Self::Root(place) => place_number(std::slice::from_ref(place)),
        }
    }
}

impl Root<'_> {
    /// The frame has returned: now it is that of a record below.
    fn go_below(&mut self, record: *const Frame) {
        let below = |above: *const Frame| (above as usize - record as usize) / size_of::<Frame>();
        self.height -= below(self.record);
        self.at = self.running.standing(below(self.running.record()));
        self.record = record;
    }
}

impl Part {
    /// Runs machine code until nothing goes on where it was left. Also what that was worth.
    pub(crate) fn go(&self, at: &At<'_>, known: Rc<Known>, first: Rc<Instance>) -> (Went, Earned) {
        let mut earned = Earned { worth: -worth::COMING, unknown: false, waits: false };
        let mut words = self.words.borrow_mut().pop().unwrap_or_else(|| vec![0; WORDS].into());
        self.running.set(self.running.get() + 1);
        let running = Running::on(at.t);
        let (height, record) = (running.height(), running.record());
        let (aside, parallel) = (at.t.own_state::<Aside>(), at.t.is_parallel());
        let root = Root { at: *at, running, height, record, aside, parallel };
        let went = self.go_on(root, known, first, &mut words, &mut earned);
        self.running.set(self.running.get() - 1);
        self.words.borrow_mut().push(words);
        (went, earned)
    }

    fn go_on(
        &self,
        mut root: Root<'_>,
        mut known: Rc<Known>,
        first: Rc<Instance>,
        words: &mut [u64],
        earned: &mut Earned,
    ) -> Went {
        let mut instance = first;
        let (mut taken, mut tried) = (None::<Taken>, Vec::new());
        let went = |raised| Went { offset: Went::BY_FRAME, again: 0, raised };
        loop {
            let record = root.record;
            let Some(left) = self.enter(&mut root, &instance, words) else {
                // It was not run: the frame stands where it did.
                return match root.at.hot {
                    Hot::Returned { .. } => went(None),
                    _ => Went { offset: root.at.target(), again: 0, raised: None },
                };
            };
            if root.record != record {
                known = self.known(&root.at);
            }
            let root = &root;
            let entered = std::mem::replace(&mut instance, left.instance);
            let linked = left.from.is_some();
            let exit = &instance.variant.executor.exits()[left.number];
            let begun = |stands: &Stands| instance.start == stands.number(exit);
            let nowhere = left.rounds == 0 && exit.offset != RETURNED && left.stands.as_ref().is_some_and(begun);
            let saved = if nowhere { 0 } else { instance.variant.executor.saved(exit, left.rounds) };
            earned.worth += saved - left.cost;
            if let Some(from) = left.from {
                tried.clear();
                taken = Some(from);
            }
            let made = std::cell::Cell::new(!left.unmade);
            let (last, words) = (instance.clone(), &*words);
            let settle = || {
                if !made.replace(true) {
                    self.settle(root, &last, left.number, words);
                }
            };
            // What was made for a thread that is alone does not go on beside another, nor the other way round.
            let asked = root.at.t.breaker.any() || root.at.t.is_parallel() != root.parallel;
            let Some(stands) = left.stands.filter(|_| left.raised.is_none() && !asked) else {
                settle();
                self.note_left(root, if asked { "somebody asks" } else { "another way, or raised" });
                return went(left.raised);
            };
            if nowhere {
                // It was not for what happens here now, nor were those that machine code has tried before it: the exit before
                // them needs something else.
                self.retire(&known, &instance, left.number);
                let first =
                    taken.as_ref().filter(|_| linked).and_then(|taken| taken.0.outs[taken.1].next.borrow().clone());
                tried.extend(first.unwrap_or(entered).until(&instance));
            } else {
                tried.clear();
                taken = Some((instance, left.number));
            }
            let place = match &stands {
                Stands::Exit => &last.variant.executor.snap(&last.variant.executor.exits()[left.number]).frames,
                Stands::Root(place) => std::slice::from_ref(place),
            };
            let found = match &taken {
                Some(taken) => self.after(root, &known, taken, place, &tried, &settle),
                None => self.otherwise(root, &known, &tried, &settle),
            };
            match found {
                Found::Ready(next) => instance = next,
                Found::Later(again) => {
                    settle();
                    let yet = again < GIVEN_UP;
                    self.note_left(root, if yet { "no bridge yet" } else { "no bridge" });
                    earned.unknown = yet;
                    earned.waits = yet && taken.is_some_and(|(owner, number)| owner.outs[number].waits.get());
                    return went(None);
                }
                Found::Moved(_, raised) => {
                    earned.unknown = true;
                    return went(raised);
                }
            }
            self.counts.add(Count::Linked);
        }
    }

    /// Writes down where the interpreter goes on, if somebody looks.
    fn note_left(&self, root: &Root<'_>, why: &str) {
        let Some(journal) = self.jit.process.journal() else { return };
        let (unit, offset) = (root.running.unit(), root.running.offset());
        let op = unit.word(offset as usize).and_then(|w| Opcode::from_u8(w.op()));
        let (deep, line) = (root.running.height() - root.height, unit.line_at(offset));
        journal.left(format!("{}, line {line}, {op:?} at {offset}, {deep} deep: {why}", unit.code.qualname));
    }

    /// What goes on where an exit was taken, at a place.
    fn after(
        &self,
        root: &Root<'_>,
        known: &Known,
        taken: &Taken,
        place: &[Place],
        tried: &[Rc<Instance>],
        settle: &dyn Fn(),
    ) -> Found {
        let at = &root.at;
        let own = at.header();
        let out = &taken.0.outs[taken.1];
        let linked = out.next.borrow().clone();
        if let Some(next) = linked.filter(|next| tried.is_empty() && fits(at, &next.variant)) {
            if taken.0.is_due(taken.1) {
                self.grow(known, &taken.0, taken.1);
            }
            return Found::Ready(next);
        }
        let left = out.left.get();
        out.left.set(left.saturating_sub(1));
        let seen = root.running.is_seen(root.running.height() - root.height + 1);
        // What another exit made hot is looked for now and then.
        if left > 0 && !left.is_multiple_of(LOOK) || seen {
            return Found::Later(left);
        }
        if left == 0 && tried.is_empty() && self.retire(known, &taken.0, taken.1) {
            return Found::Later(LOOK);
        }
        let executor = &taken.0.variant.executor;
        let ends = executor.ends(&executor.exits()[taken.1]);
        // A bridge without a loop of its own ends where a loop's trace begins.
        let header = match place {
            [place] if ends => Some(place.offset).filter(|at| Some(*at) == own || known.has_trace(*at)),
            _ => None,
        };
        let mut place_now = header.map_or_else(|| known.at_exit(place), |header| known.at_loop(header));
        let mut ready = self.ready(at, &place_now, tried);
        if ready.is_none() && header.is_some() && header != own {
            if tried.is_empty() && left > 0 {
                // Others record loops, and may have one for this before long.
                return Found::Later(left);
            }
            // The loop goes round no more, or its first round is not like the others, at whose ends it is recorded: what comes here
            // is a way by itself.
            place_now = known.at_exit(place);
            ready = self.ready(at, &place_now, tried);
        }
        let place = place_now;
        let next = match ready {
            Some(ready) => ready,
            None if left > 0 => return Found::Later(left),
            None => {
                let found = self.find(at, known, &place, tried, settle);
                out.waits.set(place.waiting.borrow().is_some());
                match found {
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
                }
            }
        };
        if next.variant.executor.left_max() > LEFT_MAX {
            return Found::Later(left);
        }
        self.counts.add(Count::Bridged);
        // Its code may be running.
        let unlinked = match tried.last().map(|last| last.link_other(Some(&next))) {
            Some(Ok(other)) => other,
            _ => taken.0.link(taken.1, Some(&next)),
        };
        self.unlinked.borrow_mut().extend(unlinked);
        Found::Ready(next)
    }

    /// What goes on where machine code was entered, where what was tried there has come nowhere.
    fn otherwise(&self, root: &Root<'_>, known: &Known, tried: &[Rc<Instance>], settle: &dyn Fn()) -> Found {
        let place = known.at(&root.at);
        let left = place.missed.get();
        let found = match self.ready(&root.at, &place, tried) {
            Some(ready) => Found::Ready(ready),
            None if left > 0 => {
                place.missed.set(left - 1);
                Found::Later(left)
            }
            None => self.find(&root.at, known, &place, tried, settle),
        };
        match &found {
            Found::Ready(next) if next.variant.executor.left_max() <= LEFT_MAX => {
                let other = tried.last().map(|last| last.link_other(Some(next)));
                self.unlinked.borrow_mut().extend(other.into_iter().flatten().flatten());
            }
            Found::Ready(_) => return Found::Later(u64::MAX),
            Found::Later(again) | Found::Moved(again, _) if left == 0 => place.missed.set((*again).max(LOOK)),
            _ => {}
        }
        found
    }

    /// Runs one trace's machine code until it is left, and gives the registers what is to be found there.
    fn enter(&self, root: &mut Root<'_>, instance: &Rc<Instance>, words: &mut [u64]) -> Option<Left> {
        let at = root.at;
        let first = &instance.variant.executor;
        if first.left_max() > LEFT_MAX {
            return None;
        }
        let left_at = words.as_mut_ptr().wrapping_add(beside::COUNT) as u64;
        let wake = at.t.breaker.word() as u64;
        let mut inputs = [std::ptr::from_ref(at.t) as u64, at.registers() as u64, wake, root.record as u64, left_at];
        words[..beside::COUNT].fill(0);
        // Not every snapshot says how often.
        words[beside::COUNT + usize::from(ROUNDS.reg)] = 0;
        // SAFETY: the trace was recorded from this code, so it touches the registers of its frames and what they refer to;
        // it begins with the questions whose answers the rest relies on. The thread runs, and its words outlive the call.
        // What exits are linked to is kept by them, and nobody goes while machine code runs. A trace that begins with frames
        // that have no records is entered where an exit has left what they own.
        let number = at.t.while_tame(true, || unsafe { first.run(&mut inputs, words, instance.table()) })?;
        let noted = |what: usize| words[beside::COUNT - what];
        let linked = noted(beside::LINKED);
        let (instance, from) = if linked == 0 {
            (instance.clone(), None)
        } else {
            // SAFETY: machine code has noted tables that it was entered with, or none, and nobody has gone.
            let [last, owner] =
                [beside::TABLE, beside::OWNER].map(|what| unsafe { Instance::of_table(noted(what) as *const Link) });
            self.counts.add_some(Count::Linked, linked);
            self.has_linked(linked);
            // Who has come nowhere, and has gone elsewhere, does not count as one who has left.
            let exit = |owner: Rc<Instance>| Some((owner.exit_at(noted(beside::FROM) as *const Link)?, owner));
            (last?, owner.and_then(exit).map(|(exit, owner)| (owner, exit)))
        };
        let worth = noted(beside::WORTH).cast_signed() - self.far().saturating_mul(linked.cast_signed());
        let executor = &instance.variant.executor;
        let (exit, settled) = executor.exit(number)?;
        // What machine code goes on with by itself is its inputs from then on.
        let record = (inputs[INPUT_RECORD] as *const Frame).wrapping_sub(usize::from(exit.offset == RETURNED));
        if record != root.record {
            root.go_below(record);
        }
        let root = &*root;
        let number = usize::try_from(number & !UNSETTLED).ok()?;
        if !settled {
            self.counts.add(Count::Rebuilt);
            return rebuilt(root, &instance, exit, number, &mut words[beside::COUNT..], from, worth);
        }
        let rounds = words[beside::COUNT + usize::from(ROUNDS.reg)];
        let unmade = exit.unmade;
        let (mut stands, mut raised) = (None, None);
        if unmade && root.aside.is_empty() {
            stands = Some(Stands::Exit);
        } else {
            // Who dies now may look at frames.
            self.settle(root, &instance, number, words);
            root.aside.let_die();
            raised = root.aside.take_raised();
            let height = root.running.height();
            if exit.goes_to().is_some() {
                // Who goes on would not know of the records that were made just now.
                let frames = executor.snap(exit).frames.len();
                stands = (!unmade && height + 1 == root.height + frames).then_some(Stands::Exit);
            } else if height == root.height {
                stands = Some(Stands::root(root));
            }
        }
        let unmade = unmade && stands.is_some();
        Some(Left {
            instance: instance.clone(),
            number,
            from,
            stands,
            unmade,
            rounds,
            cost: worth::GOING - worth,
            raised,
        })
    }

    /// Makes what the interpreter goes on with where a settled exit was taken: the records of frames, and where the one on top
    /// stands.
    fn settle(&self, root: &Root<'_>, instance: &Instance, number: usize, words: &[u64]) {
        let executor = &instance.variant.executor;
        let exit = &executor.exits()[number];
        let words = &words[beside::COUNT..];
        make_frames(root, executor.snap(exit), |slot| Some(words[usize::from(slot.reg)]));
        if let Some(offset) = exit.goes_to() {
            root.running.go_to(offset);
        }
    }
}

/// An exit that has left values: they become registers, and frames.
fn rebuilt(
    root: &Root<'_>,
    instance: &Rc<Instance>,
    exit: &Exit,
    number: usize,
    words: &mut [u64],
    from: Option<Taken>,
    worth: i64,
) -> Option<Left> {
    let (at, executor) = (root.at, &instance.variant.executor);
    let trace = executor.tree.part(exit.part);
    let left = executor.left(exit, words)?;
    let (registers, raised) = match rebuild(trace, exit.snap, |arg| left.value(arg), &mut Objects(at.t)) {
        Ok(registers) => (registers, None),
        // Without memory for a float there is none for the exception's handler to see it in.
        Err(e) => (trace.resolved(exit.snap).into_keys().map(|slot| (slot, Word::ABSENT)).collect(), Some(e)),
    };
    let rounds = registers.get(&ROUNDS).map_or(0, |word| word.to_int().max(0).cast_unsigned());
    for (slot, word) in &registers {
        if slot.frame == COUNTERS {
            continue;
        }
        // SAFETY: the register is one of the frames that the trace has, counted from the first one's. What it held was the
        // trace's since it was entered, and is no object or has been given up by the trace; the new word's reference is
        // the register's.
        unsafe { at.registers().add(slot.reg.into()).write(word.0) };
    }
    let snap = trace.snap(exit.snap);
    // What the records of frames are to own is left where a settled exit leaves it.
    for frame in 1..snap.frames.len() {
        for slot in [function_of(frame), extra_of(frame)] {
            let owned = match snap.slots.get(&slot) {
                Some(Src::Arg(arg)) => left.value(*arg).map(|c| c.bits()),
                Some(_) => registers.get(&slot).map(|word| word.0),
                None => None,
            };
            if let (Some(owned), Some(word)) = (owned, words.get_mut(usize::from(slot.reg))) {
                *word = owned;
            }
        }
    }
    let goes_on = raised.is_none() && root.aside.is_empty() && exit.goes_to().is_some();
    if exit.unmade && goes_on {
        let (instance, cost) = (instance.clone(), worth::REBUILT - worth);
        let stands = Some(Stands::Exit);
        return Some(Left { instance, number, from, stands, unmade: true, rounds, cost, raised: None });
    }
    make_frames(root, snap, |slot| Some(words[usize::from(slot.reg)]));
    if let Some(offset) = exit.goes_to() {
        // Who is raised has been raised by the instruction before.
        root.running.go_to(offset + u32::from(raised.is_some()));
    }
    root.aside.let_die();
    let raised = raised.or_else(|| root.aside.take_raised());
    // Frames that were made here are not those that a trace goes on with.
    let height = root.running.height();
    let same = exit.goes_to().is_some() && raised.is_none() && !exit.unmade;
    let stands = match height == root.height {
        true => Some(Stands::root(root)),
        false => (same && height + 1 == root.height + snap.frames.len()).then_some(Stands::Exit),
    };
    let (instance, cost) = (instance.clone(), worth::REBUILT - worth);
    Some(Left { instance, number, from, stands, unmade: false, rounds, cost, raised })
}

/// Makes the records of frames that the trace has entered without: what they own the exit has left.
fn make_frames(root: &Root<'_>, snap: &Snap, owned: impl Fn(Slot) -> Option<u64>) {
    for (i, places) in snap.frames.windows(2).enumerate() {
        if !snap.slots.contains_key(&function_of(i + 1)) {
            continue;
        }
        let entered = Entered::of(places[1].code, places[0].offset);
        if let (Some(function), Some(made)) = (owned(function_of(i + 1)), owned(extra_of(i + 1))) {
            // SAFETY: the trace has asked for a function, and hands over its references. There was room when it was entered.
            unsafe { entered.push(&root.running, function, root.at.registers(), made) };
        }
    }
}
