//! range_iterator and longrange_iterator.

use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::native::def;
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::int;
use crate::types::iters::{builtin, same};
use crate::types::range::{self, Range};
use crate::value::Value;
use crate::{convert, tuple};
use dashu_int::IBig;
use std::cell::Cell;

/// An iterator over a range of machine words.
#[repr(C)]
pub struct RangeIter {
    pub(crate) header: Header,
    /// The number to come.
    pub next: Cell<i64>,
    /// How many are left.
    pub remaining: Cell<i64>,
    /// Step.
    pub step: Cell<i64>,
}

crate::payload!(RangeIter => RANGE_ITER);

/// An iterator over any other range.
#[repr(C)]
pub struct LongRangeIter {
    header: Header,
    next: Slot,
    remaining: Slot,
    step: Slot,
}

crate::payload!(LongRangeIter => LONG_RANGE_ITER);

/// range_iterator.
pub static RANGE_ITER: TypeDef = TypeDef {
    name: "range_iterator",
    id: ids::RANGE_ITER,
    flags: flag::NO_NEW | flag::ATOMIC,
    slots: Slots { iter: Some(same), next: Some(next), ..Slots::NONE },
    methods: &[
        def("__length_hint__", "($self, /)", length_hint, "Private method returning an estimate of len(list(it))."),
        def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
        def("__setstate__", "($self, object, /)", setstate, "Set state information for unpickling."),
    ],
    ..TypeDef::of::<RangeIter>()
};

/// longrange_iterator.
pub static LONG_RANGE_ITER: TypeDef = TypeDef {
    name: "longrange_iterator",
    id: ids::LONG_RANGE_ITER,
    flags: flag::NO_NEW | flag::ATOMIC,
    slots: Slots { iter: Some(same), next: Some(long_next), ..Slots::NONE },
    methods: &[
        def("__length_hint__", "($self, /)", long_hint, "Private method returning an estimate of len(list(it))."),
        def("__reduce__", "($self, /)", long_reduce, "Return state information for pickling."),
        def("__setstate__", "($self, object, /)", long_setstate, "Set state information for unpickling."),
    ],
    ..TypeDef::of::<LongRangeIter>()
};

/// `iter(r)`.
#[inline]
pub fn new(t: &Thread, r: &Range) -> Res {
    match r.small() {
        Some([start, _, step, n]) => short(t, start, n, step),
        None => long(t, r.start.get(), r.length.get(), r.step.get()),
    }
}

#[inline]
fn short(t: &Thread, start: i64, n: i64, step: i64) -> Res {
    payload::new(t, |header| RangeIter {
        header,
        next: Cell::new(start),
        remaining: Cell::new(n),
        step: Cell::new(step),
    })
}

fn long(t: &Thread, start: Value, n: Value, step: Value) -> Res {
    payload::new(t, |header| LongRangeIter {
        header,
        next: Slot::new(start),
        remaining: Slot::new(n),
        step: Slot::new(step),
    })
}

/// `reversed(r)`.
pub fn reversed(t: &Thread, r: &Range) -> Res {
    if let Some([start, _, step, n]) = r.small() {
        return short(t, start + (n - 1) * step, n, -step);
    }
    let [start, _, step, n] = r.big();
    let last = start + (&n - IBig::ONE) * &step;
    long(t, int::from_big(t, last)?, int::from_big(t, n)?, int::from_big(t, -step)?)
}

#[inline]
fn next(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<RangeIter>();
    let left = it.remaining.get();
    if left <= 0 {
        return Ok(Value::ABSENT);
    }
    let i = it.next.get();
    it.remaining.set(left - 1);
    // A 62-bit number and a 62-bit step: no overflow.
    it.next.set(i + it.step.get());
    convert::from_i64(t, i)
}

fn length_hint(t: &Thread, a: &[Value]) -> Res {
    convert::from_i64(t, a[0].expect::<RangeIter>().remaining.get())
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<RangeIter>();
    let (start, n, step) = (it.next.get(), it.remaining.get(), it.step.get());
    let number = |i| convert::from_i64(t, i);
    let r = range::new(t, number(start)?, number(start + n * step)?, number(step)?)?;
    tuple::from_array(t, [builtin(t, "iter")?, tuple::from_array(t, [r])?, Value::NONE])
}

fn setstate(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<RangeIter>();
    let i = (convert::to_i64(t, &a[1])?).clamp(0, it.remaining.get());
    it.next.set(it.next.get() + i * it.step.get());
    it.remaining.set(it.remaining.get() - i);
    Ok(Value::NONE)
}

impl LongRangeIter {
    fn parts(&self) -> [IBig; 3] {
        [&self.next, &self.remaining, &self.step].map(|s| int::to_big(&s.get()).unwrap_or_default())
    }

    fn skip(&self, t: &Thread, count: IBig) -> Res<()> {
        let [next, remaining, step] = self.parts();
        self.next.set(&self.header, int::from_big(t, next + &count * step)?);
        self.remaining.set(&self.header, int::from_big(t, remaining - count)?);
        Ok(())
    }
}

fn long_next(t: &Thread, v: &Value) -> Res {
    let it = v.expect::<LongRangeIter>();
    if it.remaining.get().as_small() == Some(0) {
        return Ok(Value::ABSENT);
    }
    let i = it.next.get();
    it.skip(t, IBig::ONE)?;
    Ok(i)
}

fn long_hint(_: &Thread, a: &[Value]) -> Res {
    Ok(a[0].expect::<LongRangeIter>().remaining.get())
}

fn long_reduce(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<LongRangeIter>();
    let [next, remaining, step] = it.parts();
    let stop = int::from_big(t, next + remaining * step)?;
    let r = range::new(t, it.next.get(), stop, it.step.get())?;
    tuple::from_array(t, [builtin(t, "iter")?, tuple::from_array(t, [r])?, Value::NONE])
}

fn long_setstate(t: &Thread, a: &[Value]) -> Res {
    let it = a[0].expect::<LongRangeIter>();
    if !int::is_int(&a[1]) {
        let name = crate::ty::type_of(&a[1]).name();
        return Err(crate::error::type_error(t, format_args!("state must be an int, not {name}")));
    }
    let state = int::to_big(&a[1]).unwrap_or_default();
    let [_, remaining, _] = it.parts();
    it.skip(t, state.max(IBig::ZERO).min(remaining))?;
    Ok(Value::NONE)
}
