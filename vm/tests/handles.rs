//! Cancel handles and thread clocks.

use std::sync::Arc;
use std::sync::mpsc::channel;

use typhon_vm::{Cancel, CancelReason, ThreadClock};

#[test]
fn the_first_terminal_reason_stays() {
    let cancel = Cancel::new();
    assert_eq!(cancel.reason(), None);
    assert!(cancel.cancel(CancelReason::ServerDrain));
    assert!(!cancel.clone().cancel(CancelReason::ClientGone));
    assert_eq!(cancel.reason(), Some(CancelReason::ServerDrain));
}

#[test]
fn an_interrupt_is_taken_once_and_is_not_terminal() {
    let cancel = Cancel::new();
    assert!(cancel.cancel(CancelReason::Interrupt));
    assert_eq!(cancel.reason(), None);
    assert!(cancel.take_interrupt());
    assert!(!cancel.take_interrupt());
    assert!(cancel.cancel(CancelReason::ClientGone));
}

#[test]
fn hooks_hear_what_was_and_what_comes_until_they_are_dropped() {
    let (sender, receiver) = channel();
    let cancel = Cancel::new();
    let hook = {
        let sender = sender.clone();
        move |reason: &CancelReason| sender.send(reason.clone()).expect("the receiver is alive")
    };
    let first = cancel.attach(hook.clone());
    cancel.cancel(CancelReason::Interrupt);
    assert_eq!(receiver.try_recv(), Ok(CancelReason::Interrupt));
    drop(first);
    cancel.cancel(CancelReason::ClientGone);
    assert!(receiver.try_recv().is_err());
    let _late = cancel.attach(hook);
    assert_eq!(receiver.try_recv(), Ok(CancelReason::ClientGone));
}

#[test]
fn a_hook_may_use_the_handle_it_hangs_on() {
    let cancel = Cancel::new();
    let (sender, receiver) = channel();
    let inner = Arc::new(cancel.clone());
    let _attachment = cancel.attach(move |_| sender.send(inner.reason()).expect("the receiver is alive"));
    cancel.cancel(CancelReason::ServerDrain);
    assert_eq!(receiver.try_recv(), Ok(Some(CancelReason::ServerDrain)));
}

#[test]
fn a_clock_counts_its_own_thread() {
    let (clock_sender, clock) = channel();
    let (go, wait) = channel::<()>();
    let thread = std::thread::spawn(move || {
        clock_sender.send(ThreadClock::of_this_thread().expect("a clock")).expect("the test is alive");
        wait.recv().expect("the test is alive");
    });
    let clock = clock.recv().expect("the thread is alive");
    let before = clock.elapsed().expect("the thread is alive");
    go.send(()).expect("the thread is alive");
    thread.join().expect("the thread ends well");
    let own = ThreadClock::of_this_thread().expect("a clock");
    let start = own.elapsed().expect("this thread is alive");
    let mut spun = 0u64;
    while own.elapsed().expect("this thread is alive") == start {
        spun += 1;
    }
    assert!(before.as_secs() < 5 && spun < u64::MAX);
}
