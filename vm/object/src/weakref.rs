//! Weak references: the isolate's table from object to the references to it.

use crate::header::{Header, flag};
use crate::thread::Thread;
use rustc_hash::FxHashMap;
use std::cell::RefCell;

/// The isolate's weak references: object address to addresses of weakref objects, newest last.
#[derive(Default)]
pub struct Table {
    entries: RefCell<FxHashMap<usize, Vec<usize>>>,
}

impl Table {
    /// Records that the weakref object at `watcher` looks at `object`.
    pub fn add(&self, object: &Header, watcher: &Header) {
        // An immortal object never dies, and its flags are not this isolate's to change.
        if !object.is_immortal() {
            object.set(flag::WEAKREFS);
        }
        let key = std::ptr::from_ref(object) as usize;
        self.entries.borrow_mut().entry(key).or_default().push(std::ptr::from_ref(watcher) as usize);
    }

    /// Forgets a weakref object (it died first).
    pub fn remove(&self, object: usize, watcher: &Header) {
        let mut entries = self.entries.borrow_mut();
        if let Some(list) = entries.get_mut(&object) {
            list.retain(|&w| w != std::ptr::from_ref(watcher) as usize);
            if list.is_empty() {
                entries.remove(&object);
            }
        }
    }

    /// The weakref objects of an object, oldest first.
    pub fn watchers(&self, object: &Header) -> Vec<usize> {
        self.entries.borrow().get(&(std::ptr::from_ref(object) as usize)).cloned().unwrap_or_default()
    }

    /// The first answer that `f` gives for a weakref object of an object, oldest first. It changes no table.
    pub fn find<R>(&self, object: &Header, f: impl FnMut(usize) -> Option<R>) -> Option<R> {
        self.entries.borrow().get(&(std::ptr::from_ref(object) as usize))?.iter().copied().find_map(f)
    }

    /// Forgets an object and hands its weakref objects over.
    pub(crate) fn take(&self, object: &Header) -> Vec<usize> {
        self.entries.borrow_mut().remove(&(std::ptr::from_ref(object) as usize)).unwrap_or_default()
    }
}

/// Clears every weak reference to a dying object, then runs their callbacks, newest first.
pub(crate) fn clear(t: &Thread, object: &Header) {
    object.unset(flag::WEAKREFS);
    let watchers = t.state::<Table>().take(object);
    // As in a finalizer: callbacks are a new beginning.
    let depth = t.dealloc_depth.replace(0);
    crate::types::weakref::clear_all(t, &watchers);
    t.dealloc_depth.set(depth);
}
