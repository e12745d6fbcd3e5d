//! The isolate's heap: size classes over pages, large blocks on their own, every byte charged to the isolate's account.
//!
//! Objects and raw payloads (list arrays, dict tables) live in separate pages, so that the collector can walk all objects
//! page by page without any list through the headers. A free block's first word is zero, and so is the first word of a
//! block never used: a live object's local count and shape are never both zero. Pages and large blocks come from the
//! global allocator (mimalloc); closing an isolate returns pages, whatever number of objects they hold.

use crate::breaker::reason;
use crate::header::{Header, flag};
use crate::shape::ShapeId;
use crate::thread::{self, Thread};
use crate::value::Value;
use std::alloc::Layout;
use std::cell::{Cell, RefCell};
use std::ptr;

const PAGE: usize = 16 * 1024;
const GRAIN: usize = 16;
/// About how many bytes are carved at once.
const BATCH: usize = 1024;
/// Largest block served from a page.
pub const SMALL_MAX: usize = 1024;
const CLASSES: usize = SMALL_MAX / GRAIN + 1;

/// One isolate's memory.
pub struct Heap {
    objects: Space,
    raw: Space,
    /// Bytes taken from the system.
    charged: Cell<usize>,
    /// Most bytes ever charged.
    peak: Cell<usize>,
    limit: Cell<usize>,
    /// Tracked objects allocated since the last collection, minus freed ones.
    pub young: Cell<isize>,
    /// How many young objects make the heap ask for a collection.
    collect_at: Cell<isize>,
}

struct Space {
    free: [Cell<*mut Free>; CLASSES],
    /// The page being carved, per class: next unused byte and end.
    bump: [Cell<(usize, usize)>; CLASSES],
    pages: RefCell<Vec<(*mut u8, u32)>>,
    large: Cell<*mut Large>,
}

struct Free {
    /// Tells a free block from a live object, whose first word is not zero.
    #[expect(dead_code, reason = "read by `walk` as a raw word")]
    zero: u64,
    next: *mut Free,
}

/// Precedes a large block.
#[repr(C, align(16))]
struct Large {
    prev: *mut Large,
    next: *mut Large,
    size: usize,
}
const LARGE_HEAD: usize = size_of::<Large>();

/// The account is exhausted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfMemory;

impl Space {
    fn new() -> Self {
        Self {
            free: [const { Cell::new(ptr::null_mut()) }; CLASSES],
            bump: [const { Cell::new((0, 0)) }; CLASSES],
            pages: RefCell::new(Vec::new()),
            large: Cell::new(ptr::null_mut()),
        }
    }
}

impl Heap {
    /// An empty heap that may take `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self {
            objects: Space::new(),
            raw: Space::new(),
            charged: Cell::new(0),
            peak: Cell::new(0),
            limit: Cell::new(limit),
            young: Cell::new(0),
            collect_at: Cell::new(2000),
        }
    }

    /// Bytes charged now.
    pub fn used(&self) -> usize {
        self.charged.get()
    }

    /// Most bytes ever charged.
    pub fn peak(&self) -> usize {
        self.peak.get()
    }

    /// The limit.
    pub fn limit(&self) -> usize {
        self.limit.get()
    }

    /// Changes the limit.
    pub fn set_limit(&self, limit: usize) {
        self.limit.set(limit);
    }

    /// Whether a block of `size` bytes more would fit.
    #[inline]
    pub fn check(&self, size: usize) -> Result<(), OutOfMemory> {
        if size > isize::MAX as usize / 2 || self.charged.get().saturating_add(size) > self.limit.get() {
            Err(OutOfMemory)
        } else {
            Ok(())
        }
    }

    /// Charges memory held outside the heap (a native library's buffers, big integers).
    pub fn charge(&self, size: usize) -> Result<(), OutOfMemory> {
        self.check(size)?;
        self.add(size);
        Ok(())
    }

    /// Gives a charge back.
    pub fn uncharge(&self, size: usize) {
        self.charged.set(self.charged.get().saturating_sub(size));
    }

    fn add(&self, size: usize) {
        let now = self.charged.get() + size;
        self.charged.set(now);
        if now > self.peak.get() {
            self.peak.set(now);
        }
    }

    #[inline(always)]
    fn small(&self, space: &Space, size: usize) -> *mut u8 {
        let class = size.div_ceil(GRAIN);
        let block = space.free[class].get();
        if !block.is_null() {
            // SAFETY: a block on the free list is at least 16 bytes and nobody else's.
            space.free[class].set(unsafe { (*block).next });
            return block.cast();
        }
        self.carve(space, class)
    }

    #[cold]
    #[inline(never)]
    fn carve(&self, space: &Space, class: usize) -> *mut u8 {
        let size = class * GRAIN;
        let (mut at, mut end) = space.bump[class].get();
        if at + size > end {
            // Small blocks may overdraw the account by what is allocated until the next poll, which then raises MemoryError.
            if self.charged.get() + PAGE > self.limit.get() {
                thread::request(reason::MEMORY);
            }
            self.add(PAGE);
            let layout = page_layout();
            // SAFETY: the layout has a non-zero size. Zeroed, so that a block never used reads as free.
            let page = unsafe { std::alloc::alloc_zeroed(layout) };
            if page.is_null() {
                std::alloc::handle_alloc_error(layout);
            }
            space.pages.borrow_mut().push((page, size as u32));
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
                unsafe { block.write(Free { zero: 0, next }) };
                next = block;
            }
            space.free[class].set(next);
        }
        space.bump[class].set((last, end));
        at as *mut u8
    }

    /// Memory for an object of `size` bytes; large ones may be refused.
    #[inline(always)]
    pub fn alloc_object(&self, size: usize) -> Result<*mut u8, OutOfMemory> {
        let young = self.young.get() + 1;
        self.young.set(young);
        if young >= self.collect_at.get() {
            self.request_collection();
        }
        if size <= SMALL_MAX { Ok(self.small(&self.objects, size)) } else { self.large(&self.objects, size) }
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
        if size <= SMALL_MAX { Ok(self.small(&self.raw, size.max(1))) } else { self.large(&self.raw, size) }
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
            let class = size.div_ceil(GRAIN);
            let block = at.cast::<Free>();
            // SAFETY: the caller's block is dead and at least 16 bytes long.
            unsafe { block.write(Free { zero: 0, next: space.free[class].get() }) };
            space.free[class].set(block);
        } else {
            // SAFETY: a large block is preceded by its head.
            unsafe { self.free_large(space, at) }
        }
    }

    #[cold]
    fn large(&self, space: &Space, size: usize) -> Result<*mut u8, OutOfMemory> {
        let total = size.checked_add(LARGE_HEAD).ok_or(OutOfMemory)?;
        self.check(total)?;
        let layout = Layout::from_size_align(total, 16).map_err(|_| OutOfMemory)?;
        // SAFETY: the layout has a non-zero size.
        let head = unsafe { std::alloc::alloc(layout) }.cast::<Large>();
        if head.is_null() {
            return Err(OutOfMemory);
        }
        self.add(total);
        let next = space.large.get();
        // SAFETY: freshly allocated and long enough for the head and the first word of the block.
        unsafe {
            head.write(Large { prev: ptr::null_mut(), next, size: total });
            head.add(1).cast::<u64>().write(0);
        }
        if !next.is_null() {
            // SAFETY: list members are live heads.
            unsafe { (*next).prev = head };
        }
        space.large.set(head);
        // SAFETY: the block follows its head.
        Ok(unsafe { head.add(1) }.cast())
    }

    unsafe fn resize_large(&self, space: &Space, at: *mut u8, size: usize) -> Result<*mut u8, OutOfMemory> {
        let total = size.checked_add(LARGE_HEAD).ok_or(OutOfMemory)?;
        // SAFETY: the caller's block is large, so its head precedes it.
        let head = unsafe { at.cast::<Large>().sub(1) };
        // SAFETY: as above.
        let old = unsafe { (*head).size };
        if total > old {
            self.check(total - old)?;
        }
        let layout = Layout::from_size_align(old, 16).map_err(|_| OutOfMemory)?;
        // SAFETY: the block was allocated with this layout; the new size is checked above.
        let moved = unsafe { std::alloc::realloc(head.cast(), layout, total) }.cast::<Large>();
        if moved.is_null() {
            return Err(OutOfMemory);
        }
        self.uncharge(old);
        self.add(total);
        // SAFETY: the head moved along; its neighbours are live heads of the same list.
        unsafe {
            (*moved).size = total;
            if (*moved).prev.is_null() {
                space.large.set(moved);
            } else {
                (*(*moved).prev).next = moved;
            }
            if !(*moved).next.is_null() {
                (*(*moved).next).prev = moved;
            }
            Ok(moved.add(1).cast())
        }
    }

    #[cold]
    unsafe fn free_large(&self, space: &Space, at: *mut u8) {
        // SAFETY: the caller's block is large, so its head precedes it, and its neighbours are live heads.
        unsafe {
            let head = at.cast::<Large>().sub(1);
            let Large { prev, next, size } = head.read();
            if prev.is_null() {
                space.large.set(next);
            } else {
                (*prev).next = next;
            }
            if !next.is_null() {
                (*next).prev = prev;
            }
            self.uncharge(size);
            std::alloc::dealloc(head.cast(), Layout::from_size_align_unchecked(size, 16));
        }
    }

    /// Calls `f` with every live object. The heap must not change meanwhile, except that `f` may change headers.
    pub fn walk(&self, f: &mut dyn FnMut(&Header)) {
        let pages = self.objects.pages.borrow();
        for &(page, size) in pages.iter() {
            let mut at = page as usize;
            let end = at + PAGE;
            while at + size as usize <= end {
                // SAFETY: a page is carved into blocks of `size`; a block's first word is zero unless it holds an object.
                unsafe {
                    if *(at as *const u64) != 0 {
                        f(&*(at as *const Header));
                    }
                }
                at += size as usize;
            }
        }
        let mut large = self.objects.large.get();
        while !large.is_null() {
            // SAFETY: list members are live heads followed by their block.
            unsafe {
                let block = large.add(1);
                if *block.cast::<u64>() != 0 {
                    f(&*block.cast::<Header>());
                }
                large = (*large).next;
            }
        }
    }
}

impl Drop for Heap {
    fn drop(&mut self) {
        for space in [&self.objects, &self.raw] {
            for (page, _) in space.pages.take() {
                // SAFETY: pages were allocated with this layout; the isolate is closed, nobody uses its objects.
                unsafe { std::alloc::dealloc(page, page_layout()) };
            }
            let mut large = space.large.get();
            while !large.is_null() {
                // SAFETY: list members were allocated with this layout and are freed once.
                unsafe {
                    let Large { next, size, .. } = large.read();
                    std::alloc::dealloc(large.cast(), Layout::from_size_align_unchecked(size, 16));
                    large = next;
                }
            }
        }
    }
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
const DEALLOC_DEPTH_MAX: u32 = 64;

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
    if t.dealloc_depth.get() >= DEALLOC_DEPTH_MAX {
        // SAFETY: the object stays dead and in place until the outermost dealloc empties the trashcan.
        unsafe { (*at).set(flag::DYING) };
        t.trashcan.borrow_mut().push(at);
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

/// Destroys what had to wait because destruction was nested too deeply.
#[cold]
#[inline(never)]
fn empty_trashcan(t: &Thread) {
    loop {
        let next = t.trashcan.borrow_mut().pop();
        let Some(next) = next else { break };
        t.dealloc_depth.set(1);
        // SAFETY: trashcan entries are dead objects, each entered once.
        unsafe { destroy(t, next) };
        t.dealloc_depth.set(0);
    }
    t.trash_waits.set(false);
}

/// Finalizes, clears weak references, drops the payload and frees the memory.
#[inline(always)]
unsafe fn destroy(t: &Thread, at: *mut Header) {
    // SAFETY: the object is dead but intact until its payload is dropped below.
    let header = unsafe { &*at };
    let shape = header.shape().get();
    // SAFETY: a shape's type outlives the objects of that shape: the object holds a reference to it.
    let ty = unsafe { shape.ty.as_ref() };
    if ty.has_finalizer() && !header.has(flag::FINALIZED) && !crate::finalize::run(t, header) {
        return;
    }
    if header.has(flag::WEAKREFS) {
        // A callback may look at anything but this object, which stays dead.
        crate::weakref::clear(t, header);
    }
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
