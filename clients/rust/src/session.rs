//! A session: an isolate that keeps its state between programs.

use typhon_proto::v1;

use crate::client::Client;
use crate::error::Error;
use crate::host::Functions;
use crate::program::Program;
use crate::run::{End, Run};
use crate::snapshot::Snapshot;

#[derive(Clone, Debug)]
pub struct Session {
    client: Client,
    name: String,
    affinity: String,
}

impl Session {
    pub(crate) fn new(client: Client, name: String, affinity: String) -> Session {
        Session { client, name, affinity }
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// sessions/{id}
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What a proxy finds the session's server by.
    pub fn affinity(&self) -> &str {
        &self.affinity
    }

    /// Runs a program in the session, to its end.
    pub async fn run(&self, program: impl Into<Program>) -> Result<End, Error> {
        self.stream(program).end().await
    }

    pub fn stream(&self, program: impl Into<Program>) -> Run {
        self.client.stream_to(program.into().within(&self.name), self.affinity.clone())
    }

    /// Answers the functions that the session's policy names.
    pub fn interact(&self, program: impl Into<Program>, functions: Functions) -> Run {
        let request = program.into().within(&self.name).request;
        Run::interact(self.client.clone(), request, functions, self.affinity.clone())
    }

    /// Keeps what the session holds now, apart from it. `asked` has the snapshot's labels and time; what cannot be stored
    /// is left out, or refused.
    pub async fn snapshot(&self, asked: v1::Snapshot, leave_out: bool) -> Result<Snapshot, Error> {
        let snapshots = self.client.connection.snapshots();
        let request_id = self.client.retry.request_id();
        let safe = !request_id.is_empty();
        let session = self.name.clone();
        let message = v1::CreateSnapshotRequest { request_id, snapshot: Some(asked), session, leave_out };
        let method = |request| {
            let mut snapshots = snapshots.clone();
            async move { snapshots.create_snapshot(request).await }
        };
        let answer = self.client.call(safe, message, &self.affinity, method).await?;
        let name = answer.snapshot.unwrap_or_default().name;
        Ok(Snapshot::new(self.client.clone(), name, self.affinity.clone()))
    }

    /// What the server says of it.
    pub async fn get(&self) -> Result<v1::Session, Error> {
        let sessions = self.client.connection.sessions();
        let message = v1::GetSessionRequest { name: self.name.clone() };
        let method = |request| {
            let mut sessions = sessions.clone();
            async move { sessions.get_session(request).await }
        };
        let answer = self.client.call(true, message, &self.affinity, method).await?;
        Ok(answer.session.unwrap_or_default())
    }

    /// Raises KeyboardInterrupt in what runs. The name of that, or nothing.
    pub async fn interrupt(&self) -> Result<String, Error> {
        let sessions = self.client.connection.sessions();
        let message = v1::InterruptSessionRequest { name: self.name.clone(), ..Default::default() };
        let method = |request| {
            let mut sessions = sessions.clone();
            async move { sessions.interrupt_session(request).await }
        };
        Ok(self.client.call(true, message, &self.affinity, method).await?.execution)
    }

    /// Copies it as often as this; the copies go on apart. It must be at rest, and have a process of its own.
    pub async fn fork(&self, count: i32) -> Result<Vec<Session>, Error> {
        let sessions = self.client.connection.sessions();
        let message = v1::ForkSessionRequest { name: self.name.clone(), count };
        let method = |request| {
            let mut sessions = sessions.clone();
            async move { sessions.fork_session(request).await }
        };
        let answer = self.client.call(false, message, &self.affinity, method).await?;
        let copy = |session: v1::Session| Session::new(self.client.clone(), session.name, self.affinity.clone());
        Ok(answer.sessions.into_iter().map(copy).collect())
    }

    /// Drops all that it keeps.
    pub async fn reset(&self) -> Result<(), Error> {
        let sessions = self.client.connection.sessions();
        let message = v1::ResetSessionRequest { name: self.name.clone() };
        let method = |request| {
            let mut sessions = sessions.clone();
            async move { sessions.reset_session(request).await }
        };
        self.client.call(true, message, &self.affinity, method).await.map(drop)
    }

    pub async fn delete(self) -> Result<(), Error> {
        let sessions = self.client.connection.sessions();
        let message = v1::DeleteSessionRequest { name: self.name.clone() };
        let method = |request| {
            let mut sessions = sessions.clone();
            async move { sessions.delete_session(request).await }
        };
        self.client.call(true, message, &self.affinity, method).await.map(drop)
    }
}
