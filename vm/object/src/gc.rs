//! The cycle collector: finds objects that only refer to each other, and takes them apart.
//!
//! Trial deletion over one isolate's own objects: every candidate starts with its reference count; each reference found
//! inside another candidate is taken off; what is left counts references from outside (the interpreter's registers,
//! values held by natives, immortal objects). Whatever those cannot reach is garbage. Nothing is kept between
//! collections, so objects carry no links and a store costs nothing; the scratch is a table on the side (`trial`).
//!
//! The order of the end of a cycle is CPython's: callbacks of weak references from outside, finalizers (once an object),
//! resurrection, the remaining weak references, `clear`.

mod pile;
mod trial;

use self::pile::Pile;
use self::trial::Trial;
use crate::call;
use crate::convert;
use crate::dict::Dict;
use crate::error::{Exc, Res};
use crate::header::{Header, flag as header_flag};
use crate::list::List;
use crate::names;
use crate::strs;
use crate::thread::{self, Thread};
use crate::ty::{TypeObject, flag, type_of};
use crate::types::weakref::{self, WeakRef};
use crate::value::Value;
use crate::weakref::Table;
use rustc_hash::FxHashSet;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};
use typhon_qsbr::sync::Mutex;

/// Young objects that start a collection, as CPython says it.
const THRESHOLD: isize = 2000;
/// As long as nobody has set another, so many do: a small heap's garbage is not worth looking for more often.
pub(crate) const FEW: isize = 8000;

/// Up to so many objects a heap may double between two collections.
const DOUBLING: usize = 1 << 16;

/// `gc.DEBUG_SAVEALL`: unreachable objects go to `gc.garbage` instead of being cleared.
pub const DEBUG_SAVEALL: u32 = 32;

/// What collections have done.
#[derive(Clone, Copy, Default, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Collections.
    pub collections: usize,
    /// Objects taken apart.
    pub collected: usize,
    /// Objects put into `gc.garbage`.
    pub uncollectable: usize,
}

/// An isolate's collector: its settings and counters.
pub struct Gc {
    enabled: Cell<bool>,
    running: Mutex<bool>,
    thresholds: Cell<[isize; 3]>,
    debug: Cell<u32>,
    /// Objects that survived the last collection.
    long_lived: Cell<usize>,
    /// Objects of any kind that the last collection left.
    walked: Cell<usize>,
    frozen: Cell<usize>,
    stats: RefCell<[Stats; 3]>,
    garbage: RefCell<Value>,
    callbacks: RefCell<Value>,
    /// What collections took since somebody asked.
    took: Cell<Duration>,
}

impl Default for Gc {
    fn default() -> Self {
        Self {
            enabled: Cell::new(true),
            running: Mutex::new(false),
            thresholds: Cell::new([THRESHOLD, 10, 0]),
            debug: Cell::new(0),
            long_lived: Cell::new(0),
            walked: Cell::new(0),
            frozen: Cell::new(0),
            stats: RefCell::default(),
            garbage: RefCell::default(),
            callbacks: RefCell::default(),
            took: Cell::default(),
        }
    }
}

impl Gc {
    /// The isolate's collector.
    pub fn of(t: &Thread) -> &Self {
        t.state::<Self>()
    }

    /// `gc.isenabled()`.
    pub fn is_enabled(&self) -> bool {
        self.enabled.get()
    }

    /// `gc.enable()` and `gc.disable()`.
    pub fn set_enabled(&self, t: &Thread, on: bool) {
        self.enabled.set(on);
        self.arm(t);
    }

    /// `gc.get_threshold()`.
    pub fn thresholds(&self) -> [isize; 3] {
        self.thresholds.get()
    }

    /// `gc.set_threshold()`; a first threshold of 0 turns automatic collection off.
    pub fn set_thresholds(&self, t: &Thread, to: [isize; 3]) {
        self.thresholds.set(to);
        self.arm(t);
    }

    /// `gc.get_debug()`.
    pub fn debug(&self) -> u32 {
        self.debug.get()
    }

    /// `gc.set_debug()`.
    pub fn set_debug(&self, flags: u32) {
        self.debug.set(flags);
    }

    /// `gc.get_stats()`, by generation. All collections are full ones; they count under the generation asked for.
    pub fn stats(&self) -> [Stats; 3] {
        *self.stats.borrow()
    }

    /// `gc.get_count()`.
    pub fn counts(&self, t: &Thread) -> [isize; 3] {
        [t.young().max(0), 0, 0]
    }

    /// `gc.garbage`.
    pub fn garbage(&self, t: &Thread) -> Res {
        list_in(t, &self.garbage)
    }

    /// `gc.callbacks`.
    pub fn callbacks(&self, t: &Thread) -> Res {
        list_in(t, &self.callbacks)
    }

    /// `gc.freeze()`. Without generations there is nothing to move: the number of objects is remembered, no more.
    pub fn freeze(&self, t: &Thread) {
        self.frozen.set(self.frozen.get() + t.alone(|| candidates(t).len()));
    }

    /// `gc.unfreeze()`.
    pub fn unfreeze(&self) {
        self.frozen.set(0);
    }

    /// `gc.get_freeze_count()`.
    pub fn frozen(&self) -> usize {
        self.frozen.get()
    }

    /// How long collections took since this was asked last.
    pub fn take_time(&self) -> Duration {
        self.took.take()
    }

    /// Decides how many young objects start the next collection: as many as the last one had to walk over, tracked or not,
    /// and past some number half as many, but not too few. So a heap that grows is walked a few times in all, and garbage
    /// takes no more than living objects do. (A full heap is collected in any case.)
    fn arm(&self, t: &Thread) {
        let [first, second, _] = self.thresholds.get();
        let least = if first == THRESHOLD { FEW } else { first };
        let walked = self.long_lived.get().max(self.walked.get());
        // Who sets the second threshold to 0 asks for older objects to be looked at each time.
        let young = if second == 0 { 0 } else { walked.min(walked / 2 + DOUBLING / 2) };
        let at = if self.enabled.get() && first > 0 { least.max(young as isize) } else { isize::MAX };
        t.heap().collect_at(at);
    }
}

fn list_in(t: &Thread, cell: &RefCell<Value>) -> Res {
    if cell.borrow().is_absent() {
        let list = List::create(t)?;
        *cell.borrow_mut() = list;
    }
    Ok(cell.borrow().clone())
}

/// Answers the breaker's GC request: the interpreter calls it at a poll.
pub fn on_request(t: &Thread) -> Res<()> {
    let gc = Gc::of(t);
    if gc.enabled.get() && !*gc.running.lock() {
        collect(t, 0)?;
    }
    gc.arm(t);
    Ok(())
}

/// `gc.collect(generation)`: the number of unreachable objects found.
pub fn collect(t: &Thread, generation: usize) -> Res<usize> {
    let gc = Gc::of(t);
    if std::mem::replace(&mut *gc.running.lock(), true) {
        return Ok(0);
    }
    let generation = generation.min(2);
    let began = Instant::now();
    let out = (|| {
        notify(t, gc, "start", generation, (0, 0))?;
        let found = run(t, gc)?;
        if found > 0 {
            // What is gone shall not count: or garbage would let ever more garbage wait.
            let mut left = 0;
            t.alone(|| t.walk_objects(&mut |_| left += 1));
            gc.walked.set(left);
        }
        t.alone(|| t.forget_young());
        t.verify();
        let kept = if gc.debug.get() & DEBUG_SAVEALL != 0 { found } else { 0 };
        let mut stats = gc.stats.borrow_mut();
        stats[generation].collections += 1;
        stats[generation].collected += found - kept;
        stats[generation].uncollectable += kept;
        drop(stats);
        notify(t, gc, "stop", generation, (found, kept))?;
        Ok(found)
    })();
    let took = began.elapsed();
    gc.took.set(gc.took.get() + took);
    t.tally.collected(took);
    *gc.running.lock() = false;
    gc.arm(t);
    out
}

/// Calls `gc.callbacks`; their exceptions are reported and forgotten.
fn notify(t: &Thread, gc: &Gc, phase: &str, generation: usize, (collected, kept): (usize, usize)) -> Res<()> {
    let callbacks = gc.callbacks.borrow().clone();
    let Some(list) = callbacks.downcast::<List>().filter(|l| !l.is_empty()) else { return Ok(()) };
    let info = Dict::create(t);
    for (key, n) in [("generation", generation), ("collected", collected), ("uncollectable", kept)] {
        Dict::of(&info).set_str(t, &names::intern_text(t, key), convert::from_usize(n))?;
    }
    let phase = strs::new(t, phase)?;
    for f in list.to_vec() {
        if let Err(e) = call::call(t, &f, &[phase.clone(), info.clone()]) {
            if e.is_stopped() {
                return Err(e);
            }
            crate::error::unraisable(t, e, "while calling GC callback", &f);
        }
    }
    Ok(())
}

/// Whether the collector looks at the object at all (`gc.is_tracked`).
pub fn is_tracked(v: &Value) -> bool {
    v.header().is_some_and(tracked)
}

fn tracked(header: &Header) -> bool {
    if header.is_immortal() || header.has(header_flag::UNTRACKED) {
        return false;
    }
    let ty = owner(header);
    ty.is_heap_type() || (ty.def().traverse.is_some() && !ty.has_flag(flag::ATOMIC))
}

fn owner(header: &Header) -> &TypeObject {
    // SAFETY: a shape's type lives as long as objects of that shape.
    unsafe { header.shape().get().ty.as_ref() }
}

/// Calls `f` with every reference that an object holds, its reference to its class included.
pub(crate) fn edges(header: &Header, f: &mut dyn FnMut(&Value)) {
    let (ty, at) = (owner(header), std::ptr::from_ref(header).cast_mut());
    // SAFETY: a live object of its type, intact: dying ones are not among the candidates. The visitor stores nothing.
    unsafe {
        if let Some(traverse) = ty.def().traverse {
            traverse(at, f);
        }
        if ty.is_heap_type() {
            ty.each_own_slot(at, &mut |slot| f(slot.peek()));
            ty.with_value(|class| f(class));
        }
    }
}

/// So many objects are looked at between two looks at the breaker.
const STRIDE: usize = 4096;
/// So many items of one object are shown between two looks at the breaker.
const ITEMS: usize = 1 << 16;

/// Calls `f` with every number below `n`, for a container to show its items; not with all if the isolate is stopped
/// meanwhile. Who needs all asks the breaker afterwards.
pub(crate) fn each(n: usize, mut f: impl FnMut(usize)) {
    let mut from = 0;
    while from < n {
        let to = n.min(from + ITEMS);
        (from..to).for_each(&mut f);
        from = to;
        if from < n && thread::current().is_some_and(|t| t.breaker.stopped()) {
            return;
        }
    }
}

/// Every live tracked object.
fn candidates(t: &Thread) -> Pile {
    let (mut out, mut walked) = (Pile::default(), 0);
    t.walk_objects(&mut |header| {
        walked += 1;
        // An object without references is being destroyed: what it still holds counts as held from outside.
        if tracked(header) && !header.has(header_flag::DYING) && header.whole_count() > 0 {
            out.push(std::ptr::from_ref(header));
        }
    });
    Gc::of(t).walked.set(walked);
    out
}

/// What a trial has found, while no other thread ran.
struct Found {
    /// Every unreachable object is held, so that none goes away while others are looked at.
    held: Vec<Value>,
    dead: Vec<*const Header>,
    /// Weak references to them from outside, and their callbacks.
    calls: Vec<(Value, Value)>,
}

fn search(t: &Thread, gc: &Gc) -> Res<Found> {
    t.merge_all();
    t.forget_methods();
    let candidates = candidates(t);
    let before = candidates.len();
    let dead = Trial::new(t, candidates, 0)?.unreachable(t)?;
    gc.long_lived.set(before - dead.len());
    // SAFETY: live objects; nothing has run since the walk.
    let held: Vec<Value> = dead.iter().map(|&at| Value::from_header(unsafe { &*at })).collect();
    let calls = take_weakrefs(t, &held, &dead);
    Ok(Found { held, dead, calls })
}

/// One full collection.
fn run(t: &Thread, gc: &Gc) -> Res<usize> {
    t.merge();
    let Found { held, dead, calls } = t.alone(|| search(t, gc))?;
    if dead.is_empty() {
        return Ok(0);
    }
    let called = !calls.is_empty();
    weakref::run_callbacks(t, calls);
    let finalized = finalize(t, &held);
    let save = gc.debug.get() & DEBUG_SAVEALL != 0;
    let doomed = t.alone(|| {
        t.forget_methods();
        let doomed = if called || finalized { still_dead(t, &held, dead) } else { Ok(held.iter().collect()) };
        if !save {
            doomed.iter().flatten().for_each(|v| forget_weakrefs(t, v));
        }
        doomed
    });
    let doomed: Vec<&Value> = match doomed {
        Ok(doomed) => doomed,
        Err(e) => {
            // The isolate's memory goes as a whole.
            std::mem::forget(held);
            return Err(e);
        }
    };
    let found = doomed.len();
    if save {
        let garbage = gc.garbage(t)?;
        for v in doomed {
            garbage.expect::<List>().push(t, v.clone())?;
        }
        return Ok(found);
    }
    for (i, v) in doomed.iter().enumerate() {
        if i % STRIDE == STRIDE - 1 && t.breaker.stopped() {
            break;
        }
        clear(v);
    }
    drop(doomed);
    if t.breaker.stopped() {
        std::mem::forget(held);
        return Err(Exc::stopped());
    }
    drop(held);
    Ok(found)
}

/// Those of the held objects that Python code, which has run since, has not made reachable again.
fn still_dead<'a>(t: &Thread, held: &'a [Value], dead: Vec<*const Header>) -> Res<Vec<&'a Value>> {
    let dead = Trial::new(t, dead.into(), 1)?.unreachable(t)?;
    let dead: FxHashSet<usize> = dead.into_iter().map(|at| at as usize).collect();
    Ok(held.iter().filter(|v| dead.contains(&(v.bits() as usize))).collect())
}

/// Weak references go first: finalizers see none of them alive, whatever they bring back. A callback is to run only if the
/// weak reference itself is not garbage.
fn take_weakrefs(t: &Thread, held: &[Value], dead: &[*const Header]) -> Vec<(Value, Value)> {
    let table = t.state::<Table>();
    let mut dead_set: Option<FxHashSet<usize>> = None;
    let mut calls = Vec::new();
    for header in held.iter().filter_map(Value::header).filter(|h| h.has(header_flag::WEAKREFS)) {
        for at in table.watchers(header) {
            // SAFETY: a weakref object leaves the table before it dies, so the address is a live one.
            let watcher = unsafe { &*(at as *const WeakRef) };
            watcher.object.set(0);
            table.remove(std::ptr::from_ref(header) as usize, &watcher.header);
            let callback = watcher.callback.take();
            if callback.is_absent() {
                continue;
            }
            let dead_set = dead_set.get_or_insert_with(|| dead.iter().map(|&at| at as usize).collect());
            // One that has died itself may still be waiting to be taken out of the table.
            if !dead_set.contains(&at)
                && let Some(watcher) = crate::weakref::living(watcher)
            {
                calls.push((watcher, callback));
            }
        }
    }
    calls
}

/// Runs the finalizers that have not run yet; whether there were any.
fn finalize(t: &Thread, held: &[Value]) -> bool {
    let mut any = false;
    for v in held {
        let Some(header) = v.header() else { continue };
        if let Some(f) = type_of(v).slots().finalize
            && !header.has(header_flag::FINALIZED)
        {
            header.set(header_flag::FINALIZED);
            f(t, v);
            any = true;
        }
    }
    any
}

/// Clears the weak references to a doomed object, without callbacks.
fn forget_weakrefs(t: &Thread, v: &Value) {
    let Some(header) = v.header().filter(|h| h.has(header_flag::WEAKREFS)) else { return };
    header.unset(header_flag::WEAKREFS);
    t.state::<Table>().forget(header);
}

/// Drops what a doomed object refers to.
fn clear(v: &Value) {
    let Some(header) = v.header() else { return };
    let (ty, at) = (owner(header), std::ptr::from_ref(header).cast_mut());
    // SAFETY: a live object of its type, held by the caller.
    unsafe {
        if let Some(clear) = ty.def().clear {
            clear(at);
        }
        if ty.is_heap_type() {
            let mut dropped = Vec::new();
            ty.each_own_slot(at, &mut |slot| dropped.push(slot.take()));
            drop(dropped);
        }
    }
}

/// `gc.get_objects()`: every tracked object.
pub fn objects(t: &Thread) -> Vec<Value> {
    // SAFETY: live objects; nothing has run since the walk.
    t.alone(|| candidates(t).iter().map(|at| Value::from_header(unsafe { &*at })).collect())
}

/// `gc.get_referrers(*targets)`: the tracked objects that refer to one of them directly.
pub fn referrers(t: &Thread, targets: &[Value]) -> Vec<Value> {
    t.alone(|| t.forget_methods());
    let mut out = Vec::new();
    for v in objects(t) {
        let mut refers = false;
        if let Some(header) = v.header() {
            edges(header, &mut |x| refers |= targets.iter().any(|target| target.is(x)));
        }
        if refers {
            out.push(v);
        }
    }
    out
}

/// `gc.get_referents(*objects)`: what they refer to directly.
pub fn referents(of: &[Value]) -> Vec<Value> {
    let mut out = Vec::new();
    for header in of.iter().filter_map(Value::header) {
        edges(header, &mut |x| {
            if !x.is_absent() && !is_everybodys(x) {
                out.push(x.clone());
            }
        });
    }
    out
}

/// A dict of the process, such as a built-in type's: whoever had it could change what all isolates have.
fn is_everybodys(v: &Value) -> bool {
    v.downcast::<Dict>().is_some() && v.header().is_some_and(Header::is_immortal)
}

/// `gc.is_finalized(v)`.
pub fn is_finalized(v: &Value) -> bool {
    v.header().is_some_and(|h| h.has(header_flag::FINALIZED))
}
