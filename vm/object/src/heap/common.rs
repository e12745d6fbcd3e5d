//! What the heaps of an isolate's threads have in common: pages, large blocks, spare blocks, the account.

use super::account::Account;
use super::large::Larges;
use super::{CLASSES, Free, GRAIN, Heap, PAGE, Space, page_layout, poison};
use crate::breaker::reason;
use crate::header::Header;
use crate::thread;
use rustc_hash::FxHashMap;
use std::ptr;
use std::sync::Arc;
use typhon_qsbr::Tally;
use typhon_qsbr::sync::Mutex;

/// What a space holds.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Objects,
    /// Objects that are made apart.
    Lasting,
    Raw,
}

/// One isolate's memory, but for what its threads have at hand.
pub(crate) struct Common {
    pub(super) account: Account,
    objects: Pool,
    lasting: Pool,
    raw: Pool,
    /// Pages ever taken.
    pages: Tally,
}

/// After how many new pages the other threads are asked for what they have to spare.
const ASK_EVERY: u64 = 32;

/// Where the pages end that are being carved: behind it, they hold nothing yet. By the page's end.
pub(crate) type Carved = FxHashMap<usize, usize>;

pub(super) struct Pool {
    /// Pages, and the size of the blocks on each.
    pub(super) pages: Mutex<Vec<(*mut u8, u32)>>,
    pub(super) large: Larges,
    /// Lists of free blocks that threads could spare, by their class.
    pub(super) spare: Mutex<Vec<(usize, *mut Free)>>,
    /// How many lists, to look at without the lock.
    spares: Tally,
}

// SAFETY: memory that nobody uses is not bound to a thread, and every list of it is under a lock.
unsafe impl Sync for Pool {}
// SAFETY: as above.
unsafe impl Send for Pool {}

impl Common {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let [objects, lasting, raw] = [(); 3].map(|()| Pool::new());
        Arc::new(Self { account: Account::new(limit), objects, lasting, raw, pages: Tally::new() })
    }

    /// Bytes in use, as far as threads have told.
    pub(super) fn used(&self) -> usize {
        self.account.used(0)
    }

    pub(super) fn pool(&self, kind: Kind) -> &Pool {
        match kind {
            Kind::Objects => &self.objects,
            Kind::Lasting => &self.lasting,
            Kind::Raw => &self.raw,
        }
    }

    /// The large blocks. Objects have theirs together: a block is freed to the space where it would be made then.
    pub(super) fn large(&self, kind: Kind) -> &Larges {
        let kind = if kind == Kind::Lasting { Kind::Objects } else { kind };
        &self.pool(kind).large
    }

    pub(super) fn add_page(&self, kind: Kind, page: *mut u8, size: usize) {
        self.pool(kind).pages.lock().push((page, size as u32));
    }

    /// Calls `f` with every live object, until the isolate is stopped. No heap may change meanwhile, except that `f` may
    /// change headers.
    pub(crate) fn walk(&self, carved: &Carved, f: &mut dyn FnMut(&Header)) {
        // Copied, so that nothing is locked while `f` runs.
        let mut pages = self.objects.pages.lock().clone();
        pages.extend_from_slice(&self.lasting.pages.lock());
        for (page, size) in pages {
            if thread::stopping() {
                return;
            }
            let mut at = page as usize;
            let end = carved.get(&(at + PAGE)).copied().unwrap_or(at + PAGE);
            while at + size as usize <= end {
                // SAFETY: a page is carved into blocks of `size`; a block's first word is zero unless it holds an object.
                unsafe {
                    if !poison::is_on(at) && *(at as *const u64) != 0 {
                        f(&*(at as *const Header));
                    }
                }
                at += size as usize;
            }
        }
        for mut large in self.objects.large.firsts() {
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
}

impl Drop for Common {
    fn drop(&mut self) {
        for pool in [&self.objects, &self.lasting, &self.raw] {
            for (page, _) in std::mem::take(&mut *pool.pages.lock()) {
                // SAFETY: pages were allocated with this layout; the isolate is closed, nobody uses its objects.
                unsafe { std::alloc::dealloc(page, page_layout()) };
            }
            // SAFETY: the isolate is closed, nobody uses its objects.
            unsafe { pool.large.release() };
        }
    }
}

impl Pool {
    fn new() -> Self {
        Self {
            pages: Mutex::new(Vec::new()),
            large: Larges::new(),
            spare: Mutex::new(Vec::new()),
            spares: Tally::new(),
        }
    }

    fn put(&self, class: usize, list: *mut Free) {
        if !list.is_null() {
            self.spare.lock().push((class, list));
            self.spares.add(1);
        }
    }

    fn take(&self, class: usize) -> Option<*mut Free> {
        let mut spare = self.spare.lock();
        let at = spare.iter().position(|(of, _)| *of == class)?;
        self.spares.sub(1);
        Some(spare.swap_remove(at).1)
    }
}

impl Heap {
    /// A block of the class, from a list that some thread could spare; the rest of the list is this thread's.
    pub(super) fn adopt(&self, space: &Space, class: usize) -> Option<*mut u8> {
        let pool = self.common.pool(space.kind.get());
        if pool.spares.get() == 0 {
            return None;
        }
        let block = pool.take(class)?;
        // SAFETY: a free block, on this thread's list from here on.
        space.free[class].set(unsafe { Free::next(block) });
        poison::lift(block.cast(), class * GRAIN);
        Some(block.cast())
    }

    /// Takes everything that threads have spared.
    pub(super) fn adopt_all(&self, space: &Space) {
        let pool = self.common.pool(space.kind.get());
        if pool.spares.get() == 0 {
            return;
        }
        let lists = std::mem::take(&mut *pool.spare.lock());
        pool.spares.sub(lists.len() as u64);
        for (class, list) in lists {
            let mut last = list;
            // SAFETY: members of a free list are free blocks, now this thread's.
            unsafe {
                while let next = Free::next(last)
                    && !next.is_null()
                {
                    last = next;
                }
                Free::put(last, space.free[class].get());
            }
            space.free[class].set(list);
        }
    }

    /// Leaves the free blocks to whoever needs some.
    pub fn spare(&self) {
        for space in self.spaces() {
            for class in 1..CLASSES {
                self.common.pool(space.kind.get()).put(class, space.free[class].replace(ptr::null_mut()));
            }
        }
    }

    /// The thread ends: leaves everything to the others.
    pub(crate) fn hand_over(&self) {
        self.wake_all();
        self.keep_none();
        for space in self.spaces() {
            for class in 1..CLASSES {
                let (mut at, end) = space.bump[class].replace((0, 0));
                while at + class * GRAIN <= end && at != 0 {
                    let block = at as *mut Free;
                    // SAFETY: within the page and nobody's yet.
                    unsafe { Free::put(block, space.free[class].get()) };
                    space.free[class].set(block);
                    at += class * GRAIN;
                }
            }
        }
        self.spare();
        self.tell();
    }

    /// Whether there are free blocks that nobody else can find.
    pub fn has_free(&self) -> bool {
        self.spaces().iter().any(|space| space.free.iter().any(|list| !list.get().is_null()))
    }

    /// Notes where the pages end that this thread carves objects from.
    pub(crate) fn note_carved(&self, carved: &mut Carved) {
        carved.extend(self.objects.carving().chain(self.lasting.carving()));
    }

    /// Another page is needed: others of the isolate may have enough free blocks.
    pub(super) fn ask_around(&self) {
        if self.common.pages.add(1).is_multiple_of(ASK_EVERY)
            && let Some(t) = thread::current()
        {
            t.isolate().ask_others(t, reason::SPARE);
        }
    }
}
