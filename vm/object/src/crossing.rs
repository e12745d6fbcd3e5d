//! Threads of the process's own, begun and ended so that a fork beside it leaves a copy that works.

use crate::heap::reaper;
use crate::{aside, names, shape};
use std::io;
use std::sync::OnceLock;
use std::thread::{Builder, JoinHandle};
use typhon_qsbr::crossing::Crossings;

/// The process's: a fork copies all of it.
static CROSSINGS: Crossings = Crossings::new();

/// Runs `fork`, which copies the process, while no thread begins or ends, nor has any a lock of the process's: other isolates
/// run on meanwhile, and whoever is in the middle of something there is not in the copy.
pub fn copying<R>(fork: impl FnOnce() -> R) -> R {
    CROSSINGS.copying(|| {
        // Each is held for a moment, and for none of them while another one is waited for.
        let _held = (names::hold(), shape::hold(), aside::hold(), reaper::hold());
        fork()
    })
}

/// The right to wait for a lock of the process's, and to hold it: no copy is made meanwhile. Its holder neither polls nor waits
/// for anything that who copies has.
pub struct Crossing(());

impl Crossing {
    /// From now on.
    #[must_use]
    pub fn begin() -> Self {
        CROSSINGS.enter();
        Self(())
    }
}

impl Drop for Crossing {
    fn drop(&mut self) {
        CROSSINGS.leave();
    }
}

/// Starts a thread. Whatever can run beside `os.fork` is started so.
pub fn spawn<R: Send + 'static>(
    builder: Builder,
    body: impl FnOnce() -> R + Send + 'static,
) -> io::Result<JoinHandle<R>> {
    CROSSINGS.enter();
    let started = builder.spawn(move || {
        CROSSINGS.leave();
        let _end = End;
        body()
    });
    if started.is_err() {
        CROSSINGS.leave();
    }
    started
}

/// The body of a thread ends, by a panic or without.
struct End;

impl Drop for End {
    fn drop(&mut self) {
        let Some(key) = *LAST.get_or_init(last) else { return };
        CROSSINGS.enter();
        // SAFETY: a key of ours, which is never deleted; its value is a number, no pointer.
        if unsafe { libc::pthread_setspecific(key, std::ptr::without_provenance(FIRST_ROUND)) } != 0 {
            CROSSINGS.leave();
        }
    }
}

/// What is called when all else of a thread has ended; none where the process has no more keys.
static LAST: OnceLock<Option<libc::pthread_key_t>> = OnceLock::new();

/// Values of the key. Destructors of keys run in rounds: the allocator's runs in the first one, so in the second it is over.
const FIRST_ROUND: usize = 1;
const SECOND_ROUND: usize = 2;

fn last() -> Option<libc::pthread_key_t> {
    let mut key = 0;
    // SAFETY: a place for the key, and a destructor that takes any value.
    (unsafe { libc::pthread_key_create(&raw mut key, Some(ended)) } == 0).then_some(key)
}

/// Runs on a thread that has no locals any more: it allocates nothing.
extern "C" fn ended(round: *mut libc::c_void) {
    if round.addr() == FIRST_ROUND
        && let Some(Some(key)) = LAST.get()
        // SAFETY: as in `End::drop`.
        && unsafe { libc::pthread_setspecific(*key, std::ptr::without_provenance(SECOND_ROUND)) } == 0
    {
        return;
    }
    CROSSINGS.leave();
}
