//! Deterministic executions: the same output each time, at each level, and a budget that ends them at the same place.

use std::time::{Duration, Instant};

use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;

use crate::{Fixture, reason, source, start};

const LEVELS: [v1::IsolationLevel; 3] =
    [v1::IsolationLevel::InProcess, v1::IsolationLevel::WorkerProcess, v1::IsolationLevel::DedicatedProcess];

/// All that chance usually has a hand in.
const CHANCE: &str = "
import datetime, os, queue, random, secrets, select, tempfile, threading, time, uuid
print(random.random(), random.sample(range(1000), 5), random.SystemRandom().random())
print(os.urandom(8).hex(), secrets.token_hex(8), uuid.uuid4(), uuid.uuid1().time)
print(hash('typhon'), hash(b'typhon'), hash((1, 'x', 2.5)), {'a', 'b', 'c', 'typhon', 'x' * 50})
print(time.time(), time.monotonic(), time.perf_counter_ns(), time.process_time(), time.thread_time())
print(datetime.datetime.now(datetime.timezone.utc), time.gmtime())
before = time.monotonic()
time.sleep(3600)
print(time.monotonic() - before)
print(threading.Event().wait(1000), threading.Lock().acquire(timeout=10), time.time())
try: queue.Queue().get(timeout=500)
except queue.Empty: print('empty', time.time())
end = time.time() + 0.01
turns = 0
while time.time() < end: turns += 1
print(turns)
try: threading.Thread(target=print).start()
except RuntimeError as e: print(e)
print(select.select([], [], [], 5), time.time())
";

fn request(text: &str, level: v1::IsolationLevel) -> v1::ExecuteRequest {
    let policy = v1::Policy { deterministic: true, isolation: level.into(), ..v1::Policy::default() };
    v1::ExecuteRequest { policy: Some(policy), ..source(text) }
}

async fn run(fixture: &Fixture, request: v1::ExecuteRequest) -> v1::ExecuteResponse {
    fixture.client.clone().execute(request).await.expect("an answer").into_inner()
}

fn output(response: &v1::ExecuteResponse) -> String {
    String::from_utf8_lossy(&response.stdout.clone().unwrap_or_default().data).into_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_program_says_the_same_each_time() {
    let mut seen: Vec<String> = Vec::new();
    for _ in 0..2 {
        let fixture = start(&[("isolation_least", "in_process"), ("processes_spare", "1")]).await;
        for level in LEVELS {
            for _ in 0..2 {
                let response = run(&fixture, request(CHANCE, level)).await;
                assert_eq!(reason(&response), Reason::Completed, "{:?} {}", response.outcome, output(&response));
                let usage = response.usage.as_ref().expect("usage");
                assert!(usage.instructions > 1000, "{usage:?}");
                assert!(output(&response).lines().count() >= 11, "{}", output(&response));
                seen.push(output(&response));
            }
        }
    }
    for other in &seen[1..] {
        assert_eq!(other, &seen[0]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_budget_of_instructions_ends_a_program_at_the_same_place() {
    let fixture = start(&[("isolation_least", "in_process")]).await;
    let programs = [
        "n = 0\nwhile True:\n n += 1\n if n % 100 == 0: print(n)",
        "def f(n): print(n); f(n + 1)\nimport sys\nsys.setrecursionlimit(900)\nwhile True:\n try: f(0)\n except RecursionError: pass",
        "while True:\n try:\n  while True: print('x')\n except BaseException: pass",
        "class A:\n def __del__(self): print('gone')\nwhile True: A()",
        "print(sum(iter(int, 1)))",
    ];
    for text in programs {
        let mut seen = Vec::new();
        for level in LEVELS {
            for _ in 0..2 {
                let limits = v1::Limits { instructions: Some(5000), ..v1::Limits::default() };
                let response = run(&fixture, v1::ExecuteRequest { limits: Some(limits), ..request(text, level) }).await;
                assert_eq!(reason(&response), Reason::Instructions, "{text}\n{:?}", response.outcome);
                let detail = response.outcome.clone().and_then(|outcome| outcome.detail);
                let Some(v1::outcome::Detail::Limit(hit)) = detail else { panic!("no limit: {detail:?}") };
                assert_eq!((hit.which(), hit.limit, hit.used), (v1::LimitName::Instructions, 5000, 5000));
                seen.push(output(&response));
            }
        }
        assert!(seen.iter().all(|other| *other == seen[0]), "{text}: {seen:?}");
    }
    // A budget alone holds everywhere, and counts threads together.
    let threads =
        "import threading\ndef f():\n while True: pass\nfor _ in range(3): threading.Thread(target=f).start()";
    for level in LEVELS {
        let limits = v1::Limits { instructions: Some(100_000), ..v1::Limits::default() };
        let policy = v1::Policy { isolation: level.into(), ..v1::Policy::default() };
        let request = v1::ExecuteRequest { limits: Some(limits), policy: Some(policy), ..source(threads) };
        let response = run(&fixture, request).await;
        assert_eq!(reason(&response), Reason::Instructions, "{:?}", response.outcome);
        // What needs none has enough.
        let limits = v1::Limits { instructions: Some(100_000), ..v1::Limits::default() };
        let response = run(&fixture, v1::ExecuteRequest { limits: Some(limits), ..source("1 + 1") }).await;
        assert_eq!(reason(&response), Reason::Completed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_virtual_clock_goes_on_within_a_session() {
    let fixture = start(&[]).await;
    let clock =
        v1::ClockPolicy { mode: v1::clock_policy::Mode::Virtual.into(), epoch_nanoseconds: Some(1_000_000_000) };
    let policy = v1::Policy { clock: Some(clock), ..v1::Policy::default() };
    let session = v1::Session { policy: Some(policy), ..v1::Session::default() };
    let create = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    let mut client = v1::session_service_client::SessionServiceClient::new(fixture.channel.clone());
    let name = client.create_session(create).await.expect("a session").into_inner().session.expect("its state").name;
    let began = Instant::now();
    for n in 1..4i64 {
        let target = Some(v1::execute_request::Target::Session(name.clone()));
        let text = "import time\ntime.sleep(100_000)\nint(time.time())";
        let response = run(&fixture, v1::ExecuteRequest { target, ..source(text) }).await;
        let kind = response.result.and_then(|value| value.kind);
        assert_eq!(kind, Some(v1::value::Kind::IntValue(1 + 100_000 * n)), "{:?}", response.outcome);
    }
    assert!(began.elapsed() < Duration::from_secs(50_000));
}
