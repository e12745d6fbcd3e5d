//! Sums: float sums that lose nothing on the way.

use crate::{Poll, Stop};

/// Why `fsum` gives no sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SumError {
    /// ValueError: "-inf + inf in fsum".
    Infinities,
    /// OverflowError: "intermediate overflow in fsum".
    Overflow,
}

/// `math.fsum`: Shewchuk's sum of partials that do not overlap.
#[derive(Clone, Debug, Default)]
pub struct FloatSum {
    partials: Vec<f64>,
    /// Sum of the infinities and NaNs met, and of the infinities alone.
    special: f64,
    infinities: f64,
}

impl FloatSum {
    pub fn add(&mut self, value: f64) -> Result<(), SumError> {
        let mut x = value;
        let mut kept = 0;
        for i in 0..self.partials.len() {
            let mut y = self.partials[i];
            if x.abs() < y.abs() {
                std::mem::swap(&mut x, &mut y);
            }
            let high = x + y;
            let low = y - (high - x);
            if low != 0.0 {
                self.partials[kept] = low;
                kept += 1;
            }
            x = high;
        }
        self.partials.truncate(kept);
        if x == 0.0 {
            return Ok(());
        }
        if !x.is_finite() {
            if value.is_finite() {
                return Err(SumError::Overflow);
            }
            if value.is_infinite() {
                self.infinities += value;
            }
            self.special += value;
            self.partials.clear();
        } else {
            self.partials.push(x);
        }
        Ok(())
    }

    /// The sum, rounded once.
    pub fn total(&self) -> Result<f64, SumError> {
        if self.special != 0.0 {
            return if self.infinities.is_nan() { Err(SumError::Infinities) } else { Ok(self.special) };
        }
        let mut rest = self.partials.iter().rev().copied();
        let Some(mut high) = rest.next() else { return Ok(0.0) };
        let mut low = 0.0;
        for y in rest.by_ref() {
            let x = high;
            high = x + y;
            low = y - (high - x);
            if low != 0.0 {
                break;
            }
        }
        // Half to even needs to know whether something lies below the half.
        if let Some(next) = rest.next()
            && ((low < 0.0 && next < 0.0) || (low > 0.0 && next > 0.0))
        {
            let y = low * 2.0;
            let x = high + y;
            if y == x - high {
                high = x;
            }
        }
        Ok(high)
    }
}

/// `a + b` as a float and what it lost.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let s = a + b;
    let z = s - a;
    (s, (a - (s - z)) + (b - z))
}

/// `a * b` as a float and what it lost.
fn two_product(a: f64, b: f64) -> (f64, f64) {
    let p = a * b;
    (p, a.mul_add(b, -p))
}

/// `math.sumprod` of floats: a sum of products kept in three floats.
#[derive(Clone, Copy, Debug, Default)]
pub struct ProductSum {
    high: f64,
    low: f64,
    tiny: f64,
}

impl ProductSum {
    pub fn add(&mut self, a: f64, b: f64) {
        let (p, p_low) = two_product(a, b);
        let (high, lost) = two_sum(self.high, p);
        let (low, lost_1) = two_sum(self.low, p_low);
        let (low, lost_2) = two_sum(low, lost);
        *self = ProductSum { high, low, tiny: self.tiny + (lost_1 + lost_2) };
    }

    pub fn is_finite(&self) -> bool {
        self.high.is_finite()
    }

    pub fn total(&self) -> f64 {
        let (high, last) = two_sum(self.high, self.low + self.tiny);
        if last == 0.0 || high.is_nan() { high } else { high + last }
    }
}

/// So many coordinates are summed between two polls.
const STRIDE: usize = 1 << 12;

/// The Euclidean length of a vector, within a hair of correct rounding and without overflow on the way.
pub fn vector_norm(values: &[f64], poll: &mut Poll<'_>) -> Result<f64, Stop> {
    let (mut max, mut infinite, mut nan) = (0.0f64, false, false);
    for piece in values.chunks(STRIDE) {
        for v in piece {
            max = max.max(v.abs());
            infinite |= v.is_infinite();
            nan |= v.is_nan();
        }
        poll()?;
    }
    if infinite {
        return Ok(f64::INFINITY);
    }
    if nan {
        return Ok(f64::NAN);
    }
    if max == 0.0 || values.len() == 1 {
        return Ok(max);
    }
    let (_, exponent) = super::frexp(max);
    if exponent < -1023 {
        // Subnormal all of them: bring them up first, exactly.
        let mut up = Vec::with_capacity(values.len());
        for piece in values.chunks(STRIDE) {
            up.extend(piece.iter().map(|v| v / f64::MIN_POSITIVE));
            poll()?;
        }
        return Ok(f64::MIN_POSITIVE * vector_norm(&up, poll)?);
    }
    // Scaled so that the largest is below 1; squares and their sum are kept in two floats.
    let scale = |v: f64| super::ldexp(v, -exponent).unwrap_or(v);
    let (mut sum, mut rest_1, mut rest_2) = (1.0f64, 0.0, 0.0);
    for piece in values.chunks(STRIDE) {
        for v in piece {
            let x = scale(*v);
            let (p, low) = two_product(x, x);
            let (s, lost) = two_sum(sum, p);
            (sum, rest_1, rest_2) = (s, rest_1 + low, rest_2 + lost);
        }
        if piece.len() == STRIDE {
            poll()?;
        }
    }
    let mut h = (sum - 1.0 + (rest_1 + rest_2)).sqrt();
    // One step of Newton on the difference, which is computed with nothing lost.
    let (p, low) = two_product(-h, h);
    let (s, lost) = two_sum(sum, p);
    let x = s - 1.0 + (rest_1 + low + (rest_2 + lost));
    h += x / (2.0 * h);
    Ok(super::ldexp(h, exponent).unwrap_or(f64::INFINITY))
}
