//! Round: fitting results into a context, and the conditions that this raises.

use super::digits::{self, Rest};
use super::{Arith, Context, Decimal, Kind, Rounding, status};
use crate::Stop;
use dashu_int::UBig;

/// Whether the kept digits `q` go one up, given what was cut off.
pub(super) fn goes_up(q: &UBig, rest: Rest, negative: bool, rounding: Rounding) -> bool {
    if rest == Rest::Zero {
        return false;
    }
    let odd = || q.as_words().first().is_some_and(|w| w & 1 == 1);
    match rounding {
        Rounding::Up => true,
        Rounding::Down => false,
        Rounding::Ceiling => !negative,
        Rounding::Floor => negative,
        Rounding::HalfUp => rest != Rest::BelowHalf,
        Rounding::HalfDown => rest == Rest::AboveHalf,
        Rounding::HalfEven => rest == Rest::AboveHalf || (rest == Rest::Half && odd()),
        Rounding::ZeroFiveUp => (q % 5u8) == 0,
    }
}

impl Arith<'_, '_> {
    /// Refuses a coefficient of so many digits before it is built.
    pub(super) fn too_long(&mut self, digits: i64) -> bool {
        let refused = digits > self.context.digits_max;
        if refused {
            self.raise(status::MALLOC_ERROR);
        }
        refused
    }

    /// Fits a result into the context.
    pub fn finalize(&mut self, d: Decimal) -> Result<Decimal, Stop> {
        match d.kind {
            Kind::Finite => {
                let d = self.fit_exponent(d)?;
                self.fit_precision(d)
            }
            Kind::Infinite => Ok(d),
            _ => self.fit_payload(d),
        }
    }

    /// Keeps the low digits of a NaN's payload.
    pub(super) fn fit_payload(&mut self, mut d: Decimal) -> Result<Decimal, Stop> {
        let max = self.context.prec - i64::from(self.context.clamp);
        if d.digits() > max {
            d.coefficient = digits::low_digits(&d.coefficient, max as u64, self.poll)?;
        }
        Ok(d)
    }

    fn fit_exponent(&mut self, mut d: Decimal) -> Result<Decimal, Stop> {
        let context = self.context;
        let adjusted = d.adjusted();
        if adjusted > context.emax {
            if d.is_zero() {
                d.exponent = if context.clamp { context.etop() } else { context.emax };
                self.raise(status::CLAMPED);
                return Ok(d);
            }
            return self.overflow(d.negative);
        }
        if context.clamp && d.exponent > context.etop() {
            let shift = d.exponent - context.etop();
            let len = if d.is_zero() { 1 } else { d.digits() + shift };
            if self.too_long(len) {
                return Ok(Decimal::nan());
            }
            d.coefficient = digits::shift_left(&d.coefficient, shift as u64, self.poll)?;
            d.exponent -= shift;
            self.raise(status::CLAMPED);
            if !d.is_zero() && adjusted < context.emin {
                self.raise(status::SUBNORMAL);
            }
            return Ok(d);
        }
        if adjusted < context.emin { self.fit_tiny(d) } else { Ok(d) }
    }

    fn overflow(&mut self, negative: bool) -> Result<Decimal, Stop> {
        self.raise(status::OVERFLOW | status::INEXACT | status::ROUNDED);
        let infinite = match self.context.rounding {
            Rounding::Down | Rounding::ZeroFiveUp => false,
            Rounding::Ceiling => !negative,
            Rounding::Floor => negative,
            _ => true,
        };
        if infinite { Ok(Decimal::infinity(negative)) } else { self.largest(negative) }
    }

    /// The largest finite number of the context.
    pub(super) fn largest(&mut self, negative: bool) -> Result<Decimal, Stop> {
        if self.too_long(self.context.prec) {
            return Ok(Decimal::nan());
        }
        let nines = digits::pow10(self.context.prec as u64, self.poll)? - 1u8;
        Ok(Decimal::finite(negative, nines, self.context.etop()))
    }

    /// A number below the normal range: down to its least exponent.
    fn fit_tiny(&mut self, mut d: Decimal) -> Result<Decimal, Stop> {
        let etiny = self.context.etiny();
        if d.is_zero() {
            if d.exponent < etiny {
                d.exponent = etiny;
                self.raise(status::CLAMPED);
            }
            return Ok(d);
        }
        self.raise(status::SUBNORMAL);
        if d.exponent < etiny {
            let shift = etiny.saturating_sub(d.exponent) as u64;
            let (q, rest) = digits::shift_right(&d.coefficient, shift, self.poll)?;
            let up = goes_up(&q, rest, d.negative, self.context.rounding);
            d.coefficient = if up { q + 1u8 } else { q };
            d.exponent = etiny;
            self.raise(status::ROUNDED);
            if rest != Rest::Zero {
                self.raise(status::INEXACT | status::UNDERFLOW);
                if d.is_zero() {
                    self.raise(status::CLAMPED);
                }
            }
        }
        Ok(d)
    }

    fn fit_precision(&mut self, mut d: Decimal) -> Result<Decimal, Stop> {
        let len = d.digits();
        if !d.is_finite() || len <= self.context.prec {
            return Ok(d);
        }
        let shift = len - self.context.prec;
        let (q, rest) = digits::shift_right(&d.coefficient, shift as u64, self.poll)?;
        let up = goes_up(&q, rest, d.negative, self.context.rounding);
        d.coefficient = q;
        d.exponent += shift;
        self.raise(status::ROUNDED);
        if rest != Rest::Zero {
            self.raise(status::INEXACT);
        }
        if up {
            d.coefficient += 1u8;
            if d.digits() > self.context.prec {
                d.coefficient /= 10u8;
                d.exponent += 1;
                return self.fit_exponent(d);
            }
        }
        Ok(d)
    }

    /// The NaN that an operation on these operands gives, if one of them is a NaN: signaling ones first.
    pub(super) fn nan_of(&mut self, operands: &[&Decimal]) -> Result<Option<Decimal>, Stop> {
        let signaling = operands.iter().find(|d| d.is_snan());
        if signaling.is_some() {
            self.raise(status::INVALID_OPERATION);
        }
        let Some(found) = signaling.or_else(|| operands.iter().find(|d| d.is_nan())) else {
            return Ok(None);
        };
        let quiet = Decimal { kind: Kind::QuietNan, exponent: 0, ..(*found).clone() };
        self.fit_payload(quiet).map(Some)
    }
}

impl Context {
    /// The same context with another rounding.
    pub(super) fn rounded(&self, rounding: Rounding) -> Context {
        Context { rounding, ..self.clone() }
    }
}
