//! What all isolates share: immortal objects, built-in types, parsed signatures, the hash key.
//!
//! Immortal objects are made on a bootstrap thread with a heap that is never freed, under one lock. Types of native
//! modules join on first import.

use crate::args::Signature;
use crate::crossing::Crossing;
use crate::dict::Dict;
use crate::error::{Exc, Res};
use crate::header::Header;
use crate::names::{self, n};
use crate::native::{MethodDef, MethodKind};
use crate::slots::SLOT_NAMES;
use crate::thread::{Hooks, Thread};
use crate::ty::{TypeDef, TypeObject, TypeParts, flag};
use crate::types::{self, descr};
use crate::value::Value;
use crate::{strs, tuple};
use parking_lot::ReentrantMutex;
use rustc_hash::FxHashMap;
use std::cell::{Cell, RefCell};
use std::ptr::NonNull;
use std::sync::{LazyLock, Once, OnceLock};

struct Bootstrap {
    thread: Box<Thread>,
    depth: Cell<u32>,
    /// By text: two natives in three have one that another has, too.
    signatures: RefCell<FxHashMap<(&'static str, bool), &'static Signature>>,
}

// SAFETY: reached only through the mutex below; nothing in it is bound to an OS thread.
unsafe impl Send for Bootstrap {}

static BOOTSTRAP: LazyLock<ReentrantMutex<Bootstrap>> = LazyLock::new(|| {
    let hooks = Hooks {
        on_breaker: |_| Ok(()),
        unraisable: |_, _, _, _| {},
        warn: |_, _, _, _| Ok(()),
        import: |_, _| Err(Exc::stopped()),
        handled: |_| Value::ABSENT,
        super_frame: |_| Err(Exc::stopped()),
        globals: |_| Value::ABSENT,
    };
    ReentrantMutex::new(Bootstrap {
        thread: Thread::bootstrap(hooks),
        depth: Cell::new(0),
        signatures: RefCell::default(),
    })
});

/// Words of immortal values made at set-up.
struct Constants {
    chars: [u64; 256],
    empty_str: u64,
    empty_tuple: u64,
    /// 0.0 and -0.0, which do not fit the word.
    zeros: [u64; 2],
}

static mut CONSTANTS: Constants = Constants { chars: [0; 256], empty_str: 0, empty_tuple: 0, zeros: [0; 2] };
static SET_UP: Once = Once::new();
static HASH_KEY: OnceLock<(u64, u64)> = OnceLock::new();

/// Sets the process up; every further call is a load. Must run before anything else of this crate.
pub fn set_up() {
    SET_UP.call_once(|| {
        build(|t| {
            core_types(t);
            constants(t);
            names::set_up();
            // All bare first: completing one needs the types of its descriptors.
            let rest = || types::ALL.iter().chain(types::exceptions::ALL);
            rest().for_each(|def| make_bare(t, def));
            types::FIRST.iter().chain(rest()).for_each(|def| fill_dict(t, def));
            if types::exceptions::finish(t).is_err() {
                unreachable!("the bootstrap heap has no limit");
            }
        });
    });
}

/// The key of str and bytes hashing. `seed` 0 turns randomization off, `None` draws a random key; the first caller of
/// the process decides, and without one the key is random.
pub fn set_hash_seed(seed: Option<u32>) {
    HASH_KEY.get_or_init(|| match seed {
        Some(0) => (0, 0),
        Some(seed) => {
            // CPython's lcg_urandom.
            let mut x = seed;
            let mut bytes = [0u8; 16];
            for b in &mut bytes {
                x = x.wrapping_mul(214_013).wrapping_add(2_531_011);
                *b = (x >> 16) as u8;
            }
            let word = |r: std::ops::Range<usize>| bytes[r].iter().rev().fold(0, |w, &b| w << 8 | u64::from(b));
            (word(0..8), word(8..16))
        }
        None => random_key(),
    });
}

fn random_key() -> (u64, u64) {
    let mut bytes = [0u8; 16];
    if getrandom::fill(&mut bytes).is_err() {
        // No entropy source: an address and a clock are better than a constant.
        let here = std::ptr::from_ref(&bytes) as u64;
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(1, |d| d.as_nanos() as u64);
        return (here.rotate_left(32) ^ now, now.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    }
    let word = |r: std::ops::Range<usize>| bytes[r].iter().fold(0, |w, &b| w << 8 | u64::from(b));
    (word(0..8), word(8..16))
}

#[inline]
pub(crate) fn hash_key() -> (u64, u64) {
    *HASH_KEY.get_or_init(random_key)
}

/// Runs `f` on the bootstrap thread. What it makes must be made immortal by itself; see [`build`].
pub(crate) fn with_bootstrap<R>(f: impl FnOnce(&Thread) -> R) -> R {
    let _crossing = Crossing::begin();
    let guard = BOOTSTRAP.lock();
    guard.thread.attach(64 << 20, f)
}

/// Runs `f` on the bootstrap thread; everything it makes becomes immortal before the outermost `build` returns.
pub fn build<R>(f: impl FnOnce(&Thread) -> R) -> R {
    let _crossing = Crossing::begin();
    let guard = BOOTSTRAP.lock();
    guard.depth.set(guard.depth.get() + 1);
    let out = guard.thread.attach(64 << 20, f);
    guard.depth.set(guard.depth.get() - 1);
    if guard.depth.get() == 0 {
        guard.thread.forget_methods();
        guard.thread.walk_objects(&mut |header: &Header| {
            if !header.is_immortal() {
                // SAFETY: made by `f`, reachable by nobody else until the lock is released.
                unsafe { header.immortalize() };
            }
        });
    }
    out
}

/// The parsed signature of a native, made once.
pub(crate) fn signature(def: &'static MethodDef, keep_self: bool) -> &'static Signature {
    let _crossing = Crossing::begin();
    let guard = BOOTSTRAP.lock();
    let text = if def.signature.is_empty() { "()" } else { def.signature };
    let key = (text, keep_self);
    if let Some(found) = guard.signatures.borrow().get(&key) {
        return found;
    }
    let made: &'static Signature = Box::leak(Box::new(Signature::parse(text, keep_self)));
    guard.signatures.borrow_mut().insert(key, made);
    made
}

/// Makes the types of a native module. Called on its first import.
pub fn ensure_types(defs: &[&'static TypeDef]) {
    build(|t| {
        for def in defs {
            make_type(t, def);
        }
    });
}

/// The immortal str of one Latin-1 character.
#[inline(always)]
pub fn latin1_char(c: u8) -> &'static Value {
    let constants = &raw const CONSTANTS;
    // SAFETY: written at set-up, before any isolate exists.
    Value::from_ref(unsafe { &(*constants).chars[c as usize] })
}

/// The immortal empty str.
#[inline(always)]
pub fn empty_str() -> &'static Value {
    let constants = &raw const CONSTANTS;
    // SAFETY: as above.
    Value::from_ref(unsafe { &(*constants).empty_str })
}

/// The immortal empty tuple.
#[inline(always)]
pub fn empty_tuple() -> &'static Value {
    let constants = &raw const CONSTANTS;
    // SAFETY: as above.
    Value::from_ref(unsafe { &(*constants).empty_tuple })
}

/// The immortal 0.0, or -0.0.
#[inline(always)]
pub fn zero(negative: bool) -> &'static Value {
    let constants = &raw const CONSTANTS;
    // SAFETY: as above.
    Value::from_ref(unsafe { &(*constants).zeros[usize::from(negative)] })
}

/// The types without which no type can be made: first bare, so that dicts, strs and tuples exist, then completed.
fn core_types(t: &Thread) {
    for def in types::FIRST {
        let slots = inherited_slots(def);
        let parts = parts(def, slots, inherited_flags(def));
        let Ok(v) = TypeObject::create(t, None, parts) else { unreachable!("the bootstrap heap has no limit") };
        // SAFETY: under the process lock, and nobody knows the type yet.
        unsafe { def.publish(NonNull::from(v.expect::<TypeObject>())) };
        std::mem::forget(v);
    }
}

fn constants(t: &Thread) {
    let constants = &raw mut CONSTANTS;
    // SAFETY: set-up runs on one thread, before anybody reads these.
    let constants = unsafe { &mut *constants };
    // SAFETY: an empty str has nothing to fill; a one-byte str is filled with its byte.
    unsafe {
        constants.empty_str = expect(strs::raw(t, 0, 1, true, |_| Ok(())));
        for c in 0..=255u8 {
            let fill = |p: *mut u8| {
                p.write(c);
                Ok(())
            };
            constants.chars[c as usize] = expect(strs::raw(t, 1, 1, c < 128, fill));
        }
    }
    constants.empty_tuple = expect(tuple::make(t, types::tuple_::TUPLE.ty(), 0, std::iter::empty()));
    constants.zeros = [0.0, -0.0].map(|x| expect(types::float::boxed(t, x)));
    for bits in constants.chars.iter().chain([&constants.empty_str]) {
        Value::from_ref(bits).expect::<strs::Str>().hash();
    }
}

fn expect(v: Res) -> u64 {
    match v {
        Ok(v) => v.into_raw(),
        Err(_) => unreachable!("the bootstrap heap has no limit"),
    }
}

fn base_of(def: &'static TypeDef) -> Option<&'static TypeDef> {
    match def.base {
        Some(base) => Some(base),
        None if std::ptr::eq(def, &types::object::OBJECT) => None,
        None => Some(&types::object::OBJECT),
    }
}

fn inherited_slots(def: &'static TypeDef) -> crate::slots::Slots {
    let mut slots = def.slots;
    let mut base = base_of(def);
    while let Some(b) = base {
        slots.inherit(&b.slots);
        base = base_of(b);
    }
    // A type that compares in its own way and says nothing of hashing is unhashable.
    if def.slots.compare.is_some() && def.slots.hash.is_none() {
        slots.hash = None;
    }
    // As in CPython, a built-in type does not get `object.__new__`: it would make an instance without its payload.
    let from_object = base_of(def).is_some_and(|b| std::ptr::eq(b, &types::object::OBJECT));
    if def.slots.new.is_none() && (from_object || def.flags & flag::NO_NEW != 0) {
        slots.new = None;
    }
    slots
}

fn inherited_flags(def: &'static TypeDef) -> u32 {
    let mut flags = def.flags | flag::IMMUTABLE;
    let mut base = base_of(def);
    while let Some(b) = base {
        flags |= b.flags & flag::INHERITED;
        base = base_of(b);
    }
    flags
}

fn dict_offset(def: &'static TypeDef) -> usize {
    match (def.dict_offset, base_of(def)) {
        (0, Some(base)) => dict_offset(base),
        (offset, _) => offset,
    }
}

fn parts(def: &'static TypeDef, slots: crate::slots::Slots, flags: u32) -> TypeParts {
    TypeParts {
        name: def.name.into(),
        qualname: Value::ABSENT,
        def,
        flags,
        base: base_of(def).and_then(TypeDef::made).map_or(Value::ABSENT, TypeObject::value),
        bases: Value::ABSENT,
        dict: Value::ABSENT,
        slots,
        basic_size: def.size,
        dict_offset: dict_offset(def),
        inline_slots: 0,
    }
}

/// Makes a type object from its definition, its base first. Runs on the bootstrap thread.
pub(crate) fn make_type(t: &Thread, def: &'static TypeDef) {
    if let Some(base) = base_of(def) {
        make_type(t, base);
    }
    make_bare(t, def);
    fill_dict(t, def);
}

/// Makes a type object without its namespace.
fn make_bare(t: &Thread, def: &'static TypeDef) {
    if def.made().is_some() {
        return;
    }
    if let Some(base) = base_of(def) {
        make_bare(t, base);
    }
    let meta = types::type_::TYPE.ty();
    let made = TypeObject::create(t, Some(meta), parts(def, inherited_slots(def), inherited_flags(def)));
    let Ok(v) = made else { unreachable!("the bootstrap heap has no limit") };
    // SAFETY: under the process lock, and nobody knows the type yet.
    unsafe { def.publish(NonNull::from(v.expect::<TypeObject>())) };
    std::mem::forget(v);
}

/// Completes a type: name, bases, MRO and namespace.
fn fill_dict(t: &Thread, def: &'static TypeDef) {
    let ty = def.ty();
    if !ty.dict.is_absent() {
        return;
    }
    ty.dict.set(&ty.header, Dict::create(t));
    ty.qualname.set(&ty.header, names::intern_static(def.short_name()));
    let mut mro = vec![ty.value()];
    if let Some(base) = base_of(def) {
        let base = base.ty();
        if ty.base.is_absent() {
            ty.base.set(&ty.header, base.value());
        }
        base.add_subclass(t, ty);
        let mut b = Some(base);
        while let Some(x) = b {
            mro.push(x.value());
            b = x.def().base.map(TypeDef::ty).or_else(|| base_of(x.def()).map(TypeDef::ty));
        }
        ty.bases.set(&ty.header, Value::take_raw(expect(tuple::new(t, &[base.value()]))));
    } else {
        ty.bases.set(&ty.header, empty_tuple().clone());
    }
    ty.set_mro(Value::take_raw(expect(tuple::from_vec(t, mro))));
    if add_members(t, def, ty).is_err() {
        unreachable!("the bootstrap heap has no limit");
    }
}

fn add_members(t: &Thread, def: &'static TypeDef, ty: &'static TypeObject) -> Res<()> {
    let dict = ty.dict();
    for slot in SLOT_NAMES {
        if def.slots.get_fn(slot.slot).is_some() {
            let name = names::intern_static(slot.name);
            if dict.get_str(&name).is_none()
                && let Some(wrapper) = descr::for_slot(t, ty, slot)?
            {
                dict.set_str(t, &name, wrapper)?;
            }
        }
    }
    for method in def.methods {
        let descr = match method.kind {
            MethodKind::Plain | MethodKind::Class => descr::new_method(t, ty, method)?,
            MethodKind::Static => descr::new_static(t, ty, method)?,
        };
        dict.set_str(t, &names::intern_static(method.name), descr)?;
    }
    for getset in def.getset {
        dict.set_str(t, &names::intern_static(getset.name), descr::new_getset(t, ty, getset)?)?;
    }
    for member in def.members {
        dict.set_str(t, &names::intern_static(member.name), descr::new_member(t, ty, member)?)?;
    }
    for (name, make) in def.constants {
        dict.set_str(t, &names::intern_static(name), make(t)?)?;
    }
    if dict.get_str(n::__hash__()).is_none() && def.slots.compare.is_some() && def.slots.hash.is_none() {
        dict.set_str(t, n::__hash__(), Value::NONE)?;
    }
    if dict.get_str(n::__doc__()).is_none() {
        let doc = if def.doc.is_empty() { Value::NONE } else { strs::new(t, def.doc)? };
        dict.set_str(t, n::__doc__(), doc)?;
    }
    Ok(())
}

impl Value {
    /// Takes over a word that this module just gave up.
    fn take_raw(bits: u64) -> Self {
        // SAFETY: every caller passes the word of a value it owned and forgot.
        unsafe { Self::from_raw(bits) }
    }
}

/// The immortal interned str of a definition's name.
pub fn with_interned(name: &'static str) -> Value {
    names::intern_static(name)
}
