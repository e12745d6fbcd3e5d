//! The running thread: heap, breaker, caches, what natives keep for it; and the way to its isolate.
//!
//! Everything that runs takes `&Thread`. It is also reachable without being passed ([`current`]), because dropping a
//! [`Value`] needs the heap and the owner's tag.

use crate::attr_cache::AttrCache;
use crate::breaker::{Breaker, reason, why};
use crate::cache::MethodCache;
use crate::error::{self, Exc, Res};
use crate::grace::Grace;
use crate::header::{Header, flag};
use crate::heap::reaper::Remains;
use crate::heap::{self, Carved, Ending, Heap};
use crate::isolate::Isolate;
use crate::native::Signatures;
use crate::showing::Showing;
use crate::solo::Solo;
use crate::states::{Last, States};
use crate::stock::{Stock, Surplus};
use crate::store::Slot;
use crate::tally::{Count, Tally};
use crate::value::Value;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};
use typhon_rc::{Owner, Release};

/// The tag while the process makes its immortal objects: no thread of an isolate gets as far.
pub const BOOTSTRAP_TAG: u16 = typhon_rc::TAG_MAX;

thread_local! {
    static CURRENT: Cell<*const Thread> = const { Cell::new(std::ptr::null()) };
    static TAG: Cell<u16> = const { Cell::new(0) };
    static SHARED: Cell<bool> = const { Cell::new(false) };
}

/// The running thread's owner tag.
#[inline(always)]
pub fn tag() -> u16 {
    TAG.get()
}

/// Whether the running thread is one of several of its isolate.
#[inline(always)]
pub fn is_shared() -> bool {
    SHARED.get()
}

pub(crate) fn set_shared(shared: bool) {
    SHARED.set(shared);
}

/// The attached thread, if any.
#[inline(always)]
pub fn current<'a>() -> Option<&'a Thread> {
    let p = CURRENT.get();
    // SAFETY: `Attached` sets the pointer to a thread it borrows, and resets it before that borrow ends.
    if p.is_null() { None } else { Some(unsafe { &*p }) }
}

/// Whether the running isolate is being stopped: what an infallible native does from here on, nobody sees. It may give
/// up with any result.
#[inline]
pub fn stopping() -> bool {
    current().is_some_and(|t| t.check_stop().is_err())
}

/// Runs `f`, which takes a closed isolate apart: objects of owner `tag` may be let go of, and none dies of it.
pub(crate) fn as_undertaker<R>(tag: u16, f: impl FnOnce() -> R) -> R {
    let restore = Restore((CURRENT.replace(std::ptr::null()), TAG.replace(tag), SHARED.replace(false)));
    let out = f();
    drop(restore);
    out
}

/// Whether the process is making its immortal objects.
pub fn is_bootstrap() -> bool {
    tag() == BOOTSTRAP_TAG
}

/// Asks the running thread to look up at its next poll.
#[cold]
pub(crate) fn request(reason: u32) {
    if let Some(t) = current() {
        t.breaker.set(reason);
    }
}

/// The last reference that this thread can know of goes back to the object's owner. Whether the object is dead.
#[cold]
pub(crate) fn hand_back(h: &Header) -> bool {
    let Some(t) = current().filter(|t| !t.closing.get()) else { return false };
    if h.has(flag::WEAKREFS) {
        return crate::weakref::hand_back(t, h);
    }
    // SAFETY: the release has just asked for it; an object is released by threads of its own isolate only.
    unsafe { t.isolate.queues.hand_back(NonNull::from(h.rc())) == Release::Dead }
}

/// What the interpreter and the process around it do for the object layer.
#[derive(Clone, Copy)]
pub struct Hooks {
    /// Answers a raised breaker: runs the collector, signal handlers; an error stops what runs.
    pub on_breaker: fn(&Thread) -> Res<()>,
    /// Reports an exception that nobody can catch (`sys.unraisablehook`); the object is what it happened in.
    pub unraisable: fn(&Thread, Exc, &str, Option<&Value>),
    /// Issues a warning: category, text, stack level.
    pub warn: fn(&Thread, &Value, &str, isize) -> Res<()>,
    /// Imports a module by dotted name and returns that module (not the top-level one).
    pub import: fn(&Thread, &str) -> Res,
    /// The exception being handled, for `__context__` (absent if none).
    pub handled: fn(&Thread) -> Value,
    /// What `super()` without arguments means in the running frame: its `__class__` cell's content and first argument.
    pub super_frame: fn(&Thread) -> Res<(Value, Value)>,
    /// The running frame's globals (absent if no Python code runs): where a new class finds its `__module__`.
    pub globals: fn(&Thread) -> Value,
}

/// One OS thread's part of an isolate.
pub struct Thread {
    /// Requests to look up.
    pub breaker: Breaker,
    /// See [`Hooks`].
    pub hooks: Hooks,
    heap: Heap,
    own_tag: u16,
    /// The isolate has other threads: objects are read and changed with care (see `grace`).
    pub(crate) shared: Cell<bool>,
    /// The same, where threads do not run in turns; and whether this one holds the native lock (see `native_lock`).
    pub(crate) parallel: Cell<bool>,
    pub(crate) native: Cell<bool>,
    pub(crate) grace: Grace,
    pub(crate) solo: Solo,
    pub(crate) stock: Stock,
    pub(crate) tally: Tally,
    pub(crate) showing: Showing,
    pub(crate) method_cache: MethodCache,
    pub(crate) attr_cache: AttrCache,
    pub(crate) signatures: Signatures,
    pub(crate) isolate: Arc<Isolate>,
    pub(crate) dealloc_depth: Cell<u32>,
    pub(crate) trashcan: RefCell<Vec<Ending>>,
    /// Something lies in the trashcan.
    pub(crate) trash_waits: Cell<bool>,
    /// Dead objects whose end has to wait for the end of an instruction, and whether there are any (see `heap`).
    pub(crate) late: RefCell<Vec<Ending>>,
    pub(crate) has_late: Cell<bool>,
    pub(crate) closing: Cell<bool>,
    /// The look at the breaker that is about to be taken is one of [`Thread::poll_yielding`].
    yields: Cell<bool>,
    /// See [`Thread::while_tame`].
    pub(crate) tame: Cell<bool>,
    /// Lowest native stack address that guest code may reach.
    stack_limit: Cell<usize>,
    /// Python frames in use, and how many there may be (`sys.setrecursionlimit`).
    pub depth: Cell<u32>,
    /// See `depth`.
    pub depth_limit: Cell<u32>,
    /// What natives keep for this thread.
    own_states: States,
    last_own: Last,
    last_state: Last,
    /// The interpreter's part: frames, handled exceptions.
    pub interp: Cell<*const ()>,
    /// The claim to the tag; none for the bootstrap thread, and once the thread has ended.
    pub(crate) owner: RefCell<Option<Owner>>,
    /// What the isolate leaves. The last field: whoever gives the memory back is to have the last reference to it.
    burial: Cell<Option<Burial>>,
}

impl Thread {
    /// Where the owner's tag lies, for machine code.
    pub const TAG: usize = std::mem::offset_of!(Self, own_tag);

    /// The first thread of a new isolate, not attached yet.
    pub fn new(hooks: Hooks, memory_limit: usize) -> Box<Self> {
        let isolate = Isolate::new(memory_limit, 1 << 16);
        match Self::claim(hooks, Breaker::new(), &isolate) {
            Some(t) => t,
            None => unreachable!("a new isolate has all its tags"),
        }
    }

    pub(crate) fn bootstrap(hooks: Hooks) -> Box<Self> {
        Self::make(hooks, Breaker::new(), &Isolate::new(usize::MAX, 1), BOOTSTRAP_TAG, None)
    }

    /// A further thread of this one's isolate, not attached yet; `None` if there are too many. To be ended by
    /// [`Thread::end`].
    pub fn sibling(&self) -> Option<Box<Self>> {
        let t = Self::claim(self.hooks, self.breaker.beside(), &self.isolate)?;
        t.depth_limit.set(self.depth_limit.get());
        self.share(true);
        t.share(false);
        Some(t)
    }

    fn claim(hooks: Hooks, breaker: Breaker, isolate: &Arc<Isolate>) -> Option<Box<Self>> {
        let owner = Owner::claim(&isolate.queues, Arc::clone(breaker.requests()))?;
        Some(Self::make(hooks, breaker, isolate, owner.tag(), Some(owner)))
    }

    fn make(hooks: Hooks, breaker: Breaker, isolate: &Arc<Isolate>, own_tag: u16, owner: Option<Owner>) -> Box<Self> {
        let t = Box::new(Self {
            breaker,
            hooks,
            heap: Heap::of(&isolate.memory),
            own_tag,
            shared: Cell::new(false),
            parallel: Cell::new(false),
            native: Cell::new(false),
            grace: Grace::new(),
            solo: Solo::default(),
            stock: Stock::new(),
            tally: Tally::default(),
            showing: Showing::default(),
            method_cache: MethodCache::new(),
            attr_cache: AttrCache::new(),
            signatures: Signatures::new(),
            isolate: Arc::clone(isolate),
            dealloc_depth: Cell::new(0),
            trashcan: RefCell::new(Vec::new()),
            trash_waits: Cell::new(false),
            late: RefCell::new(Vec::new()),
            has_late: Cell::new(false),
            closing: Cell::new(false),
            yields: Cell::new(false),
            tame: Cell::new(false),
            stack_limit: Cell::new(0),
            depth: Cell::new(0),
            depth_limit: Cell::new(1000),
            own_states: States::default(),
            last_own: Last::none(),
            last_state: Last::none(),
            interp: Cell::new(std::ptr::null()),
            owner: RefCell::new(owner),
            burial: Cell::new(None),
        });
        isolate.joined(&t);
        t
    }

    /// Runs `f` with this thread attached to the calling OS thread; `stack` is how many bytes of native stack guest
    /// code may use below here.
    pub fn attach<R>(&self, stack: usize, f: impl FnOnce(&Self) -> R) -> R {
        let here = stack_pointer();
        self.stack_limit.set(here.saturating_sub(stack));
        let saved = (CURRENT.replace(self), TAG.replace(self.own_tag), SHARED.replace(self.shared.get()));
        let restore = Restore(saved);
        let attached = self.come_online();
        let out = f(self);
        self.go_back(attached);
        drop(restore);
        out
    }

    /// The tag of the objects that this thread owns.
    #[inline(always)]
    pub fn own_tag(&self) -> u16 {
        self.own_tag
    }

    /// What the isolate's threads share.
    #[inline(always)]
    pub fn isolate(&self) -> &Isolate {
        &self.isolate
    }

    /// The `builtins` module's dict.
    #[inline(always)]
    pub fn builtins(&self) -> &Slot {
        &self.isolate.builtins
    }

    /// `sys.modules`.
    #[inline(always)]
    pub fn modules(&self) -> &Slot {
        &self.isolate.modules
    }

    /// The heap.
    #[inline(always)]
    pub fn heap(&self) -> &Heap {
        &self.heap
    }

    /// Looks up if asked to. Native loops call it at least every 50 microseconds. The turn stays: as under CPython's GIL, a
    /// native that runs no Python code is one step for the isolate's other threads, unless it takes a second.
    #[inline(always)]
    pub fn poll(&self) -> Res<()> {
        if self.breaker.any_but_turn() { self.look_up() } else { Ok(()) }
    }

    /// As [`Thread::poll`], where other threads may take their turn, too: between instructions, and in natives that let go
    /// of CPython's GIL.
    #[inline(always)]
    pub fn poll_yielding(&self) -> Res<()> {
        if !self.breaker.any() {
            return Ok(());
        }
        self.yields.set(true);
        self.look_up()
    }

    /// Takes what is asked of the thread, the turn only if it looks up where it may give it up, or has kept it for long.
    pub fn take_requests(&self) -> u32 {
        let turn = if self.yields.replace(false) { 0 } else { reason::QS };
        self.breaker.take(!turn)
    }

    /// What to ask whoever has had the turn, or the native lock, since then.
    pub fn turn_request(since: Instant) -> u32 {
        // A native that takes longer than this is no step that a program relies on.
        const STEP_MAX: Duration = Duration::from_secs(1);
        if since.elapsed() < STEP_MAX { reason::QS } else { reason::QS | reason::STARVED }
    }

    #[cold]
    #[inline(never)]
    fn look_up(&self) -> Res<()> {
        if self.tame.get() {
            self.yields.set(false);
            return self.stop_now();
        }
        (self.hooks.on_breaker)(self)
    }

    /// Runs what must not run Python code, `tame` or not any more: machine code, which has values where no handler and no
    /// collector could see them. What is asked for meanwhile waits until a poll behind it, unless it is to stop.
    #[inline]
    pub fn while_tame<R>(&self, tame: bool, f: impl FnOnce() -> R) -> R {
        let before = self.tame.replace(tame);
        let done = f();
        self.tame.set(before);
        done
    }

    /// Stops if the isolate is to be stopped, and does nothing else: no handler and no collector runs. For loops in
    /// natives that hold what Python code could change. As often as [`Thread::poll`].
    #[inline(always)]
    pub fn check_stop(&self) -> Res<()> {
        if self.breaker.any() { self.stop_now() } else { Ok(()) }
    }

    #[cold]
    #[inline(never)]
    fn stop_now(&self) -> Res<()> {
        if self.heap.exhausted() {
            self.breaker.stop(why::MEMORY);
        }
        if self.breaker.stopped() { Err(Exc::stopped()) } else { Ok(()) }
    }

    /// RecursionError if the native stack is nearly used up. `what` completes the message: "in comparison".
    #[inline(always)]
    pub fn check_stack(&self, what: &str) -> Res<()> {
        if stack_pointer() < self.stack_limit.get() { Err(self.stack_error(what)) } else { Ok(()) }
    }

    #[cold]
    fn stack_error(&self, what: &str) -> Exc {
        // Room to handle the error in.
        let limit = self.stack_limit.get();
        self.stack_limit.set(limit.saturating_sub(128 * 1024));
        let sep = if what.is_empty() { "" } else { " " };
        let e = error::recursion_error(self, format_args!("maximum recursion depth exceeded{sep}{what}"));
        self.stack_limit.set(limit);
        e
    }

    /// MemoryError; the isolate's stop when not even a handler could run.
    #[cold]
    pub fn memory_error(&self) -> Exc {
        if self.heap.exhausted() {
            self.breaker.stop(why::MEMORY);
        }
        if self.breaker.stopped() { Exc::stopped() } else { error::memory_error(self) }
    }

    /// Checks that `bytes` more may be allocated, before work that would allocate them piece by piece.
    #[inline]
    pub fn check_alloc(&self, bytes: usize) -> Res<()> {
        self.heap.check(bytes).map_err(|_| self.memory_error())
    }

    /// This isolate's state of type `T`, made on first use: what a native module keeps instead of statics.
    #[inline]
    pub fn state<T: Default + 'static>(&self) -> &T {
        self.last_state.of(&self.isolate.states)
    }

    /// The running OS thread's state of type `T`, made on first use.
    #[inline]
    pub fn own_state<T: Default + 'static>(&self) -> &T {
        self.last_own.of(&self.own_states)
    }

    /// Drops what natives keep for the running OS thread, which ends.
    ///
    /// # Safety
    /// Nobody borrows such a state: no native runs on the thread.
    pub unsafe fn forget_own_states(&self) {
        self.last_own.forget();
        // SAFETY: the caller's duty.
        let states = unsafe { self.own_states.take() };
        drop(states);
        self.last_own.forget();
    }

    /// Puts a state in place (the host, set up before anything runs).
    pub fn set_state<T: 'static>(&self, state: T) {
        self.isolate.states.put(state);
    }

    /// The state if it was put in place.
    pub fn get_state<T: 'static>(&self) -> Option<&T> {
        self.isolate.states.get()
    }

    /// A version no type has had; 0 for ever once they have run out.
    pub fn next_type_version(&self) -> u32 {
        self.isolate.next_type_version()
    }

    /// A version no dict's keys have had; 0 for ever once they have run out.
    pub fn next_keys_version(&self) -> u32 {
        self.isolate.next_keys_version()
    }

    /// Uses up all versions but `left` of each kind, for tests of what happens then.
    pub fn spend_versions(&self, left: u32) {
        self.isolate.spend_versions(left);
    }

    /// Calls `f` with every live object of the isolate, until it is stopped. The heap must not change meanwhile, except
    /// that `f` may change headers.
    pub fn walk_objects(&self, f: &mut dyn FnMut(&Header)) {
        let mut carved = Carved::default();
        // SAFETY: this thread has the turn, and noting where pages end runs nothing.
        unsafe { self.isolate.each_thread(|t| t.heap.note_carved(&mut carved)) };
        self.isolate.memory.walk(&carved, f);
    }

    /// Merges what other threads have handed back to this one.
    pub fn merge(&self) {
        if let Some(owner) = &*self.owner.borrow() {
            self.tally.add(Count::Merges, 1);
            // SAFETY: the queue says so, and at once: as long as it lies in the queue an object is alive, and weak
            // references may bring it back.
            owner.drain(|at| unsafe { heap::dealloc(at.cast().as_ptr()) });
        }
    }

    /// Settles every count of the isolate, as far as threads have left work to each other: a collector wants to see the
    /// whole of it.
    pub(crate) fn merge_all(&self) {
        if self.isolate.is_threaded() {
            let mut surplus = Vec::new();
            // SAFETY: as below; nothing is dropped before all threads were asked.
            unsafe { self.isolate.each_thread(|t| surplus.append(&mut t.stock.empty())) };
            surplus.into_iter().for_each(Surplus::give_back);
            // SAFETY: this thread has the turn: no other one counts meanwhile. As in `merge`.
            unsafe { self.isolate.queues.drain_all(|at| heap::dealloc(at.cast().as_ptr())) };
            self.free_limbos();
        }
    }

    /// Empties the caches that hold references, of every thread.
    pub(crate) fn forget_methods(&self) {
        let mut caches = Vec::new();
        // SAFETY: this thread has the turn, and nothing is dropped, so nothing runs, before all threads were asked.
        unsafe { self.isolate.each_thread(|t| caches.push(t.method_cache.take())) };
        drop(caches);
    }

    /// New objects since the last collection, freed ones taken off.
    pub(crate) fn young(&self) -> isize {
        let mut sum = 0;
        // SAFETY: this thread has the turn.
        unsafe { self.isolate.each_thread(|t| sum += t.heap.young.get()) };
        sum
    }

    /// A collection is over: counts start again.
    pub(crate) fn forget_young(&self) {
        // SAFETY: as in `young`.
        unsafe { self.isolate.each_thread(|t| t.heap.young.set(0)) };
    }

    /// Ends a thread made by [`Thread::sibling`]: what it holds goes, what it owns gets other owners. It is attached, and
    /// nothing runs on it afterwards. `last` drops what running code leaves behind: finalizers run until the end, and whatever is
    /// freed after it nobody finds again.
    pub fn end(&self, last: impl Fn()) {
        self.end_solo();
        self.online();
        // Whatever dies from here on dies at once.
        self.enter_native();
        self.see_to_late_ends();
        self.let_go();
        last();
        self.let_go();
        if let Some(owner) = self.owner.take() {
            owner.leave(|at| {
                // SAFETY: the queue has just said so.
                unsafe { heap::dealloc(at.cast().as_ptr()) };
                // A finalizer has run on this thread, and left things behind like all that runs.
                self.let_go();
                last();
            });
        }
        self.orphan_limbo();
        self.heap.hand_over();
        self.isolate.left(self);
        // Last: as long as it is online, nobody who stops the world looks at what it is just giving up.
        self.leave_domain();
    }

    /// Lets go of all that the thread keeps between instructions. Nothing runs on it.
    fn let_go(&self) {
        loop {
            // SAFETY: nothing runs on the thread.
            unsafe { self.forget_own_states() };
            drop(self.method_cache.take());
            if self.stock.is_empty() {
                break;
            }
            // What dies of it may be finalized, and leaves more behind.
            self.give_stock_back();
        }
    }

    /// Ends the isolate: no destructor of an object runs from here on; memory goes as a whole.
    pub fn close(&self) {
        if self.closing.replace(true) {
            return;
        }
        // References are given back by the thread that owns them, attached or not.
        self.attach(1 << 20, |t| {
            t.end_solo();
            // SAFETY: nothing runs in the isolate any more.
            unsafe { t.forget_own_states() };
            t.last_state.forget();
            // SAFETY: as above.
            drop(unsafe { t.isolate.states.take() });
            t.last_state.forget();
            drop(t.method_cache.take());
            t.isolate.interner.clear();
            drop(t.isolate.builtins.take());
            drop(t.isolate.modules.take());
            t.forget_limbo();
            if let Some(owner) = t.owner.take() {
                owner.leave(|_| {});
            }
        });
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        // A further thread has ended before.
        if self.owner.borrow().is_some() {
            self.close();
        }
        if self.closing.get() {
            self.burial.set(Some(Burial(Some(Remains::of(&self.isolate, &self.heap, self.own_tag)))));
        }
    }
}

/// Buries what is left of the isolate when it is dropped itself.
struct Burial(Option<Remains>);

impl Drop for Burial {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(Remains::bury);
    }
}

struct Restore((*const Thread, u16, bool));

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.0);
        TAG.set(self.0.1);
        SHARED.set(self.0.2);
    }
}

/// About where the native stack is.
#[inline(always)]
pub fn stack_pointer() -> usize {
    let here = 0u8;
    std::hint::black_box(&raw const here) as usize
}
