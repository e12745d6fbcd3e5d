//! Code memory: machine code is written at one address and run at another.
//!
//! A chunk is one memory file that is mapped twice, writable and executable, so nothing is ever both at one address and
//! placing code needs no change of protection. A piece of code is freed by dropping its [`Block`], when nobody runs it any
//! more: executors see to that (they are retired through the process's grace periods).
//!
//! Where the system gives no such files, as it does to a process that is confined, each piece has pages of its own, which are written
//! first and run from then on.
//!
//! A process that is copied shares its memory files with the copy, and each of the two runs the code in them for as long as it
//! likes. So a chunk is written to only until the next copy is made, by neither of them afterwards.

use rustix::fs::{MemfdFlags, ftruncate, memfd_create};
use rustix::io::Errno;
use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap, mmap_anonymous, mprotect, munmap};
use std::collections::BTreeMap;
use std::ptr::{NonNull, null_mut};
use std::sync::{Arc, OnceLock};
use typhon_object::crossing::Crossing;
use typhon_qsbr::Tally;
use typhon_qsbr::sync::Mutex;

/// Bytes of a chunk.
const CHUNK: usize = 1 << 20;
/// Code begins at multiples of this.
const ALIGN: usize = 16;
/// What freed code is overwritten with: a breakpoint, so that running it is noticed at once.
const TRAP: u8 = 0xcc;

/// How often this process or one that it is a copy of has been copied, or was about to be.
static COPIES: Tally = Tally::new();
/// Of how many processes this one is the copy of a copy.
static DESCENT: Tally = Tally::new();

/// Why code found no place.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum NoRoom {
    /// The budget is used up.
    #[error("code memory is used up: {used} of {budget} bytes")]
    Budget {
        /// Bytes in use.
        used: usize,
        /// Bytes that may be.
        budget: usize,
    },
    /// The system gives no memory that can be run, or not so much.
    #[error("no memory for code: {0}")]
    System(#[from] Errno),
}

/// Memory for machine code.
pub struct Arena {
    budget: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    used: usize,
    chunks: Vec<Chunk>,
}

struct Chunk {
    /// Nothing if it is one piece's pages, which nobody writes to any more.
    write: Option<NonNull<u8>>,
    run: NonNull<u8>,
    len: usize,
    /// Free ranges: lengths by offset. Neighbours are one range.
    free: BTreeMap<usize, usize>,
    /// How often the process had been copied when it was made.
    copies: u64,
}

// SAFETY: a chunk's pointers are its own mappings, which any thread may write to and unmap.
unsafe impl Send for Chunk {}

/// A piece of code. Dropping it frees the memory.
pub struct Block {
    arena: Arc<Arena>,
    at: NonNull<u8>,
    len: usize,
}

// SAFETY: the memory is the block's alone, and it is only read until the block is dropped, by one thread.
unsafe impl Send for Block {}
// SAFETY: as above: shared blocks are read and run only.
unsafe impl Sync for Block {}

impl Arena {
    /// Memory for at most `budget` bytes of code.
    pub fn new(budget: usize) -> Arc<Self> {
        // Code that is copied unnoticed might be changed under whoever runs it.
        let budget = if watch_copies() { budget } else { 0 };
        Arc::new(Self { budget, inner: Mutex::new(Inner::default()) })
    }

    /// Places code, which may be anywhere.
    pub fn place(self: &Arc<Self>, code: &[u8]) -> Result<Block, NoRoom> {
        let len = code.len().next_multiple_of(ALIGN).max(ALIGN);
        let _crossing = Crossing::begin();
        let mut inner = self.inner.lock();
        if inner.used + len > self.budget {
            return Err(NoRoom::Budget { used: inner.used, budget: self.budget });
        }
        let at = match inner.chunks.iter_mut().find_map(|chunk| chunk.place(code, len)) {
            Some(at) => at,
            None => {
                let (chunk, at) = match Chunk::map(len.next_multiple_of(CHUNK)) {
                    Ok(mut chunk) => {
                        let at = chunk.place(code, len);
                        (chunk, at.ok_or(NoRoom::Budget { used: inner.used, budget: self.budget })?)
                    }
                    Err(Errno::PERM | Errno::NOSYS | Errno::ACCESS) => Chunk::of(code, len)?,
                    Err(e) => return Err(e.into()),
                };
                inner.chunks.push(chunk);
                at
            }
        };
        inner.used += len;
        Ok(Block { arena: self.clone(), at, len })
    }

    /// Bytes in use.
    pub fn used(&self) -> usize {
        self.inner.lock().used
    }
}

impl Chunk {
    fn map(len: usize) -> Result<Self, Errno> {
        let file = memfd_create("typhon-code", MemfdFlags::CLOEXEC)?;
        ftruncate(&file, len as u64)?;
        let map = |prot| {
            // SAFETY: a new mapping at an address of the system's choice touches nobody's memory.
            unsafe { mmap(null_mut(), len, prot, MapFlags::SHARED, &file, 0) }
        };
        let write = NonNull::new(map(ProtFlags::READ | ProtFlags::WRITE)?.cast::<u8>()).ok_or(Errno::NOMEM)?;
        let run = map(ProtFlags::READ | ProtFlags::EXEC).and_then(|p| NonNull::new(p.cast::<u8>()).ok_or(Errno::NOMEM));
        match run {
            Ok(run) => {
                Ok(Self { write: Some(write), run, len, free: BTreeMap::from([(0, len)]), copies: COPIES.get() })
            }
            Err(e) => {
                // SAFETY: the mapping was made above and nobody else has seen it.
                unsafe { munmap(write.as_ptr().cast(), len)? };
                Err(e)
            }
        }
    }

    /// One piece's own pages, and where it lies.
    fn of(code: &[u8], len: usize) -> Result<(Self, NonNull<u8>), Errno> {
        // SAFETY: a new mapping at an address of the system's choice touches nobody's memory.
        let at = unsafe { mmap_anonymous(null_mut(), len, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)? };
        let run = NonNull::new(at.cast::<u8>()).ok_or(Errno::NOMEM)?;
        let chunk = Self { write: None, run, len, free: BTreeMap::new(), copies: COPIES.get() };
        // SAFETY: the mapping is new, is as long as the code at least, and nobody runs it before it can be run.
        unsafe {
            run.copy_from_nonoverlapping(NonNull::from(code).cast(), code.len());
            mprotect(at, len, MprotectFlags::READ | MprotectFlags::EXEC)?;
        }
        Ok((chunk, run))
    }

    /// Whether nobody else runs what is in it.
    fn is_own(&self) -> bool {
        self.copies == COPIES.get()
    }

    fn place(&mut self, code: &[u8], len: usize) -> Option<NonNull<u8>> {
        let write = self.write.filter(|_| self.is_own())?;
        let (offset, room) = self.free.iter().find(|(_, room)| **room >= len).map(|(o, r)| (*o, *r))?;
        self.free.remove(&offset);
        if room > len {
            self.free.insert(offset + len, room - len);
        }
        // SAFETY: the range lies inside the mapping and was free, so nobody reads or runs it; the code is not longer.
        unsafe {
            write.add(offset).copy_from_nonoverlapping(NonNull::from(code).cast(), code.len());
            Some(self.run.add(offset))
        }
    }

    /// The offset of an address of this chunk.
    fn offset(&self, at: NonNull<u8>) -> Option<usize> {
        at.addr().get().checked_sub(self.run.addr().get()).filter(|offset| *offset < self.len)
    }

    fn free(&mut self, mut offset: usize, mut len: usize) {
        if let Some(write) = self.write.filter(|_| self.is_own()) {
            // SAFETY: the range is a block's that is being dropped: it lies inside the mapping, and nobody runs it.
            unsafe { write.add(offset).write_bytes(TRAP, len) };
        }
        if let Some((before, room)) = self.free.range(..offset).next_back().map(|(o, r)| (*o, *r))
            && before + room == offset
        {
            self.free.remove(&before);
            (offset, len) = (before, len + room);
        }
        if let Some(room) = self.free.remove(&(offset + len)) {
            len += room;
        }
        self.free.insert(offset, len);
    }
}

/// Which of the processes this is that were copied from each other: whoever finds another number than before is in a copy.
pub fn descent() -> u64 {
    DESCENT.get()
}

/// Has copies of the process counted; whether they are.
fn watch_copies() -> bool {
    extern "C" fn before() {
        COPIES.add(1);
    }
    extern "C" fn in_copy() {
        DESCENT.add(1);
    }
    static WATCHED: OnceLock<bool> = OnceLock::new();
    // SAFETY: the handlers only count, which may be done wherever a process is copied.
    *WATCHED.get_or_init(|| unsafe { libc::pthread_atfork(Some(before), None, Some(in_copy)) == 0 })
}

impl Drop for Chunk {
    fn drop(&mut self) {
        for view in self.write.into_iter().chain([self.run]) {
            // SAFETY: all mappings are the chunk's own, and every block in it is gone: blocks keep the arena alive.
            let unmapped = unsafe { munmap(view.as_ptr().cast(), self.len) };
            debug_assert!(unmapped.is_ok(), "the mapping was made with this length");
        }
    }
}

impl Block {
    /// Where the code begins.
    pub fn start(&self) -> *const u8 {
        self.at.as_ptr()
    }

    /// The code's bytes.
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the block's range is mapped readable and does not change while it lives.
        unsafe { std::slice::from_raw_parts(self.at.as_ptr(), self.len) }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // A copy of the process has the lock as it is now.
        let _crossing = Crossing::begin();
        let mut inner = self.arena.inner.lock();
        inner.used -= self.len;
        let found = inner.chunks.iter().position(|chunk| chunk.offset(self.at).is_some());
        debug_assert!(found.is_some(), "a block lies in a chunk of its arena");
        let Some(i) = found else { return };
        let chunk = &mut inner.chunks[i];
        let Some(offset) = chunk.offset(self.at) else { return };
        chunk.free(offset, self.len);
        if chunk.free.get(&0) == Some(&chunk.len) {
            inner.chunks.swap_remove(i);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn freed_code_is_used_again_and_the_budget_holds() {
        let arena = Arena::new(64);
        let a = arena.place(&[1; 20]).expect("room for the first");
        let b = arena.place(&[2; 30]).expect("room for the second");
        assert_eq!(a.bytes()[..20], [1; 20]);
        assert_eq!(arena.place(&[3; 1]).err(), Some(NoRoom::Budget { used: 64, budget: 64 }));
        let start = a.start();
        drop(a);
        assert_eq!(arena.used(), 32);
        let c = arena.place(&[4; 17]).expect("the first one's place");
        assert_eq!((c.start(), c.bytes()[16]), (start, 4));
        assert_eq!(b.bytes()[..30], [2; 30]);
        drop((b, c));
        assert_eq!(arena.used(), 0);
        assert!(arena.inner.lock().chunks.is_empty());
    }

    #[test]
    fn neighbours_that_are_free_are_one() {
        let arena = Arena::new(1 << 20);
        let blocks: Vec<Block> = (0..8).map(|i| arena.place(&[i; 16]).expect("room")).collect();
        let keep = arena.place(&[9; 16]).expect("room");
        let first = blocks[0].start();
        for i in [3, 1, 2, 0, 7, 5, 6, 4] {
            let offset = blocks[i].start();
            assert!(!offset.is_null());
        }
        drop(blocks);
        let whole = arena.place(&[5; 128]).expect("the freed ones together");
        assert_eq!(whole.start(), first);
        assert_eq!(keep.bytes(), [9; 16]);
    }

    #[test]
    fn what_a_copied_process_runs_is_not_written_to() {
        let arena = Arena::new(1 << 20);
        let shared = arena.place(&[1; 16]).expect("room");
        let freed = arena.place(&[2; 16]).expect("room");
        let at = freed.start();
        // As a copy of the process does: the test's threads do not run in it.
        // SAFETY: the child calls nothing but what ends it.
        match unsafe { libc::fork() } {
            // SAFETY: as above.
            0 => unsafe { libc::_exit(0) },
            // SAFETY: the child is ours, and nobody else waits for it.
            child => assert_eq!(unsafe { libc::waitpid(child, null_mut(), 0) }, child),
        }
        drop(freed);
        // SAFETY: the chunk is mapped as long as the first block is there.
        assert_eq!(unsafe { at.read() }, 2, "the copy may run it");
        let new = arena.place(&[3; 16]).expect("room elsewhere");
        assert_ne!(new.start(), at);
        assert_eq!(shared.bytes(), [1; 16]);
    }

    #[test]
    fn a_piece_has_pages_of_its_own_where_there_are_no_memory_files() {
        let arena = Arena::new(1 << 20);
        let (chunk, at) = Chunk::of(&[7; 20], 32).expect("pages");
        {
            let mut inner = arena.inner.lock();
            inner.used += 32;
            inner.chunks.push(chunk);
        }
        let block = Block { arena: arena.clone(), at, len: 32 };
        assert_eq!(block.bytes()[..20], [7; 20]);
        let other = arena.place(&[8; 16]).expect("room");
        assert!(
            !(at.addr().get()..at.addr().get() + 32).contains(&other.start().addr()),
            "nobody writes there any more"
        );
        drop(block);
        assert_eq!((arena.used(), arena.inner.lock().chunks.len()), (16, 1), "the pages are given back");
        drop(other);
    }

    #[test]
    fn placed_code_runs() {
        // mov eax, 42; ret
        #[cfg(target_arch = "x86_64")]
        const CODE: &[u8] = &[0xb8, 42, 0, 0, 0, 0xc3];
        #[cfg(target_arch = "x86_64")]
        {
            let block = Arena::new(4096).place(CODE).expect("room");
            // SAFETY: the bytes are a function without parameters that returns an int.
            let f: extern "C" fn() -> i32 = unsafe { std::mem::transmute(block.start()) };
            assert_eq!(f(), 42);
        }
    }
}
