//! Following the run loop: its instructions carried out one at a time, for the second tier.
//!
//! The tier's recorder writes down what they do; its machine code has those carried out for which it has nothing of its own.
//! Between two steps the running frame's record says where it goes on.

mod turn;

use super::machine::{M, Stop};
use super::{dispatch, generators, leave, special};
use crate::frame::{Frame, Interp, Kind, interp};
use crate::function::Function;
use crate::generator::Resumed;
use crate::tier::{At, Hot};
use crate::traceback;
use crate::unit::Unit;
use std::sync::Arc;
pub use turn::Turn;
use typhon_isa::{BinaryKind, CompareKind, Opcode};
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::quiet::ends_quietly;
use typhon_object::types::classmethod::ClassMethod;
use typhon_object::{Thread, Value, ops};

/// How long a list is at most of which a part is replaced.
const REPLACED_MAX: usize = 64;

/// The Python `__init__` that calling a class runs on a new plain instance, if that is what calling it means.
pub fn init_of(t: &Thread, class: &Value) -> Option<Value> {
    super::class::plain_class(t, class)
}

/// The Python `__call__` that calling an instance of a Python class enters.
pub fn call_of(t: &Thread, v: &Value) -> Option<Value> {
    special::is_instance(v).then(|| special::callable(t, v)).filter(|f| !f.is_absent())
}

/// The `__getitem__` that the instruction of that name enters.
pub fn getitem_of(t: &Thread, v: &Value) -> Option<Value> {
    super::subscript::own_getitem(t, v)
}

/// The `__setitem__` that a SetItem enters, if the value's class is a Python one.
pub fn setitem_of(t: &Thread, v: &Value) -> Option<Value> {
    special::is_instance(v).then(|| special::method(t, v, n::__setitem__(), 3)).filter(|f| !f.is_absent())
}

/// The method that a binary operator enters, and as what.
pub fn operator_of(t: &Thread, kind: BinaryKind, a: &Value, b: &Value) -> Option<(Value, Kind)> {
    special::is_instance(a).then(|| special::binary(t, kind, a, b)).filter(|(f, _)| !f.is_absent())
}

/// What an operator gives for two values of built-in types.
pub fn operate(t: &Thread, kind: BinaryKind, a: &Value, b: &Value) -> Res {
    super::arith::binary(t, kind, a, b)
}

/// Whether a comparison of two values of built-in types holds.
pub fn compare(t: &Thread, kind: CompareKind, a: &Value, b: &Value) -> Res<bool> {
    ops::truth(t, &ops::compare(t, a, b, ops::CompareOp::ALL[kind as usize])?)
}

/// `v[start:stop]` of a list, tuple or str by plain numbers, which runs no code.
pub fn part(t: &Thread, v: &Value, start: &Value, stop: &Value) -> Option<Res> {
    super::subscript::part(t, v, start, stop)
}

/// `v[start:stop] = items` of a list by plain numbers, where as many items go as come and none that goes is an object; false
/// if it is anything else.
pub fn replace(v: &Value, start: &Value, stop: &Value, items: &Value) -> bool {
    let Some(list) = v.exact::<List>().filter(|list| list.len() <= REPLACED_MAX) else { return false };
    // SAFETY: nothing is changed while they are looked at.
    let plain = unsafe { list.items() }.iter().all(|item| !item.is_object());
    plain && super::subscript::replace(v, start, stop, items)
}

/// The class method behind a cached word, if it is one.
pub fn class_method(bits: u64) -> Option<&'static ClassMethod> {
    super::attr::bound_class(bits)
}

/// What the return of a frame does.
pub struct Returns {
    /// It is a class's `__init__`, and the new instance is the result.
    pub init: bool,
    /// Its caller's code.
    pub unit: Arc<Unit>,
    /// Its record's `dst`, `skip` and `kind`, as one word of 32 bits.
    pub how: u32,
    /// The register of its caller that takes the result.
    pub dst: usize,
    /// The caller's `ip`.
    pub ip: u64,
}

/// The frames that run on a thread, as seen between two instructions.
#[derive(Clone, Copy)]
pub struct Running<'t> {
    t: &'t Thread,
    it: &'t Interp,
}

impl<'t> Running<'t> {
    /// What runs now; there is a frame.
    #[inline]
    pub fn on(t: &'t Thread) -> Self {
        Self { t, it: interp(t) }
    }

    #[inline]
    fn frame(&self) -> *mut Frame {
        self.it.fp.get()
    }

    /// The code of the frame on top, which keeps it alive.
    #[inline]
    pub fn unit(&self) -> &'t Unit {
        // SAFETY: a frame runs, and its function or generator keeps the unit alive while it does.
        unsafe { &*(*self.frame()).unit }
    }

    /// The code of the frame on top, to be kept; `None` if its function has been given other code meanwhile.
    pub fn kept_unit(&self) -> Option<Arc<Unit>> {
        self.kept_unit_below(0)
    }

    /// The same of the frame `n` below the one on top, which runs, too.
    pub fn kept_unit_below(&self, n: usize) -> Option<Arc<Unit>> {
        // SAFETY: the caller names a frame that runs; the record's word is borrowed meanwhile.
        let (f, unit) = unsafe { (Value::from_ref(&(*self.frame().sub(n)).func), (*self.frame().sub(n)).unit) };
        let kept = self.unit_of(f.exact::<Function>()?)?;
        std::ptr::eq(Arc::as_ptr(&kept), unit).then_some(kept)
    }

    /// What the thread runs when it enters a function: its own copy of the code, to be kept. `None` without memory for one.
    pub fn unit_of(&self, f: &Function) -> Option<Arc<Unit>> {
        let here = f.unit().here(self.t, self.it).ok()?;
        // SAFETY: the function holds its own, and the thread's table the others.
        Some(unsafe { Unit::keep(here) })
    }

    /// Where the frame on top goes on.
    #[inline]
    pub fn offset(&self) -> u32 {
        // SAFETY: as in `unit`.
        self.unit().offset_of(unsafe { (*self.frame()).ip })
    }

    /// Lets the frame on top go on at an offset of its code.
    #[inline]
    pub fn go_to(&self, offset: u32) {
        debug_assert!(self.unit().word(offset as usize).is_some());
        // SAFETY: as in `unit`; offsets of instructions lie inside the code.
        unsafe { (*self.frame()).ip = self.unit().start().add(offset as usize) };
    }

    /// The registers of the frame on top.
    #[inline]
    pub fn registers(&self) -> *mut u64 {
        self.registers_below(0)
    }

    /// The same of the frame `n` below the one on top, which runs, too.
    #[inline]
    pub fn registers_below(&self, n: usize) -> *mut u64 {
        // SAFETY: the caller names a frame that runs.
        unsafe { (*self.frame().sub(n)).base }
    }

    /// The record of the frame on top.
    #[inline]
    pub fn record(&self) -> *const Frame {
        self.frame()
    }

    /// How many frames there are, by a number that only differences of mean something.
    #[inline]
    pub fn height(&self) -> usize {
        self.frame() as usize / size_of::<Frame>()
    }

    /// Whether the frame on top belongs to a generator.
    #[inline]
    pub fn is_generator(&self) -> bool {
        self.is_generator_below(0)
    }

    /// The same of the frame `n` below the one on top, which runs, too.
    #[inline]
    pub fn is_generator_below(&self, n: usize) -> bool {
        // SAFETY: the caller names a frame that runs.
        unsafe { (*self.frame().sub(n)).generator != 0 }
    }

    /// Whether the frame on top is one that an instruction of the frame below it has entered, and that hands its result to
    /// that instruction by returning, or a generator's that a loop over it has taken up.
    pub fn is_callee(&self) -> bool {
        // SAFETY: as in `unit`.
        match unsafe { (*self.frame()).kind } {
            Kind::Entry | Kind::Send | Kind::Next => false,
            kind => self.is_generator() == (kind == Kind::ForIter),
        }
    }

    /// Whether the frame on top is one that Call or CallMethod has entered, and that hands over what it returns.
    pub fn is_plain_call(&self) -> bool {
        // SAFETY: as in `unit`.
        let (kind, skip) = unsafe { ((*self.frame()).kind, (*self.frame()).skip) };
        kind == Kind::Call && skip == super::call::EXTRA && !self.is_generator()
    }

    /// Whether somebody watches, or has the frame object of one of the `n` frames on top: then their registers may be looked
    /// at, and be written to, at any time. The last of them may have one that only its record has left: whoever asks for that again is
    /// carried out by the interpreter, and so is the end of that frame. Those above it end in machine code, and have none.
    #[inline]
    pub fn is_seen(&self, n: usize) -> bool {
        // SAFETY: the caller names frames that run.
        let object = |i| unsafe { (*self.frame().sub(i)).object };
        let last = n.saturating_sub(1);
        self.it.watch.active.get() || traceback::is_held(object(last)) || (0..last).any(|i| object(i) != 0)
    }

    /// Carries out the next instruction. A Python function that it calls is entered.
    pub fn step(&self) -> Res<()> {
        let fp = self.frame();
        // SAFETY: as in `unit`.
        let (ip, base) = unsafe { ((*fp).ip, (*fp).base) };
        // SAFETY: ip points at an instruction.
        let counts = unsafe { (*ip).op() } == Opcode::ResumeCounted as u8;
        debug_assert!(!counts, "who follows does not have the tier called");
        let mut m = M::new(self.t, self.it, ip, base, fp);
        let flow = dispatch::one(&mut m);
        m.save();
        self.skip_counted(&m);
        self.let_others();
        match flow {
            Ok(()) | Err(Stop::Again | Stop::Switch | Stop::Slow | Stop::As(_)) => Ok(()),
            Err(Stop::Raise(e) | Stop::Reraise(e)) => Err(e),
            Err(Stop::Exit(_) | Stop::Yield(_)) => {
                Err(error::system_error(self.t, "a frame was left that its caller waits for"))
            }
        }
    }

    /// Who is entered does not count here: a trace takes it along, or [`Running::finish_call`] runs it.
    #[inline]
    fn skip_counted(&self, m: &M<'_>) {
        // SAFETY: ip points at an instruction.
        let counts = unsafe { (*m.ip).op() } == Opcode::ResumeCounted as u8;
        if counts && !self.t.breaker.any() {
            // SAFETY: as in `unit`; behind a Resume there is more.
            unsafe { (*m.fp).ip = m.ip.add(1) };
        }
    }

    /// Between two instructions no thread has the native lock, not even one that has just started a second one.
    #[inline]
    fn let_others(&self) {
        if self.t.is_parallel() {
            self.t.out_of_native();
        }
    }

    /// Whether there is room for so many frames above the one on top, with registers up to so many behind its first.
    #[inline]
    pub fn has_room(&self, frames: usize, registers: usize) -> bool {
        // SAFETY: as in `unit`. A generator's registers lie in its own block, those of frames above it do not.
        let first = unsafe { if (*self.frame()).generator == 0 { (*self.frame()).base } else { (*self.frame()).top } };
        self.it.has_room_for(self.t, frames, first.wrapping_add(registers))
    }

    /// Makes the record of a Python function's frame as the instruction at `offset` of the running frame does that has its
    /// arguments in the registers from `base` on. `made` is the instance whose `__init__` the function is, or 0. The locals are
    /// the caller's business.
    ///
    /// # Safety
    /// `f` is the word of a function, whose reference the frame takes over, as that of `made`; the registers from `base` on are
    /// behind those of the running frame that are in use; [`Running::has_room`] has said that there is room. The thread's copy
    /// of the function's code is kept by the caller.
    pub unsafe fn push(&self, f: u64, base: *mut u64, offset: u32, (kind, dst, skip): (Kind, u16, u8), made: u64) {
        // SAFETY: the caller names a function.
        let unit = unsafe { &*(f as *const Function) }.unit();
        let Ok(unit) = unit.here(self.t, self.it) else { unreachable!("a copy that is kept is there") };
        self.go_to(offset + 1);
        // SAFETY: the reference is handed over.
        let f = unsafe { Value::from_raw(f) };
        crate::call::push(self.t, self.it, f, unit, base, kind, dst, skip);
        // SAFETY: the frame was just pushed, and owns the instance.
        unsafe { (*self.frame()).extra = made };
    }

    /// What an opcode of the attribute family becomes for an object, whatever the instruction has seen before: the specialized
    /// opcode, and its cache words 0, 1 and 3.
    pub fn attribute(&self, op: Opcode, object: &Value, name: usize) -> Option<(Opcode, [u64; 3])> {
        let name = self.unit().names().get(name)?;
        // Looking may ask what protects itself no better than natives do.
        self.t.as_native(|| match op.family()? {
            Opcode::LoadAttr => super::attr::load_words(self.t, object, name),
            Opcode::LoadMethod => super::method::method_words(self.t, object, name),
            Opcode::StoreAttr => super::attr::store_words(self.t, object, name),
            _ => None,
        })
    }

    /// Leaves the frame on top, which [`Running::push`] has entered and whose locals are given up; what it owned for its caller
    /// is the caller's. Nobody has its frame object.
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

    /// What the return of the frame on top does, if that is all there is to it: the frame was entered by a call in this run loop,
    /// and nobody looks at it or at its caller.
    pub fn returns(&self) -> Option<Returns> {
        let fp = self.frame();
        // SAFETY: as in `unit`.
        let (kind, other) = unsafe { ((*fp).kind, (*fp).object | (*fp).generator | (*fp).locals) };
        if !matches!(kind, Kind::Call | Kind::Init) || other != 0 {
            return None;
        }
        let unit = self.kept_unit_below(1)?;
        // SAFETY: the record below a called function's is its caller's.
        unsafe {
            let below = fp.sub(1);
            let (how, dst) = ((&raw const (*fp).dst).cast::<u32>().read(), (*fp).dst.into());
            ((*below).object == 0).then(|| Returns { init: kind == Kind::Init, unit, how, dst, ip: (*below).ip as u64 })
        }
    }

    /// Whether nobody notices when the frame on top is left: nobody has looked at it, nobody looks at its caller, and what the
    /// caller's register holds ends quietly, as does the function. Registers of the frame's own are given up before.
    pub fn may_leave(&self) -> bool {
        let fp = self.frame();
        // SAFETY: as in `returns`; the words are borrowed.
        unsafe {
            let below = fp.sub(1);
            let taken = (*below).base.add((*fp).dst.into());
            let quiet = |word: *const u64| self.t.is_parallel() || ends_quietly(Value::from_ref(&*word));
            (*fp).object | (*below).object == 0 && quiet(&raw const (*fp).func) && (taken >= (*fp).base || quiet(taken))
        }
    }

    /// Leaves the frame on top for its caller, as its return does: [`Running::returns`] has said what, and its locals are given
    /// up. What the caller's register has held comes back.
    pub fn leave(&self, v: Value) -> Value {
        let fp = self.frame();
        // SAFETY: as in `returns`; each word that the record owns is taken once.
        let (extra, kind, dst, below) = unsafe {
            let below = fp.sub(1);
            (*below).ip = (*below).ip.add((*fp).skip.into());
            (Value::from_raw((*fp).extra), (*fp).kind, usize::from((*fp).dst), below)
        };
        self.pop();
        let v = if kind == Kind::Init { extra } else { v };
        // SAFETY: the register is the caller's, and holds a value's word.
        unsafe { Value::from_raw(std::ptr::replace((*below).base.add(dst), v.into_raw())) }
    }

    /// Where the frame `n` below the one on top stands, to which something has returned.
    pub fn standing(&self, n: usize) -> At<'t> {
        // SAFETY: the caller names a frame that runs, whose function or generator keeps the unit; its registers are its own.
        unsafe {
            let fp = self.frame().sub(n);
            let unit = &*(*fp).unit;
            let target = unit.offset_of((*fp).ip);
            At::new(self.t, unit, target, Hot::Returned { target }, (*fp).base)
        }
    }

    /// Runs the frame on top, which a step has just entered, to its end, and ends the instruction that called it.
    pub fn finish_call(&self) -> Res<()> {
        let done = self.run_callee();
        self.let_others();
        done
    }

    fn run_callee(&self) -> Res<()> {
        let (t, fp) = (self.t, self.frame());
        if self.is_generator() {
            return self.finish_turn();
        }
        t.check_stack("")?;
        // SAFETY: the frame on top was pushed by the one below it. What the record owned for its caller is the caller's now:
        // it gets the frame's result from here.
        let (kind, dst, skip, extra, below) = unsafe {
            let kind = std::mem::replace(&mut (*fp).kind, Kind::Entry);
            let extra = Value::from_raw(std::mem::replace(&mut (*fp).extra, 0));
            // Its beginning has not been counted yet. One that makes a generator has none, and stands at its first word.
            if (*fp).ip != (*(*fp).unit).start() {
                let begun = (*fp).ip.sub(1);
                if (*begun).op() == Opcode::ResumeCounted as u8 {
                    (*fp).ip = begun;
                }
            }
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

    /// Runs the generator on top, which a loop over it has just taken up, to its next yield or its end, and ends the loop's
    /// instruction.
    fn finish_turn(&self) -> Res<()> {
        let (t, fp) = (self.t, self.frame());
        t.check_stack("")?;
        // SAFETY: the frame on top was pushed by the one below it, whose iterator keeps the generator alive; a frame that is
        // entered from here owns it.
        let (kind, dst, skip, below) = unsafe {
            std::mem::forget(Value::from_ref(&(*fp).generator).clone());
            (std::mem::replace(&mut (*fp).kind, Kind::Entry), (*fp).dst, (*fp).skip, fp.sub(1))
        };
        let given = super::run_generator(t, self.it, None)?;
        // SAFETY: the frame is on top again.
        let (ip, base) = unsafe { ((*below).ip, (*below).base) };
        let mut m = M::new(t, self.it, ip, base, below);
        match given {
            Resumed::Yield(v) => {
                m.advance(skip.into());
                m.set(dst.into(), v);
            }
            Resumed::Return(v) => match generators::generator_returned(&mut m, kind, dst, skip, v) {
                Ok(())
                | Err(Stop::Again | Stop::Switch | Stop::Slow | Stop::As(_) | Stop::Exit(_) | Stop::Yield(_)) => {}
                Err(Stop::Raise(e) | Stop::Reraise(e)) => return Err(e),
            },
        }
        m.settle();
        m.save();
        Ok(())
    }
}
