//! Operators: what `+`, `==`, `hash()`, `len()`, `iter()` and the rest do with any two values.

use crate::attr;
use crate::call;
use crate::error::{self, Exc, Res};
use crate::guarded;
use crate::list::List;
use crate::names::n;
use crate::strs::Str;
use crate::thread::Thread;
use crate::tuple::Tuple;
use crate::ty::{TypeObject, flag, type_of};
use crate::types;
use crate::value::Value;

mod at_once;
mod binary;
mod quick;
mod text;

pub(crate) use at_once::items as at_once;
pub use binary::*;
pub use text::{format, repr, repr_text, str};

/// A rich comparison.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
#[expect(missing_docs, reason = "named as the operators")]
pub enum CompareOp {
    Lt,
    Le,
    Eq,
    Ne,
    Gt,
    Ge,
}

impl CompareOp {
    /// Every operator, by number (CPython's `Py_LT` order).
    pub const ALL: [Self; 6] = [Self::Lt, Self::Le, Self::Eq, Self::Ne, Self::Gt, Self::Ge];

    /// The operator with its operands exchanged.
    pub fn swapped(self) -> Self {
        match self {
            Self::Lt => Self::Gt,
            Self::Le => Self::Ge,
            Self::Gt => Self::Lt,
            Self::Ge => Self::Le,
            op => op,
        }
    }

    /// Its sign.
    pub fn text(self) -> &'static str {
        ["<", "<=", "==", "!=", ">", ">="][self as usize]
    }

    /// Its method's name.
    pub fn dunder(self) -> &'static Value {
        match self {
            Self::Lt => n::__lt__(),
            Self::Le => n::__le__(),
            Self::Eq => n::__eq__(),
            Self::Ne => n::__ne__(),
            Self::Gt => n::__gt__(),
            Self::Ge => n::__ge__(),
        }
    }

    /// What it says of an ordering.
    #[inline(always)]
    pub fn holds(self, o: std::cmp::Ordering) -> bool {
        match self {
            Self::Lt => o.is_lt(),
            Self::Le => o.is_le(),
            Self::Eq => o.is_eq(),
            Self::Ne => o.is_ne(),
            Self::Gt => o.is_gt(),
            Self::Ge => o.is_ge(),
        }
    }
}

/// `pow(a, b, c)`; `c` is None for `a ** b`. `inplace` for `a **= b`.
pub fn power(t: &Thread, a: &Value, b: &Value, c: &Value, inplace: bool) -> Res {
    t.check_stack("")?;
    let (ta, tb) = (type_of(a), type_of(b));
    if inplace && let Some(f) = ta.slots().ipow {
        let r = f(t, a, b, c)?;
        if !r.is_not_implemented() {
            return Ok(r);
        }
    }
    let fa = ta.slots().pow;
    let mut fb = if std::ptr::eq(ta, tb) { None } else { tb.slots().pow };
    if let (Some(x), Some(y)) = (fa, fb)
        && std::ptr::fn_addr_eq(x, y)
    {
        fb = None;
    }
    let mut order = [fa, fb];
    if fb.is_some() && tb.is_subtype(ta) {
        order = [fb, fa];
    }
    for f in order.into_iter().flatten() {
        let r = f(t, a, b, c)?;
        if !r.is_not_implemented() {
            return Ok(r);
        }
    }
    if !c.is_none()
        && let Some(fc) = type_of(c).slots().pow
    {
        let r = fc(t, a, b, c)?;
        if !r.is_not_implemented() {
            return Ok(r);
        }
    }
    if c.is_none() {
        return Err(unsupported(t, if inplace { "**=" } else { "** or pow()" }, a, b));
    }
    let names = [a, b, c].map(|v| type_of(v).name());
    Err(error::type_error(
        t,
        format_args!("unsupported operand type(s) for ** or pow(): '{}', '{}', '{}'", names[0], names[1], names[2]),
    ))
}

macro_rules! unary_ops {
    ($($name:ident, $slot:ident, $text:literal;)*) => {$(
        #[doc = concat!("`", $text, "`")]
        pub fn $name(t: &Thread, v: &Value) -> Res {
            match type_of(v).slots().$slot {
                Some(f) => f(t, v),
                None => Err(error::type_error(t, format_args!(concat!("bad operand type for ", $text, ": '{}'"), type_of(v).name()))),
            }
        }
    )*};
}
unary_ops! { neg, neg, "unary -"; pos, pos, "unary +"; invert, invert, "unary ~"; abs, abs, "abs()"; }

/// `a op b` as a value.
#[inline]
pub fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    if let (Some(x), Some(y)) = (a.as_small(), b.as_small()) {
        return Ok(Value::bool(op.holds(x.cmp(&y))));
    }
    t.check_stack("in comparison")?;
    let (ta, tb) = (type_of(a), type_of(b));
    let (fa, fb) = (ta.slots().compare, tb.slots().compare);
    let mut tried_b = false;
    if !std::ptr::eq(ta, tb)
        && let Some(f) = fb
        && tb.is_subtype(ta)
    {
        tried_b = true;
        let r = f(t, b, a, op.swapped())?;
        if !r.is_not_implemented() {
            return Ok(r);
        }
    }
    if let Some(f) = fa {
        let r = f(t, a, b, op)?;
        if !r.is_not_implemented() {
            return Ok(r);
        }
    }
    if tried_b { compare_last(t, a, b, op) } else { compare_reflected(t, a, b, op) }
}

/// What `==` or `!=` gives if it compares by identity: neither type has a comparison of its own.
#[inline]
pub fn compare_identity(a: &Value, b: &Value, op: CompareOp) -> Option<bool> {
    let equal = match op {
        CompareOp::Eq => true,
        CompareOp::Ne => false,
        _ => return None,
    };
    let plain = |v: &Value| types::object::compares_by_identity(type_of(v));
    (plain(a) && plain(b)).then(|| a.is(b) == equal)
}

/// As [`compare`], where the left operand's method came first and gave NotImplemented.
pub fn compare_reflected(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    if let Some(f) = type_of(b).slots().compare {
        let r = f(t, b, a, op.swapped())?;
        if !r.is_not_implemented() {
            return Ok(r);
        }
    }
    compare_last(t, a, b, op)
}

/// What is left when no method knew: identity, or the error.
fn compare_last(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    match op {
        CompareOp::Eq => Ok(Value::bool(a.is(b))),
        CompareOp::Ne => Ok(Value::bool(!a.is(b))),
        _ => {
            let (sign, na, nb) = (op.text(), type_of(a).name(), type_of(b).name());
            Err(error::type_error(t, format_args!("'{sign}' not supported between instances of '{na}' and '{nb}'")))
        }
    }
}

/// `bool(a op b)`; identity implies equality, as in containers.
pub fn compare_bool(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res<bool> {
    if a.is(b) {
        match op {
            CompareOp::Eq => return Ok(true),
            CompareOp::Ne => return Ok(false),
            _ => {}
        }
    }
    let r = compare(t, a, b, op)?;
    truth(t, &r)
}

/// `a is b or a == b`.
#[inline]
pub fn eq(t: &Thread, a: &Value, b: &Value) -> Res<bool> {
    if a.is(b) {
        return Ok(true);
    }
    // Numbers of one kind that differ are different words, and so are the bools.
    if a.is_small() && b.is_small() || a.is_immediate_float() && b.is_immediate_float() || a.is_bool() && b.is_bool() {
        return Ok(false);
    }
    if let (Some(x), Some(y)) = (a.exact::<Str>(), b.exact::<Str>()) {
        return Ok(x.same_text(y));
    }
    if t.is_parallel() { eq_guarded(t, a, b) } else { compare_bool(t, a, b, CompareOp::Eq) }
}

#[cold]
#[inline(never)]
fn eq_guarded(t: &Thread, a: &Value, b: &Value) -> Res<bool> {
    let was_in = t.enter_native_unless(|| {
        guarded::is_frozen(a) && guarded::is_frozen(b) || guarded::is_class(a) && guarded::is_class(b)
    });
    let same = compare_bool(t, a, b, CompareOp::Eq);
    t.leave_native(was_in);
    same
}

/// `bool(v)`.
#[inline]
pub fn truth(t: &Thread, v: &Value) -> Res<bool> {
    if v.is_bool() {
        return Ok(v.is_true());
    }
    if v.is_none() {
        return Ok(false);
    }
    if let Some(i) = v.as_small() {
        return Ok(i != 0);
    }
    truth_slow(t, v)
}

#[inline(never)]
fn truth_slow(t: &Thread, v: &Value) -> Res<bool> {
    if let Some(list) = v.exact::<List>() {
        return Ok(!list.is_empty());
    }
    if let Some(text) = v.exact::<Str>() {
        return Ok(!text.is_empty());
    }
    let slots = type_of(v).slots();
    if let Some(f) = slots.bool {
        return f(t, v);
    }
    match slots.len {
        Some(f) => Ok(f(t, v)? != 0),
        None => Ok(true),
    }
}

/// `hash(v)`.
#[inline]
pub fn hash(t: &Thread, v: &Value) -> Res<i64> {
    if let Some(s) = v.exact::<Str>() {
        return Ok(s.hash());
    }
    if let Some(i) = v.as_small() {
        return Ok(types::int::hash_small(i));
    }
    let ty = type_of(v);
    let Some(f) = ty.slots().hash else { return Err(unhashable(t, v)) };
    t.check_stack(if ty.has_flag(flag::TUPLE) { "while hashing a tuple" } else { "" })?;
    if !t.is_parallel() {
        return f(t, v);
    }
    let was_in = t.enter_native_unless(|| guarded::is_frozen(v) || guarded::is_class(v));
    let hash = f(t, v);
    t.leave_native(was_in);
    hash
}

/// "unhashable type: 'list'".
#[cold]
pub fn unhashable(t: &Thread, v: &Value) -> Exc {
    error::type_error(t, format_args!("unhashable type: '{}'", type_of(v).name()))
}

/// `len(v)`.
pub fn len(t: &Thread, v: &Value) -> Res<usize> {
    if let Some(list) = v.exact::<List>() {
        return Ok(list.len());
    }
    if let Some(s) = v.exact::<Str>() {
        return Ok(s.len());
    }
    match type_of(v).slots().len {
        Some(f) => f(t, v),
        None => Err(error::type_error(t, format_args!("object of type '{}' has no len()", type_of(v).name()))),
    }
}

/// `operator.length_hint(v, default)`.
pub fn length_hint(t: &Thread, v: &Value, default: usize) -> Res<usize> {
    if let Some(f) = type_of(v).slots().len {
        match f(t, v) {
            Ok(n) => return Ok(n),
            Err(e) if e.is(&types::exceptions::TYPE_ERROR) => {}
            Err(e) => return Err(e),
        }
    }
    let hint = match call::special(t, v, n::__length_hint__(), &[]) {
        None => return Ok(default),
        Some(Err(e)) if e.is(&types::exceptions::TYPE_ERROR) => return Ok(default),
        Some(r) => r?,
    };
    if hint.is_not_implemented() {
        return Ok(default);
    }
    if !types::int::is_int(&hint) {
        let name = type_of(&hint).name();
        return Err(error::type_error(t, format_args!("__length_hint__ must be an integer, not {name}")));
    }
    match crate::convert::to_isize(t, &hint)? {
        n if n < 0 => Err(error::value_error(t, "__length_hint__() should return >= 0")),
        n => Ok(n as usize),
    }
}

/// `v[key]`.
pub fn getitem(t: &Thread, v: &Value, key: &Value) -> Res {
    if let Some(f) = type_of(v).slots().getitem {
        return f(t, v, key);
    }
    if let Some(ty) = v.downcast::<TypeObject>() {
        return class_getitem(t, v, ty, key);
    }
    Err(error::type_error(t, format_args!("'{}' object is not subscriptable", type_of(v).name())))
}

fn class_getitem(t: &Thread, v: &Value, ty: &TypeObject, key: &Value) -> Res {
    // `type[int]` itself is generic, whatever its own __class_getitem__.
    if std::ptr::eq(ty, types::type_::TYPE.ty()) {
        return types::generic_alias::new(t, v, key);
    }
    match attr::get_opt(t, v, n::__class_getitem__())? {
        Some(f) if !f.is_none() => call::call1(t, &f, key),
        _ => Err(error::type_error(t, format_args!("type '{}' is not subscriptable", ty.name()))),
    }
}

/// `v[key] = value`.
pub fn setitem(t: &Thread, v: &Value, key: &Value, value: &Value) -> Res<()> {
    match type_of(v).slots().setitem {
        Some(f) => f(t, v, key, Some(value)),
        None => {
            Err(error::type_error(t, format_args!("'{}' object does not support item assignment", type_of(v).name())))
        }
    }
}

/// `del v[key]`.
pub fn delitem(t: &Thread, v: &Value, key: &Value) -> Res<()> {
    match type_of(v).slots().setitem {
        Some(f) => f(t, v, key, None),
        None => Err(no_deletion(t, v, key)),
    }
}

/// CPython refuses a number in another function than any other key, if the type is a sequence to it.
#[cold]
fn no_deletion(t: &Thread, v: &Value, key: &Value) -> Exc {
    let ty = type_of(v);
    let sequence = ty.is_heap_type() || ty.slots().contains.is_some() || ty.slots().len.is_some();
    let number = type_of(key).slots().index.is_some();
    let not = if sequence && number { "doesn't" } else { "does not" };
    error::type_error(t, format_args!("'{}' object {not} support item deletion", ty.name()))
}

/// `item in container`.
pub fn contains(t: &Thread, container: &Value, item: &Value) -> Res<bool> {
    if let Some(f) = type_of(container).slots().contains {
        return f(t, container, item);
    }
    let it = match iter(t, container) {
        Ok(it) => it,
        Err(e) if e.is(&types::exceptions::TYPE_ERROR) && type_of(container).slots().iter.is_none() => {
            let name = type_of(container).name();
            return Err(error::type_error(t, format_args!("argument of type '{name}' is not a container or iterable")));
        }
        Err(e) => return Err(e),
    };
    while let Some(x) = next(t, &it)? {
        t.poll()?;
        if eq(t, &x, item)? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// `iter(v)`.
pub fn iter(t: &Thread, v: &Value) -> Res {
    let ty = type_of(v);
    if let Some(f) = ty.slots().iter {
        let it = f(t, v)?;
        if type_of(&it).slots().next.is_none() {
            let name = type_of(&it).name();
            return Err(error::type_error(t, format_args!("iter() returned non-iterator of type '{name}'")));
        }
        return Ok(it);
    }
    if ty.slots().getitem.is_some() && !ty.has_flag(flag::DICT) && is_sequence(v) {
        return types::seq_iter::new(t, v);
    }
    Err(error::type_error(t, format_args!("'{}' object is not iterable", ty.name())))
}

/// Has `__getitem__` and is no dict (CPython's `PySequence_Check`).
pub fn is_sequence(v: &Value) -> bool {
    let ty = type_of(v);
    ty.slots().getitem.is_some() && !ty.has_flag(flag::DICT) && !ty.has_flag(flag::MAPPING)
}

/// The next item, or `None` when exhausted (a StopIteration counts as that).
#[inline]
pub fn next(t: &Thread, it: &Value) -> Res<Option<Value>> {
    Ok(advance(t, it)?.present())
}

/// As [`next`]; absent at the end.
#[inline]
pub fn advance(t: &Thread, it: &Value) -> Res {
    match type_of(it).slots().next {
        Some(f) => match f(t, it) {
            Err(e) if e.is(&types::exceptions::STOP_ITERATION) => Ok(Value::ABSENT),
            r => r,
        },
        None => Err(error::type_error(t, format_args!("'{}' object is not an iterator", type_of(it).name()))),
    }
}

/// As [`iter`], for a native that goes over all of it in one step: what other threads do to a container comes before or
/// after.
pub fn iter_at_once(t: &Thread, iterable: &Value) -> Res {
    match at_once(t, iterable)? {
        Some(items) => iter(t, &List::from_vec(t, items)?),
        None => iter(t, iterable),
    }
}

/// Calls `f` with every item of an iterable; polls. Lists, tuples and sets are read in place, as CPython's `PySequence_Fast`
/// users do, except that a list changed meanwhile is followed item by item.
pub fn for_each(t: &Thread, iterable: &Value, mut f: impl FnMut(Value) -> Res<()>) -> Res<()> {
    if let Some(tuple) = iterable.exact::<Tuple>() {
        for item in tuple.items() {
            f(item.clone())?;
        }
        return Ok(());
    }
    if let Some(list) = iterable.exact::<List>() {
        let mut i = 0;
        while let Some(item) = list.get(i) {
            f(item)?;
            i += 1;
            if i % 1024 == 0 {
                t.poll()?;
            }
        }
        return Ok(());
    }
    if let Some(items) = at_once(t, iterable)? {
        for (i, item) in items.into_iter().enumerate() {
            f(item)?;
            if i % 1024 == 1023 {
                t.poll()?;
            }
        }
        return Ok(());
    }
    if let Some(set) = types::set_::exactly(iterable) {
        return set.for_each(t, f);
    }
    let it = iter(t, iterable)?;
    let mut count = 0u32;
    while let Some(item) = next(t, &it)? {
        f(item)?;
        count = count.wrapping_add(1);
        if count.is_multiple_of(256) {
            t.poll()?;
        }
    }
    Ok(())
}

/// All items of an iterable.
pub fn collect(t: &Thread, iterable: &Value) -> Res<Vec<Value>> {
    if let Some(tuple) = iterable.exact::<Tuple>() {
        return Ok(tuple.items().to_vec());
    }
    if let Some(list) = iterable.exact::<List>() {
        t.check_alloc(list.len() * 8)?;
        return Ok(list.to_vec());
    }
    if let Some(items) = at_once(t, iterable)? {
        return Ok(items);
    }
    let mut out = Vec::new();
    for_each(t, iterable, |v| {
        if out.len() == out.capacity() {
            // It grows to twice its size, and the old half goes after that.
            t.check_alloc((out.len() * 16).max(64))?;
        }
        out.push(v);
        Ok(())
    })?;
    Ok(out)
}

/// `isinstance(v, cls)` with hooks; `cls` may be a tuple or a union.
pub fn isinstance(t: &Thread, v: &Value, cls: &Value) -> Res<bool> {
    types::instance_check::isinstance(t, v, cls)
}

/// `issubclass(v, cls)` with hooks.
pub fn issubclass(t: &Thread, v: &Value, cls: &Value) -> Res<bool> {
    types::instance_check::issubclass(t, v, cls)
}
