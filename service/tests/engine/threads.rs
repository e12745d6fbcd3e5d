//! Guests with threads: they count against the guest's limits, and end with it.

use std::time::{Duration, Instant};

use crate::{limited, metric, millis, reason, scrape, source, start};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::value::Kind;

/// Threads that nothing but a stop ends, by the ways in which a thread can be busy or wait.
const ENDLESS: &[&str] = &[
    "while True: pass",
    "while True:\n  try:\n   while True: pass\n  except BaseException: pass",
    "k = threading.Lock(); k.acquire(); k.acquire()",
    "threading.Event().wait()",
    "queue.Queue().get()",
    "time.sleep(1000)",
    "threading.Barrier(2).wait()",
    "sum(range(10 ** 12))",
    "sorted(range(10 ** 9), key=lambda i: -i)",
];

fn program(body: &str, daemon: bool) -> String {
    let start =
        format!("t = [threading.Thread(target=f, daemon={}) for _ in range(3)]", if daemon { "True" } else { "False" });
    format!("import queue, threading, time\ndef f():\n {body}\n{start}\nfor x in t: x.start()\ntime.sleep(0.01)\n7")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_guest_has_threads() {
    let mut fixture = start(&[]).await;
    let text = "import threading, queue\nq = queue.Queue()\ndef f(n):\n for i in range(100): q.put(n * i)\n\
                t = [threading.Thread(target=f, args=(n,)) for n in range(5)]\n\
                for x in t: x.start()\n\
                for x in t: x.join()\n\
                sum(q.get() for _ in range(500))";
    let response = fixture.client.execute(source(text)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    assert_eq!(response.result.and_then(|r| r.kind), Some(Kind::IntValue(49_500)));
    assert!(response.usage.expect("usage").threads_peak > 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_threads_cost_each_other_is_told() {
    let mut fixture = start(&[("admin_listen", "127.0.0.1:0")]).await;
    let alone = fixture.client.execute(source("1")).await.expect("an answer").into_inner();
    assert_eq!(alone.usage.expect("usage").sharing, None);
    // Both run, and lose what the table had, until a grace period is over; then the world is stopped to collect.
    let text = "import gc, sys, threading\nt = {}\nb = threading.Barrier(2)\ndef over(): return sys._typhon_stats()['graces']\n\
                def f():\n b.wait()\n while not over():\n  for i in range(2000): t[i % 7] = [i]\n \
                b.wait(); gc.collect()\n\
                a = [threading.Thread(target=f) for _ in range(2)]\n\
                for x in a: x.start()\n\
                for x in a: x.join()";
    let response = fixture.client.execute(source(text)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    let cost = *response.usage.expect("usage").sharing.expect("there were several");
    let told = [cost.shares, cost.delayed_releases, cost.grace_periods, cost.world_stops, cost.collections];
    assert!(told.iter().all(|n| *n > 0), "{cost:?}");
    let metrics = scrape(&fixture.server).await;
    let events = |event: &str| metric(&metrics, &format!("typhon_thread_events_total{{event=\"{event}\"}}"));
    let counted = ["share", "delayed_release", "grace_period", "world_stop", "collection"].map(events);
    assert_eq!(counted, told.map(|n| n as f64));
    let waited = metric(&metrics, "typhon_thread_wait_seconds_total{event=\"grace_period\"}");
    assert!(waited > 0.0, "{waited}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thread_bomb_meets_the_limit() {
    let mut fixture = start(&[]).await;
    let text = "import _thread, threading\nk = threading.Lock(); k.acquire(); n = 0\ntry:\n while True:\n  \
                _thread.start_new_thread(k.acquire, ()); n += 1\nexcept RuntimeError as e: pass\n\
                k.release()\nn";
    let limits = v1::Limits { max_threads: Some(6), ..v1::Limits::default() };
    let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    assert_eq!(response.result.and_then(|r| r.kind), Some(Kind::IntValue(5)));
    assert_eq!(response.usage.expect("usage").threads_peak, 6);
    // Nobody asked: the server's own limit holds.
    let response = fixture.client.execute(source(text)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    let Some(Kind::IntValue(n)) = response.result.and_then(|r| r.kind) else { panic!("a number") };
    assert!((8..1000).contains(&n), "{n}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processor_time_is_summed_over_threads() {
    let mut fixture = start(&[]).await;
    let text = "import threading\ndef f():\n while True: pass\nfor _ in range(3): threading.Thread(target=f).start()";
    let limits = v1::Limits { cpu_time: millis(100), ..v1::Limits::default() };
    let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::CpuTime, "{:?}", response.outcome);
    let used = response.usage.expect("usage").cpu_time.expect("a time");
    assert!(used.seconds > 0 || used.nanos >= 100_000_000, "{used:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn daemons_end_with_their_program() {
    let mut fixture = start(&[]).await;
    for body in ENDLESS {
        let began = Instant::now();
        let limits =
            v1::Limits { wall_time: Some(prost_types::Duration { seconds: 20, nanos: 0 }), ..v1::Limits::default() };
        let response = fixture.client.execute(limited(&program(body, true), limits)).await.expect("an answer");
        let response = response.into_inner();
        assert_eq!(reason(&response), Reason::Completed, "{body}\n{:?}", response.outcome);
        assert_eq!(response.result.and_then(|r| r.kind), Some(Kind::IntValue(7)));
        assert!(began.elapsed() < Duration::from_secs(10), "{body}: {:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_outlive_no_limit() {
    let mut fixture = start(&[]).await;
    for body in ENDLESS {
        let limits = v1::Limits { wall_time: millis(150), ..v1::Limits::default() };
        let response = fixture.client.execute(limited(&program(body, false), limits)).await.expect("an answer");
        let response = response.into_inner();
        assert_eq!(reason(&response), Reason::WallTime, "{body}\n{:?}", response.outcome);
    }
    // The workers are as good as new.
    let response = fixture.client.execute(source("6 * 7")).await.expect("an answer").into_inner();
    assert_eq!(response.result.and_then(|r| r.kind), Some(Kind::IntValue(42)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn threads_share_one_account_of_memory() {
    let mut fixture = start(&[]).await;
    // Nobody takes much before all have begun: a MemoryError strikes wherever something is allocated, and one that strikes `start`
    // in `Condition.wait` ends as the RuntimeError of a lock that it does not hold, as in CPython.
    let text = "import _thread, threading\ngate = _thread.allocate_lock()\ngate.acquire()\nheld = []\n\
                def f():\n own = []\n with gate: pass\n try:\n  while True: own.append(bytearray(10000))\n \
                except MemoryError: held.append(len(own)); own.clear()\n\
                t = [threading.Thread(target=f) for _ in range(4)]\nfor x in t: x.start()\ngate.release()\n\
                for x in t: x.join()\nlen(held)";
    let limits = v1::Limits { heap_bytes: Some(32 << 20), ..v1::Limits::default() };
    let response = fixture.client.execute(limited(text, limits)).await.expect("an answer").into_inner();
    assert!(matches!(reason(&response), Reason::Completed | Reason::Memory), "{:?}", response.outcome);
    let peak = response.usage.expect("usage").peak_heap_bytes;
    assert!((16 << 20..40 << 20).contains(&peak), "{peak}");
}
