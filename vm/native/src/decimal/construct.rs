//! Constructing: decimals from ints, texts, tuples, floats and decimals.

use super::value::{self, Dec, compute, exactly, from_float, new, new_for, not_supported};
use super::{context, number::DECIMAL};
use typhon_num::decimal::{Arith, Decimal, Kind, status};
use typhon_num::{Stop, UBig};
use typhon_object::args::Args;
use typhon_object::error::{self, Res};
use typhon_object::list::List;
use typhon_object::strs::Str;
use typhon_object::thread::Thread;
use typhon_object::tuple::Tuple;
use typhon_object::types::{float, int};
use typhon_object::{Value, call, convert};

/// `Decimal(value="0", context=None)`.
pub(super) fn construct(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    let given = args.positional().len() + args.keywords().count();
    if given > 2 {
        return Err(error::type_error(t, format_args!("function takes at most 2 arguments ({given} given)")));
    }
    for (key, _) in args.keywords() {
        if !["value", "context"].iter().any(|name| typhon_object::strs::eq_str(key, name)) {
            let key = typhon_object::strs::display(key);
            return Err(error::type_error(t, format_args!("this function got an unexpected keyword argument '{key}'")));
        }
    }
    let ctx = context::argument(t, args.positional().get(1).or_else(|| args.keyword("context")))?;
    let exact_class = class.is(&DECIMAL.ty().value());
    let v = match args.positional().first().or_else(|| args.keyword("value")) {
        None => return new_for(t, class, Decimal::zero(false, 0)),
        Some(v) if exact_class && v.exact::<Dec>().is_some() => return Ok(v.clone()),
        Some(v) => v,
    };
    let number = if let Some(d) = value::operand(v) {
        d.into_owned()
    } else if let Some(s) = v.downcast::<Str>() {
        let text = digits_text(t, s, true)?;
        exactly(t, &ctx, |m| m.parse(&text))?
    } else if let Some(parts) = parts_of(v) {
        let d = from_parts(t, &parts)?;
        exactly(t, &ctx, |m| m.finalize(d))?
    } else if let Some(x) = float::as_f64(v) {
        context::raise(t, &ctx, status::FLOAT_OPERATION)?;
        from_float(t, x)?
    } else {
        return Err(not_supported(t, v));
    };
    new_for(t, class, number)
}

/// A number's text as the parser wants it. A character that cannot be part of a number makes it unreadable.
fn digits_text(t: &Thread, s: &Str, lenient: bool) -> Res<String> {
    if s.len() > 4_096 {
        t.check_alloc(s.len().saturating_mul(4))?;
    }
    let text = int::ascii_number(s);
    if !lenient {
        return Ok(text);
    }
    let text = text.trim_matches(|c: char| c.is_ascii_whitespace() || ('\x1c'..='\x1f').contains(&c) || c == '\x0b');
    Ok(text.chars().filter(|&c| c != '_').collect())
}

fn parts_of(v: &Value) -> Option<Vec<Value>> {
    match v.downcast::<Tuple>() {
        Some(items) => Some(items.items().to_vec()),
        None => v.downcast::<List>().map(List::to_vec),
    }
}

/// `(sign, digits, exponent)`.
fn from_parts(t: &Thread, parts: &[Value]) -> Res<Decimal> {
    let [sign, digits, exponent] = parts else {
        return Err(error::value_error(t, "argument must be a sequence of length 3"));
    };
    let negative = match int::to_i64(sign) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(error::value_error(t, "sign must be an integer with the value 0 or 1")),
    };
    let (kind, exponent) = special(t, exponent)?;
    let Some(digits) = parts_of(digits) else {
        return Err(error::value_error(t, "coefficient must be a tuple of digits"));
    };
    let mut text = Vec::with_capacity(digits.len());
    for digit in &digits {
        match int::to_i64(digit) {
            Some(d @ 0..=9) => text.push(b'0' + d as u8),
            _ => return Err(error::value_error(t, "coefficient must be a tuple of digits")),
        }
    }
    if kind == Kind::Infinite {
        return Ok(Decimal::infinity(negative));
    }
    let coefficient = if text.is_empty() {
        UBig::ZERO
    } else {
        crate::numeric::compute(t, |poll| Ok(typhon_num::int_text::digits_to_int(&text, 10, poll)?))?
    };
    Ok(Decimal { negative, kind, coefficient, exponent })
}

fn special(t: &Thread, v: &Value) -> Res<(Kind, i64)> {
    if let Some(s) = v.downcast::<Str>() {
        let kinds = [("F", Kind::Infinite), ("n", Kind::QuietNan), ("N", Kind::SignalingNan)];
        return match kinds.iter().find(|(name, _)| s.eq_text(name)) {
            Some((_, kind)) => Ok((*kind, 0)),
            None => Err(error::value_error(t, "string argument in the third position must be 'F', 'n' or 'N'")),
        };
    }
    if !int::is_int(v) {
        return Err(error::value_error(t, "exponent must be an integer"));
    }
    // Far outside the range of exponents is as good as just outside.
    Ok((Kind::Finite, (convert::to_isize(t, v)? as i64).clamp(-4_000_000_000_000_000_000, 4_000_000_000_000_000_000)))
}

/// `context.create_decimal(num)`: rounded to the context.
pub(super) fn create(t: &Thread, ctx: &Value, v: &Value) -> Res {
    let number = if let Some(d) = v.downcast::<Dec>() {
        let payload_max = context::core(ctx).borrow().prec - i64::from(context::core(ctx).borrow().clamp);
        if d.number.is_nan() && !d.number.coefficient.is_zero() && d.number.digits() > payload_max {
            context::raise(t, ctx, status::CONVERSION_SYNTAX)?;
            return new(t, Decimal::nan());
        }
        compute(t, ctx, |m| m.finalize(d.number.clone()))?
    } else if let Some(d) = value::operand(v) {
        compute(t, ctx, |m| m.finalize(d.into_owned()))?
    } else if let Some(s) = v.downcast::<Str>() {
        let text = digits_text(t, s, false)?;
        compute(t, ctx, |m| m.parse(&text))?
    } else if let Some(parts) = parts_of(v) {
        let d = from_parts(t, &parts)?;
        compute(t, ctx, |m| m.finalize(d))?
    } else if let Some(x) = float::as_f64(v) {
        context::raise(t, ctx, status::FLOAT_OPERATION)?;
        let d = from_float(t, x)?;
        compute(t, ctx, |m| m.finalize(d))?
    } else {
        return Err(not_supported(t, v));
    };
    new(t, number)
}

/// The exact value of an int or a float.
fn int_or_float(t: &Thread, v: &Value) -> Res<Option<Decimal>> {
    if let Some(n) = int::to_big(v) {
        return Ok(Some(Decimal::from_int(&n)));
    }
    float::as_f64(v).map(|x| from_float(t, x)).transpose()
}

/// A decimal as an instance of the class that a class method was called on.
fn as_class(t: &Thread, class: &Value, d: Decimal) -> Res {
    let made = new(t, d)?;
    if class.is(&DECIMAL.ty().value()) { Ok(made) } else { call::call1(t, class, &made) }
}

/// `Decimal.from_float(f)`.
pub(super) fn of_float(t: &Thread, a: &[Value]) -> Res {
    match int_or_float(t, &a[1])? {
        Some(d) => as_class(t, &a[0], d),
        None => Err(error::type_error(t, "argument must be int or float")),
    }
}

/// `Decimal.from_number(number)`.
pub(super) fn of_number(t: &Thread, a: &[Value]) -> Res {
    if let Some(d) = a[1].downcast::<Dec>() {
        return as_class(t, &a[0], d.number.clone());
    }
    match int_or_float(t, &a[1])? {
        Some(d) => as_class(t, &a[0], d),
        None => Err(not_supported(t, &a[1])),
    }
}

/// `context.create_decimal_from_float(f)`.
pub(super) fn create_from_float(t: &Thread, a: &[Value]) -> Res {
    let Some(d) = int_or_float(t, &a[1])? else {
        return Err(error::type_error(t, "argument must be int or float"));
    };
    let rounded = |m: &mut Arith<'_, '_>| -> Result<Decimal, Stop> { m.finalize(d) };
    new(t, compute(t, &a[0], rounded)?)
}
