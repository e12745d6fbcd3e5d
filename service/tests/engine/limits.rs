//! Every limit ends in its own reason, and no program swallows one.

use std::time::Duration;

use crate::{exception, limited, millis, reason, source, start};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::session_service_client::SessionServiceClient;

fn seconds(seconds: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds, nanos: 0 })
}

fn minutes(minutes: i64) -> Option<prost_types::Duration> {
    Some(prost_types::Duration { seconds: minutes * 60, nanos: 0 })
}

const SPINNERS: &[&str] = &[
    "while True: pass",
    "while True:\n try:\n  while True: pass\n except BaseException: pass",
    "def f():\n try:\n  while True: pass\n finally:\n  while True: pass\nf()",
    "class A:\n def __del__(self):\n  while True: pass\nA()",
    "class A:\n def __del__(self):\n  global x\n  x = A()\nx = A()\nwhile True: x = None",
    "def g():\n while True:\n  try: yield\n  except BaseException: pass\nx = g(); next(x)\nwhile True:\n try: x.close()\n except RuntimeError: pass",
    "def f():\n try: f()\n finally: f()\nf()",
    "import contextlib\nwhile True:\n with contextlib.suppress(BaseException):\n  while True: pass",
    "import atexit\natexit.register(lambda: exec('while True: pass'))",
    "class A:\n def __eq__(self, o):\n  while True: pass\n __hash__ = lambda s: 1\n{A(): 1}.get(A())",
    "class A:\n def __repr__(self):\n  while True: pass\nrepr(A())",
    "import re\nre.match(r'(a+)+$', 'a' * 60 + 'b')",
    "sum(range(10 ** 12))",
    "sorted(range(10 ** 6), key=lambda i: [0 for _ in iter(int, 1)])",
    "import time\ntime.sleep(1000)",
    "import _thread\nk = _thread.allocate_lock(); k.acquire(); k.acquire()",
    "while True: print('x' * 100)",
    "import sys\nwhile True: sys.stderr.write('x' * 100)",
    "import sys\nwhile True: sys.stdout.flush()",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_program_swallows_the_wall_limit() {
    let mut fixture = start(&[]).await;
    for text in SPINNERS {
        let limits = v1::Limits { wall_time: millis(60), ..v1::Limits::default() };
        let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::WallTime, "{text}\n{:?}", response.outcome);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cpu_time_is_a_limit_of_its_own() {
    let mut fixture = start(&[]).await;
    let limits = v1::Limits { cpu_time: millis(40), ..v1::Limits::default() };
    let response = fixture.client.execute(limited("while True: pass", limits)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::CpuTime);
    // Sleeping uses none.
    let request = limited("import time\ntime.sleep(0.1)\n7", limits);
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_ends_in_memory() {
    let mut fixture = start(&[]).await;
    let programs = [
        "x = []\nwhile True: x.append(bytearray(1000))",
        "x = []\nwhile True: x.append(object())",
        "x = []\nwhile True:\n try:\n  while True: x.append(bytearray(1000))\n except MemoryError: pass",
        "'x' * 2 ** 40",
        "10 ** 10 ** 8",
        "list(range(2 ** 60))",
        "x = b'x'\nwhile True: x += x",
        "import itertools\nlist(itertools.count())",
        "import io\nb = io.BytesIO()\nwhile True: b.write(bytes(100000))",
    ];
    for text in programs {
        let limits = v1::Limits {
            heap_bytes: Some(32 << 20),
            wall_time: minutes(4),
            cpu_time: minutes(4),
            ..v1::Limits::default()
        };
        let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Memory, "{text}\n{:?}", response.outcome);
        let peak = response.usage.expect("usage").peak_heap_bytes;
        assert!(peak < 36 << 20, "{text}: {peak}");
    }
    // A dict that cannot grow refuses the same key for ever: whoever catches that ends by time, and takes no more.
    let text = "x = {}\nwhile True:\n try:\n  for i in range(10 ** 9): x[i] = [i]\n except BaseException: pass";
    let limits = v1::Limits { heap_bytes: Some(32 << 20), wall_time: seconds(4), ..v1::Limits::default() };
    let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
    assert!(matches!(reason(&response), Reason::Memory | Reason::WallTime), "{:?}", response.outcome);
    let peak = response.usage.expect("usage").peak_heap_bytes;
    assert!(peak < 36 << 20, "{peak}");
    // What a program gives up it may use again.
    let text = "for _ in range(20):\n x = [bytearray(1000) for _ in range(20000)]\n x = None\n'y' * 20_000_000 and 7";
    let limits =
        v1::Limits { heap_bytes: Some(32 << 20), wall_time: minutes(4), cpu_time: minutes(4), ..v1::Limits::default() };
    let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    // A refused request is an exception like any other.
    let response = fixture.client.execute(limited("try: 'x' * 2 ** 40\nexcept MemoryError: pass", limits)).await;
    assert_eq!(reason(&response.expect("an answer").into_inner()), Reason::Completed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn recursion_ends_in_stack() {
    let mut fixture = start(&[]).await;
    let programs = [
        "def f(): f()\nf()",
        "class A:\n def __repr__(self): return repr(self)\nrepr(A())",
        "class A:\n def __eq__(self, o): return self == o\nA() == A()",
        "class A:\n def __getattr__(self, n): return self.x\nA().x",
        "import sys\nsys.setrecursionlimit(10 ** 9)\ndef f(): f()\nf()",
        "import sys\nsys.setrecursionlimit(200)\nf = lambda n: sorted([1, 2], key=lambda _: f(n))\nf(1)",
        "import copy\nx = []\nfor _ in range(10 ** 5): x = [x]\ncopy.deepcopy(x)",
    ];
    for text in programs {
        for depth in [200, 100_000] {
            let limits = v1::Limits {
                stack_depth: Some(depth),
                wall_time: minutes(4),
                cpu_time: minutes(4),
                ..v1::Limits::default()
            };
            let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
            assert_eq!(reason(&response), Reason::Stack, "{depth}: {text}\n{:?}", response.outcome);
            assert_eq!(exception(&response).0, "RecursionError", "{text}");
        }
    }
    // Natives that go down on their own may come back up; what counts is that the server does.
    for text in
        ["repr(x)", "x == x[:]", "import json; json.dumps(x)", "hash(eval('(' * 50 + '1' + ',)' * 50))", "del x"]
    {
        let text = format!("x = []\nfor _ in range(10 ** 5): x = [x]\n{text}\n7");
        let response = fixture.client.execute(source(text.as_str())).await.expect("an answer").into_inner();
        assert!(matches!(reason(&response), Reason::Completed | Reason::Stack), "{text}\n{:?}", response.outcome);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn output_ends_in_output_where_that_is_asked_for() {
    let mut fixture = start(&[]).await;
    let stop = v1::OutputOptions { overflow: v1::output_options::Overflow::Stop.into(), ..Default::default() };
    let limits = v1::Limits { stdout_bytes: Some(5000), stderr_bytes: Some(5000), ..v1::Limits::default() };
    let programs = [
        "while True: print('x' * 100)",
        "import sys\nwhile True: sys.stdout.write('x')",
        "import sys\nwhile True: sys.stderr.write('xy')",
        "while True:\n try: print('x' * 100)\n except BaseException: pass",
        "print('x' * 10 ** 8)",
    ];
    for text in programs {
        let request = v1::ExecuteRequest { output: Some(stop.clone()), ..limited(text, limits) };
        let response = fixture.client.execute(request).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Output, "{text}\n{:?}", response.outcome);
        let kept = response.stdout.map_or(0, |s| s.data.len()).max(response.stderr.map_or(0, |s| s.data.len()));
        assert_eq!(kept, 5000, "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn results_are_capped_and_say_so() {
    use typhon_proto::v1::value::Kind;
    let mut fixture = start(&[]).await;
    let limits = v1::Limits { result_bytes: Some(10_000), ..v1::Limits::default() };
    let response = fixture.client.execute(limited("'x' * 100_000", limits)).await.expect("an answer").into_inner();
    let kind = response.result.and_then(|result| result.kind);
    assert!(!matches!(kind, Some(Kind::StrValue(_)) | None), "{kind:?}");
    for text in ["x = []\nx.append(x)\nx", "x = []\nfor _ in range(10 ** 5): x = [x]\nx", "object()", "lambda: 1"] {
        let response = fixture.client.execute(source(text)).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Completed, "{text}\n{:?}", response.outcome);
        assert!(response.result.is_some(), "{text}");
    }
}

fn hit(response: &v1::ExecuteResponse) -> v1::LimitHit {
    match response.outcome.as_ref().and_then(|outcome| outcome.detail.as_ref()) {
        Some(v1::outcome::Detail::Limit(hit)) => *hit,
        other => panic!("no limit: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn waiting_for_a_time_is_limited_by_what_it_takes() {
    let mut fixture = start(&[]).await;
    let patient = |sleep| v1::Limits { sleep_time: sleep, wall_time: minutes(4), ..v1::Limits::default() };
    for text in [
        "import time\ntime.sleep(1000)",
        "import time\nwhile True: time.sleep(0.002)",
        "import time\nwhile True:\n try: time.sleep(0.01)\n except BaseException: pass",
        "import threading\nthreading.Event().wait(1000)",
        "import queue\nwhile True:\n try: queue.Queue().get(timeout=0.01)\n except queue.Empty: pass",
        "import asyncio\nasyncio.run(asyncio.sleep(1000))",
        "import select\nselect.poll().poll(1_000_000)",
        "import threading, time\nt = threading.Thread(target=time.sleep, args=(1000,)); t.start(); t.join()",
    ] {
        let response =
            fixture.client.execute(limited(text, patient(millis(30)))).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Sleep, "{text}\n{:?}", response.outcome);
        let hit = hit(&response);
        assert_eq!((hit.which(), hit.limit), (v1::LimitName::SleepTime, 30_000_000), "{text}");
        assert!(hit.used > hit.limit, "{text}: {hit:?}");
    }
    // Work is no waiting, and neither is a wait that others end.
    for text in [
        "import time\nend = time.monotonic() + 0.06\nwhile time.monotonic() < end: pass\n7",
        "import _thread, time\nk = _thread.allocate_lock(); k.acquire()\ndef f():\n end = time.monotonic() + 0.06\n while time.monotonic() < end: pass\n k.release()\n_thread.start_new_thread(f, ()); k.acquire()\n7",
        "import time\ntime.sleep(0.0001)\n7",
    ] {
        let response =
            fixture.client.execute(limited(text, patient(millis(30)))).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Completed, "{text}\n{:?}", response.outcome);
    }
    // Time that passes at once has passed all the same.
    let clock = v1::ClockPolicy { mode: v1::clock_policy::Mode::Virtual.into(), epoch_nanoseconds: None };
    let policy = Some(v1::Policy { clock: Some(clock), ..v1::Policy::default() });
    for (text, end) in
        [("import time\ntime.sleep(0.02)", Reason::Completed), ("import time\ntime.sleep(9)", Reason::Sleep)]
    {
        let request = v1::ExecuteRequest { policy: policy.clone(), ..limited(text, patient(millis(30))) };
        let response = fixture.client.execute(request).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), end, "{text}\n{:?}", response.outcome);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn compiling_has_its_own_time() {
    let mut fixture = start(&[]).await;
    let quick = v1::Limits { compile_time: millis(1), wall_time: minutes(4), ..v1::Limits::default() };
    let patient = v1::Limits { wall_time: minutes(4), ..v1::Limits::default() };
    let text = format!("{}7", "x = [1, 2, 3]\n".repeat(20_000));
    let response = fixture.client.execute(limited(&text, quick)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::CpuTime, "{:?}", response.outcome);
    assert_eq!((hit(&response).which(), hit(&response).limit), (v1::LimitName::CompileTime, 1_000_000));
    // What was compiled before takes no time, and a program may run for longer than it may be compiled.
    for limits in [patient, quick] {
        let response = fixture.client.execute(limited(&text, limits)).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    }
    // Time enough for a few words on a machine that has much else to do.
    let enough = v1::Limits { compile_time: millis(300), ..quick };
    let response = fixture.client.execute(limited("import time\ntime.sleep(0.5)", enough)).await.expect("an answer");
    assert_eq!(reason(&response.into_inner()), Reason::Completed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_limit_is_told_as_it_holds() {
    let mut fixture = start(&[]).await;
    let asked = v1::Limits {
        cpu_parallelism: Some(8),
        max_threads: Some(9),
        sleep_time: minutes(4),
        compile_time: minutes(4),
        instructions: Some(1 << 40),
        ..v1::Limits::default()
    };
    let response = fixture.client.execute(limited("7", asked)).await.expect("an answer").into_inner();
    let told = response.effective_limits.expect("effective limits");
    assert_eq!((told.cpu_parallelism, told.sleep_time, told.compile_time), (Some(1), minutes(4), minutes(4)));
    assert_eq!(told.instructions, Some(1 << 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn collections_are_in_the_bill() {
    let mut fixture = start(&[]).await;
    for (text, some) in
        [("7", false), ("import gc\nx = [[] for _ in range(10_000)]\nfor _ in range(5): gc.collect()", true)]
    {
        let response = fixture.client.execute(source(text)).await.expect("an answer").into_inner();
        let took = response.usage.and_then(|usage| usage.gc_time).expect("a time");
        assert_eq!((took.seconds, took.nanos) != (0, 0), some, "{text}: {took:?}");
    }
}

/// An execution of a session answers for what the session holds while it runs, and not for the time between two.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_is_counted_for_as_long_as_it_is_held() {
    let fixture = start(&[]).await;
    let mut sessions = SessionServiceClient::new(fixture.channel.clone());
    let made = sessions.create_session(v1::CreateSessionRequest::default()).await.expect("a session").into_inner();
    let session = made.session.expect("itself").name;
    let run = async |text: &str| {
        let target = Some(v1::execute_request::Target::Session(session.clone()));
        let request = v1::ExecuteRequest { target, ..source(text) };
        let response = fixture.client.clone().execute(request).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
        response.usage.expect("usage")
    };
    let seconds = |usage: &v1::Usage| Duration::try_from(usage.wall_time.expect("a time")).expect("good").as_secs_f64();
    let held = f64::from(32 << 20);
    let waits = run("import time\nx = bytearray(32 << 20)\ntime.sleep(0.05)").await;
    assert!(waits.heap_byte_seconds >= held * 0.05, "{}", waits.heap_byte_seconds);
    assert!(waits.heap_byte_seconds <= waits.peak_heap_bytes as f64 * seconds(&waits), "{waits:?}");
    tokio::time::sleep(Duration::from_millis(50)).await;
    let rests = run("time.sleep(0.01)").await;
    assert!(rests.heap_byte_seconds >= held * 0.01, "{}", rests.heap_byte_seconds);
    assert!(rests.heap_byte_seconds <= rests.peak_heap_bytes as f64 * seconds(&rests), "{rests:?}");
}
