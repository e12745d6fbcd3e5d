//! The proleptic Gregorian calendar: days as numbers, weeks as ISO counts them.

/// First year.
pub(super) const MIN_YEAR: i64 = 1;
/// Last year.
pub(super) const MAX_YEAR: i64 = 9999;
/// Ordinal of the last day.
pub(super) const MAX_ORDINAL: i64 = 3_652_059;

/// A day.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Day {
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

/// Whether a year has 366 days.
pub(super) fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Days of a month; the month is valid.
pub(super) fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days of the year before a month.
pub(super) fn days_before_month(year: i64, month: i64) -> i64 {
    const BEFORE: [i64; 13] = [0, 0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let month = month.clamp(1, 12);
    BEFORE[month as usize] + i64::from(month > 2 && is_leap(year))
}

fn days_before_year(year: i64) -> i64 {
    let y = year - 1;
    y * 365 + y.div_euclid(4) - y.div_euclid(100) + y.div_euclid(400)
}

impl Day {
    /// The day with number `ordinal`; 1 January of year 1 has 1.
    pub(super) fn from_ordinal(ordinal: i64) -> Self {
        let n = ordinal - 1;
        let (cycles, n) = (n.div_euclid(146_097), n.rem_euclid(146_097));
        let (centuries, n) = (n / 36_524, n % 36_524);
        let (fours, n) = (n / 1461, n % 1461);
        let (ones, n) = (n / 365, n % 365);
        let year = cycles * 400 + centuries * 100 + fours * 4 + ones + 1;
        if ones == 4 || centuries == 4 {
            return Self { year: year - 1, month: 12, day: 31 };
        }
        let mut month = (n + 50) >> 5;
        if days_before_month(year, month) > n {
            month -= 1;
        }
        Self { year, month, day: n - days_before_month(year, month) + 1 }
    }

    /// Its number.
    pub(super) fn ordinal(self) -> i64 {
        days_before_year(self.year) + self.day_of_year()
    }

    /// Its number in its year, from 1.
    pub(super) fn day_of_year(self) -> i64 {
        days_before_month(self.year, self.month) + self.day
    }

    /// Monday is 0.
    pub(super) fn weekday(self) -> i64 {
        (self.ordinal() + 6) % 7
    }

    /// ISO year, week and weekday.
    pub(super) fn iso_calendar(self) -> [i64; 3] {
        let today = self.ordinal();
        let mut year = self.year;
        let mut days = today - week_one(year);
        if days < 0 {
            year -= 1;
            days = today - week_one(year);
        } else if days >= 52 * 7 && today >= week_one(year + 1) {
            year += 1;
            days = today - week_one(year);
        }
        [year, days / 7 + 1, days % 7 + 1]
    }

    /// The day of an ISO week, or the text of the error.
    pub(super) fn from_iso(year: i64, week: i64, weekday: i64) -> Result<Self, String> {
        if !(MIN_YEAR..=MAX_YEAR).contains(&year) {
            return Err(format!("year must be in 1..9999, not {year}"));
        }
        let first = (days_before_year(year) + 1) % 7;
        let long = first == 4 || first == 3 && is_leap(year);
        if !(1..=52 + i64::from(long)).contains(&week) {
            return Err(format!("Invalid week: {week}"));
        }
        if !(1..=7).contains(&weekday) {
            return Err(format!("Invalid weekday: {weekday} (range is [1, 7])"));
        }
        Ok(Self::from_ordinal(week_one(year) + (week - 1) * 7 + weekday - 1))
    }

    /// The text of the error if there is no such day.
    pub(super) fn check(self) -> Result<Self, String> {
        let Self { year, month, day } = self;
        if !(MIN_YEAR..=MAX_YEAR).contains(&year) {
            return Err(format!("year must be in 1..9999, not {year}"));
        }
        if !(1..=12).contains(&month) {
            return Err(format!("month must be in 1..12, not {month}"));
        }
        let last = days_in_month(year, month);
        if !(1..=last).contains(&day) {
            return Err(format!("day {day} must be in range 1..{last} for month {month} in year {year}"));
        }
        Ok(self)
    }
}

/// Ordinal of the Monday of a year's first ISO week.
fn week_one(year: i64) -> i64 {
    let first = days_before_year(year) + 1;
    let weekday = (first + 6).rem_euclid(7);
    let monday = first - weekday;
    if weekday > 3 { monday + 7 } else { monday }
}

/// Short names of the days, Monday first.
pub(super) const DAY_NAMES: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
/// Short names of the months.
pub(super) const MONTH_NAMES: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
