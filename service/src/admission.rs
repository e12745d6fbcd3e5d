//! The door: who may start, who waits, who is sent away and told when to come again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::oneshot;
use typhon_vm::Cancel;

use crate::config::Config;
use crate::error::Refusal;
use crate::events::{Event, EventQueue};
use crate::execution::{Execution, Finished, Reply, StreamReply};
use crate::grpc::request::Wanted;
use crate::limits;
use crate::output::OutputMode;
use crate::workers::{NotQueued, Workers};

pub struct Admission {
    pub config: Arc<Config>,
    workers: Arc<Workers>,
    state: Mutex<State>,
    /// Makes execution names of two servers, or of two lives of one, unlike.
    prefix: u64,
}

struct State {
    next_id: u64,
    draining: bool,
}

/// Retry after this when there is no better guess.
const RETRY_MIN: Duration = Duration::from_millis(10);

/// Cancels its execution when dropped: a client that goes away takes its program with it.
pub struct CancelOnDrop(pub Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel(typhon_vm::CancelReason::ClientGone);
    }
}

impl Admission {
    pub fn new(config: Arc<Config>, workers: Arc<Workers>) -> Result<Admission, getrandom::Error> {
        let prefix = getrandom::u64()?;
        Ok(Admission { config, workers, state: Mutex::new(State { next_id: 0, draining: false }), prefix })
    }

    pub fn workers(&self) -> &Workers {
        &self.workers
    }

    /// From now on everybody is sent away.
    pub fn close(&self) {
        self.state.lock().draining = true;
    }

    /// Runs to the end.
    pub async fn run(&self, wanted: Wanted, deadline: Option<Instant>) -> Result<Box<Finished>, Refusal> {
        let (sender, receiver) = oneshot::channel();
        let cancel = Cancel::new();
        let _guard = CancelOnDrop(cancel.clone());
        self.submit(wanted, deadline, cancel, Reply::Unary(sender))?;
        receiver.await.unwrap_or(Err(Refusal::WorkerLost))
    }

    /// Starts, and tells what happens through a queue.
    pub fn start(&self, wanted: Wanted, deadline: Option<Instant>) -> Result<(Arc<EventQueue>, CancelOnDrop), Refusal> {
        let events = Arc::new(EventQueue::new(self.config.stream_buffer.as_usize()));
        let cancel = Cancel::new();
        let guard = CancelOnDrop(cancel.clone());
        self.submit(wanted, deadline, cancel, Reply::Stream(StreamReply(events.clone())))?;
        Ok((events, guard))
    }

    fn submit(&self, wanted: Wanted, deadline: Option<Instant>, cancel: Cancel, reply: Reply) -> Result<(), Refusal> {
        let id = {
            let mut state = self.state.lock();
            if state.draining {
                return Err(self.draining());
            }
            state.next_id += 1;
            state.next_id
        };
        let estimated_start = self.workers.estimated_wait();
        let name = format!("executions/{:016x}-{id:x}", self.prefix);
        if let Reply::Stream(stream) = &reply {
            let queue_position = self.workers.waiting();
            stream.0.push(Event::Accepted { execution: name.clone(), queue_position, estimated_start });
        }
        let Wanted { mut request, plan, world } = wanted;
        request.limits = limits::derive(&request.limits, &self.config);
        if plan.mode == OutputMode::Inline {
            limits::fit_message(&mut request.limits, self.config.max_message.0);
        }
        let source_max = request.limits.source_bytes.unwrap_or(u64::MAX);
        if request.source.len() as u64 > source_max {
            let problem = format!("is {} bytes long, the limit is {source_max}", request.source.len());
            return Err(Refusal::invalid("source.text", problem));
        }
        let arrived = Instant::now();
        let execution = Execution { id, name, request, plan, world, cancel, arrived, deadline, reply };
        self.workers.submit(execution).map_err(|refused| match refused {
            NotQueued::Full => {
                Refusal::QueueFull { depth: self.workers.waiting(), retry_after: estimated_start.max(RETRY_MIN) }
            }
            NotQueued::Closed => self.draining(),
        })
    }

    fn draining(&self) -> Refusal {
        Refusal::Draining { retry_after: Duration::from_secs(1) }
    }
}
