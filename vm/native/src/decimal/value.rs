//! Decimal objects: their payload, and how other values become operands.

use super::context;
use super::state::Current;
use std::borrow::Cow;
use std::cmp::Ordering;
use typhon_num::decimal::{Arith, Context, Decimal, quick, status};
use typhon_num::{IBig, Stop};
use typhon_object::error::{self, Exc, Res};
use typhon_object::header::Header;
use typhon_object::ops::CompareOp;
use typhon_object::thread::{self, Thread};
use typhon_object::types::{complex, float, int};
use typhon_object::{Value, attr, ops, payload, type_of};

/// decimal.Decimal.
#[repr(C)]
pub(super) struct Dec {
    header: Header,
    pub(super) number: Decimal,
    /// Bytes of the coefficient that the heap was charged for.
    charged: usize,
}

typhon_object::payload!(Dec => super::number::DECIMAL);

impl Drop for Dec {
    fn drop(&mut self) {
        if self.charged > 0
            && let Some(t) = thread::current()
        {
            t.heap().uncharge(self.charged);
        }
    }
}

/// Charges a coefficient that lies outside the heap; small ones are not worth counting.
fn charge(t: &Thread, d: &Decimal) -> Res<usize> {
    let bytes = d.coefficient.as_words().len() * 8;
    if bytes <= 512 {
        return Ok(0);
    }
    t.heap().charge(bytes).map_err(|_| t.memory_error())?;
    Ok(bytes)
}

/// A decimal object.
pub(super) fn new(t: &Thread, number: Decimal) -> Res {
    let charged = charge(t, &number)?;
    payload::new(t, |header| Dec { header, number, charged })
}

/// What two numbers give where that is plain: see [`quick`]. The context is the current one unless `ctx` is given.
#[inline]
pub(super) fn quickly(
    t: &Thread,
    ctx: Option<&Value>,
    a: &Value,
    b: &Value,
    f: fn(&Context, &Decimal, &Decimal) -> quick::Quick,
) -> Option<Res> {
    let (x, y) = (operand(a)?, operand(b)?);
    let d = match ctx {
        Some(ctx) => settled(ctx, &x, &y, f),
        None => settled(t.own_state::<Current>().0.borrow().as_ref()?, &x, &y, f),
    }?;
    Some(payload::new(t, |header| Dec { header, number: d, charged: 0 }))
}

/// The result under a context, if that traps none of its conditions.
fn settled(
    ctx: &Value,
    x: &Decimal,
    y: &Decimal,
    f: fn(&Context, &Decimal, &Decimal) -> quick::Quick,
) -> Option<Decimal> {
    let core = context::core(ctx);
    let (d, conditions) = f(&core.borrow(), x, y)?;
    if conditions != 0 {
        let mut settings = core.borrow_mut();
        if conditions & settings.traps != 0 {
            return None;
        }
        settings.flags |= conditions;
    }
    Some(d)
}

/// A decimal object of a class: Decimal or a subclass.
pub(super) fn new_for(t: &Thread, class: &Value, number: Decimal) -> Res {
    let charged = charge(t, &number)?;
    payload::new_for(t, class, |header| Dec { header, number, charged })
}

/// The number of a method's self.
pub(super) fn number(v: &Value) -> &Decimal {
    &v.expect::<Dec>().number
}

/// A decimal or an int as a number; `None` for anything else.
pub(super) fn operand(v: &Value) -> Option<Cow<'_, Decimal>> {
    if let Some(i) = v.as_small() {
        return Some(Cow::Owned(Decimal::finite(i < 0, i.unsigned_abs().into(), 0)));
    }
    match v.downcast::<Dec>() {
        Some(d) => Some(Cow::Borrowed(&d.number)),
        None => int::to_big(v).map(|n| Cow::Owned(Decimal::from_int(&n))),
    }
}

/// As [`operand`], but anything else is a TypeError.
pub(super) fn required<'a>(t: &Thread, v: &'a Value) -> Res<Cow<'a, Decimal>> {
    operand(v).ok_or_else(|| not_supported(t, v))
}

/// "conversion from T to Decimal is not supported".
#[cold]
pub(super) fn not_supported(t: &Thread, v: &Value) -> Exc {
    error::type_error(t, format_args!("conversion from {} to Decimal is not supported", type_of(v).name()))
}

/// Digits that a coefficient may have, from what the heap has left: the number, its text and the work on the way fit.
pub(super) fn digits_max(t: &Thread) -> i64 {
    let left = t.heap().limit().saturating_sub(t.heap().used());
    i64::try_from(left / 4).unwrap_or(i64::MAX).min(4_000_000_000)
}

/// Runs a computation under the thread's poll; gives the result and the conditions raised.
pub(super) fn run<T>(
    t: &Thread,
    settings: &Context,
    f: impl FnOnce(&mut Arith<'_, '_>) -> Result<T, Stop>,
) -> Res<(T, u32)> {
    let mut raised = None;
    let mut poll = || {
        t.poll().map_err(|e| {
            raised = Some(e);
            Stop
        })
    };
    let mut arith = Arith::new(settings, &mut poll);
    let result = f(&mut arith);
    let conditions = arith.status;
    match result {
        Ok(v) => Ok((v, conditions)),
        Err(Stop) => Err(raised.unwrap_or_else(Exc::stopped)),
    }
}

/// Runs a computation in a context and raises what the context traps.
pub(super) fn compute<T>(t: &Thread, ctx: &Value, f: impl FnOnce(&mut Arith<'_, '_>) -> Result<T, Stop>) -> Res<T> {
    let settings = context::settings(t, ctx);
    let (result, conditions) = run(t, &settings, f)?;
    context::raise(t, ctx, conditions)?;
    Ok(result)
}

/// Runs a computation that must be exact: rounding is an invalid operation.
pub(super) fn exactly(
    t: &Thread,
    ctx: &Value,
    f: impl FnOnce(&mut Arith<'_, '_>) -> Result<Decimal, Stop>,
) -> Res<Decimal> {
    let (mut d, mut conditions) = run(t, &Context::max(digits_max(t)), f)?;
    if conditions & (status::INEXACT | status::ROUNDED | status::CLAMPED) != 0 {
        d = Decimal::nan();
        conditions |= status::INVALID_OPERATION;
    }
    context::raise(t, ctx, conditions & status::ERRORS)?;
    Ok(d)
}

/// The exact value of a float.
pub(super) fn from_float(t: &Thread, x: f64) -> Res<Decimal> {
    crate::numeric::compute(t, |poll| Ok(Decimal::from_f64(x, poll)?))
}

/// The slot behind `<`, `==` and the others.
pub(super) fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let x = number(a);
    if let Some(y) = operand(b)
        && let Some(order) = quick::order(x, &y)
    {
        return Ok(Value::bool(op.holds(order)));
    }
    let ctx = context::current(t)?;
    let equality = matches!(op, CompareOp::Eq | CompareOp::Ne);
    let mut scaled = None;
    let y = match operand(b) {
        Some(y) => y,
        None => match foreign(t, &ctx, x, b, equality)? {
            Some((left, right)) => {
                scaled = left;
                Cow::Owned(right)
            }
            None => return Ok(Value::NOT_IMPLEMENTED),
        },
    };
    let x = scaled.as_ref().unwrap_or(x);
    let (order, _) = run(t, &Context::max(digits_max(t)), |m| m.order(x, &y))?;
    let Some(order) = order else {
        if x.is_snan() || y.is_snan() || !equality {
            context::raise(t, &ctx, status::INVALID_OPERATION)?;
        }
        return Ok(Value::bool(op == CompareOp::Ne));
    };
    Ok(Value::bool(op.holds(order)))
}

/// The sides of a comparison with a float, a real complex number or a fraction; the left one if it had to be scaled.
fn foreign(t: &Thread, ctx: &Value, x: &Decimal, v: &Value, equality: bool) -> Res<Option<(Option<Decimal>, Decimal)>> {
    if let Some((re, im)) = complex::parts(v) {
        return if equality && im == 0.0 { Ok(Some((None, from_float(t, re)?))) } else { Ok(None) };
    }
    if let Some(f) = float::as_f64(v) {
        if equality {
            context::note(ctx, status::FLOAT_OPERATION);
        } else {
            context::raise(t, ctx, status::FLOAT_OPERATION)?;
        }
        return Ok(Some((None, from_float(t, f)?)));
    }
    let Some(rational) = super::state::get(t)?.rational.get().cloned() else { return Ok(None) };
    if !ops::isinstance(t, v, &rational)? {
        return Ok(None);
    }
    let numerator = part(t, v, "numerator")?;
    let denominator = Decimal::from_int(&part(t, v, "denominator")?);
    let left = if x.is_special() { x.clone() } else { exactly(t, ctx, |m| m.multiply(x, &denominator))? };
    Ok(Some((Some(left), Decimal::from_int(&numerator))))
}

fn part(t: &Thread, v: &Value, name: &str) -> Res<IBig> {
    let part = attr::get_text(t, v, name)?;
    int::to_big(&part).ok_or_else(|| error::type_error(t, format_args!("{name} is not an integer")))
}

/// An order as `compare_total` and its like show it.
pub(super) fn from_order(order: Ordering) -> i64 {
    order as i64
}
