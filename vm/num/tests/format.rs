//! `format()` and `%` against rows written by CPython 3.14 (`gen/format.py`).

use typhon_num::format_spec::{self, Locale, Rendered, Spec, Target, TextLayout};
use typhon_num::percent::{self, Count, Layout, Piece, Pieces};
use typhon_num::{IBig, NumError, float_text, int, never};

fn unescape(s: &str) -> String {
    let mut out = String::new();
    let mut rest = s;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let len = match rest.as_bytes()[at + 1] {
            b'x' => 2,
            b'u' => 4,
            b'U' => 8,
            b'\\' => {
                out.push('\\');
                rest = &rest[at + 2..];
                continue;
            }
            c => panic!("{c}"),
        };
        out.push(char::from_u32(u32::from_str_radix(&rest[at + 2..at + 2 + len], 16).unwrap()).unwrap());
        rest = &rest[at + 2 + len..];
    }
    out + rest
}

fn points(s: &str) -> Vec<u32> {
    s.chars().map(u32::from).collect()
}

fn lay(text: &str, l: TextLayout) -> String {
    let pad = |n| std::iter::repeat_n(char::from_u32(l.fill).unwrap(), n);
    pad(l.left).chain(text.chars().take(l.keep)).chain(pad(l.right)).collect()
}

fn whole(r: Rendered) -> String {
    r.into_string().unwrap()
}

fn format(kind: &str, value: &str, spec: &str) -> Result<String, NumError> {
    let target = match kind {
        "float" => Target::Float,
        "complex" => Target::Complex,
        "str" => Target::Str,
        _ => Target::Int,
    };
    let f = |s| float_text::from_hex(s).unwrap();
    let locale = Locale::default();
    let (text, value) = (unescape(spec), unescape(value));
    let spec: Spec = format_spec::parse(&points(&text), target, kind)?;
    match target {
        Target::Decimal => panic!("{kind}"),
        Target::Float => format_spec::format_float(f(&value), &spec, kind, &locale).map(whole),
        Target::Complex => {
            let (re, im) = value.split_once(' ').unwrap();
            format_spec::format_complex(f(re), f(im), &spec, kind, &locale).map(whole)
        }
        Target::Str => format_spec::format_text(value.chars().count(), &spec, kind).map(|l| lay(&value, l)),
        Target::Int => {
            let n = if value == "True" { IBig::ONE } else { value.parse().unwrap() };
            if kind == "bool" && text.is_empty() {
                return Ok("True".into());
            }
            if spec.kind == Some('c' as u32) {
                let (code, l) = format_spec::format_int_char(&n, &spec)?;
                return Ok(lay(&char::from_u32(code).unwrap().to_string(), l));
            }
            format_spec::format_int(&n, &spec, kind, &locale, 4300, &mut never).map(whole)
        }
    }
}

fn percent(kind: &str, value: &str, text: &str) -> Result<String, NumError> {
    let (text, value) = (unescape(text), unescape(value));
    let text = points(&text);
    let mut out = String::new();
    for piece in Pieces::new(&text) {
        let c = match piece? {
            Piece::Literal(range) => {
                out.extend(text[range].iter().map(|&c| char::from_u32(c).unwrap()));
                continue;
            }
            Piece::Convert(c) => c,
        };
        let given = |count| match count {
            Count::Given(n) => Some(n),
            _ => None,
        };
        let layout = Layout { flags: c.flags, width: given(c.width).unwrap_or(0), precision: given(c.precision) };
        let code = u8::try_from(c.code).unwrap_or(0);
        out += &match code {
            b's' => lay(&value, layout.text(value.chars().count())),
            b'd' | b'i' | b'u' | b'o' | b'x' | b'X' if kind == "int" => {
                layout.int(&value.parse().unwrap(), code, 4300, &mut never)?
            }
            b'e' | b'f' | b'g' | b'E' | b'F' | b'G' => layout.float(float_text::from_hex(&value).unwrap(), code),
            _ => return Err(percent::unsupported(c.code, c.at)),
        };
    }
    Ok(out)
}

#[test]
fn rows_equal_cpython() {
    let mut wrong = Vec::new();
    for line in include_str!("data/format.txt").lines() {
        let a: Vec<&str> = line.split('\t').collect();
        let got = match a[0] {
            "format" => format(a[1], a[2], a[3]),
            _ => percent(a[1], a[2], a[3]),
        };
        let got = match got {
            Ok(s) => s,
            Err(NumError::Overflow(t)) => format!("!OverflowError: {t}"),
            Err(NumError::Value(t)) => format!("!ValueError: {t}"),
            Err(e) => panic!("{e:?}"),
        };
        let want = unescape(a[4]);
        if got != want {
            wrong.push(format!("{line}\n  want {want}\n  got  {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(25)].join("\n"));
}

#[test]
fn locale_groups() {
    let locale = Locale { decimal_point: ",", thousands_sep: ".", grouping: &[3, 2, 127] };
    let spec = format_spec::parse(&points("n"), Target::Int, "int").unwrap();
    let n = int::from_bytes(&[0xff; 6], int::convert::ByteOrder::Big, false);
    let text = format_spec::format_int(&n, &spec, "int", &locale, 0, &mut never).unwrap();
    assert_eq!(whole(text), "2814749767.10.655");
    let spec = format_spec::parse(&points(".10n"), Target::Float, "float").unwrap();
    assert_eq!(whole(format_spec::format_float(-1234567.25, &spec, "float", &locale).unwrap()), "-12.34.567,25");
}
