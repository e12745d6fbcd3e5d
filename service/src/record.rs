//! The record of a kept execution: its events, for as many readers as come, as often as they come.
//!
//! A reader that is slow costs nothing: what the guest may write is bounded by its limits, and all of that is kept.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use tokio::sync::watch;
use typhon_proto::v1;
use typhon_proto::v1::stream_execute_response::Event as Wire;
use typhon_vm::{Cancel, CancelReason, HostError, Stream};

use crate::error::Refusal;
use crate::events::{CHUNK_MAX, Event, Events};
use crate::grpc::stream::encode;
use crate::identity::Tenant;

pub struct Record {
    pub name: String,
    tenant: Arc<Tenant>,
    pub labels: Vec<(String, String)>,
    pub session: Option<String>,
    pub created: SystemTime,
    pub cancel: Cancel,
    /// Whoever asked waits for it: when nobody does any more, it is stopped.
    attended: bool,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    events: Vec<Entry>,
    /// Output that readers have not been told of yet, so that it may still grow.
    tail: Option<(SystemTime, Stream, u64, Vec<u8>)>,
    /// Of everything above.
    bytes: usize,
    started: bool,
    ended: Option<(SystemTime, Option<Refusal>)>,
    watchers: usize,
}

/// An event of the record; its sequence number is its place, from 1.
#[derive(Clone)]
pub struct Entry {
    pub sequence: i64,
    pub at: SystemTime,
    pub event: Wire,
}

/// What comes after some events.
pub enum Next {
    More,
    /// There is no more yet.
    Wait,
    /// Nothing: it has ended, or it never ran.
    End(Result<(), Refusal>),
}

/// What a record says of itself.
pub struct Seen {
    pub started: bool,
    pub ended: Option<SystemTime>,
    pub refusal: Option<Refusal>,
    pub last_sequence: i64,
    pub response: Option<v1::ExecuteResponse>,
}

/// Around one event, whatever it holds.
const ENTRY_BYTES: usize = 128;
/// A reader is given no more at once.
const BATCH_BYTES: usize = 1 << 20;

impl Record {
    pub fn new(
        name: String,
        tenant: Arc<Tenant>,
        labels: Vec<(String, String)>,
        session: Option<String>,
        cancel: Cancel,
        attended: bool,
    ) -> Record {
        Record {
            name,
            tenant,
            labels,
            session,
            created: SystemTime::now(),
            cancel,
            attended,
            state: Mutex::default(),
            changed: watch::Sender::new(0),
        }
    }

    pub fn is_of(&self, tenant: &Tenant) -> bool {
        self.tenant.name == tenant.name
    }

    /// Rings whenever there is more.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    /// Some of the events after `sequence`, and what comes after those.
    pub fn after(&self, sequence: i64) -> (Vec<Entry>, Next) {
        let mut state = self.state.lock();
        state.seal();
        let from = usize::try_from(sequence).unwrap_or(0).min(state.events.len());
        let mut bytes = 0;
        let fits = |entry: &&Entry| {
            let first = bytes == 0;
            bytes += weight(&entry.event);
            first || bytes <= BATCH_BYTES
        };
        let batch: Vec<Entry> = state.events[from..].iter().take_while(fits).cloned().collect();
        let next = match &state.ended {
            _ if from + batch.len() < state.events.len() => Next::More,
            None => Next::Wait,
            Some((_, refusal)) => Next::End(refusal.clone().map_or(Ok(()), Err)),
        };
        (batch, next)
    }

    pub fn see(&self, with_response: bool) -> Seen {
        let state = self.state.lock();
        let response = match state.events.last() {
            Some(Entry { event: Wire::Finished(finished), .. }) if with_response => finished.response.clone(),
            _ => None,
        };
        Seen {
            started: state.started,
            ended: state.ended.as_ref().map(|(at, _)| *at),
            refusal: state.ended.as_ref().and_then(|(_, refusal)| refusal.clone()),
            last_sequence: state.last_sequence() + i64::from(state.tail.is_some()),
            response,
        }
    }

    pub fn ended(&self) -> Option<SystemTime> {
        self.state.lock().ended.as_ref().map(|(at, _)| *at)
    }

    pub fn bytes(&self) -> usize {
        self.state.lock().bytes
    }

    /// Waits for the end.
    pub async fn outcome(&self) -> Result<v1::ExecuteResponse, Refusal> {
        let mut changes = self.changes();
        loop {
            let seen = self.see(true);
            match (seen.ended, seen.refusal, seen.response) {
                (Some(_), Some(refusal), _) => return Err(refusal),
                (Some(_), None, Some(response)) => return Ok(response),
                (Some(_), None, None) => return Err(Refusal::WorkerLost),
                (None, ..) => {}
            }
            if changes.changed().await.is_err() {
                return Err(Refusal::WorkerLost);
            }
        }
    }

    /// Somebody waits for it, as long as the guard lives; after the last one it is stopped, `grace` later, if it is attended.
    pub fn watch(self: &Arc<Self>, grace: Duration) -> Watcher {
        self.state.lock().watchers += 1;
        Watcher { record: self.clone(), grace }
    }

    fn deserted(&self) -> bool {
        let state = self.state.lock();
        self.attended && state.watchers == 0 && state.ended.is_none()
    }

    fn change(&self) {
        self.changed.send_modify(|count| *count += 1);
    }
}

pub struct Watcher {
    record: Arc<Record>,
    grace: Duration,
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.record.state.lock().watchers -= 1;
        if !self.record.deserted() {
            return;
        }
        let (record, grace) = (self.record.clone(), self.grace);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                tokio::time::sleep(grace).await;
                if record.deserted() {
                    record.cancel.cancel(CancelReason::ClientGone);
                }
            });
        } else {
            record.cancel.cancel(CancelReason::ClientGone);
        }
    }
}

impl Events for Record {
    fn push(&self, event: Event) {
        let mut state = self.state.lock();
        if state.ended.is_some() {
            return;
        }
        state.seal();
        state.started |= matches!(event, Event::Started { .. });
        match event {
            Event::Ended(Err(refusal)) => state.ended = Some((SystemTime::now(), Some(refusal))),
            event => {
                let last = matches!(event, Event::Ended(_));
                match encode(Some(event)) {
                    Ok(wire) => state.add(SystemTime::now(), wire),
                    Err(status) => tracing::error!(%status, "an event that no record can hold"),
                }
                if last {
                    state.ended = Some((SystemTime::now(), None));
                }
            }
        }
        drop(state);
        self.change();
    }

    fn push_output(&self, _: &Cancel, stream: Stream, offset: u64, data: &[u8]) -> Result<(), HostError> {
        let mut state = self.state.lock();
        let mut offset = offset;
        for chunk in data.chunks(CHUNK_MAX) {
            match &mut state.tail {
                Some((_, of, _, tail)) if *of == stream && tail.len() + chunk.len() <= CHUNK_MAX => {
                    tail.extend_from_slice(chunk);
                }
                _ => {
                    state.seal();
                    state.tail = Some((SystemTime::now(), stream, offset, chunk.to_vec()));
                }
            }
            state.bytes += chunk.len();
            offset += chunk.len() as u64;
        }
        drop(state);
        self.change();
        Ok(())
    }

    fn wake_writer(&self) {}
}

impl State {
    /// From now on the tail is an event, which does not change any more.
    fn seal(&mut self) {
        if let Some((at, stream, offset, data)) = self.tail.take() {
            self.bytes -= data.len();
            // Output is an event that every stream can carry.
            if let Ok(wire) = encode(Some(Event::Output { stream, offset, data, dropped: 0 })) {
                self.add(at, wire);
            }
        }
    }

    fn add(&mut self, at: SystemTime, event: Wire) {
        self.bytes += weight(&event);
        let sequence = self.last_sequence() + 1;
        self.events.push(Entry { sequence, at, event });
    }

    fn last_sequence(&self) -> i64 {
        i64::try_from(self.events.len()).unwrap_or(i64::MAX)
    }
}

fn weight(event: &Wire) -> usize {
    ENTRY_BYTES
        + match event {
            Wire::Output(output) => output.data.len(),
            Wire::Finished(finished) => prost::Message::encoded_len(&**finished),
            _ => 0,
        }
}
