//! BatchExecute: cases in, verdicts out.

use std::collections::HashMap;

use crate::support::{check_refusal, pattern, source, start};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use typhon_proto::v1;
use typhon_proto::v1::batch_execute_request::Message;
use typhon_proto::v1::batch_execute_response::Message as Answer;
use typhon_proto::v1::batch_result::Verdict;

fn setup(setup: v1::BatchSetup) -> v1::BatchExecuteRequest {
    v1::BatchExecuteRequest { message: Some(Message::Setup(Box::new(setup))) }
}

fn case(id: &str, case: v1::BatchCase) -> v1::BatchExecuteRequest {
    v1::BatchExecuteRequest { message: Some(Message::Case(Box::new(v1::BatchCase { id: id.into(), ..case }))) }
}

fn none() -> v1::BatchCase {
    v1::BatchCase::default()
}

async fn run(
    fixture: &crate::support::Fixture,
    requests: Vec<v1::BatchExecuteRequest>,
) -> (HashMap<String, v1::BatchResult>, v1::BatchSummary) {
    let stream = tokio_stream::iter(requests);
    let mut answers = fixture.client.clone().batch_execute(stream).await.expect("a stream").into_inner();
    let (mut results, mut summary) = (HashMap::new(), None);
    while let Some(answer) = answers.message().await.expect("no error") {
        assert_eq!(summary, None, "the summary comes last");
        match answer.message.expect("an answer") {
            Answer::Result(result) => drop(results.insert(result.case_id.clone(), *result)),
            Answer::Summary(sum) => summary = Some(sum),
        }
    }
    (results, summary.expect("a summary"))
}

#[tokio::test]
async fn every_case_gets_its_verdict() {
    let fixture = start(&[("queue_depth", "1")]).await;
    let program = v1::BatchSetup { request: Some(source("print 6\ncat")), ..v1::BatchSetup::default() };
    let right = [pattern(0, 6), b" \n\n".to_vec()].concat();
    let limits = v1::Limits { stdout_bytes: Some(3), ..v1::Limits::default() };
    let mut requests = vec![
        setup(program),
        case("any", none()),
        case("right", v1::BatchCase { expected_stdout: Some(right.clone()), ..none() }),
        case("wrong", v1::BatchCase { expected_stdout: Some(b"abc".to_vec()), ..none() }),
        case("cut", v1::BatchCase { expected_stdout: Some(right), limits: Some(limits), ..none() }),
        case("bad", v1::BatchCase { argv: vec!["\0".into()], ..none() }),
        case("fed", v1::BatchCase { stdin: Some(b"in".to_vec()), ..none() }),
    ];
    requests.extend((0..50).map(|n| case(&format!("more {n}"), none())));
    let (results, summary) = run(&fixture, requests).await;
    let verdict = |id: &str| results[id].verdict();
    assert_eq!([verdict("any"), verdict("right"), verdict("fed")], [Verdict::Passed; 3]);
    assert_eq!([verdict("wrong"), verdict("cut")], [Verdict::WrongOutput; 2]);
    assert_eq!((verdict("bad"), results["bad"].refusal.as_str()), (Verdict::Refused, "INVALID_REQUEST"));
    let fed = results["fed"].response.as_ref().and_then(|response| response.result.clone()?.kind);
    assert_eq!(fed, Some(v1::value::Kind::BytesValue(b"in".to_vec())));
    assert_eq!((summary.passed, summary.wrong_output, summary.refused, summary.failed), (53, 2, 1, 0));
}

#[tokio::test]
async fn the_first_failure_may_stop_the_rest() {
    let fixture = start(&[("workers", "1")]).await;
    let wall_time = Some(prost_types::Duration { seconds: 0, nanos: 20_000_000 });
    let limits = Some(v1::Limits { wall_time, ..v1::Limits::default() });
    let request = Some(v1::ExecuteRequest { limits, ..source("spin") });
    let mut requests = vec![setup(v1::BatchSetup { request, max_parallel: 1, stop_on_first_failure: true })];
    requests.extend((0..5).map(|n| case(&n.to_string(), none())));
    let (results, summary) = run(&fixture, requests).await;
    assert_eq!((summary.failed, summary.skipped), (1, 4));
    assert_eq!(results["0"].verdict(), Verdict::Failed);
    assert_eq!(results["4"].verdict(), Verdict::Skipped);
}

#[tokio::test]
async fn a_reader_that_stops_stops_the_cases_and_one_that_goes_ends_them() {
    let fixture = start(&[("workers", "2")]).await;
    let (send, receive) = mpsc::channel(1);
    send.send(setup(v1::BatchSetup { request: Some(source("spin")), ..v1::BatchSetup::default() }))
        .await
        .expect("room");
    let answers = fixture.client.clone().batch_execute(ReceiverStream::new(receive)).await.expect("a stream");
    for n in 0..2 {
        send.send(case(&n.to_string(), none())).await.expect("room");
    }
    let started = fixture.started;
    let started = tokio::task::spawn_blocking(move || {
        started.recv().expect("one runs");
        started.recv().expect("another runs");
        started
    });
    let _started = started.await.expect("a thread");
    drop((answers, send));
    let (ended, _ended) = crate::support::next(fixture.ended).await;
    assert_eq!(ended, Some(typhon_vm::CancelReason::ClientGone));
}

#[tokio::test]
async fn a_second_setup_ends_the_batch() {
    let fixture = start(&[]).await;
    let good = v1::BatchSetup { request: Some(source("")), ..v1::BatchSetup::default() };
    for wrong in [setup(good.clone()), v1::BatchExecuteRequest { message: None }] {
        let stream = tokio_stream::iter(vec![setup(good.clone()), wrong]);
        let mut answers = fixture.client.clone().batch_execute(stream).await.expect("a stream").into_inner();
        let status = answers.message().await.expect_err("a mistake");
        assert_eq!(check_refusal(&status, Code::InvalidArgument, "INVALID_REQUEST"), ["message"]);
    }
}
