//! The watchdog cancels what runs out, and nothing else.

use std::sync::mpsc::{Receiver, channel};

use super::*;

fn reason_of(cancel: &Cancel) -> (Receiver<CancelReason>, typhon_vm::Attachment) {
    let (sender, receiver) = channel();
    let attachment = cancel.attach(move |reason| {
        // The test may have seen enough and gone.
        let _sent = sender.send(reason.clone());
    });
    (receiver, attachment)
}

/// The meter of the calling thread.
fn running() -> CpuMeter {
    let meter = CpuMeter::default();
    meter.begin();
    meter
}

const LONG: Duration = Duration::from_secs(3600);

#[test]
fn wall_time_runs_out_for_a_sleeper() {
    let (watchdog, cancel) = (Watchdog::start().expect("a thread"), Cancel::new());
    let (reason, _attachment) = reason_of(&cancel);
    let _watch = watchdog.watch(Duration::from_millis(5), LONG, &running(), &cancel);
    match reason.recv() {
        Ok(CancelReason::Limit(hit)) => {
            assert_eq!((hit.which, hit.limit), (LimitName::Wall, 5_000_000));
            assert!(hit.used >= hit.limit);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn cpu_time_runs_out_for_a_spinner() {
    let (watchdog, cancel) = (Watchdog::start().expect("a thread"), Cancel::new());
    let _watch = watchdog.watch(LONG, Duration::from_millis(5), &running(), &cancel);
    while cancel.reason().is_none() {
        std::hint::spin_loop();
    }
    assert!(matches!(cancel.reason(), Some(CancelReason::Limit(hit)) if hit.which == LimitName::Cpu));
}

#[test]
fn what_is_no_longer_watched_is_left_alone() {
    let (watchdog, first, second) = (Watchdog::start().expect("a thread"), Cancel::new(), Cancel::new());
    drop(watchdog.watch(Duration::from_millis(5), LONG, &running(), &first));
    let (reason, _attachment) = reason_of(&second);
    let _watch = watchdog.watch(Duration::from_millis(30), LONG, &running(), &second);
    reason.recv().expect("the second runs out");
    assert_eq!(first.reason(), None);
}

#[test]
fn an_earlier_deadline_wakes_a_watchdog_that_sleeps_for_a_later_one() {
    let (watchdog, late, early) = (Watchdog::start().expect("a thread"), Cancel::new(), Cancel::new());
    let _late = watchdog.watch(LONG, LONG, &running(), &late);
    let (reason, _attachment) = reason_of(&early);
    let _early = watchdog.watch(Duration::from_millis(5), LONG, &running(), &early);
    reason.recv().expect("the earlier one runs out");
    assert_eq!(late.reason(), None);
}
