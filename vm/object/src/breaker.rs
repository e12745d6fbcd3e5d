//! The eval-breaker: the word that tells a running thread to look up from its work.

use std::sync::{Arc, Weak};
use std::time::Duration;
use typhon_qsbr::cell::Bits;
use typhon_qsbr::sync::{Condvar, Mutex};

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
    /// Somebody wants the turn: for whoever may give it up there ([`crate::Thread::poll_yielding`]).
    pub const QS: u32 = 1 << 4;
    /// An exception was sent from another thread.
    pub const ASYNC_EXC: u32 = 1 << 5;
    // 1 << 6 is the interpreter's (`watch`).
    /// Other threads have handed objects of this one back.
    pub const MERGE: u32 = 1 << 7;
    /// Another thread is short of memory that this one may have to spare.
    pub const SPARE: u32 = 1 << 8;
    /// The isolate's domain wants a report (see `grace`).
    pub const REPORT: u32 = 1 << 9;
    /// Another thread stops the world.
    pub const HALT: u32 = 1 << 10;
    /// Something that was left behind may be let go of.
    pub const GRACE: u32 = 1 << 11;
    /// Every look is counted: whoever takes this sets it again.
    pub const FUEL: u32 = 1 << 12;
    /// Somebody has wanted the turn for so long that a native gives it up, too.
    pub const STARVED: u32 = 1 << 13;
    /// Another thread wants to come online, and this one runs solo (see `solo`).
    pub const COMPANY: u32 = 1 << 14;
    /// This thread may be the only one that runs.
    pub const LONELY: u32 = 1 << 15;
}

/// Why a thread was stopped for good.
pub mod why {
    /// Whoever holds the isolate's cancel handle knows.
    pub const CANCELLED: u32 = 1;
    /// The memory account is exhausted beyond what a handler of MemoryError may use.
    pub const MEMORY: u32 = 2;
    /// It has taken as many looks as it may.
    pub const FUEL: u32 = 3;
}

/// A thread's breaker, shared with whoever may interrupt. The threads of an isolate stop together; anything else is asked
/// of one of them.
#[derive(Clone)]
pub struct Breaker {
    bits: Arc<Bits>,
    group: Arc<Group>,
}

struct Group {
    state: Mutex<State>,
    /// Rung when the threads are stopped.
    stop: Condvar,
}

struct State {
    why: Option<u32>,
    members: Vec<Weak<Bits>>,
}

impl Breaker {
    /// A quiet breaker, of the first thread of an isolate.
    pub fn new() -> Self {
        let bits = Arc::new(Bits::new());
        let state = State { why: None, members: vec![Arc::downgrade(&bits)] };
        let group = Group { state: Mutex::new(state), stop: Condvar::new() };
        Self { bits, group: Arc::new(group) }
    }

    /// The breaker of a further thread, which stops when this one does.
    pub fn beside(&self) -> Self {
        let bits = Arc::new(Bits::new());
        let mut state = self.group.state.lock();
        state.members.retain(|member| member.strong_count() > 0);
        state.members.push(Arc::downgrade(&bits));
        if state.why.is_some() {
            bits.set(reason::STOP);
        }
        drop(state);
        Self { bits, group: Arc::clone(&self.group) }
    }

    /// The word itself, for protocols that make requests in it.
    pub(crate) fn requests(&self) -> &Arc<Bits> {
        &self.bits
    }

    /// Whether anything is asked: one load.
    #[inline(always)]
    pub fn any(&self) -> bool {
        self.bits.any()
    }

    /// Whether anything is asked but for the turn: one load.
    #[inline(always)]
    pub fn any_but_turn(&self) -> bool {
        self.bits.load() & !reason::QS != 0
    }

    /// The word that [`Breaker::any`] looks at, for who looks without this type: it is not zero when something is asked.
    pub fn word(&self) -> *const u32 {
        self.bits.as_ptr()
    }

    /// Asks for attention.
    pub fn set(&self, reason: u32) {
        self.bits.set(reason);
    }

    /// Takes the requests in `mask`; `STOP` is never taken.
    pub fn take(&self, mask: u32) -> u32 {
        self.bits.take(mask & !reason::STOP)
    }

    /// Whether the thread must stop.
    pub fn stopped(&self) -> bool {
        self.group.state.lock().why.is_some()
    }

    /// Stops the isolate's threads for good, for a reason the stopper knows; the first one wins.
    pub fn stop(&self, why: u32) {
        let mut state = self.group.state.lock();
        state.why.get_or_insert(why);
        state.members.iter().filter_map(Weak::upgrade).for_each(|bits| {
            bits.set(reason::STOP);
        });
        drop(state);
        self.group.stop.notify_all();
    }

    /// Sleeps, as long as the thread is not stopped.
    pub fn sleep(&self, time: Duration) {
        let state = self.group.state.lock();
        if state.why.is_none() {
            drop(self.group.stop.wait_for(state, time));
        }
    }

    /// Runs `f` while nobody stops the threads, asks whether they were stopped, or falls asleep here.
    pub(crate) fn holding<R>(&self, f: impl FnOnce() -> R) -> R {
        let _state = self.group.state.lock();
        f()
    }

    /// Why the thread was stopped.
    pub fn stop_reason(&self) -> Option<u32> {
        self.group.state.lock().why
    }

    /// Lets a stopped isolate run again (a session whose run was interrupted).
    pub fn rearm(&self) {
        let mut state = self.group.state.lock();
        state.why = None;
        state.members.iter().filter_map(Weak::upgrade).for_each(|bits| bits.clear(reason::STOP));
    }
}

impl Default for Breaker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_an_isolate_stop_together_and_are_asked_apart() {
        let (one, two) = {
            let first = Breaker::new();
            (first.beside(), first)
        };
        one.set(reason::GC);
        assert!(one.any() && !two.any());
        two.stop(why::CANCELLED);
        assert!(one.any() && two.any() && one.stopped());
        assert!(one.beside().any(), "a late comer stops as well");
        one.rearm();
        assert_eq!((one.take(u32::MAX), two.any()), (reason::GC, false));
    }
}
