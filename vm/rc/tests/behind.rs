//! What is handed behind an object is given up after it.
#![cfg(not(vm_loom))]

use std::ptr::NonNull;
use std::sync::Arc;
use typhon_qsbr::Bits;
use typhon_rc::{MergeQueues, Owner, RcHeader, Release};

#[test]
fn the_one_behind_dies_later() {
    for merged in [false, true] {
        let queues = Arc::new(MergeQueues::new(1));
        let Some(owner) = Owner::claim(&queues, Arc::new(Bits::new())) else { panic!("a tag") };
        let (mine, theirs) = (owner.tag(), owner.tag() + 1);
        let (first, behind) = (RcHeader::new(1, mine, 0), RcHeader::new(1, mine, 0));
        let (at, at_behind) = (NonNull::from(&first), NonNull::from(&behind));
        // SAFETY: no other thread runs; each reference that is given up was there: one of `first`, two of `behind`.
        unsafe {
            behind.retain(theirs);
            if merged {
                assert_eq!(behind.release(mine), Release::Alive);
            }
            assert!(!queues.release(at, theirs));
            assert_eq!(queues.hand_behind(at_behind, mine), Release::Alive);
            if !merged {
                assert!(!queues.release(at_behind, theirs));
            }
        }
        let mut dead = Vec::new();
        owner.drain(|object| dead.push(object));
        assert_eq!(dead, [at, at_behind]);
        owner.leave(|_| {});
    }
}

#[test]
fn what_is_behind_waits_for_a_release_in_two_parts() {
    for everything in [false, true] {
        let queues = Arc::new(MergeQueues::new(1));
        let Some(owner) = Owner::claim(&queues, Arc::new(Bits::new())) else { panic!("a tag") };
        let (mine, theirs) = (owner.tag(), owner.tag() + 1);
        let [before, first, behind] = [(); 3].map(|()| RcHeader::new(1, mine, 0));
        let [at_before, at, at_behind] = [&before, &first, &behind].map(NonNull::from);
        let mut dead = Vec::new();
        let drain = |dead: &mut Vec<_>| {
            // SAFETY: no other thread runs.
            unsafe { if everything { queues.drain_all(|at| dead.push(at)) } else { owner.drain(|at| dead.push(at)) } }
        };
        // SAFETY: no other thread runs; each reference that is given up was there: one of each, and one of `first` that the other
        // thread has taken and the owner lets go.
        unsafe {
            assert!(!queues.release(at_before, theirs));
            assert!(!queues.release(at, theirs));
            assert_eq!(queues.hand_behind(at_behind, mine), Release::Alive);
            first.retain(theirs);
            assert!(!first.release_fast(mine));
            drain(&mut dead);
            assert_eq!(dead, [at_before], "the owner has still to merge the one that something is behind");
            assert_eq!(first.release_rest(mine), Release::Alive);
        }
        drain(&mut dead);
        assert_eq!(dead, [at_before, at, at_behind]);
        owner.leave(|_| {});
    }
}

#[test]
fn nobody_waits_for_who_has_left() {
    for merged in [false, true] {
        let queues = Arc::new(MergeQueues::new(1));
        let Some(owner) = Owner::claim(&queues, Arc::new(Bits::new())) else { panic!("a tag") };
        let (mine, theirs) = (owner.tag(), owner.tag() + 1);
        let behind = RcHeader::new(1, mine, 0);
        // SAFETY: as above; of two references one is left.
        unsafe {
            behind.retain(theirs);
            if merged {
                assert_eq!(behind.release(mine), Release::Alive);
            }
        }
        owner.leave(|_| {});
        // SAFETY: as above.
        unsafe {
            let gone = queues.hand_behind(NonNull::from(&behind), mine);
            assert_eq!(gone, if merged { Release::Dead } else { Release::Alive });
            if !merged {
                assert_eq!(behind.release(theirs), Release::Dead);
            }
        }
    }
}
