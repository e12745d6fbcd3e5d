//! Character properties: what `str` methods and `unicodedata` answer about one code point.
//!
//! Every function takes any `u32`: surrogates have their own properties, and a number past U+10FFFF is treated as
//! the unassigned U+10FFFF.

use crate::tables as t;

/// A general category, named by its two letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Category {
    Cn,
    Lu,
    Ll,
    Lt,
    Mn,
    Mc,
    Me,
    Nd,
    Nl,
    No,
    Zs,
    Zl,
    Zp,
    Cc,
    Cf,
    Cs,
    Co,
    Lm,
    Lo,
    Pc,
    Pd,
    Ps,
    Pe,
    Pi,
    Pf,
    Po,
    Sm,
    Sc,
    Sk,
    So,
}

impl Category {
    /// The two-letter name that `unicodedata.category` returns.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cn => "Cn",
            Self::Lu => "Lu",
            Self::Ll => "Ll",
            Self::Lt => "Lt",
            Self::Mn => "Mn",
            Self::Mc => "Mc",
            Self::Me => "Me",
            Self::Nd => "Nd",
            Self::Nl => "Nl",
            Self::No => "No",
            Self::Zs => "Zs",
            Self::Zl => "Zl",
            Self::Zp => "Zp",
            Self::Cc => "Cc",
            Self::Cf => "Cf",
            Self::Cs => "Cs",
            Self::Co => "Co",
            Self::Lm => "Lm",
            Self::Lo => "Lo",
            Self::Pc => "Pc",
            Self::Pd => "Pd",
            Self::Ps => "Ps",
            Self::Pe => "Pe",
            Self::Pi => "Pi",
            Self::Pf => "Pf",
            Self::Po => "Po",
            Self::Sm => "Sm",
            Self::Sc => "Sc",
            Self::Sk => "Sk",
            Self::So => "So",
        }
    }
}

/// Flags; distance to the simple lower, upper and title case; row of `SPECIAL`; decimal, digit and numeric value.
pub(crate) struct TypeRecord(
    pub(crate) u16,
    pub(crate) i32,
    pub(crate) i32,
    pub(crate) i32,
    pub(crate) u8,
    pub(crate) u8,
    pub(crate) u8,
    pub(crate) u8,
);

/// Category; bidirectional class; East Asian width; combining class; mirrored.
pub(crate) struct DbRecord(pub(crate) Category, pub(crate) u8, pub(crate) u8, pub(crate) u8, pub(crate) bool);

/// The tables' mark for "no decimal or digit value".
const NO_VALUE: u8 = 255;

const MAX: u32 = 0x10_FFFF;

const fn type_record(c: u32) -> &'static TypeRecord {
    let c = if c > MAX { MAX } else { c };
    let top = t::TYPE_TOP[(c >> (t::TYPE_LOW + t::TYPE_HIGH)) as usize] as usize;
    let middle = (top << t::TYPE_HIGH) | ((c >> t::TYPE_LOW) & ((1 << t::TYPE_HIGH) - 1)) as usize;
    let leaf = ((t::TYPE_MIDDLE[middle] as usize) << t::TYPE_LOW) | (c & ((1 << t::TYPE_LOW) - 1)) as usize;
    &t::TYPES[t::TYPE_LEAF[leaf] as usize]
}

fn db_record(c: u32) -> &'static DbRecord {
    let c = c.min(MAX);
    let top = t::DB_TOP[(c >> (t::DB_LOW + t::DB_HIGH)) as usize] as usize;
    let middle = (top << t::DB_HIGH) | ((c >> t::DB_LOW) & ((1 << t::DB_HIGH) - 1)) as usize;
    let leaf = ((t::DB_MIDDLE[middle] as usize) << t::DB_LOW) | (c & ((1 << t::DB_LOW) - 1)) as usize;
    &t::DB[t::DB_LEAF[leaf] as usize]
}

/// The record of `unicodedata.ucd_3_2_0`; its combining class is not filled in.
pub(crate) fn old_record(c: u32) -> &'static DbRecord {
    let c = c.min(MAX);
    let top = t::OLD_TOP[(c >> (t::OLD_LOW + t::OLD_HIGH)) as usize] as usize;
    let middle = (top << t::OLD_HIGH) | ((c >> t::OLD_LOW) & ((1 << t::OLD_HIGH) - 1)) as usize;
    let leaf = ((t::OLD_MIDDLE[middle] as usize) << t::OLD_LOW) | (c & ((1 << t::OLD_LOW) - 1)) as usize;
    &t::OLD[t::OLD_LEAF[leaf] as usize]
}

/// The flags of latin-1, so that the most common strings cost one load a character.
static LATIN1_FLAGS: [u16; 256] = {
    let mut flags = [0; 256];
    let mut c = 0;
    while c < 256 {
        flags[c] = type_record(c as u32).0;
        c += 1;
    }
    flags
};

#[inline]
fn flags(c: u32) -> u16 {
    match LATIN1_FLAGS.get(c as usize) {
        Some(&flags) => flags,
        None => type_record(c).0,
    }
}

/// `str.isalpha` of one character: a letter.
#[inline]
pub fn is_alpha(c: u32) -> bool {
    flags(c) & t::ALPHA != 0
}

/// `str.isalnum` of one character: a letter or anything with a numeric value.
#[inline]
pub fn is_alnum(c: u32) -> bool {
    flags(c) & (t::ALPHA | t::NUMERIC) != 0
}

/// `str.isdecimal` of one character.
#[inline]
pub fn is_decimal(c: u32) -> bool {
    decimal_value(c).is_some()
}

/// `str.isdigit` of one character.
#[inline]
pub fn is_digit(c: u32) -> bool {
    digit_value(c).is_some()
}

/// `str.isnumeric` of one character.
#[inline]
pub fn is_numeric(c: u32) -> bool {
    flags(c) & t::NUMERIC != 0
}

/// `str.isspace` of one character; also what `str.split` and `str.strip` treat as white space.
#[inline]
pub fn is_space(c: u32) -> bool {
    flags(c) & t::SPACE != 0
}

/// Whether `str.splitlines` breaks after this character.
#[inline]
pub fn is_line_break(c: u32) -> bool {
    flags(c) & t::LINE_BREAK != 0
}

/// `str.isprintable` of one character; what `repr` leaves as it is (quotes and backslash apart).
#[inline]
pub fn is_printable(c: u32) -> bool {
    flags(c) & t::PRINTABLE != 0
}

/// Lowercase, as `str.islower` counts it.
#[inline]
pub fn is_lower(c: u32) -> bool {
    flags(c) & t::LOWER != 0
}

/// Uppercase, as `str.isupper` counts it.
#[inline]
pub fn is_upper(c: u32) -> bool {
    flags(c) & t::UPPER != 0
}

/// Title case (category Lt), as `str.istitle` counts it.
#[inline]
pub fn is_title(c: u32) -> bool {
    flags(c) & t::TITLE != 0
}

/// The Cased property, which decides where `str.title` starts a word and what a final sigma is.
#[inline]
pub fn is_cased(c: u32) -> bool {
    flags(c) & t::CASED != 0
}

/// The Case_Ignorable property. It is only exact where it matters for the final sigma: see [`to_lower`].
#[inline]
pub fn is_case_ignorable(c: u32) -> bool {
    flags(c) & t::CASE_IGNORABLE != 0
}

/// XID_Start. The underscore is not in it: see [`is_identifier`].
#[inline]
pub fn is_xid_start(c: u32) -> bool {
    flags(c) & t::XID_START != 0
}

/// XID_Continue.
#[inline]
pub fn is_xid_continue(c: u32) -> bool {
    flags(c) & t::XID_CONTINUE != 0
}

/// `str.isidentifier`.
pub fn is_identifier(s: &[u32]) -> bool {
    match s {
        [] => false,
        [first, rest @ ..] => {
            (*first == u32::from(b'_') || is_xid_start(*first)) && rest.iter().all(|&c| is_xid_continue(c))
        }
    }
}

/// The one-character lower case that `re.IGNORECASE` uses: the first character of the full mapping.
#[inline]
pub fn to_lower_simple(c: u32) -> u32 {
    if c < 0x80 {
        return c + u32::from(c.wrapping_sub(u32::from(b'A')) < 26) * 32;
    }
    c.wrapping_add_signed(type_record(c).1)
}

/// The one-character upper case: the first character of the full mapping, as CPython's `_PyUnicode_ToUppercase`.
#[inline]
pub fn to_upper_simple(c: u32) -> u32 {
    if c < 0x80 {
        return c - u32::from(c.wrapping_sub(u32::from(b'a')) < 26) * 32;
    }
    c.wrapping_add_signed(type_record(c).2)
}

/// The one-character title case: the first character of the full mapping.
#[inline]
pub fn to_title_simple(c: u32) -> u32 {
    if c < 0x80 {
        return to_upper_simple(c);
    }
    c.wrapping_add_signed(type_record(c).3)
}

/// Writes row `which` of a special mapping, or the simple mapping, and returns how many code points that is.
fn full(c: u32, which: usize, simple: u32, out: &mut [u32; 3]) -> usize {
    let special = type_record(c).4;
    if special == 0 {
        out[0] = simple;
        return 1;
    }
    *out = t::SPECIAL[special as usize][which];
    // Mappings never contain U+0000, so a zero ends them.
    out.iter().position(|&c| c == 0).unwrap_or(3)
}

/// The full lower case of one character; returns how many code points were written.
///
/// The final sigma is the caller's: U+03A3 becomes U+03C2 instead of U+03C3 when, skipping [`is_case_ignorable`]
/// characters, the character before it is [`is_cased`] and the one after it is not (or there is none).
pub fn to_lower(c: u32, out: &mut [u32; 3]) -> usize {
    full(c, 0, to_lower_simple(c), out)
}

/// The full upper case of one character; returns how many code points were written.
pub fn to_upper(c: u32, out: &mut [u32; 3]) -> usize {
    full(c, 1, to_upper_simple(c), out)
}

/// The full title case of one character; returns how many code points were written.
pub fn to_title(c: u32, out: &mut [u32; 3]) -> usize {
    full(c, 2, to_title_simple(c), out)
}

/// The full case folding (`str.casefold`) of one character; returns how many code points were written.
pub fn to_fold(c: u32, out: &mut [u32; 3]) -> usize {
    full(c, 3, to_lower_simple(c), out)
}

/// `unicodedata.decimal`.
#[inline]
pub fn decimal_value(c: u32) -> Option<u8> {
    if c < 0x80 {
        let digit = c.wrapping_sub(u32::from(b'0'));
        return (digit < 10).then_some(digit as u8);
    }
    Some(type_record(c).5).filter(|&v| v != NO_VALUE)
}

/// `unicodedata.digit`.
#[inline]
pub fn digit_value(c: u32) -> Option<u8> {
    if c < 0x80 {
        return decimal_value(c);
    }
    Some(type_record(c).6).filter(|&v| v != NO_VALUE)
}

/// `unicodedata.numeric`.
pub fn numeric_value(c: u32) -> Option<f64> {
    let record = type_record(c);
    (record.0 & t::NUMERIC != 0).then(|| t::NUMERIC_VALUES[record.7 as usize])
}

/// `unicodedata.category`.
pub fn category(c: u32) -> Category {
    db_record(c).0
}

/// `unicodedata.bidirectional`: a class name, empty when there is none.
pub fn bidirectional(c: u32) -> &'static str {
    t::BIDI_NAMES[db_record(c).1 as usize]
}

/// `unicodedata.east_asian_width`.
pub fn east_asian_width(c: u32) -> &'static str {
    t::WIDTH_NAMES[db_record(c).2 as usize]
}

/// `unicodedata.combining`: the canonical combining class.
pub fn combining(c: u32) -> u8 {
    db_record(c).3
}

/// `unicodedata.mirrored`.
pub fn mirrored(c: u32) -> bool {
    db_record(c).4
}

/// `unicodedata.decomposition`: an optional `<tag>` and code points in hexadecimal; empty when there is none.
pub fn decomposition(c: u32) -> String {
    let mut text = String::new();
    let mut push = |c: u32| {
        let gap = if text.is_empty() { "" } else { " " };
        text.push_str(&format!("{gap}{c:04X}"));
    };
    let syllable = c.wrapping_sub(HANGUL_BASE);
    if syllable < HANGUL_COUNT {
        push(0x1100 + syllable / 588);
        push(0x1161 + syllable % 588 / 28);
        if !syllable.is_multiple_of(28) {
            push(0x11A7 + syllable % 28);
        }
        return text;
    }
    let run = t::DECOMPOSITION_RUNS.partition_point(|run| run.0 <= c);
    let Some(&(start, len, first)) = run.checked_sub(1).and_then(|run| t::DECOMPOSITION_RUNS.get(run)) else {
        return text;
    };
    if c - start >= u32::from(len) {
        return text;
    }
    let entry = first as usize + (c - start) as usize;
    let points =
        &t::DECOMPOSITION_DATA[t::DECOMPOSITION_ENDS[entry] as usize..t::DECOMPOSITION_ENDS[entry + 1] as usize];
    // The first code point carries the tag in its top byte.
    points.iter().for_each(|&c| push(c & 0xFF_FFFF));
    match t::DECOMPOSITION_TAGS[(points[0] >> 24) as usize] {
        "" => text,
        tag => format!("{tag} {text}"),
    }
}

/// The first Hangul syllable.
pub(crate) const HANGUL_BASE: u32 = 0xAC00;
/// How many Hangul syllables there are.
pub(crate) const HANGUL_COUNT: u32 = 11172;
