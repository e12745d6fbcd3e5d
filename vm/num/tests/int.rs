//! Integers against rows written by CPython 3.14 (`gen/int.py`), and huge operands against dashu's own kernels.

use dashu_int::ops::{DivRem, Gcd, SquareRootRem};
use dashu_int::{IBig, UBig};
use typhon_num::int::{self, convert::ByteOrder};
use typhon_num::{NumError, Stop, int_text, never};

fn big(s: &str) -> IBig {
    IBig::from_str_radix(s, 16).unwrap()
}

fn small(s: &str) -> u64 {
    u64::from_str_radix(s, 16).unwrap()
}

fn hex(n: &IBig) -> String {
    n.in_radix(16).to_string()
}

fn float(s: &str) -> f64 {
    typhon_num::float_text::from_hex(s).unwrap()
}

fn bytes(s: &str) -> Vec<u8> {
    let s = &s[1..];
    (0..s.len()).step_by(2).map(|i| u8::from_str_radix(&s[i..i + 2], 16).unwrap()).collect()
}

fn shown<T>(r: Result<T, NumError>, f: impl Fn(T) -> String) -> String {
    match r {
        Ok(x) => f(x),
        Err(NumError::ZeroDivision(t)) => format!("!ZeroDivisionError: {t}"),
        Err(NumError::Overflow(t)) => format!("!OverflowError: {t}"),
        Err(NumError::Value(t)) => format!("!ValueError: {t}"),
        Err(e) => panic!("{e:?}"),
    }
}

fn to_hex(x: f64) -> String {
    typhon_num::float_text::to_hex(x)
}

fn run(op: &str, a: &[&str]) -> String {
    let p = &mut never;
    match op {
        "divmod" => shown(int::divmod(&big(a[0]), &big(a[1]), p), |(q, r)| format!("{} {}", hex(&q), hex(&r))),
        "and" => hex(&int::and(&big(a[0]), &big(a[1]))),
        "or" => hex(&int::or(&big(a[0]), &big(a[1]))),
        "xor" => hex(&int::xor(&big(a[0]), &big(a[1]))),
        "shl" => shown(int::shl(&big(a[0]), &big(a[1])), |n| hex(&n)),
        "shr" => shown(int::shr(&big(a[0]), &big(a[1])), |n| hex(&n)),
        "pow" => shown(int::pow(&big(a[0]), &big(a[1]), p), |n| hex(&n)),
        "powmod" => shown(int::pow_mod(&big(a[0]), &big(a[1]), &big(a[2]), p), |n| hex(&n)),
        "gcd" => hex(&int::gcd(&big(a[0]), &big(a[1]), p).unwrap()),
        "lcm" => hex(&int::lcm(&big(a[0]), &big(a[1]), p).unwrap()),
        "isqrt" => shown(int::isqrt(&big(a[0]), p), |n| hex(&n)),
        "comb" => shown(int::comb(&big(a[0]), &big(a[1]), p), |n| hex(&n)),
        "perm" => shown(int::perm(&big(a[0]), &big(a[1]), p), |n| hex(&n)),
        "factorial" => shown(int::factorial(&big(a[0]), p), |n| hex(&n)),
        "bits" => format!("{:x} {:x}", int::bit_length(&big(a[0])), int::bit_count(&big(a[0]))),
        "float" => shown(int::to_f64(&big(a[0])), to_hex),
        "div" => shown(int::true_divide(&big(a[0]), &big(a[1]), p), to_hex),
        "hash" => hex(&IBig::from(int::hash_int(&big(a[0])))),
        "fhash" => hex(&IBig::from(int::hash_f64(float(a[0])).unwrap())),
        "chash" => {
            let h = |s| int::hash_f64(float(s)).unwrap();
            hex(&IBig::from(int::hash_complex(h(a[0]), h(a[1]))))
        }
        "trunc" => shown(int::from_f64(float(a[0])), |n| hex(&n)),
        "ratio" => shown(int::as_integer_ratio(float(a[0])), |(n, d)| format!("{} {}", hex(&n), hex(&d))),
        "bytes_u" | "bytes_s" => {
            let (order, signed) = if op == "bytes_u" { (ByteOrder::Big, false) } else { (ByteOrder::Little, true) };
            let r = int::to_bytes(&big(a[0]), small(a[1]) as usize, order, signed);
            if let Ok(b) = &r {
                assert_eq!(int::from_bytes(b, order, signed), big(a[0]));
            }
            shown(r, |b| "b".to_string() + &b.iter().map(|b| format!("{b:02x}")).collect::<String>())
        }
        "round" => hex(&int::round_to_tens(&big(a[0]), small(a[1]), p).unwrap()),
        "text" => int_text::to_base(&big(a[0]), small(a[1]) as u32, p).unwrap(),
        "parse" => {
            let text = String::from_utf8(bytes(a[0])).unwrap();
            let base = small(a[1]) as u32;
            let repr = format!("'{}'", text.replace('\t', "\\t").replace('\n', "\\n").replace('\0', "\\x00"));
            let repr = repr.replace('\x1f', "\\x1f").replace('\x1c', "\\x1c");
            shown(int_text::parse(&text, base, 4300, p).map_err(|e| e.into_error(base, &repr, 4300)), |n| hex(&n))
        }
        _ => panic!("{op}"),
    }
}

#[test]
fn rows_equal_cpython() {
    let mut wrong = Vec::new();
    for line in include_str!("data/int.txt").lines() {
        let (call, expect) = line.split_once(" = ").unwrap_or((line.trim_end_matches(" ="), ""));
        let words: Vec<&str> = call.split(' ').collect();
        let got = run(words[0], &words[1..]);
        if got != expect {
            wrong.push(format!("{call}\n  want {expect}\n  got  {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(12)].join("\n"));
}

/// Deterministic noise with runs of ones and zeros, which make carries travel.
fn noise(words: usize, seed: u64) -> UBig {
    let mut x = seed | 1;
    let w: Vec<u64> = (0..words)
        .map(|i| {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            match x % 5 {
                0 if i + 1 < words => 0,
                1 => u64::MAX,
                _ => x,
            }
        })
        .collect();
    UBig::from_words(&w)
}

const SIZES: [(usize, usize); 14] = [
    (1, 1),
    (401, 400),
    (500, 499),
    (900, 30),
    (3000, 401),
    (1500, 1499),
    (1500, 1000),
    (4000, 1300),
    (2000, 1999),
    (5000, 3400),
    (12_000, 2),
    (2500, 5),
    (801, 400),
    (1200, 601),
];

#[test]
fn huge_products_quotients_and_roots() {
    for (i, (n, m)) in SIZES.into_iter().enumerate() {
        let (a, b) = (noise(n, 77 + i as u64), noise(m, 1234 + i as u64));
        let product = int::kernel::mul(&a, &b, &mut never).unwrap();
        assert_eq!(product, &a * &b, "{n} {m}");
        assert_eq!(int::kernel::sqr(&a, &mut never).unwrap(), &a * &a, "{n}");
        assert_eq!(int::kernel::div_rem(&a, &b, &mut never).unwrap(), (&a).div_rem(&b), "{n} {m}");
        assert_eq!(int::kernel::div_rem(&product, &a, &mut never).unwrap(), (b.clone(), UBig::ZERO));
        assert_eq!(int::kernel::sqrt_rem(&a, &mut never).unwrap(), a.sqrt_rem(), "{n}");
        let g = int::gcd(&IBig::from(&a * 12u8), &IBig::from(&product - &a), &mut never).unwrap();
        assert_eq!(g, IBig::from((&a * 12u8).gcd(&(&product - &a))), "{n} {m}");
    }
}

#[test]
fn huge_texts() {
    for words in [63, 65, 130, 900, 2600] {
        let n = noise(words, words as u64);
        let signed = -IBig::from(n.clone());
        for base in [2, 3, 8, 10, 16, 32, 36] {
            let text = int_text::to_base(&signed, base, &mut never).unwrap();
            assert_eq!(text, signed.in_radix(base as u8).to_string(), "{words} {base}");
            assert_eq!(int_text::parse(&text, base, 0, &mut never).unwrap(), signed);
        }
    }
    let round = IBig::from(10).pow(20_000);
    assert_eq!(int_text::to_decimal(&round, &mut never).unwrap(), format!("1{}", "0".repeat(20_000)));
}

#[test]
fn huge_modular_powers_and_inverses() {
    let m = IBig::from(noise(400, 5) | UBig::ONE);
    let b = IBig::from(noise(390, 6));
    let e = IBig::from(1_000_003u32);
    let big = int::pow_mod(&b, &e, &m, &mut never).unwrap();
    let ring = dashu_int::fast_div::ConstDivisor::new(m.clone().into_parts().1);
    let plain = ring.reduce(b.clone()).pow(&UBig::from(1_000_003u32)).residue();
    assert_eq!(big, IBig::from(plain));
    let prime = (IBig::ONE << 21_701) - 1u8;
    let inverse = int::pow_mod(&b, &IBig::NEG_ONE, &prime, &mut never).unwrap();
    assert_eq!((b * inverse) % prime, IBig::ONE);
}

#[test]
fn long_work_stops() {
    let a = IBig::from(noise(40_000, 9));
    let mut left = 50;
    let mut poll = || {
        left -= 1;
        if left == 0 { Err(Stop) } else { Ok(()) }
    };
    assert_eq!(int::mul(&a, &a, &mut poll), Err(Stop));
    assert_eq!(left, 0);
    let mut left = 50;
    let mut poll = || {
        left -= 1;
        if left == 0 { Err(Stop) } else { Ok(()) }
    };
    assert_eq!(int_text::to_decimal(&a, &mut poll), Err(Stop));
    assert_eq!(left, 0);
}

#[test]
fn digit_limits() {
    let edge = IBig::from(10).pow(4300);
    assert!(int_text::check_digits(&(&edge - 1u8), 4300).is_ok());
    assert!(int_text::check_digits(&edge, 4300).is_err());
    assert!(int_text::check_digits(&-edge, 0).is_ok());
    assert!(int_text::check_digits(&IBig::from(10).pow(638), 640).is_ok());
    assert!(int_text::check_digits(&IBig::from(10).pow(640), 640).is_err());
}

#[test]
fn estimates_hold() {
    let e = |a: i64, b: u64| int::cost::pow_bits(&IBig::from(a), &IBig::from(b));
    assert_eq!(e(2, 100), Some(101));
    assert_eq!(e(-1, 1 << 40), Some(1));
    assert!(e(3, 1000).unwrap() >= int::bit_length(&IBig::from(3).pow(1000)));
    assert_eq!(int::cost::pow_bits(&IBig::from(3), &(IBig::ONE << 70)), None);
    assert_eq!(int::pow(&IBig::from(3), &(IBig::ONE << 70), &mut never), Err(NumError::Memory));
    assert_eq!(int::shl(&IBig::ONE, &(IBig::ONE << 50)), Err(NumError::Memory));
}
