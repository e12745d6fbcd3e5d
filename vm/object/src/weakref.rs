//! Weak references: the isolate's table from object to the references to it.
//!
//! The table's lock is what weak references of several threads agree by. An object's memory is given back only after its
//! references have been taken out of the table, and a weak reference's own after it has left the table; so whoever holds
//! the lock may look at either, alive or dying. Whether it is alive, its counts tell (`Header::try_retain`): both are
//! marked for that, when they enter the table or when the isolate gets a second thread. Under the lock nothing is dropped.

use crate::header::{Header, flag};
use crate::heap;
use crate::solo::has_siblings;
use crate::store;
use crate::thread::Thread;
use crate::types::weakref::WeakRef;
use crate::value::Value;
use rustc_hash::FxHashMap;
use std::ptr::NonNull;
use typhon_qsbr::sync::Mutex;
use typhon_rc::{Release, TAG_MAX, TAG_NONE};

/// The isolate's weak references: object address to addresses of weakref objects, newest last.
#[derive(Default)]
pub struct Table {
    entries: Mutex<FxHashMap<usize, Vec<usize>>>,
}

/// The weakref object at an address of the table.
///
/// # Safety
/// The address is in the table, which is locked, or nothing has run since it was.
unsafe fn watcher<'a>(at: usize) -> &'a WeakRef {
    // SAFETY: a weakref object leaves the table before it dies, so the address is a live one.
    unsafe { &*(at as *const WeakRef) }
}

impl Table {
    /// Records that the weakref object at `watcher` looks at `object`.
    pub fn add(&self, object: &Header, watcher: &Header) {
        if has_siblings() {
            object.mark_weak();
            watcher.mark_weak();
        }
        // An immortal object never dies, and its flags are not this isolate's to change.
        if !object.is_immortal() {
            object.set(flag::WEAKREFS);
        }
        let key = std::ptr::from_ref(object) as usize;
        self.entries.lock().entry(key).or_default().push(std::ptr::from_ref(watcher) as usize);
    }

    /// A second thread begins: lets it retain everything in the table.
    pub(crate) fn mark_all(&self) {
        for (&object, watchers) in &*self.entries.lock() {
            // SAFETY: what is in the table is there, and no other thread runs yet.
            unsafe {
                (*(object as *const Header)).mark_weak();
                watchers.iter().for_each(|&at| watcher(at).header.mark_weak());
            }
        }
    }

    /// Shows every object that is looked at, and each weakref object that does, by their addresses.
    pub(crate) fn each(&self, mut f: impl FnMut(usize, usize)) {
        self.entries.lock().iter().for_each(|(&object, watchers)| watchers.iter().for_each(|&at| f(object, at)));
    }

    /// Forgets a weakref object (it died first).
    pub fn remove(&self, object: usize, watcher: &Header) {
        let mut entries = self.entries.lock();
        if let Some(list) = entries.get_mut(&object) {
            list.retain(|&w| w != std::ptr::from_ref(watcher) as usize);
            if list.is_empty() {
                entries.remove(&object);
            }
        }
    }

    /// What a weakref object looks at, if that is alive.
    pub(crate) fn target(&self, watcher: &WeakRef) -> Option<Value> {
        let _entries = self.entries.lock();
        let at = watcher.object.get() as *const Header;
        // SAFETY: a weak reference is cleared under the lock before its object's memory is given back.
        unsafe { at.as_ref() }?.try_retain()
    }

    /// The weakref objects of an object, oldest first. Nothing runs while they are looked at.
    pub fn watchers(&self, object: &Header) -> Vec<usize> {
        self.entries.lock().get(&(std::ptr::from_ref(object) as usize)).cloned().unwrap_or_default()
    }

    /// The first answer that `f` gives for a weakref object of an object, oldest first. It changes no table and drops nothing.
    pub fn find<R>(&self, object: &Header, f: impl FnMut(usize) -> Option<R>) -> Option<R> {
        self.entries.lock().get(&(std::ptr::from_ref(object) as usize))?.iter().copied().find_map(f)
    }

    /// The living ones among the weakref objects of an object, oldest first.
    pub(crate) fn living(&self, object: &Header) -> Vec<Value> {
        let mut out = Vec::new();
        self.find(object, |at| {
            // SAFETY: in the table, which is locked.
            out.extend(living(unsafe { watcher(at) }));
            None::<()>
        });
        out
    }

    /// The living ones among them that have callbacks.
    pub(crate) fn callers(&self, object: &Header) -> Vec<Value> {
        let mut out = Vec::new();
        self.find(object, |at| {
            // SAFETY: in the table, which is locked.
            let watcher = unsafe { watcher(at) };
            if !watcher.callback.is_absent() {
                out.extend(living(watcher));
            }
            None::<()>
        });
        out
    }

    /// Whether there are any.
    pub(crate) fn is_heard(&self, object: &Header) -> bool {
        // SAFETY: in the table, which is locked.
        self.find(object, |at| (!unsafe { watcher(at) }.callback.is_absent()).then_some(())).is_some()
    }

    /// Forgets an object and clears its weakref objects: those that are alive and have callbacks, newest first, and these.
    fn take(&self, object: &Header) -> Vec<(Option<Value>, Value)> {
        let mut entries = self.entries.lock();
        let watchers = entries.remove(&(std::ptr::from_ref(object) as usize)).unwrap_or_default();
        let cleared = watchers.into_iter().rev().map(|at| {
            // SAFETY: it has just been in the table, which is locked.
            let watcher = unsafe { watcher(at) };
            watcher.object.set(0);
            (living(watcher), watcher.callback.exchange_held(Value::ABSENT))
        });
        cleared.collect()
    }

    /// As [`Table::take`], telling nobody: no other thread runs.
    pub(crate) fn forget(&self, object: &Header) {
        for at in self.entries.lock().remove(&(std::ptr::from_ref(object) as usize)).unwrap_or_default() {
            // SAFETY: as in `take`.
            unsafe { watcher(at) }.object.set(0);
        }
    }
}

/// A reference to a weakref object that is not dying itself, now or on the trashcan.
pub(crate) fn living(watcher: &WeakRef) -> Option<Value> {
    if watcher.header.has(flag::DYING) {
        None
    } else if has_siblings() {
        watcher.header.try_retain()
    } else {
        Some(Value::from_header(&watcher.header))
    }
}

/// Clears every weak reference to a dying object, then runs their callbacks, newest first.
pub(crate) fn clear(t: &Thread, object: &Header) {
    object.unset(flag::WEAKREFS);
    let cleared = t.state::<Table>().take(object);
    // As in a finalizer: callbacks are a new beginning.
    let depth = t.dealloc_depth.replace(0);
    let calls = cleared.into_iter().filter_map(|(watcher, callback)| {
        let callback = store::left(callback).present()?;
        Some((watcher?, callback))
    });
    crate::types::weakref::run_callbacks(t, calls.collect());
    t.dealloc_depth.set(depth);
}

/// As [`thread::hand_back`], for an object that is looked at: weak references that are to be called at its end wait behind it.
/// Who gives one up after the object is to hear of it, though the object's owner learns later that it is the end.
#[cold]
pub(crate) fn hand_back(t: &Thread, object: &Header) -> bool {
    let (tag, queues, callers) = (object.owner(), &t.isolate.queues, t.state::<Table>().callers(object));
    // SAFETY: as in `thread::hand_back`.
    let dead = unsafe { queues.hand_back(NonNull::from(object.rc())) } == Release::Dead;
    for caller in callers {
        let Some(header) = caller.header().filter(|h| !dead && !h.rc().is_kept()) else { continue };
        if (1..=TAG_MAX).contains(&tag) && [TAG_NONE, tag].contains(&header.owner()) {
            let at = NonNull::from(header.rc());
            std::mem::forget(caller);
            // SAFETY: the reference that was forgotten; the object's owner is nobody or the same one, whose tag cannot change
            // to another.
            if unsafe { queues.hand_behind(at, tag) } == Release::Dead {
                // SAFETY: the queues have just said so.
                unsafe { heap::dealloc(at.cast().as_ptr()) };
            }
        } else {
            // Another one's: it lives until all that run have polled, which most often is long enough.
            t.set_aside(caller);
        }
    }
    dead
}
