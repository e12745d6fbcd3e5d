//! Native modules that need no interpreter.

pub mod cmath;
pub mod libm;
pub mod math;
pub mod numeric;

use typhon_object::native::ModuleDef;

/// Every module of this crate.
pub static MODULES: &[&ModuleDef] = &[&cmath::MODULE, &math::MODULE];
