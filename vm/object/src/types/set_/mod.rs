//! set and frozenset: construction, protocols and operators.

mod iter;
mod methods;
mod places;
mod sound;
mod table;

pub use iter::{SET_ITER, SetIter};
pub use table::exactly;
pub use table::{FrozenSet, Set, any, hash_element};

use crate::args::Args;
use crate::dict::Dict;
use crate::error::{self, Res};
use crate::ids;
use crate::ops::{self, CompareOp};
use crate::payload;
use crate::slots::Slots;
use crate::strs::{Str, StrBuilder};
use crate::thread::Thread;
use crate::ty::{TypeDef, flag, type_of};
use crate::types::iters::own_init;
use crate::value::Value;

/// set.
pub static SET: TypeDef = TypeDef {
    name: "set",
    doc: "Build an unordered collection of unique elements.",
    signature: "(iterable=(), /)",
    id: ids::SET,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::WEAKREFS,
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, Set::empty)),
        init: Some(init),
        isub: Some(|t, a, b| methods::inplace(t, a, b, methods::difference_update)),
        iand: Some(|t, a, b| methods::inplace(t, a, b, methods::intersection_update)),
        ixor: Some(|t, a, b| methods::inplace(t, a, b, methods::symmetric_update)),
        ior: Some(|t, a, b| methods::inplace(t, a, b, methods::update)),
        ..COMMON
    },
    methods: methods::SET_METHODS,
    outside: false,
    ..TypeDef::of::<Set>()
};

/// frozenset.
pub static FROZENSET: TypeDef = TypeDef {
    name: "frozenset",
    doc: "Build an immutable unordered collection of unique elements.",
    signature: "(iterable=(), /)",
    id: ids::FROZENSET,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::WEAKREFS,
    slots: Slots { new: Some(new_frozen), hash: Some(hash), ..COMMON },
    methods: methods::FROZENSET_METHODS,
    outside: false,
    ..TypeDef::of::<FrozenSet>()
};

const COMMON: Slots = Slots {
    repr: Some(repr),
    compare: Some(compare),
    iter: Some(iter::new),
    len: Some(|_, v| Ok(expect(v).len())),
    contains: Some(contains_slot),
    sub: Some(|t, a, b| methods::binary(t, a, b, methods::difference_update)),
    and: Some(|t, a, b| methods::binary_new(t, a, b, methods::intersection)),
    xor: Some(|t, a, b| methods::binary(t, a, b, methods::symmetric_update)),
    or: Some(|t, a, b| methods::binary(t, a, b, methods::update)),
    ..Slots::NONE
};

/// A new empty set.
pub fn create(t: &Thread) -> Res {
    payload::new(t, Set::empty)
}

/// Adds an element.
#[inline]
pub fn add(t: &Thread, set: &Set, key: &Value) -> Res<()> {
    let hash = hash_element(t, key)?;
    set.insert(t, key, hash)
}

/// Adds an element without rewording the TypeError of an unhashable one.
pub(crate) fn add_plain(t: &Thread, set: &Set, key: &Value) -> Res<()> {
    let hash = ops::hash(t, key)?;
    set.insert(t, key, hash)
}

impl Set {
    /// Whether its elements are words, no objects, as far as so many places tell.
    pub(crate) fn holds_words(&self, most: usize) -> bool {
        let is_word =
            |places: &places::Places, i| places.item(i).is_none_or(|(key, _)| !Value::from_ref(&key).is_object());
        self.table().is_none_or(|places| places.count() <= most && (0..places.count()).all(|i| is_word(&places, i)))
    }
}

/// Whether `key` is an element. A set that cannot be hashed is looked up as the frozenset of its elements.
#[inline]
pub fn contains(t: &Thread, set: &Set, key: &Value) -> Res<bool> {
    set.has(t, key, lookup_hash(t, key)?)
}

/// The hash under which `key` is looked up.
pub(super) fn lookup_hash(t: &Thread, key: &Value) -> Res<i64> {
    match hash_element(t, key) {
        Err(e) if e.is(&crate::types::exceptions::TYPE_ERROR) => match key.downcast::<Set>() {
            Some(set) => Ok(set.frozen_hash()),
            None => Err(e),
        },
        r => r,
    }
}

/// A set of the items.
pub fn from_vec(t: &Thread, items: Vec<Value>) -> Res {
    let v = create(t)?;
    let set = expect(&v);
    for item in &items {
        add(t, set, item)?;
    }
    Ok(v)
}

/// A frozenset of the items.
pub fn frozenset(t: &Thread, items: Vec<Value>) -> Res {
    let v = payload::new(t, FrozenSet::empty)?;
    let set = expect(&v);
    for item in &items {
        add(t, set, item)?;
    }
    Ok(v)
}

/// The set behind a value that is a set or frozenset.
///
/// # Panics
/// If it is neither: a bug of the caller.
#[inline]
pub fn expect(v: &Value) -> &Set {
    match any(v) {
        Some(set) => set,
        None => panic!("expected a set"),
    }
}

/// A new empty set of the kind of `v`: set or frozenset, never a subclass.
pub(super) fn empty_like(t: &Thread, v: &Value) -> Res {
    if v.downcast::<Set>().is_some() { create(t) } else { payload::new(t, FrozenSet::empty) }
}

/// Adds every item of an iterable.
pub fn fill(t: &Thread, set: &Set, iterable: &Value) -> Res<()> {
    if let Some(other) = any(iterable) {
        return set.merge(t, other);
    }
    if let Some(dict) = iterable.exact::<Dict>() {
        set.prepare(t, dict.len())?;
        for (key, hash, _) in dict.walk(t)? {
            set.insert(t, &key, hash)?;
            t.poll()?;
        }
        return Ok(());
    }
    ops::for_each(t, iterable, |item| add(t, set, &item))
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    args.no_keywords(t, "set")?;
    let a = Args::pos(args.positional()).expect_positional(t, "set", 0, 1)?;
    let set = expect(v);
    set.clear_all();
    match a.first() {
        Some(iterable) => fill(t, set, iterable),
        None => Ok(()),
    }
}

fn new_frozen(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let exact = class.is(&FROZENSET.ty().value());
    // A subclass may have an __init__ of its own that takes keywords.
    if exact || !own_init(class, &FROZENSET) {
        args.no_keywords(t, "frozenset")?;
    }
    let a = Args::pos(args.positional()).expect_positional(t, "frozenset", 0, 1)?;
    if exact && let Some(one) = a.first().filter(|v| v.exact::<FrozenSet>().is_some()) {
        return Ok(one.clone());
    }
    let v = payload::new_for(t, class, FrozenSet::empty)?;
    if let Some(iterable) = a.first() {
        fill(t, expect(&v), iterable)?;
    }
    Ok(v)
}

fn contains_slot(t: &Thread, v: &Value, key: &Value) -> Res<bool> {
    contains(t, expect(v), key)
}

fn hash(_: &Thread, v: &Value) -> Res<i64> {
    let set = expect(v);
    if set.cached_hash().get() == -1 {
        set.cached_hash().set(set.frozen_hash());
    }
    Ok(set.cached_hash().get())
}

fn repr(t: &Thread, v: &Value) -> Res {
    let set = expect(v);
    let name = type_of(v).name();
    let Some(header) = v.header() else { return Err(error::system_error(t, "a set without a header")) };
    let mut out = StrBuilder::new();
    out.push_str(&name);
    let Some(_shown) = t.show(header) else {
        out.push_str("(...)");
        return out.finish(t);
    };
    if set.is_empty() {
        out.push_str("()");
        return out.finish(t);
    }
    let plain = type_of(v).def().id == ids::SET && !type_of(v).is_heap_type();
    let (open, close) = if plain { ("{", "}") } else { ("({", "})") };
    if plain {
        out = StrBuilder::new();
    }
    out.push_str(open);
    push_elements(t, set, &mut out)?;
    out.push_str(close);
    out.finish(t)
}

fn push_elements(t: &Thread, set: &Set, out: &mut StrBuilder) -> Res<()> {
    for (i, key) in set.to_vec().iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        out.push_value(ops::repr(t, key)?.expect::<Str>());
    }
    Ok(())
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let Some(y) = any(b) else { return Ok(Value::NOT_IMPLEMENTED) };
    let x = expect(a);
    let truth = match op {
        CompareOp::Eq | CompareOp::Ne => equal(t, x, y)? == (op == CompareOp::Eq),
        CompareOp::Le => x.is_subset(t, y)?,
        CompareOp::Ge => y.is_subset(t, x)?,
        CompareOp::Lt => x.len() < y.len() && x.is_subset(t, y)?,
        CompareOp::Gt => x.len() > y.len() && y.is_subset(t, x)?,
    };
    Ok(Value::bool(truth))
}

fn equal(t: &Thread, x: &Set, y: &Set) -> Res<bool> {
    if x.len() != y.len() {
        return Ok(false);
    }
    let (hx, hy) = (x.cached_hash().get(), y.cached_hash().get());
    if hx != -1 && hy != -1 && hx != hy {
        return Ok(false);
    }
    x.is_subset(t, y)
}
