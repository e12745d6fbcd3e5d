//! Crossings: who copies the process finds no lock taken that threads take where they begin and end.

use loom::thread;
use typhon_loom_tests::{check, dies, hangs};
use typhon_qsbr::{
    crossing::Crossings,
    mutant::Mutant,
    sync::{Arc, AtomicUsize, Ordering::Relaxed},
};

/// What counts those who cross, and how many of them hold a lock of a library's.
struct Process {
    crossings: Crossings,
    held: AtomicUsize,
}

/// `threads` begin and end, and take the lock for it, while one copies the process.
fn copied(threads: usize) {
    let process = Arc::new(Process { crossings: Crossings::new(), held: AtomicUsize::new(0) });
    let locked = |process: &Process| {
        // Relaxed, here and below: what orders them is what is checked.
        process.held.fetch_add(1, Relaxed);
        process.held.fetch_sub(1, Relaxed);
    };
    let begun: Vec<_> = (0..threads)
        .map(|_| {
            process.crossings.enter();
            let process = process.clone();
            thread::spawn(move || {
                locked(&process);
                process.crossings.leave();
                process.crossings.enter();
                locked(&process);
                process.crossings.leave();
            })
        })
        .collect();
    let held = process.crossings.copying(|| process.held.load(Relaxed));
    assert_eq!(held, 0, "held by a thread that is not in the copy");
    begun.into_iter().for_each(|thread| thread.join().unwrap());
}

#[test]
fn nobody_crosses_while_it_is_copied() {
    check(|| copied(1));
    check(|| copied(2));
}

#[test]
fn a_copy_at_any_time_is_found() {
    dies(Mutant::CopyUngated, "not in the copy", "crossing::a_copy_at_any_time_is_found", usize::MAX, || copied(1));
}

#[test]
fn whoever_waits_to_copy_is_counted() {
    hangs(Mutant::CopyUncounted, "crossing::whoever_waits_to_copy_is_counted", || copied(1));
}
