//! Aside: work that looks at no object, on a thread of its own, which a stopped isolate does not wait for.
//!
//! The parser of Python's grammar cannot be interrupted, and takes a second for some megabytes; nor can one step over an
//! integer of some hundred million bits. Such work is done here: the guest's thread waits, answers its breaker, and leaves the work to itself when it must stop. What is left
//! behind ends by itself; meanwhile it keeps its turn, so that no number of stopped guests can start more work than the
//! machine has processors.

use crate::error::{self, Res};
use crate::meter;
use crate::thread::Thread;
use parking_lot::Mutex;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// How long the guest's thread waits between two looks at its breaker.
const LOOK: Duration = Duration::from_millis(1);
const STACK: usize = 16 << 20;

/// Workers at work.
static BUSY: Mutex<usize> = Mutex::new(0);

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

/// What `work` gives. Until it is there the isolate's account carries `bytes` for it, then what it really kept.
pub fn run<R: Send + 'static>(t: &Thread, bytes: usize, work: impl FnOnce() -> R + Send + 'static) -> Res<R> {
    t.check_alloc(bytes)?;
    let turn = loop {
        match Turn::take() {
            Some(turn) => break turn,
            None => t.breaker.sleep(LOOK),
        }
        t.poll()?;
    };
    let bytes = bytes as isize;
    t.heap().note_outside(bytes);
    let done = wait(t, turn, work);
    t.heap().note_outside(-bytes);
    let (made, kept) = done?;
    t.heap().note_outside(kept);
    Ok(made)
}

fn wait<R: Send + 'static>(t: &Thread, turn: Turn, work: impl FnOnce() -> R + Send + 'static) -> Res<(R, isize)> {
    let (answer, answered) = channel();
    let body = move || {
        let done = meter::tally(work);
        drop(turn);
        // Nobody waits any more: then it goes here.
        drop(answer.send(done));
    };
    if std::thread::Builder::new().name("aside".to_owned()).stack_size(STACK).spawn(body).is_err() {
        return Err(t.memory_error());
    }
    loop {
        match answered.recv_timeout(LOOK) {
            Ok(done) => return Ok(done),
            Err(RecvTimeoutError::Timeout) => t.poll()?,
            Err(RecvTimeoutError::Disconnected) => {
                return Err(error::system_error(t, "a worker ended without an answer"));
            }
        }
    }
}
