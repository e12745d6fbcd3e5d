//! `typhon FILE`, `-c`, `-m`, `-` and the prompt: being a `python`.

use std::ffi::OsString;
use std::io::IsTerminal;
use std::path::Path;

use typhon_vm::{Cancel, Command, Exit, Program};

use crate::host::ProcessHost;
use crate::options::{Asked, Misuse, parse};
use crate::{help, repl};

pub const VERSION: &str = concat!("Python 3.14 (Typhon ", env!("CARGO_PKG_VERSION"), ")");

pub fn main(args: &[OsString]) -> Exit {
    match parse(args, |name| std::env::var_os(name)) {
        Ok(Asked::Help) => {
            print!("{}", help::TEXT);
            Exit::Status(0)
        }
        Ok(Asked::Version(_)) => {
            println!("{VERSION}");
            Exit::Status(0)
        }
        Ok(Asked::Run { program, args, flags, path }) => {
            let executable = std::env::current_exe().unwrap_or_default();
            let interactive = flags.inspect || (program.is_none() && std::io::stdin().is_terminal());
            let program = program.unwrap_or(if interactive { Program::Prompt } else { Program::Input });
            if let Program::File(file) = &program
                && let Err(error) = std::fs::metadata(file)
            {
                return cannot_open(file, &error);
            }
            let command = Command { program, args, flags: *flags, path, executable };
            // Never dropped: compile threads are not waited for, and a fork's child has none. The process ends with it.
            match ProcessHost::from_environment().map(|host| &*Box::leak(Box::new(host))) {
                Ok(host) if interactive => repl::main(&command, host),
                Ok(host) => typhon_vm::run(&command, host, &Cancel::new()),
                Err(problem) => {
                    eprintln!("typhon: {problem}");
                    Exit::Status(2)
                }
            }
        }
        Err(Misuse::Usage(problem)) => {
            eprintln!("{problem}");
            eprintln!("usage: typhon [option] ... [-c cmd | -m mod | file | -] [arg] ...");
            eprintln!("Try `typhon -h' for more information.");
            Exit::Status(2)
        }
        Err(Misuse::Fatal(problem)) => {
            eprintln!("Fatal Python error: {problem}");
            Exit::Status(1)
        }
    }
}

fn cannot_open(file: &Path, error: &std::io::Error) -> Exit {
    let number = error.raw_os_error().unwrap_or(0);
    // The system's own words, without Rust's "(os error 2)".
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let whole = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    eprintln!("typhon: can't open file '{}': [Errno {number}] {text}", whole.display());
    Exit::Status(2)
}
