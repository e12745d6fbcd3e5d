//! FrameLocalsProxy (PEP 667): a function frame's variables as a mapping that writes through.

use crate::frame_object::FrameObject;
use typhon_isa::LocalKind;
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::native::{MethodDef, def, raw};
use typhon_object::ops::{self, CompareOp};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::exceptions as exc;
use typhon_object::{Thread, Value, payload, strs, tuple, type_of};

/// The proxy.
#[repr(C)]
pub struct FrameLocals {
    header: Header,
    frame: Slot,
}

typhon_object::payload!(FrameLocals => FRAME_LOCALS {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.frame.peek() });
    }
});

/// FrameLocalsProxy.
pub static FRAME_LOCALS: TypeDef = TypeDef {
    name: "FrameLocalsProxy",
    flags: flag::MAPPING,
    slots: Slots {
        new: Some(make),
        repr: Some(repr),
        hash: Some(|t, v| Err(ops::unhashable(t, v))),
        compare: Some(compare),
        len: Some(|_, v| Ok(snapshot_len(v))),
        iter: Some(|t, v| ops::iter(t, &keys(t, v)?)),
        getitem: Some(getitem),
        setitem: Some(setitem),
        contains: Some(|t, v, key| Ok(!lookup(t, v, key)?.is_absent())),
        or: Some(or),
        ior: Some(|t, a, b| {
            if !mergeable(b) {
                return Ok(Value::NOT_IMPLEMENTED);
            }
            merge(t, a, b)?;
            Ok(a.clone())
        }),
        ..Slots::NONE
    },
    methods: METHODS,
    ..TypeDef::of::<FrameLocals>()
};

const METHODS: &[MethodDef] = &[
    raw("get", "", get, "Return the value for key if key is in the mapping, else default."),
    raw("setdefault", "", setdefault, "Insert key with a value of default if key is not in the mapping."),
    raw("pop", "", pop, "Remove specified key and return the corresponding value."),
    raw("update", "", update, "Update the mapping from another one."),
    def("keys", "($self, /)", |t, a| keys(t, &a[0]), "A list of the mapping's keys."),
    def("values", "($self, /)", |t, a| list_of(t, &a[0], |_, v| v), "A list of the mapping's values."),
    def(
        "items",
        "($self, /)",
        |t, a| {
            let d = snapshot(t, &a[0])?;
            let rows = Dict::of(&d).items().into_iter().map(|(k, v)| tuple::from_array(t, [k, v]));
            List::from_vec(t, rows.collect::<Res<Vec<_>>>()?)
        },
        "A list of the mapping's (key, value) pairs.",
    ),
    def("copy", "($self, /)", |t, a| snapshot(t, &a[0]), "A dict of the mapping's items."),
    def(
        "__reversed__",
        "($self, /)",
        |t, a| {
            let d = snapshot(t, &a[0])?;
            let mut keys = Dict::of(&d).keys();
            keys.reverse();
            List::from_vec(t, keys)
        },
        "The mapping's keys, last first.",
    ),
];

/// A proxy of a frame object.
pub(crate) fn new(t: &Thread, frame: &Value) -> Res {
    payload::new(t, |header| FrameLocals { header, frame: Slot::new(frame.clone()) })
}

fn make(t: &Thread, _: &Value, args: Args<'_>) -> Res {
    let n = args.positional().len();
    let [frame] = args.positional() else {
        return Err(error::type_error(t, format_args!("FrameLocalsProxy expected 1 argument, got {n}")));
    };
    if !args.names.is_empty() {
        return Err(error::type_error(t, "FrameLocalsProxy takes no keyword arguments"));
    }
    if frame.downcast::<FrameObject>().is_none() {
        let name = type_of(frame).name();
        return Err(error::type_error(t, format_args!("expect frame, not {name}")));
    }
    new(t, frame)
}

fn frame(v: &Value) -> Value {
    v.expect::<FrameLocals>().frame.get()
}

fn repr(t: &Thread, v: &Value) -> Res {
    let header = &v.expect::<FrameLocals>().header;
    let Some(_shown) = t.show(header) else { return strs::new(t, "{...}") };
    ops::repr(t, &snapshot(t, v)?)
}

/// The variables and the extra keys as a new dict.
fn snapshot(t: &Thread, v: &Value) -> Res {
    let f = frame(v);
    crate::frame_object::snapshot(t, f.expect::<FrameObject>())
}

fn snapshot_len(v: &Value) -> usize {
    let f = frame(v);
    let f = f.expect::<FrameObject>();
    let named = (0..f.unit.local_count).filter(|&i| !f.local(i).is_absent()).count();
    named + f.extra.get().downcast::<Dict>().map_or(0, Dict::len)
}

fn keys(t: &Thread, v: &Value) -> Res {
    list_of(t, v, |k, _| k)
}

fn list_of(t: &Thread, v: &Value, pick: fn(Value, Value) -> Value) -> Res {
    let d = snapshot(t, v)?;
    List::from_vec(t, Dict::of(&d).items().into_iter().map(|(k, v)| pick(k, v)).collect())
}

/// The register of a variable: of several with one name the innermost that is bound, which a comprehension's own is.
fn register(t: &Thread, f: &FrameObject, key: &Value) -> Res<Option<usize>> {
    let names = f.unit.locals();
    let mut found: Vec<usize> = (0..f.unit.local_count).filter(|&i| names[i].is(key)).collect();
    if found.is_empty() {
        if key.exact::<strs::Str>().is_some() {
            found = (0..f.unit.local_count).filter(|&i| strs::eq(&names[i], key)).collect();
        } else {
            let hash = ops::hash(t, key)?;
            for (i, name) in names.iter().enumerate().take(f.unit.local_count) {
                if ops::hash(t, name)? == hash && ops::eq(t, name, key)? {
                    found.push(i);
                }
            }
        }
    }
    let hidden = |i: usize| f.unit.code.locals[i].kind == LocalKind::Hidden;
    let bound = |i: usize| !f.local(i).is_absent();
    let best = found.iter().copied().filter(|&i| bound(i)).max_by_key(|&i| (hidden(i), std::cmp::Reverse(i)));
    Ok(best.or_else(|| found.iter().copied().find(|&i| !hidden(i))))
}

/// The value under a key, absent if there is none. A key that cannot be hashed is an error.
fn lookup(t: &Thread, v: &Value, key: &Value) -> Res {
    let f = frame(v);
    let f = f.expect::<FrameObject>();
    if let Some(i) = register(t, f, key)? {
        let value = f.local(i);
        if !value.is_absent() {
            return Ok(value);
        }
    }
    let hash = ops::hash(t, key)?;
    match f.extra.get().downcast::<Dict>() {
        Some(extra) => Ok(extra.get_hashed(t, key, hash)?.unwrap_or_default()),
        None => Ok(Value::ABSENT),
    }
}

fn getitem(t: &Thread, v: &Value, key: &Value) -> Res {
    let value = lookup(t, v, key)?;
    if value.is_absent() {
        let text = ops::repr_text(t, key)?;
        return Err(error::new(t, &exc::KEY_ERROR, format_args!("local variable '{text}' is not defined")));
    }
    Ok(value)
}

fn no_removal(t: &Thread) -> error::Exc {
    error::value_error(t, "cannot remove local variables from FrameLocalsProxy")
}

fn key_error(t: &Thread, key: &Value) -> error::Exc {
    error::with_args(t, exc::KEY_ERROR.ty(), std::slice::from_ref(key))
}

fn setitem(t: &Thread, v: &Value, key: &Value, value: Option<&Value>) -> Res<()> {
    let owner = frame(v);
    let f = owner.expect::<FrameObject>();
    let at = register(t, f, key)?;
    let Some(value) = value else {
        if at.is_some() {
            return Err(no_removal(t));
        }
        let hash = ops::hash(t, key)?;
        let removed = match f.extra.get().downcast::<Dict>() {
            Some(extra) => extra.remove_hashed(t, key, hash)?,
            None => None,
        };
        return removed.map(drop).ok_or_else(|| key_error(t, key));
    };
    if let Some(i) = at {
        f.set_local(i, value.clone());
        return Ok(());
    }
    let hash = ops::hash(t, key)?;
    let extra = match f.extra.get().present() {
        Some(extra) => extra,
        None => {
            let extra = Dict::create(t);
            f.set_extra(extra.clone());
            extra
        }
    };
    Dict::of(&extra).set_hashed(t, key, hash, value.clone())
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let (Some(x), y) = (a.downcast::<FrameLocals>(), b.downcast::<FrameLocals>()) else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    if let Some(y) = y {
        let same = x.frame.get().is(&y.frame.get());
        return Ok(Value::bool(same == (op == CompareOp::Eq)));
    }
    if b.downcast::<Dict>().is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    ops::compare(t, &snapshot(t, a)?, b, op)
}

fn mergeable(v: &Value) -> bool {
    v.downcast::<Dict>().is_some() || v.downcast::<FrameLocals>().is_some()
}

/// Stores every item of a dict or of another proxy.
fn merge(t: &Thread, v: &Value, other: &Value) -> Res<()> {
    let items = match other.downcast::<FrameLocals>() {
        Some(_) => snapshot(t, other)?,
        None => other.clone(),
    };
    for (key, value) in Dict::of(&items).items() {
        setitem(t, v, &key, Some(&value))?;
    }
    Ok(())
}

fn or(t: &Thread, a: &Value, b: &Value) -> Res {
    if !mergeable(a) || !mergeable(b) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let plain = |v: &Value| if v.downcast::<FrameLocals>().is_some() { snapshot(t, v) } else { Dict::of(v).copy(t) };
    let (left, right) = (plain(a)?, plain(b)?);
    Dict::of(&left).merge(t, Dict::of(&right), true)?;
    Ok(left)
}

fn get(t: &Thread, args: Args<'_>) -> Res {
    let (key, default) = match args.rest().positional() {
        [key] => (key.clone(), Value::NONE),
        [key, default] => (key.clone(), default.clone()),
        _ => return Err(error::type_error(t, "get expected 1 or 2 arguments")),
    };
    Ok(lookup(t, &args.values[0], &key)?.present().unwrap_or(default))
}

fn setdefault(t: &Thread, args: Args<'_>) -> Res {
    let (key, default) = match args.rest().positional() {
        [key] => (key.clone(), Value::NONE),
        [key, default] => (key.clone(), default.clone()),
        _ => return Err(error::type_error(t, "setdefault expected 1 or 2 arguments")),
    };
    let this = &args.values[0];
    let now = lookup(t, this, &key)?;
    if !now.is_absent() {
        return Ok(now);
    }
    setitem(t, this, &key, Some(&default))?;
    Ok(default)
}

fn pop(t: &Thread, args: Args<'_>) -> Res {
    let this = &args.values[0];
    let a = args.rest().expect_positional(t, "pop", 1, 2)?;
    let owner = frame(this);
    let f = owner.expect::<FrameObject>();
    if register(t, f, &a[0])?.is_some() {
        return Err(no_removal(t));
    }
    let hash = ops::hash(t, &a[0])?;
    let removed = match f.extra.get().downcast::<Dict>() {
        Some(extra) => extra.remove_hashed(t, &a[0], hash)?,
        None => None,
    };
    match removed.or_else(|| a.get(1).cloned()) {
        Some(v) => Ok(v),
        None => Err(key_error(t, &a[0])),
    }
}

fn update(t: &Thread, args: Args<'_>) -> Res {
    let rest = args.rest();
    let [other] = rest.positional() else {
        let n = rest.positional().len();
        return Err(error::type_error(
            t,
            format_args!("FrameLocalsProxy.update() takes exactly one argument ({n} given)"),
        ));
    };
    if !mergeable(other) {
        return Err(error::type_error(t, "update() argument must be dict or another FrameLocalsProxy"));
    }
    merge(t, &args.values[0], other)?;
    Ok(Value::NONE)
}
