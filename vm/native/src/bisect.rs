//! _bisect.

use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::names;
use typhon_object::native::{MethodDef, ModuleDef, def};
use typhon_object::ops::{self, CompareOp};
use typhon_object::{Thread, Value, call, convert};

/// _bisect.
pub static MODULE: ModuleDef = ModuleDef {
    name: "_bisect",
    doc: "Bisection algorithms.\n\nThis module provides support for maintaining a list in sorted order without\nhaving to sort the list after each insertion. For long lists of items with\nexpensive comparison operations, this can be an improvement over the more\ncommon approach.\n",
    functions: FUNCTIONS,
    types: &[],
    init: None,
};

const SIGNATURE: &str = "($module, /, a, x, lo=0, hi=None, *, key=None)";
const FIND_RIGHT: &str = "Return the index where to insert item x in list a, assuming a is sorted.\n\nThe return value i is such that all e in a[:i] have e <= x, and all e in\na[i:] have e > x.  So if x already appears in the list, a.insert(i, x) will\ninsert just after the rightmost x already there.\n\nOptional args lo (default 0) and hi (default len(a)) bound the\nslice of a to be searched.\n\nA custom key function can be supplied to customize the sort order.";
const FIND_LEFT: &str = "Return the index where to insert item x in list a, assuming a is sorted.\n\nThe return value i is such that all e in a[:i] have e < x, and all e in\na[i:] have e >= x.  So if x already appears in the list, a.insert(i, x) will\ninsert just before the leftmost x already there.\n\nOptional args lo (default 0) and hi (default len(a)) bound the\nslice of a to be searched.\n\nA custom key function can be supplied to customize the sort order.";
const PUT_RIGHT: &str = "Insert item x in list a, and keep it sorted assuming a is sorted.\n\nIf x is already in a, insert it to the right of the rightmost x.\n\nOptional args lo (default 0) and hi (default len(a)) bound the\nslice of a to be searched.\n\nA custom key function can be supplied to customize the sort order.";
const PUT_LEFT: &str = "Insert item x in list a, and keep it sorted assuming a is sorted.\n\nIf x is already in a, insert it to the left of the leftmost x.\n\nOptional args lo (default 0) and hi (default len(a)) bound the\nslice of a to be searched.\n\nA custom key function can be supplied to customize the sort order.";

const FUNCTIONS: &[MethodDef] = &[
    def("bisect_right", SIGNATURE, |t, a| found(t, search(t, a, &a[1], Side::Right)), FIND_RIGHT),
    def("bisect_left", SIGNATURE, |t, a| found(t, search(t, a, &a[1], Side::Left)), FIND_LEFT),
    def("insort_right", SIGNATURE, |t, a| insert(t, a, Side::Right), PUT_RIGHT),
    def("insort_left", SIGNATURE, |t, a| insert(t, a, Side::Left), PUT_LEFT),
];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

fn found(t: &Thread, i: Res<usize>) -> Res {
    // A range's index may be larger than any list's.
    convert::from_u64(t, i? as u64)
}

/// Where `x` goes in `a[0][lo..hi]`; the items' keys are compared with `x` itself.
fn search(t: &Thread, a: &[Value], x: &Value, side: Side) -> Res<usize> {
    let low = a[2].opt().map_or(Ok(0), |v| convert::to_isize(t, v))?;
    let high = a[3].non_none().map_or(Ok(-1), |v| convert::to_isize(t, v))?;
    let Ok(mut low) = usize::try_from(low) else { return Err(error::value_error(t, "lo must be non-negative")) };
    let mut high = match usize::try_from(high) {
        Ok(high) => high,
        Err(_) => ops::len(t, &a[0])?,
    };
    let list = a[0].exact::<List>();
    while low < high {
        let middle = low + (high - low) / 2;
        let item = match list.and_then(|l| l.get(middle)) {
            Some(item) => item,
            None => ops::getitem(t, &a[0], &convert::from_u64(t, middle as u64)?)?,
        };
        let item = match a[4].non_none() {
            Some(key) => call::call1(t, key, &item)?,
            None => item,
        };
        let before = match side {
            Side::Right => !ops::truth(t, &ops::compare(t, x, &item, CompareOp::Lt)?)?,
            Side::Left => ops::truth(t, &ops::compare(t, &item, x, CompareOp::Lt)?)?,
        };
        if before {
            low = middle + 1;
        } else {
            high = middle;
        }
        t.poll()?;
    }
    Ok(low)
}

fn insert(t: &Thread, a: &[Value], side: Side) -> Res {
    let key = match a[4].non_none() {
        Some(key) => call::call1(t, key, &a[1])?,
        None => a[1].clone(),
    };
    let i = search(t, a, &key, side)?;
    match a[0].exact::<List>() {
        Some(list) => list.insert(t, i, a[1].clone())?,
        None => {
            let args = [convert::from_usize(i), a[1].clone()];
            call::method(t, &a[0], &names::intern_text(t, "insert"), &args)?;
        }
    }
    Ok(Value::NONE)
}
