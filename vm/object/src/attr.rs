//! Attribute access: the generic algorithms behind `getattr`, `setattr` and method calls.

use crate::attr_cache::{self, Found};
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::header::Header;
use crate::names::{self, n};
use crate::native::GetSetDef;
use crate::shape::{Shape, ShapeId};
use crate::slots::GetAttrFn;
use crate::store::{self, Slot};
use crate::strs::{self, Str};
use crate::thread::{self, Thread};
use crate::ty::{TypeObject, flag, type_of};
use crate::types::{staticmethod, type_};
use crate::value::Value;

/// `obj.name`; `name` is a str.
#[inline]
pub fn get(t: &Thread, obj: &Value, name: &Value) -> Res {
    match type_of(obj).slots().getattr {
        Some(f) => f(t, obj, name).map_err(|e| complete(t, e, obj, name)),
        None => Err(error::no_attribute(t, obj, name)),
    }
}

/// An AttributeError that says neither what of nor of whom is told both, for the suggestions that tracebacks make.
#[cold]
pub fn complete(t: &Thread, e: error::Exc, obj: &Value, name: &Value) -> error::Exc {
    use crate::types::exceptions as exc;
    if e.is(&exc::ATTRIBUTE_ERROR) && exc::field(e.value(), "name").is_none() && exc::field(e.value(), "obj").is_none()
    {
        exc::set_field(t, &e, "name", name);
        exc::set_field(t, &e, "obj", obj);
    }
    e
}

/// `obj.name` for a name given as text.
pub fn get_text(t: &Thread, obj: &Value, name: &str) -> Res {
    get(t, obj, &names::intern_text(t, name))
}

/// `obj.name`, or `None` if that raises AttributeError.
pub fn get_opt(t: &Thread, obj: &Value, name: &Value) -> Res<Option<Value>> {
    let found = match type_of(obj).slots().getattr {
        // No exception is made only to be dropped.
        Some(f) if std::ptr::fn_addr_eq(f, generic_get as GetAttrFn) => generic_get_opt(t, obj, name),
        Some(f) if std::ptr::fn_addr_eq(f, type_::get_attribute as GetAttrFn) => type_::get_opt(t, obj, name),
        _ => get(t, obj, name).map(Some),
    };
    match found {
        Err(e) if e.is(&crate::types::exceptions::ATTRIBUTE_ERROR) => Ok(None),
        found => found,
    }
}

/// `obj.name = value`, or `del obj.name` when `None`.
#[inline]
pub fn set(t: &Thread, obj: &Value, name: &Value, value: Option<&Value>) -> Res<()> {
    match type_of(obj).slots().setattr {
        Some(f) => f(t, obj, name, value),
        None => Err(no_set(t, obj, name, value.is_none())),
    }
}

#[cold]
fn no_set(t: &Thread, obj: &Value, name: &Value, del: bool) -> error::Exc {
    let (ty, name_text) = (type_of(obj).name(), strs::display(name));
    let how = if type_of(obj).slots().getattr.is_none() { "no" } else { "only read-only" };
    let what = if del { "del" } else { "assign to" };
    error::type_error(t, format_args!("'{ty}' object has {how} attributes ({what} .{name_text})"))
}

/// TypeError unless `name` is a str.
pub fn check_name(t: &Thread, name: &Value) -> Res<()> {
    if name.downcast::<Str>().is_some() {
        return Ok(());
    }
    Err(error::type_error(t, format_args!("attribute name must be string, not '{}'", type_of(name).name())))
}

/// Where an instance keeps its dict, if its type has room for one.
#[inline]
pub fn dict_word<'a>(ty: &TypeObject, header: &'a Header) -> Option<&'a Slot> {
    match ty.dict_offset.get() {
        0 => None,
        // SAFETY: the type's dict word lies inside every instance.
        offset => Some(unsafe { ty.slot_at(header, offset) }),
    }
}

/// Inline slot `i` of an instance in shape mode.
///
/// # Safety
/// `i` is below the type's `inline_slots`.
#[inline(always)]
pub unsafe fn inline_slot<'a>(ty: &TypeObject, header: &'a Header, i: usize) -> &'a Slot {
    // SAFETY: inline slots follow the dict word.
    unsafe { ty.slot_at(header, ty.dict_offset.get() + 8 + 8 * i) }
}

/// Byte offset of the dict word in every instance, for inline caches; `None` without one, or where instances vary in size.
pub fn dict_offset(ty: &TypeObject) -> Option<usize> {
    let offset = ty.dict_offset.get();
    (ty.def().size_of.is_none() && offset != 0).then_some(offset)
}

/// Byte offset of inline slot `i` in every instance, for inline caches; `None` where instances vary in size.
pub fn inline_offset(ty: &TypeObject, i: usize) -> Option<usize> {
    if ty.def().size_of.is_some() { None } else { Some(ty.dict_offset.get() + 8 + 8 * i) }
}

/// How many attributes fit an instance without a dict.
pub fn inline_count(ty: &TypeObject) -> usize {
    ty.inline_slots.get() as usize
}

/// Whether an object keeps its attributes in itself and not in a dict.
pub fn has_inline_values(v: &Value) -> bool {
    let ty = type_of(v);
    let inline = ty.dict_offset.get() != 0 && ty.inline_slots.get() > 0 && inline_offset(ty, 0).is_some();
    inline && v.header().is_some_and(|h| !h.shape().get().dict_mode)
}

/// The instance's own attribute, not looking at the type.
#[inline]
pub fn instance_get(ty: &TypeObject, header: &Header, name: &Value) -> Option<Value> {
    let word = dict_word(ty, header)?;
    let shape = header.shape().get();
    if shape.dict_mode {
        // SAFETY: looked at for the duration of one lookup by identity or text, which runs no Python code.
        return unsafe { word.glance() }.downcast::<Dict>()?.get_str(name);
    }
    let i = shape.slot(name)?;
    // SAFETY: a shape has no more slots than its type has inline.
    match unsafe { inline_slot(ty, header, i) }.get().present() {
        None if thread::is_shared() => moved(ty, header, name, shape),
        found => found,
    }
}

/// As [`instance_get`], of what was not in its slot: another thread moves the attributes into a dict, or has just done so.
#[cold]
fn moved(ty: &TypeObject, header: &Header, name: &Value, shape: &Shape) -> Option<Value> {
    // Whoever moves them has the lock from before the first slot is emptied until the dict is there.
    drop(store::hold(header));
    if header.shape() != shape.id { instance_get(ty, header, name) } else { None }
}

/// Stores into a slot that objects of this shape have, which gets them to the shape `next` if it is a new one. If another
/// thread has changed the shape, false, and `v` is dropped.
///
/// What is in a slot is replaced without the lock: a slot that was emptied, because the attributes move into a dict, stays so,
/// and whoever empties it takes the last word that was there along. Only under the lock is one filled.
#[inline]
pub(crate) fn store_shared(header: &Header, shape: ShapeId, slot: &Slot, v: Value, next: Option<ShapeId>) -> bool {
    if header.shape() != shape {
        return false;
    }
    let refilled = if next.is_none() { slot.refill(v) } else { Err(v) };
    match refilled {
        Ok(old) => store::release_later(old),
        Err(v) => return fill_shared(header, shape, slot, v, next),
    }
    true
}

#[inline(never)]
fn fill_shared(header: &Header, shape: ShapeId, slot: &Slot, v: Value, next: Option<ShapeId>) -> bool {
    let held = store::hold(header);
    if header.shape() != shape {
        // The lock first: dropping `v` may run code.
        drop(held);
        return false;
    }
    let mut old = Value::ABSENT;
    if slot.is_absent() {
        slot.fill_held(v);
    } else {
        old = slot.exchange_held(v);
    }
    if let Some(next) = next {
        header.set_shape(next);
    }
    drop(held);
    store::release_later(old);
    true
}

/// Stores into an attribute at a remembered place, beside other threads; false if the object has another shape now, or is just
/// getting one.
///
/// # Safety
/// Objects of this shape have a slot at that offset, and get to the shape `next`, if there is one, by filling it.
#[inline(never)]
pub unsafe fn store_remembered(obj: &Value, shape: ShapeId, offset: usize, v: &Value, next: Option<ShapeId>) -> bool {
    let Some(header) = obj.header().filter(|header| header.shape() == shape) else { return false };
    // SAFETY: the caller's duty.
    let slot = unsafe { type_of(obj).slot_at(header, offset) };
    store_shared(header, shape, slot, v.clone(), next)
}

/// Sets the instance's own attribute. The type has a dict word.
pub fn instance_set(t: &Thread, ty: &TypeObject, header: &Header, name: &Value, value: Value) -> Res<()> {
    let shape = header.shape().get();
    if !shape.dict_mode {
        let name = &names::intern(t, name);
        if let Some(i) = shape.slot(name) {
            // SAFETY: a shape has no more slots than its type has inline.
            let slot = unsafe { inline_slot(ty, header, i) };
            if !t.is_shared() {
                slot.set(header, value);
            } else if !store_shared(header, shape.id, slot, value.clone(), None) {
                return instance_set(t, ty, header, name, value);
            }
            return Ok(());
        }
        if shape.slot_count < ty.inline_slots.get()
            && strs::is_interned(name)
            && let Some(next) = shape.grown(name)
        {
            // SAFETY: as above: the new slot is within the inline ones.
            let slot = unsafe { inline_slot(ty, header, shape.slot_count as usize) };
            if !t.is_shared() {
                slot.set(header, value);
                header.set_shape(next);
            } else if !store_shared(header, shape.id, slot, value.clone(), Some(next)) {
                return instance_set(t, ty, header, name, value);
            }
            return Ok(());
        }
    }
    let dict = instance_dict(t, ty, header)?;
    let hash = crate::ops::hash(t, name)?;
    Dict::of(&dict).set_hashed(t, name, hash, value)
}

/// Deletes the instance's own attribute; false if there is none.
pub fn instance_del(t: &Thread, ty: &TypeObject, header: &Header, name: &Value) -> Res<bool> {
    let Some(word) = dict_word(ty, header) else { return Ok(false) };
    if header.shape().get().dict_mode && word.is_absent() {
        return Ok(false);
    }
    if !header.shape().get().dict_mode && header.shape().get().slot(&names::intern(t, name)).is_none() {
        return Ok(false);
    }
    let dict = instance_dict(t, ty, header)?;
    Ok(Dict::of(&dict).remove(t, name)?.is_some())
}

/// The instance's `__dict__`, made on the first request: the attributes move from the slots into it.
pub fn instance_dict(t: &Thread, ty: &TypeObject, header: &Header) -> Res {
    let Some(word) = dict_word(ty, header) else {
        return Err(error::type_error(t, format_args!("'{}' object has no __dict__", ty.name())));
    };
    let shape = header.shape().get();
    if shape.dict_mode {
        if word.is_absent() {
            let dict = Dict::create(t);
            let _held = store::hold(header);
            if word.is_absent() {
                word.exchange_held(dict.clone());
                return Ok(dict);
            }
        }
        return Ok(word.get());
    }
    if t.is_shared() {
        return shared_dict(t, ty, header, word, shape);
    }
    let dict = Dict::create(t);
    if shape.slot_count > 0 {
        Dict::of(&dict).reserve(t, shape.slot_count as usize)?;
    }
    for (i, name) in shape.names().into_iter().enumerate() {
        // SAFETY: a shape has no more slots than its type has inline.
        let value = unsafe { inline_slot(ty, header, i) }.get();
        if !value.is_absent() {
            Dict::of(&dict).add_name(t, name, value)?;
        }
    }
    for i in 0..shape.slot_count as usize {
        // SAFETY: as above; the dict holds the values now.
        drop(unsafe { inline_slot(ty, header, i) }.take());
    }
    header.set_shape(shape.to_dict_mode());
    word.set(header, dict.clone());
    Ok(dict)
}

/// As [`instance_dict`], while other threads may read the slots and replace what is in them: those who find one empty wait
/// until the dict is there.
fn shared_dict(t: &Thread, ty: &TypeObject, header: &Header, word: &Slot, shape: &Shape) -> Res {
    let dict = Dict::create(t);
    let held = store::hold(header);
    if header.shape() != shape.id {
        drop(held);
        return instance_dict(t, ty, header);
    }
    let mut old = Vec::with_capacity(2 * shape.slot_count as usize + 1);
    let moved = move_slots(t, ty, header, shape, Dict::of(&dict), &mut old);
    if moved.is_ok() {
        old.push(word.exchange_held(dict.clone()));
        header.set_shape(shape.to_dict_mode());
    }
    drop(held);
    old.into_iter().for_each(store::release_later);
    moved.map(|()| dict)
}

/// Moves the attributes into a dict that nobody else has yet, under the object's lock. What is to be released is added to `old`.
/// If there is no memory, all stays as it was.
fn move_slots(
    t: &Thread,
    ty: &TypeObject,
    header: &Header,
    shape: &Shape,
    dict: &Dict,
    old: &mut Vec<Value>,
) -> Res<()> {
    // SAFETY: a shape has no more slots than its type has inline.
    let slot = |i| unsafe { inline_slot(ty, header, i) };
    let names = shape.names();
    for (i, name) in names.iter().enumerate() {
        let value = slot(i).get();
        if !value.is_absent() {
            dict.set_str(t, name, value.clone())?;
        }
        old.push(value);
    }
    for (i, name) in names.iter().enumerate() {
        let value = slot(i).exchange_held(Value::ABSENT);
        let replaced = value.bits() != old[i].bits();
        old.push(value);
        // Somebody has replaced it since it was copied.
        if replaced && let Err(e) = dict.set_str(t, name, old[names.len() + i].clone()) {
            old.drain(names.len()..).enumerate().for_each(|(i, value)| slot(i).fill_held(value));
            return Err(e);
        }
    }
    Ok(())
}

/// Replaces the instance's `__dict__`.
pub fn set_instance_dict(t: &Thread, ty: &TypeObject, header: &Header, dict: Value) -> Res<()> {
    // Moves the attributes out of the slots first; the old dict goes with the last reference to it.
    let old = instance_dict(t, ty, header)?;
    if let Some(word) = dict_word(ty, header) {
        word.set(header, dict);
    }
    drop(old);
    Ok(())
}

/// `object.__getattribute__`.
pub fn generic_get(t: &Thread, obj: &Value, name: &Value) -> Res {
    match generic_get_opt(t, obj, name)? {
        Some(v) => Ok(v),
        None => {
            check_name(t, name)?;
            Err(error::no_attribute(t, obj, name))
        }
    }
}

/// Whether getting an attribute begins with the generic algorithm: a `__getattr__` hook is asked only for what that misses.
pub fn is_generic(t: &Thread, ty: &TypeObject) -> bool {
    ty.slots()
        .getattr
        .is_some_and(|f| std::ptr::fn_addr_eq(f, generic_get as GetAttrFn) || crate::dunder::hooks_generic(t, ty, f))
}

/// The contents of the slot that the cache found.
fn slot_found(obj: &Value, offset: u32) -> Option<Value> {
    // SAFETY: the cache's key vouches that objects of this shape have a slot at this offset.
    obj.header().and_then(|header| unsafe { type_of(obj).slot_at(header, offset as usize) }.get().present())
}

/// Binds what was found on the type of `obj`.
fn bind(t: &Thread, obj: &Value, descr: &Value) -> Res {
    match type_of(descr).slots().get {
        Some(get) => type_of(obj).with_value(|cls| get(t, descr, Some(obj), Some(cls))),
        None => Ok(descr.clone()),
    }
}

/// `object.__getattribute__`, with `None` for a missing attribute.
pub fn generic_get_opt(t: &Thread, obj: &Value, name: &Value) -> Res<Option<Value>> {
    match attr_cache::load(t, obj, name) {
        Found::Slot(offset) | Found::Member(offset) => {
            if let Some(v) = slot_found(obj, offset) {
                return Ok(Some(v));
            }
        }
        Found::Plain(bits) => return Ok(Some(Value::from_ref(&bits).clone())),
        // The getter may change the class: what it runs on is held.
        Found::Static(bits) => return Ok(Some(staticmethod::callable(Value::from_ref(&bits)))),
        Found::Method(bits) | Found::Descriptor(bits) | Found::ClassMethod(bits) => {
            return bind(t, obj, &Value::from_ref(&bits).clone()).map(Some);
        }
        Found::Computed(def) => return (def.get)(t, obj).map(Some),
        Found::Missing => return Ok(None),
        Found::Add(..) | Found::Unknown => {}
    }
    check_name(t, name)?;
    let name = &names::intern(t, name);
    let ty = type_of(obj);
    let found = ty.lookup(t, name);
    let mut get = None;
    if let Some(descr) = &found {
        let slots = type_of(descr).slots();
        get = slots.get;
        if let (Some(get), Some(_)) = (slots.get, slots.set) {
            return ty.with_value(|cls| get(t, descr, Some(obj), Some(cls)).map(Some));
        }
    }
    if let Some(header) = obj.header()
        && let Some(v) = instance_get(ty, header, name)
    {
        return Ok(Some(v));
    }
    match (found, get) {
        (Some(descr), Some(get)) => ty.with_value(|cls| get(t, &descr, Some(obj), Some(cls)).map(Some)),
        (found, _) => Ok(found),
    }
}

/// `object.__setattr__` and `object.__delattr__`.
pub fn generic_set(t: &Thread, obj: &Value, name: &Value, value: Option<&Value>) -> Res<()> {
    if let (Some(v), Some(header)) = (value, obj.header()) {
        let shape = header.shape();
        match attr_cache::store(t, obj, name) {
            Found::Slot(offset) | Found::Member(offset) => {
                // SAFETY: the cache's key vouches that objects of this shape have a slot at this offset.
                let slot = unsafe { type_of(obj).slot_at(header, offset as usize) };
                if !t.is_shared() {
                    slot.set(header, v.clone());
                } else if !store_shared(header, shape, slot, v.clone(), None) {
                    return generic_set(t, obj, name, value);
                }
                return Ok(());
            }
            Found::Add(offset, next) if t.is_shared() => {
                // SAFETY: as above; the slot is the first free one.
                let slot = unsafe { type_of(obj).slot_at(header, offset as usize) };
                if !store_shared(header, shape, slot, v.clone(), Some(next)) {
                    return generic_set(t, obj, name, value);
                }
                return Ok(());
            }
            Found::Add(offset, shape) => {
                // SAFETY: as above; the slot is the first free one.
                let old = unsafe { type_of(obj).slot_at(header, offset as usize) }.replace(header, v.clone());
                header.set_shape(shape);
                drop(old);
                return Ok(());
            }
            Found::Computed(GetSetDef { set: Some(set), .. }) => return set(t, obj, value),
            _ => {}
        }
    }
    check_name(t, name)?;
    let name = &names::intern(t, name);
    let ty = type_of(obj);
    let found = ty.lookup(t, name);
    if let Some(descr) = &found
        && let Some(set) = type_of(descr).slots().set
    {
        return set(t, descr, obj, value);
    }
    let Some(header) = obj.header().filter(|h| dict_word(ty, h).is_some()) else {
        return Err(no_instance_set(t, obj, name, found.is_some()));
    };
    match value {
        Some(v) => instance_set(t, ty, header, name, v.clone()),
        None if instance_del(t, ty, header, name)? => Ok(()),
        None => Err(error::no_attribute(t, obj, name)),
    }
}

#[cold]
fn no_instance_set(t: &Thread, obj: &Value, name: &Value, on_type: bool) -> error::Exc {
    let (ty, text) = (type_of(obj).name(), strs::display(name));
    if on_type {
        return error::attribute_error(t, obj, name, format_args!("'{ty}' object attribute '{text}' is read-only"));
    }
    error::attribute_error(
        t,
        obj,
        name,
        format_args!("'{ty}' object has no attribute '{text}' and no __dict__ for setting new attributes"),
    )
}

/// What a method call on `obj.name` calls: (function, true) to be called with `obj` first, or (callable, false).
#[inline]
pub fn load_method(t: &Thread, obj: &Value, name: &Value) -> Res<(Value, bool)> {
    let ty = type_of(obj);
    if !is_generic(t, ty) {
        return Ok((get(t, obj, name)?, false));
    }
    match attr_cache::load(t, obj, name) {
        Found::Method(bits) => return Ok((Value::from_ref(&bits).clone(), true)),
        Found::Unknown => {}
        _ => return Ok((get(t, obj, name)?, false)),
    }
    let name = &names::intern(t, name);
    let Some(descr) = ty.lookup(t, name) else {
        return Ok((get(t, obj, name)?, false));
    };
    let descr_ty = type_of(&descr);
    let is_method = descr_ty.has_flag(flag::METHOD_DESCRIPTOR);
    let slots = descr_ty.slots();
    if !is_method && slots.get.is_some() && slots.set.is_some() {
        return Ok((get(t, obj, name)?, false));
    }
    if let Some(header) = obj.header()
        && let Some(v) = instance_get(ty, header, name)
    {
        return Ok((v, false));
    }
    if is_method {
        return Ok((descr, true));
    }
    Ok((get(t, obj, name)?, false))
}

/// A special method of `obj`, bound if need be: looked up on the type only. `None` if there is none.
pub fn special(t: &Thread, obj: &Value, name: &Value) -> Res<Option<Value>> {
    let ty = type_of(obj);
    let Some(descr) = ty.lookup(t, name) else { return Ok(None) };
    match type_of(&descr).slots().get {
        Some(get) => ty.with_value(|cls| get(t, &descr, Some(obj), Some(cls))).map(Some),
        None => Ok(Some(descr)),
    }
}

/// `obj.__class__`, for `isinstance` and friends.
pub fn class_of(t: &Thread, obj: &Value) -> Res<Option<Value>> {
    get_opt(t, obj, n::__class__())
}
