//! A shelf: a short list that anybody reads without waiting, and that is changed by replacing it.
//!
//! Unlike everything else here it asks nothing of its readers: they need not be participants of a domain. Replaced lists are
//! kept by `crossbeam-epoch` until those who look at them are done; what they took from a list is theirs.

use crate::mutant::{Mutant, planted};
use crate::sync::{UnsafeCell, is_torn_down};
use crossbeam_epoch::{self as epoch, Atomic, Guard, Owned, Shared};
// Not the façade's: loom would take what epochs keep for ever as leaked.
use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// At most a few values that are alike.
pub struct Shelf<T> {
    list: Atomic<List<T>>,
}

struct List<T> {
    items: Vec<Arc<T>>,
    /// Touched when the list is made and when it is looked at: loom does not see ordinary memory.
    made: UnsafeCell<()>,
}

// SAFETY: the cell holds nothing.
unsafe impl<T: Send + Sync> Sync for List<T> {}

/// Why a value was not put on the shelf.
#[derive(Debug)]
pub enum Refused<T> {
    /// Somebody was faster: use theirs.
    Lost(Arc<T>),
    /// There is no place left.
    Full,
}

impl<T: Send + Sync + 'static> Shelf<T> {
    /// An empty shelf.
    pub fn new() -> Self {
        Self { list: Atomic::null() }
    }

    /// The first value that `fits`.
    pub fn find(&self, fits: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        let guard = epoch::pin();
        self.look(&guard).1.iter().find(|item| fits(item)).cloned()
    }

    /// Puts a value on the shelf, unless one is there that is the `same` or there are `most` already. One publication: who
    /// looks sees the value or does not.
    pub fn offer(&self, value: &Arc<T>, most: usize, same: impl Fn(&T) -> bool) -> Result<(), Refused<T>> {
        let guard = epoch::pin();
        loop {
            let (old, items) = self.look(&guard);
            if let Some(other) = items.iter().find(|item| same(item)) {
                return Err(Refused::Lost(other.clone()));
            }
            if items.len() >= most {
                return Err(Refused::Full);
            }
            let grown = items.iter().chain([value]).cloned().collect();
            if self.replace(old, grown, &guard) {
                return Ok(());
            }
        }
    }

    /// Takes a value off the shelf. True if it was this call that did.
    pub fn remove(&self, value: &Arc<T>) -> bool {
        let guard = epoch::pin();
        loop {
            let (old, items) = self.look(&guard);
            if !items.iter().any(|item| Arc::ptr_eq(item, value)) {
                return false;
            }
            let rest = items.iter().filter(|item| !Arc::ptr_eq(item, value)).cloned().collect();
            if self.replace(old, rest, &guard) {
                return true;
            }
        }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.look(&epoch::pin()).1.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn look<'g>(&self, guard: &'g Guard) -> (Shared<'g, List<T>>, &'g [Arc<T>]) {
        // Acquire: pairs with the Release half of `replace`.
        let list = self.list.load(Acquire, guard);
        // SAFETY: a list that is not null came from `replace`, and is destroyed when no guard of its time is left.
        let Some(seen) = (unsafe { list.as_ref() }) else { return (list, &[]) };
        seen.made.with(|_| ());
        (list, &seen.items)
    }

    fn replace(&self, old: Shared<'_, List<T>>, items: Vec<Arc<T>>, guard: &Guard) -> bool {
        let new = List { items, made: UnsafeCell::new(()) };
        new.made.with_mut(|_| ());
        let new = Owned::new(new);
        let done = if planted(Mutant::OfferBlind) {
            self.list.store(new, Relaxed);
            true
        } else {
            let order = if planted(Mutant::PublishRelaxed) { Relaxed } else { AcqRel };
            // AcqRel: pairs with the Acquire in `look`.
            self.list.compare_exchange(old, new, order, Relaxed, guard).is_ok()
        };
        if done && !old.is_null() {
            // SAFETY: the exchange took the list out, so nobody who pins from now on sees it.
            unsafe { guard.defer_destroy(old) };
        }
        done
    }
}

impl<T: Send + Sync + 'static> Default for Shelf<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Drop for Shelf<T> {
    fn drop(&mut self) {
        if is_torn_down() {
            return;
        }
        // SAFETY: `&mut self`: nobody looks, so a guard that protects nothing will do.
        let list = unsafe { self.list.load(Relaxed, epoch::unprotected()) };
        if !list.is_null() {
            // SAFETY: as above; the list is the shelf's own.
            drop(unsafe { list.into_owned() });
        }
    }
}

#[cfg(all(test, not(vm_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_shelf_takes_one_of_each_and_only_a_few() {
        let shelf = Shelf::new();
        let values: Vec<Arc<u32>> = (0..3).map(Arc::new).collect();
        assert!(shelf.offer(&values[0], 2, |v| *v == 0).is_ok());
        assert!(
            matches!(shelf.offer(&Arc::new(0), 2, |v| *v == 0), Err(Refused::Lost(first)) if Arc::ptr_eq(&first, &values[0]))
        );
        assert!(shelf.offer(&values[1], 2, |v| *v == 1).is_ok());
        assert!(matches!(shelf.offer(&values[2], 2, |v| *v == 2), Err(Refused::Full)));
        assert_eq!(shelf.find(|v| *v > 0).as_deref(), Some(&1));
        assert!(shelf.remove(&values[0]) && !shelf.remove(&values[0]));
        assert!(shelf.offer(&values[2], 2, |v| *v == 2).is_ok());
        assert_eq!(shelf.len(), 2);
    }
}
