//! list: methods.

use super::{getitem, iter, slices, sort};
use crate::convert;
use crate::error::{self, Res};
use crate::list::List;
use crate::native::{MethodDef, def};
use crate::ops;
use crate::thread::Thread;
use crate::types::iters::class_getitem;
use crate::types::slice::position;
use crate::value::Value;

pub(super) const METHODS: &[MethodDef] = &[
    def("__getitem__", "($self, index, /)", |t, a| getitem(t, &a[0], &a[1]), "Return self[index]."),
    def("__reversed__", "($self, /)", |t, a| iter::new_reverse(t, &a[0]), "Return a reverse iterator over the list."),
    def("__sizeof__", "($self, /)", sizeof, "Return the size of the list in memory, in bytes."),
    def("clear", "($self, /)", clear, "Remove all items from list.").open_receiver(),
    def("copy", "($self, /)", copy, "Return a shallow copy of the list.").open_receiver(),
    def("append", "($self, object, /)", append, "Append object to the end of the list.").open_receiver().tame(),
    def("insert", "($self, index, object, /)", insert, "Insert object before index.").open_receiver().tame(),
    def("extend", "($self, iterable, /)", extend, "Extend list by appending elements from the iterable."),
    def(
        "pop",
        "($self, index=-1, /)",
        pop,
        "Remove and return item at index (default last).\n\nRaises IndexError if list is empty or index is out of range.",
    ).open_receiver().tame(),
    def(
        "remove",
        "($self, value, /)",
        remove,
        "Remove first occurrence of value.\n\nRaises ValueError if the value is not present.",
    ),
    def(
        "index",
        "($self, value, start=0, stop=sys.maxsize, /)",
        index,
        "Return first index of value.\n\nRaises ValueError if the value is not present.",
    ),
    def("count", "($self, value, /)", count, "Return number of occurrences of value."),
    def("reverse", "($self, /)", reverse, "Reverse *IN PLACE*.").open_receiver(),
    def(
        "sort",
        "($self, /, *, key=None, reverse=False)",
        sort_method,
        "Sort the list in ascending order and return None.\n\nThe sort is in-place (i.e. the list itself is modified) and stable\n(i.e. the order of two equal elements is maintained).\n\nIf a key function is given, apply it once to each list item and sort\nthem, ascending or descending, according to their function values.\n\nThe reverse flag can be set to sort in descending order.",
    ).open_receiver(),
    def("__class_getitem__", "($type, object, /)", class_getitem, "lists are generic over the type of their contents")
        .class(),
];

fn this(a: &[Value]) -> &List {
    a[0].expect()
}

fn sizeof(_: &Thread, a: &[Value]) -> Res {
    Ok(convert::from_usize(40 + 8 * this(a).capacity()))
}

fn clear(_: &Thread, a: &[Value]) -> Res {
    this(a).clear_items();
    Ok(Value::NONE)
}

fn copy(t: &Thread, a: &[Value]) -> Res {
    // SAFETY: copying clones the items, which runs no Python code.
    List::from_slice(t, unsafe { this(a).items() })
}

#[inline]
fn append(t: &Thread, a: &[Value]) -> Res {
    this(a).push(t, a[1].clone())?;
    Ok(Value::NONE)
}

fn insert(t: &Thread, a: &[Value]) -> Res {
    let i = convert::to_isize(t, &a[1])?;
    let (list, n) = (this(a), this(a).len() as isize);
    let i = if i < 0 { (i.saturating_add(n)).max(0) } else { i.min(n) };
    list.insert(t, i as usize, a[2].clone())?;
    Ok(Value::NONE)
}

fn extend(t: &Thread, a: &[Value]) -> Res {
    slices::extend(t, this(a), &a[1])?;
    Ok(Value::NONE)
}

#[inline]
fn pop(t: &Thread, a: &[Value]) -> Res {
    let i = match a[1].opt() {
        None => -1,
        Some(i) => convert::to_isize(t, i)?,
    };
    let list = this(a);
    if list.is_empty() {
        return Err(error::index_error(t, "pop from empty list"));
    }
    match position(i, list.len()).and_then(|i| list.remove(i)) {
        Some(item) => Ok(item),
        None => Err(error::index_error(t, "pop index out of range")),
    }
}

/// The first position of `value` in `from..to`.
fn find(t: &Thread, list: &List, value: &Value, from: usize, to: usize) -> Res<Option<usize>> {
    let mut i = from;
    while i < to
        && let Some(item) = list.get(i)
    {
        if ops::eq(t, &item, value)? {
            return Ok(Some(i));
        }
        i += 1;
        if i.is_multiple_of(256) {
            t.poll()?;
        }
    }
    Ok(None)
}

fn remove(t: &Thread, a: &[Value]) -> Res {
    match find(t, this(a), &a[1], 0, usize::MAX)? {
        Some(i) => {
            drop(this(a).remove(i));
            Ok(Value::NONE)
        }
        None => Err(error::value_error(t, "list.remove(x): x not in list")),
    }
}

/// A bound of `index`, fitted to the length.
pub(crate) fn bound(t: &Thread, v: &Value, len: usize, default: usize) -> Res<usize> {
    let Some(v) = v.opt() else { return Ok(default) };
    let i = crate::types::slice::index_bound(t, v)?;
    Ok(if i < 0 { i.saturating_add(len as isize).max(0) as usize } else { i as usize })
}

fn index(t: &Thread, a: &[Value]) -> Res {
    let list = this(a);
    let (from, to) = (bound(t, &a[2], list.len(), 0)?, bound(t, &a[3], list.len(), usize::MAX)?);
    match find(t, list, &a[1], from, to)? {
        Some(i) => Ok(convert::from_usize(i)),
        None => Err(error::value_error(t, "list.index(x): x not in list")),
    }
}

fn count(t: &Thread, a: &[Value]) -> Res {
    let (list, mut n, mut i) = (this(a), 0, 0);
    while let Some(item) = list.get(i) {
        n += usize::from(ops::eq(t, &item, &a[1])?);
        i += 1;
        if i.is_multiple_of(256) {
            t.poll()?;
        }
    }
    Ok(convert::from_usize(n))
}

fn reverse(_: &Thread, a: &[Value]) -> Res {
    this(a).reverse();
    Ok(Value::NONE)
}

fn sort_method(t: &Thread, a: &[Value]) -> Res {
    let reverse = a[2].opt().map_or(Ok(false), |v| t.as_native(|| ops::truth(t, v)))?;
    sort(t, this(a), a[1].non_none(), reverse)?;
    Ok(Value::NONE)
}
