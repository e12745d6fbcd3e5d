//! What happens while a program runs: limits, output, clients that go, servers that stop.

use std::time::Duration;

use crate::support::{Fixture, check_refusal, next, pattern, reason, source, start, streamed};
use tonic::{Code, Request};
use tonic_types::StatusExt;
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::stream_execute_response::Event;
use typhon_vm::CancelReason;

fn limited(text: &str, limits: v1::Limits) -> v1::ExecuteRequest {
    v1::ExecuteRequest { limits: Some(limits), ..source(text) }
}

fn millis(millis: i32) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds: 0, nanos: millis * 1_000_000 })
}

fn overflow(overflow: v1::output_options::Overflow) -> Option<v1::OutputOptions> {
    Some(v1::OutputOptions { overflow: overflow.into(), ..v1::OutputOptions::default() })
}

#[tokio::test]
async fn time_limits_end_spinners_and_sleepers() {
    let mut fixture = start(&[]).await;
    let wall = v1::Limits { wall_time: millis(20), ..v1::Limits::default() };
    let cpu = v1::Limits { cpu_time: millis(20), ..v1::Limits::default() };
    for (text, limits, expected) in
        [("spin", wall, Reason::WallTime), ("sleep", wall, Reason::WallTime), ("spin", cpu, Reason::CpuTime)]
    {
        let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), expected, "{text}");
        let detail = response.outcome.and_then(|outcome| outcome.detail);
        let Some(v1::outcome::Detail::Limit(hit)) = detail else { panic!("{detail:?}") };
        assert!(hit.limit == 20_000_000 && hit.used >= hit.limit, "{hit:?}");
    }
}

#[tokio::test]
async fn the_outcome_is_there_before_the_clients_deadline() {
    // A busy machine may take long to bring it.
    let mut fixture = start(&[("deadline_margin", "500ms")]).await;
    let mut request = Request::new(source("sleep"));
    request.set_timeout(Duration::from_secs(2));
    let response = fixture.client.execute(request).await.expect("an outcome, not DEADLINE_EXCEEDED").into_inner();
    assert_eq!(reason(&response), Reason::WallTime);
    let wall = response.effective_limits.and_then(|limits| limits.wall_time).expect("a wall time");
    assert!(wall.seconds <= 1 && (wall.seconds, wall.nanos) > (0, 0), "{wall:?}");
}

#[tokio::test]
async fn inline_output_keeps_its_limits() {
    let mut fixture = start(&[]).await;
    let limits = v1::Limits { stdout_bytes: Some(2500), ..v1::Limits::default() };
    let mut run = async |options| {
        let request = v1::ExecuteRequest { output: options, ..limited("print 6000\nerr oops", limits) };
        fixture.client.execute(request).await.expect("an answer").into_inner()
    };
    let response = run(None).await;
    let (stdout, stderr) = (response.stdout.clone().expect("stdout"), response.stderr.clone().expect("stderr"));
    assert_eq!((stdout.data, stdout.produced_bytes, stdout.truncated), (pattern(0, 2500), 6000, true));
    assert_eq!((stderr.data.as_slice(), stderr.truncated), (b"oops".as_slice(), false));
    assert_eq!(reason(&response), Reason::Completed);

    let response = run(overflow(v1::output_options::Overflow::TruncateHead)).await;
    assert_eq!(response.stdout.map(|stdout| stdout.data), Some(pattern(3500, 2500)));

    let response = fixture.client.execute(v1::ExecuteRequest {
        output: overflow(v1::output_options::Overflow::Stop),
        ..limited("print 6000", limits)
    });
    let response = response.await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Output);
    assert_eq!(response.stdout.map(|stdout| stdout.data), Some(pattern(0, 2500)));
}

#[tokio::test]
async fn a_stream_is_numbered_without_gaps_and_ends_once() {
    let mut fixture = start(&[]).await;
    let request = streamed(source("print 300000\nerr oops"));
    let mut stream = fixture.client.stream_execute(request).await.expect("a stream").into_inner();
    let (mut sequence, mut stdout, mut stderr, mut kinds) = (0, Vec::new(), Vec::new(), Vec::new());
    let mut finished = None;
    while let Some(message) = stream.message().await.expect("no error") {
        sequence += 1;
        assert_eq!(message.sequence, sequence);
        assert!(message.emit_time.is_some() && finished.is_none());
        match message.event.expect("an event") {
            Event::Output(chunk) => {
                let of_stream = if chunk.stream() == v1::OutputStream::Stdout { &mut stdout } else { &mut stderr };
                assert_eq!(chunk.offset, of_stream.len() as i64);
                assert!(chunk.data.len() <= 64 * 1024);
                of_stream.extend(chunk.data);
            }
            Event::Finished(end) => finished = end.response,
            Event::Accepted(accepted) => kinds.push(accepted.execution),
            Event::Started(started) => kinds.push(format!("{}", started.effective_limits.is_some())),
            other => panic!("{other:?}"),
        }
    }
    assert!(kinds[0].starts_with("executions/") && kinds[1..] == ["true"], "{kinds:?}");
    assert!(stdout == pattern(0, 300_000) && stderr == b"oops");
    let finished = finished.expect("the last event");
    assert_eq!(reason(&finished), Reason::Completed);
    let output = finished.stdout.expect("stdout");
    assert!(output.data.is_empty() && output.produced_bytes == 300_000 && !output.truncated);
}

#[tokio::test]
async fn a_stream_tells_where_it_was_cut() {
    let mut fixture = start(&[]).await;
    let limits = v1::Limits { stdout_bytes: Some(2500), ..v1::Limits::default() };
    let request = streamed(limited("print 6000", limits));
    let mut stream = fixture.client.stream_execute(request).await.expect("a stream").into_inner();
    let (mut data, mut cuts) = (Vec::new(), Vec::new());
    while let Some(message) = stream.message().await.expect("no error") {
        match message.event.expect("an event") {
            Event::Output(chunk) if chunk.dropped_bytes > 0 => cuts.push((chunk.offset, chunk.dropped_bytes)),
            Event::Output(chunk) => data.extend(chunk.data),
            Event::Finished(end) => {
                let output = end.response.and_then(|response| response.stdout).expect("stdout");
                assert!(output.truncated && output.produced_bytes == 6000);
            }
            _ => {}
        }
    }
    assert_eq!((data, cuts), (pattern(0, 2500), vec![(2500, 500)]));
}

#[tokio::test]
async fn a_client_that_stops_reading_stalls_its_own_guest() {
    let fixture = start(&[("stream_buffer", "100KiB"), ("output_default", "64MiB")]).await;
    let limits = v1::Limits { wall_time: millis(300), ..v1::Limits::default() };
    let request = streamed(limited("print 60000000", limits));
    let mut stream = fixture.client.clone().stream_execute(request).await.expect("a stream").into_inner();
    stream.message().await.expect("no error").expect("a first event");
    // Nothing more is read until the guest has ended.
    let (ended, _rest) = next(fixture.ended).await;
    assert!(matches!(ended, Some(CancelReason::Limit(_))), "{ended:?}");

    let (mut received, mut end) = (0, None);
    while let Some(message) = stream.message().await.expect("no error") {
        match message.event.expect("an event") {
            Event::Output(chunk) => received += chunk.data.len() as i64,
            Event::Finished(finished) => end = finished.response,
            _ => {}
        }
    }
    let end = end.expect("a last event");
    assert_eq!(reason(&end), Reason::WallTime);
    let produced = end.stdout.expect("stdout").produced_bytes;
    assert!(produced < 4_000_000, "the guest ran ahead of its reader by {produced} bytes");
    assert!(produced - received <= 1000, "{produced} {received}");
}

#[tokio::test]
async fn clients_that_vanish_take_their_program_with_them() {
    let mut fixture = start(&[]).await;
    let mut ended = fixture.ended;
    for _ in 0..2 {
        let mut client = fixture.client.clone();
        let call = tokio::spawn(async move { client.execute(source("sleep")).await.map(|_| ()) });
        let ((), started) = next(fixture.started).await;
        fixture.started = started;
        call.abort();
        let (reason, rest) = next(ended).await;
        assert_eq!(reason, Some(CancelReason::ClientGone));
        ended = rest;
    }
    // One that has a stream open and drops it, while its guest is stalled in a write.
    let request = streamed(source("print 60000000"));
    let mut stream = fixture.client.stream_execute(request).await.expect("a stream").into_inner();
    let ((), _started) = next(fixture.started).await;
    stream.message().await.expect("no error").expect("a first event");
    drop(stream);
    let (reason, _rest) = next(ended).await;
    assert!(matches!(reason, None | Some(CancelReason::ClientGone)), "{reason:?}");
    fixture.client.execute(source("")).await.expect("the server lives on");
}

#[tokio::test]
async fn silence_is_filled_with_keepalives() {
    let mut fixture = start(&[("keepalive_interval", "5ms")]).await;
    let limits = v1::Limits { wall_time: millis(200), ..v1::Limits::default() };
    let request = streamed(limited("sleep", limits));
    let mut stream = fixture.client.stream_execute(request).await.expect("a stream").into_inner();
    let mut keepalives = 0;
    while let Some(message) = stream.message().await.expect("no error") {
        keepalives += i32::from(matches!(message.event, Some(Event::Keepalive(_))));
    }
    assert!(keepalives > 0);
}

#[tokio::test]
async fn a_full_queue_says_when_to_come_again() {
    let mut fixture = start(&[("workers", "1"), ("queue_depth", "1")]).await;
    let sleeper = |mut client: v1::execution_service_client::ExecutionServiceClient<_>| {
        tokio::spawn(async move { client.execute(source("sleep")).await.map(|_| ()) })
    };
    let running = sleeper(fixture.client.clone());
    let ((), _started) = next(fixture.started).await;
    // The stream's first event says that it waits.
    let waiting = fixture.client.stream_execute(streamed(source(""))).await.expect("a stream").into_inner();
    let status = fixture.client.execute(source("")).await.expect_err("no room");
    check_refusal(&status, Code::ResourceExhausted, "QUEUE_FULL");
    assert!(status.get_details_retry_info().and_then(|info| info.retry_delay).is_some_and(|delay| !delay.is_zero()));
    assert!(status.get_details_quota_failure().is_some());
    running.abort();
    let mut waiting = waiting;
    while waiting.message().await.expect("the one that waited is served").is_some() {}
}

#[tokio::test]
async fn a_deadline_that_passes_in_the_queue_is_a_refusal() {
    let mut fixture = start(&[("workers", "1")]).await;
    let mut client = fixture.client.clone();
    let running = tokio::spawn(async move { client.execute(source("sleep")).await.map(|_| ()) });
    let ((), _started) = next(fixture.started).await;
    let mut request = Request::new(streamed(source("")));
    request.set_timeout(Duration::from_millis(1));
    let stream = fixture.client.stream_execute(request).await;
    // The deadline is past when the worker comes free. The client's own timer may win; what matters is that the
    // program never starts.
    tokio::time::sleep(Duration::from_millis(20)).await;
    running.abort();
    if let Ok(stream) = stream {
        let mut stream = stream.into_inner();
        loop {
            match stream.message().await {
                Ok(Some(message)) => assert!(!matches!(message.event, Some(Event::Started(_)))),
                Ok(None) => panic!("the stream ends with a status"),
                Err(status) => break assert_ne!(status.code(), Code::Internal, "{status:?}"),
            }
        }
    }
}

#[tokio::test]
async fn a_crash_is_an_outcome_and_the_worker_is_replaced() {
    let mut fixture = start(&[("workers", "1")]).await;
    for _ in 0..3 {
        let response = fixture.client.execute(source("panic")).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::WorkerCrash);
        let detail = response.outcome.and_then(|outcome| outcome.detail);
        assert!(matches!(&detail, Some(v1::outcome::Detail::Crash(crash)) if crash.message == "the script says so"));
        let response = fixture.client.execute(source("")).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Completed);
    }
}

#[tokio::test]
async fn draining_lets_the_running_end_and_sends_the_new_away() {
    let Fixture { server, client, started, channel, .. } = start(&[("drain_grace", "1h")]).await;
    let mut first = client.clone();
    let limits = v1::Limits { wall_time: millis(400), ..v1::Limits::default() };
    let running = tokio::spawn(async move { first.execute(limited("sleep", limits)).await });
    let ((), _started) = next(started).await;

    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let ask = tonic_health::pb::HealthCheckRequest { service: String::new() };
    let mut watch = health.watch(ask).await.expect("a stream").into_inner();
    use tonic_health::pb::health_check_response::ServingStatus;
    assert_eq!(watch.message().await.expect("no error").expect("a status").status(), ServingStatus::Serving);
    let drained = tokio::spawn(server.drain(std::future::pending()));
    assert_eq!(watch.message().await.expect("no error").expect("a status").status(), ServingStatus::NotServing);

    // NOT_SERVING comes first, the door closes right after.
    let status = loop {
        match client.clone().execute(source("")).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(status) => break status,
        }
    };
    check_refusal(&status, Code::Unavailable, "DRAINING");
    let response = running.await.expect("a task").expect("the running one ends as it would").into_inner();
    assert_eq!(reason(&response), Reason::WallTime);
    drained.await.expect("a task").expect("drained well");
}

#[tokio::test]
async fn draining_in_a_hurry_cancels() {
    let Fixture { server, client, started, .. } = start(&[("drain_grace", "1h")]).await;
    let mut first = client.clone();
    let running = tokio::spawn(async move { first.execute(source("sleep")).await });
    let ((), _started) = next(started).await;
    server.drain(async {}).await.expect("drained well");
    let response = running.await.expect("a task").expect("an outcome").into_inner();
    assert_eq!(reason(&response), Reason::ServerDrain);
}

#[tokio::test]
async fn a_server_that_is_dropped_leaves_nothing() {
    let Fixture { server, channel, mut client, ended, started } = start(&[]).await;
    client.execute(source("")).await.expect("an outcome");
    drop((server, channel, client, ended));
    // The engine has the other end, and every part of the server has the engine.
    let gone = tokio::task::spawn_blocking(move || {
        let minute = Duration::from_secs(60);
        std::iter::repeat_with(|| started.recv_timeout(minute)).find_map(Result::err)
    });
    assert_eq!(gone.await.expect("a thread"), Some(std::sync::mpsc::RecvTimeoutError::Disconnected));
}
