//! The `typhon` program: a Python, what shows its code and traces, a gRPC server and its client, in one file.
#![forbid(unsafe_code)]

mod bench;
mod connect;
mod dis;
mod eval;
mod help;
mod host;
mod mcp;
mod options;
mod python;
mod repl;
mod serve;
mod settings;
mod show;
mod trace;

use std::ffi::OsString;
use std::process::ExitCode;

use typhon_vm::Exit;

#[global_allocator]
static ALLOCATOR: typhon_vm::Metered<typhon_vm::Malloc> = typhon_vm::Metered(typhon_vm::Malloc);

/// The interpreter's own recursion is bounded by counting; this is what the bound may use.
const MAIN_STACK: usize = 256 << 20;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|word| word == "worker") {
        // Confines itself, which it must do before there is a second thread.
        return match report(serve::worker()) {
            Exit::Status(code) => ExitCode::from(code),
            Exit::Signal(number) => die_of(number),
        };
    }
    // The process's first thread has whatever stack the shell allows, so everything happens on one of ours, which ends
    // the process itself: after a fork the child has no other.
    let started =
        std::thread::Builder::new().name("typhon-main".into()).stack_size(MAIN_STACK).spawn(|| match dispatch() {
            Exit::Status(code) => std::process::exit(code.into()),
            Exit::Signal(number) => die_of(number),
        });
    match started {
        Ok(thread) => {
            typhon_vm::leave_signals_to_other_threads();
            match thread.join() {
                Ok(never) => never,
                // The panic has been reported on standard error.
                Err(_) => ExitCode::from(101),
            }
        }
        Err(error) => {
            eprintln!("typhon: cannot start a thread: {error}");
            ExitCode::FAILURE
        }
    }
}

fn dispatch() -> Exit {
    let args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let rest = || args[1..].to_vec();
    match args.first().and_then(|word| word.to_str()) {
        Some("run") => python::main(&rest()),
        Some("dis") => report(dis::main(&rest())),
        Some("trace") => report(trace::main(&rest())),
        Some("eval") => report(eval::main(&rest())),
        Some("serve") => report(serve::main(&rest())),
        Some("mcp") => report(mcp::main(&rest())),
        Some("config") => report(settings::main(&rest())),
        Some("bench") => report(bench::main(&rest())),
        Some("help" | "-h" | "--help" | "-?") => {
            print!("{}", help::TEXT);
            Exit::Status(0)
        }
        _ => python::main(&args),
    }
}

/// Errors of the commands that are not Python.
fn report(result: anyhow::Result<Exit>) -> Exit {
    result.unwrap_or_else(|error| {
        eprintln!("typhon: {error:#}");
        Exit::Status(1)
    })
}

/// Ends the process as the signal would, so that a parent shell sees what it sees of CPython.
fn die_of(number: i32) -> ! {
    use rustix::process::{Signal, getpid, kill_process};
    if let Some(signal) = Signal::from_named_raw(number) {
        // When the signal is blocked or handled after all, the status below says the same in the shell's way.
        let _sent = kill_process(getpid(), signal);
    }
    std::process::exit(number.saturating_add(128))
}
