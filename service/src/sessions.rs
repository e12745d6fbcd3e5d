//! The registry of sessions: made, found, listed, ended.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam::channel::{Sender, bounded};
use parking_lot::{Mutex, RwLock};
use typhon_vm::CancelReason;

use crate::config::Config;
use crate::error::Refusal;
use crate::executions::{Identity, RequestKey};
use crate::identity::Tenant;
use crate::job::Home;
use crate::metrics::Metrics;
use crate::quota::{QuotaName, refuse};
use crate::session::{Ledger, Session, Terms};

pub struct Sessions {
    config: Arc<Config>,
    metrics: Arc<Metrics>,
    /// By name, so that a list has an order that pages can follow.
    all: RwLock<BTreeMap<String, Arc<Session>>>,
    ledger: Arc<Ledger>,
    /// Takes isolates that nobody wants any more.
    closer: Option<Sender<Home>>,
    ended: Mutex<Ended>,
    /// What each request id was used for, as long as its session is there: the fingerprint, and the session.
    requests: Mutex<HashMap<RequestKey, (u64, String)>>,
}

/// Names of sessions whose time was over, so that their clients learn why they are not found. The latest only.
#[derive(Default)]
struct Ended {
    when: HashMap<String, (Arc<Tenant>, SystemTime)>,
    order: VecDeque<String>,
}

const ENDED_MAX: usize = 10_000;

/// Nobody is told to come again sooner.
const RETRY_MIN: Duration = Duration::from_millis(100);

/// An isolate that holds no more than this, and no threads, ends in no time.
const SMALL: u64 = 4 << 20;

impl Sessions {
    pub fn new(config: Arc<Config>, metrics: Arc<Metrics>) -> Sessions {
        Sessions {
            config,
            metrics,
            all: RwLock::default(),
            ledger: Arc::default(),
            closer: closer(),
            ended: Mutex::default(),
            requests: Mutex::default(),
        }
    }

    /// A new session, or the one that the same request has made already.
    pub fn create(
        &self,
        tenant: &Arc<Tenant>,
        terms: Terms,
        identity: Option<Identity>,
    ) -> Result<Arc<Session>, Refusal> {
        // Locked until it is there, so that the same request at the same time finds it.
        let mut requests = self.requests.lock();
        if let Some((Identity { key, fingerprint }, (known, name))) =
            identity.as_ref().and_then(|identity| Some((identity, requests.get(&identity.key)?)))
        {
            return if fingerprint == known {
                self.find(tenant, name)
            } else {
                Err(Refusal::RequestIdReused { request_id: key.1.clone() })
            };
        }
        let session = self.make(tenant.clone(), terms)?;
        if let Some(Identity { key, fingerprint }) = identity {
            requests.insert(key, (fingerprint, session.name.clone()));
        }
        Ok(session)
    }

    /// A session that begins as a copy of another: with a copy of its isolate, if it has one.
    pub fn copy(&self, of: &Session, home: Option<Home>) -> Result<Arc<Session>, Refusal> {
        let terms = Terms { kept: of.terms.kept.apart(), ..of.terms.clone() };
        self.put(of.tenant.clone(), terms, |session| session.with(home, of))
    }

    fn make(&self, tenant: Arc<Tenant>, terms: Terms) -> Result<Arc<Session>, Refusal> {
        self.put(tenant, terms, |session| session)
    }

    fn put(
        &self,
        tenant: Arc<Tenant>,
        terms: Terms,
        with: impl FnOnce(Session) -> Session,
    ) -> Result<Arc<Session>, Refusal> {
        let random = || getrandom::u64().map_err(|e| Refusal::Internal { what: format!("no entropy: {e}") });
        // Nobody guesses it.
        let name = format!("sessions/{:016x}{:016x}", random()?, random()?);
        tenant.begin()?;
        let mut all = self.all.write();
        self.room_in(&tenant, &all)?;
        let session = Arc::new(with(self.unknown(name.clone(), tenant, terms)));
        all.insert(name, session.clone());
        Ok(session)
    }

    /// A session that nobody can find yet.
    pub fn unknown(&self, name: String, tenant: Arc<Tenant>, terms: Terms) -> Session {
        let session = Session::new(name, tenant, terms, self.config.session_line_max as usize);
        session.booked(self.ledger.clone())
    }

    /// Whether the tenant may have one more.
    pub fn room_for(&self, tenant: &Tenant) -> Result<(), Refusal> {
        self.room_in(tenant, &self.all.read())
    }

    /// From now on it is found.
    pub fn admit(&self, session: Session) -> Arc<Session> {
        let session = Arc::new(session);
        self.all.write().insert(session.name.clone(), session.clone());
        session
    }

    /// All there are.
    pub fn all(&self) -> Vec<Arc<Session>> {
        self.all.read().values().cloned().collect()
    }

    /// What it held goes, and it stays.
    pub fn drop_home(&self, session: &Session, home: Option<Home>) {
        self.dispose(home, is_quick(session));
    }

    /// It is somebody else's now.
    pub fn leave(&self, session: &Session) {
        self.all.write().remove(&session.name);
    }

    fn room_in(&self, tenant: &Tenant, all: &BTreeMap<String, Arc<Session>>) -> Result<(), Refusal> {
        self.within_quota(tenant, all)?;
        if all.len() >= self.config.sessions_max as usize {
            return Err(Refusal::TooManySessions { max: self.config.sessions_max });
        }
        let held = self.ledger.held();
        if held >= self.config.sessions_heap_max.0 {
            return Err(Refusal::SessionsTooLarge { held, max: self.config.sessions_heap_max.0 });
        }
        Ok(())
    }

    fn within_quota(&self, tenant: &Tenant, all: &BTreeMap<String, Arc<Session>>) -> Result<(), Refusal> {
        let quota = tenant.quota();
        if (quota.sessions, quota.sessions_heap) == (u32::MAX, u64::MAX) {
            return Ok(());
        }
        let own: Vec<_> = all.values().filter(|session| session.tenant.name == tenant.name).collect();
        let held: u64 = own.iter().map(|session| session.heap_bytes()).sum();
        let (which, max) = match () {
            () if own.len() >= quota.sessions as usize => (QuotaName::Sessions, quota.sessions.into()),
            () if held >= quota.sessions_heap => (QuotaName::SessionsHeap, quota.sessions_heap),
            () => return Ok(()),
        };
        // If none is deleted before, one ends by itself then.
        let now = SystemTime::now();
        let ends = own.iter().filter_map(|session| session.see().expires.duration_since(now).ok()).min();
        Err(refuse(&tenant.name, which, max, ends.unwrap_or_default().max(RETRY_MIN)))
    }

    /// How many there are, and what they hold.
    pub fn held(&self) -> (usize, u64) {
        let all = self.all.read();
        (all.len(), self.ledger.held())
    }

    /// How many the tenant has, and what they hold.
    pub fn held_by(&self, tenant: &Tenant) -> (usize, u64) {
        let all = self.all.read();
        let own = all.values().filter(|session| session.tenant.name == tenant.name);
        own.fold((0, 0), |(count, held), session| (count + 1, held + session.heap_bytes()))
    }

    /// How many are idle, at work, and failed.
    pub fn states(&self) -> (usize, usize, usize) {
        let all = self.all.read();
        all.values().fold((0, 0, 0), |(idle, running, failed), session| {
            let seen = session.see();
            match (seen.running, seen.failure) {
                (Some(_), _) => (idle, running + 1, failed),
                (None, Some(_)) => (idle, running, failed + 1),
                (None, None) => (idle + 1, running, failed),
            }
        })
    }

    /// Isolates that wait for their session's next execution.
    pub fn resting(&self) -> usize {
        self.all.read().values().filter(|session| session.rests()).count()
    }

    /// The tenant's session of this name. Another tenant's is not there, as far as anybody can tell.
    pub fn find(&self, tenant: &Tenant, name: &str) -> Result<Arc<Session>, Refusal> {
        let found = self.all.read().get(name).filter(|session| session.tenant.name == tenant.name).cloned();
        match found {
            Some(session) if session.expired(Instant::now()) => {
                self.expire(&session);
                Err(self.missing(tenant, name))
            }
            Some(session) => Ok(session),
            None => Err(self.missing(tenant, name)),
        }
    }

    fn missing(&self, tenant: &Tenant, name: &str) -> Refusal {
        match self.ended.lock().when.get(name) {
            Some((of, at)) if of.name == tenant.name => Refusal::SessionExpired { name: name.to_owned(), at: *at },
            _ => Refusal::SessionNotFound { name: name.to_owned() },
        }
    }

    /// At most `most` sessions of the tenant whose names come after `after`, and whether there are more.
    pub fn list(&self, tenant: &Tenant, after: &str, most: usize) -> (Vec<Arc<Session>>, bool) {
        use std::ops::Bound::{Excluded, Unbounded};
        let all = self.all.read();
        let now = Instant::now();
        let mut rest = all.range::<str, _>((Excluded(after), Unbounded)).map(|(_, session)| session);
        let mut rest = rest.by_ref().filter(|session| session.tenant.name == tenant.name && !session.expired(now));
        let page = rest.by_ref().take(most).cloned().collect();
        (page, rest.next().is_some())
    }

    pub fn delete(&self, tenant: &Tenant, name: &str) -> Result<(), Refusal> {
        let session = self.find(tenant, name)?;
        self.all.write().remove(name);
        self.end(&session);
        Ok(())
    }

    /// Deletes a session that could not begin; the request that made it may come again.
    pub fn discard(&self, tenant: &Tenant, name: &str) -> Result<(), Refusal> {
        self.requests.lock().retain(|_, (_, of)| of != name);
        self.delete(tenant, name)
    }

    pub fn reset(&self, tenant: &Tenant, name: &str) -> Result<Arc<Session>, Refusal> {
        let session = self.find(tenant, name)?;
        let (from, snapshot) = (&session.terms.copied_from, &session.terms.place.snapshot);
        if !from.is_empty() && snapshot.is_none() {
            return Err(Refusal::TemplateNotFound { name: from.clone() });
        }
        let quick = is_quick(&session);
        self.dispose(session.reset()?, quick);
        session.terms.kept.rewind();
        Ok(session)
    }

    /// Ends those whose time is over.
    pub fn sweep(&self) {
        let now = Instant::now();
        let over: Vec<_> = self.all.read().values().filter(|session| session.expired(now)).cloned().collect();
        over.iter().for_each(|session| self.expire(session));
        let mut requests = self.requests.lock();
        let all = self.all.read();
        requests.retain(|_, (_, name)| all.contains_key(name));
    }

    fn expire(&self, session: &Arc<Session>) {
        if self.all.write().remove(&session.name).is_none() {
            return;
        }
        {
            let mut ended = self.ended.lock();
            ended.when.insert(session.name.clone(), (session.tenant.clone(), session.see().expires));
            ended.order.push_back(session.name.clone());
            if ended.order.len() > ENDED_MAX
                && let Some(oldest) = ended.order.pop_front()
            {
                ended.when.remove(&oldest);
            }
        }
        self.end(session);
    }

    /// Ends all of them, once nothing runs any more.
    pub fn clear(&self) {
        let all = std::mem::take(&mut *self.all.write());
        all.values().for_each(|session| self.end(session));
    }

    /// Drops an isolate. One that is large or has threads takes its time on a thread that may; so does any other, as long as
    /// that is not behind.
    fn dispose(&self, isolate: Option<Home>, quick: bool) {
        match (isolate, tokio::runtime::Handle::try_current()) {
            (Some(isolate), Ok(runtime)) if !quick => drop(runtime.spawn_blocking(move || drop(isolate))),
            (Some(isolate @ Home::Here(_)), _) => match &self.closer {
                Some(closer) => drop(closer.try_send(isolate)),
                None => drop(isolate),
            },
            (isolate, _) => drop(isolate),
        }
    }

    fn end(&self, session: &Arc<Session>) {
        self.metrics.session_ended(session.created);
        let quick = is_quick(session);
        self.dispose(session.close(), quick);
        session.interrupt(CancelReason::CancelledByClient);
    }
}

fn is_quick(session: &Session) -> bool {
    let seen = session.see();
    seen.heap_bytes <= SMALL && seen.threads == 0
}

/// So many isolates may wait for the closer.
const CLOSING: usize = 16;

/// A thread that drops isolates, so that whoever ends a session does not wait for it. Without one, everybody does it himself.
fn closer() -> Option<Sender<Home>> {
    let (sender, receiver) = bounded::<Home>(CLOSING);
    let body = move || receiver.into_iter().for_each(drop);
    std::thread::Builder::new().name("typhon-closer".into()).spawn(body).ok().map(|_| sender)
}
