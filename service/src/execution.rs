//! One execution, from the queue to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use typhon_jit::Process;
use typhon_vm::{Cancel, CancelReason, Detail, Limits, Outcome, Request, Response, Stream, TerminationReason, Usage};

use crate::error::Refusal;
use crate::events::{Event, EventQueue};
use crate::host::{GuestHost, World};
use crate::limits::wall_before_deadline;
use crate::output::OutputPlan;
use crate::watchdog::Watchdog;

/// What runs a program. The VM is the one that counts; tests put a scripted one in its place.
pub trait Engine: Send + Sync + 'static {
    fn execute(&self, request: &Request, host: &dyn typhon_vm::Host, cancel: &Cancel) -> Response;

    /// What compiles the guests' loops, for all of them.
    fn compiler(&self) -> Option<Process> {
        None
    }
}

/// The virtual machine.
#[derive(Default)]
pub struct Vm {
    /// What compiles hot loops; nothing does unless somebody asks for it.
    pub compiler: Option<Process>,
}

impl Engine for Vm {
    fn execute(&self, request: &Request, host: &dyn typhon_vm::Host, cancel: &Cancel) -> Response {
        typhon_vm::execute(request, host, cancel)
    }

    fn compiler(&self) -> Option<Process> {
        self.compiler.clone()
    }
}

/// An admitted request, on its way to a worker.
pub struct Execution {
    pub id: u64,
    pub name: String,
    /// Its limits are already clamped, but for the deadline.
    pub request: Request,
    pub plan: OutputPlan,
    pub world: World,
    pub cancel: Cancel,
    pub arrived: Instant,
    /// When the client stops waiting.
    pub deadline: Option<Instant>,
    pub reply: Reply,
}

/// Where the answer goes. Dropping it unanswered says that the worker was lost.
pub enum Reply {
    Unary(oneshot::Sender<Result<Box<Finished>, Refusal>>),
    Stream(StreamReply),
}

pub struct StreamReply(pub Arc<EventQueue>);

impl Drop for StreamReply {
    fn drop(&mut self) {
        self.0.push(Event::Ended(Err(Refusal::WorkerLost)));
    }
}

/// All that is known at the end.
#[derive(Debug)]
pub struct Finished {
    pub name: String,
    pub response: Response,
    pub stdout: Captured,
    pub stderr: Captured,
    pub effective: Limits,
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Captured {
    pub data: Vec<u8>,
    pub produced: u64,
    pub truncated: bool,
}

/// What running did, for the worker that did it.
pub struct Ran {
    pub took: Duration,
    /// The engine panicked: this thread's VM state is not to be trusted.
    pub poisoned: bool,
}

impl Execution {
    /// Runs on this thread and answers.
    pub fn run(self, engine: &dyn Engine, watchdog: &Watchdog, margin: Duration) -> Ran {
        let queue = self.arrived.elapsed();
        let Execution { name, mut request, plan, world, cancel, deadline, reply, .. } = self;
        if let Some(reason) = cancel.reason() {
            reply.refuse(match reason {
                CancelReason::ServerDrain => Refusal::Draining { retry_after: Duration::from_secs(1) },
                _ => Refusal::WorkerLost,
            });
            return Ran { took: Duration::ZERO, poisoned: false };
        }
        let asked_wall = request.limits.wall.unwrap_or(Duration::from_secs(3600));
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        let wall = match left {
            None => Some(asked_wall),
            Some(left) => wall_before_deadline(asked_wall, left, margin),
        };
        let Some(wall) = wall else {
            reply.refuse(Refusal::CannotMeetDeadline { retry_after: queue });
            return Ran { took: Duration::ZERO, poisoned: false };
        };
        request.limits.wall = Some(wall);
        let cpu = request.limits.cpu.unwrap_or(wall);
        reply.started(&request.limits);

        let stdin = std::mem::take(&mut request.stdin);
        let host = GuestHost::new(plan, &request.limits, stdin, world, reply.events(), &cancel, engine.compiler());
        let started = Instant::now();
        host.cpu().begin();
        let watch = watchdog.watch(wall, cpu, host.cpu(), &cancel);
        let result = catch_unwind(AssertUnwindSafe(|| engine.execute(&request, &host, &cancel)));
        drop(watch);
        let took = started.elapsed();
        host.cpu().end();

        let poisoned = result.is_err();
        let mut response = result.unwrap_or_else(|panic| crash(&*panic));
        let (stdout, stderr) = (captured(&host, Stream::Stdout), captured(&host, Stream::Stderr));
        response.usage.queue = queue;
        response.usage.wall = took;
        response.usage.cpu = host.cpu().used();
        response.usage.bytes_out = stdout.produced.saturating_add(stderr.produced);
        let finished = Finished { name, response, stdout, stderr, effective: request.limits };
        reply.answer(Ok(Box::new(finished)));
        Ran { took, poisoned }
    }
}

impl Reply {
    pub fn refuse(self, refusal: Refusal) {
        self.answer(Err(refusal));
    }

    fn answer(self, answer: Result<Box<Finished>, Refusal>) {
        match self {
            // A receiver that is gone is a client that is gone: there is nobody to tell.
            Reply::Unary(sender) => drop(sender.send(answer)),
            Reply::Stream(stream) => stream.0.push(Event::Ended(answer)),
        }
    }

    fn started(&self, effective: &Limits) {
        if let Reply::Stream(stream) = self {
            stream.0.push(Event::Started { effective: effective.clone() });
        }
    }

    fn events(&self) -> Option<Arc<EventQueue>> {
        match self {
            Reply::Unary(_) => None,
            Reply::Stream(stream) => Some(stream.0.clone()),
        }
    }
}

fn captured(host: &GuestHost, stream: Stream) -> Captured {
    let mut account = host.account(stream).lock();
    Captured { data: account.take(), produced: account.produced(), truncated: account.truncated() }
}

fn crash(panic: &(dyn std::any::Any + Send)) -> Response {
    let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let message = message.unwrap_or("the engine panicked").to_owned();
    tracing::error!(%message, "the engine panicked");
    Response {
        outcome: Outcome { reason: TerminationReason::WorkerCrash, detail: Detail::Crash { message } },
        result: None,
        usage: Usage::default(),
        warnings: Vec::new(),
    }
}
