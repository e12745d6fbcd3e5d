//! A store in NATS: its object store keeps the bytes, and a stream of ours says which of them stand under which name.
//!
//! `{prefix}.store.{kind}.{tenant}.{id}` holds the latest entry of a name. Who claims something writes that there after the entry
//! that he has seen, and not if there is another: of two only one succeeds.

use std::io::Cursor;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::PublishMessage;
use async_nats::jetstream::object_store::{self, GetErrorKind, ObjectStore, PutError};
use async_nats::jetstream::stream::{self, LastRawMessageErrorKind};
use async_nats::jetstream::{self, Context, ErrorCode};
use prost::Message;
use tokio::io::AsyncReadExt;
use tokio::sync::OnceCell;
use tokio_stream::StreamExt;

use super::{Claim, Claimed, Fault, Key, Kind, Store};
use crate::config::Config;
use crate::durable::nats::{self, PATIENCE, tenant_of, token};
use crate::server::BoxError;

pub struct Bucket {
    context: Context,
    terms: Terms,
    homes: OnceCell<Homes>,
}

#[derive(Clone)]
struct Terms {
    prefix: String,
    replicas: usize,
    bytes_max: i64,
    /// Nothing is kept longer.
    ttl: Duration,
}

#[derive(Clone)]
struct Homes {
    context: Context,
    index: stream::Stream,
    objects: ObjectStore,
}

/// What stands under a name.
#[derive(Clone, PartialEq, Message)]
struct Entry {
    /// The name of its object; empty where the bytes are here.
    #[prost(string, tag = "1")]
    object: String,
    /// Seconds since the epoch.
    #[prost(uint64, tag = "2")]
    until: u64,
    /// Whoever claimed it has it until then, in seconds since the epoch; 0 is nobody.
    #[prost(uint64, tag = "3")]
    claimed_until: u64,
    #[prost(bytes = "vec", tag = "4")]
    bytes: Vec<u8>,
}

/// What is no longer than this needs no object.
const SHORT: usize = 4096;

/// How often, and after how long, one looks again for an object that an entry names.
const LOOKS: usize = 10;
const PAUSE: Duration = Duration::from_millis(200);

/// Who has claimed something and says nothing for so long has died.
const HELD: Duration = Duration::from_secs(90);

fn away(error: impl std::fmt::Display) -> Fault {
    Fault::Away(error.to_string())
}

fn seconds(at: SystemTime) -> u64 {
    at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
}

impl Bucket {
    /// Connects, now or as soon as there is something to connect to.
    pub async fn connect(config: &Config) -> Result<Bucket, BoxError> {
        let mut context = jetstream::new(nats::client(config).await?);
        context.set_timeout(PATIENCE);
        let terms = Terms {
            prefix: config.nats_prefix.0.clone(),
            replicas: config.nats_replicas as usize,
            bytes_max: i64::try_from(config.snapshot_store_bytes_max.0).unwrap_or(i64::MAX),
            ttl: config.snapshot_ttl_max.max(config.session_ttl_max),
        };
        Ok(Bucket { context, terms, homes: OnceCell::new() })
    }

    /// The streams, which the first node makes.
    async fn homes(&self) -> Result<&Homes, Fault> {
        let Terms { prefix, replicas, bytes_max, ttl } = &self.terms;
        let make = async || {
            let index = stream::Config {
                name: format!("{prefix}_store"),
                subjects: vec![format!("{prefix}.store.>")],
                max_messages_per_subject: 1,
                max_age: *ttl,
                num_replicas: *replicas,
                ..stream::Config::default()
            };
            let bucket = format!("{prefix}_store");
            let objects = object_store::Config {
                bucket: bucket.clone(),
                description: Some("snapshots of Typhon, and sessions whose nodes have ended".into()),
                max_age: *ttl,
                max_bytes: *bytes_max,
                num_replicas: *replicas,
                ..object_store::Config::default()
            };
            let index = self.context.get_or_create_stream(index).await.map_err(away)?;
            let objects = match self.context.get_object_store(&bucket).await {
                Ok(objects) => objects,
                Err(_) => self.context.create_object_store(objects).await.map_err(away)?,
            };
            Ok(Homes { context: self.context.clone(), index, objects })
        };
        self.homes.get_or_try_init(make).await
    }

    fn subject(&self, key: &Key) -> String {
        format!("{}{}", self.subjects(key.kind, &key.tenant), key.id)
    }

    fn subjects(&self, kind: Kind, tenant: &str) -> String {
        format!("{}.store.{}.{}.", self.terms.prefix, kind.plural(), token(tenant))
    }
}

impl Homes {
    /// The latest entry, and where it is.
    async fn entry(&self, subject: &str) -> Result<Option<(Entry, u64)>, Fault> {
        match self.index.get_last_raw_message_by_subject(subject).await {
            Ok(message) => {
                let entry = Entry::decode(message.payload).map_err(away)?;
                Ok((entry.until > seconds(SystemTime::now())).then_some((entry, message.sequence)))
            }
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(away(error)),
        }
    }

    /// Writes an entry; after this one only, if that is said. Where it is, unless another was there.
    async fn enter(&self, subject: &str, entry: &Entry, after: Option<u64>) -> Result<Option<u64>, Fault> {
        let mut message = PublishMessage::build().payload(entry.encode_to_vec().into());
        if let Some(after) = after {
            message = message.expected_last_subject_sequence(after);
        }
        let sent = match self.context.send_publish(subject.to_owned(), message).await {
            Ok(sent) => sent.await,
            Err(error) => Err(error),
        };
        match sent {
            Ok(sent) => Ok(Some(sent.sequence)),
            Err(error) if error.kind() == PublishErrorKind::WrongLastSequence => Ok(None),
            Err(error) => Err(away(error)),
        }
    }

    /// What an entry stands for.
    async fn bytes(&self, entry: &Entry) -> Result<Option<Vec<u8>>, Fault> {
        if entry.object.is_empty() {
            return Ok(Some(entry.bytes.clone()));
        }
        let mut looks = 0;
        let mut object = loop {
            match self.objects.get(entry.object.as_str()).await {
                Ok(object) => break object,
                // The server that is asked may not have heard of it yet.
                Err(error) if error.kind() == GetErrorKind::NotFound && looks < LOOKS => {
                    looks += 1;
                    tokio::time::sleep(PAUSE).await;
                }
                Err(error) if error.kind() == GetErrorKind::NotFound => return Ok(None),
                Err(error) => return Err(away(error)),
            }
        };
        let mut bytes = Vec::new();
        match tokio::time::timeout(HELD / 2, object.read_to_end(&mut bytes)).await {
            Ok(read) => read.map_err(away)?,
            Err(_) => return Err(Fault::Away("the object store does not go on".into())),
        };
        Ok(Some(bytes))
    }

    /// Forgets an entry and its object.
    async fn forget(&self, subject: &str, entry: &Entry) -> Result<(), Fault> {
        self.index.purge().filter(subject).await.map_err(away)?;
        self.drop(entry).await;
        Ok(())
    }

    /// Drops an object that no entry names any more. Its time comes in any case.
    async fn drop(&self, entry: &Entry) {
        if !entry.object.is_empty()
            && let Err(error) = self.objects.delete(&entry.object).await
        {
            tracing::debug!(%error, "an object of the store stays until its time is over");
        }
    }
}

/// A put that did not succeed.
fn unput(error: PutError) -> Fault {
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        let of_stream = inner.downcast_ref::<jetstream::Error>().map(jetstream::Error::error_code);
        let of_publish = inner.downcast_ref::<PublishError>();
        if matches!(of_stream, Some(ErrorCode::STREAM_STORE_FAILED | ErrorCode::STORAGE_RESOURCES_EXCEEDED))
            || of_publish.is_some_and(|error| error.to_string().contains("maximum bytes exceeded"))
        {
            return Fault::Full;
        }
        source = inner.source();
    }
    // What happened to a piece is told as text only.
    if error.to_string().contains("maximum bytes exceeded") { Fault::Full } else { away(error) }
}

#[tonic::async_trait]
impl Store for Bucket {
    async fn put(&self, key: &Key, bytes: Vec<u8>, until: SystemTime) -> Result<(), Fault> {
        let (homes, subject) = (self.homes().await?, self.subject(key));
        let mut entry = Entry { until: seconds(until), ..Entry::default() };
        if bytes.len() <= SHORT {
            entry.bytes = bytes;
        } else {
            entry.object = format!("{}-{}-{:016x}", key.kind.plural(), key.id, getrandom::u64().map_err(away)?);
            homes.objects.put(entry.object.as_str(), &mut Cursor::new(bytes)).await.map_err(unput)?;
        }
        let before = homes.entry(&subject).await?;
        homes.enter(&subject, &entry, None).await?;
        if let Some((before, _)) = before {
            homes.drop(&before).await;
        }
        Ok(())
    }

    async fn get(&self, key: &Key) -> Result<Option<Vec<u8>>, Fault> {
        let homes = self.homes().await?;
        match homes.entry(&self.subject(key)).await? {
            Some((entry, _)) => homes.bytes(&entry).await,
            None => Ok(None),
        }
    }

    async fn claim(&self, key: &Key) -> Result<Claimed, Fault> {
        let (homes, subject) = (self.homes().await?, self.subject(key));
        let Some((entry, at)) = homes.entry(&subject).await? else { return Ok(Claimed::Absent) };
        let now = SystemTime::now();
        if entry.claimed_until > seconds(now) {
            return Ok(Claimed::Taken);
        }
        let mine = Entry { claimed_until: seconds(now + HELD), ..entry.clone() };
        let Some(at) = homes.enter(&subject, &mine, Some(at)).await? else { return Ok(Claimed::Taken) };
        let held = Held { homes: homes.clone(), subject, entry, at };
        match homes.bytes(&held.entry).await {
            Ok(Some(bytes)) => Ok(Claimed::Mine(bytes, Box::new(held))),
            gone => {
                // Else it is there again after a while.
                let _put = Box::new(held).put_back().await;
                gone.and(Err(Fault::Away("an object is missing".into())))
            }
        }
    }

    async fn delete(&self, key: &Key) -> Result<(), Fault> {
        let (homes, subject) = (self.homes().await?, self.subject(key));
        match homes.entry(&subject).await? {
            Some((entry, _)) => homes.forget(&subject, &entry).await,
            None => Ok(()),
        }
    }

    async fn list(&self, kind: Kind, tenant: &str) -> Result<Vec<Key>, Fault> {
        let of = self.subjects(kind, tenant);
        let mut subjects = self.homes().await?.index.info_with_subjects(format!("{of}*")).await.map_err(away)?;
        let mut keys = Vec::new();
        while let Some(found) = subjects.next().await {
            let (subject, _) = found.map_err(away)?;
            let name = subject.strip_prefix(&of).map(|id| format!("{}/{id}", kind.plural()));
            keys.extend(name.and_then(|name| Key::of(kind, &tenant_of(&token(tenant)), &name)));
        }
        keys.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        Ok(keys)
    }

    async fn sweep(&self) -> Result<(), Fault> {
        let homes = self.homes().await?;
        let all = format!("{}.store.>", self.terms.prefix);
        let mut subjects = homes.index.info_with_subjects(all).await.map_err(away)?;
        while let Some(found) = subjects.next().await {
            let (subject, _) = found.map_err(away)?;
            let message = match homes.index.get_last_raw_message_by_subject(&subject).await {
                Ok(message) => message,
                Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => continue,
                Err(error) => return Err(away(error)),
            };
            let entry = Entry::decode(message.payload).map_err(away)?;
            if entry.until <= seconds(SystemTime::now()) {
                homes.forget(&subject, &entry).await?;
            }
        }
        Ok(())
    }
}

/// What this node has claimed.
struct Held {
    homes: Homes,
    subject: String,
    /// As it was before.
    entry: Entry,
    /// Where the claim stands.
    at: u64,
}

#[tonic::async_trait]
impl Claim for Held {
    async fn done(self: Box<Self>) -> Result<(), Fault> {
        // Only if nobody has taken it for abandoned: the end of the claim is one as well.
        let over = Entry { until: 0, claimed_until: 0, ..self.entry.clone() };
        match self.homes.enter(&self.subject, &over, Some(self.at)).await? {
            Some(_) => self.homes.forget(&self.subject, &self.entry).await,
            None => Err(Fault::Away("it took too long, and somebody else has it".into())),
        }
    }

    async fn put_back(self: Box<Self>) -> Result<(), Fault> {
        self.homes.enter(&self.subject, &self.entry, Some(self.at)).await.map(drop)
    }
}
