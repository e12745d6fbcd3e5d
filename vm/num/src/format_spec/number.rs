//! Number: integers, floats, complex numbers and texts under a [`Spec`].

use super::{Align, Grouping, Locale, Rendered, Spec, TextLayout, padding, unknown_code};
use crate::float_text::{self, Style, Switches};
use crate::{IBig, NumError, Poll, int, int_text};

const PRECISION_MAX: usize = i32::MAX as usize;
const ZERO: u32 = b'0' as u32;

/// Cuts and pads a text of `len` characters.
pub fn format_text(len: usize, spec: &Spec, type_name: &str) -> Result<TextLayout, NumError> {
    if let Some(kind) = spec.kind
        && kind != u32::from(b's')
    {
        return Err(unknown_code(kind, type_name));
    }
    let refused = |what: &str| Err(NumError::value(format!("{what} not allowed in string format specifier")));
    match spec.sign {
        Some(b' ') => return refused("Space"),
        Some(_) => return refused("Sign"),
        None => {}
    }
    if spec.no_negative_zero {
        return refused("Negative zero coercion (z)");
    }
    if spec.alternate {
        return refused("Alternate form (#)");
    }
    if spec.align == Align::AfterSign {
        return refused("'=' alignment");
    }
    let keep = spec.precision.map_or(len, |p| p.min(len));
    let (left, _, right) = padding(spec.width, spec.align, keep);
    Ok(TextLayout { fill: spec.fill, left, keep, right })
}

/// `format(n, spec)` for every type but `c`, which [`format_int_char`] lays out.
pub fn format_int(
    n: &IBig,
    spec: &Spec,
    type_name: &str,
    locale: &Locale,
    digits_max: u64,
    poll: &mut Poll,
) -> Result<Rendered, NumError> {
    let kind = spec.kind.map_or(Some('d'), char::from_u32);
    let (base, prefix) = match kind {
        Some('d' | 'n') => (10, ""),
        Some('b') => (2, "0b"),
        Some('o') => (8, "0o"),
        Some('x') => (16, "0x"),
        Some('X') => (16, "0X"),
        Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | '%') => {
            return format_float(int::to_f64(n)?, spec, type_name, locale);
        }
        _ => return Err(unknown_code(spec.kind.unwrap_or(0), type_name)),
    };
    check_int_spec(spec)?;
    if base == 10 {
        int_text::check_digits(n, digits_max)?;
    }
    let mut digits = String::new();
    int_text::push_digits(&int::magnitude(n), base, &mut digits, poll)?;
    if kind == Some('X') {
        digits.make_ascii_uppercase();
    }
    let head = format!("{}{}", sign_text(int::is_negative(n), spec.sign), if spec.alternate { prefix } else { "" });
    let grouping = if kind == Some('n') { Grouping::Locale } else { spec.grouping };
    let zeros = zeros_are_digits(spec);
    let number = Number { head, digits: &digits, fraction: None, tail: "", zeros };
    number.render(spec, grouping, locale)
}

/// `format(n, 'c')`: the code point, possibly a surrogate, and its padding.
pub fn format_int_char(n: &IBig, spec: &Spec) -> Result<(u32, TextLayout), NumError> {
    check_int_spec(spec)?;
    let refused = |what: &str| Err(NumError::value(format!("{what} not allowed with integer format specifier 'c'")));
    if spec.sign.is_some() {
        return refused("Sign");
    }
    if spec.alternate {
        return refused("Alternate form (#)");
    }
    let Ok(code) = i64::try_from(n) else {
        return Err(NumError::overflow("Python int too large to convert to C long"));
    };
    if !(0..0x11_0000).contains(&code) {
        return Err(NumError::overflow("%c arg not in range(0x110000)"));
    }
    let align = if spec.align == Align::AfterSign { Align::Right } else { spec.align };
    let (left, _, right) = padding(spec.width, align, 1);
    Ok((code as u32, TextLayout { fill: spec.fill, left, keep: 1, right }))
}

fn check_int_spec(spec: &Spec) -> Result<(), NumError> {
    let refused = |what: &str| Err(NumError::value(format!("{what} not allowed in integer format specifier")));
    if spec.precision.is_some() {
        return refused("Precision");
    }
    if spec.no_negative_zero {
        return refused("Negative zero coercion (z)");
    }
    Ok(())
}

pub(crate) fn sign_text(negative: bool, sign: Option<u8>) -> &'static str {
    match (negative, sign) {
        (true, _) => "-",
        (false, Some(b'+')) => "+",
        (false, Some(b' ')) => " ",
        _ => "",
    }
}

/// `format(x, spec)`.
pub fn format_float(x: f64, spec: &Spec, type_name: &str, locale: &Locale) -> Result<Rendered, NumError> {
    let (x, percent) = if spec.kind == Some(u32::from(b'%')) { (x * 100.0, "%") } else { (x, "") };
    let text = float_digits(x, spec, type_name, true)?;
    let negative = text.starts_with('-');
    let (digits, fraction, tail) = split_number(text.trim_start_matches('-'));
    let tail = format!("{tail}{percent}");
    let head = sign_text(negative, spec.sign).to_string();
    Number { head, digits, fraction, tail: &tail, zeros: zeros_are_digits(spec) }.render(
        spec,
        float_grouping(spec),
        locale,
    )
}

fn float_grouping(spec: &Spec) -> Grouping {
    if spec.kind == Some(u32::from(b'n')) { Grouping::Locale } else { spec.grouping }
}

/// The bare text of a float under a spec: a minus sign at most, no padding or grouping.
fn float_digits(x: f64, spec: &Spec, type_name: &str, percent: bool) -> Result<String, NumError> {
    let kind = spec.kind.map(|k| char::from_u32(k).unwrap_or('\0'));
    if spec.precision.is_some_and(|p| p > PRECISION_MAX) {
        return Err(NumError::value("precision too big"));
    }
    let precision = spec.precision.unwrap_or(6);
    let style = match kind {
        None if spec.precision.is_none() => Style::Repr,
        None | Some('g' | 'G' | 'n') => Style::General(precision),
        Some('e' | 'E') => Style::Exp(precision),
        Some('f' | 'F') => Style::Fixed(precision),
        Some('%') if percent => Style::Fixed(precision),
        Some(_) => return Err(unknown_code(spec.kind.unwrap_or(0), type_name)),
    };
    let upper = matches!(kind, Some('E' | 'F' | 'G'));
    // Complex parts never get the ".0" that marks a float as one.
    let switches = Switches { alternate: spec.alternate, upper, add_dot_0: kind.is_none() && percent };
    let mut text = float_text::format_with(x, style, switches);
    if spec.no_negative_zero && text.starts_with('-') && is_zero_text(&text) {
        text.remove(0);
    }
    Ok(text)
}

fn is_zero_text(text: &str) -> bool {
    let mantissa = text.split(['e', 'E']).next().unwrap_or(text);
    mantissa.bytes().all(|b| matches!(b, b'0' | b'.' | b'-'))
}

/// Digits before the point, digits after it (if there is a point), and the rest.
fn split_number(text: &str) -> (&str, Option<&str>, &str) {
    let end = |t: &str| t.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(t.len());
    let (digits, rest) = text.split_at(end(text));
    match rest.strip_prefix('.') {
        Some(rest) => {
            let (fraction, tail) = rest.split_at(end(rest));
            (digits, Some(fraction), tail)
        }
        None => (digits, None, rest),
    }
}

/// `format(complex(re, im), spec)`.
pub fn format_complex(re: f64, im: f64, spec: &Spec, type_name: &str, locale: &Locale) -> Result<Rendered, NumError> {
    if let Some(kind) = spec.kind
        && !matches!(char::from_u32(kind), Some('e' | 'E' | 'f' | 'F' | 'g' | 'G' | 'n'))
    {
        return Err(unknown_code(kind, type_name));
    }
    if spec.fill == ZERO {
        return Err(NumError::value("Zero padding is not allowed in complex format specifier"));
    }
    if spec.align == Align::AfterSign {
        return Err(NumError::value("'=' alignment flag is not allowed in complex format specifier"));
    }
    let plain = spec.kind.is_none();
    let skip_re = plain && re == 0.0 && re.is_sign_positive();
    let part = |x: f64, sign: Option<u8>| -> Result<String, NumError> {
        let text = float_digits(x, spec, type_name, false)?;
        let (digits, fraction, tail) = split_number(text.trim_start_matches('-'));
        let head = sign_text(text.starts_with('-'), sign).to_string();
        let bare = Spec { width: None, ..spec.clone() };
        let r = Number { head, digits, fraction, tail, zeros: false }.render(&bare, float_grouping(spec), locale)?;
        Ok(r.head + &r.body)
    };
    let body = if skip_re {
        format!("{}j", part(im, spec.sign)?)
    } else {
        let (open, close) = if plain { ("(", ")") } else { ("", "") };
        format!("{open}{}{}j{close}", part(re, spec.sign)?, part(im, Some(b'+'))?)
    };
    let (left, inner, right) = padding(spec.width, spec.align, body.chars().count());
    Ok(Rendered { fill: spec.fill, left, head: String::new(), inner, body, right })
}

/// The parts of a number before grouping and padding.
pub(crate) struct Number<'a> {
    pub head: String,
    pub digits: &'a str,
    pub fraction: Option<&'a str>,
    pub tail: &'a str,
    /// Zeros that pad up to the width are digits, so they are grouped too.
    pub zeros: bool,
}

fn zeros_are_digits(spec: &Spec) -> bool {
    spec.fill == ZERO && spec.align == Align::AfterSign
}

impl Number<'_> {
    pub(crate) fn render(self, spec: &Spec, grouping: Grouping, locale: &Locale) -> Result<Rendered, NumError> {
        let (separator, sizes) = separator(grouping, locale);
        let point = if grouping == Grouping::Locale { locale.decimal_point } else { "." };
        let mut after = String::new();
        if let Some(fraction) = self.fraction {
            after.push_str(point);
            push_fraction(&mut after, fraction, spec.fraction_grouping);
        }
        after.push_str(self.tail);
        let around = self.head.chars().count() + after.chars().count();
        let digits_min = if self.zeros { spec.width.unwrap_or(0).saturating_sub(around) } else { 0 };
        if digits_min > PRECISION_MAX {
            return Err(NumError::Memory);
        }
        let mut body = if self.digits.is_empty() {
            String::new()
        } else {
            group_digits(self.digits, separator, sizes, digits_min)
        };
        body.push_str(&after);
        Ok(aligned(self.head, body, spec))
    }
}

/// Pads a head and a body that need no grouping.
pub(crate) fn aligned(head: String, body: String, spec: &Spec) -> Rendered {
    let len = head.chars().count() + body.chars().count();
    let (left, inner, right) = padding(spec.width, spec.align, len);
    Rendered { fill: spec.fill, left, head, inner, body, right }
}

fn separator<'a>(grouping: Grouping, locale: &Locale<'a>) -> (&'a str, &'a [u8]) {
    match grouping {
        Grouping::None => ("", &[]),
        Grouping::Comma => (",", &[3]),
        Grouping::Underscore => ("_", &[3]),
        Grouping::UnderscoreFour => ("_", &[4]),
        Grouping::Locale => (locale.thousands_sep, locale.grouping),
    }
}

/// Digits after the point are grouped by threes from the left.
fn push_fraction(out: &mut String, fraction: &str, grouping: Grouping) {
    let mark = match grouping {
        Grouping::Comma => ',',
        Grouping::Underscore => '_',
        _ => return out.push_str(fraction),
    };
    for (i, c) in fraction.chars().enumerate() {
        if i > 0 && i % 3 == 0 {
            out.push(mark);
        }
        out.push(c);
    }
}

/// Groups digits from the right, adding zeros on the left until the text is at least `width_min` long; a separator
/// never comes first, so the result may be one character longer.
fn group_digits(digits: &str, separator: &str, sizes: &[u8], width_min: usize) -> String {
    let separator_len = separator.chars().count();
    let (mut left, mut need) = (digits.len(), width_min);
    let mut groups: Vec<(usize, &str)> = Vec::new();
    let mut index = 0;
    let mut last = 0;
    loop {
        let size = match sizes.get(index).copied() {
            Some(127) => 0,
            Some(0) | None => last,
            Some(size) => usize::from(size),
        };
        (last, index) = (size, index + 1);
        let wanted = left.max(need).max(1);
        let size = if size == 0 { wanted } else { size.min(wanted) };
        let known = size.min(left);
        groups.push((size - known, &digits[left - known..left]));
        left -= known;
        need = need.saturating_sub(size);
        if left == 0 && need == 0 {
            break;
        }
        need = need.saturating_sub(separator_len);
    }
    let mut out = String::with_capacity(digits.len() + width_min);
    for (i, (zeros, part)) in groups.iter().rev().enumerate() {
        if i > 0 {
            out.push_str(separator);
        }
        out.extend(std::iter::repeat_n('0', *zeros));
        out.push_str(part);
    }
    out
}
