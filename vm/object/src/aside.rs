//! Aside: work that looks at no object, on a thread of its own, which a stopped isolate does not wait for.
//!
//! The parser of Python's grammar cannot be interrupted, and takes a second for some megabytes; nor can one step over an
//! integer of some hundred million bits. Such work is done here: the guest's thread waits, answers its breaker, keeps its
//! account of what the work takes, and leaves the work to itself when it must stop. What is left behind ends by itself, at
//! once where it can ask whether it is [`wanted`]; meanwhile it keeps its turn, so that no number of stopped guests can
//! start more work than the machine has processors.

use crate::crossing;
use crate::error::{self, Res};
use crate::meter::{self, Side};
use crate::thread::Thread;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread::Builder;
use std::time::Duration;
use typhon_qsbr::sync::Mutex;

/// How long the guest's thread waits between two looks at its breaker.
const LOOK: Duration = Duration::from_millis(1);
const STACK: usize = 16 << 20;

/// Workers at work.
static BUSY: Mutex<usize> = Mutex::new(0);

/// Keeps everybody from beginning or ending such work until what is returned is dropped.
pub(crate) fn hold() -> impl Drop {
    BUSY.lock()
}

/// A place among the workers.
struct Turn;

impl Turn {
    fn take() -> Option<Self> {
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        let mut busy = BUSY.lock();
        (*busy < most).then(|| {
            *busy += 1;
            Self
        })
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        *BUSY.lock() -= 1;
    }
}

/// What the guest's thread has told its account of one piece of work; gone, it wants the work no more.
struct Waiter<'a> {
    t: &'a Thread,
    side: Arc<Side>,
    told: isize,
}

impl Waiter<'_> {
    fn tell(&mut self, taken: isize) {
        self.t.heap().note_outside(taken.wrapping_sub(self.told));
        self.told = taken;
    }
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        self.side.leave();
    }
}

/// Whether somebody waits for the work that the calling thread does aside.
pub fn wanted() -> bool {
    meter::wanted()
}

/// What `work` gives. It may take `bytes` more than there is left by no more than a little: what it takes counts as taken
/// by the isolate while it is at work, but cannot be refused.
pub fn run<R: Send + 'static>(t: &Thread, bytes: usize, work: impl FnOnce() -> R + Send + 'static) -> Res<R> {
    t.check_alloc(bytes)?;
    let turn = loop {
        match Turn::take() {
            Some(turn) => break turn,
            None => t.breaker.sleep(LOOK),
        }
        t.poll()?;
    };
    let mut waiter = Waiter { t, side: Arc::new(Side::default()), told: 0 };
    match wait(&mut waiter, turn, work) {
        Ok((made, kept)) => {
            waiter.tell(kept);
            Ok(made)
        }
        Err(e) => {
            waiter.tell(0);
            Err(e)
        }
    }
}

fn wait<R: Send + 'static>(
    waiter: &mut Waiter<'_>,
    turn: Turn,
    work: impl FnOnce() -> R + Send + 'static,
) -> Res<(R, isize)> {
    let t = waiter.t;
    let (answer, answered) = channel();
    let side = waiter.side.clone();
    let body = move || {
        let done = meter::tally(&side, work);
        drop(turn);
        // Nobody waits any more: then it goes here.
        drop(answer.send(done));
    };
    if crossing::spawn(Builder::new().name("aside".to_owned()).stack_size(STACK), body).is_err() {
        return Err(t.memory_error());
    }
    loop {
        match answered.recv_timeout(LOOK) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Timeout) => {
                let taken = waiter.side.taken();
                waiter.tell(taken);
                t.poll()?;
            }
            Err(RecvTimeoutError::Disconnected) => {
                return Err(error::system_error(t, "a worker ended without an answer"));
            }
        }
    }
}
