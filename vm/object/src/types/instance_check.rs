//! isinstance and issubclass, with their hooks. What goes beyond classes and tuples of them takes the native lock.

use crate::attr;
use crate::call;
use crate::error::{self, Res};
use crate::names::n;
use crate::ops;
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::{TypeObject, type_of};
use crate::types::object::OBJECT;
use crate::types::type_::TYPE;
use crate::types::union;
use crate::value::Value;

/// `isinstance(v, cls)`.
pub fn isinstance(t: &Thread, v: &Value, cls: &Value) -> Res<bool> {
    if std::ptr::from_ref(type_of(v)) as u64 == cls.bits() {
        return Ok(true);
    }
    if std::ptr::eq(type_of(cls), TYPE.ty()) {
        return plain_isinstance(t, v, cls);
    }
    if let Some(classes) = cls.downcast::<Tuple>() {
        t.check_stack("in __instancecheck__")?;
        for c in classes.items() {
            if isinstance(t, v, c)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    t.as_native(|| {
        if let Some(members) = union::members(cls) {
            for c in &members {
                if isinstance(t, v, c)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        match call::special(t, cls, n::__instancecheck__(), std::slice::from_ref(v)) {
            Some(r) => ops::truth(t, &r?),
            None => plain_isinstance(t, v, cls),
        }
    })
}

/// `type.__instancecheck__`: by type, then by `__class__`.
pub fn plain_isinstance(t: &Thread, v: &Value, cls: &Value) -> Res<bool> {
    if let Some(ty) = cls.downcast::<TypeObject>() {
        if type_of(v).is_subtype(ty) {
            return Ok(true);
        }
        if has_plain_class(t, v) {
            return Ok(false);
        }
        let class = t.as_native(|| attr::class_of(t, v))?;
        return Ok(match class.as_ref().and_then(|c| c.downcast::<TypeObject>()) {
            Some(c) if !std::ptr::eq(c, type_of(v)) => c.is_subtype(ty),
            _ => false,
        });
    }
    if bases_of(t, cls)?.is_none() {
        return Err(error::type_error(t, "isinstance() arg 2 must be a type, a tuple of types, or a union"));
    }
    match attr::class_of(t, v)? {
        Some(class) => abstract_subclass(t, &class, cls),
        None => Ok(false),
    }
}

/// Whether `v.__class__` cannot be anything but its type.
fn has_plain_class(t: &Thread, v: &Value) -> bool {
    let ty = type_of(v);
    let plain = attr::generic_get as crate::slots::GetAttrFn;
    if !ty.slots().getattr.is_some_and(|f| std::ptr::fn_addr_eq(f, plain)) {
        return false;
    }
    match (ty.lookup(t, n::__class__()), OBJECT.ty().lookup(t, n::__class__())) {
        (Some(a), Some(b)) => a.is(&b),
        _ => false,
    }
}

/// `issubclass(v, cls)`.
pub fn issubclass(t: &Thread, v: &Value, cls: &Value) -> Res<bool> {
    if std::ptr::eq(type_of(cls), TYPE.ty()) {
        if v.is(cls) {
            return Ok(true);
        }
        if let (Some(a), Some(b)) = (v.downcast::<TypeObject>(), cls.downcast::<TypeObject>()) {
            return Ok(a.is_subtype(b));
        }
        return t.as_native(|| plain_issubclass(t, v, cls));
    }
    if let Some(classes) = cls.downcast::<Tuple>() {
        t.check_stack("in __subclasscheck__")?;
        for c in classes.items() {
            if issubclass(t, v, c)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    t.as_native(|| {
        if let Some(members) = union::members(cls) {
            for c in &members {
                if issubclass(t, v, c)? {
                    return Ok(true);
                }
            }
            return Ok(false);
        }
        match call::special(t, cls, n::__subclasscheck__(), std::slice::from_ref(v)) {
            Some(r) => ops::truth(t, &r?),
            None => plain_issubclass(t, v, cls),
        }
    })
}

/// `type.__subclasscheck__`: by MRO, or by `__bases__` for objects that only look like classes.
pub fn plain_issubclass(t: &Thread, v: &Value, cls: &Value) -> Res<bool> {
    if let (Some(a), Some(b)) = (v.downcast::<TypeObject>(), cls.downcast::<TypeObject>()) {
        return Ok(a.is_subtype(b));
    }
    if bases_of(t, v)?.is_none() {
        return Err(error::type_error(t, "issubclass() arg 1 must be a class"));
    }
    if bases_of(t, cls)?.is_none() {
        return Err(error::type_error(t, "issubclass() arg 2 must be a class, a tuple of classes, or a union"));
    }
    abstract_subclass(t, v, cls)
}

fn bases_of(t: &Thread, v: &Value) -> Res<Option<Value>> {
    Ok(attr::get_opt(t, v, n::__bases__())?.filter(|b| b.downcast::<Tuple>().is_some()))
}

fn abstract_subclass(t: &Thread, v: &Value, cls: &Value) -> Res<bool> {
    t.check_stack("in __subclasscheck__")?;
    if v.is(cls) {
        return Ok(true);
    }
    let Some(bases) = bases_of(t, v)? else { return Ok(false) };
    for base in bases.expect::<Tuple>().items() {
        if abstract_subclass(t, base, cls)? {
            return Ok(true);
        }
    }
    Ok(false)
}
