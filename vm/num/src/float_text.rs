//! Float text: floats and complex numbers as Python reads and writes them.

use crate::NumError;
use crate::int::convert::{decompose, scale};
use crate::int_text::is_space;
use std::fmt::Write;

/// No finite double has more than this many significant digits, or digits after the point; the rest are zeros.
const DIGITS_EXACT_MAX: usize = 1_100;

/// How to lay out a float, as C's conversions do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// `%e`: digits after the point.
    Exp(usize),
    /// `%f`: digits after the point.
    Fixed(usize),
    /// `%g`: significant digits.
    General(usize),
    /// Shortest digits that read back, exponent form outside 1e-4 .. 1e16.
    Repr,
}

/// Switches of [`format_with`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Switches {
    /// `#`: keep the point, and the zeros of `%g`.
    pub alternate: bool,
    /// Write `1.0` rather than `1`.
    pub add_dot_0: bool,
    pub upper: bool,
}

/// `repr(x)`, which also is `str(x)`.
pub fn repr(x: f64) -> String {
    format_with(x, Style::Repr, Switches { add_dot_0: true, ..Switches::default() })
}

/// The text of a float in any style, with a minus sign if the float has one (NaN never does).
pub fn format_with(x: f64, style: Style, switches: Switches) -> String {
    let mut out = String::with_capacity(24);
    if x.is_sign_negative() && !x.is_nan() {
        out.push('-');
    }
    if !x.is_finite() {
        out.push_str(match (x.is_nan(), switches.upper) {
            (true, false) => "nan",
            (true, true) => "NAN",
            (false, false) => "inf",
            (false, true) => "INF",
        });
        return out;
    }
    let x = x.abs();
    match style {
        Style::Repr => {
            let d = shortest(x);
            let end = d.digits.len() as i64;
            let exponent = d.point <= -4 || d.point > 16;
            push_layout(&mut out, &d, end, exponent, switches);
        }
        Style::Exp(precision) => {
            let d = significant(x, precision.saturating_add(1));
            push_layout(&mut out, &d, precision as i64 + 1, true, switches);
        }
        Style::Fixed(precision) => push_fixed(&mut out, x, precision, switches),
        Style::General(precision) => {
            let precision = precision.max(1);
            let d = significant(x, precision);
            let threshold = precision as i64 - i64::from(switches.add_dot_0);
            let exponent = d.point <= -4 || d.point > threshold;
            let end = if switches.alternate { precision as i64 } else { d.digits.len() as i64 };
            push_layout(&mut out, &d, end, exponent, switches);
        }
    }
    out
}

/// Decimal digits of a non-negative finite float: `0.digits * 10^point`, without zeros at either end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Digits {
    pub digits: String,
    pub point: i64,
}

/// The shortest digits that read back as `x`.
pub fn shortest(x: f64) -> Digits {
    let mut buffer = zmij::Buffer::new();
    split_digits(buffer.format_finite(x.abs()))
}

/// `x` rounded to `count` significant digits, half to even on the exact value.
pub fn significant(x: f64, count: usize) -> Digits {
    split_digits(&format!("{:.*e}", count.clamp(1, DIGITS_EXACT_MAX) - 1, x.abs()))
}

/// Reads the digits and the point out of plain or exponent notation.
fn split_digits(text: &str) -> Digits {
    let (mantissa, exponent) = text.split_once('e').unwrap_or((text, "0"));
    let exponent: i64 = exponent.trim_start_matches('+').parse().unwrap_or(0);
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let mut digits = String::with_capacity(mantissa.len());
    digits.push_str(whole);
    digits.push_str(fraction);
    digits.truncate(digits.trim_end_matches('0').len());
    let zeros = digits.bytes().take_while(|&b| b == b'0').count();
    if zeros == digits.len() {
        return Digits { digits: "0".into(), point: 1 };
    }
    digits.drain(..zeros);
    Digits { digits, point: whole.len() as i64 - zeros as i64 + exponent }
}

/// Writes digits up to position `end` (zeros past the known ones), at least up to the point.
fn push_layout(out: &mut String, d: &Digits, end: i64, exponent: bool, switches: Switches) {
    let (point, shown_exponent) = if exponent { (1, d.point - 1) } else { (d.point, 0) };
    let digits = d.digits.as_str();
    let len = digits.len();
    if point <= 0 {
        out.push('0');
    } else {
        let whole = point as usize;
        out.push_str(&digits[..whole.min(len)]);
        push_zeros(out, whole.saturating_sub(len));
    }
    let end = if switches.add_dot_0 && !exponent { end.max(point + 1) } else { end.max(point) };
    if end > point || switches.alternate {
        out.push('.');
    }
    if end > point {
        let lead = (-point).clamp(0, end - point);
        push_zeros(out, lead as usize);
        let from = point.max(0) as usize;
        let count = (end - point - lead) as usize;
        let known = &digits[from.min(len)..];
        let known = &known[..known.len().min(count)];
        out.push_str(known);
        push_zeros(out, count - known.len());
    }
    if exponent {
        out.push(if switches.upper { 'E' } else { 'e' });
        out.push(if shown_exponent < 0 { '-' } else { '+' });
        push_padded(out, shown_exponent.unsigned_abs());
    }
}

fn push_padded(out: &mut String, n: u64) {
    if n < 10 {
        out.push('0');
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "{n}");
}

fn push_zeros(out: &mut String, count: usize) {
    out.extend(std::iter::repeat_n('0', count));
}

fn push_fixed(out: &mut String, x: f64, precision: usize, switches: Switches) {
    let exact = precision.min(DIGITS_EXACT_MAX);
    // Writing to a String cannot fail.
    let _ = write!(out, "{x:.exact$}");
    push_zeros(out, precision - exact);
    if precision == 0 {
        if switches.alternate {
            out.push('.');
        } else if switches.add_dot_0 {
            out.push_str(".0");
        }
    }
}

/// `float(text)`; `None` is "could not convert string to float". Non-ASCII spaces and digits are the caller's.
pub fn parse(text: &str) -> Option<f64> {
    let text = text.trim_matches(is_space);
    let clean = strip_underscores(text.as_bytes())?;
    if clean.is_empty() || float_prefix(&clean) != clean.len() {
        return None;
    }
    read(&clean)
}

/// Rust's reader on text that the grammar has accepted.
fn read(text: &[u8]) -> Option<f64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Removes underscores, each of which must stand between two digits.
fn strip_underscores(text: &[u8]) -> Option<Vec<u8>> {
    let mut clean = Vec::with_capacity(text.len());
    for (i, &c) in text.iter().enumerate() {
        if c != b'_' {
            clean.push(c);
            continue;
        }
        let digit = |at: Option<usize>| at.and_then(|at| text.get(at)).is_some_and(u8::is_ascii_digit);
        if !digit(i.checked_sub(1)) || !digit(Some(i + 1)) {
            return None;
        }
    }
    Some(clean)
}

/// Length of the longest float at the start of `text`; 0 if there is none.
fn float_prefix(text: &[u8]) -> usize {
    let sign = usize::from(matches!(text.first(), Some(b'+' | b'-')));
    let body = &text[sign..];
    for word in ["infinity", "inf", "nan"] {
        if body.len() >= word.len() && body[..word.len()].eq_ignore_ascii_case(word.as_bytes()) {
            return sign + word.len();
        }
    }
    let count = |from: usize| body.iter().skip(from).take_while(|c| c.is_ascii_digit()).count();
    let whole = count(0);
    let mut end = whole;
    let mut fraction = 0;
    if body.get(end) == Some(&b'.') {
        fraction = count(end + 1);
        end += 1 + fraction;
    }
    if whole + fraction == 0 {
        return 0;
    }
    if matches!(body.get(end), Some(b'e' | b'E')) {
        let signed = usize::from(matches!(body.get(end + 1), Some(b'+' | b'-')));
        let digits = count(end + 1 + signed);
        if digits > 0 {
            end += 1 + signed + digits;
        }
    }
    sign + end
}

/// `x.is_integer()`.
pub fn is_integer(x: f64) -> bool {
    x.is_finite() && x.trunc() == x
}

/// `round(x, digits)`.
pub fn round(x: f64, digits: i64) -> Result<f64, NumError> {
    // Beyond these no digit of any double is left to round, or none is left at all.
    const DIGITS_MAX: i64 = 323;
    const DIGITS_MIN: i64 = -308;
    if !x.is_finite() || x == 0.0 || digits > DIGITS_MAX {
        return Ok(x);
    }
    if digits < DIGITS_MIN {
        return Ok(0.0 * x);
    }
    let text = if digits >= 0 {
        format!("{:.*}", digits as usize, x)
    } else {
        round_above_point(x, digits.unsigned_abs() as usize)
    };
    let y = read(text.as_bytes()).unwrap_or(x);
    if y.is_infinite() { Err(NumError::overflow("rounded value too large to represent")) } else { Ok(y) }
}

/// `x` to a multiple of `10^places`, half to even on the exact value, as text.
fn round_above_point(x: f64, places: usize) -> String {
    // All digits of the whole part; what is behind the point only breaks ties.
    let whole = format!("{:.0}", x.abs().trunc());
    let sign = if x < 0.0 { "-" } else { "" };
    let cut = whole.len().saturating_sub(places);
    let (kept, dropped) = whole.split_at(cut);
    let dropped = format!("{dropped:0>places$}");
    let half = dropped.as_bytes()[0].cmp(&b'5');
    let beyond = dropped.bytes().skip(1).any(|b| b != b'0') || x.trunc() != x;
    let odd = kept.bytes().last().is_some_and(|b| b & 1 == 1);
    let up = half.is_gt() || (half.is_eq() && (beyond || odd));
    let mut kept = if kept.is_empty() { b"0".to_vec() } else { kept.as_bytes().to_vec() };
    if up {
        increment(&mut kept);
    }
    format!("{sign}{}e{places}", String::from_utf8_lossy(&kept))
}

/// Adds one to ASCII digits.
pub(crate) fn increment(digits: &mut Vec<u8>) {
    for d in digits.iter_mut().rev() {
        if *d < b'9' {
            *d += 1;
            return;
        }
        *d = b'0';
    }
    digits.insert(0, b'1');
}

/// `x.hex()`.
pub fn to_hex(x: f64) -> String {
    if !x.is_finite() {
        return repr(x);
    }
    let sign = if x.is_sign_negative() { "-" } else { "" };
    if x == 0.0 {
        return format!("{sign}0x0.0p+0");
    }
    let (m, exponent) = decompose(x);
    format!("{sign}0x{}.{:013x}p{:+}", m >> 52, m & ((1 << 52) - 1), exponent + 52)
}

/// `float.fromhex(text)`.
pub fn from_hex(text: &str) -> Result<f64, NumError> {
    let invalid = || NumError::value("invalid hexadecimal floating-point string");
    let text = text.trim_matches(is_space);
    let (negative, body) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let signed = |x: f64| if negative { -x } else { x };
    if body.eq_ignore_ascii_case("inf") || body.eq_ignore_ascii_case("infinity") {
        return Ok(signed(f64::INFINITY));
    }
    if body.eq_ignore_ascii_case("nan") {
        return Ok(signed(f64::NAN));
    }
    let body = body.strip_prefix("0x").or_else(|| body.strip_prefix("0X")).unwrap_or(body).as_bytes();
    let (mantissa, exponent) = match body.iter().position(|c| matches!(c, b'p' | b'P')) {
        Some(at) => (&body[..at], read_exponent(&body[at + 1..]).ok_or_else(invalid)?),
        None => (body, 0),
    };
    let (m, shift) = read_hex_digits(mantissa).ok_or_else(invalid)?;
    let x = scale(m, exponent.saturating_add(shift));
    if x.is_infinite() {
        return Err(NumError::overflow("hexadecimal value too large to represent as a float"));
    }
    Ok(signed(x))
}

/// A decimal exponent with its optional sign, saturated far outside what matters.
fn read_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |n, d| (n * 10 + i64::from(d - b'0')).min(1 << 56));
    Some(if negative { -value } else { value })
}

/// `(m, e)` with the value `m * 2^e`, inexact only below a sticky last bit.
fn read_hex_digits(text: &[u8]) -> Option<(u64, i64)> {
    let (mut m, mut exponent, mut sticky) = (0u64, 0i64, false);
    let (mut any, mut fraction) = (false, false);
    for &c in text {
        if c == b'.' && !fraction {
            fraction = true;
            continue;
        }
        let digit = u64::from((c as char).to_digit(16)?);
        any = true;
        if m >> 56 == 0 {
            m = m << 4 | digit;
            exponent -= if fraction { 4 } else { 0 };
        } else {
            sticky |= digit != 0;
            exponent += if fraction { 0 } else { 4 };
        }
    }
    any.then_some((m << 1 | u64::from(sticky), exponent - 1))
}

/// `repr(complex(re, im))`.
pub fn complex_repr(re: f64, im: f64) -> String {
    let part = |x| format_with(x, Style::Repr, Switches::default());
    if re == 0.0 && re.is_sign_positive() {
        return format!("{}j", part(im));
    }
    let imaginary = part(im);
    let plus = if imaginary.starts_with('-') { "" } else { "+" };
    format!("({}{plus}{imaginary}j)", part(re))
}

/// Why a text is not a complex number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ComplexError {
    /// "complex() arg is a malformed string".
    Malformed,
    /// "could not convert string to complex: " and the text's repr: an underscore that is not between two digits.
    Underscore,
}

/// `complex(text)`. Non-ASCII spaces and digits are the caller's.
pub fn complex_parse(text: &str) -> Result<(f64, f64), ComplexError> {
    let clean = strip_underscores(text.as_bytes()).ok_or(ComplexError::Underscore)?;
    let text = std::str::from_utf8(&clean).unwrap_or("").trim_matches(is_space);
    let inner = match text.strip_prefix('(') {
        Some(rest) => rest.strip_suffix(')').map(|t| t.trim_matches(is_space)),
        None => Some(text),
    };
    inner.and_then(|t| complex_parts(t.as_bytes())).ok_or(ComplexError::Malformed)
}

fn complex_parts(text: &[u8]) -> Option<(f64, f64)> {
    let unit = |c: Option<&u8>| if c == Some(&b'-') { -1.0 } else { 1.0 };
    let len = float_prefix(text);
    if len == 0 {
        let rest = &text[usize::from(matches!(text.first(), Some(b'+' | b'-')))..];
        return rest.eq_ignore_ascii_case(b"j").then(|| (0.0, unit(text.first())));
    }
    let first = read(&text[..len])?;
    let rest = &text[len..];
    match rest.first() {
        None => Some((first, 0.0)),
        Some(b'j' | b'J') => (rest.len() == 1).then_some((0.0, first)),
        Some(b'+' | b'-') => {
            let len = float_prefix(rest);
            let im = if len > 0 { read(&rest[..len])? } else { unit(rest.first()) };
            rest[len.max(1)..].eq_ignore_ascii_case(b"j").then_some((first, im))
        }
        Some(_) => None,
    }
}
