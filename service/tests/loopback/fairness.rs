//! Quotas, turns and honest refusals.

use std::time::Duration;

use crate::identity::{ANN, BOB, hash, ours};
use crate::support::{check_refusal, connect, next, serve, source};
use tonic::transport::Channel;
use tonic::{Code, Status};
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_service::Server;

/// A server for Ann, whose quota this is, and Bob.
async fn start(
    quota: &str,
    settings: &[(&str, &str)],
) -> (Server, Channel, std::sync::mpsc::Receiver<()>, tempfile::NamedTempFile) {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let tokens = |token| format!("tokens = [\"sha256:{}\"]", hash(token));
    let text =
        format!("[tenants.ann]\n{}\n[tenants.ann.quota]\n{quota}\n[tenants.bob]\n{}\n", tokens(ANN), tokens(BOB));
    std::fs::write(file.path(), text).expect("written");
    let mut all = vec![("tenants_file", file.path().to_str().expect("a path"))];
    all.extend(settings);
    let (server, started, _) = serve(&all).await;
    let server = server.expect("the server starts");
    let channel = connect(&server).await;
    (server, channel, started, file)
}

async fn execute(channel: &Channel, text: &str, token: &str) -> Result<v1::ExecuteResponse, Status> {
    ours(channel, "ExecutionService/Execute", &source(text), token).await
}

async fn begin(channel: &Channel, token: &str) -> Result<v1::StartExecutionResponse, Status> {
    let request = v1::StartExecutionRequest { request: Some(source("sleep")) };
    ours(channel, "ExecutionService/StartExecution", &request, token).await
}

/// Checks a refusal for a quota, and gives the time to come again.
fn check_quota(status: &Status, reason: &str) -> Duration {
    check_refusal(status, Code::ResourceExhausted, reason);
    let violations = status.get_details_quota_failure().expect("a QuotaFailure").violations;
    assert_eq!(violations[0].subject, "tenants/ann");
    status.get_details_retry_info().and_then(|info| info.retry_delay).expect("a RetryInfo")
}

#[tokio::test]
async fn a_rate_is_held_and_the_wait_is_honest() {
    let (_server, channel, _started, _file) = start("rate = 0.01\nburst = 2", &[]).await;
    execute(&channel, "", ANN).await.expect("the first");
    execute(&channel, "", ANN).await.expect("the second");
    let wait = check_quota(&execute(&channel, "", ANN).await.expect_err("the third"), "TENANT_RATE");
    assert!((90..=100).contains(&wait.as_secs()), "{wait:?}");
    let create = v1::CreateSessionRequest::default();
    let session = ours::<v1::CreateSessionResponse>(&channel, "SessionService/CreateSession", &create, ANN).await;
    check_quota(&session.expect_err("a session counts too"), "TENANT_RATE");
    execute(&channel, "", BOB).await.expect("others are not concerned");
}

#[tokio::test]
async fn sessions_are_counted_by_tenant() {
    let (_server, channel, _started, _file) = start("sessions = 1", &[]).await;
    let create = |token| {
        let channel = channel.clone();
        async move {
            let request = v1::CreateSessionRequest::default();
            ours::<v1::CreateSessionResponse>(&channel, "SessionService/CreateSession", &request, token).await
        }
    };
    create(ANN).await.expect("the first");
    let wait = check_quota(&create(ANN).await.expect_err("the second"), "TENANT_SESSIONS");
    // It ends by itself after its idle time.
    assert!((500..=600).contains(&wait.as_secs()), "{wait:?}");
    create(BOB).await.expect("his first");
    create(BOB).await.expect("his second");
}

#[tokio::test]
async fn what_sessions_hold_is_counted_by_tenant() {
    let (_server, channel, _started, _file) = start("sessions_heap = \"4B\"", &[]).await;
    let request = v1::CreateSessionRequest::default();
    let created: v1::CreateSessionResponse =
        ours(&channel, "SessionService/CreateSession", &request, ANN).await.expect("a session");
    let target = Some(v1::execute_request::Target::Session(created.session.expect("a session").name));
    let keep = v1::ExecuteRequest { target, ..source("keep 12345") };
    ours::<v1::ExecuteResponse>(&channel, "ExecutionService/Execute", &keep, ANN).await.expect("kept");
    let more = ours::<v1::CreateSessionResponse>(&channel, "SessionService/CreateSession", &request, ANN).await;
    check_quota(&more.expect_err("she holds five bytes"), "TENANT_MEMORY");
}

#[tokio::test]
async fn a_heap_is_lowered_to_the_tenants_quota() {
    let (_server, channel, _started, _file) = start("heap = \"1MiB\"", &[]).await;
    let heap = |response: v1::ExecuteResponse| response.effective_limits.and_then(|limits| limits.heap_bytes);
    assert_eq!(heap(execute(&channel, "", ANN).await.expect("hers")), Some(1 << 20));
    assert_eq!(heap(execute(&channel, "", BOB).await.expect("his")), Some(256 << 20));
    let request = v1::CreateSessionRequest::default();
    let created: v1::CreateSessionResponse =
        ours(&channel, "SessionService/CreateSession", &request, ANN).await.expect("a session");
    let limits = created.session.and_then(|session| session.limits).expect("limits");
    assert_eq!(limits.heap_bytes, Some(1 << 20));
}

#[tokio::test]
async fn a_tenant_at_its_limit_leaves_the_workers_to_others() {
    let (server, channel, started, _file) = start("executions = 1\nwaiting = 1", &[]).await;
    begin(&channel, ANN).await.expect("one runs");
    let (_, started) = next(started).await;
    begin(&channel, ANN).await.expect("one waits");
    let full = begin(&channel, ANN).await.expect_err("no more may wait");
    check_quota(&full, "TENANT_QUEUE");
    execute(&channel, "", BOB).await.expect("the other worker is his");
    drop(started);
    server.drain(async {}).await.expect("drained");
}

#[tokio::test]
async fn a_full_queue_sends_away_who_has_most_in_it() {
    let settings = [("workers", "1"), ("queue_depth", "2")];
    let (server, channel, started, _file) = start("weight = 1", &settings).await;
    begin(&channel, ANN).await.expect("runs");
    let (_, started) = next(started).await;
    let first = begin(&channel, ANN).await.expect("waits");
    let last = begin(&channel, ANN).await.expect("waits");
    let full = begin(&channel, ANN).await.expect_err("the queue is full");
    check_refusal(&full, Code::ResourceExhausted, "QUEUE_FULL");
    begin(&channel, BOB).await.expect("he has nothing in it yet");
    let state = |begun: v1::StartExecutionResponse| {
        let (channel, name) = (channel.clone(), begun.execution.expect("an execution").name);
        async move {
            let request = v1::GetExecutionRequest { name };
            let got: v1::GetExecutionResponse =
                ours(&channel, "ExecutionService/GetExecution", &request, ANN).await.expect("hers");
            let execution = got.execution.expect("an execution");
            (execution.state(), execution.refusal)
        }
    };
    assert_eq!(state(last).await, (v1::execution::State::Ended, "QUEUE_FULL".to_owned()));
    assert_eq!(state(first).await, (v1::execution::State::Queued, String::new()));
    drop(started);
    server.drain(async {}).await.expect("drained");
}

#[tokio::test]
async fn what_cannot_start_in_time_is_refused_at_once() {
    let (server, channel, started, _file) = start("executions = 1", &[("drain_grace", "0s")]).await;
    // One that took a second makes forty of them a matter of seconds.
    let slow = v1::ExecuteRequest {
        limits: Some(v1::Limits { wall_time: Some(seconds(1)), ..v1::Limits::default() }),
        ..source("sleep")
    };
    ours::<v1::ExecuteResponse>(&channel, "ExecutionService/Execute", &slow, ANN).await.expect("an outcome");
    begin(&channel, ANN).await.expect("one runs");
    let (_, started) = next(started).await;
    for _ in 0..40 {
        begin(&channel, ANN).await.expect("they wait");
    }
    let mut request = tonic::Request::new(source(""));
    request.set_timeout(Duration::from_secs(2));
    request.metadata_mut().insert("authorization", format!("Bearer {ANN}").parse().expect("a header"));
    let mut client = v1::execution_service_client::ExecutionServiceClient::new(channel.clone());
    let status = client.execute(request).await.expect_err("forty wait before it");
    check_refusal(&status, Code::ResourceExhausted, "CANNOT_MEET_DEADLINE");
    let wait = status.get_details_retry_info().and_then(|info| info.retry_delay).expect("a RetryInfo");
    assert!(wait >= Duration::from_secs(2), "{wait:?}");
    execute(&channel, "", BOB).await.expect("others are not concerned");
    drop(started);
    server.drain(async {}).await.expect("drained");
}

fn seconds(seconds: i64) -> prost_types::Duration {
    prost_types::Duration { seconds, nanos: 0 }
}
