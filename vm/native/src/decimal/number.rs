//! decimal.Decimal: the type, its operators and conversions.

use super::value::{Dec, compare, compute, new, number, operand, quickly, run};
use super::{construct, context, methods, value};
use crate::numeric;
use typhon_num::decimal::{Arith, Context, Decimal, Rounding, quick};
use typhon_num::{Stop, float_text};
use typhon_object::error::{self, Res};
use typhon_object::native::getter;
use typhon_object::slots::Slots;
use typhon_object::thread::Thread;
use typhon_object::ty::{TypeDef, flag};
use typhon_object::types::int;
use typhon_object::{Value, convert, strs, tuple};

/// An operation of one decimal.
pub(super) type Unary = fn(&mut Arith<'_, '_>, &Decimal) -> Result<Decimal, Stop>;
/// An operation of two decimals.
pub(super) type Binary = fn(&mut Arith<'_, '_>, &Decimal, &Decimal) -> Result<Decimal, Stop>;

/// decimal.Decimal.
pub(super) static DECIMAL: TypeDef = TypeDef {
    name: "decimal.Decimal",
    doc: "Construct a new Decimal object.\n\nvalue can be an integer, string, tuple, or another Decimal object.  If no value is given, return Decimal('0'). The context does not affect the conversion and is only passed to determine if the InvalidOperation trap is active.",
    signature: "(value='0', context=None)",
    flags: flag::BASETYPE | flag::ATOMIC,
    slots: Slots {
        new: Some(construct::construct),
        repr: Some(repr),
        str: Some(str),
        hash: Some(hash),
        compare: Some(compare),
        bool: Some(|_, v| Ok(!number(v).is_zero())),
        add: Some(|t, a, b| plain(t, a, b, quick::add, |m, x, y| m.add(x, y))),
        sub: Some(|t, a, b| plain(t, a, b, quick::subtract, |m, x, y| m.subtract(x, y))),
        mul: Some(|t, a, b| plain(t, a, b, quick::multiply, |m, x, y| m.multiply(x, y))),
        truediv: Some(|t, a, b| plain(t, a, b, quick::divide, |m, x, y| m.divide(x, y))),
        floordiv: Some(|t, a, b| binary(t, a, b, |m, x, y| m.divide_int(x, y))),
        mod_: Some(|t, a, b| binary(t, a, b, |m, x, y| m.remainder(x, y))),
        divmod: Some(divmod),
        pow: Some(power),
        neg: Some(|t, v| unary(t, v, |m, x| m.minus(x))),
        pos: Some(|t, v| unary(t, v, |m, x| m.plus(x))),
        abs: Some(|t, v| unary(t, v, |m, x| m.abs(x))),
        int: Some(|t, v| to_int(t, v, Rounding::Down)),
        float: Some(|t, v| convert::from_f64(t, to_f64(t, v)?)),
        ..Slots::NONE
    },
    methods: methods::METHODS,
    getset: &[getter("real", |_, v| Ok(v.clone()), ""), getter("imag", |t, _| new(t, Decimal::zero(false, 0)), "")],
    ..TypeDef::of::<Dec>()
};

/// The text in scientific notation, as the current context spells it.
fn sci(t: &Thread, v: &Value) -> Res<String> {
    let ctx = context::current(t)?;
    text(t, v, &ctx, false)
}

/// The text of a decimal.
pub(super) fn text(t: &Thread, v: &Value, ctx: &Value, engineering: bool) -> Res<String> {
    let d = number(v);
    check_text(t, d)?;
    let capitals = context::core(ctx).borrow().capitals;
    numeric::compute(t, |poll| Ok(if engineering { d.to_eng(capitals, poll)? } else { d.to_sci(capitals, poll)? }))
}

/// Refuses a text that the heap has no room for.
fn check_text(t: &Thread, d: &Decimal) -> Res<()> {
    let words = d.coefficient.as_words().len();
    if words > 128 { t.check_alloc(words.saturating_mul(60)) } else { Ok(()) }
}

fn str(t: &Thread, v: &Value) -> Res {
    let mut room = [0; 64];
    match quick::text(number(v), &mut room) {
        Some(from) => strs::from_latin1(t, &room[from..]),
        None => strs::new(t, &sci(t, v)?),
    }
}

fn repr(t: &Thread, v: &Value) -> Res {
    strs::new(t, &format!("Decimal('{}')", sci(t, v)?))
}

fn hash(t: &Thread, v: &Value) -> Res<i64> {
    let d = number(v);
    match d.hash() {
        Some(h) => Ok(h),
        None if d.is_snan() => Err(error::type_error(t, "Cannot hash a signaling NaN value")),
        None => Ok(v.bits() as i64 >> 4),
    }
}

fn unary(t: &Thread, v: &Value, f: Unary) -> Res {
    let ctx = context::current(t)?;
    new(t, compute(t, &ctx, |m| f(m, number(v)))?)
}

/// An operator that is quick for most operands.
#[inline(always)]
fn plain(t: &Thread, a: &Value, b: &Value, quick: fn(&Context, &Decimal, &Decimal) -> quick::Quick, f: Binary) -> Res {
    match quickly(t, None, a, b, quick) {
        Some(r) => r,
        None => binary(t, a, b, f),
    }
}

fn binary(t: &Thread, a: &Value, b: &Value, f: Binary) -> Res {
    let (Some(x), Some(y)) = (operand(a), operand(b)) else { return Ok(Value::NOT_IMPLEMENTED) };
    let ctx = context::current(t)?;
    new(t, compute(t, &ctx, |m| f(m, &x, &y))?)
}

fn divmod(t: &Thread, a: &Value, b: &Value) -> Res {
    let (Some(x), Some(y)) = (operand(a), operand(b)) else { return Ok(Value::NOT_IMPLEMENTED) };
    let ctx = context::current(t)?;
    let (q, r) = compute(t, &ctx, |m| m.divmod(&x, &y))?;
    tuple::from_array(t, [new(t, q)?, new(t, r)?])
}

fn power(t: &Thread, a: &Value, b: &Value, c: &Value) -> Res {
    let (Some(x), Some(y)) = (operand(a), operand(b)) else { return Ok(Value::NOT_IMPLEMENTED) };
    let ctx = context::current(t)?;
    if c.is_none() {
        return new(t, compute(t, &ctx, |m| m.power(&x, &y))?);
    }
    let Some(z) = operand(c) else { return Ok(Value::NOT_IMPLEMENTED) };
    new(t, compute(t, &ctx, |m| m.power_mod(&x, &y, &z))?)
}

/// An int, rounded so.
pub(super) fn to_int(t: &Thread, v: &Value, rounding: Rounding) -> Res {
    let digits_max = value::digits_max(t);
    let mut d = number(v).clone();
    if d.is_finite() && d.exponent < 0 {
        let context = Context { rounding, ..Context::max(digits_max) };
        d = run(t, &context, |m| m.to_integral_value(&d))?.0;
    }
    int::from_big(t, numeric::compute(t, |poll| d.to_int(digits_max, poll))?)
}

/// A float, correctly rounded.
pub(super) fn to_f64(t: &Thread, v: &Value) -> Res<f64> {
    let d = number(v);
    if d.is_nan() {
        if d.is_snan() {
            return Err(error::value_error(t, "cannot convert signaling NaN to float"));
        }
        return Ok(if d.negative { -f64::NAN } else { f64::NAN });
    }
    check_text(t, d)?;
    let text = numeric::compute(t, |poll| Ok(d.to_sci(true, poll)?))?;
    Ok(float_text::parse(&text).unwrap_or(f64::NAN))
}
