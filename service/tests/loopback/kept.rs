//! Executions that are kept: started detached, attached to again, told from their retries.

use std::time::Duration;

use crate::support::{check_refusal, next, pattern, reason, source, start, streamed};
use tonic::Code;
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::attach_execution_response::Event;
use typhon_proto::v1::execution::State;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;

type Client = ExecutionServiceClient<tonic::transport::Channel>;

const ID: &str = "00000000-0000-0000-0000-00000000000a";

fn with_id(text: &str, id: &str) -> v1::ExecuteRequest {
    v1::ExecuteRequest { request_id: id.to_owned(), ..source(text) }
}

async fn begin(client: &mut Client, request: v1::ExecuteRequest) -> v1::Execution {
    let request = v1::StartExecutionRequest { request: Some(request) };
    client.start_execution(request).await.expect("started").into_inner().execution.expect("an execution")
}

async fn get(client: &mut Client, name: &str) -> v1::Execution {
    let request = v1::GetExecutionRequest { name: name.to_owned() };
    client.get_execution(request).await.expect("an answer").into_inner().execution.expect("an execution")
}

/// The events after `after`, at most `most` of them.
async fn attach(client: &mut Client, name: &str, after: i64, most: usize) -> Vec<v1::AttachExecutionResponse> {
    let request = v1::AttachExecutionRequest { name: name.to_owned(), after_sequence: after };
    let mut stream = client.attach_execution(request).await.expect("a stream").into_inner();
    let mut events = Vec::new();
    while events.len() < most
        && let Some(event) = stream.message().await.expect("no error")
    {
        if event.sequence > 0 {
            events.push(event);
        }
    }
    events
}

fn printed(events: &[v1::AttachExecutionResponse]) -> Vec<u8> {
    let mut all = Vec::new();
    for event in events {
        if let Some(Event::Output(output)) = &event.event {
            assert_eq!(output.offset, all.len() as i64);
            all.extend_from_slice(&output.data);
        }
    }
    all
}

#[tokio::test]
async fn a_detached_execution_is_read_from_any_event_on_by_anybody() {
    let mut fixture = start(&[]).await;
    let labels = [("job".to_owned(), "7".to_owned())].into();
    let execution = begin(&mut fixture.client, v1::ExecuteRequest { labels, ..source("print 200000\nprint 10") }).await;
    let all = attach(&mut fixture.client, &execution.name, 0, usize::MAX).await;
    assert!(all.iter().zip(1..).all(|(event, number)| event.sequence == number), "{all:?}");
    assert!(matches!(all[0].event, Some(Event::Accepted(_))) && matches!(all[1].event, Some(Event::Started(_))));
    assert_eq!(printed(&all).len(), 200_010);
    assert_eq!(printed(&all)[..200_000], pattern(0, 200_000));
    let Some(Event::Finished(finished)) = &all[all.len() - 1].event else { panic!("{all:?}") };
    assert_eq!(finished.response.as_ref().map(reason), Some(Reason::Completed));
    for after in 0..all.len() {
        let rest = attach(&mut fixture.client, &execution.name, after as i64, usize::MAX).await;
        assert_eq!(rest, all[after..]);
    }
    let seen = get(&mut fixture.client, &execution.name).await;
    assert_eq!((seen.state(), seen.last_sequence, seen.labels["job"].as_str()), (State::Ended, all.len() as i64, "7"));
    assert!(seen.response.is_some() && seen.expire_time.is_some());
    let beyond = v1::AttachExecutionRequest { name: execution.name, after_sequence: seen.last_sequence + 1 };
    let status = fixture.client.attach_execution(beyond).await.expect_err("no such event");
    assert_eq!(check_refusal(&status, Code::InvalidArgument, "INVALID_REQUEST"), ["after_sequence"]);
}

#[tokio::test]
async fn a_detached_execution_needs_no_client_and_can_be_stopped() {
    let mut fixture = start(&[("request_grace", "1ms")]).await;
    let execution = begin(&mut fixture.client, source("print 10\nspin")).await;
    let two = attach(&mut fixture.client, &execution.name, 0, 2).await;
    assert_eq!(two.len(), 2);
    tokio::time::sleep(Duration::from_millis(30)).await;
    assert_eq!(get(&mut fixture.client, &execution.name).await.state(), State::Running);
    let cancel = v1::CancelExecutionRequest { name: execution.name.clone(), mode: 0 };
    fixture.client.cancel_execution(cancel.clone()).await.expect("cancelled");
    let rest = attach(&mut fixture.client, &execution.name, 2, usize::MAX).await;
    assert_eq!(printed(&rest), pattern(0, 10));
    let seen = get(&mut fixture.client, &execution.name).await;
    assert_eq!(seen.response.as_ref().map(reason), Some(Reason::CancelledByClient));
    // Once more does nothing.
    fixture.client.cancel_execution(cancel).await.expect("an answer");
    let forget = v1::DeleteExecutionRequest { name: execution.name.clone() };
    fixture.client.delete_execution(forget.clone()).await.expect("forgotten");
    let status = fixture.client.delete_execution(forget).await.expect_err("gone");
    check_refusal(&status, Code::NotFound, "EXECUTION_NOT_FOUND");
}

#[tokio::test]
async fn a_retry_gets_the_first_answer_and_runs_nothing() {
    let mut fixture = start(&[]).await;
    let first = fixture.client.execute(with_id("print 10\nwall", ID)).await.expect("an answer").into_inner();
    assert_eq!(first.stdout.as_ref().map(|out| out.data.clone()), Some(pattern(0, 10)));
    let again = fixture.client.execute(with_id("print 10\nwall", ID)).await.expect("an answer").into_inner();
    assert_eq!(again, first);
    let status = fixture.client.execute(with_id("print 11", ID)).await.expect_err("another request");
    check_refusal(&status, Code::AlreadyExists, "REQUEST_ID_REUSED");
    let status = fixture.client.stream_execute(streamed(with_id("print 10\nwall", ID))).await.expect_err("another way");
    check_refusal(&status, Code::AlreadyExists, "REQUEST_ID_REUSED");

    // At the same time, too: one runs, both get its answer.
    let other = "00000000-0000-0000-0000-00000000000b";
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let mut client = fixture.client.clone();
        running.spawn(async move { client.execute(with_id("print 5\nwall", other)).await });
    }
    let mut answers = Vec::new();
    while let Some(answer) = running.join_next().await {
        answers.push(answer.expect("a task").expect("an answer").into_inner());
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]));

    // A refusal is not remembered: the retry may do better.
    let third = "00000000-0000-0000-0000-00000000000c";
    let missing = v1::execute_request::Target::Session("sessions/0".into());
    let request = v1::ExecuteRequest { target: Some(missing), ..with_id("", third) };
    for _ in 0..2 {
        let status = fixture.client.execute(request.clone()).await.expect_err("no session");
        check_refusal(&status, Code::NotFound, "SESSION_NOT_FOUND");
    }
    fixture.client.execute(with_id("", third)).await.expect("the id is free");

    let mut sessions = SessionServiceClient::new(fixture.channel.clone());
    let request = v1::CreateSessionRequest { request_id: ID.into(), session: None };
    let first = sessions.create_session(request.clone()).await.expect("a session").into_inner().session.expect("it");
    let again = sessions.create_session(request.clone()).await.expect("a session").into_inner().session.expect("it");
    assert_eq!(first.name, again.name);
    let labels = [("a".to_owned(), "b".to_owned())].into();
    let session = Some(v1::Session { labels, ..v1::Session::default() });
    let status = sessions.create_session(v1::CreateSessionRequest { session, ..request }).await.expect_err("another");
    check_refusal(&status, Code::AlreadyExists, "REQUEST_ID_REUSED");
}

#[tokio::test]
async fn a_lost_client_has_a_while_to_come_again() {
    let fixture = start(&[("request_grace", "5s")]).await;
    let mut client = fixture.client.clone();
    let call = tokio::spawn(async move { client.execute(with_id("interruptible\nkeep x\nheld", ID)).await });
    let (_, started) = next(fixture.started).await;
    call.abort();
    // The retry finds it running, and so does whoever lists.
    let mut client = fixture.client.clone();
    let again = tokio::spawn(async move { client.execute(with_id("interruptible\nkeep x\nheld", ID)).await });
    let mut client = fixture.client.clone();
    let listed = client.list_executions(v1::ListExecutionsRequest::default()).await.expect("a page").into_inner();
    let [execution] = &listed.executions[..] else { panic!("{listed:?}") };
    assert_eq!(execution.state(), State::Running);
    let raise = v1::interrupt::Mode::Raise.into();
    client
        .cancel_execution(v1::CancelExecutionRequest { name: execution.name.clone(), mode: raise })
        .await
        .expect("it");
    let response = again.await.expect("a task").expect("an answer").into_inner();
    assert_eq!(response.result.and_then(|result| result.kind), Some(Kind::StrValue("x".into())));
    assert!(started.try_recv().is_err(), "it ran once");

    // Not for ever.
    let fixture = start(&[("request_grace", "10ms")]).await;
    let mut client = fixture.client.clone();
    let call = tokio::spawn(async move { client.execute(with_id("spin", ID)).await });
    let (_, _started) = next(fixture.started).await;
    call.abort();
    let (ended, _ended) = next(fixture.ended).await;
    assert_eq!(ended, Some(typhon_vm::CancelReason::ClientGone));
}

#[tokio::test]
async fn a_stream_with_an_id_goes_on_where_it_broke() {
    let mut fixture = start(&[]).await;
    let request = streamed(with_id("print 100\ninterruptible\nprint 50", ID));
    let mut stream = fixture.client.stream_execute(request.clone()).await.expect("a stream").into_inner();
    let first = stream.message().await.expect("no error").expect("an event");
    let Some(v1::stream_execute_response::Event::Accepted(accepted)) = first.event else { panic!("{first:?}") };
    drop(stream);
    // By its name, or by the request itself.
    let mut again = fixture.client.stream_execute(request).await.expect("a stream").into_inner();
    assert_eq!(again.message().await.expect("no error").map(|event| event.sequence), Some(1));
    let raise = v1::interrupt::Mode::Raise.into();
    let (_, _started) = next(fixture.started).await;
    let cancel = v1::CancelExecutionRequest { name: accepted.execution.clone(), mode: raise };
    fixture.client.cancel_execution(cancel).await.expect("an answer");
    let rest = attach(&mut fixture.client, &accepted.execution, 1, usize::MAX).await;
    assert_eq!((rest[0].sequence, printed(&rest).len()), (2, 150));
}

#[tokio::test]
async fn only_so_many_are_kept_and_not_for_ever() {
    let mut fixture = start(&[("executions_max", "2"), ("workers", "2")]).await;
    let first = begin(&mut fixture.client, source("")).await;
    attach(&mut fixture.client, &first.name, 0, usize::MAX).await;
    let second = begin(&mut fixture.client, source("spin")).await;
    // The one that has ended makes room; one that runs does not.
    let third = begin(&mut fixture.client, source("spin")).await;
    let status = fixture.client.get_execution(v1::GetExecutionRequest { name: first.name }).await.expect_err("gone");
    check_refusal(&status, Code::NotFound, "EXECUTION_NOT_FOUND");
    let request = v1::StartExecutionRequest { request: Some(source("")) };
    let status = fixture.client.start_execution(request).await.expect_err("no room");
    check_refusal(&status, Code::ResourceExhausted, "TOO_MANY_EXECUTIONS");
    assert!(status.get_details_retry_info().is_some());
    for name in [second.name, third.name] {
        fixture.client.delete_execution(v1::DeleteExecutionRequest { name }).await.expect("stopped and forgotten");
    }

    let mut fixture = start(&[("execution_ttl", "10ms")]).await;
    let first = begin(&mut fixture.client, source("")).await;
    // It is there until it ends, and gone soon after.
    let status = loop {
        match fixture.client.get_execution(v1::GetExecutionRequest { name: first.name.clone() }).await {
            Ok(_) => tokio::time::sleep(Duration::from_millis(5)).await,
            Err(status) => break status,
        }
    };
    check_refusal(&status, Code::NotFound, "EXECUTION_NOT_FOUND");
}
