//! Kept executions: started, attached to, seen, listed, cancelled, forgotten.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::sync::mpsc;
use tonic::{Response, Status};
use typhon_proto::v1;
use typhon_proto::v1::attach_execution_response::Event as Attached;
use typhon_proto::v1::stream_execute_response::Event as Wire;
use typhon_vm::CancelReason;

use super::stream::Outgoing;
use super::{Api, page, request};
use crate::error::Refusal;
use crate::identity::Caller;
use crate::record::{Entry, Next, Record, Watcher};
use request::Way;

const NAME: &str = "executions/";

/// A reader is told of output at most this often.
const PACE: Duration = Duration::from_millis(20);

impl Api {
    /// The record of a request: a new one, or the one that the same request has made already.
    pub fn keep(
        &self,
        caller: &Caller,
        method: &str,
        message: v1::ExecuteRequest,
        way: Way,
        attended: bool,
    ) -> Result<Arc<Record>, Refusal> {
        let identity = self.fingerprints.execute(&caller.tenant, method, &message);
        let labels = request::labels(message.labels.clone(), "labels")?;
        let wanted = request::decode(message, way)?;
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
        Box::pin(tokio_stream::wrappers::ReceiverStream::new(receiver))
    }

    pub fn attach(
        &self,
        caller: &Caller,
        request: v1::AttachExecutionRequest,
    ) -> Result<Response<Outgoing<v1::AttachExecutionResponse>>, Status> {
        let v1::AttachExecutionRequest { name, after_sequence } = request;
        let record = self.admission.executions().find(&caller.tenant, &page::named(name, NAME)?)?;
        if after_sequence < 0 || after_sequence > record.see(false).last_sequence {
            return Err(Refusal::invalid("after_sequence", "is not the number of an event").into());
        }
        Ok(Response::new(self.follow(&record, after_sequence, attached)))
    }

    pub fn begin(&self, caller: &Caller, request: v1::StartExecutionRequest) -> Result<v1::Execution, Refusal> {
        let record = self.keep(caller, "StartExecution", request.request.unwrap_or_default(), Way::Stream, false)?;
        Ok(self.wire(&record, true))
    }

    pub fn describe(&self, caller: &Caller, request: v1::GetExecutionRequest) -> Result<v1::Execution, Refusal> {
        let record = self.admission.executions().find(&caller.tenant, &page::named(request.name, NAME)?)?;
        Ok(self.wire(&record, true))
    }

    pub fn page(
        &self,
        caller: &Caller,
        request: v1::ListExecutionsRequest,
    ) -> Result<v1::ListExecutionsResponse, Refusal> {
        let most = page::page_size_of(request.page_size)?;
        page::token(&request.page_token, NAME)?;
        let (records, more) = self.admission.executions().list(&caller.tenant, &request.page_token, most);
        let next_page_token = page::next(records.last().map(|last| last.name.as_str()), more);
        let executions = records.iter().map(|record| self.wire(record, false)).collect();
        Ok(v1::ListExecutionsResponse { executions, next_page_token })
    }

    pub fn stop(&self, caller: &Caller, request: v1::CancelExecutionRequest) -> Result<v1::Execution, Refusal> {
        use v1::interrupt::Mode;
        let name = page::named(request.name, NAME)?;
        let how = match request::known(request.mode, "mode")? {
            Mode::Raise => CancelReason::Interrupt,
            Mode::Unspecified | Mode::Stop => CancelReason::CancelledByClient,
        };
        let record = self.admission.executions().find(&caller.tenant, &name)?;
        record.cancel.cancel(how);
        Ok(self.wire(&record, true))
    }

    pub fn forget(&self, caller: &Caller, request: v1::DeleteExecutionRequest) -> Result<(), Refusal> {
        let record = self.admission.executions().delete(&caller.tenant, &page::named(request.name, NAME)?)?;
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

fn attached(entry: Entry) -> v1::AttachExecutionResponse {
    let event = match entry.event {
        Wire::Accepted(accepted) => Attached::Accepted(accepted),
        Wire::Started(started) => Attached::Started(started),
        Wire::Output(output) => Attached::Output(output),
        Wire::Display(display) => Attached::Display(display),
        Wire::Progress(progress) => Attached::Progress(progress),
        Wire::Keepalive(keepalive) => Attached::Keepalive(keepalive),
        Wire::Finished(finished) => Attached::Finished(finished),
    };
    v1::AttachExecutionResponse { sequence: entry.sequence, emit_time: Some(entry.at.into()), event: Some(event) }
}

/// A unary method's answer.
pub fn unary<T, U>(answer: Result<T, Refusal>, wrap: impl FnOnce(T) -> U) -> Result<Response<U>, Status> {
    Ok(Response::new(wrap(answer?)))
}
