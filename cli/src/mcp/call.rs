//! One call of `run_python`: its stream followed to the end, with progress told and a cancel obeyed.

use std::time::{Duration, Instant};

use rmcp::RoleServer;
use rmcp::model::{ProgressNotificationParam, ProgressToken};
use rmcp::service::{Peer, RequestContext};
use typhon_client::{Error, v1};

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
    pub async fn follow(self, context: &RequestContext<RoleServer>) -> Result<End, Error> {
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

    async fn run(self, mut progress: Option<Progress>) -> Result<Ran, Error> {
        let mut run = self.backend.stream(self.request);
        let mut ticks = tokio::time::interval(TICK);
        loop {
            tokio::select! {
                chunk = run.next() => match (chunk?, &mut progress) {
                    (Some(chunk), Some(progress)) => progress.note(&chunk.data),
                    (Some(_), None) => {}
                    (None, _) => break,
                },
                _ = ticks.tick() => {
                    if let Some(progress) = &mut progress {
                        progress.tell().await;
                    }
                }
            }
        }
        let end = run.end().await?;
        Ok(Ran::new(end.response, &end.stdout, &end.stderr, self.session))
    }
}

/// How often progress is told while the program writes.
const TICK: Duration = Duration::from_millis(200);

/// How often it is told when it does not.
const PAUSE: Duration = Duration::from_secs(1);

/// Of what was written since, so many bytes at most: the latest.
const MESSAGE_MAX: usize = 2000;

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
