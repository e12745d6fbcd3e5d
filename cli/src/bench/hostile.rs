//! The hostile suite with a watch: how late programs end that only a limit ends, and what a neighbour notices of them.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::sync::watch;
use tonic::transport::Channel;
use typhon_proto::v1;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_proto::v1::session_service_client::SessionServiceClient;

use super::one_plus_one;
use super::suite::{self, Program};

/// What a program has that only a limit ends.
const LIMIT: Duration = Duration::from_millis(300);
const PATIENCE: Duration = Duration::from_secs(20);
/// How late an answer may come.
const ALLOWED: Duration = Duration::from_millis(10);
const HEAP: i64 = 64 << 20;
const QUIET: Duration = Duration::from_secs(2);

/// What was seen at one level.
#[derive(Default)]
struct Seen {
    late: Vec<(Duration, String)>,
    wrong: Vec<String>,
    timed: usize,
}

pub async fn measure(channel: &Channel, folder: &Path) -> anyhow::Result<()> {
    let programs = suite::read(folder).map_err(anyhow::Error::msg)?;
    use v1::IsolationLevel::{DedicatedProcess, InProcess, WorkerProcess};
    for level in [InProcess, WorkerProcess, DedicatedProcess] {
        let neighbour = open(channel, DedicatedProcess).await?;
        let quiet = p99(watch_for(channel, &neighbour, tokio::time::sleep(QUIET)).await?);
        let mut seen = Seen::default();
        let beside = watch_for(channel, &neighbour, async {
            for program in &programs {
                if let Err(error) = seen.run(channel, program, level).await {
                    seen.wrong.push(format!("{}: {error}", program.name));
                }
            }
        });
        let beside = p99(beside.await?);
        seen.show(level, programs.len());
        let times = beside.as_secs_f64() / quiet.as_secs_f64();
        println!("  a neighbour's 1+1: p99 {quiet:?} when it is quiet, {beside:?} beside them, {times:.2} times");
    }
    Ok(())
}

impl Seen {
    async fn run(&mut self, channel: &Channel, program: &Program, level: v1::IsolationLevel) -> anyhow::Result<()> {
        use v1::output_options::Overflow;
        let options = &program.options;
        let wall = options.wall.unwrap_or(if program.is_timed() { LIMIT } else { PATIENCE });
        let overflow = if options.stop { Overflow::Stop } else { Overflow::TruncateTail };
        let mode = if options.repr { v1::ResultMode::Repr } else { v1::ResultMode::LastExpression };
        let limits = v1::Limits {
            wall_time: wall.try_into().ok(),
            cpu_time: options.cpu.unwrap_or(PATIENCE).try_into().ok(),
            heap_bytes: Some(HEAP),
            max_threads: options.threads,
            ..v1::Limits::default()
        };
        let source = v1::Source { text: program.whole().into(), filename: "hostile.py".into() };
        let request = v1::ExecuteRequest {
            code: Some(v1::execute_request::Code::Source(source)),
            limits: Some(limits),
            output: Some(v1::OutputOptions { overflow: overflow.into(), ..v1::OutputOptions::default() }),
            result_mode: mode.into(),
            policy: Some(v1::Policy { isolation: level.into(), ..v1::Policy::default() }),
            ..v1::ExecuteRequest::default()
        };
        let began = Instant::now();
        let response = ExecutionServiceClient::new(channel.clone()).execute(request).await?.into_inner();
        let took = began.elapsed();
        let end = suite::end(&response);
        // Where memory ends it in one minute, time may here.
        if !program.allows(&end) && end != "WALL_TIME" {
            self.wrong.push(format!("{}: {}: {end}", program.group, program.name));
        }
        if end == "WALL_TIME" {
            self.timed += 1;
            let queue = response.usage.and_then(|usage| usage.queue_time).and_then(|time| time.try_into().ok());
            let late = took.saturating_sub(wall).saturating_sub(queue.unwrap_or(Duration::ZERO));
            self.late.push((late, program.name.clone()));
        }
        Ok(())
    }

    fn show(&mut self, level: v1::IsolationLevel, all: usize) {
        self.late.sort_unstable_by(|a, b| b.cmp(a));
        let count = self.late.iter().take_while(|(late, _)| *late > ALLOWED).count();
        println!(
            "{}: {all} programs, {} ended by time, {count} more than {ALLOWED:?} late",
            level.as_str_name(),
            self.timed
        );
        for (late, name) in self.late.iter().take(count.max(3)) {
            println!("  {:7.2} ms  {name}", late.as_secs_f64() * 1e3);
        }
        for wrong in &self.wrong {
            println!("  WRONG {wrong}");
        }
    }
}

/// How long the neighbour's calls take as long as something goes on.
async fn watch_for(channel: &Channel, name: &str, what: impl Future<Output = ()>) -> anyhow::Result<Vec<Duration>> {
    let (over, mut heard) = watch::channel(false);
    let (channel, name) = (channel.clone(), Arc::<str>::from(name));
    let calls = tokio::spawn(async move {
        let mut times = Vec::new();
        while !*heard.borrow_and_update() {
            let target = Some(v1::execute_request::Target::Session(name.to_string()));
            let began = Instant::now();
            let request = v1::ExecuteRequest { target, ..one_plus_one() };
            ExecutionServiceClient::new(channel.clone()).execute(request).await?;
            times.push(began.elapsed());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        Ok::<_, tonic::Status>(times)
    });
    what.await;
    over.send_replace(true);
    Ok(calls.await??)
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    let at = (times.len().saturating_sub(1)) * 99 / 100;
    times.get(at).copied().unwrap_or_default()
}

async fn open(channel: &Channel, level: v1::IsolationLevel) -> anyhow::Result<String> {
    let policy = Some(v1::Policy { isolation: level.into(), ..v1::Policy::default() });
    let session = Some(v1::Session { policy, ..v1::Session::default() });
    let request = v1::CreateSessionRequest { session, ..v1::CreateSessionRequest::default() };
    let answer = SessionServiceClient::new(channel.clone()).create_session(request).await?.into_inner();
    Ok(answer.session.context("a session")?.name)
}
