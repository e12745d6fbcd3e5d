//! `plain`: the virtual machine alone runs a program, with nothing compiled, no service and no command line. What a sanitizer, or
//! `perf`, is to look at is built in half the time (`.ci/asan`).
//!
//! `cargo run -p typhon-bench --bin plain -- FILE [ARGUMENT...]`; `TYPHON_VERIFY` and `TYPHON_THREADS` as for `typhon`.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use typhon_vm::{Access, Cancel, Command, Exit, Flags, Host, HostError, Program, Stdio, Stream};

#[global_allocator]
static ALLOCATOR: typhon_vm::Metered<typhon_vm::Malloc> = typhon_vm::Metered(typhon_vm::Malloc);

/// As the command line gives it.
const STACK: usize = 256 << 20;

/// The process's own streams and system, all permitted.
struct Open;

fn os(error: &io::Error) -> HostError {
    HostError::Os(error.raw_os_error().unwrap_or(0))
}

impl Host for Open {
    fn write(&self, stream: Stream, data: &[u8]) -> Result<(), HostError> {
        match stream {
            Stream::Stdout => io::stdout().write_all(data),
            Stream::Stderr => io::stderr().write_all(data),
        }
        .map_err(|e| os(&e))
    }

    fn read_stdin(&self, buffer: &mut [u8]) -> Result<usize, HostError> {
        io::stdin().read(buffer).map_err(|e| os(&e))
    }

    fn entropy(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        File::open("/dev/urandom").and_then(|mut file| file.read_exact(buffer)).map_err(|e| os(&e))
    }

    fn permit(&self, _: Access<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn stdio(&self) -> Stdio {
        Stdio::Process
    }
}

fn go() -> Exit {
    let mut args = std::env::args_os().skip(1);
    let Some(file) = args.next() else {
        eprintln!("usage: plain FILE [ARGUMENT...]");
        return Exit::Status(2);
    };
    let says = |name: &str, value: &str| std::env::var_os(name).is_some_and(|found| found == value);
    let command = Command {
        program: Program::File(file.into()),
        args: args.collect::<Vec<OsString>>(),
        flags: Flags { turns: says("TYPHON_THREADS", "turns"), verify: says("TYPHON_VERIFY", "1"), ..Flags::default() },
        path: Vec::new(),
        executable: std::env::current_exe().unwrap_or_default(),
    };
    typhon_vm::run(&command, &Open, &Cancel::new())
}

fn main() -> ExitCode {
    let started = std::thread::Builder::new().stack_size(STACK).spawn(|| match go() {
        Exit::Status(code) => std::process::exit(code.into()),
        // As a shell tells it.
        Exit::Signal(number) => std::process::exit(number.saturating_add(128)),
    });
    typhon_vm::leave_signals_to_other_threads();
    match started.map(std::thread::JoinHandle::join) {
        Ok(Ok(never)) => never,
        // The panic has been reported on standard error.
        Ok(Err(_)) => ExitCode::from(101),
        Err(error) => {
            eprintln!("plain: cannot start a thread: {error}");
            ExitCode::FAILURE
        }
    }
}
