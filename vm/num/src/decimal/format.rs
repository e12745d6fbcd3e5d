//! Format: `format(decimal, spec)`.

use super::digits::{self, Rest};
use super::round::goes_up;
use super::text::split_at_point;
use super::{Context, Decimal, Rounding};
use crate::format_spec::{self, Align, Grouping, Locale, Number, Rendered, Spec, Target};
use crate::{Poll, Stop, int_text};

/// Why a decimal was not formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FormatError {
    /// ValueError: "invalid format string".
    Invalid,
    /// MemoryError.
    Memory,
    Stop,
}

impl From<Stop> for FormatError {
    fn from(_: Stop) -> Self {
        FormatError::Stop
    }
}

impl Decimal {
    /// `format(d, spec)` for a spec of code points.
    pub fn format(
        &self,
        spec: &[u32],
        context: &Context,
        locale: &Locale,
        poll: &mut Poll,
    ) -> Result<Rendered, FormatError> {
        let mut spec = format_spec::parse(spec, Target::Decimal, "").map_err(|_| FormatError::Invalid)?;
        let kind = match spec.kind.map(char::from_u32) {
            None if context.capitals => 'G',
            None => 'g',
            Some(Some(kind @ ('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%'))) => kind,
            Some(Some('n')) => 'g',
            Some(_) => return Err(FormatError::Invalid),
        };
        if spec.size_bound() > context.digits_max as u64 {
            return Err(FormatError::Memory);
        }
        if self.is_special() {
            return Ok(self.format_special(&mut spec, kind, poll)?);
        }
        let d = self.shaped(kind, &spec, context, poll)?;
        d.render(kind, &spec, context, locale, poll)
    }

    fn format_special(&self, spec: &mut Spec, kind: char, poll: &mut Poll) -> Result<Rendered, Stop> {
        // Zeros asked for by the flag become spaces; zeros asked for as a fill stay.
        if spec.zero_flag {
            spec.fill = u32::from(b' ');
            spec.align = if spec.align == Align::AfterSign { Align::Right } else { spec.align };
        }
        let body = self.copy_abs().to_sci(true, poll)?;
        let body = if kind == '%' { body + "%" } else { body };
        let head = format_spec::sign_text(self.negative, spec.sign).to_string();
        Ok(format_spec::aligned(head, body, spec))
    }

    /// The number rounded as the type and the precision ask.
    fn shaped(&self, kind: char, spec: &Spec, context: &Context, poll: &mut Poll) -> Result<Decimal, FormatError> {
        let mut d = self.clone();
        if kind == '%' {
            d.exponent = d.exponent.saturating_add(2);
        }
        if let Some(precision) = spec.precision {
            let precision = precision as i64;
            d = match kind {
                'e' | 'E' => d.to_length(precision + 1, context.rounding, poll)?,
                'f' | 'F' | '%' => d.to_exponent(-precision, context, poll)?,
                _ if d.digits() > precision.max(1) => d.to_length(precision.max(1), context.rounding, poll)?,
                _ => d,
            };
        }
        if d.is_zero() && d.exponent > 0 && matches!(kind, 'f' | 'F' | '%') {
            d.exponent = 0;
        }
        if d.is_zero() && spec.no_negative_zero {
            d.negative = false;
        }
        Ok(d)
    }

    /// Rounded or padded to so many digits; a zero stays as it is.
    fn to_length(&self, len: i64, rounding: Rounding, poll: &mut Poll) -> Result<Decimal, Stop> {
        if self.is_zero() {
            return Ok(self.clone());
        }
        let d = self.at_exponent(self.adjusted() + 1 - len, rounding, poll)?;
        // A carry may have made it one longer.
        if d.digits() > len { d.at_exponent(d.exponent + 1, rounding, poll) } else { Ok(d) }
    }

    fn to_exponent(&self, exponent: i64, context: &Context, poll: &mut Poll) -> Result<Decimal, FormatError> {
        if self.is_zero() {
            return Ok(Decimal::zero(self.negative, exponent));
        }
        if self.adjusted().saturating_sub(exponent) > context.digits_max {
            return Err(FormatError::Memory);
        }
        Ok(self.at_exponent(exponent, context.rounding, poll)?)
    }

    fn at_exponent(&self, exponent: i64, rounding: Rounding, poll: &mut Poll) -> Result<Decimal, Stop> {
        let gap = self.exponent - exponent;
        let c = if gap >= 0 {
            digits::shift_left(&self.coefficient, gap as u64, poll)?
        } else {
            let (q, rest): (_, Rest) = digits::shift_right(&self.coefficient, gap.unsigned_abs(), poll)?;
            if goes_up(&q, rest, self.negative, rounding) { q + 1u8 } else { q }
        };
        Ok(Decimal::finite(self.negative, c, exponent))
    }

    /// Lays out the digits around the point, groups and pads.
    fn render(
        &self,
        kind: char,
        spec: &Spec,
        context: &Context,
        locale: &Locale,
        poll: &mut Poll,
    ) -> Result<Rendered, FormatError> {
        let left = self.exponent + self.digits();
        let point = match kind {
            'e' | 'E' => match spec.precision {
                Some(precision) if self.is_zero() => 1 - precision as i64,
                _ => 1,
            },
            'g' | 'G' if self.exponent > 0 || left <= -6 => 1,
            _ => left,
        };
        if point.unsigned_abs() > context.digits_max as u64 {
            return Err(FormatError::Memory);
        }
        let mut digits = String::new();
        int_text::push_digits(&self.coefficient, 10, &mut digits, poll)?;
        let (whole, fraction) = split_at_point(&digits, point);
        let mut tail = String::new();
        if left != point || matches!(kind, 'e' | 'E') {
            let mark = if kind.is_ascii_uppercase() { 'E' } else { 'e' };
            tail = format!("{mark}{:+}", left - point);
        }
        if kind == '%' {
            tail.push('%');
        }
        let head = format_spec::sign_text(self.negative, spec.sign).to_string();
        let localized = spec.kind == Some(u32::from(b'n'));
        let grouping = if localized { Grouping::Locale } else { spec.grouping };
        let shown = !fraction.is_empty() || spec.alternate;
        let fraction = shown.then_some(fraction.as_str());
        let number = Number { head, digits: &whole, fraction, tail: &tail, zeros: spec.zero_flag };
        number.render(spec, grouping, locale).map_err(|_| FormatError::Memory)
    }
}
