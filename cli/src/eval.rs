//! `typhon eval FILE`: run a program over gRPC, on a server given or one started for it.

use std::ffi::OsString;
use std::io::{Read, Write};

use anyhow::{Context, bail};
use clap::Parser;
use typhon_client::{Run, v1};
use typhon_vm::Exit;

use crate::connect::Whereto;
use crate::serve::{plain, runtime, start_local};
use crate::show;

/// Run a program in a sandbox over gRPC: output as it comes, then the value of its last expression.
#[derive(Parser)]
#[command(name = "typhon eval", disable_version_flag = true)]
struct Args {
    /// The program; `-` is standard input.
    file: String,
    /// What the program finds in sys.argv after its own name.
    args: Vec<String>,
    #[command(flatten)]
    whereto: Whereto,
    /// A global to set before the program starts, as NAME=JSON. May be given more than once.
    #[arg(long, value_name = "NAME=JSON")]
    input: Vec<String>,
    /// Wall time the program may take, in seconds.
    #[arg(long, value_name = "SECONDS")]
    timeout: Option<f64>,
    /// Send standard input along, read to its end first.
    #[arg(long)]
    stdin: bool,
    /// Largest message to accept from the server, in MiB.
    #[arg(long, default_value_t = 64)]
    max_message: usize,
}

pub fn main(words: &[OsString]) -> anyhow::Result<Exit> {
    let args = match crate::serve::parse::<Args>("typhon eval", words) {
        Ok(args) => args,
        Err(exit) => return Ok(exit),
    };
    let request = request(&args)?;
    runtime()?.block_on(async {
        let local = match args.whereto.server {
            Some(_) => None,
            None => Some(start_local().await?),
        };
        let url = match (&args.whereto.server, &local) {
            (Some(url), _) => url.clone(),
            (None, Some(server)) => format!("http://{}", server.address()),
            (None, None) => bail!("no server"),
        };
        let typhon = args.whereto.connect(&url, args.max_message << 20).await?;
        let exit = follow(typhon.stream(request)).await;
        if let Some(server) = local {
            server.drain(async {}).await.map_err(plain)?;
        }
        exit
    })
}

fn request(args: &Args) -> anyhow::Result<v1::ExecuteRequest> {
    let mut text = Vec::new();
    if args.file == "-" {
        std::io::stdin().lock().read_to_end(&mut text)?;
    } else {
        text = std::fs::read(&args.file).with_context(|| args.file.clone())?;
    }
    let mut stdin = Vec::new();
    if args.stdin {
        if args.file == "-" {
            bail!("standard input cannot be both the program and its input");
        }
        std::io::stdin().lock().read_to_end(&mut stdin)?;
    }
    let mut inputs = std::collections::HashMap::new();
    for input in &args.input {
        let (name, json) = input.split_once('=').with_context(|| format!("--input {input}: expected NAME=JSON"))?;
        let json: serde_json::Value = serde_json::from_str(json).with_context(|| format!("--input {name}"))?;
        inputs.insert(name.to_owned(), show::from_json(json));
    }
    let wall_time = match args.timeout {
        None => None,
        Some(seconds) => {
            let time = std::time::Duration::try_from_secs_f64(seconds).context("--timeout")?;
            Some(prost_types::Duration::try_from(time).context("--timeout")?)
        }
    };
    let filename = if args.file == "-" { "<stdin>".to_owned() } else { args.file.clone() };
    let argv = std::iter::once(args.file.clone()).chain(args.args.iter().cloned()).collect();
    Ok(v1::ExecuteRequest {
        code: Some(v1::execute_request::Code::Source(v1::Source { text, filename })),
        inputs,
        argv,
        stdin,
        limits: Some(v1::Limits { wall_time, ..v1::Limits::default() }),
        result_mode: v1::ResultMode::LastExpression.into(),
        ..v1::ExecuteRequest::default()
    })
}

async fn follow(mut run: Run) -> anyhow::Result<Exit> {
    while let Some(chunk) = run.next().await? {
        if chunk.stderr {
            std::io::stderr().lock().write_all(&chunk.data)?;
        } else {
            let mut out = std::io::stdout().lock();
            out.write_all(&chunk.data).and_then(|()| out.flush())?;
        }
    }
    finish(run.end().await?.response)
}

fn finish(response: v1::ExecuteResponse) -> anyhow::Result<Exit> {
    use v1::TerminationReason as Reason;
    use v1::outcome::Detail;
    let outcome = response.outcome.unwrap_or_default();
    let reason = outcome.reason();
    match (reason, outcome.detail) {
        (Reason::Completed, _) => {
            if let Some(result) = response.result.filter(|result| !show::is_none(result)) {
                println!("{}", show::repr(&result));
            }
            Ok(Exit::Status(0))
        }
        (Reason::Exit, Some(Detail::ExitCode(code))) => Ok(Exit::Status((code & 0xff) as u8)),
        (_, Some(Detail::Exception(exception))) => {
            eprintln!("{}", show::exception(&exception).trim_end());
            Ok(Exit::Status(1))
        }
        (_, detail) => {
            let limit = match detail {
                Some(Detail::Limit(hit)) => format!(": {} of {}", hit.which().as_str_name(), hit.limit),
                Some(Detail::Crash(crash)) => format!(": {}", crash.message),
                _ => String::new(),
            };
            eprintln!("typhon: ended with {}{limit}", reason.as_str_name().trim_start_matches("TERMINATION_REASON_"));
            Ok(Exit::Status(1))
        }
    }
}
