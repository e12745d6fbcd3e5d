//! Sessions with the engine itself: what stays between executions, on whichever worker they run.

use std::time::{Duration, Instant};

use crate::{Fixture, exception, limited, millis, reason, source, start};
use tonic::transport::Channel;
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::interrupt_session_request::Mode;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;

async fn open(fixture: &Fixture, session: v1::Session) -> (SessionServiceClient<Channel>, String) {
    let mut client = SessionServiceClient::new(fixture.channel.clone());
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    let session = client.create_session(request).await.expect("a session").into_inner().session.expect("its state");
    (client, session.name)
}

fn within(name: &str, request: v1::ExecuteRequest) -> v1::ExecuteRequest {
    v1::ExecuteRequest { target: Some(v1::execute_request::Target::Session(name.to_owned())), ..request }
}

async fn run(fixture: &mut Fixture, name: &str, text: &str) -> v1::ExecuteResponse {
    fixture.client.execute(within(name, source(text))).await.expect("an answer").into_inner()
}

fn kind(response: &v1::ExecuteResponse) -> Option<Kind> {
    response.result.clone().and_then(|result| result.kind)
}

fn int(response: &v1::ExecuteResponse) -> i64 {
    match kind(response) {
        Some(Kind::IntValue(n)) => n,
        other => panic!("no int: {other:?}, {:?}", response.outcome),
    }
}

fn survives(response: &v1::ExecuteResponse) -> bool {
    response.outcome.as_ref().expect("an outcome").session_survives
}

/// Every execution on another worker: the one before is kept busy.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn globals_modules_and_what_hangs_on_the_main_thread_stay() {
    let mut fixture = start(&[("workers", "3")]).await;
    let env = [("TYPHON_X".to_owned(), "y".to_owned())].into();
    let (_, name) = open(&fixture, v1::Session { env, ..v1::Session::default() }).await;
    let steps = [
        (
            "import threading, os, asyncio, functools\nlock = threading.RLock()\nlock.acquire()\nlocal = threading.local()\nlocal.x = 7\nn = 1",
            None,
        ),
        (
            "class A:\n def __init__(self): self.x = n\n def f(self): return self.x + 1\na = A()\n@functools.cache\ndef fib(k): return k if k < 2 else fib(k-1) + fib(k-2)\nfib(60)",
            Some(1_548_008_755_920),
        ),
        (
            "assert threading.current_thread() is threading.main_thread(), threading.current_thread()\nlock.release()\nlocal.x",
            Some(7),
        ),
        ("def g():\n for i in range(10): yield i\nit = g()\nnext(it); next(it)", Some(1)),
        ("a.f() + next(it)", Some(4)),
        ("assert os.environ['TYPHON_X'] == 'y' and 'PATH' not in os.environ\nlen(os.environ)", Some(1)),
        ("import sys\nsys.modules['__main__'].a is a and __name__ == '__main__'\nfib.cache_info().currsize", Some(61)),
    ];
    for (text, result) in steps {
        let response = run(&mut fixture, &name, text).await;
        assert_eq!(reason(&response), Reason::Completed, "{text}: {:?}", response.outcome);
        assert!(survives(&response));
        let result = result.map_or(Kind::None(v1::NoneValue {}), Kind::IntValue);
        assert_eq!(kind(&response), Some(result), "{text}");
        let mut client = fixture.client.clone();
        tokio::spawn(async move {
            client
                .execute(limited("while True: pass", v1::Limits { wall_time: millis(30), ..v1::Limits::default() }))
                .await
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_outlives_every_end_that_leaves_it_sound() {
    let mut fixture = start(&[]).await;
    let (_, name) = open(&fixture, v1::Session::default()).await;
    run(&mut fixture, &name, "n = 0\ndef deep(k):\n global n\n n += 1\n return deep(k + 1) if k < 300 else spin()\ndef spin():\n while True: pass").await;
    let ends = [
        ("1 / 0", Reason::Exception),
        ("x = ][", Reason::CompileError),
        ("exit(3)", Reason::Exit),
        ("def f(): f()\nf()", Reason::Stack),
        ("deep(0)", Reason::WallTime),
        ("def g():\n yield 1\n spin()\nlist(g())", Reason::WallTime),
        ("sorted([3, 2, 1], key=lambda x: spin())", Reason::WallTime),
        ("try:\n spin()\nfinally:\n n = -1000", Reason::WallTime),
        ("class D:\n def __del__(self): spin()\nD()", Reason::WallTime),
        ("import time\ntime.sleep(100)", Reason::WallTime),
        ("import threading\nl = threading.Lock()\nwith l: l.acquire()", Reason::WallTime),
        ("import re\nre.match('(a*)*b', 'a' * 40)", Reason::WallTime),
        ("10 ** (10 ** 8)", Reason::WallTime),
        (
            "import threading\nts = [threading.Thread(target=spin) for _ in range(3)]\n[t.start() for t in ts]\nspin()",
            Reason::WallTime,
        ),
        ("big = 'x' * (1 << 40)", Reason::Memory),
    ];
    for (round, (text, end)) in ends.into_iter().enumerate() {
        let wall_time = if end == Reason::WallTime { millis(60) } else { None };
        let limits = v1::Limits { wall_time, ..v1::Limits::default() };
        let request = within(&name, limited(text, limits));
        let response = fixture.client.execute(request).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), end, "{text}: {:?}", response.outcome);
        assert!(survives(&response), "{text}");
        assert_eq!(response.warnings.is_empty(), end != Reason::WallTime, "{text}: {:?}", response.warnings);
        let after = run(&mut fixture, &name, "import json, sys\nassert sys.exc_info() == (None, None, None)\nn2 = json.loads('[1, 2]')\nround = globals().get('round', -1) + 1\nround").await;
        assert_eq!(
            (reason(&after), kind(&after)),
            (Reason::Completed, Some(Kind::IntValue(round as i64))),
            "{text}: {:?}",
            after.outcome
        );
    }
    assert_eq!(int(&run(&mut fixture, &name, "n").await), 301);
}

/// A stop in the middle of an import must not leave half a module behind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn imports_that_were_stopped_can_be_done_again() {
    let mut fixture = start(&[]).await;
    for nanos in [300_000, 1_000_000, 3_000_000, 8_000_000, 20_000_000] {
        let (_, name) = open(&fixture, v1::Session::default()).await;
        let wall_time = Some(prost_types::Duration { seconds: 0, nanos });
        let text = "import asyncio, unittest, decimal, argparse, email.message, http.client, logging, statistics";
        let limits = v1::Limits { wall_time, ..v1::Limits::default() };
        let stopped =
            fixture.client.execute(within(&name, limited(text, limits))).await.expect("an answer").into_inner();
        assert!(survives(&stopped), "{:?}", stopped.outcome);
        let response = run(
            &mut fixture,
            &name,
            &format!("{text}\nargparse.ArgumentParser().parse_args([])\nstatistics.mean([1, 3])"),
        )
        .await;
        assert_eq!(int(&response), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_is_a_keyboard_interrupt_and_keeps_the_session() {
    let mut fixture = start(&[]).await;
    let (sessions, name) = open(&fixture, v1::Session::default()).await;
    // There is an isolate, so that what is interrupted is the program and not its beginning.
    run(&mut fixture, &name, "k = 0").await;
    let interrupt = |mode: Mode| {
        let (mut sessions, name) = (sessions.clone(), name.clone());
        async move {
            let request = v1::InterruptSessionRequest { name, mode: mode.into() };
            loop {
                tokio::time::sleep(Duration::from_millis(20)).await;
                let answer = sessions.interrupt_session(request.clone()).await.expect("an answer").into_inner();
                if !answer.execution.is_empty() {
                    return;
                }
            }
        }
    };
    for text in [
        "k = 1\nwhile True: k += 1",
        "import time\ntime.sleep(100)",
        "import threading\nthreading.Event().wait()",
        "import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()",
        "import queue\nqueue.Queue().get()",
        "import threading\nt = threading.Thread(target=lambda: [None for _ in iter(int, 1)], daemon=True)\nt.start()\nt.join()",
        "sum(i for i in iter(int, 1))",
    ] {
        let started = Instant::now();
        let (response, ()) = tokio::join!(run(&mut fixture, &name, text), interrupt(Mode::Raise));
        assert_eq!(reason(&response), Reason::Interrupted, "{text}: {:?}", response.outcome);
        assert_eq!(exception(&response).0, "KeyboardInterrupt");
        assert!(survives(&response) && response.warnings.is_empty());
        assert!(started.elapsed() < Duration::from_secs(5), "{text}: {:?}", started.elapsed());
    }
    assert!(int(&run(&mut fixture, &name, "k").await) > 1);
    // The guest may handle it.
    let text = "try:\n while True: pass\nexcept KeyboardInterrupt: seen = 1\nseen";
    let (mut response, ()) = tokio::join!(run(&mut fixture, &name, text), interrupt(Mode::Raise));
    for _ in 0..9 {
        // On a busy machine the interrupt may be there before the guest has come to its try.
        if reason(&response) == Reason::Interrupted {
            (response, ()) = tokio::join!(run(&mut fixture, &name, text), interrupt(Mode::Raise));
        }
    }
    assert_eq!((reason(&response), int(&response)), (Reason::Completed, 1));
    // Not against MODE_STOP.
    let text = "while True:\n try:\n  while True: pass\n except BaseException: pass";
    let (response, ()) = tokio::join!(run(&mut fixture, &name, text), interrupt(Mode::Stop));
    assert_eq!(reason(&response), Reason::CancelledByClient, "{:?}", response.outcome);
    assert_eq!(int(&run(&mut fixture, &name, "seen").await), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_run_while_an_execution_does_and_stand_still_between() {
    let mut fixture = start(&[("workers", "3")]).await;
    let (mut sessions, name) = open(&fixture, v1::Session::default()).await;
    let text = "import threading, time\nat = []\ndef count():\n while True:\n  at.append(time.monotonic())\n  time.sleep(0.001)\n\
                t = threading.Thread(target=count, daemon=True)\nt.start()\nwhile len(at) < 3: time.sleep(0.001)\nlen(at)";
    let before = int(&run(&mut fixture, &name, text).await);
    let request = v1::GetSessionRequest { name: name.clone() };
    let seen = sessions.get_session(request).await.expect("an answer").into_inner().session.expect("a session");
    assert_eq!(seen.threads, 1);
    tokio::time::sleep(Duration::from_millis(300)).await;
    let text = "target = len(at) + 5\nwhile len(at) < target: time.sleep(0.001)\n\
                gaps = [int(1000 * (b - a)) for a, b in zip(at, at[1:])]\nmax(gaps)";
    let gap = int(&run(&mut fixture, &name, text).await);
    assert!(gap >= 290, "{gap} ms, after {before}");
    // A pool made in one execution works in another.
    run(
        &mut fixture,
        &name,
        "from concurrent.futures import ThreadPoolExecutor\npool = ThreadPoolExecutor(2)\npool.submit(int).result()",
    )
    .await;
    assert_eq!(int(&run(&mut fixture, &name, "sum(pool.map(lambda x: x * x, range(10)))").await), 285);
    sessions.delete_session(v1::DeleteSessionRequest { name }).await.expect("deleted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_heap_is_told_truthfully() {
    let mut fixture = start(&[]).await;
    let limits = v1::Limits { heap_bytes: Some(24 << 20), ..v1::Limits::default() };
    let (_, name) = open(&fixture, v1::Session { limits: Some(limits), ..v1::Session::default() }).await;
    run(&mut fixture, &name, "kept = [1, 2, 3]").await;
    for _ in 0..3 {
        let local = "def f():\n x = []\n while True: x.append('a' * 1000)\nf()";
        let response = run(&mut fixture, &name, local).await;
        assert_eq!((reason(&response), survives(&response)), (Reason::Memory, true), "{:?}", response.outcome);
        assert_eq!(int(&run(&mut fixture, &name, "sum(kept)").await), 6);
    }
    // What no handler can get rid of, because the program is stopped: the session is lost, or can be freed.
    let stubborn = "g = []\nwhile True:\n try:\n  while True: g.append('a' * 1000)\n except MemoryError: pass";
    let response = run(&mut fixture, &name, stubborn).await;
    assert_eq!(reason(&response), Reason::Memory);
    let after = fixture.client.execute(within(&name, source("del g\nsum(kept)"))).await;
    assert_eq!(after.is_ok(), survives(&response), "{after:?}");
}

/// A session's budgets are an execution's, and start anew with each.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn time_is_counted_for_each_execution() {
    let mut fixture = start(&[]).await;
    let limits = v1::Limits { cpu_time: millis(120), ..v1::Limits::default() };
    let (_, name) = open(&fixture, v1::Session { limits: Some(limits), ..v1::Session::default() }).await;
    let spin = "import time\nend = time.thread_time() + 0.05\nwhile time.thread_time() < end: pass\n1";
    for _ in 0..5 {
        assert_eq!(int(&run(&mut fixture, &name, spin).await), 1);
    }
    let response = run(&mut fixture, &name, "while True: pass").await;
    assert_eq!((reason(&response), survives(&response)), (Reason::CpuTime, true));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_isolate_made_ahead_is_as_one_made_at_once() {
    use v1::usage::IsolateSource;
    let text = "import sys\nseen = sorted(globals()), sorted(sys.modules), sys.argv, __name__, sys.getrecursionlimit()\nrepr(seen)";
    let look = |fixture: &Fixture, session: Option<String>| {
        let mut client = fixture.client.clone();
        let target = session.map(v1::execute_request::Target::Session);
        let request = v1::ExecuteRequest { target, ..source(text) };
        async move {
            let response = client.execute(request).await.expect("an answer").into_inner();
            assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
            assert!(response.warnings.is_empty(), "{:?}", response.warnings);
            let from = response.usage.as_ref().expect("usage").isolate_source();
            (kind(&response), from)
        }
    };
    let without = start(&[("isolates_ahead", "0")]).await;
    let fixture = start(&[("isolates_ahead", "1")]).await;
    let (expected, from) = look(&without, None).await;
    assert_eq!(from, IsolateSource::Cold);
    // A worker makes one for what was wanted twice, once it has nothing else to do.
    let (mut fresh, mut kept) = (false, false);
    for round in 0.. {
        let session = if round % 2 == 0 { None } else { Some(open(&fixture, v1::Session::default()).await.1) };
        let (seen, from) = look(&fixture, session).await;
        assert_eq!(seen, expected);
        assert!(round > 1 || from == IsolateSource::Cold, "{round}: {from:?}");
        *(if round % 2 == 0 { &mut fresh } else { &mut kept }) |= from == IsolateSource::Pool;
        if fresh && kept {
            break;
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    for _ in 0..6 {
        assert_eq!(look(&without, None).await.1, IsolateSource::Cold);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_handler_is_the_executions_that_asks_for_it() {
    let mut fixture = start(&[]).await;
    let (_, name) = open(&fixture, v1::Session::default()).await;
    let cases = [
        ("print('a\\ud800b')", "", None),
        ("print('a\\ud800b')", "backslashreplace", Some("a\\ud800b\n")),
        ("print('a\\ud800b')", "replace", Some("a?b\n")),
        ("import sys\nprint('a\\ud800b', sys.stdout.errors)", "ignore", Some("ab ignore\n")),
        ("print(sys.stdout.errors)", "", Some("strict\n")),
        ("print('a\\ud800b')", "", None),
        // A program that has put something else in its place has nothing to be taken back.
        ("sys.__stdout__ = sys.stdout = None", "replace", Some("")),
        ("x = 1", "", Some("")),
    ];
    for (text, handler, expected) in cases {
        let output = v1::OutputOptions { encoding_errors: handler.into(), ..v1::OutputOptions::default() };
        let request = v1::ExecuteRequest { output: Some(output), ..within(&name, source(text)) };
        let response = fixture.client.execute(request).await.expect("an answer").into_inner();
        let printed =
            response.stdout.clone().map(|s| String::from_utf8_lossy(&s.data).into_owned()).unwrap_or_default();
        match expected {
            Some(expected) => assert_eq!(printed, expected, "{text} {handler} {:?}", response.outcome),
            None => assert_eq!(exception(&response).0, "UnicodeEncodeError", "{text} {handler}"),
        }
    }
}
