//! Parse: a format spec's text to a [`Spec`].

use super::{Align, Grouping, Spec, Target, quoted};
use crate::NumError;

/// Parses a spec given as code points; `type_name` is the object's, for the error texts.
pub fn parse(spec: &[u32], target: Target, type_name: &str) -> Result<Spec, NumError> {
    let mut scan = Scanner { text: spec, at: 0 };
    let (fill, align, filled) = scan.fill_and_align();
    let mut out = Spec {
        fill,
        zero_flag: false,
        align: align.unwrap_or(if target == Target::Str { Align::Left } else { Align::Right }),
        sign: scan.take_any("+- "),
        no_negative_zero: scan.take(b'z'),
        alternate: scan.take(b'#'),
        width: None,
        grouping: Grouping::None,
        precision: None,
        fraction_grouping: Grouping::None,
        kind: None,
    };
    if (!filled || target == Target::Decimal) && scan.take(b'0') {
        out.fill = u32::from(b'0');
        out.zero_flag = true;
        if target == Target::Decimal && align.is_some() {
            return Err(invalid(spec, type_name));
        }
        if align.is_none() && target != Target::Str {
            out.align = Align::AfterSign;
        }
    }
    out.width = scan.integer()?;
    out.grouping = scan.grouping()?;
    if scan.take(b'.') {
        out.precision = scan.integer()?;
        out.fraction_grouping = scan.grouping()?;
        if out.precision.is_none() && out.fraction_grouping == Grouping::None {
            return Err(NumError::value("Format specifier missing precision"));
        }
    }
    match scan.rest() {
        [] => {}
        // CPython's own mark for "no type" is the NUL character.
        [0] if matches!(target, Target::Float | Target::Complex) => {}
        [kind] => out.kind = Some(*kind),
        _ => return Err(invalid(spec, type_name)),
    }
    check_grouping(&mut out, target)?;
    Ok(out)
}

fn invalid(spec: &[u32], type_name: &str) -> NumError {
    let text: String = spec.iter().map(|&c| char::from_u32(c).unwrap_or('\u{fffd}')).collect();
    NumError::value(format!("Invalid format specifier '{text}' for object of type '{type_name}'"))
}

/// Only some types can have their digits grouped.
fn check_grouping(spec: &mut Spec, target: Target) -> Result<(), NumError> {
    let default = if target == Target::Str { Some(u32::from(b's')) } else { None };
    let kind = spec.kind.or(default);
    let letter = kind.and_then(char::from_u32);
    let refused = |grouping| {
        let mark = if grouping == Grouping::Comma { ',' } else { '_' };
        let shown = kind.map_or_else(|| "'\\x0'".into(), quoted);
        Err(NumError::value(format!("Cannot specify '{mark}' with {shown}.")))
    };
    if spec.grouping != Grouping::None {
        match letter {
            None if kind.is_none() => {}
            Some('d' | 'e' | 'f' | 'g' | 'E' | 'G' | '%' | 'F') => {}
            Some('b' | 'o' | 'x' | 'X') if spec.grouping == Grouping::Underscore => {
                spec.grouping = Grouping::UnderscoreFour;
            }
            _ => return refused(spec.grouping),
        }
    }
    if spec.fraction_grouping != Grouping::None && letter == Some('n') && target != Target::Decimal {
        return refused(spec.fraction_grouping);
    }
    Ok(())
}

struct Scanner<'a> {
    text: &'a [u32],
    at: usize,
}

impl Scanner<'_> {
    fn peek(&self) -> Option<u32> {
        self.text.get(self.at).copied()
    }

    fn rest(&self) -> &[u32] {
        &self.text[self.at..]
    }

    fn take(&mut self, c: u8) -> bool {
        let found = self.peek() == Some(u32::from(c));
        self.at += usize::from(found);
        found
    }

    fn take_any(&mut self, set: &str) -> Option<u8> {
        let found = set.bytes().find(|&c| self.peek() == Some(u32::from(c)));
        self.at += usize::from(found.is_some());
        found
    }

    /// Fill, alignment if given, and whether a fill was given.
    fn fill_and_align(&mut self) -> (u32, Option<Align>, bool) {
        let align = |at: usize| {
            Some(match char::from_u32(*self.text.get(at)?)? {
                '<' => Align::Left,
                '>' => Align::Right,
                '^' => Align::Center,
                '=' => Align::AfterSign,
                _ => return None,
            })
        };
        if let Some(second) = align(1) {
            self.at = 2;
            return (self.text[0], Some(second), true);
        }
        let first = align(0);
        self.at = usize::from(first.is_some());
        (u32::from(b' '), first, false)
    }

    fn integer(&mut self) -> Result<Option<usize>, NumError> {
        let mut value = None;
        while let Some(digit) = self.peek().and_then(char::from_u32).and_then(|c| c.to_digit(10)) {
            let next = value.unwrap_or(0i64).checked_mul(10).and_then(|v| v.checked_add(i64::from(digit)));
            let Some(next) = next else {
                return Err(NumError::value("Too many decimal digits in format string"));
            };
            value = Some(next);
            self.at += 1;
        }
        Ok(value.map(|v| v as usize))
    }

    fn grouping(&mut self) -> Result<Grouping, NumError> {
        let both = || NumError::value("Cannot specify both ',' and '_'.");
        let mut found = Grouping::None;
        if self.take(b',') {
            found = Grouping::Comma;
        }
        if self.take(b'_') {
            if found == Grouping::Comma {
                return Err(both());
            }
            found = Grouping::Underscore;
        }
        if found == Grouping::Underscore && self.peek() == Some(u32::from(b',')) {
            return Err(both());
        }
        Ok(found)
    }
}
