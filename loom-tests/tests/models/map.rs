//! The map: a lookup finds what is there, whole, while a writer inserts, replaces, removes and grows.

use std::hash::{BuildHasher, BuildHasherDefault, Hasher};

use loom::thread;
use typhon_loom_tests::{Payload, caught, check};
use typhon_qsbr::{Bits, Domain, Map, Participant, Requests, mutant::Mutant, sync::Arc};

/// Hashes a number to itself: every run of a model must be the same.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        self.0 = bytes.iter().fold(self.0, |hash, byte| hash << 8 | u64::from(*byte));
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = number;
    }
}

struct Value(Payload);

impl Value {
    fn new(value: u64) -> Self {
        let fresh = Self(Payload::new(0));
        fresh.0.write(value);
        fresh
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.free();
        }
    }
}

type Numbers = Map<u64, Value, BuildHasherDefault<Same>>;

/// Runs `write` on a map that holds 1 to `first`, ten times as much each, while `read` looks things up.
fn raced(first: u64, read: fn(&dyn Fn(u64) -> Option<u64>), write: fn(&Numbers)) {
    let domain = Arc::new(Domain::new(Requests::default()));
    let map = Arc::new(Numbers::with_hasher(domain.clone(), BuildHasherDefault::default()));
    assert_eq!(BuildHasherDefault::<Same>::default().hash_one(5_u64), 5);
    for key in 1..=first {
        map.insert(key, Value::new(10 * key));
    }
    let reader = {
        let (domain, map) = (domain.clone(), map.clone());
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
            let guard = me.guard().expect("online");
            read(&|key| map.get(&key, &guard).map(|value| value.0.read()));
        })
    };
    write(&map);
    reader.join().unwrap();
    map.collect();
}

fn growing() {
    raced(
        1,
        |get| {
            assert_eq!(get(1), Some(10), "lost while the table grew");
            assert!(matches!(get(2), None | Some(20)));
        },
        |map| {
            assert!(!map.insert(2, Value::new(20)));
            assert_eq!(map.len(), 2);
        },
    );
}

/// Two fill the first tables, and leave a place for the third.
fn inserting() {
    raced(2, |get| assert!(matches!(get(3), None | Some(30))), |map| assert!(!map.insert(3, Value::new(30))));
}

fn replacing() {
    raced(
        1,
        |get| assert!(matches!(get(1), Some(10 | 11))),
        |map| {
            assert!(map.insert(1, Value::new(11)));
            map.collect();
        },
    );
}

fn removing() {
    raced(
        1,
        |get| assert!(matches!(get(1), None | Some(10))),
        |map| {
            assert!(map.remove(&1));
            map.collect();
        },
    );
}

#[test]
fn a_growing_map_loses_nothing() {
    check(growing);
}

#[test]
fn a_new_entry_is_whole() {
    check(inserting);
}

#[test]
fn a_replaced_entry_is_one_or_the_other() {
    check(replacing);
}

#[test]
fn a_removed_entry_stays_whole() {
    check(removing);
}

#[test]
fn an_entry_is_published_by_release() {
    caught(Mutant::PublishRelaxed, inserting);
}

#[test]
fn a_table_is_filled_first() {
    caught(Mutant::GrowBeforeFill, growing);
}

#[test]
fn a_replaced_entry_is_not_freed_at_once() {
    caught(Mutant::FreeAtOnce, replacing);
}

#[test]
fn a_removed_entry_is_not_freed_at_once() {
    caught(Mutant::FreeAtOnce, removing);
}

#[test]
fn a_lookup_needs_the_fence() {
    caught(Mutant::OnlineWithoutFence, removing);
}
