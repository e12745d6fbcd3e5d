//! The protocols on real threads: bounded by iterations, not by time. Smaller under miri.
#![cfg(not(vm_loom))]

use std::{
    collections::HashMap,
    sync::{Arc, Barrier},
    thread,
};

use typhon_qsbr::{Bits, Checkpoint, Domain, Flag, Limbo, Map, Orphanage, Participant, Published, Requests, Tally};

const READERS: usize = 3;
const ROUNDS: u64 = if cfg!(miri) { 50 } else { 200_000 };
const ALIVE: u64 = 0x5EED_5EED_5EED_5EED;

/// A value that knows whether it was dropped, for as long as its memory says so.
struct Value {
    alive: u64,
    number: u64,
    drops: Arc<Tally>,
}

impl Value {
    fn new(number: u64, drops: &Arc<Tally>) -> Self {
        Self { alive: ALIVE, number, drops: drops.clone() }
    }

    fn read(&self) -> u64 {
        assert_eq!(self.alive, ALIVE, "read after it was dropped");
        self.number
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        assert_eq!(self.alive, ALIVE, "dropped twice");
        // Volatile, or the store would be dropped as dead.
        // SAFETY: a field of this value.
        unsafe { std::ptr::write_volatile(&mut self.alive, 0) };
        self.drops.add(1);
    }
}

/// Says that it is over, however it ends: a failure would leave the readers running otherwise.
struct Over<'a>(&'a Flag);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.set();
    }
}

/// Runs `read` on several online threads, passing checkpoints, until `write` has returned.
fn beside_readers(domain: &Arc<Domain>, read: impl Fn(&Participant) + Sync, write: impl FnOnce()) {
    let (done, start) = (Flag::new(false), Barrier::new(READERS + 1));
    thread::scope(|scope| {
        for reader in 0..READERS {
            let (done, start, read) = (&done, &start, &read);
            scope.spawn(move || {
                let mut me = Participant::join(domain, Arc::new(Bits::new()));
                me.online();
                start.wait();
                let mut rounds = 0_usize;
                while !done.get() {
                    read(&me);
                    let _ = me.checkpoint();
                    rounds += 1;
                    if (rounds + reader).is_multiple_of(64) {
                        me.offline();
                        thread::yield_now();
                        me.online();
                    }
                }
            });
        }
        start.wait();
        let _over = Over(&done);
        write();
    });
}

#[test]
fn published_values_outlive_their_readers() {
    let (domain, drops) = (Arc::new(Domain::new(Requests::default())), Arc::new(Tally::new()));
    let place = Published::new(domain.clone(), Some(Box::new(Value::new(0, &drops))));
    beside_readers(
        &domain,
        |me| {
            let guard = me.guard().expect("online");
            let first = place.get(&guard).expect("never empty");
            let number = first.read();
            assert!(place.get(&guard).expect("never empty").read() >= number, "went back");
            assert_eq!(first.read(), number);
        },
        || (1..=ROUNDS).for_each(|number| place.replace(Some(Box::new(Value::new(number, &drops))))),
    );
    place.collect();
    assert_eq!(drops.get(), ROUNDS, "all but the last were dropped");
    drop(place);
    assert_eq!(drops.get(), ROUNDS + 1);
}

#[test]
fn a_map_agrees_with_a_hash_map() {
    let (domain, drops) = (Arc::new(Domain::new(Requests::default())), Arc::new(Tally::new()));
    let map: Map<u64, Value> = Map::new(domain.clone());
    let (keys, mut model, mut made) = (97, HashMap::new(), 0_u64);
    beside_readers(
        &domain,
        |me| {
            let guard = me.guard().expect("online");
            for key in 0..keys {
                if let Some(value) = map.get(&key, &guard) {
                    assert_eq!(value.read() % keys, key, "another key's value");
                }
            }
            map.for_each(&guard, |key, value| assert_eq!(value.read() % keys, *key));
        },
        || {
            let mut random = 1_u64;
            for _ in 0..ROUNDS {
                random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let (key, remove) = ((random >> 33) % keys, random >> 62 == 0);
                if remove {
                    assert_eq!(map.remove(&key), model.remove(&key).is_some());
                } else {
                    let number = key + keys * (random >> 40);
                    assert_eq!(map.insert(key, Value::new(number, &drops)), model.insert(key, number).is_some());
                    made += 1;
                }
            }
        },
    );
    assert_eq!(map.len(), model.len());
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    me.online();
    let guard = me.guard().expect("online");
    for key in 0..keys {
        assert_eq!(map.get(&key, &guard).map(Value::read), model.get(&key).copied());
    }
    drop(me);
    drop(map);
    assert_eq!(drops.get(), made, "every value was dropped once");
}

#[test]
fn garbage_of_short_threads_is_freed() {
    let (domain, drops) = (Arc::new(Domain::new(Requests::default())), Arc::new(Tally::new()));
    let orphans: Orphanage<Box<Value>> = Orphanage::new();
    let threads = if cfg!(miri) { 4 } else { 200 };
    beside_readers(
        &domain,
        |_| {
            if !orphans.is_empty() {
                drop(orphans.take_ripe(&domain));
            }
        },
        || {
            for thread in 0..threads {
                let (domain, orphans, drops) = (&domain, &orphans, &drops);
                thread::scope(|scope| {
                    scope.spawn(move || {
                        let mut me = Participant::join(domain, Arc::new(Bits::new()));
                        me.online();
                        let mut limbo = Limbo::new();
                        for number in 0..300 {
                            let value = Box::new(Value::new(thread * 1000 + number, drops));
                            let _ = limbo.retire(domain, value, 64);
                        }
                        orphans.take_over(domain, &mut limbo);
                        assert!(limbo.is_empty());
                    });
                });
            }
        },
    );
    while let Some(ripe) = orphans.take_ripe(&domain) {
        drop(ripe);
    }
    assert_eq!(drops.get(), threads * 300, "nobody is left, so everything is ripe");
    assert_eq!(domain.participants(), 0);
}

#[test]
fn a_stopped_world_stands_still() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let running = Tally::new();
    beside_readers(
        &domain,
        |_| {
            running.add(1);
            running.sub(1);
        },
        || {
            thread::scope(|scope| {
                for _ in 0..2 {
                    scope.spawn(|| {
                        let mut me = Participant::join(&domain, Arc::new(Bits::new()));
                        for _ in 0..ROUNDS / 20 {
                            let world = domain.stop_world(&mut me);
                            assert_eq!(running.get(), 0, "somebody runs");
                            assert!(domain.is_stopped_by(&me));
                            // Whoever comes online now says so, finds that the world is stopped, and takes it back.
                            while !domain.is_alone(&me) {
                                thread::yield_now();
                            }
                            assert_eq!(running.get(), 0, "somebody has begun to run");
                            drop(world);
                            me.offline();
                        }
                    });
                }
            });
        },
    );
    assert!(!domain.is_stopped());
}

#[test]
fn waiters_come_through() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let threads = 4;
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut me = Participant::join(&domain, Arc::new(Bits::new()));
                me.online();
                for _ in 0..ROUNDS / 20 {
                    me.synchronize();
                    assert!(me.guard().is_some(), "online again");
                    let _ = me.checkpoint();
                }
            });
        }
    });
    assert_eq!(domain.participants(), 0);
}

#[test]
fn nobody_reports_unasked() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let word = Arc::new(Bits::new());
    let mut me = Participant::join(&domain, word.clone());
    me.online();
    let goal = domain.advance();
    assert_eq!(me.checkpoint(), Checkpoint::Undisturbed);
    assert!(!domain.poll(goal));
    domain.request(goal);
    assert!(word.any());
    assert_eq!(me.checkpoint(), Checkpoint::Reported);
    assert!(domain.poll(goal) && !word.any());
}
