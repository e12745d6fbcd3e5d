//! The method cache: (type version, name) to what the MRO has under that name.

use crate::thread::Thread;
use crate::ty::TypeObject;
use crate::value::Value;
use std::cell::{Cell, RefCell};

/// Entries of a small program's cache, and of one that has been filled as often.
pub(crate) const SIZES: [usize; 2] = [128, 1024];

/// A direct-mapped cache, one a thread. Entries hold references, so a hit needs no further check.
pub(crate) struct MethodCache {
    /// None before the first miss.
    entries: RefCell<Box<[Entry]>>,
    /// How often an answer was kept.
    filled: Cell<usize>,
}

#[derive(Default)]
struct Entry {
    version: u32,
    name: u64,
    found: Value,
}

impl MethodCache {
    pub(crate) fn new() -> Self {
        Self { entries: RefCell::new(Box::default()), filled: Cell::new(0) }
    }

    #[inline]
    pub(crate) fn lookup(&self, t: &Thread, ty: &TypeObject, name: &Value) -> Option<Value> {
        let version = ty.version.get();
        let at = (version as usize).wrapping_mul(31) ^ (name.bits() >> 4) as usize;
        let entries = self.entries.borrow();
        if let Some(e) = entries.get(at & entries.len().wrapping_sub(1))
            && e.version == version
            && e.name == name.bits()
        {
            return e.found.clone().present();
        }
        drop(entries);
        self.fill(t, ty, name, version, at)
    }

    #[cold]
    #[inline(never)]
    fn fill(&self, t: &Thread, ty: &TypeObject, name: &Value, version: u32, at: usize) -> Option<Value> {
        let found = ty.lookup_uncached(name);
        // Only interned names are compared by identity; the interner keeps them alive as long as the isolate.
        if crate::strs::is_interned(name) && ty.version.get() == version && version != 0 {
            let outgrown = self.make_room();
            let mut entries = self.entries.borrow_mut();
            let at = at & (entries.len() - 1);
            let found = found.clone().unwrap_or_default();
            let old = std::mem::replace(&mut entries[at], Entry { version, name: name.bits(), found });
            drop(entries);
            // Who looks up may go on with words that only the class keeps: nothing runs here that could change it.
            outgrown.into_iter().flatten().chain([old]).for_each(|entry| t.set_aside(entry.found));
        }
        found
    }

    /// Counts an answer to be kept; at the first of all, and when there have been as many as the cache has entries, a new
    /// one takes its place. What the old one held.
    fn make_room(&self) -> Option<Box<[Entry]>> {
        let filled = self.filled.replace(self.filled.get().saturating_add(1));
        let mut entries = self.entries.borrow_mut();
        let size = SIZES[usize::from(filled >= SIZES[0])];
        (entries.len() < size).then(|| {
            // SAFETY: zeros are numbers and an absent value.
            let empty = unsafe { Box::new_zeroed_slice(size).assume_init() };
            std::mem::replace(&mut *entries, empty)
        })
    }

    /// Empties the cache (before the collector decides what is garbage) and hands over what it held, to be dropped.
    pub(crate) fn take(&self) -> impl Sized + use<> {
        std::mem::take(&mut *self.entries.borrow_mut())
    }
}
