//! Waiting for a grace period: nobody waits for somebody who waits, and no wakeup is lost.

use loom::thread;
use typhon_loom_tests::{check, hangs};
use typhon_qsbr::{Bits, Domain, Participant, Requests, mutant::Mutant, sync::Arc};

/// Two threads that are both online and both wait.
fn two_wait() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    let mut other = Participant::join(&domain, Arc::new(Bits::new()));
    me.online();
    other.online();
    let other = thread::spawn(move || other.synchronize());
    me.synchronize();
    drop(me);
    other.join().unwrap();
}

/// One waits, the other honours whatever it is asked for, and leaves.
fn one_waits() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    let mut other = Participant::join(&domain, Arc::new(Bits::new()));
    other.online();
    let other = thread::spawn(move || {
        other.report();
        other.offline();
    });
    me.synchronize();
    other.join().unwrap();
}

#[test]
fn two_do_not_wait_for_each_other() {
    check(two_wait);
}

#[test]
fn a_departure_wakes() {
    check(one_waits);
}

#[test]
fn waiting_is_offline() {
    hangs(Mutant::WaitOnline, "qsbr_waiting::waiting_is_offline", two_wait);
}

#[test]
fn a_wakeup_needs_its_fence() {
    hangs(Mutant::WakeWithoutFence, "qsbr_waiting::a_wakeup_needs_its_fence", one_waits);
}
