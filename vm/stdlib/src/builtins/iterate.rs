//! The builtins that walk iterables: all, any, iter, next, max, min, sorted, sum, aiter, anext.

use typhon_interp::coroutine::awaitable;
use typhon_object::args::Args;
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::list::List;
use typhon_object::names::n;
use typhon_object::native::def;
use typhon_object::ops::{self, CompareOp};
use typhon_object::slots::Slots;
use typhon_object::store::Slot;
use typhon_object::strs::Str;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::iters::next_of;
use typhon_object::types::list_::ListIter;
use typhon_object::types::range_iter::{LongRangeIter, RangeIter};
use typhon_object::types::{call_iter, complex, exceptions as exc, float, int};
use typhon_object::{Thread, Value, call, convert, payload, suggest, type_of};

pub(super) fn all(t: &Thread, a: &[Value]) -> Res {
    let it = ops::iter_at_once(t, &a[0])?;
    while let Some(x) = ops::next(t, &it)? {
        t.poll()?;
        if !ops::truth(t, &x)? {
            return Ok(Value::FALSE);
        }
    }
    Ok(Value::TRUE)
}

pub(super) fn any(t: &Thread, a: &[Value]) -> Res {
    let it = ops::iter_at_once(t, &a[0])?;
    while let Some(x) = ops::next(t, &it)? {
        t.poll()?;
        if ops::truth(t, &x)? {
            return Ok(Value::TRUE);
        }
    }
    Ok(Value::FALSE)
}

pub(super) fn next(t: &Thread, a: Args<'_>) -> Res {
    let args = a.expect_positional(t, "next", 1, 2)?;
    let Some(f) = type_of(&args[0]).slots().next else {
        let ty = type_of(&args[0]).name();
        return Err(error::type_error(t, format_args!("'{ty}' object is not an iterator")));
    };
    match (f(t, &args[0]), args.get(1)) {
        (Ok(v), Some(default)) if v.is_absent() => Ok(default.clone()),
        (Err(e), Some(default)) if e.is(&exc::STOP_ITERATION) => Ok(default.clone()),
        (Ok(v), None) if v.is_absent() => Err(error::with_args(t, exc::STOP_ITERATION.ty(), &[])),
        (r, _) => r,
    }
}

pub(super) fn iter(t: &Thread, a: Args<'_>) -> Res {
    let args = a.expect_positional(t, "iter", 1, 2)?;
    let Some(sentinel) = args.get(1) else { return ops::iter(t, &args[0]) };
    if !call::is_callable(&args[0]) {
        return Err(error::type_error(t, "iter(v, w): v must be callable"));
    }
    call_iter::new(t, &args[0], sentinel)
}

fn nothing(t: &Thread, name: &str) -> Exc {
    error::type_error(t, format_args!("{name} expected at least 1 argument, got 0"))
}

/// max and min.
pub(super) fn extreme(t: &Thread, a: Args<'_>, op: CompareOp, name: &str) -> Res {
    let (mut key, mut default) = (None, None);
    if !a.has_keywords() && a.values.len() > 1 {
        return extreme_of(t, a.values, op);
    }
    for (k, v) in a.keywords() {
        match k.downcast::<Str>() {
            Some(s) if s.eq_text("key") => key = v.non_none().cloned(),
            Some(s) if s.eq_text("default") => default = Some(v.clone()),
            _ if a.positional().is_empty() => return Err(nothing(t, name)),
            _ => return Err(suggest::unexpected_keyword(t, name, k, ["key", "default"].into_iter())),
        }
    }
    let args = a.positional();
    let source = match args {
        [] => return Err(nothing(t, name)),
        [one] => one.clone(),
        _ if default.is_some() => {
            return Err(error::type_error(
                t,
                format_args!("Cannot specify a default for {name}() with multiple positional arguments"),
            ));
        }
        many => typhon_object::tuple::new(t, many)?,
    };
    let mut best: Option<Value> = None;
    match &key {
        None => ops::for_each(t, &source, |item| {
            if best.as_ref().map_or(Ok(true), |top| holds(t, &item, top, op))? {
                best = Some(item);
            }
            Ok(())
        })?,
        Some(f) => {
            let mut top: Option<Value> = None;
            ops::for_each(t, &source, |item| {
                let measure = call::call1(t, f, &item)?;
                if top.as_ref().map_or(Ok(true), |top| holds(t, &measure, top, op))? {
                    (best, top) = (Some(item), Some(measure));
                }
                Ok(())
            })?;
        }
    }
    match (best, default) {
        (Some(item), _) => Ok(item),
        (None, Some(default)) => Ok(default),
        (None, None) => Err(error::value_error(t, format_args!("{name}() iterable argument is empty"))),
    }
}

/// The largest or smallest of several arguments.
fn extreme_of(t: &Thread, args: &[Value], op: CompareOp) -> Res {
    let mut best = &args[0];
    for item in &args[1..] {
        if holds(t, item, best, op)? {
            best = item;
        }
    }
    Ok(best.clone())
}

/// `bool(a op b)`.
#[inline]
fn holds(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res<bool> {
    match (a.as_small(), b.as_small()) {
        (Some(x), Some(y)) => Ok(op.holds(x.cmp(&y))),
        _ => ops::truth(t, &ops::compare(t, a, b, op)?),
    }
}

pub(super) fn sorted(t: &Thread, a: Args<'_>) -> Res {
    let [iterable] = a.positional() else {
        return Err(error::type_error(t, format_args!("sorted expected 1 argument, got {}", a.positional().len())));
    };
    let list = List::from_vec(t, ops::collect(t, iterable)?)?;
    if !a.has_keywords() {
        typhon_object::types::list_::sort(t, list.expect::<List>(), None, false)?;
        return Ok(list);
    }
    let (sort, _) = typhon_object::attr::load_method(t, &list, n::sort())?;
    let mut values = vec![list.clone()];
    values.extend(a.keywords().map(|(_, v)| v.clone()));
    call::call_args(t, &sort, Args { values: &values, names: a.names })?;
    Ok(list)
}

/// A float sum with the lost low bits kept aside (Neumaier).
#[derive(Default)]
struct Compensated {
    high: f64,
    low: f64,
}

impl Compensated {
    fn add(&mut self, x: f64) {
        let sum = self.high + x;
        if self.high.abs() >= x.abs() {
            self.low += (self.high - sum) + x;
        } else {
            self.low += (x - sum) + self.high;
        }
        self.high = sum;
    }

    fn total(&self) -> f64 {
        // A compensation that is no number would spoil an infinite or overflowed sum.
        if self.low != 0.0 && self.low.is_finite() { self.high + self.low } else { self.high }
    }
}

pub(super) fn sum(t: &Thread, a: &[Value]) -> Res {
    let mut total = a[1].opt().cloned().unwrap_or(Value::small(0));
    if total.downcast::<Str>().is_some() {
        return Err(error::type_error(t, "sum() can't sum strings [use ''.join(seq) instead]"));
    }
    for (def, text) in [
        (&typhon_object::types::bytes::BYTES, "sum() can't sum bytes [use b''.join(seq) instead]"),
        (&typhon_object::types::bytearray::BYTEARRAY, "sum() can't sum bytearray [use b''.join(seq) instead]"),
    ] {
        if type_of(&total).is_subtype(def.ty()) {
            return Err(error::type_error(t, text));
        }
    }
    let it = ops::iter_at_once(t, &a[0])?;
    if let (Some(start), Some(items)) = (total.as_small(), it.exact::<ListIter>()) {
        total = convert::from_i64(t, small_run(t, items, start)?)?;
    }
    let of_range = it.exact::<RangeIter>().is_some() || it.exact::<LongRangeIter>().is_some();
    let exact_float = |v: &Value| std::ptr::eq(type_of(v), float::FLOAT.ty());
    let exact_int = |v: &Value| std::ptr::eq(type_of(v), int::INT.ty());
    loop {
        let x = next_of(t, &it)?;
        if x.is_absent() {
            return Ok(total);
        }
        // A range is the same whoever comes between.
        if of_range {
            t.poll_yielding()?
        } else {
            t.poll()?
        }
        if let (Some(p), Some(q)) = (total.as_small(), x.as_small()) {
            total = convert::from_i64(t, p + q)?;
            continue;
        }
        if (exact_float(&total) && (exact_float(&x) || exact_int(&x))) || (exact_int(&total) && exact_float(&x)) {
            let mut acc = Compensated { high: convert::to_f64(t, &total)?, low: 0.0 };
            acc.add(convert::to_f64(t, &x)?);
            match float_run(t, &it, &mut acc)? {
                None => return convert::from_f64(t, acc.total()),
                Some(other) => {
                    let so_far = convert::from_f64(t, acc.total())?;
                    total = ops::binary(t, ops::ADD, &so_far, &other)?;
                    continue;
                }
            }
        }
        if total.exact::<complex::Complex>().is_some()
            && (x.exact::<complex::Complex>().is_some() || exact_float(&x) || x.is_small())
        {
            return complex_run(t, &it, total, x);
        }
        total = ops::binary(t, ops::ADD, &total, &x)?;
    }
}

/// Adds small ints as long as a list's iterator gives them and 64 bits hold the sum.
fn small_run(t: &Thread, items: &ListIter, start: i64) -> Res<i64> {
    let mut total = start;
    while let Some(sum) = items.step_small(|n| total.checked_add(n)) {
        total = sum;
        t.poll()?;
    }
    Ok(total)
}

/// Adds floats and ints as long as they come; the first item of another kind is handed back.
fn float_run(t: &Thread, it: &Value, acc: &mut Compensated) -> Res<Option<Value>> {
    loop {
        let x = next_of(t, it)?;
        if x.is_absent() {
            return Ok(None);
        }
        t.poll()?;
        if let Some(f) = x.as_immediate_float() {
            acc.add(f);
        } else if let Some(i) = x.as_small() {
            acc.add(i as f64);
        } else if std::ptr::eq(type_of(&x), float::FLOAT.ty()) {
            acc.add(convert::to_f64(t, &x)?);
        } else {
            return Ok(Some(x));
        }
    }
}

fn complex_run(t: &Thread, it: &Value, total: Value, first: Value) -> Res {
    let parts = |v: &Value| -> Res<Option<(f64, Option<f64>)>> {
        if let Some(c) = v.exact::<complex::Complex>() {
            return Ok(Some((c.re, Some(c.im))));
        }
        let plain = std::ptr::eq(type_of(v), float::FLOAT.ty()) || v.is_small();
        if plain { Ok(Some((convert::to_f64(t, v)?, None))) } else { Ok(None) }
    };
    // Not added to a zero, which would lose the sign of a negative one.
    let start = |high| Compensated { high, low: 0.0 };
    let (mut re, mut im) = match total.exact::<complex::Complex>() {
        Some(c) => (start(c.re), start(c.im)),
        None => (start(0.0), start(0.0)),
    };
    let mut next = Some(first);
    while let Some(x) = next {
        t.poll()?;
        match parts(&x)? {
            Some((r, i)) => {
                re.add(r);
                if let Some(i) = i {
                    im.add(i);
                }
            }
            None => {
                let mut sum = complex::new(t, re.total(), im.total())?;
                sum = ops::binary(t, ops::ADD, &sum, &x)?;
                while let Some(x) = ops::next(t, it)? {
                    t.poll()?;
                    sum = ops::binary(t, ops::ADD, &sum, &x)?;
                }
                return Ok(sum);
            }
        }
        next = ops::next(t, it)?;
    }
    complex::new(t, re.total(), im.total())
}

pub(super) fn aiter(t: &Thread, a: &[Value]) -> Res {
    let ty = type_of(&a[0]).name();
    let Some(f) = type_of(&a[0]).slots().aiter else {
        return Err(error::type_error(t, format_args!("'{ty}' object is not an async iterable")));
    };
    let it = f(t, &a[0])?;
    if type_of(&it).slots().anext.is_none() {
        let ty = type_of(&it).name();
        return Err(error::type_error(t, format_args!("aiter() returned not an async iterator of type '{ty}'")));
    }
    Ok(it)
}

pub(super) fn anext(t: &Thread, a: &[Value]) -> Res {
    let ty = type_of(&a[0]).name();
    let Some(f) = type_of(&a[0]).slots().anext else {
        return Err(error::type_error(t, format_args!("'{ty}' object is not an async iterator")));
    };
    let awaitable = f(t, &a[0])?;
    match a[1].opt() {
        None => Ok(awaitable),
        Some(default) => payload::new(t, |header| Anext {
            header,
            wrapped: Slot::new(awaitable),
            default: Slot::new(default.clone()),
        }),
    }
}

/// What `anext(it, default)` gives: an awaitable that turns the end into the default.
#[repr(C)]
pub struct Anext {
    header: Header,
    wrapped: Slot,
    default: Slot,
}

typhon_object::payload!(Anext => ANEXT {
    fn traverse(&self, visit: &mut dyn FnMut(&Value)) {
        // SAFETY: the collector's visitor stores nothing.
        unsafe {
            visit(self.wrapped.peek());
            visit(self.default.peek());
        }
    }
    fn clear(&self) {
        drop(self.wrapped.take());
        drop(self.default.take());
    }
});

/// anext_awaitable.
pub static ANEXT: TypeDef = TypeDef {
    name: "anext_awaitable",
    flags: flag::NO_NEW,
    slots: Slots {
        iter: Some(|_, v| Ok(v.clone())),
        await_: Some(|_, v| Ok(v.clone())),
        next: Some(anext_next),
        ..Slots::NONE
    },
    methods: &[
        def(
            "send",
            "($self, arg, /)",
            |t, a| anext_method(t, &a[0], n::send(), &a[1..]),
            "send(arg) -> send 'arg' into the wrapped iterator,\nreturn next yielded value or raise StopIteration.",
        ),
        def(
            "throw",
            "($self, typ, val=None, tb=None, /)",
            anext_throw,
            "throw(value) -> raise exception in the wrapped iterator,\nreturn next yielded value or raise StopIteration.",
        ),
        def(
            "close",
            "($self, /)",
            |t, a| anext_method(t, &a[0], n::close(), &[]),
            "close() -> raise GeneratorExit inside generator.",
        ),
    ],
    ..TypeDef::of::<Anext>()
};

/// The iterator of what is awaited.
fn anext_iter(t: &Thread, v: &Value) -> Res {
    let wrapped = v.expect::<Anext>().wrapped.get();
    let Some(f) = type_of(&wrapped).slots().await_ else { return awaitable(t, &wrapped, 0) };
    let it = f(t, &wrapped)?;
    if type_of(&it).slots().next.is_none() { Err(no_iterator(t, &it)) } else { Ok(it) }
}

fn no_iterator(t: &Thread, it: &Value) -> Exc {
    error::type_error(t, format_args!("__await__() returned non-iterator of type '{}'", type_of(it).name()))
}

fn anext_end(t: &Thread, v: &Value, r: Res) -> Res {
    match r {
        Err(e) if e.is(&exc::STOP_ASYNC_ITERATION) => Err(error::stop_iteration(t, v.expect::<Anext>().default.get())),
        r => r,
    }
}

fn anext_next(t: &Thread, v: &Value) -> Res {
    let it = anext_iter(t, v)?;
    let r = match type_of(&it).slots().next {
        Some(f) => f(t, &it),
        None => Err(no_iterator(t, &it)),
    };
    anext_end(t, v, r)
}

fn anext_method(t: &Thread, v: &Value, name: &Value, args: &[Value]) -> Res {
    let it = anext_iter(t, v)?;
    let r = call::method(t, &it, name, args);
    anext_end(t, v, r)
}

fn anext_throw(t: &Thread, a: &[Value]) -> Res {
    let args: Vec<Value> = a[1..].iter().filter(|v| !v.is_absent()).cloned().collect();
    anext_method(t, &a[0], n::throw(), &args)
}
