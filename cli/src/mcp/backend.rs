//! The server behind the tools: a channel, and the budget that every program gets.

use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::sync::Mutex;
use typhon_client::{Client, Error, Retry, Run, Session, v1};
use typhon_service::Server;

use super::Args;
use crate::serve::start_confined;

/// What programs may use, as the command line says.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    pub wall_time: Duration,
    pub heap_bytes: Option<i64>,
    pub output_bytes: i64,
}

pub struct Backend {
    typhon: Client,
    /// The one in this process; taken when it is drained.
    local: Mutex<Option<Local>>,
    pub budget: Budget,
}

/// Larger than any message the server sends by default.
const MESSAGE_MAX: usize = 64 << 20;

impl Backend {
    pub async fn open(args: &Args) -> anyhow::Result<Backend> {
        let wall_time = Duration::try_from_secs_f64(args.timeout).context("--timeout")?;
        if wall_time.is_zero() {
            bail!("--timeout: nothing runs in no time");
        }
        let budget = Budget {
            wall_time,
            heap_bytes: args.memory.map(|memory| i64::from(memory) << 20),
            output_bytes: i64::from(args.output) << 10,
        };
        let local = match args.whereto.server {
            Some(_) => None,
            None => Some(Local::start(args, wall_time).await?),
        };
        let url = match (&args.whereto.server, &local) {
            (Some(url), _) => url.clone(),
            (None, Some(local)) => local.server.address().to_string(),
            (None, None) => bail!("no server"),
        };
        // A call that is cancelled is to end at once, so no request has an id that would keep it.
        let typhon = args.whereto.connect(&url, MESSAGE_MAX).await?.with_retry(Retry::never());
        Ok(Backend { typhon, local: Mutex::new(local), budget })
    }

    pub fn stream(&self, request: v1::ExecuteRequest) -> Run {
        self.typhon.stream(request)
    }

    pub async fn create_session(&self) -> Result<String, Error> {
        let session = v1::Session {
            limits: Some(v1::Limits { heap_bytes: self.budget.heap_bytes, ..self.limits(self.budget.wall_time) }),
            ..v1::Session::default()
        };
        Ok(self.typhon.session(session).await?.name().to_owned())
    }

    pub fn session(&self, name: String) -> Session {
        self.typhon.attach_session(name, "")
    }

    /// The budget of one execution; memory is a fresh isolate's own, and otherwise its session's.
    pub fn limits(&self, wall_time: Duration) -> v1::Limits {
        let output = Some(self.budget.output_bytes);
        let wall_time = Some(prost_types::Duration {
            seconds: i64::try_from(wall_time.as_secs()).unwrap_or(i64::MAX),
            nanos: wall_time.subsec_nanos().cast_signed(),
        });
        v1::Limits {
            wall_time,
            cpu_time: wall_time,
            stdout_bytes: output,
            stderr_bytes: output,
            ..v1::Limits::default()
        }
    }

    /// Ends the server in this process.
    pub async fn close(&self) {
        if let Some(local) = self.local.lock().await.take()
            && let Err(error) = local.server.drain(std::future::ready(())).await
        {
            eprintln!("typhon: {error}");
        }
    }
}

/// The server in this process: on a unix socket that nobody else can reach.
struct Local {
    server: Server,
    /// Where the socket lies; goes with the server.
    _folder: TempDir,
}

impl Local {
    async fn start(args: &Args, wall_time: Duration) -> anyhow::Result<Local> {
        let folder = tempfile::tempdir()?;
        let socket = folder.path().join("typhon.sock");
        // So that it lowers none of what the command line allows.
        let time = format!("{}ms", wall_time.as_millis().max(1));
        let mut settings = vec![
            ("listen", format!("unix:{}", socket.display())),
            ("wall_time_max", time.clone()),
            ("cpu_time_max", time),
            ("output_max", format!("{}KiB", args.output.max(1))),
        ];
        if let Some(memory) = args.memory {
            settings.push(("heap_max", format!("{memory}MiB")));
        }
        Ok(Local { server: start_confined(&settings).await?, _folder: folder })
    }
}

/// A refusal as one line.
pub fn refusal(error: &Error) -> String {
    match error {
        Error::Refused { .. } => format!("refused: {error}"),
        Error::Lost { message, code } => format!("no answer: {message} ({code:?})"),
        other => format!("no answer: {other}"),
    }
}

/// The session is not there any more.
pub fn is_gone(error: &Error) -> bool {
    matches!(error, Error::Refused { code: tonic::Code::NotFound, .. })
}
