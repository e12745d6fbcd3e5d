//! ISO 8601 text to dates and times.

use super::calendar::{Day, days_in_month};
use super::clock::Clock;

/// Not ISO.
#[derive(Debug)]
pub(super) struct Bad;

/// A time zone as written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Zone {
    None,
    Utc,
    /// Microseconds east.
    Offset(i64),
}

/// A time of day as written.
#[derive(Debug)]
pub(super) struct Time {
    pub(super) clock: Clock,
    pub(super) zone: Zone,
    /// 24:00 was meant.
    pub(super) next_day: bool,
    /// 24 hours and something more.
    pub(super) past_end: bool,
}

fn digit(c: u32) -> Option<i64> {
    if (0x30..=0x39).contains(&c) { Some(i64::from(c) - 0x30) } else { None }
}

fn number(s: &[u32], at: usize, n: usize) -> Result<i64, Bad> {
    let digits = s.get(at..at + n).ok_or(Bad)?;
    digits.iter().try_fold(0, |sum, &c| Some(sum * 10 + digit(c)?)).ok_or(Bad)
}

fn is(s: &[u32], at: usize, c: char) -> bool {
    s.get(at) == Some(&u32::from(c))
}

/// A date; a week that does not exist is an error here too.
pub(super) fn date(s: &[u32]) -> Result<Day, Bad> {
    if !matches!(s.len(), 7 | 8 | 10) {
        return Err(Bad);
    }
    let year = number(s, 0, 4)?;
    let dashed = is(s, 4, '-');
    let dash = usize::from(dashed);
    let mut at = 4 + dash;
    if is(s, at, 'W') {
        let week = number(s, at + 1, 2)?;
        at += 3;
        let mut weekday = 1;
        if s.len() > at {
            if is(s, at, '-') != dashed {
                return Err(Bad);
            }
            weekday = number(s, at + dash, 1)?;
            if s.len() != at + dash + 1 {
                return Err(Bad);
            }
        }
        return Day::from_iso(year, week, weekday).map_err(|_| Bad);
    }
    let month = number(s, at, 2)?;
    at += 2;
    if is(s, at, '-') != dashed {
        return Err(Bad);
    }
    let day = number(s, at + dash, 2)?;
    if s.len() != at + dash + 2 {
        return Err(Bad);
    }
    Ok(Day { year, month, day })
}

/// Where the date of a date and time ends; the text has at least 7 characters.
fn separator(s: &[u32]) -> Result<usize, Bad> {
    let len = s.len();
    if len == 7 {
        return Ok(7);
    }
    if is(s, 4, '-') {
        if !is(s, 5, 'W') {
            return Ok(10);
        }
        if len > 8 && is(s, 8, '-') {
            if len == 9 {
                return Err(Bad);
            }
            // YYYY-Www-##: the hyphen separates, since a digit hardly does.
            return Ok(if len > 10 && digit(s[10]).is_some() { 8 } else { 10 });
        }
        return Ok(8);
    }
    if is(s, 4, 'W') {
        let end = (7..len).find(|&i| digit(s[i]).is_none()).unwrap_or(len);
        return Ok(match end {
            _ if end < 9 => end,
            _ if end % 2 == 0 => 7,
            _ => 8,
        });
    }
    Ok(8)
}

/// `HH[:?MM[:?SS[{.,}fff[fff]]]]` as hours, minutes, seconds and microseconds.
fn clock(s: &[u32]) -> Result<[i64; 4], Bad> {
    let mut parts = [0; 4];
    let (mut at, mut colons) = (0, false);
    for (i, part) in parts.iter_mut().take(3).enumerate() {
        *part = number(s, at, 2)?;
        at += 2;
        if i == 0 {
            colons = is(s, at, ':');
        }
        if at >= s.len() || i == 2 {
            break;
        }
        if colons && !is(s, at, ':') {
            return Err(Bad);
        }
        at += usize::from(colons);
    }
    if at < s.len() {
        if !is(s, at, '.') && !is(s, at, ',') {
            return Err(Bad);
        }
        let digits = &s[at + 1..];
        if digits.is_empty() || digits.iter().any(|&c| digit(c).is_none()) {
            return Err(Bad);
        }
        let kept = digits.len().min(6);
        parts[3] = number(digits, 0, kept)? * 10i64.pow(6 - kept as u32);
    }
    Ok(parts)
}

/// A time of day with or without a zone.
pub(super) fn time(s: &[u32]) -> Result<Time, Bad> {
    if s.len() < 2 {
        return Err(Bad);
    }
    let find = |c: char| s.iter().position(|&x| x == u32::from(c));
    let mark = find('-').or_else(|| find('+')).or_else(|| find('Z'));
    let [hour, minute, second, micro] = clock(&s[..mark.unwrap_or(s.len())])?;
    let rest = minute != 0 || second != 0 || micro != 0;
    let full = hour == 24;
    let zone = match mark {
        None => Zone::None,
        Some(i) if i + 1 == s.len() && is(s, i, 'Z') => Zone::Utc,
        Some(i) => {
            let text = &s[i + 1..];
            if matches!(text.len(), 0 | 1 | 3) || is(s, i, 'Z') {
                return Err(Bad);
            }
            let [h, m, sec, us] = clock(text)?;
            let east = ((h * 60 + m) * 60 + sec) * 1_000_000 + us;
            match east {
                0 => Zone::Utc,
                _ if is(s, i, '-') => Zone::Offset(-east),
                _ => Zone::Offset(east),
            }
        }
    };
    let next_day = full && !rest;
    let clock = Clock { hour: if next_day { 0 } else { hour }, minute, second, micro, fold: 0 };
    Ok(Time { clock, zone, next_day, past_end: full && rest })
}

/// A date, and a time if there is one.
pub(super) fn date_time(s: &[u32]) -> Result<(Day, Option<Time>), Bad> {
    if s.len() < 7 {
        return Err(Bad);
    }
    let end = separator(s)?;
    let day = date(s.get(..end).unwrap_or(s))?;
    let text = s.get(end + 1..).unwrap_or(&[]);
    if text.is_empty() {
        return Ok((day, None));
    }
    time(text).map(|time| (day, Some(time)))
}

/// The day after, if the day exists.
pub(super) fn day_after(day: Day) -> Day {
    let Day { year, month, day: d } = day;
    if !(1..=12).contains(&month) || d > days_in_month(year, month) {
        return day;
    }
    if d < days_in_month(year, month) {
        Day { day: d + 1, ..day }
    } else if month < 12 {
        Day { year, month: month + 1, day: 1 }
    } else {
        Day { year: year + 1, month: 1, day: 1 }
    }
}
