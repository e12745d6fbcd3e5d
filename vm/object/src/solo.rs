//! Solo: a thread goes on as if it had the isolate to itself, as long as all others wait.
//!
//! That objects are read and changed with care, that natives take a lock, and that what is given up waits, is for threads
//! that run at the same time. Often only one runs: the others wait for a task, for a lock, for its end. A thread that has
//! noticed ([`reason::LONELY`]) runs alone in the isolate's domain (`typhon_qsbr::alone`) and takes all of that back, as if
//! the others had ended. Whoever wants to come online asks for company ([`reason::COMPANY`]) and waits until this thread
//! looks up; then objects are shared again, with what the others own and hold as they left it. What a thread that waits may
//! have left behind is looked at with care meanwhile ([`has_siblings`]): what has died and not ended, the frames of the
//! others, objects that they count.
//!
//! Who notices: the thread itself, when it has found nobody online many times in a row where it asks anyhow, or whoever
//! has waited for a while, if there is nobody else.

use crate::breaker::reason;
use crate::tally::Count;
use crate::thread::{self, Thread};
use std::cell::Cell;
use std::time::Duration;

/// So often in a row a thread must have found nobody online. (Seldom enough that two threads which wait for each other all the
/// time do not pay for it; where assertions are checked, often.)
const OFTEN: u32 = if cfg!(debug_assertions) { 4 } else { 1024 };

/// How long a thread has waited that looks whether one is left alone.
pub const A_WHILE: Duration = Duration::from_micros(if cfg!(debug_assertions) { 50 } else { 2000 });

/// A thread's part in it.
#[derive(Default)]
pub(crate) struct Solo {
    /// It runs solo.
    on: Cell<bool>,
    /// How often in a row it has found nobody online.
    lonely: Cell<u32>,
}

/// Whether the isolate has other threads, running or not: there may be what they have left behind.
#[inline]
pub fn has_siblings() -> bool {
    thread::is_shared() || thread::current().is_some_and(Thread::is_solo)
}

impl Thread {
    /// [`has_siblings`]: where this thread polls, another may come in between, though nothing is shared yet.
    #[inline]
    pub fn has_siblings(&self) -> bool {
        self.is_shared() || self.is_solo()
    }

    /// Whether the isolate's other threads all wait, until this one lets them go on.
    #[inline]
    pub fn is_solo(&self) -> bool {
        self.solo.on.get()
    }

    /// Nobody else was online just now, or somebody was.
    #[inline]
    pub(crate) fn notice(&self, lonely: bool) {
        let times = if lonely { self.solo.lonely.get() + 1 } else { 0 };
        self.solo.lonely.set(times % OFTEN);
        if times == OFTEN {
            self.breaker.set(reason::LONELY);
        }
    }

    /// This thread has waited for [`A_WHILE`], and is offline: if one is left that runs, it is to know.
    pub fn leave_alone(&self) {
        if self.isolate.is_free() && self.isolate.domain.seems_left_to_one() {
            self.isolate.ask_others(self, reason::LONELY);
        }
    }

    /// The others wait: nothing is shared until one of them comes. At a checkpoint, outside of natives. The native lock is taken for as
    /// long: what begins while nobody has to be locked out is in the middle of a native when somebody comes.
    pub(crate) fn begin_solo(&self) {
        // Finalizers may run, and do as they like.
        self.give_stock_back();
        if !self.is_parallel() || self.native.get() || !self.isolate.native.try_take() {
            return;
        }
        if self.isolate.native.is_awaited() || !self.with_participant(|domain, me| domain.begin_alone(me)) {
            self.isolate.native.give(false);
            return;
        }
        self.share_nothing();
        self.solo.on.set(true);
        self.tally.add(Count::Solos, 1);
        self.free_all();
    }

    /// Others want to run, or this thread is about to wait: objects are shared again, from here on. This thread has the native lock,
    /// for the native that it may be in the middle of; and machine code comes back to the interpreter.
    pub fn end_solo(&self) {
        if self.solo.on.get() {
            self.company();
        }
    }

    #[cold]
    #[inline(never)]
    fn company(&self) {
        self.solo.on.set(false);
        self.share_all();
        self.native.set(true);
        self.breaker.set(reason::GRACE);
        self.with_participant(|domain, me| domain.end_alone(me));
    }
}
