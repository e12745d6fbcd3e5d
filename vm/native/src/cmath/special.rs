//! Special: what the complex functions give where a part is infinite or not a number (C99, annex G).
//!
//! A table has a row for each kind of real part and a column for each kind of imaginary part, in the order -inf,
//! negative, -0, 0, positive, inf, nan. An entry is a pair of parts: `I` infinity, `N` nan, `0` and `1` themselves,
//! `P` pi, `H` half of pi, `Q` a quarter, `T` three quarters; `E` alone is a domain error, `.` is left to the formula.

use std::f64::consts::{FRAC_PI_2, FRAC_PI_4, PI};

pub(super) type Table = [&'static str; 7];

/// What a table says.
pub(super) enum Entry {
    Value(f64, f64),
    Domain,
    Formula,
}

/// Looks up a number of which a part is not finite.
pub(super) fn look_up(table: &Table, x: f64, y: f64) -> Entry {
    if x.is_finite() && y.is_finite() {
        return Entry::Formula;
    }
    let mut parts = table[kind(x)].split('|').nth(kind(y)).unwrap_or(".").split_whitespace();
    match (parts.next(), parts.next()) {
        (Some(re), Some(im)) => Entry::Value(part(re), part(im)),
        (Some("E"), None) => Entry::Domain,
        _ => Entry::Formula,
    }
}

fn kind(v: f64) -> usize {
    match (v.is_nan(), v.is_infinite(), v == 0.0, v.is_sign_negative()) {
        (true, ..) => 6,
        (_, true, _, true) => 0,
        (_, true, _, false) => 5,
        (_, _, true, true) => 2,
        (_, _, true, false) => 3,
        (.., true) => 1,
        (.., false) => 4,
    }
}

fn part(text: &str) -> f64 {
    let value = match text.trim_start_matches('-') {
        "I" => f64::INFINITY,
        "0" => 0.0,
        "1" => 1.0,
        "P" => PI,
        "H" => FRAC_PI_2,
        "Q" => FRAC_PI_4,
        "T" => 3.0 * FRAC_PI_4,
        _ => f64::NAN,
    };
    if text.starts_with('-') { -value } else { value }
}

#[rustfmt::skip]
pub(super) const ACOS: Table = [
    "T I | P I | P I | P -I | P -I | T -I | N I",
    "H I | . | . | . | . | H -I | N N",
    "H I | . | . | . | . | H -I | H N",
    "H I | . | . | . | . | H -I | H N",
    "H I | . | . | . | . | H -I | N N",
    "Q I | 0 I | 0 I | 0 -I | 0 -I | Q -I | N I",
    "N I | N N | N N | N N | N N | N -I | N N",
];
#[rustfmt::skip]
pub(super) const ACOSH: Table = [
    "I -T | I -P | I -P | I P | I P | I T | I N",
    "I -H | . | . | . | . | I H | N N",
    "I -H | . | . | . | . | I H | N H",
    "I -H | . | . | . | . | I H | N H",
    "I -H | . | . | . | . | I H | N N",
    "I -Q | I -0 | I -0 | I 0 | I 0 | I Q | I N",
    "I N | N N | N N | N N | N N | I N | N N",
];
#[rustfmt::skip]
pub(super) const ASINH: Table = [
    "-I -Q | -I -0 | -I -0 | -I 0 | -I 0 | -I Q | -I N",
    "-I -H | . | . | . | . | -I H | N N",
    "-I -H | . | . | . | . | -I H | N N",
    "I -H | . | . | . | . | I H | N N",
    "I -H | . | . | . | . | I H | N N",
    "I -Q | I -0 | I -0 | I 0 | I 0 | I Q | I N",
    "I N | N N | N -0 | N 0 | N N | I N | N N",
];
#[rustfmt::skip]
pub(super) const ATANH: Table = [
    "-0 -H | -0 -H | -0 -H | -0 H | -0 H | -0 H | -0 N",
    "-0 -H | . | . | . | . | -0 H | N N",
    "-0 -H | . | . | . | . | -0 H | -0 N",
    "0 -H | . | . | . | . | 0 H | 0 N",
    "0 -H | . | . | . | . | 0 H | N N",
    "0 -H | 0 -H | 0 -H | 0 H | 0 H | 0 H | 0 N",
    "0 -H | N N | N N | N N | N N | 0 H | N N",
];
#[rustfmt::skip]
pub(super) const COSH: Table = [
    "E | . | I 0 | I -0 | . | E | I N",
    "E | . | . | . | . | E | N N",
    "E | . | . | . | . | E | N 0",
    "E | . | . | . | . | E | N 0",
    "E | . | . | . | . | E | N N",
    "E | . | I -0 | I 0 | . | E | I N",
    "N N | N N | N 0 | N 0 | N N | N N | N N",
];
#[rustfmt::skip]
pub(super) const EXP: Table = [
    "0 0 | . | 0 -0 | 0 0 | . | 0 0 | 0 0",
    "E | . | . | . | . | E | N N",
    "E | . | . | . | . | E | N N",
    "E | . | . | . | . | E | N N",
    "E | . | . | . | . | E | N N",
    "E | . | I -0 | I 0 | . | E | I N",
    "N N | N N | N -0 | N 0 | N N | N N | N N",
];
#[rustfmt::skip]
pub(super) const LOG: Table = [
    "I -T | I -P | I -P | I P | I P | I T | I N",
    "I -H | . | . | . | . | I H | N N",
    "I -H | . | . | . | . | I H | N N",
    "I -H | . | . | . | . | I H | N N",
    "I -H | . | . | . | . | I H | N N",
    "I -Q | I -0 | I -0 | I 0 | I 0 | I Q | I N",
    "I N | N N | N N | N N | N N | I N | N N",
];
#[rustfmt::skip]
pub(super) const SINH: Table = [
    "E | . | -I -0 | -I 0 | . | E | I N",
    "E | . | . | . | . | E | N N",
    "E | . | . | . | . | E | 0 N",
    "E | . | . | . | . | E | 0 N",
    "E | . | . | . | . | E | N N",
    "E | . | I -0 | I 0 | . | E | I N",
    "N N | N N | N -0 | N 0 | N N | N N | N N",
];
#[rustfmt::skip]
pub(super) const SQRT: Table = [
    "I -I | 0 -I | 0 -I | 0 I | 0 I | I I | N I",
    "I -I | . | . | . | . | I I | N N",
    "I -I | . | . | . | . | I I | N N",
    "I -I | . | . | . | . | I I | N N",
    "I -I | . | . | . | . | I I | N N",
    "I -I | I -0 | I -0 | I 0 | I 0 | I I | I N",
    "I -I | N N | N N | N N | N N | I I | N N",
];
#[rustfmt::skip]
pub(super) const TANH: Table = [
    "-1 0 | . | -1 -0 | -1 0 | . | -1 0 | -1 0",
    "E | . | . | . | . | E | N N",
    "E | . | . | . | . | E | -0 N",
    "E | . | . | . | . | E | 0 N",
    "E | . | . | . | . | E | N N",
    "1 0 | . | 1 -0 | 1 0 | . | 1 0 | 1 0",
    "N N | N N | N -0 | N 0 | N N | N N | N N",
];
#[rustfmt::skip]
pub(super) const RECT: Table = [
    "E | . | -I 0 | -I -0 | . | E | I N",
    "E | . | . | . | . | E | N N",
    "0 0 | . | . | . | . | 0 0 | 0 0",
    "0 0 | . | . | . | . | 0 0 | 0 0",
    "E | . | . | . | . | E | N N",
    "E | . | I -0 | I 0 | . | E | I N",
    "N N | N N | N 0 | N 0 | N N | N N | N N",
];
