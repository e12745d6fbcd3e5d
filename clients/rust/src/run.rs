//! A program that runs: its output as it comes, and its end, over as many streams as that takes.

use std::pin::Pin;

use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};
use typhon_proto::v1;
use typhon_proto::v1::attach_execution_response::Event as Attached;
use typhon_proto::v1::interact_request::Message;
use typhon_proto::v1::interact_response::Event as Told;
use typhon_proto::v1::stream_execute_response::Event as Streamed;

use crate::client::Client;
use crate::connection::bound;
use crate::error::{Error, Failure};
use crate::execution::Execution;
use crate::host::{Conversation, Functions};
use crate::retry::Retry;

/// Bytes that the program wrote, as they came.
#[derive(Clone, Debug, PartialEq)]
pub struct Chunk {
    pub stderr: bool,
    pub data: Vec<u8>,
    /// Of the first byte in its stream.
    pub offset: i64,
    /// Bytes left out right after these.
    pub dropped_bytes: i64,
}

/// How a program ended, and all that it wrote.
#[derive(Clone, Debug, Default)]
pub struct End {
    pub response: v1::ExecuteResponse,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

impl End {
    pub fn reason(&self) -> v1::TerminationReason {
        self.response.outcome.as_ref().map(v1::Outcome::reason).unwrap_or_default()
    }

    /// The response of a program that ran to its end, or exited with status 0.
    pub fn completed(&self) -> Result<&v1::ExecuteResponse, Failure> {
        use v1::outcome::Detail;
        let outcome = self.response.outcome.clone().unwrap_or_default();
        match (outcome.reason(), &outcome.detail) {
            (v1::TerminationReason::Completed, _) => Ok(&self.response),
            (v1::TerminationReason::Exit, Some(Detail::ExitCode(0))) => Ok(&self.response),
            (reason, _) => Err(Failure { reason, outcome: outcome.into() }),
        }
    }
}

/// A program that runs. Dropping it gives the program up, some seconds later when its request has an id.
pub struct Run {
    client: Client,
    plan: Plan,
    affinity: String,
    retry: Retry,
    /// A stream on its way. Kept here, for whoever drops [`Run::next`] would drop it otherwise, and the next one would send
    /// the program again.
    opening: Option<Opening>,
    inbound: Option<Inbound>,
    conversation: Option<Conversation>,
    /// How often in a row nothing came.
    attempt: u32,
    /// When it may be tried again.
    not_before: Option<Instant>,
    execution: String,
    sequence: i64,
    end: End,
    ended: bool,
}

/// How its stream is opened.
enum Plan {
    Execute(Box<v1::ExecuteRequest>),
    Attach,
    Interact(Box<v1::ExecuteRequest>, Functions),
}

type Opening = Pin<Box<dyn Future<Output = Result<Inbound, Status>> + Send>>;

enum Inbound {
    Streamed(Streaming<v1::StreamExecuteResponse>),
    Attached(Streaming<v1::AttachExecutionResponse>),
    Told(Streaming<v1::InteractResponse>),
}

/// What events of all kinds come to.
enum Event {
    Accepted(String),
    Output(v1::OutputChunk),
    Call(Box<v1::HostCall>),
    GivenUp(i64),
    Finished(Box<v1::Finished>),
    Nothing,
}

impl Run {
    fn new(client: Client, plan: Plan, affinity: String) -> Run {
        let retry = client.retry;
        Run {
            client,
            plan,
            affinity,
            retry,
            opening: None,
            inbound: None,
            conversation: None,
            attempt: 1,
            not_before: None,
            execution: String::new(),
            sequence: 0,
            end: End::default(),
            ended: false,
        }
    }

    pub(crate) fn execute(client: Client, request: v1::ExecuteRequest, affinity: String) -> Run {
        Run::new(client, Plan::Execute(Box::new(request)), affinity)
    }

    pub(crate) fn attach(client: Client, execution: String, after: i64, affinity: String) -> Run {
        Run { execution, sequence: after, ..Run::new(client, Plan::Attach, affinity) }
    }

    pub(crate) fn interact(client: Client, request: v1::ExecuteRequest, functions: Functions, affinity: String) -> Run {
        // A conversation cannot be told from its retry.
        Run { retry: Retry::never(), ..Run::new(client, Plan::Interact(Box::new(request), functions), affinity) }
    }

    /// executions/{id}, once the server has told it.
    pub fn execution(&self) -> &str {
        &self.execution
    }

    /// The next output, until there is no more. When it is dropped before it is done, nothing is lost.
    pub async fn next(&mut self) -> Result<Option<Chunk>, Error> {
        while !self.ended {
            if let Some(then) = self.not_before {
                tokio::time::sleep_until(then).await;
                self.not_before = None;
            }
            let event = match self.event().await {
                Ok(event) => event,
                Err(error) => {
                    self.inbound = None;
                    // What has begun and was refused then will not go on.
                    let safe = self.safe();
                    let away = error.reason() == Some("QUEUE_AWAY");
                    let over = self.sequence > 0 && !away && !matches!(error, Error::Lost { .. });
                    let wait = self.retry.wait(self.attempt, &error, safe).filter(|_| !over);
                    let Some(wait) = wait else { return Err(error) };
                    self.not_before = Some(Instant::now() + wait);
                    self.attempt += 1;
                    continue;
                }
            };
            self.attempt = 1;
            match event {
                Event::Accepted(execution) => {
                    // Again, when the node that ran a durable execution has died: what it wrote counts no more.
                    self.execution = execution;
                    self.end = End::default();
                }
                Event::Output(chunk) => return Ok(Some(self.note(chunk))),
                Event::Call(call) => self.conversation.iter_mut().for_each(|ours| ours.call((*call).clone())),
                Event::GivenUp(call) => self.conversation.iter_mut().for_each(|ours| ours.give_up(call)),
                Event::Finished(finished) => {
                    self.end.response = finished.response.unwrap_or_default();
                    (self.ended, self.inbound, self.conversation) = (true, None, None);
                }
                Event::Nothing => {}
            }
        }
        Ok(None)
    }

    /// Waits for the end.
    pub async fn end(mut self) -> Result<End, Error> {
        while self.next().await?.is_some() {}
        Ok(self.end)
    }

    /// Stops the program. In a session, that interrupts it.
    pub async fn cancel(mut self) -> Result<(), Error> {
        (self.opening, self.inbound) = (None, None);
        if self.safe() && !self.execution.is_empty() && !self.ended {
            // One whose request has an id outlives its stream for a while, in case we come back; we do not.
            Execution::new(self.client, self.execution, self.affinity).cancel().await?;
        }
        Ok(())
    }

    fn safe(&self) -> bool {
        match &self.plan {
            Plan::Execute(request) => !request.request_id.is_empty(),
            Plan::Attach => true,
            Plan::Interact(..) => false,
        }
    }

    fn note(&mut self, chunk: v1::OutputChunk) -> Chunk {
        let stderr = chunk.stream() == v1::OutputStream::Stderr;
        let all = if stderr { &mut self.end.stderr } else { &mut self.end.stdout };
        all.extend_from_slice(&chunk.data);
        Chunk { stderr, data: chunk.data, offset: chunk.offset, dropped_bytes: chunk.dropped_bytes }
    }

    async fn event(&mut self) -> Result<Event, Error> {
        if self.inbound.is_none() {
            if self.opening.is_none() {
                self.opening = Some(self.open());
            }
            let Some(opening) = &mut self.opening else { return Err(Error::Unfinished) };
            let opened = opening.await;
            self.opening = None;
            self.inbound = Some(opened?);
        }
        let Some(inbound) = &mut self.inbound else { return Err(Error::Unfinished) };
        let (sequence, event) = inbound.next().await?.ok_or(Error::Unfinished)?;
        // Keepalives of a kept execution have no number.
        self.sequence = self.sequence.max(sequence);
        Ok(event)
    }

    fn open(&mut self) -> Opening {
        let mut executions = self.client.connection.executions();
        match &self.plan {
            Plan::Execute(request) if self.execution.is_empty() => {
                let request = v1::StreamExecuteRequest { request: Some((**request).clone()) };
                let request = bound(request, &self.affinity);
                Box::pin(async move { Ok(Inbound::Streamed(executions.stream_execute(request).await?.into_inner())) })
            }
            Plan::Execute(_) | Plan::Attach => {
                let (name, after_sequence) = (self.execution.clone(), self.sequence);
                let request = bound(v1::AttachExecutionRequest { name, after_sequence }, &self.affinity);
                Box::pin(async move { Ok(Inbound::Attached(executions.attach_execution(request).await?.into_inner())) })
            }
            Plan::Interact(start, functions) => {
                let (sender, receiver) = mpsc::channel(16);
                let message = Some(Message::Start(start.clone()));
                // It has room, and its receiver is here.
                let _sent = sender.try_send(v1::InteractRequest { message });
                self.conversation = Some(Conversation::new(functions.clone(), sender));
                let request = bound(ReceiverStream::new(receiver), &self.affinity);
                Box::pin(async move { Ok(Inbound::Told(executions.interact(request).await?.into_inner())) })
            }
        }
    }
}

impl Inbound {
    async fn next(&mut self) -> Result<Option<(i64, Event)>, Status> {
        Ok(match self {
            Inbound::Streamed(stream) => stream
                .message()
                .await?
                .map(|message| (message.sequence, message.event.map_or(Event::Nothing, streamed))),
            Inbound::Attached(stream) => stream
                .message()
                .await?
                .map(|message| (message.sequence, message.event.map_or(Event::Nothing, attached))),
            Inbound::Told(stream) => {
                stream.message().await?.map(|message| (message.sequence, message.event.map_or(Event::Nothing, told)))
            }
        })
    }
}

fn streamed(event: Streamed) -> Event {
    match event {
        Streamed::Accepted(accepted) => Event::Accepted(accepted.execution),
        Streamed::Output(chunk) => Event::Output(chunk),
        Streamed::Finished(finished) => Event::Finished(finished),
        Streamed::Started(_) | Streamed::Display(_) | Streamed::Progress(_) | Streamed::Keepalive(_) => Event::Nothing,
    }
}

fn attached(event: Attached) -> Event {
    match event {
        Attached::Accepted(accepted) => Event::Accepted(accepted.execution),
        Attached::Output(chunk) => Event::Output(chunk),
        Attached::Finished(finished) => Event::Finished(finished),
        Attached::Started(_) | Attached::Display(_) | Attached::Progress(_) | Attached::Keepalive(_) => Event::Nothing,
    }
}

fn told(event: Told) -> Event {
    match event {
        Told::Accepted(accepted) => Event::Accepted(accepted.execution),
        Told::Output(chunk) => Event::Output(chunk),
        Told::Finished(finished) => Event::Finished(finished),
        Told::HostCall(call) => Event::Call(call),
        Told::HostCallCancelled(call) => Event::GivenUp(call.call_id),
        Told::Started(_) | Told::Display(_) | Told::Progress(_) | Told::Keepalive(_) => Event::Nothing,
    }
}
