//! The journal: what an engine elsewhere keeps for us. Logs that grow at their end only, and lines of work.
//!
//! A log's writer says which piece it takes for the last one. When it is not, somebody else has written, and the writer
//! knows that it has been given up: that is all the agreement that nodes need.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use prost::Message;

use crate::error::Refusal;

/// A log: one execution's, of one tenant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key {
    pub tenant: String,
    pub id: String,
}

/// What follows an id of ours in a name, so that every node knows which executions are durable.
pub const MARK: &str = "q-";
const NAME: &str = "executions/";

impl Key {
    /// The key of this name, if it is one of ours.
    pub fn of(tenant: &str, name: &str) -> Option<Key> {
        let id = name.strip_prefix(NAME).filter(|id| id.starts_with(MARK))?;
        let plain = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && id.len() <= 64;
        plain.then(|| Key { tenant: tenant.to_owned(), id: id.to_owned() })
    }

    pub fn name(&self) -> String {
        format!("{NAME}{}", self.id)
    }
}

/// A piece of a log.
#[derive(Clone, Debug)]
pub struct Piece {
    /// Grows along a log, with gaps.
    pub at: u64,
    pub head: Head,
    pub body: Bytes,
}

/// What a log has come to with this piece, so that its last one tells it.
#[derive(Clone, PartialEq, Message)]
pub struct Head {
    /// The piece ends within an entry, which the next one goes on with.
    #[prost(bool, tag = "1")]
    pub part: bool,
    /// Of the latest event.
    #[prost(int64, tag = "2")]
    pub last_sequence: i64,
    #[prost(enumeration = "Phase", tag = "3")]
    pub phase: i32,
    #[prost(message, optional, tag = "4")]
    pub ended: Option<prost_types::Timestamp>,
    /// Why it ended without having run.
    #[prost(string, tag = "5")]
    pub refusal: String,
    /// The piece with which the last event begins; 0 is this one.
    #[prost(uint64, tag = "6")]
    pub answer: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, prost::Enumeration)]
#[repr(i32)]
pub enum Phase {
    /// Its request is not complete.
    Unborn = 0,
    Queued = 1,
    Running = 2,
    Ended = 3,
}

/// Why the engine did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The log does not end where the writer thought.
    Overtaken,
    /// There is no room.
    Full,
    /// It is not there, or does not answer.
    Away(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Overtaken => f.write_str("somebody else has written"),
            Fault::Full => f.write_str("there is no room"),
            Fault::Away(why) => f.write_str(why),
        }
    }
}

/// A queue that is away is asked again after this.
pub const AWAY_RETRY: Duration = Duration::from_secs(1);

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Refusal {
        match fault {
            Fault::Full => Refusal::DurableFull,
            // Whoever overtook is at work on the same request.
            Fault::Overtaken | Fault::Away(_) => {
                tracing::warn!(%fault, "the queue of durable executions did not answer");
                Refusal::QueueAway { retry_after: AWAY_RETRY }
            }
        }
    }
}

/// What a bell rings for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Growth,
    Stop,
}

#[tonic::async_trait]
pub trait Journal: Send + Sync + 'static {
    /// Adds a piece after the piece `last`, which is 0 for a log's first. Where the piece is.
    async fn append(&self, key: &Key, last: u64, head: &Head, body: Bytes) -> Result<u64, Fault>;

    /// The first piece that is at `from` or later.
    async fn next(&self, key: &Key, from: u64) -> Result<Option<Piece>, Fault>;

    async fn last(&self, key: &Key) -> Result<Option<Piece>, Fault>;

    /// The logs of a tenant, by id.
    async fn list(&self, tenant: &str) -> Result<Vec<Key>, Fault>;

    /// Forgets a log, and that it was to stop.
    async fn remove(&self, key: &Key) -> Result<(), Fault>;

    /// Rings when the log grows, or when it is said that it is to stop. What happened before is not rung.
    async fn bell(&self, key: &Key, of: Of) -> Result<Box<dyn Bell>, Fault>;

    /// Says that it is to stop; the word outlives whoever says it.
    async fn stop(&self, key: &Key, raise: bool) -> Result<(), Fault>;

    /// The last word that it is to stop: which one that is, and whether it is only an exception.
    async fn stopped(&self, key: &Key) -> Result<Option<(u64, bool)>, Fault>;

    /// Puts it at the end of its tenant's line. Doing that again changes nothing, for a while.
    async fn offer(&self, key: &Key) -> Result<(), Fault>;

    /// The next of the tenant's line; waits for so long.
    async fn take(&self, tenant: &str, patience: Duration) -> Result<Option<Box<dyn Taken>>, Fault>;

    /// How many are in the tenant's line, those included that nodes have taken.
    async fn waiting(&self, tenant: &str) -> Result<usize, Fault>;

    /// The tenants in whose lines something is.
    async fn lines(&self) -> Result<Vec<String>, Fault>;

    /// Rings with the name of a tenant whose line grows.
    async fn news(&self) -> Result<Box<dyn News>, Fault>;

    /// Largest body of a piece.
    fn piece_max(&self) -> usize;
}

/// Something of a line, which is this node's until it says that it is done, or nothing for too long.
#[tonic::async_trait]
pub trait Taken: Send + Sync {
    fn key(&self) -> &Key;

    /// This node still works on it.
    async fn working(&self) -> Result<(), Fault>;

    async fn done(&self) -> Result<(), Fault>;

    /// Somebody else should have it, after a while.
    async fn give_back(&self, after: Duration) -> Result<(), Fault>;
}

#[tonic::async_trait]
pub trait Bell: Send {
    /// Returns after a ring, or after the time, since rings can be lost.
    async fn wait(&mut self, at_most: Duration);
}

#[tonic::async_trait]
pub trait News: Send {
    /// None when the connection is lost for good.
    async fn next(&mut self) -> Option<String>;
}
