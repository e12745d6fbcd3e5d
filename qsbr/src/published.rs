//! Published: one value that everybody reads without waiting and somebody replaces now and then.

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

/// A value that is read under a [`Guard`] and replaced as a whole. Replaced values are freed by a later replacement, by
/// [`Published::collect`] or with the place itself, when nobody can read them any more.
#[derive(Debug)]
pub struct Published<T> {
    domain: Arc<Domain>,
    current: AtomicPtr<T>,
    replaced: Mutex<Limbo<Box<T>>>,
}

impl<T> Published<T> {
    /// A place in `domain`, holding `value`.
    pub fn new(domain: Arc<Domain>, value: Option<Box<T>>) -> Self {
        Self { domain, current: AtomicPtr::new(into_raw(value)), replaced: Mutex::new(Limbo::new()) }
    }

    /// What the place holds. One load, and a comparison that the guard is of this domain.
    #[inline]
    pub fn get<'g>(&'g self, guard: &Guard<'g>) -> Option<&'g T> {
        guard.check(&self.domain);
        // Acquire: pairs with the Release half of `replace`.
        let value = self.current.load(Acquire);
        // SAFETY: a pointer that is not null came from a box. The reader is online and does not report for `'g`, so the
        // box, if it is replaced, is freed later; and `drop` excludes `'g`.
        unsafe { value.as_ref() }
    }

    /// Puts `value` into the place. Readers see the old value or the new one.
    pub fn replace(&self, value: Option<Box<T>>) {
        let order = if planted(Mutant::PublishRelaxed) { Relaxed } else { AcqRel };
        // AcqRel: pairs with the Acquire in `get`.
        let old = self.current.swap(into_raw(value), order);
        if !old.is_null() {
            // SAFETY: the swap took the box out of the place, so this call has it alone; the limbo keeps it until
            // readers are done.
            let old = unsafe { Box::from_raw(old) };
            if planted(Mutant::FreeAtOnce) {
                return free(old);
            }
            let bytes = size_of::<T>();
            let mut replaced = self.replaced.lock();
            // One value at a time: replacements are rare, and so the older ones are freed by the next.
            let _sealed_below = replaced.retire(&self.domain, old, bytes);
            replaced.seal(&self.domain);
        }
        self.collect();
    }

    /// Frees replaced values that nobody can read any more. Returns how many.
    pub fn collect(&self) -> usize {
        let mut freed = 0;
        loop {
            // The mutex is given back before a destructor runs, which may come here again.
            let ripe = self.replaced.lock().take_ripe(&self.domain);
            let Some(ripe) = ripe else { return freed };
            freed += ripe.len();
            ripe.into_iter().for_each(free);
        }
    }
}

fn into_raw<T>(value: Option<Box<T>>) -> *mut T {
    value.map_or(std::ptr::null_mut(), Box::into_raw)
}

impl<T> Drop for Published<T> {
    fn drop(&mut self) {
        if is_torn_down() {
            return;
        }
        // SAFETY: `&mut self` excludes every borrow that `get` has given out.
        drop(unsafe { self.replaced.lock().take_all() });
        // Acquire: pairs with the Release half of `replace`.
        let current = self.current.load(Acquire);
        if !current.is_null() {
            // SAFETY: the place owns the box; as above nobody reads it.
            drop(unsafe { Box::from_raw(current) });
        }
    }
}

// SAFETY: readers on several threads get `&T` (Sync), and whoever replaces or drops a value frees it (Send).
unsafe impl<T: Send + Sync> Sync for Published<T> {}
// SAFETY: the place owns its values as boxes do.
unsafe impl<T: Send> Send for Published<T> {}
