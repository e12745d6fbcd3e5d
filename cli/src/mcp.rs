//! `typhon mcp`: the service as an agent's Python tool, by the Model Context Protocol over standard input and output.

mod agent;
mod backend;
mod call;
mod outcome;
mod tools;

use std::ffi::OsString;

use anyhow::Context;
use clap::Parser;
use rmcp::ServiceExt;
use typhon_vm::Exit;

use crate::connect::Whereto;
use crate::serve::runtime;
use agent::Agent;
use backend::Backend;

/// Serve Python to an agent: the Model Context Protocol over standard input and output, until the input ends.
///
/// Programs run under the limits below, without network or files of this machine.
#[derive(Clone, Debug, Parser)]
#[command(name = "typhon mcp", disable_version_flag = true)]
pub struct Args {
    #[command(flatten)]
    whereto: Whereto,
    /// Wall time a program may take, in seconds; a call may ask for less.
    #[arg(long, default_value_t = 30.0, value_name = "SECONDS")]
    timeout: f64,
    /// Memory a program or a session may hold, in MiB. The server has a default and a ceiling of its own.
    #[arg(long, value_name = "MIB", value_parser = clap::value_parser!(u32).range(1..))]
    memory: Option<u32>,
    /// Output that is passed on, of each stream, in KiB; what a program writes beyond is dropped, and said to be.
    #[arg(long, default_value_t = 64, value_name = "KIB")]
    output: u32,
    /// Keep nothing between calls: no sessions.
    #[arg(long)]
    stateless: bool,
}

pub fn main(words: &[OsString]) -> anyhow::Result<Exit> {
    let args = match crate::serve::parse::<Args>("typhon mcp", words) {
        Ok(args) => args,
        Err(exit) => return Ok(exit),
    };
    runtime()?.block_on(async {
        let backend = Backend::open(&args).await?;
        let agent = std::sync::Arc::new(Agent::new(backend, args.stateless));
        let served = serve(agent.clone()).await;
        // Whatever ended the conversation, nobody is left to use its sessions.
        agent.end().await;
        served
    })?;
    Ok(Exit::Status(0))
}

async fn serve(agent: std::sync::Arc<Agent>) -> anyhow::Result<()> {
    let service = agent.serve(rmcp::transport::stdio()).await.context("no client")?;
    service.waiting().await.context("the conversation broke off")?;
    Ok(())
}
