//! frame: the Python object behind an activation record, made when somebody asks.
//!
//! While the record lives the object reads its registers; when the frame ends first, the object keeps a copy of its
//! locals.

use crate::frame::{Frame, Interp, interp};
use crate::function::Function;
use crate::generator::{Generator, State};
use crate::traceback;
use crate::unit::Unit;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use typhon_isa::LocalKind;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::native::{def, getset, getter};
use typhon_object::slots::Slots;
use typhon_object::solo::has_siblings;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::cell::Cell as PyCell;
use typhon_object::{Thread, Value, payload, strs, tuple};

/// A frame object.
#[repr(C)]
pub struct FrameObject {
    header: Header,
    /// The code.
    pub unit: Arc<Unit>,
    func: Slot,
    locals: Slot,
    /// The live record; null once the frame has ended or while its generator is suspended.
    record: Cell<*mut Frame>,
    /// Registers of a suspended generator, null otherwise.
    suspended: Cell<*mut u64>,
    /// Address of the generator whose frame this is while that is not over, 0 otherwise. Not owned: the generator owns us.
    generator: Cell<u64>,
    /// Where a frame without record stands, in words.
    offset: Cell<u32>,
    /// Locals of an ended frame.
    kept: RefCell<Vec<Value>>,
    back: Slot,
    trace: Slot,
    trace_lines: Cell<bool>,
    trace_opcodes: Cell<bool>,
    /// Keys that were stored through `f_locals` and name no variable: a dict, absent until then.
    pub(crate) extra: Slot,
}

typhon_object::payload!(FrameObject => FRAME {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.func, &self.locals, &self.back, &self.trace, &self.extra] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
        self.kept.borrow().iter().for_each(visit);
    }
    fn clear(&self) {
        if self.record.get().is_null() {
            let kept = self.kept.take();
            drop(kept);
            drop(self.locals.take());
            drop(self.trace.take());
            drop(self.back.take());
            drop(self.extra.take());
        }
    }
});

impl FrameObject {
    /// Where the frame stands, in words.
    pub fn offset(&self) -> u32 {
        self.at_rest(|| {
            let record = self.record.get();
            if record.is_null() {
                return self.offset.get();
            }
            // SAFETY: a non-null record is live: `detach` and `forget_generator` reset it.
            unsafe { (*(*record).unit).offset_of((*record).ip) }.saturating_sub(1)
        })
    }

    /// Runs `look` while no other thread runs the frame: it would end under the eyes of who looks at its record.
    fn at_rest<R>(&self, look: impl FnOnce() -> R) -> R {
        let record = self.record.get();
        match typhon_object::thread::current() {
            Some(t) if !record.is_null() && t.is_parallel() && !interp(t).owns(record) => t.alone(look),
            _ => look(),
        }
    }

    /// The line the frame is at, 0 if none.
    pub fn line(&self) -> u32 {
        self.unit.line_at(self.offset())
    }

    /// The value in named register `i`, cells opened; absent if unbound.
    pub fn local(&self, i: usize) -> Value {
        let v = self.register(i);
        if self.unit.is_cell(i)
            && let Some(c) = v.downcast::<PyCell>()
        {
            return c.get();
        }
        v
    }

    /// The live record, null if there is none.
    pub(crate) fn record(&self) -> *mut Frame {
        self.record.get()
    }

    /// Whether named register `i` of a running frame holds nothing at all (an empty cell is something).
    pub(crate) fn is_unbound(&self, i: usize) -> bool {
        self.register(i).is_absent()
    }

    /// Takes what a register of a running frame holds.
    pub(crate) fn take_register(&self, i: usize) -> Value {
        let record = self.record.get();
        if record.is_null() || i >= self.unit.register_count {
            return Value::ABSENT;
        }
        // SAFETY: a non-null record is live and has as many registers as its unit says.
        unsafe { Value::from_raw(std::ptr::replace((*record).base.add(i), 0)) }
    }

    fn register(&self, i: usize) -> Value {
        match typhon_object::thread::current() {
            // Another thread may be running the frame, or the generator.
            Some(t) if t.is_parallel() => t.alone(|| self.register_now(i)),
            _ => self.register_now(i),
        }
    }

    fn register_now(&self, i: usize) -> Value {
        let record = self.record.get();
        let base = if record.is_null() {
            self.suspended.get()
        } else {
            // SAFETY: a non-null record is live.
            unsafe { (*record).base }
        };
        if base.is_null() {
            return self.kept.borrow().get(i).cloned().unwrap_or_default();
        }
        // SAFETY: a live frame or suspended generator has this register.
        Value::from_ref(unsafe { &*base.add(i) }).clone()
    }

    /// Stores into named register `i` (through its cell if it is one).
    pub fn set_local(&self, i: usize, value: Value) {
        let old = match typhon_object::thread::current() {
            Some(t) if t.is_parallel() => t.alone(|| self.exchange_local(i, value)),
            _ => self.exchange_local(i, value),
        };
        drop(old);
    }

    fn exchange_local(&self, i: usize, value: Value) -> Value {
        let now = self.register(i);
        if self.unit.is_cell(i)
            && let Some(c) = now.downcast::<PyCell>()
        {
            c.set(value);
            return Value::ABSENT;
        }
        let record = self.record.get();
        let base = if record.is_null() {
            self.suspended.get()
        } else {
            // SAFETY: a non-null record is live.
            unsafe { (*record).base }
        };
        if base.is_null() {
            let mut kept = self.kept.borrow_mut();
            return match kept.get_mut(i) {
                Some(slot) => std::mem::replace(slot, value),
                None => value,
            };
        }
        // SAFETY: as for `register`; the old value is the caller's.
        unsafe { Value::from_raw(std::ptr::replace(base.add(i), value.into_raw())) }
    }

    /// The frame's own trace function, absent if none.
    pub(crate) fn trace_function(&self) -> Value {
        self.trace.get()
    }

    pub(crate) fn set_trace_function(&self, f: Value) {
        self.trace.set(&self.header, f);
    }

    pub(crate) fn wants_lines(&self) -> bool {
        self.trace_lines.get()
    }

    pub(crate) fn wants_opcodes(&self) -> bool {
        self.trace_opcodes.get()
    }

    /// Makes the dict of extra keys.
    pub(crate) fn set_extra(&self, extra: Value) {
        self.extra.set(&self.header, extra);
    }

    /// The globals.
    pub fn globals(&self) -> Value {
        self.func.get().downcast::<Function>().map_or(Value::NONE, |f| f.globals.get())
    }

    /// The generator's registers go away: keep copies of its locals.
    pub(crate) fn forget_generator(&self, regs: *mut u64, unit: &Unit) {
        self.generator.set(0);
        if self.suspended.get() == regs || self.record.get().is_null() {
            self.suspended.set(std::ptr::null_mut());
            self.keep(regs, unit.local_count);
        }
    }

    fn keep(&self, base: *mut u64, count: usize) {
        // SAFETY: the caller's registers are live.
        let kept = (0..count).map(|i| Value::from_ref(unsafe { &*base.add(i) }).clone()).collect();
        let old = self.kept.replace(kept);
        drop(old);
    }

    /// As `keep`, for registers that end now: their values move.
    fn keep_taken(&self, base: *mut u64, count: usize) {
        // SAFETY: the caller's registers are live, and each value is taken once.
        let kept = (0..count).map(|i| unsafe { Value::from_raw(std::ptr::replace(base.add(i), 0)) }).collect();
        let old = self.kept.replace(kept);
        drop(old);
    }

    /// The generator whose frame this is.
    fn owner(&self) -> Option<Value> {
        let bits = self.generator.get();
        if bits == 0 {
            return None;
        }
        if has_siblings() {
            // SAFETY: a generator that goes away, or is over, resets the word, and may be waiting to do so: it is still there.
            unsafe { &*(bits as *const Header) }.retain_if_alive()
        } else {
            Some(Value::from_ref(&bits).clone())
        }
    }

    /// The generator is suspended: its registers stay, the record goes.
    pub(crate) fn suspend(&self, g: &Generator) {
        self.record.set(std::ptr::null_mut());
        self.suspended.set(g.regs.get());
        self.offset.set(g.unit().offset_of(g.ip.get()).saturating_sub(1));
        drop(self.back.take());
    }

    /// The generator runs again.
    pub(crate) fn resume(&self, fp: *mut Frame) {
        self.record.set(fp);
        self.suspended.set(std::ptr::null_mut());
    }
}

/// The frame object of a live record.
pub fn of(t: &Thread, it: &Interp, fp: *mut Frame) -> Res {
    let _ = it;
    let others = t.is_parallel() && !interp(t).owns(fp);
    if others { t.alone(|| of_record(t, fp)) } else { of_record(t, fp) }
}

/// As [`of`], while nobody runs the frame.
fn of_record(t: &Thread, fp: *mut Frame) -> Res {
    // SAFETY: the record is live; it owns the object from here on.
    unsafe {
        let waiting = (*fp).object;
        if waiting != 0 && !traceback::is_entry(waiting) {
            return Ok(Value::from_ref(&(*fp).object).clone());
        }
        let func = Value::from_ref(&(*fp).func).clone();
        let locals = Value::from_ref(&(*fp).locals).clone();
        let object = new(t, Unit::keep((*fp).unit), func, locals)?;
        object.expect::<FrameObject>().record.set(fp);
        (*fp).object = object.clone().into_raw();
        traceback::fulfil(waiting, object.clone());
        if (*fp).generator != 0
            && let Some(g) = crate::generator::as_generator(Value::from_ref(&(*fp).generator))
        {
            if has_siblings() {
                g.header.mark_weak();
            }
            object.expect::<FrameObject>().generator.set((*fp).generator);
            g.frame.set(&g.header, object.clone());
        }
        Ok(object)
    }
}

/// The objects of the frames that the other threads run, each with the word of its thread's breaker.
pub fn of_others(t: &Thread) -> Res<Vec<(*const u32, Value)>> {
    t.alone(|| {
        let mut records = Vec::new();
        // SAFETY: the others are stopped; looking runs nothing.
        unsafe {
            t.isolate().each_thread(|other| {
                if !std::ptr::eq(other, t) && !other.interp.get().is_null() {
                    records.extend(interp(other).frame_at(0).map(|fp| (other.breaker.word(), fp)));
                }
            });
        }
        records.into_iter().map(|(word, fp)| Ok((word, of_record(t, fp)?))).collect()
    })
}

/// Makes the frame object that a traceback entry waits for, before the record changes hands. An isolate without memory
/// for one is about to be stopped: the entry then has no frame.
#[cold]
#[inline(never)]
pub(crate) fn settle(t: &Thread, it: &Interp, fp: *mut Frame) {
    // SAFETY: the record is live.
    let waiting = unsafe { (*fp).object };
    if traceback::is_entry(waiting) && of(t, it, fp).is_err() {
        // SAFETY: as above.
        unsafe {
            traceback::fulfil(waiting, Value::ABSENT);
            (*fp).object = 0;
        }
    }
}

fn new(t: &Thread, unit: Arc<Unit>, func: Value, locals: Value) -> Res {
    payload::new(t, |header| FrameObject {
        header,
        unit,
        func: Slot::new(func),
        locals: Slot::new(locals),
        record: Cell::new(std::ptr::null_mut()),
        suspended: Cell::new(std::ptr::null_mut()),
        generator: Cell::new(0),
        offset: Cell::new(0),
        kept: RefCell::new(Vec::new()),
        back: Slot::empty(),
        trace: Slot::empty(),
        trace_lines: Cell::new(true),
        trace_opcodes: Cell::new(false),
        extra: Slot::empty(),
    })
}

/// `gi_frame`: None once the generator is over.
pub(crate) fn of_generator(t: &Thread, v: &Value, g: &Generator) -> Res {
    if g.state() == State::Finished {
        return Ok(Value::NONE);
    }
    if let Some(frame) = g.frame.get().present() {
        return Ok(frame);
    }
    if g.state() == State::Running {
        let it = interp(t);
        let mut n = 0;
        while let Some(fp) = it.frame_at(n) {
            // SAFETY: live records.
            if unsafe { (*fp).generator } == v.bits() {
                return of(t, it, fp);
            }
            n += 1;
        }
    }
    // SAFETY: the generator holds it.
    let unit = unsafe { Unit::keep(g.unit()) };
    let object = new(t, unit, g.func.get(), Value::ABSENT)?;
    if has_siblings() {
        g.header.mark_weak();
    }
    object.expect::<FrameObject>().generator.set(v.bits());
    object.expect::<FrameObject>().suspend(g);
    g.frame.set(&g.header, object.clone());
    Ok(object)
}

/// The frame ends while its object lives on: the object keeps the locals and the way back.
///
/// # Safety
/// `fp` is the running frame, about to be popped; its registers are still alive.
#[cold]
#[inline(never)]
pub(crate) unsafe fn detach(t: &Thread, it: &Interp, fp: *mut Frame) {
    settle(t, it, fp);
    // SAFETY: the caller's record owns the object.
    let object = unsafe { Value::from_raw(std::mem::replace(&mut (*fp).object, 0)) };
    let Some(me) = object.downcast::<FrameObject>() else { return };
    // First: others may look at the frame until they know, and find it whole.
    let lives_on = t.has_other_holders(&object);
    // SAFETY: as above.
    let (offset, base) = unsafe { ((*(*fp).unit).offset_of((*fp).ip), (*fp).base) };
    me.offset.set(offset.saturating_sub(1));
    me.record.set(std::ptr::null_mut());
    // Whoever resumed a generator last is not where an ended one belongs.
    let resumed = me.generator.replace(0) != 0;
    if lives_on {
        me.keep_taken(base, me.unit.local_count);
        if !resumed
            && me.back.is_absent()
            // SAFETY: as above.
            && let Some(below) = unsafe { Interp::below(fp) }
            && let Ok(back) = of(t, it, below)
        {
            me.back.set(&me.header, back);
        }
    }
}

/// A return took its value out of a variable: the frame object is to keep that variable too.
///
/// # Safety
/// `fp` is the running frame, at its return.
pub(crate) unsafe fn put_back(fp: *mut Frame, v: &Value) {
    // SAFETY: the saved ip lies behind the return's word, whose operand names a register of the frame.
    unsafe {
        let w = *(*fp).ip.sub(1);
        if w.op() == typhon_isa::Opcode::Return as u8 && w.a() < (*(*fp).unit).local_count {
            let old = std::ptr::replace((*fp).base.add(w.a()), v.clone().into_raw());
            drop(Value::from_raw(old));
        }
    }
}

fn me(v: &Value) -> &FrameObject {
    v.expect::<FrameObject>()
}

fn back(t: &Thread, v: &Value) -> Res {
    let f = me(v);
    f.at_rest(|| {
        let record = f.record.get();
        if record.is_null() {
            return Ok(f.back.get().present().unwrap_or(Value::NONE));
        }
        // SAFETY: a non-null record is live, and at rest unless this thread runs it.
        match unsafe { Interp::below(record) } {
            Some(below) => of_record(t, below),
            None => Ok(Value::NONE),
        }
    })
}

/// The frame's locals as a mapping: the namespace itself, or for a function, and in an inlined comprehension of a module
/// or class (PEP 709), a dict of the variables.
pub fn locals(t: &Thread, f: &FrameObject) -> Res {
    match f.locals.get().present() {
        Some(namespace) if !in_comprehension(f) => Ok(namespace),
        _ => snapshot(t, f),
    }
}

/// Whether variables of an inlined comprehension are bound: in a frame with a namespace, all but a class's own cells are.
fn in_comprehension(f: &FrameObject) -> bool {
    const OWN: [&str; 3] = ["__class__", "__classdict__", "__conditional_annotations__"];
    let locals = &f.unit.code.locals;
    let inner = |i: &usize| locals[*i].kind != LocalKind::Free && !OWN.contains(&&*locals[*i].name);
    (0..f.unit.local_count).filter(inner).any(|i| !f.local(i).is_absent())
}

/// A function frame's bound variables, then the extra keys, as a new dict.
pub(crate) fn snapshot(t: &Thread, f: &FrameObject) -> Res {
    let d = Dict::create(t);
    // A comprehension's own variables hide those of the function.
    let hidden = |i: &usize| f.unit.code.locals[*i].kind == LocalKind::Hidden;
    let (own, inner): (Vec<usize>, Vec<usize>) = (0..f.unit.local_count).partition(|i| !hidden(i));
    for i in own.into_iter().chain(inner) {
        let v = f.local(i);
        if !v.is_absent() {
            Dict::of(&d).set(t, &f.unit.locals()[i], &v)?;
        }
    }
    if let Some(extra) = f.extra.get().downcast::<Dict>() {
        Dict::of(&d).merge(t, extra, true)?;
    }
    Ok(d)
}

/// `f_locals`: the namespace itself, or where [`locals`] is a dict of variables a view that writes through.
fn f_locals(t: &Thread, v: &Value) -> Res {
    match me(v).locals.get().present() {
        Some(namespace) if !in_comprehension(me(v)) => Ok(namespace),
        _ => crate::frame_locals::new(t, v),
    }
}

/// frame.
pub static FRAME: TypeDef = TypeDef {
    name: "frame",
    id: typhon_object::ids::FRAME,
    flags: flag::NO_NEW,
    slots: Slots { repr: Some(repr), ..Slots::NONE },
    getset: &[
        getter("f_back", back, ""),
        getter("f_code", |_, v| Ok(me(v).func.get().downcast::<Function>().map_or(Value::NONE, |f| f.code.get())), ""),
        getter("f_globals", |_, v| Ok(me(v).globals()), ""),
        getter(
            "f_builtins",
            |_, v| Ok(me(v).func.get().downcast::<Function>().map_or(Value::NONE, |f| f.builtins.get())),
            "",
        ),
        getter("f_locals", f_locals, ""),
        getter("f_lasti", |_, v| Ok(Value::small(i64::from(me(v).offset()) * 8)), ""),
        getter("f_generator", generator, ""),
        getset("f_lineno", line, crate::jump::set_line, ""),
        getset("f_trace", |_, v| Ok(me(v).trace.get().present().unwrap_or(Value::NONE)), set_trace, ""),
        getset(
            "f_trace_lines",
            |_, v| Ok(Value::bool(me(v).trace_lines.get())),
            |t, v, x| set_flag(t, x, &me(v).trace_lines),
            "",
        ),
        getset("f_trace_opcodes", |_, v| Ok(Value::bool(me(v).trace_opcodes.get())), set_opcodes, ""),
    ],
    methods: &[def("clear", "($self, /)", clear, "Clear all references held by the frame.")],
    ..TypeDef::of::<FrameObject>()
};

fn repr(t: &Thread, v: &Value) -> Res {
    let f = me(v);
    let code = &f.unit.code;
    strs::new(t, &format!("<frame at {:#x}, file '{}', line {}, code {}>", v.id(), code.filename, f.line(), code.name))
}

fn generator(_: &Thread, v: &Value) -> Res {
    Ok(me(v).owner().unwrap_or(Value::NONE))
}

fn line(_: &Thread, v: &Value) -> Res {
    match me(v).line() {
        0 => Ok(Value::NONE),
        n => Ok(Value::small(i64::from(n))),
    }
}

fn set_trace(_: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    let f = me(v);
    f.trace.set(&f.header, x.filter(|x| !x.is_none()).cloned().unwrap_or_default());
    Ok(())
}

fn set_opcodes(t: &Thread, v: &Value, x: Option<&Value>) -> Res<()> {
    if x.is_none() {
        let text = "attribute 'f_trace_opcodes' of 'frame' objects cannot be deleted";
        return Err(error::new(t, &typhon_object::types::exceptions::ATTRIBUTE_ERROR, text));
    }
    set_flag(t, x, &me(v).trace_opcodes)
}

fn set_flag(t: &Thread, x: Option<&Value>, cell: &Cell<bool>) -> Res<()> {
    match x {
        Some(x) if x.is_bool() => {
            cell.set(x.is_true());
            Ok(())
        }
        None => Err(error::type_error(t, "can't delete numeric/char attribute")),
        _ => Err(error::type_error(t, "attribute value type must be bool")),
    }
}

fn clear(t: &Thread, a: &[Value]) -> Res {
    let f = me(&a[0]);
    if !f.record.get().is_null() {
        return Err(error::runtime_error(t, "cannot clear an executing frame"));
    }
    if let Some(owner) = f.owner() {
        if crate::generator::as_generator(&owner).is_some_and(|g| g.state() == State::Suspended) {
            return Err(error::runtime_error(t, "cannot clear a suspended frame"));
        }
        crate::generator::finalize(t, &owner);
    }
    drop(f.trace.take());
    let kept = f.kept.take();
    drop(kept);
    Ok(Value::NONE)
}

/// `cr_origin`: up to `depth` (file, line, name) triples.
pub(crate) fn origin(t: &Thread, depth: usize) -> Res {
    let it = interp(t);
    let mut rows = Vec::new();
    for n in 1..=depth {
        let Some(fp) = it.frame_at(n) else { break };
        // SAFETY: live records.
        let (unit, ip) = unsafe { (&*(*fp).unit, (*fp).ip) };
        let line = unit.position_at(ip).line;
        rows.push(tuple::from_array(
            t,
            [strs::new(t, &unit.code.filename)?, Value::small(i64::from(line)), strs::new(t, &unit.code.name)?],
        )?);
    }
    tuple::from_vec(t, rows)
}
