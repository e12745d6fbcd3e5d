//! enumerate.

use crate::args::Args;
use crate::convert;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::native::def;
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, flag};
use crate::types::int;
use crate::types::iters::{class_getitem, next_of, same};
use crate::value::Value;

/// An enumerate object.
#[repr(C)]
pub struct Enumerate {
    header: Header,
    /// The iterator.
    pub it: Slot,
    /// The count to come, an exact int.
    pub count: Slot,
}

crate::payload!(Enumerate => ENUMERATE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.it.peek() });
    }
});

/// enumerate.
pub static ENUMERATE: TypeDef = TypeDef {
    name: "enumerate",
    doc: "Return an enumerate object.\n\n  iterable\n    an object supporting iteration\n\nThe enumerate object yields pairs containing a count (from start, which\ndefaults to zero) and a value yielded by the iterable argument.\n\nenumerate is useful for obtaining an indexed list:\n    (0, seq[0]), (1, seq[1]), (2, seq[2]), ...",
    signature: "(iterable, start=0)",
    id: ids::ENUMERATE,
    flags: flag::BASETYPE,
    slots: Slots { new: Some(construct), iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[
        def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
        def(
            "__class_getitem__",
            "($type, object, /)",
            class_getitem,
            "'enumerate' objects are generic over the type of their values",
        )
        .class(),
    ],
    ..TypeDef::of::<Enumerate>()
};

fn construct(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let given = args.values.len();
    if given > 2 {
        return Err(error::type_error(t, format_args!("enumerate() takes at most 2 arguments ({given} given)")));
    }
    let positional = args.positional();
    let (mut iterable, mut start) = (positional.first(), positional.get(1));
    for (key, value) in args.keywords() {
        let slot = if strs::eq_str(key, "iterable") && iterable.is_none() {
            &mut iterable
        } else if strs::eq_str(key, "start") && start.is_none() && (given == 2) {
            &mut start
        } else {
            let key = strs::display(key);
            return Err(error::type_error(t, format_args!("'{key}' is an invalid keyword argument for enumerate()")));
        };
        *slot = Some(value);
    }
    let Some(iterable) = iterable else {
        return Err(error::type_error(t, "enumerate() missing required argument 'iterable'"));
    };
    let count = match start {
        Some(start) => int::exact(t, &convert::to_index(t, start)?)?,
        None => Value::small(0),
    };
    let it = ops::iter(t, iterable)?;
    payload::new_for(t, class, |header| Enumerate { header, it: Slot::new(it), count: Slot::new(count) })
}

fn next(t: &Thread, v: &Value) -> Res {
    match step(t, v)? {
        Some((count, item)) => tuple::from_array(t, [count, item]),
        None => Ok(Value::ABSENT),
    }
}

/// The next count and item of an enumerate object.
#[inline]
pub fn step(t: &Thread, v: &Value) -> Res<Option<(Value, Value)>> {
    let this = v.expect::<Enumerate>();
    // SAFETY: the iterator is never replaced, and the caller's object keeps it alive.
    let item = next_of(t, unsafe { this.it.peek() })?;
    if item.is_absent() {
        return Ok(None);
    }
    let count = this.count.get();
    let following = match count.as_small() {
        Some(i) => convert::from_i64(t, i + 1)?,
        None => int::add(t, &count, &Value::small(1))?,
    };
    this.count.set(&this.header, following);
    Ok(Some((count, item)))
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Enumerate>();
    let args = tuple::from_array(t, [this.it.get(), this.count.get()])?;
    tuple::from_array(t, [crate::ty::type_of(&a[0]).value(), args])
}
