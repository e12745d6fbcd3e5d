//! Misc: quanta, integers, exponents, digit shifts and digit logic.

use super::digits::{self, Rest};
use super::round::goes_up;
use super::{Arith, Decimal, Kind, Rounding, quick, status};
use crate::Stop;
use crate::int_text;
use dashu_int::UBig;

impl Arith<'_, '_> {
    /// `a` with the exponent of `b`.
    pub fn quantize(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(d) = self.take(quick::quantize(self.context, a, b)) {
            return Ok(d);
        }
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        match (a.is_infinite(), b.is_infinite()) {
            (true, true) => return Ok(a.clone()),
            (false, false) => {}
            _ => return Ok(self.invalid(status::INVALID_OPERATION)),
        }
        if b.exponent > self.context.emax || b.exponent < self.context.etiny() {
            return Ok(self.invalid(status::INVALID_OPERATION));
        }
        if a.is_zero() {
            return self.finalize(Decimal::zero(a.negative, b.exponent));
        }
        let gap = a.exponent.saturating_sub(b.exponent);
        if gap >= 0 && a.digits().saturating_add(gap) > self.context.prec {
            return Ok(self.invalid(status::INVALID_OPERATION));
        }
        if self.too_long(a.digits().saturating_add(gap.max(0))) {
            return Ok(Decimal::nan());
        }
        let (result, rest) = self.rescale(a, b.exponent)?;
        if result.digits() > self.context.prec || result.adjusted() > self.context.emax {
            return Ok(self.invalid(status::INVALID_OPERATION));
        }
        if gap < 0 {
            self.raise(status::ROUNDED);
        }
        if rest != Rest::Zero {
            self.raise(status::INEXACT);
        }
        self.finalize(result)
    }

    /// A finite number at another exponent, rounded by the context; the caller has checked its length.
    pub(super) fn rescale(&mut self, a: &Decimal, exponent: i64) -> Result<(Decimal, Rest), Stop> {
        let gap = a.exponent.saturating_sub(exponent);
        if gap >= 0 {
            let c = digits::shift_left(&a.coefficient, gap as u64, self.poll)?;
            return Ok((Decimal::finite(a.negative, c, exponent), Rest::Zero));
        }
        let (q, rest) = digits::shift_right(&a.coefficient, gap.unsigned_abs(), self.poll)?;
        let up = goes_up(&q, rest, a.negative, self.context.rounding);
        Ok((Decimal::finite(a.negative, if up { q + 1u8 } else { q }, exponent), rest))
    }

    /// Rounds to an integer and says so.
    pub fn to_integral_exact(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        let (result, rest) = self.integral(a)?;
        if a.is_finite() && a.exponent < 0 && !a.is_zero() {
            self.raise(status::ROUNDED);
            if rest != Rest::Zero {
                self.raise(status::INEXACT);
            }
        }
        Ok(result)
    }

    /// Rounds to an integer in silence.
    pub fn to_integral_value(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        Ok(self.integral(a)?.0)
    }

    fn integral(&mut self, a: &Decimal) -> Result<(Decimal, Rest), Stop> {
        if let Some(nan) = self.nan_of(&[a])? {
            return Ok((nan, Rest::Zero));
        }
        if a.is_infinite() || a.exponent >= 0 {
            return Ok((a.clone(), Rest::Zero));
        }
        self.rescale(a, 0)
    }

    /// The exponent of the leading digit.
    pub fn logb(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a])? {
            return Ok(nan);
        }
        if a.is_infinite() {
            return Ok(Decimal::infinity(false));
        }
        if a.is_zero() {
            self.raise(status::DIVISION_BY_ZERO);
            return Ok(Decimal::infinity(true));
        }
        let e = a.adjusted();
        self.finalize(Decimal::finite(e < 0, UBig::from(e.unsigned_abs()), 0))
    }

    /// `a * 10^b` by the exponent alone.
    pub fn scaleb(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        if b.is_infinite() || b.exponent != 0 {
            return Ok(self.invalid(status::INVALID_OPERATION));
        }
        let jump_max = 2 * (self.context.emax + self.context.prec);
        let jump = match small_integer(b) {
            Some(n) if n.abs() <= jump_max => n,
            _ => return Ok(self.invalid(status::INVALID_OPERATION)),
        };
        if a.is_infinite() {
            return Ok(a.clone());
        }
        let exponent = a.exponent.saturating_add(jump);
        self.finalize(Decimal { exponent, ..a.clone() })
    }

    /// Shifts the digits by `b` places, filling with zeros.
    pub fn shift(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        self.move_digits(a, b, false)
    }

    /// Rotates the digits within the precision by `b` places.
    pub fn rotate(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        self.move_digits(a, b, true)
    }

    fn move_digits(&mut self, a: &Decimal, b: &Decimal, rotate: bool) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a, b])? {
            return Ok(nan);
        }
        let prec = self.context.prec;
        let places = match if b.exponent == 0 { small_integer(b) } else { None } {
            Some(n) if n.abs() <= prec => n,
            _ => return Ok(self.invalid(status::INVALID_OPERATION)),
        };
        if a.is_infinite() {
            return Ok(a.clone());
        }
        let c = digits::low_digits(&a.coefficient, prec as u64, self.poll)?;
        if self.too_long(digits::count(&c).saturating_add(if rotate { prec } else { places.max(0) })) {
            return Ok(Decimal::nan());
        }
        // Digits that leave at one end; rotating, they come back at the other.
        let left = if places >= 0 { places } else { prec + places } as u64;
        let moved = if places < 0 && !rotate {
            digits::shift_right(&c, places.unsigned_abs(), self.poll)?.0
        } else {
            let kept = digits::low_digits(&c, prec as u64 - left, self.poll)?;
            digits::shift_left(&kept, left, self.poll)?
        };
        let moved = if rotate { moved + digits::shift_right(&c, prec as u64 - left, self.poll)?.0 } else { moved };
        Ok(Decimal { coefficient: moved, ..a.clone() })
    }

    pub fn logical_and(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        self.logical(a, b, |x, y| x & y)
    }

    pub fn logical_or(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        self.logical(a, b, |x, y| x | y)
    }

    pub fn logical_xor(&mut self, a: &Decimal, b: &Decimal) -> Result<Decimal, Stop> {
        self.logical(a, b, |x, y| x ^ y)
    }

    /// Swaps zeros and ones over the whole precision.
    pub fn logical_invert(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        if self.too_long(self.context.prec) {
            return Ok(Decimal::nan());
        }
        let ones = (digits::pow10(self.context.prec as u64, self.poll)? - 1u8) / 9u8;
        self.logical_xor(a, &Decimal::finite(false, ones, 0))
    }

    /// Digit by digit on operands of zeros and ones, cut to the precision.
    fn logical(&mut self, a: &Decimal, b: &Decimal, f: impl Fn(u8, u8) -> u8) -> Result<Decimal, Stop> {
        let (Some(x), Some(y)) = (self.binary_digits(a)?, self.binary_digits(b)?) else {
            return Ok(self.invalid(status::INVALID_OPERATION));
        };
        let len = x.len().max(y.len()).min(self.context.prec as usize);
        let at = |d: &[u8], i: usize| if i < d.len() { d[d.len() - 1 - i] } else { 0 };
        let digits: Vec<u8> = (0..len).rev().map(|i| b'0' + f(at(&x, i), at(&y, i))).collect();
        Ok(Decimal::finite(false, int_text::digits_to_int(&digits, 10, self.poll)?, 0))
    }

    /// The digits of a logical operand as zeros and ones; `None` if it is none.
    fn binary_digits(&mut self, a: &Decimal) -> Result<Option<Vec<u8>>, Stop> {
        if a.kind != Kind::Finite || a.negative || a.exponent != 0 {
            return Ok(None);
        }
        let mut text = String::new();
        int_text::push_digits(&a.coefficient, 10, &mut text, self.poll)?;
        if !text.bytes().all(|d| d == b'0' || d == b'1') {
            return Ok(None);
        }
        Ok(Some(text.bytes().map(|d| d - b'0').collect()))
    }

    /// `round(a, n)` and friends: to an exponent in a given rounding, exact in the widest context.
    pub fn round_to(&mut self, a: &Decimal, exponent: i64, rounding: Rounding) -> Result<Decimal, Stop> {
        let context = self.context.rounded(rounding);
        let (result, raised) =
            self.within(&context, |inner| inner.quantize(a, &Decimal::finite(false, UBig::ONE, exponent)));
        self.raise(raised);
        result
    }
}

/// A decimal that is an integer within a machine word.
pub(super) fn small_integer(d: &Decimal) -> Option<i64> {
    if !d.is_integer() {
        return None;
    }
    if d.is_zero() {
        return Some(0);
    }
    if d.adjusted() > 18 {
        return None;
    }
    let n = u128::try_from(&d.coefficient).ok();
    let n = match d.exponent {
        e if e >= 0 => n?.checked_mul(10u128.checked_pow(u32::try_from(e).ok()?)?)?,
        e => match n {
            Some(n) => n / 10u128.checked_pow(u32::try_from(-e).ok()?)?,
            // More digits than a double word, all but a few of them trailing zeros.
            None => {
                let (c, _) = digits::strip_zeros(&d.coefficient, e.unsigned_abs(), &mut crate::never).ok()?;
                u128::try_from(&c).ok()?
            }
        },
    };
    let n = i64::try_from(n).ok()?;
    Some(if d.negative { -n } else { n })
}
