//! slice, and what subscripts mean for sequences.

use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::native::{def, member};
use crate::ops::{self, CompareOp};
use crate::payload;
use crate::slots::Slots;
use crate::store::Slot;
use crate::strs::{self, StrBuilder};
use crate::thread::Thread;
use crate::ty::{TypeDef, type_of};
use crate::types::int;
use crate::value::Value;
use crate::{convert, tuple};
use dashu_int::IBig;
use std::mem::offset_of;

/// A slice object.
#[repr(C)]
pub struct Slice {
    pub(crate) header: Header,
    /// First index, or None.
    pub start: Slot,
    /// The index behind the last, or None.
    pub stop: Slot,
    /// Step, or None.
    pub step: Slot,
}

crate::payload!(Slice => SLICE {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        for slot in [&self.start, &self.stop, &self.step] {
            // SAFETY: the collector's visitor stores nothing.
            visit(unsafe { slot.peek() });
        }
    }
});

/// slice.
pub static SLICE: TypeDef = TypeDef {
    name: "slice",
    doc: "slice(stop)\nslice(start, stop[, step])\n\nCreate a slice object.\n\nThis is used for extended slicing (e.g. a[0:10:2]).",
    id: ids::SLICE,
    slots: Slots { new: Some(construct), repr: Some(repr), hash: Some(hash), compare: Some(compare), ..Slots::NONE },
    methods: &[
        def(
            "indices",
            "($self, object, /)",
            indices,
            "S.indices(len) -> (start, stop, stride)\n\nAssuming a sequence of length len, calculate the start and stop\nindices, and the stride length of the extended slice described by\nS. Out of bounds indices are clipped in a manner consistent with the\nhandling of normal slices.",
        ),
        def("__reduce__", "($self, /)", reduce, "Return state information for pickling."),
    ],
    members: &[
        member("start", offset_of!(Slice, start), ""),
        member("stop", offset_of!(Slice, stop), ""),
        member("step", offset_of!(Slice, step), ""),
    ],
    ..TypeDef::of::<Slice>()
};

/// `slice(start, stop, step)`.
pub fn new(t: &Thread, start: Value, stop: Value, step: Value) -> Res {
    payload::new(t, |header| Slice { header, start: Slot::new(start), stop: Slot::new(stop), step: Slot::new(step) })
}

/// A slice's numbers before a length is known; out of range values saturate.
#[derive(Clone, Copy)]
pub struct Bounds {
    start: isize,
    stop: isize,
    step: isize,
}

/// The indices a slice selects from a sequence of a known length.
#[derive(Clone, Copy, Debug)]
pub struct Indices {
    /// First index.
    pub start: isize,
    /// Index at which to stop.
    pub stop: isize,
    /// Step, not 0.
    pub step: isize,
    /// How many.
    pub count: usize,
}

impl Slice {
    /// Reads the numbers; may run `__index__`, so the sequence's length is looked at afterwards.
    pub fn bounds(&self, t: &Thread) -> Res<Bounds> {
        let step = match number(t, part(&self.step))? {
            Some(0) => return Err(error::value_error(t, "slice step cannot be zero")),
            Some(step) => step.max(-isize::MAX),
            None => 1,
        };
        let start = number(t, part(&self.start))?.unwrap_or(if step < 0 { isize::MAX } else { 0 });
        let stop = number(t, part(&self.stop))?.unwrap_or(if step < 0 { isize::MIN } else { isize::MAX });
        Ok(Bounds { start, stop, step })
    }

    /// The same if they are numbers in words, or None: then nothing is asked.
    pub(crate) fn words(&self) -> Option<Bounds> {
        Bounds::of_words(part(&self.start), part(&self.stop), part(&self.step))
    }
}

impl Bounds {
    /// Those of a slice whose parts are numbers in words, or None; `None` for anything else, or a step of zero.
    pub fn of_words(start: &Value, stop: &Value, step: &Value) -> Option<Self> {
        let number = |v: &Value, default: isize| match v.is_none() {
            true => Some(default),
            false => isize::try_from(v.as_small()?).ok(),
        };
        let step = number(step, 1).filter(|step| *step != 0)?;
        let start = number(start, if step < 0 { isize::MAX } else { 0 })?;
        let stop = number(stop, if step < 0 { isize::MIN } else { isize::MAX })?;
        Some(Self { start, stop, step })
    }

    /// Fits the numbers to a length.
    pub fn fit(self, len: usize) -> Indices {
        let n = len as isize;
        let (low, high) = if self.step < 0 { (-1, n - 1) } else { (0, n) };
        let clip = |i: isize| if i < 0 { (i.saturating_add(n)).max(low) } else { i.min(high) };
        let (start, stop, step) = (clip(self.start), clip(self.stop), self.step);
        let count = if step < 0 {
            if stop < start { (start - stop - 1) as usize / step.unsigned_abs() + 1 } else { 0 }
        } else if start < stop {
            (stop - start - 1) as usize / step as usize + 1
        } else {
            0
        };
        Indices { start, stop, step, count }
    }
}

impl Indices {
    /// Every selected index, in order.
    pub fn iter(self) -> impl DoubleEndedIterator<Item = usize> + ExactSizeIterator {
        (0..self.count).map(move |k| (self.start + k as isize * self.step) as usize)
    }
}

fn part(slot: &Slot) -> &Value {
    // SAFETY: a slice's parts never change, and it lives as long as the borrow.
    unsafe { slot.peek() }
}

fn number(t: &Thread, v: &Value) -> Res<Option<isize>> {
    if v.is_none() {
        return Ok(None);
    }
    if let Some(i) = v.as_small() {
        return Ok(Some(i as isize));
    }
    index(t, v).and_then(|i| convert::to_index_clamped(t, &i)).map(Some)
}

/// A bound of `index()`: an int, saturated.
pub fn index_bound(t: &Thread, v: &Value) -> Res<isize> {
    if let Some(i) = v.as_small() {
        return Ok(i as isize);
    }
    if !int::is_int(v) && type_of(v).slots().index.is_none() {
        return Err(error::type_error(t, "slice indices must be integers or have an __index__ method"));
    }
    convert::to_index_clamped(t, v)
}

fn index(t: &Thread, v: &Value) -> Res {
    if !int::is_int(v) && type_of(v).slots().index.is_none() {
        return Err(error::type_error(t, "slice indices must be integers or None or have an __index__ method"));
    }
    convert::to_index(t, v)
}

/// What a subscript selects.
pub enum Key<'a> {
    /// One item: the index as given, negative ones counting from the end.
    Index(isize),
    /// Items of a slice.
    Slice(&'a Slice),
}

/// Reads a subscript of a sequence; `what` names the type in the TypeError ("list").
#[inline]
pub fn key<'a>(t: &Thread, v: &'a Value, what: &str) -> Res<Key<'a>> {
    if let Some(i) = v.as_small() {
        return Ok(Key::Index(i as isize));
    }
    if let Some(s) = v.exact::<Slice>() {
        return Ok(Key::Slice(s));
    }
    if int::is_int(v) || type_of(v).slots().index.is_some() {
        return convert::to_index_checked(t, v).map(Key::Index);
    }
    Err(error::type_error(t, format_args!("{what} indices must be integers or slices, not {}", type_of(v).name())))
}

/// The position of index `i` in a sequence of `len` items, if there is one.
#[inline(always)]
pub fn position(i: isize, len: usize) -> Option<usize> {
    let i = if i < 0 { i + len as isize } else { i };
    if i >= 0 && (i as usize) < len { Some(i as usize) } else { None }
}

fn construct(t: &Thread, _: &Value, args: crate::args::Args<'_>) -> Res {
    let a = args.expect_positional(t, "slice", 1, 3)?;
    match a {
        [stop] => new(t, Value::NONE, stop.clone(), Value::NONE),
        [start, stop] => new(t, start.clone(), stop.clone(), Value::NONE),
        _ => new(t, a[0].clone(), a[1].clone(), a[2].clone()),
    }
}

fn fields(v: &Value) -> [Value; 3] {
    let s = v.expect::<Slice>();
    [s.start.get(), s.stop.get(), s.step.get()]
}

fn repr(t: &Thread, v: &Value) -> Res {
    let mut out = StrBuilder::new();
    out.push_str("slice(");
    for (i, field) in fields(v).iter().enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        out.push_value(ops::repr(t, field)?.expect::<strs::Str>());
    }
    out.push_str(")");
    out.finish(t)
}

fn hash(t: &Thread, v: &Value) -> Res<i64> {
    tuple::hash_items(t, &fields(v), false)
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    if b.exact::<Slice>().is_none() {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    if a.is(b) {
        return Ok(Value::bool(op.holds(std::cmp::Ordering::Equal)));
    }
    ops::compare(t, &tuple::new(t, &fields(a))?, &tuple::new(t, &fields(b))?, op)
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    tuple::from_array(t, [SLICE.ty().value(), tuple::new(t, &fields(&a[0]))?])
}

/// `slice.indices(length)`, for lengths of any size.
fn indices(t: &Thread, a: &[Value]) -> Res {
    let length = int::to_big(&convert::to_index(t, &a[1])?).unwrap_or_default();
    if length < IBig::ZERO {
        return Err(error::value_error(t, "length should not be negative"));
    }
    let [start, stop, step] = long_indices(t, &a[0], &length)?;
    tuple::from_array(t, [int::from_big(t, start)?, int::from_big(t, stop)?, int::from_big(t, step)?])
}

/// Start, stop and step fitted to a length of any size.
pub fn long_indices(t: &Thread, v: &Value, length: &IBig) -> Res<[IBig; 3]> {
    let [start, stop, step] = fields(v);
    let big = |v: &Value| -> Res<IBig> { Ok(int::to_big(&index(t, v)?).unwrap_or_default()) };
    let step = if step.is_none() { IBig::ONE } else { big(&step)? };
    if step == IBig::ZERO {
        return Err(error::value_error(t, "slice step cannot be zero"));
    }
    let down = step < IBig::ZERO;
    let (low, high) = if down { (IBig::NEG_ONE, length - IBig::ONE) } else { (IBig::ZERO, length.clone()) };
    let clip = |v: &Value, default: &IBig| -> Res<IBig> {
        if v.is_none() {
            return Ok(default.clone());
        }
        let i = big(v)?;
        Ok(if i < IBig::ZERO { (i + length).max(low.clone()) } else { i.min(high.clone()) })
    };
    let start = clip(&start, if down { &high } else { &low })?;
    let stop = clip(&stop, if down { &low } else { &high })?;
    Ok([start, stop, step])
}
