//! `typhon trace FILE`: what the trace compiler makes of a program.

use std::ffi::OsString;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

use anyhow::Context;
use typhon_jit::{Params, Process};
use typhon_vm::{Cancel, Command, Exit, Flags, Program};

use crate::host::ProcessHost;
use crate::serve::{explain_misuse, named};

const ABOUT: &str = "Run a program as `TYPHON_JIT=sync typhon FILE` does, and show afterwards which traces were recorded: \
their intermediate code before and after optimization, their exits, their machine code, and why others were given up.";

pub fn main(words: &[OsString]) -> anyhow::Result<Exit> {
    let html = clap::Arg::new("html")
        .long("html")
        .value_name("FILE")
        .help("Write it as a page for a browser, whose exits link to what goes on there, instead of as text.")
        .value_parser(clap::value_parser!(PathBuf));
    let command = clap::Command::new("typhon trace").about(ABOUT).disable_version_flag(true).arg(html).arg(
        clap::Arg::new("program")
            .help("The program, and its arguments.")
            .value_parser(clap::value_parser!(OsString))
            .num_args(1..)
            .required(true)
            .trailing_var_arg(true)
            .allow_hyphen_values(true),
    );
    let matches = match command.try_get_matches_from(named("typhon trace", words)) {
        Ok(matches) => matches,
        Err(error) => return Ok(explain_misuse(&error)),
    };
    let mut words = matches.get_many::<OsString>("program").into_iter().flatten().cloned();
    let file = words.next().unwrap_or_default();
    let title = format!("traces of {}", file.to_string_lossy());
    let program = Program::File(file.into());
    let executable = std::env::current_exe().unwrap_or_default();
    let command = Command { program, args: words.collect(), flags: Flags::default(), path: Vec::new(), executable };
    let process = Process::watched(Params::read(|name| std::env::var(name).ok())?)?;
    let host = ProcessHost { compiler: Some(process.clone()) };
    let exit = typhon_vm::run(&command, &host, &Cancel::new());
    match (process.journal(), matches.get_one::<PathBuf>("html")) {
        (Some(journal), Some(path)) => {
            let mut page = BufWriter::new(File::create(path).with_context(|| path.display().to_string())?);
            write!(page, "{}", journal.page(&title))?;
            page.flush().with_context(|| path.display().to_string())?;
        }
        (Some(journal), None) => write!(std::io::stdout().lock(), "{journal}")?,
        (None, _) => {}
    }
    Ok(exit)
}
