//! A release in two parts: what is drained between them is not released twice.
#![cfg(not(vm_loom))]

use std::ptr::NonNull;
use std::sync::Arc;
use typhon_qsbr::Bits;
use typhon_rc::{MergeQueues, Owner, RcHeader, Release};

const DRAIN: u32 = 1 << 3;

#[test]
fn the_owner_may_drain_before_it_has_merged() {
    for everything in [false, true] {
        let queues = Arc::new(MergeQueues::new(DRAIN));
        let word = Arc::new(Bits::new());
        let Some(owner) = Owner::claim(&queues, word.clone()) else { panic!("a tag") };
        let (mine, theirs) = (owner.tag(), owner.tag() + 1);
        let object = RcHeader::new(1, mine, 0);
        let at = NonNull::from(&object);
        let mut dead = 0;
        let drain = |dead: &mut u32| {
            // SAFETY: no other thread runs.
            unsafe { if everything { queues.drain_all(|_| *dead += 1) } else { owner.drain(|_| *dead += 1) } }
        };
        // SAFETY: each reference that is given up was there: the first, one that the other thread was given and one that it
        // has taken itself. The last is in the queue.
        unsafe {
            object.retain(mine);
            assert!(!queues.release(at, theirs));
            object.retain(theirs);
            assert!(object.release_fast(mine));
            assert!(!object.release_fast(mine));
            drain(&mut dead);
            assert_eq!((dead, word.load() & DRAIN != 0), (0, true), "the owner has still to merge");
            assert_eq!(object.release_rest(mine), Release::Alive);
        }
        drain(&mut dead);
        assert_eq!((dead, word.load() & DRAIN), (1, if everything { DRAIN } else { 0 }));
        owner.leave(|_| {});
    }
}
