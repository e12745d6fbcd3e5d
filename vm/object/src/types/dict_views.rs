//! dict_keys, dict_values and dict_items.

use crate::dict::Dict;
use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::native::{GetSetDef, MethodDef, def, getter};
use crate::ops::{self, CompareOp};
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs::{self, Str, StrBuilder};
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::{TypeDef, flag, type_of};
use crate::types::dict_::iter;
use crate::types::{mapping_proxy, set_};
use crate::value::Value;

macro_rules! views {
    ($($struct:ident, $def:ident, $name:literal, $make:ident, $make_of:ident;)*) => {$(
        #[doc = $name]
        #[repr(C)]
        pub struct $struct {
            header: Header,
            dict: Slot,
        }

        crate::payload!($struct => $def {
            fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
                // SAFETY: the collector's visitor stores nothing.
                visit(unsafe { self.dict.peek() });
            }
        });

        #[doc = concat!("A ", $name, " view of a dict.")]
        #[inline]
        pub fn $make(t: &Thread, dict: &Value) -> Res {
            payload::new(t, |header| $struct { header, dict: Slot::new(dict.clone()) })
        }

        #[doc = concat!("As [`", stringify!($make), "`, of a type derived from it.")]
        pub fn $make_of(t: &Thread, ty: &crate::ty::TypeObject, dict: &Value) -> Res {
            payload::new_of(t, ty, |header| $struct { header, dict: Slot::new(dict.clone()) })
        }
    )*};
}
views! {
    DictKeys, DICT_KEYS, "dict_keys", keys, keys_of;
    DictValues, DICT_VALUES, "dict_values", values, values_of;
    DictItems, DICT_ITEMS, "dict_items", items, items_of;
}

/// What of a dict a view shows.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    /// dict_keys.
    Keys,
    /// dict_values.
    Values,
    /// dict_items.
    Items,
}

/// The dict behind a view of no derived type, and what the view shows.
pub(crate) fn of(v: &Value) -> Option<(Value, Part)> {
    if let Some(view) = v.exact::<DictKeys>() {
        return Some((view.dict.get(), Part::Keys));
    }
    if let Some(view) = v.exact::<DictValues>() {
        return Some((view.dict.get(), Part::Values));
    }
    v.exact::<DictItems>().map(|view| (view.dict.get(), Part::Items))
}

const MAPPING: &[GetSetDef] =
    &[getter("mapping", |t, v| mapping_proxy::new(t, &dict_of(v)), "dictionary that this view refers to")];

/// The operators of the two views that are sets.
const SET_LIKE: Slots = Slots {
    repr: Some(repr),
    compare: Some(compare),
    len: Some(len),
    sub: Some(|t, a, b| by_set(t, a, b, "difference_update")),
    and: Some(and),
    xor: Some(|t, a, b| by_set(t, a, b, "symmetric_difference_update")),
    or: Some(|t, a, b| by_set(t, a, b, "update")),
    ..Slots::NONE
};

const ISDISJOINT: MethodDef = def(
    "isdisjoint",
    "($self, object, /)",
    isdisjoint,
    "Return True if the view and the given iterable have a null intersection.",
);

/// dict_keys.
pub static DICT_KEYS: TypeDef = TypeDef {
    name: "dict_keys",
    id: ids::DICT_KEYS,
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|t, v| iter::keys(t, &dict_of(v))), contains: Some(has_key), ..SET_LIKE },
    methods: &[
        ISDISJOINT,
        def(
            "__reversed__",
            "($self, /)",
            |t, a| iter::reversed_keys(t, &dict_of(&a[0])),
            "Return a reverse iterator over the dict keys.",
        ),
    ],
    getset: MAPPING,
    ..TypeDef::of::<DictKeys>()
};

/// dict_items.
pub static DICT_ITEMS: TypeDef = TypeDef {
    name: "dict_items",
    id: ids::DICT_ITEMS,
    flags: flag::NO_NEW,
    slots: Slots { iter: Some(|t, v| iter::items(t, &dict_of(v))), contains: Some(has_item), ..SET_LIKE },
    methods: &[
        ISDISJOINT,
        def(
            "__reversed__",
            "($self, /)",
            |t, a| iter::reversed_items(t, &dict_of(&a[0])),
            "Return a reverse iterator over the dict items.",
        ),
    ],
    getset: MAPPING,
    ..TypeDef::of::<DictItems>()
};

/// dict_values.
pub static DICT_VALUES: TypeDef = TypeDef {
    name: "dict_values",
    id: ids::DICT_VALUES,
    flags: flag::NO_NEW,
    slots: Slots { repr: Some(repr), iter: Some(|t, v| iter::values(t, &dict_of(v))), len: Some(len), ..Slots::NONE },
    methods: &[def(
        "__reversed__",
        "($self, /)",
        |t, a| iter::reversed_values(t, &dict_of(&a[0])),
        "Return a reverse iterator over the dict values.",
    )],
    getset: MAPPING,
    ..TypeDef::of::<DictValues>()
};

/// The dict that a view looks at.
fn dict_of(v: &Value) -> Value {
    if let Some(view) = v.downcast::<DictKeys>() {
        view.dict.get()
    } else if let Some(view) = v.downcast::<DictItems>() {
        view.dict.get()
    } else {
        v.expect::<DictValues>().dict.get()
    }
}

/// A view that is a set.
fn is_set_view(v: &Value) -> bool {
    v.downcast::<DictKeys>().is_some() || v.downcast::<DictItems>().is_some()
}

fn len(_: &Thread, v: &Value) -> Res<usize> {
    Ok(Dict::of(&dict_of(v)).len())
}

fn has_key(t: &Thread, v: &Value, key: &Value) -> Res<bool> {
    Dict::of(&dict_of(v)).contains(t, key)
}

fn has_item(t: &Thread, v: &Value, item: &Value) -> Res<bool> {
    let Some([key, value]) = item.downcast::<Tuple>().map(Tuple::items) else { return Ok(false) };
    match Dict::of(&dict_of(v)).get(t, key)? {
        Some(found) => ops::eq(t, &found, value),
        None => Ok(false),
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let Some(header) = v.header() else { return Ok(Value::NONE) };
    let Some(_shown) = t.show(header) else { return strs::new(t, "...") };
    let mut out = StrBuilder::new();
    out.push_str(&type_of(v).name());
    out.push_str("(");
    let items = crate::list::List::from_vec(t, ops::collect(t, v)?)?;
    out.push_value(ops::repr(t, &items)?.expect::<Str>());
    out.push_str(")");
    out.finish(t)
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    if !(is_set_view(b) || set_::any(b).is_some()) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let (x, y) = (ops::len(t, a)?, ops::len(t, b)?);
    let truth = match op {
        CompareOp::Eq => x == y && all_in(t, a, b)?,
        CompareOp::Ne => !(x == y && all_in(t, a, b)?),
        CompareOp::Lt => x < y && all_in(t, a, b)?,
        CompareOp::Le => x <= y && all_in(t, a, b)?,
        CompareOp::Gt => x > y && all_in(t, b, a)?,
        CompareOp::Ge => x >= y && all_in(t, b, a)?,
    };
    Ok(Value::bool(truth))
}

fn all_in(t: &Thread, a: &Value, b: &Value) -> Res<bool> {
    let it = ops::iter(t, a)?;
    while let Some(item) = ops::next(t, &it)? {
        t.poll()?;
        if !ops::contains(t, b, &item)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// `set(a)` changed by the named method of set with `b`.
fn by_set(t: &Thread, a: &Value, b: &Value, method: &str) -> Res {
    let made = set_::create(t)?;
    let set = set_::expect(&made);
    ops::for_each(t, a, |item| set_::add_plain(t, set, &item))?;
    let name = crate::names::intern_text(t, method);
    crate::call::method(t, &made, &name, std::slice::from_ref(b))?;
    Ok(made)
}

fn and(t: &Thread, a: &Value, b: &Value) -> Res {
    // The view may stand on either side.
    let (mut view, mut other) = if is_set_view(a) { (a, b) } else { (b, a) };
    let set = other.exact::<set_::Set>();
    if set.is_some_and(|s| Dict::of(&dict_of(view)).len() <= s.len()) {
        let name = crate::names::intern_text(t, "intersection");
        return crate::call::method(t, other, &name, std::slice::from_ref(view));
    }
    if is_set_view(other) && ops::len(t, other)? > ops::len(t, view)? {
        (view, other) = (other, view);
    }
    let made = set_::create(t)?;
    let set = set_::expect(&made);
    ops::for_each(t, other, |item| {
        if ops::contains(t, view, &item)? {
            set_::add_plain(t, set, &item)?;
        }
        Ok(())
    })?;
    Ok(made)
}

fn isdisjoint(t: &Thread, a: &[Value]) -> Res {
    let (mut view, mut other) = (&a[0], &a[1]);
    if view.is(other) {
        return Ok(Value::bool(ops::len(t, view)? == 0));
    }
    let sized = is_set_view(other) || set_::any(other).is_some();
    if sized && ops::len(t, other)? > ops::len(t, view)? {
        (view, other) = (other, view);
    }
    let it = ops::iter(t, other)?;
    while let Some(item) = ops::next(t, &it)? {
        t.poll()?;
        if ops::contains(t, view, &item)? {
            return Ok(Value::FALSE);
        }
    }
    Ok(Value::TRUE)
}
