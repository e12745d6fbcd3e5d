//! Handing sessions over: a server that drains leaves them in the store, and whichever is asked for one takes it from there.
//!
//! What is left is a sealed image with a parcel in its header. A session that cannot be handed over leaves a word why; one that
//! still runs leaves a word that it is on its way.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use prost::Message;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use typhon_proto::v1;
use typhon_vm::FileWork;

use crate::config::Config;
use crate::errands;
use crate::error::{Refusal, SnapshotRefusal};
use crate::grpc::session::{terms, wire};
use crate::host::Kept;
use crate::identity::Tenant;
use crate::limits;
use crate::metrics::{Metrics, Passed};
use crate::process::Position;
use crate::seal::{Broken, ENGINE, FORMAT, Header, Unsealed, digest_of};
use crate::session::{Past, Session, Terms};
use crate::sessions::Sessions;
use crate::snapshots::{Snapshot, Snapshots};
use crate::store::{Claimed, Fault, Key, Kind, Store};
use crate::workers::Workers;

pub struct Handover {
    config: Arc<Config>,
    store: Arc<dyn Store>,
    sessions: Arc<Sessions>,
    snapshots: Arc<Snapshots>,
    workers: Arc<Workers>,
    metrics: Arc<Metrics>,
    /// Those that are being taken from the store now, so that everybody here who asks for one gets the same.
    arriving: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// What is said of something in the store.
#[derive(Clone, PartialEq, Message)]
pub struct Parcel {
    #[prost(oneof = "What", tags = "1, 2, 3, 4")]
    pub what: Option<What>,
}

#[derive(Clone, PartialEq, prost::Oneof)]
pub enum What {
    /// It is here.
    #[prost(message, tag = "1")]
    Left(Box<Left>),
    /// It is no more.
    #[prost(message, tag = "2")]
    Lost(Lost),
    /// Its server drains, and it still runs there.
    #[prost(bool, tag = "3")]
    Moving(bool),
    /// It is no session.
    #[prost(message, tag = "4")]
    Snapshot(Box<v1::Snapshot>),
}

#[derive(Clone, PartialEq, Message)]
pub struct Left {
    /// As its client saw it last.
    #[prost(message, optional, tag = "1")]
    pub session: Option<v1::Session>,
    /// So much of what is sealed is its own image; nothing of it where it has no isolate.
    #[prost(uint64, tag = "2")]
    pub image: u64,
    /// The rest is that of the snapshot or template which it began from.
    #[prost(bool, tag = "3")]
    pub began: bool,
    /// How far its seeded entropy and its virtual clock have come.
    #[prost(message, optional, tag = "4")]
    pub position: Option<Position>,
    /// And where they begin when it begins anew.
    #[prost(message, optional, tag = "5")]
    pub start: Option<Position>,
}

#[derive(Clone, PartialEq, Message)]
pub struct Lost {
    #[prost(string, tag = "1")]
    pub why: String,
    #[prost(string, tag = "2")]
    pub path: String,
}

/// A client that comes for a session on its way comes again after this.
const MOVING_RETRY: Duration = Duration::from_secs(1);
const STORE_RETRY: Duration = Duration::from_secs(1);
/// So long after its end a session's client is still told of that.
const TOLD: Duration = Duration::from_secs(3600);
/// No image takes longer to make.
const TIME: Duration = Duration::from_secs(60);
/// So many words are left at once: they take no processor, and a disk's or a network's time.
const WORDS: usize = 64;
/// To say of all sessions that are left what became of them.
const LAST_WORDS: Duration = Duration::from_secs(2);

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        tracing::warn!(%fault, "the store of snapshots did not answer");
        Refusal::StoreAway { retry_after: STORE_RETRY }
    }
}

impl Handover {
    pub fn new(
        config: Arc<Config>,
        store: Arc<dyn Store>,
        sessions: Arc<Sessions>,
        snapshots: Arc<Snapshots>,
        workers: Arc<Workers>,
        metrics: Arc<Metrics>,
    ) -> Arc<Handover> {
        Arc::new(Handover { config, store, sessions, snapshots, workers, metrics, arriving: Mutex::default() })
    }

    /// The tenant's session of this name, from the store if another server has left it there.
    pub async fn find(self: &Arc<Handover>, tenant: &Arc<Tenant>, name: &str) -> Result<Arc<Session>, Refusal> {
        let found = self.sessions.find(tenant, name);
        let (Err(Refusal::SessionNotFound { .. }), Some(key)) = (&found, Key::of(Kind::Session, &tenant.name, name))
        else {
            return found;
        };
        let turn = self.arriving.lock().entry(name.to_owned()).or_default().clone();
        // A client that goes away must not leave a session halfway.
        let (this, tenant) = (self.clone(), tenant.clone());
        let arrives = tokio::spawn(async move {
            let mine = turn.lock().await;
            let arrived = match this.sessions.find(&tenant, &key.name()) {
                Err(Refusal::SessionNotFound { .. }) => this.take(&tenant, &key).await,
                found => found,
            };
            drop(mine);
            let mut arriving = this.arriving.lock();
            // Ours and the map's: nobody else waits.
            if Arc::strong_count(&turn) <= 2 {
                arriving.remove(&key.name());
            }
            arrived
        });
        arrives.await.map_err(|error| Refusal::Internal { what: error.to_string() })?
    }

    /// Deletes a session that is not here, if it is in the store.
    pub async fn forget(&self, tenant: &Tenant, name: &str) -> Result<bool, Refusal> {
        let Some(key) = Key::of(Kind::Session, &tenant.name, name) else { return Ok(false) };
        match self.store.claim(&key).await? {
            Claimed::Absent => Ok(false),
            Claimed::Taken => Err(moving(&key)),
            Claimed::Mine(bytes, claim) => match self.open(&key, &bytes) {
                Ok((Left { .. }, _)) | Err(Refusal::SessionLost { .. } | Refusal::Snapshot(_)) => {
                    claim.done().await?;
                    Ok(true)
                }
                Err(refusal) => {
                    claim.put_back().await?;
                    Err(refusal)
                }
            },
        }
    }

    async fn take(&self, tenant: &Arc<Tenant>, key: &Key) -> Result<Arc<Session>, Refusal> {
        let (bytes, claim) = match self.store.claim(key).await? {
            Claimed::Absent => return Err(Refusal::SessionNotFound { name: key.name() }),
            Claimed::Taken => return Err(moving(key)),
            Claimed::Mine(bytes, claim) => (bytes, claim),
        };
        let (this, tenant, name) = (self.parts(), tenant.clone(), key.clone());
        let made = tokio::task::spawn_blocking(move || this.make(&tenant, &name, &bytes)).await;
        match made.map_err(|error| Refusal::Internal { what: error.to_string() }).flatten() {
            Ok(session) => {
                // Nobody else gets it from now on; before, nobody gets it here.
                claim.done().await?;
                self.metrics.passed(Passed::Restored);
                Ok(self.sessions.admit(session))
            }
            Err(refusal) => {
                claim.put_back().await?;
                Err(refusal)
            }
        }
    }

    fn open(&self, key: &Key, bytes: &[u8]) -> Result<(Left, Vec<u8>), Refusal> {
        self.parts().open(key, bytes)
    }

    fn parts(&self) -> Parts {
        Parts {
            config: self.config.clone(),
            sessions: self.sessions.clone(),
            snapshots: self.snapshots.clone(),
            workers: self.workers.clone(),
        }
    }

    /// Says of all that they will come, since balancers may send clients elsewhere from now on.
    pub async fn announce(self: &Arc<Handover>) {
        let config = &self.config;
        let patience = config.drain_delay + config.drain_grace + config.drain_handover + LAST_WORDS + MOVING_RETRY;
        let until = tokio::time::Instant::now() + config.drain_delay.max(LAST_WORDS);
        self.each(WORDS, move |this, session| async move {
            // One that has been begun is waited for: it must not come after what it announces.
            if tokio::time::Instant::now() < until {
                let moving = Parcel { what: Some(What::Moving(true)) };
                this.leave(&session, moving, Vec::new(), SystemTime::now() + patience).await;
            }
        })
        .await;
    }

    /// Hands over what rests. No execution begins any more.
    pub async fn begin(self: &Arc<Handover>) {
        self.each(self.workers.count(), |this, session| async move {
            // What runs is handed over when it has ended.
            let _passed = this.pass(&session).await;
        })
        .await;
    }

    /// Hands over what is left, now that nothing runs. What is not handed over in time leaves a word.
    pub async fn end(self: &Arc<Handover>, until: tokio::time::Instant) {
        let passed = self.each(self.workers.count(), |this, session| async move {
            if !this.pass(&session).await {
                this.lose(&session, "an execution in it did not end", "").await;
            }
        });
        if tokio::time::timeout_at(until, passed).await.is_err() {
            let told = self.each(WORDS, |this, session| async move {
                this.lose(&session, "its server ended before it was its turn", "").await;
            });
            if tokio::time::timeout(LAST_WORDS, told).await.is_err() {
                tracing::warn!("sessions are lost, and their clients are not told why");
            }
        }
    }

    /// Does something with all sessions that are here, with so many at once.
    async fn each<F>(self: &Arc<Handover>, most: usize, what: impl Fn(Arc<Handover>, Arc<Session>) -> F)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let room = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        let mut all = JoinSet::new();
        for session in self.sessions.all() {
            let (room, done) = (room.clone(), what(self.clone(), session));
            all.spawn(async move {
                // It is never closed.
                let _permit = room.acquire_owned().await;
                done.await;
            });
        }
        while all.join_next().await.is_some() {}
    }

    /// Hands a session over, if it is at rest. Whether what is to be said of it is said.
    async fn pass(&self, session: &Arc<Session>) -> bool {
        let (this, packed) = (self.parts(), session.clone());
        match tokio::task::spawn_blocking(move || this.pack(&packed)).await {
            Ok(Packed::Busy) => false,
            Ok(Packed::Gone) => {
                let key = Key::of(Kind::Session, &session.tenant.name, &session.name);
                if let Some(key) = key
                    && let Err(fault) = self.store.delete(&key).await
                {
                    tracing::debug!(session = session.name, %fault, "it was deleted, and is said to be on its way");
                }
                true
            }
            Ok(Packed::Lost(why, path)) => {
                self.lose(session, &why, &path).await;
                true
            }
            Ok(Packed::Whole(left, image)) => {
                let until = session.see().expires + TOLD;
                self.leave(session, Parcel { what: Some(What::Left(left)) }, image, until).await;
                self.sessions.leave(session);
                true
            }
            Err(error) => {
                self.lose(session, &error.to_string(), "").await;
                true
            }
        }
    }

    async fn lose(&self, session: &Arc<Session>, why: &str, path: &str) {
        tracing::info!(session = session.name, why, path, "not handed over");
        self.sessions.drop_home(session, session.close());
        let lost = Lost { why: why.to_owned(), path: path.to_owned() };
        let until = session.see().expires + TOLD;
        self.leave(session, Parcel { what: Some(What::Lost(lost)) }, Vec::new(), until).await;
        self.sessions.leave(session);
    }

    async fn leave(&self, session: &Session, parcel: Parcel, image: Vec<u8>, until: SystemTime) {
        let Some(key) = Key::of(Kind::Session, &session.tenant.name, &session.name) else { return };
        let what = parcel.what.clone();
        let header = Header { parcel: Some(parcel), ..Header::new(&session.tenant.name, &session.name, Vec::new()) };
        let stored = match self.snapshots.key().seal(&header, &image) {
            Ok(sealed) => self.store.put(&key, sealed, until).await,
            Err(Unsealed) => Err(Fault::Away("it cannot be sealed".into())),
        };
        match (what, stored) {
            (Some(What::Left(_)), Ok(())) => self.metrics.passed(Passed::HandedOver),
            (Some(What::Left(_)), Err(fault)) => {
                tracing::warn!(session = session.name, %fault, "not handed over");
                let lost = Lost { why: format!("the store did not take it: {fault}"), path: String::new() };
                let lost = Parcel { what: Some(What::Lost(lost)) };
                // It is lost in any case; if this is, too, it is told that there is none.
                Box::pin(self.leave(session, lost, Vec::new(), until)).await;
            }
            (Some(What::Lost(_)), stored) => {
                self.metrics.passed(Passed::Lost);
                if let Err(fault) = stored {
                    tracing::warn!(session = session.name, %fault, "its client is not told that it is lost");
                }
            }
            (_, stored) => {
                if let Err(fault) = stored {
                    tracing::warn!(session = session.name, %fault, "its client is not told that it will come");
                }
            }
        }
    }
}

fn moving(key: &Key) -> Refusal {
    Refusal::SessionMoving { name: key.name(), retry_after: MOVING_RETRY }
}

/// What became of a session that was to be packed.
enum Packed {
    Whole(Box<Left>, Vec<u8>),
    /// Something runs in it.
    Busy,
    /// It was deleted, or its time is over.
    Gone,
    /// Why not, and the way to what was the matter.
    Lost(String, String),
}

/// What packing and unpacking needs, on a thread that may wait.
struct Parts {
    config: Arc<Config>,
    sessions: Arc<Sessions>,
    snapshots: Arc<Snapshots>,
    workers: Arc<Workers>,
}

impl Parts {
    /// What a session is and holds, as bytes; it is closed then.
    fn pack(&self, session: &Session) -> Packed {
        let seen = session.see();
        if seen.running.is_some() {
            return Packed::Busy;
        }
        if matches!(session.refusal(), Some(Refusal::SessionNotFound { .. })) {
            // It was closed here, and there was no time to leave what it held.
            return Packed::Lost("its server ended before it was handed over whole".to_owned(), String::new());
        }
        let began = match self.began(session) {
            Ok(began) => began,
            // It goes on from where it is, or says why it cannot; but never from nothing.
            Err(_) if seen.failure.is_some() || session.rests() => None,
            Err(refusal) => return lost(&refusal),
        };
        let mut image = Vec::new();
        // Making the image may take some of it.
        let position = session.terms.kept.position();
        if seen.failure.is_none() && session.rests() {
            let (imaged, next) = self.snapshots.image(self.workers.places(), session, false, TIME);
            if let Some(next) = next {
                self.workers.resume(next);
                return Packed::Busy;
            }
            match imaged {
                Ok((whole, _)) => image = whole.to_vec(),
                Err(Refusal::SessionBusy { .. }) => return Packed::Busy,
                Err(Refusal::SessionNotFound { .. }) => return Packed::Gone,
                Err(refusal) => return lost(&refusal),
            }
        }
        let shown = wire(session);
        let Ok(home) = session.retire(seen.executions) else { return Packed::Busy };
        self.sessions.drop_home(session, home);
        let own = image.len() as u64;
        image.extend(began.iter().flat_map(|began| began.iter()));
        let (position, start) = (position.map(Into::into), session.terms.kept.start().map(Into::into));
        let left = Left { session: Some(shown), image: own, began: began.is_some(), position, start };
        Packed::Whole(Box::new(left), image)
    }

    /// What a session began from, if that was not nothing.
    fn began(&self, session: &Session) -> Result<Option<Arc<[u8]>>, Refusal> {
        match (&session.terms.place.snapshot, &session.terms.place.template) {
            (Some(snapshot), _) => Ok(Some(snapshot.image.clone())),
            (None, Some(template)) => {
                let make = || {
                    let (imaged, _) = self.snapshots.image(self.workers.places(), &template.session(), false, TIME);
                    imaged.map(|(image, _)| image)
                };
                template.image(make).map(Some)
            }
            (None, None) => Ok(None),
        }
    }

    /// What was sealed under this key.
    fn open(&self, key: &Key, bytes: &[u8]) -> Result<(Left, Vec<u8>), Refusal> {
        let lost =
            |why: &str, path: &str| Refusal::SessionLost { name: key.name(), why: why.into(), path: path.into() };
        let damaged = |problem: &str| lost(&format!("what was kept of it {problem}"), "");
        let version = |theirs: String, ours: &str| SnapshotRefusal::Version { theirs, ours: ours.to_owned() };
        let (header, image) = self.snapshots.key().open(bytes, &key.tenant).map_err(|broken| match broken {
            Broken::Invalid(problem) => {
                tracing::error!(session = key.name(), problem, "what was kept of a session cannot be used");
                damaged(problem)
            }
            Broken::Format => version("another format".to_owned(), FORMAT).into(),
            Broken::Engine(theirs) => version(theirs, &ENGINE).into(),
        })?;
        if header.session != key.name() {
            return Err(damaged("is another session's"));
        }
        match header.parcel.and_then(|parcel| parcel.what) {
            Some(What::Left(left)) => Ok((*left, image)),
            Some(What::Lost(Lost { why, path })) => Err(lost(&why, &path)),
            Some(What::Moving(_)) => Err(moving(key)),
            Some(What::Snapshot(_)) | None => Err(damaged("is a snapshot")),
        }
    }

    /// The session that was left, with its isolate if it had one.
    fn make(&self, tenant: &Arc<Tenant>, key: &Key, bytes: &[u8]) -> Result<Session, Refusal> {
        let (Left { session, image: own, began, position, start }, images) = self.open(key, bytes)?;
        let shown = session.unwrap_or_default();
        let past = past(&shown);
        let until = |time: Option<prost_types::Timestamp>| time.and_then(|at| SystemTime::try_from(at).ok());
        if let Some(at) = until(shown.expire_time).filter(|at| *at <= SystemTime::now()) {
            return Err(Refusal::SessionExpired { name: key.name(), at });
        }
        self.sessions.room_for(tenant)?;
        let split = usize::try_from(own).ok().and_then(|own| images.split_at_checked(own));
        let (image, rest) = split.ok_or_else(|| Refusal::SessionLost {
            name: key.name(),
            why: "what was kept of it is cut short".into(),
            path: String::new(),
        })?;
        let mut terms = self.terms(tenant, &shown, began.then_some(rest))?;
        if let Some(start) = start {
            terms.kept = Kept::starting(terms.kept.world().clone(), start.into());
        }
        let began = terms.place.snapshot.clone();
        let mut session = self.sessions.unknown(key.name(), tenant.clone(), terms).since(past);
        if !image.is_empty() {
            session.terms.place.snapshot = Some(self.snapshot(tenant, &key.name(), image));
            let look = FileWork::Stat { path: "/".to_owned() };
            errands::files(self.workers.places(), &session, look).0?;
            session.terms.place.snapshot = began;
        }
        if let Some(position) = position {
            session.terms.kept.go_to(position.into());
        }
        Ok(session)
    }

    /// As the session's client asked for them, as far as this server goes.
    fn terms(&self, tenant: &Arc<Tenant>, shown: &v1::Session, began: Option<&[u8]>) -> Result<Terms, Refusal> {
        let mut policy = shown.policy.clone().unwrap_or_default();
        // Where it was, or further from others; not where its policy says, as templates have their own place.
        policy.isolation = shown.isolation;
        let asked = v1::Session { policy: Some(policy), ..shown.clone() };
        let mut terms = terms(asked, &tenant.name, &self.config, self.workers.places())?;
        terms.limits = limits::within_quota(terms.limits, &tenant.quota());
        terms.policy.clone_from(&shown.policy);
        terms.place.snapshot = began.map(|image| self.snapshot(tenant, &shown.snapshot, image));
        terms.copied_from.clone_from(&shown.template);
        Ok(terms)
    }

    fn snapshot(&self, tenant: &Arc<Tenant>, name: &str, image: &[u8]) -> Arc<Snapshot> {
        Arc::new(Snapshot {
            name: name.to_owned(),
            tenant: tenant.clone(),
            labels: Vec::new(),
            ttl: Duration::ZERO,
            created: SystemTime::now(),
            digest: digest_of(image),
            session: name.to_owned(),
            left_out: Vec::new(),
            image: image.into(),
            key: self.snapshots.key().code(&tenant.name),
        })
    }
}

fn past(shown: &v1::Session) -> Past {
    let at = |time: Option<prost_types::Timestamp>| {
        time.and_then(|time| SystemTime::try_from(time).ok()).unwrap_or_else(SystemTime::now)
    };
    Past {
        created: at(shown.create_time),
        active: at(shown.last_active_time),
        executions: u64::try_from(shown.execution_count).unwrap_or(0),
        generation: u32::try_from(shown.generation).unwrap_or(0),
        failure: shown.failure.clone(),
    }
}

/// What is said of a session of which there is no image.
fn lost(refusal: &Refusal) -> Packed {
    match refusal {
        Refusal::Snapshot(SnapshotRefusal::Unstorable { path, problem, .. }) => {
            Packed::Lost(format!("{path}: {problem}"), path.clone())
        }
        refusal => Packed::Lost(refusal.message(), String::new()),
    }
}
