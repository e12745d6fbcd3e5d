//! One execution, from the queue to its end.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use typhon_jit::Process;
use typhon_vm::{
    Cancel, CancelReason, Detail, Library, Limits, Outcome, Request, Resident, Response, Run, Stream,
    TerminationReason, Tiers, Usage,
};

use crate::audit;
use crate::config::Config;
use crate::error::Refusal;
use crate::events::{Event, Events};
use crate::fair::Queued;
use crate::host::{GuestHost, Kept, Stdin};
use crate::identity::{Caller, Tenant};
use crate::library::Shelves;
use crate::limits::wall_before_deadline;
use crate::metrics::Metrics;
use crate::output::OutputPlan;
use crate::session::Session;
use crate::watchdog::Watchdog;

/// What runs a program. The VM is the one that counts; tests put a scripted one in its place.
pub trait Engine: Send + Sync + 'static {
    fn execute(&self, request: &Request, host: &dyn typhon_vm::Host, cancel: &Cancel) -> Response;

    /// An isolate that lives on between executions, made as `request`'s argv, environment and limits say.
    fn open(&self, request: &Request) -> Box<dyn Isolate>;

    /// What was compiled lately, for all tenants.
    fn shelves(&self) -> Option<Arc<Shelves>> {
        None
    }

    /// Where a tenant's source is looked for before it is compiled.
    fn library(&self, tenant: &Arc<str>) -> Option<Arc<dyn Library>> {
        self.shelves().map(|shelves| shelves.of(tenant))
    }

    /// What compiles the guests' loops, for all of them.
    fn compiler(&self) -> Option<Process> {
        None
    }
}

/// An isolate that lives on between executions, whichever worker runs them.
pub trait Isolate: Send {
    fn execute(&mut self, request: &Request, host: Arc<dyn typhon_vm::Host>, cancel: &Cancel) -> Run;
}

impl Isolate for Resident {
    fn execute(&mut self, request: &Request, host: Arc<dyn typhon_vm::Host>, cancel: &Cancel) -> Run {
        Resident::execute(self, request, host, cancel)
    }
}

/// The virtual machine.
#[derive(Default)]
pub struct Vm {
    /// What compiles hot loops; nothing does unless somebody asks for it.
    pub compiler: Option<Process>,
    /// What was compiled lately; nothing is kept unless somebody asks for it.
    pub shelves: Option<Arc<Shelves>>,
}

impl Vm {
    /// With a compiler, if there is to be one, and room for compiled source as the settings say.
    pub fn new(compiler: Option<Process>, config: &Config) -> Vm {
        let room = config.compiled_bytes_max.as_usize();
        Vm { compiler, shelves: (room > 0).then(|| Shelves::new(room)) }
    }
}

impl Engine for Vm {
    fn execute(&self, request: &Request, host: &dyn typhon_vm::Host, cancel: &Cancel) -> Response {
        typhon_vm::execute(request, host, cancel)
    }

    fn open(&self, request: &Request) -> Box<dyn Isolate> {
        let tiers = self.compiler.clone().map(|compiler| Arc::new(compiler) as Arc<dyn Tiers>);
        Box::new(Resident::open(request, tiers))
    }

    fn compiler(&self) -> Option<Process> {
        self.compiler.clone()
    }

    fn shelves(&self) -> Option<Arc<Shelves>> {
        self.shelves.clone()
    }
}

/// An admitted request, on its way to a worker.
pub struct Execution {
    pub id: u64,
    pub name: String,
    pub caller: Caller,
    /// Its limits are already clamped, but for the deadline.
    pub request: Request,
    pub plan: OutputPlan,
    pub kept: Kept,
    /// Standard input that comes as the program runs; the request's otherwise.
    pub stdin: Option<Arc<Stdin>>,
    /// Where it runs; a fresh isolate without one.
    pub session: Option<Arc<Session>>,
    pub cancel: Cancel,
    /// Set once nobody waits for it any more.
    pub gone: Arc<OnceLock<()>>,
    pub arrived: Instant,
    /// When the client stops waiting.
    pub deadline: Option<Instant>,
    pub reply: Reply,
    pub metrics: Arc<Metrics>,
}

impl Queued for Execution {
    fn tenant(&self) -> &Arc<Tenant> {
        &self.caller.tenant
    }
}

/// Where the answer goes. Dropping it unanswered says that the worker was lost.
pub enum Reply {
    Unary(oneshot::Sender<Result<Box<Finished>, Refusal>>),
    Stream(StreamReply),
}

pub struct StreamReply(pub Arc<dyn Events>);

impl Drop for StreamReply {
    fn drop(&mut self) {
        self.0.push(Event::Ended(Err(Refusal::WorkerLost)));
    }
}

/// All that is known at the end.
#[derive(Debug)]
pub struct Finished {
    pub name: String,
    /// The session it ran in, and whether that can go on.
    pub session: Option<(String, bool)>,
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
    /// Waited for the session that is free now.
    pub next: Option<Execution>,
}

impl Execution {
    /// Runs on this thread and answers.
    pub fn run(self, engine: &dyn Engine, watchdog: &Watchdog, margin: Duration) -> Ran {
        let queue = self.arrived.elapsed();
        let wall = match self.wall(margin) {
            Ok(wall) => wall,
            Err(refusal) => {
                let next = self.session.as_ref().and_then(|session| session.leave());
                self.reply.refuse(refusal);
                return Ran { took: Duration::ZERO, poisoned: false, next };
            }
        };
        let Execution { name, caller, metrics, mut request, plan, kept, session, stdin, cancel, reply, .. } = self;
        request.limits.wall = Some(wall);
        request.library = engine.library(&caller.tenant.name);
        let cpu = request.limits.cpu.unwrap_or(wall);
        reply.started(&request.limits);

        let stdin = stdin.unwrap_or_else(|| Stdin::new(std::mem::take(&mut request.stdin), false));
        let host =
            Arc::new(GuestHost::new(plan, &request.limits, stdin, kept, reply.events(), &cancel, engine.compiler()));
        let started = Instant::now();
        host.cpu().restart();
        host.cpu().begin();
        let watch = watchdog.watch(wall, cpu, host.cpu(), &cancel);
        let place = session.as_ref().map(|session| session.take());
        let result = catch_unwind(AssertUnwindSafe(|| match place {
            None => (engine.execute(&request, &*host, &cancel), None),
            Some(isolate) => {
                let mut isolate = isolate.unwrap_or_else(|| engine.open(&request));
                let run = isolate.execute(&request, host.clone(), &cancel);
                (
                    run.response,
                    Some(AfterRun { isolate, lost: run.lost, heap_bytes: run.heap_bytes, threads: run.threads }),
                )
            }
        }));
        drop(watch);
        let took = started.elapsed();
        host.cpu().end();

        let poisoned = result.is_err();
        let (mut response, after) = result.unwrap_or_else(|panic| (crash(&*panic), None));
        let (stdout, stderr) = (captured(&host, Stream::Stdout), captured(&host, Stream::Stderr));
        response.usage.queue = queue;
        response.usage.wall = took;
        response.usage.cpu = host.cpu().used();
        response.usage.bytes_out = stdout.produced.saturating_add(stderr.produced);
        // Free before the client hears of it, and may send the next one.
        let (survives, next) = session.as_ref().map_or((false, None), |session| session.put(after));
        let session = session.map(|session| (session.name.clone(), survives));
        let finished = Finished { name, session, response, stdout, stderr, effective: request.limits };
        metrics.ended(&caller.tenant, &finished);
        audit::ended(&caller, &finished);
        reply.answer(Ok(Box::new(finished)));
        Ran { took, poisoned, next }
    }

    /// How long it may run, if it still may.
    fn wall(&self, margin: Duration) -> Result<Duration, Refusal> {
        if let Some(refusal) = self.session.as_ref().and_then(|session| session.refusal()) {
            return Err(refusal);
        }
        match self.cancel.reason() {
            Some(CancelReason::ServerDrain) => return Err(Refusal::Draining { retry_after: Duration::from_secs(1) }),
            Some(CancelReason::CancelledByClient) => return Err(Refusal::Cancelled),
            Some(_) => return Err(Refusal::WorkerLost),
            None if self.gone.get().is_some() => return Err(Refusal::Cancelled),
            None => {}
        }
        let asked = self.request.limits.wall.unwrap_or(Duration::from_secs(3600));
        let Some(deadline) = self.deadline else { return Ok(asked) };
        let left = deadline.saturating_duration_since(Instant::now());
        let late = Refusal::CannotMeetDeadline { retry_after: self.arrived.elapsed() };
        wall_before_deadline(asked, left, margin).ok_or(late)
    }
}

/// An isolate once an execution in it has ended.
pub struct AfterRun {
    pub isolate: Box<dyn Isolate>,
    pub lost: Option<&'static str>,
    pub heap_bytes: u64,
    pub threads: usize,
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

    fn events(&self) -> Option<Arc<dyn Events>> {
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
