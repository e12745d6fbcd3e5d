//! Counts and locks on real threads: bounded by iterations, not by time. Smaller under miri.
#![cfg(not(vm_loom))]

use std::{
    cell::UnsafeCell,
    ptr::NonNull,
    sync::{Arc, Barrier},
    thread,
};

use typhon_qsbr::{Bits, Domain, Participant, Requests, Tally};
use typhon_rc::{MergeQueues, Owner, RcHeader, Release, Sections, TAG_FOREIGN, TAG_IMMORTAL, TryRetain};

const THREADS: usize = 4;
const ROUNDS: usize = if cfg!(miri) { 20 } else { 50_000 };
const DRAIN: u32 = 1 << 3;

/// An object on the heap, freed when its counts say so.
#[repr(C)]
struct Object {
    header: RcHeader,
    alive: u64,
}

const ALIVE: u64 = 0xA11F_E000_A11F_E000;

#[derive(Clone, Copy)]
struct Ref(NonNull<Object>);

// SAFETY: a reference to an object that is shared on purpose; its counts are what is tested.
unsafe impl Send for Ref {}
// SAFETY: as above.
unsafe impl Sync for Ref {}

impl Ref {
    fn new(tag: u16) -> Self {
        Self(NonNull::from(Box::leak(Box::new(Object { header: RcHeader::new(1, tag, 0), alive: ALIVE }))))
    }

    fn header(&self) -> &RcHeader {
        // SAFETY: whoever has a `Ref` in these tests has a reference that is counted.
        unsafe { &self.0.as_ref().header }
    }

    fn touch(&self) {
        // SAFETY: as above.
        assert_eq!(unsafe { self.0.as_ref().alive }, ALIVE);
    }

    fn release(self, queues: &MergeQueues, tag: u16, freed: &Tally) {
        // SAFETY: the reference that is counted is given up; `tag` is the thread's.
        if unsafe { queues.release(self.0.cast(), tag) } {
            free(self.0.cast(), freed);
        }
    }
}

fn free(object: NonNull<RcHeader>, freed: &Tally) {
    let object = object.cast::<Object>();
    // SAFETY: the counts said that the object is dead, so this is the only pointer to it, and it came from a box.
    let mut object = unsafe { Box::from_raw(object.as_ptr()) };
    assert_eq!(object.alive, ALIVE, "freed twice");
    object.alive = 0;
    freed.add(1);
}

/// Every thread makes objects and passes one reference to each other thread, which uses and releases it; threads end
/// while others still have their objects.
#[test]
fn every_object_is_freed_once() {
    let queues = Arc::new(MergeQueues::new(DRAIN));
    let freed = Tally::new();
    let start = Barrier::new(THREADS);
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| std::sync::mpsc::channel::<Ref>()).unzip();
    thread::scope(|scope| {
        for (index, inbox) in receivers.into_iter().enumerate() {
            let (queues, freed, start, outboxes) = (&queues, &freed, &start, senders.clone());
            scope.spawn(move || {
                let word = Arc::new(Bits::new());
                let me = Owner::claim(queues, word.clone()).expect("a free tag");
                start.wait();
                for round in 0..ROUNDS {
                    let object = Ref::new(me.tag());
                    for (other, outbox) in outboxes.iter().enumerate().filter(|(other, _)| *other != index) {
                        // SAFETY: the thread has the tag and a reference.
                        unsafe { object.header().retain(me.tag()) };
                        // Nobody receives any more: the reference stays here.
                        if outbox.send(object).is_err() {
                            object.release(queues, me.tag(), freed);
                        }
                        if (round + other).is_multiple_of(3) {
                            object.touch();
                        }
                    }
                    object.release(queues, me.tag(), freed);
                    for object in inbox.try_iter() {
                        object.touch();
                        // SAFETY: the thread was sent a reference.
                        unsafe { object.header().retain(me.tag()) };
                        object.release(queues, me.tag(), freed);
                        object.touch();
                        object.release(queues, me.tag(), freed);
                    }
                    if word.any() {
                        me.drain(|dead| free(dead, freed));
                    }
                }
                // The tag goes before the mail: what is left is released as a stranger, to owners that may be gone.
                me.leave(|dead| free(dead, freed));
                drop(outboxes);
                for object in inbox {
                    object.touch();
                    object.release(queues, TAG_FOREIGN, freed);
                }
            });
        }
        drop(senders);
    });
    assert_eq!(freed.get(), (THREADS * ROUNDS) as u64);
}

/// Tags are claimed again, and what still carries them finds its new owner.
#[test]
fn tags_are_used_again() {
    let queues = Arc::new(MergeQueues::new(DRAIN));
    let freed = Tally::new();
    let rounds = if cfg!(miri) { 10 } else { 300 };
    for _ in 0..rounds {
        let (object, tag) = thread::scope(|scope| {
            let queues = &queues;
            let first = scope.spawn(move || {
                let me = Owner::claim(queues, Arc::new(Bits::new())).expect("a free tag");
                let (object, tag) = (Ref::new(me.tag()), me.tag());
                // SAFETY: the thread has the tag and a reference.
                unsafe { object.header().retain(tag) };
                me.leave(|_dead| unreachable!("the object has references"));
                (object, tag)
            });
            first.join().expect("the first thread")
        });
        thread::scope(|scope| {
            scope.spawn(|| object.release(&queues, TAG_FOREIGN, &freed));
            let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
            assert_eq!(me.tag(), tag, "the tag that was left");
            object.touch();
            object.release(&queues, me.tag(), &freed);
            me.leave(|dead| free(dead, &freed));
        });
    }
    assert_eq!(freed.get(), rounds);
}

/// A thread that panics leaves its tag all the same: what still carries it is merged by others.
#[test]
fn a_panic_gives_the_tag_up() {
    let queues = Arc::new(MergeQueues::new(DRAIN));
    let freed = Tally::new();
    let (object, tag) = {
        let queues = queues.clone();
        let (sender, receiver) = std::sync::mpsc::channel();
        let outcome = thread::spawn(move || {
            let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
            sender.send((Ref::new(me.tag()), me.tag())).expect("a receiver");
            panic!("on purpose");
        })
        .join();
        assert!(outcome.is_err());
        receiver.recv().expect("sent before the panic")
    };
    object.release(&queues, TAG_FOREIGN, &freed);
    assert_eq!(freed.get(), 1);
    let heir = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
    assert_eq!(heir.tag(), tag);
    heir.leave(|_dead| unreachable!("nothing is left"));
}

struct Account(UnsafeCell<u64>);

// SAFETY: reached only under the locks that are tested.
unsafe impl Sync for Account {}

impl Account {
    fn add(&self, more: u64) {
        // SAFETY: the caller holds the account's lock.
        let sum = unsafe { &mut *self.0.get() };
        *sum = sum.wrapping_add(more);
    }
}

/// Transfers between random accounts under sections over two objects keep the sum, while the world is stopped now and
/// then.
#[test]
fn sections_keep_the_books() {
    const ACCOUNTS: usize = 5;
    let domain = Arc::new(Domain::new(Requests::default()));
    let headers: Vec<_> = (0..ACCOUNTS).map(|_| RcHeader::new(1, TAG_FOREIGN, 0)).collect();
    let accounts: Vec<_> = (0..ACCOUNTS).map(|_| Account(UnsafeCell::new(100))).collect();
    let pointer = |at: usize| NonNull::from_ref(&headers[at]);
    let sum = || accounts.iter().fold(0_u64, |sum, account| sum.wrapping_add(unsafe_read(account)));
    thread::scope(|scope| {
        for seed in 0..THREADS as u64 {
            let (domain, accounts) = (&domain, &accounts);
            scope.spawn(move || {
                let mut me = Participant::join(domain, Arc::new(Bits::new()));
                let mut sections = Sections::new();
                let mut random = seed + 1;
                me.online();
                for _ in 0..ROUNDS {
                    random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    let (from, to) = ((random >> 33) as usize % ACCOUNTS, (random >> 43) as usize % ACCOUNTS);
                    // SAFETY: the headers outlive the threads; the section ends below.
                    unsafe { sections.begin_two(&mut me, pointer(from), pointer(to)) };
                    accounts[from].add(u64::MAX);
                    accounts[to].add(1);
                    sections.end(&mut me);
                    assert_eq!(sections.depth(), 0);
                    if me.word().any() {
                        let _ = me.checkpoint();
                    }
                }
            });
        }
        let mut me = Participant::join(&domain, Arc::new(Bits::new()));
        for _ in 0..ROUNDS / 50 {
            let world = domain.stop_world(&mut me);
            assert_eq!(sum(), 100 * ACCOUNTS as u64, "stopped in the middle of a transfer");
            drop(world);
            me.offline();
        }
    });
    assert_eq!(sum(), 100 * ACCOUNTS as u64);
    assert!(headers.iter().all(|header| !header.lock().is_locked()));
}

fn unsafe_read(account: &Account) -> u64 {
    // SAFETY: the world is stopped or all threads have ended.
    unsafe { *account.0.get() }
}

/// One thread revives dead objects, as finalizers do, while weak references to them are called.
#[test]
fn weak_calls_race_with_finalizers() {
    let queues = Arc::new(MergeQueues::new(DRAIN));
    let (called, start) = (Tally::new(), Barrier::new(2));
    let headers: Vec<_> = (0..ROUNDS).map(|_| RcHeader::new(1, 1, 0)).collect();
    thread::scope(|scope| {
        scope.spawn(|| {
            start.wait();
            for header in &headers {
                // SAFETY: the headers are never freed; a reference that was retained is given up.
                unsafe {
                    if header.try_retain(TAG_FOREIGN) == TryRetain::Retained {
                        called.add(1);
                        // Whether this or the owner finds it dead, the header stays.
                        let _dead = queues.release(NonNull::from_ref(header), TAG_FOREIGN);
                    }
                }
            }
        });
        let me = Owner::claim(&queues, Arc::new(Bits::new())).expect("a free tag");
        assert_eq!(me.tag(), 1);
        // SAFETY: each header has one reference, of this thread.
        headers.iter().for_each(|header| unsafe { header.mark_weak() });
        start.wait();
        for header in &headers {
            // SAFETY: as above; a dead object is revived by the thread that found it dead.
            unsafe {
                if header.release(me.tag()) == Release::Dead {
                    header.revive(me.tag());
                    let _dead = queues.release(NonNull::from_ref(header), me.tag());
                }
            }
        }
        me.leave(|_dead| {});
    });
    // SAFETY: nobody else is left.
    assert!(headers.iter().all(|header| unsafe { header.try_retain(TAG_FOREIGN) } == TryRetain::Dead));
}

#[test]
fn the_immortal_are_left_alone() {
    static NONE: RcHeader = RcHeader::immortal(3, 0);
    assert!(NONE.is_immortal());
    for tag in [1, TAG_FOREIGN] {
        // SAFETY: nothing is counted.
        unsafe {
            NONE.retain(tag);
            NONE.retain_many(tag, 5);
            for _ in 0..10 {
                assert_eq!(NONE.release(tag), Release::Alive);
            }
            assert_eq!(NONE.try_retain(tag), TryRetain::Retained);
            assert!(!NONE.is_unique(tag));
        }
    }
    assert_eq!((NONE.owner(), NONE.shape()), (TAG_IMMORTAL, 3));
}

#[test]
fn a_count_that_overflows_leaks() {
    let object = RcHeader::new(1, 1, 0);
    // SAFETY: this thread has the tag and a reference; it never gives up more than it has.
    unsafe {
        object.retain_many(1, u32::MAX - 1);
        assert_eq!(object.count(1), u64::from(u32::MAX));
        object.retain(1);
        for _ in 0..1000 {
            assert_eq!(object.release(1), Release::Alive);
            assert_eq!(object.release(TAG_FOREIGN), Release::Alive);
        }
        object.retain(TAG_FOREIGN);
        assert!(!object.is_unique(1));
    }
}

#[test]
fn uniqueness_is_the_owners() {
    let object = RcHeader::new(1, 1, 0);
    // SAFETY: this thread plays the owner and a stranger, each with references of its own.
    unsafe {
        assert!(object.is_unique(1) && !object.is_unique(2) && !object.is_unique(TAG_FOREIGN));
        object.retain(TAG_FOREIGN);
        assert!(!object.is_unique(1));
        assert_eq!(object.release(TAG_FOREIGN), Release::Alive);
        assert!(object.is_unique(1));
        object.retain(1);
        assert!(!object.is_unique(1));
        assert_eq!((object.release(1), object.release(1)), (Release::Alive, Release::Dead));
    }
}
