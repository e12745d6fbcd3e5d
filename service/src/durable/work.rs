//! The nodes' side of durable executions: taking what waits, running it, writing down what happens.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinHandle;
use tonic::Status;
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::stream_execute_response::Event;
use typhon_vm::CancelReason;

use super::journal::{AWAY_RETRY, Bell, Fault, Head, Journal, Key, Of, Phase, Taken};
use super::story::{Claim, Entry, Release, Story, What, Writer, now};
use crate::admission::Admission;
use crate::error::Refusal;
use crate::grpc::request::{self, Way};
use crate::identity::{Caller, Tenants};
use crate::metrics::Durably;
use crate::record::{Next, Record};
use crate::trace;

/// What a node needs to take part.
pub struct Work {
    journal: Arc<dyn Journal>,
    admission: Arc<Admission>,
    tenants: Arc<Tenants>,
    /// Tenants whose lines this node waits at.
    lines: Mutex<HashSet<String>>,
    /// Executions that it has taken.
    taken: watch::Sender<usize>,
    leaving: watch::Sender<bool>,
}

/// Lines that nothing was said of are looked for this often.
const LOOK: Duration = Duration::from_secs(5);
/// A line where nothing comes for so long is left.
const PATIENCE: Duration = Duration::from_secs(2);
/// A node with work of its own looks again after this.
const BUSY: Duration = Duration::from_millis(50);
/// What happens is written down at most this often.
const PACE: Duration = Duration::from_millis(20);

impl Work {
    pub fn new(journal: Arc<dyn Journal>, admission: Arc<Admission>, tenants: Arc<Tenants>) -> Arc<Work> {
        let (taken, leaving) = (watch::Sender::new(0), watch::Sender::new(false));
        Arc::new(Work { journal, admission, tenants, lines: Mutex::default(), taken, leaving })
    }

    /// Takes what comes, until [`Work::leave`].
    pub async fn serve(self: Arc<Self>) {
        let mut leaving = self.leaving.subscribe();
        let leave = leaving.wait_for(|leave| *leave);
        let taking = async {
            loop {
                if let Err(fault) = self.watch().await {
                    tracing::warn!(%fault, "durable executions cannot be taken; trying again");
                }
                tokio::time::sleep(AWAY_RETRY).await;
            }
        };
        tokio::select! {
            _ = leave => {}
            () = taking => {}
        }
    }

    async fn watch(self: &Arc<Self>) -> Result<(), Fault> {
        let mut news = self.journal.news().await?;
        let mut look = tokio::time::interval(LOOK);
        loop {
            tokio::select! {
                tenant = news.next() => match tenant {
                    Some(tenant) => self.wait_at(tenant),
                    None => return Err(Fault::Away("the connection is lost".into())),
                },
                _ = look.tick() => self.journal.lines().await?.into_iter().for_each(|tenant| self.wait_at(tenant)),
            }
        }
    }

    /// From now on nothing is taken.
    pub fn leave(&self) {
        self.leaving.send_replace(true);
    }

    /// Waits until what was taken is done, or given back.
    pub async fn over(&self) {
        // The sender is ours, so this ends by nothing else.
        let mut taken = self.taken.subscribe();
        let _none = taken.wait_for(|taken| *taken == 0).await;
    }

    fn wait_at(self: &Arc<Self>, tenant: String) {
        if self.lines.lock().insert(tenant.clone()) {
            tokio::spawn(self.clone().line(tenant));
        }
    }

    async fn line(self: Arc<Self>, tenant: String) {
        if let Err(fault) = self.serve_line(&tenant).await {
            tracing::warn!(tenant, %fault, "the tenant's line cannot be asked");
        }
        self.lines.lock().remove(&tenant);
    }

    async fn serve_line(self: &Arc<Self>, tenant: &str) -> Result<(), Fault> {
        let workers = self.admission.workers();
        let known = self.tenants.named(tenant);
        let quota = known.map_or(usize::MAX, |tenant| tenant.quota().executions as usize);
        let room = Arc::new(Semaphore::new(quota.clamp(1, workers.count() * 2)));
        loop {
            let Ok(permit) = room.clone().acquire_owned().await else { return Ok(()) };
            while workers.waiting() > workers.count() {
                tokio::time::sleep(BUSY).await;
            }
            if *self.leaving.borrow() {
                return Ok(());
            }
            let Some(taken) = self.journal.take(tenant, PATIENCE).await? else { return Ok(()) };
            if *self.leaving.borrow() {
                return taken.give_back(Duration::ZERO).await;
            }
            self.taken.send_modify(|taken| *taken += 1);
            tokio::spawn(self.clone().run(taken.into(), permit));
        }
    }

    async fn run(self: Arc<Self>, taken: Arc<dyn Taken>, _permit: OwnedSemaphorePermit) {
        let execution = taken.key().name();
        let pulse = Aborted(tokio::spawn(pulse(taken.clone(), self.admission.config.durable_silence / 3)));
        match self.attempt(&*taken).await {
            Ok(()) => {}
            Err(Fault::Overtaken) => tracing::warn!(execution, "another node has taken it over"),
            // When nothing is said for long enough, somebody else gets it.
            Err(fault) => tracing::warn!(execution, %fault, "left to others"),
        }
        drop(pulse);
        self.taken.send_modify(|taken| *taken -= 1);
    }

    async fn attempt(&self, taken: &dyn Taken) -> Result<(), Fault> {
        let (journal, key) = (&*self.journal, taken.key());
        let bell = journal.bell(key, Of::Stop).await?;
        let story = Story::read(journal, key).await?;
        let phase = story.phase();
        // Deleted, or done by one who could not say so.
        let (Some(birth), Some(request), true) = (story.birth, story.request, phase != Phase::Ended) else {
            return taken.done().await;
        };
        let head = Head { last_sequence: story.head.last_sequence, phase: phase.into(), ..Head::default() };
        let mut writer = Writer { patient: true, ..Writer::new(journal, key.clone(), story.last, head) };
        let stopped = journal.stopped(key).await?;
        let caller = self.tenants.named(&key.tenant).map(|tenant| Caller::new(tenant, birth.subject.into()));
        let refusal = match (&caller, stopped) {
            (None, _) => Some(Refusal::TenantUnknown { tenant: key.tenant.clone() }),
            (Some(caller), _) if caller.tenant.is_suspended() => {
                Some(Refusal::TenantSuspended { tenant: key.tenant.clone() })
            }
            (_, Some((_, false))) => Some(Refusal::Cancelled),
            _ if story.attempts >= self.admission.config.durable_attempts => Some(Refusal::WorkerLost),
            _ => None,
        };
        let (Some(caller), None) = (caller, refusal.clone()) else {
            return self.refuse(taken, writer, refusal.unwrap_or(Refusal::WorkerLost)).await;
        };
        let attempt = story.attempts + 1;
        self.admission.metrics().durable(if attempt == 1 { Durably::Begun } else { Durably::Redelivered });
        let node = self.admission.node();
        writer.enter(Phase::Running, &What::Claim(Claim { node, attempt }).into()).await?;
        let labels = birth.labels.into_iter().collect();
        let span = trace::resumed(&birth.traceparent, &key.name(), attempt);
        let begin = |wanted| span.in_scope(|| self.admission.work(&caller, wanted, labels, key.name()));
        let kept = request::decode(request, Way::Stream).and_then(begin);
        match kept {
            Ok(record) => self.follow(taken, writer, &record, bell, stopped.map_or(0, |(at, _)| at)).await,
            Err(refusal) => self.unrun(taken, writer, refusal).await,
        }
    }

    /// Writes down what happens until the end.
    async fn follow(
        &self,
        taken: &dyn Taken,
        mut writer: Writer<'_>,
        record: &Arc<Record>,
        bell: Box<dyn Bell>,
        heard: u64,
    ) -> Result<(), Fault> {
        let stop = stop(self.journal.clone(), taken.key().clone(), record.clone(), bell, heard);
        let _stop = Aborted(tokio::spawn(stop));
        let (base, mut seen, mut changes) = (writer.head.last_sequence, 0, record.changes());
        loop {
            changes.mark_unchanged();
            let (batch, next) = record.after(seen);
            let (mut entries, mut last) = (Vec::new(), None);
            for entry in batch {
                seen = entry.sequence;
                let (sequence, emit_time) = (base + seen, Some(entry.at.into()));
                let finished = matches!(entry.event, Event::Finished(_));
                let event = v1::StreamExecuteResponse { sequence, emit_time, event: Some(entry.event) };
                if finished {
                    last = Some(event);
                } else {
                    writer.head.last_sequence = sequence;
                    entries.push(Entry::from(What::Event(event)));
                }
            }
            if let Err(fault) = writer.add(&entries).await {
                record.cancel.cancel(CancelReason::ClientGone);
                return Err(fault);
            }
            match (last, next) {
                (Some(last), _) => return self.finish(taken, writer, last).await,
                (None, Next::More) => {}
                (None, Next::End(Err(refusal))) => return self.unrun(taken, writer, refusal).await,
                (None, Next::End(Ok(()))) => return self.unrun(taken, writer, Refusal::WorkerLost).await,
                (None, Next::Wait) => {
                    if changes.changed().await.is_err() {
                        return self.unrun(taken, writer, Refusal::WorkerLost).await;
                    }
                    tokio::time::sleep(PACE).await;
                }
            }
        }
    }

    async fn finish(
        &self,
        taken: &dyn Taken,
        mut writer: Writer<'_>,
        last: v1::StreamExecuteResponse,
    ) -> Result<(), Fault> {
        let outcome = match &last.event {
            Some(Event::Finished(end)) => end.response.as_ref().and_then(|response| response.outcome.as_ref()),
            _ => None,
        };
        if outcome.is_some_and(|outcome| outcome.reason() == v1::TerminationReason::ServerDrain) {
            return self.give_back(taken, writer, Duration::ZERO).await;
        }
        (writer.head.last_sequence, writer.head.ended) = (last.sequence, now());
        writer.enter(Phase::Ended, &What::Event(last).into()).await?;
        self.admission.metrics().durable(Durably::Ended);
        taken.done().await
    }

    /// It did not run: another node may, unless none ever will.
    async fn unrun(&self, taken: &dyn Taken, writer: Writer<'_>, refusal: Refusal) -> Result<(), Fault> {
        match Status::from(refusal.clone()).get_details_retry_info().and_then(|info| info.retry_delay) {
            Some(after) => self.give_back(taken, writer, after).await,
            None => self.refuse(taken, writer, refusal).await,
        }
    }

    async fn give_back(&self, taken: &dyn Taken, mut writer: Writer<'_>, after: Duration) -> Result<(), Fault> {
        writer.enter(Phase::Queued, &What::Release(Release {}).into()).await?;
        self.admission.metrics().durable(Durably::GivenBack);
        taken.give_back(after).await
    }

    async fn refuse(&self, taken: &dyn Taken, mut writer: Writer<'_>, refusal: Refusal) -> Result<(), Fault> {
        (writer.head.ended, writer.head.refusal) = (now(), refusal.reason().to_owned());
        writer.enter(Phase::Ended, &What::Refused(Status::from(refusal).into()).into()).await?;
        self.admission.metrics().durable(Durably::Refused);
        taken.done().await
    }
}

/// Says that this node still works on it.
async fn pulse(taken: Arc<dyn Taken>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        if let Err(fault) = taken.working().await {
            tracing::warn!(execution = taken.key().name(), %fault, "nobody hears that it is being worked on");
        }
    }
}

/// Stops the execution when somebody says so.
async fn stop(journal: Arc<dyn Journal>, key: Key, record: Arc<Record>, mut bell: Box<dyn Bell>, mut heard: u64) {
    loop {
        bell.wait(LOOK).await;
        match journal.stopped(&key).await {
            Ok(Some((at, raise))) if at > heard => {
                heard = at;
                let how = if raise { CancelReason::Interrupt } else { CancelReason::CancelledByClient };
                record.cancel.cancel(how);
            }
            Ok(_) => {}
            Err(fault) => tracing::warn!(execution = key.name(), %fault, "cannot tell whether it is to stop"),
        }
    }
}

/// A task that ends with its owner.
struct Aborted(JoinHandle<()>);

impl Drop for Aborted {
    fn drop(&mut self) {
        self.0.abort();
    }
}
