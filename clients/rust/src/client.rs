//! The client: a connection, and what can be asked for with it.

use tonic::{Request, Response, Status};
use typhon_proto::v1;

use crate::connection::{Connection, Server, bound};
use crate::error::Error;
use crate::execution::Execution;
use crate::host::Functions;
use crate::program::Program;
use crate::retry::{Retry, uuid};
use crate::run::{End, Run};
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::template::Template;

/// A connection to a server. Copies share it.
#[derive(Clone, Debug)]
pub struct Client {
    pub(crate) connection: Connection,
    pub(crate) retry: Retry,
}

impl Client {
    pub async fn connect(server: Server) -> Result<Client, Error> {
        Ok(Client { connection: server.connect().await?, retry: Retry::default() })
    }

    pub fn with_retry(self, retry: Retry) -> Client {
        Client { retry, ..self }
    }

    /// Runs a program in an isolate of its own, to its end.
    pub async fn run(&self, program: impl Into<Program>) -> Result<End, Error> {
        self.stream(program).end().await
    }

    /// Runs a program: ask the run for its output. Nothing is sent before that.
    pub fn stream(&self, program: impl Into<Program>) -> Run {
        self.stream_to(program.into(), String::new())
    }

    /// As [`Client::stream`], for a program that may call functions of this process.
    pub fn interact(&self, program: impl Into<Program>, functions: Functions) -> Run {
        let mut request = program.into().request;
        request.policy.get_or_insert_default().host_functions = functions.to_wire();
        Run::interact(self.clone(), request, functions, String::new())
    }

    /// Starts a program that goes on without this client.
    pub async fn start(&self, program: impl Into<Program>) -> Result<Execution, Error> {
        let mut request = program.into().request;
        request.request_id = self.retry.request_id();
        let affinity = if request.request_id.is_empty() { uuid() } else { request.request_id.clone() };
        let safe = !request.request_id.is_empty();
        let message = v1::StartExecutionRequest { request: Some(request) };
        let executions = self.connection.executions();
        let answer = self
            .call(safe, message, &affinity, |request| {
                let mut executions = executions.clone();
                async move { executions.start_execution(request).await }
            })
            .await?;
        Ok(Execution::new(self.clone(), answer.execution.unwrap_or_default().name, affinity))
    }

    /// An execution that the server keeps, by its name.
    pub fn execution(&self, name: impl Into<String>, affinity: impl Into<String>) -> Execution {
        Execution::new(self.clone(), name.into(), affinity.into())
    }

    /// Creates a session. Nothing deletes it but [`Session::delete`] and its own time.
    pub async fn session(&self, session: v1::Session) -> Result<Session, Error> {
        self.session_at(session, uuid()).await
    }

    pub(crate) async fn session_at(&self, session: v1::Session, affinity: String) -> Result<Session, Error> {
        let request_id = self.retry.request_id();
        let safe = !request_id.is_empty();
        let message = v1::CreateSessionRequest { session: Some(session), request_id };
        let sessions = self.connection.sessions();
        let answer = self
            .call(safe, message, &affinity, |request| {
                let mut sessions = sessions.clone();
                async move { sessions.create_session(request).await }
            })
            .await?;
        Ok(Session::new(self.clone(), answer.session.unwrap_or_default().name, affinity))
    }

    /// A session that exists, by its name.
    pub fn attach_session(&self, name: impl Into<String>, affinity: impl Into<String>) -> Session {
        Session::new(self.clone(), name.into(), affinity.into())
    }

    /// A snapshot that exists, by its name.
    pub fn snapshot(&self, name: impl Into<String>, affinity: impl Into<String>) -> Snapshot {
        Snapshot::new(self.clone(), name.into(), affinity.into())
    }

    /// Takes what [`Snapshot::export`] gave, from this server or from another with the same key and build. `asked` has its
    /// labels and time.
    pub async fn import_snapshot(&self, asked: v1::Snapshot, data: &[u8]) -> Result<Snapshot, Error> {
        Snapshot::import(self.clone(), asked, data).await
    }

    /// Runs a warm-up, and makes a template of what it leaves; or its response, when it did not complete.
    pub async fn template(
        &self,
        asked: v1::Template,
        warm_up: impl Into<Vec<u8>>,
    ) -> Result<Result<Template, Box<v1::ExecuteResponse>>, Error> {
        let source = v1::Source { text: warm_up.into(), ..v1::Source::default() };
        Template::create(self.clone(), asked, source).await
    }

    /// A template that exists, by its name.
    pub fn attach_template(&self, name: impl Into<String>, affinity: impl Into<String>) -> Template {
        Template::new(self.clone(), name.into(), affinity.into())
    }

    /// What the server offers.
    pub async fn capabilities(&self) -> Result<v1::Capabilities, Error> {
        let runtime = self.connection.runtime();
        let message = v1::GetCapabilitiesRequest {};
        let answer = self
            .call(true, message, "", |request| {
                let mut runtime = runtime.clone();
                async move { runtime.get_capabilities(request).await }
            })
            .await?;
        Ok(answer.capabilities.unwrap_or_default())
    }

    pub(crate) fn stream_to(&self, program: Program, affinity: String) -> Run {
        let mut request = program.request;
        request.request_id = self.retry.request_id();
        // Where the execution is kept, behind a proxy.
        let affinity = if affinity.is_empty() { request.request_id.clone() } else { affinity };
        Run::execute(self.clone(), request, affinity)
    }

    /// Calls, and again where that is safe.
    pub(crate) async fn call<T, U, F>(
        &self,
        safe: bool,
        message: T,
        affinity: &str,
        method: impl Fn(Request<T>) -> F,
    ) -> Result<U, Error>
    where
        T: Clone,
        F: Future<Output = Result<Response<U>, Status>>,
    {
        let mut attempt = 1;
        loop {
            let error = match method(bound(message.clone(), affinity)).await {
                Ok(answer) => return Ok(answer.into_inner()),
                Err(status) => Error::from(status),
            };
            let Some(wait) = self.retry.wait(attempt, &error, safe) else { return Err(error) };
            tokio::time::sleep(wait).await;
            attempt += 1;
        }
    }
}
