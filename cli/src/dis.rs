//! `typhon dis FILE`: the bytecode a program becomes.

use std::ffi::OsString;
use std::io::{Read, Write};

use anyhow::Context;
use clap::Parser;
use typhon_compiler::{Mode, Options, compile};
use typhon_vm::Exit;

/// Show the bytecode a program becomes.
#[derive(Parser)]
#[command(name = "typhon dis", disable_version_flag = true)]
struct Args {
    /// The program; `-` is standard input.
    file: String,
    /// As python's -O: 1 drops asserts, 2 docstrings too.
    #[arg(short = 'O', action = clap::ArgAction::Count)]
    optimize: u8,
}

pub fn main(words: &[OsString]) -> anyhow::Result<Exit> {
    let args = match crate::serve::parse::<Args>("typhon dis", words) {
        Ok(args) => args,
        Err(exit) => return Ok(exit),
    };
    let mut source = Vec::new();
    let name = if args.file == "-" {
        std::io::stdin().lock().read_to_end(&mut source)?;
        "<stdin>"
    } else {
        source = std::fs::read(&args.file).with_context(|| args.file.clone())?;
        args.file.as_str()
    };
    let text = String::from_utf8(source).with_context(|| format!("{name} is not UTF-8"))?;
    let options = Options { optimize: args.optimize, ..Options::new(Mode::Exec, name) };
    match compile(&text, &options) {
        Ok(compiled) => {
            let listing = typhon_isa::text::disassemble(&compiled.code);
            std::io::stdout().lock().write_all(listing.as_bytes())?;
            Ok(Exit::Status(0))
        }
        Err(error) => {
            eprintln!("{name}:{}: {}", error.line, error.message);
            Ok(Exit::Status(1))
        }
    }
}
