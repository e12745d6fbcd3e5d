//! Span: a duration as timedelta keeps it.

use dashu_int::IBig;
use dashu_int::ops::DivRemEuclid;

/// Microseconds of a day.
pub(super) const DAY_US: i128 = 86_400_000_000;
const MAX_DAYS: i64 = 999_999_999;

/// Days of any sign, seconds and microseconds of the day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Span {
    pub(super) days: i64,
    pub(super) seconds: i64,
    pub(super) micros: i64,
}

impl Span {
    /// Nothing.
    pub(super) const ZERO: Self = Self { days: 0, seconds: 0, micros: 0 };
    /// The shortest and the longest.
    pub(super) const MIN: Self = Self { days: -MAX_DAYS, seconds: 0, micros: 0 };
    pub(super) const MAX: Self = Self { days: MAX_DAYS, seconds: 86_399, micros: 999_999 };

    /// From whole seconds of less than many days.
    pub(super) fn from_seconds(seconds: i64) -> Self {
        Self { days: seconds.div_euclid(86_400), seconds: seconds.rem_euclid(86_400), micros: 0 }
    }

    /// All of it in microseconds.
    pub(super) fn to_us(self) -> i128 {
        i128::from(self.days) * DAY_US + i128::from(self.seconds * 1_000_000 + self.micros)
    }

    /// From microseconds, or the text of the OverflowError.
    pub(super) fn from_us(us: i128) -> Result<Self, String> {
        let days = us.div_euclid(DAY_US);
        let rest = us.rem_euclid(DAY_US) as i64;
        let Ok(days) = i32::try_from(days) else { return Err("Python int too large to convert to C int".into()) };
        let days = i64::from(days);
        if days.abs() > MAX_DAYS {
            return Err(format!("days={days}; must have magnitude <= {MAX_DAYS}"));
        }
        Ok(Self { days, seconds: rest / 1_000_000, micros: rest % 1_000_000 })
    }

    /// From a number of microseconds of any size.
    pub(super) fn from_big(us: &IBig) -> Result<Self, String> {
        i128::try_from(us).map_or_else(|_| Err("Python int too large to convert to C int".into()), Self::from_us)
    }

    /// Nothing at all?
    pub(super) fn is_zero(self) -> bool {
        self == Self::ZERO
    }

    /// `[-]D day[s], H:MM:SS[.ffffff]`.
    pub(super) fn text(self) -> String {
        let (h, m, s) = (self.seconds / 3600, self.seconds / 60 % 60, self.seconds % 60);
        let mut out = match self.days {
            0 => String::new(),
            d => format!("{d} day{}, ", if d.abs() == 1 { "" } else { "s" }),
        };
        out += &format!("{h}:{m:02}:{s:02}");
        if self.micros != 0 {
            out += &format!(".{:06}", self.micros);
        }
        out
    }

    /// The arguments of the constructor, for `repr`.
    pub(super) fn arguments(self) -> String {
        let parts = [("days", self.days), ("seconds", self.seconds), ("microseconds", self.micros)];
        let shown: Vec<String> = parts.iter().filter(|p| p.1 != 0).map(|(name, n)| format!("{name}={n}")).collect();
        if shown.is_empty() { "0".into() } else { shown.join(", ") }
    }

    /// As an offset from UTC: sign, hours, minutes and, if there are any, seconds and microseconds.
    pub(super) fn offset(self, separator: &str) -> String {
        let us = self.to_us();
        let (sign, us) = if us < 0 { ('-', -us) } else { ('+', us) };
        let (seconds, micros) = (us / 1_000_000, us % 1_000_000);
        let mut out = format!("{sign}{:02}{separator}{:02}", seconds / 3600, seconds / 60 % 60);
        if seconds % 60 != 0 || micros != 0 {
            out += &format!("{separator}{:02}", seconds % 60);
        }
        if micros != 0 {
            out += &format!(".{micros:06}");
        }
        out
    }
}

/// `a / b` rounded to the nearest integer, half to even; `b` is not 0.
pub(super) fn divide_nearest(a: IBig, b: IBig) -> IBig {
    let zero = IBig::from(0);
    let (a, b) = if b < zero { (-a, -b) } else { (a, b) };
    let (q, r) = floor_div(a, &b);
    let twice = r * IBig::from(2);
    let odd = &q % IBig::from(2) != zero;
    if twice > b || twice == b && odd { q + IBig::from(1) } else { q }
}

/// Floor quotient and remainder; `b` is positive.
pub(super) fn floor_div(a: IBig, b: &IBig) -> (IBig, IBig) {
    let (q, r) = a.div_rem_euclid(b.clone());
    (q, r.into())
}

/// A finite float as an exact fraction: numerator and positive denominator.
pub(super) fn ratio(x: f64) -> (IBig, IBig) {
    let bits = x.to_bits();
    let exponent = (bits >> 52 & 0x7ff) as i64;
    let fraction = bits & ((1 << 52) - 1);
    let (mantissa, exponent) = if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) };
    let mantissa = IBig::from(mantissa) * IBig::from(if x < 0.0 { -1 } else { 1 });
    if exponent >= 0 {
        (mantissa << exponent as usize, IBig::from(1))
    } else {
        (mantissa, IBig::from(1) << (-exponent) as usize)
    }
}
