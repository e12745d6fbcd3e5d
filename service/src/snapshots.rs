//! Snapshots: what sessions held, and the registry of that.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use typhon_proto::v1;
use typhon_vm::{CodeKey, LeftOut, Saved, Work, Worked};

use crate::config::Config;
use crate::errands;
use crate::error::{Refusal, SnapshotRefusal};
use crate::execution::Execution;
use crate::executions::{Identity, RequestKey};
use crate::grpc::template::THREADS;
use crate::identity::Tenant;
use crate::place::Places;
use crate::quota::{QuotaName, refuse};
use crate::seal::{self, Broken, ENGINE, FORMAT, Header, Key};
use crate::server::BoxError;
use crate::session::Session;

pub struct Snapshot {
    pub name: String,
    pub tenant: Arc<Tenant>,
    pub labels: Vec<(String, String)>,
    pub ttl: Duration,
    pub created: SystemTime,
    /// Of the image.
    pub digest: String,
    /// What it was made of, and what is missing.
    pub session: String,
    pub left_out: Vec<v1::LeftOut>,
    pub image: Arc<[u8]>,
    /// What the code in it is sealed with.
    pub key: CodeKey,
}

pub struct Snapshots {
    config: Arc<Config>,
    key: Key,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By name, so that a list has an order that pages can follow.
    all: BTreeMap<String, Arc<Snapshot>>,
    /// What their images hold.
    bytes: u64,
    /// What each request id was used for, as long as its snapshot is there: the fingerprint, and the snapshot.
    requests: HashMap<RequestKey, (u64, String)>,
}

/// What a client says of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub labels: Vec<(String, String)>,
    pub ttl: Option<Duration>,
}

/// Making one takes no longer, and no longer than an execution of its session may.
const TIME: Duration = Duration::from_secs(60);
/// More is said of nothing that is left out.
const TOLD_MAX: usize = 400;
const LEFT_OUT_MAX: usize = 1000;

impl Snapshot {
    pub fn expires(&self) -> SystemTime {
        self.created + self.ttl
    }

    pub fn header(&self) -> Header {
        let made = self.created.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        Header { made, ..Header::new(&self.tenant.name, &self.session, self.left_out.clone()) }
    }

    fn size(&self) -> u64 {
        self.image.len() as u64
    }
}

impl Snapshots {
    pub fn new(config: Arc<Config>) -> Result<Snapshots, BoxError> {
        let key = Key::load(&config.snapshot_key_file)?;
        Ok(Snapshots { config, key, state: Mutex::default() })
    }

    /// Makes one of a session at rest; and who waits for that now.
    pub fn make(
        &self,
        places: &Places,
        session: &Session,
        asked: Asked,
        leave_out: bool,
        identity: Option<Identity>,
    ) -> (Result<Arc<Snapshot>, Refusal>, Option<Execution>) {
        if let Some(known) = self.state.lock().known(identity.as_ref()).transpose() {
            return (known, None);
        }
        let unstorable = |LeftOut { path, problem }: LeftOut| {
            let session = session.name.clone();
            SnapshotRefusal::Unstorable { session, path: short(path), problem: short(problem) }
        };
        if session.see().threads > 0 {
            let problem = THREADS.to_owned();
            return (Err(unstorable(LeftOut { path: "main".to_owned(), problem }).into()), None);
        }
        let (most, key) = (self.config.snapshot_max.0, self.key.code(&session.tenant.name));
        let time = session.terms.limits.wall.unwrap_or(TIME).min(TIME);
        let (ran, next) = errands::run(places, session, Work::Save { leave_out, most, key }, time);
        if let Ok(ran) = &ran {
            session.tenant.used(|used| used.add(&ran.usage));
        }
        let made = ran.and_then(|ran| match ran.worked {
            Some(Worked::Saved(Saved::Image { data, left_out })) if data.len() as u64 <= most => {
                let left_out = left_out.into_iter().take(LEFT_OUT_MAX);
                let left_out = left_out.map(|of| v1::LeftOut { path: short(of.path), problem: short(of.problem) });
                self.add(session.tenant.clone(), asked, &session.name, left_out.collect(), data.into(), identity)
            }
            Some(Worked::Saved(Saved::Image { .. } | Saved::TooLarge)) => {
                Err(SnapshotRefusal::TooLarge { max_bytes: most }.into())
            }
            Some(Worked::Saved(Saved::Unstorable(what))) => Err(unstorable(what).into()),
            _ => match session.refusal() {
                Some(refusal) => Err(refusal),
                None => Err(SnapshotRefusal::Failed { session: session.name.clone(), why: told(&ran.outcome) }.into()),
            },
        });
        (made, next)
    }

    /// Takes what was exported.
    pub fn import(&self, tenant: &Arc<Tenant>, asked: Asked, bytes: &[u8]) -> Result<Arc<Snapshot>, Refusal> {
        let (Header { session, left_out, .. }, image) =
            self.key.open(bytes, &tenant.name).map_err(|broken| match broken {
                Broken::Invalid(problem) => SnapshotRefusal::Invalid { problem },
                Broken::Format => version("another format".to_owned(), FORMAT),
                Broken::Engine(theirs) => version(theirs, &ENGINE),
            })?;
        if image.len() as u64 > self.config.snapshot_max.0 {
            return Err(SnapshotRefusal::TooLarge { max_bytes: self.config.snapshot_max.0 }.into());
        }
        self.add(tenant.clone(), asked, &session, left_out, image.into(), None)
    }

    /// No import is longer.
    pub fn import_max(&self) -> u64 {
        self.config.snapshot_max.0.saturating_add(seal::AROUND as u64)
    }

    fn add(
        &self,
        tenant: Arc<Tenant>,
        asked: Asked,
        session: &str,
        left_out: Vec<v1::LeftOut>,
        image: Arc<[u8]>,
        identity: Option<Identity>,
    ) -> Result<Arc<Snapshot>, Refusal> {
        let random = || getrandom::u64().map_err(|e| Refusal::Internal { what: format!("no entropy: {e}") });
        let config = &self.config;
        let snapshot = Arc::new(Snapshot {
            name: format!("snapshots/{:016x}{:016x}", random()?, random()?),
            key: self.key.code(&tenant.name),
            labels: asked.labels,
            ttl: asked.ttl.unwrap_or(config.snapshot_ttl_default).min(config.snapshot_ttl_max),
            created: SystemTime::now(),
            digest: seal::digest_of(&image),
            session: session.to_owned(),
            tenant,
            left_out,
            image,
        });
        let mut state = self.state.lock();
        // The same request may have been faster.
        if let Some(known) = state.known(identity.as_ref()).transpose() {
            return known;
        }
        let (tenant, size) = (&snapshot.tenant, snapshot.size());
        let own: u64 = state.all.values().filter(|one| one.tenant.name == tenant.name).map(|one| one.size()).sum();
        let quota = tenant.quota().snapshots;
        if own.saturating_add(size) > quota {
            return Err(refuse(&tenant.name, QuotaName::Snapshots, quota, RETRY));
        }
        if state.bytes.saturating_add(size) > config.snapshots_bytes_max.0 {
            return Err(SnapshotRefusal::Full { max_bytes: config.snapshots_bytes_max.0 }.into());
        }
        state.bytes += size;
        state.all.insert(snapshot.name.clone(), snapshot.clone());
        if let Some(Identity { key, fingerprint }) = identity {
            state.requests.insert(key, (fingerprint, snapshot.name.clone()));
        }
        Ok(snapshot)
    }

    /// What goes before and after its image when it leaves.
    pub fn seal(&self, snapshot: &Snapshot) -> (Vec<u8>, Vec<u8>) {
        self.key.seal(&snapshot.header(), &snapshot.image)
    }

    /// The tenant's snapshot of this name. Another tenant's is not there, as far as anybody can tell.
    pub fn find(&self, tenant: &Tenant, name: &str) -> Result<Arc<Snapshot>, Refusal> {
        let found = self.state.lock().all.get(name).cloned();
        let own = |one: &Arc<Snapshot>| one.tenant.name == tenant.name && one.expires() > SystemTime::now();
        found.filter(own).ok_or_else(|| SnapshotRefusal::NotFound { name: name.to_owned() }.into())
    }

    /// At most `most` of the tenant's snapshots whose names come after `after`, and whether there are more.
    pub fn list(&self, tenant: &Tenant, after: &str, most: usize) -> (Vec<Arc<Snapshot>>, bool) {
        use std::ops::Bound::{Excluded, Unbounded};
        let (state, now) = (self.state.lock(), SystemTime::now());
        let rest = state.all.range::<str, _>((Excluded(after), Unbounded)).map(|(_, one)| one);
        let mut rest = rest.filter(|one| one.tenant.name == tenant.name && one.expires() > now);
        let page = rest.by_ref().take(most).cloned().collect();
        (page, rest.next().is_some())
    }

    pub fn delete(&self, tenant: &Tenant, name: &str) -> Result<(), Refusal> {
        let snapshot = self.find(tenant, name)?;
        self.state.lock().remove(&snapshot.name);
        Ok(())
    }

    /// Forgets those whose time is over.
    pub fn sweep(&self) {
        let (mut state, now) = (self.state.lock(), SystemTime::now());
        let over: Vec<_> = state.all.values().filter(|one| one.expires() <= now).map(|one| one.name.clone()).collect();
        over.iter().for_each(|name| state.remove(name));
    }

    /// How many there are, and what their images hold.
    pub fn held(&self) -> (usize, u64) {
        let state = self.state.lock();
        (state.all.len(), state.bytes)
    }
}

/// Snapshots end by themselves, in their own time.
const RETRY: Duration = Duration::from_secs(10);

impl State {
    /// What this request has made already.
    fn known(&self, identity: Option<&Identity>) -> Result<Option<Arc<Snapshot>>, Refusal> {
        let Some((Identity { key, fingerprint }, (known, name))) =
            identity.and_then(|identity| Some((identity, self.requests.get(&identity.key)?)))
        else {
            return Ok(None);
        };
        match self.all.get(name) {
            _ if known != fingerprint => Err(Refusal::RequestIdReused { request_id: key.1.clone() }),
            Some(snapshot) => Ok(Some(snapshot.clone())),
            None => Ok(None),
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(gone) = self.all.remove(name) {
            self.bytes -= gone.size();
            self.requests.retain(|_, (_, of)| of != name);
        }
    }
}

fn version(theirs: String, ours: &str) -> SnapshotRefusal {
    SnapshotRefusal::Version { theirs, ours: ours.to_owned() }
}

/// What guests say of themselves, within reason.
fn short(text: String) -> String {
    match text.char_indices().nth(TOLD_MAX) {
        Some((at, _)) => format!("{}...", &text[..at]),
        None => text,
    }
}

/// How an errand ended that did not do what it was for.
pub fn told(outcome: &v1::Outcome) -> String {
    let reason = outcome.reason().as_str_name().trim_start_matches("TERMINATION_REASON_");
    match &outcome.detail {
        Some(v1::outcome::Detail::Exception(e)) => {
            let class = e.r#type.as_ref().map(|of| of.qualname.as_str()).unwrap_or_default();
            short(format!("{class}: {}", e.message))
        }
        _ => reason.to_owned(),
    }
}
