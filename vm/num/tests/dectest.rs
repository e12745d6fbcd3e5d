//! Decimals against the General Decimal Arithmetic test vectors, when they are there.

mod common;

use std::path::Path;
use typhon_num::decimal::{Arith, Context, Decimal, status};
use typhon_num::never;

/// Cases that CPython's own suite skips for its C module: they test decNumber's private limits, or ask for results
/// that are not correctly rounded.
const SKIPPED: &[&str] = &[
    "scbx164", "scbx165", "expx901", "expx902", "expx903", "expx905", "lnx901", "lnx902", "lnx903", "lnx905",
    "logx901", "logx902", "logx903", "logx905", "powx1183", "powx1184", "powx4001", "powx4002", "powx4003", "powx4005",
    "powx4008", "powx4010", "powx4012", "powx4014", "pwsx803", "pwsx805", "powx4302", "powx4303", "powx4342",
    "powx4343", "pwmx325", "pwmx326",
];

#[test]
#[ignore = "needs TYPHON_DECTEST, the folder of the decTest files"]
fn decimal_test_vectors() {
    let dir = std::env::var("TYPHON_DECTEST").unwrap();
    let mut names: Vec<_> = std::fs::read_dir(&dir).unwrap().map(|e| e.unwrap().path()).collect();
    names.sort();
    let (mut right, mut wrong) = (0, Vec::new());
    for path in names {
        run_file(&path, &mut right, &mut wrong);
    }
    println!("{right} right, {} wrong", wrong.len());
    assert!(wrong.is_empty(), "{} wrong, {right} right:\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}

fn run_file(path: &Path, right: &mut usize, wrong: &mut Vec<String>) {
    let stem = path.file_stem().unwrap().to_string_lossy().to_string();
    // testall and the encodings only include the others or test bit patterns.
    if path.extension().is_none_or(|e| e != "decTest") || stem.contains("ncode") || stem == "testall" {
        return;
    }
    let mut context = Context { prec: 9, digits_max: 4_000_000, ..Context::python() };
    for line in String::from_utf8_lossy(&std::fs::read(path).unwrap()).lines() {
        let line = line.split("--").next().unwrap().trim();
        if line.is_empty() || line.contains('#') {
            continue;
        }
        if let Some((key, value)) = line.split_once(':').filter(|_| !line.contains("->")) {
            directive(&mut context, &key.trim().to_lowercase(), value.trim());
            continue;
        }
        match run_line(line, &context) {
            Some(Ok(())) => *right += 1,
            Some(Err(text)) => wrong.push(format!("{stem}: {line}\n    {text}")),
            None => {}
        }
    }
}

fn directive(context: &mut Context, key: &str, value: &str) {
    match key {
        "precision" => context.prec = value.parse().unwrap(),
        "maxexponent" => context.emax = value.parse().unwrap(),
        "minexponent" => context.emin = value.parse().unwrap(),
        "clamp" => context.clamp = value == "1",
        "rounding" => context.rounding = common::rounding(&value.to_lowercase()),
        _ => {}
    }
}

fn unquote(token: &str) -> String {
    let mark = token.chars().next().filter(|c| matches!(c, '\'' | '"'));
    match mark {
        Some(q) => token[1..token.len() - 1].replace(&format!("{q}{q}"), &q.to_string()),
        None => token.to_string(),
    }
}

/// Splits at spaces outside quotes.
fn tokens(line: &str) -> Vec<String> {
    let mut out = vec![String::new()];
    let mut quote = None;
    for c in line.chars() {
        match quote {
            Some(q) if c == q => quote = None,
            None if c == '\'' || c == '"' => quote = Some(c),
            None if c.is_whitespace() => {
                out.push(String::new());
                continue;
            }
            _ => {}
        }
        out.last_mut().unwrap().push(c);
    }
    out.retain(|t| !t.is_empty());
    out
}

fn condition(name: &str) -> u32 {
    match name.to_lowercase().as_str() {
        "clamped" => status::CLAMPED,
        "conversion_syntax"
        | "division_impossible"
        | "division_undefined"
        | "invalid_context"
        | "invalid_operation" => status::INVALID_OPERATION,
        "division_by_zero" => status::DIVISION_BY_ZERO,
        "inexact" => status::INEXACT,
        "overflow" => status::OVERFLOW,
        "rounded" => status::ROUNDED,
        "subnormal" => status::SUBNORMAL,
        "underflow" => status::UNDERFLOW,
        _ => panic!("{name}"),
    }
}

fn run_line(line: &str, context: &Context) -> Option<Result<(), String>> {
    let words = tokens(line);
    let arrow = words.iter().position(|w| w == "->")?;
    let (id, op) = (words[0].as_str(), words[1].to_lowercase());
    if SKIPPED.contains(&id) || op == "rescale" || op == "canonical" {
        return None;
    }
    let args: Vec<String> = words[2..arrow].iter().map(|w| unquote(w)).collect();
    let want = unquote(&words[arrow + 1]);
    let raised: u32 = words[arrow + 2..].iter().map(|w| condition(w)).fold(0, |a, b| a | b);
    let (got, status) = match op.as_str() {
        "tosci" | "toeng" | "apply" => {
            let mut poll = never;
            let mut x = Arith::new(context, &mut poll);
            let d = x.parse(&args[0]).unwrap();
            let status = x.status;
            let text = if op == "toeng" { d.to_eng(true, &mut never) } else { d.to_sci(true, &mut never) };
            (text.unwrap(), status)
        }
        _ => {
            let args: Vec<Decimal> = args.iter().map(|a| common::exact(a)).collect();
            common::operate(&op, context, &args)?
        }
    };
    if got == want && common::signals(status) == raised {
        return Some(Ok(()));
    }
    Some(Err(format!("got {got} {:#x}, want {want} {raised:#x}", common::signals(status))))
}
