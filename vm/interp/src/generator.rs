//! generator, coroutine and async_generator: a frame that outlives its calls.
//!
//! The object owns the registers and the place to go on at. Resuming pushes a frame record that points at them; a yield
//! pops it. The exception a generator handles while it is suspended stays with it (`handling`).

use crate::eval;
use crate::frame::{Frame, Handling, Interp, Kind, clear_registers, interp};
use crate::function::Function;
pub(crate) use crate::throwing::{close, throw, thrown};
use crate::unit::Unit;
use std::cell::Cell;
use std::rc::Rc;
use typhon_isa::opcode::ResumeKind;
use typhon_isa::{CodeFlags, Opcode, Word};
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::native::{GetSetDef, MethodDef, def, getset, getter};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, TypeObject, flag};
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, call, payload, strs, type_of};

/// Where a generator stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
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
    pub(crate) unit: Rc<Unit>,
    pub(crate) func: Slot,
    pub(crate) regs: Cell<*mut u64>,
    pub(crate) ip: Cell<*const Word>,
    pub(crate) state: Cell<State>,
    pub(crate) handling: Handling,
    /// The frame object, absent until somebody asks for it.
    pub(crate) frame: Slot,
    /// Absent as long as it is the code's; so `qualname`.
    name: Slot,
    qualname: Slot,
    /// `cr_origin`, absent if unknown.
    origin: Slot,
    /// Async generators: the finalizer hook, whether hooks ran, whether it is closed, whether asend runs.
    pub(crate) finalizer: Slot,
    pub(crate) hooks_inited: Cell<bool>,
    pub(crate) closed: Cell<bool>,
    pub(crate) running_async: Cell<bool>,
}

fn traverse(g: &Generator, visit: &mut dyn FnMut(&Value)) {
    for slot in [&g.func, &g.frame, &g.name, &g.qualname, &g.origin, &g.finalizer] {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { slot.peek() });
    }
    visit(Value::from_ref(&g.handling.value.get()));
    if g.state.get() != State::Running && !g.regs.get().is_null() {
        for i in 0..g.unit.register_count {
            // SAFETY: the block has as many registers as the unit says.
            visit(Value::from_ref(unsafe { &*g.regs.get().add(i) }));
        }
    }
}

typhon_object::payload!(Generator => GENERATOR {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) { traverse(self, visit); }
    fn clear(&self) {
        if self.state.get() != State::Running {
            self.finish();
        }
    }
});

impl Generator {
    /// Ends the generator: drops its registers.
    pub(crate) fn finish(&self) {
        self.state.set(State::Finished);
        // The finalizer has nothing to do any more.
        self.header.set(typhon_object::header::flag::FINALIZED);
        let regs = self.regs.replace(std::ptr::null_mut());
        if regs.is_null() {
            return;
        }
        if let Some(frame) = self.frame.get().downcast::<crate::frame_object::FrameObject>() {
            frame.forget_generator(regs, &self.unit);
        }
        // SAFETY: the block is detached from the generator; it came from the heap with this size.
        unsafe {
            clear_registers(regs, 0, self.unit.register_count);
            if let Some(t) = typhon_object::thread::current() {
                t.heap().free_raw(regs.cast(), self.unit.register_count * 8);
            }
        }
        if self.handling.value.get() != 0 {
            drop(self.handling.replace(Value::ABSENT));
        }
    }

    fn name(&self) -> Value {
        self.name.get().present().unwrap_or_else(|| self.unit.name.clone())
    }

    /// `__qualname__`.
    pub(crate) fn qualname(&self) -> Value {
        self.qualname.get().present().unwrap_or_else(|| self.unit.qualname.clone())
    }

    /// What the generator delegates to (`yield from`, `await`), if it is suspended there.
    pub(crate) fn delegate(&self) -> Option<Value> {
        if self.state.get() != State::Suspended {
            return None;
        }
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
        let flags = self.unit.code.flags;
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
        self.finish();
    }
}

/// ReturnGenerator: moves the running frame's registers into a new generator and pops the frame.
pub(crate) fn from_frame(t: &Thread, fp: *mut Frame) -> Res {
    // SAFETY: the running frame is live; its function keeps the unit alive and holds its Rc.
    let (unit, running, func, base, ip) = unsafe {
        let f = &*((*fp).func as *const Function);
        (Rc::clone(&f.unit.borrow()), (*fp).unit, Value::from_ref(&(*fp).func).clone(), (*fp).base, (*fp).ip)
    };
    // SAFETY: as above. The function's code may have been replaced since it was called.
    let unit = if Rc::as_ptr(&unit) == running { unit } else { Unit::of(t, unsafe { &(*running).code })? };
    let count = unit.register_count;
    let regs = t.heap().alloc_raw(count * 8).map_err(|_| t.memory_error())?.cast::<u64>();
    // SAFETY: the registers move to the new block; the frame's are left holding nothing.
    unsafe {
        regs.copy_from_nonoverlapping(base, count);
        for i in unit.local_count..count {
            regs.add(i).write(0);
        }
        base.write_bytes(0, unit.local_count);
    }
    let flags = unit.code.flags;
    let def = if flags & CodeFlags::COROUTINE != 0 {
        &COROUTINE
    } else if flags & CodeFlags::ASYNC_GENERATOR != 0 {
        &ASYNC_GENERATOR
    } else {
        &GENERATOR
    };
    let f = func.expect::<Function>();
    let other = |own: &Slot, known: &Value| if own.bits() == known.bits() { Value::ABSENT } else { own.get() };
    let (name, qualname) = (other(&f.name, &unit.name), other(&f.qualname, &unit.qualname));
    let origin = if std::ptr::eq(def, &COROUTINE) { crate::coroutine::origin(t)? } else { Value::ABSENT };
    make(t, def.ty(), |header| Generator {
        header,
        unit,
        func: Slot::new(func),
        regs: Cell::new(regs),
        ip: Cell::new(ip),
        state: Cell::new(State::Created),
        handling: Handling::new(),
        frame: Slot::empty(),
        name: Slot::new(name),
        qualname: Slot::new(qualname),
        origin: Slot::new(origin),
        finalizer: Slot::empty(),
        hooks_inited: Cell::new(false),
        closed: Cell::new(false),
        running_async: Cell::new(false),
    })
}

/// The three types share one layout without deriving from each other.
fn make(t: &Thread, ty: &TypeObject, build: impl FnOnce(Header) -> Generator) -> Res {
    // SAFETY: the closure writes the whole payload; the size is the payload's.
    unsafe {
        payload::new_sized(t, ty, size_of::<Generator>(), |at| {
            let at = at.cast::<Generator>();
            let header = (&raw mut (*at).header).read();
            at.write(build(header));
        })
    }
}

/// The payload, if `v` is of one of the three types.
#[inline]
pub fn as_generator(v: &Value) -> Option<&Generator> {
    use typhon_object::ids;
    let header = v.header()?;
    let id = header.shape().0;
    // SAFETY: objects of these exact types have this layout.
    (id == ids::GENERATOR || id == ids::COROUTINE || id == ids::ASYNC_GENERATOR)
        .then(|| unsafe { &*std::ptr::from_ref(header).cast::<Generator>() })
}

pub(crate) fn me(v: &Value) -> &Generator {
    match as_generator(v) {
        Some(g) => g,
        None => panic!("expected a generator"),
    }
}

/// Pushes a generator's frame; it is then running. The caller has checked that it may be resumed.
#[inline(always)]
pub(crate) fn push(t: &Thread, it: &Interp, v: &Value, g: &Generator, kind: Kind, dst: u16, skip: u8) -> Res<()> {
    // SAFETY: the record `fp` names is live or the bottom.
    let top = unsafe { (*it.fp.get()).top };
    it.check_room(t, top)?;
    t.depth.set(t.depth.get() + 1);
    let suspended = it.watch.active.get() && g.state.get() == State::Suspended;
    let watched = if suspended { g.unit.offset_of(g.ip.get()) } else { 0 };
    g.state.set(State::Running);
    g.handling.below.set(it.handling.get());
    it.handling.set(&raw const g.handling);
    // SAFETY: room was checked; the record owns the references written into it.
    unsafe {
        let fp = it.fp.get().add(1);
        let object = if g.frame.is_absent() { Value::ABSENT } else { resume_object(g, fp) };
        fp.write(Frame {
            unit: Rc::as_ptr(&g.unit),
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
pub(crate) enum Resumed {
    /// A yielded value.
    Yield(Value),
    /// The return value.
    Return(Value),
}

/// "generator already executing" and the like; `None` if it may run.
pub(crate) fn refuse(t: &Thread, g: &Generator, sent: Option<&Value>) -> Option<Exc> {
    match g.state.get() {
        State::Running => Some(error::new(t, &exc::VALUE_ERROR, format_args!("{} already executing", g.kind_name()))),
        State::Created if sent.is_some_and(|v| !v.is_none()) => {
            Some(error::type_error(t, format_args!("can't send non-None value to a just-started {}", g.kind_name())))
        }
        _ => None,
    }
}

/// Sends `value` in and runs to the next yield or the end. A finished generator returns None at once (a coroutine
/// refuses).
pub(crate) fn send(t: &Thread, v: &Value, value: &Value) -> Res<Resumed> {
    let g = me(v);
    if let Some(e) = refuse(t, g, Some(value)) {
        return Err(e);
    }
    if g.state.get() == State::Finished {
        if g.unit.code.flags & CodeFlags::COROUTINE != 0 {
            return Err(error::runtime_error(t, "cannot reuse already awaited coroutine"));
        }
        return Ok(Resumed::Return(Value::NONE));
    }
    t.check_stack("")?;
    let it = interp(t);
    let started = g.state.get() == State::Suspended;
    push(t, it, v, g, Kind::Entry, 0, 0)?;
    if started {
        deliver(g, value.clone());
    }
    settle(g, eval::run(t, it))
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
    if let Some(e) = refuse(t, g, None) {
        return Err(e);
    }
    // In one that has not started the exception is raised at the def line; the body never runs.
    if g.state.get() == State::Finished {
        if g.unit.code.flags & CodeFlags::COROUTINE != 0 {
            return Err(error::runtime_error(t, "cannot reuse already awaited coroutine"));
        }
        return Err(e);
    }
    let it = interp(t);
    push(t, it, v, g, Kind::Entry, 0, 0)?;
    // What the generator itself is handling is the context; what its caller handles is not.
    exc::settle(e.value());
    if g.handling.value.get() != 0 {
        let handled = Value::from_ref(&g.handling.value.get()).clone();
        eval::exception::set_context(t, e.value(), handled);
    }
    settle(g, eval::run_throw(t, it, e))
}

fn settle(g: &Generator, r: Res) -> Res<Resumed> {
    match r {
        Ok(v) if g.state.get() == State::Suspended => Ok(Resumed::Yield(v)),
        Ok(v) => Ok(Resumed::Return(v)),
        Err(e) => Err(e),
    }
}

/// Turns a resumption into a method's result: a return is StopIteration.
pub(crate) fn result(t: &Thread, r: Res<Resumed>) -> Res {
    match r? {
        Resumed::Yield(v) => Ok(v),
        Resumed::Return(v) => Err(error::stop_iteration(t, v)),
    }
}

fn next(t: &Thread, v: &Value) -> Res {
    match send(t, v, &Value::NONE)? {
        Resumed::Yield(v) => Ok(v),
        Resumed::Return(v) if v.is_none() => Ok(Value::ABSENT),
        Resumed::Return(v) => Err(error::stop_iteration(t, v)),
    }
}

/// `__del__`: a suspended generator is closed, a coroutine that never ran is warned about.
pub(crate) fn finalize(t: &Thread, v: &Value) {
    let g = me(v);
    if g.unit.code.flags & CodeFlags::ASYNC_GENERATOR != 0 {
        let finalizer = g.finalizer.get();
        if !finalizer.is_absent() && !finalizer.is_none() && !g.closed.get() && g.state.get() != State::Finished {
            if let Err(e) = call::call1(t, &finalizer, v) {
                error::unraisable(t, e, "while finalizing generator", v);
            }
            return;
        }
    }
    if g.state.get() == State::Created {
        if g.unit.code.flags & CodeFlags::COROUTINE != 0 {
            crate::coroutine::warn_never_awaited(t, v, &g.qualname());
        }
        g.finish();
        return;
    }
    if g.state.get() == State::Suspended
        && let Err(e) = close(t, v)
    {
        error::unraisable(t, e, "while closing generator", v);
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let g = me(v);
    let kind = type_of(v).name();
    strs::new(t, &format!("<{kind} object {} at {:#x}>", strs::display(&g.qualname()), v.id()))
}

pub(crate) fn send_method(t: &Thread, a: &[Value]) -> Res {
    result(t, send(t, &a[0], &a[1]))
}

pub(crate) fn throw_method(t: &Thread, a: &[Value]) -> Res {
    let e = thrown(t, &a[1], &a[2], &a[3])?;
    result(t, throw(t, &a[0], e))
}

fn close_method(t: &Thread, a: &[Value]) -> Res {
    close(t, &a[0])
}

const fn methods(docs: [&'static str; 3]) -> [MethodDef; 5] {
    [
        def("send", "($self, value, /)", send_method, docs[0]),
        def("throw", "($self, type, value=None, traceback=None, /)", throw_method, docs[1]),
        def("close", "($self, /)", close_method, docs[2]),
        def(
            "__class_getitem__",
            "($type, item, /)",
            |t, a| typhon_object::types::generic_alias::new(t, &a[0], &a[1]),
            "See PEP 585",
        )
        .class(),
        def("__sizeof__", "($self, /)", |_, a| Ok(Value::small(200 + 8 * me(&a[0]).unit.register_count as i64)), ""),
    ]
}

static GENERATOR_METHODS: [MethodDef; 5] = methods([
    "send(value) -> send 'value' into generator,\nreturn next yielded value or raise StopIteration.",
    "throw(value)\nthrow(type[,value[,tb]])\n\nRaise exception in generator, return next yielded value or raise\nStopIteration.\nthe (type, val, tb) signature is deprecated, \nand may be removed in a future version of Python.",
    "close() -> raise GeneratorExit inside generator.",
]);
static COROUTINE_METHODS: [MethodDef; 5] = methods([
    "send(arg) -> send 'arg' into coroutine,\nreturn next yielded value or raise StopIteration.",
    "throw(value)\nthrow(type[,value[,traceback]])\n\nRaise exception in coroutine, return next yielded value or raise\nStopIteration.\nthe (type, val, tb) signature is deprecated, \nand may be removed in a future version of Python.",
    "close() -> raise GeneratorExit inside coroutine.",
]);

fn set_name(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    set_text(t, v, x, &me(v).name, "__name__")
}

fn set_qualname(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    set_text(t, v, x, &me(v).qualname, "__qualname__")
}

fn set_text(t: &Thread, v: &Value, x: Option<&Value>, slot: &Slot, name: &str) -> Res<()> {
    match x {
        Some(s) if s.downcast::<strs::Str>().is_some() => {
            slot.set(&me(v).header, s.clone());
            Ok(())
        }
        _ => Err(error::type_error(t, format_args!("{name} must be set to a string object"))),
    }
}

fn frame(t: &Thread, v: &Value) -> Res {
    crate::frame_object::of_generator(t, v, me(v))
}

fn delegate(_: &Thread, v: &Value) -> Res {
    Ok(me(v).delegate().unwrap_or(Value::NONE))
}

fn running(_: &Thread, v: &Value) -> Res {
    Ok(Value::bool(me(v).state.get() == State::Running))
}

fn suspended(_: &Thread, v: &Value) -> Res {
    Ok(Value::bool(me(v).state.get() == State::Suspended))
}

fn code(_: &Thread, v: &Value) -> Res {
    let g = me(v);
    Ok(g.func.get().downcast::<Function>().map_or(Value::NONE, |f| f.code.get()))
}

const fn names(docs: [&'static str; 2]) -> [GetSetDef; 2] {
    [
        getset("__name__", |_, v| Ok(me(v).name()), set_name, docs[0]),
        getset("__qualname__", |_, v| Ok(me(v).qualname()), set_qualname, docs[1]),
    ]
}

const GENERATOR_NAMES: [GetSetDef; 2] = names(["name of the generator", "qualified name of the generator"]);
const COROUTINE_NAMES: [GetSetDef; 2] = names(["name of the coroutine", "qualified name of the coroutine"]);
const ASYNC_NAMES: [GetSetDef; 2] = names(["name of the async generator", "qualified name of the async generator"]);

/// generator.
pub static GENERATOR: TypeDef = TypeDef {
    name: "generator",
    id: typhon_object::ids::GENERATOR,
    flags: flag::NO_NEW | flag::WEAKREFS,
    slots: Slots {
        repr: Some(repr),
        iter: Some(|_, v| Ok(v.clone())),
        next: Some(next),
        finalize: Some(finalize),
        ..Slots::NONE
    },
    methods: &GENERATOR_METHODS,
    getset: &[
        GENERATOR_NAMES[0],
        GENERATOR_NAMES[1],
        getter("gi_frame", frame, ""),
        getter("gi_code", code, ""),
        getter("gi_running", running, ""),
        getter("gi_suspended", suspended, ""),
        getter("gi_yieldfrom", delegate, "object being iterated by yield from, or None"),
    ],
    ..TypeDef::of::<Generator>()
};

/// coroutine.
pub static COROUTINE: TypeDef = TypeDef {
    name: "coroutine",
    id: typhon_object::ids::COROUTINE,
    flags: flag::NO_NEW | flag::WEAKREFS,
    slots: Slots {
        repr: Some(repr),
        await_: Some(crate::coroutine::await_wrapper),
        finalize: Some(finalize),
        ..Slots::NONE
    },
    methods: &COROUTINE_METHODS,
    getset: &[
        COROUTINE_NAMES[0],
        COROUTINE_NAMES[1],
        getter("cr_frame", frame, ""),
        getter("cr_code", code, ""),
        getter("cr_running", running, ""),
        getter("cr_suspended", suspended, ""),
        getter("cr_await", delegate, "object being awaited on, or None"),
        getter("cr_origin", |_, v| Ok(me(v).origin.get().present().unwrap_or(Value::NONE)), ""),
    ],
    ..TypeDef::of::<Generator>()
};

/// async_generator.
pub static ASYNC_GENERATOR: TypeDef = TypeDef {
    name: "async_generator",
    id: typhon_object::ids::ASYNC_GENERATOR,
    flags: flag::NO_NEW | flag::WEAKREFS,
    slots: Slots {
        repr: Some(repr),
        aiter: Some(|_, v| Ok(v.clone())),
        anext: Some(crate::asyncgen::anext),
        finalize: Some(finalize),
        ..Slots::NONE
    },
    methods: crate::asyncgen::METHODS,
    getset: &[
        ASYNC_NAMES[0],
        ASYNC_NAMES[1],
        getter("ag_frame", frame, ""),
        getter("ag_code", code, ""),
        getter("ag_running", |_, v| Ok(Value::bool(me(v).running_async.get())), ""),
        getter("ag_suspended", suspended, ""),
        getter("ag_await", delegate, "object being awaited on, or None"),
    ],
    ..TypeDef::of::<Generator>()
};
