//! Elementary: exponential and logarithm in binary fixed point.
//!
//! A value `v` is the integer `v * 2^bits`. Each function adds guard bits of its own, so that its result is wrong by
//! a few units in the last place at most; callers keep enough bits to absorb that.

use crate::int::kernel;
use crate::{Poll, Stop};
use dashu_int::{IBig, UBig};

/// `ln 2` and `ln 10` at `bits`.
pub(super) struct Logs {
    pub ln2: UBig,
    pub ln10: UBig,
}

impl Logs {
    pub(super) fn new(bits: usize, poll: &mut Poll) -> Result<Self, Stop> {
        let work = bits + 16;
        let a = atanh_inverse(31, work, poll)?;
        let b = atanh_inverse(49, work, poll)?;
        let c = atanh_inverse(161, work, poll)?;
        let combine = |x: u8, y: u8, z: u8| (&a * x + &b * y + &c * z) >> 16;
        Ok(Logs { ln2: combine(14, 10, 6), ln10: combine(46, 34, 20) })
    }
}

/// `atanh(1 / n)` at `bits`.
fn atanh_inverse(n: u64, bits: usize, poll: &mut Poll) -> Result<UBig, Stop> {
    let square = n * n;
    if bits < 8_192 {
        let mut term = (UBig::ONE << bits) / n;
        let mut sum = term.clone();
        let mut k = 3u64;
        while !term.is_zero() {
            term /= square;
            sum += &term / k;
            k += 2;
        }
        poll()?;
        return Ok(sum);
    }
    let terms = bits as u64 / u64::from((square).ilog2()) + 2;
    let split = Split::new(square, 0, terms, poll)?;
    let over = kernel::mul(&split.t, &(UBig::ONE << bits), poll)?;
    let under = kernel::mul(&split.b, &split.q, poll)? * n;
    Ok(kernel::div_rem(&over, &under, poll)?.0)
}

/// Binary splitting of `sum 1 / ((2k + 1) * square^k)`.
struct Split {
    t: UBig,
    b: UBig,
    q: UBig,
}

impl Split {
    fn new(square: u64, from: u64, to: u64, poll: &mut Poll) -> Result<Split, Stop> {
        if to - from == 1 {
            let q = if from == 0 { 1 } else { square };
            return Ok(Split { t: UBig::ONE, b: UBig::from(2 * from + 1), q: UBig::from(q) });
        }
        let middle = (from + to) / 2;
        let low = Split::new(square, from, middle, poll)?;
        let high = Split::new(square, middle, to, poll)?;
        let scaled = kernel::mul(&kernel::mul(&high.b, &high.q, poll)?, &low.t, poll)?;
        Ok(Split {
            t: scaled + kernel::mul(&low.b, &high.t, poll)?,
            b: kernel::mul(&low.b, &high.b, poll)?,
            q: kernel::mul(&low.q, &high.q, poll)?,
        })
    }
}

/// `e^x` for `0 <= x < 8` at `bits`.
pub(super) fn exp(x: &UBig, bits: usize, poll: &mut Poll) -> Result<UBig, Stop> {
    // e^x = (e^(x / 2^s))^(2^s): each halving saves terms of the series and costs a squaring.
    let halvings = bits.isqrt() + 3;
    let work = bits + 2 * halvings + 48;
    let x = (x << (work - bits)) >> halvings;
    let mut sum = UBig::ONE << work;
    let mut term = sum.clone();
    let mut k = 1u64;
    loop {
        term = (kernel::mul(&term, &x, poll)? >> work) / k;
        if term.is_zero() {
            break;
        }
        sum += &term;
        k += 1;
    }
    for _ in 0..halvings {
        sum = kernel::sqr(&sum, poll)? >> work;
    }
    Ok(sum >> (work - bits))
}

/// `ln m` for `1 <= m < 2` at `bits`.
pub(super) fn ln(m: &UBig, bits: usize, poll: &mut Poll) -> Result<UBig, Stop> {
    // Halley's iteration triples the number of right bits; begin with those of a double.
    const START_BITS: usize = 48;
    let mut steps = Vec::new();
    let mut need = bits + 8;
    while need > START_BITS {
        steps.push(need + 16);
        need = need / 3 + 6;
    }
    let top = (m >> (bits.max(60) - 60)) << (60 - bits.min(60));
    let start = (top.as_words().first().copied().unwrap_or(0) as f64 / (1u64 << 60) as f64).ln();
    let mut at = 60;
    let mut y = IBig::from((start.max(0.0) * (1u64 << 60) as f64) as u64);
    for work in steps.into_iter().rev() {
        y = if work >= at { y << (work - at) } else { y >> (at - work) };
        at = work;
        let target = IBig::from(if work >= bits { m << (work - bits) } else { m >> (bits - work) });
        let power = IBig::from(exp(&crate::int::magnitude(&y), work, poll)?);
        let over = (&target - &power) << (work + 1);
        let under = crate::int::magnitude(&(target + power)).into_owned();
        let (sign, over) = over.into_parts();
        let step = kernel::div_rem(&over, &under, poll)?.0;
        y = (y + IBig::from_parts(sign, step)).max(IBig::ZERO);
    }
    let y = y.into_parts().1;
    Ok(if at >= bits { y >> (at - bits) } else { y << (bits - at) })
}
