//! The byte lock: one holder, and nobody sleeps for ever.

use loom::thread;
use typhon_loom_tests::{Object, Payload, caught, check, check_bounded, hangs};
use typhon_qsbr::{Bits, Domain, Participant, Requests, mutant::Mutant, sync::Arc};
use typhon_rc::{ParkingLot, TAG_FOREIGN};

struct World {
    lot: ParkingLot,
    objects: [Arc<Object>; 2],
    sums: [Payload; 2],
}

fn world() -> Arc<World> {
    let objects = [Object::new(TAG_FOREIGN), Object::new(TAG_FOREIGN)];
    Arc::new(World { lot: ParkingLot::new(), objects, sums: [Payload::new(0), Payload::new(0)] })
}

impl World {
    fn add(&self, at: usize) {
        let lock = self.objects[at].header.lock();
        lock.lock(&self.lot, &mut ());
        self.sums[at].add(1);
        lock.unlock(&self.lot);
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

/// Two locks in one bucket: a wakeup for one is not eaten by a sleeper for the other.
fn one_bucket() {
    let world = world();
    let others: Vec<_> = (0..2)
        .map(|at| {
            let world = world.clone();
            thread::spawn(move || world.add(at))
        })
        .collect();
    world.add(0);
    world.add(1);
    for other in others {
        other.join().unwrap();
    }
    assert_eq!((world.sums[0].read(), world.sums[1].read()), (2, 2));
}

/// The holder waits for a grace period, for which the sleeper's report is needed: it is offline while it sleeps.
fn waiting_with_a_lock() {
    let world = world();
    let domain = Arc::new(Domain::new(Requests::default()));
    let sleeper = {
        let (world, domain) = (world.clone(), domain.clone());
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
            let lock = world.objects[0].header.lock();
            lock.lock(&world.lot, &mut me);
            assert!(me.guard().is_some(), "online again");
            world.sums[0].add(1);
            lock.unlock(&world.lot);
        })
    };
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    let lock = world.objects[0].header.lock();
    lock.lock(&world.lot, &mut me);
    world.sums[0].add(1);
    me.synchronize();
    lock.unlock(&world.lot);
    sleeper.join().unwrap();
    assert_eq!(world.sums[0].read(), 2);
}

#[test]
fn two_threads() {
    check(|| contended(2));
}

#[test]
fn three_threads() {
    check_bounded(2, || contended(3));
}

#[test]
fn two_locks_in_one_bucket() {
    check_bounded(2, one_bucket);
}

#[test]
fn a_sleeper_is_offline() {
    check_bounded(2, waiting_with_a_lock);
}

#[test]
fn the_parked_are_remembered() {
    hangs(Mutant::UnlockForgetsParked, "rc_lock::the_parked_are_remembered", || contended(2));
}

#[test]
fn the_word_is_looked_at_again() {
    hangs(Mutant::ParkWithoutRecheck, "rc_lock::the_word_is_looked_at_again", || contended(2));
}

#[test]
fn unlocking_is_a_release() {
    caught(Mutant::UnlockRelaxed, || contended(2));
}
