//! Turns: the threads of an isolate, which run one at a time, or at least wait for each other.
//!
//! One thread of an isolate has the turn and with it everything the isolate owns; the others wait for theirs or outside. A
//! turn ends where the thread waits ([`idle`], [`park`]) or, when somebody else has wanted it for a few milliseconds, at
//! a poll ([`offer`]). The lock of [`Shared`] orders what one turn wrote before what the next one reads.
//!
//! In an isolate whose threads run at the same time nobody has the turn: natives have the native lock in its place
//! (`typhon_object::native_lock`), and give that up where they wait.

use crate::kernel;
use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use typhon_object::Thread;
use typhon_object::breaker::{Breaker, reason, why};
use typhon_object::solo::A_WHILE;
use typhon_qsbr::sync::{Condvar, Mutex};

/// How long a thread waits for its turn before it asks for it.
const PATIENCE: Duration = Duration::from_millis(5);

/// The isolate's turns.
#[derive(Default)]
pub struct Turns {
    shared: RefCell<Option<Arc<Shared>>>,
    main: Cell<u64>,
}

/// What the threads have in common.
pub struct Shared {
    state: Mutex<State>,
    /// There are no turns.
    free: bool,
}

/// Where a thread sleeps: rung when it has got the turn.
type Bell = Arc<Condvar>;

thread_local! {
    static BELL: Bell = Bell::default();
}

#[derive(Default)]
struct State {
    /// Whose turn it is.
    running: Option<u64>,
    /// Who waits for a turn, in order.
    waiting: VecDeque<(u64, Bell)>,
    /// Who waits for a key: a lock, a thread's end.
    parked: Vec<Parked>,
    /// Threads that were started and have not ended.
    alive: Vec<u64>,
    /// Where each of them, and the main one, is asked to look up.
    breakers: Vec<(u64, Breaker)>,
    /// Most threads there were at once.
    peak: usize,
    /// What a thread panicked with.
    panic: Option<Box<dyn Any + Send>>,
}

struct Parked {
    key: usize,
    who: u64,
    bell: Bell,
}

/// The calling OS thread, as Python numbers it.
pub fn current() -> u64 {
    kernel::signals::this_thread()
}

/// The thread that the isolate began with.
pub fn main(t: &Thread) -> u64 {
    let turns = t.state::<Turns>();
    if turns.main.get() == 0 {
        turns.main.set(current());
    }
    turns.main.get()
}

/// Whether this is the isolate's first thread.
pub fn is_main(t: &Thread) -> bool {
    shared(t).is_none() || main(t) == current()
}

/// Nothing, as long as there is but one thread.
fn shared(t: &Thread) -> Option<Arc<Shared>> {
    t.state::<Turns>().shared.borrow().clone()
}

/// What the threads have in common, from now on.
pub fn share(t: &Thread) -> Arc<Shared> {
    let main = main(t);
    let turns = t.state::<Turns>();
    let mut place = turns.shared.borrow_mut();
    let made = place.get_or_insert_with(|| {
        let breakers = vec![(main, t.breaker.clone())];
        let state = State { running: Some(current()), breakers, peak: 1, ..State::default() };
        Arc::new(Shared { state: Mutex::new(state), free: t.isolate().is_free() })
    });
    Arc::clone(made)
}

/// Copies the process by `fork`, while nobody changes who waits for what, and none of the isolate's locks is held that threads
/// take which the stopped world does not stop: in the copy (`is_copy` tells) they are not there to give it back.
pub fn copying<R>(t: &Thread, fork: impl FnOnce() -> R, is_copy: impl Copy + Fn(&R) -> bool) -> R {
    let Some(shared) = shared(t) else { return fork() };
    let _state = shared.state.lock();
    t.isolate().copying(t, fork, is_copy)
}

/// The child of a fork has one thread, whatever its parent had.
pub fn forked(t: &Thread) {
    let turns = t.state::<Turns>();
    // Others may have held the lock when the process was copied, so it is left alone for good.
    std::mem::forget(turns.shared.take());
    turns.main.set(current());
}

impl Shared {
    /// Notes a thread that was started.
    pub fn started(&self, who: u64, breaker: Breaker) {
        let mut state = self.state.lock();
        state.alive.push(who);
        state.breakers.push((who, breaker));
        state.peak = state.peak.max(state.breakers.len());
    }

    /// Notes that the calling thread panicked: the isolate cannot be trusted any more.
    pub fn panicked(&self, payload: Box<dyn Any + Send>) {
        self.state.lock().panic.get_or_insert(payload);
    }

    /// Notes that the calling thread has ended; it has the turn and gives it up for good. `tell` says so to whoever looks,
    /// and those go on that wait for one of `keys`.
    pub fn ended(&self, keys: &[usize], tell: impl FnOnce()) {
        let mut state = self.state.lock();
        state.alive.retain(|who| *who != current());
        state.breakers.retain(|(who, _)| *who != current());
        tell();
        state.wake(self.free, true, |key| keys.contains(&key));
        if !self.free {
            state.give_turn();
        }
    }

    /// A new thread waits for its first turn.
    pub fn begin(&self) {
        if !self.free {
            self.take_turn();
        }
    }

    /// Gives up what others may be waiting for: the turn or the native lock.
    fn give(&self, t: &Thread) {
        t.give_stock_back();
        t.offline();
        if self.free {
            t.out_of_native();
        } else {
            self.state.lock().give_turn();
        }
    }

    /// Gets it back.
    fn take(&self, t: &Thread) {
        if self.free {
            t.online();
            t.enter_native();
        } else {
            self.take_turn();
            t.online();
        }
    }

    /// Waits for the turn.
    fn take_turn(&self) {
        let me = current();
        let mut state = self.state.lock();
        if state.running.is_none() {
            state.running = Some(me);
        } else {
            let bell = BELL.with(Bell::clone);
            state.waiting.push_back((me, Bell::clone(&bell)));
            let since = Instant::now();
            while state.running != Some(me) {
                let over;
                (state, over) = bell.wait_for(state, PATIENCE);
                if over {
                    state.ask_running(Thread::turn_request(since));
                }
            }
        }
    }
}

impl State {
    /// Passes the turn on to whoever waits longest.
    fn give_turn(&mut self) {
        let next = self.waiting.pop_front();
        self.running = next.as_ref().map(|(who, _)| *who);
        if let Some((_, bell)) = next {
            bell.notify_one();
        }
    }

    /// Asks whoever has the turn to offer it.
    fn ask_running(&self, request: u32) {
        let running = self.breakers.iter().find(|(who, _)| self.running == Some(*who));
        if let Some((_, breaker)) = running {
            breaker.set(request);
        }
    }

    /// Lets those go on that wait for a key: from now on they wait for a turn, and sleep on until they have it.
    fn wake(&mut self, free: bool, all: bool, is_meant: impl Fn(usize) -> bool) {
        while let Some(at) = self.parked.iter().position(|p| is_meant(p.key)) {
            let Parked { who, bell, .. } = self.parked.remove(at);
            if free {
                bell.notify_one();
            } else {
                self.waiting.push_back((who, bell));
            }
            if !all {
                break;
            }
        }
    }
}

/// Runs `f`, which only waits, while others may run.
pub fn idle<R>(t: &Thread, f: impl FnOnce() -> R) -> R {
    let Some(shared) = shared(t) else { return f() };
    shared.give(t);
    let r = f();
    shared.take(t);
    r
}

/// Lets the others run for a moment, for whoever waits for something that nobody will wake it for.
pub fn pause(t: &Thread) {
    idle(t, || std::thread::sleep(Duration::from_millis(1)));
}

/// Somebody wants the turn: lets all that wait go first.
pub fn offer(t: &Thread) {
    let Some(shared) = shared(t) else { return };
    if shared.free {
        return t.offer_native();
    }
    {
        let mut state = shared.state.lock();
        if state.waiting.is_empty() {
            return;
        }
        t.offline();
        state.give_turn();
    }
    shared.take_turn();
    t.online();
}

/// Waits until somebody wakes `key`, the time is over or it is time to look up.
pub fn park(t: &Thread, key: usize, longest: Duration) {
    park_unless(t, key, longest, || false);
}

/// As [`park`], but not if it is `over` already, which is asked so that nothing can be told by [`Shared::ended`] in between.
pub fn park_unless(t: &Thread, key: usize, longest: Duration, over: impl Fn() -> bool) {
    let Some(shared) = shared(t) else {
        t.breaker.sleep(longest);
        return;
    };
    let (end, bell) = (Instant::now() + longest, BELL.with(Bell::clone));
    t.give_stock_back();
    t.offline();
    if shared.free {
        sleep_free(t, &shared, key, end, &bell, over);
        return shared.take(t);
    }
    sleep(&shared, key, end, &bell);
    t.online();
}

/// Gives the native lock up, once it is known who waits for what.
fn sleep_free(t: &Thread, shared: &Shared, key: usize, end: Instant, bell: &Bell, over: impl Fn() -> bool) {
    let me = current();
    let mut state = shared.state.lock();
    if over() {
        return;
    }
    state.parked.push(Parked { key, who: me, bell: Bell::clone(bell) });
    t.out_of_native();
    let mut looked = false;
    while state.parked.iter().any(|p| p.who == me) {
        let left = end.saturating_duration_since(Instant::now());
        let over;
        (state, over) = bell.wait_for(state, if looked { left } else { left.min(A_WHILE) });
        if !over {
            continue;
        }
        if std::mem::replace(&mut looked, true) || left <= A_WHILE {
            state.parked.retain(|p| p.who != me);
        } else {
            t.leave_alone();
        }
    }
}

/// Gives the turn up and gets it back.
fn sleep(shared: &Shared, key: usize, end: Instant, bell: &Bell) {
    let me = current();
    let mut state = shared.state.lock();
    state.parked.push(Parked { key, who: me, bell: Bell::clone(bell) });
    state.give_turn();
    while state.running != Some(me) {
        let over;
        (state, over) = bell.wait_for(state, end.saturating_duration_since(Instant::now()).max(PATIENCE / 5));
        if !over {
            continue;
        }
        let parked = state.parked.len();
        state.parked.retain(|p| p.who != me);
        if state.parked.len() < parked {
            // Nobody has woken it.
            drop(state);
            return shared.take_turn();
        }
        state.ask_running(reason::QS);
    }
}

/// Wakes one that waits for `key`, or all of them.
pub fn wake(t: &Thread, key: usize, all: bool) {
    if let Some(shared) = shared(t) {
        shared.state.lock().wake(shared.free, all, |k| k == key);
    }
}

/// Where a thread is asked to look up, if it is one of several.
pub fn breaker(t: &Thread, who: u64) -> Option<Breaker> {
    shared(t).and_then(|s| s.state.lock().breakers.iter().find(|(other, _)| *other == who).map(|b| b.1.clone()))
}

/// Where the main thread is asked to look up.
pub fn main_breaker(t: &Thread) -> Breaker {
    breaker(t, main(t)).unwrap_or_else(|| t.breaker.clone())
}

/// The threads, each with the word of its breaker, by which it is known elsewhere.
pub fn words(t: &Thread) -> Vec<(u64, *const u32)> {
    let word = |(who, breaker): &(u64, Breaker)| (*who, breaker.word());
    shared(t).map(|s| s.state.lock().breakers.iter().map(word).collect()).unwrap_or_default()
}

/// Started threads that have not ended.
pub fn alive(t: &Thread) -> Vec<u64> {
    shared(t).map(|s| s.state.lock().alive.clone()).unwrap_or_default()
}

/// Most threads that the isolate had at once.
pub fn peak(t: &Thread) -> usize {
    shared(t).map_or(1, |s| s.state.lock().peak)
}

/// A thread that panicked takes the one down that the isolate began with.
pub fn pass_panic_on(t: &Thread) {
    let panic = shared(t).and_then(|s| s.state.lock().panic.take());
    if let Some(payload) = panic {
        std::panic::resume_unwind(payload);
    }
}

/// Stops every other thread, at the isolate's end: no handler of theirs runs. False if one has not come to its end by
/// then; without a `patience` it is waited for.
pub fn stop_others(t: &Thread, patience: Option<Duration>) -> bool {
    let Some(shared) = shared(t) else { return true };
    let was_stopped = t.breaker.stopped();
    t.breaker.stop(why::CANCELLED);
    let end = patience.map(|p| Instant::now() + p);
    while !alive(t).is_empty() && end.is_none_or(|end| Instant::now() < end) {
        shared.state.lock().wake(shared.free, true, |_| true);
        pause(t);
    }
    if !was_stopped {
        t.breaker.rearm();
    }
    alive(t).is_empty()
}
