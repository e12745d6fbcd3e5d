//! Character names: `unicodedata.name`, `unicodedata.lookup` and `\N{...}`.

use crate::tables::SEQUENCES;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// A character, by its name or by an alias.
    Character(u32),
    /// A named sequence of two or more characters; `\N{...}` does not accept these.
    Sequence(&'static [u32]),
}

/// Longer names than any that exist, so that a huge guest string is refused before it is copied.
const LONGEST: usize = 256;

/// `unicodedata.name`, or `None` where that raises: unassigned characters, controls, surrogates, private use.
pub fn name(c: u32) -> Option<String> {
    unicode_names2::name(char::from_u32(c)?).map(|name| name.to_string())
}

/// The character that `\N{text}` stands for: names and aliases, without regard to ASCII case.
pub fn lookup_character(text: &str) -> Option<u32> {
    if text.is_empty() || text.len() > LONGEST || !text.is_ascii() {
        return None;
    }
    if let Some(c) = tangut(text) {
        return Some(c);
    }
    let found = u32::from(unicode_names2::character(text)?);
    // The crate spells computed names more loosely than CPython does; those have no aliases.
    let computed = ["HANGUL SYLLABLE ", "CJK UNIFIED IDEOGRAPH-"]
        .iter()
        .any(|prefix| text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix)));
    if computed && !name(found)?.eq_ignore_ascii_case(text) {
        return None;
    }
    Some(found)
}

/// Tangut ideographs can be looked up by name, but CPython 3.14 does not tell their names.
fn tangut(text: &str) -> Option<u32> {
    const PREFIX: &str = "TANGUT IDEOGRAPH-";
    let (start, digits) = text.split_at_checked(PREFIX.len())?;
    if !start.eq_ignore_ascii_case(PREFIX) || digits.len() != 5 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let c = u32::from_str_radix(digits, 16).ok()?;
    matches!(c, 0x17000..=0x187F7 | 0x18D00..=0x18D08).then_some(c)
}

/// `unicodedata.lookup`: names, aliases and named sequences, without regard to ASCII case.
pub fn lookup(text: &str) -> Option<Named> {
    if let Some(c) = lookup_character(text) {
        return Some(Named::Character(c));
    }
    if text.len() > LONGEST {
        return None;
    }
    let upper = text.to_ascii_uppercase();
    let found = SEQUENCES.binary_search_by(|&(name, _)| name.cmp(&upper)).ok()?;
    Some(Named::Sequence(SEQUENCES[found].1))
}
