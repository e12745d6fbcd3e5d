//! What a session costs: to make, use and end; and to keep.

use std::time::{Duration, Instant};

use anyhow::Context;
use tonic::transport::Channel;
use typhon_proto::v1;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_proto::v1::runtime_service_client::RuntimeServiceClient;
use typhon_proto::v1::session_service_client::SessionServiceClient;

use super::one_plus_one;

/// Before anything is counted.
const WARM: usize = 50;

/// One session after another: created, `1+1`, deleted. Three empty calls, in between, say what the machine and gRPC take.
pub async fn life(channel: &Channel, empty: &Channel, span: Duration) -> anyhow::Result<()> {
    let (mut times, mut floor) = (Vec::new(), Vec::new());
    let mut used = Duration::ZERO;
    let end = Instant::now() + span;
    while times.len() < WARM || Instant::now() < end {
        let (began, before) = (Instant::now(), processor_time()?);
        let name = create(channel, v1::Session::default()).await?;
        run(channel, &name).await?;
        delete(channel, name).await?;
        times.push(began.elapsed());
        used += processor_time()?.saturating_sub(before);
        let began = Instant::now();
        for _ in 0..3 {
            RuntimeServiceClient::new(empty.clone()).get_capabilities(v1::GetCapabilitiesRequest {}).await?;
        }
        floor.push(began.elapsed());
    }
    println!("session create, 1+1, delete: {:?} of processor time, client and server", used / times.len() as u32);
    show("session create, 1+1, delete", times.split_off(WARM));
    show("three empty calls", floor.split_off(WARM));
    Ok(())
}

/// What this process has used of the processor: on a busy machine this tells more than the clock.
pub fn processor_time() -> anyhow::Result<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Ok(Duration::new(u64::try_from(time.tv_sec)?, u32::try_from(time.tv_nsec)?))
}

pub fn show(what: &str, mut times: Vec<Duration>) {
    times.sort_unstable();
    let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
    if !times.is_empty() {
        println!("{what}: p50 {:?}, p99 {:?}, of {}", at(0.5), at(0.99), times.len());
    }
}

/// Memory of sessions that have run something and rest.
pub async fn idle(channel: &Channel, count: usize) -> anyhow::Result<()> {
    if count == 0 {
        return Ok(());
    }
    let before = resident()?;
    let mut names = Vec::with_capacity(count);
    for _ in 0..count {
        let name = create(channel, v1::Session::default()).await?;
        run(channel, &name).await?;
        names.push(name);
    }
    let with = resident()?;
    println!("{count} idle sessions: {} KiB each", with.saturating_sub(before) / count as u64 / 1024);
    for name in names {
        delete(channel, name).await?;
    }
    Ok(())
}

pub async fn create(channel: &Channel, session: v1::Session) -> anyhow::Result<String> {
    let mut client = SessionServiceClient::new(channel.clone());
    let request = v1::CreateSessionRequest { session: Some(session), ..v1::CreateSessionRequest::default() };
    let answer = client.create_session(request).await?.into_inner();
    Ok(answer.session.context("a session")?.name)
}

pub async fn run(channel: &Channel, name: &str) -> anyhow::Result<()> {
    let target = Some(v1::execute_request::Target::Session(name.to_owned()));
    let request = v1::ExecuteRequest { target, ..one_plus_one() };
    let answer = ExecutionServiceClient::new(channel.clone()).execute(request).await?.into_inner();
    let survives = answer.outcome.is_some_and(|outcome| outcome.session_survives);
    survives.then_some(()).context("the session is lost")
}

pub async fn delete(channel: &Channel, name: String) -> anyhow::Result<()> {
    SessionServiceClient::new(channel.clone()).delete_session(v1::DeleteSessionRequest { name }).await?;
    Ok(())
}

/// Bytes of this process, client and server in one, that are in memory.
fn resident() -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status").context("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("VmRSS")?;
    let kib: u64 = line.trim().trim_end_matches("kB").trim().parse().context("VmRSS")?;
    Ok(kib * 1024)
}
