//! What an attribute's name means for objects of a shape, and the cache that remembers it.
//!
//! The generic algorithms of `attr` and the run loop's inline caches ask here. An answer holds as long as the versions in
//! its key do: versions are never used twice, and every change of a type or of a base of it gives it a new one, or 0 when
//! they have run out: then nothing is remembered. The cache holds no references: what an answer points at is kept alive by the type's dict while the version stands.

use crate::attr;
use crate::cache::SIZES;
use crate::header::Header;
use crate::ids;
use crate::native::GetSetDef;
use crate::shape::ShapeId;
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeObject, flag, type_of};
use crate::types::descr::{self, What};
use crate::value::Value;
use std::cell::{Cell, UnsafeCell};

/// What `obj.name` is, or where a store to it goes.
#[derive(Clone, Copy)]
#[repr(u32)]
pub enum Found {
    /// An instance slot at this byte offset; it may be empty.
    Slot(u32),
    /// A `__slots__` member at this byte offset; it may be empty.
    Member(u32),
    /// Of the type, and a call passes the object: the word of a function or method descriptor.
    Method(u64),
    /// Of the type, and needs no binding.
    Plain(u64),
    /// The word of a descriptor of a native type, a `property` for one, whose `__get__` is to be called.
    Descriptor(u64),
    /// The word of a `staticmethod`.
    Static(u64),
    /// The word of a `classmethod`.
    ClassMethod(u64),
    /// Computed by natives.
    Computed(&'static GetSetDef),
    /// Neither the object nor its type has it.
    Missing,
    /// A store adds a slot: at this byte offset, and the object gets this shape.
    Add(u32, ShapeId),
    /// Anything else: the generic algorithm must be gone through.
    Unknown,
}

/// The question an answer belongs to, in the low bits of the name's word.
#[derive(Clone, Copy)]
enum Ask {
    Load = 0,
    /// As `Load`, where reading the attribute means nothing else: the type does not replace `__getattribute__`.
    SiteLoad = 1,
    Store = 2,
    Class = 3,
    /// As `Store`, where the type does not replace `__setattr__`.
    SiteStore = 4,
}

#[derive(Clone, Copy)]
struct Entry {
    key: u64,
    name: u64,
    found: Found,
}

/// A direct-mapped cache, one a thread; its memory is taken on the first miss, and more when it has been filled as often as
/// it has entries.
pub(crate) struct AttrCache {
    entries: UnsafeCell<Box<[Entry]>>,
    /// How often an answer was kept.
    filled: Cell<usize>,
}

impl AttrCache {
    pub(crate) fn new() -> Self {
        Self { entries: UnsafeCell::default(), filled: Cell::new(0) }
    }

    #[inline]
    fn get(&self, key: u64, name: &Value, ask: Ask, look: impl FnOnce() -> Found) -> Found {
        match self.probe(key, name, ask) {
            Some(found) => found,
            None if key >> 32 == 0 => look(),
            None => self.fill(Self::at(key, name, ask), Entry { key, name: name.bits() | ask as u64, found: look() }),
        }
    }

    /// The place in a cache of any size: the low bits count.
    #[inline(always)]
    fn at(key: u64, name: &Value, ask: Ask) -> usize {
        let word = name.bits() >> 4 ^ (ask as u64) << 7;
        (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 ^ word) as usize
    }

    #[inline(always)]
    fn probe(&self, key: u64, name: &Value, ask: Ask) -> Option<Found> {
        // SAFETY: the thread's own; only `fill` writes, which calls nothing meanwhile, and no reference outlives either.
        let entries = unsafe { &*self.entries.get() };
        let e = entries.get(Self::at(key, name, ask) & entries.len().wrapping_sub(1))?;
        (e.key == key && e.name == name.bits() | ask as u64).then_some(e.found)
    }

    #[cold]
    #[inline(never)]
    fn fill(&self, at: usize, entry: Entry) -> Found {
        let filled = self.filled.replace(self.filled.get().saturating_add(1));
        // SAFETY: as in `probe`.
        let entries = unsafe { &mut *self.entries.get() };
        let size = SIZES[usize::from(filled >= SIZES[0])];
        if entries.len() < size {
            // SAFETY: numbers, and an enum of a defined layout whose first variant holds a number.
            *entries = unsafe { Box::new_zeroed_slice(size).assume_init() };
        }
        let at = at & (entries.len() - 1);
        entries[at] = entry;
        entry.found
    }
}

/// Shape and version of an object's type: while they stand, so does what is found under them.
#[inline(always)]
pub fn key(header: &Header, ty: &TypeObject) -> u64 {
    u64::from(header.shape().0) | u64::from(ty.version.get()) << 32
}

/// What reading `obj.name` means, if it has been asked before; nothing is called. `name` is interned.
#[inline(always)]
pub fn known_load(t: &Thread, obj: &Value, name: &Value) -> Option<Found> {
    let header = obj.header()?;
    t.attr_cache.probe(key(header, type_of(obj)), name, Ask::SiteLoad)
}

/// As [`known_load`], for storing.
#[inline(always)]
pub fn known_store(t: &Thread, obj: &Value, name: &Value) -> Option<Found> {
    let header = obj.header()?;
    t.attr_cache.probe(key(header, type_of(obj)), name, Ask::SiteStore)
}

/// Makes [`known_load`] know, and answers it. `name` is interned.
pub fn learn_load(t: &Thread, obj: &Value, name: &Value) -> Found {
    let ty = type_of(obj);
    match obj.header().filter(|_| attr::is_generic(t, ty)) {
        Some(header) => t.attr_cache.get(key(header, ty), name, Ask::SiteLoad, || look(t, ty, header, name)),
        None => Found::Unknown,
    }
}

/// Makes [`known_store`] know. `name` is interned.
pub fn learn_store(t: &Thread, obj: &Value, name: &Value) {
    use crate::slots::SetAttrFn;
    let ty = type_of(obj);
    let plain = ty.slots().setattr.is_some_and(|f| std::ptr::fn_addr_eq(f, attr::generic_set as SetAttrFn));
    if let Some(header) = obj.header().filter(|_| plain) {
        t.attr_cache.get(key(header, ty), name, Ask::SiteStore, || look_store(t, ty, header, name));
    }
}

/// What `object.__getattribute__(obj, name)` finds.
#[inline]
pub fn load(t: &Thread, obj: &Value, name: &Value) -> Found {
    let ty = type_of(obj);
    let Some(header) = obj.header().filter(|_| strs::is_interned(name)) else { return Found::Unknown };
    t.attr_cache.get(key(header, ty), name, Ask::Load, || look(t, ty, header, name))
}

fn look(t: &Thread, ty: &TypeObject, header: &Header, name: &Value) -> Found {
    let found = ty.lookup(t, name);
    if let Some(descr) = &found
        && type_of(descr).slots().get.is_some()
        && type_of(descr).slots().set.is_some()
    {
        return computed(ty, descr)
            .or_else(|| own_slot(ty, descr).map(Found::Member))
            .unwrap_or_else(|| descriptor(descr));
    }
    let shape = header.shape().get();
    if shape.dict_mode {
        // Whether the instance's dict has the attribute can change without a change of shape.
        if attr::dict_word(ty, header).is_some() {
            return Found::Unknown;
        }
    } else if let Some(i) = shape.slot(name) {
        return slot_offset(ty, i).map_or(Found::Unknown, Found::Slot);
    }
    found.map_or(Found::Missing, |v| of_type(&v))
}

/// What natives compute for instances of `ty`, if the descriptor is of that kind.
fn computed(ty: &TypeObject, descr: &Value) -> Option<Found> {
    let descriptor = descr::try_descriptor(descr)?;
    match descriptor.what {
        What::GetSet(def) if ty.is_subtype(descriptor.owner()) => Some(Found::Computed(def)),
        _ => None,
    }
}

fn of_type(found: &Value) -> Found {
    let ty = type_of(found);
    match ty.slots().get {
        _ if ty.root_shape().0 == ids::STATICMETHOD => Found::Static(found.bits()),
        _ if ty.root_shape().0 == ids::CLASSMETHOD => Found::ClassMethod(found.bits()),
        _ if ty.has_flag(flag::METHOD_DESCRIPTOR) => Found::Method(found.bits()),
        None => Found::Plain(found.bits()),
        Some(_) => descriptor(found),
    }
}

/// A descriptor that none of the other answers fits. What a Python class does as one can change.
fn descriptor(descr: &Value) -> Found {
    if type_of(descr).is_heap_type() { Found::Unknown } else { Found::Descriptor(descr.bits()) }
}

/// The offset behind a `__slots__` descriptor, if it lies at the same place in every instance.
fn own_slot(ty: &TypeObject, descr: &Value) -> Option<u32> {
    let descriptor = descr::try_descriptor(descr)?;
    match descriptor.what {
        // Another class's descriptor may stand in this class's dict: then the offset means nothing here.
        What::OwnSlot(offset) if ty.def().size_of.is_none() && ty.is_subtype(descriptor.owner()) => {
            u32::try_from(offset).ok()
        }
        _ => None,
    }
}

fn slot_offset(ty: &TypeObject, i: usize) -> Option<u32> {
    attr::inline_offset(ty, i).and_then(|offset| u32::try_from(offset).ok())
}

/// What `type.__getattribute__(class, name)` finds.
#[inline]
pub fn load_class(t: &Thread, class: &Value, name: &Value) -> Found {
    if !strs::is_interned(name) {
        return Found::Unknown;
    }
    let Some(ty) = class.downcast::<TypeObject>() else { return Found::Unknown };
    let meta = type_of(class);
    // What the metaclass has counts too.
    match (ty.version.get(), meta.version.get()) {
        (0, _) | (_, 0) => Found::Unknown,
        (own, above) => {
            let key = u64::from(own) << 32 | u64::from(above);
            t.attr_cache.get(key, name, Ask::Class, || look_class(t, ty, meta, name))
        }
    }
}

/// Whether reading `obj.name` concerns nothing but the object and its class, or the class that it is: then it needs no native
/// lock. `name` is interned.
pub fn reads_plainly(t: &Thread, obj: &Value, name: &Value) -> bool {
    use crate::slots::GetAttrFn;
    let how = type_of(obj).slots().getattr;
    let is = |f: GetAttrFn| how.is_some_and(|g| std::ptr::fn_addr_eq(g, f));
    if is(attr::generic_get) {
        let found = load(t, obj, name);
        matches!(found, Found::Slot(_) | Found::Member(_) | Found::Plain(_) | Found::Method(_) | Found::Missing)
    } else {
        is(crate::types::type_::get_attribute) && matches!(load_class(t, obj, name), Found::Plain(_) | Found::Missing)
    }
}

/// Functions, and what stands for a built-in type's methods.
const UNBOUND: [u32; 3] = [ids::FUNCTION, ids::METHOD_DESCRIPTOR, ids::WRAPPER_DESCRIPTOR];

fn look_class(t: &Thread, ty: &TypeObject, meta: &TypeObject, name: &Value) -> Found {
    let on_meta = meta.lookup(t, name);
    if let Some(descr) = &on_meta
        && type_of(descr).slots().set.is_some()
    {
        return computed(meta, descr).unwrap_or(Found::Unknown);
    }
    match ty.lookup(t, name).map(|v| (of_type(&v), v)) {
        // These are themselves when they are got from a class; a method descriptor of another kind may look.
        Some((Found::Method(bits), v)) if v.header().is_some_and(|h| UNBOUND.contains(&h.shape().0)) => {
            Found::Plain(bits)
        }
        Some((found @ (Found::Plain(_) | Found::Static(_) | Found::ClassMethod(_)), _)) => found,
        None if on_meta.is_none() => Found::Missing,
        _ => Found::Unknown,
    }
}

/// Where `object.__setattr__(obj, name, ...)` stores.
#[inline]
pub fn store(t: &Thread, obj: &Value, name: &Value) -> Found {
    let ty = type_of(obj);
    let Some(header) = obj.header().filter(|_| strs::is_interned(name)) else { return Found::Unknown };
    t.attr_cache.get(key(header, ty), name, Ask::Store, || look_store(t, ty, header, name))
}

fn look_store(t: &Thread, ty: &TypeObject, header: &Header, name: &Value) -> Found {
    if let Some(descr) = ty.lookup(t, name)
        && type_of(&descr).slots().set.is_some()
    {
        return computed(ty, &descr).or_else(|| own_slot(ty, &descr).map(Found::Member)).unwrap_or(Found::Unknown);
    }
    let shape = header.shape().get();
    if shape.dict_mode {
        return Found::Unknown;
    }
    if let Some(i) = shape.slot(name) {
        return slot_offset(ty, i).map_or(Found::Unknown, Found::Slot);
    }
    let next = shape.slot_count as usize;
    if next >= attr::inline_count(ty) {
        return Found::Unknown;
    }
    match (slot_offset(ty, next), shape.grown(name)) {
        (Some(offset), Some(shape)) => Found::Add(offset, shape),
        _ => Found::Unknown,
    }
}
