//! Published: readers see a value that is whole and not freed.

use loom::thread;
use typhon_loom_tests::{Payload, caught, check};
use typhon_qsbr::{Bits, Domain, Participant, Published, Requests, Slot, mutant::Mutant, sync::Arc};

/// A value whose destructor loom can see.
struct Value(Payload);

impl Value {
    fn boxed(value: u64) -> Box<Self> {
        let fresh = Self(Payload::new(0));
        fresh.0.write(value);
        Box::new(fresh)
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            self.0.free();
        }
    }
}

/// A reader reads before and after a checkpoint; a writer replaces twice.
fn replaced() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let place = Arc::new(Published::new(domain.clone(), Some(Value::boxed(1))));
    let reader = {
        let (domain, place) = (domain.clone(), place.clone());
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
            let mut last = 1;
            for _ in 0..2 {
                let guard = me.guard().expect("online");
                let seen = place.get(&guard).expect("never empty").0.read();
                assert!(seen >= last, "a replaced value came back");
                last = seen;
                let _ = me.checkpoint();
            }
        })
    };
    place.replace(Some(Value::boxed(2)));
    place.replace(Some(Value::boxed(3)));
    reader.join().unwrap();
    place.collect();
    assert_eq!(place.collect(), 0, "nobody is left, so nothing waits");
}

/// As above, but counts nothing: for mutants.
fn replaced_once() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let place = Arc::new(Published::new(domain.clone(), Some(Value::boxed(1))));
    let reader = {
        let (domain, place) = (domain.clone(), place.clone());
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
            let guard = me.guard().expect("online");
            place.get(&guard).expect("never empty").0.read();
        })
    };
    place.replace(Some(Value::boxed(2)));
    place.collect();
    reader.join().unwrap();
}

/// A slot is filled by two at once and read by a third.
fn filled() {
    let slot = Arc::new(Slot::new());
    let fillers: Vec<_> = (1..=2)
        .map(|value| {
            let slot = slot.clone();
            thread::spawn(move || slot.set(Value::boxed(value)).is_ok())
        })
        .collect();
    if let Some(value) = slot.get() {
        let first = value.0.read();
        assert_eq!(slot.get().expect("filled once").0.read(), first);
    }
    let filled = fillers.into_iter().map(|filler| filler.join().unwrap()).filter(|first| *first).count();
    assert_eq!(filled, 1);
}

#[test]
fn a_reader_keeps_what_it_read() {
    check(replaced_once);
}

#[test]
fn replacements_come_in_order() {
    check(replaced);
}

#[test]
fn a_slot_is_filled_once() {
    check(filled);
}

#[test]
fn publishing_is_a_release() {
    caught(Mutant::PublishRelaxed, replaced_once);
}

#[test]
fn filling_is_a_release() {
    caught(Mutant::PublishRelaxed, filled);
}

#[test]
fn a_replaced_value_is_not_freed_at_once() {
    caught(Mutant::FreeAtOnce, replaced_once);
}

#[test]
fn a_reader_needs_the_fence() {
    caught(Mutant::OnlineWithoutFence, replaced_once);
}
