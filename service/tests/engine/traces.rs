//! Traces that are told: of the program that asked, within a bound, and without a word of where things lie in memory.

use crate::{Fixture, limited, millis, reason, source, start_with};
use tonic::Code;
use typhon_jit::{Mode, Params, Process};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::trace::Kind;

async fn start() -> Fixture {
    let params = Params { loop_hot: 2, call_hot: 2, exit_hot: 1, ..Params::DEFAULT };
    let compiler = Process::new(Mode::Background, params).expect("this machine has a code generator");
    start_with(&[], Some(compiler)).await
}

fn traced(text: &str) -> v1::ExecuteRequest {
    let output = v1::OutputOptions { traces: true, ..v1::OutputOptions::default() };
    v1::ExecuteRequest { output: Some(output), ..source(text) }
}

async fn told(fixture: &mut Fixture, request: v1::ExecuteRequest) -> (Reason, v1::TraceJournal) {
    let response = fixture.client.execute(request).await.expect("an answer").into_inner();
    (reason(&response), response.traces.map(|traces| *traces).expect("traces"))
}

fn program(name: &str) -> String {
    format!(
        "class Point:\n def __init__(self, x): self.x = x\ndef {name}(n):\n s = 0\n for i in range(n):\n  \
         if i % 3: s += Point(i).x + len('ab')\n  else: s -= 1.5\n return s\n{name}(3000)"
    )
}

/// Numbers that could be addresses.
fn addresses(text: &str) -> Vec<&str> {
    let words = text.split(|c: char| !c.is_ascii_alphanumeric());
    let digits = |word: &str| word.trim_start_matches("0x").chars().take_while(char::is_ascii_hexdigit).count();
    words.filter(|word| word.starts_with(|c: char| c.is_ascii_digit()) && digits(word) >= 9).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_program_is_told_its_own_traces_and_no_addresses() {
    let mut fixture = start().await;
    for name in ["first", "second"] {
        let (reason, journal) = told(&mut fixture, traced(&program(name))).await;
        assert_eq!(reason, Reason::Completed);
        let functions: Vec<&str> = journal.traces.iter().map(|trace| &*trace.function).collect();
        assert!(functions.contains(&name), "{functions:?}");
        assert!(functions.iter().all(|at| [name, "Point.__init__", "<module>"].contains(at)), "{functions:?}");
        let compiled = journal.traces.iter().filter(|trace| trace.given_up.is_empty());
        let first = compiled.clone().next().expect("one that was compiled");
        assert_eq!((first.kind(), first.line), (Kind::Loop, 5));
        assert!(first.code_bytes > 0 && first.exits > 0 && first.recorded.contains("guard"), "{first:?}");
        assert!(compiled.clone().any(|trace| trace.kind() == Kind::Bridge), "{functions:?}");
        assert!(compiled.clone().any(|trace| trace.recorded.contains("p:#1")), "there was something to hide");
        for text in compiled.flat_map(|trace| [&trace.recorded, &trace.optimized]) {
            assert_eq!(addresses(text), Vec::<&str>::new());
        }
        assert!(journal.exits_taken > 0 && !journal.most_taken.is_empty(), "{:?}", journal.most_taken);
        for exit in &journal.most_taken {
            assert_eq!(addresses(&exit.at), Vec::<&str>::new());
        }
    }
    let response = fixture.client.execute(source(program("third"))).await.expect("an answer").into_inner();
    assert_eq!(response.traces, None, "nobody asked");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn there_is_a_bound_to_what_is_told() {
    let mut fixture = start().await;
    let one = |n: usize| format!("def f{n}(n):\n s = 0\n for i in range(n):\n  s += i * {n}\n return s\nf{n}(50)\n");
    let text: String = (0..200).map(one).collect();
    let (reason, journal) = told(&mut fixture, traced(&text)).await;
    assert_eq!(reason, Reason::Completed);
    let bytes: usize = journal.traces.iter().map(|trace| trace.recorded.len() + trace.optimized.len()).sum();
    assert!(bytes <= 256 << 10, "{bytes}");
    assert!(journal.left_out > 20 && journal.traces.len() > 20, "{}, {}", journal.left_out, journal.traces.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_while_traces_are_watched() {
    let mut fixture = start().await;
    let limits = v1::Limits { wall_time: millis(80), ..v1::Limits::default() };
    let request = v1::ExecuteRequest {
        output: traced("").output,
        ..limited("def f():\n i = 0\n while True:\n  i = (i + 1) & 1023\nf()", limits)
    };
    let (reason, journal) = told(&mut fixture, request).await;
    assert_eq!(reason, Reason::WallTime);
    assert!(journal.traces.iter().any(|trace| trace.function == "f"), "{journal:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kept_execution_has_them_until_it_is_forgotten() {
    let mut fixture = start().await;
    let request = v1::StartExecutionRequest { request: Some(traced(&program("kept"))) };
    let name = fixture.client.start_execution(request).await.expect("started").into_inner().execution;
    let name = name.expect("an execution").name;
    let attach = v1::AttachExecutionRequest { name: name.clone(), after_sequence: 0 };
    let mut events = fixture.client.attach_execution(attach).await.expect("a stream").into_inner();
    let mut traces = None;
    while let Some(message) = events.message().await.expect("an event") {
        if let Some(v1::attach_execution_response::Event::Finished(finished)) = message.event {
            traces = finished.response.and_then(|response| response.traces);
        }
    }
    assert!(traces.is_some_and(|journal| journal.traces.iter().any(|trace| trace.function == "kept")));
    fixture.client.delete_execution(v1::DeleteExecutionRequest { name: name.clone() }).await.expect("forgotten");
    let gone = fixture.client.get_execution(v1::GetExecutionRequest { name }).await.expect_err("it is gone");
    assert_eq!(gone.code(), Code::NotFound);
}
