//! A log's entries: what an execution was asked to do, who works on it, and what it did. Read from pieces, cut into them.

use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use prost::{Message, Oneof};
use tonic::Status;
use typhon_proto::v1;

use super::journal::{AWAY_RETRY, Fault, Head, Journal, Key, Phase, Piece};

#[derive(Clone, PartialEq, Message)]
pub struct Entry {
    #[prost(oneof = "What", tags = "1, 2, 3, 4, 5, 6")]
    pub what: Option<What>,
}

#[derive(Clone, PartialEq, Oneof)]
pub enum What {
    /// Always the first.
    #[prost(message, tag = "1")]
    Birth(Birth),
    #[prost(message, boxed, tag = "2")]
    Request(Box<v1::ExecuteRequest>),
    /// A node begins to run it.
    #[prost(message, tag = "3")]
    Claim(Claim),
    /// The node that had begun left it to others, by no fault of the program's.
    #[prost(message, tag = "4")]
    Release(Release),
    #[prost(message, tag = "5")]
    Event(v1::StreamExecuteResponse),
    /// Always the last: it did not run.
    #[prost(message, tag = "6")]
    Refused(Refused),
}

#[derive(Clone, PartialEq, Message)]
pub struct Birth {
    #[prost(message, optional, tag = "1")]
    pub created: Option<prost_types::Timestamp>,
    #[prost(btree_map = "string, string", tag = "2")]
    pub labels: std::collections::BTreeMap<String, String>,
    /// Tells whether a request is the one that was sent before.
    #[prost(bytes = "vec", tag = "3")]
    pub fingerprint: Vec<u8>,
    /// Who of the tenant asked.
    #[prost(string, tag = "4")]
    pub subject: String,
    /// The trace that it belongs to.
    #[prost(string, tag = "5")]
    pub traceparent: String,
}

#[derive(Clone, PartialEq, Message)]
pub struct Claim {
    #[prost(string, tag = "1")]
    pub node: String,
    /// From 1.
    #[prost(uint32, tag = "2")]
    pub attempt: u32,
}

#[derive(Clone, Copy, PartialEq, Message)]
pub struct Release {}

/// A status, as it goes over the wire.
#[derive(Clone, PartialEq, Message)]
pub struct Refused {
    #[prost(int32, tag = "1")]
    pub code: i32,
    #[prost(string, tag = "2")]
    pub message: String,
    #[prost(bytes = "bytes", tag = "3")]
    pub details: Bytes,
}

impl From<Status> for Refused {
    fn from(status: Status) -> Refused {
        let details = Bytes::copy_from_slice(status.details());
        Refused { code: status.code().into(), message: status.message().to_owned(), details }
    }
}

impl From<Refused> for Status {
    fn from(refused: Refused) -> Status {
        Status::with_details(refused.code.into(), refused.message, refused.details)
    }
}

impl From<What> for Entry {
    fn from(what: What) -> Entry {
        Entry { what: Some(what) }
    }
}

/// What a log says, as far as whoever works on it has to know.
#[derive(Default)]
pub struct Story {
    pub birth: Option<Birth>,
    pub request: Option<v1::ExecuteRequest>,
    /// Runs that began and were not given back.
    pub attempts: u32,
    pub head: Head,
    /// Where its last piece is.
    pub last: u64,
}

impl Story {
    pub async fn read(journal: &dyn Journal, key: &Key) -> Result<Story, Fault> {
        let (mut story, mut reader) = (Story::default(), Reader::default());
        while let Some(piece) = journal.next(key, story.last + 1).await? {
            (story.last, story.head) = (piece.at, piece.head.clone());
            reader.read(&piece)?.into_iter().for_each(|entry| story.hear(entry));
        }
        Ok(story)
    }

    pub fn phase(&self) -> Phase {
        self.head.phase()
    }

    fn hear(&mut self, entry: Entry) {
        match entry.what {
            Some(What::Birth(birth)) => self.birth = Some(birth),
            Some(What::Request(request)) => self.request = Some(*request),
            Some(What::Claim(_)) => self.attempts += 1,
            Some(What::Release(_)) => self.attempts = self.attempts.saturating_sub(1),
            Some(What::Event(_) | What::Refused(_)) | None => {}
        }
    }
}

/// Makes entries of pieces.
#[derive(Default)]
pub struct Reader {
    /// The beginning of an entry whose end is to come.
    part: BytesMut,
}

impl Reader {
    pub fn read(&mut self, piece: &Piece) -> Result<Vec<Entry>, Fault> {
        if piece.head.part {
            self.part.extend_from_slice(&piece.body);
            return Ok(Vec::new());
        }
        // Whoever takes a log over from a writer that died within an entry begins with a claim: that alone is whole.
        let claim = |entries: &[Entry]| matches!(entries, [Entry { what: Some(What::Claim(_)) }]);
        if !self.part.is_empty() {
            if let Some(alone) = entries(piece.body.clone()).filter(|entries| claim(entries)) {
                self.part.clear();
                return Ok(alone);
            }
            self.part.extend_from_slice(&piece.body);
        }
        let body = if self.part.is_empty() { piece.body.clone() } else { std::mem::take(&mut self.part).freeze() };
        entries(body).ok_or_else(|| Fault::Away("a log that cannot be read".into()))
    }
}

fn entries(mut body: Bytes) -> Option<Vec<Entry>> {
    let mut entries = Vec::new();
    while !body.is_empty() {
        entries.push(Entry::decode_length_delimited(&mut body).ok()?);
    }
    Some(entries)
}

/// The end of a log, at which one writer adds.
pub struct Writer<'j> {
    pub journal: &'j dyn Journal,
    pub key: Key,
    pub last: u64,
    pub head: Head,
    /// Waits for an engine that is away or full, for as long as that takes.
    pub patient: bool,
}

impl<'j> Writer<'j> {
    pub fn new(journal: &'j dyn Journal, key: Key, last: u64, head: Head) -> Writer<'j> {
        Writer { journal, key, last, head, patient: false }
    }

    /// Adds entries that belong together.
    pub async fn add(&mut self, entries: &[Entry]) -> Result<(), Fault> {
        let max = self.journal.piece_max();
        let mut gathered = BytesMut::new();
        for entry in entries {
            let bytes = entry.encode_length_delimited_to_vec();
            if !gathered.is_empty() && gathered.len() + bytes.len() > max {
                self.put(gathered.split().freeze(), false).await?;
            }
            if bytes.len() <= max {
                gathered.extend_from_slice(&bytes);
            } else {
                self.parts(bytes.into(), max).await?;
            }
        }
        if gathered.is_empty() { Ok(()) } else { self.put(gathered.freeze(), false).await }
    }

    /// Adds an entry with which the log gets to another phase.
    pub async fn enter(&mut self, phase: Phase, entry: &Entry) -> Result<(), Fault> {
        let before = std::mem::replace(&mut self.head.phase, phase.into());
        let bytes = Bytes::from(entry.encode_length_delimited_to_vec());
        let max = self.journal.piece_max();
        if bytes.len() <= max {
            return self.put(bytes, false).await;
        }
        // Until all of it is there, nothing has changed.
        let ended = self.head.ended.take();
        self.head.phase = before;
        let (first, rest) = self.parts_but_last(bytes, max).await?;
        (self.head.phase, self.head.ended, self.head.answer) = (phase.into(), ended, first);
        self.put(rest, false).await
    }

    async fn parts(&mut self, bytes: Bytes, max: usize) -> Result<(), Fault> {
        let (_, rest) = self.parts_but_last(bytes, max).await?;
        self.put(rest, false).await
    }

    /// Where the first part is, and what is left for the last.
    async fn parts_but_last(&mut self, mut bytes: Bytes, max: usize) -> Result<(u64, Bytes), Fault> {
        let mut first = 0;
        while bytes.len() > max {
            self.put(bytes.split_to(max), true).await?;
            if first == 0 {
                first = self.last;
            }
        }
        Ok((first, bytes))
    }

    async fn put(&mut self, body: Bytes, part: bool) -> Result<(), Fault> {
        self.head.part = part;
        loop {
            let fault = match self.journal.append(&self.key, self.last, &self.head, body.clone()).await {
                Ok(at) => {
                    self.last = at;
                    return Ok(());
                }
                Err(Fault::Overtaken) => Fault::Overtaken,
                Err(fault) if self.patient => {
                    tracing::warn!(execution = self.key.name(), %fault, "what happened cannot be written down yet");
                    tokio::time::sleep(AWAY_RETRY).await;
                    continue;
                }
                Err(fault) => fault,
            };
            // It may have been this very piece, whose receipt was lost.
            return match self.journal.last(&self.key).await? {
                Some(last) if last.at > self.last && last.body == body && last.head == self.head => {
                    self.last = last.at;
                    Ok(())
                }
                _ => Err(fault),
            };
        }
    }
}

/// Now, as logs say it.
pub fn now() -> Option<prost_types::Timestamp> {
    Some(SystemTime::now().into())
}
