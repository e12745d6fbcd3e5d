//! Attributes, with inline caches keyed by shape and type version.
//!
//! Cache words of LoadAttr and LoadMethod: 0 = shape id | type version << 32, 1 = slot offset or address of what was found,
//! 2 = executions left before another look (generic form only). What a cache points at is kept alive by the type's
//! dictionary as long as the type's version stands.

use super::arith::COOLDOWN;
use super::machine::{Flow, M};
use typhon_isa::opcode::SpecialKind;
use typhon_isa::{Opcode, Word};
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::store::Slot;
use typhon_object::ty::flag;
use typhon_object::types::descr::{self, What};
use typhon_object::{Thread, TypeObject, Value, attr, type_of};

/// What the specializer found out about `obj.name`.
enum Found {
    /// An instance slot at this byte offset.
    Slot(usize),
    /// A `__slots__` member at this byte offset.
    Member(usize),
    /// A method or other non-data attribute of the type; true if calling it passes the object.
    Type(u64, bool),
    /// Nothing to specialize.
    No,
}

fn generic(ty: &TypeObject) -> bool {
    ty.slots().getattr.is_some_and(|f| std::ptr::fn_addr_eq(f, attr::generic_get as typhon_object::slots::GetAttrFn))
}

/// Byte offset of an inline slot, if the type's payload has a fixed size.
fn inline_offset(ty: &TypeObject, i: usize) -> Option<usize> {
    attr::inline_offset(ty, i)
}

fn look(t: &Thread, obj: &Value, name: &Value) -> Found {
    let ty = type_of(obj);
    let Some(header) = obj.header().filter(|_| generic(ty)) else { return Found::No };
    let found = ty.lookup(t, name);
    if let Some(descr) = &found {
        let slots = type_of(descr).slots();
        if slots.get.is_some() && slots.set.is_some() {
            if let Some(d) = descr::try_descriptor(descr)
                && let What::OwnSlot(offset) = d.what
                && ty.def().size_of.is_none()
            {
                return Found::Member(offset);
            }
            return Found::No;
        }
    }
    let shape = header.shape().get();
    if !shape.dict_mode
        && let Some(i) = shape.slot(name)
    {
        return inline_offset(ty, i).map_or(Found::No, Found::Slot);
    }
    // With a dict, whether the instance has the attribute can change without a change of shape.
    if shape.dict_mode && attr::dict_word(ty, header).is_some() {
        return Found::No;
    }
    match found {
        Some(descr) if type_of(&descr).has_flag(flag::METHOD_DESCRIPTOR) => Found::Type(descr.bits(), true),
        Some(descr) if type_of(&descr).slots().get.is_none() => Found::Type(descr.bits(), false),
        _ => Found::No,
    }
}

fn key(v: &Value) -> u64 {
    match v.header() {
        Some(h) => u64::from(h.shape().0) | u64::from(type_of(v).version.get()) << 32,
        None => 0,
    }
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

#[inline(always)]
fn specialize_load(m: &mut M<'_>, w: Word) {
    let obj = m.reg(w.b());
    let (op, at) = match look(m.t, obj, m.name(w.c())) {
        Found::Slot(offset) => (Opcode::LoadAttrSlot, offset as u64),
        Found::Member(offset) => (Opcode::LoadAttrMember, offset as u64),
        Found::Type(bits, false) => (Opcode::LoadAttrType, bits),
        Found::Type(_, true) | Found::No => {
            m.set_extra(2, COOLDOWN * 4);
            return;
        }
    };
    m.set_extra(0, key(obj));
    m.set_extra(1, at);
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
    m.rewrite(w, Opcode::LoadAttr);
    m.set_extra(2, COOLDOWN);
    load_generic(m, w)
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

#[inline(always)]
pub(crate) fn load_method(m: &mut M<'_>, w: Word) -> Flow {
    if due(m) {
        let obj = m.reg(w.b());
        match look(m.t, obj, m.name(w.c())) {
            Found::Type(bits, true) => {
                m.set_extra(0, key(obj));
                m.set_extra(1, bits);
                m.rewrite(w, Opcode::LoadMethodType);
            }
            _ => m.set_extra(2, COOLDOWN * 4),
        }
    }
    method_generic(m, w)
}

#[inline(always)]
fn method_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (f, bound) = method_slow(m.t, m.reg(w.b()), m.name(w.c()))?;
    let this = m.take_b(w);
    if bound {
        m.set(w.a() + 1, this);
    } else {
        m.set(w.a() + 1, Value::ABSENT);
        drop(this);
    }
    m.set(w.a(), f);
    m.advance(4);
    Ok(())
}

#[inline(never)]
fn method_slow(t: &Thread, obj: &Value, name: &Value) -> Res<(Value, bool)> {
    attr::load_method(t, obj, name)
}

#[inline(always)]
pub(crate) fn load_method_type(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        m.rewrite(w, Opcode::LoadMethod);
        m.set_extra(2, COOLDOWN);
        return method_generic(m, w);
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

#[inline(always)]
fn specialize_store(m: &mut M<'_>, w: Word) {
    m.set_extra(2, COOLDOWN * 4);
    let obj = m.reg(w.a());
    let (ty, name) = (type_of(obj), m.name(w.c()));
    let Some(header) = obj.header().filter(|_| plain_store(ty)) else { return };
    let found = ty.lookup(m.t, name);
    if let Some(descr) = &found
        && type_of(descr).slots().set.is_some()
    {
        if let Some(d) = descr::try_descriptor(descr)
            && let What::OwnSlot(offset) = d.what
            && ty.def().size_of.is_none()
        {
            m.set_extra(0, key(obj));
            m.set_extra(1, offset as u64);
            m.rewrite(w, Opcode::StoreAttrMember);
        }
        return;
    }
    let shape = header.shape().get();
    if shape.dict_mode {
        return;
    }
    if let Some(offset) = shape.slot(name).and_then(|i| inline_offset(ty, i)) {
        m.set_extra(0, key(obj));
        m.set_extra(1, offset as u64);
        m.rewrite(w, Opcode::StoreAttrSlot);
    } else if shape.slot(name).is_none()
        && (shape.slot_count as usize) < attr::inline_count(ty)
        && let Some(offset) = inline_offset(ty, shape.slot_count as usize)
        && let Some(next) = shape.grown(name)
    {
        m.set_extra(0, key(obj));
        m.set_extra(1, offset as u64 | u64::from(next.0) << 32);
        m.rewrite(w, Opcode::StoreAttrAdd);
    }
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
    m.rewrite(w, Opcode::StoreAttr);
    m.set_extra(2, COOLDOWN);
    store_generic(m, w)
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
    let (f, bound) = super_slow(m.t, window, m.name(w.c()), w.kind() == 1)?;
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
fn super_slow(t: &Thread, window: &[Value], name: &Value, written: bool) -> Res<(Value, bool)> {
    use typhon_object::types::super_;
    let [what, class, this] = window else { return Err(error::system_error(t, "super without operands")) };
    if what.is(&super_::SUPER.ty().value())
        && let Some(class) = class.downcast::<TypeObject>()
    {
        return class.with_value(|class| Ok((super_::get_attribute(t, class, this, name)?, false)));
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
    let (other_enter, hint) = if is_async { (n::__enter__(), "'with'") } else { (n::__aenter__(), "'async with'") };
    let missing = format!("'{name}' object does not support the {what} protocol (missed {method} method)");
    if ty.lookup(t, other_enter).is_some() {
        return error::type_error(t, format_args!("{missing}. Did you mean to use {hint}?"));
    }
    error::type_error(t, missing)
}
