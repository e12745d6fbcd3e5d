//! The merge queues: how a count gets back to its owner.
//!
//! A thread that releases the last reference it can know of cannot tell whether the object is dead: the owner counts
//! apart. It hands the object to the owner's queue, and its reference with it; the owner, at its next checkpoint, merges
//! the counts. An owner that ends merges what is left and closes its queue; from then on whoever hands an object back
//! merges it himself, under the queue's lock, which excludes a second merger and a new owner. So does whoever hands an object to an
//! owner that is absent: one that waits, and counts nothing until it is back (CPython gh-157838: what a thread has made would otherwise
//! outlive its last reference for as long as that thread waits).
//!
//! A tag outlives its thread: the next thread that claims it becomes the owner of everything that still carries it. The
//! queue's lock carries the plain counts from one to the other.

use std::ptr::NonNull;

use typhon_qsbr::{
    Bits, Slot,
    mutant::{Mutant, planted},
    sync::{Arc, Mutex, is_torn_down},
};

use crate::{
    biased::{RcHeader, Release},
    word::{TAG_IMMORTAL, TAG_MAX, TAG_NONE},
};

/// Queues in the first leaf; each further one has twice as many, so that an isolate of one thread holds little.
const LEAF: usize = if cfg!(vm_loom) { 2 } else { 4 };
/// Enough for every tag.
const LEAVES: usize = if cfg!(vm_loom) { 2 } else { 15 };

/// A queue per tag, and the tags that are free. An isolate has one.
#[derive(Debug)]
pub struct MergeQueues {
    /// The bit of an owner's word by which it is asked to drain its queue.
    request: u32,
    leaves: [Slot<Leaf>; LEAVES],
    tags: Mutex<Tags>,
}

type Leaf = Box<[Mutex<Queue>]>;

#[derive(Debug)]
struct Tags {
    /// Tags that have been left, to be claimed again.
    left: Vec<u16>,
    /// The lowest tag that was never claimed.
    fresh: u16,
}

#[derive(Debug, Default)]
struct Queue {
    /// The word of the owner; nobody has the tag if there is none.
    owner: Option<Arc<Bits>>,
    /// The owner counts nothing until it takes this back.
    is_absent: bool,
    objects: Vec<Handed>,
}

/// An object whose last release is outstanding; and whether it is to end after those that were handed over before it.
#[derive(Debug)]
struct Handed {
    object: NonNull<RcHeader>,
    behind: bool,
}

// SAFETY: a header is `Sync`, and the queue owns a reference to it, which may be released by any thread that is allowed
// to drain the queue.
unsafe impl Send for Handed {}

/// A thread's tag, and its queue. To be given up by [`Owner::leave`]; one that is dropped, by a panic, leaks the objects
/// that it finds dead.
#[derive(Debug)]
pub struct Owner {
    queues: Arc<MergeQueues>,
    tag: u16,
    left: bool,
}

impl Queue {
    /// Whom an object is left to that is handed over; `None` if whoever hands it over is to merge it. An absent owner may be in the
    /// middle of its own release of it, see [`Queue::take`].
    ///
    /// # Safety
    /// The queue's lock is held, and a reference to the object.
    unsafe fn heir(&self, Handed { object, behind }: &Handed) -> Option<&Arc<Bits>> {
        let owner = self.owner.as_ref()?;
        if !self.is_absent && !planted(Mutant::MergeForThePresent) {
            return Some(owner);
        }
        // SAFETY: the caller's reference keeps the object; an absent owner does not count, and is not back without the lock.
        let is_ending = unsafe { object.as_ref().is_ending() };
        (is_ending || *behind && !self.objects.is_empty()).then_some(owner)
    }

    /// Takes out what may be merged. What stays is in the middle of the owner's own release: it has taken its last counted
    /// reference off and is about to merge, between which it may wait or drain; were it merged here, it would be released
    /// once more. What lies behind such a one stays, too.
    ///
    /// # Safety
    /// The caller is the owner or excludes it.
    unsafe fn take(&mut self) -> Vec<Handed> {
        let all = std::mem::take(&mut self.objects);
        let mut ending = false;
        let (left, rest) = all.into_iter().partition(|Handed { object, behind }| {
            // SAFETY: the queue's references keep the objects; the caller's duty.
            let is_ending = unsafe { object.as_ref().is_ending() };
            ending |= is_ending;
            is_ending || *behind && ending
        });
        self.objects = left;
        rest
    }
}

/// In which leaf a tag's queue is, and where there.
fn place(tag: u16) -> (usize, usize) {
    let nth = usize::from(tag) / LEAF + 1;
    let leaf = nth.ilog2() as usize;
    (leaf, usize::from(tag) - LEAF * ((1 << leaf) - 1))
}

impl MergeQueues {
    /// No owners. `request` is the bit of an owner's word by which it is asked to drain.
    pub fn new(request: u32) -> Self {
        let leaves = std::array::from_fn(|_| Slot::new());
        Self { request, leaves, tags: Mutex::new(Tags { left: Vec::new(), fresh: TAG_NONE + 1 }) }
    }

    /// Takes over a reference for which [`RcHeader::release`] said [`Release::Queue`]. Says [`Release::Dead`] if it was
    /// the last one after all, and [`Release::Alive`] otherwise.
    ///
    /// # Safety
    /// The caller was told [`Release::Queue`] for this object and hands it over once, to the queues of the isolate that
    /// gave its owner the tag.
    pub unsafe fn hand_back(&self, object: NonNull<RcHeader>) -> Release {
        // SAFETY: the reference being handed over keeps the object.
        let header = unsafe { object.as_ref() };
        let tag = header.owner();
        if tag == TAG_NONE || tag == TAG_IMMORTAL {
            // Merged since: the owner has found the count to be above zero by the reference handed over here.
            return header.release_shared();
        }
        // SAFETY: passed on.
        unsafe { self.hand(Handed { object, behind: false }, tag) }
    }

    /// Takes over a reference to an object that `tag` owns, or nobody, and gives it up when the owner of `tag` has given up all
    /// that was handed to it before. As [`MergeQueues::hand_back`].
    ///
    /// # Safety
    /// The caller gives the reference up. The object has that owner or none; it is of the isolate that gave the tag.
    pub unsafe fn hand_behind(&self, object: NonNull<RcHeader>, tag: u16) -> Release {
        // SAFETY: passed on.
        unsafe { self.hand(Handed { object, behind: true }, tag) }
    }

    /// # Safety
    /// As for [`MergeQueues::hand_behind`].
    unsafe fn hand(&self, handed: Handed, tag: u16) -> Release {
        // SAFETY: as in `hand_back`.
        let header = unsafe { handed.object.as_ref() };
        let Some(queue) = self.queue(tag) else {
            debug_assert!(false, "an object with a tag that was never claimed");
            return Release::Alive;
        };
        let mut queue = queue.lock();
        // SAFETY: the caller has the reference that is handed over.
        if let Some(word) = unsafe { queue.heir(&handed) } {
            word.set(self.request);
        } else if !planted(Mutant::QueueToTheDead) {
            // The tag is read again: another may have merged the object before this one got the lock.
            if header.owner() == TAG_NONE {
                return header.release_shared();
            }
            // SAFETY: the owner has left or is absent, and the queue's lock is held, so nobody else merges; the reference is
            // this call's to give up.
            return unsafe { header.merge(1) };
        }
        queue.objects.push(handed);
        Release::Alive
    }

    /// Releases a reference, and hands the object back if it comes to that. Whether the object is dead: then the caller
    /// has it to itself and must free or revive it; otherwise the caller must not touch it again.
    ///
    /// # Safety
    /// As for [`RcHeader::release`].
    #[inline(always)]
    #[must_use = "a dead object must be freed"]
    pub unsafe fn release(&self, object: NonNull<RcHeader>, my_tag: u16) -> bool {
        // SAFETY: the caller's reference keeps the object, and is given up here.
        match unsafe { object.as_ref().release(my_tag) } {
            Release::Alive => false,
            Release::Dead => true,
            // SAFETY: `release` has just said so.
            Release::Queue => unsafe { self.hand_back(object) == Release::Dead },
        }
    }

    /// Merges everything in every queue; a collector wants the counts in one place. `dispose` gets each object that is
    /// dead.
    ///
    /// # Safety
    /// The world is stopped, by the caller.
    pub unsafe fn drain_all(&self, mut dispose: impl FnMut(NonNull<RcHeader>)) {
        for queue in self.leaves.iter().filter_map(Slot::get).flat_map(|leaf| leaf.iter()) {
            // SAFETY: the world is stopped, which excludes the owner.
            let objects = unsafe { queue.lock().take() };
            for Handed { object, .. } in objects {
                // SAFETY: as above; the queue's reference is given up.
                if unsafe { settle(object) } == Release::Dead {
                    dispose(object);
                }
            }
        }
    }

    /// Shows every object that waits in a queue, and with it the reference that waits to be released.
    ///
    /// # Safety
    /// The world is stopped, by the caller.
    pub unsafe fn each_handed(&self, mut f: impl FnMut(NonNull<RcHeader>)) {
        for queue in self.leaves.iter().filter_map(Slot::get).flat_map(|leaf| leaf.iter()) {
            queue.lock().objects.iter().for_each(|handed| f(handed.object));
        }
    }

    /// The queue of `tag`, if anybody has ever claimed a tag near it.
    fn queue(&self, tag: u16) -> Option<&Mutex<Queue>> {
        let (leaf, at) = place(tag);
        self.leaves.get(leaf)?.get().map(|leaf| &leaf[at])
    }

    fn ensure_queue(&self, tag: u16) -> Option<&Mutex<Queue>> {
        if self.queue(tag).is_none() {
            let (at, _) = place(tag);
            let leaf: Leaf = (0..LEAF << at).map(|_| Mutex::new(Queue::default())).collect();
            // Whoever was first has set the same: an empty leaf.
            let _first = self.leaves.get(at)?.set(Box::new(leaf));
        }
        self.queue(tag)
    }
}

impl Owner {
    /// Claims a tag for the calling thread, which is asked to [`Owner::drain`] in `word`. `None` if every tag is in use:
    /// such a thread works as [`crate::TAG_FOREIGN`].
    pub fn claim(queues: &Arc<MergeQueues>, word: Arc<Bits>) -> Option<Self> {
        let tag = {
            let mut tags = queues.tags.lock();
            match tags.left.pop() {
                Some(tag) => tag,
                None if tags.fresh > TAG_MAX => return None,
                None => {
                    tags.fresh += 1;
                    tags.fresh - 1
                }
            }
        };
        queues.ensure_queue(tag)?.lock().owner = Some(word);
        Some(Self { queues: queues.clone(), tag, left: false })
    }

    /// The tag, to pass to [`RcHeader::retain`] and its like on the thread that has this owner.
    #[inline(always)]
    pub fn tag(&self) -> u16 {
        self.tag
    }

    /// The queues that the tag is of.
    pub fn queues(&self) -> &Arc<MergeQueues> {
        &self.queues
    }

    /// Before the thread waits: others merge what they hand back. Until it is [`Owner::back`] it neither retains nor releases
    /// anything.
    pub fn absent(&self) {
        self.set_absent(true);
    }

    /// The thread counts again.
    pub fn back(&self) {
        self.set_absent(false);
    }

    fn set_absent(&self, is_absent: bool) {
        if let Some(queue) = self.queues.queue(self.tag) {
            queue.lock().is_absent = is_absent;
        }
    }

    /// Merges the objects that others have handed back. `dispose` gets each one that is dead, with no lock held.
    pub fn drain(&self, dispose: impl FnMut(NonNull<RcHeader>)) {
        // SAFETY: this is the owner.
        self.drain_with(|queue| unsafe { queue.take() }, dispose);
    }

    fn drain_with(&self, take: impl FnOnce(&mut Queue) -> Vec<Handed>, mut dispose: impl FnMut(NonNull<RcHeader>)) {
        let Some(queue) = self.queues.queue(self.tag) else { return };
        let objects = {
            let mut queue = queue.lock();
            if let Some(word) = &queue.owner {
                word.clear(self.queues.request);
            }
            let objects = take(&mut queue);
            if let Some(word) = queue.owner.as_ref().filter(|_| !queue.objects.is_empty()) {
                word.set(self.queues.request);
            }
            objects
        };
        for Handed { object, .. } in objects {
            // SAFETY: this is the owner; the queue's reference is given up.
            if unsafe { settle(object) } == Release::Dead {
                dispose(object);
            }
        }
    }

    /// Gives the tag up: the thread ends, or will own nothing more. `dispose` as in [`Owner::drain`]; it may release
    /// objects, which may come back here, so the queue is closed when it is found empty.
    pub fn leave(mut self, dispose: impl FnMut(NonNull<RcHeader>)) {
        self.close(dispose);
    }

    fn close(&mut self, mut dispose: impl FnMut(NonNull<RcHeader>)) {
        let Some(queue) = self.queues.queue(self.tag) else { return };
        loop {
            // A thread that ends is in the middle of nothing.
            self.drain_with(|queue| std::mem::take(&mut queue.objects), &mut dispose);
            let mut queue = queue.lock();
            if queue.objects.is_empty() || planted(Mutant::LeaveUndrained) {
                (queue.owner, queue.is_absent) = (None, false);
                break;
            }
        }
        self.left = true;
        self.queues.tags.lock().left.push(self.tag);
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        if !self.left && !is_torn_down() {
            debug_assert!(std::thread::panicking(), "an owner was dropped instead of leaving");
            self.close(|_leaked| {});
        }
    }
}

/// Applies the one release that is outstanding for a queued object.
///
/// # Safety
/// As for [`RcHeader::merge`], for an object that is not merged yet. The caller owns the queue's reference.
unsafe fn settle(object: NonNull<RcHeader>) -> Release {
    // SAFETY: the queue's reference keeps the object.
    let header = unsafe { object.as_ref() };
    if header.owner() == TAG_NONE {
        return header.release_shared();
    }
    // SAFETY: the caller's duty.
    unsafe { header.merge(1) }
}
