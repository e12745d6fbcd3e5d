//! The seam to character data: every question about a character that a pattern can ask.

use std::sync::LazyLock;

use crate::words::Class;

/// Lower case of an ASCII letter; any other character is itself. The locale is the C locale, so it is the locale's too.
pub fn ascii_to_lower(c: u32) -> u32 {
    if c.wrapping_sub(u32::from(b'A')) < 26 { c | 0x20 } else { c }
}

/// Upper case of an ASCII letter; any other character is itself.
pub(crate) fn ascii_to_upper(c: u32) -> u32 {
    if c.wrapping_sub(u32::from(b'a')) < 26 { c & !0x20 } else { c }
}

/// Simple lower case mapping.
pub fn unicode_to_lower(c: u32) -> u32 {
    if c < 128 { ascii_to_lower(c) } else { typhon_unicode::to_lower_simple(c) }
}

/// Simple upper case mapping.
pub(crate) fn unicode_to_upper(c: u32) -> u32 {
    if c < 128 { ascii_to_upper(c) } else { typhon_unicode::to_upper_simple(c) }
}

/// Whether ASCII case mapping changes the character: what `_sre.ascii_iscased` answers.
pub fn ascii_is_cased(c: u32) -> bool {
    c < 128 && (ascii_to_lower(c) != c || ascii_to_upper(c) != c)
}

/// Whether simple case mapping changes the character: what `_sre.unicode_iscased` answers.
pub fn unicode_is_cased(c: u32) -> bool {
    unicode_to_lower(c) != c || unicode_to_upper(c) != c
}

pub(crate) fn ascii_is_word(c: u32) -> bool {
    u8::try_from(c).is_ok_and(|b| b.is_ascii_alphanumeric() || b == b'_')
}

pub(crate) fn unicode_is_word(c: u32) -> bool {
    if c < 128 { ascii_is_word(c) } else { typhon_unicode::is_alnum(c) }
}

fn ascii_is_space(c: u32) -> bool {
    matches!(c, 9..=13 | 32)
}

fn ascii_is_digit(c: u32) -> bool {
    c.wrapping_sub(u32::from(b'0')) < 10
}

/// Whether the character is in the class.
pub(crate) fn in_class(class: Class, c: u32) -> bool {
    match class {
        Class::Digit => ascii_is_digit(c),
        Class::NotDigit => !ascii_is_digit(c),
        Class::Space => ascii_is_space(c),
        Class::NotSpace => !ascii_is_space(c),
        Class::Word | Class::LocWord => ascii_is_word(c),
        Class::NotWord | Class::LocNotWord => !ascii_is_word(c),
        Class::LineBreak => c == 10,
        Class::NotLineBreak => c != 10,
        Class::UniDigit => typhon_unicode::is_decimal(c),
        Class::UniNotDigit => !typhon_unicode::is_decimal(c),
        Class::UniSpace => typhon_unicode::is_space(c),
        Class::UniNotSpace => !typhon_unicode::is_space(c),
        Class::UniWord => unicode_is_word(c),
        Class::UniNotWord => !unicode_is_word(c),
        Class::UniLineBreak => typhon_unicode::is_line_break(c),
        Class::UniNotLineBreak => !typhon_unicode::is_line_break(c),
    }
}

/// `in_class(UniWord, c)` for the characters below 256.
pub(crate) fn latin_words() -> &'static [bool; 256] {
    static WORDS: LazyLock<[bool; 256]> = LazyLock::new(|| {
        let mut words = [false; 256];
        for (c, slot) in (0u32..).zip(words.iter_mut()) {
            *slot = unicode_is_word(c);
        }
        words
    });
    &WORDS
}
