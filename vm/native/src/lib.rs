//! Native modules that need no interpreter.

pub mod cmath;
pub mod libm;
pub mod math;
pub mod numeric;
mod sre;

use typhon_object::native::ModuleDef;

/// Every module of this crate.
#[rustfmt::skip]
pub static MODULES: &[&ModuleDef] = &[
    &cmath::MODULE,
    &math::MODULE,
    &sre::MODULE,
];
