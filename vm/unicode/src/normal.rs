//! Normalization forms over code points, lone surrogates included.

use crate::codec::Sink;
use unicode_normalization::{
    IsNormalized, UnicodeNormalization, is_nfc_quick, is_nfd_quick, is_nfkc_quick, is_nfkd_quick,
};

/// A normalization form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Nfc,
    Nfd,
    Nfkc,
    Nfkd,
}

impl Form {
    /// The form that `unicodedata.normalize` calls by this name.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "NFC" => Some(Self::Nfc),
            "NFD" => Some(Self::Nfd),
            "NFKC" => Some(Self::Nfkc),
            "NFKD" => Some(Self::Nfkd),
            _ => None,
        }
    }

    /// How many code points one code point becomes at most, for a caller that charges memory beforehand.
    pub const fn expansion(self) -> usize {
        match self {
            Self::Nfc => 3,
            Self::Nfd => 4,
            Self::Nfkc | Self::Nfkd => 18,
        }
    }
}

/// Splits at what Rust has no `char` for. Surrogates are starters that never decompose or compose, so nothing
/// crosses them.
fn segments(s: &[u32]) -> impl Iterator<Item = &[u32]> {
    s.split_inclusive(|&c| char::from_u32(c).is_none())
}

fn chars(s: &[u32]) -> impl Iterator<Item = char> + Clone + '_ {
    s.iter().map_while(|&c| char::from_u32(c))
}

/// So many code points come between two questions whether anybody still wants them.
const STRIDE: usize = 1 << 15;

fn put(points: impl Iterator<Item = char>, out: &mut impl Sink) {
    for (i, c) in points.enumerate() {
        if i % STRIDE == STRIDE - 1 && out.is_forgotten() {
            return;
        }
        out.push(u32::from(c));
    }
}

/// `unicodedata.normalize`.
pub fn normalize(form: Form, s: &[u32]) -> Vec<u32> {
    let mut out = Vec::with_capacity(s.len());
    normalize_to(form, s, &mut out);
    out
}

/// As [`normalize`], into any sink.
pub fn normalize_to(form: Form, s: &[u32], out: &mut impl Sink) {
    for segment in segments(s) {
        match form {
            Form::Nfc => put(chars(segment).nfc(), out),
            Form::Nfd => put(chars(segment).nfd(), out),
            Form::Nfkc => put(chars(segment).nfkc(), out),
            Form::Nfkd => put(chars(segment).nfkd(), out),
        }
        if let Some(&surrogate) = segment.last().filter(|&&c| char::from_u32(c).is_none()) {
            out.push(surrogate);
        }
        if out.is_forgotten() {
            return;
        }
    }
}

/// `unicodedata.is_normalized`.
pub fn is_normalized(form: Form, s: &[u32]) -> bool {
    match quick_check(form, s) {
        Some(answer) => answer,
        None => normalize(form, s) == s,
    }
}

/// Whether `s` is normalized, or `None` when only normalizing it can tell.
pub fn quick_check(form: Form, s: &[u32]) -> Option<bool> {
    let mut sure = true;
    for segment in segments(s) {
        let answer = match form {
            Form::Nfc => is_nfc_quick(chars(segment)),
            Form::Nfd => is_nfd_quick(chars(segment)),
            Form::Nfkc => is_nfkc_quick(chars(segment)),
            Form::Nfkd => is_nfkd_quick(chars(segment)),
        };
        match answer {
            IsNormalized::Yes => {}
            IsNormalized::No => return Some(false),
            IsNormalized::Maybe => sure = false,
        }
    }
    sure.then_some(true)
}
