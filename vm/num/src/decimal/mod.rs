//! Decimal: the General Decimal Arithmetic specification, as CPython's `_decimal` does it.
//!
//! A [`Decimal`] is a value; operations are methods of [`Arith`], which pairs a [`Context`] with the conditions raised
//! so far and the poll. Conditions are only collected: which of them become exceptions is the object layer's business.

mod arith;
mod compare;
mod convert;
mod digits;
mod divide;
mod elementary;
mod format;
mod misc;
mod power;
pub mod quick;
mod round;
mod text;
mod transcend;

pub use format::FormatError;

use crate::Poll;
use dashu_int::UBig;

pub const PREC_MAX: i64 = 999_999_999_999_999_999;
pub const EMAX_MAX: i64 = 999_999_999_999_999_999;
pub const EMIN_MIN: i64 = -999_999_999_999_999_999;
pub const ETINY_MIN: i64 = EMIN_MIN - (PREC_MAX - 1);

/// Conditions, in libmpdec's bits (Python shows them as `Context._flags`).
pub mod status {
    pub const CLAMPED: u32 = 0x1;
    pub const CONVERSION_SYNTAX: u32 = 0x2;
    pub const DIVISION_BY_ZERO: u32 = 0x4;
    pub const DIVISION_IMPOSSIBLE: u32 = 0x8;
    pub const DIVISION_UNDEFINED: u32 = 0x10;
    pub const FPU_ERROR: u32 = 0x20;
    pub const INEXACT: u32 = 0x40;
    pub const INVALID_CONTEXT: u32 = 0x80;
    pub const INVALID_OPERATION: u32 = 0x100;
    pub const MALLOC_ERROR: u32 = 0x200;
    pub const NOT_IMPLEMENTED: u32 = 0x400;
    pub const OVERFLOW: u32 = 0x800;
    pub const ROUNDED: u32 = 0x1000;
    pub const SUBNORMAL: u32 = 0x2000;
    pub const UNDERFLOW: u32 = 0x4000;
    /// `FloatOperation`, which is Python's own.
    pub const FLOAT_OPERATION: u32 = 0x8000;
    /// Everything that Python's InvalidOperation stands for.
    pub const IEEE_INVALID: u32 = CONVERSION_SYNTAX
        | DIVISION_IMPOSSIBLE
        | DIVISION_UNDEFINED
        | FPU_ERROR
        | INVALID_CONTEXT
        | INVALID_OPERATION
        | MALLOC_ERROR;
    /// Conditions after which there is no usable result.
    pub const ERRORS: u32 = IEEE_INVALID | DIVISION_BY_ZERO;
}

/// How a coefficient that is too long loses digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rounding {
    Up,
    Down,
    Ceiling,
    Floor,
    HalfUp,
    HalfDown,
    HalfEven,
    /// Up if the last kept digit is 0 or 5.
    ZeroFiveUp,
}

impl Rounding {
    /// In libmpdec's order, with Python's names.
    pub const ALL: [(Rounding, &'static str); 8] = [
        (Rounding::Up, "ROUND_UP"),
        (Rounding::Down, "ROUND_DOWN"),
        (Rounding::Ceiling, "ROUND_CEILING"),
        (Rounding::Floor, "ROUND_FLOOR"),
        (Rounding::HalfUp, "ROUND_HALF_UP"),
        (Rounding::HalfDown, "ROUND_HALF_DOWN"),
        (Rounding::HalfEven, "ROUND_HALF_EVEN"),
        (Rounding::ZeroFiveUp, "ROUND_05UP"),
    ];
}

/// Precision, exponent limits and rounding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    pub prec: i64,
    pub emax: i64,
    pub emin: i64,
    pub rounding: Rounding,
    pub clamp: bool,
    pub capitals: bool,
    /// Conditions raised and conditions trapped: kept here for the object layer, not read by the arithmetic.
    pub flags: u32,
    pub traps: u32,
    /// Coefficients longer than this are refused with [`status::MALLOC_ERROR`] before they are built.
    pub digits_max: i64,
}

impl Context {
    /// `decimal.DefaultContext`.
    pub fn python() -> Self {
        Context {
            prec: 28,
            emax: 999_999,
            emin: -999_999,
            rounding: Rounding::HalfEven,
            clamp: false,
            capitals: true,
            flags: 0,
            traps: status::IEEE_INVALID | status::DIVISION_BY_ZERO | status::OVERFLOW,
            digits_max: 4_000_000_000,
        }
    }

    /// The widest context there is: what constructs decimals exactly.
    pub fn max(digits_max: i64) -> Self {
        Context { prec: PREC_MAX, emax: EMAX_MAX, emin: EMIN_MIN, traps: 0, digits_max, ..Context::python() }
    }

    pub fn etiny(&self) -> i64 {
        self.emin - (self.prec - 1)
    }

    pub fn etop(&self) -> i64 {
        self.emax - (self.prec - 1)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Finite,
    Infinite,
    QuietNan,
    SignalingNan,
}

/// `(-1)^negative * coefficient * 10^exponent`, an infinity, or a NaN whose payload is the coefficient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decimal {
    pub negative: bool,
    pub kind: Kind,
    pub coefficient: UBig,
    pub exponent: i64,
}

impl Decimal {
    pub fn finite(negative: bool, coefficient: UBig, exponent: i64) -> Self {
        Decimal { negative, kind: Kind::Finite, coefficient, exponent }
    }

    pub fn zero(negative: bool, exponent: i64) -> Self {
        Decimal::finite(negative, UBig::ZERO, exponent)
    }

    pub fn one() -> Self {
        Decimal::finite(false, UBig::ONE, 0)
    }

    pub fn infinity(negative: bool) -> Self {
        Decimal { negative, kind: Kind::Infinite, coefficient: UBig::ZERO, exponent: 0 }
    }

    pub fn nan() -> Self {
        Decimal { negative: false, kind: Kind::QuietNan, coefficient: UBig::ZERO, exponent: 0 }
    }

    pub fn is_special(&self) -> bool {
        self.kind != Kind::Finite
    }

    pub fn is_finite(&self) -> bool {
        self.kind == Kind::Finite
    }

    pub fn is_infinite(&self) -> bool {
        self.kind == Kind::Infinite
    }

    pub fn is_nan(&self) -> bool {
        matches!(self.kind, Kind::QuietNan | Kind::SignalingNan)
    }

    pub fn is_qnan(&self) -> bool {
        self.kind == Kind::QuietNan
    }

    pub fn is_snan(&self) -> bool {
        self.kind == Kind::SignalingNan
    }

    pub fn is_zero(&self) -> bool {
        self.is_finite() && self.coefficient.is_zero()
    }

    /// Finite, and without a fraction.
    pub fn is_integer(&self) -> bool {
        self.is_finite()
            && (self.exponent >= 0
                || self.coefficient.is_zero()
                || digits::zeros_at_least(&self.coefficient, self.exponent.unsigned_abs()))
    }

    /// Digits of the coefficient; a zero has one.
    pub fn digits(&self) -> i64 {
        digits::count(&self.coefficient)
    }

    /// Exponent of the leading digit.
    pub fn adjusted(&self) -> i64 {
        self.exponent + (self.digits() - 1)
    }

    pub fn copy_abs(&self) -> Self {
        Decimal { negative: false, ..self.clone() }
    }

    pub fn copy_negate(&self) -> Self {
        Decimal { negative: !self.negative, ..self.clone() }
    }

    pub fn copy_sign(&self, other: &Decimal) -> Self {
        Decimal { negative: other.negative, ..self.clone() }
    }

    /// `is_normal(context)`.
    pub fn is_normal(&self, context: &Context) -> bool {
        self.is_finite() && !self.is_zero() && self.adjusted() >= context.emin
    }

    /// `is_subnormal(context)`.
    pub fn is_subnormal(&self, context: &Context) -> bool {
        self.is_finite() && !self.is_zero() && self.adjusted() < context.emin
    }

    /// `number_class(context)`.
    pub fn number_class(&self, context: &Context) -> &'static str {
        let pick = |plus, minus| if self.negative { minus } else { plus };
        match self.kind {
            Kind::QuietNan => "NaN",
            Kind::SignalingNan => "sNaN",
            Kind::Infinite => pick("+Infinity", "-Infinity"),
            Kind::Finite if self.is_zero() => pick("+Zero", "-Zero"),
            Kind::Finite if self.is_normal(context) => pick("+Normal", "-Normal"),
            Kind::Finite => pick("+Subnormal", "-Subnormal"),
        }
    }

    /// Whether both have the same exponent, or are special in the same way.
    pub fn same_quantum(&self, other: &Decimal) -> bool {
        if self.is_special() || other.is_special() {
            return (self.is_nan() && other.is_nan()) || (self.is_infinite() && other.is_infinite());
        }
        self.exponent == other.exponent
    }
}

/// One computation: its context, the conditions it has raised, and the poll that may end it.
pub struct Arith<'c, 'p> {
    pub context: &'c Context,
    pub status: u32,
    pub poll: &'p mut Poll<'p>,
}

impl<'c, 'p> Arith<'c, 'p> {
    pub fn new(context: &'c Context, poll: &'p mut Poll<'p>) -> Self {
        Arith { context, status: 0, poll }
    }

    /// Raises a condition.
    pub(crate) fn raise(&mut self, conditions: u32) {
        self.status |= conditions;
    }

    /// A result that the quick way had, with the conditions it raises.
    #[inline]
    fn take(&mut self, quick: Option<(Decimal, u32)>) -> Option<Decimal> {
        let (d, conditions) = quick?;
        self.raise(conditions);
        Some(d)
    }

    /// Raises an error condition and gives the NaN that stands for the missing result.
    pub(crate) fn invalid(&mut self, condition: u32) -> Decimal {
        self.raise(condition);
        Decimal::nan()
    }

    /// Runs `f` in another context; its conditions are the caller's to judge.
    pub(crate) fn within<T>(&mut self, context: &Context, f: impl FnOnce(&mut Arith) -> T) -> (T, u32) {
        let mut inner = Arith { context, status: 0, poll: &mut *self.poll };
        let result = f(&mut inner);
        let status = inner.status;
        (result, status)
    }
}
