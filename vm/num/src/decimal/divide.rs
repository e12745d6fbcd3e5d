//! Divide: quotients and remainders.

use super::digits::{self, Rest};
use super::{Arith, Decimal, quick, status};
use crate::Stop;
use crate::int::kernel;
use dashu_int::UBig;
use std::cmp::Ordering;

impl Arith<'_, '_> {
    pub fn divide(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(d) = self.take(quick::divide(self.context, a, b)) {
            return Ok(d);
        }
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        let negative = a.negative != b.negative;
        if a.is_infinite() {
            if b.is_infinite() {
                return Ok(self.invalid(status::INVALID_OPERATION));
            }
            return Ok(Decimal::infinity(negative));
        }
        if b.is_infinite() {
            self.raise(status::CLAMPED);
            return Ok(Decimal::zero(negative, self.context.etiny()));
        }
        if b.is_zero() {
            return Ok(self.divide_by_zero(a, negative));
        }
        let ideal = a.exponent.saturating_sub(b.exponent);
        if a.is_zero() {
            return self.finalize(Decimal::zero(negative, ideal));
        }
        self.divide_finite(a, b, negative, ideal)
    }

    fn divide_by_zero(&mut self, a: &Decimal, negative: bool) -> Decimal {
        if a.is_zero() {
            return self.invalid(status::DIVISION_UNDEFINED);
        }
        self.raise(status::DIVISION_BY_ZERO);
        Decimal::infinity(negative)
    }

    fn divide_finite(&mut self, a: &Decimal, b: &Decimal, negative: bool, ideal: i64) -> Result<Decimal, Stop> {
        let shift = b.digits() - a.digits() + self.context.prec + 1;
        if self.too_long(self.context.prec.saturating_add(b.digits())) {
            return Ok(Decimal::nan());
        }
        let exponent = ideal.saturating_sub(shift);
        let up = shift.max(0) as u64;
        let down = (-shift).max(0) as u64;
        let over = digits::shift_left(&a.coefficient, up, self.poll)?;
        let under = digits::shift_left(&b.coefficient, down, self.poll)?;
        let (mut q, r) = kernel::div_rem(&over, &under, self.poll)?;
        if !r.is_zero() {
            // A last digit that is neither 0 nor 5 tells every rounding that something follows.
            if (&q % 5u8) == 0 {
                q += 1u8;
            }
            return self.finalize(Decimal::finite(negative, q, exponent));
        }
        let room = ideal.saturating_sub(exponent).max(0);
        let (q, removed) = digits::strip_zeros(&q, room as u64, self.poll)?;
        self.finalize(Decimal::finite(negative, q, exponent + removed as i64))
    }

    /// `a // b`: the quotient cut toward zero.
    pub fn divide_int(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        let negative = a.negative != b.negative;
        if a.is_infinite() {
            if b.is_infinite() {
                return Ok(self.invalid(status::INVALID_OPERATION));
            }
            return Ok(Decimal::infinity(negative));
        }
        if b.is_infinite() {
            return Ok(Decimal::zero(negative, 0));
        }
        if b.is_zero() {
            return Ok(self.divide_by_zero(a, negative));
        }
        match self.divmod_finite(a, b)? {
            Some((q, _)) => self.finalize(q),
            None => Ok(Decimal::nan()),
        }
    }

    /// `a % b`, with the sign of `a`.
    pub fn remainder(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        if a.is_infinite() {
            return Ok(self.invalid(status::INVALID_OPERATION));
        }
        if b.is_infinite() {
            return self.finalize(a.clone());
        }
        if b.is_zero() {
            let undefined = if a.is_zero() { status::DIVISION_UNDEFINED } else { status::INVALID_OPERATION };
            return Ok(self.invalid(undefined));
        }
        match self.divmod_finite(a, b)? {
            Some((_, r)) => self.finalize(r),
            None => Ok(Decimal::nan()),
        }
    }

    /// `divmod(a, b)`.
    pub fn divmod(&mut self, a: &Decimal, b: &Decimal) -> Result<(Decimal, Decimal), Stop> {
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok((nan.clone(), nan));
        }
        let negative = a.negative != b.negative;
        if a.is_infinite() {
            let nan = self.invalid(status::INVALID_OPERATION);
            let q = if b.is_infinite() { nan.clone() } else { Decimal::infinity(negative) };
            return Ok((q, nan));
        }
        if b.is_infinite() {
            let r = self.finalize(a.clone())?;
            return Ok((Decimal::zero(negative, 0), r));
        }
        if b.is_zero() {
            if a.is_zero() {
                let nan = self.invalid(status::DIVISION_UNDEFINED);
                return Ok((nan.clone(), nan));
            }
            let nan = self.invalid(status::DIVISION_BY_ZERO | status::INVALID_OPERATION);
            return Ok((Decimal::infinity(negative), nan));
        }
        match self.divmod_finite(a, b)? {
            Some((q, r)) => Ok((self.finalize(q)?, self.finalize(r)?)),
            None => Ok((Decimal::nan(), Decimal::nan())),
        }
    }

    /// Integer quotient and exact remainder of finite operands, `b` not zero; `None` if the quotient is too long.
    fn divmod_finite(&mut self, a: &Decimal, b: &Decimal) -> Result<Option<(Decimal, Decimal)>, Stop> {
        let negative = a.negative != b.negative;
        let ideal = a.exponent.min(b.exponent);
        if a.is_zero() {
            return Ok(Some((Decimal::zero(negative, 0), Decimal::zero(a.negative, ideal))));
        }
        let gap = a.adjusted() - b.adjusted();
        if gap < 0 || (gap == 0 && self.compare_magnitudes(a, b)? == Ordering::Less) {
            let shift = (a.exponent - ideal) as u64;
            let r = digits::shift_left(&a.coefficient, shift, self.poll)?;
            return Ok(Some((Decimal::zero(negative, 0), Decimal::finite(a.negative, r, ideal))));
        }
        if gap > self.context.prec {
            self.raise(status::DIVISION_IMPOSSIBLE);
            return Ok(None);
        }
        let Some((over, under)) = self.aligned(a, b, ideal)? else { return Ok(None) };
        let (q, r) = kernel::div_rem(&over, &under, self.poll)?;
        if digits::count(&q) > self.context.prec {
            self.raise(status::DIVISION_IMPOSSIBLE);
            return Ok(None);
        }
        Ok(Some((Decimal::finite(negative, q, 0), Decimal::finite(a.negative, r, ideal))))
    }

    /// Both coefficients at one exponent; `None` (and a condition) if one gets too long.
    fn aligned(&mut self, a: &Decimal, b: &Decimal, exponent: i64) -> Result<Option<(UBig, UBig)>, Stop> {
        let (shift_a, shift_b) = (a.exponent - exponent, b.exponent - exponent);
        if self.too_long(a.digits().saturating_add(shift_a)) || self.too_long(b.digits().saturating_add(shift_b)) {
            return Ok(None);
        }
        let over = digits::shift_left(&a.coefficient, shift_a as u64, self.poll)?;
        let under = digits::shift_left(&b.coefficient, shift_b as u64, self.poll)?;
        Ok(Some((over, under)))
    }

    /// `a - b * n` for the integer `n` nearest to `a / b`, half to even.
    pub fn remainder_near(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        if a.is_infinite() {
            return Ok(self.invalid(status::INVALID_OPERATION));
        }
        if b.is_infinite() {
            return self.finalize(a.clone());
        }
        if b.is_zero() {
            let undefined = if a.is_zero() { status::DIVISION_UNDEFINED } else { status::INVALID_OPERATION };
            return Ok(self.invalid(undefined));
        }
        let ideal = a.exponent.min(b.exponent);
        if a.is_zero() {
            return self.finalize(Decimal::zero(a.negative, ideal));
        }
        let gap = a.adjusted() - b.adjusted();
        if gap > self.context.prec + 1 {
            return Ok(self.invalid(status::DIVISION_IMPOSSIBLE));
        }
        if gap < -1 {
            let shift = (a.exponent - ideal) as u64;
            let r = digits::shift_left(&a.coefficient, shift, self.poll)?;
            return self.finalize(Decimal::finite(a.negative, r, ideal));
        }
        let Some((over, under)) = self.aligned(a, b, ideal)? else { return Ok(Decimal::nan()) };
        let (mut q, mut r) = kernel::div_rem(&over, &under, self.poll)?;
        let odd = q.as_words().first().is_some_and(|w| w & 1 == 1);
        let mut negative = a.negative;
        let rest = digits::classify(&r, &under);
        if rest == Rest::AboveHalf || (rest == Rest::Half && odd) {
            r = under - r;
            q += 1u8;
            negative = !negative;
        }
        if digits::count(&q) > self.context.prec {
            return Ok(self.invalid(status::DIVISION_IMPOSSIBLE));
        }
        self.finalize(Decimal::finite(negative, r, ideal))
    }
}
