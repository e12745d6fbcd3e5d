//! Transcend: exp, ln and log10, correctly rounded (half to even, whatever the context's rounding).
//!
//! Each computes more digits than asked for and looks whether the uncertainty of the last ones can change the rounded
//! result; if it can, it starts over with more. The results are irrational but for the cases that are answered
//! first, so some number of digits settles it.

use super::digits;
use super::elementary::{self, Logs};
use super::{Arith, Context, Decimal, Rounding, status};
use crate::Stop;
use crate::int::kernel;
use dashu_int::{IBig, UBig};

/// How far a computed coefficient may be from the truth, in units of its last digit.
const DOUBT: u8 = 8;
const INEXACT: u32 = status::INEXACT | status::ROUNDED;

impl Arith<'_, '_> {
    pub fn exp(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[a])? {
            return Ok(nan);
        }
        if a.is_infinite() {
            return Ok(if a.negative { Decimal::zero(false, 0) } else { a.clone() });
        }
        if a.is_zero() {
            return Ok(Decimal::one());
        }
        let half_even = self.context.rounded(Rounding::HalfEven);
        let (result, raised) = self.within(&half_even, |inner| inner.exp_finite(a));
        self.raise(raised);
        result
    }

    fn exp_finite(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        let prec = self.context.prec;
        // e^a = 1 +- less than half a unit.
        if a.adjusted() < -(prec + 1) {
            return self.one_padded(INEXACT);
        }
        // e^(10^19) is beyond every exponent there is.
        if a.adjusted() >= 19 {
            let exponent = if a.negative { i64::MIN / 4 } else { i64::MAX / 4 };
            self.raise(INEXACT);
            return self.finalize(Decimal::finite(false, UBig::ONE, exponent));
        }
        self.settle(|inner, digits| inner.exp_digits(a, digits))
    }

    /// `1.000...`, as long as the precision.
    pub(super) fn one_padded(&mut self, raised: u32) -> Result<Decimal, Stop> {
        self.raise(raised);
        let prec = self.context.prec;
        if self.too_long(prec) {
            return Ok(Decimal::nan());
        }
        let c = digits::pow10(prec as u64 - 1, self.poll)?;
        self.finalize(Decimal::finite(false, c, 1 - prec))
    }

    /// Computes with more and more digits until doubt no longer changes the rounded result.
    fn settle(&mut self, mut compute: impl FnMut(&mut Self, i64) -> Result<Decimal, Stop>) -> Result<Decimal, Stop> {
        let prec = self.context.prec;
        if self.too_long(prec.saturating_mul(2).saturating_add(64)) {
            return Ok(Decimal::nan());
        }
        let wide = Context { emax: i64::MAX / 2, emin: i64::MIN / 2, clamp: false, ..self.context.clone() };
        let mut guard = 8;
        loop {
            let d = compute(self, prec + guard)?;
            let below = Decimal { coefficient: &d.coefficient - DOUBT, ..d.clone() };
            let above = Decimal { coefficient: &d.coefficient + DOUBT, ..d.clone() };
            let (low, _) = self.within(&wide, |inner| inner.finalize(below));
            let (high, _) = self.within(&wide, |inner| inner.finalize(above));
            if low? == high? {
                self.raise(INEXACT);
                return self.finalize(d);
            }
            guard = guard * 2 + prec / 16;
        }
    }

    /// About `digits` digits of `e^a`.
    fn exp_digits(&mut self, a: &Decimal, digits: i64) -> Result<Decimal, Stop> {
        let bits = bits_for(digits) + 80;
        let logs = Logs::new(bits, self.poll)?;
        let x = self.fixed(a, bits)?;
        let (n, r) = kernel::div_rem(&x, &logs.ln10, self.poll)?;
        let mut n = i64::try_from(&n).unwrap_or(i64::MAX / 8);
        let mut r = r;
        if a.negative {
            n = -n;
            if !r.is_zero() {
                n -= 1;
                r = &logs.ln10 - r;
            }
        }
        let power = elementary::exp(&r, bits, self.poll)?;
        let scale = digits::pow10(digits as u64 - 1, self.poll)?;
        let c = kernel::mul(&power, &scale, self.poll)? >> bits;
        Ok(Decimal::finite(false, c, n.saturating_sub(digits - 1)))
    }

    /// `|a|` in fixed point.
    fn fixed(&mut self, a: &Decimal, bits: usize) -> Result<UBig, Stop> {
        if a.exponent >= 0 {
            return Ok(digits::shift_left(&a.coefficient, a.exponent as u64, self.poll)? << bits);
        }
        let under = digits::pow10(a.exponent.unsigned_abs(), self.poll)?;
        Ok(kernel::div_rem(&(&a.coefficient << bits), &under, self.poll)?.0)
    }

    pub fn ln(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        if let Some(special) = self.log_special(a)? {
            return Ok(special);
        }
        if self.power_of_ten(a)? == Some(0) {
            return Ok(Decimal::zero(false, 0));
        }
        let half_even = self.context.rounded(Rounding::HalfEven);
        let (result, raised) =
            self.within(&half_even, |inner| inner.settle(|inner, digits| inner.log_digits(a, digits, false)));
        self.raise(raised);
        result
    }

    pub fn log10(&mut self, a: &Decimal) -> Result<Decimal, Stop> {
        if let Some(special) = self.log_special(a)? {
            return Ok(special);
        }
        let half_even = self.context.rounded(Rounding::HalfEven);
        if let Some(n) = self.power_of_ten(a)? {
            let exact = Decimal::finite(n < 0, UBig::from(n.unsigned_abs()), 0);
            let (result, raised) = self.within(&half_even, |inner| inner.finalize(exact));
            self.raise(raised);
            return result;
        }
        let (result, raised) =
            self.within(&half_even, |inner| inner.settle(|inner, digits| inner.log_digits(a, digits, true)));
        self.raise(raised);
        result
    }

    fn log_special(&mut self, a: &Decimal) -> Result<Option<Decimal>, Stop> {
        if let Some(nan) = self.nan_of(&[a])? {
            return Ok(Some(nan));
        }
        if a.is_zero() {
            return Ok(Some(Decimal::infinity(true)));
        }
        if a.negative {
            return Ok(Some(self.invalid(status::INVALID_OPERATION)));
        }
        Ok(a.is_infinite().then(|| a.clone()))
    }

    /// `n` if the finite, positive `a` is `10^n`.
    pub(super) fn power_of_ten(&mut self, a: &Decimal) -> Result<Option<i64>, Stop> {
        let places = a.digits() - 1;
        if (a.coefficient.trailing_zeros().unwrap_or(0) as i64) < places {
            return Ok(None);
        }
        let (c, removed) = digits::strip_zeros(&a.coefficient, places as u64, self.poll)?;
        Ok((c.is_one() && removed as i64 == places).then_some(a.exponent + places))
    }

    /// About `digits` digits of the logarithm of a number that is not 1.
    fn log_digits(&mut self, a: &Decimal, digits: i64, base_ten: bool) -> Result<Decimal, Stop> {
        let mut bits = bits_for(digits) + 96;
        // A first look at low precision tells how much the sum cancels near 1.
        loop {
            let y = self.log_fixed(a, bits, base_ten)?;
            let have = crate::int::bit_length(&y) as usize;
            let want = bits_for(digits) + 24;
            if have >= want {
                return self.unscaled(&y, bits, digits);
            }
            bits += (want - have).max(bits / 8);
        }
    }

    fn log_fixed(&mut self, a: &Decimal, bits: usize, base_ten: bool) -> Result<IBig, Stop> {
        let logs = Logs::new(bits, self.poll)?;
        // a = m * 2^k * 10^exponent with 1 <= m < 2, taking in a small exponent: it may cancel.
        let len = a.digits();
        let (over, under) = if a.exponent < 0 && -a.exponent <= len + 1 {
            (a.coefficient.clone(), digits::pow10(a.exponent.unsigned_abs(), self.poll)?)
        } else {
            (a.coefficient.clone(), UBig::ONE)
        };
        let exponent = if under.is_one() { a.exponent } else { 0 };
        let mut k = kernel::bit_len(&over) as i64 - kernel::bit_len(&under) as i64;
        let shift = bits as i64 - k;
        let mut m = if shift >= 0 {
            kernel::div_rem(&(over << shift as usize), &under, self.poll)?.0
        } else {
            kernel::div_rem(&over, &(under << shift.unsigned_abs() as usize), self.poll)?.0
        };
        if kernel::bit_len(&m) <= bits {
            m <<= 1;
            k -= 1;
        }
        let y = IBig::from(elementary::ln(&m, bits, self.poll)?)
            + IBig::from(logs.ln2) * IBig::from(k)
            + IBig::from(logs.ln10.clone()) * IBig::from(exponent);
        if !base_ten {
            return Ok(y);
        }
        let (sign, magnitude) = y.into_parts();
        Ok(IBig::from_parts(sign, kernel::div_rem(&(magnitude << bits), &logs.ln10, self.poll)?.0))
    }

    /// A fixed-point number as a decimal of about `digits` digits.
    fn unscaled(&mut self, y: &IBig, bits: usize, digits: i64) -> Result<Decimal, Stop> {
        let magnitude = crate::int::magnitude(y);
        let log2 = kernel::bit_len(&magnitude) as f64 - bits as f64;
        let places = digits - (log2 * std::f64::consts::LOG10_2).floor() as i64;
        let c = if places >= 0 {
            digits::shift_left(&magnitude, places as u64, self.poll)? >> bits
        } else {
            digits::shift_right(&(&*magnitude >> bits), places.unsigned_abs(), self.poll)?.0
        };
        Ok(Decimal::finite(crate::int::is_negative(y), c, -places))
    }
}

/// Bits that hold so many digits.
fn bits_for(digits: i64) -> usize {
    (digits as u128 * 3_322 / 1_000) as usize + 2
}
