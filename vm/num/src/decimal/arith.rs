//! Arith: sums, products, roots and the one-operand operations.

use super::{Arith, Decimal, Rounding, status};
use super::{digits, quick};
use crate::Stop;
use crate::int::kernel;
use dashu_int::UBig;
use std::cmp::Ordering;

impl Arith<'_, '_> {
    pub fn add(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        self.add_signed(a, b, b.negative)
    }

    pub fn subtract(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        self.add_signed(a, b, !b.negative)
    }

    fn add_signed(&mut self, a: &Decimal, b: &Decimal, b_negative: bool) -> Result<Decimal, Stop> {
        if let Some(d) = self.take(quick::add_signed(self.context, a, b, b_negative)) {
            return Ok(d);
        }
        if a.is_infinite() || b.is_infinite() {
            if a.is_infinite() && b.is_infinite() && a.negative != b_negative {
                return Ok(self.invalid(status::INVALID_OPERATION));
            }
            return Ok(Decimal::infinity(if a.is_infinite() { a.negative } else { b_negative }));
        }
        let sum = self.add_exact(a, b, b_negative)?;
        self.finalize(sum)
    }

    /// The sum before rounding; an operand too small to matter is replaced by a speck of its sign.
    fn add_exact(&mut self, a: &Decimal, b: &Decimal, b_negative: bool) -> Result<Decimal, Stop> {
        let (big, big_negative, small, small_negative) =
            if a.exponent >= b.exponent { (a, a.negative, b, b_negative) } else { (b, b_negative, a, a.negative) };
        let mut low = small.coefficient.clone();
        let mut high = big.coefficient.clone();
        let mut exponent = small.exponent;
        if big.exponent != small.exponent && !big.is_zero() {
            let spare = if big.digits() > self.context.prec { 0 } else { big.digits() - self.context.prec - 1 };
            let speck = big.exponent - 1 + spare;
            if small.adjusted() < speck {
                low = if small.is_zero() { UBig::ZERO } else { UBig::ONE };
                exponent = speck;
            }
            let shift = big.exponent - exponent;
            if self.too_long(big.digits() + shift) {
                return Ok(Decimal::nan());
            }
            high = digits::shift_left(&high, shift as u64, self.poll)?;
        }
        if big_negative == small_negative {
            return Ok(Decimal::finite(big_negative, high + low, exponent));
        }
        Ok(match high.cmp(&low) {
            Ordering::Greater => Decimal::finite(big_negative, high - low, exponent),
            Ordering::Less => Decimal::finite(small_negative, low - high, exponent),
            Ordering::Equal => Decimal::zero(self.context.rounding == Rounding::Floor, exponent),
        })
    }

    pub fn multiply(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(d) = self.take(quick::multiply(self.context, a, b)) {
            return Ok(d);
        }
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        let product = self.multiply_exact(a, b)?;
        self.finalize(product)
    }

    /// The product before rounding, of operands that are no NaN.
    fn multiply_exact(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        let negative = a.negative != b.negative;
        if a.is_infinite() || b.is_infinite() {
            if a.is_zero() || b.is_zero() {
                return Ok(self.invalid(status::INVALID_OPERATION));
            }
            return Ok(Decimal::infinity(negative));
        }
        let c = kernel::mul(&a.coefficient, &b.coefficient, self.poll)?;
        Ok(Decimal::finite(negative, c, a.exponent.saturating_add(b.exponent)))
    }

    /// `a * b + c` with one rounding.
    pub fn fma(&mut self, a: &Decimal, b: &Decimal, c: &Decimal) -> Result<Decimal, Stop> {
        let undefined = (a.is_infinite() && b.is_zero()) || (a.is_zero() && b.is_infinite());
        if undefined {
            return Ok(self.invalid(status::INVALID_OPERATION));
        }
        if let Some(nan) = self.nan_of(&[a, b, c])? {
            return Ok(nan);
        }
        let product = self.multiply_exact(a, b)?;
        if product.is_nan() {
            return Ok(product);
        }
        self.add_signed(&product, c, c.negative)
    }

    /// `+a`: rounds; a zero loses its minus sign unless rounding toward it.
    pub fn plus(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a])? {
            return Ok(nan);
        }
        let drop_sign = a.is_zero() && self.context.rounding != Rounding::Floor;
        self.finalize(if drop_sign { a.copy_abs() } else { a.clone() })
    }

    pub fn minus(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a])? {
            return Ok(nan);
        }
        let drop_sign = a.is_zero() && self.context.rounding != Rounding::Floor;
        self.finalize(if drop_sign { a.copy_abs() } else { a.copy_negate() })
    }

    pub fn abs(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        if a.negative { self.minus(a) } else { self.plus(a) }
    }

    /// `normalize`: rounds and removes trailing zeros.
    pub fn normalize(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a])? {
            return Ok(nan);
        }
        let mut d = self.finalize(a.clone())?;
        if !d.is_finite() {
            return Ok(d);
        }
        if d.is_zero() {
            return Ok(Decimal::zero(d.negative, 0));
        }
        let exponent_max = if self.context.clamp { self.context.etop() } else { self.context.emax };
        let room = exponent_max.saturating_sub(d.exponent).max(0);
        let (c, removed) = digits::strip_zeros(&d.coefficient, room as u64, self.poll)?;
        d.coefficient = c;
        d.exponent += removed as i64;
        self.finalize(d)
    }

    /// The square root, always rounded half to even.
    pub fn sqrt(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a])? {
            return Ok(nan);
        }
        if a.is_zero() {
            return self.finalize(Decimal::zero(a.negative, a.exponent.div_euclid(2)));
        }
        if a.negative {
            return Ok(self.invalid(status::INVALID_OPERATION));
        }
        if a.is_infinite() {
            return Ok(a.clone());
        }
        let half_even = self.context.rounded(Rounding::HalfEven);
        let (result, raised) = self.within(&half_even, |inner| inner.sqrt_finite(a));
        self.raise(raised);
        result
    }

    fn sqrt_finite(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        let odd = a.exponent.rem_euclid(2);
        let c = if odd == 1 { &a.coefficient * 10u8 } else { a.coefficient.clone() };
        let mut exponent = (a.exponent - odd) / 2;
        // One digit more than the precision; the rest only is sticky.
        let shift = self.context.prec + 1 - (digits::count(&c) + 1) / 2;
        if self.too_long(self.context.prec * 2) {
            return Ok(Decimal::nan());
        }
        let (c, mut exact) = if shift >= 0 {
            (digits::shift_left(&c, 2 * shift as u64, self.poll)?, true)
        } else {
            let (c, rest) = digits::shift_right(&c, 2 * shift.unsigned_abs(), self.poll)?;
            (c, rest == digits::Rest::Zero)
        };
        let (mut root, rest) = kernel::sqrt_rem(&c, self.poll)?;
        exact &= rest.is_zero();
        exponent -= shift;
        if exact && shift >= 0 {
            root = digits::shift_right(&root, shift as u64, self.poll)?.0;
            exponent += shift;
        } else if exact {
            root = digits::shift_left(&root, shift.unsigned_abs(), self.poll)?;
            exponent += shift;
        } else if (&root % 5u8) == 0 {
            root += 1u8;
        }
        self.finalize(Decimal::finite(false, root, exponent))
    }
}
