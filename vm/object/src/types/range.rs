//! range.

use crate::args::Args;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::native::{def, member};
use crate::ops::{self, CompareOp};
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::types::int;
use crate::types::range_iter;
pub use crate::types::range_iter::{LongRangeIter, RangeIter};
use crate::types::slice::{self, Key};
use crate::value::Value;
use crate::{convert, tuple};
use dashu_int::IBig;
use std::mem::offset_of;

/// A range object; its fields are exact ints.
#[repr(C)]
pub struct Range {
    header: Header,
    /// First number.
    pub start: Slot,
    /// Where it ends.
    pub stop: Slot,
    /// Step, not 0.
    pub step: Slot,
    /// How many numbers.
    pub length: Slot,
}

crate::payload!(Range => RANGE);

impl Range {
    /// First number, step and how many numbers, if there are so few of them that nobody need be asked meanwhile.
    pub(crate) fn few(&self) -> Option<(i64, i64, usize)> {
        const MANY: i64 = 4096;
        // Far from the end of the word, so that not even the number behind the last one leaves it.
        const FAR: i64 = 1 << 40;
        let [start, step, length] = [&self.start, &self.step, &self.length].map(|slot| slot.get().as_small());
        let (start, step, length) = (start?, step?, length?);
        let near = start.abs() < FAR && step.abs() < FAR && length <= MANY;
        near.then_some((start, step, length as usize))
    }
}

/// range.
pub static RANGE: TypeDef = TypeDef {
    name: "range",
    doc: "range(stop) -> range object\nrange(start, stop[, step]) -> range object\n\nReturn an object that produces a sequence of integers from start (inclusive)\nto stop (exclusive) by step.  range(i, j) produces i, i+1, i+2, ..., j-1.\nstart defaults to 0, and stop is omitted!  range(4) produces 0, 1, 2, 3.\nThese are exactly the valid indices for a list of 4 elements.\nWhen step is given, it specifies the increment (or decrement).",
    id: ids::RANGE,
    flags: flag::SEQUENCE | flag::ATOMIC,
    slots: Slots {
        new: Some(construct),
        repr: Some(repr),
        hash: Some(hash),
        compare: Some(compare),
        iter: Some(iter),
        bool: Some(|_, v| Ok(!v.expect::<Range>().length.get().is(&Value::small(0)))),
        len: Some(len),
        getitem: Some(getitem),
        contains: Some(contains),
        ..Slots::NONE
    },
    methods: &[
        def("__reversed__", "($self, /)", |t, a| range_iter::reversed(t, a[0].expect()), "Return a reverse iterator."),
        def("__reduce__", "($self, /)", reduce, ""),
        def(
            "count",
            "($self, object, /)",
            count,
            "rangeobject.count(value) -> integer -- return number of occurrences of value",
        ),
        def(
            "index",
            "($self, object, /)",
            index,
            "rangeobject.index(value) -> integer -- return index of value.\nRaise ValueError if the value is not present.",
        ),
    ],
    members: &[
        member("start", offset_of!(Range, start), ""),
        member("stop", offset_of!(Range, stop), ""),
        member("step", offset_of!(Range, step), ""),
    ],
    ..TypeDef::of::<Range>()
};

impl Range {
    /// Start, stop, step and length, if all fit an immediate int.
    #[inline]
    pub fn small(&self) -> Option<[i64; 4]> {
        // SAFETY: the fields never change once the range is made.
        let [a, b, c, n] = unsafe { [&self.start, &self.stop, &self.step, &self.length].map(|s| s.peek().as_small()) };
        Some([a?, b?, c?, n?])
    }

    /// The fields as big integers.
    pub fn big(&self) -> [IBig; 4] {
        [&self.start, &self.stop, &self.step, &self.length].map(|s| int::to_big(&s.get()).unwrap_or_default())
    }
}

/// `range(start, stop, step)` of ints; the step is not 0.
pub fn new(t: &Thread, start: Value, stop: Value, step: Value) -> Res {
    let length = match (start.as_small(), stop.as_small(), step.as_small()) {
        (Some(a), Some(b), Some(c)) => convert::from_i64(t, small_length(a, b, c))?,
        _ => {
            let [a, b, c] = [&start, &stop, &step].map(|v| int::to_big(v).unwrap_or_default());
            int::from_big(t, big_length(&a, &b, &c))?
        }
    };
    payload::new(t, |header| Range {
        header,
        start: Slot::new(start),
        stop: Slot::new(stop),
        step: Slot::new(step),
        length: Slot::new(length),
    })
}

#[inline]
fn small_length(start: i64, stop: i64, step: i64) -> i64 {
    // 62-bit operands: nothing overflows.
    if step > 0 && start < stop {
        (stop - start - 1) / step + 1
    } else if step < 0 && start > stop {
        (start - stop - 1) / -step + 1
    } else {
        0
    }
}

fn big_length(start: &IBig, stop: &IBig, step: &IBig) -> IBig {
    let (span, step) = if *step > IBig::ZERO { (stop - start, step.clone()) } else { (start - stop, -step) };
    if span <= IBig::ZERO { IBig::ZERO } else { (span - IBig::ONE) / step + IBig::ONE }
}

fn construct(t: &Thread, _: &Value, args: Args<'_>) -> Res {
    let a = args.expect_positional(t, "range", 1, 3)?;
    let number = |v: &Value| if v.is_small() { Ok(v.clone()) } else { int::exact(t, &convert::to_index(t, v)?) };
    let (start, stop) = match a {
        [stop] => (Value::small(0), number(stop)?),
        _ => (number(&a[0])?, number(&a[1])?),
    };
    let step = match a.get(2) {
        Some(step) => number(step)?,
        None => Value::small(1),
    };
    if step.as_small() == Some(0) {
        return Err(error::value_error(t, "range() arg 3 must not be zero"));
    }
    new(t, start, stop, step)
}

fn repr(t: &Thread, v: &Value) -> Res {
    let r = v.expect::<Range>();
    let (start, stop, step) = (r.start.get(), r.stop.get(), r.step.get());
    let text = |v: &Value| ops::repr_text(t, v);
    if step.as_small() == Some(1) {
        return strs::new(t, &format!("range({}, {})", text(&start)?, text(&stop)?));
    }
    strs::new(t, &format!("range({}, {}, {})", text(&start)?, text(&stop)?, text(&step)?))
}

/// Equal ranges hash equally: by length, then start, then step, where they matter.
fn hash(t: &Thread, v: &Value) -> Res<i64> {
    tuple::hash_items(t, &key(v.expect()), true)
}

fn key(r: &Range) -> [Value; 3] {
    let length = r.length.get();
    match length.as_small() {
        Some(0) => [length, Value::NONE, Value::NONE],
        Some(1) => [length, r.start.get(), Value::NONE],
        _ => [length, r.start.get(), r.step.get()],
    }
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let (Some(x), Some(y)) = (a.exact::<Range>(), b.exact::<Range>()) else { return Ok(Value::NOT_IMPLEMENTED) };
    if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let mut equal = true;
    for (p, q) in key(x).iter().zip(&key(y)) {
        equal = equal && ops::eq(t, p, q)?;
    }
    Ok(Value::bool(equal == (op == CompareOp::Eq)))
}

#[inline]
fn iter(t: &Thread, v: &Value) -> Res {
    range_iter::new(t, v.expect())
}

fn len(t: &Thread, v: &Value) -> Res<usize> {
    match int::to_i64(&v.expect::<Range>().length.get()) {
        Some(n) => Ok(n as usize),
        None => Err(error::overflow_error(t, "Python int too large to convert to C ssize_t")),
    }
}

fn getitem(t: &Thread, v: &Value, k: &Value) -> Res {
    let r = v.expect::<Range>();
    if let (Some(i), Some([start, _, step, n])) = (k.as_small(), r.small()) {
        let i = if i < 0 { i + n } else { i };
        if i < 0 || i >= n {
            return Err(error::index_error(t, "range object index out of range"));
        }
        return convert::from_i64(t, start + i * step);
    }
    if let Some(s) = k.exact::<slice::Slice>() {
        return subrange(t, r, k, s);
    }
    if !int::is_int(k) {
        // Raises for anything that is no index.
        match slice::key(t, k, "range") {
            Ok(Key::Index(_)) => {}
            Ok(Key::Slice(s)) => return subrange(t, r, k, s),
            Err(e) if e.is(&crate::types::exceptions::INDEX_ERROR) => {}
            Err(e) => return Err(e),
        }
    }
    let [start, _, step, n] = r.big();
    let i = int::to_big(&convert::to_index(t, k)?).unwrap_or_default();
    let i = if i < IBig::ZERO { i + &n } else { i };
    if i < IBig::ZERO || i >= n {
        return Err(error::index_error(t, "range object index out of range"));
    }
    int::from_big(t, start + i * step)
}

fn subrange(t: &Thread, r: &Range, k: &Value, parts: &slice::Slice) -> Res {
    if let Some([start, stop, step]) = small_subrange(r, parts) {
        return new(t, convert::from_i64(t, start)?, convert::from_i64(t, stop)?, convert::from_i64(t, step)?);
    }
    let [start, _, step, n] = r.big();
    let [from, to, by] = slice::long_indices(t, k, &n)?;
    let at = |i: &IBig| int::from_big(t, &start + i * &step);
    new(t, at(&from)?, at(&to)?, int::from_big(t, by * &step)?)
}

/// The same if all of it is numbers in words, and none of what comes of them is near the end of 64 bits.
fn small_subrange(r: &Range, parts: &slice::Slice) -> Option<[i64; 3]> {
    let [start, _, step, n] = r.small()?;
    let fitted = parts.words()?.fit(usize::try_from(n).ok()?);
    let at = |i: isize| start.checked_add(step.checked_mul(i as i64)?);
    Some([at(fitted.start)?, at(fitted.stop)?, step.checked_mul(fitted.step as i64)?])
}

/// Whether an exact int or bool is one of the numbers.
fn has(r: &Range, v: &Value) -> bool {
    let plain = if v.is_bool() { Value::small(i64::from(v.is_true())) } else { v.clone() };
    if let (Some(i), Some([start, stop, step, _])) = (plain.as_small(), r.small()) {
        let inside = if step > 0 { start <= i && i < stop } else { stop < i && i <= start };
        return inside && (i - start) % step == 0;
    }
    let i = int::to_big(v).unwrap_or_default();
    let [start, stop, step, _] = r.big();
    let inside = if step > IBig::ZERO { start <= i && i < stop } else { stop < i && i <= start };
    inside && (i - start) % step == IBig::ZERO
}

fn is_plain_int(v: &Value) -> bool {
    v.is_small() || v.is_bool() || v.exact::<int::Long>().is_some()
}

fn contains(t: &Thread, v: &Value, item: &Value) -> Res<bool> {
    if is_plain_int(item) {
        return Ok(has(v.expect(), item));
    }
    let it = iter(t, v)?;
    while let Some(x) = ops::next(t, &it)? {
        t.poll()?;
        if ops::eq(t, &x, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let r = a[0].expect::<Range>();
    let args = tuple::from_array(t, [r.start.get(), r.stop.get(), r.step.get()])?;
    tuple::from_array(t, [RANGE.ty().value(), args])
}

fn count(t: &Thread, a: &[Value]) -> Res {
    if is_plain_int(&a[1]) {
        return Ok(Value::small(i64::from(has(a[0].expect(), &a[1]))));
    }
    let (it, mut n) = (iter(t, &a[0])?, 0);
    while let Some(x) = ops::next(t, &it)? {
        t.poll()?;
        n += i64::from(ops::eq(t, &x, &a[1])?);
    }
    Ok(Value::small(n))
}

fn index(t: &Thread, a: &[Value]) -> Res {
    let r = a[0].expect::<Range>();
    if is_plain_int(&a[1]) {
        if !has(r, &a[1]) {
            return Err(error::value_error(t, "range.index(x): x not in range"));
        }
        let [start, _, step, _] = r.big();
        return int::from_big(t, (int::to_big(&a[1]).unwrap_or_default() - start) / step);
    }
    let (it, mut i) = (iter(t, &a[0])?, 0);
    while let Some(x) = ops::next(t, &it)? {
        t.poll()?;
        if ops::eq(t, &x, &a[1])? {
            return Ok(Value::small(i));
        }
        i += 1;
    }
    Err(error::value_error(t, "sequence.index(x): x not in sequence"))
}
