//! The door: who may start, who waits, who is sent away and told when to come again.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};
use typhon_proto::v1;
use typhon_proto::v1::execute_request::Target;
use typhon_vm::{Cancel, CancelReason, FileAnswer, FileWork, Grant};

use crate::audit;
use crate::callbacks::Callbacks;
use crate::config::Config;
use crate::errands;
use crate::error::{Refusal, SnapshotRefusal};
use crate::events::{Event, EventQueue, Events};
use crate::execution::{Execution, Reply, StreamReply};
use crate::executions::{Executions, Identity};
use crate::grpc::request::Wanted;
use crate::grpc::template::THREADS;
use crate::handover::Handover;
use crate::host::{Kept, Stdin};
use crate::identity::{Caller, Tenant};
use crate::job::Home;
use crate::limits;
use crate::metrics::Metrics;
use crate::output::OutputMode;
use crate::place::{Isolation, Place};
use crate::programs::Programs;
use crate::record::Record;
use crate::session::Session;
use crate::sessions::Sessions;
use crate::snapshots::{Asked, Snapshot, Snapshots};
use crate::templates::Templates;
use crate::trace;
use crate::workers::{Bell, Workers};

pub struct Admission {
    pub config: Arc<Config>,
    workers: Arc<Workers>,
    sessions: Arc<Sessions>,
    executions: Arc<Executions>,
    programs: Programs,
    templates: Arc<Templates>,
    snapshots: Arc<Snapshots>,
    /// Sessions of servers that have ended, if there is a place for them.
    handover: Option<Arc<Handover>>,
    /// For what runs guests' code and is no execution: as many at once as there are workers.
    aside: Semaphore,
    metrics: Arc<Metrics>,
    state: Mutex<State>,
    /// Makes execution names of two servers, or of two lives of one, unlike.
    prefix: u64,
}

/// What a server holds for its clients.
pub struct Holdings {
    pub sessions: Arc<Sessions>,
    pub executions: Arc<Executions>,
    pub templates: Arc<Templates>,
    pub snapshots: Arc<Snapshots>,
    pub handover: Option<Arc<Handover>>,
}

type Labels = Vec<(String, String)>;

/// An execution's number and name, and whose it is.
struct Ticket {
    id: u64,
    name: String,
    caller: Caller,
}

struct State {
    next_id: u64,
    /// Others should be asked from now on.
    leaving: bool,
    draining: bool,
}

/// Cancels its execution when dropped before the end: a client that goes away takes its program with it.
pub struct CancelOnDrop {
    cancel: Cancel,
    /// In a session the program may clean up behind itself, for so long.
    grace: Option<Duration>,
    /// So that it does not begin, if it has not.
    gone: Arc<OnceLock<()>>,
    over: bool,
}

impl CancelOnDrop {
    /// The execution has ended.
    pub fn over(&mut self) {
        self.over = true;
    }
}

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        self.gone.get_or_init(|| ());
        let cancel = self.cancel.clone();
        match (self.grace, tokio::runtime::Handle::try_current()) {
            (Some(grace), Ok(runtime)) => {
                cancel.cancel(CancelReason::Interrupt);
                runtime.spawn(async move {
                    tokio::time::sleep(grace).await;
                    cancel.cancel(CancelReason::ClientGone);
                });
            }
            _ => {
                cancel.cancel(CancelReason::ClientGone);
            }
        }
    }
}

/// An execution whose answer somebody waits for. Who drops it is gone.
pub struct Awaited {
    receiver: oneshot::Receiver<Result<Box<v1::ExecuteResponse>, Refusal>>,
    guard: CancelOnDrop,
    bell: Option<Bell>,
}

impl Awaited {
    pub async fn answer(mut self) -> Result<Box<v1::ExecuteResponse>, Refusal> {
        if let Some(bell) = self.bell.take() {
            bell.ring_after_others().await;
        }
        let answer = (&mut self.receiver).await.unwrap_or(Err(Refusal::WorkerLost));
        self.guard.over();
        answer
    }
}

/// The ways from a client to a program that runs.
pub struct Line {
    pub calls: Arc<Callbacks>,
    pub stdin: Arc<Stdin>,
    pub cancel: Cancel,
    pub events: Arc<dyn Events>,
    /// Standard input may run ahead of the program so far.
    pub stdin_max: usize,
}

impl Admission {
    pub fn new(
        config: Arc<Config>,
        workers: Arc<Workers>,
        holdings: Holdings,
        metrics: Arc<Metrics>,
    ) -> Result<Admission, getrandom::Error> {
        let Holdings { sessions, executions, templates, snapshots, handover } = holdings;
        let prefix = getrandom::u64()?;
        let state = Mutex::new(State { next_id: 0, leaving: false, draining: false });
        let programs = Programs::new(config.programs_bytes_max.as_usize());
        let aside = Semaphore::new(workers.count().min(Semaphore::MAX_PERMITS));
        Ok(Admission {
            config,
            workers,
            sessions,
            executions,
            programs,
            templates,
            snapshots,
            handover,
            aside,
            metrics,
            state,
            prefix,
        })
    }

    /// What tells this server from others, and from its own former lives.
    pub fn node(&self) -> String {
        format!("{:016x}", self.prefix)
    }

    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// The sessions, unless the server is stopping.
    pub fn sessions(&self) -> Result<&Sessions, Refusal> {
        self.open().map(|()| &*self.sessions)
    }

    /// The tenant's session of this name, unless the server is stopping; from the store, if another server has left it there.
    pub async fn session(&self, tenant: &Arc<Tenant>, name: &str) -> Result<Arc<Session>, Refusal> {
        let sessions = self.sessions()?;
        match &self.handover {
            Some(handover) => handover.find(tenant, name).await,
            None => sessions.find(tenant, name),
        }
    }

    /// Deletes a session, wherever it is.
    pub async fn delete_session(&self, tenant: &Arc<Tenant>, name: &str) -> Result<(), Refusal> {
        match (self.sessions()?.delete(tenant, name), &self.handover) {
            (Err(refusal @ Refusal::SessionNotFound { .. }), Some(handover)) => {
                handover.forget(tenant, name).await?.then_some(()).ok_or(refusal)
            }
            (deleted, _) => deleted,
        }
    }

    /// Sees to it that what a request is aimed at is here, if it is anywhere.
    pub async fn bring(&self, caller: &Caller, target: Option<&Target>) -> Result<(), Refusal> {
        match target {
            // That there is none is told where the request is looked at, after what is wrong with it.
            Some(Target::Session(name)) if self.handover.is_some() => match self.session(&caller.tenant, name).await {
                Ok(_) | Err(Refusal::SessionNotFound { .. }) => Ok(()),
                Err(refusal) => Err(refusal),
            },
            Some(Target::Snapshot(name)) => match self.snapshots()?.bring(&caller.tenant, name).await {
                Ok(()) | Err(Refusal::Snapshot(SnapshotRefusal::NotFound { .. })) => Ok(()),
                Err(refusal) => Err(refusal),
            },
            _ => Ok(()),
        }
    }

    pub fn programs(&self) -> &Programs {
        &self.programs
    }

    /// The templates, unless the server is stopping.
    pub fn templates(&self) -> Result<&Templates, Refusal> {
        self.open().map(|()| &*self.templates)
    }

    /// The snapshots, unless the server is stopping.
    pub fn snapshots(&self) -> Result<&Snapshots, Refusal> {
        self.open().map(|()| &*self.snapshots)
    }

    pub fn executions(&self) -> &Executions {
        &self.executions
    }

    /// The sessions, for whoever only looks.
    pub fn all_sessions(&self) -> &Arc<Sessions> {
        &self.sessions
    }

    /// From now on balancers are told to go elsewhere; who comes all the same is served.
    pub fn leave(&self) {
        self.state.lock().leaving = true;
    }

    pub fn is_leaving(&self) -> bool {
        self.state.lock().leaving
    }

    pub fn is_draining(&self) -> bool {
        self.state.lock().draining
    }

    /// Stops an execution, whosever it is.
    pub fn stop(&self, name: &str) -> Result<(), Refusal> {
        let number = name.strip_prefix(&format!("executions/{:016x}-", self.prefix));
        let number = number.and_then(|number| u64::from_str_radix(number, 16).ok());
        match number {
            Some(number) if self.workers.cancel(number, CancelReason::CancelledByClient) => Ok(()),
            _ => Err(Refusal::ExecutionNotFound { name: name.to_owned() }),
        }
    }

    /// Sessions that begin as copies of this one.
    pub fn fork(&self, session: &Session, count: usize) -> Result<Vec<Arc<Session>>, Refusal> {
        let home = session.lend()?;
        let copies = self.copies(session, home.as_ref(), count);
        // Who came meanwhile is next.
        if let Some(next) = session.give_back(home) {
            self.workers.resume(next);
        }
        let sessions = self.sessions()?;
        copies?.into_iter().map(|copy| sessions.copy(session, copy)).collect()
    }

    /// Does something with a session's files.
    pub fn errand(&self, session: &Session, work: FileWork) -> Result<FileAnswer, Refusal> {
        let (answer, next) = errands::files(self.workers.places(), session, work);
        // Who came meanwhile is next.
        if let Some(next) = next {
            self.workers.resume(next);
        }
        answer
    }

    /// Waits for room to run a guest's code beside the executions.
    pub async fn aside(&self) -> Result<SemaphorePermit<'_>, Refusal> {
        self.open()?;
        self.aside.acquire().await.map_err(|_| self.draining())
    }

    /// Makes a snapshot of a session at rest.
    pub fn snapshot(
        &self,
        session: &Session,
        asked: Asked,
        leave_out: bool,
        identity: Option<Identity>,
    ) -> Result<Arc<Snapshot>, Refusal> {
        let places = self.workers.places();
        let (snapshot, next) = self.snapshots()?.make(places, session, asked, leave_out, identity);
        // Who came meanwhile is next.
        if let Some(next) = next {
            self.workers.resume(next);
        }
        snapshot
    }

    fn copies(&self, session: &Session, home: Option<&Home>, count: usize) -> Result<Vec<Option<Home>>, Refusal> {
        let not = |why: String| Refusal::NotForkable { name: session.name.clone(), why: why.into() };
        let alone = session.terms.place.isolation == Isolation::Dedicated;
        match home {
            // Nothing has run in it: there is nothing to copy yet.
            None => Ok((0..count).map(|_| None).collect()),
            Some(_) if session.terms.kept.world().network.is_some() => {
                Err(not("its policy opens the network, and a copy would not have its connections".to_owned()))
            }
            Some(Home::There(_)) if alone && session.see().threads > 0 => Err(not(THREADS.to_owned())),
            Some(Home::There(resident)) if alone => (0..count)
                .map(|_| {
                    let copy = resident.copy().map_err(|e| not(format!("its process made no copy: {e}")))?;
                    self.workers.places().count(&copy)?;
                    Ok(Some(Home::There(copy)))
                })
                .collect(),
            Some(_) => Err(not("it has no process of its own: isolation DEDICATED_PROCESS gives it one".to_owned())),
        }
    }

    /// Ends what nothing can start from any more.
    pub fn clear(&self) {
        self.templates.clear();
    }

    /// From now on everybody is sent away.
    pub fn close(&self) {
        let mut state = self.state.lock();
        (state.leaving, state.draining) = (true, true);
    }

    /// Runs to the end.
    pub async fn run(
        &self,
        caller: &Caller,
        wanted: Wanted,
        deadline: Option<Instant>,
    ) -> Result<Box<v1::ExecuteResponse>, Refusal> {
        self.begin(caller, wanted, deadline)?.answer().await
    }

    /// Starts, for whoever waits for the answer.
    pub fn begin(&self, caller: &Caller, wanted: Wanted, deadline: Option<Instant>) -> Result<Awaited, Refusal> {
        let (sender, receiver) = oneshot::channel();
        let (cancel, guard) = self.cancel(&wanted);
        let mut awaited = Awaited { receiver, guard, bell: None };
        let submitted = self
            .ticket(caller)
            .and_then(|ticket| self.submit(ticket, wanted, deadline, cancel, Reply::Unary(sender), None));
        awaited.bell = Some(submitted.inspect_err(|_| awaited.guard.over())?);
        Ok(awaited)
    }

    /// Starts, and keeps a record of what happens.
    pub fn keep(
        &self,
        caller: &Caller,
        wanted: Wanted,
        labels: Labels,
        attended: bool,
    ) -> Result<Arc<Record>, Refusal> {
        self.record(caller, self.ticket(caller)?, wanted, labels, attended)
    }

    fn record(
        &self,
        caller: &Caller,
        ticket: Ticket,
        wanted: Wanted,
        labels: Labels,
        attended: bool,
    ) -> Result<Arc<Record>, Refusal> {
        let cancel = Cancel::new();
        let session = wanted.session.clone();
        let (name, tenant) = (ticket.name.clone(), caller.tenant.clone());
        let record = Arc::new(Record::new(name, tenant, labels, session, cancel.clone(), attended));
        let reply = Reply::Stream(StreamReply(record.clone()));
        drop(self.submit(ticket, wanted, None, cancel, reply, None)?);
        Ok(record)
    }

    /// Starts what somebody else has let in, under the name that it has got there.
    pub fn work(&self, caller: &Caller, wanted: Wanted, labels: Labels, name: String) -> Result<Arc<Record>, Refusal> {
        let ticket = Ticket { name, ..self.number(caller)? };
        self.record(caller, ticket, wanted, labels, false)
    }

    /// Starts, and tells what happens through a queue.
    pub fn start(
        &self,
        caller: &Caller,
        wanted: Wanted,
        deadline: Option<Instant>,
    ) -> Result<(Arc<EventQueue>, CancelOnDrop), Refusal> {
        let events = Arc::new(EventQueue::new(self.config.stream_buffer.as_usize()));
        let (cancel, guard) = self.cancel(&wanted);
        let reply = Reply::Stream(StreamReply(events.clone()));
        drop(self.submit(self.ticket(caller)?, wanted, deadline, cancel, reply, None)?);
        Ok((events, guard))
    }

    /// As [`Admission::start`], with the ways by which the client answers.
    pub fn interact(
        &self,
        caller: &Caller,
        wanted: Wanted,
        deadline: Option<Instant>,
    ) -> Result<(Arc<EventQueue>, CancelOnDrop, Line), Refusal> {
        let events = Arc::new(EventQueue::new(self.config.stream_buffer.as_usize()));
        let (cancel, guard) = self.cancel(&wanted);
        let stdin = Stdin::new(wanted.request.stdin.clone(), true);
        let reply = Reply::Stream(StreamReply(events.clone()));
        let (limit, open_max) = (self.host_calls(&caller.tenant, &wanted)?, self.config.host_calls_open as usize);
        let calls = Callbacks::new(events.clone(), &cancel, limit, open_max, Some(self.metrics.clone()));
        let line = Line { calls, stdin, cancel, events: events.clone(), stdin_max: self.config.max_message.as_usize() };
        drop(self.submit(self.ticket(caller)?, wanted, deadline, line.cancel.clone(), reply, Some(&line))?);
        Ok((events, guard, line))
    }

    fn host_calls(&self, tenant: &Tenant, wanted: &Wanted) -> Result<u64, Refusal> {
        Ok(match (&wanted.session, &wanted.template) {
            (None, None) => limits::derive(&wanted.request.limits, &self.config),
            (Some(name), _) => limits::within(&wanted.request.limits, &self.sessions.find(tenant, name)?.terms.limits),
            (None, Some(name)) => {
                limits::within(&wanted.request.limits, &self.templates.find(tenant, name)?.terms.limits)
            }
        }
        .host_calls
        .unwrap_or(u64::MAX))
    }

    fn cancel(&self, wanted: &Wanted) -> (Cancel, CancelOnDrop) {
        let cancel = Cancel::new();
        let grace = wanted.session.is_some().then_some(self.config.interrupt_grace);
        (cancel.clone(), CancelOnDrop { cancel, grace, gone: wanted.gone.clone(), over: false })
    }

    fn ticket(&self, caller: &Caller) -> Result<Ticket, Refusal> {
        self.open()?;
        caller.tenant.begin()?;
        self.number(caller)
    }

    /// Refuses once the server is stopping.
    pub fn open(&self) -> Result<(), Refusal> {
        if self.state.lock().draining { Err(self.draining()) } else { Ok(()) }
    }

    fn number(&self, caller: &Caller) -> Result<Ticket, Refusal> {
        self.open()?;
        let mut state = self.state.lock();
        state.next_id += 1;
        // In the order in which they came.
        let name = format!("executions/{:016x}-{:08x}", self.prefix, state.next_id);
        Ok(Ticket { id: state.next_id, name, caller: caller.clone() })
    }

    fn submit(
        &self,
        ticket: Ticket,
        wanted: Wanted,
        deadline: Option<Instant>,
        cancel: Cancel,
        reply: Reply,
        line: Option<&Line>,
    ) -> Result<Bell, Refusal> {
        let Ticket { id, name, caller } = ticket;
        let estimated_start = self.workers.estimated_wait(&caller.tenant);
        if let Some(left) = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()))
            && !estimated_start.is_zero()
            && estimated_start + self.config.deadline_margin >= left
        {
            return Err(Refusal::CannotMeetDeadline { retry_after: estimated_start });
        }
        if let Reply::Stream(stream) = &reply {
            let queue_position = self.workers.waiting();
            stream.0.push(Event::Accepted { execution: name.clone(), queue_position, estimated_start });
        }
        let Wanted {
            mut request,
            program,
            priority,
            plan,
            world,
            isolation,
            session,
            template,
            snapshot,
            made,
            mut functions,
            gone,
        } = wanted;
        if plan.traces && !self.workers.places().compiles() {
            return Err(Refusal::Unsupported { feature: "output.traces without a compiler" });
        }
        let snapshot = snapshot.map(|name| self.snapshots.find(&caller.tenant, &name)).transpose()?;
        let session = session.map(|name| self.sessions.find(&caller.tenant, &name)).transpose()?;
        let session = match (made, template) {
            (Some(made), _) => Some(made),
            (None, Some(name)) => Some(self.templates.find(&caller.tenant, &name)?.session()),
            (None, None) => session,
        };
        if let Some(program) = program {
            let program = self.programs.take(&caller.tenant, &program)?;
            request.source.clone_from(&program.source);
            request.filename.clone_from(&program.filename);
        }
        let (kept, place) = match &session {
            None => {
                let limits = limits::derive(&request.limits, &self.config);
                request.limits = limits::within_quota(limits, &caller.tenant.quota());
                limits::of_world(&mut request.limits, &world);
                let isolation = self.workers.places().isolation(isolation, &world)?;
                let (tenant, stable) = (caller.tenant.name.clone(), world.deterministic);
                (Kept::new(world), Place { isolation, tenant, template: None, snapshot, stable })
            }
            Some(session) => {
                request.limits = limits::within(&request.limits, &session.terms.limits);
                request.env.clone_from(&session.terms.env);
                request.deterministic = session.terms.kept.world().deterministic;
                functions.clone_from(&session.terms.functions);
                (session.terms.kept.clone(), session.terms.place.clone())
            }
        };
        request.host =
            line.filter(|_| !functions.is_empty()).map(|line| Grant { functions, calls: line.calls.clone() });
        let stdin = line.map(|line| line.stdin.clone());
        let calls = line.map(|line| line.calls.clone());
        if plan.mode == OutputMode::Inline {
            limits::fit_message(&mut request.limits, self.config.max_message.0);
        }
        let source_max = request.limits.source_bytes.unwrap_or(u64::MAX);
        if request.source.len() as u64 > source_max {
            let problem = format!("is {} bytes long, the limit is {source_max}", request.source.len());
            return Err(Refusal::invalid("source.text", problem));
        }
        let arrived = Instant::now();
        let in_session = session.as_ref().map(|session| session.name.as_str());
        let span = trace::execution(&caller, &name, in_session.filter(|name| !name.is_empty()));
        // Moved about, and large.
        let execution = Box::new(Execution {
            id,
            name,
            caller,
            request,
            priority,
            plan,
            kept,
            place,
            stdin,
            calls,
            session,
            cancel,
            gone,
            arrived,
            deadline,
            reply,
            metrics: self.metrics.clone(),
            span,
        });
        audit::admitted(&execution.caller, &execution.name, execution.session.as_ref().map(|of| of.name.as_str()));
        self.workers.submit(execution)
    }

    fn draining(&self) -> Refusal {
        Refusal::Draining { retry_after: Duration::from_secs(1) }
    }
}
