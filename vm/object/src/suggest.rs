//! "Did you mean": the closest of several names, by CPython's edit distance.

use crate::error::{self, Exc};
use crate::strs;
use crate::thread::Thread;
use crate::value::Value;

/// So many names are too many.
const MAX_ITEMS: usize = 750;
const MAX_LENGTH: usize = 40;
const MOVE: usize = 2;
const CASE: usize = 1;

fn substitution(a: char, b: char) -> usize {
    if a == b {
        0
    } else if a.eq_ignore_ascii_case(&b) {
        CASE
    } else {
        MOVE
    }
}

/// Levenshtein distance with cheap case changes; more than `max` comes back as `max + 1`.
fn distance(a: &str, b: &str, max: usize) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let prefix = a.iter().zip(&b).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[prefix..], &b[prefix..]);
    let suffix = a.iter().rev().zip(b.iter().rev()).take_while(|(x, y)| x == y).count();
    let (a, b) = (&a[..a.len() - suffix], &b[..b.len() - suffix]);
    if a.is_empty() || b.is_empty() {
        return (a.len() + b.len()) * MOVE;
    }
    if a.len() > MAX_LENGTH || b.len() > MAX_LENGTH || a.len().abs_diff(b.len()) * MOVE > max {
        return max + 1;
    }
    let mut row: Vec<usize> = (1..=a.len()).map(|i| i * MOVE).collect();
    let mut result = 0;
    for (j, &y) in b.iter().enumerate() {
        let mut diagonal = j * MOVE;
        result = diagonal;
        let mut least = usize::MAX;
        for (i, &x) in a.iter().enumerate() {
            let replaced = diagonal + substitution(y, x);
            diagonal = row[i];
            let moved = result.min(diagonal) + MOVE;
            result = replaced.min(moved);
            row[i] = result;
            least = least.min(result);
        }
        if least > max {
            return max + 1;
        }
    }
    result
}

/// The name most like `wrong`, if one is like it.
pub fn closest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<String> {
    let names: Vec<&str> = names.take(MAX_ITEMS).collect();
    if names.len() == MAX_ITEMS {
        return None;
    }
    let length = wrong.chars().count();
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        if name == wrong {
            continue;
        }
        let mut max = (name.chars().count() + length + 3) * MOVE / 6;
        if let Some((d, _)) = best {
            max = max.min(d.saturating_sub(1));
        }
        let d = distance(wrong, name, max);
        if d <= max && best.is_none_or(|(b, _)| d < b) {
            best = Some((d, name));
        }
    }
    best.map(|(_, name)| name.to_string())
}

/// TypeError of a call with a keyword that `function`, which knows `names`, does not know.
pub fn unexpected_keyword<'a>(t: &Thread, function: &str, key: &Value, names: impl Iterator<Item = &'a str>) -> Exc {
    let key = strs::display(key);
    let hint = match closest(&key, names) {
        Some(name) => format!(". Did you mean '{name}'?"),
        None => String::new(),
    };
    error::type_error(t, format_args!("{function}() got an unexpected keyword argument '{key}'{hint}"))
}
