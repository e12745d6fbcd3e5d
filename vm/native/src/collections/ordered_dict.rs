//! OrderedDict: a dict whose order counts, and can be changed.
//!
//! The dict keeps the order of insertion anyway; this type adds what moves items and what compares orders.

use super::ordered_views;
use typhon_object::args::Args;
use typhon_object::dict::Dict;
use typhon_object::error::{self, Res};
use typhon_object::names::n;
use typhon_object::native::{MethodDef, def, getter, raw};
use typhon_object::ops::{self, CompareOp};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::dict_::DICT;
use typhon_object::types::exceptions::KEY_ERROR;
use typhon_object::{Thread, Value, attr, call, convert, names, payload, strs, tuple, type_of};

/// An ordered dict.
#[repr(C)]
pub(super) struct OrderedDict {
    dict: Dict,
    /// Its `__dict__`.
    attributes: Slot,
}

typhon_object::payload!(OrderedDict, dict => ORDERED_DICT {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        self.dict.traverse(visit);
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.attributes.peek() });
    }
    fn clear(&self) {
        self.dict.clear();
        drop(self.attributes.take());
    }
});

/// collections.OrderedDict.
pub(super) static ORDERED_DICT: TypeDef = TypeDef {
    name: "collections.OrderedDict",
    doc: "Dictionary that remembers insertion order",
    base: Some(&DICT),
    flags: flag::BASETYPE | flag::WEAKREFS,
    dict_offset: std::mem::offset_of!(OrderedDict, attributes),
    slots: Slots {
        new: Some(|t, class, _| {
            payload::new_for(t, class, |header| OrderedDict { dict: Dict::empty(header), attributes: Slot::empty() })
        }),
        init: Some(fill),
        repr: Some(repr),
        compare: Some(compare),
        or: Some(or),
        ior: Some(|t, a, b| {
            update(t, a, b)?;
            Ok(a.clone())
        }),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: &[getter("__dict__", attributes, "")],
    ..TypeDef::of::<OrderedDict>()
};

const METHODS: &[MethodDef] = &[
    def(
        "fromkeys",
        "($type, /, iterable, value=None)",
        from_keys,
        "Create a new ordered dictionary with keys from iterable and values set to value.",
    )
    .class(),
    def(
        "setdefault",
        "($self, /, key, default=None)",
        set_default,
        "Insert key with a value of default if key is not in the dictionary.\n\nReturn the value for key if key is in the dictionary, else default.",
    ),
    def(
        "pop",
        "($self, /, key, default=<unrepresentable>)",
        pop,
        "od.pop(key[,default]) -> v, remove specified key and return the corresponding value.\n\nIf the key is not found, return the default if given; otherwise,\nraise a KeyError.",
    ),
    def(
        "popitem",
        "($self, /, last=True)",
        pop_item,
        "Remove and return a (key, value) pair from the dictionary.\n\nPairs are returned in LIFO order if last is true or FIFO order if false.",
    ),
    def(
        "move_to_end",
        "($self, /, key, last=True)",
        move_to_end,
        "Move an existing element to the end (or beginning if last is false).\n\nRaise KeyError if the element does not exist.",
    ),
    def("keys", "($self, /)", |t, a| ordered_views::keys(t, &a[0]), ""),
    def("values", "($self, /)", |t, a| ordered_views::values(t, &a[0]), ""),
    def("items", "($self, /)", |t, a| ordered_views::items(t, &a[0]), ""),
    raw("update", "", update_method, "D.update([E, ]**F) -> None.  Update D from mapping/iterable E and F."),
    def("copy", "($self, /)", |t, a| copy(t, &a[0]), "od.copy() -> a shallow copy of od"),
    def("__reduce__", "($self, /)", reduce, "Return state information for pickling"),
    def("__sizeof__", "($self, /)", |_, a| Ok(convert::from_usize(56 + Dict::of(&a[0]).table_bytes())), ""),
];

fn attributes(t: &Thread, v: &Value) -> Res {
    match v.header() {
        Some(header) => attr::instance_dict(t, type_of(v), header),
        None => Err(error::system_error(t, "an OrderedDict without a header")),
    }
}

/// Of exactly this class, so that no method is overridden.
fn is_plain(v: &Value) -> bool {
    v.exact::<OrderedDict>().is_some()
}

/// RuntimeError if the dict has changed since its count of changes was taken.
fn check_same(t: &Thread, dict: &Dict, changes: u32) -> Res<()> {
    if dict.changes() == changes {
        return Ok(());
    }
    Err(error::runtime_error(t, "OrderedDict mutated during iteration"))
}

/// The arguments of `update` and of the constructor.
fn fill(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    let positional = args.positional();
    if positional.len() > 1 {
        let n = positional.len();
        return Err(error::type_error(t, format_args!("expected at most 1 argument, got {n}")));
    }
    if let Some(other) = positional.first() {
        update(t, v, other)?;
    }
    args.keywords().try_for_each(|(key, value)| ops::setitem(t, v, key, value))
}

fn update_method(t: &Thread, args: Args<'_>) -> Res {
    let Some(this) = args.positional().first() else {
        return Err(error::type_error(t, "update() takes at least 1 positional argument (0 given)"));
    };
    fill(t, this, args.rest())?;
    Ok(Value::NONE)
}

/// Takes over a mapping's or an iterable's items, through the class's own item assignment.
fn update(t: &Thread, v: &Value, other: &Value) -> Res<()> {
    if let Some(dict) = other.exact::<Dict>() {
        for (key, value) in dict.items() {
            ops::setitem(t, v, &key, &value)?;
            t.poll()?;
        }
        return Ok(());
    }
    if let Some(keys) = attr::get_opt(t, other, n::keys())? {
        let keys = call::call0(t, &keys)?;
        return ops::for_each(t, &keys, |key| {
            let value = ops::getitem(t, other, &key)?;
            ops::setitem(t, v, &key, &value)
        });
    }
    let pairs = match attr::get_opt(t, other, n::items())? {
        Some(items) => call::call0(t, &items)?,
        None => other.clone(),
    };
    ops::for_each(t, &pairs, |pair| {
        let pair = ops::collect(t, &pair)?;
        match pair.as_slice() {
            [key, value] => ops::setitem(t, v, key, value),
            [] | [_] => {
                let (n, s) = (pair.len(), if pair.len() == 1 { "" } else { "s" });
                Err(error::value_error(t, format_args!("need more than {n} value{s} to unpack")))
            }
            _ => Err(error::value_error(t, "too many values to unpack (expected 2)")),
        }
    })
}

fn from_keys(t: &Thread, a: &[Value]) -> Res {
    let value = a[2].opt().cloned().unwrap_or(Value::NONE);
    let made = call::call0(t, &a[0])?;
    ops::for_each(t, &a[1], |key| ops::setitem(t, &made, &key, &value))?;
    Ok(made)
}

fn set_default(t: &Thread, a: &[Value]) -> Res {
    let default = a[2].opt().cloned().unwrap_or(Value::NONE);
    if is_plain(&a[0]) {
        return Dict::of(&a[0]).set_default(t, &a[1], &default);
    }
    if ops::contains(t, &a[0], &a[1])? {
        return ops::getitem(t, &a[0], &a[1]);
    }
    ops::setitem(t, &a[0], &a[1], &default)?;
    Ok(default)
}

fn pop(t: &Thread, a: &[Value]) -> Res {
    match Dict::of(&a[0]).remove(t, &a[1])? {
        Some(found) => Ok(found),
        None => a[2].opt().cloned().ok_or_else(|| error::key_error(t, &a[1])),
    }
}

fn pop_item(t: &Thread, a: &[Value]) -> Res {
    let last = a[1].opt().map_or(Ok(true), |v| ops::truth(t, v))?;
    let dict = Dict::of(&a[0]);
    match if last { dict.pop_last() } else { dict.pop_first() } {
        Some((key, value)) => tuple::from_array(t, [key, value]),
        None => Err(error::new(t, &KEY_ERROR, "dictionary is empty")),
    }
}

fn move_to_end(t: &Thread, a: &[Value]) -> Res {
    let last = a[2].opt().map_or(Ok(true), |v| ops::truth(t, v))?;
    if Dict::of(&a[0]).move_to_end(t, &a[1], last)? { Ok(Value::NONE) } else { Err(error::key_error(t, &a[1])) }
}

fn copy(t: &Thread, v: &Value) -> Res {
    let made = call::call0(t, &type_of(v).value())?;
    let dict = Dict::of(v);
    let (changes, plain) = (dict.changes(), is_plain(v));
    let mut at = 0;
    while let Some((key, value)) = dict.next(&mut at) {
        if plain {
            Dict::of(&made).set(t, &key, &value)?;
        } else {
            let value = ops::getitem(t, v, &key)?;
            check_same(t, dict, changes)?;
            ops::setitem(t, &made, &key, &value)?;
        }
        check_same(t, dict, changes)?;
        t.poll()?;
    }
    Ok(made)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let Some(header) = v.header() else { return Err(error::system_error(t, "an OrderedDict without a header")) };
    let name = type_of(v).short_name();
    if Dict::of(v).is_empty() {
        return strs::new(t, &format!("{name}()"));
    }
    let Some(_shown) = t.show(header) else { return strs::new(t, "...") };
    strs::new(t, &format!("{name}({})", shown_items(t, v)?))
}

fn shown_items(t: &Thread, v: &Value) -> Res<String> {
    let items = if is_plain(v) {
        Dict::of(v).copy(t)?
    } else {
        let items = call::method(t, v, n::items(), &[])?;
        call::call1(t, &DICT.ty().value(), &items)?
    };
    ops::repr_text(t, &items)
}

/// Equal to another ordered dict only if the order is the same.
fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<Dict>(), b.downcast::<Dict>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let Some(as_dicts) = DICT.slots.compare else { return Ok(Value::NOT_IMPLEMENTED) };
    let mut same = ops::truth(t, &as_dicts(t, a, b, CompareOp::Eq)?)?;
    if same && b.downcast::<OrderedDict>().is_some() {
        // What comparing the values did to the dicts shows in their lengths only.
        same = x.len() == y.len();
        let (x_was, y_was) = (x.changes(), y.changes());
        let (mut at, mut other) = (0, 0);
        while let (true, Some((k, _)), Some((l, _))) = (same, x.next(&mut at), y.next(&mut other)) {
            same = ops::eq(t, &k, &l)?;
            check_same(t, x, x_was)?;
            check_same(t, y, y_was)?;
            t.poll()?;
        }
    }
    Ok(Value::bool(same == (op == CompareOp::Eq)))
}

fn or(t: &Thread, a: &Value, b: &Value) -> Res {
    if a.downcast::<Dict>().is_none() || b.downcast::<Dict>().is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let like = if a.downcast::<OrderedDict>().is_some() { a } else { b };
    let made = call::call1(t, &type_of(like).value(), a)?;
    update(t, &made, b)?;
    Ok(made)
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let state = call::method(t, &a[0], &names::intern_text(t, "__getstate__"), &[])?;
    let items = call::method(t, &a[0], n::items(), &[])?;
    let items = ops::iter(t, &items)?;
    let none = tuple::from_vec(t, Vec::new())?;
    tuple::from_array(t, [type_of(&a[0]).value(), none, state, Value::NONE, items])
}
