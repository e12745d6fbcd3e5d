//! Biased counts: an object is freed exactly once, by whoever released last, after everybody's uses.

use loom::thread;
use typhon_loom_tests::{Object, caught, check, check_bounded};
use typhon_qsbr::{Bits, Flag, mutant::Mutant, sync::Arc};
use typhon_rc::{MergeQueues, Owner, Release, TAG_FOREIGN};

/// The owner has one reference, and has given one to each of `others`, which use and release it.
fn given_away(others: usize) {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let object = Object::new(me.tag());
    // SAFETY: this thread has the tag and a reference.
    unsafe { object.header.retain_many(me.tag(), others as u32) };
    let others: Vec<_> = (0..others)
        .map(|_| {
            let (queues, object) = (queues.clone(), object.clone());
            thread::spawn(move || {
                object.touch();
                object.release(&queues, TAG_FOREIGN);
            })
        })
        .collect();
    object.touch();
    object.release(&queues, me.tag());
    me.drain(|_dead| object.free());
    me.leave(|_dead| object.free());
    for other in others {
        other.join().unwrap();
    }
    assert!(object.body.is_freed(), "leaked");
}

/// Another thread retains by itself, twice, while the owner lets go.
fn retained_by_another() {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let object = Object::new(me.tag());
    // SAFETY: this thread has the tag and a reference; the new one is for the other thread.
    unsafe { object.header.retain(me.tag()) };
    let other = {
        let (queues, object) = (queues.clone(), object.clone());
        thread::spawn(move || {
            // SAFETY: this thread was given a reference.
            unsafe { object.header.retain(TAG_FOREIGN) };
            object.release(&queues, TAG_FOREIGN);
            object.touch();
            object.release(&queues, TAG_FOREIGN);
        })
    };
    object.touch();
    object.release(&queues, me.tag());
    other.join().unwrap();
    me.leave(|_dead| object.free());
    assert!(object.body.is_freed(), "leaked");
}

/// Another thread takes several references at once beside the one that it was given, which the owner gets back when it has
/// seen that, and gives the others back together.
fn in_stock() {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let (object, stocked) = (Object::new(me.tag()), Arc::new(Flag::new(false)));
    // SAFETY: this thread has the tag and a reference; the new one is for the other thread.
    unsafe { object.header.retain(me.tag()) };
    let other = {
        let (queues, object, stocked) = (queues.clone(), object.clone(), stocked.clone());
        thread::spawn(move || {
            // SAFETY: this thread was given a reference, and keeps it until it has others.
            unsafe { object.header.retain_many(TAG_FOREIGN, 3) };
            stocked.set();
            object.touch();
            // SAFETY: the three references above.
            let outcome = match unsafe { object.header.release_many(3) } {
                // SAFETY: the release has just said so.
                Release::Queue => unsafe { queues.hand_back(object.pointer()) },
                outcome => outcome,
            };
            if outcome == Release::Dead {
                object.free();
            }
        })
    };
    object.release(&queues, me.tag());
    let back = stocked.get();
    if back {
        object.release(&queues, me.tag());
    }
    other.join().unwrap();
    if !back {
        object.release(&queues, me.tag());
    }
    me.leave(|_dead| object.free());
    assert!(object.body.is_freed(), "leaked");
}

/// Another thread retains, and gives that reference to the owner, whose own count then ends first.
fn given_back() {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let object = Object::new(me.tag());
    // SAFETY: this thread has the tag and a reference; the new one is for the other thread.
    unsafe { object.header.retain(me.tag()) };
    let given = Arc::new(Flag::new(false));
    let other = {
        let (queues, object, given) = (queues.clone(), object.clone(), given.clone());
        thread::spawn(move || {
            // SAFETY: this thread was given a reference.
            unsafe { object.header.retain(TAG_FOREIGN) };
            given.set();
            object.touch();
            object.release(&queues, TAG_FOREIGN);
        })
    };
    object.touch();
    object.release(&queues, me.tag());
    let early = given.get();
    if early {
        object.release(&queues, me.tag());
    }
    other.join().unwrap();
    me.drain(|_dead| object.free());
    if !early {
        object.release(&queues, me.tag());
    }
    me.leave(|_dead| object.free());
    assert!(object.body.is_freed(), "leaked");
}

/// The owner writes, and lets another thread release last.
fn written_before_release() {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let object = Object::new(TAG_FOREIGN);
    // SAFETY: this thread has a reference; the new one is for the other thread.
    unsafe { object.header.retain(me.tag()) };
    let other = {
        let (queues, object) = (queues.clone(), object.clone());
        thread::spawn(move || {
            object.touch();
            object.release(&queues, TAG_FOREIGN);
        })
    };
    object.touch();
    object.release(&queues, me.tag());
    other.join().unwrap();
    me.leave(|_dead| unreachable!("a merged object is never queued"));
    assert!(object.body.is_freed(), "leaked");
}

/// The owner, who has two references, stores as if it were alone once it sees no other; another thread looks at the object, and
/// gives up what it counted itself.
fn stored_alone() {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let object = Object::new(me.tag());
    // SAFETY: this thread has the tag and a reference; the last new one is for the other thread, and counted as that counts.
    unsafe {
        object.header.retain(me.tag());
        object.header.retain(TAG_FOREIGN);
    }
    let other = {
        let (queues, object) = (queues.clone(), object.clone());
        thread::spawn(move || {
            object.touch();
            object.release(&queues, TAG_FOREIGN);
        })
    };
    // Or loom would not have the look come after the release, which looks itself before it writes.
    thread::yield_now();
    // SAFETY: the references of this thread.
    if unsafe { object.header.has_only(2, me.tag()) } {
        object.body.write(7);
    }
    other.join().unwrap();
    object.release(&queues, me.tag());
    object.release(&queues, me.tag());
    me.leave(|_dead| object.free());
    assert!(object.body.is_freed(), "leaked");
}

#[test]
fn who_is_alone_stores_so() {
    check(stored_alone);
}

#[test]
fn who_is_alone_sees_the_release() {
    caught(Mutant::ReleaseRelaxed, stored_alone);
}

#[test]
fn one_other() {
    check(|| given_away(1));
}

#[test]
fn two_others() {
    check_bounded(2, || given_away(2));
}

#[test]
fn another_retains() {
    check(retained_by_another);
}

#[test]
fn several_at_once() {
    check(in_stock);
}

#[test]
fn the_owner_looks_at_what_is_in_stock() {
    caught(Mutant::DeadWithoutShared, in_stock);
}

#[test]
fn a_reference_comes_back() {
    check(given_back);
}

#[test]
fn a_merged_object() {
    check(written_before_release);
}

#[test]
fn a_merge_gives_up_the_tag_first() {
    caught(Mutant::MergeSharedFirst, || given_away(2));
}

#[test]
fn the_owner_looks_at_the_shared_count() {
    caught(Mutant::DeadWithoutShared, given_back);
}

#[test]
fn a_release_is_a_release() {
    caught(Mutant::ReleaseRelaxed, written_before_release);
}
