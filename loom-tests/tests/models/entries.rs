//! Entries: a lookup finds what is there, whole, while a writer adds, replaces, removes and makes room; a remembered place is
//! believed only as long as it is right.

use std::convert::Infallible;

use loom::thread;
use typhon_loom_tests::{Payload, breaks, caught, check};
use typhon_qsbr::{
    Bits, Domain, Limbo, Participant, Requests,
    entries::{Root, Table, block_size, usable},
    mutant::Mutant,
    sync::Arc,
};
use typhon_rc::ByteLock;

/// Keys and their hashes; a value is 1 + the number of a payload.
const KEYS: [u64; 3] = [1, 2, 3];

struct World {
    domain: Arc<Domain>,
    lock: ByteLock,
    root: Root,
    payloads: [Payload; 4],
}

// SAFETY: the root is changed by who holds the lock.
unsafe impl Sync for World {}
// SAFETY: the table's memory is never freed.
unsafe impl Send for World {}

/// A table of 2^`log2` places. The memory stays, so that late readers are loom's to report.
fn table(log2: u32) -> Table {
    let block = vec![0u128; block_size(log2).div_ceil(16)];
    // SAFETY: so many bytes are there, aligned for loom's types.
    unsafe { Table::make(Box::leak(block.into_boxed_slice()).as_mut_ptr().cast(), log2) }
}

/// Payload `i` is what the first values are, for the first `keys`.
fn world(keys: usize, log2: u32) -> Arc<World> {
    let world = World {
        domain: Arc::new(Domain::new(Requests::default())),
        lock: ByteLock::new(),
        root: Root::new(),
        payloads: std::array::from_fn(|i| Payload::new(10 + i as u64)),
    };
    world.root.install(Some(table(log2)));
    KEYS[..keys].iter().for_each(|&key| {
        let _old = world.set(key, key);
    });
    Arc::new(world)
}

impl World {
    fn look(&self, key: u64) -> (u32, Option<Table>, Option<usize>, usize) {
        let (changes, table) = self.root.look();
        let Some(table) = table else { return (changes, None, None, 0) };
        let found: Result<_, Infallible> = table.probe(key as i64, |theirs| Ok(theirs == key));
        match found {
            Ok((entry, place)) => (changes, Some(table), entry, place),
        }
    }

    /// Uses the value of `key`, if there is one.
    fn read(&self, key: u64) -> Option<u64> {
        let (_, table, entry, _) = self.look(key);
        // SAFETY: the entry was found.
        let value = unsafe { table?.value(entry?) };
        self.touch(value)
    }

    fn touch(&self, value: u64) -> Option<u64> {
        let at = value.checked_sub(1)?;
        assert_eq!(self.payloads[at as usize].read(), 10 + at);
        Some(value)
    }

    /// Sets `key` as a dict does: looks without the lock, and again if something has changed. The value before, to be left.
    fn set(&self, key: u64, value: u64) -> Option<u64> {
        self.set_looking(key, value, true)
    }

    fn set_looking(&self, key: u64, value: u64, again: bool) -> Option<u64> {
        let mut found = self.look(key);
        self.lock.lock(&mut ());
        while again && self.root.changes() != found.0 {
            found = self.look(key);
        }
        let (_, table, entry, place) = found;
        // SAFETY: the lock is held; the entry or place was looked for in this state.
        let old = unsafe {
            match (table, entry) {
                (Some(table), Some(i)) => Some(table.replace(i, value)),
                (table, _) => {
                    let (table, place) = match table.filter(|table| table.has_room_for(1)) {
                        Some(table) => (table, place),
                        None => self.make_room(key),
                    };
                    table.add(place, key as i64, key, value);
                    self.root.set_used(self.root.used() + 1);
                    self.root.changed();
                    None
                }
            }
        };
        self.lock.unlock();
        old
    }

    /// Another table, with the same items, and the place for `key` in it.
    unsafe fn make_room(&self, key: u64) -> (Table, usize) {
        let new = table(3);
        let place = |key: u64| {
            let found: Result<_, Infallible> = new.probe(key as i64, |_| Ok(false));
            found.map_or(0, |(_, place)| place)
        };
        if let Some(old) = self.root.table() {
            for (key, hash, value) in (0..old.filled()).filter_map(|i| old.item(i)) {
                // SAFETY: there is room, and nobody sees the table yet.
                unsafe { new.add(place(key), hash, key, value) };
            }
        }
        self.root.install(Some(new));
        (new, place(key))
    }

    fn remove(&self, key: u64) -> Option<u64> {
        self.lock.lock(&mut ());
        let (_, table, entry, place) = self.look(key);
        let out = table.zip(entry).map(|(table, i)| {
            // SAFETY: the lock is held, and the entry live.
            let (_, value) = unsafe { table.remove(i, place) };
            self.root.set_used(self.root.used() - 1);
            self.root.changed();
            value
        });
        self.lock.unlock();
        out
    }
}

/// A reader does `read` twice while the writer does its work; a value that comes out is freed after a grace period, or
/// `at_once`.
fn raced(
    world: Arc<World>,
    at_once: bool,
    read: impl Fn(&World) + Send + 'static,
    write: impl FnOnce(&World) -> Option<u64>,
) {
    let reader = {
        let world = world.clone();
        thread::spawn(move || {
            let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
            me.online();
            read(&world);
            read(&world);
            me.offline();
        })
    };
    let mut limbo = Limbo::new();
    if let Some(out) = write(&world) {
        let payload = out as usize - 1;
        if at_once {
            world.payloads[payload].free();
        } else {
            let _low = limbo.retire(&world.domain, payload, 1);
        }
    }
    limbo.seal(&world.domain);
    let mut settle = || {
        while let Some(ripe) = limbo.take_ripe(&world.domain) {
            ripe.into_iter().for_each(|payload: usize| world.payloads[payload].free());
        }
    };
    settle();
    reader.join().unwrap();
    settle();
}

fn adding() {
    let world = world(0, 2);
    world.payloads[0].write(0);
    raced(
        world,
        false,
        |world| {
            let _seen = world.read(1);
        },
        |world| {
            world.payloads[0].write(10);
            world.set(1, 1)
        },
    );
}

fn replacing(at_once: bool) {
    let read = |world: &World| assert!(world.read(1).is_some(), "a key that is always there");
    raced(world(1, 2), at_once, read, |world| world.set(1, 4));
}

fn removing() {
    raced(
        world(1, 2),
        false,
        |world| {
            let _seen = world.read(1);
        },
        |world| world.remove(1),
    );
}

/// The table is full: the writer installs a larger one.
fn room() {
    let full = usable(2);
    let read = |world: &World| assert!(world.read(1).is_some(), "a key that is always there");
    raced(world(full, 2), false, read, move |world| world.set(KEYS[full], KEYS[full]));
}

/// Two writers add different keys; neither is lost, and neither is there twice.
fn two_writers(again: bool) {
    let world = world(0, 2);
    let other = {
        let world = world.clone();
        thread::spawn(move || world.set_looking(1, 1, again))
    };
    let _old = world.set_looking(5, 2, again);
    other.join().unwrap();
    assert_eq!(world.root.used(), 2);
    assert!(world.read(1) == Some(1) && world.read(5) == Some(2), "a key is lost");
}

/// A place that was remembered under a version, while another thread squeezes holes out, so that places move, and somebody
/// asks for a version again.
fn remembered() {
    let world = world(2, 2);
    // Key 1 is a hole from here on, and key 2 at entry 1.
    let _removed = world.remove(1);
    world.root.set_version(7);
    let read = |world: &World| {
        // SAFETY: entry 1 was there under version 7, and no memory is freed.
        match unsafe { world.root.remembered(7, 1) } {
            Some(value) => assert_eq!(world.touch(value), Some(2), "another key's value"),
            None => assert!(world.root.version() != 7),
        }
    };
    raced(world, false, read, |world| {
        let out = world.set(3, 3);
        world.root.set_version(8);
        out
    });
}

#[test]
fn an_added_entry_is_whole() {
    check(adding);
}

#[test]
fn a_replaced_value_is_one_or_the_other() {
    check(|| replacing(false));
}

#[test]
fn a_removed_value_stays_usable() {
    check(removing);
}

#[test]
fn nothing_is_missed_while_room_is_made() {
    check(room);
}

#[test]
fn two_add_at_once() {
    check(|| two_writers(true));
}

#[test]
fn a_remembered_place_is_right() {
    check(remembered);
}

#[test]
fn an_index_is_stored_last() {
    caught(Mutant::IndexFirst, adding);
}

#[test]
fn storing_an_index_is_a_release() {
    caught(Mutant::PublishRelaxed, adding);
}

#[test]
fn freeing_at_once_is_found() {
    breaks(|| replacing(true));
}

#[test]
fn not_looking_again_is_found() {
    breaks(|| two_writers(false));
}

#[test]
fn the_version_goes_before_the_table() {
    caught(Mutant::VersionAfterTable, remembered);
}

#[test]
fn the_table_is_loaded_before_the_version() {
    caught(Mutant::VersionBeforeTable, remembered);
}
