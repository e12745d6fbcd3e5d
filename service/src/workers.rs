//! The worker pool: OS threads with deep stacks, fed from tokio through one channel. The only async/sync bridge.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use crossbeam::channel::{Receiver, Sender, TrySendError, bounded};
use dashmap::DashMap;
use parking_lot::Mutex;
use typhon_vm::{Cancel, CancelReason};

use crate::config::Config;
use crate::execution::{Engine, Execution};
use crate::watchdog::Watchdog;

pub struct Workers {
    /// Taken away to end the threads.
    queue: Mutex<Option<Sender<Execution>>>,
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
    /// Every execution that waits or runs.
    live: DashMap<u64, Cancel>,
    /// How long an execution took lately: an exponential average.
    pace: Mutex<Duration>,
}

/// The queue would not take it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotQueued {
    Full,
    Closed,
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
            live: DashMap::new(),
            pace: Mutex::new(Duration::from_millis(1)),
        });
        let threads = Arc::new(Mutex::new(Vec::new()));
        for _ in 0..count {
            spawn(&shared, &threads)?;
        }
        Ok(Workers { queue: Mutex::new(Some(sender)), shared, threads, count })
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
        let queue = self.queue.lock().clone();
        let Some(queue) = queue else { return Err(NotQueued::Closed) };
        let id = execution.id;
        self.shared.live.insert(id, execution.cancel.clone());
        queue.try_send(execution).map_err(|refused| {
            self.shared.live.remove(&id);
            match refused {
                TrySendError::Full(_) => NotQueued::Full,
                TrySendError::Disconnected(_) => NotQueued::Closed,
            }
        })
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
        *self.queue.lock() = None;
        // A worker that panicked put another in its place before it ended, so look again until none is left.
        while let Some(thread) = { self.threads.lock().pop() } {
            let _ended = thread.join();
        }
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

fn work(shared: &Arc<Shared>, threads: &Arc<Mutex<Vec<JoinHandle<()>>>>) {
    while let Ok(execution) = shared.queue.recv() {
        let (id, name) = (execution.id, execution.name.clone());
        let ran = execution.run(&*shared.engine, &shared.watchdog, shared.deadline_margin);
        shared.live.remove(&id);
        tracing::debug!(execution = %name, took = ?ran.took, "finished");
        {
            let mut pace = shared.pace.lock();
            *pace = (*pace * 7 + ran.took) / 8;
        }
        if ran.poisoned {
            // Whatever the VM keeps per thread is suspect: go on in a new thread. If there is none to be had, this
            // one is better than none.
            match spawn(shared, threads) {
                Ok(()) => return,
                Err(error) => tracing::error!(%error, "cannot replace a worker"),
            }
        }
    }
}
