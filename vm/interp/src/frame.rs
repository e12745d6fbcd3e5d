//! Frames: the per-thread stack of activation records and the registers they use.
//!
//! A record is a fixed-size [`Frame`] in one region, its registers lie in another. A call lays the callee's registers over
//! the caller's argument window, so passing arguments costs nothing. A generator owns its registers: its frame record
//! points at them while it runs. Nothing here recurses on the native stack.
//!
//! Register discipline: a named register holds a value or zero (unbound); a dead temporary holds zero or an immediate,
//! never a pointer. So a new frame only has to zero its locals.

use crate::stacks::Stacks;
use crate::unit::Unit;
use rustc_hash::FxHashSet;
use std::cell::Cell;
use typhon_isa::Word;
use typhon_object::error::{self, Exc, Res};
use typhon_object::{Thread, Value};

/// What happens with a frame's result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Kind {
    /// The run loop returns it to its native caller.
    Entry,
    /// It goes to the caller's register `dst`.
    Call,
    /// The body of `__init__`: it must be None, and the new instance in `extra` goes to `dst`.
    Init,
    /// A generator resumed by ForIter: a yield goes to `dst`, a return ends the loop.
    ForIter,
    /// A generator resumed by Send: a yield goes to `dst`, a return too and jumps.
    Send,
    /// A special method that the running instruction entered; its kinds differ in what `eval::special` does in the end.
    Compare,
    /// See `Compare`, and so on.
    CompareJump,
    /// A binary operator's left method.
    Binary,
    /// The same where the right operand is a number in the instruction.
    BinaryImm,
    /// The in-place method.
    Inplace,
    /// `__contains__`.
    Contains,
    /// `__iter__`.
    Iter,
    /// `__next__`, of a loop.
    Next,
    /// The result is of no use.
    Discard,
}

impl Kind {
    /// Every kind, by number.
    pub const ALL: [Self; 14] = [
        Self::Entry,
        Self::Call,
        Self::Init,
        Self::ForIter,
        Self::Send,
        Self::Compare,
        Self::CompareJump,
        Self::Binary,
        Self::BinaryImm,
        Self::Inplace,
        Self::Contains,
        Self::Iter,
        Self::Next,
        Self::Discard,
    ];
}

/// An activation record.
#[repr(C)]
pub struct Frame {
    /// The code that runs.
    pub unit: *const Unit,
    /// Its registers.
    pub base: *mut u64,
    /// First register free for frames that a native calls from here. It stands between `base` and `ip`, which would
    /// otherwise be read as one word of 128 bits, too soon after they were written one by one.
    pub top: *mut u64,
    /// Behind the word of the instruction that runs or called (its extra words not skipped).
    pub ip: *const Word,
    /// The function, owned. A generator's is the generator's own, which lives longer.
    pub func: u64,
    /// The locals namespace of module, class and exec code, owned; 0 for functions.
    pub locals: u64,
    /// The frame object, owned; 0 until somebody asks. Or a traceback entry that waits for it (`crate::traceback`).
    pub object: u64,
    /// The generator whose frame this is; 0 if none. Owned only in an `Entry` frame: a loop or delegation that resumes one
    /// has it in a register, which stays as it is while the frame above runs.
    pub generator: u64,
    /// `Kind::Init`: the new instance, owned.
    pub extra: u64,
    /// The caller's register that takes the result.
    pub dst: u16,
    /// Extra words of the caller's instruction, to be skipped on return.
    pub skip: u8,
    /// What happens with the result.
    pub kind: Kind,
    /// While something watches: the offset of the last instruction, plus one; 0 makes the next line a new one.
    pub watched: u32,
}

/// One link of the chain of handled exceptions: the thread's own, or a running generator's.
pub struct Handling {
    /// The exception being handled, absent if none.
    pub value: Cell<u64>,
    /// The link below.
    pub below: Cell<*const Handling>,
}

impl Handling {
    /// Nothing handled.
    pub const fn new() -> Self {
        Self { value: Cell::new(0), below: Cell::new(std::ptr::null()) }
    }

    /// Replaces the handled exception; returns the old one.
    pub fn replace(&self, v: Value) -> Value {
        // SAFETY: the cell holds the word of a value it owns.
        unsafe { Value::from_raw(self.value.replace(v.into_raw())) }
    }
}

impl Drop for Handling {
    fn drop(&mut self) {
        if self.value.get() == 0 {
            return;
        }
        let handled = self.replace(Value::ABSENT);
        if typhon_object::thread::current().is_none() {
            // A stopped isolate was left inside a handler. It is closed: its memory goes as a whole.
            std::mem::forget(handled);
        }
    }
}

const FRAMES: usize = 1 << 20;
const REGISTERS: usize = 1 << 24;

/// The interpreter's part of a thread.
pub struct Interp {
    /// The running frame; the record below the first one when nothing runs.
    pub fp: Cell<*mut Frame>,
    frames: *mut Frame,
    frame_end: *mut Frame,
    register_end: *mut u64,
    /// Up to here frames and registers stay in what of the stacks is kept; the ends themselves once one has gone beyond.
    near: Cell<(*mut Frame, *mut u64)>,
    /// Top of the chain of handled exceptions.
    pub handling: Cell<*const Handling>,
    own_handling: Box<Handling>,
    stacks: Option<Stacks>,
    /// The frame in which an exception was last handled, and where it was raised there, in words.
    pub(crate) raised_at: Cell<(usize, u32)>,
    /// How many frames a new coroutine remembers (`sys.set_coroutine_origin_tracking_depth`).
    pub origin_depth: Cell<i32>,
    /// Count work that waits for an instruction's end.
    pub(crate) deferred: crate::eval::Deferred,
    /// Where the native stack ends for the dispatch functions.
    #[cfg(threaded)]
    pub(crate) floor: Cell<usize>,
    /// Instruction and registers behind an outlined body, or where the dispatch functions stopped (`eval::dispatch`).
    #[cfg(threaded)]
    pub(crate) at: Cell<(*const Word, *mut u64)>,
    /// What the dispatch functions stopped with.
    #[cfg(threaded)]
    pub(crate) left: crate::eval::Left,
    /// Tracing and profiling functions.
    pub watch: crate::watch::Watch,
    /// The thread's copies of code that other threads brought.
    pub(crate) copies: crate::unit::Copies,
    /// The thread's part of the second tier.
    pub(crate) tier: crate::tier::Own,
}

impl Interp {
    /// The interpreter state of a new thread. Address space is reserved, memory is used as it is touched. Where a limit of
    /// the process leaves too little of it (`ulimit -v`), recursion ends earlier.
    pub fn new() -> Box<Self> {
        let stacks = |less: u32| Stacks::new(FRAMES >> less, REGISTERS >> less);
        let made = Stacks::kept().or_else(|| [0, 4, 6].into_iter().find_map(stacks)).map(Self::on);
        match made {
            Some(made) => made,
            None => panic!("cannot reserve address space for a thread's stack"),
        }
    }

    /// The state of a further thread, with less room; `None` if the address space is used up.
    pub fn small() -> Option<Box<Self>> {
        Stacks::new(FRAMES >> 4, REGISTERS >> 4).map(Self::on)
    }

    fn on(stacks: Stacks) -> Box<Self> {
        let (frames, registers, near) = (stacks.frames, stacks.registers, stacks.near());
        let own_handling = Box::new(Handling::new());
        let it = Box::new(Self {
            fp: Cell::new(frames),
            frames,
            // SAFETY: within the reserved region; the margin is for the error's own frames.
            frame_end: unsafe { frames.add(stacks.frame_count - 64) },
            // SAFETY: as above.
            register_end: unsafe { registers.add(stacks.register_count - (1 << 17)) },
            near: Cell::new(near),
            handling: Cell::new(&raw const *own_handling),
            own_handling,
            raised_at: Cell::new((0, 0)),
            origin_depth: Cell::new(0),
            deferred: crate::eval::Deferred::new(),
            #[cfg(threaded)]
            floor: Cell::new(0),
            #[cfg(threaded)]
            at: Cell::new((std::ptr::null(), std::ptr::null_mut())),
            #[cfg(threaded)]
            left: crate::eval::Left::new(),
            watch: crate::watch::Watch::default(),
            copies: crate::unit::Copies::new(),
            tier: crate::tier::Own::default(),
            stacks: Some(stacks),
        });
        // The record below the first frame: the stacks are zero, which is valid for every field but these.
        // SAFETY: the region is ours and large enough.
        unsafe { (*frames).top = registers };
        it
    }

    /// The running frame; `None` while no Python code runs.
    pub fn current(&self) -> Option<&Frame> {
        let fp = self.fp.get();
        // SAFETY: records between the bottom and `fp` are live.
        if fp == self.frames { None } else { Some(unsafe { &*fp }) }
    }

    /// The frame `n` levels below the running one.
    pub fn frame_at(&self, n: usize) -> Option<*mut Frame> {
        let fp = self.fp.get();
        let depth = (fp as usize - self.frames as usize) / size_of::<Frame>();
        // SAFETY: within the live records.
        if n < depth { Some(unsafe { fp.sub(n) }) } else { None }
    }

    /// Whether a record is one of this thread's.
    pub(crate) fn owns(&self, fp: *mut Frame) -> bool {
        (self.frames..self.frame_end).contains(&fp)
    }

    /// What the thread's frames run.
    pub(crate) fn running_units(&self) -> FxHashSet<*const Unit> {
        let mut out = FxHashSet::default();
        let mut at = self.fp.get();
        while at != self.frames {
            // SAFETY: records between the bottom and `fp` are live.
            unsafe {
                out.insert((*at).unit);
                at = at.sub(1);
            }
        }
        out
    }

    /// The frame that called `frame`, whichever thread's that is.
    ///
    /// # Safety
    /// The record is live, and nobody else runs it.
    pub(crate) unsafe fn below(frame: *mut Frame) -> Option<*mut Frame> {
        // SAFETY: the record below a live one is live or the bottom, which is as it was made: it runs nothing.
        unsafe {
            let below = frame.sub(1);
            (!(*below).unit.is_null()).then_some(below)
        }
    }

    /// Whether there is room for a frame with registers up to `end`.
    #[inline(always)]
    pub fn has_room(&self, t: &Thread, end: *mut u64) -> bool {
        let (frames, registers) = self.near.get();
        t.depth.get() < t.depth_limit.get() && (self.fp.get() < frames && end < registers || self.reaches(1, end))
    }

    /// Whether the stacks have room for so many frames with registers up to `end`, which goes beyond what is kept of them.
    #[cold]
    fn reaches(&self, frames: usize, end: *mut u64) -> bool {
        let left = (self.frame_end as usize).saturating_sub(self.fp.get() as usize) / size_of::<Frame>();
        let room = frames <= left && end < self.register_end;
        if room {
            self.near.set((self.frame_end, self.register_end));
        }
        room
    }

    /// Whether there is room for several frames with registers up to `end`.
    #[inline]
    pub fn has_room_for(&self, t: &Thread, frames: usize, end: *mut u64) -> bool {
        let (near, registers) = self.near.get();
        let left = (near as usize).saturating_sub(self.fp.get() as usize) / size_of::<Frame>();
        t.depth.get() as usize + frames < t.depth_limit.get() as usize
            && (frames < left && end < registers || self.reaches(frames, end))
    }

    /// Room for a frame with registers up to `end`, or RecursionError.
    #[inline(always)]
    pub fn check_room(&self, t: &Thread, end: *mut u64) -> Res<()> {
        if self.has_room(t, end) { Ok(()) } else { Err(too_deep(t)) }
    }

    /// Drops the exception that the thread handles.
    pub(crate) fn let_go(&self) {
        drop(self.own_handling.replace(Value::ABSENT));
    }

    /// The thread's own link of the chain of handled exceptions.
    pub(crate) fn own_handling(&self) -> *const Handling {
        &raw const *self.own_handling
    }

    /// The exception being handled (absent if none): the first on the chain.
    pub fn handled(&self) -> Value {
        let mut link = self.handling.get();
        while !link.is_null() {
            // SAFETY: links are the thread's own and those of running generators, alive while they are on the chain.
            let h = unsafe { &*link };
            if h.value.get() != 0 {
                return Value::from_ref(&h.value.get()).clone();
            }
            link = h.below.get();
        }
        Value::ABSENT
    }

    /// The top of the chain.
    pub fn top_handling(&self) -> &Handling {
        // SAFETY: as for `handled`; the chain is never empty.
        unsafe { &*self.handling.get() }
    }
}

#[cold]
fn too_deep(t: &Thread) -> Exc {
    // Room for the handler and for building the error itself.
    let (depth, limit) = (t.depth.get(), t.depth_limit.get());
    t.depth_limit.set(limit.max(depth) + 50);
    let e = error::recursion_error(t, "maximum recursion depth exceeded");
    t.depth_limit.set(limit);
    e
}

impl Drop for Interp {
    fn drop(&mut self) {
        let _ = &self.own_handling;
        // Frames that are still there belong to an isolate that did not end well: its stacks are not worth cleaning.
        if self.fp.get() == self.frames
            && let Some(stacks) = self.stacks.take()
            && stacks.frame_count == FRAMES
        {
            stacks.keep(self.near.get().0 == self.frame_end);
        }
    }
}

/// What the frames of all threads run.
///
/// # Safety
/// No other thread of the isolate runs, begins or ends.
pub(crate) unsafe fn all_running_units(t: &Thread) -> FxHashSet<*const Unit> {
    let mut out = FxHashSet::default();
    // SAFETY: the caller's duty; looking runs nothing.
    unsafe {
        t.isolate().each_thread(|t| {
            if !t.interp.get().is_null() {
                out.extend(interp(t).running_units());
            }
        });
    }
    out
}

/// This thread's interpreter state.
#[inline(always)]
pub fn interp(t: &Thread) -> &Interp {
    // SAFETY: set when the thread was made (`crate::start`) to a box that lives as long as the thread.
    unsafe { &*t.interp.get().cast::<Interp>() }
}

/// Drops every pointer in registers `from..to` and leaves zeros in their place; immediates stay. The last goes first, as in
/// CPython.
///
/// # Safety
/// The registers are a live frame's.
#[inline(always)]
pub unsafe fn clear_registers(base: *mut u64, from: usize, to: usize) {
    for i in (from..to).rev() {
        // SAFETY: the caller's duty; each pointer is taken out before it is dropped.
        unsafe {
            let slot = base.add(i);
            if Value::from_ref(&*slot).is_object() {
                drop(Value::from_raw(std::ptr::replace(slot, 0)));
            }
        }
    }
}
