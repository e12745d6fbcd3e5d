//! Methods: what LoadMethod, super and special lookups leave for a call, with the inline caches of `attr`.

use super::arith::COOLDOWN;
use super::attr::{EXTRA, bound_class, cache, due, module_entry, plain, same_class, same_type, slot_at, slot_of};
use super::found::{Found, key, look};
use super::machine::{Flow, M, Stop};
use typhon_isa::opcode::SpecialKind;
use typhon_isa::{Opcode, Word};
use typhon_object::attr_cache::{self, Found as Known};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::ty::flag;
use typhon_object::{Thread, TypeObject, Value, attr, type_of};

/// A site that sees many shapes.
#[inline(always)]
pub(crate) fn load_method_known(m: &mut M<'_>, w: Word) -> Flow {
    let obj = m.reg(w.b());
    let (bits, bound) = match attr_cache::known_load(m.t, obj, m.name(w.c())) {
        Some(Known::Method(bits)) => (bits, true),
        // SAFETY: the cache's key vouches that objects of this shape have a slot at this offset.
        Some(Known::Slot(offset) | Known::Member(offset)) => (unsafe { slot_of(obj, offset as usize) }.bits(), false),
        Some(Known::Plain(bits)) => (bits, false),
        _ => (0, false),
    };
    if bits == 0 || due(m) {
        return Err(Stop::Slow);
    }
    let f = m.copy(Value::from_ref(&bits));
    let this = if bound { m.take_b(w) } else { Value::ABSENT };
    method_done(m, w, f, this)
}

#[inline(always)]
pub(crate) fn load_method(m: &mut M<'_>, w: Word) -> Flow {
    if due(m) {
        let obj = m.reg(w.b());
        match method_words(m.t, obj, m.name(w.c())) {
            Some((op, words)) => cache(m, w, op, words),
            None => m.set_extra(2, COOLDOWN * 4),
        }
    }
    method_generic(m, w)
}

#[cold]
#[inline(never)]
pub(super) fn method_words(t: &Thread, obj: &Value, name: &Value) -> Option<(Opcode, [u64; 3])> {
    Some(match look(t, obj, name) {
        Found::Method(bits) => (Opcode::LoadMethodType, [key(obj), bits, 0]),
        Found::Masked(offset, bits) => (Opcode::LoadMethodMasked, [key(obj), bits, offset as u64]),
        Found::Slot(offset) | Found::Member(offset) => (Opcode::LoadMethodSlot, [key(obj), offset as u64, 0]),
        Found::Type(bits) => (Opcode::LoadMethodOther, [key(obj), bits, 0]),
        Found::Module(version, entry) => (Opcode::LoadMethodModule, [u64::from(version), entry as u64, 0]),
        Found::Class(bits, versions) => (Opcode::LoadMethodClass, [obj.bits(), bits, versions]),
        _ => return None,
    })
}

/// Writes what a method call needs: the callable, and the object passed first or nothing; the receiver dies if it is a
/// temporary.
#[inline(always)]
fn method_done(m: &mut M<'_>, w: Word, f: Value, this: Value) -> Flow {
    m.kill_b(w);
    m.set(w.a() + 1, this);
    m.set(w.a(), f);
    m.advance(EXTRA);
    Ok(())
}

#[inline(always)]
fn method_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let (f, bound) = method_slow(m.t, m.reg(w.b()), m.name(w.c()))?;
    let this = if bound { m.take_b(w) } else { Value::ABSENT };
    method_done(m, w, f, this)
}

#[inline(never)]
fn method_slow(t: &Thread, obj: &Value, name: &Value) -> Res<(Value, bool)> {
    attr_cache::learn_load(t, obj, name);
    attr::load_method(t, obj, name)
}

/// Whether the instance's dict has no `name`, so that the type's attribute counts.
///
/// # Safety
/// The object's shape has its dict word at `offset`.
#[inline(always)]
unsafe fn is_masked(obj: &Value, offset: usize, name: &Value) -> bool {
    // SAFETY: the caller's duty; nothing is stored into the slot while it is looked at.
    let dict = unsafe { slot_of(obj, offset).glance() };
    dict.is_absent() || dict.exact::<Dict>().is_some_and(|d| d.find_str_entry(name).is_none())
}

#[inline(always)]
fn method_miss(m: &mut M<'_>, w: Word) -> Flow {
    m.rewrite(w, Opcode::LoadMethod);
    m.set_extra(2, COOLDOWN * 4);
    Err(Stop::As(Opcode::LoadMethod as usize))
}

#[inline(always)]
pub(crate) fn load_method_type(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) && !same_number(m, w.b()) {
        return method_miss(m, w);
    }
    let f = m.copy(Value::from_ref(&m.extra(1)));
    let this = m.take_b(w);
    m.set(w.a() + 1, this);
    m.set(w.a(), f);
    m.advance(EXTRA);
    Ok(())
}

/// Whether the register holds a number in the word, of the cached type.
#[inline(always)]
fn same_number(m: &M<'_>, i: usize) -> bool {
    !m.reg(i).is_object() && m.extra(0) != 0 && key(m.reg(i)) == m.extra(0)
}

#[inline(always)]
pub(crate) fn load_method_masked(m: &mut M<'_>, w: Word) -> Flow {
    // SAFETY: the shape is the cached one when the dict is looked at.
    if !same_type(m, w.b()) || !unsafe { is_masked(m.reg(w.b()), m.extra(3) as usize, m.name(w.c())) } {
        return method_miss(m, w);
    }
    let f = m.copy(Value::from_ref(&m.extra(1)));
    let this = m.take_b(w);
    method_done(m, w, f, this)
}

#[inline(always)]
pub(crate) fn load_method_slot(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        return method_miss(m, w);
    }
    let bits = slot_at(m, w.b(), m.extra(1) as usize).bits();
    if bits == 0 {
        return method_miss(m, w);
    }
    let f = m.copy(Value::from_ref(&bits));
    method_done(m, w, f, Value::ABSENT)
}

/// A static or class method, or a callable that does not bind, found on the instance's type.
#[inline(always)]
pub(crate) fn load_method_other(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        return method_miss(m, w);
    }
    let (f, this) = match bound_class(m.extra(1)) {
        Some(c) => (c.callable.get(), type_of(m.reg(w.b())).value()),
        None => (plain(m, m.extra(1)), Value::ABSENT),
    };
    method_done(m, w, f, this)
}

#[inline(always)]
pub(crate) fn load_method_module(m: &mut M<'_>, w: Word) -> Flow {
    let Some(bits) = module_entry(m, w.b()) else { return method_miss(m, w) };
    let f = m.copy(Value::from_ref(&bits));
    method_done(m, w, f, Value::ABSENT)
}

#[inline(always)]
pub(crate) fn load_method_class(m: &mut M<'_>, w: Word) -> Flow {
    if !same_class(m, w.b()) {
        return method_miss(m, w);
    }
    let (f, this) = match bound_class(m.extra(1)) {
        Some(c) => (m.copy(Value::from_ref(&c.callable.bits())), m.copy_reg(w.b())),
        None => (plain(m, m.extra(1)), Value::ABSENT),
    };
    method_done(m, w, f, this)
}

#[inline(always)]
pub(crate) fn load_super(m: &mut M<'_>, w: Word, method: bool) -> Flow {
    m.save();
    let window = m.window(w.b(), 3);
    let key = if method { super_key(window) } else { 0 };
    let (f, bound) = if key != 0 && key == m.extra(0) {
        (Value::from_ref(&m.extra(1)).clone(), true)
    } else if let Some(f) = super_method(window, m.name(w.c()), key) {
        m.set_extra(0, key);
        m.set_extra(1, f.bits());
        (f, true)
    } else {
        super_slow(m.t, window, m.name(w.c()), w.kind() == 1)?
    };
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

/// Whether LoadSuperMethod finds a method that needs no binding.
pub(super) fn is_plain_super(m: &M<'_>, w: Word) -> bool {
    let window = m.window(w.b(), 3);
    let key = super_key(window);
    key != 0 && (key == m.extra(0) || super_method(window, m.name(w.c()), key).is_some())
}

/// The versions of the class and of the object's type, if the name `super` means what it says and the object is no class;
/// 0 if nothing may be remembered.
#[inline(always)]
fn super_key(window: &[Value]) -> u64 {
    let [what, class, this] = window else { return 0 };
    if what.bits() != std::ptr::from_ref(typhon_object::types::super_::SUPER.ty()) as u64 {
        return 0;
    }
    match (class.downcast::<TypeObject>(), this.header()) {
        (Some(class), Some(_)) if !type_of(this).has_flag(flag::TYPE) => {
            let versions = [class.version.get(), type_of(this).version.get()];
            if versions.contains(&0) { 0 } else { u64::from(versions[0]) | u64::from(versions[1]) << 32 }
        }
        _ => 0,
    }
}

/// The method that `super(class, this).name` means, not bound.
#[inline(never)]
fn super_method(window: &[Value], name: &Value, key: u64) -> Option<Value> {
    use typhon_object::types::super_;
    let [_, class, this] = window else { return None };
    let ty = type_of(this);
    if key == 0 || name.is(n::__class__()) || !ty.is_subtype(class.downcast::<TypeObject>()?) {
        return None;
    }
    super_::behind(ty, class, name).filter(|f| type_of(f).has_flag(flag::METHOD_DESCRIPTOR))
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

/// Extra words of LoadSpecial: 0 = version of the type | [`KNOWN`], 1 = the method. The object's shape does not matter, for
/// what an instance has counts for nothing.
const SPECIAL_EXTRA: isize = 2;

/// Tells a remembered version from the word as it is at first.
const KNOWN: u64 = 1 << 32;

#[inline(always)]
pub(crate) fn load_special_known(m: &mut M<'_>, w: Word) -> Flow {
    let obj = m.reg(w.b());
    if !obj.is_object() {
        return Err(Stop::Slow);
    }
    // SAFETY: tested to be an object.
    let version = unsafe { obj.header_unchecked() }.shape().get().version.get();
    if u64::from(version) | KNOWN != m.extra(0) {
        return Err(Stop::Slow);
    }
    let f = m.copy(Value::from_ref(&m.extra(1)));
    let this = m.take_b(w);
    m.set(w.a() + 1, this);
    m.set(w.a(), f);
    m.advance(SPECIAL_EXTRA);
    Ok(())
}

#[inline(always)]
pub(crate) fn load_special(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let version = type_of(m.reg(w.b())).version.get();
    let (f, bound) = special(m.t, m.reg(w.b()), SpecialKind::from_u8(w.kind()))?;
    // The version is the one before the look: should the type change meanwhile, nothing has that one any more.
    if bound && version != 0 {
        m.set_extra(0, u64::from(version) | KNOWN);
        m.set_extra(1, f.bits());
    }
    let this = m.held_b(w);
    if bound {
        m.set(w.a() + 1, this);
    } else {
        m.set(w.a() + 1, Value::ABSENT);
        drop(this);
    }
    m.set(w.a(), f);
    m.advance(SPECIAL_EXTRA);
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
        Some(get) => Ok((t.as_native(|| ty.with_value(|cls| get(t, &descr, Some(obj), Some(cls))))?, false)),
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
