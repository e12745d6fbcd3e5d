//! Try-retain against the last release: a weak reference gets the object whole, or not at all.

use loom::thread;
use typhon_loom_tests::{Object, caught, check, check_bounded};
use typhon_qsbr::{Bits, mutant::Mutant, sync::Arc};
use typhon_rc::{MergeQueues, Owner, TAG_FOREIGN, TryRetain};

fn upgrade(queues: &MergeQueues, object: &Object) -> TryRetain {
    // SAFETY: the model's `Arc` keeps the header.
    let outcome = unsafe { object.header.try_retain(TAG_FOREIGN) };
    if outcome == TryRetain::Retained {
        object.touch();
        object.release(queues, TAG_FOREIGN);
    }
    outcome
}

/// The owner lets go while `callers` call a weak reference.
fn weak(callers: usize) {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let object = Object::new_weak(me.tag());
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let (queues, object) = (queues.clone(), object.clone());
            thread::spawn(move || assert_ne!(upgrade(&queues, &object), TryRetain::Unknown))
        })
        .collect();
    object.touch();
    object.release(&queues, me.tag());
    for caller in callers {
        caller.join().unwrap();
    }
    me.leave(|_dead| object.free());
    assert!(object.body.is_freed(), "leaked");
    assert_eq!(upgrade(&queues, &object), TryRetain::Dead);
}

/// Nobody has marked the object: only its owner can tell, and frees it without an atomic step.
fn unmarked() {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let object = Object::new(me.tag());
    let caller = {
        let (queues, object) = (queues.clone(), object.clone());
        thread::spawn(move || assert_eq!(upgrade(&queues, &object), TryRetain::Unknown))
    };
    // SAFETY: this thread has the tag and the only reference.
    if unsafe { queues.release(object.pointer(), me.tag()) } {
        object.body.free();
    }
    caller.join().unwrap();
    me.leave(|_dead| unreachable!("nothing was shared"));
    assert!(object.body.is_freed(), "leaked");
}

/// A finalizer runs on a dead object while somebody calls a weak reference to it.
fn revived() {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let object = Object::new_weak(me.tag());
    // SAFETY: it is the last; nobody else has seen the object.
    assert!(unsafe { queues.release(object.pointer(), me.tag()) });
    let caller = {
        let (queues, object) = (queues.clone(), object.clone());
        thread::spawn(move || upgrade(&queues, &object))
    };
    // SAFETY: the object was found dead by this thread just now.
    unsafe { object.header.revive(me.tag()) };
    object.touch();
    object.release(&queues, me.tag());
    let called = caller.join().unwrap();
    assert_ne!(called, TryRetain::Unknown);
    me.leave(|_dead| object.free());
    assert!(object.body.is_freed(), "leaked");
}

#[test]
fn one_calls() {
    check(|| weak(1));
}

#[test]
fn two_call() {
    check_bounded(2, || weak(2));
}

#[test]
fn an_unmarked_object_is_the_owners_alone() {
    check(unmarked);
}

#[test]
fn a_finalizer_and_a_call() {
    check(revived);
}

#[test]
fn the_dead_are_not_retained() {
    caught(Mutant::RetainDead, || weak(1));
}

#[test]
fn the_unmarked_are_not_retained() {
    caught(Mutant::RetainDead, unmarked);
}
