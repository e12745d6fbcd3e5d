//! Attributes: a slot is refilled without a lock while another thread moves what it holds into a dict; nothing is lost, and
//! each value comes out once.

use loom::thread;
use typhon_loom_tests::{Payload, breaks, caught, check};
use typhon_qsbr::{mutant::Mutant, sync::Arc, words::Field};
use typhon_rc::ByteLock;

const INLINE: u32 = 1;
const MOVED: u32 = 2;

/// An object with one attribute; a value is 1 + the number of a payload, which holds how often it came out.
struct Object {
    lock: ByteLock,
    shape: Field<u32>,
    slot: Field<u64>,
    dict: Field<u64>,
    out: [Payload; 4],
}

impl Object {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            lock: ByteLock::new(),
            shape: Field::new(INLINE),
            slot: Field::new(1),
            dict: Field::new(0),
            out: std::array::from_fn(|_| Payload::new(0)),
        })
    }

    fn locked(&self, f: impl FnOnce()) {
        self.lock.lock(&mut ());
        f();
        self.lock.unlock();
    }

    fn comes_out(&self, value: u64) {
        if value != 0 {
            self.out[value as usize - 1].add(1);
        }
    }

    /// As `attr::store_shared`, and the store into a dict, which has a lock of its own.
    fn store(&self, value: u64) {
        let mut old = None;
        while old.is_none() {
            old = match self.shape.get() {
                INLINE => self.slot.refill(value),
                _ => Some(self.dict.swap(value)),
            };
            if old.is_none() {
                self.locked(|| {});
            }
        }
        self.comes_out(old.unwrap_or(0));
    }

    /// As `attr::instance_get`.
    fn load(&self) -> u64 {
        loop {
            let value = if self.shape.get() == INLINE { self.slot.get() } else { self.dict.get() };
            if value != 0 {
                return value;
            }
            self.locked(|| {});
        }
    }

    /// As `attr::shared_dict`; `early`: the object has its new shape before the slot is emptied; `whole`: what is in the slot by
    /// then is taken along.
    fn move_out(&self, early: bool, whole: bool) {
        self.locked(|| {
            let copied = self.slot.get();
            self.dict.set(copied);
            if early {
                self.shape.set(MOVED);
            }
            let taken = self.slot.swap(0);
            if whole && taken != copied {
                self.dict.set(taken);
            }
            self.shape.set(MOVED);
        });
    }
}

/// One thread stores twice and looks, another moves; in the end two of three values have come out.
fn moved(early: bool, whole: bool) {
    let object = Object::new();
    let other = {
        let object = object.clone();
        thread::spawn(move || object.move_out(early, whole))
    };
    object.store(2);
    assert_eq!(object.load(), 2);
    object.store(3);
    assert_eq!(object.load(), 3);
    other.join().unwrap();
    assert_eq!(object.load(), 3);
    assert_eq!([0, 1, 2].map(|i| object.out[i].read()), [1, 1, 0]);
}

/// Two threads store at once, and the first then moves.
fn stored_by_two() {
    let object = Object::new();
    let other = {
        let object = object.clone();
        thread::spawn(move || object.store(2))
    };
    object.store(3);
    object.move_out(false, true);
    other.join().unwrap();
    let last = object.load();
    object.comes_out(last);
    assert_eq!([0, 1, 2].map(|i| object.out[i].read()), [1, 1, 1]);
}

#[test]
fn nothing_is_lost_while_attributes_move() {
    check(|| moved(false, true));
}

#[test]
fn each_value_comes_out_once() {
    check(stored_by_two);
}

#[test]
fn an_emptied_slot_stays_empty() {
    caught(Mutant::RefillBlind, || moved(false, true));
}

#[test]
fn a_shape_that_says_so_too_early_is_found() {
    breaks(|| moved(true, true));
}

#[test]
fn a_word_left_behind_is_found() {
    breaks(|| moved(false, false));
}
