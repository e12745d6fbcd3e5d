//! A thread's heap: size classes over pages, large blocks on their own, every byte charged to the isolate's account.
//!
//! Objects and raw payloads (list arrays, dict tables) live in separate pages, so that the collector can walk all objects
//! page by page without any list through the headers. A free block's first word is zero, and a page is carved from its
//! front: a live object's local count and shape are never both zero. Pages and large blocks come from the global
//! allocator (mimalloc), untouched until they are carved; closing an isolate returns pages, whatever they hold.
//!
//! Pages and large blocks are the isolate's (`Common`), free blocks a thread's: a block goes to the list of the thread
//! that frees it, whoever made it. What a thread has too much of, another one may ask for (`reason::SPARE`).

mod account;
mod apart;
pub(crate) mod audit;
mod common;
mod kept;
mod large;
mod poison;
pub mod reaper;
mod span;
mod trim;

pub(crate) use common::{Carved, Common};

use crate::breaker::reason;
use crate::dict::Dict;
use crate::guarded;
use crate::header::{Header, flag};
use crate::ids;
use crate::list::List;
use crate::payload::Payload;
use crate::shape::ShapeId;
use crate::strs::Str;
use crate::thread::{self, Thread};
use crate::tuple::Tuple;
use crate::types::bytes::Bytes;
use crate::types::float::Float;
use crate::types::range_iter::RangeIter;
use crate::value::Value;
use crate::weakref::Table;
use common::Kind;
use kept::Kept;
use large::{LARGE_HEAD, Large};
use std::alloc::Layout;
use std::cell::Cell;
use std::ptr::{self, NonNull};
use std::sync::Arc;

const PAGE: usize = 16 * 1024;
const GRAIN: usize = 16;
/// About how many bytes are carved at once.
const BATCH: usize = 1024;
/// Largest block served from a page.
pub const SMALL_MAX: usize = 1024;
const CLASSES: usize = SMALL_MAX / GRAIN + 1;

/// One thread's part of an isolate's memory.
pub struct Heap {
    objects: Space,
    /// Where objects go that are made apart; while some are, this is where the others would go.
    lasting: Space,
    raw: Space,
    common: Arc<Common>,
    /// Bytes that natives took from the global allocator and did not declare, as far as the account does not know of them:
    /// see [`crate::meter`]. Without a meter it only goes down, and counts as none.
    outside: Cell<isize>,
    /// At how many of them the account is told.
    tell_at: Cell<isize>,
    /// See `poison`.
    #[cfg(vm_asan)]
    rest: poison::Rest,
    /// Small blocks are given out whatever the account says.
    lenient: Cell<bool>,
    /// Tracked objects allocated since the last collection, minus freed ones.
    pub young: Cell<isize>,
    /// How many young objects make the heap ask for a collection.
    collect_at: Cell<isize>,
}

struct Space {
    kind: Cell<Kind>,
    free: [Cell<*mut Free>; CLASSES],
    /// The page being carved, per class: next unused byte and end.
    bump: [Cell<(usize, usize)>; CLASSES],
    /// Larger blocks that are free; not swapped.
    kept: Kept,
}

struct Free {
    /// Tells a free block from a live object, whose first word is not zero.
    zero: u64,
    next: *mut Free,
}

/// The account is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl Space {
    fn new(kind: Kind) -> Self {
        Self {
            kind: Cell::new(kind),
            free: [const { Cell::new(ptr::null_mut()) }; CLASSES],
            bump: [const { Cell::new((0, 0)) }; CLASSES],
            kept: Kept::new(),
        }
    }
}

impl Heap {
    /// The heap of an isolate of its own, which may take `limit` bytes.
    #[cfg(test)]
    fn new(limit: usize) -> Self {
        Self::of(&Common::new(limit))
    }

    /// An empty heap that takes its memory from `common`.
    pub(crate) fn of(common: &Arc<Common>) -> Self {
        Self {
            objects: Space::new(Kind::Objects),
            lasting: Space::new(Kind::Lasting),
            raw: Space::new(Kind::Raw),
            common: Arc::clone(common),
            outside: Cell::new(0),
            tell_at: Cell::new(0),
            #[cfg(vm_asan)]
            rest: poison::Rest::default(),
            lenient: Cell::new(false),
            young: Cell::new(0),
            collect_at: Cell::new(crate::gc::FEW),
        }
    }

    #[inline(always)]
    fn small(&self, space: &Space, size: usize) -> *mut u8 {
        let class = size.div_ceil(GRAIN);
        let block = space.free[class].get();
        if !block.is_null() {
            // SAFETY: a block on the free list is at least 16 bytes and nobody else's.
            space.free[class].set(unsafe { Free::next(block) });
            poison::lift(block.cast(), class * GRAIN);
            return block.cast();
        }
        self.carve(space, class)
    }

    #[cold]
    #[inline(never)]
    fn carve(&self, space: &Space, class: usize) -> *mut u8 {
        let size = class * GRAIN;
        if let Some(block) = self.adopt(space, class) {
            return block;
        }
        let (mut at, mut end) = space.bump[class].get();
        if at + size > end {
            // Small blocks may overdraw the account by what is allocated until the next poll, which then raises MemoryError.
            if self.used() + PAGE > self.limit() {
                self.keep_none();
            }
            if self.used() + PAGE > self.limit() {
                thread::request(reason::MEMORY);
                if self.exhausted() && !self.lenient.get() {
                    return ptr::null_mut();
                }
            }
            self.ask_around();
            self.add(PAGE);
            let layout = page_layout();
            // SAFETY: the layout has a non-zero size.
            let page = unsafe { std::alloc::alloc(layout) };
            if page.is_null() {
                std::alloc::handle_alloc_error(layout);
            }
            poison::put(page, PAGE);
            self.common.add_page(space.kind.get(), page, size);
            at = page as usize;
            end = at + PAGE;
        }
        // The next few go to the free list at once, in the order of their addresses.
        let mut last = at + size;
        let batch = (BATCH / size).min((end - last) / size);
        if batch > 0 {
            last += batch * size;
            let mut next = ptr::null_mut();
            for i in (1..=batch).rev() {
                let block = (at + i * size) as *mut Free;
                // SAFETY: within the page, and nobody's yet.
                unsafe { Free::put(block, next) };
                next = block;
            }
            space.free[class].set(next);
        }
        space.bump[class].set((last, end));
        poison::lift(at as *mut u8, size);
        // SAFETY: the block is within the page and nobody else's. Until it holds an object it reads as free.
        unsafe { (at as *mut u64).write(0) };
        at as *mut u8
    }

    fn spaces(&self) -> [&Space; 3] {
        [&self.objects, &self.lasting, &self.raw]
    }

    /// Memory for an object of `size` bytes.
    #[inline(always)]
    pub fn alloc_object(&self, size: usize) -> Result<*mut u8, OutOfMemory> {
        let young = self.young.get() + 1;
        self.young.set(young);
        if young >= self.collect_at.get() {
            self.request_collection();
        }
        if size <= SMALL_MAX { granted(self.small(&self.objects, size)) } else { self.large(&self.objects, size) }
    }

    /// Asks for a collection once there are `young` new objects; `isize::MAX` for never.
    pub fn collect_at(&self, young: isize) {
        self.collect_at.set(young);
    }

    /// Asks once; the collector arms the heap again.
    #[cold]
    fn request_collection(&self) {
        self.collect_at.set(isize::MAX);
        thread::request(reason::GC);
    }

    /// Returns an object's memory.
    ///
    /// # Safety
    /// `at` came from `alloc_object(size)` of this heap and is dead.
    #[inline(always)]
    pub unsafe fn free_object(&self, at: *mut u8, size: usize) {
        self.young.set(self.young.get() - 1);
        // SAFETY: passed on.
        unsafe { self.free(&self.objects, at, size) }
    }

    /// Raw memory for a payload.
    #[inline(always)]
    pub fn alloc_raw(&self, size: usize) -> Result<*mut u8, OutOfMemory> {
        if size <= SMALL_MAX { granted(self.small(&self.raw, size.max(1))) } else { self.large(&self.raw, size) }
    }

    /// Returns raw memory.
    ///
    /// # Safety
    /// `at` came from `alloc_raw(size)` of this heap and is no longer used.
    #[inline(always)]
    pub unsafe fn free_raw(&self, at: *mut u8, size: usize) {
        // SAFETY: passed on.
        unsafe { self.free(&self.raw, at, size.max(1)) }
    }

    /// Grows or shrinks a raw block, keeping its contents up to the smaller size.
    ///
    /// # Safety
    /// `at` came from `alloc_raw(old)` of this heap; on success it is replaced by the returned block.
    pub unsafe fn realloc_raw(&self, at: *mut u8, old: usize, new: usize) -> Result<*mut u8, OutOfMemory> {
        if old > SMALL_MAX && new > SMALL_MAX {
            // SAFETY: passed on; a large block is preceded by its head.
            return unsafe { self.resize_large(&self.raw, at, new) };
        }
        if old.max(1).div_ceil(GRAIN) == new.max(1).div_ceil(GRAIN) && new <= SMALL_MAX {
            return Ok(at);
        }
        let block = self.alloc_raw(new)?;
        // SAFETY: both blocks are live, distinct and at least this long.
        unsafe { ptr::copy_nonoverlapping(at, block, old.min(new)) };
        // SAFETY: the old block's contents have moved.
        unsafe { self.free_raw(at, old) };
        Ok(block)
    }

    /// Grows an object's block, keeping its contents; large blocks get room to grow further.
    ///
    /// # Safety
    /// `at` came from `alloc_object(old)` of this heap, nobody else refers to it, and on success it is replaced by the
    /// returned block.
    pub unsafe fn grow_object(&self, at: *mut u8, old: usize, new: usize) -> Result<*mut u8, OutOfMemory> {
        if old > SMALL_MAX {
            // SAFETY: a large block is preceded by its head.
            let room = unsafe { (*at.cast::<Large>().sub(1)).size } - LARGE_HEAD;
            if new <= room {
                return Ok(at);
            }
            // SAFETY: passed on.
            return unsafe { self.resize_large(&self.objects, at, new.saturating_add(new / 8)) };
        }
        if old.div_ceil(GRAIN) == new.div_ceil(GRAIN) {
            return Ok(at);
        }
        let block = self.alloc_object(new)?;
        // SAFETY: both blocks are live, distinct and at least `old` long; the old one's contents have moved.
        unsafe {
            ptr::copy_nonoverlapping(at, block, old);
            self.free_object(at, old);
        }
        Ok(block)
    }

    #[inline(always)]
    unsafe fn free(&self, space: &Space, at: *mut u8, size: usize) {
        if size <= SMALL_MAX {
            self.lay_to_rest(space, size.div_ceil(GRAIN), at.cast());
        } else {
            // SAFETY: a large block is preceded by its head.
            unsafe { self.free_large(space, at) }
        }
    }
}

#[inline(always)]
fn granted(block: *mut u8) -> Result<*mut u8, OutOfMemory> {
    if block.is_null() { Err(OutOfMemory) } else { Ok(block) }
}

fn page_layout() -> Layout {
    // SAFETY: the size is a multiple of the alignment and small.
    unsafe { Layout::from_size_align_unchecked(PAGE, 4096) }
}

/// Allocates and initializes an object.
///
/// `init` writes the payload behind the header; see [`mod@crate::payload`] for the typed way.
///
/// # Safety
/// `init` must initialize everything after the header that the shape's type expects.
#[inline(always)]
pub unsafe fn new_object(
    t: &Thread,
    shape: ShapeId,
    size: usize,
    init: impl FnOnce(*mut u8),
) -> Result<Value, OutOfMemory> {
    let at = t.heap().alloc_object(size)?;
    // SAFETY: fresh memory of at least `size` bytes; the caller's `init` does the rest.
    unsafe {
        at.cast::<Header>().write(Header::new(shape, thread::tag()));
        init(at);
        Ok(Value::from_raw(at as u64))
    }
}

/// How deep deallocation may nest before objects wait on the trashcan.
pub(crate) const DEALLOC_DEPTH_MAX: u32 = 64;

/// Sees to the rest of a retain that was not trivial.
///
/// # Safety
/// `Value::clone_on` has just asked for it, on thread `t`; the object is alive.
#[cold]
pub unsafe fn retain_rest(t: &Thread, at: NonNull<Header>) {
    // SAFETY: passed on.
    t.retain_other(unsafe { at.as_ref() });
}

/// Takes back a reference that the quick part of a release has given up, unless the object is not this thread's: then
/// that part has done nothing yet.
///
/// # Safety
/// The quick part has just asked for the rest, which has not been done.
pub unsafe fn take_back(t: &Thread, at: *mut Header) -> bool {
    // SAFETY: the object is dead at most, and still in place.
    unsafe { (*at).owner() == t.own_tag() && (*at).rc().retain_fast(t.own_tag()) }
}

/// Sees to the rest of a release that was not trivial: most often the object dies.
///
/// # Safety
/// The caller has just given its reference up and was told to call this; it does not use the object again.
#[inline(never)]
pub unsafe fn release_rest(at: *mut Header) {
    // SAFETY: passed on; a dead object is nobody's.
    unsafe {
        if (*at).release_rest() {
            dealloc(at);
        }
    }
}

/// Destroys an object whose last reference is gone.
///
/// # Safety
/// The local count is zero and no other reference exists.
#[cold]
#[inline(never)]
pub unsafe fn dealloc(at: *mut Header) {
    let Some(t) = thread::current() else { return };
    if t.closing.get() {
        return;
    }
    // SAFETY: passed on from the caller.
    if unsafe { free_atom(t, at) } {
        return;
    }
    if t.dealloc_depth.get() >= DEALLOC_DEPTH_MAX {
        // SAFETY: the object stays dead and in place until the outermost dealloc empties the trashcan.
        let ending = unsafe { Ending::new(t, at) };
        t.trashcan.borrow_mut().push(ending);
        t.trash_waits.set(true);
        return;
    }
    let depth = t.dealloc_depth.get();
    t.dealloc_depth.set(depth + 1);
    // SAFETY: passed on from the caller.
    unsafe { destroy(t, at) };
    t.dealloc_depth.set(depth);
    if depth == 0 && t.trash_waits.get() {
        empty_trashcan(t);
    }
}

/// Frees an object of the core types whose ends concern nobody else: they hold no values, have no finalizers and no weak
/// references. Most objects that die are among them.
///
/// # Safety
/// The object is dead.
#[inline(always)]
unsafe fn free_atom(t: &Thread, at: *mut Header) -> bool {
    // SAFETY: an object of the shape has the type's layout; it is dead, and its size is what it was allocated with.
    unsafe {
        let size = match (*at).shape().0 {
            ids::STR => Str::size_of(at),
            ids::BYTES => Bytes::size_of(at),
            ids::FLOAT => size_of::<Float>(),
            ids::RANGE_ITER => size_of::<RangeIter>(),
            _ => return false,
        };
        t.heap().free_object(at.cast(), size);
    }
    true
}

/// A dead object whose end has to wait. The weak references that are to be called then are held until they have been: who
/// gives up both, the object first, is to hear of it whether or not the end comes at once.
pub(crate) struct Ending {
    pub(crate) at: *mut Header,
    _callers: Vec<Value>,
}

impl Ending {
    /// # Safety
    /// The object is dead, and stays in place until it is destroyed.
    unsafe fn new(t: &Thread, at: *mut Header) -> Self {
        // SAFETY: the caller's duty.
        let header = unsafe { &*at };
        header.set(flag::DYING);
        let heard = header.has(flag::WEAKREFS) && t.is_shared();
        Self { at, _callers: if heard { t.state::<Table>().callers(header) } else { Vec::new() } }
    }
}

/// Destroys what had to wait because destruction was nested too deeply.
#[cold]
#[inline(never)]
pub(crate) fn empty_trashcan(t: &Thread) {
    loop {
        let next = t.trashcan.borrow_mut().pop();
        let Some(next) = next else { break };
        t.dealloc_depth.set(1);
        // SAFETY: trashcan entries are dead objects, each entered once.
        unsafe { destroy(t, next.at) };
        drop(next);
        t.dealloc_depth.set(0);
    }
    t.trash_waits.set(false);
}

/// Finalizes, clears weak references, drops the payload and frees the memory.
#[inline(always)]
unsafe fn destroy(t: &Thread, at: *mut Header) {
    // SAFETY: the object is dead but intact until its payload is dropped below.
    let header = unsafe { &*at };
    if header.shape().0 == ids::TUPLE {
        // Of the exact type: no finalizer, no weak references, no class to let go of.
        // SAFETY: as in `free_atom`; the items are dropped once.
        unsafe {
            let size = Tuple::size_of(at);
            Tuple::drop_items(at);
            t.heap().free_object(at.cast(), size);
        }
        return;
    }
    if t.is_parallel() {
        // SAFETY: passed on.
        return unsafe { destroy_guarded(t, at) };
    }
    // SAFETY: passed on.
    unsafe {
        match header.shape().0 {
            ids::LIST if !header.has(flag::WEAKREFS) => destroy_plain::<List>(t, at),
            ids::DICT if !header.has(flag::WEAKREFS) => destroy_plain::<Dict>(t, at),
            _ => destroy_rest(t, at),
        }
    }
}

/// As [`destroy_rest`], for an object of a core type of fixed size without a finalizer, to which there is no weak reference.
///
/// # Safety
/// As there.
#[inline(always)]
unsafe fn destroy_plain<T: Payload>(t: &Thread, at: *mut Header) {
    debug_assert_eq!(T::ID, T::DEF.id);
    // SAFETY: nobody can reach the object any more; the type has this layout.
    unsafe {
        at.cast::<T>().drop_in_place();
        t.heap().free_object(at.cast(), size_of::<T>());
    }
}

/// The same while other threads run: in the middle of a native, or if the object's end is its own matter. Anywhere else
/// something may be in use that was loaded from a shared object, and the end may wait for the native lock or run code: it
/// comes later.
#[cold]
#[inline(never)]
unsafe fn destroy_guarded(t: &Thread, at: *mut Header) {
    // SAFETY: as in `destroy_rest`.
    let (header, ty) = unsafe { (&*at, (*at).shape().get().ty.as_ref()) };
    let finalizes = ty.has_finalizer() && !header.has(flag::FINALIZED);
    if t.native.get() || !finalizes && guarded::ends_quietly(ty, header) {
        // SAFETY: passed on.
        unsafe { destroy_rest(t, at) }
    } else {
        // SAFETY: the object is dead, and stays in place until its end has come.
        let ending = unsafe { Ending::new(t, at) };
        t.late.borrow_mut().push(ending);
        t.has_late.set(true);
        t.breaker.set(reason::GRACE);
    }
}

/// Destroys what could not be destroyed where it died. Between two instructions, or where a native polls.
#[cold]
#[inline(never)]
fn end_late(t: &Thread) {
    let was_in = t.enter_native();
    while t.has_late.replace(false) {
        let late = t.late.take();
        for ending in late {
            let depth = t.dealloc_depth.replace(1);
            // SAFETY: dead objects, each entered once.
            unsafe { destroy_rest(t, ending.at) };
            drop(ending);
            t.dealloc_depth.set(depth);
            if depth == 0 && t.trash_waits.get() {
                empty_trashcan(t);
            }
        }
    }
    t.leave_native(was_in);
}

impl Thread {
    /// Sees to the ends that could not come where they belong. Nothing is in use here that was loaded from a shared object.
    #[inline(always)]
    pub fn see_to_late_ends(&self) {
        if self.has_late.get() {
            end_late(self);
        }
    }
}

#[inline(always)]
unsafe fn destroy_rest(t: &Thread, at: *mut Header) {
    // SAFETY: as in `destroy`.
    let header = unsafe { &*at };
    // SAFETY: a shape's type outlives the objects of that shape: the object holds a reference to it.
    let finalizes = unsafe { header.shape().get().ty.as_ref() }.has_finalizer();
    if finalizes && !header.has(flag::FINALIZED) && !crate::finalize::run(t, header) {
        return;
    }
    if header.has(flag::WEAKREFS) {
        // A callback may look at anything but this object, which stays dead.
        crate::weakref::clear(t, header);
    }
    // The class that the object has now: a finalizer may have given it another.
    let shape = header.shape().get();
    // SAFETY: as above.
    let ty = unsafe { shape.ty.as_ref() };
    // SAFETY: nobody can reach the object any more; its size is what it was allocated with.
    unsafe {
        let size = ty.object_size(at);
        ty.drop_payload(at);
        t.heap().free_object(at.cast(), size);
    }
    if ty.is_heap_type() {
        // The instance's reference to its class.
        // SAFETY: creation of an instance of a heap type took this reference.
        drop(unsafe { Value::from_raw(ptr::from_ref(ty) as u64) });
    }
}
