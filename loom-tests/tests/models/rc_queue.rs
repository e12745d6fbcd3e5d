//! The merge queues: a reference handed back is released once, though the owner ends meanwhile and the tag goes on.

use loom::thread;
use typhon_loom_tests::{Object, caught, check, check_bounded};
use typhon_qsbr::{Bits, Domain, Participant, Requests, mutant::Mutant, sync::Arc};
use typhon_rc::{MergeQueues, Owner, TAG_FOREIGN};

/// Another thread has the only reference, which the owner has counted. The owner ends.
fn owner_ends() {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let object = Object::new(me.tag());
    let other = {
        let (queues, object) = (queues.clone(), object.clone());
        thread::spawn(move || {
            object.touch();
            object.release(&queues, TAG_FOREIGN);
        })
    };
    me.leave(|_dead| object.free());
    other.join().unwrap();
    assert!(object.body.is_freed(), "leaked");
}

/// As above, and another thread takes the tag over, retains what carries it, and ends.
fn tag_taken_over() {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let tag = me.tag();
    let object = Object::new(tag);
    // SAFETY: this thread has the tag and a reference; the new one is for the other thread.
    unsafe { object.header.retain(tag) };
    let other = {
        let (queues, object) = (queues.clone(), object.clone());
        thread::spawn(move || {
            object.touch();
            object.release(&queues, TAG_FOREIGN);
        })
    };
    me.leave(|_dead| unreachable!("this thread has a reference"));
    let heir = {
        let (queues, object) = (queues.clone(), object.clone());
        thread::spawn(move || {
            let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("the tag that was left");
            assert_eq!(me.tag(), tag);
            object.touch();
            object.release(&queues, me.tag());
            me.leave(|_dead| object.free());
        })
    };
    other.join().unwrap();
    heir.join().unwrap();
    assert!(object.body.is_freed(), "leaked");
}

/// A request in the owner's word is there while something is queued.
fn owner_is_asked() {
    let queues = Arc::new(MergeQueues::new(4));
    let word = Arc::new(Bits::new());
    let me = Owner::claim(&queues, word.clone()).expect("a free tag");
    let objects = [Object::new(me.tag()), Object::new(me.tag())];
    let other = {
        let (queues, objects) = (queues.clone(), objects.clone());
        thread::spawn(move || objects.iter().for_each(|object| object.release(&queues, TAG_FOREIGN)))
    };
    let free = |dead| {
        let object = objects.iter().find(|object| object.pointer() == dead).expect("one of the two");
        object.free();
    };
    if word.any() {
        me.drain(free);
    }
    other.join().unwrap();
    let waiting = objects.iter().any(|object| !object.body.is_freed());
    assert_eq!(word.any(), waiting, "asked for nothing, or not asked");
    me.leave(free);
    assert!(objects.iter().all(|object| object.body.is_freed()), "leaked");
}

/// An owner waits while another thread gives back its reference, and has one itself. Who comes last frees.
fn owner_is_absent() {
    let queues = Arc::new(MergeQueues::new(4));
    let word = Arc::new(Bits::new());
    let me = Owner::claim(&queues, word.clone()).expect("a free tag");
    let object = Object::new(me.tag());
    // SAFETY: this thread has the tag and a reference; the new one is for the other thread.
    unsafe { object.header.retain(me.tag()) };
    let other = {
        let (queues, object) = (queues.clone(), object.clone());
        thread::spawn(move || {
            object.touch();
            object.release(&queues, TAG_FOREIGN);
        })
    };
    me.absent();
    me.back();
    object.touch();
    object.release(&queues, me.tag());
    if word.any() {
        me.drain(|_dead| object.free());
    }
    other.join().unwrap();
    me.leave(|_dead| object.free());
    assert!(object.body.is_freed(), "leaked");
}

/// The last reference is given back while the owner waits: nothing is left to it.
fn absent_owner_keeps_nothing() {
    let queues = Arc::new(MergeQueues::new(4));
    let word = Arc::new(Bits::new());
    let me = Owner::claim(&queues, word.clone()).expect("a free tag");
    let object = Object::new(me.tag());
    me.absent();
    let other = {
        let (queues, object) = (queues.clone(), object.clone());
        thread::spawn(move || {
            object.touch();
            object.release(&queues, TAG_FOREIGN);
        })
    };
    other.join().unwrap();
    assert!(object.body.is_freed() && !word.any(), "kept for a thread that waits");
    me.back();
    me.leave(|_dead| unreachable!("it is gone"));
}

/// A collector stops the world and merges for an owner that does not come by, while a reference is handed back.
fn collector_drains() {
    let queues = Arc::new(MergeQueues::new(4));
    let domain = Arc::new(Domain::new(Requests::default()));
    let owner = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let object = Object::new(owner.tag());
    let other = {
        let (queues, domain, object) = (queues.clone(), domain.clone(), object.clone());
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
            object.touch();
            object.release(&queues, TAG_FOREIGN);
        })
    };
    let mut me = Participant::join(&domain, Arc::new(Bits::new()));
    let world = domain.stop_world(&mut me);
    // SAFETY: the world is stopped, just now.
    unsafe { queues.drain_all(|_dead| object.free()) };
    drop(world);
    drop(me);
    other.join().unwrap();
    owner.leave(|_dead| object.free());
    assert!(object.body.is_freed(), "leaked");
}

#[test]
fn a_collector_merges_for_all() {
    check_bounded(2, collector_drains);
}

#[test]
fn an_owner_ends() {
    check(owner_ends);
}

#[test]
fn a_tag_goes_on() {
    check(tag_taken_over);
}

#[test]
fn an_owner_waits() {
    check(owner_is_absent);
    check(absent_owner_keeps_nothing);
}

#[test]
fn who_counts_merges_himself() {
    caught(Mutant::MergeForThePresent, owner_is_absent);
}

#[test]
fn an_owner_is_asked() {
    check(owner_is_asked);
}

#[test]
fn an_owner_looks_again_before_it_leaves() {
    caught(Mutant::LeaveUndrained, owner_ends);
}

#[test]
fn nobody_queues_to_the_dead() {
    caught(Mutant::QueueToTheDead, owner_ends);
}
