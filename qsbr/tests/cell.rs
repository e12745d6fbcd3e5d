//! The one-word protocols and the limbo, step by step on one thread.
#![cfg(not(vm_loom))]

use std::sync::Arc;

use typhon_qsbr::{
    Bits, Domain, Flag, Limbo, Orphanage, Participant, Pressure, Requests, Slot, Tally, Version,
    retire::{BATCH_BYTES, BATCH_ITEMS},
};

#[test]
fn a_flag_is_taken_once() {
    static FLAG: Flag = Flag::new(true);
    assert!(FLAG.get() && FLAG.take() && !FLAG.take() && !FLAG.get());
    assert!(FLAG.claim() && !FLAG.claim() && FLAG.get());
    FLAG.clear();
    assert!(FLAG.claim());
    FLAG.set();
    assert!(FLAG.take());
}

#[test]
fn bits_are_apart() {
    let bits = Bits::new();
    assert!(!bits.any());
    assert!(!bits.set(0b0110) && bits.set(0b0010) && !bits.set(0b1010), "whether all were set");
    assert_eq!(bits.load(), 0b1110);
    // SAFETY: the word lives, and nobody else writes it.
    assert_eq!(unsafe { bits.as_ptr().read() }, 0b1110);
    assert_eq!(bits.take(0b0011), 0b0010);
    bits.clear(0b0100);
    assert_eq!(bits.load(), 0b1000);
    assert!(bits.any());
    bits.clear(u32::MAX);
    assert!(!bits.any());
}

#[test]
fn a_tally_keeps_its_limit() {
    static TALLY: Tally = Tally::new();
    assert_eq!(TALLY.add(5), 5);
    assert!(TALLY.add_within(5, 10) && !TALLY.add_within(1, 10) && TALLY.add_within(0, 10));
    assert!(!TALLY.add_within(u64::MAX, u64::MAX), "the sum would wrap");
    assert_eq!((TALLY.sub(4), TALLY.get()), (6, 6));
    TALLY.at_least(3);
    assert_eq!(TALLY.get(), 6);
    TALLY.at_least(9);
    assert_eq!((TALLY.reset(), TALLY.get()), (9, 0));
}

#[test]
fn a_version_goes_up() {
    let version = Version::new(7);
    assert_eq!((version.get(), version.raise(), version.raise(), version.get()), (7, 8, 9, 9));
}

#[test]
fn a_slot_keeps_the_first() {
    let slot = Slot::new();
    assert!(slot.get().is_none());
    let value = Arc::new(1);
    assert!(slot.set(Box::new(value.clone())).is_ok_and(|first| **first == 1));
    assert_eq!(*slot.set(Box::new(Arc::new(2))).expect_err("filled"), Arc::new(2));
    assert_eq!(slot.get(), Some(&value));
    drop(slot);
    assert_eq!(Arc::strong_count(&value), 1, "freed with the slot");
}

#[test]
fn a_batch_is_sealed_when_it_is_full_or_heavy() {
    let domain = Domain::new(Requests::default());
    let mut limbo = Limbo::new();
    for item in 1..BATCH_ITEMS {
        assert_eq!(limbo.retire(&domain, item, 1), Pressure::Low);
    }
    assert_eq!(limbo.retire(&domain, 0, 1), Pressure::Sealed);
    assert_eq!(limbo.take_ripe(&domain).map(|ripe| ripe.len()), Some(BATCH_ITEMS), "nobody is online");
    assert_eq!(limbo.retire(&domain, 0, BATCH_BYTES - 1), Pressure::Low);
    assert_eq!(limbo.retire(&domain, 1, 1), Pressure::Sealed);
    assert_eq!(limbo.retire(&domain, 2, usize::MAX), Pressure::Sealed);
    assert_eq!((limbo.len(), limbo.iter().copied().collect::<Vec<_>>()), (3, vec![0, 1, 2]));
    assert_eq!(limbo.take_ripe(&domain), Some(vec![0, 1]));
    assert_eq!(limbo.take_ripe(&domain), Some(vec![2]));
    assert!(limbo.take_ripe(&domain).is_none() && limbo.is_empty());
}

#[test]
fn an_open_batch_is_never_ripe() {
    let domain = Domain::new(Requests::default());
    let mut limbo = Limbo::new();
    assert_eq!(limbo.retire(&domain, 1, 1), Pressure::Low);
    assert!(limbo.take_ripe(&domain).is_none());
    limbo.seal(&domain);
    assert_eq!(limbo.take_ripe(&domain), Some(vec![1]));
}

#[test]
fn a_reader_holds_back_what_was_sealed_after_it_came() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let mut reader = Participant::join(&domain, Arc::new(Bits::new()));
    let (mut limbo, orphans) = (Limbo::new(), Orphanage::new());
    assert_eq!(limbo.retire(&domain, 1, 1), Pressure::Low);
    limbo.seal(&domain);
    reader.online();
    assert_eq!(limbo.take_ripe(&domain), Some(vec![1]), "sealed before the reader came");
    assert_eq!(limbo.retire(&domain, 2, 1), Pressure::Low);
    orphans.take_over(&domain, &mut limbo);
    assert!(orphans.take_ripe(&domain).is_none() && !orphans.is_empty());
    orphans.for_each(|item| assert_eq!(*item, 2));
    reader.report();
    assert_eq!(orphans.take_ripe(&domain), Some(vec![2]));
    assert_eq!(limbo.retire(&domain, 3, 1), Pressure::Low);
    orphans.take_over(&domain, &mut limbo);
    drop(reader);
    assert_eq!(orphans.take_ripe(&domain), Some(vec![3]));
    assert!(orphans.is_empty());
}

#[test]
fn a_lone_thread_knows_it() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let join = || Participant::join(&domain, Arc::new(Bits::new()));
    let (mut me, mut other) = (join(), join());
    me.online();
    assert!(domain.is_alone(&me));
    other.online();
    assert!(!domain.is_alone(&me) && !domain.is_alone(&other));
    other.offline();
    assert!(domain.is_alone(&me));
}

#[test]
#[should_panic(expected = "another domain")]
fn a_guard_of_another_domain_is_refused() {
    let [here, there] = [(); 2].map(|()| Arc::new(Domain::new(Requests::default())));
    let place = typhon_qsbr::Published::new(here, Some(Box::new(1)));
    let mut me = Participant::join(&there, Arc::new(Bits::new()));
    me.online();
    let _ = place.get(&me.guard().expect("online"));
}
