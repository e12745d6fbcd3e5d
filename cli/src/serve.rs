//! `typhon serve`: the server, and what the commands that speak gRPC have in common.

use std::ffi::OsString;
use std::sync::Arc;

use clap::Parser;
use typhon_service::config::Bytes;
use typhon_service::{BoxError, Config, Listen, Server, Vm};
use typhon_vm::Exit;

use crate::settings;

pub fn main(words: &[OsString]) -> anyhow::Result<Exit> {
    let command = settings::command("typhon serve", "Serve typhon.v1 over gRPC until SIGTERM, then drain.");
    let matches = match command.try_get_matches_from(named("typhon serve", words)) {
        Ok(matches) => matches,
        Err(error) => return Ok(explain_misuse(&error)),
    };
    let config = settings::Said::new(&matches)?.config()?;
    let runtime = runtime()?;
    let entered = runtime.enter();
    let telemetry = typhon_service::telemetry::start(&config).map_err(plain)?;
    drop(entered);
    let scheme = if config.tls_cert.is_empty() { "http" } else { "https" };
    let ready = |address: &Listen| match address {
        Listen::Tcp(address) => println!("typhon: serving typhon.v1 on {scheme}://{address}"),
        Listen::Unix(_) => println!("typhon: serving typhon.v1 on {address}"),
    };
    let engine = confined(&config)?;
    let served = runtime.block_on(typhon_service::serve(config, Arc::new(engine), ready)).map_err(plain);
    // What is left of traces is sent while there is a runtime.
    drop(telemetry);
    served?;
    Ok(Exit::Status(0))
}

/// The engine whose programs run in processes of their own, which are this program again.
fn confined(config: &Config) -> anyhow::Result<Vm> {
    Ok(Vm::new(crate::host::compiler()?, config.compiled_bytes_max).with_workers("/proc/self/exe".into()))
}

/// A server in this process for what its user has at hand: its programs run in this process, too.
pub async fn start_local() -> anyhow::Result<Server> {
    let config = settings_over_defaults(&[])?;
    let engine = Vm::new(crate::host::compiler()?, config.compiled_bytes_max);
    Server::start(config, Arc::new(engine)).await.map_err(plain)
}

/// A server in this process for code that nobody has looked at, with these settings over the defaults.
pub async fn start_confined(settings: &[(&str, String)]) -> anyhow::Result<Server> {
    let config = settings_over_defaults(settings)?;
    let engine = confined(&config)?;
    Server::start(config, Arc::new(engine)).await.map_err(plain)
}

/// On a free port, unless they say otherwise.
fn settings_over_defaults(settings: &[(&str, String)]) -> anyhow::Result<Config> {
    Ok(Config::from_source(|row| {
        let given = settings.iter().find(|(name, _)| *name == row.name).map(|(_, value)| value.clone());
        given.or_else(|| (row.name == "listen").then(|| "127.0.0.1:0".to_owned()))
    })?)
}

/// What a worker process keeps of compiled source.
const WORKER_COMPILED: Bytes = Bytes(32 << 20);

/// A worker process of a server: what it does comes by its standard input.
pub fn worker() -> anyhow::Result<Exit> {
    let engine = || -> std::io::Result<Arc<dyn typhon_service::Engine>> {
        let compiler = crate::host::compiler().map_err(|e| std::io::Error::other(e.to_string()))?;
        Ok(Arc::new(Vm::new(compiler, WORKER_COMPILED)))
    };
    typhon_service::serve_worker(engine)?;
    Ok(Exit::Status(0))
}

/// The runtime of everything that talks gRPC.
pub fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()
}

/// anyhow takes an error only by its concrete type.
pub fn plain(error: BoxError) -> anyhow::Error {
    anyhow::anyhow!("{error}")
}

/// Parses a subcommand's own words; `Err` is how to exit, with everything said.
pub fn parse<T: Parser>(name: &str, words: &[OsString]) -> Result<T, Exit> {
    T::try_parse_from(named(name, words)).map_err(|error| explain_misuse(&error))
}

pub fn named(name: &str, words: &[OsString]) -> Vec<OsString> {
    std::iter::once(name.into()).chain(words.iter().cloned()).collect()
}

pub fn explain_misuse(error: &clap::Error) -> Exit {
    // Help goes to standard output, misuse to standard error; a closed one has nobody to tell.
    let _printed = error.print();
    Exit::Status(u8::try_from(error.exit_code()).unwrap_or(2))
}
