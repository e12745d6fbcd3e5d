//! The grace period: what is freed after it, nobody reads.

use loom::thread;
use typhon_loom_tests::{Payload, caught, check, check_bounded};
use typhon_qsbr::{
    Bits, Domain, Participant, Requests,
    mutant::Mutant,
    sync::{Arc, AtomicUsize, Ordering::Relaxed},
};

struct World {
    domain: Arc<Domain>,
    /// Which payload may be read. Relaxed: only the grace period orders it.
    current: AtomicUsize,
    payloads: [Payload; 2],
}

fn world() -> Arc<World> {
    let domain = Arc::new(Domain::new(Requests::default()));
    Arc::new(World { domain, current: AtomicUsize::new(0), payloads: [Payload::new(10), Payload::new(11)] })
}

impl World {
    fn read(&self) {
        let current = self.current.load(Relaxed);
        assert_eq!(self.payloads[current].read(), 10 + current as u64);
    }
}

/// Readers that report between two reads, and a writer that frees what they may have read first.
fn grace(readers: usize) {
    let world = world();
    let readers: Vec<_> = (0..readers)
        .map(|_| {
            let world = world.clone();
            thread::spawn(move || {
                let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
                me.online();
                world.read();
                me.report();
                world.read();
                me.offline();
            })
        })
        .collect();
    let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
    world.current.store(1, Relaxed);
    me.synchronize();
    world.payloads[0].free();
    for reader in readers {
        reader.join().unwrap();
    }
}

/// The same with a writer that never waits: it polls once.
fn polled() {
    let world = world();
    let reader = {
        let world = world.clone();
        thread::spawn(move || {
            let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
            me.online();
            world.read();
            me.report();
            world.read();
            drop(me);
        })
    };
    world.current.store(1, Relaxed);
    let goal = world.domain.advance();
    if world.domain.poll(goal) {
        world.payloads[0].free();
    }
    reader.join().unwrap();
    assert!(world.domain.poll(goal), "everybody has left");
}

/// Two writers: what one has scanned serves the other.
fn scanned_by_another() {
    let world = world();
    let reader = {
        let world = world.clone();
        thread::spawn(move || {
            let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
            me.online();
            world.read();
            me.offline();
        })
    };
    let other = {
        let world = world.clone();
        thread::spawn(move || {
            let goal = world.domain.advance();
            let _ = world.domain.poll(goal);
        })
    };
    world.current.store(1, Relaxed);
    let goal = world.domain.advance();
    if world.domain.poll(goal) {
        world.payloads[0].free();
    }
    reader.join().unwrap();
    other.join().unwrap();
}

#[test]
fn one_reader() {
    check(|| grace(1));
}

#[test]
fn two_readers() {
    check_bounded(1, || grace(2));
}

#[test]
fn a_writer_that_polls() {
    check(polled);
}

#[test]
fn two_writers() {
    check(scanned_by_another);
}

#[test]
fn online_needs_its_fence() {
    caught(Mutant::OnlineWithoutFence, polled);
}

#[test]
fn the_scan_needs_its_fence() {
    caught(Mutant::ScanWithoutFence, polled);
}

#[test]
fn a_report_is_a_release() {
    caught(Mutant::ReportRelaxed, polled);
}

#[test]
fn going_offline_is_a_release() {
    caught(Mutant::OfflineRelaxed, polled);
}

#[test]
fn the_advance_is_a_release() {
    caught(Mutant::AdvanceRelaxed, polled);
}
