//! A site: one word that says whether there is something to use at a place, who makes it, and whether it is too late.
//!
//! ```text
//!            claim             commit
//!   Empty ──────────▶ Claimed ────────▶ Ready(value)
//!     ▲                │   │               │
//!     │    give_up     │   │ bar           │ withdraw
//!     └────────────────┘   ▼               │
//!     ▲                  Barred            │
//!     └────────────────────────────────────┘         close, from anywhere: Closed, for good
//! ```
//!
//! Every arrow is one compare-and-swap of the word, so there is one claimant at a time, a commit is one publication, and a
//! value that is committed after the site was closed is handed back. Values are read under a [`Guard`], and freed when their
//! grace period is over.

use crate::{
    domain::Domain,
    guard::Guard,
    mutant::{Mutant, planted},
    retire::Limbo,
    sync::{
        Arc, AtomicPtr, Mutex,
        Ordering::{AcqRel, Acquire, Relaxed},
        free, is_torn_down,
    },
};

/// A place for a value that somebody may make.
#[derive(Debug)]
pub struct Site<T> {
    domain: Arc<Domain>,
    word: AtomicPtr<T>,
    gone: Mutex<Limbo<Box<T>>>,
}

/// How a site stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nothing is there, and anybody may claim it.
    Empty,
    /// Somebody makes a value.
    Claimed,
    /// A value is there.
    Ready,
    /// Nothing is there, and nobody shall try.
    Barred,
    /// Too late.
    Closed,
}

const EMPTY: usize = 0;
const CLAIMED: usize = 1;
const BARRED: usize = 2;
const CLOSED: usize = 3;

fn mark<T>(stage: usize) -> *mut T {
    std::ptr::without_provenance_mut(stage)
}

impl<T> Site<T> {
    /// Values are aligned, so that their addresses are no marks.
    const ALIGNED: () = assert!(align_of::<T>() > CLOSED);

    /// An empty site in `domain`.
    pub fn new(domain: Arc<Domain>) -> Self {
        let () = Self::ALIGNED;
        Self { domain, word: AtomicPtr::new(mark(EMPTY)), gone: Mutex::new(Limbo::new()) }
    }

    /// What is there. One load.
    #[inline]
    pub fn get<'g>(&'g self, guard: &Guard<'g>) -> Option<&'g T> {
        guard.check(&self.domain);
        // Acquire: pairs with the Release half of the exchange in `turn`.
        let value = self.word.load(Acquire);
        // SAFETY: above the marks, the word is a box's pointer. The reader is online and does not report for `'g`, so the
        // box, if it is withdrawn, is freed later; and `drop` excludes `'g`.
        if value.addr() > CLOSED { Some(unsafe { &*value }) } else { None }
    }

    /// How it stands: a hint, unless the caller is the claimant.
    pub fn stage(&self) -> Stage {
        // Relaxed: only the mark is looked at.
        match self.word.load(Relaxed).addr() {
            EMPTY => Stage::Empty,
            CLAIMED => Stage::Claimed,
            BARRED => Stage::Barred,
            CLOSED => Stage::Closed,
            _ => Stage::Ready,
        }
    }

    /// Takes it upon the caller to make a value. False: somebody else does, or did, or nobody shall.
    pub fn claim(&self) -> bool {
        if planted(Mutant::ClaimBlind) {
            let empty = self.stage() == Stage::Empty;
            if empty {
                self.word.store(mark(CLAIMED), Relaxed);
            }
            return empty;
        }
        self.turn(mark(EMPTY), mark(CLAIMED))
    }

    /// Publishes the claimant's value. Hands it back if the site was closed meanwhile.
    pub fn commit(&self, value: Box<T>) -> Result<(), Box<T>> {
        let raw = Box::into_raw(value);
        if planted(Mutant::CommitBlind) {
            self.word.store(raw, Relaxed);
            return Ok(());
        }
        if self.turn(mark(CLAIMED), raw) {
            return Ok(());
        }
        // SAFETY: the pointer was made above and published nowhere.
        Err(unsafe { Box::from_raw(raw) })
    }

    /// The claimant has no value after all.
    pub fn give_up(&self) {
        self.turn(mark(CLAIMED), mark(EMPTY));
    }

    /// The claimant has no value, and nobody shall try again.
    pub fn bar(&self) {
        self.turn(mark(CLAIMED), mark(BARRED));
    }

    /// Takes a value away, if it is there: `seen` is what [`Site::get`] gave. Readers may use it until they report. True if
    /// it was this call that did.
    pub fn withdraw(&self, seen: &T) -> bool {
        let raw = std::ptr::from_ref(seen).cast_mut();
        let mine = self.turn(raw, mark(EMPTY));
        if mine {
            self.retire(raw);
        }
        mine
    }

    /// Closes the site: nothing will be there any more, whoever is about to commit.
    pub fn close(&self) {
        // AcqRel: pairs with the exchanges in `turn`.
        let old = self.word.swap(mark(CLOSED), AcqRel);
        if old.addr() > CLOSED {
            self.retire(old);
        }
    }

    /// Frees what was taken away and nobody can read any more. Returns how many.
    pub fn collect(&self) -> usize {
        let mut freed = 0;
        loop {
            // The mutex is given back before a destructor runs, which may come here again.
            let ripe = self.gone.lock().take_ripe(&self.domain);
            let Some(ripe) = ripe else { return freed };
            freed += ripe.len();
            ripe.into_iter().for_each(free);
        }
    }

    fn turn(&self, from: *mut T, to: *mut T) -> bool {
        let order = if planted(Mutant::PublishRelaxed) { Relaxed } else { AcqRel };
        // AcqRel: pairs with the Acquire in `get` and with each other.
        self.word.compare_exchange(from, to, order, Relaxed).is_ok()
    }

    /// Keeps what was taken out of the word until nobody reads it.
    fn retire(&self, raw: *mut T) {
        // SAFETY: the exchange took the box out of the word, so this call has it alone.
        let old = unsafe { Box::from_raw(raw) };
        if planted(Mutant::FreeAtOnce) {
            return free(old);
        }
        let mut gone = self.gone.lock();
        let _sealed_below = gone.retire(&self.domain, old, size_of::<T>());
        gone.seal(&self.domain);
        drop(gone);
        self.collect();
    }
}

impl<T> Drop for Site<T> {
    fn drop(&mut self) {
        if is_torn_down() {
            return;
        }
        // SAFETY: `&mut self` excludes every borrow that `get` has given out.
        drop(unsafe { self.gone.lock().take_all() });
        // Acquire: pairs with the Release half of the exchange in `turn`.
        let current = self.word.load(Acquire);
        if current.addr() > CLOSED {
            // SAFETY: the site owns the box; as above nobody reads it.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}

// SAFETY: readers on several threads get `&T` (Sync), and whoever takes a value away frees it (Send).
unsafe impl<T: Send + Sync> Sync for Site<T> {}
// SAFETY: the site owns its values as boxes do.
unsafe impl<T: Send> Send for Site<T> {}

#[cfg(all(test, not(vm_loom)))]
mod tests {
    use super::*;
    use crate::{Bits, Participant, Requests};

    #[test]
    fn a_site_goes_through_its_stages() {
        let domain = Arc::new(Domain::new(Requests::default()));
        let mut me = Participant::join(&domain, Arc::new(Bits::new()));
        me.online();
        let guard = me.guard().expect("online");
        let site = Site::new(domain.clone());
        assert!(site.claim() && !site.claim());
        site.give_up();
        assert!(site.claim());
        assert_eq!(site.commit(Box::new(7_u64)), Ok(()));
        let seen = site.get(&guard).expect("committed");
        assert!(!site.claim());
        assert!(site.withdraw(seen) && !site.withdraw(seen));
        assert_eq!((*seen, site.stage(), site.collect()), (7, Stage::Empty, 0));
        assert!(site.claim());
        site.close();
        assert_eq!(site.commit(Box::new(8)), Err(Box::new(8)));
        assert_eq!(site.stage(), Stage::Closed);
        me.offline();
        assert_eq!(site.collect(), 1);
    }
}
