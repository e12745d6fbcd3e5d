//! What operators see and do: metrics, probes, tenants, draining.

use crate::identity::{ANN, BOB, hash, ours};
use crate::support::{check_refusal, connect_to, next, serve, source};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tonic::Code;
use tonic::transport::Channel;
use typhon_proto::v1;
use typhon_service::Server;

/// A server where Ann is an admin and Bob is not, and the channels to its two listeners.
async fn start() -> (Server, Channel, Channel, std::sync::mpsc::Receiver<()>, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    write(&file, "weight = 3");
    let path = file.path().to_str().expect("a path");
    let settings = [("tenants_file", path), ("reload_interval", "1h"), ("admin_listen", "127.0.0.1:0")];
    let (server, started, _) = serve(&settings).await;
    let server = server.expect("the server starts");
    let channel = connect_to(server.address()).await;
    let admin = connect_to(server.admin_address().expect("an address")).await;
    (server, channel, admin, started, file)
}

fn write(file: &tempfile::NamedTempFile, quota: &str) {
    let (ann, bob) = (hash(ANN), hash(BOB));
    let text = format!(
        "[tenants.ann]\nadmin = true\ntokens = [\"sha256:{ann}\"]\n[tenants.bob]\ntokens = [\"sha256:{bob}\"]\n[tenants.bob.quota]\n{quota}\n"
    );
    std::fs::write(file.path(), text).expect("written");
}

async fn get(server: &Server, path: &str) -> (u16, String) {
    let address = server.admin_address().expect("an address").to_string();
    let mut stream = tokio::net::TcpStream::connect(address).await.expect("a connection");
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.expect("sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer");
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer)
}

#[tokio::test]
async fn metrics_tell_what_happened() {
    let (server, channel, _admin, _started, _file) = start().await;
    let run = |text: &'static str, token| {
        let channel = channel.clone();
        async move { ours::<v1::ExecuteResponse>(&channel, "ExecutionService/Execute", &source(text), token).await }
    };
    run("print 5", BOB).await.expect("his");
    run("panic", ANN).await.expect("hers");
    run("", "nobody's").await.expect_err("nobody");
    let create = v1::CreateSessionRequest::default();
    ours::<v1::CreateSessionResponse>(&channel, "SessionService/CreateSession", &create, BOB).await.expect("a session");
    let (status, text) = get(&server, "/metrics").await;
    assert_eq!(status, 200);
    for line in [
        "typhon_executions_total{kind=\"fresh\",outcome=\"COMPLETED\",tenant=\"bob\"} 1",
        "typhon_executions_total{kind=\"fresh\",outcome=\"WORKER_CRASH\",tenant=\"ann\"} 1",
        "typhon_output_bytes_total{stream=\"stdout\"} 5",
        "typhon_admission_rejected_total{reason=\"CREDENTIALS_INVALID\"} 1",
        "typhon_sessions{state=\"idle\"} 1",
        "typhon_pool_workers{state=\"idle\"} 2",
        "typhon_queue_depth{tenant=\"bob\"} 0",
        "typhon_drain_state 0",
        "grpc_server_call_started_total{grpc_method=\"typhon.v1.ExecutionService/Execute\"} 3",
        "typhon_build_info{version=",
        "typhon_execution_duration_seconds_bucket{le=",
        "# EOF",
    ] {
        assert!(text.contains(line), "{line} is not in {text}");
    }
}

#[tokio::test]
async fn probes_say_whether_new_work_is_welcome() {
    let (server, _channel, admin, ..) = start().await;
    assert_eq!((get(&server, "/livez").await.0, get(&server, "/readyz").await.0), (200, 200));
    assert_eq!(get(&server, "/elsewhere").await.0, 200, "a gRPC status, since it needs a caller");
    let asked = server.drain_asked();
    let nobody = ours::<v1::DrainResponse>(&admin, "AdminService/Drain", &(), "").await;
    check_refusal(&nobody.expect_err("nobody"), Code::Unauthenticated, "CREDENTIALS_MISSING");
    let bob = ours::<v1::DrainResponse>(&admin, "AdminService/Drain", &(), BOB).await;
    check_refusal(&bob.expect_err("no admin"), Code::PermissionDenied, "ADMIN_REQUIRED");
    ours::<v1::DrainResponse>(&admin, "AdminService/Drain", &(), ANN).await.expect("an admin");
    asked.await;
    server.drain(async {}).await.expect("drained");
}

#[tokio::test]
async fn whoever_has_an_answer_has_the_place_back() {
    let (_server, channel, _admin, _started, _file) = start().await;
    // Others keep the workers from going on at once.
    let others = (0..8).map(|_| {
        let channel = channel.clone();
        async move {
            loop {
                let ran = ours::<v1::ExecuteResponse>(&channel, "ExecutionService/Execute", &source(""), ANN).await;
                ran.expect("hers");
            }
        }
    });
    let mut load: tokio::task::JoinSet<()> = others.collect();
    for round in 0..200 {
        ours::<v1::ExecuteResponse>(&channel, "ExecutionService/Execute", &source(""), BOB).await.expect("his");
        let own: v1::GetUsageResponse = ours(&channel, "RuntimeService/GetUsage", &(), BOB).await.expect("his own");
        assert_eq!(own.tenant.map(|bob| (bob.running, bob.waiting)), Some((0, 0)), "after {round} answers");
    }
    load.shutdown().await;
}

#[tokio::test]
async fn tenants_are_seen_with_what_they_have_and_used() {
    let (_server, channel, admin, started, file) = start().await;
    let create = v1::CreateSessionRequest::default();
    let created: v1::CreateSessionResponse =
        ours(&channel, "SessionService/CreateSession", &create, BOB).await.expect("a session");
    ours::<v1::ExecuteResponse>(&channel, "ExecutionService/Execute", &source("print 7"), BOB).await.expect("his");
    let spin = v1::StartExecutionRequest { request: Some(source("sleep")) };
    let begun: v1::StartExecutionResponse =
        ours(&channel, "ExecutionService/StartExecution", &spin, BOB).await.expect("an execution");
    let (_, started) = next(next(started).await.1).await;

    let page = v1::ListTenantsRequest { page_size: 1, page_token: "ann".into() };
    let listed: v1::ListTenantsResponse = ours(&admin, "AdminService/ListTenants", &page, ANN).await.expect("a list");
    let bob = &listed.tenants[0];
    assert_eq!((bob.name.as_str(), bob.running, bob.waiting, bob.sessions), ("bob", 1, 0, 1));
    assert_eq!(bob.quota.as_ref().map(|quota| (quota.weight, quota.executions)), Some((3, None)));
    let usage = bob.usage.as_ref().expect("usage");
    assert_eq!((usage.executions, usage.output_bytes), (1, 7));
    assert_eq!(listed.next_page_token, "bob");
    let own: v1::GetUsageResponse = ours(&channel, "RuntimeService/GetUsage", &(), BOB).await.expect("his own");
    assert_eq!(own.tenant.as_ref(), Some(bob));

    let theirs = v1::ListTenantSessionsRequest { tenant: "bob".into(), ..v1::ListTenantSessionsRequest::default() };
    let sessions: v1::ListTenantSessionsResponse =
        ours(&admin, "AdminService/ListTenantSessions", &theirs, ANN).await.expect("a list");
    assert_eq!(sessions.sessions[0].name, created.session.expect("a session").name);
    let pool: v1::GetPoolStatusResponse = ours(&admin, "AdminService/GetPoolStatus", &(), ANN).await.expect("a status");
    assert_eq!((pool.workers, pool.running, pool.sessions, pool.draining), (2, 1, 1, false));

    write(&file, "weight = 9");
    let reload: v1::ReloadConfigResponse = ours(&admin, "AdminService/ReloadConfig", &(), ANN).await.expect("read");
    assert_eq!(reload.changed, ["tenants_file"]);
    write(&file, "weight = 0");
    let bad = ours::<v1::ReloadConfigResponse>(&admin, "AdminService/ReloadConfig", &(), ANN).await;
    check_refusal(&bad.expect_err("it cannot be used"), Code::FailedPrecondition, "CONFIG_UNREADABLE");
    let listed: v1::ListTenantsResponse = ours(&admin, "AdminService/ListTenants", &page, ANN).await.expect("a list");
    assert_eq!(listed.tenants[0].quota.as_ref().map(|quota| quota.weight), Some(9));

    let name = begun.execution.expect("an execution").name;
    let stop = v1::StopExecutionRequest { name: name.clone() };
    ours::<v1::StopExecutionResponse>(&admin, "AdminService/StopExecution", &stop, ANN).await.expect("it runs");
    let get = v1::GetExecutionRequest { name };
    let state = || async {
        let got: v1::GetExecutionResponse =
            ours(&channel, "ExecutionService/GetExecution", &get, BOB).await.expect("his");
        got.execution.expect("an execution")
    };
    while state().await.state() != v1::execution::State::Ended {
        tokio::task::yield_now().await;
    }
    let outcome = state().await.response.and_then(|response| response.outcome).expect("an outcome");
    assert_eq!(outcome.reason(), v1::TerminationReason::CancelledByClient);
    let gone = ours::<v1::StopExecutionResponse>(&admin, "AdminService/StopExecution", &stop, ANN).await;
    check_refusal(&gone.expect_err("it has ended"), Code::NotFound, "EXECUTION_NOT_FOUND");
    drop(started);
}
