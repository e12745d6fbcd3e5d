//! A snapshot: what a session held, kept apart from it.

use tokio_stream::StreamExt;
use typhon_proto::v1;
use typhon_proto::v1::import_snapshot_request::Message;

use crate::client::Client;
use crate::connection::bound;
use crate::error::Error;
use crate::program::Program;
use crate::retry::uuid;
use crate::run::Run;
use crate::session::Session;

/// A message of an import holds no more.
const PIECE: usize = 64 << 10;

#[derive(Clone, Debug)]
pub struct Snapshot {
    client: Client,
    name: String,
    affinity: String,
}

impl Snapshot {
    pub(crate) fn new(client: Client, name: String, affinity: String) -> Snapshot {
        Snapshot { client, name, affinity }
    }

    /// snapshots/{id}
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a proxy finds the snapshot's server by.
    pub fn affinity(&self) -> &str {
        &self.affinity
    }

    /// Creates a session that begins with what is in it, and that [`Session::reset`] brings back to that.
    pub async fn session(&self, session: v1::Session) -> Result<Session, Error> {
        let session = v1::Session { snapshot: self.name.clone(), ..session };
        self.client.session_at(session, self.affinity.clone()).await
    }

    /// Runs one program in an isolate that begins with what is in it.
    pub fn stream(&self, program: impl Into<Program>) -> Run {
        self.client.stream_to(program.into().upon(&self.name), self.affinity.clone())
    }

    /// What the server says of it.
    pub async fn get(&self) -> Result<v1::Snapshot, Error> {
        let snapshots = self.client.connection.snapshots();
        let message = v1::GetSnapshotRequest { name: self.name.clone() };
        let method = |request| {
            let mut snapshots = snapshots.clone();
            async move { snapshots.get_snapshot(request).await }
        };
        let answer = self.client.call(true, message, &self.affinity, method).await?;
        Ok(answer.snapshot.unwrap_or_default())
    }

    /// Its bytes, sealed, for [`Client::import_snapshot`] here or at a server with the same key.
    pub async fn export(&self) -> Result<Vec<u8>, Error> {
        let message = v1::ExportSnapshotRequest { name: self.name.clone() };
        let answer = self.client.connection.snapshots().export_snapshot(bound(message, &self.affinity)).await?;
        let (mut pieces, mut data) = (answer.into_inner(), Vec::new());
        while let Some(piece) = pieces.message().await? {
            data.extend(piece.data);
        }
        Ok(data)
    }

    pub(crate) async fn import(client: Client, asked: v1::Snapshot, data: &[u8]) -> Result<Snapshot, Error> {
        let affinity = uuid();
        let start = Message::Start(Box::new(v1::ImportSnapshotStart { snapshot: Some(asked) }));
        let pieces = data.chunks(PIECE).map(|piece| Message::Data(piece.to_vec()));
        let pieces: Vec<_> = std::iter::once(start).chain(pieces).collect();
        let pieces = tokio_stream::iter(pieces).map(|piece| v1::ImportSnapshotRequest { message: Some(piece) });
        let answer = client.connection.snapshots().import_snapshot(bound(pieces, &affinity)).await?;
        let name = answer.into_inner().snapshot.unwrap_or_default().name;
        Ok(Snapshot::new(client, name, affinity))
    }

    /// Forgets it. What has begun from it stays.
    pub async fn delete(self) -> Result<(), Error> {
        let snapshots = self.client.connection.snapshots();
        let message = v1::DeleteSnapshotRequest { name: self.name.clone() };
        let method = |request| {
            let mut snapshots = snapshots.clone();
            async move { snapshots.delete_snapshot(request).await }
        };
        self.client.call(true, message, &self.affinity, method).await.map(drop)
    }
}
