//! Compare: orders, extremes and neighbours.

use super::{Arith, Decimal, ETINY_MIN, Kind, Rounding, status};
use super::{digits, quick};
use crate::Stop;
use dashu_int::UBig;
use std::cmp::Ordering;

impl Arith<'_, '_> {
    /// `|a|` against `|b|`, both finite.
    pub(super) fn compare_magnitudes(&mut self, a: &Decimal, b: &Decimal) -> Result<Ordering, Stop> {
        match (a.is_zero(), b.is_zero()) {
            (true, true) => return Ok(Ordering::Equal),
            (true, false) => return Ok(Ordering::Less),
            (false, true) => return Ok(Ordering::Greater),
            _ => {}
        }
        let by_size = a.adjusted().cmp(&b.adjusted());
        if by_size != Ordering::Equal {
            return Ok(by_size);
        }
        // Equal leading exponents: the gap is at most the longer operand's digits.
        let gap = a.exponent - b.exponent;
        Ok(if gap >= 0 {
            digits::shift_left(&a.coefficient, gap as u64, self.poll)?.cmp(&b.coefficient)
        } else {
            a.coefficient.cmp(&digits::shift_left(&b.coefficient, gap.unsigned_abs(), self.poll)?)
        })
    }

    /// The order of two numbers; `None` if one is a NaN.
    pub fn order(&mut self, a: &Decimal, b: &Decimal) -> Result<Option<Ordering>, Stop> {
        if let Some(order) = quick::order(a, b) {
            return Ok(Some(order));
        }
        if a.is_nan() || b.is_nan() {
            return Ok(None);
        }
        let sign = |d: &Decimal| if d.is_zero() { 0 } else { 1 - 2 * i32::from(d.negative) };
        let by_sign = sign(a).cmp(&sign(b));
        if by_sign != Ordering::Equal || sign(a) == 0 {
            return Ok(Some(by_sign));
        }
        let by_size = match (a.is_infinite(), b.is_infinite()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            _ => self.compare_magnitudes(a, b)?,
        };
        Ok(Some(if a.negative { by_size.reverse() } else { by_size }))
    }

    /// `compare`: -1, 0, 1 or a NaN.
    pub fn compare(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        Ok(match self.order(a, b)? {
            Some(order) => from_order(order),
            None => Decimal::nan(),
        })
    }

    /// `compare_signal`: every NaN is an error.
    pub fn compare_signal(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if a.is_nan() || b.is_nan() {
            self.raise(status::INVALID_OPERATION);
        }
        self.compare(a, b)
    }

    /// The total order of all representations.
    pub fn total_order(&mut self, a: &Decimal, b: &Decimal) -> Result<Ordering, Stop> {
        if a.negative != b.negative {
            return Ok(b.negative.cmp(&a.negative));
        }
        let order = self.total_order_mag(a, b)?;
        Ok(if a.negative { order.reverse() } else { order })
    }

    /// The total order without the signs.
    pub fn total_order_mag(&mut self, a: &Decimal, b: &Decimal) -> Result<Ordering, Stop> {
        let rank = |d: &Decimal| match d.kind {
            Kind::Finite => 0,
            Kind::Infinite => 1,
            Kind::SignalingNan => 2,
            Kind::QuietNan => 3,
        };
        let by_rank = rank(a).cmp(&rank(b));
        if by_rank != Ordering::Equal {
            return Ok(by_rank);
        }
        Ok(match a.kind {
            Kind::Finite => self.compare_magnitudes(a, b)?.then(a.exponent.cmp(&b.exponent)),
            Kind::Infinite => Ordering::Equal,
            _ => a.coefficient.cmp(&b.coefficient),
        })
    }

    pub fn compare_total(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        Ok(from_order(self.total_order(a, b)?))
    }

    pub fn compare_total_mag(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        Ok(from_order(self.total_order_mag(a, b)?))
    }

    pub fn max(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        self.extreme(a, b, Ordering::Greater, false)
    }

    pub fn min(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        self.extreme(a, b, Ordering::Less, false)
    }

    pub fn max_mag(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        self.extreme(a, b, Ordering::Greater, true)
    }

    pub fn min_mag(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        self.extreme(a, b, Ordering::Less, true)
    }

    /// The operand on the wanted side; a number wins over a quiet NaN, the total order breaks ties.
    fn extreme(&mut self, a: &Decimal, b: &Decimal, wanted: Ordering, by_magnitude: bool) -> Result<Decimal, Stop> {
        match (a.kind, b.kind) {
            (Kind::QuietNan, Kind::Finite | Kind::Infinite) => return self.finalize(b.clone()),
            (Kind::Finite | Kind::Infinite, Kind::QuietNan) => return self.finalize(a.clone()),
            _ => {}
        }
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        let mut order = if by_magnitude { self.order(&a.copy_abs(), &b.copy_abs())? } else { self.order(a, b)? };
        if order == Some(Ordering::Equal) {
            order = Some(self.total_order(a, b)?);
        }
        let first = order == Some(wanted) || (order == Some(Ordering::Equal) && wanted == Ordering::Less);
        self.finalize(if first { a.clone() } else { b.clone() })
    }

    pub fn next_minus(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        self.next(a, true)
    }

    pub fn next_plus(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        self.next(a, false)
    }

    /// The neighbour below or above; raises nothing but errors.
    fn next(&mut self, a: &Decimal, down: bool) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a])? {
            return Ok(nan);
        }
        if a.is_infinite() {
            return if a.negative == down { Ok(a.clone()) } else { self.largest(a.negative) };
        }
        let work = self.context.rounded(if down { Rounding::Floor } else { Rounding::Ceiling });
        let (result, raised) = self.within(&work, |inner| {
            let rounded = inner.finalize(a.clone())?;
            if inner.status & (status::INEXACT | status::ERRORS) != 0 {
                return Ok(rounded);
            }
            let speck = Decimal::finite(down, UBig::ONE, ETINY_MIN - 1);
            inner.add(&rounded, &speck)
        });
        self.raise(raised & status::ERRORS);
        result
    }

    pub fn next_toward(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        let result = match self.order(a, b)? {
            Some(Ordering::Less) => self.next_plus(a)?,
            Some(Ordering::Greater) => self.next_minus(a)?,
            _ => return Ok(a.copy_sign(b)),
        };
        if result.is_infinite() {
            self.raise(status::OVERFLOW | status::ROUNDED | status::INEXACT);
        } else if result.adjusted() < self.context.emin {
            self.raise(status::UNDERFLOW | status::SUBNORMAL | status::ROUNDED | status::INEXACT);
            if result.is_zero() {
                self.raise(status::CLAMPED);
            }
        }
        Ok(result)
    }
}

fn from_order(order: Ordering) -> Decimal {
    Decimal::finite(order == Ordering::Less, UBig::from(u8::from(order != Ordering::Equal)), 0)
}
