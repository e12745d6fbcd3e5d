//! Words of memory that one thread at a time changes while others read it.
//!
//! Whoever stores a word has written what it points to or counts before: readers who load it see that too. Several words
//! are not one: a reader loads the one that limits before the one that is limited, and the writer stores them the other
//! way round.
//!
//! Loom's atomics cannot lie over plain memory. So a model's memory is made of [`Field`]s, where the virtual machine may also
//! have plain words, which it reaches by [`load()`] and [`store()`]: the same steps.

#[cfg(not(vm_loom))]
use std::cell::UnsafeCell;

use crate::{
    mutant::{Mutant, planted},
    sync::{
        AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

mod sealed {
    use crate::sync::Ordering;

    /// What has an atomic type.
    pub trait Sealed: Copy {
        /// That type.
        type Atomic;

        /// One that holds `word`.
        #[cfg(vm_loom)]
        fn make(word: Self) -> Self::Atomic;

        /// The place at `at`.
        ///
        /// # Safety
        /// As for [`super::load`].
        #[cfg(not(vm_loom))]
        unsafe fn over<'a>(at: *mut Self) -> &'a Self::Atomic;

        /// Loads.
        fn load(place: &Self::Atomic, order: Ordering) -> Self;
        /// Stores.
        fn store(place: &Self::Atomic, word: Self, order: Ordering);
        /// Stores; what was there.
        fn swap(place: &Self::Atomic, word: Self, order: Ordering) -> Self;
        /// Stores if `from` is there; whether it was.
        fn exchange(place: &Self::Atomic, from: Self, to: Self, order: Ordering) -> bool;
    }
}
use sealed::Sealed;

/// What can be loaded and stored as a whole.
pub trait Word: Sealed {}

macro_rules! words {
    ($([$($of:tt)*] $word:ty => $atomic:ty;)*) => {
        $(
            impl $($of)* Word for $word {}
            impl $($of)* Sealed for $word {
                type Atomic = $atomic;

                #[cfg(vm_loom)]
                fn make(word: Self) -> $atomic {
                    <$atomic>::new(word)
                }

                #[cfg(not(vm_loom))]
                #[inline(always)]
                unsafe fn over<'a>(at: *mut Self) -> &'a $atomic {
                    // SAFETY: the caller's duty.
                    unsafe { <$atomic>::from_ptr(at) }
                }

                #[inline(always)]
                fn load(place: &$atomic, order: crate::sync::Ordering) -> Self {
                    place.load(order)
                }

                #[inline(always)]
                fn store(place: &$atomic, word: Self, order: crate::sync::Ordering) {
                    place.store(word, order);
                }

                #[inline(always)]
                fn swap(place: &$atomic, word: Self, order: crate::sync::Ordering) -> Self {
                    place.swap(word, order)
                }

                #[inline(always)]
                fn exchange(place: &$atomic, from: Self, to: Self, order: crate::sync::Ordering) -> bool {
                    place.compare_exchange(from, to, order, Relaxed).is_ok()
                }
            }
        )*
    };
}
words! {
    [] u8 => AtomicU8;
    [] u16 => AtomicU16;
    [] u32 => AtomicU32;
    [] u64 => AtomicU64;
    [] usize => AtomicUsize;
    [<T>] *mut T => AtomicPtr<T>;
}

/// The word at `at`.
///
/// # Safety
/// `at` is an aligned word that lives as long as the call; who stores there meanwhile does so by [`store`] or [`swap`].
#[cfg(not(vm_loom))]
#[inline(always)]
pub unsafe fn load<W: Word>(at: *const W) -> W {
    // SAFETY: the caller's duty. Acquire: pairs with the Release in `store` and `swap`.
    W::load(unsafe { W::over(at.cast_mut()) }, Acquire)
}

/// Stores a word.
///
/// # Safety
/// As for [`load`]; no other thread stores there at the same time.
#[cfg(not(vm_loom))]
#[inline(always)]
pub unsafe fn store<W: Word>(at: *mut W, word: W) {
    // SAFETY: the caller's duty. Release: pairs with the Acquire in `load`.
    W::store(unsafe { W::over(at) }, word, Release);
}

/// Stores a word and returns what was there; of several threads that do it at once each gets another's.
///
/// # Safety
/// As for [`load`].
#[cfg(not(vm_loom))]
#[inline]
pub unsafe fn swap(at: *mut u64, word: u64) -> u64 {
    // SAFETY: the caller's duty. AcqRel: pairs with `load` and itself: what is taken out has been filled before it was
    // put in.
    u64::swap(unsafe { u64::over(at) }, word, AcqRel)
}

/// Replaces the word that is there and returns it, unless it is 0: where nothing is, nothing is stored.
///
/// # Safety
/// As for [`load`].
#[cfg(not(vm_loom))]
#[inline(always)]
pub unsafe fn refill(at: *mut u64, word: u64) -> Option<u64> {
    // SAFETY: the caller's duty.
    refill_place(unsafe { u64::over(at) }, word)
}

#[inline(always)]
fn refill_place(place: &AtomicU64, word: u64) -> Option<u64> {
    // Acquire, here and on failure: pairs with the Release half of whatever put the word there.
    let mut old = place.load(Acquire);
    while old != 0 {
        if planted(Mutant::RefillBlind) {
            return Some(place.swap(word, AcqRel));
        }
        // AcqRel: pairs with `load` and itself, as in `swap`.
        match place.compare_exchange_weak(old, word, AcqRel, Acquire) {
            Ok(_) => return Some(old),
            Err(now) => old = now,
        }
    }
    None
}

/// Copies words one by one, upwards or downwards, so that what a reader sees at any place is one or the other.
///
/// # Safety
/// `n` fields at `from` and at `to` live as long as the call; no other thread stores there at the same time. The ranges
/// may overlap.
pub unsafe fn slide(from: *const Field<u64>, to: *mut Field<u64>, n: usize) {
    // SAFETY: the caller's duty, word by word; what is overwritten has moved already.
    let copy = |i| unsafe { (*to.add(i)).set((*from.add(i)).get()) };
    if to.cast_const() > from { (0..n).rev().for_each(copy) } else { (0..n).for_each(copy) }
}

/// A field that one thread at a time changes while others read it.
#[cfg(not(vm_loom))]
#[derive(Debug)]
#[repr(transparent)]
pub struct Field<W>(UnsafeCell<W>);

/// A field that one thread at a time changes while others read it.
#[cfg(vm_loom)]
pub struct Field<W: Word>(W::Atomic);

// SAFETY: the word is reached by atomic accesses only.
#[cfg(not(vm_loom))]
unsafe impl<W: Word + Send> Sync for Field<W> {}

#[cfg(vm_loom)]
impl<W: Word + std::fmt::Debug> std::fmt::Debug for Field<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Field").field(&self.get()).finish()
    }
}

impl<W: Word> Field<W> {
    /// A field that holds `word`.
    #[cfg(not(vm_loom))]
    pub const fn new(word: W) -> Self {
        Self(UnsafeCell::new(word))
    }

    /// A field that holds `word`.
    #[cfg(vm_loom)]
    pub fn new(word: W) -> Self {
        Self(W::make(word))
    }

    #[cfg(not(vm_loom))]
    #[inline(always)]
    fn place(&self) -> &W::Atomic {
        // SAFETY: the field's own word, which is aligned and lives as long as the field.
        unsafe { W::over(self.0.get()) }
    }

    #[cfg(vm_loom)]
    fn place(&self) -> &W::Atomic {
        &self.0
    }

    /// The word. What was written before it was stored is visible.
    #[inline(always)]
    pub fn get(&self) -> W {
        // Acquire: pairs with the Release in `set` and `swap`.
        W::load(self.place(), Acquire)
    }

    /// Stores a word. The caller holds the lock that the field is under, or is the only one who can reach it.
    #[inline(always)]
    pub fn set(&self, word: W) {
        let order = if planted(Mutant::PublishRelaxed) { Relaxed } else { Release };
        // Release: pairs with the Acquire in `get`.
        W::store(self.place(), word, order);
    }

    /// As [`Field::set`]; returns what was there.
    #[inline(always)]
    pub fn replace(&self, word: W) -> W {
        let old = self.get();
        self.set(word);
        old
    }

    /// Stores a word and returns what was there; of several threads that do it at once each gets another's.
    #[inline]
    pub fn swap(&self, word: W) -> W {
        // AcqRel: pairs with `get` and itself: what is taken out has been filled before it was put in.
        W::swap(self.place(), word, AcqRel)
    }

    /// Replaces the word that is there and returns it, unless it is 0: where nothing is, nothing is stored. No lock is needed:
    /// of several threads that do it at once each gets another's.
    #[inline(always)]
    pub fn refill(&self, word: W) -> Option<u64>
    where
        W: Sealed<Atomic = AtomicU64> + Into<u64>,
    {
        refill_place(self.place(), word.into())
    }

    /// Replaces `from` by `to`; false if something else is there. Of several threads that do it at once one is told true, which
    /// sees what was written before `from` was stored.
    #[inline(always)]
    pub fn claim(&self, from: W, to: W) -> bool
    where
        W: PartialEq,
    {
        if planted(Mutant::ClaimBlind) {
            return self.turn(from, to);
        }
        // Acquire: pairs with the Release in `set`.
        W::exchange(self.place(), from, to, Acquire)
    }

    /// Replaces `from` by `to`; false if something else is there. The caller holds the lock that the field is under.
    #[inline(always)]
    pub fn turn(&self, from: W, to: W) -> bool
    where
        W: PartialEq,
    {
        let same = self.get() == from;
        if same {
            self.set(to);
        }
        same
    }
}

#[cfg(all(test, not(vm_loom)))]
mod tests {
    use super::*;

    #[test]
    fn words_slide_over_themselves() {
        for by in [1, 3] {
            let mut all: Vec<u64> = (0..20).collect();
            let at = all.as_mut_ptr();
            // SAFETY: both ranges are in the vector, and a field is its word.
            unsafe { slide(at.cast(), at.add(by).cast(), 10) };
            assert!((0..10).all(|i| all[i + by] == i as u64));
            let at = all.as_mut_ptr();
            // SAFETY: as above.
            unsafe { slide(at.add(by).cast(), at.cast(), 10) };
            assert!((0..10).all(|i| all[i] == i as u64));
        }
    }

    #[test]
    fn a_reader_sees_what_a_field_counts() {
        let (data, len) = ([const { Field::new(0u32) }; 1000], Field::new(0usize));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                for (i, field) in data.iter().enumerate() {
                    field.set(7);
                    len.set(i + 1);
                }
            });
            while len.get() < 1000 {
                let n = len.get();
                assert!(n == 0 || data[n - 1].get() == 7);
            }
        });
        assert_eq!(len.replace(3), 1000);
    }
}
