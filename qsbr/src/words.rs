//! Words of memory that one thread at a time changes while others read it without a lock.
//!
//! Whoever stores a word has written what it points to or counts before: readers who load it see that too. Several words
//! are not one: a reader loads the one that limits before the one that is limited, and the writer stores them the other
//! way round. There is nothing here to model but the orderings, which loom's own types cannot lend to plain memory.

use std::{
    cell::UnsafeCell,
    sync::atomic::{
        AtomicPtr, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize,
        Ordering::{AcqRel, Acquire, Release},
    },
};

mod sealed {
    /// The atomic type that lies under a word.
    pub trait Sealed: Copy {
        /// # Safety
        /// As [`super::load`].
        unsafe fn load(at: *const Self) -> Self;
        /// # Safety
        /// As [`super::store`].
        unsafe fn store(at: *mut Self, word: Self);
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
                #[inline(always)]
                unsafe fn load(at: *const Self) -> Self {
                    // SAFETY: the caller's duty.
                    let word = unsafe { <$atomic>::from_ptr(at.cast_mut()) };
                    // Acquire: pairs with the Release in `store` and `swap`.
                    word.load(Acquire)
                }

                #[inline(always)]
                unsafe fn store(at: *mut Self, word: Self) {
                    // SAFETY: the caller's duty.
                    let place = unsafe { <$atomic>::from_ptr(at) };
                    // Release: pairs with the Acquire in `load`.
                    place.store(word, Release);
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
#[inline(always)]
pub unsafe fn load<W: Word>(at: *const W) -> W {
    // SAFETY: the caller's duty.
    unsafe { W::load(at) }
}

/// Stores a word.
///
/// # Safety
/// As for [`load`]; no other thread stores there at the same time.
#[inline(always)]
pub unsafe fn store<W: Word>(at: *mut W, word: W) {
    // SAFETY: the caller's duty.
    unsafe { W::store(at, word) }
}

/// Stores a word and returns what was there; of several threads that do it at once each gets another's.
///
/// # Safety
/// As for [`load`].
#[inline]
pub unsafe fn swap(at: *mut u64, word: u64) -> u64 {
    // SAFETY: the caller's duty.
    let place = unsafe { AtomicU64::from_ptr(at) };
    // AcqRel: pairs with `load` and itself: what is taken out has been filled before it was put in.
    place.swap(word, AcqRel)
}

/// Copies words one by one, upwards or downwards, so that what a reader sees at any place is one or the other.
///
/// # Safety
/// As for [`store`], for `n` words at `to`; `n` words at `from` are readable. The ranges may overlap.
pub unsafe fn slide(from: *const u64, to: *mut u64, n: usize) {
    // SAFETY: the caller's duty, word by word; what is overwritten has moved already.
    unsafe {
        if to.cast_const() > from {
            (0..n).rev().for_each(|i| store(to.add(i), load(from.add(i))));
        } else {
            (0..n).for_each(|i| store(to.add(i), load(from.add(i))));
        }
    }
}

/// A field that one thread at a time changes while others read it.
#[derive(Debug)]
#[repr(transparent)]
pub struct Field<W>(UnsafeCell<W>);

// SAFETY: the word is reached by atomic accesses only.
unsafe impl<W: Word + Send> Sync for Field<W> {}

impl<W: Word> Field<W> {
    /// A field that holds `word`.
    pub const fn new(word: W) -> Self {
        Self(UnsafeCell::new(word))
    }

    /// The word. What was written before it was stored is visible.
    #[inline(always)]
    pub fn get(&self) -> W {
        // SAFETY: the field's own word.
        unsafe { load(self.0.get()) }
    }

    /// Stores a word. The caller holds the lock that the field is under, or is the only one who can reach it.
    #[inline(always)]
    pub fn set(&self, word: W) {
        // SAFETY: the field's own word; the caller excludes other writers.
        unsafe { store(self.0.get(), word) }
    }

    /// As [`Field::set`]; returns what was there.
    #[inline(always)]
    pub fn replace(&self, word: W) -> W {
        let old = self.get();
        self.set(word);
        old
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_slide_over_themselves() {
        for by in [1, 3] {
            let mut all: Vec<u64> = (0..20).collect();
            let at = all.as_mut_ptr();
            // SAFETY: both ranges are in the vector.
            unsafe { slide(at, at.add(by), 10) };
            assert!((0..10).all(|i| all[i + by] == i as u64));
            let at = all.as_mut_ptr();
            // SAFETY: as above.
            unsafe { slide(at.add(by), at, 10) };
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
