//! math.

mod float;
mod integral;
mod many;

use crate::numeric;
use typhon_num::real::RealError;
use typhon_object::error::{self, Exc, Res};
use typhon_object::native::{ModuleDef, def, raw};
use typhon_object::thread::Thread;
use typhon_object::{Args, Value, convert, names};

/// The module.
pub static MODULE: ModuleDef = ModuleDef {
    name: "math",
    doc: "This module provides access to the mathematical functions\ndefined by the C standard.",
    functions: &[
        raw(
            "acos",
            "($module, x, /)",
            float::acos,
            "Return the arc cosine (measured in radians) of x.\n\nThe result is between 0 and pi.",
        ).tame(),
        raw("acosh", "($module, x, /)", float::acosh, "Return the inverse hyperbolic cosine of x."),
        raw(
            "asin",
            "($module, x, /)",
            float::asin,
            "Return the arc sine (measured in radians) of x.\n\nThe result is between -pi/2 and pi/2.",
        ).tame(),
        raw("asinh", "($module, x, /)", float::asinh, "Return the inverse hyperbolic sine of x."),
        raw(
            "atan",
            "($module, x, /)",
            float::atan,
            "Return the arc tangent (measured in radians) of x.\n\nThe result is between -pi/2 and pi/2.",
        ).tame(),
        raw(
            "atan2",
            "($module, y, x, /)",
            float::atan2,
            "Return the arc tangent (measured in radians) of y/x.\n\nUnlike atan(y/x), the signs of both x and y are considered.",
        ).tame(),
        raw("atanh", "($module, x, /)", float::atanh, "Return the inverse hyperbolic tangent of x."),
        raw("cbrt", "($module, x, /)", float::cbrt, "Return the cube root of x."),
        raw(
            "ceil",
            "($module, x, /)",
            integral::ceil,
            "Return the ceiling of x as an Integral.\n\nThis is the smallest integer >= x.",
        ).tame(),
        raw(
            "comb",
            "($module, n, k, /)",
            integral::comb,
            "Number of ways to choose k items from n items without repetition and without order.\n\nEvaluates to n! / (k! * (n - k)!) when k <= n and evaluates\nto zero when k > n.\n\nAlso called the binomial coefficient because it is equivalent\nto the coefficient of k-th term in polynomial expansion of the\nexpression (1 + x)**n.\n\nRaises TypeError if either of the arguments are not integers.\nRaises ValueError if either of the arguments are negative.",
        ),
        raw(
            "copysign",
            "($module, x, y, /)",
            float::copysign,
            "Return a float with the magnitude (absolute value) of x but the sign of y.\n\nOn platforms that support signed zeros, copysign(1.0, -0.0)\nreturns -1.0.\n",
        ),
        raw("cos", "($module, x, /)", float::cos, "Return the cosine of x (measured in radians).").tame(),
        raw("cosh", "($module, x, /)", float::cosh, "Return the hyperbolic cosine of x.").tame(),
        raw("degrees", "($module, x, /)", float::degrees, "Convert angle x from radians to degrees.").tame(),
        raw(
            "dist",
            "($module, p, q, /)",
            many::dist,
            "Return the Euclidean distance between two points p and q.\n\nThe points should be specified as sequences (or iterables) of\ncoordinates.  Both inputs must have the same dimension.\n\nRoughly equivalent to:\n    sqrt(sum((px - qx) ** 2.0 for px, qx in zip(p, q)))",
        ),
        raw("erf", "($module, x, /)", float::erf, "Error function at x."),
        raw("erfc", "($module, x, /)", float::erfc, "Complementary error function at x."),
        raw("exp", "($module, x, /)", float::exp, "Return e raised to the power of x.").tame(),
        raw("exp2", "($module, x, /)", float::exp2, "Return 2 raised to the power of x."),
        raw(
            "expm1",
            "($module, x, /)",
            float::expm1,
            "Return exp(x)-1.\n\nThis function avoids the loss of precision involved in the direct evaluation of exp(x)-1 for small x.",
        ),
        raw("fabs", "($module, x, /)", float::fabs, "Return the absolute value of the float x.").tame(),
        raw("factorial", "($module, n, /)", integral::factorial, "Find n!."),
        raw(
            "floor",
            "($module, x, /)",
            integral::floor,
            "Return the floor of x as an Integral.\n\nThis is the largest integer <= x.",
        ).tame(),
        raw(
            "fma",
            "($module, x, y, z, /)",
            float::fma,
            "Fused multiply-add operation.\n\nCompute (x * y) + z with a single round.",
        ),
        raw(
            "fmod",
            "($module, x, y, /)",
            float::fmod,
            "Return fmod(x, y), according to platform C.\n\nx % y may differ.",
        ).tame(),
        raw(
            "frexp",
            "($module, x, /)",
            float::frexp,
            "Return the mantissa and exponent of x, as pair (m, e).\n\nIf x is a finite nonzero number, then m is a float with\n0.5 <= abs(m) < 1.0 and an integer e is such that\nx == m * 2**e exactly.  Else, return (x, 0).",
        ),
        raw(
            "fsum",
            "($module, seq, /)",
            many::fsum,
            "Return an accurate floating-point sum of values in the iterable seq.\n\nAssumes IEEE-754 floating-point arithmetic.",
        ),
        raw("gamma", "($module, x, /)", float::gamma, "Gamma function at x."),
        raw("gcd", "($module, /, *integers)", integral::gcd, "Greatest Common Divisor."),
        raw(
            "hypot",
            "($module, /, *coordinates)",
            many::hypot,
            "Multidimensional Euclidean distance from the origin to a point.\n\nRoughly equivalent to:\n    sqrt(sum(x**2 for x in coordinates))\n\nFor a two dimensional point (x, y), gives the hypotenuse\nusing the Pythagorean theorem:  sqrt(x*x + y*y).\n\nFor example, the hypotenuse of a 3/4/5 right triangle is:\n\n    >>> hypot(3.0, 4.0)\n    5.0",
        ).tame(),
        def(
            "isclose",
            "($module, /, a, b, *, rel_tol=1e-09, abs_tol=0.0)",
            float::isclose,
            "Determine whether two floating-point numbers are close in value.\n\n  rel_tol\n    maximum difference for being considered \"close\", relative to the\n    magnitude of the input values\n  abs_tol\n    maximum difference for being considered \"close\", regardless of the\n    magnitude of the input values\n\nReturn True if a is close in value to b, and False otherwise.\n\nFor the values to be considered close, the difference between them\nmust be smaller than at least one of the tolerances.\n\n-inf, inf and NaN behave similarly to the IEEE 754 Standard.  That\nis, NaN is not close to anything, even itself.  inf and -inf are\nonly close to themselves.",
        ),
        raw(
            "isfinite",
            "($module, x, /)",
            float::isfinite,
            "Return True if x is neither an infinity nor a NaN, and False otherwise.",
        ),
        raw(
            "isinf",
            "($module, x, /)",
            float::isinf,
            "Return True if x is a positive or negative infinity, and False otherwise.",
        ).tame(),
        raw("isnan", "($module, x, /)", float::isnan, "Return True if x is a NaN (not a number), and False otherwise.").tame(),
        raw("isqrt", "($module, n, /)", integral::isqrt, "Return the integer part of the square root of the input.").tame(),
        raw("lcm", "($module, /, *integers)", integral::lcm, "Least Common Multiple."),
        raw(
            "ldexp",
            "($module, x, i, /)",
            float::ldexp,
            "Return x * (2**i).\n\nThis is essentially the inverse of frexp().",
        ),
        raw("lgamma", "($module, x, /)", float::lgamma, "Natural logarithm of absolute value of Gamma function at x."),
        raw(
            "log",
            "",
            float::log,
            "log(x, [base=math.e])\nReturn the logarithm of x to the given base.\n\nIf the base is not specified, returns the natural logarithm (base e) of x.",
        ).tame(),
        raw("log10", "($module, x, /)", float::log10, "Return the base 10 logarithm of x.").tame(),
        raw(
            "log1p",
            "($module, x, /)",
            float::log1p,
            "Return the natural logarithm of 1+x (base e).\n\nThe result is computed in a way which is accurate for x near zero.",
        ),
        raw("log2", "($module, x, /)", float::log2, "Return the base 2 logarithm of x.").tame(),
        raw(
            "modf",
            "($module, x, /)",
            float::modf,
            "Return the fractional and integer parts of x.\n\nBoth results carry the sign of x and are floats.",
        ),
        def(
            "nextafter",
            "($module, x, y, /, *, steps=None)",
            float::nextafter,
            "Return the floating-point value the given number of steps after x towards y.\n\nIf steps is not specified or is None, it defaults to 1.\n\nRaises a TypeError, if x or y is not a double, or if steps is not\nan integer.  Raises ValueError if steps is negative.",
        ),
        raw(
            "perm",
            "($module, n, k=None, /)",
            integral::perm,
            "Number of ways to choose k items from n items without repetition and with order.\n\nEvaluates to n! / (n - k)! when k <= n and evaluates\nto zero when k > n.\n\nIf k is not specified or is None, then k defaults to n\nand the function returns n!.\n\nRaises TypeError if either of the arguments are not integers.\nRaises ValueError if either of the arguments are negative.",
        ),
        raw("pow", "($module, x, y, /)", float::pow, "Return x**y (x to the power of y).").tame(),
        def(
            "prod",
            "($module, iterable, /, *, start=1)",
            many::prod,
            "Calculate the product of all the elements in the input iterable.\n\nThe default start value for the product is 1.\n\nWhen the iterable is empty, return the start value.  This function is\nintended specifically for use with numeric values and may reject\nnon-numeric types.",
        ),
        raw("radians", "($module, x, /)", float::radians, "Convert angle x from degrees to radians.").tame(),
        raw(
            "remainder",
            "($module, x, y, /)",
            float::remainder,
            "Difference between x and the closest integer multiple of y.\n\nReturn x - n*y where n*y is the closest integer multiple of y.\nIn the case where x is exactly halfway between two multiples of\ny, the nearest even value of n is used. The result is always exact.",
        ),
        raw("sin", "($module, x, /)", float::sin, "Return the sine of x (measured in radians).").tame(),
        raw("sinh", "($module, x, /)", float::sinh, "Return the hyperbolic sine of x.").tame(),
        raw("sqrt", "($module, x, /)", float::sqrt, "Return the square root of x.").tame(),
        raw(
            "sumprod",
            "($module, p, q, /)",
            many::sumprod,
            "Return the sum of products of values from two iterables p and q.\n\nRoughly equivalent to:\n\n    sum(map(operator.mul, p, q, strict=True))\n\nFor float and mixed int/float inputs, the intermediate products\nand sums are computed with extended precision.",
        ),
        raw("tan", "($module, x, /)", float::tan, "Return the tangent of x (measured in radians).").tame(),
        raw("tanh", "($module, x, /)", float::tanh, "Return the hyperbolic tangent of x.").tame(),
        raw(
            "trunc",
            "($module, x, /)",
            integral::trunc,
            "Truncates the Real x to the nearest Integral toward 0.\n\nUses the __trunc__ magic method.",
        ),
        raw("ulp", "($module, x, /)", float::ulp, "Return the value of the least significant bit of the float x."),
    ],
    types: &[],
    init: Some(init),
};

fn init(t: &Thread, module: &Value) -> Res<()> {
    use std::f64::consts;
    let constants =
        [("pi", consts::PI), ("e", consts::E), ("tau", consts::TAU), ("inf", f64::INFINITY), ("nan", f64::NAN)];
    for (name, x) in constants {
        let name = names::intern_text(t, name);
        typhon_object::attr::set(t, module, &name, Some(&convert::from_f64(t, x)?))?;
    }
    Ok(())
}

/// The argument of `math.name(x)`; texts as CPython's for functions of one object.
fn one<'a>(t: &Thread, name: &str, args: Args<'a>) -> Res<&'a Value> {
    no_keywords(t, name, args)?;
    match args.values {
        [x] => Ok(x),
        values => {
            Err(error::type_error(t, format_args!("math.{name}() takes exactly one argument ({} given)", values.len())))
        }
    }
}

fn no_keywords(t: &Thread, name: &str, args: Args) -> Res<()> {
    if args.has_keywords() {
        return Err(error::type_error(t, format_args!("math.{name}() takes no keyword arguments")));
    }
    Ok(())
}

/// The two arguments of `math.name(x, y)`.
fn two<'a>(t: &Thread, name: &str, args: Args<'a>) -> Res<(&'a Value, &'a Value)> {
    no_keywords(t, name, args)?;
    let values = args.expect_positional(t, name, 2, 2)?;
    Ok((&values[0], &values[1]))
}

fn domain(t: &Thread) -> Exc {
    error::value_error(t, "math domain error")
}

fn range(t: &Thread) -> Exc {
    error::overflow_error(t, "math range error")
}

fn real(t: &Thread, r: Result<f64, RealError>) -> Res {
    match r {
        Ok(x) => convert::from_f64(t, x),
        Err(RealError::Domain) => Err(domain(t)),
        Err(RealError::Range) => Err(range(t)),
    }
}
