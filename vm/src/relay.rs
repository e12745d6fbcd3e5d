//! The host of an isolate that outlives its executions: passes every call on to the host of the one that runs.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use typhon_interp::host::{Access, FileRoom, Host, HostError, Outlet, Stream};
use typhon_interp::tier::Tiers;

pub(crate) struct Relay {
    host: RwLock<Option<Arc<dyn Host>>>,
    /// The isolate's for life, whoever is the host.
    tiers: Option<Arc<dyn Tiers>>,
}

impl Relay {
    pub fn new(tiers: Option<Arc<dyn Tiers>>) -> Relay {
        Relay { host: RwLock::default(), tiers }
    }

    pub fn put(&self, host: Option<Arc<dyn Host>>) {
        let before = std::mem::replace(&mut *self.host.write(), host);
        drop(before);
    }

    /// A clone, so that a call that blocks does not keep the next execution from putting its own host here.
    fn now(&self) -> Option<Arc<dyn Host>> {
        self.host.read().clone()
    }
}

/// Between executions there is no world.
const NOBODY: HostError = HostError::Os(libc::EIO);

impl Host for Relay {
    fn write(&self, stream: Stream, data: &[u8]) -> Result<(), HostError> {
        self.now().map_or(Err(NOBODY), |host| host.write(stream, data))
    }

    fn read_stdin(&self, buffer: &mut [u8]) -> Result<usize, HostError> {
        self.now().map_or(Err(NOBODY), |host| host.read_stdin(buffer))
    }

    fn entropy(&self, buffer: &mut [u8]) -> Result<(), HostError> {
        self.now().map_or(Err(NOBODY), |host| host.entropy(buffer))
    }

    fn permit(&self, access: Access<'_>) -> Result<(), HostError> {
        self.now().map_or(Err(NOBODY), |host| host.permit(access))
    }

    fn files(&self) -> Option<FileRoom> {
        self.now().and_then(|host| host.files())
    }

    fn outlet(&self) -> Option<Arc<dyn Outlet>> {
        self.now().and_then(|host| host.outlet())
    }

    fn tiers(&self) -> Option<&dyn Tiers> {
        self.tiers.as_deref()
    }

    fn thread_begins(&self) {
        if let Some(host) = self.now() {
            host.thread_begins();
        }
    }

    fn thread_ends(&self) {
        if let Some(host) = self.now() {
            host.thread_ends();
        }
    }

    fn pass(&self, time: Duration) -> bool {
        self.now().is_some_and(|host| host.pass(time))
    }

    fn rested(&self, time: Duration) {
        if let Some(host) = self.now() {
            host.rested(time);
        }
    }

    fn wall_clock(&self) -> Duration {
        self.now().map_or(Duration::ZERO, |host| host.wall_clock())
    }

    fn monotonic_clock(&self) -> Duration {
        self.now().map_or(Duration::ZERO, |host| host.monotonic_clock())
    }
}
