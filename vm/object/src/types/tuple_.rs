//! tuple: methods and slots.

use crate::args::Args;
use crate::error::{self, Res};
use crate::ids;
use crate::list::List;
use crate::native::def;
use crate::ops::{self, CompareOp};
use crate::slots::Slots;
use crate::strs::{self, Str, StrBuilder};
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeDef, TypeObject, flag, type_of};
use crate::types::iters::{class_getitem, own_init};
use crate::types::list_::bound;
use crate::types::slice::{self, Key, position};
use crate::types::tuple_iter;
use crate::value::Value;
use crate::{convert, process};

pub use crate::types::tuple_iter::TupleIter;

/// tuple.
pub static TUPLE: TypeDef = TypeDef {
    name: "tuple",
    doc: "Built-in immutable sequence.\n\nIf no argument is given, the constructor returns an empty tuple.\nIf iterable is specified the tuple is initialized from iterable's items.\n\nIf the argument is a tuple, the return value is the same object.",
    signature: "(iterable=(), /)",
    id: ids::TUPLE,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::TUPLE | flag::SEQUENCE,
    slots: Slots {
        new: Some(construct),
        repr: Some(repr),
        hash: Some(hash),
        compare: Some(compare),
        iter: Some(tuple_iter::new),
        len: Some(|_, v| Ok(v.expect::<Tuple>().len())),
        getitem: Some(getitem),
        contains: Some(contains),
        concat: Some(concat),
        repeat: Some(repeat),
        ..Slots::NONE
    },
    methods: &[
        def("__getnewargs__", "($self, /)", getnewargs, ""),
        def(
            "index",
            "($self, value, start=0, stop=sys.maxsize, /)",
            index,
            "Return first index of value.\n\nRaises ValueError if the value is not present.",
        ),
        def("count", "($self, value, /)", count, "Return number of occurrences of value."),
        def(
            "__class_getitem__",
            "($type, object, /)",
            class_getitem,
            "Tuples are generic over the types of their contents.\n\nFor example, use ``tuple[int, str]`` for a pair whose first element\nis an int and second element is a string.\n\nTuples also support the form ``tuple[T, ...]`` to indicate\nan arbitrary length tuple of elements of type T.",
        )
        .class(),
    ],
    size_of: Some(Tuple::size_of),
    drop: Tuple::drop_items,
    ..TypeDef::of::<Tuple>()
};

fn items(v: &Value) -> &[Value] {
    v.expect::<Tuple>().items()
}

fn construct(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let exact = class.is(&TUPLE.ty().value());
    let ty = class.downcast::<TypeObject>().unwrap_or(TUPLE.ty());
    if exact || !own_init(class, &TUPLE) {
        args.no_keywords(t, "tuple")?;
    }
    let a = Args::pos(args.positional()).expect_positional(t, "tuple", 0, 1)?;
    let made = match a.first() {
        None => process::empty_tuple().clone(),
        Some(v) if v.exact::<Tuple>().is_some() => v.clone(),
        Some(v) if let Some(list) = v.exact::<List>() => {
            // SAFETY: copying the items runs nothing.
            tuple::new(t, unsafe { list.items() })?
        }
        Some(v) => {
            let collected = ops::collect(t, v)?;
            if exact {
                return tuple::from_vec(t, collected);
            }
            tuple::from_vec(t, collected)?
        }
    };
    if exact {
        return Ok(made);
    }
    let from = items(&made);
    tuple::make(t, ty, from.len(), from.iter().cloned())
}

fn repr(t: &Thread, v: &Value) -> Res {
    let tuple = v.expect::<Tuple>();
    if tuple.is_empty() {
        return strs::new(t, "()");
    }
    let Some(_shown) = t.show(&tuple.header) else { return strs::new(t, "(...)") };
    repr_items(t, tuple.items())
}

fn repr_items(t: &Thread, items: &[Value]) -> Res {
    let mut out = StrBuilder::with_capacity(items.len() * 3);
    out.push_str("(");
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        let text = ops::repr(t, item)?;
        let text = text.expect::<Str>();
        if text.len() > 4096 {
            t.check_alloc(out.len() + text.len())?;
        }
        out.push_value(text);
    }
    out.push_str(if items.len() == 1 { ",)" } else { ")" });
    out.finish(t)
}

#[inline]
fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let tuple = v.expect::<Tuple>();
    if tuple.hash.get() != -1 {
        return Ok(tuple.hash.get());
    }
    let h = tuple::hash_items(t, tuple.items(), true)?;
    tuple.hash.set(h);
    Ok(h)
}

/// Whether a type's instances are compared as tuples are.
#[inline]
pub(crate) fn compares_as_tuple(ty: &TypeObject) -> bool {
    let own: fn(&Thread, &Value, &Value, CompareOp) -> Res = compare;
    ty.slots().compare.is_some_and(|f| std::ptr::fn_addr_eq(f, own))
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.downcast::<Tuple>(), b.downcast::<Tuple>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    for (i, (p, q)) in x.items().iter().zip(y.items()).enumerate() {
        if !ops::eq(t, p, q)? {
            return match op {
                CompareOp::Eq => Ok(Value::FALSE),
                CompareOp::Ne => Ok(Value::TRUE),
                _ => ops::compare(t, p, q, op),
            };
        }
        if i % 256 == 255 {
            t.poll()?;
        }
    }
    Ok(Value::bool(op.holds(x.len().cmp(&y.len()))))
}

#[inline]
fn getitem(t: &Thread, v: &Value, k: &Value) -> Res {
    let row = items(v);
    let i = match k.as_small() {
        Some(i) => i as isize,
        None => match slice::key(t, k, "tuple")? {
            Key::Index(i) => i,
            Key::Slice(s) => {
                let at = s.bounds(t)?.fit(row.len());
                if at.count == row.len() && at.step == 1 && v.exact::<Tuple>().is_some() {
                    return Ok(v.clone());
                }
                if at.count == 0 {
                    return Ok(process::empty_tuple().clone());
                }
                return tuple::make(t, TUPLE.ty(), at.count, at.iter().map(|i| row[i].clone()));
            }
        },
    };
    match position(i, row.len()) {
        Some(i) => Ok(row[i].clone()),
        None => Err(error::index_error(t, "tuple index out of range")),
    }
}

fn contains(t: &Thread, v: &Value, item: &Value) -> Res<bool> {
    Ok(find(t, items(v), item, 0, usize::MAX)?.is_some())
}

fn find(t: &Thread, row: &[Value], item: &Value, from: usize, to: usize) -> Res<Option<usize>> {
    for (i, x) in row.iter().enumerate().take(to).skip(from) {
        if ops::eq(t, x, item)? {
            return Ok(Some(i));
        }
        if i % 256 == 255 {
            t.poll()?;
        }
    }
    Ok(None)
}

fn concat(t: &Thread, a: &Value, b: &Value) -> Res {
    let Some(y) = b.downcast::<Tuple>() else {
        let name = type_of(b).name();
        return Err(error::type_error(t, format_args!("can only concatenate tuple (not \"{name}\") to tuple")));
    };
    if items(a).is_empty() && b.exact::<Tuple>().is_some() {
        return Ok(b.clone());
    }
    if y.is_empty() && a.exact::<Tuple>().is_some() {
        return Ok(a.clone());
    }
    let len = items(a).len() + y.len();
    if len == 0 {
        return Ok(process::empty_tuple().clone());
    }
    tuple::make(t, TUPLE.ty(), len, items(a).iter().chain(y.items()).cloned())
}

fn repeat(t: &Thread, v: &Value, n: isize) -> Res {
    let row = items(v);
    if (row.is_empty() || n == 1) && v.exact::<Tuple>().is_some() {
        return Ok(v.clone());
    }
    if row.is_empty() || n <= 0 {
        return Ok(process::empty_tuple().clone());
    }
    let Some(len) = row.len().checked_mul(n as usize).filter(|n| *n <= isize::MAX as usize / 16) else {
        return Err(t.memory_error());
    };
    t.check_alloc(len * 8)?;
    tuple::make(t, TUPLE.ty(), len, row.iter().cycle().cloned())
}

fn getnewargs(t: &Thread, a: &[Value]) -> Res {
    let copy = tuple::new(t, items(&a[0]))?;
    tuple::from_array(t, [copy])
}

fn index(t: &Thread, a: &[Value]) -> Res {
    let row = items(&a[0]);
    let (from, to) = (bound(t, &a[2], row.len(), 0)?, bound(t, &a[3], row.len(), usize::MAX)?);
    match find(t, row, &a[1], from, to)? {
        Some(i) => Ok(convert::from_usize(i)),
        None => Err(error::value_error(t, "tuple.index(x): x not in tuple")),
    }
}

fn count(t: &Thread, a: &[Value]) -> Res {
    let mut n = 0;
    for (i, item) in items(&a[0]).iter().enumerate() {
        n += usize::from(ops::eq(t, item, &a[1])?);
        if i % 256 == 255 {
            t.poll()?;
        }
    }
    Ok(convert::from_usize(n))
}
