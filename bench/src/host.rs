//! A host that permits nothing, keeps nothing, and tells when the guest says that it begins.

use typhon_vm::{Access, Host, HostError, Stream};

/// Calls `begin` whenever the guest writes to standard error.
pub struct Silent<F: Fn() + Send + Sync> {
    pub begin: F,
}

impl<F: Fn() + Send + Sync> Host for Silent<F> {
    fn write(&self, stream: Stream, _: &[u8]) -> Result<(), HostError> {
        if stream == Stream::Stderr {
            (self.begin)();
        }
        Ok(())
    }

    fn read_stdin(&self, _: &mut [u8]) -> Result<usize, HostError> {
        Ok(0)
    }

    fn entropy(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        buffer.fill(7);
        Ok(())
    }

    fn permit(&self, _: Access<'_>) -> Result<(), HostError> {
        Err(HostError::Denied("nothing is permitted here".into()))
    }
}
