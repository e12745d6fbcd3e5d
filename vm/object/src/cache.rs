//! The method cache: (type version, name) to what the MRO has under that name.

use crate::ty::TypeObject;
use crate::value::Value;
use std::cell::RefCell;

const SIZE: usize = 1024;

/// A direct-mapped cache, one a thread. Entries hold references, so a hit needs no further check.
pub(crate) struct MethodCache {
    entries: RefCell<Box<[Entry]>>,
}

#[derive(Default)]
struct Entry {
    version: u32,
    name: u64,
    found: Value,
}

impl MethodCache {
    pub(crate) fn new() -> Self {
        Self { entries: RefCell::new(Box::default()) }
    }

    #[inline]
    pub(crate) fn lookup(&self, ty: &TypeObject, name: &Value) -> Option<Value> {
        let version = ty.version.get();
        let at = (version as usize).wrapping_mul(31) ^ (name.bits() >> 4) as usize;
        let at = at & (SIZE - 1);
        if let Some(e) = self.entries.borrow().get(at)
            && e.version == version
            && e.name == name.bits()
        {
            return e.found.clone().present();
        }
        self.fill(ty, name, version, at)
    }

    #[cold]
    #[inline(never)]
    fn fill(&self, ty: &TypeObject, name: &Value, version: u32, at: usize) -> Option<Value> {
        let found = ty.lookup_uncached(name);
        // Only interned names are compared by identity; the interner keeps them alive as long as the isolate.
        if crate::strs::is_interned(name) && ty.version.get() == version && version != 0 {
            let mut entries = self.entries.borrow_mut();
            if entries.is_empty() {
                // SAFETY: zeros are numbers and an absent value. Memory that the system gives is zero as it comes, so a small
                // program touches little of it.
                *entries = unsafe { Box::new_zeroed_slice(SIZE).assume_init() };
            }
            let found = found.clone().unwrap_or_default();
            let old = std::mem::replace(&mut entries[at], Entry { version, name: name.bits(), found });
            drop(entries);
            drop(old);
        }
        found
    }

    /// Empties the cache (before the collector decides what is garbage) and hands over what it held, to be dropped.
    pub(crate) fn take(&self) -> impl Sized + use<> {
        std::mem::take(&mut *self.entries.borrow_mut())
    }
}
