//! Convert: decimals to and from ints and floats, and their hash.

use super::digits;
use super::{Arith, Decimal, Kind};
use crate::int::{self, convert::decompose, hash, kernel};
use crate::{NumError, Poll, Stop};
use dashu_int::ops::Gcd;
use dashu_int::{IBig, Sign, UBig};

impl Decimal {
    /// The decimal of an int, exactly.
    pub fn from_int(n: &IBig) -> Self {
        Decimal::finite(int::is_negative(n), int::magnitude(n).into_owned(), 0)
    }

    /// The decimal of a float, exactly.
    pub fn from_f64(x: f64, poll: &mut Poll) -> Result<Self, Stop> {
        let negative = x.is_sign_negative();
        if x.is_nan() {
            return Ok(Decimal { negative, ..Decimal::nan() });
        }
        if x.is_infinite() {
            return Ok(Decimal::infinity(negative));
        }
        let (m, exp) = decompose(x);
        if m == 0 {
            return Ok(Decimal::zero(negative, 0));
        }
        let zeros = m.trailing_zeros();
        let (m, exp) = (UBig::from(m >> zeros), exp + i64::from(zeros));
        if exp >= 0 {
            return Ok(Decimal::finite(negative, m << exp as usize, 0));
        }
        // m / 2^k = m * 5^k / 10^k
        let fives = kernel::pow(&UBig::from(5u8), exp.unsigned_abs(), poll)?;
        Ok(Decimal::finite(negative, kernel::mul(&m, &fives, poll)?, exp))
    }

    /// `int(d)`: toward zero. Refuses results of more than `digits_max` digits.
    pub fn to_int(&self, digits_max: i64, poll: &mut Poll) -> Result<IBig, NumError> {
        match self.kind {
            Kind::Finite => {}
            Kind::Infinite => return Err(NumError::overflow("cannot convert Infinity to integer")),
            _ => return Err(NumError::value("cannot convert NaN to integer")),
        }
        if self.is_zero() {
            return Ok(IBig::ZERO);
        }
        if self.adjusted() >= digits_max {
            return Err(NumError::Memory);
        }
        let magnitude = if self.exponent >= 0 {
            digits::shift_left(&self.coefficient, self.exponent as u64, poll)?
        } else {
            digits::shift_right(&self.coefficient, self.exponent.unsigned_abs(), poll)?.0
        };
        Ok(IBig::from_parts(if self.negative { Sign::Negative } else { Sign::Positive }, magnitude))
    }

    /// `d.as_integer_ratio()`.
    pub fn as_integer_ratio(&self, digits_max: i64, poll: &mut Poll) -> Result<(IBig, IBig), NumError> {
        match self.kind {
            Kind::Finite => {}
            Kind::Infinite => return Err(NumError::overflow("cannot convert Infinity to integer ratio")),
            _ => return Err(NumError::value("cannot convert NaN to integer ratio")),
        }
        if self.is_zero() || self.exponent >= 0 {
            return Ok((self.to_int(digits_max, poll)?, IBig::ONE));
        }
        if self.exponent < -digits_max {
            return Err(NumError::Memory);
        }
        let (c, removed) = digits::strip_zeros(&self.coefficient, self.exponent.unsigned_abs(), poll)?;
        let places = self.exponent.unsigned_abs() - removed;
        let unit = digits::pow10(places, poll)?;
        // Only twos and fives can be common; powers of two are cheap, the rest goes through the general gcd.
        let common = if kernel::words(&c) <= 2 && kernel::words(&unit) <= 2 && places > 0 {
            (&c).gcd(&unit)
        } else {
            int::gcd(&IBig::from(c.clone()), &IBig::from(unit.clone()), poll)?.into_parts().1
        };
        let n = kernel::div_rem(&c, &common, poll)?.0;
        let d = kernel::div_rem(&unit, &common, poll)?.0;
        let sign = if self.negative { Sign::Negative } else { Sign::Positive };
        Ok((IBig::from_parts(sign, n), IBig::from(d)))
    }

    /// `hash(d)`; `None` for NaNs (a quiet one hashes by identity, a signaling one not at all).
    pub fn hash(&self) -> Option<i64> {
        match self.kind {
            Kind::Finite => {}
            Kind::Infinite => return Some(if self.negative { -hash::HASH_INF } else { hash::HASH_INF }),
            _ => return None,
        }
        let c = self.coefficient.as_ibig();
        let mut h = 0u64;
        for word in c.as_sign_words().1.iter().rev() {
            h = ((u128::from(h) * 8 + u128::from(*word)) % u128::from(hash::MODULUS)) as u64;
        }
        let h = hash::mul_mod(h, hash::pow10_mod(self.exponent));
        Some(hash::signed(h, self.negative))
    }
}

impl Arith<'_, '_> {
    /// A decimal from an int, rounded to the context.
    pub fn from_int(&mut self, n: &IBig) -> Result<Decimal, Stop> {
        self.finalize(Decimal::from_int(n))
    }
}
