//! zip.

use crate::args::{ArgBuffer, Args};
use crate::error::{self, Exc, Res};
use crate::header::Header;
use crate::ids;
use crate::native::def;
use crate::ops;
use crate::payload;
use crate::process;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs;
use crate::suggest;
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeDef, flag, type_of};
use crate::types::iters::{next_of, same};
use crate::value::Value;
use std::cell::Cell;

/// A zip object.
#[repr(C)]
pub struct Zip {
    header: Header,
    iterators: Slot,
    strict: Cell<bool>,
    /// An iterator has run out: the rest stays where it is.
    done: Cell<bool>,
}

impl Zip {
    /// What it steps through, a tuple.
    pub fn iterators(&self) -> Value {
        self.iterators.get()
    }
}

crate::payload!(Zip => ZIP {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.iterators.peek() });
    }
});

impl Zip {
    /// Where the tuple of its iterators lies, for machine code: it is never replaced.
    pub const ITERATORS: usize = std::mem::offset_of!(Self, iterators);
}

/// zip.
pub static ZIP: TypeDef = TypeDef {
    name: "zip",
    doc: "The zip object yields n-length tuples, where n is the number of\niterables passed as positional arguments to zip().  The i-th element\nin every tuple comes from the i-th iterable argument to zip().  This\ncontinues until the shortest argument is exhausted.\n\nIf strict is true and one of the arguments is exhausted before the\nothers, raise a ValueError.\n\n   >>> list(zip('abcdefg', range(3), range(4)))\n   [('a', 0, 0), ('b', 1, 1), ('c', 2, 2)]",
    signature: "(*iterables, strict=False)",
    id: ids::ZIP,
    flags: flag::BASETYPE,
    slots: Slots { new: Some(construct), iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[
        def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
        def("__setstate__", "($self, object, /)", setstate, "Set state information for unpickling."),
    ],
    ..TypeDef::of::<Zip>()
};

/// Reads the keyword argument `strict` of zip and map.
pub(super) fn strict_of(t: &Thread, args: Args<'_>, function: &str) -> Res<bool> {
    let mut strict = false;
    if args.names.len() > 1 {
        let n = args.names.len();
        return Err(error::type_error(t, format_args!("{function}() takes at most 1 keyword argument ({n} given)")));
    }
    for (key, value) in args.keywords() {
        if !strs::eq_str(key, "strict") {
            return Err(suggest::unexpected_keyword(t, function, key, ["strict"].into_iter()));
        }
        strict = ops::truth(t, value)?;
    }
    Ok(strict)
}

/// The iterators over the arguments, as a tuple.
pub(super) fn iterators_of(t: &Thread, iterables: &[Value]) -> Res {
    let mut out = Vec::with_capacity(iterables.len());
    for iterable in iterables {
        out.push(ops::iter(t, iterable)?);
    }
    tuple::from_vec(t, out)
}

fn construct(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let strict = strict_of(t, args, "zip")?;
    let iterators = iterators_of(t, args.positional())?;
    payload::new_for(t, class, |header| Zip {
        header,
        done: Cell::new(iterators.is(process::empty_tuple())),
        iterators: Slot::new(iterators),
        strict: Cell::new(strict),
    })
}

/// The next two items of a zip object; the outer `None` if it is not over exactly two iterators.
#[inline]
pub fn step(t: &Thread, v: &Value) -> Res<Option<Option<(Value, Value)>>> {
    let this = v.expect::<Zip>();
    // SAFETY: the iterators are never replaced, and the caller's object keeps them alive.
    let [a, b] = unsafe { this.iterators.peek() }.expect::<Tuple>().items() else { return Ok(None) };
    let first = next_of(t, a)?;
    if first.is_absent() {
        finish(t, this.strict.get(), &[a.clone(), b.clone()], 0, "zip")?;
        return Ok(Some(None));
    }
    let second = next_of(t, b)?;
    if second.is_absent() {
        finish(t, this.strict.get(), &[a.clone(), b.clone()], 1, "zip")?;
        return Ok(Some(None));
    }
    Ok(Some(Some((first, second))))
}

fn next(t: &Thread, v: &Value) -> Res {
    match step(t, v)? {
        Some(Some((first, second))) => tuple::from_array(t, [first, second]),
        Some(None) => Ok(Value::ABSENT),
        None => next_row(t, v),
    }
}

fn next_row(t: &Thread, v: &Value) -> Res {
    let this = v.expect::<Zip>();
    let iterators = this.iterators.get();
    let its = iterators.expect::<Tuple>().items();
    if this.done.get() && its.is_empty() {
        return Ok(Value::ABSENT);
    }
    let mut row = ArgBuffer::new();
    for (i, it) in its.iter().enumerate() {
        let item = next_of(t, it)?;
        if item.is_absent() {
            return finish(t, this.strict.get(), its, i, "zip");
        }
        row.push(item);
    }
    tuple::make(t, tuple_type(), row.len(), row.into_iter())
}

fn tuple_type() -> &'static crate::ty::TypeObject {
    crate::types::tuple_::TUPLE.ty()
}

/// Iterator `at` has run out: the end, or for a strict one an error unless all have.
#[cold]
pub(super) fn finish(t: &Thread, strict: bool, its: &[Value], at: usize, function: &str) -> Res {
    if !strict {
        return Ok(Value::ABSENT);
    }
    if at > 0 {
        return Err(mismatch(t, function, at, "shorter"));
    }
    for (i, it) in its.iter().enumerate().skip(1) {
        if !next_of(t, it)?.is_absent() {
            return Err(mismatch(t, function, i, "longer"));
        }
    }
    Ok(Value::ABSENT)
}

fn mismatch(t: &Thread, function: &str, at: usize, how: &str) -> Exc {
    let others = if at == 1 { " 1".to_string() } else { format!("s 1-{at}") };
    error::value_error(t, format_args!("{function}() argument {} is {how} than argument{others}", at + 1))
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Zip>();
    let class = type_of(&a[0]).value();
    if this.strict.get() {
        return tuple::from_array(t, [class, this.iterators.get(), Value::TRUE]);
    }
    tuple::from_array(t, [class, this.iterators.get()])
}

fn setstate(t: &Thread, a: &[Value]) -> Res {
    a[0].expect::<Zip>().strict.set(ops::truth(t, &a[1])?);
    Ok(Value::NONE)
}
