//! Every property of every code point, compared by digest with CPython 3.14 (gen/digest.py).

use std::collections::HashMap;
use typhon_unicode as u;

const DIGESTS: &str = include_str!("data/digests.txt");

fn fnv(state: u64, text: &str) -> u64 {
    text.bytes().fold(state, |state, byte| (state ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn digest(end: u32, answer: impl Fn(u32) -> String) -> u64 {
    (0..end).fold(0xcbf2_9ce4_8422_2325, |state, c| fnv(fnv(state, &answer(c)), "\n"))
}

fn points(s: &[u32]) -> String {
    s.iter().map(|c| format!("{c:X}")).collect::<Vec<_>>().join(" ")
}

fn number(value: Option<u8>) -> String {
    value.map_or_else(String::new, |v| v.to_string())
}

/// Compares each answer with the digest of the same name.
fn check(answers: &[(&str, &dyn Fn(u32) -> String)]) {
    let expected: HashMap<&str, &str> = DIGESTS.lines().filter_map(|line| line.split_once(' ')).collect();
    let wrong: Vec<&str> = answers
        .iter()
        .filter(|(name, answer)| {
            // Nothing normalizes beyond plane 2.
            let end = if name.ends_with("_context") { 0x3_0000 } else { 0x11_0000 };
            expected[name] != format!("{:016x}", digest(end, answer))
        })
        .map(|&(name, _)| name)
        .collect();
    assert!(wrong.is_empty(), "these differ from CPython: {wrong:?}");
}

fn flag(property: fn(u32) -> bool) -> impl Fn(u32) -> String {
    move |c| u8::from(property(c)).to_string()
}

fn simple(mapping: fn(u32) -> u32) -> impl Fn(u32) -> String {
    move |c| points(&[mapping(c)])
}

fn full(mapping: fn(u32, &mut [u32; 3]) -> usize) -> impl Fn(u32) -> String {
    move |c| {
        let mut out = [0; 3];
        let len = mapping(c, &mut out);
        points(&out[..len])
    }
}

#[test]
fn predicates_are_cpythons() {
    check(&[
        ("is_alpha", &flag(u::is_alpha)),
        ("is_alnum", &flag(u::is_alnum)),
        ("is_decimal", &flag(u::is_decimal)),
        ("is_digit", &flag(u::is_digit)),
        ("is_numeric", &flag(u::is_numeric)),
        ("is_space", &flag(u::is_space)),
        ("is_line_break", &flag(u::is_line_break)),
        ("is_printable", &flag(u::is_printable)),
        ("is_lower", &flag(u::is_lower)),
        ("is_upper", &flag(u::is_upper)),
        ("is_title", &flag(u::is_title)),
        ("is_cased", &flag(u::is_cased)),
        ("is_case_ignorable", &flag(u::is_case_ignorable)),
        ("is_xid_start", &flag(u::is_xid_start)),
        ("is_xid_continue", &flag(u::is_xid_continue)),
        ("mirrored", &flag(u::mirrored)),
    ]);
}

#[test]
fn case_mappings_are_cpythons() {
    check(&[
        ("to_lower_simple", &simple(u::to_lower_simple)),
        ("to_upper_simple", &simple(u::to_upper_simple)),
        ("to_title_simple", &simple(u::to_title_simple)),
        ("to_lower", &full(u::to_lower)),
        ("to_upper", &full(u::to_upper)),
        ("to_title", &full(u::to_title)),
        ("to_fold", &full(u::to_fold)),
    ]);
}

#[test]
fn database_answers_are_cpythons() {
    check(&[
        ("category", &|c| u::category(c).as_str().to_owned()),
        ("bidirectional", &|c| u::bidirectional(c).to_owned()),
        ("east_asian_width", &|c| u::east_asian_width(c).to_owned()),
        ("combining", &|c| u::combining(c).to_string()),
        ("decimal_value", &|c| number(u::decimal_value(c))),
        ("digit_value", &|c| number(u::digit_value(c))),
        ("decomposition", &u::decomposition),
    ]);
}

#[test]
fn numeric_values_are_cpythons() {
    // The digest prints 17 digits; Rust has no %g, so the values are compared as exact bits instead.
    let mut values: Vec<f64> = Vec::new();
    for c in 0..0x11_0000 {
        if let Some(value) = u::numeric_value(c) {
            assert!(u::is_numeric(c));
            values.push(value);
        }
    }
    let state = values.iter().fold(0xcbf2_9ce4_8422_2325, |state, v| fnv(state, &format!("{:016x}", v.to_bits())));
    let expected = DIGESTS.lines().find_map(|line| line.strip_prefix("numeric_value ")).unwrap();
    assert_eq!(format!("{state:016x}"), expected);
}

#[test]
fn names_are_cpythons() {
    check(&[
        ("name", &|c| u::name(c).unwrap_or_default()),
        ("lookup", &|c| {
            u::name(c).map_or_else(String::new, |name| match u::lookup(&name.to_ascii_lowercase()) {
                Some(u::Named::Character(c)) => points(&[c]),
                Some(u::Named::Sequence(s)) => points(s),
                None => "missing".to_owned(),
            })
        }),
    ]);
}

#[test]
fn normal_forms_are_cpythons() {
    for (name, form) in [("NFC", u::Form::Nfc), ("NFD", u::Form::Nfd), ("NFKC", u::Form::Nfkc), ("NFKD", u::Form::Nfkd)]
    {
        assert_eq!(u::Form::from_name(name), Some(form));
        check(&[
            (&format!("normalize_{name}"), &|c| points(&u::normalize(form, &[c]))),
            (&format!("normalize_{name}_context"), &|c| {
                points(&u::normalize(form, &[0x1100, 0x65, 0x323, c, 0x327, 0x301, 0x345, 0x11A8]))
            }),
            (&format!("is_normalized_{name}"), &|c| u8::from(u::is_normalized(form, &[c])).to_string()),
        ]);
    }
}

#[test]
fn old_database_answers_are_cpythons() {
    use u::ucd_3_2_0 as old;
    check(&[
        ("old_category", &|c| old::category(c).as_str().to_owned()),
        ("old_bidirectional", &|c| old::bidirectional(c).to_owned()),
        ("old_east_asian_width", &|c| old::east_asian_width(c).to_owned()),
        ("old_combining", &|c| old::combining(c).to_string()),
        ("old_mirrored", &flag(old::mirrored)),
        ("old_decomposition", &old::decomposition),
        ("old_decimal", &|c| number(old::decimal_value(c))),
        ("old_numeric", &|c| format!("{:016x}", old::numeric_value(c).unwrap_or(-1.0).to_bits())),
        ("old_name", &|c| old::name(c).unwrap_or_default()),
    ]);
}

#[test]
fn old_normal_forms_are_cpythons() {
    use u::ucd_3_2_0 as old;
    for (name, form) in [("NFC", u::Form::Nfc), ("NFD", u::Form::Nfd), ("NFKC", u::Form::Nfkc), ("NFKD", u::Form::Nfkd)]
    {
        check(&[
            (&format!("old_{name}"), &|c| points(&old::normalize(form, &[c]))),
            (&format!("old_{name}_context"), &|c| {
                points(&old::normalize(form, &[0x1100, 0x65, 0x323, c, 0x327, 0x301, 0x345, 0x11A8]))
            }),
        ]);
        assert!(old::is_normalized(form, &[0x41]));
        assert!(!old::is_normalized(form, &[0x1FEF]));
    }
}

#[test]
fn multibyte_tables_are_cpythons() {
    use u::codec::cjk::{Charset, decode, encode};
    for charset in Charset::ALL {
        let replaced = |c: u32| {
            let (mut out, mut from) = (Vec::new(), 0);
            while let Err(error) = decode(charset, &(c as u16).to_be_bytes(), from, true, &mut out) {
                out.push(0xFFFD);
                from = error.end;
            }
            points(&out)
        };
        let pairs = (0..0x1_0000).fold(0xcbf2_9ce4_8422_2325, |state, c| fnv(fnv(state, &replaced(c)), "\n"));
        assert!(DIGESTS.contains(&format!("\ndecode_{} {pairs:016x}\n", charset.name())), "{charset:?}");
        check(&[(&format!("encode_{}", charset.name()), &|c| {
            let mut out = Vec::new();
            let done = encode(charset, &[c], 0, &mut out);
            assert_eq!(done.is_err(), out.is_empty());
            out.iter().map(|byte| format!("{byte:02x}")).collect()
        })]);
    }
}

/// Names that are not characters' own: aliases and named sequences, as `name<TAB>code points`.
#[test]
fn aliases_and_sequences_are_cpythons() {
    let lines: Vec<&str> = include_str!("data/names.txt").lines().collect();
    assert_eq!(lines.len(), 938);
    for line in lines {
        let (name, expected) = line.split_once('\t').unwrap();
        match u::lookup(name) {
            Some(u::Named::Character(c)) => {
                assert_eq!(points(&[c]), expected, "{name}");
                assert_eq!(u::lookup_character(name), Some(c));
            }
            Some(u::Named::Sequence(s)) => {
                assert_eq!(points(s), expected, "{name}");
                assert_eq!(u::lookup_character(name), None);
            }
            None => panic!("{name} is missing"),
        }
    }
}

#[test]
fn near_names_are_refused() {
    for name in [
        "",
        "LATIN SMALL LETTER",
        "LATIN  SMALL LETTER A",
        "HANGUL SYLLABLE ",
        "HANGUL SYLLABLE XGA",
        "SPACE ",
        "CJK UNIFIED IDEOGRAPH-04E00",
        "CJK UNIFIED IDEOGRAPH-41",
        "CJK UNIFIED IDEOGRAPH-",
        "BLÄCK STAR",
    ] {
        assert_eq!(u::lookup(name), None, "{name}");
    }
    assert_eq!(u::lookup(&"A".repeat(100_000)), None);
    assert_eq!(u::lookup("tangut ideograph-18d08"), Some(u::Named::Character(0x18D08)));
    assert_eq!(u::lookup("TANGUT IDEOGRAPH-187F8"), None);
    assert_eq!(u::lookup("hangul syllable gag"), Some(u::Named::Character(0xAC01)));
    assert_eq!(u::lookup("cjk unified ideograph-4e00"), Some(u::Named::Character(0x4E00)));
}

#[test]
fn numbers_past_unicode_are_unassigned() {
    for c in [0x11_0000, u32::MAX] {
        assert_eq!(u::category(c), u::Category::Cn);
        assert!(!u::is_printable(c));
        assert_eq!(u::to_upper_simple(c), c);
        assert_eq!(u::decomposition(c), "");
        assert_eq!(u::normalize(u::Form::Nfc, &[0x65, 0x301, c, 0x301]), [0xE9, c, 0x301]);
        assert_eq!(u::name(c), None);
    }
}
