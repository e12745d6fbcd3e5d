//! Running alone: nobody else is online, each sees what the other did, and whoever wants to come online does.

use loom::thread;
use typhon_loom_tests::{Payload, caught, check, check_bounded, dies, hangs};
use typhon_qsbr::{Bits, Domain, Participant, Requests, mutant::Mutant, sync::Arc};

/// One thread's share: comes, works on what belongs to all, and leaves; as often as that.
fn come(domain: &Arc<Domain>, heap: &Payload, times: u64) {
    let mut me = Participant::join(domain, Arc::new(Bits::new()));
    for _ in 0..times {
        me.online();
        heap.add(1);
        me.offline();
    }
}

/// Tries to run alone, and works on everything if it does, until asked for company.
fn alone(domain: &Domain, me: &Participant, heaps: &[Payload]) -> u64 {
    if !domain.begin_alone(me) {
        return 0;
    }
    assert!(domain.is_left_to(me));
    heaps.iter().for_each(|heap| heap.add(10));
    domain.end_alone(me);
    10
}

/// `workers` come and leave while one that is online all the time tries, now and then, to run alone.
fn left(workers: usize, times: u64, tries: u64) {
    let domain = Arc::new(Domain::new(Requests::default()));
    let heaps: Arc<Vec<Payload>> = Arc::new((0..workers).map(|_| Payload::new(0)).collect());
    let working: Vec<_> = (0..workers)
        .map(|mine| {
            let (domain, heaps) = (domain.clone(), heaps.clone());
            thread::spawn(move || come(&domain, &heaps[mine], times))
        })
        .collect();
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    me.online();
    let done: u64 = (0..tries).map(|_| alone(&domain, &me, &heaps)).sum();
    me.offline();
    working.into_iter().for_each(|thread| thread.join().unwrap());
    assert!(heaps.iter().all(|heap| heap.read() == times + done), "a write was lost");
}

/// Whoever runs alone goes on until it is asked, and begins again at once.
fn asked() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let (mine, heap) = (Arc::new(Bits::new()), Arc::new(Payload::new(0)));
    let mut me = Participant::join(&domain, mine.clone());
    me.online();
    assert!(domain.begin_alone(&me), "there is nobody else");
    let working = {
        let (domain, heap) = (domain.clone(), heap.clone());
        thread::spawn(move || come(&domain, &heap, 1))
    };
    let company = Requests::default().company;
    while mine.take(company) == 0 {
        thread::yield_now();
    }
    domain.end_alone(&me);
    if domain.begin_alone(&me) {
        heap.add(10);
        // Not asked again: whoever came has come.
        domain.end_alone(&me);
    }
    me.offline();
    working.join().unwrap();
}

/// As [`asked`], but the second time it goes on for ever unless it is asked.
fn asked_twice() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let mine = Arc::new(Bits::new());
    let mut me = Participant::join(&domain, mine.clone());
    me.online();
    assert!(domain.begin_alone(&me), "there is nobody else");
    let working = {
        let domain = domain.clone();
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
            me.offline();
        })
    };
    let company = Requests::default().company;
    while mine.take(company) == 0 {
        thread::yield_now();
    }
    domain.end_alone(&me);
    if domain.begin_alone(&me) {
        // Whoever is kept from coming now will ask; the other has come and gone, or has not been kept from it.
        working.join().unwrap();
        domain.end_alone(&me);
    } else {
        working.join().unwrap();
    }
    me.offline();
}

/// Two that are online try at once: one at most runs alone, and only while the other is offline.
fn two_try() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let heaps = Arc::new(vec![Payload::new(0)]);
    let other = {
        let (domain, heaps) = (domain.clone(), heaps.clone());
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
            let done = alone(&domain, &me, &heaps);
            me.offline();
            done
        })
    };
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    me.online();
    let done = alone(&domain, &me, &heaps);
    me.offline();
    let all = done + other.join().unwrap();
    assert_eq!(heaps[0].read(), all, "a write was lost");
}

/// One stops the world while the other tries to run alone.
fn beside_a_stop() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let heaps = Arc::new(vec![Payload::new(0)]);
    let stopping = {
        let (domain, heaps) = (domain.clone(), heaps.clone());
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            let world = domain.stop_world(&mut me);
            heaps[0].add(1);
            drop(world);
            me.offline();
        })
    };
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    me.online();
    let done = alone(&domain, &me, &heaps);
    me.offline();
    stopping.join().unwrap();
    assert_eq!(heaps[0].read(), 1 + done, "a write was lost");
}

/// Whoever ran alone copies the process while another comes, and the copy works without it.
fn copied() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    me.online();
    assert!(domain.begin_alone(&me), "there is nobody else");
    let coming = {
        let domain = domain.clone();
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
        })
    };
    domain.end_alone(&me);
    let world = domain.stop_world(&mut me);
    let (twin, mine) = domain.copying(|| domain.twin(&me), |_| false);
    drop(world);
    me.offline();
    drop(twin.awake());
    assert!(twin.begin_alone(&mine), "there is nobody else in the copy");
    twin.end_alone(&mine);
    coming.join().unwrap();
}

#[test]
fn one_comes() {
    check(|| left(1, 1, 1));
}

#[test]
fn one_comes_twice() {
    check_bounded(2, || left(1, 2, 2));
}

#[test]
fn two_come() {
    check_bounded(1, || left(2, 1, 1));
}

#[test]
fn who_is_asked_gives_way() {
    check_bounded(3, asked);
    check_bounded(3, asked_twice);
}

#[test]
fn two_that_try() {
    check(two_try);
}

#[test]
fn a_stop_beside_it() {
    check(beside_a_stop);
}

#[test]
fn a_copy_has_nobody_to_wait_for() {
    check_bounded(2, copied);
}

#[test]
fn nobody_comes_online_beside_one() {
    caught(Mutant::OnlineBesideOne, || left(1, 1, 1));
}

#[test]
fn coming_online_needs_the_fence() {
    caught(Mutant::OnlineWithoutFence, || left(1, 1, 1));
}

#[test]
fn company_is_a_release() {
    caught(Mutant::CompanyRelaxed, || left(1, 1, 1));
}

#[test]
fn who_begins_looks_at_the_seats() {
    caught(Mutant::AloneUnseen, || left(1, 1, 1));
}

#[test]
fn who_begins_looks_for_those_that_come() {
    hangs(Mutant::AloneAgain, "alone::who_begins_looks_for_those_that_come", asked_twice);
}

#[test]
fn asking_is_no_matter_for_a_copy() {
    dies(Mutant::AskUngated, "held by a thread", "alone::asking_is_no_matter_for_a_copy", 3, copied);
}
