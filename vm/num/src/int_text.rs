//! Int text: integers as Python reads and writes them.

use crate::int::{is_negative, kernel, magnitude};
use crate::{NumError, Poll, Stop};
use dashu_int::{IBig, Sign, UBig};
use std::borrow::Cow;

/// Digits that one call into dashu reads or writes.
const LEAF_DIGITS: usize = 1_140;
/// Texts up to this long are never refused (`sys.int_info.str_digits_check_threshold`).
pub const DIGITS_CHECK_THRESHOLD: u64 = 640;
/// `sys.int_info.default_max_str_digits`.
pub const DIGITS_MAX_DEFAULT: u64 = 4_300;

/// Why a text is not an integer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseIntError {
    /// "invalid literal for int() with base ..."; the caller has the text to quote.
    Invalid,
    /// The base is not 0 or 2..=36.
    Base,
    /// More digits than the limit allows.
    Digits(usize),
    Stop,
}

impl From<Stop> for ParseIntError {
    fn from(_: Stop) -> Self {
        ParseIntError::Stop
    }
}

impl ParseIntError {
    /// The exception for `int(text, base)`, given `repr(text)` (CPython shows at most 200 characters of it).
    pub fn into_error(self, base: u32, repr: &str, digits_max: u64) -> NumError {
        match self {
            ParseIntError::Invalid => {
                let shown = repr.char_indices().nth(200).map_or(repr, |(at, _)| &repr[..at]);
                NumError::value(format!("invalid literal for int() with base {base}: {shown}"))
            }
            ParseIntError::Base => NumError::value("int() base must be >= 2 and <= 36, or 0"),
            ParseIntError::Digits(digits) => NumError::value(format!(
                "Exceeds the limit ({digits_max} digits) for integer string conversion: value has {digits} digits; \
                 use sys.set_int_max_str_digits() to increase the limit"
            )),
            ParseIntError::Stop => NumError::Stop,
        }
    }
}

/// `int(text, base)`: spaces around, sign, prefix, single underscores. Non-ASCII spaces and digits are the caller's to
/// translate. `digits_max` of 0 means no limit.
pub fn parse(text: &str, base: u32, digits_max: u64, poll: &mut Poll) -> Result<IBig, ParseIntError> {
    if base == 1 || base > 36 {
        return Err(ParseIntError::Base);
    }
    let text = text.trim_matches(is_space).as_bytes();
    let (sign, text) = match text.first() {
        Some(b'-') => (Sign::Negative, &text[1..]),
        Some(b'+') => (Sign::Positive, &text[1..]),
        _ => (Sign::Positive, text),
    };
    let (base, digits, must_be_zero) = split_prefix(text, base);
    let digits = clean_digits(digits, base, poll)?;
    if must_be_zero && digits.iter().any(|&d| d != b'0') {
        return Err(ParseIntError::Invalid);
    }
    let count = digits.len();
    if !base.is_power_of_two() && digits_max > 0 && count as u64 > digits_max.max(DIGITS_CHECK_THRESHOLD) {
        return Err(ParseIntError::Digits(count));
    }
    Ok(IBig::from_parts(sign, digits_to_int(&digits, base, poll)?))
}

/// C's whitespace. (In a text with non-ASCII characters CPython first turns every Unicode space, `\x1c` to `\x1f`
/// among them, into a plain one; that is the caller's translation.)
pub fn is_space(c: char) -> bool {
    matches!(c, '\t'..='\r' | ' ')
}

/// The base, what follows its prefix, and whether base 0 met a leading zero that only zeros may follow.
fn split_prefix(text: &[u8], base: u32) -> (u32, &[u8], bool) {
    let prefix = match text {
        [b'0', b'x' | b'X', ..] => 16,
        [b'0', b'o' | b'O', ..] => 8,
        [b'0', b'b' | b'B', ..] => 2,
        _ => 0,
    };
    if prefix != 0 && (base == 0 || base == prefix) {
        let rest = &text[2..];
        // One underscore may follow the prefix.
        return (prefix, if rest.first() == Some(&b'_') { &rest[1..] } else { rest }, false);
    }
    if base == 0 { (10, text, text.first() == Some(&b'0')) } else { (base, text, false) }
}

/// So many characters are looked at between two polls.
const CLEANED: usize = 1 << 16;

/// The digits without their underscores, each checked against the base.
fn clean_digits<'t>(text: &'t [u8], base: u32, poll: &mut Poll) -> Result<Cow<'t, [u8]>, ParseIntError> {
    // Most often there are no underscores: then many are checked at once, and a text that is too long is soon refused.
    let mut plain = !text.is_empty() && base <= 10;
    for piece in text.chunks(CLEANED) {
        plain = plain && piece.iter().fold(true, |all, c| all & (u32::from(c.wrapping_sub(b'0')) < base));
        if !plain {
            break;
        }
        if piece.len() == CLEANED {
            poll()?;
        }
    }
    if plain {
        return Ok(Cow::Borrowed(text));
    }
    let mut digits = Vec::with_capacity(text.len());
    let mut after_digit = false;
    for (i, &c) in text.iter().enumerate() {
        if i % CLEANED == CLEANED - 1 {
            poll()?;
        }
        if c == b'_' {
            if !after_digit {
                return Err(ParseIntError::Invalid);
            }
            after_digit = false;
        } else if (c as char).is_digit(base) {
            digits.push(c);
            after_digit = true;
        } else {
            return Err(ParseIntError::Invalid);
        }
    }
    if after_digit { Ok(Cow::Owned(digits)) } else { Err(ParseIntError::Invalid) }
}

/// The value of ASCII digits that are already known to fit the base; no digits make zero.
pub fn digits_to_int(digits: &[u8], base: u32, poll: &mut Poll) -> Result<UBig, Stop> {
    let first = digits.iter().position(|&d| d != b'0').unwrap_or(digits.len());
    let digits = &digits[first..];
    if digits.len() <= LEAF_DIGITS {
        return Ok(leaf_value(digits, base));
    }
    // The lowest level first: leaves, then pairs of leaves, with one power per level.
    let mut parts = Vec::with_capacity(digits.len() / LEAF_DIGITS + 1);
    for chunk in digits.rchunks(LEAF_DIGITS) {
        poll()?;
        parts.push(leaf_value(chunk, base));
    }
    let mut power = kernel::pow(&UBig::from(base), LEAF_DIGITS as u64, poll)?;
    loop {
        let mut joined = Vec::with_capacity(parts.len().div_ceil(2));
        for pair in parts.chunks(2) {
            joined.push(match pair {
                [low, high] => {
                    let high = kernel::mul(high, &power, poll)?;
                    poll()?;
                    high + low
                }
                rest => rest[0].clone(),
            });
        }
        parts = joined;
        if parts.len() <= 1 {
            return Ok(parts.pop().unwrap_or(UBig::ZERO));
        }
        power = kernel::sqr(&power, poll)?;
    }
}

fn leaf_value(digits: &[u8], base: u32) -> UBig {
    let mut value = UBig::ZERO;
    if digits.is_empty() {
        return value;
    }
    if let Ok(text) = std::str::from_utf8(digits) {
        value = UBig::from_str_radix(text, base).unwrap_or(UBig::ZERO);
    }
    value
}

/// `str(n)` without the digit limit.
pub fn to_decimal(n: &IBig, poll: &mut Poll) -> Result<String, Stop> {
    to_base(n, 10, poll)
}

/// `n` in any base of 2 to 36 with lower-case digits and a minus sign, no prefix.
pub fn to_base(n: &IBig, base: u32, poll: &mut Poll) -> Result<String, Stop> {
    to_base_with(n, base, "", poll)
}

/// As [`to_base`], with a prefix between the sign and the digits.
pub fn to_base_with(n: &IBig, base: u32, prefix: &str, poll: &mut Poll) -> Result<String, Stop> {
    let mut out = String::new();
    if base.is_power_of_two() {
        let digits = crate::int::cost::text_digits(n, base);
        out.reserve(usize::try_from(digits).unwrap_or(0) + prefix.len() + 1);
    }
    if is_negative(n) {
        out.push('-');
    }
    out.push_str(prefix);
    push_digits(&magnitude(n), base, &mut out, poll)?;
    Ok(out)
}

/// Refuses `str(n)` beyond the limit, as CPython does; `digits_max` of 0 means no limit.
pub fn check_digits(n: &IBig, digits_max: u64) -> Result<(), NumError> {
    let bits = crate::int::bit_length(n);
    // 1292913986 / 2^32 lies just below log10(2); only numbers near the limit need the exact count.
    let digits_least = ((u128::from(bits.saturating_sub(1)) * 1_292_913_986) >> 32) as u64 + 1;
    if digits_max == 0 || digits_least < digits_max || bits <= 3 * DIGITS_CHECK_THRESHOLD {
        return Ok(());
    }
    if digits_least <= digits_max {
        let mut never = crate::never;
        let limit = kernel::pow(&UBig::from(10u8), digits_max, &mut never)?;
        if *magnitude(n) < limit {
            return Ok(());
        }
    }
    Err(NumError::value(format!(
        "Exceeds the limit ({digits_max} digits) for integer string conversion; \
         use sys.set_int_max_str_digits() to increase the limit"
    )))
}

/// Appends the digits of `n`.
pub fn push_digits(n: &UBig, base: u32, out: &mut String, poll: &mut Poll) -> Result<(), Stop> {
    if base.is_power_of_two() {
        return push_binary(n, base, out, poll);
    }
    let mut powers = Vec::new();
    // Squared upper bounds: the last power is above the square root of n.
    if kernel::words(n) > 64 {
        let mut power = kernel::pow(&UBig::from(base), LEAF_DIGITS as u64, poll)?;
        while 2 * kernel::words(&power) <= kernel::words(n) + 2 {
            let next = kernel::sqr(&power, poll)?;
            powers.push(std::mem::replace(&mut power, next));
        }
        powers.push(power);
    }
    push_level(n, base, &powers, false, out, poll)
}

/// Writes a number below the square of the last power; all its digits when something stands to the left.
fn push_level(
    n: &UBig,
    base: u32,
    powers: &[UBig],
    inner: bool,
    out: &mut String,
    poll: &mut Poll,
) -> Result<(), Stop> {
    let Some((power, lower)) = powers.split_last() else {
        if inner || kernel::words(n) > 16 {
            poll()?;
        }
        let text = n.in_radix(base as u8).to_string();
        if inner {
            out.extend(std::iter::repeat_n('0', LEAF_DIGITS.saturating_sub(text.len())));
        }
        out.push_str(&text);
        return Ok(());
    };
    if !inner && n < power {
        return push_level(n, base, lower, false, out, poll);
    }
    let (high, low) = kernel::div_rem(n, power, poll)?;
    push_level(&high, base, lower, inner, out, poll)?;
    push_level(&low, base, lower, true, out, poll)
}

/// Bases that are powers of two: blocks of whole words, each a whole number of digits.
fn push_binary(n: &UBig, base: u32, out: &mut String, poll: &mut Poll) -> Result<(), Stop> {
    let digit_bits = base.ilog2() as usize;
    let (block_words, block_digits) = (digit_bits * 256, 64 * 256);
    let words = n.as_words();
    if words.len() <= block_words {
        out.push_str(&n.in_radix(base as u8).to_string());
        return Ok(());
    }
    let mut first = true;
    for block in words.chunks(block_words).rev() {
        poll()?;
        let text = UBig::from_words(block).in_radix(base as u8).to_string();
        if !first {
            out.extend(std::iter::repeat_n('0', block_digits - text.len()));
        }
        out.push_str(&text);
        first = false;
    }
    Ok(())
}
