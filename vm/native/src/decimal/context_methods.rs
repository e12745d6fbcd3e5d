//! Methods of Context.

use super::number::{Binary, DECIMAL, Unary};
use super::value::{Dec, compute, from_order, new, quickly, required};
use super::{construct, context, signals};
use crate::numeric;
use typhon_num::decimal::{Context, Decimal, quick};
use typhon_object::error::{self, Res};
use typhon_object::native::{MethodDef, def};
use typhon_object::thread::Thread;
use typhon_object::{Value, convert, names, strs, tuple, type_of};

/// A method that computes a decimal from one.
macro_rules! one {
    ($name:literal, $f:ident) => {
        def($name, "($self, x, /)", |t, a| unary(t, a, |m, x| m.$f(x)), "")
    };
}

/// A method that computes a decimal from two.
macro_rules! two {
    ($name:literal, $f:ident) => {
        def($name, "($self, x, y, /)", |t, a| binary(t, a, |m, x, y| m.$f(x, y)), "")
    };
}

/// As `two`, for what is quick for most operands.
macro_rules! quick_two {
    ($name:literal, $f:ident) => {
        def(
            $name,
            "($self, x, y, /)",
            |t, a| match quickly(t, Some(&a[0]), &a[1], &a[2], quick::$f) {
                Some(r) => r,
                None => binary(t, a, |m, x, y| m.$f(x, y)),
            },
            "",
        )
    };
}

/// A question about a decimal.
macro_rules! is {
    ($name:literal, $f:expr) => {
        def($name, "($self, x, /)", |t, a| question(t, a, $f), "")
    };
}

#[rustfmt::skip]
pub(super) const METHODS: &[MethodDef] = &[
    one!("abs", abs),
    one!("exp", exp),
    one!("ln", ln),
    one!("log10", log10),
    one!("minus", minus),
    one!("next_minus", next_minus),
    one!("next_plus", next_plus),
    one!("normalize", normalize),
    one!("plus", plus),
    one!("to_integral", to_integral_value),
    one!("to_integral_exact", to_integral_exact),
    one!("to_integral_value", to_integral_value),
    one!("sqrt", sqrt),
    one!("logb", logb),
    one!("logical_invert", logical_invert),
    quick_two!("add", add),
    two!("compare", compare),
    two!("compare_signal", compare_signal),
    quick_two!("divide", divide),
    two!("divide_int", divide_int),
    two!("max", max),
    two!("max_mag", max_mag),
    two!("min", min),
    two!("min_mag", min_mag),
    quick_two!("multiply", multiply),
    two!("next_toward", next_toward),
    quick_two!("quantize", quantize),
    two!("remainder", remainder),
    two!("remainder_near", remainder_near),
    quick_two!("subtract", subtract),
    two!("logical_and", logical_and),
    two!("logical_or", logical_or),
    two!("logical_xor", logical_xor),
    two!("rotate", rotate),
    two!("scaleb", scaleb),
    two!("shift", shift),
    def("divmod", "($self, x, y, /)", divmod, ""),
    def("power", "($self, /, a, b, modulo=None)", power, ""),
    def("fma", "($self, x, y, z, /)", fma, ""),
    def("Etiny", "($self, /)", |t, a| convert::from_i64(t, context::core(&a[0]).borrow().etiny()), ""),
    def("Etop", "($self, /)", |t, a| convert::from_i64(t, context::core(&a[0]).borrow().etop()), ""),
    def("radix", "($self, /)", |t, _| new(t, Decimal::finite(false, 10u8.into(), 0)), ""),
    is!("is_finite", |d, _| d.is_finite()),
    is!("is_infinite", |d, _| d.is_infinite()),
    is!("is_nan", |d, _| d.is_nan()),
    is!("is_normal", |d, c| d.is_normal(c)),
    is!("is_qnan", |d, _| d.is_qnan()),
    is!("is_signed", |d, _| d.negative),
    is!("is_snan", |d, _| d.is_snan()),
    is!("is_subnormal", |d, c| d.is_subnormal(c)),
    is!("is_zero", |d, _| d.is_zero()),
    def("is_canonical", "($self, x, /)", |t, a| only_decimal(t, &a[1]).map(|_| Value::TRUE), ""),
    def("canonical", "($self, x, /)", |t, a| only_decimal(t, &a[1]).map(|_| a[1].clone()), ""),
    def("_apply", "($self, object, /)", |t, a| unary(t, a, |m, x| m.finalize(x.clone())), ""),
    def("copy_abs", "($self, x, /)", |t, a| new(t, required(t, &a[1])?.copy_abs()), ""),
    def("copy_negate", "($self, x, /)", |t, a| new(t, required(t, &a[1])?.copy_negate()), ""),
    def("copy_decimal", "($self, x, /)", copy_decimal, ""),
    def("number_class", "($self, x, /)", number_class, ""),
    def("to_sci_string", "($self, x, /)", |t, a| text(t, a, false), ""),
    def("to_eng_string", "($self, x, /)", |t, a| text(t, a, true), ""),
    def("compare_total", "($self, x, y, /)", |t, a| total(t, a, false), ""),
    def("compare_total_mag", "($self, x, y, /)", |t, a| total(t, a, true), ""),
    def("copy_sign", "($self, x, y, /)", |t, a| new(t, required(t, &a[1])?.copy_sign(&*required(t, &a[2])?)), ""),
    def("same_quantum", "($self, x, y, /)", same_quantum, ""),
    def("clear_flags", "($self, /)", |_, a| { context::core(&a[0]).borrow_mut().flags = 0; Ok(Value::NONE) }, ""),
    def("clear_traps", "($self, /)", |_, a| { context::core(&a[0]).borrow_mut().traps = 0; Ok(Value::NONE) }, ""),
    def("__copy__", "($self, /)", |t, a| context::copy(t, &a[0]), ""),
    def("copy", "($self, /)", |t, a| context::copy(t, &a[0]), ""),
    def("__reduce__", "($self, /)", reduce, ""),
    def("create_decimal", "($self, num=\"0\", /)", create_decimal, ""),
    def("create_decimal_from_float", "($self, f, /)", construct::create_from_float, ""),
];

fn unary(t: &Thread, a: &[Value], f: Unary) -> Res {
    let x = required(t, &a[1])?;
    new(t, compute(t, &a[0], |m| f(m, &x))?)
}

fn binary(t: &Thread, a: &[Value], f: Binary) -> Res {
    let (x, y) = (required(t, &a[1])?, required(t, &a[2])?);
    new(t, compute(t, &a[0], |m| f(m, &x, &y))?)
}

fn question(t: &Thread, a: &[Value], f: fn(&Decimal, &Context) -> bool) -> Res {
    let x = required(t, &a[1])?;
    Ok(Value::bool(f(&x, &context::settings(t, &a[0]))))
}

fn divmod(t: &Thread, a: &[Value]) -> Res {
    let (x, y) = (required(t, &a[1])?, required(t, &a[2])?);
    let (q, r) = compute(t, &a[0], |m| m.divmod(&x, &y))?;
    tuple::from_array(t, [new(t, q)?, new(t, r)?])
}

fn power(t: &Thread, a: &[Value]) -> Res {
    let (x, y) = (required(t, &a[1])?, required(t, &a[2])?);
    match a[3].non_none() {
        None => new(t, compute(t, &a[0], |m| m.power(&x, &y))?),
        Some(z) => {
            let z = required(t, z)?;
            new(t, compute(t, &a[0], |m| m.power_mod(&x, &y, &z))?)
        }
    }
}

fn fma(t: &Thread, a: &[Value]) -> Res {
    let (x, y, z) = (required(t, &a[1])?, required(t, &a[2])?, required(t, &a[3])?);
    new(t, compute(t, &a[0], |m| m.fma(&x, &y, &z))?)
}

fn only_decimal(t: &Thread, v: &Value) -> Res<()> {
    match v.downcast::<Dec>() {
        Some(_) => Ok(()),
        None => Err(error::type_error(t, "argument must be a Decimal")),
    }
}

fn copy_decimal(t: &Thread, a: &[Value]) -> Res {
    if std::ptr::eq(type_of(&a[1]), DECIMAL.ty()) {
        return Ok(a[1].clone());
    }
    new(t, required(t, &a[1])?.into_owned())
}

fn number_class(t: &Thread, a: &[Value]) -> Res {
    strs::new(t, required(t, &a[1])?.number_class(&context::settings(t, &a[0])))
}

fn text(t: &Thread, a: &[Value], engineering: bool) -> Res {
    let d = required(t, &a[1])?;
    t.check_alloc(d.coefficient.as_words().len().saturating_mul(60))?;
    let capitals = context::core(&a[0]).borrow().capitals;
    let text = numeric::compute(t, |poll| {
        Ok(if engineering { d.to_eng(capitals, poll)? } else { d.to_sci(capitals, poll)? })
    })?;
    strs::new(t, &text)
}

fn total(t: &Thread, a: &[Value], magnitudes: bool) -> Res {
    let (x, y) = (required(t, &a[1])?, required(t, &a[2])?);
    let order = compute(t, &a[0], |m| if magnitudes { m.total_order_mag(&x, &y) } else { m.total_order(&x, &y) })?;
    new(t, Decimal::from_int(&from_order(order).into()))
}

fn same_quantum(t: &Thread, a: &[Value]) -> Res {
    Ok(Value::bool(required(t, &a[1])?.same_quantum(&*required(t, &a[2])?)))
}

fn create_decimal(t: &Thread, a: &[Value]) -> Res {
    match a[1].opt() {
        Some(v) => construct::create(t, &a[0], v),
        None => new(t, Decimal::zero(false, 0)),
    }
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let c = context::core(&a[0]).borrow().clone();
    let args = tuple::from_array(
        t,
        [
            convert::from_i64(t, c.prec)?,
            names::intern_static(context::rounding_name(c.rounding)),
            convert::from_i64(t, c.emin)?,
            convert::from_i64(t, c.emax)?,
            Value::small(i64::from(c.capitals)),
            Value::small(i64::from(c.clamp)),
            signals::as_list(t, c.flags)?,
            signals::as_list(t, c.traps)?,
        ],
    )?;
    tuple::from_array(t, [type_of(&a[0]).value(), args])
}
