//! complex.

use crate::error::Res;
use crate::header::Header;
use crate::ids;
use crate::payload;
use crate::slots::Slots;
use crate::thread::Thread;
use crate::ty::{TypeDef, flag};
use crate::value::Value;

/// A complex number.
#[repr(C)]
pub struct Complex {
    header: Header,
    pub(crate) re: f64,
    pub(crate) im: f64,
}

crate::payload!(Complex => COMPLEX);

/// complex.
pub static COMPLEX: TypeDef = TypeDef {
    name: "complex",
    id: ids::COMPLEX,
    flags: flag::BASETYPE | flag::ATOMIC,
    slots: Slots { ..Slots::NONE },
    ..TypeDef::of::<Complex>()
};

/// A complex number.
pub fn new(t: &Thread, re: f64, im: f64) -> Res {
    payload::new(t, |header| Complex { header, re, im })
}

/// Real and imaginary part, if the value is a complex number (subclasses included).
pub fn parts(v: &Value) -> Option<(f64, f64)> {
    v.downcast::<Complex>().map(|c| (c.re, c.im))
}
