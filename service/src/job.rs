//! What is left of an execution where its guest runs: the program and its ways out, without session, queue or client.

use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use typhon_jit::Process;
use typhon_proto::v1;
use typhon_vm::{Cancel, Detail, Outcome, Outlet, Request, Response, Run, Stream, TerminationReason, Worked};

use crate::ahead::Ahead;
use crate::callbacks::Callbacks;
use crate::engine::{Engine, Isolate};
use crate::events::Events;
use crate::grpc::{response, traces};
use crate::host::{GuestHost, Kept, Stdin};
use crate::library::Hurried;
use crate::output::{OutputMode, OutputPlan, Overflow};
use crate::process::Resident;
use crate::watchdog::Watchdog;

pub struct Job {
    /// Its limits are what holds, wall time included.
    pub request: Request,
    pub plan: OutputPlan,
    pub kept: Kept,
    pub stdin: Arc<Stdin>,
    /// Who answers the functions that the request grants.
    pub calls: Option<Arc<Callbacks>>,
    pub events: Option<Arc<dyn Events>>,
    /// The guest's way out, if it has one.
    pub outlet: Option<Arc<dyn Outlet>>,
    pub cancel: Cancel,
    /// How long it waited, and when its wall time began.
    pub queue: Duration,
    pub began: Instant,
}

/// What came of a job.
pub struct Done {
    /// Its name and its session are for the caller to add.
    pub response: v1::ExecuteResponse,
    pub took: Duration,
    /// The engine panicked: this thread's VM state is not to be trusted.
    pub poisoned: bool,
    /// With a job in an isolate that lives on; nothing when the engine panicked.
    pub after: Option<AfterRun>,
    /// With a job in an isolate that has ended.
    pub remains: Option<Remains>,
    /// What came of the request's work, if that was done.
    pub worked: Option<Worked>,
}

/// An isolate once an execution in it has ended.
pub struct AfterRun {
    pub home: Home,
    /// Why it can run nothing any more.
    pub lost: Option<Cow<'static, str>>,
    pub heap_bytes: u64,
    pub threads: usize,
}

/// What a job runs in.
pub enum Room<T> {
    Fresh,
    /// An isolate that lives on, and has been made already if there is one.
    Resident(Option<T>),
    /// An isolate that ends with this job as a fresh one does.
    Last(T),
}

/// Where an isolate lives that lives on.
pub enum Home {
    Here(Box<dyn Isolate>),
    /// In a worker process.
    There(Resident),
}

impl Home {
    /// Why it is no more, if nobody ended it.
    pub fn death(&self) -> Option<Cow<'static, str>> {
        match self {
            Home::Here(_) => None,
            Home::There(resident) => {
                resident.worker.death().map(|how| format!("its worker process is gone: {how}").into())
            }
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Captured {
    pub data: Vec<u8>,
    pub produced: u64,
    pub truncated: bool,
}

impl Job {
    /// A job that nobody talks with, and that writes to nobody.
    pub fn quiet(request: Request, kept: Kept) -> Job {
        Job {
            request,
            plan: OutputPlan {
                mode: OutputMode::Discard,
                overflow: Overflow::TruncateTail,
                merge_stderr: false,
                handler: None,
                traces: false,
            },
            kept,
            stdin: Stdin::new(Vec::new(), false),
            calls: None,
            events: None,
            outlet: None,
            cancel: Cancel::new(),
            queue: Duration::ZERO,
            began: Instant::now(),
        }
    }

    /// Runs on this thread, in this process.
    pub fn run(self, room: Room<Box<dyn Isolate>>, engine: &dyn Engine, ahead: &Ahead, watchdog: &Watchdog) -> Done {
        let Job { mut request, plan, kept, stdin, calls, events, outlet, cancel, queue, .. } = self;
        let wall = request.limits.wall.unwrap_or(FOREVER);
        let cpu = request.limits.cpu.unwrap_or(wall);
        request.modules.clone_from(&kept.world().modules);
        // When a loop is compiled is chance.
        let compiler = engine.compiler().filter(|_| !request.deterministic);
        let compiler = if plan.traces { compiler.and_then(|all| all.beside().ok()) } else { compiler };
        let watched = compiler.clone().filter(|_| plan.traces);
        let host = GuestHost::new(plan, &request.limits, stdin, kept, events, &cancel, compiler, outlet);
        let host = Arc::new(host);
        if let Some(limit) = request.limits.compile.filter(|limit| *limit < wall) {
            let compiling = watchdog.for_compiling(limit, &cancel);
            request.library = Some(Arc::new(Hurried::new(request.library.take(), compiling)));
        }
        let started = Instant::now();
        host.cpu().restart();
        host.cpu().begin();
        let watch = watchdog.watch(wall, cpu, host.cpu(), &cancel);
        // One that is there already has the compiler of all.
        let (room, made) = if plan.traces { (room, false) } else { made_ahead(room, ahead, &request) };
        let result = catch_unwind(AssertUnwindSafe(|| match room {
            Room::Fresh => (engine.execute(&request, &*host, &cancel), Left::Nothing),
            Room::Last(mut isolate) => {
                let response = isolate.finish(&request, host.clone(), &cancel).response;
                (response, Left::Remains(isolate))
            }
            Room::Resident(isolate) => {
                let mut isolate = isolate.unwrap_or_else(|| engine.open(&request));
                let run = isolate.execute(&request, host.clone(), &cancel);
                let lost = run.lost.map(Cow::Borrowed);
                let Run { response, heap_bytes, threads, .. } = run;
                (response, Left::After(AfterRun { home: Home::Here(isolate), lost, heap_bytes, threads }))
            }
        }));
        drop(watch);
        let took = started.elapsed();
        host.cpu().end();

        let poisoned = result.is_err();
        let (mut response, left) = result.unwrap_or_else(|panic| (panicked(&*panic), Left::Nothing));
        let (after, remains) = match left {
            Left::Nothing => (None, None),
            Left::Remains(isolate) => (None, Some(Remains(isolate))),
            Left::After(after) => (Some(after), None),
        };
        let output = [Stream::Stdout, Stream::Stderr].map(|stream| captured(&host, stream));
        response.usage.queue = queue;
        response.usage.wall = took;
        response.usage.cpu = host.cpu().used();
        (response.usage.host_calls, response.usage.host_wait) = calls.map(|calls| calls.spent()).unwrap_or_default();
        response.usage.bytes_out = output.iter().fold(0, |sum, stream| stream.produced.saturating_add(sum));
        let worked = response.worked.take();
        let mut response = response::ended(response, output, &request.limits);
        response.traces = watched.as_ref().and_then(Process::journal).map(|journal| Box::new(traces::told(journal)));
        if made && let Some(usage) = &mut response.usage {
            usage.isolate_source = v1::usage::IsolateSource::Pool.into();
        }
        Done { response, took, poisoned, after, remains, worked }
    }
}

/// What a run leaves behind.
enum Left {
    Nothing,
    Remains(Box<dyn Isolate>),
    After(AfterRun),
}

/// With an isolate that is there already, instead of one that was to be made; whether there is.
fn made_ahead(room: Room<Box<dyn Isolate>>, ahead: &Ahead, request: &Request) -> (Room<Box<dyn Isolate>>, bool) {
    match room {
        Room::Fresh => ahead.take(request).map_or((Room::Fresh, false), |isolate| (Room::Last(isolate), true)),
        Room::Resident(None) => {
            let isolate = ahead.take(request);
            let made = isolate.is_some();
            (Room::Resident(isolate), made)
        }
        room => (room, false),
    }
}

/// An isolate that has ended. It goes when its program's answer is on its way.
pub struct Remains(Box<dyn Isolate>);

impl Remains {
    /// Lets it go. False when the engine panicked.
    pub fn end(self) -> bool {
        catch_unwind(AssertUnwindSafe(|| drop(self.0))).is_ok()
    }
}

/// Where nobody gave a limit.
pub const FOREVER: Duration = Duration::from_secs(3600);

fn captured(host: &GuestHost, stream: Stream) -> Captured {
    let mut account = host.account(stream).lock();
    Captured { data: account.take(), produced: account.produced(), truncated: account.truncated() }
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Response {
    let message = panic.downcast_ref::<String>().map(String::as_str).or(panic.downcast_ref::<&str>().copied());
    let message = message.unwrap_or("the engine panicked").to_owned();
    tracing::error!(%message, "the engine panicked");
    crashed(message)
}

/// The end of a program whose ground gave way.
pub fn crashed(message: String) -> Response {
    Response::of(Outcome { reason: TerminationReason::WorkerCrash, detail: Detail::Crash { message } })
}
