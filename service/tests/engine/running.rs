//! Programs good and bad, and the clients and servers around them.

use std::time::Duration;

use crate::{Fixture, exception, limited, millis, reason, source, start};
use tonic::Request;
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::stream_execute_response::Event;
use typhon_proto::v1::value::Kind;

fn streamed(request: v1::ExecuteRequest) -> v1::StreamExecuteRequest {
    v1::StreamExecuteRequest { request: Some(request) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn programs_get_their_inputs_and_give_their_results() {
    let mut fixture = start(&[]).await;
    let value = |kind| v1::Value { kind: Some(kind) };
    let mut request = source("import sys\nprint(sys.argv, input())\n(n * 2, s, sys.stdin.read())");
    request.inputs.insert("n".into(), value(Kind::IntValue(1 << 61)));
    request.inputs.insert("s".into(), value(Kind::StrValue("größe".into())));
    request.argv = vec!["a".into(), "b".into()];
    request.stdin = b"one\ntwo\n".to_vec();
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    assert_eq!(response.stdout.map(|s| s.data), Some(b"['a', 'b'] one\n".to_vec()));
    let Some(Kind::TupleValue(items)) = response.result.and_then(|r| r.kind) else { panic!("a tuple") };
    let kinds: Vec<_> = items.items.into_iter().filter_map(|v| v.kind).collect();
    assert_eq!(kinds[0], Kind::IntValue(1 << 62));
    assert_eq!(kinds[1..], [Kind::StrValue("größe".into()), Kind::StrValue("two\n".into())]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_loop_runs_as_it_does_anywhere() {
    let mut fixture = start(&[]).await;
    let text = "
import asyncio, os, threading
async def produce(queue, n):
    for i in range(n):
        await asyncio.sleep(0.001)
        await queue.put(i)
async def main():
    queue = asyncio.Queue(2)
    makers = asyncio.gather(*(produce(queue, 5) for _ in range(3)))
    got = sorted([await queue.get() for _ in range(15)])
    await makers
    off = await asyncio.to_thread(lambda: threading.current_thread() is not threading.main_thread())
    async with asyncio.timeout(5):
        return got, off
[asyncio.run(main()) for _ in range(20)][-1]";
    let response = fixture.client.execute(source(text)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    let Some(Kind::TupleValue(items)) = response.result.and_then(|r| r.kind) else { panic!("a tuple") };
    let Some(Kind::ListValue(got)) = &items.items[0].kind else { panic!("a list") };
    assert_eq!(got.items.len(), 15);
    assert_eq!(items.items[1].kind, Some(Kind::BoolValue(true)));
    // Its descriptors are as few as a program's files, and reach nobody.
    let text = "
import socket
pairs = []
try:
    while True: pairs.append(socket.socketpair())
except OSError as e: end = e.errno
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    try: socket.socket(socket.AF_UNIX, kind)
    except PermissionError: pass
    else: raise SystemError
(len(pairs), end)";
    let limits = v1::Limits { open_files: Some(9), ..v1::Limits::default() };
    let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
    let Some(Kind::TupleValue(items)) = response.result.and_then(|r| r.kind) else { panic!("{:?}", response.outcome) };
    let kinds: Vec<_> = items.items.into_iter().filter_map(|v| v.kind).collect();
    assert_eq!(kinds, [Kind::IntValue(4), Kind::IntValue(24)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dates_are_read_as_they_are_anywhere() {
    let mut fixture = start(&[]).await;
    let text = "import datetime, time\ntime.tzset()\ndatetime.datetime.strptime('29 Nov 2026', '%d %b %Y').isoformat()";
    let response = fixture.client.execute(source(text)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    let date = response.result.and_then(|value| value.kind);
    assert_eq!(date, Some(Kind::StrValue("2026-11-29T00:00:00".into())));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn source_that_is_no_program_is_a_compile_error() {
    let mut fixture = start(&[]).await;
    let deep = [b"(".repeat(100_000), b")".repeat(100_000)].concat();
    let elif = format!("if x: pass\n{}", "elif x: pass\n".repeat(20_000)).into_bytes();
    let cases: [(&[u8], &str); 8] = [
        (b"\xff\xfe\xfd", "SyntaxError"),
        (b"x = '\xe9'", "SyntaxError"),
        (b"x = 1\0", "SyntaxError"),
        (b"# coding: nonsense\nx = 1", "SyntaxError"),
        (b"def (:", "SyntaxError"),
        (b"if x:\npass", "IndentationError"),
        (&deep, "SyntaxError"),
        (&elif, ""),
    ];
    for (text, class) in cases {
        let request = v1::ExecuteRequest { validate_only: true, ..source(text) };
        let response = fixture.client.execute(request).await.expect("an answer").into_inner();
        if reason(&response) == Reason::CompileError {
            let found = exception(&response);
            assert!(class.is_empty() || found.0 == class, "{found:?}");
        } else {
            assert!(class.is_empty() && reason(&response) == Reason::Completed, "{:?}", response.outcome);
        }
    }
    // Not a program to run, but one that ends all the same.
    let response = fixture.client.execute(source("")).await.expect("the server lives on").into_inner();
    assert_eq!(reason(&response), Reason::Completed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn exits_and_exceptions_are_outcomes() {
    let mut fixture = start(&[]).await;
    let exits = [("exit(3)", 3), ("raise SystemExit", 0), ("import sys\nsys.exit('why')", 1), ("quit(-1)", -1)];
    for (text, code) in exits {
        let response = fixture.client.execute(source(text)).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Exit, "{text}\n{:?}", response.outcome);
        let detail = response.outcome.and_then(|o| o.detail);
        assert_eq!(detail, Some(v1::outcome::Detail::ExitCode(code)), "{text}");
    }
    let cases = [
        ("1 / 0", "ZeroDivisionError", "division by zero"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", ""),
        ("open('/etc/passwd')", "FileNotFoundError", ""),
        ("__import__('pwd').getpwuid(0)", "KeyError", ""),
        ("import sysconfig, zoneinfo\nraise LookupError", "LookupError", ""),
        ("import subprocess\nsubprocess.run(['true'])", "PermissionError", ""),
        ("import os\nos.kill(os.getpid(), 9)", "PermissionError", ""),
        ("import os\nos._exit(1)", "PermissionError", ""),
        ("import nothing", "ModuleNotFoundError", "No module named 'nothing'"),
    ];
    for (text, class, message) in cases {
        let response = fixture.client.execute(source(text)).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Exception, "{text}\n{:?}", response.outcome);
        let found = exception(&response);
        assert!(found.0 == class && (message.is_empty() || found.1 == message), "{text}: {found:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_printed_before_a_limit_arrives() {
    let mut fixture = start(&[]).await;
    for text in [
        "print('before')\nprint('more', end='')\nwhile True: pass",
        "import sys\nsys.stdout.write('before\\n')\nprint('more', flush=True, end='')\nwhile True: pass",
    ] {
        let limits = v1::Limits { wall_time: millis(100), ..v1::Limits::default() };
        let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::WallTime);
        let printed = response.stdout.map(|s| String::from_utf8_lossy(&s.data).into_owned());
        assert_eq!(printed.as_deref(), Some("before\nmore"), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_shows_lines_while_the_program_runs() {
    let mut fixture = start(&[]).await;
    let limits = v1::Limits { wall_time: millis(900), ..v1::Limits::default() };
    let request = streamed(limited("print('early')\nwhile True: pass", limits));
    let mut stream = fixture.client.stream_execute(request).await.expect("a stream").into_inner();
    let mut events = Vec::new();
    while let Some(message) = stream.message().await.expect("no error") {
        match message.event.expect("an event") {
            Event::Output(chunk) => {
                assert_eq!((chunk.data.as_slice(), chunk.offset), (b"early\n".as_slice(), 0));
                events.push("output");
            }
            Event::Finished(end) => {
                let response = end.response.expect("a response");
                assert_eq!(reason(&response), Reason::WallTime);
                events.push("finished");
            }
            _ => {}
        }
    }
    assert_eq!(events, ["output", "finished"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_vanish_free_their_worker() {
    let mut fixture = start(&[("workers", "1"), ("wall_time_default", "1h"), ("wall_time_max", "1h")]).await;
    for text in ["while True: pass", "import time\ntime.sleep(3000)", "while True: print('x' * 1000)"] {
        let mut client = fixture.client.clone();
        let call = tokio::spawn(async move { client.execute(source(text)).await.map(|_| ()) });
        tokio::time::sleep(Duration::from_millis(30)).await;
        call.abort();
        let request = streamed(source(text));
        let mut stream = fixture.client.stream_execute(request).await.expect("a stream").into_inner();
        // Until it runs, and then gone without reading on.
        while let Some(message) = stream.message().await.expect("no error") {
            if matches!(message.event, Some(Event::Started(_))) {
                break;
            }
        }
        drop(stream);
        let response = fixture.client.execute(source("6 * 7")).await.expect("the one worker is free").into_inner();
        assert_eq!(response.result.and_then(|r| r.kind), Some(Kind::IntValue(42)));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deadline_ends_the_program_before_the_client_gives_up() {
    // However slow the machine is, the answer has this long to come back in.
    let mut fixture = start(&[("deadline_margin", "15s")]).await;
    let mut request = Request::new(source("while True:\n try:\n  while True: pass\n except BaseException: pass"));
    request.set_timeout(Duration::from_secs(16));
    let response = fixture.client.execute(request).await.expect("an outcome, not DEADLINE_EXCEEDED").into_inner();
    assert_eq!(reason(&response), Reason::WallTime);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_stops_what_would_never_end() {
    let Fixture { server, client, .. } = start(&[("drain_grace", "50ms"), ("wall_time_default", "5m")]).await;
    let mut first = client.clone();
    let request = streamed(source("print('on')\nwhile True: pass"));
    let mut stream = first.stream_execute(request).await.expect("a stream").into_inner();
    while let Some(message) = stream.message().await.expect("no error") {
        if matches!(message.event, Some(Event::Output(_))) {
            break;
        }
    }
    let drained = tokio::spawn(server.drain(std::future::pending()));
    let mut end = None;
    while let Some(message) = stream.message().await.expect("no error") {
        if let Some(Event::Finished(finished)) = message.event {
            end = finished.response;
        }
    }
    assert_eq!(reason(&end.expect("an outcome")), Reason::ServerDrain);
    drained.await.expect("a task").expect("drained well");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn isolates_know_nothing_of_each_other() {
    let fixture = start(&[("workers", "4")]).await;
    let mut running = tokio::task::JoinSet::new();
    for n in 0..60 {
        let mut client = fixture.client.clone();
        let text = format!(
            "import json, builtins\nassert not hasattr(builtins, 'mark') and not hasattr(json, 'mark')\n\
             builtins.mark = json.mark = {n}\nx = [{n}] * 1000\nsum(x) + builtins.mark"
        );
        running.spawn(async move { (n, client.execute(source(text)).await) });
    }
    while let Some(ended) = running.join_next().await {
        let (n, response) = ended.expect("a task");
        let response = response.expect("an answer").into_inner();
        assert_eq!(response.result.and_then(|r| r.kind), Some(Kind::IntValue(n * 1001)), "{:?}", response.outcome);
    }
}
