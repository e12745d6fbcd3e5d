//! Kernel: multiplication, division and square root of huge magnitudes that notice an interrupt.
//!
//! Operands are cut into blocks which dashu handles in about a hundred microseconds; the poll runs between blocks.
//! Above the block size the algorithms are our own: Toom-3 and Karatsuba for products, divide and conquer for
//! quotients and square roots. Every recursion at least halves (or cuts to two thirds) the operand it recurses on.

use super::magnitude;
use crate::{Poll, Stop};
use dashu_int::ops::{DivRem, SquareRootRem};
use dashu_int::{IBig, UBig};

/// Words on each side of a product or quotient that one call into dashu may handle.
const LEAF_WORDS: usize = 400;
const LEAF_AREA: usize = LEAF_WORDS * LEAF_WORDS;
/// Below this many word products not even a poll is worth its call.
const SILENT_AREA: usize = 4_096;
const WORD_BITS: usize = 64;

/// Number of 64-bit words of `n`.
pub fn words(n: &UBig) -> usize {
    n.as_words().len()
}

/// `a * b`.
pub fn mul(a: &UBig, b: &UBig, poll: &mut Poll) -> Result<UBig, Stop> {
    let (a, b) = if words(a) >= words(b) { (a, b) } else { (b, a) };
    let (n, m) = (words(a), words(b));
    let area = n.saturating_mul(m);
    if area <= LEAF_AREA {
        if area > SILENT_AREA {
            poll()?;
        }
        return Ok(a * b);
    }
    if 2 * m <= n || m <= LEAF_WORDS {
        mul_unbalanced(a, b, poll)
    } else if 3 * m <= 2 * n + 6 {
        mul_karatsuba(a, b, poll)
    } else {
        mul_toom3(a, b, poll)
    }
}

/// `a * a`.
pub fn sqr(a: &UBig, poll: &mut Poll) -> Result<UBig, Stop> {
    let n = words(a);
    if n <= LEAF_WORDS {
        if n * n > SILENT_AREA {
            poll()?;
        }
        return Ok(a.sqr());
    }
    mul_toom3(a, a, poll)
}

/// Quotient and remainder of `a / b`; `b` is not zero.
pub fn div_rem(a: &UBig, b: &UBig, poll: &mut Poll) -> Result<(UBig, UBig), Stop> {
    let (len_a, len_b) = (words(a), words(b));
    if len_a < len_b {
        return Ok((UBig::ZERO, a.clone()));
    }
    let len_q = len_a - len_b + 1;
    let area = len_q.saturating_mul(len_b);
    if area <= LEAF_AREA {
        if area > SILENT_AREA {
            poll()?;
        }
        return Ok(a.div_rem(b));
    }
    if 2 * len_q <= len_b {
        return div_truncated(a, b, len_q, poll);
    }
    // Long division by blocks: half a quotient when it is about as long as the divisor or shorter, else divisor-sized blocks
    // (or, for a small divisor, the longest block that is still one leaf).
    let block = if len_q <= len_b + 1 {
        len_q / 2
    } else if len_b < LEAF_WORDS {
        (LEAF_AREA / len_b - 1).max(1)
    } else {
        len_b
    };
    div_blocks(a, b, block, poll)
}

/// Floor of the square root and the rest.
pub fn sqrt_rem(n: &UBig, poll: &mut Poll) -> Result<(UBig, UBig), Stop> {
    if words(n) <= LEAF_WORDS / 2 {
        poll()?;
        return Ok(n.sqrt_rem());
    }
    // Normalize so that the top quarter has its high bit (of an even position) set.
    let bits = bit_len(n);
    let quarter = bits.div_ceil(4);
    let shift = (4 * quarter - bits) & !1;
    if shift > 0 {
        let (root, _) = sqrt_rem_normal(&(n << shift), quarter, poll)?;
        let root = root >> (shift / 2);
        let rest = n - sqr(&root, poll)?;
        return Ok((root, rest));
    }
    sqrt_rem_normal(n, quarter, poll)
}

/// `base ** exp` by squaring.
pub fn pow(base: &UBig, exp: u64, poll: &mut Poll) -> Result<UBig, Stop> {
    if exp == 0 {
        return Ok(UBig::ONE);
    }
    // Powers of two are shifts.
    let zeros = base.trailing_zeros().unwrap_or(0);
    let odd = base >> zeros;
    let shift = usize::try_from(exp).ok().and_then(|e| e.checked_mul(zeros)).unwrap_or(usize::MAX);
    if odd.is_one() {
        return Ok(odd << shift);
    }
    let mut result = odd.clone();
    for i in (0..exp.ilog2()).rev() {
        result = sqr(&result, poll)?;
        if exp >> i & 1 == 1 {
            result = mul(&result, &odd, poll)?;
        }
    }
    Ok(if shift == 0 { result } else { result << shift })
}

/// Number of significant bits.
pub fn bit_len(n: &UBig) -> usize {
    let w = n.as_words();
    match w.last() {
        Some(top) => w.len() * WORD_BITS - top.leading_zeros() as usize,
        None => 0,
    }
}

/// Words `from..to` of `n` as a number.
pub(crate) fn slice(n: &UBig, from: usize, to: usize) -> UBig {
    let w = n.as_words();
    let to = to.min(w.len());
    if from >= to { UBig::ZERO } else { UBig::from_words(&w[from..to]) }
}

fn mul_unbalanced(a: &UBig, b: &UBig, poll: &mut Poll) -> Result<UBig, Stop> {
    let (n, m) = (words(a), words(b));
    let block = if m < LEAF_WORDS { (LEAF_AREA / m).max(1) } else { m };
    let mut sum = vec![0u64; n + m + 1];
    let mut at = 0;
    while at < n {
        let part = mul(&slice(a, at, at + block), b, poll)?;
        add_at(&mut sum, part.as_words(), at);
        at += block;
    }
    Ok(UBig::from_words(&sum))
}

/// Adds `add` into `sum` at word `at`; the caller has left room for the carry.
fn add_at(sum: &mut [u64], add: &[u64], at: usize) {
    let mut carry = false;
    let tail = &mut sum[at..];
    for (i, slot) in tail.iter_mut().enumerate() {
        let word = match add.get(i) {
            Some(word) => *word,
            None if carry => 0,
            None => break,
        };
        let (x, c1) = slot.overflowing_add(word);
        let (x, c2) = x.overflowing_add(carry as u64);
        *slot = x;
        carry = c1 | c2;
    }
}

fn mul_karatsuba(a: &UBig, b: &UBig, poll: &mut Poll) -> Result<UBig, Stop> {
    let n = words(a) + words(b);
    let half = words(a).div_ceil(2);
    let (a0, a1) = (slice(a, 0, half), slice(a, half, usize::MAX));
    let (b0, b1) = (slice(b, 0, half), slice(b, half, usize::MAX));
    poll()?;
    let low = mul(&a0, &b0, poll)?;
    let high = mul(&a1, &b1, poll)?;
    let (a, b) = (a0 + a1, b0 + b1);
    poll()?;
    let mut mid = mul(&a, &b, poll)?;
    mid -= &low;
    poll()?;
    mid -= &high;
    poll()?;
    let mut sum = vec![0u64; n + 2];
    add_at(&mut sum, low.as_words(), 0);
    add_at(&mut sum, mid.as_words(), half);
    add_at(&mut sum, high.as_words(), 2 * half);
    Ok(UBig::from_words(&sum))
}

/// Signed product used at Toom's negative evaluation points.
fn mul_signed(a: &IBig, b: &IBig, same: bool, poll: &mut Poll) -> Result<IBig, Stop> {
    let ma = magnitude(a);
    if same {
        return Ok(IBig::from(sqr(&ma, poll)?));
    }
    Ok(IBig::from_parts(a.sign() * b.sign(), mul(&ma, &magnitude(b), poll)?))
}

/// The values of a cut number at 0, 1, -1, -2 and infinity.
fn toom3_points(n: &UBig, third: usize, poll: &mut Poll) -> Result<[IBig; 5], Stop> {
    // Each step takes milliseconds when the number has some tens of millions of bits.
    let c0 = IBig::from(slice(n, 0, third));
    poll()?;
    let c1 = IBig::from(slice(n, third, 2 * third));
    poll()?;
    let c2 = IBig::from(slice(n, 2 * third, usize::MAX));
    poll()?;
    let even = &c0 + &c2;
    poll()?;
    let plus = &even + &c1;
    poll()?;
    let minus = even - c1;
    poll()?;
    let mut minus_two = &minus + &c2;
    poll()?;
    minus_two <<= 1;
    poll()?;
    minus_two -= &c0;
    Ok([c0, plus, minus, minus_two, c2])
}

/// Toom-3 with Bodrato's interpolation sequence. `a` and `b` may be the same number.
fn mul_toom3(a: &UBig, b: &UBig, poll: &mut Poll) -> Result<UBig, Stop> {
    let same = std::ptr::eq(a, b);
    let third = words(a).max(words(b)).div_ceil(3);
    let pa = toom3_points(a, third, poll)?;
    let pb = if same { None } else { Some(toom3_points(b, third, poll)?) };
    let pb = pb.as_ref().unwrap_or(&pa);
    let mut at_point = |i: usize| mul_signed(&pa[i], &pb[i], same, poll);
    let (r0, r1, rm1, rm2, r4) = (at_point(0)?, at_point(1)?, at_point(2)?, at_point(3)?, at_point(4)?);
    let mut r3 = rm2 - &r1;
    poll()?;
    r3 /= 3u8;
    poll()?;
    let mut c1 = r1 - &rm1;
    poll()?;
    c1 >>= 1;
    poll()?;
    let mut r2 = rm1 - &r0;
    poll()?;
    r3 = &r2 - r3;
    poll()?;
    r3 >>= 1;
    poll()?;
    r3 += &r4 << 1;
    poll()?;
    r2 += &c1;
    poll()?;
    r2 -= &r4;
    c1 -= &r3;
    poll()?;
    let mut sum = vec![0u64; words(a) + words(b) + 2];
    for (i, part) in [r0, c1, r2, r3, r4].iter().enumerate() {
        // The coefficients of a product of non-negative polynomials are not negative.
        let part = part.as_sign_words().1;
        if !part.is_empty() {
            add_at(&mut sum, part, i * third);
            poll()?;
        }
    }
    Ok(UBig::from_words(&sum))
}

/// Divides block by block from the top; each step leaves a remainder below `b`.
fn div_blocks(a: &UBig, b: &UBig, block: usize, poll: &mut Poll) -> Result<(UBig, UBig), Stop> {
    let (len_a, len_b) = (words(a), words(b));
    let mut quotient = vec![0u64; len_a - len_b + 2];
    // The lowest block is whole, so the top one takes what is left.
    let mut at = (len_a - len_b) / block * block;
    if at == 0 {
        at = block.min(len_a - len_b);
    }
    let mut rest = slice(a, at, usize::MAX);
    loop {
        let (q, r) = div_rem(&rest, b, poll)?;
        add_at(&mut quotient, q.as_words(), at);
        rest = r;
        if at == 0 {
            return Ok((UBig::from_words(&quotient), rest));
        }
        let next = at.saturating_sub(block);
        rest = (rest << ((at - next) * WORD_BITS)) + slice(a, next, at);
        at = next;
    }
}

/// A quotient much shorter than the divisor needs only the divisor's top words; the guess is at most a few too big.
fn div_truncated(a: &UBig, b: &UBig, len_q: usize, poll: &mut Poll) -> Result<(UBig, UBig), Stop> {
    let cut = words(b) - (len_q + 1);
    let (q, r) = div_rem(&slice(a, cut, usize::MAX), &slice(b, cut, usize::MAX), poll)?;
    let low = mul(&q, &slice(b, 0, cut), poll)?;
    let mut q = q;
    let mut rest = IBig::from((r << (cut * WORD_BITS)) + slice(a, 0, cut)) - IBig::from(low);
    while rest < IBig::ZERO {
        poll()?;
        q -= 1u8;
        rest += b.as_ibig();
    }
    Ok((q, rest.into_parts().1))
}

/// Zimmermann's square root with remainder; `n` has exactly `4 * quarter` bits or one less.
fn sqrt_rem_normal(n: &UBig, quarter: usize, poll: &mut Poll) -> Result<(UBig, UBig), Stop> {
    let (low, rest) = n.clone().split_bits(quarter);
    let (next, high) = rest.split_bits(quarter);
    let (s1, r1) = sqrt_rem(&high, poll)?;
    let (q, u) = div_rem(&((r1 << quarter) + next), &(&s1 << 1), poll)?;
    let mut root = (s1 << quarter) + &q;
    let mut rest = IBig::from((u << quarter) + low) - IBig::from(sqr(&q, poll)?);
    while rest < IBig::ZERO {
        rest += IBig::from((&root << 1) - 1u8);
        root -= 1u8;
    }
    Ok((root, rest.into_parts().1))
}
