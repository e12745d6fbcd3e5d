//! Attributes, with inline caches keyed by shape and type version.
//!
//! Cache words of LoadAttr, LoadMethod and StoreAttr: 0 = shape id | type version << 32, 1 = slot offset or address of what
//! was found, 2 = executions left before another look (generic form only), 3 = one more operand. What a cache points at is
//! kept alive by the type's dictionary as long as the type's version stands. A site that sees many shapes asks the
//! thread's cache of them all (`attr_cache`) before it goes through the generic algorithms.

use super::arith::COOLDOWN;
use super::found::{Found, generic_store, getter, key, look};
use super::machine::{Flow, M, Stop};
use crate::call::{push, zero};
use crate::frame::Kind;
use typhon_isa::{Opcode, Word};
use typhon_object::attr_cache::{self, Found as Known};
use typhon_object::dict::Dict;
use typhon_object::error::Res;
use typhon_object::shape::ShapeId;
use typhon_object::store::{self, Slot};
use typhon_object::types::classmethod::ClassMethod;
use typhon_object::types::module::Module;
use typhon_object::types::property::Property;
use typhon_object::types::staticmethod::StaticMethod;
use typhon_object::{Thread, TypeObject, Value, attr, type_of};

/// Extra words of the attribute family.
pub(super) const EXTRA: isize = 4;

#[inline(always)]
pub(super) fn due(m: &M<'_>) -> bool {
    let left = m.extra(2);
    if left == 0 {
        return true;
    }
    m.set_extra(2, left - 1);
    false
}

/// Fills the cache words and rewrites the running instruction.
#[inline(always)]
pub(super) fn cache(m: &M<'_>, w: Word, op: Opcode, words: [u64; 3]) {
    m.set_extra(0, words[0]);
    m.set_extra(1, words[1]);
    m.set_extra(3, words[2]);
    m.rewrite(w, op);
}

/// A site that sees many shapes.
#[inline(always)]
pub(crate) fn load_attr_known(m: &mut M<'_>, w: Word) -> Flow {
    let obj = m.reg(w.b());
    let bits = match attr_cache::known_load(m.t, obj, m.name(w.c())) {
        // SAFETY: the cache's key vouches that objects of this shape have a slot at this offset.
        Some(Known::Slot(offset) | Known::Member(offset)) => unsafe { slot_of(obj, offset as usize) }.bits(),
        Some(Known::Plain(bits)) => bits,
        _ => 0,
    };
    if bits == 0 || due(m) {
        return Err(Stop::Slow);
    }
    let v = m.copy(Value::from_ref(&bits));
    done(m, w, v)
}

#[inline(always)]
pub(crate) fn load_attr(m: &mut M<'_>, w: Word) -> Flow {
    if due(m) {
        let obj = m.reg(w.b());
        match load_words(m.t, obj, m.name(w.c())) {
            Some((op, words)) => cache(m, w, op, words),
            None => m.set_extra(2, COOLDOWN * 4),
        }
    }
    load_generic(m, w)
}

#[cold]
#[inline(never)]
pub(super) fn load_words(t: &Thread, obj: &Value, name: &Value) -> Option<(Opcode, [u64; 3])> {
    Some(match look(t, obj, name) {
        Found::Slot(offset) => (Opcode::LoadAttrSlot, [key(obj), offset as u64, 0]),
        Found::Member(offset) => (Opcode::LoadAttrMember, [key(obj), offset as u64, 0]),
        Found::Entry(offset, entry) => (Opcode::LoadAttrEntry, [key(obj), offset as u64, entry as u64]),
        Found::Type(bits) if bound_class(bits).is_none() => (Opcode::LoadAttrType, [key(obj), bits, 0]),
        Found::Property(bits) => (Opcode::LoadAttrProperty, [key(obj), bits, 0]),
        Found::Module(version, entry) => (Opcode::LoadAttrModule, [u64::from(version), entry as u64, 0]),
        Found::Class(bits, versions) if bound_class(bits).is_none() => {
            (Opcode::LoadAttrClass, [obj.bits(), bits, versions])
        }
        _ => return None,
    })
}

/// The class method behind a cached word, if it is one: reading it makes a new bound method every time.
#[inline(always)]
pub(super) fn bound_class(bits: u64) -> Option<&'static ClassMethod> {
    // SAFETY: a cached word names a value that its type's dictionary keeps alive through the instruction.
    Value::from_ref(&bits).exact::<ClassMethod>().map(|c| unsafe { &*std::ptr::from_ref(c) })
}

/// What reading a cached attribute of a type gives: itself, or what a static method wraps.
#[inline(always)]
pub(super) fn plain(m: &mut M<'_>, bits: u64) -> Value {
    let bits = match Value::from_ref(&bits).exact::<StaticMethod>() {
        Some(s) => s.callable.bits(),
        None => bits,
    };
    m.copy(Value::from_ref(&bits))
}

#[inline(always)]
fn load_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    let v = slow(m.t, m.reg(w.b()), m.name(w.c()))?;
    done(m, w, v)
}

#[inline(always)]
fn done(m: &mut M<'_>, w: Word, v: Value) -> Flow {
    m.kill_b(w);
    m.set(w.a(), v);
    m.advance(EXTRA);
    Ok(())
}

#[inline(never)]
fn slow(t: &Thread, obj: &Value, name: &Value) -> Res {
    match attr_cache::learn_load(t, obj, name) {
        Known::Computed(def) => (def.get)(t, obj).map_err(|e| attr::complete(t, e, obj, name)),
        _ => attr::get(t, obj, name),
    }
}

/// The slot at an offset of an object.
///
/// # Safety
/// The object's shape has a slot there.
#[inline(always)]
pub(super) unsafe fn slot_of(obj: &Value, offset: usize) -> &Slot {
    // SAFETY: the caller's duty.
    unsafe { &*(obj.bits() as *const u8).add(offset).cast::<Slot>() }
}

/// The value under `name` in an instance's dict if it is entry `i`, else absent.
///
/// # Safety
/// The object's shape has its dict word at `offset`.
#[inline(always)]
unsafe fn entry_of(obj: &Value, offset: usize, i: usize, name: &Value) -> Value {
    // SAFETY: the caller's duty; nothing is stored into the slot while it is looked at.
    let dict = unsafe { slot_of(obj, offset).glance() };
    dict.exact::<Dict>().and_then(|d| d.entry_of(i, name)).unwrap_or_default()
}

#[inline(always)]
fn load_miss(m: &mut M<'_>, w: Word) -> Flow {
    m.rewrite(w, Opcode::LoadAttr);
    m.set_extra(2, COOLDOWN * 4);
    Err(Stop::As(Opcode::LoadAttr as usize))
}

/// Whether the object's shape, and its type's version, are the cached ones.
#[inline(always)]
pub(super) fn same_type(m: &M<'_>, i: usize) -> bool {
    let v = m.reg(i);
    if !v.is_object() {
        return false;
    }
    // SAFETY: tested to be an object.
    let shape = unsafe { v.header_unchecked() }.shape();
    let cached = m.extra(0);
    shape.0 == cached as u32 && shape.get().version.get() == (cached >> 32) as u32
}

#[inline(always)]
pub(super) fn slot_at(m: &M<'_>, i: usize, offset: usize) -> &'static Slot {
    // SAFETY: the shape check vouches that the object has a slot at this offset; it lives through the instruction.
    unsafe { &*(m.bits(i) as *const u8).add(offset).cast::<Slot>() }
}

#[inline(always)]
pub(crate) fn load_attr_slot(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        return load_miss(m, w);
    }
    let bits = slot_at(m, w.b(), m.extra(1) as usize).bits();
    if bits == 0 {
        return load_miss(m, w);
    }
    let v = m.copy(Value::from_ref(&bits));
    done(m, w, v)
}

#[inline(always)]
pub(crate) fn load_attr_entry(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        return load_miss(m, w);
    }
    // SAFETY: the shape is the cached one.
    let v = unsafe { entry_of(m.reg(w.b()), m.extra(1) as usize, m.extra(3) as usize, m.name(w.c())) };
    if v.is_absent() {
        return load_miss(m, w);
    }
    done(m, w, v)
}

#[inline(always)]
pub(crate) fn load_attr_type(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        return load_miss(m, w);
    }
    let v = plain(m, m.extra(1));
    done(m, w, v)
}

/// The cached entry of a module's dict, if its keys are still the same.
#[inline(always)]
pub(super) fn module_entry(m: &M<'_>, i: usize) -> Option<u64> {
    let module = m.reg(i).exact::<Module>()?;
    let bits = module.dict.bits();
    if bits == 0 {
        return None;
    }
    // SAFETY: a module's namespace is a dict; the module keeps it alive through the instruction.
    let d = unsafe { &*(bits as *const Dict) };
    // SAFETY: the keys version is the one under which the entry was found.
    unsafe { d.entry_word(m.extra(0) as u32, m.extra(1) as usize) }.filter(|bits| *bits != 0)
}

#[inline(always)]
pub(crate) fn load_attr_module(m: &mut M<'_>, w: Word) -> Flow {
    let Some(bits) = module_entry(m, w.b()) else { return load_miss(m, w) };
    let v = m.copy(Value::from_ref(&bits));
    done(m, w, v)
}

/// Whether the object is the cached class, and neither it nor its metaclass has changed.
#[inline(always)]
pub(super) fn same_class(m: &M<'_>, i: usize) -> bool {
    if m.bits(i) != m.extra(0) {
        return false;
    }
    // SAFETY: the word was a class when it was cached. Another object at its address has a version of its own, if it is a
    // class, or is none: then its shape differs, which `type_of` reads first.
    let class = m.reg(i);
    let meta = type_of(class);
    let versions = m.extra(3);
    if meta.version.get() != (versions >> 32) as u32 {
        return false;
    }
    // SAFETY: instances of this metaclass are classes.
    unsafe { &*(class.bits() as *const TypeObject) }.version.get() == versions as u32
}

#[inline(always)]
pub(crate) fn load_attr_class(m: &mut M<'_>, w: Word) -> Flow {
    if !same_class(m, w.b()) {
        return load_miss(m, w);
    }
    let v = plain(m, m.extra(1));
    done(m, w, v)
}

/// A property whose getter is a Python function: its frame runs in this loop.
#[inline(always)]
pub(crate) fn load_attr_property(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.b()) {
        return load_miss(m, w);
    }
    // SAFETY: the type's version stands, so its dictionary keeps the property alive.
    let property = unsafe { &*(m.extra(1) as *const Property) };
    let Some(f) = getter(property) else { return load_miss(m, w) };
    let Some(unit) = f.unit().at_hand(m.t, m.it) else { return Err(Stop::As(Opcode::LoadAttr as usize)) };
    m.save();
    // SAFETY: the frame is live.
    let base = unsafe { (*m.fp).top };
    // SAFETY: address arithmetic; checked before use.
    m.it.check_room(m.t, unsafe { base.add(unit.register_count) })?;
    let callee = property.fget.get();
    let this = m.take_b(w);
    // SAFETY: room was checked; the registers above `top` hold nothing alive.
    unsafe { base.write(this.into_raw()) };
    zero(base, 1, unit.local_count);
    push(m.t, m.it, callee, unit, base, Kind::Call, w.a() as u16, EXTRA as u8);
    m.enter_pushed(unit, base);
    Ok(())
}

/// As [`load_attr_known`].
#[inline(always)]
pub(crate) fn store_attr_known(m: &mut M<'_>, w: Word) -> Flow {
    if m.t.is_shared() {
        return Err(Stop::Slow);
    }
    let obj = m.reg(w.a());
    let (offset, shape) = match attr_cache::known_store(m.t, obj, m.name(w.c())) {
        Some(Known::Slot(offset) | Known::Member(offset)) => (offset, None),
        Some(Known::Add(offset, shape)) => (offset, Some(shape)),
        _ => return Err(Stop::Slow),
    };
    if due(m) {
        return Err(Stop::Slow);
    }
    m.save();
    let v = m.take_b(w);
    // SAFETY: the cache knows objects only.
    let header = unsafe { m.reg(w.a()).header_unchecked() };
    // SAFETY: asked above.
    let old = unsafe { slot_at(m, w.a(), offset as usize).replace_alone(header, v) };
    if let Some(shape) = shape {
        header.set_shape(shape);
    }
    m.release(old);
    m.kill_a(w);
    m.advance(EXTRA);
    Ok(())
}

#[inline(always)]
pub(crate) fn store_attr(m: &mut M<'_>, w: Word) -> Flow {
    if due(m) {
        let obj = m.reg(w.a());
        match store_words(m.t, obj, m.name(w.c())) {
            Some((op, words)) => cache(m, w, op, words),
            None => m.set_extra(2, COOLDOWN * 4),
        }
    }
    store_generic(m, w)
}

#[cold]
#[inline(never)]
pub(super) fn store_words(t: &Thread, obj: &Value, name: &Value) -> Option<(Opcode, [u64; 3])> {
    let (op, at) = match generic_store(t, obj, name) {
        Found::Slot(offset) => (Opcode::StoreAttrSlot, offset as u64),
        Found::Member(offset) => (Opcode::StoreAttrMember, offset as u64),
        Found::Added(offset, next) => (Opcode::StoreAttrAdd, offset as u64 | u64::from(next.0) << 32),
        _ => return None,
    };
    Some((op, [key(obj), at, 0]))
}

#[inline(always)]
fn store_generic(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    store_slow(m.t, m.reg(w.a()), m.name(w.c()), m.reg(w.b()))?;
    m.kill_b(w);
    m.kill_a(w);
    m.advance(EXTRA);
    Ok(())
}

#[inline(never)]
fn store_slow(t: &Thread, obj: &Value, name: &Value, v: &Value) -> Res<()> {
    attr_cache::learn_store(t, obj, name);
    attr::set(t, obj, name, Some(v))
}

#[inline(always)]
fn store_miss(m: &mut M<'_>, w: Word) -> Flow {
    m.rewrite(w, Opcode::StoreAttr);
    m.set_extra(2, COOLDOWN * 4);
    Err(Stop::As(Opcode::StoreAttr as usize))
}

/// Other threads may be storing into the same object: it is locked for the store, and if it has changed the long way is taken.
#[inline(always)]
fn store_shared(m: &mut M<'_>, w: Word, offset: usize, next: Option<ShapeId>) -> Flow {
    m.save();
    let shape = ShapeId(m.extra(0) as u32);
    // SAFETY: `same_type` has compared the shape, whose slot was remembered with it.
    if !unsafe { attr::store_remembered(m.reg(w.a()), shape, offset, m.reg(w.b()), next) } {
        return store_miss(m, w);
    }
    m.kill_b(w);
    m.kill_a(w);
    m.advance(EXTRA);
    Ok(())
}

#[inline(always)]
pub(crate) fn store_attr_slot(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.a()) {
        return store_miss(m, w);
    }
    if m.t.is_shared() && !is_only_here(m, w.a()) {
        return store_shared(m, w, m.extra(1) as usize, None);
    }
    m.save();
    let v = m.take_b(w);
    // SAFETY: `same_type` tested that it is an object.
    let header = unsafe { m.reg(w.a()).header_unchecked() };
    // SAFETY: asked above.
    let old = unsafe { slot_at(m, w.a(), m.extra(1) as usize).replace_alone(header, v) };
    m.release(old);
    m.kill_a(w);
    m.advance(EXTRA);
    Ok(())
}

/// Whether no other thread can reach the object in a register: the register's reference is the only one, or that of the frame whose
/// `__init__` makes it is there besides.
#[inline(always)]
fn is_only_here(m: &M<'_>, i: usize) -> bool {
    // SAFETY: the register holds an object, and a reference to it.
    unsafe { m.reg(i).header_unchecked() }.is_unique() || is_being_made(m, i)
}

/// Whether a register holds the instance whose `__init__` runs, and nothing else refers to it but the frame's record: then
/// no other thread can reach it. Whoever looks at frames of others stops the world first.
#[inline(always)]
fn is_being_made(m: &M<'_>, i: usize) -> bool {
    // SAFETY: the frame is live.
    let made = unsafe { (*m.fp).extra };
    // SAFETY: the register holds an object, and a reference to it; the thread is the one that runs.
    made == m.bits(i) && unsafe { m.reg(i).header_unchecked().rc().has_only(2, m.t.own_tag()) }
}

/// Adds an attribute to an object that no other thread can reach, as if this one were alone.
#[inline(always)]
fn fill(m: &mut M<'_>, w: Word, offset: usize, next: ShapeId) -> Flow {
    if slot_at(m, w.a(), offset).bits() != 0 {
        return store_shared(m, w, offset, Some(next));
    }
    let v = m.take_b(w);
    let at = (m.bits(w.a()) as *mut u8).wrapping_add(offset).cast::<Value>();
    // SAFETY: the shape check vouches for an object with a slot at this offset, which is empty; nobody else looks at it.
    unsafe {
        store::init(at, v);
        m.reg(w.a()).header_unchecked().set_shape(next);
    }
    m.kill_a(w);
    m.advance(EXTRA);
    Ok(())
}

#[inline(always)]
pub(crate) fn store_attr_add(m: &mut M<'_>, w: Word) -> Flow {
    if !same_type(m, w.a()) {
        return store_miss(m, w);
    }
    let cache = m.extra(1);
    let (offset, next) = (cache as u32 as usize, ShapeId((cache >> 32) as u32));
    if m.t.is_shared() {
        return if is_only_here(m, w.a()) { fill(m, w, offset, next) } else { store_shared(m, w, offset, Some(next)) };
    }
    let v = m.take_b(w);
    // SAFETY: `same_type` tested that it is an object.
    let header = unsafe { m.reg(w.a()).header_unchecked() };
    // SAFETY: asked above.
    let old = unsafe { slot_at(m, w.a(), offset).replace_alone(header, v) };
    header.set_shape(next);
    m.release(old);
    m.kill_a(w);
    m.advance(EXTRA);
    Ok(())
}

#[inline(always)]
pub(crate) fn delete_attr(m: &mut M<'_>, w: Word) -> Flow {
    m.save();
    attr::set(m.t, m.reg(w.b()), m.name(w.c()), None)?;
    m.kill_b(w);
    Ok(())
}
