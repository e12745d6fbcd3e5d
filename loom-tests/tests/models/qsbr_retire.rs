//! Retiring: batches and goals, and what a thread leaves behind when it ends.

use loom::thread;
use typhon_loom_tests::{Payload, caught, check};
use typhon_qsbr::{
    Bits, Domain, Limbo, Orphanage, Participant, Pressure, Requests,
    mutant::Mutant,
    sync::{Arc, AtomicUsize, Ordering::Relaxed},
};

struct World {
    domain: Arc<Domain>,
    current: AtomicUsize,
    payloads: [Payload; 3],
    orphans: Orphanage<usize>,
}

fn world() -> Arc<World> {
    Arc::new(World {
        domain: Arc::new(Domain::new(Requests::default())),
        current: AtomicUsize::new(0),
        payloads: [Payload::new(10), Payload::new(11), Payload::new(12)],
        orphans: Orphanage::new(),
    })
}

impl World {
    fn read(&self) {
        let current = self.current.load(Relaxed);
        assert_eq!(self.payloads[current].read(), 10 + current as u64);
    }
}

fn reader(world: &Arc<World>) -> thread::JoinHandle<()> {
    let world = world.clone();
    thread::spawn(move || {
        let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
        me.online();
        world.read();
        let _ = me.checkpoint();
        world.read();
    })
}

fn free_ripe(world: &World, limbo: &mut Limbo<usize>) {
    while let Some(ripe) = limbo.take_ripe(&world.domain) {
        ripe.into_iter().for_each(|item| world.payloads[item].free());
    }
}

/// A writer fills a batch, and frees what is ripe at once and later.
fn batches() {
    let world = world();
    let reader = reader(&world);
    let mut limbo = Limbo::new();
    world.current.store(1, Relaxed);
    assert_eq!(limbo.retire(&world.domain, 0, 1), Pressure::Low);
    free_ripe(&world, &mut limbo);
    world.current.store(2, Relaxed);
    assert_eq!(limbo.retire(&world.domain, 1, 1), Pressure::Sealed);
    free_ripe(&world, &mut limbo);
    reader.join().unwrap();
    free_ripe(&world, &mut limbo);
    assert!(limbo.is_empty() && world.payloads[0].is_freed() && world.payloads[1].is_freed());
}

/// A thread unlinks something and ends; another frees what it left.
fn handed_over() {
    let world = world();
    let reader = reader(&world);
    let short = {
        let world = world.clone();
        thread::spawn(move || {
            let mut limbo = Limbo::new();
            world.current.store(1, Relaxed);
            let _low = limbo.retire(&world.domain, 0, 1);
            world.orphans.take_over(&world.domain, &mut limbo);
        })
    };
    let adopt = || {
        while let Some(ripe) = world.orphans.take_ripe(&world.domain) {
            ripe.into_iter().for_each(|item| world.payloads[item].free());
        }
    };
    adopt();
    reader.join().unwrap();
    short.join().unwrap();
    adopt();
    assert!(world.orphans.is_empty() && world.payloads[0].is_freed(), "garbage was lost at exit");
}

#[test]
fn a_batch_waits_for_its_goal() {
    check(batches);
}

#[test]
fn garbage_outlives_its_thread() {
    check(handed_over);
}

#[test]
fn garbage_is_not_ripe_by_being_handed_over() {
    caught(Mutant::HandOverRipe, handed_over);
}

#[test]
fn a_batch_needs_the_advance() {
    caught(Mutant::AdvanceRelaxed, batches);
}

#[test]
fn a_batch_needs_the_report() {
    caught(Mutant::ReportRelaxed, batches);
}
