//! `BatchExecute`: one program over many cases.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tonic::{Status, Streaming};
use typhon_proto::v1;
use typhon_proto::v1::batch_execute_request::Message;
use typhon_proto::v1::batch_execute_response::Message as Answer;
use typhon_proto::v1::batch_result::Verdict;

use super::request::{self, Way};
use super::{Api, response};
use crate::admission::Admission;
use crate::error::Refusal;
use crate::identity::Caller;

type Sender = mpsc::Sender<Result<v1::BatchExecuteResponse, Status>>;

/// What holds for all cases.
pub struct Batch {
    admission: Arc<Admission>,
    caller: Caller,
    request: v1::ExecuteRequest,
    parallel: usize,
    stop_on_first_failure: bool,
    deadline: Option<Instant>,
    summary: Mutex<v1::BatchSummary>,
}

/// The first message, which must be `setup`, checked as any execution's request is.
pub async fn setup(
    inbound: &mut Streaming<v1::BatchExecuteRequest>,
    api: &Api,
    caller: Caller,
    deadline: Option<Instant>,
) -> Result<Batch, Status> {
    let Some(Message::Setup(setup)) = inbound.message().await?.and_then(|first| first.message) else {
        return Err(Refusal::invalid("setup", "must be the first message").into());
    };
    let v1::BatchSetup { request, max_parallel, stop_on_first_failure } = *setup;
    let request = request.unwrap_or_default();
    if request.target.is_some() {
        return Err(Refusal::invalid("setup.request.target", "cases do not share an isolate").into());
    }
    if !request.request_id.is_empty() {
        return Err(Refusal::invalid("setup.request.request_id", "a batch cannot be told from its retry").into());
    }
    let within = |refusal| request::at("setup.request", refusal);
    // Once for all cases.
    let request = api.with_blobs(&caller, request).await.map_err(within)?;
    request::decode(request.clone(), Way::Unary).map_err(within)?;
    let admission = api.admission.clone();
    let workers = admission.workers().count();
    let parallel = match usize::try_from(max_parallel) {
        Ok(0) => workers,
        Ok(count) => count.min(workers),
        Err(_) => return Err(Refusal::invalid("setup.max_parallel", "is negative").into()),
    };
    let summary = Mutex::default();
    Ok(Batch { admission, caller, request, parallel, stop_on_first_failure, deadline, summary })
}

/// Runs cases as they come, and tells of each as it ends. Takes no case before there is room for it, so that neither a
/// fast sender nor a slow reader costs more than the cases that run.
pub async fn run(batch: Arc<Batch>, mut inbound: Streaming<v1::BatchExecuteRequest>, sender: Sender) {
    let room = Arc::new(Semaphore::new(batch.parallel));
    let mut running = JoinSet::new();
    loop {
        let permit = tokio::select! {
            permit = room.clone().acquire_owned() => permit,
            // The client is gone, and so is the reason to run anything.
            () = sender.closed() => return,
        };
        let next = tokio::select! {
            next = inbound.message() => next,
            () = sender.closed() => return,
        };
        while running.try_join_next().is_some() {}
        let case = match next.map(|request| request.map(|request| request.message)) {
            Ok(Some(Some(Message::Case(case)))) => *case,
            Ok(None) => break,
            Ok(Some(_)) => {
                let refusal = Refusal::invalid("message", "only cases follow the setup");
                let _told = sender.send(Err(refusal.into())).await;
                return;
            }
            Err(_) => return,
        };
        let (batch, sender) = (batch.clone(), sender.clone());
        running.spawn(async move {
            let result = batch.case(case).await;
            let answer = v1::BatchExecuteResponse { message: Some(Answer::Result(Box::new(result))) };
            // The permit goes once the client has room for the answer.
            let _told = sender.send(Ok(answer)).await;
            drop(permit);
        });
    }
    loop {
        tokio::select! {
            ended = running.join_next() => if ended.is_none() { break },
            () = sender.closed() => return,
        }
    }
    let summary = *batch.summary.lock();
    let _told = sender.send(Ok(v1::BatchExecuteResponse { message: Some(Answer::Summary(summary)) })).await;
}

impl Batch {
    async fn case(&self, case: v1::BatchCase) -> v1::BatchResult {
        let case_id = case.id.clone();
        let result = |verdict: Verdict, response, refusal: &str| v1::BatchResult {
            case_id,
            verdict: verdict.into(),
            response,
            refusal: refusal.to_owned(),
        };
        if self.stop_on_first_failure && self.has_failed() {
            self.summary.lock().skipped += 1;
            return result(Verdict::Skipped, None, "");
        }
        let expected = case.expected_stdout.clone();
        match self.execute(case).await {
            Err(refusal) => {
                self.summary.lock().refused += 1;
                result(Verdict::Refused, None, refusal.reason())
            }
            Ok(response) => {
                let verdict = judge(&response, expected.as_deref());
                self.count(verdict, &response);
                result(verdict, Some(response), "")
            }
        }
    }

    async fn execute(&self, case: v1::BatchCase) -> Result<v1::ExecuteResponse, Refusal> {
        let request = merged(self.request.clone(), case);
        loop {
            let wanted =
                request::decode(request.clone(), Way::Unary).map_err(|refusal| request::at("case", refusal))?;
            match self.admission.run(&self.caller, wanted, self.deadline).await {
                Ok(response) => return Ok(*response),
                // The batch is its own queue.
                Err(refusal) => match refusal.retry_after() {
                    Some(wait) => tokio::time::sleep(wait.clamp(RETRY.0, RETRY.1)).await,
                    None => return Err(refusal),
                },
            }
        }
    }

    fn has_failed(&self) -> bool {
        let summary = self.summary.lock();
        summary.wrong_output + summary.failed + summary.refused > 0
    }

    fn count(&self, verdict: Verdict, response: &v1::ExecuteResponse) {
        let mut summary = self.summary.lock();
        match verdict {
            Verdict::Passed => summary.passed += 1,
            Verdict::WrongOutput => summary.wrong_output += 1,
            _ => summary.failed += 1,
        }
        let time = |time: prost_types::Duration| Duration::try_from(time).unwrap_or_default();
        let spent = response.usage.as_ref().and_then(|usage| usage.cpu_time).map(time).unwrap_or_default();
        let sum = summary.cpu_time.map(time).unwrap_or_default() + spent;
        summary.cpu_time = Some(response::duration(sum));
    }
}

/// How long a case waits that finds the server's queue full.
const RETRY: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(250));

/// What the case says, and the setup where it says nothing.
fn merged(mut request: v1::ExecuteRequest, case: v1::BatchCase) -> v1::ExecuteRequest {
    request.inputs.extend(case.inputs);
    if let Some(stdin) = case.stdin {
        request.stdin = stdin;
    }
    if !case.argv.is_empty() {
        request.argv = case.argv;
    }
    if let Some(own) = case.limits {
        let all = request.limits.unwrap_or_default();
        request.limits = Some(v1::Limits {
            wall_time: own.wall_time.or(all.wall_time),
            cpu_time: own.cpu_time.or(all.cpu_time),
            instructions: own.instructions.or(all.instructions),
            heap_bytes: own.heap_bytes.or(all.heap_bytes),
            stack_depth: own.stack_depth.or(all.stack_depth),
            max_threads: own.max_threads.or(all.max_threads),
            cpu_parallelism: own.cpu_parallelism.or(all.cpu_parallelism),
            stdout_bytes: own.stdout_bytes.or(all.stdout_bytes),
            stderr_bytes: own.stderr_bytes.or(all.stderr_bytes),
            result_bytes: own.result_bytes.or(all.result_bytes),
            file_bytes: own.file_bytes.or(all.file_bytes),
            file_count: own.file_count.or(all.file_count),
            open_files: own.open_files.or(all.open_files),
            host_calls: own.host_calls.or(all.host_calls),
            sleep_time: own.sleep_time.or(all.sleep_time),
            compile_time: own.compile_time.or(all.compile_time),
            source_bytes: own.source_bytes.or(all.source_bytes),
        });
    }
    request
}

fn judge(response: &v1::ExecuteResponse, expected: Option<&[u8]>) -> Verdict {
    use v1::outcome::Detail;
    let outcome = response.outcome.as_ref();
    let completed = outcome.is_some_and(|outcome| {
        outcome.reason() == v1::TerminationReason::Completed || outcome.detail == Some(Detail::ExitCode(0))
    });
    let printed = response.stdout.as_ref();
    match expected {
        _ if !completed => Verdict::Failed,
        None => Verdict::Passed,
        Some(expected) => {
            let same = printed.is_some_and(|printed| !printed.truncated && lines(&printed.data) == lines(expected));
            if same { Verdict::Passed } else { Verdict::WrongOutput }
        }
    }
}

/// The lines of a text without white space at their ends, and without empty ones at its own.
fn lines(text: &[u8]) -> Vec<&[u8]> {
    let mut lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii_end).collect();
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn white_space_at_ends_does_not_count() {
        assert_eq!(lines(b"a \r\n\nb\t\n\n\n"), lines(b"a\n\nb"));
        assert_ne!(lines(b" a"), lines(b"a"));
        assert_ne!(lines(b"a\n\nb"), lines(b"a\nb"));
        assert_eq!(lines(b"\n \n"), lines(b""));
    }
}
