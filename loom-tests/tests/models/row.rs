//! The row: a reader finds words that were there, whole, while a writer adds, exchanges, removes and grows.

use loom::thread;
use typhon_loom_tests::{Payload, breaks, caught, check};
use typhon_qsbr::{Bits, Domain, Limbo, Participant, Requests, mutant::Mutant, row::Row, sync::Arc, words::Field};

/// What was never stored by the writer.
const POISON: u64 = 99;

/// A row of names of payloads. Its arrays have one word more than they say, so that reading behind the end is seen.
struct World {
    domain: Arc<Domain>,
    row: Row,
    payloads: [Payload; 4],
}

// SAFETY: the row is changed by one thread, as its contract says.
unsafe impl Sync for World {}
// SAFETY: the row's pointers lead to memory that is never freed.
unsafe impl Send for World {}

fn array(room: usize) -> *mut Field<u64> {
    let fields: Vec<_> = (0..=room).map(|_| Field::new(POISON)).collect();
    Box::leak(fields.into_boxed_slice()).as_mut_ptr()
}

/// A row of `len` words in an array that has room for `room`.
fn world(len: usize, room: usize) -> Arc<World> {
    let row = Row::new(array(room), 0, room);
    // SAFETY: there is room, and nobody else has the row.
    (0..len as u64).for_each(|word| unsafe { row.push(word) });
    let payloads = std::array::from_fn(|i| Payload::new(10 + i as u64));
    Arc::new(World { domain: Arc::new(Domain::new(Requests::default())), row, payloads })
}

impl World {
    /// Uses the word at `i`, if there is one.
    fn read(&self, i: usize) -> Option<u64> {
        // SAFETY: no array is freed.
        let word = unsafe { self.row.get(i) }?;
        assert!(word != POISON, "a word that nobody has stored");
        assert_eq!(self.payloads[word as usize].read(), 10 + word);
        Some(word)
    }

    fn grow(&self, room: usize) {
        // SAFETY: the writer's thread, and a new array.
        let _old = unsafe { self.row.grow(array(room), room) };
    }
}

/// A reader looks twice at `at` while the writer does its work; what the writer takes out is freed after a grace period, or
/// `at_once`.
fn raced(world: Arc<World>, at: usize, at_once: bool, write: impl FnOnce(&World) -> Option<u64>) {
    let reader = {
        let world = world.clone();
        thread::spawn(move || {
            let mut me = Participant::join(&world.domain, Arc::new(Bits::new()));
            me.online();
            let _first = world.read(at);
            let _second = world.read(at);
            me.offline();
        })
    };
    let mut limbo = Limbo::new();
    if let Some(out) = write(&world) {
        if at_once {
            world.payloads[out as usize].free();
        } else {
            let _low = limbo.retire(&world.domain, out as usize, 1);
        }
    }
    limbo.seal(&world.domain);
    let mut settle = || {
        while let Some(ripe) = limbo.take_ripe(&world.domain) {
            ripe.into_iter().for_each(|item: usize| world.payloads[item].free());
        }
    };
    settle();
    reader.join().unwrap();
    settle();
}

/// Appends: what the length counts is there.
fn appending() {
    let world = world(0, 2);
    world.payloads[0].write(0);
    raced(world, 0, false, |world| {
        world.payloads[0].write(10);
        // SAFETY: there is room.
        unsafe { world.row.push(0) };
        None
    });
}

/// Appends to a full array.
fn growing() {
    raced(world(1, 1), 1, false, |world| {
        world.grow(2);
        // SAFETY: there is room now.
        unsafe { world.row.push(1) };
        None
    });
}

/// Grows around words that are read meanwhile.
fn moved() {
    raced(world(1, 1), 0, false, |world| {
        world.grow(2);
        None
    });
}

/// Takes the first of two out.
fn removing(at_once: bool) {
    // SAFETY: the first is there.
    raced(world(2, 2), 0, at_once, |world| Some(unsafe { world.row.remove(0) }));
}

/// Takes the last out, and puts another where it was.
fn popped_and_pushed() {
    raced(world(1, 1), 0, false, |world| {
        // SAFETY: it is there, and there is room afterwards.
        unsafe {
            let out = world.row.remove(0);
            world.row.push(1);
            Some(out)
        }
    });
}

fn exchanging() {
    // SAFETY: the writer's thread.
    raced(world(1, 1), 0, false, |world| unsafe { world.row.exchange(0, 1) });
}

#[test]
fn an_appended_word_is_whole() {
    check(appending);
}

#[test]
fn a_full_row_grows() {
    check(growing);
}

#[test]
fn words_move_before_they_are_seen() {
    check(moved);
}

#[test]
fn a_removed_word_stays_usable() {
    check(|| removing(false));
}

#[test]
fn a_place_is_used_again() {
    check(popped_and_pushed);
}

#[test]
fn an_exchanged_word_is_one_or_the_other() {
    check(exchanging);
}

#[test]
fn the_length_comes_last() {
    caught(Mutant::LengthFirst, appending);
}

#[test]
fn storing_a_word_is_a_release() {
    caught(Mutant::PublishRelaxed, appending);
}

#[test]
fn an_array_is_filled_first() {
    caught(Mutant::GrowBeforeFill, moved);
}

#[test]
fn the_length_is_read_first() {
    caught(Mutant::ArrayBeforeLength, growing);
}

#[test]
fn freeing_at_once_is_found() {
    breaks(|| removing(true));
}

#[test]
fn a_reader_needs_the_fence() {
    caught(Mutant::OnlineWithoutFence, exchanging);
}
