//! The byte lock: one holder, and nobody waits for ever.

use loom::thread;
use typhon_loom_tests::{Object, Payload, caught, check};
use typhon_qsbr::{Bits, Domain, Participant, Requests, mutant::Mutant, sync::Arc};
use typhon_rc::TAG_FOREIGN;

struct World {
    objects: [Arc<Object>; 2],
    sums: [Payload; 2],
}

fn world() -> Arc<World> {
    let objects = [Object::new(TAG_FOREIGN), Object::new(TAG_FOREIGN)];
    Arc::new(World { objects, sums: [Payload::new(0), Payload::new(0)] })
}

impl World {
    fn add(&self, at: usize) {
        let lock = self.objects[at].header.lock();
        lock.lock(&mut ());
        self.sums[at].add(1);
        lock.unlock();
    }
}

/// Threads that each take the lock once.
fn contended(threads: usize) {
    let world = world();
    let others: Vec<_> = (1..threads)
        .map(|_| {
            let world = world.clone();
            thread::spawn(move || world.add(0))
        })
        .collect();
    world.add(0);
    for other in others {
        other.join().unwrap();
    }
    assert_eq!(world.sums[0].read(), threads as u64);
    assert!(!world.objects[0].header.lock().is_locked());
}

/// The holder waits for a grace period, for which the waiter's report is needed: it is offline while it naps.
fn waiting_with_a_lock() {
    let world = world();
    let domain = Arc::new(Domain::new(Requests::default()));
    let waiter = {
        let (world, domain) = (world.clone(), domain.clone());
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
            let lock = world.objects[0].header.lock();
            lock.lock(&mut me);
            assert!(me.guard().is_some(), "online again");
            world.sums[0].add(1);
            lock.unlock();
        })
    };
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    let lock = world.objects[0].header.lock();
    lock.lock(&mut me);
    world.sums[0].add(1);
    me.synchronize();
    lock.unlock();
    waiter.join().unwrap();
    assert_eq!(world.sums[0].read(), 2);
}

#[test]
fn two_threads() {
    check(|| contended(2));
}

#[test]
fn three_threads() {
    check(|| contended(3));
}

#[test]
fn who_waits_is_offline() {
    check(waiting_with_a_lock);
}

#[test]
fn unlocking_is_a_release() {
    caught(Mutant::UnlockRelaxed, || contended(2));
}
