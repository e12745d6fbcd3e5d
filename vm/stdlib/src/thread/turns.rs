//! Turns: the threads of an isolate, which run one at a time.
//!
//! Until objects are shared for real, one thread of an isolate has the turn and with it everything the isolate owns;
//! the others wait for theirs or outside. A turn ends where the thread waits ([`idle`], [`park`]) or, when somebody
//! else has wanted it for a few milliseconds, at a poll ([`offer`]). The lock of [`Shared`] orders what one turn wrote
//! before what the next one reads.

use crate::kernel;
use parking_lot::{Condvar, Mutex};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};
use typhon_object::Thread;
use typhon_object::breaker::{Breaker, reason};

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
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Whose turn it is.
    running: Option<u64>,
    /// Who waits for a turn, in order.
    waiting: VecDeque<u64>,
    /// Who waits for a key: a lock, a thread's end.
    parked: Vec<Parked>,
    /// Threads that were started and have not ended.
    alive: Vec<u64>,
    /// Where each of them, and the main one, is asked to look up.
    breakers: Vec<(u64, Breaker)>,
}

struct Parked {
    key: usize,
    who: u64,
    woken: bool,
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
        let state = State { running: Some(current()), breakers, ..State::default() };
        Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() })
    });
    Arc::clone(made)
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
    }

    /// Notes that the calling thread ends; it has the turn and gives it up for good.
    pub fn ended(&self) {
        let mut state = self.state.lock();
        state.alive.retain(|who| *who != current());
        state.breakers.retain(|(who, _)| *who != current());
        state.running = state.waiting.pop_front();
        self.changed.notify_all();
    }

    /// Waits for the turn.
    pub fn take_turn(&self) {
        let me = current();
        let mut state = self.state.lock();
        if state.running.is_none() {
            state.running = Some(me);
        } else {
            state.waiting.push_back(me);
            while state.running != Some(me) {
                if self.changed.wait_for(&mut state, PATIENCE).timed_out() {
                    state.ask_running();
                }
            }
        }
    }

    fn give_turn(&self, state: &mut State) {
        state.running = state.waiting.pop_front();
        self.changed.notify_all();
    }
}

impl State {
    /// Asks whoever has the turn to offer it.
    fn ask_running(&self) {
        let running = self.breakers.iter().find(|(who, _)| self.running == Some(*who));
        if let Some((_, breaker)) = running {
            breaker.set(reason::QS);
        }
    }
}

/// Runs `f`, which only waits, while others may run.
pub fn idle<R>(t: &Thread, f: impl FnOnce() -> R) -> R {
    let Some(shared) = shared(t) else { return f() };
    shared.give_turn(&mut shared.state.lock());
    let r = f();
    shared.take_turn();
    r
}

/// Somebody wants the turn: lets all that wait go first.
pub fn offer(t: &Thread) {
    let Some(shared) = shared(t) else { return };
    {
        let mut state = shared.state.lock();
        if state.waiting.is_empty() {
            return;
        }
        shared.give_turn(&mut state);
    }
    shared.take_turn();
}

/// Waits until somebody wakes `key`, the time is over or it is time to look up.
pub fn park(t: &Thread, key: usize, longest: Duration) {
    let Some(shared) = shared(t) else {
        t.breaker.sleep(longest);
        return;
    };
    let (me, end) = (current(), Instant::now() + longest);
    {
        let mut state = shared.state.lock();
        state.parked.push(Parked { key, who: me, woken: false });
        shared.give_turn(&mut state);
        loop {
            let woken = state.parked.iter().any(|p| p.who == me && p.woken);
            if woken || shared.changed.wait_until(&mut state, end).timed_out() {
                break;
            }
        }
        state.parked.retain(|p| p.who != me);
    }
    shared.take_turn();
}

/// Wakes one that waits for `key`, or all of them.
pub fn wake(t: &Thread, key: usize, all: bool) {
    let Some(shared) = shared(t) else { return };
    let mut state = shared.state.lock();
    let mut found = false;
    for p in state.parked.iter_mut().filter(|p| p.key == key && !p.woken) {
        p.woken = true;
        found = true;
        if !all {
            break;
        }
    }
    if found {
        shared.changed.notify_all();
    }
}

/// Where the main thread is asked to look up.
pub fn main_breaker(t: &Thread) -> Breaker {
    let main = main(t);
    let found =
        shared(t).and_then(|s| s.state.lock().breakers.iter().find(|(who, _)| *who == main).map(|b| b.1.clone()));
    found.unwrap_or_else(|| t.breaker.clone())
}

/// Started threads that have not ended.
pub fn alive(t: &Thread) -> Vec<u64> {
    shared(t).map(|s| s.state.lock().alive.clone()).unwrap_or_default()
}

/// Stops every other thread, at the isolate's end: no handler of theirs runs. False if one would not come to its end.
pub fn stop_others(t: &Thread) -> bool {
    let Some(shared) = shared(t) else { return true };
    let was_stopped = t.breaker.stopped();
    t.breaker.stop(1);
    let end = Instant::now() + Duration::from_secs(2);
    while !alive(t).is_empty() && Instant::now() < end {
        {
            let mut state = shared.state.lock();
            state.parked.iter_mut().for_each(|p| p.woken = true);
            shared.changed.notify_all();
        }
        idle(t, || std::thread::sleep(Duration::from_millis(1)));
    }
    if !was_stopped {
        t.breaker.rearm();
    }
    alive(t).is_empty()
}
