//! What watches execution: `sys.settrace`, `sys.setprofile` and, through [`crate::monitor`], `sys.monitoring`.
//!
//! Nothing here runs while no watcher is set. Setting one raises `Watch::active`; run loops then go on in their watched
//! instantiation, which calls `step` before each instruction. A loop notices at its next poll, and the frames that are
//! in a native call notice when the call returns: [`set`] puts a `Breakpoint` over their next instruction.

mod all;

pub use all::set_all;
pub(crate) use all::{begin, update_all};

use crate::breakpoint::Breakpoints;
use crate::frame::{Frame, Interp, interp};
use crate::frame_object::{self, FrameObject};
use crate::function::Function;
use crate::jump::Telling;
use crate::monitor::{self, Event};
use crate::unit::Unit;
use std::cell::Cell;
use typhon_isa::opcode::ResumeKind;
use typhon_isa::{Opcode, Word};
use typhon_object::error::{Exc, Res};
use typhon_object::native::NativeFunction;
use typhon_object::store::Slot;
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, call, names, tuple, type_of};

/// The thread's watchers.
#[derive(Default)]
pub struct Watch {
    /// `sys.settrace`'s function.
    pub trace: Slot,
    /// `sys.setprofile`'s function.
    pub profile: Slot,
    /// Some watcher is set: run loops run watched.
    pub active: Cell<bool>,
    /// How many watchers run now; they are not watched themselves.
    busy: Cell<u32>,
    pub(crate) breakpoints: Breakpoints,
    /// The trace event that is being told.
    telling: Telling,
}

impl Watch {
    /// The trace event that is being told of a frame, if one is.
    pub(crate) fn happening(&self, frame: *mut Frame) -> Option<Kind> {
        self.telling.of(frame as usize)
    }
}

/// Events of trace functions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    Call,
    Line,
    Return,
    /// A return to trace functions, but the frame goes on.
    Yield,
    Exception,
    Opcode,
}

impl Kind {
    fn text(self) -> &'static str {
        match self {
            Self::Call => "call",
            Self::Line => "line",
            Self::Return | Self::Yield => "return",
            Self::Exception => "exception",
            Self::Opcode => "opcode",
        }
    }
}

/// Sets (or with an absent value removes) the trace or profile function of this thread.
pub fn set(t: &Thread, function: Value, trace: bool) -> Res<()> {
    let w = &interp(t).watch;
    let slot = if trace { &w.trace } else { &w.profile };
    let old = slot.take();
    if !function.is_absent() {
        // The slot lies in no object; the isolate's dict of modules, which lives as long, stands in for the barrier.
        let modules = t.modules().get();
        if let Some(h) = modules.header() {
            slot.set(h, function);
        }
    }
    update(t)?;
    drop(old);
    Ok(())
}

/// Runs `f` as `sys.call_tracing` does: watched even inside a watcher.
pub fn call_watched(t: &Thread, f: &Value, args: &[Value]) -> Res {
    let w = &interp(t).watch;
    let busy = w.busy.replace(0);
    let r = call::call(t, f, args);
    w.busy.set(busy);
    r
}

/// Recomputes whether anything watches, and lets the running loops know.
pub(crate) fn update(t: &Thread) -> Res<()> {
    let w = &interp(t).watch;
    watch_from_here(t, !w.trace.is_absent() || !w.profile.is_absent() || monitor::active(t));
    Ok(())
}

/// Says whether anything watches a thread, which is the running one or stopped.
fn watch_from_here(t: &Thread, active: bool) {
    let it = interp(t);
    let was = it.watch.active.replace(active);
    if active && !was {
        t.breaker.set(WATCH);
        patch(it);
    }
}

/// The breaker's bit: look whether anything watches. It stays set until a loop has looked.
pub const WATCH: u32 = 1 << 6;

/// Covers the next instruction of every frame that waits for a native.
fn patch(it: &Interp) {
    let mut n = 0;
    let mut boundary = true;
    while let Some(fp) = it.frame_at(n) {
        // SAFETY: live records.
        let (unit, ip, kind) = unsafe { (&*(*fp).unit, (*fp).ip, (*fp).kind) };
        // The line it is at has begun already.
        // SAFETY: as above.
        unsafe { (*fp).watched = unit.offset_of(ip) };
        if boundary {
            it.watch.breakpoints.cover(unit, ip);
        }
        boundary = kind == crate::frame::Kind::Entry;
        n += 1;
    }
}

/// What [`step`] remembers of an instruction until the next one.
#[derive(Default)]
pub(crate) struct Pending {
    /// A call that did not enter a Python frame: callable, first argument.
    call: Option<(Value, Value)>,
    /// A branch or jump: event to decide by where control goes.
    branch: bool,
    from: u32,
    frame: usize,
}

/// One frame at one instruction.
struct Place<'a> {
    t: &'a Thread,
    it: &'a Interp,
    fp: *mut Frame,
    unit: &'a Unit,
    offset: u32,
}

impl Place<'_> {
    fn line(&self) -> u32 {
        self.unit.code.position(self.offset).line
    }

    fn frame(&self) -> Res {
        frame_object::of(self.t, self.it, self.fp)
    }

    fn code(&self) -> Value {
        // SAFETY: the frame is live.
        let func = unsafe { Value::from_ref(&(*self.fp).func).clone() };
        func.downcast::<Function>().map_or(Value::NONE, |f| f.code.get())
    }

    /// Reports an event to `sys.monitoring`'s tools.
    fn report(&self, event: Event, rest: &[Value]) -> Res<()> {
        // What the tools have asked for is the isolate's: one thread at a time looks at it.
        self.t.as_native(|| self.tell_tools(event, rest))
    }

    fn tell_tools(&self, event: Event, rest: &[Value]) -> Res<()> {
        if !monitor::wants(self.t, &self.unit.code, event) {
            return Ok(());
        }
        let kind = match event {
            Event::Line | Event::Instruction => Kind::Line,
            Event::PyStart | Event::PyResume | Event::PyThrow => Kind::Call,
            _ => Kind::Return,
        };
        let w = &self.it.watch;
        let before = w.telling.begin(self.fp as usize, kind);
        let told = monitor::fire(self.t, &w.busy, &self.unit.code, self.code(), event, self.offset, rest);
        w.telling.end(before);
        told
    }

    /// Whether a trace function has sent the frame elsewhere.
    fn jumped(&self) -> bool {
        // SAFETY: the frame is live.
        self.unit.offset_of(unsafe { (*self.fp).ip }) != self.offset + 1
    }

    fn at(&self) -> Value {
        Value::small(i64::from(self.offset) * 8)
    }

    /// Calls the trace function: the thread's for a call, else the frame's own.
    fn trace(&self, kind: Kind, arg: &Value) -> Res<()> {
        let w = &self.it.watch;
        if w.trace.is_absent() || w.busy.get() != 0 {
            return Ok(());
        }
        // SAFETY: the frame is live.
        let object = unsafe { (*self.fp).object };
        if kind != Kind::Call && object == 0 {
            return Ok(());
        }
        let frame = self.frame()?;
        let f = frame.expect::<FrameObject>();
        let function = if kind == Kind::Call { w.trace.get() } else { f.trace_function() };
        let wanted = match kind {
            Kind::Line => f.wants_lines(),
            Kind::Opcode => f.wants_opcodes(),
            _ => true,
        };
        if function.is_absent() || !wanted {
            return Ok(());
        }
        let before = w.telling.begin(self.fp as usize, kind);
        let told = self.watcher(&function, &frame, kind.text(), arg);
        w.telling.end(before);
        match told {
            Ok(v) => {
                if !v.is_none() {
                    f.set_trace_function(v);
                }
                Ok(())
            }
            Err(e) => {
                set(self.t, Value::ABSENT, true)?;
                f.set_trace_function(Value::ABSENT);
                Err(e)
            }
        }
    }

    /// Calls the profile function.
    fn profile(&self, text: &str, arg: &Value) -> Res<()> {
        let w = &self.it.watch;
        if w.profile.is_absent() || w.busy.get() != 0 {
            return Ok(());
        }
        let function = w.profile.get();
        match self.frame().and_then(|frame| self.watcher(&function, &frame, text, arg)) {
            Ok(_) => Ok(()),
            Err(e) => {
                set(self.t, Value::ABSENT, false)?;
                Err(e)
            }
        }
    }

    fn watcher(&self, f: &Value, frame: &Value, text: &str, arg: &Value) -> Res {
        let busy = &self.it.watch.busy;
        busy.set(busy.get() + 1);
        let name = names::intern_text(self.t, text);
        let r = call::call(self.t, f, &[frame.clone(), name, arg.clone()]);
        busy.set(busy.get() - 1);
        r
    }
}

/// Before the instruction at `ip`: what the previous one leaves to report, then this one's events. Returns where to go
/// on; with an error, the place where it was raised.
#[cold]
#[inline(never)]
pub(crate) fn step(
    t: &Thread,
    it: &Interp,
    mut ip: *const Word,
    fp: *mut Frame,
    pending: &mut Pending,
) -> Result<*const Word, (Exc, *const Word)> {
    loop {
        ip = look(t, it, ip, fp, pending)?;
        // SAFETY: the running frame is live.
        let saved = unsafe { (*fp).ip };
        // A trace function has assigned `f_lineno`: the instruction there is looked at in its turn.
        if it.watch.busy.get() != 0 || saved == ip.wrapping_add(1) {
            return Ok(ip);
        }
        ip = saved;
        *pending = Pending::default();
    }
}

fn look(
    t: &Thread,
    it: &Interp,
    ip: *const Word,
    fp: *mut Frame,
    pending: &mut Pending,
) -> Result<*const Word, (Exc, *const Word)> {
    // SAFETY: the running frame is live.
    let unit = unsafe { &*(*fp).unit };
    let offset = unit.offset_of(ip);
    if unit.word(offset as usize).is_some_and(|w| w.op() == Opcode::Breakpoint as u8) {
        it.watch.breakpoints.uncover(ip);
    }
    // SAFETY: as above; `ip` points at an instruction of the unit.
    let (w, last) = unsafe {
        (*fp).ip = ip.add(1);
        (*ip, std::mem::replace(&mut (*fp).watched, offset + 1))
    };
    let place = Place { t, it, fp, unit, offset };
    let here = |e: Exc| (e, ip.wrapping_add(1));
    after(&place, pending).map_err(here)?;
    if it.watch.busy.get() != 0 {
        return Ok(ip);
    }
    let Some(op) = Opcode::from_u8(w.op()) else { return Ok(ip) };
    if matches!(op, Opcode::Resume | Opcode::ResumeCounted) {
        entered(&place, w.kind()).map_err(here)?;
        return Ok(ip);
    }
    if matches!(op, Opcode::Begin | Opcode::ReturnGenerator | Opcode::MakeCell | Opcode::CopyFreeVars) {
        return Ok(ip);
    }
    if op == Opcode::ForIterGen {
        // The generator runs in a loop of its own, so that the branch is seen when it has yielded.
        // SAFETY: the words are cells of the unit, which only this thread uses; the generic form has the same shape.
        unsafe { ip.cast_mut().write(w.with_op(Opcode::ForIter)) };
    }
    if place.line() == 0 {
        // Where ways meet that belong to no line: what follows is compared with the line before it.
        // SAFETY: the frame is live.
        unsafe { (*fp).watched = last };
    }
    lines(&place, last).map_err(here)?;
    if !place.jumped() {
        instruction(&place, op, w, pending).map_err(here)?;
    }
    Ok(ip)
}

/// Resume: the frame starts or goes on.
fn entered(p: &Place<'_>, kind: u8) -> Res<()> {
    if kind == ResumeKind::Start as u8 {
        // The first line is reported even if it is the def's own.
        // SAFETY: the frame is live.
        unsafe { (*p.fp).watched = 0 };
        p.trace(Kind::Call, &Value::NONE)?;
        p.profile("call", &Value::NONE)?;
        return p.report(Event::PyStart, &[p.at()]);
    }
    p.trace(Kind::Call, &Value::NONE)?;
    p.profile("call", &Value::NONE)?;
    p.report(Event::PyResume, &[p.at()])
}

/// Line and opcode events. `last` is the offset of the frame's instruction before this one, plus one.
fn lines(p: &Place<'_>, last: u32) -> Res<()> {
    let line = p.line();
    if line != 0 {
        let fresh = last == 0 || p.unit.code.position(last - 1).line != line;
        if fresh || last > p.offset {
            p.trace(Kind::Line, &Value::NONE)?;
            if p.jumped() {
                return Ok(());
            }
        }
        if fresh {
            p.report(Event::Line, &[Value::small(i64::from(line))])?;
        }
    }
    p.trace(Kind::Opcode, &Value::NONE)?;
    p.report(Event::Instruction, &[p.at()])
}

/// What an instruction is about to do: return, yield, call, jump.
fn instruction(p: &Place<'_>, op: Opcode, w: Word, pending: &mut Pending) -> Res<()> {
    // SAFETY: operands name registers of the live frame.
    let reg = |i: usize| unsafe { Value::from_ref(&*(*p.fp).base.add(i)).clone() };
    match op {
        Opcode::Return => returns(p, Event::PyReturn, &reg(w.a())),
        Opcode::ReturnConst => {
            let v = p.unit.consts().get(w.bc() as usize).cloned().unwrap_or_default();
            returns(p, Event::PyReturn, &v)
        }
        Opcode::Yield => returns(p, Event::PyYield, &reg(w.b())),
        Opcode::Call | Opcode::CallKnown => {
            let first = if w.c() > 0 { reg(w.b() + 1) } else { Value::ABSENT };
            calls(p, reg(w.b()), first, pending)
        }
        Opcode::CallMethod | Opcode::CallMethodKnown | Opcode::CallKw => {
            let this = reg(w.b() + 1);
            let first = if this.is_absent() && w.c() > 0 { reg(w.b() + 2) } else { this };
            calls(p, reg(w.b()), first, pending)
        }
        Opcode::CallEx => {
            let args = reg(w.b() + 1);
            let first = args.downcast::<tuple::Tuple>().and_then(|a| a.items().first().cloned()).unwrap_or_default();
            calls(p, reg(w.b()), first, pending)
        }
        _ => {
            pending.branch = is_branch(op) || matches!(op, Opcode::Jump | Opcode::JumpBack | Opcode::JumpBackCounted);
            pending.from = p.offset;
            pending.frame = p.fp as usize;
            Ok(())
        }
    }
}

pub(crate) fn is_branch(op: Opcode) -> bool {
    use Opcode::*;
    matches!(
        op,
        JumpIfTrue
            | JumpIfFalse
            | JumpIfNone
            | JumpIfNotNone
            | CompareJump
            | CompareImmJump
            | CompareIntJump
            | CompareFloatJump
            | CompareStrJump
            | CompareIntImmJump
            | ForIter
            | ForIterList
            | ForIterTuple
            | ForIterRange
            | ForIterGen
            | ForIterEnumerate
            | ForIterZip
            | ForIterItems
    )
}

fn returns(p: &Place<'_>, event: Event, v: &Value) -> Res<()> {
    p.trace(if event == Event::PyYield { Kind::Yield } else { Kind::Return }, v)?;
    if p.jumped() {
        return Ok(());
    }
    p.profile("return", v)?;
    p.report(event, &[p.at(), v.clone()])
}

/// What a profile function sees as a C function: the bound form of a native function or method.
fn native(t: &Thread, f: &Value, first: &Value) -> Res<Option<Value>> {
    if f.exact::<NativeFunction>().is_some() {
        return Ok(Some(f.clone()));
    }
    let class = type_of(f);
    if class.name() == "method_descriptor"
        && !first.is_absent()
        && let Some(get) = class.slots().get
    {
        return get(t, f, Some(first), Some(&type_of(first).value())).map(Some);
    }
    Ok(None)
}

fn calls(p: &Place<'_>, f: Value, first: Value, pending: &mut Pending) -> Res<()> {
    let shown = if first.is_absent() { monitor::missing(p.t) } else { first.clone() };
    p.report(Event::Call, &[p.at(), f.clone(), shown.clone()])?;
    if !p.it.watch.profile.is_absent()
        && let Some(bound) = native(p.t, &f, &first)?
    {
        p.profile("c_call", &bound)?;
    }
    pending.call = Some((f, first));
    pending.from = p.offset;
    pending.frame = p.fp as usize;
    Ok(())
}

/// Reports how the previous instruction ended.
fn after(p: &Place<'_>, pending: &mut Pending) -> Res<()> {
    let same = pending.frame == p.fp as usize;
    let from = Place { offset: pending.from, ..*p };
    let branch = std::mem::take(&mut pending.branch);
    if let Some((f, first)) = pending.call.take() {
        return if same { finished(&from, &f, &first, "c_return", Event::CReturn) } else { Ok(()) };
    }
    if !branch || !same || p.it.watch.busy.get() != 0 {
        return Ok(());
    }
    let Some(op) = from.unit.word(from.offset as usize).and_then(|w| Opcode::from_u8(w.op())) else { return Ok(()) };
    let args = [from.at(), p.at()];
    if !is_branch(op) {
        // A jump over an exception handler is none: CPython keeps handlers out of the way.
        let behind = from.unit.word(from.offset as usize + 1 + op.extra());
        if behind.is_some_and(|w| w.op() == Opcode::PushExc as u8) {
            return Ok(());
        }
        return from.report(Event::Jump, &args);
    }
    let straight = from.offset + 1 + op.extra() as u32 == p.offset;
    from.report(if straight { Event::BranchLeft } else { Event::BranchRight }, &args)
}

fn finished(p: &Place<'_>, f: &Value, first: &Value, text: &str, event: Event) -> Res<()> {
    if !p.it.watch.profile.is_absent()
        && let Some(bound) = native(p.t, f, first)?
    {
        p.profile(text, &bound)?;
    }
    let shown = if first.is_absent() { monitor::missing(p.t) } else { first.clone() };
    p.report(event, &[p.at(), f.clone(), shown])
}

/// The running instruction raised: a native call that did is reported.
#[cold]
#[inline(never)]
pub(crate) fn failed(t: &Thread, it: &Interp, fp: *mut Frame, pending: &mut Pending) -> Res<()> {
    pending.branch = false;
    let Some((f, first)) = pending.call.take() else { return Ok(()) };
    if pending.frame != fp as usize {
        return Ok(());
    }
    // SAFETY: the running frame is live.
    let unit = unsafe { &*(*fp).unit };
    let place = Place { t, it, fp, unit, offset: pending.from };
    finished(&place, &f, &first, "c_exception", Event::CRaise)
}

fn place_of<'a>(t: &'a Thread, it: &'a Interp, fp: *mut Frame) -> Place<'a> {
    // SAFETY: the caller's frame is live.
    let (unit, ip) = unsafe { (&*(*fp).unit, (*fp).ip) };
    Place { t, it, fp, unit, offset: unit.offset_of(ip).saturating_sub(1) }
}

/// An exception passes a frame: raised there (or in a frame it called), or raised again.
#[cold]
pub(crate) fn raised(t: &Thread, it: &Interp, fp: *mut Frame, e: &Exc, again: bool) -> Res<()> {
    let p = place_of(t, it, fp);
    let value = e.value().clone();
    if again {
        return p.report(Event::Reraise, &[p.at(), value]);
    }
    // SAFETY: the frame is live.
    if !it.watch.trace.is_absent() && unsafe { (*fp).object } != 0 {
        let tb = exc::traceback(&value).present().unwrap_or(Value::NONE);
        let info = tuple::from_array(t, [type_of(&value).value(), value.clone(), tb])?;
        p.trace(Kind::Exception, &info)?;
    }
    p.report(Event::Raise, &[p.at(), value])
}

/// A handler of the frame takes the exception.
#[cold]
pub(crate) fn handled(t: &Thread, it: &Interp, fp: *mut Frame, e: &Exc, target: u32) -> Res<()> {
    let p = place_of(t, it, fp);
    let p = Place { offset: target, ..p };
    p.report(Event::ExceptionHandled, &[p.at(), e.value().clone()])
}

/// The exception leaves the frame.
#[cold]
pub(crate) fn unwound(t: &Thread, it: &Interp, fp: *mut Frame, e: &Exc) -> Res<()> {
    let p = place_of(t, it, fp);
    p.trace(Kind::Return, &Value::NONE)?;
    p.profile("return", &Value::NONE)?;
    p.report(Event::PyUnwind, &[p.at(), e.value().clone()])
}

/// An exception is thrown into a suspended frame.
#[cold]
pub(crate) fn thrown(t: &Thread, it: &Interp, fp: *mut Frame, e: &Exc) -> Res<()> {
    let p = place_of(t, it, fp);
    p.trace(Kind::Call, &Value::NONE)?;
    p.profile("call", &Value::NONE)?;
    p.report(Event::PyThrow, &[p.at(), e.value().clone()])
}
