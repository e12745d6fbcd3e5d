//! The hostile suite through a real server, at each level of isolation: every program has its right end, in an isolate of its own and in
//! a session; whoever is beside it notices nothing, and what it leaves can be used or says that it cannot.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use prost::Message;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tonic::transport::Channel;
use typhon_proto::v1;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_proto::v1::session_service_client::SessionServiceClient;
use typhon_proto::v1::value::Kind;
use typhon_service::Vm;

use crate::suite::{self, Program};
use crate::{serve, source};

/// What a program has that only its time ends; more where it prepares itself.
const SHORT: Duration = Duration::from_millis(60);
const PREPARED: Duration = Duration::from_millis(400);
/// What no program needs.
const LONG: Duration = Duration::from_secs(120);
const HEAP: i64 = 24 << 20;
/// What a neighbour knows, and nobody else may.
const SECRET: &str = "CANARY-0815-4711";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_servers_process() {
    walk(v1::IsolationLevel::InProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_worker_process() {
    walk(v1::IsolationLevel::WorkerProcess).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_a_process_of_its_own() {
    walk(v1::IsolationLevel::DedicatedProcess).await;
}

async fn walk(level: v1::IsolationLevel) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/hostile");
    let programs = suite::read(&folder).expect("a suite in order");
    assert!(programs.len() >= 300, "{}", programs.len());
    let settings = [("preload", ""), ("isolation_least", "in_process"), ("workers", "4"), ("processes_spare", "2")];
    let fixture =
        serve(&settings, |bytes| Vm::new(None, bytes).with_workers(env!("CARGO_BIN_EXE_typhon").into())).await;
    let trial = Arc::new(Trial::new(fixture.client.clone(), fixture.channel.clone(), level).await);
    let room = Arc::new(Semaphore::new(4));
    let mut running = JoinSet::new();
    let only = std::env::var("TYPHON_HOSTILE").unwrap_or_default();
    for program in programs.into_iter().filter(|program| program.name.contains(&only)) {
        let (trial, room) = (trial.clone(), room.clone());
        running.spawn(async move {
            let _permit = room.acquire().await.expect("never closed");
            let began = Instant::now();
            let mut wrong: Vec<String> = trial.fresh(&program).await.into_iter().collect();
            let middle = began.elapsed();
            if !program.options.fresh {
                wrong.extend(trial.in_session(&program).await);
            }
            wrong.extend(trial.neighbour().await);
            (program, wrong, middle, began.elapsed())
        });
    }
    let mut all = Vec::new();
    while let Some(ended) = running.join_next().await {
        let (program, wrong, fresh, took) = ended.expect("the trial itself is sound");
        println!("{:?} {:?} {}: {}", took, fresh, program.group, program.name);
        all.extend(wrong.into_iter().map(|wrong| format!("{}: {}: {wrong}", program.group, program.name)));
    }
    all.sort();
    assert!(all.is_empty(), "{} wrong:\n{}", all.len(), all.join("\n"));
}

struct Trial {
    client: ExecutionServiceClient<Channel>,
    channel: Channel,
    level: v1::IsolationLevel,
    neighbour: String,
}

impl Trial {
    async fn new(client: ExecutionServiceClient<Channel>, channel: Channel, level: v1::IsolationLevel) -> Trial {
        let mut trial = Trial { client, channel, level, neighbour: String::new() };
        trial.neighbour = trial.open(None).await;
        let text = format!("class CanaryClass: pass\nsecret = '{SECRET}'\nx = 12345");
        trial.within(&trial.neighbour, source(text)).await.expect("it runs");
        trial
    }

    fn policy(&self) -> Option<v1::Policy> {
        Some(v1::Policy { isolation: self.level.into(), ..v1::Policy::default() })
    }

    async fn open(&self, threads: Option<i32>) -> String {
        let limits = v1::Limits { heap_bytes: Some(HEAP), max_threads: threads, ..v1::Limits::default() };
        let session = v1::Session { policy: self.policy(), limits: Some(limits), ..v1::Session::default() };
        let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
        let session = self.sessions().create_session(request).await.expect("a session").into_inner().session;
        let session = session.expect("its state");
        assert_eq!(session.isolation(), self.level);
        session.name
    }

    fn sessions(&self) -> SessionServiceClient<Channel> {
        SessionServiceClient::new(self.channel.clone())
    }

    async fn run(&self, request: v1::ExecuteRequest) -> Result<v1::ExecuteResponse, String> {
        let response = self.client.clone().execute(request).await;
        let response = response.map_err(|status| format!("refused: {status:?}"))?.into_inner();
        let bytes = response.encode_to_vec();
        match bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()) {
            true => Err("it tells its neighbour's secret".to_owned()),
            false => Ok(response),
        }
    }

    async fn within(&self, session: &str, request: v1::ExecuteRequest) -> Result<v1::ExecuteResponse, String> {
        let target = Some(v1::execute_request::Target::Session(session.to_owned()));
        self.run(v1::ExecuteRequest { target, ..request }).await
    }

    async fn fresh(&self, program: &Program) -> Option<String> {
        let short = if program.prepare.is_empty() { SHORT } else { PREPARED };
        let mut request = request(program, &program.whole(), short);
        let limits = request.limits.get_or_insert_default();
        (limits.heap_bytes, limits.max_threads) = (Some(HEAP), program.options.threads);
        request.policy = self.policy();
        match self.run(request).await {
            Ok(response) => wrong_end(program, &response).map(|wrong| format!("alone: {wrong}")),
            Err(wrong) => Some(format!("alone: {wrong}")),
        }
    }

    async fn in_session(&self, program: &Program) -> Option<String> {
        let name = self.open(program.options.threads).await;
        let wrong = self.stay(program, &name).await.err();
        self.sessions().delete_session(v1::DeleteSessionRequest { name }).await.expect("it can be deleted");
        wrong.map(|wrong| format!("in a session: {wrong}"))
    }

    async fn stay(&self, program: &Program, name: &str) -> Result<(), String> {
        if !program.prepare.is_empty() {
            let response = self.within(name, patient(source(program.prepare.as_str()))).await?;
            if suite::end(&response) != "COMPLETED" {
                return Err(format!("prepared: {:?}", response.outcome));
            }
        }
        let response = self.within(name, request(program, &program.text, SHORT)).await?;
        if let Some(wrong) = wrong_end(program, &response) {
            return Err(wrong);
        }
        if !response.outcome.is_some_and(|outcome| outcome.session_survives) {
            if end_without_session(program) {
                return Err("the session is lost".to_owned());
            }
            let reset = v1::ResetSessionRequest { name: name.to_owned() };
            self.sessions().reset_session(reset).await.map_err(|status| format!("reset: {status:?}"))?;
        }
        let response = self.within(name, patient(source("1+1"))).await?;
        match int(&response) {
            Some(2) => Ok(()),
            _ => Err(format!("the session cannot go on: {:?}", response.outcome)),
        }
    }

    /// Somebody else, who is there all the time.
    async fn neighbour(&self) -> Option<String> {
        let response = self.within(&self.neighbour, patient(source("x"))).await;
        match response {
            Ok(response) if int(&response) == Some(12345) => None,
            Ok(response) => Some(format!("the neighbour has lost {:?}", response.outcome)),
            Err(wrong) => Some(format!("the neighbour: {wrong}")),
        }
    }
}

/// Only a full heap takes a session along.
fn end_without_session(program: &Program) -> bool {
    !program.ends.iter().any(|end| end == "MEMORY")
}

fn request(program: &Program, text: &str, short: Duration) -> v1::ExecuteRequest {
    use v1::output_options::Overflow;
    let options = &program.options;
    let wall = options.wall.unwrap_or(if program.is_timed() { short } else { LONG });
    let limits =
        v1::Limits { wall_time: time(wall), cpu_time: time(options.cpu.unwrap_or(LONG)), ..v1::Limits::default() };
    let overflow = if options.stop { Overflow::Stop } else { Overflow::TruncateTail };
    let output = v1::OutputOptions { overflow: overflow.into(), ..v1::OutputOptions::default() };
    let result_mode = if options.repr { v1::ResultMode::Repr } else { v1::ResultMode::LastExpression };
    v1::ExecuteRequest { limits: Some(limits), output: Some(output), result_mode: result_mode.into(), ..source(text) }
}

fn patient(request: v1::ExecuteRequest) -> v1::ExecuteRequest {
    let limits = v1::Limits { wall_time: time(LONG), cpu_time: time(LONG), ..v1::Limits::default() };
    v1::ExecuteRequest { limits: Some(limits), ..request }
}

fn time(time: Duration) -> Option<prost_types::Duration> {
    time.try_into().ok()
}

fn wrong_end(program: &Program, response: &v1::ExecuteResponse) -> Option<String> {
    let end = suite::end(response);
    (!program.allows(&end))
        .then(|| format!("it ended with {end}, not {}: {:?}", program.ends.join(" or "), response.outcome))
}

fn int(response: &v1::ExecuteResponse) -> Option<i64> {
    match response.result.as_ref()?.kind.as_ref()? {
        Kind::IntValue(n) => Some(*n),
        _ => None,
    }
}
