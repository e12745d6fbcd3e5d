//! Kept executions: started, attached to, seen, listed, cancelled, forgotten.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};
use typhon_proto::v1;
use typhon_proto::v1::attach_execution_response::Event as Attached;
use typhon_proto::v1::stream_execute_response::Event as Wire;
use typhon_vm::CancelReason;

use super::identity::fingerprint;
use super::stream::Outgoing;
use super::{Api, page, request};
use crate::durable::{self, Durable, Key};
use crate::error::Refusal;
use crate::identity::Caller;
use crate::metrics::Durably;
use crate::quota::{QuotaName, refuse};
use crate::record::{Entry, Next, Record, Watcher};
use request::Way;

const NAME: &str = "executions/";

/// A reader is told of output at most this often.
const PACE: Duration = Duration::from_millis(20);

/// Retry after this when there is no better guess.
const RETRY_MIN: Duration = Duration::from_millis(100);

impl Api {
    /// The record of a request: a new one, or the one that the same request has made already.
    pub async fn keep(
        &self,
        caller: &Caller,
        method: &str,
        message: v1::ExecuteRequest,
        way: Way,
        attended: bool,
    ) -> Result<Arc<Record>, Refusal> {
        let identity = self.fingerprints.execute(&caller.tenant, method, &message);
        if let Some(known) = identity.as_ref().and_then(|identity| self.admission.executions().known(identity)) {
            // Its blobs need not be there any more.
            return known;
        }
        let labels = request::labels(message.labels.clone(), "labels")?;
        let wanted = request::decode(self.with_blobs(caller, message).await?, way)?;
        self.admission.executions().start(identity, || self.admission.keep(caller, wanted, labels, attended))
    }

    /// The outcome of the record; as long as the caller waits for it, the program is attended.
    pub async fn outcome(&self, record: Arc<Record>) -> Result<v1::ExecuteResponse, Refusal> {
        let _watcher = record.watch(self.admission.config.request_grace);
        record.outcome().await
    }

    /// The record's events after `sequence`, as `wrap` makes them messages.
    pub fn follow<T: Send + 'static>(&self, record: &Arc<Record>, sequence: i64, wrap: fn(Entry) -> T) -> Outgoing<T> {
        let (sender, receiver) = mpsc::channel(4);
        let config = &self.admission.config;
        let watcher = record.watch(config.request_grace);
        tokio::spawn(pump(record.clone(), watcher, sequence, config.keepalive_interval, sender, wrap));
        Box::pin(ReceiverStream::new(receiver))
    }

    pub async fn attach(
        &self,
        caller: &Caller,
        request: v1::AttachExecutionRequest,
    ) -> Result<Response<Outgoing<v1::AttachExecutionResponse>>, Status> {
        let v1::AttachExecutionRequest { name, after_sequence } = request;
        let name = page::named(name, NAME)?;
        if let Some((durable, key)) = self.durable(caller, &name) {
            let silence = self.admission.config.keepalive_interval;
            let events = ReceiverStream::new(durable.attach(&key, after_sequence, silence).await?);
            return Ok(Response::new(Box::pin(events.map(|event| event.map(attached)))));
        }
        let record = self.admission.executions().find(&caller.tenant, &name)?;
        if after_sequence < 0 || after_sequence > record.see(false).last_sequence {
            return Err(Refusal::invalid("after_sequence", "is not the number of an event").into());
        }
        Ok(Response::new(self.follow(&record, after_sequence, |entry| attached(streamed(entry)))))
    }

    pub async fn begin(&self, caller: &Caller, request: v1::StartExecutionRequest) -> Result<v1::Execution, Refusal> {
        let request = request.request.unwrap_or_default();
        match &self.durable {
            Some(durable) if durable::is_portable(&request) => self.begin_durably(caller, durable, request).await,
            _ => {
                self.admission.bring(caller, request.target.as_ref()).await?;
                let record = self.keep(caller, "StartExecution", request, Way::Stream, false).await?;
                Ok(self.wire(&record, true))
            }
        }
    }

    async fn begin_durably(
        &self,
        caller: &Caller,
        durable: &Durable,
        mut request: v1::ExecuteRequest,
    ) -> Result<v1::Execution, Refusal> {
        let fingerprint = fingerprint("StartExecution", &request);
        let labels = request::labels(request.labels.clone(), "labels")?;
        // Other nodes do not have them, and later they may hold something else.
        request = self.with_blobs(caller, request).await?;
        // What is wrong is said now, and not by whoever runs it.
        let wanted = request::decode(request.clone(), Way::Stream)?;
        self.admission.open()?;
        if let Some(program) = wanted.program {
            // Other nodes do not know it.
            let program = self.admission.programs().take(&caller.tenant, &program)?;
            let (text, filename) = (program.source.clone(), program.filename.clone());
            request.code = Some(v1::execute_request::Code::Source(v1::Source { text, filename }));
        }
        let max = caller.tenant.quota().waiting;
        if max != u32::MAX && durable.waiting(&caller.tenant.name).await? >= max as usize {
            let wait = self.admission.workers().estimated_wait(&caller.tenant).max(RETRY_MIN);
            return Err(refuse(&caller.tenant.name, QuotaName::Waiting, max.into(), wait));
        }
        caller.tenant.begin()?;
        let execution = durable.start(caller, request, labels, fingerprint).await?;
        self.admission.metrics().durable(Durably::Started);
        Ok(execution)
    }

    /// Where this execution is kept, if not here.
    fn durable(&self, caller: &Caller, name: &str) -> Option<(&Durable, Key)> {
        Some((self.durable.as_ref()?, Key::of(&caller.tenant.name, name)?))
    }

    pub async fn describe(&self, caller: &Caller, request: v1::GetExecutionRequest) -> Result<v1::Execution, Refusal> {
        let name = page::named(request.name, NAME)?;
        if let Some((durable, key)) = self.durable(caller, &name) {
            return durable.describe(&key).await;
        }
        Ok(self.wire(&*self.admission.executions().find(&caller.tenant, &name)?, true))
    }

    pub async fn page(
        &self,
        caller: &Caller,
        request: v1::ListExecutionsRequest,
    ) -> Result<v1::ListExecutionsResponse, Refusal> {
        let most = page::page_size_of(request.page_size)?;
        page::token(&request.page_token, NAME)?;
        let (records, mut more) = self.admission.executions().list(&caller.tenant, &request.page_token, most);
        let mut executions: Vec<_> = records.iter().map(|record| self.wire(record, false)).collect();
        // Their names come after all that are this server's own.
        if let Some(durable) = self.durable.as_ref().filter(|_| !more) {
            let room = most - executions.len();
            let (durable, rest) = durable.list(&caller.tenant.name, &request.page_token, room).await?;
            executions.extend(durable);
            more = rest;
        }
        let next_page_token = page::next(executions.last().map(|last| last.name.as_str()), more);
        Ok(v1::ListExecutionsResponse { executions, next_page_token })
    }

    pub async fn stop(&self, caller: &Caller, request: v1::CancelExecutionRequest) -> Result<v1::Execution, Refusal> {
        use v1::interrupt::Mode;
        let name = page::named(request.name, NAME)?;
        let how = match request::known(request.mode, "mode")? {
            Mode::Raise => CancelReason::Interrupt,
            Mode::Unspecified | Mode::Stop => CancelReason::CancelledByClient,
        };
        if let Some((durable, key)) = self.durable(caller, &name) {
            return durable.cancel(&key, how == CancelReason::Interrupt).await;
        }
        let record = self.admission.executions().find(&caller.tenant, &name)?;
        record.cancel.cancel(how);
        Ok(self.wire(&record, true))
    }

    pub async fn forget(&self, caller: &Caller, request: v1::DeleteExecutionRequest) -> Result<(), Refusal> {
        let name = page::named(request.name, NAME)?;
        if let Some((durable, key)) = self.durable(caller, &name) {
            return durable.delete(&key).await;
        }
        let record = self.admission.executions().delete(&caller.tenant, &name)?;
        record.cancel.cancel(CancelReason::CancelledByClient);
        Ok(())
    }

    fn wire(&self, record: &Record, with_response: bool) -> v1::Execution {
        use v1::execution::State;
        let seen = record.see(with_response);
        let state = match (seen.ended, seen.started) {
            (Some(_), _) => State::Ended,
            (None, true) => State::Running,
            (None, false) => State::Queued,
        };
        v1::Execution {
            name: record.name.clone(),
            state: state.into(),
            create_time: Some(record.created.into()),
            end_time: seen.ended.map(Into::into),
            expire_time: seen.ended.map(|at| self.admission.executions().expires(at).into()),
            labels: record.labels.iter().cloned().collect(),
            session: record.session.clone().unwrap_or_default(),
            last_sequence: seen.last_sequence,
            response: seen.response,
            refusal: seen.refusal.map(|refusal| refusal.reason().to_owned()).unwrap_or_default(),
        }
    }
}

async fn pump<T>(
    record: Arc<Record>,
    _watcher: Watcher,
    mut sequence: i64,
    silence: Duration,
    sender: mpsc::Sender<Result<T, Status>>,
    wrap: fn(Entry) -> T,
) {
    let mut changes = record.changes();
    loop {
        changes.mark_unchanged();
        let (batch, next) = record.after(sequence);
        for entry in batch {
            sequence = entry.sequence;
            if sender.send(Ok(wrap(entry))).await.is_err() {
                return;
            }
        }
        match next {
            Next::More => continue,
            Next::End(Ok(())) => return,
            Next::End(Err(refusal)) => {
                // A reader that is gone needs no last word.
                let _sent = sender.send(Err(refusal.into())).await;
                return;
            }
            Next::Wait => {}
        }
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                tokio::time::sleep(PACE).await;
            }
            () = tokio::time::sleep(silence) => {
                let event = Wire::Keepalive(v1::Keepalive {});
                let keepalive = Entry { sequence: 0, at: SystemTime::now(), event };
                if sender.send(Ok(wrap(keepalive))).await.is_err() {
                    return;
                }
            }
            () = sender.closed() => return,
        }
    }
}

/// As StreamExecute sends it.
pub fn streamed(entry: Entry) -> v1::StreamExecuteResponse {
    v1::StreamExecuteResponse { sequence: entry.sequence, emit_time: Some(entry.at.into()), event: Some(entry.event) }
}

/// As AttachExecution sends it.
fn attached(message: v1::StreamExecuteResponse) -> v1::AttachExecutionResponse {
    let v1::StreamExecuteResponse { sequence, emit_time, event } = message;
    let event = event.map(|event| match event {
        Wire::Accepted(accepted) => Attached::Accepted(accepted),
        Wire::Started(started) => Attached::Started(started),
        Wire::Output(output) => Attached::Output(output),
        Wire::Display(display) => Attached::Display(display),
        Wire::Progress(progress) => Attached::Progress(progress),
        Wire::Keepalive(keepalive) => Attached::Keepalive(keepalive),
        Wire::Finished(finished) => Attached::Finished(finished),
    });
    v1::AttachExecutionResponse { sequence, emit_time, event }
}

/// A unary method's answer.
pub fn unary<T, U>(answer: Result<T, Refusal>, wrap: impl FnOnce(T) -> U) -> Result<Response<U>, Status> {
    Ok(Response::new(wrap(answer?)))
}
