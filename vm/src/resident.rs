//! The resident isolate: one that lives on between executions, on whatever OS thread runs the next.

use std::sync::Arc;

use parking_lot::Mutex;
use typhon_interp::host::Host;
use typhon_interp::tier::Tiers;
use typhon_object::{Res, Thread, Value as Object, attr, strs};
use typhon_stdlib::import::gate;
use typhon_stdlib::isolate::{self, Environment, Live};
use typhon_stdlib::kernel::signals::roving;
use typhon_stdlib::sys::streams;
use typhon_stdlib::thread::turns;
use typhon_stdlib::{fuel, import, text};

use crate::callbacks;
use crate::cancel::Cancel;
use crate::engine;
use crate::execute::{self, Failure};
use crate::limits::Usage;
use crate::outcome::{Response, TerminationReason};
use crate::relay::Relay;
use crate::request::Request;
use crate::work;

/// An isolate with its globals, modules and threads. Its threads run while an execution does, and stand still between
/// two: nothing that a guest does is without a limit.
pub struct Resident {
    main: Option<Object>,
    live: Option<Live<'static>>,
    /// What `live` borrows.
    relay: Box<Relay>,
    fresh: bool,
    /// The process is a copy of the one that ran in it last.
    copied: bool,
}

// SAFETY: nothing of an isolate is bound to the OS thread that made it. Between calls of `enter` no thread-local points into
// it; values, heap and frames are reached through `live` alone, which goes along whole and is used by one OS thread at a time,
// since every method wants the `Resident` for itself. Its further threads wait for a turn that its first one keeps, whose number
// is the same on every OS thread (`roving`).
unsafe impl Send for Resident {}

/// What came of one execution, and of the isolate.
#[derive(Debug)]
pub struct Run {
    pub response: Response,
    /// Why the isolate can run nothing any more.
    pub lost: Option<&'static str>,
    /// What it holds.
    pub heap_bytes: u64,
    /// Its threads that have not ended, besides the first.
    pub threads: usize,
}

const STOPPED: &str =
    "stopped in the middle: no handler and no finally block ran, locks stay as they were, threads have ended";
/// A heap as full as this after the stop has no room to run in.
const FULL: fn(usize) -> usize = |limit| limit - limit / 8;

impl Resident {
    /// A fresh isolate, whose hot loops `tiers` compile. What `request` says of argv, environment, heap, stack and threads holds for its whole life.
    pub fn open(request: &Request, tiers: Option<Arc<dyn Tiers>>) -> Resident {
        let relay = Box::new(Relay::new(tiers.filter(|_| !request.deterministic)));
        // SAFETY: the relay is boxed, so it stays where it is, and `drop` ends `live` before it.
        let host: &'static Relay = unsafe { &*std::ptr::from_ref(&*relay) };
        let live = roving(|| Live::new(&execute::options(request), host));
        live.thread().set_state(Environment(request.env.clone()));
        Resident { main: None, live: Some(live), relay, fresh: true, copied: false }
    }

    /// The process is a copy: what the isolate must do about that, it does when it runs next, within limits. It must have
    /// no thread besides its first.
    pub fn copied(&mut self) {
        self.copied = true;
    }

    /// Fills the isolate before anybody waits for that; what its first execution sees is the same. False when there is no
    /// room for it: then a first execution says so.
    pub fn prepare(&mut self) -> bool {
        let Some(live) = &self.live else { unreachable!("there until it is dropped") };
        let main = &mut self.main;
        roving(|| {
            live.enter(engine::stack_left(), |t| {
                // What went wrong is an object of the isolate, and ends here.
                *main = execute::start(t, &mut Usage::default()).ok();
                main.is_some()
            })
        })
    }

    /// Runs `request` in the isolate, on this OS thread. As [`crate::execute`], but what the program leaves stays.
    pub fn execute(&mut self, request: &Request, host: Arc<dyn Host>, cancel: &Cancel) -> Run {
        self.run(request, host, cancel, false)
    }

    /// As [`Resident::execute`], and then ends the isolate as a program's end does, `atexit` and finalizers included. Nothing
    /// runs in it any more.
    pub fn finish(&mut self, request: &Request, host: Arc<dyn Host>, cancel: &Cancel) -> Run {
        self.run(request, host, cancel, true)
    }

    fn run(&mut self, request: &Request, host: Arc<dyn Host>, cancel: &Cancel, last: bool) -> Run {
        let Some(live) = &self.live else { unreachable!("there until it is dropped") };
        let armed = Arc::new(Mutex::new(true));
        self.relay.put(Some(host));
        let attachment = engine::attach_while(live.thread(), cancel, armed.clone());
        let (main, fresh) = (&mut self.main, std::mem::take(&mut self.fresh));
        let copied = std::mem::take(&mut self.copied);
        let run = roving(|| {
            live.enter(engine::stack_left(), |t| {
                if copied {
                    typhon_stdlib::posix::exec::after_fork(t, true);
                }
                let begins = Begins { fresh, last };
                let response = respond(t, main, begins, request, cancel);
                *armed.lock() = false;
                callbacks::withdraw(t);
                if last { over(t, response) } else { conclude(t, response) }
            })
        });
        drop(attachment);
        self.relay.put(None);
        run
    }
}

impl Drop for Resident {
    fn drop(&mut self) {
        let (main, live) = (self.main.take(), self.live.take());
        roving(|| {
            if let Some(live) = &live {
                // References are given back by the thread that owns them.
                live.enter(engine::stack_left(), |_| drop(main));
            }
            drop(live);
        });
    }
}

/// How an execution finds the isolate.
#[derive(Clone, Copy)]
struct Begins {
    fresh: bool,
    last: bool,
}

fn respond(t: &Thread, main: &mut Option<Object>, begins: Begins, request: &Request, cancel: &Cancel) -> Response {
    if let Some(refused) = execute::too_long(request) {
        return refused;
    }
    let before = execute::begin(t);
    let mut usage = Usage::default();
    let ran = prepared(t, main, begins, request, &mut usage).map_err(Failure::from);
    let mut worked = None;
    let ran = ran.and_then(|main| match &request.work {
        None => execute::run(t, &main, request, &mut usage),
        Some(work) => {
            // What an isolate is filled with goes by modules' names.
            gate::set(t, None);
            worked = Some(work::work(t, &main, work)?);
            Ok(Object::NONE)
        }
    });
    let mut response = Response { worked, ..execute::conclude(t, request, cancel, ran) };
    if begins.last {
        // So that its globals go with the isolate.
        drop(main.take());
    }
    // Work is nothing that a guest asked for: its streams wait for its next program.
    if !t.breaker.stopped()
        && request.work.is_none()
        && let Err(e) = if begins.last { isolate::finalize(t) } else { flush(t) }
        && (!begins.last || response.outcome.reason == TerminationReason::Completed || e.is_stopped())
    {
        response = execute::conclude(t, request, cancel, Err(e.into()));
    }
    if t.breaker.stopped() || cancel.reason().is_some() {
        response = execute::if_stopped(t, request, cancel, response);
    }
    response.usage = execute::counted(t, &before, usage);
    fuel::end(t);
    response
}

/// `__main__`, made at the first execution; `sys.argv` is that of the latest that gave one.
fn prepared(t: &Thread, main: &mut Option<Object>, begins: Begins, request: &Request, usage: &mut Usage) -> Res {
    if let Some(main) = main {
        // The only program that ends its isolate is another than the one that made it.
        let own = [request.filename.clone()];
        let argv = if request.argv.is_empty() && begins.last { &own[..] } else { &request.argv };
        if !begins.fresh && !argv.is_empty() {
            let argv = argv.iter().map(|arg| strs::new(t, arg)).collect::<Res<Vec<_>>>()?;
            let argv = typhon_object::list::List::from_vec(t, argv)?;
            let sys = import::module_named(t, "sys")?;
            attr::set(t, &sys, &text::name(t, "argv"), Some(&argv))?;
        }
        return Ok(main.clone());
    }
    Ok(main.insert(execute::start(t, usage)?).clone())
}

fn flush(t: &Thread) -> Res<()> {
    streams::flush(t, "stdout")?;
    streams::flush(t, "stderr")?;
    streams::flush_direct(t)
}

/// Nothing runs in the isolate any more.
fn over(t: &Thread, response: Response) -> Run {
    if t.breaker.stopped() {
        isolate::abandon(t);
    }
    Run { response, lost: None, heap_bytes: t.heap().used() as u64, threads: 0 }
}

/// Nobody can stop the isolate any more: lets it run again if it was stopped.
fn conclude(t: &Thread, mut response: Response) -> Run {
    let mut lost = None;
    let stopped = t.breaker.stopped();
    if stopped {
        isolate::abandon(t);
        if t.depth.get() != 0 {
            lost = Some("its frames are not at rest");
        }
    }
    if stopped || response.outcome.reason == TerminationReason::Memory {
        let heap = t.heap();
        if heap.used() > FULL(heap.limit()) {
            heap.trim(|| false);
        }
        // What its globals hold leaves no room for a program that would let go of them.
        lost = lost.or((heap.used() > FULL(heap.limit())).then_some("its heap is full"));
    }
    if stopped && lost.is_none() {
        t.breaker.rearm();
        response.warnings.push(STOPPED.to_owned());
    }
    Run { response, lost, heap_bytes: t.heap().used() as u64, threads: turns::alive(t).len() }
}
