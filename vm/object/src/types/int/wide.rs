//! Wide: operators on ints that fit 128 bits, between the immediate word and arithmetic of any size.
//!
//! Most ints past the word are not much longer (hashes, fixed point, masks of 64 bits). Machine arithmetic on a pair of
//! words costs a fraction of what big integers do, which allocate room for each operand and result.

use super::Long;
use crate::error::Res;
use crate::payload;
use crate::thread::Thread;
use crate::value::{INT_MAX, INT_MIN, Value};
use dashu_int::{IBig, Sign};

/// The int or bool as a pair of words, if it fits; `None` too for what is neither.
#[inline]
pub(super) fn of(v: &Value) -> Option<i128> {
    match v.as_small() {
        Some(i) => Some(i128::from(i)),
        None if v.is_bool() => Some(i128::from(v.is_true())),
        None => of_big(v.exact::<Long>()?.big()),
    }
}

#[inline]
fn of_big(big: &IBig) -> Option<i128> {
    let (sign, words) = big.as_sign_words();
    let magnitude = match *words {
        [low] => u128::from(low),
        [low, high] => u128::from(low) | u128::from(high) << 64,
        _ => return None,
    };
    let magnitude = i128::try_from(magnitude).ok()?;
    Some(if sign == Sign::Negative { -magnitude } else { magnitude })
}

/// Both operands, one of them at least no int in the word.
#[inline]
pub(super) fn pair(a: &Value, b: &Value) -> Option<(i128, i128)> {
    Some((of(a)?, of(b)?))
}

/// The int value of a pair of words.
#[inline]
pub(super) fn value(t: &Thread, i: i128) -> Res {
    if (i128::from(INT_MIN)..=i128::from(INT_MAX)).contains(&i) {
        return Ok(Value::small(i as i64));
    }
    payload::new(t, |header| Long { header, big: super::Digits::Own(IBig::from(i)), charged: 0 })
}

/// `a * b`, if it fits.
#[inline]
pub(super) fn mul(a: i128, b: i128) -> Option<i128> {
    let (x, y) = (a.unsigned_abs(), b.unsigned_abs());
    if x | y <= u128::from(u64::MAX) {
        let product = i128::try_from(x * y).ok()?;
        return Some(if (a < 0) == (b < 0) { product } else { -product });
    }
    a.checked_mul(b)
}

/// `(a // b, a % b)`, unless `b` is zero.
#[inline]
pub(super) fn divmod(a: i128, b: i128) -> Option<(i128, i128)> {
    let q = a.checked_div(b)?;
    let r = a - q * b;
    Some(if r != 0 && (r < 0) != (b < 0) { (q - 1, r + b) } else { (q, r) })
}

/// `a << n`, if it fits.
#[inline]
pub(super) fn shl(a: i128, n: i128) -> Option<i128> {
    if !(0..127).contains(&n) {
        return None;
    }
    let shifted = a << n;
    (shifted >> n == a).then_some(shifted)
}

/// `a >> n`, unless `n` is negative.
#[inline]
pub(super) fn shr(a: i128, n: i128) -> Option<i128> {
    (n >= 0).then(|| a >> n.min(127))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_quotients_and_shifts_are_pythons() {
        assert_eq!(mul(-3, 1 << 80), Some(-3 << 80));
        assert_eq!(mul(i128::from(u64::MAX), i128::from(u64::MAX)), None);
        assert_eq!(mul(-i128::from(i64::MAX), i128::from(i64::MAX)), Some(-(i128::from(i64::MAX).pow(2))));
        assert_eq!(mul(1 << 100, 1 << 30), None);
        assert_eq!(divmod(-(1 << 70), 7), Some((-168_655_945_816_773_043_347, 5)));
        assert_eq!(divmod(1 << 70, -7), Some((-168_655_945_816_773_043_347, -5)));
        assert_eq!(divmod(1, 0), None);
        assert_eq!(divmod(i128::MIN, -1), None);
        assert_eq!((shl(1, 126), shl(1, 127), shl(-1, 126), shl(3, -1)), (Some(1 << 126), None, Some(-1 << 126), None));
        assert_eq!(
            (shr(-5, 1), shr(-5, 1 << 100), shr(1 << 100, 90), shr(1, -1)),
            (Some(-3), Some(-1), Some(1024), None)
        );
    }

    #[test]
    fn big_integers_of_two_words_are_wide() {
        assert_eq!(of_big(&IBig::from(i128::MAX)), Some(i128::MAX));
        assert_eq!(of_big(&IBig::from(-i128::MAX)), Some(-i128::MAX));
        assert_eq!(of_big(&IBig::from(u128::MAX)), None);
        assert_eq!(of_big(&(IBig::from(1) << 200)), None);
    }
}
