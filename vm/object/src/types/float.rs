//! float: self-tagged in the word, or boxed where the exponent is out of that range.

use crate::error::{self, Res};
use crate::header::Header;
use crate::ids;
use crate::payload;
use crate::slots::Slots;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag, type_of};
use crate::types::int;
use crate::value::Value;

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
    id: ids::FLOAT,
    flags: flag::BASETYPE | flag::MATCH_SELF | flag::ATOMIC,
    slots: Slots { ..Slots::NONE },
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

/// A float that does not fit the word.
#[cold]
pub fn boxed(t: &Thread, value: f64) -> Res {
    payload::new(t, |header| Float { header, value })
}

/// A float of a subclass.
pub fn of_class(t: &Thread, class: &Value, value: f64) -> Res {
    payload::new_for(t, class, |header| Float { header, value })
}

/// Any number as f64, through `__float__` or `__index__`.
pub fn to_f64(t: &Thread, v: &Value) -> Res<f64> {
    if let Some(x) = as_f64(v) {
        return Ok(x);
    }
    let slots = type_of(v).slots();
    if let Some(f) = slots.float {
        let r = f(t, v)?;
        return match as_f64(&r) {
            Some(x) => Ok(x),
            None => Err(error::type_error(
                t,
                format_args!("{}.__float__ returned non-float (type {})", type_of(v).name(), type_of(&r).name()),
            )),
        };
    }
    if slots.index.is_some() {
        let i = crate::convert::to_index(t, v)?;
        let big = int::to_big(&i).unwrap_or_default();
        return match typhon_num::int::to_f64(&big) {
            Ok(x) => Ok(x),
            Err(_) => Err(error::overflow_error(t, "int too large to convert to float")),
        };
    }
    Err(error::type_error(t, format_args!("must be real number, not {}", type_of(v).name())))
}
