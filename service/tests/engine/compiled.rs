//! Guests whose loops are compiled: limits reach into machine code, and a program that is sent again finds what it needs.

use std::time::Duration;

use crate::{Fixture, exception, limited, metric, millis, reason, scrape, source, start_with};
use typhon_jit::{Mode, Params, Process};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::execute_request::Target;
use typhon_proto::v1::runtime_service_client::RuntimeServiceClient;
use typhon_proto::v1::session_service_client::SessionServiceClient;

async fn start() -> Fixture {
    let params = Params { loop_hot: 2, exit_hot: 1, ..Params::DEFAULT };
    start_with(
        &[("admin_listen", "127.0.0.1:0")],
        Some(Process::new(Mode::Sync, params).expect("this machine has a code generator")),
    )
    .await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_reach_into_machine_code() {
    let mut fixture = start().await;
    for body in ["i = (i + 1) & 1023", "i = i ^ 1", "if i & 1: i = i + 3 & 511\n  else: i = i + 1 & 511"] {
        let text = format!("def f():\n i = 0\n while True:\n  {body}\nf()");
        let limits = v1::Limits { wall_time: millis(60), ..v1::Limits::default() };
        let response = fixture.client.execute(limited(&text, limits)).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::WallTime, "{text}\n{:?}", response.outcome);
        let limits = v1::Limits { cpu_time: millis(40), ..v1::Limits::default() };
        let response = fixture.client.execute(limited(&text, limits)).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::CpuTime, "{text}\n{:?}", response.outcome);
    }
}

/// Ends in an exception that says how many traces were recorded, compiled, and found.
const PROGRAM: &str = "
import sys
def f(n):
    s = i = 0
    while i < n:
        if i & 1:
            s += 3
        i += 1
    return s
total = f(3000)
stats = sys._typhon_stats()
raise ValueError(total, *[stats['jit_' + name] > 0 for name in ('recorded', 'compiled', 'found')])
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_second_request_neither_records_nor_compiles() {
    let mut fixture = start().await;
    let mut told = Vec::new();
    for _ in 0..2 {
        let response = fixture.client.execute(source(PROGRAM)).await.expect("an answer").into_inner();
        told.push(exception(&response).1);
    }
    assert_eq!(told, ["(4500, True, True, False)", "(4500, False, False, True)"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_says_whether_it_compiles() {
    for (fixture, tiers) in [(start().await, vec!["trace"]), (start_with(&[], None).await, Vec::new())] {
        let mut runtime = RuntimeServiceClient::new(fixture.channel.clone());
        let answer = runtime.get_capabilities(v1::GetCapabilitiesRequest {}).await.expect("an answer").into_inner();
        let jit = answer.capabilities.and_then(|all| all.jit).expect("it is said");
        assert_eq!((jit.enabled, jit.tiers), (!tiers.is_empty(), tiers.into_iter().map(String::from).collect()));
    }
}

/// What compiling has cost, of who ran this.
async fn bill(fixture: &mut Fixture, session: Option<&str>, text: &str) -> (Duration, i64) {
    let target = session.map(|name| Target::Session(name.to_owned()));
    let request = v1::ExecuteRequest { target, ..source(text) };
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::Completed, "{:?}", response.outcome);
    let usage = response.usage.expect("usage");
    (usage.jit_compile_time.expect("a time").try_into().expect("not negative"), usage.jit_code_bytes)
}

const LOOP: &str = "def f(n):\n i = 0\n while i < n:\n  i += 1\n return i\nf(3000)";
const OTHER: &str = "def g(n):\n i = s = 0\n while i < n:\n  s ^= i\n  i += 1\n return s\ng(3000)";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_a_loop_compiled_pays_for_it_once() {
    let mut fixture = start().await;
    let (time, bytes) = bill(&mut fixture, None, LOOP).await;
    assert!(time > Duration::ZERO && bytes > 0, "{time:?} {bytes}");
    assert_eq!(bill(&mut fixture, None, LOOP).await, (Duration::ZERO, 0), "it is there");
    let mut sessions = SessionServiceClient::new(fixture.channel.clone());
    let made = sessions.create_session(v1::CreateSessionRequest::default()).await.expect("a session").into_inner();
    let session = made.session.expect("itself").name;
    let (other_time, other_bytes) = bill(&mut fixture, Some(&session), OTHER).await;
    assert!(other_time > Duration::ZERO && other_bytes > 0, "{other_time:?} {other_bytes}");
    assert_eq!(bill(&mut fixture, Some(&session), "1").await, (Duration::ZERO, 0), "not again");
    let metrics = scrape(&fixture.server).await;
    assert_eq!(metric(&metrics, "typhon_jit_code_bytes_total"), (bytes + other_bytes) as f64);
    let seconds = metric(&metrics, "typhon_jit_compile_seconds_total{tenant=\"default\"}");
    assert!((seconds - (time + other_time).as_secs_f64()).abs() < 1e-6, "{seconds}");
}
