//! Types: type objects.

use crate::dict::Dict;
use crate::error::Res;
use crate::header::Header;
use crate::payload;
use crate::shape::ShapeId;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::value::Value;
use std::cell::{Cell, RefCell, UnsafeCell};
use std::ptr::NonNull;

mod def;
mod of;

pub use def::{TypeCell, TypeDef};
pub use of::{is_instance, type_name, type_of};

/// Type flags.
pub mod flag {
    /// May be subclassed.
    pub const BASETYPE: u32 = 1;
    /// Made by a class statement or `type()`.
    pub const HEAP: u32 = 1 << 1;
    /// Attributes cannot be set.
    pub const IMMUTABLE: u32 = 1 << 2;
    /// Has a finalizer somewhere in its MRO.
    pub const FINALIZER: u32 = 1 << 3;
    /// Matches sequence patterns.
    pub const SEQUENCE: u32 = 1 << 4;
    /// Matches mapping patterns.
    pub const MAPPING: u32 = 1 << 5;
    /// `type(x)(...)` is refused ("cannot create 'x' instances").
    pub const NO_NEW: u32 = 1 << 6;
    /// A class pattern with one positional sub-pattern matches the subject itself.
    pub const MATCH_SELF: u32 = 1 << 7;
    /// Abstract methods remain.
    pub const ABSTRACT: u32 = 1 << 8;
    /// Instances may be weakly referenced.
    pub const WEAKREFS: u32 = 1 << 9;
    /// Overrides `__getattribute__` or has `__getattr__`.
    pub const CUSTOM_GETATTR: u32 = 1 << 10;
    /// Overrides `__setattr__` or `__delattr__`.
    pub const CUSTOM_SETATTR: u32 = 1 << 11;
    /// Objects of this type are never tracked by the collector.
    pub const ATOMIC: u32 = 1 << 12;
    /// Its methods bind like functions (`LOAD_METHOD` may skip the bound object).
    pub const METHOD_DESCRIPTOR: u32 = 1 << 13;
    /// Its objects have [`crate::numbers::Numbers`] behind their headers; those of subclasses may have, too, but do not say so.
    pub const NUMBERS: u32 = 1 << 14;

    /// Subclass of int.
    pub const INT: u32 = 1 << 24;
    /// Subclass of list.
    pub const LIST: u32 = 1 << 25;
    /// Subclass of tuple.
    pub const TUPLE: u32 = 1 << 26;
    /// Subclass of bytes.
    pub const BYTES: u32 = 1 << 27;
    /// Subclass of str.
    pub const STR: u32 = 1 << 28;
    /// Subclass of dict.
    pub const DICT: u32 = 1 << 29;
    /// Subclass of BaseException.
    pub const EXCEPTION: u32 = 1 << 30;
    /// Subclass of type.
    pub const TYPE: u32 = 1 << 31;
    /// The flags that say which built-in a type descends from.
    pub const SUBCLASS_BITS: u32 = 0xff00_0000;
    /// Flags a subclass takes over from its base.
    pub const INHERITED: u32 =
        SUBCLASS_BITS | FINALIZER | SEQUENCE | MAPPING | MATCH_SELF | WEAKREFS | CUSTOM_GETATTR | CUSTOM_SETATTR;
}

/// A type object.
#[repr(C)]
pub struct TypeObject {
    pub(crate) header: Header,
    /// Bumped by every change of the type or of a base; caches compare it. 0: versions ran out, and nothing is cached.
    pub version: Cell<u32>,
    pub(crate) flags: Cell<u32>,
    slots: UnsafeCell<Slots>,
    def: &'static TypeDef,
    root: Cell<ShapeId>,
    pub(crate) basic_size: Cell<usize>,
    /// Offset of the word that holds an instance's dict, 0 if instances have none. Inline slots follow it.
    pub(crate) dict_offset: Cell<usize>,
    /// How many inline attribute slots follow the dict word.
    pub(crate) inline_slots: Cell<u32>,
    name: UnsafeCell<Box<str>>,
    pub(crate) qualname: Slot,
    /// The base that decides the layout.
    pub(crate) base: Slot,
    pub(crate) bases: Slot,
    /// Tuple of types, this one first.
    pub(crate) mro: Slot,
    pub(crate) dict: Slot,
    /// Direct subclasses: raw addresses of live type objects; removed when they die.
    pub(crate) subclasses: RefCell<Vec<*const TypeObject>>,
    /// A Python class's own extra data (`__slots__` names), for the type module.
    pub(crate) slot_names: Slot,
}

crate::payload!(TypeObject => crate::types::type_::TYPE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.qualname, &self.base, &self.bases, &self.mro, &self.dict, &self.slot_names] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
    }
    // The dict stays, emptied, and the bases stay: a type without them is not a type any more, and it must still take
    // itself out of its bases' lists. What makes a class part of a cycle is in the dict and the MRO.
    fn clear(&self) {
        if !self.dict.is_absent() {
            self.dict().clear_entries();
        }
        drop(self.mro.take());
    }
});

/// Everything a new type object is made from.
pub struct TypeParts {
    /// Name, with its module for types written in Rust.
    pub name: Box<str>,
    /// `__qualname__`.
    pub qualname: Value,
    /// Layout.
    pub def: &'static TypeDef,
    /// Flags.
    pub flags: u32,
    /// The base that decides the layout; absent for object.
    pub base: Value,
    /// Tuple of bases.
    pub bases: Value,
    /// `__dict__`.
    pub dict: Value,
    /// Slots, inheritance done.
    pub slots: Slots,
    /// Instance size.
    pub basic_size: usize,
    /// Offset of the dict word or 0.
    pub dict_offset: usize,
    /// Inline slots.
    pub inline_slots: u32,
}

impl TypeObject {
    /// Makes a type object of metatype `meta` (`None`: type itself, while it does not exist yet); its MRO is still empty
    /// and must be set with [`TypeObject::set_mro`].
    pub fn create(t: &Thread, meta: Option<&TypeObject>, parts: TypeParts) -> Res {
        if parts.flags & flag::HEAP != 0 {
            let charged = t.heap().charge(size_of::<crate::shape::Shape>());
            if charged.is_err() || !crate::shape::Shape::has_room() {
                return Err(t.memory_error());
            }
        }
        let fixed = (parts.flags & flag::HEAP == 0 && parts.def.id != 0).then_some(ShapeId(parts.def.id));
        let dict_mode = parts.inline_slots == 0;
        let build = |header| TypeObject {
            header,
            version: Cell::new(t.next_type_version()),
            flags: Cell::new(parts.flags),
            slots: UnsafeCell::new(parts.slots),
            def: parts.def,
            root: Cell::new(ShapeId(0)),
            basic_size: Cell::new(parts.basic_size),
            dict_offset: Cell::new(parts.dict_offset),
            inline_slots: Cell::new(parts.inline_slots),
            name: UnsafeCell::new(parts.name),
            qualname: Slot::new(parts.qualname),
            base: Slot::new(parts.base),
            bases: Slot::new(parts.bases),
            mro: Slot::empty(),
            dict: Slot::new(parts.dict),
            subclasses: RefCell::new(Vec::new()),
            slot_names: Slot::empty(),
        };
        let value = match meta {
            Some(meta) => payload::new_of(t, meta, build)?,
            // SAFETY: the closure writes the whole payload.
            None => unsafe {
                crate::heap::new_object(t, ShapeId(crate::ids::TYPE), size_of::<Self>(), |at| {
                    let at = at.cast::<Self>();
                    let header = (&raw mut (*at).header).read();
                    at.write(build(header));
                })
                .map_err(|_| t.memory_error())?
            },
        };
        // SAFETY: just made, with this payload; type's own shape may not be there yet, so no checked cast.
        let ty = unsafe { &*(value.bits() as *const Self) };
        ty.root.set(crate::shape::Shape::new_root(NonNull::from(ty), fixed, dict_mode));
        if ty.is_heap_type() {
            // Inline caches may remember a dead class's shapes, so these live as long as the isolate.
            t.isolate.retire_shapes(ty.root.get());
        }
        Ok(value)
    }

    /// A new reference to this type.
    #[inline]
    pub fn value(&self) -> Value {
        Value::from_header(&self.header)
    }

    /// This type as a borrowed value.
    #[inline(always)]
    pub fn with_value<R>(&self, f: impl FnOnce(&Value) -> R) -> R {
        let bits = std::ptr::from_ref(self) as u64;
        f(Value::from_ref(&bits))
    }

    /// The definition that fixes the layout: the type's own, or for a Python class its nearest built-in base's.
    #[inline(always)]
    pub fn def(&self) -> &'static TypeDef {
        self.def
    }

    /// Whether instances begin with `def`'s payload.
    #[inline]
    pub fn has_layout(&self, def: &TypeDef) -> bool {
        self.def.extends(def)
    }

    /// The slots.
    #[inline(always)]
    pub fn slots(&self) -> &Slots {
        // SAFETY: replaced only by `set_slots`, between calls; users copy a function pointer out and let go.
        unsafe { &*self.slots.get() }
    }

    /// Replaces the slots, after a change of the class.
    pub fn set_slots(&self, slots: Slots) {
        // SAFETY: the isolate's threads run one at a time; no borrow of the table lives across a call.
        unsafe { *self.slots.get() = slots };
    }

    /// Flags.
    #[inline(always)]
    pub fn flags(&self) -> u32 {
        self.flags.get()
    }

    /// Whether a flag is set.
    #[inline(always)]
    pub fn has_flag(&self, bit: u32) -> bool {
        self.flags.get() & bit != 0
    }

    /// Sets or clears a flag.
    pub fn set_flag(&self, bit: u32, on: bool) {
        let flags = self.flags.get();
        self.flags.set(if on { flags | bit } else { flags & !bit });
    }

    /// Made by a class statement?
    #[inline(always)]
    pub fn is_heap_type(&self) -> bool {
        self.flags.get() & flag::HEAP != 0
    }

    /// Is there a `__del__`?
    #[inline(always)]
    pub fn has_finalizer(&self) -> bool {
        self.slots().finalize.is_some()
    }

    /// The shape of a new instance.
    #[inline(always)]
    pub fn root_shape(&self) -> ShapeId {
        self.root.get()
    }

    /// Bytes of a fixed-size instance.
    #[inline(always)]
    pub fn basic_size(&self) -> usize {
        self.basic_size.get()
    }

    /// Bytes of the fixed-size part of this instance: another class's if it got this one through `__class__`.
    ///
    /// # Safety
    /// `at` is an object of this type.
    #[inline(always)]
    pub(crate) unsafe fn size_of_fixed(&self, at: *mut Header) -> usize {
        // SAFETY: the caller's duty.
        match unsafe { (*at).shape().get().adopted_size } {
            0 => self.basic_size.get(),
            size => size as usize,
        }
    }

    /// Bytes of this instance.
    ///
    /// # Safety
    /// `at` is an object of this type whose payload is intact.
    #[inline]
    pub unsafe fn object_size(&self, at: *mut Header) -> usize {
        match self.def.size_of {
            // SAFETY: the caller's duty.
            Some(f) => unsafe { f(at) + (self.size_of_fixed(at) - self.def.size) },
            // SAFETY: as above.
            None => unsafe { self.size_of_fixed(at) },
        }
    }

    /// Where the slots that a Python class adds begin: behind the payload, which varies in size for str, tuple and int.
    ///
    /// # Safety
    /// `at` is an object of this type whose payload is intact.
    #[inline(always)]
    unsafe fn own_start(&self, at: *mut Header) -> usize {
        match self.def.size_of {
            // SAFETY: the caller's duty.
            Some(f) => unsafe { f(at) },
            None => self.def.size,
        }
    }

    /// The slot at `offset`, as recorded in the type: offsets are as if the payload had its minimal size.
    ///
    /// # Safety
    /// `at` is an object of this type; `offset` is one of the type's own slots, or its dict word.
    #[inline(always)]
    pub(crate) unsafe fn slot_at<'a>(&self, at: *const Header, offset: usize) -> &'a Slot {
        let offset = if offset >= self.def.size && self.def.size_of.is_some() {
            // SAFETY: the caller's duty.
            unsafe { self.own_start(at.cast_mut()) + (offset - self.def.size) }
        } else {
            offset
        };
        // SAFETY: within the object, and initialized when it was made.
        unsafe { &*at.cast::<u8>().add(offset).cast::<Slot>() }
    }

    /// Drops attribute slots, then the payload.
    ///
    /// # Safety
    /// `at` is a dead object of this type.
    pub(crate) unsafe fn drop_payload(&self, at: *mut Header) {
        if self.is_heap_type() {
            if std::ptr::eq(self.def, &crate::types::weakref::WEAKREF) {
                // What it holds may be what it looks at: it is not to be called back any more.
                // SAFETY: the caller's object is dead and still in place.
                unsafe { (*at).set(crate::header::flag::DYING) };
            }
            // SAFETY: the caller's object is dead; the words behind the payload are values, each given up once.
            unsafe {
                let (start, size) = (self.own_start(at), self.size_of_fixed(at));
                let words = at.cast::<u8>().add(start).cast::<u64>();
                for i in 0..(size - self.def.size) / 8 {
                    let bits = std::ptr::replace(words.add(i), 0);
                    if bits != 0 {
                        drop(Value::from_raw(bits));
                    }
                }
            }
        }
        // SAFETY: passed on.
        unsafe { (self.def.drop)(at) }
    }

    /// Calls `f` with every attribute slot that lies behind the payload.
    ///
    /// # Safety
    /// `at` is an object of this type.
    pub(crate) unsafe fn each_own_slot(&self, at: *mut Header, f: &mut dyn FnMut(&Slot)) {
        // SAFETY: the caller's duty.
        let (start, size) = unsafe { (self.own_start(at), self.size_of_fixed(at)) };
        for i in 0..(size - self.def.size) / 8 {
            // SAFETY: within the object; initialized to absent when it was made.
            f(unsafe { &*at.cast::<u8>().add(start + 8 * i).cast::<Slot>() });
        }
    }

    /// The name as messages show it (CPython's `tp_name`): with its module for types written in Rust.
    pub fn name(&self) -> String {
        self.name_text().to_string()
    }

    fn name_text(&self) -> &str {
        // SAFETY: only a Python class's name is replaced (`set_name`), by the isolate that owns the class; the borrow ends
        // in the two functions here. Built-in types are read by all isolates at once.
        unsafe { &*self.name.get() }
    }

    /// Replaces the name of a Python class.
    pub(crate) fn set_name(&self, name: Box<str>) {
        assert!(self.is_heap_type() && !self.has_flag(flag::IMMUTABLE), "a shared type's name is replaced");
        // SAFETY: the class is its isolate's own, no other thread of which runs meanwhile, and nobody keeps a borrow.
        unsafe { *self.name.get() = name };
    }

    /// `__name__`.
    pub fn short_name(&self) -> String {
        let name = self.name_text();
        if self.is_heap_type() { name.to_string() } else { name.rsplit('.').next().unwrap_or_default().to_string() }
    }

    /// The base that decides the layout.
    pub fn base(&self) -> Option<&TypeObject> {
        let bits = self.base.bits();
        // SAFETY: the slot holds a type object and keeps it alive as long as this type lives.
        if bits == 0 { None } else { Some(unsafe { &*(bits as *const TypeObject) }) }
    }

    /// `__bases__`.
    pub fn bases(&self) -> Value {
        self.bases.get()
    }

    /// `__mro__` (absent while the type is being made).
    pub fn mro(&self) -> Value {
        self.mro.get()
    }

    /// The MRO's types.
    #[inline]
    pub fn mro_types(&self) -> impl Iterator<Item = &TypeObject> {
        let bits = self.mro.bits();
        let items: &[Value] = if bits == 0 {
            &[]
        } else {
            // SAFETY: the slot holds a tuple, alive as long as nobody changes this type's MRO; callers that run Python
            // code in between hold `mro()` themselves.
            unsafe { (*(bits as *const crate::tuple::Tuple)).items() }
        };
        items.iter().filter_map(|v| v.downcast::<TypeObject>())
    }

    /// Sets the MRO.
    pub fn set_mro(&self, mro: Value) {
        self.mro.set(&self.header, mro);
    }

    /// The type's own namespace.
    #[inline]
    pub fn dict(&self) -> &Dict {
        // SAFETY: every type object holds a dict from creation to its end; it is never replaced.
        unsafe { &*(self.dict.bits() as *const Dict) }
    }

    /// Whether this type is `other` or derives from it.
    #[inline]
    pub fn is_subtype(&self, other: &TypeObject) -> bool {
        if std::ptr::eq(self, other) {
            return true;
        }
        let (bits, other) = (self.mro.bits(), std::ptr::from_ref(other) as u64);
        // SAFETY: the slot holds a tuple, alive while nothing runs that could replace it.
        bits != 0 && unsafe { (*(bits as *const crate::tuple::Tuple)).items() }.iter().any(|m| m.bits() == other)
    }

    /// Records a direct subclass. A built-in type is shared by all isolates, so its Python subclasses are the isolate's
    /// to remember.
    pub fn add_subclass(&self, t: &Thread, sub: &TypeObject) {
        // Other threads ask whether it is alive, those that begin later, too.
        if !crate::thread::is_bootstrap() {
            sub.header.mark_weak();
        }
        // What the isolate keeps for good is its own, and keeps its own list: that is the one which `outdate` follows.
        if self.header.rc().is_immortal() && !crate::thread::is_bootstrap() {
            t.isolate.subclasses.borrow_mut().entry(std::ptr::from_ref(self) as usize).or_default().push(sub);
        } else {
            self.subclasses.borrow_mut().push(sub);
        }
    }

    /// Forgets a direct subclass.
    pub fn remove_subclass(&self, t: &Thread, sub: &TypeObject) {
        if self.header.rc().is_immortal() {
            if let Some(list) = t.isolate.subclasses.borrow_mut().get_mut(&(std::ptr::from_ref(self) as usize)) {
                list.retain(|&s| !std::ptr::eq(s, sub));
            }
        } else {
            self.subclasses.borrow_mut().retain(|&s| !std::ptr::eq(s, sub));
        }
    }

    /// Direct subclasses that are alive, oldest first.
    pub fn subclasses(&self, t: &Thread) -> Vec<Value> {
        let mut out: Vec<*const TypeObject> = self.subclasses.borrow().clone();
        if let Some(more) = t.isolate.subclasses.borrow().get(&(std::ptr::from_ref(self) as usize)) {
            out.extend(more);
        }
        out.into_iter().filter_map(Self::if_alive).collect()
    }

    /// Looks `name` (interned) up along the MRO, through the thread's method cache.
    #[inline]
    pub fn lookup(&self, t: &Thread, name: &Value) -> Option<Value> {
        t.method_cache.lookup(t, self, name)
    }

    /// As [`TypeObject::lookup`] without a cache.
    pub fn lookup_uncached(&self, name: &Value) -> Option<Value> {
        self.mro_types().find_map(|ty| ty.dict().get_str(name))
    }

    /// Remembers that the metaclass's own `mro()` gave this class's order.
    pub(crate) fn note_own_order(&self, t: &Thread) {
        // As in `add_subclass`.
        self.header.mark_weak();
        let mut all = t.isolate.own_orders.borrow_mut();
        if !all.iter().any(|&x| std::ptr::eq(x, self)) {
            all.push(self);
        }
    }

    /// Classes that look up in this one though they do not derive from it, because their metaclass says so.
    pub(crate) fn followers(&self, t: &Thread) -> Vec<Value> {
        let all = t.isolate.own_orders.borrow().clone();
        let follows = |x: &Value| x.expect::<Self>().is_subtype(self) && !std::ptr::eq(x.expect::<Self>(), self);
        all.into_iter().filter_map(Self::if_alive).filter(follows).collect()
    }

    /// The class at an address that its end takes out of the list it stands in, unless it is ending.
    fn if_alive(at: *const Self) -> Option<Value> {
        // SAFETY: a class leaves such lists before its memory is given back (`Drop`).
        unsafe { if crate::solo::has_siblings() { (*at).header.retain_if_alive() } else { Some((*at).value()) } }
    }

    /// Tells caches that this type has changed, and with it whoever looks up in it.
    pub fn modified(&self, t: &Thread) {
        self.outdate(t);
        for other in self.followers(t) {
            other.expect::<Self>().outdate(t);
        }
    }

    fn outdate(&self, t: &Thread) {
        self.version.set(t.next_type_version());
        if self.root.get().0 != 0 {
            self.root.get().get().set_version(self.version.get());
        }
        for sub in self.subclasses.borrow().iter() {
            // SAFETY: a subclass removes itself from its bases' lists before it dies.
            unsafe { (**sub).outdate(t) };
        }
    }
}

impl Drop for TypeObject {
    fn drop(&mut self) {
        let Some(t) = crate::thread::current() else { return };
        t.isolate.own_orders.borrow_mut().retain(|&x| !std::ptr::eq(x, self));
        let bases = self.bases.get();
        if let Some(bases) = bases.downcast::<crate::tuple::Tuple>() {
            for base in bases.items().iter().filter_map(|b| b.downcast::<TypeObject>()) {
                base.remove_subclass(t, self);
            }
        }
    }
}
