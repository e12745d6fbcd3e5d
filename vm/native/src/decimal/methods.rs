//! Methods of Decimal.

use super::number::{Binary, Unary, text, to_f64, to_int};
use super::value::{self, compute, from_order, new, number, quickly, required, run};
use super::{construct, context, state};
use crate::numeric;
use typhon_num::decimal::{Arith, Context, Decimal, FormatError, Kind, Rounding, quick};
use typhon_num::format_spec::Locale;
use typhon_num::{Stop, int_text};
use typhon_object::dict::Dict;
use typhon_object::error::{self, Exc, Res};
use typhon_object::native::{MethodDef, def};
use typhon_object::strs::{self, Str};
use typhon_object::thread::Thread;
use typhon_object::types::{complex, int};
use typhon_object::{Value, call, convert, names, ops, tuple, type_of};

/// A method that computes a decimal from self.
macro_rules! one {
    ($name:literal, $f:ident) => {
        def($name, "($self, /, context=None)", |t, a| unary(t, a, |m, x| m.$f(x)), "")
    };
}

/// A method that computes a decimal from self and another.
macro_rules! two {
    ($name:literal, $f:ident) => {
        def($name, "($self, /, other, context=None)", |t, a| binary(t, a, |m, x, y| m.$f(x, y)), "")
    };
}

/// A question about self.
macro_rules! is {
    ($name:literal, $f:expr) => {
        def($name, "($self, /)", |_, a| Ok(Value::bool($f(number(&a[0])))), "")
    };
}

#[rustfmt::skip]
pub(super) const METHODS: &[MethodDef] = &[
    one!("exp", exp),
    one!("ln", ln),
    one!("log10", log10),
    one!("next_minus", next_minus),
    one!("next_plus", next_plus),
    one!("normalize", normalize),
    one!("sqrt", sqrt),
    one!("logb", logb),
    one!("logical_invert", logical_invert),
    two!("compare", compare),
    two!("compare_signal", compare_signal),
    two!("max", max),
    two!("max_mag", max_mag),
    two!("min", min),
    two!("min_mag", min_mag),
    two!("next_toward", next_toward),
    two!("remainder_near", remainder_near),
    two!("logical_and", logical_and),
    two!("logical_or", logical_or),
    two!("logical_xor", logical_xor),
    two!("rotate", rotate),
    two!("scaleb", scaleb),
    two!("shift", shift),
    is!("is_canonical", |_: &Decimal| true),
    is!("is_finite", Decimal::is_finite),
    is!("is_infinite", Decimal::is_infinite),
    is!("is_nan", Decimal::is_nan),
    is!("is_qnan", Decimal::is_qnan),
    is!("is_snan", Decimal::is_snan),
    is!("is_zero", Decimal::is_zero),
    is!("is_signed", |d: &Decimal| d.negative),
    def("is_normal", "($self, /, context=None)", |t, a| question(t, a, Decimal::is_normal), ""),
    def("is_subnormal", "($self, /, context=None)", |t, a| question(t, a, Decimal::is_subnormal), ""),
    def("number_class", "($self, /, context=None)", number_class, ""),
    def("to_integral", "($self, /, rounding=None, context=None)", to_integral, ""),
    def("to_integral_value", "($self, /, rounding=None, context=None)", to_integral, ""),
    def("to_integral_exact", "($self, /, rounding=None, context=None)", to_integral_exact, ""),
    def("quantize", "($self, /, exp, rounding=None, context=None)", quantize, ""),
    def("fma", "($self, /, other, third, context=None)", fma, ""),
    def("compare_total", "($self, /, other, context=None)", |t, a| total(t, a, false), ""),
    def("compare_total_mag", "($self, /, other, context=None)", |t, a| total(t, a, true), ""),
    def("copy_sign", "($self, /, other, context=None)", copy_sign, ""),
    def("same_quantum", "($self, /, other, context=None)", same_quantum, ""),
    def("to_eng_string", "($self, /, context=None)", to_eng_string, ""),
    def("adjusted", "($self, /)", |t, a| convert::from_i64(t, adjusted(number(&a[0]))), ""),
    def("canonical", "($self, /)", |_, a| Ok(a[0].clone()), ""),
    def("conjugate", "($self, /)", |_, a| Ok(a[0].clone()), ""),
    def("radix", "($self, /)", |t, _| new(t, Decimal::finite(false, 10u8.into(), 0)), ""),
    def("copy_abs", "($self, /)", |t, a| new(t, number(&a[0]).copy_abs()), ""),
    def("copy_negate", "($self, /)", |t, a| new(t, number(&a[0]).copy_negate()), ""),
    def("from_float", "($type, f, /)", construct::of_float, "").class(),
    def("from_number", "($type, number, /)", construct::of_number, "").class(),
    def("as_tuple", "($self, /)", as_tuple, "Return a tuple representation of the number."),
    def("as_integer_ratio", "($self, /)", as_integer_ratio, ""),
    def("__copy__", "($self, /)", |_, a| Ok(a[0].clone()), ""),
    def("__deepcopy__", "($self, object, /)", |_, a| Ok(a[0].clone()), ""),
    def("__format__", "($self, format_spec, override=None, /)", format, ""),
    def("__reduce__", "($self, /)", reduce, ""),
    def("__round__", "($self, ndigits=None, /)", round, ""),
    def("__ceil__", "($self, /)", |t, a| to_int(t, &a[0], Rounding::Ceiling), ""),
    def("__floor__", "($self, /)", |t, a| to_int(t, &a[0], Rounding::Floor), ""),
    def("__trunc__", "($self, /)", |t, a| to_int(t, &a[0], Rounding::Down), ""),
    def("__complex__", "($self, /)", |t, a| complex::new(t, to_f64(t, &a[0])?, 0.0), ""),
    def("__sizeof__", "($self, /)", sizeof, ""),
];

fn unary(t: &Thread, a: &[Value], f: Unary) -> Res {
    let ctx = context::argument(t, a[1].opt())?;
    new(t, compute(t, &ctx, |m| f(m, number(&a[0])))?)
}

fn binary(t: &Thread, a: &[Value], f: Binary) -> Res {
    let ctx = context::argument(t, a[2].opt())?;
    let y = required(t, &a[1])?;
    new(t, compute(t, &ctx, |m| f(m, number(&a[0]), &y))?)
}

fn question(t: &Thread, a: &[Value], f: fn(&Decimal, &Context) -> bool) -> Res {
    let ctx = context::argument(t, a[1].opt())?;
    Ok(Value::bool(f(number(&a[0]), &context::settings(t, &ctx))))
}

fn number_class(t: &Thread, a: &[Value]) -> Res {
    let ctx = context::argument(t, a[1].opt())?;
    strs::new(t, number(&a[0]).number_class(&context::settings(t, &ctx)))
}

/// Exponent of the leading digit; 0 for what has none.
fn adjusted(d: &Decimal) -> i64 {
    if d.is_special() { 0 } else { d.adjusted() }
}

/// Runs a computation in a context whose rounding an argument may replace.
fn rounded(
    t: &Thread,
    ctx: &Value,
    rounding: &Value,
    f: impl FnOnce(&mut Arith<'_, '_>) -> Result<Decimal, Stop>,
) -> Res {
    let mut settings = context::settings(t, ctx);
    if let Some(rounding) = rounding.non_none() {
        settings.rounding = context::rounding(t, rounding)?;
    }
    let (d, conditions) = run(t, &settings, f)?;
    context::raise(t, ctx, conditions)?;
    new(t, d)
}

fn to_integral(t: &Thread, a: &[Value]) -> Res {
    let ctx = context::argument(t, a[2].opt())?;
    rounded(t, &ctx, &a[1], |m| m.to_integral_value(number(&a[0])))
}

fn to_integral_exact(t: &Thread, a: &[Value]) -> Res {
    let ctx = context::argument(t, a[2].opt())?;
    rounded(t, &ctx, &a[1], |m| m.to_integral_exact(number(&a[0])))
}

fn quantize(t: &Thread, a: &[Value]) -> Res {
    let ctx = context::argument(t, a[3].opt())?;
    if a[2].non_none().is_none()
        && let Some(r) = quickly(t, Some(&ctx), &a[0], &a[1], quick::quantize)
    {
        return r;
    }
    let exp = required(t, &a[1])?;
    rounded(t, &ctx, &a[2], |m| m.quantize(number(&a[0]), &exp))
}

fn fma(t: &Thread, a: &[Value]) -> Res {
    let ctx = context::argument(t, a[3].opt())?;
    let (y, z) = (required(t, &a[1])?, required(t, &a[2])?);
    new(t, compute(t, &ctx, |m| m.fma(number(&a[0]), &y, &z))?)
}

fn total(t: &Thread, a: &[Value], magnitudes: bool) -> Res {
    let ctx = context::argument(t, a[2].opt())?;
    let y = required(t, &a[1])?;
    let x = number(&a[0]);
    let order = compute(t, &ctx, |m| if magnitudes { m.total_order_mag(x, &y) } else { m.total_order(x, &y) })?;
    new(t, Decimal::from_int(&from_order(order).into()))
}

fn copy_sign(t: &Thread, a: &[Value]) -> Res {
    context::argument(t, a[2].opt())?;
    let y = required(t, &a[1])?;
    new(t, number(&a[0]).copy_sign(&y))
}

fn same_quantum(t: &Thread, a: &[Value]) -> Res {
    context::argument(t, a[2].opt())?;
    let y = required(t, &a[1])?;
    Ok(Value::bool(number(&a[0]).same_quantum(&y)))
}

fn to_eng_string(t: &Thread, a: &[Value]) -> Res {
    let ctx = context::argument(t, a[1].opt())?;
    strs::new(t, &text(t, &a[0], &ctx, true)?)
}

fn as_tuple(t: &Thread, a: &[Value]) -> Res {
    let d = number(&a[0]);
    let exponent = match d.kind {
        Kind::Finite => convert::from_i64(t, d.exponent)?,
        Kind::Infinite => strs::new(t, "F")?,
        Kind::QuietNan => strs::new(t, "n")?,
        Kind::SignalingNan => strs::new(t, "N")?,
    };
    let mut digits = String::new();
    if !d.is_nan() || !d.coefficient.is_zero() {
        t.check_alloc(d.coefficient.as_words().len().saturating_mul(200))?;
        numeric::compute(t, |poll| Ok(int_text::push_digits(&d.coefficient, 10, &mut digits, poll)?))?;
    }
    let digits = digits.bytes().map(|c| Value::small(i64::from(c - b'0'))).collect();
    let digits = tuple::from_vec(t, digits)?;
    call::call(t, &state::tuple_class(t)?, &[Value::small(i64::from(d.negative)), digits, exponent])
}

fn as_integer_ratio(t: &Thread, a: &[Value]) -> Res {
    let digits_max = value::digits_max(t);
    let (n, d) = numeric::compute(t, |poll| number(&a[0]).as_integer_ratio(digits_max, poll))?;
    tuple::from_array(t, [int::from_big(t, n)?, int::from_big(t, d)?])
}

fn reduce(t: &Thread, a: &[Value]) -> Res {
    let args = tuple::from_array(t, [ops::str(t, &a[0])?])?;
    tuple::from_array(t, [type_of(&a[0]).value(), args])
}

fn round(t: &Thread, a: &[Value]) -> Res {
    let Some(digits) = a[1].opt() else { return to_int(t, &a[0], Rounding::HalfEven) };
    if !int::is_int(digits) {
        return Err(error::type_error(t, "optional arg must be an integer"));
    }
    let digits = convert::to_isize(t, digits)? as i64;
    let exp = Decimal::finite(false, 1u8.into(), digits.checked_neg().unwrap_or(i64::MAX));
    let ctx = context::current(t)?;
    new(t, compute(t, &ctx, |m| m.quantize(number(&a[0]), &exp))?)
}

fn sizeof(t: &Thread, a: &[Value]) -> Res {
    let words = number(&a[0]).coefficient.as_words().len().saturating_sub(2);
    convert::from_u64(t, (size_of::<value::Dec>() + words * 8) as u64)
}

/// A text of the `override` dict.
fn locale_text(t: &Thread, dict: &Dict, name: &str) -> Res<Option<String>> {
    match dict.get(t, &names::intern_text(t, name))? {
        None => Ok(None),
        Some(v) if v.downcast::<Str>().is_some() => convert::to_text(t, &v, "__format__", name).map(Some),
        Some(_) => Err(error::value_error(t, "invalid override dict")),
    }
}

fn format(t: &Thread, a: &[Value]) -> Res {
    let Some(spec) = a[1].downcast::<Str>() else { return Err(error::type_error(t, "format arg must be str")) };
    let spec: Vec<u32> = spec.units().iter().collect();
    let ctx = context::current(t)?;
    let settings = context::settings(t, &ctx);
    let (mut point, mut separator, mut grouping) = (None, None, None);
    if let Some(given) = a[2].non_none() {
        let Some(dict) = given.downcast::<Dict>() else {
            return Err(error::type_error(t, "optional argument must be a dict"));
        };
        point = locale_text(t, dict, "decimal_point")?;
        separator = locale_text(t, dict, "thousands_sep")?;
        grouping = locale_text(t, dict, "grouping")?;
    }
    let locale = Locale {
        decimal_point: point.as_deref().unwrap_or("."),
        thousands_sep: separator.as_deref().unwrap_or(""),
        grouping: grouping.as_deref().unwrap_or("").as_bytes(),
    };
    let d = number(&a[0]);
    let mut raised = None;
    let rendered = d.format(&spec, &settings, &locale, &mut || {
        t.poll().map_err(|e| {
            raised = Some(e);
            Stop
        })
    });
    match rendered {
        Ok(r) => int::render(t, r),
        Err(FormatError::Invalid) => Err(error::value_error(t, "invalid format string")),
        Err(FormatError::Memory) => Err(t.memory_error()),
        Err(FormatError::Stop) => Err(raised.unwrap_or_else(Exc::stopped)),
    }
}
