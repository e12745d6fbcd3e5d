//! reversed.

use crate::args::Args;
use crate::call;
use crate::convert;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::names::n;
use crate::native::def;
use crate::ops;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag, type_of};
use crate::types::exceptions::{INDEX_ERROR, STOP_ITERATION};
use crate::types::iters::{own_init, same};
use crate::value::Value;
use crate::{process, tuple};
use std::cell::Cell;

/// An iterator over a sequence from its end.
#[repr(C)]
pub struct Reversed {
    header: Header,
    /// The sequence, absent once the iterator has run out.
    seq: Slot,
    /// The next position, -1 at the end.
    index: Cell<i64>,
}

crate::payload!(Reversed => REVERSED {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        visit(unsafe { self.seq.peek() });
    }
});

/// reversed.
pub static REVERSED: TypeDef = TypeDef {
    name: "reversed",
    doc: "Return a reverse iterator over the values of the given sequence.",
    signature: "(sequence, /)",
    id: ids::REVERSED,
    flags: flag::BASETYPE,
    slots: Slots { new: Some(construct), iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[
        def("__length_hint__", "($self, /)", hint, "Private method returning an estimate of len(list(it))."),
        def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
        def("__setstate__", "($self, object, /)", setstate, "Set state information for unpickling."),
    ],
    ..TypeDef::of::<Reversed>()
};

fn construct(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    if !own_init(class, &REVERSED) {
        args.no_keywords(t, "reversed")?;
    }
    let seq = &Args::pos(args.positional()).expect_positional(t, "reversed", 1, 1)?[0];
    let no = || error::type_error(t, format_args!("'{}' object is not reversible", type_of(seq).name()));
    if let Some(f) = type_of(seq).lookup(t, n::__reversed__()) {
        return if f.is_none() { Err(no()) } else { call::call_looked_up(t, seq, &f, &[]) };
    }
    if !ops::is_sequence(seq) {
        return Err(no());
    }
    let len = ops::len(t, seq)? as i64;
    payload::new_for(t, class, |header| Reversed { header, seq: Slot::new(seq.clone()), index: Cell::new(len - 1) })
}

fn next(t: &Thread, v: &Value) -> Res {
    let this = v.expect::<Reversed>();
    let (seq, i) = (this.seq.get(), this.index.get());
    if i >= 0 && !seq.is_absent() {
        match ops::getitem(t, &seq, &convert::from_i64(t, i)?) {
            Ok(item) => {
                this.index.set(i - 1);
                return Ok(item);
            }
            Err(e) if e.is(&INDEX_ERROR) || e.is(&STOP_ITERATION) => {}
            Err(e) => return Err(e),
        }
    }
    this.index.set(-1);
    drop(this.seq.take());
    Ok(Value::ABSENT)
}

fn hint(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Reversed>();
    let seq = this.seq.get();
    if seq.is_absent() {
        return Ok(Value::small(0));
    }
    let position = this.index.get() + 1;
    let len = ops::len(t, &seq)? as i64;
    convert::from_i64(t, if len < position { 0 } else { position })
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Reversed>();
    let (class, seq) = (type_of(&a[0]).value(), this.seq.get());
    if seq.is_absent() {
        return tuple::from_array(t, [class, tuple::from_array(t, [process::empty_tuple().clone()])?]);
    }
    let args = tuple::from_array(t, [seq])?;
    tuple::from_array(t, [class, args, convert::from_i64(t, this.index.get())?])
}

fn setstate(t: &Thread, a: &[Value]) -> Res {
    let this = a[0].expect::<Reversed>();
    let i = convert::to_isize(t, &a[1])? as i64;
    let seq = this.seq.get();
    if !seq.is_absent() {
        let len = ops::len(t, &seq)? as i64;
        this.index.set(i.clamp(-1, len - 1));
    }
    Ok(Value::NONE)
}
