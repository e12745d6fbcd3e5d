//! float: self-tagged in the word, or boxed where the exponent is out of that range.

use crate::args::Args;
use crate::convert::from_f64;
use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::ops::CompareOp;
use crate::payload;
use crate::slots::{Slots, UnaryFn};
use crate::strs::{self, Str, StrBuilder};
use crate::thread::Thread;
use crate::ty::{TypeDef, flag, type_of};
use crate::types::iters::own_init;
use crate::types::{complex, exceptions, int};
use crate::value::Value;
use crate::{buffer, convert, ops, tuple};
use dashu_int::IBig;
use typhon_num::{NumError, float_text};

mod methods;

/// A boxed float: zeros, infinities, nan, extreme exponents, and instances of subclasses.
#[repr(C)]
pub struct Float {
    pub(crate) header: Header,
    value: f64,
}

crate::payload!(Float => FLOAT);

/// float.
pub static FLOAT: TypeDef = TypeDef {
    name: "float",
    doc: "Convert a string or number to a floating-point number, if possible.",
    signature: "(x=0, /)",
    id: ids::FLOAT,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::ATOMIC,
    slots: Slots {
        new: Some(construct),
        repr: Some(|t, v| strs::from_latin1(t, float_text::repr(value(v)).as_bytes())),
        hash: Some(|_, v| Ok(hash_f64(value(v), v))),
        compare: Some(compare),
        bool: Some(|_, v| Ok(value(v) != 0.0)),
        add: Some(|t, a, b| arith(t, a, b, |_, x, y| Ok(x + y))),
        sub: Some(|t, a, b| arith(t, a, b, |_, x, y| Ok(x - y))),
        mul: Some(|t, a, b| arith(t, a, b, |_, x, y| Ok(x * y))),
        truediv: Some(|t, a, b| arith(t, a, b, divide)),
        floordiv: Some(|t, a, b| arith(t, a, b, |t, x, y| Ok(floor_mod(t, x, y)?.0))),
        mod_: Some(|t, a, b| arith(t, a, b, remainder)),
        divmod: Some(divmod),
        pow: Some(pow),
        neg: Some(|t, v| from_f64(t, -value(v))),
        pos: Some(exact),
        abs: Some(|t, v| from_f64(t, value(v).abs())),
        int: Some(|t, v| truncate(t, value(v))),
        float: Some(exact),
        ..Slots::NONE
    },
    methods: methods::METHODS,
    getset: methods::GETSET,
    ..TypeDef::of::<Float>()
};

/// The value of a float (subclasses included).
#[inline(always)]
pub fn as_f64(v: &Value) -> Option<f64> {
    match v.as_immediate_float() {
        Some(x) => Some(x),
        None => v.downcast::<Float>().map(|f| f.value),
    }
}

/// The value of a method's self.
#[inline(always)]
fn value(v: &Value) -> f64 {
    as_f64(v).unwrap_or(f64::NAN)
}

/// A float that does not fit the word.
#[cold]
pub fn boxed(t: &Thread, value: f64) -> Res {
    payload::new(t, |header| Float { header, value })
}

/// A float of a subclass.
pub fn of_class(t: &Thread, class: &Value, value: f64) -> Res {
    payload::new_for(t, class, |header| Float { header, value })
}

/// An int as f64.
pub fn of_int(t: &Thread, v: &Value) -> Res<f64> {
    if let Some(i) = v.as_small() {
        return Ok(i as f64);
    }
    match typhon_num::int::to_f64(&int::to_big(v).unwrap_or_default()) {
        Ok(x) => Ok(x),
        Err(e) => Err(int::num_error(t, e)),
    }
}

/// Any number as f64, through `__float__` or `__index__`.
pub fn to_f64(t: &Thread, v: &Value) -> Res<f64> {
    if let Some(x) = as_f64(v) {
        return Ok(x);
    }
    if v.is_small() {
        return of_int(t, v);
    }
    let slots = type_of(v).slots();
    if let Some(f) = slots.float {
        return of_slot(t, v, f);
    }
    if slots.index.is_some() {
        return of_int(t, &convert::to_index(t, v)?);
    }
    Err(error::type_error(t, format_args!("must be real number, not {}", type_of(v).name())))
}

/// What `__float__` gives, checked.
fn of_slot(t: &Thread, v: &Value, f: UnaryFn) -> Res<f64> {
    let r = f(t, v)?;
    let Some(x) = as_f64(&r) else {
        return Err(error::type_error(
            t,
            format_args!("{}.__float__ returned non-float (type {})", type_of(v).name(), type_of(&r).name()),
        ));
    };
    if !r.is_immediate_float() && r.exact::<Float>().is_none() {
        let (ty, got) = (type_of(v).name(), type_of(&r).name());
        let text = format!(
            "{ty}.__float__ returned non-float (type {got}).  The ability to return an instance of a strict subclass of float is deprecated, and may be removed in a future version of Python."
        );
        (t.hooks.warn)(t, &exceptions::DEPRECATION_WARNING.ty().value(), &text, 1)?;
    }
    Ok(x)
}

fn exact(t: &Thread, v: &Value) -> Res {
    if v.is_immediate_float() || v.exact::<Float>().is_some() { Ok(v.clone()) } else { from_f64(t, value(v)) }
}

/// Both operands as f64, ints converted; `None` if one is neither.
#[inline(always)]
fn operands(t: &Thread, a: &Value, b: &Value) -> Res<Option<(f64, f64)>> {
    if let (Some(x), Some(y)) = (a.as_immediate_float(), b.as_immediate_float()) {
        return Ok(Some((x, y)));
    }
    let one = |v: &Value| -> Res<Option<f64>> {
        match as_f64(v) {
            Some(x) => Ok(Some(x)),
            None if int::is_int(v) => of_int(t, v).map(Some),
            None => Ok(None),
        }
    };
    let (Some(x), Some(y)) = (one(a)?, one(b)?) else { return Ok(None) };
    Ok(Some((x, y)))
}

#[inline(always)]
fn arith(t: &Thread, a: &Value, b: &Value, f: impl FnOnce(&Thread, f64, f64) -> Res<f64>) -> Res {
    match operands(t, a, b)? {
        Some((x, y)) => from_f64(t, f(t, x, y)?),
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}

fn divide(t: &Thread, x: f64, y: f64) -> Res<f64> {
    if y == 0.0 { Err(error::zero_division(t, "division by zero")) } else { Ok(x / y) }
}

/// Floored quotient and the remainder with the divisor's sign.
fn floor_mod(t: &Thread, x: f64, y: f64) -> Res<(f64, f64)> {
    if y == 0.0 {
        return Err(error::zero_division(t, "division by zero"));
    }
    let mut rest = x % y;
    // Not quite x / y: rest may be rounded, so the division is exact but for one ulp.
    let mut quotient = (x - rest) / y;
    if rest != 0.0 {
        if (y < 0.0) != (rest < 0.0) {
            rest += y;
            quotient -= 1.0;
        }
    } else {
        rest = 0f64.copysign(y);
    }
    let floored = if quotient == 0.0 {
        0f64.copysign(x / y)
    } else {
        let low = quotient.floor();
        if quotient - low > 0.5 { low + 1.0 } else { low }
    };
    Ok((floored, rest))
}

fn remainder(t: &Thread, x: f64, y: f64) -> Res<f64> {
    Ok(floor_mod(t, x, y)?.1)
}

fn divmod(t: &Thread, a: &Value, b: &Value) -> Res {
    match operands(t, a, b)? {
        Some((x, y)) => {
            let (q, r) = floor_mod(t, x, y)?;
            tuple::from_array(t, [from_f64(t, q)?, from_f64(t, r)?])
        }
        None => Ok(Value::NOT_IMPLEMENTED),
    }
}

/// `a ** b` of floats; a modulus is refused.
pub fn pow(t: &Thread, a: &Value, b: &Value, c: &Value) -> Res {
    if !c.is_none() {
        return Err(error::type_error(t, "pow() 3rd argument not allowed unless all arguments are integers"));
    }
    let Some((x, y)) = operands(t, a, b)? else { return Ok(Value::NOT_IMPLEMENTED) };
    if x == 0.0 && y < 0.0 && y.is_finite() {
        return Err(error::zero_division(t, "zero to a negative power"));
    }
    if x < 0.0 && x.is_finite() && y.is_finite() && y != y.floor() {
        return complex::power(t, (x, 0.0), (y, 0.0));
    }
    let z = x.powf(y);
    if z.is_infinite() && x.is_finite() && y.is_finite() {
        let args = [Value::small(34), strs::new(t, "Numerical result out of range")?];
        return Err(error::with_args(t, exceptions::OVERFLOW_ERROR.ty(), &args));
    }
    from_f64(t, z)
}

/// `int(x)`.
fn truncate(t: &Thread, x: f64) -> Res {
    if x.abs() < 1e18 {
        return convert::from_i64(t, x as i64);
    }
    int::from_big(t, typhon_num::int::from_f64(x).map_err(|e| int::num_error(t, e))?)
}

/// `hash(x)`; `object` stands for a nan, whose hash is its identity's.
pub fn hash_f64(x: f64, object: &Value) -> i64 {
    match typhon_num::int::hash_f64(x) {
        Some(h) => h,
        None => (object.bits() >> 4) as i64,
    }
}

fn compare(_: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    let Some(x) = as_f64(a) else { return Ok(Value::NOT_IMPLEMENTED) };
    if let Some(y) = as_f64(b) {
        return Ok(Value::bool(holds(op, x.partial_cmp(&y))));
    }
    if !int::is_int(b) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    Ok(Value::bool(holds(op, compare_int(x, b))))
}

fn holds(op: CompareOp, order: Option<std::cmp::Ordering>) -> bool {
    match order {
        Some(order) => op.holds(order),
        None => op == CompareOp::Ne,
    }
}

/// A float against an int, exactly.
fn compare_int(x: f64, v: &Value) -> Option<std::cmp::Ordering> {
    const EXACT: i64 = 1 << 53;
    if let Some(i) = v.as_small().filter(|i| i.abs() <= EXACT) {
        return x.partial_cmp(&(i as f64));
    }
    if !x.is_finite() {
        return x.partial_cmp(&0.0);
    }
    let whole = typhon_num::int::from_f64(x).unwrap_or(IBig::ZERO);
    let order = whole.cmp(&int::to_big(v).unwrap_or_default());
    Some(order.then_with(|| x.fract().partial_cmp(&0.0).unwrap_or(std::cmp::Ordering::Equal)))
}

fn construct(t: &Thread, class: &Value, args: Args<'_>) -> Res {
    if let ([v], []) = (args.values, args.names)
        && class.is(&FLOAT.ty().value())
    {
        match v.as_small() {
            Some(i) => return from_f64(t, i as f64),
            None if v.is_immediate_float() => return Ok(v.clone()),
            None => {}
        }
    }
    if !own_init(class, &FLOAT) {
        args.no_keywords(t, "float")?;
    }
    let a = Args::pos(args.positional()).expect_positional(t, "float", 0, 1)?;
    let x = match a.first() {
        None => 0.0,
        Some(v) if v.exact::<Float>().is_some() && class.is(&FLOAT.ty().value()) => return Ok(v.clone()),
        Some(v) if is_text(v) => parse(t, v)?,
        Some(v) => number(t, v)?,
    };
    if class.is(&FLOAT.ty().value()) { from_f64(t, x) } else { of_class(t, class, x) }
}

/// A str or bytes-like object, unless its class says how it is a number.
fn is_text(v: &Value) -> bool {
    type_of(v).slots().float.is_none() && (v.downcast::<Str>().is_some() || buffer::supported(v))
}

fn number(t: &Thread, v: &Value) -> Res<f64> {
    let slots = type_of(v).slots();
    if as_f64(v).is_none() && slots.float.is_none() && slots.index.is_none() {
        let name = type_of(v).name();
        return Err(error::type_error(
            t,
            format_args!("float() argument must be a string or a real number, not '{name}'"),
        ));
    }
    match slots.float {
        // A subclass of float may have its own idea of its value.
        Some(f) if v.downcast::<Float>().is_some() && v.exact::<Float>().is_none() => of_slot(t, v, f),
        _ => to_f64(t, v),
    }
}

/// `float(text)`.
pub fn parse(t: &Thread, v: &Value) -> Res<f64> {
    let text = match v.downcast::<Str>() {
        Some(s) => int::ascii_number(s),
        None => buffer::get(t, v, buffer::SIMPLE)?.as_slice().iter().map(|&b| char::from(b)).collect(),
    };
    match float_text::parse(&text) {
        Some(x) => Ok(x),
        None => Err(not_a_float(t, v)),
    }
}

#[cold]
fn not_a_float(t: &Thread, v: &Value) -> error::Exc {
    let message = || -> Res {
        let mut out = StrBuilder::new();
        out.push_str("could not convert string to float: ");
        out.push_value(ops::repr(t, v)?.expect::<Str>());
        out.finish(t)
    };
    match message() {
        Ok(text) => error::with_args(t, exceptions::VALUE_ERROR.ty(), &[text]),
        Err(e) => e,
    }
}

/// A numeric error as an exception.
fn fail(t: &Thread) -> impl Fn(NumError) -> error::Exc + '_ {
    |e| int::num_error(t, e)
}
