//! Displays, unpacking, f-strings, functions, imports, intrinsics.

use super::machine::{Flow, M, Stop};
use super::name::{function, namespace};
use crate::code::CodeObject;
use crate::function::{self as functions, Function};
use typhon_isa::Word;
use typhon_isa::opcode::{ConversionKind, FunctionPart, Intrinsic1Kind, Intrinsic2Kind};
use typhon_isa::word::NO_REG;
use typhon_object::dict::{Dict, hash_key};
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::strs::{self, Str};
use typhon_object::tuple;
use typhon_object::types::exceptions as exc;
use typhon_object::types::{self, set_, slice};
use typhon_object::{Thread, Value, attr, call, ops, type_of};

#[inline(always)]
fn at(m: &M<'_>, i: usize) -> *mut Value {
    // SAFETY: address arithmetic within the frame's registers.
    unsafe { m.base.add(i).cast() }
}

#[inline(always)]
pub(crate) fn tuple(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    // SAFETY: the window's registers hold values that die here.
    let v = unsafe { tuple::take(m.t, at(m, w.b()), w.c()) }?;
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn list(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = make_list(m.t, at(m, w.b()), w.c())?;
    m.set(w.a(), v);
    Ok(())
}

#[inline(never)]
fn make_list(t: &Thread, from: *mut Value, n: usize) -> Res {
    // SAFETY: the window's registers hold values that die here.
    unsafe { List::take_from(t, from, n) }
}

#[inline(always)]
pub(crate) fn set(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = set_::create(m.t)?;
    for i in w.b()..w.b() + w.c() {
        let item = m.take(i);
        set_::add(m.t, v.expect::<set_::Set>(), &item)?;
    }
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn map(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = Dict::create(m.t);
    if w.c() > 5 {
        Dict::of(&v).reserve(m.t, w.c())?;
    }
    for i in 0..w.c() {
        let (key, value) = (m.take(w.b() + 2 * i), m.take(w.b() + 2 * i + 1));
        let hash = hash_key(m.t, &key)?;
        Dict::of(&v).set_hashed(m.t, &key, hash, value)?;
    }
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn string(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = join(m.t, m.window(w.b(), w.c()))?;
    m.kill_window(w.b(), w.c());
    m.set(w.a(), v);
    Ok(())
}

#[inline(never)]
fn join(t: &Thread, parts: &[Value]) -> Res {
    let len = parts.iter().map(|p| p.expect::<Str>().len()).fold(0usize, usize::saturating_add);
    if len > 4096 {
        t.check_alloc(len)?;
    }
    let mut b = strs::StrBuilder::with_capacity(len);
    for p in parts {
        b.push_value(p.expect::<Str>());
    }
    b.finish(t)
}

#[inline(always)]
pub(crate) fn slice(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (start, stop) = (m.take(w.b()), m.take(w.b() + 1));
    let step = if w.c() == 3 { m.take(w.b() + 2) } else { Value::NONE };
    let v = slice::new(m.t, start, stop, step)?;
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn list_append(m: &mut M<'_>, w: Word) -> Flow {
    // SAFETY: the compiler appends only to the list it builds.
    let list = unsafe { &*(m.bits(w.a()) as *const List) };
    if list.is_full() {
        return Err(Stop::Slow);
    }
    let v = m.take_b(w);
    list.push_within(v);
    Ok(())
}

/// The same for a list that must grow.
#[inline(always)]
pub(crate) fn list_append_grow(m: &mut M<'_>, w: Word) -> Flow {
    let v = m.held_b(w);
    // SAFETY: as above.
    let list = unsafe { &*(m.bits(w.a()) as *const List) };
    list.grow_alone(m.t)?;
    list.push(m.t, v)?;
    Ok(())
}

#[inline(always)]
pub(crate) fn list_extend(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    extend(m.t, m.reg(w.a()), m.reg(w.b()))?;
    m.kill_b(w);
    Ok(())
}

#[inline(never)]
fn extend(t: &Thread, list: &Value, items: &Value) -> Res<()> {
    if type_of(items).slots().iter.is_none() && !ops::is_sequence(items) {
        let name = type_of(items).name();
        return Err(error::type_error(t, format_args!("Value after * must be an iterable, not {name}")));
    }
    let list = list.expect::<List>();
    ops::for_each(t, items, |v| list.push(t, v))
}

#[inline(always)]
pub(crate) fn list_to_tuple(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let list = m.held_b(w);
    let items = match list.downcast::<List>() {
        Some(l) if list.header().is_some_and(typhon_object::header::Header::is_unique) => l.take(),
        Some(l) => l.to_vec(),
        None => ops::collect(m.t, &list)?,
    };
    let v = tuple::from_vec(m.t, items)?;
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn set_add(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let item = m.held_b(w);
    // `__conditional_annotations__` is a name that guest code may rebind.
    let Some(set) = m.reg(w.a()).downcast::<set_::Set>() else {
        let name = type_of(m.reg(w.a())).name();
        return Err(error::type_error(m.t, format_args!("expected a set, not {name}")).into());
    };
    set_::add(m.t, set, &item)?;
    Ok(())
}

#[inline(always)]
pub(crate) fn set_update(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let items = m.held_b(w);
    let (t, set) = (m.t, m.reg(w.a()).expect::<set_::Set>());
    set_::fill(t, set, &items)?;
    Ok(())
}

#[inline(always)]
pub(crate) fn map_add(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (key, value) = (m.held_b(w), m.held_c(w));
    let hash = hash_key(m.t, &key)?;
    Dict::of(m.reg(w.a())).set_own(m.t, &key, hash, value)?;
    Ok(())
}

#[inline(always)]
pub(crate) fn dict_update(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let from = m.held_b(w);
    update(m.t, Dict::of(m.reg(w.a())), &from)?;
    Ok(())
}

#[inline(never)]
fn update(t: &Thread, d: &Dict, from: &Value) -> Res<()> {
    if let Some(other) = from.exact::<Dict>() {
        return d.merge(t, other, true);
    }
    let Some(keys) = attr::get_opt(t, from, n::keys())? else {
        let name = type_of(from).name();
        return Err(error::type_error(t, format_args!("'{name}' object is not a mapping")));
    };
    let keys = call::call0(t, &keys)?;
    ops::for_each(t, &keys, |k| {
        let v = ops::getitem(t, from, &k)?;
        d.set(t, &k, &v)
    })
}

#[inline(always)]
pub(crate) fn dict_merge(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let from = m.held_b(w);
    merge(m.t, Dict::of(m.reg(w.a())), &from, m.reg(w.c()))?;
    Ok(())
}

#[inline(never)]
fn merge(t: &Thread, d: &Dict, from: &Value, f: &Value) -> Res<()> {
    let add = |k: &Value, v: &Value| -> Res<()> {
        if d.contains(t, k)? {
            let (what, key) = (super::call::function_text(t, f)?, ops::str(t, k)?);
            let key = strs::display(&key);
            return Err(error::type_error(t, format_args!("{what} got multiple values for keyword argument '{key}'")));
        }
        d.set(t, k, v)
    };
    if let Some(other) = from.exact::<Dict>() {
        let alone = d.is_empty();
        for (k, _, v) in other.walk(t)? {
            // The keys of one dict differ from each other.
            if alone { d.set(t, &k, &v)? } else { add(&k, &v)? }
        }
        return Ok(());
    }
    let Some(keys) = attr::get_opt(t, from, n::keys())? else {
        let (what, name) = (super::call::function_text(t, f)?, type_of(from).name());
        return Err(error::type_error(t, format_args!("{what} argument after ** must be a mapping, not {name}")));
    };
    let keys = call::call0(t, &keys)?;
    ops::for_each(t, &keys, |k| {
        let v = ops::getitem(t, from, &k)?;
        add(&k, &v)
    })
}

#[inline(always)]
pub(crate) fn format_value(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let kind = ConversionKind::from_u8(w.kind());
    let absent = Value::ABSENT;
    let spec = if w.c() == NO_REG as usize { &absent } else { m.reg(w.c()) };
    let v = formatted(m.t, m.reg(w.b()), kind, spec)?;
    m.kill_b(w);
    if w.c() != NO_REG as usize {
        m.kill_c(w);
    }
    m.set(w.a(), v);
    Ok(())
}

#[inline(never)]
fn formatted(t: &Thread, v: &Value, kind: ConversionKind, spec: &Value) -> Res {
    let converted = match kind {
        ConversionKind::None => v.clone(),
        ConversionKind::Str => ops::str(t, v)?,
        ConversionKind::Repr => ops::repr(t, v)?,
        ConversionKind::Ascii => types::str_::ascii_of(t, v)?,
    };
    match spec.opt() {
        Some(spec) => ops::format(t, &converted, spec),
        None if converted.exact::<Str>().is_some() => Ok(converted),
        None => ops::format(t, &converted, typhon_object::process::empty_str()),
    }
}

#[inline(always)]
pub(crate) fn interpolation(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = crate::template::interpolation(m.t, m.window(w.b(), w.c()), ConversionKind::from_u8(w.kind()))?;
    m.kill_window(w.b(), w.c());
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn template(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = crate::template::template(m.t, m.reg(w.b()), m.reg(w.c()))?;
    m.kill_bc(w);
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn make_function(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let f = function(m.fp);
    let code = m.constant(w.bc() as usize);
    debug_assert!(code.exact::<CodeObject>().is_some());
    let v = functions::new(m.t, code, &f.globals.get(), &f.builtins.get())?;
    m.set(w.a(), v);
    Ok(())
}

#[inline(always)]
pub(crate) fn set_function_attr(m: &mut M<'_>, w: Word) -> Flow {
    let v = m.take_b(w);
    let f = m.reg(w.a()).expect::<Function>();
    let slot = match FunctionPart::from_u8(w.kind()) {
        FunctionPart::Defaults => &f.defaults,
        FunctionPart::KwDefaults => &f.kwdefaults,
        FunctionPart::Annotations => &f.annotations,
        FunctionPart::Annotate => &f.annotate,
        FunctionPart::Closure => &f.closure,
    };
    slot.set(&f.header, v);
    Ok(())
}

#[inline(always)]
pub(crate) fn import_name(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = import(m.t, m.fp, m.name(w.c()), m.reg(w.b()), m.reg(w.b() + 1))?;
    m.kill_window(w.b(), 2);
    m.set(w.a(), v);
    Ok(())
}

#[inline(never)]
fn import(t: &Thread, fp: *mut crate::frame::Frame, name: &Value, level: &Value, fromlist: &Value) -> Res {
    let f = function(fp);
    let builtins = f.builtins.get();
    let Some(import) = super::name::lookup(t, &builtins, n::__import__())? else {
        return Err(error::import_error(t, false, name, None, "__import__ not found"));
    };
    // SAFETY: the running frame is live.
    let locals = Value::from_ref(unsafe { &(*fp).locals }).clone().present().unwrap_or(Value::NONE);
    call::call(t, &import, &[name.clone(), f.globals.get(), locals, fromlist.clone(), level.clone()])
}

#[inline(always)]
pub(crate) fn import_from(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = from_module(m.t, m.reg(w.b()), m.name(w.c()))?;
    m.set(w.a(), v);
    Ok(())
}

#[inline(never)]
fn from_module(t: &Thread, module: &Value, name: &Value) -> Res {
    if let Some(v) = attr::get_opt(t, module, name)? {
        return Ok(v);
    }
    // A circular import may have put the submodule into sys.modules only.
    let package = attr::get_opt(t, module, n::__name__())?.filter(|p| p.downcast::<Str>().is_some());
    if let Some(package) = &package {
        let full = strs::new(t, &format!("{}.{}", strs::display(package), strs::display(name)))?;
        if let Some(modules) = t.modules().get().downcast::<Dict>()
            && let Some(found) = modules.get(t, &full)?
        {
            return Ok(found);
        }
    }
    crate::hooks::cannot_import(t, module, name, package.as_ref())
}

#[inline(always)]
pub(crate) fn import_star(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let module = m.held_b(w);
    star(m.t, &module, &namespace(m.t, m.fp)?)?;
    Ok(())
}

#[inline(never)]
fn star(t: &Thread, module: &Value, into: &Value) -> Res<()> {
    let all = attr::get_opt(t, module, n::__all__())?;
    let skip = all.is_none();
    let names = match all {
        Some(all) => ops::collect(t, &all)?,
        None => match attr::get_opt(t, module, n::__dict__())? {
            Some(d) => ops::collect(t, &d)?,
            None => {
                let text = "from-import-* object has no __dict__ and no __all__";
                return Err(error::import_error(t, false, &Value::NONE, None, text));
            }
        },
    };
    for name in names {
        let Some(s) = name.downcast::<Str>() else {
            let (what, ty) = (if skip { "Key" } else { "Item" }, type_of(&name).name());
            let place = if skip { "__dict__" } else { "__all__" };
            let module = match attr::get_opt(t, module, n::__name__())? {
                Some(m) => strs::display(&m),
                None => "<unknown>".to_string(),
            };
            return Err(error::type_error(t, format_args!("{what} in {module}.{place} must be str, not {ty}")));
        };
        if skip && !s.is_empty() && s.at(0) == u32::from(b'_') {
            continue;
        }
        let v = attr::get(t, module, &name)?;
        match into.exact::<Dict>() {
            Some(d) => d.set(t, &typhon_object::names::intern(t, &name), &v)?,
            None => ops::setitem(t, into, &name, &v)?,
        }
    }
    Ok(())
}

#[inline(always)]
pub(crate) fn intrinsic1(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = m.held_b(w);
    let r = intrinsic1_slow(m.t, Intrinsic1Kind::from_u8(w.kind()), v)?;
    m.set(w.a(), r);
    Ok(())
}

#[inline(never)]
fn intrinsic1_slow(t: &Thread, kind: Intrinsic1Kind, v: Value) -> Res {
    match kind {
        Intrinsic1Kind::Print => {
            let hook = crate::hooks::sys_attr(t, "displayhook")?;
            match hook {
                Some(f) => call::call1(t, &f, &v),
                None => Err(error::runtime_error(t, "lost sys.displayhook")),
            }
        }
        Intrinsic1Kind::StopIterationError => stop_iteration_error(t, v),
        Intrinsic1Kind::AsyncGenWrap => crate::asyncgen::wrap(t, v),
        Intrinsic1Kind::TypeVar
        | Intrinsic1Kind::ParamSpec
        | Intrinsic1Kind::TypeVarTuple
        | Intrinsic1Kind::SubscriptGeneric
        | Intrinsic1Kind::TypeAlias => crate::hooks::typing1(t, kind, v),
    }
}

/// A StopIteration that leaves a generator becomes a RuntimeError (PEP 479).
fn stop_iteration_error(t: &Thread, v: Value) -> Res {
    let is_stop = type_of(&v).is_subtype(exc::STOP_ITERATION.ty());
    let is_async_stop = type_of(&v).is_subtype(exc::STOP_ASYNC_ITERATION.ty());
    let flags = crate::frame::interp(t).current().map_or(0, |f| {
        // SAFETY: the running frame's unit is alive.
        unsafe { &*f.unit }.code.flags
    });
    use typhon_isa::CodeFlags as F;
    let what = if flags & F::ASYNC_GENERATOR != 0 {
        "async generator"
    } else if flags & F::COROUTINE != 0 {
        "coroutine"
    } else {
        "generator"
    };
    let text = if is_stop {
        format!("{what} raised StopIteration")
    } else if is_async_stop && flags & F::ASYNC_GENERATOR != 0 {
        "async generator raised StopAsyncIteration".to_string()
    } else {
        return Ok(v);
    };
    let e = error::runtime_error(t, text);
    exc::set_context(t, e.value(), v.clone());
    exc::set_cause(t, e.value(), v);
    Ok(e.into_value())
}

#[inline(always)]
pub(crate) fn intrinsic2(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (b, c) = (m.held_b(w), m.held_c(w));
    let r = match Intrinsic2Kind::from_u8(w.kind()) {
        Intrinsic2Kind::PrepReraiseStar => super::exception::prep_reraise_star(m.t, &b, &c)?,
        kind => crate::hooks::typing2(m.t, kind, b, c)?,
    };
    m.set(w.a(), r);
    Ok(())
}
