//! What becomes of a worker process in which the engine panics, and of those beside it.
//!
//! The virtual machine has no panic to offer, so this program is its worker process as well, with an engine that panics when it is asked.

#[path = "../engine/fixture.rs"]
#[expect(dead_code, reason = "the tests that it is for want more of it")]
mod fixture;

use std::sync::Arc;

use fixture::{Fixture, metric, reason, scrape, serve, source};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::execute_request::Target;
use typhon_proto::v1::session::State;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;
use typhon_service::{Engine, Isolate, Vm};
use typhon_vm::{Cancel, Host, Request, Response, Run};

/// The virtual machine, which panics at [`WORD`].
#[derive(Default)]
struct Brittle(Vm);

struct BrittleIsolate(Box<dyn Isolate>);

const WORD: &[u8] = b"break";

fn look(request: &Request) {
    assert!(request.source != WORD, "as it was asked to");
}

impl Engine for Brittle {
    fn execute(&self, request: &Request, host: &dyn Host, cancel: &Cancel) -> Response {
        look(request);
        self.0.execute(request, host, cancel)
    }

    fn open(&self, request: &Request) -> Box<dyn Isolate> {
        Box::new(BrittleIsolate(self.0.open(request)))
    }
}

impl Isolate for BrittleIsolate {
    fn execute(&mut self, request: &Request, host: Arc<dyn Host>, cancel: &Cancel) -> Run {
        look(request);
        self.0.execute(request, host, cancel)
    }

    fn finish(&mut self, request: &Request, host: Arc<dyn Host>, cancel: &Cancel) -> Run {
        look(request);
        self.0.finish(request, host, cancel)
    }

    fn prepare(&mut self) -> bool {
        self.0.prepare()
    }
}

fn main() {
    if std::env::args().nth(1).is_some_and(|word| word == "worker") {
        return typhon_service::serve_worker(|| Ok(Arc::new(Brittle::default()))).expect("orders");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        a_process_ends_with_its_engine(true).await;
        a_process_ends_with_its_engine(false).await;
    });
    println!("test a_process_ends_with_its_engine ... ok");
}

async fn begin() -> Fixture {
    let settings = [("workers", "4"), ("preload", ""), ("isolates_ahead", "0"), ("admin_listen", "127.0.0.1:0")];
    let program = std::env::current_exe().expect("this program");
    serve(&settings, |bytes| Vm::new(None, bytes).with_workers(program)).await
}

async fn session(fixture: &Fixture) -> String {
    let mut client = SessionServiceClient::new(fixture.channel.clone());
    let made = client.create_session(v1::CreateSessionRequest::default()).await.expect("a session");
    made.into_inner().session.expect("itself").name
}

async fn seen(fixture: &Fixture, name: &str) -> v1::Session {
    let mut client = SessionServiceClient::new(fixture.channel.clone());
    let request = v1::GetSessionRequest { name: name.to_owned() };
    client.get_session(request).await.expect("there").into_inner().session.expect("itself")
}

async fn run(fixture: &Fixture, session: Option<&str>, text: &[u8]) -> v1::ExecuteResponse {
    let target = session.map(|name| Target::Session(name.to_owned()));
    let request = v1::ExecuteRequest { target, ..source(text) };
    fixture.client.clone().execute(request).await.expect("an answer").into_inner()
}

async fn process(fixture: &Fixture, session: &str) -> i64 {
    let response = run(fixture, Some(session), b"import os\nos.getpid()").await;
    match response.result.and_then(|value| value.kind) {
        Some(Kind::IntValue(number)) => number,
        other => panic!("no process: {other:?} {:?}", response.outcome),
    }
}

fn crash(response: &v1::ExecuteResponse) -> &str {
    assert_eq!(reason(response), Reason::WorkerCrash, "{:?}", response.outcome);
    match response.outcome.as_ref().and_then(|outcome| outcome.detail.as_ref()) {
        Some(v1::outcome::Detail::Crash(crash)) => &crash.message,
        other => panic!("no crash: {other:?}"),
    }
}

/// Whether it is a session's program that broke it, or one of its own.
async fn a_process_ends_with_its_engine(in_session: bool) {
    let fixture = begin().await;
    let [broken, beside] = [session(&fixture).await, session(&fixture).await];
    let first = process(&fixture, &broken).await;
    assert_eq!(process(&fixture, &beside).await, first, "one tenant, one process");
    let running = {
        let target = Some(Target::Session(beside.clone()));
        let (request, mut client) =
            (v1::ExecuteRequest { target, ..source("while True: pass") }, fixture.client.clone());
        tokio::spawn(async move { client.execute(request).await.expect("an answer").into_inner() })
    };
    while seen(&fixture, &beside).await.state() != State::Running {
        tokio::task::yield_now().await;
    }
    let response = run(&fixture, Some(&*broken).filter(|_| in_session), WORD).await;
    assert!(crash(&response).contains("as it was asked to"), "{}", crash(&response));
    let other = running.await.expect("it ran");
    assert!(crash(&other).contains("the engine failed in it"), "{}", crash(&other));
    for name in [&broken, &beside] {
        let state = seen(&fixture, name).await;
        assert_eq!(state.state(), State::Failed, "{state:?}");
        assert!(state.failure.contains("engine"), "{}", state.failure);
        let mut client = SessionServiceClient::new(fixture.channel.clone());
        client.reset_session(v1::ResetSessionRequest { name: name.clone() }).await.expect("from the beginning");
        assert_ne!(process(&fixture, name).await, first);
    }
    let text = scrape(&fixture.server).await;
    assert_eq!(metric(&text, "typhon_worker_restarts_total{reason=\"engine\"}"), 1.0);
}
