//! One session: an isolate at rest or at work, and the line of executions that wait for it.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use parking_lot::Mutex;
use typhon_vm::{Cancel, CancelReason, HostFunctions, Limits};

use crate::config::Config;
use crate::error::Refusal;
use crate::execution::Execution;
use crate::host::{Kept, World};
use crate::identity::Tenant;
use crate::job::{AfterRun, Home};
use crate::place::{Isolation, Place};

/// What holds for a session's whole life.
#[derive(Clone)]
pub struct Terms {
    pub limits: Limits,
    pub env: Vec<(String, String)>,
    /// What its programs may call when their client can answer.
    pub functions: HostFunctions,
    pub kept: Kept,
    pub place: Place,
    pub when_busy: WhenBusy,
    pub idle_ttl: Duration,
    pub ttl: Duration,
    pub labels: Vec<(String, String)>,
    /// What was asked of the policy, to be shown.
    pub policy: Option<typhon_proto::v1::Policy>,
    /// The template that it began as a copy of, at another server. What that held is the place's snapshot, if that could be kept.
    pub copied_from: String,
}

impl Terms {
    /// Those of what nobody asked for.
    pub fn plain(limits: Limits, config: &Config) -> Terms {
        let place =
            Place { isolation: Isolation::Dedicated, tenant: "".into(), template: None, snapshot: None, stable: false };
        Terms {
            limits,
            env: Vec::new(),
            functions: HostFunctions::default(),
            kept: Kept::new(World::default()),
            place,
            when_busy: WhenBusy::Refuse,
            idle_ttl: config.session_idle_ttl_default,
            ttl: config.session_ttl_default,
            labels: Vec::new(),
            policy: None,
            copied_from: String::new(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhenBusy {
    Wait,
    Refuse,
}

/// What sessions hold together, known without asking each.
#[derive(Default)]
pub struct Ledger(Mutex<u64>);

impl Ledger {
    pub fn held(&self) -> u64 {
        *self.0.lock()
    }

    fn change(&self, from: u64, to: u64) {
        let mut held = self.0.lock();
        *held = held.saturating_sub(from).saturating_add(to);
    }
}

pub struct Session {
    pub name: String,
    pub tenant: Arc<Tenant>,
    pub terms: Terms,
    pub created: SystemTime,
    born: Instant,
    /// So many may wait.
    line_max: usize,
    ledger: Arc<Ledger>,
    state: Mutex<State>,
}

struct State {
    /// None while it is at work, and before the first execution.
    isolate: Option<Home>,
    running: Option<(String, Cancel)>,
    failure: Option<Cow<'static, str>>,
    line: VecDeque<Box<Execution>>,
    active: Instant,
    executions: u64,
    heap_bytes: u64,
    threads: usize,
    generation: u32,
    /// Out of the registry: what comes back is dropped.
    closed: bool,
}

/// What a session has behind it that begins where another server's has stopped.
#[derive(Clone, Debug)]
pub struct Past {
    pub created: SystemTime,
    pub active: SystemTime,
    pub executions: u64,
    pub generation: u32,
    pub failure: String,
}

/// What can be told of a session.
pub struct Seen {
    pub running: Option<String>,
    pub failure: Option<Cow<'static, str>>,
    pub waiting: usize,
    pub executions: u64,
    pub heap_bytes: u64,
    pub threads: usize,
    pub generation: u32,
    pub active: SystemTime,
    pub expires: SystemTime,
}

/// Something runs in a session, or has run meanwhile.
pub struct StillBusy;

impl Session {
    pub fn new(name: String, tenant: Arc<Tenant>, terms: Terms, line_max: usize) -> Session {
        let now = Instant::now();
        let state = State {
            isolate: None,
            running: None,
            failure: None,
            line: VecDeque::new(),
            active: now,
            executions: 0,
            heap_bytes: 0,
            threads: 0,
            generation: 0,
            closed: false,
        };
        let (created, ledger) = (SystemTime::now(), Arc::default());
        Session { name, tenant, terms, created, born: now, line_max, ledger, state: Mutex::new(state) }
    }

    /// The same, in the books of others.
    pub fn booked(mut self, ledger: Arc<Ledger>) -> Session {
        self.ledger = ledger;
        self
    }

    /// The same, with a past.
    pub fn since(mut self, past: Past) -> Session {
        let now = Instant::now();
        let ago = |time: SystemTime| now.checked_sub(time.elapsed().unwrap_or_default()).unwrap_or(now);
        (self.created, self.born) = (past.created, ago(past.created));
        let state = self.state.get_mut();
        (state.active, state.executions, state.generation) = (ago(past.active), past.executions, past.generation);
        state.failure = (!past.failure.is_empty()).then_some(Cow::Owned(past.failure));
        self
    }

    /// Leaves the session to somebody else, if it is still as it was after so many executions; and with what it held.
    pub fn retire(&self, executions: u64) -> Result<Option<Home>, StillBusy> {
        let mut state = self.state.lock();
        if state.running.is_some() || state.executions != executions {
            return Err(StillBusy);
        }
        state.closed = true;
        self.weigh(&mut state, 0);
        Ok(state.isolate.take())
    }

    /// It holds so much now.
    fn weigh(&self, state: &mut State, bytes: u64) {
        let before = std::mem::replace(&mut state.heap_bytes, bytes);
        self.ledger.change(before, bytes);
    }

    /// An execution comes. It is given back when it may go to a worker; else it waits here.
    pub fn enter(&self, execution: Box<Execution>) -> Result<Option<Box<Execution>>, Refusal> {
        let mut state = self.state.lock();
        if let Some(refusal) = self.refusal_in(&state) {
            return Err(refusal);
        }
        if let Some((running, _)) = &state.running {
            if self.terms.when_busy == WhenBusy::Refuse || state.line.len() >= self.line_max {
                return Err(Refusal::SessionBusy { name: self.name.clone(), running: running.clone() });
            }
            state.line.push_back(execution);
            return Ok(None);
        }
        state.begin(&execution);
        Ok(Some(execution))
    }

    /// Why nothing can run here any more.
    pub fn refusal(&self) -> Option<Refusal> {
        self.refusal_in(&self.state.lock())
    }

    fn refusal_in(&self, state: &State) -> Option<Refusal> {
        if state.closed {
            return Some(Refusal::SessionNotFound { name: self.name.clone() });
        }
        state.failure().map(|why| Refusal::SessionFailed { name: self.name.clone(), why })
    }

    /// The isolate, for the worker that runs what runs now.
    pub fn take(&self) -> Option<Home> {
        self.state.lock().isolate.take()
    }

    /// An execution has ended; without anything after it the engine panicked. Whether the session can go on, and who is
    /// next.
    pub fn put(&self, after: Option<AfterRun>) -> (bool, Option<Box<Execution>>) {
        self.state.lock().executions += 1;
        self.settle(after)
    }

    /// As [`Session::put`], after something that was no execution.
    pub fn settle(&self, after: Option<AfterRun>) -> (bool, Option<Box<Execution>>) {
        let mut state = self.state.lock();
        let mut gone = None;
        match after {
            None => state.failure = Some(Cow::Borrowed("the engine panicked")),
            Some(after) => {
                self.weigh(&mut state, after.heap_bytes);
                state.threads = after.threads;
                state.failure = after.lost;
                *(if state.failure.is_some() || state.closed { &mut gone } else { &mut state.isolate }) =
                    Some(after.home);
            }
        }
        if state.isolate.is_none() {
            self.weigh(&mut state, 0);
            state.threads = 0;
        }
        let survives = state.isolate.is_some();
        let next = state.next();
        drop(state);
        drop(gone);
        (survives, next)
    }

    /// What was to run cannot: the isolate is no more. Who is next.
    pub fn fail(&self, why: Cow<'static, str>) -> Option<Box<Execution>> {
        let mut state = self.state.lock();
        state.failure = Some(why);
        self.weigh(&mut state, 0);
        state.threads = 0;
        state.next()
    }

    /// What was to run did not. Who is next.
    pub fn leave(&self) -> Option<Box<Execution>> {
        self.state.lock().next()
    }

    /// Interrupts what runs; its name.
    pub fn interrupt(&self, how: CancelReason) -> Option<String> {
        // A hook must not run under the lock.
        let (name, cancel) = self.state.lock().running.clone()?;
        cancel.cancel(how);
        Some(name)
    }

    /// Whether it has an isolate that does nothing now.
    pub fn rests(&self) -> bool {
        self.state.lock().isolate.is_some()
    }

    /// Whether nothing has run in it, and nothing does.
    pub fn is_new(&self) -> bool {
        let state = self.state.lock();
        state.isolate.is_none() && state.running.is_none() && state.failure.is_none() && state.executions == 0
    }

    /// The isolate, to be copied while nothing runs; it must be given back.
    pub fn lend(&self) -> Result<Option<Home>, Refusal> {
        let mut state = self.state.lock();
        if let Some(refusal) = self.refusal_in(&state) {
            return Err(refusal);
        }
        if let Some((running, _)) = &state.running {
            return Err(Refusal::SessionBusy { name: self.name.clone(), running: running.clone() });
        }
        state.running = Some((String::new(), Cancel::new()));
        Ok(state.isolate.take())
    }

    /// The isolate is back. Who is next.
    pub fn give_back(&self, home: Option<Home>) -> Option<Box<Execution>> {
        let mut state = self.state.lock();
        if !state.closed {
            state.isolate = home;
        }
        state.next()
    }

    /// As it is when it begins with an isolate that has been at work already.
    pub fn with(self, home: Option<Home>, of: &Session) -> Session {
        let (heap_bytes, threads) = {
            let other = of.state.lock();
            (other.heap_bytes, other.threads)
        };
        {
            let mut state = self.state.lock();
            state.isolate = home;
            self.weigh(&mut state, heap_bytes);
            state.threads = threads;
        }
        self
    }

    /// Drops the isolate; the next execution gets a fresh one.
    pub fn reset(&self) -> Result<Option<Home>, Refusal> {
        let mut state = self.state.lock();
        if let Some((running, _)) = &state.running {
            return Err(Refusal::SessionBusy { name: self.name.clone(), running: running.clone() });
        }
        self.weigh(&mut state, 0);
        (state.threads, state.failure) = (0, None);
        state.generation += 1;
        state.active = Instant::now();
        Ok(state.isolate.take())
    }

    /// The session leaves the registry. What runs is for the caller to cancel; what waits is refused in its turn.
    pub fn close(&self) -> Option<Home> {
        let mut state = self.state.lock();
        state.closed = true;
        // Nobody needs to know any more how quickly it ends.
        self.weigh(&mut state, 0);
        state.isolate.take()
    }

    /// Whether its time is over. What runs may end before.
    pub fn expired(&self, now: Instant) -> bool {
        let state = self.state.lock();
        state.running.is_none() && now >= self.end(&state)
    }

    fn end(&self, state: &State) -> Instant {
        (state.active + self.terms.idle_ttl).min(self.born + self.terms.ttl)
    }

    pub fn heap_bytes(&self) -> u64 {
        self.state.lock().heap_bytes
    }

    pub fn see(&self) -> Seen {
        let state = self.state.lock();
        let at = |time: Instant| self.created + time.saturating_duration_since(self.born);
        Seen {
            running: state.running.as_ref().map(|(name, _)| name.clone()),
            failure: state.failure(),
            waiting: state.line.len(),
            executions: state.executions,
            heap_bytes: state.heap_bytes,
            threads: state.threads,
            generation: state.generation,
            active: at(state.active),
            expires: at(self.end(&state)),
        }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        let held = self.state.get_mut().heap_bytes;
        self.ledger.change(held, 0);
    }
}

impl State {
    /// Why nothing can run any more, which the end of a worker process is too.
    fn failure(&self) -> Option<Cow<'static, str>> {
        self.failure.clone().or_else(|| self.isolate.as_ref()?.death())
    }

    fn begin(&mut self, execution: &Execution) {
        self.active = Instant::now();
        self.running = Some((execution.name.clone(), execution.cancel.clone()));
    }

    fn next(&mut self) -> Option<Box<Execution>> {
        self.active = Instant::now();
        self.running = None;
        let next = self.line.pop_front()?;
        self.begin(&next);
        Some(next)
    }
}
