//! The worker pool: OS threads with deep stacks, fed from tokio through one queue. The only async/sync bridge.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use dashmap::DashMap;
use parking_lot::Mutex;
use typhon_vm::{Cancel, CancelReason, Respite};

use crate::config::Config;
use crate::engine::Engine;
use crate::error::Refusal;
use crate::execution::Execution;
use crate::fair::{FairQueue, Refused, Turn};
use crate::identity::Tenant;
use crate::place::Places;
use crate::quota::{QuotaName, refuse};

pub struct Workers {
    shared: Arc<Shared>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
    count: usize,
}

struct Shared {
    places: Places,
    deadline_margin: Duration,
    stack: usize,
    queue: FairQueue<Box<Execution>>,
    /// Every execution that waits or runs.
    live: DashMap<u64, Cancel>,
}

/// Rings for the workers when it is dropped: what was submitted waits for that.
#[must_use]
pub struct Bell(Arc<Shared>);

impl Bell {
    /// Rings once the tasks that are ready have had a turn. A worker that is woken for the first of several takes the processor from
    /// the task that brings the others, and sleeps again before they are there.
    pub async fn ring_after_others(self) {
        let mut waited = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut waited, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.0.queue.ring();
    }
}

/// Retry after this when there is no better guess.
const RETRY_MIN: Duration = Duration::from_millis(10);

impl Workers {
    pub fn start(config: &Config, engine: Arc<dyn Engine>) -> std::io::Result<Workers> {
        let count = config.worker_count();
        let shared = Arc::new(Shared {
            places: Places::start(config, engine)?,
            deadline_margin: config.deadline_margin,
            stack: config.worker_stack.as_usize(),
            queue: FairQueue::new(config.queue_depth as usize, count),
            live: DashMap::new(),
        });
        let threads = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..count {
            spawn(&shared, &threads)?;
        }
        Ok(Workers { shared, threads, count })
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Where guests run.
    pub fn places(&self) -> &Places {
        &self.shared.places
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.shared.queue.waiting()
    }

    /// How many run.
    pub fn running(&self) -> usize {
        self.shared.queue.running()
    }

    /// Stops the execution of this number, if it waits or runs.
    pub fn cancel(&self, id: u64, reason: CancelReason) -> bool {
        // A hook must not run under the map's lock.
        let cancel = self.shared.live.get(&id).map(|entry| entry.value().clone());
        cancel.is_some_and(|cancel| {
            cancel.cancel(reason);
            true
        })
    }

    /// How many of the tenant wait, and run.
    pub fn of(&self, tenant: &Tenant) -> (usize, usize) {
        self.shared.queue.of(tenant)
    }

    /// How long one of the tenant that comes now would wait, going by the recent past.
    pub fn estimated_wait(&self, tenant: &Tenant) -> Duration {
        self.shared.queue.estimated_wait(tenant)
    }

    /// Puts it where it waits for its turn, which can come once the bell has rung.
    pub fn submit(&self, execution: Box<Execution>) -> Result<Bell, Refusal> {
        let (id, session) = (execution.id, execution.session.clone());
        self.shared.live.insert(id, execution.cancel.clone());
        let entered = match &session {
            Some(session) => session.enter(execution),
            None => Ok(Some(execution)),
        };
        let queued = match entered {
            Ok(Some(execution)) => self.shared.add(execution).map_err(|(refused, execution)| {
                let refusal = self.shared.refusal(&refused, &execution.caller.tenant);
                // Whoever came to the session meanwhile is in its line still.
                if let Some(next) = session.and_then(|session| session.leave()) {
                    self.shared.put(next);
                }
                refusal
            }),
            Ok(None) => Ok(()),
            Err(refused) => Err(refused),
        };
        if queued.is_err() {
            self.shared.live.remove(&id);
        }
        queued.map(|()| Bell(self.shared.clone()))
    }

    /// What has waited for a session that is free now.
    pub fn resume(&self, execution: Box<Execution>) {
        self.shared.put(execution);
    }

    /// Nothing waits and nothing runs.
    pub fn idle(&self) -> bool {
        self.shared.live.is_empty()
    }

    /// Stops everything that waits or runs.
    pub fn cancel_all(&self, reason: &CancelReason) {
        // Collected first: a hook must not run under the map's lock.
        let live: Vec<Cancel> = self.shared.live.iter().map(|entry| entry.value().clone()).collect();
        live.iter().for_each(|cancel| {
            cancel.cancel(reason.clone());
        });
    }

    /// Ends the threads once what was queued has run. Blocks.
    pub fn join(&self) {
        self.shared.queue.close();
        self.shared.places.ahead().close();
        // A worker that panicked put another in its place before it ended, so look again until none is left.
        while let Some(thread) = { self.threads.lock().pop() } {
            let _ended = thread.join();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // The threads hold what is shared, and with it the queue that they wait at.
        self.shared.queue.close();
    }
}

fn spawn(shared: &Arc<Shared>, threads: &Arc<Mutex<Vec<JoinHandle<()>>>>) -> std::io::Result<()> {
    let body = {
        let (shared, threads) = (shared.clone(), threads.clone());
        move || work(&shared, &threads)
    };
    let thread = std::thread::Builder::new().name("typhon-worker".into()).stack_size(shared.stack).spawn(body)?;
    threads.lock().push(thread);
    Ok(())
}

impl Shared {
    /// Puts it into the queue, and sends away whom that pushes out.
    fn add(&self, execution: Box<Execution>) -> Result<(), (Refused, Box<Execution>)> {
        if let Some(out) = self.queue.add(execution)? {
            self.send_away(out, &Refused::Full);
        }
        Ok(())
    }

    /// As [`Shared::add`], and rings.
    fn offer(&self, execution: Box<Execution>) -> Result<(), (Refused, Box<Execution>)> {
        let added = self.add(execution);
        self.queue.ring();
        added
    }

    /// As [`Shared::offer`]; what cannot wait is sent away itself.
    fn put(&self, execution: Box<Execution>) {
        if let Err((refused, execution)) = self.offer(execution) {
            self.send_away(execution, &refused);
        }
    }

    fn send_away(&self, execution: Box<Execution>, why: &Refused) {
        let refusal = self.refusal(why, &execution.caller.tenant);
        let mut away = vec![(execution, refusal)];
        while let Some((execution, refusal)) = away.pop() {
            self.live.remove(&execution.id);
            // Its place in its session is the next one's, if there is room for that.
            if let Some(next) = execution.session.as_ref().and_then(|session| session.leave()) {
                let sent = match self.queue.offer(next) {
                    Ok(out) => out.map(|out| (out, Refused::Full)),
                    Err((refused, next)) => Some((next, refused)),
                };
                away.extend(sent.map(|(sent, why)| {
                    let refusal = self.refusal(&why, &sent.caller.tenant);
                    (sent, refusal)
                }));
            }
            execution.reply.refuse(refusal);
        }
    }

    fn refusal(&self, refused: &Refused, tenant: &Tenant) -> Refusal {
        let retry_after = self.queue.estimated_wait(tenant).max(RETRY_MIN);
        match refused {
            Refused::Full => Refusal::QueueFull { depth: self.queue.waiting(), retry_after },
            Refused::LineFull { max } => refuse(&tenant.name, QuotaName::Waiting, (*max).into(), retry_after),
            Refused::Closed => Refusal::Draining { retry_after: Duration::from_secs(1) },
        }
    }
}

fn work(shared: &Arc<Shared>, threads: &Arc<Mutex<Vec<JoinHandle<()>>>>) {
    while let Err(Poisoned) = serve(shared) {
        // Whatever the VM keeps per thread is suspect: go on in a new thread. If there is none to be had, this one is better
        // than none.
        match spawn(shared, threads) {
            Ok(()) => return,
            Err(error) => tracing::error!(%error, "cannot replace a worker"),
        }
    }
}

/// The engine panicked on this thread.
struct Poisoned;

/// Runs what comes until the queue is closed, and makes isolates ahead when nothing does.
fn serve(shared: &Arc<Shared>) -> Result<(), Poisoned> {
    let ahead = shared.places.ahead();
    loop {
        let mut broken = false;
        let make = || {
            broken = ahead.make().is_break();
            if broken { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        match shared.queue.next_or(|| ahead.lacks(), make) {
            Some((execution, turn)) => run(shared, execution, turn)?,
            None if broken => return Err(Poisoned),
            None => return Ok(()),
        }
    }
}

/// Runs an execution, and those that have waited for its session as long as nobody else waits.
fn run(shared: &Arc<Shared>, execution: Box<Execution>, turn: Turn) -> Result<(), Poisoned> {
    let (mut poisoned, mut took) = (false, Duration::ZERO);
    let (mut turn, mut job) = (Some(turn), Some(execution));
    while let Some(execution) = job.take() {
        let (id, name, tenant) = (execution.id, execution.name.clone(), execution.caller.tenant.clone());
        // A large heap is given back when the answer is on its way.
        let _respite = Respite::begin();
        let ran = execution.run(&shared.places, shared.deadline_margin);
        tracing::debug!(execution = %name, took = ?ran.took, "finished");
        took += ran.took;
        poisoned |= ran.poisoned;
        job = ran.next;
        // Others go first; with no room to wait in, who has waited for a session goes on at once.
        if shared.queue.waiting() > 0
            && let Some(next) = job.take()
        {
            job = shared.offer(next).err().map(|(_, next)| next);
        }
        if job.is_none()
            && let Some(turn) = turn.take()
        {
            shared.queue.done(turn, took);
        }
        ran.answer.send();
        shared.live.remove(&id);
        if let Some(remains) = ran.remains {
            let began = Instant::now();
            poisoned |= !remains.end();
            shared.queue.charge(&tenant, began.elapsed());
        }
    }
    if poisoned { Err(Poisoned) } else { Ok(()) }
}
