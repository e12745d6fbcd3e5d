//! Stock: references to objects of other threads that a thread has taken beforehand.
//!
//! Threads that use the same object, without owning it, count it in one word, and each count fetches that word from the
//! others' caches. So a thread that takes reference after reference to such an object takes many at once, gives them out one
//! by one, and takes them back as they are released. What it has in stock are references like all others: the object lives.
//! They are given back when the thread waits or ends, every so many checkpoints, and before a collection.

use crate::header::{Header, flag};
use crate::heap;
use crate::tally::Count;
use crate::thread::{self, Thread};
use crate::weakref::Table;
use std::cell::{Cell, OnceCell, RefCell};
use typhon_rc::Release;

/// So many objects at once: a power of two.
const PLACES: usize = 2048;
/// From so many retains on, with no other object in between that wants the same place, an object is taken into stock.
const OFTEN: u32 = 8;
/// References taken at once.
const BATCH: u32 = 4096;
/// After so many checkpoints the stock is given back, and what is still used is soon taken again.
const CHECKPOINTS: u32 = 16;

/// What a thread has in stock.
pub(crate) struct Stock {
    places: OnceCell<Box<[Place]>>,
    /// The places that have been filled since the stock was last given back.
    filled: RefCell<Vec<u16>>,
    checkpoints: Cell<u32>,
}

/// One object. Without references it says nothing: the object may be gone.
struct Place {
    at: Cell<usize>,
    left: Cell<u32>,
    /// How often it was retained, up to `OFTEN`.
    seen: Cell<u16>,
    filled: Cell<bool>,
}

/// References that somebody has to give back.
pub(crate) struct Surplus {
    at: *mut Header,
    count: u32,
}

impl Stock {
    pub(crate) const fn new() -> Self {
        Self { places: OnceCell::new(), filled: RefCell::new(Vec::new()), checkpoints: Cell::new(0) }
    }

    fn index(at: usize) -> usize {
        (at >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (usize::BITS - PLACES.trailing_zeros())
    }

    fn make() -> Box<[Place]> {
        let empty = || Place { at: Cell::new(0), left: Cell::new(0), seen: Cell::new(0), filled: Cell::new(false) };
        std::iter::repeat_with(empty).take(PLACES).collect()
    }

    /// A reference to an object that the thread does not own, which is alive; false if there is none in stock.
    fn take(&self, t: &Thread, header: &Header) -> bool {
        let (places, address) = (self.places.get_or_init(Self::make), std::ptr::from_ref(header) as usize);
        let i = Self::index(address);
        let place = &places[i];
        if place.at.get() == address {
            let left = place.left.get();
            if left == 0 && u32::from(place.seen.get()) < OFTEN {
                place.seen.set(place.seen.get() + 1);
                return false;
            }
            if left > 0 {
                place.left.set(left - 1);
                return true;
            }
            if header.has(flag::WEAKREFS) && t.state::<Table>().is_heard(header) {
                // Somebody is to be told of its end, which does not wait for the stock.
                place.seen.set(0);
                return false;
            }
            // SAFETY: the caller borrows a reference.
            unsafe { header.rc().retain_many(t.own_tag(), BATCH) };
            t.tally.add(Count::Stocked, 1);
            place.left.set(BATCH - 1);
            if !place.filled.replace(true) {
                self.filled.borrow_mut().push(i as u16);
            }
            return true;
        }
        if place.left.get() == 0 {
            place.at.set(address);
            place.seen.set(1);
        }
        false
    }

    /// Puts a reference back that is given up; false if the object is not in stock.
    fn put(&self, header: &Header) -> bool {
        let Some(places) = self.places.get() else { return false };
        let address = std::ptr::from_ref(header) as usize;
        let place = &places[Self::index(address)];
        let left = place.left.get();
        let kept = place.at.get() == address && left > 0 && left < u32::MAX;
        if kept {
            place.left.set(left + 1);
        }
        kept
    }

    /// Empties the stock: what was in it is the caller's to [`Surplus::give_back`].
    pub(crate) fn empty(&self) -> Vec<Surplus> {
        let Some(places) = self.places.get() else { return Vec::new() };
        let filled = std::mem::take(&mut *self.filled.borrow_mut());
        let emptied = filled.into_iter().filter_map(|i| {
            let place = &places[i as usize];
            place.filled.set(false);
            place.seen.set(0);
            let (at, count) = (place.at.replace(0), place.left.replace(0));
            (count > 0).then_some(Surplus { at: at as *mut Header, count })
        });
        emptied.collect()
    }

    /// Shows the objects in stock, and how many references to each there are.
    pub(crate) fn each(&self, mut f: impl FnMut(usize, u32)) {
        let Some(places) = self.places.get() else { return };
        places.iter().filter(|place| place.left.get() > 0).for_each(|place| f(place.at.get(), place.left.get()));
    }

    /// Whether there is nothing in stock.
    pub(crate) fn is_empty(&self) -> bool {
        self.filled.borrow().is_empty()
    }

    /// A checkpoint has been passed: whether the stock is to be given back.
    pub(crate) fn is_due(&self) -> bool {
        let n = self.checkpoints.get() + 1;
        self.checkpoints.set(n % CHECKPOINTS);
        n >= CHECKPOINTS
    }
}

impl Surplus {
    /// Gives the references up; what dies of it is destroyed.
    pub(crate) fn give_back(self) {
        // SAFETY: the stock's own references, which were counted where other threads' are.
        let dead = unsafe {
            match (*self.at).rc().release_many(self.count) {
                Release::Alive => false,
                Release::Dead => true,
                Release::Queue => thread::hand_back(&*self.at),
            }
        };
        if dead {
            // SAFETY: no reference is left.
            unsafe { heap::dealloc(self.at) };
        }
    }
}

impl Thread {
    /// One reference more, where the quick part of a retain has not done it.
    pub(crate) fn retain_other(&self, header: &Header) {
        let (tag, rc) = (self.own_tag(), header.rc());
        if self.is_parallel() && rc.owner() != tag && !rc.is_kept() && self.stock.take(self, header) {
            return;
        }
        // SAFETY: the caller has been told to.
        unsafe { rc.retain_rest(tag) }
    }

    /// Whether a reference that is given up has gone into stock: then nothing is owed for it.
    #[inline]
    pub(crate) fn puts_back(&self, header: &Header) -> bool {
        self.is_parallel() && header.rc().owner() != self.own_tag() && self.stock.put(header)
    }

    /// Gives back what the thread has in stock. Finalizers may run.
    pub fn give_stock_back(&self) {
        if !self.stock.is_empty() {
            self.stock.empty().into_iter().for_each(Surplus::give_back);
        }
    }
}
