//! A row of words that grows: one thread at a time changes it, while others read it without a lock.
//!
//! ```text
//!   reader   length ── array ── word ── use ──────────────▶ until its next report
//!   writer   word ── length            (adding)
//!            copy ── array ── old one left for a grace period   (growing)
//!            length ── word left for a grace period             (taking away)
//! ```
//!
//! A reader loads the length first, so any array that it finds has room for as many: arrays are replaced by larger ones only.
//! What is behind the length may be read by who has loaded an older one, and is a word that was there: it is never freed or
//! overwritten by anything but a word. Whoever changes the row holds the lock that it is under; memory is the caller's affair.

use crate::{
    mutant::{Mutant, planted},
    sync::Cell,
    words::{self, Field},
};

/// A length, and an array with room for as many words.
#[derive(Debug)]
#[repr(C)]
pub struct Row {
    len: Field<usize>,
    words: Field<*mut Field<u64>>,
    /// How many words the array has room for; looked at by who changes the row.
    room: Cell<usize>,
}

impl Row {
    /// Where the length lies, for machine code.
    #[cfg(not(vm_loom))]
    pub const LEN: usize = std::mem::offset_of!(Self, len);
    /// Where the address of the words lies.
    #[cfg(not(vm_loom))]
    pub const WORDS: usize = std::mem::offset_of!(Self, words);

    /// A row of `len` words in an array that has room for `room`.
    #[inline]
    pub fn new(words: *mut Field<u64>, len: usize, room: usize) -> Self {
        Self { len: Field::new(len), words: Field::new(words), room: Cell::new(room) }
    }

    /// How many words there are.
    #[inline(always)]
    pub fn len(&self) -> usize {
        self.len.get()
    }

    /// Whether there are none.
    #[inline(always)]
    pub fn is_empty(&self) -> bool {
        self.len.get() == 0
    }

    /// How many words the array has room for.
    #[inline(always)]
    pub fn room(&self) -> usize {
        self.room.get()
    }

    /// The array as it is now.
    #[inline(always)]
    pub fn words(&self) -> *mut Field<u64> {
        self.words.get()
    }

    /// The length, and an array with room for as many.
    #[inline(always)]
    pub fn read(&self) -> (usize, *mut Field<u64>) {
        if planted(Mutant::ArrayBeforeLength) {
            let words = self.words.get();
            return (self.len.get(), words);
        }
        // First the length: a later array has room for as many.
        let len = self.len.get();
        (len, self.words.get())
    }

    /// The word at `i`. What it refers to stays until the calling thread reports.
    ///
    /// # Safety
    /// Arrays that the row had since the calling thread last reported are alive.
    #[inline(always)]
    pub unsafe fn get(&self, i: usize) -> Option<u64> {
        let (len, words) = self.read();
        // SAFETY: within the length.
        if i < len { Some(unsafe { (*words.add(i)).get() }) } else { None }
    }

    /// Adds a word behind the others.
    ///
    /// # Safety
    /// There is room, and the row is held.
    #[inline(always)]
    pub unsafe fn push(&self, word: u64) {
        let len = self.len.get();
        if planted(Mutant::LengthFirst) {
            self.len.set(len + 1);
        }
        // SAFETY: the caller's duty: there is room for one more.
        unsafe { (*self.words.get().add(len)).set(word) };
        // After the word: who sees the length finds it there.
        self.len.set(len + 1);
    }

    /// Exchanges the word at `i`; the one that was there is to be left for a grace period. None if there is no word.
    ///
    /// # Safety
    /// The row is held.
    #[inline(always)]
    pub unsafe fn exchange(&self, i: usize, word: u64) -> Option<u64> {
        // SAFETY: within the length.
        if i < self.len.get() { Some(unsafe { (*self.words.get().add(i)).swap(word) }) } else { None }
    }

    /// Takes the word at `i`, which is there, out, and moves those behind it down; it is to be left for a grace period.
    ///
    /// # Safety
    /// The row is held.
    pub unsafe fn remove(&self, i: usize) -> u64 {
        let (len, words) = (self.len.get(), self.words.get());
        assert!(i < len, "a word that is there");
        // SAFETY: within the length.
        let word = unsafe {
            let at = words.add(i);
            let word = (*at).get();
            words::slide(at.add(1), at, len - i - 1);
            word
        };
        self.len.set(len - 1);
        word
    }

    /// Says that there are `len` words.
    ///
    /// # Safety
    /// The array holds as many, and the row is held.
    #[inline(always)]
    pub unsafe fn set_len(&self, len: usize) {
        self.len.set(len);
    }

    /// Replaces the array by a larger one, into which the words are copied before others see it. The old one, and how many
    /// words it had room for, which is to be left for a grace period.
    ///
    /// # Safety
    /// `array` has room for `room` fields, more than the row has words; nobody else has it. The row is held.
    pub unsafe fn grow(&self, array: *mut Field<u64>, room: usize) -> (*mut Field<u64>, usize) {
        let (len, old) = (self.len.get(), self.words.get());
        if planted(Mutant::GrowBeforeFill) {
            self.words.set(array);
        }
        // SAFETY: the caller's duty; both have room for the words.
        unsafe { words::slide(old, array, len) };
        self.words.set(array);
        (old, self.room.replace(room))
    }

    /// Gives the array another place and size, where nobody else can be reading.
    ///
    /// # Safety
    /// No other thread runs that can reach the row; the array holds the row's words.
    #[inline(always)]
    pub unsafe fn set_array(&self, array: *mut Field<u64>, room: usize) {
        self.words.set(array);
        self.room.set(room);
    }

    /// Takes everything out, array included: the length, the array and how many words it has room for.
    ///
    /// # Safety
    /// No other thread runs that can reach the row.
    pub unsafe fn detach(&self) -> (usize, *mut Field<u64>, usize) {
        (self.len.replace(0), self.words.replace(std::ptr::null_mut()), self.room.replace(0))
    }
}
