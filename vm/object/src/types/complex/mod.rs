//! complex.

mod arith;
mod make;

pub use arith::{power, quotient};
pub use make::from_value;

use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::native::{def, field};
use crate::ops::CompareOp;
use crate::payload;
use crate::slots::Slots;
use crate::strs;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag, type_of};
use crate::types::{float, int};
use crate::value::Value;
use crate::{convert, ops, tuple};
use typhon_num::float_text;
use typhon_num::format_spec::{Locale, Target, format_complex};

/// A complex number.
#[repr(C)]
pub struct Complex {
    header: Header,
    /// Real part.
    pub re: f64,
    /// Imaginary part.
    pub im: f64,
}

crate::payload!(Complex => COMPLEX);

/// complex.
pub static COMPLEX: TypeDef = TypeDef {
    name: "complex",
    doc: "Create a complex number from a string or numbers.\n\nIf a string is given, parse it as a complex number.\nIf a single number is given, convert it to a complex number.\nIf the 'real' or 'imag' arguments are given, create a complex number\nwith the specified real and imaginary components.",
    signature: "(real=0, imag=0)",
    id: ids::COMPLEX,
    flags: flag::BASETYPE | flag::ATOMIC,
    slots: Slots {
        new: Some(make::construct),
        repr: Some(repr),
        hash: Some(hash),
        compare: Some(compare),
        bool: Some(|_, v| Ok(of(v) != (0.0, 0.0))),
        neg: Some(|t, v| new(t, -of(v).0, -of(v).1)),
        pos: Some(exact),
        abs: Some(arith::abs),
        ..arith::SLOTS
    },
    methods: &[
        def(
            "from_number",
            "($type, number, /)",
            make::from_number,
            "Convert number to a complex floating-point number.",
        )
        .class(),
        def(
            "conjugate",
            "($self, /)",
            |t, a| new(t, of(&a[0]).0, -of(&a[0]).1),
            "Return the complex conjugate of its argument. (3-4j).conjugate() == 3+4j.",
        ),
        def("__complex__", "($self, /)", |t, a| exact(t, &a[0]), "Convert this value to exact type complex."),
        def("__getnewargs__", "($self, /)", getnewargs, ""),
        def("__format__", "($self, format_spec, /)", format, "Convert to a string according to format_spec."),
    ],
    getset: &[
        field("real", |t, v| convert::from_f64(t, of(v).0), "the real part of a complex number"),
        field("imag", |t, v| convert::from_f64(t, of(v).1), "the imaginary part of a complex number"),
    ],
    ..TypeDef::of::<Complex>()
};

/// A complex number.
pub fn new(t: &Thread, re: f64, im: f64) -> Res {
    payload::new(t, |header| Complex { header, re, im })
}

/// A complex number of a subclass.
pub fn of_class(t: &Thread, class: &Value, re: f64, im: f64) -> Res {
    payload::new_for(t, class, |header| Complex { header, re, im })
}

/// Real and imaginary part, if the value is a complex number (subclasses included).
pub fn parts(v: &Value) -> Option<(f64, f64)> {
    v.downcast::<Complex>().map(|c| (c.re, c.im))
}

fn of(v: &Value) -> (f64, f64) {
    parts(v).unwrap_or_default()
}

fn exact(t: &Thread, v: &Value) -> Res {
    let (re, im) = of(v);
    if v.exact::<Complex>().is_some() { Ok(v.clone()) } else { new(t, re, im) }
}

fn repr(t: &Thread, v: &Value) -> Res {
    let (re, im) = of(v);
    strs::new(t, &float_text::complex_repr(re, im))
}

fn hash(_: &Thread, v: &Value) -> Res<i64> {
    let (re, im) = of(v);
    Ok(typhon_num::int::hash_complex(float::hash_f64(re, v), float::hash_f64(im, v)))
}

fn compare(t: &Thread, a: &Value, b: &Value, op: CompareOp) -> Res {
    if !matches!(op, CompareOp::Eq | CompareOp::Ne) {
        return Ok(Value::NOT_IMPLEMENTED);
    }
    let Some((re, im)) = parts(a) else { return Ok(Value::NOT_IMPLEMENTED) };
    let equal = if let Some(other) = parts(b) {
        (re, im) == other
    } else if let Some(x) = float::as_f64(b) {
        re == x && im == 0.0
    } else if int::is_int(b) {
        // Exactly: through a float's own comparison.
        im == 0.0 && ops::compare(t, &convert::from_f64(t, re)?, b, CompareOp::Eq)?.is_true()
    } else {
        return Ok(Value::NOT_IMPLEMENTED);
    };
    Ok(Value::bool(equal == (op == CompareOp::Eq)))
}

fn getnewargs(t: &Thread, a: &[Value]) -> Res {
    let (re, im) = of(&a[0]);
    tuple::from_array(t, [convert::from_f64(t, re)?, convert::from_f64(t, im)?])
}

fn format(t: &Thread, a: &[Value]) -> Res {
    let units = int::spec_units(t, &a[1])?;
    if units.is_empty() {
        return ops::str(t, &a[0]);
    }
    let name = type_of(&a[0]).name();
    let fail = |e| int::num_error(t, e);
    let spec = typhon_num::format_spec::parse(&units, Target::Complex, &name).map_err(fail)?;
    t.check_alloc(usize::try_from(spec.size_bound()).unwrap_or(usize::MAX))?;
    let (re, im) = of(&a[0]);
    int::render(t, format_complex(re, im, &spec, &name, &Locale::default()).map_err(fail)?)
}
