//! `plain`: the virtual machine alone runs a program, with no service and no command line. What a sanitizer, or `perf`, is to look at
//! is built in half the time (`.ci/asan`). With the feature `jit` it compiles hot loops, as `typhon` does.
//!
//! `cargo run -p typhon-bench --bin plain [--features jit] -- FILE [ARGUMENT...]`; `PYTHONPATH`, `TYPHON_VERIFY`, `TYPHON_THREADS` and,
//! with the feature, `TYPHON_JIT` and the thresholds as for `typhon`. `--traces` before the file has it compile at once and print what
//! `typhon trace` prints, but on standard error.
#![forbid(unsafe_code)]

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::ExitCode;

use typhon_vm::{Access, Cancel, Command, Exit, Flags, Host, HostError, Program, Stdio, Stream, Tiers};

#[global_allocator]
static ALLOCATOR: typhon_vm::Metered<typhon_vm::Malloc> = typhon_vm::Metered(typhon_vm::Malloc);

/// As the command line gives it.
const STACK: usize = 256 << 20;

#[cfg(feature = "jit")]
mod tier {
    use typhon_jit::{Params, Process};
    use typhon_vm::Tiers;

    /// What compiles hot loops, and whether it tells at the end what it did.
    pub struct Tier {
        process: Option<Process>,
        told: bool,
    }

    impl Tier {
        pub fn new(told: bool) -> Result<Self, String> {
            let variable = |name: &str| std::env::var(name).ok();
            let process = if told {
                Params::read(variable)
                    .map_err(|e| e.to_string())
                    .and_then(|params| Process::watched(params).map_err(|e| e.to_string()).map(Some))
            } else {
                Process::from_environment(variable).map_err(|e| e.to_string())
            };
            Ok(Self { process: process?, told })
        }

        pub fn get(&self) -> Option<&dyn Tiers> {
            self.process.as_ref().map(|process| process as &dyn Tiers)
        }

        pub fn tell(&self) {
            if let (true, Some(journal)) = (self.told, self.process.as_ref().and_then(Process::journal)) {
                eprintln!("{journal}");
            }
        }
    }
}

#[cfg(not(feature = "jit"))]
mod tier {
    use typhon_vm::Tiers;

    pub struct Tier;

    impl Tier {
        pub fn new(told: bool) -> Result<Self, String> {
            if told { Err("--traces wants the feature `jit`".to_owned()) } else { Ok(Self) }
        }

        pub fn get(&self) -> Option<&dyn Tiers> {
            None
        }

        pub fn tell(&self) {}
    }
}

/// The process's own streams and system, all permitted.
struct Open(tier::Tier);

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

    fn tiers(&self) -> Option<&dyn Tiers> {
        self.0.get()
    }

    fn stdio(&self) -> Stdio {
        Stdio::Process
    }
}

fn go() -> Exit {
    let mut args = std::env::args_os().skip(1).peekable();
    let told = args.next_if(|word| word == "--traces").is_some();
    let Some(file) = args.next() else {
        eprintln!("usage: plain [--traces] FILE [ARGUMENT...]");
        return Exit::Status(2);
    };
    // Never dropped: compile threads are not waited for, and a fork's child has none. The process ends with it.
    let host = match tier::Tier::new(told) {
        Ok(tier) => &*Box::leak(Box::new(Open(tier))),
        Err(problem) => {
            eprintln!("plain: {problem}");
            return Exit::Status(2);
        }
    };
    let says = |name: &str, value: &str| std::env::var_os(name).is_some_and(|found| found == value);
    let command = Command {
        program: Program::File(file.into()),
        args: args.collect::<Vec<OsString>>(),
        flags: Flags { turns: says("TYPHON_THREADS", "turns"), verify: says("TYPHON_VERIFY", "1"), ..Flags::default() },
        path: std::env::var_os("PYTHONPATH").iter().flat_map(std::env::split_paths).collect(),
        executable: std::env::current_exe().unwrap_or_default(),
    };
    let exit = typhon_vm::run(&command, host, &Cancel::new());
    host.0.tell();
    exit
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
