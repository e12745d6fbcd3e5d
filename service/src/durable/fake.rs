//! A journal in memory, which tests may take away, fill and let lose receipts.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::watch;

use super::journal::{Bell, Fault, Head, Journal, Key, News, Of, Piece, Taken};

#[derive(Default)]
pub struct Fake {
    state: Arc<Mutex<State>>,
    changed: watch::Sender<u64>,
    piece_max: usize,
}

#[derive(Default)]
pub struct State {
    clock: u64,
    logs: BTreeMap<Key, Vec<Piece>>,
    words: BTreeMap<Key, (u64, bool)>,
    pub lines: BTreeMap<String, VecDeque<Key>>,
    pub taken: Vec<Key>,
    /// Every call fails with this.
    pub fault: Option<Fault>,
    /// So many appends are done, and not acknowledged.
    pub lose_receipts: usize,
    pub given_back: usize,
}

impl Fake {
    pub fn new(piece_max: usize) -> Arc<Fake> {
        Arc::new(Fake { piece_max, ..Fake::default() })
    }

    pub fn state<R>(&self, look: impl FnOnce(&mut State) -> R) -> R {
        let seen = look(&mut self.state.lock());
        self.changed.send_modify(|count| *count += 1);
        seen
    }

    /// As the engine does for what a dead node had taken.
    pub fn redeliver(&self) {
        self.state(|state| {
            for key in std::mem::take(&mut state.taken) {
                state.lines.entry(key.tenant.clone()).or_default().push_front(key);
            }
        });
    }

    fn look<R>(&self, look: impl FnOnce(&mut State) -> R) -> Result<R, Fault> {
        let mut state = self.state.lock();
        match &state.fault {
            Some(fault) => Err(fault.clone()),
            None => Ok(look(&mut state)),
        }
    }

    fn change(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

#[tonic::async_trait]
impl Journal for Fake {
    async fn append(&self, key: &Key, last: u64, head: &Head, body: Bytes) -> Result<u64, Fault> {
        let appended = self.look(|state| {
            let end = state.logs.get(key).and_then(|log| log.last()).map_or(0, |piece| piece.at);
            if end != last {
                return Err(Fault::Overtaken);
            }
            state.clock += 1;
            let piece = Piece { at: state.clock, head: head.clone(), body };
            state.logs.entry(key.clone()).or_default().push(piece);
            if state.lose_receipts > 0 {
                state.lose_receipts -= 1;
                return Err(Fault::Away("no receipt".into()));
            }
            Ok(state.clock)
        })?;
        self.change();
        appended
    }

    async fn next(&self, key: &Key, from: u64) -> Result<Option<Piece>, Fault> {
        self.look(|state| state.logs.get(key).and_then(|log| log.iter().find(|piece| piece.at >= from)).cloned())
    }

    async fn last(&self, key: &Key) -> Result<Option<Piece>, Fault> {
        self.look(|state| state.logs.get(key).and_then(|log| log.last()).cloned())
    }

    async fn list(&self, tenant: &str) -> Result<Vec<Key>, Fault> {
        self.look(|state| state.logs.keys().filter(|key| key.tenant == tenant).cloned().collect())
    }

    async fn remove(&self, key: &Key) -> Result<(), Fault> {
        self.look(|state| {
            state.logs.remove(key);
            state.words.remove(key);
        })?;
        self.change();
        Ok(())
    }

    async fn bell(&self, _: &Key, _: Of) -> Result<Box<dyn Bell>, Fault> {
        self.look(|_| ())?;
        Ok(Box::new(Rings(self.changed.subscribe(), self.state.clone())))
    }

    async fn stop(&self, key: &Key, raise: bool) -> Result<(), Fault> {
        self.look(|state| {
            state.clock += 1;
            state.words.insert(key.clone(), (state.clock, raise));
        })?;
        self.change();
        Ok(())
    }

    async fn stopped(&self, key: &Key) -> Result<Option<(u64, bool)>, Fault> {
        self.look(|state| state.words.get(key).copied())
    }

    async fn offer(&self, key: &Key) -> Result<(), Fault> {
        self.look(|state| {
            if !state.taken.contains(key) && !state.lines.values().any(|line| line.contains(key)) {
                state.lines.entry(key.tenant.clone()).or_default().push_back(key.clone());
            }
        })?;
        self.change();
        Ok(())
    }

    async fn take(&self, tenant: &str, patience: Duration) -> Result<Option<Box<dyn Taken>>, Fault> {
        let take = |state: &mut State| {
            let key = state.lines.get_mut(tenant)?.pop_front()?;
            state.taken.push(key.clone());
            Some(key)
        };
        let mut changes = self.changed.subscribe();
        let until = tokio::time::Instant::now() + patience;
        loop {
            changes.mark_unchanged();
            if let Some(key) = self.look(take)? {
                return Ok(Some(Box::new(Mine(key, self.state.clone(), self.changed.clone()))));
            }
            if tokio::time::timeout_at(until, changes.changed()).await.is_err() {
                return Ok(None);
            }
        }
    }

    async fn waiting(&self, tenant: &str) -> Result<usize, Fault> {
        self.look(|state| {
            let taken = state.taken.iter().filter(|key| key.tenant == tenant).count();
            taken + state.lines.get(tenant).map_or(0, VecDeque::len)
        })
    }

    async fn lines(&self) -> Result<Vec<String>, Fault> {
        self.look(|state| state.lines.iter().filter(|(_, line)| !line.is_empty()).map(|(of, _)| of.clone()).collect())
    }

    async fn news(&self) -> Result<Box<dyn News>, Fault> {
        self.look(|_| ())?;
        Ok(Box::new(Rings(self.changed.subscribe(), self.state.clone())))
    }

    fn piece_max(&self) -> usize {
        self.piece_max
    }
}

struct Rings(watch::Receiver<u64>, Arc<Mutex<State>>);

#[tonic::async_trait]
impl Bell for Rings {
    async fn wait(&mut self, at_most: Duration) {
        // Both are a reason to look.
        let _rung = tokio::time::timeout(at_most, self.0.changed()).await;
    }
}

#[tonic::async_trait]
impl News for Rings {
    async fn next(&mut self) -> Option<String> {
        loop {
            self.0.changed().await.ok()?;
            let state = self.1.lock();
            if let Some((tenant, _)) = state.lines.iter().find(|(_, line)| !line.is_empty()) {
                return Some(tenant.clone());
            }
        }
    }
}

struct Mine(Key, Arc<Mutex<State>>, watch::Sender<u64>);

impl Mine {
    fn end(&self, put_back: bool) {
        let mut state = self.1.lock();
        if let Some(at) = state.taken.iter().position(|key| *key == self.0) {
            state.taken.remove(at);
            if put_back {
                state.given_back += 1;
                state.lines.entry(self.0.tenant.clone()).or_default().push_front(self.0.clone());
            }
        }
        drop(state);
        self.2.send_modify(|count| *count += 1);
    }
}

#[tonic::async_trait]
impl Taken for Mine {
    fn key(&self) -> &Key {
        &self.0
    }

    async fn working(&self) -> Result<(), Fault> {
        Ok(())
    }

    async fn done(&self) -> Result<(), Fault> {
        self.end(false);
        Ok(())
    }

    async fn give_back(&self, _: Duration) -> Result<(), Fault> {
        self.end(true);
        Ok(())
    }
}
