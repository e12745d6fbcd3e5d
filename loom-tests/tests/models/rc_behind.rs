//! What is handed behind an object: it ends after the object, whoever finds out, and though nobody owns it any more.

use loom::thread;
use typhon_loom_tests::{Object, breaks, check};
use typhon_qsbr::{Bits, sync::Arc};
use typhon_rc::{MergeQueues, Owner, Release, TAG_FOREIGN};

/// Another thread gives up the last reference to an object of this one's, which may end meanwhile, and then that to a second
/// one, of which it has handed a reference behind the first if `held`.
fn given_up_one_after_the_other(held: bool) {
    let queues = Arc::new(MergeQueues::new(4));
    let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    let tag = me.tag();
    let (first, second) = (Object::new(tag), Object::new(tag));
    // SAFETY: the reference that there is is counted again, for the other thread, and given up.
    unsafe {
        second.header.retain(TAG_FOREIGN);
        assert_eq!(second.header.release(tag), Release::Alive);
    }
    let end_second = {
        let (first, second) = (first.clone(), second.clone());
        move || {
            assert!(first.body.is_freed(), "the second one ended first");
            second.free();
        }
    };
    let other = {
        let (queues, first, second, end_second) = (queues.clone(), first.clone(), second.clone(), end_second.clone());
        thread::spawn(move || {
            if held {
                // SAFETY: there is one reference, which is this thread's.
                unsafe { second.header.retain(TAG_FOREIGN) };
            }
            first.release(&queues, TAG_FOREIGN);
            // SAFETY: the reference that was just taken; nobody owns the object.
            if held && unsafe { queues.hand_behind(second.pointer(), tag) } == Release::Dead {
                unreachable!("there is another reference");
            }
            // SAFETY: the last reference of this thread's.
            if unsafe { queues.release(second.pointer(), TAG_FOREIGN) } {
                end_second();
            }
        })
    };
    me.leave(|dead| if dead == first.pointer() { first.free() } else { end_second() });
    other.join().unwrap();
    assert!(first.body.is_freed() && second.body.is_freed(), "leaked");
}

#[test]
fn what_is_behind_ends_later() {
    check(|| given_up_one_after_the_other(true));
}

#[test]
fn what_is_not_may_end_before() {
    breaks(|| given_up_one_after_the_other(false));
}
