//! Text: decimals read and written.

use super::{Arith, Decimal, EMAX_MAX, ETINY_MIN, Kind, status};
use crate::{Poll, Stop, int_text};
use dashu_int::UBig;

impl Arith<'_, '_> {
    /// A decimal from text, rounded to the context. The caller has stripped spaces and underscores and turned every
    /// Unicode digit into ASCII.
    pub fn parse(&mut self, text: &str) -> Result<Decimal, Stop> {
        match self.parse_exact(text)? {
            Some(d) if d.is_nan() => {
                let payload_max = self.context.prec - i64::from(self.context.clamp);
                if !d.coefficient.is_zero() && d.digits() > payload_max {
                    return Ok(self.invalid(status::CONVERSION_SYNTAX));
                }
                Ok(d)
            }
            Some(d) => self.finalize(d),
            None => Ok(self.invalid(status::CONVERSION_SYNTAX)),
        }
    }

    fn parse_exact(&mut self, text: &str) -> Result<Option<Decimal>, Stop> {
        let (negative, body) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        if body.eq_ignore_ascii_case("inf") || body.eq_ignore_ascii_case("infinity") {
            return Ok(Some(Decimal::infinity(negative)));
        }
        for (word, kind) in [("nan", Kind::QuietNan), ("snan", Kind::SignalingNan)] {
            let Some(head) = body.get(..word.len()) else { continue };
            let payload = &body.as_bytes()[word.len()..];
            if head.eq_ignore_ascii_case(word) && payload.iter().all(u8::is_ascii_digit) {
                let coefficient = int_text::digits_to_int(payload, 10, self.poll)?;
                return Ok(Some(Decimal { negative, kind, coefficient, exponent: 0 }));
            }
        }
        self.parse_number(negative, body.as_bytes())
    }

    fn parse_number(&mut self, negative: bool, body: &[u8]) -> Result<Option<Decimal>, Stop> {
        let (mantissa, exponent) = match body.iter().position(|c| matches!(c, b'e' | b'E')) {
            Some(at) => match parse_exponent(&body[at + 1..]) {
                Some(exponent) => (&body[..at], exponent),
                None => return Ok(None),
            },
            None => (body, 0),
        };
        let point = mantissa.iter().position(|&c| c == b'.');
        let digits: Vec<u8> = match point {
            Some(at) => mantissa[..at].iter().chain(&mantissa[at + 1..]).copied().collect(),
            None => mantissa.to_vec(),
        };
        if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
            return Ok(None);
        }
        let fraction = point.map_or(0, |at| mantissa.len() - at - 1) as i64;
        // Just outside the range of exponents is as good as far outside.
        let exponent = exponent.saturating_sub(fraction).clamp(ETINY_MIN - 1 - fraction, EMAX_MAX + 1);
        let coefficient = int_text::digits_to_int(&digits, 10, self.poll)?;
        Ok(Some(Decimal::finite(negative, coefficient, exponent)))
    }
}

fn parse_exponent(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let value = digits.iter().fold(0i64, |n, d| (n * 10 + i64::from(d - b'0')).min(i64::MAX / 20));
    Some(if negative { -value } else { value })
}

impl Decimal {
    /// `str(d)`: scientific notation where needed.
    pub fn to_sci(&self, capitals: bool, poll: &mut Poll) -> Result<String, Stop> {
        self.to_text(false, capitals, poll)
    }

    /// `to_eng_string`: exponents in steps of three.
    pub fn to_eng(&self, capitals: bool, poll: &mut Poll) -> Result<String, Stop> {
        self.to_text(true, capitals, poll)
    }

    fn to_text(&self, engineering: bool, capitals: bool, poll: &mut Poll) -> Result<String, Stop> {
        let sign = if self.negative { "-" } else { "" };
        let mut digits = String::new();
        if !self.is_nan() || !self.coefficient.is_zero() {
            int_text::push_digits(&self.coefficient, 10, &mut digits, poll)?;
        }
        match self.kind {
            Kind::Infinite => return Ok(format!("{sign}Infinity")),
            Kind::QuietNan => return Ok(format!("{sign}NaN{digits}")),
            Kind::SignalingNan => return Ok(format!("{sign}sNaN{digits}")),
            Kind::Finite => {}
        }
        let left = self.exponent + digits.len() as i64;
        let point = if self.exponent <= 0 && left > -6 {
            left
        } else if !engineering {
            1
        } else if self.coefficient.is_zero() {
            (left + 1).rem_euclid(3) - 1
        } else {
            (left - 1).rem_euclid(3) + 1
        };
        let (whole, fraction) = split_at_point(&digits, point);
        let mut out = format!("{sign}{whole}");
        if !fraction.is_empty() {
            out.push('.');
            out.push_str(&fraction);
        }
        if left != point {
            out.push(if capitals { 'E' } else { 'e' });
            out.push_str(&format!("{:+}", left - point));
        }
        Ok(out)
    }
}

/// Digits before and after a point that may lie outside them.
pub(super) fn split_at_point(digits: &str, point: i64) -> (String, String) {
    let len = digits.len() as i64;
    let zeros = |n: i64| "0".repeat(n.max(0) as usize);
    if point <= 0 {
        (String::from("0"), zeros(-point) + digits)
    } else if point >= len {
        (digits.to_string() + &zeros(point - len), String::new())
    } else {
        let (whole, fraction) = digits.split_at(point as usize);
        (whole.to_string(), fraction.to_string())
    }
}

/// A NaN's payload as a diagnostic integer, or `None`.
impl Decimal {
    /// The payload of a NaN.
    pub fn payload(&self) -> Option<&UBig> {
        self.is_nan().then_some(&self.coefficient)
    }
}
