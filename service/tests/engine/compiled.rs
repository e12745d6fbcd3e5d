//! Guests whose loops are compiled: limits reach into machine code, and a program that is sent again finds what it needs.

use crate::{Fixture, exception, limited, millis, reason, source, start_with};
use typhon_jit::{Mode, Params, Process};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;

async fn start() -> Fixture {
    let params = Params { loop_hot: 2, exit_hot: 1, ..Params::DEFAULT };
    start_with(&[], Some(Process::new(Mode::Sync, params).expect("this machine has a code generator"))).await
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
