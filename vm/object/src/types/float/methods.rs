//! float: methods.

use super::{as_f64, exact, fail, truncate, value};
use crate::call;
use crate::convert::{self, from_f64};
use crate::error::{self, Res};
use crate::native::{GetSetDef, MethodDef, def, getter};
use crate::strs::{self, Str};
use crate::thread::Thread;
use crate::ty::type_of;
use crate::types::int;
use crate::value::Value;
use crate::{ops, tuple};
use dashu_int::IBig;
use typhon_num::float_text;
use typhon_num::format_spec::{Locale, Target, format_float};

pub(super) const METHODS: &[MethodDef] = &[
    def("from_number", "($type, number, /)", from_number, "Convert real number to a floating-point number.").class(),
    def("conjugate", "($self, /)", |t, a| exact(t, &a[0]), "Return self, the complex conjugate of any float."),
    def("__trunc__", "($self, /)", |t, a| truncate(t, value(&a[0])), "Return the Integral closest to x between 0 and x."),
    def("__floor__", "($self, /)", |t, a| truncate(t, value(&a[0]).floor()), "Return the floor as an Integral."),
    def("__ceil__", "($self, /)", |t, a| truncate(t, value(&a[0]).ceil()), "Return the ceiling as an Integral."),
    def(
        "__round__",
        "($self, ndigits=None, /)",
        round,
        "Return the Integral closest to x, rounding half toward even.\n\nWhen an argument is passed, work like built-in round(x, ndigits).",
    ),
    def(
        "as_integer_ratio",
        "($self, /)",
        ratio,
        "Return a pair of integers, whose ratio is exactly equal to the original float.\n\nThe ratio is in lowest terms and has a positive denominator.  Raise\nOverflowError on infinities and a ValueError on NaNs.\n\n>>> (10.0).as_integer_ratio()\n(10, 1)\n>>> (0.0).as_integer_ratio()\n(0, 1)\n>>> (-.25).as_integer_ratio()\n(-1, 4)",
    ),
    def(
        "fromhex",
        "($type, string, /)",
        fromhex,
        "Create a floating-point number from a hexadecimal string.\n\n>>> float.fromhex('0x1.ffffp10')\n2047.984375\n>>> float.fromhex('-0x1p-1074')\n-5e-324",
    )
    .class(),
    def(
        "hex",
        "($self, /)",
        |t, a| strs::new(t, &float_text::to_hex(value(&a[0]))),
        "Return a hexadecimal representation of a floating-point number.\n\n>>> (-0.1).hex()\n'-0x1.999999999999ap-4'\n>>> 3.14159.hex()\n'0x1.921f9f01b866ep+1'",
    ),
    def(
        "is_integer",
        "($self, /)",
        |_, a| Ok(Value::bool(float_text::is_integer(value(&a[0])))),
        "Return True if the float is an integer.",
    ),
    def("__getnewargs__", "($self, /)", |t, a| tuple::from_array(t, [exact(t, &a[0])?]), ""),
    def(
        "__getformat__",
        "($type, typestr, /)",
        getformat,
        "You probably don't want to use this function.\n\n  typestr\n    Must be 'double' or 'float'.\n\nIt exists mainly to be used in Python's test suite.\n\nThis function returns whichever of 'unknown', 'IEEE, big-endian' or\n'IEEE, little-endian' best describes the format of floating-point\nnumbers used by the C type named by typestr.",
    )
    .class(),
    def("__format__", "($self, format_spec, /)", format, "Formats the float according to format_spec."),
];

pub(super) const GETSET: &[GetSetDef] = &[
    getter("real", exact, "the real part of a complex number"),
    getter("imag", |t, _| from_f64(t, 0.0), "the imaginary part of a complex number"),
];

/// An instance of a class that a class method was called on.
fn instance(t: &Thread, class: &Value, x: f64) -> Res {
    let made = from_f64(t, x)?;
    if class.is(&super::FLOAT.ty().value()) { Ok(made) } else { call::call1(t, class, &made) }
}

fn from_number(t: &Thread, a: &[Value]) -> Res {
    let plain = a[0].is(&super::FLOAT.ty().value());
    if plain && (a[1].is_immediate_float() || a[1].exact::<super::Float>().is_some()) {
        return Ok(a[1].clone());
    }
    instance(t, &a[0], super::to_f64(t, &a[1])?)
}

fn round(t: &Thread, a: &[Value]) -> Res {
    let x = value(&a[0]);
    let Some(digits) = a[1].non_none() else {
        let nearest = x.round_ties_even();
        return truncate(t, nearest);
    };
    let digits = convert::to_index_clamped(t, digits)?;
    from_f64(t, float_text::round(x, digits as i64).map_err(fail(t))?)
}

fn ratio(t: &Thread, a: &[Value]) -> Res {
    let (n, d): (IBig, IBig) = typhon_num::int::as_integer_ratio(value(&a[0])).map_err(fail(t))?;
    tuple::from_array(t, [int::from_big(t, n)?, int::from_big(t, d)?])
}

fn fromhex(t: &Thread, a: &[Value]) -> Res {
    if a[1].downcast::<Str>().is_none() {
        return Err(error::type_error(t, "bad argument type for built-in operation"));
    }
    let text = convert::to_text(t, &a[1], "fromhex", "argument")?;
    instance(t, &a[0], float_text::from_hex(&text).map_err(fail(t))?)
}

fn getformat(t: &Thread, a: &[Value]) -> Res {
    match convert::to_text(t, &a[1], "__getformat__", "argument")?.as_str() {
        "double" | "float" => {
            let end = if cfg!(target_endian = "big") { "big" } else { "little" };
            strs::new(t, &format!("IEEE, {end}-endian"))
        }
        _ => Err(error::value_error(t, "__getformat__() argument 1 must be 'double' or 'float'")),
    }
}

fn format(t: &Thread, a: &[Value]) -> Res {
    let units = int::spec_units(t, &a[1])?;
    if units.is_empty() {
        return ops::str(t, &a[0]);
    }
    let name = type_of(&a[0]).name();
    let spec = typhon_num::format_spec::parse(&units, Target::Float, &name).map_err(fail(t))?;
    t.check_alloc(usize::try_from(spec.size_bound()).unwrap_or(usize::MAX))?;
    let x = as_f64(&a[0]).unwrap_or(0.0);
    int::render(t, format_float(x, &spec, &name, &Locale::default()).map_err(fail(t))?)
}
