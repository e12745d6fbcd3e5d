//! Shelves: losers are told, nothing that was put there is lost, and nothing is freed under a reader.

use loom::thread;
use std::sync::Arc as StdArc;
use typhon_loom_tests::{Payload, check_bounded, dies};
use typhon_qsbr::{Refused, Shelf, mutant::Mutant, sync::Arc};

/// Epochs are many accesses: two pre-emptions are what can be tried.
const PREEMPTIONS: usize = 2;

struct Variant {
    kind: u64,
    body: Payload,
}

impl Variant {
    fn new(kind: u64) -> StdArc<Self> {
        let body = Payload::new(0);
        body.write(kind);
        StdArc::new(Self { kind, body })
    }
}

/// Two workers have compiled the same.
fn the_same_twice() {
    let shelf = Arc::new(Shelf::new());
    let offer = |shelf: &Shelf<Variant>| match shelf.offer(&Variant::new(1), 4, |v| v.kind == 1) {
        Ok(()) => true,
        Err(Refused::Lost(other)) => {
            assert_eq!(other.body.read(), 1);
            false
        }
        Err(Refused::Full) => unreachable!("there is room"),
    };
    let other = {
        let shelf = shelf.clone();
        thread::spawn(move || offer(&shelf))
    };
    let mine = offer(&shelf);
    assert!(mine ^ other.join().unwrap(), "one of two wins");
    assert_eq!(shelf.len(), 1);
}

/// Two workers have compiled different variants.
fn two_kinds() {
    let shelf = Arc::new(Shelf::new());
    let other = {
        let shelf = shelf.clone();
        thread::spawn(move || shelf.offer(&Variant::new(1), 4, |v| v.kind == 1).is_ok())
    };
    assert!(shelf.offer(&Variant::new(2), 4, |v| v.kind == 2).is_ok());
    assert!(other.join().unwrap());
    assert_eq!(shelf.len(), 2, "one overwrote the other");
}

/// A thread looks for a variant while it is evicted.
fn looked_for_and_evicted() {
    let shelf = Arc::new(Shelf::new());
    let variant = Variant::new(1);
    assert!(shelf.offer(&variant, 4, |v| v.kind == 1).is_ok());
    let reader = {
        let shelf = shelf.clone();
        thread::spawn(move || shelf.find(|v: &Variant| v.kind == 1).map(|v| v.body.read()))
    };
    assert!(shelf.remove(&variant));
    assert!(shelf.is_empty());
    assert!(matches!(reader.join().unwrap(), None | Some(1)));
}

/// A thread looks for a variant while it is put there.
fn looked_for_and_offered() {
    let shelf = Arc::new(Shelf::new());
    let reader = {
        let shelf = shelf.clone();
        thread::spawn(move || shelf.find(|v: &Variant| v.body.read() == 1).is_some())
    };
    assert!(shelf.offer(&Variant::new(1), 4, |_| false).is_ok());
    reader.join().unwrap();
}

#[test]
fn losers_are_told() {
    check_bounded(PREEMPTIONS, the_same_twice);
}

#[test]
fn nothing_is_overwritten() {
    check_bounded(PREEMPTIONS, two_kinds);
}

#[test]
fn a_reader_keeps_what_it_found() {
    check_bounded(PREEMPTIONS, looked_for_and_evicted);
}

#[test]
fn what_is_found_is_whole() {
    check_bounded(PREEMPTIONS, looked_for_and_offered);
}

#[test]
fn an_offer_is_one_step() {
    dies(Mutant::OfferBlind, "one overwrote the other", "shelf::an_offer_is_one_step", PREEMPTIONS, two_kinds);
}

#[test]
fn losers_are_told_by_the_exchange() {
    let test = "shelf::losers_are_told_by_the_exchange";
    dies(Mutant::OfferBlind, "one of two wins", test, PREEMPTIONS, the_same_twice);
}

#[test]
fn an_offer_is_a_release() {
    dies(
        Mutant::PublishRelaxed,
        "Causality violation",
        "shelf::an_offer_is_a_release",
        PREEMPTIONS,
        looked_for_and_offered,
    );
}
