//! Stopping the world: nobody else is online, and what each side wrote the other sees.

use loom::thread;
use typhon_loom_tests::{Payload, caught, check, check_bounded};
use typhon_qsbr::{Bits, Domain, Participant, Requests, mutant::Mutant, sync::Arc};

/// Threads that come, work on what belongs to all, pass a checkpoint, work and leave, while `stoppers` stop the world.
fn stopped(workers: usize, stoppers: usize) {
    let domain = Arc::new(Domain::new(Requests::default()));
    let heaps: Arc<Vec<Payload>> = Arc::new((0..workers).map(|_| Payload::new(0)).collect());
    let working: Vec<_> = (0..workers)
        .map(|mine| {
            let (domain, heaps) = (domain.clone(), heaps.clone());
            thread::spawn(move || {
                let mut me = Participant::join(&domain, Arc::new(Bits::new()));
                me.online();
                heaps[mine].add(1);
                let _ = me.checkpoint();
                heaps[mine].add(1);
                me.offline();
            })
        })
        .collect();
    let stop = |domain: &Arc<Domain>, heaps: &[Payload]| {
        let mut me = Participant::join(domain, Arc::new(Bits::new()));
        let world = domain.stop_world(&mut me);
        assert!(domain.is_stopped_by(&me));
        heaps.iter().for_each(|heap| heap.add(10));
        drop(world);
    };
    let stopping: Vec<_> = (1..stoppers)
        .map(|_| {
            let (domain, heaps) = (domain.clone(), heaps.clone());
            thread::spawn(move || stop(&domain, &heaps))
        })
        .collect();
    stop(&domain, &heaps);
    for thread in working.into_iter().chain(stopping) {
        thread.join().unwrap();
    }
    assert!(!domain.is_stopped());
    let sum = 2 + 10 * stoppers as u64;
    assert!(heaps.iter().all(|heap| heap.read() == sum), "a write was lost");
}

/// One stops the world while the other, online, waits for a grace period.
fn stopped_while_waiting() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let mut waiter = Participant::join(&domain, Arc::new(Bits::new()));
    waiter.online();
    let waiting = thread::spawn(move || {
        waiter.synchronize();
        waiter.offline();
    });
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    me.online();
    let world = domain.stop_world(&mut me);
    drop(world);
    me.offline();
    waiting.join().unwrap();
}

#[test]
fn one_worker() {
    check(|| stopped(1, 1));
}

#[test]
fn two_workers() {
    check_bounded(1, || stopped(2, 1));
}

#[test]
fn two_stoppers() {
    check_bounded(2, || stopped(1, 2));
}

#[test]
fn a_waiter_does_not_hold_up_a_stop() {
    check(stopped_while_waiting);
}

#[test]
fn nobody_comes_online_meanwhile() {
    caught(Mutant::OnlineIgnoresStop, || stopped(1, 1));
}

#[test]
fn coming_online_needs_the_fence() {
    caught(Mutant::OnlineWithoutFence, || stopped(1, 1));
}

#[test]
fn going_offline_is_a_release() {
    caught(Mutant::OfflineRelaxed, || stopped(1, 1));
}

#[test]
fn going_on_is_a_release() {
    caught(Mutant::ResumeRelaxed, || stopped(1, 1));
}
