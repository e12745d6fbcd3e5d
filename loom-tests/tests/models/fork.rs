//! A fork: whoever has stopped the world copies it, and the copy works without the others, wherever they were.

use loom::thread;
use typhon_loom_tests::{check_bounded, dies};
use typhon_qsbr::{Bits, Domain, Participant, Requests, mutant::Mutant, sync::Arc};

/// `others` come, pass a checkpoint and leave, while one stops the world, copies it, and goes on in the copy.
fn copied(others: usize) {
    let domain = Arc::new(Domain::new(Requests::default()));
    let running: Vec<_> = (0..others)
        .map(|_| {
            let domain = domain.clone();
            thread::spawn(move || {
                let mut me = Participant::join(&domain, Arc::new(Bits::new()));
                me.online();
                let _ = me.checkpoint();
            })
        })
        .collect();
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    let world = domain.stop_world(&mut me);
    let (twin, mut mine) = domain.copying(|| domain.twin(&me), |_| false);
    drop(world);
    me.offline();

    drop(twin.awake());
    assert!(twin.is_alone(&mine));
    drop(twin.stop_world(&mut mine));
    mine.synchronize();
    let mut late = Participant::join(&twin, Arc::new(Bits::new()));
    late.online();
    assert!(!twin.is_alone(&mine));
    for thread in running {
        thread.join().unwrap();
    }
}

#[test]
fn a_copy_works() {
    check_bounded(3, || copied(1));
}

#[test]
fn a_copy_of_three_works() {
    check_bounded(1, || copied(2));
}

#[test]
fn a_seat_that_nobody_leaves_is_found() {
    dies(Mutant::CopySeated, "is_alone", "fork::a_seat_that_nobody_leaves_is_found", 3, || copied(1));
}

#[test]
fn a_lock_that_nobody_gives_back_is_found() {
    dies(Mutant::CopyUngated, "not in the copy", "fork::a_lock_that_nobody_gives_back_is_found", 3, || copied(1));
}
