//! Where guests run: in this process, in a worker process of their tenant, or in one of their own.

use std::sync::Arc;

use typhon_proto::v1;

use crate::config::Config;
use crate::engine::Engine;
use crate::error::Refusal;
use crate::job::{AfterRun, Done, Home, Job, Room};
use crate::process::{self, NotRun, Pool, Worker};
use crate::templates::Template;
use crate::watchdog::Watchdog;

/// How far a guest is from others, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    InProcess,
    WorkerProcess,
    DedicatedProcess,
}

/// Where one guest runs.
#[derive(Clone)]
pub struct Place {
    pub isolation: Isolation,
    /// Two tenants are never in the same worker process.
    pub tenant: Arc<str>,
    /// What it begins as a copy of.
    pub template: Option<Arc<Template>>,
}

pub struct Places {
    engine: Arc<dyn Engine>,
    watchdog: Watchdog,
    pool: Option<Pool>,
    default: Isolation,
    least: Isolation,
}

/// Why a job did not run.
pub enum Unrun {
    Refused(Refusal),
    /// The isolate it was to run in is no more.
    Lost(std::borrow::Cow<'static, str>),
}

impl From<Refusal> for Unrun {
    fn from(refusal: Refusal) -> Unrun {
        Unrun::Refused(refusal)
    }
}

impl Places {
    pub fn start(config: &Config, engine: Arc<dyn Engine>) -> std::io::Result<Places> {
        let wanted = config.isolation.max(config.isolation_least);
        let pool = match engine.worker_program() {
            Some(program) if config.processes_max > 0 => Some(Pool::start(program, config)?),
            _ => None,
        };
        if pool.is_none() && wanted > Isolation::InProcess {
            tracing::warn!("there are no worker processes: guests run in the server's own");
        }
        Ok(Places {
            engine,
            watchdog: Watchdog::start()?,
            pool,
            default: config.isolation,
            least: config.isolation_least,
        })
    }

    /// What a request gets that asks for this, or for nothing.
    pub fn isolation(&self, asked: Option<Isolation>) -> Result<Isolation, Refusal> {
        match (&self.pool, asked) {
            (Some(_), asked) => Ok(asked.unwrap_or(self.default).max(self.least)),
            (None, None | Some(Isolation::InProcess)) => Ok(Isolation::InProcess),
            (None, Some(Isolation::WorkerProcess)) => Err(Refusal::Unsupported { feature: "isolation WORKER_PROCESS" }),
            (None, Some(Isolation::DedicatedProcess)) => {
                Err(Refusal::Unsupported { feature: "isolation DEDICATED_PROCESS" })
            }
        }
    }

    /// What a request gets that does not ask.
    pub fn default_isolation(&self) -> Isolation {
        if self.pool.is_none() { Isolation::InProcess } else { self.default.max(self.least) }
    }

    /// What there is to ask for.
    pub fn levels(&self) -> Vec<Isolation> {
        let all = [Isolation::InProcess, Isolation::WorkerProcess, Isolation::DedicatedProcess];
        match self.pool {
            None => vec![Isolation::InProcess],
            Some(_) => all.into_iter().filter(|level| *level >= self.least).collect(),
        }
    }

    /// What holds of the worker processes' confinement.
    pub fn hardening(&self) -> Vec<String> {
        self.pool.as_ref().map(|pool| pool.holds().to_vec()).unwrap_or_default()
    }

    /// Where a tenant's source is looked for before it is compiled here.
    pub fn library(&self, tenant: &Arc<str>) -> Option<Arc<dyn typhon_vm::Library>> {
        self.engine.library(tenant)
    }

    pub fn has_processes(&self) -> bool {
        self.pool.is_some()
    }

    pub fn sweep(&self) {
        if let Some(pool) = &self.pool {
            pool.sweep();
        }
    }

    /// Runs a job to its end.
    pub fn run(&self, job: Job, room: Room<Home>, place: &Place) -> Result<Done, Unrun> {
        match room {
            Room::Resident(Some(Home::Here(isolate))) => Ok(self.run_here(job, Room::Resident(Some(isolate)))),
            Room::Resident(Some(Home::There(resident))) => self.run_there(&job, resident),
            Room::Resident(None) if place.template.is_some() => {
                let copy = place.template.as_ref().map(Template::copy).transpose();
                match copy.map_err(|why| Unrun::Refused(Refusal::TemplateFailed { why }))? {
                    Some(copy) => {
                        self.count(&copy)?;
                        self.run_there(&job, copy)
                    }
                    None => Err(Unrun::Refused(Refusal::WorkerLost)),
                }
            }
            Room::Resident(None) => match self.worker(place)? {
                Some(worker) => self.run_there(&job, worker.resident()),
                None => Ok(self.run_here(job, Room::Resident(None))),
            },
            Room::Fresh => self.run_fresh(job, place),
        }
    }

    /// A copy of a process counts as one.
    pub fn count(&self, copy: &process::Resident) -> Result<(), Refusal> {
        self.pool.as_ref().map_or(Ok(()), |pool| pool.copied(&copy.worker))
    }

    fn run_here(&self, job: Job, room: Room<Box<dyn crate::engine::Isolate>>) -> Done {
        job.run(room, &*self.engine, &self.watchdog)
    }

    fn run_there(&self, job: &Job, resident: process::Resident) -> Result<Done, Unrun> {
        let relayed = process::run(&resident.worker, Some(resident.number), job, &self.watchdog);
        let process::Relayed { response, took, lost, heap_bytes, threads } =
            relayed.map_err(|NotRun(how)| Unrun::Lost(format!("its worker process is gone: {how}").into()))?;
        let after = AfterRun { home: Home::There(resident), lost, heap_bytes, threads };
        Ok(Done { response, took, poisoned: false, after: Some(after) })
    }

    fn run_fresh(&self, job: Job, place: &Place) -> Result<Done, Unrun> {
        for _ in 0..ATTEMPTS {
            let Some(worker) = self.worker(place)? else { return Ok(self.run_here(job, Room::Fresh)) };
            match process::run(&worker, None, &job, &self.watchdog) {
                Ok(process::Relayed { response, took, .. }) => {
                    return Ok(Done { response, took, poisoned: false, after: None });
                }
                // Nothing ran, so another process may.
                Err(NotRun(how)) => tracing::warn!(%how, "a worker process was gone"),
            }
        }
        Err(Unrun::Refused(Refusal::WorkerLost))
    }

    /// The process to run in, unless that is this one.
    fn worker(&self, place: &Place) -> Result<Option<Arc<Worker>>, Refusal> {
        match (&self.pool, place.isolation) {
            (None, _) | (_, Isolation::InProcess) => Ok(None),
            (Some(pool), Isolation::WorkerProcess) => pool.of_tenant(&place.tenant).map(Some),
            (Some(pool), Isolation::DedicatedProcess) => pool.dedicated().map(Some),
        }
    }
}

/// How many processes may be gone before a job is given up.
const ATTEMPTS: usize = 3;

impl Isolation {
    pub fn wire(self) -> v1::IsolationLevel {
        match self {
            Isolation::InProcess => v1::IsolationLevel::InProcess,
            Isolation::WorkerProcess => v1::IsolationLevel::WorkerProcess,
            Isolation::DedicatedProcess => v1::IsolationLevel::DedicatedProcess,
        }
    }
}
