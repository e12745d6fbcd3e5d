//! What Prometheus scrapes. Labels come from closed sets: no value of a guest or a client ever becomes one.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use prost::Message;
use prost_types::{FileDescriptorSet, MethodDescriptorProto, ServiceDescriptorProto};
use tonic::Code;
use typhon_proto::v1;
use typhon_proto::v1::outcome::Detail;

use crate::admission::Admission;
use crate::error::code_name;
use crate::identity::{Tenant, Tenants};
use crate::library::Shelves;
use crate::sessions::Sessions;
use crate::snapshots::Snapshots;
use crate::tls::Certificates;
use crate::workers::Workers;

pub struct Metrics {
    registry: Mutex<Registry>,
    executions: Family<Ended, Counter>,
    durations: Family<Outcome, Histogram, fn() -> Histogram>,
    peak_heap: Histogram,
    limit_hits: Family<Limit, Counter>,
    queue_wait: Histogram,
    rejected: Family<Reason, Counter>,
    output: Family<Output, Counter>,
    truncated: Counter,
    session_lives: Histogram,
    durable: Family<Event, Counter>,
    passed: Family<Event, Counter>,
    starts: Family<Source, Histogram, fn() -> Histogram>,
    /// How long after their wall time programs ended that used it up.
    late: Histogram,
    host_calls: Family<Called, Counter>,
    host_waits: Histogram,
    code: Counter,
    /// What threads of programs cost each other, and how long they waited.
    sharing: Family<Event, Counter>,
    shared_waits: Family<Event, Counter<f64>>,
    calls: Family<Method, Counter>,
    call_times: Family<Answered, Histogram, fn() -> Histogram>,
    received: Family<Method, Histogram, fn() -> Histogram>,
    sent: Family<Method, Histogram, fn() -> Histogram>,
    /// Of `calls`, by path: those that there are.
    methods: HashMap<String, (Arc<str>, Counter)>,
    unknown: (Arc<str>, Counter),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    /// Fresh, or session.
    kind: &'static str,
    outcome: &'static str,
    tenant: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Limit {
    limit: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Reason {
    reason: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Output {
    stream: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Called {
    outcome: &'static str,
}

/// How a call of a host function ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallEnd {
    Returned,
    Raised,
    /// The program has given it up.
    Cancelled,
    /// Nobody is there to answer it.
    Unanswered,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Event {
    event: &'static str,
}

/// What happens to durable executions at this node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durably {
    Started,
    Begun,
    /// Another node had begun it.
    Redelivered,
    GivenBack,
    Ended,
    Refused,
}

/// What becomes of a session when its server ends, and after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Passed {
    HandedOver,
    /// Another server had left it in the store.
    Restored,
    Lost,
}

/// The way of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    In,
    Out,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Method {
    grpc_method: Arc<str>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    grpc_method: Arc<str>,
    grpc_status: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Source {
    source: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
    language: &'static str,
}

/// What a tenant has used since the server began.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Used {
    pub executions: u64,
    pub wall: Duration,
    pub cpu: Duration,
    /// Of the time of processors: collecting cycles.
    pub collecting: Duration,
    /// Compiling loops, on other threads.
    pub compiling: Duration,
    pub instructions: u64,
    pub output_bytes: u64,
}

impl Used {
    pub fn add(&mut self, usage: &v1::Usage) {
        self.executions += 1;
        self.wall += time(usage.wall_time);
        self.cpu += time(usage.cpu_time);
        self.collecting += time(usage.gc_time);
        self.compiling += time(usage.jit_compile_time);
        self.instructions = self.instructions.saturating_add(count(usage.instructions));
        self.output_bytes = self.output_bytes.saturating_add(count(usage.bytes_out));
    }
}

/// A time that we have measured ourselves.
pub fn time(of: Option<prost_types::Duration>) -> Duration {
    of.and_then(|time| Duration::try_from(time).ok()).unwrap_or_default()
}

fn count(of: i64) -> u64 {
    u64::try_from(of).unwrap_or(0)
}

/// Every method of ours, as a path.
fn paths() -> Vec<String> {
    // It is compiled in, and a test decodes it.
    let set = FileDescriptorSet::decode(typhon_proto::FILE_DESCRIPTOR_SET).unwrap_or_default();
    let ours = set.file.iter().filter(|file| file.package() == "typhon.v1").flat_map(|file| &file.service);
    let of = |service: &ServiceDescriptorProto| {
        let path = |method: &MethodDescriptorProto| format!("/typhon.v1.{}/{}", service.name(), method.name());
        service.method.iter().map(path).collect::<Vec<_>>()
    };
    ours.flat_map(of).collect()
}

/// From 10 microseconds to 2.6 seconds.
fn quick() -> Histogram {
    Histogram::new(exponential_buckets(0.000_01, 4.0, 10))
}

/// From 64 bytes to 64 MiB.
fn sizes() -> Histogram {
    Histogram::new(exponential_buckets(64.0, 4.0, 11))
}

/// From 100 microseconds to 7 minutes.
fn seconds() -> Histogram {
    Histogram::new(exponential_buckets(0.0001, 4.0, 12))
}

impl Metrics {
    pub fn new() -> Metrics {
        let calls = Family::<Method, Counter>::default();
        let of = |method: &str| {
            let method: Arc<str> = method.into();
            (method.clone(), calls.get_or_create_owned(&Method { grpc_method: method }))
        };
        let methods = paths().into_iter().map(|path| (path.clone(), of(&path[1..]))).collect();
        let unknown = of("other");
        let metrics = Metrics {
            registry: Mutex::default(),
            executions: Family::default(),
            durations: Family::new_with_constructor(seconds),
            // From 64 KiB to 4 GiB.
            peak_heap: Histogram::new(exponential_buckets(65_536.0, 4.0, 9)),
            limit_hits: Family::default(),
            queue_wait: seconds(),
            rejected: Family::default(),
            output: Family::default(),
            truncated: Counter::default(),
            // From a second to three days.
            session_lives: Histogram::new(exponential_buckets(1.0, 4.0, 10)),
            durable: Family::default(),
            passed: Family::default(),
            starts: Family::new_with_constructor(quick),
            late: quick(),
            host_calls: Family::default(),
            host_waits: seconds(),
            code: Counter::default(),
            sharing: Family::default(),
            shared_waits: Family::default(),
            call_times: Family::new_with_constructor(seconds),
            received: Family::new_with_constructor(sizes),
            sent: Family::new_with_constructor(sizes),
            calls,
            methods,
            unknown,
        };
        metrics.register();
        metrics
    }

    fn register(&self) {
        let mut all = self.registry.lock();
        let build = Build { version: env!("CARGO_PKG_VERSION"), language: "3.14" };
        all.register("typhon_build", "The server and the language it runs", Info::new(build));
        all.register("typhon_executions", "Executions that ended", self.executions.clone());
        all.register("typhon_execution_duration_seconds", "Wall time of executions", self.durations.clone());
        all.register("typhon_execution_peak_heap_bytes", "Largest heap of executions", self.peak_heap.clone());
        all.register("typhon_limit_hits", "Executions that a limit ended", self.limit_hits.clone());
        all.register("typhon_queue_wait_seconds", "Time from arrival to start", self.queue_wait.clone());
        all.register("typhon_admission_rejected", "Requests refused", self.rejected.clone());
        all.register("typhon_output_bytes", "Bytes that programs wrote", self.output.clone());
        all.register("typhon_output_truncated", "Streams that were cut at their limit", self.truncated.clone());
        all.register("typhon_session_lifetime_seconds", "Lives of sessions that ended", self.session_lives.clone());
        all.register("typhon_durable_executions", "What happened to durable executions here", self.durable.clone());
        all.register("typhon_session_handovers", "Sessions that servers passed on", self.passed.clone());
        all.register("typhon_isolate_start_seconds", "Time that isolates took to begin", self.starts.clone());
        all.register("typhon_interrupt_latency_seconds", "Time from a wall limit to the end", self.late.clone());
        all.register("typhon_host_calls", "Calls of host functions", self.host_calls.clone());
        all.register("typhon_host_call_wait_seconds", "Time that executions waited for hosts", self.host_waits.clone());
        all.register("typhon_jit_code_bytes", "Machine code that was made", self.code.clone());
        all.register("typhon_thread_events", "What programs' threads cost each other", self.sharing.clone());
        all.register("typhon_thread_wait_seconds", "Time of those that take time", self.shared_waits.clone());
        all.register("grpc_server_call_started", "Calls that came", self.calls.clone());
        all.register("grpc_server_call_duration_seconds", "Time from headers to trailers", self.call_times.clone());
        let (received, sent) = (self.received.clone(), self.sent.clone());
        all.register("grpc_server_call_rcvd_total_compressed_message_size_bytes", "Messages of calls, in", received);
        all.register("grpc_server_call_sent_total_compressed_message_size_bytes", "Messages of calls, out", sent);
    }

    /// Adds what finds source compiled already.
    pub fn shelve(&self, shelves: &Shelves) {
        let mut all = self.registry.lock();
        let (hits, misses) = (shelves.hits.clone(), shelves.misses.clone());
        all.register("typhon_program_cache_hits", "Executions whose source was compiled already", hits);
        all.register("typhon_program_cache_misses", "Executions whose source was compiled", misses);
    }

    /// Adds what is looked up when somebody scrapes.
    pub fn watch(&self, watched: Watched) {
        self.registry.lock().register_collector(Box::new(watched));
    }

    /// A call came for this path. The label of its method.
    pub fn call(&self, path: &str) -> Arc<str> {
        let (method, count) = self.methods.get(path).unwrap_or(&self.unknown);
        count.inc();
        method.clone()
    }

    pub fn called(&self, method: &Arc<str>, status: Code, took: Duration) {
        let label = Answered { grpc_method: method.clone(), grpc_status: code_name(status) };
        self.call_times.get_or_create(&label).observe(took.as_secs_f64());
    }

    /// So much came or went by one call, as it was on the wire.
    pub fn weighed(&self, method: &Arc<str>, way: Way, bytes: u64) {
        let sizes = match way {
            Way::In => &self.received,
            Way::Out => &self.sent,
        };
        sizes.get_or_create(&Method { grpc_method: method.clone() }).observe(bytes as f64);
    }

    /// A refusal left the server; its reason is one of our own.
    pub fn refused(&self, reason: &str) {
        self.rejected.get_or_create(&Reason { reason: reason.to_owned() }).inc();
    }

    pub fn host_calls_ended(&self, how: CallEnd, calls: usize) {
        let outcome = match how {
            CallEnd::Returned => "returned",
            CallEnd::Raised => "raised",
            CallEnd::Cancelled => "cancelled",
            CallEnd::Unanswered => "unanswered",
        };
        self.host_calls.get_or_create(&Called { outcome }).inc_by(calls as u64);
    }

    pub fn durable(&self, what: Durably) {
        let event = match what {
            Durably::Started => "started",
            Durably::Begun => "begun",
            Durably::Redelivered => "redelivered",
            Durably::GivenBack => "given_back",
            Durably::Ended => "ended",
            Durably::Refused => "refused",
        };
        self.durable.get_or_create(&Event { event }).inc();
    }

    pub fn passed(&self, how: Passed) {
        let event = match how {
            Passed::HandedOver => "handed_over",
            Passed::Restored => "restored",
            Passed::Lost => "lost",
        };
        self.passed.get_or_create(&Event { event }).inc();
    }

    pub fn session_ended(&self, created: SystemTime) {
        self.session_lives.observe(created.elapsed().unwrap_or_default().as_secs_f64());
    }

    pub fn ended(&self, tenant: &Tenant, response: &v1::ExecuteResponse) {
        let none = v1::Usage::default();
        let usage = response.usage.as_ref().unwrap_or(&none);
        tenant.used(|used| used.add(usage));
        let kind = if response.session.is_empty() { "fresh" } else { "session" };
        let ended = response.outcome.as_ref();
        let outcome = ended.map_or(v1::TerminationReason::Unspecified, v1::Outcome::reason).as_str_name();
        let outcome = outcome.trim_start_matches("TERMINATION_REASON_");
        self.executions.get_or_create(&Ended { kind, outcome, tenant: label(tenant) }).inc();
        self.durations.get_or_create(&Outcome { kind, outcome }).observe(time(usage.wall_time).as_secs_f64());
        self.queue_wait.observe(time(usage.queue_time).as_secs_f64());
        self.peak_heap.observe(usage.peak_heap_bytes as f64);
        if let Some(Detail::Limit(hit)) = ended.and_then(|ended| ended.detail.as_ref()) {
            let limit = hit.which().as_str_name().trim_start_matches("LIMIT_NAME_");
            self.limit_hits.get_or_create(&Limit { limit }).inc();
        }
        self.spent(response, usage);
        self.wrote("stdout", response.stdout.as_ref());
        self.wrote("stderr", response.stderr.as_ref());
    }

    fn spent(&self, response: &v1::ExecuteResponse, usage: &v1::Usage) {
        use v1::usage::IsolateSource as From;
        let source = match usage.isolate_source() {
            From::Unspecified | From::Cold => "cold",
            From::Pool => "pool",
            From::Fork => "fork",
            From::Snapshot => "snapshot",
        };
        if response.session.is_empty() {
            self.starts.get_or_create(&Source { source }).observe(time(usage.start_time_cost).as_secs_f64());
        }
        let hit = response.outcome.as_ref().and_then(|outcome| outcome.detail.as_ref());
        if let Some(Detail::Limit(hit)) = hit
            && hit.which() == v1::LimitName::WallTime
        {
            let limit = response.effective_limits.as_ref().and_then(|limits| limits.wall_time);
            self.late.observe(time(usage.wall_time).saturating_sub(time(limit)).as_secs_f64());
        }
        if usage.host_calls > 0 {
            self.host_waits.observe(time(usage.host_wait_time).as_secs_f64());
        }
        self.code.inc_by(count(usage.jit_code_bytes));
        if let Some(cost) = usage.sharing.as_deref() {
            self.shared(cost);
        }
    }

    fn shared(&self, cost: &v1::Sharing) {
        let events = [
            ("share", cost.shares),
            ("merge", cost.merges),
            ("delayed_release", cost.delayed_releases),
            ("grace_period", cost.grace_periods),
            ("native_lock_wait", cost.native_lock_waits),
            ("world_stop", cost.world_stops),
            ("collection", cost.collections),
        ];
        for (event, times) in events {
            self.sharing.get_or_create(&Event { event }).inc_by(count(times));
        }
        let waits = [
            ("grace_period", cost.grace_time),
            ("native_lock_wait", cost.native_lock_wait_time),
            ("world_stop", cost.world_stop_time),
        ];
        for (event, waited) in waits {
            self.shared_waits.get_or_create(&Event { event }).inc_by(time(waited).as_secs_f64());
        }
    }

    fn wrote(&self, stream: &'static str, output: Option<&v1::Output>) {
        let Some(output) = output else { return };
        self.output.get_or_create(&Output { stream }).inc_by(count(output.produced_bytes));
        if output.truncated {
            self.truncated.inc();
        }
    }

    /// All of it, as Prometheus reads it.
    pub fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry.lock())?;
        Ok(text)
    }
}

/// A tenant as a label: those that the file names, so that credentials cannot make new ones.
fn label(tenant: &Tenant) -> String {
    if tenant.is_listed() || &*tenant.name == "default" { tenant.name.to_string() } else { "other".to_owned() }
}

/// What has a value at any time. Most of these count in metrics, which would keep them, and with them themselves.
pub struct Watched {
    pub workers: Weak<Workers>,
    pub sessions: Weak<Sessions>,
    pub snapshots: Weak<Snapshots>,
    pub admission: Weak<Admission>,
    pub tenants: Arc<Tenants>,
    pub certificates: Option<Arc<Certificates>>,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl Collector for Watched {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let (Some(workers), Some(sessions), Some(snapshots), Some(admission)) =
            (self.workers.upgrade(), self.sessions.upgrade(), self.snapshots.upgrade(), self.admission.upgrade())
        else {
            // The server is gone.
            return Ok(());
        };
        let running = workers.running() as i64;
        let idle = (workers.count() as i64).saturating_sub(running);
        gauges(&mut to, "typhon_pool_workers", "Workers", "state", &[("running", running), ("idle", idle)])?;
        let (resting, working, failed) = sessions.states();
        let states = [("idle", resting as i64), ("running", working as i64), ("failed", failed as i64)];
        gauges(&mut to, "typhon_sessions", "Sessions", "state", &states)?;
        let resting = sessions.resting() as i64;
        let ahead = workers.places().ahead().ready() as i64;
        let states = [("running", running), ("resting", resting), ("ahead", ahead)];
        gauges(&mut to, "typhon_isolates", "Isolates", "state", &states)?;
        let mut deaths =
            to.encode_descriptor("typhon_worker_restarts", "Worker processes that ended", None, MetricType::Counter)?;
        for (reason, number) in workers.places().deaths() {
            ConstCounter::new(number).encode(deaths.encode_family(&[("reason", reason)])?)?;
        }
        let (snapshots, bytes) = snapshots.held();
        gauge(&mut to, "typhon_snapshots", "Snapshots that are kept", snapshots as i64)?;
        gauge(&mut to, "typhon_snapshot_bytes", "What snapshots hold", i64::try_from(bytes).unwrap_or(i64::MAX))?;
        gauge(&mut to, "typhon_drain_state", "1 once the server is stopping", i64::from(admission.is_leaving()))?;
        if let Some(expiry) = self.certificates.as_ref().and_then(|certificates| certificates.expiry()) {
            gauge(&mut to, "typhon_tls_cert_expiry_timestamp_seconds", "When the server's certificate ends", expiry)?;
        }
        let tenants = self.tenants.all();
        let mut depths: Vec<(String, i64)> = Vec::new();
        let mut used: Vec<(String, Used)> = Vec::new();
        for tenant in &tenants {
            let (waiting, now) = (workers.of(tenant).0 as i64, tenant.used(|used| *used));
            match depths.iter().position(|(name, _)| *name == label(tenant)) {
                None => {
                    depths.push((label(tenant), waiting));
                    used.push((label(tenant), now));
                }
                Some(at) => {
                    depths[at].1 += waiting;
                    used[at].1 = used[at].1.plus(now);
                }
            }
        }
        let depths: Vec<(&str, i64)> = depths.iter().map(|(name, depth)| (name.as_str(), *depth)).collect();
        gauges(&mut to, "typhon_queue_depth", "Executions that wait for a worker", "tenant", &depths)?;
        counters(&mut to, "typhon_execution_cpu_seconds", "Processor time of executions", &used, |used| {
            used.cpu.as_secs_f64()
        })?;
        counters(&mut to, "typhon_gc_seconds", "Time that collecting cycles took", &used, |used| {
            used.collecting.as_secs_f64()
        })?;
        counters(&mut to, "typhon_jit_compile_seconds", "Time that compiling loops took", &used, |used| {
            used.compiling.as_secs_f64()
        })?;
        counters(&mut to, "typhon_execution_instructions", "Instructions of executions", &used, |used| {
            used.instructions as f64
        })
    }
}

impl Used {
    fn plus(self, other: Used) -> Used {
        Used {
            executions: self.executions + other.executions,
            wall: self.wall + other.wall,
            cpu: self.cpu + other.cpu,
            collecting: self.collecting + other.collecting,
            compiling: self.compiling + other.compiling,
            instructions: self.instructions.saturating_add(other.instructions),
            output_bytes: self.output_bytes.saturating_add(other.output_bytes),
        }
    }
}

fn gauge(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    ConstGauge::new(value).encode(to.encode_descriptor(name, help, None, MetricType::Gauge)?)
}

fn gauges(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, key: &str, values: &[(&str, i64)]) -> fmt::Result {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Gauge)?;
    for (label, value) in values {
        ConstGauge::new(*value).encode(family.encode_family(&[(key, *label)])?)?;
    }
    Ok(())
}

fn counters(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    used: &[(String, Used)],
    value: fn(&Used) -> f64,
) -> fmt::Result {
    let mut family = to.encode_descriptor(name, help, None, MetricType::Counter)?;
    for (tenant, used) in used {
        ConstCounter::new(value(used)).encode(family.encode_family(&[("tenant", tenant.as_str())])?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
