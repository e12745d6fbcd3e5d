//! Stacks: the memory of a thread's frames and registers, and what of it waits for the next isolate.
//!
//! Mapping some and giving it back is the system's work, most of it for what is touched first and for telling other processors that
//! memory is gone. So stacks of isolates that ended are kept: those of the last one by its thread, and some more for all threads, as
//! one thread may end what another makes (a session that is deleted, an isolate that was made ahead).

use crate::frame::Frame;
use std::cell::Cell;
use typhon_object::crossing::Crossing;
use typhon_qsbr::sync::Mutex;

thread_local! {
    /// Those of the isolate that ended last on this thread.
    static SPARE: Cell<Option<Stacks>> = const { Cell::new(None) };
}

/// What threads had left besides.
static SPARES: Spares = Spares(Mutex::new(Vec::new()));

/// Stacks that are nobody's.
struct Spares(Mutex<Vec<Stacks>>);

/// So many are kept there.
const MOST: usize = 32;

impl Spares {
    fn take(&self) -> Option<Stacks> {
        let _crossing = Crossing::begin();
        self.0.lock().pop()
    }

    /// Gives them back to the system where there is no place left.
    fn put(&self, stacks: Stacks) {
        let _crossing = Crossing::begin();
        let mut spares = self.0.lock();
        if spares.len() < MOST {
            spares.push(stacks);
        } else {
            // It takes its time.
            drop(spares);
            drop(stacks);
        }
    }
}

/// The memory of a thread's frames and registers: address space, of which is used what is touched.
pub(crate) struct Stacks {
    pub(crate) frames: *mut Frame,
    pub(crate) frame_count: usize,
    pub(crate) registers: *mut u64,
    pub(crate) register_count: usize,
}

/// Bytes at the bottom of each stack that stay in use; what most programs touch.
const KEPT: usize = 8 * 1024;
/// Of them, so many are for what lies behind the last frame's record and registers.
const SLACK: usize = 1024;

impl Stacks {
    /// `None` if the address space is used up.
    pub(crate) fn new(frame_count: usize, register_count: usize) -> Option<Self> {
        let frames = reserve(frame_count * size_of::<Frame>())?.cast::<Frame>();
        let Some(registers) = reserve(register_count * 8) else {
            // SAFETY: mapped above with this size, and nobody has seen it.
            unsafe { libc::munmap(frames.cast(), frame_count * size_of::<Frame>()) };
            return None;
        };
        Some(Self { frames, frame_count, registers: registers.cast(), register_count })
    }

    fn frame_bytes(&self) -> usize {
        self.frame_count * size_of::<Frame>()
    }

    fn register_bytes(&self) -> usize {
        self.register_count * 8
    }

    /// Where records and registers have to end so that nothing beyond [`KEPT`] is touched.
    pub(crate) fn near(&self) -> (*mut Frame, *mut u64) {
        let room = KEPT - SLACK;
        // SAFETY: within both regions, which are larger.
        unsafe { (self.frames.add(room / size_of::<Frame>()), self.registers.add(room / 8)) }
    }

    /// Those of an isolate that has ended.
    pub(crate) fn kept() -> Option<Self> {
        SPARE.take().or_else(|| SPARES.take())
    }

    /// Leaves them to the next isolate. Nobody runs on them any more; `far` if somebody has run beyond [`Stacks::near`].
    pub(crate) fn keep(self, far: bool) {
        self.clean(far);
        if let Some(other) = SPARE.replace(Some(self)) {
            SPARES.put(other);
        }
    }

    /// Zeroes both, giving memory back: what was not touched costs the system a look at all of it.
    fn clean(&self, far: bool) {
        for (start, size) in
            [(self.frames.cast::<u8>(), self.frame_bytes()), (self.registers.cast(), self.register_bytes())]
        {
            // SAFETY: both regions are ours and larger than what is kept, nobody runs on them, and a private anonymous
            // page that is given back reads as zeros.
            unsafe {
                start.write_bytes(0, KEPT);
                if far {
                    libc::madvise(start.add(KEPT).cast(), size - KEPT, libc::MADV_DONTNEED);
                }
            }
        }
    }
}

// SAFETY: the regions are this value's alone, and any thread may run on them or give them back.
unsafe impl Send for Stacks {}

impl Drop for Stacks {
    fn drop(&mut self) {
        // SAFETY: both regions were mapped with these sizes and nobody runs on them any more.
        unsafe {
            libc::munmap(self.frames.cast(), self.frame_bytes());
            libc::munmap(self.registers.cast(), self.register_bytes());
        }
    }
}

fn reserve(size: usize) -> Option<*mut u8> {
    // SAFETY: an anonymous private mapping of fresh address space.
    let p = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            size,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
            -1,
            0,
        )
    };
    if p == libc::MAP_FAILED { None } else { Some(p.cast()) }
}
