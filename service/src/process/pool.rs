//! The pool: which worker process belongs to whom, and some that belong to nobody yet.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::wire::{Ready, Setup};
use super::worker::{Deaths, Worker};
use crate::config::Config;
use crate::error::Refusal;

/// Worker processes. Dropping it ends them.
pub struct Pool {
    shared: Arc<Shared>,
    spawner: Option<JoinHandle<()>>,
    ready: Ready,
}

struct Shared {
    program: PathBuf,
    /// What processes are told that are nobody's yet.
    setup: Setup,
    most: usize,
    spares: usize,
    idle: Duration,
    state: Mutex<State>,
    changed: Condvar,
    deaths: Arc<Deaths>,
}

#[derive(Default)]
struct State {
    spare: Vec<Arc<Worker>>,
    /// By tenant, and whether its hashes are stable.
    taken: HashMap<(String, bool), Arc<Worker>>,
    /// Of one execution or one session each.
    dedicated: Vec<std::sync::Weak<Worker>>,
    closed: bool,
}

/// After a failure to start a process.
const AGAIN: Duration = Duration::from_secs(1);
const BUSY_RETRY: Duration = Duration::from_millis(250);

impl Pool {
    /// Starts the first process, so that what it cannot do is known before anything depends on it.
    pub fn start(program: PathBuf, config: &Config) -> std::io::Result<Pool> {
        // A response is a message; an inline one holds three parts of a quarter, and room for what is around them.
        // A snapshot is one as well.
        let message = config.max_message.max(config.snapshot_max).0.saturating_add(64 << 20);
        let (stack, ahead) = (config.worker_stack.0, config.isolates_ahead.into());
        let shared = Arc::new(Shared {
            program,
            setup: Setup { stack, most: message, stable: false, ahead },
            most: config.processes_max as usize,
            spares: config.processes_spare as usize,
            idle: config.process_idle_ttl,
            state: Mutex::default(),
            changed: Condvar::new(),
            deaths: Arc::default(),
        });
        let first = shared.spawn(false)?;
        let ready = first.ready.clone();
        for lack in &ready.lacks {
            tracing::warn!(%lack, "worker processes are less confined than they could be");
        }
        shared.state.lock().spare.push(first);
        let spawner = std::thread::Builder::new().name("typhon-spawner".into()).spawn({
            let shared = shared.clone();
            move || shared.keep_spares()
        })?;
        Ok(Pool { shared, spawner: Some(spawner), ready })
    }

    /// What holds of the processes' confinement.
    pub fn holds(&self) -> &[String] {
        &self.ready.holds
    }

    /// Why processes ended that nobody had ended.
    pub fn deaths(&self) -> Vec<(&'static str, u64)> {
        self.shared.deaths.counted()
    }

    /// The process of a tenant: that whose hashes are `stable`, or that of all else.
    pub fn of_tenant(&self, tenant: &str, stable: bool) -> Result<Arc<Worker>, Refusal> {
        let key = (tenant.to_owned(), stable);
        if let Some(worker) = self.shared.state.lock().of_tenant(&key) {
            return Ok(worker);
        }
        let fresh = self.fresh(stable)?;
        let mut state = self.shared.state.lock();
        // Somebody may have been faster.
        if let Some(worker) = state.of_tenant(&key) {
            if !stable {
                state.spare.push(fresh);
            }
            return Ok(worker);
        }
        state.taken.insert(key, fresh.clone());
        Ok(fresh)
    }

    /// A process for one session, or one execution: it ends when it is dropped.
    pub fn dedicated(&self, stable: bool) -> Result<Arc<Worker>, Refusal> {
        let fresh = self.fresh(stable)?;
        self.shared.state.lock().dedicated.push(Arc::downgrade(&fresh));
        Ok(fresh)
    }

    /// A copy of a process counts as one, if there is room for it.
    pub fn copied(&self, copy: &Arc<Worker>) -> Result<(), Refusal> {
        let mut state = self.shared.state.lock();
        let busy = state.count() >= self.shared.most && !state.evict();
        if busy {
            let max = u32::try_from(self.shared.most).unwrap_or(u32::MAX);
            return Err(Refusal::TooManyProcesses { max, retry_after: BUSY_RETRY });
        }
        state.dedicated.push(Arc::downgrade(copy));
        Ok(())
    }

    fn fresh(&self, stable: bool) -> Result<Arc<Worker>, Refusal> {
        let shared = &self.shared;
        {
            let mut state = shared.state.lock();
            while !stable && let Some(worker) = state.spare.pop() {
                shared.changed.notify_one();
                if worker.death().is_none() {
                    return Ok(worker);
                }
            }
            if state.count() >= shared.most && !state.evict() {
                let max = u32::try_from(shared.most).unwrap_or(u32::MAX);
                return Err(Refusal::TooManyProcesses { max, retry_after: BUSY_RETRY });
            }
        }
        shared.spawn(stable).map_err(|error| {
            tracing::error!(%error, "cannot start a worker process");
            Refusal::WorkerLost
        })
    }

    /// Ends processes of tenants that have not used them for a while.
    pub fn sweep(&self) {
        let now = Instant::now();
        let idle = self.shared.idle;
        let mut state = self.shared.state.lock();
        let over = |worker: &Worker| worker.idle_since().is_some_and(|since| now.duration_since(since) >= idle);
        let gone: Vec<_> = state.taken.extract_if(|_, worker| over(worker) || worker.death().is_some()).collect();
        state.dedicated.retain(|worker| worker.strong_count() > 0);
        drop(state);
        drop(gone);
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.state.lock().closed = true;
        self.shared.changed.notify_all();
        if let Some(spawner) = self.spawner.take() {
            // It runs only our own code; if it panicked, the panic was reported when it happened.
            let _ended = spawner.join();
        }
    }
}

impl Shared {
    fn spawn(&self, stable: bool) -> std::io::Result<Arc<Worker>> {
        Worker::start(&self.program, Setup { stable, ..self.setup }, self.deaths.clone())
    }

    fn keep_spares(&self) {
        let mut state = self.state.lock();
        while !state.closed {
            if state.spare.len() >= self.spares || state.count() >= self.most {
                self.changed.wait(&mut state);
                continue;
            }
            let spawned = parking_lot::MutexGuard::unlocked(&mut state, || self.spawn(false));
            match spawned {
                Ok(worker) => state.spare.push(worker),
                Err(error) => {
                    tracing::error!(%error, "cannot start a worker process");
                    self.changed.wait_for(&mut state, AGAIN);
                }
            }
        }
        let gone = std::mem::take(&mut *state);
        state.closed = true;
        drop(state);
        drop(gone);
    }
}

impl State {
    fn of_tenant(&self, key: &(String, bool)) -> Option<Arc<Worker>> {
        self.taken.get(key).filter(|worker| worker.death().is_none()).cloned()
    }

    fn count(&self) -> usize {
        let dedicated = self.dedicated.iter().filter(|worker| worker.strong_count() > 0).count();
        self.spare.len() + self.taken.len() + dedicated
    }

    /// Ends the process that has been idle for longest, if one is.
    fn evict(&mut self) -> bool {
        let idle = self.taken.iter().filter_map(|(tenant, worker)| Some((worker.idle_since()?, tenant.clone())));
        let Some((_, oldest)) = idle.min() else { return false };
        self.taken.remove(&oldest).is_some()
    }
}
