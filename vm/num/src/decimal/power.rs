//! Power: `a ** b` and `pow(a, b, m)`.

use super::digits;
use super::misc::small_integer;
use super::{Arith, Context, Decimal, EMAX_MAX, EMIN_MIN, Rounding, status};
use crate::int::kernel;
use crate::{Stop, int};
use dashu_int::{IBig, UBig};
use std::cmp::Ordering;

const INEXACT: u32 = status::INEXACT | status::ROUNDED;
/// Digits of the widest exponent: what a power can lose.
const EXPONENT_DIGITS: i64 = 19;

impl Arith<'_, '_> {
    pub fn power(&mut self, base: &Decimal, exp: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[base, exp])? {
            return Ok(nan);
        }
        let whole = exp.is_integer();
        let negative = base.negative && whole && is_odd(exp);
        if exp.is_zero() {
            return Ok(if base.is_zero() { self.invalid(status::INVALID_OPERATION) } else { Decimal::one() });
        }
        if base.is_zero() {
            return Ok(if exp.negative { Decimal::infinity(negative) } else { Decimal::zero(negative, 0) });
        }
        if base.negative && !whole {
            return Ok(self.invalid(status::INVALID_OPERATION));
        }
        let one = self.compare_magnitudes_of(base, &Decimal::one())?;
        if exp.is_infinite() {
            return match one {
                Ordering::Equal => self.one_padded(INEXACT),
                order if (order == Ordering::Greater) != exp.negative => Ok(Decimal::infinity(negative)),
                _ => Ok(Decimal::zero(negative, 0)),
            };
        }
        if base.is_infinite() {
            return Ok(if exp.negative { Decimal::zero(negative, 0) } else { Decimal::infinity(negative) });
        }
        if one == Ordering::Equal {
            return self.power_of_one(base, exp, whole, negative);
        }
        if self.leaves_range(base, exp, one)? {
            let huge = (one == Ordering::Greater) != exp.negative;
            let exponent = if huge { i64::MAX / 4 } else { i64::MIN / 4 };
            self.raise(INEXACT);
            return self.finalize(Decimal::finite(negative, UBig::ONE, exponent));
        }
        if whole { self.power_integer(base, exp, negative) } else { self.power_real(base, exp) }
    }

    fn compare_magnitudes_of(&mut self, a: &Decimal, b: &Decimal) -> Result<Ordering, Stop> {
        if a.is_infinite() { Ok(Ordering::Greater) } else { self.compare_magnitudes(a, b) }
    }

    /// `(+-1.00) ** exp`: keeps as many zeros as the exact power has, up to the precision.
    fn power_of_one(&mut self, base: &Decimal, exp: &Decimal, whole: bool, negative: bool) -> Result<Decimal, Stop> {
        if !whole {
            return self.one_padded(INEXACT);
        }
        if exp.negative {
            return Ok(Decimal { negative, ..Decimal::one() });
        }
        let room = self.context.prec - 1;
        let places = small_integer(exp).unwrap_or(i64::MAX).saturating_mul(-base.exponent);
        if places > room {
            self.raise(status::ROUNDED);
        }
        let places = places.clamp(0, room);
        if self.too_long(places) {
            return Ok(Decimal::nan());
        }
        let c = digits::pow10(places as u64, self.poll)?;
        Ok(Decimal::finite(negative, c, -places))
    }

    /// Whether the power is certain to overflow or vanish, from the sizes alone: libmpdec's test, whose verdicts show.
    fn leaves_range(&mut self, base: &Decimal, exp: &Decimal, one: Ordering) -> Result<bool, Stop> {
        let len = |n: i64| i64::from(n.unsigned_abs().checked_ilog10().unwrap_or(0)) + 1;
        // A lower bound of the exponent of |log10(base)|.
        let log_least = match base.adjusted() {
            t if t > 0 => len(t) - 1,
            t if t < -1 => len(t + 1) - 1,
            t => {
                let wide = Context { prec: 9, rounding: Rounding::Down, ..Context::max(self.context.digits_max) };
                let (gap, _) = self.within(&wide, |inner| inner.subtract(&base.copy_abs(), &Decimal::one()));
                gap?.adjusted() - if t == 0 { 2 } else { 1 }
            }
        };
        let overflows = (one == Ordering::Greater) != exp.negative;
        let limit = len(if overflows { self.context.emax } else { self.context.etiny() });
        Ok(limit < log_least + exp.adjusted())
    }

    /// By repeated squaring with guard digits.
    fn power_integer(&mut self, base: &Decimal, exp: &Decimal, negative: bool) -> Result<Decimal, Stop> {
        let guard = exp.digits() + exp.exponent.max(0) + 2;
        let prec = self.context.prec + guard + i64::from(exp.negative);
        // Within the narrow exponents a power that vanishes is zero in every rounding: so has CPython.
        let work = Context { prec, rounding: Rounding::HalfEven, clamp: false, ..self.context.clone() };
        let n = integer_magnitude(exp, self)?;
        let (result, raised) = self.within(&work, |inner| {
            let mut factor = base.copy_abs();
            if exp.negative {
                factor = inner.divide(&Decimal::one(), &factor)?;
            }
            inner.square_and_multiply(&factor, &n)
        });
        self.raise(raised);
        let result = result?;
        if result.is_infinite() {
            return self.finalize(Decimal::finite(negative, UBig::ONE, i64::MAX / 4));
        }
        self.finalize(Decimal { negative: negative && !result.is_nan(), ..result })
    }

    fn square_and_multiply(&mut self, base: &Decimal, n: &UBig) -> Result<Decimal, Stop> {
        let mut result = base.clone();
        for i in (0..kernel::bit_len(n).saturating_sub(1)).rev() {
            result = self.multiply(&result, &result)?;
            if (n.as_words()[i / 64] >> (i % 64)) & 1 == 1 {
                result = self.multiply(&result, base)?;
            }
            if result.is_special() || result.is_zero() {
                break;
            }
        }
        Ok(result)
    }

    /// `exp(exp * ln(base))` with guard digits; always inexact, as CPython has it.
    fn power_real(&mut self, base: &Decimal, exp: &Decimal) -> Result<Decimal, Stop> {
        let work = Context {
            prec: self.context.prec.max(base.digits()) + 4 + EXPONENT_DIGITS,
            emax: EMAX_MAX,
            emin: EMIN_MIN,
            rounding: Rounding::HalfEven,
            clamp: false,
            ..self.context.clone()
        };
        let (result, raised) = self.within(&work, |inner| {
            let log = inner.ln(base)?;
            let product = inner.multiply(&log, exp)?;
            inner.exp(&product)
        });
        self.raise(INEXACT | (raised & status::ERRORS));
        let result = result?;
        match (result.is_infinite(), result.is_zero()) {
            (true, _) => self.finalize(Decimal::finite(false, UBig::ONE, i64::MAX / 4)),
            (_, true) => self.finalize(Decimal::finite(false, UBig::ONE, i64::MIN / 4)),
            _ => self.finalize(result),
        }
    }

    /// `pow(base, exp, modulus)` on integers.
    pub fn power_mod(&mut self, base: &Decimal, exp: &Decimal, modulus: &Decimal) -> Result<Decimal, Stop> {
        if let Some(nan) = self.nan_of(&[base, exp, modulus])? {
            return Ok(nan);
        }
        let whole = base.is_integer() && exp.is_integer() && modulus.is_integer();
        let undefined = base.is_zero() && exp.is_zero();
        if !whole
            || undefined
            || modulus.is_zero()
            || (exp.negative && !exp.is_zero())
            || modulus.adjusted() >= self.context.prec
        {
            return Ok(self.invalid(status::INVALID_OPERATION));
        }
        let negative = base.negative && is_odd(exp);
        let m = integer_magnitude(modulus, self)?;
        // A base or an exponent with a huge power of ten in it is reduced factor by factor.
        let ten = IBig::from(10u8);
        let m_signed = IBig::from(m);
        let (c, places) = integer_parts(base, self)?;
        let scale = self.pow_mod_int(&ten, &IBig::from(places), &m_signed)?;
        let b = self.mul_mod_int(&IBig::from(c), &scale, &m_signed)?;
        let (c, places) = integer_parts(exp, self)?;
        let mut r = self.pow_mod_int(&b, &IBig::from(c), &m_signed)?;
        for _ in 0..places {
            (self.poll)()?;
            r = self.pow_mod_int(&r, &ten, &m_signed)?;
        }
        // Shorter than the modulus, so it needs no rounding; and CPython does not clamp it.
        Ok(Decimal::finite(negative, r.into_parts().1, 0))
    }

    fn pow_mod_int(&mut self, b: &IBig, e: &IBig, m: &IBig) -> Result<IBig, Stop> {
        match int::pow_mod(b, e, m, self.poll) {
            Ok(r) => Ok(r),
            // The modulus is positive and the exponent is not negative, so nothing else can go wrong.
            Err(_) => Err(Stop),
        }
    }

    fn mul_mod_int(&mut self, a: &IBig, b: &IBig, m: &IBig) -> Result<IBig, Stop> {
        let product = int::mul(a, b, self.poll)?;
        self.pow_mod_int(&product, &IBig::ONE, m)
    }
}

/// An integer's coefficient and how many zeros follow it.
fn integer_parts(d: &Decimal, arith: &mut Arith) -> Result<(UBig, i64), Stop> {
    if d.exponent >= 0 {
        return Ok((d.coefficient.clone(), if d.is_zero() { 0 } else { d.exponent }));
    }
    Ok((digits::shift_right(&d.coefficient, d.exponent.unsigned_abs(), arith.poll)?.0, 0))
}

/// The absolute value of an integral decimal whose size the caller has bounded.
fn integer_magnitude(d: &Decimal, arith: &mut Arith) -> Result<UBig, Stop> {
    let (c, places) = integer_parts(d, arith)?;
    digits::shift_left(&c, places as u64, arith.poll)
}

/// Whether an integral decimal is odd.
fn is_odd(d: &Decimal) -> bool {
    let odd = |c: &UBig| c.as_words().first().is_some_and(|w| w & 1 == 1);
    match d.exponent {
        0 => odd(&d.coefficient),
        e if e > 0 || d.coefficient.is_zero() => false,
        e => match digits::shift_right(&d.coefficient, e.unsigned_abs(), &mut crate::never) {
            Ok((c, _)) => odd(&c),
            Err(Stop) => false,
        },
    }
}
