//! Registration: seats are taken while others scan them, and are used again.

use loom::thread;
use typhon_loom_tests::{Payload, caught, check};
use typhon_qsbr::{
    Bits, Domain, Participant, Requests,
    mutant::Mutant,
    sync::{Arc, AtomicUsize, Ordering::Relaxed},
};

struct World {
    domain: Arc<Domain>,
    current: AtomicUsize,
    payloads: [Payload; 2],
}

fn read_once(world: &World) {
    let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
    me.online();
    let current = world.current.load(Relaxed);
    assert_eq!(world.payloads[current].read(), 10 + current as u64);
}

/// Two threads join at once while a third scans.
fn join_at_once() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let payloads = [Payload::new(10), Payload::new(11)];
    let world = Arc::new(World { domain, current: AtomicUsize::new(0), payloads });
    let readers: Vec<_> = (0..2)
        .map(|_| {
            let world = world.clone();
            thread::spawn(move || read_once(&world))
        })
        .collect();
    world.current.store(1, Relaxed);
    let goal = world.domain.advance();
    world.domain.request(goal);
    if world.domain.poll(goal) {
        world.payloads[0].free();
    }
    for reader in readers {
        reader.join().unwrap();
    }
    assert_eq!(world.domain.participants(), 0);
}

/// A seat is left and taken again; requests to whoever left do not reach the next.
fn seat_reused() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let first = {
        let domain = domain.clone();
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
        })
    };
    let word = Arc::new(Bits::new());
    let mut me = Participant::join(&domain, word.clone());
    me.online();
    first.join().unwrap();
    assert!(!word.any(), "asked for nothing");
    assert_eq!(domain.participants(), 1);
}

#[test]
fn two_join_at_once() {
    check(join_at_once);
}

#[test]
fn a_seat_is_used_again() {
    check(seat_reused);
}

#[test]
fn a_seat_is_published_by_release() {
    caught(Mutant::JoinRelaxed, join_at_once);
}

#[test]
fn a_newcomer_needs_the_fence() {
    caught(Mutant::OnlineWithoutFence, join_at_once);
}
