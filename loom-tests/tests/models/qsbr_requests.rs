//! Request-driven reports: a request is honoured or still there.

use loom::thread;
use typhon_loom_tests::{caught, check};
use typhon_qsbr::{Bits, Checkpoint, Domain, Participant, Requests, mutant::Mutant, sync::Arc};

/// One thread comes by two checkpoints while others set goals and ask.
fn asked(by: usize) {
    let requests = Requests::default();
    let domain = Arc::new(Domain::new(requests));
    let word = Arc::new(Bits::new());
    let mut me = Participant::join(&domain, word.clone());
    me.online();
    let others: Vec<_> = (0..by)
        .map(|_| {
            let domain = domain.clone();
            thread::spawn(move || {
                let goal = domain.advance();
                domain.request(goal);
                goal
            })
        })
        .collect();
    for _ in 0..2 {
        let _ = me.checkpoint();
    }
    for goal in others.into_iter().map(|other| other.join().unwrap()) {
        assert!(word.any() || domain.poll(goal), "a request was lost");
    }
    let asked = word.any();
    let honoured = me.checkpoint();
    assert_eq!(honoured, if asked { Checkpoint::Reported } else { Checkpoint::Undisturbed });
    assert_eq!(me.checkpoint(), Checkpoint::Undisturbed, "a request was honoured twice");
}

/// A thread comes online while a goal is set: it reaches the goal by itself, or is asked.
fn asked_while_coming() {
    let domain = Arc::new(Domain::new(Requests::default()));
    let word = Arc::new(Bits::new());
    let mut me = Participant::join(&domain, word.clone());
    let other = {
        let domain = domain.clone();
        thread::spawn(move || {
            let goal = domain.advance();
            domain.request(goal);
            goal
        })
    };
    me.online();
    let goal = other.join().unwrap();
    let _ = me.checkpoint();
    assert!(domain.poll(goal), "nobody asked the newcomer");
}

#[test]
fn one_asks() {
    check(|| asked(1));
}

#[test]
fn two_ask() {
    check(|| asked(2));
}

#[test]
fn a_newcomer_is_asked() {
    check(asked_while_coming);
}

#[test]
fn the_request_is_cleared_first() {
    caught(Mutant::ClearAfterReport, || asked(2));
}

#[test]
fn clearing_acquires() {
    caught(Mutant::ClearRelaxed, || asked(2));
}
