//! `typhon bench`: Execute of `1+1` against an empty unary call, same client, same run, and how long each takes at four fifths of
//! what it can do; then what sessions cost.

mod forks;
mod hostile;
mod paced;
mod sessions;
mod soak;
mod suite;

use std::ffi::OsString;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use tonic::transport::{Channel, Server};
use tonic::{Request, Response, Status};
use typhon_proto::v1;
use typhon_proto::v1::execution_service_client::ExecutionServiceClient;
use typhon_proto::v1::runtime_service_client::RuntimeServiceClient;
use typhon_proto::v1::runtime_service_server::{RuntimeService, RuntimeServiceServer};
use typhon_vm::Exit;

use crate::serve::{plain, runtime};

/// Measure Execute of `1+1` against an empty gRPC call, and what sessions cost.
#[derive(Parser)]
#[command(name = "typhon bench", disable_version_flag = true)]
struct Args {
    /// Seconds per measurement.
    #[arg(long, default_value_t = 2)]
    seconds: u64,
    /// Calls in flight.
    #[arg(long, default_value_t = 32)]
    tasks: usize,
    /// Rounds; each measures both, and the median ratio is reported.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Idle sessions whose memory is measured.
    #[arg(long, default_value_t = 1000)]
    idle: usize,
    /// Where guests run, as in the server's setting of this name; in this process without it.
    #[arg(long)]
    isolation: Option<String>,
    /// Instead of all that: run the hostile programs of this folder, and tell how late each ends.
    #[arg(long)]
    hostile: Option<std::path::PathBuf>,
    /// Instead: all that a server offers, as fast as it can, for so many minutes; fails if its memory grows.
    #[arg(long)]
    soak: Option<f64>,
}

/// The part of what it can do at which calls' times are looked at.
const PACED: f64 = 0.8;

/// A unary method that does nothing: what tonic alone costs.
struct Empty;

#[tonic::async_trait]
impl RuntimeService for Empty {
    async fn get_capabilities(
        &self,
        _: Request<v1::GetCapabilitiesRequest>,
    ) -> Result<Response<v1::GetCapabilitiesResponse>, Status> {
        Ok(Response::new(v1::GetCapabilitiesResponse::default()))
    }

    async fn get_usage(&self, _: Request<v1::GetUsageRequest>) -> Result<Response<v1::GetUsageResponse>, Status> {
        Ok(Response::new(v1::GetUsageResponse::default()))
    }
}

pub fn main(words: &[OsString]) -> anyhow::Result<Exit> {
    let args = match crate::serve::parse::<Args>("typhon bench", words) {
        Ok(args) => args,
        Err(exit) => return Ok(exit),
    };
    // As the calls themselves: a thread of its own would be woken for each of them, and take the processor from others.
    runtime()?.block_on(async { tokio::spawn(async move { measure(&args).await }).await })?
}

async fn measure(args: &Args) -> anyhow::Result<Exit> {
    if let Some(minutes) = args.soak {
        soak::soak(minutes, args.tasks).await?;
        return Ok(Exit::Status(0));
    }
    if let Some(folder) = &args.hostile {
        let settings = [("isolation_least", "in_process".to_owned()), ("processes_spare", "2".to_owned())];
        let server = crate::serve::start_confined(&settings).await?;
        hostile::measure(&connect(server.address())?, folder).await?;
        server.drain(async {}).await.map_err(plain)?;
        return Ok(Exit::Status(0));
    }
    let server = match &args.isolation {
        None => crate::serve::start_local().await?,
        Some(level) => crate::serve::start_confined(&[("isolation", level.clone())]).await?,
    };
    let typhon = connect(server.address())?;
    let incoming = tonic::transport::server::TcpIncoming::bind(([127, 0, 0, 1], 0).into())?.with_nodelay(Some(true));
    let empty = connect(incoming.local_addr()?)?;
    let serving =
        tokio::spawn(Server::builder().add_service(RuntimeServiceServer::new(Empty)).serve_with_incoming(incoming));

    let span = Duration::from_secs(args.seconds);
    let (channel, other) = (typhon.clone(), empty.clone());
    let execute = move || {
        let mut client = ExecutionServiceClient::new(channel.clone());
        async move { client.execute(one_plus_one()).await.map(|response| response.into_inner().outcome.is_some()) }
    };
    let nothing = move || {
        let mut client = RuntimeServiceClient::new(other.clone());
        async move { client.get_capabilities(v1::GetCapabilitiesRequest {}).await.map(|_| true) }
    };
    let first = ExecutionServiceClient::new(typhon.clone()).execute(one_plus_one()).await?.into_inner();
    println!("1+1 ends with {}", first.outcome.unwrap_or_default().reason().as_str_name());
    let (mut ratios, mut rates) = (Vec::new(), Vec::new());
    for _ in 0..args.rounds.max(1) {
        let (base, base_used) = throughput(args.tasks, span, nothing.clone()).await?;
        let (ours, ours_used) = throughput(args.tasks, span, execute.clone()).await?;
        println!("empty unary {base:8.0}/s   Execute 1+1 {ours:8.0}/s   ratio {:.3}", ours / base);
        println!("processor time, client and server: {base_used:.1?}, and {ours_used:.1?}");
        ratios.push(ours / base);
        rates.push(ours);
    }
    ratios.sort_by(f64::total_cmp);
    rates.sort_by(f64::total_cmp);
    println!("median ratio {:.3}", ratios[ratios.len() / 2]);
    let rate = rates[rates.len() / 2] * PACED;
    paced::show("Execute 1+1", rate, &paced::times(rate, span, execute).await?);
    sessions::life(&typhon, &empty, span).await?;
    forks::all(&typhon).await?;
    serving.abort();
    sessions::idle(&typhon, args.idle).await?;
    server.drain(async {}).await.map_err(plain)?;
    Ok(Exit::Status(0))
}

fn connect(address: impl std::fmt::Display) -> anyhow::Result<Channel> {
    let url = format!("http://{address}");
    // The empty server accepts once it is spawned, so the connection is made at the first call.
    Ok(Channel::from_shared(url).context("a URL")?.connect_lazy())
}

fn one_plus_one() -> v1::ExecuteRequest {
    v1::ExecuteRequest {
        code: Some(v1::execute_request::Code::Source(v1::Source { text: b"1+1".to_vec(), filename: String::new() })),
        result_mode: v1::ResultMode::LastExpression.into(),
        ..v1::ExecuteRequest::default()
    }
}

/// Calls per second with `tasks` in flight, and the processor time of each.
async fn throughput<F, R>(tasks: usize, span: Duration, call: F) -> anyhow::Result<(f64, Duration)>
where
    F: Fn() -> R + Clone + Send + 'static,
    R: Future<Output = Result<bool, Status>> + Send + 'static,
{
    let (started, before) = (Instant::now(), sessions::processor_time()?);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..tasks.max(1) {
        let call = call.clone();
        running.spawn(async move {
            let mut done = 0u64;
            while started.elapsed() < span {
                done += u64::from(call().await?);
            }
            Ok::<u64, Status>(done)
        });
    }
    let mut done = 0u64;
    while let Some(ended) = running.join_next().await {
        done += ended??;
    }
    let used = sessions::processor_time()?.saturating_sub(before).as_secs_f64() / done.max(1) as f64;
    Ok((done as f64 / started.elapsed().as_secs_f64(), Duration::from_secs_f64(used)))
}
