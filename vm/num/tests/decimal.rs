//! Decimals against rows written by CPython 3.14's C module (`gen/decimals.py`).

mod common;

use typhon_num::decimal::{Arith, Context, Decimal, FormatError};
use typhon_num::format_spec::Locale;
use typhon_num::{NumError, Stop, float_text, never};

fn unescape(s: &str) -> String {
    let mut parts = s.split("\\x");
    let mut out = parts.next().unwrap().to_string();
    for part in parts {
        out.push(u8::from_str_radix(&part[..2], 16).unwrap() as char);
        out.push_str(&part[2..]);
    }
    out
}

/// `op prec emax emin rounding clamp status result operands...`
fn arithmetic(line: &str) -> Result<(), String> {
    let w: Vec<&str> = line.split(' ').collect();
    let context = Context {
        prec: w[1].parse().unwrap(),
        emax: w[2].parse().unwrap(),
        emin: w[3].parse().unwrap(),
        rounding: common::rounding(w[4]),
        clamp: w[5] == "1",
        ..Context::python()
    };
    let status = u32::from_str_radix(w[6], 16).unwrap();
    let args: Vec<Decimal> = w[8..].iter().map(|a| common::exact(a)).collect();
    let (got, raised) = common::operate(w[0], &context, &args).unwrap();
    let raised = common::signals(raised);
    if got == w[7] && raised == status { Ok(()) } else { Err(format!("{got} {raised:x}")) }
}

fn shown<T: ToString>(r: Result<T, NumError>) -> String {
    match r {
        Ok(x) => x.to_string(),
        Err(NumError::Overflow(t)) => format!("!OverflowError: {t}"),
        Err(NumError::Value(t)) => format!("!ValueError: {t}"),
        Err(e) => panic!("{e:?}"),
    }
}

fn other(a: &[&str]) -> String {
    let p = &mut never;
    match a[0] {
        "hash" => common::exact(a[1]).hash().unwrap().to_string(),
        "int" => shown(common::exact(a[1]).to_int(10_000, p)),
        "ratio" => shown(common::exact(a[1]).as_integer_ratio(10_000, p).map(|(n, d)| format!("{n}/{d}"))),
        "eng" => common::exact(a[1]).to_eng(true, p).unwrap(),
        "float" => {
            let d = Decimal::from_f64(float_text::from_hex(a[1]).unwrap(), p).unwrap();
            d.to_sci(true, p).unwrap()
        }
        "format" => {
            let context = Context { rounding: common::rounding(a[1]), ..Context::python() };
            let spec: Vec<u32> = unescape(a[3]).chars().map(u32::from).collect();
            match common::exact(a[2]).format(&spec, &context, &Locale::default(), p) {
                Ok(r) => r.into_string().unwrap(),
                Err(FormatError::Invalid) => "!ValueError: invalid format string".into(),
                Err(e) => panic!("{e:?}"),
            }
        }
        "parse" => {
            let context = Context { prec: 9, emax: 999, emin: -999, ..Context::python() };
            let mut x = Arith::new(&context, p);
            let d = x.parse(a[1].trim()).unwrap();
            let status = common::signals(x.status);
            format!("{} {status:x}", d.to_sci(true, &mut never).unwrap())
        }
        op => panic!("{op}"),
    }
}

#[test]
fn rows_equal_cpython() {
    let mut wrong = Vec::new();
    for line in include_str!("data/decimal.txt").lines().chain(include_str!("data/decimal_text.txt").lines()) {
        if let Some((call, want)) = line.rsplit_once('\t') {
            let got = other(&call.split('\t').collect::<Vec<_>>());
            if got != want {
                wrong.push(format!("{line}\n    got {got}"));
            }
        } else if let Err(got) = arithmetic(line) {
            wrong.push(format!("{line}\n    got {got}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

#[test]
fn huge_precision_is_refused_not_attempted() {
    let context = Context::max(1_000_000);
    let mut poll = never;
    let mut x = Arith::new(&context, &mut poll);
    let three = common::exact("3");
    assert!(x.divide(&Decimal::one(), &three).unwrap().is_nan());
    assert_eq!(x.status, typhon_num::decimal::status::MALLOC_ERROR);
    assert!(x.exp(&three).unwrap().is_nan() && x.sqrt(&three).unwrap().is_nan());
    assert_eq!(common::exact("1E+999999999").to_int(1_000_000, &mut never), Err(NumError::Memory));
}

#[test]
fn long_work_stops() {
    let context = Context { prec: 20_000, ..Context::python() };
    let mut left = 300;
    let mut poll = || {
        left -= 1;
        if left == 0 { Err(Stop) } else { Ok(()) }
    };
    let mut x = Arith::new(&context, &mut poll);
    assert_eq!(x.exp(&common::exact("1.7")), Err(Stop));
}

#[test]
fn long_results_agree_with_each_other() {
    let context = Context { prec: 1_500, ..Context::python() };
    let mut poll = never;
    let mut x = Arith::new(&context, &mut poll);
    let seven = common::exact("7");
    let log = x.ln(&seven).unwrap();
    let back = x.exp(&log).unwrap();
    let gap = x.subtract(&back, &seven).unwrap();
    assert!(gap.is_zero() || gap.adjusted() < -1_490);
    let root = x.sqrt(&seven).unwrap();
    let square = x.multiply(&root, &root).unwrap();
    let gap = x.subtract(&square, &seven).unwrap();
    assert!(gap.is_zero() || gap.adjusted() < -1_490);
}
