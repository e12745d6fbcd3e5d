//! Where guests run: in this process, in a worker process of their tenant, or in one of their own.

use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use typhon_proto::v1;
use typhon_vm::{CancelReason, Limits, Request, Work, Worked};

use crate::ahead::Ahead;
use crate::config::Config;
use crate::egress::Rules;
use crate::engine::Engine;
use crate::error::{Refusal, SnapshotRefusal};
use crate::grpc::response;
use crate::host::{Kept, World};
use crate::job::{AfterRun, Done, Home, Job, Room};
use crate::process::{self, Cell, NotRun, Pool, Worker};
use crate::snapshots::{self, Snapshot};
use crate::templates::Template;
use crate::watchdog::Watchdog;

/// How far a guest is from others, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Isolation {
    InProcess,
    Worker,
    Dedicated,
}

/// Where one guest runs.
#[derive(Clone)]
pub struct Place {
    pub isolation: Isolation,
    /// Two tenants are never in the same worker process.
    pub tenant: Arc<str>,
    /// What it begins as a copy of.
    pub template: Option<Arc<Template>>,
    /// What it begins with what is in.
    pub snapshot: Option<Arc<Snapshot>>,
    /// In a process where hashes are the same as in any other such.
    pub stable: bool,
}

pub struct Places {
    engine: Arc<dyn Engine>,
    /// For what runs in this process.
    ahead: Ahead,
    watchdog: Watchdog,
    pool: Option<Pool>,
    default: Isolation,
    least: Isolation,
    /// Where guests may connect to that ask for it.
    egress: Arc<Rules>,
    /// What many jobs begin as a copy of, once it is there.
    base: OnceLock<Arc<Template>>,
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
            ahead: Ahead::new(engine.clone(), config.isolates_ahead as usize),
            engine,
            watchdog: Watchdog::start()?,
            pool,
            default: config.isolation,
            least: config.isolation_least,
            egress: Arc::new(config.egress.clone()),
            base: OnceLock::new(),
        })
    }

    pub fn egress(&self) -> &Arc<Rules> {
        &self.egress
    }

    /// What a request gets that asks for this, or for nothing.
    pub fn isolation(&self, asked: Option<Isolation>, world: &World) -> Result<Isolation, Refusal> {
        if world.network.is_some() && self.egress.is_empty() {
            return Err(Refusal::Unsupported { feature: "network PROXY" });
        }
        match (&self.pool, asked) {
            // Hashes are a process's, and the server's are for nobody to foresee.
            (Some(_), asked) if world.deterministic => {
                Ok(asked.unwrap_or(self.default).max(self.least).max(Isolation::Worker))
            }
            (None, _) if world.deterministic => {
                Err(Refusal::Unsupported { feature: "policy.deterministic without worker processes" })
            }
            (Some(_), asked) => Ok(asked.unwrap_or(self.default).max(self.least)),
            (None, None | Some(Isolation::InProcess)) => Ok(Isolation::InProcess),
            (None, Some(Isolation::Worker)) => Err(Refusal::Unsupported { feature: "isolation WORKER_PROCESS" }),
            (None, Some(Isolation::Dedicated)) => Err(Refusal::Unsupported { feature: "isolation DEDICATED_PROCESS" }),
        }
    }

    /// What a request gets that does not ask.
    pub fn default_isolation(&self) -> Isolation {
        if self.pool.is_none() { Isolation::InProcess } else { self.default.max(self.least) }
    }

    /// What there is to ask for.
    pub fn levels(&self) -> Vec<Isolation> {
        let all = [Isolation::InProcess, Isolation::Worker, Isolation::Dedicated];
        match self.pool {
            None => vec![Isolation::InProcess],
            Some(_) => all.into_iter().filter(|level| *level >= self.least).collect(),
        }
    }

    /// What holds of the worker processes' confinement.
    pub fn hardening(&self) -> Vec<String> {
        self.pool.as_ref().map(|pool| pool.holds().to_vec()).unwrap_or_default()
    }

    /// Why worker processes ended that nobody had ended.
    pub fn deaths(&self) -> Vec<(&'static str, u64)> {
        self.pool.as_ref().map(Pool::deaths).unwrap_or_default()
    }

    /// Where a tenant's source is looked for before it is compiled here.
    pub fn library(&self, tenant: &Arc<str>) -> Option<Arc<dyn typhon_vm::Library>> {
        self.engine.library(tenant)
    }

    /// Whether hot loops of guests are compiled.
    pub fn compiles(&self) -> bool {
        self.engine.compiler().is_some()
    }

    /// Isolates that are there before anybody wants them, in this process.
    pub fn ahead(&self) -> &Ahead {
        &self.ahead
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
            Room::Fresh | Room::Resident(None) if place.snapshot.is_some() => {
                self.run_restored(job, matches!(room, Room::Fresh), place)
            }
            Room::Resident(Some(Home::Here(isolate))) => Ok(self.run_here(job, Room::Resident(Some(isolate)))),
            Room::Resident(Some(Home::There(resident))) => self.run_there(&job, resident),
            Room::Resident(None) if place.template.is_some() => {
                let asked = Instant::now();
                let copy = place.template.as_ref().map(|template| template.copy(self)).transpose();
                match copy.map_err(|why| Unrun::Refused(Refusal::TemplateFailed { why }))? {
                    Some(copy) => {
                        self.count(&copy)?;
                        self.begun(asked.elapsed(), self.run_there(&job, copy))
                    }
                    None => Err(Unrun::Refused(Refusal::WorkerLost)),
                }
            }
            Room::Resident(None) if place.isolation == Isolation::Dedicated && self.warm(&job).is_some() => {
                let asked = Instant::now();
                match self.warm(&job).and_then(|base| self.copy(base)) {
                    Some(copy) => self.begun(asked.elapsed(), self.run_there(&job, copy)),
                    None => self.run_resident(job, place),
                }
            }
            Room::Resident(None) => self.run_resident(job, place),
            Room::Last(_) => Err(Unrun::Refused(Refusal::WorkerLost)),
            Room::Fresh => self.run_fresh(job, place),
        }
    }

    /// Runs a job in an isolate that first is filled with what the place's snapshot holds, and that ends with it if it is the last.
    fn run_restored(&self, job: Job, last: bool, place: &Place) -> Result<Done, Unrun> {
        let home = match &place.snapshot {
            Some(snapshot) => self.restored(&job, snapshot, place)?,
            None => return Err(Unrun::Refused(Refusal::WorkerLost)),
        };
        let done = match home {
            Home::Here(isolate) if last => self.run_here(job, Room::Last(isolate)),
            Home::There(resident) if last => {
                let cell = Cell::Last(resident.number);
                let ran = process::run(&resident.worker, cell, &job, &self.watchdog);
                let process::Relayed { response, took, .. } =
                    ran.map_err(|NotRun(_)| Unrun::Refused(Refusal::WorkerLost))?;
                Done { response, took, poisoned: false, after: None, remains: None, worked: None }
            }
            home => self.run(job, Room::Resident(Some(home)), place)?,
        };
        Ok(Done { response: begun_by(done.response, v1::usage::IsolateSource::Snapshot), ..done })
    }

    /// An isolate made as the job wants it, with what is in the snapshot.
    fn restored(&self, job: &Job, snapshot: &Snapshot, place: &Place) -> Result<Home, Unrun> {
        let own = &job.request;
        let request = Request {
            filename: own.filename.clone(),
            argv: own.argv.clone(),
            env: own.env.clone(),
            limits: Limits { instructions: None, ..own.limits.clone() },
            deterministic: own.deterministic,
            work: Some(Work::Restore { image: snapshot.image.clone(), key: snapshot.key }),
            ..Request::default()
        };
        let restoring = Job { cancel: job.cancel.clone(), ..Job::quiet(request, job.kept.clone()) };
        let begins = job.kept.position();
        let restored = self.run_resident(restoring, place)?;
        // What making the isolate drew is not the program's.
        if let Some(begins) = begins {
            job.kept.go_to(begins);
        }
        match restored {
            Done { worked: Some(Worked::Restored), after: Some(AfterRun { home, lost: None, .. }), .. } => Ok(home),
            Done { response, .. } => Err(Unrun::Refused(match job.cancel.reason() {
                Some(CancelReason::CancelledByClient | CancelReason::ClientGone) => Refusal::Cancelled,
                _ => {
                    let why = snapshots::told(&response.outcome.unwrap_or_default());
                    SnapshotRefusal::Unusable { name: snapshot.name.clone(), why }.into()
                }
            })),
        }
    }

    /// A copy has run for the first time, and it took so long to have it.
    fn begun(&self, cost: Duration, ran: Result<Done, Unrun>) -> Result<Done, Unrun> {
        ran.map(|done| Done { response: copied_in(done.response, cost), ..done })
    }

    fn run_resident(&self, job: Job, place: &Place) -> Result<Done, Unrun> {
        match self.worker(place)? {
            Some(worker) => self.run_there(&job, worker.resident()),
            None => Ok(self.run_here(job, Room::Resident(None))),
        }
    }

    /// What a job may begin as a copy of, so that modules that many programs want are there: if it imports any, and
    /// asks for nothing that an isolate has for life.
    fn warm(&self, job: &Job) -> Option<&Arc<Template>> {
        let base = self.base.get()?;
        let (own, its) = (&job.request.limits, &base.terms.limits);
        let for_life = |of: &Limits| (of.heap_bytes, of.stack_depth, of.threads, of.cpu_parallelism);
        let same = for_life(own) == for_life(its);
        let request = &job.request;
        let plain = request.env.is_empty() && *job.kept.world() == World::default() && !request.validate_only;
        let plain = plain && !job.plan.traces;
        let imports = job.request.source.windows(6).any(|word| word == b"import");
        (same && plain && imports).then_some(base)
    }

    fn copy(&self, base: &Arc<Template>) -> Option<process::Resident> {
        let copy = base.copy(self).inspect_err(|why| tracing::warn!(%why, "no copy of the preloaded isolate")).ok()?;
        self.count(&copy).ok().map(|()| copy)
    }

    /// From now on jobs begin as copies of this where they can.
    pub fn begin_from(&self, base: Arc<Template>) {
        self.base.get_or_init(|| base);
    }

    /// An isolate in a process of its own.
    pub fn apart(&self) -> Result<process::Resident, Refusal> {
        match &self.pool {
            Some(pool) => Ok(pool.dedicated(false)?.resident()),
            None => Err(Refusal::Unsupported { feature: "isolation DEDICATED_PROCESS" }),
        }
    }

    /// Runs a program of ours in such an isolate. What that holds then.
    pub fn prepare(&self, resident: &process::Resident, source: String, limits: Limits) -> Result<u64, String> {
        let request = Request { source: source.into(), filename: "<preload>".into(), limits, ..Request::default() };
        let job = Job::quiet(request, Kept::new(World::default()));
        let ran = process::run(&resident.worker, Cell::Resident(resident.number), &job, &self.watchdog);
        let ran = ran.map_err(|NotRun(how)| how.into_owned())?;
        match ran.response.outcome {
            Some(outcome) if outcome.reason() == v1::TerminationReason::Completed => Ok(ran.heap_bytes),
            outcome => Err(outcome.unwrap_or_default().reason().as_str_name().to_owned()),
        }
    }

    /// A copy of a process counts as one.
    pub fn count(&self, copy: &process::Resident) -> Result<(), Refusal> {
        self.pool.as_ref().map_or(Ok(()), |pool| pool.copied(&copy.worker))
    }

    fn run_here(&self, job: Job, room: Room<Box<dyn crate::engine::Isolate>>) -> Done {
        job.run(room, &*self.engine, &self.ahead, &self.watchdog)
    }

    fn run_there(&self, job: &Job, resident: process::Resident) -> Result<Done, Unrun> {
        let relayed = process::run(&resident.worker, Cell::Resident(resident.number), job, &self.watchdog);
        let process::Relayed { response, took, lost, heap_bytes, threads, worked } =
            relayed.map_err(|NotRun(how)| Unrun::Lost(format!("its worker process is gone: {how}").into()))?;
        let after = AfterRun { home: Home::There(resident), lost, heap_bytes, threads };
        Ok(Done { response, took, poisoned: false, after: Some(after), remains: None, worked })
    }

    fn run_fresh(&self, job: Job, place: &Place) -> Result<Done, Unrun> {
        let asked = Instant::now();
        if place.isolation != Isolation::InProcess
            && let Some(copy) = self.warm(&job).and_then(|base| self.copy(base))
            && let cost = asked.elapsed()
            && let Ok(process::Relayed { response, took, .. }) =
                process::run(&copy.worker, Cell::Last(copy.number), &job, &self.watchdog)
        {
            let response = copied_in(response, cost);
            return Ok(Done { response, took, poisoned: false, after: None, remains: None, worked: None });
        }
        for _ in 0..ATTEMPTS {
            let Some(worker) = self.worker(place)? else { return Ok(self.run_here(job, Room::Fresh)) };
            match process::run(&worker, Cell::Fresh, &job, &self.watchdog) {
                Ok(process::Relayed { response, took, .. }) => {
                    return Ok(Done { response, took, poisoned: false, after: None, remains: None, worked: None });
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
            (Some(pool), Isolation::Worker) => pool.of_tenant(&place.tenant, place.stable).map(Some),
            (Some(pool), Isolation::Dedicated) => pool.dedicated(place.stable).map(Some),
        }
    }
}

fn begun_by(mut response: v1::ExecuteResponse, source: v1::usage::IsolateSource) -> v1::ExecuteResponse {
    if let Some(usage) = &mut response.usage {
        usage.isolate_source = source.into();
    }
    response
}

/// What began as a copy, which it took so long to have: no time where one was there already.
fn copied_in(response: v1::ExecuteResponse, cost: Duration) -> v1::ExecuteResponse {
    let mut response = begun_by(response, v1::usage::IsolateSource::Fork);
    if let Some(usage) = &mut response.usage {
        usage.start_time_cost = Some(response::duration(cost));
    }
    response
}

/// How many processes may be gone before a job is given up.
const ATTEMPTS: usize = 3;

impl Isolation {
    pub fn wire(self) -> v1::IsolationLevel {
        match self {
            Isolation::InProcess => v1::IsolationLevel::InProcess,
            Isolation::Worker => v1::IsolationLevel::WorkerProcess,
            Isolation::Dedicated => v1::IsolationLevel::DedicatedProcess,
        }
    }
}
