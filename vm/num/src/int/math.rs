//! Math: gcd, roots and products of ranges.

use super::{BITS_MAX, bits::bit_length, cost, is_negative, kernel, magnitude, mul};
use crate::{NumError, Poll, Stop};
use dashu_int::ops::{ExtendedGcd, Gcd};
use dashu_int::{IBig, UBig};

/// Magnitudes of at most this many words go to dashu's gcd in one piece.
const GCD_WORDS: usize = 256;
/// Factors multiplied one after the other at the leaves of a product tree.
const TREE_LEAF: u64 = 16;

/// `math.gcd(a, b)`.
pub fn gcd(a: &IBig, b: &IBig, poll: &mut Poll) -> Result<IBig, Stop> {
    let (a, b) = (magnitude(a), magnitude(b));
    let mut pair = Euclid::new(a.into_owned(), b.into_owned(), false);
    pair.reduce(poll)?;
    let (a, b) = (pair.a.into_parts().1, pair.b.into_parts().1);
    Ok(IBig::from(if b.is_zero() { a } else { a.gcd(b) }))
}

/// `math.lcm(a, b)`.
pub fn lcm(a: &IBig, b: &IBig, poll: &mut Poll) -> Result<IBig, Stop> {
    if a.is_zero() || b.is_zero() {
        return Ok(IBig::ZERO);
    }
    let g = gcd(a, b, poll)?;
    let part = kernel::div_rem(&magnitude(a), &magnitude(&g), poll)?.0;
    Ok(IBig::from(kernel::mul(&part, &magnitude(b), poll)?))
}

/// The gcd of `a` and `m`, and an `x` with `a * x = gcd (mod m)`.
pub(crate) fn gcd_cofactor(a: &UBig, m: &UBig, poll: &mut Poll) -> Result<(UBig, IBig), Stop> {
    let mut pair = Euclid::new(m.clone(), a.clone(), true);
    pair.reduce(poll)?;
    let Euclid { a, b, ua, ub, .. } = pair;
    if b.is_zero() {
        return Ok((a.into_parts().1, ua));
    }
    let (g, s, t) = a.gcd_ext(b);
    Ok((g, mul(&s, &ua, poll)? + mul(&t, &ub, poll)?))
}

/// `math.isqrt(n)`.
pub fn isqrt(n: &IBig, poll: &mut Poll) -> Result<IBig, NumError> {
    if is_negative(n) {
        return Err(NumError::value("isqrt() argument must be nonnegative"));
    }
    Ok(IBig::from(kernel::sqrt_rem(&magnitude(n), poll)?.0))
}

/// `math.factorial(n)`.
pub fn factorial(n: &IBig, poll: &mut Poll) -> Result<IBig, NumError> {
    if is_negative(n) {
        return Err(NumError::value("factorial() not defined for negative values"));
    }
    let Ok(n) = i64::try_from(n) else {
        return Err(NumError::overflow(format!("factorial() argument should not exceed {}", i64::MAX)));
    };
    // Stirling says n! has more than n * (log2 n - 1.5) bits.
    let n = n as u64;
    let bits = n as f64 * ((n.max(2) as f64).log2() - 1.5);
    if bits > BITS_MAX as f64 {
        return Err(NumError::Memory);
    }
    Ok(IBig::from(product(&UBig::ONE, 0, n, poll)?))
}

/// `math.perm(n, k)`.
pub fn perm(n: &IBig, k: &IBig, poll: &mut Poll) -> Result<IBig, NumError> {
    check_counts(n, k)?;
    if n < k {
        return Ok(IBig::ZERO);
    }
    let Ok(k) = i64::try_from(k) else {
        return Err(NumError::overflow(format!("k must not exceed {}", i64::MAX)));
    };
    Ok(IBig::from(falling(n, k as u64, poll)?))
}

/// `math.comb(n, k)`.
pub fn comb(n: &IBig, k: &IBig, poll: &mut Poll) -> Result<IBig, NumError> {
    check_counts(n, k)?;
    if n < k {
        return Ok(IBig::ZERO);
    }
    let k = k.clone().min(n - k);
    let Ok(k) = i64::try_from(&k) else {
        return Err(NumError::overflow(format!("min(n - k, k) must not exceed {}", i64::MAX)));
    };
    if let Some(small) = u64::try_from(n).ok().and_then(|n| comb_small(n, k as u64)) {
        return Ok(IBig::from(small));
    }
    let over = falling(n, k as u64, poll)?;
    let under = product(&UBig::ONE, 0, k as u64, poll)?;
    Ok(IBig::from(kernel::div_rem(&over, &under, poll)?.0))
}

fn check_counts(n: &IBig, k: &IBig) -> Result<(), NumError> {
    if is_negative(n) {
        return Err(NumError::value("n must be a non-negative integer"));
    }
    if is_negative(k) {
        return Err(NumError::value("k must be a non-negative integer"));
    }
    Ok(())
}

/// A binomial whose every partial product fits a double word, in few steps.
fn comb_small(n: u64, k: u64) -> Option<u128> {
    if k > 64 {
        return None;
    }
    let mut c = 1u128;
    for i in 0..k {
        c = c.checked_mul(u128::from(n - i))? / u128::from(i + 1);
    }
    Some(c)
}

/// `n * (n - 1) * ... ` of `k <= n` factors.
fn falling(n: &IBig, k: u64, poll: &mut Poll) -> Result<UBig, NumError> {
    // Every factor but the last few has nearly the bits of n - k; a half is a safe lower bound for the whole.
    if (bit_length(n).saturating_mul(k)) / 4 > BITS_MAX {
        return Err(NumError::Memory);
    }
    let first = magnitude(n).into_owned() - k + 1u8;
    Ok(product_from(&first, k, poll)?)
}

/// `(low + 1) * ... * (low + count)` times `seed`.
fn product(seed: &UBig, low: u64, count: u64, poll: &mut Poll) -> Result<UBig, Stop> {
    if count == 0 {
        return Ok(seed.clone());
    }
    product_from(&UBig::from(low + 1), count, poll)
}

/// `first * (first + 1) * ...` of `count` factors, by halves.
fn product_from(first: &UBig, count: u64, poll: &mut Poll) -> Result<UBig, Stop> {
    if count <= TREE_LEAF {
        let mut result = UBig::ONE;
        for i in 0..count {
            result = kernel::mul(&result, &(first + i), poll)?;
        }
        return Ok(result);
    }
    if count <= TREE_LEAF * 8 {
        poll()?;
    }
    let half = count / 2;
    let low = product_from(first, half, poll)?;
    let high = product_from(&(first + half), count - half, poll)?;
    kernel::mul(&low, &high, poll)
}

/// A pair in Euclid's algorithm, with the cofactors of the second start value on demand.
struct Euclid {
    a: IBig,
    b: IBig,
    ua: IBig,
    ub: IBig,
    cofactors: bool,
}

impl Euclid {
    fn new(a: UBig, b: UBig, cofactors: bool) -> Self {
        Euclid { a: a.into(), b: b.into(), ua: IBig::ZERO, ub: IBig::ONE, cofactors }
    }

    /// Lehmer's steps until both fit dashu's kernel, or the second is zero.
    fn reduce(&mut self, poll: &mut Poll) -> Result<(), Stop> {
        if self.a < self.b {
            self.swap();
        }
        while self.a.as_sign_words().1.len() > GCD_WORDS && !self.b.is_zero() {
            poll()?;
            match Matrix::lehmer(&self.a, &self.b) {
                Some(m) => self.apply(&m),
                None => self.divide(poll)?,
            }
        }
        Ok(())
    }

    fn swap(&mut self) {
        std::mem::swap(&mut self.a, &mut self.b);
        std::mem::swap(&mut self.ua, &mut self.ub);
    }

    fn apply(&mut self, m: &Matrix) {
        (self.a, self.b) = m.times(&self.a, &self.b);
        if self.cofactors {
            (self.ua, self.ub) = m.times(&self.ua, &self.ub);
        }
    }

    fn divide(&mut self, poll: &mut Poll) -> Result<(), Stop> {
        let (q, r) = kernel::div_rem(&magnitude(&self.a), &magnitude(&self.b), poll)?;
        self.a = std::mem::replace(&mut self.b, r.into());
        if self.cofactors {
            let next = &self.ua - mul(&IBig::from(q), &self.ub, poll)?;
            self.ua = std::mem::replace(&mut self.ub, next);
        }
        Ok(())
    }
}

/// The product of several Euclidean steps.
struct Matrix {
    rows: [[i128; 2]; 2],
}

impl Matrix {
    /// Steps that the leading bits of both numbers settle beyond doubt; none if not even the first is settled.
    fn lehmer(a: &IBig, b: &IBig) -> Option<Matrix> {
        let cut = (bit_length(a) - 124) as usize;
        let mut x = top_bits(a, cut);
        let mut y = top_bits(b, cut);
        let [mut p, mut q] = [[1i128, 0], [0, 1]];
        loop {
            let (low, high) = (y + q[0], y + q[1]);
            if low == 0 || high == 0 {
                break;
            }
            let quotient = (x + p[0]) / low;
            if quotient != (x + p[1]) / high {
                break;
            }
            let Some(next) = step_row(p, q, quotient) else { break };
            (p, q) = (q, next);
            (x, y) = (y, x - quotient * y);
        }
        (p[1] != 0).then_some(Matrix { rows: [p, q] })
    }

    fn times(&self, a: &IBig, b: &IBig) -> (IBig, IBig) {
        let row = |r: &[i128; 2]| a * IBig::from(r[0]) + b * IBig::from(r[1]);
        (row(&self.rows[0]), row(&self.rows[1]))
    }
}

/// `p - quotient * q`, as long as it stays within 62 bits.
fn step_row(p: [i128; 2], q: [i128; 2], quotient: i128) -> Option<[i128; 2]> {
    let limit = 1i128 << 62;
    if quotient >= limit {
        return None;
    }
    let next = [p[0] - quotient * q[0], p[1] - quotient * q[1]];
    (next[0].abs() < limit && next[1].abs() < limit).then_some(next)
}

/// `n >> cut`, which has at most 124 bits.
fn top_bits(n: &IBig, cut: usize) -> i128 {
    let words = n.as_sign_words().1;
    let (index, offset) = (cut / 64, cut % 64);
    let word = |i: usize| words.get(index + i).copied().unwrap_or(0);
    let low = u128::from(word(0)) | u128::from(word(1)) << 64;
    let value = if offset == 0 { low } else { low >> offset | u128::from(word(2)) << (128 - offset) };
    value as i128
}

/// Bits of `math.comb(n, k)` at most, for callers that charge before they compute.
pub fn comb_bits(n: &IBig, k: u64) -> u64 {
    cost::mul_bits(n, &IBig::ONE).saturating_mul(k)
}
