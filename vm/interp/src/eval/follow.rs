//! Following the run loop: its instructions carried out one at a time, for the second tier.
//!
//! The tier's recorder writes down what they do; its machine code has those carried out for which it has nothing of its own.
//! Between two steps the running frame's record says where it goes on.

use super::machine::{M, Stop};
use super::{dispatch, leave, special};
use crate::frame::{Frame, Interp, Kind, interp};
use crate::function::Function;
use crate::unit::Unit;
use std::sync::Arc;
use typhon_object::error::{self, Res};
use typhon_object::{Thread, Value};

/// The frames that run on a thread, as seen between two instructions.
#[derive(Clone, Copy)]
pub struct Running<'t> {
    t: &'t Thread,
    it: &'t Interp,
}

impl<'t> Running<'t> {
    /// What runs now; there is a frame.
    pub fn on(t: &'t Thread) -> Self {
        Self { t, it: interp(t) }
    }

    fn frame(&self) -> *mut Frame {
        self.it.fp.get()
    }

    /// The code of the frame on top, which keeps it alive.
    pub fn unit(&self) -> &'t Unit {
        // SAFETY: a frame runs, and its function or generator keeps the unit alive while it does.
        unsafe { &*(*self.frame()).unit }
    }

    /// The code of the frame on top, to be kept; `None` if its function has been given other code meanwhile.
    pub fn kept_unit(&self) -> Option<Arc<Unit>> {
        // SAFETY: as in `unit`; the record's word is borrowed while the frame runs.
        let function = unsafe { Value::from_ref(&(*self.frame()).func) }.exact::<Function>()?;
        let unit = function.kept_unit();
        std::ptr::eq(Arc::as_ptr(&unit), self.unit()).then_some(unit)
    }

    /// Where the frame on top goes on.
    pub fn offset(&self) -> u32 {
        // SAFETY: as in `unit`.
        self.unit().offset_of(unsafe { (*self.frame()).ip })
    }

    /// Lets the frame on top go on at an offset of its code.
    pub fn go_to(&self, offset: u32) {
        debug_assert!(self.unit().word(offset as usize).is_some());
        // SAFETY: as in `unit`; offsets of instructions lie inside the code.
        unsafe { (*self.frame()).ip = self.unit().start().add(offset as usize) };
    }

    /// The registers of the frame on top.
    pub fn registers(&self) -> *mut u64 {
        // SAFETY: as in `unit`.
        unsafe { (*self.frame()).base }
    }

    /// The record of the frame on top.
    pub fn record(&self) -> *const Frame {
        self.frame()
    }

    /// How many frames there are, by a number that only differences of mean something.
    pub fn height(&self) -> usize {
        self.frame() as usize / size_of::<Frame>()
    }

    /// Whether the frame on top belongs to a generator.
    pub fn is_generator(&self) -> bool {
        // SAFETY: as in `unit`.
        unsafe { (*self.frame()).generator != 0 }
    }

    /// Whether the frame on top is one that an instruction of the frame below it has entered, and that hands its result to
    /// that instruction by returning.
    pub fn is_callee(&self) -> bool {
        // SAFETY: as in `unit`.
        let kind = unsafe { (*self.frame()).kind };
        !self.is_generator() && !matches!(kind, Kind::Entry | Kind::ForIter | Kind::Send | Kind::Next)
    }

    /// Whether the frame on top is one that Call or CallMethod has entered, and that hands over what it returns.
    pub fn is_plain_call(&self) -> bool {
        // SAFETY: as in `unit`.
        let (kind, skip) = unsafe { ((*self.frame()).kind, (*self.frame()).skip) };
        kind == Kind::Call && skip == super::call::EXTRA && !self.is_generator()
    }

    /// Whether somebody watches, or has the frame object of one of the `n` frames on top: then their registers may be looked
    /// at, and be written to, at any time.
    pub fn is_seen(&self, n: usize) -> bool {
        // SAFETY: the caller names frames that run.
        let seen = |i| unsafe { (*self.frame().sub(i)).object } != 0;
        self.it.watch.active.get() || (0..n).any(seen)
    }

    /// Carries out the next instruction. A Python function that it calls is entered.
    pub fn step(&self) -> Res<()> {
        let fp = self.frame();
        // SAFETY: as in `unit`.
        let (ip, base) = unsafe { ((*fp).ip, (*fp).base) };
        let mut m = M::new(self.t, self.it, ip, base, fp);
        let flow = dispatch::one(&mut m);
        m.save();
        match flow {
            Ok(()) | Err(Stop::Again | Stop::Switch | Stop::Slow | Stop::As(_)) => Ok(()),
            Err(Stop::Raise(e) | Stop::Reraise(e)) => Err(e),
            Err(Stop::Exit(_)) => Err(error::system_error(self.t, "a frame was left that its caller waits for")),
        }
    }

    /// Enters a Python function as a Call at `offset` of the running frame does that has its arguments in the registers from
    /// `base` on, and puts the result into register `dst`. The locals are the caller's business. `false` if there is no room,
    /// or somebody asks the thread to look up: then nothing has happened.
    ///
    /// # Safety
    /// `f` is the word of a function, whose reference the frame takes over; the registers from `base` on are behind those
    /// of the running frame that are in use.
    pub unsafe fn push(&self, f: u64, base: *mut u64, offset: u32, dst: u16) -> bool {
        // SAFETY: the caller names a function.
        let unit = unsafe { &*(f as *const Function) }.unit();
        let end = base.wrapping_add(unit.register_count);
        let ours = unit.owner == self.t.own_tag();
        if !ours || !self.it.has_room(self.t, end) || self.t.breaker.any() || self.it.watch.active.get() {
            return false;
        }
        self.go_to(offset + 1);
        // SAFETY: the reference is handed over.
        let f = unsafe { Value::from_raw(f) };
        crate::call::push(self.t, self.it, f, unit, base, Kind::Call, dst, super::call::EXTRA);
        true
    }

    /// Leaves the frame on top, which [`Running::push`] has entered and whose locals are given up. Nobody has its frame object.
    pub fn pop(&self) {
        let fp = self.frame();
        // SAFETY: the record is live until here, and the one below it is its caller's.
        let f = unsafe {
            self.it.fp.set(fp.sub(1));
            Value::from_raw((*fp).func)
        };
        self.t.depth.set(self.t.depth.get() - 1);
        drop(f);
    }

    /// Runs the frame on top, which a step has just entered, to its end, and ends the instruction that called it.
    pub fn finish_call(&self) -> Res<()> {
        let (t, fp) = (self.t, self.frame());
        t.check_stack("")?;
        // SAFETY: the frame on top was pushed by the one below it. What the record owned for its caller is the caller's now:
        // it gets the frame's result from here.
        let (kind, dst, skip, extra, below) = unsafe {
            let kind = std::mem::replace(&mut (*fp).kind, Kind::Entry);
            let extra = Value::from_raw(std::mem::replace(&mut (*fp).extra, 0));
            (kind, (*fp).dst, (*fp).skip, extra, fp.sub(1))
        };
        let v = super::run(t, self.it)?;
        // SAFETY: the frame is on top again.
        let (ip, base) = unsafe { ((*below).ip, (*below).base) };
        let mut m = M::new(t, self.it, ip, base, below);
        match kind {
            Kind::Init if !v.is_none() => return Err(leave::init_result(t, &v)),
            Kind::Call | Kind::Init => {
                m.advance(skip.into());
                m.set(dst.into(), if kind == Kind::Init { extra } else { v });
            }
            _ => {
                let words = special::complete(t, below, kind, v)?;
                m.advance(words);
            }
        }
        m.settle();
        m.save();
        Ok(())
    }
}
