//! Attributes, with inline caches keyed by shape and type version.
//!
//! Cache words: 0 = shape id | type version << 32 (of a class or module: its own version), 1 = slot offset, entry or address of
//! what was found, 2 = executions of the generic form, or misses of a specialized one, before another look. What a cache
//! points at is kept alive by the type's dictionary as long as the type's version stands. A miss goes through the thread's
//! attribute cache (`attr_cache`), which knows the other shapes.

use super::arith::COOLDOWN;
use super::machine::{Flow, M};
use typhon_isa::opcode::SpecialKind;
use typhon_isa::{Opcode, Word};
use typhon_object::attr::This;
use typhon_object::attr_cache::{self, Found};
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::store::Slot;
use typhon_object::ty::flag;
use typhon_object::types::{module, property};
use typhon_object::{Thread, TypeObject, Value, attr, ids, type_of};

/// Misses of a specialized site before it looks again: a site of many shapes lives on the thread's attribute cache.
const PATIENCE: u64 = 16;

/// What `obj.name` is, where the run loop may act on it by itself.
fn look(t: &Thread, obj: &Value, name: &Value) -> Found {
    if attr::is_generic(t, type_of(obj)) { attr_cache::load(t, obj, name) } else { Found::Unknown }
}

/// The module's entry for `name` and the version of the keys it stands under.
fn look_module(t: &Thread, obj: &Value, name: &Value) -> Option<(u64, u64)> {
    let dict = module::plain_dict(obj)?;
    if type_of(obj).lookup(t, name).is_some_and(|descr| type_of(&descr).slots().set.is_some()) {
        return None;
    }
    let entry = dict.find_str_entry(name)?;
    Some((u64::from(dict.keys_version(t)), entry as u64))
}

fn key(v: &Value) -> u64 {
    v.header().map_or(0, |h| attr_cache::key(h, type_of(v)))
}

#[inline(always)]
fn due(m: &M<'_>) -> bool {
    let left = m.extra(2);
    if left == 0 {
        return true;
    }
    m.set_extra(2, left - 1);
    false
}

#[inline(always)]
pub(crate) fn load_attr(m: &mut M<'_>, w: Word) -> Flow {
    if due(m) {
        specialize_load(m, w);
    }
    load_generic(m, w)
}

#[inline(never)]
fn specialize_load(m: &M<'_>, w: Word) {
    let (obj, name) = (m.reg(w.b()), m.name(w.c()));
    let (op, key, at) = match look(m.t, obj, name) {
        Found::Slot(offset) => (Opcode::LoadAttrSlot, key(obj), u64::from(offset)),
        Found::Member(offset) => (Opcode::LoadAttrMember, key(obj), u64::from(offset)),
        Found::Plain(bits) => (Opcode::LoadAttrType, key(obj), bits),
        // A `__getattr__` hook wants to know when the getter fails.
        Found::Property(bits) if !type_of(obj).has_flag(flag::CUSTOM_GETATTR) => {
            (Opcode::LoadAttrProperty, key(obj), bits)
        }
        _ => match (look_module(m.t, obj, name), attr_cache::load_class(m.t, obj, name)) {
            (Some((version, entry)), _) => (Opcode::LoadAttrModule, version, entry),
            (None, Found::Plain(bits)) => (Opcode::LoadAttrClass, class_version(obj), bits),
            _ => return despecialize(m, w, Opcode::LoadAttr),
        },
    };
    specialize(m, w, op, key, at);
}

/// The version of a class, for caches of what the class itself has.
fn class_version(class: &Value) -> u64 {
    class.downcast::<TypeObject>().map_or(0, |ty| u64::from(ty.version.get()))
}

fn specialize(m: &M<'_>, w: Word, op: Opcode, key: u64, at: u64) {
    m.set_extra(0, key);
    m.set_extra(1, at);
    m.set_extra(2, PATIENCE);
    m.rewrite(w, op);
}

fn despecialize(m: &M<'_>, w: Word, op: Opcode) {
    m.set_extra(2, COOLDOWN * 4);
    m.rewrite(w, op);
}

#[inline(always)]
fn load_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = slow(m.t, m.reg(w.b()), m.name(w.c()))?;
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(4);
    Ok(())
}

#[inline(never)]
fn slow(t: &Thread, obj: &Value, name: &Value) -> Res {
    attr::get(t, obj, name)
}

#[inline(always)]
fn load_miss(m: &mut M<'_>, w: Word) -> Flow {
    load_attr(m, w)
}

/// Whether the object's shape is the cached one.
#[inline(always)]
fn same_shape(m: &M<'_>, i: usize) -> bool {
    let v = m.reg(i);
    // SAFETY: tested to be an object first.
    v.is_object() && unsafe { v.header_unchecked() }.shape().0 == m.extra(0) as u32
}

/// Whether shape and type version are the cached ones.
#[inline(always)]
fn same_type(m: &M<'_>, i: usize) -> bool {
    if !same_shape(m, i) {
        return false;
    }
    // SAFETY: `same_shape` tested that it is an object; a shape's type outlives the shape's objects.
    let ty = unsafe { m.reg(i).header_unchecked().shape().get().ty.as_ref() };
    ty.version.get() == (m.extra(0) >> 32) as u32
}

#[inline(always)]
fn slot_at(m: &M<'_>, i: usize, offset: usize) -> &'static Slot {
    // SAFETY: the shape check vouches that the object has a slot at this offset; it lives through the instruction.
    unsafe { &*(m.bits(i) as *const u8).add(offset).cast::<Slot>() }
}

#[inline(always)]
pub(crate) fn load_attr_slot(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        return load_miss(m, w);
    }
    let v = slot_at(m, w.b(), m.extra(1) as usize).get();
    if v.is_absent() {
        return load_miss(m, w);
    }
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(4);
    Ok(())
}

#[inline(always)]
pub(crate) fn load_attr_type(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        return load_miss(m, w);
    }
    let v = Value::from_ref(&m.extra(1)).clone();
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(4);
    Ok(())
}

/// The getter runs in this loop when it is a Python function of one argument; everything else is the generic form's.
#[inline(always)]
pub(crate) fn load_attr_property(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        return load_miss(m, w);
    }
    let getter = property::getter_of(Value::from_ref(&m.extra(1)));
    if !super::call::is_unary(&getter) {
        return load_generic(m, w);
    }
    m.save();
    let this = m.take_b(w);
    super::call::enter_unary(m, getter, this, w.a(), 4)
}

/// The value of the entry that the cache names, if the module's keys are as they were.
#[inline(always)]
fn module_entry(m: &M<'_>, w: Word) -> Option<Value> {
    let dict = module::plain_dict(m.reg(w.b()))?;
    if u64::from(dict.current_keys_version()) != m.extra(0) {
        return None;
    }
    // SAFETY: the keys version is the one under which the entry was found.
    Some(unsafe { dict.entry_value(m.extra(1) as usize) }.clone())
}

/// What the cache found in the class in the register, if the class is as it was.
#[inline(always)]
fn class_entry(m: &M<'_>, w: Word) -> Option<Value> {
    let v = m.reg(w.b());
    // SAFETY: tested to be an object first; objects of type's own shape are type objects.
    let version = v
        .is_object()
        .then(|| unsafe { v.header_unchecked() })
        .filter(|h| h.shape().0 == ids::TYPE)
        .map(|h| unsafe { &*std::ptr::from_ref(h).cast::<TypeObject>() }.version.get())?;
    (u64::from(version) == m.extra(0)).then(|| Value::from_ref(&m.extra(1)).clone())
}

#[inline(always)]
pub(crate) fn load_attr_module(m: &mut M<'_>, w: Word) -> Flow {
    match module_entry(m, w) {
        Some(v) => loaded(m, w, v),
        None => load_miss(m, w),
    }
}

#[inline(always)]
pub(crate) fn load_attr_class(m: &mut M<'_>, w: Word) -> Flow {
    match class_entry(m, w) {
        Some(v) => loaded(m, w, v),
        None => load_miss(m, w),
    }
}

#[inline(always)]
fn loaded(m: &mut M<'_>, w: Word, v: Value) -> Flow {
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(4);
    Ok(())
}

#[inline(always)]
pub(crate) fn load_method(m: &mut M<'_>, w: Word) -> Flow {
    if due(m) {
        specialize_method(m, w);
    }
    method_generic(m, w)
}

#[inline(never)]
fn specialize_method(m: &M<'_>, w: Word) {
    let (obj, name) = (m.reg(w.b()), m.name(w.c()));
    if let Found::Method(bits) = look(m.t, obj, name) {
        specialize(m, w, Opcode::LoadMethodType, key(obj), bits);
    } else if let Some((version, entry)) = look_module(m.t, obj, name) {
        specialize(m, w, Opcode::LoadMethodModule, version, entry);
    } else if let Found::Plain(bits) = attr_cache::load_class(m.t, obj, name) {
        specialize(m, w, Opcode::LoadMethodClass, class_version(obj), bits);
    } else {
        despecialize(m, w, Opcode::LoadMethod);
    }
}

#[inline(always)]
pub(crate) fn load_method_module(m: &mut M<'_>, w: Word) -> Flow {
    match module_entry(m, w) {
        Some(v) => unbound_method(m, w, v),
        None => load_method(m, w),
    }
}

#[inline(always)]
pub(crate) fn load_method_class(m: &mut M<'_>, w: Word) -> Flow {
    match class_entry(m, w) {
        Some(v) => unbound_method(m, w, v),
        None => load_method(m, w),
    }
}

#[inline(always)]
fn unbound_method(m: &mut M<'_>, w: Word, v: Value) -> Flow {
    m.kill_b(w);
    m.set(w.a() + 1, Value::ABSENT);
    m.set(w.a(), v);
    m.advance(4);
    Ok(())
}

#[inline(always)]
fn method_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (f, this) = method_slow(m.t, m.reg(w.b()), m.name(w.c()))?;
    let obj = m.take_b(w);
    match this {
        This::Object => m.set(w.a() + 1, obj),
        This::None => {
            m.set(w.a() + 1, Value::ABSENT);
            drop(obj);
        }
        This::Other(this) => {
            m.set(w.a() + 1, this);
            drop(obj);
        }
    }
    m.set(w.a(), f);
    m.advance(4);
    Ok(())
}

#[inline(never)]
fn method_slow(t: &Thread, obj: &Value, name: &Value) -> Res<(Value, This)> {
    attr::load_callee(t, obj, name)
}

#[inline(always)]
pub(crate) fn load_method_type(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        return load_method(m, w);
    }
    let f = Value::from_ref(&m.extra(1)).clone();
    let this = m.take_b(w);
    m.set(w.a() + 1, this);
    m.set(w.a(), f);
    m.advance(4);
    Ok(())
}

#[inline(always)]
pub(crate) fn store_attr(m: &mut M<'_>, w: Word) -> Flow {
    if due(m) {
        specialize_store(m, w);
    }
    store_generic(m, w)
}

fn plain_store(ty: &TypeObject) -> bool {
    ty.slots().setattr.is_some_and(|f| std::ptr::fn_addr_eq(f, attr::generic_set as typhon_object::slots::SetAttrFn))
}

#[inline(never)]
fn specialize_store(m: &M<'_>, w: Word) {
    let (obj, name) = (m.reg(w.a()), m.name(w.c()));
    let found = if plain_store(type_of(obj)) { attr_cache::store(m.t, obj, name) } else { Found::Unknown };
    let (op, at) = match found {
        Found::Slot(offset) => (Opcode::StoreAttrSlot, u64::from(offset)),
        Found::Member(offset) => (Opcode::StoreAttrMember, u64::from(offset)),
        Found::Add(offset, shape) => (Opcode::StoreAttrAdd, u64::from(offset) | u64::from(shape.0) << 32),
        _ => return despecialize(m, w, Opcode::StoreAttr),
    };
    specialize(m, w, op, key(obj), at);
}

#[inline(always)]
fn store_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    store_slow(m.t, m.reg(w.a()), m.name(w.c()), m.reg(w.b()))?;
    m.kill_b(w);
    m.kill_a(w);
    m.advance(4);
    Ok(())
}

#[inline(never)]
fn store_slow(t: &Thread, obj: &Value, name: &Value, v: &Value) -> Res<()> {
    attr::set(t, obj, name, Some(v))
}

#[inline(always)]
fn store_miss(m: &mut M<'_>, w: Word) -> Flow {
    store_attr(m, w)
}

#[inline(always)]
pub(crate) fn store_attr_slot(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.a()) {
        return store_miss(m, w);
    }
    m.save();
    let v = m.take_b(w);
    // SAFETY: `same_type` tested that it is an object.
    let header = unsafe { m.reg(w.a()).header_unchecked() };
    let old = slot_at(m, w.a(), m.extra(1) as usize).replace(header, v);
    drop(old);
    m.kill_a(w);
    m.advance(4);
    Ok(())
}

#[inline(always)]
pub(crate) fn store_attr_add(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.a()) {
        return store_miss(m, w);
    }
    let v = m.take_b(w);
    // SAFETY: `same_type` tested that it is an object.
    let header = unsafe { m.reg(w.a()).header_unchecked() };
    let cache = m.extra(1);
    let old = slot_at(m, w.a(), cache as u32 as usize).replace(header, v);
    header.set_shape(typhon_object::shape::ShapeId((cache >> 32) as u32));
    drop(old);
    m.kill_a(w);
    m.advance(4);
    Ok(())
}

#[inline(always)]
pub(crate) fn delete_attr(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    attr::set(m.t, m.reg(w.b()), m.name(w.c()), None)?;
    m.kill_b(w);
    Ok(())
}

#[inline(always)]
pub(crate) fn load_super(m: &mut M<'_>, w: Word, method: bool) -> Flow {
    m.save();
    let window = m.window(w.b(), 3);
    let (f, bound) = super_slow(m.t, window, m.name(w.c()), w.kind() == 1, method)?;
    let this = m.take(w.b() + 2);
    m.kill_window(w.b(), 2);
    if !method {
        drop(this);
    } else if bound {
        m.set(w.a() + 1, this);
    } else {
        m.set(w.a() + 1, Value::ABSENT);
        drop(this);
    }
    m.set(w.a(), f);
    m.advance(2);
    Ok(())
}

#[inline(never)]
fn super_slow(t: &Thread, window: &[Value], name: &Value, written: bool, method: bool) -> Res<(Value, bool)> {
    use typhon_object::types::super_;
    let [what, class, this] = window else { return Err(error::system_error(t, "super without operands")) };
    if what.is(&super_::SUPER.ty().value())
        && let Some(class) = class.downcast::<TypeObject>()
    {
        return match attr_cache::load_super(t, class, this, name) {
            Found::Method(bits) if method => Ok((Value::from_ref(&bits).clone(), true)),
            Found::Plain(bits) => Ok((Value::from_ref(&bits).clone(), false)),
            _ => class.with_value(|class| Ok((super_::get_attribute(t, class, this, name)?, false))),
        };
    }
    // Something else is bound to the name `super`: it gets the arguments that the source shows.
    let args = if written { &window[1..] } else { &[] };
    let obj = typhon_object::call::call(t, what, args)?;
    Ok((attr::get(t, &obj, name)?, false))
}

#[inline(always)]
pub(crate) fn load_special(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (f, bound) = special(m.t, m.reg(w.b()), SpecialKind::from_u8(w.kind()))?;
    let this = m.take_b(w);
    if bound {
        m.set(w.a() + 1, this);
    } else {
        m.set(w.a() + 1, Value::ABSENT);
        drop(this);
    }
    m.set(w.a(), f);
    Ok(())
}

#[inline(never)]
fn special(t: &Thread, obj: &Value, kind: SpecialKind) -> Res<(Value, bool)> {
    let name = match kind {
        SpecialKind::Enter => n::__enter__(),
        SpecialKind::Exit => n::__exit__(),
        SpecialKind::AEnter => n::__aenter__(),
        SpecialKind::AExit => n::__aexit__(),
    };
    let ty = type_of(obj);
    let Some(descr) = ty.lookup(t, name) else { return Err(no_special(t, obj, kind)) };
    if type_of(&descr).has_flag(flag::METHOD_DESCRIPTOR) {
        return Ok((descr, true));
    }
    match type_of(&descr).slots().get {
        Some(get) => Ok((ty.with_value(|cls| get(t, &descr, Some(obj), Some(cls)))?, false)),
        None => Ok((descr, false)),
    }
}

#[cold]
fn no_special(t: &Thread, obj: &Value, kind: SpecialKind) -> error::Exc {
    let (ty, is_async) = (type_of(obj), matches!(kind, SpecialKind::AEnter | SpecialKind::AExit));
    let name = ty.name();
    let what = if is_async { "asynchronous context manager" } else { "context manager" };
    let method = kind.text();
    // The other kind of manager is what was probably meant.
    let (others, other, hint) = if is_async {
        ([n::__enter__(), n::__exit__()], "context manager", "'with'")
    } else {
        ([n::__aenter__(), n::__aexit__()], "asynchronous context manager", "'async with'")
    };
    let missing = format!("'{name}' object does not support the {what} protocol (missed {method} method)");
    if others.iter().all(|other| ty.lookup(t, other).is_some()) {
        let text = format!("{missing} but it supports the {other} protocol. Did you mean to use {hint}?");
        return error::type_error(t, text);
    }
    error::type_error(t, missing)
}
