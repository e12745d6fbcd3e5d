//! map.

use crate::args::{ArgBuffer, Args};
use crate::call;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::native::def;
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::tuple::{self, Tuple};
use crate::ty::{TypeDef, flag, type_of};
use crate::types::iters::{next_of, same};
use crate::types::zip::{finish, iterators_of, strict_of};
use crate::value::Value;
use std::cell::Cell;

/// A map object.
#[repr(C)]
pub struct Map {
    header: Header,
    function: Slot,
    iterators: Slot,
    strict: Cell<bool>,
}

crate::payload!(Map => MAP {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.function.peek());
            visit(self.iterators.peek());
        }
    }
});

/// map.
pub static MAP: TypeDef = TypeDef {
    name: "map",
    doc: "Make an iterator that computes the function using arguments from\neach of the iterables.  Stops when the shortest iterable is exhausted.\n\nIf strict is true and one of the arguments is exhausted before the\nothers, raise a ValueError.",
    signature: "(function, iterable, /, *iterables, strict=False)",
    id: ids::MAP,
    flags: flag::BASETYPE,
    slots: Slots { new: Some(construct), iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[
        def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
        def("__setstate__", "($self, object, /)", setstate, "Set state information for unpickling."),
    ],
    ..TypeDef::of::<Map>()
};

fn construct(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let strict = strict_of(t, args, "map")?;
    let [function, iterables @ ..] = args.positional() else { return Err(too_few(t)) };
    if iterables.is_empty() {
        return Err(too_few(t));
    }
    let iterators = iterators_of(t, iterables)?;
    payload::new_for(t, class, |header| Map {
        header,
        function: Slot::new(function.clone()),
        iterators: Slot::new(iterators),
        strict: Cell::new(strict),
    })
}

fn too_few(t: &Thread) -> error::Exc {
    error::type_error(t, "map() must have at least two arguments.")
}

#[inline]
fn next(t: &Thread, v: &Value) -> Res {
    let this = v.expect::<Map>();
    let (function, iterators) = (this.function.get(), this.iterators.get());
    let its = iterators.expect::<Tuple>().items();
    if let [it] = its {
        let item = next_of(t, it)?;
        return if item.is_absent() { Ok(item) } else { call::call1(t, &function, &item) };
    }
    let mut row = ArgBuffer::new();
    for (i, it) in its.iter().enumerate() {
        let item = next_of(t, it)?;
        if item.is_absent() {
            return finish(t, this.strict.get(), its, i, "map");
        }
        row.push(item);
    }
    call::call(t, &function, &row)
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Map>();
    let mut args = vec![this.function.get()];
    args.extend(this.iterators.get().expect::<Tuple>().items().iter().cloned());
    let (class, args) = (type_of(&a[0]).value(), tuple::from_vec(t, args)?);
    if this.strict.get() {
        return tuple::from_array(t, [class, args, Value::TRUE]);
    }
    tuple::from_array(t, [class, args])
}

fn setstate(t: &Thread, a: &[Value]) -> Res {
    a[0].expect::<Map>().strict.set(ops::truth(t, &a[1])?);
    Ok(Value::NONE)
}
