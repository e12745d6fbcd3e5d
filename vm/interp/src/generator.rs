//! generator, coroutine and async_generator: a frame that outlives its calls.
//!
//! The object owns the registers and the place to go on at. Resuming pushes a frame record that points at them; a yield
//! pops it. The exception a generator handles while it is suspended stays with it (`handling`).

use crate::eval;
use crate::frame::{Frame, Handling, Interp, Kind, clear_registers, interp};
use crate::function::Function;
use crate::generator_type::GENERATOR;
pub(crate) use crate::throwing::close;
use crate::unit::Unit;
use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use typhon_isa::opcode::ResumeKind;
use typhon_isa::{CodeFlags, Opcode, Word};
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::shape::ShapeId;
use typhon_object::store::Slot;
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, call, ids};
use typhon_qsbr::words::Field;

/// Where a generator stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum State {
    /// Not started.
    Created,
    /// At a yield.
    Suspended,
    /// Running now.
    Running,
    /// Over.
    Finished,
}

/// A generator, coroutine or async generator.
#[repr(C)]
pub struct Generator {
    pub(crate) header: Header,
    /// The code, as run by the thread that last resumed it: an `Arc` of its own.
    unit: Cell<*const Unit>,
    pub(crate) func: Slot,
    pub(crate) regs: Cell<*mut u64>,
    pub(crate) ip: Cell<*const Word>,
    state: Field<u8>,
    pub(crate) handling: Handling,
    /// The frame object, absent until somebody asks for it.
    pub(crate) frame: Slot,
    /// What most generators have no need of.
    pub(crate) names: OnceCell<Box<Names>>,
    /// Async generators: the finalizer hook, whether hooks ran, whether it is closed, whether asend runs.
    pub(crate) finalizer: Slot,
    pub(crate) hooks_inited: Cell<bool>,
    pub(crate) closed: Cell<bool>,
    pub(crate) running_async: Cell<bool>,
}

/// Names that are not the code's, and where a coroutine was made.
#[derive(Default)]
pub(crate) struct Names {
    /// Absent as long as it is the code's; so `qualname`.
    pub(crate) name: Slot,
    pub(crate) qualname: Slot,
    /// `cr_origin`, absent if unknown.
    origin: Slot,
}

fn traverse(g: &Generator, visit: &mut dyn FnMut(&Value)) {
    let names = g.names.get().map(|n| [&n.name, &n.qualname, &n.origin]);
    for slot in [&g.func, &g.frame, &g.finalizer].into_iter().chain(names.into_iter().flatten()) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { slot.peek() });
    }
    visit(Value::from_ref(&g.handling.value.get()));
    if g.state() != State::Running && !g.regs.get().is_null() {
        for i in 0..g.unit().register_count {
            // SAFETY: the block has as many registers as the unit says.
            visit(Value::from_ref(unsafe { &*g.regs.get().add(i) }));
        }
    }
}

typhon_object::payload!(Generator => GENERATOR {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) { traverse(self, visit); }
    fn clear(&self) {
        if self.state() != State::Running {
            self.finish();
        }
    }
});

impl Generator {
    /// Where machine code finds its code.
    pub const UNIT: usize = std::mem::offset_of!(Self, unit);
    /// Where it finds the address of the instruction that it goes on at.
    pub const IP: usize = std::mem::offset_of!(Self, ip);
    /// Where it finds its [`State`], a byte.
    pub const STATE: usize = std::mem::offset_of!(Self, state);
    /// Where it finds its frame object.
    pub const FRAME: usize = std::mem::offset_of!(Self, frame);
    /// Where it finds its function.
    pub const FUNCTION: usize = std::mem::offset_of!(Self, func);
    /// Where its registers lie, unless it is finished.
    pub const REGISTERS: usize = size_of::<Self>();

    /// The code, as run by the thread that last resumed it.
    #[inline(always)]
    pub(crate) fn unit(&self) -> &Unit {
        // SAFETY: the generator holds the Arc behind this pointer; who resumes it replaces it before it runs.
        unsafe { &*self.unit.get() }
    }

    /// Where it stands; others may be resuming it.
    #[inline(always)]
    pub fn state(&self) -> State {
        match self.state.get() {
            0 => State::Created,
            1 => State::Suspended,
            2 => State::Running,
            _ => State::Finished,
        }
    }

    /// Says where it stands from here on, for who has [claimed](Self::claim) it: the last thing he does with it.
    #[inline(always)]
    pub(crate) fn set_state(&self, state: State) {
        self.state.set(state as u8);
    }

    /// Takes the generator from others that may want to resume it: from here on it is running. False if it does not stand at
    /// `state` any more.
    #[inline(always)]
    pub(crate) fn claim(&self, state: State) -> bool {
        debug_assert!(matches!(state, State::Created | State::Suspended), "nobody goes on with one that is {state:?}");
        let (from, to) = (state as u8, State::Running as u8);
        if typhon_object::thread::is_shared() { self.state.claim(from, to) } else { self.state.turn(from, to) }
    }

    /// Whether it can be resumed without another copy of its code.
    #[inline(always)]
    pub(crate) fn is_here(&self, t: &Thread) -> bool {
        self.unit().owner == t.own_tag()
    }

    /// Another thread had it: from here on it runs the running thread's copy of its code.
    #[cold]
    #[inline(never)]
    pub(crate) fn come_here(&self, t: &Thread, it: &Interp) -> Res<()> {
        let here = self.unit().here(t, it)?;
        here.ready(t)?;
        let offset = self.unit().offset_of(self.ip.get()) as usize;
        // SAFETY: copies of the same code have the same instructions at the same offsets.
        self.ip.set(unsafe { here.start().add(offset) });
        // SAFETY: the copy is held by the thread's table; the old Arc is the generator's own.
        drop(unsafe { Arc::from_raw(self.unit.replace(Arc::into_raw(Unit::keep(here)))) });
        Ok(())
    }

    /// Ends the generator: drops its registers.
    pub(crate) fn finish(&self) {
        self.set_state(State::Finished);
        // The finalizer has nothing to do any more.
        self.header.set(typhon_object::header::flag::FINALIZED);
        let regs = self.regs.replace(std::ptr::null_mut());
        if regs.is_null() {
            return;
        }
        // With its isolate the frame object goes too, or has gone.
        if typhon_object::thread::current().is_some()
            && let Some(frame) = self.frame.get().downcast::<crate::frame_object::FrameObject>()
        {
            frame.forget_generator(regs, self.unit());
        }
        // SAFETY: the registers are the generator's, and nobody else finds them any more.
        unsafe { clear_registers(regs, 0, self.unit().register_count) };
        if self.handling.value.get() != 0 {
            drop(self.handling.replace(Value::ABSENT));
        }
    }

    /// `__name__`.
    pub(crate) fn name(&self) -> Value {
        self.names.get().and_then(|n| n.name.get().present()).unwrap_or_else(|| self.unit().name.clone())
    }

    /// `__qualname__`.
    pub(crate) fn qualname(&self) -> Value {
        self.names.get().and_then(|n| n.qualname.get().present()).unwrap_or_else(|| self.unit().qualname.clone())
    }

    /// `cr_origin`.
    pub(crate) fn origin(&self) -> Value {
        self.names.get().and_then(|n| n.origin.get().present()).unwrap_or(Value::NONE)
    }

    /// Its registers, which lie behind it.
    fn own_registers(at: *mut Self) -> *mut u64 {
        at.wrapping_add(1).cast()
    }

    /// What the generator delegates to (`yield from`, `await`), if it is suspended there.
    pub(crate) fn delegate(&self) -> Option<Value> {
        if self.state() != State::Suspended || !self.claim(State::Suspended) {
            return None;
        }
        let delegate = self.stands_at();
        self.set_state(State::Suspended);
        delegate
    }

    /// The same for who has claimed it.
    pub(crate) fn stands_at(&self) -> Option<Value> {
        // SAFETY: a suspended generator's ip lies behind a Yield, which a Resume follows.
        let (yielded, resume) = unsafe { (*self.ip.get().sub(1), *self.ip.get()) };
        if Opcode::from_u8(resume.op()) != Some(Opcode::Resume) || resume.kind() < ResumeKind::AfterYieldFrom as u8 {
            return None;
        }
        // SAFETY: the compiler keeps the receiver right below the register that yields.
        let bits = unsafe { *self.regs.get().add(yielded.a().checked_sub(1)?) };
        Value::from_ref(&bits).clone().present()
    }

    pub(crate) fn kind_name(&self) -> &'static str {
        let flags = self.unit().code.flags;
        if flags & CodeFlags::COROUTINE != 0 {
            "coroutine"
        } else if flags & CodeFlags::ASYNC_GENERATOR != 0 {
            "async generator"
        } else {
            "generator"
        }
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        if !self.regs.get().is_null() {
            self.finish();
        }
        // SAFETY: the generator's own Arc.
        drop(unsafe { Arc::from_raw(self.unit.get()) });
    }
}

/// ReturnGenerator: moves the running frame's registers into a new generator, and its function if the frame is to be
/// popped without it.
#[inline(never)]
pub(crate) fn from_frame(t: &Thread, fp: *mut Frame, take: bool) -> Res {
    // SAFETY: the running frame is live, and so is what it runs.
    let (unit, base, ip) = unsafe { (Unit::keep((*fp).unit), (*fp).base, (*fp).ip) };
    let flags = unit.code.flags;
    let id = if flags & CodeFlags::COROUTINE != 0 {
        ids::COROUTINE
    } else if flags & CodeFlags::ASYNC_GENERATOR != 0 {
        ids::ASYNC_GENERATOR
    } else {
        ids::GENERATOR
    };
    // SAFETY: the frame's function is alive.
    let names = names_of(t, unsafe { &*((*fp).func as *const Function) }, &unit, id)?;
    let (count, locals) = (unit.register_count, unit.local_count);
    let size = size_of::<Generator>() + count * 8;
    let at = t.heap().alloc_object(size).map_err(|_| t.memory_error())?.cast::<Generator>();
    let regs = Generator::own_registers(at);
    // SAFETY: fresh memory for the payload and the registers behind it. The registers move; the frame's are left holding
    // nothing, and its function is taken once.
    unsafe {
        for i in 0..locals {
            regs.add(i).write(std::ptr::replace(base.add(i), 0));
        }
        for i in locals..count {
            regs.add(i).write(0);
        }
        let func = match take {
            true => Value::from_raw(std::mem::replace(&mut (*fp).func, 0)),
            false => Value::from_ref(&(*fp).func).clone(),
        };
        at.write(Generator {
            header: Header::new(ShapeId(id), typhon_object::thread::tag()),
            unit: Cell::new(Arc::into_raw(unit)),
            func: Slot::new(func),
            regs: Cell::new(regs),
            ip: Cell::new(ip),
            state: Field::new(State::Created as u8),
            handling: Handling::new(),
            frame: Slot::empty(),
            names,
            finalizer: Slot::empty(),
            hooks_inited: Cell::new(false),
            closed: Cell::new(false),
            running_async: Cell::new(false),
        });
        Ok(Value::from_raw(at as u64))
    }
}

/// What a new generator has to remember besides its function.
#[inline(always)]
fn names_of(t: &Thread, f: &Function, unit: &Unit, id: u32) -> Res<OnceCell<Box<Names>>> {
    let origin = if id == ids::COROUTINE { crate::coroutine::origin(t)? } else { Value::ABSENT };
    let own = f.name.bits() != unit.name.bits() || f.qualname.bits() != unit.qualname.bits();
    if !own && origin.is_absent() {
        return Ok(OnceCell::new());
    }
    let (name, qualname) = (Slot::new(f.name.get()), Slot::new(f.qualname.get()));
    Ok(OnceCell::from(Box::new(Names { name, qualname, origin: Slot::new(origin) })))
}

/// The payload, if `v` is of one of the three types.
#[inline]
pub fn as_generator(v: &Value) -> Option<&Generator> {
    let header = v.header()?;
    let id = header.shape().0;
    // SAFETY: objects of these exact types have this layout.
    (id == ids::GENERATOR || id == ids::COROUTINE || id == ids::ASYNC_GENERATOR)
        .then(|| unsafe { &*std::ptr::from_ref(header).cast::<Generator>() })
}

/// Whether `v` is a coroutine made by an `async def`.
pub fn is_coroutine(v: &Value) -> bool {
    v.header().is_some_and(|h| h.shape().0 == ids::COROUTINE)
}

pub(crate) fn me(v: &Value) -> &Generator {
    match as_generator(v) {
        Some(g) => g,
        None => panic!("expected a generator"),
    }
}

/// Pushes a generator's frame; it is then running. The caller has seen it at `state`, from where it may be resumed.
#[inline(always)]
pub(crate) fn push(
    t: &Thread,
    it: &Interp,
    (v, g, state): (&Value, &Generator, State),
    kind: Kind,
    dst: u16,
    skip: u8,
) -> Res<()> {
    // SAFETY: the record `fp` names is live or the bottom.
    let top = unsafe { (*it.fp.get()).top };
    it.check_room(t, top)?;
    if !g.claim(state) {
        return Err(running(t, g));
    }
    if !g.is_here(t)
        && let Err(e) = g.come_here(t, it)
    {
        g.set_state(state);
        return Err(e);
    }
    t.depth.set(t.depth.get() + 1);
    let suspended = it.watch.active.get() && state == State::Suspended;
    let watched = if suspended { g.unit().offset_of(g.ip.get()) } else { 0 };
    g.handling.below.set(it.handling.get());
    it.handling.set(&raw const g.handling);
    // SAFETY: room was checked; the record owns the references written into it.
    unsafe {
        let fp = it.fp.get().add(1);
        let object = if g.frame.is_absent() { Value::ABSENT } else { resume_object(g, fp) };
        fp.write(Frame {
            unit: g.unit.get(),
            base: g.regs.get(),
            ip: g.ip.get(),
            top,
            func: g.func.bits(),
            locals: 0,
            object: object.into_raw(),
            generator: if kind == Kind::Entry { v.clone().into_raw() } else { v.bits() },
            extra: 0,
            dst,
            skip,
            kind,
            watched,
        });
        it.fp.set(fp);
    }
    Ok(())
}

/// The record of a generator that is taken up by the running loop, which has claimed it and keeps it alive.
#[inline(always)]
pub(crate) fn record(it: &Interp, g: &Generator, kind: Kind, dst: u16, skip: u8, top: *mut u64) -> Frame {
    g.handling.below.set(it.handling.get());
    it.handling.set(&raw const g.handling);
    Frame {
        unit: g.unit.get(),
        base: g.regs.get(),
        ip: g.ip.get(),
        top,
        func: g.func.bits(),
        locals: 0,
        object: 0,
        generator: std::ptr::from_ref(g) as u64,
        extra: 0,
        dst,
        skip,
        kind,
        watched: 0,
    }
}

#[cold]
#[inline(never)]
fn resume_object(g: &Generator, fp: *mut Frame) -> Value {
    let object = g.frame.get();
    if let Some(object) = object.downcast::<crate::frame_object::FrameObject>() {
        object.resume(fp);
    }
    object
}

/// Takes a suspended generator's frame off the stack.
///
/// # Safety
/// `fp` is the running frame and belongs to generator `g`.
#[inline(always)]
pub(crate) unsafe fn pop(t: &Thread, it: &Interp, fp: *mut Frame, g: &Generator) {
    it.handling.set(g.handling.below.replace(std::ptr::null()));
    t.depth.set(t.depth.get() - 1);
    // SAFETY: the record below a live one exists; this one's references are given up once, and its frame object stays
    // with the generator.
    unsafe {
        it.fp.set(fp.sub(1));
        if (*fp).object != 0 {
            let object = Value::from_raw((*fp).object);
            if g.frame.is_absent() {
                g.frame.set(&g.header, object);
            }
        }
    }
}

/// What a resumption gives.
pub enum Resumed {
    /// A yielded value.
    Yield(Value),
    /// The return value.
    Return(Value),
}

/// Where `g` stands: to be claimed from there, unless it is finished. Asked again it may be running, in another thread. Errors:
/// "generator already executing", and a value sent to one that has not started.
fn stands(t: &Thread, g: &Generator, sent: &Value) -> Res<State> {
    match g.state() {
        State::Running => Err(running(t, g)),
        State::Created if !sent.is_none() => {
            Err(error::type_error(t, format_args!("can't send non-None value to a just-started {}", g.kind_name())))
        }
        state => Ok(state),
    }
}

/// "generator already executing".
#[cold]
pub(crate) fn running(t: &Thread, g: &Generator) -> Exc {
    error::new(t, &exc::VALUE_ERROR, format_args!("{} already executing", g.kind_name()))
}

/// Sends `value` in and runs to the next yield or the end. A finished generator returns None at once (a coroutine
/// refuses).
#[inline]
pub fn send(t: &Thread, v: &Value, value: &Value) -> Res<Resumed> {
    if let Some(resumed) = send_plain(t, v, value) {
        return resumed;
    }
    send_any(t, v, value)
}

/// The usual case of [`send`]: a generator that can run on at once, whose frame nobody has asked for, and nothing that watches
/// or runs beside it.
#[inline(always)]
fn send_plain(t: &Thread, v: &Value, value: &Value) -> Option<Res<Resumed>> {
    let (g, it) = (me(v), interp(t));
    let (state, fp) = (g.state(), it.fp.get());
    let ready = state == State::Suspended || state == State::Created && value.is_none();
    // SAFETY: the record `fp` names is live or the bottom.
    let top = unsafe { (*fp).top };
    if !ready || t.is_shared() || it.watch.active.get() || !g.frame.is_absent() || !g.is_here(t) || !it.has_room(t, top)
    {
        return None;
    }
    t.check_stack("").ok()?;
    if !g.claim(state) {
        return None;
    }
    if state == State::Suspended {
        deliver(g, value.clone());
    }
    let frame = Frame { generator: v.clone().into_raw(), ..record(it, g, Kind::Entry, 0, 0, top) };
    t.depth.set(t.depth.get() + 1);
    // SAFETY: room was checked; the record owns the reference to its generator.
    let fp = unsafe {
        let fp = fp.add(1);
        fp.write(frame);
        it.fp.set(fp);
        fp
    };
    Some(eval::run_plain(t, it, (g.ip.get(), g.regs.get(), fp)))
}

#[inline(never)]
fn send_any(t: &Thread, v: &Value, value: &Value) -> Res<Resumed> {
    let g = me(v);
    let state = stands(t, g, value)?;
    if state == State::Finished {
        if g.unit().code.flags & CodeFlags::COROUTINE != 0 {
            return Err(error::runtime_error(t, "cannot reuse already awaited coroutine"));
        }
        return Ok(Resumed::Return(Value::NONE));
    }
    t.check_stack("")?;
    let it = interp(t);
    push(t, it, (v, g, state), Kind::Entry, 0, 0)?;
    if state == State::Suspended {
        deliver(g, value.clone());
    }
    eval::run_generator(t, it, None)
}

/// Puts a sent value where the yield expression's value goes.
#[inline(always)]
pub(crate) fn deliver(g: &Generator, value: Value) {
    // SAFETY: a suspended generator's ip lies behind its Yield, whose `a` names a dead register of its block: nothing is
    // to be dropped there.
    unsafe {
        let dst = (*g.ip.get().sub(1)).a();
        g.regs.get().add(dst).write(value.into_raw());
    }
}

/// Throws an exception in at the point where the generator stands.
pub(crate) fn throw_in(t: &Thread, v: &Value, e: Exc) -> Res<Resumed> {
    let g = me(v);
    let state = stands(t, g, &Value::NONE)?;
    // In one that has not started the exception is raised at the def line; the body never runs.
    if state == State::Finished {
        if g.unit().code.flags & CodeFlags::COROUTINE != 0 {
            return Err(error::runtime_error(t, "cannot reuse already awaited coroutine"));
        }
        return Err(e);
    }
    let it = interp(t);
    push(t, it, (v, g, state), Kind::Entry, 0, 0)?;
    // What the generator itself is handling is the context; what its caller handles is not.
    exc::settle(e.value());
    if g.handling.value.get() != 0 {
        let handled = Value::from_ref(&g.handling.value.get()).clone();
        eval::exception::set_context(t, e.value(), handled);
    }
    eval::run_generator(t, it, Some(e))
}

/// Turns a resumption into a method's result: a return is StopIteration.
pub(crate) fn result(t: &Thread, r: Res<Resumed>) -> Res {
    match r? {
        Resumed::Yield(v) => Ok(v),
        Resumed::Return(v) => Err(error::stop_iteration(t, v)),
    }
}

pub(crate) fn next(t: &Thread, v: &Value) -> Res {
    match send(t, v, &Value::NONE)? {
        Resumed::Yield(v) => Ok(v),
        Resumed::Return(v) if v.is_none() => Ok(Value::ABSENT),
        Resumed::Return(v) => Err(error::stop_iteration(t, v)),
    }
}

/// `__del__`: a suspended generator is closed, a coroutine that never ran is warned about.
pub(crate) fn finalize(t: &Thread, v: &Value) {
    let g = me(v);
    if g.unit().code.flags & CodeFlags::ASYNC_GENERATOR != 0 {
        let finalizer = g.finalizer.get();
        if !finalizer.is_absent() && !finalizer.is_none() && !g.closed.get() && g.state() != State::Finished {
            if let Err(e) = call::call1(t, &finalizer, v) {
                error::unraisable(t, e, "while finalizing generator", v);
            }
            return;
        }
    }
    if g.state() == State::Created {
        if g.unit().code.flags & CodeFlags::COROUTINE != 0 {
            crate::coroutine::warn_never_awaited(t, v, &g.qualname());
        }
        g.finish();
        return;
    }
    if g.state() == State::Suspended
        && let Err(e) = close(t, v)
    {
        error::unraisable(t, e, "while closing generator", v);
    }
}
