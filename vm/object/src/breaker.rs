//! The eval-breaker: the word that tells a running thread to look up from its work.

use std::sync::Arc;
use std::time::Duration;
use typhon_qsbr::cell::Bits;

/// Why a thread is asked to look up.
pub mod reason {
    /// Stop for good: see [`super::Breaker::stop_reason`].
    pub const STOP: u32 = 1;
    /// A signal or another pending call waits for the main thread.
    pub const PENDING: u32 = 1 << 1;
    /// The collector wants to run.
    pub const GC: u32 = 1 << 2;
    /// The memory account is overdrawn.
    pub const MEMORY: u32 = 1 << 3;
    /// A quiescent-state report is requested.
    pub const QS: u32 = 1 << 4;
    /// An exception was sent from another thread.
    pub const ASYNC_EXC: u32 = 1 << 5;
}

/// Why a thread was stopped for good.
pub mod why {
    /// Whoever holds the isolate's cancel handle knows.
    pub const CANCELLED: u32 = 1;
    /// The memory account is exhausted beyond what a handler of MemoryError may use.
    pub const MEMORY: u32 = 2;
}

/// The breaker, shared with whoever may interrupt.
#[derive(Clone)]
pub struct Breaker(Arc<Inner>);

struct Inner {
    bits: Bits,
    why: parking_lot::Mutex<Option<u32>>,
    /// Rung when the thread is stopped.
    stop: parking_lot::Condvar,
}

impl Breaker {
    /// A quiet breaker.
    pub fn new() -> Self {
        Self(Arc::new(Inner {
            bits: Bits::new(),
            why: parking_lot::Mutex::new(None),
            stop: parking_lot::Condvar::new(),
        }))
    }

    /// Whether anything is asked: one load.
    #[inline(always)]
    pub fn any(&self) -> bool {
        self.0.bits.any()
    }

    /// The word that [`Breaker::any`] looks at, for who looks without this type: it is not zero when something is asked.
    pub fn word(&self) -> *const u32 {
        self.0.bits.as_ptr()
    }

    /// Asks for attention.
    pub fn set(&self, reason: u32) {
        self.0.bits.set(reason);
    }

    /// Takes the requests in `mask`; `STOP` is never taken.
    pub fn take(&self, mask: u32) -> u32 {
        self.0.bits.take(mask & !reason::STOP)
    }

    /// Whether the thread must stop.
    pub fn stopped(&self) -> bool {
        self.0.why.lock().is_some()
    }

    /// Stops the thread for good, for a reason the stopper knows; the first one wins.
    pub fn stop(&self, why: u32) {
        self.0.why.lock().get_or_insert(why);
        self.0.bits.set(reason::STOP);
        self.0.stop.notify_all();
    }

    /// Sleeps, as long as the thread is not stopped.
    pub fn sleep(&self, time: Duration) {
        let mut why = self.0.why.lock();
        if why.is_none() {
            self.0.stop.wait_for(&mut why, time);
        }
    }

    /// Why the thread was stopped.
    pub fn stop_reason(&self) -> Option<u32> {
        *self.0.why.lock()
    }

    /// Lets a stopped isolate run again (a session whose run was interrupted).
    pub fn rearm(&self) {
        *self.0.why.lock() = None;
        self.0.bits.clear(reason::STOP);
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}
