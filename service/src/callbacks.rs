//! Calls of host functions on their way between one execution and its client.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use typhon_vm::{Cancel, CancelReason, HostAnswer, HostCall, HostCalls, HostError, LimitHit, LimitName};

use crate::events::{Event, Events};
use crate::grpc::interact::host_call;
use crate::metrics::{CallEnd, Metrics};
use crate::process::Far;

pub struct Callbacks {
    state: Mutex<State>,
    changed: Condvar,
    events: Arc<dyn Events>,
    cancel: Cancel,
    /// Calls that the execution may make, and how many of them at once.
    limit: u64,
    open_max: usize,
    /// Where it is counted how calls end, where clients are.
    metrics: Option<Arc<Metrics>>,
}

#[derive(Default)]
struct State {
    made: u64,
    /// How long the guest's threads have waited for answers.
    waited: Duration,
    /// Sent, and not answered.
    open: HashSet<u64>,
    answers: HashMap<u64, HostAnswer>,
    epoch: u64,
    /// The client answers no more.
    closed: bool,
    /// Where the guest runs, when that is elsewhere: it keeps the books, and here is only noted what it waits for.
    far: Option<Arc<Far>>,
}

impl Callbacks {
    pub fn new(
        events: Arc<dyn Events>,
        cancel: &Cancel,
        limit: u64,
        open_max: usize,
        metrics: Option<Arc<Metrics>>,
    ) -> Arc<Callbacks> {
        let (state, changed, cancel) = (Mutex::default(), Condvar::new(), cancel.clone());
        Arc::new(Callbacks { state, changed, events, cancel, limit, open_max, metrics })
    }

    fn ended(&self, how: CallEnd, calls: usize) {
        if let Some(metrics) = &self.metrics {
            metrics.host_calls_ended(how, calls);
        }
    }

    /// How many calls were made where it runs, and how long its threads waited for answers.
    pub fn spent(&self) -> (u64, Duration) {
        let state = self.state.lock();
        (state.made, state.waited)
    }

    /// The client's answer. One that nobody waits for is dropped.
    pub fn answer(&self, number: u64, answer: HostAnswer) {
        let mut state = self.state.lock();
        if state.open.remove(&number) {
            let returned = matches!(answer, HostAnswer::Value(_));
            self.ended(if returned { CallEnd::Returned } else { CallEnd::Raised }, 1);
            if let Some(far) = &state.far {
                return far.answer(number, answer);
            }
            state.answers.insert(number, answer);
            state.epoch += 1;
            self.changed.notify_all();
        }
    }

    /// No answer comes any more.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        if let Some(far) = &state.far {
            far.unanswered();
        }
        let open: Vec<u64> = state.open.drain().collect();
        self.ended(CallEnd::Unanswered, open.len());
        state.answers.extend(open.into_iter().map(|number| (number, nobody())));
        state.epoch += 1;
        self.changed.notify_all();
    }
}

/// For a guest that runs elsewhere.
impl Callbacks {
    /// Sends answers there from now on. Calls that may be open at once.
    pub fn forward(&self, far: Arc<Far>) -> usize {
        let mut state = self.state.lock();
        if state.closed {
            far.unanswered();
        }
        state.far = Some(far);
        self.open_max
    }

    /// It has made a call. False when it makes more than it may.
    pub fn was_made(&self, number: u64) -> bool {
        let mut state = self.state.lock();
        state.made += 1;
        state.open.insert(number);
        state.made <= self.limit && state.open.len() <= self.open_max
    }

    /// It has given a call up.
    pub fn was_cancelled(&self, number: u64) {
        if self.state.lock().open.remove(&number) {
            self.ended(CallEnd::Cancelled, 1);
        }
    }
}

fn nobody() -> HostAnswer {
    HostAnswer::Raised { kind: "ConnectionError".into(), message: "the client answers no more calls".into() }
}

impl HostCalls for Callbacks {
    fn begin(&self, call: HostCall) -> Result<u64, HostError> {
        let mut state = self.state.lock();
        while state.open.len() >= self.open_max && !state.closed {
            if self.cancel.reason().is_some() {
                return Err(HostError::Interrupted);
            }
            self.changed.wait_for(&mut state, LOOK);
        }
        if state.made >= self.limit {
            let hit = LimitHit { which: LimitName::HostCalls, limit: self.limit, used: state.made + 1 };
            drop(state);
            self.cancel.cancel(CancelReason::Limit(hit));
            return Err(HostError::Interrupted);
        }
        state.made += 1;
        let number = state.made;
        if state.closed {
            self.ended(CallEnd::Unanswered, 1);
            state.answers.insert(number, nobody());
        } else {
            state.open.insert(number);
            // Under the lock, so that calls are sent in the order of their numbers.
            self.events.push(Event::HostCall(Box::new(host_call(number, call))));
        }
        Ok(number)
    }

    fn take(&self, number: u64) -> Option<HostAnswer> {
        self.state.lock().answers.remove(&number)
    }

    fn arrived(&self) -> Vec<u64> {
        self.state.lock().answers.keys().copied().collect()
    }

    fn cancel(&self, number: u64) {
        let mut state = self.state.lock();
        if state.open.remove(&number) {
            self.ended(CallEnd::Cancelled, 1);
            self.events.push(Event::HostCallCancelled { number });
            self.changed.notify_all();
        } else {
            state.answers.remove(&number);
        }
    }

    fn epoch(&self) -> u64 {
        self.state.lock().epoch
    }

    fn wait(&self, seen: u64, longest: Duration) -> u64 {
        let began = Instant::now();
        let end = began + longest;
        let mut state = self.state.lock();
        // An event loop also waits here for times to come.
        let answers = !state.open.is_empty();
        while state.epoch == seen && self.cancel.reason().is_none() {
            if self.changed.wait_until(&mut state, end).timed_out() {
                break;
            }
        }
        if answers {
            state.waited += began.elapsed();
        }
        state.epoch
    }

    fn wake(&self) {
        self.state.lock().epoch += 1;
        self.changed.notify_all();
    }
}

/// How often one that waits for room looks whether it was cancelled.
const LOOK: Duration = Duration::from_millis(5);
