//! Retiring: garbage waits in batches until the grace period of its batch is over.
//!
//! A [`Limbo`] belongs to one thread and locks nothing. Items gather in an open batch; a full batch is sealed with a
//! goal; a batch whose goal is reached is handed back to the owner, who frees what is in it *after* the limbo has been
//! let go, so that a destructor may retire more. A thread that ends hands its limbo to an [`Orphanage`], from which any
//! other thread takes ripe batches.
//!
//! A limbo and an orphanage are of one domain: every call is given the same one.
//!
//! What an item is, and what freeing it means, is the user's: `T` is a pointer, a decref, a box.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::{
    domain::{Domain, Goal},
    mutant::{Mutant, planted},
    sync::{
        AtomicUsize, Mutex,
        Ordering::{Acquire, Release},
        is_torn_down,
    },
};

/// A batch is sealed when it has this many items.
pub const BATCH_ITEMS: usize = if cfg!(vm_loom) { 2 } else { 128 };
/// A batch is sealed when its items weigh this much.
pub const BATCH_BYTES: usize = 1 << 20;

/// What retiring an item led to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "after `Sealed` it is time to take what is ripe"]
pub enum Pressure {
    /// The item waits in the open batch.
    Low,
    /// A batch was sealed and everybody asked for a report.
    Sealed,
}

/// The garbage of one thread.
///
/// Dropping a limbo that is not empty leaks what is in it: nobody knows whether it is ripe. Hand it over instead.
#[derive(Debug)]
pub struct Limbo<T> {
    open: Vec<T>,
    open_bytes: usize,
    sealed: VecDeque<Batch<T>>,
    waits: Waits,
}

/// How long batches have waited for the end of their grace period, from when they were sealed until they were taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waits {
    /// How many batches were taken.
    pub batches: u64,
    /// How long they waited together.
    pub time: Duration,
    /// How long the one waited that waited longest.
    pub longest: Duration,
}

/// The garbage of threads that have ended.
#[derive(Debug)]
pub struct Orphanage<T> {
    /// How many batches there are, to look at without the lock.
    count: AtomicUsize,
    batches: Mutex<Vec<Batch<T>>>,
}

#[derive(Debug)]
struct Batch<T> {
    goal: Goal,
    sealed: Instant,
    items: Vec<T>,
}

impl<T> Limbo<T> {
    /// An empty limbo.
    pub const fn new() -> Self {
        Self {
            open: Vec::new(),
            open_bytes: 0,
            sealed: VecDeque::new(),
            waits: Waits { batches: 0, time: Duration::ZERO, longest: Duration::ZERO },
        }
    }

    /// Takes `item`, which the calling thread has unlinked: nobody who comes online from now on can reach it. `bytes` is
    /// what freeing it gives back.
    pub fn retire(&mut self, domain: &Domain, item: T, bytes: usize) -> Pressure {
        self.open.push(item);
        self.open_bytes = self.open_bytes.saturating_add(bytes);
        if self.open.len() >= BATCH_ITEMS || self.open_bytes >= BATCH_BYTES {
            self.seal(domain);
            return Pressure::Sealed;
        }
        Pressure::Low
    }

    /// Seals the open batch, if anything is in it, and asks everybody for a report.
    pub fn seal(&mut self, domain: &Domain) {
        if self.open.is_empty() {
            return;
        }
        let goal = domain.advance();
        domain.request(goal);
        self.open_bytes = 0;
        self.sealed.push_back(Batch { goal, sealed: Instant::now(), items: std::mem::take(&mut self.open) });
    }

    /// The oldest batch, if it is ripe: nobody but the caller can still reach its items. Call it until there is none.
    #[must_use = "what is ripe must be freed by whoever took it"]
    pub fn take_ripe(&mut self, domain: &Domain) -> Option<Vec<T>> {
        let goal = self.sealed.front()?.goal;
        if !domain.poll(goal) {
            return None;
        }
        self.sealed.pop_front().map(|batch| {
            let waited = batch.sealed.elapsed();
            self.waits.batches += 1;
            self.waits.time += waited;
            self.waits.longest = self.waits.longest.max(waited);
            batch.items
        })
    }

    /// How long what was taken by [`Limbo::take_ripe`] has waited, since this was asked last.
    pub fn take_waits(&mut self) -> Waits {
        std::mem::take(&mut self.waits)
    }

    /// Everything in here, ripe or not.
    ///
    /// # Safety
    /// Nobody else can reach any item: the world is stopped, or no reader exists any more.
    #[must_use = "what is taken must be freed by whoever took it"]
    pub unsafe fn take_all(&mut self) -> Vec<T> {
        self.open_bytes = 0;
        let mut all: Vec<T> = self.sealed.drain(..).flat_map(|batch| batch.items).collect();
        all.append(&mut self.open);
        all
    }

    /// How many items wait.
    pub fn len(&self) -> usize {
        self.open.len() + self.sealed.iter().map(|batch| batch.items.len()).sum::<usize>()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.sealed.is_empty()
    }

    /// Every item, without taking it: a collector counts references that are still to be released.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.sealed.iter().flat_map(|batch| &batch.items).chain(&self.open)
    }
}

impl<T> Default for Limbo<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for Limbo<T> {
    fn drop(&mut self) {
        if self.is_empty() {
            return;
        }
        debug_assert!(std::thread::panicking(), "a limbo was dropped instead of handed over");
        std::mem::forget((std::mem::take(&mut self.open), std::mem::take(&mut self.sealed)));
    }
}

impl<T> Orphanage<T> {
    /// An empty orphanage.
    pub fn new() -> Self {
        Self { count: AtomicUsize::new(0), batches: Mutex::new(Vec::new()) }
    }

    /// Takes over everything that waits in `limbo`, whose thread ends.
    pub fn take_over(&self, domain: &Domain, limbo: &mut Limbo<T>) {
        if planted(Mutant::HandOverRipe) {
            // A goal made before the items were unlinked is reached too early.
            let items = std::mem::take(&mut limbo.open);
            self.batches.lock().push(Batch { goal: Goal::EVER, sealed: Instant::now(), items });
        }
        limbo.seal(domain);
        let mut batches = self.batches.lock();
        batches.extend(limbo.sealed.drain(..));
        // Release: pairs with the Acquire in `is_empty`.
        self.count.store(batches.len(), Release);
    }

    /// Whether nothing waits. One load, for the safepoints of every thread.
    pub fn is_empty(&self) -> bool {
        // Acquire: pairs with the Release in `take_over` and `take_ripe`.
        self.count.load(Acquire) == 0
    }

    /// A batch that is ripe, if there is one. Call it until there is none.
    #[must_use = "what is ripe must be freed by whoever took it"]
    pub fn take_ripe(&self, domain: &Domain) -> Option<Vec<T>> {
        let mut batches = self.batches.lock();
        let ripe = batches.iter().position(|batch| domain.poll(batch.goal))?;
        let batch = batches.swap_remove(ripe);
        // Release: pairs with the Acquire in `is_empty`.
        self.count.store(batches.len(), Release);
        Some(batch.items)
    }

    /// Everything in here, ripe or not.
    ///
    /// # Safety
    /// As for [`Limbo::take_all`].
    #[must_use = "what is taken must be freed by whoever took it"]
    pub unsafe fn take_all(&self) -> Vec<T> {
        let mut batches = self.batches.lock();
        // Release: pairs with the Acquire in `is_empty`.
        self.count.store(0, Release);
        batches.drain(..).flat_map(|batch| batch.items).collect()
    }

    /// Runs `f` on every item, without taking it. The items must not be retired from within.
    pub fn for_each(&self, mut f: impl FnMut(&T)) {
        for batch in &*self.batches.lock() {
            batch.items.iter().for_each(&mut f);
        }
    }
}

impl<T> Default for Orphanage<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for Orphanage<T> {
    fn drop(&mut self) {
        if is_torn_down() {
            return;
        }
        let batches = std::mem::take(&mut *self.batches.lock());
        if batches.is_empty() {
            return;
        }
        debug_assert!(std::thread::panicking(), "an orphanage was dropped before its garbage was freed");
        std::mem::forget(batches);
    }
}
