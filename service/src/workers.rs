//! The worker pool: OS threads with deep stacks, fed from tokio through one channel. The only async/sync bridge.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use dashmap::DashMap;
use parking_lot::Mutex;
use typhon_vm::{Cancel, CancelReason};

use crate::config::Config;
use crate::error::Refusal;
use crate::execution::{Engine, Execution};
use crate::watchdog::Watchdog;

pub struct Workers {
    shared: Arc<Shared>,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
    count: usize,
}

struct Shared {
    engine: Arc<dyn Engine>,
    watchdog: Watchdog,
    deadline_margin: Duration,
    stack: usize,
    queue: Receiver<Execution>,
    /// Taken away to end the threads.
    door: Mutex<Option<Sender<Execution>>>,
    /// Every execution that waits or runs.
    live: DashMap<u64, Cancel>,
    /// How long an execution took lately: an exponential average.
    pace: Mutex<Duration>,
}

/// The queue would not take it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotQueued {
    Full,
    Closed,
    /// Its session would not.
    Refused(Refusal),
}

impl Workers {
    pub fn start(config: &Config, engine: Arc<dyn Engine>) -> std::io::Result<Workers> {
        let count = config.worker_count();
        let (sender, receiver) = bounded(config.queue_depth as usize);
        let shared = Arc::new(Shared {
            engine,
            watchdog: Watchdog::start()?,
            deadline_margin: config.deadline_margin,
            stack: config.worker_stack.as_usize(),
            queue: receiver,
            door: Mutex::new(Some(sender)),
            live: DashMap::new(),
            pace: Mutex::new(Duration::from_millis(1)),
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

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.shared.queue.len()
    }

    /// How long one that comes now would wait, going by the recent past.
    pub fn estimated_wait(&self) -> Duration {
        let waiting = u32::try_from(self.waiting()).unwrap_or(u32::MAX);
        let workers = u32::try_from(self.count).unwrap_or(u32::MAX).max(1);
        self.shared.pace.lock().saturating_mul(waiting) / workers
    }

    pub fn submit(&self, execution: Execution) -> Result<(), NotQueued> {
        let (id, session) = (execution.id, execution.session.clone());
        self.shared.live.insert(id, execution.cancel.clone());
        let entered = match &session {
            Some(session) => session.enter(execution).map_err(NotQueued::Refused),
            None => Ok(Some(execution)),
        };
        let queued = match entered {
            Ok(Some(execution)) => self.shared.offer(execution).map_err(|(refused, _)| {
                // Whoever came to the session meanwhile is in the line still.
                while let Some(next) = session.as_ref().and_then(|session| session.leave()) {
                    let next_id = next.id;
                    let Err((_, next)) = self.shared.offer(next) else { break };
                    self.shared.live.remove(&next_id);
                    next.reply.refuse(Refusal::QueueFull {
                        depth: self.waiting(),
                        retry_after: self.estimated_wait().max(Duration::from_millis(10)),
                    });
                }
                refused
            }),
            Ok(None) => Ok(()),
            Err(refused) => Err(refused),
        };
        if queued.is_err() {
            self.shared.live.remove(&id);
        }
        queued
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
        *self.shared.door.lock() = None;
        // A worker that panicked put another in its place before it ended, so look again until none is left.
        while let Some(thread) = { self.threads.lock().pop() } {
            let _ended = thread.join();
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        // The threads hold what is shared, and with it the door that they wait behind.
        *self.shared.door.lock() = None;
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
    fn offer(&self, execution: Execution) -> Result<(), (NotQueued, Execution)> {
        let door = self.door.lock().clone();
        let Some(door) = door else { return Err((NotQueued::Closed, execution)) };
        door.try_send(execution).map_err(|refused| match refused {
            TrySendError::Full(execution) => (NotQueued::Full, execution),
            TrySendError::Disconnected(execution) => (NotQueued::Closed, execution),
        })
    }
}

fn work(shared: &Arc<Shared>, threads: &Arc<Mutex<Vec<JoinHandle<()>>>>) {
    while let Ok(execution) = shared.queue.recv() {
        let mut poisoned = false;
        let mut job = Some(execution);
        while let Some(execution) = job.take() {
            let (id, name) = (execution.id, execution.name.clone());
            let ran = execution.run(&*shared.engine, &shared.watchdog, shared.deadline_margin);
            shared.live.remove(&id);
            tracing::debug!(execution = %name, took = ?ran.took, "finished");
            let mut pace = shared.pace.lock();
            *pace = (*pace * 7 + ran.took) / 8;
            poisoned |= ran.poisoned;
            job = ran.next;
            // Others go first; with no room to wait in, who has waited for a session goes on at once.
            if !shared.queue.is_empty()
                && let Some(next) = job.take()
            {
                job = shared.offer(next).err().map(|(_, next)| next);
            }
        }
        if poisoned {
            // Whatever the VM keeps per thread is suspect: go on in a new thread. If there is none to be had, this
            // one is better than none.
            match spawn(shared, threads) {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, "cannot replace a worker"),
            }
        }
    }
}
