//! What the specializer finds out about `obj.name`.

use crate::function::Function;
use typhon_object::dict::Dict;
use typhon_object::header::Header;
use typhon_object::shape::ShapeId;
use typhon_object::ty::flag;
use typhon_object::types::classmethod::ClassMethod;
use typhon_object::types::descr::{self, What};
use typhon_object::types::module::Module;
use typhon_object::types::property::Property;
use typhon_object::types::staticmethod::StaticMethod;
use typhon_object::{Thread, TypeObject, Value, attr, ids, type_of};

/// What the specializer found out about `obj.name`.
#[derive(Clone, Copy)]
pub(crate) enum Found {
    /// An instance slot at this byte offset.
    Slot(usize),
    /// A `__slots__` member at this byte offset.
    Member(usize),
    /// An entry of the instance's dict: the dict word's offset, and where the name stood this time.
    Entry(usize, usize),
    /// The name is not in the instance's dict (at this offset), which may change; the type has a method.
    Masked(usize, u64),
    /// A method of the type: calling it passes the object.
    Method(u64),
    /// Another non-data attribute of the type that is what it is, or a static or class method.
    Type(u64),
    /// A property with a Python getter of one argument.
    Property(u64),
    /// An entry of a module's dict, while its keys have this version.
    Module(u32, usize),
    /// An attribute of a class; the versions of the class and its metaclass.
    Class(u64, u64),
    /// Stores only: a new slot at this byte offset, and the shape with it.
    Added(usize, ShapeId),
    /// Nothing to specialize.
    No,
}

fn generic(ty: &TypeObject) -> bool {
    ty.slots().getattr.is_some_and(|f| std::ptr::fn_addr_eq(f, attr::generic_get as typhon_object::slots::GetAttrFn))
}

/// What `obj.name` is found to be; `name` is interned.
pub(crate) fn look(t: &Thread, obj: &Value, name: &Value) -> Found {
    if let Some(module) = obj.exact::<Module>() {
        return look_in_module(t, module, obj, name);
    }
    if let Some(class) = obj.downcast::<TypeObject>() {
        return look_in_class(t, obj, class, name);
    }
    let ty = type_of(obj);
    if !generic(ty) || ty.version.get() == 0 {
        return Found::No;
    }
    let found = ty.lookup(t, name);
    let Some(header) = obj.header() else {
        // Numbers in the word: their types never change, and they have no attributes of their own.
        return match found {
            Some(f) if key(obj) != 0 && type_of(&f).has_flag(flag::METHOD_DESCRIPTOR) => Found::Method(f.bits()),
            _ => Found::No,
        };
    };
    if let Some(descr) = &found {
        let slots = type_of(descr).slots();
        if slots.get.is_some() && slots.set.is_some() {
            return data_descriptor(ty, descr);
        }
    }
    let shape = header.shape().get();
    if !shape.dict_mode
        && let Some(i) = shape.slot(name)
    {
        return attr::inline_offset(ty, i).map_or(Found::No, Found::Slot);
    }
    let mut masked = None;
    if shape.dict_mode
        && let Some(word) = attr::dict_word(ty, header)
    {
        // Whether the instance has the attribute can change without a change of shape.
        let Some(offset) = attr::dict_offset(ty) else { return Found::No };
        let entry = word.get().exact::<Dict>().and_then(|d| d.find_str_entry(name));
        if let Some(entry) = entry {
            return Found::Entry(offset, entry);
        }
        masked = Some(offset);
    }
    match (found, masked) {
        (Some(descr), None) if type_of(&descr).has_flag(flag::METHOD_DESCRIPTOR) => Found::Method(descr.bits()),
        (Some(descr), Some(at)) if type_of(&descr).has_flag(flag::METHOD_DESCRIPTOR) => Found::Masked(at, descr.bits()),
        (Some(descr), None) if stays(&descr) || descr.exact::<ClassMethod>().is_some() => Found::Type(descr.bits()),
        _ => Found::No,
    }
}

/// Whether getting the attribute `v` of a type through an instance gives `v`, or what a static method wraps.
fn stays(v: &Value) -> bool {
    type_of(v).slots().get.is_none() || v.exact::<StaticMethod>().is_some()
}

fn data_descriptor(ty: &TypeObject, descr: &Value) -> Found {
    if let Some(d) = descr::try_descriptor(descr)
        && let What::OwnSlot(offset) = d.what
        && ty.def().size_of.is_none()
        // Another class's descriptor may stand in this class's dict: then the offset means nothing here.
        && ty.is_subtype(d.owner())
    {
        return Found::Member(offset);
    }
    match descr.exact::<Property>() {
        Some(p) if getter(p).is_some() => Found::Property(descr.bits()),
        _ => Found::No,
    }
}

/// The property's getter, if it is a Python function of exactly one argument.
#[inline(always)]
pub(crate) fn getter(p: &Property) -> Option<&Function> {
    // SAFETY: the borrow is used before anything runs that could set the slot.
    let f = unsafe { p.fget.peek() }.exact::<Function>()?;
    (f.unit().simple && f.unit().arg_count == 1).then_some(f)
}

fn look_in_module(t: &Thread, module: &Module, obj: &Value, name: &Value) -> Found {
    if let Some(descr) = type_of(obj).lookup(t, name)
        && type_of(&descr).slots().set.is_some()
    {
        return Found::No;
    }
    let dict = module.dict.get();
    let Some(d) = dict.exact::<Dict>() else { return Found::No };
    let version = d.keys_version(t);
    match d.find_str_entry(name) {
        // Another thread may have changed the dict meanwhile.
        Some(entry) if version != 0 && version == d.current_keys_version() => Found::Module(version, entry),
        _ => Found::No,
    }
}

fn look_in_class(t: &Thread, obj: &Value, class: &TypeObject, name: &Value) -> Found {
    use typhon_object::slots::GetAttrFn;
    use typhon_object::types::type_;
    let meta = type_of(obj);
    let versions = [class.version.get(), meta.version.get()];
    if versions.contains(&0)
        || !meta.slots().getattr.is_some_and(|f| std::ptr::fn_addr_eq(f, type_::get_attribute as GetAttrFn))
    {
        return Found::No;
    }
    if let Some(descr) = meta.lookup(t, name)
        && type_of(&descr).slots().set.is_some()
    {
        return Found::No;
    }
    let Some(v) = class.lookup(t, name) else { return Found::No };
    let unbound = v.exact::<Function>().is_some() || type_of(&v).has_flag(flag::METHOD_DESCRIPTOR);
    if unbound || stays(&v) || v.exact::<ClassMethod>().is_some() {
        return Found::Class(v.bits(), u64::from(versions[0]) | u64::from(versions[1]) << 32);
    }
    Found::No
}

/// What storing `obj.name` means: a slot, a member, or a new slot; `name` is interned.
pub(crate) fn generic_store(t: &Thread, obj: &Value, name: &Value) -> Found {
    use typhon_object::slots::SetAttrFn;
    let ty = type_of(obj);
    let plain = ty.slots().setattr.is_some_and(|f| std::ptr::fn_addr_eq(f, attr::generic_set as SetAttrFn));
    let Some(header) = obj.header().filter(|_| plain && ty.version.get() != 0) else { return Found::No };
    if let Some(descr) = ty.lookup(t, name)
        && type_of(&descr).slots().set.is_some()
    {
        return match data_descriptor(ty, &descr) {
            Found::Member(offset) => Found::Member(offset),
            _ => Found::No,
        };
    }
    let shape = header.shape().get();
    if shape.dict_mode {
        return Found::No;
    }
    if let Some(i) = shape.slot(name) {
        return attr::inline_offset(ty, i).map_or(Found::No, Found::Slot);
    }
    let count = shape.slot_count as usize;
    if count >= attr::inline_count(ty) {
        return Found::No;
    }
    match (attr::inline_offset(ty, count), shape.grown(name)) {
        (Some(offset), Some(next)) => Found::Added(offset, next),
        _ => Found::No,
    }
}

/// Shape id and type version of an object, which settle every answer of [`look`] but those about dicts. Numbers in the
/// word have their type's id, without a version; 0 for other immediates.
#[inline(always)]
pub(crate) fn key(v: &Value) -> u64 {
    match v.header().map(Header::shape) {
        Some(shape) => u64::from(shape.0) | u64::from(shape.get().version.get()) << 32,
        None if v.is_small() => u64::from(ids::INT),
        None if v.is_immediate_float() => u64::from(ids::FLOAT),
        None => 0,
    }
}
