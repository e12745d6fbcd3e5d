//! filter.

use crate::args::Args;
use crate::call;
use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::native::def;
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::tuple;
use crate::ty::{TypeDef, flag, type_of};
use crate::types::bool_::BOOL;
use crate::types::iters::{next_of, own_init, same};
use crate::value::Value;

/// A filter object.
#[repr(C)]
pub struct Filter {
    header: Header,
    function: Slot,
    it: Slot,
}

crate::payload!(Filter => FILTER {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.function.peek());
            visit(self.it.peek());
        }
    }
});

/// filter.
pub static FILTER: TypeDef = TypeDef {
    name: "filter",
    doc: "Return an iterator yielding those items of iterable for which\nfunction(item) is true.  If function is None, return the items that\nare true.",
    signature: "(function, iterable, /)",
    id: ids::FILTER,
    flags: flag::BASETYPE,
    slots: Slots { new: Some(construct), iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[def("__reduce__", "($self, /)", reduce, "Return state information for pickling.")],
    ..TypeDef::of::<Filter>()
};

fn construct(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    if !own_init(class, &FILTER) {
        args.no_keywords(t, "filter")?;
    }
    let a = Args::pos(args.positional()).expect_positional(t, "filter", 2, 2)?;
    let it = ops::iter(t, &a[1])?;
    payload::new_for(t, class, |header| Filter { header, function: Slot::new(a[0].clone()), it: Slot::new(it) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let this = v.expect::<Filter>();
    let (function, it) = (this.function.get(), this.it.get());
    let by_truth = function.is_none() || BOOL.ty().with_value(|b| b.is(&function));
    loop {
        let item = next_of(t, &it)?;
        if item.is_absent() {
            return Ok(item);
        }
        let keep = if by_truth { ops::truth(t, &item)? } else { ops::truth(t, &call::call1(t, &function, &item)?)? };
        if keep {
            return Ok(item);
        }
        t.poll()?;
    }
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Filter>();
    let args = tuple::from_array(t, [this.function.get(), this.it.get()])?;
    tuple::from_array(t, [type_of(&a[0]).value(), args])
}
