//! Durable executions: those that outlive the node which they were started at.
//!
//! An execution is its log (`story`), which an engine elsewhere keeps (`journal`; `nats` is the one there is). Whoever starts
//! one writes its request there and puts it into its tenant's line; a node with room takes it (`work`), and writes down what
//! it does. Nodes know nothing of each other: when one dies, the engine gives what it had taken to another.

pub mod journal;
pub mod nats;
pub mod story;
pub mod work;

#[cfg(test)]
mod fake;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tonic::Status;
use typhon_proto::v1;

use crate::error::Refusal;
use crate::identity::Caller;
use crate::trace;
pub use journal::Key;
use journal::{Fault, Head, Journal, MARK, Of, Phase, Piece};
use story::{Birth, Reader, Story, What, Writer, now};

/// What nodes share of executions.
#[derive(Clone)]
pub struct Durable {
    journal: Arc<dyn Journal>,
    /// How long an execution is remembered after its start.
    ttl: Duration,
}

/// A reader looks again after this, if nothing rings.
const LOOK: Duration = Duration::from_secs(5);

impl Durable {
    pub fn new(journal: Arc<dyn Journal>, ttl: Duration) -> Durable {
        Durable { journal, ttl }
    }

    /// Starts an execution, or finds the one that the same request has started. Once this returns, it will be run.
    pub async fn start(
        &self,
        caller: &Caller,
        request: v1::ExecuteRequest,
        labels: Vec<(String, String)>,
        fingerprint: Vec<u8>,
    ) -> Result<v1::Execution, Refusal> {
        let tenant = caller.tenant.name.to_string();
        let key = Key { id: id(&tenant, &request.request_id)?, tenant };
        let request_id = request.request_id.clone();
        let subject = caller.subject.to_string();
        let labels = labels.into_iter().collect();
        let birth = Birth { created: now(), labels, fingerprint, subject, traceparent: trace::current() };
        match self.write(&key, &birth, request.clone()).await {
            Err(Fault::Overtaken) if !request_id.is_empty() => {}
            Err(fault) => return Err(fault.into()),
            Ok(()) => {
                self.journal.offer(&key).await?;
                return self.describe(&key).await;
            }
        }
        let story = Story::read(&*self.journal, &key).await?;
        match &story.birth {
            Some(known) if known.fingerprint != birth.fingerprint => {
                return Err(Refusal::RequestIdReused { request_id });
            }
            Some(_) if story.phase() != Phase::Unborn => {}
            // Whoever began to write it has died.
            _ => {
                self.journal.remove(&key).await?;
                self.write(&key, &birth, request).await?;
            }
        }
        // Its starter may have died before this; and twice is as good as once.
        if story.phase() <= Phase::Queued {
            self.journal.offer(&key).await?;
        }
        self.describe(&key).await
    }

    /// How many of the tenant wait or run, on all nodes.
    pub async fn waiting(&self, tenant: &str) -> Result<usize, Refusal> {
        Ok(self.journal.waiting(tenant).await?)
    }

    async fn write(&self, key: &Key, birth: &Birth, request: v1::ExecuteRequest) -> Result<(), Fault> {
        let mut writer = Writer::new(&*self.journal, key.clone(), 0, Head::default());
        writer.add(&[What::Birth(birth.clone()).into()]).await?;
        writer.enter(Phase::Queued, &What::Request(request.into()).into()).await
    }

    /// As GetExecution tells it.
    pub async fn describe(&self, key: &Key) -> Result<v1::Execution, Refusal> {
        let (mut execution, head, at) = self.summary(key).await?.ok_or_else(|| not_found(key))?;
        if head.phase() == Phase::Ended && head.refusal.is_empty() {
            execution.response = self.answer(key, if head.answer == 0 { at } else { head.answer }).await?;
        }
        Ok(execution)
    }

    /// All but the response; and the last piece's head, and where that is.
    async fn summary(&self, key: &Key) -> Result<Option<(v1::Execution, Head, u64)>, Refusal> {
        use v1::execution::State;
        let Some(Piece { head, at, .. }) = self.journal.last(key).await? else { return Ok(None) };
        let Some(first) = self.journal.next(key, 0).await? else { return Ok(None) };
        let birth = Reader::default().read(&first)?.into_iter().find_map(|entry| match entry.what {
            Some(What::Birth(birth)) => Some(birth),
            _ => None,
        });
        let Some(birth) = birth else { return Ok(None) };
        let created = birth.created.unwrap_or_default();
        let expires = SystemTime::try_from(created).ok().map(|created| (created + self.ttl).into());
        let state = match head.phase() {
            Phase::Unborn | Phase::Queued => State::Queued,
            Phase::Running => State::Running,
            Phase::Ended => State::Ended,
        };
        let execution = v1::Execution {
            name: key.name(),
            state: state.into(),
            create_time: Some(created),
            end_time: head.ended,
            expire_time: expires,
            labels: birth.labels.into_iter().collect(),
            session: String::new(),
            last_sequence: head.last_sequence,
            response: None,
            refusal: head.refusal.clone(),
        };
        Ok(Some((execution, head, at)))
    }

    async fn answer(&self, key: &Key, from: u64) -> Result<Option<v1::ExecuteResponse>, Refusal> {
        use v1::stream_execute_response::Event;
        let (mut reader, mut at) = (Reader::default(), from);
        while let Some(piece) = self.journal.next(key, at).await? {
            at = piece.at + 1;
            for entry in reader.read(&piece)? {
                if let Some(What::Event(v1::StreamExecuteResponse { event: Some(Event::Finished(end)), .. })) =
                    entry.what
                {
                    return Ok(end.response);
                }
            }
        }
        Ok(None)
    }

    /// At most `most` executions of the tenant after this name, and whether there are more.
    pub async fn list(&self, tenant: &str, after: &str, most: usize) -> Result<(Vec<v1::Execution>, bool), Refusal> {
        let mut keys = self.journal.list(tenant).await?;
        keys.retain(|key| *key.name() > *after);
        keys.sort_unstable();
        let more = keys.len() > most;
        let mut page = Vec::new();
        for key in keys.into_iter().take(most) {
            // It may have been forgotten since.
            page.extend(self.summary(&key).await?.map(|(execution, ..)| execution));
        }
        Ok((page, more))
    }

    /// Interrupts or stops it, wherever it is.
    pub async fn cancel(&self, key: &Key, raise: bool) -> Result<v1::Execution, Refusal> {
        let (execution, head, _) = self.summary(key).await?.ok_or_else(|| not_found(key))?;
        if head.phase() == Phase::Ended {
            return self.describe(key).await;
        }
        self.journal.stop(key, raise).await?;
        Ok(execution)
    }

    pub async fn delete(&self, key: &Key) -> Result<(), Refusal> {
        self.summary(key).await?.ok_or_else(|| not_found(key))?;
        // Whoever runs it hears that, or finds its log gone.
        self.journal.stop(key, false).await?;
        Ok(self.journal.remove(key).await?)
    }

    /// The events after `sequence`, and those to come.
    pub async fn attach(
        &self,
        key: &Key,
        sequence: i64,
        silence: Duration,
    ) -> Result<mpsc::Receiver<Result<v1::StreamExecuteResponse, Status>>, Refusal> {
        let (execution, ..) = self.summary(key).await?.ok_or_else(|| not_found(key))?;
        if sequence < 0 || sequence > execution.last_sequence {
            return Err(Refusal::invalid("after_sequence", "is not the number of an event"));
        }
        let bell = self.journal.bell(key, Of::Growth).await?;
        let (sender, receiver) = mpsc::channel(4);
        let follow = Follow { journal: self.journal.clone(), key: key.clone(), sequence, sender };
        tokio::spawn(follow.run(bell, silence));
        Ok(receiver)
    }
}

/// Sends what a log says to one reader.
struct Follow {
    journal: Arc<dyn Journal>,
    key: Key,
    sequence: i64,
    sender: mpsc::Sender<Result<v1::StreamExecuteResponse, Status>>,
}

impl Follow {
    async fn run(mut self, mut bell: Box<dyn journal::Bell>, silence: Duration) {
        let (mut reader, mut at) = (Reader::default(), 0);
        let mut spoke = tokio::time::Instant::now();
        loop {
            let before = at;
            match self.catch_up(&mut reader, &mut at).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(status) => {
                    // A reader that is gone needs no last word.
                    let _sent = self.sender.send(Err(status)).await;
                    return;
                }
            }
            if at > before {
                spoke = tokio::time::Instant::now();
            } else if spoke.elapsed() >= silence {
                spoke = tokio::time::Instant::now();
                let event = v1::stream_execute_response::Event::Keepalive(v1::Keepalive {});
                let keepalive = v1::StreamExecuteResponse { sequence: 0, emit_time: now(), event: Some(event) };
                if self.sender.send(Ok(keepalive)).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = bell.wait(silence.min(LOOK)) => {}
                () = self.sender.closed() => return,
            }
        }
    }

    /// Whether there may be more.
    async fn catch_up(&mut self, reader: &mut Reader, at: &mut u64) -> Result<bool, Status> {
        let mut seen = false;
        while let Some(piece) = self.journal.next(&self.key, *at + 1).await.map_err(Refusal::from)? {
            (*at, seen) = (piece.at, true);
            for entry in reader.read(&piece).map_err(Refusal::from)? {
                let event = match entry.what {
                    Some(What::Event(event)) => event,
                    Some(What::Refused(refused)) => return Err(refused.into()),
                    _ => continue,
                };
                if event.sequence > self.sequence {
                    self.sequence = event.sequence;
                    if self.sender.send(Ok(event)).await.is_err() {
                        return Ok(false);
                    }
                }
            }
            if piece.head.phase() == Phase::Ended {
                return Ok(false);
            }
        }
        // It was deleted while it was read.
        if !seen && self.journal.last(&self.key).await.map_err(Refusal::from)?.is_none() {
            return Err(not_found(&self.key).into());
        }
        Ok(true)
    }
}

fn not_found(key: &Key) -> Refusal {
    Refusal::ExecutionNotFound { name: key.name() }
}

/// With a request's id, one that the same request gets again; else one that sorts by time.
fn id(tenant: &str, request_id: &str) -> Result<String, Refusal> {
    use std::fmt::Write;
    let mut bytes = [0; 16];
    if request_id.is_empty() {
        let random = getrandom::u64().map_err(|error| Refusal::Internal { what: error.to_string() })?;
        let millis = SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_millis() as u64);
        bytes[..8].copy_from_slice(&millis.to_be_bytes());
        bytes[8..].copy_from_slice(&random.to_be_bytes());
    } else {
        let digest = ring::digest::digest(&ring::digest::SHA256, format!("{tenant}\0{request_id}").as_bytes());
        bytes.copy_from_slice(&digest.as_ref()[..16]);
        // After all that sort by time.
        bytes[0] |= 0x80;
    }
    let mut id = MARK.to_owned();
    bytes
        .iter()
        .try_for_each(|byte| write!(id, "{byte:02x}"))
        .map_err(|_| Refusal::Internal { what: "no id".into() })?;
    Ok(id)
}

/// Whether any node can run it: what is at home on one node can run there only.
pub fn is_portable(request: &v1::ExecuteRequest) -> bool {
    request.target.is_none()
}
