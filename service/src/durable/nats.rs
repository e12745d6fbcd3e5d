//! JetStream as the journal: one stream for logs, one for lines of work.
//!
//! `{prefix}.log.{tenant}.{id}` is a log, `{prefix}.stop.{tenant}.{id}` the word that it is to stop, `{prefix}.work.{tenant}` a line.
//! Each line has one consumer, which all nodes pull from.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::context::{PublishError, PublishErrorKind};
use async_nats::jetstream::message::{AckKind, Message as Acked, PublishMessage, StreamMessage};
use async_nats::jetstream::stream::{
    self, DiscardPolicy, LastRawMessageErrorKind, RawMessageErrorKind, RetentionPolicy,
};
use async_nats::jetstream::{self, Context, ErrorCode};
use async_nats::{Client, ConnectOptions, Subscriber};
use bytes::Bytes;
use prost::Message;
use tokio::sync::{Mutex, OnceCell};
use tokio_stream::StreamExt;

use super::journal::{Bell, Fault, Head, Journal, Key, News, Of, Piece, Taken};
use crate::config::Config;
use crate::server::BoxError;

pub struct Nats {
    client: Client,
    context: Context,
    terms: Terms,
    streams: OnceCell<Streams>,
    /// By tenant.
    consumers: Mutex<HashMap<String, PullConsumer>>,
}

struct Terms {
    prefix: String,
    replicas: usize,
    ttl: Duration,
    bytes_max: i64,
    /// Who says nothing for so long has died.
    silence: Duration,
}

struct Streams {
    log: stream::Stream,
    work: stream::Stream,
}

/// The header that has a piece's head.
const HEAD: &str = "Typhon-Head";
/// What a piece's header and subject take at most.
const ROOM: usize = 4096;
/// A request that is not answered by then has failed.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// An offer that comes again so soon is the same.
const SAME: Duration = Duration::from_secs(3600);
/// A line that nobody has asked for so long is not waited at.
const IDLE: Duration = Duration::from_secs(24 * 3600);

impl Nats {
    /// Connects, now or as soon as there is something to connect to.
    pub async fn connect(config: &Config) -> Result<Nats, BoxError> {
        let client = client(config).await?;
        let mut context = jetstream::new(client.clone());
        context.set_timeout(PATIENCE);
        let terms = Terms {
            prefix: config.nats_prefix.0.clone(),
            replicas: config.nats_replicas as usize,
            ttl: config.durable_ttl,
            bytes_max: i64::try_from(config.durable_bytes_max.0).unwrap_or(i64::MAX),
            silence: config.durable_silence,
        };
        Ok(Nats { client, context, terms, streams: OnceCell::new(), consumers: Mutex::default() })
    }

    /// The streams, which the first node makes.
    async fn streams(&self) -> Result<&Streams, Fault> {
        let prefix = &self.terms.prefix;
        let common = || stream::Config {
            max_age: self.terms.ttl,
            num_replicas: self.terms.replicas,
            discard: DiscardPolicy::New,
            ..stream::Config::default()
        };
        let make = async || {
            let log = stream::Config {
                name: format!("{prefix}_log"),
                subjects: vec![format!("{prefix}.log.>"), format!("{prefix}.stop.>")],
                max_bytes: self.terms.bytes_max,
                ..common()
            };
            let work = stream::Config {
                name: format!("{prefix}_work"),
                subjects: vec![format!("{prefix}.work.>")],
                retention: RetentionPolicy::WorkQueue,
                duplicate_window: SAME.min(self.terms.ttl),
                ..common()
            };
            Ok(Streams {
                log: self.context.get_or_create_stream(log).await.map_err(away)?,
                work: self.context.get_or_create_stream(work).await.map_err(away)?,
            })
        };
        self.streams.get_or_try_init(make).await
    }

    async fn consumer(&self, tenant: &str) -> Result<PullConsumer, Fault> {
        let mut consumers = self.consumers.lock().await;
        if let Some(consumer) = consumers.get(tenant) {
            return Ok(consumer.clone());
        }
        let name = format!("nodes_{}", token(tenant));
        let config = pull::Config {
            durable_name: Some(name.clone()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: self.terms.silence,
            max_deliver: -1,
            max_ack_pending: 100_000,
            filter_subject: self.line(tenant),
            inactive_threshold: IDLE,
            ..pull::Config::default()
        };
        let consumer = self.streams().await?.work.get_or_create_consumer(&name, config).await.map_err(away)?;
        consumers.insert(tenant.to_owned(), consumer.clone());
        Ok(consumer)
    }

    fn line(&self, tenant: &str) -> String {
        format!("{}.work.{}", self.terms.prefix, token(tenant))
    }

    fn log(&self, key: &Key) -> String {
        format!("{}.log.{}.{}", self.terms.prefix, token(&key.tenant), key.id)
    }

    fn word(&self, key: &Key) -> String {
        format!("{}.stop.{}.{}", self.terms.prefix, token(&key.tenant), key.id)
    }

    async fn publish(&self, subject: String, message: PublishMessage) -> Result<u64, Fault> {
        let sent = self.context.send_publish(subject, message).await.map_err(unsent)?;
        Ok(sent.await.map_err(unsent)?.sequence)
    }
}

/// A connection of this node to NATS: it is there now, or as soon as there is something to connect to.
pub async fn client(config: &Config) -> Result<Client, BoxError> {
    let mut options = ConnectOptions::new()
        .name(format!("typhon {}", env!("CARGO_PKG_VERSION")))
        .request_timeout(Some(PATIENCE))
        .retry_on_initial_connect()
        .event_callback(|event| async move { tracing::info!(%event, "NATS") });
    if !config.nats_credentials.is_empty() {
        let path = config.nats_credentials.as_str();
        options = options.credentials_file(path).await.map_err(|error| format!("{path}: {error}"))?;
    }
    if !config.nats_ca.is_empty() {
        options = options.add_root_certificates(PathBuf::from(&config.nats_ca)).require_tls(true);
    }
    let servers: Vec<&str> = config.nats_url.split(',').map(str::trim).collect();
    Ok(options.connect(&servers[..]).await.map_err(|error| format!("{}: {error}", config.nats_url))?)
}

/// A tenant's name within a subject, where dots part words. Names have no `+`.
pub fn token(tenant: &str) -> String {
    tenant.replace('.', "+")
}

pub fn tenant_of(token: &str) -> String {
    token.replace('+', ".")
}

fn away(error: impl std::fmt::Display) -> Fault {
    Fault::Away(error.to_string())
}

fn unsent(error: PublishError) -> Fault {
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<jetstream::Error>());
    match (error.kind(), source.map(jetstream::Error::error_code)) {
        (PublishErrorKind::WrongLastSequence, _) => Fault::Overtaken,
        (_, Some(ErrorCode::STREAM_STORE_FAILED | ErrorCode::STORAGE_RESOURCES_EXCEEDED)) => Fault::Full,
        _ => away(error),
    }
}

fn piece(message: StreamMessage) -> Result<Piece, Fault> {
    let head = message.headers.get(HEAD).map(|head| head.as_str()).unwrap_or_default();
    let head = unhex(head).and_then(|bytes| Head::decode(&bytes[..]).ok());
    let head = head.ok_or_else(|| Fault::Away("a piece without a head".into()))?;
    Ok(Piece { at: message.sequence, head, body: message.payload })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect()
}

#[tonic::async_trait]
impl Journal for Nats {
    async fn append(&self, key: &Key, last: u64, head: &Head, body: Bytes) -> Result<u64, Fault> {
        self.streams().await?;
        let message = PublishMessage::build().payload(body).header(HEAD, hex(&head.encode_to_vec()).as_str());
        self.publish(self.log(key), message.expected_last_subject_sequence(last)).await
    }

    async fn next(&self, key: &Key, from: u64) -> Result<Option<Piece>, Fault> {
        let log = &self.streams().await?.log;
        match log.get_first_raw_message_by_subject(self.log(key), from.max(1)).await {
            Ok(message) => piece(message).map(Some),
            Err(error) if error.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(away(error)),
        }
    }

    async fn last(&self, key: &Key) -> Result<Option<Piece>, Fault> {
        let log = &self.streams().await?.log;
        match log.get_last_raw_message_by_subject(&self.log(key)).await {
            Ok(message) => piece(message).map(Some),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(away(error)),
        }
    }

    async fn list(&self, tenant: &str) -> Result<Vec<Key>, Fault> {
        let of = format!("{}.log.{}.", self.terms.prefix, token(tenant));
        let mut subjects = self.streams().await?.log.info_with_subjects(format!("{of}*")).await.map_err(away)?;
        let mut keys = Vec::new();
        while let Some(found) = subjects.next().await {
            let (subject, _) = found.map_err(away)?;
            let id = subject.strip_prefix(&of);
            keys.extend(id.map(|id| Key { tenant: tenant.to_owned(), id: id.to_owned() }));
        }
        Ok(keys)
    }

    async fn remove(&self, key: &Key) -> Result<(), Fault> {
        let log = &self.streams().await?.log;
        for subject in [self.log(key), self.word(key)] {
            log.purge().filter(subject).await.map_err(away)?;
        }
        Ok(())
    }

    async fn bell(&self, key: &Key, of: Of) -> Result<Box<dyn Bell>, Fault> {
        let subject = match of {
            Of::Growth => self.log(key),
            Of::Stop => self.word(key),
        };
        let subscriber = self.client.subscribe(subject).await.map_err(away)?;
        // So that nothing that happens from now on is missed.
        self.client.flush().await.map_err(away)?;
        Ok(Box::new(Rings(subscriber)))
    }

    async fn stop(&self, key: &Key, raise: bool) -> Result<(), Fault> {
        self.streams().await?;
        let word = Bytes::from_static(if raise { b"raise" } else { b"stop" });
        self.publish(self.word(key), PublishMessage::build().payload(word)).await.map(drop)
    }

    async fn stopped(&self, key: &Key) -> Result<Option<(u64, bool)>, Fault> {
        let log = &self.streams().await?.log;
        match log.get_last_raw_message_by_subject(&self.word(key)).await {
            Ok(message) => Ok(Some((message.sequence, &message.payload[..] == b"raise"))),
            Err(error) if error.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
            Err(error) => Err(away(error)),
        }
    }

    async fn offer(&self, key: &Key) -> Result<(), Fault> {
        self.streams().await?;
        let message = PublishMessage::build().payload(Bytes::from(key.id.clone())).message_id(&key.id);
        self.publish(self.line(&key.tenant), message).await.map(drop)
    }

    async fn take(&self, tenant: &str, patience: Duration) -> Result<Option<Box<dyn Taken>>, Fault> {
        let consumer = self.consumer(tenant).await?;
        let batch = consumer.fetch().max_messages(1).expires(patience).messages().await;
        let next = match batch {
            Ok(mut batch) => batch.next().await,
            Err(error) => Some(Err(error.into())),
        };
        match next {
            None => Ok(None),
            Some(Ok(message)) => {
                let id = String::from_utf8_lossy(&message.payload).into_owned();
                Ok(Some(Box::new(Pulled { key: Key { tenant: tenant.to_owned(), id }, message })))
            }
            Some(Err(error)) => {
                // It may have been removed; the next one makes it anew.
                self.consumers.lock().await.remove(tenant);
                Err(away(error))
            }
        }
    }

    async fn waiting(&self, tenant: &str) -> Result<usize, Fault> {
        let mut lines = self.streams().await?.work.info_with_subjects(self.line(tenant)).await.map_err(away)?;
        lines.next().await.map_or(Ok(0), |line| line.map(|(_, count)| count).map_err(away))
    }

    async fn lines(&self) -> Result<Vec<String>, Fault> {
        let of = format!("{}.work.", self.terms.prefix);
        let mut subjects = self.streams().await?.work.info_with_subjects(format!("{of}*")).await.map_err(away)?;
        let mut tenants = Vec::new();
        while let Some(found) = subjects.next().await {
            let (subject, _) = found.map_err(away)?;
            tenants.extend(subject.strip_prefix(&of).map(tenant_of));
        }
        Ok(tenants)
    }

    async fn news(&self) -> Result<Box<dyn News>, Fault> {
        let subscriber = self.client.subscribe(format!("{}.work.*", self.terms.prefix)).await.map_err(away)?;
        Ok(Box::new(Rings(subscriber)))
    }

    fn piece_max(&self) -> usize {
        // What the server says; before it has said anything, what servers say that are told nothing.
        match self.client.server_info().max_payload {
            0 => (1 << 20) - ROOM,
            max => max.saturating_sub(ROOM).max(1024),
        }
    }
}

struct Rings(Subscriber);

#[tonic::async_trait]
impl Bell for Rings {
    async fn wait(&mut self, at_most: Duration) {
        // A bell that is lost is as one that does not ring.
        match tokio::time::timeout(at_most, self.0.next()).await {
            Ok(Some(_)) | Err(_) => {}
            Ok(None) => tokio::time::sleep(at_most).await,
        }
    }
}

#[tonic::async_trait]
impl News for Rings {
    async fn next(&mut self) -> Option<String> {
        let message = self.0.next().await?;
        Some(message.subject.rsplit('.').next().map(tenant_of).unwrap_or_default())
    }
}

struct Pulled {
    key: Key,
    message: Acked,
}

impl Pulled {
    async fn say(&self, kind: AckKind) -> Result<(), Fault> {
        self.message.ack_with(kind).await.map_err(away)
    }
}

#[tonic::async_trait]
impl Taken for Pulled {
    fn key(&self) -> &Key {
        &self.key
    }

    async fn working(&self) -> Result<(), Fault> {
        self.say(AckKind::Progress).await
    }

    async fn done(&self) -> Result<(), Fault> {
        self.message.double_ack().await.map_err(away)
    }

    async fn give_back(&self, after: Duration) -> Result<(), Fault> {
        self.say(AckKind::Nak(Some(after))).await
    }
}

/// As the server shares it.
pub async fn connect(config: &Config) -> Result<Option<Arc<dyn Journal>>, BoxError> {
    if config.nats_url.is_empty() {
        return Ok(None);
    }
    Ok(Some(Arc::new(Nats::connect(config).await?)))
}
