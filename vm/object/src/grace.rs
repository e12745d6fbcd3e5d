//! Grace: what a container gives up lives on until no other thread can be using it.
//!
//! As long as an isolate has one thread, what is taken out of a container is released at once and an array is freed when
//! it is replaced. The second thread makes everything shared: from then on a thread may use a word or an array that it
//! has loaded until it polls or waits, without counting and without a lock. So whoever takes a reference out of a
//! container, or replaces an array, leaves the old one here, for a grace period of the isolate's domain; a thread that is
//! alone does not wait. When one thread is left, nothing is shared any more, nor while all others wait (`solo`).

use crate::breaker::reason;
use crate::guarded;
use crate::header::flag;
use crate::heap;
use crate::ids;
use crate::tally::Count;
use crate::thread::{self, Thread};
use crate::ty::TypeObject;
use crate::types::module::Module;
use crate::value::Value;
use std::cell::{Cell, RefCell};
use std::time::Instant;
use typhon_qsbr::{Domain, Limbo, Participant, Pressure, Requests, Standing, StoppedWorld};
use typhon_rc::TAG_NONE;

/// By which bits of its breaker a thread is asked for reports and stops.
pub(crate) const REQUESTS: Requests = Requests { report: reason::REPORT, stop: reason::HALT, company: reason::COMPANY };

/// A thread's part in its isolate's domain.
pub(crate) struct Grace {
    /// There from the moment on when the thread is one of several.
    participant: RefCell<Option<Participant>>,
    limbo: RefCell<Limbo<Garbage>>,
    /// Others were online when this thread last looked: it does not look again before its next checkpoint.
    crowded: Cell<bool>,
}

/// What waits.
pub(crate) enum Garbage {
    /// A reference to be released.
    Reference(Value),
    /// Raw memory, and its size.
    Block(*mut u8, usize),
}

impl Garbage {
    fn weight(&self) -> usize {
        match self {
            Self::Reference(_) => 64,
            Self::Block(_, size) => *size,
        }
    }

    fn free(self, t: &Thread) {
        match self {
            Self::Reference(v) => drop(v),
            // SAFETY: who retired the block vouched for it, and its grace period is over.
            Self::Block(at, size) => unsafe { t.heap().free_raw(at, size) },
        }
    }
}

impl Grace {
    pub(crate) fn new() -> Self {
        Self { participant: RefCell::new(None), limbo: RefCell::new(Limbo::new()), crowded: Cell::new(false) }
    }
}

impl Thread {
    /// Whether the isolate has several threads, this one among them.
    #[inline(always)]
    pub fn is_shared(&self) -> bool {
        self.shared.get()
    }

    /// From now on this is one thread of several. It is running, or has not begun.
    pub(crate) fn share(&self, running: bool) {
        self.end_solo();
        if self.shared.replace(true) {
            return;
        }
        let mut participant = self.grace.participant.borrow_mut();
        let me =
            participant.get_or_insert_with(|| Participant::join(&self.isolate.domain, self.breaker.requests().clone()));
        if running {
            me.online();
            drop(participant);
            self.parallel.set(self.isolate.is_free());
            // Whoever starts a thread is in a native, which began when there was nobody to lock out. Machine code that called
            // it comes back to the interpreter.
            self.enter_native();
            self.tally.add(Count::Shares, 1);
            self.breaker.set(reason::GRACE);
            self.state::<crate::weakref::Table>().mark_all();
            thread::set_shared(true);
            if self.is_parallel() && self.isolate.kept.set(()).is_ok() {
                self.keep_what_all_use();
            }
        } else {
            self.parallel.set(self.isolate.is_free());
        }
    }

    /// The thread reads and changes objects with care, and takes the native lock.
    pub(crate) fn share_all(&self) {
        self.grace.crowded.set(false);
        self.parallel.set(self.isolate.is_free());
        self.shared.set(true);
        thread::set_shared(true);
    }

    /// Neither any more: no other thread runs.
    pub(crate) fn share_nothing(&self) {
        self.out_of_native();
        self.parallel.set(false);
        self.shared.set(false);
        thread::set_shared(false);
    }

    /// Asks the domain about this thread, which is one of several, for the answer of `f`.
    pub(crate) fn with_participant<R: Default>(&self, f: impl FnOnce(&Domain, &Participant) -> R) -> R {
        let me = self.grace.participant.borrow();
        me.as_ref().map(|me| f(&self.isolate.domain, me)).unwrap_or_default()
    }

    /// What a program defines and all its threads use is not worth counting by all of them at once: each would have to get
    /// the count from the others' caches. It stays until the isolate closes. No other thread runs yet.
    #[cold]
    fn keep_what_all_use(&self) {
        self.merge();
        self.walk_objects(&mut |header| {
            if header.whole_count() == 0 {
                // It is being destroyed, and nobody's.
                return;
            }
            // SAFETY: a shape's type lives as long as objects of that shape.
            let def = unsafe { header.shape().get().ty.as_ref() }.def().id;
            if guarded::is_definition(def) || header.has(flag::INTERNED) {
                // SAFETY: no other thread runs.
                unsafe { header.rc().keep_for_good() };
            }
            // What reading an attribute of a class, or a global, counts.
            let object = std::ptr::from_ref(header) as u64;
            let object = Value::from_ref(&object);
            let part = match def {
                ids::TYPE => object.downcast::<TypeObject>().map(TypeObject::mro),
                ids::MODULE => object.downcast::<Module>().map(|m| m.dict.get()),
                _ => None,
            };
            if let Some(part) = part.as_ref().and_then(Value::header) {
                // SAFETY: as above.
                unsafe { part.rc().keep_for_good() };
            }
        });
    }

    /// The thread is attached: it uses objects from now on. The standing before.
    pub(crate) fn come_online(&self) -> Standing {
        if self.is_solo() {
            return Standing::Online;
        }
        let mut participant = self.grace.participant.borrow_mut();
        let Some(me) = participant.as_mut().filter(|_| self.shared.get()) else { return Standing::Offline };
        let before = me.online();
        self.count_again();
        before
    }

    /// Goes back to the standing before [`Thread::come_online`].
    pub(crate) fn go_back(&self, standing: Standing) {
        if standing == Standing::Online {
            return;
        }
        let was_solo = self.is_solo();
        self.end_solo();
        if self.shared.get() {
            self.offline();
        }
        if was_solo {
            self.out_of_native();
        }
    }

    /// Before the thread waits for anything: it uses nothing that it has loaded from a shared object, and will not until
    /// it is [`Thread::online`] again.
    pub fn offline(&self) {
        self.end_solo();
        if let Some(me) = &mut *self.grace.participant.borrow_mut() {
            self.grace.limbo.borrow_mut().seal(&self.isolate.domain);
            // While it is online: whoever copies the process has stopped those who are, so nobody holds the queue's lock then.
            if let Some(owner) = self.owner.borrow().as_ref().filter(|_| self.shared.get()) {
                owner.absent();
            }
            me.offline();
        }
    }

    /// The thread is online again: what others hand back is its own matter.
    fn count_again(&self) {
        if let Some(owner) = &*self.owner.borrow() {
            owner.back();
        }
    }

    /// The thread goes on: waits while another has stopped the world.
    pub fn online(&self) {
        if let Some(me) = self.grace.participant.borrow_mut().as_mut().filter(|_| self.shared.get()) {
            me.online();
            self.count_again();
            self.grace.crowded.set(false);
            if !self.grace.limbo.borrow().is_empty() {
                self.breaker.set(reason::GRACE);
            }
        }
    }

    /// Answers what the domain has `asked` for, at a poll: nothing that was loaded from a shared object is in use. What no
    /// other thread can use any more is let go of, which may run finalizers.
    pub fn checkpoint(&self, asked: u32) {
        if asked & reason::COMPANY != 0 {
            self.end_solo();
        }
        if asked & (reason::REPORT | reason::HALT | reason::GRACE | reason::LONELY) == 0 || !self.shared.get() {
            return;
        }
        if let Some(me) = &mut *self.grace.participant.borrow_mut() {
            if asked & reason::HALT != 0 {
                me.offline();
                me.online();
            }
            me.report();
        }
        self.grace.crowded.set(false);
        if self.isolate.has_one_thread() {
            self.unshare();
        } else {
            if self.stock.is_due() {
                self.give_stock_back();
            }
            self.free_ripe();
            if asked & reason::LONELY != 0 {
                self.begin_solo();
            }
        }
        self.see_to_late_ends();
    }

    /// The other threads have ended.
    fn unshare(&self) {
        self.give_stock_back();
        if !self.isolate.has_one_thread() {
            // A finalizer has begun another.
            return;
        }
        self.share_nothing();
        if let Some(me) = &mut *self.grace.participant.borrow_mut() {
            me.offline();
        }
        self.free_all();
    }

    /// Lets go of all that is left behind. No other thread is online.
    pub(crate) fn free_all(&self) {
        // SAFETY: nobody else can load anything, and this thread uses nothing that it has loaded.
        let mut all = unsafe { self.grace.limbo.borrow_mut().take_all() };
        // SAFETY: as above.
        all.append(&mut unsafe { self.isolate.orphans.take_all() });
        all.into_iter().for_each(|garbage| garbage.free(self));
    }

    fn free_ripe(&self) {
        if self.is_alone() {
            return self.free_all();
        }
        let domain = &self.isolate.domain;
        loop {
            let ripe = self.grace.limbo.borrow_mut().take_ripe(domain);
            let Some(ripe) = ripe.or_else(|| self.isolate.orphans.take_ripe(domain)) else { break };
            ripe.into_iter().for_each(|garbage| garbage.free(self));
        }
        self.tally.waited(self.grace.limbo.borrow_mut().take_waits());
    }

    fn is_alone(&self) -> bool {
        self.grace.participant.borrow().as_ref().is_none_or(|me| self.isolate.domain.is_alone(me))
    }

    /// Gives a reference up without anything running meanwhile: at a checkpoint, if there are other threads.
    pub(crate) fn set_aside(&self, v: Value) {
        if self.is_shared() && v.is_object() {
            self.tally.add(Count::Delayed, 1);
            let garbage = Garbage::Reference(v);
            let weight = garbage.weight();
            // The checkpoint that is asked for seals, too.
            let _pressure = self.grace.limbo.borrow_mut().retire(&self.isolate.domain, garbage, weight);
            self.breaker.set(reason::GRACE);
        }
    }

    /// Leaves something behind that this thread has unlinked.
    #[cold]
    #[inline(never)]
    pub(crate) fn retire(&self, garbage: Garbage) {
        if !self.grace.crowded.get() {
            let alone = self.is_alone();
            self.notice(alone);
            if alone {
                return garbage.free(self);
            }
            self.grace.crowded.set(true);
        }
        self.tally.add(Count::Delayed, 1);
        let mut limbo = self.grace.limbo.borrow_mut();
        let (weight, first) = (garbage.weight(), limbo.is_empty());
        if limbo.retire(&self.isolate.domain, garbage, weight) == Pressure::Sealed || first {
            self.breaker.set(reason::GRACE);
        }
    }

    /// Runs `f` while no other thread of the isolate runs. It neither waits, polls nor runs Python code: what dies
    /// meanwhile is destroyed afterwards. The caller uses nothing that it loaded before.
    pub fn alone<R>(&self, f: impl FnOnce() -> R) -> R {
        let since = self.is_shared().then(Instant::now);
        let Some(stopped) = self.stop_world() else { return f() };
        let depth = self.dealloc_depth.replace(heap::DEALLOC_DEPTH_MAX);
        let out = f();
        self.dealloc_depth.set(depth);
        drop(stopped);
        since.into_iter().for_each(|since| self.tally.stopped(since));
        if depth == 0 && self.trash_waits.get() {
            heap::empty_trashcan(self);
        }
        out
    }

    /// Whether there are references to an object besides the caller's. What another thread owns it alone can count: then all are
    /// stopped. The caller uses nothing that it loaded before.
    pub fn has_other_holders(&self, v: &Value) -> bool {
        let Some(header) = v.header() else { return true };
        let apart = ![self.own_tag(), TAG_NONE].contains(&header.owner());
        if apart { self.alone(|| header.whole_count() > 1) } else { header.count() > 1 }
    }

    /// Nothing to stop if there are no other threads, or if this one has stopped them already.
    fn stop_world(&self) -> Option<StoppedWorld<'_>> {
        let mut participant = self.grace.participant.borrow_mut();
        let me = participant.as_mut().filter(|_| self.shared.get())?;
        if self.isolate.domain.is_stopped_by(me) {
            return None;
        }
        self.grace.crowded.set(false);
        Some(self.isolate.domain.stop_world(me))
    }

    /// Lets go of what waits in any thread, all of which are stopped: a collector wants to see every count.
    pub(crate) fn free_limbos(&self) {
        let mut all = Vec::new();
        // SAFETY: the others do not run, so nobody uses what he has loaded; nothing is dropped before all were asked.
        unsafe { self.isolate.each_thread(|t| all.append(&mut t.grace.limbo.borrow_mut().take_all())) };
        all.into_iter().for_each(|garbage| garbage.free(self));
        self.free_all();
    }

    /// Shows every reference that waits to be released, in any thread: all are stopped.
    pub(crate) fn each_left(&self, mut f: impl FnMut(&Value)) {
        let mut show = |garbage: &Garbage| match garbage {
            Garbage::Reference(v) => f(v),
            Garbage::Block(..) => {}
        };
        // SAFETY: the others do not run, and looking runs nothing.
        unsafe { self.isolate.each_thread(|t| t.grace.limbo.borrow().iter().for_each(&mut show)) };
        self.isolate.orphans.for_each(show);
    }

    /// The thread ends: what waits becomes the others'.
    pub(crate) fn orphan_limbo(&self) {
        self.isolate.orphans.take_over(&self.isolate.domain, &mut self.grace.limbo.borrow_mut());
    }

    /// The thread has ended: nobody waits for it any more.
    pub(crate) fn leave_domain(&self) {
        *self.grace.participant.borrow_mut() = None;
        self.share_nothing();
    }

    /// The isolate closes: memory goes as a whole.
    pub(crate) fn forget_limbo(&self) {
        // SAFETY: nothing runs in the isolate any more.
        let all = unsafe { (self.grace.limbo.borrow_mut().take_all(), self.isolate.orphans.take_all()) };
        std::mem::forget(all);
        *self.grace.participant.borrow_mut() = None;
        self.share_nothing();
    }
}
