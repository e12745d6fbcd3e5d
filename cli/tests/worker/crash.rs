//! What becomes of a worker process that dies, and of those beside it.

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::runtime_service_client::RuntimeServiceClient;
use typhon_proto::v1::session::State;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;

use crate::{Fixture, limited, metric, millis, reason, scrape, source, start};

/// Tests of one program run side by side, so each marks its workers: a session of its own tells the process's number.
async fn own_process(fixture: &mut Fixture, session: &str) -> Pid {
    let text = "import os\nos.getpid()";
    let response = fixture.client.execute(within(session, source(text))).await.expect("an answer").into_inner();
    match response.result.and_then(|value| value.kind) {
        Some(Kind::IntValue(pid)) => Pid::from_raw(pid as i32).expect("a process"),
        other => panic!("no process: {other:?} {:?}", response.outcome),
    }
}

fn within(session: &str, request: v1::ExecuteRequest) -> v1::ExecuteRequest {
    v1::ExecuteRequest { target: Some(v1::execute_request::Target::Session(session.to_owned())), ..request }
}

async fn session(fixture: &Fixture, isolation: v1::IsolationLevel) -> v1::Session {
    let policy = v1::Policy { isolation: isolation.into(), ..v1::Policy::default() };
    let session = v1::Session { policy: Some(policy), ..v1::Session::default() };
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    let mut client = SessionServiceClient::new(fixture.channel.clone());
    client.create_session(request).await.expect("a session").into_inner().session.expect("its state")
}

async fn seen(fixture: &Fixture, name: &str) -> v1::Session {
    let mut client = SessionServiceClient::new(fixture.channel.clone());
    let request = v1::GetSessionRequest { name: name.to_owned() };
    client.get_session(request).await.expect("there").into_inner().session.expect("its state")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_ran_in_a_killed_process_says_so_and_everything_else_lives() {
    let mut fixture = start(&[("workers", "4"), ("admin_listen", "127.0.0.1:0")]).await;
    let shared = session(&fixture, v1::IsolationLevel::Unspecified).await;
    let beside = session(&fixture, v1::IsolationLevel::Unspecified).await;
    let apart = session(&fixture, v1::IsolationLevel::DedicatedProcess).await;
    assert_eq!(shared.isolation(), v1::IsolationLevel::WorkerProcess);
    assert_eq!(apart.isolation(), v1::IsolationLevel::DedicatedProcess);
    let pid = own_process(&mut fixture, &shared.name).await;
    assert_eq!(own_process(&mut fixture, &beside.name).await, pid, "one tenant, one process");
    let own = own_process(&mut fixture, &apart.name).await;
    assert_ne!(own, pid);
    assert_ne!(pid.as_raw_nonzero().get(), std::process::id() as i32);

    for signal in [Signal::KILL, Signal::ABORT] {
        let pid = own_process(&mut fixture, &shared.name).await;
        own_process(&mut fixture, &beside.name).await;
        let mut client = fixture.client.clone();
        let running = within(&shared.name, source("while True: pass"));
        let running = tokio::spawn(async move { client.execute(running).await.expect("an answer").into_inner() });
        while seen(&fixture, &shared.name).await.state() != State::Running {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        kill_process(pid, signal).expect("it was there");
        let response = running.await.expect("it ran");
        let outcome = response.outcome.clone().expect("an outcome");
        assert_eq!((outcome.reason(), outcome.session_survives), (Reason::WorkerCrash, false));
        let Some(v1::outcome::Detail::Crash(crash)) = outcome.detail else { panic!("no crash") };
        assert!(crash.message.contains(&format!("signal {}", signal.as_raw())), "{}", crash.message);

        for name in [&shared.name, &beside.name] {
            let state = seen(&fixture, name).await;
            assert_eq!(state.state(), State::Failed, "{state:?}");
            assert!(state.failure.contains("worker process"), "{}", state.failure);
            let status = fixture.client.execute(within(name, source("1"))).await.expect_err("it is lost");
            assert_eq!(status.code(), tonic::Code::FailedPrecondition, "{status:?}");
            let mut client = SessionServiceClient::new(fixture.channel.clone());
            client.reset_session(v1::ResetSessionRequest { name: name.clone() }).await.expect("it can be revived");
        }
        // Whose process is another one has noticed nothing.
        assert_eq!(own_process(&mut fixture, &apart.name).await, own);
        let response = fixture.client.execute(source("1+1")).await.expect("an answer").into_inner();
        assert_eq!(reason(&response), Reason::Completed);
    }
    let text = scrape(&fixture.server).await;
    assert_eq!(metric(&text, "typhon_worker_restarts_total{reason=\"signal\"}"), 2.0, "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn kills_under_load_lose_no_answer() {
    let mut fixture = start(&[("workers", "4")]).await;
    let marked = session(&fixture, v1::IsolationLevel::Unspecified).await.name;
    let mut asked = Vec::new();
    for n in 0..16 {
        let mut client = fixture.client.clone();
        asked.push(tokio::spawn(async move {
            let mut ends = Vec::new();
            for _ in 0..10 {
                let text = format!("import time\ntime.sleep(0.005)\n{n}");
                match client.execute(source(text)).await {
                    Ok(response) => {
                        let response = response.into_inner();
                        if reason(&response) == Reason::Completed {
                            assert_eq!(response.result.and_then(|v| v.kind), Some(Kind::IntValue(n)));
                            ends.push("completed");
                        } else {
                            assert_eq!(reason(&response), Reason::WorkerCrash);
                            ends.push("crashed");
                        }
                    }
                    // Nothing ran, and it may be sent again.
                    Err(status) => assert_eq!(status.code(), tonic::Code::Unavailable, "{status:?}"),
                }
            }
            ends
        }));
    }
    for _ in 0..4 {
        let pid = own_process(&mut fixture, &marked).await;
        kill_process(pid, Signal::KILL).expect("it was there");
        tokio::time::sleep(Duration::from_millis(30)).await;
        let mut client = SessionServiceClient::new(fixture.channel.clone());
        client.reset_session(v1::ResetSessionRequest { name: marked.clone() }).await.expect("it can be revived");
    }
    let mut ends = Vec::new();
    for asked in asked {
        ends.extend(asked.await.expect("every request is answered, with the truth"));
    }
    assert!(ends.contains(&"completed"));
    own_process(&mut fixture, &marked).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_that_hangs_is_ended() {
    let mut fixture = start(&[("workers", "2")]).await;
    let name = session(&fixture, v1::IsolationLevel::DedicatedProcess).await.name;
    let pid = own_process(&mut fixture, &name).await;
    kill_process(pid, Signal::STOP).expect("it was there");
    let request = limited("1", v1::Limits { wall_time: millis(100), ..v1::Limits::default() });
    let response = fixture.client.execute(within(&name, request)).await.expect("an answer").into_inner();
    assert_eq!(reason(&response), Reason::WorkerCrash);
    assert_eq!(seen(&fixture, &name).await.state(), State::Failed);
}

/// What the kernel says of a worker process.
#[tokio::test]
async fn worker_processes_are_confined() {
    let mut fixture = start(&[]).await;
    let mut client = RuntimeServiceClient::new(fixture.channel.clone());
    let capabilities = client.get_capabilities(v1::GetCapabilitiesRequest {}).await.expect("an answer").into_inner();
    let capabilities = capabilities.capabilities.expect("capabilities");
    assert_eq!(capabilities.default_isolation(), v1::IsolationLevel::WorkerProcess);
    // In the server's own process only where the operator says so.
    let levels: Vec<_> = capabilities.isolation_levels().collect();
    assert_eq!(levels, [v1::IsolationLevel::WorkerProcess, v1::IsolationLevel::DedicatedProcess]);
    let name = session(&fixture, v1::IsolationLevel::InProcess).await;
    assert_eq!(name.isolation(), v1::IsolationLevel::WorkerProcess, "asking for less gets no less than the least");
    let pid = own_process(&mut fixture, &name.name).await.as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let held = |line: &str| status.lines().any(|l| l == line);
    let holds = |what: &str| capabilities.hardening.iter().any(|held| held == what);
    assert_eq!(holds("no_new_privs"), held("NoNewPrivs:\t1"));
    assert_eq!(holds("seccomp"), held("Seccomp:\t2"));
    assert!(holds("rlimits") && holds("no_new_privs"), "{:?}", capabilities.hardening);
    let environment = std::fs::read(format!("/proc/{pid}/environ")).expect("it runs");
    assert!(environment.split(|b| *b == 0).all(|v| v.is_empty() || v.starts_with(b"TYPHON_")));
}

/// A server that ends while it starts a worker closes its end in the middle of the greeting.
#[test]
fn a_worker_whose_server_is_gone_ends_without_a_word() {
    // An empty message: the set-up, with nothing in it.
    for heard in [false, true] {
        let (mut ours, theirs) = UnixStream::pair().expect("two sockets");
        ours.write_all(&[0; 4]).expect("room");
        let worker = Command::new(env!("CARGO_BIN_EXE_typhon"))
            .arg("worker")
            .stdin(Stdio::from(OwnedFd::from(theirs)))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a worker");
        if heard {
            // The rest of what it says is there, and nobody reads it.
            ours.read_exact(&mut [0]).expect("it is ready");
        }
        drop(ours);
        let ended = worker.wait_with_output().expect("its end");
        assert!(ended.status.success(), "{}", ended.status);
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "");
    }
}
