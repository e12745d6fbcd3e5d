//! cmath.

mod functions;
mod special;

use crate::numeric;
use functions::Complex;
use typhon_num::real::RealError;
use typhon_object::error::{self, Exc, Res};
use typhon_object::native::{ModuleDef, def, raw};
use typhon_object::thread::Thread;
use typhon_object::types::complex;
use typhon_object::{Args, Value, attr, convert, names, tuple};

/// The module.
pub static MODULE: ModuleDef = ModuleDef {
    name: "cmath",
    doc: "This module provides access to mathematical functions for complex\nnumbers.",
    functions: &[
        raw("acos", "($module, z, /)", acos, "Return the arc cosine of z."),
        raw("acosh", "($module, z, /)", acosh, "Return the inverse hyperbolic cosine of z."),
        raw("asin", "($module, z, /)", asin, "Return the arc sine of z."),
        raw("asinh", "($module, z, /)", asinh, "Return the inverse hyperbolic sine of z."),
        raw("atan", "($module, z, /)", atan, "Return the arc tangent of z."),
        raw("atanh", "($module, z, /)", atanh, "Return the inverse hyperbolic tangent of z."),
        raw("cos", "($module, z, /)", cos, "Return the cosine of z."),
        raw("cosh", "($module, z, /)", cosh, "Return the hyperbolic cosine of z."),
        raw("exp", "($module, z, /)", exp, "Return the exponential value e**z."),
        def(
            "isclose",
            "($module, /, a, b, *, rel_tol=1e-09, abs_tol=0.0)",
            isclose,
            "Determine whether two complex numbers are close in value.\n\n  rel_tol\n    maximum difference for being considered \"close\", relative to the\n    magnitude of the input values\n  abs_tol\n    maximum difference for being considered \"close\", regardless of the\n    magnitude of the input values\n\nReturn True if a is close in value to b, and False otherwise.\n\nFor the values to be considered close, the difference between them must\nbe smaller than at least one of the tolerances.\n\n-inf, inf and NaN behave similarly to the IEEE 754 Standard.  That is,\nNaN is not close to anything, even itself. inf and -inf are only close\nto themselves.",
        ),
        raw(
            "isfinite",
            "($module, z, /)",
            isfinite,
            "Return True if both the real and imaginary parts of z are finite, else False.",
        ),
        raw("isinf", "($module, z, /)", isinf, "Checks if the real or imaginary part of z is infinite."),
        raw("isnan", "($module, z, /)", isnan, "Checks if the real or imaginary part of z not a number (NaN)."),
        raw(
            "log",
            "($module, z, base=<unrepresentable>, /)",
            log,
            "log(z[, base]) -> the logarithm of z to the given base.\n\nIf the base is not specified, returns the natural logarithm (base e)\nof z.",
        ),
        raw("log10", "($module, z, /)", log10, "Return the base-10 logarithm of z."),
        raw("phase", "($module, z, /)", phase, "Return argument, also known as the phase angle, of a complex."),
        raw(
            "polar",
            "($module, z, /)",
            polar,
            "Convert a complex from rectangular coordinates to polar coordinates.\n\nr is the distance from 0 and phi the phase angle.",
        ),
        raw("rect", "($module, r, phi, /)", rect, "Convert from polar coordinates to rectangular coordinates."),
        raw("sin", "($module, z, /)", sin, "Return the sine of z."),
        raw("sinh", "($module, z, /)", sinh, "Return the hyperbolic sine of z."),
        raw("sqrt", "($module, z, /)", sqrt, "Return the square root of z."),
        raw("tan", "($module, z, /)", tan, "Return the tangent of z."),
        raw("tanh", "($module, z, /)", tanh, "Return the hyperbolic tangent of z."),
    ],
    types: &[],
    init: Some(init),
};

fn init(t: &Thread, module: &Value) -> Res<()> {
    use std::f64::consts;
    let set = |name: &str, v: Value| attr::set(t, module, &names::intern_text(t, name), Some(&v));
    let reals = [("pi", consts::PI), ("e", consts::E), ("tau", consts::TAU), ("inf", f64::INFINITY), ("nan", f64::NAN)];
    for (name, x) in reals {
        set(name, convert::from_f64(t, x)?)?;
    }
    set("infj", complex::new(t, 0.0, f64::INFINITY)?)?;
    set("nanj", complex::new(t, 0.0, f64::NAN)?)
}

/// The argument of `cmath.name(z)` as a complex number.
fn one(t: &Thread, name: &str, args: Args) -> Res<Complex> {
    if args.has_keywords() {
        return Err(error::type_error(t, format_args!("cmath.{name}() takes no keyword arguments")));
    }
    match args.values {
        [z] => numeric::complex(t, z),
        values => Err(error::type_error(
            t,
            format_args!("cmath.{name}() takes exactly one argument ({} given)", values.len()),
        )),
    }
}

fn raised(t: &Thread, e: RealError) -> Exc {
    match e {
        RealError::Domain => error::value_error(t, "math domain error"),
        RealError::Range => error::overflow_error(t, "math range error"),
    }
}

fn finish(t: &Thread, r: functions::Result) -> Res {
    let (re, im) = r.map_err(|e| raised(t, e))?;
    complex::new(t, re, im)
}

macro_rules! functions_of_one {
    ($($name:ident)*) => {$(
        fn $name(t: &Thread, args: Args) -> Res {
            finish(t, functions::$name(one(t, stringify!($name), args)?))
        }
    )*};
}
functions_of_one! { acos acosh asin asinh atan atanh cos cosh exp log10 sin sinh sqrt tan tanh }

fn log(t: &Thread, args: Args) -> Res {
    if args.has_keywords() {
        return Err(error::type_error(t, "cmath.log() takes no keyword arguments"));
    }
    let a = args.expect_positional(t, "log", 1, 2)?;
    let z = numeric::complex(t, &a[0])?;
    let base = a.get(1).map(|b| numeric::complex(t, b)).transpose()?;
    let Some(base) = base else { return finish(t, functions::log(z)) };
    // CPython forgets the first logarithm's error when it computes the second.
    let over = functions::log(z).unwrap_or((f64::NEG_INFINITY, z.1.atan2(z.0)));
    let under = functions::log(base).map_err(|e| raised(t, e))?;
    finish(t, functions::divide(over, under).ok_or(RealError::Domain))
}

fn phase(t: &Thread, args: Args) -> Res {
    let (x, y) = one(t, "phase", args)?;
    convert::from_f64(t, y.atan2(x))
}

fn polar(t: &Thread, args: Args) -> Res {
    let (x, y) = one(t, "polar", args)?;
    let r = functions::abs((x, y)).map_err(|e| raised(t, e))?;
    tuple::new(t, &[convert::from_f64(t, r)?, convert::from_f64(t, y.atan2(x))?])
}

fn rect(t: &Thread, args: Args) -> Res {
    if args.has_keywords() {
        return Err(error::type_error(t, "cmath.rect() takes no keyword arguments"));
    }
    let a = args.expect_positional(t, "rect", 2, 2)?;
    finish(t, functions::rect(numeric::real(t, &a[0])?, numeric::real(t, &a[1])?))
}

fn isfinite(t: &Thread, args: Args) -> Res {
    let (x, y) = one(t, "isfinite", args)?;
    Ok(Value::bool(x.is_finite() && y.is_finite()))
}

fn isinf(t: &Thread, args: Args) -> Res {
    let (x, y) = one(t, "isinf", args)?;
    Ok(Value::bool(x.is_infinite() || y.is_infinite()))
}

fn isnan(t: &Thread, args: Args) -> Res {
    let (x, y) = one(t, "isnan", args)?;
    Ok(Value::bool(x.is_nan() || y.is_nan()))
}

fn isclose(t: &Thread, args: &[Value]) -> Res {
    let (a, b) = (numeric::complex(t, &args[0])?, numeric::complex(t, &args[1])?);
    let tolerance = |v: &Value, default| v.opt().map_or(Ok(default), |v| numeric::real(t, v));
    let (relative, absolute) = (tolerance(&args[2], 1e-9)?, tolerance(&args[3], 0.0)?);
    if relative < 0.0 || absolute < 0.0 {
        return Err(error::value_error(t, "tolerances must be non-negative"));
    }
    if a == b {
        return Ok(Value::TRUE);
    }
    if [a.0, a.1, b.0, b.1].into_iter().any(f64::is_infinite) {
        return Ok(Value::FALSE);
    }
    let size = |(x, y): Complex| x.hypot(y);
    let gap = size((a.0 - b.0, a.1 - b.1));
    Ok(Value::bool(gap <= relative * size(b) || gap <= relative * size(a) || gap <= absolute))
}
