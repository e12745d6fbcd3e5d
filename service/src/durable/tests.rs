//! Durable executions over a journal in memory: what holds when nodes die, receipts are lost, and nothing answers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use typhon_proto::v1;
use typhon_proto::v1::stream_execute_response::Event;
use typhon_vm::CancelReason;

use super::fake::Fake;
use super::journal::{Fault, Head, Journal, Key, Phase};
use super::story::{Claim, Story, What, Writer};
use super::{Durable, work::Work};
use crate::config::Config;
use crate::engine::Vm;
use crate::error::Refusal;
use crate::grpc::identity::fingerprint;
use crate::identity::{Caller, Tenant};
use crate::server::{Parts, Shared};

fn node(fake: &Arc<Fake>) -> (Parts, Arc<Work>) {
    let config = Config::from_source(|row| {
        let value = match row.name {
            "isolation" | "isolation_least" => "in_process",
            "workers" => "2",
            "durable_silence" => "1s",
            _ => return None,
        };
        Some(value.to_owned())
    });
    let config = Arc::new(config.expect("good settings"));
    let parts = Parts::new(config, Arc::new(Vm::default()), Shared { journal: Some(fake.clone()), store: None })
        .expect("a node");
    let work = parts.work().expect("it has a journal");
    (parts, work)
}

fn durable(fake: &Arc<Fake>) -> Durable {
    Durable::new(fake.clone(), Duration::from_secs(3600))
}

fn caller() -> Caller {
    Caller::new(Tenant::new("default"), "tests".into())
}

fn program(text: &str) -> v1::ExecuteRequest {
    let source = v1::Source { text: text.as_bytes().to_vec(), ..v1::Source::default() };
    v1::ExecuteRequest {
        code: Some(v1::execute_request::Code::Source(source)),
        result_mode: v1::ResultMode::LastExpression.into(),
        ..v1::ExecuteRequest::default()
    }
}

async fn start(durable: &Durable, request: v1::ExecuteRequest) -> Result<v1::Execution, Refusal> {
    let fingerprint = fingerprint("StartExecution", &request);
    durable.start(&caller(), request, vec![("a".into(), "b".into())], fingerprint).await
}

async fn started(durable: &Durable, text: &str) -> Key {
    let execution = start(durable, program(text)).await.expect("started");
    Key::of("default", &execution.name).expect("a durable name")
}

/// All events, until there are no more.
async fn events(durable: &Durable, key: &Key, after: i64) -> Result<Vec<v1::StreamExecuteResponse>, tonic::Status> {
    let mut events = durable.attach(key, after, Duration::from_millis(100)).await?;
    let mut all = Vec::new();
    while let Some(event) = events.recv().await {
        let event = event?;
        if event.sequence > 0 {
            all.push(event);
        }
    }
    Ok(all)
}

fn sequences(events: &[v1::StreamExecuteResponse]) -> Vec<i64> {
    events.iter().map(|event| event.sequence).collect()
}

fn gapless(events: &[v1::StreamExecuteResponse]) -> bool {
    sequences(events).into_iter().eq(1..=events.len() as i64)
}

fn output(events: &[v1::StreamExecuteResponse]) -> Vec<u8> {
    let chunks = events.iter().filter_map(|event| match &event.event {
        Some(Event::Output(chunk)) => Some(chunk.data.clone()),
        _ => None,
    });
    chunks.collect::<Vec<_>>().concat()
}

async fn phase(fake: &Arc<Fake>, key: &Key, wanted: Phase) {
    while fake.last(key).await.expect("there").map(|piece| piece.head.phase()) != Some(wanted) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn what_is_started_is_run_and_can_be_read_by_all() {
    let fake = Fake::new(1 << 20);
    let (durable, _node) = (durable(&fake), node(&fake));
    let key = started(&durable, "print('x' * 100)\n6 * 7").await;
    let all = events(&durable, &key, 0).await.expect("its events");
    assert!(gapless(&all));
    assert_eq!(output(&all), [vec![b'x'; 100], vec![b'\n']].concat());
    let seen = durable.describe(&key).await.expect("known");
    assert_eq!((seen.state(), seen.last_sequence), (v1::execution::State::Ended, all.len() as i64));
    assert_eq!(seen.labels, HashMap::from([("a".to_owned(), "b".to_owned())]));
    let response = seen.response.expect("an answer");
    assert_eq!(response.execution, key.name());
    assert_eq!(response.result.and_then(|value| value.kind), Some(v1::value::Kind::IntValue(42)));
    // From the middle, and from beyond the end.
    assert_eq!(sequences(&events(&durable, &key, 2).await.expect("the rest")), sequences(&all[2..]));
    assert!(events(&durable, &key, 99).await.is_err());
    let (page, more) = durable.list("default", "", 10).await.expect("a page");
    assert_eq!((page.len(), more, page[0].name.clone()), (1, false, key.name()));
    assert!(durable.list("other", "", 10).await.expect("a page").0.is_empty());
    while fake.state(|state| !state.taken.is_empty()) {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_a_dead_node_had_begun_begins_anew_and_its_ghost_writes_nothing() {
    let fake = Fake::new(1 << 20);
    let durable = durable(&fake);
    let key = started(&durable, "print('again')").await;
    // One node takes it, claims it, writes an event and the beginning of another, and dies.
    let _taken = fake.take("default", Duration::ZERO).await.expect("there").expect("work");
    let story = Story::read(&*fake, &key).await.expect("a story");
    let head = Head { phase: Phase::Running.into(), ..Head::default() };
    let mut ghost = Writer::new(&*fake, key.clone(), story.last, head);
    ghost.add(&[What::Claim(Claim { node: "dead".into(), attempt: 1 }).into()]).await.expect("claimed");
    ghost.head.last_sequence = 1;
    let accepted = Event::Accepted(v1::Accepted { execution: key.name(), ..v1::Accepted::default() });
    let event = v1::StreamExecuteResponse { sequence: 1, event: Some(accepted), ..Default::default() };
    ghost.add(&[What::Event(event).into()]).await.expect("written");
    let part = Head { part: true, ..ghost.head.clone() };
    ghost.last = fake.append(&key, ghost.last, &part, Bytes::from_static(b"\xff\xff")).await.expect("half of it");
    fake.redeliver();
    let _node = node(&fake);
    let all = events(&durable, &key, 0).await.expect("its events");
    assert!(gapless(&all));
    assert_eq!(output(&all), b"again\n");
    assert_eq!(ghost.add(&[What::Release(Default::default()).into()]).await, Err(Fault::Overtaken));
    assert_eq!(Story::read(&*fake, &key).await.expect("a story").attempts, 2);
}

#[tokio::test]
async fn what_kills_every_node_is_given_up() {
    let fake = Fake::new(1 << 20);
    let durable = durable(&fake);
    let key = started(&durable, "1").await;
    for attempt in 1..=3 {
        let story = Story::read(&*fake, &key).await.expect("a story");
        let mut dead = Writer::new(&*fake, key.clone(), story.last, story.head);
        let claim = What::Claim(Claim { node: "dead".into(), attempt });
        dead.enter(Phase::Running, &claim.into()).await.expect("claimed");
    }
    let _node = node(&fake);
    let status = events(&durable, &key, 0).await.expect_err("refused");
    assert_eq!(status.code(), tonic::Code::Unavailable);
    assert_eq!(durable.describe(&key).await.expect("known").refusal, "WORKER_LOST");
}

#[tokio::test]
async fn a_request_with_an_id_starts_once() {
    let fake = Fake::new(1 << 20);
    let durable = durable(&fake);
    let request_id = "00000000-0000-0000-0000-000000000001".to_owned();
    let request = |text: &str| v1::ExecuteRequest { request_id: request_id.clone(), ..program(text) };
    let first = start(&durable, request("1")).await.expect("started");
    assert_eq!(start(&durable, request("1")).await.expect("known").name, first.name);
    assert_eq!(fake.state(|state| state.lines["default"].len()), 1);
    let reused = start(&durable, request("2")).await.expect_err("refused");
    assert_eq!(reused, Refusal::RequestIdReused { request_id: request_id.clone() });
    // A starter that died before its request was complete and in line.
    let key = Key::of("default", &first.name).expect("ours");
    fake.remove(&key).await.expect("gone");
    let birth = super::Birth { fingerprint: fingerprint("StartExecution", &request("1")), ..Default::default() };
    let mut dead = Writer::new(&*fake, key.clone(), 0, Head::default());
    dead.add(&[What::Birth(birth).into()]).await.expect("born");
    fake.state(|state| state.lines.clear());
    assert_eq!(start(&durable, request("1")).await.expect("started").name, first.name);
    let _node = node(&fake);
    events(&durable, &key, 0).await.expect("it runs");
}

#[tokio::test]
async fn nothing_is_larger_than_a_piece() {
    let fake = Fake::new(1000);
    let (durable, _node) = (durable(&fake), node(&fake));
    let key = started(&durable, &format!("print('y' * 5000)\n'z' * 30000 # {}", "w".repeat(5000))).await;
    let all = events(&durable, &key, 0).await.expect("its events");
    assert_eq!(output(&all).len(), 5001);
    let response = durable.describe(&key).await.expect("known").response.expect("an answer");
    assert_eq!(response.result.and_then(|value| value.kind), Some(v1::value::Kind::StrValue("z".repeat(30000))));
}

#[tokio::test]
async fn receipts_may_be_lost_and_the_engine_go_away() {
    let fake = Fake::new(1 << 20);
    let durable = durable(&fake);
    fake.state(|state| state.lose_receipts = 2);
    let key = started(&durable, "print(1)").await;
    for (fault, refusal) in [
        (Fault::Full, Refusal::DurableFull),
        (Fault::Away("gone".into()), Refusal::QueueAway { retry_after: Duration::from_secs(1) }),
    ] {
        fake.state(|state| state.fault = Some(fault));
        assert_eq!(start(&durable, program("1")).await.expect_err("refused"), refusal);
        assert_eq!(durable.describe(&key).await.expect_err("refused"), refusal);
    }
    fake.state(|state| (state.fault, state.lose_receipts) = (None, 3));
    let _node = node(&fake);
    assert!(gapless(&events(&durable, &key, 0).await.expect("its events")));
    // While it runs.
    let key = started(&durable, "import time\nprint(1)\ntime.sleep(.3)\nprint(2)").await;
    phase(&fake, &key, Phase::Running).await;
    fake.state(|state| state.fault = Some(Fault::Away("gone".into())));
    tokio::time::sleep(Duration::from_millis(500)).await;
    fake.state(|state| state.fault = None);
    assert_eq!(output(&events(&durable, &key, 0).await.expect("its events")), b"1\n2\n");
}

#[tokio::test]
async fn it_can_be_stopped_wherever_it_is_and_forgotten() {
    let fake = Fake::new(1 << 20);
    let durable = durable(&fake);
    let waiting = started(&durable, "1").await;
    durable.cancel(&waiting, false).await.expect("told");
    let gone = started(&durable, "1").await;
    durable.delete(&gone).await.expect("deleted");
    let _node = node(&fake);
    assert_eq!(events(&durable, &waiting, 0).await.expect_err("refused").code(), tonic::Code::Cancelled);
    let missing = Refusal::ExecutionNotFound { name: gone.name() };
    assert_eq!(durable.describe(&gone).await.expect_err("forgotten"), missing);
    assert_eq!(durable.cancel(&gone, false).await.expect_err("forgotten"), missing);
    let ends = [(true, v1::TerminationReason::Interrupted), (false, v1::TerminationReason::CancelledByClient)];
    for (raise, reason) in ends {
        let running = started(&durable, "print(1)\nwhile True: pass").await;
        while durable.describe(&running).await.expect("known").last_sequence < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        durable.cancel(&running, raise).await.expect("told");
        events(&durable, &running, 0).await.expect("its events");
        let response = durable.describe(&running).await.expect("known").response.expect("an answer");
        assert_eq!(response.outcome.expect("an outcome").reason(), reason);
    }
}

#[tokio::test]
async fn a_node_that_stops_gives_back_what_it_cannot_end() {
    let fake = Fake::new(1 << 20);
    let durable = durable(&fake);
    let (parts, work) = node(&fake);
    let key = started(&durable, "import time\nprint(1)\ntime.sleep(100)").await;
    while durable.describe(&key).await.expect("known").last_sequence < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    work.leave();
    parts.workers.cancel_all(&CancelReason::ServerDrain);
    work.over().await;
    assert!(fake.state(|state| state.given_back > 0 && state.taken.is_empty()));
    let story = Story::read(&*fake, &key).await.expect("a story");
    assert_eq!((story.phase(), story.attempts), (Phase::Queued, 0));
    // Nothing is taken any more.
    let later = started(&durable, "1").await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!(Story::read(&*fake, &later).await.expect("a story").phase(), Phase::Queued);
}
