//! Delayed release: a reference taken out of a shared slot is released after a grace period, so readers borrow what they
//! load, and promote it before they report.

use loom::thread;
use typhon_loom_tests::{Object, breaks, caught, check};
use typhon_qsbr::{
    Bits, Domain, Limbo, Participant, Requests,
    mutant::Mutant,
    sync::{Arc, AtomicUsize, Ordering::Relaxed},
};
use typhon_rc::{MergeQueues, TAG_FOREIGN};

/// What a reader does at a checkpoint with a reference that it borrowed.
#[derive(Clone, Copy)]
enum Promote {
    Before,
    After,
    Never,
}

/// A slot that refers to one of two objects; replacing the reference retires the old one.
fn borrowed(promote: Promote) {
    let domain = Arc::new(Domain::new(Requests::default()));
    let queues = Arc::new(MergeQueues::new(4));
    let objects = [Object::new(TAG_FOREIGN), Object::new(TAG_FOREIGN)];
    let slot = Arc::new(AtomicUsize::new(0));
    let reader = {
        let (domain, queues, objects, slot) = (domain.clone(), queues.clone(), objects.clone(), slot.clone());
        thread::spawn(move || {
            let mut me = Participant::join(&domain, Arc::new(Bits::new()));
            me.online();
            let object = &objects[slot.load(Relaxed)];
            object.touch();
            // SAFETY: the reference in the slot is borrowed until the report.
            let retain = || unsafe { object.header.retain(TAG_FOREIGN) };
            match promote {
                Promote::Before => {
                    retain();
                    me.report();
                }
                Promote::After => {
                    me.report();
                    retain();
                }
                Promote::Never => me.report(),
            }
            object.touch();
            if !matches!(promote, Promote::Never) {
                object.release(&queues, TAG_FOREIGN);
            }
        })
    };
    let mut limbo = Limbo::new();
    let old = slot.swap(1, Relaxed);
    let _low = limbo.retire(&domain, old, 1);
    limbo.seal(&domain);
    let settle = |limbo: &mut Limbo<usize>| {
        while let Some(ripe) = limbo.take_ripe(&domain) {
            ripe.into_iter().for_each(|object| objects[object].release(&queues, TAG_FOREIGN));
        }
    };
    settle(&mut limbo);
    reader.join().unwrap();
    settle(&mut limbo);
    assert!(objects[0].body.is_freed(), "leaked");
    assert!(!objects[1].body.is_freed(), "still in the slot");
}

#[test]
fn promoted_before_the_report() {
    check(|| borrowed(Promote::Before));
}

#[test]
fn promoting_after_the_report_is_found() {
    breaks(|| borrowed(Promote::After));
}

#[test]
fn not_promoting_is_found() {
    breaks(|| borrowed(Promote::Never));
}

#[test]
fn borrowing_needs_the_fence() {
    caught(Mutant::OnlineWithoutFence, || borrowed(Promote::Before));
}
