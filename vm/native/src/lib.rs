//! Native modules that need no interpreter.

use typhon_object::native::ModuleDef;

mod _codecs;
mod _string;
mod binascii;
pub mod cmath;
mod collections;
pub mod ctor;
mod itertools;
pub mod libm;
pub mod math;
pub mod numeric;
mod random;
mod sre;
mod structs;
mod unicodedata;

/// Every module of this crate.
#[rustfmt::skip]
pub static MODULES: &[&ModuleDef] = &[
    &_codecs::MODULE,
    &_string::MODULE,
    &binascii::MODULE,
    &cmath::MODULE,
    &math::MODULE,
    &collections::MODULE,
    &itertools::MODULE,
    &random::MODULE,
    &sre::MODULE,
    &structs::MODULE,
    &unicodedata::MODULE,
];
