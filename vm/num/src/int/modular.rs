//! Modular: `pow` with a modulus, and inverses.

use super::{bits::bit_length, is_negative, kernel, magnitude, math};
use crate::{NumError, Poll, Stop};
use dashu_int::fast_div::ConstDivisor;
use dashu_int::{IBig, Sign, UBig};

/// Moduli of at most this many words go through dashu's precomputed divisor, one multiplication per poll.
const RING_WORDS: usize = 300;
const WINDOW_BITS: u64 = 5;

/// `pow(base, exp, modulus)`, also for negative exponents (inverse) and negative moduli (sign follows).
pub fn pow_mod(base: &IBig, exp: &IBig, modulus: &IBig, poll: &mut Poll) -> Result<IBig, NumError> {
    if modulus.is_zero() {
        return Err(NumError::value("pow() 3rd argument cannot be 0"));
    }
    let m = magnitude(modulus).into_owned();
    if m.is_one() {
        return Ok(IBig::ZERO);
    }
    let mut b = reduce(base, &m, poll)?;
    if is_negative(exp) {
        b = inverse(&b, &m, poll)?;
    }
    let e = magnitude(exp);
    let r = if kernel::words(&m) <= RING_WORDS { pow_ring(&b, &e, &m, poll)? } else { pow_large(&b, &e, &m, poll)? };
    let r = IBig::from(r);
    Ok(if is_negative(modulus) && !r.is_zero() { r + modulus } else { r })
}

/// The inverse of `b` modulo `m > 1`.
pub fn inverse(b: &UBig, m: &UBig, poll: &mut Poll) -> Result<UBig, NumError> {
    let (g, x) = math::gcd_cofactor(b, m, poll)?;
    if !g.is_one() {
        return Err(NumError::value("base is not invertible for the given modulus"));
    }
    Ok(reduce(&x, m, poll)?)
}

/// The residue of `n` in `0..m`.
fn reduce(n: &IBig, m: &UBig, poll: &mut Poll) -> Result<UBig, Stop> {
    let r = kernel::div_rem(&magnitude(n), m, poll)?.1;
    Ok(if n.sign() == Sign::Negative && !r.is_zero() { m - r } else { r })
}

fn pow_ring(b: &UBig, exp: &UBig, m: &UBig, poll: &mut Poll) -> Result<UBig, Stop> {
    let ring = ConstDivisor::new(m.clone());
    let b = ring.reduce(b.clone());
    let mut table = vec![ring.reduce(1u8)];
    let chatty = kernel::words(m) > 8;
    let mut steps = 0u32;
    window_pow(exp, &mut table, |t, op| {
        steps = steps.wrapping_add(1);
        if chatty || steps & 63 == 0 {
            poll()?;
        }
        Ok(match op {
            Op::NextPower => &t[t.len() - 1] * &b,
            Op::Square(x) => x.sqr(),
            Op::Times(x, i) => x * &t[i],
        })
    })
    .map(|r| r.residue())
}

fn pow_large(b: &UBig, exp: &UBig, m: &UBig, poll: &mut Poll) -> Result<UBig, Stop> {
    let mut table = vec![UBig::ONE];
    window_pow(exp, &mut table, |t, op| {
        let product = match op {
            Op::NextPower => kernel::mul(&t[t.len() - 1], b, poll)?,
            Op::Square(x) => kernel::sqr(x, poll)?,
            Op::Times(x, i) => kernel::mul(x, &t[i], poll)?,
        };
        Ok(kernel::div_rem(&product, m, poll)?.1)
    })
}

/// One multiplication of a windowed power.
enum Op<'a, T> {
    NextPower,
    Square(&'a T),
    Times(&'a T, usize),
}

/// Left-to-right exponentiation by fixed windows over any ring; `table` starts as `[1]`.
fn window_pow<T: Clone>(
    exp: &UBig,
    table: &mut Vec<T>,
    mut step: impl FnMut(&[T], Op<T>) -> Result<T, Stop>,
) -> Result<T, Stop> {
    let bits = bit_length(exp.as_ibig());
    let width = if bits > 64 { WINDOW_BITS } else { 1 };
    for _ in 1..1usize << width {
        let next = step(table, Op::NextPower)?;
        table.push(next);
    }
    let mut result = table[0].clone();
    let mut fresh = true;
    for window in (0..bits.div_ceil(width)).rev() {
        if !fresh {
            for _ in 0..width {
                result = step(table, Op::Square(&result))?;
            }
        }
        let digit = window_digit(exp, window * width, width);
        if digit != 0 {
            result = if fresh { table[digit].clone() } else { step(table, Op::Times(&result, digit))? };
            fresh = false;
        }
    }
    Ok(result)
}

/// Bits `at..at + width` of `exp`.
fn window_digit(exp: &UBig, at: u64, width: u64) -> usize {
    let words = exp.as_words();
    let (index, offset) = ((at / 64) as usize, at % 64);
    let low = words.get(index).copied().unwrap_or(0) >> offset;
    let high = if offset == 0 { 0 } else { words.get(index + 1).copied().unwrap_or(0) << (64 - offset) };
    ((low | high) & ((1 << width) - 1)) as usize
}
