//! An `ExecuteRequest` checked and taken apart. Every field is untrusted.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use typhon_proto::v1;
use typhon_vm::{HostFunction, HostFunctions, HostModule, Limits, Modules, Request, ResultMode};

use crate::egress::{Rule, Rules};
use crate::error::Refusal;
use crate::grpc::files::file_path;
use crate::grpc::value;
use crate::host::World;
use crate::output::{OutputMode, OutputPlan, Overflow};
use crate::place::Isolation;
use crate::session::Session;

/// What a client asks for, in our own types, with its limits as asked.
pub struct Wanted {
    pub request: Request,
    /// The name of the program to take the source from.
    pub program: Option<String>,
    /// Higher ones come first in the tenant's line.
    pub priority: i32,
    pub plan: OutputPlan,
    pub world: World,
    pub isolation: Option<Isolation>,
    /// The name of the session to run in.
    pub session: Option<String>,
    /// The name of the template to begin as a copy of.
    pub template: Option<String>,
    /// The name of the snapshot to begin from.
    pub snapshot: Option<String>,
    /// A session that has no name.
    pub made: Option<Arc<Session>>,
    /// What the program may call.
    pub functions: HostFunctions,
    /// Set once nobody waits for it any more.
    pub gone: Arc<OnceLock<()>>,
}

/// What the method offers that the request came by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// One answer.
    Unary,
    /// A stream of events.
    Stream,
    /// A stream of events, and a client that answers calls.
    Interact,
}

/// More names than this in one map is a mistake or an attack.
const NAMES_MAX: usize = 10_000;
const FUNCTIONS_MAX: usize = 1000;
const MODULES_MAX: usize = 1000;
const RULES_MAX: usize = 100;
/// More labels than this, or longer ones, are data.
const LABELS_MAX: usize = 64;
const LABEL_BYTES: usize = 256;

pub fn decode(message: v1::ExecuteRequest, way: Way) -> Result<Wanted, Refusal> {
    let session = match &message.target {
        Some(v1::execute_request::Target::Session(name)) => Some(name.clone()),
        _ => None,
    };
    let template = match &message.target {
        Some(v1::execute_request::Target::Template(name)) => Some(name.clone()),
        _ => None,
    };
    let snapshot = match &message.target {
        Some(v1::execute_request::Target::Snapshot(name)) => Some(name.clone()),
        _ => None,
    };
    if session.is_some() || template.is_some() {
        fits_session(&message)?;
    }
    let (source, program) = source(message.code)?;
    request_id(&message.request_id)?;
    labels(message.labels, "labels")?;
    let policy = message.policy.unwrap_or_default();
    let world = world(&policy)?;
    let isolation = isolation(&policy)?;
    let functions = functions(&policy)?;
    if !functions.is_empty() && way != Way::Interact {
        let field = if functions.globals.is_empty() { "policy.host_modules" } else { "policy.host_functions" };
        return Err(Refusal::invalid(field, "only a client of Interact can answer"));
    }
    let limits = limits(&message.limits.unwrap_or_default())?;
    let plan = plan(&message.output.unwrap_or_default(), way)?;
    if plan.traces && message.target.is_some() {
        return Err(Refusal::invalid("output.traces", "is for a program in a fresh isolate"));
    }
    let result_mode = result_mode(message.result_mode)?;
    for (index, argument) in message.argv.iter().enumerate() {
        no_nul(argument, || format!("argv[{index}]"))?;
    }
    let request = Request {
        entry_point: entry_point(message.entry_point)?,
        source: source.text,
        filename: source.filename,
        argv: message.argv,
        env: env(message.env)?,
        inputs: inputs(message.inputs)?,
        stdin: message.stdin,
        files: files(message.files)?,
        work: None,
        result_mode,
        validate_only: message.validate_only,
        handler: plan.handler,
        limits,
        host: None,
        library: None,
        deterministic: world.deterministic,
        modules: None,
    };
    Ok(Wanted {
        request,
        program,
        priority: message.priority,
        plan,
        world,
        isolation,
        session,
        template,
        snapshot,
        made: None,
        functions,
        gone: Arc::default(),
    })
}

/// The functions that a policy lets the program call.
pub fn functions(policy: &v1::Policy) -> Result<HostFunctions, Refusal> {
    let all = policy.host_modules.iter().map(|module| module.functions.len()).sum::<usize>();
    if policy.host_modules.len() > MODULES_MAX {
        return Err(Refusal::invalid("policy.host_modules", format!("has more than {MODULES_MAX} entries")));
    }
    if policy.host_functions.len() + all > FUNCTIONS_MAX {
        let field = if all == 0 { "policy.host_functions" } else { "policy.host_modules" };
        return Err(Refusal::invalid(field, format!("has more than {FUNCTIONS_MAX} functions, with all others")));
    }
    let globals = named(&policy.host_functions, "policy.host_functions")?;
    let (mut names, mut modules) = (HashSet::new(), Vec::new());
    for (index, module) in policy.host_modules.iter().enumerate() {
        let field = || format!("policy.host_modules[{index}].name");
        if !is_identifier(&module.name) {
            return Err(Refusal::invalid(field(), "is not a Python identifier"));
        }
        if OURS.contains(&module.name.as_str()) {
            return Err(Refusal::invalid(field(), "is the name of a module that every program has"));
        }
        if !names.insert(&module.name) {
            return Err(Refusal::invalid(field(), "is there twice"));
        }
        let functions = named(&module.functions, &format!("policy.host_modules[{index}].functions"))?;
        modules.push(HostModule { name: module.name.clone(), documentation: module.documentation.clone(), functions });
    }
    Ok(HostFunctions { globals, modules })
}

/// Modules whose place no host's takes: nothing would run without them.
const OURS: &[&str] = &["__main__", "__program__", "builtins", "importlib", "sys", "typhon_host"];

fn named(functions: &[v1::HostFunction], at: &str) -> Result<Vec<HostFunction>, Refusal> {
    let (mut names, mut all) = (HashSet::new(), Vec::new());
    for (index, function) in functions.iter().enumerate() {
        let field = || format!("{at}[{index}].name");
        if !is_identifier(&function.name) {
            return Err(Refusal::invalid(field(), "is not a Python identifier"));
        }
        if !names.insert(&function.name) {
            return Err(Refusal::invalid(field(), "is there twice"));
        }
        let lines = [&function.signature, &function.documentation].map(String::as_str);
        let documentation = lines.into_iter().filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n\n");
        all.push(HostFunction { name: function.name.clone(), documentation });
    }
    Ok(all)
}

/// What a session decides is not for its executions to say.
fn fits_session(message: &v1::ExecuteRequest) -> Result<(), Refusal> {
    let limits = message.limits.unwrap_or_default();
    let fixed = [
        ("policy", message.policy.is_some()),
        ("env", !message.env.is_empty()),
        ("limits.heap_bytes", limits.heap_bytes.is_some()),
        ("limits.stack_depth", limits.stack_depth.is_some()),
        ("limits.max_threads", limits.max_threads.is_some()),
        ("limits.cpu_parallelism", limits.cpu_parallelism.is_some()),
    ];
    match fixed.into_iter().find(|(_, given)| *given) {
        Some((field, _)) => Err(Refusal::invalid(field, "is fixed when the session or the template is created")),
        None => Ok(()),
    }
}

pub fn request_id(id: &str) -> Result<(), Refusal> {
    if id.is_empty() || is_uuid(id) { Ok(()) } else { Err(Refusal::invalid("request_id", "is not a UUID")) }
}

/// What is to be called of the program: a name of its own, and attributes from there.
fn entry_point(path: String) -> Result<Option<String>, Refusal> {
    if path.is_empty() {
        return Ok(None);
    }
    if path.split('.').all(is_identifier) {
        return Ok(Some(path));
    }
    Err(Refusal::invalid("entry_point", "is not a Python identifier, or several with dots between them"))
}

/// The source, or the name of the program that has it.
fn source(code: Option<v1::execute_request::Code>) -> Result<(v1::Source, Option<String>), Refusal> {
    use v1::execute_request::Code;
    match code {
        None => Err(Refusal::invalid("code", "one of source and program is required")),
        Some(Code::Program(name)) if !name.starts_with("programs/") => {
            Err(Refusal::invalid("program", "is not of the form programs/{id}"))
        }
        Some(Code::Program(name)) => Ok((v1::Source::default(), Some(name))),
        Some(Code::Source(mut source)) => {
            no_nul(&source.filename, || "source.filename".into())?;
            source.filename = filename(source.filename);
            Ok((source, None))
        }
    }
}

/// What source is called that has no name.
pub fn filename(given: String) -> String {
    if given.is_empty() { "<string>".to_owned() } else { given }
}

pub fn env(env: HashMap<String, String>) -> Result<Vec<(String, String)>, Refusal> {
    let mut env: Vec<_> = env.into_iter().collect();
    env.sort_unstable();
    for (name, value) in &env {
        let at = || format!("env[{name:?}]");
        if name.is_empty() || name.contains('=') {
            return Err(Refusal::invalid(at(), "is not the name of a variable"));
        }
        no_nul(name, at)?;
        no_nul(value, at)?;
    }
    Ok(env)
}

fn files(files: Vec<v1::InputFile>) -> Result<Vec<(String, Vec<u8>)>, Refusal> {
    use v1::input_file::Data;
    if files.len() > NAMES_MAX {
        return Err(Refusal::invalid("files", format!("has more than {NAMES_MAX} entries")));
    }
    let mut named = Vec::with_capacity(files.len());
    for (index, file) in files.into_iter().enumerate() {
        file_path(&file.path, &format!("files[{index}].path"))?;
        match file.data {
            Some(Data::Content(content)) => named.push((file.path, content)),
            None => named.push((file.path, Vec::new())),
            // Those of a client's request were read before.
            Some(Data::Blob(_)) => return Err(Refusal::invalid(format!("files[{index}].blob"), "cannot be read here")),
        }
    }
    Ok(named)
}

fn inputs(inputs: HashMap<String, v1::Value>) -> Result<Vec<(String, typhon_vm::Value)>, Refusal> {
    if inputs.len() > NAMES_MAX {
        return Err(Refusal::invalid("inputs", format!("has more than {NAMES_MAX} names")));
    }
    let mut named = Vec::with_capacity(inputs.len());
    for (name, input) in inputs {
        let at = format!("inputs[{name:?}]");
        if !is_identifier(&name) {
            return Err(Refusal::invalid(at, "is not a Python identifier"));
        }
        named.push((name, value::decode(input, &at)?));
    }
    // A map has no order of its own; the guest's namespace gets one that does not change from run to run.
    named.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(named)
}

/// Close enough to keep out what no program could name: the engine's namespace takes any string.
fn is_identifier(name: &str) -> bool {
    let plain = |c: char| c == '_' || c.is_ascii_alphanumeric() || (!c.is_ascii() && c.is_alphanumeric());
    !name.starts_with(|c: char| c.is_ascii_digit()) && !name.is_empty() && name.chars().all(plain)
}

fn no_nul(text: &str, field: impl FnOnce() -> String) -> Result<(), Refusal> {
    if text.contains('\0') { Err(Refusal::invalid(field(), "holds a NUL")) } else { Ok(()) }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

pub fn world(policy: &v1::Policy) -> Result<World, Refusal> {
    use v1::{clock_policy, entropy_policy};
    let modules = modules(policy)?;
    let deterministic = policy.deterministic;
    let network = network(policy.network.clone().unwrap_or_default(), deterministic)?;
    let contradiction = |field: &str| Err(Refusal::invalid(field, "contradicts policy.deterministic"));
    let clock = policy.clock.unwrap_or_default();
    let (frozen_clock, virtual_clock) = match known(clock.mode, "policy.clock.mode")? {
        clock_policy::Mode::System if deterministic => return contradiction("policy.clock.mode"),
        clock_policy::Mode::Unspecified | clock_policy::Mode::System if clock.epoch_nanoseconds.is_some() => {
            let problem = "is for MODE_FROZEN and MODE_VIRTUAL";
            return Err(Refusal::invalid("policy.clock.epoch_nanoseconds", problem));
        }
        clock_policy::Mode::Unspecified if deterministic => (None, Some(BEGINNING)),
        clock_policy::Mode::Unspecified | clock_policy::Mode::System => (None, None),
        // Only its wall clock stands still.
        clock_policy::Mode::Frozen if deterministic => return contradiction("policy.clock.mode"),
        clock_policy::Mode::Frozen => (Some(epoch(clock.epoch_nanoseconds)?), None),
        clock_policy::Mode::Virtual if clock.epoch_nanoseconds.is_none() => (None, Some(BEGINNING)),
        clock_policy::Mode::Virtual => (None, Some(epoch(clock.epoch_nanoseconds)?)),
    };
    let entropy = policy.entropy.unwrap_or_default();
    let entropy_seed = match known(entropy.mode, "policy.entropy.mode")? {
        entropy_policy::Mode::System if deterministic => return contradiction("policy.entropy.mode"),
        entropy_policy::Mode::Unspecified | entropy_policy::Mode::System if entropy.seed != 0 => {
            return Err(Refusal::invalid("policy.entropy.seed", "is for MODE_SEEDED"));
        }
        entropy_policy::Mode::Unspecified if deterministic => Some(0),
        entropy_policy::Mode::Unspecified | entropy_policy::Mode::System => None,
        entropy_policy::Mode::Seeded => Some(entropy.seed),
    };
    Ok(World { frozen_clock, virtual_clock, entropy_seed, deterministic, modules, network })
}

/// Where the policy would have it connect to, if anywhere.
fn network(asked: v1::NetworkPolicy, deterministic: bool) -> Result<Option<Arc<Rules>>, Refusal> {
    use v1::network_policy::Mode;
    let field = "policy.network.rules";
    match known(asked.mode, "policy.network.mode")? {
        Mode::Unspecified | Mode::None if !asked.rules.is_empty() => {
            return Err(Refusal::invalid(field, "are for MODE_PROXY"));
        }
        Mode::Unspecified | Mode::None => return Ok(None),
        Mode::Proxy if deterministic => {
            return Err(Refusal::invalid("policy.network.mode", "contradicts policy.deterministic"));
        }
        Mode::Proxy if asked.rules.is_empty() => return Err(Refusal::invalid(field, "are required with MODE_PROXY")),
        Mode::Proxy if asked.rules.len() > RULES_MAX => {
            return Err(Refusal::invalid(field, format!("has more than {RULES_MAX} entries")));
        }
        Mode::Proxy => {}
    }
    let mut rules = Vec::new();
    for (index, v1::NetworkRule { destination, ports }) in asked.rules.into_iter().enumerate() {
        let port = |port: i32| u16::try_from(port).ok().filter(|port| *port > 0);
        if let Some(at) = ports.iter().position(|given| port(*given).is_none()) {
            return Err(Refusal::invalid(format!("{field}[{index}].ports[{at}]"), "is not from 1 to 65535"));
        }
        let rule = Rule::new(&destination, ports.into_iter().filter_map(port).collect()).ok_or_else(|| {
            let problem = "is not the name of a host, *. and the end of one, an address or a CIDR block";
            Refusal::invalid(format!("{field}[{index}].destination"), problem)
        })?;
        rules.push(rule);
    }
    Ok(Some(Arc::new(rules.into())))
}

/// What may be imported, if that is not everything. What the client itself offers need not be listed.
fn modules(policy: &v1::Policy) -> Result<Option<Arc<Modules>>, Refusal> {
    let v1::ModulePolicy { mut allow, deny } = policy.modules.clone().unwrap_or_default();
    for (names, field) in [(&allow, "policy.modules.allow"), (&deny, "policy.modules.deny")] {
        if names.len() > MODULES_MAX {
            return Err(Refusal::invalid(field, format!("has more than {MODULES_MAX} names")));
        }
        if let Some(at) = names.iter().position(|name| !name.split('.').all(is_identifier)) {
            return Err(Refusal::invalid(format!("{field}[{at}]"), "is not the name of a module"));
        }
    }
    let all = allow.is_empty() && deny.is_empty();
    if !allow.is_empty() {
        let offered = policy.host_modules.iter().map(|module| &module.name);
        let unlisted: Vec<String> = offered.filter(|name| !allow.contains(name)).cloned().collect();
        allow.extend(unlisted);
    }
    Ok((!all).then(|| Arc::new(Modules { allow, deny })))
}

/// Where virtual clocks begin whose policy does not say: the year 2000.
const BEGINNING: Duration = Duration::from_secs(946_684_800);

/// How far from others the policy wants it.
pub fn isolation(policy: &v1::Policy) -> Result<Option<Isolation>, Refusal> {
    Ok(match known(policy.isolation, "policy.isolation")? {
        v1::IsolationLevel::Unspecified => None,
        v1::IsolationLevel::InProcess => Some(Isolation::InProcess),
        v1::IsolationLevel::WorkerProcess => Some(Isolation::Worker),
        v1::IsolationLevel::DedicatedProcess => Some(Isolation::Dedicated),
    })
}

fn epoch(nanoseconds: Option<i64>) -> Result<Duration, Refusal> {
    let field = "policy.clock.epoch_nanoseconds";
    let nanoseconds = nanoseconds.ok_or_else(|| Refusal::invalid(field, "is required with MODE_FROZEN"))?;
    let nanoseconds = u64::try_from(nanoseconds).map_err(|_| Refusal::invalid(field, "is negative"))?;
    Ok(Duration::from_nanos(nanoseconds))
}

fn plan(options: &v1::OutputOptions, way: Way) -> Result<OutputPlan, Refusal> {
    use v1::output_options::{Mode, Overflow as Wire};
    let mode = match known(options.mode, "output.mode")? {
        Mode::Unspecified if way == Way::Unary => OutputMode::Inline,
        Mode::Unspecified => OutputMode::Stream,
        Mode::Inline => OutputMode::Inline,
        Mode::Discard => OutputMode::Discard,
        Mode::Stream if way == Way::Unary => {
            return Err(Refusal::invalid("output.mode", "MODE_STREAM is for methods that stream"));
        }
        Mode::Stream => OutputMode::Stream,
    };
    let overflow = match known(options.overflow, "output.overflow")? {
        Wire::Unspecified | Wire::TruncateTail => Overflow::TruncateTail,
        Wire::TruncateHead if mode == OutputMode::Stream => {
            return Err(Refusal::invalid("output.overflow", "OVERFLOW_TRUNCATE_HEAD cannot be streamed"));
        }
        Wire::TruncateHead => Overflow::TruncateHead,
        Wire::Stop => Overflow::Stop,
    };
    let handler = HANDLERS.iter().copied().find(|handler| *handler == options.encoding_errors);
    if handler.is_none() && !options.encoding_errors.is_empty() {
        return Err(Refusal::invalid("output.encoding_errors", format!("is none of {}", HANDLERS.join(", "))));
    }
    // A stream that never holds bytes back keeps every flush_interval.
    duration(options.flush_interval, "output.flush_interval", Duration::ZERO)?;
    Ok(OutputPlan { mode, overflow, merge_stderr: options.merge_stderr, handler, traces: options.traces })
}

/// The error handlers of Python that can encode.
const HANDLERS: &[&str] = &[
    "strict",
    "ignore",
    "replace",
    "backslashreplace",
    "xmlcharrefreplace",
    "namereplace",
    "surrogateescape",
    "surrogatepass",
];

fn result_mode(mode: i32) -> Result<ResultMode, Refusal> {
    Ok(match known(mode, "result_mode")? {
        v1::ResultMode::Unspecified | v1::ResultMode::None => ResultMode::None,
        v1::ResultMode::LastExpression => ResultMode::LastExpression,
        v1::ResultMode::ReturnValue => ResultMode::ReturnValue,
        v1::ResultMode::Repr => ResultMode::Repr,
    })
}

pub fn limits(asked: &v1::Limits) -> Result<Limits, Refusal> {
    let least = Duration::from_nanos(1);
    Ok(Limits {
        wall: duration(asked.wall_time, "limits.wall_time", least)?,
        cpu: duration(asked.cpu_time, "limits.cpu_time", least)?,
        instructions: number(asked.instructions, "limits.instructions", 1)?,
        heap_bytes: number(asked.heap_bytes, "limits.heap_bytes", 1)?,
        stack_depth: number(asked.stack_depth, "limits.stack_depth", 1)?,
        threads: number(asked.max_threads, "limits.max_threads", 1)?,
        cpu_parallelism: number(asked.cpu_parallelism, "limits.cpu_parallelism", 1)?,
        stdout_bytes: number(asked.stdout_bytes, "limits.stdout_bytes", 0)?,
        stderr_bytes: number(asked.stderr_bytes, "limits.stderr_bytes", 0)?,
        result_bytes: number(asked.result_bytes, "limits.result_bytes", 0)?,
        file_bytes: number(asked.file_bytes, "limits.file_bytes", 0)?,
        files: number(asked.file_count, "limits.file_count", 0)?,
        open_files: number(asked.open_files, "limits.open_files", 0)?,
        host_calls: number(asked.host_calls, "limits.host_calls", 0)?,
        sleep: duration(asked.sleep_time, "limits.sleep_time", Duration::ZERO)?,
        compile: duration(asked.compile_time, "limits.compile_time", least)?,
        source_bytes: number(asked.source_bytes, "limits.source_bytes", 0)?,
    })
}

fn number<T, U>(value: Option<T>, field: &str, least: U) -> Result<Option<U>, Refusal>
where
    T: Copy + std::fmt::Display,
    U: TryFrom<T> + PartialOrd + std::fmt::Display,
{
    let Some(value) = value else { return Ok(None) };
    match U::try_from(value) {
        Ok(good) if good >= least => Ok(Some(good)),
        _ => Err(Refusal::invalid(field, format!("is {value}, the least is {least}"))),
    }
}

pub fn duration(
    value: Option<prost_types::Duration>,
    field: &str,
    least: Duration,
) -> Result<Option<Duration>, Refusal> {
    let Some(value) = value else { return Ok(None) };
    // The bounds that google.protobuf.Duration documents.
    if value.seconds.unsigned_abs() > 315_576_000_000 || value.nanos.unsigned_abs() > 999_999_999 {
        return Err(Refusal::invalid(field, "is outside the range of google.protobuf.Duration"));
    }
    match (u64::try_from(value.seconds), u32::try_from(value.nanos)) {
        (Ok(seconds), Ok(nanos)) if Duration::new(seconds, nanos) >= least => Ok(Some(Duration::new(seconds, nanos))),
        (Ok(_), Ok(_)) => Err(Refusal::invalid(field, "must be positive")),
        _ => Err(Refusal::invalid(field, "is negative")),
    }
}

/// Labels, in the order of their names.
pub fn labels(labels: HashMap<String, String>, field: &str) -> Result<Vec<(String, String)>, Refusal> {
    let mut labels: Vec<_> = labels.into_iter().collect();
    labels.sort_unstable();
    let long = |(name, value): &(String, String)| name.len() > LABEL_BYTES || value.len() > LABEL_BYTES;
    if labels.len() > LABELS_MAX || labels.iter().any(long) {
        let problem = format!("has more than {LABELS_MAX} entries, or one of more than {LABEL_BYTES} bytes");
        return Err(Refusal::invalid(field, problem));
    }
    Ok(labels)
}

/// The refusal of a field as that of another one.
pub fn within_as(refusal: Refusal, field: &str) -> Refusal {
    match refusal {
        Refusal::Invalid(fields) => {
            Refusal::Invalid(fields.into_iter().map(|(_, problem)| (field.to_owned(), problem)).collect())
        }
        other => other,
    }
}

/// The refusal of a field that lies within another one.
pub fn at(outer: &str, refusal: Refusal) -> Refusal {
    match refusal {
        Refusal::Invalid(fields) => {
            Refusal::Invalid(fields.into_iter().map(|(field, problem)| (format!("{outer}.{field}"), problem)).collect())
        }
        other => other,
    }
}

/// An enum value that this server knows.
pub fn known<T: TryFrom<i32>>(value: i32, field: &str) -> Result<T, Refusal> {
    T::try_from(value).map_err(|_| Refusal::invalid(field, format!("{value} is not a value of this enum")))
}
