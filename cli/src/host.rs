//! The command line's host: the process's own streams and system, all permitted.

use std::io::{Read, Write};

use typhon_vm::{Access, Host, HostError, Stdio, Stream};

pub struct ProcessHost;

fn os_error(error: &std::io::Error) -> HostError {
    HostError::Os(error.raw_os_error().unwrap_or(0))
}

impl Host for ProcessHost {
    fn write(&self, stream: Stream, data: &[u8]) -> Result<(), HostError> {
        let written = match stream {
            Stream::Stdout => {
                let mut out = std::io::stdout().lock();
                out.write_all(data).and_then(|()| out.flush())
            }
            Stream::Stderr => std::io::stderr().lock().write_all(data),
        };
        written.map_err(|error| os_error(&error))
    }

    fn read_stdin(&self, buffer: &mut [u8]) -> Result<usize, HostError> {
        std::io::stdin().lock().read(buffer).map_err(|error| os_error(&error))
    }

    fn entropy(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        getrandom::fill(buffer).map_err(|error| HostError::Os(error.raw_os_error().unwrap_or(0)))
    }

    fn permit(&self, _access: Access<'_>) -> Result<(), HostError> {
        Ok(())
    }

    fn stdio(&self) -> Stdio {
        Stdio::Process
    }
}
