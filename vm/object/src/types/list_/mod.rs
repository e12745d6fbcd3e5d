//! list: construction, protocols and operators.

pub mod iter;
mod methods;
mod slices;
mod sort;

pub use iter::{LIST_ITER, LIST_REVERSE_ITER, ListIter, ListReverseIter};
pub(crate) use methods::bound;
pub use slices::{extend, within};
pub use sort::sort;

use crate::args::Args;
use crate::error::{self, Res};
use crate::ids;
use crate::list::List;
use crate::ops::{self, CompareOp};
use crate::slots::Slots;
use crate::strs::{self, Str, StrBuilder};
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::iters::own_new;
use crate::types::slice::{self, Key, position};
use crate::value::Value;

/// list.
pub static LIST: TypeDef = TypeDef {
    name: "list",
    doc: "Built-in mutable sequence.\n\nIf no argument is given, the constructor creates a new empty list.\nThe argument must be an iterable if specified.",
    signature: "(iterable=(), /)",
    id: ids::LIST,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::LIST | flag::SEQUENCE,
    slots: Slots {
        new: Some(|t, class, _| crate::payload::new_for(t, class, List::empty)),
        init: Some(init),
        repr: Some(repr),
        compare: Some(compare),
        iter: Some(iter::new),
        len: Some(|_, v| Ok(v.expect::<List>().len())),
        getitem: Some(getitem),
        setitem: Some(setitem),
        contains: Some(contains),
        concat: Some(slices::concat),
        repeat: Some(slices::repeat),
        iconcat: Some(slices::iconcat),
        irepeat: Some(slices::irepeat),
        ..Slots::NONE
    },
    methods: methods::METHODS,
    outside: false,
    ..TypeDef::of::<List>()
};

fn init(t: &Thread, v: &Value, args: Args<'_>) -> Res<()> {
    if !own_new(v, &LIST) {
        args.no_keywords(t, "list")?;
    }
    let a = Args::pos(args.positional()).expect_positional(t, "list", 0, 1)?;
    let list = v.expect::<List>();
    if !list.is_empty() {
        list.clear_items();
    }
    match a.first() {
        Some(iterable) => extend(t, list, iterable),
        None => Ok(()),
    }
}

/// The text of a row of items between brackets; `[...]` inside itself.
fn repr(t: &Thread, v: &Value) -> Res {
    let list = v.expect::<List>();
    if list.is_empty() {
        return strs::new(t, "[]");
    }
    let Some(_shown) = t.show(&list.header) else { return strs::new(t, "[...]") };
    repr_items(t, list)
}

fn repr_items(t: &Thread, list: &List) -> Res {
    let mut out = StrBuilder::with_capacity(list.len() * 3);
    out.push_str("[");
    let mut i = 0;
    while let Some(item) = list.get(i) {
        if i > 0 {
            out.push_str(", ");
        }
        let text = ops::repr(t, &item)?;
        let text = text.expect::<Str>();
        if text.len() > 4096 {
            t.check_alloc(out.len() + text.len())?;
        }
        out.push_value(text);
        i += 1;
    }
    out.push_str("]");
    out.finish(t)
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<List>(), b.downcast::<List>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    if x.len() != y.len() && matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::bool(op == CompareOp::Ne));
    }
    let mut i = 0;
    while let (Some(p), Some(q)) = (x.get(i), y.get(i)) {
        if !ops::eq(t, &p, &q)? {
            if i >= x.len().min(y.len()) {
                // The comparison has shortened a list: what counts is how long they are now.
                break;
            }
            return match op {
                CompareOp::Eq => Ok(Value::FALSE),
                CompareOp::Ne => Ok(Value::TRUE),
                _ => ops::compare(t, &p, &q, op),
            };
        }
        i += 1;
        if i % 256 == 0 {
            t.poll()?;
        }
    }
    Ok(Value::bool(op.holds(x.len().cmp(&y.len()))))
}

#[inline]
fn getitem(t: &Thread, v: &Value, k: &Value) -> Res {
    let list = v.expect::<List>();
    let i = match k.as_small() {
        Some(i) => i as isize,
        None => match slice::key(t, k, "list")? {
            Key::Index(i) => i,
            Key::Slice(s) => return slices::get(t, list, s),
        },
    };
    match position(i, list.len()).and_then(|i| list.get(i)) {
        Some(item) => Ok(item),
        None => Err(error::index_error(t, "list index out of range")),
    }
}

#[inline]
fn setitem(t: &Thread, v: &Value, k: &Value, value: Option<&Value>) -> Res<()> {
    let list = v.expect::<List>();
    let i = match k.as_small() {
        Some(i) => i as isize,
        None => match slice::key(t, k, "list")? {
            Key::Index(i) => i,
            Key::Slice(s) => return slices::set(t, list, s, value),
        },
    };
    let Some(i) = position(i, list.len()) else {
        return Err(error::index_error(t, "list assignment index out of range"));
    };
    match value {
        Some(value) => {
            list.set(i, value.clone());
        }
        None => drop(list.remove(i)),
    }
    Ok(())
}

fn contains(t: &Thread, v: &Value, item: &Value) -> Res<bool> {
    let list = v.expect::<List>();
    let mut i = 0;
    while let Some(x) = list.get(i) {
        if ops::eq(t, &x, item)? {
            return Ok(true);
        }
        i += 1;
        if i % 256 == 0 {
            t.poll()?;
        }
    }
    Ok(false)
}
