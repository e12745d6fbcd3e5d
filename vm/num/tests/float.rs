//! Float and complex text against rows written by CPython 3.14 (`gen/float.py`).

use typhon_num::NumError;
use typhon_num::float_text::{self, ComplexError, Style, Switches};

fn f(s: &str) -> f64 {
    float_text::from_hex(s).unwrap()
}

fn unescape(s: &str) -> String {
    let s = s.replace("\\t", "\t").replace("\\n", "\n");
    let mut parts = s.split("\\x");
    let mut out = parts.next().unwrap().to_string();
    for part in parts {
        out.push(u8::from_str_radix(&part[..2], 16).unwrap() as char);
        out.push_str(&part[2..]);
    }
    out
}

fn shown(r: Result<f64, NumError>) -> String {
    match r {
        Ok(x) => float_text::to_hex(x),
        Err(NumError::Overflow(t)) => format!("!OverflowError: {t}"),
        Err(NumError::Value(t)) => format!("!ValueError: {t}"),
        Err(e) => panic!("{e:?}"),
    }
}

fn percent(spec: &str, x: f64) -> String {
    let (alternate, spec) = match spec.strip_prefix('#') {
        Some(rest) => (true, rest),
        None => (false, spec),
    };
    let code = spec.chars().last().unwrap();
    let precision = spec[1..spec.len() - 1].parse().unwrap();
    let style = match code.to_ascii_lowercase() {
        'e' => Style::Exp(precision),
        'f' => Style::Fixed(precision),
        _ => Style::General(precision),
    };
    float_text::format_with(x, style, Switches { alternate, upper: code.is_ascii_uppercase(), add_dot_0: false })
}

fn run(a: &[&str]) -> String {
    match a[0] {
        "repr" => float_text::repr(f(a[1])),
        "%" => percent(a[1], f(a[2])),
        "round" => shown(float_text::round(f(a[1]), a[2].parse().unwrap())),
        "parse" => {
            let text = unescape(a[1]);
            match float_text::parse(&text) {
                Some(x) => float_text::to_hex(x),
                None => format!("!ValueError: could not convert string to float: '{}'", a[1].replace("\\x20", " ")),
            }
        }
        "fromhex" => shown(float_text::from_hex(&unescape(a[1]))),
        "hex" => float_text::to_hex(float_text::parse(a[1]).unwrap()),
        "crepr" => float_text::complex_repr(f(a[1]), f(a[2])),
        "cparse" => match float_text::complex_parse(&unescape(a[1])) {
            Ok((re, im)) => format!("{} {}", float_text::to_hex(re), float_text::to_hex(im)),
            Err(ComplexError::Malformed) => "!ValueError: complex() arg is a malformed string".into(),
            Err(ComplexError::Underscore) => format!("!ValueError: could not convert string to complex: '{}'", a[1]),
        },
        op => panic!("{op}"),
    }
}

#[test]
fn rows_equal_cpython() {
    let mut wrong = Vec::new();
    for line in include_str!("data/float.txt").lines() {
        let (call, expect) = line.rsplit_once('\t').unwrap();
        let got = run(&call.split('\t').collect::<Vec<_>>());
        if got != expect {
            wrong.push(format!("{call}\n  want {expect}\n  got  {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(15)].join("\n"));
}

#[test]
fn huge_precision_is_zeros() {
    let text = float_text::format_with(0.5, Style::Fixed(100_000), Switches::default());
    assert_eq!(text.len(), 100_002);
    assert!(text.starts_with("0.50") && text.ends_with("00"));
}
