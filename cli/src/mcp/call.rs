//! One call of `run_python`: its stream followed to the end, with progress told and a cancel obeyed.

use std::time::{Duration, Instant};

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use tonic::{Code, Status, Streaming};
use typhon_proto::v1;
use typhon_proto::v1::stream_execute_response::Event;

use super::backend::Backend;
use super::outcome::Ran;
use super::tools::RunPython;
use crate::show;

pub struct Call<'b> {
    backend: &'b Backend,
    request: v1::ExecuteRequest,
    /// Told as what the progress is of.
    wall_time: Duration,
    session: Option<String>,
}

pub enum End {
    Ran(Box<Ran>),
    /// Nobody waits for it any more; the server has been told.
    Cancelled,
}

impl<'b> Call<'b> {
    /// `session` is the agent's name for it and the server's.
    pub fn new(backend: &'b Backend, run: RunPython, wall_time: Duration, session: Option<(String, String)>) -> Self {
        let mut limits = backend.limits(wall_time);
        if session.is_none() {
            limits.heap_bytes = backend.budget.heap_bytes;
        }
        let (own, name) = session.unzip();
        let source = v1::Source { text: run.code.into_bytes(), filename: String::new() };
        let request = v1::ExecuteRequest {
            target: name.map(v1::execute_request::Target::Session),
            code: Some(v1::execute_request::Code::Source(source)),
            inputs: run.inputs.into_iter().map(|(name, json)| (name, show::from_json(json))).collect(),
            stdin: run.stdin.into_bytes(),
            argv: std::iter::once("<string>".to_owned()).chain(run.argv).collect(),
            limits: Some(limits),
            result_mode: v1::ResultMode::LastExpression.into(),
            ..v1::ExecuteRequest::default()
        };
        Call { backend, request, wall_time, session: own }
    }

    /// Runs it. A cancel drops the stream, which interrupts the program and keeps its session.
    pub async fn follow(self, context: &RequestContext<RoleServer>) -> Result<End, Status> {
        let progress = context.meta.get_progress_token().map(|token| Progress {
            peer: context.peer.clone(),
            token,
            began: Instant::now(),
            total: self.wall_time,
            told: None,
            written: Vec::new(),
        });
        tokio::select! {
            () = context.ct.cancelled() => Ok(End::Cancelled),
            ran = self.run(progress) => ran.map(|ran| End::Ran(Box::new(ran))),
        }
    }

    async fn run(self, mut progress: Option<Progress>) -> Result<Ran, Status> {
        let request = v1::StreamExecuteRequest { request: Some(self.request) };
        let mut events = self.backend.executions().stream_execute(request).await?.into_inner();
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        let mut ticks = tokio::time::interval(TICK);
        loop {
            let event = tokio::select! {
                event = next(&mut events) => event?,
                _ = ticks.tick() => {
                    if let Some(progress) = &mut progress {
                        progress.tell().await;
                    }
                    continue;
                }
            };
            match event {
                Event::Output(chunk) => {
                    if let Some(progress) = &mut progress {
                        progress.note(&chunk.data);
                    }
                    let stream = if chunk.stream() == v1::OutputStream::Stderr { &mut stderr } else { &mut stdout };
                    stream.extend_from_slice(&chunk.data);
                }
                Event::Finished(finished) => {
                    let response = finished.response.unwrap_or_default();
                    return Ok(Ran::new(response, &stdout, &stderr, self.session));
                }
                _ => {}
            }
        }
    }
}

/// How often progress is told while the program writes.
const TICK: Duration = Duration::from_millis(200);

/// How often it is told when it does not.
const PAUSE: Duration = Duration::from_secs(1);

/// Of what was written since, so many bytes at most: the latest.
const MESSAGE_MAX: usize = 2000;

async fn next(events: &mut Streaming<v1::StreamExecuteResponse>) -> Result<Event, Status> {
    loop {
        match events.message().await?.map(|message| message.event) {
            Some(Some(event)) => return Ok(event),
            Some(None) => {}
            None => return Err(Status::new(Code::Unavailable, "the stream ended without an outcome")),
        }
    }
}

/// What is told of a running program: the seconds gone, of those it has, and what it writes.
struct Progress {
    peer: Peer<RoleServer>,
    token: ProgressToken,
    began: Instant,
    total: Duration,
    told: Option<Instant>,
    /// Written since then.
    written: Vec<u8>,
}

impl Progress {
    fn note(&mut self, written: &[u8]) {
        self.written.extend_from_slice(written);
        let excess = self.written.len().saturating_sub(MESSAGE_MAX);
        self.written.drain(..excess);
    }

    async fn tell(&mut self) {
        let now = Instant::now();
        if self.written.is_empty() && self.told.is_some_and(|told| now.duration_since(told) < PAUSE) {
            return;
        }
        self.told = Some(now);
        let gone = now.duration_since(self.began).as_secs_f64();
        let mut told = ProgressNotificationParam::new(self.token.clone(), gone).with_total(self.total.as_secs_f64());
        let written = String::from_utf8_lossy(&std::mem::take(&mut self.written)).trim_end().to_owned();
        if !written.is_empty() {
            told = told.with_message(written);
        }
        // A client that is gone is noticed by its cancel.
        let _told = self.peer.notify_progress(told).await;
    }
}
