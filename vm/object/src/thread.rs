//! The running thread and its isolate: heap, breaker, caches, interned strings, per-module state.
//!
//! Everything that runs takes `&Thread`. It is also reachable without being passed ([`current`]), because dropping a
//! [`Value`] needs the heap and the owner's tag.

use crate::attr_cache::AttrCache;
use crate::breaker::{Breaker, why};
use crate::cache::MethodCache;
use crate::error::{self, Exc, Res};
use crate::header::Header;
use crate::heap::Heap;
use crate::heap::reaper::Remains;
use crate::names::Interner;
use crate::native::Signatures;
use crate::shape::ShapeId;
use crate::store::Slot;
use crate::value::Value;
use rustc_hash::FxHashMap;
use std::any::{Any, TypeId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// The tag under which an isolate's main thread owns what it makes.
pub const MAIN_TAG: u16 = 1;
/// The tag while the process makes its immortal objects.
pub const BOOTSTRAP_TAG: u16 = 2;

thread_local! {
    static CURRENT: Cell<*const Thread> = const { Cell::new(std::ptr::null()) };
    static TAG: Cell<u16> = const { Cell::new(0) };
}

/// The running thread's owner tag.
#[inline(always)]
pub fn tag() -> u16 {
    TAG.get()
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
    let restore = Restore((CURRENT.replace(std::ptr::null()), TAG.replace(tag)));
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

/// The last reference of a foreign thread goes back to its owner. An isolate has one thread until free threading lands,
/// so a foreign owner is another isolate's: that is a bug worth stopping for.
#[cold]
pub(crate) fn hand_back(h: &Header) -> bool {
    panic!("object of owner {} released by tag {}", h.owner(), tag());
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

/// What natives keep, by its type.
type States = RefCell<FxHashMap<TypeId, Rc<dyn Any>>>;

/// A thread of an isolate, and for now the isolate itself.
pub struct Thread {
    /// Requests to look up.
    pub breaker: Breaker,
    /// See [`Hooks`].
    pub hooks: Hooks,
    heap: Heap,
    own_tag: u16,
    pub(crate) method_cache: MethodCache,
    pub(crate) attr_cache: AttrCache,
    pub(crate) interner: Interner,
    pub(crate) signatures: Signatures,
    type_version: Cell<u32>,
    keys_version: Cell<u32>,
    pub(crate) dealloc_depth: Cell<u32>,
    pub(crate) trashcan: RefCell<Vec<*mut Header>>,
    /// Something lies in the trashcan.
    pub(crate) trash_waits: Cell<bool>,
    pub(crate) closing: Cell<bool>,
    /// Lowest native stack address that guest code may reach.
    stack_limit: Cell<usize>,
    /// Python frames in use, and how many there may be (`sys.setrecursionlimit`).
    pub depth: Cell<u32>,
    /// See `depth`.
    pub depth_limit: Cell<u32>,
    retired: RefCell<Vec<ShapeId>>,
    /// Python subclasses of built-in types, by the base's address.
    pub(crate) subclasses: RefCell<FxHashMap<usize, Vec<*const crate::ty::TypeObject>>>,
    states: States,
    /// As `states`, of the OS thread that runs.
    own_states: States,
    /// The one of them asked for last, and its type; null for none.
    own_last: Cell<(Option<TypeId>, *const ())>,
    /// `builtins` module's dict.
    pub builtins: Slot,
    /// `sys.modules`.
    pub modules: Slot,
    /// The interpreter's part: frames, handled exceptions.
    pub interp: Cell<*const ()>,
}

impl Thread {
    /// A thread of a new isolate, not attached yet.
    pub fn new(hooks: Hooks, memory_limit: usize) -> Box<Self> {
        Self::with_tag(hooks, memory_limit, MAIN_TAG)
    }

    pub(crate) fn with_tag(hooks: Hooks, memory_limit: usize, own_tag: u16) -> Box<Self> {
        Box::new(Self {
            breaker: Breaker::new(),
            hooks,
            heap: Heap::new(memory_limit),
            own_tag,
            method_cache: MethodCache::new(),
            attr_cache: AttrCache::new(),
            interner: Interner::new(),
            signatures: Signatures::new(),
            type_version: Cell::new(if own_tag == BOOTSTRAP_TAG { 1 } else { 1 << 16 }),
            keys_version: Cell::new(1),
            dealloc_depth: Cell::new(0),
            trashcan: RefCell::new(Vec::new()),
            trash_waits: Cell::new(false),
            closing: Cell::new(false),
            stack_limit: Cell::new(0),
            depth: Cell::new(0),
            depth_limit: Cell::new(1000),
            retired: RefCell::new(Vec::new()),
            subclasses: RefCell::default(),
            states: States::default(),
            own_states: States::default(),
            own_last: Cell::new((None, std::ptr::null())),
            builtins: Slot::empty(),
            modules: Slot::empty(),
            interp: Cell::new(std::ptr::null()),
        })
    }

    /// Runs `f` with this thread attached to the calling OS thread; `stack` is how many bytes of native stack guest
    /// code may use below here.
    pub fn attach<R>(&self, stack: usize, f: impl FnOnce(&Self) -> R) -> R {
        let here = stack_pointer();
        self.stack_limit.set(here.saturating_sub(stack));
        let saved = (CURRENT.replace(self), TAG.replace(self.own_tag));
        let restore = Restore(saved);
        let out = f(self);
        drop(restore);
        out
    }

    /// Takes what belongs to the running OS thread out, before another one of the isolate runs.
    pub fn leave(&self) -> RunState {
        self.own_last.set((None, std::ptr::null()));
        RunState {
            interp: self.interp.get(),
            stack_limit: self.stack_limit.get(),
            depth: self.depth.replace(0),
            dealloc_depth: self.dealloc_depth.replace(0),
            own_states: self.own_states.take(),
        }
    }

    /// Puts back what [`Thread::leave`] took out.
    pub fn enter(&self, state: RunState) {
        self.own_last.set((None, std::ptr::null()));
        self.interp.set(state.interp);
        self.stack_limit.set(state.stack_limit);
        self.depth.set(state.depth);
        self.dealloc_depth.set(state.dealloc_depth);
        self.own_states.replace(state.own_states);
    }

    /// The tag of the objects that this thread owns.
    #[inline(always)]
    pub fn own_tag(&self) -> u16 {
        self.own_tag
    }

    /// The heap.
    #[inline(always)]
    pub fn heap(&self) -> &Heap {
        &self.heap
    }

    /// Looks up if asked to. Native loops call it at least every 50 microseconds.
    #[inline(always)]
    pub fn poll(&self) -> Res<()> {
        if self.breaker.any() { (self.hooks.on_breaker)(self) } else { Ok(()) }
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
    pub fn state<T: Default + 'static>(&self) -> Rc<T> {
        state_in(&self.states)
    }

    /// The running OS thread's state of type `T`, made on first use.
    pub fn own_state<T: Default + 'static>(&self) -> Rc<T> {
        state_in(&self.own_states)
    }

    /// As [`Thread::own_state`], for natives that ask very often: the state of the last question is at hand.
    #[inline]
    pub fn with_own_state<T: Default + 'static, R>(&self, f: impl FnOnce(&T) -> R) -> R {
        let (id, mut at) = self.own_last.get();
        if id != Some(TypeId::of::<T>()) {
            at = Rc::as_ptr(&self.own_state::<T>()).cast();
            self.own_last.set((Some(TypeId::of::<T>()), at));
        }
        // SAFETY: the pointer is to a state of this type, which stays where it is until its OS thread ends. Whoever takes
        // the states away forgets the pointer.
        f(unsafe { &*at.cast::<T>() })
    }

    /// Drops what natives keep for the running OS thread, which ends.
    pub fn forget_own_states(&self) {
        self.own_last.set((None, std::ptr::null()));
        let states = self.own_states.take();
        drop(states);
    }

    /// Puts a state in place (the host, set up before anything runs).
    pub fn set_state<T: 'static>(&self, state: T) {
        self.states.borrow_mut().insert(TypeId::of::<T>(), Rc::new(state));
    }

    /// The state if it was put in place.
    pub fn get_state<T: 'static>(&self) -> Option<Rc<T>> {
        self.states.borrow().get(&TypeId::of::<T>()).cloned()?.downcast().ok()
    }

    /// A version no type has had; 0 for ever once they have run out.
    pub fn next_type_version(&self) -> u32 {
        next_version(&self.type_version)
    }

    /// A version no dict's keys have had; 0 for ever once they have run out.
    pub fn next_keys_version(&self) -> u32 {
        next_version(&self.keys_version)
    }

    /// Uses up all versions but `left` of each kind, for tests of what happens then.
    pub fn spend_versions(&self, left: u32) {
        self.type_version.set(left.wrapping_neg());
        self.keys_version.set(left.wrapping_neg());
    }

    pub(crate) fn retire_shapes(&self, root: ShapeId) {
        self.retired.borrow_mut().push(root);
    }

    /// Ends the isolate: no destructor of an object runs from here on; memory goes as a whole.
    pub fn close(&self) {
        if self.closing.replace(true) {
            return;
        }
        // References are given back by the thread that owns them, attached or not.
        self.attach(1 << 20, |t| {
            t.forget_own_states();
            let states = std::mem::take(&mut *t.states.borrow_mut());
            drop(states);
            t.method_cache.clear();
            t.interner.clear();
            drop(t.builtins.take());
            drop(t.modules.take());
        });
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        self.close();
        let heap = std::mem::replace(&mut self.heap, Heap::new(0));
        Remains { heap, shapes: self.retired.take(), tag: self.own_tag }.bury();
    }
}

/// A cache must never take a new state for an old one, so versions do not start again: 0 means "not to be cached".
fn next_version(counter: &Cell<u32>) -> u32 {
    let v = counter.get();
    if v != 0 {
        counter.set(v.wrapping_add(1));
    }
    v
}

/// What of a [`Thread`] belongs to the OS thread that runs on it, not to the isolate.
pub struct RunState {
    interp: *const (),
    stack_limit: usize,
    depth: u32,
    dealloc_depth: u32,
    own_states: FxHashMap<TypeId, Rc<dyn Any>>,
}

fn state_in<T: Default + 'static>(states: &States) -> Rc<T> {
    let found = states.borrow().get(&TypeId::of::<T>()).cloned();
    let any = found.unwrap_or_else(|| {
        let new: Rc<dyn Any> = Rc::new(T::default());
        states.borrow_mut().insert(TypeId::of::<T>(), Rc::clone(&new));
        new
    });
    match any.downcast::<T>() {
        Ok(state) => state,
        Err(_) => unreachable!("states are keyed by their type"),
    }
}

struct Restore((*const Thread, u16));

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.set(self.0.0);
        TAG.set(self.0.1);
    }
}

/// About where the native stack is.
#[inline(always)]
pub fn stack_pointer() -> usize {
    let here = 0u8;
    std::hint::black_box(&raw const here) as usize
}
