//! `cargo xtask tidy | ratchet | tails | api | pgo | conform TYPHON [--update]`.
#![forbid(unsafe_code)]

use std::path::PathBuf;
use std::process::ExitCode;

use xtask::{api, conform, pgo, root, tails, tidy};

fn main() -> anyhow::Result<ExitCode> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["tidy"] => {
            let broken = tidy::check(&root())?;
            broken.iter().for_each(|line| println!("{line}"));
            println!("tidy: {} rules broken", broken.len());
            Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        ["ratchet"] => {
            tidy::write_ratchet(&root())?;
            Ok(ExitCode::SUCCESS)
        }
        ["tails"] => {
            let (seen, broken) = tails::check(&root())?;
            broken.iter().for_each(|line| println!("{line}"));
            println!("tails: {seen} opcode functions, {} not in order", broken.len());
            Ok(if broken.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        ["api"] => {
            api::write(&root())?;
            Ok(ExitCode::SUCCESS)
        }
        ["pgo"] => {
            println!("{}", pgo::build(&root())?.display());
            Ok(ExitCode::SUCCESS)
        }
        ["conform", typhon, rest @ ..] => {
            let report = conform::run(&root(), &PathBuf::from(typhon), rest.contains(&"--update"))?;
            println!("{}", report.closing_line());
            Ok(if report.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        _ => {
            eprintln!("usage: cargo xtask tidy | ratchet | tails | api | pgo | conform TYPHON [--update]");
            Ok(ExitCode::from(2))
        }
    }
}
