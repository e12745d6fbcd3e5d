//! The command line's host: the process's own streams and system, all permitted.

use std::os::fd::AsFd;

use rustix::io::Errno;
use typhon_jit::Process;
use typhon_jit::process::NoProcess;
use typhon_vm::{Access, Host, HostError, Stdio, Stream, Tiers};

#[derive(Default)]
pub struct ProcessHost {
    /// What compiles hot loops.
    pub compiler: Option<Process>,
}

impl ProcessHost {
    /// With what the environment asks for.
    pub fn from_environment() -> Result<Self, NoProcess> {
        Ok(Self { compiler: compiler()? })
    }
}

/// What the environment asks for to compile hot loops.
pub fn compiler() -> Result<Option<Process>, NoProcess> {
    Process::from_environment(|name| std::env::var(name).ok())
}

/// Writes to the descriptor itself: the standard library's streams take a closed one for a success.
fn write_all(fd: impl AsFd, mut data: &[u8]) -> Result<(), HostError> {
    while !data.is_empty() {
        match rustix::io::write(&fd, data) {
            Ok(count) => data = &data[count..],
            Err(Errno::INTR) => {}
            Err(error) => return Err(HostError::Os(error.raw_os_error())),
        }
    }
    Ok(())
}

impl Host for ProcessHost {
    fn write(&self, stream: Stream, data: &[u8]) -> Result<(), HostError> {
        match stream {
            Stream::Stdout => write_all(std::io::stdout(), data),
            Stream::Stderr => write_all(std::io::stderr(), data),
        }
    }

    fn read_stdin(&self, buffer: &mut [u8]) -> Result<usize, HostError> {
        loop {
            match rustix::io::read(std::io::stdin(), &mut *buffer) {
                Err(Errno::INTR) => {}
                read => return read.map_err(|error| HostError::Os(error.raw_os_error())),
            }
        }
    }

    fn entropy(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        getrandom::fill(buffer).map_err(|error| HostError::Os(error.raw_os_error().unwrap_or(0)))
    }

    fn permit(&self, _access: Access<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn tiers(&self) -> Option<&dyn Tiers> {
        self.compiler.as_ref().map(|compiler| compiler as &dyn Tiers)
    }

    fn stdio(&self) -> Stdio {
        Stdio::Process
    }
}
