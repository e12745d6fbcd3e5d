//! weakref.ReferenceType.

use crate::args::Args;
use crate::breaker::reason;
use crate::call;
use crate::error::{self, Res};
use crate::header::{Header, flag as header_flag};
use crate::ids;
use crate::names::n;
use crate::native::{def, getter};
use crate::ops::{self, CompareOp};
use crate::payload;
use crate::slots::Slots;
use crate::solo::has_siblings;
use crate::store::Slot;
use crate::strs::{self, Str};
use crate::thread::{self, Thread};
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::types::generic_alias;
use crate::value::Value;
use crate::weakref::Table;
use std::cell::Cell;
use typhon_qsbr::words::Field;

/// A weak reference; proxies have the same payload.
#[repr(C)]
pub struct WeakRef {
    pub(crate) header: Header,
    /// Address of the object, 0 once it is dead.
    pub(crate) object: Field<usize>,
    pub(crate) callback: Slot,
    /// The object's hash, once asked for.
    pub(crate) hash: Cell<i64>,
}

crate::payload!(WeakRef => WEAKREF {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.callback.peek() });
    }
    fn clear(&self) {
        self.forget();
        drop(self.callback.take());
    }
});

/// weakref.ReferenceType.
pub static WEAKREF: TypeDef = TypeDef {
    name: "weakref.ReferenceType",
    id: ids::WEAKREF,
    flags: flag::BASETYPE,
    slots: Slots {
        new: Some(new),
        init: Some(init),
        call: Some(call_ref),
        hash: Some(hash),
        compare: Some(compare),
        repr: Some(repr),
        ..Slots::NONE
    },
    methods: &[def(
        "__class_getitem__",
        "($type, object, /)",
        |t, a| generic_alias::new(t, &a[0], &a[1]),
        "See PEP 585",
    )
    .class()],
    getset: &[getter("__callback__", |_, v| Ok(callback(v)), "")],
    ..TypeDef::of::<WeakRef>()
};

impl WeakRef {
    /// The object, while it lives.
    pub fn target(&self) -> Option<Value> {
        let at = self.object.get() as *const Header;
        if at.is_null() {
            return None;
        }
        if has_siblings() {
            return thread::current().and_then(|t| t.state::<Table>().target(self));
        }
        // SAFETY: a weak reference is cleared before its object's memory is given back.
        let header = unsafe { &*at };
        // On the trashcan an object is as good as dead: nobody may get a reference again.
        if header.has(header_flag::DYING) { None } else { Some(Value::from_header(header)) }
    }

    /// Stops looking at the object.
    fn forget(&self) {
        let object = self.object.replace(0);
        // Also one that has just been cleared: whoever did may be looking at it still, with the table locked.
        if (object != 0 || has_siblings())
            && let Some(t) = thread::current()
            && !t.closing.get()
        {
            t.state::<Table>().remove(object, &self.header);
        }
    }
}

impl Drop for WeakRef {
    fn drop(&mut self) {
        self.forget();
    }
}

/// The payload of a weak reference or proxy.
pub(super) fn payload_of(v: &Value) -> Option<&WeakRef> {
    let ty = type_of(v);
    let ours = ty.has_layout(&WEAKREF) || super::weakproxy::is_proxy(v);
    // SAFETY: references and proxies have this payload.
    if ours { v.header().map(|h| unsafe { &*std::ptr::from_ref(h).cast::<WeakRef>() }) } else { None }
}

fn callback(v: &Value) -> Value {
    payload_of(v).map(|w| w.callback.get()).and_then(Value::present).unwrap_or(Value::NONE)
}

/// A weak reference of class `class` to `object`. One without a callback is shared if the class is a built-in one.
pub fn make(t: &Thread, class: &TypeObject, object: &Value, callback: Option<&Value>) -> Res {
    let ty = type_of(object);
    let Some(header) = object.header().filter(|_| ty.has_flag(flag::WEAKREFS)) else {
        let name = ty.name();
        return Err(error::type_error(t, format_args!("cannot create weak reference to '{name}' object")));
    };
    let table = t.state::<Table>();
    let callback = callback.filter(|c| !c.is_none());
    // What others have given up before is seen to: were it the last reference but the caller's, the object would end when this
    // thread looks up, and not when the caller gives up its own.
    if callback.is_some() && has_siblings() && t.breaker.requests().load() & reason::MERGE != 0 {
        t.merge();
    }
    if callback.is_none() && !class.is_heap_type() {
        let shared = table.find(header, |at| {
            // SAFETY: a weakref object leaves the table before it dies, so the address is a live one.
            let found = unsafe { &*(at as *const WeakRef) };
            let same = found.callback.is_absent() && found.header.shape() == class.root_shape();
            same.then(|| crate::weakref::living(found)).flatten()
        });
        if let Some(shared) = shared {
            return Ok(shared);
        }
    }
    let callback = callback.cloned().unwrap_or_default();
    // SAFETY: the closure writes the whole payload; `new_of` would insist on the type ReferenceType, but proxies share it.
    let made = unsafe {
        payload::new_sized(t, class, class.basic_size(), |at| {
            let w = at.cast::<WeakRef>();
            (&raw mut (*w).object).write(Field::new(std::ptr::from_ref(header) as usize));
            (&raw mut (*w).callback).write(Slot::new(callback));
            (&raw mut (*w).hash).write(Cell::new(-1));
            at.add(size_of::<WeakRef>()).write_bytes(0, class.basic_size() - size_of::<WeakRef>());
        })
    }?;
    if let Some(watcher) = made.header() {
        table.add(header, watcher);
    }
    Ok(made)
}

fn new(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let a = args.positional();
    if a.is_empty() || a.len() > 2 {
        let (word, limit, s) = if a.is_empty() { ("least", 1, "") } else { ("most", 2, "s") };
        let n = a.len();
        return Err(error::type_error(t, format_args!("__new__ expected at {word} {limit} argument{s}, got {n}")));
    }
    make(t, class.expect::<TypeObject>(), &a[0], a.get(1))
}

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    if v.exact::<WeakRef>().is_some() {
        args.no_keywords(t, "ref")?;
    }
    Args::pos(args.positional()).expect_positional(t, "__init__", 1, 2).map(drop)
}

fn call_ref(t: &Thread, v: &Value, args: Args<'_>) -> Res {
    args.no_keywords(t, "weakref.ReferenceType")?;
    if !args.values.is_empty() {
        let n = args.values.len();
        return Err(error::type_error(t, format_args!("weakref.ReferenceType() takes no arguments ({n} given)")));
    }
    Ok(v.expect::<WeakRef>().target().unwrap_or(Value::NONE))
}

fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let w = v.expect::<WeakRef>();
    if w.hash.get() != -1 {
        return Ok(w.hash.get());
    }
    let Some(object) = w.target() else { return Err(error::type_error(t, "weak object has gone away")) };
    let h = ops::hash(t, &object)?;
    w.hash.set(h);
    Ok(h)
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<WeakRef>(), b.downcast::<WeakRef>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    match (x.target(), y.target()) {
        (Some(x), Some(y)) => ops::compare(t, &x, &y, op),
        _ => Ok(Value::bool(a.is(b) == (op == CompareOp::Eq))),
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let Some(object) = v.expect::<WeakRef>().target() else {
        return strs::new(t, &format!("<weakref at {:#x}; dead>", v.id()));
    };
    let (ty, id) = (type_of(&object).name(), object.id());
    let name = crate::attr::special(t, &object, n::__name__())?;
    match name.as_ref().and_then(|s| s.downcast::<Str>()) {
        Some(name) => {
            let name = name.to_lossy();
            strs::new(t, &format!("<weakref at {:#x}; to '{ty}' at {id:#x} ({name})>", v.id()))
        }
        None => strs::new(t, &format!("<weakref at {:#x}; to '{ty}' at {id:#x}>", v.id())),
    }
}

/// Calls every callback with its weak reference. An exception of a callback is reported and forgotten.
pub(crate) fn run_callbacks(t: &Thread, calls: Vec<(Value, Value)>) {
    for (watcher, callback) in calls {
        if let Err(e) = call::call1(t, &callback, &watcher)
            && !e.is_stopped()
        {
            error::unraisable(t, e, "while calling weakref callback", &callback);
        }
    }
}

/// The weak references and proxies to an object: first the plain ones that all share, then the others, newest first.
pub fn all(t: &Thread, v: &Value) -> Vec<Value> {
    let Some(header) = v.header() else { return Vec::new() };
    let mut all = t.state::<Table>().living(header);
    all.reverse();
    all.sort_by_key(|v| {
        let plain = !type_of(v).is_heap_type() && payload_of(v).is_some_and(|w| w.callback.is_absent());
        (!plain, super::weakproxy::is_proxy(v) && plain)
    });
    all
}

/// `weakref.getweakrefcount`.
pub fn count(t: &Thread, v: &Value) -> usize {
    v.header().map_or(0, |h| t.state::<Table>().watchers(h).len())
}

/// The first of all weak references to an object (`__weakref__`), or None.
pub fn first(t: &Thread, v: &Value) -> Res {
    Ok(all(t, v).into_iter().next().unwrap_or(Value::NONE))
}
