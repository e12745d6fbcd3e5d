//! deque: the type and its methods.

use super::deque::Deque;
use super::deque_iter;
use crate::ctor::bind;
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::native::{MethodDef, def, getter};
use typhon_object::ops::CompareOp;
use typhon_object::slots::Slots;
use typhon_object::strs::{self, Str, StrBuilder};
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::{generic_alias, index, int};
use typhon_object::{Thread, Value, call, convert, ops, payload, tuple, type_of};

/// collections.deque.
pub(super) static DEQUE: TypeDef = TypeDef {
    name: "collections.deque",
    doc: "A list-like sequence optimized for data accesses near its endpoints.",
    signature: "([iterable[, maxlen]])",
    flags: flag::BASETYPE | flag::SEQUENCE | flag::WEAKREFS,
    slots: Slots {
        new: Some(|t, class, _| payload::new_for(t, class, Deque::empty)),
        init: Some(|t, v, args| bind(t, &INIT, v, args).map(drop)),
        repr: Some(repr),
        compare: Some(compare),
        iter: Some(deque_iter::forward),
        len: Some(|_, v| Ok(this(v).len())),
        bool: Some(|_, v| Ok(this(v).len() != 0)),
        getitem: Some(getitem),
        setitem: Some(setitem),
        contains: Some(|t, v, item| Ok(find(t, this(v), item, 0, usize::MAX)?.is_some())),
        concat: Some(concat),
        iconcat: Some(|t, v, other| extend(t, v, other).map(|()| v.clone())),
        repeat: Some(|t, v, k| {
            let out = copy(t, v)?;
            repeat_in_place(t, &out, k)?;
            Ok(out)
        }),
        irepeat: Some(|t, v, k| {
            repeat_in_place(t, v, k)?;
            Ok(v.clone())
        }),
        ..Slots::NONE
    },
    methods: METHODS,
    getset: &[getter(
        "maxlen",
        |_, v| Ok(this(v).max.get().map_or(Value::NONE, convert::from_usize)),
        "maximum size of a deque or None if unbounded",
    )],
    ..TypeDef::of::<Deque>()
};

const METHODS: &[MethodDef] = &[
    def(
        "append",
        "($self, item, /)",
        |t, a| none(this(&a[0]).push(t, a[1].clone())),
        "Add an element to the right side of the deque.",
    ),
    def(
        "appendleft",
        "($self, item, /)",
        |t, a| none(this(&a[0]).push_left(t, a[1].clone())),
        "Add an element to the left side of the deque.",
    ),
    def(
        "clear",
        "($self, /)",
        |_, a| {
            this(&a[0]).clear_items();
            Ok(Value::NONE)
        },
        "Remove all elements from the deque.",
    ),
    def("__copy__", "($self, /)", |t, a| copy(t, &a[0]), "Return a shallow copy of a deque."),
    def("copy", "($self, /)", |t, a| copy(t, &a[0]), "Return a shallow copy of a deque."),
    def("count", "($self, value, /)", count, "Return number of occurrences of value."),
    def(
        "extend",
        "($self, iterable, /)",
        |t, a| none(extend(t, &a[0], &a[1])),
        "Extend the right side of the deque with elements from the iterable.",
    ),
    def(
        "extendleft",
        "($self, iterable, /)",
        |t, a| none(extend_left(t, &a[0], &a[1])),
        "Extend the left side of the deque with elements from the iterable.",
    ),
    def(
        "index",
        "($self, value, start=None, stop=None, /)",
        index_of,
        "Return first index of value.\n\nRaises ValueError if the value is not present.",
    ),
    def("insert", "($self, index, value, /)", insert, "Insert value before index."),
    def("pop", "($self, /)", |t, a| taken(t, this(&a[0]).pop()), "Remove and return the rightmost element."),
    def("popleft", "($self, /)", |t, a| taken(t, this(&a[0]).pop_left()), "Remove and return the leftmost element."),
    def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
    def("remove", "($self, value, /)", remove, "Remove first occurrence of value."),
    def(
        "__reversed__",
        "($self, /)",
        |t, a| deque_iter::backward(t, &a[0]),
        "Return a reverse iterator over the deque.",
    ),
    def("reverse", "($self, /)", reverse, "Reverse *IN PLACE*."),
    def("rotate", "($self, n=1, /)", rotate, "Rotate the deque n steps to the right.  If n is negative, rotates left."),
    def("__class_getitem__", "($type, object, /)", |t, a| generic_alias::new(t, &a[0], &a[1]), "See PEP 585").class(),
];

static INIT: MethodDef = def(
    "deque",
    "($self, iterable=None, maxlen=None)",
    |t, a| {
        let d = this(&a[0]);
        let max = match a[2].non_none() {
            None => None,
            Some(max) if !int::is_int(max) => return Err(error::type_error(t, "an integer is required")),
            Some(max) => match usize::try_from(convert::to_isize(t, max)?) {
                Ok(max) => Some(max),
                Err(_) => return Err(error::value_error(t, "maxlen must be non-negative")),
            },
        };
        d.max.set(max);
        if d.len() > 0 {
            d.clear_items();
        }
        if let Some(iterable) = a[1].opt() {
            extend(t, &a[0], iterable)?;
        }
        Ok(Value::NONE)
    },
    "",
);

pub(super) fn this(v: &Value) -> &Deque {
    v.expect::<Deque>()
}

fn none(r: Res<()>) -> Res {
    r.map(|()| Value::NONE)
}

fn taken(t: &Thread, v: Option<Value>) -> Res {
    v.ok_or_else(|| error::index_error(t, "pop from an empty deque"))
}

fn extend(t: &Thread, v: &Value, iterable: &Value) -> Res<()> {
    let d = this(v);
    if iterable.is(v) {
        return d.items().into_iter().try_for_each(|item| d.push(t, item));
    }
    if let Some(list) = iterable.exact::<List>()
        && d.is_unbounded()
    {
        d.reserve(t, list.len())?;
    }
    ops::for_each(t, iterable, |item| d.push(t, item))
}

fn extend_left(t: &Thread, v: &Value, iterable: &Value) -> Res<()> {
    let d = this(v);
    if iterable.is(v) {
        return d.items().into_iter().try_for_each(|item| d.push_left(t, item));
    }
    ops::for_each(t, iterable, |item| d.push_left(t, item))
}

fn copy(t: &Thread, v: &Value) -> Res {
    let d = this(v);
    if v.exact::<Deque>().is_some() {
        let out = payload::new(t, Deque::empty)?;
        this(&out).max.set(d.max.get());
        extend(t, &out, v)?;
        return Ok(out);
    }
    let class = type_of(v).value();
    let out = match d.max.get() {
        Some(max) => call::call(t, &class, &[v.clone(), convert::from_usize(max)])?,
        None => call::call1(t, &class, v)?,
    };
    if out.downcast::<Deque>().is_none() {
        let (name, got) = (type_of(v).name(), type_of(&out).name());
        return Err(error::type_error(t, format_args!("{name}() must return a deque, not {got}")));
    }
    Ok(out)
}

fn concat(t: &Thread, v: &Value, other: &Value) -> Res {
    if other.downcast::<Deque>().is_none() {
        let name = type_of(other).name();
        return Err(error::type_error(t, format_args!("can only concatenate deque (not \"{name}\") to deque")));
    }
    let out = copy(t, v)?;
    extend(t, &out, other)?;
    Ok(out)
}

fn repeat_in_place(t: &Thread, v: &Value, k: isize) -> Res<()> {
    let d = this(v);
    let items = d.items();
    let Some(k) = usize::try_from(k).ok().filter(|&k| k > 0) else {
        d.clear_items();
        return Ok(());
    };
    if items.is_empty() {
        return Ok(());
    }
    // No more than a bounded deque keeps.
    let k = d.max.get().map_or(k, |max| k.min(max.div_ceil(items.len()) + 1));
    if d.max.get().is_none() {
        t.check_alloc(items.len().saturating_mul(k).saturating_mul(8))?;
    }
    for _ in 1..k {
        for item in &items {
            d.push(t, item.clone())?;
        }
        t.poll()?;
    }
    Ok(())
}

fn item_index(t: &Thread, v: &Value, key: &Value) -> Res<usize> {
    if type_of(key).slots().index.is_none() && !int::is_int(key) {
        let name = type_of(key).name();
        return Err(error::type_error(t, format_args!("sequence index must be integer, not '{name}'")));
    }
    let i = convert::to_index_checked(t, key)?;
    index::in_range(i, this(v).len()).ok_or_else(|| error::index_error(t, "deque index out of range"))
}

fn getitem(t: &Thread, v: &Value, key: &Value) -> Res {
    let i = item_index(t, v, key)?;
    this(v).get(i).ok_or_else(|| error::index_error(t, "deque index out of range"))
}

fn setitem(t: &Thread, v: &Value, key: &Value, value: Option<&Value>) -> Res<()> {
    let i = item_index(t, v, key)?;
    match value {
        Some(value) => drop(this(v).set(i, value.clone())),
        None => drop(this(v).remove_at(i)),
    }
    Ok(())
}

/// The first place in a range that holds an equal item.
fn find(t: &Thread, d: &Deque, item: &Value, from: usize, to: usize) -> Res<Option<usize>> {
    let (changes, mut i) = (d.changes.get(), from);
    while let Some(x) = d.get(i).filter(|_| i < to) {
        let same = ops::eq(t, &x, item)?;
        if d.changes.get() != changes {
            return Err(error::runtime_error(t, "deque mutated during iteration"));
        }
        if same {
            return Ok(Some(i));
        }
        i += 1;
        // No other thread comes between, unless a comparison runs Python code.
        t.check_stop()?;
    }
    Ok(None)
}

fn count(t: &Thread, a: &[Value]) -> Res {
    let (d, mut from, mut found) = (this(&a[0]), 0, 0);
    while let Some(i) = find(t, d, &a[1], from, usize::MAX)? {
        found += 1;
        from = i + 1;
    }
    Ok(convert::from_usize(found))
}

fn index_of(t: &Thread, a: &[Value]) -> Res {
    let d = this(&a[0]);
    let (from, to) = index::bounds(t, &a[2], &a[3], d.len())?;
    match find(t, d, &a[1], from, to)? {
        Some(i) => Ok(convert::from_usize(i)),
        None => Err(error::value_error(t, "deque.index(x): x not in deque")),
    }
}

fn remove(t: &Thread, a: &[Value]) -> Res {
    let d = this(&a[0]);
    let changes = d.changes.get();
    let found = find(t, d, &a[1], 0, usize::MAX);
    if d.changes.get() != changes && found.as_ref().is_err_and(|e| !e.is_stopped()) {
        return Err(error::index_error(t, "deque mutated during remove()."));
    }
    match found? {
        Some(i) => {
            drop(d.remove_at(i));
            Ok(Value::NONE)
        }
        None => Err(error::value_error(t, "deque.remove(x): x not in deque")),
    }
}

fn insert(t: &Thread, a: &[Value]) -> Res {
    let d = this(&a[0]);
    let i = convert::to_isize(t, &a[1])?;
    let len = d.len() as isize;
    let i = if i < 0 { (i + len).max(0) } else { i.min(len) };
    none(d.insert(t, i as usize, a[2].clone()))
}

fn reverse(t: &Thread, a: &[Value]) -> Res {
    let d = this(&a[0]);
    let len = d.len();
    for i in 0..len / 2 {
        if let (Some(x), Some(y)) = (d.get(i), d.get(len - 1 - i)) {
            d.set(i, y);
            d.set(len - 1 - i, x);
        }
        if i % 4096 == 4095 {
            t.poll()?;
        }
    }
    Ok(Value::NONE)
}

fn rotate(t: &Thread, a: &[Value]) -> Res {
    let by = a[1].opt().map_or(Ok(1), |v| convert::to_isize(t, v))?;
    none(this(&a[0]).rotate(t, by))
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let args = match this(&a[0]).max.get() {
        Some(max) => tuple::from_array(t, [tuple::new(t, &[])?, convert::from_usize(max)])?,
        None => tuple::new(t, &[])?,
    };
    let state = call::method(t, &a[0], n::__getstate__(), &[])?;
    let items = ops::iter(t, &a[0])?;
    tuple::from_array(t, [type_of(&a[0]).value(), args, state, items])
}

fn repr(t: &Thread, v: &Value) -> Res {
    let d = this(v);
    let Some(_shown) = t.show(&d.header) else { return strs::new(t, "[...]") };
    repr_items(t, v)
}

fn repr_items(t: &Thread, v: &Value) -> Res {
    let d = this(v);
    let mut out = StrBuilder::new();
    out.push_str(&type_of(v).short_name());
    out.push_str("([");
    for (i, item) in d.items().iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        let text = ops::repr(t, item)?;
        out.push_value(text.expect::<Str>());
        t.check_alloc(out.len())?;
    }
    out.push_str("]");
    if let Some(max) = d.max.get() {
        out.push_str(&format!(", maxlen={max}"));
    }
    out.push_str(")");
    out.finish(t)
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<Deque>(), b.downcast::<Deque>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    if x.len() != y.len() && matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::bool(op == CompareOp::Ne));
    }
    let mut i = 0;
    while let (Some(p), Some(q)) = (x.get(i), y.get(i)) {
        if !ops::eq(t, &p, &q)? {
            return match op {
                CompareOp::Eq => Ok(Value::FALSE),
                CompareOp::Ne => Ok(Value::TRUE),
                _ => ops::compare(t, &p, &q, op),
            };
        }
        i += 1;
        t.poll()?;
    }
    Ok(Value::bool(op.holds(x.len().cmp(&y.len()))))
}

/// Arguments of an iterator's constructor: a deque and how many items to skip.
pub(super) fn iterator_arguments(t: &Thread, args: Args<'_>, name: &str) -> Res<(Value, usize)> {
    let a = args.expect_positional(t, name, 1, 2)?;
    if a[0].downcast::<Deque>().is_none() {
        let got = type_of(&a[0]).name();
        return Err(error::type_error(t, format_args!("{name}() argument 1 must be collections.deque, not {got}")));
    }
    let skip = a.get(1).map_or(Ok(0), |v| convert::to_isize(t, v))?;
    Ok((a[0].clone(), usize::try_from(skip).unwrap_or(0)))
}
