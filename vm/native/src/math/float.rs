//! Float: the functions from floats to floats.

use super::{domain, numeric, one, range, real, two};
use crate::libm;
use typhon_num::float_text::repr;
use typhon_num::real::{self as num, RealError};
use typhon_num::{IBig, int as num_int};
use typhon_object::error::{self, Res};
use typhon_object::thread::Thread;
use typhon_object::types::int;
use typhon_object::{Args, Value, convert, tuple};

/// What an argument outside the domain is told; `{}` stands for it.
type DomainText = &'static str;

const FINITE: DomainText = "expected a finite input, got ";
const UNIT: DomainText = "expected a number in range from -1 up to 1, got ";
const OPEN_UNIT: DomainText = "expected a number between -1 and 1, got ";
const NOT_BELOW_ONE: DomainText = "expected argument value not less than 1, got ";
const ABOVE_MINUS_ONE: DomainText = "expected argument value > -1, got ";
const NOT_NEGATIVE: DomainText = "expected a nonnegative input, got ";
const POSITIVE: DomainText = "expected a positive input, got ";
const NO_POLE: DomainText = "expected a noninteger or positive integer, got ";

fn outside(t: &Thread, text: DomainText, x: f64) -> error::Exc {
    error::value_error(t, format_args!("{text}{}", repr(x)))
}

/// Functions of one float: what they compute, whether they can overflow, and what they say outside their domain.
macro_rules! functions {
    ($($name:ident = $f:expr, $overflows:expr, $domain:expr;)*) => {$(
        pub(super) fn $name(t: &Thread, args: Args) -> Res {
            apply(t, one(t, stringify!($name), args)?, $f, $overflows, $domain)
        }
    )*};
}

functions! {
    acos = f64::acos, false, UNIT;
    acosh = |x| libm::acosh(x), false, NOT_BELOW_ONE;
    asin = f64::asin, false, UNIT;
    asinh = |x| libm::asinh(x), false, "";
    atan = f64::atan, false, "";
    atanh = |x| if x.abs() == 1.0 { f64::NAN } else { libm::atanh(x) }, false, OPEN_UNIT;
    cbrt = f64::cbrt, false, "";
    cos = f64::cos, false, FINITE;
    cosh = f64::cosh, true, "";
    degrees = |x| x * (180.0 / std::f64::consts::PI), false, "";
    erf = |x| libm::erf(x), false, "";
    erfc = |x| libm::erfc(x), false, "";
    exp = f64::exp, true, "";
    exp2 = f64::exp2, true, "";
    expm1 = f64::exp_m1, true, "";
    fabs = f64::abs, false, "";
    log1p = |x| if x == -1.0 { f64::NAN } else { x.ln_1p() }, false, ABOVE_MINUS_ONE;
    radians = |x| x * (std::f64::consts::PI / 180.0), false, "";
    sin = f64::sin, false, FINITE;
    sinh = f64::sinh, true, "";
    sqrt = f64::sqrt, false, NOT_NEGATIVE;
    tan = f64::tan, false, FINITE;
    tanh = f64::tanh, false, "";
    ulp = num::ulp, false, "";
}

fn apply(t: &Thread, v: &Value, f: fn(f64) -> f64, overflows: bool, text: DomainText) -> Res {
    let x = numeric::real(t, v)?;
    let r = f(x);
    if r.is_nan() && !x.is_nan() {
        return Err(outside(t, text, x));
    }
    if r.is_infinite() && x.is_finite() && overflows {
        return Err(range(t));
    }
    convert::from_f64(t, r)
}

pub(super) fn gamma(t: &Thread, args: Args) -> Res {
    gamma_like(t, one(t, "gamma", args)?, num::gamma)
}

pub(super) fn lgamma(t: &Thread, args: Args) -> Res {
    gamma_like(t, one(t, "lgamma", args)?, num::lgamma)
}

fn gamma_like(t: &Thread, v: &Value, f: fn(f64) -> Result<f64, RealError>) -> Res {
    let x = numeric::real(t, v)?;
    match f(x) {
        Err(RealError::Domain) => Err(outside(t, NO_POLE, x)),
        r => real(t, r),
    }
}

fn pair(t: &Thread, name: &str, args: Args) -> Res<(f64, f64)> {
    let (x, y) = two(t, name, args)?;
    Ok((numeric::real(t, x)?, numeric::real(t, y)?))
}

pub(super) fn atan2(t: &Thread, args: Args) -> Res {
    let (y, x) = pair(t, "atan2", args)?;
    convert::from_f64(t, y.atan2(x))
}

pub(super) fn copysign(t: &Thread, args: Args) -> Res {
    let (x, y) = pair(t, "copysign", args)?;
    convert::from_f64(t, x.copysign(y))
}

pub(super) fn fmod(t: &Thread, args: Args) -> Res {
    let (x, y) = pair(t, "fmod", args)?;
    let r = x % y;
    if r.is_nan() && !x.is_nan() && !y.is_nan() {
        return Err(domain(t));
    }
    convert::from_f64(t, r)
}

pub(super) fn pow(t: &Thread, args: Args) -> Res {
    let (x, y) = pair(t, "pow", args)?;
    real(t, num::pow(x, y))
}

pub(super) fn remainder(t: &Thread, args: Args) -> Res {
    let (x, y) = pair(t, "remainder", args)?;
    real(t, num::remainder(x, y))
}

pub(super) fn fma(t: &Thread, args: Args) -> Res {
    super::no_keywords(t, "fma", args)?;
    let a = args.expect_positional(t, "fma", 3, 3)?;
    let (x, y, z) = (numeric::real(t, &a[0])?, numeric::real(t, &a[1])?, numeric::real(t, &a[2])?);
    let r = x.mul_add(y, z);
    if r.is_nan() && !x.is_nan() && !y.is_nan() && !z.is_nan() {
        return Err(error::value_error(t, "invalid operation in fma"));
    }
    if r.is_infinite() && x.is_finite() && y.is_finite() && z.is_finite() {
        return Err(error::overflow_error(t, "overflow in fma"));
    }
    convert::from_f64(t, r)
}

pub(super) fn frexp(t: &Thread, args: Args) -> Res {
    let (m, e) = num::frexp(numeric::real(t, one(t, "frexp", args)?)?);
    tuple::new(t, &[convert::from_f64(t, m)?, Value::small(e)])
}

pub(super) fn modf(t: &Thread, args: Args) -> Res {
    let x = numeric::real(t, one(t, "modf", args)?)?;
    let whole = x.trunc();
    let fraction = if x.is_infinite() { 0.0 } else { x - whole };
    tuple::new(t, &[convert::from_f64(t, fraction.copysign(x))?, convert::from_f64(t, whole)?])
}

pub(super) fn ldexp(t: &Thread, args: Args) -> Res {
    let (x, i) = two(t, "ldexp", args)?;
    let x = numeric::real(t, x)?;
    if !int::is_int(i) {
        return Err(error::type_error(t, "Expected an int as second argument to ldexp."));
    }
    let exp = int::to_i64(i).unwrap_or(if int::is_negative(i) { i64::MIN / 2 } else { i64::MAX / 2 });
    real(t, num::ldexp(x, exp))
}

pub(super) fn isfinite(t: &Thread, args: Args) -> Res {
    Ok(Value::bool(numeric::real(t, one(t, "isfinite", args)?)?.is_finite()))
}

pub(super) fn isinf(t: &Thread, args: Args) -> Res {
    Ok(Value::bool(numeric::real(t, one(t, "isinf", args)?)?.is_infinite()))
}

pub(super) fn isnan(t: &Thread, args: Args) -> Res {
    Ok(Value::bool(numeric::real(t, one(t, "isnan", args)?)?.is_nan()))
}

pub(super) fn isclose(t: &Thread, a: &[Value]) -> Res {
    let tolerance = |v: &Value, default| v.opt().map_or(Ok(default), |v| numeric::real(t, v));
    let (x, y) = (numeric::real(t, &a[0])?, numeric::real(t, &a[1])?);
    let (relative, absolute) = (tolerance(&a[2], 1e-9)?, tolerance(&a[3], 0.0)?);
    if relative < 0.0 || absolute < 0.0 {
        return Err(error::value_error(t, "tolerances must be non-negative"));
    }
    Ok(Value::bool(num::is_close(x, y, relative, absolute)))
}

pub(super) fn nextafter(t: &Thread, a: &[Value]) -> Res {
    let (x, y) = (numeric::real(t, &a[0])?, numeric::real(t, &a[1])?);
    let steps = match a[2].non_none() {
        None => 1,
        Some(steps) => {
            let steps = convert::to_index(t, steps)?;
            if int::is_negative(&steps) {
                return Err(error::value_error(t, "steps must be a non-negative integer"));
            }
            int::to_u64(&steps).unwrap_or(u64::MAX)
        }
    };
    convert::from_f64(t, num::next_after(x, y, steps))
}

/// A logarithm that takes ints of any size.
fn log_any(t: &Thread, v: &Value, f: fn(f64) -> f64) -> Res<f64> {
    if let Some(n) = int::to_big(v) {
        if n <= IBig::ZERO {
            return Err(error::value_error(t, "expected a positive input"));
        }
        if let Ok(x) = num_int::to_f64(&n) {
            return Ok(f(x));
        }
        // The leading bits, and the power of two below them.
        let shift = num_int::bit_length(&n) - 64;
        let top = num_int::shr(&n, &IBig::from(shift)).map_err(|e| numeric::exception(t, e))?;
        let (m, e) = num::frexp(num_int::to_f64(&top).map_err(|e| numeric::exception(t, e))?);
        return Ok(f(m) + f(2.0) * (e as f64 + shift as f64));
    }
    let x = numeric::real(t, v)?;
    if x <= 0.0 {
        return Err(outside(t, POSITIVE, x));
    }
    Ok(f(x))
}

pub(super) fn log(t: &Thread, args: Args) -> Res {
    super::no_keywords(t, "log", args)?;
    let a = args.expect_positional(t, "log", 1, 2)?;
    let over = log_any(t, &a[0], f64::ln)?;
    let Some(base) = a.get(1) else { return convert::from_f64(t, over) };
    let under = log_any(t, base, f64::ln)?;
    if under == 0.0 {
        return Err(error::zero_division(t, "division by zero"));
    }
    convert::from_f64(t, over / under)
}

pub(super) fn log2(t: &Thread, args: Args) -> Res {
    convert::from_f64(t, log_any(t, one(t, "log2", args)?, f64::log2)?)
}

pub(super) fn log10(t: &Thread, args: Args) -> Res {
    convert::from_f64(t, log_any(t, one(t, "log10", args)?, f64::log10)?)
}
