//! Isolates that are made before anybody wants them, by workers that have nothing else to do.
//!
//! Made ahead is what was wanted twice lately: an isolate on the same terms. Nothing of a tenant's is in one, because only those
//! without arguments and environment are made, and no program has run in them.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use parking_lot::Mutex;
use typhon_vm::{Limits, Request};

use crate::engine::{Engine, Isolate};

pub struct Ahead {
    engine: Arc<dyn Engine>,
    /// As many may there be at once.
    most: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The kind wanted last comes first.
    kinds: Vec<Kind>,
    /// Being made.
    making: usize,
    /// Nothing is made any more.
    closed: bool,
}

/// Isolates on the same terms.
struct Kind {
    terms: Terms,
    /// It was wanted more than once.
    again: bool,
    ready: Vec<Box<dyn Isolate>>,
}

/// What an isolate has for life, where it may be made ahead.
#[derive(Clone, PartialEq, Eq)]
struct Terms {
    filename: String,
    heap_bytes: Option<u64>,
    stack_depth: Option<u32>,
    threads: Option<u32>,
    cpu_parallelism: Option<u32>,
}

/// So many kinds are remembered.
const KINDS: usize = 8;

impl Ahead {
    pub fn new(engine: Arc<dyn Engine>, most: usize) -> Ahead {
        Ahead { engine, most, state: Mutex::default() }
    }

    /// An isolate as the request wants it, if there is one.
    pub fn take(&self, request: &Request) -> Option<Box<dyn Isolate>> {
        if self.most == 0 || !may_be_made(request) {
            return None;
        }
        let mut state = self.state.lock();
        let at = state.kinds.iter().position(|kind| kind.terms.are(request));
        let mut kind = match at {
            Some(at) => Kind { again: true, ..state.kinds.remove(at) },
            None => Kind { terms: Terms::of(request), again: false, ready: Vec::new() },
        };
        let taken = kind.ready.pop();
        state.kinds.insert(0, kind);
        let kept = state.kinds.len().min(KINDS);
        let forgotten = state.kinds.split_off(kept);
        // What they hold is not given back under the lock.
        drop(state);
        drop(forgotten);
        taken
    }

    /// Makes one, if one is missing; whether it did. It breaks when the engine panicked, and then nothing is made any more.
    pub fn make(&self) -> ControlFlow<(), bool> {
        let Some((terms, surplus)) = self.missing() else { return ControlFlow::Continue(false) };
        let made = catch_unwind(AssertUnwindSafe(|| {
            drop(surplus);
            let mut isolate = self.engine.open(&terms.request());
            isolate.prepare().then_some(isolate)
        }));
        let mut state = self.state.lock();
        state.making -= 1;
        let Ok(made) = made else {
            state.closed = true;
            tracing::error!("the engine panicked with an isolate that nobody had asked for yet");
            return ControlFlow::Break(());
        };
        let wanted = !state.closed;
        let mut left = None;
        match (made, state.kinds.iter_mut().find(|kind| kind.terms == terms).filter(|_| wanted)) {
            (Some(isolate), Some(kind)) => kind.ready.push(isolate),
            // There is no room in it for the beginning: whoever wants it is to learn that.
            (None, Some(kind)) => kind.again = false,
            (made, None) => left = made,
        }
        drop(state);
        drop(left);
        ControlFlow::Continue(true)
    }

    /// What to make, and what has to go for it.
    fn missing(&self) -> Option<(Terms, Option<Box<dyn Isolate>>)> {
        let mut state = self.state.lock();
        let (first, full) = state.lacks(self.most)?;
        let terms = state.kinds.get(first)?.terms.clone();
        // Of the kind that was wanted least lately.
        let mut others = state.kinds.iter_mut().skip(first + 1).rev();
        let surplus = if full { others.find_map(|kind| kind.ready.pop()) } else { None };
        state.making += 1;
        Some((terms, surplus))
    }

    /// Whether there is one to make.
    pub fn lacks(&self) -> bool {
        self.state.lock().lacks(self.most).is_some()
    }

    /// How many there are.
    pub fn ready(&self) -> usize {
        self.state.lock().kinds.iter().map(|kind| kind.ready.len()).sum()
    }

    /// Ends all of them; nothing is made any more.
    pub fn close(&self) {
        let mut state = self.state.lock();
        state.closed = true;
        let kinds = std::mem::take(&mut state.kinds);
        drop(state);
        drop(kinds);
    }
}

impl State {
    /// The kind of which there are fewer than there may be, and whether another one has to go for it.
    fn lacks(&self, most: usize) -> Option<(usize, bool)> {
        let first = self.kinds.iter().position(|kind| kind.again)?;
        let ready = |kinds: &[Kind]| kinds.iter().map(|kind| kind.ready.len()).sum::<usize>();
        let (own, later) = (self.kinds.get(first)?.ready.len(), self.kinds.get(first + 1..)?);
        let full = ready(&self.kinds) + self.making >= most;
        let room = own + self.making < most && (!full || ready(later) > 0);
        (room && !self.closed).then_some((first, full))
    }
}

fn may_be_made(request: &Request) -> bool {
    request.argv.is_empty() && request.env.is_empty() && !request.deterministic
}

impl Terms {
    fn of(request: &Request) -> Terms {
        let Limits { heap_bytes, stack_depth, threads, cpu_parallelism, .. } = request.limits;
        Terms { filename: request.filename.clone(), heap_bytes, stack_depth, threads, cpu_parallelism }
    }

    fn are(&self, request: &Request) -> bool {
        let of = &request.limits;
        (self.heap_bytes, self.stack_depth, self.threads) == (of.heap_bytes, of.stack_depth, of.threads)
            && self.cpu_parallelism == of.cpu_parallelism
            && self.filename == request.filename
    }

    fn request(&self) -> Request {
        let Terms { filename, heap_bytes, stack_depth, threads, cpu_parallelism } = self.clone();
        let limits = Limits { heap_bytes, stack_depth, threads, cpu_parallelism, ..Limits::default() };
        Request { filename, limits, ..Request::default() }
    }
}

#[cfg(test)]
mod tests;
