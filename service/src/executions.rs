//! The registry of kept executions, and of the requests whose ids made them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::config::Config;
use crate::error::Refusal;
use crate::identity::Tenant;
use crate::record::Record;

pub struct Executions {
    config: Arc<Config>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// By name, so that a list has an order that pages can follow.
    all: BTreeMap<String, Arc<Record>>,
    /// What each request id was used for: the request's fingerprint, and the execution.
    requests: HashMap<RequestKey, (u64, String)>,
}

/// A request that may come again.
#[derive(Clone, Debug)]
pub struct Identity {
    pub key: RequestKey,
    pub fingerprint: u64,
}

/// A tenant's name, and the id that it has given a request.
pub type RequestKey = (Arc<str>, String);

impl Executions {
    pub fn new(config: Arc<Config>) -> Executions {
        Executions { config, state: Mutex::default() }
    }

    /// The execution that this request has made already, if it has.
    pub fn known(&self, identity: &Identity) -> Option<Result<Arc<Record>, Refusal>> {
        self.state.lock().known(identity).transpose()
    }

    /// The execution that this request has made already, or the one that `start` starts.
    pub fn start(
        &self,
        identity: Option<Identity>,
        start: impl FnOnce() -> Result<Arc<Record>, Refusal>,
    ) -> Result<Arc<Record>, Refusal> {
        // Locked until it has started, so that the same request at the same time finds it.
        let mut state = self.state.lock();
        if let Some(known) = identity.as_ref().and_then(|identity| state.known(identity).transpose()) {
            return known;
        }
        if !state.make_room(self.config.executions_max as usize, self.config.executions_bytes_max.as_usize()) {
            return Err(Refusal::TooManyExecutions { max: self.config.executions_max });
        }
        let record = start()?;
        state.all.insert(record.name.clone(), record.clone());
        if let Some(Identity { key, fingerprint }) = identity {
            state.requests.insert(key, (fingerprint, record.name.clone()));
        }
        Ok(record)
    }

    /// The tenant's execution of this name. Another tenant's is not there, as far as anybody can tell.
    pub fn find(&self, tenant: &Tenant, name: &str) -> Result<Arc<Record>, Refusal> {
        let state = self.state.lock();
        let found = state.all.get(name).filter(|record| record.is_of(tenant) && !self.expired(record)).cloned();
        found.ok_or_else(|| Refusal::ExecutionNotFound { name: name.to_owned() })
    }

    /// At most `most` executions of the tenant whose names come after `after`, and whether there are more.
    pub fn list(&self, tenant: &Tenant, after: &str, most: usize) -> (Vec<Arc<Record>>, bool) {
        use std::ops::Bound::{Excluded, Unbounded};
        let state = self.state.lock();
        let rest = state.all.range::<str, _>((Excluded(after), Unbounded)).map(|(_, record)| record);
        let mut rest = rest.filter(|record| record.is_of(tenant) && !self.expired(record));
        let page = rest.by_ref().take(most).cloned().collect();
        (page, rest.next().is_some())
    }

    pub fn delete(&self, tenant: &Tenant, name: &str) -> Result<Arc<Record>, Refusal> {
        let record = self.find(tenant, name)?;
        self.state.lock().forget(name);
        Ok(record)
    }

    /// Forgets those whose time is over.
    pub fn sweep(&self) {
        let mut state = self.state.lock();
        let over: Vec<String> =
            state.all.values().filter(|record| self.expired(record)).map(|record| record.name.clone()).collect();
        over.iter().for_each(|name| state.forget(name));
    }

    /// When one that ended then is forgotten.
    pub fn expires(&self, ended: SystemTime) -> SystemTime {
        ended + self.config.execution_ttl
    }

    fn expired(&self, record: &Record) -> bool {
        let since = record.ended().and_then(|ended| ended.elapsed().ok()).unwrap_or(Duration::ZERO);
        record.ended().is_some() && since >= self.config.execution_ttl
    }
}

impl State {
    fn known(&self, identity: &Identity) -> Result<Option<Arc<Record>>, Refusal> {
        let Some((fingerprint, name)) = self.requests.get(&identity.key) else { return Ok(None) };
        if *fingerprint != identity.fingerprint {
            return Err(Refusal::RequestIdReused { request_id: identity.key.1.clone() });
        }
        // One that never ran has no answer to give again.
        Ok(self.all.get(name).filter(|record| record.see(false).refusal.is_none()).cloned())
    }

    /// Forgets the oldest that have ended, until there is room for one more, if there can be.
    fn make_room(&mut self, most: usize, bytes_max: usize) -> bool {
        let mut bytes: usize = self.all.values().map(|record| record.bytes()).sum();
        if self.all.len() < most && bytes < bytes_max {
            return true;
        }
        let mut ended: Vec<_> = self
            .all
            .values()
            .filter_map(|record| Some((record.ended()?, record.name.clone(), record.bytes())))
            .collect();
        ended.sort_unstable();
        for (_, name, freed) in ended {
            if self.all.len() < most && bytes < bytes_max {
                break;
            }
            self.forget(&name);
            bytes = bytes.saturating_sub(freed);
        }
        self.all.len() < most && bytes < bytes_max
    }

    fn forget(&mut self, name: &str) {
        self.all.remove(name);
        self.requests.retain(|_, (_, of)| of != name);
    }
}
