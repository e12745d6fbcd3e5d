//! Call instructions: Python functions run in the same loop, everything else through the call slot.

use super::class::{self, enter_init, plain_class};
use super::leave::FEW;
use super::machine::{Flow, M, Stop};
use super::special;
use crate::bind;
use crate::call::{push, zero};
use crate::frame::{Interp, Kind};
use crate::function::Function;
use typhon_isa::{Opcode, Word};
use typhon_object::args::{ArgBuffer, Args, Signature};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::native::{self, MethodDef, NativeFn, NativeFunction};
use typhon_object::tuple::{self, Tuple};
use typhon_object::types::descr::{Descriptor, What};
use typhon_object::types::method::Method;
use typhon_object::{Thread, Value, attr, ids, ops, strs, type_of};

/// Extra words of the call family.
pub(super) const EXTRA: u8 = 3;

/// Enters Python function `callee` with the `n` arguments in the registers from `first` on, the last ones by keyword.
#[inline(always)]
pub(super) fn enter_function(
    m: &mut M<'_>,
    w: Word,
    callee: Value,
    (first, n): (usize, usize),
    names: &[Value],
    kind: Kind,
) -> Flow {
    // SAFETY: the callers tested the exact type.
    let f = unsafe { &*(callee.bits() as *const Function) };
    let unit = f.unit().here(m.t, m.it)?;
    // SAFETY: the frame is live. A generator's registers lie in its own block: its callees' go on the thread's stack.
    let top = unsafe { if (*m.fp).generator != 0 { Some((*m.fp).top) } else { None } };
    // SAFETY: address arithmetic within the frame.
    let window = unsafe { m.base.add(first) };
    let mut base = top.unwrap_or(window);
    if unit.simple && n == unit.arg_count && names.is_empty() {
        // SAFETY: address arithmetic; checked before use.
        m.it.check_room(m.t, unsafe { base.add(unit.register_count) })?;
        if top.is_some() {
            for i in 0..n {
                let v = m.take(first + i);
                // SAFETY: room was checked; the registers above `top` hold nothing alive.
                unsafe { base.add(i).write(v.into_raw()) };
            }
        }
        zero(base, n, unit.local_count);
    } else {
        base = bind::window(m.t, m.it, f, window, top, n, names)?;
    }
    push(m.t, m.it, callee, unit, base, kind, w.a() as u16, EXTRA);
    m.enter_pushed(unit, base);
    Ok(())
}

/// Calls whatever register `at` holds with the window's arguments; the window dies.
#[inline(always)]
fn call_other(m: &mut M<'_>, w: Word, at: usize, first: usize, n: usize) -> Flow {
    let v = slow(m.t, m.reg(at), m.window(first, n))?;
    m.kill_window(first, n);
    m.kill(at);
    m.set(w.a(), v);
    m.advance(EXTRA as isize);
    Ok(())
}

/// A native function in register `at`. What it is bound to, if that is an argument, goes in front of the others, into a
/// register that is the call's.
#[inline(always)]
fn call_function(m: &mut M<'_>, w: Word, at: usize, first: usize, n: usize) -> Flow {
    // SAFETY: the callers tested the exact type.
    let native = unsafe { &*(m.bits(at) as *const NativeFunction) };
    let known = (native.def, native.signature);
    if !native.passes_bound {
        return call_native(m, w, known, at, (first, n));
    }
    let this = native.bound.get();
    let held = m.take(at);
    m.set(first - 1, this);
    call_native(m, w, known, at, (first - 1, n + 1))?;
    drop(held);
    Ok(())
}

/// A method of a built-in type in register `at`, found by LoadMethod: its object is the first argument.
#[inline(always)]
fn call_descriptor(m: &mut M<'_>, w: Word, at: usize, first: usize, n: usize) -> Flow {
    match method_of(m.reg(at), m.window(first, n).first()) {
        Some(known) => call_native(m, w, known, at, (first, n)),
        None => call_other(m, w, at, first, n),
    }
}

/// Calls a native function or a built-in type's method with the window's arguments; those die, and so does the callable
/// in register `at`. Arguments that match a signature without options go straight to the function.
#[inline(always)]
fn call_native(
    m: &mut M<'_>,
    w: Word,
    (def, signature): (&'static MethodDef, Option<&'static Signature>),
    at: usize,
    (first, n): (usize, usize),
) -> Flow {
    let args = m.window(first, n);
    let v = match (def.call, signature) {
        (NativeFn::Bound(f), Some(sig)) if sig.simple && n == sig.params.len() => f(m.t, args)?,
        _ => native_call(m.t, def, signature, args)?,
    };
    m.kill_window(first, n);
    m.kill(at);
    m.set(w.a(), v);
    m.advance(EXTRA as isize);
    Ok(())
}

#[inline(never)]
pub(super) fn native_call(t: &Thread, def: &MethodDef, signature: Option<&Signature>, args: &[Value]) -> Res {
    native::call_positional(t, def, signature, args)
}

#[inline(never)]
fn slow(t: &Thread, f: &Value, args: &[Value]) -> Res {
    typhon_object::call::call(t, f, args)
}

/// The definition of a built-in type's method, if `this` is an instance of that type.
#[inline(always)]
pub(super) fn method_of(f: &Value, this: Option<&Value>) -> Option<(&'static MethodDef, Option<&'static Signature>)> {
    let header = f.header().filter(|h| h.shape().0 == ids::METHOD_DESCRIPTOR)?;
    // SAFETY: objects of this exact type have this layout.
    let d = unsafe { &*std::ptr::from_ref(header).cast::<Descriptor>() };
    let What::Method(def, signature) = d.what else { return None };
    type_of(this?).is_subtype(d.owner()).then_some((def, signature))
}

/// Calls anything, with arguments by keyword.
#[inline(never)]
fn slow_kw(t: &Thread, f: &Value, args: Args<'_>) -> Res {
    if let Some(native) = f.exact::<NativeFunction>()
        && !native.passes_bound
    {
        return native::call_def(t, native.def, native.signature, args);
    }
    if let Some((def, signature)) = method_of(f, args.positional().first()) {
        return native::call_def(t, def, signature, args);
    }
    typhon_object::call::call_args(t, f, args)
}

/// The exact type's id of an object in a register, 0 for immediates.
#[inline(always)]
pub(super) fn id_of(m: &M<'_>, i: usize) -> u32 {
    match m.reg(i).header() {
        Some(h) => h.shape().0,
        None => 0,
    }
}

/// Call and CallMethod of a Python function with plain parameters, of which the last may have defaults.
#[inline(always)]
fn call_plain(m: &mut M<'_>, w: Word, at: usize, (first, n): (usize, usize), [native, class]: [Opcode; 2]) -> Flow {
    match id_of(m, at) {
        ids::FUNCTION => {}
        ids::METHOD_DESCRIPTOR | ids::BUILTIN_FUNCTION => return Err(Stop::As(native as usize)),
        ids::TYPE => return Err(Stop::As(class as usize)),
        _ => return Err(Stop::Slow),
    }
    // SAFETY: tested just above.
    let f = unsafe { &*(m.bits(at) as *const Function) };
    let Some(unit) = f.unit().at_hand(m.t, m.it) else { return Err(Stop::Slow) };
    let count = unit.arg_count;
    let defaults = if n == count { &[] } else { last_defaults(f, count, n) };
    // SAFETY: the frame is live; the rest is address arithmetic, checked before use.
    // A generator's registers lie in its own block: its callees' go on the thread's stack.
    let (moved, base) = unsafe { if (*m.fp).generator == 0 { (0, m.base.add(first)) } else { (n, (*m.fp).top) } };
    // SAFETY: as above.
    let end = unsafe { base.add(unit.register_count) };
    if !unit.simple || n + defaults.len() != count || !m.it.has_room(m.t, end) {
        return Err(Stop::Slow);
    }
    m.save();
    let callee = m.take(at);
    for i in 0..moved {
        let v = m.take(first + i);
        // SAFETY: room was checked; the registers above `top` hold nothing alive.
        unsafe { base.add(i).write(v.into_raw()) };
    }
    for (i, default) in defaults.iter().enumerate() {
        let v = m.copy(default);
        // SAFETY: as above.
        unsafe { base.add(n + i).write(v.into_raw()) };
    }
    zero(base, count, unit.local_count);
    push(m.t, m.it, callee, unit, base, Kind::Call, w.a() as u16, EXTRA);
    m.enter_pushed(unit, base);
    Ok(())
}

/// The defaults of the parameters behind the first `n` of `count`; none if some have none.
#[inline(always)]
fn last_defaults(f: &Function, count: usize, n: usize) -> &[Value] {
    // SAFETY: a tuple's items never change, and the function keeps the tuple while it is called: no Python code runs before
    // the defaults are copied.
    let items = unsafe { f.defaults.peek() }.exact::<Tuple>().map_or(&[][..], Tuple::items);
    match (count.checked_sub(n), items.len()) {
        (Some(missing), len) if missing <= len && missing <= FEW => &items[len - missing..],
        _ => &[],
    }
}

/// Where the arguments of a CallMethod begin, and how many they are: self, if there is one, is the first.
#[inline(always)]
pub(super) fn arguments(m: &M<'_>, w: Word) -> (usize, usize) {
    let (at, n) = (w.b(), w.c());
    if m.bits(at + 1) == 0 { (at + 2, n) } else { (at + 1, n + 1) }
}

/// Call: no self.
#[inline(always)]
pub(crate) fn call(m: &mut M<'_>, w: Word) -> Flow {
    call_plain(m, w, w.b(), (w.b() + 1, w.c()), [Opcode::CallNative, Opcode::CallClass])
}

/// CallMethod: self or nothing in the register behind the callable.
#[inline(always)]
pub(crate) fn call_method(m: &mut M<'_>, w: Word) -> Flow {
    call_plain(m, w, w.b(), arguments(m, w), [Opcode::CallMethodNative, Opcode::CallMethodClass])
}

/// Call of anything else.
#[inline(always)]
pub(crate) fn call_any(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (at, n) = (w.b(), w.c());
    let id = id_of(m, at);
    // By itself, in front of the others: it is the likeliest, and they become a jump table.
    if id == ids::FUNCTION {
        let callee = m.take(at);
        return enter_function(m, w, callee, (at + 1, n), &[], Kind::Call);
    }
    match id {
        ids::METHOD => call_bound(m, w, at, at + 1, n, &[]),
        ids::BUILTIN_FUNCTION => call_function(m, w, at, at + 1, n),
        _ => call_class(m, w, at, at + 1, n),
    }
}

/// A bound method: its object goes into the register in front of the arguments, which is the call's own.
#[inline(always)]
fn call_bound(m: &mut M<'_>, w: Word, at: usize, first: usize, n: usize, names: &[Value]) -> Flow {
    let method = m.take(at);
    // SAFETY: the callers tested the exact type.
    let b = unsafe { &*(method.bits() as *const Method) };
    let (f, this) = (b.func.get(), b.this.get());
    drop(method);
    m.set(first - 1, this);
    if f.header().is_some_and(|h| h.shape().0 == ids::FUNCTION) {
        return enter_function(m, w, f, (first - 1, n + 1), names, Kind::Call);
    }
    let v = slow_kw(m.t, &f, Args { values: m.window(first - 1, n + 1), names })?;
    m.kill_window(first - 1, n + 1);
    m.set(w.a(), v);
    m.advance(EXTRA as isize);
    Ok(())
}

/// CallMethod of anything else.
#[inline(always)]
pub(crate) fn call_method_any(m: &mut M<'_>, w: Word) -> Flow {
    let (at, n) = (w.b(), w.c());
    m.save();
    let (first, n) = if m.bits(at + 1) == 0 { (at + 2, n) } else { (at + 1, n + 1) };
    let id = id_of(m, at);
    if id == ids::FUNCTION {
        let callee = m.take(at);
        return enter_function(m, w, callee, (first, n), &[], Kind::Call);
    }
    match id {
        ids::METHOD if first == at + 2 => call_bound(m, w, at, first, n, &[]),
        ids::METHOD_DESCRIPTOR => call_descriptor(m, w, at, first, n),
        ids::BUILTIN_FUNCTION => call_function(m, w, at, first, n),
        _ => call_class(m, w, at, first, n),
    }
}

/// A class, or an instance that can be called.
#[inline(always)]
fn call_class(m: &mut M<'_>, w: Word, at: usize, first: usize, n: usize) -> Flow {
    if id_of(m, at) == ids::TYPE {
        return class::call_any(m, w, at, first, n);
    }
    let callee = instance_call(m.t, m.reg(at));
    if !callee.is_absent() {
        return call_instance(m, w, callee, at, (first, n), &[]);
    }
    call_other(m, w, at, first, n)
}

/// The `__call__` that calling an instance of a Python class means, absent if it is no Python function.
#[inline(always)]
fn instance_call(t: &Thread, v: &Value) -> Value {
    if special::is_instance(v) { special::callable(t, v) } else { Value::ABSENT }
}

/// The instance takes the register in front of the arguments: its own, or the empty self's.
#[inline(always)]
fn call_instance(m: &mut M<'_>, w: Word, f: Value, at: usize, (first, n): (usize, usize), names: &[Value]) -> Flow {
    if first - 1 != at {
        let this = m.take(at);
        m.set(first - 1, this);
    }
    enter_function(m, w, f, (first - 1, n + 1), names, Kind::Call)
}

/// CallKw: as CallMethod, the last arguments by keyword.
#[inline(always)]
pub(crate) fn call_kw(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (at, n) = (w.b(), w.c());
    let names = m.constant(m.extra(0) as u32 as usize).expect::<Tuple>().items();
    let (first, n) = if m.bits(at + 1) == 0 { (at + 2, n) } else { (at + 1, n + 1) };
    match id_of(m, at) {
        ids::FUNCTION => {
            let callee = m.take(at);
            return enter_function(m, w, callee, (first, n), names, Kind::Call);
        }
        ids::METHOD if first == at + 2 => return call_bound(m, w, at, first, n, names),
        _ => {}
    }
    if let Some(init) = plain_class(m.t, m.reg(at)) {
        return enter_init(m, w, init, at, (first, n), names);
    }
    let callee = instance_call(m.t, m.reg(at));
    if !callee.is_absent() {
        return call_instance(m, w, callee, at, (first, n), names);
    }
    let v = slow_kw(m.t, m.reg(at), Args { values: m.window(first, n), names })?;
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
    let args = listed(m.t, m.window(at, 3))?;
    if !args.is_absent() {
        m.set(at + 1, args);
    }
    if id_of(m, at) == ids::FUNCTION {
        let mut spread = Spread::default();
        gather(m.t, m.window(at, 3), &mut spread)?;
        // SAFETY: tested above.
        let f = unsafe { &*(m.bits(at) as *const Function) };
        let unit = f.unit().here(m.t, m.it)?;
        let base = enter_spread(m.t, m.it, f, &mut spread)?;
        drop(spread);
        let callee = m.take(at);
        m.kill_window(at + 1, 2);
        push(m.t, m.it, callee, unit, base, Kind::Call, w.a() as u16, 0);
        m.enter_pushed(unit, base);
        return Ok(());
    }
    let v = call_spread(m.t, m.window(at, 3))?;
    m.kill_window(at, 3);
    m.set(w.a(), v);
    Ok(())
}

/// The tuple of what `*args` gives, if it is not one: absent if it is.
#[inline]
fn listed(t: &Thread, window: &[Value]) -> Res {
    match window {
        [_, args, ..] if args.exact::<Tuple>().is_some() => Ok(Value::ABSENT),
        [f, args, ..] => listed_slowly(t, f, args),
        _ => Err(error::system_error(t, "a call without operands")),
    }
}

#[inline(never)]
fn listed_slowly(t: &Thread, f: &Value, args: &Value) -> Res {
    if let Some(list) = args.exact::<List>() {
        // SAFETY: copying its items changes no list.
        return tuple::new(t, unsafe { list.items() });
    }
    if type_of(args).slots().iter.is_none() && !ops::is_sequence(args) {
        let what = function_text(t, f)?;
        let name = type_of(args).name();
        return Err(error::type_error(t, format_args!("{what} argument after * must be an iterable, not {name}")));
    }
    tuple::from_vec(t, ops::collect(t, args)?)
}

/// A call of anything but a Python function. Without keywords it reads the arguments where they are: copies of as many as
/// a guest likes would take, and go, without an end to be put to it.
fn call_spread(t: &Thread, window: &[Value]) -> Res {
    let [f, args, kwargs] = window else { return Err(error::system_error(t, "a call without operands")) };
    let keywords = kwargs.downcast::<Dict>().is_some_and(|d| !d.is_empty());
    if let (Some(tuple), false) = (args.exact::<Tuple>(), keywords) {
        return slow_kw(t, f, Args { values: tuple.items(), names: &[] });
    }
    let mut spread = Spread::default();
    gather(t, window, &mut spread)?;
    slow_kw(t, f, Args { values: &spread.values, names: &spread.names })
}

/// So many arguments are copied between two looks at the breaker.
const PIECE: usize = 1 << 14;

/// The arguments of a CallEx.
#[derive(Default)]
struct Spread {
    values: ArgBuffer,
    names: ArgBuffer,
}

/// Binds spread arguments at the running frame's top.
#[inline(never)]
fn enter_spread(t: &Thread, it: &Interp, f: &Function, spread: &mut Spread) -> Res<*mut u64> {
    let n = spread.values.len();
    let words = spread.values.as_mut_ptr().cast::<u64>();
    // SAFETY: the running frame is live; its top is where free registers begin.
    let top = unsafe { (*it.fp.get()).top };
    // The values move to the registers, or stay where they are if the binding fails.
    bind::window(t, it, f, words, Some(top), n, &spread.names)
}

/// Flattens `*args` and `**kwargs`: the callable, a tuple of the arguments and the keywords (or nothing) of a call.
#[inline(never)]
fn gather(t: &Thread, window: &[Value], spread: &mut Spread) -> Res<()> {
    let [_, args, kwargs] = window else { return Err(error::system_error(t, "a call without operands")) };
    if let Some(tuple) = args.exact::<Tuple>() {
        for piece in tuple.items().chunks(PIECE) {
            spread.values.extend(piece.iter().cloned());
            t.check_stop()?;
        }
    }
    if let Some(d) = kwargs.downcast::<Dict>() {
        for (k, _, v) in d.walk(t)? {
            if k.downcast::<strs::Str>().is_none() {
                return Err(error::type_error(t, "keywords must be strings"));
            }
            spread.names.push(if strs::is_interned(&k) { k } else { typhon_object::names::intern(t, &k) });
            spread.values.push(v);
        }
    }
    Ok(())
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
