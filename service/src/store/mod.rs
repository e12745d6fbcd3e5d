//! The store: where snapshots wait for whoever asks for them, and sessions whose server has ended.
//!
//! It keeps bytes under names, for a time, and gives what is there to one at a time (`claim`). What the bytes are, who made
//! them and whether they are to be believed is for others to know.

mod bucket;
mod folder;

#[cfg(test)]
mod tests;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crate::config::{Config, FromText};
use crate::server::BoxError;

/// Where a store is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Home {
    /// There is none.
    Nowhere,
    /// On this machine's disk.
    Folder(PathBuf),
    /// In NATS, which nodes share.
    Nats,
}

impl FromText for Home {
    const EXPECTED: &'static str = "nats, or a path such as /var/lib/typhon";

    fn from_text(text: &str) -> Option<Home> {
        match text {
            "" => Some(Home::Nowhere),
            "nats" => Some(Home::Nats),
            path => path.contains('/').then(|| Home::Folder(path.into())),
        }
    }
}

/// What is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    Session,
    Snapshot,
    /// What describes a snapshot.
    Card,
}

impl Kind {
    /// What its names begin with.
    pub fn plural(self) -> &'static str {
        match self {
            Kind::Session => "sessions",
            Kind::Snapshot => "snapshots",
            Kind::Card => "cards",
        }
    }

    pub const ALL: [Kind; 3] = [Kind::Session, Kind::Snapshot, Kind::Card];
}

/// One tenant's name of what is kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub kind: Kind,
    pub tenant: String,
    pub id: String,
}

impl Key {
    /// The key of this name, if it can be one.
    pub fn of(kind: Kind, tenant: &str, name: &str) -> Option<Key> {
        let id = name.strip_prefix(kind.plural())?.strip_prefix('/')?;
        let plain = id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        plain.then(|| Key { kind, tenant: tenant.to_owned(), id: id.to_owned() })
    }

    pub fn name(&self) -> String {
        format!("{}/{}", self.kind.plural(), self.id)
    }
}

/// Why the store did not do it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// There is no room.
    Full,
    /// It cannot be reached, or read, or written to.
    Away(String),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Full => f.write_str("there is no room"),
            Fault::Away(why) => f.write_str(why),
        }
    }
}

/// What is found by whoever wants something for himself.
pub enum Claimed {
    Absent,
    /// Somebody else has it at this moment.
    Taken,
    Mine(Vec<u8>, Box<dyn Claim>),
}

/// Something that nobody else gets until it is put back. It is there again, sooner or later, when its holder has died.
#[tonic::async_trait]
pub trait Claim: Send {
    /// It is needed no more.
    async fn done(self: Box<Self>) -> Result<(), Fault>;

    /// As if nothing had happened.
    async fn put_back(self: Box<Self>) -> Result<(), Fault>;
}

#[tonic::async_trait]
pub trait Store: Send + Sync + 'static {
    /// Keeps it until then, in the place of what was there. Once this returns, it outlives us.
    async fn put(&self, key: &Key, bytes: Vec<u8>, until: SystemTime) -> Result<(), Fault>;

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Fault>;

    async fn claim(&self, key: &Key) -> Result<Claimed, Fault>;

    /// What is not there is no fault.
    async fn delete(&self, key: &Key) -> Result<(), Fault>;

    /// What the tenant has, in the order of names.
    async fn list(&self, kind: Kind, tenant: &str) -> Result<Vec<Key>, Fault>;

    /// Forgets what was to be kept until now.
    async fn sweep(&self) -> Result<(), Fault>;
}

/// The one that the settings ask for.
pub async fn open(config: &Config) -> Result<Option<Arc<dyn Store>>, BoxError> {
    if config.snapshot_store != Home::Nowhere && config.snapshot_key_file.is_empty() {
        return Err(
            "snapshot_store wants a snapshot_key_file: with another key nothing that it keeps can be used".into()
        );
    }
    match &config.snapshot_store {
        Home::Nowhere => Ok(None),
        Home::Folder(path) => {
            let folder = folder::Folder::open(path, config.snapshot_store_bytes_max.0);
            Ok(Some(Arc::new(folder.map_err(|error| format!("snapshot_store {}: {error}", path.display()))?)))
        }
        Home::Nats if config.nats_url.is_empty() => Err("snapshot_store = nats wants a nats_url".into()),
        Home::Nats => Ok(Some(Arc::new(bucket::Bucket::connect(config).await?))),
    }
}
