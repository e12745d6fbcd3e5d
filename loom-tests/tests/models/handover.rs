//! The lock that is handed on: one holder, nobody waits for ever, and a copy of the process has it whole.

use loom::thread;
use typhon_loom_tests::{Payload, caught, check, check_bounded, hangs};
use typhon_qsbr::{handover::Handover, mutant::Mutant, sync::Arc};

fn take(lock: &Handover) {
    if !lock.try_take() {
        lock.wait(|| ());
    }
}

/// `threads` add to what the lock protects, each as often as `fair` has entries, which say how the lock is given back.
fn contended(threads: usize, fair: &'static [bool]) {
    let shared = Arc::new((Handover::new(), Payload::new(0)));
    let work = move |(lock, payload): &(Handover, Payload)| {
        for fair in fair {
            take(lock);
            payload.add(1);
            lock.give(*fair);
        }
    };
    let others: Vec<_> = (1..threads)
        .map(|_| {
            let shared = shared.clone();
            thread::spawn(move || work(&shared))
        })
        .collect();
    work(&shared);
    others.into_iter().for_each(|other| other.join().unwrap());
    assert_eq!(shared.1.read(), (threads * fair.len()) as u64);
    assert!(!shared.0.is_taken());
}

/// One waits while the holder copies the process, who then gives the lock back and takes it, in the copy.
fn copied() {
    let lock = Arc::new(Handover::new());
    assert!(lock.try_take());
    let waiter = lock.clone();
    let waiting = thread::spawn(move || {
        waiter.wait(|| ());
        waiter.give(false);
    });
    let twin = {
        let mut held = lock.hold();
        let mut twin = held.twin();
        twin.hold().forget_others();
        twin
    };
    lock.give(true);
    for fair in [false, true] {
        assert!(twin.is_taken());
        twin.give(fair);
        assert!(twin.try_take(), "it is kept for somebody who is not in the copy");
    }
    waiting.join().unwrap();
    assert!(!lock.is_taken());
}

#[test]
fn two_take_it_and_hand_it_on() {
    check(|| contended(2, &[true]));
    check(|| contended(2, &[false]));
}

#[test]
fn twice_each() {
    check_bounded(3, || contended(2, &[false, true]));
}

#[test]
fn three_take_it() {
    check_bounded(3, || contended(3, &[false]));
    check_bounded(3, || contended(3, &[true]));
}

#[test]
fn giving_it_back_is_a_release() {
    caught(Mutant::UnlockRelaxed, || contended(2, &[false]));
}

#[test]
fn what_is_handed_on_is_not_free() {
    caught(Mutant::HandedAndFree, || contended(2, &[true, true]));
}

#[test]
fn whoever_gets_it_is_woken() {
    hangs(Mutant::HandedUnrung, "handover::whoever_gets_it_is_woken", || contended(2, &[true]));
}

#[test]
fn a_waiter_marks_it() {
    hangs(Mutant::AwaitUnmarked, "handover::a_waiter_marks_it", || contended(2, &[true]));
}

#[test]
fn a_copy_has_no_waiters() {
    check(copied);
}

#[test]
fn waiters_that_are_still_counted_are_found() {
    caught(Mutant::CopyCounted, copied);
}
