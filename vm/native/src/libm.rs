//! Libm: functions of the C library that Rust's floats lack or do in another way.

unsafe extern "C" {
    // SAFETY: C's math functions take and return doubles by value and touch nothing but errno and the FP flags.
    pub safe fn acosh(x: f64) -> f64;
    pub safe fn asinh(x: f64) -> f64;
    pub safe fn atanh(x: f64) -> f64;
    pub safe fn erf(x: f64) -> f64;
    pub safe fn erfc(x: f64) -> f64;
}
