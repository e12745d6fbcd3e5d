//! Unicode 3.2 as `unicodedata.ucd_3_2_0` has it, which `stringprep` and the `idna` codec need.
//!
//! What is not here does not differ there: `digit`, `lookup`.

use unicode_normalization::char::{compose, decompose_canonical, decompose_compatible};

use crate::normal::Form;
use crate::props::{self, Category, old_record};
use crate::tables as t;

/// The version: `ucd_3_2_0.unidata_version`.
pub const UNIDATA_VERSION: &str = "3.2.0";

fn is_assigned(c: u32) -> bool {
    category(c) != Category::Cn
}

/// `ucd_3_2_0.category`.
pub fn category(c: u32) -> Category {
    old_record(c).0
}

/// `ucd_3_2_0.bidirectional`.
pub fn bidirectional(c: u32) -> &'static str {
    t::BIDI_NAMES[old_record(c).1 as usize]
}

/// `ucd_3_2_0.east_asian_width`.
pub fn east_asian_width(c: u32) -> &'static str {
    t::WIDTH_NAMES[old_record(c).2 as usize]
}

/// `ucd_3_2_0.mirrored`.
pub fn mirrored(c: u32) -> bool {
    old_record(c).4
}

/// `ucd_3_2_0.combining`.
pub fn combining(c: u32) -> u8 {
    if is_assigned(c) { props::combining(c) } else { 0 }
}

/// `ucd_3_2_0.decomposition`.
pub fn decomposition(c: u32) -> String {
    if is_assigned(c) { props::decomposition(c) } else { String::new() }
}

/// `ucd_3_2_0.name`.
pub fn name(c: u32) -> Option<String> {
    if is_assigned(c) { crate::name(c) } else { None }
}

/// The values of a character whose values have changed since.
fn old_values(c: u32) -> Option<(Option<u8>, Option<f64>)> {
    if !is_assigned(c) {
        return Some((None, None));
    }
    let found = t::OLD_VALUES.binary_search_by_key(&c, |row| row.0).ok()?;
    Some((t::OLD_VALUES[found].1, t::OLD_VALUES[found].2))
}

/// `ucd_3_2_0.decimal`.
pub fn decimal_value(c: u32) -> Option<u8> {
    old_values(c).map_or_else(|| props::decimal_value(c), |values| values.0)
}

/// `ucd_3_2_0.numeric`.
pub fn numeric_value(c: u32) -> Option<f64> {
    old_values(c).map_or_else(|| props::numeric_value(c), |values| values.1)
}

/// Appends the full decomposition of one code point.
fn decompose(c: u32, compatible: bool, out: &mut Vec<u32>) {
    if let Ok(found) = t::OLD_CORRECTIONS.binary_search_by_key(&c, |row| row.0) {
        out.push(t::OLD_CORRECTIONS[found].1);
        return;
    }
    match char::from_u32(c).filter(|_| is_assigned(c)) {
        Some(c) if compatible => decompose_compatible(c, |part| out.push(u32::from(part))),
        Some(c) => decompose_canonical(c, |part| out.push(u32::from(part))),
        None => out.push(c),
    }
}

/// Composes what canonical decomposition and reordering left, in place.
fn recompose(s: &mut Vec<u32>) {
    let pair = |a, b| Some(u32::from(compose(char::from_u32(a)?, char::from_u32(b)?)?));
    let mut starter: Option<usize> = None;
    // The class of the last character that was kept behind the starter.
    let mut last = 0;
    let mut kept = 0;
    for i in 0..s.len() {
        let c = s[i];
        let class = props::combining(c);
        // Nothing composes past a character of the same or a higher class; a starter only with its neighbour.
        let reaches = |at: usize| kept == at + 1 || (last != 0 && last < class);
        if let Some(at) = starter.filter(|&at| reaches(at))
            && let Some(composed) = pair(s[at], c)
        {
            s[at] = composed;
            continue;
        }
        if class == 0 {
            starter = Some(kept);
        }
        last = class;
        s[kept] = c;
        kept += 1;
    }
    s.truncate(kept);
}

/// `ucd_3_2_0.normalize`. As in CPython, only decomposition knows Unicode 3.2: order and composition are today's.
pub fn normalize(form: Form, s: &[u32]) -> Vec<u32> {
    let mut out = Vec::with_capacity(s.len());
    let compatible = matches!(form, Form::Nfkc | Form::Nfkd);
    s.iter().for_each(|&c| decompose(c, compatible, &mut out));
    for marks in out.split_mut(|&c| props::combining(c) == 0) {
        marks.sort_by_key(|&c| props::combining(c));
    }
    if matches!(form, Form::Nfc | Form::Nfkc) {
        recompose(&mut out);
    }
    out
}

/// `ucd_3_2_0.is_normalized`.
pub fn is_normalized(form: Form, s: &[u32]) -> bool {
    normalize(form, s) == s
}
