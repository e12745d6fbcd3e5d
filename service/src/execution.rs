//! One execution, from the queue to its end.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use tokio::sync::oneshot;
use tracing::Span;
use typhon_proto::v1;
use typhon_vm::{Cancel, CancelReason, Limits, Request};

use crate::audit;
use crate::callbacks::Callbacks;
use crate::error::Refusal;
use crate::events::{Event, Events};
use crate::fair::Queued;
use crate::host::{Kept, Stdin};
use crate::identity::{Caller, Tenant};
use crate::job::{Done, FOREVER, Job, Remains, Room};
use crate::limits::wall_before_deadline;
use crate::metrics::Metrics;
use crate::output::OutputPlan;
use crate::place::{Place, Places, Unrun};
use crate::session::Session;
use crate::trace;

/// An admitted request, on its way to a worker.
pub struct Execution {
    pub id: u64,
    pub name: String,
    pub caller: Caller,
    /// Its limits are already clamped, but for the deadline.
    pub request: Request,
    pub priority: i32,
    pub plan: OutputPlan,
    pub kept: Kept,
    pub place: Place,
    /// Standard input that comes as the program runs; the request's otherwise.
    pub stdin: Option<Arc<Stdin>>,
    /// Who answers the functions that the request grants.
    pub calls: Option<Arc<Callbacks>>,
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
    /// What it is in traces.
    pub span: Span,
}

impl Queued for Box<Execution> {
    fn tenant(&self) -> &Arc<Tenant> {
        &self.caller.tenant
    }

    fn priority(&self) -> i32 {
        self.priority
    }
}

/// Where the answer goes. Dropping it unanswered says that the worker was lost.
pub enum Reply {
    Unary(oneshot::Sender<Result<Box<v1::ExecuteResponse>, Refusal>>),
    Stream(StreamReply),
}

pub struct StreamReply(pub Arc<dyn Events>);

impl Drop for StreamReply {
    fn drop(&mut self) {
        self.0.push(Event::Ended(Err(Refusal::WorkerLost)));
    }
}

/// What running did, for the worker that did it.
pub struct Ran {
    pub took: Duration,
    /// The engine panicked: this thread's VM state is not to be trusted.
    pub poisoned: bool,
    /// Waited for the session that is free now.
    pub next: Option<Box<Execution>>,
    pub answer: Answer,
    /// To be let go after that.
    pub remains: Option<Remains>,
}

/// What the client is to hear, once the worker's books say that the execution is over: whoever has an answer may
/// count on the place that it took.
#[must_use]
pub struct Answer {
    reply: Reply,
    result: Result<Box<v1::ExecuteResponse>, Refusal>,
}

impl Answer {
    pub fn send(self) {
        self.reply.answer(self.result);
    }
}

impl Ran {
    fn refused(reply: Reply, refusal: Refusal, next: Option<Box<Execution>>) -> Ran {
        Ran {
            took: Duration::ZERO,
            poisoned: false,
            next,
            answer: Answer { reply, result: Err(refusal) },
            remains: None,
        }
    }
}

impl Execution {
    /// Runs on this thread.
    pub fn run(self: Box<Self>, places: &Places, margin: Duration) -> Ran {
        let queue = self.arrived.elapsed();
        let wall = match self.wall(margin) {
            Ok(wall) => wall,
            Err(refusal) => {
                let next = self.session.as_ref().and_then(|session| session.leave());
                return Ran::refused(self.reply, refusal, next);
            }
        };
        let Execution {
            name,
            caller,
            metrics,
            span,
            mut request,
            plan,
            kept,
            place,
            session,
            stdin,
            calls,
            cancel,
            reply,
            ..
        } = *self;
        request.limits.wall = Some(wall);
        request.library = places.library(&caller.tenant.name);
        reply.started(&request.limits);

        let stdin = stdin.unwrap_or_else(|| Stdin::new(std::mem::take(&mut request.stdin), false));
        let (events, outlet, began) = (reply.events(), kept.egress(places.egress()), Instant::now());
        let job = Job { request, plan, kept, stdin, calls, events, outlet, cancel, queue, began };
        let room = session.as_ref().map_or(Room::Fresh, |session| Room::Resident(session.take()));
        let Done { mut response, took, poisoned, after, remains, .. } = match places.run(job, room, &place) {
            Ok(done) => done,
            Err(unrun) => {
                let (refusal, next) = unrun_of(unrun, session.as_deref());
                return Ran::refused(reply, refusal, next);
            }
        };
        response.execution = name;
        // Free before the client hears of it, and may send the next one.
        let next = session.and_then(|session| {
            let (survives, next) = session.put(after);
            response.session.clone_from(&session.name);
            if let Some(outcome) = &mut response.outcome {
                // One without a name ends here.
                outcome.session_survives = survives && !session.name.is_empty();
            }
            next
        });
        metrics.ended(&caller.tenant, &response);
        audit::ended(&caller, &response);
        trace::executed(&span, &response);
        Ran { took, poisoned, next, answer: Answer { reply, result: Ok(Box::new(response)) }, remains }
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
        let asked = self.request.limits.wall.unwrap_or(FOREVER);
        let Some(deadline) = self.deadline else { return Ok(asked) };
        let left = deadline.saturating_duration_since(Instant::now());
        let late = Refusal::CannotMeetDeadline { retry_after: self.arrived.elapsed() };
        wall_before_deadline(asked, left, margin).ok_or(late)
    }
}

/// What to say of what did not run, and who is next.
fn unrun_of(unrun: Unrun, session: Option<&Session>) -> (Refusal, Option<Box<Execution>>) {
    match (unrun, session) {
        (Unrun::Refused(refusal), session) => (refusal, session.and_then(Session::leave)),
        (Unrun::Lost(why), Some(session)) => {
            let next = session.fail(why.clone());
            (Refusal::SessionFailed { name: session.name.clone(), why }, next)
        }
        (Unrun::Lost(_), None) => (Refusal::WorkerLost, None),
    }
}

impl Reply {
    pub fn refuse(self, refusal: Refusal) {
        self.answer(Err(refusal));
    }

    fn answer(self, answer: Result<Box<v1::ExecuteResponse>, Refusal>) {
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
