//! `typhon serve`: the settings table as flags, and the server.

use std::ffi::OsString;
use std::sync::Arc;

use clap::{Arg, Parser};
use typhon_service::{BoxError, Config, SETTINGS, Vm};
use typhon_vm::Exit;

pub fn main(words: &[OsString]) -> anyhow::Result<Exit> {
    let matches = match command().try_get_matches_from(named("typhon serve", words)) {
        Ok(matches) => matches,
        Err(error) => return Ok(explain_misuse(&error)),
    };
    let config = Config::from_source(|row| matches.get_one::<String>(row.name).cloned())?;
    typhon_service::telemetry::start(&config.log).map_err(plain)?;
    let ready = |address| println!("typhon: serving typhon.v1 on http://{address}");
    runtime()?
        .block_on(typhon_service::serve(config, Arc::new(Vm { compiler: crate::host::compiler()? }), ready))
        .map_err(plain)?;
    Ok(Exit::Status(0))
}

fn command() -> clap::Command {
    let about = "Serve typhon.v1 over gRPC until SIGTERM, then drain.";
    // clap wants names that live as long as the process, and this runs once.
    let flags = SETTINGS.iter().map(|row| {
        Arg::new(row.name)
            .long(&*row.flag().leak())
            .env(&*row.env().leak())
            .default_value(row.default)
            .help(row.doc.trim())
    });
    clap::Command::new("typhon serve").about(about).args(flags)
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
