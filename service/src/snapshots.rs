//! Snapshots: what sessions held, and the registry of that.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use typhon_proto::v1;
use typhon_vm::{CodeKey, LeftOut, Saved, Work, Worked};

use crate::config::Config;
use crate::depot::Depot;
use crate::errands;
use crate::error::{Refusal, SnapshotRefusal};
use crate::execution::Execution;
use crate::executions::{Identity, RequestKey};
use crate::grpc::snapshots::wire;
use crate::grpc::template::THREADS;
use crate::identity::Tenant;
use crate::place::Places;
use crate::quota::{QuotaName, refuse};
use crate::seal::{self, Broken, ENGINE, FORMAT, Header, Key};
use crate::server::BoxError;
use crate::session::Session;
use crate::store::Store;

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
    /// Where they are kept that are in memory only because they were used; else they are here only.
    depot: Option<Depot>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By name, so that a list has an order that pages can follow.
    all: BTreeMap<String, Arc<Snapshot>>,
    /// What their images hold.
    bytes: u64,
    /// The latest last.
    order: VecDeque<String>,
    /// What each request id was used for, as long as its snapshot is there: the fingerprint, and the snapshot.
    requests: HashMap<RequestKey, (u64, String)>,
}

/// What a client says of a snapshot.
#[derive(Clone, Debug, Default)]
pub struct Asked {
    pub labels: Vec<(String, String)>,
    pub ttl: Option<Duration>,
}

/// What a session holds, and what of that is missing.
pub type Image = (Arc<[u8]>, Vec<v1::LeftOut>);

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
    pub fn new(config: Arc<Config>, store: Option<Arc<dyn Store>>) -> Result<Snapshots, BoxError> {
        let key = Key::load(&config.snapshot_key_file)?;
        let depot = store.map(|store| Depot::new(store, config.snapshot_store_bytes_max.0));
        Ok(Snapshots { config, key, depot, state: Mutex::default() })
    }

    /// Sees to it that one that was made just now outlives this server, if there is a place for that. If not, it is gone.
    pub async fn keep(&self, snapshot: &Arc<Snapshot>) -> Result<(), Refusal> {
        let Some(depot) = &self.depot else { return Ok(()) };
        depot.put(&self.key, snapshot).await.inspect_err(|_| self.state.lock().remove(&snapshot.name))
    }

    /// Sees to it that the tenant's snapshot of this name is in memory, if there is one.
    pub async fn bring(&self, tenant: &Arc<Tenant>, name: &str) -> Result<(), Refusal> {
        let Some(depot) = &self.depot else { return Ok(()) };
        if let Err(refusal) = depot.card(&self.key, tenant, name).await {
            // Another node may have deleted it.
            if self.find(tenant, name).is_ok() {
                self.state.lock().remove(name);
            }
            return Err(refusal);
        }
        if self.find(tenant, name).is_err() {
            let snapshot = Arc::new(depot.get(&self.key, tenant, name).await?);
            let mut state = self.state.lock();
            state.forget_until(self.config.snapshots_bytes_max.0.saturating_sub(snapshot.size()));
            state.insert(snapshot);
        }
        Ok(())
    }

    /// What there is to be told of the tenant's snapshot of this name.
    pub async fn describe(&self, tenant: &Tenant, name: &str) -> Result<v1::Snapshot, Refusal> {
        match &self.depot {
            Some(depot) => depot.card(&self.key, tenant, name).await,
            None => self.find(tenant, name).map(|snapshot| wire(&snapshot)),
        }
    }

    /// At most `most` of the tenant's snapshots whose names come after `after`, and whether there are more.
    pub async fn page(&self, tenant: &Tenant, after: &str, most: usize) -> Result<(Vec<v1::Snapshot>, bool), Refusal> {
        match &self.depot {
            Some(depot) => depot.list(&self.key, tenant, after, most).await,
            None => {
                let (found, more) = self.list(tenant, after, most);
                Ok((found.iter().map(wire).collect(), more))
            }
        }
    }

    /// Forgets it, wherever it is.
    pub async fn forget(&self, tenant: &Tenant, name: &str) -> Result<(), Refusal> {
        let Some(depot) = &self.depot else { return self.delete(tenant, name) };
        match depot.card(&self.key, tenant, name).await {
            // One that is of no use here can be deleted all the same.
            Ok(_) | Err(Refusal::Snapshot(SnapshotRefusal::Unusable { .. } | SnapshotRefusal::Version { .. })) => {}
            Err(refusal) => return Err(refusal),
        }
        if self.find(tenant, name).is_ok() {
            self.state.lock().remove(name);
        }
        depot.delete(tenant, name).await
    }

    /// Makes one of a session at rest; and who waits for that now.
    pub fn make(
        &self,
        places: &Places,
        session: &Session,
        asked: Asked,
        leave_out: bool,
        identity: Option<Identity>,
    ) -> (Result<Arc<Snapshot>, Refusal>, Option<Box<Execution>>) {
        if let Some(known) = self.state.lock().known(identity.as_ref()).transpose() {
            return (known, None);
        }
        let (imaged, next) = self.image(places, session, leave_out, TIME);
        let made = imaged.and_then(|(image, left_out)| {
            self.add(session.tenant.clone(), asked, &session.name, left_out, image, identity)
        });
        (made, next)
    }

    /// What a session at rest holds, and what is left out of that; and who waits for the session now.
    pub fn image(
        &self,
        places: &Places,
        session: &Session,
        leave_out: bool,
        time: Duration,
    ) -> (Result<Image, Refusal>, Option<Box<Execution>>) {
        let unstorable = |LeftOut { path, problem }: LeftOut| {
            let session = session.name.clone();
            SnapshotRefusal::Unstorable { session, path: short(path), problem: short(problem) }
        };
        if session.see().threads > 0 {
            let problem = THREADS.to_owned();
            return (Err(unstorable(LeftOut { path: "main".to_owned(), problem }).into()), None);
        }
        let (most, key) = (self.config.snapshot_max.0, self.key.code(&session.tenant.name));
        let time = session.terms.limits.wall.unwrap_or(time).min(time);
        let (ran, next) = errands::run(places, session, Work::Save { leave_out, most, key }, time);
        if let Ok(ran) = &ran {
            session.tenant.used(|used| used.add(&ran.usage));
        }
        let imaged = ran.and_then(|ran| match ran.worked {
            Some(Worked::Saved(Saved::Image { data, left_out })) if data.len() as u64 <= most => {
                let left_out = left_out.into_iter().take(LEFT_OUT_MAX);
                let left_out = left_out.map(|of| v1::LeftOut { path: short(of.path), problem: short(of.problem) });
                Ok((data.into(), left_out.collect()))
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
        (imaged, next)
    }

    /// What seals.
    pub fn key(&self) -> &Key {
        &self.key
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
        if self.depot.is_some() {
            state.forget_until(config.snapshots_bytes_max.0.saturating_sub(size));
        }
        let own: u64 = state.all.values().filter(|one| one.tenant.name == tenant.name).map(|one| one.size()).sum();
        let quota = tenant.quota().snapshots;
        if self.depot.is_none() && own.saturating_add(size) > quota {
            return Err(refuse(&tenant.name, QuotaName::Snapshots, quota, RETRY));
        }
        if self.depot.is_none() && state.bytes.saturating_add(size) > config.snapshots_bytes_max.0 {
            return Err(SnapshotRefusal::Full { max_bytes: config.snapshots_bytes_max.0 }.into());
        }
        state.insert(snapshot.clone());
        if let Some(Identity { key, fingerprint }) = identity {
            state.requests.insert(key, (fingerprint, snapshot.name.clone()));
        }
        Ok(snapshot)
    }

    /// All of it, as it leaves.
    pub fn seal(&self, snapshot: &Snapshot) -> Result<Vec<u8>, Refusal> {
        Ok(self.key.seal(&snapshot.header(), &snapshot.image)?)
    }

    /// The tenant's snapshot of this name. Another tenant's is not there, as far as anybody can tell.
    pub fn find(&self, tenant: &Tenant, name: &str) -> Result<Arc<Snapshot>, Refusal> {
        let found = self.state.lock().all.get(name).cloned();
        let own = |one: &Arc<Snapshot>| one.tenant.name == tenant.name && one.expires() > SystemTime::now();
        found.filter(own).ok_or_else(|| SnapshotRefusal::NotFound { name: name.to_owned() }.into())
    }

    /// At most `most` of the tenant's snapshots whose names come after `after`, and whether there are more.
    fn list(&self, tenant: &Tenant, after: &str, most: usize) -> (Vec<Arc<Snapshot>>, bool) {
        use std::ops::Bound::{Excluded, Unbounded};
        let (state, now) = (self.state.lock(), SystemTime::now());
        let rest = state.all.range::<str, _>((Excluded(after), Unbounded)).map(|(_, one)| one);
        let mut rest = rest.filter(|one| one.tenant.name == tenant.name && one.expires() > now);
        let page = rest.by_ref().take(most).cloned().collect();
        (page, rest.next().is_some())
    }

    fn delete(&self, tenant: &Tenant, name: &str) -> Result<(), Refusal> {
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
pub const RETRY: Duration = Duration::from_secs(10);

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

    fn insert(&mut self, snapshot: Arc<Snapshot>) {
        self.bytes += snapshot.size();
        self.order.push_back(snapshot.name.clone());
        if let Some(same) = self.all.insert(snapshot.name.clone(), snapshot) {
            self.bytes -= same.size();
        }
    }

    fn remove(&mut self, name: &str) {
        if let Some(gone) = self.all.remove(name) {
            self.bytes -= gone.size();
            self.order.retain(|of| of != name);
            self.requests.retain(|_, (_, of)| of != name);
        }
    }

    /// Drops those that came first, which can be brought again, until no more than this is left.
    fn forget_until(&mut self, bytes: u64) {
        while self.bytes > bytes
            && let Some(oldest) = self.order.pop_front()
        {
            self.remove(&oldest);
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
