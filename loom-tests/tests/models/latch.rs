//! The latch: one holder, and whoever sleeps for it is woken.

use loom::thread;
use typhon_loom_tests::{Payload, breaks, caught, check, hangs};
use typhon_qsbr::{
    latch::Latch,
    mutant::Mutant,
    sync::{Arc, Condvar, Mutex},
};

/// A Python lock: a latch, and those who sleep under another lock.
struct Lock {
    latch: Latch,
    sleepers: Mutex<usize>,
    bell: Condvar,
    payload: Payload,
}

impl Lock {
    fn acquire(&self) {
        if self.latch.try_take() {
            return;
        }
        let mut sleepers = self.sleepers.lock();
        while !self.latch.take_or_mark() {
            *sleepers += 1;
            sleepers = self.bell.wait(sleepers);
            *sleepers -= 1;
        }
    }

    fn release(&self) {
        if self.latch.try_give() {
            return;
        }
        let sleepers = self.sleepers.lock();
        assert!(self.latch.give(), "it was taken");
        if *sleepers > 0 {
            self.bell.notify_one();
        }
    }
}

/// `threads` add to what the lock protects; `properly` or without looking whether somebody has it.
fn contended(threads: usize, properly: bool) {
    let lock =
        Arc::new(Lock { latch: Latch::new(), sleepers: Mutex::new(0), bell: Condvar::new(), payload: Payload::new(0) });
    let work = move |lock: &Lock| {
        if properly {
            lock.acquire();
        }
        lock.payload.add(1);
        if properly {
            lock.release();
        }
    };
    let others: Vec<_> = (1..threads)
        .map(|_| {
            let lock = lock.clone();
            thread::spawn(move || work(&lock))
        })
        .collect();
    work(&lock);
    others.into_iter().for_each(|other| other.join().unwrap());
    assert_eq!(lock.payload.read(), threads as u64);
    assert!(!lock.latch.is_taken());
}

#[test]
fn two_take_it() {
    check(|| contended(2, true));
}

#[test]
fn giving_it_back_is_a_release() {
    caught(Mutant::UnlockRelaxed, || contended(2, true));
}

#[test]
fn a_waiter_marks_it() {
    hangs(Mutant::AwaitUnmarked, "latch::a_waiter_marks_it", || contended(2, true));
}

#[test]
fn not_taking_it_is_found() {
    breaks(|| contended(2, false));
}
