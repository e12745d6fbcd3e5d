//! What a client asks for: programs that end in every way, alone; `kept.rs` has what lasts.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use tonic::transport::Channel;
use typhon_client::{Client, End, Functions, Program, Raise, Retry};
use typhon_proto::v1;
use typhon_proto::v1::TerminationReason as Reason;
use typhon_proto::v1::batch_execute_request::Message as Asked;
use typhon_proto::v1::batch_execute_response::Message as Told;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_proto::v1::program_service_client::ProgramServiceClient;
use typhon_proto::v1::value::Kind as Value;

#[derive(Clone, Copy)]
pub enum Act {
    Unary,
    Dedicated,
    Stream,
    GoAway,
    Callbacks,
    Fail,
    Limit,
    Refuse,
    Kept,
    Cancel,
    Batch,
    Program,
    Threads,
    Hot,
    Import,
    Session,
    Expire,
    Template,
    Snapshot,
}

/// How often each is done among the others, what it is called, and what it is.
pub const MIX: [(u32, &str, Act); 19] = [
    (400, "Execute", Act::Unary),
    (5, "Execute in a process of its own", Act::Dedicated),
    (60, "StreamExecute", Act::Stream),
    (40, "clients that go away", Act::GoAway),
    (40, "Interact, with callbacks", Act::Callbacks),
    (80, "exceptions and exits", Act::Fail),
    (60, "limits", Act::Limit),
    (40, "refusals", Act::Refuse),
    (40, "kept executions", Act::Kept),
    (30, "kept executions that are cancelled", Act::Cancel),
    (20, "BatchExecute of ten cases", Act::Batch),
    (20, "programs by name", Act::Program),
    (30, "programs of several threads", Act::Threads),
    (60, "loops that are compiled", Act::Hot),
    (40, "programs that import", Act::Import),
    (60, "sessions, with files and interrupts", Act::Session),
    (10, "sessions that expire", Act::Expire),
    (3, "templates, copies and forks", Act::Template),
    (15, "snapshots", Act::Snapshot),
];

/// What no program needs that is to complete, beside all the others on a busy machine.
const LONG: Duration = Duration::from_secs(120);
const SHORT: Duration = Duration::from_millis(10);
/// Programs that come again and again, beside those that never do.
const KNOWN: u64 = 64;

pub struct Load {
    pub channel: Channel,
    pub client: Client,
    random: u64,
    /// Requests so far.
    pub sent: u64,
}

impl Load {
    pub fn new(channel: Channel, client: Client, seed: u64) -> Load {
        Load { channel, client, random: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1, sent: 0 }
    }

    /// A row of the mix.
    pub fn pick(&mut self) -> usize {
        let all: u32 = MIX.iter().map(|(weight, ..)| weight).sum();
        let mut at = self.below(all.into()) as u32;
        let found = MIX.iter().position(|(weight, ..)| {
            let here = at < *weight;
            at = at.saturating_sub(*weight);
            here
        });
        found.unwrap_or_default()
    }

    pub async fn act(&mut self, act: Act) -> anyhow::Result<()> {
        match act {
            Act::Unary => self.unary(None).await,
            Act::Dedicated => self.unary(Some(v1::IsolationLevel::DedicatedProcess)).await,
            Act::Stream => self.stream().await,
            Act::GoAway => self.go_away().await,
            Act::Callbacks => self.callbacks().await,
            Act::Fail => self.fail().await,
            Act::Limit => self.limit().await,
            Act::Refuse => self.refuse().await,
            Act::Kept => self.kept().await,
            Act::Cancel => self.cancel().await,
            Act::Batch => self.batch().await,
            Act::Program => self.program_by_name().await,
            Act::Threads => self.completes(THREADS.to_owned()).await,
            Act::Hot => self.hot().await,
            Act::Import => self.import().await,
            Act::Session => self.session().await,
            Act::Expire => self.expire().await,
            Act::Template => self.template().await,
            Act::Snapshot => self.snapshot().await,
        }
    }

    /// Marsaglia's xorshift: any numbers will do.
    pub fn below(&mut self, end: u64) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random % end
    }

    pub fn level(&mut self) -> v1::IsolationLevel {
        [v1::IsolationLevel::InProcess, v1::IsolationLevel::WorkerProcess][self.below(2) as usize]
    }

    pub fn policy(&mut self) -> v1::Policy {
        v1::Policy { isolation: self.level().into(), ..v1::Policy::default() }
    }

    /// A program for one of the levels; one of four has never been seen.
    pub fn program(&mut self, mut text: String) -> Program {
        if self.below(4) == 0 {
            text.push_str(&format!("\n# {}", self.below(u64::MAX)));
        }
        let mut program = Program::new(text).wall_time(LONG);
        program.request.policy = Some(self.policy());
        program
    }

    async fn unary(&mut self, level: Option<v1::IsolationLevel>) -> anyhow::Result<()> {
        let n = self.below(KNOWN);
        let mut request = self.program(format!("sum(range({n}))")).request;
        if let Some(level) = level {
            request.policy.get_or_insert_default().isolation = level.into();
        }
        let response = self.execute(request).await?;
        number(&response, n as i64 * (n as i64 - 1) / 2)
    }

    async fn execute(&mut self, request: v1::ExecuteRequest) -> anyhow::Result<v1::ExecuteResponse> {
        self.sent += 1;
        Ok(ExecutionServiceClient::new(self.channel.clone()).execute(request).await?.into_inner())
    }

    pub async fn end(&mut self, program: Program) -> anyhow::Result<End> {
        self.sent += 1;
        Ok(self.client.run(program).await?)
    }

    async fn completes(&mut self, text: String) -> anyhow::Result<()> {
        let program = self.program(text);
        ended(&self.end(program).await?, Reason::Completed)
    }

    async fn stream(&mut self) -> anyhow::Result<()> {
        let lines = self.below(2000);
        let program = self.program(format!("for i in range({lines}): print('line', i)"));
        let end = self.end(program).await?;
        ended(&end, Reason::Completed)?;
        let seen = end.stdout.iter().filter(|byte| **byte == b'\n').count() as u64;
        ensure!(seen == lines, "{seen} of {lines} lines");
        Ok(())
    }

    async fn go_away(&mut self) -> anyhow::Result<()> {
        self.sent += 1;
        if self.below(2) == 0 {
            let program = self.program("while True: print('x' * 200)".to_owned());
            let mut run = self.client.stream(program);
            for _ in 0..3 {
                run.next().await?.context("it writes for ever")?;
            }
        } else {
            let request = self.program("while True: pass".to_owned()).request;
            let mut client = ExecutionServiceClient::new(self.channel.clone());
            ensure!(tokio::time::timeout(SHORT, client.execute(request)).await.is_err(), "it computes for ever");
        }
        Ok(())
    }

    async fn callbacks(&mut self) -> anyhow::Result<()> {
        let functions = Functions::new()
            .add("twice", |call| async move {
                match call.args.first().and_then(|value| value.kind.as_ref()) {
                    Some(Value::IntValue(n)) => Ok(n * 2),
                    _ => Err(Raise::new("TypeError", "an int is wanted")),
                }
            })
            .add("never", |_| async { Err::<(), _>(Raise::new("KeyError", "nothing")) });
        let program = self.program(CALLS.to_owned());
        self.sent += 1;
        let end = self.client.interact(program, functions).end().await?;
        number(&end.response, 381)
    }

    async fn fail(&mut self) -> anyhow::Result<()> {
        let (text, reason) = FAILURES[self.below(FAILURES.len() as u64) as usize];
        let program = self.program(text.to_owned());
        ended(&self.end(program).await?, reason)
    }

    async fn limit(&mut self) -> anyhow::Result<()> {
        let short = SHORT.try_into().ok();
        let none = v1::Limits { wall_time: LONG.try_into().ok(), ..v1::Limits::default() };
        let (text, limits, reason) = match self.below(6) {
            0 => (FOREVER, v1::Limits { wall_time: short, ..none }, Reason::WallTime),
            1 => (FOREVER, v1::Limits { cpu_time: short, ..none }, Reason::CpuTime),
            2 => (FOREVER, v1::Limits { instructions: Some(100_000), ..none }, Reason::Instructions),
            3 => ("x = [0] * 10**7", v1::Limits { heap_bytes: Some(16 << 20), ..none }, Reason::Memory),
            4 => ("import time\ntime.sleep(100)", v1::Limits { sleep_time: short, ..none }, Reason::Sleep),
            _ => ("print('x' * 100000)", v1::Limits { stdout_bytes: Some(1000), ..none }, Reason::Output),
        };
        let mut program = self.program(text.to_owned()).limits(limits);
        let overflow = v1::output_options::Overflow::Stop.into();
        program.request.output = Some(v1::OutputOptions { overflow, ..v1::OutputOptions::default() });
        ended(&self.end(program).await?, reason)
    }

    async fn refuse(&mut self) -> anyhow::Result<()> {
        let mut request = Program::new("1").request;
        let (reason, target) = match self.below(3) {
            0 => ("SESSION_NOT_FOUND", v1::execute_request::Target::Session("sessions/nobody".into())),
            1 => ("TEMPLATE_NOT_FOUND", v1::execute_request::Target::Template("templates/nobody".into())),
            _ => ("INVALID_REQUEST", v1::execute_request::Target::Session("no name".into())),
        };
        request.target = Some(target);
        self.sent += 1;
        match self.client.run(request).await {
            Err(error) if error.reason() == Some(reason) => Ok(()),
            Err(error) => Err(error).with_context(|| format!("instead of {reason}")),
            Ok(end) => bail!("{:?} instead of {reason}", end.reason()),
        }
    }

    async fn kept(&mut self) -> anyhow::Result<()> {
        let program = self.program("print('kept')\n7".to_owned());
        let execution = self.client.clone().with_retry(Retry::default()).start(program).await?;
        number(&execution.end().await?.response, 7)?;
        self.sent += 3;
        match self.below(2) {
            0 => Ok(execution.delete().await?),
            _ => Ok(execution.get().await.map(drop)?),
        }
    }

    async fn cancel(&mut self) -> anyhow::Result<()> {
        let program = self.program(FOREVER.to_owned());
        let execution = self.client.clone().with_retry(Retry::default()).start(program).await?;
        execution.cancel().await?;
        self.sent += 3;
        match execution.end().await {
            Ok(end) => ended(&end, Reason::CancelledByClient),
            // It had not begun.
            Err(error) if error.reason() == Some("CANCELLED") => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn batch(&mut self) -> anyhow::Result<()> {
        let request = self.program("print(int(input()) * 2)".to_owned()).request;
        let setup = Asked::Setup(Box::new(v1::BatchSetup { request: Some(request), ..v1::BatchSetup::default() }));
        let case = |n: i32| v1::BatchCase {
            id: n.to_string(),
            stdin: Some(format!("{n}\n").into()),
            expected_stdout: Some((n * 2).to_string().into()),
            ..v1::BatchCase::default()
        };
        let asked: Vec<_> = std::iter::once(setup)
            .chain((0..10).map(|n| Asked::Case(Box::new(case(n)))))
            .map(|message| v1::BatchExecuteRequest { message: Some(message) })
            .collect();
        self.sent += 10;
        let mut client = ExecutionServiceClient::new(self.channel.clone());
        let mut answers = client.batch_execute(tokio_stream::iter(asked)).await?.into_inner();
        let mut passed = 0;
        while let Some(answer) = answers.message().await? {
            if let Some(Told::Summary(summary)) = answer.message {
                passed = summary.passed;
            }
        }
        ensure!(passed == 10, "{passed} of 10 cases");
        Ok(())
    }

    async fn program_by_name(&mut self) -> anyhow::Result<()> {
        let text = format!("import string\nlen(string.ascii_letters) + {}", self.below(u64::MAX >> 32)).into();
        let source = Some(v1::Source { text, ..v1::Source::default() });
        let mut programs = ProgramServiceClient::new(self.channel.clone());
        let made = programs.create_program(v1::CreateProgramRequest { source }).await?.into_inner();
        let name = made.program.context("it compiles")?.name;
        let mut program = Program::named(name.as_str()).wall_time(LONG);
        program.request.policy = Some(self.policy());
        ended(&self.end(program).await?, Reason::Completed)?;
        self.sent += 1;
        if self.below(2) == 0 {
            self.sent += 1;
            programs.delete_program(v1::DeleteProgramRequest { name }).await?;
        }
        Ok(())
    }

    async fn hot(&mut self) -> anyhow::Result<()> {
        let step = self.below(KNOWN);
        self.completes(format!("s = 0\nfor i in range(20000):\n    s = (s * 3 + i + {step}) % 1000003\ns")).await
    }

    async fn import(&mut self) -> anyhow::Result<()> {
        let module = MODULES[self.below(MODULES.len() as u64) as usize];
        self.completes(format!("import {module}\nassert {module}.__name__ == '{module}'")).await
    }
}

pub fn ended(end: &End, reason: Reason) -> anyhow::Result<()> {
    ensure!(end.reason() == reason, "{:?} instead of {}", end.response.outcome, reason.as_str_name());
    Ok(())
}

pub fn number(response: &v1::ExecuteResponse, wanted: i64) -> anyhow::Result<()> {
    match response.result.as_ref().and_then(|value| value.kind.as_ref()) {
        Some(Value::IntValue(n)) if *n == wanted => Ok(()),
        other => bail!("{other:?} instead of {wanted}, {:?}", response.outcome),
    }
}

const MODULES: &[&str] = &["json", "re", "decimal", "asyncio", "dataclasses", "datetime", "collections", "typing"];

const FOREVER: &str = "while True: pass";

const FAILURES: &[(&str, Reason)] = &[
    ("1 / 0", Reason::Exception),
    ("def f(:", Reason::CompileError),
    ("def f(): f()\nf()", Reason::Stack),
    ("raise ValueError('x' * 10000)", Reason::Exception),
    ("try: {}[1]\nexcept KeyError as e: raise ExceptionGroup('all', [e, OSError(2)])", Reason::Exception),
    ("open('/etc/passwd')", Reason::Exception),
    ("import socket\nsocket.create_connection(('127.0.0.1', 1))", Reason::Exception),
    ("import sys\nsys.exit(3)", Reason::Exit),
    (
        "class A:\n    def __del__(self): self.a = self\na = [A() for _ in range(100)]\na[0].b = a\nnothing",
        Reason::Exception,
    ),
];

const CALLS: &str = "
total = 0
for i in range(20):
    total += twice(i)
try:
    never()
except KeyError:
    total += 1
total
";

const THREADS: &str = "
import threading
done = []
threads = [threading.Thread(target=lambda n=n: done.append(sum(range(n)))) for n in range(4)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert len(done) == 4
";
