//! The audit: what an isolate's memory consists of, and whether its free blocks are free.
//!
//! For the verifier, while no thread of the isolate runs.

use super::common::{Kind, Pool};
use super::{CLASSES, Carved, Free, GRAIN, Heap, LARGE_HEAD, PAGE, poison};
use crate::isolate::Isolate;
use rustc_hash::{FxHashMap, FxHashSet};

/// What an address of the heap's is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Place {
    /// A block of so many bytes that is in use.
    Used(usize),
    /// A block on a list of free ones.
    Free,
    /// The middle of something.
    Inside,
    /// Not in a page of objects, nor a large object.
    Elsewhere,
}

/// Where an isolate's objects can be.
pub(crate) struct Audit {
    objects: Pages,
    raw: Pages,
    large: FxHashMap<usize, usize>,
}

/// The pages of objects or of payloads.
#[derive(Default)]
struct Pages {
    /// By their address: the size of their blocks, and where they are carved up to.
    all: FxHashMap<usize, (usize, usize)>,
    free: FxHashSet<usize>,
}

impl Audit {
    /// Looks at the memory of `isolate`.
    ///
    /// # Safety
    /// No thread of the isolate runs but the calling one, which allocates nothing meanwhile.
    ///
    /// # Errors
    /// What is wrong with a list of free blocks.
    pub(crate) unsafe fn of(isolate: &Isolate) -> Result<Self, String> {
        let memory = &isolate.memory;
        let mut carved = Carved::default();
        // SAFETY: the caller's duty; noting runs nothing.
        unsafe { isolate.each_thread(|t| t.heap().note_all_carved(&mut carved)) };
        let pool = |kind| memory.pool(kind);
        let mut out = Self {
            objects: Pages::of(&[pool(Kind::Objects), pool(Kind::Lasting)], &carved),
            raw: Pages::of(&[pool(Kind::Raw)], &carved),
            large: FxHashMap::default(),
        };
        for mut large in pool(Kind::Objects).large.firsts() {
            while !large.is_null() {
                // SAFETY: list members are live heads followed by their block.
                unsafe {
                    out.large.insert(large.add(1) as usize, (*large).size - LARGE_HEAD);
                    large = (*large).next;
                }
            }
        }
        let mut lists = Vec::new();
        // SAFETY: as above.
        unsafe { isolate.each_thread(|t| t.heap().free_lists(&mut lists)) };
        for (kind, class, list) in lists {
            // SAFETY: the list is a thread's, none of which runs.
            unsafe { out.pages(kind).note_free(class, list)? };
        }
        for kind in [Kind::Objects, Kind::Lasting, Kind::Raw] {
            for &(class, list) in &*pool(kind).spare.lock() {
                // SAFETY: a list that nobody has taken.
                unsafe { out.pages(kind).note_free(class, list)? };
            }
        }
        Ok(out)
    }

    fn pages(&mut self, kind: Kind) -> &mut Pages {
        match kind {
            Kind::Objects | Kind::Lasting => &mut self.objects,
            Kind::Raw => &mut self.raw,
        }
    }

    /// What lies at an address where an object is said to be.
    pub(crate) fn place(&self, at: usize) -> Place {
        if let Some(&size) = self.large.get(&at) {
            return Place::Used(size);
        }
        self.objects.place(at)
    }

    /// A block of objects that is neither in use nor on any list: by a word of zero it says that it is free. Its size in bytes, and
    /// its first words, which tell what became of it.
    pub(crate) fn lost(&self) -> Option<(usize, usize, [u64; 4])> {
        let (at, size) = self.objects.all.iter().find_map(|(&page, &(size, end))| {
            let blocks = (page..).step_by(size).take_while(|at| at + size <= end);
            // SAFETY: a block of a page that is there and carved so far.
            let is_zero = |at: usize| unsafe { *(at as *const u64) } == 0;
            let mut lost = blocks.filter(|at| !self.objects.free.contains(at) && !poison::is_on(*at));
            Some((lost.find(|&at| is_zero(at))?, size))
        })?;
        let mut words = [0; 4];
        for (i, word) in words.iter_mut().take(size / 8).enumerate() {
            // SAFETY: within the block.
            *word = unsafe { *(at as *const u64).add(i) };
        }
        Some((at, size, words))
    }
}

impl Pages {
    fn of(pools: &[&Pool], carved: &Carved) -> Self {
        let mut out = Self::default();
        for pool in pools {
            for &(page, size) in &*pool.pages.lock() {
                let end = page as usize + PAGE;
                out.all.insert(page as usize, (size as usize, carved.get(&end).copied().unwrap_or(end)));
            }
        }
        out
    }

    /// Whether a block of `size` bytes begins at `at`.
    fn block(&self, at: usize) -> Option<usize> {
        // A page is aligned to a smaller power of two than it is long.
        let page =
            (0..PAGE / 4096).map(|i| (at & !4095).wrapping_sub(i * 4096)).find(|page| self.all.contains_key(page));
        let &(size, end) = self.all.get(&page?)?;
        Some(if (at - page?).is_multiple_of(size) && at + size <= end { size } else { 0 })
    }

    fn place(&self, at: usize) -> Place {
        match self.block(at) {
            None => Place::Elsewhere,
            Some(0) => Place::Inside,
            Some(_) if self.free.contains(&at) || poison::is_on(at) => Place::Free,
            Some(size) => Place::Used(size),
        }
    }

    /// Follows a list of free blocks.
    ///
    /// # Safety
    /// Nobody changes the list meanwhile.
    unsafe fn note_free(&mut self, class: usize, list: *mut Free) -> Result<(), String> {
        let mut block = list;
        while !block.is_null() {
            let at = block as usize;
            if self.block(at) != Some(class * GRAIN) {
                return Err(format!("the free list of blocks of {} bytes has {at:#x}, which is none", class * GRAIN));
            }
            if !self.free.insert(at) {
                return Err(format!("{at:#x} has been freed twice ({} bytes)", class * GRAIN));
            }
            // SAFETY: a block of a page, as has just been seen; the caller's duty for the rest.
            let Free { zero, next } = unsafe { Free::read(block) };
            if zero != 0 {
                return Err(format!("{at:#x} was written to after it had been freed ({} bytes)", class * GRAIN));
            }
            block = next;
        }
        Ok(())
    }
}

impl Heap {
    /// Every list of free blocks.
    fn free_lists(&self, out: &mut Vec<(Kind, usize, *mut Free)>) {
        for space in self.spaces() {
            out.extend((1..CLASSES).map(|class| (space.kind.get(), class, space.free[class].get())));
        }
    }

    /// As `note_carved`, of all spaces.
    fn note_all_carved(&self, carved: &mut Carved) {
        self.note_carved(carved);
        carved.extend(self.raw.carving());
    }
}
