//! Settings: one table, from which the struct, the environment names, the flags, the defaults and the help come.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use crate::egress::Rules;
use crate::listener::{Listen, Plaintext};
use crate::place::Isolation;
use crate::store::Home;
use crate::telemetry::LogFormat;
use crate::web::Origins;

/// One row of the table, for help and documentation.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    pub name: &'static str,
    pub default: &'static str,
    pub doc: &'static str,
}

impl Setting {
    /// `TYPHON_QUEUE_DEPTH`
    pub fn env(&self) -> String {
        format!("TYPHON_{}", self.name.to_ascii_uppercase())
    }

    /// `queue-depth`
    pub fn flag(&self) -> String {
        self.name.replace('_', "-")
    }
}

/// A setting that was given and cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadSetting {
    pub name: &'static str,
    pub value: String,
    pub expected: &'static str,
}

impl fmt::Display for BadSetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "--{} is {:?}, expected {}", self.name.replace('_', "-"), self.value, self.expected)
    }
}

impl std::error::Error for BadSetting {}

macro_rules! settings {
    ($($(#[doc = $doc:literal])+ $name:ident: $type:ty = $default:literal;)+) => {
        /// Everything the server can be told. Each field is a row of [`SETTINGS`].
        #[derive(Clone, Debug)]
        pub struct Config {
            $($(#[doc = $doc])+ pub $name: $type,)+
        }

        pub const SETTINGS: &[Setting] = &[
            $(Setting { name: stringify!($name), default: $default, doc: concat!($($doc),+) },)+
        ];

        impl Config {
            /// Takes each setting from `source`, or its default where `source` has none.
            pub fn from_source(source: impl Fn(&Setting) -> Option<String>) -> Result<Config, BadSetting> {
                let mut rows = SETTINGS.iter();
                $(let $name = read::<$type>(rows.next().expect("one row per field"), &source)?;)+
                Ok(Config { $($name),+ })
            }
        }
    };
}

settings! {
    /// Address to listen on, or unix: and the path of a socket; port 0 takes a free one.
    listen: Listen = "127.0.0.1:50451";
    /// Where connections without TLS are taken: local (on loopback and unix sockets), or anywhere.
    plaintext: Plaintext = "local";
    /// File of the server's certificate and its chain, PEM; with tls_key it turns on TLS.
    tls_cert: String = "";
    /// File of the certificate's private key, PEM.
    tls_key: String = "";
    /// File of the authorities that sign clients' certificates, PEM.
    tls_client_ca: String = "";
    /// File of the tenants, TOML: their tokens, SPIFFE ids and quotas.
    tenants_file: String = "";
    /// File of the keys that sign JWTs, a JSON Web Key Set.
    jwks_file: String = "";
    /// What the aud of JWTs must be; required with jwks_file.
    jwt_audience: String = "";
    /// What the iss of JWTs must be; empty takes any.
    jwt_issuer: String = "";
    /// The claim of JWTs that names the tenant.
    jwt_tenant_claim: String = "tenant";
    /// Address for AdminService, /metrics, /livez and /readyz, as listen; empty offers none of them.
    admin_listen: Option<Listen> = "";
    /// Origins whose pages may call by gRPC-Web or HTTP/JSON, separated by commas; * is all of them.
    cors_origins: Origins = "";
    /// How often certificates, tenants and keys are read again.
    reload_interval: Duration = "10s";
    /// How long a connection may take to say what it is, and its TLS handshake.
    handshake_timeout: Duration = "10s";
    /// Connections that may be open at once; others wait.
    connections_max: Count = "10000";
    /// Age after which a connection is told to end once its streams have; 0s is never.
    connection_age: Duration = "1h";
    /// How long the streams of a connection past its age may go on; 0s is for ever.
    connection_age_grace: Duration = "0s";
    /// Executions that run at once; 0 is one per processor.
    workers: Count = "0";
    /// Executions that may wait for a worker before QUEUE_FULL.
    queue_depth: Count = "1024";
    /// Isolates that are made before anybody wants them, by workers that have nothing else to do: so many in the server's own
    /// process, and so many in each worker process. 0 is none.
    isolates_ahead: Count = "4";
    /// Native stack of a worker thread.
    worker_stack: Bytes = "256MiB";
    /// Where guests run that do not say: `in_process`, in the server's own process; `worker_process`, in a confined one of
    /// their tenant; `dedicated_process`, in one of their own.
    isolation: Isolation = "worker_process";
    /// The least of it that a request gets, whatever it asks for.
    isolation_least: Isolation = "worker_process";
    /// Where programs may connect to whose policy asks for it, separated by commas: a host's name, *.example.org for those below it,
    /// or * for the public internet, an address or 10.1.0.0/16 for addresses, a private one only so; :443 behind it is a port.
    /// Empty is nowhere.
    egress: Rules = "";
    /// Worker processes that may exist at once; 0 is none ever.
    processes_max: Count = "256";
    /// Worker processes that are ready before anybody needs them.
    processes_spare: Count = "1";
    /// Idle time after which a tenant's worker process ends.
    process_idle_ttl: Duration = "1m";
    /// Modules that a program which imports any finds imported, because it begins as a copy of an isolate that has them; none
    /// of this where the list is empty.
    preload: String = "";
    /// Templates that may exist at once.
    templates_max: Count = "64";
    /// Copies of each template that are there before anybody needs them.
    template_copies_spare: Count = "2";
    /// File of the key that signs snapshots, 64 hexadecimal digits; without it each server makes its own, and what it exports no
    /// other one takes.
    snapshot_key_file: String = "";
    /// Where snapshots are kept, and the sessions of a server that drains: a folder, or nats for the object store of nats_url;
    /// needs snapshot_key_file. Empty keeps snapshots in memory, and sessions end with their server.
    snapshot_store: Home = "";
    /// Bytes that the store may hold.
    snapshot_store_bytes_max: Bytes = "4GiB";
    /// Largest snapshot.
    snapshot_max: Bytes = "64MiB";
    /// Bytes that all snapshots may hold.
    snapshots_bytes_max: Bytes = "512MiB";
    /// How long a snapshot is kept that asks for nothing.
    snapshot_ttl_default: Duration = "24h";
    /// Longest time a snapshot may ask for.
    snapshot_ttl_max: Duration = "720h";
    /// Largest request or response message.
    max_message: Bytes = "32MiB";
    /// Wall time of an execution that asks for none.
    wall_time_default: Duration = "10s";
    /// Most wall time an execution may ask for.
    wall_time_max: Duration = "5m";
    /// CPU time of an execution that asks for none.
    cpu_time_default: Duration = "10s";
    /// Most CPU time an execution may ask for.
    cpu_time_max: Duration = "5m";
    /// Heap of an execution that asks for none.
    heap_default: Bytes = "256MiB";
    /// Most heap an execution may ask for.
    heap_max: Bytes = "2GiB";
    /// Python frames of an execution that asks for none.
    stack_depth_default: Count = "1000";
    /// Most Python frames an execution may ask for.
    stack_depth_max: Count = "100000";
    /// Threads of an execution that asks for none, its first included.
    threads_default: Count = "32";
    /// Most threads an execution may ask for.
    threads_max: Count = "256";
    /// Bytes on standard output, and on standard error, of an execution that asks for none.
    output_default: Bytes = "1MiB";
    /// Most bytes per stream an execution may ask for.
    output_max: Bytes = "64MiB";
    /// Size of the result value of an execution that asks for none.
    result_default: Bytes = "1MiB";
    /// Largest result an execution may ask for.
    result_max: Bytes = "16MiB";
    /// What the files of an execution that asks for none may hold; they are in its heap.
    file_bytes_default: Bytes = "32MiB";
    /// Most that the files of an execution may hold.
    file_bytes_max: Bytes = "64MiB";
    /// Files and folders of an execution that asks for none.
    file_count_default: Count = "1000";
    /// Most files and folders an execution may ask for.
    file_count_max: Count = "10000";
    /// Files that an execution may have open that asks for none.
    open_files_default: Count = "256";
    /// Most open files an execution may ask for.
    open_files_max: Count = "1024";
    /// Largest source text.
    source_max: Bytes = "16MiB";
    /// Bytes of programs that are kept under a name before those not used for longest are forgotten.
    programs_bytes_max: Bytes = "256MiB";
    /// Bytes of compiled source that are kept for when the same source comes again; 0 keeps none.
    compiled_bytes_max: Bytes = "256MiB";
    /// Executions that are kept: those started detached, and those whose requests have ids.
    executions_max: Count = "1000";
    /// Bytes of output and results that kept executions may hold before the oldest ended ones are forgotten.
    executions_bytes_max: Bytes = "1GiB";
    /// How long a kept execution is remembered after its end, and with it its request's id.
    execution_ttl: Duration = "10m";
    /// How long a program whose request has an id goes on without a client, for a retry to find it.
    request_grace: Duration = "5s";
    /// Servers of NATS, separated by commas, such as nats://10.0.0.1:4222; with them, StartExecution is durable. Empty keeps
    /// what is started on this machine.
    nats_url: String = "";
    /// File of the credentials to show NATS.
    nats_credentials: String = "";
    /// File of the authorities that sign NATS's certificates, PEM; with it TLS is required.
    nats_ca: String = "";
    /// What the streams and subjects of these nodes begin with; other nodes on the same NATS have another.
    nats_prefix: Prefix = "typhon";
    /// Servers of NATS that keep each durable execution; 1, 3 or 5.
    nats_replicas: Count = "1";
    /// How long a durable execution is remembered after its start, whatever becomes of it.
    durable_ttl: Duration = "24h";
    /// Bytes of durable executions that NATS keeps; more are refused.
    durable_bytes_max: Bytes = "1GiB";
    /// After so much silence of the node that runs a durable execution, another begins it anew.
    durable_silence: Duration = "30s";
    /// How often a durable execution is begun before it is given up, because nodes die of it.
    durable_attempts: Count = "3";
    /// Calls of host functions of an execution that asks for none.
    host_calls_default: Count = "10000";
    /// Most calls of host functions an execution may ask for.
    host_calls_max: Count = "1000000";
    /// Calls of host functions that may be open at once; the guest waits with the next.
    host_calls_open: Count = "64";
    /// Sessions that may exist at once.
    sessions_max: Count = "10000";
    /// Heap that all sessions may hold; above it none is created.
    sessions_heap_max: Bytes = "4GiB";
    /// Executions that may wait for one session before SESSION_BUSY.
    session_line_max: Count = "16";
    /// Idle time after which a session ends that asks for none.
    session_idle_ttl_default: Duration = "10m";
    /// Most idle time a session may ask for.
    session_idle_ttl_max: Duration = "24h";
    /// Life of a session that asks for none.
    session_ttl_default: Duration = "1h";
    /// Longest life a session may ask for.
    session_ttl_max: Duration = "24h";
    /// After an execution in a session has lost its client, it may handle KeyboardInterrupt for so long.
    interrupt_grace: Duration = "1s";
    /// How long before the client's deadline the outcome is sent.
    deadline_margin: Duration = "25ms";
    /// Bytes of output that may wait for a slow reader before the guest is stalled.
    stream_buffer: Bytes = "1MiB";
    /// Silence on a stream after which a keepalive event is sent.
    keepalive_interval: Duration = "15s";
    /// HTTP/2 ping interval that finds dead clients.
    ping_interval: Duration = "30s";
    /// How long a ping may stay unanswered.
    ping_timeout: Duration = "10s";
    /// Streams that one connection may have open.
    max_streams: Count = "1024";
    /// Between NOT_SERVING and refusing new work, so that balancers notice.
    drain_delay: Duration = "0s";
    /// How long running executions may go on once draining.
    drain_grace: Duration = "20s";
    /// How long a server that drains may take to hand its sessions over to the store.
    drain_handover: Duration = "10s";
    /// Log filter, as RUST_LOG.
    log: String = "info";
    /// How lines of the log look: text or json.
    log_format: LogFormat = "text";
    /// URL of the collector that traces are sent to, by OTLP over gRPC (its port is 4317 mostly); empty sends none.
    otlp_endpoint: String = "";
    /// File of the authorities that sign the certificate of otlp_endpoint, PEM; needed for https.
    otlp_ca: String = "";
    /// The part of traces that is sent, from 0 to 1, of those that do not come with a decision.
    trace_sample: Fraction = "1";
    /// File to which the audit log is added, or - for standard error; empty keeps none.
    audit_log: String = "";
}

fn read<T: FromText>(row: &Setting, source: impl Fn(&Setting) -> Option<String>) -> Result<T, BadSetting> {
    let value = source(row).unwrap_or_else(|| row.default.to_owned());
    T::from_text(value.trim()).ok_or(BadSetting { name: row.name, value, expected: T::EXPECTED })
}

pub trait FromText: Sized {
    const EXPECTED: &'static str;
    fn from_text(text: &str) -> Option<Self>;
}

/// A number of things.
pub type Count = u32;

/// A number of bytes: `65536`, `64KiB`, `1MiB`, `2GiB`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

impl Bytes {
    pub fn as_usize(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl FromText for Bytes {
    const EXPECTED: &'static str = "a number of bytes such as 65536, 64KiB, 1MiB or 2GiB";

    fn from_text(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let unit = match unit.trim() {
            "" | "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return None,
        };
        number.parse::<u64>().ok()?.checked_mul(unit).map(Bytes)
    }
}

impl FromText for Duration {
    const EXPECTED: &'static str = "a time such as 250ms, 10s or 5m";

    fn from_text(text: &str) -> Option<Self> {
        let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
        let (number, unit) = text.split_at(digits);
        let number = number.parse::<u64>().ok()?;
        let time = match unit.trim() {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(3600)?),
            _ => return None,
        };
        // Any longer is a mistake, and could not be added to a point in time.
        (time < Duration::from_secs(100 * 365 * 86_400)).then_some(time)
    }
}

impl FromText for Count {
    const EXPECTED: &'static str = "a number";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok()
    }
}

impl FromText for Listen {
    const EXPECTED: &'static str = "an address such as 127.0.0.1:50451, [::]:50451 or unix:/run/typhon.sock";

    fn from_text(text: &str) -> Option<Self> {
        match text.strip_prefix("unix:") {
            Some("") => None,
            Some(path) => Some(Listen::Unix(path.into())),
            None => text.parse::<SocketAddr>().ok().map(Listen::Tcp),
        }
    }
}

impl<T: FromText> FromText for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;

    fn from_text(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::from_text(text).map(Some) }
    }
}

impl FromText for LogFormat {
    const EXPECTED: &'static str = "text or json";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        }
    }
}

impl FromText for Origins {
    const EXPECTED: &'static str = "origins such as https://a.example,https://b.example, or *";

    fn from_text(text: &str) -> Option<Self> {
        Origins::from_text(text)
    }
}

impl FromText for Rules {
    const EXPECTED: &'static str = "destinations such as example.org:443, *.example.org, 10.1.0.0/16:5432, or *";

    fn from_text(text: &str) -> Option<Self> {
        Rules::parse(text)
    }
}

impl FromText for Plaintext {
    const EXPECTED: &'static str = "local or anywhere";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "local" => Some(Plaintext::Local),
            "anywhere" => Some(Plaintext::Anywhere),
            _ => None,
        }
    }
}

impl FromText for Isolation {
    const EXPECTED: &'static str = "in_process, worker_process or dedicated_process";

    fn from_text(text: &str) -> Option<Self> {
        match text {
            "in_process" => Some(Isolation::InProcess),
            "worker_process" => Some(Isolation::Worker),
            "dedicated_process" => Some(Isolation::Dedicated),
            _ => None,
        }
    }
}

/// From 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fraction(pub f64);

impl FromText for Fraction {
    const EXPECTED: &'static str = "a number from 0 to 1";

    fn from_text(text: &str) -> Option<Self> {
        text.parse().ok().filter(|part| (0.0..=1.0).contains(part)).map(Fraction)
    }
}

/// A word that may be part of NATS's names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prefix(pub String);

impl FromText for Prefix {
    const EXPECTED: &'static str = "a word of letters, digits, - and _";

    fn from_text(text: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        ((1..=64).contains(&text.len()) && text.bytes().all(plain)).then(|| Prefix(text.to_owned()))
    }
}

impl FromText for String {
    const EXPECTED: &'static str = "text";

    fn from_text(text: &str) -> Option<Self> {
        Some(text.to_owned())
    }
}

impl Config {
    pub fn worker_count(&self) -> usize {
        match self.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            count => count as usize,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_parses_and_every_name_is_unlike_the_others() {
        Config::from_source(|_| None).expect("the defaults are good");
        let names: std::collections::HashSet<_> = SETTINGS.iter().map(Setting::env).collect();
        assert_eq!(names.len(), SETTINGS.len());
        assert!(SETTINGS.iter().all(|row| row.doc.trim().ends_with('.')));
    }

    #[test]
    fn a_bad_value_is_named() {
        let bad = |name: &'static str, value: &'static str| {
            Config::from_source(|row| (row.name == name).then(|| value.to_owned())).expect_err(value).to_string()
        };
        assert_eq!(bad("wall_time_max", "10"), "--wall-time-max is \"10\", expected a time such as 250ms, 10s or 5m");
        for (name, value) in [
            ("listen", "localhost"),
            ("listen", "unix:"),
            ("plaintext", "yes"),
            ("cors_origins", "a.example"),
            ("cors_origins", "https://a.example/x"),
            ("admin_listen", "localhost"),
            ("log_format", "xml"),
            ("queue_depth", "-1"),
            ("heap_max", "1MB"),
            ("heap_max", "99999999999GiB"),
            ("drain_grace", ""),
            ("isolation", "IN_PROCESS"),
            ("drain_grace", "99999999999999h"),
            ("nats_prefix", "a.b"),
            ("trace_sample", "2"),
            ("snapshot_store", "somewhere"),
        ] {
            assert!(bad(name, value).contains("expected"), "{name}");
        }
    }

    #[test]
    fn units_are_powers_of_two() {
        let config = Config::from_source(|row| (row.name == "heap_max").then(|| "3GiB".into())).expect("good");
        assert_eq!(config.heap_max, Bytes(3 << 30));
    }
}
