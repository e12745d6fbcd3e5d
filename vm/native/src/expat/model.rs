//! Content models: `(a, (b | c)*, d?)` as nested tuples.

use super::input;
use super::lex;
use typhon_object::error::Res;
use typhon_object::{Thread, Value, tuple};

/// Kinds of content.
pub(super) const TYPES: [(&str, i64); 6] = [
    ("XML_CTYPE_EMPTY", 1),
    ("XML_CTYPE_ANY", 2),
    ("XML_CTYPE_MIXED", 3),
    ("XML_CTYPE_NAME", 4),
    ("XML_CTYPE_CHOICE", 5),
    ("XML_CTYPE_SEQ", 6),
];
/// How often something may come.
pub(super) const QUANTIFIERS: [(&str, i64); 4] =
    [("XML_CQUANT_NONE", 0), ("XML_CQUANT_OPT", 1), ("XML_CQUANT_REP", 2), ("XML_CQUANT_PLUS", 3)];

/// The model at `i` and the index after it; `None` if there is none.
pub(super) fn parse(t: &Thread, s: &[u8], i: usize) -> Res<Option<(Value, usize)>> {
    for (word, kind) in [("EMPTY", 1), ("ANY", 2)] {
        if s[i..].starts_with(word.as_bytes()) {
            return Ok(Some((node(t, kind, 0, Value::NONE, Vec::new())?, i + word.len())));
        }
    }
    if s.get(i) != Some(&b'(') {
        return Ok(None);
    }
    group(t, s, i)
}

fn node(t: &Thread, kind: i64, quantifier: i64, name: Value, children: Vec<Value>) -> Res {
    let children = tuple::from_vec(t, children)?;
    tuple::from_array(t, [Value::small(kind), Value::small(quantifier), name, children])
}

fn quantifier(s: &[u8], i: usize) -> (i64, usize) {
    match s.get(i) {
        Some(b'?') => (1, i + 1),
        Some(b'*') => (2, i + 1),
        Some(b'+') => (3, i + 1),
        _ => (0, i),
    }
}

/// The group whose parenthesis opens at `i`.
fn group(t: &Thread, s: &[u8], i: usize) -> Res<Option<(Value, usize)>> {
    t.check_stack("in a content model")?;
    let (mut at, mut children, mut sign, mut mixed) = (lex::skip_space(s, i + 1), Vec::new(), None, false);
    loop {
        let item = match s.get(at) {
            Some(b'(') => group(t, s, at)?,
            Some(b'#') if s[at..].starts_with(b"#PCDATA") && children.is_empty() && !mixed => {
                mixed = true;
                Some((Value::ABSENT, at + 7))
            }
            _ => match lex::name(s, at) {
                Ok(end) => {
                    let name = input::value(t, lex::text(s, (at, end)))?;
                    let (q, after) = quantifier(s, end);
                    Some((node(t, 4, q, name, Vec::new())?, after))
                }
                Err(_) => None,
            },
        };
        let Some((v, after)) = item else { return Ok(None) };
        children.extend(v.present());
        at = lex::skip_space(s, after);
        match s.get(at) {
            Some(b')') => break,
            Some(&b @ (b'|' | b',')) if sign.is_none_or(|known| known == b) => sign = Some(b),
            _ => return Ok(None),
        }
        at = lex::skip_space(s, at + 1);
        t.poll()?;
    }
    let (q, end) = quantifier(s, at + 1);
    let kind = if mixed {
        3
    } else if sign == Some(b'|') {
        5
    } else {
        6
    };
    Ok(Some((node(t, kind, q, Value::NONE, children)?, end)))
}
