//! The isolate: what its threads have in common.
//!
//! A [`Thread`] is one OS thread's part; this is the rest: the memory that threads take theirs from, the queues by which
//! counts get back to their owners, interned strings, versions, modules, what natives keep. For now the threads of an
//! isolate run in turns (docs/design/006), so plain cells do.

use crate::breaker::reason;
use crate::grace::{Garbage, REQUESTS};
use crate::heap::Common;
use crate::names::Interner;
use crate::shape::ShapeId;
use crate::states::States;
use crate::store::Slot;
use crate::tally::Sums;
use crate::thread::Thread;
use crate::verify::Roots;
use rustc_hash::FxHashMap;
use std::cell::RefCell;
use std::ptr::NonNull;
use std::sync::{Arc, OnceLock};
use typhon_qsbr::handover::Handover;
use typhon_qsbr::sync::Mutex;
use typhon_qsbr::{Domain, Orphanage};
use typhon_rc::MergeQueues;

/// What the threads of an isolate share.
pub struct Isolate {
    pub(crate) memory: Arc<Common>,
    pub(crate) queues: Arc<MergeQueues>,
    /// Who may be reading what, and what of ended threads waits for that.
    pub(crate) domain: Arc<Domain>,
    pub(crate) orphans: Orphanage<Garbage>,
    /// See `native_lock`.
    pub(crate) native: Handover,
    /// Threads run at the same time.
    pub(crate) free: OnceLock<()>,
    /// What the program had defined when its second thread began is kept for good.
    pub(crate) kept: OnceLock<()>,
    pub(crate) interner: Interner,
    type_version: Mutex<u32>,
    keys_version: Mutex<u32>,
    retired: Mutex<Vec<ShapeId>>,
    /// Python subclasses of built-in types, by the base's address.
    pub(crate) subclasses: RefCell<FxHashMap<usize, Vec<*const crate::ty::TypeObject>>>,
    /// Live classes whose metaclass has an `mro()` of its own: they may follow classes that their bases do not lead to.
    pub(crate) own_orders: RefCell<Vec<*const crate::ty::TypeObject>>,
    pub(crate) states: States,
    pub(crate) builtins: Slot,
    pub(crate) modules: Slot,
    threads: Mutex<Vec<NonNull<Thread>>>,
    /// See `verify`.
    pub(crate) verifier: OnceLock<Roots>,
    /// What threads that have ended had counted.
    pub(crate) tallies: Mutex<Sums>,
}

// SAFETY: reached through the isolate's threads only, of which one runs at a time; whoever passes the turn on orders what
// it wrote before what the next one reads.
unsafe impl Sync for Isolate {}
// SAFETY: as above: the last thread to go drops it.
unsafe impl Send for Isolate {}

impl Isolate {
    pub(crate) fn new(memory_limit: usize, first_type_version: u32) -> Arc<Self> {
        Arc::new(Self {
            memory: Common::new(memory_limit),
            queues: Arc::new(MergeQueues::new(reason::MERGE)),
            domain: Arc::new(Domain::new(REQUESTS)),
            orphans: Orphanage::new(),
            native: Handover::new(),
            free: OnceLock::new(),
            kept: OnceLock::new(),
            interner: Interner::new(),
            type_version: Mutex::new(first_type_version),
            keys_version: Mutex::new(1),
            retired: Mutex::new(Vec::new()),
            subclasses: RefCell::default(),
            own_orders: RefCell::default(),
            states: States::of_isolate(),
            builtins: Slot::empty(),
            modules: Slot::empty(),
            threads: Mutex::new(Vec::new()),
            verifier: OnceLock::new(),
            tallies: Mutex::default(),
        })
    }

    pub(crate) fn joined(&self, thread: &Thread) {
        self.threads.lock().push(NonNull::from(thread));
    }

    pub(crate) fn left(&self, thread: &Thread) {
        thread.tally.add_to(&mut self.tallies.lock());
        let mut threads = self.threads.lock();
        threads.retain(|at| !std::ptr::eq(at.as_ptr(), thread));
        if let [last] = threads[..] {
            // SAFETY: a thread stays in place until it has left; its breaker may be set by anybody.
            unsafe { last.as_ref() }.breaker.set(reason::GRACE);
        }
    }

    pub(crate) fn has_one_thread(&self) -> bool {
        self.threads.lock().len() == 1
    }

    /// Whether there is more than one thread.
    pub fn is_threaded(&self) -> bool {
        self.threads.lock().len() > 1
    }

    /// Calls `f` with every thread.
    ///
    /// # Safety
    /// The other threads wait, and `f` does nothing by which a thread begins, ends or runs.
    pub unsafe fn each_thread(&self, mut f: impl FnMut(&Thread)) {
        for at in self.threads.lock().iter() {
            // SAFETY: a thread stays in place until it has left.
            f(unsafe { at.as_ref() });
        }
    }

    /// Asks every thread but `t` to look up.
    pub(crate) fn ask_others(&self, t: &Thread, reason: u32) {
        for at in self.threads.lock().iter().filter(|at| !std::ptr::eq(at.as_ptr(), t)) {
            // SAFETY: a thread stays in place until it has left; its breaker may be set by anybody.
            unsafe { at.as_ref() }.breaker.set(reason);
        }
    }

    /// Runs `f`, which copies the process by fork, in a world that `t` has stopped, under the native lock. In the copy (`is_copy`
    /// tells) there is `t` alone, so none of the locks may be held that threads take while they wait or wake.
    pub fn copying<R>(&self, t: &Thread, f: impl FnOnce() -> R, is_copy: impl Copy + Fn(&R) -> bool) -> R {
        let (_threads, _tallies, mut native) = (self.threads.lock(), self.tallies.lock(), self.native.hold());
        let made = t.breaker.holding(|| self.domain.copying(f, is_copy));
        if is_copy(&made) {
            native.forget_others();
        }
        made
    }

    pub(crate) fn next_type_version(&self) -> u32 {
        next_version(&self.type_version)
    }

    pub(crate) fn next_keys_version(&self) -> u32 {
        next_version(&self.keys_version)
    }

    pub(crate) fn spend_versions(&self, left: u32) {
        *self.type_version.lock() = left.wrapping_neg();
        *self.keys_version.lock() = left.wrapping_neg();
    }

    pub(crate) fn retire_shapes(&self, root: ShapeId) {
        self.retired.lock().push(root);
    }

    pub(crate) fn take_shapes(&self) -> Vec<ShapeId> {
        std::mem::take(&mut *self.retired.lock())
    }
}

/// A cache must never take a new state for an old one, so versions do not start again: 0 means "not to be cached".
fn next_version(counter: &Mutex<u32>) -> u32 {
    let mut next = counter.lock();
    let v = *next;
    if v != 0 {
        *next = v.wrapping_add(1);
    }
    v
}
