//! The host: everything guest code may ask of the world outside its isolate.
//!
//! One of the two upward calls of the VM (the other is `Tier2`, which the host lends). The service and the command line implement it;
//! nothing below them talks to the operating system on the guest's behalf without asking here first.

use crate::tier::Tiers;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Which of the guest's standard streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Stream {
    Stdout,
    Stderr,
}

/// Where the guest's standard streams live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stdio {
    /// File descriptors 0, 1 and 2 of this process are the guest's own: `sys.stdout` may be a `FileIO(1)`.
    Process,
    /// There are no descriptors: every byte goes through [`Host::write`] and [`Host::read_stdin`].
    Captured,
}

/// Why the host refused or could not finish a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostError {
    /// The isolate is stopped, or about to be: nothing runs any more.
    Interrupted,
    /// The isolate's policy forbids it; the text says what, for the `PermissionError`.
    Denied(String),
    /// The operating system said no, with this errno.
    Os(i32),
}

/// How much files in memory may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileRoom {
    /// What they hold together.
    pub bytes: u64,
    /// Files and folders.
    pub count: u64,
    /// Descriptors.
    pub open: u64,
}

/// What the guest is about to do to the outside, asked before it is done.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Access<'a> {
    /// Open, stat or list this path.
    Read(&'a Path),
    /// Create, change or remove this path.
    Write(&'a Path),
    /// Make, connect or bind a socket.
    Network,
    /// Start, signal or wait for another process, or replace this one.
    Process,
    /// Read or change what belongs to the whole process: working directory, umask, environment, signal handlers, limits.
    ProcessState,
}

/// The outside world of one isolate. Called from the isolate's own threads; a call may block, and a call that blocks
/// returns [`HostError::Interrupted`] soon after the isolate is cancelled.
pub trait Host: Send + Sync {
    /// Takes all of `data`, in order. Blocks when the reader is slow.
    fn write(&self, stream: Stream, data: &[u8]) -> Result<(), HostError>;

    /// Fills the front of `buffer`; 0 is the end of input. Only for [`Stdio::Captured`].
    fn read_stdin(&self, buffer: &mut [u8]) -> Result<usize, HostError>;

    /// Fills `buffer` with unpredictable bytes.
    fn entropy(&self, buffer: &mut [u8]) -> Result<(), HostError>;

    /// May the guest do this? Nothing is permitted unless a host says so.
    fn permit(&self, access: Access<'_>) -> Result<(), HostError>;

    /// The guest's files are in its memory, within this room, and it sees none of the system's. Without it, they are the
    /// system's, as [`Host::permit`] says.
    fn files(&self) -> Option<FileRoom> {
        None
    }

    /// Who makes the guest's connections, where it may have some and makes none itself.
    fn outlet(&self) -> Option<Arc<dyn Outlet>> {
        None
    }

    fn stdio(&self) -> Stdio {
        Stdio::Captured
    }

    /// Where the isolate's hot loops are compiled, if anywhere.
    fn tiers(&self) -> Option<&dyn Tiers> {
        None
    }

    /// The calling OS thread begins to run guest code beside the one that the isolate began with: what it uses of the
    /// processor is the guest's.
    fn thread_begins(&self) {}

    /// The calling OS thread, which began before, is about to end.
    fn thread_ends(&self) {}

    /// Lets so much time pass at once, where time is the host's own invention; false where it passes by itself. A guest waits
    /// for nothing there, and each look at a clock takes some.
    fn pass(&self, _: Duration) -> bool {
        false
    }

    /// The guest has waited so long for a time to come: a sleep, or a part of a wait with a timeout.
    fn rested(&self, _: Duration) {}

    /// Wall clock, since the epoch.
    fn wall_clock(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    /// A clock that never goes back; its zero is arbitrary but fixed for the host's life.
    fn monotonic_clock(&self) -> Duration {
        static ORIGIN: std::sync::LazyLock<Instant> = std::sync::LazyLock::new(Instant::now);
        ORIGIN.elapsed()
    }
}

/// Hears what came of it, once; dropped unheard, nothing does.
pub type Answer<T> = Box<dyn FnOnce(Result<T, HostError>) + Send>;

/// The way out of a guest that has no sockets of its own but streams that somebody else has connected, to where its policy lets it.
/// What is asked is begun at once, and answered by any thread.
pub trait Outlet: Send + Sync {
    /// What addresses a name has, of those that may be connected to.
    fn look_up(&self, name: &str, answer: Answer<Vec<IpAddr>>);

    /// A connection.
    fn dial(&self, to: SocketAddr, answer: Answer<OwnedFd>);
}

/// The host of the isolate that a thread belongs to.
struct Installed(*const dyn Host);

/// Lends `host` to an isolate until the isolate closes.
///
/// # Safety
/// `host` outlives the isolate's last `attach`.
pub unsafe fn install(t: &typhon_object::Thread, host: &dyn Host) {
    // SAFETY: only the lifetime changes; the caller vouches for it.
    let host: &'static dyn Host = unsafe { std::mem::transmute::<&dyn Host, &'static dyn Host>(host) };
    t.set_state(Installed(std::ptr::from_ref(host)));
}

/// The isolate's host; `None` while the process sets itself up and in tests of single types.
pub fn of(t: &typhon_object::Thread) -> Option<&dyn Host> {
    // SAFETY: `install`'s caller keeps the host alive as long as guest code can run.
    t.get_state::<Installed>().map(|h| unsafe { &*h.0 })
}
