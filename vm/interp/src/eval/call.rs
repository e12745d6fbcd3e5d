//! Call instructions: Python functions run in the same loop, everything else through the call slot.

use super::machine::{Flow, M, Stop};
use crate::call::{bind, push, zero};
use crate::frame::{Kind, clear_registers};
use crate::function::Function;
use typhon_isa::Word;
use typhon_object::args::{ArgBuffer, Args};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::native::{self, NativeFunction};
use typhon_object::tuple::Tuple;
use typhon_object::types::descr::{self, What};
use typhon_object::types::method::Method;
use typhon_object::{Thread, TypeObject, Value, attr, ids, ops, payload, strs, type_of};

/// Extra words of the call family.
const EXTRA: u8 = 3;

/// Enters Python function `f` (in register `at`) with `n` arguments in the registers behind `first - 1`.
#[inline(always)]
fn enter_function(m: &mut M<'_>, w: Word, at: usize, first: usize, n: usize) -> Flow {
    // SAFETY: the caller tested the exact type.
    let f = unsafe { &*(m.bits(at) as *const Function) };
    let unit = f.unit();
    // SAFETY: the frame is live.
    let in_generator = unsafe { (*m.fp).generator != 0 };
    // SAFETY: address arithmetic within the frame.
    let window = unsafe { m.base.add(first) };
    // A generator's registers lie in its own block: its callees' go on the thread's stack.
    // SAFETY: as above.
    let base = if in_generator { unsafe { (*m.fp).top } } else { window };
    if unit.simple && n == unit.arg_count {
        // SAFETY: address arithmetic; checked before use.
        m.it.check_room(m.t, unsafe { base.add(unit.register_count) })?;
        if in_generator {
            for i in 0..n {
                let v = m.take(first + i);
                // SAFETY: room was checked; the registers above `top` hold nothing alive.
                unsafe { base.add(i).write(v.into_raw()) };
            }
        }
        zero(base, n, unit.local_count);
        let callee = m.take(at);
        push(m.t, m.it, callee, unit, base, Kind::Call, w.a() as u16, EXTRA);
    } else {
        enter_bound(m, at, first, n, &[])?;
        let callee = m.take(at);
        // SAFETY: `enter_bound` bound the arguments at the frame's top.
        let base = unsafe { (*m.fp).top };
        push(m.t, m.it, callee, unit, base, Kind::Call, w.a() as u16, EXTRA);
    }
    m.enter(0);
    Ok(())
}

/// Binds window arguments at the frame's top and clears the window.
#[inline(always)]
fn enter_bound(m: &mut M<'_>, at: usize, first: usize, n: usize, names: &[Value]) -> Flow {
    // SAFETY: the caller tested the exact type.
    let f = unsafe { &*(m.bits(at) as *const Function) };
    // SAFETY: the frame is live.
    let base = unsafe { (*m.fp).top };
    bind_slow(m, f, Args { values: m.window(first, n), names }, base)?;
    m.kill_window(first, n);
    Ok(())
}

#[inline(always)]
fn bind_slow(m: &M<'_>, f: &Function, args: Args<'_>, base: *mut u64) -> Res<()> {
    bind(m.t, m.it, f, args, base)
}

/// Calls whatever register `at` holds with the window's arguments; the window dies.
#[inline(always)]
fn call_other(m: &mut M<'_>, w: Word, at: usize, first: usize, n: usize) -> Flow {
    let v = slow(m.t, m.reg(at), Args::pos(m.window(first, n)))?;
    m.kill_window(first, n);
    m.kill(at);
    m.set(w.a(), v);
    m.advance(EXTRA as isize);
    Ok(())
}

#[inline(never)]
fn slow(t: &Thread, f: &Value, args: Args<'_>) -> Res {
    if let Some(native) = f.exact::<NativeFunction>()
        && !native.passes_bound
    {
        return native::call_def(t, native.def, native.signature, args);
    }
    // A method of a built-in type, found by LoadMethod: called with the object in front.
    if f.header().is_some_and(|h| h.shape().0 == ids::METHOD_DESCRIPTOR)
        && let Some(d) = descr::try_descriptor(f)
        && let What::Method(def, signature) = d.what
        && let Some(this) = args.positional().first()
        && type_of(this).is_subtype(d.owner())
    {
        return native::call_def(t, def, signature, args);
    }
    typhon_object::call::call_args(t, f, args)
}

/// The exact type's id of an object in a register, 0 for immediates.
#[inline(always)]
fn id_of(m: &M<'_>, i: usize) -> u32 {
    match m.reg(i).header() {
        Some(h) => h.shape().0,
        None => 0,
    }
}

/// Call: no self.
#[inline(always)]
pub(crate) fn call(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (at, n) = (w.b(), w.c());
    match id_of(m, at) {
        ids::FUNCTION => enter_function(m, w, at, at + 1, n),
        ids::METHOD => {
            // A bound method: its object goes into the callable's own place, the function on top of the window is not
            // needed: the frame owns it.
            let method = m.take(at);
            let Some(b) = method.exact::<Method>() else { return Err(error::system_error(m.t, "not a method").into()) };
            let (f, this) = (b.func.get(), b.this.get());
            drop(method);
            if f.exact::<Function>().is_some() {
                return enter_method(m, w, f, this, at, n);
            }
            let v = call_with(m.t, &f, &this, Args::pos(m.window(at + 1, n)))?;
            m.kill_window(at + 1, n);
            m.set(w.a(), v);
            m.advance(EXTRA as isize);
            Ok(())
        }
        _ => call_class(m, w, at, at + 1, n),
    }
}

/// Enters a function whose first argument `this` takes the callable's register.
#[inline(always)]
fn enter_method(m: &mut M<'_>, w: Word, f: Value, this: Value, at: usize, n: usize) -> Flow {
    m.set(at, this);
    // SAFETY: tested by the caller.
    let function = unsafe { &*(f.bits() as *const Function) };
    let unit = function.unit();
    // SAFETY: the frame is live.
    let (in_generator, top) = unsafe { ((*m.fp).generator != 0, (*m.fp).top) };
    let base = if unit.simple && n + 1 == unit.arg_count && !in_generator {
        // SAFETY: address arithmetic within the frame; checked before use.
        let base = unsafe { m.base.add(at) };
        // SAFETY: as above.
        m.it.check_room(m.t, unsafe { base.add(unit.register_count) })?;
        zero(base, n + 1, unit.local_count);
        base
    } else {
        bind_slow(m, function, Args::pos(m.window(at, n + 1)), top)?;
        m.kill_window(at, n + 1);
        top
    };
    push(m.t, m.it, f, unit, base, Kind::Call, w.a() as u16, EXTRA);
    m.enter(0);
    Ok(())
}

/// Whether `f` is a Python function that takes one positional argument and nothing else.
#[inline(always)]
pub(crate) fn is_unary(f: &Value) -> bool {
    f.exact::<Function>().is_some_and(|f| f.unit().simple && f.unit().arg_count == 1)
}

/// Enters such a function; its result goes to register `dst` of an instruction with `skip` extra words.
#[inline(always)]
pub(crate) fn enter_unary(m: &mut M<'_>, f: Value, this: Value, dst: usize, skip: u8) -> Flow {
    // SAFETY: `is_unary` tested the exact type; the frame owns the function.
    let unit = unsafe { &*(f.bits() as *const Function) }.unit();
    // SAFETY: the frame is live; address arithmetic, checked before use.
    let base = unsafe { (*m.fp).top };
    // SAFETY: as above.
    m.it.check_room(m.t, unsafe { base.add(unit.register_count) })?;
    // SAFETY: room was checked; the registers above `top` hold nothing alive.
    unsafe { base.write(this.into_raw()) };
    zero(base, 1, unit.local_count);
    push(m.t, m.it, f, unit, base, Kind::Call, dst as u16, skip);
    m.enter(0);
    Ok(())
}

#[inline(never)]
fn call_with(t: &Thread, f: &Value, this: &Value, args: Args<'_>) -> Res {
    let mut buffer = ArgBuffer::new();
    typhon_object::call::call_args(t, f, args.prepend(this, &mut buffer))
}

/// CallMethod: self or nothing in the register behind the callable.
#[inline(always)]
pub(crate) fn call_method(m: &mut M<'_>, w: Word) -> Flow {
    let (at, n) = (w.b(), w.c());
    m.save();
    let (first, n) = if m.bits(at + 1) == 0 { (at + 2, n) } else { (at + 1, n + 1) };
    if id_of(m, at) == ids::FUNCTION {
        return enter_function(m, w, at, first, n);
    }
    call_class(m, w, at, first, n)
}

/// A class with a Python `__init__` and object's `__new__`: the instance is made here and `__init__` runs in this loop.
#[inline(always)]
fn call_class(m: &mut M<'_>, w: Word, at: usize, first: usize, n: usize) -> Flow {
    let Some(class) = plain_class(m.reg(at)) else { return call_other(m, w, at, first, n) };
    let Some(init) = class.lookup(m.t, typhon_object::names::n::__init__()) else {
        return call_other(m, w, at, first, n);
    };
    let Some(f) = init.exact::<Function>() else { return call_other(m, w, at, first, n) };
    let unit = f.unit();
    let instance = make_instance(m.t, class)?;
    // SAFETY: the frame is live.
    let (in_generator, top) = unsafe { ((*m.fp).generator != 0, (*m.fp).top) };
    let base = if unit.simple && n + 1 == unit.arg_count && !in_generator {
        // The instance takes the register in front of the arguments: the callable's, or the empty self's.
        // SAFETY: address arithmetic within the frame; checked before use.
        let base = unsafe { m.base.add(first - 1) };
        // SAFETY: as above.
        m.it.check_room(m.t, unsafe { base.add(unit.register_count) })?;
        m.set(first - 1, instance.clone());
        if first - 1 != at {
            m.kill(at);
        }
        zero(base, n + 1, unit.local_count);
        base
    } else {
        let mut args = ArgBuffer::with_capacity(n + 1);
        args.push(instance.clone());
        args.extend(m.window(first, n).iter().cloned());
        bind_slow(m, f, Args::pos(&args), top)?;
        drop(args);
        m.kill_window(first, n);
        m.kill(at);
        top
    };
    push(m.t, m.it, init.clone(), unit, base, Kind::Init, w.a() as u16, EXTRA);
    // SAFETY: the frame was just pushed; it owns the instance until it is popped.
    unsafe { (*m.it.fp.get()).extra = instance.into_raw() };
    m.enter(0);
    Ok(())
}

/// A Python class whose metaclass calls in the ordinary way and whose `__new__` is object's.
#[inline(always)]
fn plain_class(v: &Value) -> Option<&TypeObject> {
    let header = v.header()?;
    if header.shape().0 != ids::TYPE {
        return None;
    }
    let class = v.expect::<TypeObject>();
    let object_new = typhon_object::types::object::OBJECT.ty().slots().new?;
    let new = class.slots().new?;
    let plain = class.is_heap_type()
        && std::ptr::fn_addr_eq(new, object_new)
        && !class.has_flag(typhon_object::ty::flag::ABSTRACT)
        && std::ptr::eq(class.def(), &typhon_object::types::object::OBJECT);
    plain.then_some(class)
}

#[inline(never)]
fn make_instance(t: &Thread, class: &TypeObject) -> Res {
    payload::new_plain(t, class)
}

/// CallKw: as CallMethod, the last arguments by keyword.
#[inline(always)]
pub(crate) fn call_kw(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (at, n) = (w.b(), w.c());
    let names = m.constant(m.extra(0) as u32 as usize).expect::<Tuple>().items();
    let (first, n) = if m.bits(at + 1) == 0 { (at + 2, n) } else { (at + 1, n + 1) };
    if id_of(m, at) == ids::FUNCTION {
        enter_bound(m, at, first, n, names)?;
        let callee = m.take(at);
        // SAFETY: tested above; `callee` keeps the function alive.
        let unit = unsafe { &*(callee.bits() as *const Function) }.unit();
        // SAFETY: `enter_bound` bound the arguments at the frame's top.
        let base = unsafe { (*m.fp).top };
        push(m.t, m.it, callee, unit, base, Kind::Call, w.a() as u16, EXTRA);
        m.enter(0);
        return Ok(());
    }
    let v = slow(m.t, m.reg(at), Args { values: m.window(first, n), names })?;
    m.kill_window(first, n);
    m.kill(at);
    m.set(w.a(), v);
    m.advance(EXTRA as isize);
    Ok(())
}

/// CallEx: `f(*args, **kwargs)`.
#[inline(always)]
pub(crate) fn call_ex(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let at = w.b();
    let (values, names) = spread(m.t, m.reg(at), m.reg(at + 1), m.reg(at + 2))?;
    if id_of(m, at) == ids::FUNCTION {
        // SAFETY: tested above.
        let f = unsafe { &*(m.bits(at) as *const Function) };
        // SAFETY: the frame is live.
        let base = unsafe { (*m.fp).top };
        bind_slow(m, f, Args { values: &values, names: &names }, base)?;
        drop((values, names));
        let callee = m.take(at);
        m.kill_window(at + 1, 2);
        push(m.t, m.it, callee, f.unit(), base, Kind::Call, w.a() as u16, 0);
        m.enter(0);
        return Ok(());
    }
    let v = slow(m.t, m.reg(at), Args { values: &values, names: &names })?;
    drop((values, names));
    m.kill_window(at, 3);
    m.set(w.a(), v);
    Ok(())
}

/// Flattens `*args` and `**kwargs`.
#[inline(never)]
fn spread(t: &Thread, f: &Value, args: &Value, kwargs: &Value) -> Res<(Vec<Value>, Vec<Value>)> {
    let mut values = match args.exact::<Tuple>() {
        Some(tuple) => tuple.items().to_vec(),
        None => {
            if type_of(args).slots().iter.is_none() && !ops::is_sequence(args) {
                let what = function_text(t, f)?;
                let name = type_of(args).name();
                return Err(error::type_error(
                    t,
                    format_args!("{what} argument after * must be an iterable, not {name}"),
                ));
            }
            ops::collect(t, args)?
        }
    };
    let mut names = Vec::new();
    if let Some(d) = kwargs.downcast::<Dict>() {
        for (k, v) in d.items() {
            if k.downcast::<strs::Str>().is_none() {
                return Err(error::type_error(t, "keywords must be strings"));
            }
            names.push(typhon_object::names::intern(t, &k));
            values.push(v);
        }
    }
    Ok((values, names))
}

/// "module.f()" for messages about a call.
pub(crate) fn function_text(t: &Thread, f: &Value) -> Res<String> {
    let qualname = attr::get_opt(t, f, typhon_object::names::n::__qualname__())?;
    let Some(qualname) = qualname.filter(|q| q.downcast::<strs::Str>().is_some()) else {
        return Ok(strs::display(&ops::str(t, f)?));
    };
    let module = attr::get_opt(t, f, typhon_object::names::n::__module__())?;
    let qualname = strs::display(&qualname);
    Ok(match module.filter(|m| !m.is_none()) {
        Some(module) if !strs::eq_str(&module, "builtins") => format!("{}.{qualname}()", strs::display(&module)),
        _ => format!("{qualname}()"),
    })
}

/// Return: hands `v` to whoever the frame's kind says.
#[inline(always)]
pub(crate) fn finish(m: &mut M<'_>, v: Value) -> Flow {
    let fp = m.fp;
    // SAFETY: the frame is live until it is popped here; its locals die first, then what the record owns.
    unsafe {
        if (*fp).object != 0 {
            crate::frame_object::put_back(fp, &v);
            crate::frame_object::detach(m.t, m.it, fp);
        }
        clear_registers(m.base, 0, (*(*fp).unit).local_count);
        let Frame4 { func, locals, extra, generator } = owned(fp);
        let (dst, skip, kind) = ((*fp).dst, (*fp).skip, (*fp).kind);
        m.it.fp.set(fp.sub(1));
        m.t.depth.set(m.t.depth.get() - 1);
        if kind == Kind::Entry {
            drop((func, locals, extra, generator));
            return Err(Stop::Exit(v));
        }
        m.enter(skip as isize);
        drop((func, locals, generator));
        match kind {
            Kind::Init => {
                if !v.is_none() {
                    m.advance(-(skip as isize));
                    return Err(init_result(m.t, &v).into());
                }
                m.set(dst as usize, extra);
            }
            _ => m.set(dst as usize, v),
        }
    }
    Ok(())
}

struct Frame4 {
    func: Value,
    locals: Value,
    extra: Value,
    generator: Value,
}

/// Takes what a frame record owns.
///
/// # Safety
/// The record is live, and its fields are not used again.
#[inline(always)]
unsafe fn owned(fp: *mut crate::frame::Frame) -> Frame4 {
    // SAFETY: the caller's duty; each word is a value the record owned.
    unsafe {
        Frame4 {
            func: Value::from_raw((*fp).func),
            locals: Value::from_raw((*fp).locals),
            extra: Value::from_raw((*fp).extra),
            generator: Value::from_raw((*fp).generator),
        }
    }
}

#[cold]
fn init_result(t: &Thread, v: &Value) -> error::Exc {
    error::type_error(t, format_args!("__init__() should return None, not '{}'", type_of(v).name()))
}

/// Pops a frame that an exception leaves: everything in it dies.
pub(crate) fn abandon(m: &mut M<'_>) {
    let fp = m.fp;
    // SAFETY: as in `finish`; temporaries may be alive too.
    unsafe {
        if (*fp).object != 0 {
            crate::frame_object::detach(m.t, m.it, fp);
        }
        clear_registers(m.base, 0, (*(*fp).unit).register_count);
        let owned = owned(fp);
        m.it.fp.set(fp.sub(1));
        m.t.depth.set(m.t.depth.get() - 1);
        drop((owned.func, owned.locals, owned.extra, owned.generator));
    }
}
