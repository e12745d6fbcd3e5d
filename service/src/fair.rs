//! The queue before the workers: a line for each tenant, served in turns by weight.
//!
//! Each tenant's line has spent so much time of workers, divided by the tenant's weight; the line that has spent least
//! is served next. A line that was empty begins where the others are, so that nobody saves up turns. What an execution
//! costs is known only at its end: until then the line's usual is charged.

use std::collections::{HashMap, VecDeque};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::identity::Tenant;
use crate::quota::Quota;

/// What waits, as far as the queue is concerned.
pub trait Queued {
    fn tenant(&self) -> &Arc<Tenant>;

    /// Higher ones come first in the tenant's line.
    fn priority(&self) -> i32 {
        0
    }
}

pub struct FairQueue<T> {
    state: Mutex<State<T>>,
    /// Rings when something may have become eligible.
    ready: Condvar,
    depth: usize,
    workers: usize,
}

struct State<T> {
    lines: HashMap<Arc<str>, Line<T>>,
    waiting: usize,
    running: usize,
    /// What the line served last had spent.
    clock: f64,
    closed: bool,
}

struct Line<T> {
    quota: Arc<Quota>,
    /// By priority, and those of the same as they came.
    waiting: VecDeque<T>,
    running: usize,
    /// Seconds of workers, divided by the weight.
    spent: f64,
    /// How long an execution took lately: an exponential average.
    pace: Duration,
}

/// The queue would not take it.
#[derive(Debug, PartialEq, Eq)]
pub enum Refused {
    /// As many wait as may.
    Full,
    /// As many of this tenant.
    LineFull {
        max: u32,
    },
    Closed,
}

/// A turn that was taken; to be given back with [`FairQueue::done`].
pub struct Turn {
    tenant: Arc<str>,
    charged: Duration,
}

/// What an execution is taken to last before any has.
const FIRST_PACE: Duration = Duration::from_millis(1);

impl<T: Queued> FairQueue<T> {
    pub fn new(depth: usize, workers: usize) -> FairQueue<T> {
        let state = State { lines: HashMap::new(), waiting: 0, running: 0, clock: 0.0, closed: false };
        FairQueue { state: Mutex::new(state), ready: Condvar::new(), depth, workers: workers.max(1) }
    }

    /// As [`FairQueue::add`], and rings.
    pub fn offer(&self, item: T) -> Result<Option<T>, (Refused, T)> {
        let pushed_out = self.add(item)?;
        self.ready.notify_one();
        Ok(pushed_out)
    }

    /// Wakes who waits for something, if there is something: what was added needs it.
    pub fn ring(&self) {
        if self.waiting() > 0 {
            self.ready.notify_one();
        }
    }

    /// Adds to the tenant's line. When there is no room at all, the longest line gives up its last for one whose line
    /// is shorter: that one is the second thing returned, for the caller to refuse.
    pub fn add(&self, item: T) -> Result<Option<T>, (Refused, T)> {
        let mut state = self.state.lock();
        if state.closed {
            return Err((Refused::Closed, item));
        }
        let full = state.waiting >= self.depth;
        let line = state.line(item.tenant());
        let max = line.quota.waiting;
        if line.waiting.len() >= max as usize {
            return Err((Refused::LineFull { max }, item));
        }
        let mine = line.share();
        let mut pushed_out = None;
        if full {
            pushed_out = state.longest(mine).and_then(|line| line.waiting.pop_back());
            if pushed_out.is_none() {
                return Err((Refused::Full, item));
            }
            state.waiting -= 1;
        }
        let waiting = &mut state.line(item.tenant()).waiting;
        let at = waiting.partition_point(|other| other.priority() >= item.priority());
        waiting.insert(at, item);
        state.waiting += 1;
        Ok(pushed_out)
    }

    /// The next one, once there is one whose tenant may run another; none once the queue is closed and empty.
    #[cfg(test)]
    pub fn next(&self) -> Option<(T, Turn)> {
        self.next_or(|| false, || ControlFlow::Continue(()))
    }

    /// The next one, once there is one whose tenant may run another; none once the queue is closed and empty, or `idle`
    /// breaks, which is done whenever none is there and there is something to do.
    pub fn next_or(&self, there_is: impl Fn() -> bool, mut idle: impl FnMut() -> ControlFlow<()>) -> Option<(T, Turn)> {
        let mut state = self.state.lock();
        loop {
            if let Some(next) = state.take() {
                return Some(next);
            }
            if state.closed && state.waiting == 0 {
                return None;
            }
            if !there_is() {
                self.ready.wait(&mut state);
            } else if MutexGuard::unlocked(&mut state, &mut idle).is_break() {
                return None;
            }
        }
    }

    /// So much more time was spent on the tenant than its turns took.
    pub fn charge(&self, tenant: &Tenant, took: Duration) {
        let mut state = self.state.lock();
        // Without a line there is nobody who waits for its turn.
        if let Some(line) = state.lines.get_mut(&tenant.name) {
            line.spent += took.as_secs_f64() / f64::from(line.quota.weight);
        }
    }

    /// A turn is over, and took so long.
    pub fn done(&self, turn: Turn, took: Duration) {
        let mut state = self.state.lock();
        state.running -= 1;
        let clock = state.clock;
        if let Some(line) = state.lines.get_mut(&turn.tenant) {
            line.running -= 1;
            line.spent += (took.as_secs_f64() - turn.charged.as_secs_f64()) / f64::from(line.quota.weight);
            line.pace = (line.pace * 7 + took) / 8;
            // A tenant at its limit may go on.
            if !line.waiting.is_empty() {
                self.ready.notify_one();
            }
        }
        // A line that has spent more than others is remembered until they have caught up.
        state.lines.retain(|_, line| line.running > 0 || !line.waiting.is_empty() || line.spent > clock);
        if state.closed {
            self.ready.notify_all();
        }
    }

    /// From now on nothing is taken; what waits is still given out.
    pub fn close(&self) {
        self.state.lock().closed = true;
        self.ready.notify_all();
    }

    pub fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    pub fn running(&self) -> usize {
        self.state.lock().running
    }

    /// How many of the tenant wait, and run.
    pub fn of(&self, tenant: &Tenant) -> (usize, usize) {
        let state = self.state.lock();
        state.lines.get(&tenant.name).map_or((0, 0), |line| (line.waiting.len(), line.running))
    }

    /// How long one of this tenant that comes now would wait, going by the recent past.
    pub fn estimated_wait(&self, tenant: &Tenant) -> Duration {
        let state = self.state.lock();
        let work = |line: &Line<T>| line.pace.as_secs_f64() * line.waiting.len() as f64;
        let all: f64 = state.lines.values().map(work).sum();
        let backlog = state.lines.values().filter(|line| !line.waiting.is_empty());
        let weights: f64 = backlog.map(|line| f64::from(line.quota.weight)).sum();
        let workers = self.workers as f64;
        let Some(line) = state.lines.get(&tenant.name) else {
            // Its first is served before long: each worker that frees itself serves the line that has spent least.
            let pace = all / (state.waiting.max(1) as f64);
            let busy = state.waiting > 0 || state.running >= self.workers;
            return Duration::from_secs_f64(if busy { pace / workers } else { 0.0 });
        };
        // No longer than until everything has run, nor than its own line takes at its share of the workers.
        let shared = all.min(work(line) * weights.max(1.0) / f64::from(line.quota.weight)) / workers;
        // At its limit it waits for itself, whatever the others do.
        let own = work(line) / f64::from(line.quota.executions);
        Duration::from_secs_f64(shared.max(own))
    }
}

impl<T: Queued> State<T> {
    fn line(&mut self, tenant: &Arc<Tenant>) -> &mut Line<T> {
        let quota = tenant.quota();
        let clock = self.clock;
        let line = self.lines.entry(tenant.name.clone()).or_insert_with(|| Line {
            quota: quota.clone(),
            waiting: VecDeque::new(),
            running: 0,
            spent: clock,
            pace: FIRST_PACE,
        });
        line.quota = quota;
        if line.waiting.is_empty() && line.running == 0 {
            line.spent = line.spent.max(clock);
        }
        line
    }

    /// The line that is longest for its weight, if it stays longer than `than` without its last.
    fn longest(&mut self, than: f64) -> Option<&mut Line<T>> {
        let line = self.lines.values_mut().max_by(|a, b| a.share().total_cmp(&b.share()))?;
        let without_last = line.share() - 1.0 / f64::from(line.quota.weight);
        (without_last > than).then_some(line)
    }

    fn take(&mut self) -> Option<(T, Turn)> {
        let eligible = |line: &&mut Line<T>| !line.waiting.is_empty() && line.running < line.quota.executions as usize;
        let by_spent = |a: &&mut Line<T>, b: &&mut Line<T>| a.spent.total_cmp(&b.spent);
        let line = self.lines.values_mut().filter(eligible).min_by(by_spent)?;
        let item = line.waiting.pop_front()?;
        self.clock = self.clock.max(line.spent);
        let charged = line.pace;
        line.spent += charged.as_secs_f64() / f64::from(line.quota.weight);
        line.running += 1;
        self.running += 1;
        self.waiting -= 1;
        let turn = Turn { tenant: item.tenant().name.clone(), charged };
        Some((item, turn))
    }
}

impl<T> Line<T> {
    /// Its length, for its weight.
    fn share(&self) -> f64 {
        self.waiting.len() as f64 / f64::from(self.quota.weight)
    }
}

#[cfg(test)]
mod tests;
