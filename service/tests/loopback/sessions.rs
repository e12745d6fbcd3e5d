//! Sessions over loopback gRPC, with the scripted engine: their life, their line, their limits.

use std::time::Duration;

use crate::support::{Fixture, check_refusal, next, reason, source, start, streamed};
use tonic::Code;
use tonic::transport::Channel;
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::session::{BusyPolicy, State};
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;

fn client(fixture: &Fixture) -> SessionServiceClient<Channel> {
    SessionServiceClient::new(fixture.channel.clone())
}

async fn create(client: &mut SessionServiceClient<Channel>, session: v1::Session) -> v1::Session {
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    client.create_session(request).await.expect("a session").into_inner().session.expect("its state")
}

async fn get(client: &mut SessionServiceClient<Channel>, name: &str) -> v1::Session {
    let request = v1::GetSessionRequest { name: name.to_owned() };
    client.get_session(request).await.expect("an answer").into_inner().session.expect("a session")
}

fn within(name: &str, text: &str) -> v1::ExecuteRequest {
    v1::ExecuteRequest { target: Some(v1::execute_request::Target::Session(name.to_owned())), ..source(text) }
}

fn text(response: &v1::ExecuteResponse) -> &str {
    match response.result.as_ref().and_then(|result| result.kind.as_ref()) {
        Some(Kind::StrValue(text)) => text,
        other => panic!("no text: {other:?}"),
    }
}

fn survives(response: &v1::ExecuteResponse) -> bool {
    response.outcome.as_ref().expect("an outcome").session_survives
}

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

#[tokio::test]
async fn a_session_keeps_its_state_until_it_is_reset_or_deleted() {
    let mut fixture = start(&[]).await;
    let mut sessions = client(&fixture);
    let session = create(&mut sessions, v1::Session::default()).await;
    assert!(session.name.starts_with("sessions/") && session.state() == State::Idle, "{session:?}");
    for (program, held) in [("keep a", "a"), ("keep b", "ab"), ("", "ab")] {
        let request = within(&session.name, &format!("{program}\nheld").trim_start().replace("\n\n", "\n"));
        let response = fixture.client.execute(request).await.expect("an answer").into_inner();
        assert_eq!((text(&response), response.session.as_str()), (held, session.name.as_str()));
        assert!(survives(&response));
    }
    let seen = get(&mut sessions, &session.name).await;
    assert_eq!((seen.state(), seen.execution_count, seen.heap_bytes), (State::Idle, 3, 2));
    let at = |time: Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
    assert!(at(seen.expire_time) > at(seen.create_time));

    let request = v1::ResetSessionRequest { name: session.name.clone() };
    let reset = sessions.reset_session(request).await.expect("an answer").into_inner().session.expect("a session");
    assert_eq!((reset.generation, reset.heap_bytes), (1, 0));
    let response = fixture.client.execute(within(&session.name, "held")).await.expect("an answer").into_inner();
    assert_eq!(text(&response), "");

    // Another session, and no session, hold nothing of it.
    fixture.client.execute(within(&session.name, "keep x")).await.expect("an answer");
    let other = create(&mut sessions, v1::Session::default()).await;
    for request in [within(&other.name, "held"), source("held")] {
        let response = fixture.client.execute(request).await.expect("an answer").into_inner();
        assert_eq!(text(&response), "");
    }

    sessions.delete_session(v1::DeleteSessionRequest { name: session.name.clone() }).await.expect("deleted");
    let status = fixture.client.execute(within(&session.name, "held")).await.expect_err("gone");
    check_refusal(&status, Code::NotFound, "SESSION_NOT_FOUND");
    assert_eq!(status.get_details_resource_info().expect("a resource").resource_name, session.name);
}

#[tokio::test]
async fn lists_come_in_pages() {
    let fixture = start(&[]).await;
    let mut sessions = client(&fixture);
    let mut made = Vec::new();
    for _ in 0..5 {
        made.push(create(&mut sessions, v1::Session::default()).await.name);
    }
    made.sort();
    let (mut listed, mut page_token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let request = v1::ListSessionsRequest { page_size: 2, page_token };
        let response = sessions.list_sessions(request).await.expect("a page").into_inner();
        listed.extend(response.sessions.into_iter().map(|session| session.name));
        pages += 1;
        page_token = response.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!((listed, pages), (made, 3));
}

#[tokio::test]
async fn executions_wait_for_their_session_in_order_and_hold_no_worker() {
    let mut fixture = start(&[("workers", "1"), ("session_line_max", "3")]).await;
    let mut sessions = client(&fixture);
    let session = create(&mut sessions, v1::Session::default()).await;
    let mut stream = fixture.client.stream_execute(streamed(within(&session.name, "interruptible"))).await.expect("on");
    let (_, started) = next(fixture.started).await;
    let mut waiting = tokio::task::JoinSet::new();
    for n in 0..3 {
        let (mut client, request) = (fixture.client.clone(), within(&session.name, &format!("keep {n}\nheld")));
        waiting.spawn(async move { client.execute(request).await });
        while get(&mut sessions, &session.name).await.waiting_executions != n + 1 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let status = fixture.client.execute(within(&session.name, "held")).await.expect_err("the line is full");
    check_refusal(&status, Code::FailedPrecondition, "SESSION_BUSY");
    let running = get(&mut sessions, &session.name).await.running_execution;
    assert_eq!(status.get_details_error_info().expect("an ErrorInfo").metadata["execution"], running);

    let request = v1::InterruptSessionRequest { name: session.name.clone(), mode: 0 };
    let interrupted = sessions.interrupt_session(request).await.expect("an answer").into_inner();
    assert_eq!(interrupted.execution, running);
    let mut held = Vec::new();
    while let Some(ended) = waiting.join_next().await {
        held.push(text(&ended.expect("a task").expect("an answer").into_inner()).to_owned());
    }
    held.sort();
    assert_eq!(held, ["0", "01", "012"]);
    while stream.get_mut().message().await.expect("no error").is_some() {}

    // Nothing runs: nothing is interrupted, and a session may refuse to have a line at all.
    let request = v1::InterruptSessionRequest { name: session.name.clone(), mode: 0 };
    let interrupted = sessions.interrupt_session(request).await.expect("an answer").into_inner();
    assert_eq!(interrupted.execution, "");
    let strict = v1::Session { when_busy: BusyPolicy::Refuse.into(), ..v1::Session::default() };
    let strict = create(&mut sessions, strict).await;
    while started.try_recv().is_ok() {}
    let mut stream = fixture.client.stream_execute(streamed(within(&strict.name, "spin"))).await.expect("on");
    let (_, _started) = next(started).await;
    let status = fixture.client.execute(within(&strict.name, "held")).await.expect_err("busy");
    check_refusal(&status, Code::FailedPrecondition, "SESSION_BUSY");
    let reset = sessions.reset_session(v1::ResetSessionRequest { name: strict.name.clone() }).await;
    check_refusal(&reset.expect_err("busy"), Code::FailedPrecondition, "SESSION_BUSY");

    // Deleting it ends what runs.
    sessions.delete_session(v1::DeleteSessionRequest { name: strict.name }).await.expect("deleted");
    let mut last = None;
    while let Some(message) = stream.get_mut().message().await.expect("no error") {
        last = message.event;
    }
    let Some(v1::stream_execute_response::Event::Finished(finished)) = last else { panic!("{last:?}") };
    let response = finished.response.expect("a response");
    assert_eq!((reason(&response), survives(&response)), (Reason::CancelledByClient, false));
}

#[tokio::test]
async fn a_lost_isolate_fails_its_session_until_it_is_reset() {
    let mut fixture = start(&[]).await;
    let mut sessions = client(&fixture);
    for (program, why) in [("lose", "the script lost it"), ("panic", "the engine panicked")] {
        let session = create(&mut sessions, v1::Session::default()).await;
        let response = fixture.client.execute(within(&session.name, program)).await.expect("an answer").into_inner();
        assert!(!survives(&response), "{response:?}");
        let seen = get(&mut sessions, &session.name).await;
        assert_eq!((seen.state(), seen.failure.as_str()), (State::Failed, why));
        let status = fixture.client.execute(within(&session.name, "held")).await.expect_err("lost");
        check_refusal(&status, Code::FailedPrecondition, "SESSION_FAILED");
        assert_eq!(status.get_details_error_info().expect("an ErrorInfo").metadata["failure"], why);
        sessions.reset_session(v1::ResetSessionRequest { name: session.name.clone() }).await.expect("reset");
        fixture.client.execute(within(&session.name, "held")).await.expect("a fresh isolate");
    }
}

#[tokio::test]
async fn sessions_end_in_their_time_and_their_clients_learn_of_it() {
    let mut fixture = start(&[("session_idle_ttl_max", "20ms"), ("session_ttl_max", "100ms")]).await;
    let mut sessions = client(&fixture);
    let session = create(&mut sessions, v1::Session { idle_ttl: seconds(1000), ..v1::Session::default() }).await;
    assert_eq!(session.idle_ttl.map(|ttl| ttl.nanos), Some(20_000_000));
    tokio::time::sleep(Duration::from_millis(25)).await;
    let status = fixture.client.execute(within(&session.name, "held")).await.expect_err("over");
    check_refusal(&status, Code::NotFound, "SESSION_EXPIRED");
    assert!(status.get_details_error_info().expect("an ErrorInfo").metadata.contains_key("expire_time"));
    let request = v1::ListSessionsRequest::default();
    let listed = sessions.list_sessions(request).await.expect("a page").into_inner().sessions;
    assert_eq!(listed, []);
}

#[tokio::test]
async fn there_are_only_so_many_sessions_and_they_hold_only_so_much() {
    let mut fixture = start(&[("sessions_max", "2"), ("sessions_heap_max", "8")]).await;
    let mut sessions = client(&fixture);
    let first = create(&mut sessions, v1::Session::default()).await;
    fixture.client.execute(within(&first.name, "keep 12345678")).await.expect("an answer");
    let again = v1::CreateSessionRequest::default();
    let status = sessions.create_session(again.clone()).await.expect_err("no room");
    check_refusal(&status, Code::ResourceExhausted, "SESSION_MEMORY");
    assert!(status.get_details_retry_info().is_some());
    sessions.reset_session(v1::ResetSessionRequest { name: first.name }).await.expect("reset");
    create(&mut sessions, v1::Session::default()).await;
    let status = sessions.create_session(again).await.expect_err("too many");
    check_refusal(&status, Code::ResourceExhausted, "TOO_MANY_SESSIONS");
}

#[tokio::test]
async fn a_client_that_goes_away_interrupts_first_and_stops_then() {
    let mut fixture = start(&[("interrupt_grace", "30ms"), ("workers", "1")]).await;
    let mut sessions = client(&fixture);
    let session = create(&mut sessions, v1::Session::default()).await;
    let (mut client, request) = (fixture.client.clone(), within(&session.name, "catch"));
    let call = tokio::spawn(async move { client.execute(request).await });
    let (_, started) = next(fixture.started).await;
    call.abort();
    let (ended, _ended) = next(fixture.ended).await;
    assert_eq!(ended, Some(typhon_vm::CancelReason::ClientGone));
    drop(started);
    let response = fixture.client.execute(within(&session.name, "held")).await.expect("it goes on").into_inner();
    assert_eq!(text(&response), "^C");
}

#[tokio::test]
async fn what_a_session_decides_its_executions_do_not() {
    let mut fixture = start(&[]).await;
    let mut sessions = client(&fixture);
    let limits = v1::Limits { wall_time: seconds(2), stdout_bytes: Some(10), ..v1::Limits::default() };
    let session = create(&mut sessions, v1::Session { limits: Some(limits), ..v1::Session::default() }).await;
    let limits = |limits| v1::ExecuteRequest { limits: Some(limits), ..within(&session.name, "print 20") };
    let asked = v1::Limits { wall_time: seconds(1), stdout_bytes: Some(100), ..v1::Limits::default() };
    let response = fixture.client.execute(limits(asked)).await.expect("an answer").into_inner();
    let effective = response.effective_limits.expect("limits");
    assert_eq!((effective.wall_time, effective.stdout_bytes), (seconds(1), Some(10)));
    assert_eq!(response.stdout.map(|out| out.data.len()), Some(10));
}
