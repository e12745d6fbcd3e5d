//! One execution in a worker process, as the server has it: sent, listened to, and believed no more than it must be.

use std::borrow::Cow;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use typhon_proto::v1;
use typhon_vm::{Cancel, CancelReason, CpuMeter, HostAnswer, Stream, Worked};

use super::errand;
use super::outlet;
use super::request;
use super::wire::{self, Cause, Run, Signal, Tale, Told, What};
use super::worker::{BROKE_RULES, DID_NOT_STOP, ENGINE_FAILED, Lane, Worker};
use crate::events::Event;
use crate::grpc::{interact, response};
use crate::job::{Captured, Job, crashed};
use crate::watchdog::Watchdog;

/// The way to a guest in a worker process.
pub struct Far {
    worker: Arc<Worker>,
    lane: u64,
    serial: u64,
}

/// It did not run: its worker process was gone before it began, or is, for that reason, never to be.
#[derive(Debug)]
pub struct NotRun(pub Cow<'static, str>);

/// What came of it.
pub struct Relayed {
    pub response: v1::ExecuteResponse,
    pub took: Duration,
    /// Why the isolate it ran in can run nothing any more.
    pub lost: Option<Cow<'static, str>>,
    pub heap_bytes: u64,
    pub threads: usize,
    /// What came of the job's work, if that was done.
    pub worked: Option<Worked>,
}

/// The worker holds the limits. When it is this late, the server acts as well: the guest may wait for a slow client.
const LATE: Duration = Duration::from_millis(3);
/// When it is this late, it hangs.
const HUNG: Duration = Duration::from_secs(3);

/// What there is in a worker process for a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cell {
    Fresh,
    /// An isolate that lives on, by its number.
    Resident(u64),
    /// The same, for the last time.
    Last(u64),
}

/// Runs a job in `worker`.
pub fn run(worker: &Arc<Worker>, cell: Cell, job: &Job, watchdog: &Watchdog) -> Result<Relayed, NotRun> {
    let gone = |worker: &Worker| NotRun(worker.end());
    if let Some(how) = worker.death() {
        return Err(NotRun(how));
    }
    let _busy = worker.busy();
    let mut lane = worker.lane().map_err(|_| gone(worker))?;
    lane.serial += 1;
    let far = Arc::new(Far { worker: worker.clone(), lane: lane.number, serial: lane.serial });
    let (stdin, stdin_open) = job.stdin.forward(far.clone());
    // A process that had to be started first took its time, which the client's deadline does not give back.
    let wall = job.request.limits.wall.unwrap_or(crate::job::FOREVER);
    let wall = wall.saturating_sub(job.began.elapsed()).max(Duration::from_nanos(1));
    let order = Run {
        serial: lane.serial,
        resident: match cell {
            Cell::Fresh => 0,
            Cell::Resident(number) | Cell::Last(number) => number,
        },
        last: matches!(cell, Cell::Last(_)),
        request: Some(request::encode(job, wall, stdin)),
        stdin_open,
        work: job.request.work.as_ref().map(errand::order),
        calls_open: job.calls.as_ref().map(|calls| calls.forward(far.clone()) as u64),
        position: job.kept.position().map(Into::into),
    };
    let started = Instant::now();
    if lane.sender.send(&order).is_err() {
        job.stdin.take_back(order.request.unwrap_or_default().stdin);
        return Err(gone(worker));
    }
    let here = far.clone();
    let attachment = job.cancel.attach(move |reason| far.cancel(reason));
    // A client that does not read stalls us, too; but not for longer than its program may run.
    let waking = job.events.clone().map(|events| job.cancel.attach(move |_| events.wake_writer()));
    let idle = CpuMeter::default();
    let late = watchdog.watch(wall + LATE, Duration::MAX, &idle, &job.cancel);
    let hung = Cancel::new();
    let hanging = {
        let worker = worker.clone();
        hung.attach(move |_| worker.kill(DID_NOT_STOP))
    };
    let watch = watchdog.watch(wall + HUNG, Duration::MAX, &idle, &hung);
    let done = listen(&mut lane, worker, job, &here);
    drop((attachment, waking, late, watch, hanging));
    let took = started.elapsed();
    Ok(match done {
        Ok(done) if failed(&done) => {
            // Whatever its threads keep of the engine is suspect.
            worker.kill(ENGINE_FAILED);
            concluded(done, job, took)
        }
        Ok(done) => {
            worker.put_back(lane);
            concluded(done, job, took)
        }
        Err(produced) => {
            let how = worker.end();
            tracing::warn!(%how, "a worker process is gone");
            lost(&how, produced, job, took)
        }
    })
}

/// Passes on what the guest does until it has ended; or the process has, and then what it had written.
fn listen(lane: &mut Lane, worker: &Worker, job: &Job, far: &Arc<Far>) -> Result<wire::Done, [u64; 2]> {
    let mut produced = [0; 2];
    loop {
        let Ok(Some(Told { tale: Some(tale) })) = lane.receiver.receive() else { return Err(produced) };
        let within = match tale {
            Tale::Done(done) => return Ok(*done),
            Tale::Output(output) => pass_on(output, job, &mut produced),
            Tale::HostCall(call) => u64::try_from(call.call_id).is_ok_and(|number| {
                let calls = job.calls.as_ref().zip(job.events.as_ref());
                calls.is_some_and(|(calls, events)| {
                    let within = calls.was_made(number);
                    events.push(Event::HostCall(Box::new(call)));
                    within
                })
            }),
            Tale::HostCallCancelled(number) => {
                if let (Some(calls), Some(events)) = (&job.calls, &job.events) {
                    calls.was_cancelled(number);
                    events.push(Event::HostCallCancelled { number });
                }
                true
            }
            Tale::Ask(ask) => job.outlet.as_ref().is_some_and(|way| outlet::serve(&**way, ask, far.clone())),
            Tale::Read(bytes) => {
                job.stdin.was_read(usize::try_from(bytes).unwrap_or(usize::MAX));
                true
            }
        };
        if !within {
            worker.kill(BROKE_RULES);
            return Err(produced);
        }
    }
}

/// Whether the output is within the limits.
fn pass_on(output: v1::OutputChunk, job: &Job, produced: &mut [u64; 2]) -> bool {
    let limits = &job.request.limits;
    let (stream, limit, sum) = match output.stream() {
        v1::OutputStream::Stderr => (Stream::Stderr, limits.stderr_bytes, &mut produced[1]),
        _ => (Stream::Stdout, limits.stdout_bytes, &mut produced[0]),
    };
    *sum += output.data.len() as u64;
    if limit.is_some_and(|limit| *sum > limit) {
        return false;
    }
    let number = |n: i64| u64::try_from(n).unwrap_or(0);
    if let Some(events) = &job.events {
        // When it was cancelled, or nobody reads, the guest is told that by other ways.
        if !output.data.is_empty() {
            let _kept = events.push_output(&job.cancel, stream, number(output.offset), &output.data);
        }
        if output.dropped_bytes > 0 {
            events.push_dropped(stream, number(output.offset), number(output.dropped_bytes));
        }
    }
    true
}

/// Whether the engine panicked, as far as the process says.
fn failed(done: &wire::Done) -> bool {
    let outcome = done.response.as_ref().and_then(|response| response.outcome.as_ref());
    outcome.is_none_or(|outcome| outcome.reason() == v1::TerminationReason::WorkerCrash)
}

fn concluded(done: wire::Done, job: &Job, took: Duration) -> Relayed {
    let failed = failed(&done);
    let wire::Done { response, lost, heap_bytes, threads, worked, position, .. } = done;
    if let Some(position) = position {
        job.kept.go_to(position.into());
    }
    let mut response = response.unwrap_or_default();
    response.effective_limits = Some(response::limits(&job.request.limits));
    if let Some(usage) = &mut response.usage {
        usage.queue_time = Some(response::duration(job.queue));
    }
    // Its wall time was what was left when it began there.
    if let Some(v1::Outcome { detail: Some(v1::outcome::Detail::Limit(hit)), .. }) = &mut response.outcome
        && hit.which() == v1::LimitName::WallTime
    {
        hit.limit =
            job.request.limits.wall.map_or(hit.limit, |wall| i64::try_from(wall.as_nanos()).unwrap_or(i64::MAX));
        hit.used = hit.used.max(hit.limit);
    }
    let lost = match lost.is_empty() {
        false => Some(Cow::Owned(lost)),
        true => failed.then_some(Cow::Borrowed("the engine panicked")),
    };
    let (threads, worked) = (usize::try_from(threads).unwrap_or(usize::MAX), worked.map(errand::heard));
    Relayed { response, took, lost, heap_bytes, threads, worked }
}

fn lost(how: &str, produced: [u64; 2], job: &Job, took: Duration) -> Relayed {
    let why = format!("its worker process is gone: {how}");
    let mut crash = crashed(why.clone());
    crash.usage.queue = job.queue;
    crash.usage.wall = took;
    crash.usage.bytes_out = produced.iter().sum();
    let output = produced.map(|produced| Captured { produced, ..Captured::default() });
    let response = response::ended(crash, output, &job.request.limits);
    Relayed { response, took, lost: Some(why.into()), heap_bytes: 0, threads: 0, worked: None }
}

impl Far {
    fn send(&self, what: What) {
        self.worker.signal(Signal { lane: self.lane, serial: self.serial, what: Some(what) });
    }

    /// As [`Far::send`], with a descriptor.
    pub fn send_with(&self, what: What, descriptor: Option<BorrowedFd<'_>>) {
        match descriptor {
            None => self.send(what),
            Some(descriptor) => {
                let signal = Signal { lane: self.lane, serial: self.serial, what: Some(what) };
                self.worker.signal_with(signal, descriptor);
            }
        }
    }

    fn cancel(&self, reason: &CancelReason) {
        let (cause, limit) = match reason {
            CancelReason::CancelledByClient => (Cause::Client, None),
            CancelReason::ClientGone => (Cause::Gone, None),
            CancelReason::ServerDrain => (Cause::Drain, None),
            CancelReason::Interrupt => (Cause::Interrupt, None),
            CancelReason::Limit(hit) => (Cause::Limit, Some(response::limit_hit(*hit))),
        };
        self.send(What::Cancel(wire::Cancel { cause: cause.into(), limit }));
    }

    pub fn stdin(&self, data: &[u8], eof: bool) {
        self.send(What::Stdin(wire::Stdin { data: data.to_vec(), eof }));
    }

    pub fn answer(&self, number: u64, answer: HostAnswer) {
        self.send(What::Answer(interact::host_result(number, answer)));
    }

    /// Nobody answers calls any more.
    pub fn unanswered(&self) {
        self.send(What::Unanswered(true));
    }
}
