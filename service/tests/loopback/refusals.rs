//! The table of bad input: every method, and what each field answers when it is wrong.

use std::collections::HashSet;

use crate::support::{Fixture, check_refusal, connect_to, source, start};
use prost::Message;
use tonic::codec::Streaming;
use tonic::{Code, Request, Status};
use typhon_proto::v1;

/// A method, a request, and the status, reason and field that it gets.
pub struct Row {
    pub method: &'static str,
    pub request: Vec<u8>,
    pub code: Code,
    pub reason: &'static str,
    pub field: &'static str,
}

fn row(method: &'static str, request: &impl Message, code: Code, reason: &'static str, field: &'static str) -> Row {
    Row { method, request: request.encode_to_vec(), code, reason, field }
}

fn invalid(method: &'static str, request: &impl Message, field: &'static str) -> Row {
    row(method, request, Code::InvalidArgument, "INVALID_REQUEST", field)
}

const SESSIONS: &str = "SessionService";
const MISSING: &str = "sessions/00000000000000000000000000000000";

fn create(session: v1::Session) -> v1::CreateSessionRequest {
    v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() }
}

fn minus() -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds: -1, nanos: 0 })
}

fn of_create_session() -> Vec<Row> {
    const METHOD: &str = "SessionService/CreateSession";
    let none = v1::Session::default;
    let limits = v1::Limits { heap_bytes: Some(-1), ..v1::Limits::default() };
    let clock = v1::ClockPolicy { mode: v1::clock_policy::Mode::Frozen.into(), epoch_nanoseconds: None };
    let frozen = v1::Policy { clock: Some(clock), ..v1::Policy::default() };
    let modules = v1::ModulePolicy { deny: vec!["no module".into()], ..v1::ModulePolicy::default() };
    let modules = v1::Policy { modules: Some(modules), ..v1::Policy::default() };
    let host_modules = v1::Policy { host_modules: vec![v1::HostModule::default()], ..v1::Policy::default() };
    let rules = vec![v1::NetworkRule { destination: "example.org".into(), ports: vec![443] }];
    let network = Some(v1::NetworkPolicy { mode: v1::network_policy::Mode::Proxy.into(), rules });
    let network = v1::Policy { network, ..v1::Policy::default() };
    let many = (0..65).map(|n| (n.to_string(), String::new())).collect();
    vec![
        invalid(METHOD, &v1::CreateSessionRequest { request_id: "x".into(), session: None }, "request_id"),
        invalid(METHOD, &create(v1::Session { limits: Some(limits), ..none() }), "session.limits.heap_bytes"),
        invalid(
            METHOD,
            &create(v1::Session { policy: Some(frozen), ..none() }),
            "session.policy.clock.epoch_nanoseconds",
        ),
        invalid(
            METHOD,
            &create(v1::Session { env: [("a\0".into(), "b".into())].into(), ..none() }),
            "session.env[\"a\\0\"]",
        ),
        invalid(METHOD, &create(v1::Session { policy: Some(modules), ..none() }), "session.policy.modules.deny[0]"),
        invalid(METHOD, &create(v1::Session { when_busy: 9, ..none() }), "session.when_busy"),
        invalid(METHOD, &create(v1::Session { idle_ttl: minus(), ..none() }), "session.idle_ttl"),
        invalid(METHOD, &create(v1::Session { ttl: Some(prost_types::Duration::default()), ..none() }), "session.ttl"),
        invalid(METHOD, &create(v1::Session { labels: many, ..none() }), "session.labels"),
        invalid(
            METHOD,
            &create(v1::Session { policy: Some(host_modules), ..none() }),
            "session.policy.host_modules[0].name",
        ),
        row(
            METHOD,
            &create(v1::Session { policy: Some(network), ..none() }),
            Code::Unimplemented,
            "FEATURE_UNSUPPORTED",
            "",
        ),
    ]
}

fn of_named_sessions() -> Vec<Row> {
    let name = |name: &str| name.to_owned();
    let mut rows = Vec::new();
    for (bad, code, reason, field) in [
        ("", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("sessions/", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("programs/1", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        (MISSING, Code::NotFound, "SESSION_NOT_FOUND", ""),
        ("sessions/\u{1f}", Code::NotFound, "SESSION_NOT_FOUND", ""),
    ] {
        let interrupt = v1::InterruptSessionRequest { name: name(bad), mode: 0 };
        rows.push(row("SessionService/GetSession", &v1::GetSessionRequest { name: name(bad) }, code, reason, field));
        rows.push(row(
            "SessionService/DeleteSession",
            &v1::DeleteSessionRequest { name: name(bad) },
            code,
            reason,
            field,
        ));
        rows.push(row(
            "SessionService/ResetSession",
            &v1::ResetSessionRequest { name: name(bad) },
            code,
            reason,
            field,
        ));
        rows.push(row("SessionService/InterruptSession", &interrupt, code, reason, field));
        let fork = v1::ForkSessionRequest { name: name(bad), count: 1 };
        rows.push(row("SessionService/ForkSession", &fork, code, reason, field));
    }
    for count in [-1, 65] {
        let fork = v1::ForkSessionRequest { name: name(MISSING), count };
        rows.push(invalid("SessionService/ForkSession", &fork, "count"));
    }
    let mode = v1::InterruptSessionRequest { name: name(MISSING), mode: 7 };
    rows.push(invalid("SessionService/InterruptSession", &mode, "mode"));
    let page = |page_size, token: &str| v1::ListSessionsRequest { page_size, page_token: token.to_owned() };
    rows.push(invalid("SessionService/ListSessions", &page(-1, ""), "page_size"));
    rows.push(invalid("SessionService/ListSessions", &page(0, "nonsense"), "page_token"));
    rows
}

/// What an execution's target makes of its other fields; the fields themselves are in `requests.rs`.
fn of_targets() -> Vec<Row> {
    let target = |name: &str| Some(v1::execute_request::Target::Session(name.to_owned()));
    let within = |request: v1::ExecuteRequest| v1::ExecuteRequest { target: target(MISSING), ..request };
    let limits = |limits| v1::ExecuteRequest { limits: Some(limits), ..source("") };
    let none = v1::Limits::default;
    let output = v1::OutputOptions { traces: true, ..v1::OutputOptions::default() };
    let traced = v1::ExecuteRequest { output: Some(output), ..source("") };
    let cases = [
        (traced.clone(), "output.traces"),
        (v1::ExecuteRequest { policy: Some(v1::Policy::default()), ..source("") }, "policy"),
        (v1::ExecuteRequest { env: [("A".into(), "b".into())].into(), ..source("") }, "env"),
        (limits(v1::Limits { heap_bytes: Some(1), ..none() }), "limits.heap_bytes"),
        (limits(v1::Limits { stack_depth: Some(1), ..none() }), "limits.stack_depth"),
        (limits(v1::Limits { max_threads: Some(1), ..none() }), "limits.max_threads"),
        (limits(v1::Limits { cpu_parallelism: Some(1), ..none() }), "limits.cpu_parallelism"),
        (v1::ExecuteRequest::default(), "code"),
    ];
    let mut rows = Vec::new();
    let mut both = |request: v1::ExecuteRequest, code, reason, field| {
        let streamed = v1::StreamExecuteRequest { request: Some(request.clone()) };
        rows.push(row("ExecutionService/Execute", &request, code, reason, field));
        rows.push(row("ExecutionService/StreamExecute", &streamed, code, reason, field));
    };
    for (request, field) in cases {
        both(within(request), Code::InvalidArgument, "INVALID_REQUEST", field);
    }
    // The engine here has no compiler.
    both(traced, Code::Unimplemented, "FEATURE_UNSUPPORTED", "");
    both(within(source("")), Code::NotFound, "SESSION_NOT_FOUND", "");
    both(v1::ExecuteRequest { target: target(""), ..source("") }, Code::NotFound, "SESSION_NOT_FOUND", "");
    rows
}

fn of_interact() -> Vec<Row> {
    use v1::interact_request::Message;
    const METHOD: &str = "ExecutionService/Interact";
    let first = |message| v1::InteractRequest { message };
    let start = |request| first(Some(Message::Start(Box::new(request))));
    let functions = |names: &[&str]| {
        let one = |name: &&str| v1::HostFunction { name: (*name).to_owned(), ..v1::HostFunction::default() };
        let policy = v1::Policy { host_functions: names.iter().map(one).collect(), ..v1::Policy::default() };
        v1::ExecuteRequest { policy: Some(policy), ..source("") }
    };
    let streamed = v1::StreamExecuteRequest { request: Some(functions(&["f"])) };
    vec![
        invalid(METHOD, &first(None), "start"),
        invalid(METHOD, &first(Some(Message::Interrupt(v1::Interrupt::default()))), "start"),
        invalid(METHOD, &start(v1::ExecuteRequest::default()), "code"),
        invalid(METHOD, &start(v1::ExecuteRequest { request_id: ID.into(), ..source("") }), "request_id"),
        invalid(METHOD, &start(functions(&["a", "b c"])), "policy.host_functions[1].name"),
        invalid(METHOD, &start(functions(&["a", "a"])), "policy.host_functions[1].name"),
        invalid(METHOD, &start(functions(&["f"; 1001])), "policy.host_functions"),
        invalid("ExecutionService/Execute", &functions(&["f"]), "policy.host_functions"),
        invalid("ExecutionService/StreamExecute", &streamed, "policy.host_functions"),
    ]
}

fn of_kept_executions() -> Vec<Row> {
    let name = |name: &str| name.to_owned();
    let mut rows = Vec::new();
    for (bad, code, reason, field) in [
        ("", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("executions/", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("sessions/1", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("executions/0", Code::NotFound, "EXECUTION_NOT_FOUND", ""),
    ] {
        let get = v1::GetExecutionRequest { name: name(bad) };
        let delete = v1::DeleteExecutionRequest { name: name(bad) };
        let cancel = v1::CancelExecutionRequest { name: name(bad), mode: 0 };
        let attach = v1::AttachExecutionRequest { name: name(bad), after_sequence: 0 };
        rows.push(row("ExecutionService/GetExecution", &get, code, reason, field));
        rows.push(row("ExecutionService/DeleteExecution", &delete, code, reason, field));
        rows.push(row("ExecutionService/CancelExecution", &cancel, code, reason, field));
        rows.push(row("ExecutionService/AttachExecution", &attach, code, reason, field));
    }
    let mode = v1::CancelExecutionRequest { name: name("executions/0"), mode: 9 };
    rows.push(invalid("ExecutionService/CancelExecution", &mode, "mode"));
    let page = |page_size, token: &str| v1::ListExecutionsRequest { page_size, page_token: token.to_owned() };
    rows.push(invalid("ExecutionService/ListExecutions", &page(-1, ""), "page_size"));
    rows.push(invalid("ExecutionService/ListExecutions", &page(0, "nonsense"), "page_token"));
    let started = |request| v1::StartExecutionRequest { request };
    let long = [("a".repeat(257), String::new())].into();
    let labelled = v1::ExecuteRequest { labels: long, ..source("") };
    let numbered = v1::ExecuteRequest { request_id: "1".into(), ..source("") };
    rows.push(invalid("ExecutionService/StartExecution", &started(None), "code"));
    rows.push(invalid("ExecutionService/StartExecution", &started(Some(labelled.clone())), "labels"));
    rows.push(invalid("ExecutionService/StartExecution", &started(Some(numbered)), "request_id"));
    rows.push(invalid("ExecutionService/Execute", &labelled, "labels"));
    rows
}

fn of_batches() -> Vec<Row> {
    use v1::batch_execute_request::Message;
    const METHOD: &str = "ExecutionService/BatchExecute";
    let first = |message| v1::BatchExecuteRequest { message };
    let setup = |setup| first(Some(Message::Setup(Box::new(setup))));
    let of = |request| setup(v1::BatchSetup { request: Some(request), ..v1::BatchSetup::default() });
    let target = Some(v1::execute_request::Target::Session(MISSING.into()));
    let limits = Some(v1::Limits { heap_bytes: Some(0), ..v1::Limits::default() });
    vec![
        invalid(METHOD, &first(None), "setup"),
        invalid(METHOD, &first(Some(Message::Case(Box::default()))), "setup"),
        invalid(METHOD, &setup(v1::BatchSetup::default()), "setup.request.code"),
        invalid(METHOD, &of(v1::ExecuteRequest { target, ..source("") }), "setup.request.target"),
        invalid(METHOD, &of(v1::ExecuteRequest { request_id: ID.into(), ..source("") }), "setup.request.request_id"),
        invalid(METHOD, &of(v1::ExecuteRequest { limits, ..source("") }), "setup.request.limits.heap_bytes"),
        invalid(
            METHOD,
            &setup(v1::BatchSetup { request: Some(source("")), max_parallel: -1, ..v1::BatchSetup::default() }),
            "setup.max_parallel",
        ),
    ]
}

fn of_admin() -> Vec<Row> {
    let name = |name: &str| v1::StopExecutionRequest { name: name.to_owned() };
    let tenants = |page_size| v1::ListTenantsRequest { page_size, ..v1::ListTenantsRequest::default() };
    let sessions = |tenant: &str, page_size, page_token: &str| v1::ListTenantSessionsRequest {
        tenant: tenant.to_owned(),
        page_size,
        page_token: page_token.to_owned(),
    };
    let stop = |bad: &str, code, reason, field| row("AdminService/StopExecution", &name(bad), code, reason, field);
    vec![
        stop("", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        stop("sessions/1", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        stop("executions/1", Code::NotFound, "EXECUTION_NOT_FOUND", ""),
        stop("executions/\u{e9}", Code::NotFound, "EXECUTION_NOT_FOUND", ""),
        invalid("AdminService/ListTenants", &tenants(-1), "page_size"),
        invalid("AdminService/ListTenantSessions", &sessions("nobody", 0, ""), "tenant"),
        invalid("AdminService/ListTenantSessions", &sessions("default", -1, ""), "page_size"),
        invalid("AdminService/ListTenantSessions", &sessions("default", 0, "x"), "page_token"),
    ]
}

fn of_programs() -> Vec<Row> {
    let source = |filename: &str| v1::Source { text: b"1".to_vec(), filename: filename.to_owned() };
    let create = |source| v1::CreateProgramRequest { source };
    let check = |source| v1::CheckSourceRequest { source };
    let mut rows = vec![
        invalid("ProgramService/CreateProgram", &create(None), "source"),
        invalid("ProgramService/CreateProgram", &create(Some(source("a\0"))), "source.filename"),
        invalid("ProgramService/CheckSource", &check(None), "source"),
        invalid("ProgramService/CheckSource", &check(Some(source("a\0"))), "source.filename"),
    ];
    for (bad, code, reason, field) in [
        ("", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("programs/", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("programs/0", Code::NotFound, "PROGRAM_NOT_FOUND", ""),
    ] {
        let get = v1::GetProgramRequest { name: bad.to_owned() };
        rows.push(row("ProgramService/GetProgram", &get, code, reason, field));
        let delete = v1::DeleteProgramRequest { name: bad.to_owned() };
        rows.push(row("ProgramService/DeleteProgram", &delete, code, reason, field));
    }
    let page = |page_size, token: &str| v1::ListProgramsRequest { page_size, page_token: token.to_owned() };
    rows.push(invalid("ProgramService/ListPrograms", &page(-1, ""), "page_size"));
    rows.push(invalid("ProgramService/ListPrograms", &page(0, "nonsense"), "page_token"));
    let of = |name: &str| v1::ExecuteRequest {
        code: Some(v1::execute_request::Code::Program(name.to_owned())),
        ..v1::ExecuteRequest::default()
    };
    rows.push(invalid("ExecutionService/Execute", &of("x"), "program"));
    rows.push(row("ExecutionService/Execute", &of("programs/0"), Code::NotFound, "PROGRAM_NOT_FOUND", ""));
    rows
}

fn of_templates() -> Vec<Row> {
    const CREATE: &str = "TemplateService/CreateTemplate";
    let source_of = |filename: &str| Some(v1::Source { text: b"1".to_vec(), filename: filename.to_owned() });
    let create = |template, source| v1::CreateTemplateRequest { template: Some(template), source };
    let none = v1::Template::default;
    let policy = v1::Policy { isolation: 9, ..v1::Policy::default() };
    let limits = v1::Limits { heap_bytes: Some(-1), ..v1::Limits::default() };
    let env = [("a\0".into(), "b".into())].into();
    let labels = (0..65).map(|n| (n.to_string(), String::new())).collect();
    let isolated = v1::Template { policy: Some(policy), ..none() };
    let limited = v1::Template { limits: Some(limits), ..none() };
    let labelled = v1::Template { labels, ..none() };
    let mut rows = vec![
        invalid(CREATE, &create(none(), None), "source"),
        invalid(CREATE, &create(none(), source_of("a\0")), "source.filename"),
        invalid(CREATE, &create(isolated, source_of("")), "template.policy.isolation"),
        invalid(CREATE, &create(limited, source_of("")), "template.limits.heap_bytes"),
        invalid(CREATE, &create(v1::Template { env, ..none() }, source_of("")), "template.env[\"a\\0\"]"),
        invalid(CREATE, &create(labelled, source_of("")), "template.labels"),
        // This server has no worker processes.
        row(CREATE, &create(none(), source_of("")), Code::Unimplemented, "FEATURE_UNSUPPORTED", ""),
    ];
    for (bad, code, reason, field) in [
        ("", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("templates/", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("templates/0", Code::NotFound, "TEMPLATE_NOT_FOUND", ""),
    ] {
        let get = v1::GetTemplateRequest { name: bad.to_owned() };
        rows.push(row("TemplateService/GetTemplate", &get, code, reason, field));
        let delete = v1::DeleteTemplateRequest { name: bad.to_owned() };
        rows.push(row("TemplateService/DeleteTemplate", &delete, code, reason, field));
    }
    let page = |page_size, token: &str| v1::ListTemplatesRequest { page_size, page_token: token.to_owned() };
    rows.push(invalid("TemplateService/ListTemplates", &page(-1, ""), "page_size"));
    rows.push(invalid("TemplateService/ListTemplates", &page(0, "nonsense"), "page_token"));
    let target = || Some(v1::execute_request::Target::Template("templates/0".into()));
    let of = v1::ExecuteRequest { target: target(), ..source("") };
    rows.push(row("ExecutionService/Execute", &of, Code::NotFound, "TEMPLATE_NOT_FOUND", ""));
    let of = v1::ExecuteRequest { policy: Some(v1::Policy::default()), ..of };
    rows.push(invalid("ExecutionService/Execute", &of, "policy"));
    let session = |template: &str| create_of(template);
    rows.push(invalid("SessionService/CreateSession", &session("x"), "session.template"));
    let missing = session("templates/0");
    rows.push(row("SessionService/CreateSession", &missing, Code::NotFound, "TEMPLATE_NOT_FOUND", ""));
    rows
}

fn of_files() -> Vec<Row> {
    use v1::write_file_request::Message;
    const WRITE: &str = "FileService/WriteFile";
    let first = |message| v1::WriteFileRequest { message };
    let mut rows =
        vec![invalid(WRITE, &first(None), "start"), invalid(WRITE, &first(Some(Message::Data(vec![1]))), "start")];
    let long = "x".repeat(4097);
    for (session, path, code, reason, field) in [
        ("", "x", Code::InvalidArgument, "INVALID_REQUEST", "session"),
        ("templates/0", "x", Code::InvalidArgument, "INVALID_REQUEST", "session"),
        (MISSING, "", Code::InvalidArgument, "INVALID_REQUEST", "path"),
        (MISSING, "a\0", Code::InvalidArgument, "INVALID_REQUEST", "path"),
        (MISSING, &long, Code::InvalidArgument, "INVALID_REQUEST", "path"),
        (MISSING, "x", Code::NotFound, "SESSION_NOT_FOUND", ""),
    ] {
        let (session, path) = (session.to_owned(), path.to_owned());
        let start = v1::WriteFileStart { session: session.clone(), path: path.clone() };
        let read = v1::ReadFileRequest { session: session.clone(), path: path.clone(), offset: 0, length: 0 };
        let stat = v1::StatFileRequest { session: session.clone(), path: path.clone() };
        let delete = v1::DeleteFileRequest { session: session.clone(), path: path.clone() };
        let list = v1::ListFilesRequest { session, path: path.clone(), ..v1::ListFilesRequest::default() };
        rows.push(row(WRITE, &first(Some(Message::Start(start))), code, reason, field));
        rows.push(row("FileService/ReadFile", &read, code, reason, field));
        rows.push(row("FileService/StatFile", &stat, code, reason, field));
        rows.push(row("FileService/DeleteFile", &delete, code, reason, field));
        // Without a path it is that where programs begin.
        if !path.is_empty() {
            rows.push(row("FileService/ListFiles", &list, code, reason, field));
        }
    }
    let read = |offset, length| v1::ReadFileRequest { session: MISSING.into(), path: "x".into(), offset, length };
    rows.push(invalid("FileService/ReadFile", &read(-1, 0), "offset"));
    rows.push(invalid("FileService/ReadFile", &read(0, -1), "length"));
    let list = v1::ListFilesRequest { session: MISSING.into(), page_size: -1, ..v1::ListFilesRequest::default() };
    rows.push(invalid("FileService/ListFiles", &list, "page_size"));
    rows
}

fn of_snapshots() -> Vec<Row> {
    use v1::import_snapshot_request::Message;
    const CREATE: &str = "SnapshotService/CreateSnapshot";
    const IMPORT: &str = "SnapshotService/ImportSnapshot";
    let none = v1::CreateSnapshotRequest::default;
    let of = |session: &str| v1::CreateSnapshotRequest { session: session.to_owned(), ..none() };
    let labels = || (0..65).map(|n| (n.to_string(), String::new())).collect();
    let labelled = || v1::Snapshot { labels: labels(), ..v1::Snapshot::default() };
    let short = || v1::Snapshot { ttl: minus(), ..v1::Snapshot::default() };
    let first = |message| v1::ImportSnapshotRequest { message };
    let begin = |snapshot| first(Some(Message::Start(Box::new(v1::ImportSnapshotStart { snapshot }))));
    let mut rows = vec![
        invalid(CREATE, &v1::CreateSnapshotRequest { request_id: "x".into(), ..of(MISSING) }, "request_id"),
        invalid(CREATE, &v1::CreateSnapshotRequest { snapshot: Some(labelled()), ..of(MISSING) }, "snapshot.labels"),
        invalid(CREATE, &v1::CreateSnapshotRequest { snapshot: Some(short()), ..of(MISSING) }, "snapshot.ttl"),
        invalid(CREATE, &none(), "session"),
        invalid(CREATE, &of("snapshots/0"), "session"),
        row(CREATE, &of(MISSING), Code::NotFound, "SESSION_NOT_FOUND", ""),
        invalid(IMPORT, &first(None), "start"),
        invalid(IMPORT, &first(Some(Message::Data(vec![1]))), "start"),
        invalid(IMPORT, &begin(Some(labelled())), "start.snapshot.labels"),
        invalid(IMPORT, &begin(Some(short())), "start.snapshot.ttl"),
        row(IMPORT, &begin(None), Code::InvalidArgument, "SNAPSHOT_INVALID", "data"),
    ];
    for (bad, code, reason, field) in [
        ("", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("snapshots/", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("sessions/0", Code::InvalidArgument, "INVALID_REQUEST", "name"),
        ("snapshots/0", Code::NotFound, "SNAPSHOT_NOT_FOUND", ""),
    ] {
        let name = bad.to_owned();
        let get = v1::GetSnapshotRequest { name: name.clone() };
        rows.push(row("SnapshotService/GetSnapshot", &get, code, reason, field));
        let delete = v1::DeleteSnapshotRequest { name: name.clone() };
        rows.push(row("SnapshotService/DeleteSnapshot", &delete, code, reason, field));
        let export = v1::ExportSnapshotRequest { name };
        rows.push(row("SnapshotService/ExportSnapshot", &export, code, reason, field));
    }
    let page = |page_size, token: &str| v1::ListSnapshotsRequest { page_size, page_token: token.to_owned() };
    rows.push(invalid("SnapshotService/ListSnapshots", &page(-1, ""), "page_size"));
    rows.push(invalid("SnapshotService/ListSnapshots", &page(0, "nonsense"), "page_token"));
    let target = Some(v1::execute_request::Target::Snapshot("snapshots/0".into()));
    let within = v1::ExecuteRequest { target, ..source("") };
    rows.push(row("ExecutionService/Execute", &within, Code::NotFound, "SNAPSHOT_NOT_FOUND", ""));
    let from = |snapshot: &str, template: &str| {
        let (snapshot, template) = (snapshot.to_owned(), template.to_owned());
        create(v1::Session { snapshot, template, ..v1::Session::default() })
    };
    const SESSION: &str = "SessionService/CreateSession";
    rows.push(invalid(SESSION, &from("x", ""), "session.snapshot"));
    rows.push(invalid(SESSION, &from("snapshots/0", "templates/0"), "session.snapshot"));
    rows.push(row(SESSION, &from("snapshots/0", ""), Code::NotFound, "SNAPSHOT_NOT_FOUND", ""));
    rows
}

fn create_of(template: &str) -> v1::CreateSessionRequest {
    create(v1::Session { template: template.to_owned(), ..v1::Session::default() })
}

const ID: &str = "00000000-0000-0000-0000-000000000001";

fn table() -> Vec<Row> {
    let mut rows = of_create_session();
    rows.extend(of_kept_executions());
    rows.extend(of_batches());
    rows.extend(of_interact());
    rows.extend(of_named_sessions());
    rows.extend(of_targets());
    rows.extend(of_admin());
    rows.extend(of_programs());
    rows.extend(of_templates());
    rows.extend(of_files());
    rows.extend(of_snapshots());
    rows
}

/// Calls a method of whatever kind with one message; the first answer.
pub async fn call(fixture: &Fixture, row: &Row) -> Result<Option<Vec<u8>>, Status> {
    let channel = match row.method.starts_with("AdminService") {
        true => connect_to(fixture.server.admin_address().expect("an address")).await,
        false => fixture.channel.clone(),
    };
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.expect("a connection");
    let path = format!("/typhon.v1.{}", row.method).parse().expect("a path");
    let request = Request::new(tokio_stream::once(row.request.clone()));
    let answers: Streaming<Vec<u8>> = grpc.streaming(request, path, crate::requests::Raw).await?.into_inner();
    let mut answers = answers;
    answers.message().await
}

#[tokio::test]
async fn every_refusal_is_the_one_of_the_table() {
    let fixture = start(&[("admin_listen", "127.0.0.1:0")]).await;
    for row in table() {
        let status = call(&fixture, &row).await.map(|_| ()).expect_err(row.method);
        let fields = check_refusal(&status, row.code, row.reason);
        assert_eq!(fields, if row.field.is_empty() { vec![] } else { vec![row.field] }, "{}: {status:?}", row.method);
    }
    fixture.client.clone().execute(source("")).await.expect("the server lives on");
}

/// Methods that take nothing which could be wrong.
const HARMLESS: [&str; 5] = [
    "RuntimeService/GetCapabilities",
    "RuntimeService/GetUsage",
    "AdminService/GetPoolStatus",
    "AdminService/ReloadConfig",
    "AdminService/Drain",
];

#[test]
fn every_method_is_in_the_table() {
    let set = prost_types::FileDescriptorSet::decode(typhon_proto::FILE_DESCRIPTOR_SET).expect("descriptors");
    let listed: HashSet<&str> = table().iter().map(|row| row.method).chain(HARMLESS).collect();
    for file in set.file.iter().filter(|file| file.package() == "typhon.v1") {
        for service in &file.service {
            for method in &service.method {
                let name = format!("{}/{}", service.name(), method.name());
                assert!(listed.contains(name.as_str()), "{name}");
            }
        }
    }
    assert!(listed.iter().any(|name| name.starts_with(SESSIONS)));
}
