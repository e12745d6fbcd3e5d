//! Coming online and going offline, while somebody waits or finds himself alone.

use loom::thread;
use typhon_loom_tests::{Payload, breaks, caught, check};
use typhon_qsbr::{
    Bits, Domain, Participant, Requests, Standing,
    mutant::Mutant,
    sync::{Arc, AtomicUsize, Ordering::Relaxed},
};

struct World {
    domain: Arc<Domain>,
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

/// A reader that comes and goes; `blocked` is what it does while it is away.
fn come_and_go(blocked: fn(&World)) {
    let world = world();
    let reader = {
        let world = world.clone();
        thread::spawn(move || {
            let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
            for _ in 0..2 {
                me.online();
                world.read();
                me.offline();
                blocked(&world);
            }
        })
    };
    world.current.store(1, Relaxed);
    let goal = world.domain.advance();
    if world.domain.poll(goal) {
        world.payloads[0].free();
    }
    reader.join().unwrap();
}

/// A writer that is alone frees at once, without a goal.
fn alone() {
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
    let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
    me.online();
    world.current.store(1, Relaxed);
    if world.domain.is_alone(&me) {
        world.payloads[0].free();
    }
    reader.join().unwrap();
}

#[test]
fn a_reader_comes_and_goes() {
    check(|| come_and_go(|_| {}));
}

#[test]
fn a_lone_writer_frees_at_once() {
    check(alone);
}

#[test]
fn standings_nest() {
    check(|| {
        let world = world();
        let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
        assert_eq!(me.online(), Standing::Offline);
        let outer = me.offline();
        let inner = me.offline();
        me.restore(inner);
        assert_eq!(me.standing(), Standing::Offline);
        me.restore(outer);
        assert_eq!(me.standing(), Standing::Online);
        assert!(me.guard().is_some());
    });
}

#[test]
fn reading_offline_is_found() {
    breaks(|| come_and_go(World::read));
}

#[test]
fn being_alone_needs_the_fence() {
    caught(Mutant::OnlineWithoutFence, alone);
}

#[test]
fn being_alone_needs_the_release() {
    caught(Mutant::OfflineRelaxed, alone);
}
